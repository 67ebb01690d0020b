//! What mldeck may say to a terminal, as a list: everything else is a violation.
//!
//! Written apart from the painter and from any emulator, so that a mistake in either does not hide one here. It reads a
//! byte stream strictly: an unfinished sequence, a control character or a hidden one is an error, not a guess.

use std::fmt;

/// The private modes that may be set and reset.
const MODES: [&str; 6] = ["7", "25", "1004", "1049", "2004", "2026"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub at: usize,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.what)
    }
}

/// What was said, for tests that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub characters: usize,
    pub bells: usize,
    /// Bodies of operating system commands.
    pub commands: Vec<String>,
    /// Private modes in the order they were set (`true`) and reset.
    pub modes: Vec<(String, bool)>,
    /// Whole clears of the screen.
    pub clears: usize,
}

impl Said {
    /// How a mode was left; `None` when it was never touched.
    pub fn mode(&self, name: &str) -> Option<bool> {
        self.modes.iter().rev().find(|(mode, _)| mode == name).map(|(_, on)| *on)
    }
}

/// Reads all of `bytes`.
pub fn check(bytes: &[u8]) -> Result<Said, Violation> {
    let mut said = Said::default();
    let mut at = 0;
    while at < bytes.len() {
        at += one(&bytes[at..], &mut said).map_err(|what| Violation { at, what })?;
    }
    Ok(said)
}

/// Reads one character or sequence and returns its length.
fn one(bytes: &[u8], said: &mut Said) -> Result<usize, String> {
    match bytes {
        [0x1b, b'[', rest @ ..] => {
            let end = rest.iter().position(|b| !(b' '..=b'?').contains(b)).ok_or("unfinished control sequence")?;
            let parameters = std::str::from_utf8(&rest[..end]).map_err(|e| e.to_string())?;
            control(parameters, char::from(rest[end]), said)?;
            Ok(end + 3)
        }
        [0x1b, b']', rest @ ..] => {
            let end = rest.iter().position(|b| *b < b' ' || *b == 0x7f).ok_or("unfinished command")?;
            if !rest[end..].starts_with(b"\x1b\\") {
                return Err(format!("a command ended by {:#04x}", rest[end]));
            }
            let body = std::str::from_utf8(&rest[..end]).map_err(|e| e.to_string())?;
            command(body)?;
            said.commands.push(body.to_owned());
            Ok(end + 4)
        }
        [0x1b, b'\\', ..] => Ok(2),
        [7, ..] => {
            said.bells += 1;
            Ok(1)
        }
        _ => {
            said.characters += 1;
            printable(bytes)
        }
    }
}

fn control(parameters: &str, last: char, said: &mut Said) -> Result<(), String> {
    let numbers = |most: usize| {
        let fields: Vec<&str> = parameters.split(';').collect();
        let plain = fields.iter().all(|f| f.len() <= 5 && f.bytes().all(|b| b.is_ascii_digit()));
        plain && fields.len() <= most
    };
    let allowed = match last {
        'A' | 'B' | 'C' | 'D' | 'G' => numbers(1),
        'H' => numbers(2),
        'm' => numbers(32),
        'K' => parameters.is_empty(),
        'J' => {
            said.clears += 1;
            parameters == "2"
        }
        'h' | 'l' => parameters.strip_prefix('?').is_some_and(|mode| {
            said.modes.push((mode.to_owned(), last == 'h'));
            MODES.contains(&mode)
        }),
        _ => false,
    };
    if allowed { Ok(()) } else { Err(format!("control sequence {parameters:?} {last:?}")) }
}

fn command(body: &str) -> Result<(), String> {
    let base64 = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let line = |text: &str| !text.contains(';') && !text.chars().any(hidden) && text.len() < 1_024;
    let allowed = if let Some(copied) = body.strip_prefix("52;c;") {
        base64(copied)
    } else if let Some(text) = body.strip_prefix("9;mldeck: ").or_else(|| body.strip_prefix("777;notify;mldeck;")) {
        line(text)
    } else {
        body.strip_prefix("2;mldeck").is_some_and(line)
    };
    if allowed { Ok(()) } else { Err(format!("command {body:?}")) }
}

fn printable(bytes: &[u8]) -> Result<usize, String> {
    let width = match bytes[0] {
        0..0x80 => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        byte => return Err(format!("byte {byte:#04x}")),
    };
    let text = bytes.get(..width).and_then(|b| std::str::from_utf8(b).ok()).ok_or("broken character")?;
    match text.chars().next() {
        Some(c) if !hidden(c) => Ok(width),
        c => Err(format!("character {c:?}")),
    }
}

/// Control characters, bidi and zero-width ones, separators, tags.
fn hidden(c: char) -> bool {
    let code = u32::from(c);
    code < 0x20
        || (0x7f..0xa0).contains(&code)
        || [0xad, 0x34f, 0x61c, 0x180e, 0xfeff].contains(&code)
        || (0x200b..=0x200f).contains(&code)
        || (0x2028..=0x202e).contains(&code)
        || (0x2060..=0x206f).contains(&code)
        || (0xfff9..=0xfffb).contains(&code)
        || (0xe0000..=0xe007f).contains(&code)
}
