//! What the planner judges: one endpoint and everything its way back depends on, read at one time.

use serde::{Deserialize, Serialize};

use crate::{
    ask::TrailEvent,
    fault::Fault,
    resource::{
        Alarm, Endpoint,
        endpoint::{Capture, Image},
    },
    text::Text,
    time::Timestamp,
};

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

/// An endpoint config: immutable, cached for ever.
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

/// A model: immutable, cached for ever.
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
        let Some(arn) = &self.package else { return self.name.to_string() };
        let mut parts = arn.as_str().rsplit('/');
        match (parts.next(), parts.next()) {
            (Some(version), Some(group)) if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{group} v{version}")
            }
            _ => self.name.to_string(),
        }
    }
}

/// Application Auto Scaling on one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingTarget {
    pub variant: Text,
    pub min: i64,
    pub max: i64,
    /// Scaling in, out or scheduled is suspended.
    pub suspended: bool,
}
