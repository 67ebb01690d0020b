//! Another account that a promotion takes its version from: who we are there, which way the version comes, and what that
//! account says of it.

use serde::{Deserialize, Serialize};

use super::snapshot::EventRule;
use crate::{fault::Fault, scope::Scope, text::Text};

/// How a version of another account comes to serve here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It stays in its registry, and the model names it there: the group's resource policy must allow that.
    Registry,
    /// It is registered here once more, in the group of the version that serves. Its artifact stays where it is.
    Copy,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::Registry, Self::Copy];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Copy => "copy",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.word() == word)
    }
}

/// The other account, as AWS said who we are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub scope: Scope,
    /// The principal there, as [`super::intent::Context::by`] is the one here.
    pub by: Text,
    /// The AWS profile that leads there.
    pub profile: Text,
    /// As the operator chose; `None` leaves it to the planner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

impl Origin {
    /// Whether the other is the same account, region and principal: what was planned for the one the other may carry out.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.scope == other.scope && self.by == other.by
    }
}

/// What the other account says besides the version's description, read by its own identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Resource policy of the version's group, JSON; `None` where the group has none.
    pub policy: Result<Option<Text>, Fault>,
    /// Rules of EventBridge there that wait for changes of registered versions.
    pub rules: Result<Vec<EventRule>, Fault>,
    /// Whether the version's artifacts are there, as seen from there.
    pub exists: Vec<(Text, Result<bool, Fault>)>,
}
