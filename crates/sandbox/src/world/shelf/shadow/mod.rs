//! Inference experiments, which are shadow tests: for some days a challenger gets copies of an endpoint's calls, then the
//! endpoint is what it was before, or serves the challenger.
//!
//! The endpoint itself does the work: the service gives it configs of its own, by the calls a caller would make.
//!
//! | file | subject |
//! |---|---|
//! | `plan` | what is to be compared on which endpoint, and what is refused |
//! | `deploy` | configs that are made for a test, and the endpoint that goes to them |
//! | `write` | start, stop and update |

mod deploy;
mod plan;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use mldeck_core::time::{MINUTE, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{AT_ONCE, Life, Step, lasting, passing},
    operations,
};
use crate::world::endpoint::{Endpoint, Status};
pub(crate) use deploy::is_service;

const NOUN: &str = "InferenceExperiment";

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("StartInferenceExperiment", write::start),
    ("StopInferenceExperiment", write::stop),
    ("UpdateInferenceExperiment", write::update),
];

/// States in which the endpoint belongs to the test.
const HOLDING: &[&str] = &["Starting", "Running", "Updating", "Stopping"];
const OVER: &[&str] = &["Completed", "Cancelled"];

const STARTING: &[Step] = &[lasting("Starting")];
const STOPPING: &[Step] = &[lasting("Stopping")];
const RUNNING: &[Step] = &[lasting("Running")];
const UPDATING: &[Step] = &[lasting("Updating")];
const COMPLETED: &[Step] = &[lasting("Completed").stamped("CompletionTime")];
const CANCELLED: &[Step] = &[lasting("Cancelled").stamped("CompletionTime")];

pub(super) const KINDS: &[Kind] = &[Kind {
    made: plan::made,
    changed,
    told,
    ..Kind::new(
        NOUN,
        "ListInferenceExperiments",
        "inference-experiment",
        &["Name"],
        "InferenceExperimentArn",
        Life {
            member: "Status",
            create: &[passing("Creating", 30), lasting("Created")],
            start: STARTING,
            start_from: &["Created"],
            stop: STOPPING,
            stop_from: &["Running"],
            update: AT_ONCE,
            update_from: &["Created", "Running"],
            delete: AT_ONCE,
            delete_from: &["Created", "Completed", "Cancelled"],
            over: "",
        },
    )
}];

/// What a test did to its endpoint, by the ARN of the experiment.
pub(super) type State = BTreeMap<String, Test>;

pub(super) struct Test {
    /// The endpoint as it was: its config, and the instances of its production variant.
    before: String,
    count: i64,
    /// The config that the endpoint has, or goes to, for the test.
    own: String,
    /// Configs that were made so far.
    made: u64,
    /// What an update changes, as it was.
    was: Vec<(&'static str, Option<Value>)>,
    end: Option<End>,
}

/// What becomes of the endpoint.
struct End {
    source: Action,
    shadow: Action,
    config: String,
    then: &'static [Step],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Retain,
    Remove,
    Promote,
}

fn item<'w>(world: &'w World, key: &str) -> Option<&'w Item> {
    world.shelf.item(NOUN, key)
}

fn test<'w>(world: &'w World, key: &str) -> Option<&'w Test> {
    world.shelf.shadow.get(&item(world, key)?.arn)
}

fn test_mut<'w>(world: &'w mut World, key: &str) -> Option<&'w mut Test> {
    let arn = item(world, key)?.arn.clone();
    world.shelf.shadow.get_mut(&arn)
}

fn endpoint<'w>(world: &'w World, item: &Item) -> Option<&'w Endpoint> {
    world.endpoints.endpoints.get(text(&item.body, "EndpointName"))
}

/// The experiment whose test an endpoint is in.
pub(crate) fn tests<'w>(world: &'w World, endpoint: &str) -> Option<&'w str> {
    let holds = |item: &&Item| text(&item.body, "EndpointName") == endpoint && HOLDING.contains(&item.state);
    world.shelf.of(NOUN).find(holds).map(|item| text(&item.body, "Name"))
}

pub(super) fn forget(world: &mut World, arn: &str) {
    world.shelf.shadow.remove(arn);
}

/// An update may name one end of the schedule.
fn changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    item.extend("Schedule", before);
    Ok(())
}

fn told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    record.insert("Arn".to_owned(), item.arn.as_str().into());
    let mut metadata = json!({"EndpointName": item.body.get("EndpointName")});
    if let Some(endpoint) = endpoint(world, item) {
        metadata["EndpointConfigName"] = endpoint.config.as_str().into();
        metadata["EndpointStatus"] = endpoint.status.as_str().into();
        if let Some(reason) = &endpoint.failure {
            metadata["FailureReason"] = reason.as_str().into();
        }
    }
    record.insert("EndpointMetadata".to_owned(), metadata);
    let source = plan::source(&item.body);
    let end = world.shelf.shadow.get(&item.arn).and_then(|test| test.end.as_ref());
    for variant in record.get_mut("ModelVariants").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_source = variant.get("VariantName").and_then(Value::as_str) == Some(source);
        let action = end.map(|end| if is_source { end.source } else { end.shadow });
        variant["Status"] = variant_status(item.state, is_source, action).into();
    }
}

fn variant_status(state: &str, is_source: bool, action: Option<Action>) -> &'static str {
    match (state, action) {
        ("Creating" | "Created", _) if is_source => "InService",
        ("Creating" | "Created", _) => "Creating",
        ("Starting", _) if !is_source => "Creating",
        ("Starting" | "Updating", _) => "Updating",
        ("Stopping", Some(Action::Remove)) => "Deleting",
        ("Stopping", _) => "Updating",
        ("Completed" | "Cancelled", Some(Action::Remove)) => "Deleted",
        // Nothing was ever changed for it.
        ("Cancelled", None) if !is_source => "Deleted",
        _ => "InService",
    }
}

/// Tests look at the clock and at their endpoints on whole minutes, however often time is told.
pub(super) fn advance(world: &mut World, to: Timestamp) {
    if to != to.floor(MINUTE) {
        return;
    }
    let Some(items) = world.shelf.items.get(NOUN) else { return };
    let waits = |item: &Item| item.state == "Created" || HOLDING.contains(&item.state);
    let keys: Vec<String> = items.iter().filter(|(_, item)| waits(item)).map(|(key, _)| key.clone()).collect();
    for key in keys {
        look(world, &key, to);
    }
}

/// What a test has of its endpoint.
enum Sight {
    Moving,
    /// It is there to stay, with this config, and why it is no other.
    Rests(String, Option<String>),
    Lost(&'static str),
}

fn sight(world: &World, item: &Item) -> Sight {
    match endpoint(world, item) {
        None => Sight::Lost("The endpoint does not exist any more."),
        Some(endpoint) if endpoint.status == Status::Deleting => Sight::Lost("The endpoint is being deleted."),
        Some(endpoint) if endpoint.status.is_in_flight() => Sight::Moving,
        Some(endpoint) if endpoint.status == Status::Failed => Sight::Lost("The endpoint is in Failed status."),
        Some(endpoint) => Sight::Rests(endpoint.config.clone(), endpoint.failure.clone()),
    }
}

fn look(world: &mut World, key: &str, now: Timestamp) {
    let Some(found) = item(world, key) else { return };
    let (from, until) = plan::schedule(&found.body, now);
    let (state, seen) = (found.state, sight(world, found));
    if state == "Created" && from > now {
        return;
    }
    let (config, failure) = match seen {
        Sight::Moving => return,
        Sight::Lost(why) => return finish(world, key, CANCELLED, Some(why.to_owned())),
        Sight::Rests(config, failure) => (config, failure),
    };
    let own = test(world, key).map(|test| test.own.clone()).unwrap_or_default();
    match state {
        "Created" if until <= now => {
            finish(world, key, CANCELLED, Some("Its schedule was over before it could start.".to_owned()));
        }
        "Created" => match deploy::begin(world, key) {
            Ok(()) => go(world, key, STARTING),
            Err(error) => finish(world, key, CANCELLED, Some(error.message)),
        },
        "Starting" if config == own => go(world, key, RUNNING),
        "Starting" => finish(world, key, CANCELLED, failure),
        "Updating" => {
            if config != own {
                take_back(world, key, config);
                reason(world, key, failure);
            }
            go(world, key, RUNNING);
        }
        "Running" if until <= now => {
            let usual = (Action::Retain, Action::Remove);
            if let Err(error) = deploy::conclude(world, key, usual, &[], COMPLETED) {
                finish(world, key, COMPLETED, Some(error.message));
            }
        }
        "Stopping" => {
            let end = test(world, key).and_then(|test| test.end.as_ref());
            let (wanted, then) = end.map_or(("", CANCELLED), |end| (end.config.as_str(), end.then));
            let failure = failure.filter(|_| wanted != config);
            finish(world, key, then, failure);
        }
        _ => {}
    }
}

/// What could not be deployed is given up: the config before serves on.
fn take_back(world: &mut World, key: &str, config: String) {
    let Some(test) = test_mut(world, key) else { return };
    test.own = config;
    let was = std::mem::take(&mut test.was);
    let Some(item) = world.shelf.item_mut(NOUN, key) else { return };
    for (member, value) in was {
        match value {
            Some(value) => item.body.insert(member.to_owned(), value),
            None => item.body.remove(member),
        };
    }
}

fn go(world: &mut World, key: &str, steps: &'static [Step]) {
    let now = world.now;
    if let Some(item) = world.shelf.item_mut(NOUN, key) {
        item.go(now, steps, false);
    }
}

fn reason(world: &mut World, key: &str, reason: Option<String>) {
    if let (Some(item), Some(reason)) = (world.shelf.item_mut(NOUN, key), reason) {
        item.body.insert("StatusReason".to_owned(), reason.chars().take(1_024).collect::<String>().into());
    }
}

fn finish(world: &mut World, key: &str, steps: &'static [Step], why: Option<String>) {
    reason(world, key, why);
    go(world, key, steps);
}
