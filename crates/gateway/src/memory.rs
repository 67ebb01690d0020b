//! What is asked once: endpoint configs, models, definitions, what has ended. Bounded, oldest out.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use mldeck_core::{
    graph::Dag,
    ops::snapshot::{Config, Model},
    resource::execution::ExecutionDetail,
    text::Text,
    time::Timestamp,
};

/// The first `limit` things; then each new one pushes out the oldest.
#[derive(Debug)]
pub(crate) struct Bounded<V> {
    limit: usize,
    kept: Mutex<(HashMap<String, V>, VecDeque<String>)>,
}

impl<V: Clone> Bounded<V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<V> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned()
    }

    pub(crate) fn put(&self, key: &str, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (map, order) = &mut *kept;
        if map.insert(key.to_owned(), value).is_none() {
            order.push_back(key.to_owned());
        }
        if map.len() > self.limit
            && let Some(oldest) = order.pop_front()
        {
            map.remove(&oldest);
        }
    }

    pub(crate) fn forget(&self, key: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.remove(key);
        kept.1.retain(|other| other != key);
    }
}

pub(crate) type Pairs = Vec<(Text, Text)>;

#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) configs: Bounded<Config>,
    pub(crate) models: Bounded<Model>,
    /// What models are called in a row, from the index of Search.
    pub(crate) labels: Bounded<Text>,
    /// Name of the only model of an endpoint config that was not described, from the index of Search.
    pub(crate) only_models: Bounded<Text>,
    /// Tags by ARN, and when they were read.
    pub(crate) tags: Bounded<(Timestamp, Pairs)>,
    /// Graph of a definition by execution ARN.
    pub(crate) graphs: Bounded<Dag>,
    pub(crate) parameters: Bounded<Pairs>,
    pub(crate) executions: Bounded<ExecutionDetail>,
    /// Invocations a minute of an hour that is over, by endpoint, variant and hour.
    pub(crate) hours: Bounded<Option<f64>>,
    /// Interval of a schedule by name and time of its last change.
    pub(crate) intervals: Bounded<Option<i64>>,
    /// Report prefix by processing job ARN.
    pub(crate) prefixes: Bounded<Option<String>>,
    /// Reports that were read, by S3 URI.
    pub(crate) reports: Bounded<bytes::Bytes>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            configs: Bounded::new(2_000),
            models: Bounded::new(2_000),
            labels: Bounded::new(5_000),
            only_models: Bounded::new(5_000),
            tags: Bounded::new(1_000),
            graphs: Bounded::new(200),
            parameters: Bounded::new(1_000),
            executions: Bounded::new(200),
            hours: Bounded::new(5_000),
            intervals: Bounded::new(1_000),
            prefixes: Bounded::new(2_000),
            reports: Bounded::new(96),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_it_is_full() {
        let map = Bounded::new(2);
        for key in ["a", "b", "b", "c"] {
            map.put(key, key.to_owned());
        }
        assert_eq!((map.get("a"), map.get("b").as_deref(), map.get("c").as_deref()), (None, Some("b"), Some("c")));
        map.forget("b");
        map.put("d", String::new());
        assert_eq!((map.get("b"), map.get("c").as_deref()), (None, Some("c")));
    }
}
