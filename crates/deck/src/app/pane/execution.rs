//! One pipeline execution: its step graph, the failing step with its last log lines, what differs from the last good run.

use mldeck_core::{
    ask::{Answer, Ask, LogLine, LogsOf},
    column::{Cell, Now, Tone},
    fault::Fault,
    health::Health,
    id,
    resource::{
        Execution, Kind, Section,
        execution::{ExecutionDetail, ExecutionStatus, PipelineStep},
    },
    text::Text,
    time::{self, MINUTE},
};

use super::{Opened, Scroll, Subject, View, logs::LogView, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Line, Look, NodeState, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

pub struct ExecutionView {
    id: Text,
    arn: Text,
    detail: Option<ExecutionDetail>,
    fault: Option<Fault>,
    /// Parameters of the newest succeeded execution of the same pipeline before this one.
    good: Option<ExecutionDetail>,
    log: Vec<LogLine>,
    /// Node of the graph under the cursor; moved to the failing step once.
    cursor: usize,
    placed: bool,
    scroll: Scroll,
}

impl ExecutionView {
    pub fn new(row: &Execution) -> Self {
        Self::of(row.id.clone(), row.arn.clone())
    }

    pub fn of(id: Text, arn: Text) -> Self {
        Self {
            id,
            arn,
            detail: None,
            fault: None,
            good: None,
            log: Vec::new(),
            cursor: 0,
            placed: false,
            scroll: Scroll::default(),
        }
    }

    fn row<'a>(&self, model: &'a Model) -> Option<&'a Execution> {
        model.executions.get(&self.id)
    }

    fn last_good<'a>(&self, model: &'a Model) -> Option<&'a Execution> {
        let row = self.row(model)?;
        model
            .executions
            .rows()
            .iter()
            .filter(|other| other.pipeline == row.pipeline && other.started < row.started)
            .filter(|other| other.status == ExecutionStatus::Succeeded)
            .max_by_key(|other| other.started)
    }

    fn step(&self, name: &Text) -> Option<&PipelineStep> {
        self.detail.as_ref()?.steps.iter().find(|step| &step.name == name)
    }

    /// The step under the cursor, as far as it started.
    fn current(&self) -> Option<(&Text, Option<&PipelineStep>)> {
        let detail = self.detail.as_ref()?;
        let node = detail.graph.nodes.get(self.cursor)?;
        Some((&node.name, self.step(&node.name)))
    }

    /// Log group and stream prefix of the job that a step made.
    fn logs_of(step: &PipelineStep) -> Option<(Text, Text)> {
        let group = match step.made.as_ref()?.as_str() {
            "TrainingJob" => "/aws/sagemaker/TrainingJobs",
            "ProcessingJob" | "QualityCheck" | "ClarifyCheck" => "/aws/sagemaker/ProcessingJobs",
            "TransformJob" => "/aws/sagemaker/TransformJobs",
            _ => return None,
        };
        let job = id::arn_tail(&step.target.as_ref()?.raw()).to_owned();
        Some((Text::new(group), Text::new(&format!("{job}/"))))
    }

    fn differing(&self) -> Vec<(Text, String, String)> {
        let (Some(detail), Some(good)) = (&self.detail, &self.good) else { return Vec::new() };
        let value = |list: &[(Text, Text)], key: &Text| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.to_string());
        let mut keys: Vec<&Text> = detail.parameters.iter().chain(&good.parameters).map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter_map(|key| {
                let (was, is) = (value(&good.parameters, key), value(&detail.parameters, key));
                let shown = |v: Option<String>| v.unwrap_or_else(|| "(not given)".to_owned());
                (was != is).then(|| (key.clone(), shown(was), shown(is)))
            })
            .collect()
    }

    fn states(&self, now: Now) -> Vec<NodeState> {
        let Some(detail) = &self.detail else { return Vec::new() };
        let state = |step: &PipelineStep| {
            let note = match (step.started, step.ended) {
                _ if step.cached => "cached".to_owned(),
                (Some(start), Some(end)) => time::span(end.since(start)),
                (Some(start), None) => time::age(now.0.since(start)),
                _ => String::new(),
            };
            NodeState { health: Some(step.status.health()), note }
        };
        detail
            .graph
            .nodes
            .iter()
            .map(|node| self.step(&node.name).map_or(NodeState { health: None, note: String::new() }, state))
            .collect()
    }

    fn side(&self, model: &Model) -> Vec<Section> {
        let mut out = Vec::new();
        if let Some((name, step)) = self.current() {
            let mut section = Section::new(format!("Step {name}"));
            match step {
                None => section = section.with("state", Cell::new("not started").tone(Tone::Off)),
                Some(step) => {
                    section = section
                        .with("state", Cell::new(step.status.as_str().to_owned()).tone(step.status.health().tone()))
                        .with("attempt", step.attempts.max(1).to_string());
                    if let Some(made) = &step.made {
                        section = section.with(made.as_str(), step.target.as_ref());
                    }
                    for (i, line) in step.failure.iter().flat_map(|failure| Text::lines(&failure.raw())).enumerate() {
                        let label = if i == 0 { "reason" } else { "" };
                        section = section.with(label, Cell::from(&line).tone(Tone::Bad));
                    }
                }
            }
            out.push(section);
        }
        let differing = self.differing();
        if let Some(good) = self.last_good(model).filter(|_| self.good.is_some()) {
            let name = good.display_name.as_ref().unwrap_or(&good.id);
            let title = match differing.len() {
                0 => format!("Parameters: the same as {name} (last good)"),
                1 => format!("Parameters: 1 differs from {name} (last good)"),
                n => format!("Parameters: {n} differ from {name} (last good)"),
            };
            let section = differing
                .into_iter()
                .fold(Section::new(title), |s, (key, was, is)| s.with(key.as_str(), format!("{was} → {is}")));
            out.push(section);
        } else if let Some(detail) = self.detail.as_ref().filter(|detail| !detail.parameters.is_empty()) {
            let section =
                detail.parameters.iter().fold(Section::new("Parameters"), |s, (key, v)| s.with(key.as_str(), v));
            out.push(section);
        }
        out
    }

    /// Moves along edges (left, right) or within the layer (up, down).
    fn walk(&mut self, command: Command) -> bool {
        use mldeck_core::graph::{Direction, Sizes, layout::layout};
        let Some(detail) = &self.detail else { return false };
        let direction = match command {
            Command::Left => Direction::Left,
            Command::Right => Direction::Right,
            Command::Next => Direction::Down,
            Command::Previous => Direction::Up,
            _ => return false,
        };
        let sizes = Sizes { widths: Vec::new(), height: 1, gap: 1 };
        if let Some(next) = layout(&detail.graph, &sizes).neighbour(self.cursor, direction) {
            self.cursor = next;
        }
        true
    }
}

impl Opened for ExecutionView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Graph, Scope::Detail]
    }

    fn title(&self, model: &Model) -> Line {
        let Some(row) = self.row(model) else { return vec![(self.id.to_string(), Tone::Strong)] };
        let health = row.status.health();
        let name = row.display_name.as_ref().unwrap_or(&row.id);
        let mut line = vec![
            (format!("{} {name}", row.pipeline), Tone::Strong),
            (format!("  {} {}", health.symbol(), row.status.as_str()), health.tone()),
        ];
        let took = row.took(Now(model.now()));
        let when = if row.status.is_in_flight() {
            format!("  started {}, {} ago", row.started.hm(), time::age(took))
        } else {
            format!("  {} after {}", row.modified.hm(), time::span(took))
        };
        line.push((when, Tone::Dim));
        if let Some(by) = &row.by {
            line.push((format!("  started by {by}"), Tone::Dim));
        }
        line
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let Some(detail) = &self.detail else {
            return Look::Notice(match &self.fault {
                Some(fault) => fault_notice(fault, Tone::Bad),
                None => Notice::new(Tone::Dim, "Loading steps …"),
            });
        };
        let graph = Look::Graph { dag: &detail.graph, states: self.states(Now(model.now())), cursor: self.cursor };
        let mut rows = vec![(Share::Part(3), graph)];
        rows.push((Share::Part(3), Look::Facts { sections: self.side(model), scroll: self.scroll.0 }));
        if !self.log.is_empty() {
            let log = Look::Log { lines: &self.log, scroll: None, wrap: false, search: "" };
            rows.push((
                Share::Part(2),
                Look::Titled { title: "last log lines".into(), focused: false, look: Box::new(log) },
            ));
        }
        if let Some(fault) = &self.fault {
            rows.push((Share::Fixed(2), Look::Notice(fault_notice(fault, Tone::Warn))));
        }
        Look::Rows(rows)
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        if self.walk(command) {
            self.log.clear();
            return true;
        }
        if command == Command::Logs {
            let Some((_, Some(step))) = self.current() else {
                model.say("This step has not started: no logs.");
                return true;
            };
            let Some((group, prefix)) = Self::logs_of(step) else {
                model.say("This step writes no SageMaker log.");
                return true;
            };
            let from = step.started.unwrap_or_else(|| model.now());
            let subject = Subject { kind: Kind::Execution, name: self.id.clone(), arn: Some(self.arn.clone()) };
            let trouble = (step.status.health() == Health::Bad).then_some(from);
            let view = LogView::new(subject, group, Some(prefix), trouble.or(Some(from)), model.now());
            model.open_later(View::Opened(Box::new(view)));
            return true;
        }
        self.scroll.on(command, self.page(model))
    }

    fn wants(&self, model: &Model) -> Vec<Want> {
        let settled = self.row(model).is_some_and(|row| !row.status.is_in_flight());
        let ask = Ask::Execution { arn: self.arn.clone(), settled };
        let mut wants = vec![Want { slot: Slot::Execution, ask, every: (!settled).then_some(10_000) }];
        if let Some(good) = self.last_good(model) {
            wants.push(Want::once(Slot::LastGood, Ask::Execution { arn: good.arn.clone(), settled: true }));
        }
        let failing = self.current().and_then(|(_, step)| step).filter(|step| step.status.health() == Health::Bad);
        if let Some((step, (group, prefix))) = failing.and_then(|step| Some((step, Self::logs_of(step)?))) {
            let end = step.ended.unwrap_or_else(|| model.now());
            wants.push(Want::once(
                Slot::Logs,
                Ask::Logs(LogsOf {
                    group,
                    stream_prefix: Some(prefix),
                    from: end.plus(-10 * MINUTE),
                    to: Some(end.plus(MINUTE)),
                    pattern: None,
                    limit: 50,
                }),
            ));
        }
        wants
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        match (slot, result) {
            (Slot::Execution, Ok(Answer::Execution(detail))) => {
                if !std::mem::replace(&mut self.placed, true) {
                    let failed = |node: &mldeck_core::graph::Node| {
                        detail.steps.iter().any(|step| step.name == node.name && step.status.health() == Health::Bad)
                    };
                    self.cursor = detail.graph.nodes.iter().position(failed).unwrap_or(0);
                }
                self.detail = Some((**detail).clone());
                self.fault = None;
            }
            (Slot::LastGood, Ok(Answer::Execution(detail))) => self.good = Some((**detail).clone()),
            (Slot::Logs, Ok(Answer::Logs(lines))) => self.log.clone_from(lines),
            (Slot::Execution, Err(fault)) => self.fault = Some(fault.clone()),
            (Slot::LastGood | Slot::Logs, Err(_)) => {}
            _ => return false,
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        Some(Subject { kind: Kind::Execution, name: self.id.clone(), arn: Some(self.arn.clone()) })
    }
}
