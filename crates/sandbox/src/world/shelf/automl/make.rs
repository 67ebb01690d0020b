//! The jobs that an Autopilot job makes, and what it writes.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::{ROOM, kind::text, training, transform},
    ApiError, Item, World, item, problem, told,
};
use crate::world::{Request, Service, chance::Chance, estate, noise, run::recipe::RECIPES};

const PROCESSING: &str = "ProcessingJob";
const TRAINING: &str = "TrainingJob";
const TRANSFORM: &str = "TransformJob";

/// Jobs that every candidate shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Looks at the data and splits them.
    Split,
    /// Learns how features are made.
    Prepare,
    /// Makes them.
    Apply,
    /// Explains the best candidate.
    Explain,
}

impl Part {
    /// The noun of its job, and what stands in its name.
    pub(super) const fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Split => (PROCESSING, "db-1"),
            Self::Prepare => (TRAINING, "dpp0-1"),
            Self::Apply => (TRANSFORM, "dpp0-rpb-1"),
            Self::Explain => (PROCESSING, "pr-1"),
        }
    }
}

pub(super) const SHARED: [Part; 3] = [Part::Split, Part::Prepare, Part::Apply];
const IMAGES: &str = "141502667606.dkr.ecr.eu-west-1.amazonaws.com";

impl Item {
    fn own(&self) -> &str {
        text(&self.body, "AutoMLJobName")
    }

    pub(super) fn part_name(&self, part: Part) -> String {
        format!(
            "{}-{}-{}",
            self.own(),
            part.kind().1,
            &noise::digest(&[noise::name(&self.arn), self.created.millis() as u64])[..8]
        )
    }

    pub(super) fn home(&self) -> String {
        let output = self.body.get("OutputDataConfig").and_then(|output| output.get("S3OutputPath")?.as_str());
        format!("{}/{}", output.unwrap_or_default().trim_end_matches('/'), self.own())
    }

    fn role(&self) -> &str {
        text(&self.body, "RoleArn")
    }
}

pub(super) fn arn_of((noun, name): (&str, &str)) -> String {
    let path = match noun {
        PROCESSING => "processing-job",
        TRANSFORM => "transform-job",
        _ => "training-job",
    };
    estate::arn("sagemaker", &format!("{path}/{}", name.to_lowercase()))
}

/// Why a job cannot go on: what it needs next does not fit into the account. Jobs are never deleted, so waiting is no use.
pub(super) fn lacks(world: &World, item: &Item, phase: &str) -> Option<String> {
    let noun = [PROCESSING, TRAINING, TRANSFORM].into_iter().find(|noun| world.shelf.is_full(noun))?;
    let makes = !matches!(phase, "GeneratingExplainabilityReport" | "GeneratingModelInsightsReport" | "DeployingModel");
    (makes && !is_busy(world, item))
        .then(|| format!("ResourceLimitExceeded: The account has {ROOM} resources of the type {noun}."))
}

fn shelve(world: &mut World, key: &str, (noun, name): (&'static str, String), body: Value) {
    if world.shelf.is_full(noun) {
        return;
    }
    let Some(item) = item(world, key) else { return };
    let (by, owner) = (item.by.clone(), item.arn.clone());
    let Value::Object(mut body) = body else { return };
    body.insert(format!("{noun}Name"), name.as_str().into());
    body.insert("AutoMLJobArn".to_owned(), owner.into());
    let arn = arn_of((noun, &name));
    let steps = if noun == TRANSFORM { transform::COURSE } else { &[] };
    world.shelve((noun, name.to_lowercase(), arn), &by, body, steps);
}

pub(super) fn part(world: &mut World, key: &str, part: Part) {
    let Some(item) = item(world, key) else { return };
    let (home, role, input) = (item.home(), item.role(), item.input());
    let name = item.part_name(part);
    let cluster = json!({"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1, "VolumeSizeInGB": 250});
    let processing = |image: &str, from: &str, to: String| {
        json!({
            "RoleArn": role, "AppSpecification": {"ImageUri": format!("{IMAGES}/{image}")},
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingInputs": [{
                "InputName": "input",
                "S3Input": {"S3Uri": from, "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }],
            "ProcessingOutputConfig": {"Outputs": [{
                "OutputName": "output",
                "S3Output": {"S3Uri": to, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
            }]},
        })
    };
    let split = format!("{home}/preprocessed-data/");
    let body = match part {
        Part::Split => processing("sagemaker-sklearn-automl:2.5-1-cpu-py3", input, split),
        Part::Explain => {
            processing("sagemaker-clarify-processing:1.0", &split, format!("{home}/documentation/explainability/input"))
        }
        Part::Prepare => json!({
            "RoleArn": role,
            "AlgorithmSpecification": {
                "TrainingImage": format!("{IMAGES}/sagemaker-sklearn-automl:2.5-1-cpu-py3"), "TrainingInputMode": "File",
            },
            "InputDataConfig": [{
                "ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": split}},
            }],
            "OutputDataConfig": {"S3OutputPath": format!("{home}/data-processor-models")},
            "ResourceConfig": cluster, "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        }),
        Part::Apply => json!({
            "ModelName": item.part_name(Part::Prepare),
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": split}},
                "ContentType": "text/csv", "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": format!("{home}/transformed-data/dpp0/rpb/"), "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1},
        }),
    };
    shelve(world, key, (part.kind().0, name), body);
}

/// How a shared job stands, and why it failed; nothing before it is made.
pub(super) fn standing(world: &World, item: &Item, part: Part) -> Option<(&'static str, Option<String>)> {
    let noun = part.kind().0;
    let job = world.shelf.item(noun, &item.part_name(part).to_lowercase())?;
    Some(if noun == TRANSFORM {
        (job.state, job.body.get("FailureReason").and_then(Value::as_str).map(str::to_owned))
    } else {
        (job.standing(world.seed, world.now).status, job.failure())
    })
}

pub(super) fn is_busy(world: &World, item: &Item) -> bool {
    let shared = [Part::Split, Part::Prepare, Part::Apply, Part::Explain];
    let runs =
        |part| standing(world, item, part).is_some_and(|(status, _)| matches!(status, "InProgress" | "Stopping"));
    shared.into_iter().any(runs)
        || told::candidates(world, item, world.now).iter().any(|job| job.standing.ended.is_none())
}

/// Stops every job of it that runs.
pub(super) fn halt(world: &mut World, key: &str) {
    let Some(found) = item(world, key) else { return };
    let now = world.now;
    let shared = [Part::Split, Part::Prepare, Part::Explain];
    let mut jobs: Vec<(&'static str, String)> =
        shared.into_iter().map(|part| (part.kind().0, found.part_name(part).to_lowercase())).collect();
    jobs.extend(told::candidates(world, found, now).iter().map(|job| (TRAINING, job.job.tail().to_owned())));
    let transform = found.part_name(Part::Apply).to_lowercase();
    for (noun, name) in jobs {
        training::halt(world, noun, &name, now);
    }
    let due = world.shelf.item_mut(TRANSFORM, &transform).and_then(|job| {
        if job.state == "InProgress" {
            job.go(now, transform::STOP, false);
        }
        job.due()
    });
    world.shelf.expect(due);
}

pub(super) fn candidate(world: &mut World, key: &str, at: Timestamp) {
    let Some(item) = item(world, key) else { return };
    let n = told::candidates(world, item, at).len() + 1;
    let chance = Chance::new(world.seed).named(&item.arn).of(n as u64);
    let (objective, falls) = item.objective_metric();
    let parameters: Map<String, Value> = RECIPES
        .first()
        .into_iter()
        .flat_map(|recipe| recipe.knobs)
        .zip(0..)
        .map(|(knob, tag)| (knob.name.to_owned(), chance.of(tag).pick(knob.choices).to_string().into()))
        .collect();
    let definition = |(name, _): &problem::Metric| json!({"Name": format!("validation:{name}"), "Regex": format!("#011validation-{name}:([0-9.]+)")});
    let metrics: Vec<Value> = problem::metrics(item.problem()).iter().map(definition).collect();
    let home = item.home();
    let features = if item.is_tabular() { "transformed-data/dpp0/rpb/" } else { "preprocessed-data/" };
    let longest = item.criterion("MaxRuntimePerTrainingJobInSeconds").unwrap_or(86_400);
    let body = json!({
        "RoleArn": item.role(), "HyperParameters": parameters,
        "AlgorithmSpecification": {
            "TrainingImage": format!("{IMAGES}/sagemaker-xgboost:1.3-1-cpu-py3"), "TrainingInputMode": "File",
            "MetricDefinitions": metrics,
        },
        "InputDataConfig": [{
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": format!("{home}/{features}")}},
        }],
        "OutputDataConfig": {"S3OutputPath": format!("{home}/tuning/")},
        "ResourceConfig": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": longest},
        // What candidates are judged by.
        "TuningObjective": {
            "MetricName": format!("validation:{objective}"), "Type": if falls { "Minimize" } else { "Maximize" },
        },
    });
    let mark = &noise::digest(&[noise::name(&item.arn), item.created.millis() as u64, n as u64])[..8];
    let name = format!("{}-t{n:03}-{mark}", item.own());
    shelve(world, key, (TRAINING, name), body);
}

fn write(world: &mut World, key: &str, file: &str, content: &Value) {
    let at = world.now;
    let Some(uri) = item(world, key).map(|item| format!("{}/{file}", item.home())) else { return };
    world.s3.put_at(&uri, content.to_string(), at);
}

pub(super) const NOTEBOOKS: [(&str, &str); 2] = [
    (
        "CandidateDefinitionNotebookLocation",
        "sagemaker-automl-candidates/notebooks/SageMakerAutopilotCandidateDefinitionNotebook.ipynb",
    ),
    (
        "DataExplorationNotebookLocation",
        "sagemaker-automl-candidates/notebooks/SageMakerAutopilotDataExplorationNotebook.ipynb",
    ),
];

pub(super) fn notebooks(world: &mut World, key: &str) {
    let Some(item) = item(world, key) else { return };
    let about = format!("{}: {} of {}", item.own(), item.problem(), problem::columns(world, item).join(", "));
    let cell = json!({"cell_type": "markdown", "metadata": {}, "source": [about]});
    let notebook = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
    for (_, file) in NOTEBOOKS {
        write(world, key, file, &notebook);
    }
}

fn best(world: &World, key: &str) -> Option<String> {
    told::best(&told::candidates(world, item(world, key)?, world.now)).map(|best| best.job.tail().to_owned())
}

/// How much each column does, as Clarify writes it.
pub(super) fn explain(world: &mut World, key: &str) {
    let (Some(item), Some(best)) = (item(world, key), best(world, key)) else { return };
    let shares: Map<String, Value> = problem::columns(world, item)
        .into_iter()
        .map(|name| {
            let share = noise::unit(&[world.seed, noise::name(&item.arn), noise::name(&name)]);
            (name, ((share * share * 1e4).round() / 1e4).into())
        })
        .collect();
    let report = json!({"version": "1.0", "explanations": {"kernel_shap": {"label0": {"global_shap_values": shares}}}});
    write(world, key, &format!("documentation/explainability/output/{best}/analysis.json"), &report);
}

pub(super) fn insights(world: &mut World, key: &str) {
    let (Some(item), Some(best)) = (item(world, key), best(world, key)) else { return };
    let candidates = told::candidates(world, item, world.now);
    let Some(found) = told::best(&candidates) else { return };
    let report = json!({"version": 0.0, "problem_type": item.problem(), "metrics": told::metrics(world, item, found)});
    write(world, key, &format!("documentation/model_monitor/output/{best}/statistics.json"), &report);
}

fn call(world: &mut World, by: &str, operation: &str, input: &Value) -> Result<Value, ApiError> {
    let request = Request { service: Service::SageMaker, operation, input, caller: by, request_id: "" };
    world.run(&request)
}

/// Serves the best candidate; gives the endpoint's name.
pub(super) fn deploy(world: &mut World, key: &str) -> Result<String, ApiError> {
    let none = || ApiError::validation("There is no candidate to deploy.");
    let found = item(world, key).ok_or_else(none)?;
    let candidates = told::candidates(world, found, world.now);
    let best = told::best(&candidates).ok_or_else(none)?;
    let containers = told::containers(found, best);
    let (by, role, own) = (found.by.clone(), found.role().to_owned(), found.own().to_owned());
    let said = found.body.get("ModelDeployConfig").and_then(|config| config.get("EndpointName")?.as_str());
    let name = said.map_or_else(|| format!("{own}-endpoint"), str::to_owned);
    let made = json!({"ModelName": own, "ExecutionRoleArn": role, "Containers": containers});
    call(world, &by, "CreateModel", &made)?;
    let variant = json!({
        "VariantName": "main", "ModelName": own, "InstanceType": "ml.m5.2xlarge", "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    });
    call(world, &by, "CreateEndpointConfig", &json!({"EndpointConfigName": own, "ProductionVariants": [variant]}))?;
    call(world, &by, "CreateEndpoint", &json!({"EndpointName": name, "EndpointConfigName": own}))?;
    Ok(name)
}

/// How the endpoint stands.
pub(super) fn deployed(world: &World, item: &Item) -> Option<&'static str> {
    let name = item.body.get("ModelDeployResult")?.get("EndpointName")?.as_str()?;
    world.endpoints.endpoints.get(name).map(|endpoint| endpoint.status.as_str())
}
