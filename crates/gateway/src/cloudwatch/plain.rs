//! CloudWatch in JSON, for addresses that do not offer the CBOR the SDK sends (fakes answer it with 404). Reads only.

use mldeck_core::{
    fault::{Fault, FaultKind},
    resource::{Alarm, alarm::AlarmState},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{Metric, Points};
use crate::{
    Gateway,
    fault::Doing,
    json::{self, Api, list, string, when},
    pace::Service,
};

const API: Api = Api {
    pace: Service::CloudWatch,
    service_id: "CloudWatch",
    host: "monitoring",
    signing: "monitoring",
    target: "GraniteServiceVersion20100801",
    version: "1.0",
};

impl Gateway {
    /// `otherwise` is why the SDK's call failed: it stays the answer behind AWS's own address.
    pub(super) async fn in_json(&self, doing: Doing, input: &Value, otherwise: Fault) -> Result<Value, Fault> {
        let offered = matches!(otherwise.kind, FaultKind::NotOffered { .. });
        if !offered || self.clients().endpoint_url(API.service_id).is_none() {
            return Err(otherwise);
        }
        self.pace.poll(API.pace).await;
        self.json_once(&API, doing, input).await
    }
}

pub(super) fn data_request(
    metrics: &[Metric],
    first: usize,
    from: Timestamp,
    to: Timestamp,
    token: Option<&str>,
) -> Value {
    let query = |(offset, metric): (usize, &Metric)| {
        let dimensions: Vec<Value> =
            metric.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        let named = json!({"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions});
        let stat = json!({"Metric": named, "Period": metric.period, "Stat": metric.stat});
        json!({"Id": format!("m{}", first + offset), "MetricStat": stat, "ReturnData": true})
    };
    let queries: Vec<Value> = metrics.iter().enumerate().map(query).collect();
    with_token(
        json!({"MetricDataQueries": queries, "StartTime": from.secs(), "EndTime": to.secs(), "ScanBy": "TimestampAscending"}),
        token,
    )
}

pub(super) fn with_token(mut input: Value, token: Option<&str>) -> Value {
    if let Some(token) = token {
        input["NextToken"] = json!(token);
    }
    input
}

pub(super) fn token(page: &Value) -> Option<String> {
    json::token(page, "NextToken")
}

pub(super) fn data(page: &Value) -> Vec<(Option<usize>, Points)> {
    let result = |result: &Value| {
        let values = list(result, "Values").filter_map(Value::as_f64);
        let points = list(result, "Timestamps").filter_map(when).zip(values).collect();
        (super::index(string(result, "Id")), points)
    };
    list(page, "MetricDataResults").map(result).collect()
}

pub(super) fn names(page: &Value) -> Vec<(String, Vec<(String, String)>)> {
    let metric = |metric: &Value| {
        let name = string(metric, "MetricName").unwrap_or_default().to_owned();
        (name, dimensions(metric).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    };
    list(page, "Metrics").map(metric).collect()
}

pub(super) fn alarms(page: &Value) -> Vec<Alarm> {
    list(page, "MetricAlarms").chain(list(page, "CompositeAlarms")).map(alarm).collect()
}

fn alarm(alarm: &Value) -> Alarm {
    let text = |name: &str| Text::new(string(alarm, name).unwrap_or_default());
    let actions = ["AlarmActions", "OKActions", "InsufficientDataActions"];
    let enabled = alarm.get("ActionsEnabled").and_then(Value::as_bool).unwrap_or(true);
    let of_math = list(alarm, "Metrics").filter_map(|query| query.pointer("/MetricStat/Metric")).flat_map(dimensions);
    let mut all: Vec<(Text, Text)> = Vec::new();
    for (name, value) in dimensions(alarm).chain(of_math) {
        let dimension = (Text::new(name), Text::new(value));
        if !all.contains(&dimension) {
            all.push(dimension);
        }
    }
    Alarm {
        name: text("AlarmName"),
        arn: text("AlarmArn"),
        state: AlarmState::parse(string(alarm, "StateValue").unwrap_or_default()),
        since: alarm.get("StateTransitionedTimestamp").or_else(|| alarm.get("StateUpdatedTimestamp")).and_then(when),
        reason: text("StateReason"),
        metric: string(alarm, "Namespace").zip(string(alarm, "MetricName")).map(|(s, n)| (Text::new(s), Text::new(n))),
        dimensions: all,
        rule: string(alarm, "AlarmRule").map(Text::new),
        threshold: alarm.get("Threshold").and_then(Value::as_f64),
        comparison: string(alarm, "ComparisonOperator").map(Text::new),
        period_secs: alarm.get("Period").and_then(Value::as_i64),
        evaluation_periods: alarm.get("EvaluationPeriods").and_then(Value::as_i64),
        has_actions: enabled && actions.iter().any(|name| list(alarm, name).next().is_some()),
    }
}

fn dimensions(of: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(of, "Dimensions").filter_map(|pair| string(pair, "Name").zip(string(pair, "Value")))
}
