//! The executor without a deck: reads, plans and carries out one change, and tells each step on standard error.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        call::Call,
        intent::{Bypass, Class, Context, Intent},
        journal::{self, Entry, Record},
        plan::Plan,
        run::{self, Effect, Event, Run},
        team::{Owner, Want},
    },
    resource::operation::OperationState,
    scope::{Identity, Scope},
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::{Gateway, Grant};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, mpsc},
};

mod errand;

use super::{abroad::Abroad, out};
use crate::{
    config::Environment,
    run::clock,
    share::{self, Courier},
    store::{self, Folders, Holder, Journal, PlanLock, StoreError},
};

/// An account that is reached, and where operations are kept.
pub struct Desk {
    pub gateway: Arc<Gateway>,
    journal: Arc<Journal>,
    state: PathBuf,
    classes: Vec<(String, Class, String)>,
    /// This process, as the lock that hosts share names it; `None` without a team.
    owner: Option<Owner>,
    /// The other account of a plan with two identities.
    pub abroad: Option<Abroad>,
    /// As AWS said last.
    identity: Mutex<Option<Identity>>,
}

/// How long a change is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    InService,
    /// Until its calls and alarms say what it is worth, as far as they can.
    Judged,
}

impl Until {
    fn of(self, run: Run) -> Run {
        match self {
            Self::InService => run.without_verdict(),
            Self::Judged => run,
        }
    }
}

/// How it ended, and with which exit code.
#[derive(Debug)]
pub struct Ended {
    pub state: OperationState,
    pub note: String,
    pub code: u8,
}

impl Desk {
    /// # Errors
    /// Without a journal nothing may be changed; without an account nothing can be.
    pub fn new(
        gateway: Arc<Gateway>,
        folders: &Folders,
        classes: Vec<(String, Class, String)>,
        owner: Option<Owner>,
    ) -> Result<Self, Fault> {
        let journal = Arc::new(Journal::start(folders, gateway.now()).map_err(|error| broken(&error))?);
        Ok(Self {
            gateway,
            journal,
            state: folders.state.clone(),
            classes,
            owner,
            abroad: None,
            identity: Mutex::default(),
        })
    }

    /// Who plans, where and when.
    ///
    /// # Errors
    /// When AWS does not say who we are.
    pub async fn context(&self) -> Result<Context, Fault> {
        let Answer::Identity(identity) = self.gateway.ask(&Ask::Identity).await? else {
            return Err(Fault::new(FaultKind::Bug, "asking who we are", "it answers another question"));
        };
        let account = identity.scope.account.as_str();
        let class = self.classes.iter().find(|(id, ..)| id == account).map_or(Class::Prod, |(_, class, _)| *class);
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity.clone());
        Ok(Context { at: self.gateway.now(), by: Text::new(identity.who()), scope: identity.scope.clone(), class })
    }

    /// Everything an intent is judged by, CloudTrail included.
    ///
    /// # Errors
    /// When what it is about cannot be read.
    pub async fn facts(&self, intent: &Intent) -> Result<Facts, Fault> {
        if let Some(abroad) = self.abroad.as_ref().filter(|_| intent.change.origin().is_some()) {
            return self.gateway.facts_across(&abroad.gateway, intent, true).await;
        }
        match self.gateway.ask(&Ask::Facts { intent: Box::new(intent.clone()), deep: true }).await? {
            Answer::Facts(facts) => Ok(*facts),
            _ => Err(Fault::new(FaultKind::Bug, "reading what a plan is about", "it answers another question")),
        }
    }

    /// Every record of this journal that can be read.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn records(&self) -> Result<Vec<Record>, Fault> {
        if let Some(aside) = self.journal.was_set_aside().await.map_err(|error| broken(&error))? {
            out::complain(&format!(
                "mldeck: the journal was damaged ({}); it is set aside as {}",
                aside.verdict,
                aside.file.display()
            ));
        }
        let entries = self.journal.read_all().await.map_err(|error| broken(&error))?;
        store::told(entries).map_err(|error| broken(&error))
    }

    /// The records of one operation; `None` when there is none of that id.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn operation(&self, id: &str) -> Result<Option<Vec<Record>>, Fault> {
        let records = self.records().await?;
        Ok(journal::of(&records, id).map(|group| group.into_iter().cloned().collect()))
    }

    /// Why a run of this plan may not begin: one was begun before whose end is not written down, or what is written down
    /// cannot be read, unless its operator goes on without (`unrecorded`).
    async fn objection(&self, id: &str, unrecorded: bool) -> Option<String> {
        let records = match self.operation(id).await {
            Ok(records) => records.unwrap_or_default(),
            Err(_) if unrecorded => return None,
            Err(fault) => return Some(fault.to_string()),
        };
        let open = !records.is_empty() && !records.iter().any(|record| matches!(record.entry, Entry::Ended { .. }));
        open.then(|| format!("this plan was begun before; `mldeck watch {id}` tells what came of it"))
    }

    /// Carries out a confirmed plan.
    pub async fn carry_out(&self, plan: Plan, until: Until) -> Ended {
        let now = self.gateway.now();
        let calls = run::allowed(&plan, &plan.by);
        let mut grant = Grant::for_plan(plan.scope.clone(), plan.id(), &calls, now.plus(run::LEAVE));
        if let Some(identity) = self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            grant = grant.held_by(identity);
        }
        self.drive(until.of(Run::new(plan, now)), Some(grant)).await
    }

    /// Watches an operation that nobody watches, or tells what another process does.
    ///
    /// # Errors
    /// When the journal cannot be read, or its plan was changed.
    pub async fn watch(&self, id: &str, until: Until) -> Result<Ended, Fault> {
        let Some(records) = self.operation(id).await? else {
            let message = format!("there is no operation {id} in this journal; mldeck ledger lists them");
            return Err(Fault::new(FaultKind::Setup, "watching", &message));
        };
        let run =
            run::resume(&records).map_err(|error| Fault::new(FaultKind::Refused, "watching", &error.to_string()))?;
        if let Some(holder) = PlanLock::holder(&self.state, id) {
            out::complain(&format!("mldeck: {holder} acts on it; this only tells what it writes down"));
            return self.follow(id, records.len(), until).await;
        }
        Ok(self.drive(until.of(run), None).await)
    }

    /// Tells another process's records as they come.
    async fn follow(&self, id: &str, mut told: usize, until: Until) -> Result<Ended, Fault> {
        const LOOK: Duration = Duration::from_secs(1);
        loop {
            let records = self.operation(id).await?.unwrap_or_default();
            for record in records.iter().skip(told) {
                out::complain(&format!("{} {}", record.at.hms(), journal::sentence(&record.entry)));
                match (&record.entry, until) {
                    (Entry::Ended { state, note }, _) => {
                        return Ok(Ended { state: *state, note: note.clone(), code: code_of(*state, false, false) });
                    }
                    (Entry::Reached { note }, Until::InService) => {
                        return Ok(Ended { state: OperationState::Done, note: note.clone(), code: 0 });
                    }
                    _ => {}
                }
            }
            told = told.max(records.len());
            if PlanLock::holder(&self.state, id).is_none() {
                let run = run::resume(&records)
                    .map_err(|error| Fault::new(FaultKind::Refused, "watching", &error.to_string()))?;
                return Ok(self.drive(until.of(run), None).await);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn drive(&self, run: Run, grant: Option<Grant>) -> Ended {
        let (id, by, scope) = (run.plan().id(), run.plan().by.clone(), run.plan().scope.clone());
        let holder = Holder::this(&Environment::read(), self.gateway.now());
        let unrecorded = run.plan().intent.change.bypasses(Bypass::Journal);
        let lock = match PlanLock::take(&self.state, id.as_str(), &holder) {
            Ok(lock) => Some(lock),
            Err(error) if unrecorded && !matches!(error, StoreError::Held(_)) => {
                out::complain(&format!("mldeck: no lock on this host ({error}): going on without it, as you said"));
                None
            }
            Err(error) => {
                let note = format!("nothing was done: {error}");
                return Ended { state: OperationState::Refused, note, code: 3 };
            }
        };
        // A resumed run has no grant; a new one of a plan that may be on its way already would act beside it.
        if grant.is_some()
            && let Some(why) = self.objection(id.as_str(), unrecorded).await
        {
            let note = format!("nothing was done: {why}");
            return Ended { state: OperationState::Refused, note, code: 3 };
        }
        let run = match &self.owner {
            Some(owner) => run.with_team(Owner { who: by, ..owner.clone() }),
            None => run,
        };
        let (answers, heard) = mpsc::unbounded_channel();
        // A run without leave writes nothing, to the team's ledger neither.
        let courier = self.owner.as_ref().filter(|_| grant.is_some()).map(|owner| self.send_courier(owner, &scope));
        let until = self.gateway.now().plus(run::LEAVE);
        let abroad = self.abroad.as_ref().filter(|_| grant.is_some());
        let elsewhere = abroad.map(|abroad| abroad.grant(run.plan(), until));
        let mut drive = Drive {
            desk: self,
            answers,
            heard,
            news: courier.as_ref().map(|courier| Arc::clone(&courier.news)),
            run,
            elsewhere,
            grant,
            due: None,
            queue: VecDeque::from([Event::Start]),
            end: None,
            stale: false,
            denied: false,
            interrupts: signal(SignalKind::interrupt()).ok(),
        };
        let ended = drive.until_it_ends().await;
        drop(drive);
        drop(lock);
        if let Some(courier) = courier {
            courier.come_back().await;
        }
        ended
    }

    /// Who brings the journal of this host to the team's ledger.
    pub fn courier(&self, owner: &Owner) -> Courier {
        let (gateway, journal) = (Arc::clone(&self.gateway), Arc::clone(&self.journal));
        Courier { gateway, journal, state: self.state.clone(), host: owner.host.clone() }
    }
}

fn broken(error: &StoreError) -> Fault {
    Fault::new(FaultKind::Refused, "opening the journal", &error.to_string())
}

/// Exit codes as ARCHITECTURE.md lists them.
const fn code_of(state: OperationState, stale: bool, denied: bool) -> u8 {
    match state {
        OperationState::Done => 0,
        OperationState::Refused if stale => 4,
        OperationState::Refused if denied => 7,
        OperationState::Refused => 3,
        OperationState::Running | OperationState::Unknown | OperationState::NeedsHuman => 5,
        OperationState::RolledBack => 6,
        OperationState::Failed | OperationState::Superseded | OperationState::Abandoned => 1,
    }
}

/// One run, its effects done one after the other: nothing here is worth doing two things at once.
struct Drive<'a> {
    desk: &'a Desk,
    run: Run,
    grant: Option<Grant>,
    /// Leave in the other account.
    elsewhere: Option<Grant>,
    /// When it wants to be woken, on the local clock.
    due: Option<tokio::time::Instant>,
    queue: VecDeque<Event>,
    end: Option<OperationState>,
    stale: bool,
    denied: bool,
    /// Answers about the lock come beside everything else.
    answers: mpsc::UnboundedSender<Event>,
    heard: mpsc::UnboundedReceiver<Event>,
    /// Tells the courier of records that are on disk.
    news: Option<Arc<Notify>>,
    /// Heard from the first step on: one that comes while a call is on its way must not end the process.
    interrupts: Option<Signal>,
}

impl Drive<'_> {
    async fn until_it_ends(&mut self) -> Ended {
        let mut interrupted = false;
        loop {
            if let Some(state) = self.end {
                let note = self.run.operation().note.to_string();
                return Ended { state, note, code: code_of(state, self.stale, self.denied) };
            }
            let event = match self.queue.pop_front() {
                Some(event) => event,
                None => {
                    let until = self.due.take();
                    tokio::select! {
                        biased;
                        () = interrupted_by(&mut self.interrupts) => {
                            if self.run.is_verifying() {
                                self.due = until;
                                self.queue.push_back(Event::Abandon { by: self.run.plan().by.clone() });
                                continue;
                            }
                            if interrupted {
                                return self.left();
                            }
                            interrupted = true;
                            self.due = until;
                            out::complain(&self.brake());
                            continue;
                        }
                        Some(event) = self.heard.recv() => {
                            self.due = until;
                            event
                        }
                        () = sleep_until(until) => Event::Wake,
                    }
                }
            };
            self.step(event).await;
        }
    }

    /// Who holds the brake, said before anybody leaves.
    fn brake(&self) -> String {
        let plan = self.run.plan();
        format!(
            "{}. {}. Ctrl-C again leaves it; `mldeck watch {}` watches again.",
            self.run.operation().note,
            plan.vanish,
            plan.id()
        )
    }

    fn left(&self) -> Ended {
        let note = format!("left while it was {}: AWS goes on alone", self.run.state().word());
        Ended { state: OperationState::Running, note, code: 5 }
    }

    async fn step(&mut self, event: Event) {
        let at = self.desk.gateway.now();
        for effect in self.run.step(at, event) {
            self.carry_out(at, effect).await;
        }
    }

    async fn carry_out(&mut self, at: Timestamp, effect: Effect) {
        match effect {
            Effect::Journal(record) => {
                let seq = record.seq;
                let result = self.write(&record).await;
                if let (Ok(()), Some(news)) = (&result, &self.news) {
                    news.notify_one();
                }
                self.queue.push_back(Event::Journaled { seq, result });
            }
            Effect::Unrecorded(record) => {
                // One line of JSON each: whoever keeps this output has what the journal lacks.
                out::complain(&format!("not in the journal: {}", record.write().unwrap_or_default()));
                self.queue.push_back(Event::Journaled { seq: record.seq, result: Ok(()) });
            }
            Effect::Read { ticket, ask, scope } => {
                let result = self.look(&ask, scope.as_ref()).await;
                self.queue.push_back(Event::Read { ticket, result });
            }
            Effect::Send { ticket, call, scope } => {
                let sent = self.send(call, scope.as_ref()).await;
                if let Sent::Refused(fault) = &sent {
                    self.denied |= fault.exit_code() == 7;
                }
                self.queue.push_back(Event::Sent { ticket, sent });
            }
            Effect::Lock { ticket, want } => self.ask_lock(ticket, want).await,
            Effect::WakeAt(when) => {
                let millis = u64::try_from(when.since(at)).unwrap_or(0);
                self.due = Some(tokio::time::Instant::from_std(clock::instant()) + Duration::from_millis(millis));
            }
            Effect::Say { text, .. } => out::complain(&format!("{} {text}", at.hms())),
            Effect::Stale(differences) => {
                self.stale = true;
                for d in differences {
                    out::complain(&format!("  {}: planned {}, now {}, yours {}", d.field, d.planned, d.now, d.yours));
                }
            }
            Effect::Finished(state) => self.end = Some(state),
        }
    }

    /// Beside the run: a table that does not answer must not keep it from watching. What is given back is waited for.
    #[expect(clippy::disallowed_methods, reason = "its answer comes as an event; one that comes too late is dropped")]
    async fn ask_lock(&self, ticket: u32, want: Want) {
        if matches!(want, Want::Free(_)) {
            share::lock(&self.desk.gateway, &want).await;
            return;
        }
        let (gateway, answers) = (Arc::clone(&self.desk.gateway), self.answers.clone());
        tokio::spawn(async move {
            let verdict = Box::new(share::lock(&gateway, &want).await);
            let _ = answers.send(Event::Locked { ticket, verdict });
        });
    }

    async fn write(&self, record: &Record) -> Result<(), Fault> {
        let fault =
            |error: &dyn std::fmt::Display| Fault::new(FaultKind::Refused, "writing the journal", &error.to_string());
        let body = serde_json::to_value(record).map_err(|error| fault(&error))?;
        let kind = body.get("entry").and_then(|entry| entry.as_object()?.keys().next().cloned()).unwrap_or_default();
        let written = self.desk.journal.append(record.op.as_str(), &kind, body, record.at).await;
        written.map(drop).map_err(|error| fault(&error))
    }

    /// The session of a scope, and the leave there: the plan's own, or the other account's. There is no third.
    fn session(&self, scope: Option<&Scope>) -> Option<(&Gateway, Option<&Grant>)> {
        match scope {
            None => Some((&self.desk.gateway, self.grant.as_ref())),
            Some(scope) => {
                let abroad = self.desk.abroad.as_ref().filter(|abroad| abroad.scope() == scope)?;
                Some((&abroad.gateway, self.elsewhere.as_ref()))
            }
        }
    }

    async fn look(&self, ask: &Ask, scope: Option<&Scope>) -> Result<Answer, Fault> {
        let Some((gateway, _)) = self.session(scope) else { return Err(nobody(scope)) };
        gateway.ask(ask).await
    }

    async fn send(&self, call: Call, scope: Option<&Scope>) -> Sent {
        let operation = call.operation();
        let write = Write { call, plan: self.run.plan().id() };
        match self.session(scope) {
            Some((gateway, Some(grant))) => gateway.send(&write, grant).await,
            Some((_, None)) => {
                let message = "no confirmation of this operation was given here";
                Sent::Refused(Fault::new(FaultKind::Refused, operation, message))
            }
            None => Sent::Refused(nobody(scope)),
        }
    }
}

fn nobody(scope: Option<&Scope>) -> Fault {
    let place = scope.map(ToString::to_string).unwrap_or_default();
    Fault::new(FaultKind::Refused, "going to another account", &format!("there is no session in {place}"))
}

async fn interrupted_by(signal: &mut Option<Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        // Nothing will ever be heard.
        std::future::pending::<()>().await;
    }
}

async fn sleep_until(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
