//! Model quality of a binary classifier: generated labels and scores, and what Model Monitor makes of them.

use serde_json::{Value, json};

use crate::world::chance::Chance;

/// Label and score of one row.
type Scored = (bool, f64);

/// Metrics that have a constraint, with the slack their baseline leaves.
const CONSTRAINED: &[(&str, f64)] = &[("auc", 0.05), ("f1", 0.08), ("accuracy", 0.06), ("recall", 0.1)];

/// Scores overlap as those of a usable ranker do.
/// `hurt` is the share of what the model knew that it has lost.
pub(crate) fn draw(chance: Chance, rows: u64, hurt: f64) -> Vec<Scored> {
    let mut draws = chance.stream();
    (0..rows)
        .map(|_| {
            let label = draws.f64() < 0.4;
            let centre = if label { 0.9 } else { -0.9 } * (1.0 - hurt);
            // About normal: the sum of four uniforms.
            let shake = ((0..4).map(|_| draws.f64()).sum::<f64>() - 2.0) * 1.732;
            (label, 1.0 / (1.0 + (-(centre + shake)).exp()))
        })
        .collect()
}

/// Metric name and value, in a fixed order.
pub(crate) fn metrics(rows: &[Scored]) -> Vec<(&'static str, f64)> {
    let [tn, fp, fn_, tp] = confusion(rows).map(|count| count as f64);
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (precision, recall) = (ratio(tp, tp + fp), ratio(tp, tp + fn_));
    let f = |beta: f64| ratio((1.0 + beta * beta) * precision * recall, beta * beta * precision + recall);
    vec![
        ("accuracy", ratio(tp + tn, tp + tn + fp + fn_)),
        ("auc", auc(rows)),
        ("f0_5", f(0.5)),
        ("f1", f(1.0)),
        ("f2", f(2.0)),
        ("false_negative_rate", ratio(fn_, tp + fn_)),
        ("false_positive_rate", ratio(fp, fp + tn)),
        ("precision", precision),
        ("recall", recall),
        ("true_negative_rate", ratio(tn, fp + tn)),
        ("true_positive_rate", recall),
    ]
}

/// True negatives, false positives, false negatives, true positives at one half.
fn confusion(rows: &[Scored]) -> [u64; 4] {
    rows.iter().fold([0; 4], |mut counts, (label, score)| {
        counts[usize::from(*label) * 2 + usize::from(*score >= 0.5)] += 1;
        counts
    })
}

/// Share of pairs in the right order, by ranks.
fn auc(rows: &[Scored]) -> f64 {
    let mut sorted: Vec<&Scored> = rows.iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ranks: f64 = sorted.iter().enumerate().filter(|(_, row)| row.0).map(|(i, _)| i as f64 + 1.0).sum();
    let positive = rows.iter().filter(|row| row.0).count() as f64;
    let negative = rows.len() as f64 - positive;
    if positive == 0.0 || negative == 0.0 {
        0.5
    } else {
        (ranks - positive * (positive + 1.0) / 2.0) / (positive * negative)
    }
}

/// Deviation of each metric over five draws of 80 %; the text `"NaN"` below 200 rows.
fn deviations(rows: &[Scored]) -> Vec<Value> {
    let draws: Vec<Vec<(&str, f64)>> = (0..5)
        .map(|skip| {
            let kept: Vec<Scored> =
                rows.iter().enumerate().filter(|(i, _)| i % 5 != skip).map(|(_, row)| *row).collect();
            metrics(&kept)
        })
        .collect();
    (0..draws[0].len())
        .map(|metric| {
            let values = draws.iter().map(|draw| draw[metric].1);
            let mean = values.clone().sum::<f64>() / 5.0;
            let deviation = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
            if rows.len() < 200 { json!("NaN") } else { json!(deviation) }
        })
        .collect()
}

pub(crate) fn statistics(rows: &[Scored]) -> Value {
    let [tn, fp, fn_, tp] = confusion(rows);
    let mut section = json!({
        "confusion_matrix": {"0": {"0": tn, "1": fp}, "1": {"0": fn_, "1": tp}},
        "receiver_operating_characteristic_curve": receiver_curve(rows),
    });
    for ((name, value), deviation) in metrics(rows).into_iter().zip(deviations(rows)) {
        section[name] = json!({"value": value, "standard_deviation": deviation});
    }
    let majority = rows.iter().filter(|row| !row.0).count() as f64 / rows.len().max(1) as f64;
    let floor = majority.max(1.0 - majority);
    section["accuracy_best_constant_classifier"] = json!({"value": floor, "standard_deviation": 0.0});
    section["auc_best_constant_classifier"] = json!({"value": 0.5, "standard_deviation": 0.0});
    json!({"version": 0.0, "dataset": {"item_count": rows.len()}, "binary_classification_metrics": section})
}

fn receiver_curve(rows: &[Scored]) -> Value {
    let positive = rows.iter().filter(|row| row.0).count().max(1) as f64;
    let negative = rows.iter().filter(|row| !row.0).count().max(1) as f64;
    let above = |label: bool, limit: f64| rows.iter().filter(|row| row.0 == label && row.1 >= limit).count() as f64;
    let limits = || (0..=20).rev().map(|i| f64::from(i) / 20.0);
    json!({
        "false_positive_rates": limits().map(|limit| above(false, limit) / negative).collect::<Vec<_>>(),
        "true_positive_rates": limits().map(|limit| above(true, limit) / positive).collect::<Vec<_>>(),
    })
}

pub(crate) fn constraints(baseline: &[Scored]) -> Value {
    let limits: serde_json::Map<String, Value> = thresholds(baseline)
        .into_iter()
        .map(|(name, threshold)| {
            (name.to_owned(), json!({"threshold": threshold, "comparison_operator": "LessThanThreshold"}))
        })
        .collect();
    json!({"version": 0.0, "binary_classification_constraints": limits})
}

fn thresholds(baseline: &[Scored]) -> Vec<(&'static str, f64)> {
    let reached = metrics(baseline);
    let limit = |(name, slack): &(&'static str, f64)| {
        let value = reached.iter().find(|(metric, _)| metric == name).map_or(0.0, |(_, value)| *value);
        (*name, ((value - slack) * 1_000.0).floor() / 1_000.0)
    };
    CONSTRAINED.iter().map(limit).collect()
}

/// Metric and description of each constraint that does not hold.
pub(crate) fn violations(baseline: &[Scored], now: &[Scored]) -> Vec<(&'static str, String)> {
    let reached = metrics(now);
    thresholds(baseline)
        .into_iter()
        .filter_map(|(name, threshold)| {
            let value = reached.iter().find(|(metric, _)| *metric == name)?.1;
            (value < threshold).then(|| (name, format!("Metric {name} with {value} was LessThanThreshold {threshold}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_give_the_area() {
        let rows = [(false, 0.1), (false, 0.4), (true, 0.35), (true, 0.8)];
        assert!((auc(&rows) - 0.75).abs() < 1e-12);
        assert_eq!(confusion(&rows), [2, 0, 1, 1]);
        let f1 = metrics(&rows).into_iter().find(|(name, _)| *name == "f1").unwrap().1;
        assert!((f1 - 2.0 / 3.0).abs() < 1e-12, "{f1}");
    }

    #[test]
    fn an_equal_sample_is_quiet_and_a_coin_is_not() {
        let baseline = draw(Chance::new(1), 10_000, 0.0);
        assert_eq!(violations(&baseline, &draw(Chance::new(2), 1_500, 0.0)), []);
        let coin: Vec<Scored> = (0..500).map(|i| (i % 2 == 0, f64::from(i % 7) / 7.0)).collect();
        let found = violations(&baseline, &coin);
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["auc", "f1", "accuracy", "recall"]);
    }
}
