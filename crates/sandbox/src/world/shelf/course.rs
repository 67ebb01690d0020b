//! How a job that a caller made goes on: its stretches, its steps and its curves, derived from one record when somebody looks.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::Value;

use super::Item;
use crate::world::{
    chance::Chance,
    run::{Form, Point, STOPPING, Standing, Transition, close, recipe::RECIPES},
};

/// What cannot be derived of a job.
#[derive(Default)]
pub(crate) struct Work {
    /// When somebody asked it to stop.
    pub(super) stopped: Option<Timestamp>,
    /// The input that was not there when it was looked for.
    pub(super) missing: Option<String>,
    pub(super) is_checked: bool,
    /// Steps that its log tells of.
    pub(super) logged: u32,
    pub(super) is_over: bool,
    /// When a job that makes others looked at them last.
    pub(super) looked: Option<Timestamp>,
    /// What it is at, and since when, where its state alone does not tell.
    pub(super) phase: Option<(&'static str, Timestamp)>,
}

/// Steps of every job.
const STEPS: u32 = 100;

/// When a job comes to its stretches if nobody stops it.
pub(super) struct Plan {
    pub(super) downloading: Timestamp,
    pub(super) training: Timestamp,
    uploading: Timestamp,
    over: Timestamp,
    /// How long the whole training takes, in milliseconds.
    length: i64,
    end: (&'static str, &'static str),
}

impl Item {
    /// The last part of its ARN.
    pub(crate) fn tail(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    fn chance(&self, seed: u64) -> Chance {
        Chance::new(seed).named(&self.arn)
    }

    /// `StoppingCondition.MaxRuntimeInSeconds`, a day where nothing was said.
    fn most(&self) -> i64 {
        let most = self.body.get("StoppingCondition").and_then(|stop| stop.get("MaxRuntimeInSeconds"));
        most.and_then(Value::as_i64).unwrap_or(86_400).saturating_mul(SECOND)
    }

    pub(super) fn plan(&self, seed: u64) -> Plan {
        let chance = self.chance(seed).named("phases");
        let seconds = |tag: u64, least: f64, most: f64| (chance.of(tag).between(least, most) as i64) * SECOND;
        let downloading = self.created.plus(seconds(0, 55.0, 140.0));
        let training = downloading.plus(seconds(1, 20.0, 90.0));
        // How long a script runs is our guess: nothing is known of it.
        let length = seconds(2, 240.0, 600.0);
        if self.work.missing.is_some() {
            let end = ("Failed", "Training job failed");
            return Plan { downloading, training, uploading: training, over: training, length, end };
        }
        let uploading = training.plus(length.min(self.most()));
        let end = if length > self.most() {
            ("MaxRuntimeExceeded", "Resource limit on maximum runtime exceeded")
        } else {
            ("Completed", "Training job completed")
        };
        Plan { downloading, training, uploading, over: uploading.plus(seconds(3, 12.0, 45.0)), length, end }
    }

    /// When it is over; a stop that came in time ends it earlier.
    pub(super) fn end(&self, plan: &Plan) -> Timestamp {
        self.stop(plan).map_or(plan.over, |stop| stop.plus(STOPPING))
    }

    fn stop(&self, plan: &Plan) -> Option<Timestamp> {
        self.work.stopped.filter(|stop| *stop < plan.over)
    }

    pub(crate) fn standing(&self, seed: u64, at: Timestamp) -> Standing {
        let plan = self.plan(seed);
        let (stop, end) = (self.stop(&plan), self.end(&plan));
        let last = stop.unwrap_or(plan.over);
        let mut transitions: Vec<Transition> = Vec::with_capacity(6);
        let mut enter = |status, from, message| {
            close(&mut transitions, from);
            transitions.push(Transition { status, from, to: None, message });
        };
        for (status, from, message) in [
            ("Starting", self.created, "Preparing the instances for training"),
            ("Downloading", plan.downloading, "Downloading input data"),
            ("Training", plan.training, "Training image download completed. Training in progress."),
            ("Uploading", plan.uploading, "Uploading generated training model"),
        ] {
            if from < last && from <= at {
                enter(status, from, message);
            }
        }
        if let Some(stop) = stop.filter(|stop| *stop <= at) {
            enter("Stopping", stop, "Stopping the training job");
        }
        if end <= at {
            let (status, message) = if stop.is_some() { ("Stopped", "Training job stopped") } else { plan.end };
            enter(status, end, message);
            close(&mut transitions, end);
        }
        let secondary = transitions.last().map_or("Starting", |transition| transition.status);
        Standing {
            status: match secondary {
                "Stopping" | "Stopped" | "Failed" | "Completed" => secondary,
                // A job that ran too long counts as stopped; its model is kept.
                "MaxRuntimeExceeded" => "Stopped",
                _ => "InProgress",
            },
            secondary,
            modified: transitions.last().map_or(self.created, |transition| transition.from),
            training_start: transitions.iter().find(|t| t.status == "Training").map(|t| t.from),
            ended: (end <= at).then_some(end),
            transitions,
        }
    }

    /// Names of the metrics that the job's definitions find in its log.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&str, &str)> {
        let definitions = self.body.get("AlgorithmSpecification").and_then(|all| all.get("MetricDefinitions"));
        definitions
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|definition| Some((definition.get("Name")?.as_str()?, definition.get("Regex")?.as_str()?)))
    }

    /// Steps done by `at`.
    pub(super) fn steps(&self, seed: u64, at: Timestamp) -> u32 {
        let plan = self.plan(seed);
        if self.work.missing.is_some() {
            return 0;
        }
        let until = self.stop(&plan).map_or(plan.uploading, |stop| stop.min(plan.uploading)).min(at);
        let share = (until.since(plan.training) as f64 / plan.length.max(1) as f64).clamp(0.0, 1.0);
        (f64::from(STEPS) * share).floor() as u32
    }

    /// When a step was done.
    pub(super) fn step_at(&self, plan: &Plan, step: u32) -> Timestamp {
        let pace = plan.length as f64 / f64::from(STEPS);
        plan.training.plus((pace * f64::from(step + 1)) as i64)
    }

    /// 0 to 1, by its hyperparameters and some luck: what the account's own recipes know of them holds here as well, and every
    /// other number has a best value of its own.
    fn quality(&self, seed: u64) -> f64 {
        let given = self.body.get("HyperParameters").and_then(Value::as_object).into_iter().flatten();
        let cost: f64 = given
            .filter_map(|(name, value)| Some((name, value.as_str()?.parse::<f64>().ok().filter(|n| n.is_finite())?)))
            .map(|(name, value)| {
                let known = RECIPES.iter().flat_map(|recipe| recipe.knobs).find(|knob| knob.name == name);
                let (best, weight) = known.map_or_else(
                    || (10_f64.powf(Chance::new(seed).named(name).between(-2.0, 2.0)), 0.01),
                    |knob| (knob.best, knob.weight),
                );
                (((value.abs() + 1e-6).ln() - (best.abs() + 1e-6).ln()).powi(2) * weight).min(0.3)
            })
            .sum();
        // Of words that are tried, too, some do better.
        let words = self.body.get("TunedHyperParameters").and_then(Value::as_object).into_iter().flatten();
        let words = words.filter_map(|(name, value)| Some((name, value.as_str()?)));
        let words = words.filter(|(_, value)| value.parse::<f64>().is_err());
        let cost: f64 =
            words.map(|(name, value)| Chance::new(seed).named(name).named(value).between(0.0, 0.1)).sum::<f64>() + cost;
        (0.85 - cost + self.chance(seed).named("luck").normal() * 0.035).clamp(0.0, 1.0)
    }

    /// The shape of a metric: as in the account's own recipes, or falling where its name tells of a loss.
    pub(super) fn form(&self, seed: u64, name: &str) -> Form {
        const FALLING: &[&str] = &["loss", "err", "rmse", "mae", "mse", "perplexity"];
        let known = RECIPES.iter().flat_map(|recipe| recipe.metrics).find(|metric| metric.name == name);
        let wanted = self.objective().filter(|(metric, _)| *metric == name).map(|(_, falls)| falls);
        let falls = wanted.unwrap_or_else(|| FALLING.iter().any(|part| name.to_lowercase().contains(part)));
        let (start, worst, best) = match known {
            Some(metric) => (metric.start, metric.worst, metric.best),
            None if falls => (0.9, 0.45, 0.12),
            None => (0.5, 0.7, 0.95),
        };
        let end = worst + (best - worst) * self.quality(seed);
        Form::new(self.chance(seed).named(name), start, end, STEPS)
    }

    /// The curve of a metric up to `at`; empty when no definition finds it.
    pub(super) fn points(&self, seed: u64, name: &str, at: Timestamp) -> Vec<Point> {
        if !self.metrics().any(|(metric, _)| metric == name) {
            return Vec::new();
        }
        let (plan, form) = (self.plan(seed), self.form(seed, name));
        let point = |step: u32| Point { step, at: self.step_at(&plan, step), value: form.at(step) };
        (0..self.steps(seed, at)).map(point).collect()
    }
}
