//! Training jobs, and the processing jobs that pipelines and monitors make.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{Depth, Fate, Run, Series, recipe::spell};
use crate::world::{
    ApiError, Reply, Request, World, epoch, estate,
    lists::{self, Window, choice, without_nulls},
    monitor, pipeline, shelf,
};

const STATUS: &[&str] = &["InProgress", "Completed", "Failed", "Stopping", "Stopped", "Deleting"];

/// A job defines and tells of no more metrics; its component knows all.
const TOLD: usize = 40;

/// Hyperparameters as the job carries them: all text.
pub(crate) fn hyperparameters(run: &Run) -> Vec<(&'static str, String)> {
    let recipe = run.recipe();
    let varied = recipe.knobs.iter().zip(run.knobs).map(|(knob, value)| (knob.name, spell(value)));
    let fixed = recipe.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
    varied.chain(fixed).collect()
}

/// The body of DescribeTrainingJob at `at`; Search gives the same.
pub(crate) fn record(world: &World, run: &Run, at: Timestamp, depth: Depth) -> Value {
    let seed = world.seed;
    let standing = run.standing(seed, at);
    let mut body = without_nulls(json!({
        "TrainingJobName": run.name(),
        "TrainingJobArn": run.job_arn(),
        "TrainingJobStatus": standing.status,
        "SecondaryStatus": standing.secondary,
        "FailureReason": if standing.status == "Failed" { run.failure() } else { None },
        "CreationTime": epoch(run.created),
        "LastModifiedTime": epoch(standing.modified),
        "TrainingStartTime": standing.training_start.map(epoch),
        "TrainingEndTime": standing.ended.map(epoch),
        "RoleArn": estate::EXECUTION_ROLE,
        "HyperParameters": hyperparameters(run).into_iter().map(|(k, v)| (k.to_owned(), Value::String(v))).collect::<Map<_, _>>(),
        "EnableNetworkIsolation": false,
        "EnableInterContainerTrafficEncryption": false,
        "EnableManagedSpotTraining": false,
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
    }));
    body["AlgorithmSpecification"] = algorithm(run);
    body["InputDataConfig"] = Value::Array(["train", "validation"].map(|name| channel(run, name)).to_vec());
    body["OutputDataConfig"] =
        json!({"KmsKeyId": "", "S3OutputPath": format!("s3://{}/{}/runs/", estate::MODEL_BUCKET, run.family().name)});
    body["ResourceConfig"] = json!({"InstanceType": run.instance(), "InstanceCount": 1, "VolumeSizeInGB": 50});
    body["SecondaryStatusTransitions"] = transitions(&standing);
    if let (Some(began), Some(ended)) = (standing.training_start, standing.ended) {
        let seconds = ended.since(began) / SECOND;
        body["TrainingTimeInSeconds"] = json!(seconds);
        body["BillableTimeInSeconds"] = json!(seconds);
    }
    if standing.status == "Completed" {
        body["ModelArtifacts"] = json!({"S3ModelArtifacts": run.artifact()});
    }
    let metrics = if depth == Depth::Whole { final_metrics(run, seed, at) } else { Vec::new() };
    if !metrics.is_empty() {
        body["FinalMetricDataList"] = Value::Array(metrics);
    }
    body["ExperimentConfig"] = json!({
        "ExperimentName": run.family().experiment,
        "TrialName": super::trial(world, run),
        "TrialComponentDisplayName": run.name(),
    });
    body
}

fn algorithm(run: &Run) -> Value {
    let definitions: Vec<Value> = run
        .metrics()
        .take(TOLD)
        .map(|metric| json!({"Name": metric.name, "Regex": format!("{}=([0-9.]+)", metric.name)}))
        .collect();
    json!({"TrainingImage": run.image(), "TrainingInputMode": "File", "MetricDefinitions": definitions})
}

fn channel(run: &Run, name: &str) -> Value {
    json!({
        "ChannelName": name,
        "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": run.channel(name), "S3DataDistributionType": "FullyReplicated",
        }},
        "ContentType": "text/csv",
        "CompressionType": "None",
        "RecordWrapperType": "None",
    })
}

pub(crate) fn transitions(standing: &super::Standing) -> Value {
    let entry = |transition: &super::record::Transition| {
        without_nulls(json!({
            "Status": transition.status,
            "StartTime": epoch(transition.from),
            "EndTime": transition.to.map(epoch),
            "StatusMessage": transition.message,
        }))
    };
    Value::Array(standing.transitions.iter().map(entry).collect())
}

/// The newest value of each metric.
fn final_metrics(run: &Run, seed: u64, at: Timestamp) -> Vec<Value> {
    let logged = at.min(run.end(seed));
    run.metrics()
        .take(TOLD)
        .filter_map(|metric| {
            let value = run.last_value(seed, &metric.name, at)?;
            Some(json!({"MetricName": metric.name, "Value": value, "Timestamp": epoch(logged)}))
        })
        .collect()
}

/// A job of the past or one that a caller made.
enum Listed<'w> {
    Run(&'w Run),
    Own(&'w shelf::Item),
}

impl Listed<'_> {
    fn name(&self) -> String {
        match self {
            Self::Run(run) => run.name(),
            Self::Own(job) => job.tail().to_owned(),
        }
    }

    fn job_arn(&self) -> String {
        match self {
            Self::Run(run) => run.job_arn(),
            Self::Own(job) => job.arn.clone(),
        }
    }

    const fn created(&self) -> Timestamp {
        match self {
            Self::Run(run) => run.created,
            Self::Own(job) => job.created,
        }
    }

    const fn order(&self) -> (Timestamp, u8, Series, u32) {
        match self {
            Self::Run(run) => (run.created, run.family, run.series, run.number),
            Self::Own(job) => (job.created, u8::MAX, Series::Notebook, 0),
        }
    }

    fn standing(&self, seed: u64, at: Timestamp) -> super::Standing {
        match self {
            Self::Run(run) => run.standing(seed, at),
            Self::Own(job) => job.standing(seed, at),
        }
    }
}

/// Filters by status, name and modification look at the page that was cut, as AWS does: a page may be empty and still have a
/// token.
pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime", "Status"])?.unwrap_or("CreationTime");
    let status = choice(request, "StatusEquals", STATUS)?;
    let created = Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let modified = Window::new(request, "LastModifiedTimeAfter", "LastModifiedTimeBefore");
    let (now, seed) = (world.now(), world.seed);
    let runs = world.runs.at(now).filter(|run| run.has_job() && created.holds(run.created)).map(Listed::Run);
    let own = world.own("TrainingJob").filter(|job| created.holds(job.created)).map(Listed::Own);
    let mut found: Vec<Listed<'_>> = runs.chain(own).collect();
    match sort {
        "Name" => found.sort_by_cached_key(|run| run.name()),
        "Status" => found.sort_by_cached_key(|run| (run.standing(seed, now).status, run.created(), run.name())),
        _ => found.sort_by_key(Listed::order),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let summaries = page
        .iter()
        .map(|run| (run, run.standing(seed, now)))
        .filter(|(_, standing)| status.is_none_or(|status| standing.status == status))
        .filter(|(_, standing)| modified.holds(standing.modified))
        .filter(|(run, _)| request.opt_text("NameContains").is_none_or(|part| run.name().contains(part)))
        .map(|(run, standing)| {
            without_nulls(json!({
                "TrainingJobName": run.name(),
                "TrainingJobArn": run.job_arn(),
                "CreationTime": epoch(run.created()),
                "TrainingEndTime": standing.ended.map(epoch),
                "LastModifiedTime": epoch(standing.modified),
                "TrainingJobStatus": standing.status,
                "SecondaryStatus": standing.secondary,
            }))
        })
        .collect();
    Ok(lists::reply("TrainingJobSummaries", summaries, next))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrainingJobName")?;
    let now = world.now();
    if world.is_own("TrainingJob", name) {
        return shelf::described(world, request);
    }
    let run = world.runs.named(name, now).filter(|run| run.has_job());
    let run = run.ok_or_else(|| ApiError::validation("Requested resource not found."))?;
    Ok(record(world, run, now, Depth::Whole))
}

pub(super) fn stop(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrainingJobName")?;
    if world.is_own("TrainingJob", name) {
        return shelf::stop_job(world, "TrainingJob", name, request.caller);
    }
    let (now, seed) = (world.now(), world.seed);
    let found = world.runs.named(name, now).filter(|run| run.has_job());
    let run = found.ok_or_else(|| ApiError::validation("Requested resource not found."))?;
    let status = run.standing(seed, now).status;
    if status != "InProgress" {
        return Err(ApiError::validation(format!(
            "The request was rejected because the training job is in status {status}."
        )));
    }
    let key = (run.family, run.series, run.number);
    if let Some(run) = world.runs.get_mut(key.0, key.1, key.2) {
        run.stopped = Some(now);
    }
    Ok(json!({}))
}

pub(super) fn describe_processing(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ProcessingJobName")?;
    let now = world.now();
    if world.is_own("ProcessingJob", name) {
        return shelf::described(world, request);
    }
    if let Some(execution) = monitor::job(world, name, now) {
        return Ok(monitor::processing_job(&execution, now));
    }
    pipeline::processing_job(world, name, now)
        .ok_or_else(|| ApiError::validation(format!("Could not find requested job with name: {name}")))
}

/// Whether it ends well when left alone.
impl Run {
    pub(crate) fn completes(&self, seed: u64) -> bool {
        self.fate == Fate::Completes && self.stopped.is_none_or(|stop| stop >= self.natural_end(seed))
    }
}
