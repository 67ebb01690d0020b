//! The key of the marks that masked values carry: one per installation, so that two sessions mark a value alike and
//! nobody else can tell which value a mark stands for.

use std::{
    collections::hash_map::RandomState,
    fs::File,
    hash::{BuildHasher as _, Hasher as _},
    io::{Read as _, Write as _},
    path::Path,
};

use rustix::fs::{CWD, Mode, OFlags};

use super::{
    StoreError,
    paths::{private_dir, private_file},
};

const FILE: &str = "mask.key";
const LEN: usize = 32;

/// The key of the state folder, made when there is none. Where it cannot be kept it is random: marks then compare
/// within this process only.
pub fn mask_key(state: Option<&Path>) -> [u8; LEN] {
    state.and_then(|state| kept(state).ok()).unwrap_or_else(random)
}

fn kept(state: &Path) -> Result<[u8; LEN], StoreError> {
    let folder = private_dir(state)?;
    let path = folder.join(FILE);
    if path.symlink_metadata().is_err() {
        create(&folder)?;
    }
    read(&path)
}

fn read(path: &Path) -> Result<[u8; LEN], StoreError> {
    let mut key = [0; LEN];
    let mut file = private_file(path)?;
    let len = file.metadata().map_err(StoreError::io("looking at", path))?.len();
    if len != LEN as u64 {
        return Err(StoreError::Damaged { path: super::error::shown(path), why: "is not a key" });
    }
    file.read_exact(&mut key).map_err(StoreError::io("reading", path))?;
    Ok(key)
}

/// Written under a name of its own and then moved, so that nobody reads half a key. When two decks start for the first
/// time at once, the later one's stays, and the other may mark differently until it ends.
fn create(folder: &Path) -> Result<(), StoreError> {
    let word: String = random()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let new = folder.join(format!("{FILE}.{word}"));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, &new, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| StoreError::io("creating", &new)(errno.into()))?;
    let done = File::from(file).write_all(&random()).and_then(|()| std::fs::rename(&new, folder.join(FILE)));
    done.map_err(|error| {
        let _ = std::fs::remove_file(&new);
        StoreError::io("writing", &new)(error)
    })
}

/// From the system; should it refuse, from what seeds the hash maps of this process.
fn random() -> [u8; LEN] {
    let mut key = [0; LEN];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key));
    if read.is_err() {
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&RandomState::new().build_hasher().finish().to_ne_bytes());
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let key = mask_key(Some(&state));
        assert_eq!(mask_key(Some(&state)), key, "the next session marks alike");
        let other = mask_key(Some(&dir.path().join("other")));
        assert_ne!(other, key, "another installation does not");
        let names: Vec<_> = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn where_it_cannot_be_kept_it_is_random() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(state.join(FILE), "short").unwrap();
        let (one, two) = (mask_key(Some(&state)), mask_key(Some(&state)));
        assert!(one != two && one != [0; LEN], "half a key is none");
        assert_eq!(std::fs::read(state.join(FILE)).unwrap(), b"short", "what others wrote is left alone");
        assert_ne!(mask_key(None), mask_key(None));
    }
}
