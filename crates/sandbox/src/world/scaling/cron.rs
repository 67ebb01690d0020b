//! When something is due: `at(2026-11-24T08:00:00)`, `rate(2 hours)`, `cron(0 8 ? * MON-FRI *)`.
//!
//! Of a cron's marks `L`, `W` and `#` are not understood. Everything is UTC.

use jiff::{civil::DateTime, tz::TimeZone};
use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Schedule {
    At(Timestamp),
    /// Every so many milliseconds.
    Rate(i64),
    /// Minutes, hours, days of the month, months, days of the week, years: the values that fit.
    Cron(Box<[Vec<i16>; 6]>),
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// Least and most of each field, and the names of its values.
const FIELDS: [(i16, i16, &[&str]); 6] =
    [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, MONTHS), (1, 7, DAYS), (1970, 2199, &[])];

impl Schedule {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('(')?;
        let inner = rest.strip_suffix(')')?.trim();
        match kind {
            "at" => {
                let at: DateTime = inner.parse().ok()?;
                let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
                Some(Self::At(Timestamp::from_millis(at)))
            }
            "rate" => {
                let (count, unit) = inner.split_once(' ')?;
                let count: i64 = count.parse().ok().filter(|count| (1..=100_000).contains(count))?;
                let units = [("minute", MINUTE), ("hour", HOUR), ("day", DAY)];
                let one = units.into_iter().find(|(name, _)| unit.strip_suffix('s').unwrap_or(unit) == *name)?;
                Some(Self::Rate(count * one.1))
            }
            "cron" => {
                let fields: [&str; 6] = inner.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
                // One of the two days says nothing.
                if (fields[2] == "?") == (fields[4] == "?") {
                    return None;
                }
                let mut values: [Vec<i16>; 6] = Default::default();
                for ((field, known), values) in fields.iter().zip(FIELDS).zip(&mut values) {
                    *values = read(field, known)?;
                }
                Some(Self::Cron(Box::new(values)))
            }
            _ => None,
        }
    }

    /// Whether it is due in the minute that ends at `to`; a rate counts from `since`.
    pub(super) fn is_due(&self, since: Timestamp, to: Timestamp) -> bool {
        match self {
            Self::At(at) => *at <= to && to.since(*at) < MINUTE,
            Self::Rate(every) => to > since && to.since(since) % every < MINUTE && to.since(since) >= *every,
            Self::Cron(values) => {
                let Ok(at) = jiff::Timestamp::from_millisecond(to.millis()) else { return false };
                let at = at.to_zoned(TimeZone::UTC);
                let now = [
                    i16::from(at.minute()),
                    i16::from(at.hour()),
                    i16::from(at.day()),
                    i16::from(at.month()),
                    i16::from(at.weekday().to_sunday_one_offset()),
                    at.year(),
                ];
                values.iter().zip(now).all(|(values, now)| values.contains(&now))
            }
        }
    }
}

/// The values of `1,3-5,*/10`.
fn read(field: &str, (least, most, names): (i16, i16, &[&str])) -> Option<Vec<i16>> {
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| at as i16 + 1);
        named.or_else(|| text.parse().ok()).filter(|value| (least..=most).contains(value))
    };
    let mut values = Vec::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let by: i16 = step.map_or(Some(1), |step| step.parse().ok()).filter(|by| *by > 0)?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((from, to)) => (value(from)?, value(to)?),
            None if step.is_some() => (value(range)?, most),
            None => (value(range)?, value(range)?),
        };
        values.extend((from..=to).step_by(by as usize));
    }
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_when() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let since = at("2026-11-23T00:30:00Z");
        let cases = [
            ("at(2026-11-24T08:00:00)", "2026-11-24T08:00:00Z", true),
            ("at(2026-11-24T07:59:30)", "2026-11-24T08:00:00Z", true),
            ("at(2026-11-24T08:00:00)", "2026-11-24T08:01:00Z", false),
            ("rate(2 hours)", "2026-11-23T04:30:00Z", true),
            ("rate(2 hours)", "2026-11-23T05:30:00Z", false),
            ("rate(2 hours)", "2026-11-23T00:30:00Z", false),
            ("cron(0 8 ? * MON-FRI *)", "2026-11-24T08:00:00Z", true),
            ("cron(0 8 ? * MON-FRI *)", "2026-11-22T08:00:00Z", false),
            ("cron(0/15 6,18 * * ? *)", "2026-11-22T18:45:00Z", true),
            ("cron(0/15 6,18 * * ? *)", "2026-11-22T18:50:00Z", false),
            ("cron(0 0 1 1 ? 2027)", "2027-01-01T00:00:00Z", true),
        ];
        for (text, moment, due) in cases {
            assert_eq!(Schedule::parse(text).unwrap().is_due(since, at(moment)), due, "{text} at {moment}");
        }
        let wrong = [
            "at(yesterday)",
            "rate(0 days)",
            "rate(1 week)",
            "cron(0 8 * * * *)",
            "cron(0 8 ? * L *)",
            "cron(60 8 ? * * *)",
            "x",
        ];
        for text in wrong {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
