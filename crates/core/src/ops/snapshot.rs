//! What the planner judges: one endpoint and everything its way back depends on, read at one time.

use serde::{Deserialize, Serialize};

use super::{
    component::Component,
    origin::Told,
    target::{Sight, Target},
    team::Verdict,
};
use crate::{
    ask::TrailEvent,
    fault::Fault,
    id,
    resource::{
        Alarm, Endpoint, Monitor,
        endpoint::{Capture, Image},
    },
    text::Text,
    time::Timestamp,
};

/// Everything that one intent is judged by, read at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub at: Timestamp,
    /// Of the endpoint that the intent is about.
    pub snapshot: Option<Snapshot>,
    /// What was described besides; `None` where AWS says that there is none of that name.
    pub things: Vec<(Target, Result<Option<Sight>, Fault>)>,
    /// Rules of EventBridge that wait for changes of registered versions; `None` where nobody asked.
    pub rules: Option<Result<Vec<EventRule>, Fault>>,
    /// Monitoring schedules of the endpoint; `None` where nobody asked.
    pub monitors: Option<Result<Vec<Monitor>, Fault>>,
    /// Whether S3 has these objects, by URI.
    pub exists: Vec<(Text, Result<bool, Fault>)>,
    /// What the group of the live version knows of the job that is promoted; `None` where nobody asked.
    pub registered: Option<Result<Registered, Fault>>,
    /// Inference components of the endpoint, where those are what serves; `None` where nobody asked.
    pub components: Option<Result<Vec<Component>, Fault>>,
    /// Callback steps of the execution that wait for an answer; `None` where nobody asked.
    pub waiting: Option<Result<Vec<Waiting>, Fault>>,
    /// What still needs that which is to be deleted; `None` where nobody asked.
    pub needed: Option<Result<Needed, Fault>>,
    /// Tags of what is to be made once more, which its description does not tell; `None` where nobody asked.
    pub tags: Option<Result<Vec<(Text, Text)>, Fault>>,
    /// The newest thing that a plan made under the name that this one wants, its own id left out; `None` where nobody asked.
    pub latest: Option<Result<Option<Text>, Fault>>,
    /// Autoscaling of a variant that is to go; `None` where nobody asked.
    pub scaling: Option<Result<Vec<ScalingTarget>, Fault>>,
    /// The first object in what people are to label that looks like captured payload; `None` where nobody asked.
    pub captured: Option<Result<Option<Text>, Fault>>,
    /// What the account says that a version comes from; `None` where it is the endpoint's own, or nobody asked.
    pub origin: Option<Told>,
    /// How the lock that hosts share stands; `None` without a team.
    pub lock: Option<Verdict>,
}

/// A rule of EventBridge that is switched on and matches changes of registered versions in general.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRule {
    pub name: Text,
    /// `EventPattern`: JSON.
    pub pattern: Text,
    /// ARNs of what it starts.
    pub targets: Vec<Text>,
}

/// What a group of versions knows of one training job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Highest number of a version; 0 where there is none.
    pub latest: i64,
    /// ARN of the newest version that was made from the job.
    pub version: Option<Text>,
}

/// A callback step that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub step: Text,
    /// Whoever has it can answer: it is never kept.
    pub token: Text,
    /// When it began to wait.
    pub since: Option<Timestamp>,
}

/// What needs an endpoint, a config or a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needed {
    /// Of an endpoint: invocations within the last hour; `None` where that could not be read.
    pub invocations: Option<f64>,
    /// Endpoints that use it now.
    pub used_by: Vec<Text>,
    /// Configs that an endpoint may be brought back to, as CloudTrail and our tags tell.
    pub kept: Vec<Kept>,
}

/// A config that may be gone back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub config: Text,
    pub endpoint: Text,
    /// Who says so: `CloudTrail 2026-11-14`, `tag mldeck:previous-config`.
    pub witness: String,
    /// Models it names; empty where only the config is asked about.
    pub models: Result<Vec<Text>, Fault>,
}

impl Facts {
    pub fn thing(&self, target: &Target) -> Option<&Result<Option<Sight>, Fault>> {
        self.things.iter().find(|(known, _)| known == target).map(|(_, read)| read)
    }

    /// What is known after another read for the same intent, see [`Snapshot::and`].
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (young, old) = if other.at >= self.at { (other, self) } else { (self, other) };
        let snapshot = match (old.snapshot, young.snapshot) {
            (Some(old), Some(young)) => Some(old.and(young)),
            (old, young) => young.or(old),
        };
        let mut components = young.components;
        if let (Some(Ok(young)), Some(Ok(old))) = (&mut components, old.components) {
            // CloudTrail is asked less often.
            for component in young.iter_mut().filter(|component| component.told.is_none()) {
                component.told =
                    old.iter().find(|other| other.name == component.name).and_then(|other| other.told.clone());
            }
        }
        Self { snapshot, components, ..young }
    }
}

impl From<Snapshot> for Facts {
    fn from(snapshot: Snapshot) -> Self {
        Self { at: snapshot.at, snapshot: Some(snapshot), ..Self::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the endpoint itself was read: last of all, because its age is what a plan is refused for.
    pub at: Timestamp,
    /// With details; tags included.
    pub endpoint: Endpoint,
    /// The live config, and every config that is a candidate, by name. A config that could not be read carries why.
    pub configs: Vec<(Text, Result<Config, Fault>)>,
    /// Models that those configs name.
    pub models: Vec<(Text, Result<Model, Fault>)>,
    /// Alarms of this endpoint and of its last deployment.
    pub alarms: Result<Vec<Alarm>, Fault>,
    pub scaling: Result<Vec<ScalingTarget>, Fault>,
    /// `None` until CloudTrail was asked; newest first; refused events included.
    pub trail: Option<Result<Vec<TrailEvent>, Fault>>,
    /// The abort alarm of this endpoint, when one exists.
    pub abort_alarm: Option<Alarm>,
}

impl Snapshot {
    pub fn config(&self, name: &str) -> Option<&Result<Config, Fault>> {
        self.configs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn model(&self, name: &str) -> Option<&Result<Model, Fault>> {
        self.models.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Whether autoscaling may change the count of this variant now.
    pub fn is_scaled(&self, variant: &Text) -> bool {
        self.scaling.as_ref().is_ok_and(|targets| targets.iter().any(|target| target.variant == *variant))
    }

    /// What is known after another read of the same endpoint. Whichever read it later says what it is; CloudTrail's part,
    /// and the configs and models it names, stay from the earlier one.
    #[must_use]
    pub fn and(mut self, mut other: Self) -> Self {
        let trail = match (self.trail.take(), other.trail.take()) {
            (known, None) | (known @ Some(Ok(_)), Some(Err(_))) => known,
            (_, asked) => asked,
        };
        let (mut young, old) = if other.at >= self.at { (other, self) } else { (self, other) };
        young.trail = trail;
        for (name, config) in old.configs {
            if young.config(name.as_str()).is_none() {
                young.configs.push((name, config));
            }
        }
        for (name, model) in old.models {
            if young.model(name.as_str()).is_none() {
                young.models.push((name, model));
            }
        }
        young
    }
}

/// An endpoint config: immutable, and read anew for a plan, since it may be deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub name: Text,
    pub arn: Text,
    pub created: Timestamp,
    pub variants: Vec<ConfigVariant>,
    pub shadow_variants: Vec<ConfigVariant>,
    pub capture: Option<Capture>,
    pub kms_key: Option<Text>,
    pub is_async: bool,
    pub has_explainer: bool,
    pub vpc_subnets: Vec<Text>,
    pub network_isolation: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigVariant {
    pub name: Text,
    /// `None` on inference-component endpoints.
    pub model: Option<Text>,
    pub instance_type: Option<Text>,
    pub initial_count: Option<i64>,
    pub initial_weight: f64,
    pub serverless: bool,
}

/// A model: immutable, and read anew for a plan, since it may be deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub name: Text,
    pub arn: Text,
    pub created: Timestamp,
    pub images: Vec<Image>,
    /// S3 URIs of the artifacts.
    pub data: Vec<Text>,
    /// ARN of the registered version, when it was made from one.
    pub package: Option<Text>,
    /// Environment of its containers, masked.
    pub environment: Vec<(Text, Text)>,
    /// Whether the artifacts can still be read: `None` when it was not or could not be checked.
    pub data_exists: Option<bool>,
}

impl Model {
    /// `fraud v18` for a registered version, else the model's own name.
    pub fn label(&self) -> String {
        let label = self.package.as_ref().and_then(|arn| id::version_label(arn.as_str()));
        label.unwrap_or_else(|| self.name.to_string())
    }
}

/// Application Auto Scaling on one variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingTarget {
    pub variant: Text,
    pub min: i64,
    pub max: i64,
    pub suspended_in: bool,
    pub suspended_out: bool,
    pub suspended_schedule: bool,
}
