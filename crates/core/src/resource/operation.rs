//! One change of ours, as the ledger shows it.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Value, Width},
    health::Health,
    ops::measure::{self, Judged},
    scope::Scope,
    text::Text,
    time::{self, Timestamp},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OperationState {
    /// Journaled, and not ended: being sent, or watched.
    Running,
    /// The answer to a write was lost and the state does not yet tell whether it landed.
    Unknown,
    Done,
    /// AWS took it back: InService on the old config.
    RolledBack,
    /// Somebody else's change won.
    Superseded,
    /// AWS or our own guard refused; nothing changed.
    Refused,
    Failed,
    /// It needs a person: the facts fit no rule.
    NeedsHuman,
    /// A person left it alone while it ran.
    Abandoned,
}

impl OperationState {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unknown => "unknown",
            Self::Done => "done",
            Self::RolledBack => "rolled back",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NeedsHuman => "needs you",
            Self::Abandoned => "left alone",
        }
    }

    pub const fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Unknown)
    }

    pub const fn health(self) -> Health {
        match self {
            Self::Running => Health::Busy,
            Self::Unknown => Health::Unknown,
            Self::Done => Health::Ok,
            Self::RolledBack | Self::Superseded => Health::Warn,
            Self::Refused | Self::Abandoned => Health::Off,
            Self::Failed | Self::NeedsHuman => Health::Bad,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The plan's short id: first 8 characters of its digest.
    pub id: Text,
    pub scope: Scope,
    /// `roll back`.
    pub verb: Text,
    /// The thing it changes: the endpoint's name.
    pub target: Text,
    /// `v18 → v17`.
    pub summary: Text,
    pub state: OperationState,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// The principal.
    pub by: Text,
    /// What happened last, in one sentence.
    pub note: Text,
    /// AWS request ids of the writes it sent.
    pub request_ids: Vec<Text>,
    /// Why, as the operator typed it.
    pub reason: Option<Text>,
    /// What its calls said once it was in service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// The bulk that it was confirmed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Text>,
}

impl Resource for Operation {
    const KIND: Kind = Kind::Operation;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "STARTED",
            name: "started",
            tier: Tier::Always,
            width: Width::Fixed(19),
            align: Align::Left,
            cell: |row, _| Cell::new(format!("{} {}", row.started.date(), row.started.hms())),
            value: |row| Value::Time(row.started),
        },
        Column {
            head: "WHAT",
            name: "verb",
            tier: Tier::Always,
            width: Width::Fit { min: 6, max: 16 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.verb),
            value: |row| (&row.verb).into(),
        },
        Column {
            head: "TARGET",
            name: "target",
            tier: Tier::Always,
            width: Width::Fit { min: 10, max: 36 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.target),
            value: |row| (&row.target).into(),
        },
        Column {
            head: "CHANGE",
            name: "change",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 40 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.summary),
            value: |row| (&row.summary).into(),
        },
        Column {
            head: "STATE",
            name: "state",
            tier: Tier::Always,
            width: Width::Fixed(11),
            align: Align::Left,
            cell: |row, _| Cell::new(row.state.word()).tone(row.state.health().tone()),
            value: |row| Value::text(row.state.word()),
        },
        Column {
            head: "BY",
            name: "by",
            tier: Tier::Wide,
            width: Width::Fit { min: 4, max: 20 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.by),
            value: |row| (&row.by).into(),
        },
        Column {
            head: "LAST",
            name: "note",
            tier: Tier::Wide,
            width: Width::Rest { min: 16 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.note),
            value: |row| (&row.note).into(),
        },
        Column {
            head: "ID",
            name: "id",
            tier: Tier::Full,
            width: Width::Fixed(8),
            align: Align::Left,
            cell: |row, _| Cell::from(&row.id),
            value: |row| (&row.id).into(),
        },
    ];

    fn name(&self) -> &Text {
        &self.id
    }

    fn health(&self) -> Health {
        self.state.health()
    }

    fn facts(&self, now: Now) -> Vec<Section> {
        let took = self.ended.unwrap_or(now.0).since(self.started);
        let mut section = Section::new("Operation")
            .with("id", &self.id)
            .with("what", format!("{} {}: {}", self.verb, self.target, self.summary))
            .with("where", self.scope.to_string())
            .with("state", Cell::new(self.state.word()).tone(self.state.health().tone()))
            .with("started", self.started.full())
            .with(if self.ended.is_some() { "took" } else { "so far" }, time::span(took))
            .with("by", &self.by)
            .with("last", &self.note);
        if let Some(reason) = &self.reason {
            section = section.with("reason", reason);
        }
        if let Some(judged) = &self.judged {
            for (what, told) in measure::lines(judged) {
                section = section.with(what, told);
            }
        }
        if let Some(bulk) = &self.bulk {
            section = section.with("bulk", bulk);
        }
        for id in &self.request_ids {
            section = section.with("request id", id);
        }
        vec![section]
    }

    fn field(&self, name: &str) -> Value<'_> {
        match &self.bulk {
            Some(bulk) if name == "bulk" => bulk.into(),
            _ => Value::Missing,
        }
    }

    fn field_names(&self) -> Vec<&str> {
        self.bulk.iter().map(|_| "bulk").collect()
    }
}
