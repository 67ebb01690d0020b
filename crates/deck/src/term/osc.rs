//! Bytes for the few things besides cells that a terminal is told: clipboard, notification, title.
//!
//! Every text is cleaned here once more, so that no caller can open or close a sequence by what it passes. The clipboard
//! is only ever written; a terminal is never asked for anything.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mldeck_core::text::Text;

use super::guard;
use crate::config::Notifications;

/// The longest text that goes to the clipboard, in bytes. Terminals cut or drop longer ones silently.
pub const CLIPBOARD_CAP: usize = 64 * 1024;

/// The longest notification or title, in characters.
const LINE_CAP: usize = 120;

/// Whether the person allows programs on this host to set their clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clipboard {
    #[default]
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    #[error("copying to the terminal's clipboard is turned off")]
    Off,
    #[error("{bytes} bytes are more than a terminal takes ({CLIPBOARD_CAP})")]
    TooLong { bytes: usize },
    #[error("there is nothing to copy")]
    Empty,
}

/// Asks the terminal to put `text`, as drawn, on its clipboard. Whether it did cannot be known: say "sent", not
/// "copied".
///
/// # Errors
/// When copying is off, or the text is empty or too long. A long text is refused, not cut: half an ARN is worse
/// than none.
pub fn copy(text: &Text, clipboard: Clipboard) -> Result<Vec<u8>, CopyError> {
    let mut clean = String::with_capacity(text.as_str().len());
    // Several rows are one copy; a newline between them is data, and base64 carries it safely.
    for (n, line) in text.as_str().split('\n').enumerate() {
        if n > 0 {
            clean.push('\n');
        }
        guard::clean_into(line, usize::MAX, &mut clean);
    }
    match (clipboard, clean.len()) {
        (Clipboard::Off, _) => Err(CopyError::Off),
        (_, 0) => Err(CopyError::Empty),
        (_, bytes @ CLIPBOARD_CAP..) if bytes > CLIPBOARD_CAP => Err(CopyError::TooLong { bytes }),
        _ => Ok(format!("\x1b]52;c;{}\x1b\\", STANDARD.encode(&clean)).into_bytes()),
    }
}

/// A notification: `what` is our own fixed text (`"rollback done"`), `name` the thing it is about.
pub fn notify(how: Notifications, what: &'static str, name: &Text) -> Vec<u8> {
    let what = line(what);
    let name = line(name.as_str());
    match how {
        Notifications::Off => Vec::new(),
        Notifications::Bell => vec![7],
        // A text that starts like ConEmu's numbered commands would run one of them; ours starts with a word.
        Notifications::Osc9 => format!("\x1b]9;mldeck: {what} {name}\x1b\\").into_bytes(),
        Notifications::Osc777 => format!("\x1b]777;notify;mldeck;{what} {name}\x1b\\").into_bytes(),
    }
}

/// Sets the window title, to text of our own only: a title outlives the program and some terminals can be made to
/// type it back.
pub fn title(ours: &'static str) -> Vec<u8> {
    format!("\x1b]2;{}\x1b\\", line(ours)).into_bytes()
}

/// One line without anything that separates, ends or hides. `;` separates the fields of OSC 777.
fn line(text: &str) -> String {
    let mut clean = String::new();
    guard::clean_into(text, LINE_CAP, &mut clean);
    let mut out = String::with_capacity(clean.len());
    for c in clean.chars() {
        let _ = if c == ';' { out.write_char(',') } else { out.write_char(c) };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> String {
        let body =
            std::str::from_utf8(bytes).unwrap().strip_prefix("\x1b]52;c;").unwrap().strip_suffix("\x1b\\").unwrap();
        String::from_utf8(STANDARD.decode(body).unwrap()).unwrap()
    }

    #[test]
    fn copies_what_is_drawn() {
        let arn = "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod";
        assert_eq!(decoded(&copy(&Text::new(arn), Clipboard::On).unwrap()), arn);
        let hostile = decoded(&copy(&Text::new("a\x1b]52;c;?\x07\u{202e}b"), Clipboard::On).unwrap());
        assert!(!hostile.chars().any(|c| c.is_control() || c == '\u{202e}'), "{hostile:?}");
    }

    #[test]
    fn refuses_rather_than_cuts() {
        let full = Text::new(&"x".repeat(CLIPBOARD_CAP));
        let over = Text::new(&"x".repeat(CLIPBOARD_CAP + 1));
        assert_eq!(decoded(&copy(&full, Clipboard::On).unwrap()).len(), CLIPBOARD_CAP);
        assert_eq!(copy(&over, Clipboard::On), Err(CopyError::TooLong { bytes: CLIPBOARD_CAP + 1 }));
        assert_eq!(copy(&Text::new("x"), Clipboard::Off), Err(CopyError::Off));
        assert_eq!(copy(&Text::new(""), Clipboard::On), Err(CopyError::Empty));
    }

    #[test]
    fn notifications_carry_one_clean_line() {
        let name = Text::new("fraud;prod\x07\x1b]0;x");
        assert_eq!(notify(Notifications::Off, "rollback done", &name), b"");
        assert_eq!(notify(Notifications::Bell, "rollback done", &name), b"\x07");
        for how in [Notifications::Osc9, Notifications::Osc777] {
            let bytes = notify(how, "rollback done", &name);
            let text = std::str::from_utf8(&bytes).unwrap();
            let body = text.strip_prefix("\x1b]").unwrap().strip_suffix("\x1b\\").unwrap();
            assert!(!body.chars().any(char::is_control), "{body:?}");
            assert!(body.contains("rollback done fraud,prod"), "{body:?}");
        }
        let long = notify(Notifications::Osc9, "done", &Text::new(&"n".repeat(10_000)));
        assert!(long.len() < 200, "{}", long.len());
    }

    #[test]
    fn a_title_is_one_sequence() {
        assert_eq!(title("mldeck"), b"\x1b]2;mldeck\x1b\\");
        assert_eq!(title("a\x07b"), b"\x1b]2;a\\u{7}b\x1b\\");
    }
}
