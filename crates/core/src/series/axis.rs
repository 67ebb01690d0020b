//! The value axis: values on rows, with ticks at numbers people would choose.

use super::{Unit, grouped};

/// One labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub label: String,
}

/// Where a value falls on a scale of so many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Row from the top.
    At(usize),
    /// Larger than the scale, or `∞`.
    Above,
    /// Smaller than the scale, `-∞`, or not above zero on a logarithmic scale.
    Below,
}

/// The value axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub lo: f64,
    pub hi: f64,
    pub log: bool,
}

/// Beyond this, sums of bounds overflow.
const HUGE: f64 = 1e300;

impl Scale {
    /// Bounds at round numbers around `extent`, for about `ticks` ticks. Without values: 0 to 1.
    pub fn fit(extent: Option<(f64, f64)>, unit: Unit, log: bool, ticks: usize) -> Self {
        let (lo, hi) = extent.filter(|(lo, hi)| lo.is_finite() && hi.is_finite()).unwrap_or((0.0, 1.0));
        let (lo, hi) = (lo.min(hi).clamp(-HUGE, HUGE), hi.max(lo).clamp(-HUGE, HUGE));
        if log {
            let hi = if hi > 0.0 { hi } else { 1.0 };
            let lo = if lo > 0.0 { lo } else { hi / 10.0 };
            return Self::decades(lo.max(f64::MIN_POSITIVE * 1e10), hi.max(f64::MIN_POSITIVE * 1e11));
        }
        let lo = if unit.starts_at_zero() && lo > 0.0 { 0.0 } else { lo };
        let (lo, hi) = apart(lo, hi);
        let step = round_step((hi - lo) / ticks.max(1) as f64);
        let (down, up) = ((lo / step).floor() * step, (hi / step).ceil() * step);
        if down < up && down.is_finite() && up.is_finite() {
            Self { lo: down.min(lo), hi: up.max(hi), log: false }
        } else {
            Self { lo, hi, log: false }
        }
    }

    fn decades(lo: f64, hi: f64) -> Self {
        let (lo, hi) = if hi / lo < 1.05 { (lo / 1.5, hi * 1.5) } else { (lo, hi) };
        // Whole decades only where there are several, or the curve would be squeezed into a corner.
        if hi / lo < 20.0 {
            return Self { lo: lo / 1.1, hi: hi * 1.1, log: true };
        }
        Self { lo: 10f64.powf(lo.log10().floor()).min(lo), hi: 10f64.powf(hi.log10().ceil()).max(hi), log: true }
    }

    /// How far up the scale `value` lies, 0..=1 inside; `None` for `NaN`.
    fn share(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        if !self.log {
            return Some((value - self.lo) / (self.hi - self.lo));
        }
        if value <= 0.0 {
            return Some(-1.0);
        }
        Some((value.ln() - self.lo.ln()) / (self.hi.ln() - self.lo.ln()))
    }

    /// The row, of `rows`, that `value` is drawn in; `None` for `NaN` or without rows.
    pub fn place(&self, value: f64, rows: usize) -> Option<Place> {
        let share = self.share(value).filter(|_| rows > 0)?;
        Some(match share {
            s if s > 1.0 => Place::Above,
            s if s < 0.0 => Place::Below,
            s if s.is_nan() => return None,
            s => Place::At(rows - 1 - ((s * rows as f64) as usize).min(rows - 1)),
        })
    }

    /// At most `most` ticks at 1-2-5 steps, inside the bounds, ascending, with labels of one form.
    pub fn ticks(&self, most: usize, unit: Unit) -> Vec<Tick> {
        if most == 0 || !(self.hi - self.lo).is_finite() || self.hi <= self.lo {
            return Vec::new();
        }
        let values = if self.log { self.log_ticks(most) } else { None };
        let step = self.step(most);
        let label = |value: f64| {
            let (step, size) = if self.log { (value.abs(), value) } else { (step, self.lo.abs().max(self.hi.abs())) };
            let label = tick_label(value, step, size);
            if unit == Unit::Percent { format!("{label} %") } else { label }
        };
        values
            .unwrap_or_else(|| multiples(self.lo, self.hi, step, most))
            .into_iter()
            .map(|at| Tick { at, label: label(at) })
            .collect()
    }

    /// The smallest round step that needs no more than `most` ticks.
    pub(super) fn step(&self, most: usize) -> f64 {
        let mut step = round_step((self.hi - self.lo) / most as f64);
        for _ in 0..3 {
            if (self.hi / step).floor() - (self.lo / step).ceil() + 1.0 <= most as f64 {
                break;
            }
            step = round_step(step * 1.01);
        }
        step
    }

    /// Powers of ten, with 2 and 5 between them where they fit; `None` where the range is too small for that.
    fn log_ticks(&self, most: usize) -> Option<Vec<f64>> {
        let (first, last) = (self.lo.log10().floor() as i32, self.hi.log10().ceil() as i32);
        let inside = |v: &f64| *v >= self.lo && *v <= self.hi;
        let powers: Vec<f64> = (first..=last).map(|e| 10f64.powi(e)).filter(inside).collect();
        let finer: Vec<f64> =
            (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e))).filter(inside).collect();
        if finer.len() <= most && finer.len() >= 2 {
            return Some(finer);
        }
        if powers.len() < 2 {
            return None;
        }
        let every = powers.len().div_ceil(most);
        Some(powers.into_iter().step_by(every).collect())
    }
}

/// Bounds with a visible distance between them.
fn apart(lo: f64, hi: f64) -> (f64, f64) {
    if hi - lo > hi.abs().max(lo.abs()) * 1e-9 && hi - lo > 1e-290 {
        return (lo, hi);
    }
    match hi {
        0.0 => (0.0, 1.0),
        h if h > 0.0 => ((h * 0.9).min(lo), (h * 1.1).max(1e-280)),
        h => (h * 1.1 - 1e-280, h * 0.9),
    }
}

/// The next 1, 2 or 5 times a power of ten that is not below `raw`.
fn round_step(raw: f64) -> f64 {
    if !raw.is_finite() || raw <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(raw.log10().floor());
    let power = if power > 0.0 { power } else { f64::MIN_POSITIVE };
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= raw * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// At most `most` multiples of `step` within `lo..=hi`, ascending.
pub(super) fn multiples(lo: f64, hi: f64, step: f64, most: usize) -> Vec<f64> {
    let first = (lo / step).ceil();
    let mut out: Vec<f64> = Vec::with_capacity(most);
    for i in 0..most {
        let value = (first + i as f64) * step;
        if value > hi {
            break;
        }
        if value >= lo && out.last().is_none_or(|last| *last < value) {
            out.push(if value == 0.0 { 0.0 } else { value });
        }
    }
    out
}

/// A label with as many digits as `step` needs; `size` is the largest value on the axis, so that all its labels take
/// one form.
pub(super) fn tick_label(value: f64, step: f64, size: f64) -> String {
    let size = size.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if size >= 1e15 || step < 1e-6 && size < 1e-2 || step < 1e-9 {
        let digits = (size / step).log10().ceil().clamp(0.0, 15.0) as usize;
        return format!("{value:.digits$e}");
    }
    let (scaled, step, letter) = match step {
        s if s >= 1e12 => (value / 1e12, s / 1e12, "T"),
        s if s >= 1e9 => (value / 1e9, s / 1e9, "G"),
        s if s >= 1e6 => (value / 1e6, s / 1e6, "M"),
        s if s >= 1e3 && size >= 1e4 => (value / 1e3, s / 1e3, "k"),
        s => (value, s, ""),
    };
    let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 9.0) as usize;
    if decimals == 0 { format!("{}{letter}", grouped(scaled.round())) } else { format!("{scaled:.decimals$}{letter}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn values_get_round_ticks() {
        let cases: [(f64, f64, Unit, &[&str]); 7] = [
            (0.0, 4.2, Unit::Percent, &["0 %", "1 %", "2 %", "3 %", "4 %", "5 %"]),
            (212.0, 1_840.0, Unit::Milliseconds, &["0", "500", "1 000", "1 500", "2 000"]),
            (0.91, 0.9388, Unit::None, &["0.910", "0.915", "0.920", "0.925", "0.930", "0.935", "0.940"]),
            (0.0, 83_000.0, Unit::Count, &["0", "20k", "40k", "60k", "80k", "100k"]),
            (7.0, 7.0, Unit::None, &["6.0", "6.5", "7.0", "7.5", "8.0"]),
            (-2e-8, 5e-8, Unit::None, &["-2.0e-8", "0", "2.0e-8", "4.0e-8", "6.0e-8"]),
            (0.0, 3e6, Unit::PerMinute, &["0", "1M", "2M", "3M"]),
        ];
        for (lo, hi, unit, want) in cases {
            let scale = Scale::fit(Some((lo, hi)), unit, false, 5);
            let got = scale.ticks(want.len(), unit);
            assert_eq!(labels(&got), want, "{lo}..{hi} on {scale:?}");
        }
    }

    #[test]
    fn a_logarithmic_scale_ticks_by_decades() {
        let scale = Scale::fit(Some((0.003, 40.0)), Unit::None, true, 5);
        assert_eq!((scale.lo, scale.hi), (0.001, 100.0));
        assert_eq!(labels(&scale.ticks(6, Unit::None)), ["0.001", "0.01", "0.1", "1", "10", "100"]);
        assert_eq!(scale.place(0.0, 10), Some(Place::Below));
        assert_eq!(scale.place(1e9, 10), Some(Place::Above));
        assert_eq!(scale.place(100.0, 10), Some(Place::At(0)));
        assert_eq!(scale.place(0.001, 10), Some(Place::At(9)));
    }

    #[test]
    fn values_fall_on_rows_from_the_top() {
        let scale = Scale { lo: 0.0, hi: 10.0, log: false };
        assert_eq!(scale.place(10.0, 4), Some(Place::At(0)));
        assert_eq!(scale.place(0.0, 4), Some(Place::At(3)));
        assert_eq!(scale.place(5.0, 4), Some(Place::At(1)));
        assert_eq!(scale.place(10.1, 4), Some(Place::Above));
        assert_eq!(scale.place(f64::NEG_INFINITY, 4), Some(Place::Below));
        assert_eq!(scale.place(f64::NAN, 4), None);
        assert_eq!(scale.place(5.0, 0), None);
    }

    proptest! {
        #[test]
        fn ticks_are_inside_ascending_and_few(a in any::<f64>(), b in any::<f64>(), log in any::<bool>(), most in 0usize..12) {
            let scale = Scale::fit(Some((a, b)), Unit::None, log, 5);
            prop_assert!(scale.lo < scale.hi, "{:?}", scale);
            let ticks = scale.ticks(most, Unit::Count);
            prop_assert!(ticks.len() <= most);
            prop_assert!(ticks.iter().all(|t| t.at >= scale.lo && t.at <= scale.hi));
            prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
        }

        #[test]
        fn labels_of_usual_values_differ(lo in -1e6f64..1e6, range in 1e-3f64..1e6) {
            let scale = Scale::fit(Some((lo, lo + range)), Unit::None, false, 5);
            let ticks = scale.ticks(8, Unit::None);
            prop_assert!(ticks.len() >= 2, "{:?} {:?}", scale, ticks);
            prop_assert!(ticks.windows(2).all(|pair| pair[0].label != pair[1].label), "{:?}", ticks);
        }

        #[test]
        fn every_value_of_the_extent_has_a_row(a in -1e12f64..1e12, b in -1e12f64..1e12, rows in 1usize..60) {
            let scale = Scale::fit(Some((a, b)), Unit::None, false, 5);
            for value in [a, b, a / 2.0 + b / 2.0] {
                prop_assert!(matches!(scale.place(value, rows), Some(Place::At(row)) if row < rows));
            }
        }
    }
}
