//! What the operator wants, before anything is judged.

use serde::{Deserialize, Serialize};

use super::{
    Snapshot,
    call::{Approval, VariantChange},
    target::{Kind, Target},
};
use crate::{mask, scope::Scope, text::Text, time::Timestamp};

/// One change, as it is asked for by a key, a typed command or a saved plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Intent {
    /// The fastest safe way out, from whatever state the endpoint is in.
    RollBack {
        endpoint: Text,
        choice: Choice,
    },
    /// Weights, and counts where they are named.
    Traffic {
        endpoint: Text,
        variants: Vec<VariantChange>,
        reason: Option<Text>,
    },
    Approve {
        package: Text,
        approval: Approval,
        reason: Option<Text>,
    },
    StartPipeline {
        pipeline: Text,
        name: Text,
        parameters: Vec<(Text, Text)>,
        reason: Option<Text>,
    },
    /// A job or a pipeline execution.
    Stop {
        target: Target,
        reason: Option<Text>,
    },
    /// A pipeline execution that failed or was stopped goes on.
    Retry {
        execution: Text,
        reason: Option<Text>,
    },
    /// A callback step: success, or the reason why it failed.
    Callback {
        execution: Text,
        step: Text,
        token: Text,
        failure: Option<Text>,
        reason: Option<Text>,
    },
    /// A monitoring schedule is started or stopped.
    Schedule {
        name: Text,
        start: bool,
        reason: Option<Text>,
    },
}

impl Intent {
    pub const fn back_out(endpoint: Text, choice: Choice) -> Self {
        Self::RollBack { endpoint, choice }
    }

    /// What it changes, as far as that is known before it is planned.
    pub fn target(&self) -> Target {
        match self {
            Self::RollBack { endpoint, .. } | Self::Traffic { endpoint, .. } => Target::endpoint(endpoint.clone()),
            Self::Approve { package, .. } => Target::new(Kind::ModelPackage, package.clone()),
            Self::StartPipeline { pipeline, .. } => Target::new(Kind::Pipeline, pipeline.clone()),
            Self::Retry { execution, .. } | Self::Callback { execution, .. } => {
                Target::new(Kind::Execution, execution.clone())
            }
            Self::Schedule { name, .. } => Target::new(Kind::MonitoringSchedule, name.clone()),
            Self::Stop { target, .. } => target.clone(),
        }
    }

    /// The endpoint whose surroundings have to be read, if it is about one.
    pub fn endpoint(&self) -> Option<&Text> {
        match self {
            Self::RollBack { endpoint, .. } | Self::Traffic { endpoint, .. } => Some(endpoint),
            _ => None,
        }
    }

    /// The config that was chosen to go back to.
    pub const fn candidate(&self) -> Option<&Text> {
        match self {
            Self::RollBack { choice, .. } => choice.candidate.as_ref(),
            _ => None,
        }
    }

    /// The way out that was chosen, or that the planner took.
    pub const fn route(&self) -> Option<Route> {
        match self {
            Self::RollBack { choice, .. } => choice.route,
            _ => None,
        }
    }

    /// What has to be described besides, once the endpoint was read.
    pub fn things(&self, _around: Option<&Snapshot>) -> Vec<Target> {
        match self {
            Self::RollBack { .. } | Self::Traffic { .. } => Vec::new(),
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
        }
    }

    pub const fn reason(&self) -> Option<&Text> {
        match self {
            Self::RollBack { choice, .. } => choice.reason.as_ref(),
            Self::Traffic { reason, .. }
            | Self::Approve { reason, .. }
            | Self::StartPipeline { reason, .. }
            | Self::Stop { reason, .. }
            | Self::Retry { reason, .. }
            | Self::Callback { reason, .. }
            | Self::Schedule { reason, .. } => reason.as_ref(),
        }
    }

    /// As it may be kept.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let mut out = self.clone();
        match &mut out {
            Self::StartPipeline { parameters, .. } => {
                for (name, value) in parameters {
                    *value = mask::value(&name.raw(), &value.raw());
                }
            }
            Self::Callback { token, .. } => *token = mask::value("CallbackToken", &token.raw()),
            _ => {}
        }
        out
    }

    pub fn set_reason(&mut self, why: Option<Text>) {
        match self {
            Self::RollBack { choice, .. } => choice.reason = why,
            Self::Traffic { reason, .. }
            | Self::Approve { reason, .. }
            | Self::StartPipeline { reason, .. }
            | Self::Stop { reason, .. }
            | Self::Retry { reason, .. }
            | Self::Callback { reason, .. }
            | Self::Schedule { reason, .. } => *reason = why,
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
    pub mode: Option<Mode>,
    pub route: Option<Route>,
    pub reason: Option<Text>,
    pub reverses: Option<Reversal>,
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
