//! What Clarify's monitors look at: whom a model favours, and what its scores come from.

use serde_json::{Value, json};

use super::report::{Body, Profile};
use crate::world::chance::Chance;

/// The facet that is looked at: one group against all others.
pub(super) const FACET: &str = "is_new_customer";
/// nDCG of attributions below which they have drifted.
pub(super) const LEAST: f64 = 0.9;
/// A metric may be this much farther from nothing than in the baseline: samples of an hour differ by chance.
const SLACK: f64 = 0.05;

/// One row: whether it is of the group, what was true, and what the model said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    group: bool,
    label: bool,
    said: bool,
}

/// A feature and what it adds to scores.
pub(super) type Attribution = (&'static str, f64);

/// `hurt` is what the model has lost; the group it knows least loses most.
pub(super) fn draw(chance: Chance, rows: u64, hurt: f64) -> Vec<Judged> {
    let mut draws = chance.stream();
    (0..rows)
        .map(|_| {
            let group = draws.f64() < 0.3;
            let label = draws.f64() < if group { 0.36 } else { 0.4 };
            let right = if group { 0.83 - 0.4 * hurt } else { 0.86 - 0.1 * hurt };
            Judged { group, label, said: label == (draws.f64() < right) }
        })
        .collect()
}

fn share(rows: &[Judged], of: impl Fn(&Judged) -> bool, is: impl Fn(&Judged) -> bool) -> f64 {
    let all = rows.iter().filter(|row| of(row)).count();
    if all == 0 { 0.0 } else { rows.iter().filter(|row| of(row) && is(row)).count() as f64 / all as f64 }
}

/// Metrics of bias after training, by their short names.
pub(super) fn metrics(rows: &[Judged]) -> Vec<(&'static str, f64)> {
    let (favoured, group) = (|row: &Judged| !row.group, |row: &Judged| row.group);
    let said = |of: fn(&Judged) -> bool| share(rows, of, |row| row.said);
    let right = |of: fn(&Judged) -> bool| share(rows, of, |row| row.said == row.label);
    let found = |of: fn(&Judged) -> bool| share(rows, |row| of(row) && row.label, |row| row.said);
    let ratio = if said(favoured) > 0.0 { said(group) / said(favoured) } else { 1.0 };
    vec![
        ("AD", right(favoured) - right(group)),
        ("DI", ratio),
        ("DPPL", said(favoured) - said(group)),
        ("RD", found(favoured) - found(group)),
    ]
}

/// The value of a metric at which nobody is favoured.
fn neutral(name: &str) -> f64 {
    if name == "DI" { 1.0 } else { 0.0 }
}

/// Metrics that are farther from neutral than in the baseline.
pub(super) fn bias_violations(baseline: &[Judged], now: &[Judged]) -> Vec<(&'static str, f64)> {
    let before = metrics(baseline);
    let far = |name: &str, value: f64| (value - neutral(name)).abs();
    let both = metrics(now).into_iter().zip(before);
    both.filter(|((name, value), (_, before))| far(name, *value) > far(name, *before) + SLACK)
        .map(|(found, _)| found)
        .collect()
}

pub(super) fn bias_report(found: &[(&'static str, f64)]) -> Value {
    let entries = found.iter().map(|(name, value)| {
        json!({
            "facet": FACET, "facet_value": "1", "metric_name": name, "constraint_check_type": "bias_drift_check",
            "description": format!("Value {value} does not meet the constraint requirement"),
        })
    });
    json!({"version": "1.0", "violations": entries.collect::<Vec<_>>()})
}

/// `analysis.json` of a bias monitor.
pub(super) fn bias(rows: &[Judged]) -> Value {
    let told = metrics(rows).into_iter().map(|(name, value)| {
        let description = match name {
            "AD" => "Accuracy Difference (AD)",
            "DI" => "Disparate Impact (DI)",
            "RD" => "Recall Difference (RD)",
            _ => "Difference in Positive Proportions in Predicted Labels (DPPL)",
        };
        json!({"name": name, "description": description, "value": value})
    });
    json!({
        "version": "1.0",
        "post_training_bias_metrics": {
            "label": "label0", "label_value_or_threshold": "1",
            "facets": { FACET: [{"value_or_threshold": "1", "metrics": told.collect::<Vec<_>>()}] },
        },
    })
}

/// What each column adds to the scores of a linear model over standardised columns: the mean size of its part.
pub(super) fn attributions(profiles: &[Profile]) -> Vec<Attribution> {
    let part = |profile: &Profile| {
        let weight = Chance::new(0x5a9).named(profile.feature.name).between(0.02, 0.6).powi(2);
        match &profile.body {
            Body::Numbers { values, .. } => {
                let (centre, spread) = profile.feature.scale();
                let sum: f64 = values.iter().map(|value| (value - centre).abs()).sum();
                weight * sum / values.len().max(1) as f64 / spread
            }
            // Its values count by how far they are from being as frequent as they were.
            Body::Counts(counts) => {
                let all = profile.present.max(1) as f64;
                let known = |value: &str| profile.feature.share(value);
                let moved: f64 = counts.iter().map(|(value, count)| (*count as f64 / all - known(value)).abs()).sum();
                weight * (0.8 + 3.0 * moved)
            }
        }
    };
    profiles.iter().map(|profile| (profile.feature.name, part(profile))).collect()
}

/// nDCG of the order that attributions have now, by what they were worth in the baseline.
pub(super) fn agreement(baseline: &[Attribution], now: &[Attribution]) -> f64 {
    let worth = |name: &str| baseline.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value);
    let gain = |order: &[Attribution]| -> f64 {
        let mut order = order.to_vec();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        (2..).zip(&order).map(|(rank, (name, _))| worth(name) / f64::from(rank).log2()).sum()
    };
    let best = gain(baseline);
    if best > 0.0 { gain(now) / best } else { 1.0 }
}

pub(super) fn attribution_report(baseline: &[Attribution], now: &[Attribution]) -> Value {
    let agreement = agreement(baseline, now);
    let found = (agreement < LEAST).then(|| {
        json!({
            "label": "label0", "metric_name": "shap", "constraint_check_type": "feature_attribution_drift_check",
            "description": format!("Feature attribution drift {agreement} exceeds threshold {LEAST}"),
        })
    });
    json!({"version": "1.0", "violations": found.into_iter().collect::<Vec<_>>()})
}

/// `analysis.json` of an explainability monitor.
pub(super) fn analysis(now: &[Attribution]) -> Value {
    let values: serde_json::Map<String, Value> =
        now.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "version": "1.0",
        "explanations": {"kernel_shap": {"label0": {"global_shap_values": values, "expected_value": 0.4}}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_that_change_places_have_drifted() {
        let before = [("a", 0.5), ("b", 0.3), ("c", 0.01)];
        assert!((agreement(&before, &before) - 1.0).abs() < 1e-12);
        let now = [("a", 0.01), ("b", 0.3), ("c", 0.5)];
        assert!(agreement(&before, &now) < LEAST);
        let report = attribution_report(&before, &now);
        assert_eq!(report["violations"][0]["constraint_check_type"], "feature_attribution_drift_check");
    }

    #[test]
    fn a_model_that_loses_most_on_one_group_favours_the_other() {
        let baseline = draw(Chance::new(1), 6_000, 0.0);
        assert_eq!(bias_violations(&baseline, &draw(Chance::new(2), 1_500, 0.0)), []);
        let found = bias_violations(&baseline, &draw(Chance::new(3), 1_500, 0.6));
        assert!(found.iter().any(|(name, _)| *name == "AD"), "{found:?}");
    }
}
