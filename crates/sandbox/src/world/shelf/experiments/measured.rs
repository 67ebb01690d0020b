//! What BatchPutMetrics wrote.

use std::collections::BTreeMap;

use mldeck_core::{id::arn_tail, time::Timestamp};
use serde_json::{Value, json};

use super::components;
use crate::world::{
    ApiError, Reply, Request, World, epoch,
    request::{camel, float, int, moment},
    run::{Point, Summary},
};

/// Most metrics of a component and points of a metric. `[?]`: AWS has such limits and does not tell them.
const METRICS: usize = 1_000;
const POINTS: usize = 100_000;
/// Most points in the account: what is written is kept in memory.
const ROOM: usize = 2_000_000;
/// Most entries of one request.
const MOST: usize = 10;
const NAME: usize = 255;

#[derive(Default)]
pub(super) struct State {
    /// By component and metric; points in the order of their time.
    kept: BTreeMap<String, BTreeMap<String, Vec<Point>>>,
    points: usize,
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn knows(&self, component: &str) -> bool {
        self.kept.contains_key(component)
    }

    pub(super) fn forget(&mut self, component: &str) {
        let gone = self.kept.remove(component).unwrap_or_default();
        self.points -= gone.values().map(Vec::len).sum::<usize>();
    }

    /// Keeps one value. The same again changes nothing; another one for the same step and time is in conflict with it.
    fn put(
        &mut self,
        component: &str,
        metric: &str,
        (step, at, value): (Option<u32>, Timestamp, f64),
    ) -> Result<(), Code> {
        let is_full = self.points >= ROOM;
        let metrics = self.kept.entry(component.to_owned()).or_default();
        if !metrics.contains_key(metric) && (is_full || metrics.len() >= METRICS) {
            return Err(Code::MetricLimit);
        }
        let points = metrics.entry(metric.to_owned()).or_default();
        let known = points.iter().find(|point| point.at == at && step.is_none_or(|step| point.step == step));
        match known {
            Some(known) if known.value.total_cmp(&value).is_eq() => return Ok(()),
            Some(_) => return Err(Code::Conflict),
            None => {}
        }
        if is_full || points.len() >= POINTS {
            return Err(Code::MetricLimit);
        }
        // Who counts no steps means the next one.
        let last = points.iter().map(|point| point.step).max();
        let step = step.or_else(|| last.map_or(Some(0), |last| last.checked_add(1))).ok_or(Code::Validation)?;
        let point = Point { step, at, value };
        let place = points.partition_point(|known| (known.at, known.step) <= (point.at, point.step));
        points.insert(place, point);
        self.points += 1;
        Ok(())
    }
}

/// Why an entry was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    MetricLimit,
    Validation,
    Conflict,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::MetricLimit => "METRIC_LIMIT_EXCEEDED",
            Self::Validation => "VALIDATION_ERROR",
            Self::Conflict => "CONFLICT_ERROR",
        }
    }
}

/// BatchPutMetrics: what is wrong with an entry is told of that entry, the others are kept.
pub(crate) fn put(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialComponentName")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 120 || !name.chars().all(is_plain) || name.starts_with('-') || name.ends_with('-') {
        return Err(constraint(
            "TrialComponentName",
            "Member must satisfy regular expression pattern: ^[a-z0-9](-*[a-z0-9]){0,119}",
        ));
    }
    let data = request.list("MetricData");
    if data.is_empty() || data.len() > MOST {
        let what = format!("Member must have length between 1 and {MOST}");
        return Err(constraint("MetricData", &what));
    }
    // `[?]`: the operation is modelled to fail with nothing of its own.
    let key = components::find(world, name).map(|component| component.key());
    let key = key.ok_or_else(|| ApiError::validation(format!("The trial component {name} does not exist.")))?;
    let state = &mut world.shelf.experiments.measured;
    let errors: Vec<Value> = data
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| {
            let code = read(entry).and_then(|(metric, point)| state.put(&key, metric, point)).err()?;
            Some(json!({"Code": code.as_str(), "MetricIndex": index}))
        })
        .collect();
    if state.kept.get(&key).is_some_and(BTreeMap::is_empty) {
        state.kept.remove(&key);
    }
    Ok(if errors.is_empty() { json!({}) } else { json!({"Errors": errors}) })
}

fn constraint(member: &str, what: &str) -> ApiError {
    let place = camel(member);
    ApiError::validation(format!(
        "1 validation error detected: Value at '{place}' failed to satisfy constraint: {what}"
    ))
}

type Entry = (Option<u32>, Timestamp, f64);

fn read(entry: &Value) -> Result<(&str, Entry), Code> {
    let name = entry.get("MetricName").and_then(Value::as_str);
    let name = name.filter(|name| (1..=NAME).contains(&name.chars().count())).ok_or(Code::Validation)?;
    let at = entry.get("Timestamp").and_then(moment).ok_or(Code::Validation)?;
    let value = entry.get("Value").and_then(float).filter(|value| value.is_finite()).ok_or(Code::Validation)?;
    let step = match entry.get("Step").filter(|step| !step.is_null()) {
        None => None,
        Some(step) => {
            let step = int(step).and_then(|step| u32::try_from(step).ok()).filter(|step| *step < u32::MAX);
            Some(step.ok_or(Code::Validation)?)
        }
    };
    Ok((name, (step, at, value)))
}

/// One member of a component's `Metrics`.
pub(super) fn summary(metric: &str, source: &str, all: &Summary) -> Value {
    json!({
        "MetricName": metric, "SourceArn": source, "TimeStamp": epoch(all.at), "Min": all.min, "Max": all.max,
        "Last": all.last, "Avg": all.mean, "StdDev": all.deviation, "Count": all.count,
    })
}

/// Of each metric that was put.
pub(super) fn summaries(world: &World, key: &str, arn: &str) -> Vec<Value> {
    let metrics = world.shelf.experiments.measured.kept.get(key).into_iter().flatten();
    metrics.filter_map(|(metric, points)| Some(summary(metric, arn, &Summary::of(points)?))).collect()
}

/// What was put of a metric; `None` when there is no such component.
pub(crate) fn curve(world: &World, arn: &str, metric: &str) -> Option<Vec<Point>> {
    let name = arn_tail(arn).to_lowercase();
    let put = world.shelf.experiments.measured.kept.get(&name).and_then(|metrics| metrics.get(metric));
    match put {
        Some(points) => Some(points.clone()),
        None => {
            arn.contains(":experiment-trial-component/").then(|| components::find(world, &name))?.map(|_| Vec::new())
        }
    }
}
