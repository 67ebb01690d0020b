//! How much of the journal is in the team's ledger already: one number for each account, region and table. A mark that is
//! lost or old costs nothing but repetition; one is only ever written of what arrived.

use std::{collections::BTreeMap, fs::File, io::Write as _, path::Path};

use serde::{Deserialize, Serialize};

use super::{StoreError, paths};

const FILE: &str = "shared.json";

/// The last entry up to which everything is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub seq: u64,
    /// Of the chain there: a journal that was replaced begins anew.
    pub hash: String,
}

/// The mark of this name in the state folder; nothing shared where there is none, or none that can be read.
pub fn read(state: &Path, name: &str) -> Mark {
    all(state).remove(name).unwrap_or_default()
}

/// Writes the mark of this name.
///
/// # Errors
/// When the disk does not take it: then more is repeated than need be.
pub fn write(state: &Path, name: &str, mark: Mark) -> Result<(), StoreError> {
    let mut marks = all(state);
    marks.insert(name.to_owned(), mark);
    let dir = paths::private_dir(state)?;
    // Its own name for each process: of two that write at once, one whole file stays.
    let (new, path) = (dir.join(format!("{FILE}.{}", std::process::id())), dir.join(FILE));
    let mut file: File = paths::private_file(&new)?;
    let text = serde_json::to_vec(&marks)?;
    let done = file.set_len(0).and_then(|()| file.write_all(&text)).and_then(|()| file.sync_all());
    done.and_then(|()| std::fs::rename(&new, &path)).map_err(StoreError::io("writing", &path))
}

fn all(state: &Path) -> BTreeMap<String, Mark> {
    let text = std::fs::read(state.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_by_name_and_a_damaged_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let mark = |seq| Mark { seq, hash: format!("h{seq}") };
        assert_eq!(read(dir.path(), "a"), Mark::default());
        write(dir.path(), "a", mark(3)).unwrap();
        write(dir.path(), "b", mark(7)).unwrap();
        write(dir.path(), "a", mark(5)).unwrap();
        assert_eq!((read(dir.path(), "a"), read(dir.path(), "b")), (mark(5), mark(7)));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else stays");
        std::fs::write(dir.path().join(FILE), "{\"a\":").unwrap();
        assert_eq!(read(dir.path(), "a"), Mark::default());
    }
}
