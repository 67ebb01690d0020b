//! Credentials that the SDK cannot get by itself, or not without our terminal: roles behind an MFA device, SSO sign-ins
//! that have ended, and helpers that ask.
//!
//! A request for credentials never waits for a person: it fails with what is wanted, and [`crate::Gateway::sign_in`] does
//! it when somebody is there. What a person gave is kept in memory only.

mod device;
mod helper;
mod profile;
mod source;
mod token;

use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    login::{Code, Step},
};

pub use helper::end_helpers;
pub(crate) use profile::{Chain, resolve};
pub(crate) use source::{Source, Vault};

use crate::{Gateway, Pending, session::Clients};

impl Gateway {
    /// Signs in as far as it goes without a person, `told` on the way what one has to do in a browser; there it waits for
    /// them. `anew` replaces credentials that are still good.
    ///
    /// # Errors
    /// What AWS says of the code or the sign-in, and [`FaultKind::Setup`] where there is nothing to sign in to. Nothing is
    /// tried again by itself: a code is good once.
    pub fn sign_in<'a>(
        &'a self,
        code: Option<&'a Code>,
        anew: bool,
        told: &'a (dyn Fn(Step) + Send + Sync),
    ) -> Pending<'a, Result<Step, Fault>> {
        Box::pin(self.step_in(code, anew, told))
    }

    /// Waits until there are credentials, however long their source may take, and says what is wanted where there are none.
    ///
    /// # Errors
    /// The fault of the source.
    pub fn ready(&self) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            match &self.clients().source {
                Some(source) => source.credentials(None).await.map(drop),
                None => Ok(()),
            }
        })
    }

    async fn step_in(
        &self,
        code: Option<&Code>,
        anew: bool,
        told: &(dyn Fn(Step) + Send + Sync),
    ) -> Result<Step, Fault> {
        // The files may be others by now.
        let clients = Clients::connect(&self.connect, self.wire.clone(), &self.vault).await?;
        let Some(source) = clients.source else {
            let message = "these credentials ask for no code and no browser; renew them where they come from";
            return Err(Fault::new(FaultKind::Setup, "signing in", message));
        };
        if source.chain().is_unattended() {
            // Once: a helper may ask in a window of its own.
            self.reconnect().await?;
            return self.ready().await.map(|()| Step::Done);
        }
        let mut approved = false;
        if let Some(code) = code {
            source.assume_with(code).await?;
        } else if anew {
            if source.chain().session().is_some() {
                source.approve(told).await?;
                approved = true;
            }
            if let Some(step) = source.chain().code_wanted() {
                return Ok(step);
            }
        }
        loop {
            let Err(fault) = source.find().await else {
                // Whoever was refused before asks again with these.
                self.reconnect().await?;
                return Ok(Step::Done);
            };
            match fault.kind {
                FaultKind::Login(Login::Browser) if !approved => {
                    source.approve(told).await?;
                    approved = true;
                }
                FaultKind::Login(Login::Code) => return source.chain().code_wanted().ok_or(fault),
                _ => return Err(fault),
            }
        }
    }
}
