//! The objects a transform reads.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::Value;

use super::Wanted;
use crate::world::{World, chance::Chance, estate, estate::FAMILIES, run::no_data, s3};

pub(super) struct Object {
    /// Its key behind the folder that was asked for: the answer lies at the same place under the output path.
    pub(super) place: String,
    pub(super) body: Bytes,
}

/// Rows of what an account's own family keeps under a prefix: the objects themselves are not kept.
const ROWS: u64 = 120;

/// What is said where there is nothing to read.
pub(super) fn missing(world: &World, wanted: &Wanted<'_>) -> Option<String> {
    objects(world, wanted).is_empty().then(|| no_data(wanted.uri))
}

pub(super) fn objects(world: &World, wanted: &Wanted<'_>) -> Vec<Object> {
    let Some((bucket, prefix)) = s3::prefix(wanted.uri) else { return Vec::new() };
    if wanted.is_manifest {
        return listed(world, (bucket, prefix)).unwrap_or_default();
    }
    let folder = prefix.rsplit_once('/').map_or(0, |(folder, _)| folder.len() + 1);
    let kept = world.s3.list(bucket, prefix).filter(|(key, _)| !key.ends_with('/'));
    let mut found: Vec<Object> = kept
        .map(|(key, object)| Object { place: key.get(folder..).unwrap_or(key).to_owned(), body: object.body.clone() })
        .collect();
    if found.is_empty() {
        found.extend(of_family(world, bucket, prefix));
    }
    found
}

/// A manifest names a prefix and what lies behind it.
fn listed(world: &World, (bucket, key): (&str, &str)) -> Option<Vec<Object>> {
    let manifest: Vec<Value> = serde_json::from_slice(&world.s3.get(bucket, key)?.body).ok()?;
    let (first, rest) = manifest.split_first()?;
    let (bucket, prefix) = s3::prefix(first.get("prefix")?.as_str()?)?;
    // What is named twice has one answer: a short manifest must not make much work of one object.
    let mut seen = BTreeSet::new();
    let names = rest.iter().filter_map(Value::as_str).filter(|name| seen.insert(*name));
    let found = names.filter_map(|name| {
        let object = world.s3.get(bucket, &format!("{prefix}{name}"))?;
        Some(Object { place: name.to_owned(), body: object.body.clone() })
    });
    Some(found.collect())
}

fn of_family(world: &World, bucket: &str, prefix: &str) -> Option<Object> {
    let family = FAMILIES.iter().find(|family| prefix.split('/').next() == Some(family.name))?;
    if bucket != estate::DATA_BUCKET {
        return None;
    }
    let chance = Chance::new(world.seed).named(prefix);
    let row = |n: u64| {
        let value = |at: u64| format!("{:.3}", chance.of(n).of(at).normal());
        let values: Vec<String> = (0..family.features.len() as u64).map(value).collect();
        values.join(",") + "\n"
    };
    Some(Object { place: "part-00000.csv".to_owned(), body: (0..ROWS).map(row).collect::<String>().into() })
}
