//! A living SageMaker account on the wire.
//!
//! [`World`] is a deterministic engine: seed + scenario + virtual clock = the same bytes. It has no thread, no timer and
//! no clock of its own; its caller advances it. [`World::handle`] takes and gives plain `http` types and speaks the AWS
//! protocols, so the real SDK, boto3 and the AWS CLI talk to it as they talk to AWS.
//!
//! | module | subject |
//! |---|---|
//! | [`world`] | the account: one file per area, state machines over virtual time |
//! | [`accounts`] | a second account behind the same address |
//! | `shape` | what requests and answers look like, by the service's own model |
//! | `wire` | one file per protocol; knows nothing about areas |
//! | [`faults`] | what goes wrong between the account and its caller |
//! | [`scenario`] | timed actions and hidden truths as data |
//! | [`drill`] | an on-call drill: what there is to find, and the grade |
//! | [`serve`], [`clock`], [`control`] | the account as an HTTP server, on a clock of any speed that can be told |

pub mod accounts;
pub mod clock;
pub mod control;
pub mod drill;
pub mod faults;
pub mod scenario;
pub mod serve;
mod shape;
#[cfg(test)]
mod testkit;
mod wire;
pub mod world;

pub use scenario::Scenario;
pub use world::{Options, World};
