//! What the program reads from outside, out of arbitrary bytes, and what must hold of all that was read.
//!
//! The fuzzer and the test that replays the corpora share these files, so that neither checks anything the other does not.

mod operations;
mod reports;
mod settings;
mod terminal;
mod text;

/// Reads its bytes, and panics when a promise is broken.
type Check = fn(&[u8]);

/// Every reader by the name of its fuzz target and of its folder below `fuzz/corpus`.
pub const TARGETS: &[(&str, Check)] = &[
    ("keyboard", terminal::keyboard),
    ("config", settings::config),
    ("keymap", settings::keymap),
    ("theme", settings::theme),
    ("plan", operations::plan),
    ("journal", operations::journal),
    ("report", reports::report),
    ("definition", reports::definition),
    ("escape", text::escape),
    ("mask", text::mask),
    ("filter", text::filter),
];

/// Text where a reader takes text; bytes that are none are shown as U+FFFD, as none of the readers sees them.
fn lossy(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The files in one input, with a line of four dashes between them.
fn files(data: &[u8]) -> Vec<&[u8]> {
    const BETWEEN: &[u8] = b"\n----\n";
    let mut out = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        out.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    out.push(rest);
    out
}

/// Nothing in it acts on a terminal, turns its neighbours round, or cannot be seen. A list of its own, so that a gap in the
/// escaper's is no gap here.
#[track_caller]
fn assert_visible(shown: &str) {
    let mut before = ' ';
    for c in shown.chars() {
        let emoji = c == '\u{fe0f}' && !before.is_ascii();
        let hidden = c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        assert!(emoji || !hidden, "{c:?} is left in {shown:?}");
        before = c;
    }
}
