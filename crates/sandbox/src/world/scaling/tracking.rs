//! Target tracking: a metric is held at a value by two alarms of its own.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::parts;
use crate::world::{
    ApiError, World, alarm,
    metric::{self, Queries},
    noise,
    request::{float, int},
};

/// Seconds of both cooldowns where a policy says nothing: what Application Auto Scaling has for variants.
const COOLDOWN: i64 = 300;
/// Seconds of one datapoint; how many must be above the target, or below [`SLACK`] of it.
const PERIOD: i64 = 60;
const HIGH: i64 = 3;
const LOW: i64 = 15;
const SLACK: f64 = 0.9;
/// In it goes only as far as the metric stays below this share of its target, so that it does not go out again at once. How
/// careful Application Auto Scaling is there is our guess.
pub(super) const MARGIN: f64 = 0.95;

pub(super) struct Tracking {
    target: f64,
    /// What is tracked, and what its expression is made of.
    queries: Queries,
    watched: usize,
    /// The same as an alarm has it: two policies of one target may not track the same.
    pub(super) metric: Value,
    pub(super) cooldown_out: i64,
    pub(super) cooldown_in: i64,
    pub(super) scales_in: bool,
}

impl Tracking {
    pub(super) fn read(config: &Value, id: &str) -> Result<Self, ApiError> {
        let target = config.get("TargetValue").and_then(float).filter(|target| *target > 0.0);
        let target = target.ok_or_else(|| ApiError::validation("TargetValue must be a positive number."))?;
        let metric = match (config.get("PredefinedMetricSpecification"), config.get("CustomizedMetricSpecification")) {
            (Some(predefined), None) => predefined_metric(predefined, id)?,
            (None, Some(custom)) => custom_metric(custom)?,
            _ => {
                return Err(ApiError::validation(
                    "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required.",
                ));
            }
        };
        let (queries, watched) = alarm::queries(&metric)?;
        let seconds = |member: &str| config.get(member).and_then(int).unwrap_or(COOLDOWN);
        let scales_in = config.get("DisableScaleIn") != Some(&Value::Bool(true));
        let (cooldown_out, cooldown_in) = (seconds("ScaleOutCooldown"), seconds("ScaleInCooldown"));
        if cooldown_out < 0 || cooldown_in < 0 {
            return Err(ApiError::validation("Cooldown must be greater than or equal to 0."));
        }
        Ok(Self { target, queries, watched, metric, cooldown_out, cooldown_in, scales_in })
    }

    /// The alarms it watches by, as PutMetricAlarm takes them.
    pub(super) fn alarms(&self, id: &str, policy: &str, arn: &str) -> Vec<Value> {
        let seed = [noise::name(id), noise::name(policy)];
        let sides = [("AlarmHigh", HIGH, 1.0, "GreaterThanThreshold"), ("AlarmLow", LOW, SLACK, "LessThanThreshold")];
        let sides = sides.into_iter().take(if self.scales_in { 2 } else { 1 });
        let alarm = |(side, periods, share, operator): (&str, i64, f64, &str)| {
            let mut alarm = self.metric.clone();
            alarm["AlarmName"] =
                format!("TargetTracking-{id}-{side}-{}", noise::uuid(&[seed[0], seed[1], noise::name(side)])).into();
            alarm["AlarmDescription"] =
                format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.").into();
            alarm["EvaluationPeriods"] = periods.into();
            alarm["Threshold"] = json!(self.target * share);
            alarm["ComparisonOperator"] = operator.into();
            alarm["AlarmActions"] = json!([arn]);
            alarm
        };
        sides.map(alarm).collect()
    }

    /// The count at which the metric would be at its target, if it falls as the count grows: out goes what the last minutes
    /// were on average, in what the last quarter of an hour was. Each minute counts with the instances it had.
    pub(super) fn wanted(&self, world: &World, id: &str, outward: bool, at: Timestamp) -> Option<i64> {
        let (endpoint, variant) = parts(id)?;
        let endpoint = world.endpoint(endpoint).ok()?;
        let load = |back: i64| {
            let from = at.plus(-back * PERIOD * SECOND);
            let fleets = endpoint.fleets(from).iter().filter(|fleet| fleet.variant == variant);
            let count = fleets.map(|fleet| fleet.count).max()?;
            Some(metric::value(world, &self.queries, self.watched, from)? * count as f64)
        };
        let loads: Vec<f64> = (1..=if outward { HIGH } else { LOW }).filter_map(load).collect();
        if loads.is_empty() {
            return None;
        }
        let mean = loads.iter().sum::<f64>() / loads.len() as f64;
        let target = if outward { self.target } else { self.target * MARGIN };
        Some((mean / target - 1e-9).ceil() as i64)
    }
}

fn predefined_metric(predefined: &Value, id: &str) -> Result<Value, ApiError> {
    let kind = predefined.get("PredefinedMetricType").and_then(Value::as_str).unwrap_or_default();
    let (endpoint, variant) = parts(id).unwrap_or_default();
    if kind != "SageMakerVariantInvocationsPerInstance" {
        return Err(ApiError::validation(format!(
            "PredefinedMetricType {kind} is not published for resource {id} in this account."
        )));
    }
    Ok(json!({
        "Namespace": "AWS/SageMaker", "MetricName": "InvocationsPerInstance", "Statistic": "Sum", "Period": PERIOD,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
    }))
}

fn custom_metric(custom: &Value) -> Result<Value, ApiError> {
    if let Some(queries) = custom.get("Metrics").and_then(Value::as_array) {
        let mut queries = queries.clone();
        for query in &mut queries {
            if let Some(stat) = query.get_mut("MetricStat") {
                stat["Period"] = PERIOD.into();
            }
        }
        return Ok(json!({"Metrics": queries}));
    }
    let mut metric = json!({"Period": PERIOD});
    for member in ["Namespace", "MetricName", "Statistic"] {
        metric[member] = custom.get(member).cloned().ok_or_else(|| ApiError::missing(member))?;
    }
    for member in ["Dimensions", "Unit"] {
        if let Some(value) = custom.get(member) {
            metric[member] = value.clone();
        }
    }
    Ok(metric)
}
