//! The one escaper for outside text. Nothing from AWS, a file, the environment or another person's shell reaches a
//! cell, a title, a log or stderr except as [`Text`].
//!
//! Escaping is visible and loses nothing: two different strings are never shown alike, and [`Text::raw`] gives back what
//! came in. An emoji joined by U+200D is shown in its parts with the joiner as `\u{200d}`, since terminals disagree on
//! the width of the whole.

use std::{cmp::Ordering, fmt, hash, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

mod escape;
mod shown;
#[cfg(test)]
mod tests;

pub(crate) use shown::{all_shown, maybe_shown, shown};

/// Characters of one line of [`Text::lines`].
const LINE_MAX: usize = 4_096;
/// Lines of [`Text::lines`].
const LINES_MAX: usize = 10_000;
const TAB: usize = 4;

/// Text from outside, made visible and safe to draw. Two are equal when they are shown alike.
#[derive(Clone)]
pub struct Text {
    shown: Arc<str>,
    cut: bool,
}

impl Text {
    /// Escapes `raw` whole.
    pub fn new(raw: &str) -> Self {
        let shown = if escape::is_plain(raw) { Arc::from(raw) } else { Arc::from(escape::escape(raw)) };
        Self { shown, cut: false }
    }

    /// For free text (log lines, messages, reasons): at most `max_chars` characters of `raw`, then `… (+N)` with the number
    /// of those left out. Never for a name: what was cut cannot be given back.
    pub fn bounded(raw: &str, max_chars: usize) -> Self {
        match raw.char_indices().nth(max_chars) {
            None => Self::new(raw),
            Some((at, _)) => {
                let more = raw[at..].chars().count();
                Self { shown: format!("{}… (+{more})", escape::escape(&raw[..at])).into(), cut: true }
            }
        }
    }

    /// Text of several lines (failure reasons, stack traces), one by one and bounded, tabs as spaces. A carriage return that
    /// ends no line is shown, as it would overwrite what is before it.
    pub fn lines(raw: &str) -> Vec<Self> {
        let mut lines = raw.lines();
        let mut out: Vec<Self> =
            lines.by_ref().take(LINES_MAX).map(|line| Self::bounded(&untabbed(line), LINE_MAX)).collect();
        let more = lines.count();
        if more > 0 {
            out.push(Self { shown: format!("… (+{more} lines)").into(), cut: true });
        }
        out
    }

    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// What was escaped: for calls back to where it came from, never for a screen. Of a text that [`is_cut`](Self::is_cut)
    /// it is the part that was kept, with the mark of the cut.
    pub fn raw(&self) -> String {
        if self.shown.contains('\\') { escape::unescape(&self.shown) } else { self.shown.to_string() }
    }

    /// What a shown text stands for, where only the shown form is at hand; see [`Text::raw`].
    pub fn unescape(shown: &str) -> String {
        escape::unescape(shown)
    }

    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// True when the end was left out.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Columns it takes when drawn.
    pub fn width(&self) -> usize {
        width(&self.shown)
    }
}

/// True for characters that are a cell each, whatever stands beside them: printable ASCII, and the dashes, arrows, blocks,
/// shapes and dots that most of our own symbols are of. What joins others, or is two cells wide, is none.
pub fn is_narrow(c: char) -> bool {
    matches!(c,
        ' '..='~' | '·' | '–'..='‧' | '←'..='⇿' | '─'..='◼' | '⠁'..='⣿' | '✓' | '✖')
}

/// Columns that `shown` takes when ratatui draws it: the sum over its grapheme clusters, where a halfwidth voicing mark
/// takes a column of its own.
pub fn width(shown: &str) -> usize {
    if shown.is_ascii() {
        return shown.len();
    }
    if shown.chars().all(is_narrow) {
        return shown.chars().count();
    }
    shown
        .graphemes(true)
        .map(|cluster| cluster.width() + cluster.chars().filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}')).count())
        .sum()
}

/// Tabs as spaces up to the next stop, counted in characters.
fn untabbed(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut column = 0;
    for c in line.chars() {
        let wide = if c == '\t' { TAB - column % TAB } else { 1 };
        out.extend(std::iter::repeat_n(if c == '\t' { ' ' } else { c }, wide));
        column += wide;
    }
    out
}

impl Default for Text {
    fn default() -> Self {
        Self { shown: "".into(), cut: false }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for Text {}

impl hash::Hash for Text {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.shown.hash(state);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.shown.cmp(&other.shown)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.shown, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.shown == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.shown == *other
    }
}

/// Serialised raw, so that JSON for other programs carries the real name (JSON escapes control characters itself) and
/// a cache file never holds an escape of an escape.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.raw())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
