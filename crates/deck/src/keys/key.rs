//! One key: as files spell it, as the terminal reports it.

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use mldeck_core::text::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Home,
    End,
    PageUp,
    PageDown,
    Up,
    Down,
    Left,
    Right,
    F(u8),
}

/// A key with its modifiers in one normal form: Shift is inside the character (`B`, never `shift-b`), and a Ctrl chord is
/// lower case, because terminals disagree on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

/// Printed name first; the others are read, too.
const NAMES: &[(Code, &[&str])] = &[
    (Code::Char(' '), &["space", "spc"]),
    (Code::Enter, &["enter", "return", "ret"]),
    (Code::Esc, &["esc", "escape"]),
    (Code::Tab, &["tab"]),
    (Code::Backspace, &["backspace", "bs"]),
    (Code::Delete, &["delete", "del"]),
    (Code::Insert, &["insert", "ins"]),
    (Code::Home, &["home"]),
    (Code::End, &["end"]),
    (Code::PageUp, &["page-up", "pageup", "pgup"]),
    (Code::PageDown, &["page-down", "pagedown", "pgdn"]),
    (Code::Up, &["up"]),
    (Code::Down, &["down"]),
    (Code::Left, &["left"]),
    (Code::Right, &["right"]),
];

impl Key {
    pub const fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    pub const fn char(c: char) -> Self {
        Self::plain(Code::Char(c))
    }

    /// `None` for a release, a lone modifier, media keys and chords with Super, Hyper or Meta.
    pub fn from_event(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release
            || event.modifiers.intersects(KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META)
        {
            return None;
        }
        let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(c) => Code::Char(c),
            // Ctrl-Space arrives as NUL on terminals without an extended protocol.
            KeyCode::Null => {
                return Some(Self { ctrl: true, ..Self::char(' ') });
            }
            KeyCode::Enter => Code::Enter,
            KeyCode::Esc => Code::Esc,
            KeyCode::Tab => Code::Tab,
            KeyCode::BackTab => {
                shift = true;
                Code::Tab
            }
            KeyCode::Backspace => Code::Backspace,
            KeyCode::Delete => Code::Delete,
            KeyCode::Insert => Code::Insert,
            KeyCode::Home => Code::Home,
            KeyCode::End => Code::End,
            KeyCode::PageUp => Code::PageUp,
            KeyCode::PageDown => Code::PageDown,
            KeyCode::Up => Code::Up,
            KeyCode::Down => Code::Down,
            KeyCode::Left => Code::Left,
            KeyCode::Right => Code::Right,
            KeyCode::F(n) => Code::F(n),
            _ => return None,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        Some(Self { code, ctrl, alt, shift }.normal())
    }

    fn normal(mut self) -> Self {
        if let Code::Char(c) = self.code {
            self.code = Code::Char(if self.ctrl {
                only(c.to_lowercase(), c)
            } else if self.shift {
                only(c.to_uppercase(), c)
            } else {
                c
            });
            self.shift = false;
        }
        self
    }

    /// The character it types into a field; `None` for a chord or a named key.
    pub const fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Alt with a capital is what a slow link makes of Esc and a capital: it never means anything.
    pub fn is_inert(self) -> bool {
        self.alt && matches!(self.code, Code::Char(c) if c.is_uppercase())
    }

    /// Whether a command that leads to a change may lie here: a capital, or a named key without Ctrl and Alt.
    pub fn may_mutate(self) -> bool {
        !self.ctrl && !self.alt && !matches!(self.code, Code::Char(c) if !c.is_uppercase())
    }
}

/// The case mapping of one character when it is one character again (`ß` stays itself).
fn only(mut mapped: impl Iterator<Item = char>, original: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(c), None) => c,
        _ => original,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (on, name) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if on {
                f.write_str(name)?;
            }
        }
        match NAMES.iter().find(|(code, _)| *code == self.code) {
            Some((_, names)) => f.write_str(names.first().copied().unwrap_or_default()),
            None => match self.code {
                Code::F(n) => write!(f, "f{n}"),
                Code::Char(c) => write!(f, "{c}"),
                _ => Ok(()),
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("no key is written here")]
    Empty,
    #[error(
        "`{0}` is no key: write one character (`B`, `<`) or a name (enter, esc, space, page-up, f5), with ctrl- alt- shift- before it"
    )]
    Unknown(String),
    #[error("`{0}`: which character Shift makes of it depends on the keyboard; write that character")]
    Shifted(String),
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut key = Self::plain(Code::Enter);
        let mut rest = text;
        while let Some((modifier, tail)) = rest.split_once('-').filter(|(m, tail)| !m.is_empty() && !tail.is_empty()) {
            let seen = match modifier.to_ascii_lowercase().as_str() {
                "ctrl" => &mut key.ctrl,
                "alt" => &mut key.alt,
                "shift" => &mut key.shift,
                _ => break,
            };
            *seen = true;
            rest = tail;
        }
        let mut chars = rest.chars();
        key.code = match (chars.next(), chars.next()) {
            (None, _) => return Err(KeyError::Empty),
            (Some(c), None) if c.is_whitespace() || !is_visible(c) => {
                return Err(KeyError::Unknown(text.to_owned()));
            }
            (Some(c), None) if key.shift && !c.is_alphabetic() => return Err(KeyError::Shifted(text.to_owned())),
            (Some(c), None) => Code::Char(c),
            _ => named(rest).ok_or_else(|| KeyError::Unknown(text.to_owned()))?,
        };
        Ok(key.normal())
    }
}

/// Hints draw the character: one that acts on the screen or cannot be seen is no key.
fn is_visible(c: char) -> bool {
    let raw = c.to_string();
    Text::new(&raw).as_str() == raw
}

fn named(word: &str) -> Option<Code> {
    let word = word.to_ascii_lowercase();
    if let Some((code, _)) = NAMES.iter().find(|(_, names)| names.contains(&word.as_str())) {
        return Some(*code);
    }
    let number: u8 = word.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then_some(Code::F(number))
}

/// Keys in a row, as files spell them: `g g`.
pub fn sequence(text: &str) -> Result<Vec<Key>, KeyError> {
    let keys = text.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(KeyError::Empty) } else { Ok(keys) }
}

/// `g g`
pub fn spell(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_read_and_printed() {
        for (text, printed) in [
            ("ctrl-r", "ctrl-r"),
            ("Ctrl-R", "ctrl-r"),
            ("space", "space"),
            ("g  g", "g g"),
            ("alt-x", "alt-x"),
            ("B", "B"),
            ("shift-b", "B"),
            ("<", "<"),
            ("-", "-"),
            ("ctrl--", "ctrl--"),
            ("F5", "f5"),
            ("shift-f5", "shift-f5"),
            ("PgUp", "page-up"),
            ("ctrl-page-up", "ctrl-page-up"),
            ("alt-ctrl-left", "ctrl-alt-left"),
            ("\\", "\\"),
            ("é", "é"),
        ] {
            assert_eq!(sequence(text).map(|keys| spell(&keys)).as_deref(), Ok(printed), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "", " ", "enterr", "ctrl-", "hyper-x", "f0", "f25", "shift-1", "ctrl-alt", "ab", "\u{200b}", "\u{202e}",
            "\u{301}",
        ] {
            assert!(sequence(text).is_err(), "{text:?} was read as {:?}", sequence(text));
        }
    }

    #[test]
    fn terminals_disagree_and_we_read_the_same() {
        let key = |code, modifiers| Key::from_event(KeyEvent::new(code, modifiers)).map(|key| key.to_string());
        let none = KeyModifiers::NONE;
        assert_eq!(key(KeyCode::Char('B'), KeyModifiers::SHIFT).as_deref(), Some("B"));
        assert_eq!(key(KeyCode::Char('b'), KeyModifiers::SHIFT).as_deref(), Some("B"));
        assert_eq!(key(KeyCode::Char('B'), none).as_deref(), Some("B"));
        assert_eq!(key(KeyCode::Char('R'), KeyModifiers::CONTROL).as_deref(), Some("ctrl-r"));
        assert_eq!(key(KeyCode::BackTab, none).as_deref(), Some("shift-tab"));
        assert_eq!(key(KeyCode::Null, none).as_deref(), Some("ctrl-space"));
        assert_eq!(key(KeyCode::Char('!'), KeyModifiers::SHIFT).as_deref(), Some("!"));
        assert_eq!(key(KeyCode::Char('x'), KeyModifiers::SUPER), None);
        assert_eq!(key(KeyCode::CapsLock, none), None);
        let release = KeyEvent::new_with_kind(KeyCode::Char('B'), none, KeyEventKind::Release);
        assert_eq!(Key::from_event(release), None);
    }

    fn any_event() -> impl Strategy<Value = KeyEvent> {
        let code = prop_oneof![
            any::<char>()
                .prop_filter("typed", |c| is_visible(*c) && (*c == ' ' || !c.is_whitespace()))
                .prop_map(KeyCode::Char),
            (1u8..=24).prop_map(KeyCode::F),
            prop::sample::select(vec![
                KeyCode::Enter,
                KeyCode::Esc,
                KeyCode::Tab,
                KeyCode::BackTab,
                KeyCode::Backspace,
                KeyCode::Delete,
                KeyCode::Insert,
                KeyCode::Home,
                KeyCode::End,
                KeyCode::PageUp,
                KeyCode::PageDown,
                KeyCode::Up,
                KeyCode::Down,
                KeyCode::Left,
                KeyCode::Right,
                KeyCode::Null,
            ]),
        ];
        (code, 0u8..8).prop_map(|(code, bits)| KeyEvent::new(code, KeyModifiers::from_bits_truncate(bits)))
    }

    proptest! {
        #[test]
        fn every_key_a_terminal_reports_can_be_written_in_a_file(event in any_event()) {
            let key = Key::from_event(event).expect("no Super, no release");
            prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,12}") {
            let _ = sequence(&text);
        }
    }
}
