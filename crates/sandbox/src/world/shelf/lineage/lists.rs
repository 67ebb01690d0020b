//! Lists of lineage, and entities one by one: what the account wrote beside what callers did.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    KINDS,
    entity::{Class, Edge, Entity, artifact_key},
    graph::{Graph, Place, of_item},
};
use crate::{
    shape::{Shape, restrict},
    world::{
        ApiError, Reply, Request, World, estate,
        lists::{self, Window, choice},
        run::SCHEDULER,
        shelf::{
            Item,
            kind::{Kind, text},
            operations,
        },
    },
};

/// The class of an operation's name, and its kind.
fn subject(request: &Request<'_>) -> Result<(Class, &'static Kind), ApiError> {
    let noun = request.operation.trim_end_matches('s');
    let found =
        [Class::Action, Class::Artifact, Class::Context].into_iter().find(|class| noun.ends_with(class.as_str()));
    let found = found.and_then(|class| Some((class, KINDS.iter().find(|kind| kind.noun == class.as_str())?)));
    found.ok_or_else(|| ApiError::unknown_operation(request.operation))
}

enum Row<'w> {
    Written(&'w Item),
    Made(Place),
}

impl Row<'_> {
    fn entity(&self, graph: &Graph<'_>, class: Class) -> Option<Entity> {
        match self {
            Self::Written(item) => Some(of_item(class, item)),
            Self::Made(place) => graph.entity_at(place),
        }
    }

    const fn created(&self) -> Timestamp {
        match self {
            Self::Written(item) => item.created,
            Self::Made(place) => place.created,
        }
    }
}

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let (class, kind) = subject(request)?;
    let world = &*world;
    let sort = choice(request, "SortBy", &["Name", "CreationTime"])?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let (source, wanted) = (request.opt_text("SourceUri"), request.opt_text(&format!("{}Type", kind.noun)));
    let graph = Graph::new(world);
    // An artifact is found by its URI; the others are few.
    let by_source = source.map(artifact_key);
    let fits = |place: &Place| {
        window.holds(place.created)
            && wanted.is_none_or(|wanted| wanted == place.kind)
            && source.is_none_or(|uri| match class {
                Class::Artifact => by_source == Some(place.key()),
                _ => graph.entity_at(place).is_some_and(|entity| entity.source == uri),
            })
    };
    let made = graph.of_class(class).into_iter().filter(|place| fits(place)).cloned().map(Row::Made);
    let written = world.own(kind.noun).filter(|item| {
        let entity = of_item(class, item);
        window.holds(item.created)
            && wanted.is_none_or(|wanted| wanted == entity.kind)
            && source.is_none_or(|uri| uri == entity.source)
    });
    let mut rows: Vec<Row<'_>> = made.chain(written.map(Row::Written)).collect();
    match sort {
        "Name" => rows.sort_by_cached_key(|row| row.entity(&graph, class).map(|entity| (entity.name, entity.arn))),
        _ => rows.sort_by_key(Row::created),
    }
    if !lists::is_ascending(request)? {
        rows.reverse();
    }
    let (page, next) = lists::page(&rows, request)?;
    let members = Shape::named(&format!("{}Summary", kind.noun)).members();
    let told = page.iter().filter_map(|row| {
        let record = match row {
            Row::Written(item) => world.told(kind, item),
            Row::Made(place) => graph.entity_at(place)?.record(kind),
        };
        Some(Value::Object(restrict(&record, members)))
    });
    Ok(lists::reply(&format!("{}Summaries", kind.noun), told.collect(), next))
}

/// What the account wrote and a request names, unless a caller changed it.
fn made(world: &World, request: &Request<'_>, (class, kind): (Class, &Kind)) -> Option<Entity> {
    let input = request.input.as_object()?;
    if operations::key_of(world, request, kind).is_ok() {
        return None;
    }
    let given = kind.own_name(input)?;
    let arn = if given.starts_with("arn:") { given.to_owned() } else { arn_of(kind, given) };
    Graph::new(world).made(&arn).filter(|entity| entity.class == class)
}

fn arn_of(kind: &Kind, name: &str) -> String {
    estate::arn("sagemaker", &format!("{}/{}", kind.path, name.to_lowercase()))
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let subject = subject(request)?;
    let (_, kind) = subject;
    let Some(entity) = made(world, request, subject) else { return operations::describe(world, request, kind) };
    let mut record = entity.record(kind);
    record.insert("LineageGroupArn".to_owned(), super::groups::arn().into());
    Ok(operations::answer(request, kind, &record))
}

/// What the account wrote becomes a caller's before it is changed.
pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let subject = subject(request)?;
    let (_, kind) = subject;
    if let Some(entity) = made(world, request, subject) {
        let mut body = entity.record(kind);
        for member in ["CreationTime", "LastModifiedTime", "CreatedBy", "LastModifiedBy"] {
            body.remove(member);
        }
        world.shelf.lineage.changed.insert(entity.arn.clone());
        let now = std::mem::replace(&mut world.now, entity.created);
        world.shelve((kind.noun, kind.key(&body), entity.arn), SCHEDULER, body, &[]);
        world.now = now;
    }
    operations::update(world, request, kind)
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let subject = subject(request)?;
    let (_, kind) = subject;
    let by_source;
    let request = match request.input.get("ArtifactArn") {
        None if kind.noun == "Artifact" => {
            by_source = json!({"ArtifactArn": of_source(world, request)?});
            &Request { input: &by_source, ..*request }
        }
        _ => request,
    };
    if let Some(entity) = made(world, request, subject) {
        forget(world, &entity.arn);
        return Ok(json!({ kind.arn: entity.arn }));
    }
    let reply = operations::delete(world, request, kind)?;
    if let Some(arn) =
        reply.get(kind.arn).and_then(Value::as_str).filter(|arn| world.shelf.lineage.changed.contains(*arn))
    {
        forget(world, arn);
    }
    Ok(reply)
}

fn forget(world: &mut World, arn: &str) {
    world.shelf.lineage.gone.insert(arn.to_owned());
    world.shelf.associations.retain(|(source, destination), _| source != arn && destination != arn);
    world.tags.forget(arn);
}

/// The artifact of a source: its URI, and its types where the request names some.
fn of_source(world: &World, request: &Request<'_>) -> Result<String, ApiError> {
    let source = request.input.get("Source").and_then(Value::as_object);
    let source = source.ok_or_else(|| ApiError::validation("Either ArtifactArn or Source must be specified."))?;
    let (uri, types) = (text(source, "SourceUri"), source.get("SourceTypes"));
    let is_it = |item: &&Item| {
        let own = item.body.get("Source").and_then(Value::as_object);
        own.is_some_and(|own: &Map<String, Value>| text(own, "SourceUri") == uri && own.get("SourceTypes") == types)
    };
    if let Some(item) = world.own("Artifact").find(is_it) {
        return Ok(item.arn.clone());
    }
    let made = types.is_none().then(|| Graph::new(world).made(&Entity::artifact("", uri, world.now).arn)).flatten();
    let missing = || ApiError::new(400, "ResourceNotFound", format!("There is no artifact of the source {uri}."));
    made.map(|entity| entity.arn).ok_or_else(missing)
}

const SORTS: &[&str] = &["SourceArn", "DestinationArn", "SourceType", "DestinationType", "CreationTime"];

pub(super) fn associations(world: &mut World, request: &Request<'_>) -> Reply {
    let world = &*world;
    let sort = choice(request, "SortBy", SORTS)?.unwrap_or("CreationTime");
    let window = Window::new(request, "CreatedAfter", "CreatedBefore");
    let graph = Graph::new(world);
    let fits = |member: &str, value: Option<&str>| request.opt_text(member).is_none_or(|wanted| value == Some(wanted));
    let is_asked = |edge: &Edge| {
        fits("SourceArn", Some(&edge.source.arn))
            && fits("DestinationArn", Some(&edge.destination.arn))
            && fits("AssociationType", edge.kind.as_deref())
            && fits("SourceType", Some(&edge.source.associated_kind()))
            && fits("DestinationType", Some(&edge.destination.associated_kind()))
            && window.holds(edge.created)
    };
    let mut rows: Vec<(String, Timestamp, At)> = Vec::new();
    let mut add = |edge: &Edge, at: At| {
        let by = match sort {
            "SourceArn" => edge.source.arn.clone(),
            "DestinationArn" => edge.destination.arn.clone(),
            "SourceType" => edge.source.associated_kind(),
            "DestinationType" => edge.destination.associated_kind(),
            _ => String::new(),
        };
        rows.push((by, edge.created, at));
    };
    match request.opt_text("SourceArn").or_else(|| request.opt_text("DestinationArn")) {
        Some(arn) => {
            for edge in graph.edges(arn).into_iter().filter(is_asked) {
                add(&edge, At::Told(Box::new(edge.clone())));
            }
        }
        None => graph.each(|edge, at| {
            if is_asked(edge) {
                add(edge, at);
            }
        }),
    }
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    if !lists::is_ascending(request)? {
        rows.reverse();
    }
    let (page, next) = lists::page(&rows, request)?;
    let told = page.iter().filter_map(|(_, _, at)| Some(graph.edge(at)?.summary()));
    Ok(lists::reply("AssociationSummaries", told.collect(), next))
}

/// Where an association is found again.
pub(super) enum At {
    Told(Box<Edge>),
    /// The fact, and the number of the edge.
    Fact(u32, u16),
}
