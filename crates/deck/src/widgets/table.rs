//! A window of rows. Cells are asked for visible rows only, and widths are integers from the columns' own policy.
//!
//! A cursor that moves by one row changes its mark and the first column: a whole row in another background would be a
//! thousand bytes over a slow link for every key.

mod widths;

use mldeck_core::{
    column::{Align, Cell, Width},
    health::Health,
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Look, Symbol, pen, pen::Row as Line, spark};
use crate::theme::Role;

/// Head of a column.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub text: &'a str,
    pub width: Width,
    pub align: Align,
}

/// One row as it is to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    pub health: Option<Health>,
    pub marked: bool,
    /// Shown, but no longer certain: drawn dim.
    pub stale: bool,
    pub cells: Vec<Cell<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    pub heads: &'a [Head<'a>],
    /// How many rows there are in all.
    pub rows: usize,
    /// The first row shown; see [`super::follow`] with [`height`].
    pub top: usize,
    pub cursor: Option<usize>,
    /// Column that the rows are sorted by, and whether largest first.
    pub sort: Option<(usize, bool)>,
    /// Keys go here; otherwise the cursor is drawn dim.
    pub focused: bool,
}

/// Cursor, health, mark.
const GUTTER: u16 = 3;
/// Free columns between two columns.
const GAP: u16 = 2;
/// A curve in a cell is at most this wide.
const SPARK: usize = 8;

/// Rows that fit below the head.
pub const fn height(area: Rect) -> usize {
    area.height.saturating_sub(1) as usize
}

impl Table<'_> {
    /// Draws the head and the visible rows; `row` is asked for those only, in order.
    pub fn paint<'a>(&self, mut row: impl FnMut(usize) -> Row<'a>, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let area = area.intersection(buf.area);
        let end = self.rows.min(self.top.saturating_add(height(area)));
        let rows: Vec<Row<'a>> = (self.top.min(end)..end).map(&mut row).collect();
        let widths = self.widths(&rows, area, look);
        self.head(&widths, area, buf, look);
        for (line, (index, row)) in (1u16..).zip((self.top..).zip(&rows)) {
            if let Some(mut line) = Line::new(buf, area, line) {
                self.row(index, row, &widths, &mut line, look);
            }
        }
    }

    fn widths(&self, rows: &[Row<'_>], area: Rect, look: Look<'_>) -> Vec<u16> {
        let natural = |index: usize, head: &Head<'_>| {
            let Width::Fit { max, .. } = head.width else { return 0 };
            let cells = rows.iter().filter_map(|row| row.cells.get(index));
            let widest = cells.map(|cell| cell_width(cell, look)).max().unwrap_or(0).max(head_width(head, look));
            u16::try_from(widest).unwrap_or(max)
        };
        let wanted = self.heads.iter().enumerate().map(|(index, head)| {
            let wanted = natural(index, head);
            // The arrow of the sorted column must not push its head out.
            (
                head.width,
                if self.sort.is_some_and(|(by, _)| by == index) { wanted.max(arrow_width(head, look)) } else { wanted },
            )
        });
        widths::widths(wanted, area.width.saturating_sub(GUTTER), GAP)
    }

    fn head(&self, widths: &[u16], area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(mut line) = Line::new(buf, area, 0) else { return };
        line.skip(usize::from(GUTTER));
        for (index, (head, width)) in self.heads.iter().zip(widths).enumerate() {
            let arrow = match self.sort {
                Some((by, descending)) if by == index => {
                    look.symbol(if descending { Symbol::Descending } else { Symbol::Ascending })
                }
                _ => "",
            };
            let width = usize::from(*width);
            let text = pen::width(head.text).min(width.saturating_sub(arrow.chars().count()));
            let free = width - text - arrow.chars().count().min(width);
            let style = look.style(Role::Head);
            line.skip(if head.align == Align::Right { free } else { 0 });
            line.put_within(look, head.text, text, style);
            line.put_within(look, arrow, width - text, look.style(Role::Accent));
            line.skip(usize::from(GAP) + if head.align == Align::Right { 0 } else { free });
        }
    }

    fn row(&self, index: usize, row: &Row<'_>, widths: &[u16], line: &mut Line<'_>, look: Look<'_>) {
        let at_cursor = self.cursor == Some(index);
        let mark = if at_cursor { look.symbol(Symbol::Cursor) } else { "" };
        line.put_left(look, mark, 1, look.style(if self.focused { Role::Accent } else { Role::Dim }));
        let health = row.health.map_or("", |health| look.health(health));
        line.put_left(look, health, 1, row.health.map_or_else(Style::new, |health| look.tone(health.tone())));
        line.put_left(look, if row.marked { look.symbol(Symbol::Mark) } else { "" }, 1, look.style(Role::Marked));
        for (column, ((head, cell), width)) in self.heads.iter().zip(&row.cells).zip(widths).enumerate() {
            let mut style = if row.stale { look.style(Role::Dim) } else { look.tone(cell.tone) };
            if column == 0 && row.marked {
                style = style.patch(look.style(Role::Marked));
            }
            if column == 0 && at_cursor {
                let cursor = self.cursor_style(look);
                if !look.caps.lean {
                    line.restyle(usize::from(*width), cursor);
                }
                style = style.patch(cursor);
            }
            put_cell(cell, head.align, usize::from(*width), style, line, look);
            line.skip(usize::from(GAP));
        }
    }

    /// On a slow link without its background, which would be sent for blanks too.
    fn cursor_style(&self, look: Look<'_>) -> Style {
        let style = look.style(if self.focused { Role::Cursor } else { Role::Strong });
        if look.caps.lean { Style { bg: None, ..style } } else { style }
    }
}

fn head_width(head: &Head<'_>, look: Look<'_>) -> usize {
    pen::width(&pen::shown(look, head.text))
}

fn arrow_width(head: &Head<'_>, look: Look<'_>) -> u16 {
    u16::try_from(head_width(head, look) + 1).unwrap_or(u16::MAX)
}

fn cell_width(cell: &Cell<'_>, look: Look<'_>) -> usize {
    let text = pen::width(&pen::shown(look, &cell.text));
    match cell.spark.len().min(SPARK) {
        0 => text,
        spark => text + usize::from(text > 0) + spark,
    }
}

fn put_cell(cell: &Cell<'_>, align: Align, width: usize, style: Style, line: &mut Line<'_>, look: Look<'_>) {
    let wanted = pen::width(&pen::shown(look, &cell.text));
    let gap = usize::from(wanted > 0);
    // The text goes before the curve where both do not fit.
    let spark = cell.spark.len().min(SPARK).min(width.saturating_sub(wanted + gap));
    let text = width - spark - if spark > 0 { gap } else { 0 };
    match align {
        Align::Left => line.put_left(look, &cell.text, text, style),
        Align::Right => line.put_right(look, &cell.text, text, style),
    }
    if spark > 0 {
        line.skip(gap);
        spark::paint(&cell.spark, spark, line, look, style);
    }
}

#[cfg(test)]
mod tests;
