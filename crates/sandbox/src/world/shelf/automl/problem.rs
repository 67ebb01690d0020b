//! What is to be learned of the data, and by which metrics it is judged.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Item, World};
use crate::world::s3;

/// Candidates where nothing is said. `[?]`: Autopilot's own limit is 250 for a search and what an ensemble needs otherwise.
pub(super) const CANDIDATES: usize = 10;

/// A metric by SageMaker's name, and whether less is better.
pub(super) type Metric = (&'static str, bool);

/// By kind of problem, the default objective first.
const METRICS: &[(&str, &[Metric])] = &[
    (
        "BinaryClassification",
        &[
            ("F1", false),
            ("Accuracy", false),
            ("AUC", false),
            ("BalancedAccuracy", false),
            ("Precision", false),
            ("Recall", false),
        ],
    ),
    (
        "MulticlassClassification",
        &[
            ("Accuracy", false),
            ("F1macro", false),
            ("BalancedAccuracy", false),
            ("PrecisionMacro", false),
            ("RecallMacro", false),
        ],
    ),
    ("Regression", &[("MSE", true), ("RMSE", true), ("MAE", true), ("R2", false)]),
    (
        "TimeSeriesForecasting",
        &[("AverageWeightedQuantileLoss", true), ("WAPE", true), ("MAPE", true), ("MASE", true), ("RMSE", true)],
    ),
    ("ImageClassification", &[("Accuracy", false)]),
    ("TextClassification", &[("Accuracy", false)]),
];

pub(super) fn metrics(kind: &str) -> &'static [Metric] {
    METRICS.iter().find(|(known, _)| *known == kind).map_or(&[("Accuracy", false)], |(_, metrics)| *metrics)
}

pub(super) fn metric(kind: &str, name: &str) -> Option<Metric> {
    metrics(kind).iter().find(|(known, _)| *known == name).copied()
}

impl Item {
    /// `BinaryClassification`, `TimeSeriesForecasting`: as it was said, or as the data told.
    pub(super) fn problem(&self) -> &str {
        let of = |value: Option<&Value>| value.and_then(Value::as_str).map(str::len).filter(|len| *len > 0);
        let resolved = self.body.get("Resolved");
        if of(resolved).is_some() {
            return resolved.and_then(Value::as_str).unwrap_or_default();
        }
        let (name, config) = self.problem_config().unwrap_or(("TabularJobConfig", &Value::Null));
        if name != "TabularJobConfig" {
            return name.trim_end_matches("JobConfig");
        }
        let said = config.get("ProblemType").or_else(|| self.body.get("ProblemType"));
        said.and_then(Value::as_str).unwrap_or("BinaryClassification")
    }

    pub(super) fn objective_metric(&self) -> Metric {
        let said = self.body.get("AutoMLJobObjective").and_then(|objective| objective.get("MetricName")?.as_str());
        let kind = self.problem();
        said.and_then(|name| metric(kind, name))
            .or_else(|| metrics(kind).first().copied())
            .unwrap_or(("Accuracy", false))
    }

    pub(super) fn input(&self) -> &str {
        let channels = self.body.get("AutoMLJobInputDataConfig").or_else(|| self.body.get("InputDataConfig"));
        let uri = channels.and_then(|channels| channels.pointer("/0/DataSource/S3DataSource/S3Uri"));
        uri.and_then(Value::as_str).unwrap_or_default()
    }

    fn target(&self) -> &str {
        let own = self.problem_config().and_then(|(_, config)| config.get("TargetAttributeName"));
        let target = own.or_else(|| self.body.get("InputDataConfig")?.pointer("/0/TargetAttributeName"));
        target.and_then(Value::as_str).unwrap_or_default()
    }
}

/// The columns of the data that have a name, as far as they are kept.
pub(super) fn columns(world: &World, item: &Item) -> Vec<String> {
    let body = first(world, item).unwrap_or_default();
    head(&body).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The names in the first line.
fn head(body: &str) -> impl Iterator<Item = &str> {
    body.lines().next().unwrap_or_default().split(',').map(|name| name.trim().trim_matches('"'))
}

fn first(world: &World, item: &Item) -> Option<String> {
    let (bucket, key) = s3::place(item.input())?;
    let mut bodies = world.s3.list(bucket, key).map(|(_, object)| &object.body).filter(|body| !body.is_empty());
    bodies.next().map(|body| String::from_utf8_lossy(body).into_owned())
}

/// What kind of problem it is: as it was said, or as the values of the target are.
pub(super) fn of_data(world: &World, item: &Item) -> Result<String, String> {
    let (_, config) = item.problem_config().unwrap_or(("", &Value::Null));
    let said = config.get("ProblemType").or_else(|| item.body.get("ProblemType")).and_then(Value::as_str);
    let Some(body) = first(world, item) else { return Ok(said.unwrap_or(item.problem()).to_owned()) };
    let target = item.target();
    let Some(at) = head(&body).position(|name| name == target) else {
        return Err(format!(
            "ClientError: The target attribute {target} could not be found in the header of the input data."
        ));
    };
    if let Some(said) = said {
        return Ok(said.to_owned());
    }
    let values: BTreeSet<&str> =
        body.lines().skip(1).filter_map(|line| line.split(',').nth(at)).map(str::trim).collect();
    let is_whole = |value: &&str| value.parse::<f64>().map_or(true, |number| number.fract() == 0.0);
    Ok(match values.len() {
        0..=2 => "BinaryClassification",
        3..=20 if values.iter().all(is_whole) => "MulticlassClassification",
        _ if values.iter().all(|value| value.parse::<f64>().is_ok()) => "Regression",
        _ => "MulticlassClassification",
    }
    .to_owned())
}
