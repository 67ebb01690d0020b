//! What runs for a while and serves nobody: processing, transform and labeling jobs, shadow tests, human loops. Training jobs
//! are runs.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Value, Width},
    health::Health,
    ops::target::{Kind as Thing, Target},
    text::Text,
    time::{self, Timestamp},
};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    Processing,
    Transform,
    Labeling,
    /// An inference experiment.
    Shadow,
    /// A human loop of Augmented AI.
    Loop,
}

impl JobKind {
    pub const ALL: [Self; 5] = [Self::Processing, Self::Transform, Self::Labeling, Self::Shadow, Self::Loop];

    pub const fn thing(self) -> Thing {
        match self {
            Self::Processing => Thing::ProcessingJob,
            Self::Transform => Thing::TransformJob,
            Self::Labeling => Thing::LabelingJob,
            Self::Shadow => Thing::Experiment,
            Self::Loop => Thing::HumanLoop,
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Transform => "transform",
            Self::Labeling => "labeling",
            Self::Shadow => "shadow test",
            Self::Loop => "human loop",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// `transform/nightly-scores`: names of different kinds may be the same.
    pub name: Text,
    /// Its own name.
    pub title: Text,
    pub kind: JobKind,
    /// Empty where a list does not tell it.
    pub arn: Text,
    /// As the API spells it.
    pub status: Text,
    pub failure: Option<Text>,
    pub created: Timestamp,
    pub modified: Option<Timestamp>,
    /// Of a labeling job: objects that are done, and all.
    pub progress: Option<(i64, i64)>,
    /// Of a human loop: its flow definition.
    pub of: Option<Text>,
}

impl Job {
    /// The name of a row.
    pub fn row(kind: JobKind, name: &str) -> Text {
        Text::new(&format!("{}/{name}", kind.words()))
    }

    /// What the verbs change, by the name of a row.
    pub fn target(row: &str) -> Option<Target> {
        let (kind, name) = row.split_once('/')?;
        let kind = JobKind::ALL.into_iter().find(|one| one.words() == kind)?;
        Some(Target::new(kind.thing(), Text::new(name)))
    }

    pub fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "InProgress" | "Initializing" | "Running")
    }

    /// `40 of 220`, the flow definition, or why it failed.
    fn about(&self) -> Option<String> {
        let progress = self.progress.map(|(done, all)| format!("{done} of {all}"));
        let of = self.of.as_ref().map(Text::to_string);
        self.failure.as_ref().map(Text::to_string).or(progress).or(of)
    }
}

impl Resource for Job {
    const KIND: Kind = Kind::Job;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "NAME",
            name: "name",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 50 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.title),
            value: |row| (&row.title).into(),
        },
        Column {
            head: "KIND",
            name: "kind",
            tier: Tier::Always,
            width: Width::Fixed(11),
            align: Align::Left,
            cell: |row, _| Cell::new(row.kind.words()),
            value: |row| Value::text(row.kind.words()),
        },
        Column {
            head: "STATUS",
            name: "status",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 14 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.status).tone(row.health().tone()),
            value: |row| (&row.status).into(),
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
            head: "ABOUT",
            name: "about",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 40 },
            align: Align::Left,
            cell: |row, _| row.about().map_or_else(Cell::missing, Cell::new),
            value: |row| row.of.as_ref().into(),
        },
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        match self.status.as_str() {
            "Completed" => Health::Ok,
            "Failed" => Health::Bad,
            "Stopped" | "Cancelled" => Health::Off,
            "InProgress" | "Initializing" | "Stopping" | "Creating" | "Created" | "Starting" | "Running"
            | "Updating" => Health::Busy,
            _ => Health::Unknown,
        }
    }

    fn facts(&self, _now: Now) -> Vec<Section> {
        let progress = self.progress.map_or_else(|| "–".to_owned(), |(done, all)| format!("{done} of {all} objects"));
        vec![
            Section::new(self.kind.words())
                .with("name", &self.title)
                .with("status", &self.status)
                .with("failure", self.failure.as_ref())
                .with("progress", progress)
                .with("flow definition", self.of.as_ref())
                .with("created", self.created.full())
                .with("changed", self.modified.map_or_else(|| "–".to_owned(), |at| at.full()))
                .with("arn", &self.arn),
        ]
    }
}
