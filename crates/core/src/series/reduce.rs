//! Any number of points to one bar per column. Minimum, maximum and last value of every column are kept, so that a
//! spike of one step among two million points is drawn.

use super::Series;

/// What one column shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub first: f64,
    pub min: f64,
    pub max: f64,
    pub last: f64,
    /// Points with a value in this column.
    pub count: u32,
    /// A line leads here from the value before; false after a gap.
    pub joined: bool,
}

/// One column: its values, and whether something lies off every scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slot {
    pub bin: Option<Bin>,
    /// Holds a `∞`.
    pub high: bool,
    /// Holds a `-∞`.
    pub low: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduced {
    pub slots: Vec<Slot>,
    /// Value at the left edge of the window, when a line comes in from before it.
    pub enter: Option<f64>,
    /// Value at the right edge, when a line goes on behind it.
    pub leave: Option<f64>,
    /// Points inside the window, those without a value included.
    pub points: usize,
    pub nan: usize,
    pub infinite: usize,
}

impl Reduced {
    /// Smallest and largest value that will be drawn; with `positive`, of those above zero.
    pub fn extent(&self, positive: bool) -> Option<(f64, f64)> {
        let bars = self.slots.iter().filter_map(|slot| slot.bin).map(|bin| (bin.min, bin.max));
        let edges = self.enter.into_iter().chain(self.leave).map(|y| (y, y));
        bars.chain(edges)
            .filter(|(_, max)| !positive || *max > 0.0)
            .map(|(min, max)| (if positive && min <= 0.0 { max } else { min }, max))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

/// Reduces the points of `series` inside the window `from..=to` to `columns` columns.
pub fn reduce(series: &Series, from: f64, to: f64, columns: usize) -> Reduced {
    reduce_with(series, None, from, to, columns)
}

/// The same answer as [`reduce`], from sums made once ([`Blocks::of`]): for curves with more points than a frame can
/// walk over.
pub fn reduce_with(series: &Series, blocks: Option<&Blocks>, from: f64, to: f64, columns: usize) -> Reduced {
    let mut out = Reduced { slots: vec![Slot::default(); columns], ..Reduced::default() };
    if columns == 0 || !from.is_finite() || !to.is_finite() || to < from {
        return out;
    }
    let points = &series.points;
    let start = points.partition_point(|point| point.0 < from);
    let end = points.partition_point(|point| point.0 <= to).max(start);
    let column = |x: f64| {
        let share = if to > from { (x - from) / (to - from) } else { 0.0 };
        ((share * columns as f64) as usize).min(columns - 1)
    };

    let mut pen = points[..start].last().copied().filter(|point| point.1.is_finite());
    let entry = pen;
    let mut at = start;
    while at < end {
        if let Some((block, next)) = blocks.and_then(|blocks| blocks.whole(at, end)) {
            let (left, right) = (column(block.from), column(block.to));
            if left == right {
                out.add(left, block, &mut pen, series);
                at = next;
                continue;
            }
        }
        let point = points[at];
        out.add(column(point.0), &Block::of_point(point), &mut pen, series);
        at += 1;
    }

    let behind = points.get(end).copied().filter(|point| point.1.is_finite());
    let first = points[start..end].first().copied().or(behind).filter(|point| point.1.is_finite());
    out.enter = entry.zip(first).and_then(|(a, b)| crossing(series, a, b, from));
    out.leave = pen.zip(behind).and_then(|(a, b)| crossing(series, a, b, to));
    out
}

/// Where the line from `a` to `b` passes `x`.
fn crossing(series: &Series, a: (f64, f64), b: (f64, f64), x: f64) -> Option<f64> {
    if series.is_gap(a.0, b.0) || b.0 <= a.0 {
        return None;
    }
    let share = ((x - a.0) / (b.0 - a.0)).clamp(0.0, 1.0);
    Some(a.1 * (1.0 - share) + b.1 * share).filter(|y| y.is_finite())
}

impl Reduced {
    fn add(&mut self, column: usize, block: &Block, pen: &mut Option<(f64, f64)>, series: &Series) {
        self.points += block.points as usize;
        self.nan += block.nan as usize;
        self.infinite += block.infinite as usize;
        let Some(slot) = self.slots.get_mut(column) else { return };
        slot.high |= block.high;
        slot.low |= block.low;
        let Some(values) = &block.values else {
            *pen = None;
            return;
        };
        let joined = !values.broken_before && pen.is_some_and(|(x, _)| !series.is_gap(x, values.first.0));
        *pen = (!values.broken_after).then_some(values.last);
        slot.bin = Some(match slot.bin {
            None => Bin {
                first: values.first.1,
                min: values.min,
                max: values.max,
                last: values.last.1,
                count: values.count,
                joined,
            },
            Some(bin) => Bin {
                min: bin.min.min(values.min),
                max: bin.max.max(values.max),
                last: values.last.1,
                count: bin.count.saturating_add(values.count),
                ..bin
            },
        });
    }
}

/// Points per block: for millions of points on a few hundred columns, walking the blocks of a column and the points of
/// the one that its edge cuts then cost the same.
const BLOCK: usize = 64;

/// Sums over runs of points of one curve; valid as long as the curve does not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blocks(Vec<Block>);

#[derive(Clone, Debug, PartialEq)]
struct Block {
    from: f64,
    to: f64,
    points: u32,
    nan: u32,
    infinite: u32,
    high: bool,
    low: bool,
    values: Option<Values>,
}

#[derive(Clone, Debug, PartialEq)]
struct Values {
    first: (f64, f64),
    last: (f64, f64),
    min: f64,
    max: f64,
    count: u32,
    broken_before: bool,
    broken_after: bool,
}

impl Blocks {
    pub fn of(series: &Series) -> Self {
        Self(series.points.chunks(BLOCK).map(Block::of).collect())
    }

    /// The block that starts at point `at` and lies wholly before `end`, and where it ends.
    fn whole(&self, at: usize, end: usize) -> Option<(&Block, usize)> {
        if !at.is_multiple_of(BLOCK) {
            return None;
        }
        let block = self.0.get(at / BLOCK)?;
        let next = at + block.points as usize;
        (next <= end).then_some((block, next))
    }
}

impl Block {
    fn of_point(point: (f64, f64)) -> Self {
        let (x, y) = point;
        let values = (y.is_finite() && x.is_finite()).then_some(Values {
            first: point,
            last: point,
            min: y,
            max: y,
            count: 1,
            broken_before: false,
            broken_after: false,
        });
        Self {
            from: x,
            to: x,
            points: 1,
            nan: u32::from(y.is_nan()),
            infinite: u32::from(y.is_infinite()),
            high: y == f64::INFINITY,
            low: y == f64::NEG_INFINITY,
            values,
        }
    }

    fn of(points: &[(f64, f64)]) -> Self {
        let mut blocks = points.iter().map(|point| Self::of_point(*point));
        let mut out = blocks.next().unwrap_or_else(|| Self::of_point((f64::NAN, f64::NAN)));
        for next in blocks {
            out.to = next.to;
            out.points += 1;
            out.nan += next.nan;
            out.infinite += next.infinite;
            out.high |= next.high;
            out.low |= next.low;
            out.values = match (out.values, next.values) {
                (Some(a), Some(b)) => Some(Values {
                    first: a.first,
                    last: b.last,
                    min: a.min.min(b.min),
                    max: a.max.max(b.max),
                    count: a.count + b.count,
                    broken_before: a.broken_before,
                    broken_after: false,
                }),
                (Some(a), None) => Some(Values { broken_after: true, ..a }),
                (None, Some(b)) => Some(Values { broken_before: true, ..b }),
                (None, None) => None,
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn series(points: Vec<(f64, f64)>) -> Series {
        Series { points, ..Series::default() }
    }

    fn bins(reduced: &Reduced) -> Vec<Bin> {
        reduced.slots.iter().filter_map(|slot| slot.bin).collect()
    }

    #[test]
    fn one_step_among_two_million_is_seen() {
        let mut points: Vec<(f64, f64)> = (0..2_000_000).map(|i| (f64::from(i), 0.5)).collect();
        points[71_204].1 = 9.0;
        let curve = series(points);
        let blocks = Blocks::of(&curve);
        let reduced = reduce_with(&curve, Some(&blocks), 0.0, 1_999_999.0, 320);
        assert_eq!(reduced.points, 2_000_000);
        let spikes: Vec<usize> = (0..320).filter(|i| reduced.slots[*i].bin.is_some_and(|bin| bin.max == 9.0)).collect();
        assert_eq!(spikes, [71_204 * 320 / 2_000_000]);
        assert_eq!(reduced.slots[spikes[0]].bin.unwrap().min, 0.5);
    }

    #[test]
    fn missing_values_and_wide_spacing_break_the_line() {
        let mut curve = series(vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0), (9.0, 5.0)]);
        curve.spacing = Some(1.0);
        let reduced = reduce(&curve, 0.0, 9.0, 10);
        let joined: Vec<(f64, bool)> = bins(&reduced).iter().map(|bin| (bin.last, bin.joined)).collect();
        assert_eq!(joined, [(1.0, false), (2.0, true), (4.0, false), (5.0, false)]);
        assert_eq!((reduced.nan, reduced.infinite), (1, 0));
    }

    #[test]
    fn infinity_is_marked_and_breaks_the_line() {
        let reduced =
            reduce(&series(vec![(0.0, 1.0), (1.0, f64::INFINITY), (2.0, f64::NEG_INFINITY), (3.0, 1.0)]), 0.0, 3.0, 4);
        assert!(reduced.slots[1].high && reduced.slots[2].low && !reduced.slots[0].high);
        assert!(!reduced.slots[3].bin.unwrap().joined);
        assert_eq!(reduced.infinite, 2);
    }

    #[test]
    fn lines_enter_and_leave_the_window() {
        let curve = series(vec![(0.0, 0.0), (10.0, 10.0), (20.0, 0.0)]);
        let inside = reduce(&curve, 5.0, 15.0, 10);
        assert_eq!((inside.enter, inside.leave), (Some(5.0), Some(5.0)));
        assert!(bins(&inside)[0].joined);
        let between = reduce(&curve, 2.0, 4.0, 10);
        assert_eq!((between.enter, between.leave, bins(&between).len()), (Some(2.0), Some(4.0), 0));
        let outside = reduce(&curve, 30.0, 40.0, 10);
        assert_eq!((outside.enter, outside.leave), (None, None));
    }

    #[test]
    fn only_positive_values_bound_a_logarithmic_scale() {
        let reduced = reduce(&series(vec![(0.0, -3.0), (1.0, 0.01), (2.0, 100.0)]), 0.0, 2.0, 3);
        assert_eq!(reduced.extent(true), Some((0.01, 100.0)));
        assert_eq!(reduced.extent(false), Some((-3.0, 100.0)));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![8 => -1e9f64..1e9, 1 => Just(f64::NAN), 1 => any::<f64>()]
    }

    fn curve() -> impl Strategy<Value = Series> {
        let points = prop::collection::vec((0.0f64..50.0, value()), 0..900).prop_map(|steps| {
            let mut x = 0.0;
            steps
                .into_iter()
                .map(|(step, y)| {
                    x += step;
                    (x, y)
                })
                .collect::<Vec<_>>()
        });
        (points, prop::option::of(1.0f64..40.0)).prop_map(|(points, spacing)| Series {
            points,
            spacing,
            ..Series::default()
        })
    }

    proptest! {
        #[test]
        fn global_minimum_maximum_last_and_order_survive(curve in curve(), columns in 1usize..300) {
            let (from, to) = curve.range().unwrap_or((0.0, 0.0));
            let reduced = reduce(&curve, from, to, columns);
            let values: Vec<f64> = curve.points.iter().map(|p| p.1).filter(|y| y.is_finite()).collect();
            let bins = bins(&reduced);
            prop_assert_eq!(bins.iter().map(|b| b.count as usize).sum::<usize>(), values.len());
            let min = values.iter().copied().min_by(f64::total_cmp);
            let max = values.iter().copied().max_by(f64::total_cmp);
            prop_assert_eq!(bins.iter().map(|b| b.min).min_by(f64::total_cmp), min);
            prop_assert_eq!(bins.iter().map(|b| b.max).max_by(f64::total_cmp), max);
            prop_assert_eq!(bins.first().map(|b| b.first), values.first().copied());
            prop_assert_eq!(bins.last().map(|b| b.last), values.last().copied());
            // The points of the columns, one after another, are the points of the curve.
            let mut rest = values.as_slice();
            for bin in bins {
                let (mine, others) = rest.split_at(bin.count as usize);
                prop_assert_eq!((mine[0], mine[mine.len() - 1]), (bin.first, bin.last));
                rest = others;
            }
        }

        #[test]
        fn blocks_give_the_same_answer(curve in curve(), a in -10.0f64..20_000.0, b in -10.0f64..20_000.0, columns in 0usize..50) {
            let blocks = Blocks::of(&curve);
            prop_assert_eq!(reduce_with(&curve, Some(&blocks), a, b, columns), reduce(&curve, a, b, columns));
        }

        #[test]
        fn never_panics(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20),
                        from in any::<f64>(), to in any::<f64>(), columns in 0usize..9) {
            let curve = Series { points, spacing: Some(0.0), ..Series::default() };
            prop_assert_eq!(reduce(&curve, from, to, columns).slots.len(), columns);
            curve.nearest(from);
        }
    }
}
