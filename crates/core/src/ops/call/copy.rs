//! The request that makes a job once more, from the answer of its Describe operation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Action, Call, PLAN_ID};
use crate::{ops::target::Kind, text::Text};

/// Longest name of a job (API reference).
const LONGEST_NAME: usize = 63;
/// Hyperparameters that a tuning job adds to its training jobs; an algorithm refuses them from anybody else.
const OF_TUNING: &str = "_tuning_";

/// What a copy has other than its source; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    pub instance_type: Option<Text>,
    pub instance_count: Option<i64>,
    /// `MaxRuntimeInSeconds`.
    pub longest: Option<i64>,
    /// Set, or added; of training jobs.
    pub hyperparameters: Vec<(Text, Text)>,
    /// S3 URI of the input manifest; of labeling jobs.
    pub manifest: Option<Text>,
}

/// A kind of job that can be made once more: which operation does it, and which members of the description it takes
/// (botocore's model has each of them in the same shape on both sides).
struct Recipe {
    action: Action,
    members: &'static [&'static str],
    /// Where instances are counted; empty where there are none to choose.
    fleet: &'static str,
}

const TRAINING: Recipe = Recipe {
    action: Action::CreateTrainingJob,
    members: &[
        "HyperParameters",
        "AlgorithmSpecification",
        "RoleArn",
        "InputDataConfig",
        "OutputDataConfig",
        "ResourceConfig",
        "VpcConfig",
        "StoppingCondition",
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "TensorBoardOutputConfig",
        "ExperimentConfig",
        "ProfilerConfig",
        "ProfilerRuleConfigurations",
        "Environment",
        "RetryStrategy",
        "RemoteDebugConfig",
        "InfraCheckConfig",
    ],
    fleet: "/ResourceConfig",
};

const PROCESSING: Recipe = Recipe {
    action: Action::CreateProcessingJob,
    members: &[
        "ProcessingInputs",
        "ProcessingOutputConfig",
        "ProcessingResources",
        "StoppingCondition",
        "AppSpecification",
        "Environment",
        "NetworkConfig",
        "RoleArn",
        "ExperimentConfig",
    ],
    fleet: "/ProcessingResources/ClusterConfig",
};

const TRANSFORM: Recipe = Recipe {
    action: Action::CreateTransformJob,
    members: &[
        "ModelName",
        "MaxConcurrentTransforms",
        "ModelClientConfig",
        "MaxPayloadInMB",
        "BatchStrategy",
        "Environment",
        "TransformInput",
        "TransformOutput",
        "DataCaptureConfig",
        "TransformResources",
        "DataProcessing",
        "ExperimentConfig",
    ],
    fleet: "/TransformResources",
};

const LABELING: Recipe = Recipe {
    action: Action::CreateLabelingJob,
    members: &[
        "LabelAttributeName",
        "InputConfig",
        "OutputConfig",
        "RoleArn",
        "LabelCategoryConfigS3Uri",
        "StoppingConditions",
        "LabelingJobAlgorithmsConfig",
        "HumanTaskConfig",
    ],
    fleet: "",
};

const fn recipe(kind: Kind) -> Option<&'static Recipe> {
    match kind {
        Kind::TrainingJob => Some(&TRAINING),
        Kind::ProcessingJob => Some(&PROCESSING),
        Kind::TransformJob => Some(&TRANSFORM),
        Kind::LabelingJob => Some(&LABELING),
        _ => None,
    }
}

/// Where the description of such a job counts its instances; `None` for what has none to choose.
pub const fn fleet(kind: Kind) -> Option<&'static str> {
    match recipe(kind) {
        Some(recipe) if !recipe.fleet.is_empty() => Some(recipe.fleet),
        _ => None,
    }
}

/// `fraud-train` of `fraud-train-1a2b3c4d`, as far as a plan's id of eight hex digits and `extra` characters besides fit
/// behind it.
pub fn stem(name: &str, extra: usize) -> String {
    let own = name.rsplit_once('-').filter(|(_, id)| is_plan_id(id) && id.bytes().any(|b| b.is_ascii_alphabetic()));
    let stem: String = own.map_or(name, |(stem, _)| stem).chars().take(LONGEST_NAME - 9 - extra).collect();
    stem.trim_end_matches('-').to_owned()
}

/// Whether a plan made `name` of this stem.
pub fn is_of(stem: &str, name: &str) -> bool {
    name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_plan_id)
}

fn is_plan_id(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `<stem>-<plan id>`.
pub fn copy_name(source: &str) -> Text {
    Text::new(&format!("{}-{PLAN_ID}", stem(source, 0)))
}

/// The Create request of a job like `described`, under a name of its own.
///
/// # Errors
/// What of the edits does not fit such a job, in one sentence; also a kind that has no such request.
pub fn copy(kind: Kind, source: &str, described: &Value, tags: &[(Text, Text)], edits: &Edits) -> Result<Call, String> {
    let recipe = recipe(kind).ok_or_else(|| format!("a {} is not made once more from here", kind.words()))?;
    let mut body = Map::new();
    body.insert(kind.parameter().into(), copy_name(source).raw().into());
    for member in recipe.members {
        if let Some(value) = described.get(*member).filter(|value| !is_empty(value)) {
            body.insert((*member).into(), value.clone());
        }
    }
    let tags: Vec<Value> = tags
        .iter()
        // AWS's own are refused from callers.
        .filter(|(key, _)| !key.raw().to_ascii_lowercase().starts_with("aws:"))
        .map(|(key, value)| json!({ "Key": key.raw(), "Value": value.raw() }))
        .collect();
    if !tags.is_empty() {
        body.insert("Tags".into(), tags.into());
    }
    let mut body = Value::Object(body);
    if let Some(Value::Object(given)) = body.get_mut("HyperParameters") {
        given.retain(|name, _| !name.starts_with(OF_TUNING));
    }
    if let Some(display) = body.pointer_mut("/ExperimentConfig/TrialComponentDisplayName") {
        *display = copy_name(source).raw().into();
    }
    edit(kind, recipe, &mut body, edits)?;
    Ok(Call::new(recipe.action, body))
}

/// The Create request that a template spells out, under a name of its own.
///
/// # Errors
/// What is wrong with the template.
pub fn create(kind: Kind, template: &Value) -> Result<Call, String> {
    let recipe = recipe(kind).ok_or_else(|| format!("a {} is not started from here", kind.words()))?;
    let Some(fields) = template.as_object() else { return Err("the template is no JSON object".to_owned()) };
    let known = |name: &str| name == kind.parameter() || name == "Tags" || recipe.members.contains(&name);
    if let Some(odd) = fields.keys().find(|name| !known(name)) {
        return Err(format!("{} has no member {}", recipe.action.name(), Text::new(odd)));
    }
    let name = fields.get(kind.parameter()).and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(format!("the template has no {}: the new name begins with it", kind.parameter()));
    }
    let mut body = template.clone();
    body[kind.parameter()] = copy_name(name).raw().into();
    Ok(Call::new(recipe.action, body))
}

/// Describe answers some members with nothing in them, which Create refuses.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn edit(kind: Kind, recipe: &Recipe, body: &mut Value, edits: &Edits) -> Result<(), String> {
    let what = kind.words();
    if edits.instance_type.is_some() || edits.instance_count.is_some() {
        let fleet = body.pointer_mut(recipe.fleet).filter(|_| !recipe.fleet.is_empty());
        let fleet = fleet.filter(|fleet| fleet.get("InstanceType").is_some());
        let Some(fleet) = fleet else { return Err(format!("this {what} has no one instance type to change")) };
        if let Some(wanted) = &edits.instance_type {
            fleet["InstanceType"] = wanted.raw().into();
        }
        if let Some(count) = edits.instance_count {
            if count < 1 {
                return Err("it takes one instance at least".to_owned());
            }
            fleet["InstanceCount"] = count.into();
        }
    }
    if let Some(longest) = edits.longest {
        if !matches!(kind, Kind::TrainingJob | Kind::ProcessingJob) {
            return Err(format!("a {what} has no longest run time"));
        }
        if longest < 1 {
            return Err("the longest run time is a second at least".to_owned());
        }
        body["StoppingCondition"]["MaxRuntimeInSeconds"] = longest.into();
    }
    if !edits.hyperparameters.is_empty() {
        if kind != Kind::TrainingJob {
            return Err(format!("a {what} has no hyperparameters"));
        }
        for (name, value) in &edits.hyperparameters {
            body["HyperParameters"][&*name.raw()] = value.raw().into();
        }
    }
    if let Some(manifest) = &edits.manifest {
        let place = body.pointer_mut("/InputConfig/DataSource/S3DataSource").filter(|_| kind == Kind::LabelingJob);
        let Some(place) = place else { return Err(format!("this {what} has no manifest to change")) };
        place["ManifestS3Uri"] = manifest.raw().into();
    }
    Ok(())
}
