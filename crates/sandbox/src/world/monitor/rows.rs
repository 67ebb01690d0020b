//! The rows that an execution measures, one by one: what callers sent, what the model answered, and what turned out to be true.
//!
//! Columns are drawn each on its own and in order ([`super::feature`]); here every column is shuffled, and together they
//! are rows.

use super::{
    execution::{Data, Execution},
    feature::{Feature, Values},
    storm,
    table::{self, Kind},
};
use crate::world::{chance::Chance, noise};

/// One captured call.
pub(super) struct Row {
    /// `eventId`.
    pub(super) id: String,
    /// What was sent, as CSV.
    pub(super) sent: String,
    pub(super) score: f64,
    /// Where ground truth is collected.
    pub(super) label: Option<bool>,
}

/// Cells of every row, column by column.
fn table(features: &[Feature], rows: u64, chance: Chance, since: i64) -> Vec<Vec<String>> {
    let column = |feature: &Feature| {
        let chance = chance.named(feature.name);
        let (values, missing) = feature.draw(chance, rows, feature.strength(since));
        let mut cells: Vec<String> = match values {
            Values::Numbers(values) => values.iter().map(f64::to_string).collect(),
            Values::Counts(counts) => counts
                .iter()
                .flat_map(|(value, count)| std::iter::repeat_n((*value).to_owned(), *count as usize))
                .collect(),
        };
        cells.extend(std::iter::repeat_n(String::new(), missing as usize));
        chance.named("order").stream().shuffle(&mut cells);
        cells
    };
    features.iter().map(column).collect()
}

fn joined(columns: &[Vec<String>], row: usize) -> String {
    let cells: Vec<&str> = columns.iter().map(|cells| cells.get(row).map_or("", String::as_str)).collect();
    cells.join(",")
}

/// What the model of an endpoint answers to a row: logistic over its standardised columns. It is ours alone; cells of columns
/// that nobody knows count by what they say.
pub(crate) fn score<'c>(endpoint: &str, cells: impl Iterator<Item = &'c str>) -> f64 {
    let columns = table::columns(endpoint);
    let part = |(at, cell): (usize, &str)| {
        let (name, (centre, spread)) =
            columns.get(at).map_or(("", (0.0, 1.0)), |feature| (feature.name, feature.scale()));
        let chance = Chance::new(noise::name(endpoint)).named(name).of(at as u64);
        match cell.trim().parse::<f64>() {
            _ if cell.trim().is_empty() => 0.0,
            Ok(value) if value.is_finite() => {
                chance.between(-0.6, 0.6) * ((value - centre) / spread.max(1e-9)).clamp(-4.0, 4.0)
            }
            _ => chance.named(cell.trim()).between(-0.6, 0.6),
        }
    };
    let sum: f64 = cells.enumerate().map(part).sum();
    1.0 / (1.0 + (1.0 - sum).exp())
}

/// The data set of a baseline as CSV with a head.
pub(super) fn dataset(execution: &Execution<'_>) -> String {
    let plan = &execution.schedule.plan;
    let baseline = execution.baseline();
    if plan.kind == Kind::ModelQuality {
        let rows = baseline.scored.iter().map(|(label, score)| format!("{},{score}\n", u8::from(*label)));
        return std::iter::once("label,probability\n".to_owned()).chain(rows).collect();
    }
    let still: Vec<Feature> = plan.features.iter().map(|feature| Feature { growth: None, ..*feature }).collect();
    let columns = table(&still, plan.rows.0, execution.baseline_chance(), 0);
    let mut csv = still.iter().map(|feature| feature.name).collect::<Vec<_>>().join(",");
    for row in 0..plan.rows.0 as usize {
        csv.push('\n');
        csv.push_str(&joined(&columns, row));
    }
    csv.push('\n');
    csv
}

/// What an execution measures.
pub(super) fn rows(execution: &Execution<'_>) -> Vec<Row> {
    let plan = &execution.schedule.plan;
    let world = execution.world;
    let since = execution.scheduled.since(world.start);
    let scored = match plan.kind {
        Kind::ModelQuality => match execution.data() {
            Data::Scored(scored) => scored,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let drifting;
    let features: &[Feature] = if plan.features.is_empty() {
        let columns = table::columns(&plan.endpoint);
        drifting = storm::features(&world.scenario, &plan.endpoint, columns);
        drifting.as_deref().unwrap_or(columns)
    } else {
        &plan.features
    };
    let columns = table(features, execution.rows(), execution.chance(), since);
    let key = [world.seed, noise::name(&plan.name), execution.scheduled.millis() as u64];
    (0..execution.rows())
        .map(|n| {
            let sent = joined(&columns, n as usize);
            let known = scored.get(n as usize);
            Row {
                id: noise::uuid(&[key[0], key[1], key[2], n]),
                score: known.map_or_else(|| score(&plan.endpoint, sent.split(',')), |(_, score)| *score),
                label: known.map(|(label, _)| *label),
                sent,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_follows_from_what_was_sent() {
        let of = |row: &str| score("fraud-prod", row.split(','));
        let row = "3.4,gaming,410,12,DE,900,1,6,27.1,6.6,false,0.12,1400,0,app,EUR";
        assert!((of(row) - of(row)).abs() < f64::EPSILON);
        assert!((0.0..1.0).contains(&of(row)));
        assert!((of(row) - of(&row.replace("gaming", "fuel"))).abs() > 1e-6);
        assert!(of("").is_finite() && of("NaN,inf,1e309,,x").is_finite());
    }
}
