//! What expressions are made of: scalars, time series, arrays of time series.

use std::rc::Rc;

use mldeck_core::time::{SECOND, Timestamp};

use super::{Op, Outcome};
use crate::world::metric::Key;

/// The periods a series has a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    from: Timestamp,
    /// Seconds, at least one.
    period: i64,
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn new(from: Timestamp, period: i64, count: usize) -> Self {
        Self { from, period: period.max(1), count }
    }

    /// The periods that lie in `from..to`, aligned as CloudWatch aligns them.
    pub(crate) fn over(from: Timestamp, to: Timestamp, period: i64) -> Self {
        let step = period.max(1) * SECOND;
        let first = from.floor(step);
        let count = (to.since(first).max(0) + step - 1) / step;
        Self::new(first, period, usize::try_from(count).unwrap_or_default())
    }

    /// The same stretch of time in other periods; the last may reach beyond it.
    pub(crate) fn cut(self, period: i64) -> Self {
        let (span, period) = (self.period.saturating_mul(self.count as i64), period.max(1));
        Self::new(self.from, period, usize::try_from(span.saturating_add(period - 1) / period).unwrap_or_default())
    }

    pub(crate) const fn starts(self, index: usize) -> Timestamp {
        self.from.plus(self.step() * index as i64)
    }

    pub(crate) const fn ends(self, index: usize) -> Timestamp {
        self.starts(index).plus(self.step())
    }

    /// Milliseconds of one period.
    const fn step(self) -> i64 {
        self.period * SECOND
    }

    /// Which period starts at `at`.
    fn index(self, at: Timestamp) -> Option<usize> {
        let ahead = at.since(self.from);
        let index = usize::try_from(ahead / self.step()).ok()?;
        (ahead >= 0 && ahead % self.step() == 0 && index < self.count).then_some(index)
    }
}

/// One value or none for each period of a grid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) label: String,
    /// The metric it is, or was computed from.
    pub(crate) metric: Option<Rc<Key>>,
    pub(crate) points: Vec<Option<f64>>,
}

impl Series {
    pub(super) fn unnamed(points: Vec<Option<f64>>) -> Self {
        Self { label: String::new(), metric: None, points }
    }

    pub(super) fn with(&self, points: Vec<Option<f64>>) -> Self {
        Self { label: self.label.clone(), metric: self.metric.clone(), points }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().copied().flatten()
    }

    /// The same on another grid: series meet where their periods start together.
    fn on(&self, own: Grid, other: Grid) -> Self {
        if own == other {
            return self.clone();
        }
        let point = |index| self.points.get(own.index(other.starts(index))?).copied().flatten();
        self.with((0..other.count).map(point).collect())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `None` where it has no number, as the average of nothing.
    Scalar(Option<f64>),
    Series(Series),
    Array(Vec<Series>),
}

impl Value {
    /// Its type in CloudWatch's words.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "Scalar",
            Self::Series(_) => "TimeSeries",
            Self::Array(_) => "Array[TimeSeries]",
        }
    }

    pub(crate) fn on(&self, own: Grid, other: Grid) -> Self {
        match self {
            Self::Scalar(value) => Self::Scalar(*value),
            Self::Series(series) => Self::Series(series.on(own, other)),
            Self::Array(all) => Self::Array(all.iter().map(|series| series.on(own, other)).collect()),
        }
    }

    /// Its series, none for a scalar.
    pub(crate) fn series(&self) -> &[Series] {
        match self {
            Self::Scalar(_) => &[],
            Self::Series(series) => std::slice::from_ref(series),
            Self::Array(all) => all,
        }
    }

    /// `f` of each series.
    pub(super) fn each(self, f: impl Fn(&Series) -> Series) -> Outcome<Self> {
        match self {
            Self::Scalar(_) => Err("a time series is wanted".to_owned()),
            Self::Series(series) => Ok(Self::Series(f(&series))),
            Self::Array(all) => Ok(Self::Array(all.iter().map(f).collect())),
        }
    }

    pub(super) fn negated(self) -> Outcome<Self> {
        match self {
            Self::Scalar(value) => Ok(Self::Scalar(value.map(|value| -value))),
            other => other.each(|series| series.with(series.points.iter().map(|point| point.map(|v| -v)).collect())),
        }
    }

    pub(super) fn combined(self, op: Op, right: Self) -> Outcome<Self> {
        let with_scalar = |series: &Series, f: &dyn Fn(f64) -> Option<f64>| {
            series.with(series.points.iter().map(|point| point.and_then(f)).collect())
        };
        Ok(match (self, right) {
            (Self::Scalar(a), Self::Scalar(b)) => Self::Scalar(a.zip(b).and_then(|(a, b)| op.of(a, b))),
            (Self::Scalar(a), right) => right.each(|series| with_scalar(series, &|b| op.of(a?, b)))?,
            (left, Self::Scalar(b)) => left.each(|series| with_scalar(series, &|a| op.of(a, b?)))?,
            (Self::Series(a), Self::Series(b)) => Self::Series(a.with(both(op, &a, &b))),
            (Self::Array(all), Self::Series(b)) => {
                Self::Array(all.iter().map(|series| series.with(both(op, series, &b))).collect())
            }
            (Self::Series(a), Self::Array(all)) => {
                Self::Array(all.iter().map(|series| series.with(both(op, &a, series))).collect())
            }
            (Self::Array(_), Self::Array(_)) => {
                return Err(format!(
                    "Unsupported operand type(s) for {}: '[Array[TimeSeries], Array[TimeSeries]]'",
                    op.sign()
                ));
            }
        })
    }
}

/// Where only one of two series has a value, the other counts as zero.
fn both(op: Op, left: &Series, right: &Series) -> Vec<Option<f64>> {
    let pairs = left.points.iter().zip(&right.points);
    pairs
        .map(|(a, b)| (a.is_some() || b.is_some()).then(|| op.of(a.unwrap_or(0.0), b.unwrap_or(0.0))).flatten())
        .collect()
}
