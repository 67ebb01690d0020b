//! A curve in one row of text.

use ratatui::style::Style;

use super::{
    Look,
    pen::Row,
    symbols::{ASCII_EIGHTHS, EIGHTHS},
};

/// Heights 0..=7 of `columns` bars; `None` is a gap. Each bar is the largest of its points, so that a spike is seen. The
/// scale spans at least half of the smallest value: noise stays flat, a doubling stands out.
pub fn levels(points: &[f32], columns: usize) -> impl Iterator<Item = Option<usize>> + '_ {
    let finite = || points.iter().copied().filter(|y| y.is_finite());
    let lo = finite().fold(f32::INFINITY, f32::min);
    let hi = finite().fold(f32::NEG_INFINITY, f32::max).max(lo + lo.abs() / 2.0);
    let count = if points.is_empty() { 0 } else { columns };
    (0..count).map(move |column| {
        let start = column * points.len() / columns;
        let end = ((column + 1) * points.len() / columns).max(start + 1);
        let top = points[start..end].iter().copied().filter(|y| !y.is_nan()).reduce(f32::max)?;
        let share = if hi > lo { (top - lo) / (hi - lo) } else { 0.0 };
        Some((share * 7.0).round().clamp(0.0, 7.0) as usize)
    })
}

/// Draws `points` into the next `columns` columns of `row`.
pub fn paint(points: &[f32], columns: usize, row: &mut Row<'_>, look: Look<'_>, style: Style) {
    let bars = if look.caps.unicode { &EIGHTHS } else { &ASCII_EIGHTHS };
    for level in levels(points, columns) {
        match level {
            Some(level) => row.repeat(bars[level], 1, style),
            None => row.skip(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Style;

    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    fn drawn(points: &[f32], columns: usize, caps: crate::term::Caps) -> String {
        let buf = painted(20, 1, caps, |area, buf, look| {
            paint(points, columns, &mut Row::new(buf, area, 0).unwrap(), look, Style::new());
        });
        lines(&buf).remove(0)
    }

    #[test]
    fn a_spike_stands_out_and_noise_does_not() {
        assert_eq!(drawn(&[100.0, 101.0, 99.0, 102.0], 4, UNICODE), "▁▁▁▁");
        assert_eq!(drawn(&[100.0, 100.0, 100.0, 840.0], 4, UNICODE), "▁▁▁█");
        assert_eq!(drawn(&[1.0, 1.0, 9.0, 1.0, 1.0, 1.0], 3, UNICODE), "▁█▁");
        assert_eq!(drawn(&[0.0, 4.0, 8.0], 3, ASCII), "_+#");
    }

    #[test]
    fn missing_points_are_gaps() {
        assert_eq!(drawn(&[1.0, f32::NAN, 2.0], 3, UNICODE), "▁ █");
        assert_eq!(drawn(&[], 3, UNICODE), "");
        assert_eq!(drawn(&[f32::NAN; 4], 3, UNICODE), "");
        assert_eq!(drawn(&[0.0, 0.0], 2, UNICODE), "▁▁");
    }

    #[test]
    fn works_in_any_rectangle() {
        everywhere(|area, buf, look| {
            if let Some(mut row) = Row::new(buf, area, 0) {
                paint(&[1.0, 2.0, f32::INFINITY], 300, &mut row, look, Style::new());
            }
        });
    }

    proptest! {
        #[test]
        fn never_panics(points in prop::collection::vec(any::<f32>(), 0..20), columns in 0usize..40) {
            prop_assert!(levels(&points, columns).flatten().all(|level| level < 8));
        }
    }
}
