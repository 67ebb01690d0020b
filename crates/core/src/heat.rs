//! Feature × time: how far each feature is from its baseline, execution by execution.

use std::cmp::Reverse;

use crate::{
    resource::monitor::{DriftDetail, FeatureDrift},
    time::Timestamp,
};

/// deequ's limit, when the monitor names none.
pub const DEFAULT_LIMIT: f64 = 0.1;

/// One cell of the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing looked at the feature then.
    #[default]
    NoData,
    /// Checked, and not even half way to the limit.
    Quiet,
    /// 1: from half the limit on, 2: from three quarters, 3: over the limit, 4: twice the limit.
    Level(u8),
}

impl Mark {
    pub fn of(distance: f64, limit: f64) -> Self {
        let limit = if limit.is_finite() && limit > 0.0 { limit } else { DEFAULT_LIMIT };
        // 0.075 of 0.1 is three quarters, whatever its last bit says.
        match distance / limit + 1e-9 {
            r if r.is_nan() => Self::NoData,
            r if r < 0.5 => Self::Quiet,
            r if r < 0.75 => Self::Level(1),
            r if r < 1.0 => Self::Level(2),
            r if r < 2.0 => Self::Level(3),
            _ => Self::Level(4),
        }
    }

    /// The level, 0..=4; `None` without data.
    pub const fn level(self) -> Option<u8> {
        match self {
            Self::NoData => None,
            Self::Quiet => Some(0),
            Self::Level(level) => Some(level),
        }
    }

    pub const fn is_over(self) -> bool {
        matches!(self, Self::Level(3..))
    }
}

/// Order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Largest newest distance first.
    #[default]
    Distance,
    /// The feature that crossed the limit last comes first.
    NewestBreach,
    Name,
}

/// One row: a feature and what its newest values say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// Index into [`DriftDetail::features`].
    pub feature: usize,
    pub latest: Option<f64>,
    /// Start of the run of breaches that lasts until now; `None` when it is within the limit.
    pub since: Option<Timestamp>,
}

/// The rows in order.
pub fn ranks(detail: &DriftDetail, sort: Sort) -> Vec<Rank> {
    let limit = limit(detail);
    let rank = |(feature, drift): (usize, &FeatureDrift)| {
        let latest = drift.distances.iter().rev().map(|(_, d)| *d).find(|d| !d.is_nan());
        let over = |d: f64| Mark::of(d, limit).is_over();
        let run = drift.distances.iter().rev().filter(|(_, d)| !d.is_nan()).take_while(|(_, d)| over(*d));
        Rank { feature, latest, since: run.last().map(|(at, _)| *at) }
    };
    let mut out: Vec<Rank> = detail.features.iter().enumerate().map(rank).collect();
    let distance = |rank: &Rank| rank.latest.unwrap_or(f64::NEG_INFINITY);
    let name = |rank: &Rank| &detail.features[rank.feature].name;
    out.sort_by(|a, b| {
        let by_distance = || distance(b).total_cmp(&distance(a));
        let first = match sort {
            Sort::Distance => by_distance(),
            Sort::NewestBreach => Reverse(a.since).cmp(&Reverse(b.since)).then_with(by_distance),
            Sort::Name => name(a).cmp(name(b)),
        };
        first.then_with(|| name(a).cmp(name(b)))
    });
    out
}

pub fn limit(detail: &DriftDetail) -> f64 {
    detail.limit.filter(|limit| limit.is_finite() && *limit > 0.0).unwrap_or(DEFAULT_LIMIT)
}

/// Time cut into as many slices as there are columns, oldest left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    from: i64,
    to: i64,
    columns: usize,
    /// How long one execution speaks for: the usual distance between two.
    reach: i64,
}

impl Slices {
    /// From `from` to `to` (usually now) in `columns` columns.
    pub fn new(detail: &DriftDetail, from: Timestamp, to: Timestamp, columns: usize) -> Self {
        let (from, to) = (from.millis(), to.millis().max(from.millis().saturating_add(1)));
        let mut steps: Vec<i64> =
            detail.runs.windows(2).map(|pair| pair[1].scheduled.since(pair[0].scheduled)).collect();
        steps.retain(|step| *step > 0);
        steps.sort_unstable();
        let reach = steps.get(steps.len() / 2).copied().unwrap_or(1);
        Self { from, to, columns, reach }
    }

    /// Columns of what happened at `at`: those until the next execution is due. `None` when none is shown.
    pub fn columns_of(&self, at: Timestamp) -> Option<std::ops::Range<usize>> {
        let start = self.place(at.millis());
        let end = self.place(at.millis().saturating_add(self.reach)).max(start.saturating_add(1));
        let shown = start.max(0)..end.min(self.columns as i64);
        (shown.start < shown.end).then_some(shown.start as usize..shown.end as usize)
    }

    /// Column of a moment, also outside the map. Saturating: a product that overflows lies far outside anyway.
    fn place(&self, millis: i64) -> i64 {
        let length = self.to.saturating_sub(self.from).max(1);
        millis.saturating_sub(self.from).saturating_mul(self.columns as i64).div_euclid(length)
    }

    /// One row of the map. Where several executions fall into one column the worst is kept; where one spans several it is
    /// repeated. A feature that an execution says nothing about is quiet only if that execution found no violation at all.
    pub fn cells(&self, detail: &DriftDetail, feature: &FeatureDrift) -> Vec<Mark> {
        let limit = limit(detail);
        let mut out = vec![Mark::NoData; self.columns];
        let clean = detail.runs.iter().filter(|run| run.status == "Completed");
        let quiet = clean.map(|run| (run.scheduled, Mark::Quiet));
        let known = feature.distances.iter().map(|(at, distance)| (*at, Mark::of(*distance, limit)));
        for (at, mark) in quiet.chain(known) {
            for column in self.columns_of(at).into_iter().flatten() {
                out[column] = out[column].max(mark);
            }
        }
        out
    }
}

/// Where the reader is: a row of the map, and an execution (`None`: the newest).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub row: usize,
    /// Executions back from the newest.
    pub back: usize,
}

impl Cursor {
    /// Moves by rows and by executions (positive: newer), staying inside.
    #[must_use]
    pub fn moved(self, rows: isize, newer: isize, detail: &DriftDetail) -> Self {
        let last = detail.features.len().saturating_sub(1);
        let oldest = detail.runs.len().saturating_sub(1);
        Self {
            row: self.row.saturating_add_signed(rows).min(last),
            back: self.back.saturating_add_signed(newer.saturating_neg()).min(oldest),
        }
    }

    /// The time of the execution it is on.
    pub fn time(self, detail: &DriftDetail) -> Option<Timestamp> {
        detail.runs.iter().rev().nth(self.back).map(|run| run.scheduled)
    }

    /// Time and distance of `feature` at that execution.
    pub fn value(self, detail: &DriftDetail, feature: &FeatureDrift) -> Option<f64> {
        let at = self.time(detail)?;
        feature.distances.iter().find(|(time, _)| *time == at).map(|(_, distance)| *distance).filter(|d| !d.is_nan())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{resource::monitor::MonitorRun, text::Text, time::HOUR};

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_millis(n * HOUR)
    }

    fn run(n: i64, status: &str) -> MonitorRun {
        MonitorRun { scheduled: hour(n), modified: hour(n), status: Text::new(status), failure: None, job_arn: None }
    }

    fn feature(name: &str, distances: &[(i64, f64)]) -> FeatureDrift {
        FeatureDrift {
            name: Text::new(name),
            distances: distances.iter().map(|(n, d)| (hour(*n), *d)).collect(),
            ..FeatureDrift::default()
        }
    }

    fn detail(runs: Vec<MonitorRun>, features: Vec<FeatureDrift>) -> DriftDetail {
        DriftDetail { runs, features, limit: Some(0.1), ..DriftDetail::default() }
    }

    fn drawn(marks: &[Mark]) -> String {
        marks.iter().map(|mark| mark.level().map_or(' ', |level| char::from(b'0' + level))).collect()
    }

    #[test]
    fn levels_are_shares_of_the_limit() {
        let cases = [(0.0, 0), (0.049, 0), (0.05, 1), (0.075, 2), (0.099, 2), (0.1, 3), (0.19, 3), (0.2, 4), (9.0, 4)];
        for (distance, level) in cases {
            assert_eq!(Mark::of(distance, 0.1).level(), Some(level), "{distance}");
        }
        assert_eq!(Mark::of(f64::NAN, 0.1), Mark::NoData);
        assert_eq!(Mark::of(f64::INFINITY, 0.1), Mark::Level(4));
        assert_eq!(Mark::of(0.2, 0.0), Mark::Level(4), "a limit of nothing is the usual limit");
    }

    #[test]
    fn an_execution_fills_its_hour_and_a_missing_one_is_blank() {
        let runs = vec![run(0, "Completed"), run(1, "Failed"), run(2, "CompletedWithViolations"), run(3, "Completed")];
        let detail = detail(runs, vec![feature("a", &[(0, 0.01), (2, 0.3)])]);
        let slices = Slices::new(&detail, hour(0), hour(4), 8);
        assert_eq!(drawn(&slices.cells(&detail, &detail.features[0])), "00  4400");
        let unknown = feature("b", &[]);
        assert_eq!(drawn(&slices.cells(&detail, &unknown)), "00    00", "violations elsewhere say nothing about b");
    }

    #[test]
    fn the_worst_of_a_column_is_kept() {
        let runs = (0..8).map(|n| run(n, "CompletedWithViolations")).collect();
        let distances: Vec<(i64, f64)> = (0..8).map(|n| (n, if n == 2 { 0.5 } else { 0.06 })).collect();
        let detail = detail(runs, vec![feature("a", &distances)]);
        let slices = Slices::new(&detail, hour(0), hour(8), 2);
        assert_eq!(drawn(&slices.cells(&detail, &detail.features[0])), "41");
    }

    #[test]
    fn rows_are_ranked() {
        let features = vec![
            feature("old", &[(0, 0.3), (1, 0.3), (2, 0.4)]),
            feature("new", &[(0, 0.0), (1, 0.09), (2, 0.2)]),
            feature("calm", &[(0, 0.5), (1, 0.0), (2, 0.01)]),
            feature("blank", &[(2, f64::NAN)]),
        ];
        let detail = detail((0..3).map(|n| run(n, "Completed")).collect(), features);
        let names = |sort| -> Vec<&str> {
            ranks(&detail, sort).iter().map(|rank| detail.features[rank.feature].name.as_str()).collect()
        };
        assert_eq!(names(Sort::Distance), ["old", "new", "calm", "blank"]);
        assert_eq!(names(Sort::NewestBreach), ["new", "old", "calm", "blank"]);
        assert_eq!(names(Sort::Name), ["blank", "calm", "new", "old"]);
        let since: Vec<_> = ranks(&detail, Sort::Distance).iter().map(|rank| rank.since).collect();
        assert_eq!(since, [Some(hour(0)), Some(hour(2)), None, None]);
    }

    #[test]
    fn the_cursor_stays_inside() {
        let detail = detail(vec![run(0, "Completed"), run(1, "Completed")], vec![feature("a", &[(0, 0.2), (1, 0.4)])]);
        let cursor = Cursor::default();
        assert_eq!(cursor.value(&detail, &detail.features[0]), Some(0.4));
        let left = cursor.moved(5, -9, &detail);
        assert_eq!(left, Cursor { row: 0, back: 1 });
        assert_eq!((left.time(&detail), left.value(&detail, &detail.features[0])), (Some(hour(0)), Some(0.2)));
        assert_eq!(left.moved(-1, 9, &detail), cursor);
        assert_eq!(cursor.moved(1, 1, &DriftDetail::default()).time(&DriftDetail::default()), None);
    }

    proptest! {
        #[test]
        fn no_breach_inside_the_window_is_lost(times in prop::collection::btree_set(0i64..500, 1..60), spike in any::<prop::sample::Index>(), columns in 1usize..200) {
            let times: Vec<i64> = times.into_iter().collect();
            let spike = *spike.get(&times);
            let distances: Vec<(i64, f64)> = times.iter().map(|t| (*t, if *t == spike { 1.0 } else { 0.0 })).collect();
            let detail = detail(times.iter().map(|t| run(*t, "Completed")).collect(), vec![feature("a", &distances)]);
            let slices = Slices::new(&detail, hour(0), hour(500), columns);
            let cells = slices.cells(&detail, &detail.features[0]);
            prop_assert_eq!(cells.len(), columns);
            prop_assert!(cells.iter().any(|mark| mark.is_over()));
        }

        #[test]
        fn never_panics(from in any::<i64>(), to in any::<i64>(), at in any::<i64>(), columns in 0usize..5, distance in any::<f64>()) {
            let mut detail = detail(vec![run(0, "Completed")], vec![feature("a", &[(0, distance)])]);
            detail.features[0].distances[0].0 = Timestamp::from_millis(at);
            let slices = Slices::new(&detail, Timestamp::from_millis(from), Timestamp::from_millis(to), columns);
            prop_assert_eq!(slices.cells(&detail, &detail.features[0]).len(), columns);
        }
    }
}
