//! Pipelines that callers created or changed: every definition they had is kept as a version.

use std::sync::Arc;

use mldeck_core::time::Timestamp;
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Custom {
    pub(super) display: Option<String>,
    pub(super) description: Option<String>,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) by: String,
    pub(super) modified: Timestamp,
    pub(super) modified_by: String,
    /// `ParallelismConfiguration`, as it was sent.
    pub(super) parallel: Option<Value>,
    /// Oldest first; their ids are 1, 2, 3 and so on.
    pub(super) versions: Vec<Version>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(super) definition: Arc<str>,
    pub(super) created: Timestamp,
    pub(super) display: Option<String>,
    pub(super) description: Option<String>,
}

impl Version {
    pub(super) fn new(definition: &str, created: Timestamp) -> Self {
        Self { definition: definition.into(), created, display: None, description: None }
    }
}

impl Custom {
    /// A version by its id, the newest without one.
    pub(super) fn version(&self, id: Option<i64>) -> Option<(i64, &Version)> {
        let id = id.unwrap_or(self.versions.len() as i64);
        Some((id, self.versions.get(usize::try_from(id - 1).ok()?)?))
    }
}
