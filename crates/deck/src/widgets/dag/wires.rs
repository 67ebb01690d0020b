//! Edges as lines of box characters.

use mldeck_core::graph::Route;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    theme::Role,
    widgets::{Look, Symbol, pen},
};

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// By the directions that lines leave a cell in.
const UNICODE: [&str; 16] = [" ", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼"];
const ASCII: [&str; 16] = [" ", "|", "|", "|", "-", "+", "+", "+", "-", "+", "+", "+", "-", "+", "+", "+"];

/// The lines inside a view of the drawing.
pub(super) struct Wires {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    bits: u8,
    /// The edge that drew here first, by where it comes from and goes to.
    ends: Option<(usize, usize)>,
    /// Two edges that have no end in common pass over each other.
    crossed: bool,
    near: bool,
    back: bool,
}

impl Wires {
    pub(super) fn new(left: usize, top: usize, width: usize, height: usize) -> Self {
        Self { left, top, width, height, cells: vec![Cell::default(); width * height] }
    }

    /// Adds one edge; `near` ones are drawn brighter.
    pub(super) fn route(&mut self, route: &Route, near: bool) {
        for (index, leg) in route.corners.windows(2).enumerate() {
            let last = index + 2 == route.corners.len();
            let ((x0, y0), (x1, y1)) = (leg[0], leg[1]);
            if y0 == y1 {
                for x in x0..=x1 {
                    // The outer ends lead into the nodes.
                    let left = if x > x0 || index == 0 { LEFT } else { 0 };
                    let right = if x < x1 || last { RIGHT } else { 0 };
                    self.add(x, y0, left | right, route, near);
                }
            } else {
                for y in y0.min(y1)..=y0.max(y1) {
                    let up = if y > y0.min(y1) { UP } else { 0 };
                    let down = if y < y0.max(y1) { DOWN } else { 0 };
                    self.add(x0, y, up | down, route, near);
                }
            }
        }
        if let (true, Some((x, y))) = (route.turned, route.corners.first())
            && let Some(cell) = self.cell(*x, *y)
        {
            cell.back = true;
        }
    }

    fn cell(&mut self, x: usize, y: usize) -> Option<&mut Cell> {
        let (x, y) = (x.checked_sub(self.left)?, y.checked_sub(self.top)?);
        if x < self.width && y < self.height { self.cells.get_mut(y * self.width + x) } else { None }
    }

    fn add(&mut self, x: usize, y: usize, bits: u8, route: &Route, near: bool) {
        let ends = (route.from, route.to);
        if let Some(cell) = self.cell(x, y) {
            let is_other = cell.ends.is_some_and(|(from, to)| from != ends.0 && to != ends.1);
            cell.crossed |= is_other && (cell.bits | bits) == UP | DOWN | LEFT | RIGHT;
            cell.ends.get_or_insert(ends);
            cell.bits |= bits;
            cell.near |= near;
        }
    }

    pub(super) fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let table = if look.caps.unicode { &UNICODE } else { &ASCII };
        for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| cell.bits != 0) {
            let symbol = if cell.back {
                look.symbol(Symbol::Back)
            } else if cell.crossed {
                // One passes under the other: a cross would read as a joint.
                table[usize::from(UP | DOWN)]
            } else {
                table[usize::from(cell.bits)]
            };
            let style = look.style(if cell.near { Role::EdgeFocus } else { Role::Edge });
            let (x, y) = (area.x + (index % self.width) as u16, area.y + (index / self.width) as u16);
            pen::dot(buf, area, x, y, symbol, style);
        }
    }
}
