//! What executions publish to CloudWatch (`emit_metrics` is Enabled).

use mldeck_core::time::Timestamp;

use super::{
    clarify,
    table::{Kind, Plan},
};
use crate::world::{World, metric::Key};

/// `feature_baseline_drift_<feature>` for distances, the metric's own name for model quality.
fn spelled(kind: Kind, name: &str) -> String {
    match kind {
        Kind::DataQuality => format!("feature_baseline_drift_{name}"),
        Kind::ModelQuality => name.to_owned(),
        Kind::ModelBias => format!("bias_metric_{name}"),
        Kind::ModelExplainability => format!("feature_{name}"),
    }
}

fn key(plan: &Plan, name: &str) -> Key {
    let endpoint = plan.endpoint().map(|endpoint| ("Endpoint", endpoint));
    let mut dimensions: Vec<(&str, &str)> = endpoint.into_iter().chain([("MonitoringSchedule", &*plan.name)]).collect();
    dimensions.extend_from_slice(match plan.kind {
        Kind::DataQuality => &[("Feature", "_")],
        Kind::ModelQuality => &[],
        Kind::ModelBias => &[
            ("BiasStage", "Post-Training"),
            ("Label", "label0"),
            ("LabelValue", "1"),
            ("Facet", clarify::FACET),
            ("FacetValue", "1"),
        ],
        Kind::ModelExplainability => {
            &[("ExplainabilityMethod", "KernelShap"), ("Label", "label0"), ("ValueType", "GlobalShapValues")]
        }
    });
    let namespace = plan.kind.namespace();
    let namespace =
        endpoint.map_or_else(|| namespace.replace("Endpoints", "ModelMonitoring"), |_| namespace.to_owned());
    Key::new(&namespace, &spelled(plan.kind, name), &dimensions)
}

/// What a monitor of that kind measures.
fn names(plan: &Plan) -> Vec<&'static str> {
    let measured = |all: Vec<(&'static str, f64)>| all.into_iter().map(|(name, _)| name).collect();
    match plan.kind {
        Kind::DataQuality | Kind::ModelExplainability => plan.features.iter().map(|feature| feature.name).collect(),
        Kind::ModelQuality => measured(super::quality::metrics(&[])),
        Kind::ModelBias => measured(clarify::metrics(&[])),
    }
}

/// Every metric the monitors have published by now.
pub(crate) fn keys(world: &World) -> Vec<Key> {
    let now = world.now();
    (0..world.monitors.schedules.len())
        .filter_map(|index| world.last_execution(index, now, true))
        .flat_map(|execution| {
            let plan = &execution.schedule.plan;
            names(plan).into_iter().map(|name| key(plan, name)).collect::<Vec<_>>()
        })
        .collect()
}

/// Values of one of [`keys`] in `from..to`, at the hour each execution was due, oldest first; an execution publishes when it
/// ends. `None` for any other metric.
pub(crate) fn points(world: &World, wanted: &Key, from: Timestamp, to: Timestamp) -> Option<Vec<(Timestamp, f64)>> {
    let now = world.now();
    let current = world.monitors.schedules.iter().enumerate().filter(|(_, schedule)| schedule.is_current());
    let (index, name) = current.into_iter().find_map(|(index, schedule)| {
        let plan = &schedule.plan;
        names(plan).into_iter().find(|name| key(plan, name) == *wanted).map(|name| (index, name))
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
