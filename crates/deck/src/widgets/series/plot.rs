//! Curves, threshold, events and crosshair. Dots of a curve are never painted over by anything but its own letter, the
//! crosshair's point and the marks for values off the scale.

use mldeck_core::series::{Place, Reduced};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Drawing, ink, letter};
use crate::{
    theme::Role,
    widgets::{Symbol, dots::Dots, pen, pen::Row},
};

/// Letters stand this many columns apart along a curve.
const LETTER_EVERY: usize = 24;

/// A value that lies off the scale: its cell column, whether above, and whose it is.
struct Off {
    column: usize,
    above: bool,
    owner: usize,
}

impl Drawing<'_> {
    pub(super) fn plot(&self, buf: &mut Buffer) {
        let mut dots = Dots::new(self.plot.width, self.plot.height, self.look.caps.unicode);
        let mut off = Vec::new();
        // The first curve last: it lies on top.
        for (index, reduced) in self.reduced.iter().enumerate().rev() {
            self.curve(reduced, index, &mut dots, &mut off);
        }
        dots.paint(self.plot, buf, |owner| ink(self.look, usize::from(owner)));
        self.threshold(&dots, buf);
        self.events(&dots, buf);
        self.letters(&dots, buf);
        for mark in off {
            let symbol = if mark.above { Symbol::Above } else { Symbol::Below };
            let row = if mark.above { 0 } else { usize::from(self.plot.height) - 1 };
            self.cell(buf, mark.column, row, self.look.symbol(symbol), ink(self.look, mark.owner));
        }
        self.crosshair(&dots, buf);
        if self.reduced.iter().all(|reduced| reduced.extent(false).is_none()) {
            self.say("no data", buf);
        }
    }

    fn cell(&self, buf: &mut Buffer, column: usize, row: usize, symbol: &str, style: Style) {
        let (x, y) = (self.plot.x + column as u16, self.plot.y + row as u16);
        pen::dot(buf, self.plot, x, y, symbol, style);
    }

    fn curve(&self, reduced: &Reduced, index: usize, dots: &mut Dots, off: &mut Vec<Off>) {
        let owner = index as u8;
        let rows = dots.rows();
        let row = |value: f64| match self.scale.place(value, rows) {
            Some(Place::At(row)) => row,
            Some(Place::Above) => 0,
            Some(Place::Below) | None => rows.saturating_sub(1),
        };
        let is_off = |value: f64, place| self.scale.place(value, rows) == Some(place);
        let mut pen = reduced.enter.map(|value| (0, row(value)));
        for (x, slot) in reduced.slots.iter().enumerate() {
            let column = dots.cell_column(x);
            let bin = slot.bin;
            if slot.high || bin.is_some_and(|bin| is_off(bin.max, Place::Above)) {
                off.push(Off { column, above: true, owner: index });
            }
            if slot.low || bin.is_some_and(|bin| is_off(bin.min, Place::Below)) {
                off.push(Off { column, above: false, owner: index });
            }
            let Some(bin) = bin else { continue };
            if let Some(from) = pen.filter(|_| bin.joined) {
                dots.line(from, (x, row(bin.first)), owner);
            }
            dots.line((x, row(bin.min)), (x, row(bin.max)), owner);
            pen = Some((x, row(bin.last)));
        }
        if let Some((from, value)) = pen.zip(reduced.leave) {
            dots.line(from, (dots.columns().saturating_sub(1), row(value)), owner);
        }
    }

    /// Each of several curves carries its letter here and there, and at its end.
    fn letters(&self, dots: &Dots, buf: &mut Buffer) {
        if self.reduced.len() < 2 {
            return;
        }
        let width = usize::from(self.plot.width);
        for index in 0..self.reduced.len() {
            let row_at = |column: usize| {
                (0..usize::from(self.plot.height)).find(|row| dots.owner(column, *row) == Some(index as u8))
            };
            // Shifted from curve to curve, so that letters of curves that run together stay apart.
            let along = (5 * index % LETTER_EVERY..width).step_by(LETTER_EVERY).skip(usize::from(index % 5 == 0));
            let end = (0..width).rev().find(|column| row_at(*column).is_some());
            for column in along.chain(end) {
                if let Some(row) = row_at(column) {
                    self.cell(buf, column, row, letter(index), ink(self.look, index));
                }
            }
        }
    }

    fn threshold(&self, dots: &Dots, buf: &mut Buffer) {
        let Some(threshold) = self.chart.threshold else { return };
        let look = self.look;
        let style = look.style(Role::Threshold);
        let height = usize::from(self.plot.height);
        let (row, arrow) = match self.scale.place(threshold.value, height) {
            Some(Place::At(row)) => (row, None),
            Some(Place::Above) => (0, Some(Symbol::Above)),
            Some(Place::Below) => (height - 1, Some(Symbol::Below)),
            None => return,
        };
        if arrow.is_none() {
            for column in (0..usize::from(self.plot.width)).filter(|column| dots.owner(*column, row).is_none()) {
                self.cell(buf, column, row, look.symbol(Symbol::Threshold), style);
            }
        }
        let label = match arrow {
            Some(arrow) => format!("{} {}", threshold.label, look.symbol(arrow)),
            None => threshold.label.to_owned(),
        };
        let wide = pen::width(&pen::shown(look, &label));
        let last = usize::from(self.plot.width).saturating_sub(wide + 1);
        if let Some(column) = [1, last].into_iter().find(|column| self.is_free(dots, *column, row, wide)) {
            self.label(buf, column, row, &label, style);
        }
    }

    fn is_free(&self, dots: &Dots, column: usize, row: usize, wide: usize) -> bool {
        column + wide <= usize::from(self.plot.width)
            && row < usize::from(self.plot.height)
            && (column..column + wide).all(|column| dots.owner(column, row).is_none())
    }

    fn label(&self, buf: &mut Buffer, column: usize, row: usize, text: &str, style: Style) {
        if let Some(mut line) = Row::new(buf, self.plot, row as u16) {
            line.skip(column);
            line.put(self.look, text, style);
        }
    }

    fn events(&self, dots: &Dots, buf: &mut Buffer) {
        let look = self.look;
        let (width, height) = (usize::from(self.plot.width), usize::from(self.plot.height));
        let column_of = |x: f64| self.window.column(x, width);
        for event in self.chart.events {
            let Some(column) = column_of(event.at) else { continue };
            let style = look.tone(event.tone);
            for row in (0..height).filter(|row| dots.owner(column, *row).is_none()) {
                self.cell(buf, column, row, look.symbol(Symbol::Event), style);
            }
            let wide = pen::width(&pen::shown(look, event.label));
            if wide == 0 {
                continue;
            }
            // Beside the line on the side that is free, as high as the curves allow, clear of other events.
            let beside = [Some(column + 2), column.checked_sub(wide + 1)].into_iter().flatten();
            let is_clear = |start: usize| {
                let others = self.chart.events.iter().filter_map(|other| column_of(other.at));
                others.filter(|other| *other != column).all(|other| other + 1 < start || other > start + wide)
            };
            let place = beside.filter(|start| is_clear(*start)).find_map(|start| {
                (0..height).find(|row| self.is_free(dots, start, *row, wide)).map(|row| (start, row))
            });
            if let Some((start, row)) = place {
                self.label(buf, start, row, event.label, style);
            }
        }
    }

    fn crosshair(&self, dots: &Dots, buf: &mut Buffer) {
        let Some(x) = self.chart.crosshair else { return };
        let look = self.look;
        let (width, height) = (usize::from(self.plot.width), usize::from(self.plot.height));
        let Some(column) = self.window.column(x, width) else { return };
        for row in (0..height).filter(|row| dots.owner(column, *row).is_none()) {
            self.cell(buf, column, row, look.symbol(Symbol::Crosshair), look.style(Role::Crosshair));
        }
        for (index, curve) in self.chart.curves.iter().enumerate().rev() {
            let Some((at, value)) = curve.series.nearest(x) else { continue };
            let place = self.window.column(at, width).zip(self.scale.place(value, height));
            if let Some((column, Place::At(row))) = place {
                let symbol = if self.chart.curves.len() > 1 { letter(index) } else { look.symbol(Symbol::Point) };
                let style = ink(look, index).patch(look.style(Role::Strong));
                self.cell(buf, column, row, symbol, style);
            }
        }
    }

    fn say(&self, text: &str, buf: &mut Buffer) {
        let middle = Rect { y: self.plot.y + self.plot.height / 2, height: 1, ..self.plot };
        if let Some(mut row) = Row::new(buf, middle, 0) {
            row.skip(row.left().saturating_sub(text.len()) / 2);
            row.put(self.look, text, self.look.style(Role::Dim));
        }
    }
}
