//! The other account of a promotion across accounts: a session of its own, by a profile of its own, with leave of its own.

use std::sync::Arc;

use mldeck_core::{
    ask::{Answer, Ask},
    fault::{Fault, FaultKind},
    ops::{
        intent::{Change, Intent},
        origin::{Origin, Way},
        plan::Plan,
        run,
    },
    scope::{Identity, Scope},
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::{Gateway, Grant};

use super::{Global, HEADLESS_PACE, login};
use crate::backends;

/// Which profile leads to the other account, and how its version is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub profile: String,
    pub way: Option<Way>,
}

/// The other account, reached, and who AWS says we are there.
pub struct Abroad {
    pub gateway: Arc<Gateway>,
    identity: Identity,
    origin: Origin,
}

impl Abroad {
    /// Reaches it by the profile that was named, in the region of the first session: no model is made across regions.
    ///
    /// # Errors
    /// As for any session.
    pub async fn reach(global: &Global, region: String, wanted: &Wanted) -> Result<Self, Fault> {
        let profile = Some(wanted.profile.clone());
        let global = Global { profile, region: Some(region), team: None, ..global.clone() };
        let connected = backends::live(&global, HEADLESS_PACE).await?;
        login::ready(&connected).await?;
        let gateway = connected.gateway;
        let Answer::Identity(identity) = gateway.ask(&Ask::Identity).await? else {
            return Err(Fault::new(FaultKind::Bug, "asking who we are", "it answers another question"));
        };
        let origin = Origin {
            scope: identity.scope.clone(),
            by: Text::new(identity.who()),
            profile: Text::new(&wanted.profile),
            way: wanted.way,
        };
        Ok(Self { gateway, identity, origin })
    }

    pub const fn scope(&self) -> &Scope {
        &self.origin.scope
    }

    /// The same intent, with a version of this account.
    pub fn origin_of(&self, intent: &Intent) -> Intent {
        let mut out = intent.clone();
        if let Change::Promote { origin, .. } = &mut out.change {
            *origin = Some(self.origin.clone());
        }
        out
    }

    /// Why this is not the other identity of that plan; `None` when it is.
    pub fn objection(&self, plan: &Plan) -> Option<String> {
        let planned = plan.origin().filter(|planned| !planned.is_same_as(&self.origin))?;
        Some(format!(
            "this plan takes its version from {} as {}; profile {} leads to {} as {}",
            planned.scope, planned.by, self.origin.profile, self.origin.scope, self.origin.by
        ))
    }

    /// Leave for what a confirmed plan sends here, and for nothing else; for whoever was verified here.
    pub fn grant(&self, plan: &Plan, expires: Timestamp) -> Grant {
        let calls = run::allowed_elsewhere(plan, self.scope());
        Grant::for_plan(self.scope().clone(), plan.id(), &calls, expires).held_by(self.identity.clone())
    }
}
