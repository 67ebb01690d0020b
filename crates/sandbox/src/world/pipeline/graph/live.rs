//! An execution as it goes on: which step begins when, and what becomes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mldeck_core::time::{DAY, SECOND, Timestamp};
use serde_json::{Value, json};

use super::{Graph, Node, job, list, resolve, text};
use crate::world::{World, pipeline::Execution, request::float};

/// Between the end of a step and the begin of the next.
const BETWEEN: i64 = 2 * SECOND;
/// A callback that nobody answers fails after this long. `[?]`: the limit of AWS is not documented for sure.
const PATIENCE: i64 = 7 * DAY;
/// A step is tried so often at most, whatever its policies say.
const ATTEMPTS: f64 = 20.0;
/// Steps at once, unless it is said otherwise.
const AT_ONCE: i64 = 50;
/// A job needs this long to stop.
const STOPPING: i64 = 35 * SECOND;

/// A step that has begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(super) status: &'static str,
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
    /// When it ends by itself, or is tried again.
    pub(super) due: Option<Timestamp>,
    /// It failed and waits for the next try.
    pub(super) waits: bool,
    /// What it ends with.
    pub(super) fails: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) attempts: i64,
    pub(super) outcome: Option<bool>,
    /// The name and ARN of what it made, and whether the account keeps that: else it is kept here.
    pub(super) made: Option<(String, String, bool)>,
    /// What it was asked for, with everything put in.
    pub(super) arguments: Value,
    /// What other steps may refer to.
    pub(super) body: Value,
    /// What a check found, until it is over.
    pub(super) report: Option<Value>,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) token: Option<String>,
    /// The execution whose result this is: out of the cache, or of the source of a selective execution.
    pub(super) cached: Option<String>,
    pub(super) copied: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(super) graph: Arc<Graph>,
    pub(crate) definition: Arc<str>,
    pub(crate) version: i64,
    pub(crate) slots: BTreeMap<usize, Slot>,
    /// Steps that are to run, when not all are.
    pub(crate) selected: Option<Vec<String>>,
    pub(crate) source: Option<String>,
    pub(crate) parallel: Option<i64>,
    /// What happened last.
    pub(super) clock: Timestamp,
    /// How it ended.
    pub(crate) over: Option<(Timestamp, &'static str)>,
    /// How often each step began, over all retries.
    pub(super) tries: BTreeMap<usize, i64>,
    /// Steps that fail whatever is done, and why.
    pub(crate) stuck: Vec<(String, String)>,
}

impl Live {
    pub(crate) fn new(definition: &Arc<str>, version: i64, at: Timestamp) -> Result<Self, String> {
        Ok(Self {
            graph: Arc::new(Graph::read(definition)?),
            definition: Arc::clone(definition),
            version,
            slots: BTreeMap::new(),
            selected: None,
            source: None,
            parallel: None,
            clock: at,
            over: None,
            tries: BTreeMap::new(),
            stuck: Vec::new(),
        })
    }

    /// Names of the parameters the definition has.
    pub(crate) fn names(&self) -> Vec<String> {
        self.graph.parameters.iter().map(|parameter| parameter.name.clone()).collect()
    }

    pub(crate) fn merged(&self, given: &[(String, String)]) -> Result<Vec<(String, String)>, String> {
        self.graph.merged(given)
    }

    pub(crate) fn status(&self, stop: bool) -> &'static str {
        self.over.map_or(if stop { "Stopping" } else { "Executing" }, |(_, status)| status)
    }

    pub(crate) fn modified(&self) -> Timestamp {
        self.over.map_or(self.clock, |(at, _)| at)
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.slots.iter().filter(|(_, slot)| slot.end.is_none()).map(|(at, slot)| (*at, slot))
    }

    fn is_selected(&self, node: &Node) -> bool {
        self.selected.as_ref().is_none_or(|selected| selected.contains(&node.name))
    }

    /// Steps that will never run: another branch was taken, or what they need will never run.
    fn skipped(&self) -> BTreeSet<usize> {
        let mut skipped = BTreeSet::new();
        for at in self.graph.order.iter().copied() {
            let Some(node) = self.graph.nodes.get(at) else { continue };
            let other_branch = node.under.is_some_and(|(condition, branch)| {
                self.slots.get(&condition).and_then(|slot| slot.outcome).is_some_and(|taken| taken != branch)
            });
            if other_branch || node.needs.iter().any(|need| skipped.contains(need)) {
                skipped.insert(at);
            }
        }
        skipped
    }

    /// When what it needs is done; `None` while it is not.
    fn done(&self, need: usize, user: usize, skipped: &BTreeSet<usize>) -> Option<Timestamp> {
        let node = self.graph.nodes.get(need)?;
        if !self.is_selected(node) {
            return Some(self.clock);
        }
        let slot = self.slots.get(&need).filter(|slot| slot.status == "Succeeded")?;
        let mut end = slot.end?;
        // Who waits for a condition from outside waits for the branch that was taken.
        if node.kind == "Condition" && !self.graph.is_within(user, need) {
            for inner in self.graph.within(need).filter(|inner| !skipped.contains(inner)) {
                end = end.max(self.slots.get(&inner).filter(|slot| slot.status == "Succeeded")?.end?);
            }
        }
        Some(end)
    }

    /// The step that can begin next, and when.
    fn next(&self, started: Timestamp) -> Option<(Timestamp, usize)> {
        let failed = self.slots.values().any(|slot| slot.status == "Failed");
        let room = self.running().count() < self.parallel.unwrap_or(AT_ONCE).max(1) as usize;
        if failed || !room {
            return None;
        }
        let skipped = self.skipped();
        let ready = |(at, node): (usize, &Node)| {
            if self.slots.contains_key(&at) || skipped.contains(&at) || !self.is_selected(node) {
                return None;
            }
            let ends = node.needs.iter().map(|need| self.done(*need, at, &skipped)).collect::<Option<Vec<_>>>()?;
            Some((ends.into_iter().fold(started, Timestamp::max).plus(BETWEEN).max(self.clock), at))
        };
        self.graph.nodes.iter().enumerate().filter_map(ready).min()
    }

    fn due(&self) -> Option<(Timestamp, usize)> {
        self.running().filter_map(|(at, slot)| Some((slot.due?, at))).min()
    }
}

pub(super) fn live(world: &World, index: u32) -> Option<(&Execution, &Live)> {
    let execution = world.pipelines.get(index)?;
    Some((execution, execution.live.as_deref()?))
}

pub(super) fn live_mut(world: &mut World, index: u32) -> Option<&mut Live> {
    world.pipelines.executions.get_mut(index as usize)?.live.as_deref_mut()
}

pub(super) fn slot_mut(world: &mut World, index: u32, at: usize) -> Option<&mut Slot> {
    live_mut(world, index)?.slots.get_mut(&at)
}

/// Lets it live until `to`, one happening after the other.
pub(crate) fn advance(world: &mut World, index: u32, to: Timestamp) {
    loop {
        job::poll(world, index, to);
        let Some((execution, live)) = live(world, index).filter(|(_, live)| live.over.is_none()) else { return };
        let is_stopped = execution.stop.is_some();
        let due = live.due().filter(|(at, _)| *at <= to);
        let next = live.next(execution.started).filter(|(at, _)| *at <= to && !is_stopped);
        let moment = match (due, next) {
            (Some(due), next) if next.is_none_or(|next| due.0 <= next.0) => {
                end(world, index, due.1, due.0);
                due.0
            }
            (_, Some((at, node))) => {
                start(world, index, node, at);
                at
            }
            _ => break,
        };
        if let Some(live) = live_mut(world, index) {
            live.clock = live.clock.max(moment);
        }
    }
    close(world, index, to);
}

/// It is over when nothing runs and nothing can begin.
fn close(world: &mut World, index: u32, to: Timestamp) {
    let Some((execution, live)) = live(world, index) else { return };
    let stop = execution.stop.as_ref().map(|(at, _)| *at);
    let waits = live.running().next().is_some() || (stop.is_none() && live.next(execution.started).is_some());
    if waits || live.over.is_some() {
        return;
    }
    let last = live.slots.values().filter_map(|slot| slot.end).max().unwrap_or(execution.started);
    let status = match stop {
        Some(_) => "Stopped",
        None if live.slots.values().any(|slot| slot.status == "Failed") => "Failed",
        None => "Succeeded",
    };
    let at = last.max(stop.unwrap_or(last)).plus(SECOND);
    if let Some(live) = live_mut(world, index).filter(|_| at <= to) {
        live.over = Some((at, status));
    }
}

/// Begins a step; one that was tried before is tried again.
fn start(world: &mut World, index: u32, at: usize, now: Timestamp) {
    if let Some(live) = live_mut(world, index) {
        *live.tries.entry(at).or_default() += 1;
    }
    let Some((execution, found)) = live(world, index) else { return };
    let Some(node) = found.graph.nodes.get(at).cloned() else { return };
    let before = found.slots.get(&at);
    let mut slot = Slot {
        status: "Executing",
        start: before.map_or(now, |slot| slot.start),
        attempts: before.map_or(0, |slot| slot.attempts) + 1,
        ..Slot::default()
    };
    let scope = resolve::Scope { world, execution, live: found };
    let chance = execution.chance(world.seed).named(&node.name).of(slot.attempts as u64);
    let arguments = node.own().get("Arguments").cloned().unwrap_or(Value::Null);
    let resolved = scope.resolve(&arguments);
    let seconds = |least: f64, most: f64| Some(now.plus(chance.named("took").between(least, most) as i64 * SECOND));
    match (node.kind, resolved) {
        (_, Err(what)) => (slot.due, slot.fails) = (seconds(1.0, 2.0), Some(format!("ClientError: {what}"))),
        ("Condition", Ok(_)) => {
            slot.due = Some(now.plus(SECOND));
            match scope.holds(list(&arguments, "Conditions")) {
                Ok(outcome) => slot.outcome = Some(outcome),
                Err(what) => slot.fails = Some(format!("ClientError: {what}")),
            }
        }
        ("Fail", Ok(body)) => {
            (slot.due, slot.fails) = (Some(now.plus(SECOND)), Some(text(&body, "ErrorMessage").to_owned()));
        }
        ("Callback", Ok(body)) => {
            slot.token = Some(chance.named("token").id(10));
            slot.body = json!({"Arguments": body});
            slot.due = Some(now.plus(PATIENCE));
            slot.fails = Some("ClientError: The callback step timed out: nobody answered its token.".to_owned());
        }
        ("Lambda", Ok(_)) => {
            slot.due = seconds(2.0, 20.0);
            let named = list(&node.body, "OutputParameters").iter().map(|output| {
                let draw = chance.named(text(output, "OutputName"));
                let value = match text(output, "OutputType") {
                    "Integer" => draw.below(1_000).to_string(),
                    "Float" => format!("{:.4}", draw.unit()),
                    "Boolean" => (draw.below(2) == 1).to_string(),
                    _ => draw.id(12),
                };
                (text(output, "OutputName").to_owned(), value)
            });
            slot.outputs = named.collect();
            slot.body = json!({"OutputParameters": resolve::outputs(&slot.outputs).0});
        }
        (_, Ok(arguments)) => return job::start(world, index, (at, &node), (slot, arguments), (now, chance)),
    }
    put(world, index, at, slot);
}

pub(super) fn put(world: &mut World, index: u32, at: usize, slot: Slot) {
    if let Some(live) = live_mut(world, index) {
        live.slots.insert(at, slot);
    }
}

/// A step comes to its end, or to its next try.
pub(super) fn end(world: &mut World, index: u32, at: usize, now: Timestamp) {
    let Some((_, live)) = live(world, index) else { return };
    let Some((slot, node)) = live.slots.get(&at).zip(live.graph.nodes.get(at).cloned()) else { return };
    if slot.waits {
        return start(world, index, at, now);
    }
    let (fails, tried) = (slot.fails.clone(), (slot.attempts, now.since(slot.start)));
    let wait = fails.as_ref().and_then(|reason| again(&node, reason, tried));
    let failed = fails.is_some();
    if let Some(slot) = slot_mut(world, index, at) {
        slot.failure = fails;
        slot.due = wait.map(|wait| now.plus(wait));
        slot.waits = wait.is_some();
        if wait.is_none() {
            let is_stopped = slot.status == "Stopping";
            slot.end = Some(now);
            slot.status = if is_stopped {
                "Stopped"
            } else if failed {
                "Failed"
            } else {
                "Succeeded"
            };
        }
    }
    job::ended(world, index, at, now);
}

/// How long to wait before a step is tried again that was tried so often, for so long; `None` when no policy says so.
fn again(node: &Node, reason: &str, (attempts, since): (i64, i64)) -> Option<i64> {
    let kind = [
        ("ResourceLimitExceeded", "SageMaker.RESOURCE_LIMIT"),
        ("CapacityError", "SageMaker.CAPACITY_ERROR"),
        ("InternalServerError", "SageMaker.JOB_INTERNAL_ERROR"),
        ("ThrottlingException", "Step.THROTTLING"),
        ("ServiceUnavailable", "Step.SERVICE_FAULT"),
    ];
    let (_, kind) = kind.into_iter().find(|(word, _)| reason.contains(word))?;
    list(&node.body, "RetryPolicies").iter().find_map(|policy| {
        let named = policy.get("ExceptionType")?;
        let number = |member: &str, default: f64| policy.get(member).and_then(float).unwrap_or(default);
        let fits = named == kind || list(policy, "ExceptionType").iter().any(|one| one == kind);
        let wait = number("IntervalSeconds", 1.0) * number("BackoffRate", 2.0).powf(attempts as f64 - 1.0);
        let wait = (wait * 1_000.0) as i64;
        let expires = policy.get("ExpireAfterMin").and_then(float);
        let in_time = expires.is_none_or(|most| since.saturating_add(wait) as f64 <= most * 60_000.0);
        let most = number("MaxAttempts", if expires.is_some() { ATTEMPTS } else { 5.0 }).min(ATTEMPTS);
        (fits && in_time && attempts < most as i64).then_some(wait)
    })
}

/// The execution was asked to stop: jobs are stopped, a function is waited for, a callback until it is answered.
pub(crate) fn settle_stop(world: &mut World, index: u32, now: Timestamp) {
    let Some((_, live)) = live(world, index) else { return };
    let running: Vec<(usize, &'static str)> =
        live.running().filter_map(|(at, _)| Some((at, live.graph.nodes.get(at)?.kind))).collect();
    for (at, kind) in running {
        job::stop(world, index, at);
        let Some(slot) = slot_mut(world, index, at) else { continue };
        match kind {
            "Lambda" | "Condition" | "Fail" => {}
            "Callback" => slot.status = "Stopping",
            _ => {
                (slot.status, slot.fails) = ("Stopping", None);
                slot.due = slot.due.map(|due| due.min(now.plus(STOPPING)));
                slot.waits = false;
            }
        }
    }
    advance(world, index, now);
}

/// Somebody answers the callback that waits with this token: its execution, `None` when there is none.
pub(crate) fn tell(
    world: &mut World,
    token: &str,
    failure: Option<String>,
    outputs: Vec<(String, String)>,
) -> Option<u32> {
    let now = world.now;
    let (index, at) = world.pipelines.active.iter().find_map(|index| {
        let (_, live) = live(world, *index)?;
        live.running().find(|(_, slot)| slot.token.as_deref() == Some(token)).map(|(at, _)| (*index, at))
    })?;
    if let Some(slot) = slot_mut(world, index, at) {
        slot.body["OutputParameters"] = resolve::outputs(&outputs).0;
        (slot.fails, slot.outputs, slot.due) = (failure, outputs, Some(now));
    }
    advance(world, index, now);
    Some(index)
}
