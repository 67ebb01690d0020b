//! What is told of an Autopilot job and of its candidates.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    super::{
        ApiError, Item, Reply, Request, World, epoch,
        kind::text,
        operations,
        tuning::child::{self, Child},
    },
    KINDS,
    make::{NOTEBOOKS, SHARED, arn_of},
    problem,
};
use crate::world::{
    lists::{self, without_nulls},
    page,
};

/// Most candidates of one page.
const PAGE: usize = 300;

pub(super) fn candidates<'w>(world: &'w World, item: &Item, at: Timestamp) -> Vec<Child<'w>> {
    child::made_by(world, (&format!("{}-t", item.tail()), "AutoMLJobArn"), item, at)
}

pub(super) fn best<'c, 'w>(candidates: &'c [Child<'w>]) -> Option<&'c Child<'w>> {
    child::best(candidates)
}

/// Values of every metric that candidates are told by.
pub(super) fn metrics(world: &World, item: &Item, candidate: &Child<'_>) -> Vec<Value> {
    let (seed, job) = (world.seed, candidate.job);
    let Some(step) = job.steps(seed, world.now).checked_sub(1) else { return Vec::new() };
    let told = problem::metrics(item.problem()).iter().map(|(name, _)| {
        let value = job.form(seed, &format!("validation:{name}")).at(step);
        json!({"MetricName": name, "StandardMetricName": name, "Set": "Validation", "Value": value})
    });
    told.collect()
}

/// What serves a candidate: features are made, then it is asked.
pub(super) fn containers(item: &Item, candidate: &Child<'_>) -> Vec<Value> {
    let image = |job: &Item| job.body.get("AlgorithmSpecification").and_then(|all| all.get("TrainingImage")).cloned();
    let prepared = item.part_name(super::Part::Prepare);
    let home = item.home();
    let processor = json!({
        "Image": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-sklearn-automl:2.5-1-cpu-py3",
        "ModelDataUrl": format!("{home}/data-processor-models/{prepared}/output/model.tar.gz"),
        "Environment": {"AUTOML_TRANSFORM_MODE": "feature-transform"},
    });
    let model = json!({
        "Image": image(candidate.job), "ModelDataUrl": candidate.job.artifact(), "Environment": {"MAX_CONTENT_LENGTH": "20971520"},
    });
    if item.is_tabular() { vec![processor, model] } else { vec![model] }
}

/// One candidate; where its reports are is told of the best one when they are there.
fn candidate(world: &World, item: &Item, found: &Child<'_>, (is_v2, is_best): (bool, bool)) -> Value {
    let (job, standing) = (found.job, &found.standing);
    let over = standing.ended.is_some();
    let (metric, falls) = item.objective_metric();
    let shared = SHARED.into_iter().filter(|_| item.is_tabular());
    let mut steps: Vec<(&str, String)> = shared.map(|part| (part.kind().0, item.part_name(part))).collect();
    steps.push(("TrainingJob", text(&job.body, "TrainingJobName").to_owned()));
    let steps: Vec<Value> = steps
        .iter()
        .map(|(noun, name)| {
            json!({
                "CandidateStepType": format!("AWS::SageMaker::{noun}"), "CandidateStepName": name,
                "CandidateStepArn": arn_of((noun, name)),
            })
        })
        .collect();
    let value = found.value.filter(|_| over);
    let failure = (standing.status == "Failed").then(|| job.failure()).flatten();
    let explained = is_best && matches!(item.phase().0, "Completed" | "DeployingModel" | "ModelDeploymentError");
    let report = |kind: &str| format!("{}/documentation/{kind}/output/{}", item.home(), job.tail());
    let places = (explained && item.is_tabular())
        .then(|| json!({"Explainability": report("explainability"), "ModelInsights": report("model_monitor")}));
    let containers = (over && value.is_some()).then(|| containers(item, found));
    let by_unit = containers.clone().filter(|_| is_v2).map(|all| json!({ "CPU": all }));
    without_nulls(json!({
        "CandidateName": text(&job.body, "TrainingJobName"),
        "CandidateStatus": standing.status,
        "ObjectiveStatus": match (over, value) {
            (false, _) => "Pending",
            (true, Some(_)) => "Succeeded",
            (true, None) => "Failed",
        },
        "FinalAutoMLJobObjectiveMetric": value.map(|value| json!({
            "Type": if falls { "Minimize" } else { "Maximize" }, "MetricName": metric, "StandardMetricName": metric,
            "Value": value,
        })),
        "CandidateSteps": steps,
        "InferenceContainers": containers.filter(|_| !is_v2),
        "InferenceContainerDefinitions": by_unit,
        "CreationTime": epoch(job.created),
        "EndTime": standing.ended.map(epoch),
        "LastModifiedTime": epoch(standing.modified),
        "FailureReason": failure,
        "CandidateProperties": value.map(|_| without_nulls(json!({
            "CandidateArtifactLocations": places, "CandidateMetrics": metrics(world, item, found),
        }))),
    }))
}

pub(super) fn told(_: &World, item: &Item, record: &mut Map<String, Value>) {
    record.insert("AutoMLJobSecondaryStatus".to_owned(), item.phase().0.into());
}

/// Either version; a job of the first is told by the second as well. What it is told by the first is what it was made by.
pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, &KINDS[0])?;
    let world = &*world;
    let Some(item) = super::item(world, &key) else { return Ok(Value::Null) };
    let is_v2 = request.operation.ends_with("V2");
    let made_by_v2 = item.body.contains_key("AutoMLProblemTypeConfig");
    if made_by_v2 && !is_v2 {
        return Err(ApiError::validation(format!(
            "The AutoML job {} was created by CreateAutoMLJobV2 and is described by DescribeAutoMLJobV2.",
            item.tail()
        )));
    }
    let mut record = world.told(&KINDS[0], item);
    let candidates = candidates(world, item, world.now);
    if let Some(best) = best(&candidates) {
        record.insert("BestCandidate".to_owned(), candidate(world, item, best, (is_v2, true)));
    }
    if item.body.contains_key("Resolved") {
        let places = NOTEBOOKS.map(|(member, file)| (member.to_owned(), format!("{}/{file}", item.home()).into()));
        record.insert("AutoMLJobArtifacts".to_owned(), Value::Object(places.into_iter().collect()));
    }
    resolve(item, is_v2, &mut record);
    if is_v2 && !made_by_v2 {
        as_second(item, &mut record);
    }
    if is_v2 {
        let name = item.problem_config().map_or("Tabular", |(name, _)| name.trim_end_matches("JobConfig"));
        record.insert("AutoMLProblemTypeConfigName".to_owned(), name.into());
    }
    Ok(operations::answer(request, &KINDS[0], &record))
}

/// What was not said and is known by now.
fn resolve(item: &Item, is_v2: bool, record: &mut Map<String, Value>) {
    if matches!(item.phase().0, "Starting" | "AnalyzingData" | "PreTraining") || item.problem() == "TextGeneration" {
        return;
    }
    let criteria = item.problem_config().and_then(|(_, config)| config.get("CompletionCriteria")).cloned();
    let kind = json!({ "ProblemType": item.problem() });
    let tabular = (is_v2 && item.is_tabular()).then(|| json!({ "TabularResolvedAttributes": kind }));
    let resolved = without_nulls(json!({
        "AutoMLJobObjective": {"MetricName": item.objective_metric().0},
        "CompletionCriteria": criteria.unwrap_or_else(|| json!({"MaxCandidates": problem::CANDIDATES})),
        "ProblemType": (!is_v2).then(|| item.problem()),
        "AutoMLProblemTypeResolvedAttributes": tabular,
    }));
    record.insert("ResolvedAttributes".to_owned(), resolved);
}

/// A job of the first version in the words of the second.
fn as_second(item: &Item, record: &mut Map<String, Value>) {
    let channels = item.body.get("InputDataConfig").and_then(Value::as_array).into_iter().flatten();
    let mut target = Value::Null;
    let channels: Vec<Value> = channels
        .filter_map(|channel| {
            let mut channel = channel.as_object()?.clone();
            target = channel.remove("TargetAttributeName").unwrap_or_default();
            channel.remove("SampleWeightAttributeName");
            Some(channel.into())
        })
        .collect();
    let config = item.body.get("AutoMLJobConfig");
    let of = |member: &str| config.and_then(|config| config.get(member)).cloned();
    let generation = of("CandidateGenerationConfig").and_then(|config| config.get("AlgorithmsConfig").cloned());
    let tabular = without_nulls(json!({
        "TargetAttributeName": target, "CompletionCriteria": of("CompletionCriteria"), "Mode": of("Mode"),
        "ProblemType": item.body.get("ProblemType"),
        "CandidateGenerationConfig": generation.map(|algorithms| json!({ "AlgorithmsConfig": algorithms })),
    }));
    record.insert("AutoMLJobInputDataConfig".to_owned(), channels.into());
    record.insert("AutoMLProblemTypeConfig".to_owned(), json!({ "TabularJobConfig": tabular }));
    for member in ["SecurityConfig", "DataSplitConfig"] {
        record.insert(member.to_owned(), of(member).unwrap_or_default());
    }
}

pub(super) fn list_candidates(world: &mut World, request: &Request<'_>) -> Reply {
    let key = operations::key_of(world, request, &KINDS[0])?;
    let world = &*world;
    let Some(item) = super::item(world, &key) else { return Ok(Value::Null) };
    let mut found = candidates(world, item, world.now);
    let best = best(&found).map(|best| best.job.arn.clone());
    let name = request.opt_text("CandidateNameEquals");
    found.retain(|child| name.is_none_or(|name| text(&child.job.body, "TrainingJobName") == name));
    match request.opt_text("SortBy").unwrap_or("CreationTime") {
        "Status" => found.sort_by_key(|child| child.standing.status),
        "FinalObjectiveMetricValue" => {
            let value = |child: &Child<'_>| child.value.unwrap_or(f64::NEG_INFINITY);
            found.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        _ => {}
    }
    if request.opt_text("SortOrder") == Some("Descending") {
        found.reverse();
    }
    let size = request.max("MaxResults", 10, PAGE)?;
    let (page, next) = page::cut(&found, request, ("NextToken", "MaxResults"), size, page::sagemaker_invalid)?;
    let state = request.opt_text("StatusEquals");
    let kept = page.iter().filter(|child| state.is_none_or(|state| child.standing.status == state));
    let is_v2 = item.body.contains_key("AutoMLProblemTypeConfig");
    let told =
        kept.map(|child| candidate(world, item, child, (is_v2, best.as_deref() == Some(child.job.arn.as_str()))));
    Ok(lists::reply("Candidates", told.collect(), next))
}
