//! All entities and associations: what the account did, and what callers wrote.

use std::collections::BTreeSet;

use mldeck_core::{id::arn_tail, time::Timestamp};

use super::{
    entity::{Class, Edge, Entity, key},
    facts::{self, Fact, Known},
    lists::At,
};
use crate::world::{
    World,
    shelf::{Item, experiments, kind::text, kinds},
};

/// Where an entity occurs: in a fact, as its center or as one of those around it.
#[derive(Clone)]
pub(super) struct Place {
    key: u64,
    fact: u32,
    /// 0 is the center.
    slot: u16,
    pub(super) class: Class,
    pub(super) kind: &'static str,
    pub(super) created: Timestamp,
}

/// An index of what happened, made for one answer.
pub(super) struct Graph<'w> {
    world: &'w World,
    facts: Vec<Fact<'w>>,
    /// In the order of their keys.
    places: Vec<Place>,
    /// Destination and source of what callers added, in that order: a walk asks for both ends of thousands.
    added: Vec<(&'w str, &'w str)>,
}

impl Place {
    pub(super) const fn key(&self) -> u64 {
        self.key
    }
}

impl<'w> Graph<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        let facts = facts::all(world);
        let mut places = Vec::with_capacity(facts.len() * 5);
        let mut known = Known::new();
        for (fact, happened) in (0..).zip(&facts) {
            for (slot, (key, class, kind, created)) in (0..).zip(happened.entities(world, &mut known)) {
                places.push(Place { key, fact, slot, class, kind, created });
            }
        }
        places.sort_unstable_by_key(|place| (place.key, place.created, place.fact, place.slot));
        let mut added: Vec<(&str, &str)> =
            world.shelf.associations.keys().map(|(source, destination)| (&**destination, &**source)).collect();
        added.sort_unstable();
        Self { world, facts, places, added }
    }

    fn at(&self, key: u64) -> &[Place] {
        let from = self.places.partition_point(|place| place.key < key);
        let rest = self.places.get(from..).unwrap_or_default();
        let count = rest.partition_point(|place| place.key == key);
        rest.get(..count).unwrap_or_default()
    }

    fn is_gone(&self, arn: &str) -> bool {
        self.world.shelf.lineage.gone.contains(arn)
    }

    /// The entity at a place; `None` when a caller deleted it.
    pub(super) fn entity_at(&self, place: &Place) -> Option<Entity> {
        let hub = self.facts.get(place.fact as usize)?.hub(self.world);
        let entity = match place.slot.checked_sub(1) {
            None => hub.center,
            Some(n) => hub.around().nth(n.into())?.clone(),
        };
        (!self.is_gone(&entity.arn)).then_some(entity)
    }

    /// What the account made of its own under that ARN.
    pub(super) fn made(&self, arn: &str) -> Option<Entity> {
        let place = self.at(key(arn)).first()?;
        self.entity_at(place).filter(|entity| entity.arn.eq_ignore_ascii_case(arn))
    }

    /// The entity of that ARN, whoever made it.
    pub(super) fn entity(&self, arn: &str) -> Option<Entity> {
        written(self.world, arn).or_else(|| self.made(arn)).or_else(|| tracked(self.world, arn))
    }

    /// The associations of an entity.
    pub(super) fn edges(&self, arn: &str) -> Vec<Edge> {
        let mut all = Vec::new();
        for place in self.at(key(arn)) {
            let Some(hub) = self.facts.get(place.fact as usize).map(|fact| fact.hub(self.world)) else { continue };
            let slot = usize::from(place.slot);
            let edges = hub.edges().enumerate().filter(|(n, _)| slot == 0 || slot == n + 1);
            all.extend(edges.map(|(_, edge)| edge).filter(|edge| self.holds(edge)));
        }
        for edge in &mut all {
            for end in [&mut edge.source, &mut edge.destination] {
                // What a caller changed is told as it is now.
                if let Some(changed) = written(self.world, &end.arn) {
                    *end = changed;
                }
            }
        }
        let associations = &self.world.shelf.associations;
        let out =
            associations.range((arn.to_owned(), String::new())..).map(|((from, to), _)| (from.as_str(), to.as_str()));
        all.extend(out.take_while(|(from, _)| *from == arn).filter_map(|(from, to)| self.added(from, to)));
        let into = self.added.get(self.added.partition_point(|(to, _)| *to < arn)..).unwrap_or_default().iter();
        // One from itself to itself was among the others.
        let into = into.take_while(|(to, _)| *to == arn).filter(|(to, from)| from != to);
        all.extend(into.filter_map(|(to, from)| self.added(from, to)));
        all
    }

    fn holds(&self, edge: &Edge) -> bool {
        let cut = &self.world.shelf.lineage.cut;
        let is_cut = || cut.contains(&(edge.source.arn.clone(), edge.destination.arn.clone()));
        !self.is_gone(&edge.source.arn) && !self.is_gone(&edge.destination.arn) && (cut.is_empty() || !is_cut())
    }

    /// Shows every association, and where it is found again.
    pub(super) fn each(&self, mut show: impl FnMut(&Edge, At)) {
        for (index, fact) in (0..).zip(&self.facts) {
            let hub = fact.hub(self.world);
            for (n, edge) in (0..).zip(hub.edges()) {
                if self.holds(&edge) {
                    show(&edge, At::Fact(index, n));
                }
            }
        }
        for (source, destination) in self.world.shelf.associations.keys() {
            if let Some(edge) = self.added(source, destination) {
                show(&edge, At::Told(Box::new(edge.clone())));
            }
        }
    }

    pub(super) fn edge(&self, at: &At) -> Option<Edge> {
        match at {
            At::Told(edge) => Some((**edge).clone()),
            At::Fact(fact, n) => self.facts.get(*fact as usize)?.hub(self.world).edges().nth((*n).into()),
        }
    }

    /// An association that a caller added.
    fn added(&self, source: &str, destination: &str) -> Option<Edge> {
        let association = self.world.shelf.associations.get(&(source.to_owned(), destination.to_owned()))?;
        Some(Edge {
            source: self.entity(source)?,
            destination: self.entity(destination)?,
            kind: association.kind.clone().map(Into::into),
            created: association.created,
            by: Some(association.by.clone()),
        })
    }

    /// Places of a class, each entity once, that callers did not change.
    pub(super) fn of_class(&self, class: Class) -> Vec<&Place> {
        let mut found: Vec<&Place> = self.places.iter().filter(|place| place.class == class).collect();
        found.dedup_by_key(|place| place.key);
        let changed: BTreeSet<u64> = self.world.own(class.as_str()).map(|item| key(&item.arn)).collect();
        let gone: BTreeSet<u64> = self.world.shelf.lineage.gone.iter().map(|arn| key(arn)).collect();
        found.retain(|place| !changed.contains(&place.key) && !gone.contains(&place.key));
        found
    }
}

/// An entity that callers wrote.
pub(super) fn written(world: &World, arn: &str) -> Option<Entity> {
    let class = Class::of(arn).filter(|class| *class != Class::TrialComponent)?;
    let key = if class == Class::Artifact { arn } else { arn_tail(arn) };
    Some(of_item(class, world.shelf.item(class.as_str(), &key.to_lowercase())?))
}

pub(super) fn of_item(class: Class, item: &Item) -> Entity {
    let noun = class.as_str();
    let member = |end: &str| text(&item.body, &format!("{noun}{end}")).to_owned();
    let source = item.body.get("Source").and_then(|source| source.get("SourceUri"));
    Entity {
        class,
        kind: member("Type").into(),
        arn: item.arn.clone(),
        name: member("Name"),
        source: source.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        created: item.created,
        modified: item.modified,
        properties: item.body.get("Properties").and_then(serde_json::Value::as_object).cloned().unwrap_or_default(),
    }
}

/// A trial component without lineage of its own.
fn tracked(world: &World, arn: &str) -> Option<Entity> {
    Class::of(arn).filter(|class| *class == Class::TrialComponent)?;
    let (name, source, created) = experiments::named(world, arn_tail(arn))?;
    let path = source.split(':').nth(5).and_then(|tail| tail.split('/').next()).unwrap_or_default();
    let kind = kinds().find(|kind| kind.path == path).map_or("", |kind| kind.noun);
    Some(Entity::new(Class::TrialComponent, kind, (&name, source), created))
}
