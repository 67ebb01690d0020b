//! Painters. They know nothing of the program: they take the core's types, a [`Look`], a rectangle and a buffer.
//!
//! What is drawn is calculated in the core; here it only becomes cells. Every painter works in any rectangle, also in one
//! of no width, touches visible rows only, has an ASCII form, and never lets a colour alone carry a state. Outside text
//! reaches a cell only through [`pen`], which filters it.

pub mod bars;
pub mod dag;
pub mod doc;
pub mod dots;
pub mod frame;
pub mod gauge;
pub mod heat;
pub mod kv;
pub mod log;
pub mod pen;
pub mod series;
pub mod spark;
pub mod steps;
pub mod svg;
pub mod symbols;
pub mod table;
pub mod wrap;

use mldeck_core::{column::Tone, health::Health};
use ratatui::style::Style;

use crate::{
    term::Caps,
    theme::{Role, Theme},
};
pub use symbols::Symbol;

/// How things look here: the theme, and what the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub theme: &'a Theme,
    pub caps: Caps,
}

impl Look<'_> {
    pub fn style(&self, role: Role) -> Style {
        self.theme.get(role)
    }

    pub fn tone(&self, tone: Tone) -> Style {
        self.theme.get(tone.into())
    }

    pub const fn symbol(&self, symbol: Symbol) -> &'static str {
        symbol.text(self.caps.unicode)
    }

    pub const fn health(&self, health: Health) -> &'static str {
        symbols::health(health, self.caps.unicode)
    }
}

/// The first row to show so that `cursor` is visible among `rows` rows, `height` of them on screen. At an edge it jumps by
/// a third of a page: a scroll repaints everything, so it should be rare on a slow link.
pub const fn follow(top: usize, cursor: usize, rows: usize, height: usize) -> usize {
    if height == 0 {
        return cursor;
    }
    let last = rows.saturating_sub(height);
    let jump = height / 3;
    let top = if cursor < top {
        cursor.saturating_sub(jump)
    } else if cursor >= top + height {
        (cursor + 1 + jump).saturating_sub(height)
    } else {
        top
    };
    if top > last { last } else { top }
}

#[cfg(test)]
pub(crate) mod testing {
    use ratatui::{
        buffer::Buffer,
        layout::Rect,
        style::{Color, Modifier, Style},
    };

    use super::*;
    use crate::term::Depth;

    /// A theme in which the roles that tests ask for can be told apart.
    pub(crate) fn theme() -> Theme {
        let style = |role: &Role| match role {
            Role::Ok => Style::new().fg(Color::Green),
            Role::Warn | Role::Threshold => Style::new().fg(Color::Yellow),
            Role::Bad => Style::new().fg(Color::Red),
            Role::Busy => Style::new().fg(Color::Blue),
            Role::Dim => Style::new().fg(Color::DarkGray),
            Role::Strong => Style::new().add_modifier(Modifier::BOLD),
            Role::Cursor => Style::new().bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            Role::Marked | Role::EdgeFocus => Style::new().fg(Color::Cyan),
            Role::Match => Style::new().fg(Color::Black).bg(Color::Yellow),
            Role::Chart1 => Style::new().fg(Color::Cyan),
            Role::Chart2 => Style::new().fg(Color::Magenta),
            _ => Style::new(),
        };
        Theme::from_styles("test", |role| style(&role))
    }

    pub(crate) const UNICODE: Caps = Caps { depth: Depth::Ansi16, unicode: true, lean: false };
    pub(crate) const ASCII: Caps = Caps { depth: Depth::Mono, unicode: false, lean: true };

    /// Paints into a fresh buffer of that size.
    pub(crate) fn painted(
        width: u16,
        height: u16,
        caps: Caps,
        paint: impl FnOnce(Rect, &mut Buffer, Look<'_>),
    ) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        paint(area, &mut buf, Look { theme: &theme(), caps });
        buf
    }

    /// The rows as text, without blanks at their ends.
    pub(crate) fn lines(buf: &Buffer) -> Vec<String> {
        let row = |y| {
            let mut skip = 0;
            let mut out = String::new();
            for x in buf.area.x..buf.area.right() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = buf[(x, y)].symbol();
                skip = pen::width(symbol).saturating_sub(1);
                out.push_str(symbol);
            }
            out.trim_end().to_owned()
        };
        (buf.area.y..buf.area.bottom()).map(row).collect()
    }

    /// Paints at all the sizes and in both character sets: it must neither panic nor, in ASCII, draw anything else.
    pub(crate) fn everywhere(paint: impl Fn(Rect, &mut Buffer, Look<'_>)) {
        for caps in [UNICODE, ASCII] {
            for width in [0, 1, 2, 3, 5, 10, 24, 40, 80, 200] {
                for height in [0, 1, 2, 3, 6, 24, 50] {
                    // In the middle of a larger buffer, of which nothing else may change.
                    let area = Rect::new(2, 1, width, height);
                    let whole = Rect::new(0, 0, width + 4, height + 2);
                    let mut buf = Buffer::filled(whole, ratatui::buffer::Cell::new("~"));
                    paint(area, &mut buf, Look { theme: &theme(), caps });
                    for y in whole.y..whole.bottom() {
                        for x in whole.x..whole.right() {
                            let symbol = buf[(x, y)].symbol();
                            let inside = area.contains((x, y).into());
                            assert!(inside || symbol == "~", "{symbol:?} at {x},{y} outside {area:?}");
                            assert!(caps.unicode || symbol.is_ascii(), "{symbol:?} is not ASCII");
                        }
                    }
                    // A rectangle that lies outside the buffer is cut, not a panic.
                    paint(
                        Rect::new(width, height, width, height),
                        &mut Buffer::empty(area),
                        Look { theme: &theme(), caps },
                    );
                }
            }
        }
    }

    #[test]
    fn the_window_follows_the_cursor_in_thirds_of_a_page() {
        assert_eq!(follow(0, 9, 100, 10), 0);
        assert_eq!(follow(0, 10, 100, 10), 4);
        assert_eq!(follow(50, 49, 100, 10), 46);
        assert_eq!(follow(95, 99, 100, 10), 90);
        assert_eq!(follow(40, 3, 5, 10), 0, "the list became shorter");
        assert_eq!(follow(3, 7, 9, 0), 7);
    }
}
