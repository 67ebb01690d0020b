//! A verb on several marked rows: one page with the plan of each, or why there is none, before anything happens. Typing how
//! many there are carries them out, one after the other.

use mldeck_core::{
    ask::{Answer, Ask},
    column::Tone,
    fault::Fault,
    health::Health,
    ops::{
        Facts, bulk as several,
        confirm::{Gate, Verdict},
        intent::{Change, Class, Intent},
        journal,
        plan::Plan,
        verb,
    },
    text::Text,
};

use super::{
    Opened, Scroll, View,
    plan::{LONGEST_REASON, document, reason_line},
};
use crate::app::{
    bulk,
    command::{Command, Scope},
    field::Field,
    look::{Line, Look, Share},
    model::Model,
    msg::{Effect, Slot},
    ops,
    polls::Want,
};

mod course;

pub use course::BulkView;

/// One marked row: its name, and what the verb asks for there or why it cannot.
pub type Marked = (Text, Result<Change, String>);

/// What became of one marked row.
enum Stand {
    Unread(Change),
    Read(Change, Box<Facts>, Result<Box<Plan>, String>),
    /// It cannot be planned, or its facts cannot be read.
    Refused(String),
}

struct Entry {
    name: Text,
    stand: Stand,
}

impl Entry {
    fn plan(&self) -> Option<&Plan> {
        match &self.stand {
            Stand::Read(_, _, Ok(plan)) => Some(plan),
            _ => None,
        }
    }
}

pub struct BulkPlanView {
    /// `Stop 3 executions`.
    title: String,
    entries: Vec<Entry>,
    reason: Option<Text>,
    /// The reason while it is typed.
    typing: Option<Field>,
    gate: Option<Gate>,
    note: Option<&'static str>,
    burst: bool,
    scroll: Scroll,
    gone: bool,
}

impl BulkPlanView {
    pub fn new(title: String, marked: Vec<Marked>) -> Self {
        let entry = |(name, change): Marked| Entry {
            name,
            stand: match change {
                Ok(change) => match several::alone(&change) {
                    None => Stand::Unread(change),
                    Some(why) => Stand::Refused(why.to_owned()),
                },
                Err(why) => Stand::Refused(why),
            },
        };
        Self {
            title,
            entries: marked.into_iter().map(entry).collect(),
            reason: None,
            typing: None,
            gate: None,
            note: None,
            burst: false,
            scroll: Scroll::default(),
            gone: false,
        }
    }

    fn unread(&self) -> Option<&Change> {
        self.entries.iter().find_map(|entry| match &entry.stand {
            Stand::Unread(change) => Some(change),
            _ => None,
        })
    }

    fn intent(&self, change: &Change) -> Intent {
        Intent::from(change.clone()).because(self.reason.clone())
    }

    fn plans(&self) -> Vec<&Plan> {
        self.entries.iter().filter_map(Entry::plan).collect()
    }

    /// The facts of the first that was not read yet.
    fn take(&mut self, model: &Model, result: Result<Facts, &Fault>) {
        let Some(change) = self.unread().cloned() else { return };
        let stand = match result {
            Ok(facts) => {
                let made = judge(model, &self.intent(&change), &facts);
                Stand::Read(change, Box::new(facts), made)
            }
            Err(fault) => Stand::Refused(fault.to_string()),
        };
        if let Some(entry) = self.entries.iter_mut().find(|entry| matches!(entry.stand, Stand::Unread(_))) {
            entry.stand = stand;
        }
        self.open_gate();
    }

    /// Another reason makes other plans of the same facts.
    fn judge_again(&mut self, model: &Model) {
        let reason = self.reason.clone();
        for entry in &mut self.entries {
            if let Stand::Read(change, facts, made) = &mut entry.stand {
                *made = judge(model, &Intent::from(change.clone()).because(reason.clone()), facts);
            }
        }
        self.open_gate();
    }

    /// Their number can be typed once all were read.
    fn open_gate(&mut self) {
        let plans = self.plans();
        let ready = self.unread().is_none() && !plans.is_empty();
        let gate = ready.then(|| Gate::of(several::confirm(plans.len()), several::valid_until(plans)));
        self.gate = gate;
        self.note = None;
    }

    fn read_again(&mut self) {
        for entry in &mut self.entries {
            if let Stand::Read(change, ..) = &entry.stand {
                entry.stand = Stand::Unread(change.clone());
            }
        }
        self.gate = None;
        self.note = None;
    }

    fn verdict(&mut self, model: &mut Model, verdict: Verdict) {
        match verdict {
            Verdict::More => self.note = None,
            Verdict::Ignored(why) => self.note = Some(why.sentence()),
            Verdict::Go => self.go(model),
        }
    }

    fn go(&mut self, model: &mut Model) {
        let plans: Vec<Plan> = self.plans().into_iter().cloned().collect();
        if let Err(reason) = may_go(model, plans.len()) {
            return model.complain(reason);
        }
        let id = bulk::start(model, plans);
        self.gone = true;
        // Done with: the next verb is about the cursor again.
        let pane = model.nav.pane();
        crate::with_table!(model, pane, table => table.clear_marks());
        model.open_later(View::Opened(Box::new(BulkView::new(id))));
    }

    fn on_reason(&mut self, model: &Model, command: Command) -> bool {
        let Some(field) = &mut self.typing else { return false };
        match command {
            Command::Confirm | Command::Accept | Command::Reason | Command::NextChoice => {
                let typed: String = field.text().trim().chars().take(LONGEST_REASON).collect();
                self.reason = (!typed.is_empty()).then(|| Text::new(&typed));
                self.typing = None;
                self.judge_again(model);
            }
            Command::Back => self.typing = None,
            Command::Left => return field.on(Command::CursorLeft),
            Command::Right => return field.on(Command::CursorRight),
            _ => return field.on(command),
        }
        true
    }

    fn prompt(&self, model: &Model) -> Line {
        if let Some(field) = &self.typing {
            return reason_line(field);
        }
        if model.session.read_only {
            return vec![(" read-only deck: none of it can be carried out here".to_owned(), Tone::Warn)];
        }
        let Some(gate) = &self.gate else {
            let text =
                if self.unread().is_some() { " Reading …  Nothing is sent." } else { " None of them can be done." };
            return vec![(text.to_owned(), Tone::Dim)];
        };
        let mut line = vec![
            (" Type  ".to_owned(), Tone::Plain),
            (self.plans().len().to_string(), Tone::Strong),
            (" , how many there are, and Enter to go: ".to_owned(), Tone::Plain),
            (format!("{}▏", gate.typed()), if gate.is_matched() { Tone::Ok } else { Tone::Accent }),
        ];
        line.extend(self.note.map(|note| (format!("   {note}"), Tone::Warn)));
        line
    }

    fn lines(&self, model: &Model) -> Vec<Line> {
        let width = self.entries.iter().map(|entry| entry.name.as_str().chars().count()).max().unwrap_or(0).min(40);
        let mut out: Vec<Line> = self.entries.iter().map(|entry| line_of(entry, width)).collect();
        out.push(Vec::new());
        out.extend(self.totals(model));
        out
    }

    fn totals(&self, model: &Model) -> Vec<Line> {
        let plans = self.plans();
        let mut out = Vec::new();
        let fact = |name: &str, text: String, tone: Tone| vec![document::label(name), (text, tone)];
        if let Some(reason) = &self.reason {
            out.push(fact("reason", reason.to_string(), Tone::Plain));
        }
        for (plan, finding) in several::findings(plans.iter().copied()) {
            let mut line = document::finding(finding);
            line.insert(1, (format!("{}: ", plan.name), Tone::Strong));
            out.push(line);
        }
        let calls = several::calls(plans.iter().copied());
        let told: Vec<String> = calls.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if !told.is_empty() {
            out.push(fact("calls", told.join(", "), Tone::Plain));
        }
        let left = self.entries.iter().filter(|entry| entry.stand.is_refused()).count();
        if left > 0 {
            let text = format!("{left} of {} that cannot be done, as said above", self.entries.len());
            out.push(fact("left out", text, Tone::Warn));
        }
        let text = "one after the other; the first that does not end as it should ends the rest";
        out.push(fact("in turn", text.to_owned(), Tone::Plain));
        if model.session.class() == Class::Prod {
            let most = model.session.bulk_in_production;
            out.push(fact("at most", format!("{most} in production (bulk-in-production)"), Tone::Plain));
        }
        let text = "what runs is watched again by the next start; what was not begun stays as it is";
        out.push(fact("if this dies", text.to_owned(), Tone::Plain));
        out
    }
}

impl Stand {
    const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Read(_, _, Err(_)))
    }
}

fn judge(model: &Model, intent: &Intent, facts: &Facts) -> Result<Box<Plan>, String> {
    if model.ops.on_target(&intent.change.target()).is_some() {
        return Err("an operation of ours is under way on it".to_owned());
    }
    let context = ops::context(model).ok_or("Not signed in.")?;
    let history = journal::history(model.ops.records());
    verb::plan(intent, facts, &history, &context).map(Box::new).map_err(|refusals| {
        let told = refusals.iter().map(|refusal| match &refusal.remedy {
            Some(remedy) => format!("{}. {remedy}", refusal.text),
            None => refusal.text.clone(),
        });
        told.collect::<Vec<_>>().join("; ")
    })
}

/// Asked when it is opened and once more when it is confirmed: the class of an account may have changed meanwhile.
pub fn may_go(model: &Model, count: usize) -> Result<(), String> {
    ops::may_plan(model)?;
    if bulk::is_under_way(model) {
        return Err("Several changes are under way: first those end (:bulk shows them).".to_owned());
    }
    several::too_many(count, model.session.class(), model.session.bulk_in_production).map_or(Ok(()), Err)
}

fn line_of(entry: &Entry, width: usize) -> Line {
    let name = |tone| (format!("{:<width$}  ", entry.name), tone);
    let mark = |health: Health| (format!("  {} ", health.symbol()), health.tone());
    match &entry.stand {
        Stand::Unread(_) => vec![mark(Health::Busy), name(Tone::Plain), ("reading …".to_owned(), Tone::Dim)],
        Stand::Read(_, _, Ok(plan)) => {
            let calls: Vec<&str> = plan.steps.iter().map(|step| step.call.operation()).collect();
            vec![
                mark(Health::Ok),
                name(Tone::Strong),
                (plan.summary(), Tone::Plain),
                (format!("   {}", calls.join(", ")), Tone::Dim),
            ]
        }
        Stand::Read(_, _, Err(why)) | Stand::Refused(why) => {
            vec![mark(Health::Bad), name(Tone::Dim), (why.clone(), Tone::Bad)]
        }
    }
}

impl Opened for BulkPlanView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Confirm, Scope::Text]
    }

    fn hints(&self, _model: &Model) -> &'static [Command] {
        &[Command::Confirm, Command::Reason, Command::Refresh, Command::PageDown, Command::Back]
    }

    fn title(&self, model: &Model) -> Line {
        let place = model.session.scope().map(|scope| format!("   {} {}", scope.short_account(), scope.region));
        vec![(self.title.clone(), Tone::Strong), (place.unwrap_or_default(), Tone::Dim)]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        Look::Rows(vec![
            (Share::Part(1), Look::Doc { lines: self.lines(model), scroll: self.scroll.0 }),
            (Share::Fixed(1), Look::Doc { lines: vec![self.prompt(model)], scroll: 0 }),
        ])
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        if self.typing.is_some() {
            return self.on_reason(model, command);
        }
        let page = self.page(model);
        match command {
            Command::Reason => {
                let before = self.reason.as_ref().map(Text::to_string).unwrap_or_default();
                self.typing = Some(Field::new(&before));
            }
            Command::Confirm | Command::Accept if model.session.read_only => {
                model.complain("Read-only: nothing is sent.");
            }
            Command::Confirm | Command::Accept => {
                let (mono, now, burst) = (model.at.mono, model.now(), self.burst);
                let Some(gate) = &mut self.gate else { return true };
                let verdict = if burst { gate.paste(mono) } else { gate.enter(mono, now) };
                self.verdict(model, verdict);
            }
            Command::Refresh => self.read_again(),
            Command::EraseLeft => {
                if let Some(gate) = &mut self.gate {
                    gate.backspace(model.at.mono);
                }
            }
            Command::Next | Command::Previous | Command::PageDown | Command::PageUp => {
                self.scroll.on(command, page);
            }
            Command::HalfDown | Command::HalfUp => {
                self.scroll.on(command, page);
            }
            // Tab has nothing to choose here, and must not reach what lies below.
            Command::NextChoice | Command::PreviousChoice | Command::Complete => {}
            _ => return false,
        }
        true
    }

    fn type_in(&mut self, model: &mut Model, text: &str, burst: bool) -> bool {
        if let Some(field) = &mut self.typing {
            field.insert(text);
            return true;
        }
        let (mono, now) = (model.at.mono, model.now());
        let Some(gate) = &mut self.gate else { return true };
        let verdict = gate.text(mono, now, text, burst);
        self.verdict(model, verdict);
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

    fn wants(&self, _model: &Model) -> Vec<Want> {
        let Some(change) = self.unread().filter(|_| !self.gone) else { return Vec::new() };
        let intent = Box::new(self.intent(change));
        vec![Want::once(Slot::Facts, Ask::Facts { intent, deep: false })]
    }

    fn reply(&mut self, model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::Facts {
            return false;
        }
        match result {
            Ok(Answer::Facts(facts)) => self.take(model, Ok((**facts).clone())),
            Ok(_) => return false,
            // The poll asks again.
            Err(fault) if fault.is_passing() => model.complain(fault.to_string()),
            Err(fault) => self.take(model, Err(fault)),
        }
        true
    }
}
