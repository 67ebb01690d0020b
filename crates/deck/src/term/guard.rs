//! The last check before a byte leaves: whatever a painter put into a cell, no control character and nothing that hides
//! or reorders text reaches the terminal. The escaper in `core::text` is the rule; this is the wall behind it.

use std::fmt::Write as _;

use mldeck_core::text::is_narrow;
use ratatui::buffer::CellWidth as _;

/// Stands where one cell held something that may not leave.
pub const REPLACEMENT: &str = "?";

/// The longest symbol a cell may hold, in bytes. Long runs of marks have crashed terminals.
pub const SYMBOL_CAP: usize = 32;

/// True for characters that act on a terminal, or that change how their neighbours are read without being seen.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
            | '\u{fe00}'..='\u{fe0e}')
}

/// What may be sent for a cell, and how many columns it takes. `FE0F` (emoji form) passes only behind a base.
pub fn symbol(symbol: &str) -> (&str, u16) {
    match symbol.as_bytes() {
        [b' '..=b'~'] => return (symbol, 1),
        [] => return (" ", 1),
        _ => {}
    }
    let mut chars = symbol.chars();
    if chars.next().is_some_and(is_narrow) && chars.next().is_none() {
        return (symbol, 1);
    }
    let hostile = symbol.len() > SYMBOL_CAP || symbol.starts_with('\u{fe0f}') || symbol.chars().any(is_hidden);
    if hostile {
        return (REPLACEMENT, 1);
    }
    match symbol.cell_width() {
        // A lone mark would land on the neighbour.
        0 => (REPLACEMENT, 1),
        width => (symbol, width),
    }
}

/// Appends at most `cap` characters of `text`, hidden ones spelled out as `\u{..}`.
pub fn clean_into(text: &str, cap: usize, out: &mut String) {
    for c in text.chars().take(cap) {
        if is_hidden(c) || c == '\u{fe0f}' {
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_may_send() {
        let long = format!("e{}", "\u{301}".repeat(1_000));
        let cases: &[(&str, (&str, u16))] = &[
            ("a", ("a", 1)),
            ("", (" ", 1)),
            ("\u{1b}", (REPLACEMENT, 1)),
            ("\u{7f}", (REPLACEMENT, 1)),
            ("\u{9b}31m", (REPLACEMENT, 1)),
            ("a\u{202e}", (REPLACEMENT, 1)),
            ("a\u{200b}", (REPLACEMENT, 1)),
            ("\u{301}", (REPLACEMENT, 1)),
            ("\u{fe0f}", (REPLACEMENT, 1)),
            ("e\u{301}", ("e\u{301}", 1)),
            (&long, (REPLACEMENT, 1)),
            ("界", ("界", 2)),
            ("❤\u{fe0f}", ("❤\u{fe0f}", 2)),
            ("⣿", ("⣿", 1)),
            ("🏴\u{e0067}\u{e007f}", (REPLACEMENT, 1)),
        ];
        for (given, want) in cases {
            assert_eq!(symbol(given), *want, "{given:?}");
        }
    }

    #[test]
    fn clean_text_spells_out_and_stops() {
        let mut out = String::new();
        clean_into("a\r\u{2066}b界cdef", 5, &mut out);
        assert_eq!(out, "a\\u{d}\\u{2066}b界");
    }
}
