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
}

impl Stat {
    /// `Sum`, `p99`, `p99.9`; `None` for what is not understood (trimmed means and the like).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            _ => {
                let percent: f64 = text.strip_prefix('p')?.parse().ok()?;
                return (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent / 100.0));
            }
        })
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
        assert_eq!(Stat::parse("tm99"), None);
        assert_eq!(Stat::parse("pNaN"), None);
    }
}
