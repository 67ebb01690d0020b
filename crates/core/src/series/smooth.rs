//! Exponential moving average, as the training tools draw it.

use super::Series;

/// The curve smoothed with `weight` 0..1 (0: as it is; 0.9: heavy). Bias-corrected, so that the start is not pulled to
/// zero; a missing value stays a gap and does not weigh in.
#[must_use]
pub fn smoothed(series: &Series, weight: f64) -> Series {
    let weight = if weight.is_finite() { weight.clamp(0.0, 0.999) } else { 0.0 };
    let mut out = series.clone();
    if weight == 0.0 {
        return out;
    }
    let (mut mean, mut remaining) = (0.0, 1.0);
    for (_, y) in out.points.iter_mut().filter(|(_, y)| y.is_finite()) {
        mean = weight * mean + (1.0 - weight) * *y;
        remaining *= weight;
        *y = mean / (1.0 - remaining);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ys(values: &[f64], weight: f64) -> Vec<f64> {
        let points = values.iter().enumerate().map(|(i, y)| (i as f64, *y)).collect();
        smoothed(&Series { points, ..Series::default() }, weight).points.iter().map(|(_, y)| *y).collect()
    }

    #[test]
    fn the_start_is_not_pulled_to_zero_and_gaps_stay() {
        assert_eq!(ys(&[4.0, 4.0, 4.0], 0.9), [4.0, 4.0, 4.0]);
        let got = ys(&[1.0, f64::NAN, 3.0], 0.5);
        assert_eq!(got[0], 1.0);
        assert!(got[1].is_nan());
        // (0.5·(0.5·0 + 0.5·1) + 0.5·3) / (1 − 0.25)
        assert!((got[2] - 1.75 / 0.75).abs() < 1e-12, "{got:?}");
        assert_eq!(ys(&[1.0, 9.0], 0.0), [1.0, 9.0]);
        assert_eq!(ys(&[1.0, 9.0], f64::NAN), [1.0, 9.0]);
    }

    proptest! {
        #[test]
        fn stays_within_what_it_averages(values in prop::collection::vec(-1e6f64..1e6, 1..80), weight in 0.0f64..1.2) {
            let (lo, hi) = values.iter().fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
            for y in ys(&values, weight) {
                prop_assert!(y >= lo - 1e-6 * lo.abs().max(1.0) && y <= hi + 1e-6 * hi.abs().max(1.0));
            }
        }
    }
}
