//! What watches a model for drift: a monitoring schedule with its executions, or custom metrics of the same shape.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Tone, Value, Width},
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

/// `MonitoringType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonitorKind {
    DataQuality,
    ModelQuality,
    ModelBias,
    ModelExplainability,
    Other(Text),
}

impl MonitorKind {
    pub fn parse(raw: &str) -> Self {
        match raw {
            "DataQuality" => Self::DataQuality,
            "ModelQuality" => Self::ModelQuality,
            "ModelBias" => Self::ModelBias,
            "ModelExplainability" => Self::ModelExplainability,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::DataQuality => "data quality",
            Self::ModelQuality => "model quality",
            Self::ModelBias => "bias",
            Self::ModelExplainability => "attribution",
            Self::Other(text) => text.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    /// Name of the monitoring schedule.
    pub name: Text,
    pub arn: Text,
    pub endpoint: Option<Text>,
    pub kind: MonitorKind,
    /// `ScheduleStatus`: Pending, Scheduled, Stopped, Failed.
    pub schedule_status: Text,
    /// The newest execution.
    pub last: Option<MonitorRun>,
    /// Milliseconds between two executions by its cron expression, when it could be read.
    pub interval: Option<i64>,
    pub in_alert: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorRun {
    pub scheduled: Timestamp,
    pub modified: Timestamp,
    /// `Pending`, `InProgress`, `Completed`, `CompletedWithViolations`, `Failed`, `Stopping`, `Stopped`.
    pub status: Text,
    pub failure: Option<Text>,
    pub job_arn: Option<Text>,
}

impl MonitorRun {
    pub fn health(&self) -> Health {
        let no_data = |f: &Text| f.as_str().to_ascii_lowercase().contains("no data");
        match self.status.as_str() {
            "Completed" => Health::Ok,
            "CompletedWithViolations" => Health::Warn,
            "Pending" | "InProgress" | "Stopping" => Health::Busy,
            "Stopped" => Health::Off,
            // A run that found no traffic to look at says nothing about the model.
            "Failed" if self.failure.as_ref().is_some_and(no_data) => Health::Off,
            "Failed" => Health::Bad,
            _ => Health::Unknown,
        }
    }
}

impl Monitor {
    /// The newest result is older than two intervals plus the 20 minutes that AWS allows itself.
    pub fn is_late(&self, now: Timestamp) -> bool {
        match (&self.last, self.interval) {
            (Some(last), Some(interval)) if self.schedule_status == "Scheduled" => {
                now.since(last.scheduled) > 2 * interval + 20 * time::MINUTE
            }
            _ => false,
        }
    }
}

/// What one opened monitor shows: features over time, against the limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftDetail {
    pub monitor: Text,
    pub endpoint: Option<Text>,
    /// Oldest first.
    pub runs: Vec<MonitorRun>,
    /// One per feature, worst latest distance first.
    pub features: Vec<FeatureDrift>,
    /// The limit of `constraints.json`; deequ's default is 0.1.
    pub limit: Option<f64>,
    pub method: Option<Text>,
    /// Violations of the newest execution, as text when they could not be read as numbers.
    pub violations: Vec<Violation>,
    /// Where the numbers came from: `CloudWatch`, `S3 reports`.
    pub source: Text,
    /// Rows the newest execution looked at, and rows of the baseline.
    pub counts: Option<(f64, f64)>,
    /// What could not be read, and why.
    pub gaps: Vec<Text>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureDrift {
    pub name: Text,
    /// Time of the execution and distance, oldest first.
    pub distances: Vec<(Timestamp, f64)>,
    /// Shares per bucket, baseline and newest, over the same buckets; empty when there is no distribution.
    pub buckets: Vec<Bucket>,
    /// Uncorrected distance, corrected distance, n of now, n of the baseline; recomputed by us from the sketches.
    pub recomputed: Option<Recomputed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub label: Text,
    pub baseline: f64,
    pub now: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recomputed {
    pub raw: f64,
    pub corrected: f64,
    pub now: f64,
    pub baseline: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    pub feature: Text,
    pub check: Text,
    pub description: Text,
    /// Distance and limit, when the description holds them.
    pub distance: Option<(f64, f64)>,
}

impl Resource for Monitor {
    const KIND: Kind = Kind::Monitor;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "ENDPOINT",
            name: "endpoint",
            tier: Tier::Always,
            width: Width::Fit { min: 10, max: 36 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.endpoint.as_ref()),
            value: |row| row.endpoint.as_ref().into(),
        },
        Column {
            head: "MONITOR",
            name: "name",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 36 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.name),
            value: |row| (&row.name).into(),
        },
        Column {
            head: "KIND",
            name: "kind",
            tier: Tier::Wide,
            width: Width::Fit { min: 6, max: 14 },
            align: Align::Left,
            cell: |row, _| Cell::new(row.kind.as_str().to_owned()),
            value: |row| Value::text(row.kind.as_str()),
        },
        Column {
            head: "SCHEDULE",
            name: "schedule",
            tier: Tier::Wide,
            width: Width::Fixed(10),
            align: Align::Left,
            cell: |row, _| Cell::from(&row.schedule_status),
            value: |row| (&row.schedule_status).into(),
        },
        Column {
            head: "LAST RESULT",
            name: "status",
            tier: Tier::Always,
            width: Width::Fit { min: 11, max: 24 },
            align: Align::Left,
            cell: |row, _| {
                row.last.as_ref().map_or_else(Cell::missing, |run| Cell::from(&run.status).tone(run.health().tone()))
            },
            value: |row| row.last.as_ref().map(|run| &run.status).into(),
        },
        Column {
            head: "RAN",
            name: "ran",
            tier: Tier::Always,
            width: Width::Fixed(8),
            align: Align::Right,
            cell: |row, now| match &row.last {
                None => Cell::missing(),
                Some(run) => {
                    let cell = Cell::new(time::age(now.0.since(run.scheduled)));
                    if row.is_late(now.0) { cell.tone(Tone::Warn) } else { cell }
                }
            },
            value: |row| Value::time(row.last.as_ref().map(|run| run.scheduled)),
        },
        Column {
            head: "ALERT",
            name: "alert",
            tier: Tier::Always,
            width: Width::Fixed(8),
            align: Align::Left,
            cell: |row, _| if row.in_alert { Cell::new("in alert").tone(Tone::Bad) } else { Cell::missing() },
            value: |row| Value::Flag(row.in_alert),
        },
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        let by_schedule = match self.schedule_status.as_str() {
            "Scheduled" => Health::Ok,
            "Pending" => Health::Busy,
            "Stopped" => return Health::Off,
            "Failed" => Health::Bad,
            _ => Health::Unknown,
        };
        let last = self.last.as_ref().map_or(Health::Ok, MonitorRun::health);
        let alert = if self.in_alert { Health::Bad } else { Health::Ok };
        by_schedule.min(last).min(alert)
    }

    fn facts(&self, now: Now) -> Vec<Section> {
        let mut section = Section::new("Monitoring schedule")
            .with("name", &self.name)
            .with("endpoint", self.endpoint.as_ref())
            .with("kind", self.kind.as_str().to_owned())
            .with("schedule", &self.schedule_status)
            .with("arn", &self.arn);
        if let Some(last) = &self.last {
            let late = if self.is_late(now.0) { ", late" } else { "" };
            section = section
                .with(
                    "last run",
                    format!("{} ({}{late})", last.scheduled.full(), time::age(now.0.since(last.scheduled))),
                )
                .with("result", Cell::from(&last.status).tone(last.health().tone()));
            if let Some(failure) = &last.failure {
                section = section.with("failure", failure);
            }
        }
        vec![section]
    }
}
