//! Endpoints: who serves, how much traffic each fleet takes, and what a change goes through.
//!
//! | file | subject |
//! |---|---|
//! | `config` | endpoint configs and models: immutable, created and deleted |
//! | `past` | the settled history a world starts with |
//! | `deploy` | a deployment as a list of stages over virtual time |
//! | `launch` | whether instances start: capacity, model data, health checks |
//! | `policy` | `DeploymentConfig`: read and refused |
//! | `read`, `write` | the operations |
//! | `invoke` | what the model answers |

pub(crate) mod config;
mod deploy;
pub(crate) mod invoke;
mod launch;
mod past;
mod policy;
mod read;
mod write;

use std::collections::BTreeMap;

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::Value;

use super::{ApiError, Handler, World, estate};
use config::{Config, Model};
pub(crate) use deploy::{Deployment, advance, move_on, stages_since};
pub(crate) use launch::{Attempt, Patience};
pub(crate) use past::generate;
pub(crate) use policy::Policy;
pub(crate) use read::resolve;
pub(crate) use write::{check_alarms, check_room};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("ListEndpoints", read::list_endpoints),
    ("DescribeEndpoint", read::describe_endpoint),
    ("CreateEndpoint", write::create_endpoint),
    ("UpdateEndpoint", write::update_endpoint),
    ("UpdateEndpointWeightsAndCapacities", write::update_weights),
    ("DeleteEndpoint", write::delete_endpoint),
    ("CreateEndpointConfig", config::create_config),
    ("DescribeEndpointConfig", config::describe_config),
    ("ListEndpointConfigs", config::list_configs),
    ("DeleteEndpointConfig", config::delete_config),
    ("CreateModel", config::create_model),
    ("DescribeModel", config::describe_model),
    ("ListModels", config::list_models),
    ("DeleteModel", config::delete_model),
];

/// Changes of traffic kept per endpoint; older ones fall out.
const SPLITS: usize = 512;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) configs: BTreeMap<String, Config>,
    pub(crate) models: BTreeMap<String, Model>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Creating,
    Updating,
    SystemUpdating,
    InService,
    OutOfService,
    Deleting,
    Failed,
    UpdateRollbackFailed,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::SystemUpdating => "SystemUpdating",
            Self::InService => "InService",
            Self::OutOfService => "OutOfService",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
            Self::UpdateRollbackFailed => "UpdateRollbackFailed",
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        Some(match raw {
            "Creating" => Self::Creating,
            "Updating" => Self::Updating,
            "SystemUpdating" => Self::SystemUpdating,
            "InService" => Self::InService,
            "OutOfService" => Self::OutOfService,
            "Deleting" => Self::Deleting,
            "Failed" => Self::Failed,
            "UpdateRollbackFailed" => Self::UpdateRollbackFailed,
            _ => return None,
        })
    }

    pub(crate) const fn is_in_flight(self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::SystemUpdating | Self::Deleting)
    }
}

pub(crate) struct Endpoint {
    pub(crate) name: String,
    /// The config in force; during a deployment still the old one.
    pub(crate) config: String,
    pub(crate) status: Status,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) failure: Option<String>,
    pub(crate) variants: Vec<Variant>,
    /// `DeploymentConfig` of the last accepted change, as it was sent.
    pub(crate) last_deployment: Option<Value>,
    pub(crate) change: Option<Change>,
    /// Second config it serves beside its own after a failed rollback.
    pub(crate) mixed: Option<String>,
    /// Who served since when, oldest first.
    pub(crate) splits: Vec<Split>,
    /// Containers that never became healthy, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    /// Invocations a minute at the mean of a day, and the median latency of a healthy model.
    pub(crate) rate: f64,
    pub(crate) median_ms: f64,
}

/// What an endpoint in flight is going through.
pub(crate) enum Change {
    Deployment(Box<Deployment>),
    /// New weights or counts: since when, and seconds that it takes where nothing is in its way.
    Capacity(Timestamp, i64),
    /// Since when.
    Creation(Timestamp),
    Deletion(Timestamp),
    Maintenance(Timestamp),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// It gets copies of calls and answers nobody.
    pub(crate) is_shadow: bool,
    pub(crate) model: Option<String>,
    /// `None` for a serverless variant.
    pub(crate) instance_type: Option<String>,
    pub(crate) serverless: Option<Value>,
    pub(crate) current_count: i64,
    pub(crate) desired_count: i64,
    pub(crate) current_weight: f64,
    pub(crate) desired_weight: f64,
    pub(crate) patience: Patience,
}

/// Who took which share of an endpoint's traffic from a time on.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) from: Timestamp,
    pub(crate) fleets: Vec<Fleet>,
}

/// Instances of one variant on one config.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fleet {
    pub(crate) config: String,
    pub(crate) variant: String,
    pub(crate) model: String,
    /// Of the endpoint's whole traffic, 0..=1.
    pub(crate) share: f64,
    /// Of a shadow: of the calls of its config's production variant, the share it gets copies of, 0..=1.
    pub(crate) copied: Option<f64>,
    pub(crate) count: i64,
    /// When it first took traffic in one piece: what shows with time counts from here.
    pub(crate) since: Timestamp,
}

impl Endpoint {
    /// Names are lower-cased inside ARNs.
    pub(crate) fn arn(&self) -> String {
        endpoint_arn(&self.name)
    }

    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        match &self.change {
            Some(Change::Deployment(deployment)) => Some(deployment),
            _ => None,
        }
    }

    /// Who answered callers at that time.
    pub(crate) fn answering(&self, at: Timestamp) -> impl DoubleEndedIterator<Item = &Fleet> {
        self.fleets(at).iter().filter(|fleet| fleet.copied.is_none())
    }

    /// Who served at that time, shadows among them; nothing before the endpoint existed.
    pub(crate) fn fleets(&self, at: Timestamp) -> &[Fleet] {
        let after = self.splits.partition_point(|split| split.from <= at);
        after.checked_sub(1).and_then(|index| self.splits.get(index)).map_or(&[], |split| &split.fleets)
    }

    /// Notes that these fleets serve from `from` on. A fleet that served before keeps its age.
    fn split(&mut self, from: Timestamp, mut fleets: Vec<Fleet>) {
        fleets.retain(|fleet| fleet.share > 0.0);
        if let Some(last) = self.splits.last() {
            for fleet in &mut fleets {
                let before = last.fleets.iter().find(|f| f.config == fleet.config && f.variant == fleet.variant);
                fleet.since = before.map_or(from, |before| before.since);
            }
        }
        if self.splits.len() >= SPLITS {
            self.splits.remove(0);
        }
        self.splits.push(Split { from, fleets });
    }

    /// The fleets of `variants`, which together take `share` of the traffic. What a shadow gets is measured by the weight of
    /// production, and is never more than all of it.
    fn fleets_of(config: &str, variants: &[Variant], share: f64, at: Timestamp) -> Vec<Fleet> {
        let production = variants.iter().filter(|variant| !variant.is_shadow);
        let total: f64 = production.map(|variant| variant.current_weight).sum();
        let part = |variant: &Variant| if total > 0.0 { (variant.current_weight / total).min(1.0) } else { 0.0 };
        variants
            .iter()
            .map(|variant| Fleet {
                config: config.to_owned(),
                variant: variant.name.clone(),
                model: variant.model.clone().unwrap_or_default(),
                share: share * part(variant),
                copied: variant.is_shadow.then(|| part(variant)),
                count: variant.current_count,
                since: at,
            })
            .collect()
    }

    /// Goes away within `secs`; what is going away takes no traffic.
    pub(crate) fn end(&mut self, now: Timestamp, secs: i64) {
        self.status = Status::Deleting;
        self.modified = now;
        self.change = Some(Change::Deletion(now.plus(secs * SECOND)));
        self.split(now, Vec::new());
    }

    /// The whole traffic on the variants in force.
    fn split_settled(&mut self, at: Timestamp) {
        let fleets = Self::fleets_of(&self.config, &self.variants, 1.0, at);
        self.split(at, fleets);
    }
}

pub(crate) fn endpoint_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("endpoint/{}", name.to_lowercase()))
}

fn not_found(name: &str) -> ApiError {
    ApiError::validation(format!("Could not find endpoint \"{}\".", endpoint_arn(name)))
}

/// Refuses names SageMaker would refuse.
pub(crate) fn check_name(member: &str, name: &str) -> Result<(), ApiError> {
    let alphanumeric = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let fits = name.len() <= 63
        && alphanumeric(name.bytes().next())
        && alphanumeric(name.bytes().next_back())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "1 validation error detected: Value '{name}' at '{}' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,62}}",
        super::request::camel(member)
    )))
}

impl World {
    pub(crate) fn endpoint(&self, name: &str) -> Result<&Endpoint, ApiError> {
        self.endpoints.endpoints.get(name).ok_or_else(|| not_found(name))
    }

    fn endpoint_mut(&mut self, name: &str) -> Result<&mut Endpoint, ApiError> {
        self.endpoints.endpoints.get_mut(name).ok_or_else(|| not_found(name))
    }
}

#[cfg(test)]
mod shadow_tests;
#[cfg(test)]
mod tests;
