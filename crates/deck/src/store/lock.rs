//! One process acts on a plan; another one may watch. The lock is the operating system's, so it dies with its holder.

use std::{
    fmt,
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use mldeck_core::{
    ops::rule::{Rule, breaks},
    text::Text,
    time::Timestamp,
};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{StoreError, paths};
use crate::config::Environment;

/// Who acts: told to the one who comes second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub who: Text,
    pub host: Text,
    pub pid: u32,
    pub since: Timestamp,
}

impl Holder {
    /// This process.
    pub fn this(env: &Environment, since: Timestamp) -> Self {
        Self { who: env.user(), host: env.host(), pid: std::process::id(), since }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("another process");
        }
        write!(f, "{} on {} (process {}, since {})", self.who, self.host, self.pid, self.since.full())
    }
}

/// Held until dropped, or until the process dies.
#[derive(Debug)]
pub struct PlanLock {
    /// Open for the lock it carries.
    _file: File,
    path: PathBuf,
}

impl PlanLock {
    /// Takes the lock of plan `id` below `state` (a folder).
    ///
    /// # Errors
    /// [`StoreError::Held`] with the holder when another process, or this one, has it.
    pub fn take(state: &Path, id: &str, holder: &Holder) -> Result<Self, StoreError> {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(StoreError::Unsafe { path: Text::new(id), why: "is no plan id" });
        }
        let path = paths::private_dir(&state.join("locks"))?.join(format!("{id}.lock"));
        loop {
            let mut file = paths::private_file(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if breaks(Rule::OneWriter) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::Held(read(&mut file))),
                Err(errno) => return Err(StoreError::io("locking", &path)(errno.into())),
            }
            // The one before may have removed the name between our open and our lock: then this is nobody's lock.
            let mine = file.metadata().map_err(StoreError::io("looking at", &path))?;
            if !path.symlink_metadata().is_ok_and(|there| (there.dev(), there.ino()) == (mine.dev(), mine.ino())) {
                continue;
            }
            let mut line = serde_json::to_vec(holder)?;
            line.push(b'\n');
            file.set_len(0).and_then(|()| file.write_all(&line)).map_err(StoreError::io("writing", &path))?;
            return Ok(Self { _file: file, path });
        }
    }

    /// Who holds plan `id` now; `None` when nobody does.
    pub fn holder(state: &Path, id: &str) -> Option<Holder> {
        // A lock that was given back left no file; asking for it would lock out the next one for a moment.
        state.join("locks").join(format!("{id}.lock")).symlink_metadata().ok()?;
        match Self::take(state, id, &Holder::default()) {
            Err(StoreError::Held(holder)) => Some(holder),
            _ => None,
        }
    }
}

impl Drop for PlanLock {
    fn drop(&mut self) {
        // While the lock is still held; a name that stays behind costs nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The holder may be writing this very moment: then it is "another process".
fn read(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(4096).read_to_string(&mut text));
    read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
}
