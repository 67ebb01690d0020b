//! Who does what when: one queue of happenings, one set of requests under way, one clock.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        call::Call,
        confirm::Confirm,
        journal::{Entry, Record},
        plan::Plan,
        rule::Rule,
        run::{Effect, Event, Run, resume},
        target,
    },
    resource::operation::OperationState,
    scope::Identity,
    text::Text,
    time::{MINUTE, SECOND, Timestamp},
};
use mldeck_gateway::Grant;
use mldeck_sandbox::faults::{Kind, Rule as Fail};
use tokio::task::JoinSet;

use super::{
    Night, Setup,
    account::{Account, Extra, Shape, assume},
    call::Aim,
    desk::{self, Desk, End},
    dice::Dice,
    line::{Clock, Shared, instant, lock},
    luck::{self, BOUND, CALM, Deed, Trouble},
    paper::Paper,
    rules,
    scene::{Scene, Seen},
    wish::Wish,
};

mod lives;
mod plans;
mod strikes;

/// After the last end nothing can land later than this.
const AFTER: i64 = 12 * MINUTE;
/// Plans that may fail before the operator goes for a coffee.
const TRIES: u32 = 4;

enum Happening {
    Begin(usize, u32),
    Confirm(usize, u32),
    /// To the run of this life; what a dead process would have heard is lost.
    Tell(usize, u32, Box<Event>),
    Timer(usize, u32, u32),
    /// A record reaches the disk, or does not, and is acknowledged.
    Disk(usize, u32, Box<Record>),
    Trouble(Box<Trouble>),
    ClockRight(usize),
    Restart(usize),
    /// The operator lets a resumed run restore what it took away.
    Settle(usize, u32),
    Calm,
}

/// What a request under way brought.
enum Told {
    Looked(Box<Result<(Identity, Facts), Fault>>),
    Event(Box<Event>),
    Renewed,
    /// Nobody gave leave for this one: what became of it.
    Tried(Sent),
}

struct Play {
    scene: Shared,
    desks: Vec<Desk>,
    dice: Dice,
    without: Option<Rule>,
    order: u64,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    happenings: HashMap<u64, Happening>,
    tasks: JoinSet<(usize, u32, Told)>,
    kills: Vec<(usize, u64, bool)>,
    /// Records that fail: of which desk, from which on, and whether all later ones do.
    bad_disks: Vec<(usize, u64, bool)>,
}

/// Plays one night on a runtime of its own.
pub fn play(setup: &Setup) -> Night {
    // What the SDK throws dice for (how long to wait before it asks again) follows the seed, too.
    fastrand::seed(setup.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing but memory");
    go_without(setup.without);
    let night = runtime.block_on(async {
        let mut play = Play::new(setup);
        play.run().await;
        play.end()
    });
    go_without(None);
    night
}

/// From here on this thread goes without that rule.
#[cfg(debug_assertions)]
fn go_without(rule: Option<Rule>) {
    mldeck_core::ops::rule::go_without(rule);
}

#[cfg(not(debug_assertions))]
fn go_without(rule: Option<Rule>) {
    assert!(rule.is_none(), "a release build keeps all rules");
}

impl Play {
    fn new(setup: &Setup) -> Self {
        let mut dice = Dice::new(setup.seed, 1);
        let shape = setup.given.as_ref().map_or_else(|| Shape::drawn(&mut dice), |given| given.shape.clone());
        let count = if setup.given.is_none() && dice.percent(30) { 2 } else { 1 };
        let mut wishes = Vec::new();
        for _ in 0..count {
            let endpoint = dice.pick(&shape.endpoints).clone();
            let wish = setup.given.as_ref().map_or_else(|| Wish::drawn(&mut dice, shape.variants), |given| given.wish);
            wishes.push((wish, endpoint));
        }
        let mut extras: Vec<(Extra, String)> = Vec::new();
        for (wish, endpoint) in &wishes {
            // One of each: a second operator wants something of the same.
            if let Some(extra) = wish.needs().filter(|extra| !extras.iter().any(|(other, _)| other.clashes(*extra))) {
                extras.push((extra, endpoint.clone()));
            }
        }
        let mut account = Account::new(setup.seed, shape, &extras);
        let clock = Clock { began: instant(), epoch: account.world.now() };
        let mut desks = Vec::new();
        let mut seen = Vec::new();
        for (index, (wish, endpoint)) in wishes.into_iter().enumerate() {
            let name = ["olga", "piet"][index];
            let key = assume(&mut account.world, "OnCall", name);
            desks.push(Desk {
                index,
                endpoint,
                run_arn: account.run.clone(),
                wish,
                key,
                off: Arc::default(),
                gateway: None,
                life: 0,
                timer: 0,
                shown: None,
                filed: None,
                run: None,
                grant: None,
                identity: None,
                ended: None,
                tries: 0,
                disk_free: 0,
                under_way: Vec::new(),
            });
            seen.push(Seen { name: name.to_owned(), ..Seen::default() });
        }
        // Signatures that are off are refused, as AWS refuses them.
        account.world.faults().add(Fail::always("*", Kind::Skew(0)));
        let endpoints = account.shape.endpoints.len();
        let troubles = match &setup.given {
            Some(given) => given.troubles.clone(),
            None => luck::drawn(&mut Dice::new(setup.seed, 2), count, endpoints),
        };
        let mut scene = Scene::new(setup.seed, clock, account, setup.traced);
        scene.desks = seen;
        let drawn = format!("{:?} {troubles:?}", scene.account.shape);
        scene.note(|| drawn);
        let mut play = Self {
            scene: Arc::new(Mutex::new(scene)),
            desks,
            dice,
            without: setup.without,
            order: 0,
            queue: BinaryHeap::new(),
            happenings: HashMap::new(),
            tasks: JoinSet::new(),
            kills: Vec::new(),
            bad_disks: Vec::new(),
        };
        for index in 0..count {
            let when = if index == 0 { play.dice.between(0, 5 * SECOND) } else { play.dice.between(0, 5 * MINUTE) };
            play.later(when, Happening::Begin(index, 0));
        }
        troubles.into_iter().for_each(|trouble| play.expect(trouble));
        play.later(CALM, Happening::Calm);
        play
    }

    fn elapsed(&self) -> i64 {
        lock(&self.scene).clock.elapsed()
    }

    fn note(&self, text: impl FnOnce() -> String) {
        lock(&self.scene).note(text);
    }

    fn later(&mut self, delay: i64, what: Happening) {
        self.order += 1;
        let at = self.elapsed() + delay.max(0);
        self.queue.push(Reverse((at, self.order)));
        self.happenings.insert(self.order, what);
    }

    async fn run(&mut self) {
        while self.desks.iter().any(|desk| desk.ended.is_none()) {
            let now = self.elapsed();
            if now > CALM + BOUND {
                let open: Vec<String> = self
                    .desks
                    .iter()
                    .filter(|desk| desk.ended.is_none())
                    .map(|desk| format!("{} ({:?})", desk.index, desk.run.as_ref().map(Run::state)))
                    .collect();
                lock(&self.scene).violation(&format!("it never ended: {}", open.join(", ")));
                return;
            }
            let wait = self.queue.peek().map_or(BOUND, |Reverse((at, _))| at - now).max(0);
            tokio::select! {
                biased;
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    // A request of a process that was killed is nobody's.
                    if let Ok((desk, life, told)) = done && self.desks[desk].life == life {
                        self.told(desk, told);
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(wait as u64)) => {
                    let Some(Reverse((_, order))) = self.queue.pop() else { continue };
                    if let Some(what) = self.happenings.remove(&order) {
                        self.happen(what).await;
                    }
                }
            }
        }
    }

    fn end(self) -> Night {
        let mut scene = lock(&self.scene);
        let lasted = scene.clock.elapsed();
        let end = scene.clock.now().plus(AFTER);
        scene.account.world.advance_to(end);
        scene.runs.1 = scene.account.runs();
        for wrong in rules::of_night(&scene) {
            scene.violation(&wrong);
        }
        Night {
            ends: self.desks.iter().filter_map(|desk| desk.ended).collect(),
            violations: std::mem::take(&mut scene.violations),
            trace: scene.trace.take().unwrap_or_default(),
            calls: scene.calls,
            records: scene.desks.iter().map(|seen| seen.paper.durable.len() as u64).sum(),
            accepted: scene.desks.iter().map(|seen| rules::accepted(&scene, seen)).sum(),
            lasted,
        }
    }

    async fn happen(&mut self, what: Happening) {
        match what {
            Happening::Begin(desk, life) if self.is_alive(desk, life) => self.begin(desk).await,
            Happening::Confirm(desk, life) if self.is_alive(desk, life) => self.confirm(desk),
            Happening::Tell(desk, life, event) if self.is_alive(desk, life) => self.tell(desk, *event),
            Happening::Timer(desk, life, timer) if self.is_alive(desk, life) && self.desks[desk].timer == timer => {
                self.tell(desk, Event::Wake);
            }
            Happening::Settle(desk, life) if self.is_alive(desk, life) => {
                self.leave(desk);
                self.tell(desk, Event::Settle { by: Text::new("olga") });
            }
            Happening::Settle(..) => {}
            Happening::Begin(..) | Happening::Confirm(..) | Happening::Tell(..) | Happening::Timer(..) => {}
            Happening::Disk(desk, life, record) => self.write(desk, life, &record),
            Happening::Trouble(trouble) => self.strike(*trouble),
            Happening::ClockRight(desk) => self.desks[desk].off.store(0, Ordering::Relaxed),
            Happening::Restart(desk) => self.restart(desk).await,
            Happening::Calm => self.calm_down().await,
        }
    }

    fn is_alive(&self, desk: usize, life: u32) -> bool {
        self.desks[desk].life == life && self.desks[desk].ended.is_none()
    }

    /// The process is there: the operator looks.
    async fn begin(&mut self, desk: usize) {
        if self.desks[desk].gateway.is_none() {
            let scene = Arc::clone(&self.scene);
            self.desks[desk].boot(&scene).await;
        }
        let ask = self.desks[desk].ask();
        {
            let mut scene = lock(&self.scene);
            let at = scene.clock.elapsed();
            scene.desks[desk].looked_from = at;
        }
        self.spawn(desk, |gateway| async move { Told::Looked(Box::new(desk::look(&gateway, &ask).await)) });
    }

    fn spawn<F>(&mut self, desk: usize, work: impl FnOnce(Arc<mldeck_gateway::Gateway>) -> F)
    where
        F: Future<Output = Told> + Send + 'static,
    {
        let Some(gateway) = self.desks[desk].gateway.clone() else { return };
        let (life, work) = (self.desks[desk].life, work(gateway));
        let handle = self.tasks.spawn(async move { (desk, life, work.await) });
        self.desks[desk].under_way.retain(|task| !task.is_finished());
        self.desks[desk].under_way.push(handle);
    }

    fn told(&mut self, desk: usize, told: Told) {
        match told {
            Told::Looked(looked) => self.looked(desk, *looked),
            Told::Event(event) => self.tell(desk, *event),
            Told::Renewed => {}
            Told::Tried(sent) => {
                let refused = matches!(&sent, Sent::Refused(fault) if fault.kind == FaultKind::Refused || matches!(fault.kind, FaultKind::Login(_)));
                // Whether it left is seen on the line; that it was said to be refused is seen here.
                if matches!(sent, Sent::Applied { .. }) || (matches!(sent, Sent::Unknown(_)) && !refused) {
                    lock(&self.scene).violation(&format!("a write without leave was not refused: {sent:?}"));
                }
            }
        }
    }

    fn tell(&mut self, desk: usize, event: Event) {
        self.look_over(desk, &event);
        let at = self.desks[desk].now();
        let Some(run) = &mut self.desks[desk].run else { return };
        let effects = run.step(at, event);
        let state = run.state();
        let owes = !run.debts().is_empty() && !matches!(state, OperationState::Running | OperationState::Unknown);
        if owes && !effects.is_empty() && lock(&self.scene).desks[desk].restarted {
            let life = self.desks[desk].life;
            let wait = self.dice.between(5, 600) * SECOND;
            self.later(wait, Happening::Settle(desk, life));
        }
        for effect in effects {
            self.note(|| format!("{desk} {}", line(&effect)));
            self.carry_out(desk, at, effect);
        }
        let mut scene = lock(&self.scene);
        if let Some(wrong) = rules::unknown_is_resolved(&mut scene, desk, state) {
            scene.violation(&wrong);
        }
    }

    /// What the rules want to know of what the executor hears.
    fn look_over(&self, desk: usize, event: &Event) {
        let mut scene = lock(&self.scene);
        let at = scene.clock.elapsed();
        let seen = &mut scene.desks[desk];
        match event {
            Event::Journaled { result: Err(_), .. } => seen.told_dead = true,
            Event::Abort { .. } => seen.aborted = true,
            Event::Sent { ticket, sent: Sent::Refused(fault) } => {
                if let Some(wrong) = rules::refused_is_true(seen, *ticket, fault) {
                    scene.violation(&wrong);
                }
            }
            Event::Read { result: Ok(Answer::Seen(looked)), .. } => {
                if let target::Seen::Endpoint(endpoint) = looked
                    && let Some(details) = &endpoint.details
                {
                    seen.last = Some((endpoint.status.clone(), details.config.clone()));
                }
                if seen.plan.as_ref().is_some_and(|plan| plan.basis.differences(looked, &plan.to.config).is_empty()) {
                    seen.as_planned = seen.described.or(Some(at));
                }
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, desk: usize, at: Timestamp, effect: Effect) {
        let life = self.desks[desk].life;
        match effect {
            Effect::Journal(record) => {
                // One writer: records become durable in their order.
                let now = self.elapsed();
                let free = self.desks[desk].disk_free.max(now) + self.dice.between(1, 30);
                self.desks[desk].disk_free = free;
                self.later(free - now, Happening::Disk(desk, life, Box::new(record)));
            }
            Effect::Read { ticket, ask, .. } => {
                self.spawn(desk, |gateway| async move {
                    let result = gateway.ask(&ask).await;
                    Told::Event(Box::new(Event::Read { ticket, result }))
                });
                self.renew(desk);
            }
            Effect::Send { ticket, call, .. } => self.send(desk, ticket, call),
            Effect::WakeAt(when) => {
                self.desks[desk].timer += 1;
                let timer = self.desks[desk].timer;
                self.later(when.since(at), Happening::Timer(desk, life, timer));
            }
            // These operators have no team, and leave nothing out.
            Effect::Say { .. } | Effect::Stale(_) | Effect::Lock { .. } | Effect::Unrecorded(_) => {}
            Effect::Finished(state) => self.finish(desk, End::Run(state)),
        }
    }

    /// A login that failed is verified again, as the deck does it.
    fn renew(&mut self, desk: usize) {
        if self.desks[desk].gateway.as_ref().is_some_and(|gateway| gateway.needs_identity()) {
            self.spawn(desk, |gateway| async move {
                let _ = gateway.ask(&Ask::Identity).await;
                Told::Renewed
            });
        }
    }

    fn send(&mut self, desk: usize, ticket: u32, call: Call) {
        let Some(run) = &self.desks[desk].run else { return };
        // Rounds of an abort may pass each other.
        if !matches!(call.operation(), "PutMetricData" | "SetAlarmState") {
            let seen = &mut lock(&self.scene).desks[desk];
            let before = seen.writes(call.operation()).count();
            seen.tickets.insert(ticket, (call.operation(), before));
        }
        let write = Write { call, plan: run.plan().id() };
        let grant = self.desks[desk].grant.clone();
        self.spawn(desk, |gateway| async move {
            let sent = desk::send(&gateway, &write, grant.as_ref()).await;
            Told::Event(Box::new(Event::Sent { ticket, sent }))
        });
    }

    fn finish(&mut self, desk: usize, end: End) {
        let mut scene = lock(&self.scene);
        scene.live();
        scene.note(|| format!("{desk} ends: {}", end.word()));
        if let End::Run(state) = end {
            for wrong in rules::of_end(&mut scene, desk, state) {
                scene.violation(&wrong);
            }
        }
        self.desks[desk].ended = Some(end);
    }
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Journal(record) => match &record.entry {
            Entry::Planned { .. } => format!("journal {} planned", record.seq),
            other => format!("journal {} {other:?}", record.seq),
        },
        Effect::Send { ticket, call, .. } => format!("send {ticket} {}", call.operation()),
        Effect::Finished(state) => format!("finished {}", OperationState::word(*state)),
        other => format!("{other:?}"),
    }
}
