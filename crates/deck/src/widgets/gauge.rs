//! A share of a whole, as a bar with its number.

use mldeck_core::column::Tone;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, Symbol, pen, pen::Row, symbols::LEFT_EIGHTHS};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Gauge<'a> {
    /// 0..=1; anything else is drawn as the nearer end, `NaN` as an empty bar.
    pub share: f64,
    /// Follows the bar: `42 %`, `3 of 8`.
    pub text: &'a str,
    pub tone: Tone,
}

impl Gauge<'_> {
    /// Draws into the first row of `area`.
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(mut row) = Row::new(buf, area, 0) else { return };
        let text = pen::width(&pen::shown(look, self.text));
        let columns = row.left().saturating_sub(if text == 0 { 0 } else { text + 1 });
        let share = if self.share.is_nan() { 0.0 } else { self.share.clamp(0.0, 1.0) };
        let mut eighths = (share * columns as f64 * 8.0).round() as usize;
        if !look.caps.unicode {
            eighths = eighths / 8 * 8;
        }
        let (full, part) = (eighths / 8, eighths % 8);
        row.repeat(look.symbol(Symbol::BarFull), full, look.tone(self.tone));
        if part > 0 {
            row.repeat(LEFT_EIGHTHS[part - 1], 1, look.tone(self.tone));
        }
        row.repeat(look.symbol(Symbol::BarEmpty), columns - full - usize::from(part > 0), look.style(Role::Dim));
        if columns > 0 {
            row.skip(1);
        }
        row.put(look, self.text, look.style(Role::Text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    #[test]
    fn the_bar_is_as_long_as_the_share() {
        let drawn = |share, caps| {
            let gauge = Gauge { share, text: "42 %", tone: Tone::Busy };
            lines(&painted(15, 1, caps, |area, buf, look| gauge.paint(area, buf, look))).remove(0)
        };
        assert_eq!(drawn(0.425, UNICODE), "████▎░░░░░ 42 %");
        assert_eq!(drawn(0.42, ASCII), "####------ 42 %");
        assert_eq!(drawn(7.0, UNICODE), "██████████ 42 %");
        assert_eq!(drawn(f64::NAN, UNICODE), "░░░░░░░░░░ 42 %");
    }

    #[test]
    fn works_in_any_rectangle() {
        everywhere(|area, buf, look| Gauge { share: 0.3, text: "3 of 8", tone: Tone::Ok }.paint(area, buf, look));
    }
}
