//! Training and processing jobs that callers make, and the trial components that SageMaker derives from them: those have
//! no record of their own.

use mldeck_core::{
    id::arn_tail,
    time::{SECOND, Timestamp},
};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World, epoch,
    kind::{Kind, text},
    kinds,
    life::{Life, STILL},
    lists,
};
use crate::{
    shape::{Operation, restrict},
    world::run::{Summary, job::transitions},
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
    let item = world.shelf.items.get_mut(noun).and_then(|items| items.get_mut(&name.to_lowercase()));
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
        self.shelf.items.get(noun).is_some_and(|items| items.contains_key(&name.to_lowercase()))
    }

    /// Own jobs as Search tells of them at `at`.
    pub(crate) fn own_jobs(&self, at: Timestamp) -> Vec<Value> {
        self.searched("TrainingJob", at)
    }

    pub(crate) fn own_tuning_jobs(&self, at: Timestamp) -> Vec<Value> {
        self.searched("HyperParameterTuningJob", at)
    }

    fn searched(&self, noun: &str, at: Timestamp) -> Vec<Value> {
        let members = Operation::named(&format!("Describe{noun}")).map(|operation| operation.output.members());
        let kind = kinds().find(|kind| kind.noun == noun);
        let (Some(members), Some(kind)) = (members, kind) else { return Vec::new() };
        let jobs = self.own(noun).filter(|job| job.created <= at);
        jobs.map(|job| Value::Object(restrict(&self.told(kind, job), members))).collect()
    }

    /// The components that SageMaker makes of own jobs, as Search and Describe tell of them.
    pub(crate) fn own_components(&self, at: Timestamp) -> Vec<Value> {
        self.own("TrainingJob").filter(|job| job.created <= at).map(|job| self.component(job)).collect()
    }

    /// Summaries of own components that a ListTrialComponents asks for, and when they were made.
    pub(crate) fn components_asked(&self, request: &Request<'_>) -> Vec<(Timestamp, Value)> {
        let config = |job: &Item, member: &str| {
            let asked = request.opt_text(member);
            let given = job.body.get("ExperimentConfig").and_then(|config| config.get(member)?.as_str());
            asked.is_none() || asked == given
        };
        let jobs = self.own("TrainingJob").filter(|job| {
            let source = request.opt_text("SourceArn");
            config(job, "ExperimentName")
                && config(job, "TrialName")
                && source.is_none_or(|arn| arn.eq_ignore_ascii_case(&job.arn))
        });
        let summary = |job: &Item| {
            let Value::Object(mut all) = self.component(job) else { return Value::Null };
            let source = all.remove("Source").unwrap_or_default();
            all.insert("TrialComponentSource".to_owned(), source);
            for member in ["Parameters", "OutputArtifacts", "Metrics"] {
                all.remove(member);
            }
            Value::Object(all)
        };
        jobs.map(|job| (job.created, summary(job))).collect()
    }

    /// The component of that name or ARN.
    pub(crate) fn own_component(&self, given: &str) -> Option<Value> {
        let name = arn_tail(given).to_lowercase();
        let job = self.shelf.items.get("TrainingJob")?.get(name.strip_suffix("-aws-training-job")?)?;
        Some(self.component(job))
    }

    fn component(&self, job: &Item) -> Value {
        let (seed, now) = (self.seed, self.now);
        let standing = job.standing(seed, now);
        let name = format!("{}-aws-training-job", job.tail());
        let arn = crate::world::estate::arn("sagemaker", &format!("experiment-trial-component/{name}"));
        let metrics: Vec<Value> = job
            .metrics()
            .filter_map(|(metric, _)| {
                let all = Summary::of(&job.points(seed, metric, now))?;
                Some(json!({
                    "MetricName": metric, "SourceArn": job.arn, "TimeStamp": epoch(all.at), "Min": all.min,
                    "Max": all.max, "Last": all.last, "Avg": all.mean, "StdDev": all.deviation, "Count": all.count,
                }))
            })
            .collect();
        let given = job.body.get("HyperParameters").and_then(Value::as_object).into_iter().flatten();
        let parameters: Map<String, Value> = given
            .map(|(name, value)| {
                let number = value.as_str().and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite());
                (name.clone(), number.map_or_else(|| json!({"StringValue": value}), |n| json!({"NumberValue": n})))
            })
            .collect();
        let display = job.body.get("ExperimentConfig").and_then(|config| config.get("TrialComponentDisplayName"));
        lists::without_nulls(json!({
            "TrialComponentName": name,
            "TrialComponentArn": arn,
            "DisplayName": display.cloned().unwrap_or_else(|| name.as_str().into()),
            "Source": {"SourceArn": job.arn, "SourceType": "SageMakerTrainingJob"},
            "Status": lists::without_nulls(json!({
                "PrimaryStatus": standing.status,
                "Message": job.failure().filter(|_| standing.status == "Failed"),
            })),
            "StartTime": standing.training_start.map(epoch),
            "EndTime": standing.ended.map(epoch),
            "CreationTime": epoch(job.created),
            "CreatedBy": lists::user(&job.by),
            "LastModifiedTime": epoch(standing.modified),
            "LastModifiedBy": lists::user(&job.changed_by),
            "Parameters": parameters,
            "OutputArtifacts": {"SageMaker.ModelArtifact": {"MediaType": "application/x-tar", "Value": job.artifact()}},
            "Metrics": metrics,
        }))
    }
}
