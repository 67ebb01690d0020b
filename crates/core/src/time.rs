//! Two clocks, never mixed: [`Timestamp`] is account time, [`Monotonic`] is the screen's.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Account time in milliseconds since the Unix epoch: what AWS says, corrected for local skew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * 1_000.0).round() as i64)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn secs(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// This moment moved by `millis` (negative: earlier).
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the `step` (milliseconds) this moment lies in.
    #[must_use]
    pub const fn floor(self, step: i64) -> Self {
        Self(self.0.div_euclid(step) * step)
    }

    fn civil(self) -> jiff::civil::DateTime {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).datetime()
    }

    /// `2026-11-23T02:11:00Z`: the form Search filters want.
    pub fn iso(self) -> String {
        let t = self.civil();
        format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second())
    }

    /// `02:11:00`, UTC.
    pub fn hms(self) -> String {
        let t = self.civil();
        format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }

    /// `02:11`, UTC.
    pub fn hm(self) -> String {
        let t = self.civil();
        format!("{:02}:{:02}", t.hour(), t.minute())
    }

    /// `2026-11-23`, UTC.
    pub fn date(self) -> String {
        let t = self.civil();
        format!("{:04}-{:02}-{:02}", t.year(), t.month(), t.day())
    }

    /// `2026-11-23 02:11:00 UTC`.
    pub fn full(self) -> String {
        let mut out = self.date();
        let _ = write!(out, " {} UTC", self.hms());
        out
    }

    /// Reads `2026-11-23T02:11:00Z` and every other form RFC 3339 allows.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

/// Time of this process in milliseconds, for the screen and for time-outs. Starts at an arbitrary zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(u64);

impl Monotonic {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> u64 {
        self.0
    }

    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// How long something is ago, at one glance: `now`, `42 m`, `6 h`, `12 d`. Below one minute it reads `now`, so that
/// an idle screen changes at most once a minute.
pub fn age(millis: i64) -> String {
    match millis {
        ..MINUTE => "now".to_owned(),
        MINUTE..HOUR => format!("{} m", millis / MINUTE),
        HOUR..DAY => format!("{} h", millis / HOUR),
        _ => format!("{} d", millis / DAY),
    }
}

/// How long something took: `8 s`, `6 m 10 s`, `1 h 04 m`, `3 d 2 h`.
pub fn span(millis: i64) -> String {
    let s = millis.max(0) / SECOND;
    match s {
        ..60 => format!("{s} s"),
        60..600 => format!("{} m {:02} s", s / 60, s % 60),
        600..3_600 => format!("{} m", s / 60),
        3_600..86_400 => format!("{} h {:02} m", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// Milliseconds from an age as people type it (`90s`, `2d`, `1w`); `None` when it is not one.
pub fn parse_span(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    let count: f64 = digits.trim().parse().ok()?;
    (count.is_finite() && count >= 0.0).then_some((count * unit as f64) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_moment() {
        let t = Timestamp::parse("2026-11-23T02:11:05.250Z").unwrap();
        assert_eq!(t.iso(), "2026-11-23T02:11:05Z");
        assert_eq!(t.full(), "2026-11-23 02:11:05 UTC");
        assert_eq!(t.floor(MINUTE).iso(), "2026-11-23T02:11:00Z");
        assert_eq!(Timestamp::from_secs_f64(t.secs_f64()), t);
    }

    #[test]
    fn ages_and_spans() {
        assert_eq!(age(59_999), "now");
        assert_eq!(age(42 * MINUTE), "42 m");
        assert_eq!(age(25 * HOUR), "1 d");
        assert_eq!(span(370 * SECOND), "6 m 10 s");
        assert_eq!(span(64 * MINUTE), "1 h 04 m");
        assert_eq!(parse_span("2d"), Some(2 * DAY));
        assert_eq!(parse_span("1.5h"), Some(90 * MINUTE));
        assert_eq!(parse_span("2 parsecs"), None);
        assert_eq!(parse_span("-2d"), None);
    }
}
