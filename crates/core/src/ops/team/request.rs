//! The requests about the table, as AWS's API spells them. Every write of a row has a condition.

use serde_json::{Map, Value, json};

use super::{
    Lock, Shared,
    row::{HASH_KEY, LOCKS, RANGE_KEY, RECORDS, key, lock_key, number, partition, text},
};
use crate::{ops::call, scope::Scope, text::Text, time::Timestamp};

/// Every operation on the table that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAction {
    CreateTable,
    PutItem,
    UpdateItem,
}

impl RowAction {
    pub const ALL: [Self; 3] = [Self::CreateTable, Self::PutItem, Self::UpdateItem];

    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateTable => "CreateTable",
            Self::PutItem => "PutItem",
            Self::UpdateItem => "UpdateItem",
        }
    }

    /// In our words, for faults.
    pub const fn words(self) -> &'static str {
        match self {
            Self::CreateTable => "creating the team table",
            Self::PutItem => "writing the team ledger",
            Self::UpdateItem => "writing the team lock",
        }
    }
}

/// One request that changes the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub action: RowAction,
    /// What it is about: a row of another account or region is not written. `None` for the table itself.
    pub scope: Option<Scope>,
    pub body: Value,
}

impl Request {
    /// The AWS CLI line that makes the same request.
    pub fn cli(&self, region: &str) -> String {
        call::line("dynamodb", self.action.name(), &self.body, region)
    }
}

/// The table: billed by request, two keys, nothing else.
pub fn create(table: &Text) -> Request {
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let part = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let body = json!({
        "TableName": table.raw(),
        "AttributeDefinitions": [attribute(HASH_KEY), attribute(RANGE_KEY)],
        "KeySchema": [part(HASH_KEY, "HASH"), part(RANGE_KEY, "RANGE")],
        "BillingMode": "PAY_PER_REQUEST",
    });
    Request { action: RowAction::CreateTable, scope: None, body }
}

/// Takes a lock on the condition that its row still has the epoch that was read; 0: that there is none.
pub fn take(table: &Text, lock: &Lock, read: u64) -> Request {
    let mut set = vec![
        ("who", text(&lock.owner.who.raw())),
        ("host", text(&lock.owner.host.raw())),
        ("pid", number(lock.owner.pid)),
        ("plan", text(&lock.plan.raw())),
        ("what", text(&lock.what.raw())),
        ("since", number(lock.since.millis())),
        ("expires", number(lock.expires.millis())),
        ("epoch", number(read + 1)),
    ];
    let mut remove = vec!["freed"];
    match &lock.reason {
        Some(reason) => set.push(("reason", text(&reason.raw()))),
        None => remove.push("reason"),
    }
    let condition = if read == 0 { "attribute_not_exists(#epoch)" } else { "#epoch = :read" };
    let read = (read > 0).then(|| (":read", number(read)));
    update(table, lock, &set, &remove, condition, read)
}

/// Holds a lock of ours longer; good any number of times.
pub fn renew(table: &Text, lock: &Lock, until: Timestamp) -> Request {
    ours(table, lock, &[("expires", number(until.millis()))])
}

/// Gives a lock of ours back; good any number of times.
pub fn give_back(table: &Text, lock: &Lock, at: Timestamp) -> Request {
    ours(table, lock, &[("freed", number(at.millis()))])
}

/// Frees the taking that was read, whoever it is of.
pub(super) fn free_by_hand(table: &Text, lock: &Lock) -> Request {
    let condition = "#epoch = :read";
    update(table, lock, &[("freed", number(lock.since.millis()))], &[], condition, Some((":read", number(lock.epoch))))
}

/// What only the holder may write: the epoch is its own, and nobody gave the lock back.
fn ours(table: &Text, lock: &Lock, set: &[(&str, Value)]) -> Request {
    let condition = "#epoch = :read AND attribute_not_exists(#freed)";
    update(table, lock, set, &[], condition, Some((":read", number(lock.epoch))))
}

fn update(
    table: &Text,
    lock: &Lock,
    set: &[(&str, Value)],
    remove: &[&str],
    condition: &str,
    read: Option<(&str, Value)>,
) -> Request {
    let conditional = ["epoch", "freed"].into_iter().filter(|name| condition.contains(&format!("#{name}")));
    let used = set.iter().map(|(name, _)| *name).chain(remove.iter().copied()).chain(conditional);
    // Many plain words are reserved in DynamoDB's expressions.
    let names: Map<String, Value> = used.map(|name| (format!("#{name}"), json!(name))).collect();
    let values = set.iter().map(|(name, value)| (format!(":{name}"), value.clone()));
    let read = read.into_iter().map(|(name, value)| (name.to_owned(), value));
    let values: Map<String, Value> = values.chain(read).collect();
    let assigned: Vec<String> = set.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
    let mut expression = format!("SET {}", assigned.join(", "));
    if !remove.is_empty() {
        let removed: Vec<String> = remove.iter().map(|name| format!("#{name}")).collect();
        expression.push_str(&format!(" REMOVE {}", removed.join(", ")));
    }
    let body = json!({
        "TableName": table.raw(), "Key": key(&lock.scope, &lock_key(&lock.target)),
        "UpdateExpression": expression, "ConditionExpression": condition,
        "ExpressionAttributeNames": names, "ExpressionAttributeValues": values,
    });
    Request { action: RowAction::UpdateItem, scope: Some(lock.scope.clone()), body }
}

/// Adds one record, on the condition that it is not there.
pub fn upload(table: &Text, scope: &Scope, shared: &Shared) -> Request {
    let mut item = json!({
        "plan": text(&shared.op.raw()), "host": text(&shared.host.raw()), "seq": number(shared.seq),
        "hash": text(&shared.hash.raw()), "at": number(shared.at.millis()), "body": text(&shared.body),
    });
    if let (Some(item), Value::Object(key)) = (item.as_object_mut(), key(scope, &shared.key())) {
        item.extend(key);
    }
    let body = json!({
        "TableName": table.raw(), "Item": item, "ConditionExpression": "attribute_not_exists(#row)",
        "ExpressionAttributeNames": {"#row": RANGE_KEY},
    });
    Request { action: RowAction::PutItem, scope: Some(scope.clone()), body }
}

/// GetItem of one lock, as it is now.
pub fn read_lock(table: &Text, lock: (&Scope, &crate::ops::target::Target)) -> Value {
    json!({"TableName": table.raw(), "Key": key(lock.0, &lock_key(lock.1)), "ConsistentRead": true})
}

/// DescribeTable.
pub fn describe(table: &Text) -> Value {
    json!({"TableName": table.raw()})
}

/// Query for all locks of an account and region.
pub fn locks(table: &Text, scope: &Scope, from: Option<&Value>) -> Value {
    let within = json!({":scope": text(&partition(scope)), ":from": text(LOCKS)});
    query(table, "#scope = :scope AND begins_with(#row, :from)", &within, from)
}

/// Query for the records of all hosts in an account and region since then, oldest first.
pub fn records(table: &Text, scope: &Scope, since: Timestamp, from: Option<&Value>) -> Value {
    let within = json!({
        ":scope": text(&partition(scope)), ":from": text(&format!("{RECORDS}{}", super::upload::sortable(since))),
        ":to": text(&format!("{RECORDS}~")),
    });
    query(table, "#scope = :scope AND #row BETWEEN :from AND :to", &within, from)
}

fn query(table: &Text, condition: &str, values: &Value, from: Option<&Value>) -> Value {
    let mut body = json!({
        "TableName": table.raw(), "KeyConditionExpression": condition, "ConsistentRead": true,
        "ExpressionAttributeNames": {"#scope": HASH_KEY, "#row": RANGE_KEY}, "ExpressionAttributeValues": values,
    });
    if let Some(from) = from {
        body["ExclusiveStartKey"] = from.clone();
    }
    body
}
