//! How wide each column is drawn.

use mldeck_core::column::Width;

/// Widths for columns given by their policy and the widest of their visible cells, within `total` columns of which `gap`
/// stay free between two.
///
/// Where they do not fit, the widest fitted columns give first, down to their least; then columns from the right are left
/// out. The first is always shown, cut if it must be.
pub(super) fn widths(columns: impl Iterator<Item = (Width, u16)>, total: u16, gap: u16) -> Vec<u16> {
    let columns: Vec<(Width, u16)> = columns.collect();
    let mut out: Vec<u16> = columns.iter().map(|(width, cells)| wish(*width, *cells)).collect();
    while out.len() > 1 && least(&columns[..out.len()]) + gaps(out.len(), gap) > u32::from(total) {
        out.pop();
    }
    let columns = &columns[..out.len()];
    let room = u32::from(total).saturating_sub(gaps(out.len(), gap));
    let mut used: u32 = out.iter().copied().map(u32::from).sum();
    while used > room {
        let giving = (0..out.len()).filter(|i| out[*i] > floor(columns[*i].0)).max_by_key(|i| out[*i]);
        let Some(index) = giving else { break };
        out[index] -= 1;
        used -= 1;
    }
    let rests: Vec<usize> = (0..out.len()).filter(|i| matches!(columns[*i].0, Width::Rest { .. })).collect();
    let free = room.saturating_sub(used);
    for (place, index) in rests.iter().enumerate() {
        let (count, place) = (rests.len() as u32, place as u32);
        out[*index] += u16::try_from(free / count + u32::from(place < free % count)).unwrap_or(0);
    }
    if let Some(first) = out.first_mut() {
        *first = (*first).min(total);
    }
    out
}

const fn gaps(columns: usize, gap: u16) -> u32 {
    columns.saturating_sub(1) as u32 * gap as u32
}

/// What a column takes when there is room; one that takes the rest starts at its least.
fn wish(width: Width, cells: u16) -> u16 {
    match width {
        Width::Fixed(width) => width,
        Width::Fit { min, max } => cells.clamp(min.min(max), max),
        Width::Rest { min } => min,
    }
}

const fn floor(width: Width) -> u16 {
    match width {
        Width::Fixed(width) => width,
        Width::Fit { min, .. } | Width::Rest { min } => min,
    }
}

fn least(columns: &[(Width, u16)]) -> u32 {
    columns.iter().map(|(width, _)| u32::from(floor(*width))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIT: Width = Width::Fit { min: 4, max: 20 };

    #[test]
    fn columns_take_what_they_need_and_give_when_they_must() {
        let of = |columns: &[(Width, u16)], total| widths(columns.iter().copied(), total, 2);
        let three = [(FIT, 10), (Width::Fixed(6), 0), (FIT, 30)];
        assert_eq!(of(&three, 80), [10, 6, 20]);
        assert_eq!(of(&three, 34), [10, 6, 14]);
        assert_eq!(of(&three, 20), [5, 6, 5]);
        assert_eq!(of(&three, 17), [9, 6], "the last is left out");
        assert_eq!(of(&three, 3), [3]);
        assert_eq!(of(&three, 0), [0]);
        assert_eq!(of(&[(FIT, 1), (Width::Rest { min: 5 }, 0), (Width::Rest { min: 5 }, 0)], 31), [4, 12, 11]);
        assert_eq!(of(&[], 10), [0u16; 0]);
    }

    proptest! {
        #[test]
        fn they_never_need_more_than_there_is(
            columns in prop::collection::vec((0u8..3, 0u16..30, 0u16..40, 0u16..300), 0..12), total in 0u16..300) {
            let policy = |kind, a: u16, b: u16| match kind {
                0 => Width::Fixed(a),
                1 => Width::Fit { min: a.min(b), max: a.max(b) },
                _ => Width::Rest { min: a },
            };
            let count = columns.len();
            let got = widths(columns.into_iter().map(|(kind, a, b, cells)| (policy(kind, a, b), cells)), total, 2);
            prop_assert!(got.len() <= count);
            prop_assert!(got.iter().copied().map(u32::from).sum::<u32>() + gaps(got.len(), 2) <= u32::from(total));
        }
    }
}
