//! Curves: points, reduction to columns, axes, number formats.
//!
//! A chart is calculated here and painted elsewhere: [`reduce`] turns any number of points into one bar per column
//! without losing a spike, [`axis`] and [`window`] place values on rows
//! and moments on columns, [`smooth`] is the moving average.

pub mod axis;
pub mod reduce;
pub mod smooth;
pub mod window;

pub use axis::{Place, Scale, Tick};
pub use reduce::{Bin, Blocks, Reduced, Slot};
pub use smooth::smoothed;
pub use window::Window;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One curve. `x` is epoch milliseconds, or a step number when `steps` is true. Sorted by `x`; a `NaN` value is a gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: Text,
    pub unit: Unit,
    pub steps: bool,
    pub points: Vec<(f64, f64)>,
    /// The regular distance between points in `x`, when there is one: a larger distance is a gap, not a line.
    pub spacing: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    #[default]
    None,
    Count,
    PerMinute,
    Milliseconds,
    /// In hundredths: `4.2` reads `4.2 %`.
    Percent,
}

impl Unit {
    /// What follows a number of this unit; empty when nothing does.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None | Self::Count => "",
            Self::PerMinute => "/min",
            Self::Milliseconds => "ms",
            Self::Percent => "%",
        }
    }

    /// `0.9371`, `1 840 ms`, `4.2 %`, `2 310 /min`.
    pub fn format(self, value: f64) -> String {
        if !value.is_finite() {
            return short(value);
        }
        match self {
            Self::None => short(value),
            Self::Count => grouped(value),
            Self::Percent if value != 0.0 && value.abs() < 0.1 => format!("{value:.2} %"),
            Self::PerMinute | Self::Milliseconds | Self::Percent => format!("{} {}", grouped(value), self.suffix()),
        }
    }

    /// Amounts are drawn from zero up, or a small change would look like a large one. A metric without a unit (a
    /// loss, an AUC) has no such floor.
    pub const fn starts_at_zero(self) -> bool {
        !matches!(self, Self::None)
    }
}

impl Series {
    /// First and last `x`; `None` without points.
    pub fn range(&self) -> Option<(f64, f64)> {
        let mut finite = self.points.iter().map(|(x, _)| *x).filter(|x| x.is_finite());
        let first = finite.next()?;
        Some((first, finite.next_back().unwrap_or(first)))
    }

    /// The newest point that has a value.
    pub fn last(&self) -> Option<(f64, f64)> {
        self.points.iter().rev().copied().find(|(x, y)| x.is_finite() && y.is_finite())
    }

    /// True when no line may lead from a point at `from` to the next at `to`.
    pub fn is_gap(&self, from: f64, to: f64) -> bool {
        // Half a period of tolerance: metrics arrive with jitter.
        self.spacing.is_some_and(|spacing| spacing > 0.0 && to - from > spacing * 1.5)
    }

    /// The point nearest to `x` that has a value: what a crosshair reads. Of two at the same distance, the earlier.
    pub fn nearest(&self, x: f64) -> Option<(f64, f64)> {
        let at = self.points.partition_point(|point| point.0 < x);
        let has_value = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
        let before = self.points[..at].iter().rev().find(has_value);
        let after = self.points[at..].iter().find(has_value);
        match (before, after) {
            (Some(a), Some(b)) => Some(if b.0 - x < x - a.0 { *b } else { *a }),
            (one, other) => one.or(other).copied(),
        }
    }
}

/// Where a crosshair at `x` goes by one step: to the next `x` in that direction at which some curve has a value, at
/// least `stride` away (one column, so that each step is seen). `None` at the end.
pub fn neighbour<'a>(curves: impl IntoIterator<Item = &'a Series>, x: f64, forward: bool, stride: f64) -> Option<f64> {
    let stride = if stride.is_finite() { stride.max(0.0) } else { 0.0 };
    let steps = curves.into_iter().filter_map(|series| {
        let points = &series.points;
        let has_value = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
        if forward {
            let at = points.partition_point(|point| point.0 < x + stride);
            points[at..].iter().find(|point| has_value(point) && point.0 > x)
        } else {
            let at = points.partition_point(|point| point.0 <= x - stride);
            points[..at].iter().rev().find(|point| has_value(point) && point.0 < x)
        }
    });
    let at = steps.map(|point| point.0);
    if forward { at.min_by(f64::total_cmp) } else { at.max_by(f64::total_cmp) }
}

/// What part of `whole` each point of `part` is, in percent; a gap where the whole is missing or zero. Keeps the name of
/// `part`. Both must be sorted by `x`.
pub fn share(part: &Series, whole: &Series) -> Series {
    let mut rest = whole.points.iter().peekable();
    let points = part
        .points
        .iter()
        .map(|(x, count)| {
            while rest.next_if(|(at, _)| at < x).is_some() {}
            let total = rest.peek().filter(|(at, _)| at == x).map_or(0.0, |(_, total)| *total);
            (*x, if total > 0.0 { count / total * 100.0 } else { f64::NAN })
        })
        .collect();
    Series { unit: Unit::Percent, points, ..part.clone() }
}

/// `1 840`: thousands apart, no decimals above 10, one below.
pub fn grouped(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() < 10.0 && value.fract().abs() > 1e-9 {
        return format!("{value:.1}");
    }
    let size = value.abs().round_ties_even();
    // Integers are written several times faster, and every row on screen has some.
    let digits = if size < 1e15 { (size as u64).to_string() } else { format!("{size:.0}") };
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A metric at four significant digits: `0.9371`, `12.50`, `1.2e-7`.
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".to_owned()
        } else if value > 0.0 {
            "∞".to_owned()
        } else {
            "-∞".to_owned()
        };
    }
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        s if !(1e-4..1e7).contains(&s) => format!("{value:.2e}"),
        s if s >= 1_000.0 => grouped(value),
        s if s >= 100.0 => format!("{value:.1}"),
        s if s >= 10.0 => format!("{value:.2}"),
        s if s >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        Series { points: points.to_vec(), ..Series::default() }
    }

    #[test]
    fn units_are_written_as_people_read_them() {
        let cases = [
            (Unit::None, 0.93712, "0.9371"),
            (Unit::Count, 12_441.0, "12 441"),
            (Unit::PerMinute, 2_310.0, "2 310 /min"),
            (Unit::Milliseconds, 1_840.4, "1 840 ms"),
            (Unit::Percent, 4.2, "4.2 %"),
            (Unit::Percent, 0.04, "0.04 %"),
            (Unit::Percent, 0.0, "0 %"),
            (Unit::Percent, f64::NAN, "NaN"),
            (Unit::Milliseconds, f64::INFINITY, "∞"),
        ];
        for (unit, value, text) in cases {
            assert_eq!(unit.format(value), text, "{unit:?} {value}");
        }
    }

    #[test]
    fn the_crosshair_reads_the_nearest_point_with_a_value() {
        let curve = series(&[(0.0, 1.0), (10.0, f64::NAN), (20.0, 3.0), (30.0, 4.0)]);
        assert_eq!(curve.nearest(11.0), Some((20.0, 3.0)));
        assert_eq!(curve.nearest(10.0), Some((0.0, 1.0)), "of two at the same distance, the earlier");
        assert_eq!(curve.nearest(-5.0), Some((0.0, 1.0)));
        assert_eq!(curve.nearest(1e9), Some((30.0, 4.0)));
        assert_eq!(series(&[(1.0, f64::NAN)]).nearest(1.0), None);
        assert_eq!(curve.nearest(f64::NAN), Some((0.0, 1.0)));
    }

    #[test]
    fn the_crosshair_steps_over_the_points_of_all_curves() {
        let (a, b) = (series(&[(0.0, 1.0), (10.0, 1.0), (20.0, 1.0)]), series(&[(12.0, 1.0), (13.0, f64::NAN)]));
        let curves = [&a, &b];
        assert_eq!(neighbour(curves, 10.0, true, 1.0), Some(12.0));
        assert_eq!(neighbour(curves, 10.0, true, 5.0), Some(20.0));
        assert_eq!(neighbour(curves, 12.0, false, 1.0), Some(10.0));
        assert_eq!(neighbour(curves, 20.0, true, 1.0), None);
        assert_eq!(neighbour(curves, 0.0, false, 1.0), None);
    }

    #[test]
    fn a_larger_distance_than_the_spacing_is_a_gap() {
        let curve = Series { spacing: Some(60.0), ..Series::default() };
        assert!(!curve.is_gap(0.0, 60.0) && !curve.is_gap(0.0, 75.0) && curve.is_gap(0.0, 120.0));
        assert!(!series(&[]).is_gap(0.0, 1e12));
    }
}
