//! A painted [`Buffer`] as the fewest bytes that turn the last painted one into it.
//!
//! The painter remembers what the terminal shows: cells, pen, cursor. When none of them differs, it writes nothing at
//! all. Cell diff options (skip, forced width) are for pictures and links inside cells; we draw neither and ignore them.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};

use super::{
    guard,
    sgr::{self, Pen},
};

/// Terminals that know synchronized output show what is between these at once; others ignore them.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[m\x1b[H\x1b[2J";
const ERASE_TO_END: &[u8] = b"\x1b[K";
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";

/// A gap this short is written again rather than jumped over: a jump costs three or four bytes.
const REWRITE: u16 = 3;

/// Column and row from the top left, zero-based.
pub type Position = (u16, u16);

#[derive(Debug, Default)]
pub struct Painter {
    last: Option<Buffer>,
    /// The terminal shows `last`; otherwise the next frame is drawn whole.
    known: bool,
    pen: Option<Pen>,
    /// `None` after the last column and after symbols whose width terminals dispute.
    at: Option<Position>,
    cursor_shown: Option<bool>,
}

impl Painter {
    /// Something else may have written to the terminal: the next frame clears it and draws everything.
    pub fn forget(&mut self) {
        *self = Self { last: self.last.take(), ..Self::default() };
    }

    /// Appends the bytes that make the terminal show `next` with its cursor at `cursor` (`None`: hidden). Gives back
    /// the buffer that `next` replaces, for reuse.
    pub fn paint(&mut self, next: Buffer, cursor: Option<Position>, out: &mut Vec<u8>) -> Option<Buffer> {
        let start = out.len();
        out.extend_from_slice(BEGIN);
        let body = out.len();
        let last = self.last.take();
        match last.as_ref().filter(|last| self.known && last.area == next.area) {
            Some(last) => self.diff(last, &next, out),
            None => {
                out.extend_from_slice(CLEAR);
                self.pen = Some(Pen::PLAIN);
                self.at = Some((0, 0));
                self.diff(&Buffer::empty(next.area), &next, out);
            }
        }
        if out.len() == body {
            // A cursor alone needs no bracket.
            out.truncate(start);
            self.place(cursor, next.area, out);
        } else {
            self.place(cursor, next.area, out);
            out.extend_from_slice(END);
        }
        self.known = true;
        self.last = Some(next);
        last
    }

    /// Draws the last frame again, whole.
    pub fn again(&mut self, cursor: Option<Position>, out: &mut Vec<u8>) {
        self.known = false;
        if let Some(last) = self.last.take() {
            self.paint(last, cursor, out);
        }
    }

    fn diff(&mut self, last: &Buffer, next: &Buffer, out: &mut Vec<u8>) {
        let width = usize::from(next.area.width);
        if width == 0 {
            return;
        }
        let rows = last.content.chunks_exact(width).zip(next.content.chunks_exact(width));
        for (y, (old, new)) in (0_u16..).zip(rows) {
            if old != new {
                self.diff_row(y, old, new, out);
            }
        }
    }

    fn diff_row(&mut self, y: u16, old: &[Cell], new: &[Cell], out: &mut Vec<u8>) {
        let tail = blank_tail(new);
        // Where the next symbol of the old row starts: the second column of a wide one is no start.
        let mut lead = 0;
        let mut x = 0;
        while x < new.len() {
            let symbol = new[x].symbol();
            let (text, width) = fitted(symbol, new.len() - x);
            let mut unchanged = false;
            while lead <= x {
                let before = old[lead].symbol();
                unchanged = lead == x && is_equal(before, symbol) && alike(&old[x], &new[x], symbol);
                lead += usize::from(fitted(before, old.len() - lead).1);
            }
            if !unchanged {
                if x >= tail && self.erase(x, y, &old[x..], out) {
                    return;
                }
                self.approach(column(x), y, new, out);
                self.draw(&new[x], text, width, new.len(), out);
            }
            x += usize::from(width);
        }
    }

    /// Erases from `x` to the end of the row when that is shorter than drawing blanks. Only ever with the plain pen:
    /// terminals disagree whether erasing keeps the background.
    fn erase(&mut self, x: usize, y: u16, old: &[Cell], out: &mut Vec<u8>) -> bool {
        let changed = blank_tail(old);
        if changed <= ERASE_TO_END.len() {
            return false;
        }
        self.go(column(x), y, out);
        self.set_pen(Pen::PLAIN, out);
        out.extend_from_slice(ERASE_TO_END);
        true
    }

    fn draw(&mut self, cell: &Cell, text: &str, width: u16, columns: usize, out: &mut Vec<u8>) {
        let pen = match self.pen {
            Some(pen) if text == " " => pen.for_blank(cell),
            _ => Pen::of(cell),
        };
        self.set_pen(pen, out);
        out.extend_from_slice(text.as_bytes());
        // Behind the last column terminals wait with the wrap, and many draw clusters wider or narrower than their
        // neighbours do: both times the next move is an absolute one.
        let sure = width == 1 && (text.len() == 1 || text.chars().nth(1).is_none());
        self.at = self.at.map(|(x, y)| (x + width, y)).filter(|&(x, _)| sure && usize::from(x) < columns);
    }

    fn set_pen(&mut self, pen: Pen, out: &mut Vec<u8>) {
        match self.pen {
            Some(have) => have.change(pen, out),
            None => {
                out.extend_from_slice(b"\x1b[m");
                Pen::PLAIN.change(pen, out);
            }
        }
        self.pen = Some(pen);
    }

    /// Goes to `x` in the row `new`, over a short gap by writing its cells again.
    fn approach(&mut self, x: u16, y: u16, new: &[Cell], out: &mut Vec<u8>) {
        if let Some((from, row)) = self.at
            && row == y
            && from < x
            && x - from <= REWRITE
            // The real cursor may have been put on the second column of a wide symbol.
            && (from == 0 || fitted(new[usize::from(from) - 1].symbol(), 2).1 == 1)
        {
            let gap = &new[usize::from(from)..usize::from(x)];
            let plain = |cell: &Cell| {
                matches!(cell.symbol().as_bytes(), [b' '..=b'~'])
                    && self
                        .pen
                        .is_some_and(|pen| pen == Pen::of(cell) || cell.symbol() == " " && pen == pen.for_blank(cell))
            };
            if gap.iter().all(plain) {
                out.extend(gap.iter().flat_map(|cell| cell.symbol().bytes()));
                self.at = Some((x, y));
                return;
            }
        }
        self.go(x, y, out);
    }

    /// The shortest move to a place.
    fn go(&mut self, x: u16, y: u16, out: &mut Vec<u8>) {
        let step = |n: u16, to: u8, out: &mut Vec<u8>| {
            out.extend_from_slice(b"\x1b[");
            if n != 1 {
                sgr::number(n, out);
            }
            out.push(to);
        };
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => step(x - from, b'C', out),
            Some((from, row)) if row == y && x > 0 && from - x < 10 => step(from - x, b'D', out),
            Some((_, row)) if row == y => step(x + 1, b'G', out),
            Some((from, row)) if from == x && row < y => step(y - row, b'B', out),
            Some((from, row)) if from == x => step(row - y, b'A', out),
            _ if x == 0 => step(y + 1, b'H', out),
            _ => {
                out.extend_from_slice(b"\x1b[");
                sgr::number(y + 1, out);
                out.push(b';');
                sgr::number(x + 1, out);
                out.push(b'H');
            }
        }
        self.at = Some((x, y));
    }

    fn place(&mut self, cursor: Option<Position>, area: Rect, out: &mut Vec<u8>) {
        let inside = cursor.filter(|&(x, y)| x < area.width && y < area.height);
        if let Some((x, y)) = inside {
            self.go(x, y, out);
        }
        if self.cursor_shown != Some(inside.is_some()) {
            out.extend_from_slice(if inside.is_some() { SHOW_CURSOR } else { HIDE_CURSOR });
            self.cursor_shown = Some(inside.is_some());
        }
    }
}

/// What is sent for a symbol with `room` columns left; a wide one that does not fit becomes a visible mark.
#[inline]
fn fitted(symbol: &str, room: usize) -> (&str, u16) {
    // Ten thousand cells a frame, nearly all of them one plain character.
    if let [b' '..=b'~'] = symbol.as_bytes() {
        return (symbol, 1);
    }
    let (text, width) = guard::symbol(symbol);
    if usize::from(width) > room { (guard::REPLACEMENT, 1) } else { (text, width) }
}

/// `==`, for the usual pair without a call to compare memory.
#[inline]
fn is_equal(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([a], [b]) => a == b,
        (a, b) => a == b,
    }
}

/// Two cells with the same symbol are equal to the eye.
fn alike(a: &Cell, b: &Cell, symbol: &str) -> bool {
    let (a, b) = (Pen::of(a), Pen::of(b));
    a == b || symbol == " " && Pen::PLAIN.for_blank_of(a) == Pen::PLAIN.for_blank_of(b)
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && alike(cell, &Cell::EMPTY, " ")
}

/// The column from which on a row holds nothing but plain blanks.
fn blank_tail(row: &[Cell]) -> usize {
    row.iter().rposition(|cell| !is_blank(cell)).map_or(0, |n| n + 1)
}

/// Buffers are at most `u16` wide.
fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
