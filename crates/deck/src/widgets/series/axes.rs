//! Frame, title and ticks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::Drawing;
use crate::{
    theme::Role,
    widgets::{Symbol, frame, pen, pen::Row},
};

impl Drawing<'_> {
    /// Columns of the plot that are free of labels on the lower edge are a line; between two labels stays some of it.
    const BETWEEN: usize = 2;

    pub(super) fn frame(&self, buf: &mut Buffer) {
        let look = self.look;
        let style = look.style(if self.chart.focused { Role::EdgeFocus } else { Role::Edge });
        let (left, right) = (self.plot.x - 1, self.plot.right());
        for y in self.plot.y..self.plot.bottom() {
            pen::dot(buf, self.frame, left, y, look.symbol(Symbol::Vertical), style);
            pen::dot(buf, self.frame, right, y, look.symbol(Symbol::Vertical), style);
        }
        let edge = |y| Rect::new(left, y, self.plot.width + 2, 1);
        if let Some(mut row) = Row::new(buf, edge(self.frame.y), 0) {
            row.repeat(look.symbol(Symbol::TopLeft), 1, style);
            // With several curves the legend carries the values.
            let reading = if self.chart.curves.len() == 1 { self.chart.reading(0) } else { None };
            frame::titled(
                &mut row,
                usize::from(self.plot.width),
                &self.title(),
                &reading.unwrap_or_default(),
                look,
                style,
            );
            row.repeat(look.symbol(Symbol::TopRight), 1, style);
        }
        if let Some(mut row) = Row::new(buf, edge(self.frame.bottom() - 1), 0) {
            row.repeat(look.symbol(Symbol::BottomLeft), 1, style);
            self.moments(&mut row);
            row.repeat(look.symbol(Symbol::BottomRight), 1, style);
        }
        self.values(buf);
    }

    /// The title with its unit, once.
    fn title(&self) -> String {
        let suffix = self.chart.unit().suffix();
        let log = if self.scale.log { ", log" } else { "" };
        if suffix.is_empty() || self.chart.title.ends_with(suffix) {
            format!("{}{log}", self.chart.title)
        } else {
            format!("{} {suffix}{log}", self.chart.title)
        }
    }

    fn values(&self, buf: &mut Buffer) {
        let look = self.look;
        let gutter = self.plot.x - 1 - self.frame.x;
        let ticks = self.scale.ticks(usize::from(self.plot.height / 2).clamp(2, 9), self.chart.unit());
        for tick in ticks {
            let place = self.scale.place(tick.at, usize::from(self.plot.height));
            let Some(mldeck_core::series::Place::At(line)) = place else { continue };
            let y = self.plot.y + line as u16;
            pen::dot(buf, self.frame, self.plot.x - 1, y, look.symbol(Symbol::Tick), look.style(Role::Edge));
            if gutter > 1
                && let Some(mut row) = Row::new(buf, Rect::new(self.frame.x, y, gutter, 1), 0)
            {
                row.put_right(look, &tick.label, usize::from(gutter) - 1, look.style(Role::Dim));
            }
        }
    }

    /// The lower edge: the crosshair's place first, then `now`, then as many ticks as there is room for.
    fn moments(&self, row: &mut Row<'_>) {
        let look = self.look;
        let width = usize::from(self.plot.width);
        let mut labels: Vec<(usize, usize, String, Role)> = Vec::new();
        let mut add = |column: usize, text: String, role: Role| {
            let wide = pen::width(&pen::shown(look, &text)) + 2;
            let start = column.saturating_sub(wide / 2).min(width.saturating_sub(wide));
            let is_free = labels
                .iter()
                .all(|(from, to, ..)| start >= to + Self::BETWEEN || start + wide + Self::BETWEEN <= *from);
            if wide <= width && is_free {
                labels.push((start, start + wide, text, role));
            }
        };
        if let Some((x, column)) = self.chart.crosshair.and_then(|x| Some((x, self.window.column(x, width)?))) {
            add(column, self.window.name(x), Role::Accent);
        }
        let reaches_now = |now: f64| (now - self.window.to).abs() <= self.window.stride(width) * 2.0;
        if self.chart.now.is_some_and(reaches_now) {
            add(width, "now".to_owned(), Role::Dim);
        }
        for tick in self.window.ticks((width / 11).clamp(2, 12)) {
            if let Some(column) = self.window.column(tick.at, width) {
                add(column, tick.label, Role::Dim);
            }
        }
        labels.sort_by_key(|(start, ..)| *start);
        let style = look.style(if self.chart.focused { Role::EdgeFocus } else { Role::Edge });
        let mut at = 0;
        for (start, end, text, role) in labels {
            row.repeat(look.symbol(Symbol::Horizontal), start - at, style);
            row.skip(1);
            row.put_within(look, &text, end - start - 2, look.style(role));
            row.skip(1);
            at = end;
        }
        row.repeat(look.symbol(Symbol::Horizontal), width - at, style);
    }
}
