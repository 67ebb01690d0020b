//! What happened to an endpoint, newest first: from CloudTrail, our own ledger, its alarms and the pipelines.

use mldeck_core::{
    column::Tone,
    health::Health,
    resource::Endpoint,
    text::Text,
    time::{self, DAY, Timestamp},
};

use super::{
    look::{Line, StepLine},
    model::Model,
    msg::Slot,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: Timestamp,
    pub health: Health,
    pub what: String,
    pub by: String,
    /// The endpoint serves this config from here on.
    pub config: Option<Text>,
    /// Trouble that was seen, and no change that may have caused it.
    pub symptom: bool,
}

/// Newest first.
pub fn moments(model: &Model, endpoint: &Endpoint) -> Vec<Moment> {
    let mut out = Vec::new();
    for event in model.changes.iter().filter(|event| event.endpoint == endpoint.name) {
        let what = match (event.name.as_str(), &event.config) {
            ("CreateEndpoint", Some(config)) => format!("created with {config}"),
            (_, Some(config)) => format!("config → {config}"),
            ("UpdateEndpointWeightsAndCapacities", None) => "weights or capacity changed".to_owned(),
            (name, None) => name.to_owned(),
        };
        let (health, what) = match &event.error {
            Some(error) => (Health::Off, format!("{what} (refused: {error})")),
            None => (Health::Ok, what),
        };
        let config = if event.error.is_none() { event.config.clone() } else { None };
        out.push(Moment { at: event.at, health, what, by: event.by.to_string(), config, symptom: false });
    }
    for operation in model.ledger.rows().iter().filter(|row| row.target == endpoint.name) {
        out.push(Moment {
            at: operation.started,
            health: operation.state.health(),
            what: format!("{} {} ({})", operation.verb, operation.summary, operation.state.word()),
            by: operation.by.to_string(),
            config: None,
            symptom: false,
        });
    }
    for alarm in endpoint.burning() {
        if let Some(at) = alarm.since {
            out.push(Moment {
                at,
                health: Health::Bad,
                what: format!("alarm {} fires", alarm.name),
                by: String::new(),
                config: None,
                symptom: true,
            });
        }
    }
    let family = endpoint.name.as_str().split('-').next().unwrap_or_default();
    for run in model.executions.rows() {
        if !family.is_empty() && run.pipeline.as_str().starts_with(family) && !run.status.is_in_flight() {
            out.push(Moment {
                at: run.modified,
                health: run.status.health(),
                what: format!("pipeline {} {}", run.pipeline, run.status.as_str()),
                by: run.by.as_ref().map(ToString::to_string).unwrap_or_default(),
                config: None,
                symptom: false,
            });
        }
    }
    out.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    out
}

/// When its trouble began: the oldest firing alarm.
pub fn trouble_since(endpoint: &Endpoint) -> Option<Timestamp> {
    endpoint.burning().filter_map(|alarm| alarm.since).min()
}

/// The side panel: what changed before the trouble, closest first, then who served how long.
pub fn panel(model: &Model, endpoint: &Endpoint) -> Vec<Line> {
    let moments = moments(model, endpoint);
    let mut lines: Vec<Line> = Vec::new();
    let now = model.now();
    let trouble = trouble_since(endpoint);
    let title =
        trouble.map_or_else(|| "What changed lately".to_owned(), |at| format!("What changed before {}", at.hm()));
    lines.push(vec![(title, Tone::Strong)]);
    lines.extend(unread(model));
    let known = lines.len();
    let limit = trouble.unwrap_or(now);
    let mut first = true;
    for moment in moments.iter().filter(|moment| moment.at <= limit && moment.health != Health::Off).take(5) {
        let when = if now.since(moment.at) < DAY { moment.at.hm() } else { time::age(now.since(moment.at)) };
        let mut line = vec![
            (format!("  {when:>6}  "), Tone::Dim),
            (moment.what.clone(), Tone::Plain),
            (format!("  {}", moment.by), Tone::Dim),
        ];
        if first && trouble.is_some() && !moment.symptom {
            line.push(("  ◀ closest in time".to_owned(), Tone::Warn));
            first = false;
        }
        lines.push(line);
    }
    if lines.len() == known {
        lines.push(vec![(
            "  nothing known (CloudTrail keeps 90 days and may be 15 minutes late)".to_owned(),
            Tone::Dim,
        )]);
    }
    lines.push(Vec::new());
    lines.push(vec![("Served".to_owned(), Tone::Strong)]);
    lines.extend(served(model, endpoint, &moments));
    lines
}

/// Which config served from when to when.
fn served(model: &Model, endpoint: &Endpoint, moments: &[Moment]) -> Vec<Line> {
    let now = model.now();
    let live = endpoint.details.as_ref().map(|details| details.config.clone());
    let mut until = now;
    let mut lines = Vec::new();
    let mut explained = false;
    for moment in moments {
        let Some(config) = &moment.config else { continue };
        let span = if until == now {
            format!("since {}", if now.since(moment.at) < DAY { moment.at.hm() } else { moment.at.date() })
        } else {
            time::span(until.since(moment.at))
        };
        let is_live = live.as_ref() == Some(config) && until == now;
        explained |= is_live;
        let tone = if is_live { Tone::Plain } else { Tone::Dim };
        lines.push(vec![
            (format!("  {config}"), tone),
            (format!("  {span}"), Tone::Dim),
            (if is_live { "  live" } else { "" }.to_owned(), Tone::Ok),
        ]);
        until = moment.at;
        if lines.len() == 5 {
            break;
        }
    }
    if let (Some(config), false) = (&live, explained) {
        let note =
            if moments.iter().any(|m| m.config.is_some()) { "history does not explain it" } else { "no history read" };
        lines.insert(0, vec![(format!("  {config}"), Tone::Plain), (format!("  live; {note}"), Tone::Warn)]);
    }
    lines
}

/// Why CloudTrail's part of the history is missing, where it could not be read.
pub fn unread(model: &Model) -> Option<Line> {
    let why = model.endpoints.load.gaps.get(&Slot::Changes)?;
    Some(vec![(format!("  {why}"), Tone::Warn)])
}

/// The whole timeline as a list of steps, for `h`.
pub fn steps(model: &Model, endpoint: &Endpoint) -> Vec<StepLine> {
    moments(model, endpoint)
        .into_iter()
        .map(|moment| StepLine { health: moment.health, title: moment.what, note: moment.by, at: Some(moment.at) })
        .collect()
}
