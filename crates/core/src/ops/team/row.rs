//! Rows as DynamoDB spells them: attribute values with their type, numbers as text.

use serde_json::{Map, Value, json};

use super::{Lock, Owner};
use crate::{
    ops::target::{Kind, Target},
    scope::Scope,
    text::Text,
    time::Timestamp,
};

/// Account and region: everything of one of them lies together.
pub const HASH_KEY: &str = "scope";
/// `lock#…` or `record#…`.
pub const RANGE_KEY: &str = "row";

pub(super) const LOCKS: &str = "lock#";
pub(super) const RECORDS: &str = "record#";

/// `aws:447100000921:eu-west-1`.
pub(super) fn partition(scope: &Scope) -> String {
    format!("{}:{}:{}", scope.partition.raw(), scope.account.raw(), scope.region.raw())
}

pub(super) fn lock_key(target: &Target) -> String {
    format!("{LOCKS}{}#{}", target.kind.words(), target.id.raw())
}

pub(super) fn key(scope: &Scope, row: &str) -> Value {
    json!({HASH_KEY: text(&partition(scope)), RANGE_KEY: text(row)})
}

pub(super) fn text(value: &str) -> Value {
    json!({"S": value})
}

pub(super) fn number(value: impl std::fmt::Display) -> Value {
    json!({"N": value.to_string()})
}

fn string<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    row.get(name)?.get("S")?.as_str()
}

fn integer<T: std::str::FromStr>(row: &Map<String, Value>, name: &str) -> Option<T> {
    row.get(name)?.get("N")?.as_str()?.parse().ok()
}

fn time(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    integer(row, name).map(Timestamp::from_millis)
}

/// The lock that a row tells of; `None` when it is none of ours, which is no free lock.
pub fn lock_of(row: &Value) -> Option<Lock> {
    let row = row.as_object()?;
    let mut scope = string(row, HASH_KEY)?.splitn(3, ':');
    let (kind, id) = string(row, RANGE_KEY)?.strip_prefix(LOCKS)?.split_once('#')?;
    let kind = Kind::ALL.iter().copied().find(|known| known.words() == kind)?;
    Some(Lock {
        scope: Scope::new(scope.next()?, scope.next()?, scope.next()?),
        target: Target::new(kind, Text::new(id)),
        owner: Owner {
            who: Text::new(string(row, "who")?),
            host: Text::new(string(row, "host")?),
            pid: integer(row, "pid")?,
        },
        plan: Text::new(string(row, "plan")?),
        what: Text::new(string(row, "what").unwrap_or_default()),
        since: time(row, "since")?,
        expires: time(row, "expires")?,
        epoch: integer(row, "epoch")?,
        reason: string(row, "reason").map(Text::new),
        freed: time(row, "freed"),
    })
}

/// Rows of one page of a query, and where the next one begins.
pub fn page_of(answer: &Value) -> (&[Value], Option<&Value>) {
    let rows = answer.get("Items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    (rows, answer.get("LastEvaluatedKey").filter(|key| key.as_object().is_some_and(|key| !key.is_empty())))
}

pub(super) fn shared_of(row: &Value) -> Option<super::Shared> {
    let row = row.as_object()?;
    Some(super::Shared {
        host: Text::new(string(row, "host")?),
        seq: integer(row, "seq")?,
        hash: Text::new(string(row, "hash")?),
        at: time(row, "at")?,
        op: Text::new(string(row, "plan")?),
        body: string(row, "body")?.to_owned(),
    })
}
