//! One execution: what was asked, what will become of it, and how it stands at a moment.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{
    graph,
    graph::Live,
    steps::{Plan, StepKind},
};
use crate::world::{
    World,
    chance::Chance,
    epoch,
    estate::{self, FAMILIES, Family},
    lists::{user, without_nulls},
    run::{Cause, Fate, PEOPLE, Run, SCHEDULER, Series, recipe, recipe::KNOBS},
};

/// What goes wrong with it, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Evaluation meets data without a column it needs.
    KeyError,
    /// No instances left for the training job.
    Quota,
    /// Nothing under the input prefix.
    NoData,
    /// The training job dies.
    OutOfMemory,
}

/// The values of the pipeline's parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    pub(crate) knobs: [f32; KNOBS],
    pub(crate) day: u16,
    pub(crate) instance: u8,
    pub(crate) image: u8,
    /// The least score that is accepted, and the score of the version to beat.
    pub(crate) least: f32,
    pub(crate) champion: f32,
    /// Parameters as the caller gave them, where they differ from what the other members say.
    pub(crate) given: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub(crate) family: u8,
    pub(crate) series: Series,
    pub(crate) number: u32,
    pub(crate) started: Timestamp,
    /// Session name: an index into [`PEOPLE`], or the scheduler beyond its end.
    pub(crate) by: u8,
    /// Who started it through a call.
    pub(crate) caller: Option<String>,
    pub(crate) display: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Parameters,
    pub(crate) trouble: Option<Trouble>,
    /// When and by whom it was asked to stop.
    pub(crate) stop: Option<(Timestamp, String)>,
    /// The package version it registered.
    pub(crate) version: Option<u32>,
    /// The pipeline's name when a caller created it; `family` then means nothing.
    pub(crate) custom: Option<String>,
    /// How it goes on, where it lives by its definition and not by a plan: one of a caller's pipeline, or one that was retried.
    pub(crate) live: Option<Box<Live>>,
}

impl Execution {
    pub(crate) fn family(&self) -> &'static Family {
        &FAMILIES[usize::from(self.family) % FAMILIES.len()]
    }

    pub(crate) fn pipeline(&self) -> &str {
        self.custom.as_deref().unwrap_or(self.family().pipeline)
    }

    pub(crate) fn chance(&self, seed: u64) -> Chance {
        Chance::new(seed).named(self.pipeline()).of(self.series as u64).of(u64::from(self.number))
    }

    /// Twelve characters: the last part of its ARN.
    pub(crate) fn id(&self, seed: u64) -> String {
        self.chance(seed).named("id").id(12)
    }

    pub(crate) fn arn(&self, seed: u64) -> String {
        format!("{}/execution/{}", pipeline_arn(self.pipeline()), self.id(seed))
    }

    pub(crate) fn by(&self) -> &str {
        self.caller.as_deref().or_else(|| PEOPLE.get(usize::from(self.by)).copied()).unwrap_or(SCHEDULER)
    }

    pub(crate) fn display(&self) -> String {
        self.display.clone().unwrap_or_else(|| match self.series {
            Series::Regular if self.by() == SCHEDULER => format!("nightly-{:04}", self.number),
            Series::Regular => format!("{}-{:04}", self.by(), self.number),
            _ => format!("branch-x{:05}", self.number),
        })
    }

    /// The training job as it will be when `Train` begins at `at`.
    pub(crate) fn run(&self, at: Timestamp) -> Run {
        let fate = match self.trouble {
            Some(Trouble::OutOfMemory) => Fate::Fails(Cause::OutOfMemory),
            _ => Fate::Completes,
        };
        Run {
            family: self.family,
            series: self.series,
            number: self.number,
            created: at,
            fate,
            stopped: self.stop.as_ref().map(|(at, _)| *at),
            by: self.by,
            knobs: self.parameters.knobs,
            day: self.parameters.day,
            image: self.parameters.image,
            instance: self.parameters.instance,
            width: 0,
        }
    }

    /// Name and value of each parameter, in the order of the definition; then what the caller added to a pipeline of theirs.
    pub(crate) fn named_parameters(&self) -> Vec<(String, String)> {
        let given = |name: &str| self.parameters.given.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if self.custom.is_some() {
            return self.parameters.given.clone();
        }
        let run = self.run(self.started);
        let recipe = recipe::recipe(self.family());
        let knobs = recipe.knobs.iter().zip(self.parameters.knobs);
        let mut all: Vec<(String, String)> = vec![
            ("InputDataUri".to_owned(), run.channel("raw")),
            ("TrainingInstanceType".to_owned(), run.instance().to_owned()),
        ];
        all.extend(knobs.map(|(knob, value)| (knob.parameter.to_owned(), recipe::spell(value))));
        all.push(("MinScore".to_owned(), recipe::spell(self.parameters.least)));
        all.push(("ChampionScore".to_owned(), recipe::spell(self.parameters.champion)));
        all.push(("ModelApprovalStatus".to_owned(), "PendingManualApproval".to_owned()));
        for (name, value) in &mut all {
            if let Some(given) = given(name) {
                value.clone_from(given);
            }
        }
        all
    }
}

pub(crate) fn pipeline_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("pipeline/{}", name.to_lowercase()))
}

/// The trial of a pipeline's run is named by the execution.
pub(crate) fn trial(world: &World, run: &Run) -> String {
    let key = (run.family, run.series, run.number);
    let known = world.pipelines.by_number.get(&key).and_then(|index| world.pipelines.get(*index));
    // A version older than the executions that are kept: its execution is gone, its trial is not.
    known.map_or_else(|| run.chance(world.seed).named("trial").id(12), |execution| execution.id(world.seed))
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) status: &'static str,
    pub(super) modified: Timestamp,
    pub(super) is_failed: bool,
}

pub(super) fn outcome(world: &World, execution: &Execution, plan: &Plan, at: Timestamp) -> Outcome {
    if let Some(live) = &execution.live {
        let status = live.status(execution.stop.is_some());
        return Outcome { status, modified: live.modified(), is_failed: status == "Failed" };
    }
    let end = plan.steps.last().map_or(execution.started, |step| step.end);
    let failed = plan.steps.last().is_some_and(|step| step.failure.is_some() || step.kind == StepKind::Fail);
    let change = |limit: Timestamp| {
        let moments = plan.steps.iter().flat_map(|step| [step.start, step.end]).filter(|moment| *moment <= limit);
        moments.max().unwrap_or(execution.started)
    };
    if let Some((stop, _)) = execution.stop.as_ref().filter(|(stop, _)| *stop <= at && *stop < end) {
        let over = plan.stopped_at(world, execution, *stop);
        return match over <= at {
            true => Outcome { status: "Stopped", modified: over, is_failed: false },
            false => Outcome { status: "Stopping", modified: *stop, is_failed: false },
        };
    }
    if at < end {
        Outcome { status: "Executing", modified: change(at), is_failed: false }
    } else {
        // The execution closes a few seconds after its last step; the difference shows nowhere else.
        let status = if failed { "Failed" } else { "Succeeded" };
        Outcome { status, modified: end, is_failed: failed }
    }
}

impl Execution {
    /// `FailureReason`: AWS names no step there.
    pub(super) const FAILURE: &'static str = "Step failure: One or multiple steps failed.";

    pub(super) fn plan(&self, world: &World) -> Plan {
        if self.live.is_some() { Plan::default() } else { Plan::new(self, world) }
    }

    pub(crate) fn status(&self, world: &World, at: Timestamp) -> &'static str {
        outcome(world, self, &self.plan(world), at).status
    }

    pub(crate) fn modified(&self, world: &World, at: Timestamp) -> Timestamp {
        outcome(world, self, &self.plan(world), at).modified
    }
}

/// `PipelineExecution` as Search shows it; DescribePipelineExecution leaves the parameters away.
pub(crate) fn record(world: &World, execution: &Execution, at: Timestamp) -> Value {
    let plan = execution.plan(world);
    let outcome = outcome(world, execution, &plan, at);
    let last_by = execution.stop.as_ref().filter(|(stop, _)| *stop <= at).map_or(execution.by(), |(_, by)| by.as_str());
    let parameters: Vec<Value> =
        execution.named_parameters().into_iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    let tracked = match execution.custom {
        None => Some((execution.family().experiment.to_owned(), execution.id(world.seed))),
        Some(_) => graph::experiment(world, execution),
    };
    without_nulls(json!({
        "PipelineArn": pipeline_arn(execution.pipeline()),
        "PipelineExecutionArn": execution.arn(world.seed),
        "PipelineExecutionDisplayName": execution.display(),
        "PipelineExecutionDescription": execution.description,
        "PipelineExecutionStatus": outcome.status,
        "PipelineExperimentConfig": tracked.map(|(experiment, trial)| json!({"ExperimentName": experiment, "TrialName": trial})),
        "FailureReason": outcome.is_failed.then_some(Execution::FAILURE),
        "CreationTime": epoch(execution.started),
        "LastModifiedTime": epoch(outcome.modified),
        "CreatedBy": user(execution.by()),
        "LastModifiedBy": user(last_by),
        "PipelineParameters": parameters,
        "ParallelismConfiguration": execution.live.as_ref().and_then(|live| {
            Some(json!({"MaxParallelExecutionSteps": live.parallel?}))
        }),
        "SelectiveExecutionConfig": execution.live.as_ref().and_then(|live| {
            let selected: Vec<Value> = live.selected.as_ref()?.iter().map(|step| json!({"StepName": step})).collect();
            Some(without_nulls(json!({"SelectedSteps": selected, "SourcePipelineExecutionArn": live.source})))
        }),
        "PipelineVersionId": execution.live.as_ref().map(|live| live.version),
    }))
}

/// Rounds a drawn duration to whole seconds.
pub(super) fn seconds(chance: Chance, least: f64, most: f64) -> i64 {
    chance.between(least, most) as i64 * SECOND
}
