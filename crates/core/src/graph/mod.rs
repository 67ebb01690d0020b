//! Directed acyclic graphs: the steps of a pipeline, laid out in layers.

pub mod definition;
pub mod layout;
mod order;

pub use layout::{Direction, Layout, Placed, Route, Sizes};

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

impl Dag {
    /// The edges that lead from one node to another, each once. AWS lets a definition name a step that does not exist.
    fn real_edges(&self) -> Vec<(usize, usize)> {
        let count = self.nodes.len();
        let mut edges: Vec<_> =
            self.edges.iter().copied().filter(|(from, to)| from != to && *from < count && *to < count).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// Where a cursor goes from `node`; without one it starts at the first.
    pub fn neighbour(&self, node: Option<usize>, direction: Direction) -> Option<usize> {
        let layout = layout::layout(self, &Sizes { widths: Vec::new(), height: 1, gap: 1 });
        node.map_or_else(|| layout.first(), |node| layout.neighbour(node, direction))
    }

    /// The nodes in order when the graph is a single line: it then fits on one row. `None` for any other graph.
    pub fn chain(&self) -> Option<Vec<usize>> {
        let count = self.nodes.len();
        let edges = self.real_edges();
        if count == 0 || edges.len() + 1 != count {
            return None;
        }
        let mut next = vec![None; count];
        let mut has_previous = vec![false; count];
        for (from, to) in edges {
            if next[from].replace(to).is_some() || std::mem::replace(&mut has_previous[to], true) {
                return None;
            }
        }
        let mut at = has_previous.iter().position(|has| !has);
        let mut out = Vec::with_capacity(count);
        while let Some(node) = at {
            out.push(node);
            at = next[node];
        }
        // Fewer when a part of the graph is a cycle.
        (out.len() == count).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dag(count: usize, edges: &[(usize, usize)]) -> Dag {
        let node = |i: usize| Node { name: Text::new(&format!("n{i}")), kind: Text::default() };
        Dag { nodes: (0..count).map(node).collect(), edges: edges.to_vec() }
    }

    #[test]
    fn a_cursor_starts_at_the_first_node_and_follows_edges() {
        let dag = dag(3, &[(2, 0), (0, 1)]);
        assert_eq!(dag.neighbour(None, Direction::Right), Some(2));
        assert_eq!(dag.neighbour(Some(2), Direction::Right), Some(0));
        assert_eq!(dag.neighbour(Some(1), Direction::Right), None);
    }

    #[test]
    fn a_chain_is_a_single_line() {
        assert_eq!(dag(3, &[(2, 0), (0, 1)]).chain(), Some(vec![2, 0, 1]));
        assert_eq!(dag(1, &[]).chain(), Some(vec![0]));
        assert_eq!(
            dag(3, &[(0, 1), (0, 1), (1, 2), (1, 9)]).chain(),
            Some(vec![0, 1, 2]),
            "doubles and edges to nowhere"
        );
        assert_eq!(dag(3, &[(0, 1), (0, 2)]).chain(), None, "a fork");
        assert_eq!(dag(3, &[(0, 2), (1, 2)]).chain(), None, "a join");
        assert_eq!(dag(2, &[]).chain(), None, "two parts");
        assert_eq!(dag(4, &[(0, 1), (1, 2), (2, 1)]).chain(), None, "a cycle");
        assert_eq!(dag(4, &[(1, 2), (2, 3), (3, 1)]).chain(), None, "a node and a cycle");
        assert_eq!(dag(0, &[]).chain(), None);
    }
}
