//! `y`: the body of a Describe as AWS sent it, masked.

use mldeck_core::{
    ask::{Answer, Ask},
    column::Tone,
    fault::Fault,
    text::Text,
};

use super::{Opened, Scroll, Subject, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Line, Look, Notice},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

pub struct RawView {
    subject: Subject,
    body: Option<Result<Vec<Text>, Fault>>,
    scroll: Scroll,
}

impl RawView {
    pub fn new(subject: Subject) -> Self {
        Self { subject, body: None, scroll: Scroll::default() }
    }
}

impl Opened for RawView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn title(&self, _model: &Model) -> Line {
        vec![(self.subject.name.to_string(), Tone::Strong), ("  as AWS sent it; secrets masked".to_owned(), Tone::Dim)]
    }

    fn look<'a>(&'a self, _model: &'a Model) -> Look<'a> {
        match &self.body {
            None => Look::Notice(Notice::new(Tone::Dim, "Loading …")),
            Some(Err(fault)) => Look::Notice(fault_notice(fault, Tone::Bad)),
            Some(Ok(lines)) => Look::Doc {
                lines: lines.iter().map(|line| vec![(line.to_string(), Tone::Plain)]).collect(),
                scroll: self.scroll.0,
            },
        }
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        self.scroll.on(command, self.page(model))
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        vec![Want::once(Slot::Raw, Ask::Raw { kind: self.subject.kind, name: self.subject.arn_or_name() })]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::Raw {
            return false;
        }
        self.body = Some(match result {
            Ok(Answer::Raw(body)) => Ok(Text::lines(&body.raw())),
            Ok(_) => return false,
            Err(fault) => Err(fault.clone()),
        });
        true
    }

    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }
}

impl Subject {
    /// What a Describe is called with: executions have no name.
    fn arn_or_name(&self) -> Text {
        match (self.kind, &self.arn) {
            (mldeck_core::resource::Kind::Execution, Some(arn)) => arn.clone(),
            _ => self.name.clone(),
        }
    }
}
