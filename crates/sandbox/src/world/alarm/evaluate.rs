//! Alarms as time passes.

use mldeck_core::time::{MINUTE, SECOND, Timestamp};

use super::{Comparison, Condition, Gap, Kind, Level};
use crate::world::{World, metric};

impl Comparison {
    fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "greater than or equal to",
            Self::Greater => "greater than",
            Self::Less => "less than",
            Self::LessOrEqual => "less than or equal to",
        }
    }
}

impl Condition {
    fn period(&self) -> i64 {
        self.queries.get(self.watched).map_or(60, |query| query.period).max(1)
    }

    /// The moments of the minute that ends at `to` at which it is evaluated: its end, and where periods are shorter theirs.
    fn due(&self, to: Timestamp, configured: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let (step, evaluated) = ((self.period() * SECOND).min(MINUTE), self.evaluated.max(configured));
        let moments = (0..MINUTE / step).rev().map(move |back| to.plus(-back * step).floor(step));
        moments.filter(move |at| *at > evaluated)
    }

    /// Its state at `at` and why; `None` keeps the state it has.
    fn judge(&self, world: &World, at: Timestamp) -> Option<(Level, String)> {
        let from = at.plus(-self.periods * self.period() * SECOND);
        let count = usize::try_from(self.periods).unwrap_or_default();
        let mut values = metric::values(world, &self.queries, self.watched, from, count);
        values.reverse();
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        if known.is_empty() {
            match self.missing {
                Gap::Ignore => return None,
                Gap::Missing => {
                    return Some((
                        Level::InsufficientData,
                        format!("Insufficient Data: {} datapoints were unknown.", self.periods),
                    ));
                }
                Gap::Breaching | Gap::NotBreaching => {}
            }
        }
        let breaches = |value: &Option<f64>| match (value, self.missing) {
            (Some(value), _) => self.comparison.breaches(*value, self.threshold),
            (None, missing) => missing == Gap::Breaching,
        };
        let breaching = values.iter().filter(|value| breaches(value)).count() as i64;
        let fires = breaching >= self.datapoints;
        let shown: Vec<String> = known.iter().take(3).map(|value| format!("{value:.4}")).collect();
        let reason = format!(
            "Threshold Crossed: {breaching} out of the last {} datapoints [{}] {} {} the threshold ({}) (minimum {} \
             datapoint(s) for OK -> ALARM transition).",
            self.periods,
            shown.join(", "),
            if fires { "were" } else { "were not all" },
            self.comparison.words(),
            self.threshold,
            self.datapoints
        );
        Some((if fires { Level::Alarm } else { Level::Ok }, reason))
    }
}

/// How far the newest value of a metric alarm lies beyond its threshold: what step scaling goes by.
pub(crate) fn beyond(world: &World, name: &str, at: Timestamp) -> Option<f64> {
    let Kind::Metric(condition) = &world.alarms.alarms.get(name)?.kind else { return None };
    let step = (condition.period() * SECOND).min(MINUTE);
    let from = at.floor(step).plus(-condition.period() * SECOND);
    Some(metric::value(world, &condition.queries, condition.watched, from)? - condition.threshold)
}

/// Evaluates, at the end of each minute, what was due in it: metric alarms first, then the composites that read them.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    if to.floor(MINUTE) != to {
        return;
    }
    let metric = world.alarms.alarms.iter().filter_map(|(name, alarm)| match &alarm.kind {
        Kind::Metric(condition) => Some((name, condition.due(to, alarm.configured))),
        Kind::Composite(_) => None,
    });
    let mut due: Vec<(String, Timestamp)> = metric.flat_map(|(name, due)| due.map(|at| (name.clone(), at))).collect();
    due.sort_by_key(|(_, at)| *at);
    for (name, at) in due {
        let judged = match world.alarms.alarms.get(&name).map(|alarm| &alarm.kind) {
            Some(Kind::Metric(condition)) => condition.judge(world, at),
            _ => None,
        };
        if let Some(Kind::Metric(condition)) = world.alarms.alarms.get_mut(&name).map(|alarm| &mut alarm.kind) {
            condition.evaluated = at;
        }
        if let Some((level, reason)) = judged {
            settle(world, &name, level, &reason, at);
        }
    }
    compose(world);
}

/// The reason is refreshed only with the state, as CloudWatch does.
fn settle(world: &mut World, name: &str, level: Level, reason: &str, at: Timestamp) {
    if world.alarms.alarms.get(name).is_some_and(|alarm| alarm.level != level) {
        world.alarms.set(name, level, reason, at);
    }
}

/// Composite alarms follow their children; one that was forced keeps its state until a child changes.
pub(super) fn compose(world: &mut World) {
    let state = &world.alarms;
    let level = |name: &str| state.alarms.get(name).map(|alarm| alarm.level);
    let changed: Vec<(String, Level, String, Timestamp)> = state
        .alarms
        .iter()
        .filter_map(|(name, alarm)| {
            let Kind::Composite(rule) = &alarm.kind else { return None };
            let mut children = Vec::new();
            rule.children(&mut children);
            let newest = children
                .iter()
                .filter_map(|child| state.alarms.get(*child).map(|alarm| (alarm.transitioned, *child)))
                .max()?;
            if newest.0 <= alarm.updated {
                return None;
            }
            let now = if rule.holds(&level) { Level::Alarm } else { Level::Ok };
            let reason = format!(
                "arn:aws:cloudwatch:{}:{}:alarm:{} transitioned to {} at {}",
                crate::world::estate::REGION,
                crate::world::estate::ACCOUNT,
                newest.1,
                level(newest.1).map_or("", Level::as_str),
                newest.0.iso()
            );
            (now != alarm.level).then(|| (name.clone(), now, reason, newest.0))
        })
        .collect();
    for (name, level, reason, at) in changed {
        world.alarms.set(&name, level, &reason, at);
    }
}
