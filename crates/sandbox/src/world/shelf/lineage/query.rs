//! QueryLineage: what leads to an entity, and what it led to.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::{
    entity::{Class, Edge, Entity},
    graph::Graph,
};
use crate::world::{
    ApiError, Reply, Request, World,
    lists::{self, Window},
    page,
};

const DEPTH: i64 = 10;
const PAGE: usize = 50;
/// A walk ends when it has seen so many: from an image that all jobs share, it would see the account.
const MOST: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Both,
    Ascendants,
    Descendants,
}

/// What a request asks of a vertex.
struct Filter<'r> {
    types: Vec<&'r str>,
    classes: Vec<&'r str>,
    created: Window,
    modified: Window,
    properties: Option<&'r Map<String, Value>>,
}

impl<'r> Filter<'r> {
    fn new(given: &'r Value, request: &Request<'r>) -> Self {
        let texts = |member: &str| {
            given.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let inner = Request { input: given, ..*request };
        Self {
            types: texts("Types"),
            classes: texts("LineageTypes"),
            created: Window::new(&inner, "CreatedAfter", "CreatedBefore"),
            modified: Window::new(&inner, "ModifiedAfter", "ModifiedBefore"),
            properties: given.get("Properties").and_then(Value::as_object).filter(|map| !map.is_empty()),
        }
    }

    /// Of several properties one is enough.
    fn passes(&self, entity: &Entity) -> bool {
        (self.types.is_empty() || self.types.contains(&entity.kind.as_ref()))
            && (self.classes.is_empty() || self.classes.contains(&entity.class.as_str()))
            && self.created.holds(entity.created)
            && self.modified.holds(entity.modified)
            && self
                .properties
                .is_none_or(|wanted| wanted.iter().any(|(name, value)| entity.properties.get(name) == Some(value)))
    }
}

/// Everything a walk came to, in the order it came there.
#[derive(Default)]
struct Walk {
    entities: Vec<Entity>,
    /// Where it came from, by ARN.
    seen: HashMap<String, (usize, Option<usize>)>,
    edges: Vec<Edge>,
}

impl Walk {
    fn go(graph: &Graph<'_>, start: Entity, direction: Direction, depth: i64) -> Self {
        let mut walk = Self::default();
        walk.come(start, None);
        let mut level = vec![0];
        for _ in 0..depth {
            let mut next = Vec::new();
            for from in std::mem::take(&mut level) {
                let Some(arn) = walk.entities.get(from).map(|entity| entity.arn.clone()) else { continue };
                let mut edges = graph.edges(&arn);
                edges.sort_by_cached_key(|edge| (edge.created, edge.source.arn.clone(), edge.destination.arn.clone()));
                for edge in edges {
                    let is_up = edge.destination.arn.eq_ignore_ascii_case(&arn);
                    let is_along = match direction {
                        Direction::Both => true,
                        Direction::Ascendants => is_up,
                        Direction::Descendants => !is_up,
                    };
                    if !is_along || walk.entities.len() >= MOST {
                        continue;
                    }
                    let other = if is_up { &edge.source } else { &edge.destination };
                    if !walk.seen.contains_key(&other.arn) {
                        next.push(walk.come(other.clone(), Some(from)));
                    }
                    walk.edges.push(edge);
                }
            }
            level = next;
        }
        walk
    }

    fn come(&mut self, entity: Entity, from: Option<usize>) -> usize {
        let index = self.entities.len();
        self.seen.insert(entity.arn.clone(), (index, from));
        self.entities.push(entity);
        index
    }

    /// Those that pass and, where edges are told, those on the way to them.
    fn kept(&self, filter: &Filter<'_>, with_ways: bool) -> Vec<usize> {
        let mut kept = BTreeSet::new();
        for (index, entity) in self.entities.iter().enumerate().filter(|(_, entity)| filter.passes(entity)) {
            kept.insert(index);
            let mut at = self.from(&entity.arn);
            while let Some(index) = at.filter(|index| with_ways && kept.insert(*index)) {
                at = self.entities.get(index).and_then(|entity| self.from(&entity.arn));
            }
        }
        kept.into_iter().collect()
    }

    fn from(&self, arn: &str) -> Option<usize> {
        self.seen.get(arn)?.1
    }

    fn index(&self, arn: &str) -> Option<usize> {
        Some(self.seen.get(arn)?.0)
    }
}

/// `[?]`: the entity it starts from is told as well, when it passes the filters.
pub(super) fn query(world: &mut World, request: &Request<'_>) -> Reply {
    let world = &*world;
    let start = request.texts("StartArns").into_iter().next();
    let start = start.ok_or_else(|| ApiError::validation("StartArns must contain exactly one ARN."))?;
    let direction = match lists::choice(request, "Direction", &["Both", "Ascendants", "Descendants"])? {
        Some("Ascendants") => Direction::Ascendants,
        Some("Descendants") => Direction::Descendants,
        _ => Direction::Both,
    };
    let depth = request.opt_int("MaxDepth").unwrap_or(DEPTH);
    if !(0..=DEPTH).contains(&depth) {
        return Err(ApiError::validation(format!("MaxDepth must be between 0 and {DEPTH}.")));
    }
    let size = request.max("MaxResults", PAGE, PAGE)?;
    let nothing = json!({});
    let filter = Filter::new(request.input.get("Filters").unwrap_or(&nothing), request);
    let with_edges = request.input.get("IncludeEdges") != Some(&Value::Bool(false));
    let graph = Graph::new(world);
    let walk = match graph.entity(start) {
        Some(entity) => Walk::go(&graph, entity, direction, depth),
        // An experiment can be asked about and leads nowhere.
        None if start.contains(":experiment/") && world.shelved("Experiment", start).is_some() => Walk::default(),
        None => {
            let message = format!("Lineage entity {start} does not exist.");
            return Err(ApiError::new(400, "ResourceNotFound", message));
        }
    };
    let kept = walk.kept(&filter, with_edges);
    let invalid = page::sagemaker_invalid;
    let (page, next) = page::cut(&kept, request, ("NextToken", "MaxResults"), size, invalid)?;
    let vertices = page.iter().filter_map(|index| walk.entities.get(*index)).map(|entity| {
        let kind = Some(&*entity.kind).filter(|kind| !kind.is_empty());
        lists::without_nulls(json!({"Arn": entity.arn, "Type": kind, "LineageType": entity.class.as_str()}))
    });
    let mut body = json!({"Vertices": vertices.collect::<Vec<_>>(), "Edges": []});
    if with_edges {
        body["Edges"] = Value::Array(edges(&walk, &kept, page));
    }
    Ok(page::reply(body, "NextToken", next))
}

/// An edge is on the page of the later of its ends.
fn edges(walk: &Walk, kept: &[usize], page: &[usize]) -> Vec<Value> {
    let mut told = BTreeSet::new();
    let of_page = walk.edges.iter().filter(|edge| {
        let ends = walk.index(&edge.source.arn).zip(walk.index(&edge.destination.arn));
        let is_kept = |index: usize| kept.binary_search(&index).is_ok();
        ends.is_some_and(|(a, b)| is_kept(a) && is_kept(b) && page.binary_search(&a.max(b)).is_ok())
            && told.insert((edge.source.arn.as_str(), edge.destination.arn.as_str()))
    });
    of_page
        .map(|edge| {
            lists::without_nulls(json!({
                "SourceArn": edge.source.arn, "DestinationArn": edge.destination.arn, "AssociationType": edge.kind,
            }))
        })
        .collect()
}

/// Whether an association may be written: two entities of Experiments have no lineage between them.
pub(super) fn may_be_linked(source: &str, destination: &str) -> bool {
    let is_of_experiments = |arn: &str| Class::of(arn).is_none_or(|class| class == Class::TrialComponent);
    !(is_of_experiments(source) && is_of_experiments(destination))
}
