//! The horizontal axis: moments or steps on columns, ticked by the UTC clock, the calendar or whole steps.

use jiff::{civil, tz::TimeZone};

use super::{
    Scale, Tick,
    axis::{multiples, tick_label},
    grouped,
};
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

/// What the horizontal axis shows: epoch milliseconds, or steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub from: f64,
    pub to: f64,
    pub steps: bool,
}

impl Window {
    /// Around all points of all curves; `None` when there are none.
    pub fn around<'a>(curves: impl IntoIterator<Item = &'a super::Series>) -> Option<Self> {
        let ranges = curves.into_iter().filter_map(|series| series.range().map(|range| (range, series.steps)));
        ranges.map(|((from, to), steps)| Self { from: from.min(to), to: to.max(from), steps }).reduce(|a, b| Self {
            from: a.from.min(b.from),
            to: a.to.max(b.to),
            steps: a.steps,
        })
    }

    /// The column, of `columns`, that `x` falls in; `None` outside.
    pub fn column(&self, x: f64, columns: usize) -> Option<usize> {
        if columns == 0 || !(self.from..=self.to).contains(&x) {
            return None;
        }
        let share = if self.to > self.from { (x - self.from) / (self.to - self.from) } else { 0.0 };
        Some(((share * columns as f64) as usize).min(columns - 1))
    }

    /// How much `x` one of `columns` columns spans.
    pub fn stride(&self, columns: usize) -> f64 {
        (self.to - self.from) / columns.max(1) as f64
    }

    /// At most `most` ticks, ascending, inside the window: whole steps, or moments of the UTC clock and calendar.
    pub fn ticks(&self, most: usize) -> Vec<Tick> {
        if most == 0 || !(self.to - self.from).is_finite() || self.to < self.from {
            return Vec::new();
        }
        if !self.steps {
            return time_ticks(self.from, self.to, most);
        }
        let scale = Scale { lo: self.from, hi: self.to, log: false };
        let step = scale.step(most).max(1.0);
        let values = multiples(self.from, self.to, step, most);
        values.into_iter().map(|at| Tick { at, label: tick_label(at, step, self.to) }).collect()
    }

    /// How the crosshair names a place: `step 371`, `02:11:00`, with the date where the window is longer than a day.
    pub fn name(&self, x: f64) -> String {
        if !x.is_finite() {
            return super::short(x);
        }
        if self.steps {
            return format!("step {}", grouped(x.round()));
        }
        let at = Timestamp::from_millis(x as i64);
        if self.to - self.from > DAY as f64 { format!("{} {}", at.date(), at.hm()) } else { at.hms() }
    }
}

/// Distances between ticks on the clock, in milliseconds.
const CLOCK: [i64; 19] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
];
/// Distances in days that stay regular over month ends, then in months.
const WEEKS: [i64; 2] = [7 * DAY, 14 * DAY];
const MONTHS: [i64; 12] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000];
/// 1970-01-05, the first Monday of the epoch.
const MONDAY: i64 = 4 * DAY;

fn time_ticks(from: f64, to: f64, most: usize) -> Vec<Tick> {
    let (Ok(first), Ok(last)) =
        (jiff::Timestamp::from_millisecond(from as i64), jiff::Timestamp::from_millisecond(to as i64))
    else {
        return Vec::new();
    };
    let (first, last) = (first.as_millisecond(), last.as_millisecond());
    let fits = |step: i64, origin: i64| {
        (last - origin).div_euclid(step) - (first - origin - 1).div_euclid(step) <= most as i64
    };
    let regular = CLOCK.map(|step| (step, 0)).into_iter().chain(WEEKS.map(|step| (step, MONDAY)));
    for (step, origin) in regular {
        if fits(step, origin) {
            let start = (first - origin - 1).div_euclid(step) + 1;
            let times = (start..).map(|k| origin + k * step).take_while(|at| *at <= last && *at as f64 <= to);
            let times = times.filter(|at| *at as f64 >= from).take(most);
            return times.map(|at| Tick { at: at as f64, label: clock_label(at, step) }).collect();
        }
    }
    month_ticks(first, last, most).into_iter().filter(|tick| tick.at >= from && tick.at <= to).collect()
}

fn civil_of(millis: i64) -> civil::DateTime {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(TimeZone::UTC).datetime()
}

const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn month_name(at: civil::DateTime) -> &'static str {
    NAMES.get(usize::from(at.month().unsigned_abs()).wrapping_sub(1)).copied().unwrap_or("?")
}

/// `02:11:05`, `02:00`; the day where it begins: `Nov 20`.
fn clock_label(millis: i64, step: i64) -> String {
    let at = Timestamp::from_millis(millis);
    if millis.rem_euclid(DAY) == 0 {
        let day = civil_of(millis);
        return format!("{} {:02}", month_name(day), day.day());
    }
    if step < MINUTE { at.hms() } else { at.hm() }
}

/// Ticks at the beginning of months; January carries its year.
fn month_ticks(first: i64, last: i64, most: usize) -> Vec<Tick> {
    let start = civil_of(first);
    let count = |every: i64| month_index(civil_of(last)).div_euclid(every) - (month_index(start) - 1).div_euclid(every);
    let every = MONTHS.into_iter().find(|every| count(*every) <= most as i64).unwrap_or(6_000);
    let mut out = Vec::new();
    let mut index = month_index(start).div_euclid(every) * every;
    while out.len() < most && index <= month_index(civil_of(last)) {
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12));
        if let Some(millis) = beginning(year, month) {
            let name = NAMES.get(month as usize).copied().unwrap_or("?");
            let label = if every >= 12 || month == 0 { format!("{year}") } else { name.to_owned() };
            if millis >= first && millis <= last {
                out.push(Tick { at: millis as f64, label });
            }
        }
        index += every;
    }
    out
}

fn month_index(at: civil::DateTime) -> i64 {
    i64::from(at.year()) * 12 + i64::from(at.month()) - 1
}

fn beginning(year: i64, month: i64) -> Option<i64> {
    let date = civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month + 1).ok()?, 1).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn millis(text: &str) -> f64 {
        Timestamp::parse(text).unwrap().millis() as f64
    }

    #[test]
    fn time_is_ticked_by_the_clock_and_the_calendar() {
        let cases: [(&str, &str, usize, &[&str]); 8] = [
            ("2026-11-23T00:00:00Z", "2026-11-23T02:24:10Z", 4, &["Nov 23", "01:00", "02:00"]),
            ("2026-11-23T01:54:00Z", "2026-11-23T02:24:00Z", 4, &["02:00", "02:10", "02:20"]),
            ("2026-11-23T02:11:00Z", "2026-11-23T02:11:12Z", 3, &["02:11:00", "02:11:05", "02:11:10"]),
            ("2026-11-22T12:00:00Z", "2026-11-23T12:00:00Z", 5, &["12:00", "18:00", "Nov 23", "06:00", "12:00"]),
            ("2026-11-18T05:00:00Z", "2026-11-22T05:00:00Z", 4, &["Nov 19", "Nov 20", "Nov 21", "Nov 22"]),
            ("2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z", 6, &["Nov 02", "Nov 09", "Nov 16", "Nov 23", "Nov 30"]),
            ("2026-09-15T00:00:00Z", "2027-02-15T00:00:00Z", 6, &["Oct", "Nov", "Dec", "2027", "Feb"]),
            (
                "2019-05-01T00:00:00Z",
                "2026-05-01T00:00:00Z",
                8,
                &["2020", "2021", "2022", "2023", "2024", "2025", "2026"],
            ),
        ];
        for (from, to, most, want) in cases {
            let window = Window { from: millis(from), to: millis(to), steps: false };
            assert_eq!(labels(&window.ticks(most)), want, "{from} to {to}");
        }
    }

    #[test]
    fn steps_are_whole() {
        let ticks = |from, to, most| Window { from, to, steps: true }.ticks(most);
        assert_eq!(labels(&ticks(0.0, 400.0, 3)), ["0", "200", "400"]);
        assert_eq!(labels(&ticks(0.0, 3.0, 9)), ["0", "1", "2", "3"]);
        assert_eq!(labels(&ticks(5.0, 5.0, 3)), ["5"]);
        let window = Window { from: 0.0, to: 400.0, steps: true };
        assert_eq!(window.name(371.0), "step 371");
        assert_eq!((window.column(400.0, 80), window.column(401.0, 80)), (Some(79), None));
    }

    proptest! {
        #[test]
        fn times_are_inside_ascending_and_few(from in -4e11f64..4e12, range in 0.0f64..4e11, most in 0usize..12) {
            let window = Window { from, to: from + range, steps: false };
            let ticks = window.ticks(most);
            prop_assert!(ticks.len() <= most);
            prop_assert!(ticks.iter().all(|t| t.at >= window.from && t.at <= window.to));
            prop_assert!(ticks.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(most < 3 || range < 8e4 || !ticks.is_empty());
        }

        #[test]
        fn no_window_panics(from in any::<f64>(), to in any::<f64>(), x in any::<f64>(), steps in any::<bool>()) {
            let window = Window { from, to, steps };
            window.ticks(9);
            window.column(x, 7);
            window.name(x);
        }
    }
}
