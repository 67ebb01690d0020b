//! Log lines: time, stream, text.

use mldeck_core::{ask::LogLine, column::Tone};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Look, Symbol, pen, pen::Row, wrap};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// Oldest first.
    pub lines: &'a [LogLine],
    /// First line shown; see [`tail`] and [`super::follow`].
    pub top: usize,
    pub cursor: Option<usize>,
    pub wrap: bool,
    /// Columns of text scrolled away to the left, when lines are not wrapped.
    pub shift: usize,
    /// Highlighted wherever it occurs, ASCII case ignored; empty for nothing.
    pub find: &'a str,
    /// Show which stream a line came from.
    pub streams: bool,
}

/// `02:11:58`
const TIME: usize = 8;
const STREAM: usize = 20;

/// Columns before the text: cursor, time, stream.
const fn indent(streams: bool) -> usize {
    1 + TIME + 2 + if streams { STREAM + 2 } else { 0 }
}

/// The first line to show so that the newest one is the last on screen.
pub fn tail(lines: &[LogLine], area: Rect, wrap: bool, streams: bool) -> usize {
    let height = usize::from(area.height);
    if !wrap {
        return lines.len().saturating_sub(height);
    }
    let width = usize::from(area.width).saturating_sub(indent(streams));
    let mut rows = 0;
    for (index, line) in lines.iter().enumerate().rev() {
        rows += wrap::count(line.text.as_str(), width).max(1);
        if rows > height {
            return (index + 1).min(lines.len().saturating_sub(1));
        }
    }
    0
}

/// The next line from `from` on that contains `find`, ASCII case ignored.
pub fn found(lines: &[LogLine], from: usize, forward: bool, find: &str) -> Option<usize> {
    let has = |index: &usize| matches(lines[*index].text.as_str(), find).next().is_some();
    if forward { (from + 1..lines.len()).find(has) } else { (0..from.min(lines.len())).rev().find(has) }
}

/// How bad a line says it is, by its words: Python's `KeyError` counts as an error.
pub fn severity(text: &str) -> Tone {
    let mut tone = Tone::Plain;
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
        if is(&["error", "fatal", "critical", "panic", "exception", "traceback", "failed"])
            || word.ends_with("Error")
            || word.ends_with("Exception")
        {
            return Tone::Bad;
        }
        if is(&["warn", "warning"]) {
            tone = Tone::Warn;
        } else if tone == Tone::Plain && is(&["debug", "trace"]) {
            tone = Tone::Dim;
        }
    }
    tone
}

/// Byte ranges where `find` occurs in `text`.
fn matches<'a>(text: &'a str, find: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    let (bytes, wanted) = (text.as_bytes(), find.as_bytes());
    let mut at = 0;
    std::iter::from_fn(move || {
        if wanted.is_empty() {
            return None;
        }
        let found = bytes.get(at..)?.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))?;
        let start = at + found;
        at = start + wanted.len();
        Some(start..at)
    })
}

impl Log<'_> {
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let width = usize::from(area.width).saturating_sub(indent(self.streams));
        let mut y = 0;
        for (index, line) in self.lines.iter().enumerate().skip(self.top) {
            if y >= area.height {
                return;
            }
            self.head(index, line, y, area, buf, look);
            let text = line.text.as_str();
            let style = look.tone(severity(text));
            if self.wrap && width > 0 {
                for range in wrap::wrap(text, width) {
                    self.text(text.get(range).unwrap_or_default(), style, Row::new(buf, area, y), look);
                    y = y.saturating_add(1);
                }
            } else {
                let start = pen::beginning(text, self.shift).len();
                self.text(text.get(start..).unwrap_or_default(), style, Row::new(buf, area, y), look);
                y += 1;
            }
        }
    }

    fn head(&self, index: usize, line: &LogLine, y: u16, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let Some(mut row) = Row::new(buf, area, y) else { return };
        let cursor = if self.cursor == Some(index) { look.symbol(Symbol::Cursor) } else { "" };
        row.put_left(look, cursor, 1, look.style(Role::Accent));
        let time = look.style(if self.cursor == Some(index) { Role::Strong } else { Role::Dim });
        row.put_left(look, &line.at.hms(), TIME + 2, time);
        if self.streams {
            row.put_left(look, line.stream.as_str(), STREAM, look.style(Role::Dim));
        }
    }

    fn text(&self, text: &str, style: Style, row: Option<Row<'_>>, look: Look<'_>) {
        let Some(mut row) = row else { return };
        row.skip(indent(self.streams));
        let mut at = 0;
        for range in matches(text, self.find) {
            row.put(look, &text[at..range.start], style);
            row.put(look, &text[range.clone()], style.patch(look.style(Role::Match)));
            at = range.end;
        }
        row.put(look, &text[at..], style);
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::{text::Text, time::Timestamp};
    use ratatui::style::Color;

    use super::*;
    use crate::widgets::testing::{UNICODE, everywhere, lines, painted};

    fn log() -> Vec<LogLine> {
        let line = |secs: i64, text: &str| LogLine {
            at: Timestamp::from_millis(secs * 1_000),
            stream: Text::new("AllTraffic/i-0a1"),
            text: Text::new(text),
        };
        vec![
            line(1, "starting"),
            line(2, "File \"evaluate.py\", line 88, in main"),
            line(3, "KeyError: 'merchant_category'"),
            line(4, "WARNING low memory"),
        ]
    }

    const PLAIN: Log<'static> =
        Log { lines: &[], top: 0, cursor: None, wrap: false, shift: 0, find: "", streams: false };

    #[test]
    fn lines_are_cut_or_wrapped() {
        let log = log();
        let drawn = |wrap, shift| {
            let log = Log { lines: &log, top: 1, cursor: Some(2), wrap, shift, ..PLAIN };
            lines(&painted(30, 4, UNICODE, |area, buf, look| log.paint(area, buf, look)))
        };
        let cut =
            [" 00:00:02  File \"evaluate.py\"…", "▸00:00:03  KeyError: 'merchan…", " 00:00:04  WARNING low memory", ""];
        assert_eq!(drawn(false, 0), cut);
        assert_eq!(drawn(false, 10)[1], "▸00:00:03  'merchant_category'");
        let wrapped = [
            " 00:00:02  File \"evaluate.py\",",
            "           line 88, in main",
            "▸00:00:03  KeyError:",
            "           'merchant_category'",
        ];
        assert_eq!(drawn(true, 0), wrapped);
    }

    #[test]
    fn what_was_searched_and_what_went_wrong_stand_out() {
        let log = log();
        let log = Log { lines: &log, top: 2, find: "MERCHANT", ..PLAIN };
        let buf = painted(60, 2, UNICODE, |area, buf, look| log.paint(area, buf, look));
        assert_eq!(buf[(11, 0)].fg, Color::Red);
        let hits: String = (0..60).filter(|x| buf[(*x, 0)].bg == Color::Yellow).map(|x| buf[(x, 0)].symbol()).collect();
        assert_eq!(hits, "merchant");
        assert_eq!(buf[(11, 1)].fg, Color::Yellow);
    }

    #[test]
    fn severity_is_read_from_words() {
        let cases = [
            ("KeyError: 'x'", Tone::Bad),
            ("Traceback (most recent call last):", Tone::Bad),
            ("[warn] then ERROR", Tone::Bad),
            ("UserWarning? no; WARNING: yes", Tone::Warn),
            ("DEBUG x", Tone::Dim),
            ("terror and errors", Tone::Plain),
            ("", Tone::Plain),
        ];
        for (text, tone) in cases {
            assert_eq!(severity(text), tone, "{text}");
        }
    }

    #[test]
    fn the_tail_and_the_next_match_are_found() {
        let log = log();
        let area = Rect::new(0, 0, 30, 3);
        assert_eq!(tail(&log, area, false, false), 1);
        assert_eq!(tail(&log, area, true, false), 2);
        assert_eq!(tail(&[], area, true, false), 0);
        assert_eq!(found(&log, 0, true, "memory"), Some(3));
        assert_eq!(found(&log, 3, false, "file"), Some(1));
        assert_eq!(found(&log, 3, true, "file"), None);
        assert_eq!(found(&log, 0, true, ""), None);
    }

    #[test]
    fn works_in_any_rectangle() {
        let log = log();
        for wrap in [false, true] {
            let log = Log { lines: &log, top: 0, cursor: Some(0), wrap, shift: 3, find: "e", streams: true };
            everywhere(|area, buf, look| log.paint(area, buf, look));
        }
    }
}
