//! CloudWatch metrics: what the fleets publish, computed on demand, and what callers put, kept.

mod data;
mod evaluate;
mod kinds;
mod label;
mod math;
mod query;
mod source;
mod stat;

use std::collections::{BTreeMap, VecDeque};

use mldeck_core::time::{DAY, HOUR, Timestamp};
use serde_json::{Value, json};

use super::{
    ApiError, Handler, Reply, Request, World, monitor, page,
    request::{float, moment},
    shelf,
};
pub(crate) use evaluate::{value, values};
pub(crate) use query::{Queries, refused};

/// Datapoints kept per custom metric; older ones fall out.
const POINTS: usize = 4_096;
/// Custom metrics kept.
const METRICS: usize = 4_096;

/// Which metric: namespace, name, and dimensions sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let mut dimensions: Vec<(String, String)> =
            dimensions.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        dimensions.sort();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// From `Namespace`, `MetricName` and `Dimensions` of a request.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let text = |member: &str| body.get(member).and_then(Value::as_str);
        Some(Self::new(text("Namespace")?, text("MetricName")?, &pairs(body.get("Dimensions"))))
    }

    /// `Dimensions` of a response.
    pub(crate) fn dimensions_body(&self) -> Vec<Value> {
        self.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect()
    }

    fn body(&self) -> Value {
        json!({"Namespace": self.namespace, "MetricName": self.name, "Dimensions": self.dimensions_body()})
    }
}

fn pairs(dimensions: Option<&Value>) -> Vec<(&str, &str)> {
    dimensions
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|d| Some((d.get("Name")?.as_str()?, d.get("Value")?.as_str()?)))
        .collect()
}

/// What was put: a value `count` times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: Timestamp,
    pub(crate) value: f64,
    pub(crate) count: f64,
}

#[derive(Default)]
pub(crate) struct State {
    custom: BTreeMap<Key, VecDeque<Point>>,
}

impl State {
    /// Keeps one datapoint. Points of one metric need not come in order.
    pub(crate) fn put(&mut self, key: Key, point: Point) {
        if self.custom.len() >= METRICS && !self.custom.contains_key(&key) {
            return;
        }
        let points = self.custom.entry(key).or_default();
        let at = points.partition_point(|have| have.at <= point.at);
        points.insert(at, point);
        if points.len() > POINTS {
            points.pop_front();
        }
    }

    /// Points of a metric in `from..to`, oldest first.
    pub(crate) fn points(&self, key: &Key, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Point> {
        self.custom.get(key).into_iter().flat_map(move |points| {
            let start = points.partition_point(|point| point.at < from);
            points.range(start..).take_while(move |point| point.at < to)
        })
    }

    /// Every metric that was ever put.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.custom.keys()
    }

    fn newest(&self, key: &Key) -> Option<Timestamp> {
        self.custom.get(key)?.back().map(|point| point.at)
    }
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("GetMetricData", data::get_metric_data),
    ("GetMetricStatistics", data::get_metric_statistics),
    ("ListMetrics", list_metrics),
    ("PutMetricData", put_metric_data),
];

/// Rows of one page of ListMetrics.
const PAGE: usize = 500;

pub(super) fn invalid_token() -> ApiError {
    ApiError::new(400, "InvalidNextToken", "The next token specified is invalid.")
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterValueException", message)
}

/// Every metric of the account, in order; since a time, without those that jobs or callers reported before it alone. Fleets
/// and monitors report all the time.
fn keys(world: &World, since: Option<Timestamp>) -> Vec<Key> {
    let is_recent = |key: &&Key| since.is_none_or(|since| world.metrics.newest(key).is_some_and(|at| at >= since));
    let mut keys: Vec<Key> = source::keys(world)
        .chain(source::keys_of_new_fleets(world))
        .chain(source::keys_of_components(world))
        .chain(monitor::keys(world))
        .chain(shelf::published::keys(world, since))
        .chain(world.metrics.keys().filter(is_recent).cloned())
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

fn list_metrics(world: &mut World, request: &Request<'_>) -> Reply {
    if let Some(other) = request.opt_text("RecentlyActive").filter(|active| *active != "PT3H") {
        return Err(invalid(format!("The value {other} for parameter RecentlyActive is invalid: it must be PT3H.")));
    }
    let recent = request.opt_text("RecentlyActive").is_some().then(|| world.now.plus(-3 * HOUR));
    let wanted = |key: &Key| {
        request.opt_text("Namespace").is_none_or(|space| key.namespace == space)
            && request.opt_text("MetricName").is_none_or(|name| key.name == name)
            && request.list("Dimensions").iter().all(|filter| {
                let member = |name: &str| filter.get(name).and_then(Value::as_str);
                let value = member("Value");
                key.dimensions.iter().any(|(n, v)| Some(n.as_str()) == member("Name") && value.is_none_or(|w| w == v))
            })
    };
    let keys: Vec<Key> = keys(world, recent).into_iter().filter(wanted).collect();
    let (cut, next) = page::cut(&keys, request, ("NextToken", "MaxRecords"), PAGE, invalid_token)?;
    let metrics: Vec<Value> = cut.iter().map(Key::body).collect();
    Ok(page::reply(json!({"Metrics": metrics}), "NextToken", next))
}

/// Without the noise of the last binary digits.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Datapoints of one call, as CloudWatch limits them.
const MOST_DATA: usize = 1_000;

/// 2^360: CloudWatch takes no larger value.
const LARGEST: f64 = 2.348_542_582_773_833e108;

fn put_metric_data(world: &mut World, request: &Request<'_>) -> Reply {
    let namespace = request.text("Namespace")?;
    if namespace.starts_with("AWS/") {
        return Err(invalid("The value AWS/ for parameter Namespace is invalid: it is reserved."));
    }
    let data = request.list("MetricData");
    if data.is_empty() || data.len() > MOST_DATA {
        return Err(invalid(format!("The collection MetricData must have between 1 and {MOST_DATA} items.")));
    }
    let points = data.iter().map(|datum| read_datum(world, namespace, datum)).collect::<Result<Vec<_>, _>>()?;
    for (key, point) in points.into_iter().flatten() {
        world.metrics.put(key, point);
    }
    Ok(json!({}))
}

fn read_datum(world: &World, namespace: &str, datum: &Value) -> Result<Vec<(Key, Point)>, ApiError> {
    let name = datum
        .get("MetricName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::new(400, "MissingRequiredParameterException", "MetricName is required."))?;
    let key = Key::new(namespace, name, &pairs(datum.get("Dimensions")));
    let at = datum.get("Timestamp").and_then(moment).unwrap_or(world.now);
    // CloudWatch takes two weeks back and two hours ahead.
    if at.since(world.now) > 2 * HOUR || world.now.since(at) > 14 * DAY {
        return Err(invalid(
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
        ));
    }
    let floats = |member: &str| -> Vec<f64> {
        datum.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(float).collect()
    };
    let number = |member: &str| datum.get(member).and_then(float);
    let mut points = Vec::new();
    if let Some(value) = number("Value") {
        points.push((value, 1.0));
    } else if let Some(statistics) = datum.get("StatisticValues") {
        let member = |name: &str| statistics.get(name).and_then(float);
        if let (Some(sum), Some(count)) = (member("Sum"), member("SampleCount").filter(|count| *count > 0.0)) {
            points.push((sum / count, count));
        }
    } else {
        let counts = floats("Counts");
        let values = floats("Values").into_iter().enumerate();
        points.extend(values.map(|(index, value)| (value, counts.get(index).copied().unwrap_or(1.0))));
    }
    if points.iter().any(|(value, count)| value.abs() > LARGEST || !(0.0..=LARGEST).contains(count)) {
        return Err(invalid("Values must be between -2^360 and 2^360."));
    }
    if points.is_empty() {
        return Err(ApiError::new(
            400,
            "InvalidParameterCombinationException",
            "A datum needs a Value, Values or StatisticValues.",
        ));
    }
    Ok(points.into_iter().map(|(value, count)| (key.clone(), Point { at, value, count })).collect())
}

#[cfg(test)]
mod tests;
