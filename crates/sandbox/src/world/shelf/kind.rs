//! What a kind of resource says of itself.

use serde_json::{Map, Value};

use super::{ApiError, Item, World, life::Life};

/// One kind of resource, in the words of its operations.
pub(super) struct Kind {
    /// `FlowDefinition`, of CreateFlowDefinition.
    pub(super) noun: &'static str,
    /// `ListFlowDefinitions`.
    pub(super) list: &'static str,
    /// What stands in ARNs before the key: `flow-definition`.
    pub(super) path: &'static str,
    /// Members that together name one, its own name last. Some may be absent (an app belongs to a user or to a space).
    pub(super) keys: &'static [&'static str],
    /// The member that carries the ARN.
    pub(super) arn: &'static str,
    pub(super) life: Life,
    /// What stands before the name of one that is not there, where the service has words of its own for that.
    pub(super) absent: &'static str,
    /// Members that name a resource which must be there, and its noun. That one cannot be deleted meanwhile.
    pub(super) needs: &'static [(&'static str, &'static str)],
    /// The own name, where the service gives it.
    pub(super) mint: Option<fn(&mut World) -> String>,
    /// What the service refuses, or puts in where nothing was said.
    pub(super) made: fn(&World, &mut Map<String, Value>) -> Result<(), ApiError>,
    /// An update puts its members in the place of those before; what is left to do, or to refuse. It is given what was there.
    pub(super) changed: fn(&mut Item, &Map<String, Value>) -> Result<(), ApiError>,
    /// What an answer says besides what was sent.
    pub(super) told: fn(&World, &Item, &mut Map<String, Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Describe,
    List,
    Update,
    Delete,
    Start,
    Stop,
}

const VERBS: &[(&str, Verb)] = &[
    ("Create", Verb::Create),
    ("Describe", Verb::Describe),
    ("Update", Verb::Update),
    ("Delete", Verb::Delete),
    ("Start", Verb::Start),
    ("Stop", Verb::Stop),
];

pub(super) fn nothing_made(_: &World, _: &mut Map<String, Value>) -> Result<(), ApiError> {
    Ok(())
}

pub(super) fn nothing_changed(_: &mut Item, _: &Map<String, Value>) -> Result<(), ApiError> {
    Ok(())
}

pub(super) fn nothing_told(_: &World, _: &Item, _: &mut Map<String, Value>) {}

/// A member that is a text; empty where there is none.
pub(super) fn text<'b>(body: &'b Map<String, Value>, member: &str) -> &'b str {
    body.get(member).and_then(Value::as_str).unwrap_or_default()
}

impl Kind {
    /// A kind without states and peculiarities.
    pub(super) const fn new(
        noun: &'static str,
        list: &'static str,
        path: &'static str,
        keys: &'static [&'static str],
        arn: &'static str,
        life: Life,
    ) -> Self {
        Self {
            noun,
            list,
            path,
            keys,
            arn,
            life,
            absent: "",
            needs: &[],
            mint: None,
            made: nothing_made,
            changed: nothing_changed,
            told: nothing_told,
        }
    }

    fn has(&self, verb: Verb) -> bool {
        match verb {
            Verb::Create | Verb::Describe | Verb::List => true,
            Verb::Update => !self.life.update.is_empty(),
            Verb::Delete => !self.life.delete.is_empty(),
            Verb::Start => !self.life.start.is_empty(),
            Verb::Stop => !self.life.stop.is_empty(),
        }
    }

    /// What `operation` does with this kind.
    pub(super) fn verb(&self, operation: &str) -> Option<Verb> {
        if operation == self.list {
            return Some(Verb::List);
        }
        let verb = VERBS.iter().find(|(word, _)| operation.strip_prefix(word) == Some(self.noun))?.1;
        self.has(verb).then_some(verb)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let own = VERBS.iter().filter(|(_, verb)| self.has(*verb)).map(|(word, _)| format!("{word}{}", self.noun));
        own.chain([self.list.to_owned()])
    }

    /// `flow definition`, for refusals.
    pub(super) fn words(&self) -> String {
        let mut words = String::new();
        for letter in self.noun.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        words
    }

    /// The last of its keys.
    pub(super) fn own_name<'b>(&self, body: &'b Map<String, Value>) -> Option<&'b str> {
        body.get(*self.keys.last()?)?.as_str()
    }

    /// Whether what names `item` by its own name means it: two domains may have a user of one name, so whatever else `body`
    /// says of its keys must be the same.
    pub(super) fn is_beside(&self, item: &Item, body: &Map<String, Value>) -> bool {
        let others = self.keys.split_last().map_or(&[][..], |(_, others)| others);
        others.iter().all(|key| body.get(*key).is_none_or(|value| item.body.get(*key) == Some(value)))
    }

    /// Gone, though it can still be read.
    pub(super) fn is_over(&self, item: &Item) -> bool {
        !self.life.over.is_empty() && item.state == self.life.over
    }

    /// What it is kept under: its keys, each in its place, without case: two names that differ in case only would have one ARN.
    /// `[?]`: whether AWS then finds the one by the other name is not known; here it does.
    pub(super) fn key(&self, body: &Map<String, Value>) -> String {
        self.keys.iter().map(|key| text(body, key).to_lowercase()).collect::<Vec<_>>().join("/")
    }

    /// The part of its ARN behind the kind's path.
    pub(super) fn arn_name(&self, body: &Map<String, Value>) -> String {
        let parts = self.keys.iter().map(|key| text(body, key).to_lowercase()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("/")
    }
}
