//! One operation: its steps and stages as they happen, or as the journal tells them.

use mldeck_core::{
    ask::{Answer, Ask},
    column::{Now, Tone},
    fault::Fault,
    health::Health,
    ops::{
        journal::{Entry, Record},
        measure::Verdict,
        run::Level,
    },
    resource::{Kind, Resource as _},
    series::Series,
    text::Text,
    time::{self, HOUR, MINUTE},
};

use super::{Opened, Scroll, Subject, endpoint::with_shares};
use crate::app::{
    command::{Command, Scope},
    layers::{Act, Item, Layer, Menu},
    look::{Chart, Line, Look, Notice, Share, StepLine},
    model::Model,
    msg::{Effect, Slot},
    ops::{self, Live},
    polls::Want,
};

pub struct OperationView {
    id: Text,
    series: Vec<Series>,
    scroll: Scroll,
}

impl OperationView {
    pub fn new(id: Text) -> Self {
        Self { id, series: Vec::new(), scroll: Scroll::default() }
    }

    fn steps(&self, model: &Model) -> Vec<StepLine> {
        // Disks answer in any order; the story has one.
        let mut records: Vec<&Record> = model.ops.records_of(&self.id).collect();
        records.sort_by_key(|record| (record.at, record.seq));
        let mut out: Vec<StepLine> = records.into_iter().filter_map(line_of).collect();
        if let Some(live) = model.ops.get(&self.id) {
            // What went well is in the journal's records already.
            for (at, level, text) in live.said.iter().filter(|(_, level, _)| *level != Level::Info) {
                let health = match level {
                    Level::Info => Health::Ok,
                    Level::Warn => Health::Warn,
                    Level::Bad => Health::Bad,
                };
                out.push(StepLine { health, title: text.clone(), note: String::new(), at: Some(*at) });
            }
            if let (Some(judged), false) = (live.run.judged(), live.is_over()) {
                out.push(StepLine {
                    health: health_of(judged.verdict),
                    title: format!("{} so far", judged.verdict.word()),
                    note: judged.why.clone(),
                    at: None,
                });
            }
            if let (Some((stage, at)), true) = (live.run.stages().last(), live.is_under_way()) {
                let took = time::age(model.now().since(*at));
                out.push(StepLine { health: Health::Busy, title: stage.sentence(), note: took, at: None });
            }
            if live.run.is_blind() {
                let title = "AWS cannot be seen: blind, not failed. The change goes on without us.".to_owned();
                out.push(StepLine { health: Health::Warn, title, note: String::new(), at: None });
            }
            for difference in &live.stale {
                let title = format!("{}: planned {}, now {}", difference.field, difference.planned, difference.now);
                out.push(StepLine {
                    health: Health::Bad,
                    title,
                    note: format!("yours {}", difference.yours),
                    at: None,
                });
            }
        }
        out.sort_by_key(|step| (step.at.is_none(), step.at));
        out
    }
}

impl OperationView {
    /// What a person may decide about an operation that runs, besides stopping it.
    fn decide(&self, model: &mut Model, command: Command, out: &mut Vec<Effect>) {
        let Some(live) = model.ops.get(&self.id).filter(|live| !live.is_over()) else {
            return model.say("This operation has ended.");
        };
        if command == Command::Trigger {
            if model.session.read_only {
                return model.complain("Read-only: nothing is sent.");
            }
            return ops::settle(model, &self.id, out);
        }
        let debts = live.run.debts();
        let title = if debts.is_empty() {
            "Leave it alone? AWS goes on by itself; it is watched no more".to_owned()
        } else {
            format!("Leave it alone? It still owes: {}", debts.join(" && "))
        };
        let act = Ok(Act::Abandon(self.id.clone()));
        let items = vec![Item { key: "enter".into(), label: "Leave it alone, and say so in the ledger".into(), act }];
        model.layers.push(Layer::Menu(Menu { title, items, cursor: 0 }));
    }
}

const fn health_of(verdict: Verdict) -> Health {
    match verdict {
        Verdict::Good => Health::Ok,
        Verdict::Bad => Health::Bad,
        Verdict::Inconclusive => Health::Unknown,
    }
}

/// A record in one line; a plan and plain intents are told by what follows them.
fn line_of(record: &Record) -> Option<StepLine> {
    use mldeck_core::ask::Sent;
    let (health, title, note) = match &record.entry {
        Entry::Planned { plan } => (Health::Ok, format!("planned: {}", plan.title()), format!("plan {}", plan.id())),
        Entry::Intent { operation, attempt, scope, .. } => {
            let place = scope.as_ref().map_or_else(String::new, |scope| format!(" in {}", scope.account));
            (Health::Off, format!("about to send {operation}{place}"), format!("attempt {attempt}"))
        }
        Entry::Outcome { sent: Sent::Applied { request_id, .. }, .. } => {
            let id = request_id.as_ref().map(|id| format!("request {id}")).unwrap_or_default();
            (Health::Ok, "accepted by AWS".to_owned(), id)
        }
        Entry::Outcome { sent: Sent::Refused(fault), .. } => (Health::Bad, format!("refused: {fault}"), fault.remedy()),
        Entry::Outcome { sent: Sent::Unknown(fault), .. } => {
            (Health::Unknown, format!("the answer was lost: {fault}"), "reading whether it landed".to_owned())
        }
        Entry::Observed { stage } => (Health::Ok, stage.sentence(), String::new()),
        Entry::Abort { round, by } => (Health::Warn, format!("abort alarm tripped, round {round}"), by.to_string()),
        Entry::Note { text } => (Health::Ok, text.clone(), String::new()),
        Entry::Bypassed { what, reason, stood, .. } => {
            (Health::Warn, format!("went on without the {}: {stood}", what.word()), reason.to_string())
        }
        Entry::Reached { note } => (Health::Ok, note.clone(), String::new()),
        Entry::Judged { judged } => (health_of(judged.verdict), judged.verdict.word().to_owned(), judged.why.clone()),
        Entry::Ended { state, note } => (state.health(), state.word().to_owned(), note.clone()),
    };
    Some(StepLine { health, title, note, at: Some(record.at) })
}

impl Opened for OperationView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn hints(&self, model: &Model) -> &'static [Command] {
        if model.ops.get(&self.id).is_some_and(|live| !live.is_over()) {
            let owes = model.ops.get(&self.id).is_some_and(|live| !live.run.debts().is_empty());
            if owes {
                &[Command::RollBack, Command::Trigger, Command::Stop, Command::Back, Command::Help]
            } else {
                &[Command::RollBack, Command::Stop, Command::Back, Command::Help]
            }
        } else {
            &[Command::Reversal, Command::Describe, Command::Back, Command::Help]
        }
    }

    fn label(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::RollBack => Some("abort"),
            Command::Trigger => Some("restore"),
            Command::Stop => Some("leave alone"),
            _ => None,
        }
    }

    fn title(&self, model: &Model) -> Line {
        let Some(row) = model.ledger.get(&self.id) else { return vec![(self.id.to_string(), Tone::Strong)] };
        let health = row.state.health();
        let mut line = vec![
            (format!("{} {}: {}", row.verb, row.target, row.summary), Tone::Strong),
            (format!("  {} {}", health.symbol(), row.state.word()), health.tone()),
            (format!("  {}", row.note), Tone::Dim),
        ];
        if let Some(reason) = &row.reason {
            line.push((format!("  {reason}"), Tone::Plain));
        }
        if model.ops.get(&self.id).is_some_and(|live| live.run.is_aborting()) {
            line.push(("  stopping".to_owned(), Tone::Warn));
        }
        line
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let Some(row) = model.ledger.get(&self.id) else {
            return Look::Notice(Notice::new(Tone::Warn, "This operation is not in the journal."));
        };
        let steps = Look::Steps(self.steps(model).into_iter().skip(self.scroll.0).collect());
        if row.state.is_open() && !self.series.is_empty() {
            let chart = |name: &str, title: &str| {
                Look::Chart(Box::new(Chart {
                    title: title.to_owned(),
                    curves: self.series.iter().filter(|series| series.name.as_str().starts_with(name)).collect(),
                    threshold: None,
                    events: vec![(row.started, "start".to_owned())],
                    range: None,
                    crosshair: None,
                    log: false,
                    smoothing: 0.0,
                    empty: "no data points".to_owned(),
                }))
            };
            let charts = Look::Rows(vec![(Share::Part(1), chart("5xx", "5xx")), (Share::Part(1), chart("p99", "p99"))]);
            return if model.size.0 >= 120 {
                Look::Columns(vec![(Share::Part(1), steps), (Share::Part(1), charts)])
            } else {
                Look::Rows(vec![(Share::Part(3), steps), (Share::Part(2), chart("5xx", "5xx"))])
            };
        }
        let facts = Look::Facts { sections: row.facts(Now(model.now())), scroll: 0 };
        Look::Rows(vec![(Share::Part(3), steps), (Share::Part(2), facts)])
    }

    fn on(&mut self, model: &mut Model, command: Command, out: &mut Vec<Effect>) -> bool {
        if command == Command::RollBack {
            let open = model.ops.get(&self.id).is_some_and(Live::is_under_way);
            if model.session.read_only {
                model.complain("Read-only: nothing is sent.");
            } else if open {
                ops::abort(model, &self.id, out);
            } else {
                model.say("It is not under way; z takes it back, B on the endpoint plans the next way back.");
            }
            return true;
        }
        if matches!(command, Command::Trigger | Command::Stop) {
            self.decide(model, command, out);
            return true;
        }
        self.scroll.on(command, self.page(model))
    }

    fn wants(&self, model: &Model) -> Vec<Want> {
        let open = model.ledger.get(&self.id).filter(|row| row.state.is_open());
        let Some(endpoint) = open.and_then(|row| model.endpoints.get(&row.target)) else { return Vec::new() };
        let Some(details) = &endpoint.details else { return Vec::new() };
        let to = model.now().floor(MINUTE).plus(-MINUTE);
        let variants = details.variants.iter().map(|variant| variant.name.clone()).collect();
        let ask = Ask::EndpointSeries { endpoint: endpoint.name.clone(), variants, from: to.plus(-HOUR), to };
        vec![Want::every(Slot::OpenSeries, ask, 60)]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        match (slot, result) {
            (Slot::OpenSeries, Ok(Answer::Series(series))) => {
                self.series = with_shares(series);
                true
            }
            (Slot::OpenSeries, Err(_)) => true,
            _ => false,
        }
    }

    fn subject(&self) -> Option<Subject> {
        Some(Subject { kind: Kind::Operation, name: self.id.clone(), arn: None })
    }
}
