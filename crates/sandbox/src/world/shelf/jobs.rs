//! Jobs that take an input and leave an output: batch transforms, compilations, optimisations.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Item, World,
    kind::Kind,
    life::{AT_ONCE, Life, STILL, lasting, passing},
};

const MINUTE: i64 = 60;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        made: transform_made,
        ..Kind::new(
            "TransformJob",
            "ListTransformJobs",
            "transform-job",
            &["TransformJobName"],
            "TransformJobArn",
            Life {
                member: "TransformJobStatus",
                create: &[
                    passing("InProgress", 3 * MINUTE),
                    passing("InProgress", 6 * MINUTE).stamped("TransformStartTime"),
                    lasting("Completed").stamped("TransformEndTime"),
                ],
                stop: &[passing("Stopping", 30), lasting("Stopped").stamped("TransformEndTime")],
                stop_from: &["InProgress"],
                delete: &[],
                ..STILL
            },
        )
    },
    Kind {
        made: compilation_made,
        told: compilation_told,
        ..Kind::new(
            "CompilationJob",
            "ListCompilationJobs",
            "compilation-job",
            &["CompilationJobName"],
            "CompilationJobArn",
            Life {
                member: "CompilationJobStatus",
                create: &[
                    passing("STARTING", MINUTE),
                    passing("INPROGRESS", 5 * MINUTE).stamped("CompilationStartTime"),
                    lasting("COMPLETED").stamped("CompilationEndTime"),
                ],
                stop: &[passing("STOPPING", 30), lasting("STOPPED").stamped("CompilationEndTime")],
                stop_from: &["STARTING", "INPROGRESS"],
                delete: AT_ONCE,
                ..STILL
            },
        )
    },
    Kind {
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
    },
];

/// A transform runs a model of the account.
fn transform_made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let model = body.get("ModelName").and_then(Value::as_str).unwrap_or_default();
    world.model(model).map(|_| ())
}

/// A package can be compiled as well; here only artifacts are.
fn compilation_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    if body.contains_key("InputConfig") {
        return Ok(());
    }
    Err(ApiError::validation("The sandbox compiles what InputConfig names, and no ModelPackageVersionArn."))
}

/// The model wants the artifact and FailureReason in every answer: the first is named before it is there, the second is empty
/// where nothing failed. `[?]`: what AWS sends of them while a job runs is not known.
fn compilation_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    record.entry("FailureReason").or_insert_with(|| "".into());
    let output = record.get("OutputConfig").cloned().unwrap_or_default();
    let name = record.get("CompilationJobName").and_then(Value::as_str).unwrap_or_default();
    let to = output.get("S3OutputLocation").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
    let artifact = format!("{to}/{name}.tar.gz");
    record.insert("ModelArtifacts".to_owned(), json!({"S3ModelArtifacts": artifact}));
    if let Some(device) = output.get("TargetDevice").cloned() {
        record.insert("CompilationTargetDevice".to_owned(), device);
    }
    for (member, told) in [
        ("Os", "CompilationTargetPlatformOs"),
        ("Arch", "CompilationTargetPlatformArch"),
        ("Accelerator", "CompilationTargetPlatformAccelerator"),
    ] {
        if let Some(part) = output.get("TargetPlatform").and_then(|platform| platform.get(member)).cloned() {
            record.insert(told.to_owned(), part);
        }
    }
}

fn optimization_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    let configs = record.get("OptimizationConfigs").and_then(Value::as_array).cloned().unwrap_or_default();
    let types = configs.iter().filter_map(|config| {
        let member = config.as_object()?.keys().next()?;
        Some(Value::from(member.strip_prefix("Model")?.strip_suffix("Config")?))
    });
    let types: Vec<Value> = types.collect();
    record.insert("OptimizationTypes".to_owned(), types.into());
}
