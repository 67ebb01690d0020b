//! What an operator wants in a night, and how it is asked for.

use mldeck_core::{
    ops::{
        Facts,
        call::{Approval, VariantChange},
        intent::{Change, Choice, Intent, Mode, Rollout, Route},
        target::{Kind, Target},
        verb::promote::Gate,
    },
    text::Text,
};

use super::{
    account::{Extra, PIPELINE, VERSIONS, config, package, variant},
    dice::Dice,
};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    Back {
        mode: Option<Mode>,
        candidate: Option<i64>,
        deep: bool,
    },
    Shift {
        receiver: usize,
    },
    /// So many instances; autoscaling stands aside meanwhile.
    Capacity {
        count: i64,
    },
    /// The registered version takes over.
    Promote,
    /// Somebody's deployment is taken back by its alarm.
    TakeBack,
    Approve,
    Start,
    Stop,
    Retry,
    /// A config (of that version) that may be needed, or not.
    Delete {
        version: i64,
    },
    /// The model of the version that never served.
    DeleteModel,
}

impl Wish {
    pub fn drawn(dice: &mut Dice, variants: usize) -> Self {
        match dice.between(0, 99) {
            0..44 => Self::way_out(dice, variants),
            44..54 => Self::Capacity { count: dice.between(1, 6) },
            54..68 if variants == 1 => Self::Promote,
            54..68 => Self::way_out(dice, variants),
            68..74 => Self::TakeBack,
            74..79 => Self::Approve,
            79..84 => Self::Start,
            84..88 => Self::Stop,
            88..92 => Self::Retry,
            92..98 => Self::Delete { version: dice.between(1, VERSIONS) },
            _ => Self::DeleteModel,
        }
    }

    fn way_out(dice: &mut Dice, variants: usize) -> Self {
        if variants > 1 && dice.percent(60) {
            return Self::Shift { receiver: dice.between(0, 1) as usize };
        }
        let mode = *dice.pick(&[None, Some(Mode::Emergency), Some(Mode::Emergency), Some(Mode::Guarded)]);
        let candidate = dice.percent(30).then(|| *dice.pick(&[1, VERSIONS]));
        // Without a name of the operator's own, CloudTrail knows what was live before.
        Self::Back { mode, candidate, deep: candidate.is_none() || dice.percent(30) }
    }

    /// What the account must have for it, besides endpoints.
    pub const fn needs(&self) -> Option<Extra> {
        match self {
            Self::Promote | Self::Approve => Some(Extra::Registry),
            Self::Start | Self::Stop => Some(Extra::Running),
            Self::Retry => Some(Extra::Stopped),
            Self::TakeBack => Some(Extra::Deploying),
            _ => None,
        }
    }

    pub const fn is_deep(&self) -> bool {
        matches!(self, Self::Back { deep: true, .. })
    }

    /// Said of that endpoint, or of what else the account has (`run`: ARN of a pipeline execution), as it serves now.
    pub fn intent(&self, endpoint: &str, run: &str, facts: Option<&Facts>) -> Intent {
        let name = Text::new(endpoint);
        let back = |choice| Change::RollBack { endpoint: Text::new(endpoint), choice };
        let change = match *self {
            Self::Back { mode, candidate, .. } => {
                let candidate = candidate.map(|version| Text::new(&config(endpoint, version)));
                back(Choice { candidate, mode, route: Some(Route::Config), ..Choice::default() })
            }
            Self::TakeBack => back(Choice { route: Some(Route::Abort), ..Choice::default() }),
            Self::Shift { receiver } => {
                let details = facts.and_then(|facts| facts.snapshot.as_ref()?.endpoint.details.as_ref());
                let live = details.map(|details| details.variants.as_slice()).unwrap_or_default();
                let weight = |name: &Text| if *name == variant(receiver) { 1.0 } else { 0.0 };
                let change =
                    |name: &Text| VariantChange { variant: name.clone(), weight: Some(weight(name)), count: None };
                let variants = live.iter().map(|variant| change(&variant.name)).collect();
                Change::Traffic { endpoint: name, variants }
            }
            Self::Capacity { count } => {
                let change = VariantChange { variant: Text::new(variant(0)), weight: None, count: Some(count) };
                Change::Traffic { endpoint: name, variants: vec![change] }
            }
            Self::Promote => Change::Promote {
                package: Text::new(&package()),
                endpoint: name,
                rollout: Rollout::Canary,
                accept: Gate::ALL.iter().map(|gate| Text::new(gate.word())).collect(),
                origin: None,
            },
            Self::Approve => Change::Approve { package: Text::new(&package()), approval: Approval::Approved },
            Self::Start => {
                Change::StartPipeline { pipeline: Text::new(PIPELINE), name: Text::default(), parameters: Vec::new() }
            }
            Self::Stop => Change::Stop { target: Target::new(Kind::Execution, Text::new(run)) },
            Self::Retry => Change::Retry { execution: Text::new(run) },
            Self::Delete { version } => delete(Kind::EndpointConfig, &config(endpoint, version)),
            Self::DeleteModel => delete(Kind::Model, &config(endpoint, VERSIONS)),
        };
        // Gates are gone on without only with a reason.
        let reason = matches!(self, Self::Promote).then(|| Text::new("OPS-7"));
        Intent::from(change).because(reason)
    }
}

fn delete(kind: Kind, name: &str) -> Change {
    Change::Delete { target: Target::new(kind, Text::new(name)) }
}
