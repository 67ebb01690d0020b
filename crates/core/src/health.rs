//! One vocabulary of state for the whole program. State is a symbol and a word before it is a colour.

use serde::{Deserialize, Serialize};

use crate::column::Tone;

/// Ordered from worst to best, so that sorting by health puts trouble first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Bad,
    Warn,
    Busy,
    /// AWS said something we do not know: look, do not touch.
    Unknown,
    Ok,
    Off,
}

impl Health {
    pub const ALL: [Self; 6] = [Self::Bad, Self::Warn, Self::Busy, Self::Unknown, Self::Ok, Self::Off];

    pub const fn symbol(self) -> char {
        match self {
            Self::Bad => '✖',
            Self::Warn => '▲',
            Self::Busy => '◐',
            Self::Unknown => '?',
            Self::Ok => '●',
            Self::Off => '○',
        }
    }

    pub const fn ascii(self) -> char {
        match self {
            Self::Bad => 'x',
            Self::Warn => '!',
            Self::Busy => '~',
            Self::Unknown => '?',
            Self::Ok => '*',
            Self::Off => '-',
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Busy => "working",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Off => "off",
        }
    }

    pub const fn tone(self) -> Tone {
        match self {
            Self::Bad => Tone::Bad,
            Self::Warn => Tone::Warn,
            Self::Busy => Tone::Busy,
            Self::Unknown => Tone::Unknown,
            Self::Ok => Tone::Ok,
            Self::Off => Tone::Off,
        }
    }

    /// True for what `!` (problems only) keeps.
    pub const fn is_problem(self) -> bool {
        matches!(self, Self::Bad | Self::Warn | Self::Unknown)
    }
}
