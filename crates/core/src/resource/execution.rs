//! A pipeline execution: its row, its steps, the graph of its definition.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Tone, Value, Width},
    graph::Dag,
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionStatus {
    Executing,
    Stopping,
    Stopped,
    Failed,
    Succeeded,
    Other(Text),
}

impl ExecutionStatus {
    pub fn parse(raw: &str) -> Self {
        match raw {
            "Executing" => Self::Executing,
            "Stopping" => Self::Stopping,
            "Stopped" => Self::Stopped,
            "Failed" => Self::Failed,
            "Succeeded" => Self::Succeeded,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Executing => "Executing",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Failed => "Failed",
            Self::Succeeded => "Succeeded",
            Self::Other(text) => text.as_str(),
        }
    }

    pub const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Executing | Self::Stopping)
    }

    pub const fn health(&self) -> Health {
        match self {
            Self::Executing | Self::Stopping => Health::Busy,
            Self::Stopped => Health::Off,
            Self::Failed => Health::Bad,
            Self::Succeeded => Health::Ok,
            Self::Other(_) => Health::Unknown,
        }
    }
}

/// One run of one pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// The last part of the ARN: executions have no name.
    pub id: Text,
    pub arn: Text,
    pub pipeline: Text,
    pub display_name: Option<Text>,
    pub status: ExecutionStatus,
    pub failure: Option<Text>,
    pub started: Timestamp,
    pub modified: Timestamp,
    pub by: Option<Text>,
    /// As given at the start, masked; empty until known.
    pub parameters: Vec<(Text, Text)>,
}

impl Execution {
    /// How long it ran, or has run until `now`.
    pub fn took(&self, now: Now) -> i64 {
        let end = if self.status.is_in_flight() { now.0 } else { self.modified };
        end.since(self.started)
    }
}

/// What one opened execution adds: its steps, its definition's graph, its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecutionDetail {
    pub arn: Text,
    /// Steps that *started*; the others are known from the graph only.
    pub steps: Vec<PipelineStep>,
    pub graph: Dag,
    pub parameters: Vec<(Text, Text)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineStep {
    pub name: Text,
    pub status: StepStatus,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub failure: Option<Text>,
    pub attempts: i64,
    /// True when its result came from the cache.
    pub cached: bool,
    /// What it made: `TrainingJob`, `ProcessingJob`, `RegisterModel`, `Condition`, …
    pub made: Option<Text>,
    /// ARN of what it made; for a condition its outcome.
    pub target: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepStatus {
    Starting,
    Executing,
    Stopping,
    Stopped,
    Failed,
    Succeeded,
    Other(Text),
}

impl StepStatus {
    pub fn parse(raw: &str) -> Self {
        match raw {
            "Starting" => Self::Starting,
            "Executing" => Self::Executing,
            "Stopping" => Self::Stopping,
            "Stopped" => Self::Stopped,
            "Failed" => Self::Failed,
            "Succeeded" => Self::Succeeded,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Starting => "Starting",
            Self::Executing => "Executing",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Failed => "Failed",
            Self::Succeeded => "Succeeded",
            Self::Other(text) => text.as_str(),
        }
    }

    pub const fn health(&self) -> Health {
        match self {
            Self::Starting | Self::Executing | Self::Stopping => Health::Busy,
            Self::Stopped => Health::Off,
            Self::Failed => Health::Bad,
            Self::Succeeded => Health::Ok,
            Self::Other(_) => Health::Unknown,
        }
    }
}

impl Resource for Execution {
    const KIND: Kind = Kind::Execution;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "PIPELINE",
            name: "pipeline",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 36 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.pipeline),
            value: |row| (&row.pipeline).into(),
        },
        Column {
            head: "RUN",
            name: "run",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 24 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.display_name.as_ref().unwrap_or(&row.id)),
            value: |row| row.display_name.as_ref().unwrap_or(&row.id).into(),
        },
        Column {
            head: "STATUS",
            name: "status",
            tier: Tier::Always,
            width: Width::Fit { min: 9, max: 12 },
            align: Align::Left,
            cell: |row, _| Cell::new(row.status.as_str().to_owned()).tone(row.status.health().tone()),
            value: |row| Value::text(row.status.as_str()),
        },
        Column {
            head: "STARTED",
            name: "started",
            tier: Tier::Always,
            width: Width::Fixed(9),
            align: Align::Right,
            cell: |row, now| Cell::new(time::age(now.0.since(row.started))),
            value: |row| Value::Time(row.started),
        },
        Column {
            head: "TOOK",
            name: "took",
            tier: Tier::Always,
            width: Width::Fixed(9),
            align: Align::Right,
            cell: |row, now| {
                let took = row.took(now);
                // A running one counts minutes only: an idle screen must not change every second.
                Cell::new(if row.status.is_in_flight() { time::age(took) } else { time::span(took) })
            },
            value: |row| Value::Number(row.modified.since(row.started) as f64 / 1_000.0),
        },
        Column {
            head: "BY",
            name: "by",
            tier: Tier::Wide,
            width: Width::Fit { min: 4, max: 20 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.by.as_ref()),
            value: |row| row.by.as_ref().into(),
        },
        Column {
            head: "FAILURE",
            name: "failure",
            tier: Tier::Wide,
            width: Width::Rest { min: 16 },
            align: Align::Left,
            cell: |row, _| row.failure.as_ref().map_or_else(Cell::default, |f| Cell::from(f).tone(Tone::Bad)),
            value: |row| row.failure.as_ref().into(),
        },
        Column {
            head: "ID",
            name: "id",
            tier: Tier::Full,
            width: Width::Fixed(14),
            align: Align::Left,
            cell: |row, _| Cell::from(&row.id),
            value: |row| (&row.id).into(),
        },
    ];

    fn name(&self) -> &Text {
        &self.id
    }

    fn health(&self) -> Health {
        self.status.health()
    }

    fn facts(&self, now: Now) -> Vec<Section> {
        let mut section = Section::new("Execution")
            .with("pipeline", &self.pipeline)
            .with("id", &self.id)
            .with("status", Cell::new(self.status.as_str().to_owned()).tone(self.health().tone()))
            .with("started", self.started.full())
            .with("took", time::span(self.took(now)))
            .with("by", self.by.as_ref())
            .with("arn", &self.arn);
        if let Some(failure) = &self.failure {
            section = section.with("failure", Cell::from(failure).tone(Tone::Bad));
        }
        let mut out = vec![section];
        if !self.parameters.is_empty() {
            let mut section = Section::new("Parameters");
            for (key, value) in &self.parameters {
                section = section.with(key.as_str(), value);
            }
            out.push(section);
        }
        out
    }

    /// Parameters by name: `max_depth:12` finds a run by parameter value.
    fn field(&self, name: &str) -> Value<'_> {
        let name = name.strip_prefix("param.").unwrap_or(name);
        let Some((_, value)) = self.parameters.iter().find(|(key, _)| key.as_str().eq_ignore_ascii_case(name)) else {
            return Value::Missing;
        };
        value.as_str().parse().map_or_else(|_| value.into(), Value::Number)
    }

    fn field_names(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| name.as_str()).collect()
    }
}
