//! Sending one step: intent first, then a last look, then the call, once.

use super::{Effect, Level, MOST_ATTEMPTS, MOST_READS, Phase, READ_TIMEOUT, Run, back_off, say};
use crate::{
    ask::Sent,
    fault::{Fault, FaultKind},
    ops::{
        call::Repeat,
        journal::Entry,
        plan::{After, Basis, Expectation, Expected, Precondition, Step},
        rule::{Rule, breaks},
        target::Seen,
    },
    resource::operation::OperationState,
    text::Text,
    time::{SECOND, Timestamp},
};

/// An optional step is tried this often.
const OPTIONAL_ATTEMPTS: u32 = 2;
/// A new endpoint config may not be found for some seconds (SageMaker's documentation of CreateEndpointConfig).
const APPEARING: u32 = 4;

impl Run {
    pub(super) const fn is_main(&self, step: usize) -> bool {
        self.plan.main == step
    }

    pub(super) fn step_at(&self, step: usize) -> Option<Step> {
        self.plan.steps.get(step).cloned()
    }

    /// The step after this one, the watch, or the end.
    pub(super) fn go_on(&mut self, at: Timestamp, done: usize, out: &mut Vec<Effect>) {
        let rest = self.plan.steps.iter().enumerate().skip(done + 1);
        let next = rest.filter(|(_, step)| step.settles.is_none()).map(|(at, step)| (at, step.after)).next();
        match next {
            Some((step, After::Before)) => self.begin_step(at, step, 1, out),
            Some((step, After::Accepted)) if !self.resumed && !self.reached => self.begin_step(at, step, 1, out),
            Some((step, After::Reached)) if self.reached => self.begin_step(at, step, 1, out),
            _ if self.reached => self.end_reached(at, out),
            _ => self.begin_watch(at, out),
        }
    }

    pub(super) fn end_reached(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let (state, note) = self.verdict.clone().unwrap_or((OperationState::Done, String::new()));
        self.finish(at, state, &note, out);
    }

    pub(super) fn begin_step(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return self.begin_watch(at, out) };
        if let Some(why) = self.no_writes.clone() {
            return self.give_up_step(at, step, &next, &why, out);
        }
        if self.wants_lock(at) {
            return self.ask_lock(at, step, attempt, out);
        }
        self.phase = Phase::Intending { step, attempt };
        let operation = Text::new(next.call.operation());
        let entry =
            Entry::Intent { step, attempt, operation, call: super::call_digest(&next.call), scope: next.scope.clone() };
        self.gate = Some(self.journal(at, entry, out));
        if breaks(Rule::JournalFirst) {
            self.gate = None;
            self.intent_recorded(at, step, attempt, out);
        }
    }

    /// The step will not be sent (again): an optional one is a warning, any other is the end.
    pub(super) fn give_up_step(&mut self, at: Timestamp, index: usize, step: &Step, why: &str, out: &mut Vec<Effect>) {
        if step.settles.is_some() {
            return self.cannot_settle(at, index, step, why, out);
        }
        if step.optional || self.reached {
            say(Level::Warn, format!("{} was left out: {why}", step.call.operation()), out);
            self.go_on(at, index, out);
        } else {
            self.finish(at, OperationState::Refused, why, out);
        }
    }

    pub(super) fn intent_recorded(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return };
        if let Some(why) = self.no_writes.clone() {
            return self.give_up_step(at, step, &next, &why, out);
        }
        // A stale plan prepares nothing either.
        let first = step == 0 && attempt == 1;
        let looks = first || next.precondition == Precondition::Unchanged;
        if looks && !breaks(Rule::ReadBeforeSend) {
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
        if !self.landed.contains(&step) {
            self.landed.push(step);
        }
        out.push(Effect::Send { ticket: self.sending, call: next.call, scope: next.scope });
        self.wake_in(at, READ_TIMEOUT, out);
    }

    /// The last look before the call: as near to compare-and-set as AWS allows.
    pub(super) fn checked(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        tries: u32,
        result: Result<Seen, Fault>,
        out: &mut Vec<Effect>,
    ) {
        let seen = match result {
            Ok(seen) => seen,
            Err(fault) if tries + 1 >= MOST_READS => {
                let note = format!("it could not be read freshly ({}): nothing was sent", fault.kind.brief());
                return self.refuse_unsent(at, step, attempt, &note, out);
            }
            Err(_) => {
                self.phase = Phase::Checking { step, attempt, tries: tries + 1 };
                return self.wake_in(at, back_off(tries), out);
            }
        };
        // What had no name before the first attempt has it now: that one landed late.
        if attempt > 1
            && self.is_main(step)
            && matches!((&self.plan.basis, &seen), (Basis::Absent { .. }, Seen::Thing(_)))
        {
            return self.it_landed(at, step, attempt, out);
        }
        let differences = self.plan.basis.differences(&seen, &self.plan.to.config);
        if !differences.is_empty() {
            let first = differences.first().map_or_else(String::new, |d| format!("{} is {} now", d.field, d.now));
            out.push(Effect::Stale(differences));
            let sent = if self.landed.is_empty() { "nothing was sent" } else { "the change was not sent" };
            let note = format!("it changed since the plan was made ({first}): {sent}");
            return self.refuse_unsent(at, step, attempt, &note, out);
        }
        for flap in self.plan.basis.flaps(&seen) {
            say(Level::Info, format!("{}: {} now, {} when it was planned", flap.field, flap.now, flap.planned), out);
        }
        if let (Seen::Endpoint(endpoint), Basis::Endpoint(_)) = (&seen, &self.baseline)
            && let Some(details) = &endpoint.details
        {
            self.baseline = Basis::Endpoint(Expected::of(endpoint, details));
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
            Sent::Applied { made, .. } => self.step_made(at, step, &done, made.as_ref(), out),
            Sent::Refused(fault) => self.step_refused(at, step, attempt, &done, &fault, out),
            Sent::Unknown(fault) => self.step_lost(at, step, attempt, &done, &fault, out),
        }
    }

    /// What later steps speak of must be what was made.
    fn step_made(&mut self, at: Timestamp, step: usize, done: &Step, made: Option<&Text>, out: &mut Vec<Effect>) {
        match (&done.expect, made) {
            (Expectation::Made { arn }, Some(made)) if made != arn => {
                let note = format!(
                    "AWS made {made}, and the plan goes on with {arn}: somebody made one meanwhile. Plan again"
                );
                self.finish(at, OperationState::Refused, &note, out);
            }
            (Expectation::Made { .. }, None) => {
                let note = "AWS did not say what it made: look, and plan again";
                self.finish(at, OperationState::NeedsHuman, note, out);
            }
            _ => self.step_applied(at, step, out),
        }
    }

    /// Sending it again is the same as once, or AWS tells them apart, or the state has to be read.
    fn step_lost(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        done: &Step,
        fault: &Fault,
        out: &mut Vec<Effect>,
    ) {
        let watched =
            !matches!(done.expect, Expectation::Answer | Expectation::Made { .. } | Expectation::TakenBack { .. });
        match done.call.action.repeat() {
            Repeat::Never => self.lost(at, step, attempt, fault, out),
            Repeat::Same if self.is_main(step) && watched => self.lost(at, step, attempt, fault, out),
            Repeat::Named => self.prove(at, step, attempt, fault, out),
            // Nobody else looks at what changed in another account.
            Repeat::Token if done.scope.is_some() && done.proof().is_some() => {
                self.prove(at, step, attempt, fault, out);
            }
            Repeat::Same | Repeat::Token => {
                self.was_lost |= self.is_main(step);
                self.again_or_give_up(at, step, attempt, done, fault, out);
            }
        }
    }

    pub(super) fn step_applied(&mut self, at: Timestamp, step: usize, out: &mut Vec<Effect>) {
        if self.plan.steps.get(step).is_some_and(|done| done.settles.is_some()) {
            return self.has_settled(at, step, out);
        }
        if self.is_main(step) {
            self.accepted = true;
            self.since = self.waited;
            if matches!(self.plan.basis, Basis::Endpoint(_)) {
                self.saw_stage(at, super::Stage::Accepted, out);
            }
            if matches!(self.plan.goal(), Some(Expectation::TakenBack { .. })) {
                self.abort.begun(self.plan.by.clone(), self.waited);
            } else if self.abort.is_wanted() {
                return self.begin_watch(at, out);
            }
        } else if self.abort.is_wanted() && !self.accepted {
            return self.finish(at, OperationState::Refused, "stopped by you before the change was sent", out);
        }
        self.go_on(at, step, out);
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
        let token = done.call.action.repeat() == Repeat::Token;
        if self.is_main(step) && self.was_lost && (fault.kind == FaultKind::Conflict || token) {
            // Busy, or refused, after a lost answer: perhaps by that very call.
            return self.lost(at, step, attempt, fault, out);
        }
        if done.call.action.repeat() == Repeat::Named && !matches!(fault.kind, FaultKind::Denied { .. }) {
            // Its name holds this plan's id: if it is there, it is ours.
            return self.prove(at, step, attempt, fault, out);
        }
        let appearing = self.is_main(step) && step > 0 && fault.message.as_str().contains("ould not find");
        if appearing && attempt < APPEARING {
            return self.again_or_give_up(at, step, attempt, done, fault, out);
        }
        if !self.was_lost {
            self.landed.retain(|landed| *landed != step);
        }
        self.give_up_step(at, step, done, &fault.to_string(), out);
    }

    pub(super) fn again_or_give_up(
        &mut self,
        at: Timestamp,
        step: usize,
        attempt: u32,
        done: &Step,
        fault: &Fault,
        out: &mut Vec<Effect>,
    ) {
        let most = if done.optional { OPTIONAL_ATTEMPTS } else { MOST_ATTEMPTS };
        if self.is_main(step) && self.was_lost && (attempt >= most || self.abort.is_wanted()) {
            return self.lost(at, step, attempt, fault, out);
        }
        if self.abort.is_wanted() && !self.accepted && done.settles.is_none() {
            return self.finish(at, OperationState::Refused, "stopped by you before the change was sent", out);
        }
        if attempt >= most {
            return self.give_up_step(at, step, done, &fault.to_string(), out);
        }
        let asked = fault.retry_after.and_then(|millis| i64::try_from(millis).ok()).unwrap_or(0);
        let wait = if breaks(Rule::ThrottleWaits) { 0 } else { back_off(attempt).max(asked.min(30 * SECOND)) };
        say(
            Level::Info,
            format!("{}: {}; again in {} s", done.call.operation(), fault.kind.brief(), wait / SECOND),
            out,
        );
        self.phase = Phase::Backoff { step, attempt: attempt + 1 };
        self.wake_in(at, wait, out);
    }

    fn lost(&mut self, at: Timestamp, step: usize, attempt: u32, fault: &Fault, out: &mut Vec<Effect>) {
        if breaks(Rule::ResolveUnknown) {
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
