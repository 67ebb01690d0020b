//! Inference components: models that share the instances of an endpoint, each in copies of its own; and adapters, which are
//! loaded into the copies of another.
//!
//! What serves a component is what serves an endpoint, copies in the place of instances: the same states, the same stages of
//! a rolling deployment, the same alarms that end it, the same traffic. A component has no versions: the way back is to send
//! the specification before.
//!
//! | file | subject |
//! |---|---|
//! | `read`, `write` | the operations |
//! | `room` | how many copies fit on the instances of a variant |

mod read;
mod room;
mod write;

use std::collections::BTreeMap;

use mldeck_core::time::{MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value};

use super::{
    ApiError, Handler, World,
    endpoint::{self, Change, Endpoint, Status},
    estate,
};

pub(crate) use room::{has_gpu, processors};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("CreateInferenceComponent", write::create),
    ("DescribeInferenceComponent", read::describe),
    ("ListInferenceComponents", read::list),
    ("UpdateInferenceComponent", write::update),
    ("UpdateInferenceComponentRuntimeConfig", write::scale),
    ("DeleteInferenceComponent", write::delete),
];

/// Seconds that SageMaker looks for room on the instances; how long is not documented.
const PATIENCE: i64 = 1_800;

pub(crate) type State = BTreeMap<String, Component>;

pub(crate) struct Component {
    pub(crate) endpoint: String,
    pub(crate) variant: String,
    /// What it loads and needs, as it was sent.
    specification: Map<String, Value>,
    /// The one that an update brings, and what is called so as long as the update runs.
    next: Option<(String, Map<String, Value>)>,
    /// Updates so far.
    updates: u32,
    /// Copies that have their room on the instances.
    placed: i64,
    /// It found no room when it was looked at last.
    waits: bool,
    pub(crate) served: Endpoint,
}

pub(crate) fn arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("inference-component/{}", name.to_lowercase()))
}

/// What a specification loads: a model by its name, or an artifact by its address.
fn loads(specification: &Map<String, Value>) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let container = specification.get("Container");
    let in_container = |member: &str| text(container.and_then(|container| container.get(member)));
    text(specification.get("ModelName")).or_else(|| in_container("ArtifactUrl")).or_else(|| in_container("Image"))
}

/// The component that an adapter is loaded into.
fn base(specification: &Map<String, Value>) -> Option<&str> {
    specification.get("BaseInferenceComponentName")?.as_str()
}

impl Component {
    /// Copies that it has in the end, when nothing goes wrong.
    fn copies(&self) -> i64 {
        let variants = match &self.served.change {
            Some(Change::Deployment(deployment)) => &deployment.variants,
            _ => &self.served.variants,
        };
        variants.first().map_or(0, |variant| variant.desired_count)
    }

    /// A change is over: what it was about is in force or not, and room that is not used is given back.
    fn settle(&mut self) {
        if let Some((_, arrived)) = self.next.take().filter(|(named, _)| *named == self.served.config) {
            self.specification = arrived;
        }
        self.placed = self.served.variants.first().map_or(0, |variant| variant.current_count);
        self.waits = false;
    }
}

impl World {
    pub(crate) fn inference_component(&self, name: &str) -> Result<&Component, ApiError> {
        self.components
            .get(name)
            .ok_or_else(|| ApiError::validation(format!("Could not find inference component \"{}\".", arn(name))))
    }

    /// The components that share the instances of an endpoint.
    pub(crate) fn components_on<'w>(&'w self, endpoint: &'w str) -> impl Iterator<Item = &'w Component> {
        self.components.values().filter(move |component| component.endpoint == endpoint)
    }
}

/// Moves every component in flight on to `to`. Who waits for room is looked at on whole minutes and after what goes by then: how
/// often time is told must not matter.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let moving = world.components.values().filter(|component| component.served.change.is_some());
    let (waiting, going): (Vec<&Component>, Vec<&Component>) = moving.partition(|component| component.waits);
    let names = |all: Vec<&Component>| -> Vec<String> { all.iter().map(|one| one.served.name.clone()).collect() };
    let (waiting, going) = (names(waiting), names(going));
    for name in going {
        let Some(mut component) = world.components.remove(&name) else { continue };
        if !endpoint::move_on(world, &mut component.served, to) {
            world.tags.forget(&arn(&name));
            continue;
        }
        if component.served.change.is_none() {
            component.settle();
        }
        world.components.insert(name, component);
    }
    for name in waiting {
        let is_over = world.components.get_mut(&name).is_none_or(|component| component.gives_up(to));
        if is_over || to != to.floor(MINUTE) || !place(world, &name) {
            continue;
        }
        match world.components.get_mut(&name).and_then(|component| component.served.change.as_mut()) {
            Some(Change::Creation(begun) | Change::Capacity(begun, _)) => *begun = to,
            Some(Change::Deployment(deployment)) => deployment.begin(to),
            _ => {}
        }
    }
}

/// Gives the copies that a component wants their room, if there is enough. Only more of them need any: fewer copies, another
/// specification and an end are in nobody's way.
fn place(world: &mut World, name: &str) -> bool {
    let Some(component) = world.components.get(name) else { return false };
    let wanted = component.copies();
    let fits = wanted <= component.placed || room::fits(world, name);
    if let Some(component) = world.components.get_mut(name) {
        component.waits = !fits;
        if fits {
            component.placed = wanted;
        }
    }
    fits
}

impl Component {
    /// Copies that find no room are given up in the end; true when they are.
    fn gives_up(&mut self, to: Timestamp) -> bool {
        let served = &mut self.served;
        let (is_new, begun) = match &served.change {
            Some(Change::Creation(begun)) => (true, *begun),
            Some(Change::Capacity(begun, _)) => (false, *begun),
            Some(Change::Deployment(deployment)) => (false, deployment.started),
            _ => return false,
        };
        let given_up = begun.plus(PATIENCE * SECOND);
        if to < given_up {
            return false;
        }
        served.change = None;
        served.status = if is_new { Status::Failed } else { Status::InService };
        served.modified = given_up;
        // The words are not documented.
        served.failure = Some(
            "There are not enough hardware resources on the instances of the variant to place the copies of this inference \
             component. Increase the number of instances, or reduce the copies or what each of them requires."
                .to_owned(),
        );
        for variant in &mut served.variants {
            variant.desired_count = variant.current_count;
        }
        self.settle();
        true
    }
}

#[cfg(test)]
mod tests;
