//! The feature store's runtime: records of a group, online the newest of each identifier, offline every one that was sent.
//!
//! What goes offline lies in S3 a while later, as lines of JSON where AWS writes Parquet (`docs/sandbox.md` says how).

mod group;
mod offline;

use std::collections::BTreeMap;

use mldeck_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{ApiError, Handler, Reply, Request, World, soonest};
use crate::world::{
    metric::{Key, Point},
    noise,
};
use group::Group;
pub(super) use offline::{advance, tell};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("PutRecord", |world, request| measured(world, request, put)),
    ("GetRecord", |world, request| measured(world, request, get)),
    ("DeleteRecord", |world, request| measured(world, request, delete)),
    ("BatchGetRecord", batch_get),
];

/// Largest record, and most records that are kept online.
const MOST_BYTES: usize = 350 << 10;
const MOST_RECORDS: usize = 100_000;

#[derive(Default)]
pub(crate) struct State {
    /// By group and identifier.
    online: BTreeMap<String, BTreeMap<String, Record>>,
    /// What is on its way to the offline store, by group.
    pending: BTreeMap<String, Vec<Map<String, Value>>>,
    held: usize,
    /// When the first of them expires, or earlier.
    due: Option<Timestamp>,
}

/// The newest of one identifier.
struct Record {
    at: Timestamp,
    /// As they were sent; empty when it was deleted softly.
    values: Vec<Value>,
    expires: Option<Timestamp>,
    bytes: usize,
}

fn bytes_of(values: &[Value]) -> usize {
    values.iter().map(|value| value.to_string().len()).sum()
}

impl Record {
    /// Lives for `ttl` milliseconds from its time on, or for ever.
    fn new(at: Timestamp, values: &[Value], ttl: Option<i64>) -> Self {
        Self { at, values: values.to_vec(), expires: ttl.map(|ttl| at.plus(ttl)), bytes: bytes_of(values) }
    }

    fn is_kept(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn is_there(&self, now: Timestamp) -> bool {
        !self.values.is_empty() && self.is_kept(now)
    }
}

impl State {
    fn get(&self, group: &Group, id: &str, now: Timestamp) -> Option<&Record> {
        self.online.get(&group.name)?.get(id).filter(|record| record.is_there(now))
    }

    /// Replaces what is not newer, or has expired.
    fn put(&mut self, group: &Group, id: &str, record: Record, now: Timestamp) -> Result<(), ApiError> {
        self.due = soonest(self.due, record.expires);
        let records = self.online.entry(group.name.clone()).or_default();
        match records.get_mut(id) {
            Some(newer) if newer.at > record.at && newer.is_kept(now) => {}
            Some(older) => *older = record,
            None if self.held >= MOST_RECORDS => {
                return Err(invalid(format!("The sandbox keeps at most {MOST_RECORDS} records online.")));
            }
            None => {
                self.held += 1;
                records.insert(id.to_owned(), record);
            }
        }
        Ok(())
    }

    fn remove(&mut self, group: &Group, id: &str) {
        let removed = self.online.get_mut(&group.name).and_then(|records| records.remove(id));
        self.held -= usize::from(removed.is_some());
    }

    /// The group is gone; what lies in S3 stays.
    pub(super) fn forget(&mut self, group: &str) {
        self.held -= self.online.remove(group).map_or(0, |records| records.len());
        self.pending.remove(group);
    }

    fn bytes(&self, group: &str) -> usize {
        self.online.get(group).into_iter().flat_map(BTreeMap::values).map(|record| record.bytes).sum()
    }

    /// Deletes what has expired.
    fn expire(&mut self, now: Timestamp) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        for records in self.online.values_mut() {
            let before = records.len();
            records.retain(|_, record| record.is_kept(now));
            self.held -= before - records.len();
            self.due = records.values().fold(self.due, |due, record| soonest(due, record.expires));
        }
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

/// The same refusal as this runtime names it.
pub(crate) fn refusal(error: ApiError) -> ApiError {
    if error.code == "ValidationException" { invalid(error.message) } else { error }
}

/// Answers, and counts the call among the metrics of the group.
fn measured(world: &mut World, request: &Request<'_>, answer: fn(&mut World, &Request<'_>, &Group) -> Reply) -> Reply {
    let group = Group::named(world, request.text("FeatureGroupName").map_err(refusal)?)
        // Only GetRecord is modelled to say that there is no such thing.
        .map_err(|error| if request.operation == "GetRecord" { error } else { invalid(error.message) })?;
    let reply = answer(world, request, &group);
    count(world, request, &group.name, reply.is_err());
    reply
}

fn count(world: &mut World, request: &Request<'_>, group: &str, failed: bool) {
    let at = world.now;
    let units =
        if request.operation.contains("Get") { "ConsumedReadRequestsUnits" } else { "ConsumedWriteRequestsUnits" };
    let latency = 3.0 + 6.0 * noise::unit(&[world.seed, world.requests, 0xfea7]);
    let fails = f64::from(u8::from(failed));
    for (name, value) in
        [("Invocations", 1.0), (units, 1.0 - fails), ("Operation4XXErrors", fails), ("Latency", latency)]
    {
        let dimensions = [("FeatureGroupName", group), ("OperationName", request.operation)];
        world.metrics.put(Key::new("AWS/SageMaker/FeatureStore", name, &dimensions), Point { at, value, count: 1.0 });
    }
}

/// A write of the past, whose request needs no look at the model.
pub(super) fn put_at_once(world: &mut World, request: &Request<'_>) -> Reply {
    measured(world, request, put)
}

fn put(world: &mut World, request: &Request<'_>, group: &Group) -> Reply {
    let values = request.list("Record");
    let (id, at) = group.read(values)?;
    if bytes_of(values) > MOST_BYTES {
        return Err(invalid("The record is larger than 350 KB."));
    }
    let (online, offline) = group.stores(request)?;
    let ttl = match request.input.get("TtlDuration") {
        Some(_) if !online => return Err(invalid("TtlDuration can be given for the OnlineStore only.")),
        Some(given) => ttl(given),
        None => group.ttl,
    };
    if online {
        world.shelf.records.put(group, &id, Record::new(at, values, ttl), world.now)?;
    }
    if offline {
        offline::note(world, group, values, false);
    }
    Ok(json!({}))
}

/// A duration in milliseconds.
fn ttl(given: &Value) -> Option<i64> {
    let unit = match given.get("Unit")?.as_str()? {
        "Minutes" => MINUTE,
        "Hours" => HOUR,
        "Days" => DAY,
        "Weeks" => 7 * DAY,
        _ => SECOND,
    };
    given.get("Value")?.as_i64()?.checked_mul(unit)
}

/// `Record` and, where it is asked for, `ExpiresAt`.
fn told(record: &Record, names: &[&str], request: &Request<'_>) -> Map<String, Value> {
    let name = |value: &Value| value.get("FeatureName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = |value: &&Value| names.is_empty() || names.contains(&name(value).as_str());
    let values: Vec<Value> = record.values.iter().filter(wanted).cloned().collect();
    let mut answer: Map<String, Value> = [("Record".to_owned(), values.into())].into_iter().collect();
    let asked = request.opt_text("ExpirationTimeResponse") == Some("Enabled");
    if let Some(expires) = record.expires.filter(|_| asked) {
        answer.insert("ExpiresAt".to_owned(), expires.iso().into());
    }
    answer
}

/// A record that is not there is no error: the answer is empty.
fn get(world: &mut World, request: &Request<'_>, group: &Group) -> Reply {
    group.must_be_online()?;
    let names = request.texts("FeatureNames");
    group.must_have(&names)?;
    let id = request.text("RecordIdentifierValueAsString").map_err(refusal)?;
    let found = world.shelf.records.get(group, id, world.now);
    Ok(Value::Object(found.map(|record| told(record, &names, request)).unwrap_or_default()))
}

fn batch_get(world: &mut World, request: &Request<'_>) -> Reply {
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for wanted in request.list("Identifiers") {
        let texts = |member: &str| -> Vec<&str> {
            wanted.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (ids, names) = (texts("RecordIdentifiersValueAsString"), texts("FeatureNames"));
        let given = wanted.get("FeatureGroupName").and_then(Value::as_str).unwrap_or_default();
        let group = Group::named(world, given).and_then(|group| {
            group.must_be_online()?;
            group.must_have(&names)?;
            Ok(group)
        });
        for id in ids {
            let mut row = match &group {
                Err(error) => json!({"ErrorCode": error.code, "ErrorMessage": error.message}),
                Ok(group) => match world.shelf.records.get(group, id, world.now) {
                    None => continue,
                    Some(record) => Value::Object(told(record, &names, request)),
                },
            };
            row["FeatureGroupName"] = given.into();
            row["RecordIdentifierValueAsString"] = id.into();
            if group.is_ok() { records.push(row) } else { errors.push(row) }
        }
        if let Ok(group) = group {
            count(world, request, &group.name, false);
        }
    }
    Ok(json!({"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}))
}

/// Softly: nothing is told any more, and what is older than the deletion does not come back. Hard: it never was. The offline
/// store keeps everything and a line that says it was deleted.
fn delete(world: &mut World, request: &Request<'_>, group: &Group) -> Reply {
    let id = request.text("RecordIdentifierValueAsString").map_err(refusal)?;
    let time = request.text("EventTime").map_err(refusal)?;
    let at = group.moment(time)?;
    let (online, offline) = group.stores(request)?;
    if online {
        let state = &mut world.shelf.records;
        let is_older =
            state.online.get(&group.name).and_then(|records| records.get(id)).is_none_or(|have| have.at <= at);
        if request.opt_text("DeletionMode") != Some("HardDelete") {
            state.put(group, id, Record::new(at, &[], None), world.now)?;
        } else if is_older {
            state.remove(group, id);
        }
    }
    if offline {
        let feature = |name: &str, value: &str| json!({"FeatureName": name, "ValueAsString": value});
        offline::note(world, group, &[feature(&group.id, id), feature(&group.time, time)], true);
    }
    Ok(json!({}))
}

#[cfg(test)]
mod tests;
