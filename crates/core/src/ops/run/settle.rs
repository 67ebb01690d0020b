//! What must be taken back however a run ends: autoscaling that was suspended for a change is switched on again.

use super::{Effect, Level, Phase, Run, say};
use crate::{
    ops::{journal::Entry, plan::Step},
    resource::operation::OperationState,
    text::Text,
    time::Timestamp,
};

impl Run {
    /// The next step that takes back what landed, or may have landed.
    fn owed(&self) -> Option<usize> {
        let settles = |(at, step): (usize, &Step)| {
            let of = step.settles?;
            (self.landed.contains(&of) && !self.settled.contains(&at)).then_some(at)
        };
        self.plan.steps.iter().enumerate().find_map(settles)
    }

    pub(super) fn owes(&self) -> bool {
        self.owed().is_some()
    }

    /// AWS CLI lines of what is still owed: for a person who does it by hand.
    pub fn debts(&self) -> Vec<String> {
        let owed = |(at, step): (usize, &Step)| {
            let of = step.settles?;
            (self.landed.contains(&of) && !self.settled.contains(&at)).then(|| self.plan.line(step))
        };
        self.plan.steps.iter().enumerate().filter_map(owed).collect()
    }

    pub(super) fn settle_first(&mut self, at: Timestamp, state: OperationState, note: &str, out: &mut Vec<Effect>) {
        self.verdict = Some((state, note.to_owned()));
        let Some(step) = self.owed() else { return self.conclude(at, state, note, out) };
        if self.resumed && self.no_writes.is_some() {
            self.phase = Phase::Owing(state);
            self.operation.note = Text::new("it owes what it took away: T restores it, S leaves it alone");
            let line = self.debts().join(" && ");
            return say(
                Level::Bad,
                format!("{}: {note}. It still owes what it took away; T sends it, or by hand: {line}", state.word()),
                out,
            );
        }
        self.begin_step(at, step, 1, out);
    }

    pub(super) fn has_settled(&mut self, at: Timestamp, step: usize, out: &mut Vec<Effect>) {
        self.settled.push(step);
        let (state, note) = self.verdict.clone().unwrap_or((OperationState::Done, String::new()));
        self.finish(at, state, &note, out);
    }

    pub(super) fn cannot_settle(&mut self, at: Timestamp, index: usize, step: &Step, why: &str, out: &mut Vec<Effect>) {
        let line = self.plan.line(step);
        let (state, note) = self.verdict.clone().unwrap_or((OperationState::Done, String::new()));
        self.settled.push(index);
        let note = format!("{} ({note}); and what was taken away is not restored ({why}): {line}", state.word());
        self.verdict = Some((OperationState::NeedsHuman, note.clone()));
        self.finish(at, OperationState::NeedsHuman, &note, out);
    }

    /// A person lets a resumed run send what it owes, and nothing else.
    pub(super) fn let_settle(&mut self, at: Timestamp, by: &Text, out: &mut Vec<Effect>) {
        let Phase::Owing(state) = self.phase else {
            return say(Level::Info, "nothing is owed", out);
        };
        if self.is_mute() {
            return say(Level::Bad, "the journal cannot be written: do it by hand", out);
        }
        self.no_writes = None;
        self.journal(at, Entry::Note { text: format!("{by} lets it restore what it took away") }, out);
        let note = self.verdict.clone().map(|(_, note)| note).unwrap_or_default();
        self.settle_first(at, state, &note, out);
    }

    /// A person leaves it alone: AWS goes on without us, and nothing more is sent or watched.
    pub(super) fn abandon(&mut self, at: Timestamp, by: &Text, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Ended(_) | Phase::Ending(_) | Phase::New) {
            return say(Level::Info, "it has ended", out);
        }
        if matches!(self.phase, Phase::Verifying) {
            let why = format!("{by} watches it no more");
            return self.leave_unjudged(at, OperationState::Done, &why, out);
        }
        let debts = self.debts();
        let owed = if debts.is_empty() { String::new() } else { format!("; still owed: {}", debts.join(" && ")) };
        self.reading = None;
        let note = format!("left alone by {by}: AWS goes on by itself{owed}");
        self.conclude(at, OperationState::Abandoned, &note, out);
    }
}
