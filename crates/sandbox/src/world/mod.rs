//! The account: state of every area, moved by one virtual clock.
//!
//! Each area is one file: its state, how it behaves as time passes (`advance`), and the operations it answers
//! (`OPERATIONS`). Protocols are none of its business: an operation gets decoded input and gives output or an error.

use mldeck_core::time::Timestamp;
use serde_json::Value;

pub struct World {
    now: Timestamp,
}

/// One decoded request.
pub(crate) struct Request<'a> {
    pub(crate) input: &'a Value,
    /// Session name of the caller, for CloudTrail and `CreatedBy`.
    pub(crate) caller: &'a str,
}

/// An AWS error as the wire will carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// `ValidationException`, `ResourceNotFound`, …
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

pub(crate) type Reply = Result<Value, ApiError>;

/// `("UpdateEndpoint", update_endpoint)`: an area's table of operations, by SageMaker name.
pub(crate) type Handler = fn(&mut World, &Request<'_>) -> Reply;
