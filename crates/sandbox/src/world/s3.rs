//! Objects: artifacts, reports, captured data. Bodies are kept as they are; nothing here is large.

use std::collections::BTreeMap;

use bytes::Bytes;
use mldeck_core::time::Timestamp;

use super::noise;

/// Most bytes all objects may hold together; a PUT beyond it is refused.
const CAPACITY: usize = 64 << 20;

#[derive(Default)]
pub(crate) struct Store {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    held: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    /// Size as listed: artifacts pretend to be as large as real ones without holding the bytes.
    pub(crate) size: u64,
    pub(crate) modified: Timestamp,
    pub(crate) etag: String,
}

/// Bucket and key of `s3://bucket/key`.
pub(crate) fn place(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("s3://")?.split_once('/')
}

/// Bucket and prefix of `s3://bucket/prefix`; without a prefix the whole bucket is meant.
pub(crate) fn prefix(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("s3://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

/// Buckets that may be made.
const BUCKETS: usize = 100;

impl Store {
    /// False when the store is full; the object is then not kept.
    pub(crate) fn put(&mut self, bucket: &str, key: &str, body: impl Into<Bytes>, at: Timestamp) -> bool {
        let body = body.into();
        let size = body.len() as u64;
        self.put_sized(bucket, key, body, size, at)
    }

    /// An object where a URI says; one that names no place is not kept.
    pub(crate) fn put_at(&mut self, uri: &str, body: impl Into<Bytes>, at: Timestamp) -> bool {
        place(uri).is_some_and(|(bucket, key)| self.put(bucket, key, body, at))
    }

    /// What lies where a URI says.
    pub(crate) fn at(&self, uri: &str) -> Option<&Object> {
        place(uri).and_then(|(bucket, key)| self.get(bucket, key))
    }

    /// An object that says it is `size` bytes long.
    pub(crate) fn put_sized(&mut self, bucket: &str, key: &str, body: Bytes, size: u64, at: Timestamp) -> bool {
        let before = self.get(bucket, key).map_or(0, |object| object.body.len());
        let held = self.held - before + body.len();
        if held > CAPACITY {
            return false;
        }
        self.held = held;
        let content =
            body.iter().fold(size, |state, byte| state.rotate_left(5) ^ u64::from(*byte).wrapping_mul(0x9e37_79b9));
        let etag = noise::digest(&[noise::name(key), content])[..32].to_owned();
        let object = Object { body, size, modified: at, etag };
        self.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object);
        true
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<&Object> {
        self.buckets.get(bucket)?.get(key)
    }

    /// False when there are too many.
    pub(crate) fn make_bucket(&mut self, bucket: &str) -> bool {
        if self.buckets.len() >= BUCKETS {
            return false;
        }
        self.buckets.entry(bucket.to_owned()).or_default();
        true
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> bool {
        self.buckets.contains_key(bucket)
    }

    /// Objects whose key starts with `prefix`, in key order.
    pub(crate) fn list<'s>(&'s self, bucket: &str, prefix: &'s str) -> impl Iterator<Item = (&'s str, &'s Object)> {
        self.buckets
            .get(bucket)
            .into_iter()
            .flat_map(move |objects| objects.range(prefix.to_owned()..))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, object)| (key.as_str(), object))
    }
}
