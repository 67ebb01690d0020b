//! Executions that are tried again, run in part, changed while they run, and answered.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    definition::definition,
    execution::{Execution, Trouble},
    graph::{self, Live, Slot},
    operations::{execution, find_execution},
};
use crate::world::{ApiError, Reply, Request, World, request::int, run};

/// `MaxParallelExecutionSteps`.
pub(super) fn parallel(config: Option<&Value>) -> Option<i64> {
    config?.get("MaxParallelExecutionSteps").and_then(int)
}

/// Leaves all steps out that were not selected, and takes what those refer to from an earlier execution.
pub(super) fn select(world: &World, live: &mut Live, pipeline: &str, config: Option<&Value>) -> Result<(), ApiError> {
    let Some(config) = config else { return Ok(()) };
    let steps = config.get("SelectedSteps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let selected: Vec<String> =
        steps.iter().filter_map(|step| step.get("StepName")?.as_str()).map(str::to_owned).collect();
    let needed = live.select(selected).map_err(ApiError::validation)?;
    let Some(arn) = config.get("SourcePipelineExecutionArn").and_then(Value::as_str) else {
        if needed.is_empty() {
            return Ok(());
        }
        return Err(ApiError::validation(format!(
            "SourcePipelineExecutionArn is required: selected steps depend on outputs of [{}].",
            needed.join(", ")
        )));
    };
    let id = arn.rsplit('/').next().unwrap_or_default();
    let source = world.pipelines.by_id.get(id).and_then(|index| world.pipelines.get(*index));
    let source = source.filter(|source| source.pipeline() == pipeline).ok_or_else(|| {
        ApiError::new(400, "ResourceNotFound", format!("Pipeline execution with ARN '{arn}' does not exist."))
    })?;
    if !matches!(source.status(world, world.now()), "Succeeded" | "Failed") {
        return Err(ApiError::validation(format!("The source execution {arn} must have succeeded or failed.")));
    }
    let before = match &source.live {
        Some(live) => (**live).clone(),
        None => revived(world, source)?,
    };
    live.copy(&before, &needed, arn).map_err(ApiError::validation)?;
    live.source = Some(arn.to_owned());
    Ok(())
}

/// An execution of a family's pipeline as one that lives by its definition: what succeeded is kept.
fn revived(world: &World, execution: &Execution) -> Result<Live, ApiError> {
    let text: Arc<str> = Arc::from(definition(execution.family()).to_string());
    let mut live = Live::new(&text, 1, execution.started).map_err(ApiError::validation)?;
    let plan = execution.plan(world);
    let stop = execution.stop.as_ref().map(|(stop, _)| *stop);
    for (step, told) in plan.steps.iter().zip(super::steps::started(world, execution, world.now())) {
        let is_cut = stop.is_some_and(|stop| stop < step.end);
        if is_cut || step.failure.is_some() {
            continue;
        }
        let arn = ["ProcessingJob", "TrainingJob"].iter().find_map(|kind| told["Metadata"][kind]["Arn"].as_str());
        let name = arn.and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned();
        let known = world.runs.named(&name, world.now());
        let body = known.map(|run| run::job_record(world, run, world.now(), run::Depth::Whole)).unwrap_or_default();
        let slot =
            Slot::settled((step.start, step.end), arn.map(|arn| (name, arn.to_owned(), true)), body, step.outcome);
        live.keep(world, execution, &step.name, slot);
    }
    // What was wrong still is; only instances come free.
    if let (Some(step), false) = (plan.steps.last(), execution.trouble == Some(Trouble::Quota)) {
        live.stuck.extend(step.failure.clone().map(|failure| (step.name.clone(), failure)));
    }
    Ok(live)
}

pub(super) fn retry_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let now = world.now();
    let found = execution(world, index)?;
    let arn = found.arn(world.seed);
    let token = (arn.clone(), request.text("ClientRequestToken")?.to_owned());
    if world.pipelines.tokens.contains_key(&token) {
        return Ok(json!({"PipelineExecutionArn": arn}));
    }
    if !matches!(found.status(world, now), "Failed" | "Stopped") {
        return Err(ApiError::validation(format!(
            "Only pipelines with 'Failed' or 'Stopped' status can be retried. Pipeline execution: {arn}"
        )));
    }
    let mut live = match &found.live {
        Some(live) => (**live).clone(),
        None => revived(world, found)?,
    };
    let is_final = match &found.live {
        Some(live) => live.ended_in_fail(),
        None => found.plan(world).step(super::steps::StepKind::Fail).is_some(),
    };
    if is_final {
        return Err(ApiError::validation(format!(
            "A pipeline execution that ended in a Fail step cannot be retried. Pipeline execution: {arn}"
        )));
    }
    live.again(now);
    live.parallel = parallel(request.input.get("ParallelismConfiguration")).or(live.parallel);
    if let Some(execution) = world.pipelines.executions.get_mut(index as usize) {
        execution.live = Some(Box::new(live));
        execution.stop = None;
    }
    if !world.pipelines.active.contains(&index) {
        world.pipelines.active.push(index);
    }
    world.pipelines.tokens.insert(token, index);
    world.events.reopen(&arn);
    Ok(json!({"PipelineExecutionArn": arn}))
}

pub(super) fn update_execution(world: &mut World, request: &Request<'_>) -> Reply {
    let index = find_execution(world, request)?;
    let now = world.now();
    let found = execution(world, index)?;
    let arn = found.arn(world.seed);
    let parallel = parallel(request.input.get("ParallelismConfiguration"));
    if parallel.is_some() && found.status(world, now) != "Executing" {
        return Err(ApiError::validation(format!(
            "ParallelismConfiguration can be changed only while the execution is 'Executing'. Pipeline execution: {arn}"
        )));
    }
    if let Some(execution) = world.pipelines.executions.get_mut(index as usize) {
        let text = |member: &str, kept: &mut Option<String>| {
            *kept = request.opt_text(member).map(str::to_owned).or(kept.take());
        };
        text("PipelineExecutionDisplayName", &mut execution.display);
        text("PipelineExecutionDescription", &mut execution.description);
        if let Some(live) = &mut execution.live {
            live.parallel = parallel.or(live.parallel);
        }
    }
    Ok(json!({"PipelineExecutionArn": arn}))
}

pub(super) fn step_succeeded(world: &mut World, request: &Request<'_>) -> Reply {
    let outputs = request.list("OutputParameters").iter().map(|output| {
        let part = |member: &str| output.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        (part("Name"), part("Value"))
    });
    told(world, request, None, outputs.collect())
}

pub(super) fn step_failed(world: &mut World, request: &Request<'_>) -> Reply {
    let reason = request.opt_text("FailureReason").unwrap_or("The callback step was reported as failed.");
    told(world, request, Some(format!("ClientError: {reason}")), Vec::new())
}

fn told(world: &mut World, request: &Request<'_>, failure: Option<String>, outputs: Vec<(String, String)>) -> Reply {
    let token = request.text("CallbackToken")?;
    let index = graph::tell(world, token, failure, outputs).ok_or_else(|| {
        ApiError::new(400, "ResourceNotFound", format!("No step waits for the callback token {token}."))
    })?;
    Ok(json!({"PipelineExecutionArn": execution(world, index)?.arn(world.seed)}))
}
