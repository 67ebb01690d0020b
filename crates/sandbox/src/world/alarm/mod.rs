//! CloudWatch alarms, evaluated over the same numbers GetMetricData gives.

mod evaluate;
mod operations;
mod past;
mod rule;

use std::collections::{BTreeMap, VecDeque};

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::{Handler, metric::Queries};

pub(crate) use evaluate::{advance, beyond};
pub(crate) use operations::{arn, queries};
pub(crate) use past::{generate, put};

/// History items kept; older ones fall out.
const HISTORY: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Ok,
    Alarm,
    InsufficientData,
}

impl Level {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData].into_iter().find(|level| level.as_str() == raw)
    }
}

/// The lists of what an alarm does, by the state it does it in.
const ACTIONS: &[(Level, &str)] =
    &[(Level::Ok, "OKActions"), (Level::Alarm, "AlarmActions"), (Level::InsufficientData, "InsufficientDataActions")];

pub(crate) struct Alarm {
    pub(crate) level: Level,
    reason: String,
    /// When its state last changed, and when it was last set or configured.
    transitioned: Timestamp,
    updated: Timestamp,
    configured: Timestamp,
    /// The request that made it, as it was sent.
    body: Map<String, Value>,
    kind: Kind,
}

enum Kind {
    Metric(Box<Condition>),
    /// Its rule reads other alarms.
    Composite(rule::Rule),
}

/// When a metric alarm fires.
struct Condition {
    /// What is compared, and what its expression is made of.
    queries: Queries,
    watched: usize,
    comparison: Comparison,
    threshold: f64,
    periods: i64,
    datapoints: i64,
    missing: Gap,
    /// The last moment it was evaluated at.
    evaluated: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    GreaterOrEqual,
    Greater,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Missing,
    Breaching,
    NotBreaching,
    Ignore,
}

struct Item {
    at: Timestamp,
    alarm: String,
    composite: bool,
    /// `StateUpdate` or `ConfigurationUpdate`.
    kind: &'static str,
    summary: String,
    data: String,
}

#[derive(Default)]
pub(crate) struct State {
    alarms: BTreeMap<String, Alarm>,
    /// Oldest first.
    history: VecDeque<Item>,
}

impl State {
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.alarms.contains_key(name)
    }

    /// Since when it has been in alarm.
    pub(crate) fn firing_since(&self, name: &str) -> Option<Timestamp> {
        self.alarms.get(name).filter(|alarm| alarm.level == Level::Alarm).map(|alarm| alarm.transitioned)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.alarms.remove(name);
    }

    /// Alarms that call `target` in any state.
    pub(crate) fn that_call(&self, target: &str) -> impl Iterator<Item = (&String, &Alarm)> {
        let calls = move |alarm: &Alarm| {
            let mut lists = ACTIONS.iter().filter_map(|(_, member)| alarm.body.get(*member)?.as_array());
            lists.any(|list| list.iter().any(|action| action == target))
        };
        self.alarms.iter().filter(move |(_, alarm)| calls(alarm))
    }

    /// What alarms call in the state they are in, where that begins with `prefix`.
    pub(crate) fn calling(&self, prefix: &str) -> impl Iterator<Item = (&str, Level, &str)> {
        let enabled = self.alarms.iter().filter(|(_, alarm)| alarm.body.get("ActionsEnabled") != Some(&false.into()));
        enabled.flat_map(move |(name, alarm)| {
            let member = ACTIONS.iter().find(|(level, _)| *level == alarm.level).map_or("", |(_, member)| member);
            let actions = alarm.body.get(member).and_then(Value::as_array).into_iter().flatten();
            let wanted = actions.filter_map(Value::as_str).filter(move |action| action.starts_with(prefix));
            wanted.map(|action| (name.as_str(), alarm.level, action))
        })
    }

    fn note(&mut self, item: Item) {
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(item);
    }

    /// Puts an alarm into a state and notes it when the state is another one.
    fn set(&mut self, name: &str, level: Level, reason: &str, at: Timestamp) {
        let Some(alarm) = self.alarms.get_mut(name) else { return };
        let before = alarm.level;
        alarm.updated = at;
        reason.clone_into(&mut alarm.reason);
        if before == level {
            return;
        }
        alarm.level = level;
        alarm.transitioned = at;
        let composite = matches!(alarm.kind, Kind::Composite(_));
        let data = serde_json::json!({
            "version": "1.0",
            "oldState": {"stateValue": before.as_str()},
            "newState": {"stateValue": level.as_str(), "stateReason": reason},
        });
        self.note(Item {
            at,
            alarm: name.to_owned(),
            composite,
            kind: "StateUpdate",
            summary: format!("Alarm updated from {} to {}", before.as_str(), level.as_str()),
            data: data.to_string(),
        });
    }
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeAlarms", operations::describe_alarms),
    ("DescribeAlarmHistory", operations::describe_history),
    ("DescribeAlarmsForMetric", operations::describe_for_metric),
    ("EnableAlarmActions", operations::enable_actions),
    ("DisableAlarmActions", operations::disable_actions),
    ("PutMetricAlarm", operations::put_metric_alarm),
    ("PutCompositeAlarm", operations::put_composite_alarm),
    ("SetAlarmState", operations::set_alarm_state),
    ("DeleteAlarms", operations::delete_alarms),
];

#[cfg(test)]
mod tests;
