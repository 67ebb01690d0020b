//! How the visible endpoints feel: three metrics per variant in one request, and last week's traffic once an hour.

use mldeck_core::{
    ask::VitalsOf,
    fault::Fault,
    resource::endpoint::Vitals,
    text::Text,
    time::{HOUR, MINUTE, Timestamp},
};

use super::{Metric, Points, whole_minute};
use crate::Gateway;

/// Milliseconds and seconds of one bucket.
const BUCKET: i64 = 5 * MINUTE;
const BUCKET_SECS: i32 = 300;
const WINDOW: i64 = 3 * HOUR;
const WEEK: i64 = 7 * 24 * HOUR;
/// Per variant: invocations, 5xx, P99.
const EACH: usize = 3;

impl Gateway {
    pub(crate) async fn vitals(&self, rows: &[VitalsOf]) -> Result<Vec<(Text, Vitals)>, Fault> {
        let end = whole_minute(self.now());
        let from = end.plus(-WINDOW).floor(BUCKET);
        let metrics: Vec<Metric> = rows
            .iter()
            .flat_map(|row| row.variants.iter().map(move |variant| (&row.endpoint, variant)))
            .flat_map(|(endpoint, variant)| {
                [("Invocations", "Sum"), ("Invocation5XXErrors", "Sum"), ("ModelLatency", "p99")]
                    .map(|(name, stat)| Metric::of_variant(name, endpoint, variant, stat, BUCKET_SECS))
            })
            .collect();
        if metrics.is_empty() {
            return Ok(rows
                .iter()
                .map(|row| (row.endpoint.clone(), Vitals { at: end, ..Vitals::default() }))
                .collect());
        }
        let data = self.metric_data(&metrics, from, end).await?;
        let week_ago = self.week_ago(rows, end).await;
        let mut rest = data.as_slice();
        let mut out = Vec::with_capacity(rows.len());
        for (row, week_ago_per_min) in rows.iter().zip(week_ago) {
            let (mine, others) = rest.split_at((row.variants.len() * EACH).min(rest.len()));
            rest = others;
            out.push((row.endpoint.clone(), Vitals { week_ago_per_min, ..judge(mine, from, end) }));
        }
        Ok(out)
    }

    /// Invocations of these variants since then; 0 where CloudWatch has no point, which is how it tells of no call.
    pub(crate) async fn invocations(&self, endpoint: &Text, variants: &[Text], since: Timestamp) -> Result<f64, Fault> {
        let of = |variant: &Text| Metric::of_variant("Invocations", endpoint, variant, "Sum", BUCKET_SECS);
        let metrics: Vec<Metric> = variants.iter().map(of).collect();
        let data = self.metric_data(&metrics, since.floor(BUCKET), self.now()).await?;
        Ok(data.iter().flatten().map(|(_, sum)| sum).sum())
    }

    /// Invocations a minute in the same hour a week ago. That hour is over: each variant is asked for once.
    async fn week_ago(&self, rows: &[VitalsOf], end: Timestamp) -> Vec<Option<f64>> {
        let hour = end.plus(-WEEK).floor(HOUR);
        let key = |endpoint: &Text, variant: &Text| format!("{endpoint} {variant} {}", hour.millis());
        let missing: Vec<(&Text, &Text)> = rows
            .iter()
            .flat_map(|row| row.variants.iter().map(move |variant| (&row.endpoint, variant)))
            .filter(|(endpoint, variant)| self.memory.hours.get(&key(endpoint, variant)).is_none())
            .collect();
        if !missing.is_empty() {
            let metrics: Vec<Metric> = missing
                .iter()
                .map(|(endpoint, variant)| Metric::of_variant("Invocations", endpoint, variant, "Sum", 3_600))
                .collect();
            if let Ok(data) = self.metric_data(&metrics, hour, hour.plus(HOUR)).await {
                for ((endpoint, variant), points) in missing.iter().zip(data) {
                    let per_minute = points.first().map(|(_, sum)| sum / 60.0);
                    self.memory.hours.put(&key(endpoint, variant), per_minute);
                }
            }
        }
        let known = |row: &VitalsOf| -> Option<f64> {
            let values = row.variants.iter().filter_map(|v| self.memory.hours.get(&key(&row.endpoint, v)).flatten());
            values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
        };
        rows.iter().map(known).collect()
    }
}

/// From the points of one endpoint's variants, [`EACH`] at a time.
fn judge(data: &[Points], from: Timestamp, end: Timestamp) -> Vitals {
    // The newest bucket may be a minute old: together with the one before it is five to ten minutes.
    let recent = end.plus(-1).floor(BUCKET).plus(-BUCKET);
    let minutes = end.since(recent) as f64 / MINUTE as f64;
    let sum = |which: usize| -> Option<f64> {
        let points = data.iter().skip(which).step_by(EACH).flatten();
        points.filter(|(at, _)| *at >= recent).fold(None, |sum, (_, value)| Some(sum.unwrap_or(0.0) + value))
    };
    let invocations = sum(0);
    let errors = sum(1).unwrap_or(0.0);
    let buckets = usize::try_from(end.since(from).div_euclid(BUCKET) + 1).unwrap_or(0);
    let mut spark = vec![f32::NAN; buckets];
    for (at, micros) in data.iter().skip(2).step_by(EACH).flatten() {
        let index = usize::try_from(at.since(from).div_euclid(BUCKET)).ok();
        if let Some(slot) = index.and_then(|index| spark.get_mut(index)) {
            // Of several variants the slowest is felt.
            *slot = slot.max((micros / 1_000.0) as f32);
        }
    }
    while spark.last().is_some_and(|value| value.is_nan()) && spark.len() > buckets.saturating_sub(1) {
        spark.pop();
    }
    let newest = data.iter().skip(2).step_by(EACH).flatten().filter(|(at, _)| *at >= recent);
    let newest_at = newest.clone().map(|(at, _)| *at).max();
    let p99_micros = newest.filter(|(at, _)| Some(*at) == newest_at).map(|(_, micros)| *micros).reduce(f64::max);
    Vitals {
        at: end,
        invocations_per_min: invocations.map(|sum| sum / minutes),
        error_share: invocations.filter(|sum| *sum > 0.0).map(|sum| (errors / sum).clamp(0.0, 1.0)),
        p99_ms: p99_micros.map(|micros| micros / 1_000.0),
        week_ago_per_min: None,
        p99_spark: spark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_the_last_two_buckets_and_gaps_stay_gaps() {
        let end = Timestamp::from_millis(100 * BUCKET + 2 * MINUTE);
        let from = Timestamp::from_millis(95 * BUCKET);
        let at = |bucket: i64| Timestamp::from_millis(bucket * BUCKET);
        let data = vec![
            vec![(at(96), 5_000.0), (at(99), 500.0), (at(100), 200.0)],
            vec![(at(99), 7.0)],
            vec![(at(96), 80_000.0), (at(100), 120_000.0)],
            vec![(at(99), 70.0)],
            vec![(at(99), 7.0)],
            vec![(at(96), 90_000.0)],
        ];
        let vitals = judge(&data, from, end);
        assert_eq!(vitals.invocations_per_min, Some(110.0), "770 in 7 minutes");
        assert!((vitals.error_share.unwrap() - 14.0 / 770.0).abs() < 1e-12);
        assert_eq!(vitals.p99_ms, Some(120.0));
        let spark: Vec<String> = vitals.p99_spark.iter().map(ToString::to_string).collect();
        assert_eq!(spark, ["NaN", "90", "NaN", "NaN", "NaN", "120"]);
    }

    #[test]
    fn no_traffic_is_no_number() {
        let end = Timestamp::from_millis(100 * BUCKET);
        let vitals = judge(&vec![Vec::new(); EACH], end.plus(-WINDOW), end);
        assert_eq!((vitals.invocations_per_min, vitals.error_share, vitals.p99_ms), (None, None, None));
        assert!(vitals.p99_spark.iter().all(|value| value.is_nan()));
    }
}
