//! What a step makes: a job or another resource, by the same call that a caller would make. Where the account has no such
//! call, or a scenario says what becomes of the step, the job is kept with the step.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{
    Node, check, experiment,
    live::{Slot, live, put, slot_mut},
    resolve, text,
};
use crate::world::{
    ApiError, Request, Service, World, chance::Chance, estate, moment, noise, request::duration, run::SCHEDULER,
};

/// How a type of step makes something.
pub(super) struct Maker {
    kind: &'static str,
    noun: &'static str,
    /// The member that names it, and how it stands; nothing is waited for where that is empty.
    pub(super) name: &'static str,
    status: &'static str,
    path: &'static str,
    /// Its member in `Metadata`.
    pub(super) metadata: &'static str,
}

const fn maker(
    kind: &'static str,
    noun: &'static str,
    (name, status): (&'static str, &'static str),
    path: &'static str,
    metadata: &'static str,
) -> Maker {
    Maker { kind, noun, name, status, path, metadata }
}

const MAKERS: &[Maker] = &[
    maker("Training", "TrainingJob", ("TrainingJobName", "TrainingJobStatus"), "training-job", "TrainingJob"),
    maker(
        "Processing",
        "ProcessingJob",
        ("ProcessingJobName", "ProcessingJobStatus"),
        "processing-job",
        "ProcessingJob",
    ),
    maker("QualityCheck", "", ("ProcessingJobName", "ProcessingJobStatus"), "processing-job", "QualityCheck"),
    maker("ClarifyCheck", "", ("ProcessingJobName", "ProcessingJobStatus"), "processing-job", "ClarifyCheck"),
    maker("Transform", "TransformJob", ("TransformJobName", "TransformJobStatus"), "transform-job", "TransformJob"),
    maker(
        "Tuning",
        "HyperParameterTuningJob",
        ("HyperParameterTuningJobName", "HyperParameterTuningJobStatus"),
        "hyper-parameter-tuning-job",
        "TuningJob",
    ),
    maker("AutoML", "AutoMLJobV2", ("AutoMLJobName", "AutoMLJobStatus"), "automl-job", "AutoMLJob"),
    maker("Model", "Model", ("ModelName", ""), "model", "Model"),
    maker("RegisterModel", "ModelPackage", ("ModelPackageName", ""), "model-package", "RegisterModel"),
    maker("EndpointConfig", "EndpointConfig", ("EndpointConfigName", ""), "endpoint-config", "EndpointConfig"),
    maker("Endpoint", "Endpoint", ("EndpointName", "EndpointStatus"), "endpoint", "Endpoint"),
];

pub(super) fn maker_of(kind: &str) -> Option<&'static Maker> {
    MAKERS.iter().find(|maker| maker.kind == kind)
}

fn call(world: &mut World, operation: &str, input: &Value) -> Result<Value, ApiError> {
    let request_id = noise::uuid(&[world.seed, world.now.millis() as u64, noise::name(&input.to_string())]);
    let request = Request { service: Service::SageMaker, operation, input, caller: SCHEDULER, request_id: &request_id };
    world.dispatch(&request)
}

/// What a caller may say of its own and what the service says: `pipelines-<execution>-<step>-<ten letters>`.
/// Names of searches are shorter: `<execution>-<step>-<ten letters>`.
fn job_name(world: &World, index: u32, node: &Node, chance: Chance) -> String {
    let id = world.pipelines.get(index).map(|execution| execution.id(world.seed)).unwrap_or_default();
    let is_search = matches!(node.kind, "Tuning" | "AutoML");
    let step: String = node.name.chars().filter(|c| *c != '_').take(if is_search { 7 } else { 20 }).collect();
    if is_search {
        return format!("{id}-{}-{}", step.trim_matches('-'), chance.named("job").id(10));
    }
    format!("pipelines-{id}-{}-{}", step.trim_matches('-'), chance.named("job").id(10))
}

pub(super) fn start(
    world: &mut World,
    index: u32,
    (at, node): (usize, &Node),
    (mut slot, mut arguments): (Slot, Value),
    (now, chance): (Timestamp, Chance),
) {
    resolve::as_texts(&mut arguments);
    if let Some((from, found)) = cached(world, index, node, &arguments, now) {
        let found = Slot { start: now, end: Some(now.plus(SECOND)), cached: Some(from), ..found };
        return put(world, index, at, found);
    }
    let name = job_name(world, index, node, chance);
    slot.arguments = arguments.clone();
    slot.body = arguments;
    slot.due = Some(now.plus(chance.named("took").between(60.0, 240.0) as i64 * SECOND));
    let Some(maker) = maker_of(node.kind) else { return put(world, index, at, slot) };
    let told = truth(world, index, at, node);
    let over = limit(world, node, &slot.body);
    if let Some(reason) = over {
        (slot.due, slot.fails) = (Some(now.plus(5 * SECOND)), Some(reason));
        return put(world, index, at, slot);
    }
    if told.is_none() && !maker.noun.is_empty() {
        // It is made when the step begins, which may be earlier in the minute that passes.
        let present = std::mem::replace(&mut world.now, now);
        let made = make(world, (index, maker), &name, &slot.body);
        world.now = present;
        match made {
            Ok(Some((name, arn))) => {
                slot.made = Some((name, arn, true));
                slot.due = maker.status.is_empty().then(|| now.plus(3 * SECOND));
                return put(world, index, at, slot);
            }
            Ok(None) => {}
            Err(error) => {
                slot.due = Some(now.plus(3 * SECOND));
                slot.fails = Some(format!("ClientError: {}: {}", error.code, error.message));
                return put(world, index, at, slot);
            }
        }
    }
    slot.fails = told;
    let arn = estate::arn("sagemaker", &format!("{}/{}", maker.path, name.to_lowercase()));
    slot.made = Some((name, arn, false));
    check::look(world, index, node, &mut slot, now);
    put(world, index, at, slot);
}

/// Makes it by the call of the account; nothing where the account has no such call.
fn make(
    world: &mut World,
    (index, maker): (u32, &Maker),
    name: &str,
    arguments: &Value,
) -> Result<Option<(String, String)>, ApiError> {
    let mut input = arguments.clone();
    experiment::tell(world, index, maker.kind, &mut input);
    let Some(members) = input.as_object_mut() else { return Ok(None) };
    if maker.kind != "RegisterModel" {
        members.entry(maker.name).or_insert_with(|| name.into());
    }
    let group = text(arguments, "ModelPackageGroupName").to_owned();
    if maker.kind == "RegisterModel" && !world.registry.groups.contains_key(&group) {
        call(world, "CreateModelPackageGroup", &json!({"ModelPackageGroupName": group}))?;
    }
    match call(world, &format!("Create{}", maker.noun), &input) {
        Ok(answer) => {
            let arn =
                answer.as_object().and_then(|members| members.values().find_map(Value::as_str)).unwrap_or_default();
            let named = text(&input, maker.name);
            let named = if named.is_empty() { arn } else { named };
            Ok(Some((named.to_owned(), arn.to_owned())))
        }
        Err(error) if error.code == "UnknownOperationException" => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the scenario says becomes of the step: `[[step]]` with `pipeline`, `step`, `reason`, `lines`, and `times` when it is
/// not for ever.
fn truth(world: &World, index: u32, at: usize, node: &Node) -> Option<String> {
    let (execution, live) = live(world, index)?;
    if let Some((_, reason)) = live.stuck.iter().find(|(step, _)| *step == node.name) {
        return Some(reason.clone());
    }
    let found = said(world, execution.pipeline(), &node.name)?;
    let times = found.get("times").and_then(toml::Value::as_integer).unwrap_or(i64::MAX);
    let tries = live.tries.get(&at).copied().unwrap_or(1);
    (tries <= times).then(|| found.get("reason").and_then(toml::Value::as_str).unwrap_or_default().to_owned())
}

fn said<'w>(world: &'w World, pipeline: &str, step: &str) -> Option<&'w toml::Value> {
    let is =
        |table: &toml::Value, member: &str, value: &str| table.get(member).and_then(toml::Value::as_str) == Some(value);
    let all = world.scenario.more.get("step")?.as_array()?;
    all.iter().find(|table| is(table, "pipeline", pipeline) && is(table, "step", step))
}

/// Refuses an instance beyond the account's quota: `[[quota]]` of the scenario with `instance` and `limit`. What other steps
/// run on now counts.
fn limit(world: &World, node: &Node, arguments: &Value) -> Option<String> {
    let kind = if node.kind == "Training" { "training" } else { "processing" };
    let instance = |body: &Value| {
        ["/ResourceConfig", "/ProcessingResources/ClusterConfig"].iter().find_map(|place| {
            let config = body.pointer(place)?;
            Some((
                text(config, "InstanceType").to_owned(),
                config.get("InstanceCount").and_then(Value::as_i64).unwrap_or(1),
            ))
        })
    };
    let (wanted, count) = instance(arguments)?;
    let quotas = world.scenario.more.get("quota")?.as_array()?;
    let quota = quotas.iter().find(|quota| quota.get("instance").and_then(toml::Value::as_str) == Some(&wanted))?;
    let most = quota.get("limit").and_then(toml::Value::as_integer)?;
    let active = world.pipelines.active.iter().filter_map(|index| live(world, *index));
    let used: i64 = active
        .flat_map(|(_, live)| live.running().filter(|(_, slot)| slot.made.is_some()))
        .filter_map(|(_, slot)| instance(&slot.arguments).filter(|(kind, _)| *kind == wanted))
        .fold(0, |used, (_, count)| used.saturating_add(count));
    (used.saturating_add(count) > most).then(|| {
        format!(
            "ClientError: ResourceLimitExceeded: The account-level service limit '{wanted} for {kind} job usage' is {most} \
             Instances, with current utilization of {used} Instances and a request delta of {count} Instances. Please use \
             AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS \
             support to request an increase for this quota."
        )
    })
}

/// The last success of the same step with the same arguments, while it is fresh enough.
fn cached(world: &World, index: u32, node: &Node, arguments: &Value, now: Timestamp) -> Option<(String, Slot)> {
    let cache = node.body.get("CacheConfig").filter(|cache| cache.get("Enabled") == Some(&Value::Bool(true)))?;
    let span = lifetime(text(cache, "ExpireAfter")).filter(|_| node.can_be_cached)?;
    let pipeline = world.pipelines.get(index)?.pipeline();
    let before = world.pipelines.executions.iter().rev().filter(|execution| execution.pipeline() == pipeline);
    before.into_iter().find_map(|execution| {
        let live = execution.live.as_deref()?;
        let slot = live.slots.get(&live.graph.at(&node.name)?)?;
        let same = slot.status == "Succeeded" && slot.cached.is_none() && slot.copied.is_none();
        let fresh = slot.end.is_some_and(|end| now.since(end) <= span);
        (same && fresh && slot.arguments == *arguments).then(|| (execution.arn(world.seed), slot.clone()))
    })
}

/// Nothing said: as long as there is something.
fn lifetime(text: &str) -> Option<i64> {
    if text.is_empty() { Some(i64::MAX) } else { duration(text) }
}

/// How the jobs of the account stand that steps wait for.
pub(super) fn poll(world: &mut World, index: u32, to: Timestamp) {
    let Some((_, found)) = live(world, index) else { return };
    let waiting: Vec<(usize, &'static Maker, String)> = found
        .running()
        .filter_map(|(at, slot)| {
            let maker = maker_of(found.graph.nodes.get(at)?.kind)?;
            let (name, _, kept) = slot.made.as_ref()?;
            (*kept && slot.due.is_none() && !maker.status.is_empty()).then(|| (at, maker, name.clone()))
        })
        .collect();
    for (at, maker, name) in waiting {
        let Ok(body) = call(world, &format!("Describe{}", maker.noun), &json!({ maker.name: name })) else { continue };
        let status = text(&body, maker.status).to_owned();
        let failed = matches!(status.as_str(), "Failed" | "Stopped");
        let is_over = failed || matches!(status.as_str(), "Completed" | "InService");
        let Some(slot) = slot_mut(world, index, at).filter(|_| is_over) else { continue };
        let reason = body.get("FailureReason").and_then(Value::as_str).unwrap_or("The job was stopped.");
        slot.fails = failed.then(|| format!("ClientError: {reason}"));
        slot.due = Some(ended_at(&body).unwrap_or(to).clamp(slot.start, to));
        slot.body = body;
    }
}

/// When a job was over, by what it says of itself.
fn ended_at(body: &Value) -> Option<Timestamp> {
    let members = body.as_object()?;
    let ended = members.iter().find(|(name, _)| name.ends_with("EndTime")).map(|(_, at)| at);
    moment(ended.or_else(|| members.get("LastModifiedTime"))?)
}

pub(super) fn stop(world: &mut World, index: u32, at: usize) {
    let Some((_, found)) = live(world, index) else { return };
    let maker = found.graph.nodes.get(at).and_then(|node| maker_of(node.kind));
    let made = found.slots.get(&at).and_then(|slot| slot.made.clone());
    let now = world.now;
    if let (Some(maker), Some((name, _, true))) = (maker, made)
        && call(world, &format!("Stop{}", maker.noun), &json!({ maker.name: name })).is_err()
        && let Some(slot) = slot_mut(world, index, at)
    {
        // What cannot be stopped is not waited for.
        slot.due = slot.due.or(Some(now));
    }
}

/// What is left behind: the files of a job that went well, the last words of one that did not.
pub(super) fn ended(world: &mut World, index: u32, at: usize, now: Timestamp) {
    check::report(world, index, at, now);
    let Some((execution, found)) = live(world, index) else { return };
    let Some((slot, node)) = found.slots.get(&at).zip(found.graph.nodes.get(at).cloned()) else { return };
    let lines = said(world, execution.pipeline(), &node.name).and_then(|table| table.get("lines")?.as_array()).cloned();
    match (slot.status, slot.made.clone()) {
        ("Succeeded", _) => check::leave(world, index, at, now),
        ("Failed", Some((name, _, false))) => {
            let start = slot.start;
            let trace = slot.failure.clone().unwrap_or_default();
            let group =
                if node.kind == "Training" { "/aws/sagemaker/TrainingJobs" } else { "/aws/sagemaker/ProcessingJobs" };
            let stream = format!("{name}/algo-1-{}", start.secs() + 30);
            let told = lines.unwrap_or_default();
            let told: Vec<String> = told.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect();
            let told = if told.is_empty() { trace.lines().map(str::to_owned).collect() } else { told };
            let count = told.len() as i64;
            for (n, line) in (0..).zip(told) {
                let at = now.plus((n - count) * SECOND).max(start.plus(30 * SECOND));
                world.logs.put(group, &stream, at, line);
            }
        }
        _ => {}
    }
}
