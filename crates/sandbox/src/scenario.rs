//! Scenarios: what is different about one world, as data. The files lie in `scenarios/` and are compiled in.
//!
//! | table | says |
//! |---|---|
//! | `name`, `doc`, `seed`, `start`, `extras`, `hostile_logs` | which world, when it starts, how many ordinary endpoints it has |
//! | `[[action]]` | a call somebody else makes `at` a time relative to the start (`-42m`, `+5m`), through the same handlers |
//! | `[[behaviour]]` | the hidden truth about one model: errors, slowness, memory, and when they show |
//! | `[[state]]` | an endpoint that starts in trouble |

use mldeck_core::time::{Timestamp, parse_span};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::world::Service;

/// The scenario a demo starts with.
pub const DEFAULT: &str = "fraud-burns";

const FILES: &[(&str, &str)] = &[
    ("fraud-burns", include_str!("../scenarios/fraud-burns.toml")),
    ("quiet-night", include_str!("../scenarios/quiet-night.toml")),
    ("bad-canary", include_str!("../scenarios/bad-canary.toml")),
    ("silent-regression", include_str!("../scenarios/silent-regression.toml")),
    ("misleading-history", include_str!("../scenarios/misleading-history.toml")),
    ("failed-pipeline", include_str!("../scenarios/failed-pipeline.toml")),
    ("drift-storm", include_str!("../scenarios/drift-storm.toml")),
    ("big", include_str!("../scenarios/big.toml")),
];

#[derive(Debug, Error)]
pub enum ScenarioError {
    #[error("no scenario named `{0}`; there are: {list}", list = names().collect::<Vec<_>>().join(", "))]
    Unknown(String),
    #[error("scenario `{name}`: {source}")]
    Malformed {
        name: String,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("scenario `{name}`: {what}")]
    Wrong { name: String, what: String },
}

/// One world, told as data.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// One paragraph for `--help` and for the drill's briefing.
    pub doc: String,
    pub seed: u64,
    /// When it starts.
    pub start: Timestamp,
    /// Ordinary endpoints besides the families.
    pub(crate) extras: usize,
    /// Calls that other people make, oldest first.
    pub(crate) actions: Vec<Action>,
    /// What is wrong with which model, unknown to AWS.
    pub(crate) behaviours: Vec<Behaviour>,
    /// Endpoints that start in another state than InService.
    pub(crate) states: Vec<Condition>,
    /// Log lines with hostile bytes in them.
    pub(crate) hostile_logs: bool,
    /// Facts for areas that read their own: `[learning]` with `runs` and `executions` (how many a month has besides the
    /// regular ones), `[search]` with `lag_s` (seconds the index is behind), `[[step]]` (what becomes of a pipeline's step),
    /// `[[quota]]` (how many instances of a type the account may run), `[[drift]]` and `[[quality]]` (what happens to the data).
    pub(crate) more: toml::Table,
}

/// A call somebody else makes at a time relative to the start.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    /// Milliseconds from the start; negative is history.
    pub(crate) at: i64,
    pub(crate) by: String,
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) input: Value,
    /// CloudTrail shows the event this much later, milliseconds.
    pub(crate) delivery: i64,
    /// AWS refuses it with this code, whatever the state: `AccessDenied`.
    pub(crate) refused: Option<String>,
}

/// How a model behaves once it serves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behaviour {
    pub(crate) model: String,
    /// Share of invocations answered 5xx at full effect.
    #[serde(default)]
    pub(crate) errors: f64,
    /// Share of invocations answered 4xx at full effect.
    #[serde(default)]
    pub(crate) client_errors: f64,
    /// Median latency as a multiple of the family's.
    #[serde(default = "one")]
    pub(crate) slowdown: f64,
    /// How far the slow tail reaches, as a multiple of the family's.
    #[serde(default = "one")]
    pub(crate) tail: f64,
    /// Memory grows to this percentage at full effect.
    #[serde(default)]
    pub(crate) memory: Option<f64>,
    /// Its container never passes the health check.
    #[serde(default)]
    pub(crate) unhealthy: bool,
    /// Minutes after taking traffic until it starts to show, and until it is at full effect.
    #[serde(default)]
    pub(crate) onset_min: f64,
    #[serde(default)]
    pub(crate) full_min: f64,
}

const fn one() -> f64 {
    1.0
}

/// A state an endpoint starts in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) endpoint: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Second config it serves a mix with (UpdateRollbackFailed).
    #[serde(default)]
    pub(crate) mixed_with: Option<String>,
    /// Minutes before the start it came into this state.
    #[serde(default)]
    pub(crate) since_min: f64,
}

#[derive(Deserialize)]
struct File {
    name: String,
    doc: String,
    seed: u64,
    start: String,
    #[serde(default = "ordinary")]
    extras: usize,
    #[serde(default)]
    hostile_logs: bool,
    #[serde(default)]
    action: Vec<FileAction>,
    #[serde(default)]
    behaviour: Vec<Behaviour>,
    #[serde(default)]
    state: Vec<Condition>,
    #[serde(flatten)]
    more: toml::Table,
}

const fn ordinary() -> usize {
    35
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAction {
    at: String,
    by: String,
    #[serde(default)]
    service: Option<String>,
    operation: String,
    #[serde(default)]
    input: Option<Value>,
    #[serde(default)]
    delivery_min: f64,
    #[serde(default)]
    refused: Option<String>,
}

/// Names of all scenarios, the default first.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

impl Scenario {
    /// A scenario by its name.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        let (_, text) =
            FILES.iter().find(|(known, _)| *known == name).ok_or_else(|| ScenarioError::Unknown(name.to_owned()))?;
        Self::parse(name, text)
    }

    /// Reads a scenario file; `name` is for error texts.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text)
            .map_err(|source| ScenarioError::Malformed { name: name.to_owned(), source: Box::new(source) })?;
        let wrong = |what: String| ScenarioError::Wrong { name: name.to_owned(), what };
        let start = Timestamp::parse(&file.start).ok_or_else(|| wrong(format!("start `{}`", file.start)))?;
        let mut actions =
            file.action.into_iter().map(|action| action.read().map_err(&wrong)).collect::<Result<Vec<_>, _>>()?;
        actions.sort_by_key(|action| action.at);
        Ok(Self {
            name: file.name,
            doc: file.doc,
            seed: file.seed,
            start,
            extras: file.extras,
            actions,
            behaviours: file.behaviour,
            states: file.state,
            hostile_logs: file.hostile_logs,
            more: file.more,
        })
    }
}

impl FileAction {
    fn read(self) -> Result<Action, String> {
        let (sign, span) = self.at.strip_prefix('-').map_or((1, self.at.trim_start_matches('+')), |span| (-1, span));
        let at = parse_span(span).ok_or_else(|| format!("at `{}`", self.at))? * sign;
        let service = match &self.service {
            None => Service::SageMaker,
            Some(name) => Service::from_signing_name(name).ok_or_else(|| format!("service `{name}`"))?,
        };
        Ok(Action {
            at,
            by: self.by,
            service,
            operation: self.operation,
            input: self.input.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            delivery: (self.delivery_min * 60_000.0) as i64,
            refused: self.refused,
        })
    }
}
