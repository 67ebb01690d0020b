//! What a feature's values looked like: weighted items of a KLL sketch, or counts of categories.

use std::collections::BTreeMap;

use crate::{resource::monitor::Bucket, series, text::Text};

/// Buckets of a numeric feature, as in Model Monitor's own reports.
const BUCKETS: usize = 10;
/// No sample is this large; it keeps sums finite whatever a file says.
pub(super) const WEIGHT_MAX: f64 = 1e18;
/// Categories shown one by one; the rest is one bucket.
const CATEGORIES: usize = 12;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Distribution {
    /// Constant, all null, or left out of the report.
    #[default]
    None,
    Numeric(Sketch),
    /// Category and count.
    Categorical(Vec<(Text, f64)>),
}

/// A weighted sample of a numeric feature, sorted by value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// Value, and the weight of all items up to and including it.
    items: Vec<(f64, f64)>,
}

impl Sketch {
    /// From a sketch's compactor levels: an item on level `i` stands for `2^i` values.
    pub fn from_levels(levels: &[Vec<f64>]) -> Self {
        let weighted = levels.iter().take(64).enumerate();
        Self::from_weights(
            weighted.flat_map(|(level, items)| items.iter().map(move |item| (*item, 2f64.powi(level as i32)))),
        )
    }

    /// From values with their weights; what is not finite or not positive is left out.
    pub fn from_weights(weighted: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let usable = |(value, weight): &(f64, f64)| value.is_finite() && *weight > 0.0 && *weight <= WEIGHT_MAX;
        let mut items: Vec<(f64, f64)> = weighted.into_iter().filter(usable).collect();
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0.0;
        for (_, weight) in &mut items {
            below += *weight;
            *weight = below;
        }
        Self { items }
    }

    /// Both samples as one: hours become a day.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self::from_weights(self.weighted().chain(other.weighted()))
    }

    fn weighted(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let before = std::iter::once(0.0).chain(self.items.iter().map(|(_, below)| *below));
        self.items.iter().zip(before).map(|((value, below), before)| (*value, below - before))
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many values it stands for.
    pub fn total(&self) -> f64 {
        self.items.last().map_or(0.0, |(_, below)| *below)
    }

    /// The share of values up to and including `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.weight(self.items.partition_point(|(value, _)| *value <= x))
    }

    /// The share of values below `x`.
    fn below(&self, x: f64) -> f64 {
        self.weight(self.items.partition_point(|(value, _)| *value < x))
    }

    fn weight(&self, items: usize) -> f64 {
        let weight = items.checked_sub(1).map_or(0.0, |last| self.items[last].1);
        if self.is_empty() { 0.0 } else { weight / self.total() }
    }

    /// The smallest value that at least the share `q` lies at or below; `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let wanted = q.clamp(0.0, 1.0) * self.total();
        let at = self.items.partition_point(|(_, below)| *below < wanted);
        self.items.get(at).or(self.items.last()).map(|(value, _)| *value)
    }

    fn bounds(&self) -> Option<(f64, f64)> {
        Some((self.items.first()?.0, self.items.last()?.0))
    }
}

/// The largest distance between the two cumulative distributions, looked for at every item of both.
pub(super) fn cdf_gap(a: &Sketch, b: &Sketch) -> f64 {
    let (mut i, mut j, mut gap) = (0, 0, 0.0_f64);
    while i < a.items.len() || j < b.items.len() {
        let next = |side: &Sketch, at: usize| side.items.get(at).map_or(f64::INFINITY, |(value, _)| *value);
        let x = next(a, i).min(next(b, j));
        i += a.items[i..].iter().take_while(|(value, _)| *value <= x).count();
        j += b.items[j..].iter().take_while(|(value, _)| *value <= x).count();
        gap = gap.max((a.weight(i) - b.weight(j)).abs());
    }
    gap
}

/// Shares of both over the same buckets; empty when the two cannot be compared.
pub fn buckets(baseline: &Distribution, now: &Distribution) -> Vec<Bucket> {
    match (baseline, now) {
        (Distribution::Numeric(b), Distribution::Numeric(n)) => numeric_buckets(b, n),
        (Distribution::Categorical(b), Distribution::Categorical(n)) => category_buckets(b, n),
        _ => Vec::new(),
    }
}

/// Equal widths from the smallest to the largest value of both; the last bucket is closed on both ends, the others half-open.
fn numeric_buckets(baseline: &Sketch, now: &Sketch) -> Vec<Bucket> {
    let (Some(b), Some(n)) = (baseline.bounds(), now.bounds()) else { return Vec::new() };
    let (low, high) = (b.0.min(n.0), b.1.max(n.1));
    let width = high / BUCKETS as f64 - low / BUCKETS as f64;
    if width <= 0.0 {
        return vec![Bucket { label: series::short(low).into(), baseline: 1.0, now: 1.0 }];
    }
    let edge = |i: usize| if i == BUCKETS { high } else { low + width * i as f64 };
    (0..BUCKETS)
        .map(|i| {
            let share = |side: &Sketch| {
                let upper = if i + 1 == BUCKETS { 1.0 } else { side.below(edge(i + 1)) };
                (upper - side.below(edge(i))).max(0.0)
            };
            let label = format!("{} to {}", series::short(edge(i)), series::short(edge(i + 1)));
            Bucket { label: label.into(), baseline: share(baseline), now: share(now) }
        })
        .collect()
}

/// The most frequent categories of either side, and one bucket for the rest.
fn category_buckets(baseline: &[(Text, f64)], now: &[(Text, f64)]) -> Vec<Bucket> {
    let total = |side: &[(Text, f64)]| side.iter().map(|(_, count)| count).sum::<f64>();
    let (n, m) = (total(baseline), total(now));
    if n <= 0.0 || m <= 0.0 {
        return Vec::new();
    }
    let mut shares: BTreeMap<&Text, (f64, f64)> = BTreeMap::new();
    for (category, count) in baseline {
        shares.entry(category).or_default().0 += count / n;
    }
    for (category, count) in now {
        shares.entry(category).or_default().1 += count / m;
    }
    let mut all: Vec<Bucket> =
        shares.into_iter().map(|(label, (b, n))| Bucket { label: label.clone(), baseline: b, now: n }).collect();
    all.sort_by(|a, b| b.baseline.max(b.now).total_cmp(&a.baseline.max(a.now)));
    if all.len() > CATEGORIES + 1 {
        let rest = all.split_off(CATEGORIES);
        let sum = |side: fn(&Bucket) -> f64| rest.iter().map(side).sum();
        let label = format!("{} others", rest.len()).into();
        all.push(Bucket { label, baseline: sum(|bucket| bucket.baseline), now: sum(|bucket| bucket.now) });
    }
    all
}
