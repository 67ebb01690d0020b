//! A CloudWatch alarm: metric, composite or metric math.

use serde::{Deserialize, Serialize};

use super::{Kind, Resource, Section};
use crate::{
    column::{Align, Cell, Column, Now, Tier, Value, Width},
    health::Health,
    text::Text,
    time::{self, Timestamp},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmState {
    Ok,
    Alarm,
    InsufficientData,
    Other(Text),
}

impl AlarmState {
    pub fn parse(raw: &str) -> Self {
        match raw {
            "OK" => Self::Ok,
            "ALARM" => Self::Alarm,
            "INSUFFICIENT_DATA" => Self::InsufficientData,
            other => Self::Other(Text::new(other)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Other(text) => text.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub name: Text,
    pub arn: Text,
    pub state: AlarmState,
    /// Since when it is in this state.
    pub since: Option<Timestamp>,
    pub reason: Text,
    /// Namespace and metric of a simple alarm; empty for composite and math alarms.
    pub metric: Option<(Text, Text)>,
    /// Dimensions of its metric, or of all metrics of its expression.
    pub dimensions: Vec<(Text, Text)>,
    /// The rule of a composite alarm.
    pub rule: Option<Text>,
    pub threshold: Option<f64>,
    pub comparison: Option<Text>,
    /// Seconds of one evaluation period.
    pub period_secs: Option<i64>,
    pub evaluation_periods: Option<i64>,
    /// True when a state change pages somebody or scales something.
    pub has_actions: bool,
}

impl Alarm {
    pub const fn is_firing(&self) -> bool {
        matches!(self.state, AlarmState::Alarm)
    }

    /// The endpoint its dimensions name.
    pub fn endpoint(&self) -> Option<&Text> {
        self.dimensions.iter().find(|(key, _)| key == "EndpointName").map(|(_, value)| value)
    }

    /// In ALARM, and that is trouble. An alarm of target tracking is how scaling decides: at the least capacity its `AlarmLow` stays in
    /// ALARM for as long as there is little to do.
    pub fn burns(&self) -> bool {
        self.is_firing() && !self.is_target_tracking()
    }

    /// Alarms that target tracking owns are never forced and never edited.
    pub fn is_target_tracking(&self) -> bool {
        self.name.as_str().starts_with("TargetTracking-")
    }
}

impl Resource for Alarm {
    const KIND: Kind = Kind::Alarm;

    const COLUMNS: &'static [Column<Self>] = &[
        Column {
            head: "NAME",
            name: "name",
            tier: Tier::Always,
            width: Width::Fit { min: 12, max: 48 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.name),
            value: |row| (&row.name).into(),
        },
        Column {
            head: "STATE",
            name: "state",
            tier: Tier::Always,
            width: Width::Fit { min: 5, max: 18 },
            align: Align::Left,
            cell: |row, _| Cell::new(row.state.as_str().to_owned()).tone(row.health().tone()),
            value: |row| Value::text(row.state.as_str()),
        },
        Column {
            head: "SINCE",
            name: "since",
            tier: Tier::Always,
            width: Width::Fixed(6),
            align: Align::Right,
            cell: |row, now| row.since.map_or_else(Cell::missing, |at| Cell::new(time::age(now.0.since(at)))),
            value: |row| Value::time(row.since),
        },
        Column {
            head: "ENDPOINT",
            name: "endpoint",
            tier: Tier::Always,
            width: Width::Fit { min: 8, max: 40 },
            align: Align::Left,
            cell: |row, _| Cell::from(row.endpoint()),
            value: |row| row.endpoint().into(),
        },
        Column {
            head: "REASON",
            name: "reason",
            tier: Tier::Wide,
            width: Width::Rest { min: 20 },
            align: Align::Left,
            cell: |row, _| Cell::from(&row.reason),
            value: |row| (&row.reason).into(),
        },
    ];

    fn name(&self) -> &Text {
        &self.name
    }

    fn health(&self) -> Health {
        match self.state {
            AlarmState::Alarm if self.burns() => Health::Bad,
            AlarmState::Ok | AlarmState::Alarm => Health::Ok,
            AlarmState::InsufficientData => Health::Off,
            AlarmState::Other(_) => Health::Unknown,
        }
    }

    fn facts(&self, _now: Now) -> Vec<Section> {
        let mut section = Section::new("Alarm")
            .with("name", &self.name)
            .with("state", self.state.as_str().to_owned())
            .with("reason", &self.reason);
        if let Some((namespace, metric)) = &self.metric {
            section = section.with("metric", format!("{namespace} {metric}"));
        }
        for (key, value) in &self.dimensions {
            section = section.with(key.as_str(), value);
        }
        if let Some(rule) = &self.rule {
            section = section.with("rule", rule);
        }
        vec![section.with("actions", if self.has_actions { "yes" } else { "none" }.to_owned())]
    }
}
