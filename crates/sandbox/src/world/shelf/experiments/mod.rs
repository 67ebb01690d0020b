//! Experiments, trials and trial components: the account's own and those of callers.
//!
//! What the account did by itself is not kept: its trials and components are derived from runs and jobs when somebody looks.
//! Kept is what callers make, and what they change of the rest: a component of a job that was updated has an item with the
//! changes only, one that was taken out of its trial or deleted is noted as such.
//!
//! | file | subject |
//! |---|---|
//! | `trials` | experiments and trials |
//! | `components` | trial components from all sources, as one list |
//! | `links` | which component is in which trial |
//! | `jobs` | the component that SageMaker makes of a job, and `ExperimentConfig` |
//! | `measured` | what BatchPutMetrics wrote |

mod components;
mod jobs;
mod links;
mod measured;
#[cfg(test)]
mod tests;
mod trials;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    ApiError, Handler,
    kind::{Kind, text},
    life::{AT_ONCE, Life, STILL},
};

pub(crate) use components::{named, of_run, others, short_cut_holds};
pub(crate) use jobs::{JOBS, Job, pipeline_trial, told};
pub(crate) use measured::{curve, put};
pub(crate) use trials::{generate, records as trial_records};

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("DeleteExperiment", trials::delete_experiment),
    ("DescribeTrial", trials::describe),
    ("ListTrials", trials::list),
    ("UpdateTrial", trials::update),
    ("DeleteTrial", trials::delete),
    ("DescribeTrialComponent", components::describe),
    ("ListTrialComponents", components::list),
    ("UpdateTrialComponent", components::update),
    ("DeleteTrialComponent", components::delete),
    ("AssociateTrialComponent", links::associate),
    ("DisassociateTrialComponent", links::disassociate),
    ("CreateTrainingJob", jobs::create),
    ("CreateProcessingJob", jobs::create),
    ("CreateTransformJob", jobs::create),
];

const CHANGEABLE: Life = Life { update: AT_ONCE, ..STILL };

const EXPERIMENT: Kind = Kind {
    told: trials::experiment_told,
    ..Kind::new("Experiment", "ListExperiments", "experiment", &["ExperimentName"], "ExperimentArn", CHANGEABLE)
};
const TRIAL: Kind = Kind {
    needs: &[("ExperimentName", "Experiment")],
    made: trials::made,
    told: trials::told,
    ..Kind::new("Trial", "ListTrials", "experiment-trial", &["TrialName"], "TrialArn", CHANGEABLE)
};
const COMPONENT: Kind = Kind {
    made: components::made,
    changed: components::changed,
    ..Kind::new(
        "TrialComponent",
        "ListTrialComponents",
        "experiment-trial-component",
        &["TrialComponentName"],
        "TrialComponentArn",
        CHANGEABLE,
    )
};

pub(super) const KINDS: &[Kind] = &[EXPERIMENT, TRIAL, COMPONENT];

/// What callers did to trials and components, by names in lower case.
#[derive(Default)]
pub(crate) struct State {
    /// By component and trial.
    links: BTreeMap<(String, String), links::Link>,
    /// Components of the account's own runs that were taken out of the trial they began in.
    cut: BTreeSet<String>,
    /// ARNs of what was derived and is deleted.
    gone: BTreeSet<String>,
    measured: measured::State,
}

fn missing(what: &str, name: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFound", format!("Requested {what} '{name}' does not exist."))
}

/// Of names, one that is there. The SDK reads these words.
fn taken(kind: &Kind, name: &str) -> ApiError {
    ApiError::validation(format!("Cannot create {} \"{name}\": it already exists.", kind.words()))
}

/// What others belong to cannot be deleted.
fn linked(what: &str, arn: &str, to: &str) -> ApiError {
    ApiError::validation(format!("{what} '{arn}' is linked to 1 or more {to} and cannot be deleted."))
}

/// A record says its name where it has no other to show.
fn show_name(record: &mut Map<String, Value>, name: &str) {
    let own = text(record, name).to_owned();
    record.entry("DisplayName").or_insert_with(|| own.into());
}
