//! What the operator wants, before anything is judged.

use serde::{Deserialize, Serialize};

use crate::{scope::Scope, text::Text, time::Timestamp};

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
