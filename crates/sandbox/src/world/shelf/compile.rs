//! Compilations: a model's artifact goes in, one for a device comes out.

use bytes::Bytes;
use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Item, World,
    kind::{Kind, text},
    life::{AT_ONCE, Life, STILL, Step, lasting, passing},
    work::is_empty,
};
use crate::world::{noise, registry, s3};

const NOUN: &str = "CompilationJob";
const MINUTE: i64 = 60;
const FAILED: &[Step] = &[lasting("FAILED").stamped("CompilationEndTime")];

pub(super) const KINDS: &[Kind] = &[Kind {
    made,
    told,
    ..Kind::new(
        NOUN,
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
}];

/// What is compiled is named, or is what a version of the registry runs.
fn made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::validation(message));
    let package = body.get("ModelPackageVersionArn").and_then(Value::as_str);
    if package.is_some() == body.contains_key("InputConfig") {
        return invalid("You must provide either InputConfig or ModelPackageVersionArn, and not both.".to_owned());
    }
    let output = body.get("OutputConfig");
    let has = |member: &str| output.is_some_and(|output| output.get(member).is_some());
    if has("TargetDevice") == has("TargetPlatform") {
        return invalid("You must provide either TargetDevice or TargetPlatform, and not both.".to_owned());
    }
    let Some(arn) = package else { return Ok(()) };
    let Some(version) = registry::told(world, arn) else {
        return invalid(format!("Could not find model package \"{arn}\"."));
    };
    let container = version.pointer("/InferenceSpecification/Containers/0");
    let of = |member: &str| container.and_then(|container| container.get(member)?.as_str());
    let Some(artifact) = of("ModelDataUrl") else {
        return invalid(format!("The model package \"{arn}\" has no artifact that could be compiled."));
    };
    // The model wants it in every answer. `[?]`: a version need not say what it was made with.
    let config = json!({"S3Uri": artifact, "Framework": of("Framework").unwrap_or("XGBOOST")});
    body.insert("InputConfig".to_owned(), config);
    Ok(())
}

impl Item {
    fn compile_text(&self, config: &str, member: &str) -> &str {
        self.body.get(config).and_then(|config| config.get(member)?.as_str()).unwrap_or_default()
    }

    /// `model-ml_c5.tar.gz`: the artifact's name, and what it is for.
    fn compiled(&self) -> String {
        let artifact = self.compile_text("InputConfig", "S3Uri").rsplit('/').next().unwrap_or_default();
        let stem = artifact.strip_suffix(".tar.gz").unwrap_or(artifact);
        let device = self.compile_text("OutputConfig", "TargetDevice");
        let platform = self.body.get("OutputConfig").and_then(|output| output.get("TargetPlatform"));
        let parts = ["Os", "Arch", "Accelerator"].map(|part| platform.and_then(|all| all.get(part)?.as_str()));
        let parts: Vec<&str> =
            [Some(device).filter(|device| !device.is_empty())].into_iter().chain(parts).flatten().collect();
        let home = self.compile_text("OutputConfig", "S3OutputLocation").trim_end_matches('/');
        format!("{home}/{stem}-{}.tar.gz", parts.join("_"))
    }
}

/// The model wants the artifact and FailureReason in every answer: the first is named before it is there, the second is empty
/// where nothing failed. `[?]`: what AWS sends of them while a job runs is not known.
fn told(_: &World, item: &Item, record: &mut Map<String, Value>) {
    record.entry("FailureReason").or_insert_with(|| "".into());
    record.insert("ModelArtifacts".to_owned(), json!({"S3ModelArtifacts": item.compiled()}));
    if item.state == "COMPLETED" {
        let digest = noise::digest(&[noise::name(&item.arn), item.created.millis() as u64]);
        record.insert("ModelDigests".to_owned(), json!({"ArtifactDigest": format!("sha256:{digest}")}));
    }
    let output = record.get("OutputConfig").cloned().unwrap_or_default();
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

/// What is not there fails when it is looked for; what was compiled lies where it was asked for.
pub(super) fn advance(world: &mut World, _to: Timestamp) {
    let mut made = Vec::new();
    for key in world.shelf.busy(NOUN) {
        let Some(job) = world.shelf.item_mut(NOUN, &key).filter(|job| !job.work.is_over) else {
            world.shelf.rest(NOUN, key);
            continue;
        };
        if job.stamps.is_empty() {
            continue;
        }
        let at = job.modified;
        if !job.work.is_checked {
            job.work.is_checked = true;
            let uri = job.compile_text("InputConfig", "S3Uri").to_owned();
            if matches!(job.state, "INPROGRESS" | "COMPLETED") && is_empty(&world.s3, &uri) {
                job.go(at, FAILED, false);
                // `[?]`: AWS says it in other words.
                let reason = format!("ClientError: InputConfiguration: No model was found at {uri}.");
                job.body.insert("FailureReason".to_owned(), reason.into());
            }
        }
        job.work.is_over = matches!(job.state, "COMPLETED" | "FAILED" | "STOPPED");
        if job.state == "COMPLETED" {
            made.push((job.compiled(), at));
        }
        let stream = text(&job.body, "CompilationJobName").to_owned();
        if job.work.is_over {
            let line = format!("INFO compilation ends: {}", job.state);
            world.logs.put("/aws/sagemaker/CompilationJobs", &stream, at, line);
        }
    }
    for (uri, at) in made {
        if let Some((bucket, key)) = s3::place(&uri) {
            let size = 800_000 + noise::name(key) % 20_000_000;
            world.s3.put_sized(bucket, key, Bytes::new(), size, at);
        }
    }
}
