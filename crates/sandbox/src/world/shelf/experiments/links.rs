//! Which component is in which trial.

use serde_json::{Value, json};

use super::{components, components::Component, missing, trials};
use crate::world::{ApiError, Reply, Request, World, run};

/// A trial by its names: what a component that was put there tells of its parents.
pub(crate) struct Link {
    experiment: String,
    trial: String,
}

/// Most components that callers put into one trial. `[?]`: a quota of AWS, which can be raised.
const MOST: usize = 50;

/// Experiment and trial of each trial the component is in.
pub(super) fn parents(world: &World, component: &Component<'_>) -> Vec<(String, String)> {
    let key = component.key();
    let state = &world.shelf.experiments;
    let began = match component {
        Component::Run(run) if !state.cut.contains(&key) => {
            Some((run.family().experiment.to_owned(), run::trial(world, run)))
        }
        _ => None,
    };
    let put = state.links.range((key.clone(), String::new())..).take_while(|((of, _), _)| *of == key);
    began.into_iter().chain(put.map(|(_, link)| (link.experiment.clone(), link.trial.clone()))).collect()
}

pub(super) fn told(world: &World, component: &Component<'_>) -> Value {
    let all = parents(world, component).into_iter();
    all.map(|(experiment, trial)| json!({"ExperimentName": experiment, "TrialName": trial})).collect()
}

/// Whether anything is in a trial.
pub(super) fn has_components(world: &World, trial: &str) -> bool {
    let state = &world.shelf.experiments;
    state.links.keys().any(|(_, of)| of.eq_ignore_ascii_case(trial))
        || world.runs.at(world.now).any(|run| {
            run::trial(world, run).eq_ignore_ascii_case(trial) && {
                let component = Component::Run(run);
                !state.cut.contains(&component.key()) && !state.gone.contains(&component.arn())
            }
        })
}

/// Puts a component into a trial that is there.
pub(super) fn put(world: &mut World, component: &str, (experiment, trial): (&str, &str)) {
    let link = Link { experiment: experiment.to_owned(), trial: trial.to_owned() };
    world.shelf.experiments.links.insert((component.to_lowercase(), trial.to_lowercase()), link);
}

/// Key and ARN of the component, names of the trial and of its experiment, and whether the component began there.
struct Ends {
    key: String,
    arn: String,
    experiment: String,
    trial: String,
    is_natural: bool,
}

fn ends(world: &World, request: &Request<'_>) -> Result<Ends, ApiError> {
    let (name, trial) = (request.text("TrialComponentName")?, request.text("TrialName")?);
    let component = components::find(world, name).ok_or_else(|| missing("trial component", name))?;
    let trial = trials::named(world, trial).ok_or_else(|| missing("trial", trial))?;
    let is_natural = match component {
        Component::Run(run) => run::trial(world, run).eq_ignore_ascii_case(&trial.name),
        _ => false,
    };
    let (key, arn) = (component.key(), component.arn());
    Ok(Ends { key, arn, experiment: trial.experiment, trial: trial.name, is_natural })
}

impl Ends {
    fn answer(&self) -> Value {
        json!({"TrialComponentArn": self.arn, "TrialArn": trials::trial_arn(&self.trial)})
    }
}

pub(super) fn associate(world: &mut World, request: &Request<'_>) -> Reply {
    let ends = ends(world, request)?;
    let state = &mut world.shelf.experiments;
    if ends.is_natural {
        state.cut.remove(&ends.key);
        return Ok(ends.answer());
    }
    let trial = ends.trial.to_lowercase();
    let is_there = state.links.contains_key(&(ends.key.clone(), trial.clone()));
    if !is_there && state.links.keys().filter(|(_, of)| *of == trial).count() >= MOST {
        let message = format!("The trial {} has {MOST} trial components, which is the limit.", ends.trial);
        return Err(ApiError::new(400, "ResourceLimitExceeded", message));
    }
    put(world, &ends.key, (&ends.experiment, &ends.trial));
    Ok(ends.answer())
}

pub(super) fn disassociate(world: &mut World, request: &Request<'_>) -> Reply {
    let ends = ends(world, request)?;
    let state = &mut world.shelf.experiments;
    let was_there = if ends.is_natural {
        state.cut.insert(ends.key.clone())
    } else {
        state.links.remove(&(ends.key.clone(), ends.trial.to_lowercase())).is_some()
    };
    if was_there {
        Ok(ends.answer())
    } else {
        Err(missing("association of the trial component with trial", &ends.trial))
    }
}
