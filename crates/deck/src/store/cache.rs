//! What was seen last, for the first paint. Disposable: a damaged or foreign file is set aside with a message, and
//! without any usable folder the cache lives in memory.
//!
//! Rows are kept as JSON of the domain types, one blob each with its position, so that the first paint reads only the
//! window it shows. They arrive masked. The number in the file's name changes with the domain types.

use std::path::{Path, PathBuf};

use mldeck_core::{
    each_rows,
    resource::{Kind, Resource, Rows},
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Folders, StoreError,
    actor::{Actor, Answer},
    error::shown,
    paths,
    sqlite::{self, Plan},
};
use crate::run::runtime;

const FILE: &str = "cache-v1.db";

const PLAN: Plan = Plan {
    version: 1,
    schema: "
        CREATE TABLE tables (
            scope TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, at INTEGER NOT NULL, digest BLOB NOT NULL,
            PRIMARY KEY (scope, kind)
        ) WITHOUT ROWID;
        CREATE TABLE rows (
            scope TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (scope, kind, position)
        );
        CREATE TABLE things (
            shelf TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (shelf, key)
        );",
    // Losing the last moment is fine, waiting for a disk is not.
    journal_mode: |network| if network { "truncate" } else { "wal" },
    synchronous: "normal",
};

/// Rows as they were kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// All, or the window that was asked for.
    pub rows: Rows,
    /// How many there are in the whole table.
    pub total: usize,
    /// When AWS gave them.
    pub at: Timestamp,
}

/// Where single things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// Endpoint configs: immutable.
    Config,
    /// Models: immutable.
    Model,
    /// Pipeline definition graphs: immutable.
    Definition,
    /// What the operator chose: theme, pane, sort order.
    Preference,
}

impl Shelf {
    const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Model => "model",
            Self::Definition => "definition",
            Self::Preference => "preference",
        }
    }
}

pub struct Cache {
    actor: Actor<State>,
}

impl Cache {
    /// Opens on a thread of its own; nothing here waits for a disk.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(folders: &Folders) -> Result<Self, StoreError> {
        let dir = folders.cache.clone();
        Ok(Self { actor: Actor::start("cache", move || State::open(&dir))? })
    }

    /// Keeps all rows of one kind, in this order, in place of what was there.
    pub fn save(&self, scope: &Scope, rows: Rows, at: Timestamp) -> Answer<()> {
        self.save_made(scope, at, move || rows)
    }

    /// As [`Cache::save`], with what is in trouble first: for tables that show it first, as the first screen is read before
    /// the rest.
    pub fn save_worst_first(&self, scope: &Scope, mut rows: Rows, at: Timestamp) -> Answer<()> {
        self.save_made(scope, at, move || {
            rows.sort_by_health();
            rows
        })
    }

    /// What `rows` computes, it computes on the cache's thread.
    fn save_made(&self, scope: &Scope, at: Timestamp, rows: impl FnOnce() -> Rows + Send + 'static) -> Answer<()> {
        let scope = scope.to_string();
        self.actor.ask(move |state| {
            state.give_way();
            let rows = rows();
            state.run(|db| save(db, &scope, &rows, at))
        })
    }

    /// What is kept of this kind was true again at this moment.
    pub fn still(&self, scope: &Scope, kind: Kind, at: Timestamp) -> Answer<()> {
        let scope = scope.to_string();
        self.actor.ask(move |state| {
            state.run(|db| {
                let sql = "UPDATE tables SET at = ?3 WHERE scope = ?1 AND kind = ?2";
                db.execute(sql, params![scope, kind.plural(), at.millis()])
                    .map(|_| ())
                    .map_err(StoreError::sqlite("confirming rows"))
            })
        })
    }

    /// All rows; `None` when there is nothing (any more).
    pub fn load(&self, scope: &Scope, kind: Kind) -> Answer<Option<Stored>> {
        self.load_window(scope, kind, 0, usize::MAX)
    }

    /// At most `count` rows from position `from` on, and how many there are.
    pub fn load_window(&self, scope: &Scope, kind: Kind, from: usize, count: usize) -> Answer<Option<Stored>> {
        let scope = scope.to_string();
        self.actor.ask(move |state| state.run(|db| load(db, &scope, kind, from, count)))
    }

    /// Keys of immutable things carry their scope (`aws:4471…:eu-west-1/fraud-v17-a`).
    pub fn put(&self, shelf: Shelf, key: &str, value: Value) -> Answer<()> {
        let key = key.to_owned();
        self.actor.ask(move |state| {
            state.run(|db| {
                let sql = "INSERT INTO things VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET body = excluded.body";
                db.execute(sql, params![shelf.name(), key, value.to_string()])
                    .map(|_| ())
                    .map_err(StoreError::sqlite("keeping a thing"))
            })
        })
    }

    pub fn get(&self, shelf: Shelf, key: &str) -> Answer<Option<Value>> {
        let key = key.to_owned();
        self.actor.ask(move |state| {
            state.run(|db| {
                let sql = "SELECT body FROM things WHERE shelf = ?1 AND key = ?2";
                let body = db.query_row(sql, params![shelf.name(), key], |row| row.get::<_, String>(0)).optional();
                let body = body.map_err(StoreError::sqlite("reading a thing"))?;
                Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
            })
        })
    }

    /// Everything on a shelf, by key: all preferences at start.
    pub fn all(&self, shelf: Shelf) -> Answer<Vec<(String, Value)>> {
        self.actor.ask(move |state| {
            state.run(|db| {
                let failed = || StoreError::sqlite("reading things");
                let mut query =
                    db.prepare_cached("SELECT key, body FROM things WHERE shelf = ?1 ORDER BY key").map_err(failed())?;
                let pairs = query
                    .query_map([shelf.name()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
                    .map_err(failed())?;
                let mut out = Vec::new();
                for pair in pairs {
                    let (key, body) = pair.map_err(failed())?;
                    out.extend(serde_json::from_str(&body).ok().map(|value| (key, value)));
                }
                Ok(out)
            })
        })
    }

    /// What the operator should know since the last call: a file set aside, a cache in memory.
    pub fn notices(&self) -> Answer<Vec<Text>> {
        self.actor.ask(|state| Ok(std::mem::take(&mut state.notices)))
    }
}

struct State {
    db: Option<Connection>,
    /// `None` while in memory.
    path: Option<PathBuf>,
    notices: Vec<Text>,
    /// This thread is behind those of keys.
    gave_way: bool,
}

impl State {
    fn open(dir: &Path) -> Self {
        let mut state = Self { db: None, path: None, notices: Vec::new(), gave_way: false };
        match paths::private_dir(dir) {
            Ok(dir) => state.connect(dir.join(FILE)),
            Err(error) => state.in_memory(&error),
        }
        state
    }

    /// Reading is what the first paint waits for, and it is over when the first rows are kept. Writing thousands of them
    /// takes a tenth of a second of computing that nobody waits for.
    fn give_way(&mut self) {
        if !std::mem::replace(&mut self.gave_way, true) {
            runtime::give_way();
        }
    }

    /// A file that is no good is set aside, once.
    fn connect(&mut self, path: PathBuf) {
        let opened = sqlite::open(&path, &PLAN).or_else(|error| {
            if error.is_damage() || matches!(error, StoreError::Newer { .. }) {
                self.set_aside(&path, &error)?;
                sqlite::open(&path, &PLAN)
            } else {
                Err(error)
            }
        });
        match opened {
            Ok(db) => (self.db, self.path) = (Some(db), Some(path)),
            Err(error) => self.in_memory(&error),
        }
    }

    fn set_aside(&mut self, path: &Path, error: &StoreError) -> Result<(), StoreError> {
        let to = sqlite::set_aside(path, "damaged")?;
        self.notices.push(Text::new(&format!("the cache was set aside as {}: {error}", shown(&to))));
        Ok(())
    }

    fn in_memory(&mut self, error: &StoreError) {
        self.notices.push(Text::new(&format!("nothing is cached on disk: {error}")));
        self.path = None;
        self.db = sqlite::in_memory(&PLAN).ok();
    }

    /// One job; when it finds the file damaged, the next job gets a new one.
    fn run<T>(&mut self, job: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let result = job(self.db.as_mut().ok_or(StoreError::Closed)?);
        if let (Err(error), Some(path)) = (&result, self.path.clone())
            && error.is_damage()
        {
            self.db = None;
            match self.set_aside(&path, error) {
                Ok(()) => self.connect(path),
                Err(error) => self.in_memory(&error),
            }
        }
        result
    }
}

/// Calls `each` with name and JSON of every row. One at a time: thousands of rows are tens of megabytes of JSON.
fn bodies(rows: &Rows, mut each: impl FnMut(&str, &str) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut body = Vec::new();
    each_rows!(rows, list => {
        for row in list {
            body.clear();
            serde_json::to_writer(&mut body, row)?;
            each(row.name().as_str(), &String::from_utf8_lossy(&body))?;
        }
    });
    Ok(())
}

fn save(db: &mut Connection, scope: &str, rows: &Rows, at: Timestamp) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("caching rows");
    let kind = rows.kind().plural();
    let mut digest = Sha256::new();
    bodies(rows, |_, body| {
        digest.update((body.len() as u64).to_be_bytes());
        digest.update(body);
        Ok(())
    })?;
    let digest = digest.finalize();
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
    // Most polls bring nothing new: then only the moment is written.
    let sql = "UPDATE tables SET at = ?3 WHERE scope = ?1 AND kind = ?2 AND digest = ?4 AND count = ?5";
    let count = rows.len() as i64;
    let same = change.execute(sql, params![scope, kind, at.millis(), digest.as_slice(), count]).map_err(failed())?;
    if same == 0 {
        change.execute("DELETE FROM rows WHERE scope = ?1 AND kind = ?2", [scope, kind]).map_err(failed())?;
        let mut insert = change.prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3, ?4, ?5)").map_err(failed())?;
        let mut position = 0i64;
        bodies(rows, |name, body| {
            insert.execute(params![scope, kind, position, name, body]).map_err(failed())?;
            position += 1;
            Ok(())
        })?;
        drop(insert);
        let sql = "INSERT OR REPLACE INTO tables VALUES (?1, ?2, ?3, ?4, ?5)";
        change.execute(sql, params![scope, kind, count, at.millis(), digest.as_slice()]).map_err(failed())?;
    }
    change.commit().map_err(failed())
}

fn load(db: &mut Connection, scope: &str, kind: Kind, from: usize, count: usize) -> Result<Option<Stored>, StoreError> {
    let failed = || StoreError::sqlite("reading cached rows");
    // One moment for both questions, while another process may write.
    let view = db.transaction().map_err(failed())?;
    let sql = "SELECT count, at FROM tables WHERE scope = ?1 AND kind = ?2";
    let head = view.query_row(sql, [scope, kind.plural()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let Some((total, at)) = head.optional().map_err(failed())? else { return Ok(None) };
    let first = i64::try_from(from).unwrap_or(i64::MAX);
    let end = first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    // As serde spells the variant of `Rows`, so that one parse serves every kind.
    let mut json = format!("{{\"{kind:?}\":[");
    {
        let sql = "SELECT body FROM rows WHERE scope = ?1 AND kind = ?2 AND position >= ?3 AND position < ?4 ORDER BY position";
        let mut query = view.prepare_cached(sql).map_err(failed())?;
        let mut rows = query.query(params![scope, kind.plural(), first, end]).map_err(failed())?;
        let mut separator = "";
        while let Some(row) = rows.next().map_err(failed())? {
            json.push_str(separator);
            json.push_str(row.get_ref(0).and_then(|body| Ok(body.as_str()?)).map_err(failed())?);
            separator = ",";
        }
    }
    json.push_str("]}");
    let Ok(rows) = serde_json::from_str(&json) else {
        // Written by another build with other fields: as good as nothing.
        view.execute("DELETE FROM tables WHERE scope = ?1 AND kind = ?2", [scope, kind.plural()]).map_err(failed())?;
        view.commit().map_err(failed())?;
        return Ok(None);
    };
    Ok(Some(Stored { rows, total: usize::try_from(total).unwrap_or_default(), at: Timestamp::from_millis(at) }))
}
