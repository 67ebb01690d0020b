//! Writing text into cells, always by the filtered path, always cut at the edge.

use mldeck_core::{column::Tone, text};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::Paint;
use crate::{
    theme::Role,
    widgets::{self, symbols},
};

/// Writes `what` at the left of `area`; returns the columns used. What does not fit ends in `…`.
pub fn text(buffer: &mut Buffer, area: Rect, what: &str, style: Style) -> u16 {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return 0;
    }
    let width = text::width(what);
    let room = usize::from(area.width);
    let end = widgets::pen::write(buffer, (area.x, area.y), what, room, style);
    if width > room {
        widgets::pen::write(buffer, (area.right() - 1, area.y), "…", 1, style);
    }
    end - area.x
}

/// Writes `what` so that it ends at the right of `area`; returns the columns used.
pub fn right(buffer: &mut Buffer, area: Rect, what: &str, style: Style) -> u16 {
    let width = u16::try_from(text::width(what)).unwrap_or(u16::MAX).min(area.width);
    let start = area.right().saturating_sub(width);
    text(buffer, Rect { x: start, width, ..area }, what, style)
}

/// Writes toned spans one after the other; returns the columns used.
pub fn line(buffer: &mut Buffer, area: Rect, spans: &[(String, Tone)], paint: &Paint<'_>) -> u16 {
    let mut used = 0;
    for (what, tone) in spans {
        if used >= area.width {
            break;
        }
        let rest = Rect { x: area.x + used, width: area.width - used, ..area };
        let plain = if paint.caps.unicode { std::borrow::Cow::Borrowed(what.as_str()) } else { symbols::ascii(what) };
        used += text(buffer, rest, &plain, paint.theme.get(Role::from(*tone)));
    }
    used
}

/// Columns that spans take when nothing cuts them.
pub fn width(spans: &[(String, Tone)]) -> u16 {
    u16::try_from(spans.iter().map(|(what, _)| text::width(what)).sum::<usize>()).unwrap_or(u16::MAX)
}

/// For a terminal without Unicode: what was written around the widgets by its ASCII form, one cell for one.
pub fn plain(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let symbol = buffer[(x, y)].symbol();
            if symbol.is_ascii() {
                continue;
            }
            let instead = match symbol {
                "…" => "~".to_owned(),
                "→" => ">".to_owned(),
                other => Some(symbols::ascii(other)).filter(|a| a.len() == 1).map_or("?".to_owned(), Into::into),
            };
            let style = buffer[(x, y)].style();
            widgets::pen::write(buffer, (x, y), &instead, 1, style);
        }
    }
}
