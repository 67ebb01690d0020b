//! The training jobs of a tuning job, and how well they did.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::super::{Item, World, kind::text};
use crate::world::run::Standing;

pub(in super::super) struct Child<'w> {
    pub(in super::super) job: &'w Item,
    pub(in super::super) standing: Standing,
    /// The objective so far; final when the job is over, nothing for one that failed.
    pub(in super::super) value: Option<f64>,
}

impl Item {
    /// The metric a tuning job looks at, and whether less is better.
    pub(in super::super) fn objective(&self) -> Option<(&str, bool)> {
        let objective = self.body.get("TuningObjective")?.as_object()?;
        Some((text(objective, "MetricName"), text(objective, "Type") == "Minimize"))
    }

    pub(super) fn tuned(&self) -> Option<&Map<String, Value>> {
        self.body.get("TunedHyperParameters")?.as_object()
    }
}

/// A value as one that is the better the higher it is.
pub(super) fn score(job: &Item, value: f64) -> f64 {
    if job.objective().is_some_and(|(_, falls)| falls) { -value } else { value }
}

pub(super) fn better(job: &Item, value: f64, than: f64) -> bool {
    score(job, value) > score(job, than)
}

/// Those it made by `at`, in that order.
pub(super) fn all<'w>(world: &'w World, tuning: &Item, at: Timestamp) -> Vec<Child<'w>> {
    // One of that name may have been deleted before this one was made.
    made_by(world, (&format!("{}-", tuning.tail()), "TuningJobArn"), tuning, at)
}

/// Training jobs whose names begin so, and which say in that member who made them.
pub(in super::super) fn made_by<'w>(
    world: &'w World,
    (prefix, member): (&str, &str),
    owner: &Item,
    at: Timestamp,
) -> Vec<Child<'w>> {
    let seed = world.seed;
    let jobs = world.shelf.items.get("TrainingJob").into_iter().flat_map(|jobs| jobs.range(prefix.to_owned()..));
    let own = jobs.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, job)| job);
    let own = own.filter(|job| text(&job.body, member) == owner.arn && (owner.created..=at).contains(&job.created));
    let mut all: Vec<Child<'w>> = own
        .map(|job| {
            let standing = job.standing(seed, at);
            let step = job.steps(seed, at).checked_sub(1).filter(|_| standing.status != "Failed");
            let value = step.zip(job.objective()).map(|(step, (metric, _))| job.form(seed, metric).at(step));
            Child { job, standing, value }
        })
        .collect();
    all.sort_by_key(|child| child.job.created);
    all
}

/// The best of those that are over.
pub(in super::super) fn best<'c, 'w>(children: &'c [Child<'w>]) -> Option<&'c Child<'w>> {
    let over = children.iter().filter(|child| child.standing.ended.is_some());
    let scored = over.filter_map(|child| Some((score(child.job, child.value?), child)));
    // Of two that are as good the earlier one.
    scored.reduce(|best, other| if other.0 > best.0 { other } else { best }).map(|(_, child)| child)
}

/// How many ended since the best one, without being better.
pub(super) fn not_improving(children: &[Child<'_>]) -> usize {
    let Some(since) = best(children).and_then(|best| best.standing.ended) else { return 0 };
    children.iter().filter(|child| child.value.is_some() && child.standing.ended > Some(since)).count()
}
