//! Waiting, and looking at the endpoint: what counts as time that passed, and what as an answer that is fresh.

use super::{Effect, LONGEST_STEP, Phase, READ_TIMEOUT, Reading, Run, SEND_TIMEOUT};
use crate::{
    ask::{Answer, Ask, Sent},
    fault::{Fault, FaultKind},
    ops::{
        guard::FRESH,
        rule::{Rule, breaks},
        target::Seen,
    },
    time::{SECOND, Timestamp},
};

impl Run {
    pub(super) fn tick(&mut self, at: Timestamp) {
        if let Some(last) = self.last_at {
            let passed = at.since(last);
            let longest = if breaks(Rule::TimeThatPassed) { passed } else { LONGEST_STEP };
            self.waited += passed.clamp(0, longest.max(0));
            self.setbacks += u32::from(at < last);
        }
        self.last_at = Some(at);
    }

    pub(super) fn wake_in(&mut self, at: Timestamp, millis: i64, out: &mut Vec<Effect>) {
        self.due = self.waited + millis;
        out.push(Effect::WakeAt(at.plus(millis)));
    }

    pub(super) fn wake(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Ended(_) | Phase::Ending(_) | Phase::Owing(_) | Phase::New) {
            return;
        }
        if self.waited < self.due {
            let left = (self.due - self.waited).clamp(SECOND, LONGEST_STEP);
            out.push(Effect::WakeAt(at.plus(left)));
            return;
        }
        if self.is_verifying() && self.checkup.is_silent() {
            let fault = Fault::new(FaultKind::Timeout, "reading what its calls say", "");
            return self.measured(at, Err(fault), out);
        }
        if self.reading.take().is_some() {
            let fault = Fault::new(FaultKind::Timeout, "reading the endpoint", "");
            return self.looked(at, Err(fault), out);
        }
        match self.phase.clone() {
            Phase::Checking { .. }
            | Phase::Resolving { .. }
            | Phase::Proving { .. }
            | Phase::Watching
            | Phase::Verifying => self.look(at, out),
            Phase::Locking { .. } => self.lock_is_silent(at, out),
            Phase::Backoff { step, attempt } => self.begin_step(at, step, attempt, out),
            Phase::Sending { .. } => {
                if self.waited - self.since >= SEND_TIMEOUT {
                    let fault = Fault::new(FaultKind::Timeout, "waiting for the answer", "");
                    let ticket = self.sending;
                    self.sent(at, ticket, Sent::Unknown(fault), out);
                } else {
                    self.wake_in(at, READ_TIMEOUT, out);
                }
            }
            _ => {}
        }
    }

    pub(super) fn look_now(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let looks = matches!(
            self.phase,
            Phase::Checking { .. }
                | Phase::Resolving { .. }
                | Phase::Proving { .. }
                | Phase::Watching
                | Phase::Verifying
        );
        if looks && self.blind > 0 && self.reading.is_none() {
            self.look(at, out);
        }
    }

    pub(super) fn look(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let ticket = self.ticket();
        self.reading = Some(Reading { ticket, asked: self.waited, setbacks: self.setbacks });
        let (target, scope) = self.eye();
        out.push(Effect::Read { ticket, ask: Ask::Target(target), scope });
        self.wake_in(at, READ_TIMEOUT, out);
    }

    pub(super) fn read(&mut self, at: Timestamp, ticket: u32, result: Result<Answer, Fault>, out: &mut Vec<Effect>) {
        if self.checkup.is_awaiting(ticket) {
            return self.measured(at, result, out);
        }
        let Some(reading) = self.reading.take_if(|awaited| awaited.ticket == ticket) else { return };
        // An answer that was long on its way tells the past.
        let slow = self.waited - reading.asked > FRESH || self.setbacks != reading.setbacks;
        let stale = slow && !breaks(Rule::FreshEyes) && matches!(self.phase, Phase::Checking { .. });
        let result = match result.and_then(seen) {
            Ok(_) if stale => Err(Fault::new(FaultKind::Timeout, "reading the endpoint", "the answer came too late")),
            Ok(Seen::Endpoint(endpoint)) if endpoint.details.is_none() => {
                Err(Fault::new(FaultKind::Unreadable, "reading the endpoint", "its details are missing"))
            }
            other => other,
        };
        self.looked(at, result, out);
    }

    fn looked(&mut self, at: Timestamp, result: Result<Seen, Fault>, out: &mut Vec<Effect>) {
        match self.phase.clone() {
            Phase::Checking { step, attempt, tries } => self.checked(at, step, attempt, tries, result, out),
            Phase::Resolving { step, attempt, tries } => self.resolve(at, step, attempt, tries, result, out),
            Phase::Proving { step, attempt, tries } => self.proved(at, step, attempt, tries, result, out),
            Phase::Watching => self.watch(at, result, out),
            Phase::Verifying => self.verify(at, result, out),
            _ => {}
        }
    }
}

fn seen(answer: Answer) -> Result<Seen, Fault> {
    match answer {
        Answer::Seen(seen) => Ok(seen),
        _ => Err(Fault::new(FaultKind::Bug, "looking at it", "it answers another question")),
    }
}
