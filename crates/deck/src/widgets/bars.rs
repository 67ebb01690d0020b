//! Two distributions side by side, bucket by bucket: baseline and now.

use mldeck_core::resource::monitor::Bucket;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Look, Symbol, pen,
    pen::Row,
    symbols::{ASCII_EIGHTHS, EIGHTHS},
};
use crate::theme::Role;

/// Pairs of bars, `░` the baseline and `█` now, with labels below where they fit.
#[derive(Clone, Copy, Debug)]
pub struct Bars<'a> {
    /// Shares 0..=1.
    pub buckets: &'a [Bucket],
}

/// Bars are not drawn wider than this.
const WIDEST: usize = 4;

/// How the buckets are spread over the columns.
struct Grid {
    /// Buckets that share one pair of bars, because there are more of them than places.
    merged: usize,
    bar: usize,
    /// Columns from one pair to the next.
    pitch: usize,
}

impl Grid {
    fn new(buckets: usize, columns: usize) -> Option<Self> {
        if buckets == 0 || columns < 2 {
            return None;
        }
        let merged = buckets.div_ceil(columns / 2);
        let pitch = columns / buckets.div_ceil(merged);
        Some(Self { merged, bar: (pitch.saturating_sub(1) / 2).clamp(1, WIDEST), pitch })
    }
}

impl Bars<'_> {
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let area = area.intersection(buf.area);
        let Some(grid) = Grid::new(self.buckets.len(), usize::from(area.width)) else { return };
        let labels = grid.pitch >= 4 && area.height >= 3;
        let rows = usize::from(area.height) - usize::from(labels);
        let sums = || {
            self.buckets.chunks(grid.merged).map(|part| {
                let sum = |share: fn(&Bucket) -> f64| part.iter().map(share).filter(|s| s.is_finite()).sum::<f64>();
                (sum(|b| b.baseline), sum(|b| b.now))
            })
        };
        let most = sums().map(|(a, b)| a.max(b)).fold(0.0, f64::max);
        // A share that is there at all is seen.
        let eighths = |share: f64| {
            if most > 0.0 && share > 0.0 { ((share / most * rows as f64 * 8.0).round() as usize).max(1) } else { 0 }
        };
        for (index, (baseline, now)) in sums().enumerate() {
            let x = index * grid.pitch;
            // The baseline has no eighths: half a cell and more is a cell.
            let full = (eighths(baseline) + 4) / 8 * 8;
            let full = if full == 0 && baseline > 0.0 { 8 } else { full };
            self.bar(x, full, grid.bar, rows, Symbol::Baseline, area, buf, look);
            self.bar(x + grid.bar, eighths(now), grid.bar, rows, Symbol::Now, area, buf, look);
        }
        if labels {
            self.labels(&grid, area, buf, look);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one bar: where, how high, how wide, of what")]
    fn bar(
        &self,
        x: usize,
        eighths: usize,
        width: usize,
        rows: usize,
        symbol: Symbol,
        area: Rect,
        buf: &mut Buffer,
        look: Look<'_>,
    ) {
        let style = look.style(if symbol == Symbol::Now { Role::Chart1 } else { Role::Dim });
        let parts = if look.caps.unicode { &EIGHTHS } else { &ASCII_EIGHTHS };
        for row in 0..rows {
            let filled = eighths.saturating_sub((rows - 1 - row) * 8).min(8);
            let symbol = match filled {
                0 => continue,
                8 => look.symbol(symbol),
                part => parts[part - 1],
            };
            if let Some(mut line) = Row::new(buf, area, row as u16) {
                line.skip(x);
                line.repeat(symbol, width, style);
            }
        }
    }

    fn labels(&self, grid: &Grid, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(mut row) = Row::new(buf, area, area.height - 1) else { return };
        for part in self.buckets.chunks(grid.merged) {
            let label = part.first().map_or("", |bucket| bucket.label.as_str());
            row.put_left(look, label, grid.pitch - 1, look.style(Role::Dim));
            row.skip(1);
        }
    }

    /// `baseline ░ now █`, with how many buckets share a bar when they do.
    pub fn legend(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(grid) = Grid::new(self.buckets.len(), usize::from(area.width)) else { return };
        let Some(mut row) = Row::new(buf, area, 0) else { return };
        row.put(look, "baseline ", look.style(Role::Dim));
        row.put(look, look.symbol(Symbol::Baseline), look.style(Role::Dim));
        row.put(look, " now ", look.style(Role::Text));
        row.put(look, look.symbol(Symbol::Now), look.style(Role::Chart1));
        if grid.merged > 1 && row.left() > 12 {
            let note = format!("   {} buckets, {} per bar", self.buckets.len(), grid.merged);
            row.put(look, &note, look.style(Role::Dim));
        }
    }
}

/// Columns the legend takes, so that a caller can put it beside a title.
pub fn legend_width(look: Look<'_>) -> usize {
    pen::width("baseline ") + pen::width(" now ") + 2 * pen::width(look.symbol(Symbol::Now))
}

#[cfg(test)]
mod tests {
    use mldeck_core::text::Text;

    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    fn buckets(shares: &[(f64, f64)]) -> Vec<Bucket> {
        let bucket = |(i, (baseline, now)): (usize, &(f64, f64))| Bucket {
            label: Text::new(&format!("cat{i}")),
            baseline: *baseline,
            now: *now,
        };
        shares.iter().enumerate().map(bucket).collect()
    }

    #[test]
    fn pairs_grow_with_their_shares() {
        let buckets = buckets(&[(0.8, 0.4), (0.2, 0.5), (0.0, 0.001)]);
        let drawn =
            |caps| lines(&painted(15, 5, caps, |area, buf, look| Bars { buckets: &buckets }.paint(area, buf, look)));
        assert_eq!(drawn(UNICODE), ["░░", "░░     ▄▄", "░░██   ██", "░░██ ░░██   ▁▁", "cat0 cat1 cat2"]);
        assert_eq!(drawn(ASCII)[2..], ["::##   ##", "::## ::##   __", "cat0 cat1 cat2"]);
    }

    #[test]
    fn more_buckets_than_places_are_added_up_and_it_is_said() {
        let buckets = buckets(&[(0.1, 0.05); 20]);
        let buf = painted(10, 2, UNICODE, |area, buf, look| Bars { buckets: &buckets }.paint(area, buf, look));
        assert_eq!(lines(&buf), ["░ ░ ░ ░ ░", "░█░█░█░█░█"]);
        let many = self::buckets(&[(0.1, 0.05); 60]);
        let buf = painted(60, 1, UNICODE, |area, buf, look| Bars { buckets: &many }.legend(area, buf, look));
        assert_eq!(lines(&buf), ["baseline ░ now █   60 buckets, 2 per bar"]);
    }

    #[test]
    fn works_in_any_rectangle() {
        let some = buckets(&[(0.8, f64::NAN), (f64::INFINITY, 0.5), (-1.0, 0.001)]);
        everywhere(|area, buf, look| Bars { buckets: &some }.paint(area, buf, look));
        everywhere(|area, buf, look| Bars { buckets: &some }.legend(area, buf, look));
        everywhere(|area, buf, look| Bars { buckets: &[] }.paint(area, buf, look));
    }
}
