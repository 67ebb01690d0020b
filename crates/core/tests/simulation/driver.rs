//! Drives one run against the world with bad luck from a seed, and checks after every effect that no rule is broken.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fmt::Write as _,
};

use mldeck_core::{
    ask::{Answer, Ask, Sent},
    fault::{Fault, FaultKind, Login},
    ops::{
        call::{Action, Call},
        journal::{Entry, Record},
        plan::Plan,
        run::{Effect, Event, Run, resume},
        target::Seen,
    },
    resource::{endpoint::EndpointStatus, operation::OperationState},
    text::Text,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};

use super::world::{Dice, World};

const FAULTS_END: i64 = 40 * MINUTE;
/// After the last fault a run must have ended within this, AWS's own work included.
const BOUND: i64 = 2 * HOUR;

enum Happening {
    /// To the run of this life; answers to a dead process are lost.
    Tell(u32, Event),
    Timer(u32, u32),
    /// A record reaches the disk, or does not, and is acknowledged.
    Disk(u32, Box<Record>, bool),
    /// A call reaches AWS; `bool`: whether the answer comes back.
    Arrive(u32, u32, Call, bool),
    Meddle,
    Abort,
    Kill,
    Restart,
    Calm,
}

pub(crate) struct Simulation {
    seed: u64,
    dice: Dice,
    pub(crate) world: World,
    pub(crate) plan: Plan,
    run: Option<Run>,
    life: u32,
    timer: u32,
    pub(crate) now: i64,
    /// Account time minus true time.
    skew: i64,
    order: u64,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    happenings: HashMap<u64, Happening>,
    pub(crate) disk: Vec<Record>,
    disk_free: i64,
    disk_dead_from: Option<i64>,
    /// Dies when this record is durable: before its acknowledgement, or right after what it led to.
    kill_at: Option<(u64, bool)>,
    calm: bool,
    /// Main calls that left: when, their ticket, and whether AWS refused them, so that they can land no more.
    pub(crate) sends: Vec<(i64, u32, bool)>,
    /// When a failed acknowledgement was delivered to the current life.
    pub(crate) told_dead: bool,
    /// The last read served as planned, and the last read that showed the requested config in service.
    pub(crate) seen_as_planned: i64,
    pub(crate) last_served: Option<(EndpointStatus, Text)>,
    pub(crate) ended: Option<OperationState>,
    pub(crate) trace: String,
    pub(crate) violations: Vec<String>,
}

/// What the plan is for, as against what prepares and follows.
pub(crate) fn is_the_change(call: &Call) -> bool {
    matches!(call.action, Action::UpdateEndpoint | Action::UpdateEndpointWeightsAndCapacities)
}

impl Simulation {
    pub(crate) fn new(seed: u64, plan: &Plan, endpoint: mldeck_core::resource::Endpoint) -> Self {
        let mut dice = Dice::new(seed);
        let alarm_exists = plan.steps.len() == 2;
        let disk_dead_from = dice.percent(8).then(|| dice.between(0, 5 * MINUTE));
        let mut sim = Self {
            seed,
            world: World::new(endpoint, alarm_exists, seed, plan.at),
            plan: plan.clone(),
            run: None,
            life: 0,
            timer: 0,
            now: 0,
            skew: 0,
            order: 0,
            queue: BinaryHeap::new(),
            happenings: HashMap::new(),
            disk: Vec::new(),
            disk_free: 0,
            disk_dead_from,
            kill_at: None,
            calm: false,
            sends: Vec::new(),
            told_dead: false,
            seen_as_planned: -HOUR,
            last_served: None,
            ended: None,
            trace: String::new(),
            violations: Vec::new(),
            dice,
        };
        for _ in 0..sim.dice.between(0, 2) {
            let when =
                if sim.dice.percent(40) { sim.dice.between(0, 5 * SECOND) } else { sim.dice.between(0, 30 * MINUTE) };
            sim.later(when, Happening::Meddle);
        }
        if sim.dice.percent(25) {
            let when = sim.dice.between(0, 20 * MINUTE);
            sim.later(when, Happening::Abort);
        }
        if sim.dice.percent(35) {
            let when =
                if sim.dice.percent(70) { sim.dice.between(0, 10 * SECOND) } else { sim.dice.between(0, 20 * MINUTE) };
            sim.later(when, Happening::Kill);
        }
        sim.later(FAULTS_END, Happening::Calm);
        sim
    }

    /// A night without bad luck but one kill, and perhaps an abort.
    pub(crate) fn quiet(
        plan: &Plan,
        endpoint: mldeck_core::resource::Endpoint,
        kill_at: Option<(u64, bool)>,
        abort: Option<i64>,
    ) -> Self {
        let mut sim = Self::new(1, plan, endpoint);
        sim.queue.clear();
        sim.happenings.clear();
        sim.disk_dead_from = None;
        sim.calm = true;
        sim.world.calm_down();
        sim.kill_at = kill_at;
        if let Some(when) = abort {
            sim.later(when, Happening::Abort);
        }
        sim
    }

    /// Updates of ours that AWS accepted.
    pub(crate) fn accepted(&self) -> u32 {
        self.world.ours
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.disk
    }

    fn account(&self) -> Timestamp {
        self.plan.at.plus(self.now + self.skew)
    }

    fn later(&mut self, delay: i64, what: Happening) {
        self.order += 1;
        self.queue.push(Reverse((self.now + delay.max(0), self.order)));
        self.happenings.insert(self.order, what);
    }

    pub(crate) fn violation(&mut self, text: &str) {
        self.violations.push(format!("seed {}, {} s: {text}", self.seed, self.now / SECOND));
    }

    fn note(&mut self, text: &str) {
        let _ = writeln!(self.trace, "{:>9} {text}", self.now);
    }

    /// Runs to the end of the run, and on until nothing of it can land any more.
    pub(crate) fn play(&mut self) {
        let run = Run::new(self.plan.clone(), self.account());
        self.run = Some(run);
        self.later(0, Happening::Tell(0, Event::Start));
        while let Some(Reverse((when, order))) = self.queue.pop() {
            self.now = when;
            let Some(what) = self.happenings.remove(&order) else { continue };
            if self.now > FAULTS_END + BOUND {
                break;
            }
            self.happen(what);
        }
        match self.ended {
            None => self.violation("it never ended"),
            Some(state) => self.judge(state),
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Tell(life, event) if life == self.life => self.tell(event),
            Happening::Timer(life, timer) if life == self.life && timer == self.timer => self.tell(Event::Wake),
            Happening::Tell(..) | Happening::Timer(..) => {}
            Happening::Disk(life, record, dies) => self.write(life, *record, dies),
            Happening::Arrive(life, ticket, call, answers) => self.arrive(life, ticket, &call, answers),
            Happening::Meddle if self.calm => {}
            Happening::Meddle => {
                let what = self.world.meddle(self.now);
                self.note(what);
            }
            Happening::Abort => self.tell(Event::Abort { by: Text::new("anna") }),
            Happening::Kill => self.kill(),
            Happening::Restart => self.restart(),
            Happening::Calm => {
                self.calm = true;
                self.world.calm_down();
                if self.run.is_none() && self.ended.is_none() {
                    self.restart();
                }
            }
        }
    }

    fn tell(&mut self, event: Event) {
        if !self.calm && self.dice.percent(1) {
            self.skew += if self.dice.percent(50) { HOUR } else { -HOUR };
            self.note("the clock jumps");
        }
        if let Event::Journaled { result: Err(_), .. } = &event {
            self.told_dead = true;
        }
        let account = self.account();
        let Some(run) = &mut self.run else { return };
        let ended = self.ended.is_some();
        let effects = run.step(account, event);
        for effect in effects {
            self.note(&line(&effect));
            if ended && !matches!(effect, Effect::Say { .. }) {
                self.violation("an effect after the end");
            }
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let life = self.life;
        match effect {
            Effect::Journal(record) => {
                let dies = self.disk_dead_from.is_some_and(|from| self.now >= from && !self.calm);
                // One writer: records become durable in their order.
                self.disk_free = self.disk_free.max(self.now) + self.dice.between(1, 30);
                let delay = self.disk_free - self.now;
                self.later(delay, Happening::Disk(life, Box::new(record), dies));
            }
            Effect::Read { ticket, ask, .. } => self.serve(ticket, ask),
            Effect::Send { ticket, call, .. } => self.dispatch(ticket, call),
            Effect::WakeAt(when) => {
                self.timer += 1;
                let delay = when.since(self.account());
                self.later(delay, Happening::Timer(life, self.timer));
            }
            // These runs have no team, and leave nothing out.
            Effect::Say { .. } | Effect::Stale(_) | Effect::Lock { .. } | Effect::Unrecorded(_) => {}
            Effect::Finished(state) => self.ended = Some(state),
        }
    }

    fn write(&mut self, life: u32, record: Record, dies: bool) {
        let seq = record.seq;
        // A process that is dead writes nothing; one that failed may or may not have left the record.
        if life == self.life && (!dies || self.dice.percent(30)) {
            self.disk.push(record);
        }
        let dying = self.kill_at.filter(|(at, _)| *at == seq && self.life == 0);
        if let Some((_, false)) = dying {
            return self.kill();
        }
        let result = if dies { Err(Fault::new(FaultKind::Bug, "writing the journal", "disk full")) } else { Ok(()) };
        self.happen(Happening::Tell(life, Event::Journaled { seq, result }));
        if dying.is_some() {
            self.kill();
        }
    }

    fn serve(&mut self, ticket: u32, ask: Ask) {
        let life = self.life;
        let bad = !self.calm && self.dice.percent(15);
        let delay = if self.calm || self.dice.percent(95) {
            self.dice.between(20, 900)
        } else {
            self.dice.between(1_000, 50_000)
        };
        if bad {
            let kind = match self.dice.between(0, 3) {
                0 => FaultKind::Throttled,
                1 => FaultKind::Service,
                2 => FaultKind::Login(Login::Expired),
                // No answer at all.
                _ => return,
            };
            let result = Err(Fault::new(kind, "reading", ""));
            return self.later(delay, Happening::Tell(life, Event::Read { ticket, result }));
        }
        if let Ask::Measure(around) = ask {
            let measured = self.world.measure(&around);
            let result = Ok(Answer::Measured(Box::new(measured)));
            return self.later(delay, Happening::Tell(life, Event::Read { ticket, result }));
        }
        let lag = if self.dice.percent(20) { 8 * SECOND } else { 0 };
        let endpoint = self.world.describe(self.now, lag);
        let seen = Seen::Endpoint(Box::new(endpoint.clone()));
        if self.plan.basis.differences(&seen, &self.plan.to.config).is_empty() {
            self.seen_as_planned = self.now;
        }
        if let Some(details) = &endpoint.details {
            self.last_served = Some((endpoint.status.clone(), details.config.clone()));
        }
        self.later(delay, Happening::Tell(life, Event::Read { ticket, result: Ok(Answer::Seen(seen)) }));
    }

    fn dispatch(&mut self, ticket: u32, call: Call) {
        self.check_send(&call);
        if is_the_change(&call) {
            self.sends.push((self.now, ticket, false));
        }
        let life = self.life;
        let answer = self.dice.between(30, 1_500);
        if self.calm || self.dice.percent(60) {
            return self.later(answer / 2, Happening::Arrive(life, ticket, call, true));
        }
        let fault = |kind: FaultKind| Fault::new(kind, "sending", "");
        match self.dice.between(0, 7) {
            0 | 1 => {
                self.was_refused(ticket);
                let sent = Sent::Refused(fault(FaultKind::Throttled));
                self.later(answer, Happening::Tell(life, Event::Sent { ticket, sent }));
            }
            // It lands, and the answer is lost: said so, or simply silent.
            2 => self.later(answer, Happening::Arrive(life, ticket, call, false)),
            3 => {
                let sent = Sent::Unknown(fault(FaultKind::Timeout));
                self.later(answer, Happening::Arrive(life, ticket, call, false));
                self.later(answer + 10, Happening::Tell(life, Event::Sent { ticket, sent }));
            }
            // It lands late: up to five minutes after it was signed.
            4 => {
                let late = self.dice.between(5, 299) * SECOND;
                let sent = Sent::Unknown(fault(FaultKind::Network));
                self.later(late, Happening::Arrive(life, ticket, call, false));
                self.later(answer, Happening::Tell(life, Event::Sent { ticket, sent }));
            }
            // It never arrives.
            5 => {
                let sent = Sent::Unknown(fault(FaultKind::Service));
                self.later(answer, Happening::Tell(life, Event::Sent { ticket, sent }));
            }
            6 => {}
            _ => {
                self.was_refused(ticket);
                let sent = Sent::Refused(fault(FaultKind::Denied { action: Text::new(call.action.iam()) }));
                self.later(answer, Happening::Tell(life, Event::Sent { ticket, sent }));
            }
        }
    }

    fn was_refused(&mut self, ticket: u32) {
        for send in self.sends.iter_mut().filter(|(_, sent, _)| *sent == ticket) {
            send.2 = true;
        }
    }

    fn arrive(&mut self, life: u32, ticket: u32, call: &Call, answers: bool) {
        let result = self.world.receive(self.now, call);
        self.note(&format!("AWS takes {}: {}", call.operation(), if result.is_ok() { "yes" } else { "no" }));
        if result.is_err() {
            self.was_refused(ticket);
        }
        if self.world.ours > 1 {
            self.violation("AWS accepted UpdateEndpoint twice");
        }
        if !answers {
            return;
        }
        let sent = match result {
            Ok(()) => Sent::Applied { request_id: Some(Text::new(&format!("r-{ticket}"))), made: None },
            Err(fault) => Sent::Refused(fault),
        };
        let delay = self.dice.between(10, 700);
        self.later(delay, Happening::Tell(life, Event::Sent { ticket, sent }));
    }

    fn kill(&mut self) {
        if self.run.is_none() || self.ended.is_some() {
            return;
        }
        self.note("kill -9");
        self.run = None;
        self.life += 1;
        let after =
            if self.dice.percent(50) { self.dice.between(1, 20) * SECOND } else { self.dice.between(1, 30) * MINUTE };
        self.later(after, Happening::Restart);
    }

    fn restart(&mut self) {
        if self.run.is_some() || self.ended.is_some() {
            return;
        }
        self.note("started again");
        self.life += 1;
        self.disk_dead_from = None;
        self.told_dead = false;
        if self.disk.is_empty() {
            // Nothing durable: for this host the operation never was.
            self.ended = Some(OperationState::Refused);
            return;
        }
        match resume(&self.disk) {
            Ok(run) => {
                self.run = Some(run);
                self.later(0, Happening::Tell(self.life, Event::Start));
            }
            Err(error) => self.violation(&format!("the journal cannot be resumed: {error}")),
        }
    }
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Journal(record) => match &record.entry {
            Entry::Planned { .. } => format!("journal {} planned", record.seq),
            other => format!("journal {} {other:?}", record.seq),
        },
        Effect::Send { ticket, call, .. } => format!("send {ticket} {}", call.operation()),
        other => format!("{other:?}"),
    }
}
