//! Reports on S3, written when somebody asks for them.

use bytes::Bytes;
use mldeck_core::time::Timestamp;
use serde_json::Value;

use super::{
    BUCKET, CREATED, capture, clarify,
    execution::{Baseline, Data, Execution, violations},
    quality, report, rows,
};
use crate::world::World;

/// Files of one execution.
pub(super) const FILES: [&str; 3] = ["constraint_violations.json", "constraints.json", "statistics.json"];
/// Files of one that Clarify made.
pub(super) const CLARIFIED: [&str; 2] = ["analysis.json", "constraint_violations.json"];
/// Files of a baseline.
const BASELINE: [&str; 3] = ["constraints.json", "dataset.csv", "statistics.json"];
/// Bodies held at once; older ones are dropped and written again on demand.
const HELD: usize = 96;

/// Puts every report and capture under `prefix` into the store (a whole key is its own prefix). Sizes of a wide listing cost
/// one computation each, once.
pub(crate) fn materialize(world: &mut World, bucket: &str, prefix: &str, whole: bool) {
    capture::materialize(world, bucket, prefix, whole);
    if bucket != BUCKET {
        return;
    }
    for (key, modified) in wanted(world, prefix, whole) {
        if is_known(world, BUCKET, &key, whole) {
            continue;
        }
        if let Some(body) = write(world, &key) {
            keep(world, BUCKET, key, body, modified, whole);
        }
    }
}

/// Whether there is nothing to compute: a listing needs no bodies.
pub(super) fn is_known(world: &World, bucket: &str, key: &str, whole: bool) -> bool {
    world.s3.get(bucket, key).is_some_and(|object| !whole || !object.body.is_empty())
}

/// Puts a file into the store, for a listing without its body. The oldest bodies beyond the limit are dropped.
pub(super) fn keep(world: &mut World, bucket: &str, key: String, body: Bytes, modified: Timestamp, whole: bool) {
    let size = body.len() as u64;
    world.s3.put_sized(bucket, &key, if whole { body } else { Bytes::new() }, size, modified);
    if !whole {
        return;
    }
    world.monitors.held.push((bucket.to_owned(), key));
    while world.monitors.held.len() > HELD {
        let (bucket, oldest) = world.monitors.held.remove(0);
        if let Some((size, modified)) = world.s3.get(&bucket, &oldest).map(|object| (object.size, object.modified)) {
            world.s3.put_sized(&bucket, &oldest, Bytes::new(), size, modified);
        }
    }
}

/// Keys under a prefix that exist by now, with the time they were written.
fn wanted(world: &World, prefix: &str, whole: bool) -> Vec<(String, Timestamp)> {
    let now = world.now();
    let fits = |key: &str| if whole { key == prefix } else { key.starts_with(prefix) };
    let mut found = Vec::new();
    for (index, schedule) in world.monitors.schedules.iter().enumerate().filter(|(_, s)| s.given.is_none()) {
        let home = format!("{}/", schedule.plan.endpoint);
        if !home.starts_with(prefix) && !prefix.starts_with(&home) {
            continue;
        }
        let reference = BASELINE.map(|file| (format!("{home}baseline/{file}"), world.start.plus(-CREATED)));
        found.extend(reference.into_iter().filter(|(key, _)| fits(key)));
        let all = world.executions_of(index, schedule, (schedule.since, now), now);
        for execution in all.filter(|execution| execution.is_over(now)) {
            let files = files_of(&execution).map(|file| (format!("{}{file}", execution.prefix()), execution.ended()));
            found.extend(files.filter(|(key, _)| fits(key)));
        }
    }
    found
}

/// One that found no data writes nothing.
fn files_of(execution: &Execution<'_>) -> impl Iterator<Item = &'static str> + use<> {
    let count = if execution.rows() == 0 { 0 } else { FILES.len() };
    FILES.into_iter().take(count)
}

fn write(world: &World, key: &str) -> Option<Bytes> {
    let told = |value: Value| Some(Bytes::from(value.to_string()));
    let (prefix, file) = key.rsplit_once('/')?;
    let now = world.now();
    for (index, schedule) in world.monitors.schedules.iter().enumerate().filter(|(_, s)| s.given.is_none()) {
        if prefix == format!("{}/baseline", schedule.plan.endpoint) {
            return match file {
                "dataset.csv" => {
                    let execution = world.last_execution(index, now, false)?;
                    Some(Bytes::from(rows::dataset(&execution)))
                }
                _ => told(reference(&world.monitors.baseline(world.seed, index), schedule.plan.rows.0, file)),
            };
        }
        let home = format!("{}/{}/", schedule.plan.endpoint, schedule.plan.name);
        if key.starts_with(&home) {
            let mut all = world.executions_of(index, schedule, (schedule.since, now), now);
            let execution = all.find(|execution| execution.prefix().trim_end_matches('/') == prefix)?;
            return told(found(&execution, file));
        }
    }
    None
}

fn reference(baseline: &Baseline, rows: u64, file: &str) -> Value {
    match (baseline.scored.is_empty(), file) {
        _ if !baseline.judged.is_empty() => clarify::bias(&baseline.judged),
        (true, "analysis.json") => clarify::analysis(&clarify::attributions(&baseline.profiles)),
        (true, "statistics.json") => report::statistics(rows, &baseline.profiles),
        (true, _) => report::constraints(&baseline.profiles),
        (false, "statistics.json") => quality::statistics(&baseline.scored),
        (false, _) => quality::constraints(&baseline.scored),
    }
}

pub(super) fn found(execution: &Execution<'_>, file: &str) -> Value {
    let baseline = execution.baseline();
    if file == "constraints.json" {
        return reference(&baseline, 0, file);
    }
    match (execution.data(), file) {
        (Data::Judged(rows), "analysis.json") => clarify::bias(&rows),
        (Data::Judged(rows), _) => clarify::bias_report(&clarify::bias_violations(&baseline.judged, &rows)),
        (Data::Attributed(now), "analysis.json") => clarify::analysis(&now),
        (Data::Attributed(now), _) => clarify::attribution_report(&clarify::attributions(&baseline.profiles), &now),
        (Data::Features(profiles), "statistics.json") => report::statistics(execution.rows(), &profiles),
        (Data::Features(profiles), _) => report::violations(&violations(&profiles, &baseline)),
        (Data::Scored(rows), "statistics.json") => quality::statistics(&rows),
        (Data::Scored(rows), _) => report::quality_violations(&quality::violations(&baseline.scored, &rows)),
    }
}
