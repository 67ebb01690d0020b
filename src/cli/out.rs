//! The only place that prints. Text from outside comes here escaped; a closed pipe is a normal end.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use mldeck_core::text::Text;
use serde::Serialize;

/// Writes to standard output; a reader that went away (`| head`) is no error.
pub fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A document as JSON that is safe on a terminal: what [`Text`] would not draw as it is stands as `\u…`, which is the same JSON.
pub fn json<T: Serialize>(document: &T) -> String {
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        let plain = c.is_ascii() && (c == '\n' || !c.is_ascii_control());
        if plain || Text::new(c.encode_utf8(&mut [0; 4])).as_str().chars().eq([c]) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('\n');
    out
}

/// Writes one line to standard error; where that fails nothing can be said any more.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn json_for_a_terminal_hides_nothing_and_turns_nothing_around() {
        let document = json!({"Value": "a\u{202e}b\u{9b}31m\u{200b}ü→\u{1f600}\u{e0041}\u{7f}"});
        let text = super::json(&document);
        assert!(text.contains("ü→"), "{text}");
        assert!(!text.chars().any(|c| ['\u{202e}', '\u{9b}', '\u{200b}', '\u{e0041}'].contains(&c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
