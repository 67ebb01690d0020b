//! `@`: the calls that were made to AWS, newest first, with their request ids.

use mldeck_core::{ask::Answer, column::Tone, fault::Fault};

use super::{Opened, Scroll};
use crate::app::{
    command::{Command, Scope},
    look::{Line, Look, Notice},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

#[derive(Default)]
pub struct CallsView {
    scroll: Scroll,
}

impl Opened for CallsView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn title(&self, model: &Model) -> Line {
        let note = format!(
            "  {:.0} per minute, about ${:.2} per hour",
            model.traffic.calls_per_min, model.traffic.dollars_per_hour
        );
        vec![("Calls to AWS".to_owned(), Tone::Strong), (note, Tone::Dim)]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let log = model.log.as_ref().map(|file| format!("What went wrong is in the log: {file}"));
        if model.traffic.recent.is_empty() {
            let notice = Notice::new(Tone::Dim, "No call was made yet.");
            return Look::Notice(log.into_iter().fold(notice, Notice::line));
        }
        let mut lines: Vec<Line> = model
            .traffic
            .recent
            .iter()
            .rev()
            .map(|call| {
                let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                let bad = call.status.is_none_or(|status| status >= 400);
                vec![
                    (format!("{}  ", call.at.hms()), Tone::Dim),
                    (format!("{:<24}", call.service), Tone::Plain),
                    (format!("{:<40}", call.operation.as_str()), if call.write { Tone::Warn } else { Tone::Plain }),
                    (format!("{status:<10}"), if bad { Tone::Bad } else { Tone::Ok }),
                    (format!("{:>6} ms  ", call.took_ms), Tone::Dim),
                    (call.request_id.as_ref().map(ToString::to_string).unwrap_or_default(), Tone::Dim),
                ]
            })
            .collect();
        lines.extend(log.map(|log| vec![(log, Tone::Dim)]));
        Look::Doc { lines, scroll: self.scroll.0 }
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        self.scroll.on(command, self.page(model))
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        Vec::new()
    }

    fn reply(&mut self, _model: &mut Model, _slot: Slot, _result: &Result<Answer, Fault>) -> bool {
        false
    }
}
