//! One request of a plan: when it is sent, what must hold before, what shows after, and what takes it back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ops::{
        call::{Call, PLAN_ID, VariantChange},
        target::{Kind, Target},
    },
    scope::Scope,
    text::{self, Text},
    time::MINUTE,
};

/// When a step's turn comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum After {
    /// The step before it was answered.
    #[default]
    Before,
    /// AWS accepted the main step.
    Accepted,
    /// What the main step was for is reached.
    Reached,
}

/// What must hold right before a step is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    None,
    /// What the plan changes is still as [`super::Plan::basis`] says, in all that matters.
    Unchanged,
}

/// How it will show that a step did what it should.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expectation {
    /// The answer says so; nothing else is watched.
    Answer,
    /// The answer names this as what was made: later steps speak of it.
    Made { arn: Text },
    /// InService on this config.
    OnConfig { config: Text },
    /// InService with these weights and counts.
    OnVariants { variants: Vec<VariantChange> },
    /// InService on the config from before, and the deployment of `pending` gone.
    TakenBack { config: Text, pending: Text },
    /// The description has these values (JSON pointers), or one of the `done` statuses; `failed` statuses say that it will not.
    Shows { facts: Vec<(Text, Text)>, done: Vec<Text>, failed: Vec<Text> },
    /// Described no more.
    Gone,
}

/// The way back of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Inverse {
    /// Once it is done, this takes it back.
    Call(Box<Call>),
    /// It harms nobody when it stays.
    Harmless,
    /// There is none, and why.
    None(#[serde(deserialize_with = "text::shown")] String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub call: Call,
    pub after: After,
    pub precondition: Precondition,
    pub expect: Expectation,
    /// How long what it expects may take, milliseconds; then a person is asked.
    pub deadline: i64,
    pub inverse: Inverse,
    /// Its failure is a warning, not an end.
    pub optional: bool,
    /// It takes back what that step did, however the run ends.
    pub settles: Option<usize>,
    /// Where it is sent and looked at, by the identity that was verified there; `None` for the plan's own scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

impl Step {
    /// A step that its answer ends.
    pub(in crate::ops) const fn new(call: Call) -> Self {
        Self {
            call,
            after: After::Before,
            precondition: Precondition::None,
            expect: Expectation::Answer,
            deadline: 5 * MINUTE,
            inverse: Inverse::Harmless,
            optional: false,
            settles: None,
            scope: None,
        }
    }

    #[must_use]
    pub(in crate::ops) const fn optional(mut self, after: After) -> Self {
        self.optional = true;
        self.after = after;
        self
    }

    /// Sent in another account, by the identity that was verified there.
    #[must_use]
    pub(in crate::ops) fn sent_in(mut self, scope: &Scope) -> Self {
        self.scope = Some(scope.clone());
        self
    }

    #[must_use]
    pub(in crate::ops) fn inverse(mut self, inverse: Inverse) -> Self {
        self.inverse = inverse;
        self
    }

    /// The main step: on an unchanged target, watched until it shows.
    #[must_use]
    pub(in crate::ops) fn main(mut self, expect: Expectation, deadline: i64) -> Self {
        self.precondition = Precondition::Unchanged;
        self.expect = expect;
        self.deadline = deadline;
        self
    }

    /// What a lost answer of a [`crate::ops::call::Repeat::Named`] request is told by: the thing, and whether it should be
    /// there. Of a step that expects values to show, the thing that shows them.
    pub fn proof(&self) -> Option<(Target, bool)> {
        use crate::ops::call::Action;
        if let (Expectation::Shows { .. }, Action::UpdateModelPackage) = (&self.expect, self.call.action) {
            let version = Text::new(self.call.text("ModelPackageArn")?);
            return Some((Target::new(Kind::ModelPackage, version), true));
        }
        let (kind, there) = match self.call.action {
            Action::CreateModel => (Kind::Model, true),
            Action::CreateEndpointConfig => (Kind::EndpointConfig, true),
            Action::CreateTrainingJob => (Kind::TrainingJob, true),
            Action::CreateProcessingJob => (Kind::ProcessingJob, true),
            Action::CreateTransformJob => (Kind::TransformJob, true),
            Action::CreateLabelingJob => (Kind::LabelingJob, true),
            Action::CreateMonitoringSchedule => (Kind::MonitoringSchedule, true),
            Action::CreateInferenceExperiment => (Kind::Experiment, true),
            Action::StartHumanLoop => (Kind::HumanLoop, true),
            Action::DeleteMonitoringSchedule => (Kind::MonitoringSchedule, false),
            Action::DeleteModel => (Kind::Model, false),
            Action::DeleteEndpointConfig => (Kind::EndpointConfig, false),
            Action::DeleteEndpoint => (Kind::Endpoint, false),
            _ => return None,
        };
        Some((Target::new(kind, Text::new(self.call.text(kind.parameter())?)), there))
    }

    pub(super) fn sealed(&self, id: &Text) -> Self {
        let mut out = self.clone();
        out.call = self.call.sealed(id);
        if let Inverse::Call(call) = &mut out.inverse {
            **call = call.sealed(id);
        }
        if let Expectation::OnConfig { config } = &mut out.expect {
            *config = Text::new(&config.raw().replace(PLAN_ID, id.as_str()));
        }
        out
    }

    /// What the digest is made of.
    pub(super) fn substance(&self, id: &Text) -> Value {
        let inverse = match &self.inverse {
            Inverse::Call(call) => call.unsealed(id).digest(),
            Inverse::Harmless | Inverse::None(_) => Text::default(),
        };
        let expect = match &self.expect {
            // It may hold the plan's id, and the call says it as well.
            Expectation::OnConfig { .. } => Value::Null,
            other => serde_json::to_value(other).unwrap_or_default(),
        };
        let mut out = json!([
            self.call.unsealed(id).digest(),
            inverse,
            expect,
            self.after,
            self.precondition,
            self.optional,
            self.settles,
        ]);
        // Plans of one identity keep the digests that they had before there were others.
        if let (Some(scope), Some(members)) = (&self.scope, out.as_array_mut()) {
            members.push(serde_json::to_value(scope).unwrap_or_default());
        }
        out
    }
}
