//! The columns a data quality monitor watches, and the rows that arrive in one hour.
//!
//! Rows are drawn per column and hour, sorted where they are numbers: order statistics by spacings cost one logarithm
//! a row and no sort, which is what lets a month of executions be computed when somebody looks.

use mldeck_core::time::HOUR;

use crate::world::chance::Chance;

/// How a column's values are spread in the baseline.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Mean and standard deviation.
    Normal(f64, f64),
    /// Mean and standard deviation of the logarithm.
    LogNormal(f64, f64),
    /// Mean.
    Exponential(f64),
    /// Lowest and highest.
    Uniform(f64, f64),
    /// Values with their shares.
    Category(&'static [(&'static str, f64)]),
}

/// What moves, at full strength.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shift {
    /// By so many standard deviations (or that share of the range or mean).
    Move(f64),
    /// These values take that share of the rows from all others.
    Values(&'static [(&'static str, f64)]),
    /// A value that nobody knows takes that share.
    Unknown(f64),
}

/// Drift that grows from its onset to full strength. Hours are relative to the scenario's first moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    pub(crate) onset: i64,
    pub(crate) full: i64,
    pub(crate) shift: Shift,
}

impl Growth {
    pub(crate) fn strength(&self, since: i64) -> f64 {
        let span = ((self.full - self.onset) * HOUR).max(1) as f64;
        ((since - self.onset * HOUR) as f64 / span).clamp(0.0, 1.0)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// Digits after the point; 0 makes it `Integral`.
    pub(crate) digits: u8,
    /// Share of rows without a value.
    pub(crate) missing: f64,
    pub(crate) growth: Option<Growth>,
}

/// The values of one column in one data set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Ascending.
    Numbers(Vec<f64>),
    /// Count per value, only values that occur, in the order of first mention.
    Counts(Vec<(&'static str, u64)>),
}

impl Feature {
    const fn new(name: &'static str, shape: Shape, digits: u8) -> Self {
        Self { name, shape, digits, missing: 0.0, growth: None }
    }

    pub(crate) const fn number(name: &'static str, shape: Shape) -> Self {
        Self::new(name, shape, 3)
    }

    pub(crate) const fn integer(name: &'static str, shape: Shape) -> Self {
        Self::new(name, shape, 0)
    }

    pub(crate) const fn category(name: &'static str, shares: &'static [(&'static str, f64)]) -> Self {
        Self::new(name, Shape::Category(shares), 0)
    }

    pub(crate) const fn with_missing(mut self, share: f64) -> Self {
        self.missing = share;
        self
    }

    pub(crate) const fn growing(mut self, onset: i64, full: i64, shift: Shift) -> Self {
        self.growth = Some(Growth { onset, full, shift });
        self
    }

    pub(crate) const fn inferred_type(&self) -> &'static str {
        match (self.shape, self.digits) {
            (Shape::Category(_), _) => "String",
            (_, 0) => "Integral",
            _ => "Fractional",
        }
    }

    /// 0 before the onset, 1 at full strength; `since` is milliseconds since the scenario's first moment.
    pub(crate) fn strength(&self, since: i64) -> f64 {
        self.growth.map_or(0.0, |growth| growth.strength(since))
    }

    /// Centre and spread of a numeric column as it was.
    pub(crate) fn scale(&self) -> (f64, f64) {
        match self.shape {
            Shape::Normal(mean, sd) => (mean, sd),
            Shape::LogNormal(mean, sd) => ((mean + sd * sd / 2.0).exp(), (mean + sd * sd / 2.0).exp() * sd),
            Shape::Exponential(mean) => (mean, mean),
            Shape::Uniform(low, high) => (f64::midpoint(low, high), (high - low) / 3.5),
            Shape::Category(_) => (0.0, 1.0),
        }
    }

    /// The share a value of a category had.
    pub(crate) fn share(&self, value: &str) -> f64 {
        match self.shape {
            Shape::Category(shares) => {
                shares.iter().find(|(known, _)| *known == value).map_or(0.0, |(_, share)| *share)
            }
            _ => 0.0,
        }
    }

    /// `rows` rows, of which some have no value: (values, number missing).
    pub(crate) fn draw(&self, chance: Chance, rows: u64, strength: f64) -> (Values, u64) {
        let missing = if self.missing > 0.0 {
            let spread = (self.missing * (1.0 - self.missing) * rows as f64).sqrt();
            (self.missing * rows as f64 + spread * chance.named("missing").normal()).round().clamp(0.0, rows as f64)
                as u64
        } else {
            0
        };
        let present = rows - missing;
        let values = match self.shape {
            Shape::Category(shares) => Values::Counts(self.counts(shares, chance, present, strength)),
            _ => Values::Numbers(self.numbers(chance, present, strength)),
        };
        (values, missing)
    }

    fn numbers(&self, chance: Chance, rows: u64, strength: f64) -> Vec<f64> {
        let shift = match self.growth {
            Some(Growth { shift: Shift::Move(by), .. }) => by * strength,
            _ => 0.0,
        };
        let scale = 10_f64.powi(i32::from(self.digits));
        let mut draws = chance.stream();
        let gaps: Vec<f64> = (0..=rows).map(|_| -(1.0 - draws.f64()).ln()).collect();
        let total: f64 = gaps.iter().sum();
        let mut reached = 0.0;
        gaps.into_iter()
            .take(rows as usize)
            .map(|gap| {
                reached += gap;
                let value = self.quantile((reached / total).clamp(1e-9, 1.0 - 1e-9), shift);
                // Adding zero turns -0 into 0.
                (value * scale).round() / scale + 0.0
            })
            .collect()
    }

    fn quantile(&self, u: f64, shift: f64) -> f64 {
        match self.shape {
            Shape::Normal(mean, sd) => mean + sd * (probit(u) + shift),
            Shape::LogNormal(mean, sd) => (mean + sd * (probit(u) + shift)).exp(),
            Shape::Exponential(mean) => -(1.0 - u).ln() * mean * (1.0 + shift),
            Shape::Uniform(low, high) => low + (high - low) * (u + shift),
            Shape::Category(_) => 0.0,
        }
    }

    fn counts(
        &self,
        shares: &'static [(&'static str, f64)],
        chance: Chance,
        rows: u64,
        strength: f64,
    ) -> Vec<(&'static str, u64)> {
        let unknown;
        let gains: &[(&'static str, f64)] = match self.growth {
            Some(Growth { shift: Shift::Values(gains), .. }) => gains,
            Some(Growth { shift: Shift::Unknown(share), .. }) => {
                unknown = [("n/a", share)];
                &unknown
            }
            _ => &[],
        };
        let taken = strength * gains.iter().map(|(_, share)| share).sum::<f64>();
        let mut all: Vec<(&'static str, f64, u64)> =
            shares.iter().map(|(value, share)| (*value, share * (1.0 - taken), 0)).collect();
        for (value, share) in gains {
            match all.iter_mut().find(|(known, ..)| known == value) {
                Some(known) => known.1 += share * strength,
                None => all.push((*value, share * strength, 0)),
            }
        }
        let whole: f64 = all.iter().map(|(_, share, _)| share).sum();
        let mut draws = chance.stream();
        for _ in 0..rows {
            let mut rest = draws.f64() * whole;
            let at = all.iter().position(|(_, share, _)| {
                rest -= share;
                rest < 0.0
            });
            let last = all.len() - 1;
            all[at.unwrap_or(last)].2 += 1;
        }
        all.into_iter().filter(|(.., count)| *count > 0).map(|(value, _, count)| (value, count)).collect()
    }
}

/// Inverse of the normal distribution (Acklam's rational approximation, relative error below 1.2e-9).
fn probit(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let horner = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |q: f64| horner(&C, q) / (horner(&D, q) * q + 1.0);
    if p < 0.024_25 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.024_25 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probit_knows_the_quantiles() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.025, -1.959_964), (0.001, -3.090_232), (0.999, 3.090_232)] {
            assert!((probit(p) - z).abs() < 1e-5, "{p}: {}", probit(p));
        }
    }

    #[test]
    fn rows_are_sorted_and_have_the_shape() {
        let feature = Feature::number("x", Shape::Normal(10.0, 2.0)).with_missing(0.1);
        let (Values::Numbers(values), missing) = feature.draw(Chance::new(1), 20_000, 0.0) else { panic!("numbers") };
        assert!(values.is_sorted());
        assert_eq!(values.len() as u64 + missing, 20_000);
        assert!((1_800..2_200).contains(&missing), "{missing}");
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean - 10.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn categories_move_with_strength() {
        let feature = Feature::category("c", &[("a", 0.7), ("b", 0.3)]).growing(-10, 0, Shift::Values(&[("new", 0.5)]));
        let share = |hours: i64| {
            let (Values::Counts(counts), _) = feature.draw(Chance::new(2), 10_000, feature.strength(hours * HOUR))
            else {
                panic!("counts")
            };
            counts.iter().find(|(value, _)| *value == "new").map_or(0, |(_, count)| *count)
        };
        assert_eq!(share(-11), 0);
        assert!((2_300..2_700).contains(&share(-5)), "{}", share(-5));
        assert!((4_800..5_200).contains(&share(4)), "{}", share(4));
    }
}
