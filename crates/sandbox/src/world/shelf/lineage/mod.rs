//! Lineage: actions, artifacts, contexts and trial components, and what leads from one to another.
//!
//! SageMaker writes most of it by itself, from jobs, packages and deployments. That is not kept here: it is derived from what
//! the account did whenever somebody asks. Kept is what callers write, change and delete.
//!
//! `[?]`: what AWS keeps of an endpoint or a package that is deleted is gone here with it.
//!
//! | file | subject |
//! |---|---|
//! | `entity` | entities and associations as values |
//! | `facts` | what the account did, as entities around jobs, packages and deployments |
//! | `graph` | all of it, and what callers wrote |
//! | `query` | QueryLineage |
//! | `lists` | lists, and what is described, changed and deleted |
//! | `groups` | lineage groups |

mod entity;
mod facts;
mod graph;
mod groups;
mod lists;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::Kind,
    life::{AT_ONCE, Life, STILL},
};
use graph::Graph;

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("AddAssociation", add_association),
    ("DeleteAssociation", delete_association),
    ("ListAssociations", lists::associations),
    ("QueryLineage", query::query),
    ("ListActions", lists::list),
    ("ListArtifacts", lists::list),
    ("ListContexts", lists::list),
    ("DescribeAction", lists::describe),
    ("DescribeArtifact", lists::describe),
    ("DescribeContext", lists::describe),
    ("UpdateAction", lists::update),
    ("UpdateArtifact", lists::update),
    ("UpdateContext", lists::update),
    ("DeleteAction", lists::delete),
    ("DeleteArtifact", lists::delete),
    ("DeleteContext", lists::delete),
    ("ListLineageGroups", groups::list),
    ("DescribeLineageGroup", groups::describe),
    ("GetLineageGroupPolicy", groups::policy),
];

const CHANGEABLE: Life = Life { update: AT_ONCE, ..STILL };

/// Most associations in the account.
const ROOM: usize = 50_000;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        changed: properties_changed,
        told: action_told,
        ..Kind::new("Action", "ListActions", "action", &["ActionName"], "ActionArn", CHANGEABLE)
    },
    Kind {
        mint: Some(|world| world.mint(32)),
        changed: properties_changed,
        told,
        ..Kind::new("Artifact", "ListArtifacts", "artifact", &["ArtifactArn"], "ArtifactArn", CHANGEABLE)
    },
    Kind {
        changed: properties_changed,
        told,
        ..Kind::new("Context", "ListContexts", "context", &["ContextName"], "ContextArn", CHANGEABLE)
    },
];

pub(crate) struct Association {
    kind: Option<String>,
    created: Timestamp,
    by: String,
}

/// What callers did to what the account wrote.
#[derive(Default)]
pub(crate) struct State {
    /// ARNs of entities that are kept, as they were changed.
    changed: BTreeSet<String>,
    /// ARNs of entities that were deleted.
    gone: BTreeSet<String>,
    /// Associations that were deleted, by their ends.
    cut: BTreeSet<(String, String)>,
}

/// Most properties of one entity.
const PROPERTIES: usize = 30;

/// Properties are added to those that are there; some are taken away by name.
fn properties_changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    item.extend("Properties", before);
    let removed = item.body.remove("PropertiesToRemove").unwrap_or_default();
    let Some(all) = item.body.get_mut("Properties").and_then(Value::as_object_mut) else { return Ok(()) };
    for name in removed.as_array().into_iter().flatten().filter_map(Value::as_str) {
        all.remove(name);
    }
    if all.len() > PROPERTIES {
        return Err(ApiError::validation(format!("An entity can have at most {PROPERTIES} properties.")));
    }
    Ok(())
}

fn told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    record.insert("LineageGroupArn".to_owned(), groups::arn().into());
}

fn action_told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    record.entry("Status").or_insert_with(|| "Unknown".into());
    told(world, item, record);
}

/// Both ends of a request.
fn ends(request: &Request<'_>) -> Result<(String, String), ApiError> {
    Ok((request.text("SourceArn")?.to_owned(), request.text("DestinationArn")?.to_owned()))
}

fn add_association(world: &mut World, request: &Request<'_>) -> Reply {
    let (source, destination) = ends(request)?;
    let graph = Graph::new(world);
    for arn in [&source, &destination] {
        if graph.entity(arn).is_none() {
            return Err(ApiError::new(400, "ResourceNotFound", format!("Lineage entity {arn} does not exist.")));
        }
    }
    drop(graph);
    if !query::may_be_linked(&source, &destination) {
        return Err(ApiError::validation("Associations cannot be created between two experiment entities."));
    }
    if world.shelf.associations.len() >= ROOM {
        return Err(ApiError::new(400, "ResourceLimitExceeded", format!("The account has {ROOM} associations.")));
    }
    let kind = request.opt_text("AssociationType").map(str::to_owned);
    let association = Association { kind, created: world.now, by: request.caller.to_owned() };
    let answer = json!({"SourceArn": source, "DestinationArn": destination});
    world.shelf.associations.insert((source, destination), association);
    Ok(answer)
}

fn delete_association(world: &mut World, request: &Request<'_>) -> Reply {
    let (source, destination) = ends(request)?;
    let is_made =
        Graph::new(world).edges(&source).iter().any(|edge| edge.by.is_none() && edge.destination.arn == destination);
    let answer = json!({"SourceArn": source, "DestinationArn": destination});
    let ends = (source, destination);
    let was_written = world.shelf.associations.remove(&ends).is_some();
    if is_made {
        world.shelf.lineage.cut.insert(ends);
    }
    if was_written || is_made {
        Ok(answer)
    } else {
        Err(ApiError::new(400, "ResourceNotFound", "The association does not exist."))
    }
}
