//! Human loops (Augmented AI): a question to the people of a flow definition, answered in their hours, at their pace. They come
//! before the labeling jobs of the same team.

use std::collections::BTreeMap;

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{ApiError, Handler, Reply, Request, World, labeling::Crew, labeling::worker};
use crate::world::{estate, lists, noise};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("StartHumanLoop", start),
    ("DescribeHumanLoop", describe),
    ("ListHumanLoops", list),
    ("StopHumanLoop", stop),
    ("DeleteHumanLoop", delete),
];

/// Seconds that an answer takes, and those of a loop that is being stopped.
const ANSWER: f64 = 90.0;
const STOPPING: i64 = 30 * SECOND;
/// How long a question stands where the flow does not say: ten days.
const LIFETIME: i64 = 864_000;
const ROOM: usize = 10_000;

#[derive(Default)]
pub(crate) struct State {
    /// By name.
    loops: BTreeMap<String, Loop>,
    /// Parts of an answer that teams are at, by team.
    begun: BTreeMap<String, f64>,
}

struct Loop {
    flow: String,
    team: String,
    created: Timestamp,
    state: &'static str,
    /// When it was asked to stop.
    stopped: Option<Timestamp>,
    content: Value,
    /// Different people who are asked, and how long each may take.
    people: usize,
    limit: f64,
    lifetime: i64,
    answers: Vec<Timestamp>,
    path: String,
    output: Option<String>,
}

fn arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("human-loop/{name}"))
}

fn missing(what: &str) -> ApiError {
    ApiError::new(404, "ResourceNotFoundException", format!("{what} could not be found."))
}

fn start(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, flow) = (request.text("HumanLoopName")?, request.text("FlowDefinitionArn")?);
    let content = request.input.pointer("/HumanLoopInput/InputContent").and_then(Value::as_str).unwrap_or_default();
    let content = serde_json::from_str(content)
        .map_err(|_| ApiError::validation("HumanLoopInput.InputContent is not a valid JSON document."))?;
    let definition = world.shelved("FlowDefinition", flow).filter(|definition| definition.state == "Active");
    let definition = definition
        .ok_or_else(|| ApiError::validation(format!("Flow definition {flow} is not there or not Active.")))?;
    let config = |member: &str| definition.body.get("HumanLoopConfig").and_then(|config| config.get(member));
    let number = |member: &str| config(member).and_then(Value::as_i64);
    let path = definition.body.get("OutputConfig").and_then(|output| output.get("S3OutputPath")?.as_str());
    let made = Loop {
        flow: definition.arn.clone(),
        team: config("WorkteamArn").and_then(Value::as_str).unwrap_or_default().to_owned(),
        created: world.now,
        state: "InProgress",
        stopped: None,
        content,
        people: number("TaskCount").unwrap_or(1) as usize,
        limit: number("TaskTimeLimitInSeconds").unwrap_or(3_600) as f64,
        lifetime: number("TaskAvailabilityLifetimeInSeconds").unwrap_or(LIFETIME).saturating_mul(SECOND),
        answers: Vec::new(),
        path: path.unwrap_or_default().trim_end_matches('/').to_owned(),
        output: None,
    };
    let loops = &mut world.shelf.loops.loops;
    if loops.contains_key(name) {
        return Err(ApiError::new(409, "ConflictException", format!("Human loop {name} exists already.")));
    }
    if loops.len() >= ROOM {
        let message = format!("The account has {ROOM} human loops, which is the limit.");
        return Err(ApiError::new(402, "ServiceQuotaExceededException", message));
    }
    loops.insert(name.to_owned(), made);
    Ok(json!({"HumanLoopArn": arn(name)}))
}

/// Name and loop of a request.
fn named<'w, 'r>(world: &'w mut World, request: &'r Request<'_>) -> Result<(&'r str, &'w mut Loop), ApiError> {
    let name = request.text("HumanLoopName")?;
    let found = world.shelf.loops.loops.get_mut(name);
    found.map(|found| (name, found)).ok_or_else(|| missing(&format!("Human loop {name}")))
}

impl Loop {
    fn summary(&self, name: &str) -> Map<String, Value> {
        let mut told = Map::new();
        for (member, value) in [
            ("HumanLoopName", name),
            ("HumanLoopStatus", self.state),
            ("CreationTime", &self.created.iso()),
            ("FlowDefinitionArn", &self.flow),
        ] {
            told.insert(member.to_owned(), value.into());
        }
        if self.state == "Failed" {
            let why = "The task was not answered by enough workers within TaskAvailabilityLifetimeInSeconds.";
            told.insert("FailureReason".to_owned(), why.into());
        }
        told
    }

    fn is_open(&self) -> bool {
        matches!(self.state, "InProgress" | "Stopping")
    }

    /// Asks for more answers.
    fn wants(&self, members: u32) -> usize {
        let able = if self.limit < ANSWER { 0 } else { self.people.min(members as usize) };
        if self.state == "InProgress" { able.saturating_sub(self.answers.len()) } else { 0 }
    }
}

fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, found) = named(world, request)?;
    let mut told = found.summary(name);
    told.insert("HumanLoopArn".to_owned(), arn(name).into());
    if found.state == "Failed" {
        told.insert("FailureCode".to_owned(), "Expired".into());
    }
    if let Some(output) = &found.output {
        told.insert("HumanLoopOutput".to_owned(), json!({"OutputS3Uri": output}));
    }
    Ok(told.into())
}

fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let flow = request.text("FlowDefinitionArn")?;
    let window = lists::Window::new(request, "CreationTimeAfter", "CreationTimeBefore");
    let all = &world.shelf.loops.loops;
    let of_flow = all.iter().filter(|(_, one)| one.flow.eq_ignore_ascii_case(flow));
    let mut rows: Vec<(&String, &Loop)> = of_flow.collect();
    if rows.is_empty() && world.shelved("FlowDefinition", flow).is_none() {
        return Err(missing(&format!("Flow definition {flow}")));
    }
    rows.retain(|(_, one)| window.holds(one.created));
    rows.sort_by_key(|(name, one)| (one.created, *name));
    if !lists::is_ascending(request)? {
        rows.reverse();
    }
    let (page, next) = lists::page(&rows, request)?;
    let summaries = page.iter().map(|(name, one)| Value::Object(one.summary(name))).collect();
    Ok(lists::reply("HumanLoopSummaries", summaries, next))
}

fn stop(world: &mut World, request: &Request<'_>) -> Reply {
    let now = world.now;
    let (name, found) = named(world, request)?;
    if found.state != "InProgress" {
        return Err(ApiError::validation(format!("Human loop {name} is {} and cannot be stopped.", found.state)));
    }
    (found.state, found.stopped) = ("Stopping", Some(now));
    Ok(json!({}))
}

fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let (name, found) = named(world, request)?;
    if found.is_open() {
        return Err(ApiError::validation(format!("Human loop {name} is {} and cannot be deleted.", found.state)));
    }
    world.shelf.loops.loops.remove(name);
    Ok(json!({}))
}

/// Teams that are asked something.
pub(super) fn teams(world: &World) -> BTreeMap<String, Vec<String>> {
    let asked = world.shelf.loops.loops.values().filter(|one| one.is_open());
    asked.map(|one| (one.team.clone(), Vec::new())).collect()
}

/// A minute of a team's work at its loops: how many hands that took.
pub(super) fn work(world: &mut World, team: &str, crew: &Crew, working: u32, to: Timestamp) -> f64 {
    let state = &mut world.shelf.loops;
    let able = f64::from(working) * 60.0 / ANSWER;
    let begun = state.begun.entry(team.to_owned()).or_default();
    let mut left = able + *begun;
    let all = state.loops.iter_mut();
    let mut open: Vec<(&String, &mut Loop)> = all.filter(|(_, one)| one.is_open() && one.team == team).collect();
    open.sort_by(|(a, one), (b, other)| (one.created, a).cmp(&(other.created, b)));
    let mut done = Vec::new();
    let mut wants = false;
    for (name, one) in open {
        while left >= 1.0 && one.wants(crew.members()) > 0 {
            left -= 1.0;
            one.answers.push(to);
        }
        wants |= one.wants(crew.members()) > 0;
        one.settle(to);
        if one.state == "Completed" && one.output.is_none() {
            done.push(name.clone());
        }
    }
    let busy = (able + *begun - left) * ANSWER / 60.0;
    *begun = if wants { left } else { 0.0 };
    for name in done {
        write(world, &name, to);
    }
    busy
}

impl Loop {
    fn settle(&mut self, to: Timestamp) {
        if self.stopped.is_some_and(|stopped| to.since(stopped) >= STOPPING) && self.state == "Stopping" {
            self.state = "Stopped";
        }
        if self.state != "InProgress" {
            return;
        }
        if self.answers.len() >= self.people {
            self.state = "Completed";
        } else if to.since(self.created) >= self.lifetime {
            self.state = "Failed";
        }
    }
}

/// `<path>/<flow>/2026/11/23/02/24/10/<loop>/output.json`, by the time the loop was started.
fn write(world: &mut World, name: &str, at: Timestamp) {
    let Some(one) = world.shelf.loops.loops.get_mut(name) else { return };
    let when = one.created.iso().get(..19).unwrap_or_default().replace(['-', 'T', ':'], "/");
    let flow = one.flow.rsplit('/').next().unwrap_or_default();
    let uri = format!("{}/{flow}/{when}/{name}/output.json", one.path);
    let answers = one.answers.iter().enumerate().map(|(person, submitted)| {
        let draw = noise::hash(&[noise::name(name), person as u64]);
        let spent = ANSWER * (0.5 + draw as f64 / u64::MAX as f64);
        json!({
            "acceptanceTime": submitted.plus(-(spent * 1_000.0) as i64).iso(),
            "answerContent": answer(&one.content, draw),
            "submissionTime": submitted.iso(),
            "timeSpentInSeconds": spent.round(),
            "workerId": worker(&one.team, person as u32),
            "workerMetadata": {"identityData": {"identityProviderType": "Cognito"}},
        })
    });
    let body = json!({
        "flowDefinitionArn": one.flow,
        "humanAnswers": answers.collect::<Vec<_>>(),
        "humanLoopName": name,
        "inputContent": one.content,
    });
    one.output = Some(uri.clone());
    world.s3.put_at(&uri, body.to_string(), at);
}

/// One of the labels that the question names, else yes or no.
fn answer(content: &Value, draw: u64) -> Value {
    let labels = content.get("labels").and_then(Value::as_array).filter(|labels| !labels.is_empty());
    let label = match labels {
        Some(labels) => labels.get(draw as usize % labels.len()).cloned().unwrap_or_default(),
        None => if draw.is_multiple_of(5) { "reject" } else { "approve" }.into(),
    };
    json!({"crowd-classifier": {"label": label}})
}

#[cfg(test)]
mod tests;
