//! `d`: every fact about one thing.

use mldeck_core::{
    ask::{Answer, Ask},
    column::{Now, Tone},
    fault::Fault,
    resource::{Kind, Resource, Section},
    text::Text,
};

use super::{Opened, Scroll, Subject, table::Table};
use crate::app::{
    command::{Command, Scope},
    look::{Line, Look, Notice},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

pub struct FactsView {
    subject: Subject,
    scroll: Scroll,
}

impl FactsView {
    pub fn new(subject: Subject) -> Self {
        Self { subject, scroll: Scroll::default() }
    }
}

/// The facts of a row of whichever kind.
fn sections(model: &Model, subject: &Subject) -> Option<Vec<Section>> {
    fn of<R: Resource>(table: &Table<R>, name: &Text, now: Now) -> Option<Vec<Section>> {
        table.get(name).map(|row| row.facts(now))
    }
    let (name, now) = (&subject.name, Now(model.now()));
    match subject.kind {
        Kind::Endpoint => of(&model.endpoints, name, now),
        Kind::Execution => of(&model.executions, name, now),
        Kind::Run => of(&model.runs, name, now),
        Kind::Monitor => of(&model.monitors, name, now),
        Kind::Operation => of(&model.ledger, name, now),
        Kind::Alarm => model.alarms.iter().find(|alarm| &alarm.name == name).map(|alarm| alarm.facts(now)),
        Kind::Job => of(&model.jobs, name, now),
        Kind::ModelPackage => of(&model.packages, name, now),
    }
}

impl Opened for FactsView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn title(&self, _model: &Model) -> Line {
        vec![(self.subject.name.to_string(), Tone::Strong), (format!("  {}", self.subject.kind.singular()), Tone::Dim)]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        sections(model, &self.subject).map_or_else(
            || Look::Notice(Notice::new(Tone::Warn, "It is gone from the list.").line("Esc goes back.")),
            |sections| Look::Facts { sections, scroll: self.scroll.0 },
        )
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        self.scroll.on(command, self.page(model))
    }

    /// A row of the list knows less than "every fact".
    fn wants(&self, model: &Model) -> Vec<Want> {
        if self.subject.kind != Kind::Endpoint || model.session.scope().is_none() {
            return Vec::new();
        }
        vec![Want::every(Slot::OpenDetails, Ask::Details(self.subject.name.clone()), 15)]
    }

    fn reply(&mut self, _model: &mut Model, _slot: Slot, _result: &Result<Answer, Fault>) -> bool {
        false
    }

    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }
}
