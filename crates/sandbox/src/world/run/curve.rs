//! Metric curves, computed when asked for: a run stores none of its hundreds of steps.

use mldeck_core::time::Timestamp;

use super::{recipe::Metric, record::Run};
use crate::world::chance::Chance;

/// One logged value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) step: u32,
    pub(crate) at: Timestamp,
    pub(crate) value: f64,
}

/// What a trial component keeps of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) last: f64,
    pub(crate) count: u32,
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
    pub(crate) at: Timestamp,
}

/// A curve before its steps.
pub(crate) struct Form {
    chance: Chance,
    pace: f64,
    start: f64,
    reach: f64,
    past_best: f64,
    last: f64,
}

impl Form {
    /// A curve of `steps` steps from `start` to `end`, for jobs of no family.
    pub(crate) fn new(chance: Chance, start: f64, end: f64, steps: u32) -> Self {
        let pace = chance.of(u64::MAX).between(4.0, 9.0);
        Self { chance, pace, start, reach: end - start, past_best: 0.0, last: f64::from(steps.max(2) - 1) }
    }

    /// The value logged at `step`; the last one is exactly the final value.
    pub(crate) fn at(&self, step: u32) -> f64 {
        let x = f64::from(step) / self.last;
        let progress = (1.0 - (-self.pace * x).exp()) / (1.0 - (-self.pace).exp());
        let bump = self.reach * self.past_best * (std::f64::consts::PI * x * x).sin().max(0.0);
        let shake = self.reach * 0.02 * (1.0 - x) * self.chance.of(u64::from(step)).normal();
        self.start + self.reach * progress + bump + shake
    }
}

impl Run {
    /// What it logs, made when it is asked for.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = Metric> + use<> {
        let recipe = self.recipe();
        (0..self.width()).map(|index| recipe.metric(index))
    }

    fn width(&self) -> usize {
        self.recipe().metrics.len().max(self.width.into())
    }

    /// The metric and its place, when the run logs it.
    fn metric(&self, name: &str) -> Option<(usize, Metric)> {
        let index = self.recipe().index(name).filter(|index| *index < self.width())?;
        Some((index, self.recipe().metric(index)))
    }

    /// 0 to 1: its hyperparameters, its data, its image and some luck.
    pub(crate) fn quality(&self, seed: u64) -> f64 {
        let luck = self.chance(seed).named("luck").normal() * 0.035;
        // Newer data and newer builds help a little.
        let data = f64::from(self.day % 30) / 30.0 * 0.06;
        let image = f64::from(self.image) * 0.02;
        (self.recipe().quality(&self.knobs) + luck + data + image).clamp(0.0, 1.0)
    }

    /// The value it ends on when it runs to its end.
    pub(crate) fn final_value(&self, seed: u64, metric: &Metric) -> f64 {
        metric.worst + (metric.best - metric.worst) * self.quality(seed)
    }

    /// How many steps the whole run has.
    fn steps(&self) -> u32 {
        self.recipe().steps
    }

    /// Steps logged by `at`.
    pub(crate) fn logged(&self, seed: u64, at: Timestamp) -> u32 {
        let (began, _) = self.training_span(seed);
        let length = self.phases(seed).training.max(1);
        let until = self.end(seed).min(self.training_span(seed).1).min(at);
        let until = self.stopped.map_or(until, |stop| until.min(stop));
        let share = (until.since(began) as f64 / length as f64).clamp(0.0, 1.0);
        (f64::from(self.steps()) * share).floor() as u32
    }

    fn form(&self, seed: u64, index: usize, metric: &Metric) -> Form {
        let chance = self.chance(seed).named("curve").of(index as u64);
        let quality = self.quality(seed);
        let reach = self.final_value(seed, metric) - metric.start;
        // Poor hyperparameters overfit: held-out metrics peak before the end.
        let past_best = if metric.name.starts_with("val/") { (0.9 - quality).max(0.05) * 0.05 } else { 0.0 };
        let pace = chance.of(u64::MAX).between(4.0, 9.0);
        Form { chance, pace, start: metric.start, reach, past_best, last: f64::from(self.steps() - 1) }
    }

    /// The curve of a metric up to `at`, oldest step first; `None` when the run logs no such metric.
    pub(crate) fn curve(&self, seed: u64, name: &str, at: Timestamp) -> Option<Vec<Point>> {
        let (index, metric) = self.metric(name)?;
        let (began, _) = self.training_span(seed);
        let pace = self.phases(seed).training as f64 / f64::from(self.steps());
        let form = self.form(seed, index, &metric);
        let point =
            |step: u32| Point { step, at: began.plus((pace * f64::from(step + 1)) as i64), value: form.at(step) };
        let steps = (1..=self.logged(seed, at) / metric.every).map(|count| count * metric.every - 1);
        Some(steps.map(point).collect())
    }

    /// The newest value of a metric, without the curve.
    pub(crate) fn last_value(&self, seed: u64, name: &str, at: Timestamp) -> Option<f64> {
        let (index, metric) = self.metric(name)?;
        let step = (self.logged(seed, at) / metric.every * metric.every).checked_sub(1)?;
        Some(self.form(seed, index, &metric).at(step))
    }

    pub(crate) fn summary(&self, seed: u64, name: &str, at: Timestamp) -> Option<Summary> {
        Summary::of(&self.curve(seed, name, at)?)
    }
}

impl Summary {
    /// `None` of no points.
    pub(crate) fn of(points: &[Point]) -> Option<Self> {
        let last = points.last()?;
        let count = points.len() as f64;
        let mean = points.iter().map(|point| point.value).sum::<f64>() / count;
        let variance = points.iter().map(|point| (point.value - mean).powi(2)).sum::<f64>() / count;
        Some(Self {
            min: points.iter().map(|point| point.value).fold(f64::INFINITY, f64::min),
            max: points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max),
            last: last.value,
            count: points.len() as u32,
            mean,
            deviation: variance.sqrt(),
            at: last.at,
        })
    }
}
