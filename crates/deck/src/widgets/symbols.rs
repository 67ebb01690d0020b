//! Our own symbols, each with its ASCII form, in one table.

use std::borrow::Cow;

use mldeck_core::health::Health;

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident = $unicode:literal, $ascii:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Symbol { $($(#[$doc])* $name,)* }

        impl Symbol {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn text(self, unicode: bool) -> &'static str {
                match self { $(Self::$name => if unicode { $unicode } else { $ascii },)* }
            }
        }
    };
}

symbols! {
    /// Text goes on.
    Ellipsis = "…", "~";
    Cursor = "▸", ">";
    Mark = "+", "+";
    Ascending = "▴", "^";
    Descending = "▾", "v";
    More = "▾", "v";
    Horizontal = "─", "-";
    Vertical = "│", "|";
    TopLeft = "┌", "+";
    TopRight = "┐", "+";
    BottomLeft = "└", "+";
    BottomRight = "┘", "+";
    /// A tick on the value axis; a line that enters a box.
    Tick = "┤", "+";
    /// A line that leaves a box.
    Outlet = "├", "+";
    Threshold = "┄", "=";
    /// Something happened at this time.
    Event = "┊", ":";
    Crosshair = "╎", "!";
    /// The curve at the crosshair.
    Point = "◆", "@";
    /// Values above what the axis shows.
    Above = "↑", "^";
    /// Values below what the axis shows.
    Below = "↓", "v";
    Baseline = "░", ":";
    Now = "█", "#";
    BarFull = "█", "#";
    BarEmpty = "░", "-";
    Heat0 = "·", ".";
    Heat1 = "░", "-";
    Heat2 = "▒", "+";
    Heat3 = "▓", "x";
    Heat4 = "█", "#";
    /// An edge that leads back.
    Back = "◂", "<";
    Dot = "·", ".";
}

/// The symbol of a state.
pub const fn health(health: Health, unicode: bool) -> &'static str {
    match (health, unicode) {
        (Health::Bad, true) => "✖",
        (Health::Bad, false) => "x",
        (Health::Warn, true) => "▲",
        (Health::Warn, false) => "!",
        (Health::Busy, true) => "◐",
        (Health::Busy, false) => "~",
        (Health::Unknown, _) => "?",
        (Health::Ok, true) => "●",
        (Health::Ok, false) => "*",
        (Health::Off, true) => "○",
        (Health::Off, false) => "-",
    }
}

/// Heights of a bar within one cell, lowest first.
pub const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// The same without Unicode: heavier instead of higher.
pub const ASCII_EIGHTHS: [&str; 8] = ["_", ".", "-", "=", "+", "*", "%", "#"];
/// Widths of a bar within one cell, narrowest first.
pub const LEFT_EIGHTHS: [&str; 8] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/// `text` for a terminal without Unicode: what we write ourselves by its ASCII form, everything else by its number, so
/// that two different names never look equal.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '–' | '—' | '−' => out.push('-'),
            '→' => out.push_str("->"),
            '←' => out.push_str("<-"),
            '…' => out.push_str(".."),
            '·' | '•' => out.push('.'),
            '×' => out.push('x'),
            '◆' => out.push('@'),
            '▏' => out.push('_'),
            '░' => out.push(':'),
            '█' => out.push('#'),
            '∞' => out.push_str("inf"),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            '✓' => out.push_str("ok"),
            '▸' | '◀' => out.push('>'),
            '▾' | '↓' => out.push('v'),
            '▴' | '↑' => out.push('^'),
            '\u{a0}' | '\u{2009}' | '\u{202f}' => out.push(' '),
            c => match Health::ALL.into_iter().find(|health| health.symbol() == c) {
                Some(health) => out.push(health.ascii()),
                None => out.extend(c.escape_unicode()),
            },
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::pen;

    #[test]
    fn every_symbol_is_one_cell_in_both_forms() {
        for symbol in Symbol::ALL {
            assert_eq!(pen::width(symbol.text(true)), 1, "{symbol:?}");
            assert_eq!((symbol.text(false).len(), symbol.text(false).is_ascii()), (1, true), "{symbol:?}");
        }
        for (unicode, ascii) in EIGHTHS.iter().chain(&LEFT_EIGHTHS).zip(ASCII_EIGHTHS.iter().cycle()) {
            assert_eq!((pen::width(unicode), ascii.len()), (1, 1));
        }
    }

    #[test]
    fn states_match_the_core() {
        for state in Health::ALL {
            assert_eq!(health(state, true), state.symbol().to_string());
            assert_eq!(health(state, false), state.ascii().to_string());
        }
    }

    #[test]
    fn ascii_text_keeps_names_apart() {
        assert_eq!(ascii("v31 → v32 … 3 × 400 ✖"), "v31 -> v32 .. 3 x 400 x");
        assert_eq!(ascii("plain"), "plain");
        assert_eq!(ascii("modèle"), "mod\\u{e8}le");
    }
}
