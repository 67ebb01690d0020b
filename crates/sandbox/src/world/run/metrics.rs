//! `sagemaker-metrics`: the curves of runs.

use mldeck_core::{
    id::arn_tail,
    time::{HOUR, MINUTE},
};
use serde_json::{Value, json};

use super::curve::Point;
use crate::world::{ApiError, Handler, Reply, Request, World, request::int, shelf};

pub(crate) const OPERATIONS: &[(&str, Handler)] =
    &[("BatchGetMetrics", batch_get), ("BatchPutMetrics", shelf::experiments::put)];

const MOST: usize = 100;
const STATS: &[&str] = &["Min", "Max", "Avg", "Count", "StdDev", "Last"];
const PERIODS: &[&str] = &["OneMinute", "FiveMinute", "OneHour", "IterationNumber"];
const AXES: &[&str] = &["IterationNumber", "Timestamp"];

fn batch_get(world: &mut World, request: &Request<'_>) -> Reply {
    let queries = request.list("MetricQueries");
    if queries.is_empty() || queries.len() > MOST {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value at 'metricQueries' failed to satisfy constraint: Member must have length \
             between 1 and {MOST}"
        )));
    }
    let results: Vec<Value> = queries.iter().map(|query| answer(world, query)).collect();
    Ok(json!({"MetricQueryResults": results}))
}

/// One query; what is wrong with it is told in its own result.
fn answer(world: &World, query: &Value) -> Value {
    match series(world, query) {
        Ok((x, y)) => json!({"Status": "Complete", "XAxisValues": x, "MetricValues": y}),
        Err(message) => json!({"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}),
    }
}

fn series(world: &World, query: &Value) -> Result<(Vec<i64>, Vec<f64>), String> {
    let member = |name: &str| query.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is required"));
    let one_of = |name: &str, allowed: &[&str]| {
        let value = member(name)?;
        if allowed.contains(&value) { Ok(value) } else { Err(format!("{name} must be one of {}", allowed.join(", "))) }
    };
    let (metric, arn) = (member("MetricName")?, member("ResourceArn")?);
    let (stat, period) = (one_of("MetricStat", STATS)?, one_of("Period", PERIODS)?);
    let axis = one_of("XAxisType", AXES)?;
    let now = world.now();
    let name = arn_tail(arn);
    let run =
        if arn.contains(":training-job/") { world.runs.named(name, now) } else { world.runs.component(name, now) };
    let logged = match run {
        Some(run) => Some(run.curve(world.seed, metric, now).unwrap_or_default()),
        None => shelf::curve(world, arn, metric),
    };
    let put = shelf::experiments::curve(world, arn, metric);
    if logged.is_none() && put.is_none() {
        return Err(format!("Resource {arn} does not exist"));
    }
    let mut points: Vec<Point> = logged.into_iter().chain(put).flatten().collect();
    match period {
        "IterationNumber" => points.sort_by_key(|point| point.step),
        _ => points.sort_by_key(|point| point.at),
    }
    let width = match period {
        "OneMinute" => Some(MINUTE),
        "FiveMinute" => Some(5 * MINUTE),
        "OneHour" => Some(HOUR),
        _ => None,
    };
    let groups = points.chunk_by(|a, b| width.is_some_and(|width| a.at.floor(width) == b.at.floor(width)));
    let bound = |name: &str| query.get(name).and_then(int);
    let (start, end) = (bound("Start"), bound("End"));
    Ok(groups
        .filter_map(|group| {
            let last = group.last()?;
            let x = match (axis, width) {
                ("IterationNumber", _) => i64::from(last.step),
                (_, Some(width)) => last.at.floor(width).secs(),
                (_, None) => last.at.secs(),
            };
            Some((x, reduce(stat, group)))
        })
        .filter(|(x, _)| start.is_none_or(|start| *x >= start) && end.is_none_or(|end| *x <= end))
        .unzip())
}

fn reduce(stat: &str, group: &[Point]) -> f64 {
    let values = || group.iter().map(|point| point.value);
    let count = group.len() as f64;
    let mean = values().sum::<f64>() / count;
    match stat {
        "Min" => values().fold(f64::INFINITY, f64::min),
        "Max" => values().fold(f64::NEG_INFINITY, f64::max),
        "Count" => count,
        "StdDev" => (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt(),
        "Last" => values().next_back().unwrap_or(mean),
        _ => mean,
    }
}
