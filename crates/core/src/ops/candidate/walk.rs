//! A history of configs, walked as people mean it: going to a new config is a step up, going to one that was live before
//! is a step back down, and what was left that way is not "the previous".

use crate::{text::Text, time::Timestamp};

/// A config became the endpoint's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    pub(super) at: Timestamp,
    pub(super) config: Text,
    pub(super) by: Text,
}

pub(super) type Served = (Option<Timestamp>, Option<Timestamp>);

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Walk {
    stack: Vec<Set>,
    taken_back: Vec<(Text, Timestamp)>,
    served: Vec<(Text, Served)>,
}

impl Walk {
    pub(super) fn set(&mut self, set: Set) {
        if self.stack.last().is_some_and(|top| top.config == set.config) {
            return;
        }
        if let Some(top) = self.stack.last()
            && let Some((_, served)) = self.served.iter_mut().find(|(config, _)| *config == top.config)
        {
            served.1 = Some(set.at);
        }
        self.served.retain(|(config, _)| *config != set.config);
        self.served.push((set.config.clone(), (Some(set.at), None)));
        self.taken_back.retain(|(config, _)| *config != set.config);
        match self.stack.iter().position(|known| known.config == set.config) {
            Some(at) => {
                for left in self.stack.drain(at..).skip(1) {
                    self.taken_back.push((left.config, set.at));
                }
                self.stack.push(set);
            }
            None => self.stack.push(set),
        }
    }

    /// A new endpoint of the same name: what an earlier one served is another story.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// It was live by then, but since when is not known.
    pub(super) fn forget_start(&mut self, config: &Text) {
        if let Some((_, served)) = self.served.iter_mut().find(|(known, _)| known == config) {
            served.0 = None;
        }
    }

    /// It was accepted, and AWS took it back.
    pub(super) fn took_back(&mut self, config: Text, at: Timestamp) {
        self.taken_back.push((config, at));
    }

    pub(super) fn top(&self) -> Option<&Set> {
        self.stack.last()
    }

    /// What was live before the top, newest first.
    pub(super) fn below_top(&self) -> impl Iterator<Item = &Set> {
        self.stack.iter().rev().skip(1)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Set> {
        self.stack.iter().rev()
    }

    pub(super) fn taken_back(&self) -> &[(Text, Timestamp)] {
        &self.taken_back
    }

    pub(super) fn served(&self) -> &[(Text, Served)] {
        &self.served
    }
}
