//! Watching what was accepted until its end shows.

use super::{BLIND_POLL, Effect, Level, POLL, Phase, Run, Stage, say, stage_of};
use crate::{
    fault::Fault,
    ops::{
        journal::Entry,
        plan::{Basis, Expectation},
        rule::{Rule, breaks},
        target::Seen,
    },
    resource::operation::OperationState,
    time::{MINUTE, Timestamp},
};

/// Reads that say "no such endpoint" before it is believed.
const MOST_MISSING: u32 = 3;

impl Run {
    /// How long the main step's goal may take.
    pub(super) fn longest_watch(&self) -> i64 {
        self.plan.main_step().map_or(0, |step| step.deadline)
    }

    /// Until the next look: a deployment is followed closely, a job of many hours less and less.
    fn patience(&self) -> i64 {
        match self.plan.basis {
            Basis::Endpoint(_) => POLL,
            Basis::Thing(_) | Basis::Absent { .. } => ((self.waited - self.since) / 60).clamp(POLL, MINUTE),
        }
    }

    pub(super) fn begin_watch(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        self.phase = Phase::Watching;
        if matches!(self.plan.goal(), Some(Expectation::Answer | Expectation::Made { .. })) {
            return self.has_reached(at, OperationState::Done, "AWS accepted it", out);
        }
        if self.abort.is_wanted() && !self.abort.is_on() {
            self.begin_abort(at, out);
        }
        self.wake_in(at, POLL, out);
    }

    pub(super) fn start_resumed(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if let (Phase::Resolving { step, attempt, .. }, true) = (self.phase.clone(), breaks(Rule::ResumeByReading)) {
            self.no_writes = None;
            return self.begin_step(at, step, attempt + 1, out);
        }
        say(Level::Info, format!("resuming {}: {}", self.plan.title(), self.operation.note), out);
        self.since = self.waited;
        if matches!(self.plan.goal(), Some(Expectation::Answer | Expectation::Made { .. })) && self.accepted {
            return self.has_reached(at, OperationState::Done, "AWS accepted it", out);
        }
        self.look(at, out);
    }

    pub(super) fn saw(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if self.is_blind() {
            say(Level::Info, "AWS can be seen again".to_owned(), out);
            self.journal(at, Entry::Note { text: "AWS can be seen again".to_owned() }, out);
        }
        self.blind = 0;
    }

    /// A read failed: said once, not taken for a failure of the change.
    pub(super) fn is_unseen(&mut self, at: Timestamp, fault: &Fault, out: &mut Vec<Effect>) {
        self.blind += 1;
        if self.blind == 2 {
            let brake = match self.accepted {
                true if self.abort.can_trip(&self.plan) => "AWS goes on alone; its alarms are armed",
                true => "AWS goes on alone; no alarm is armed",
                false => "nothing more is sent until it can be seen",
            };
            let text = format!("AWS cannot be seen ({}): {brake}. {}", fault.kind.brief(), fault.remedy());
            say(Level::Warn, text.clone(), out);
            self.journal(at, Entry::Note { text }, out);
        }
    }

    pub(super) fn saw_stage(&mut self, at: Timestamp, stage: Stage, out: &mut Vec<Effect>) {
        if self.stages.last().is_none_or(|(last, _)| *last != stage) {
            self.stages.push((stage.clone(), at));
            say(Level::Info, stage.sentence(), out);
            self.journal(at, Entry::Observed { stage }, out);
        }
    }

    pub(super) fn watch(&mut self, at: Timestamp, result: Result<Seen, Fault>, out: &mut Vec<Effect>) {
        let seen = match result {
            Ok(seen) => seen,
            Err(_) if breaks(Rule::BlindHolds) && self.is_blind() => {
                return self.has_reached(at, OperationState::Done, "nothing speaks against it", out);
            }
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                self.abort_again(at, out);
                let wait = if self.abort.is_on() { POLL } else { BLIND_POLL };
                return self.wake_in(at, wait, out);
            }
        };
        self.saw(at, out);
        let goal_is_gone = matches!(self.plan.goal(), Some(Expectation::Gone));
        if seen == Seen::Gone && !goal_is_gone {
            self.missing += 1;
            if self.missing >= MOST_MISSING {
                return self.finish(at, OperationState::NeedsHuman, "it is gone", out);
            }
            return self.wake_in(at, POLL, out);
        }
        self.missing = 0;
        if let Seen::Endpoint(endpoint) = &seen
            && let Some(details) = &endpoint.details
            && let Some(stage) = stage_of(endpoint, details)
        {
            self.glance(at, endpoint, &stage, out);
            self.saw_stage(at, stage, out);
        }
        match self.judge(&seen) {
            Some((state, note)) => self.has_reached(at, state, &note, out),
            None if self.waited - self.since > self.longest_watch() => {
                self.finish(at, OperationState::NeedsHuman, "it takes longer than AWS ever should", out);
            }
            None => {
                self.abort_again(at, out);
                self.wake_in(at, self.patience(), out);
            }
        }
    }

    /// The watch is over: what follows a success is sent before the end.
    fn has_reached(&mut self, at: Timestamp, state: OperationState, note: &str, out: &mut Vec<Effect>) {
        if state != OperationState::Done {
            return self.finish(at, state, note, out);
        }
        self.reached = true;
        self.verdict = Some((state, note.to_owned()));
        self.go_on(at, self.plan.main, out);
    }
}
