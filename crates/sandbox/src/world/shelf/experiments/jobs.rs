//! The component that SageMaker makes of a job, and where `ExperimentConfig` puts it.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{links, missing, trials};
use crate::world::{
    ApiError, Reply, Request, World, epoch, estate,
    lists::{user, without_nulls},
    moment, monitor, pipeline,
    run::Summary,
    shelf::{Item, kind::text, kinds, operations},
};

/// A kind of job that has components, by its words.
pub(crate) struct Job {
    pub(crate) noun: &'static str,
    pub(crate) name: &'static str,
    pub(crate) arn: &'static str,
    /// What its component's name ends with.
    pub(crate) suffix: &'static str,
    /// `Source.SourceType` of the component.
    pub(crate) source: &'static str,
    /// In its ARN.
    pub(crate) path: &'static str,
    status: &'static str,
    times: [&'static str; 2],
    /// Where the resources are told of.
    resources: &'static str,
}

pub(crate) const JOBS: &[Job] = &[
    Job {
        noun: "TrainingJob",
        name: "TrainingJobName",
        arn: "TrainingJobArn",
        suffix: "-aws-training-job",
        source: "SageMakerTrainingJob",
        path: ":training-job/",
        status: "TrainingJobStatus",
        times: ["TrainingStartTime", "TrainingEndTime"],
        resources: "/ResourceConfig",
    },
    Job {
        noun: "ProcessingJob",
        name: "ProcessingJobName",
        arn: "ProcessingJobArn",
        suffix: "-aws-processing-job",
        source: "SageMakerProcessingJob",
        path: ":processing-job/",
        status: "ProcessingJobStatus",
        times: ["ProcessingStartTime", "ProcessingEndTime"],
        resources: "/ProcessingResources/ClusterConfig",
    },
    Job {
        noun: "TransformJob",
        name: "TransformJobName",
        arn: "TransformJobArn",
        suffix: "-aws-transform-job",
        source: "SageMakerTransformJob",
        path: ":transform-job/",
        status: "TransformJobStatus",
        times: ["TransformStartTime", "TransformEndTime"],
        resources: "/TransformResources",
    },
];

/// Everything DescribeXJob tells of a job that a caller made.
pub(crate) fn told(world: &World, job: &Job, item: &Item) -> Map<String, Value> {
    let kind = kinds().find(|kind| kind.noun == job.noun);
    kind.map(|kind| world.told(kind, item)).unwrap_or_default()
}

/// What a job reads and writes: the name of each, and its place. The image is read.
pub(crate) struct Places {
    pub(crate) image: Option<String>,
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) outputs: Vec<(String, String)>,
}

impl Job {
    pub(crate) fn component_name(&self, job: &str) -> String {
        format!("{job}{}", self.suffix)
    }

    /// A job that the account made by itself and that is no run.
    pub(crate) fn of_account(&self, world: &World, name: &str) -> Option<Value> {
        if self.noun != "ProcessingJob" {
            return None;
        }
        let of_monitor = monitor::job(world, name, world.now).map(|run| monitor::processing_job(&run, world.now));
        of_monitor.or_else(|| pipeline::processing_job(world, name, world.now))
    }

    /// When it ended, where it went well.
    pub(crate) fn ended(&self, record: &Map<String, Value>) -> Option<Timestamp> {
        let is_done = text(record, self.status) == "Completed";
        record.get(self.times[1]).filter(|_| is_done).and_then(moment)
    }

    pub(crate) fn places(&self, record: &Map<String, Value>) -> Places {
        let at = |value: &Value, place: &str| value.pointer(place).and_then(Value::as_str).map(str::to_owned);
        let of = |member: &str, place: &str| record.get(member).and_then(|value| at(value, place));
        let each = |list: Option<&Value>, name: &str, place: &str| -> Vec<(String, String)> {
            let all = list.and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|one| Some((at(one, name)?, at(one, place)?))).collect()
        };
        let one = |name: &str, uri: Option<String>| uri.map(|uri| (name.to_owned(), uri)).into_iter().collect();
        match self.noun {
            "TrainingJob" => Places {
                image: of("AlgorithmSpecification", "/TrainingImage"),
                inputs: each(record.get("InputDataConfig"), "/ChannelName", "/DataSource/S3DataSource/S3Uri"),
                outputs: one("SageMaker.ModelArtifact", of("ModelArtifacts", "/S3ModelArtifacts")),
            },
            "ProcessingJob" => Places {
                image: of("AppSpecification", "/ImageUri"),
                inputs: each(record.get("ProcessingInputs"), "/InputName", "/S3Input/S3Uri"),
                outputs: each(
                    record.get("ProcessingOutputConfig").and_then(|config| config.get("Outputs")),
                    "/OutputName",
                    "/S3Output/S3Uri",
                ),
            },
            // `[?]`: what the component of a transform calls its data.
            _ => Places {
                image: None,
                inputs: one("SageMaker.TransformInput", of("TransformInput", "/DataSource/S3DataSource/S3Uri")),
                outputs: one("SageMaker.TransformOutput", of("TransformOutput", "/S3OutputPath")),
            },
        }
    }

    /// The component, from what the job's own Describe tells.
    pub(super) fn component(&self, record: &Map<String, Value>) -> Map<String, Value> {
        let name = self.component_name(text(record, self.name));
        let places = self.places(record);
        let artifact = |(name, uri): (String, String)| (name, json!({"Value": uri}));
        let mut inputs: Map<String, Value> = places.inputs.into_iter().map(artifact).collect();
        if let Some(image) = places.image {
            inputs.insert("SageMaker.ImageUri".to_owned(), json!({"Value": image}));
        }
        let outputs: Map<String, Value> = places.outputs.into_iter().map(artifact).collect();
        let config = record.get("ExperimentConfig").and_then(|config| config.get("TrialComponentDisplayName"));
        let failure = record.get("FailureReason").filter(|_| text(record, self.status) == "Failed");
        let arn = estate::arn("sagemaker", &format!("experiment-trial-component/{}", name.to_lowercase()));
        let [start, end] = self.times.map(|member| record.get(member));
        let component = without_nulls(json!({
            "TrialComponentName": name,
            "TrialComponentArn": arn,
            "DisplayName": config.cloned().unwrap_or_else(|| name.as_str().into()),
            "Source": {"SourceArn": record.get(self.arn), "SourceType": self.source},
            "Status": without_nulls(json!({"PrimaryStatus": record.get(self.status), "Message": failure})),
            "StartTime": start,
            "EndTime": end,
            "CreationTime": record.get("CreationTime"),
            "CreatedBy": record.get("CreatedBy"),
            "LastModifiedTime": record.get("LastModifiedTime"),
            "LastModifiedBy": record.get("LastModifiedBy"),
            "Parameters": self.parameters(record),
            "InputArtifacts": inputs,
            "OutputArtifacts": outputs,
        }));
        component.as_object().cloned().unwrap_or_default()
    }

    /// Hyperparameters that read as numbers are numbers; what SageMaker adds of its own begins with `SageMaker.`.
    fn parameters(&self, record: &Map<String, Value>) -> Map<String, Value> {
        let given = record.get("HyperParameters").and_then(Value::as_object).into_iter().flatten();
        let mut all: Map<String, Value> = given
            .map(|(name, value)| {
                let number = value.as_str().and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite());
                (name.clone(), number.map_or_else(|| json!({"StringValue": value}), |n| json!({"NumberValue": n})))
            })
            .collect();
        let (member, place) = self.resources.get(1..).map_or(("", ""), |path| {
            path.find('/').map_or((path, ""), |cut| (path.get(..cut).unwrap_or(path), path.get(cut..).unwrap_or("")))
        });
        let Some(resources) = record.get(member).and_then(|value| value.pointer(place)) else { return all };
        for name in ["InstanceType", "InstanceCount", "VolumeSizeInGB"] {
            let told = match resources.get(name) {
                Some(Value::String(text)) => json!({"StringValue": text}),
                Some(number) => json!({"NumberValue": number}),
                None => continue,
            };
            all.insert(format!("SageMaker.{name}"), told);
        }
        all
    }
}

/// The component of a job that a caller made, with what was measured in its log.
pub(super) fn component_of_item(world: &World, job: &Job, item: &Item) -> Map<String, Value> {
    let mut component = job.component(&told(world, job, item));
    if job.noun == "TrainingJob" {
        let metrics = item.metrics().filter_map(|(metric, _)| {
            let all = Summary::of(&item.points(world.seed, metric, world.now))?;
            Some(super::measured::summary(metric, &item.arn, &all))
        });
        component.insert("Metrics".to_owned(), metrics.collect());
    }
    component.insert("CreatedBy".to_owned(), user(&item.by));
    component.insert("CreationTime".to_owned(), epoch(item.created));
    component
}

/// Where the component of a job goes: experiment and trial, and whether the trial is made for it.
struct Place {
    experiment: String,
    trial: String,
    is_new: bool,
}

/// What `ExperimentConfig` names must be there. Without a trial one is made. `[?]`: what AWS calls that one.
fn place(world: &World, request: &Request<'_>, job: &Job) -> Result<Option<Place>, ApiError> {
    let config = request.input.get("ExperimentConfig").and_then(Value::as_object);
    let said = |member: &str| config.and_then(|config| config.get(member)?.as_str()).filter(|name| !name.is_empty());
    let (experiment, trial) = (said("ExperimentName"), said("TrialName"));
    experiment.map_or(Ok(()), |name| trials::experiment_exists(world, name))?;
    match (experiment, trial) {
        (None, None) => Ok(None),
        (Some(experiment), None) => {
            let trial = format!("{}-aws-trial", request.text(job.name)?);
            let is_new = trials::named(world, &trial).is_none();
            Ok(Some(Place { experiment: experiment.to_owned(), trial, is_new }))
        }
        (experiment, Some(name)) => {
            let trial = trials::named(world, name).ok_or_else(|| missing("trial", name))?;
            if experiment.is_some_and(|name| !trial.experiment.eq_ignore_ascii_case(name)) {
                let of = &trial.experiment;
                return Err(ApiError::validation(format!("The trial '{name}' is part of the experiment '{of}'.")));
            }
            Ok(Some(Place { experiment: trial.experiment, trial: trial.name, is_new: false }))
        }
    }
}

pub(super) fn create(world: &mut World, request: &Request<'_>) -> Reply {
    let noun = request.operation.trim_start_matches("Create");
    let known = JOBS.iter().find(|job| job.noun == noun).zip(kinds().find(|kind| kind.noun == noun));
    let (job, kind) = known.ok_or_else(|| ApiError::unknown_operation(request.operation))?;
    let place = place(world, request, job)?;
    let reply = operations::create(world, request, kind)?;
    if let Some(Place { experiment, trial, is_new }) = place {
        if is_new {
            trials::put(world, json!({"TrialName": trial, "ExperimentName": experiment}), request.caller);
        }
        let component = job.component_name(request.text(job.name)?);
        links::put(world, &component, (&experiment, &trial));
    }
    Ok(reply)
}

/// Experiment and trial that the jobs of a pipeline's execution go to; they are made when they are not there.
pub(crate) fn pipeline_trial(world: &mut World, experiment: &str, trial: &str, by: &str) {
    if trials::experiment_exists(world, experiment).is_err() {
        let body = Map::from_iter([("ExperimentName".to_owned(), experiment.into())]);
        let arn = estate::arn("sagemaker", &format!("experiment/{}", experiment.to_lowercase()));
        world.shelve((super::EXPERIMENT.noun, experiment.to_lowercase(), arn), by, body, &[]);
    }
    if trials::named(world, trial).is_none() {
        trials::put(world, json!({"TrialName": trial, "ExperimentName": experiment}), by);
    }
}
