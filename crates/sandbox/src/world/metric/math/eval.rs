//! Evaluating expressions over the periods of a grid.

use std::{cell::Cell, collections::BTreeMap};

use super::{Expression, Grid, Node, Outcome, Series, Value, functions};

/// What a query is to the expressions that read it: its value on their grid.
pub(crate) struct Named {
    pub(crate) value: Value,
    /// Seconds, of a metric; `None` for another expression.
    pub(crate) period: Option<i64>,
}

/// What one expression is evaluated in.
pub(crate) struct Scope<'s> {
    pub(crate) grid: Grid,
    pub(crate) named: BTreeMap<&'s str, Named>,
    /// Ids of the metrics of the request, in its order; needed where the expression reads them all.
    pub(crate) metrics: Vec<&'s str>,
    /// What each search found.
    pub(crate) found: Vec<Vec<Series>>,
    /// Points that may still be made in this call.
    pub(crate) budget: &'s Cell<usize>,
}

/// A series costs this many points at least.
const LEAST: usize = 16;

impl Expression {
    /// Its value; never a scalar.
    pub(crate) fn value(&self, scope: &Scope<'_>) -> Outcome<Value> {
        match scope.value(self.root())? {
            Value::Scalar(_) => Err("The final result must be a time series or an array of time series".to_owned()),
            value => Ok(value),
        }
    }
}

impl Scope<'_> {
    /// Takes what so many series cost from the budget.
    pub(crate) fn spend(&self, series: usize) -> Outcome<()> {
        let cost = series.saturating_mul(self.grid.count.max(LEAST));
        let left = self.budget.get().checked_sub(cost).ok_or("the request makes too many datapoints")?;
        self.budget.set(left);
        Ok(())
    }

    pub(super) fn value(&self, node: &Node) -> Outcome<Value> {
        let value = match node {
            Node::Number(number) => Value::Scalar(Some(*number)),
            Node::Id(id) => {
                let named = &self.named(id)?.value;
                self.spend(named.series().len())?;
                named.clone()
            }
            Node::Word(word) => return Err(format!("Unexpected word '{word}'")),
            Node::List(nodes) => self.list(nodes)?,
            Node::Negated(inner) => self.value(inner)?.negated()?,
            Node::Chain(first, rest) => {
                let mut left = self.value(first)?;
                for (op, right) in rest {
                    left = left.combined(*op, self.value(right)?)?;
                    self.spend(left.series().len())?;
                }
                left
            }
            Node::Call(function, arguments) => functions::call(function, self, arguments)?,
            Node::Period(id) => match self.named(id)?.period {
                Some(period) => Value::Scalar(Some(period as f64)),
                None => return Err(format!("PERIOD takes a metric, and '{id}' is an expression")),
            },
            Node::Metrics(part) => {
                let ids = self.metrics.iter().filter(|id| part.as_ref().is_none_or(|part| id.contains(part.as_str())));
                let mut all = Vec::new();
                for id in ids {
                    self.spend(1)?;
                    all.extend_from_slice(self.named(id)?.value.series());
                }
                Value::Array(all)
            }
            Node::Found(index) => Value::Array(self.found.get(*index).cloned().unwrap_or_default()),
        };
        self.spend(value.series().len())?;
        Ok(value)
    }

    fn named(&self, id: &str) -> Outcome<&Named> {
        self.named.get(id).ok_or_else(|| format!("Undefined variable '{id}'"))
    }

    /// `[m1, METRICS("errors")]`: arrays in it are taken apart.
    fn list(&self, nodes: &[Node]) -> Outcome<Value> {
        let mut all = Vec::new();
        for node in nodes {
            match self.value(node)? {
                Value::Scalar(_) => return Err("Unsupported element type for []: 'Scalar'".to_owned()),
                Value::Series(series) => all.push(series),
                Value::Array(more) => all.extend(more),
            }
        }
        if nodes.is_empty() {
            return Err("[] needs a time series".to_owned());
        }
        Ok(Value::Array(all))
    }
}
