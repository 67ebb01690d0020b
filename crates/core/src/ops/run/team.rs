//! The lock that hosts share: taken before the first call of an operation, renewed while it runs, given back at its end. A
//! run without a team has none of this.

use super::{Effect, Level, Phase, Run, say};
use crate::{
    fault::{Fault, FaultKind},
    ops::{
        intent::{Bypass, Class},
        journal::Entry,
        team::{self, Lock, May, Owner, RENEW, Verdict, Want, may_go},
    },
    time::{SECOND, Timestamp},
};

/// An answer about the lock that takes longer is none.
const PATIENCE: i64 = 30 * SECOND;

#[derive(Clone, Debug)]
pub(super) struct Team {
    owner: Owner,
    state: State,
    /// The question that is awaited.
    asked: Option<u32>,
    /// When it was asked last, in `waited`.
    last: i64,
    /// That it ran out was said.
    lapsed: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// Nobody asked yet.
    Unasked,
    Held(Box<Lock>),
    /// It goes on without: the table cannot be reached, or the operator said so.
    Without,
    /// Somebody else has it now.
    Lost,
}

impl Run {
    /// With a lock and a ledger that several hosts share; `owner` is this process.
    #[must_use]
    pub fn with_team(mut self, owner: Owner) -> Self {
        self.team = Some(Team { owner, state: State::Unasked, asked: None, last: 0, lapsed: false });
        self
    }

    /// The lock as it is held.
    pub fn lock(&self) -> Option<&Lock> {
        match &self.team.as_ref()?.state {
            State::Held(lock) => Some(lock),
            _ => None,
        }
    }

    /// True when the lock has to be taken, or taken again, before another call leaves.
    pub(super) fn wants_lock(&self, at: Timestamp) -> bool {
        self.team.as_ref().is_some_and(|team| match &team.state {
            State::Unasked => true,
            State::Held(lock) => at >= lock.expires,
            State::Without | State::Lost => false,
        })
    }

    /// Somebody else took it: what is ours to stop is not ours any more.
    pub(super) fn has_lost_lock(&self) -> bool {
        self.team.as_ref().is_some_and(|team| matches!(team.state, State::Lost))
    }

    pub(super) fn ask_lock(&mut self, at: Timestamp, step: usize, attempt: u32, out: &mut Vec<Effect>) {
        self.phase = Phase::Locking { step, attempt };
        self.since = self.waited;
        let want = match self.lock().cloned() {
            Some(lock) => Some(Want::Renew(lock)),
            None => self.wanted(at),
        };
        self.ask(want, out);
        self.wake_in(at, PATIENCE, out);
    }

    /// A roll back whose operator gave a reason takes it from whoever has it: that one then stops.
    fn wanted(&self, at: Timestamp) -> Option<Want> {
        let mut lock = Lock::wanted(&self.plan, &self.team.as_ref()?.owner, at);
        if self.leaves_out(Bypass::Lock) {
            lock.reason.clone_from(&self.plan.reason);
            return Some(Want::Force(lock));
        }
        Some(Want::Take(lock))
    }

    fn ask(&mut self, want: Option<Want>, out: &mut Vec<Effect>) {
        let ticket = self.ticket();
        if let (Some(team), Some(want)) = (&mut self.team, want) {
            team.asked = Some(ticket);
            team.last = self.waited;
            out.push(Effect::Lock { ticket, want });
        }
    }

    /// Renews what is held, and asks again for what could not be had.
    pub(super) fn keep_lock(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let Some(team) = &self.team else { return };
        let idle = matches!(
            self.phase,
            Phase::New
                | Phase::Planning
                | Phase::Locking { .. }
                | Phase::Verifying
                | Phase::Ending(_)
                | Phase::Ended(_)
        );
        let awaited = team.asked.is_some() && self.waited - team.last < PATIENCE;
        if idle || awaited || self.waited - team.last < RENEW {
            return;
        }
        let want = match &team.state {
            State::Held(lock) => Some(Want::Renew((**lock).clone())),
            State::Without if self.plan.class != Class::Prod => self.wanted(at),
            _ => return,
        };
        self.ask(want, out);
    }

    pub(super) fn locked(&mut self, at: Timestamp, ticket: u32, verdict: Verdict, out: &mut Vec<Effect>) {
        let Some(team) = &mut self.team else { return };
        if team.asked != Some(ticket) {
            // It came too late: what it took is given back.
            let held = matches!(team.state, State::Held(_));
            if let (Verdict::Held(lock), false) = (verdict, held) {
                let ticket = self.ticket();
                out.push(Effect::Lock { ticket, want: Want::Free(lock) });
            }
            return;
        }
        team.asked = None;
        match self.phase.clone() {
            Phase::Locking { step, attempt } => self.lock_answered(at, step, attempt, &verdict, out),
            Phase::Verifying | Phase::Ended(_) => {
                if let Verdict::Held(lock) = verdict {
                    let ticket = self.ticket();
                    out.push(Effect::Lock { ticket, want: Want::Free(lock) });
                }
            }
            _ => self.lock_renewed(at, verdict, out),
        }
    }

    fn lock_answered(&mut self, at: Timestamp, step: usize, attempt: u32, verdict: &Verdict, out: &mut Vec<Effect>) {
        let may = may_go(verdict, &self.plan);
        let state = match verdict {
            Verdict::Held(lock) => State::Held(Box::new(lock.clone())),
            Verdict::Other(_) if matches!(may, May::Refused(_)) => State::Lost,
            _ => State::Without,
        };
        let first = !matches!(self.team.as_ref().map(|team| &team.state), Some(State::Held(_)));
        if let Some(team) = &mut self.team {
            team.state = state;
        }
        match may {
            May::Go => {
                if first && let Verdict::Held(lock) = verdict {
                    let by_force = lock.reason.as_ref().map(|reason| format!(", whoever held it: {reason}"));
                    let text = format!("the team lock is taken, epoch {}{}", lock.epoch, by_force.unwrap_or_default());
                    self.note(at, Level::Info, text, out);
                }
            }
            May::Warned(stood) => self.note(at, Level::Warn, format!("{stood}: going on without it"), out),
            May::Bypassed(stood) => {
                say(Level::Bad, format!("{stood}: going on without it, as you said"), out);
                let (by, reason) = (self.plan.by.clone(), self.plan.reason.clone().unwrap_or_default());
                self.journal(at, Entry::Bypassed { what: Bypass::Lock, by, reason, stood }, out);
            }
            May::Refused(stood) => return self.refuse_unlocked(at, step, &stood, out),
        }
        self.begin_step(at, step, attempt, out);
    }

    /// The end of it, or of what is left to do; it ends with the lines by which a person goes on.
    fn refuse_unlocked(&mut self, at: Timestamp, step: usize, stood: &str, out: &mut Vec<Effect>) {
        let Some(next) = self.step_at(step) else { return self.begin_watch(at, out) };
        if self.plan.intent.change.is_way_back() {
            say(Level::Warn, "F8, or --bypass lock with a reason, plans a way back that goes on without it", out);
        }
        let sent = if self.landed.is_empty() { "nothing was sent" } else { "nothing more is sent" };
        let why = format!("{stood}: {sent}");
        self.no_writes = Some(why.clone());
        let lines = self.plan.cli().join(" && ");
        self.give_up_step(at, step, &next, &format!("{why}. By hand: {lines}"), out);
    }

    fn lock_renewed(&mut self, at: Timestamp, verdict: Verdict, out: &mut Vec<Effect>) {
        let held = self.lock().cloned();
        match (verdict, held) {
            (Verdict::Held(lock), before) => {
                if before.is_none() {
                    self.note(at, Level::Info, format!("the team lock is taken, epoch {}", lock.epoch), out);
                }
                self.set_lock(State::Held(Box::new(lock)));
                if let Some(team) = &mut self.team {
                    team.lapsed = false;
                }
            }
            (Verdict::Other(lock), _) => self.lose_lock(at, &lock.told(), out),
            (Verdict::Free, Some(_)) => self.lose_lock(at, "somebody who gave it back", out),
            (Verdict::Unreachable(fault), Some(lock)) if at >= lock.expires => {
                let said = self.team.as_mut().is_some_and(|team| std::mem::replace(&mut team.lapsed, true));
                if !said {
                    let text = format!("the team lock ran out and cannot be renewed ({})", team::brief(&fault));
                    self.note(at, Level::Warn, text, out);
                }
            }
            (Verdict::Unreachable(_) | Verdict::Free, _) => {}
        }
    }

    /// No further call of ours; what AWS does goes on, and is watched.
    fn lose_lock(&mut self, at: Timestamp, to: &str, out: &mut Vec<Effect>) {
        let text = format!("the team lock was lost to {to}: nothing more is sent");
        self.note(at, Level::Bad, text.clone(), out);
        self.set_lock(State::Lost);
        self.no_writes = Some(text);
    }

    fn set_lock(&mut self, state: State) {
        if let Some(team) = &mut self.team {
            team.state = state;
        }
    }

    /// Nobody answered.
    pub(super) fn lock_is_silent(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        let asked = self.team.as_ref().and_then(|team| team.asked);
        let fault = Fault::new(FaultKind::Timeout, "asking for the team lock", "");
        match asked {
            Some(ticket) => self.locked(at, ticket, Verdict::Unreachable(fault), out),
            None => self.wake_in(at, PATIENCE, out),
        }
    }

    /// At the end of the run.
    pub(super) fn give_lock_back(&mut self, out: &mut Vec<Effect>) {
        if let Some(lock) = self.lock().cloned() {
            let ticket = self.ticket();
            out.push(Effect::Lock { ticket, want: Want::Free(lock) });
            self.set_lock(State::Without);
        }
    }

    fn note(&mut self, at: Timestamp, level: Level, text: String, out: &mut Vec<Effect>) {
        say(level, text.clone(), out);
        self.journal(at, Entry::Note { text }, out);
    }
}
