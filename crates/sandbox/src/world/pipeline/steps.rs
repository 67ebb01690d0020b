//! The steps of an execution: when each begins and ends, and what it makes.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{
    execution::{Execution, Trouble, seconds},
    graph,
};
use crate::world::{
    World, epoch, estate,
    lists::without_nulls,
    run::{self, Run},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    Processing,
    Training,
    Condition,
    Register,
    Fail,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: StepKind,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) failure: Option<String>,
    /// Of a condition.
    pub(crate) outcome: bool,
}

/// All steps that will run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
}

/// The step that looks at the new model; the other processing step makes its data.
const EVALUATE: &str = "Evaluate";

/// A processing job needs this long to stop.
const STOPPING: i64 = 35 * SECOND;

impl Plan {
    pub(super) fn new(execution: &Execution, world: &World) -> Self {
        let seed = world.seed;
        let chance = execution.chance(seed).named("plan");
        let mut plan = Self::default();
        let mut at = execution.started.plus(seconds(chance.of(0), 3.0, 9.0));
        let family = execution.family();
        if execution.trouble == Some(Trouble::NoData) {
            let failure = run::no_data(&execution.run(at).channel("raw"));
            plan.add("Preprocess", StepKind::Processing, &mut at, seconds(chance.of(1), 80.0, 160.0), Some(failure));
            return plan;
        }
        plan.add("Preprocess", StepKind::Processing, &mut at, seconds(chance.of(1), 240.0, 480.0), None);
        if execution.trouble == Some(Trouble::Quota) {
            let failure = quota(execution.run(at).instance());
            plan.add("Train", StepKind::Training, &mut at, seconds(chance.of(2), 6.0, 30.0), Some(failure));
            return plan;
        }
        let trained = Self::training(execution, world, at);
        let failure = (!trained.completes(seed)).then(|| {
            let reason = trained.failure();
            reason.map_or_else(|| "The training job was stopped.".to_owned(), |reason| format!("ClientError: {reason}"))
        });
        let took = trained.end(seed).since(at);
        let is_failed = failure.is_some();
        plan.add("Train", StepKind::Training, &mut at, took, failure);
        if is_failed {
            return plan;
        }
        if execution.trouble == Some(Trouble::KeyError) {
            let trace = run::traceback("evaluate.py", 131, trained.recipe().column);
            let failure = format!(
                "ClientError: AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"{trace}\"\nCommand \
                 \"/miniconda3/bin/python3 evaluate.py\", exit code: 1"
            );
            plan.add("Evaluate", StepKind::Processing, &mut at, seconds(chance.of(3), 90.0, 150.0), Some(failure));
            return plan;
        }
        plan.add("Evaluate", StepKind::Processing, &mut at, seconds(chance.of(3), 130.0, 260.0), None);
        let score = trained.final_value(seed, &trained.recipe().metrics[0]);
        if !plan.decide("CheckQuality", &mut at, score >= f64::from(execution.parameters.least)) {
            let text = format!("{} of the new {} model is below MinScore", family.metric, family.name);
            plan.add("BelowQuality", StepKind::Fail, &mut at, SECOND, Some(text));
            return plan;
        }
        if plan.decide("BeatsChampion", &mut at, score > f64::from(execution.parameters.champion)) {
            plan.add("Register", StepKind::Register, &mut at, seconds(chance.of(4), 3.0, 9.0), None);
        }
        plan
    }

    /// The job of `Train`: as it is when it exists, otherwise as it will be.
    fn training(execution: &Execution, world: &World, at: Timestamp) -> Run {
        let known = world.runs.get(execution.family, execution.series, execution.number);
        known.cloned().unwrap_or_else(|| Run { stopped: None, ..execution.run(at) })
    }

    pub(super) fn add(&mut self, name: &str, kind: StepKind, at: &mut Timestamp, took: i64, failure: Option<String>) {
        let end = at.plus(took);
        self.steps.push(Step { name: name.to_owned(), kind, start: *at, end, failure, outcome: true });
        *at = end.plus(2 * SECOND);
    }

    fn decide(&mut self, name: &str, at: &mut Timestamp, outcome: bool) -> bool {
        self.add(name, StepKind::Condition, at, SECOND, None);
        if let Some(step) = self.steps.last_mut() {
            step.outcome = outcome;
        }
        outcome
    }

    pub(super) fn step(&self, kind: StepKind) -> Option<&Step> {
        self.steps.iter().find(|step| step.kind == kind)
    }

    /// When an execution that was asked to stop at `stop` has stopped.
    pub(super) fn stopped_at(&self, world: &World, execution: &Execution, stop: Timestamp) -> Timestamp {
        self.steps
            .iter()
            .filter(|step| step.start <= stop && step.end > stop)
            .map(|step| self.step_stopped_at(world, execution, step, stop))
            .max()
            .unwrap_or(stop)
    }

    fn step_stopped_at(&self, world: &World, execution: &Execution, step: &Step, stop: Timestamp) -> Timestamp {
        let run = world.runs.get(execution.family, execution.series, execution.number);
        match (step.kind, run) {
            (StepKind::Training, Some(run)) => run.end(world.seed).max(stop),
            _ => stop.plus(STOPPING).min(step.end),
        }
    }
}

fn quota(instance: &str) -> String {
    format!(
        "ClientError: ResourceLimitExceeded: The account-level service limit '{instance} for training job usage' is 2 \
         Instances, with current utilization of 2 Instances and a request delta of 1 Instances. Please use AWS Service Quotas \
         to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an \
         increase for this quota."
    )
}

/// `PipelineExecutionStep` of every step that has started, oldest first.
pub(super) fn started(world: &World, execution: &Execution, at: Timestamp) -> Vec<Value> {
    if let Some(live) = &execution.live {
        return graph::started(live, at);
    }
    let plan = execution.plan(world);
    let stop = execution.stop.as_ref().map(|(stop, _)| *stop);
    plan.steps
        .iter()
        .filter(|step| step.start <= at && stop.is_none_or(|stop| step.start <= stop))
        .map(|step| {
            let cut = stop.filter(|stop| *stop < step.end && *stop <= at);
            let end = cut.map_or(step.end, |stop| plan.step_stopped_at(world, execution, step, stop));
            let is_over = end <= at;
            let status = match (cut.is_some(), is_over) {
                (true, true) => "Stopped",
                (true, false) => "Stopping",
                (false, true) if step.failure.is_some() => "Failed",
                (false, true) => "Succeeded",
                (false, false) if at.since(step.start) < 5 * SECOND => "Starting",
                (false, false) => "Executing",
            };
            without_nulls(json!({
                "StepName": step.name,
                "StartTime": epoch(step.start),
                "EndTime": is_over.then(|| epoch(end)),
                "StepStatus": status,
                "AttemptCount": 1,
                "FailureReason": step.failure.as_ref().filter(|_| status == "Failed"),
                "Metadata": metadata(execution, step, is_over),
            }))
        })
        .collect()
}

fn metadata(execution: &Execution, step: &Step, is_over: bool) -> Value {
    let is_quota = execution.trouble == Some(Trouble::Quota);
    match step.kind {
        StepKind::Processing => json!({"ProcessingJob": {"Arn": processing_arn(&processing_name(execution, step))}}),
        StepKind::Training if is_quota => Value::Null,
        StepKind::Training => json!({"TrainingJob": {"Arn": execution.run(step.start).job_arn()}}),
        StepKind::Condition if is_over => {
            json!({"Condition": {"Outcome": if step.outcome { "True" } else { "False" }}})
        }
        StepKind::Register => execution
            .version
            .filter(|_| is_over)
            .map_or(Value::Null, |version| json!({"RegisterModel": {"Arn": execution.family().package_arn(version)}})),
        StepKind::Fail => json!({"Fail": {"ErrorMessage": step.failure}}),
        StepKind::Condition => Value::Null,
    }
}

/// `fraud-train-0412-evaluate`.
pub(super) fn processing_name(execution: &Execution, step: &Step) -> String {
    format!("{}-{}", execution.run(step.start).name(), step.name.to_lowercase())
}

fn processing_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("processing-job/{name}"))
}

/// `DescribeProcessingJob` of a pipeline's processing step.
pub(crate) fn processing_job(world: &World, name: &str, at: Timestamp) -> Option<Value> {
    if let Some(body) = graph::processing_job(world, name) {
        return Some(body);
    }
    let (job, step) = name.rsplit_once('-')?;
    let execution = execution_of(world, job)?;
    // One that was retried lives on otherwise; what it did before is as it was.
    let plan = Plan::new(execution, world);
    let step =
        plan.steps.iter().find(|known| known.kind == StepKind::Processing && known.name.to_lowercase() == step)?;
    let stop = execution.stop.as_ref().map(|(stop, _)| *stop);
    if step.start > at || stop.is_some_and(|stop| stop < step.start) {
        return None;
    }
    let cut = stop.filter(|stop| *stop < step.end && *stop <= at);
    let end = cut.map_or(step.end, |stop| plan.step_stopped_at(world, execution, step, stop));
    let status = match (cut.is_some(), end <= at, &step.failure) {
        (true, true, _) => "Stopped",
        (true, false, _) => "Stopping",
        (false, true, Some(_)) => "Failed",
        (false, true, None) => "Completed",
        (false, false, _) => "InProgress",
    };
    let failure = step.failure.as_ref().filter(|_| status == "Failed");
    let run = execution.run(step.start);
    let (inputs, outputs) = places(world.seed, execution, &run, step.name == EVALUATE);
    let inputs: Vec<Value> = inputs.iter().map(|(name, uri)| input(name, uri)).collect();
    let outputs: Vec<Value> = outputs.iter().map(|(name, uri)| output(name, uri)).collect();
    Some(without_nulls(json!({
        "ProcessingJobName": processing_name(execution, step),
        "ProcessingJobArn": processing_arn(&processing_name(execution, step)),
        "ProcessingJobStatus": status,
        "FailureReason": failure.map(|text| text.trim_start_matches("ClientError: ").to_owned()),
        "ExitMessage": failure.and_then(|text| text.lines().find(|line| line.starts_with("KeyError"))).map(|line| line.trim_end_matches('"')),
        "CreationTime": epoch(step.start),
        "ProcessingStartTime": epoch(step.start),
        "ProcessingEndTime": (end <= at).then(|| epoch(end)),
        "LastModifiedTime": epoch(if end <= at { end } else { step.start }),
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}},
        "AppSpecification": {
            "ImageUri": run.image(),
            "ContainerEntrypoint": ["python3", format!("/opt/ml/code/{}.py", step.name.to_lowercase())],
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 7_200},
        "RoleArn": estate::EXECUTION_ROLE,
    })))
}

fn input(name: &str, uri: &str) -> Value {
    json!({
        "InputName": name, "AppManaged": false,
        "S3Input": {
            "S3Uri": uri, "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix", "S3InputMode": "File",
        },
    })
}

fn output(name: &str, uri: &str) -> Value {
    json!({
        "OutputName": name, "AppManaged": false,
        "S3Output": {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
    })
}

type Places = Vec<(&'static str, String)>;

/// What a processing step reads, and what it writes.
fn places(seed: u64, execution: &Execution, run: &Run, evaluates: bool) -> (Places, Places) {
    if evaluates {
        let home = format!("s3://{}/{}/pipeline/{}", estate::DATA_BUCKET, execution.family().name, execution.id(seed));
        let inputs = vec![("model", run.artifact()), ("test", run.channel("test"))];
        return (inputs, vec![("evaluation", format!("{home}/evaluate"))]);
    }
    let outputs = ["train", "validation", "test"].map(|name| (name, run.channel(name)));
    (vec![("input-1", run.channel("raw"))], outputs.to_vec())
}

/// A processing job of an execution that lives by its plan.
pub(crate) struct Ran<'w> {
    execution: &'w Execution,
    pub(crate) evaluates: bool,
    pub(crate) start: Timestamp,
    /// When it ended well.
    pub(crate) end: Option<Timestamp>,
}

impl Ran<'_> {
    pub(crate) fn name(&self) -> String {
        let step = if self.evaluates { "evaluate" } else { "preprocess" };
        format!("{}-{step}", self.run().name())
    }

    /// The run it is about.
    pub(crate) fn run(&self) -> Run {
        self.execution.run(self.start)
    }

    pub(crate) fn places(&self, seed: u64) -> (Places, Places) {
        places(seed, self.execution, &self.run(), self.evaluates)
    }
}

/// All that have begun.
pub(crate) fn processing_jobs(world: &World, at: Timestamp) -> Vec<Ran<'_>> {
    let mut all = Vec::new();
    for execution in world.pipelines.at(at).filter(|execution| execution.custom.is_none()) {
        let stop = execution.stop.as_ref().map(|(stop, _)| *stop);
        let plan = Plan::new(execution, world);
        for step in plan.steps.iter().filter(|step| step.kind == StepKind::Processing && step.start <= at) {
            let is_stopped = stop.is_some_and(|stop| stop < step.end);
            if stop.is_none_or(|stop| stop >= step.start) {
                let end = Some(step.end).filter(|end| *end <= at && step.failure.is_none() && !is_stopped);
                all.push(Ran { execution, evaluates: step.name == EVALUATE, start: step.start, end });
            }
        }
    }
    all
}

/// The execution whose training job has that name.
fn execution_of<'w>(world: &'w World, job: &str) -> Option<&'w Execution> {
    let (family, series, number) = run::parse(&job.to_ascii_lowercase())?;
    let index = world.pipelines.by_number.get(&(family, series, number))?;
    world.pipelines.get(*index)
}
