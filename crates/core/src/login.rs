//! Signing in where a person is needed: what is asked of them, and how far it is.

use crate::{text::Text, time::Timestamp};

/// The digits that an MFA device shows. Good once, for half a minute, and in no log: its `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// As many digits as a device of AWS shows.
pub const DIGITS: usize = 6;

impl Code {
    /// Six digits; blanks around and between them are how devices show them and how they are pasted. `None` for all else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then_some(Self(digits))
    }

    /// The digits themselves, for the request and nothing else.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(hidden)")
    }
}

/// How far signing in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The code of this MFA device is wanted, to assume this role.
    Code { device: Text, role: Text },
    /// Somebody has to approve `code` at `address` in a browser, on whatever machine, before it expires.
    Browser {
        /// With the code in it, where the service offers that.
        address: Text,
        code: Text,
        expires: Timestamp,
    },
    /// There are credentials.
    Done,
}

/// From this much life on, in milliseconds, the end of credentials is told beside who we are.
pub const NEAR: i64 = 15 * crate::time::MINUTE;
/// And from this on louder.
pub const NEARER: i64 = 5 * crate::time::MINUTE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_a_code_however_they_are_pasted_and_are_never_shown() {
        for (text, digits) in [
            ("123456", Some("123456")),
            (" 123 456\n", Some("123456")),
            ("12345", None),
            ("1234567", None),
            ("12345a", None),
            ("１２３４５６", None),
            ("", None),
        ] {
            assert_eq!(Code::parse(text).as_ref().map(Code::digits), digits, "{text:?}");
        }
        assert_eq!(format!("{:?}", Code::parse("123456").unwrap()), "Code(hidden)");
    }
}
