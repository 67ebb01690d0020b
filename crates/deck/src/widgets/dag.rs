//! The steps of a pipeline: one line where they are a chain that fits, boxes or lines in layers otherwise.

mod wires;

use mldeck_core::{
    graph::{Dag, Layout, Placed, Sizes, layout::layout},
    health::Health,
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use self::wires::Wires;
use super::{Look, Symbol, pen, pen::Row};
use crate::theme::Role;

/// How one node is: state, and what stands behind its name (`6 m`).
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    pub health: Health,
    pub note: &'a str,
}

#[derive(Clone, Copy, Debug)]
pub struct Graph<'a> {
    pub dag: &'a Dag,
    /// By node; a missing one is drawn as not started.
    pub states: &'a [State<'a>],
    /// Node the cursor is on. The view moves by half screens so that it stays visible.
    pub cursor: Option<usize>,
}

/// A longer name is cut.
const NAME: usize = 32;
/// Columns of the line between two nodes of a chain.
const WIRE: usize = 2;

/// Free columns before and behind a node that has no box. In ASCII the symbol of a step that has not run is a dash, which
/// must not run into the line.
const fn margins(look: Look<'_>) -> (usize, usize) {
    (if look.caps.unicode { 0 } else { 1 }, 1)
}

impl Graph<'_> {
    fn state(&self, node: usize) -> State<'_> {
        self.states.get(node).copied().unwrap_or(State { health: Health::Off, note: "" })
    }

    /// Columns of symbol, name and note.
    fn width(&self, node: usize, look: Look<'_>) -> usize {
        let name = self.dag.nodes.get(node).map_or(0, |n| pen::width(&pen::shown(look, n.name.as_str())).min(NAME));
        let note = pen::width(&pen::shown(look, self.state(node).note));
        2 + name + if note > 0 { 1 + note } else { 0 }
    }

    fn label(&self, node: usize, row: &mut Row<'_>, look: Look<'_>) {
        let state = self.state(node);
        let Some(name) = self.dag.nodes.get(node).map(|n| n.name.as_str()) else { return };
        let at_cursor = self.cursor == Some(node);
        row.put_left(look, look.health(state.health), 2, look.tone(state.health.tone()));
        let style = if at_cursor {
            look.style(Role::Cursor)
        } else if state.health == Health::Off {
            look.style(Role::Dim)
        } else {
            look.style(Role::Text)
        };
        let columns = NAME.min(row.left());
        row.put_within(look, name, columns, style);
        if !state.note.is_empty() {
            row.skip(1);
            row.put(look, state.note, look.style(Role::Dim));
        }
    }

    /// The chain, when the graph is one and fits into `width` columns.
    fn line(&self, width: usize, look: Look<'_>) -> Option<Vec<usize>> {
        let chain = self.dag.chain()?;
        let nodes: usize = chain.iter().map(|node| self.width(*node, look)).sum();
        let (before, behind) = margins(look);
        (nodes + (chain.len() - 1) * (behind + WIRE + before) <= width).then_some(chain)
    }

    /// Nodes in boxes of three rows, or one row each.
    fn laid_out(&self, boxes: bool, look: Look<'_>) -> Layout {
        let (before, behind) = margins(look);
        let frame = if boxes { 4 } else { before + behind };
        let widths = (0..self.dag.nodes.len()).map(|node| self.width(node, look) + frame).collect();
        let (height, gap) = if boxes { (3, 0) } else { (1, 1) };
        layout(self.dag, &Sizes { widths, height, gap })
    }

    /// Rows that it would like to have at `width` columns; 1 for a chain that fits.
    pub fn rows(&self, width: u16, look: Look<'_>) -> usize {
        if self.line(usize::from(width), look).is_some() { 1 } else { self.laid_out(false, look).height }
    }

    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        if let Some(chain) = self.line(usize::from(area.width), look) {
            self.paint_line(&chain, area, buf, look);
            return;
        }
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let boxed = self.laid_out(true, look);
        if boxed.width <= width && boxed.height <= height {
            self.paint_layout(&boxed, true, area, buf, look);
        } else {
            self.paint_layout(&self.laid_out(false, look), false, area, buf, look);
        }
    }

    fn paint_line(&self, chain: &[usize], area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(mut row) = Row::new(buf, area, 0) else { return };
        let (before, behind) = margins(look);
        for (index, node) in chain.iter().enumerate() {
            if index > 0 {
                row.skip(behind);
                row.repeat(look.symbol(Symbol::Horizontal), WIRE, look.style(Role::Edge));
                row.skip(before);
            }
            self.label(*node, &mut row, look);
        }
    }

    fn paint_layout(&self, layout: &Layout, boxes: bool, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let node = self.cursor.and_then(|cursor| layout.nodes.get(cursor));
        let size = (usize::from(area.width), usize::from(area.height));
        let left = node.map_or(0, |n| offset(n.x, n.width, size.0, layout.width));
        let top = node.map_or(0, |n| offset(n.y, n.height, size.1, layout.height));
        let mut wires = Wires::new(left, top, size.0, size.1);
        for route in &layout.routes {
            let is_near = self.cursor.is_some_and(|cursor| route.from == cursor || route.to == cursor);
            wires.route(route, is_near);
        }
        wires.paint(area, buf, look);
        for (index, node) in layout.nodes.iter().enumerate() {
            self.paint_node(index, node, (left, top), boxes, area, buf, look);
        }
        if boxes {
            joints(layout, (left, top), area, buf, look);
        }
        if layout.hidden > 0
            && let Some(mut row) = Row::new(buf, area, area.height - 1)
        {
            row.put(look, &format!("{} edges are not drawn", layout.hidden), look.style(Role::Warn));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one node: which, where in the drawing, where on screen")]
    fn paint_node(
        &self,
        index: usize,
        node: &Placed,
        (left, top): (usize, usize),
        boxes: bool,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
    ) {
        let size = (usize::from(area.width), usize::from(area.height));
        // A node that is cut at the left edge is not drawn: its wires show that there is more.
        let (Some(x), Some(y)) = (node.x.checked_sub(left), node.y.checked_sub(top)) else { return };
        if x >= size.0 || y >= size.1 {
            return;
        }
        let width = node.width.min(size.0 - x);
        let place =
            Rect::new(area.x + x as u16, area.y + y as u16, width as u16, node.height as u16).intersection(area);
        if !boxes {
            if let Some(mut row) = Row::new(buf, place, 0) {
                row.skip(margins(look).0);
                self.label(index, &mut row, look);
            }
            return;
        }
        let focused = self.cursor == Some(index);
        let inside = super::frame::Frame { focused, ..Default::default() }.paint(place, buf, look);
        if let Some(mut row) = Row::new(buf, inside, 0) {
            row.skip(1);
            self.label(index, &mut row, look);
        }
        let state = self.state(index);
        if state.health != Health::Off && !focused {
            frame_tone(place, buf, look.tone(state.health.tone()));
        }
    }
}

/// Joins the edges to the boxes they leave and enter; the frames keep their colours.
fn joints(layout: &Layout, (left, top): (usize, usize), area: Rect, buf: &mut Buffer, look: Look<'_>) {
    let mut joint = |at: Option<(usize, usize)>, symbol: Symbol| {
        let place = at.and_then(|(x, y)| Some((x.checked_sub(left)?, y.checked_sub(top)?)));
        if let Some((x, y)) = place.filter(|(x, y)| *x < usize::from(area.width) && *y < usize::from(area.height)) {
            pen::dot(buf, area, area.x + x as u16, area.y + y as u16, look.symbol(symbol), Style::new());
        }
    };
    for route in &layout.routes {
        joint(route.corners.first().and_then(|(x, y)| Some((x.checked_sub(1)?, *y))), Symbol::Outlet);
        joint(route.corners.last().map(|(x, y)| (x + 1, *y)), Symbol::Tick);
    }
}

/// Gives the frame of a box the tone of its state; the symbol inside says the same without colour.
fn frame_tone(place: Rect, buf: &mut Buffer, style: Style) {
    let edge = |rect: Rect| rect.intersection(place);
    for rect in [
        Rect { height: 1, ..place },
        edge(Rect { y: place.bottom().saturating_sub(1), height: 1, ..place }),
        Rect { width: 1, ..place },
        edge(Rect { x: place.right().saturating_sub(1), width: 1, ..place }),
    ] {
        buf.set_style(rect, style);
    }
}

/// First column (or row) of the view so that `at..at + length` is visible: in steps of half a view, since a shift repaints
/// everything.
fn offset(at: usize, length: usize, view: usize, whole: usize) -> usize {
    let step = (view / 2).max(1);
    let needed = (at + length).saturating_sub(view).div_ceil(step) * step;
    needed.min(at).min(whole.saturating_sub(view))
}

#[cfg(test)]
mod tests {
    use mldeck_core::{graph::Node, text::Text};

    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    fn dag(names: &[&str], edges: &[(usize, usize)]) -> Dag {
        let node = |name: &&str| Node { name: Text::new(name), kind: Text::default() };
        Dag { nodes: names.iter().map(node).collect(), edges: edges.to_vec() }
    }

    const STATES: [State<'static>; 4] = [
        State { health: Health::Ok, note: "6 m" },
        State { health: Health::Ok, note: "31 m" },
        State { health: Health::Bad, note: "2 m" },
        State { health: Health::Off, note: "" },
    ];

    const NAMES: [&str; 4] = ["Preprocess", "Train", "Evaluate", "Register"];

    #[test]
    fn a_chain_is_one_line() {
        let dag = dag(&NAMES, &[(0, 1), (1, 2), (2, 3)]);
        let graph = Graph { dag: &dag, states: &STATES, cursor: Some(1) };
        let drawn = |caps| lines(&painted(80, 1, caps, |area, buf, look| graph.paint(area, buf, look))).remove(0);
        assert_eq!(drawn(UNICODE), "● Preprocess 6 m ──● Train 31 m ──✖ Evaluate 2 m ──○ Register");
        assert_eq!(drawn(ASCII), "* Preprocess 6 m -- * Train 31 m -- x Evaluate 2 m -- - Register");
    }

    #[test]
    fn a_fork_is_drawn_in_boxes_where_they_fit() {
        let dag = dag(&NAMES, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        let graph = Graph { dag: &dag, states: &STATES, cursor: None };
        let drawn =
            |width, height| lines(&painted(width, height, UNICODE, |area, buf, look| graph.paint(area, buf, look)));
        assert_eq!(
            drawn(70, 6),
            [
                "                       ┌──────────────┐",
                "                     ┌─┤ ● Train 31 m ├───┐  ┌────────────┐",
                "┌──────────────────┐ │ └──────────────┘   └┬─┤ ○ Register │",
                "│ ● Preprocess 6 m ├─┤ ┌────────────────┐  │ └────────────┘",
                "└──────────────────┘ └─┤ ✖ Evaluate 2 m ├──┘",
                "                       └────────────────┘",
            ]
        );
        let flat = [
            "                  ┌─● Train 31 m ───┐",
            "● Preprocess 6 m ─┤                 └┬─○ Register",
            "                  └─✖ Evaluate 2 m ──┘",
        ];
        assert_eq!(drawn(70, 3), flat);
    }

    #[test]
    fn the_view_follows_the_cursor() {
        assert_eq!(offset(0, 5, 40, 100), 0);
        assert_eq!(offset(38, 5, 40, 100), 20);
        assert_eq!(offset(90, 10, 40, 100), 60);
        assert_eq!(offset(50, 45, 40, 100), 50);
        let edges: Vec<(usize, usize)> = (0..19).map(|i| (i, i + 1)).collect();
        let names: Vec<String> = (0..20).map(|i| format!("step-{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let dag = dag(&names, &edges);
        for (cursor, name) in names.iter().enumerate() {
            let graph = Graph { dag: &dag, states: &[], cursor: Some(cursor) };
            let drawn = lines(&painted(40, 3, UNICODE, |area, buf, look| graph.paint(area, buf, look))).concat();
            assert!(drawn.contains(name), "{name}: {drawn}");
        }
    }

    #[test]
    fn works_in_any_rectangle() {
        let dag = dag(&NAMES, &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 0), (9, 1)]);
        for cursor in [None, Some(3), Some(99)] {
            everywhere(|area, buf, look| Graph { dag: &dag, states: &STATES, cursor }.paint(area, buf, look));
        }
        everywhere(|area, buf, look| Graph { dag: &Dag::default(), states: &[], cursor: None }.paint(area, buf, look));
    }
}
