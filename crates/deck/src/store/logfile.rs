//! The file of the log: private, appended to line by line, and never larger than twice its bound.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{
    StoreError,
    paths::{private_dir, private_file},
};

const FILE: &str = "mldeck.log";
const BEFORE: &str = "mldeck.log.1";
const LARGEST: u64 = 4 << 20;

/// Made with the first line: where nothing went wrong there is no file.
#[derive(Debug)]
pub struct LogFile {
    folder: PathBuf,
    largest: u64,
    file: Option<File>,
}

impl LogFile {
    pub fn new(state: &Path) -> Self {
        Self { folder: state.to_owned(), largest: LARGEST, file: None }
    }

    #[cfg(test)]
    pub(super) fn bounded(state: &Path, largest: u64) -> Self {
        Self { largest, ..Self::new(state) }
    }

    pub fn path(state: &Path) -> PathBuf {
        state.join(FILE)
    }

    /// Appends a line and its end, in one write: other decks write to the same file.
    ///
    /// # Errors
    /// When the file cannot be opened, written or moved. The next line tries again.
    pub fn append(&mut self, line: &str) -> Result<(), StoreError> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let path = Self::path(&self.folder);
        let len = file.metadata().map_err(StoreError::io("looking at", &path))?.len();
        if len > 0 && len + line.len() as u64 >= self.largest {
            self.rotate(&file)?;
            file = self.open()?;
        }
        file.write_all(format!("{line}\n").as_bytes()).map_err(StoreError::io("writing", &path))?;
        self.file = Some(file);
        Ok(())
    }

    fn open(&self) -> Result<File, StoreError> {
        let path = private_dir(&self.folder)?.join(FILE);
        let file = private_file(&path)?;
        rustix::fs::fcntl_setfl(&file, OFlags::APPEND)
            .map_err(|errno| StoreError::io("appending to", &path)(errno.into()))?;
        Ok(file)
    }

    /// Moves the full file aside, unless another deck has done so already.
    fn rotate(&self, file: &File) -> Result<(), StoreError> {
        let path = Self::path(&self.folder);
        let same =
            |there: std::fs::Metadata, here: std::fs::Metadata| (there.dev(), there.ino()) == (here.dev(), here.ino());
        let ours = match (path.symlink_metadata(), file.metadata()) {
            (Ok(there), Ok(here)) => same(there, here),
            _ => false,
        };
        if ours {
            std::fs::rename(&path, self.folder.join(BEFORE)).map_err(StoreError::io("moving", &path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_private_and_appended_to() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        LogFile::new(&state).append("one").unwrap();
        LogFile::new(&state).append("two").unwrap();
        assert_eq!(std::fs::read_to_string(LogFile::path(&state)).unwrap(), "one\ntwo\n");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(&LogFile::path(&state))), (0o700, 0o600));
    }

    #[test]
    fn two_files_hold_what_two_decks_say_and_never_more_than_twice_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (LogFile::bounded(dir.path(), 200), LogFile::bounded(dir.path(), 200));
        for n in 0..100 {
            one.append(&format!("one says {n:04}")).unwrap();
            two.append(&format!("two says {n:04}")).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let (now, before) = (read(FILE), read(BEFORE));
        assert!(now.len() <= 200 && before.len() <= 200, "{} {}", now.len(), before.len());
        assert!(now.ends_with("one says 0099\ntwo says 0099\n"), "{now}");
        assert!(before.lines().chain(now.lines()).all(|line| line.len() == 13), "no line is torn: {before}{now}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_large_file_of_before_is_moved_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        LogFile::new(dir.path()).append(&"x".repeat(300)).unwrap();
        LogFile::bounded(dir.path(), 200).append("new").unwrap();
        assert_eq!(std::fs::read_to_string(LogFile::path(dir.path())).unwrap(), "new\n");
    }
}
