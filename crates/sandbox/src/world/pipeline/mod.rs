//! Pipelines: their executions live by a plan that is a function of their start.
//!
//! What an execution makes is real to the other areas: a training job when `Train` begins, a package version when
//! `Register` ends.

mod change;
mod custom;
mod definition;
mod execution;
mod graph;
mod history;
mod life;
mod operations;
mod retry;
mod steps;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::{BTreeMap, BTreeSet};

use mldeck_core::time::Timestamp;
use serde_json::Value;

pub(crate) use execution::{Execution, pipeline_arn, record, trial};
pub(crate) use history::generate;
pub(crate) use life::advance;
pub(crate) use operations::pipeline_record;
pub(crate) use steps::{Ran, processing_job, processing_jobs};

use self::custom::Custom;
use super::{
    Handler, World,
    estate::{FAMILIES, Family},
    run::Series,
};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("ListPipelines", operations::list_pipelines),
    ("DescribePipeline", operations::describe_pipeline),
    ("CreatePipeline", change::create_pipeline),
    ("UpdatePipeline", change::update_pipeline),
    ("DeletePipeline", change::delete_pipeline),
    ("ListPipelineVersions", change::list_versions),
    ("UpdatePipelineVersion", change::update_version),
    ("ListPipelineExecutions", operations::list_executions),
    ("DescribePipelineExecution", operations::describe_execution),
    ("ListPipelineExecutionSteps", operations::list_steps),
    ("ListPipelineParametersForExecution", operations::list_parameters),
    ("DescribePipelineDefinitionForExecution", operations::describe_definition),
    ("StartPipelineExecution", operations::start_execution),
    ("StopPipelineExecution", operations::stop_execution),
    ("RetryPipelineExecution", retry::retry_execution),
    ("UpdatePipelineExecution", retry::update_execution),
    ("SendPipelineExecutionStepSuccess", retry::step_succeeded),
    ("SendPipelineExecutionStepFailure", retry::step_failed),
];

/// Executions that go on, and the newest: each with how Describe and ListPipelineExecutionSteps tell it. Those whose end is
/// known are left out.
pub(crate) fn moving(world: &World, is_known: impl Fn(&str) -> bool) -> Vec<(&Execution, Value, Vec<Value>)> {
    let now = world.now;
    let told = going(world).filter(|execution| execution.started <= now && !is_known(&execution.arn(world.seed)));
    told.map(|execution| (execution, record(world, execution, now), steps::started(world, execution, now))).collect()
}

/// ARNs of the executions that [`moving`] looks at.
pub(crate) fn watched(world: &World) -> BTreeSet<String> {
    going(world).map(|execution| execution.arn(world.seed)).collect()
}

fn going(world: &World) -> impl Iterator<Item = &Execution> {
    let count = world.pipelines.executions.len();
    let newest = count.saturating_sub(RECENT) as u32..count as u32;
    let all: BTreeSet<u32> = world.pipelines.active.iter().copied().chain(newest).collect();
    all.into_iter().filter_map(|index| world.pipelines.get(index))
}

/// Executions that are looked at even when they are over.
const RECENT: usize = 12;

#[derive(Default)]
pub(crate) struct State {
    executions: Vec<Execution>,
    by_id: BTreeMap<String, u32>,
    by_number: BTreeMap<(u8, Series, u32), u32>,
    /// Executions that may still make something.
    active: Vec<u32>,
    /// Pipelines that callers created.
    custom: BTreeMap<String, Custom>,
    /// Pipelines of families that a caller deleted.
    deleted: BTreeSet<&'static str>,
    /// `ClientRequestToken` of the call that made a pipeline.
    makers: BTreeMap<String, String>,
    /// By pipeline or execution and `ClientRequestToken`: the same call gives the same execution.
    tokens: BTreeMap<(String, String), u32>,
    /// What is before is done.
    until: Option<Timestamp>,
}

impl State {
    pub(crate) fn at(&self, at: Timestamp) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(move |execution| execution.started <= at)
    }

    /// Every pipeline: the families', then those that callers created.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.families().map(|(_, family)| family.pipeline).chain(self.custom.keys().map(String::as_str))
    }

    /// Families whose pipeline is there and as it was.
    fn families(&self) -> impl Iterator<Item = (u8, &'static Family)> {
        let is_own =
            |family: &Family| !self.deleted.contains(family.pipeline) && !self.custom.contains_key(family.pipeline);
        (0..).zip(FAMILIES).filter(move |(_, family)| is_own(family))
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Execution> {
        self.executions.get(index as usize)
    }

    /// The number the next regular execution of a family gets.
    fn next_number(&self, family: u8) -> u32 {
        let all = (family, Series::Regular, 0)..=(family, Series::Regular, u32::MAX);
        self.by_number.range(all).next_back().map_or(1, |((.., number), _)| number + 1)
    }

    /// Adds one that runs from now on.
    fn start(&mut self, seed: u64, execution: Execution) -> u32 {
        let index = self.push(seed, execution);
        self.active.push(index);
        index
    }

    fn push(&mut self, seed: u64, execution: Execution) -> u32 {
        let index = self.executions.len() as u32;
        self.by_id.insert(execution.id(seed), index);
        if execution.custom.is_none() {
            self.by_number.insert((execution.family, execution.series, execution.number), index);
        }
        self.executions.push(execution);
        index
    }
}
