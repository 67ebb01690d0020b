//! What the account did, as lineage: each job, package and deployment is a hub with what went in and what came out. Nothing of
//! it is kept: a hub is made when somebody looks.

use std::{borrow::Cow, collections::HashMap};

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::entity::{Class, Edge, Entity, artifact_key, key, name_key};
use crate::world::{
    World,
    endpoint::Endpoint,
    estate, pipeline,
    registry::{Change, Package, SOURCE},
    run::Run,
    shelf::{
        Item,
        experiments::{JOBS, Job, told},
        kind::text,
    },
};

/// Something that happened.
pub(super) enum Fact<'w> {
    Run(&'w Run),
    Made(&'static Job, &'w Item),
    /// A processing job of a pipeline's execution.
    Step(&'static Job, pipeline::Ran<'w>),
    Package(&'w Package),
    /// These models went into service together.
    Deployment(&'w Endpoint, Timestamp, Vec<&'w str>),
}

/// A fact with its neighbours.
pub(super) struct Hub {
    pub(super) center: Entity,
    inputs: Vec<(Entity, &'static str)>,
    outputs: Vec<(Entity, &'static str)>,
}

const GIVES: &str = "ContributedTo";
const MAKES: &str = "Produced";
const BELONGS: &str = "AssociatedWith";

impl Hub {
    const fn new(center: Entity) -> Self {
        Self { center, inputs: Vec::new(), outputs: Vec::new() }
    }

    fn input(&mut self, kind: &'static str, uri: &str) {
        let entity = Entity::artifact(kind, uri, self.center.created);
        // One URI is one artifact, however often it is named.
        if !self.inputs.iter().any(|(known, _)| known.arn == entity.arn) {
            self.inputs.push((entity, GIVES));
        }
    }

    fn output(&mut self, kind: &'static str, uri: &str, at: Timestamp) {
        self.outputs.push((Entity::artifact(kind, uri, at), MAKES));
    }

    /// The entities around the center.
    pub(super) fn around(&self) -> impl Iterator<Item = &Entity> {
        self.inputs.iter().chain(&self.outputs).map(|(entity, _)| entity)
    }

    /// One edge for each entity around the center, in that order.
    pub(super) fn edges(&self) -> impl Iterator<Item = Edge> {
        let edge = |source: &Entity, destination: &Entity, kind: &'static str, created: Timestamp| Edge {
            source: source.clone(),
            destination: destination.clone(),
            kind: Some(kind.into()),
            created,
            by: None,
        };
        let center = &self.center;
        let inputs =
            self.inputs.iter().map(move |(from, kind)| edge(from, center, kind, from.created.max(center.created)));
        let outputs = self.outputs.iter().map(move |(to, kind)| edge(center, to, kind, to.created.max(center.created)));
        inputs.chain(outputs)
    }
}

/// Everything that happened so far, in an order that stays.
pub(super) fn all(world: &World) -> Vec<Fact<'_>> {
    let now = world.now;
    let mut all: Vec<Fact<'_>> = world.runs.at(now).filter(|run| run.has_job()).map(Fact::Run).collect();
    for job in JOBS {
        if job.noun == "ProcessingJob" {
            all.extend(pipeline::processing_jobs(world, now).into_iter().map(|ran| Fact::Step(job, ran)));
        }
        all.extend(world.own(job.noun).map(|item| Fact::Made(job, item)));
    }
    let packages = world.registry.groups.values().flat_map(|group| &group.packages);
    all.extend(packages.filter(|package| package.created() <= now).map(Fact::Package));
    for endpoint in world.endpoints.endpoints.values() {
        deployments(endpoint, now, &mut all);
    }
    all
}

/// A config that comes to serve beside those before is a deployment.
fn deployments<'w>(endpoint: &'w Endpoint, now: Timestamp, all: &mut Vec<Fact<'w>>) {
    let mut before: Vec<&str> = Vec::new();
    for split in endpoint.splits.iter().filter(|split| split.from <= now) {
        let configs: Vec<&str> = split.fleets.iter().map(|fleet| fleet.config.as_str()).collect();
        let mut models: Vec<&str> = Vec::new();
        for fleet in split.fleets.iter().filter(|fleet| !before.contains(&fleet.config.as_str())) {
            if !models.contains(&fleet.model.as_str()) {
                models.push(&fleet.model);
            }
        }
        if !models.is_empty() {
            all.push(Fact::Deployment(endpoint, split.from, models));
        }
        before = configs;
    }
}

/// The name of what SageMaker makes: of what it is about, when, and a word for the kind.
fn minted(about: &str, at: Timestamp, suffix: &str) -> String {
    let tail = format!("-{}-{suffix}", at.secs());
    let room = 120_usize.saturating_sub(tail.len());
    let about: String = about.chars().take(room).collect();
    format!("{}{tail}", about.trim_end_matches('-'))
}

/// Keys of URIs that many runs have, by family, number and word.
pub(super) type Known = HashMap<(u8, u16, &'static str), u64>;

/// What an entity is found by, its class and type, and its birth.
pub(super) type Short = (u64, Class, &'static str, Timestamp);

fn data(run: &Run, channel: &'static str, known: &mut Known) -> Short {
    let key = known.entry((run.family, run.day, channel)).or_insert_with(|| artifact_key(&run.channel(channel)));
    (*key, Class::Artifact, "DataSet", Timestamp::default())
}

fn image(run: &Run, known: &mut Known) -> Short {
    let key = known.entry((run.family, run.image.into(), "")).or_insert_with(|| artifact_key(&run.image()));
    (*key, Class::Artifact, "Image", Timestamp::default())
}

fn model(run: &Run) -> Short {
    (artifact_key(&run.artifact()), Class::Artifact, "Model", Timestamp::default())
}

impl Fact<'_> {
    /// The entities of its hub in their order, as far as an index needs them: of an account's many runs, without the hubs.
    pub(super) fn entities(&self, world: &World, known: &mut Known) -> Vec<Short> {
        let center = |name: &str, kind, at| (name_key(Class::TrialComponent, name), Class::TrialComponent, kind, at);
        let at = |at: Timestamp| move |(key, class, kind, _): Short| (key, class, kind, at);
        match self {
            Self::Run(run) => {
                let born = at(run.created);
                let mut all = vec![center(&run.component(), "TrainingJob", run.created), born(image(run, known))];
                all.extend(["train", "validation"].map(|channel| born(data(run, channel, known))));
                all.extend(trained(world, run).map(|end| at(end)(model(run))));
                all
            }
            Self::Step(job, ran) => {
                let (run, born) = (ran.run(), at(ran.start));
                let name = job.component_name(&ran.name());
                let mut all = vec![center(&name, job.noun, ran.start), born(image(&run, known))];
                if ran.evaluates {
                    all.extend([born(model(&run)), born(data(&run, "test", known))]);
                } else {
                    all.push(born(data(&run, "raw", known)));
                }
                for (name, uri) in ran.end.into_iter().flat_map(|_| ran.places(world.seed).1) {
                    let short = if ran.evaluates {
                        (artifact_key(&uri), Class::Artifact, "DataSet", ran.start)
                    } else {
                        data(&run, name, known)
                    };
                    all.push(at(ran.end.unwrap_or(ran.start))(short));
                }
                all
            }
            _ => {
                let hub = self.hub(world);
                let short = |entity: &Entity| {
                    let kind = if let Cow::Borrowed(kind) = entity.kind { kind } else { "" };
                    (key(&entity.arn), entity.class, kind, entity.created)
                };
                std::iter::once(&hub.center).chain(hub.around()).map(short).collect()
            }
        }
    }

    pub(super) fn hub(&self, world: &World) -> Hub {
        match self {
            Self::Run(run) => of_run(world, run),
            Self::Made(job, item) => of_job(job, &told(world, job, item), item.created),
            Self::Step(job, ran) => of_step(world, job, ran),
            Self::Package(package) => of_package(world, package),
            Self::Deployment(endpoint, at, models) => of_deployment(world, endpoint, *at, models),
        }
    }
}

fn component(kind: &'static str, name: &str, source: String, at: Timestamp) -> Entity {
    Entity::new(Class::TrialComponent, kind, (name, source), at)
}

fn of_run(world: &World, run: &Run) -> Hub {
    let mut hub = Hub::new(component("TrainingJob", &run.component(), run.job_arn(), run.created));
    hub.input("Image", &run.image());
    hub.input("DataSet", &run.channel("train"));
    hub.input("DataSet", &run.channel("validation"));
    if let Some(end) = trained(world, run) {
        hub.output("Model", &run.artifact(), end);
    }
    hub
}

/// When a run left its model.
fn trained(world: &World, run: &Run) -> Option<Timestamp> {
    let end = run.end(world.seed);
    (end <= world.now && run.completes(world.seed)).then_some(end)
}

/// What a job reads is there from its begin, what it writes when it went well.
fn of_job(job: &'static Job, record: &Map<String, Value>, created: Timestamp) -> Hub {
    let kind = job.noun;
    let name = job.component_name(text(record, job.name));
    let mut hub = Hub::new(component(kind, &name, text(record, job.arn).to_owned(), created));
    let places = job.places(record);
    if let Some(image) = &places.image {
        hub.input("Image", image);
    }
    for (_, uri) in &places.inputs {
        hub.input(read_kind(uri), uri);
    }
    if let Some(end) = job.ended(record) {
        for (_, uri) in &places.outputs {
            hub.output(if kind == "TrainingJob" { "Model" } else { "DataSet" }, uri, end);
        }
    }
    hub
}

fn of_step(world: &World, job: &'static Job, ran: &pipeline::Ran<'_>) -> Hub {
    let name = ran.name();
    let source = estate::arn("sagemaker", &format!("processing-job/{name}"));
    let mut hub = Hub::new(component(job.noun, &job.component_name(&name), source, ran.start));
    let (inputs, outputs) = ran.places(world.seed);
    hub.input("Image", &ran.run().image());
    for (_, uri) in &inputs {
        hub.input(read_kind(uri), uri);
    }
    for (_, uri) in outputs.iter().filter(|_| ran.end.is_some()) {
        hub.output("DataSet", uri, ran.end.unwrap_or(ran.start));
    }
    hub
}

/// What a job reads is data, unless it is a model.
fn read_kind(uri: &str) -> &'static str {
    if uri.ends_with("/model.tar.gz") { "Model" } else { "DataSet" }
}

/// Approvals and stages are actions of their own.
fn action(package: &Package, before: Option<&Change>, change: &Change) -> Vec<Entity> {
    let mut all = Vec::new();
    let mut add = |kind: &'static str, said: &str| {
        let said: String = said.chars().filter(char::is_ascii_alphanumeric).collect();
        let about = format!("{}-{}-{said}", package.group, package.version);
        let name = minted(&about, change.at, "aws-model-package");
        all.push(Entity::new(Class::Action, kind, (&name, package.arn()), change.at));
    };
    if before.is_none_or(|before| before.approval != change.approval) {
        add("Approval", &change.approval);
    }
    if let Some((stage, status)) =
        change.stage.as_ref().filter(|_| before.is_none_or(|before| before.stage != change.stage))
    {
        add("ModelLifeCycle", &format!("{stage}{status}"));
    }
    all
}

fn of_package(world: &World, package: &Package) -> Hub {
    let arn = package.arn();
    let mut hub = Hub::new(Entity::artifact("Model", &arn, package.created()));
    hub.center.modified = package.at(world.now).map_or(hub.center.created, |change| change.at);
    let record = crate::world::registry::record(world, package, world.now).unwrap_or_default();
    let containers = record.pointer("/InferenceSpecification/Containers").and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        for (member, kind) in [("Image", "Image"), ("ModelDataUrl", "Model")] {
            if let Some(uri) = container.get(member).and_then(Value::as_str) {
                hub.input(kind, uri);
            }
        }
    }
    // The pipeline copies the model of its training job to where versions lie.
    let run = package.source.and_then(|(family, number)| world.runs.get(family, SOURCE, number));
    if let Some(run) = run {
        hub.input("Model", &run.artifact());
    }
    let mut before = None;
    for change in package.changes.iter().filter(|change| change.at <= world.now) {
        hub.inputs.extend(action(package, before, change).into_iter().map(|action| (action, GIVES)));
        before = Some(change);
    }
    if let Some(group) = world.registry.groups.get(&package.group) {
        let name = minted(&package.group, group.created, "aws-model-package-group");
        let source = estate::arn("sagemaker", &format!("model-package-group/{}", package.group.to_lowercase()));
        hub.outputs.push((Entity::new(Class::Context, "ModelGroup", (&name, source), group.created), BELONGS));
    }
    hub
}

fn of_deployment(world: &World, endpoint: &Endpoint, at: Timestamp, models: &[&str]) -> Hub {
    let name = minted(&endpoint.name, at, "aws-model-deployment");
    let mut hub = Hub::new(Entity::new(Class::Action, "ModelDeployment", (&name, endpoint.arn()), at));
    for model in models.iter().filter_map(|model| world.model(model).ok()) {
        for package in model.packages() {
            hub.input("Model", package);
        }
        for uri in model.artifacts() {
            hub.input("Model", uri);
        }
        for image in model.images() {
            hub.input("Image", image);
        }
    }
    let name = minted(&endpoint.name, endpoint.created, "aws-endpoint");
    let context = Entity::new(Class::Context, "Endpoint", (&name, endpoint.arn()), endpoint.created);
    hub.outputs.push((context, BELONGS));
    hub
}
