//! What is told of a tuning job and of its training jobs.

use mldeck_core::time::SECOND;
use serde_json::{Map, Value, json};

use super::{
    super::{Item, Reply, Request, World, epoch, kind::text, operations},
    CONVERGED, KINDS, NOUN,
    child::{self, Child, best, not_improving},
    make::parents,
};
use crate::world::lists::{self, without_nulls};

pub(super) fn told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    let children = child::all(world, item, world.now);
    let count = |is: &dyn Fn(&Child<'_>) -> bool| children.iter().filter(|child| is(child)).count();
    let of = |status: &str| count(&|child| child.standing.status == status);
    let mut tell = |member: &str, value: Value| record.insert(member.to_owned(), value);
    tell(
        "TrainingJobStatusCounters",
        json!({
            "Completed": of("Completed"), "InProgress": of("InProgress") + of("Stopping"), "RetryableError": 0,
            "NonRetryableError": of("Failed"), "Stopped": of("Stopped"),
        }),
    );
    let status = |word: &str| count(&|child| objective_status(child) == word);
    tell(
        "ObjectiveStatusCounters",
        json!({"Succeeded": status("Succeeded"), "Pending": status("Pending"), "Failed": status("Failed")}),
    );
    // What rows of the list have of the config.
    for (member, place) in [("Strategy", "/Strategy"), ("ResourceLimits", "/ResourceLimits")] {
        tell(member, item.config(place).cloned().unwrap_or_default());
    }
    let ended = item.stamps.last().map_or(world.now, |(_, at)| *at);
    tell("ConsumedResources", json!({"RuntimeInSeconds": ended.since(item.created) / SECOND}));
    if let Some(best) = best(&children) {
        let idle = not_improving(&children);
        tell("BestTrainingJob", summary(best));
        let converged = children.iter().filter_map(|child| child.standing.ended).max().filter(|_| idle >= CONVERGED);
        tell(
            "TuningJobCompletionDetails",
            without_nulls(json!({
                "NumberOfTrainingJobsObjectiveNotImproving": idle, "ConvergenceDetectedTime": converged.map(epoch),
            })),
        );
    }
    let kind = item.body.get("WarmStartConfig").and_then(|config| config.get("WarmStartType")?.as_str());
    if kind == Some("IdenticalDataAndAlgorithm") {
        overall(world, item, children, record);
    }
}

/// The best of all that were made of the same data, with the tuning job that made it.
fn overall(world: &World, item: &Item, own: Vec<Child<'_>>, record: &mut Map<String, Value>) {
    let older = parents(&item.body).filter_map(|name| world.shelved(NOUN, name));
    let all = older.flat_map(|parent| child::all(world, parent, world.now)).chain(own);
    let all: Vec<Child<'_>> = all.collect();
    if let Some(best) = best(&all) {
        let mut told = summary(best);
        told["TuningJobName"] = text(&best.job.body, "TuningJobArn").rsplit('/').next().unwrap_or_default().into();
        record.insert("OverallBestTrainingJob".to_owned(), told);
    }
}

fn objective_status(child: &Child<'_>) -> &'static str {
    match (child.standing.ended, child.value) {
        (None, _) => "Pending",
        (Some(_), Some(_)) => "Succeeded",
        (Some(_), None) => "Failed",
    }
}

fn summary(child: &Child<'_>) -> Value {
    let (job, standing) = (child.job, &child.standing);
    let label = Some(text(&job.body, "TrainingJobDefinitionName")).filter(|label| !label.is_empty());
    let last = child.value.filter(|_| standing.ended.is_some());
    let (metric, falls) = job.objective().unwrap_or_default();
    without_nulls(json!({
        "TrainingJobDefinitionName": label,
        "TrainingJobName": text(&job.body, "TrainingJobName"),
        "TrainingJobArn": job.arn,
        "CreationTime": epoch(job.created),
        "TrainingStartTime": standing.training_start.map(epoch),
        "TrainingEndTime": standing.ended.map(epoch),
        "TrainingJobStatus": standing.status,
        "TunedHyperParameters": job.tuned(),
        "FailureReason": job.failure().filter(|_| standing.status == "Failed"),
        "FinalHyperParameterTuningJobObjectiveMetric": last.map(|value| without_nulls(json!({
            "Type": label.map(|_| if falls { "Minimize" } else { "Maximize" }), "MetricName": metric, "Value": value,
        }))),
        "ObjectiveStatus": objective_status(child),
    }))
}

/// Jobs without an objective are left out where they are sorted by it.
pub(super) fn list_children(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, &KINDS[0])?;
    let Some(item) = super::item(world, &key) else { return Ok(Value::Null) };
    let mut children = child::all(world, item, world.now);
    let state = request.opt_text("StatusEquals");
    match request.opt_text("SortBy").unwrap_or("Name") {
        "CreationTime" => {}
        "Status" => children.sort_by_key(|child| child.standing.status),
        "FinalObjectiveMetricValue" => {
            children.retain(|child| child.value.is_some() && child.standing.ended.is_some());
            let value = |child: &Child<'_>| child.value.unwrap_or_default();
            children.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        _ => children.sort_by_key(|child| child.job.tail()),
    }
    // Unlike other lists this one ascends where nothing is said.
    if request.opt_text("SortOrder") == Some("Descending") {
        children.reverse();
    }
    let (page, next) = lists::page(&children, request)?;
    let kept = page.iter().filter(|child| state.is_none_or(|state| child.standing.status == state));
    Ok(lists::reply("TrainingJobSummaries", kept.map(summary).collect(), next))
}
