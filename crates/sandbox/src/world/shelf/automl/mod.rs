//! Autopilot: a job that looks at data, prepares them, trains candidates and explains the best, all by jobs of the account.
//!
//! | file | subject |
//! |---|---|
//! | `problem` | what is to be learned, and by which metrics it is judged |
//! | `make` | the jobs it makes |
//! | `told` | what is told of a job and its candidates |

mod make;
mod problem;
#[cfg(test)]
mod tests;
mod told;

use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{Life, STILL, Step, lasting},
    operations,
};
use make::Part;

const NOUN: &str = "AutoMLJob";
const STOPPED: &[Step] = &[lasting("Stopped").stamped("EndTime")];
const COMPLETED: &[Step] = &[lasting("Completed").stamped("EndTime")];
const FAILED: &[Step] = &[lasting("Failed").stamped("EndTime")];
/// Candidates under way at once. `[?]`: SageMaker does not tell.
const PARALLEL: usize = 4;
/// How long a report about the best candidate takes.
const REPORT: i64 = 4 * MINUTE;

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("CreateAutoMLJobV2", |world, request| operations::create(world, request, &KINDS[0])),
    ("DescribeAutoMLJob", told::describe),
    ("DescribeAutoMLJobV2", told::describe),
    ("StopAutoMLJob", stop),
    ("ListCandidatesForAutoMLJob", told::list_candidates),
];

pub(super) const KINDS: &[Kind] = &[Kind {
    made,
    told: told::told,
    ..Kind::new(
        NOUN,
        "ListAutoMLJobs",
        "automl-job",
        &["AutoMLJobName"],
        "AutoMLJobArn",
        Life {
            member: "AutoMLJobStatus",
            create: &[lasting("InProgress")],
            stop: &[lasting("Stopping")],
            stop_from: &["InProgress"],
            delete: &[],
            ..STILL
        },
    )
}];

fn made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let objective = body.get("AutoMLJobObjective").and_then(|objective| objective.get("MetricName")?.as_str());
    let kind = text(body, "ProblemType");
    if body.contains_key("InputDataConfig") && objective.is_some() == kind.is_empty() {
        return Err(ApiError::validation("ProblemType and AutoMLJobObjective must be provided together, or neither."));
    }
    let configs = body.get("AutoMLProblemTypeConfig").and_then(Value::as_object).map_or(1, Map::len);
    if configs != 1 {
        return Err(ApiError::validation("AutoMLProblemTypeConfig must have exactly one of its members."));
    }
    if !kind.is_empty() && objective.is_some_and(|metric| problem::metric(kind, metric).is_none()) {
        return Err(ApiError::validation(format!(
            "The objective {} does not fit {kind}.",
            objective.unwrap_or_default()
        )));
    }
    Ok(())
}

fn stop(world: &mut World, request: &Request<'_>) -> Reply {
    let reply = operations::stop(world, request, &KINDS[0])?;
    let key = operations::key_of(world, request, &KINDS[0])?;
    enter(world, &key, "Stopping");
    make::halt(world, &key);
    Ok(reply)
}

fn item<'w>(world: &'w World, key: &str) -> Option<&'w Item> {
    world.shelf.item(NOUN, key)
}

fn item_mut<'w>(world: &'w mut World, key: &str) -> Option<&'w mut Item> {
    world.shelf.item_mut(NOUN, key)
}

impl Item {
    fn phase(&self) -> (&'static str, Timestamp) {
        self.work.phase.unwrap_or(("Starting", self.created))
    }

    /// The configuration of its kind of problem; of a job of the first version, what stands where that stands.
    fn problem_config(&self) -> Option<(&str, &Value)> {
        let all = self.body.get("AutoMLProblemTypeConfig").and_then(Value::as_object);
        let own = all.and_then(|all| all.iter().next()).map(|(name, config)| (name.as_str(), config));
        own.or_else(|| Some(("TabularJobConfig", self.body.get("AutoMLJobConfig")?)))
    }

    fn criterion(&self, member: &str) -> Option<i64> {
        self.problem_config()?.1.get("CompletionCriteria")?.get(member)?.as_i64()
    }

    fn is_tabular(&self) -> bool {
        self.problem_config().is_none_or(|(name, _)| name == "TabularJobConfig")
    }

    fn only_definitions(&self) -> bool {
        let place = "GenerateCandidateDefinitionsOnly";
        let own = self.problem_config().and_then(|(_, config)| config.get(place));
        own.or_else(|| self.body.get(place)) == Some(&Value::Bool(true))
    }
}

/// Looks at its jobs on whole minutes, however often time is told.
pub(super) fn advance(world: &mut World, to: Timestamp) {
    for key in world.shelf.busy(NOUN) {
        while let Some(at) = next_look(world, &key).filter(|at| *at <= to) {
            let now = world.now;
            world.now = at;
            // In a past that nobody saw the minutes of, its transforms live here.
            super::ripen(world, at);
            super::transform::advance(world, at);
            look(world, &key, at);
            if let Some(item) = item_mut(world, &key) {
                item.work.looked = Some(at);
            }
            world.now = now;
        }
        if !item(world, &key).is_some_and(is_active) {
            world.shelf.rest(NOUN, key);
        }
    }
}

fn is_active(item: &Item) -> bool {
    matches!(item.state, "InProgress" | "Stopping")
}

fn next_look(world: &World, key: &str) -> Option<Timestamp> {
    let item = item(world, key).filter(|item| is_active(item))?;
    Some(item.work.looked.unwrap_or(item.created).floor(MINUTE).plus(MINUTE))
}

/// Goes on to a phase.
fn enter(world: &mut World, key: &str, phase: &'static str) {
    let now = world.now;
    if let Some(item) = item_mut(world, key) {
        item.work.phase = Some((phase, now));
        item.modified = now;
    }
}

fn end(world: &mut World, key: &str, steps: &'static [Step], phase: &'static str, reason: Option<String>) {
    enter(world, key, phase);
    let now = world.now;
    if let Some(item) = item_mut(world, key) {
        item.go(now, steps, false);
        if let Some(reason) = reason {
            item.body.insert("FailureReason".to_owned(), reason.into());
        }
    }
}

fn look(world: &mut World, key: &str, at: Timestamp) {
    let Some(item) = item(world, key) else { return };
    let (phase, since) = item.phase();
    if item.state == "Stopping" {
        if !make::is_busy(world, item) {
            end(world, key, STOPPED, "Stopped", None);
        }
        return;
    }
    if let Some(reason) = make::lacks(world, item, phase) {
        return end(world, key, FAILED, "Failed", Some(reason));
    }
    let part = |part: Part| make::standing(world, item, part);
    match phase {
        "Starting" => {
            let next = if item.is_tabular() { "AnalyzingData" } else { "PreTraining" };
            make::part(world, key, Part::Split);
            enter(world, key, next);
        }
        "AnalyzingData" | "PreTraining" => match part(Part::Split) {
            Some(("Completed", _)) => analyzed(world, key),
            Some(("Failed" | "Stopped", reason)) => end(world, key, FAILED, "Failed", reason),
            _ => {}
        },
        "FeatureEngineering" => match (part(Part::Prepare), part(Part::Apply)) {
            (Some(("Failed" | "Stopped", reason)), _) | (_, Some(("Failed" | "Stopped", reason))) => {
                end(world, key, FAILED, "Failed", reason);
            }
            (_, Some(("Completed", _))) => enter(world, key, "ModelTuning"),
            (Some(("Completed", _)), None) => make::part(world, key, Part::Apply),
            _ => {}
        },
        "ModelTuning" | "TrainingModels" => tune(world, key, at),
        "GeneratingExplainabilityReport" if part(Part::Explain).is_none_or(|(status, _)| status != "InProgress") => {
            make::explain(world, key);
            enter(world, key, "GeneratingModelInsightsReport");
        }
        "GeneratingModelInsightsReport" if at.since(since) >= REPORT => {
            make::insights(world, key);
            finish(world, key);
        }
        "DeployingModel" => match make::deployed(world, item) {
            Some("InService") => end(world, key, COMPLETED, "Completed", None),
            None | Some("Failed") => end(world, key, COMPLETED, "ModelDeploymentError", None),
            _ => {}
        },
        _ => {}
    }
}

/// What the data are for is known now.
fn analyzed(world: &mut World, key: &str) {
    let Some(item) = item(world, key) else { return };
    if !item.is_tabular() {
        return enter(world, key, "TrainingModels");
    }
    let only = item.only_definitions();
    match problem::of_data(world, item) {
        Err(reason) => return end(world, key, FAILED, "Failed", Some(reason)),
        Ok(kind) => {
            if let Some(item) = item_mut(world, key) {
                item.body.insert("Resolved".to_owned(), kind.into());
            }
        }
    }
    make::notebooks(world, key);
    if only {
        return end(world, key, COMPLETED, "CandidateDefinitionsGenerated", None);
    }
    make::part(world, key, Part::Prepare);
    enter(world, key, "FeatureEngineering");
}

fn tune(world: &mut World, key: &str, at: Timestamp) {
    let Some(item) = item(world, key) else { return };
    let candidates = told::candidates(world, item, at);
    let running = candidates.iter().filter(|job| job.standing.ended.is_none()).count();
    let most = item.criterion("MaxCandidates").map_or(problem::CANDIDATES, |most| most as usize);
    let latest =
        item.criterion("MaxAutoMLJobRuntimeInSeconds").map(|most| item.created.plus(most.saturating_mul(SECOND)));
    let is_late = latest.is_some_and(|latest| latest <= at);
    if is_late && running > 0 {
        return make::halt(world, key);
    }
    if running == 0 && (is_late || candidates.len() >= most) {
        if !candidates.iter().any(|job| job.value.is_some()) {
            let reason = "AlgorithmError: No candidate could be trained.".to_owned();
            return end(world, key, FAILED, "Failed", Some(reason));
        }
        if is_late {
            return end(world, key, COMPLETED, "MaxAutoMLJobRuntimeReached", None);
        }
        if item.is_tabular() {
            make::part(world, key, Part::Explain);
            return enter(world, key, "GeneratingExplainabilityReport");
        }
        return finish(world, key);
    }
    for _ in candidates.len()..most.min(candidates.len() + PARALLEL.saturating_sub(running)) {
        make::candidate(world, key, at);
    }
}

/// Deploys the best, where that is asked for.
fn finish(world: &mut World, key: &str) {
    let deploys = item(world, key).is_some_and(|item| item.body.contains_key("ModelDeployConfig"));
    if !deploys {
        return end(world, key, COMPLETED, "Completed", None);
    }
    enter(world, key, "DeployingModel");
    match make::deploy(world, key) {
        Ok(name) => {
            if let Some(item) = item_mut(world, key) {
                item.body.insert("ModelDeployResult".to_owned(), json!({ "EndpointName": name }));
            }
        }
        Err(error) => {
            end(world, key, COMPLETED, "ModelDeploymentError", None);
            if let Some(item) = item_mut(world, key) {
                let reason = json!([{"PartialFailureMessage": error.message}]);
                item.body.insert("PartialFailureReasons".to_owned(), reason);
            }
        }
    }
}
