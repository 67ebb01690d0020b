//! `B` and `z`: the plan, before anything happens. It appears at once from what Describe, tags and the ledger say;
//! CloudTrail refines it.

use mldeck_core::{
    ask::{Answer, Ask},
    column::Tone,
    fault::Fault,
    ops::{
        Facts, Snapshot,
        confirm::{Confirm, Gate, Verdict},
        guard::STALE,
        intent::{Bypass, Change, Choice, Intent, Route},
        journal,
        plan::{Plan, Refusal},
        target::Kind as Thing,
        verb::{self, held, routes},
    },
    resource::Kind,
    text::Text,
    time::{SECOND, Timestamp},
};

use super::{Opened, Scroll, Subject, View, operation::OperationView, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    field::Field,
    look::{Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    ops,
    polls::Want,
};

pub(super) mod document;

use document::{document, refused};

/// The plan's facts are read again while the operator thinks: each half minute of the account's time.
const REFRESH: i64 = 30 * SECOND;
/// A fast demo's clock asks no more often than this, milliseconds.
const SHORTEST_REFRESH: u64 = 1_000;
/// Characters of a reason.
pub(super) const LONGEST_REASON: usize = 200;
/// Below this height the hint under the prompt gives its line to the plan.
const ROOM_FOR_HINT: u16 = 30;

pub struct PlanView {
    intent: Intent,
    facts: Option<Facts>,
    fault: Option<Fault>,
    /// The reason while it is typed: keys go there instead of to the prompt.
    reason: Option<Field>,
    plan: Option<Result<Plan, Vec<Refusal>>>,
    gate: Option<Gate>,
    /// When the prompt's plan is too old to be confirmed.
    gate_until: Timestamp,
    /// Why the last key did not count.
    note: Option<&'static str>,
    /// The next command came in a burst.
    burst: bool,
    scroll: Scroll,
    gone: bool,
}

impl PlanView {
    pub fn new(change: Change) -> Self {
        Self {
            intent: change.into(),
            facts: None,
            fault: None,
            reason: None,
            plan: None,
            gate: None,
            gate_until: Timestamp::default(),
            note: None,
            burst: false,
            scroll: Scroll::default(),
            gone: false,
        }
    }

    /// Judges again. What is typed stays only while the plan does the same thing on the same facts.
    fn replan(&mut self, model: &Model) {
        let (Some(facts), Some(context)) = (&self.facts, ops::context(model)) else { return };
        let history = journal::history(model.ops.records());
        let plan = verb::plan(&self.intent, facts, &history, &context);
        let same = match (&self.plan, &plan) {
            (Some(Ok(before)), Ok(after)) => before.is_like(after),
            _ => false,
        };
        if !same || model.now() > self.gate_until {
            self.gate = plan.as_ref().ok().map(Gate::new);
            self.note = None;
        } else if let (Some(gate), Ok(plan)) = (&mut self.gate, &plan) {
            gate.renew(plan);
        }
        self.gate_until = plan.as_ref().map_or(self.gate_until, |plan| plan.valid_until);
        // What was found meanwhile is shown in any case: sources and ages are no part of what will be done.
        self.plan = Some(plan);
    }

    /// Tab: of a way back the other mode, the next route, the next candidate; of a promotion the next way to roll it out, and
    /// where it is held, to go on without an answer to the first gate.
    fn next_choice(&mut self, model: &mut Model) {
        if let Change::Promote { rollout, accept, .. } = &mut self.intent.change {
            match &self.plan {
                Some(Ok(_)) => *rollout = rollout.next(),
                Some(Err(refusals)) => accept.extend(held(refusals).into_iter().take(1)),
                None => return,
            }
            return self.replan(model);
        }
        let Some(Ok(plan)) = &self.plan else { return };
        let Change::RollBack { choice, .. } = &mut self.intent.change else { return };
        let snapshot = self.facts.as_ref().and_then(|facts| facts.snapshot.as_ref());
        next_way(choice, plan, snapshot);
        if self.facts.as_ref().is_some_and(|facts| model.now().since(facts.at) > STALE) {
            model.polls.hurry(Slot::Facts, model.at.mono);
        }
        self.replan(model);
    }

    /// F8: of a way back, to go on without the lock that hosts share, or with it again. It needs a reason, so that is asked for.
    fn bypass(&mut self, model: &mut Model) {
        let Change::RollBack { choice, .. } = &mut self.intent.change else {
            return model.complain("Only a way back may go on without the team lock.");
        };
        if model.session.owner.is_none() {
            return model.complain("There is no team lock here.");
        }
        if choice.bypass.contains(&Bypass::Lock) {
            choice.bypass.retain(|what| *what != Bypass::Lock);
        } else {
            choice.bypass.push(Bypass::Lock);
            if self.intent.reason.is_none() {
                self.reason = Some(Field::new(""));
            }
        }
        self.replan(model);
    }

    /// One line of text over the prompt. A plan with another reason is another plan: its target is typed after it.
    fn on_reason(&mut self, model: &Model, command: Command) -> bool {
        let Some(field) = &mut self.reason else { return false };
        match command {
            Command::Confirm | Command::Accept | Command::Reason | Command::NextChoice => {
                let typed: String = field.text().trim().chars().take(LONGEST_REASON).collect();
                self.intent.reason = (!typed.is_empty()).then(|| Text::new(&typed));
                self.reason = None;
                self.replan(model);
            }
            Command::Back => self.reason = None,
            Command::Left => return field.on(Command::CursorLeft),
            Command::Right => return field.on(Command::CursorRight),
            _ => return field.on(command),
        }
        true
    }

    /// CloudTrail tells who changed what: a way back is found by it.
    const fn trail_matters(&self) -> bool {
        matches!(self.intent.change, Change::RollBack { .. })
    }

    fn go(&mut self, model: &mut Model, out: &mut Vec<Effect>) {
        if model.session.read_only {
            model.complain("Read-only: nothing is sent. The AWS CLI line in the plan does it.");
            return;
        }
        if let Some(Ok(plan)) = self.plan.take() {
            let id = ops::start(model, plan, out);
            self.gone = true;
            model.open_later(View::Opened(Box::new(OperationView::new(id))));
        }
    }

    fn verdict(&mut self, model: &mut Model, verdict: Verdict, out: &mut Vec<Effect>) {
        match verdict {
            Verdict::More => self.note = None,
            Verdict::Ignored(why) => self.note = Some(why.sentence()),
            Verdict::Go => self.go(model, out),
        }
    }

    fn prompt(&self, model: &Model) -> Line {
        let (Some(Ok(plan)), Some(gate)) = (&self.plan, &self.gate) else { return Vec::new() };
        let mut line = Vec::new();
        if model.session.read_only {
            line.push((" read-only deck: this plan cannot be carried out here".to_owned(), Tone::Warn));
            return line;
        }
        if let Some(field) = &self.reason {
            return reason_line(field);
        }
        match &plan.confirm {
            Confirm::Typed { target } => {
                line.push((" Type  ".to_owned(), Tone::Plain));
                line.push((target.to_string(), Tone::Strong));
                line.push(("  and Enter to go: ".to_owned(), Tone::Plain));
                line.push((format!("{}▏", gate.typed()), if gate.is_matched() { Tone::Ok } else { Tone::Accent }));
            }
            Confirm::Key { key } => {
                line.push((" Press  ".to_owned(), Tone::Plain));
                line.push((key.to_string(), Tone::Strong));
                line.push(("  to go, Esc to leave".to_owned(), Tone::Plain));
            }
        }
        if let Some(note) = self.note {
            line.push((format!("   {note}"), Tone::Warn));
        }
        line
    }
}

impl Opened for PlanView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Confirm, Scope::Text]
    }

    fn title(&self, model: &Model) -> Line {
        let title = match &self.plan {
            Some(Ok(plan)) => plan.title(),
            _ => untitled(&self.intent),
        };
        let place = model.session.scope().map(|scope| format!("   {} {}", scope.short_account(), scope.region));
        vec![(title, Tone::Strong), (place.unwrap_or_default(), Tone::Dim)]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let snapshot = self.facts.as_ref().and_then(|facts| facts.snapshot.as_ref());
        let deep = self.trail_matters() && snapshot.is_none_or(|snapshot| snapshot.trail.is_none());
        match &self.plan {
            Some(Ok(plan)) => {
                let doc = |lines, scroll| Look::Doc { lines, scroll };
                let mut rows = vec![
                    (Share::Part(1), doc(document(plan, !deep), self.scroll.0)),
                    (Share::Fixed(1), doc(vec![self.prompt(model)], 0)),
                ];
                // Where each line counts, the line of keys below says as much.
                if model.size.1 >= ROOM_FOR_HINT {
                    let ways = match &self.intent.change {
                        Change::RollBack { .. } if plan.target.kind == Thing::Component => {
                            " tab: guardrail mode, component   "
                        }
                        Change::RollBack { .. } => " tab: guardrail mode, route, candidate   ",
                        Change::Promote { .. } => " tab: canary, linear, rolling, all at once   ",
                        _ => "",
                    };
                    let hint =
                        format!("{ways} shift-tab: reason (INC-…)    f5: read again    Esc leaves, nothing was sent");
                    rows.push((Share::Fixed(1), doc(vec![vec![(hint, Tone::Dim)]], 0)));
                }
                Look::Rows(rows)
            }
            Some(Err(refusals)) => {
                let doc = |lines, scroll| Look::Doc { lines, scroll };
                let mut rows = vec![(Share::Part(1), doc(refused(refusals), self.scroll.0))];
                if let Some(field) = &self.reason {
                    rows.push((Share::Fixed(1), doc(vec![reason_line(field)], 0)));
                } else if let Some(gate) = held(refusals).first() {
                    let hint = format!(" tab: go on without an answer to `{gate}`    shift-tab: the reason it needs");
                    rows.push((Share::Fixed(1), doc(vec![vec![(hint, Tone::Dim)]], 0)));
                }
                Look::Rows(rows)
            }
            None => Look::Notice(match &self.fault {
                Some(fault) => fault_notice(fault, Tone::Bad),
                None => Notice::new(Tone::Dim, "Reading the endpoint, its configs, models, alarms and scaling …")
                    .line("Nothing is sent. Esc leaves."),
            }),
        }
    }

    fn on(&mut self, model: &mut Model, command: Command, out: &mut Vec<Effect>) -> bool {
        if self.reason.is_some() {
            return self.on_reason(model, command);
        }
        let page = self.page(model);
        match command {
            Command::Reason if self.plan.is_some() => {
                let before = self.intent.reason.as_ref().map(Text::to_string).unwrap_or_default();
                self.reason = Some(Field::new(&before));
            }
            Command::Confirm | Command::Accept => {
                let (mono, now, burst) = (model.at.mono, model.now(), self.burst);
                let Some(gate) = &mut self.gate else { return true };
                let verdict = if burst { gate.paste(mono) } else { gate.enter(mono, now) };
                self.verdict(model, verdict, out);
            }
            Command::NextChoice | Command::PreviousChoice | Command::Complete => self.next_choice(model),
            Command::EraseLeft => {
                if let Some(gate) = &mut self.gate {
                    gate.backspace(model.at.mono);
                }
            }
            // A line is typed here: motions that have keys of their own scroll the plan.
            Command::Next | Command::Previous | Command::PageDown | Command::PageUp => {
                self.scroll.on(command, page);
            }
            Command::HalfDown | Command::HalfUp => {
                self.scroll.on(command, page);
            }
            Command::Bypass if self.plan.is_some() => self.bypass(model),
            Command::RollBack => {}
            _ => return false,
        }
        true
    }

    fn type_in(&mut self, model: &mut Model, text: &str, burst: bool) -> bool {
        if let Some(field) = &mut self.reason {
            field.insert(text);
            return true;
        }
        let (mono, now) = (model.at.mono, model.now());
        let Some(gate) = &mut self.gate else { return true };
        let verdict = gate.text(mono, now, text, burst);
        let mut out = Vec::new();
        self.verdict(model, verdict, &mut out);
        model.later.extend(out);
        true
    }

    fn confirmable(&mut self, burst: bool) {
        self.burst = burst;
    }

    fn drawn(&mut self, model: &Model) {
        if let Some(gate) = &mut self.gate {
            gate.drawn(model.at.mono);
        }
    }

    fn hidden(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate.hidden();
        }
    }

    fn is_done(&self) -> bool {
        self.gone
    }

    fn wants(&self, model: &Model) -> Vec<Want> {
        if self.gone {
            return Vec::new();
        }
        let ask = |deep| Ask::Facts { intent: Box::new(self.intent.clone()), deep };
        let every = ((REFRESH as f64 / model.speed()) as u64).max(SHORTEST_REFRESH);
        let mut out = vec![Want { slot: Slot::Facts, ask: ask(false), every: Some(every) }];
        if self.trail_matters() {
            out.push(Want::once(Slot::FactsDeep, ask(true)));
        }
        out
    }

    fn reply(&mut self, model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if !matches!(slot, Slot::Facts | Slot::FactsDeep) {
            return false;
        }
        match result {
            Ok(Answer::Facts(facts)) => {
                self.fault = None;
                let facts = (**facts).clone();
                self.facts = Some(match self.facts.take() {
                    Some(before) => before.and(facts),
                    None => facts,
                });
                self.replan(model);
            }
            Ok(_) => return false,
            Err(fault) => {
                if self.plan.is_some() {
                    model.complain(fault.to_string());
                }
                self.fault = Some(fault.clone());
            }
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        let endpoint = self.intent.change.endpoint()?;
        Some(Subject { kind: Kind::Endpoint, name: endpoint.clone(), arn: None })
    }
}

/// The document as plain lines, for a shell.
pub fn written(plan: &Plan) -> Vec<String> {
    document(plan, true).into_iter().map(|line| line.into_iter().map(|(text, _)| text).collect()).collect()
}

pub(super) fn reason_line(field: &Field) -> Line {
    vec![
        (" Reason or ticket: ".to_owned(), Tone::Plain),
        (format!("{}▏", field.text()), Tone::Accent),
        ("   Enter keeps it, Esc does not".to_owned(), Tone::Dim),
    ]
}

/// The title before there is a plan.
fn untitled(intent: &Intent) -> String {
    let target = intent.change.target().id;
    match &intent.change {
        Change::RollBack { choice: Choice { reverses: Some(reversal), .. }, .. } => {
            format!("Undo {} of {target}", reversal.operation)
        }
        _ => capitalised(&format!("{} {target}", intent.change.verb())),
    }
}

pub(in crate::app) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The other mode, then the next route, then the next candidate.
fn next_way(choice: &mut Choice, plan: &Plan, snapshot: Option<&Snapshot>) {
    if plan.target.kind == Thing::Component {
        return next_component(choice, plan);
    }
    let routes = snapshot.map(routes).unwrap_or_default();
    let deploys = !plan.candidates.is_empty();
    if deploys && (choice.mode.is_none() || choice.reverses.is_some()) {
        choice.mode = Some(plan.mode.other());
        return;
    }
    choice.mode = None;
    let used = plan.intent.change.route();
    let at = routes.iter().position(|route| Some(*route) == used).map_or(0, |at| at + 1);
    if choice.reverses.is_none() && routes.len() > 1 && choice.candidate.is_none() && at < routes.len() {
        choice.route = routes.get(at).copied();
        return;
    }
    choice.route = None;
    if !deploys {
        choice.route = routes.first().copied();
        return;
    }
    // The chosen one stands first in a plan: the order of names does not move while they are walked.
    let mut names: Vec<&Text> = plan.candidates.iter().map(|candidate| &candidate.config).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    let at = names.iter().position(|name| **name == plan.to.config).map_or(0, |at| at + 1);
    choice.route = Some(Route::Config);
    choice.candidate = names.get(at % names.len().max(1)).map(|name| (*name).clone());
}

/// The other mode, then the next component that has a way back.
fn next_component(choice: &mut Choice, plan: &Plan) {
    if choice.mode.is_none() {
        choice.mode = Some(plan.mode.other());
        return;
    }
    choice.mode = None;
    let mut names: Vec<&Text> = plan.candidates.iter().map(|candidate| &candidate.config).collect();
    names.sort_unstable();
    let at = names.iter().position(|name| **name == plan.target.id).map_or(0, |at| at + 1);
    choice.component = names.get(at % names.len().max(1)).map(|name| (*name).clone());
}
