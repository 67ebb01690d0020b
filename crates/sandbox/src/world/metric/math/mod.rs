//! Metric math: expressions over scalars, time series and arrays of time series, as CloudWatch documents them under "Using
//! math expressions with CloudWatch metrics".
//!
//! An expression is read once into a tree and evaluated over whole series. Whether its types fit does not depend on the
//! data, so the same evaluation over no periods at all checks it when it is sent.

mod eval;
mod functions;
mod parse;
mod search;
mod value;

use std::collections::BTreeSet;

pub(super) use eval::{Named, Scope};
pub(super) use search::Search;
pub(super) use value::{Grid, Series, Value};

use super::stat::Stat;

/// Characters of an expression, as CloudWatch limits them.
const LONGEST: usize = 2_048;
/// Deepest nesting of parentheses, lists, signs and functions.
const DEPTH: usize = 32;

/// Why an expression is refused, in the words behind `Error in expression 'id': `.
type Outcome<T> = Result<T, String>;

/// An expression that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    root: Node,
    /// Ids of queries it reads.
    pub(super) reads: BTreeSet<String>,
    /// Whether it reads every metric of the request: `METRICS()`.
    pub(super) reads_metrics: bool,
    /// Its searches, in the order they stand in.
    pub(super) searches: Vec<Searched>,
}

/// One `SEARCH`: what is looked for, and what is read of each metric that is found.
#[derive(Clone, Debug)]
pub(crate) struct Searched {
    pub(super) search: Search,
    pub(super) stat: Stat,
    /// Seconds; that of the expression where it names none.
    pub(super) period: Option<i64>,
}

#[derive(Clone, Debug)]
enum Node {
    Number(f64),
    /// A query of the request.
    Id(String),
    /// An argument that is no value: `REPEAT`, `DESC`, the `AVG` of a `SORT`.
    Word(String),
    List(Vec<Self>),
    Negated(Box<Self>),
    /// Operators of one rank, from left to right. Flat, so that a long sum is not a deep tree.
    Chain(Box<Self>, Vec<(Op, Self)>),
    Call(&'static functions::Function, Vec<Self>),
    /// `PERIOD` of a metric.
    Period(String),
    /// `METRICS`, all or those with a text in their id.
    Metrics(Option<String>),
    /// A search, by its place among all.
    Found(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    And,
    Or,
}

/// Operators by rank, the loosest first. CloudWatch does not say how its `^` groups; here it does as the others do.
const RANKS: &[&[(&str, Op)]] = &[
    &[("OR", Op::Or), ("||", Op::Or)],
    &[("AND", Op::And), ("&&", Op::And)],
    &[
        ("==", Op::Equal),
        ("!=", Op::NotEqual),
        ("<=", Op::LessOrEqual),
        (">=", Op::GreaterOrEqual),
        ("<", Op::Less),
        (">", Op::Greater),
    ],
    &[("+", Op::Add), ("-", Op::Subtract)],
    &[("*", Op::Multiply), ("/", Op::Divide)],
    &[("^", Op::Power)],
];

impl Op {
    fn sign(self) -> &'static str {
        RANKS.iter().flat_map(|rank| rank.iter()).find(|(_, op)| *op == self).map_or("", |(sign, _)| sign)
    }

    /// `None` where there is no number: a division by zero, an overflow.
    fn of(self, a: f64, b: f64) -> Option<f64> {
        let truth = |holds: bool| f64::from(u8::from(holds));
        let is = |value: f64| value != 0.0;
        let value = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Power => a.powf(b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::LessOrEqual => truth(a <= b),
            Self::GreaterOrEqual => truth(a >= b),
            Self::Less => truth(a < b),
            Self::Greater => truth(a > b),
            Self::And => truth(is(a) && is(b)),
            Self::Or => truth(is(a) || is(b)),
        };
        value.is_finite().then_some(value)
    }
}

#[cfg(test)]
mod tests;
