//! Trial components from all sources: runs of the account, jobs of callers, and those that callers write.

use mldeck_core::{id::arn_tail, time::Timestamp};
use serde_json::{Map, Value, json};

use super::{
    COMPONENT, jobs,
    jobs::{JOBS, Job},
    linked, links, measured, missing, show_name, taken, trials,
};
use crate::{
    shape::{Shape, restrict},
    world::{
        ApiError, Reply, Request, World, epoch, estate,
        lists::{self, Window, choice},
        run::{self, Depth, Run},
        shelf::{Item, kind::text, operations},
    },
};

/// Where a component comes from.
pub(super) enum Component<'w> {
    Run(&'w Run),
    /// Of a job that a caller made.
    Made(&'static Job, &'w Item),
    /// Of a job that the account tells of by its name only, with that.
    Told(&'static Job, Value),
    Own(&'w Item),
}

/// Members that an update changes key by key, what takes keys away, and the most keys.
const MAPS: &[(&str, &str, usize)] = &[
    ("Parameters", "ParametersToRemove", 300),
    ("InputArtifacts", "InputArtifactsToRemove", 60),
    ("OutputArtifacts", "OutputArtifactsToRemove", 60),
];

fn arn_of(name: &str) -> String {
    estate::arn("sagemaker", &format!("{}/{}", COMPONENT.path, name.to_lowercase()))
}

impl Component<'_> {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Run(run) => run.component(),
            Self::Made(job, item) => job.component_name(text(&item.body, job.name)),
            Self::Told(job, record) => job.component_name(record[job.name].as_str().unwrap_or_default()),
            Self::Own(item) => text(&item.body, "TrialComponentName").to_owned(),
        }
    }

    pub(super) fn key(&self) -> String {
        self.name().to_lowercase()
    }

    pub(super) fn arn(&self) -> String {
        arn_of(&self.name())
    }

    fn created(&self) -> Timestamp {
        match self {
            Self::Run(run) => run.created,
            Self::Made(_, item) | Self::Own(item) => item.created,
            Self::Told(_, record) => crate::world::moment(&record["CreationTime"]).unwrap_or_default(),
        }
    }

    fn source(&self) -> Option<String> {
        match self {
            Self::Run(run) => run.has_job().then(|| run.job_arn()),
            Self::Made(_, item) => Some(item.arn.clone()),
            Self::Told(job, record) => record[job.arn].as_str().map(str::to_owned),
            Self::Own(_) => None,
        }
    }

    /// As its source has it.
    fn base(&self, world: &World, at: Timestamp, depth: Depth) -> Map<String, Value> {
        match self {
            Self::Run(run) => match run::component_record(world, run, at, depth) {
                Value::Object(record) => record,
                _ => Map::new(),
            },
            Self::Made(job, item) => jobs::component_of_item(world, job, item),
            Self::Told(job, record) => record.as_object().map(|record| job.component(record)).unwrap_or_default(),
            Self::Own(item) => world.told(&COMPONENT, item),
        }
    }

    /// What callers changed.
    fn patch<'w>(&self, world: &'w World) -> Option<&'w Item> {
        world.shelf.item(COMPONENT.noun, &self.key())
    }

    /// DescribeTrialComponent, with what Search tells besides in `Source`.
    pub(super) fn record(&self, world: &World, at: Timestamp, depth: Depth) -> Map<String, Value> {
        let mut record = self.base(world, at, depth);
        if !matches!(self, Self::Own(_))
            && let Some(patch) = self.patch(world)
        {
            overlay(&mut record, patch);
        }
        for (member, ..) in MAPS {
            if let Some(Value::Object(map)) = record.get_mut(*member) {
                map.retain(|_, value| !value.is_null());
            }
        }
        let more = measured::summaries(world, &self.key(), &self.arn());
        if !more.is_empty()
            && let Value::Array(all) = record.entry("Metrics").or_insert_with(|| json!([]))
        {
            all.extend(more);
        }
        show_name(&mut record, "TrialComponentName");
        record
    }

    fn summary(&self, world: &World, at: Timestamp) -> Value {
        // The metrics of a run are hundreds of steps; a row needs none.
        let mut record = match self {
            Self::Run(run) if self.patch(world).is_none() => return run::component_summary(world, run, at),
            _ => self.record(world, at, Depth::Outline),
        };
        if let Some(source) = record.remove("Source") {
            record.insert("TrialComponentSource".to_owned(), source);
        }
        Value::Object(restrict(&record, Shape::named("TrialComponentSummary").members()))
    }

    /// As Search tells of it.
    fn searched(&self, world: &World, at: Timestamp, depth: Depth) -> Value {
        let mut record = self.record(world, at, depth);
        record.insert("Parents".to_owned(), links::told(world, self));
        if let (Self::Made(job, _) | Self::Told(job, _), Some(source)) = (self, self.source()) {
            let told = match self {
                Self::Made(_, item) => jobs::told(world, job, item),
                _ => Map::new(),
            };
            let told = restrict(&told, Shape::named(job.noun).members());
            record.insert("SourceDetail".to_owned(), json!({"SourceArn": source, job.noun: told}));
        }
        Value::Object(restrict(&record, Shape::named(COMPONENT.noun).members()))
    }
}

/// Puts what callers changed over what the source tells.
fn overlay(record: &mut Map<String, Value>, patch: &Item) {
    for (member, value) in &patch.body {
        match (record.get_mut(member), value) {
            (Some(Value::Object(known)), Value::Object(changed)) if MAPS.iter().any(|(map, ..)| map == member) => {
                known.extend(changed.clone());
            }
            _ => {
                record.insert(member.clone(), value.clone());
            }
        }
    }
    record.insert("LastModifiedTime".to_owned(), epoch(patch.modified));
    record.insert("LastModifiedBy".to_owned(), lists::user(&patch.changed_by));
}

pub(super) fn made(world: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let name = text(body, "TrialComponentName");
    if base(world, name).is_some() { Err(taken(&COMPONENT, name)) } else { Ok(()) }
}

/// Keys that are taken away stay as nothing, for what the source tells comes back otherwise.
pub(super) fn changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    for (member, removed, most) in MAPS {
        item.extend(member, before);
        let removed = item.body.remove(*removed).unwrap_or_default();
        for key in removed.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let map = item.body.entry(*member).or_insert_with(|| json!({}));
            map[key] = Value::Null;
        }
        let map = item.body.get(*member).and_then(Value::as_object).into_iter().flatten();
        if map.filter(|(_, value)| !value.is_null()).count() > *most {
            return Err(ApiError::validation(format!("A trial component can have at most {most} {member}.")));
        }
    }
    Ok(())
}

/// A component that callers did not write, unless it is deleted.
fn base<'w>(world: &'w World, name: &str) -> Option<Component<'w>> {
    let now = world.now;
    let run = world.runs.component(name, now).map(Component::Run);
    let found = run.or_else(|| {
        let key = name.to_lowercase();
        JOBS.iter().find_map(|job| {
            let name = key.strip_suffix(job.suffix)?;
            let item = world.shelf.item(job.noun, name);
            item.map(|item| Component::Made(job, item))
                .or_else(|| Some(Component::Told(job, job.of_account(world, name)?)))
        })
    })?;
    (!world.shelf.experiments.gone.contains(&found.arn())).then_some(found)
}

/// The component of that name or ARN.
pub(super) fn find<'w>(world: &'w World, given: &str) -> Option<Component<'w>> {
    let name = arn_tail(given);
    let own = || world.shelf.item(COMPONENT.noun, &name.to_lowercase()).map(Component::Own);
    base(world, name).or_else(own)
}

/// Name, source and birth of the component of that name; no source where nobody made it for a job.
pub(crate) fn named(world: &World, name: &str) -> Option<(String, String, Timestamp)> {
    let component = find(world, name)?;
    Some((component.name(), component.source().unwrap_or_default(), component.created()))
}

fn all<'w>(world: &'w World, at: Timestamp) -> impl Iterator<Item = Component<'w>> {
    let gone = &world.shelf.experiments.gone;
    let runs = world.runs.at(at).map(Component::Run);
    let is_there = |component: &Component<'_>| gone.is_empty() || !gone.contains(&component.arn());
    runs.filter(is_there).chain(not_runs(world, at))
}

fn not_runs<'w>(world: &'w World, at: Timestamp) -> impl Iterator<Item = Component<'w>> {
    let made = JOBS.iter().flat_map(move |job| world.own(job.noun).map(move |item| Component::Made(job, item)));
    let made = made.filter(|component| !world.shelf.experiments.gone.contains(&component.arn()));
    let own = world.own(COMPONENT.noun).filter(|item| base(world, text(&item.body, "TrialComponentName")).is_none());
    made.chain(own.map(Component::Own)).filter(move |component| component.created() <= at)
}

/// Components of everything but runs, as Search tells of them.
pub(crate) fn others(world: &World, at: Timestamp) -> Vec<Value> {
    not_runs(world, at).map(|component| component.searched(world, at, Depth::Whole)).collect()
}

/// The component of a run, as Search tells of it; its outline is without the job.
pub(crate) fn of_run(world: &World, run: &Run, at: Timestamp, depth: Depth) -> Value {
    let mut record = Component::Run(run).searched(world, at, depth);
    if run.has_job() && depth == Depth::Whole {
        let job = run::job_record(world, run, at, depth);
        record["SourceDetail"] = json!({"SourceArn": run.job_arn(), "TrainingJob": job});
    }
    record
}

/// Whether a run's component is there, and as the run alone says.
pub(crate) fn short_cut_holds(world: &World, run: &Run) -> Option<bool> {
    let state = &world.shelf.experiments;
    let component = Component::Run(run);
    if !state.gone.is_empty() && state.gone.contains(&component.arn()) {
        return None;
    }
    let patched = world.shelf.items.get(COMPONENT.noun).is_some_and(|items| !items.is_empty());
    if !patched && state.cut.is_empty() && state.links.is_empty() && state.measured.is_empty() {
        return Some(true);
    }
    let key = component.key();
    let is_linked = state.links.range((key.clone(), String::new())..).next().is_some_and(|((of, _), _)| *of == key);
    let is_same = component.patch(world).is_none() && !state.cut.contains(&key) && !state.measured.knows(&key);
    Some(is_same && !is_linked)
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialComponentName")?;
    let component = find(world, name).ok_or_else(|| missing("trial component", arn_tail(name)))?;
    Ok(operations::answer(request, &COMPONENT, &component.record(world, world.now, Depth::Whole)))
}

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let world = &*world;
    let members = ["ExperimentName", "TrialName", "SourceArn"];
    let given: Vec<&str> = members.into_iter().filter(|member| request.opt_text(member).is_some()).collect();
    if let [first, second, ..] = given.as_slice() {
        return Err(ApiError::validation(format!("If you specify {first}, you can't filter by {second}.")));
    }
    let [experiment, trial, source] = members.map(|member| request.opt_text(member));
    experiment.map_or(Ok(()), |name| trials::experiment_exists(world, name))?;
    if let Some(name) = trial
        && trials::named(world, name).is_none()
    {
        return Err(missing("trial", name));
    }
    let is_asked = |component: &Component<'_>| {
        source.is_none_or(|arn| component.source().is_some_and(|source| source.eq_ignore_ascii_case(arn)))
            && (experiment.or(trial).is_none()
                || links::parents(world, component).iter().any(|(of, within)| {
                    experiment.is_none_or(|name| of.eq_ignore_ascii_case(name))
                        && trial.is_none_or(|name| within.eq_ignore_ascii_case(name))
                }))
    };
    let mut found: Vec<Component<'_>> = all(world, world.now)
        .chain(source.and_then(|arn| of_source(world, arn)))
        .filter(|component| window.holds(component.created()) && is_asked(component))
        .collect();
    match sort {
        "Name" => found.sort_by_cached_key(Component::name),
        _ => found.sort_by_cached_key(|component| (component.created(), component.name())),
    }
    if !lists::is_ascending(request)? {
        found.reverse();
    }
    let (page, next) = lists::page(&found, request)?;
    let rows = page.iter().map(|component| component.summary(world, world.now)).collect();
    Ok(lists::reply("TrialComponentSummaries", rows, next))
}

/// The component of a job that is in no list.
fn of_source<'w>(world: &'w World, arn: &str) -> Option<Component<'w>> {
    let job = JOBS.iter().find(|job| arn.contains(job.path))?;
    let found = base(world, &job.component_name(arn_tail(arn)))?;
    matches!(found, Component::Told(..)).then_some(found)
}

pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialComponentName")?;
    if let Some(base) = base(world, name)
        && base.patch(world).is_none()
    {
        let (name, key, arn) = (base.name(), base.key(), base.arn());
        let body = Map::from_iter([("TrialComponentName".to_owned(), name.into())]);
        world.shelve((COMPONENT.noun, key, arn), request.caller, body, &[]);
    }
    operations::update(world, request, &COMPONENT)
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrialComponentName")?;
    let component = find(world, name).ok_or_else(|| missing("trial component", name))?;
    let (key, arn) = (component.key(), component.arn());
    if !links::parents(world, &component).is_empty() {
        return Err(linked("TrialComponent", &arn, "trials"));
    }
    if !matches!(component, Component::Own(_)) {
        world.shelf.experiments.gone.insert(arn.clone());
    }
    if let Some(items) = world.shelf.items.get_mut(COMPONENT.noun) {
        items.remove(&key);
    }
    world.shelf.experiments.measured.forget(&key);
    world.tags.forget(&arn);
    world.shelf.associations.retain(|(source, destination), _| *source != arn && *destination != arn);
    Ok(json!({"TrialComponentArn": arn}))
}
