//! Training and processing jobs that callers make.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World, epoch,
    kind::{Kind, text},
    kinds,
    life::{Life, STILL},
    lists,
};
use crate::{
    shape::{Shape, restrict},
    world::run::job::transitions,
};

pub(super) const OPERATIONS: &[(&str, Handler)] =
    &[("ListProcessingJobs", list_processing), ("StopProcessingJob", stop_processing)];

pub(super) const KINDS: &[Kind] = &[
    Kind {
        made: training_made,
        told: training_told,
        ..Kind::new(
            "TrainingJob",
            "ListTrainingJobs",
            "training-job",
            &["TrainingJobName"],
            "TrainingJobArn",
            Life { delete: &[], ..STILL },
        )
    },
    Kind {
        made: processing_made,
        told: processing_told,
        ..Kind::new(
            "ProcessingJob",
            "ListProcessingJobs",
            "processing-job",
            &["ProcessingJobName"],
            "ProcessingJobArn",
            Life { delete: &[], ..STILL },
        )
    },
];

fn taken(noun: &str, name: &str) -> ApiError {
    let message =
        format!("{noun} job names must be unique within an AWS account and region, and {name} already exists.");
    ApiError::new(400, "ResourceInUse", message)
}

/// Longest run of a training job, in seconds, where nothing was said.
const DAY: i64 = 86_400;

fn training_made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let name = text(body, "TrainingJobName");
    if world.runs.named(name, world.now).is_some_and(|run| run.has_job()) {
        return Err(taken("Training", name));
    }
    let algorithm = body.get("AlgorithmSpecification");
    let has = |member: &str| algorithm.is_some_and(|algorithm| algorithm.get(member).is_some());
    // A job without either belongs to serverless training, which is not here.
    if has("TrainingImage") == has("AlgorithmName") {
        return Err(ApiError::validation(
            "You must specify either an algorithm name or a training image, and not both, in AlgorithmSpecification.",
        ));
    }
    if !body.contains_key("ResourceConfig") {
        return Err(ApiError::missing("ResourceConfig"));
    }
    let stop = body.entry("StoppingCondition").or_insert_with(|| json!({"MaxRuntimeInSeconds": DAY}));
    if stop.get("MaxRuntimeInSeconds").is_none() {
        stop["MaxRuntimeInSeconds"] = DAY.into();
    }
    let (runtime, wait) = (stop["MaxRuntimeInSeconds"].as_i64(), stop["MaxWaitTimeInSeconds"].as_i64());
    let is_spot = body.get("EnableManagedSpotTraining") == Some(&Value::Bool(true));
    if is_spot != wait.is_some() || wait < runtime.filter(|_| wait.is_some()) {
        return Err(ApiError::validation(
            "MaxWaitTimeInSeconds must be given for managed spot training, only for it, and be at least MaxRuntimeInSeconds.",
        ));
    }
    for member in ["EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"] {
        body.entry(member).or_insert(Value::Bool(false));
    }
    // Told as an empty text where there is no key; the SDK reads it.
    if let Some(Value::Object(output)) = body.get_mut("OutputDataConfig") {
        output.entry("KmsKeyId").or_insert_with(|| "".into());
    }
    Ok(())
}

fn processing_made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let name = text(body, "ProcessingJobName");
    let now = world.now;
    let exists = crate::world::monitor::job(world, name, now).is_some()
        || crate::world::pipeline::processing_job(world, name, now).is_some();
    if exists { Err(taken("Processing", name)) } else { Ok(()) }
}

pub(crate) fn stop(world: &mut World, noun: &'static str, name: &str, caller: &str) -> Reply {
    let (now, seed) = (world.now, world.seed);
    let item = world.shelf.item_mut(noun, &name.to_lowercase());
    let item = item.ok_or_else(|| ApiError::new(400, "ResourceNotFound", "Requested resource not found."))?;
    let status = item.standing(seed, now).status;
    if status != "InProgress" {
        return Err(ApiError::validation(format!(
            "The request was rejected because the job {name} is in status {status}."
        )));
    }
    item.work.stopped = Some(now);
    item.changed_by = caller.to_owned();
    Ok(json!({}))
}

/// Stops a job that runs, for what made it; one that was stopped before ends as it would.
pub(super) fn halt(world: &mut World, noun: &str, key: &str, at: Timestamp) {
    let job = world.shelf.item_mut(noun, key);
    if let Some(job) = job.filter(|job| !job.work.is_over && job.work.stopped.is_none()) {
        job.work.stopped = Some(at);
    }
}

fn stop_processing(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ProcessingJobName")?;
    stop(world, "ProcessingJob", name, request.caller)
}

/// `[?]` Jobs of pipelines and monitors are described by name and are not in this list.
fn list_processing(world: &mut World, request: &Request<'_>) -> Reply {
    let status = request.opt_text("StatusEquals");
    let created = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = lists::Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    let (now, seed) = (world.now, world.seed);
    let mut found: Vec<&Item> = world.own("ProcessingJob").filter(|job| created.holds(job.created)).collect();
    match request.opt_text("SortBy").unwrap_or("CreationTime") {
        "Name" => found.sort_by_key(|job| job.tail()),
        "Status" => found.sort_by_key(|job| (job.standing(seed, now).status, job.created)),
        _ => found.sort_by_key(|job| job.created),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let part = request.opt_text("NameContains").unwrap_or_default().to_lowercase();
    let rows = page.iter().filter_map(|job| {
        let standing = job.standing(seed, now);
        let fits = status.is_none_or(|status| status == standing.status)
            && modified.holds(standing.modified)
            && job.tail().contains(&part);
        fits.then(|| {
            lists::without_nulls(json!({
                "ProcessingJobName": text(&job.body, "ProcessingJobName"),
                "ProcessingJobArn": job.arn,
                "CreationTime": epoch(job.created),
                "LastModifiedTime": epoch(standing.modified),
                "ProcessingEndTime": standing.ended.map(epoch),
                "ProcessingJobStatus": standing.status,
                "FailureReason": job.failure().filter(|_| standing.status == "Failed"),
            }))
        })
    });
    Ok(lists::reply("ProcessingJobSummaries", rows.collect(), next))
}

impl Item {
    /// Where its model is put.
    pub(super) fn artifact(&self) -> String {
        let output = self.body.get("OutputDataConfig").and_then(|output| output.get("S3OutputPath"));
        let home = output.and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
        format!("{home}/{}/output/model.tar.gz", text(&self.body, "TrainingJobName"))
    }

    /// Why it failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.work.missing.as_deref().map(crate::world::run::no_data)
    }
}

fn training_told(world: &World, job: &Item, record: &mut Map<String, Value>) {
    let (seed, now) = (world.seed, world.now);
    let standing = job.standing(seed, now);
    let mut tell = |member: &str, value: Value| record.insert(member.to_owned(), value);
    tell("TrainingJobStatus", standing.status.into());
    tell("SecondaryStatus", standing.secondary.into());
    tell("SecondaryStatusTransitions", transitions(&standing));
    tell("LastModifiedTime", epoch(standing.modified));
    // The model wants it in every answer: it is named before it is there.
    tell("ModelArtifacts", json!({"S3ModelArtifacts": job.artifact()}));
    if let Some(began) = standing.training_start {
        tell("TrainingStartTime", epoch(began));
    }
    if let Some(ended) = standing.ended {
        tell("TrainingEndTime", epoch(ended));
        let seconds = standing.training_start.map_or(0, |began| ended.since(began) / SECOND);
        let is_spot = job.body.get("EnableManagedSpotTraining") == Some(&Value::Bool(true));
        // Who never came to training is told of no time.
        if seconds > 0 {
            tell("TrainingTimeInSeconds", seconds.into());
            tell("BillableTimeInSeconds", if is_spot { (seconds * 3 / 10).max(1) } else { seconds }.into());
        }
    }
    if let Some(reason) = job.failure().filter(|_| standing.status == "Failed") {
        tell("FailureReason", reason.into());
    }
    let finals: Vec<Value> = job
        .metrics()
        .filter_map(|(name, _)| {
            let last = job.points(seed, name, now).pop()?;
            Some(json!({"MetricName": name, "Value": last.value, "Timestamp": epoch(last.at)}))
        })
        .collect();
    if !finals.is_empty() {
        tell("FinalMetricDataList", finals.into());
    }
}

fn processing_told(world: &World, job: &Item, record: &mut Map<String, Value>) {
    let standing = job.standing(world.seed, world.now);
    record.insert("ProcessingJobStatus".to_owned(), standing.status.into());
    record.insert("LastModifiedTime".to_owned(), epoch(standing.modified));
    if let Some(began) = standing.training_start {
        record.insert("ProcessingStartTime".to_owned(), epoch(began));
    }
    if let Some(ended) = standing.ended {
        record.insert("ProcessingEndTime".to_owned(), epoch(ended));
    }
    if let Some(reason) = job.failure().filter(|_| standing.status == "Failed") {
        record.insert("FailureReason".to_owned(), reason.into());
    }
}

impl World {
    /// What callers made of a kind.
    pub(crate) fn own(&self, noun: &str) -> impl Iterator<Item = &Item> {
        self.shelf.of(noun)
    }

    pub(crate) fn is_own(&self, noun: &str, name: &str) -> bool {
        self.shelf.item(noun, &name.to_lowercase()).is_some()
    }

    /// Resources of a kind as Search tells of them at `at`.
    pub(crate) fn searched(&self, noun: &'static str, at: Timestamp) -> impl Iterator<Item = Value> {
        let shape = if noun == "HyperParameterTuningJob" { "HyperParameterTuningJobSearchEntity" } else { noun };
        let members = Shape::named(shape).members();
        let kind = kinds().find(|kind| kind.noun == noun);
        let items = self.own(noun).filter(move |item| item.created <= at);
        items.filter_map(move |item| Some(Value::Object(restrict(&self.told(kind?, item), members))))
    }
}
