//! Light frames: a titled box and a rule.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, Symbol, pen, pen::Row};
use crate::theme::Role;

/// A box of single lines with a title on its upper edge.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    pub title: &'a str,
    /// At the right end of the upper edge.
    pub note: &'a str,
    pub focused: bool,
}

impl Frame<'_> {
    /// Draws the box and returns what is inside it.
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Rect {
        let style = look.style(if self.focused { Role::EdgeFocus } else { Role::Edge });
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let inside = usize::from(area.width) - 2;
        if let Some(mut row) = Row::new(buf, area, 0) {
            row.repeat(look.symbol(Symbol::TopLeft), 1, style);
            titled(&mut row, inside, self.title, self.note, look, style);
            row.repeat(look.symbol(Symbol::TopRight), 1, style);
        }
        for y in 1..area.height - 1 {
            pen::dot(buf, area, area.x, area.y + y, look.symbol(Symbol::Vertical), style);
            pen::dot(buf, area, area.right() - 1, area.y + y, look.symbol(Symbol::Vertical), style);
        }
        if let Some(mut row) = Row::new(buf, area, area.height - 1) {
            row.repeat(look.symbol(Symbol::BottomLeft), 1, style);
            row.repeat(look.symbol(Symbol::Horizontal), inside, style);
            row.repeat(look.symbol(Symbol::BottomRight), 1, style);
        }
        Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
    }
}

/// `columns` columns of an upper edge: ` title ───── note `.
pub(super) fn titled(
    row: &mut Row<'_>,
    columns: usize,
    title: &str,
    note: &str,
    look: Look<'_>,
    style: ratatui::style::Style,
) {
    let line = look.symbol(Symbol::Horizontal);
    let end = usize::from(row.x()) + columns.min(row.left());
    let left = |row: &Row<'_>| end.saturating_sub(usize::from(row.x()));
    if !title.is_empty() && columns > 4 {
        row.skip(1);
        row.put_within(look, title, left(row).saturating_sub(2), look.style(Role::Strong));
        row.skip(1);
    }
    let wide = pen::width(&pen::shown(look, note)) + 2;
    if note.is_empty() || left(row) < wide + 1 {
        row.repeat(line, left(row), style);
    } else {
        row.repeat(line, left(row) - wide, style);
        row.skip(1);
        row.put_within(look, note, wide - 2, look.style(Role::Dim));
        row.skip(1);
    }
}

/// A line across the first row of `area`, with a title when there is one.
pub fn rule(title: &str, area: Rect, buf: &mut Buffer, look: Look<'_>) {
    if let Some(mut row) = Row::new(buf, area, 0) {
        let style = look.style(Role::Edge);
        let columns = row.left();
        if title.is_empty() {
            row.repeat(look.symbol(Symbol::Horizontal), columns, style);
        } else {
            row.repeat(look.symbol(Symbol::Horizontal), 1, style);
            titled(&mut row, columns - 1, title, "", look, style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    #[test]
    fn a_box_carries_its_title_and_note() {
        let frame = Frame { title: "5xx %", note: "live", focused: false };
        let drawn = |caps| {
            lines(&painted(22, 3, caps, |area, buf, look| {
                assert_eq!(frame.paint(area, buf, look), Rect::new(1, 1, 20, 1));
            }))
        };
        assert_eq!(drawn(UNICODE), ["┌ 5xx % ─────── live ┐", "│                    │", "└────────────────────┘"]);
        assert_eq!(drawn(ASCII), ["+ 5xx % ------- live +", "|                    |", "+--------------------+"]);
    }

    #[test]
    fn a_rule_crosses_the_screen() {
        let drawn = |title| lines(&painted(10, 1, UNICODE, |area, buf, look| rule(title, area, buf, look))).remove(0);
        assert_eq!(drawn(""), "──────────");
        assert_eq!(drawn("calls"), "─ calls ──");
    }

    #[test]
    fn works_in_any_rectangle() {
        everywhere(|area, buf, look| {
            Frame { title: "a title that is long", note: "and a note", focused: true }.paint(area, buf, look);
        });
        everywhere(|area, buf, look| rule("title", area, buf, look));
    }
}
