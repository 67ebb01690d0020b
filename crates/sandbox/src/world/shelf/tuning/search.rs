//! Which values are tried next.

use super::space::Range;
use crate::world::chance::Chance;

/// Values that were tried, and how well they did: the higher the better, nothing where that is not known.
pub(super) struct Tried {
    pub(super) place: Vec<f64>,
    pub(super) score: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Bayesian,
    Random,
    Grid,
}

impl Strategy {
    /// Hyperband draws as a random search does; what makes it quick is that it stops what does poorly.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "Bayesian" => Self::Bayesian,
            "Grid" => Self::Grid,
            _ => Self::Random,
        }
    }
}

/// Points that a Bayesian search chooses among, and those it tries before it believes what it saw.
const DRAWN: u64 = 48;
const FIRST: usize = 4;

/// The place of the `n`th try, counted from 0.
pub(super) fn next(strategy: Strategy, ranges: &[Range], tried: &[Tried], n: usize, chance: Chance) -> Vec<f64> {
    let scored: Vec<(&[f64], f64)> =
        tried.iter().filter_map(|tried| Some((tried.place.as_slice(), tried.score?))).collect();
    match strategy {
        Strategy::Grid => grid(ranges, n),
        Strategy::Bayesian if scored.len() >= FIRST => promising(ranges, tried, &scored, chance.of(n as u64)),
        Strategy::Bayesian | Strategy::Random => {
            let draws = (0..8).map(|again| anywhere(ranges, chance.of(n as u64).of(again)));
            let is_new = |place: &Vec<f64>| tried.iter().all(|tried| apart(&tried.place, place) > 0.0);
            let mut last = Vec::new();
            for place in draws {
                last = place;
                if is_new(&last) {
                    break;
                }
            }
            last
        }
    }
}

fn settled(ranges: &[Range], place: impl Iterator<Item = f64>) -> Vec<f64> {
    ranges.iter().zip(place).map(|(range, place)| range.place(&range.at(place))).collect()
}

fn anywhere(ranges: &[Range], chance: Chance) -> Vec<f64> {
    settled(ranges, (0..).map(|n| chance.of(n).unit()))
}

/// The `n`th of all combinations, the last range fastest.
fn grid(ranges: &[Range], n: usize) -> Vec<f64> {
    let mut rest = n;
    let mut place = vec![0.0; ranges.len()];
    for (place, range) in place.iter_mut().zip(ranges).rev() {
        let count = range.count().unwrap_or(1).max(1);
        *place = ((rest % count) as f64 + 0.5) / count as f64;
        rest /= count;
    }
    place
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
}

/// Half of the points drawn lie near the best one, half anywhere. Of each is told what its neighbours did, and a little is
/// added for one that is far from all of them, those under way included.
fn promising(ranges: &[Range], tried: &[Tried], scored: &[(&[f64], f64)], chance: Chance) -> Vec<f64> {
    let best = scored.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
    let worst = scored.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
    let spread = (best.1 - worst).max(1e-9);
    let width = 0.6 / (scored.len() as f64).sqrt();
    let draw = |n: u64| {
        let own = chance.of(n);
        if n.is_multiple_of(2) {
            return anywhere(ranges, own);
        }
        settled(ranges, (0..).zip(best.0).map(|(at, place)| (place + own.of(at).normal() * width).clamp(0.0, 1.0)))
    };
    let worth = |place: &[f64]| {
        let near = |other: &[f64]| (-apart(place, other) / 0.08).exp();
        let weight: f64 = scored.iter().map(|(other, _)| near(other)).sum();
        let told: f64 = scored.iter().map(|(other, score)| near(other) * (score - worst) / spread).sum();
        let crowd = tried.iter().map(|tried| near(&tried.place)).fold(0.0, f64::max);
        (told + 0.1) / (weight + 0.2) + 0.25 * (1.0 - crowd)
    };
    let drawn = (0..DRAWN).map(draw).map(|place| (worth(&place), place));
    drawn.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place)| place).unwrap_or_default()
}
