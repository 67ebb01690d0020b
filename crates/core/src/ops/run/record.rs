//! The journal of a run: what waits for a record to be durable, what happens when none can be, and the one way back that goes
//! on all the same.

use super::{Effect, Level, Phase, Rule, Run, breaks, say};
use crate::{
    fault::Fault,
    ops::{
        intent::Bypass,
        journal::{self, Entry, Record},
    },
    time::Timestamp,
};

impl Run {
    pub(super) fn journal(&mut self, at: Timestamp, entry: Entry, out: &mut Vec<Effect>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let record = Record { v: journal::VERSION, op: self.plan.id(), seq, at, entry };
        journal::apply(&mut self.operation, &record);
        match (self.journal_dead, self.unrecorded) {
            (false, _) => {
                if self.leaves_out(Bypass::Journal) {
                    self.unwritten.push(record.clone());
                }
                out.push(Effect::Journal(record));
            }
            (true, true) => out.push(Effect::Unrecorded(record)),
            (true, false) => {}
        }
        seq
    }

    pub(super) fn journaled(&mut self, at: Timestamp, seq: u64, result: Result<(), Fault>, out: &mut Vec<Effect>) {
        let written = self.unwritten.iter().position(|record| record.seq == seq).map(|at| self.unwritten.remove(at));
        if let Err(fault) = result {
            out.extend(written.map(Effect::Unrecorded));
            self.journal_failed(at, &fault, out);
        }
        if self.abort.is_waiting_for(seq) {
            self.abort_recorded(out);
        }
        if self.gate != Some(seq) {
            return;
        }
        self.gate = None;
        match self.phase.clone() {
            Phase::Planning => self.begin_step(at, 0, 1, out),
            Phase::Intending { step, attempt } => self.intent_recorded(at, step, attempt, out),
            Phase::Ending(state) => self.end(state, out),
            _ => {}
        }
    }

    /// A journal that failed once is not written again: what it holds is what the next start will believe.
    fn journal_failed(&mut self, at: Timestamp, fault: &Fault, out: &mut Vec<Effect>) {
        if breaks(Rule::StopWithoutJournal) {
            return;
        }
        if self.journal_dead {
            return;
        }
        self.journal_dead = true;
        let stood = format!("the journal cannot be written ({})", fault.message);
        if self.leaves_out(Bypass::Journal) {
            return self.go_unrecorded(at, stood, out);
        }
        let why = format!("{stood}: nothing more is sent");
        if self.plan.intent.change.is_way_back() {
            let text = "a way back may go on without it: mldeck rollback --bypass journal --reason TEXT";
            say(Level::Warn, text, out);
        }
        let watch = if self.accepted { "; watching goes on" } else { "" };
        say(Level::Bad, format!("{why}{watch}"), out);
        self.no_writes = Some(why);
    }

    /// True for a way back whose operator said, with a reason, that it goes on without this.
    pub(super) fn leaves_out(&self, what: Bypass) -> bool {
        self.plan.intent.change.bypasses(what) && self.plan.reason.is_some()
    }

    /// From here on what would be in the journal is told elsewhere, from what it lacks on.
    fn go_unrecorded(&mut self, at: Timestamp, stood: String, out: &mut Vec<Effect>) {
        self.unrecorded = true;
        say(Level::Bad, format!("{stood}: going on without it, as you said. What it would have is told here"), out);
        let (by, reason) = (self.plan.by.clone(), self.plan.reason.clone().unwrap_or_default());
        self.journal(at, Entry::Bypassed { what: Bypass::Journal, by, reason, stood }, out);
    }

    /// True when nothing can be recorded, and so nothing sent.
    pub(super) const fn is_mute(&self) -> bool {
        self.journal_dead && !self.unrecorded
    }
}
