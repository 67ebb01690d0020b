//! Opening a SQLite file the way both of ours want it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    StoreError,
    error::shown,
    paths::{self, is_network},
};

/// SQLite before 3.51.3 can damage a file when two processes checkpoint and write at the same instant.
const LEAST: i32 = 3_051_003;

pub(super) struct Plan {
    /// Kept in `user_version`; 0 is a new file.
    pub(super) version: i64,
    pub(super) schema: &'static str,
    /// For the file system at hand: WAL where it is allowed and wanted.
    pub(super) journal_mode: fn(network: bool) -> &'static str,
    pub(super) synchronous: &'static str,
}

/// Opens or creates; `path` lies in a folder made by [`paths::private_dir`].
pub(super) fn open(path: &Path, plan: &Plan) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < LEAST {
        return Err(StoreError::OldSqlite { found: rusqlite::version().to_owned() });
    }
    // Born 0600 here; SQLite gives its side files the mode of the main file.
    let len = paths::private_file(path)?.metadata().map_err(StoreError::io("looking at", path))?.len();
    // SQLite takes a file that is shorter than its header for a new one.
    if (1..512).contains(&len) {
        return Err(StoreError::Damaged { path: shown(path), why: "is cut off" });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut db = Connection::open_with_flags(path, flags).map_err(StoreError::sqlite("opening"))?;
    db.busy_timeout(Duration::from_secs(2)).map_err(StoreError::sqlite("opening"))?;
    let network = path.parent().is_some_and(is_network);
    prepare(&mut db, plan, (plan.journal_mode)(network), path)?;
    Ok(db)
}

pub(super) fn in_memory(plan: &Plan) -> Result<Connection, StoreError> {
    let mut db = Connection::open_in_memory().map_err(StoreError::sqlite("opening in memory"))?;
    prepare(&mut db, plan, "memory", Path::new(":memory:"))?;
    Ok(db)
}

fn prepare(db: &mut Connection, plan: &Plan, mode: &str, path: &Path) -> Result<(), StoreError> {
    let failed = || StoreError::sqlite("opening");
    let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    let found = version(db).map_err(failed())?;
    if found > plan.version || found < 0 {
        return Err(StoreError::Newer { path: shown(path), found, known: plan.version });
    }
    db.pragma_update_and_check(None, "journal_mode", mode, |_| Ok(())).map_err(failed())?;
    db.pragma_update(None, "synchronous", plan.synchronous).map_err(failed())?;
    // A changed byte must never run code or reach outside: the schema is data from a file.
    db.pragma_update(None, "trusted_schema", false).map_err(failed())?;
    db.pragma_update(None, "cell_size_check", true).map_err(failed())?;
    if found < plan.version {
        let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed())?;
        // Another process may have been faster.
        if version(&change).map_err(failed())? == 0 {
            let tables: i64 =
                change.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed())?;
            if tables > 0 {
                return Err(StoreError::Damaged { path: shown(path), why: "has lost its version" });
            }
            change.execute_batch(plan.schema).map_err(failed())?;
            change.pragma_update(None, "user_version", plan.version).map_err(failed())?;
        }
        change.commit().map_err(failed())?;
        path.parent().filter(|dir| dir.is_dir()).map_or(Ok(()), paths::sync_dir)?;
    }
    Ok(())
}

/// Moves a file and its side files out of the way; returns the new name of the main file. The side files go first: one
/// that stayed behind would be replayed into the next file of this name.
pub(super) fn set_aside(path: &Path, word: &str) -> Result<PathBuf, StoreError> {
    let to = paths::aside(path, word);
    for side in ["-wal", "-shm", "-journal", ""] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(side);
            PathBuf::from(name)
        };
        let (from, to) = (with(path), with(&to));
        if from.symlink_metadata().is_ok() {
            std::fs::rename(&from, &to).map_err(StoreError::io("setting aside", &from))?;
        }
    }
    path.parent().map_or(Ok(()), paths::sync_dir)?;
    Ok(to)
}
