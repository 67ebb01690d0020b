//! Curves over time or steps: honest about gaps, spikes, thresholds and what happened when.

mod axes;
mod plot;

use mldeck_core::{
    column::Tone,
    series::{Blocks, Reduced, Scale, Series, Window, reduce::reduce_with},
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Look, pen, pen::Row};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    pub series: &'a Series,
    /// For curves of more than some ten thousand points: see [`Blocks::of`].
    pub blocks: Option<&'a Blocks>,
    /// In the legend; the series' own name is often the same for all curves.
    pub label: &'a str,
}

/// Something that happened: a deployment, an alarm.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// As the `x` of the points.
    pub at: f64,
    pub label: &'a str,
    pub tone: Tone,
}

#[derive(Clone, Copy, Debug)]
pub struct Threshold<'a> {
    pub value: f64,
    pub label: &'a str,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Chart<'a> {
    pub title: &'a str,
    /// The first is drawn on top; all in its unit.
    pub curves: &'a [Curve<'a>],
    pub threshold: Option<Threshold<'a>>,
    pub events: &'a [Event<'a>],
    /// `None`: around all points.
    pub window: Option<Window>,
    /// Bounds of the value axis; `None`: around the values. What lies outside is marked at the edge.
    pub range: Option<(f64, f64)>,
    pub log: bool,
    /// `x` of the crosshair.
    pub crosshair: Option<f64>,
    /// The present: a window that ends there is labelled `now`.
    pub now: Option<f64>,
    pub focused: bool,
}

/// Columns left of the value axis, for its labels: the same in all charts, so that charts above each other align.
const GUTTER: u16 = 7;
/// Below this width there are no labels on the value axis.
const LABELLED: u16 = 36;
/// Below these there is no plot: one line says the value.
const LEAST: (u16, u16) = (12, 4);

/// Everything calculated for one frame.
struct Drawing<'a> {
    chart: &'a Chart<'a>,
    look: Look<'a>,
    window: Window,
    scale: Scale,
    reduced: Vec<Reduced>,
    /// Where the curves go, without frame.
    plot: Rect,
    frame: Rect,
    footer: Option<Rect>,
}

impl Chart<'_> {
    /// Columns of the finest resolution at this size: what one step of the crosshair should move by at least
    /// (`window.stride(columns)`).
    pub const fn columns(area: Rect, look: Look<'_>) -> usize {
        plot_width(area) as usize * if look.caps.unicode { 2 } else { 1 }
    }

    /// The window that is shown: the given one, else the one around all points.
    pub fn shown_window(&self) -> Option<Window> {
        self.window.or_else(|| Window::around(self.curves.iter().map(|curve| curve.series)))
    }

    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let area = area.intersection(buf.area);
        if area.width < LEAST.0 || area.height < LEAST.1 {
            if let Some(mut row) = Row::new(buf, area, 0) {
                row.put(look, self.title, look.style(Role::Strong));
                row.skip(1);
                row.put(look, &self.reading(0).unwrap_or_default(), look.style(Role::Text));
            }
            return;
        }
        let drawing = Drawing::new(self, area, look);
        drawing.frame(buf);
        drawing.footer(buf);
        drawing.plot(buf);
    }

    fn unit(&self) -> mldeck_core::series::Unit {
        self.curves.first().map_or_else(Default::default, |curve| curve.series.unit)
    }

    /// The value of curve `index` at the crosshair, else its newest.
    fn value(&self, index: usize) -> Option<f64> {
        let series = self.curves.get(index)?.series;
        let point = self.crosshair.map_or_else(|| series.last(), |x| series.nearest(x));
        point.map(|(_, y)| y)
    }

    /// A single curve has its value in the title.
    const fn has_legend(&self) -> bool {
        self.curves.len() > 1 || self.crosshair.is_some()
    }

    fn reading(&self, index: usize) -> Option<String> {
        self.value(index).map(|value| self.unit().format(value))
    }
}

const fn plot_width(area: Rect) -> u16 {
    area.width.saturating_sub(2 + if area.width >= LABELLED { GUTTER } else { 0 })
}

/// The colour of a curve.
fn ink(look: Look<'_>, index: usize) -> Style {
    look.style(Role::chart(index))
}

/// The letter of a curve: what tells curves apart without colour.
const LETTERS: [&str; 26] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x", "y", "z",
];

const fn letter(index: usize) -> &'static str {
    LETTERS[index % LETTERS.len()]
}

impl<'a> Drawing<'a> {
    fn new(chart: &'a Chart<'a>, area: Rect, look: Look<'a>) -> Self {
        let window = chart.shown_window().unwrap_or(Window { from: 0.0, to: 1.0, steps: true });
        let columns = Chart::columns(area, look);
        let reduce = |curve: &Curve<'_>| reduce_with(curve.series, curve.blocks, window.from, window.to, columns);
        let reduced: Vec<Reduced> = chart.curves.iter().map(reduce).collect();
        let footer = (area.height > LEAST.1 + 1 && (chart.has_legend() || !note(&reduced, columns).is_empty()))
            .then(|| Rect { y: area.bottom() - 1, height: 1, ..area });
        let frame = Rect { height: area.height - u16::from(footer.is_some()), ..area };
        let width = plot_width(area);
        let plot = Rect::new(area.right() - 1 - width, area.y + 1, width, frame.height - 2);
        let scale = chart.scale(&reduced, plot.height);
        Self { chart, look, window, scale, reduced, plot, frame, footer }
    }

    /// Legend or crosshair to the left, what was done to the points to the right.
    fn footer(&self, buf: &mut Buffer) {
        let Some(area) = self.footer else { return };
        let note = note(&self.reduced, Chart::columns(self.frame, self.look));
        let Some(mut row) = Row::new(buf, area, 0) else { return };
        let look = self.look;
        row.skip(2);
        if let Some(x) = self.chart.crosshair {
            row.put(look, &self.window.name(x), look.style(Role::Accent));
            row.skip(3);
        }
        for (index, curve) in self.chart.curves.iter().enumerate() {
            let Some(reading) = self.chart.reading(index).filter(|_| self.chart.has_legend()) else { continue };
            if self.chart.curves.len() > 1 {
                row.put(look, letter(index), ink(look, index));
                row.skip(1);
                row.put(look, curve.label, ink(look, index));
                row.skip(1);
            }
            row.put(look, &reading, look.style(Role::Text));
            row.skip(3);
        }
        let wide = pen::width(&pen::shown(look, &note));
        if row.left() > wide {
            let free = row.left();
            row.put_right(look, &note, free, look.style(Role::Dim));
        }
    }
}

impl Chart<'_> {
    fn scale(&self, reduced: &[Reduced], rows: u16) -> Scale {
        // Bounds finer than the ticks: the curve fills the plot.
        let ticks = usize::from(rows / 2).clamp(5, 10);
        if let Some((lo, hi)) = self.range.filter(|(lo, hi)| lo < hi && lo.is_finite() && hi.is_finite()) {
            return Scale { lo, hi, log: self.log && lo > 0.0 };
        }
        let extent =
            reduced.iter().filter_map(|reduced| reduced.extent(self.log)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        // A threshold that is near belongs into the picture; one far away would flatten the curve, and is named at the edge.
        let with_threshold = self.threshold.zip(extent).map(|(threshold, (lo, hi))| {
            let floor = if self.unit().starts_at_zero() { lo.min(0.0) } else { lo };
            let reach = (hi - floor).max(hi.abs() * 0.1);
            if threshold.value > hi + 2.0 * reach || threshold.value < floor - 2.0 * reach {
                (lo, hi)
            } else {
                (lo.min(threshold.value), hi.max(threshold.value))
            }
        });
        Scale::fit(with_threshold.or(extent), self.unit(), self.log, ticks)
    }
}

/// What the reader must know about the points: `2.0 M points, 320 columns, min/max kept`.
fn note(reduced: &[Reduced], columns: usize) -> String {
    let mut parts = Vec::new();
    let counts: Vec<usize> = reduced.iter().map(|r| r.points).collect();
    if counts.iter().any(|count| *count > 2 * columns) {
        let first = counts.first().copied().unwrap_or(0);
        let points = if counts.len() > 1 && counts.iter().all(|count| *count == first) {
            format!("{} × {}", counts.len(), amount(first))
        } else {
            amount(counts.iter().sum())
        };
        parts.push(format!("{points} points, {columns} columns, min/max kept"));
    }
    let sum = |of: fn(&Reduced) -> usize| reduced.iter().map(of).sum::<usize>();
    for (count, what) in [(sum(|r| r.nan), "NaN"), (sum(|r| r.infinite), "∞")] {
        if count > 0 {
            parts.push(format!("{} {what}", amount(count)));
        }
    }
    parts.join(", ")
}

fn amount(count: usize) -> String {
    match count {
        0..100_000 => mldeck_core::series::grouped(count as f64),
        100_000..1_000_000 => format!("{} k", count / 1_000),
        _ => format!("{:.1} M", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests;
