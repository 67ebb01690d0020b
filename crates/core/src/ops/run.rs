//! The executor of one plan: events in, effects out, no clock, no future, no socket.
//!
//! ```text
//! Planned ─ack─▶ Intent ─ack─▶ re-read ─equal─▶ send ─▶ Outcome ─▶ next step … ─▶ watch ─▶ follow-ups ─▶ verify ─▶ Ended ─ack─▶ Finished
//!                                 └ differs ▶ stop          └ lost ▶ read until it shows, or can land no more
//! ```
//!
//! The driver's part: do each [`Effect`] in order and answer it with the [`Event`] of the same ticket or number; keep
//! *one* timer, set by the newest [`Effect::WakeAt`], and count it on the monotonic clock as the distance from the `at` of
//! that step; pass account time as `at`. Events may come late, twice or not at all.

use serde::{Deserialize, Serialize};

use super::{
    call::Call,
    digest,
    journal::{self, Entry, Record},
    plan::{Difference, Plan},
    rule::{Rule, breaks},
    team::{Verdict, Want},
};
use crate::{
    ask::{Answer, Ask, Sent},
    fault::Fault,
    resource::{Operation, operation::OperationState},
    scope::Scope,
    text::Text,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};

mod abort;
mod record;
mod resolve;
mod resume;
mod settle;
mod stage;
mod steps;
mod team;
mod verdict;
mod verify;
mod wait;
mod watch;

pub use abort::{allowed, allowed_elsewhere};
pub use resume::{Unresumable, resume};
pub use stage::{Stage, stage_of};

/// How long a signed request may still be accepted after it left (AWS: 5 minutes), with a margin.
pub const LANDING: i64 = 5 * MINUTE + 30 * SECOND;
/// How long the leave of a confirmation lasts: AWS's longest deployment is 8 hours, and its abort must still be allowed to leave.
pub const LEAVE: i64 = 9 * HOUR;
/// Between two looks at a deployment.
pub const POLL: i64 = 10 * SECOND;
/// Between two looks while reads fail.
const BLIND_POLL: i64 = 30 * SECOND;
const READ_TIMEOUT: i64 = 30 * SECOND;
const SEND_TIMEOUT: i64 = 60 * SECOND;
/// A step of the clock counts as at most this: sleep and clock jumps are no waiting.
const LONGEST_STEP: i64 = 35 * SECOND;
/// How long an accepted call may stay without a sign of it.
const START_GRACE: i64 = 5 * MINUTE;
const MOST_ATTEMPTS: u32 = 6;
const MOST_READS: u32 = 6;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first event, also after [`resume()`].
    Start,
    /// A record is durable, or could not be made so.
    Journaled {
        seq: u64,
        result: Result<(), Fault>,
    },
    /// The answer to [`Effect::Read`].
    Read {
        ticket: u32,
        result: Result<Answer, Fault>,
    },
    /// The answer to [`Effect::Send`].
    Sent {
        ticket: u32,
        sent: Sent,
    },
    /// The answer to [`Effect::Lock`].
    Locked {
        ticket: u32,
        verdict: Box<Verdict>,
    },
    Wake,
    /// There is reason to believe that AWS can be seen again: somebody signed in.
    Look,
    /// The operator wants it stopped.
    Abort {
        by: Text,
    },
    /// The operator lets a resumed run send what it still owes.
    Settle {
        by: Text,
    },
    /// The operator leaves it alone: nothing more is sent or watched.
    Abandon {
        by: Text,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make it durable, then answer [`Event::Journaled`].
    Journal(Record),
    /// The journal cannot be written and the operator said to go on: tell it where it is not lost, then answer
    /// [`Event::Journaled`].
    Unrecorded(Record),
    /// Ask this of AWS, once.
    Read {
        ticket: u32,
        ask: Ask,
        /// Where, if not in the plan's own scope: it is asked of that session, and of no other.
        scope: Option<Scope>,
    },
    /// Send once, without retries of any layer below.
    Send {
        ticket: u32,
        call: Call,
        /// Where, if not in the plan's own scope: by that session and its leave, and by no other.
        scope: Option<Scope>,
    },
    /// Do this about the lock that hosts share, beside everything else; of [`Want::Free`] no answer is awaited.
    Lock {
        ticket: u32,
        want: Want,
    },
    WakeAt(Timestamp),
    Say {
        level: Level,
        text: String,
    },
    /// The facts moved since the plan was made: nothing was sent.
    Stale(Vec<Difference>),
    Finished(OperationState),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    Info,
    Warn,
    Bad,
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    New,
    Planning,
    /// The lock that hosts share is asked for, before this step.
    Locking {
        step: usize,
        attempt: u32,
    },
    Intending {
        step: usize,
        attempt: u32,
    },
    Checking {
        step: usize,
        attempt: u32,
        tries: u32,
    },
    Sending {
        step: usize,
        attempt: u32,
    },
    Backoff {
        step: usize,
        attempt: u32,
    },
    Resolving {
        step: usize,
        attempt: u32,
        tries: u32,
    },
    Watching,
    /// It is in service, and nothing of ours is under way: what its calls say is awaited.
    Verifying,
    /// A lost answer of a request that makes or removes what has a name: is it there?
    Proving {
        step: usize,
        attempt: u32,
        tries: u32,
    },
    /// Resumed, and the change itself never left.
    Unsent,
    /// Resumed at an end that it may not reach before a person lets it send what it owes.
    Owing(OperationState),
    Ending(OperationState),
    Ended(OperationState),
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    ticket: u32,
    /// When it was asked for, in `waited`, and how often the clock had gone back by then.
    asked: i64,
    setbacks: u32,
}

/// One plan being carried out.
#[derive(Clone, Debug)]
pub struct Run {
    plan: Plan,
    phase: Phase,
    operation: Operation,
    next_seq: u64,
    next_ticket: u32,
    /// The record that the phase waits for.
    gate: Option<u64>,
    /// The read that is awaited.
    reading: Option<Reading>,
    /// The newest send of the plan's own steps.
    sending: u32,
    abort: abort::Abort,
    team: Option<team::Team>,
    /// Why no write may leave any more.
    no_writes: Option<String>,
    journal_dead: bool,
    /// … and the way back goes on all the same, by the operator's word.
    unrecorded: bool,
    /// Records on their way to the disk, of a run that may go on without one: what fails is told.
    unwritten: Vec<Record>,
    resumed: bool,
    /// What the endpoint looked like at the last look before the main call: what flaps may have moved since the plan.
    baseline: super::plan::Basis,
    /// Steps that were answered with yes, or perhaps: what settles them is owed.
    landed: Vec<usize>,
    settled: Vec<usize>,
    /// What made us doubt whether a named request landed.
    doubt: Option<Fault>,
    /// Reads in a row that found nothing of that name.
    missing: u32,
    /// How it will end once nothing is owed.
    verdict: Option<(OperationState, String)>,
    /// What the main step was for is reached: its follow-ups are sent.
    reached: bool,
    /// An answer to the main call was lost at least once.
    was_lost: bool,
    accepted: bool,
    /// It was seen in flight after it was accepted.
    seen_moving: bool,
    stages: Vec<(Stage, Timestamp)>,
    checkup: verify::Checkup,
    blind: u32,
    last_at: Option<Timestamp>,
    /// Milliseconds that count as waited, since this run was made.
    waited: i64,
    /// How often the clock went back: how long something took is not known across that.
    setbacks: u32,
    /// When the phase's wait began, in `waited`.
    since: i64,
    due: i64,
}

impl Run {
    /// A run of a confirmed plan. Nothing happens before [`Event::Start`].
    pub fn new(plan: Plan, at: Timestamp) -> Self {
        let operation = journal::begin(&plan, at);
        Self {
            baseline: plan.basis.clone(),
            landed: Vec::new(),
            settled: Vec::new(),
            verdict: None,
            doubt: None,
            missing: 0,
            reached: false,
            plan,
            phase: Phase::New,
            operation,
            next_seq: 0,
            next_ticket: 1,
            gate: None,
            reading: None,
            sending: 0,
            abort: abort::Abort::default(),
            team: None,
            no_writes: None,
            journal_dead: false,
            unrecorded: false,
            unwritten: Vec::new(),
            resumed: false,
            was_lost: false,
            accepted: false,
            seen_moving: false,
            stages: Vec::new(),
            checkup: verify::Checkup::default(),
            blind: 0,
            last_at: None,
            waited: 0,
            setbacks: 0,
            since: 0,
            due: 0,
        }
    }

    /// Takes one event at account time `at`; what is to be done, in order.
    #[must_use]
    pub fn step(&mut self, at: Timestamp, event: Event) -> Vec<Effect> {
        self.tick(at);
        let mut out = Vec::new();
        match event {
            Event::Start => self.start(at, &mut out),
            Event::Journaled { seq, result } => self.journaled(at, seq, result, &mut out),
            Event::Read { ticket, result } => self.read(at, ticket, result, &mut out),
            Event::Sent { ticket, sent } => self.sent(at, ticket, sent, &mut out),
            Event::Locked { ticket, verdict } => self.locked(at, ticket, *verdict, &mut out),
            Event::Wake => self.wake(at, &mut out),
            Event::Look => self.look_now(at, &mut out),
            Event::Abort { by } => self.ask_abort(at, by, &mut out),
            Event::Settle { by } => self.let_settle(at, &by, &mut out),
            Event::Abandon { by } => self.abandon(at, &by, &mut out),
        }
        self.keep_lock(at, &mut out);
        out
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The row of the ledger, as of now.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    pub fn state(&self) -> OperationState {
        match &self.phase {
            Phase::Ended(state) | Phase::Ending(state) | Phase::Owing(state) => *state,
            Phase::Resolving { .. } => OperationState::Unknown,
            _ => OperationState::Running,
        }
    }

    /// Stages seen so far and when each was first seen.
    pub fn stages(&self) -> &[(Stage, Timestamp)] {
        &self.stages
    }

    /// True while AWS cannot be seen: not a failure, and the change goes on without us.
    pub const fn is_blind(&self) -> bool {
        self.blind >= 2
    }

    pub const fn is_aborting(&self) -> bool {
        self.abort.is_on()
    }

    fn start(&mut self, at: Timestamp, out: &mut Vec<Effect>) {
        match self.phase.clone() {
            Phase::New => {
                if !self.plan.is_intact() && !breaks(Rule::PlanIntact) {
                    return self.finish(at, OperationState::Refused, "this plan was changed after it was made", out);
                }
                if at > self.plan.valid_until && !breaks(Rule::Lifetime) {
                    return self.finish(at, OperationState::Refused, "this plan is too old: plan again", out);
                }
                let plan = Box::new(self.plan.without_secrets());
                self.gate = Some(self.journal(at, Entry::Planned { plan }, out));
                self.phase = Phase::Planning;
            }
            Phase::Resolving { .. } | Phase::Watching => self.start_resumed(at, out),
            Phase::Unsent => {
                let note = if self.landed.is_empty() {
                    "it was interrupted before the change was sent; nothing changed. Plan again"
                } else {
                    "it was interrupted before the change was sent; what prepared it may be there. Plan again"
                };
                self.finish(at, OperationState::Refused, note, out);
            }
            Phase::Ended(state) if self.resumed => out.push(Effect::Finished(state)),
            _ => {}
        }
    }

    /// The end, as soon as nothing is owed.
    fn finish(&mut self, at: Timestamp, state: OperationState, note: &str, out: &mut Vec<Effect>) {
        if self.owes() {
            return self.settle_first(at, state, note, out);
        }
        if state == OperationState::Done && self.wants_verdict() {
            return self.begin_verify(at, note, out);
        }
        self.conclude(at, state, note, out);
    }

    fn conclude(&mut self, at: Timestamp, state: OperationState, note: &str, out: &mut Vec<Effect>) {
        let level = match state {
            OperationState::Done => Level::Info,
            OperationState::NeedsHuman | OperationState::Failed => Level::Bad,
            _ => Level::Warn,
        };
        say(level, format!("{}: {note}", state.word()), out);
        // Nothing was recorded of a run that was refused before its first record.
        let unborn = matches!(self.phase, Phase::New);
        let seq = (!unborn).then(|| self.journal(at, Entry::Ended { state, note: note.to_owned() }, out));
        self.operation.note = Text::new(note);
        self.phase = Phase::Ending(state);
        if unborn || self.journal_dead {
            self.end(state, out);
        } else {
            self.gate = seq;
        }
    }

    fn end(&mut self, state: OperationState, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Ended(_)) {
            self.phase = Phase::Ended(state);
            self.operation.state = state;
            self.operation.ended = self.last_at;
            self.give_lock_back(out);
            out.push(Effect::Finished(state));
        }
    }

    fn ticket(&mut self) -> u32 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }
}

fn say(level: Level, text: impl Into<String>, out: &mut Vec<Effect>) {
    out.push(Effect::Say { level, text: text.into() });
}

fn call_digest(call: &Call) -> Text {
    digest::short(&call.digest())
}

/// 2, 4, 8, 16, then 30 seconds.
fn back_off(tries: u32) -> i64 {
    ((2 * SECOND) << tries.min(4)).min(30 * SECOND)
}
