//! Experiments and trials.

use mldeck_core::time::{DAY, Timestamp};
use serde_json::{Map, Value, json};

use super::{EXPERIMENT, TRIAL, components, linked, links, missing, show_name, taken};
use crate::{
    shape::{Shape, restrict},
    world::{
        ApiError, Reply, Request, World, epoch,
        estate::{self, FAMILIES},
        lists::{self, Window, choice},
        run,
        shelf::{Item, kind::text, operations},
    },
};

/// One trial: an item, or what runs tell of.
pub(super) struct Trial<'w> {
    pub(super) name: String,
    pub(super) experiment: String,
    created: Timestamp,
    modified: Timestamp,
    item: Option<&'w Item>,
}

pub(super) fn trial_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("experiment-trial/{}", name.to_lowercase()))
}

/// Each family has an experiment, as old as the family.
pub(crate) fn generate(world: &mut World) {
    for family in FAMILIES {
        world.now = family.registered(1, world.start).plus(-DAY);
        let arn = estate::arn("sagemaker", &format!("experiment/{}", family.experiment));
        let body = Map::from_iter([("ExperimentName".to_owned(), family.experiment.into())]);
        world.shelve((EXPERIMENT.noun, family.experiment.to_owned(), arn), estate::OPERATOR, body, &[]);
    }
}

/// Runs count as changes of their experiment.
pub(super) fn experiment_told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    show_name(record, "ExperimentName");
    let name = text(&item.body, "ExperimentName");
    let newest = world.runs.at(world.now).filter(|run| run.family().experiment == name).map(|run| run.created).max();
    if let Some(newest) = newest.filter(|newest| *newest > item.modified) {
        record.insert("LastModifiedTime".to_owned(), epoch(newest));
    }
}

pub(super) fn made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let name = text(body, "TrialName");
    if derived(world, name, world.now).is_some() { Err(taken(&TRIAL, name)) } else { Ok(()) }
}

pub(super) fn told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    show_name(record, "TrialName");
}

impl<'w> Trial<'w> {
    fn of_item(item: &'w Item) -> Self {
        Self {
            name: text(&item.body, "TrialName").to_owned(),
            experiment: text(&item.body, "ExperimentName").to_owned(),
            created: item.created,
            modified: item.modified,
            item: Some(item),
        }
    }

    fn record(&self, world: &World) -> Map<String, Value> {
        if let Some(item) = self.item {
            return world.told(&TRIAL, item);
        }
        Map::from_iter([
            ("TrialName".to_owned(), self.name.as_str().into()),
            ("TrialArn".to_owned(), trial_arn(&self.name).into()),
            ("DisplayName".to_owned(), self.name.as_str().into()),
            ("ExperimentName".to_owned(), self.experiment.as_str().into()),
            ("CreationTime".to_owned(), epoch(self.created)),
            ("LastModifiedTime".to_owned(), epoch(self.modified)),
        ])
    }
}

/// Derived from runs, and neither kept nor deleted.
fn is_derived(world: &World, name: &str) -> bool {
    !world.is_own(TRIAL.noun, name) && !world.shelf.experiments.gone.contains(&trial_arn(name))
}

fn derived(world: &World, name: &str, at: Timestamp) -> Option<Trial<'static>> {
    let runs = world.runs.at(at).filter(|run| run::trial(world, run).eq_ignore_ascii_case(name));
    let mut found: Option<Trial<'static>> = None;
    for run in runs {
        let trial = found.get_or_insert_with(|| Trial {
            name: run::trial(world, run),
            experiment: run.family().experiment.to_owned(),
            created: run.created,
            modified: run.created,
            item: None,
        });
        trial.created = trial.created.min(run.created);
        trial.modified = trial.modified.max(run.created);
    }
    found.filter(|trial| is_derived(world, &trial.name))
}

/// The trial of that name.
pub(super) fn named<'w>(world: &'w World, name: &str) -> Option<Trial<'w>> {
    let item = world.shelf.item(TRIAL.noun, &name.to_lowercase());
    item.map(Trial::of_item).or_else(|| derived(world, name, world.now))
}

fn all(world: &World, at: Timestamp) -> Vec<Trial<'_>> {
    let of_runs = run::trials(world, at).into_iter().filter(|(name, _)| is_derived(world, name));
    let of_runs = of_runs.map(|(name, (experiment, created, modified))| Trial {
        name,
        experiment: experiment.to_owned(),
        created,
        modified,
        item: None,
    });
    of_runs.chain(world.own(TRIAL.noun).filter(|item| item.created <= at).map(Trial::of_item)).collect()
}

/// Every trial as Search tells of it.
pub(crate) fn records(world: &World, at: Timestamp) -> Vec<Value> {
    let members = Shape::named("Trial").members();
    all(world, at).iter().map(|trial| Value::Object(restrict(&trial.record(world), members))).collect()
}

pub(super) fn experiment_exists(world: &World, name: &str) -> Result<(), ApiError> {
    world.shelved(EXPERIMENT.noun, name).map(|_| ()).ok_or_else(|| missing("experiment", name))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialName")?;
    let trial = named(world, name).ok_or_else(|| missing("trial", name))?;
    Ok(operations::answer(request, &TRIAL, &trial.record(world)))
}

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let world = &*world;
    let experiment = request.opt_text("ExperimentName");
    experiment.map_or(Ok(()), |name| experiment_exists(world, name))?;
    let of_component = match request.opt_text("TrialComponentName") {
        None => None,
        Some(name) => {
            let component = components::find(world, name).ok_or_else(|| missing("trial component", name))?;
            Some(links::parents(world, &component))
        }
    };
    let mut found = all(world, world.now);
    found.retain(|trial| {
        window.holds(trial.created)
            && experiment.is_none_or(|wanted| trial.experiment.eq_ignore_ascii_case(wanted))
            && of_component
                .as_ref()
                .is_none_or(|parents| parents.iter().any(|(_, parent)| trial.name.eq_ignore_ascii_case(parent)))
    });
    match sort {
        "Name" => found.sort_by(|a, b| a.name.cmp(&b.name)),
        _ => found.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name))),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let members = Shape::named("TrialSummary").members();
    let rows = page.iter().map(|trial| Value::Object(restrict(&trial.record(world), members))).collect();
    Ok(lists::reply("TrialSummaries", rows, next))
}

/// A trial of runs becomes one that is kept before it is changed.
fn keep(world: &mut World, name: &str) {
    if world.is_own(TRIAL.noun, name) {
        return;
    }
    let Some(trial) = derived(world, name, world.now) else { return };
    let body = json!({"TrialName": trial.name, "ExperimentName": trial.experiment});
    let now = std::mem::replace(&mut world.now, trial.created);
    put(world, body, run::SCHEDULER);
    world.now = now;
}

/// Makes a trial from its members.
pub(super) fn put(world: &mut World, body: Value, by: &str) {
    let Value::Object(body) = body else { return };
    let (key, arn) = (TRIAL.key(&body), trial_arn(text(&body, "TrialName")));
    world.shelve((TRIAL.noun, key, arn), by, body, &[]);
}

pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    keep(world, request.text("TrialName")?);
    operations::update(world, request, &TRIAL)
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialName")?;
    let arn = trial_arn(&named(world, name).ok_or_else(|| missing("trial", name))?.name);
    if links::has_components(world, name) {
        return Err(linked("Trial", &arn, "trial components"));
    }
    keep(world, name);
    world.shelf.experiments.gone.insert(arn);
    operations::delete(world, request, &TRIAL)
}

pub(super) fn delete_experiment(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ExperimentName")?;
    if let Some(item) = world.shelved(EXPERIMENT.noun, name)
        && all(world, world.now).iter().any(|trial| trial.experiment.eq_ignore_ascii_case(name))
    {
        return Err(linked("Experiment", &item.arn, "trials"));
    }
    operations::delete(world, request, &EXPERIMENT)
}
