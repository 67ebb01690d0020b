//! Directed acyclic graphs: the steps of a pipeline, laid out in layers.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Nodes by name, edges by index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dag {
    pub nodes: Vec<Node>,
    /// From, to.
    pub edges: Vec<(usize, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub name: Text,
    /// `Training`, `Processing`, `Condition`, …; empty when unknown.
    pub kind: Text,
}
