//! What a tuning job refuses, and the training jobs that it makes.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::{ApiError, Item, World, kind::text},
    NOUN, TRAINING, child, is_active, item,
    search::{Strategy, Tried, next as next_place},
    space::{Range, ranges},
};
use crate::world::{chance::Chance, estate, noise};

type Body = Map<String, Value>;

/// Service limits: training jobs of one tuning job, those of them that run at once, and tuning jobs that do. An account may have
/// ten at once until it asks for more; this one did.
const MOST: u64 = 750;
const PARALLEL: u64 = 100;
const ACTIVE: u64 = 100;

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::validation(message)
}

fn definitions(body: &Body) -> Vec<&Body> {
    let all = body.get("TrainingJobDefinitions").and_then(Value::as_array).into_iter().flatten();
    body.get("TrainingJobDefinition").into_iter().chain(all).filter_map(Value::as_object).collect()
}

/// The ranges that a definition is searched in: its own, or those of the whole job.
fn ranges_of(body: &Body, definition: &Body) -> Result<Vec<Range>, ApiError> {
    let shared = body.get("HyperParameterTuningJobConfig").and_then(|config| config.get("ParameterRanges"));
    let fixed = definition.get("StaticHyperParameters").and_then(Value::as_object).cloned().unwrap_or_default();
    ranges(definition.get("HyperParameterRanges").or(shared), &fixed)
}

fn objective<'b>(body: &'b Body, definition: &'b Body) -> Option<&'b Value> {
    let shared =
        body.get("HyperParameterTuningJobConfig").and_then(|config| config.get("HyperParameterTuningJobObjective"));
    definition.get("TuningObjective").or(shared)
}

/// Algorithms of SageMaker have their metrics defined; everybody else defines their own.
fn is_built_in(algorithm: &Value) -> bool {
    let image = algorithm.get("TrainingImage").and_then(Value::as_str).unwrap_or_default();
    algorithm.get("AlgorithmName").is_some() || !image.starts_with(estate::ACCOUNT)
}

fn defines(algorithm: &Value, metric: &str) -> bool {
    let known = algorithm.get("MetricDefinitions").and_then(Value::as_array).into_iter().flatten();
    known.into_iter().any(|definition| definition.get("Name").and_then(Value::as_str) == Some(metric))
}

/// Combinations of a grid, of all definitions.
fn combinations(body: &Body) -> Option<usize> {
    let of = |definition: &&Body| {
        let ranges = ranges_of(body, definition).ok()?;
        ranges.iter().map(Range::count).try_fold(1_usize, |all, count| Some(all.saturating_mul(count?)))
    };
    definitions(body).iter().map(of).try_fold(0_usize, |all, count| Some(all.saturating_add(count?)))
}

/// How many training jobs it makes at most.
pub(super) fn most(item: &Item) -> usize {
    let said = item.count("/ResourceLimits/MaxNumberOfTrainingJobs");
    let grid = item.config("/Strategy").and_then(Value::as_str) == Some("Grid");
    said.or_else(|| combinations(&item.body).filter(|_| grid)).unwrap_or(1)
}

pub(super) fn check(world: &World, body: &mut Body) -> Result<(), ApiError> {
    let autotunes = body.contains_key("Autotune");
    let definitions = definitions(body);
    if definitions.is_empty()
        || body.contains_key("TrainingJobDefinition") == body.contains_key("TrainingJobDefinitions")
    {
        return Err(invalid("You must provide either TrainingJobDefinition or TrainingJobDefinitions, and not both."));
    }
    for definition in &definitions {
        if ranges_of(body, definition)?.is_empty() && !autotunes {
            return Err(invalid("At least one hyperparameter range must be provided."));
        }
        let algorithm = definition.get("AlgorithmSpecification").unwrap_or(&Value::Null);
        if algorithm.get("TrainingImage").is_some() == algorithm.get("AlgorithmName").is_some() {
            return Err(invalid(
                "You must specify either an algorithm name or a training image, and not both, in AlgorithmSpecification.",
            ));
        }
        let metric = objective(body, definition).and_then(|objective| objective.get("MetricName")?.as_str());
        if metric.is_none_or(|metric| !is_built_in(algorithm) && !defines(algorithm, metric)) {
            return Err(invalid(
                "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric \
                 definitions.",
            ));
        }
        if definition.contains_key("ResourceConfig") == definition.contains_key("HyperParameterTuningResourceConfig") {
            return Err(invalid(
                "You must provide either ResourceConfig or HyperParameterTuningResourceConfig, and not both.",
            ));
        }
    }
    check_limits(body)?;
    let active = world.shelf.of(NOUN).filter(|tuning| is_active(tuning)).count() as u64;
    within("concurrent hyperparameter tuning jobs", active + 1, ACTIVE)?;
    check_parents(world, body)
}

/// Refuses what is more than the account may have.
fn within(what: &str, wanted: u64, limit: u64) -> Result<(), ApiError> {
    if wanted <= limit {
        return Ok(());
    }
    let message = format!("The account-level service limit 'Number of {what}' is {limit}; {wanted} would exceed it.");
    Err(ApiError::new(400, "ResourceLimitExceeded", message))
}

fn check_limits(body: &Body) -> Result<(), ApiError> {
    let config = body.get("HyperParameterTuningJobConfig").unwrap_or(&Value::Null);
    let word = |member: &str| config.get(member).and_then(Value::as_str).unwrap_or_default();
    let limit = |member: &str| config.pointer(&format!("/ResourceLimits/{member}")).and_then(Value::as_u64);
    let (most, parallel) = (limit("MaxNumberOfTrainingJobs"), limit("MaxParallelTrainingJobs"));
    if word("Strategy") == "Grid" {
        let Some(count) = combinations(body) else {
            return Err(invalid("Grid search supports categorical hyperparameter ranges only."));
        };
        if most.is_some_and(|most| most != count as u64) {
            return Err(invalid(format!(
                "MaxNumberOfTrainingJobs must be the number of combinations of the grid, which is {count}, or be left away."
            )));
        }
    } else if most.is_none() {
        return Err(ApiError::missing("MaxNumberOfTrainingJobs"));
    }
    if most.is_some() && parallel > most {
        return Err(invalid("MaxParallelTrainingJobs must not be greater than MaxNumberOfTrainingJobs."));
    }
    let count = most.or_else(|| combinations(body).map(|count| count as u64)).unwrap_or(1);
    within("training jobs per hyperparameter tuning job", count, MOST)?;
    within("parallel training jobs per hyperparameter tuning job", parallel.unwrap_or(1), PARALLEL)?;
    let hyperband = config.pointer("/StrategyConfig/HyperbandStrategyConfig");
    if word("Strategy") == "Hyperband" && word("TrainingJobEarlyStoppingType") == "Auto" {
        return Err(invalid("TrainingJobEarlyStoppingType must be Off for the strategy Hyperband."));
    }
    if word("Strategy") != "Hyperband" && hyperband.is_some() {
        return Err(invalid("HyperbandStrategyConfig is allowed for the strategy Hyperband only."));
    }
    Ok(())
}

/// Names of the tuning jobs that it starts from.
pub(super) fn parents(body: &Body) -> impl Iterator<Item = &str> {
    let all = body.get("WarmStartConfig").and_then(|config| config.get("ParentHyperParameterTuningJobs")?.as_array());
    all.into_iter().flatten().filter_map(|parent| parent.get("HyperParameterTuningJobName")?.as_str())
}

fn check_parents(world: &World, body: &Body) -> Result<(), ApiError> {
    for name in parents(body) {
        let state = world.shelved(NOUN, name).map(|parent| parent.state);
        if !matches!(state, Some("Completed" | "Stopped")) {
            return Err(invalid(format!(
                "The parent hyperparameter tuning job {name} must exist and be Completed or Stopped."
            )));
        }
    }
    Ok(())
}

/// Makes the next training job.
pub(super) fn next(world: &mut World, key: &str, at: Timestamp) {
    if world.shelf.is_full(TRAINING) {
        return;
    }
    let Some(tuning) = item(world, key) else { return };
    let Some((name, body)) = composed(world, tuning, at) else { return };
    let by = tuning.by.clone();
    let key = name.to_lowercase();
    let arn = estate::arn("sagemaker", &format!("training-job/{key}"));
    world.shelve((TRAINING, key, arn), &by, body, &[]);
}

/// Its name, and what a caller would have sent for it.
fn composed(world: &World, tuning: &Item, at: Timestamp) -> Option<(String, Body)> {
    let children = child::all(world, tuning, at);
    let n = children.len();
    let all = definitions(&tuning.body);
    let definition = *all.get(n % all.len().max(1))?;
    let ranges = ranges_of(&tuning.body, definition).ok()?;
    let label = text(definition, "DefinitionName");
    let fixed_seed = tuning.count("/RandomSeed");
    // One seed gives the same values in whatever job it stands.
    let chance = match fixed_seed {
        Some(seed) => Chance::new(seed as u64),
        None => Chance::new(world.seed).named(&tuning.arn).of(tuning.created.millis() as u64),
    };
    let older = parents(&tuning.body).filter_map(|name| world.shelved(NOUN, name));
    let older = older.flat_map(|parent| child::all(world, parent, at));
    let same = children.into_iter().filter(|child| text(&child.job.body, "TrainingJobDefinitionName") == label);
    let tried: Vec<Tried> = older
        .chain(same)
        .filter_map(|child| {
            let tuned = child.job.tuned()?;
            let place = ranges.iter().map(|range| range.place(text(tuned, &range.name))).collect();
            let over = child.value.filter(|_| child.standing.ended.is_some());
            Some(Tried { place, score: over.map(|value| child::score(child.job, value)) })
        })
        .collect();
    let strategy = Strategy::named(tuning.config("/Strategy").and_then(Value::as_str).unwrap_or_default());
    let own = if matches!(strategy, Strategy::Grid) { n / all.len() } else { n };
    let place = next_place(strategy, &ranges, &tried, own, chance);
    let tuned: Body =
        ranges.iter().zip(place).map(|(range, place)| (range.name.clone(), range.at(place).into())).collect();
    let mark = &noise::digest(&[world.seed, noise::name(&tuning.arn), tuning.created.millis() as u64, n as u64])[..8];
    let name = format!("{}-{:03}-{mark}", text(&tuning.body, "HyperParameterTuningJobName"), n + 1);
    Some((name.clone(), job(&tuning.body, tuning, definition, (name, tuned))))
}

fn job(body: &Body, tuning: &Item, definition: &Body, (name, tuned): (String, Body)) -> Body {
    const SENT: &[&str] = &[
        "RoleArn",
        "InputDataConfig",
        "VpcConfig",
        "OutputDataConfig",
        "ResourceConfig",
        "StoppingCondition",
        "CheckpointConfig",
        "RetryStrategy",
        "Environment",
    ];
    let mut job: Body =
        SENT.iter().filter_map(|member| Some(((*member).to_owned(), definition.get(*member)?.clone()))).collect();
    for member in ["EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"] {
        job.insert(member.to_owned(), definition.get(member).cloned().unwrap_or(Value::Bool(false)));
    }
    if let Some(config) = definition.get("HyperParameterTuningResourceConfig") {
        // The first of the instances it may take.
        let first = config.pointer("/InstanceConfigs/0").unwrap_or(config);
        let of = |member: &str| first.get(member).or_else(|| config.get(member)).cloned().unwrap_or_else(|| 1.into());
        let members = ["InstanceType", "InstanceCount", "VolumeSizeInGB"];
        let resource: Body = members.into_iter().map(|member| (member.to_owned(), of(member))).collect();
        job.insert("ResourceConfig".to_owned(), resource.into());
    }
    let objective = objective(body, definition).cloned().unwrap_or_default();
    let metric = objective.get("MetricName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut algorithm = definition.get("AlgorithmSpecification").cloned().unwrap_or_default();
    if !defines(&algorithm, &metric) {
        let regex =
            format!(r".*\[[0-9]+\].*#011{}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*", metric.replace(':', "-"));
        let own = json!({"Name": metric, "Regex": regex});
        match algorithm.get_mut("MetricDefinitions").and_then(Value::as_array_mut) {
            Some(all) => all.push(own),
            None => algorithm["MetricDefinitions"] = json!([own]),
        }
    }
    let mut parameters =
        definition.get("StaticHyperParameters").and_then(Value::as_object).cloned().unwrap_or_default();
    parameters.extend(tuned.clone());
    parameters.insert("_tuning_objective_metric".to_owned(), metric.into());
    let told: [(&str, Value); 7] = [
        ("TrainingJobName", name.into()),
        ("AlgorithmSpecification", algorithm),
        ("HyperParameters", parameters.into()),
        // What follows is told of by the operations of tuning jobs.
        ("TuningJobArn", tuning.arn.as_str().into()),
        ("TunedHyperParameters", tuned.into()),
        ("TuningObjective", objective),
        ("TrainingJobDefinitionName", text(definition, "DefinitionName").into()),
    ];
    job.extend(told.into_iter().map(|(member, value)| (member.to_owned(), value)));
    job
}
