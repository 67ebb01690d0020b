//! A bitmap finer than the cells: eight braille dots in each, or three heights in ASCII. Each cell has one owner, whose
//! colour it takes; what lies under it keeps its dots.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::pen;

/// Dots of all owners over `width` × `height` cells.
#[derive(Clone, Debug)]
pub struct Dots {
    width: usize,
    height: usize,
    unicode: bool,
    /// Dots of each cell, and who drew there last.
    cells: Vec<(u8, u8)>,
}

/// Bits of a braille cell by row and column.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// ASCII cells by which of their three heights are set: bit 0 the upper, bit 2 the lower.
const ASCII: [&str; 8] = [" ", "'", "-", "'", ".", ":", ".", "|"];

impl Dots {
    pub fn new(width: u16, height: u16, unicode: bool) -> Self {
        let (width, height) = (usize::from(width), usize::from(height));
        Self { width, height, unicode, cells: vec![(0, 0); width * height] }
    }

    /// Dots across.
    pub const fn columns(&self) -> usize {
        self.width * if self.unicode { 2 } else { 1 }
    }

    /// Dots from top to bottom.
    pub const fn rows(&self) -> usize {
        self.height * if self.unicode { 4 } else { 3 }
    }

    /// The cell column of a dot column.
    pub const fn cell_column(&self, x: usize) -> usize {
        if self.unicode { x / 2 } else { x }
    }

    /// The cell row of a dot row.
    pub const fn cell_row(&self, y: usize) -> usize {
        y / if self.unicode { 4 } else { 3 }
    }

    /// Sets one dot; outside the bitmap nothing happens.
    pub fn set(&mut self, x: usize, y: usize, owner: u8) {
        if x >= self.columns() || y >= self.rows() {
            return;
        }
        let bit = if self.unicode { BRAILLE[y % 4][x % 2] } else { 1 << (y % 3) };
        let index = self.cell_row(y) * self.width + self.cell_column(x);
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = (cell.0 | bit, owner);
        }
    }

    /// A straight line, both ends included.
    pub fn line(&mut self, from: (usize, usize), to: (usize, usize), owner: u8) {
        let (dx, dy) = (from.0.abs_diff(to.0), from.1.abs_diff(to.1));
        let steps = dx.max(dy);
        let between = |a: usize, b: usize, i: usize| {
            let moved = (a.abs_diff(b) * i * 2 + steps) / (steps * 2).max(1);
            if a <= b { a + moved } else { a - moved }
        };
        for i in 0..=steps {
            self.set(between(from.0, to.0, i), between(from.1, to.1, i), owner);
        }
    }

    /// Who owns the cell; `None` when it has no dots.
    pub fn owner(&self, column: usize, row: usize) -> Option<u8> {
        if column >= self.width {
            return None;
        }
        self.cells.get(row * self.width + column).filter(|(bits, _)| *bits != 0).map(|(_, owner)| *owner)
    }

    /// Draws the cells that have dots, from the upper left of `area`.
    pub fn paint(&self, area: Rect, buf: &mut Buffer, style: impl Fn(u8) -> Style) {
        if self.width == 0 {
            return;
        }
        for (y, row) in (0..area.height).zip(self.cells.chunks(self.width)) {
            for (x, (bits, owner)) in (0..area.width).zip(row) {
                if *bits == 0 {
                    continue;
                }
                let mut utf8 = [0; 4];
                let symbol = if self.unicode {
                    char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ').encode_utf8(&mut utf8)
                } else {
                    ASCII[usize::from(*bits & 7)]
                };
                pen::dot(buf, area, area.x + x, area.y + y, symbol, style(*owner));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::widgets::testing::{UNICODE, lines, painted};

    #[test]
    fn lines_are_drawn_in_dots() {
        let drawn = |unicode| {
            let mut dots = Dots::new(4, 2, unicode);
            let (right, bottom) = (dots.columns() - 1, dots.rows() - 1);
            dots.line((0, bottom), (right, 0), 0);
            lines(&painted(4, 2, UNICODE, |area, buf, _| dots.paint(area, buf, |_| Style::new())))
        };
        assert_eq!(drawn(true), ["  ⡠⠊", "⡠⠊"]);
        assert_eq!(drawn(false), ["  .'", ".'"]);
    }

    #[test]
    fn the_last_owner_gives_the_colour_and_all_dots_stay() {
        let mut dots = Dots::new(2, 1, true);
        dots.set(0, 0, 1);
        dots.set(1, 3, 2);
        dots.set(99, 0, 3);
        let buf = painted(2, 1, UNICODE, |area, buf, _| {
            dots.paint(area, buf, |owner| Style::new().fg(if owner == 2 { Color::Red } else { Color::Green }));
        });
        assert_eq!((buf[(0, 0)].symbol(), buf[(0, 0)].fg), ("⢁", Color::Red));
        assert_eq!(
            (dots.owner(0, 0), dots.owner(1, 0), dots.owner(2, 0), dots.owner(0, 9)),
            (Some(2), None, None, None)
        );
    }

    #[test]
    fn an_empty_bitmap_paints_nothing() {
        let mut dots = Dots::new(0, 0, true);
        dots.line((0, 0), (5, 5), 0);
        assert_eq!(lines(&painted(3, 1, UNICODE, |area, buf, _| dots.paint(area, buf, |_| Style::new()))), [""]);
    }
}
