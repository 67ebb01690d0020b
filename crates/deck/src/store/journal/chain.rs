//! The chain: how entries are hashed, and whether they are what was written.

use mldeck_core::{text::Text, time::Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::{Record, SET_ASIDE, Verdict};
use crate::store::StoreError;

/// The end of a chain; by default of the empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The number of the last entry; 0 when there is none.
    pub seq: u64,
    /// Its hash, in hex; empty when there is none.
    pub hash: String,
}

impl Tail {
    /// The end after one more entry. Every field goes in with its length, so that no two entries read the same.
    #[must_use]
    pub fn next(&self, at: Timestamp, op: &str, kind: &str, body: &str) -> Self {
        let seq = self.seq + 1;
        let mut digest = Sha256::new();
        digest.update(seq.to_be_bytes());
        digest.update(at.millis().to_be_bytes());
        for field in [&self.hash, op, kind, body] {
            digest.update((field.len() as u64).to_be_bytes());
            digest.update(field);
        }
        let hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { seq, hash }
    }
}

/// One row as it is in the file.
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) op: String,
    pub(super) kind: String,
    pub(super) body: String,
    pub(super) hash: String,
}

pub(super) const COLUMNS: &str = "SELECT seq, at, op, kind, body, hash FROM entries";

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: Timestamp::from_millis(row.get(1)?),
            op: row.get(2)?,
            kind: row.get(3)?,
            body: row.get(4)?,
            hash: row.get(5)?,
        })
    }

    /// The end of the chain with this row, when it is the one that follows `tail`.
    pub(super) fn after(&self, tail: &Tail) -> Result<Tail, Verdict> {
        let seq = tail.seq + 1;
        if u64::try_from(self.seq) != Ok(seq) {
            return Err(Verdict::Broken { seq, why: "is missing" });
        }
        let next = tail.next(self.at, &self.op, &self.kind, &self.body);
        if next.hash == self.hash { Ok(next) } else { Err(Verdict::Broken { seq, why: "is not what was written" }) }
    }

    pub(super) fn record(self) -> Result<Record, StoreError> {
        Ok(Record {
            seq: u64::try_from(self.seq).unwrap_or_default(),
            at: self.at,
            op: self.op,
            kind: self.kind,
            body: serde_json::from_str(&self.body)?,
            hash: self.hash,
        })
    }
}

/// The whole file: the chain, and SQLite's own structures.
pub(super) fn verify(db: &Connection) -> Result<(Verdict, Tail), StoreError> {
    let check = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match check.map_err(StoreError::sqlite("checking the journal")) {
        Ok(word) if word == "ok" => verify_from(db, &Tail::default()),
        Ok(word) => Ok((Verdict::Damaged { why: Text::new(&word) }, Tail::default())),
        Err(error) => damaged(error),
    }
}

fn damaged(error: StoreError) -> Result<(Verdict, Tail), StoreError> {
    if error.is_damage() {
        Ok((Verdict::Damaged { why: Text::new(&error.to_string()) }, Tail::default()))
    } else {
        Err(error)
    }
}

/// What follows `checked`, and that `checked` itself is still there.
pub(super) fn verify_from(db: &Connection, checked: &Tail) -> Result<(Verdict, Tail), StoreError> {
    match walk(db, checked) {
        Ok(Ok(tail)) => Ok((Verdict::Intact { entries: tail.seq, head: tail.hash.clone() }, tail)),
        Ok(Err(verdict)) => Ok((verdict, Tail::default())),
        Err(error) => damaged(error),
    }
}

fn walk(db: &Connection, checked: &Tail) -> Result<Result<Tail, Verdict>, StoreError> {
    let failed = || StoreError::sqlite("checking the journal");
    if checked.seq > 0 && hash_at(db, checked.seq)?.as_ref() != Some(&checked.hash) {
        return Ok(Err(Verdict::Broken { seq: checked.seq, why: "is not what it was" }));
    }
    let mut tail = checked.clone();
    let mut query = db.prepare_cached(&format!("{COLUMNS} WHERE seq > ?1 ORDER BY seq")).map_err(failed())?;
    for row in query.query_map([checked.seq as i64], Stored::read).map_err(failed())? {
        match row.map_err(failed())?.after(&tail) {
            Ok(next) => tail = next,
            Err(verdict) => return Ok(Err(verdict)),
        }
    }
    // Reading from 1 on leaves out what a changed byte may have made of a number.
    let all: i64 = db.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).map_err(failed())?;
    let sql = "SELECT seq, hash FROM head";
    let head = db.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional();
    match head.map_err(failed())? {
        Some((seq, hash)) if u64::try_from(seq) == Ok(tail.seq) && hash == tail.hash && all == seq => Ok(Ok(tail)),
        _ => Ok(Err(Verdict::Broken { seq: tail.seq + 1, why: "is missing, or the end of the chain was changed" })),
    }
}

pub(super) fn hash_at(db: &Connection, seq: u64) -> Result<Option<String>, StoreError> {
    let hash =
        db.query_row("SELECT hash FROM entries WHERE seq = ?1", params![seq as i64], |row| row.get(0)).optional();
    hash.map_err(StoreError::sqlite("checking the journal"))
}

pub(super) fn follows_a_damaged_one(db: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT kind FROM entries WHERE seq = 1";
    let kind = db.query_row(sql, [], |row| row.get::<_, String>(0)).optional();
    Ok(kind.map_err(StoreError::sqlite("checking the journal"))?.as_deref() == Some(SET_ASIDE))
}

pub(super) fn records(db: &Connection) -> Result<Vec<Record>, StoreError> {
    let failed = || StoreError::sqlite("reading the journal");
    let mut query = db.prepare_cached(&format!("{COLUMNS} ORDER BY seq")).map_err(failed())?;
    let rows = query.query_map([], Stored::read).map_err(failed())?;
    rows.map(|row| row.map_err(failed())?.record()).collect()
}
