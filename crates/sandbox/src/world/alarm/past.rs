//! The alarms an account starts with, made by the same calls that make new ones, and settled without history.

use mldeck_core::time::{DAY, MINUTE, SECOND};
use serde_json::{Value, json};

use super::{Kind, evaluate, operations};
use crate::world::{Reply, Request, Service, World, estate::FAMILIES};

/// Ordinary endpoints that have an alarm of their own: every third, and no more than this.
const ORDINARY: usize = 100;

pub(crate) fn generate(world: &mut World) {
    let lived_from = world.now;
    world.now = world.start.plus(-30 * DAY);
    for family in FAMILIES {
        let Some((variant, _)) = family.variants.first() else { continue };
        let (name, endpoint) = (family.name, family.endpoint);
        settled(world, &errors(name, endpoint, variant));
        settled(world, &slowness(name, endpoint, variant, family.median_ms * 6_000.0));
    }
    for name in ["fraud", "ranking"] {
        settled(
            world,
            &json!({
                "AlarmName": format!("{name}-health"),
                "AlarmDescription": "Pages the ML on-call.",
                "AlarmRule": format!("ALARM(\"{name}-5xx\") OR ALARM(\"{name}-p99\")"),
                "AlarmActions": ["arn:aws:sns:eu-west-1:447100000921:ml-oncall"],
            }),
        );
    }
    let own: Vec<&str> = FAMILIES.iter().map(|family| family.endpoint).collect();
    let ordinary: Vec<(String, String)> = world
        .endpoints
        .endpoints
        .values()
        .filter(|endpoint| !own.contains(&endpoint.name.as_str()))
        .filter_map(|endpoint| Some((endpoint.name.clone(), endpoint.variants.first()?.name.clone())))
        .step_by(3)
        .take(ORDINARY)
        .collect();
    for (endpoint, variant) in ordinary {
        settled(world, &errors(&endpoint, &endpoint, &variant));
    }
    world.now = lived_from;
    settle(world);
}

/// Brings every alarm into its true state as of now; what lies behind is not in the history.
fn settle(world: &mut World) {
    let now = world.now;
    evaluate::advance(world, now.floor(MINUTE));
    let long_ago = world.start.plus(-3 * DAY);
    for alarm in world.alarms.alarms.values_mut() {
        alarm.transitioned = long_ago;
        alarm.updated = long_ago;
        if let Kind::Metric(condition) = &mut alarm.kind {
            condition.evaluated = now.plus(-SECOND);
        }
    }
    evaluate::compose(world);
    world.alarms.history.clear();
}

/// The alarms of this file are well-formed; a test reads them all back.
fn settled(world: &mut World, input: &Value) {
    let _ = put(world, input);
}

/// Puts an alarm without a call that a trail would keep.
pub(crate) fn put(world: &mut World, input: &Value) -> Reply {
    let composite = input.get("AlarmRule").is_some();
    let operation = if composite { "PutCompositeAlarm" } else { "PutMetricAlarm" };
    let request = Request { service: Service::CloudWatch, operation, input, caller: "terraform", request_id: "" };
    let handler = if composite { operations::put_composite_alarm } else { operations::put_metric_alarm };
    handler(world, &request)
}

fn dimensions(endpoint: &str, variant: &str) -> Value {
    json!([{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}])
}

/// The average of a counter of ones and zeros is the rate.
fn errors(name: &str, endpoint: &str, variant: &str) -> Value {
    json!({
        "AlarmName": format!("{name}-5xx"),
        "AlarmDescription": "Share of invocations answered 5xx.",
        "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors", "Statistic": "Average",
        "Dimensions": dimensions(endpoint, variant),
        "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 3,
        "Threshold": 0.02, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "AlarmActions": ["arn:aws:sns:eu-west-1:447100000921:ml-oncall"],
    })
}

fn slowness(name: &str, endpoint: &str, variant: &str, micros: f64) -> Value {
    json!({
        "AlarmName": format!("{name}-p99"),
        "AlarmDescription": "Model latency, 99th percentile.",
        "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "ExtendedStatistic": "p99",
        "Dimensions": dimensions(endpoint, variant),
        "Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 4,
        "Threshold": micros, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "AlarmActions": ["arn:aws:sns:eu-west-1:447100000921:ml-oncall"],
    })
}
