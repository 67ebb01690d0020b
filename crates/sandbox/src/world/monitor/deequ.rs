//! The distances that Model Monitor compares with `comparison_threshold`, by deequ's rules.

/// How far two samples are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Distance {
    /// L∞ between the distributions.
    pub(crate) raw: f64,
    /// `Robust`: less what two samples of these sizes may differ by chance.
    pub(crate) robust: f64,
}

impl Distance {
    fn new(raw: f64, n: f64, m: f64) -> Self {
        let noise = 1.8 * ((n + m) / (n * m)).sqrt();
        Self { raw, robust: (raw - noise).max(0.0) }
    }
}

/// Largest gap between two CDFs; `None` when a side is empty.
/// Each side is a sketch's items with their weights, ascending.
pub(crate) fn numeric(left: &[(f64, f64)], right: &[(f64, f64)]) -> Option<Distance> {
    let rows = |items: &[(f64, f64)]| items.iter().map(|(_, weight)| weight).sum::<f64>();
    let (n, m) = (rows(left), rows(right));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let (mut i, mut j, mut below_a, mut below_b, mut raw) = (0, 0, 0.0, 0.0, 0.0_f64);
    while i < left.len() || j < right.len() {
        let at = match (left.get(i), right.get(j)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (None, Some(y)) => y.0,
            (None, None) => break,
        };
        while let Some((_, weight)) = left.get(i).filter(|(item, _)| *item <= at) {
            below_a += weight;
            i += 1;
        }
        while let Some((_, weight)) = right.get(j).filter(|(item, _)| *item <= at) {
            below_b += weight;
            j += 1;
        }
        raw = raw.max((below_a / n - below_b / m).abs());
    }
    Some(Distance::new(raw, n, m))
}

/// Largest gap between two shares of one value.
pub(crate) fn categorical(a: &[(&str, u64)], b: &[(&str, u64)]) -> Option<Distance> {
    let total = |counts: &[(&str, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>() as f64;
    let (n, m) = (total(a), total(b));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let share = |counts: &[(&str, u64)], whole: f64, value: &str| {
        counts.iter().find(|(known, _)| *known == value).map_or(0.0, |(_, count)| *count as f64 / whole)
    };
    let raw =
        a.iter().chain(b).map(|(value, _)| (share(a, n, value) - share(b, m, value)).abs()).fold(0.0_f64, f64::max);
    Some(Distance::new(raw, n, m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::monitor::kll::Sketch;

    #[test]
    fn gaps_of_cumulated_shares() {
        let sketch = |items: &[f64]| Sketch::new(items.iter().copied()).sorted();
        let raw = |a: &[f64], b: &[f64]| numeric(&sketch(a), &sketch(b)).map(|distance| distance.raw);
        assert_eq!(raw(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), Some(0.0));
        assert_eq!(raw(&[1.0, 2.0], &[3.0, 4.0]), Some(1.0));
        assert_eq!(raw(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]), Some(0.5));
        assert_eq!(raw(&[1.0, 1.0, 1.0, 2.0], &[1.0, 2.0, 2.0, 2.0]), Some(0.5));
        assert_eq!(raw(&[], &[1.0]), None);
    }

    #[test]
    fn the_small_sample_correction() {
        let raw = categorical(&[("a", 900), ("b", 100)], &[("a", 5_000), ("b", 5_000)]).unwrap();
        assert!((raw.raw - 0.4).abs() < 1e-12);
        assert!((raw.robust - (0.4 - 1.8 * (11_000.0_f64 / 10_000_000.0).sqrt())).abs() < 1e-12);
        let tiny = categorical(&[("a", 3)], &[("a", 2), ("b", 1)]).unwrap();
        assert_eq!(tiny.robust, 0.0);
    }
}
