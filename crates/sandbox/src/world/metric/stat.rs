//! Statistics over what many minutes and fleets published.

use crate::world::traffic::{LATENCY_LIMIT, Latency};

/// What one source published in one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sample {
    /// One value, `count` times.
    Value {
        value: f64,
        count: f64,
    },
    /// A one for each hit and a zero for each other request: counters of SageMaker.
    Events {
        hits: f64,
        of: f64,
    },
    Spread {
        count: f64,
        latency: Latency,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stat {
    Sum,
    Average,
    Minimum,
    Maximum,
    SampleCount,
    /// 0..=1.
    Percentile(f64),
    /// Over the values between two bounds.
    Between(Over, Bound, Bound),
}

/// What is said of the values between two bounds: `TM`, `WM`, `TC`, `TS`, `PR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Mean,
    Winsorized,
    Count,
    Sum,
    Rank,
}

/// Where values are cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// 0..=1.
    Share(f64),
    Value(f64),
}

const OVER: &[(&str, Over)] =
    &[("tm", Over::Mean), ("wm", Over::Winsorized), ("tc", Over::Count), ("ts", Over::Sum), ("pr", Over::Rank)];
/// Points a distribution is cut into for its mean between bounds.
const CUTS: usize = 64;

impl Stat {
    /// `Sum`, `p99.9`, `tm99`, `TM(10%:90%)`, `PR(:300)`, `IQM`; `None` for what is not understood.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            "IQM" => Self::Between(Over::Mean, Bound::Share(0.25), Bound::Share(0.75)),
            _ => return Self::extended(text),
        })
    }

    fn extended(text: &str) -> Option<Self> {
        let share = |text: &str| text.parse::<f64>().ok().filter(|n| (0.0..=100.0).contains(n)).map(|n| n / 100.0);
        if let Some(percent) = text.strip_prefix('p') {
            return share(percent).map(Self::Percentile);
        }
        let (name, rest) = text.split_at_checked(2)?;
        let (_, over) = *OVER.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        let Some(range) = rest.strip_prefix('(').and_then(|range| range.strip_suffix(')')) else {
            let is_short = over != Over::Rank && name == name.to_lowercase();
            let high = Bound::Share(share(rest).filter(|_| is_short)?);
            return Some(Self::Between(over, Bound::Share(0.0), high));
        };
        let (low, high) = range.split_once(':')?;
        let bound = |text: &str| match text.strip_suffix('%') {
            Some(percent) if over != Over::Rank => share(percent).map(Bound::Share),
            Some(_) => None,
            None => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Bound::Value),
        };
        let low = if low.is_empty() { Bound::Share(0.0) } else { bound(low)? };
        let high = if high.is_empty() { Bound::Share(1.0) } else { bound(high)? };
        Some(Self::Between(over, low, high))
    }

    /// The statistic over all samples; `None` when nothing was published.
    pub(crate) fn of(self, samples: &[Sample]) -> Option<f64> {
        let count: f64 = samples.iter().map(|sample| sample.count()).sum();
        if count <= 0.0 {
            return None;
        }
        let live = || samples.iter().filter(|sample| sample.count() > 0.0);
        Some(match self {
            Self::Sum => samples.iter().map(|sample| sample.sum()).sum(),
            Self::Average => samples.iter().map(|sample| sample.sum()).sum::<f64>() / count,
            Self::SampleCount => count,
            Self::Minimum => live().map(|sample| sample.extreme(false)).fold(f64::INFINITY, f64::min),
            Self::Maximum => live().map(|sample| sample.extreme(true)).fold(f64::NEG_INFINITY, f64::max),
            Self::Percentile(q) => percentile(samples, count, q),
            Self::Between(over, low, high) => return between(samples, count, over, low, high),
        })
    }
}

impl Sample {
    const fn count(&self) -> f64 {
        match self {
            Self::Value { count, .. } | Self::Spread { count, .. } => *count,
            Self::Events { of, .. } => *of,
        }
    }

    fn sum(&self) -> f64 {
        match self {
            Self::Value { value, count } => value * count,
            Self::Events { hits, .. } => *hits,
            Self::Spread { count, latency } => latency.mean() * count,
        }
    }

    fn extreme(&self, high: bool) -> f64 {
        match self {
            Self::Value { value, .. } => *value,
            Self::Events { hits, of } if high => f64::from(u8::from(*hits > 0.0 && *of > 0.0)),
            Self::Events { hits, of } => f64::from(u8::from(hits >= of)),
            Self::Spread { count, latency } => {
                let q = 0.5 / count.max(1.0);
                latency.quantile(if high { 1.0 - q } else { q })
            }
        }
    }

    /// How many of its values are at most `value`.
    fn below(&self, at_most: f64) -> f64 {
        match self {
            Self::Value { value, count } => {
                if *value <= at_most {
                    *count
                } else {
                    0.0
                }
            }
            Self::Events { hits, of } => match at_most {
                v if v >= 1.0 => *of,
                v if v >= 0.0 => of - hits,
                _ => 0.0,
            },
            Self::Spread { count, latency } => count * latency.below(at_most),
        }
    }
}

fn between(samples: &[Sample], count: f64, over: Over, low: Bound, high: Bound) -> Option<f64> {
    let share = |bound: Bound| match bound {
        Bound::Share(share) => share,
        Bound::Value(value) => samples.iter().map(|sample| sample.below(value)).sum::<f64>() / count,
    };
    let (low, high) = (share(low), share(high));
    let width = (high - low).max(0.0);
    let mean = |from: f64, to: f64| {
        let at = |n: usize| percentile(samples, count, from + (to - from) * (n as f64 + 0.5) / CUTS as f64);
        (0..CUTS).map(at).sum::<f64>() / CUTS as f64
    };
    match over {
        Over::Count => Some(width * count),
        Over::Rank => Some(width * 100.0),
        _ if width <= 0.0 => None,
        Over::Mean => Some(mean(low, high)),
        Over::Sum => Some(mean(low, high) * width * count),
        // What is cut off counts as the bound that it is beyond.
        Over::Winsorized => {
            let ends = low * percentile(samples, count, low) + (1.0 - high) * percentile(samples, count, high);
            Some(mean(low, high) * width + ends)
        }
    }
}

/// Halves the interval until it is narrow: the samples are a mixture without a closed form.
fn percentile(samples: &[Sample], count: f64, q: f64) -> f64 {
    if let [Sample::Spread { latency, .. }] = samples {
        return latency.quantile(q);
    }
    let mut discrete: Vec<f64> = Vec::new();
    for sample in samples {
        match sample {
            Sample::Value { value, .. } => discrete.push(*value),
            Sample::Events { .. } => discrete.extend([0.0, 1.0]),
            Sample::Spread { .. } => {}
        }
    }
    let wanted = q * count;
    let enough = |value: f64| samples.iter().map(|sample| sample.below(value)).sum::<f64>() >= wanted;
    if !discrete.is_empty() {
        discrete.sort_by(f64::total_cmp);
        return discrete.iter().copied().find(|value| enough(*value)).or(discrete.last().copied()).unwrap_or_default();
    }
    let (mut low, mut high) = (1f64.ln(), LATENCY_LIMIT.ln());
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if enough(middle.exp()) { high = middle } else { low = middle }
    }
    high.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_average_to_a_rate_and_sum_to_a_count() {
        let samples = [Sample::Events { hits: 4.0, of: 100.0 }, Sample::Events { hits: 0.0, of: 100.0 }];
        assert_eq!(Stat::Sum.of(&samples), Some(4.0));
        assert_eq!(Stat::Average.of(&samples), Some(0.02));
        assert_eq!(Stat::Maximum.of(&samples), Some(1.0));
        assert_eq!(Stat::Percentile(0.99).of(&samples), Some(1.0));
        assert_eq!(Stat::Percentile(0.5).of(&samples), Some(0.0));
        assert_eq!(Stat::Sum.of(&[]), None);
    }

    #[test]
    fn percentiles_of_a_mixture_lie_between_its_parts() {
        let fast = Sample::Spread { count: 900.0, latency: Latency { median: 20_000.0, shape: 4.0 } };
        let slow = Sample::Spread { count: 100.0, latency: Latency { median: 900_000.0, shape: 4.0 } };
        let p50 = Stat::Percentile(0.5).of(&[fast, slow]).unwrap();
        let p99 = Stat::Percentile(0.99).of(&[fast, slow]).unwrap();
        assert!((20_000.0..30_000.0).contains(&p50), "{p50}");
        assert!((900_000.0..3_000_000.0).contains(&p99), "{p99}");
    }

    #[test]
    fn names_of_statistics() {
        assert_eq!(Stat::parse("p99.5"), Some(Stat::Percentile(0.995)));
        assert_eq!(Stat::parse("p101"), None);
        for wrong in ["pNaN", "tm", "tm101", "TM99", "PR99", "PR(1%:2%)", "TM(1)", "xx99"] {
            assert_eq!(Stat::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn between_bounds() {
        let values: Vec<Sample> = (1..=100).map(|n| Sample::Value { value: f64::from(n), count: 1.0 }).collect();
        let cases = [
            ("PR(:30)", 30.0),
            ("PR(30:90)", 60.0),
            ("TC(30:90)", 60.0),
            ("tc90", 90.0),
            ("tm90", 45.5),
            ("TM(10%:90%)", 50.5),
            ("ts50", 1_275.0),
            ("IQM", 50.5),
            ("wm90", 0.9 * 45.5 + 0.1 * 90.0),
        ];
        for (name, expected) in cases {
            let value = Stat::parse(name).unwrap().of(&values).unwrap();
            assert!((value - expected).abs() <= expected * 0.02, "{name}: {value}, not {expected}");
        }
    }
}
