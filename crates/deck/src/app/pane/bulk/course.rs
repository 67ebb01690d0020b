//! Several changes that were confirmed together, as they go one after the other: one result each.

use mldeck_core::{
    ask::Answer,
    column::Tone,
    fault::Fault,
    health::Health,
    ops::bulk::{Bulk, Item, State},
    text::Text,
};

use crate::app::{
    bulk,
    command::{Command, Scope},
    look::{Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    pane::{Opened, View, operation::OperationView},
    polls::Want,
};

/// What is said of those that wait when a person stops them.
const STOPPED: &str = "you stopped the rest";

pub struct BulkView {
    id: Text,
    cursor: usize,
}

impl BulkView {
    pub const fn new(id: Text) -> Self {
        Self { id, cursor: 0 }
    }

    fn bulk<'a>(&self, model: &'a Model) -> Option<&'a Bulk> {
        bulk::last(model).filter(|bulk| bulk.id == self.id)
    }

    fn lines(&self, model: &Model, all: &Bulk) -> Vec<Line> {
        let width = all.items().iter().map(|item| item.plan.name.as_str().chars().count()).max().unwrap_or(0).min(40);
        let turn = all.turn().map(mldeck_core::ops::plan::Plan::id);
        let line = |(at, item): (usize, &Item)| {
            let (health, word, note) = told(model, item, turn.as_ref() == Some(&item.plan.id()));
            let (cursor, tone) = if at == self.cursor { ("▏", Tone::Accent) } else { (" ", Tone::Plain) };
            vec![
                (cursor.to_owned(), tone),
                (format!(" {} ", health.symbol()), health.tone()),
                (format!("{:<width$}  ", item.plan.name), Tone::Strong),
                (format!("{:<24}  ", item.plan.summary()), Tone::Plain),
                (format!("{word:<11}  "), health.tone()),
                (note, Tone::Dim),
            ]
        };
        all.items().iter().enumerate().map(line).collect()
    }

    /// The operation of the row under the cursor.
    fn open(&self, model: &mut Model) {
        let item = self.bulk(model).and_then(|bulk| bulk.items().get(self.cursor));
        let id = item.filter(|item| !matches!(item.state, State::Waiting | State::NotBegun { .. }));
        match id.map(|item| item.plan.id()) {
            Some(id) => model.open_later(View::Opened(Box::new(OperationView::new(id)))),
            None => model.say("Nothing of this one was begun."),
        }
    }

    fn move_to(&mut self, model: &Model, command: Command) -> bool {
        let last = self.bulk(model).map_or(0, |bulk| bulk.items().len().saturating_sub(1));
        self.cursor = match command {
            Command::Next => (self.cursor + 1).min(last),
            Command::Previous => self.cursor.saturating_sub(1),
            Command::First | Command::PageUp | Command::HalfUp => 0,
            Command::Last | Command::PageDown | Command::HalfDown => last,
            _ => return false,
        };
        true
    }
}

/// How one of them stands: its mark, one word, and what happened last.
fn told(model: &Model, item: &Item, turn: bool) -> (Health, &'static str, String) {
    match &item.state {
        State::Waiting if turn => (Health::Busy, "planning", "read again before it begins".to_owned()),
        State::Waiting => (Health::Off, "waits", String::new()),
        State::Running => {
            let note = model.ops.get(&item.plan.id()).map(|live| live.run.operation().note.to_string());
            (Health::Busy, "running", note.unwrap_or_default())
        }
        State::Ended { state, note } => (state.health(), state.word(), note.clone()),
        State::NotBegun { why } => (Health::Off, "not begun", why.clone()),
    }
}

impl Opened for BulkView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn hints(&self, model: &Model) -> &'static [Command] {
        match self.bulk(model).is_some_and(|bulk| !bulk.is_over()) {
            true => &[Command::Open, Command::Stop, Command::Back, Command::Help],
            false => &[Command::Open, Command::Back, Command::Help],
        }
    }

    fn label(&self, command: Command) -> Option<&'static str> {
        (command == Command::Stop).then_some("begin no more")
    }

    fn title(&self, model: &Model) -> Line {
        let told = self.bulk(model).map(|bulk| bulk.verdict().sentence()).unwrap_or_default();
        vec![(format!("Bulk {}", self.id), Tone::Strong), (format!("   {told}"), Tone::Plain)]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let Some(bulk) = self.bulk(model) else {
            return Look::Notice(
                Notice::new(Tone::Dim, "A newer one has begun since.").line("9 lists the operations of both."),
            );
        };
        let room = usize::from(model.size.1).saturating_sub(8).max(1);
        let scroll = self.cursor.saturating_sub(room.saturating_sub(1));
        let hint = format!(" enter: its operation    9, filter `bulk:{}`: all of them in the ledger", self.id);
        Look::Rows(vec![
            (Share::Part(1), Look::Doc { lines: self.lines(model, bulk), scroll }),
            (Share::Fixed(1), Look::Doc { lines: vec![vec![(hint, Tone::Dim)]], scroll: 0 }),
        ])
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        match command {
            Command::Open => self.open(model),
            Command::Stop => {
                if self.bulk(model).is_some_and(|bulk| bulk.verdict().open > 0) {
                    bulk::stop(model, STOPPED);
                    model.say("Nothing more of them is begun; what runs goes on.");
                } else {
                    model.say("All of them have ended.");
                }
            }
            // What is under the cursor is one of several: its own view takes it back.
            Command::RollBack => model.say("Enter opens one of them; B there stops it."),
            _ => return self.move_to(model, command),
        }
        true
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        Vec::new()
    }

    fn reply(&mut self, _model: &mut Model, _slot: Slot, _result: &Result<Answer, Fault>) -> bool {
        false
    }
}
