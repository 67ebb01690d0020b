//! What a change is worth: once it is in service its calls and alarms are looked at, minute by minute, until they tell. Nothing
//! is sent any more, no lock is held, and another change may begin: then this one is judged no further.

use super::{Effect, Level, POLL, Phase, READ_TIMEOUT, Run, Stage, say};
use crate::{
    ask::{Answer, Ask},
    fault::{Fault, FaultKind},
    ops::{
        journal::Entry,
        measure::{self, Around, BEFORE, Judged, PATIENCE, Stretch, Verdict, Verify},
        rule::{Rule, breaks},
        target::Seen,
    },
    resource::{Endpoint, operation::OperationState},
    text::Text,
    time::{MINUTE, SECOND, Timestamp},
};

/// Metrics come late, and reads fail: so much longer than the numbers need is waited for them.
const SPARE: i64 = 5 * MINUTE;
/// Looks that show something else before it is believed.
const MOST_DOUBTS: u32 = 3;

/// What is known of the calls so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkup {
    /// The question that is awaited.
    asked: Option<u32>,
    /// When it was asked last, in `waited`.
    last: Option<i64>,
    /// Since when everything is answered by what is new.
    from: Option<Timestamp>,
    judged: Option<Judged>,
    /// When it was as asked, and that was written down.
    reached: Option<Timestamp>,
    /// Looks in a row that did not show what was asked for: the first may be late.
    doubts: u32,
    over: bool,
}

impl Checkup {
    pub(super) fn is_awaiting(&self, ticket: u32) -> bool {
        self.asked == Some(ticket)
    }

    /// Something was asked, and nobody answered yet.
    pub(super) const fn is_silent(&self) -> bool {
        self.asked.is_some()
    }
}

impl Run {
    /// True while nothing of it is under way and only its calls are looked at.
    pub const fn is_verifying(&self) -> bool {
        matches!(self.phase, Phase::Verifying)
    }

    /// What its calls say so far.
    pub const fn judged(&self) -> Option<&Judged> {
        self.checkup.judged.as_ref()
    }

    pub(super) const fn wants_verdict(&self) -> bool {
        self.reached && !self.checkup.over && self.plan.verify.is_some()
    }

    pub(super) fn begin_verify(&mut self, at: Timestamp, note: &str, out: &mut Vec<Effect>) {
        self.give_lock_back(out);
        self.verdict = Some((OperationState::Done, note.to_owned()));
        self.phase = Phase::Verifying;
        self.since = self.waited;
        self.checkup.asked = None;
        self.checkup.judged = None;
        let deleting = self.stages.iter().find(|(stage, _)| *stage == Stage::Deleting);
        let from = deleting.map(|(_, since)| *since).or(self.checkup.reached).unwrap_or(at);
        self.checkup.from = Some(from);
        let text = format!("{note}; now its calls tell what it is worth, for up to {} minutes", PATIENCE / MINUTE);
        say(Level::Info, text, out);
        if self.checkup.reached.is_none() {
            self.checkup.reached = Some(at);
            self.journal(at, Entry::Reached { note: note.to_owned() }, out);
        }
        let wait = measure::first_look(from).since(at).clamp(SECOND, MINUTE);
        self.wake_in(at, wait, out);
    }

    /// An earlier process saw it reached.
    pub(super) fn was_reached(&mut self, at: Timestamp) {
        self.checkup.reached = Some(at);
    }

    /// It ends as soon as it is as asked.
    #[must_use]
    pub const fn without_verdict(mut self) -> Self {
        self.checkup.over = true;
        self
    }

    /// In service as asked, or not any more; while it is, the next question is about its calls.
    pub(super) fn verify(&mut self, at: Timestamp, result: Result<Seen, Fault>, out: &mut Vec<Effect>) {
        let seen = match result {
            Ok(seen) => seen,
            Err(_) if breaks(Rule::BlindHolds) => {
                return self.leave_unjudged(at, OperationState::Done, "nothing speaks against it", out);
            }
            Err(fault) => {
                self.is_unseen(at, &fault, out);
                return self.again_or_conclude(at, Judged::unread(&fault), out);
            }
        };
        self.saw(at, out);
        let end = self.judge(&seen);
        if let (Some((OperationState::Done, _)), Seen::Endpoint(endpoint)) = (&end, &seen) {
            self.checkup.doubts = 0;
            if !self.measure(at, endpoint, out) {
                let why = "CloudWatch has no whole minute of its calls yet".to_owned();
                let judged = Judged { verdict: Verdict::Inconclusive, why, measured: None };
                self.again_or_conclude(at, judged, out);
            }
            return;
        }
        self.checkup.doubts += 1;
        if self.checkup.doubts < MOST_DOUBTS {
            return self.wake_in(at, POLL, out);
        }
        let why = match (end, &seen) {
            (_, Seen::Gone) => "it is gone".to_owned(),
            (Some((_, other)), _) => other,
            (None, _) => "somebody changes it".to_owned(),
        };
        self.leave_unjudged(at, OperationState::Superseded, &why, out);
    }

    /// While it still deploys: a share of the calls is answered by what is new, and a bad sign is worth saying. Where the time
    /// before was the trouble, the old fleet's calls tell nothing.
    pub(super) fn glance(&mut self, at: Timestamp, endpoint: &Endpoint, stage: &Stage, out: &mut Vec<Effect>) {
        let moves = matches!(stage, Stage::ActivatingTraffic | Stage::Baking | Stage::Deleting);
        let judges = self.plan.verify.as_ref().is_some_and(|verify| !verify.recovers);
        let lately = self.checkup.last.is_some_and(|last| self.waited - last < MINUTE);
        if moves && judges && !lately {
            self.checkup.from.get_or_insert(at);
            self.measure(at, endpoint, out);
        }
    }

    /// Asks for the numbers; false when there is no whole minute of them yet.
    fn measure(&mut self, at: Timestamp, endpoint: &Endpoint, out: &mut Vec<Effect>) -> bool {
        let (Some(verify), Some(from)) = (self.plan.verify.clone(), self.checkup.from) else { return false };
        // A clock that went back must not make the time before it unreachable.
        let from = from.min(at);
        self.checkup.from = Some(from);
        let (from, to) = measure::stretch_after(from, at);
        if from >= to {
            return false;
        }
        let ticket = self.ticket();
        (self.checkup.asked, self.checkup.last) = (Some(ticket), Some(self.waited));
        let ask = Ask::Measure(self.around(verify, endpoint, from, to));
        out.push(Effect::Read { ticket, ask, scope: None });
        if self.is_verifying() {
            self.wake_in(at, READ_TIMEOUT, out);
        }
        true
    }

    fn around(&self, verify: Verify, endpoint: &Endpoint, from: Timestamp, to: Timestamp) -> Around {
        let then = self.plan.basis.endpoint().map(|expected| expected.variants.as_slice()).unwrap_or_default();
        let now = endpoint.details.as_ref().map(|details| details.variants.as_slice()).unwrap_or_default();
        let began = self.stages.first().map_or(self.operation.started, |(_, since)| *since).floor(MINUTE);
        let names = |names: &mut dyn Iterator<Item = &Text>| names.cloned().collect();
        Around {
            endpoint: verify.endpoint,
            before: Stretch {
                variants: names(&mut then.iter().map(|variant| &variant.name)),
                from: began.plus(-BEFORE),
                to: began,
            },
            after: Stretch { variants: names(&mut now.iter().map(|variant| &variant.name)), from, to },
            alarms: verify.alarms,
        }
    }

    /// The answer of the numbers, or none.
    pub(super) fn measured(&mut self, at: Timestamp, result: Result<Answer, Fault>, out: &mut Vec<Effect>) {
        let Some(verify) = self.plan.verify.clone() else { return };
        let result = result.and_then(|answer| match answer {
            Answer::Measured(measured) => Ok(*measured),
            _ => Err(Fault::new(FaultKind::Bug, "reading what its calls say", "it answers another question")),
        });
        self.checkup.asked = None;
        if !self.is_verifying() {
            return self.glanced(at, result, &verify, out);
        }
        let judged = match result {
            Ok(measured) => {
                let held = measured.is_full() || self.is_late();
                measure::judge(measured, &verify, held)
            }
            Err(fault) if matches!(fault.kind, FaultKind::Denied { .. }) => {
                return self.conclude_judged(at, Judged::unread(&fault), out);
            }
            Err(fault) => Judged::unread(&fault),
        };
        self.again_or_conclude(at, judged, out);
    }

    fn glanced(
        &mut self,
        at: Timestamp,
        result: Result<measure::Measured, Fault>,
        verify: &Verify,
        out: &mut Vec<Effect>,
    ) {
        let Ok(measured) = result else { return };
        let judged = measure::judge(measured, verify, true);
        let was_bad = self.checkup.judged.as_ref().is_some_and(|judged| judged.verdict == Verdict::Bad);
        if judged.verdict == Verdict::Bad && !was_bad && self.accepted {
            let text = format!("while it deploys: {}. B takes it back", judged.why);
            say(Level::Bad, text.clone(), out);
            self.journal(at, Entry::Note { text }, out);
        }
        self.checkup.judged = Some(judged);
    }

    /// All the minutes that may be waited for numbers are over.
    const fn is_late(&self) -> bool {
        self.waited - self.since >= PATIENCE + SPARE
    }

    fn again_or_conclude(&mut self, at: Timestamp, judged: Judged, out: &mut Vec<Effect>) {
        let full = judged.measured.as_ref().is_some_and(measure::Measured::is_full);
        if judged.verdict == Verdict::Good || full || self.is_late() {
            return self.conclude_judged(at, judged, out);
        }
        let before = self.checkup.judged.as_ref().map(|judged| judged.verdict);
        if judged.verdict == Verdict::Bad && before != Some(Verdict::Bad) {
            say(Level::Bad, format!("{}. B on the endpoint plans the way back", judged.sentence()), out);
        }
        self.checkup.judged = Some(judged);
        self.wake_in(at, MINUTE, out);
    }

    /// What is in service and bad is for a person to decide; what nobody can tell is in service, and is said to be unknown.
    fn conclude_judged(&mut self, at: Timestamp, judged: Judged, out: &mut Vec<Effect>) {
        self.checkup.over = true;
        let note = self.verdict.clone().map(|(_, note)| note).unwrap_or_default();
        let state = match judged.verdict {
            Verdict::Bad => OperationState::NeedsHuman,
            Verdict::Good | Verdict::Inconclusive => OperationState::Done,
        };
        let note = format!("{note}; {}", judged.sentence());
        self.journal(at, Entry::Judged { judged: Box::new(judged.clone()) }, out);
        self.checkup.judged = Some(judged);
        self.conclude(at, state, &note, out);
    }

    /// It was in service; what it is worth is not known, because of this.
    pub(super) fn leave_unjudged(&mut self, at: Timestamp, state: OperationState, why: &str, out: &mut Vec<Effect>) {
        self.checkup.over = true;
        self.reading = None;
        let note = self.verdict.clone().map(|(_, note)| note).unwrap_or_default();
        self.conclude(at, state, &format!("{note}; not judged: {why}"), out);
    }
}
