//! `DeploymentConfig`: how traffic moves, which alarms may stop it, and what SageMaker refuses.

use serde_json::Value;

use super::Variant;
use crate::world::{
    ApiError,
    request::{float, int},
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(super) shape: Shape,
    /// Bake after each shift, seconds.
    pub(super) wait: i64,
    /// Bake with all traffic on the new fleet and the old one kept, seconds.
    pub(super) termination_wait: i64,
    /// Seconds until the whole deployment is given up.
    pub(super) limit: Option<i64>,
    pub(super) alarms: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    AllAtOnce,
    /// Share of the first shift.
    Canary(Share),
    /// Share of each shift.
    Linear(Share),
    /// Share of the fleet that is replaced at a time.
    Rolling(Share),
}

/// A share as SageMaker is told it; percent is exact, a count depends on the fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Share {
    Percent(f64),
    Instances(i64),
}

impl Share {
    /// 0..=1 of a fleet, never less than one instance of it.
    pub(super) fn of(self, variants: &[Variant]) -> f64 {
        let fleet = variants.iter().map(|variant| variant.desired_count).max().unwrap_or(1).max(1) as f64;
        match self {
            Self::Percent(percent) => percent / 100.0,
            Self::Instances(count) => (count as f64 / fleet).min(1.0),
        }
    }

    /// Instances of a fleet of `count`.
    pub(super) fn instances(self, count: i64) -> i64 {
        match self {
            Self::Percent(percent) => ((count as f64 * percent / 100.0).ceil() as i64).max(1),
            Self::Instances(instances) => instances.min(count),
        }
    }
}

impl Policy {
    /// Without a `DeploymentConfig`: all at once, no bake, nothing watched.
    pub(crate) const fn unguarded() -> Self {
        Self { shape: Shape::AllAtOnce, wait: 0, termination_wait: 0, limit: None, alarms: Vec::new() }
    }

    pub(crate) fn read(config: &Value, variants: &[Variant]) -> Result<Self, ApiError> {
        let mut policy = match (config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::validation(
                    "Exactly one of BlueGreenUpdatePolicy and RollingUpdatePolicy must be specified.",
                ));
            }
            (Some(policy), None) => Self::blue_green(policy, variants)?,
            (None, Some(policy)) => Self::rolling(policy, variants)?,
            (None, None) => Self::unguarded(),
        };
        if let Some(rollback) = config.get("AutoRollbackConfiguration") {
            let alarms = rollback.get("Alarms").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            policy.alarms = alarms.iter().filter_map(|a| a.get("AlarmName")?.as_str()).map(str::to_owned).collect();
        }
        policy.check_limit()?;
        Ok(policy)
    }

    fn blue_green(body: &Value, variants: &[Variant]) -> Result<Self, ApiError> {
        let routing =
            body.get("TrafficRoutingConfiguration").ok_or_else(|| ApiError::missing("TrafficRoutingConfiguration"))?;
        let shape = match routing.get("Type").and_then(Value::as_str).unwrap_or_default() {
            "ALL_AT_ONCE" => Shape::AllAtOnce,
            "CANARY" => Shape::Canary(share(routing.get("CanarySize"), "CanarySize", 1.0, variants)?),
            "LINEAR" => Shape::Linear(share(routing.get("LinearStepSize"), "LinearStepSize", 10.0, variants)?),
            other => {
                return Err(ApiError::validation(format!(
                    "Value '{other}' at 'trafficRoutingConfiguration.type' failed to satisfy constraint: Member must \
                     satisfy enum value set: [ALL_AT_ONCE, CANARY, LINEAR]"
                )));
            }
        };
        Ok(Self {
            shape,
            wait: seconds(routing, "WaitIntervalInSeconds", 0, 3_600)?
                .ok_or_else(|| ApiError::missing("WaitIntervalInSeconds"))?,
            termination_wait: seconds(body, "TerminationWaitInSeconds", 0, 3_600)?.unwrap_or(0),
            limit: seconds(body, "MaximumExecutionTimeoutInSeconds", 600, 28_800)?,
            alarms: Vec::new(),
        })
    }

    fn rolling(body: &Value, variants: &[Variant]) -> Result<Self, ApiError> {
        if variants.len() > 1 || variants.iter().any(|variant| variant.serverless.is_some()) {
            return Err(ApiError::validation(
                "Rolling deployments are not supported for serverless endpoints or endpoints with several variants.",
            ));
        }
        Ok(Self {
            shape: Shape::Rolling(share(body.get("MaximumBatchSize"), "MaximumBatchSize", 5.0, variants)?),
            wait: seconds(body, "WaitIntervalInSeconds", 0, 3_600)?
                .ok_or_else(|| ApiError::missing("WaitIntervalInSeconds"))?,
            termination_wait: 0,
            limit: seconds(body, "MaximumExecutionTimeoutInSeconds", 600, 28_800)?,
            alarms: Vec::new(),
        })
    }

    /// The limit must leave room for every wait.
    fn check_limit(&self) -> Result<(), ApiError> {
        let shifts = match self.shape {
            Shape::AllAtOnce => 1.0,
            Shape::Canary(_) => 2.0,
            Shape::Linear(Share::Percent(step)) | Shape::Rolling(Share::Percent(step)) => (100.0 / step).ceil(),
            Shape::Linear(_) | Shape::Rolling(_) => 1.0,
        };
        let waits = self.wait * shifts as i64 + self.termination_wait;
        match self.limit {
            Some(limit) if limit <= waits => Err(ApiError::validation(format!(
                "MaximumExecutionTimeoutInSeconds ({limit}) must exceed the sum of all wait intervals ({waits})."
            ))),
            _ => Ok(()),
        }
    }
}

fn share(size: Option<&Value>, member: &str, least: f64, variants: &[Variant]) -> Result<Share, ApiError> {
    let size = size.ok_or_else(|| ApiError::missing(member))?;
    let value = size.get("Value").and_then(float).ok_or_else(|| ApiError::missing("Value"))?;
    let (share, percent) = match size.get("Type").and_then(Value::as_str) {
        Some("CAPACITY_PERCENT") => (Share::Percent(value), value),
        Some("INSTANCE_COUNT" | "COPY_COUNT") => {
            let share = Share::Instances(value as i64);
            (share, share.of(variants) * 100.0)
        }
        _ => return Err(ApiError::validation(format!("{member}.Type must be INSTANCE_COUNT or CAPACITY_PERCENT."))),
    };
    // One instance is always allowed: a fleet of one has no smaller step.
    if value < 1.0 || percent < least || (percent > 50.0 && share != Share::Instances(1)) {
        return Err(ApiError::validation(format!(
            "{member} must be between {least} and 50 percent of the variant's capacity."
        )));
    }
    Ok(share)
}

fn seconds(body: &Value, member: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
    match body.get(member).map(int) {
        None => Ok(None),
        Some(Some(n)) if (least..=most).contains(&n) => Ok(Some(n)),
        Some(_) => Err(ApiError::validation(format!(
            "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must be between {least} and \
             {most}",
            crate::world::request::camel(member)
        ))),
    }
}
