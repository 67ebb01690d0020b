//! What a data quality execution writes: `statistics.json`, `constraints.json`, `constraint_violations.json`.

use serde_json::{Value, json};

use super::{
    deequ::{self, Distance},
    feature::{Feature, Values},
    kll::{SHRINK, SIZE, Sketch},
};

/// `comparison_threshold`, `categorical_comparison_threshold` and `domain_content_threshold`.
pub(crate) const LIMIT: f64 = 0.1;
/// Buckets of a numeric distribution: ten of equal width from the lowest to the highest value.
const BUCKETS: usize = 10;

/// One column as profiled in one data set.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) feature: Feature,
    pub(crate) present: u64,
    pub(crate) missing: u64,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Numbers {
        values: Vec<f64>,
        sketch: Sketch,
        /// Items of the sketch with their weights, ascending.
        items: Vec<(f64, f64)>,
    },
    Counts(Vec<(&'static str, u64)>),
}

/// One entry of `constraint_violations.json`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    pub(crate) feature: &'static str,
    pub(crate) check: &'static str,
    pub(crate) description: String,
}

impl Profile {
    pub(crate) fn new(feature: Feature, (values, missing): (Values, u64)) -> Self {
        match values {
            Values::Numbers(values) => {
                let sketch = Sketch::new(values.iter().copied());
                let items = sketch.sorted();
                Self { feature, present: values.len() as u64, missing, body: Body::Numbers { values, sketch, items } }
            }
            Values::Counts(counts) => {
                let present = counts.iter().map(|(_, count)| count).sum();
                Self { feature, present, missing, body: Body::Counts(counts) }
            }
        }
    }

    pub(crate) fn completeness(&self) -> f64 {
        let rows = self.present + self.missing;
        if rows == 0 { 0.0 } else { self.present as f64 / rows as f64 }
    }

    pub(crate) fn distance(&self, baseline: &Self) -> Option<Distance> {
        match (&self.body, &baseline.body) {
            (Body::Numbers { items: a, .. }, Body::Numbers { items: b, .. }) => deequ::numeric(a, b),
            (Body::Counts(a), Body::Counts(b)) => deequ::categorical(a, b),
            _ => None,
        }
    }

    /// Share of rows whose value the baseline knows; 1 for numbers.
    fn known(&self, baseline: &Self) -> f64 {
        match (&self.body, &baseline.body) {
            (Body::Counts(now), Body::Counts(before)) if self.present > 0 => {
                let known = |value: &str| before.iter().any(|(seen, _)| *seen == value);
                let rows: u64 = now.iter().filter(|(value, _)| known(value)).map(|(_, count)| count).sum();
                rows as f64 / self.present as f64
            }
            _ => 1.0,
        }
    }

    pub(crate) fn violations(&self, baseline: &Self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut add = |check: &'static str, description: String| {
            found.push(Violation { feature: self.feature.name, check, description });
        };
        if let Some(distance) = self.distance(baseline)
            && distance.robust > LIMIT
        {
            add(
                "baseline_drift_check",
                format!("Baseline drift distance: {} exceeds threshold: {LIMIT}", distance.robust),
            );
        }
        if self.completeness() < self.feature.least_complete() {
            add(
                "completeness_check",
                format!("Value: {} does not meet the constraint requirement! ", self.completeness()),
            );
        }
        let known = self.known(baseline);
        if 1.0 - known > LIMIT {
            add("categorical_values_check", format!("Value: {known} does not meet the constraint requirement! "));
        }
        found
    }

    fn statistics(&self) -> Value {
        let common = json!({"num_present": self.present, "num_missing": self.missing});
        let (name, inferred) = (self.feature.name, self.feature.inferred_type());
        match &self.body {
            Body::Numbers { values, sketch, .. } => {
                let mut numbers = moments(values);
                numbers["common"] = common;
                if !values.is_empty() {
                    numbers["distribution"] = json!({"kll": {
                        "buckets": buckets(values),
                        "sketch": {"parameters": {"c": SHRINK, "k": SIZE}, "data": sketch.levels},
                    }});
                }
                json!({"name": name, "inferred_type": inferred, "numerical_statistics": numbers})
            }
            Body::Counts(counts) => {
                let buckets: Vec<Value> =
                    counts.iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
                json!({"name": name, "inferred_type": inferred, "string_statistics": {
                    "common": common,
                    "distinct_count": counts.len() as f64,
                    "distribution": {"categorical": {"buckets": buckets}},
                }})
            }
        }
    }

    fn constraint(&self) -> Value {
        let mut entry = json!({
            "name": self.feature.name,
            "inferred_type": self.feature.inferred_type(),
            "completeness": self.feature.least_complete(),
        });
        match &self.body {
            Body::Numbers { values, .. } => {
                let non_negative = values.first().is_none_or(|least| *least >= 0.0);
                entry["num_constraints"] = json!({"is_non_negative": non_negative});
            }
            Body::Counts(counts) => {
                let domain: Vec<&str> = counts.iter().map(|(value, _)| *value).collect();
                entry["string_constraints"] = json!({"domains": domain});
            }
        }
        entry
    }
}

impl Feature {
    /// The completeness its constraint asks for: what the baseline suggests, loosened by hand where values go missing.
    pub(crate) fn least_complete(&self) -> f64 {
        if self.missing > 0.0 { ((1.0 - 2.0 * self.missing) * 100.0).floor() / 100.0 } else { 1.0 }
    }
}

fn moments(values: &[f64]) -> Value {
    let rows = values.len() as f64;
    let (Some(least), Some(most)) = (values.first(), values.last()) else {
        return json!({});
    };
    let sum: f64 = values.iter().sum();
    let mean = sum / rows;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows;
    json!({"mean": mean, "sum": sum, "std_dev": variance.sqrt(), "min": least, "max": most})
}

/// Half-open buckets, the last one closed.
fn buckets(values: &[f64]) -> Vec<Value> {
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
        return Vec::new();
    };
    let width = (most - least) / BUCKETS as f64;
    let edge = |i: usize| if i == BUCKETS { most } else { least + width * i as f64 };
    let below = |bound: f64| values.partition_point(|value| *value < bound);
    (0..BUCKETS)
        .map(|i| {
            let end = if i + 1 == BUCKETS { values.len() } else { below(edge(i + 1)) };
            let count = end.saturating_sub(below(edge(i)));
            json!({"lower_bound": edge(i), "upper_bound": edge(i + 1), "count": count as f64})
        })
        .collect()
}

pub(crate) fn statistics(rows: u64, profiles: &[Profile]) -> Value {
    let features: Vec<Value> = profiles.iter().map(Profile::statistics).collect();
    json!({"version": 0.0, "dataset": {"item_count": rows}, "features": features})
}

/// The baseline's constraints.
pub(crate) fn constraints(baseline: &[Profile]) -> Value {
    let features: Vec<Value> = baseline.iter().map(Profile::constraint).collect();
    json!({
        "version": 0.0,
        "features": features,
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": LIMIT,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": LIMIT,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": LIMIT,
                "categorical_drift_method": "LInfinity",
            },
        },
    })
}

pub(crate) fn violations(found: &[Violation]) -> Value {
    let entries: Vec<Value> = found
        .iter()
        .map(|violation| {
            json!({
                "feature_name": violation.feature,
                "constraint_check_type": violation.check,
                "description": violation.description,
            })
        })
        .collect();
    json!({"violations": entries})
}

/// The same file of a model quality monitor.
pub(crate) fn quality_violations(found: &[(&'static str, String)]) -> Value {
    let entries: Vec<Value> = found
        .iter()
        .map(|(metric, description)| {
            json!({
                "metric_name": metric,
                "constraint_check_type": "LessThanThreshold",
                "description": description,
            })
        })
        .collect();
    json!({"violations": entries})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_row_once() {
        let values = [0.0, 0.5, 1.0, 1.0, 9.99, 10.0];
        let buckets = buckets(&values);
        let counts: Vec<f64> = buckets.iter().map(|bucket| bucket["count"].as_f64().unwrap()).collect();
        assert_eq!(counts, [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(buckets[9]["upper_bound"], json!(10.0));
        assert_eq!(super::buckets(&[3.0, 3.0]).iter().map(|b| b["count"].as_f64().unwrap()).sum::<f64>(), 2.0);
    }
}
