//! A text to read and scroll: help, a plan, raw JSON.

use mldeck_core::column::Tone;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, pen, pen::Row, wrap};

/// One line of differently toned pieces. The text must be safe to draw, as [`mldeck_core::text::Text`] is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub spans: Vec<(String, Tone)>,
    /// Columns that continued rows are indented by.
    pub hang: usize,
}

impl Line {
    pub fn new(text: impl Into<String>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { spans: vec![(text.into(), tone)], hang: 0 }
    }

    #[must_use]
    pub fn and(mut self, text: impl Into<String>, tone: Tone) -> Self {
        self.spans.push((text.into(), tone));
        self
    }

    #[must_use]
    pub fn hang(mut self, columns: usize) -> Self {
        self.hang = columns;
        self
    }

    fn length(&self) -> usize {
        self.spans.iter().map(|(text, _)| text.len()).sum()
    }

    fn is_ascii(&self) -> bool {
        self.spans.iter().all(|(text, _)| text.is_ascii())
    }

    /// Bytes of a first span that fills the hang: a label, beside which the other spans wrap. Else the whole line wraps,
    /// at one width for all its rows.
    fn label(&self) -> usize {
        match self.spans.as_slice() {
            [(label, _), _, ..] if self.hang > 0 && pen::width(label) == self.hang => label.len(),
            _ => 0,
        }
    }

    /// The joined text and the columns of its rows. Continued rows are narrower by the hang, and so is the first without a
    /// label: one count for the whole line keeps the right edge straight.
    fn joined(&self, width: usize) -> (String, usize) {
        let joined: String = self.spans.iter().map(|(text, _)| text.as_str()).collect();
        (joined, width.saturating_sub(self.hang).max(1))
    }

    fn count(&self, width: usize) -> usize {
        if width == 0 {
            return 0;
        }
        if self.length() <= width && self.is_ascii() {
            return 1;
        }
        let (joined, columns) = self.joined(width);
        if pen::width(&joined) <= width { 1 } else { wrap::count(&joined[self.label()..], columns) }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Doc<'a> {
    pub lines: &'a [Line],
    /// Rows scrolled away, counted after wrapping.
    pub top: usize,
}

/// Rows that `lines` take at `width` columns: `rows - height` is how far one can scroll.
pub fn rows(lines: &[Line], width: u16) -> usize {
    lines.iter().map(|line| line.count(usize::from(width))).sum()
}

impl Doc<'_> {
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let width = usize::from(area.width);
        let mut hidden = self.top;
        let mut y = 0;
        for line in self.lines {
            if y >= area.height {
                return;
            }
            let count = line.count(width);
            if hidden >= count {
                hidden -= count;
                continue;
            }
            if count == 1 {
                put(line, 0..line.length(), 0, Row::new(buf, area, y), look);
                y += 1;
                continue;
            }
            let (joined, columns) = line.joined(width);
            let label = line.label();
            for (index, range) in wrap::wrap(&joined[label..], columns).enumerate().skip(hidden) {
                let (start, indent) = if index == 0 { (0, 0) } else { (label + range.start, line.hang) };
                put(line, start..label + range.end, indent, Row::new(buf, area, y), look);
                y += 1;
            }
            hidden = 0;
        }
    }
}

/// Draws the bytes `range` of the joined spans.
fn put(line: &Line, range: std::ops::Range<usize>, indent: usize, row: Option<Row<'_>>, look: Look<'_>) {
    let Some(mut row) = row else { return };
    row.skip(indent);
    let mut start = 0;
    for (text, tone) in &line.spans {
        let end = start + text.len();
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to
            && let Some(piece) = text.get(from - start..to - start)
        {
            row.put(look, piece, look.tone(*tone));
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::*;
    use crate::widgets::testing::{UNICODE, everywhere, lines, painted};

    fn text() -> Vec<Line> {
        vec![
            Line::toned("stop", Tone::Strong),
            Line::new("  B again ")
                .and("aborts", Tone::Bad)
                .and(" until the old fleet is terminated", Tone::Plain)
                .hang(2),
            Line::new(""),
            Line::new("end → done"),
        ]
    }

    #[test]
    fn long_lines_wrap_and_keep_their_tones() {
        let text = text();
        let doc = Doc { lines: &text, top: 0 };
        let buf = painted(22, 8, UNICODE, |area, buf, look| doc.paint(area, buf, look));
        let want = ["stop", "  B again aborts", "  until the old fleet", "  is terminated", "", "end → done", "", ""];
        assert_eq!(lines(&buf), want);
        assert_eq!(buf[(10, 1)].fg, Color::Red);
        assert_eq!(buf[(2, 1)].fg, Color::Reset);
        assert_eq!(rows(&text, 22), 6);
    }

    #[test]
    fn text_beside_a_label_has_all_the_room_that_is_left() {
        let text = [Line::toned("stop  ", Tone::Dim)
            .and("B aborts until the", Tone::Plain)
            .and(" fleet is gone", Tone::Bad)
            .hang(6)];
        let buf = painted(20, 4, UNICODE, |area, buf, look| Doc { lines: &text, top: 0 }.paint(area, buf, look));
        assert_eq!(lines(&buf), ["stop  B aborts until", "      the fleet is", "      gone", ""]);
        assert_eq!((rows(&text, 20), buf[(10, 1)].fg), (3, Color::Red));
    }

    #[test]
    fn scrolling_counts_wrapped_rows() {
        let text = text();
        for top in 0..7 {
            let doc = Doc { lines: &text, top };
            let whole =
                lines(&painted(22, 8, UNICODE, |area, buf, look| Doc { lines: &text, top: 0 }.paint(area, buf, look)));
            let part = lines(&painted(22, 3, UNICODE, |area, buf, look| doc.paint(area, buf, look)));
            let mut want = whole[top..].to_vec();
            want.resize(3, String::new());
            assert_eq!(part, want, "top {top}");
        }
    }

    #[test]
    fn works_in_any_rectangle() {
        let text = text();
        everywhere(|area, buf, look| Doc { lines: &text, top: 1 }.paint(area, buf, look));
    }
}
