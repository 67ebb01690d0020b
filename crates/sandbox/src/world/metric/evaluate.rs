//! What queries are over time: each evaluated once, whole, after what it reads.

use std::{
    cell::{Cell, OnceCell},
    collections::BTreeMap,
    rc::Rc,
};

use mldeck_core::time::Timestamp;

use super::{
    Key, keys, label,
    math::{Grid, Named, Scope, Searched, Series, Value},
    query::{Kind, Queries, Query, wrong},
    source,
    stat::Stat,
};
use crate::world::{ApiError, World};

/// Points that the expressions of one call may make on the way to their results: enough for five hundred queries over a day of
/// minutes.
const BUDGET: usize = 8_000_000;
/// A datapoint that is looked up costs as much as so many that are computed from others.
const LOOKED_UP: usize = 8;
/// Metrics one search finds, as CloudWatch limits them.
const MOST_FOUND: usize = 100;

/// The values of some queries of a call.
pub(super) struct Evaluated {
    /// By index of the query; `None` for what nobody wanted.
    pub(super) values: Vec<Option<Value>>,
    /// Whether a search found more than it may.
    pub(super) is_cut: bool,
}

struct Evaluation<'w> {
    /// `None` while queries are checked, when there is no data yet.
    world: Option<&'w World>,
    queries: &'w Queries,
    done: Vec<Option<Value>>,
    keys: OnceCell<Vec<Key>>,
    budget: Cell<usize>,
    is_cut: Cell<bool>,
}

/// Refuses expressions whose types do not fit: evaluated over no periods, they fail as they would over many.
pub(super) fn check(queries: &Queries) -> Result<Evaluated, ApiError> {
    evaluate(None, queries, |_| true, |period| Grid::new(Timestamp::default(), period, 0))
}

/// Whether the result of a query is an array of series, which shows without data.
pub(super) fn is_array(queries: &Queries, index: usize) -> bool {
    check(queries).is_ok_and(|done| matches!(done.values.get(index), Some(Some(Value::Array(_)))))
}

/// The queries that are `wanted`, and what they read, each on the grid for its period.
pub(super) fn evaluate(
    world: Option<&World>,
    queries: &Queries,
    wanted: impl Fn(usize) -> bool,
    grid: impl Fn(i64) -> Grid,
) -> Result<Evaluated, ApiError> {
    let needed = needed(queries, wanted);
    let mut evaluation = Evaluation {
        world,
        queries,
        done: vec![None; queries.len()],
        keys: OnceCell::new(),
        budget: Cell::new(BUDGET),
        is_cut: Cell::new(false),
    };
    for (index, query) in queries.ordered().filter(|(index, _)| needed.get(*index) == Some(&true)) {
        let value = evaluation.value(query, &grid).map_err(|why| wrong(&query.id, &why))?;
        let value = label::labelled(query, value);
        if let Some(done) = evaluation.done.get_mut(index) {
            *done = Some(value);
        }
    }
    Ok(Evaluated { values: evaluation.done, is_cut: evaluation.is_cut.get() })
}

/// What is wanted, with everything it reads.
fn needed(queries: &Queries, wanted: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut needed: Vec<bool> = (0..queries.len()).map(wanted).collect();
    for (index, query) in queries.ordered().rev() {
        let Some(expression) = query.expression().filter(|_| needed.get(index) == Some(&true)) else { continue };
        let named = expression.reads.iter().filter_map(|id| queries.place(id));
        let all =
            queries.iter().enumerate().filter(|(_, other)| expression.reads_metrics && other.expression().is_none());
        for read in named.chain(all.map(|(place, _)| place)) {
            if let Some(needed) = needed.get_mut(read) {
                *needed = true;
            }
        }
    }
    needed
}

impl Evaluation<'_> {
    fn value(&self, query: &Query, grid: &impl Fn(i64) -> Grid) -> Result<Value, String> {
        let own = grid(query.period);
        let mut scope =
            Scope { grid: own, named: BTreeMap::new(), metrics: Vec::new(), found: Vec::new(), budget: &self.budget };
        let expression = match &query.kind {
            Kind::Metric(key, stat) => {
                scope.spend(weight(query.period))?;
                return Ok(Value::Series(self.metric(key, *stat, own)));
            }
            Kind::Expression(expression) => expression,
        };
        for (index, other) in self.queries.iter().enumerate() {
            let is_metric = other.expression().is_none();
            let is_read = expression.reads.contains(&other.id) || is_metric && expression.reads_metrics;
            if !is_read {
                continue;
            }
            let Some(value) = self.done.get(index).and_then(Option::as_ref) else { continue };
            scope.spend(value.series().len())?;
            let named = Named { value: value.on(grid(other.period), own), period: is_metric.then_some(other.period) };
            scope.named.insert(&other.id, named);
            if is_metric {
                scope.metrics.push(&other.id);
            }
        }
        for searched in &expression.searches {
            let found = self.found(searched, query.period, &scope, grid)?;
            scope.found.push(found);
        }
        expression.value(&scope)
    }

    fn metric(&self, key: &Key, stat: Stat, grid: Grid) -> Series {
        let point = |index| stat.of(&source::samples(self.world?, key, grid.starts(index), grid.ends(index)));
        Series {
            label: key.name.clone(),
            metric: Some(Rc::new(key.clone())),
            points: (0..grid.count).map(point).collect(),
        }
    }

    fn found(
        &self,
        searched: &Searched,
        period: i64,
        scope: &Scope<'_>,
        grid: &impl Fn(i64) -> Grid,
    ) -> Result<Vec<Series>, String> {
        let Some(world) = self.world else { return Ok(Vec::new()) };
        let all = self.keys.get_or_init(|| keys(world, None));
        let mut found: Vec<&Key> = all.iter().filter(|key| searched.search.finds(key)).take(MOST_FOUND + 1).collect();
        if found.len() > MOST_FOUND {
            self.is_cut.set(true);
            found.truncate(MOST_FOUND);
        }
        let own = grid(searched.period.unwrap_or(period));
        let mut series = Vec::with_capacity(found.len());
        for key in found {
            scope.spend((1 + own.count / scope.grid.count.max(1)) * weight(searched.period.unwrap_or(period)))?;
            let Series { metric, points, .. } = self.metric(key, searched.stat, own);
            series.push(Series { label: label(key), metric, points });
        }
        Ok(Value::Array(series).on(own, scope.grid).series().to_vec())
    }
}

/// What a datapoint of that period costs: a long one has more in it to look at than a short one, up to an hour.
fn weight(period: i64) -> usize {
    LOOKED_UP * usize::try_from((period / 300).clamp(1, 12)).unwrap_or(1)
}

/// How a metric that was found is told from the others: by the values of its dimensions, and its name.
fn label(key: &Key) -> String {
    let values = key.dimensions.iter().map(|(_, value)| value.as_str());
    values.chain([key.name.as_str()]).collect::<Vec<_>>().join(" ")
}

/// The values of one query over `count` periods from `from` on, oldest first; what an alarm watches. An expression that
/// cannot be evaluated has none.
pub(crate) fn values(
    world: &World,
    queries: &Queries,
    watched: usize,
    from: Timestamp,
    count: usize,
) -> Vec<Option<f64>> {
    let Some(query) = queries.get(watched) else { return Vec::new() };
    let grid = Grid::new(from, query.period, count);
    if let Kind::Metric(key, stat) = &query.kind {
        let point = |index| stat.of(&source::samples(world, key, grid.starts(index), grid.ends(index)));
        return (0..count).map(point).collect();
    }
    let evaluated = evaluate(Some(world), queries, |index| index == watched, |period| grid.cut(period));
    let value = evaluated.ok().and_then(|mut done| done.values.get_mut(watched)?.take());
    match value {
        Some(Value::Series(series)) => series.points,
        _ => vec![None; count],
    }
}

/// The value of one query over the period that starts at `from`.
pub(crate) fn value(world: &World, queries: &Queries, watched: usize, from: Timestamp) -> Option<f64> {
    values(world, queries, watched, from, 1).first().copied().flatten()
}
