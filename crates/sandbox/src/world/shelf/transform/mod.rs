//! Batch transforms: they read objects, ask a model record by record, and leave an object for each.
//!
//! | file | subject |
//! |---|---|
//! | `source` | the objects a job reads, and where the answers go |
//! | `rows` | records of an object: split, filtered, answered, joined |
//! | `path` | the JSONPath of filters |

mod path;
mod rows;
mod source;
#[cfg(test)]
mod tests;

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Item, World,
    kind::{Kind, text},
    life::{Life, STILL, Step, lasting, passing},
};
use crate::world::noise;

pub(super) const NOUN: &str = "TransformJob";
const BEGAN: &str = "TransformStartTime";
const ENDED: &str = "TransformEndTime";
pub(super) const COURSE: &[Step] = &[
    passing("InProgress", 3 * MINUTE),
    passing("InProgress", 6 * MINUTE).stamped(BEGAN),
    lasting("Completed").stamped(ENDED),
];
pub(super) const STOP: &[Step] = &[passing("Stopping", 30), lasting("Stopped").stamped(ENDED)];
const FAILED: &[Step] = &[lasting("Failed").stamped(ENDED)];
const GROUP: &str = "/aws/sagemaker/TransformJobs";
const MINUTE: i64 = 60;
/// Most megabytes that are under way to a model at once.
const PAYLOAD: u64 = 100;

pub(super) const KINDS: &[Kind] = &[Kind {
    made,
    absent: "Could not find requested job with name: ",
    ..Kind::new(
        NOUN,
        "ListTransformJobs",
        "transform-job",
        &["TransformJobName"],
        "TransformJobArn",
        Life {
            member: "TransformJobStatus",
            create: COURSE,
            stop: STOP,
            stop_from: &["InProgress"],
            delete: &[],
            ..STILL
        },
    )
}];

/// A transform runs a model of the account.
fn made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    world.model(text(body, "ModelName"))?;
    let at = |place: &str| {
        let (member, rest) = place.split_once('/').unwrap_or((place, ""));
        body.get(member).and_then(|value| value.get(rest)).and_then(Value::as_str).unwrap_or("None")
    };
    let invalid = |message: &str| Err(ApiError::validation(message));
    let number = |member: &str| body.get(member).and_then(Value::as_u64);
    let payload = number("MaxPayloadInMB").unwrap_or(0);
    if payload.saturating_mul(number("MaxConcurrentTransforms").unwrap_or(1).max(1)) > PAYLOAD {
        return invalid(&format!(
            "The product of MaxConcurrentTransforms and MaxPayloadInMB must not exceed {PAYLOAD} MB."
        ));
    }
    if at("TransformInput/CompressionType") != "None" {
        return invalid("The sandbox transforms what is not compressed.");
    }
    let joins = at("DataProcessing/JoinSource") == "Input";
    if joins && at("TransformInput/SplitType") == "Line" && at("TransformOutput/AssembleWith") != "Line" {
        return invalid("AssembleWith must be Line when JoinSource is Input and SplitType is Line.");
    }
    if at("TransformInput/SplitType") == "None" && at("TransformOutput/AssembleWith") == "Line" && joins {
        return invalid("SplitType must be Line when JoinSource is Input and AssembleWith is Line.");
    }
    for filter in ["InputFilter", "OutputFilter"] {
        let given = body.get("DataProcessing").and_then(|data| data.get(filter)?.as_str());
        if given.is_some_and(|given| path::Path::read(given).is_none()) {
            return invalid(&format!("{filter} is no JSONPath that is supported."));
        }
    }
    Ok(())
}

/// What was asked of one job.
struct Wanted<'j> {
    name: &'j str,
    model: &'j str,
    uri: &'j str,
    is_manifest: bool,
    output: &'j str,
    capture: Option<&'j Value>,
}

impl Item {
    fn transform_text(&self, place: &str) -> &str {
        let (member, rest) = place.split_once('/').unwrap_or((place, ""));
        let value = self.body.get(member).and_then(|value| value.pointer(&format!("/{rest}")));
        value.and_then(Value::as_str).unwrap_or_default()
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            name: text(&self.body, "TransformJobName"),
            model: text(&self.body, "ModelName"),
            uri: self.transform_text("TransformInput/DataSource/S3DataSource/S3Uri"),
            is_manifest: self.transform_text("TransformInput/DataSource/S3DataSource/S3DataType") == "ManifestFile",
            output: self.transform_text("TransformOutput/S3OutputPath"),
            capture: self.body.get("DataCaptureConfig"),
        }
    }

    fn stamp(&self, member: &str) -> Option<Timestamp> {
        self.stamps.iter().find(|(known, _)| *known == member).map(|(_, at)| *at)
    }
}

/// What a job leaves behind.
#[derive(Default)]
struct Left {
    objects: Vec<(String, String)>,
    lines: Vec<String>,
    failure: Option<String>,
}

/// Input is looked for when a job begins, and transformed when it ends.
pub(super) fn advance(world: &mut World, _to: Timestamp) {
    for key in world.shelf.busy(NOUN) {
        step(world, &key);
        // Who was stopped before it began has nothing to leave.
        let is_over = |job: &Item| job.work.is_over || job.state == "Stopped" && job.stamp(BEGAN).is_none();
        if world.shelf.item(NOUN, &key).is_none_or(is_over) {
            world.shelf.rest(NOUN, key);
        }
    }
}

/// The name of one of its instances, in logs and metrics; the first tells of the work.
pub(super) fn host(seed: u64, job: &Item, n: usize) -> String {
    let parts = [seed, noise::name(&job.arn), n as u64];
    let parts = if n == 0 { &parts[..2] } else { &parts[..] };
    format!("{}/i-{:016x}", text(&job.body, "TransformJobName"), noise::hash(parts))
}

/// When its instances were there, and until when as far as that is over.
pub(super) fn span(job: &Item) -> Option<(Timestamp, Option<Timestamp>)> {
    Some((job.stamp(BEGAN)?, job.stamp(ENDED)))
}

fn step(world: &mut World, key: &str) {
    let Some(job) = world.shelf.item(NOUN, key) else { return };
    let Some(began) = job.stamp(BEGAN) else { return };
    let ended = job.stamp(ENDED);
    // Who stops a job before its end has nothing of it.
    let left = match (job.state, job.work.is_checked) {
        ("InProgress", false) => source::missing(world, &job.wanted()).map(failed).unwrap_or_default(),
        ("Completed", _) => transformed(world, job, ended.unwrap_or(began)),
        ("Stopped" | "Failed", _) => Left::default(),
        _ => return,
    };
    let stream = host(world.seed, job, 0);
    let is_over = job.state != "InProgress";
    let at = if is_over { ended.unwrap_or(began) } else { began };
    for line in left.lines {
        world.logs.put(GROUP, &stream, at.plus(-2 * SECOND), line);
    }
    for (uri, content) in left.objects {
        world.s3.put_at(&uri, content, at);
    }
    let Some(job) = world.shelf.item_mut(NOUN, key) else { return };
    job.work.is_checked = true;
    job.work.is_over = is_over || left.failure.is_some();
    if let Some(reason) = left.failure {
        job.go(at, FAILED, false);
        job.body.insert("FailureReason".to_owned(), reason.into());
    }
}

fn failed(reason: String) -> Left {
    Left { lines: vec![reason.clone()], failure: Some(reason), objects: Vec::new() }
}

/// The answers to everything a job read.
fn transformed(world: &World, job: &Item, at: Timestamp) -> Left {
    let wanted = job.wanted();
    if let Some(reason) = source::missing(world, &wanted) {
        return failed(reason);
    }
    let form = rows::Form::of(job, world.seed);
    let mut left = Left { lines: vec!["INFO the container starts".to_owned()], ..Left::default() };
    let found = source::objects(world, &wanted);
    for object in &found {
        let body = String::from_utf8_lossy(&object.body);
        match form.answer(wanted.model, &body, (&object.place, at)) {
            Ok((answer, records)) => {
                left.lines.push(format!("INFO {records} records of {}", object.place));
                let home = wanted.output.trim_end_matches('/');
                left.objects.push((format!("{home}/{}.out", object.place), answer));
            }
            Err(reason) => return failed(reason),
        }
    }
    left.objects.extend(captured(&wanted, &found, at));
    left
}

/// Where data capture is asked for, what was read and written is listed by the hour.
fn captured(wanted: &Wanted<'_>, found: &[source::Object], at: Timestamp) -> Vec<(String, String)> {
    let Some(home) = wanted.capture.and_then(|capture| capture.get("DestinationS3Uri")?.as_str()) else {
        return Vec::new();
    };
    let iso = at.iso();
    let hour = iso.get(..13).unwrap_or_default().replace(['-', 'T'], "/");
    let id = noise::uuid(&[noise::name(wanted.name), at.millis() as u64]);
    let list = |side: &str, prefix: String, end: &str| {
        let mut all = vec![json!({ "prefix": prefix })];
        all.extend(found.iter().map(|object| Value::from(format!("{}{end}", object.place))));
        (format!("{}/{side}/{hour}/{id}.json", home.trim_end_matches('/')), Value::Array(all).to_string())
    };
    let folder = wanted.uri.rsplit_once('/').map_or(wanted.uri, |(folder, _)| folder);
    vec![
        list("input", format!("{folder}/"), ""),
        list("output", format!("{}/", wanted.output.trim_end_matches('/')), ".out"),
    ]
}
