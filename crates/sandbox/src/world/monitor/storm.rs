//! What a scenario says of the data: `[[drift]]` with `endpoint`, `feature`, `onset`, `full` (hours from the start) and `by`
//! (standard deviations, or that share of a range, a mean or of the rows), `[[quality]]` with `endpoint`, `onset`, `full` and
//! `lost` (the share of what the model knew).

use super::feature::{Feature, Growth, Shape, Shift};
use crate::scenario::Scenario;

fn tables<'s>(scenario: &'s Scenario, name: &str, endpoint: &str) -> impl Iterator<Item = &'s toml::Value> {
    let all = scenario.more.get(name).and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    let endpoint = endpoint.to_owned();
    all.iter().filter(move |table| table.get("endpoint").and_then(toml::Value::as_str) == Some(&endpoint))
}

fn number(table: &toml::Value, member: &str) -> f64 {
    let value = table.get(member);
    value.and_then(|value| value.as_float().or_else(|| Some(value.as_integer()? as f64))).unwrap_or_default()
}

fn growth(table: &toml::Value, shift: Shift) -> Growth {
    Growth { onset: number(table, "onset") as i64, full: number(table, "full") as i64, shift }
}

/// The columns, with the drift that the scenario has for them.
pub(super) fn features(scenario: &Scenario, endpoint: &str, columns: &[Feature]) -> Option<Vec<Feature>> {
    tables(scenario, "drift", endpoint).next()?;
    let moved = columns.iter().map(|feature| {
        let named = |table: &&toml::Value| table.get("feature").and_then(toml::Value::as_str) == Some(feature.name);
        let Some(table) = tables(scenario, "drift", endpoint).find(named) else {
            return Feature { growth: None, ..*feature };
        };
        let shift = match feature.shape {
            Shape::Category(_) => Shift::Unknown(number(table, "by")),
            _ => Shift::Move(number(table, "by")),
        };
        Feature { growth: Some(growth(table, shift)), ..*feature }
    });
    Some(moved.collect())
}

/// What a model has lost by a moment, in milliseconds from the start.
pub(super) fn hurt(scenario: &Scenario, endpoint: &str, since: i64) -> f64 {
    let lost = tables(scenario, "quality", endpoint).map(|table| {
        let lost = number(table, "lost");
        growth(table, Shift::Move(lost)).strength(since) * lost
    });
    lost.fold(0.0, f64::max)
}
