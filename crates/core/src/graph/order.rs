//! Which layer a node is in, and in which order the nodes of a layer stand.

use super::Dag;

/// Points in layers: the nodes of the graph, then one bend per layer that a long edge passes.
pub(super) struct Layered {
    /// Layer of each point.
    pub layer: Vec<usize>,
    /// Points of each layer from the top.
    pub layers: Vec<Vec<usize>>,
    /// Each edge as the points it passes, from the left.
    pub paths: Vec<Vec<usize>>,
    /// Whether the edge was turned round to break a cycle.
    pub turned: Vec<bool>,
    /// Edges left out because a drawing with so many lines says nothing.
    pub hidden: usize,
}

/// More bends than any pipeline has: keeps a hostile definition from taking the time of a frame.
const MOST_BENDS: usize = 4_000;
const SWEEPS: usize = 6;

pub(super) fn layered(dag: &Dag) -> Layered {
    let count = dag.nodes.len();
    let edges = without_cycles(count, &dag.real_edges());
    let mut layer = longest_paths(count, &edges);
    let mut out = Layered {
        layers: vec![Vec::new(); layer.iter().max().map_or(0, |deepest| deepest + 1)],
        layer: Vec::new(),
        paths: Vec::new(),
        turned: Vec::new(),
        hidden: 0,
    };
    for (from, to, turned) in edges {
        let (first, last) = (layer[from], layer[to]);
        let bends = last.saturating_sub(first + 1);
        if layer.len() + bends > count + MOST_BENDS {
            out.hidden += 1;
            continue;
        }
        let mut path = vec![from];
        for passed in first + 1..last {
            path.push(layer.len());
            layer.push(passed);
        }
        path.push(to);
        out.paths.push(path);
        out.turned.push(turned);
    }
    for (point, layer) in layer.iter().enumerate() {
        out.layers[*layer].push(point);
    }
    out.layer = layer;
    out.uncross();
    out
}

/// Edges so turned that no cycle is left: an edge back to a node that the search is still in is turned round.
fn without_cycles(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize, bool)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Inside,
        Done,
    }
    let mut after = vec![Vec::new(); count];
    for (from, to) in edges {
        after[*from].push(*to);
    }
    let mut seen = vec![Seen::No; count];
    let mut out = Vec::with_capacity(edges.len());
    // A node nothing leads to is a natural beginning: starting there keeps the edges of a graph without cycles as they are.
    let mut has_previous = vec![false; count];
    edges.iter().for_each(|(_, to)| has_previous[*to] = true);
    let starts = (0..count).filter(|node| !has_previous[*node]).chain(0..count);
    for start in starts {
        if seen[start] != Seen::No {
            continue;
        }
        seen[start] = Seen::Inside;
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.last_mut() {
            let from = *node;
            let Some(to) = after[from].get(*next).copied() else {
                seen[from] = Seen::Done;
                stack.pop();
                continue;
            };
            *next += 1;
            let back = seen[to] == Seen::Inside;
            out.push(if back { (to, from, true) } else { (from, to, false) });
            if seen[to] == Seen::No {
                seen[to] = Seen::Inside;
                stack.push((to, 0));
            }
        }
    }
    out.sort_unstable();
    out.dedup_by_key(|(from, to, _)| (*from, *to));
    out
}

/// Layer of each node: one behind the last of the nodes before it.
fn longest_paths(count: usize, edges: &[(usize, usize, bool)]) -> Vec<usize> {
    let mut waiting = vec![0usize; count];
    let mut after = vec![Vec::new(); count];
    for (from, to, _) in edges {
        waiting[*to] += 1;
        after[*from].push(*to);
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &after[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}

impl Layered {
    /// Orders each layer by the mean place of its neighbours, back and forth, and keeps the order with the fewest
    /// crossings.
    fn uncross(&mut self) {
        let points = self.layer.len();
        let (mut before, mut after) = (vec![Vec::new(); points], vec![Vec::new(); points]);
        for pair in self.paths.iter().flat_map(|path| path.windows(2)) {
            before[pair[1]].push(pair[0]);
            after[pair[0]].push(pair[1]);
        }
        let mut best = (self.crossings(&after), self.layers.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            if sweep.is_multiple_of(2) {
                (1..self.layers.len()).for_each(|i| self.sort_layer(i, &before));
            } else {
                (0..self.layers.len()).rev().skip(1).for_each(|i| self.sort_layer(i, &after));
            }
            let crossings = self.crossings(&after);
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn sort_layer(&mut self, index: usize, neighbours: &[Vec<usize>]) {
        let place = self.places();
        // Exact thousandths: the order must not depend on how a machine rounds.
        let mean = |point: usize| {
            let near = &neighbours[point];
            match near.len() {
                0 => place[point] * 1_000,
                n => near.iter().map(|other| place[*other] * 1_000).sum::<usize>() / n,
            }
        };
        self.layers[index].sort_by_key(|point| (mean(*point), place[*point]));
    }

    /// Place of each point within its layer.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut place = vec![0; self.layer.len()];
        for layer in &self.layers {
            for (at, point) in layer.iter().enumerate() {
                place[*point] = at;
            }
        }
        place
    }

    fn crossings(&self, after: &[Vec<usize>]) -> usize {
        let place = self.places();
        self.layers.iter().map(|layer| inversions(layer.iter().map(|point| &after[*point]), &place)).sum()
    }
}

/// Pairs of edges between two layers that cross, given for each left point in order the right points it leads to.
fn inversions<'a>(lefts: impl Iterator<Item = &'a Vec<usize>>, place: &[usize]) -> usize {
    let (mut seen, mut total) = (0usize, 0);
    // A Fenwick tree over the places of the right layer.
    let mut tree: Vec<usize> = Vec::new();
    for rights in lefts {
        let mut ends: Vec<usize> = rights.iter().map(|right| place[*right]).collect();
        ends.sort_unstable();
        for end in &ends {
            let mut at = end + 1;
            let mut upto = 0;
            while at > 0 {
                upto += tree.get(at).copied().unwrap_or(0);
                at &= at - 1;
            }
            total += seen - upto;
        }
        for end in ends {
            seen += 1;
            let mut at = end + 1;
            let size = place.len() + 1;
            tree.resize(size.max(tree.len()), 0);
            while at < size {
                tree[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted() {
        let place = vec![0, 1, 0, 1, 2];
        let count = |edges: [&[usize]; 2]| {
            let edges = edges.map(<[usize]>::to_vec);
            inversions(edges.iter(), &place)
        };
        assert_eq!(count([&[2], &[3]]), 0);
        assert_eq!(count([&[3], &[2]]), 1);
        assert_eq!(count([&[2, 3, 4], &[2, 3, 4]]), 3);
        assert_eq!(count([&[2, 3], &[3, 4]]), 0, "a shared end is no crossing");
    }

    #[test]
    fn one_edge_of_a_cycle_is_turned() {
        assert_eq!(without_cycles(3, &[(0, 1), (1, 2), (2, 0)]), [(0, 1, false), (0, 2, true), (1, 2, false)]);
        assert_eq!(without_cycles(2, &[(0, 1), (1, 0)]), [(0, 1, false)]);
        assert_eq!(without_cycles(3, &[(1, 0), (2, 1)]), [(1, 0, false), (2, 1, false)]);
    }
}
