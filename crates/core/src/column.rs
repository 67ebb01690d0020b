//! A column is data: how it is headed, how wide it may be, how a row fills it, how rows compare in it.
//! The screen, `mldeck get` and the exports read the same list.

use std::{borrow::Cow, cmp::Ordering};

use crate::{text::Text, time::Timestamp};

/// What a colour means, before any theme gives it one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    #[default]
    Plain,
    Dim,
    Strong,
    Accent,
    Ok,
    Busy,
    Warn,
    Bad,
    Off,
    Unknown,
}

/// One cell as it will be read: text that is safe to draw, and its meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell<'a> {
    pub text: Cow<'a, str>,
    pub tone: Tone,
    /// Drawn after the text as a line of blocks; empty for none, `NaN` for a gap.
    pub spark: Cow<'a, [f32]>,
}

impl<'a> Cell<'a> {
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// `–`: the thing has no such value, or we do not know it yet.
    pub fn missing() -> Self {
        Self::new("–").tone(Tone::Dim)
    }

    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    #[must_use]
    pub fn spark(mut self, points: &'a [f32]) -> Self {
        self.spark = Cow::Borrowed(points);
        self
    }

    /// For as long as it is wanted, whatever becomes of the row.
    pub fn into_owned(self) -> Cell<'static> {
        Cell { text: Cow::Owned(self.text.into_owned()), tone: self.tone, spark: Cow::Owned(self.spark.into_owned()) }
    }
}

impl<'a> From<&'a Text> for Cell<'a> {
    fn from(text: &'a Text) -> Self {
        Self::new(text.as_str())
    }
}

impl<'a> From<Option<&'a Text>> for Cell<'a> {
    fn from(text: Option<&'a Text>) -> Self {
        text.map_or_else(Self::missing, Self::from)
    }
}

/// What a row answers when it is asked for a field: sorting, filters, JSON and CSV use this, never the drawn cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Missing,
    Text(Cow<'a, str>),
    Number(f64),
    Time(Timestamp),
    Flag(bool),
}

impl<'a> Value<'a> {
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub fn number(number: impl Into<Option<f64>>) -> Self {
        number.into().map_or(Self::Missing, Self::Number)
    }

    pub fn time(time: impl Into<Option<Timestamp>>) -> Self {
        time.into().map_or(Self::Missing, Self::Time)
    }

    /// A total order: missing last, then by type, numbers by value, texts without case.
    pub fn order(&self, other: &Self) -> Ordering {
        use Value::{Flag, Missing, Number, Text, Time};
        match (self, other) {
            (Missing, Missing) => Ordering::Equal,
            (Missing, _) => Ordering::Greater,
            (_, Missing) => Ordering::Less,
            (Number(a), Number(b)) => a.total_cmp(b),
            (Time(a), Time(b)) => a.cmp(b),
            (Flag(a), Flag(b)) => a.cmp(b),
            (Text(a), Text(b)) => {
                // Names are ASCII; folding them by the Unicode tables costs a second in 20,000 rows.
                let folded = if a.is_ascii() && b.is_ascii() {
                    a.bytes().map(|b| b.to_ascii_lowercase()).cmp(b.bytes().map(|b| b.to_ascii_lowercase()))
                } else {
                    a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
                };
                folded.then_with(|| a.cmp(b))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Time(_) => 1,
            Self::Flag(_) => 2,
            Self::Text(_) => 3,
            Self::Missing => 4,
        }
    }
}

impl<'a> From<&'a Text> for Value<'a> {
    fn from(text: &'a Text) -> Self {
        Self::text(text.as_str())
    }
}

impl<'a> From<Option<&'a Text>> for Value<'a> {
    fn from(text: Option<&'a Text>) -> Self {
        text.map_or(Self::Missing, Self::from)
    }
}

/// When a column is shown: always, on wide screens, or only when asked for (`w`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    Always,
    /// From 120 columns on.
    Wide,
    /// With `w` only, and in `-o wide`.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Fixed(u16),
    /// As wide as its widest visible cell, within these bounds.
    Fit {
        min: u16,
        max: u16,
    },
    /// Takes what the others leave.
    Rest {
        min: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// The moment a row is drawn at, so that ages need no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now(pub Timestamp);

pub struct Column<R: 'static> {
    /// As the table heads it: `P99 ms`.
    pub head: &'static str,
    /// As queries, JSON and CSV call it: `p99`.
    pub name: &'static str,
    pub tier: Tier,
    pub width: Width,
    pub align: Align,
    pub cell: fn(&R, Now) -> Cell<'_>,
    pub value: fn(&R) -> Value<'_>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_sort_last_and_text_ignores_case() {
        let mut values =
            vec![Value::Missing, Value::text("b"), Value::text("A"), Value::Number(2.0), Value::Number(-1.0)];
        values.sort_by(Value::order);
        assert_eq!(
            values,
            [Value::Number(-1.0), Value::Number(2.0), Value::text("A"), Value::text("b"), Value::Missing]
        );
    }
}
