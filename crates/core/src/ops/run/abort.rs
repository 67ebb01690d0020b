//! Stopping a deployment in flight. AWS has no cancel: a tripped alarm makes it take the change back, while it bakes.

use super::{Effect, Level, POLL, Phase, Run, Stage, say};
use crate::{
    ask::Sent,
    ops::{
        call::{self, Call},
        journal::Entry,
        plan::{Expectation, Plan},
        target::Kind,
    },
    resource::operation::OperationState,
    scope::Scope,
    text::Text,
    time::Timestamp,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Abort {
    by: Option<Text>,
    round: u32,
    /// The record of the round that is being written.
    gate: Option<u64>,
    tickets: Vec<u32>,
    last_round: i64,
    /// It bit, or it is too late.
    over: bool,
}

impl Abort {
    pub(super) const fn is_on(&self) -> bool {
        self.round > 0 && !self.over
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.by.is_some()
    }

    pub(super) fn is_waiting_for(&self, seq: u64) -> bool {
        self.gate == Some(seq)
    }

    pub(super) fn is_mine(&self, ticket: u32) -> bool {
        self.tickets.contains(&ticket)
    }

    /// A plan whose main step trips an alarm has begun with its first round.
    pub(super) fn begun(&mut self, by: Text, at: i64) {
        self.by.get_or_insert(by);
        (self.round, self.last_round) = (1, at);
    }

    pub(super) fn can_trip(&self, plan: &Plan) -> bool {
        let Some(endpoint) = braked(plan) else { return false };
        let alarm = call::abort_alarm(endpoint);
        takes_back(plan) || plan.steps.iter().any(|step| step.call.is_guarded_by(&alarm))
    }
}

/// The endpoint whose abort alarm stops what this plan deploys.
fn braked(plan: &Plan) -> Option<&Text> {
    match plan.target.kind {
        Kind::Endpoint => Some(&plan.target.id),
        Kind::Component => plan.intent.change.endpoint(),
        _ => None,
    }
}

/// Taking somebody's deployment back is what it is for.
fn takes_back(plan: &Plan) -> bool {
    matches!(plan.goal(), Some(Expectation::TakenBack { .. }))
}

impl Run {
    /// Before the call it is simply not sent; after it, the abort alarm is tripped.
    pub(super) fn ask_abort(&mut self, at: Timestamp, by: Text, out: &mut Vec<Effect>) {
        let main = Some(self.plan.main);
        if self.verdict.is_some() {
            return say(Level::Info, "it is ending; undo is another plan", out);
        }
        if takes_back(&self.plan) && self.accepted {
            return say(Level::Info, "the alarm is being tripped already", out);
        }
        self.abort.by.get_or_insert(by);
        let unsent = "stopped by you before the change was sent";
        match self.phase.clone() {
            Phase::New | Phase::Planning | Phase::Unsent => self.finish(at, OperationState::Refused, unsent, out),
            Phase::Locking { .. } if !self.accepted => self.finish(at, OperationState::Refused, unsent, out),
            Phase::Intending { step, attempt } | Phase::Checking { step, attempt, .. } if !self.accepted => {
                self.gate = None;
                self.reading = None;
                self.refuse_unsent(at, step, attempt, unsent, out);
            }
            Phase::Backoff { .. } | Phase::Proving { .. } if !self.accepted && !self.was_lost => {
                self.finish(at, OperationState::Refused, unsent, out);
            }
            Phase::Sending { step, .. } if !self.accepted && Some(step) != main => {
                say(Level::Info, "stopping after the call that is on its way", out);
            }
            Phase::Sending { .. } | Phase::Resolving { .. } | Phase::Backoff { .. } if !self.accepted => {
                say(Level::Warn, "it may be landing now: it will be aborted as soon as it shows", out);
            }
            Phase::Ending(_) | Phase::Ended(_) => say(Level::Info, "it has ended; undo is another plan", out),
            _ if self.abort.is_on() => say(Level::Info, "the abort alarm is being tripped already", out),
            _ => self.begin_abort(at, out),
        }
    }

    pub(super) fn begin_abort(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if !self.abort.can_trip(&self.plan) {
            self.abort.over = true;
            return say(Level::Bad, "it cannot be stopped: no alarm of ours guards it. Wait, then undo it", out);
        }
        if let Some((stage, _)) = self.stages.last()
            && !stage.is_stoppable()
        {
            let text = format!(
                "it cannot be stopped any more ({}); wait until it is InService, then undo it",
                stage.sentence()
            );
            self.abort.over = true;
            return say(Level::Bad, text, out);
        }
        self.abort.over = false;
        let when = match self.stages.last() {
            Some((Stage::Baking | Stage::ActivatingTraffic, _)) => "AWS takes it back within a minute or so",
            _ => "alarms count while it bakes, so this is repeated until then",
        };
        say(Level::Warn, format!("tripping the abort alarm: {when}"), out);
        self.abort_round(at, out);
    }

    fn abort_calls(&self) -> Vec<Call> {
        if takes_back(&self.plan) {
            return self.plan.steps.iter().map(|step| step.call.clone()).collect();
        }
        let who = self.abort.by.clone().unwrap_or_default();
        calls_to_abort(&self.plan, &who)
    }

    fn abort_round(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if self.is_mute() || self.has_lost_lock() {
            let region = self.plan.scope.region.clone();
            let lines =
                self.abort_calls().iter().map(|call| call.cli(region.as_str())).collect::<Vec<_>>().join(" && ");
            self.abort.over = true;
            let why = match self.is_mute() {
                true => "the journal cannot be written",
                false => "somebody else has the team lock",
            };
            return say(Level::Bad, format!("{why}, so nothing is sent. By hand: {lines}"), out);
        }
        self.abort.round += 1;
        self.abort.last_round = self.waited;
        let by = self.abort.by.clone().unwrap_or_default();
        let seq = self.journal(at, Entry::Abort { round: self.abort.round, by }, out);
        self.abort.gate = Some(seq);
    }

    pub(super) fn abort_recorded(&mut self, out: &mut Vec<Effect>) {
        self.abort.gate = None;
        if self.is_mute() || matches!(self.phase, Phase::Ended(_) | Phase::Ending(_)) {
            return;
        }
        self.abort.tickets.clear();
        for call in self.abort_calls() {
            let ticket = self.ticket();
            self.abort.tickets.push(ticket);
            out.push(Effect::Send { ticket, call, scope: None });
        }
    }

    pub(super) fn abort_answered(sent: &Sent, out: &mut Vec<Effect>) {
        match sent {
            Sent::Applied { .. } => {}
            Sent::Refused(fault) | Sent::Unknown(fault) => {
                say(Level::Warn, format!("abort: {fault}; it is repeated"), out);
            }
        }
    }

    /// Another round, until the deployment leaves the stage in which it can be stopped.
    pub(super) fn abort_again(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if !self.abort.is_on() {
            return;
        }
        let baked = self.stages.iter().rev().skip(1).take(1).any(|(stage, _)| *stage == Stage::Baking);
        let stoppable = self.stages.last().is_none_or(|(stage, _)| stage.is_stoppable());
        if !stoppable || baked {
            self.abort.over = true;
            return say(Level::Info, "the stage changed: the abort alarm is tripped no more", out);
        }
        if self.abort.gate.is_none() && self.waited - self.abort.last_round >= POLL {
            self.abort_round(at, out);
        }
    }
}

/// What a confirmation of this plan allows in the plan's own scope: its calls there, and those with which `by` may take its
/// deployment back.
pub fn allowed(plan: &Plan, by: &Text) -> Vec<Call> {
    let mut calls: Vec<Call> =
        plan.steps.iter().filter(|step| step.scope.is_none()).map(|step| step.call.clone()).collect();
    calls.extend(calls_to_abort(plan, by));
    calls
}

/// What it allows in another scope: the calls that are sent there, and nothing else.
pub fn allowed_elsewhere(plan: &Plan, scope: &Scope) -> Vec<Call> {
    plan.steps.iter().filter(|step| step.scope.as_ref() == Some(scope)).map(|step| step.call.clone()).collect()
}

/// What takes a deployment of ours back while it bakes.
fn calls_to_abort(plan: &Plan, by: &Text) -> Vec<Call> {
    let Some(endpoint) = braked(plan) else { return Vec::new() };
    let reason = format!("mldeck: {} aborts plan {}", by.raw(), plan.id());
    vec![
        // Holds for whole periods, also when the bake has not begun.
        call::put_abort_metric(endpoint),
        // At once, until the next evaluation.
        call::trip_alarm(&call::abort_alarm(endpoint), &reason),
    ]
}
