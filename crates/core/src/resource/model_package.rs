//! A version in the Model Registry: approval, stage, what it was measured at.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Value, Width},
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelPackage {
    /// `group/version`.
    pub name: Text,
    pub arn: Text,
    pub group: Text,
    pub version: Option<i64>,
    /// `Pending`, `InProgress`, `Completed`, `Failed`, `Deleting`.
    pub status: Text,
    /// `Approved`, `Rejected`, `PendingManualApproval`.
    pub approval: Text,
    pub description: Option<Text>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub by: Option<Text>,
    /// Endpoints that serve it now, filled in from endpoints' details.
    pub live_on: Vec<Text>,
    pub stage: Option<Text>,
}

impl Resource for ModelPackage {
    const KIND: Kind = Kind::ModelPackage;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "GROUP",
            name: "group",
            tier: Tier::Always,
            width: Width::Fit { min: 10, max: 36 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.group),
            value: |row| (&row.group).into(),
        },
        Column {
            head: "VERSION",
            name: "version",
            tier: Tier::Always,
            width: Width::Fixed(7),
            align: Align::Right,
            cell: |row, _| row.version.map_or_else(Cell::missing, |v| Cell::new(format!("v{v}"))),
            value: |row| Value::number(row.version.map(|v| v as f64)),
        },
        Column {
            head: "APPROVAL",
            name: "approval",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 22 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.approval).tone(row.health().tone()),
            value: |row| (&row.approval).into(),
        },
        Column {
            head: "STATUS",
            name: "status",
            tier: Tier::Wide,
            width: Width::Fit { min: 8, max: 12 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.status),
            value: |row| (&row.status).into(),
        },
        Column {
            head: "LIVE ON",
            name: "live",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 30 },
            align: Align::Left,
            cell: |row, _| match row.live_on.as_slice() {
                [] => Cell::missing(),
                all => Cell::new(all.iter().map(Text::as_str).collect::<Vec<_>>().join(" ")),
            },
            value: |row| row.live_on.first().into(),
        },
        Column {
            head: "CREATED",
            name: "created",
            tier: Tier::Always,
            width: Width::Fixed(7),
            align: Align::Right,
            cell: |row, now| Cell::new(time::age(now.0.since(row.created))),
            value: |row| Value::Time(row.created),
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
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        match (self.status.as_str(), self.approval.as_str()) {
            ("Failed", _) => Health::Bad,
            (_, "Approved") => Health::Ok,
            (_, "Rejected") => Health::Off,
            (_, "PendingManualApproval") => Health::Warn,
            _ => Health::Unknown,
        }
    }

    fn facts(&self, _now: Now) -> Vec<Section> {
        vec![
            Section::new("Model package")
                .with("group", &self.group)
                .with("version", self.version.map_or_else(|| "–".to_owned(), |v| format!("v{v}")))
                .with("approval", &self.approval)
                .with("stage", self.stage.as_ref())
                .with("status", &self.status)
                .with("description", self.description.as_ref())
                .with("created", self.created.full())
                .with("by", self.by.as_ref())
                .with("arn", &self.arn),
        ]
    }
}
