//! Distances between two samples by the rules of deequ, which is what Model Monitor computes with.

use std::collections::BTreeMap;

use super::distribution::{Sketch, cdf_gap};
use crate::text::Text;

/// Of two samples of sizes `n` (baseline) and `m` (now).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// The largest difference: what the method `Simple` reports.
    pub raw: f64,
    /// Less what chance alone makes of samples this small: what the method `Robust` reports. Often exactly 0.
    pub corrected: f64,
    pub n: f64,
    pub m: f64,
}

/// The factor of deequ's correction, close to a two-sample test at a level of 0.003.
const ROBUST: f64 = 1.8;

/// `raw` corrected for samples of `n` and `m`.
pub fn corrected(raw: f64, n: f64, m: f64) -> f64 {
    (raw - ROBUST * ((n + m) / (n * m)).sqrt()).max(0.0)
}

fn distance(raw: f64, n: f64, m: f64) -> Option<Distance> {
    (raw.is_finite() && n > 0.0 && m > 0.0).then(|| Distance { raw, corrected: corrected(raw, n, m), n, m })
}

/// The largest vertical distance between the two cumulative distributions; `None` when one is empty.
pub fn numeric(baseline: &Sketch, now: &Sketch) -> Option<Distance> {
    distance(cdf_gap(baseline, now), baseline.total(), now.total())
}

/// The largest difference in the share of any category; `None` when one side is empty.
pub fn categorical(baseline: &[(Text, f64)], now: &[(Text, f64)]) -> Option<Distance> {
    let total = |side: &[(Text, f64)]| side.iter().map(|(_, count)| count).sum::<f64>();
    let (n, m) = (total(baseline), total(now));
    let mut shares: BTreeMap<&Text, (f64, f64)> = BTreeMap::new();
    for (category, count) in baseline {
        shares.entry(category).or_default().0 += count / n;
    }
    for (category, count) in now {
        shares.entry(category).or_default().1 += count / m;
    }
    let raw = shares.values().map(|(b, n)| (b - n).abs()).fold(0.0, f64::max);
    distance(raw, n, m)
}
