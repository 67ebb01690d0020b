//! The offline store: what was sent is delivered to S3 every quarter of an hour, in a file per group and hour of the write.

use mldeck_core::time::{MINUTE, Timestamp};
use serde_json::{Map, Value};

use super::Group;
use crate::world::{
    World, estate, noise,
    request::float,
    s3,
    shelf::{Item, features::definitions, kind::text},
};

/// AWS delivers within fifteen minutes.
const DELIVERY: i64 = 15 * MINUTE;
/// Lines that wait for it, of one group; when there are more they are delivered early.
const WAITING: usize = 10_000;

/// Notes a write or a deletion for the next delivery.
pub(super) fn note(world: &mut World, group: &Group, values: &[Value], deleted: bool) {
    let now = world.now;
    let mut line: Map<String, Value> = values
        .iter()
        .filter_map(|value| {
            let content = value.get("ValueAsString").or_else(|| value.get("ValueAsStringList"))?;
            Some((value.get("FeatureName")?.as_str()?.to_owned(), content.clone()))
        })
        .collect();
    line.insert("api_invocation_time".to_owned(), now.iso().into());
    line.insert("is_deleted".to_owned(), deleted.into());
    let lines = world.shelf.records.pending.entry(group.name.clone()).or_default();
    lines.push(line);
    if lines.len() >= WAITING {
        deliver(world, now);
    }
}

/// Where a group's data lies: `s3://bucket/prefix/<account>/sagemaker/<region>/offline-store/<group>-<created>/data`.
fn home(item: &Item) -> Option<String> {
    let config = item.body.get("OfflineStoreConfig")?.get("S3StorageConfig")?;
    let at = config.get("S3Uri")?.as_str()?.trim_end_matches('/');
    let (name, made) = (text(&item.body, "FeatureGroupName"), item.created.secs());
    Some(format!("{at}/{}/sagemaker/{}/offline-store/{name}-{made}/data", estate::ACCOUNT, estate::REGION))
}

/// What the service adds to the configuration of the offline store.
pub(in crate::world::shelf) fn tell(world: &World, item: &Item, record: &mut Map<String, Value>) {
    let name = text(&item.body, "FeatureGroupName");
    if let (Some(home), Some(config)) = (home(item), record.get_mut("OfflineStoreConfig")) {
        config["S3StorageConfig"]["ResolvedOutputS3Uri"] = home.into();
        let has_table = config.get("DataCatalogConfig").is_some()
            || config.get("DisableGlueTableCreation") == Some(&Value::Bool(true));
        if !has_table {
            let table = format!("{}_{}", name.to_lowercase().replace('-', "_"), item.created.secs());
            config["DataCatalogConfig"] = serde_json::json!({"TableName": table, "Catalog": "AwsDataCatalog", "Database": "sagemaker_featurestore"});
        }
    }
    if record.get("OnlineStoreConfig").and_then(|online| online.get("EnableOnlineStore")) == Some(&Value::Bool(true)) {
        record.insert("OnlineStoreTotalSizeBytes".to_owned(), world.shelf.records.bytes(&name.to_lowercase()).into());
    }
}

/// Every quarter of an hour: what waits is delivered, and what has expired goes.
pub(in crate::world::shelf) fn advance(world: &mut World, to: Timestamp) {
    if to.floor(DELIVERY) == to {
        world.shelf.records.expire(to);
        deliver(world, to);
    }
}

fn deliver(world: &mut World, to: Timestamp) {
    for (group, lines) in std::mem::take(&mut world.shelf.records.pending) {
        let Some(item) = world.shelved("FeatureGroup", &group) else { continue };
        if let Some(home) = home(item) {
            let body = body(&lines, definitions(&item.body), to);
            write(&mut world.s3, &home, body, to);
        }
    }
}

/// One line of JSON for each write: the features by name, of their types, and AWS's three columns.
fn body(lines: &[Map<String, Value>], features: &[Value], to: Timestamp) -> String {
    let mut out = String::new();
    for line in lines {
        let mut row = Map::new();
        for (member, value) in line {
            let is_named = |feature: &&Value| feature.get("FeatureName").and_then(Value::as_str) == Some(member);
            let kind = features.iter().find(is_named).and_then(|feature| feature.get("FeatureType")?.as_str());
            row.insert(member.clone(), typed(value, kind));
        }
        row.insert("write_time".to_owned(), to.iso().into());
        out.push_str(&Value::Object(row).to_string());
        out.push('\n');
    }
    out
}

fn typed(value: &Value, kind: Option<&str>) -> Value {
    match (value, kind) {
        (Value::Array(values), _) => values.iter().map(|value| typed(value, kind)).collect(),
        (Value::String(text), Some("Integral")) => text.parse::<i64>().map_or(Value::Null, Value::from),
        (value, Some("Fractional")) => float(value).map_or(Value::Null, Value::from),
        (value, _) => value.clone(),
    }
}

pub(super) fn write(store: &mut s3::Store, home: &str, body: String, at: Timestamp) {
    let Some((bucket, key)) = s3::place(home) else { return };
    let iso = at.iso();
    let part = |from: usize, to: usize| iso.get(from..to).unwrap_or_default();
    let (year, month, day, hour) = (part(0, 4), part(5, 7), part(8, 10), part(11, 13));
    let stamp = format!("{year}{month}{day}T{hour}{}{}Z", part(14, 16), part(17, 19));
    // Several may be written at one moment.
    let file = |n: u64| {
        let draw = noise::digest(&[noise::name(home), at.millis() as u64 + n]);
        let draw = draw.get(..16).unwrap_or_default();
        format!("{key}/year={year}/month={month}/day={day}/hour={hour}/{stamp}_{draw}.jsonl")
    };
    if let Some(file) = (0..).map(file).find(|file| store.get(bucket, file).is_none()) {
        store.put(bucket, &file, body, at);
    }
}
