//! A run of an experiment: a training job, a trial component, or (later) an MLflow run. A trial component whose source
//! is a training job is one row with it.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Tone, Value, Width},
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    InProgress,
    Stopping,
    Completed,
    Failed,
    Stopped,
    Other(Text),
}

impl RunStatus {
    /// From `TrainingJobStatus` or a trial component's `PrimaryStatus`: the words are the same.
    pub fn parse(raw: &str) -> Self {
        match raw {
            "InProgress" => Self::InProgress,
            "Stopping" => Self::Stopping,
            "Completed" => Self::Completed,
            "Failed" => Self::Failed,
            "Stopped" => Self::Stopped,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Other(text) => text.as_str(),
        }
    }

    pub const fn health(&self) -> Health {
        match self {
            Self::InProgress | Self::Stopping => Health::Busy,
            Self::Completed => Health::Ok,
            Self::Failed => Health::Bad,
            Self::Stopped => Health::Off,
            Self::Other(_) => Health::Unknown,
        }
    }
}

/// Where the row came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RunSource {
    TrainingJob,
    TrialComponent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the training job, or of the trial component when there is no job.
    pub name: Text,
    pub arn: Text,
    /// ARN of the trial component: what BatchGetMetrics wants.
    pub component_arn: Option<Text>,
    pub source: RunSource,
    pub status: RunStatus,
    pub failure: Option<Text>,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub ended: Option<Timestamp>,
    pub experiment: Option<Text>,
    pub by: Option<Text>,
    /// Final value of each metric, by name.
    pub metrics: Vec<(Text, f64)>,
    /// Hyperparameters and logged parameters; masked.
    pub parameters: Vec<(Text, Text)>,
    /// Input data: channel and S3 URI. Runs on different data are not comparable.
    pub data: Vec<(Text, Text)>,
    pub image: Option<Text>,
    pub instance: Option<Text>,
}

impl Run {
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Takes over what only `other`, the same run from another source, knows. A run comes once as a job and once as a
    /// component, and not always on the same page.
    pub fn complete_from(&mut self, other: &Self) {
        fn fill<T: Clone>(own: &mut Option<T>, other: Option<&T>) {
            if own.is_none() {
                *own = other.cloned();
            }
        }
        fn add<T: Clone>(own: &mut Vec<(Text, T)>, other: &[(Text, T)]) {
            for (name, value) in other {
                if !own.iter().any(|(known, _)| known == name) {
                    own.push((name.clone(), value.clone()));
                }
            }
            own.sort_by(|a, b| a.0.cmp(&b.0));
        }
        fill(&mut self.component_arn, other.component_arn.as_ref());
        fill(&mut self.experiment, other.experiment.as_ref());
        fill(&mut self.by, other.by.as_ref());
        fill(&mut self.image, other.image.as_ref());
        fill(&mut self.instance, other.instance.as_ref());
        add(&mut self.metrics, &other.metrics);
        add(&mut self.parameters, &other.parameters);
        if self.data.is_empty() {
            self.data.clone_from(&other.data);
        }
    }

    /// True when both were trained on the same data, as far as their inputs say.
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Resource for Run {
    const KIND: Kind = Kind::Run;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "RUN",
            name: "name",
            tier: Tier::Always,
            width: Width::Fit { min: 14, max: 40 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.name),
            value: |row| (&row.name).into(),
        },
        Column {
            head: "EXPERIMENT",
            name: "experiment",
            tier: Tier::Wide,
            width: Width::Fit { min: 8, max: 24 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.experiment.as_ref()),
            value: |row| row.experiment.as_ref().into(),
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
            head: "CREATED",
            name: "created",
            tier: Tier::Always,
            width: Width::Fixed(9),
            align: Align::Right,
            cell: |row, now| Cell::new(time::age(now.0.since(row.created))),
            value: |row| Value::Time(row.created),
        },
        Column {
            head: "TOOK",
            name: "took",
            tier: Tier::Wide,
            width: Width::Fixed(9),
            align: Align::Right,
            cell: |row, now| match row.ended {
                Some(end) => Cell::new(time::span(end.since(row.created))),
                None => Cell::new(time::age(now.0.since(row.created))),
            },
            value: |row| Value::number(row.ended.map(|end| end.since(row.created) as f64 / 1_000.0)),
        },
        Column {
            head: "BY",
            name: "by",
            tier: Tier::Full,
            width: Width::Fit { min: 4, max: 20 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.by.as_ref()),
            value: |row| row.by.as_ref().into(),
        },
        Column {
            head: "INSTANCE",
            name: "instance",
            tier: Tier::Full,
            width: Width::Fit { min: 8, max: 18 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.instance.as_ref()),
            value: |row| row.instance.as_ref().into(),
        },
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        self.status.health()
    }

    fn facts(&self, _now: Now) -> Vec<Section> {
        let mut head = Section::new("Run")
            .with("name", &self.name)
            .with("status", Cell::new(self.status.as_str().to_owned()).tone(self.health().tone()))
            .with("experiment", self.experiment.as_ref())
            .with("created", self.created.full())
            .with("image", self.image.as_ref())
            .with("instance", self.instance.as_ref())
            .with("arn", &self.arn);
        if let Some(failure) = &self.failure {
            head = head.with("failure", Cell::from(failure).tone(Tone::Bad));
        }
        let mut out = vec![head];
        let mut pairs = |title: &str, pairs: Vec<(&Text, String)>| {
            if !pairs.is_empty() {
                let section =
                    pairs.into_iter().fold(Section::new(title), |s, (key, value)| s.with(key.as_str(), value));
                out.push(section);
            }
        };
        pairs("Metrics", self.metrics.iter().map(|(k, v)| (k, crate::series::short(*v))).collect());
        pairs("Parameters", self.parameters.iter().map(|(k, v)| (k, v.to_string())).collect());
        pairs("Data", self.data.iter().map(|(k, v)| (k, v.to_string())).collect());
        out
    }

    fn field(&self, name: &str) -> Value<'_> {
        let metric = self.metric(name.strip_prefix("metric.").unwrap_or(name));
        if let Some(value) = metric {
            return Value::Number(value);
        }
        let name = name.strip_prefix("param.").unwrap_or(name);
        match self.parameters.iter().find(|(key, _)| key == name) {
            Some((_, value)) => value.as_str().parse().map_or_else(|_| value.into(), Value::Number),
            None => Value::Missing,
        }
    }

    fn field_names(&self) -> Vec<&str> {
        self.metrics.iter().map(|(name, _)| name.as_str()).collect()
    }
}
