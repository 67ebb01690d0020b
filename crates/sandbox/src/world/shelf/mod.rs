//! Resources that live by themselves: made, described, listed, changed, started, stopped and deleted, in states that follow
//! each other over time.
//!
//! Each is a [`Kind`]: a table of facts and, where the service does more, a function. What requests and answers look like
//! comes from the service's own model ([`crate::shape`]): an answer carries what was sent, as far as the answer has such a
//! member. A new kind is one entry in a file here.
//!
//! | file | subject |
//! |---|---|
//! | `kind`, `life` | what a kind says of itself; states over time |
//! | `operations`, `list` | the operations, one for all kinds |
//! | `studio`, `tracking`, `human`, `lineage`, `monitoring`, `jobs`, `features`, `cards`, `images`, `training` | the kinds |
//! | `experiments` | experiments, trials and trial components, those of the account's own runs among them |
//! | `labeling`, `loops`, `records` | what people and programs do with some of them |
//! | `course`, `work` | how a caller's job goes on, and what it leaves behind |
//! | `published` | what jobs publish to CloudWatch |
//! | `tuning`, `automl` | jobs that make other jobs |
//! | `shadow` | inference experiments, which move endpoints |
//! | `transform`, `compile` | jobs that read objects and leave others |
//! | `past` | what an account has of them when it is handed over |

mod automl;
mod cards;
mod compile;
mod course;
pub(crate) mod experiments;
mod features;
mod human;
mod images;
mod jobs;
mod kind;
mod labeling;
mod life;
mod lineage;
mod list;
pub(crate) mod loops;
mod monitoring;
mod operations;
mod past;
pub(crate) mod published;
pub(crate) mod records;
pub(crate) mod shadow;
mod studio;
mod tracking;
mod training;
mod transform;
mod tuning;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value};

use super::{ApiError, Handler, Reply, Request, World, epoch, lists, noise};
pub(crate) use training::stop as stop_job;
pub(crate) use work::curve;

use kind::{Kind, Verb};
pub(crate) use labeling::materialize;
use life::{Next, Step};
pub(crate) use past::generate;

/// Operations that belong to a kind and are like those of no other.
const OPERATIONS: &[&[(&str, Handler)]] = &[
    studio::OPERATIONS,
    tracking::OPERATIONS,
    experiments::OPERATIONS,
    lineage::OPERATIONS,
    features::OPERATIONS,
    labeling::OPERATIONS,
    cards::OPERATIONS,
    images::OPERATIONS,
    training::OPERATIONS,
    tuning::OPERATIONS,
    automl::OPERATIONS,
    shadow::OPERATIONS,
];

const KINDS: &[&[Kind]] = &[
    studio::KINDS,
    tracking::KINDS,
    experiments::KINDS,
    human::KINDS,
    lineage::KINDS,
    monitoring::KINDS,
    jobs::KINDS,
    compile::KINDS,
    transform::KINDS,
    features::KINDS,
    labeling::KINDS,
    cards::KINDS,
    training::KINDS,
    tuning::KINDS,
    automl::KINDS,
    shadow::KINDS,
];

/// Operations of kinds that are answered together with what the account did by itself.
const ELSEWHERE: &[&str] = &["DescribeTrainingJob", "ListTrainingJobs", "DescribeProcessingJob", "ListProcessingJobs"];

/// Most resources of one kind.
const ROOM: usize = 10_000;

/// Kinds that do something by themselves until they are over.
const JOBS: &[&str] =
    &["TrainingJob", "ProcessingJob", "TransformJob", "CompilationJob", "HyperParameterTuningJob", "AutoMLJob"];

#[derive(Default)]
pub(crate) struct State {
    /// By noun and key.
    items: BTreeMap<&'static str, BTreeMap<String, Item>>,
    /// By their ends and kind.
    associations: BTreeMap<(String, String), lineage::Association>,
    /// When the first of them changes by itself, or earlier.
    due: Option<Timestamp>,
    /// Noun and key of the jobs that are not over: an account has many that are, and nobody looks at them each minute.
    busy: BTreeSet<(&'static str, String)>,
    /// How many were made: what ids are drawn from.
    made: u64,
    experiments: experiments::State,
    lineage: lineage::State,
    labeling: labeling::State,
    loops: loops::State,
    records: records::State,
    shadow: shadow::State,
}

/// One resource.
pub(crate) struct Item {
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    modified: Timestamp,
    by: String,
    changed_by: String,
    /// What was sent, later changes in it.
    body: Map<String, Value>,
    /// Empty for a kind without states.
    state: &'static str,
    /// When it came into states that have a member of their own for that: `CompilationEndTime`.
    stamps: Vec<(&'static str, Timestamp)>,
    next: Option<Next>,
    /// What a job did so far.
    work: course::Work,
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().flat_map(|kinds| kinds.iter())
}

/// Answers an operation that some kind has; `None` for any other.
pub(crate) fn answer(world: &mut World, request: &Request<'_>) -> Option<Reply> {
    if let Some((_, handler)) = own().find(|(name, _)| *name == request.operation) {
        return Some(handler(world, request));
    }
    let (kind, verb) = kinds().find_map(|kind| Some((kind, kind.verb(request.operation)?)))?;
    Some(match verb {
        Verb::Create => operations::create(world, request, kind),
        Verb::Describe => operations::describe(world, request, kind),
        Verb::List => list::list(world, request, kind),
        Verb::Update => operations::update(world, request, kind),
        Verb::Delete => operations::delete(world, request, kind),
        Verb::Start => operations::start(world, request, kind),
        Verb::Stop => operations::stop(world, request, kind),
    })
}

/// Names of what was changed of a kind from `since` on, in lower case.
pub(crate) fn touched<'w>(world: &'w World, noun: &str, since: Timestamp) -> impl Iterator<Item = &'w str> {
    world.shelf.of(noun).filter(move |item| item.modified >= since).map(Item::tail)
}

/// Describes what a kind keeps.
pub(crate) fn described(world: &mut World, request: &Request<'_>) -> Reply {
    let noun = request.operation.trim_start_matches("Describe");
    match kinds().find(|kind| kind.noun == noun) {
        Some(kind) => operations::describe(world, request, kind),
        None => Err(ApiError::unknown_operation(request.operation)),
    }
}

/// The ARN of what a request names; `None` where it is not about one thing of a kind.
pub(crate) fn arn_named(request: &Request<'_>) -> Option<String> {
    let kind = kinds().find(|kind| kind.verb(request.operation).is_some_and(|verb| verb != Verb::List))?;
    let body = request.input.as_object()?;
    let name = kind.own_name(body)?;
    let is_arn = name.starts_with("arn:");
    Some(if is_arn { name.to_owned() } else { operations::arn_of(kind, &kind.arn_name(body)) })
}

fn own() -> impl Iterator<Item = &'static (&'static str, Handler)> {
    OPERATIONS.iter().flat_map(|operations| operations.iter())
}

/// Every operation that is answered here.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let is_own = |name: &String| ELSEWHERE.contains(&name.as_str()) || own().any(|(known, _)| known == name);
    kinds().flat_map(Kind::names).filter(move |name| !is_own(name)).chain(own().map(|(name, _)| (*name).to_owned()))
}

pub(crate) fn advance(world: &mut World, to: Timestamp) {
    work::advance(world, to);
    tuning::advance(world, to);
    ripen(world, to);
    transform::advance(world, to);
    compile::advance(world, to);
    automl::advance(world, to);
    shadow::advance(world, to);
    labeling::advance(world, to);
    cards::advance(world);
    records::advance(world, to);
}

/// The same for a past that nobody sees the minutes of.
pub(crate) fn relive(world: &mut World, to: Timestamp) {
    tuning::advance(world, to);
    automl::advance(world, to);
    ripen(world, to);
    labeling::relive(world, to);
}

/// What changes by itself when its time has come.
fn ripen(world: &mut World, to: Timestamp) {
    if world.shelf.due.is_none_or(|due| due > to) {
        return;
    }
    world.shelf.due = None;
    let mut due = None;
    let mut gone = Vec::new();
    for items in world.shelf.items.values_mut() {
        items.retain(|_, item| {
            let stays = item.advance(to);
            if stays {
                due = soonest(due, item.due());
            } else {
                gone.push(item.arn.clone());
            }
            stays
        });
    }
    world.shelf.due = due;
    for arn in gone {
        world.tags.forget(&arn);
        if let Some((_, group)) = arn.split_once(":feature-group/") {
            world.shelf.records.forget(group);
        }
        images::forget(world, &arn);
        shadow::forget(world, &arn);
        world.shelf.associations.retain(|(source, destination), _| *source != arn && *destination != arn);
    }
}

fn soonest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    [one, other].into_iter().flatten().min()
}

impl State {
    /// Something changes by itself then.
    fn expect(&mut self, due: Option<Timestamp>) {
        self.due = soonest(self.due, due);
    }

    /// No more of that kind fit in.
    fn is_full(&self, noun: &str) -> bool {
        self.items.get(noun).is_some_and(|items| items.len() >= ROOM)
    }

    /// Keys of the jobs of a kind that are not over.
    fn busy(&self, noun: &'static str) -> Vec<String> {
        let of_kind = self.busy.range((noun, String::new())..).take_while(|(of, _)| *of == noun);
        of_kind.map(|(_, key)| key.clone()).collect()
    }

    /// A job is over, or gone.
    fn rest(&mut self, noun: &'static str, key: String) {
        self.busy.remove(&(noun, key));
    }

    fn item(&self, noun: &str, key: &str) -> Option<&Item> {
        self.items.get(noun)?.get(key)
    }

    fn item_mut(&mut self, noun: &str, key: &str) -> Option<&mut Item> {
        self.items.get_mut(noun)?.get_mut(key)
    }

    fn of(&self, noun: &str) -> impl Iterator<Item = &Item> {
        self.items.get(noun).into_iter().flat_map(BTreeMap::values)
    }
}

impl Item {
    /// A structure that an update sends in parts: what it does not name stays as it was `before`.
    fn extend(&mut self, member: &str, before: &Map<String, Value>) {
        let of = |body: &Map<String, Value>| body.get(member).and_then(Value::as_object).cloned();
        let (Some(mut all), Some(sent)) = (of(before), of(&self.body)) else { return };
        all.extend(sent);
        self.body.insert(member.to_owned(), Value::Object(all));
    }
}

impl World {
    /// A resource of a kind by its own name or ARN.
    fn shelved(&self, noun: &str, given: &str) -> Option<&Item> {
        self.shelved_in(noun, given, &Map::new())
    }

    /// The same, where `body` tells which of several of one name is meant: the user of that domain.
    fn shelved_in(&self, noun: &str, given: &str, body: &Map<String, Value>) -> Option<&Item> {
        let kind = kinds().find(|kind| kind.noun == noun)?;
        let is_meant = |item: &&Item| {
            item.arn.eq_ignore_ascii_case(given)
                || kind.own_name(&item.body).is_some_and(|name| name.eq_ignore_ascii_case(given))
        };
        self.shelf.of(noun).find(|item| is_meant(item) && kind.is_beside(item, body))
    }

    /// Everything there is to say about one.
    fn told(&self, kind: &Kind, item: &Item) -> Map<String, Value> {
        let mut record = item.body.clone();
        for (member, at) in [
            ("CreationTime", item.created),
            ("CreateDate", item.created),
            ("LastModifiedTime", item.modified),
            ("LastUpdatedDate", item.modified),
        ] {
            record.insert(member.to_owned(), epoch(at));
        }
        record.insert("CreatedBy".to_owned(), lists::user(&item.by));
        record.insert("LastModifiedBy".to_owned(), lists::user(&item.changed_by));
        record.insert(kind.arn.to_owned(), item.arn.clone().into());
        if !kind.life.member.is_empty() {
            record.insert(kind.life.member.to_owned(), item.state.into());
        }
        for (member, at) in &item.stamps {
            record.insert((*member).to_owned(), epoch(*at));
        }
        (kind.told)(self, item, &mut record);
        record
    }

    /// Puts a resource in its place, from where it goes through these states.
    fn shelve(
        &mut self,
        (noun, key, arn): (&'static str, String, String),
        by: &str,
        body: Map<String, Value>,
        steps: &'static [Step],
    ) {
        let (now, by) = (self.now, by.to_owned());
        let (state, stamps, next) = ("", Vec::new(), None);
        let mut item = Item {
            arn,
            created: now,
            modified: now,
            changed_by: by.clone(),
            by,
            body,
            state,
            stamps,
            next,
            work: course::Work::default(),
        };
        item.go(now, steps, false);
        self.shelf.expect(item.due());
        if JOBS.contains(&noun) {
            self.shelf.busy.insert((noun, key.clone()));
        }
        self.shelf.items.entry(noun).or_default().insert(key, item);
    }

    /// Letters and digits that no other resource has.
    fn mint(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        self.shelf.made += 1;
        let made = self.shelf.made;
        let letter = |n: usize| {
            let draw = noise::hash(&[self.seed, 0x5e1f, made, n as u64]) as usize % LETTERS.len();
            char::from(LETTERS.get(draw).copied().unwrap_or(b'0'))
        };
        (0..length).map(letter).collect()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod training_tests;
