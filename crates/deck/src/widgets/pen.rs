//! Text into cells: bounded, cut by display width, filtered by the buffer's own text path.

use std::borrow::Cow;

use mldeck_core::text::is_narrow;
use ratatui::{
    buffer::{Buffer, CellWidth},
    layout::Rect,
    style::Style,
};
use unicode_segmentation::UnicodeSegmentation;

use super::{Look, Symbol, symbols};

/// Columns that one grapheme takes; none when the buffer would refuse it.
pub fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) }
}

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    if text.chars().all(is_narrow) {
        return text.chars().count();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// The longest beginning of `text` that takes at most `columns` columns.
pub fn beginning(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return text.get(..columns).unwrap_or(text);
    }
    let mut left = columns;
    for (at, grapheme) in text.grapheme_indices(true) {
        match left.checked_sub(grapheme_width(grapheme)) {
            Some(rest) => left = rest,
            None => return &text[..at],
        }
    }
    text
}

/// `text` in the characters this terminal has.
pub fn shown<'a>(look: Look<'_>, text: &'a str) -> Cow<'a, str> {
    if look.caps.unicode { Cow::Borrowed(text) } else { symbols::ascii(text) }
}

/// Writes `text` from one cell on, over at most `columns` of them, and returns where it ended. Outside of the buffer
/// nothing is written.
pub fn write(buf: &mut Buffer, (x, y): (u16, u16), text: &str, columns: usize, style: Style) -> u16 {
    if !text.chars().all(is_narrow) {
        return buf.set_stringn(x, y, text, columns, style).0;
    }
    // Most text is plain. A character then is a cell, and the search for grapheme clusters, which takes longer than all
    // else in a frame, would find that.
    let area = buf.area;
    if !area.contains((x, y).into()) {
        return x;
    }
    let from = buf.index_of(x, y);
    let room = columns.min(usize::from(area.right() - x));
    let mut end = x;
    for (cell, c) in buf.content[from..from + room].iter_mut().zip(text.chars()) {
        #[expect(clippy::disallowed_methods, reason = "a cell each: there is nothing to filter")]
        cell.set_char(c).set_style(style);
        end += 1;
    }
    end
}

/// One row of a rectangle as a place to write from left to right.
#[derive(Debug)]
pub struct Row<'a> {
    buf: &'a mut Buffer,
    x: u16,
    end: u16,
    y: u16,
}

impl<'a> Row<'a> {
    /// Row `index` of `area`; `None` when it is not inside the area and the buffer.
    pub fn new(buf: &'a mut Buffer, area: Rect, index: u16) -> Option<Self> {
        let area = area.intersection(buf.area);
        (index < area.height && area.width > 0).then(|| Self { buf, x: area.x, end: area.right(), y: area.y + index })
    }

    /// Columns that are left.
    pub const fn left(&self) -> usize {
        self.end.saturating_sub(self.x) as usize
    }

    pub const fn x(&self) -> u16 {
        self.x
    }

    /// Moves on by `columns` without writing.
    pub fn skip(&mut self, columns: usize) {
        self.x = self.x.saturating_add(u16::try_from(columns).unwrap_or(u16::MAX)).min(self.end);
    }

    /// Writes `text`; what does not fit ends in an ellipsis.
    pub fn put(&mut self, look: Look<'_>, text: &str, style: Style) {
        self.put_within(look, text, self.left(), style);
    }

    /// Writes `text` in at most `columns` columns, and returns how many it took.
    pub fn put_within(&mut self, look: Look<'_>, text: &str, columns: usize, style: Style) -> usize {
        let columns = columns.min(self.left());
        let text = shown(look, text);
        let fits = text.len() <= columns && text.is_ascii() || width(&text) <= columns;
        let start = self.x;
        if fits {
            self.raw(&text, columns, style);
        } else if columns > 0 {
            self.raw(beginning(&text, columns - 1), columns - 1, style);
            self.raw(look.symbol(Symbol::Ellipsis), 1, style);
        }
        usize::from(self.x - start)
    }

    /// Writes `text` so that it ends `columns` columns further on, and moves there.
    pub fn put_right(&mut self, look: Look<'_>, text: &str, columns: usize, style: Style) {
        let columns = columns.min(self.left());
        let end = self.x + u16::try_from(columns).unwrap_or(0);
        self.skip(columns.saturating_sub(width(&shown(look, text))));
        self.put_within(look, text, usize::from(end - self.x), style);
        self.x = end;
    }

    /// Writes `text` in a field of `columns` columns.
    pub fn put_left(&mut self, look: Look<'_>, text: &str, columns: usize, style: Style) {
        let columns = columns.min(self.left());
        let taken = self.put_within(look, text, columns, style);
        self.skip(columns - taken);
    }

    /// Writes one symbol of ours `count` times.
    pub fn repeat(&mut self, symbol: &str, count: usize, style: Style) {
        for _ in 0..count.min(self.left()) {
            self.raw(symbol, 1, style);
        }
    }

    /// Restyles the next `columns` columns without changing their text or moving on.
    pub fn restyle(&mut self, columns: usize, style: Style) {
        let columns = u16::try_from(columns.min(self.left())).unwrap_or(0);
        self.buf.set_style(Rect::new(self.x, self.y, columns, 1), style);
    }

    fn raw(&mut self, text: &str, columns: usize, style: Style) {
        if self.left() > 0 && columns > 0 {
            self.x = write(self.buf, (self.x, self.y), text, columns, style);
        }
    }
}

/// Writes one symbol of ours into one cell, when that cell exists.
pub fn dot(buf: &mut Buffer, area: Rect, x: u16, y: u16, symbol: &str, style: Style) {
    if area.intersection(buf.area).contains((x, y).into()) {
        write(buf, (x, y), symbol, 1, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, lines, painted};

    #[test]
    fn text_is_cut_by_display_width() {
        let cut = |text: &str, columns| {
            let buf = painted(12, 1, UNICODE, |area, buf, look| {
                Row::new(buf, area, 0).unwrap().put_within(look, text, columns, Style::new());
            });
            lines(&buf).remove(0)
        };
        assert_eq!(cut("fraud-prod", 10), "fraud-prod");
        assert_eq!(cut("fraud-prod", 6), "fraud…");
        assert_eq!(cut("日本語名", 8), "日本語名");
        assert_eq!(cut("日本語名", 6), "日本…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 3), "e\u{301}e\u{301}e\u{301}");
    }

    #[test]
    fn symbols_of_ours_take_the_short_way() {
        for symbol in Symbol::ALL {
            assert!(symbol.text(true).chars().all(is_narrow), "{symbol:?}");
        }
    }

    #[test]
    fn right_aligned_text_ends_where_it_should() {
        let buf = painted(10, 1, ASCII, |area, buf, look| {
            let mut row = Row::new(buf, area, 0).unwrap();
            row.put_right(look, "1 840", 7, Style::new());
            row.put(look, "→…", Style::new());
        });
        assert_eq!(lines(&buf), ["  1 840->~"]);
    }

    #[test]
    fn control_characters_do_not_reach_a_cell() {
        let buf = painted(8, 1, UNICODE, |area, buf, look| {
            Row::new(buf, area, 0).unwrap().put(look, "a\u{1b}[2Jb", Style::new());
        });
        assert_eq!(lines(&buf), ["a[2Jb"]);
    }

    #[test]
    fn rows_outside_do_not_exist() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 2));
        assert!(Row::new(&mut buf, Rect::new(0, 0, 4, 9), 2).is_none());
        assert!(Row::new(&mut buf, Rect::new(4, 0, 4, 2), 0).is_none());
        assert!(Row::new(&mut buf, Rect::new(0, 0, 0, 2), 0).is_none());
    }
}
