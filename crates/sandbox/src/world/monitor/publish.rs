//! What executions publish to CloudWatch (`emit_metrics` is Enabled).

use mldeck_core::time::Timestamp;

use super::table::{Kind, Plan};
use crate::world::{World, metric::Key};

/// `feature_baseline_drift_<feature>` for distances, the metric's own name for model quality.
fn spelled(kind: Kind, name: &str) -> String {
    match kind {
        Kind::DataQuality => format!("feature_baseline_drift_{name}"),
        Kind::ModelQuality => name.to_owned(),
    }
}

fn key(plan: &Plan, name: &str) -> Key {
    let mut dimensions = vec![("Endpoint", plan.endpoint), ("MonitoringSchedule", plan.name)];
    if plan.kind == Kind::DataQuality {
        dimensions.push(("Feature", "_"));
    }
    Key::new(plan.kind.namespace(), &spelled(plan.kind, name), &dimensions)
}

/// Every metric the monitors have published by now.
pub(crate) fn keys(world: &World) -> Vec<Key> {
    let now = world.now();
    (0..world.monitors.schedules.len())
        .filter_map(|index| world.last_execution(index, now, true))
        .flat_map(|execution| {
            let plan = execution.schedule.plan;
            let names: Vec<&'static str> = match plan.kind {
                Kind::DataQuality => plan.features.iter().map(|feature| feature.name).collect(),
                Kind::ModelQuality => super::quality::metrics(&[]).into_iter().map(|(name, _)| name).collect(),
            };
            names.into_iter().map(|name| key(plan, name)).collect::<Vec<_>>()
        })
        .collect()
}

/// Values of one of [`keys`] in `from..to`, at the hour each execution was due, oldest first; an execution publishes when it
/// ends. `None` for any other metric.
pub(crate) fn points(world: &World, wanted: &Key, from: Timestamp, to: Timestamp) -> Option<Vec<(Timestamp, f64)>> {
    let now = world.now();
    let (index, name) = world.monitors.schedules.iter().enumerate().find_map(|(index, schedule)| {
        let plan = schedule.plan;
        let names = plan.features.iter().map(|feature| feature.name);
        let metrics = super::quality::metrics(&[]).into_iter().map(|(name, _)| name);
        let mut all: Box<dyn Iterator<Item = &'static str>> = match plan.kind {
            Kind::DataQuality => Box::new(names),
            Kind::ModelQuality => Box::new(metrics),
        };
        all.find(|name| key(plan, name) == *wanted).map(|name| (index, name))
    })?;
    let value =
        |verdict: &super::execution::Verdict| verdict.values.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
    Some(
        world
            .executions_in(index, from, to.plus(-1), now)
            .into_iter()
            .filter(|execution| execution.is_over(now) && execution.rows() > 0)
            .filter_map(|execution| Some((execution.scheduled, value(&execution.verdict())?)))
            .collect(),
    )
}
