//! One endpoint: its curves with the deployments drawn in, what changed, who serves what.

use mldeck_core::{
    ask::{Answer, Ask},
    column::{Cell, Now, Tone},
    fault::Fault,
    resource::{Kind, Resource as _, Section},
    series::{self, Series},
    text::Text,
    time::{HOUR, MINUTE},
};

use super::{Opened, Scroll, Subject, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Chart, Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
    timeline,
};

/// Curves span three hours at one-minute points; the newest minute is left out because it is incomplete.
const WINDOW: i64 = 3 * HOUR;

/// Names of curves, as the gateway gives them; shown two or three at a time.
const CHARTS: [(&str, &str); 6] = [
    ("5xx", "5xx"),
    ("p99", "p99"),
    ("invocations", "invocations"),
    ("4xx", "4xx"),
    ("cpu", "CPU"),
    ("memory", "memory"),
];

pub struct EndpointView {
    name: Text,
    series: Vec<Series>,
    fault: Option<Fault>,
    read: bool,
    /// First of the charts on screen.
    chart: usize,
    timeline: bool,
    scroll: Scroll,
    crosshair: Option<f64>,
    log: bool,
}

impl EndpointView {
    pub fn new(name: Text) -> Self {
        Self {
            name,
            series: Vec::new(),
            fault: None,
            read: false,
            chart: 0,
            timeline: false,
            scroll: Scroll::default(),
            crosshair: None,
            log: false,
        }
    }

    fn chart<'a>(&'a self, model: &'a Model, which: usize) -> Look<'a> {
        let (name, title) = CHARTS[which % CHARTS.len()];
        let curves: Vec<&Series> = self.series.iter().filter(|series| curve_of(series) == name).collect();
        let endpoint = model.endpoints.get(&self.name);
        let events = endpoint.map(|endpoint| timeline::moments(model, endpoint)).unwrap_or_default();
        let from = model.now().plus(-WINDOW);
        let events = events
            .into_iter()
            .filter_map(|moment| Some((moment.at, moment.config?.to_string())))
            .filter(|(at, _)| *at >= from)
            .collect();
        let alarm = endpoint.and_then(|endpoint| {
            endpoint.alarms.iter().find(|alarm| match &alarm.metric {
                Some((_, metric)) => metric_of(metric.as_str()) == Some(name),
                None => false,
            })
        });
        let threshold = alarm.and_then(|alarm| Some((in_unit(name, alarm.threshold?), alarm.name.to_string())));
        let empty = if self.read { "no data points in the last 3 hours" } else { "loading …" };
        Look::Chart(Box::new(Chart {
            title: title.to_owned(),
            curves,
            threshold,
            events,
            range: Some((from.millis() as f64, model.now().millis() as f64)),
            crosshair: self.crosshair,
            log: self.log,
            smoothing: 0.0,
            empty: empty.to_owned(),
        }))
    }

    fn variants(&self, model: &Model) -> Vec<Section> {
        let Some(endpoint) = model.endpoints.get(&self.name) else { return Vec::new() };
        let Some(details) = &endpoint.details else { return Vec::new() };
        let mut section = Section::new("Variants");
        let shadows =
            details.shadow_variants.iter().map(|shadow| (shadow, "copies of ", shadow.copies(&details.variants)));
        let production = details.variants.iter().map(|variant| (variant, "", variant.share(&details.variants)));
        for (variant, of, part) in production.chain(shadows) {
            let counts = match (variant.current_count, variant.desired_count) {
                (Some(current), Some(wanted)) => format!("×{current} (wanted {wanted})"),
                (Some(current), None) => format!("×{current}"),
                _ => String::new(),
            };
            let share = part.map_or_else(String::new, |part| format!("{of}{:.0} %", part * 100.0));
            let model = variant.label.as_ref().or(variant.model.as_ref()).map(ToString::to_string).unwrap_or_default();
            let kind = variant.runs_on();
            section = section.with(variant.name.as_str(), format!("{model}  {kind} {counts}  {share}"));
        }
        if let Some(why) = &details.unread {
            section = section.with("not read", Cell::from(why).tone(Tone::Warn));
        }
        if let Some(pending) = &details.pending {
            let stages: Vec<&str> =
                pending.variants.iter().flat_map(|v| &v.stages).map(|stage| stage.status.as_str()).collect();
            section = section
                .with("deploying", Cell::new(format!("{}  {}", pending.config, stages.join(" "))).tone(Tone::Busy));
        }
        if let Some(deployment) = &details.last_deployment {
            section = section.with("guardrails", deployment.describe());
        }
        if let Some(failure) = &details.failure {
            section = section.with("failure", Cell::from(failure).tone(Tone::Bad));
        }
        vec![section]
    }
}

/// `5xx` of `5xx blue`: a curve's name without its variant.
fn curve_of(series: &Series) -> &str {
    series.name.as_str().split(' ').next().unwrap_or_default()
}

/// Counts of errors become shares of the invocations of the same variant: 70 errors a minute mean nothing by themselves.
pub(super) fn with_shares(series: &[Series]) -> Vec<Series> {
    let variant = |series: &Series| series.name.as_str().split_once(' ').map(|(_, v)| v.to_owned()).unwrap_or_default();
    series
        .iter()
        .map(|one| {
            let errors = matches!(curve_of(one), "4xx" | "5xx");
            let whole = series.iter().find(|other| curve_of(other) == "invocations" && variant(other) == variant(one));
            whole.filter(|_| errors).map_or_else(|| one.clone(), |whole| series::share(one, whole))
        })
        .collect()
}

/// Which chart an alarm's metric belongs to.
fn metric_of(metric: &str) -> Option<&'static str> {
    Some(match metric {
        "Invocation5XXErrors" => "5xx",
        "Invocation4XXErrors" => "4xx",
        "ModelLatency" => "p99",
        "Invocations" => "invocations",
        "CPUUtilization" => "cpu",
        "MemoryUtilization" => "memory",
        _ => return None,
    })
}

/// An alarm's threshold in the unit that its chart is drawn in: shares in percent, microseconds in milliseconds.
fn in_unit(curve: &str, threshold: f64) -> f64 {
    match curve {
        "5xx" | "4xx" if threshold <= 1.0 => threshold * 100.0,
        "p99" => threshold / 1_000.0,
        _ => threshold,
    }
}

impl Opened for EndpointView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Detail]
    }

    fn title(&self, model: &Model) -> Line {
        let Some(endpoint) = model.endpoints.get(&self.name) else {
            return vec![(self.name.to_string(), Tone::Strong), ("  not in the list (yet)".to_owned(), Tone::Dim)];
        };
        let health = endpoint.health();
        let mut line = vec![
            (self.name.to_string(), Tone::Strong),
            (format!("  {} {}", health.symbol(), endpoint.status.as_str()), health.tone()),
        ];
        if let Some(share) =
            endpoint.vitals.as_ref().and_then(|vitals| vitals.error_share).filter(|share| *share > 0.005)
        {
            line.push((format!("  5XX {:.1} %", share * 100.0), Tone::Bad));
        }
        if endpoint.lost_traffic() {
            line.push(("  traffic fell against last week".to_owned(), Tone::Bad));
        }
        for alarm in endpoint.burning().take(2) {
            let since = alarm.since.map(|at| format!(" since {}", at.hm())).unwrap_or_default();
            line.push((format!("  alarm {}{since}", alarm.name), Tone::Bad));
        }
        if let Some(label) = endpoint.details.as_ref().and_then(|d| d.variants.first()).and_then(|v| v.label.as_ref()) {
            line.push((format!("  model {label}"), Tone::Dim));
        }
        line
    }

    fn look<'a>(&'a self, model: &'a Model) -> Look<'a> {
        let Some(endpoint) = model.endpoints.get(&self.name) else {
            let loaded = model.endpoints.load.as_of.is_some() && !model.endpoints.load.cached;
            return Look::Notice(if loaded {
                Notice::new(Tone::Warn, format!("No endpoint {} in this account and region.", self.name))
                    .line("It may have another spelling or live in another region; Esc goes to the list.")
            } else {
                Notice::new(Tone::Dim, "Loading …")
            });
        };
        if self.timeline {
            let steps = Look::Steps(timeline::steps(model, endpoint).into_iter().skip(self.scroll.0).collect());
            return match timeline::unread(model) {
                Some(why) => {
                    let missing = Look::Doc { lines: vec![why], scroll: 0 };
                    Look::Rows(vec![(Share::Fixed(1), missing), (Share::Part(1), steps)])
                }
                None => steps,
            };
        }
        let side = Look::Rows(vec![
            (Share::Part(3), Look::Doc { lines: timeline::panel(model, endpoint), scroll: self.scroll.0 }),
            (Share::Part(2), Look::Facts { sections: self.variants(model), scroll: 0 }),
        ]);
        let tall = model.size.1 >= 40;
        let charts = match &self.fault {
            Some(fault) if self.series.is_empty() => Look::Notice(fault_notice(fault, Tone::Bad)),
            _ => {
                let count = if tall { 3 } else { 2 };
                Look::Rows((0..count).map(|i| (Share::Part(1), self.chart(model, self.chart + i))).collect())
            }
        };
        if model.size.0 >= 100 {
            Look::Columns(vec![(Share::Part(1), charts), (Share::Part(1), side)])
        } else {
            Look::Rows(vec![(Share::Part(1), self.chart(model, self.chart)), (Share::Part(1), side)])
        }
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        if self.scroll.on(command, self.page(model)) {
            return true;
        }
        match command {
            Command::Timeline => {
                self.timeline = !self.timeline;
                self.scroll = Scroll::default();
            }
            Command::Metrics | Command::FocusNext => self.chart = (self.chart + 1) % CHARTS.len(),
            Command::FocusPrevious => self.chart = (self.chart + CHARTS.len() - 1) % CHARTS.len(),
            Command::Left | Command::Right => {
                let step = if command == Command::Left { -5.0 } else { 5.0 } * MINUTE as f64;
                let now = model.now().millis() as f64;
                let at = self.crosshair.unwrap_or(now) + step;
                self.crosshair = (at < now).then_some(at.max(now - WINDOW as f64));
            }
            Command::LogScale => self.log = !self.log,
            _ => return false,
        }
        true
    }

    fn wants(&self, model: &Model) -> Vec<Want> {
        if model.session.scope().is_none() {
            return Vec::new();
        }
        let to = model.now().floor(MINUTE).plus(-MINUTE);
        let row = model.endpoints.get(&self.name);
        let in_flight = row.is_some_and(|row| row.status.is_in_flight());
        let mut wants =
            vec![Want::every(Slot::OpenDetails, Ask::Details(self.name.clone()), if in_flight { 10 } else { 15 })];
        if let Some(details) = row.and_then(|row| row.details.as_ref()) {
            let variants = details.variants.iter().map(|variant| variant.name.clone()).collect();
            let ask = Ask::EndpointSeries { endpoint: self.name.clone(), variants, from: to.plus(-WINDOW), to };
            wants.push(Want::every(Slot::OpenSeries, ask, 60));
        }
        wants
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::OpenSeries {
            return false;
        }
        self.read = true;
        match result {
            Ok(Answer::Series(series)) => {
                self.series = with_shares(series);
                self.fault = None;
            }
            Ok(_) => return false,
            Err(fault) => self.fault = Some(fault.clone()),
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        Some(Subject { kind: Kind::Endpoint, name: self.name.clone(), arn: None })
    }
}

/// Facts for `d`, shared with other kinds.
pub fn facts(model: &Model, name: &Text) -> Option<Vec<Section>> {
    model.endpoints.get(name).map(|row| row.facts(Now(model.now())))
}
