//! What endpoints captured, on S3: the very rows that their monitors measure, and the labels that became known later.
//!
//! A file is ten minutes of one variant, at `<destination>/<endpoint>/<variant>/YYYY/MM/DD/HH/`; it is written when somebody asks
//! for it, and kept for two days, as if a rule of the bucket's life cycle said so.

use bytes::Bytes;
use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Value, json};

use super::{
    execution::Execution,
    object,
    rows::{Row, rows},
    table::{Kind, PLANS},
};
use crate::world::{
    World,
    endpoint::{Endpoint, Fleet},
    estate,
    lists::without_nulls,
    noise, s3,
};

/// What one file covers.
const SLOT: i64 = 10 * MINUTE;
const KEPT: i64 = 2 * DAY;

/// Where a config says that calls are kept: bucket and prefix.
pub(crate) fn destination<'w>(world: &'w World, config: &str) -> Option<(&'w str, &'w str)> {
    let capture = world.endpoints.configs.get(config)?.body.get("DataCaptureConfig")?;
    let is_on = capture.get("EnableCapture").and_then(Value::as_bool) == Some(true);
    let uri = capture.get("DestinationS3Uri")?.as_str().filter(|_| is_on)?;
    let (bucket, prefix) = s3::prefix(uri)?;
    Some((bucket, prefix.trim_end_matches('/')))
}

/// `fraud/capture/fraud-prod/blue/2026/11/23/02/`.
pub(crate) fn folder(prefix: &str, endpoint: &str, variant: &str, at: Timestamp) -> String {
    let hour = at.iso()[..13].replace(['-', 'T'], "/");
    let home = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    format!("{home}{endpoint}/{variant}/{hour}/")
}

/// One call as a line of a capture file; a side that is not captured is null here and missing there.
pub(crate) fn line(event: &Value, sent: &Value, answered: &Value) -> String {
    json!({
        "captureData": without_nulls(json!({"endpointInput": sent, "endpointOutput": answered})),
        "eventMetadata": event,
        "eventVersion": "0",
    })
    .to_string()
}

fn captured(row: &Row, at: Timestamp) -> String {
    let part = |mode: &str, kind: &str, data: &str| json!({"observedContentType": kind, "mode": mode, "data": data, "encoding": "CSV"});
    let event = json!({"eventId": row.id, "inferenceTime": at.iso()});
    let sent = part("INPUT", "text/csv", &row.sent);
    line(&event, &sent, &part("OUTPUT", "text/csv; charset=utf-8", &row.score.to_string()))
}

/// A line of ground truth.
fn labelled(row: &Row) -> Option<String> {
    let data = if row.label? { "1" } else { "0" };
    let line = json!({
        "groundTruthData": {"data": data, "encoding": "CSV"},
        "eventMetadata": {"eventId": row.id},
        "eventVersion": "0",
    });
    Some(line.to_string())
}

/// Where labels are put, hour by hour.
fn labels_home(endpoint: &str) -> String {
    let family = estate::family(endpoint).map_or(endpoint, |family| family.name);
    format!("{family}/ground-truth/")
}

/// Where a model quality monitor finds ground truth.
pub(super) fn labels(endpoint: &str) -> String {
    format!("s3://{}/{}", estate::DATA_BUCKET, labels_home(endpoint).trim_end_matches('/'))
}

/// The folders an execution reads, as its processing job names them.
pub(super) fn inputs(execution: &Execution<'_>) -> Vec<(&'static str, String)> {
    let (plan, world) = (&execution.schedule.plan, execution.world);
    let (from, _) = execution.window();
    let Ok(endpoint) = world.endpoint(&plan.endpoint) else { return Vec::new() };
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for fleet in endpoint.answering(from) {
        let Some((bucket, prefix)) = destination(world, &fleet.config) else { continue };
        let folder = folder(prefix, &endpoint.name, &fleet.variant, from);
        // A day is many folders: then it is the variant's.
        let folder =
            if plan.every == HOUR { folder.as_str() } else { &folder[..folder.len() - "2026/11/23/02/".len()] };
        let uri = format!("s3://{bucket}/{}", folder.trim_end_matches('/'));
        if !found.iter().any(|(_, known)| *known == uri) {
            found.push(("endpoint", uri));
        }
    }
    if plan.kind == Kind::ModelQuality {
        let hour = from.iso()[..13].replace(['-', 'T'], "/");
        found.push(("groundtruth", format!("{}/{hour}", labels(&plan.endpoint))));
    }
    found
}

/// A file that is wanted: a slot of one execution's rows, of one variant; or all labels of an hour.
struct Wanted {
    bucket: String,
    key: String,
    from: Timestamp,
    variant: Option<String>,
}

/// Puts the files under a prefix into the store (a whole key is its own prefix).
pub(super) fn materialize(world: &mut World, bucket: &str, prefix: &str, whole: bool) {
    for index in 0..PLANS.len() {
        let wanted = wanted(world, index, bucket, prefix, whole);
        for file in wanted {
            if object::is_known(world, &file.bucket, &file.key, whole) {
                continue;
            }
            let Some(execution) = world.execution_over(index, file.from) else { continue };
            let read = (index, execution.scheduled);
            if world.monitors.read.borrow().as_ref().is_none_or(|(known, _)| *known != read) {
                let rows = rows(&execution);
                *world.monitors.read.borrow_mut() = Some((read, rows));
            }
            let read = world.monitors.read.borrow();
            let Some((_, rows)) = read.as_ref() else { continue };
            let body = content(&execution, rows, &file);
            drop(read);
            let written = file.from.plus(if file.variant.is_some() { SLOT } else { HOUR });
            if !body.is_empty() {
                object::keep(world, &file.bucket, file.key, Bytes::from(body), written, whole);
            }
        }
    }
}

fn wanted(world: &World, index: usize, bucket: &str, prefix: &str, whole: bool) -> Vec<Wanted> {
    let now = world.now();
    let fits = |key: &str| key.starts_with(prefix) || prefix.starts_with(key);
    let mut found = Vec::new();
    let Some(plan) = world.monitors.schedules.get(index).map(|schedule| &schedule.plan) else { return found };
    let Ok(endpoint) = world.endpoint(&plan.endpoint) else { return found };
    let oldest = now.plus(-KEPT).floor(HOUR);
    // What was listed once can be read as long as it is listed.
    let listed = world.s3.get(bucket, prefix).filter(|_| whole).map(|object| object.modified.plus(-HOUR).floor(HOUR));
    let oldest = listed.map_or(oldest, |listed| listed.min(oldest));
    let slots = |span: i64| {
        std::iter::successors(Some(oldest), move |at| Some(at.plus(span))).take_while(move |at| at.plus(span) <= now)
    };
    let mut add = |bucket: &str, folder: String, name: String, from: Timestamp, variant: Option<String>| {
        let key = format!("{folder}{name}");
        if if whole { key == prefix } else { key.starts_with(prefix) } {
            found.push(Wanted { bucket: bucket.to_owned(), key, from, variant });
        }
    };
    for from in slots(SLOT) {
        for fleet in variants(endpoint, from) {
            let Some((_, home)) = destination(world, &fleet.config).filter(|(at, _)| *at == bucket) else { continue };
            if !fits(home) {
                continue;
            }
            let id = noise::uuid(&[
                world.seed,
                noise::name(&endpoint.name),
                noise::name(&fleet.variant),
                from.millis() as u64,
            ]);
            let name = format!("{}-00-000-{id}.jsonl", &from.iso()[14..16]);
            let folder = folder(home, &endpoint.name, &fleet.variant, from);
            add(bucket, folder, name, from, Some(fleet.variant.clone()));
        }
    }
    let labels = labels_home(&plan.endpoint);
    if plan.kind == Kind::ModelQuality && bucket == estate::DATA_BUCKET && fits(&labels) {
        for from in slots(HOUR) {
            let hour = from.iso()[..13].replace(['-', 'T'], "/");
            add(bucket, format!("{labels}{hour}/"), "labels.jsonl".to_owned(), from, None);
        }
    }
    found
}

/// Fleets at a time, one of each variant: during a deployment two fleets have one name.
fn variants(endpoint: &Endpoint, at: Timestamp) -> impl Iterator<Item = &Fleet> {
    let fleets = endpoint.fleets(at);
    let is_first = |n: usize, fleet: &Fleet| fleets.iter().position(|other| other.variant == fleet.variant) == Some(n);
    fleets.iter().enumerate().filter(move |(n, fleet)| is_first(*n, fleet)).map(|(_, fleet)| fleet)
}

/// Whether a variant took a row, or a shadow got a copy of it.
fn took(endpoint: &Endpoint, variant: &str, row: &Row, at: Timestamp) -> bool {
    let shadow = endpoint.fleets(at).iter().find(|fleet| fleet.variant == variant).and_then(|fleet| fleet.copied);
    if let Some(share) = shadow {
        return noise::unit(&[noise::name(&row.id), noise::name(variant)]) < share;
    }
    let whole: f64 = endpoint.answering(at).map(|fleet| fleet.share).sum();
    let mut rest = noise::unit(&[noise::name(&row.id)]) * whole;
    let found = endpoint.answering(at).find(|fleet| {
        rest -= fleet.share;
        rest < 0.0
    });
    found.or_else(|| endpoint.answering(at).next_back()).is_some_and(|fleet| fleet.variant == variant)
}

fn content(execution: &Execution<'_>, rows: &[Row], file: &Wanted) -> String {
    let (from, to) = execution.window();
    let span = to.since(from);
    let end = file.from.plus(if file.variant.is_some() { SLOT } else { HOUR });
    let Ok(endpoint) = execution.world.endpoint(&execution.schedule.plan.endpoint) else { return String::new() };
    let mut body = String::new();
    for (n, row) in (0_i64..).zip(rows) {
        // In the middle of its part of the window.
        let at = from.plus(span * (2 * n + 1) / (2 * rows.len() as i64));
        if at < file.from || at >= end {
            continue;
        }
        let line = match &file.variant {
            Some(variant) => took(endpoint, variant, row, file.from).then(|| captured(row, at)),
            None => labelled(row),
        };
        if let Some(line) = line {
            body.push_str(&line);
            body.push('\n');
        }
    }
    body
}
