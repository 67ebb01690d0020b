//! Lineage that clients write: actions, artifacts and contexts, and what leads from one to another.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World, epoch,
    kind::{Kind, text},
    life::{AT_ONCE, Life, STILL},
};
use crate::world::lists;

pub(super) const OPERATIONS: &[(&str, Handler)] = &[
    ("AddAssociation", add_association),
    ("DeleteAssociation", delete_association),
    ("ListAssociations", list_associations),
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
        ..Kind::new("Artifact", "ListArtifacts", "artifact", &["ArtifactArn"], "ArtifactArn", CHANGEABLE)
    },
    Kind {
        changed: properties_changed,
        ..Kind::new("Context", "ListContexts", "context", &["ContextName"], "ContextArn", CHANGEABLE)
    },
];

pub(crate) struct Association {
    kind: Option<String>,
    created: Timestamp,
    by: String,
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

fn action_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    record.entry("Status").or_insert_with(|| "Unknown".into());
}

/// Both ends of a request.
fn ends(request: &Request<'_>) -> Result<(String, String), ApiError> {
    Ok((request.text("SourceArn")?.to_owned(), request.text("DestinationArn")?.to_owned()))
}

/// Name and type of one end, when it is an entity that clients write. Artifacts are kept under their ARN, the others under the
/// name in it.
fn entity<'w>(world: &'w World, arn: &str) -> Option<(&'w str, &'w str)> {
    let (noun, members, key) = if arn.contains(":artifact/") {
        ("Artifact", ("ArtifactName", "ArtifactType"), arn)
    } else if let Some((_, name)) = arn.split_once(":action/") {
        ("Action", ("ActionName", "ActionType"), name)
    } else {
        ("Context", ("ContextName", "ContextType"), arn.split_once(":context/")?.1)
    };
    let item = world.shelf.items.get(noun)?.get(&key.to_lowercase())?;
    Some((text(&item.body, members.0), text(&item.body, members.1)))
}

fn add_association(world: &mut World, request: &Request<'_>) -> Reply {
    let (source, destination) = ends(request)?;
    for arn in [&source, &destination] {
        // A trial component is an entity as well; its name is not checked here.
        if entity(world, arn).is_none() && !arn.contains(":experiment-trial-component/") {
            return Err(ApiError::new(400, "ResourceNotFound", format!("Lineage entity {arn} does not exist.")));
        }
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
    let answer = json!({"SourceArn": source, "DestinationArn": destination});
    match world.shelf.associations.remove(&(source, destination)) {
        Some(_) => Ok(answer),
        None => Err(ApiError::new(400, "ResourceNotFound", "The association does not exist.")),
    }
}

fn list_associations(world: &mut World, request: &Request<'_>) -> Reply {
    let window = lists::Window::new(request, "CreatedAfter", "CreatedBefore");
    let mut rows: Vec<Value> = Vec::new();
    let world = &*world;
    let fits = |member: &str, value: Option<&str>| request.opt_text(member).is_none_or(|wanted| value == Some(wanted));
    for ((source, destination), association) in &world.shelf.associations {
        let is_asked = fits("SourceArn", Some(source))
            && fits("DestinationArn", Some(destination))
            && fits("AssociationType", association.kind.as_deref())
            && window.holds(association.created);
        if !is_asked {
            continue;
        }
        let (from, source_type) = entity(world, source).unzip();
        let (to, destination_type) = entity(world, destination).unzip();
        if !fits("SourceType", source_type) || !fits("DestinationType", destination_type) {
            continue;
        }
        rows.push(lists::without_nulls(json!({
            "SourceArn": source,
            "DestinationArn": destination,
            "SourceType": source_type,
            "DestinationType": destination_type,
            "AssociationType": association.kind,
            "SourceName": from.filter(|name| !name.is_empty()),
            "DestinationName": to.filter(|name| !name.is_empty()),
            "CreationTime": epoch(association.created),
            "CreatedBy": lists::user(&association.by),
        })));
    }
    if !lists::is_ascending(request)? {
        rows.reverse();
    }
    let (page, next) = lists::page(&rows, request)?;
    Ok(lists::reply("AssociationSummaries", page.to_vec(), next))
}
