//! `MetricDataQuery`: metrics and expressions over them, of a request or an alarm.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Key, evaluate, invalid, math::Expression, stat::Stat};
use crate::world::{ApiError, request::int};

/// Longest period, seconds.
pub(super) const MOST_PERIOD: i64 = 30 * 86_400;
/// Seconds, where neither an expression nor what it reads has a period.
pub(super) const DEFAULT_PERIOD: i64 = 60;

pub(super) fn is_period(seconds: i64) -> bool {
    matches!(seconds, 1 | 5 | 10 | 30) || ((60..=MOST_PERIOD).contains(&seconds) && seconds % 60 == 0)
}

#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) id: String,
    /// As the request has it; it may be empty.
    pub(super) label: Option<String>,
    pub(crate) returned: bool,
    /// Seconds.
    pub(crate) period: i64,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Metric(Key, Stat),
    Expression(Expression),
}

/// The queries of a request or an alarm: ids are unique, and expressions read what is there, in no circle.
#[derive(Clone, Debug)]
pub(crate) struct Queries {
    list: Vec<Query>,
    /// Indexes in an order in which everything comes after what it reads.
    order: Vec<usize>,
}

/// A refusal of an expression, in CloudWatch's words.
pub(super) fn wrong(id: &str, why: &str) -> ApiError {
    refused(format!("Error in expression '{id}': {why}"))
}

pub(crate) fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

impl Query {
    fn read(body: &Value) -> Result<Self, ApiError> {
        let text = |member: &str| body.get(member).and_then(Value::as_str);
        let id = text("Id").unwrap_or_default().to_owned();
        if !id.starts_with(|c: char| c.is_ascii_lowercase())
            || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(invalid(format!(
                "The value '{id}' for parameter Id is invalid: it must start with a lower-case letter."
            )));
        }
        let (kind, period) = match (body.get("MetricStat"), text("Expression")) {
            (Some(metric), None) => {
                let key = metric.get("Metric").and_then(Key::read);
                let key = key.ok_or_else(|| invalid(format!("Query '{id}' needs a Namespace and a MetricName.")))?;
                let stat = metric.get("Stat").and_then(Value::as_str).unwrap_or_default();
                let stat = Stat::parse(stat)
                    .ok_or_else(|| invalid(format!("The value {stat} for parameter Stat is not understood here.")))?;
                (Kind::Metric(key, stat), metric.get("Period").and_then(int))
            }
            (None, Some(expression)) => {
                let expression = Expression::parse(expression).map_err(|why| wrong(&id, &why))?;
                (Kind::Expression(expression), body.get("Period").and_then(int))
            }
            _ => return Err(invalid(format!("Query '{id}' needs either a MetricStat or an Expression."))),
        };
        let period = match (period, &kind) {
            (Some(period), _) if is_period(period) => period,
            // An expression takes the period of what it is made of.
            (None, Kind::Expression(_)) => 0,
            _ => return Err(invalid(format!("Period of query '{id}' must be 1, 5, 10, 30 or a multiple of 60."))),
        };
        Ok(Self {
            label: text("Label").map(str::to_owned),
            returned: body.get("ReturnData").is_none_or(|flag| flag != &Value::Bool(false) && flag != "false"),
            id,
            period,
            kind,
        })
    }

    pub(super) const fn expression(&self) -> Option<&Expression> {
        match &self.kind {
            Kind::Metric(..) => None,
            Kind::Expression(expression) => Some(expression),
        }
    }
}

impl Queries {
    pub(crate) fn read(bodies: &[Value]) -> Result<Self, ApiError> {
        let list = bodies.iter().map(Query::read).collect::<Result<Vec<_>, _>>()?;
        let mut places = BTreeMap::new();
        for (index, query) in list.iter().enumerate() {
            if places.insert(query.id.as_str(), index).is_some() {
                return Err(invalid(format!("The id '{}' is used twice.", query.id)));
            }
        }
        let order = order(&list, &places)?;
        let mut queries = Self { list, order };
        queries.settle_periods();
        evaluate::check(&queries)?;
        Ok(queries)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Query> {
        self.list.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Query> {
        self.list.iter()
    }

    /// How many of them are metrics.
    pub(crate) fn metrics(&self) -> usize {
        self.list.iter().filter(|query| query.expression().is_none()).count()
    }

    /// Whether one of them looks for metrics.
    pub(crate) fn has_search(&self) -> bool {
        self.list.iter().filter_map(Query::expression).any(|expression| !expression.searches.is_empty())
    }

    /// Whether a query gives an array of time series, whatever there is in it.
    pub(crate) fn gives_many(&self, index: usize) -> bool {
        evaluate::is_array(self, index)
    }

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn ordered(&self) -> impl DoubleEndedIterator<Item = (usize, &Query)> {
        self.order.iter().filter_map(|index| Some((*index, self.list.get(*index)?)))
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.list.iter().position(|query| query.id == id)
    }

    /// An expression without a period has the longest of what it reads.
    fn settle_periods(&mut self) {
        let metrics = self.list.iter().filter(|query| query.expression().is_none()).map(|query| query.period).max();
        let longest = self.list.iter().map(|query| query.period).max().filter(|period| *period > 0);
        for index in &self.order {
            let Some(query) = self.list.get(*index) else { continue };
            let Some(expression) = query.expression().filter(|_| query.period == 0) else { continue };
            let read = self.list.iter().filter(|other| expression.reads.contains(&other.id)).map(|other| other.period);
            let all = metrics.filter(|_| expression.reads_metrics);
            let searched = expression.searches.iter().filter_map(|searched| searched.period);
            let period = read.chain(all).chain(searched).max().or(longest).unwrap_or(DEFAULT_PERIOD);
            if let Some(query) = self.list.get_mut(*index) {
                query.period = period;
            }
        }
    }
}

/// Everything after what it reads; a circle is refused, and so is an id that no query has.
fn order(list: &[Query], places: &BTreeMap<&str, usize>) -> Result<Vec<usize>, ApiError> {
    // How many expressions each waits for, and which expressions wait for each.
    let mut waits = vec![0_usize; list.len()];
    let mut awaited = vec![Vec::new(); list.len()];
    for (index, query) in list.iter().enumerate() {
        for id in query.expression().into_iter().flat_map(|expression| &expression.reads) {
            let place =
                places.get(id.as_str()).and_then(|place| Some((awaited.get_mut(*place)?, waits.get_mut(index)?)));
            let (those, count) = place.ok_or_else(|| wrong(&query.id, &format!("Undefined variable '{id}'")))?;
            those.push(index);
            *count += 1;
        }
    }
    // Metrics first: `METRICS()` reads them without naming them.
    let (mut order, expressions): (Vec<usize>, Vec<usize>) =
        (0..list.len()).partition(|index| list.get(*index).is_some_and(|query| query.expression().is_none()));
    order.extend(expressions.into_iter().filter(|index| waits.get(*index) == Some(&0)));
    let mut next = 0;
    while let Some(index) = order.get(next).copied() {
        next += 1;
        for waiting in awaited.get(index).into_iter().flatten() {
            if let Some(count) = waits.get_mut(*waiting) {
                *count -= 1;
                if *count == 0 {
                    order.push(*waiting);
                }
            }
        }
    }
    match list.iter().zip(&waits).find(|(_, count)| **count > 0) {
        Some((query, _)) => Err(wrong(&query.id, "it depends on itself, directly or through another expression")),
        None => Ok(order),
    }
}
