//! Places of nodes and the ways of edges, in cells, layers from left to right.
//!
//! Between two layers lies a channel. An edge leaves its node to the right, turns once in a column of the channel that
//! belongs to the point it comes from, and goes on to the right; an edge over several layers passes bends that keep a row
//! free for it.

use super::{Dag, order};

/// Cells that a drawing gives to its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Cells of each node's text; missing ones count as 1.
    pub widths: Vec<usize>,
    /// Rows of a node.
    pub height: usize,
    /// Free rows between two nodes.
    pub gap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    pub layer: usize,
}

impl Placed {
    /// The row that edges enter and leave at.
    pub const fn middle(&self) -> usize {
        self.y + self.height / 2
    }
}

/// The way of one edge as corners, from the cell behind `from` to the cell before `to`. Each leg is horizontal or
/// vertical, and none leads back to the left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub from: usize,
    pub to: usize,
    /// The edge points the other way; it was turned to break a cycle.
    pub turned: bool,
    pub corners: Vec<(usize, usize)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub nodes: Vec<Placed>,
    pub routes: Vec<Route>,
    pub width: usize,
    pub height: usize,
    /// Edges that are not drawn because there are too many.
    pub hidden: usize,
    /// Nodes of each layer from the top.
    layers: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Left,
    Right,
    Up,
    Down,
}

/// Lays `dag` out. The same graph always gives the same drawing.
pub fn layout(dag: &Dag, sizes: &Sizes) -> Layout {
    let layered = order::layered(dag);
    let count = dag.nodes.len();
    let height = sizes.height.max(1);
    let rows = rows(&layered, height + sizes.gap);
    let width = |point: usize| if point < count { sizes.widths.get(point).copied().unwrap_or(1).max(1) } else { 1 };

    // The columns: a layer as wide as its widest node, then a channel with one column for each point that turns.
    let mut left = vec![0; layered.layers.len()];
    let mut turns = vec![0; layered.layer.len()];
    let mut x = 0;
    for (index, points) in layered.layers.iter().enumerate() {
        left[index] = x;
        x += points.iter().map(|point| width(*point)).max().unwrap_or(0);
        let tracks = tracks(&layered, index, &rows);
        for (track, point) in tracks.iter().enumerate() {
            turns[*point] = x + 1 + track;
        }
        x += if index + 1 < layered.layers.len() { tracks.len().max(1) + 2 } else { 0 };
    }

    let nodes: Vec<Placed> = (0..count)
        .map(|node| {
            let layer = layered.layer[node];
            Placed { x: left[layer], y: rows[node], width: width(node), height, layer }
        })
        .collect();
    let middle = |point: usize| rows[point] + height / 2;
    let routes = layered.paths.iter().zip(&layered.turned).map(|(path, turned)| {
        let (from, to) = (path[0], path[path.len() - 1]);
        let mut corners = vec![(nodes[from].x + nodes[from].width, middle(from))];
        for pair in path.windows(2) {
            if middle(pair[0]) != middle(pair[1]) {
                corners.push((turns[pair[0]], middle(pair[0])));
                corners.push((turns[pair[0]], middle(pair[1])));
            }
        }
        corners.push((nodes[to].x - 1, middle(to)));
        let (from, to) = if *turned { (to, from) } else { (from, to) };
        Route { from, to, turned: *turned, corners }
    });
    Layout {
        routes: routes.collect(),
        width: x,
        height: rows.iter().map(|row| row + height).max().unwrap_or(0),
        hidden: layered.hidden,
        layers: layered.layers.iter().map(|l| l.iter().copied().filter(|point| *point < count).collect()).collect(),
        nodes,
    }
}

/// Top row of each point: near its neighbours, in the order of its layer, `pitch` rows apart.
fn rows(layered: &order::Layered, pitch: usize) -> Vec<usize> {
    let points = layered.layer.len();
    let (mut before, mut after) = (vec![Vec::new(); points], vec![Vec::new(); points]);
    for pair in layered.paths.iter().flat_map(|path| path.windows(2)) {
        before[pair[1]].push(pair[0]);
        after[pair[0]].push(pair[1]);
    }
    let pitch = pitch as i64;
    let mut row: Vec<i64> = layered.places().into_iter().map(|place| place as i64 * pitch).collect();
    let count = layered.layers.len();
    let forward = |row: &mut Vec<i64>| (1..count).for_each(|i| settle(&layered.layers[i], &before, row, pitch));
    let backward =
        |row: &mut Vec<i64>| (0..count).rev().skip(1).for_each(|i| settle(&layered.layers[i], &after, row, pitch));
    forward(&mut row);
    backward(&mut row);
    forward(&mut row);
    let top = row.iter().min().copied().unwrap_or(0);
    row.into_iter().map(|row| usize::try_from(row - top).unwrap_or(0)).collect()
}

/// Moves the points of one layer as near as possible to the median of their neighbours without changing their order:
/// neighbours that want the same place share the distance (pooled averages).
fn settle(layer: &[usize], neighbours: &[Vec<usize>], row: &mut [i64], pitch: i64) {
    // Sum of wishes, how many points, first of them.
    let mut pools: Vec<(i64, i64)> = Vec::with_capacity(layer.len());
    for (place, point) in layer.iter().enumerate() {
        let mut near: Vec<i64> = neighbours[*point].iter().map(|other| row[*other]).collect();
        near.sort_unstable();
        let wish = if near.is_empty() {
            row[*point]
        } else {
            (near[(near.len() - 1) / 2] + near[near.len() / 2]).div_euclid(2)
        };
        let mut pool = (wish - place as i64 * pitch, 1);
        while let Some((sum, count)) = pools.pop_if(|(sum, count)| *sum * pool.1 >= pool.0 * *count) {
            pool = (pool.0 + sum, pool.1 + count);
        }
        pools.push(pool);
    }
    let mut place = 0;
    for (sum, count) in pools {
        for _ in 0..count {
            row[layer[place]] = sum.div_euclid(count) + place as i64 * pitch;
            place += 1;
        }
    }
}

/// Points of layer `index` that turn in the channel behind it, in the order of their columns. A line that leaves a row
/// turns off it before another line comes in on the same row; where lines trade places that cannot be had, and the upper
/// one goes first.
fn tracks(layered: &order::Layered, index: usize, rows: &[usize]) -> Vec<usize> {
    let pairs = layered.paths.iter().flat_map(|path| path.windows(2));
    let legs: Vec<(usize, usize)> = pairs
        .map(|pair| (pair[0], pair[1]))
        .filter(|(left, right)| layered.layer[*left] == index && rows[*left] != rows[*right])
        .collect();
    let mut points: Vec<usize> = legs.iter().map(|(left, _)| *left).collect();
    points.sort_unstable_by_key(|point| rows[*point]);
    points.dedup();
    let place_of_row = |row: usize| points.binary_search_by_key(&row, |point| rows[*point]).ok();

    // Which places wait for a place to have turned off its row.
    let (mut waiting, mut waiters) = (vec![0usize; points.len()], vec![Vec::new(); points.len()]);
    for (left, right) in legs {
        if let (Some(me), Some(other)) = (place_of_row(rows[left]), place_of_row(rows[right])) {
            waiting[me] += 1;
            waiters[other].push(me);
        }
    }
    let mut left: Vec<usize> = (0..points.len()).collect();
    let mut out = Vec::with_capacity(points.len());
    while !left.is_empty() {
        let next = left.remove(left.iter().position(|place| waiting[*place] == 0).unwrap_or(0));
        waiters[next].iter().for_each(|waiter| waiting[*waiter] -= 1);
        out.push(points[next]);
    }
    out
}

impl Layout {
    /// The node one step away from `node`: along an edge to the next layer where there is one, else the nearest there.
    pub fn neighbour(&self, node: usize, direction: Direction) -> Option<usize> {
        let here = self.nodes.get(node)?;
        let (layer, step) = match direction {
            Direction::Up | Direction::Down => {
                let layer = self.layers.get(here.layer)?;
                let at = layer.iter().position(|other| *other == node)?;
                let at = if direction == Direction::Up { at.checked_sub(1)? } else { at + 1 };
                return layer.get(at).copied();
            }
            Direction::Left => (here.layer.checked_sub(1)?, Direction::Left),
            Direction::Right => (here.layer + 1, Direction::Right),
        };
        let is_joined = |other: usize| {
            self.routes.iter().any(|route| {
                let (left, right) = if route.turned { (route.to, route.from) } else { (route.from, route.to) };
                if step == Direction::Left { (left, right) == (other, node) } else { (left, right) == (node, other) }
            })
        };
        let candidates = self.layers.get(layer)?;
        candidates
            .iter()
            .copied()
            .min_by_key(|other| (!is_joined(*other), self.nodes[*other].y.abs_diff(here.y), *other))
    }

    /// The node a cursor starts at: the first of the first layer.
    pub fn first(&self) -> Option<usize> {
        self.layers.iter().flatten().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{graph::Node, text::Text};

    fn dag(count: usize, edges: &[(usize, usize)]) -> Dag {
        let node = |i: usize| Node { name: Text::new(&format!("n{i}")), kind: Text::default() };
        Dag { nodes: (0..count).map(node).collect(), edges: edges.to_vec() }
    }

    fn sizes(count: usize) -> Sizes {
        Sizes { widths: vec![5; count], height: 1, gap: 1 }
    }

    #[test]
    fn a_diamond_opens_and_closes() {
        let layout = layout(&dag(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]), &sizes(4));
        let at: Vec<(usize, usize)> = layout.nodes.iter().map(|n| (n.layer, n.y)).collect();
        assert_eq!(at, [(0, 1), (1, 0), (1, 2), (2, 1)]);
        assert_eq!(layout.routes[1].corners, [(5, 1), (6, 1), (6, 2), (7, 2)]);
        assert_eq!(layout.height, 3);
    }

    #[test]
    fn keys_walk_along_edges() {
        let layout = layout(&dag(5, &[(0, 1), (0, 2), (1, 3), (2, 4)]), &sizes(5));
        assert_eq!(layout.first(), Some(0));
        assert_eq!(layout.neighbour(0, Direction::Right), Some(1));
        assert_eq!(layout.neighbour(1, Direction::Down), Some(2));
        assert_eq!(layout.neighbour(2, Direction::Right), Some(4));
        assert_eq!(layout.neighbour(4, Direction::Left), Some(2));
        assert_eq!(layout.neighbour(0, Direction::Left), None);
        assert_eq!(layout.neighbour(0, Direction::Up), None);
        assert_eq!(layout.neighbour(99, Direction::Up), None);
    }

    #[test]
    fn lines_that_could_cross_do_not() {
        let layout = layout(&dag(4, &[(0, 3), (1, 2)]), &sizes(4));
        assert!(layout.routes.iter().all(|route| route.corners.len() == 2), "{:?}", layout.routes);
    }

    #[test]
    fn a_cycle_is_drawn_forward_and_says_so() {
        let layout = layout(&dag(2, &[(0, 1), (1, 0)]), &sizes(2));
        assert_eq!((layout.nodes[0].layer, layout.nodes[1].layer), (0, 1));
        let layout = super::layout(&dag(3, &[(0, 1), (1, 2), (2, 0)]), &sizes(3));
        let turned: Vec<_> = layout.routes.iter().filter(|r| r.turned).map(|r| (r.from, r.to)).collect();
        assert_eq!(turned, [(2, 0)]);
    }

    #[test]
    fn a_hostile_definition_is_cut_and_counted() {
        let edges: Vec<_> = (0..200).flat_map(|a| (a + 1..200).map(move |b| (a, b))).collect();
        let layout = layout(&dag(200, &edges), &sizes(200));
        assert_eq!(layout.hidden + layout.routes.len(), edges.len());
        assert!(layout.hidden > 0);
    }

    fn any_dag() -> impl Strategy<Value = Dag> {
        (0usize..40).prop_flat_map(|count| {
            prop::collection::vec((0..count + 3, 0..count + 3), 0..60).prop_map(move |edges| dag(count, &edges))
        })
    }

    proptest! {
        #[test]
        fn nodes_do_not_overlap_and_edges_go_forward(dag in any_dag(), height in 1usize..4, gap in 0usize..3) {
            let sizes = Sizes { widths: (0..dag.nodes.len()).map(|i| 1 + i % 7).collect(), height, gap };
            let drawn = layout(&dag, &sizes);
            prop_assert_eq!(&drawn, &layout(&dag, &sizes));
            for (i, a) in drawn.nodes.iter().enumerate() {
                prop_assert!(a.x + a.width <= drawn.width && a.y + a.height <= drawn.height);
                for b in &drawn.nodes[i + 1..] {
                    let apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + height <= b.y || b.y + height <= a.y;
                    prop_assert!(apart, "{a:?} {b:?}");
                }
            }
            for route in &drawn.routes {
                for leg in route.corners.windows(2) {
                    prop_assert!(leg[0].0 <= leg[1].0 && (leg[0].0 == leg[1].0 || leg[0].1 == leg[1].1), "{route:?}");
                }
                // Only in free cells: no leg runs through a node.
                for leg in route.corners.windows(2) {
                    for node in &drawn.nodes {
                        let (top, bottom) = (leg[0].1.min(leg[1].1), leg[0].1.max(leg[1].1));
                        let across = leg[0].0 < node.x + node.width && leg[1].0 >= node.x;
                        prop_assert!(!(across && top < node.y + height && bottom >= node.y), "{route:?} {node:?}");
                    }
                }
            }
        }

        #[test]
        fn every_node_can_be_reached(dag in any_dag()) {
            let drawn = layout(&dag, &sizes(dag.nodes.len()));
            let mut seen = vec![false; dag.nodes.len()];
            let mut todo: Vec<usize> = drawn.first().into_iter().collect();
            while let Some(node) = todo.pop() {
                if !std::mem::replace(&mut seen[node], true) {
                    use Direction::{Down, Left, Right, Up};
                    todo.extend([Left, Right, Up, Down].into_iter().filter_map(|way| drawn.neighbour(node, way)));
                }
            }
            prop_assert!(seen.iter().all(|seen| *seen));
        }
    }
}
