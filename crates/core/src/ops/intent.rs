//! What the operator wants, before anything is judged.

use serde::{Deserialize, Serialize};

use super::{
    Snapshot,
    call::{Approval, Edits, Ending, ShadowTest, VariantChange},
    origin::Origin,
    target::{Kind, Target},
    verb::promote::promoted,
};
use crate::{mask, scope::Scope, text::Text, time::Timestamp};

/// One change, as it is asked for by a key, a typed command or a saved plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    #[serde(flatten)]
    pub change: Change,
    /// Why, in the operator's words: a ticket, an incident.
    #[serde(default)]
    pub reason: Option<Text>,
}

impl From<Change> for Intent {
    fn from(change: Change) -> Self {
        Self { change, reason: None }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// The fastest safe way out, from whatever state the endpoint is in.
    RollBack {
        endpoint: Text,
        choice: Choice,
    },
    /// Weights, and counts where they are named.
    Traffic {
        endpoint: Text,
        variants: Vec<VariantChange>,
    },
    Approve {
        package: Text,
        approval: Approval,
    },
    StartPipeline {
        pipeline: Text,
        name: Text,
        parameters: Vec<(Text, Text)>,
    },
    /// A job or a pipeline execution.
    Stop {
        target: Target,
    },
    /// A pipeline execution that failed or was stopped goes on.
    Retry {
        execution: Text,
    },
    /// A callback step that waits is answered: success, or the reason why it failed.
    Callback {
        execution: Text,
        /// Its name; `None` for the only one that waits.
        step: Option<Text>,
        /// Why it failed; empty where the intent's own reason says so.
        failure: Option<Text>,
        /// `OutputParameters` of a success.
        outputs: Vec<(Text, Text)>,
    },
    /// A monitoring schedule is started or stopped.
    Schedule {
        name: Text,
        start: bool,
    },
    /// A job like one that was: training, processing, transform or labeling.
    CloneJob {
        source: Target,
        edits: Edits,
    },
    /// A job as a template spells it out: a JSON object with the members of its Create operation.
    StartJob {
        kind: Kind,
        template: Text,
    },
    /// A monitoring schedule's jobs, once and now.
    RunMonitor {
        schedule: Text,
        /// How far back it looks, 1 to 24; else as far as the schedule does.
        hours: Option<u8>,
    },
    /// A model gets copies of an endpoint's calls, and answers nobody.
    TestShadow(ShadowTest),
    /// A shadow test that was made and waits.
    StartShadow {
        test: Text,
    },
    EndShadow {
        test: Text,
        ending: Ending,
    },
    /// People are asked by a flow definition.
    StartReview {
        flow: Text,
        /// JSON, as the flow's page wants it.
        input: Text,
    },
    /// A registered version takes over an endpoint.
    Promote {
        /// ARN of the version, or of the training job that is to become one.
        package: Text,
        endpoint: Text,
        rollout: Rollout,
        /// Names of gates that are not known to be passed and that the operator goes on without.
        accept: Vec<Text>,
        /// The other account that the version is of; `None` for one of the endpoint's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// The quiet abort alarm of an endpoint is made.
    Provision {
        endpoint: Text,
    },
    /// An endpoint, an endpoint config or a model.
    Delete {
        target: Target,
    },
}

impl Intent {
    pub fn back_out(endpoint: Text, choice: Choice) -> Self {
        Change::RollBack { endpoint, choice }.into()
    }

    /// The same way out, by this route.
    #[must_use]
    pub(super) fn by(&self, route: Route) -> Self {
        let mut out = self.clone();
        if let Change::RollBack { choice, .. } = &mut out.change {
            choice.route = Some(route);
        }
        out
    }

    #[must_use]
    pub fn because(mut self, reason: Option<Text>) -> Self {
        self.reason = reason;
        self
    }

    /// As it may be kept.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut out = self.clone();
        match &mut out.change {
            Change::StartPipeline { parameters, .. } => {
                for (name, value) in parameters {
                    *value = mask::value(&name.raw(), &value.raw());
                }
            }
            Change::Callback { outputs, .. } => {
                for (name, value) in outputs {
                    *value = mask::value(&name.raw(), &value.raw());
                }
            }
            Change::CloneJob { edits, .. } => {
                for (name, value) in &mut edits.hyperparameters {
                    *value = mask::value(&name.raw(), &value.raw());
                }
            }
            Change::StartJob { template: json, .. } | Change::StartReview { input: json, .. } => {
                *json = mask::document(&json.raw());
            }
            _ => {}
        }
        out
    }
}

impl Change {
    /// What it changes, as far as that is known before it is planned.
    pub fn target(&self) -> Target {
        match self {
            Self::RollBack { endpoint, .. }
            | Self::Traffic { endpoint, .. }
            | Self::Promote { endpoint, .. }
            | Self::Provision { endpoint } => Target::endpoint(endpoint.clone()),
            Self::Approve { package, .. } => Target::new(Kind::ModelPackage, package.clone()),
            Self::StartPipeline { pipeline, .. } => Target::new(Kind::Pipeline, pipeline.clone()),
            Self::Retry { execution, .. } | Self::Callback { execution, .. } => {
                Target::new(Kind::Execution, execution.clone())
            }
            Self::Schedule { name, .. } => Target::new(Kind::MonitoringSchedule, name.clone()),
            Self::CloneJob { source, .. } => source.clone(),
            // Its name is the template's, and only the plan reads that.
            Self::StartJob { kind, .. } => Target::new(*kind, Text::default()),
            Self::RunMonitor { schedule, .. } => Target::new(Kind::MonitoringSchedule, schedule.clone()),
            Self::TestShadow(test) => Target::endpoint(test.endpoint.clone()),
            Self::StartShadow { test } | Self::EndShadow { test, .. } => Target::new(Kind::Experiment, test.clone()),
            Self::StartReview { flow, .. } => Target::new(Kind::FlowDefinition, flow.clone()),
            Self::Stop { target, .. } | Self::Delete { target, .. } => target.clone(),
        }
    }

    /// The endpoint whose surroundings have to be read, if it is about one.
    pub fn endpoint(&self) -> Option<&Text> {
        match self {
            Self::RollBack { endpoint, .. }
            | Self::Traffic { endpoint, .. }
            | Self::Promote { endpoint, .. }
            | Self::Provision { endpoint } => Some(endpoint),
            Self::Delete { target: Target { kind: Kind::Endpoint, id }, .. } => Some(id),
            _ => None,
        }
    }

    /// The other account that it takes something from.
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Promote { origin, .. } => origin.as_ref(),
            _ => None,
        }
    }

    /// What was chosen of a way back; of another change nothing.
    pub(super) fn choice(&self) -> Choice {
        match self {
            Self::RollBack { choice, .. } => choice.clone(),
            _ => Choice::default(),
        }
    }

    /// The config that was chosen to go back to.
    pub const fn candidate(&self) -> Option<&Text> {
        match self {
            Self::RollBack { choice, .. } => choice.candidate.as_ref(),
            _ => None,
        }
    }

    /// The way out of trouble, which nothing of ours may stand against.
    pub const fn is_way_back(&self) -> bool {
        matches!(self, Self::RollBack { .. })
    }

    /// What it may leave out; only a way back may leave out anything.
    pub fn bypass(&self) -> &[Bypass] {
        match self {
            Self::RollBack { choice, .. } => &choice.bypass,
            _ => &[],
        }
    }

    pub fn bypasses(&self, what: Bypass) -> bool {
        self.bypass().contains(&what)
    }

    /// The way out that was chosen, or that the planner took.
    pub const fn route(&self) -> Option<Route> {
        match self {
            Self::RollBack { choice, .. } => choice.route,
            _ => None,
        }
    }

    /// What has to be described besides, once the endpoint was read.
    pub fn things(&self, around: Option<&Snapshot>) -> Vec<Target> {
        match self {
            Self::RollBack { .. } | Self::Traffic { .. } | Self::Provision { .. } => Vec::new(),
            Self::Promote { package, .. } => promoted(package, around),
            Self::Delete { target, .. } if target.kind == Kind::Endpoint => Vec::new(),
            Self::StartJob { .. } => Vec::new(),
            Self::TestShadow(test) => vec![self.target(), test.subject()],
            _ => vec![self.target()],
        }
    }

    /// `roll back`.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::RollBack { choice, .. } => match choice.reverses {
                Some(_) => "undo",
                None => "roll back",
            },
            Self::Traffic { .. } => "shift",
            Self::Approve { approval: Approval::Approved, .. } => "approve",
            Self::Approve { approval: Approval::Rejected, .. } => "reject",
            Self::StartPipeline { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Retry { .. } => "retry",
            Self::Callback { .. } => "answer",
            Self::Schedule { start: true, .. } => "start",
            Self::Schedule { start: false, .. } => "stop",
            Self::Provision { .. } => "provision",
            Self::CloneJob { .. } => "clone",
            Self::RunMonitor { .. } => "run",
            Self::TestShadow(_) => "test",
            Self::StartJob { .. } | Self::StartShadow { .. } => "start",
            Self::EndShadow { ending: Ending::Remove, .. } => "stop",
            Self::StartReview { .. } => "ask",
            Self::Promote { .. } | Self::EndShadow { ending: Ending::Promote, .. } => "promote",
            Self::Delete { .. } => "delete",
        }
    }
}

/// How a new version takes over the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rollout {
    /// A tenth first, then all, both baking under the alarms.
    #[default]
    Canary,
    /// A tenth at a time.
    Linear,
    /// Instances are replaced in batches: no second fleet.
    Rolling,
    AllAtOnce,
}

impl Rollout {
    pub const ALL: [Self; 4] = [Self::Canary, Self::Linear, Self::Rolling, Self::AllAtOnce];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Linear => "linear",
            Self::Rolling => "rolling",
            Self::AllAtOnce => "all-at-once",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rollout| rollout.word() == word)
    }

    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Canary => Self::Linear,
            Self::Linear => Self::Rolling,
            Self::Rolling => Self::AllAtOnce,
            Self::AllAtOnce => Self::Canary,
        }
    }
}

/// A way out of trouble, the fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// A deployment in flight is taken back by an alarm.
    Abort,
    /// A good variant is live: all traffic to it.
    Weights,
    /// The earlier specification of the inference component that changed.
    Component,
    /// The earlier config, on a second fleet.
    Config,
    /// The earlier config, instances replaced in batches: where there is no room for a second fleet.
    Rolling,
}

impl Route {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Weights => "weights",
            Self::Component => "component",
            Self::Config => "config",
            Self::Rolling => "rolling",
        }
    }
}

/// How much of the endpoint's guardrails a change keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Canary, bake, the endpoint's alarms that are quiet now, and the abort alarm.
    Guarded,
    /// All at once and the abort alarm only: for an endpoint whose own alarms fire already.
    Emergency,
}

impl Mode {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Guarded => "guarded",
            Self::Emergency => "emergency",
        }
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Guarded => Self::Emergency,
            Self::Emergency => Self::Guarded,
        }
    }
}

/// What the operator chose; what is `None` the planner chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Name of the endpoint config to go back to.
    pub candidate: Option<Text>,
    /// Name of the inference component to take back, where those are what serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Text>,
    pub mode: Option<Mode>,
    pub route: Option<Route>,
    pub reverses: Option<Reversal>,
    /// What the way back goes on without, by the operator's word and with a reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bypass: Vec<Bypass>,
}

/// What stands before a change, and a way back may leave out: the tool never stands between an operator and recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bypass {
    /// The team lock that somebody else holds, or that cannot be had.
    Lock,
    /// The journal that cannot be written: a disk that is full.
    Journal,
}

impl Bypass {
    pub const ALL: [Self; 2] = [Self::Lock, Self::Journal];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Journal => "journal",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bypass| bypass.word() == word)
    }
}

/// An operation of ours that is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// Its id.
    pub operation: Text,
    /// The config it led to: taken back only while that one is live.
    pub left: Text,
}

/// How careful a scope wants to be treated. A scope that no rule classifies is production.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    #[default]
    Prod,
    Stage,
    Dev,
}

impl Class {
    /// The most careful first.
    pub const ALL: [Self; 3] = [Self::Prod, Self::Stage, Self::Dev];

    /// As configuration files spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Stage => "stage",
            Self::Dev => "dev",
        }
    }
}

/// Where, when and by whom a plan is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub at: Timestamp,
    /// The principal, as the journal will name it.
    pub by: Text,
    pub scope: Scope,
    pub class: Class,
}
