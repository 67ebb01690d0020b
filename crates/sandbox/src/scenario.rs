//! Scenarios: what is different about one world, as data. The files lie in `scenarios/` and are compiled in.
//!
//! | table | says |
//! |---|---|
//! | `name`, `doc`, `seed`, `start`, `extras`, `hostile_logs` | which world, when it starts, how many ordinary endpoints it has |
//! | `[[action]]` | a call somebody else makes `at` a time relative to the start (`-42m`, `+5m`), through the same handlers |
//! | `[[behaviour]]` | the hidden truth about one model: errors, slowness, memory, and when they show |
//! | `[[state]]` | an endpoint that starts in trouble |
//! | `[[upstream]]` | an endpoint whose callers send another share of their traffic for a while |
//! | `[[shortage]]` | instances of a type that cannot be had for a while, or only so many |
//! | `[[reaction]]` | a call that automation makes once something is true of the account for a while |
//! | `[[fault]]` | what goes wrong between the account and its caller ([`crate::faults`]) |
//! | `[drill]` | what there is to find, and what a drill is graded by ([`crate::drill`]) |

use mldeck_core::time::{Timestamp, parse_span};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    drill::Drill,
    faults::{FileRule, Rule},
    world::{Service, check::Check},
};

/// The scenario a demo starts with.
pub const DEFAULT: &str = "fraud-burns";

const FILES: &[(&str, &str)] = &[
    ("fraud-burns", include_str!("../scenarios/fraud-burns.toml")),
    ("quiet-night", include_str!("../scenarios/quiet-night.toml")),
    ("bad-canary", include_str!("../scenarios/bad-canary.toml")),
    ("silent-regression", include_str!("../scenarios/silent-regression.toml")),
    ("misleading-history", include_str!("../scenarios/misleading-history.toml")),
    ("labeling-backlog", include_str!("../scenarios/labeling-backlog.toml")),
    ("failed-pipeline", include_str!("../scenarios/failed-pipeline.toml")),
    ("drift-storm", include_str!("../scenarios/drift-storm.toml")),
    ("big", include_str!("../scenarios/big.toml")),
    ("throttled-account", include_str!("../scenarios/throttled-account.toml")),
    ("expired-login", include_str!("../scenarios/expired-login.toml")),
    ("two-operators", include_str!("../scenarios/two-operators.toml")),
    ("ci-redeploys", include_str!("../scenarios/ci-redeploys.toml")),
    ("rollback-failed", include_str!("../scenarios/rollback-failed.toml")),
    ("stuck-creating", include_str!("../scenarios/stuck-creating.toml")),
    ("no-capacity", include_str!("../scenarios/no-capacity.toml")),
    ("bad-adapter", include_str!("../scenarios/bad-adapter.toml")),
    ("dead-upstream", include_str!("../scenarios/dead-upstream.toml")),
    ("big-account", include_str!("../scenarios/big-account.toml")),
];

#[derive(Debug, Error)]
pub enum ScenarioError {
    #[error("no scenario named `{0}`; there are: {list}", list = names().collect::<Vec<_>>().join(", "))]
    Unknown(String),
    #[error("scenario `{name}` cannot be read: {source}")]
    Unread {
        name: String,
        #[source]
        source: std::io::Error,
    },
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
    /// Nothing is in it, and nothing happened in it.
    pub(crate) bare: bool,
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
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) shortages: Vec<Shortage>,
    pub(crate) reactions: Vec<Reaction>,
    /// Windows are relative to the start.
    pub(crate) faults: Vec<Rule>,
    pub(crate) drill: Option<Drill>,
    /// Facts for areas that read their own: `[learning]` with `runs` and `executions` (how many a month has besides the
    /// regular ones) and `metrics` (how many a run logs at least), `[search]` with `lag_s` (seconds the index is behind), `[people.groups]` (how many people a group of a
    /// work team has), `[[step]]` (what becomes of a pipeline's step), `[[quota]]` (how many instances of a type the account
    /// may run), `[[drift]]` and `[[quality]]` (what happens to the data).
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

/// Callers that send more or less than they usually do.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) endpoint: String,
    /// Of the usual traffic.
    pub(crate) share: f64,
    /// Milliseconds from the start.
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// Instances that cannot be had: what a launch asks for at once must fit into what is left.
#[derive(Clone, Debug)]
pub(crate) struct Shortage {
    pub(crate) instance: String,
    /// Instances that anybody still gets.
    pub(crate) left: i64,
    /// Milliseconds from the start.
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// A call that automation makes once all its checks have held for some time.
#[derive(Clone, Debug)]
pub(crate) struct Reaction {
    pub(crate) when: Vec<Check>,
    /// Milliseconds.
    pub(crate) after: i64,
    pub(crate) act: Action,
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
    /// What such a container writes before it ends.
    #[serde(default)]
    pub(crate) crash: Option<String>,
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
    #[serde(default)]
    upstream: Vec<FileUpstream>,
    #[serde(default)]
    shortage: Vec<FileShortage>,
    #[serde(default)]
    reaction: Vec<FileReaction>,
    #[serde(default)]
    fault: Vec<FileRule>,
    #[serde(default)]
    drill: Option<Drill>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileUpstream {
    endpoint: String,
    share: f64,
    from: String,
    #[serde(default)]
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileShortage {
    instance: String,
    #[serde(default)]
    left: i64,
    from: String,
    #[serde(default)]
    until: Option<String>,
}

#[derive(Deserialize)]
struct FileReaction {
    when: Vec<Check>,
    after: String,
    #[serde(flatten)]
    act: toml::Table,
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

    /// An account of its own that is empty: no endpoint, no model, no alarm, no history. Its callers fill it.
    pub fn bare(start: Timestamp) -> Self {
        Self {
            name: "bare".to_owned(),
            doc: String::new(),
            seed: 0,
            start,
            bare: true,
            extras: 0,
            actions: Vec::new(),
            behaviours: Vec::new(),
            states: Vec::new(),
            hostile_logs: false,
            upstreams: Vec::new(),
            shortages: Vec::new(),
            reactions: Vec::new(),
            faults: Vec::new(),
            drill: None,
            more: toml::Table::new(),
        }
    }

    /// The beginning of its story, for a list.
    pub fn gist(&self) -> String {
        const MOST: usize = 96;
        let mut gist = String::new();
        for word in self.doc.split_whitespace() {
            if gist.len() + word.len() > MOST {
                gist.push_str(" …");
                break;
            }
            if !gist.is_empty() {
                gist.push(' ');
            }
            gist.push_str(word);
        }
        gist
    }

    /// True when it is one that can be played as a drill.
    pub const fn is_drill(&self) -> bool {
        self.drill.is_some()
    }

    /// Reads a scenario file; `name` is for error texts.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text)
            .map_err(|source| ScenarioError::Malformed { name: name.to_owned(), source: Box::new(source) })?;
        let wrong = |what: String| ScenarioError::Wrong { name: name.to_owned(), what };
        let start = Timestamp::parse(&file.start).ok_or_else(|| wrong(format!("start `{}`", file.start)))?;
        let mut actions =
            file.action.into_iter().map(FileAction::read).collect::<Result<Vec<_>, _>>().map_err(&wrong)?;
        actions.sort_by_key(|action| action.at);
        let upstreams = file.upstream.into_iter().map(FileUpstream::read).collect::<Result<_, _>>().map_err(&wrong)?;
        let shortages = file.shortage.into_iter().map(FileShortage::read).collect::<Result<_, _>>().map_err(&wrong)?;
        let reactions = file.reaction.into_iter().map(FileReaction::read).collect::<Result<_, _>>().map_err(&wrong)?;
        let faults = file.fault.into_iter().map(FileRule::read).collect::<Result<_, _>>().map_err(&wrong)?;
        if let Some(drill) = &file.drill {
            drill.sound().map_err(&wrong)?;
        }
        Ok(Self {
            name: file.name,
            doc: file.doc,
            seed: file.seed,
            start,
            bare: false,
            extras: file.extras,
            actions,
            behaviours: file.behaviour,
            states: file.state,
            hostile_logs: file.hostile_logs,
            upstreams,
            shortages,
            reactions,
            faults,
            drill: file.drill,
            more: file.more,
        })
    }
}

/// A time relative to the start, in milliseconds: `-42m`, `+5m`.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let (sign, span) = text.strip_prefix('-').map_or((1, text.trim_start_matches('+')), |span| (-1, span));
    Ok(parse_span(span).ok_or_else(|| format!("time `{text}`"))? * sign)
}

impl FileUpstream {
    fn read(self) -> Result<Upstream, String> {
        let until = self.until.as_deref().map_or(Ok(i64::MAX), moment)?;
        Ok(Upstream { endpoint: self.endpoint, share: self.share, from: moment(&self.from)?, until })
    }
}

impl FileShortage {
    fn read(self) -> Result<Shortage, String> {
        let until = self.until.as_deref().map_or(Ok(i64::MAX), moment)?;
        Ok(Shortage { instance: self.instance, left: self.left, from: moment(&self.from)?, until })
    }
}

impl FileReaction {
    fn read(mut self) -> Result<Reaction, String> {
        self.when.iter().try_for_each(Check::sound)?;
        self.act.insert("at".to_owned(), "0m".into());
        let act: FileAction = self.act.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        Ok(Reaction { when: self.when, after: moment(&self.after)?, act: act.read()? })
    }
}

impl FileAction {
    fn read(self) -> Result<Action, String> {
        let at = moment(&self.at)?;
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
