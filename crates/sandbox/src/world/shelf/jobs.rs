//! Optimisations of models.

use serde_json::{Map, Value};

use super::{
    Item, World,
    kind::Kind,
    life::{AT_ONCE, Life, STILL, lasting, passing},
};

const MINUTE: i64 = 60;

pub(super) const KINDS: &[Kind] = &[Kind {
    told: optimization_told,
    ..Kind::new(
        "OptimizationJob",
        "ListOptimizationJobs",
        "optimization-job",
        &["OptimizationJobName"],
        "OptimizationJobArn",
        Life {
            member: "OptimizationJobStatus",
            create: &[
                passing("STARTING", 2 * MINUTE),
                passing("INPROGRESS", 30 * MINUTE).stamped("OptimizationStartTime"),
                lasting("COMPLETED").stamped("OptimizationEndTime"),
            ],
            stop: &[passing("STOPPING", MINUTE), lasting("STOPPED").stamped("OptimizationEndTime")],
            stop_from: &["STARTING", "INPROGRESS"],
            delete: AT_ONCE,
            ..STILL
        },
    )
}];

fn optimization_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    let configs = record.get("OptimizationConfigs").and_then(Value::as_array).cloned().unwrap_or_default();
    let types = configs.iter().filter_map(|config| {
        let member = config.as_object()?.keys().next()?;
        Some(Value::from(member.strip_prefix("Model")?.strip_suffix("Config")?))
    });
    let types: Vec<Value> = types.collect();
    record.insert("OptimizationTypes".to_owned(), types.into());
}
