//! Runs: training jobs, trial components and their metric curves.

mod component;
mod curve;
pub(crate) mod history;
pub(crate) mod job;
mod metrics;
pub(crate) mod recipe;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mldeck_core::time::Timestamp;

pub(crate) use component::{evaluation, record as component_record, summary as component_summary, trial, trials};
pub(crate) use curve::{Form, Point, Summary};
pub(crate) use history::generate;
pub(crate) use job::record as job_record;
pub(crate) use metrics::OPERATIONS as METRICS_OPERATIONS;
pub(crate) use record::{
    Cause, Fate, PEOPLE, Run, SCHEDULER, STOPPING, Series, Standing, Transition, close, no_data, traceback,
};

use super::{Handler, World, estate::FAMILIES};

/// How much of a run is told. Its metrics are hundreds of steps each: who asks for something else goes without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Whole,
    Outline,
}

/// Operations on jobs.
pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("ListTrainingJobs", job::list),
    ("DescribeTrainingJob", job::describe),
    ("StopTrainingJob", job::stop),
    ("DescribeProcessingJob", job::describe_processing),
];

#[derive(Default)]
pub(crate) struct State {
    runs: Vec<Run>,
    /// How many metrics every run logs, where the scenario says so.
    width: u8,
    by_name: BTreeMap<(u8, Series, u32), u32>,
}

/// The artifact of a run that completed, as soon as somebody asks for it by its key or by a prefix that names the run.
pub(crate) fn materialize(world: &mut World, bucket: &str, key: &str) {
    let Some(at) = artifact_made(world, bucket, key) else { return };
    let name = key.split('/').nth(2).unwrap_or_default();
    let Some(uri) = world.runs.named(name, world.now).map(Run::artifact) else { return };
    if world.s3.at(&uri).is_none()
        && let Some((bucket, key)) = super::s3::place(&uri)
    {
        world.s3.put_sized(bucket, key, bytes::Bytes::new(), 48 << 20, at);
    }
}

/// When the run of this key (`fraud/runs/<job>/…`) completed; `None` where there is no such run, or no artifact of it.
pub(crate) fn artifact_made(world: &World, bucket: &str, key: &str) -> Option<Timestamp> {
    let mut parts = key.split('/');
    let (Some(_), Some("runs"), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return None };
    let run = world.runs.named(name, world.now).filter(|_| bucket == super::estate::MODEL_BUCKET)?;
    let standing = run.standing(world.seed, world.now);
    let artifact = run.artifact();
    let (_, whole) = super::s3::place(&artifact)?;
    (run.has_job() && standing.status == "Completed" && whole.starts_with(key)).then_some(standing.ended?)
}

impl State {
    /// Adds a run and gives its index.
    pub(crate) fn push(&mut self, mut run: Run) -> u32 {
        run.width = self.width;
        let index = self.runs.len() as u32;
        self.by_name.insert((run.family, run.series, run.number), index);
        self.runs.push(run);
        index
    }

    pub(crate) fn get(&self, family: u8, series: Series, number: u32) -> Option<&Run> {
        self.runs.get(*self.by_name.get(&(family, series, number))? as usize)
    }

    pub(crate) fn get_mut(&mut self, family: u8, series: Series, number: u32) -> Option<&mut Run> {
        self.runs.get_mut(*self.by_name.get(&(family, series, number))? as usize)
    }

    /// Runs that exist at `at`, in the order they were added.
    pub(crate) fn at(&self, at: Timestamp) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.created <= at)
    }

    /// The run of that name, case ignored as in ARNs.
    pub(crate) fn named(&self, name: &str, at: Timestamp) -> Option<&Run> {
        let (family, series, number) = parse(&name.to_ascii_lowercase())?;
        self.get(family, series, number).filter(|run| run.created <= at)
    }

    /// The run of a trial component's name.
    pub(crate) fn component(&self, name: &str, at: Timestamp) -> Option<&Run> {
        let run = self.named(name.strip_suffix(COMPONENT).unwrap_or(name), at)?;
        run.component().eq_ignore_ascii_case(name).then_some(run)
    }
}

const COMPONENT: &str = "-aws-training-job";

/// `fraud-train-0412`, `fraud-train-x00031`, `fraud-xgb-0533`, `fraud-notebook-0007`.
pub(crate) fn parse(name: &str) -> Option<(u8, Series, u32)> {
    let (stem, number) = name.rsplit_once('-')?;
    FAMILIES.iter().enumerate().find_map(|(index, family)| {
        let rest = stem.strip_prefix(family.name)?.strip_prefix('-')?;
        let (series, digits) = if stem == family.pipeline {
            number.strip_prefix('x').map_or((Series::Regular, number), |digits| (Series::Branch, digits))
        } else if rest == recipe::recipe(family).prefix {
            (Series::Sweep, number)
        } else if rest == "notebook" {
            (Series::Notebook, number)
        } else {
            return None;
        };
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok().map(|number| (index as u8, series, number)))?
    })
}

/// Runs live by the clock alone: their phases are derived from it.
pub(crate) const fn advance(_world: &mut World, _to: Timestamp) {}
