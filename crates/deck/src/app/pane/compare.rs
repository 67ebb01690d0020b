//! Runs side by side: one metric's curves overlaid, and only the parameters that differ.

use std::collections::BTreeSet;

use mldeck_core::{
    ask::{Answer, Ask, RunRef},
    column::Tone,
    fault::Fault,
    resource::{Kind, Run},
    series::{self, Series},
    text::Text,
};

use super::{Opened, Scroll, Subject, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Chart, Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

/// More curves than this cannot be told apart.
pub const MAX_RUNS: usize = 12;
/// From this width on the parameters stand beside the curves.
const BESIDE: u16 = 110;

pub struct Compare {
    runs: Vec<Run>,
    /// Index of the run that the others are measured against.
    baseline: usize,
    metrics: Vec<Text>,
    metric: usize,
    curves: Vec<(Text, Vec<Series>)>,
    fault: Option<Fault>,
    read: bool,
    crosshair: Option<f64>,
    log: bool,
    smoothing: f64,
    scroll: Scroll,
}

impl Compare {
    pub fn one(run: &Run) -> Self {
        Self::new(vec![run.clone()])
    }

    pub fn new(runs: Vec<Run>) -> Self {
        let mut metrics: Vec<Text> =
            runs.iter().flat_map(|run| run.metrics.iter().map(|(name, _)| name.clone())).collect();
        metrics.sort();
        metrics.dedup();
        // What people judge by comes first: a validation metric.
        let metric = metrics.iter().position(|name| name.as_str().contains("val")).unwrap_or(0);
        Self {
            runs,
            baseline: 0,
            metrics,
            metric,
            curves: Vec::new(),
            fault: None,
            read: false,
            crosshair: None,
            log: false,
            smoothing: 0.0,
            scroll: Scroll::default(),
        }
    }

    fn metric_name(&self) -> Option<&Text> {
        self.metrics.get(self.metric)
    }

    /// The curves of the chosen metric, in the order of the runs.
    fn shown(&self) -> Vec<&Series> {
        let Some(metric) = self.metric_name() else { return Vec::new() };
        self.runs
            .iter()
            .filter_map(|run| {
                let (_, curves) = self.curves.iter().find(|(name, _)| name == &run.name)?;
                curves.iter().find(|series| series.name == *metric || is_of(series, metric, run))
            })
            .collect()
    }

    /// `width`: columns of the place where they are shown.
    fn differing(&self, width: usize) -> (Vec<Line>, usize, usize) {
        const LABEL: usize = 18;
        let each = (width.saturating_sub(LABEL) / self.runs.len().max(1)).saturating_sub(1).clamp(6, 14);
        let keys: BTreeSet<&Text> =
            self.runs.iter().flat_map(|run| run.parameters.iter().map(|(key, _)| key)).collect();
        let value = |run: &Run, key: &Text| {
            run.parameters.iter().find(|(k, _)| k == key).map_or_else(|| "–".to_owned(), |(_, v)| v.to_string())
        };
        let total = keys.len();
        let mut lines = Vec::new();
        let mut row = |label: &str, values: Vec<String>, tone: Tone| {
            let mut line = vec![(format!("{label:<LABEL$.LABEL$}"), tone)];
            line.extend(values.into_iter().map(|v| (format!(" {v:>each$.each$}"), Tone::Plain)));
            lines.push(line);
        };
        let names = self.runs.iter().enumerate().map(|(i, run)| self.short_name(i, run)).collect();
        row("", names, Tone::Dim);
        let mut differing = 0;
        for key in keys {
            let values: Vec<String> = self.runs.iter().map(|run| value(run, key)).collect();
            if self.runs.len() == 1 || values.iter().any(|v| *v != values[0]) {
                differing += 1;
                row(key.as_str(), values, Tone::Plain);
            }
        }
        let data: Vec<String> =
            self.runs.iter().map(|run| tail(run.data.first().map(|(_, uri)| uri.as_str()))).collect();
        if data.iter().any(|d| *d != data[0]) {
            row("data", data, Tone::Warn);
        }
        let images: Vec<String> = self.runs.iter().map(|run| tail(run.image.as_ref().map(Text::as_str))).collect();
        if images.iter().any(|d| *d != images[0]) {
            row("image", images, Tone::Plain);
        }
        (lines, differing, total)
    }

    fn short_name(&self, i: usize, run: &Run) -> String {
        let name = run.name.as_str();
        let tail: String = name.chars().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect();
        if i == self.baseline { format!("◆ {tail}") } else { tail }
    }

    /// The final values, with the difference to the baseline; runs on other data are not compared.
    fn verdicts(&self) -> Vec<Line> {
        let Some(metric) = self.metric_name() else { return Vec::new() };
        let base_run = &self.runs[self.baseline.min(self.runs.len() - 1)];
        let base = base_run.metric(metric.as_str());
        self.runs
            .iter()
            .enumerate()
            .map(|(i, run)| {
                let value = run.metric(metric.as_str());
                let mut line = vec![
                    (format!("{}  ", legend(i)), Tone::Accent),
                    (format!("{:<28.28} ", run.name.as_str()), Tone::Plain),
                    (value.map_or_else(|| "–".to_owned(), series::short), Tone::Strong),
                ];
                match (base, value) {
                    _ if i == self.baseline => line.push(("  baseline".to_owned(), Tone::Dim)),
                    _ if !run.is_comparable(base_run) => {
                        line.push(("  other data: not comparable".to_owned(), Tone::Warn));
                    }
                    (Some(base), Some(value)) => {
                        line.push((
                            format!("  {}{}", if value >= base { "+" } else { "" }, series::short(value - base)),
                            Tone::Dim,
                        ));
                    }
                    _ => {}
                }
                line
            })
            .collect()
    }
}

/// `A` for the first curve: told apart without colour.
pub fn legend(i: usize) -> char {
    char::from(b'A' + u8::try_from(i % 26).unwrap_or(0))
}

fn is_of(series: &Series, metric: &Text, run: &Run) -> bool {
    series.name.as_str().strip_prefix(run.name.as_str()).is_some_and(|rest| rest.trim_start() == metric.as_str())
}

fn tail(path: Option<&str>) -> String {
    path.map_or_else(|| "–".to_owned(), |p| p.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(p).to_owned())
}

impl Opened for Compare {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Chart, Scope::Detail]
    }

    fn title(&self, _model: &Model) -> Line {
        let base = self.runs.get(self.baseline).map(|run| run.name.to_string()).unwrap_or_default();
        let metric = self.metric_name().map_or_else(
            || "no metrics".to_owned(),
            |name| format!("metric {name} ({} of {})", self.metric + 1, self.metrics.len()),
        );
        let count = match self.runs.len() {
            1 => "1 run".to_owned(),
            n => format!("{n} runs"),
        };
        vec![
            (count, Tone::Strong),
            (format!("  baseline ◆ {base}"), Tone::Plain),
            (format!("  {metric}"), Tone::Accent),
            (format!("  smooth {:.1}  log {}", self.smoothing, if self.log { "on" } else { "off" }), Tone::Dim),
        ]
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let curves = self.shown();
        let chart = match &self.fault {
            Some(fault) if self.curves.is_empty() => Look::Notice(fault_notice(fault, Tone::Bad)),
            _ if self.metrics.is_empty() => Look::Notice(
                Notice::new(Tone::Dim, "These runs logged no metrics.").line("The differing parameters are beside."),
            ),
            _ => Look::Chart(Box::new(Chart {
                title: self.metric_name().map(ToString::to_string).unwrap_or_default(),
                curves,
                threshold: None,
                events: Vec::new(),
                range: None,
                crosshair: self.crosshair,
                log: self.log,
                smoothing: self.smoothing,
                empty: if self.read { "no points for this metric" } else { "loading curves …" }.to_owned(),
            })),
        };
        let width = usize::from(if model.size.0 >= BESIDE { model.size.0 * 2 / 5 } else { model.size.0 });
        let (mut lines, differing, total) = self.differing(width.saturating_sub(1));
        let title = if self.runs.len() == 1 {
            format!("{total} parameters")
        } else {
            format!("only what differs ({differing} of {total})")
        };
        lines.insert(0, vec![(title, Tone::Strong)]);
        let table = Look::Doc { lines, scroll: self.scroll.0 };
        let verdicts = Look::Doc { lines: self.verdicts(), scroll: 0 };
        let height = u16::try_from(self.runs.len()).unwrap_or(12).min(12);
        let top = if model.size.0 >= BESIDE {
            Look::Columns(vec![(Share::Part(3), chart), (Share::Part(2), table)])
        } else {
            Look::Rows(vec![(Share::Part(3), chart), (Share::Part(2), table)])
        };
        Look::Rows(vec![(Share::Part(1), top), (Share::Fixed(height), verdicts)])
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        let metrics = self.metrics.len().max(1);
        match command {
            Command::NextMetric => self.metric = (self.metric + 1) % metrics,
            Command::PreviousMetric => self.metric = (self.metric + metrics - 1) % metrics,
            Command::Baseline => self.baseline = (self.baseline + 1) % self.runs.len().max(1),
            Command::LogScale => self.log = !self.log,
            Command::SmoothMore => self.smoothing = (self.smoothing + 0.1).min(0.9),
            Command::SmoothLess => self.smoothing = (self.smoothing - 0.1).max(0.0),
            Command::CrosshairLeft | Command::CrosshairRight | Command::Left | Command::Right => {
                let back = matches!(command, Command::CrosshairLeft | Command::Left);
                self.crosshair = step_crosshair(&self.shown(), self.crosshair, back);
            }
            Command::View | Command::XAxis => model.say("Curves over steps are what this version draws."),
            _ => return self.scroll.on(command, self.page(model)),
        }
        true
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        let refs = self
            .runs
            .iter()
            .map(|run| RunRef {
                name: run.name.clone(),
                arn: run.arn.clone(),
                component_arn: run.component_arn.clone(),
                metrics: run.metrics.iter().map(|(name, _)| name.clone()).collect(),
            })
            .collect();
        vec![Want::once(Slot::RunSeries, Ask::RunSeries(refs))]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::RunSeries {
            return false;
        }
        self.read = true;
        match result {
            Ok(Answer::RunSeries(curves)) => {
                self.curves.clone_from(curves);
                self.fault = None;
            }
            Ok(_) => return false,
            Err(fault) => self.fault = Some(fault.clone()),
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        let run = self.runs.get(self.baseline)?;
        Some(Subject { kind: Kind::Run, name: run.name.clone(), arn: Some(run.arn.clone()) })
    }
}

/// The next point of any curve on that side of the crosshair; from nowhere it starts at the last point.
fn step_crosshair(curves: &[&Series], at: Option<f64>, back: bool) -> Option<f64> {
    let xs = curves.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x));
    match (at, back) {
        (None, _) => xs.max_by(f64::total_cmp),
        (Some(at), true) => xs.filter(|x| *x < at).max_by(f64::total_cmp).or(Some(at)),
        (Some(at), false) => xs.filter(|x| *x > at).min_by(f64::total_cmp).or(Some(at)),
    }
}
