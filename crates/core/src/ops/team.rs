//! The lock and the ledger that hosts share: rows of one DynamoDB table, each written under a condition.
//!
//! A lock is for one thing in one account and region, held for [`LEASE`] and renewed while its operation runs. Its epoch
//! counts the takings: who takes an expired lock names the epoch that was read, so that of two only one gets it, and
//! who lost it finds another epoch when it renews. A row is never deleted; a lock that was given back is a row that says so.

use serde::{Deserialize, Serialize};

use super::{
    intent::{Bypass, Class},
    plan::Plan,
    target::Target,
};
use crate::{
    fault::Fault,
    scope::Scope,
    text::Text,
    time::{MINUTE, SECOND, Timestamp},
};

mod request;
mod row;
mod upload;

pub use request::{Request, RowAction, create, describe, give_back, locks, read_lock, records, renew, take, upload};
pub use row::{HASH_KEY, RANGE_KEY, lock_of, page_of};
pub use upload::{Shared, pending};

/// How long a lock holds without being renewed, milliseconds.
pub const LEASE: i64 = 2 * MINUTE;
/// Between two renewals.
pub const RENEW: i64 = 30 * SECOND;
/// Clocks of two hosts may differ by so much: a lock that ended within that is not taken yet.
pub const DOUBT: i64 = 5 * SECOND;

/// Who holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// As AWS calls the caller.
    pub who: Text,
    pub host: Text,
    pub pid: u32,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {} (process {})", self.who, self.host, self.pid)
    }
}

/// One taking of the lock of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub scope: Scope,
    pub target: Target,
    pub owner: Owner,
    /// Short id of the plan that it was taken for.
    pub plan: Text,
    /// `Roll back fraud-prod: v18 → v17`.
    pub what: Text,
    pub since: Timestamp,
    pub expires: Timestamp,
    /// Counts the takings of this lock by anybody, from 1.
    pub epoch: u64,
    /// Why it was taken from somebody who held it.
    pub reason: Option<Text>,
    /// When it was given back.
    pub freed: Option<Timestamp>,
}

impl Lock {
    /// The lock that this plan wants, as it begins.
    pub fn wanted(plan: &Plan, owner: &Owner, at: Timestamp) -> Self {
        Self {
            scope: plan.scope.clone(),
            target: plan.target.clone(),
            owner: owner.clone(),
            plan: plan.id(),
            what: Text::new(&plan.title()),
            since: at,
            expires: at.plus(LEASE),
            epoch: 0,
            reason: None,
            freed: None,
        }
    }

    /// True for the same taking, however often it was renewed.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.owner == other.owner && self.plan == other.plan && self.since == other.since
    }

    /// True while nobody else may take it.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.freed.is_none() && now < self.expires.plus(DOUBT)
    }

    /// `anna on web-1 (process 7, plan 1a2b3c4d) since 02:11:00, until 02:13:00 unless it is renewed`
    pub fn told(&self) -> String {
        format!(
            "{}, plan {}, since {}, until {} unless it is renewed",
            self.owner,
            self.plan,
            self.since.hms(),
            self.expires.hms()
        )
    }

    /// The AWS CLI line that frees it by hand, whoever holds it: for a holder that is known to be dead.
    pub fn cli_to_free(&self, table: &Text) -> String {
        request::free_by_hand(table, self).cli(self.scope.region.as_str())
    }
}

/// The table, as it was described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    Missing,
    /// It has a status that takes no rows yet.
    Making(Text),
    Ready,
    /// There is a table of that name with these keys: not one of mldeck's.
    Other(String),
}

/// How a lock stands for one who wants it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Ours, as it was written.
    Held(Lock),
    /// Nobody's.
    Free,
    Other(Lock),
    /// It could not be read or written.
    Unreachable(Fault),
}

/// What is to be done about a lock.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// Take it when it is free.
    Take(Lock),
    /// Take it whoever holds it: a roll back whose operator gave a reason.
    Force(Lock),
    /// Go on holding it.
    Renew(Lock),
    /// Give it back.
    Free(Lock),
}

impl Want {
    pub const fn lock(&self) -> &Lock {
        match self {
            Self::Take(lock) | Self::Force(lock) | Self::Renew(lock) | Self::Free(lock) => lock,
        }
    }
}

/// What to do next, by the row that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// Write it, on the condition that the row still is the one that was read.
    Take {
        epoch: u64,
    },
    /// It is ours already.
    Ours(Lock),
    Other(Lock),
}

/// Judges the row of a lock for one who wants it; `force` takes it from whoever holds it.
pub fn judge(row: Option<&Lock>, wanted: &Lock, force: bool, now: Timestamp) -> Judged {
    match row {
        None => Judged::Take { epoch: 0 },
        Some(row) if row.is_same_as(wanted) && row.freed.is_none() => Judged::Ours(row.clone()),
        Some(row) if row.stands(now) && !force => Judged::Other(row.clone()),
        Some(row) => Judged::Take { epoch: row.epoch },
    }
}

/// Whether a change may go on with the lock as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum May {
    Go,
    /// Without the lock, and that is to be said.
    Warned(String),
    /// Without the lock, by the word of the operator, which is to be recorded.
    Bypassed(String),
    Refused(String),
}

/// The rule: without the lock nothing goes on but a roll back whose operator gave a reason; outside production a table that
/// cannot be reached is only said.
pub fn may_go(verdict: &Verdict, plan: &Plan) -> May {
    let stands = match verdict {
        Verdict::Held(_) => return May::Go,
        Verdict::Other(lock) => format!("the team lock is held by {}", lock.told()),
        Verdict::Free => "the team lock could not be taken".to_owned(),
        Verdict::Unreachable(fault) => format!("the team lock cannot be had ({})", brief(fault)),
    };
    let unreachable = matches!(verdict, Verdict::Unreachable(_));
    if plan.intent.change.bypasses(Bypass::Lock) && plan.reason.is_some() {
        May::Bypassed(stands)
    } else if unreachable && plan.class != Class::Prod {
        May::Warned(stands)
    } else {
        May::Refused(stands)
    }
}

/// What is wrong with the table, in a few words.
pub fn brief(fault: &Fault) -> String {
    if fault.message.is_empty() { fault.kind.brief() } else { format!("{}: {}", fault.kind.brief(), fault.message) }
}

#[cfg(test)]
mod tests;
