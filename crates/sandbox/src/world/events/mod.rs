//! What SageMaker tells EventBridge: a line for every change of state, in EventBridge's envelope.
//!
//! Nothing in the account has to say that it changed: after each step of time and each change by a caller the states are
//! compared with those before. An event carries the moment of the change where the resource knows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mldeck_core::{
    id::arn_tail,
    time::{DAY, Timestamp},
};
use serde_json::{Value, json};

use super::{
    Request, Service, World,
    endpoint::{Endpoint, stages_since},
    estate, moment, noise, pipeline,
    run::Run,
    shelf,
};

/// Lines kept; older ones fall out.
const KEPT: usize = 10_000;
/// Lines of one answer.
const TOLD: usize = 1_000;

#[derive(Default)]
pub(crate) struct State {
    /// Sequence number and line, oldest first.
    lines: VecDeque<(u64, String)>,
    told: u64,
    /// The last known state, by ARN and kind, of what may change.
    known: BTreeMap<String, String>,
    /// Somebody has asked for events: until then nobody looks for them.
    is_heard: bool,
    /// Up to when it was looked at.
    until: Option<Timestamp>,
    /// Noun and name of what is on its way.
    moving: BTreeSet<(&'static str, String)>,
    /// Ends of executions that are told, of those that are looked at.
    ended: BTreeSet<String>,
}

impl State {
    /// An execution that ended goes on.
    pub(crate) fn reopen(&mut self, arn: &str) {
        self.ended.remove(arn);
    }
}

/// States that do not change by themselves.
const RESTING: &[&str] = &["Completed", "Failed", "Stopped", "Created", "CREATED", "Draft", "Approved", "Archived"];

/// Something that is in a state.
struct Seen {
    key: String,
    state: String,
    at: Timestamp,
    /// How the whole of it is read, for events whose body is the answer of Describe.
    describe: Option<(&'static str, Value)>,
    kind: &'static str,
    body: Value,
}

/// A kind that is described as callers do: its noun, what events call it, and whether it is a job. A job comes to an end and is
/// forgotten then; the others may change as long as they are there.
struct Described {
    noun: &'static str,
    kind: &'static str,
    is_job: bool,
}

const DESCRIBED: &[Described] = &[
    Described { noun: "TrainingJob", kind: "SageMaker Training Job State Change", is_job: true },
    Described { noun: "ProcessingJob", kind: "SageMaker Processing Job State Change", is_job: true },
    Described { noun: "TransformJob", kind: "SageMaker Transform Job State Change", is_job: true },
    Described {
        noun: "HyperParameterTuningJob",
        kind: "SageMaker HyperParameter Tuning Job State Change",
        is_job: true,
    },
    Described { noun: "FeatureGroup", kind: "SageMaker Feature Group State Change", is_job: false },
    Described { noun: "Image", kind: "SageMaker Image State Change", is_job: false },
    Described { noun: "ModelCard", kind: "SageMaker Model Card State Change", is_job: false },
];

fn read(world: &mut World, operation: &str, input: &Value) -> Option<Value> {
    let request =
        Request { service: Service::SageMaker, operation, input, caller: estate::OPERATOR, request_id: "events" };
    world.run(&request).ok()
}

/// Looks at everything that may have changed. The first look tells nothing.
pub(crate) fn observe(world: &mut World) {
    if !world.events.is_heard {
        return;
    }
    let (now, since) = (world.now, world.events.until);
    let mut seen = endpoints(world, since);
    seen.extend(packages(world, since));
    seen.extend(pipelines(world));
    let moving = std::mem::take(&mut world.events.moving);
    for described in DESCRIBED {
        seen.extend(changed(world, described, since, &moving));
    }
    seen.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    let mut keys = BTreeSet::new();
    for seen in seen {
        keys.insert(seen.key.clone());
        let before = world.events.known.insert(seen.key.clone(), seen.state.clone());
        if since.is_some() && before.as_ref() != Some(&seen.state) {
            tell(world, seen, before.as_deref());
        }
    }
    forget(world, &keys);
    world.events.until = Some(now);
}

/// Keeps the states of what was just seen, and of what may change later without having moved before.
fn forget(world: &mut World, seen: &BTreeSet<String>) {
    let mut known = std::mem::take(&mut world.events.known);
    // Names are lower-cased inside ARNs.
    let endpoints: BTreeSet<String> = world.endpoints.endpoints.values().map(Endpoint::arn).collect();
    known.retain(|key, _| {
        let arn = key.split(' ').next().unwrap_or_default();
        seen.contains(key) || endpoints.contains(arn) || stays(world, arn)
    });
    world.events.known = known;
    let watched = pipeline::watched(world);
    world.events.ended.retain(|arn| watched.contains(arn));
}

/// Whether that is there until somebody deletes it, and is no endpoint.
fn stays(world: &World, arn: &str) -> bool {
    let name = arn_tail(arn);
    let path = |noun: &str| match noun {
        "FeatureGroup" => ":feature-group/",
        "Image" => ":image/",
        _ => ":model-card/",
    };
    let lasting = DESCRIBED.iter().filter(|described| !described.is_job).map(|described| described.noun);
    lasting.into_iter().any(|noun| arn.contains(path(noun)) && world.is_own(noun, name))
}

fn tell(world: &mut World, seen: Seen, before: Option<&str>) {
    let described = seen.describe.and_then(|(operation, input)| read(world, operation, &input));
    let mut detail = described.unwrap_or(seen.body);
    if let Some(previous) = detail.get_mut("previous") {
        let previous = std::mem::take(previous);
        let word = before.and_then(|before| before.split(' ').next());
        if let (Some(member), Some(word)) = (previous.as_str(), word) {
            detail[member] = word.into();
        }
        detail.as_object_mut().map(|members| members.remove("previous"));
    }
    in_millis(&mut detail);
    let events = &mut world.events;
    events.told += 1;
    let arn = seen.key.split(' ').next().unwrap_or_default();
    let id = noise::uuid(&[world.seed, events.told, noise::name(&seen.key), noise::name(&seen.state)]);
    let event = json!({
        "version": "0",
        "id": id,
        "detail-type": seen.kind,
        "source": "aws.sagemaker",
        "account": estate::ACCOUNT,
        "time": Timestamp::from_millis(seen.at.secs() * 1_000).iso(),
        "region": estate::REGION,
        "resources": [arn],
        "detail": detail,
    });
    if events.lines.len() >= KEPT {
        events.lines.pop_front();
    }
    events.lines.push_back((events.told, json!({"sequence": events.told, "event": event}).to_string()));
}

/// EventBridge has whole milliseconds where the API has seconds, and words in upper case for endpoints.
fn in_millis(detail: &mut Value) {
    match detail {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match value.as_f64().filter(|_| name.ends_with("Time")) {
                    Some(seconds) => *value = json!((seconds * 1_000.0) as i64),
                    None => in_millis(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_millis),
        _ => {}
    }
    if let Some(status) = detail.get("EndpointStatus").and_then(Value::as_str).map(upper) {
        detail["EndpointStatus"] = status.into();
    }
}

/// `InService` → `IN_SERVICE`.
fn upper(word: &str) -> String {
    let mut out = String::new();
    for letter in word.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_uppercase());
    }
    out
}

/// Endpoints that are on the way or were changed since, and how far their deployments are.
fn endpoints(world: &mut World, since: Option<Timestamp>) -> Vec<Seen> {
    let all = world.endpoints.endpoints.values();
    let moved =
        all.filter(|endpoint| since.is_none_or(|since| endpoint.change.is_some() || endpoint.modified >= since));
    let moved: Vec<_> = moved
        .map(|endpoint| {
            let status = endpoint.status.as_str().to_owned();
            let begun = since.unwrap_or(world.now);
            let stages = endpoint.deployment().map(|deployment| stages_since(deployment, begun)).unwrap_or_default();
            (endpoint.arn(), endpoint.name.clone(), status, endpoint.modified, stages)
        })
        .collect();
    let mut seen = Vec::new();
    for (arn, name, status, at, stages) in moved {
        let input = json!({"EndpointName": name});
        let described = if stages.is_empty() { None } else { read(world, "DescribeEndpoint", &input) };
        for (at, stage) in stages {
            let mut body = described.clone().unwrap_or_default();
            body["PendingDeploymentSummary"] = stage;
            seen.push(Seen {
                key: format!("{arn} deployment"),
                state: at.millis().to_string(),
                at,
                describe: None,
                kind: "SageMaker Endpoint Deployment State Change",
                body,
            });
        }
        seen.push(Seen {
            key: arn,
            state: status,
            at,
            describe: Some(("DescribeEndpoint", input)),
            kind: "SageMaker Endpoint State Change",
            body: Value::Null,
        });
    }
    seen
}

/// Versions that were registered or changed since.
fn packages(world: &World, since: Option<Timestamp>) -> Vec<Seen> {
    let all = world.registry.groups.values().flat_map(|group| &group.packages);
    let states = all.filter_map(|package| Some((package, package.at(world.now)?)));
    let moved = states.filter(|(_, state)| since.is_none_or(|since| state.at >= since));
    let seen = moved.map(|(package, state)| Seen {
        key: package.arn(),
        state: format!("{} {:?}", state.approval, state.stage),
        at: state.at,
        describe: Some(("DescribeModelPackage", json!({"ModelPackageName": package.arn()}))),
        kind: "SageMaker Model Package State Change",
        body: Value::Null,
    });
    seen.collect()
}

fn pipelines(world: &mut World) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut ended = Vec::new();
    for (execution, told, steps) in pipeline::moving(world, |arn| world.events.ended.contains(arn)) {
        let arn = told["PipelineExecutionArn"].as_str().unwrap_or_default().to_owned();
        let status = told["PipelineExecutionStatus"].as_str().unwrap_or_default().to_owned();
        let at = execution.modified(world, world.now);
        let is_over = !matches!(status.as_str(), "Executing" | "Stopping");
        if is_over {
            ended.push(arn.clone());
        }
        let iso = |value: &Value| moment(value).map(Timestamp::iso);
        seen.push(Seen {
            key: arn.clone(),
            at: if status == "Executing" { execution.started } else { at },
            describe: None,
            kind: "SageMaker Model Building Pipeline Execution Status Change",
            body: super::lists::without_nulls(json!({
                "pipelineArn": told["PipelineArn"],
                "pipelineExecutionArn": arn,
                "pipelineExecutionDisplayName": told["PipelineExecutionDisplayName"],
                "pipelineExecutionDescription": told["PipelineExecutionDescription"],
                "previous": "previousPipelineExecutionStatus",
                "currentPipelineExecutionStatus": status,
                "executionStartTime": execution.started.iso(),
                "executionEndTime": is_over.then(|| at.iso()),
            })),
            state: status,
        });
        for step in steps {
            let status = step["StepStatus"].as_str().unwrap_or_default();
            let moment = moment(&step["EndTime"]).or_else(|| moment(&step["StartTime"])).unwrap_or(world.now);
            seen.push(Seen {
                key: format!("{arn} {}", step["StepName"]),
                state: format!("{status} {}", step["AttemptCount"]),
                at: moment,
                describe: None,
                kind: "SageMaker Model Building Pipeline Execution Step Status Change",
                body: super::lists::without_nulls(json!({
                    "pipelineArn": told["PipelineArn"],
                    "pipelineExecutionArn": arn,
                    "stepName": step["StepName"],
                    "previous": "previousStepStatus",
                    "currentStepStatus": status,
                    "stepStartTime": iso(&step["StartTime"]),
                    "stepEndTime": iso(&step["EndTime"]),
                    "failureReason": step["FailureReason"],
                    "cacheHitResult": step["CacheHitResult"],
                    "metadata": step["Metadata"],
                })),
            });
        }
    }
    world.events.ended.extend(ended);
    seen
}

/// What began or was changed since, and what was on its way then. A first look goes a day back.
fn changed(
    world: &mut World,
    described: &Described,
    since: Option<Timestamp>,
    moving: &BTreeSet<(&'static str, String)>,
) -> Vec<Seen> {
    let Described { noun, kind, is_job } = *described;
    let since = match since {
        Some(since) => since,
        None if is_job => world.now.plus(-DAY),
        None => Timestamp::default(),
    };
    let mut names: BTreeSet<String> = shelf::touched(world, noun, since).map(str::to_owned).collect();
    if noun == "TrainingJob" {
        let runs = world.runs.at(world.now).filter(|run| run.has_job() && run.created >= since);
        names.extend(runs.map(Run::name));
    }
    names.extend(moving.iter().filter(|(of, _)| *of == noun).map(|(_, name)| name.clone()));
    let mut seen = Vec::new();
    for name in names {
        let Some(told) = read(world, &format!("Describe{noun}"), &json!({ format!("{noun}Name"): name })) else {
            continue;
        };
        let Some(arn) = told.get(format!("{noun}Arn")).and_then(Value::as_str).map(str::to_owned) else { continue };
        let Some(status) = told.get(format!("{noun}Status")).and_then(Value::as_str) else { continue };
        if !RESTING.iter().any(|state| status.starts_with(state)) {
            world.events.moving.insert((noun, name));
        }
        let state = format!("{status} {}", told.get("SecondaryStatus").unwrap_or(&Value::Null));
        let times = ["LastModifiedTime", "TransformEndTime", "TransformStartTime", "CreationTime"];
        let at = times.iter().find_map(|member| moment(told.get(*member)?)).unwrap_or(world.now);
        seen.push(Seen { key: arn, state, at, describe: None, kind, body: told });
    }
    seen
}

impl World {
    /// The events after a sequence number, a line each, at most so many at once. What happened before the first question is
    /// not told.
    pub fn events(&mut self, after: u64) -> String {
        if !self.events.is_heard {
            self.events.is_heard = true;
            observe(self);
        }
        let lines = self.events.lines.iter().filter(|(sequence, _)| *sequence > after).take(TOLD);
        lines.map(|(_, line)| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests;
