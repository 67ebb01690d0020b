//! A journal that is not whole: moved out of the way, and what can be read of it written next to it.

use std::{io::Write, path::Path};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::{
    Record, SetAside, Verdict,
    chain::{COLUMNS, Stored, Tail},
};
use crate::store::{StoreError, paths, sqlite};

pub(super) fn set_aside(path: &Path, verdict: Verdict) -> Result<SetAside, StoreError> {
    let file = sqlite::set_aside(path, "damaged")?;
    let mut name = file.as_os_str().to_owned();
    name.push(".jsonl");
    let export = std::path::PathBuf::from(name);
    let rows = readable(&file);
    // `None` behind the break.
    let mut tail = Some(Tail::default());
    let mut intact: Vec<Record> = Vec::new();
    let mut lines = Vec::new();
    for row in rows {
        let next = tail.as_ref().and_then(|tail| row.after(tail).ok());
        // The body as it was stored: its hash is over these very bytes.
        let line = json!({
            "holds": next.is_some(), "seq": row.seq, "at": row.at, "op": row.op, "kind": row.kind, "body": row.body,
            "hash": row.hash,
        });
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.push(b'\n');
        if next.is_some() {
            intact.extend(row.record().ok());
            tail = next;
        } else if row.seq > 0 {
            tail = None;
        }
    }
    let mut out = paths::private_file(&export)?;
    out.write_all(&lines).and_then(|()| out.sync_all()).map_err(StoreError::io("writing", &export))?;
    Ok(SetAside { verdict, file, export, intact })
}

/// From the front as far as it goes, then from the back for what lies behind the damage.
fn readable(file: &Path) -> Vec<Stored> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let Ok(db) = Connection::open_with_flags(file, flags) else { return Vec::new() };
    let walk = |order: &str| {
        let mut rows = Vec::new();
        let mut whole = false;
        if let Ok(mut query) = db.prepare(&format!("{COLUMNS} ORDER BY seq {order}"))
            && let Ok(found) = query.query_map([], Stored::read)
        {
            whole = true;
            for row in found {
                match row {
                    Ok(row) => rows.push(row),
                    Err(_) => {
                        whole = false;
                        break;
                    }
                }
            }
        }
        (rows, whole)
    };
    let (mut rows, whole) = walk("ASC");
    if !whole {
        let last = rows.last().map_or(i64::MIN, |row| row.seq);
        let (behind, _) = walk("DESC");
        rows.extend(behind.into_iter().take_while(|row| row.seq > last).collect::<Vec<_>>().into_iter().rev());
    }
    rows
}
