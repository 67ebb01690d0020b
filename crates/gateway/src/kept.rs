//! Credentials for what the SDK signs and for what we sign: one set, and the same for both.
//!
//! A chain that assumes a role begins another session each time it is asked. With two of them in use, the key whose identity was
//! verified would never be the key that signs a write, and the gate would let none pass.

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result, SharedCredentialsProvider, future::ProvideCredentials as Provides},
};
use mldeck_core::time::{MINUTE, Timestamp};

use crate::wire::Wire;

/// What a chain gave last, until shortly before it expires.
#[derive(Debug)]
pub(crate) struct Kept {
    chain: SharedCredentialsProvider,
    /// Tells the account's time, by which sessions end.
    wire: Wire,
    last: tokio::sync::Mutex<Option<Credentials>>,
}

impl Kept {
    pub(crate) fn new(chain: SharedCredentialsProvider, wire: Wire) -> Self {
        Self { chain, wire, last: tokio::sync::Mutex::default() }
    }

    async fn credentials(&self) -> Result {
        let mut last = self.last.lock().await;
        if let Some(kept) = last.as_ref().filter(|kept| is_good(kept, self.wire.now())) {
            return Ok(kept.clone());
        }
        let found = self.chain.provide_credentials().await?;
        *last = Some(found.clone());
        Ok(found)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> Provides<'a>
    where
        Self: 'a,
    {
        Provides::new(self.credentials())
    }
}

fn is_good(kept: &Credentials, now: Timestamp) -> bool {
    kept.expiry().is_none_or(|at| {
        let at = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
        i64::try_from(at).unwrap_or(i64::MAX) - MINUTE > now.millis()
    })
}
