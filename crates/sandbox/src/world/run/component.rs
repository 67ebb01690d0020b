//! What a run is to Experiments: its trial component, and the trial it began in.

use std::collections::BTreeMap;

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{Depth, Run, Series, job};
use crate::world::{
    World,
    chance::Chance,
    epoch,
    lists::{self, without_nulls},
    pipeline,
};

/// The trial a run is in: its pipeline execution, or its author's.
pub(crate) fn trial(world: &World, run: &Run) -> String {
    match run.series {
        Series::Regular | Series::Branch => pipeline::trial(world, run),
        Series::Sweep => format!("{}-{}-sweep", run.family().name, run.by()),
        Series::Notebook => format!("{}-{}-notebook", run.family().name, run.by()),
    }
}

/// `TrialComponentSummary`.
pub(crate) fn summary(world: &World, run: &Run, at: Timestamp) -> Value {
    let standing = run.standing(world.seed, at);
    let message = if standing.status == "Failed" { run.failure() } else { None };
    without_nulls(json!({
        "TrialComponentName": run.component(),
        "TrialComponentArn": run.component_arn(),
        "DisplayName": run.name(),
        "TrialComponentSource": run.has_job().then(|| json!({"SourceArn": run.job_arn(), "SourceType": "SageMakerTrainingJob"})),
        "Status": without_nulls(json!({"PrimaryStatus": standing.status, "Message": message})),
        "StartTime": standing.training_start.map(epoch),
        "EndTime": standing.ended.map(epoch),
        "CreationTime": epoch(run.created),
        "CreatedBy": lists::user(run.by()),
        "LastModifiedTime": epoch(standing.modified),
        "LastModifiedBy": lists::user(run.by()),
    }))
}

/// What DescribeTrialComponent says, as far as the run alone tells it.
pub(crate) fn record(world: &World, run: &Run, at: Timestamp, depth: Depth) -> Value {
    let mut body = summary(world, run, at);
    if let Value::Object(members) = &mut body
        && let Some(source) = members.remove("TrialComponentSource")
    {
        members.insert("Source".to_owned(), source);
    }
    body["Parameters"] = Value::Object(parameters(run));
    let artifact = |uri: String| json!({"MediaType": "text/csv", "Value": uri});
    body["InputArtifacts"] =
        json!({"train": artifact(run.channel("train")), "validation": artifact(run.channel("validation"))});
    if run.has_job() {
        body["OutputArtifacts"] =
            json!({"SageMaker.ModelArtifact": {"MediaType": "application/x-tar", "Value": run.artifact()}});
    }
    let commit = Chance::new(world.seed).named(run.family().name).of(u64::from(run.image)).commit();
    body["MetadataProperties"] = json!({
        "CommitId": commit,
        "Repository": format!("https://git.acme.example/ml/{}", run.family().name),
        "GeneratedBy": run.by(),
    });
    if depth == Depth::Outline {
        return body;
    }
    let metrics = run.metrics().filter_map(|metric| {
        let summary = run.summary(world.seed, &metric.name, at)?;
        Some(json!({
            "MetricName": metric.name,
            "SourceArn": if run.has_job() { run.job_arn() } else { run.component_arn() },
            "TimeStamp": epoch(summary.at),
            "Min": summary.min, "Max": summary.max, "Last": summary.last,
            "Avg": summary.mean, "StdDev": summary.deviation, "Count": summary.count,
        }))
    });
    body["Metrics"] = Value::Array(metrics.collect());
    body
}

/// Numbers as numbers, the rest as text; what SageMaker adds of its own begins with `SageMaker.`.
fn parameters(run: &Run) -> Map<String, Value> {
    let mut all: Map<String, Value> = job::hyperparameters(run)
        .into_iter()
        .map(|(name, text)| {
            let value =
                text.parse::<f64>().map_or_else(|_| json!({"StringValue": text}), |n| json!({"NumberValue": n}));
            (name.to_owned(), value)
        })
        .collect();
    if run.has_job() {
        all.insert("SageMaker.ImageUri".to_owned(), json!({"StringValue": run.image()}));
        all.insert("SageMaker.InstanceType".to_owned(), json!({"StringValue": run.instance()}));
        all.insert("SageMaker.InstanceCount".to_owned(), json!({"NumberValue": 1.0}));
        all.insert("SageMaker.VolumeSizeInGB".to_owned(), json!({"NumberValue": 50.0}));
    }
    all
}

/// Trials by name: experiment, first and last run.
pub(crate) fn trials(world: &World, at: Timestamp) -> BTreeMap<String, (&'static str, Timestamp, Timestamp)> {
    let mut all = BTreeMap::new();
    for run in world.runs.at(at) {
        let entry = all.entry(trial(world, run)).or_insert((run.family().experiment, run.created, run.created));
        entry.1 = entry.1.min(run.created);
        entry.2 = entry.2.max(run.created);
    }
    all
}

/// What `Evaluate` writes about a regular run: its metrics at the end.
pub(crate) fn evaluation(world: &World, family: u8, number: u32) -> Value {
    let Some(run) = world.runs.get(family, Series::Regular, number) else {
        return json!({"metrics": {}});
    };
    let all: Map<String, Value> = run
        .recipe()
        .metrics
        .iter()
        .map(|metric| (metric.name.to_string(), json!({"value": run.final_value(world.seed, metric)})))
        .collect();
    let objective = run.final_value(world.seed, &run.recipe().metrics[0]);
    json!({"metrics": {"objective": {"name": run.family().metric, "value": objective}, "all": all}})
}
