//! Bytes of a terminal as input events.
//!
//! Our own, because it has to hold three promises that a paste or a dying terminal would otherwise break: memory is
//! bounded whatever arrives, an unfinished sequence or paste ends by itself, and nothing here ever waits.
//!
//! Keys are reported as crossterm does, so that key files mean the same. Of the sequences that a terminal may send, those
//! we never asked for (mouse, reports, replies to an earlier program) are swallowed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::input::Input;

/// The longest paste that is kept, in bytes.
pub const PASTE_CAP: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";
/// The longest sequence looked at; longer ones are skipped to their end.
const SEQUENCE_CAP: usize = 64;
/// The longest unasked-for string that is swallowed.
const STRING_CAP: usize = 4_096;

/// What an input thread has to wait for when no byte comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Nothing,
    /// The rest of a sequence, or nothing: then it was the Esc key.
    Sequence,
    /// The end of a paste.
    Paste,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    Char {
        bytes: [u8; 4],
        have: usize,
        need: usize,
        alt: bool,
    },
    Escape,
    /// `ESC` and one of `] P X ^ _`: a string, or that key with Alt.
    Opener(u8),
    Csi(Vec<u8>),
    Ss3,
    /// `ESC [ [`: function keys of the Linux console.
    Console,
    /// Bytes of an old mouse report still to skip.
    Mouse(u8),
    Text {
        len: usize,
        escape: bool,
    },
    Paste {
        text: Vec<u8>,
        cut: bool,
        matched: usize,
    },
}

#[derive(Debug, Default)]
pub struct Parser {
    state: State,
}

impl Parser {
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Input>) {
        for &byte in bytes {
            self.step(byte, out);
        }
    }

    pub fn waiting(&self) -> Waiting {
        match self.state {
            State::Ground => Waiting::Nothing,
            State::Paste { .. } => Waiting::Paste,
            _ => Waiting::Sequence,
        }
    }

    /// No byte came for long enough: what is unfinished is a key of its own, or nothing.
    pub fn expire(&mut self, out: &mut Vec<Input>) {
        match std::mem::take(&mut self.state) {
            State::Escape => press(KeyCode::Esc, KeyModifiers::NONE, out),
            State::Opener(byte) => press_byte(byte, true, out),
            State::Csi(parameters) if parameters.is_empty() => press_byte(b'[', true, out),
            State::Ss3 => press_byte(b'O', true, out),
            State::Paste { .. } => out.push(Input::PasteAbandoned),
            _ => {}
        }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<Input>) {
        self.state = match std::mem::take(&mut self.state) {
            State::Ground => ground(byte, false, out),
            State::Char { bytes, have, need, alt } => char_byte(byte, bytes, have, need, alt, out),
            State::Escape => match byte {
                b'[' => State::Csi(Vec::new()),
                b'O' => State::Ss3,
                b']' | b'P' | b'X' | b'^' | b'_' => State::Opener(byte),
                0x1b => {
                    press(KeyCode::Esc, KeyModifiers::NONE, out);
                    State::Escape
                }
                _ => ground(byte, true, out),
            },
            State::Opener(opener) => {
                if matches!(byte, b'0'..=b'9' | b'>' | b'+' | b'$' | b'!' | b'G' if opener != b']' || byte.is_ascii_digit())
                {
                    State::Text { len: 0, escape: false }
                } else {
                    press_byte(opener, true, out);
                    ground(byte, false, out)
                }
            }
            State::Csi(parameters) => csi_byte(byte, parameters, out),
            State::Ss3 => {
                ss3(byte, out);
                State::Ground
            }
            State::Console => {
                if let b'A'..=b'E' = byte {
                    press(KeyCode::F(byte - b'A' + 1), KeyModifiers::NONE, out);
                }
                State::Ground
            }
            State::Mouse(left) if left > 1 => State::Mouse(left - 1),
            State::Mouse(_) => State::Ground,
            State::Text { len, escape } => match byte {
                7 | 0x9c => State::Ground,
                b'\\' if escape => State::Ground,
                _ if len >= STRING_CAP => State::Ground,
                _ => State::Text { len: len + 1, escape: byte == 0x1b },
            },
            State::Paste { text, cut, matched } => paste_byte(byte, text, cut, matched, out),
        };
    }
}

fn ground(byte: u8, alt: bool, out: &mut Vec<Input>) -> State {
    let need = match byte {
        0x1b => return State::Escape,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => {
            press_byte(byte, alt, out);
            return State::Ground;
        }
    };
    State::Char { bytes: [byte, 0, 0, 0], have: 1, need, alt }
}

/// A byte of a character beyond ASCII. A broken one is dropped and the byte that broke it starts anew.
fn char_byte(byte: u8, mut bytes: [u8; 4], have: usize, need: usize, alt: bool, out: &mut Vec<Input>) -> State {
    if !(0x80..0xc0).contains(&byte) {
        return ground(byte, false, out);
    }
    bytes[have] = byte;
    if have + 1 < need {
        return State::Char { bytes, have: have + 1, need, alt };
    }
    if let Some(c) = std::str::from_utf8(&bytes[..need]).ok().and_then(|text| text.chars().next())
        && !c.is_control()
    {
        press_char(c, if alt { KeyModifiers::ALT } else { KeyModifiers::NONE }, out);
    }
    State::Ground
}

fn csi_byte(byte: u8, mut parameters: Vec<u8>, out: &mut Vec<Input>) -> State {
    match byte {
        b' '..=b'?' => {
            if parameters.len() < SEQUENCE_CAP {
                parameters.push(byte);
            }
            State::Csi(parameters)
        }
        b'[' if parameters.is_empty() => State::Console,
        b'M' if parameters.is_empty() => State::Mouse(3),
        b'~' if parameters == b"200" => State::Paste { text: Vec::new(), cut: false, matched: 0 },
        b'@'..=b'~' => {
            if parameters.len() < SEQUENCE_CAP {
                csi(&parameters, byte, out);
            }
            State::Ground
        }
        // Cut off by something else.
        _ => ground(byte, false, out),
    }
}

/// A finished control sequence; one we do not know is nothing.
fn csi(parameters: &[u8], last: u8, out: &mut Vec<Input>) {
    if parameters.first().is_some_and(|first| matches!(first, b'<'..=b'?')) {
        return;
    }
    let mut numbers = [0_u32; 3];
    for (number, field) in numbers.iter_mut().zip(parameters.split(|b| *b == b';')) {
        let digits = field.split(|b| *b == b':').next().unwrap_or_default();
        *number = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).unwrap_or(0);
    }
    let [first, second, third] = numbers;
    let modifiers = modifiers(second);
    let code = match (last, first) {
        (b'I', _) => return out.push(Input::Focus(true)),
        (b'O', _) => return out.push(Input::Focus(false)),
        (b'Z', _) => return press(KeyCode::BackTab, KeyModifiers::SHIFT, out),
        (b'u', _) if released(parameters) => return,
        (b'u', code) => return press_code(code, modifiers, out),
        (b'~', 27) => return press_code(third, modifiers, out),
        (b'~', 1 | 7) => KeyCode::Home,
        (b'~', 2) => KeyCode::Insert,
        (b'~', 3) => KeyCode::Delete,
        (b'~', 4 | 8) => KeyCode::End,
        (b'~', 5) => KeyCode::PageUp,
        (b'~', 6) => KeyCode::PageDown,
        (b'~', n @ 11..=15) => KeyCode::F((n - 10) as u8),
        (b'~', n @ 17..=21) => KeyCode::F((n - 11) as u8),
        (b'~', n @ 23..=24) => KeyCode::F((n - 12) as u8),
        (b'A', _) => KeyCode::Up,
        (b'B', _) => KeyCode::Down,
        (b'C', _) => KeyCode::Right,
        (b'D', _) => KeyCode::Left,
        (b'H', _) => KeyCode::Home,
        (b'F', _) => KeyCode::End,
        (b'P', _) => KeyCode::F(1),
        (b'Q', _) => KeyCode::F(2),
        // A cursor report ends like this, too; only the form with a modifier can be a key.
        (b'R', 1) if (2..=16).contains(&second) => KeyCode::F(3),
        (b'S', _) => KeyCode::F(4),
        _ => return,
    };
    press(code, modifiers, out);
}

/// In the keyboard protocol of kitty: the third kind of event is letting go.
fn released(parameters: &[u8]) -> bool {
    parameters.split(|b| *b == b';').nth(1).is_some_and(|field| field.ends_with(b":3"))
}

fn ss3(byte: u8, out: &mut Vec<Input>) {
    let code = match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
        _ => return,
    };
    press(code, KeyModifiers::NONE, out);
}

fn paste_byte(byte: u8, mut text: Vec<u8>, mut cut: bool, mut matched: usize, out: &mut Vec<Input>) -> State {
    if byte == PASTE_END[matched] {
        matched += 1;
        if matched < PASTE_END.len() {
            return State::Paste { text, cut, matched };
        }
        out.push(Input::Paste { text: pasted(&text), cut });
        return State::Ground;
    }
    let mut keep = |bytes: &[u8]| {
        let room = PASTE_CAP - text.len();
        cut |= bytes.len() > room;
        text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    };
    keep(&PASTE_END[..matched]);
    let restart = usize::from(byte == PASTE_END[0]);
    if restart == 0 {
        keep(&[byte]);
    }
    State::Paste { text, cut, matched: restart }
}

/// Terminals send line ends as carriage returns. A character halved by the cap is left out.
fn pasted(bytes: &[u8]) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    String::from_utf8_lossy(whole).replace("\r\n", "\n").replace('\r', "\n")
}

/// Codes are one more than a set of bits.
fn modifiers(code: u32) -> KeyModifiers {
    let bits = code.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        if bits & bit != 0 {
            modifiers |= modifier;
        }
    }
    modifiers
}

/// A key given as a code point.
fn press_code(code: u32, modifiers: KeyModifiers, out: &mut Vec<Input>) {
    match char::from_u32(code) {
        Some('\r') => press(KeyCode::Enter, modifiers, out),
        Some('\t') if modifiers.contains(KeyModifiers::SHIFT) => press(KeyCode::BackTab, modifiers, out),
        Some('\t') => press(KeyCode::Tab, modifiers, out),
        Some('\u{1b}') => press(KeyCode::Esc, modifiers, out),
        Some('\u{7f}' | '\u{8}') => press(KeyCode::Backspace, modifiers, out),
        // Private use stands for keys without a character.
        Some(c) if !c.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&c) => press_char(c, modifiers, out),
        _ => {}
    }
}

/// A key given as one byte below 0x80.
fn press_byte(byte: u8, alt: bool, out: &mut Vec<Input>) {
    let alt = if alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
    let ctrl = alt | KeyModifiers::CONTROL;
    match byte {
        b'\r' => press(KeyCode::Enter, alt, out),
        b'\t' => press(KeyCode::Tab, alt, out),
        0x7f => press(KeyCode::Backspace, alt, out),
        0 => press(KeyCode::Char(' '), ctrl, out),
        0x01..=0x1a => press(KeyCode::Char(char::from(byte - 1 + b'a')), ctrl, out),
        0x1c..=0x1f => press(KeyCode::Char(char::from(byte - 0x1c + b'4')), ctrl, out),
        b' '..=b'~' => press_char(char::from(byte), alt, out),
        _ => {}
    }
}

fn press_char(c: char, mut modifiers: KeyModifiers, out: &mut Vec<Input>) {
    if c.is_uppercase() {
        modifiers |= KeyModifiers::SHIFT;
    }
    press(KeyCode::Char(c), modifiers, out);
}

fn press(code: KeyCode, modifiers: KeyModifiers, out: &mut Vec<Input>) {
    out.push(Input::Key(KeyEvent::new(code, modifiers)));
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
