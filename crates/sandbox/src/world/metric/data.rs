//! GetMetricData, in periods and pages, and the older GetMetricStatistics.

use std::ops::Range;

use mldeck_core::time::{DAY, HOUR, SECOND, Timestamp};
use serde_json::{Value, json};

use super::{
    Key, evaluate, invalid, invalid_token, label,
    math::{Grid, Series},
    query::{Kind, MOST_PERIOD, Queries, Query},
    source,
    stat::Stat,
    tidy,
};
use crate::world::{ApiError, Reply, Request, World, epoch, page};

/// Queries of one call, and datapoints of one answer, as CloudWatch limits them.
const MOST_QUERIES: usize = 500;
const MOST_POINTS: usize = 100_800;
/// How far back CloudWatch keeps datapoints, and how far ahead it takes them.
const KEPT: i64 = 455 * DAY;
const AHEAD: i64 = 2 * HOUR;

/// One time series of an answer.
struct Row<'q> {
    query: &'q Query,
    label: String,
    grid: Grid,
    /// `None` for a plain metric: only what a page shows of it is looked up.
    series: Option<Series>,
}

pub(super) fn get_metric_data(world: &mut World, request: &Request<'_>) -> Reply {
    let bodies = request.list("MetricDataQueries");
    if bodies.is_empty() || bodies.len() > MOST_QUERIES {
        return Err(ApiError::validation(format!("MetricDataQueries must have between 1 and {MOST_QUERIES} items.")));
    }
    let queries = Queries::read(bodies)?;
    let (from, to) = match (request.opt_time("StartTime"), request.opt_time("EndTime")) {
        (Some(from), Some(to)) if from < to => (from, to),
        (Some(_), Some(_)) => {
            return Err(ApiError::validation("The parameter StartTime must be less than the parameter EndTime."));
        }
        (None, _) => return Err(ApiError::missing("StartTime")),
        (_, None) => return Err(ApiError::missing("EndTime")),
    };
    let (from, to) = (from.max(world.now.plus(-KEPT)), to.min(world.now.plus(AHEAD)));
    let ascending = request.opt_text("ScanBy") == Some("TimestampAscending");
    let size = request.opt_int("MaxDatapoints").map_or(MOST_POINTS, |n| n.clamp(1, MOST_POINTS as i64) as usize);
    let (rows, is_cut) = rows(world, &queries, |period| Grid::over(from, to, period))?;
    // Every period of every row, in the order they are answered in: a page is a stretch of this list.
    let all = rows.iter().map(|row| row.grid.count).sum();
    let (page, next) = page::stretch(all, request, ("NextToken", "MaxDatapoints"), size, invalid_token)?;
    let messages = if is_cut {
        json!([{"Code": "MaxMetricsExceeded", "Value": "Maximum number of allowed metrics exceeded"}])
    } else {
        json!([])
    };
    let results = results(world, &rows, &page, ascending, next.is_some());
    Ok(page::reply(json!({"MetricDataResults": results, "Messages": messages}), "NextToken", next))
}

/// The series of every query that returns data, and whether a search found too many.
fn rows<'q>(world: &World, queries: &'q Queries, grid: impl Fn(i64) -> Grid) -> Result<(Vec<Row<'q>>, bool), ApiError> {
    let is_wanted = |query: &Query| query.returned && (query.expression().is_some() || label::needs_points(query));
    let wanted = |index: usize| queries.get(index).is_some_and(is_wanted);
    let evaluated = evaluate::evaluate(Some(world), queries, wanted, &grid)?;
    let mut rows = Vec::new();
    for (query, value) in queries.iter().zip(evaluated.values).filter(|(query, _)| query.returned) {
        let grid = grid(query.period);
        let Some(value) = value else {
            rows.push(Row { query, label: label::plain(query), grid, series: None });
            continue;
        };
        let all = value.series().iter().cloned();
        rows.extend(all.map(|series| Row { query, label: series.label.clone(), grid, series: Some(series) }));
    }
    Ok((rows, evaluated.is_cut))
}

impl Row<'_> {
    fn point(&self, world: &World, index: usize) -> Option<f64> {
        match (&self.series, &self.query.kind) {
            (Some(series), _) => series.points.get(index).copied().flatten(),
            (None, Kind::Metric(key, stat)) => {
                stat.of(&source::samples(world, key, self.grid.starts(index), self.grid.ends(index)))
            }
            (None, Kind::Expression(_)) => None,
        }
    }
}

/// Each row with what of it is on the page.
fn results(world: &World, rows: &[Row<'_>], page: &Range<usize>, ascending: bool, more: bool) -> Vec<Value> {
    let mut before = 0;
    let mut results = Vec::with_capacity(rows.len());
    for row in rows {
        let (first, count) = (before, row.grid.count);
        before += count;
        let shown = page.start.clamp(first, before) - first..page.end.clamp(first, before) - first;
        let places = shown.map(|place| if ascending { place } else { count - 1 - place });
        let points: Vec<(Timestamp, f64)> =
            places.filter_map(|index| Some((row.grid.starts(index), row.point(world, index)?))).collect();
        let is_partial = more && before > page.end;
        results.push(json!({
            "Id": row.query.id,
            "Label": row.label,
            "Timestamps": points.iter().map(|(at, _)| epoch(*at)).collect::<Vec<_>>(),
            "Values": points.iter().map(|(_, value)| json!(tidy(*value))).collect::<Vec<_>>(),
            "StatusCode": if is_partial { "PartialData" } else { "Complete" },
        }));
    }
    results
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
