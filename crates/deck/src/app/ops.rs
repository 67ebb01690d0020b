//! The deck's driver of the executor: it carries effects out and events in, and judges nothing itself.

use mldeck_core::{
    ask::{Answer, Sent, Write},
    fault::{Fault, FaultKind},
    ops::{
        bulk::Bulk,
        intent::{Change, Choice, Context, Reversal},
        journal::{self, Record},
        plan::{Difference, Expectation, Inverse, Plan},
        run::{self, Event, Level, Run},
        target::{Seen, Target},
        team::{Owner, Verdict},
    },
    resource::{Endpoint, Operation, operation::OperationState},
    text::Text,
    time::{Monotonic, Timestamp},
};

use super::{
    model::Model,
    msg::{Effect, Slot},
    pane::{View, operation::OperationView, plan::PlanView},
};

/// Operations of this session and everything the journal tells.
#[derive(Default)]
pub struct Operations {
    live: Vec<Live>,
    /// Several changes that were confirmed together.
    pub bulk: Option<Bulk>,
    records: Vec<Record>,
    /// The journal was read; before that nothing may be started.
    pub journal: Option<Result<(), Fault>>,
    /// How far the journal is in the ledger that hosts share.
    pub team: super::team::Sharing,
}

/// One run, and what it said.
pub struct Live {
    pub run: Run,
    pub said: Vec<(Timestamp, Level, String)>,
    pub stale: Vec<Difference>,
    due: Option<Monotonic>,
    finished: bool,
}

impl Live {
    pub fn id(&self) -> &Text {
        &self.run.operation().id
    }

    pub fn is_over(&self) -> bool {
        self.run.operation().ended.is_some()
    }

    /// Something of it may still happen; one whose calls are only looked at stands in nobody's way.
    pub fn is_under_way(&self) -> bool {
        !self.is_over() && !self.run.is_verifying()
    }

    /// Over, and written down.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }
}

impl Operations {
    pub fn get(&self, id: &Text) -> Option<&Live> {
        self.live.iter().find(|live| live.id() == id)
    }

    pub fn next_wakeup(&self) -> Option<Monotonic> {
        self.live.iter().filter(|live| !live.is_over()).filter_map(|live| live.due).min()
    }

    pub fn open_count(&self) -> usize {
        self.live.iter().filter(|live| !live.is_over()).count()
    }

    /// Who holds the brake of what is under way while nobody looks; `None` when nothing is.
    pub fn brake(&self) -> Option<String> {
        let mut live = self.live.iter().filter(|live| live.is_under_way()).map(|live| live.run.plan());
        let first = live.next()?;
        let more = match live.count() {
            0 => String::new(),
            n => format!(" And {n} more."),
        };
        Some(format!("{} is under way. {}.{more}", first.title(), first.vanish))
    }

    /// The operation of ours that is under way on this.
    pub fn on_target(&self, target: &Target) -> Option<&Live> {
        // The way back of an endpoint may be that of one of its inference components.
        let is_on = |plan: &Plan| plan.target == *target || plan.intent.change.target() == *target;
        self.live.iter().find(|live| live.is_under_way() && is_on(live.run.plan()))
    }

    pub fn on_endpoint(&self, endpoint: &Text) -> Option<&Live> {
        self.on_target(&Target::endpoint(endpoint.clone()))
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records of one operation, for its detail view.
    pub fn records_of(&self, id: &Text) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| &record.op == id)
    }
}

/// Opens the plan of a change; while an operation of ours is under way there, that one.
pub fn plan(model: &mut Model, change: Change) {
    if let Err(reason) = may_plan(model) {
        model.complain(reason);
        return;
    }
    if let Some(live) = model.ops.on_target(&change.target()) {
        let view = OperationView::new(live.id().clone());
        model.open_later(View::Opened(Box::new(view)));
        model.say("An operation of ours is under way here; B on it stops it.");
        return;
    }
    model.open_later(View::Opened(Box::new(PlanView::new(change))));
}

/// Whether any change can be planned now.
pub fn may_plan(model: &Model) -> Result<(), String> {
    match &model.ops.journal {
        None => Err("The journal is still being read.".to_owned()),
        Some(Err(fault)) => Err(format!("No journal, no change: {fault}")),
        Some(Ok(())) if model.session.scope().is_none() => Err("Not signed in.".to_owned()),
        Some(Ok(())) => Ok(()),
    }
}

/// `z` on an operation: the ordinary plan, to the config that it replaced.
pub fn plan_reversal(model: &mut Model, id: &Text) {
    let (endpoint, choice) = match may_reverse(model, id) {
        Ok(plan) => {
            let reversal = Reversal { operation: id.clone(), left: plan.to.config.clone() };
            let candidate = Some(plan.from.config.clone());
            (plan.target.id.clone(), Choice { candidate, reverses: Some(reversal), ..Choice::default() })
        }
        Err(reason) => return model.complain(reason),
    };
    if model.ops.on_endpoint(&endpoint).is_some() {
        return model.complain(format!("Another operation of ours is under way on {endpoint}: first that one ends."));
    }
    model.open_later(View::Opened(Box::new(PlanView::new(Change::RollBack { endpoint, choice }))));
}

/// The plan of an operation that can be taken back as far as the ledger tells; the endpoint is judged by the planner.
pub fn may_reverse<'a>(model: &'a Model, id: &Text) -> Result<&'a Plan, String> {
    let (Some(row), Some(plan)) = (model.ledger.get(id), journal::planned(&model.ops.records, id)) else {
        return Err("This operation is not in the journal.".to_owned());
    };
    may_plan(model)?;
    if Some(&plan.scope) != model.session.scope() {
        return Err(format!("That was in {}: it is taken back from there.", plan.scope));
    }
    let inverse = match plan.main_step().map(|step| &step.inverse) {
        Some(Inverse::Call(call)) => format!("By the AWS CLI only: {}", call.cli(plan.scope.region.as_str())),
        Some(Inverse::None(why)) => format!("It cannot be taken back: {why}."),
        Some(Inverse::Harmless) | None => "There is nothing to take back.".to_owned(),
    };
    let deploys = matches!(plan.main_step().map(|step| &step.expect), Some(Expectation::OnConfig { .. }));
    let verifies = model.ops.get(id).is_some_and(|live| live.run.is_verifying());
    match if verifies { OperationState::Done } else { row.state } {
        OperationState::Done if deploys && plan.from.config != plan.to.config => Ok(plan),
        OperationState::Done => Err(inverse),
        OperationState::Running | OperationState::Unknown => Err("It is under way: B on it stops it.".to_owned()),
        OperationState::RolledBack => Err("AWS took it back already: nothing of it stands.".to_owned()),
        OperationState::Refused => Err("It changed nothing: there is nothing to take back.".to_owned()),
        state => Err(format!("It ended as {}: B on the endpoint plans from what stands now.", state.word())),
    }
}

/// The newest operation of ours on this endpoint that was carried out.
pub fn last_done(model: &Model, endpoint: &Text) -> Option<Text> {
    let done = |row: &&Operation| row.target == *endpoint && row.state == OperationState::Done;
    model.ledger.rows().iter().filter(done).max_by_key(|row| row.started).map(|row| row.id.clone())
}

/// Who plans, where and when.
pub fn context(model: &Model) -> Option<Context> {
    let identity = model.session.identity()?;
    Some(Context {
        at: model.now(),
        by: Text::new(identity.who()),
        scope: identity.scope.clone(),
        class: model.session.class(),
    })
}

/// A confirmed plan begins. Write mode of `--read-only` decks never gets here.
pub fn start(model: &mut Model, plan: Plan, out: &mut Vec<Effect>) -> Text {
    let run = in_team(model, Run::new(plan, model.now()));
    let id = run.operation().id.clone();
    allow(model, &run, out);
    begin(model, run, out);
    id
}

/// With the lock that hosts share, where there is one.
fn in_team(model: &Model, run: Run) -> Run {
    let who = model.session.identity().map(|identity| Text::new(identity.who())).unwrap_or_default();
    match &model.session.owner {
        Some(owner) => run.with_team(Owner { who, ..owner.clone() }),
        None => run,
    }
}

fn begin(model: &mut Model, run: Run, out: &mut Vec<Effect>) {
    let id = run.operation().id.clone();
    // A plan that is run again replaces its ended run.
    model.ops.live.retain(|live| live.id() != &id);
    model.ops.live.push(Live { run, said: Vec::new(), stale: Vec::new(), due: None, finished: false });
    out.push(Effect::Claim { op: id });
}

/// What the confirmed plan may send: its own calls, and those that take it back.
fn allow(model: &Model, run: &Run, out: &mut Vec<Effect>) {
    let plan = run.plan();
    let by = model.session.identity().map(|identity| Text::new(identity.who())).unwrap_or_default();
    out.push(Effect::Allow {
        op: run.operation().id.clone(),
        scope: plan.scope.clone(),
        plan: plan.id(),
        calls: run::allowed(plan, &by),
        expires: model.now().plus(run::LEAVE),
    });
}

/// Another process may have the plan: then this one does not touch it.
pub fn on_claimed(model: &mut Model, id: &Text, result: Result<(), Text>, out: &mut Vec<Effect>) {
    match result {
        Ok(()) => step(model, id, Event::Start, out),
        Err(holder) => {
            model.ops.live.retain(|live| live.id() != id);
            model.complain(format!("Operation {id} is in the hands of {holder}: this deck leaves it alone."));
        }
    }
}

/// `B` on an operation that runs: take the deployment back.
pub fn abort(model: &mut Model, id: &Text, out: &mut Vec<Effect>) {
    let by = model.session.identity().map(|identity| Text::new(identity.who())).unwrap_or_default();
    // A resumed run has no leave of its own: pressing B on it gives it.
    if let Some(live) = model.ops.get(id) {
        allow(model, &live.run, out);
    }
    step(model, id, Event::Abort { by }, out);
}

/// `T` on a resumed operation: it may send what it owes, and nothing else.
pub fn settle(model: &mut Model, id: &Text, out: &mut Vec<Effect>) {
    let by = model.session.identity().map(|identity| Text::new(identity.who())).unwrap_or_default();
    if let Some(live) = model.ops.get(id) {
        allow(model, &live.run, out);
    }
    step(model, id, Event::Settle { by }, out);
}

/// Leaves it alone: nothing more is sent or watched, and the ledger says who decided that.
pub fn abandon(model: &mut Model, id: &Text, out: &mut Vec<Effect>) {
    let by = model.session.identity().map(|identity| Text::new(identity.who())).unwrap_or_default();
    step(model, id, Event::Abandon { by }, out);
}

fn step(model: &mut Model, id: &Text, event: Event, out: &mut Vec<Effect>) {
    let at = model.now();
    let Some(live) = model.ops.live.iter_mut().find(|live| live.id() == id) else { return };
    let effects = live.run.step(at, event);
    for effect in effects {
        carry_out(model, id, effect, out);
    }
    let row = model.ops.get(id).map(|live| live.run.operation().clone());
    if let Some(row) = row {
        model.ledger.upsert(vec![row], |_, _| {});
    }
}

/// A deck has one session: what goes to another account is the command line's, which has two.
fn elsewhere(plan: &Plan, doing: &'static str) -> Fault {
    let line = plan.origin().map_or_else(String::new, |origin| {
        format!(": mldeck plan promote … --from-profile {} --save FILE, then mldeck apply FILE --write", origin.profile)
    });
    Fault::new(FaultKind::Refused, doing, &format!("a deck has one session, and this is sent by another{line}"))
}

fn carry_out(model: &mut Model, id: &Text, effect: run::Effect, out: &mut Vec<Effect>) {
    let (now, mono, speed) = (model.now(), model.at.mono, model.speed());
    let Some(live) = model.ops.live.iter_mut().find(|live| live.id() == id) else { return };
    match effect {
        run::Effect::Journal(record) => out.push(Effect::Journal { op: id.clone(), record: Box::new(record) }),
        // No plan of a deck leaves its journal out; should one, it is told here, and goes on.
        run::Effect::Unrecorded(record) => {
            live.said.push((now, Level::Bad, format!("not in the journal: {}", journal::sentence(&record.entry))));
            let told = Event::Journaled { seq: record.seq, result: Ok(()) };
            step(model, id, told, out);
        }
        run::Effect::Read { ticket, scope: Some(_), .. } => {
            let fault = elsewhere(live.run.plan(), "looking at another account");
            step(model, id, Event::Read { ticket, result: Err(fault) }, out);
        }
        run::Effect::Send { ticket, scope: Some(_), .. } => {
            let fault = elsewhere(live.run.plan(), "changing another account");
            step(model, id, Event::Sent { ticket, sent: Sent::Refused(fault) }, out);
        }
        run::Effect::Read { ticket, ask, scope: None } => out.push(Effect::OpRead { op: id.clone(), ticket, ask }),
        run::Effect::Send { ticket, call, scope: None } => {
            let write = Box::new(Write { call, plan: live.run.plan().id() });
            out.push(Effect::Send { op: id.clone(), ticket, write });
        }
        run::Effect::Lock { ticket, want } => {
            out.push(Effect::Lock { op: id.clone(), ticket, want: Box::new(want) });
        }
        run::Effect::WakeAt(at) => {
            let wait = (at.since(now).max(0) as f64 / speed).ceil();
            live.due = Some(mono.plus(wait as u64));
        }
        run::Effect::Say { level, text } => live.said.push((now, level, text)),
        run::Effect::Stale(differences) => live.stale = differences,
        run::Effect::Finished(state) => {
            live.due = None;
            live.finished = true;
            out.push(Effect::Release { op: id.clone() });
            let operation = live.run.operation();
            let line = format!("{} {}: {}", operation.verb, operation.target, state.word());
            model.polls.hurry(Slot::Endpoints, mono);
            model.details_read.clear();
            out.push(Effect::Notify(line.clone()));
            match state {
                OperationState::Done => model.say(line),
                _ => model.complain(line),
            }
        }
    }
}

/// Signed in again: what could not be seen is looked at now.
pub fn look_again(model: &mut Model, out: &mut Vec<Effect>) {
    let blind = model.ops.live.iter().filter(|live| live.run.is_blind());
    let ids: Vec<Text> = blind.map(|live| live.id().clone()).collect();
    for id in ids {
        step(model, &id, Event::Look, out);
    }
}

/// What is due by now.
pub fn tick(model: &mut Model) -> Vec<Effect> {
    let mono = model.at.mono;
    let due = |live: &&mut Live| live.due.is_some_and(|due| due <= mono);
    let mut ids = Vec::new();
    for live in model.ops.live.iter_mut().filter(due) {
        live.due = None;
        ids.push(live.id().clone());
    }
    let mut out = Vec::new();
    for id in ids {
        step(model, &id, Event::Wake, &mut out);
    }
    out
}

pub fn on_journaled(model: &mut Model, op: &Text, record: Record, result: Result<(), Fault>, out: &mut Vec<Effect>) {
    let seq = record.seq;
    if let Err(fault) = &result {
        model.complain(fault.to_string());
    } else {
        model.ops.records.push(record);
        model.ops.team.hurry(model.at.mono);
    }
    step(model, op, Event::Journaled { seq, result }, out);
}

pub fn on_read(model: &mut Model, op: &Text, ticket: u32, result: Result<Answer, Fault>, out: &mut Vec<Effect>) {
    if let Ok(Answer::Seen(Seen::Endpoint(endpoint))) = &result {
        show(model, endpoint);
    }
    step(model, op, Event::Read { ticket, result }, out);
}

/// What the executor read is newer than the list.
fn show(model: &mut Model, endpoint: &Endpoint) {
    if let Some(row) = model.endpoints.row_mut(&endpoint.name) {
        row.status = endpoint.status.clone();
        row.modified = endpoint.modified;
        if let (Some(new), old) = (&endpoint.details, &mut row.details) {
            let mut new = new.clone();
            if let Some(old) = old {
                new.complete_from(old);
            }
            *old = Some(new);
        }
    }
}

pub fn on_sent(model: &mut Model, op: &Text, ticket: u32, sent: Sent, out: &mut Vec<Effect>) {
    step(model, op, Event::Sent { ticket, sent }, out);
}

pub fn on_locked(model: &mut Model, op: &Text, ticket: u32, verdict: Box<Verdict>, out: &mut Vec<Effect>) {
    step(model, op, Event::Locked { ticket, verdict }, out);
}

/// The journal of all sessions: the ledger's rows, and operations that nobody watched to their end.
pub fn on_ledger(model: &mut Model, result: Result<Vec<Record>, Fault>) {
    match result {
        Err(fault) => {
            model.complain(fault.to_string());
            model.ledger.load.fault = Some(fault.clone());
            model.ops.journal = Some(Err(fault));
        }
        Ok(records) => {
            model.ledger.replace(journal::ledger(&records));
            model.ledger.load.as_of = Some(model.now());
            model.ops.records = records;
            model.ops.journal = Some(Ok(()));
        }
    }
}

/// Watches what an earlier session left open in this scope: it only looks, it sends nothing.
pub fn resume(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(scope) = model.session.scope().cloned() else { return };
    let groups: Vec<Vec<Record>> =
        journal::operations(&model.ops.records).into_iter().map(|group| group.into_iter().cloned().collect()).collect();
    let mut resumed = 0;
    for group in groups {
        let open = group.iter().all(|record| !matches!(record.entry, journal::Entry::Ended { .. }));
        let here = matches!(&group[0].entry, journal::Entry::Planned { plan } if plan.scope == scope);
        if !open || !here || model.ops.live.iter().any(|live| live.id() == &group[0].op) {
            continue;
        }
        match run::resume(&group) {
            Ok(run) => {
                resumed += 1;
                let run = in_team(model, run);
                begin(model, run, out);
            }
            Err(why) => model.complain(format!("Operation {} cannot be resumed: {why}", group[0].op)),
        }
    }
    match resumed {
        0 => {}
        1 => model.say("One unfinished operation: watching it again (9)."),
        n => model.say(format!("{n} unfinished operations: watching them again (9).")),
    }
}
