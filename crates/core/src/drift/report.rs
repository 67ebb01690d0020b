//! `statistics.json`, `constraints.json`, `constraint_violations.json`: read leniently, in every spelling that was seen.
//! A part of the wrong type counts as absent; only what is no JSON object at all is an error.

use serde_json::{Map, Value};

use super::distribution::{Distribution, Sketch, WEIGHT_MAX};
use crate::{resource::monitor::Violation, text::Text};

/// Largest file that is read, in bytes: sketches of some hundred features.
pub const INPUT_MAX: usize = 64 << 20;
const FEATURES_MAX: usize = 10_000;
const VIOLATIONS_MAX: usize = 10_000;
const DESCRIPTION_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("{0} bytes are more than the {INPUT_MAX} that are read")]
    TooLarge(usize),
    #[error("not JSON: {0}")]
    NotJson(Text),
    #[error("not an object")]
    NotAnObject,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Rows that were looked at.
    pub item_count: Option<f64>,
    /// Sorted by name.
    pub features: Vec<Feature>,
    /// Metrics of a model quality report.
    pub metrics: Vec<Metric>,
}

impl Statistics {
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        let at = self.features.binary_search_by(|feature| feature.name.as_str().cmp(name)).ok()?;
        self.features.get(at)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feature {
    pub name: Text,
    /// `Integral`, `Fractional`, `String`, `Unknown`.
    pub inferred_type: Text,
    pub present: Option<f64>,
    pub missing: Option<f64>,
    pub mean: Option<f64>,
    pub std_dev: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub distinct: Option<f64>,
    pub distribution: Distribution,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    pub name: Text,
    pub value: f64,
    /// Absent under 200 samples, where the report says `"NaN"`.
    pub std_dev: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    pub features: Vec<FeatureConstraint>,
    pub comparison: Comparison,
    pub metrics: Vec<MetricConstraint>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureConstraint {
    pub name: Text,
    pub inferred_type: Text,
    pub completeness: Option<f64>,
    pub non_negative: Option<bool>,
    /// The categories that are allowed; empty when the constraint names none.
    pub domains: Vec<Text>,
    /// An own limit for the distance, from the feature's overrides.
    pub threshold: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    pub enabled: Option<bool>,
    /// Limit for the distance of numeric features.
    pub threshold: Option<f64>,
    /// Limit for categorical features; the numeric one when the file names none.
    pub categorical_threshold: Option<f64>,
    pub method: Method,
    /// The p-value of a chi-squared test is judged the other way round: small means drift.
    pub chi_squared: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Corrected for sample size.
    #[default]
    Robust,
    Simple,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Robust => "Robust",
            Self::Simple => "Simple",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MetricConstraint {
    pub name: Text,
    pub threshold: f64,
    /// `LessThanThreshold`, `GreaterThanThreshold`: what would be a violation.
    pub operator: Text,
}

pub fn parse_statistics(bytes: &[u8]) -> Result<Statistics, Unreadable> {
    let root = read(bytes)?;
    let mut features: Vec<Feature> = objects(&root, "features").take(FEATURES_MAX).filter_map(feature).collect();
    features.sort_by(|a, b| a.name.cmp(&b.name));
    features.dedup_by(|a, b| a.name == b.name);
    let sections = ["regression_metrics", "binary_classification_metrics", "multiclass_classification_metrics"];
    let metrics = sections.iter().filter_map(|section| object(&root, section)).flat_map(metrics).collect();
    let item_count = object(&root, "dataset").and_then(|dataset| number(dataset, "item_count"));
    Ok(Statistics { item_count, features, metrics })
}

fn feature(node: &Map<String, Value>) -> Option<Feature> {
    let statistics = object(node, "numerical_statistics").or_else(|| object(node, "string_statistics"));
    let common = statistics.and_then(|s| object(s, "common"));
    let of = |name: &str| statistics.and_then(|s| number(s, name));
    Some(Feature {
        name: text(node, "name")?,
        inferred_type: text(node, "inferred_type").unwrap_or_default(),
        present: common.and_then(|c| number(c, "num_present")),
        missing: common.and_then(|c| number(c, "num_missing")),
        mean: of("mean"),
        std_dev: of("std_dev"),
        min: of("min"),
        max: of("max"),
        distinct: of("distinct_count"),
        distribution: statistics.and_then(|s| object(s, "distribution")).map_or(Distribution::None, distribution),
    })
}

fn distribution(node: &Map<String, Value>) -> Distribution {
    if let Some(categorical) = object(node, "categorical") {
        let counts: Vec<(Text, f64)> = objects(categorical, "buckets")
            .filter_map(|bucket| {
                Some((
                    text(bucket, "value")?,
                    number(bucket, "count").filter(|count| (0.0..=WEIGHT_MAX).contains(count))?,
                ))
            })
            .collect();
        return if counts.is_empty() { Distribution::None } else { Distribution::Categorical(counts) };
    }
    let Some(kll) = object(node, "kll") else { return Distribution::None };
    let mut sketch =
        object(kll, "sketch").and_then(|sketch| field(sketch, "data")).map_or_else(Sketch::default, levels);
    if sketch.is_empty() {
        // Without a sketch each bucket stands for its middle: coarse, but on the scale of the real thing.
        sketch = Sketch::from_weights(objects(kll, "buckets").filter_map(|bucket| {
            let middle = f64::midpoint(number(bucket, "lower_bound")?, number(bucket, "upper_bound")?);
            Some((middle, number(bucket, "count")?))
        }));
    }
    if sketch.is_empty() { Distribution::None } else { Distribution::Numeric(sketch) }
}

fn levels(data: &Value) -> Sketch {
    let level =
        |items: &Value| items.as_array().map_or_else(Vec::new, |items| items.iter().filter_map(as_number).collect());
    let levels: Vec<Vec<f64>> = data.as_array().map_or_else(Vec::new, |levels| levels.iter().map(level).collect());
    Sketch::from_levels(&levels)
}

/// Metrics of one section; curves and the confusion matrix have no `value` and are left out.
fn metrics(section: &Map<String, Value>) -> Vec<Metric> {
    let metric = |(name, node): (&String, &Value)| {
        let node = node.as_object()?;
        let value = number(node, "value")?;
        Some(Metric { name: Text::new(name), value, std_dev: number(node, "standard_deviation") })
    };
    section.iter().filter_map(metric).collect()
}

pub fn parse_constraints(bytes: &[u8]) -> Result<Constraints, Unreadable> {
    let root = read(bytes)?;
    let features = objects(&root, "features").take(FEATURES_MAX).filter_map(feature_constraint).collect();
    let comparison = object(&root, "monitoring_config")
        .and_then(|config| object(config, "distribution_constraints"))
        .map_or_else(Comparison::default, comparison);
    let sections =
        ["regression_constraints", "binary_classification_constraints", "multiclass_classification_constraints"];
    let metrics = sections.iter().filter_map(|section| object(&root, section)).flat_map(metric_constraints).collect();
    Ok(Constraints { features, comparison, metrics })
}

fn feature_constraint(node: &Map<String, Value>) -> Option<FeatureConstraint> {
    let numeric = object(node, "num_constraints");
    let string = object(node, "string_constraints");
    let overrides =
        [Some(node), string, numeric].into_iter().flatten().find_map(|at| object(at, "monitoring_config_overrides"));
    let domains = string.and_then(|s| field(s, "domains")).and_then(Value::as_array);
    Some(FeatureConstraint {
        name: text(node, "name")?,
        inferred_type: text(node, "inferred_type").unwrap_or_default(),
        completeness: number(node, "completeness"),
        non_negative: numeric.and_then(|n| field(n, "is_non_negative")).and_then(Value::as_bool),
        domains: domains.map_or_else(Vec::new, |all| all.iter().filter_map(as_text).collect()),
        threshold: overrides
            .map(|o| object(o, "distribution_constraints").unwrap_or(o))
            .and_then(|o| number(o, "comparison_threshold")),
    })
}

fn comparison(node: &Map<String, Value>) -> Comparison {
    let word = |name: &str| text(node, name).map(|text| text.as_str().to_ascii_lowercase());
    let enabled = field(node, "perform_comparison").or_else(|| field(node, "enable_comparisons"));
    let threshold = number(node, "comparison_threshold");
    let method = word("comparison_method").filter(|method| method.contains("simple"));
    Comparison {
        enabled: enabled.and_then(|value| match value {
            Value::Bool(enabled) => Some(*enabled),
            Value::String(word) => Some(word.eq_ignore_ascii_case("enabled")),
            _ => None,
        }),
        threshold,
        categorical_threshold: number(node, "categorical_comparison_threshold").or(threshold),
        method: if method.is_some() { Method::Simple } else { Method::Robust },
        chi_squared: word("categorical_drift_method").is_some_and(|method| method.starts_with("chi")),
    }
}

fn metric_constraints(section: &Map<String, Value>) -> Vec<MetricConstraint> {
    let constraint = |(name, node): (&String, &Value)| {
        let node = node.as_object()?;
        let operator = text(node, "comparison_operator").unwrap_or_default();
        Some(MetricConstraint { name: Text::new(name), threshold: number(node, "threshold")?, operator })
    };
    section.iter().filter_map(constraint).collect()
}

pub fn parse_violations(bytes: &[u8]) -> Result<Vec<Violation>, Unreadable> {
    let root = read(bytes)?;
    Ok(objects(&root, "violations").take(VIOLATIONS_MAX).map(violation).collect())
}

fn violation(node: &Map<String, Value>) -> Violation {
    let get = |name: &str| text(node, name);
    let joined = |a: Option<Text>, b: Option<Text>| match (a, b) {
        (Some(a), Some(b)) => Some(Text::new(&format!("{} {}", a.raw(), b.raw()))),
        (a, b) => a.or(b),
    };
    let facet = || joined(joined(get("facet"), get("facet_value")), get("metric_name"));
    let attribution = || get("label").map(|label| Text::new(&format!("label {}", label.raw())));
    let bias = field(node, "facet").is_some();
    let feature =
        get("feature_name").or_else(|| if bias { facet() } else { get("metric_name").filter(|m| m != "shap") });
    let check = get("constraint_check_type").unwrap_or_default();
    let raw = field(node, "description").and_then(Value::as_str).unwrap_or_default().trim();
    let reworded = (check == "feature_attribution_drift_check").then(|| attribution_text(raw)).flatten();
    Violation {
        feature: feature.or_else(attribution).unwrap_or_default(),
        distance: stated_distance(raw),
        description: Text::bounded(reworded.as_deref().unwrap_or(raw), DESCRIPTION_MAX),
        check,
    }
}

/// Distance and limit out of a description: `Baseline drift distance: 0.27 exceeds threshold: 0.1`, in its newer form
/// with `numerical` or `categorical` in it. Nowhere else does the report give them.
pub fn stated_distance(description: &str) -> Option<(f64, f64)> {
    let lower = description.to_ascii_lowercase();
    let (_, rest) = lower.split_once("distance:")?;
    let mut words = rest.split_whitespace();
    let distance = stated(words.next()?)?;
    if words.next()? != "exceeds" {
        return None;
    }
    let word = words.next()?;
    let word = if word.starts_with("threshold:") { word } else { words.next()? };
    let limit = match word.strip_prefix("threshold:")? {
        "" => words.next()?,
        joined => joined,
    };
    Some((distance, stated(limit)?))
}

fn stated(word: &str) -> Option<f64> {
    word.trim_end_matches(['.', '!', ',']).parse().ok().filter(|number: &f64| number.is_finite())
}

/// The report says that the value *exceeds* the limit; in truth the agreement of the two rankings (nDCG) fell below it.
fn attribution_text(description: &str) -> Option<String> {
    let (_, rest) = description.split_once("Feature attribution drift ")?;
    let (value, limit) = rest.split_once(" exceeds threshold ")?;
    let (value, limit) = (stated(value.trim())?, stated(limit.trim())?);
    Some(format!("agreement of the attribution ranking (nDCG) fell to {value}, below {limit}"))
}

fn read(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    if bytes.len() > INPUT_MAX {
        return Err(Unreadable::TooLarge(bytes.len()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(root)) => Ok(root),
        Ok(_) => Err(Unreadable::NotAnObject),
        Err(error) => Err(Unreadable::NotJson(Text::bounded(&error.to_string(), 200))),
    }
}

/// The field of this name in snake case, or in whichever case the file has it.
fn field<'a>(node: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let letters = |text: &str| text.bytes().filter(|b| *b != b'_').map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>();
    node.get(name).or_else(|| {
        let wanted = letters(name);
        node.iter().find(|(key, _)| letters(key) == wanted).map(|(_, value)| value)
    })
}

fn object<'a>(node: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    field(node, name)?.as_object()
}

fn objects<'a>(node: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    field(node, name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn number(node: &Map<String, Value>, name: &str) -> Option<f64> {
    field(node, name).and_then(as_number)
}

/// Numbers, and numbers written as text; `"NaN"` is none.
fn as_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn text(node: &Map<String, Value>, name: &str) -> Option<Text> {
    field(node, name).and_then(as_text)
}

fn as_text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(Text::new(text)),
        Value::Number(number) => Some(Text::new(&number.to_string())),
        Value::Bool(flag) => Some(Text::new(if *flag { "true" } else { "false" })),
        _ => None,
    }
}
