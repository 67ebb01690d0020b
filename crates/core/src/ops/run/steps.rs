//! Sending one step: intent first, then a last look, then the call, once.

use super::{Effect, Level, MOST_ATTEMPTS, MOST_READS, Phase, READ_TIMEOUT, Rule, Run, back_off, call_digest, say};
use crate::{
    ask::Sent,
    fault::{Fault, FaultKind},
    ops::{
        journal::Entry,
        plan::{Expected, Precondition, Step},
    },
    resource::{Endpoint, operation::OperationState},
    text::Text,
    time::{SECOND, Timestamp},
};

/// An optional step is tried this often.
const OPTIONAL_ATTEMPTS: u32 = 2;

impl Run {
    fn is_main(&self, step: usize) -> bool {
        self.plan.main_step() == Some(step)
    }

    fn step_at(&self, step: usize) -> Option<Step> {
        self.plan.steps.get(step).cloned()
    }

    pub(super) fn begin_step(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return self.begin_watch(at, out) };
        if let Some(why) = self.no_writes.clone() {
            return self.give_up_step(at, &next, &why, out);
        }
        self.phase = Phase::Intending { step, attempt };
        let operation = Text::new(next.call.operation());
        let entry = Entry::Intent { step, attempt, operation, call: call_digest(&next.call) };
        self.gate = Some(self.journal(at, entry, out));
        if self.breaks(Rule::JournalFirst) {
            self.gate = None;
            self.intent_recorded(at, step, attempt, out);
        }
    }

    /// The step will not be sent (again): an optional one is a warning, any other is the end.
    fn give_up_step(&mut self, at: Timestamp, step: &Step, why: &str, out: &mut Vec<Effect>) {
        if step.optional {
            say(Level::Warn, format!("{} was left out: {why}", step.call.operation()), out);
            self.begin_watch(at, out);
        } else {
            self.finish(at, OperationState::Refused, why, out);
        }
    }

    pub(super) fn intent_recorded(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return };
        if let Some(why) = self.no_writes.clone() {
            return self.give_up_step(at, &next, &why, out);
        }
        if next.precondition == Precondition::Unchanged && !self.breaks(Rule::ReadBeforeSend) {
            self.phase = Phase::Checking { step, attempt, tries: 0 };
            self.look(at, out);
        } else {
            self.send(at, step, attempt, out);
        }
    }

    fn send(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return };
        self.phase = Phase::Sending { step, attempt };
        self.sending = self.ticket();
        self.since = self.waited;
        out.push(Effect::Send { ticket: self.sending, call: next.call });
        self.wake_in(at, READ_TIMEOUT, out);
    }

    /// The last look before the call: as near to compare-and-set as AWS allows.
    pub(super) fn checked(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        tries: u32,
        result: Result<Box<Endpoint>, Fault>,
        out: &mut Vec<Effect>,
    ) {
        let endpoint = match result {
            Ok(endpoint) => endpoint,
            Err(fault) if tries + 1 >= MOST_READS => {
                let note = format!("it could not be read freshly ({}): nothing was sent", fault.kind.brief());
                return self.refuse_unsent(at, step, attempt, &note, out);
            }
            Err(_) => {
                self.phase = Phase::Checking { step, attempt, tries: tries + 1 };
                return self.wake_in(at, back_off(tries), out);
            }
        };
        let Some(details) = &endpoint.details else { return };
        let now = Expected::of(&endpoint, details);
        let differences = self.plan.expected.differences(&now, &self.plan.to.config);
        if !differences.is_empty() {
            let first = differences.first().map_or_else(String::new, |d| format!("{} is {} now", d.field, d.now));
            out.push(Effect::Stale(differences));
            let note = format!("it changed since the plan was made ({first}): nothing was sent");
            return self.refuse_unsent(at, step, attempt, &note, out);
        }
        match self.no_writes.clone() {
            Some(why) => self.refuse_unsent(at, step, attempt, &why, out),
            None => self.send(at, step, attempt, out),
        }
    }

    /// Ends with the intent answered: the call did not leave.
    pub(super) fn refuse_unsent(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        note: &str,
        out: &mut Vec<Effect>,
    ) {
        let sent = Sent::Refused(Fault::new(FaultKind::Refused, "checking before the call", note));
        self.journal(at, Entry::Outcome { step, attempt, sent }, out);
        self.finish(at, OperationState::Refused, note, out);
    }

    pub(super) fn sent(&mut self, at: Timestamp, ticket: u32, sent: Sent, out: &mut Vec<Effect>) {
        if self.abort.is_mine(ticket) {
            return Self::abort_answered(&sent, out);
        }
        let (step, attempt) = match self.phase {
            // An answer that comes after we stopped waiting for it still is the answer.
            Phase::Sending { step, attempt } => (step, attempt),
            Phase::Resolving { step, attempt, .. } if !matches!(sent, Sent::Unknown(_)) => (step, attempt),
            _ => return,
        };
        if ticket != self.sending {
            return;
        }
        let Some(done) = self.step_at(step) else { return };
        self.reading = None;
        self.journal(at, Entry::Outcome { step, attempt, sent: sent.clone() }, out);
        match sent {
            Sent::Applied { .. } => self.step_applied(at, step, out),
            Sent::Refused(fault) => self.step_refused(at, step, attempt, &done, &fault, out),
            Sent::Unknown(fault) if self.is_main(step) => self.lost(at, step, attempt, &fault, out),
            // Sending these twice is the same as once, so a lost answer is no riddle.
            Sent::Unknown(fault) => self.again_or_give_up(at, step, attempt, &done, &fault, out),
        }
    }

    pub(super) fn step_applied(&mut self, at: Timestamp, step: usize, out: &mut Vec<Effect>) {
        if self.is_main(step) {
            self.accepted = true;
            self.since = self.waited;
            self.saw_stage(at, super::Stage::Accepted, out);
            if self.abort.is_wanted() {
                return self.begin_watch(at, out);
            }
        } else if self.abort.is_wanted() && !self.accepted {
            return self.finish(at, OperationState::Refused, "stopped by you before the change was sent", out);
        }
        if self.resumed { self.begin_watch(at, out) } else { self.begin_step(at, step + 1, 1, out) }
    }

    fn step_refused(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        done: &Step,
        fault: &Fault,
        out: &mut Vec<Effect>,
    ) {
        if fault.kind == FaultKind::Throttled {
            return self.again_or_give_up(at, step, attempt, done, fault, out);
        }
        if self.is_main(step) && self.was_lost && fault.kind == FaultKind::Conflict {
            // Busy after a lost answer: perhaps with that very call.
            return self.lost(at, step, attempt, fault, out);
        }
        self.give_up_step(at, done, &fault.to_string(), out);
    }

    fn again_or_give_up(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        done: &Step,
        fault: &Fault,
        out: &mut Vec<Effect>,
    ) {
        let most = if done.optional { OPTIONAL_ATTEMPTS } else { MOST_ATTEMPTS };
        if self.abort.is_wanted() && !self.accepted {
            return self.finish(at, OperationState::Refused, "stopped by you before the change was sent", out);
        }
        if attempt >= most {
            return self.give_up_step(at, done, &fault.to_string(), out);
        }
        let asked = fault.retry_after.and_then(|millis| i64::try_from(millis).ok()).unwrap_or(0);
        let wait = back_off(attempt).max(asked.min(30 * SECOND));
        say(
            Level::Info,
            format!("{}: {}; again in {} s", done.call.operation(), fault.kind.brief(), wait / SECOND),
            out,
        );
        self.phase = Phase::Backoff { step, attempt: attempt + 1 };
        self.wake_in(at, wait, out);
    }

    fn lost(&mut self, at: Timestamp, step: usize, attempt: u32, fault: &Fault, out: &mut Vec<Effect>) {
        if self.breaks(Rule::ResolveUnknown) {
            self.phase = Phase::Backoff { step, attempt: attempt + 1 };
            return self.wake_in(at, back_off(attempt), out);
        }
        self.was_lost = true;
        let text =
            format!("the answer was lost ({}): it may have landed. Reading until that is known", fault.kind.brief());
        say(Level::Warn, text, out);
        self.since = self.waited;
        self.phase = Phase::Resolving { step, attempt, tries: 0 };
        self.wake_in(at, back_off(0), out);
    }
}
