//! What mldeck is about to change and what came of it, written before and after: append-only, and a chain of hashes,
//! so that a changed, lost or exchanged entry is noticed.
//!
//! An append is acknowledged after the commit is on disk. Reading the end of the chain and adding to it happen inside
//! one `BEGIN IMMEDIATE`, so several processes share one chain. A file that is damaged when it is opened is set aside,
//! exported as JSON lines and replaced by a new chain whose first entry says so; a chain that breaks while the
//! program runs takes no further entry. Nothing is repaired.
//!
//! The file uses a rollback journal, not WAL: it is written a few times per change, so speed does not matter, and this
//! way it works on network homes and is one file that can be copied. `truncate` rather than `delete`, because SQLite then
//! syncs the very moment of commit, too.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use mldeck_core::{ops::journal as operation, text::Text, time::Timestamp};
use rusqlite::{Connection, TransactionBehavior, params};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::chain::Tail;
use super::{
    Folders, StoreError,
    actor::{Actor, Answer},
    error::shown,
    paths,
    sqlite::{self, Plan},
};

mod chain;
#[cfg(debug_assertions)]
mod death;
mod salvage;
#[cfg(test)]
mod tests;

const FILE: &str = "journal.db";

/// In the lock file from the first entry on, always at its start.
const BEGUN: &[u8] = b"begun\n";

/// The kind of the first entry of a chain that follows a damaged one.
pub const SET_ASIDE: &str = "set-aside";

const PLAN: Plan = Plan {
    version: 1,
    // `head` repeats the end of the chain: entries lost at the end leave a chain that is whole in itself.
    schema: "
        CREATE TABLE entries (
            seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, op TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
            hash TEXT NOT NULL
        );
        CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
        INSERT INTO head VALUES (1, 0, '');",
    journal_mode: |_| "truncate",
    synchronous: "full",
};

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 1, without gaps.
    pub seq: u64,
    pub at: Timestamp,
    /// The plan's short id.
    pub op: String,
    pub kind: String,
    pub body: Value,
    /// SHA-256, hex, over the hash before it and these fields.
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So many entries, the last one with this hash.
    Intact { entries: u64, head: String },
    /// Entry `seq` is not what was written, or is missing; what is before it is whole.
    Broken { seq: u64, why: &'static str },
    /// SQLite cannot read the file.
    Damaged { why: Text },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intact { entries, .. } => write!(f, "{entries} entries, unbroken"),
            Self::Broken { seq, why } => write!(f, "entry {seq} {why}"),
            Self::Damaged { why } => write!(f, "the file is damaged: {why}"),
        }
    }
}

/// What happened to a journal that was not whole when it was opened. A person must look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct SetAside {
    pub verdict: Verdict,
    /// Where the file is now.
    pub file: PathBuf,
    /// What could be read of it, one JSON object per line; each says whether the chain holds up to it.
    pub export: PathBuf,
    /// The entries before the break: operations that may still be in flight are among them.
    pub intact: Vec<Record>,
}

/// What entries tell of operations; the first one of a journal that replaced a damaged one tells of none.
///
/// # Errors
/// When a newer mldeck wrote one: what it began must not be taken for nothing.
pub fn told(entries: impl IntoIterator<Item = Record>) -> Result<Vec<operation::Record>, StoreError> {
    let mut out = Vec::new();
    for entry in entries {
        is_known(entry.body.get("v").and_then(Value::as_i64))?;
        out.extend(serde_json::from_value::<operation::Record>(entry.body).ok());
    }
    Ok(out)
}

fn is_known(version: Option<i64>) -> Result<(), StoreError> {
    let known = i64::from(operation::VERSION);
    match version {
        Some(found) if found > known => {
            Err(StoreError::Newer { path: Text::new("an entry of the journal"), found, known })
        }
        _ => Ok(()),
    }
}

pub struct Journal {
    actor: Actor<State>,
}

impl Journal {
    /// Opens on a thread of its own; nothing here waits for a disk. `at` dates the entry that a replaced journal starts
    /// with.
    ///
    /// # Errors
    /// When the system gives no thread. A journal that cannot be opened says so to every question.
    pub fn start(folders: &Folders, at: Timestamp) -> Result<Self, StoreError> {
        let dir = folders.state.clone();
        Ok(Self { actor: Actor::start("journal", move || State::open(&dir, at))? })
    }

    /// Adds an entry; answered with its number when it is on disk. `body` arrives masked.
    pub fn append(&self, op: &str, kind: &str, body: Value, at: Timestamp) -> Answer<u64> {
        let (op, kind) = (op.to_owned(), kind.to_owned());
        self.actor.ask(move |state| state.append(&op, &kind, &body, at))
    }

    /// Every entry, oldest first.
    pub fn read_all(&self) -> Answer<Vec<Record>> {
        self.actor.ask(|state| state.read(|_| true))
    }

    /// The entries of one operation.
    pub fn read_op(&self, op: &str) -> Answer<Vec<Record>> {
        let op = op.to_owned();
        self.actor.ask(move |state| state.read(|record| record.op == op))
    }

    /// The entries of all operations that have none of a kind in `closing`.
    pub fn read_open(&self, closing: &[&str]) -> Answer<Vec<Record>> {
        let closing: Vec<String> = closing.iter().map(|kind| (*kind).to_owned()).collect();
        self.actor.ask(move |state| {
            let mut records = state.read(|record| record.kind != SET_ASIDE)?;
            let ended: BTreeSet<String> = records
                .iter()
                .filter(|record| closing.contains(&record.kind))
                .map(|record| record.op.clone())
                .collect();
            records.retain(|record| !ended.contains(&record.op));
            Ok(records)
        })
    }

    /// Reads everything and checks the chain.
    pub fn verify(&self) -> Answer<Verdict> {
        self.actor.ask(|state| chain::verify(&state.journal()?.db).map(|(verdict, _)| verdict))
    }

    /// What was set aside when the journal was opened.
    pub fn was_set_aside(&self) -> Answer<Option<SetAside>> {
        self.actor.ask(|state| Ok(state.set_aside.clone()))
    }
}

struct State {
    dir: PathBuf,
    open: Result<Open, Text>,
    set_aside: Option<SetAside>,
}

struct Open {
    db: Connection,
    path: PathBuf,
    /// Locked shared while an entry is added, exclusively while the file is opened or set aside.
    gate: File,
    /// Device and inode: another process may have set the file aside.
    file: (u64, u64),
    /// Up to here the chain has been checked.
    checked: Tail,
    /// The disk did not confirm a commit: what is on it is unknown.
    failed: bool,
}

impl State {
    fn open(dir: &Path, at: Timestamp) -> Self {
        let mut set_aside = None;
        let open = Open::new(dir, at, &mut set_aside).map_err(|error| Text::new(&error.to_string()));
        Self { dir: dir.to_owned(), open, set_aside }
    }

    fn journal(&mut self) -> Result<&mut Open, StoreError> {
        self.open.as_mut().map_err(|why| StoreError::NoJournal { why: why.clone() })
    }

    fn append(&mut self, op: &str, kind: &str, body: &Value, at: Timestamp) -> Result<u64, StoreError> {
        let journal = self.journal()?;
        if journal.failed {
            return Err(StoreError::DiskFailed);
        }
        match identity(&journal.path) {
            Ok(file) if file == journal.file => {}
            Ok(_) => self.follow(at)?,
            Err(_) => {
                let why = Text::new("it was removed while mldeck runs");
                return Err(StoreError::Broken(Verdict::Damaged { why }));
            }
        }
        let Open { db, path, gate, checked, failed, .. } = self.journal()?;
        let _gate = Gate::lock(gate, FlockOperation::LockShared, path)?;
        let result = add(db, checked, op, kind, &body.to_string(), at);
        if let Err(error) = &result {
            *failed |= error.is_disk();
        }
        result
    }

    /// Another process has put another file in place of ours. That is right only if it says why.
    fn follow(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let before = self.journal()?.checked.clone();
        let mut set_aside = None;
        let next = Open::new(&self.dir, at, &mut set_aside)?;
        let known = before.seq == 0 || chain::hash_at(&next.db, before.seq)?.is_some_and(|hash| hash == before.hash);
        if !known && !chain::follows_a_damaged_one(&next.db)? {
            return Err(StoreError::Broken(Verdict::Broken {
                seq: before.seq,
                why: "is gone: the file was exchanged",
            }));
        }
        self.open = Ok(next);
        self.set_aside = set_aside.or_else(|| self.set_aside.take());
        Ok(())
    }

    fn read(&mut self, keep: impl Fn(&Record) -> bool) -> Result<Vec<Record>, StoreError> {
        let mut records = chain::records(&self.journal()?.db).map_err(|error| {
            if error.is_damage() {
                StoreError::Broken(Verdict::Damaged { why: Text::new(&error.to_string()) })
            } else {
                error
            }
        })?;
        records.retain(keep);
        Ok(records)
    }
}

impl Open {
    fn new(dir: &Path, at: Timestamp, set_aside: &mut Option<SetAside>) -> Result<Self, StoreError> {
        let dir = paths::private_dir(dir)?;
        let path = dir.join(FILE);
        let gate_file = paths::private_file(&dir.join("journal.lock"))?;
        let gate = Gate::lock(&gate_file, FlockOperation::LockExclusive, &path)?;
        let opened = Self::is_there(&path, &gate_file)
            .and_then(|()| sqlite::open(&path, &PLAN))
            .and_then(|db| Ok((chain::verify(&db)?, db)));
        let wrong = match opened {
            Ok(((Verdict::Intact { .. }, checked), db)) => {
                (&gate_file).write_all(BEGUN).map_err(StoreError::io("writing", &path))?;
                drop(gate);
                let file = identity(&path)?;
                return Ok(Self { db, path, gate: gate_file, file, checked, failed: false });
            }
            Ok(((verdict, _), _)) => verdict,
            Err(error) if error.is_damage() => Verdict::Damaged { why: Text::new(&error.to_string()) },
            Err(error) => return Err(error),
        };
        let aside = salvage::set_aside(&path, wrong)?;
        let mut db = sqlite::open(&path, &PLAN)?;
        let mut checked = Tail::default();
        let body = json!({
            "verdict": aside.verdict.to_string(),
            "file": aside.file.display().to_string(),
            "export": aside.export.display().to_string(),
        });
        *set_aside = Some(aside);
        add(&mut db, &mut checked, "", SET_ASIDE, &body.to_string(), at)?;
        drop(gate);
        let file = identity(&path)?;
        Ok(Self { db, path, gate: gate_file, file, checked, failed: false })
    }
}

impl Open {
    /// A journal that was begun once does not come back empty.
    fn is_there(path: &Path, gate: &File) -> Result<(), StoreError> {
        let begun = gate.metadata().map_err(StoreError::io("looking at", path))?.len() > 0;
        let here = paths::private_file(path)?.metadata().map_err(StoreError::io("looking at", path))?.len() > 0;
        if begun && !here {
            return Err(StoreError::Damaged { path: shown(path), why: "is empty or was removed" });
        }
        Ok(())
    }
}

/// Checks what others have added since, and adds one entry, in one transaction.
fn add(
    db: &mut Connection,
    checked: &mut Tail,
    op: &str,
    kind: &str,
    body: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let failed = || StoreError::sqlite("adding to the journal");
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    let (verdict, tail) = chain::verify_from(&change, checked)?;
    if !matches!(verdict, Verdict::Intact { .. }) {
        return Err(StoreError::Broken(verdict));
    }
    let newest = "SELECT max(CAST(json_extract(body, '$.v') AS INTEGER)) FROM entries";
    is_known(change.query_row(newest, [], |row| row.get(0)).map_err(failed())?)?;
    let next = tail.next(at, op, kind, body);
    let (seq, hash) = (next.seq as i64, &next.hash);
    let sql = "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    change.execute(sql, params![seq, at.millis(), op, kind, body, hash]).map_err(failed())?;
    change.execute("UPDATE head SET seq = ?1, hash = ?2", params![seq, hash]).map_err(failed())?;
    #[cfg(debug_assertions)]
    death::passes(death::Side::Before);
    change.commit().map_err(failed())?;
    #[cfg(debug_assertions)]
    death::passes(death::Side::After);
    *checked = next;
    Ok(checked.seq)
}

/// Given back when dropped.
struct Gate<'a>(&'a File);

impl<'a> Gate<'a> {
    fn lock(file: &'a File, how: FlockOperation, path: &Path) -> Result<Self, StoreError> {
        loop {
            match flock(file, how) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(StoreError::io("locking", path)(errno.into())),
            }
        }
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        // Closing the file would give it back, too.
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    let meta = path.symlink_metadata().map_err(StoreError::io("looking at", path))?;
    Ok((meta.dev(), meta.ino()))
}
