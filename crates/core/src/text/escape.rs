//! From outside text to what is shown, and back.
//!
//! A code point that cannot be seen, or that changes how its neighbours are drawn, becomes `\u{1b}`. Backslashes stay as
//! they are, except in a run that stands directly before such a notation or before a literal `u{`: there the run is
//! doubled. So a run of odd length before `u{` always ends in a notation, one of even length never does, and ordinary
//! Windows paths and patterns read as they were written.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks that one base may carry; what goes beyond is shown as notation.
pub(super) const MARKS_MAX: usize = 4;
/// Bytes of one grapheme cluster.
pub(super) const CLUSTER_MAX: usize = 32;

const EMOJI_SELECTOR: char = '\u{fe0f}';

/// True when `raw` is shown exactly as it is and holds ASCII only: almost every name, id and ARN.
pub(super) fn is_plain(raw: &str) -> bool {
    raw.bytes().all(|b| matches!(b, 0x20..=0x7e)) && !raw.contains("\\u{")
}

pub(super) fn escape(raw: &str) -> String {
    let mut writer = Writer { out: String::with_capacity(raw.len() + raw.len() / 8), slashes: 0, cluster: None };
    for (at, cluster) in raw.grapheme_indices(true) {
        writer.cluster = None;
        for c in cluster.chars() {
            match c {
                '\\' => {
                    writer.slashes += 1;
                    writer.cluster = Some(Cluster { base: c, marks: 0, bytes: 1 });
                }
                'u' if raw[at..].starts_with("u{") => writer.literal(c, true),
                _ if writer.takes(c) => writer.literal(c, false),
                _ => writer.notation(c),
            }
        }
    }
    writer.flush(false);
    writer.out
}

/// The inverse of [`escape`].
pub(super) fn unescape(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let tail = rest.trim_start_matches('\\');
        let slashes = rest.len() - tail.len();
        rest = tail;
        if !tail.starts_with("u{") {
            push_slashes(&mut out, slashes);
            continue;
        }
        push_slashes(&mut out, slashes / 2);
        if slashes % 2 == 1
            && let Some((hex, after)) = tail[2..].split_once('}')
            && let Some(c) = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
        {
            out.push(c);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn push_slashes(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('\\', count));
}

/// The cluster being written: what it stands on and how much of its allowance is used.
struct Cluster {
    base: char,
    marks: usize,
    bytes: usize,
}

struct Writer {
    out: String,
    /// Backslashes read and not yet written: what follows decides whether they are doubled.
    slashes: usize,
    /// `None` where nothing stands that a mark may be drawn on.
    cluster: Option<Cluster>,
}

impl Writer {
    fn takes(&self, c: char) -> bool {
        match &self.cluster {
            Some(Cluster { base, marks: 0, .. }) if c == EMOJI_SELECTOR => widens(*base),
            _ if is_hidden(c) => false,
            Some(cluster) => cluster.marks < MARKS_MAX && cluster.bytes + c.len_utf8() <= CLUSTER_MAX,
            None => c.is_ascii() || stands(c),
        }
    }

    fn literal(&mut self, c: char, doubled: bool) {
        self.flush(doubled);
        self.out.push(c);
        match &mut self.cluster {
            Some(cluster) => {
                cluster.marks += 1;
                cluster.bytes += c.len_utf8();
            }
            None => self.cluster = Some(Cluster { base: c, marks: 0, bytes: c.len_utf8() }),
        }
    }

    fn notation(&mut self, c: char) {
        self.flush(true);
        self.out.extend(c.escape_unicode());
        self.cluster = None;
    }

    fn flush(&mut self, doubled: bool) {
        let count = if doubled { self.slashes * 2 } else { self.slashes };
        push_slashes(&mut self.out, count);
        self.slashes = 0;
    }
}

/// True for what is never shown as itself: controls, formats (bidi controls, zero-width, tags), separators and spaces other
/// than the plain one, private use, unassigned code points, and blanks that Unicode files under letters, marks or symbols.
pub(super) fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    is_blank(c) || !is_printable(c)
}

/// Draws nothing, though its general category says it is a letter, a mark or a symbol.
const fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffc}' | '\u{16fe4}' | '\u{1d159}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The standard library keeps the table of general categories for `Debug`; after a first letter it leaves combining
/// marks alone, so only what is not printable comes back changed.
fn is_printable(c: char) -> bool {
    let mut bytes = [b'a', 0, 0, 0, 0];
    let len = 1 + c.encode_utf8(&mut bytes[1..]).len();
    std::str::from_utf8(&bytes[..len]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

/// True when `c` can begin a cluster: it takes room and does not hang on what is before it.
fn stands(c: char) -> bool {
    let mut bytes = [b'}', 0, 0, 0, 0];
    let len = 1 + c.encode_utf8(&mut bytes[1..]).len();
    c.width().unwrap_or(0) > 0 && std::str::from_utf8(&bytes[..len]).is_ok_and(|text| text.graphemes(true).count() == 2)
}

/// True when the emoji selector makes `base` an emoji. Never for digits: terminals disagree on the width of those.
fn widens(base: char) -> bool {
    let mut text = String::from(base);
    text.push(EMOJI_SELECTOR);
    !base.is_ascii() && base.width() == Some(1) && text.width() == 2
}
