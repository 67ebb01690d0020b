//! A journal that fits into memory: the records and the chain of hashes that ship, on a disk that can fail.

use mldeck::store::journal::Tail;
use mldeck_core::{
    ops::journal::{Entry, Record, operations},
    time::Timestamp,
};

struct Stored {
    at: Timestamp,
    op: String,
    line: String,
    hash: String,
}

/// What one desk has on disk.
#[derive(Default)]
pub struct Paper {
    lines: Vec<Stored>,
    tail: Tail,
    /// The same, for looking at while the desk works.
    pub durable: Vec<Record>,
}

impl Paper {
    /// From here on the record outlives its process.
    pub fn write(&mut self, record: &Record) {
        let line = record.write().expect("records have a JSON form");
        self.tail = self.tail.next(record.at, record.op.as_str(), "record", &line);
        self.lines.push(Stored { at: record.at, op: record.op.to_string(), line, hash: self.tail.hash.clone() });
        self.durable.push(record.clone());
    }

    /// Reads everything back as the next process does.
    ///
    /// # Errors
    /// Where the chain breaks, or a line is no record.
    pub fn read(&self) -> Result<Vec<Record>, String> {
        let mut tail = Tail::default();
        let mut out = Vec::new();
        for stored in &self.lines {
            tail = tail.next(stored.at, &stored.op, "record", &stored.line);
            if tail.hash != stored.hash {
                return Err(format!("the chain breaks at entry {}", tail.seq));
            }
            out.push(Record::read(&stored.line).map_err(|error| error.to_string())?);
        }
        Ok(out)
    }

    pub fn is_empty(&self) -> bool {
        self.durable.is_empty()
    }

    /// How often that operation was announced.
    pub fn intents(&self, operation: &str) -> usize {
        self.durable
            .iter()
            .filter(|r| matches!(&r.entry, Entry::Intent { operation: name, .. } if name == operation))
            .count()
    }

    /// Rounds of the abort alarm that were announced.
    pub fn aborts(&self) -> usize {
        self.durable.iter().filter(|r| matches!(r.entry, Entry::Abort { .. })).count()
    }

    /// The records of the newest operation.
    pub fn newest(records: &[Record]) -> Vec<Record> {
        operations(records).pop().unwrap_or_default().into_iter().cloned().collect()
    }
}
