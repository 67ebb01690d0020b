//! GetMetricData: metrics and expressions over them, cut into periods and pages.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{Key, invalid, invalid_token, math, source, stat::Stat};
use crate::world::{ApiError, Reply, Request, World, epoch, page, request::int};

/// Queries of one call, and datapoints of one answer, as CloudWatch limits them.
const MOST_QUERIES: usize = 500;
const MOST_POINTS: usize = 100_800;
/// Longest period, seconds.
const MOST_PERIOD: i64 = 30 * 86_400;
/// Expressions that refer to expressions, at most this deep.
const DEPTH: usize = 8;

/// One `MetricDataQuery`.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) id: String,
    label: String,
    pub(crate) returned: bool,
    /// Seconds.
    pub(crate) period: i64,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Metric(Key, Stat),
    Expression(String),
}

impl Query {
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let text = |member: &str| body.get(member).and_then(Value::as_str);
        let id = text("Id").unwrap_or_default().to_owned();
        if !id.starts_with(|c: char| c.is_ascii_lowercase())
            || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(invalid(format!(
                "The value '{id}' for parameter Id is invalid: it must start with a lower-case letter."
            )));
        }
        let (kind, period, name) = match (body.get("MetricStat"), text("Expression")) {
            (Some(metric), None) => {
                let key = metric.get("Metric").and_then(Key::read);
                let key = key.ok_or_else(|| invalid(format!("Query '{id}' needs a Namespace and a MetricName.")))?;
                let stat = metric.get("Stat").and_then(Value::as_str).unwrap_or_default();
                let stat = Stat::parse(stat)
                    .ok_or_else(|| invalid(format!("The value {stat} for parameter Stat is not understood here.")))?;
                let name = key.name.clone();
                (Kind::Metric(key, stat), metric.get("Period").and_then(int), name)
            }
            (None, Some(expression)) => {
                (Kind::Expression(expression.to_owned()), body.get("Period").and_then(int), id.clone())
            }
            _ => return Err(invalid(format!("Query '{id}' needs either a MetricStat or an Expression."))),
        };
        let period = match (period, &kind) {
            (Some(period), _)
                if matches!(period, 1 | 5 | 10 | 30) || ((60..=MOST_PERIOD).contains(&period) && period % 60 == 0) =>
            {
                period
            }
            // An expression takes the period of what it is made of.
            (None, Kind::Expression(_)) => 0,
            _ => return Err(invalid(format!("Period of query '{id}' must be 1, 5, 10, 30 or a multiple of 60."))),
        };
        Ok(Self {
            label: text("Label").unwrap_or(&name).to_owned(),
            returned: body.get("ReturnData").is_none_or(|flag| flag != &Value::Bool(false) && flag != "false"),
            id,
            period,
            kind,
        })
    }

    /// All of a request or an alarm; ids are unique and expressions refer to what is there.
    pub(crate) fn read_all(bodies: &[Value]) -> Result<Vec<Self>, ApiError> {
        let mut queries = bodies.iter().map(Self::read).collect::<Result<Vec<_>, _>>()?;
        for (index, query) in queries.iter().enumerate() {
            if queries.iter().take(index).any(|other| other.id == query.id) {
                return Err(invalid(format!("The id '{}' is used twice.", query.id)));
            }
            if let Kind::Expression(expression) = &query.kind {
                math::evaluate(expression, &|id| queries.iter().any(|q| q.id == id).then_some(Some(1.0)))
                    .map_err(|why| invalid(format!("Error in expression '{}': {why}", query.id)))?;
            }
        }
        let period = queries.iter().map(|query| query.period).max().unwrap_or(60).max(1);
        for query in &mut queries {
            if query.period == 0 {
                query.period = period;
            }
        }
        Ok(queries)
    }
}

/// The value of `query` over the period that starts at `from`; `None` when nothing was published.
pub(crate) fn value(world: &World, queries: &[Query], query: &Query, from: Timestamp, depth: usize) -> Option<f64> {
    let to = from.plus(query.period * SECOND);
    match &query.kind {
        Kind::Metric(key, stat) => stat.of(&source::samples(world, key, from, to)),
        Kind::Expression(_) if depth >= DEPTH => None,
        Kind::Expression(expression) => math::evaluate(expression, &|id| {
            queries.iter().find(|q| q.id == id).map(|inner| value(world, queries, inner, from, depth + 1))
        })
        .ok()
        .flatten(),
    }
}

pub(super) fn get_metric_data(world: &mut World, request: &Request<'_>) -> Reply {
    let bodies = request.list("MetricDataQueries");
    if bodies.is_empty() || bodies.len() > MOST_QUERIES {
        return Err(ApiError::validation(format!("MetricDataQueries must have between 1 and {MOST_QUERIES} items.")));
    }
    let queries = Query::read_all(bodies)?;
    let (from, to) = match (request.opt_time("StartTime"), request.opt_time("EndTime")) {
        (Some(from), Some(to)) if from < to => (from, to),
        (Some(_), Some(_)) => {
            return Err(ApiError::validation("The parameter StartTime must be less than the parameter EndTime."));
        }
        (None, _) => return Err(ApiError::missing("StartTime")),
        (_, None) => return Err(ApiError::missing("EndTime")),
    };
    let ascending = request.opt_text("ScanBy") == Some("TimestampAscending");
    let size = request.opt_int("MaxDatapoints").map_or(MOST_POINTS, |n| n.clamp(1, MOST_POINTS as i64) as usize);
    // Every period of every returned query, in the order they are answered in: a page is a stretch of this list.
    let slots: Vec<(usize, Timestamp)> = queries
        .iter()
        .enumerate()
        .filter(|(_, query)| query.returned)
        .flat_map(|(index, query)| starts(query, from, to, ascending).map(move |at| (index, at)))
        .take(MOST_POINTS * 8)
        .collect();
    let (cut, next) = page::cut(&slots, request, ("NextToken", "MaxDatapoints"), size, invalid_token)?;
    Ok(page::reply(
        json!({"MetricDataResults": results(world, &queries, cut, next.is_some()), "Messages": []}),
        "NextToken",
        next,
    ))
}

/// Starts of the periods that lie in `from..to`, aligned as CloudWatch aligns them.
fn starts(query: &Query, from: Timestamp, to: Timestamp, ascending: bool) -> impl Iterator<Item = Timestamp> {
    let period = query.period * SECOND;
    let first = from.floor(period);
    let count = (to.since(first).max(0) + period - 1) / period;
    (0..count).map(move |n| first.plus(if ascending { n } else { count - 1 - n } * period))
}

fn results(world: &World, queries: &[Query], slots: &[(usize, Timestamp)], more: bool) -> Vec<Value> {
    let last = slots.last().map(|(index, _)| *index);
    let returned = queries.iter().enumerate().filter(|(_, query)| query.returned);
    returned
        .map(|(index, query)| {
            let points: Vec<(Timestamp, f64)> = slots
                .iter()
                .filter(|(of, _)| *of == index)
                .filter_map(|(_, at)| Some((*at, value(world, queries, query, *at, 0)?)))
                .collect();
            let partial = more && last.is_none_or(|last| index >= last);
            json!({
                "Id": query.id,
                "Label": query.label,
                "Timestamps": points.iter().map(|(at, _)| epoch(*at)).collect::<Vec<_>>(),
                "Values": points.iter().map(|(_, value)| json!(tidy(*value))).collect::<Vec<_>>(),
                "StatusCode": if partial { "PartialData" } else { "Complete" },
            })
        })
        .collect()
}

/// Without the noise of the last binary digits.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Datapoints of one GetMetricStatistics call, as CloudWatch limits them.
const MOST_STATISTICS: usize = 1_440;

/// The older call for one metric: what tools without GetMetricData ask.
pub(super) fn get_metric_statistics(world: &mut World, request: &Request<'_>) -> Reply {
    let key = Key::read(request.input).ok_or_else(|| ApiError::missing("MetricName"))?;
    let (from, to) = request
        .opt_time("StartTime")
        .zip(request.opt_time("EndTime"))
        .filter(|(from, to)| from < to)
        .ok_or_else(|| invalid("The parameter StartTime must be less than the parameter EndTime."))?;
    let period = request.opt_int("Period").filter(|period| (1..=MOST_PERIOD).contains(period));
    let period = period.ok_or_else(|| ApiError::missing("Period"))?;
    let names = [request.texts("Statistics"), request.texts("ExtendedStatistics")].concat();
    let statistics = names
        .iter()
        .map(|name| Some((*name, Stat::parse(name)?)))
        .collect::<Option<Vec<_>>>()
        .filter(|statistics| !statistics.is_empty())
        .ok_or_else(|| invalid("Statistics or ExtendedStatistics must name what is wanted."))?;
    let step = period * SECOND;
    let first = from.floor(step);
    let count = (to.since(first) + step - 1) / step;
    if count > MOST_STATISTICS as i64 {
        return Err(ApiError::new(
            400,
            "InvalidParameterCombinationException",
            format!("You have requested up to {count} datapoints, which exceeds the limit of {MOST_STATISTICS}."),
        ));
    }
    let points: Vec<Value> = (0..count)
        .filter_map(|n| {
            let at = first.plus(n * step);
            let samples = source::samples(world, &key, at, at.plus(step));
            let mut point = json!({"Timestamp": epoch(at), "Unit": "None"});
            for (name, stat) in &statistics {
                let value = json!(tidy(stat.of(&samples)?));
                match stat {
                    Stat::Percentile(_) | Stat::Between(..) => point["ExtendedStatistics"][*name] = value,
                    _ => point[*name] = value,
                }
            }
            Some(point)
        })
        .collect();
    Ok(json!({"Label": key.name, "Datapoints": points}))
}
