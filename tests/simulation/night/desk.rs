//! One operator's process: a session of its own, a run, and the leave that the operator gave.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_credential_types::Credentials;
use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        candidate::History,
        intent::{Class, Context},
        plan::{Plan, Refusal},
        run::{LEAVE, Run, allowed},
        verb,
    },
    resource::operation::OperationState,
    scope::Identity,
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::{Connect, Gateway, Grant, time_source};
use tokio::task::AbortHandle;

use super::{
    account::Key,
    line::{Line, Shared, lock},
    wish::Wish,
};

/// How a night ended for one desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Run(OperationState),
    /// No plan could be made, or the process died before anything was on disk.
    NoPlan,
}

impl End {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run(state) => state.word(),
            Self::NoPlan => "no plan",
        }
    }
}

pub struct Desk {
    pub index: usize,
    pub endpoint: String,
    /// ARN of the pipeline execution that it may be about.
    pub run_arn: String,
    pub wish: Wish,
    pub key: Key,
    /// Milliseconds that this host's clock is off.
    pub off: Arc<AtomicI64>,
    pub gateway: Option<Arc<Gateway>>,
    pub life: u32,
    pub timer: u32,
    /// Shown, not confirmed yet.
    pub shown: Option<Plan>,
    /// What became of it in a file meanwhile.
    pub filed: Option<Plan>,
    pub run: Option<Run>,
    pub grant: Option<Grant>,
    pub identity: Option<Identity>,
    pub ended: Option<End>,
    /// Plans that did not come about.
    pub tries: u32,
    /// When its disk has written what it was given.
    pub disk_free: i64,
    pub under_way: Vec<AbortHandle>,
}

impl Desk {
    /// A new process on this host.
    pub async fn boot(&mut self, scene: &Shared) {
        let (clock, off) = (lock(scene).clock, Arc::clone(&self.off));
        let line = Line { scene: Arc::clone(scene), desk: self.index };
        let key = &self.key;
        let connect = Connect {
            now: Some(time_source(move || clock.now().plus(off.load(Ordering::Relaxed)))),
            credentials: Some(Credentials::new(
                key.id.as_str(),
                key.secret.as_str(),
                Some(key.token.clone()),
                None,
                "sandbox",
            )),
            ..mldeck_loopback::connect(line)
        };
        let gateway = Gateway::connect(connect).await.expect("a session with a region");
        self.gateway = Some(Arc::new(gateway));
    }

    /// Account time, as this process knows it.
    pub fn now(&self) -> Timestamp {
        self.gateway.as_ref().map_or_else(Timestamp::default, |gateway| gateway.now())
    }

    /// What is read for a plan.
    pub fn ask(&self) -> Ask {
        let intent = Box::new(self.wish.intent(&self.endpoint, &self.run_arn, None));
        Ask::Facts { intent, deep: self.wish.is_deep() }
    }

    /// Plans what the operator wants.
    ///
    /// # Errors
    /// Why there is no plan.
    pub fn plan(&self, identity: &Identity, facts: &Facts) -> Result<Plan, Vec<Refusal>> {
        let context = Context {
            at: self.now(),
            by: Text::new(identity.who()),
            scope: identity.scope.clone(),
            class: Class::Prod,
        };
        verb::plan(&self.wish.intent(&self.endpoint, &self.run_arn, Some(facts)), facts, &History::default(), &context)
    }

    /// What confirming this plan allows.
    pub fn allow(&mut self, plan: &Plan) {
        let expires = self.now().plus(LEAVE);
        self.grant = Some(Grant::for_plan(plan.scope.clone(), plan.id(), &allowed(plan, &plan.by), expires));
    }
}

/// Who we are, and everything the planner judges.
pub async fn look(gateway: &Gateway, ask: &Ask) -> Result<(Identity, Facts), Fault> {
    let odd = || Fault::new(FaultKind::Bug, "planning", "another answer than was asked for");
    let Answer::Identity(identity) = gateway.ask(&Ask::Identity).await? else { return Err(odd()) };
    let Answer::Facts(facts) = gateway.ask(ask).await? else { return Err(odd()) };
    Ok((identity, *facts))
}

/// As the deck sends: without leave nothing leaves.
pub async fn send(gateway: &Gateway, write: &Write, grant: Option<&Grant>) -> Sent {
    match grant {
        Some(grant) => gateway.send(write, grant).await,
        None => {
            Sent::Refused(Fault::new(FaultKind::Refused, write.call.operation(), "no confirmation in this session"))
        }
    }
}
