//! Records of the journals of all hosts in one table. The journal of each host stays the source: a record is written here once
//! it is durable there, under a key that it always gets again.

use serde_json::{Value, json};

use super::row::{self, RECORDS};
use crate::{
    ops::journal::{Entry, Record},
    scope::Scope,
    text::Text,
    time::Timestamp,
};

/// DynamoDB takes items of 400 KB; a longer record is told by its head, and stays whole in its journal.
const LONGEST: usize = 300_000;

/// A record of one host's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    pub host: Text,
    /// Its number in that journal, and the hash of the chain up to it.
    pub seq: u64,
    pub hash: Text,
    pub at: Timestamp,
    /// Short id of the plan.
    pub op: Text,
    /// The record as JSON; what was too long says so.
    pub body: String,
}

impl Shared {
    /// The record that the journal has under `seq`, with the hash of the chain there.
    pub fn new(host: &Text, seq: u64, hash: &str, record: &Record) -> Self {
        let body = serde_json::to_string(record).unwrap_or_default();
        let body = if body.len() > LONGEST { cut(record) } else { body };
        Self { host: host.clone(), seq, hash: Text::new(hash), at: record.at, op: record.op.clone(), body }
    }

    /// The same for the same record, whoever makes it and however often.
    pub(super) fn key(&self) -> String {
        let hash: String = self.hash.raw().chars().take(16).collect();
        format!("{RECORDS}{}#{}#{:06}#{hash}", sortable(self.at), self.op.raw(), self.seq)
    }

    /// From a row of the table; `None` when it is none of ours.
    pub fn of(row: &Value) -> Option<Self> {
        row::shared_of(row)
    }

    /// The record; `None` for one that was too long, or is of a newer program.
    pub fn record(&self) -> Option<Record> {
        Record::read(&self.body).ok()
    }
}

fn cut(record: &Record) -> String {
    json!({"v": record.v, "op": record.op, "seq": record.seq, "at": record.at, "cut": "too long for the table"})
        .to_string()
}

/// Text that sorts as the time does.
pub(super) fn sortable(at: Timestamp) -> String {
    format!("{:014}", at.millis().max(0))
}

/// Which of these records are about this account and region, by their position: a record tells only by its plan.
pub fn pending(records: &[Record], scope: &Scope) -> Vec<usize> {
    let mut here: Vec<&Text> = Vec::new();
    let mut out = Vec::new();
    for (at, record) in records.iter().enumerate() {
        if let Entry::Planned { plan } = &record.entry
            && plan.scope == *scope
        {
            here.push(&record.op);
        }
        if here.contains(&&record.op) {
            out.push(at);
        }
    }
    out
}
