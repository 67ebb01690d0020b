//! How keeping something fails.

use std::{io, path::Path};

use mldeck_core::{
    fault::{Fault, FaultKind},
    text::Text,
};

use super::{journal::Verdict, lock::Holder};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else could read or replace the file: it is not touched.
    #[error("{path}: {why}")]
    Unsafe { path: Text, why: &'static str },
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: Text, source: io::Error },
    #[error("{doing}: {source}")]
    Sqlite { doing: &'static str, source: rusqlite::Error },
    #[error("{path} {why}")]
    Damaged { path: Text, why: &'static str },
    /// Written by a newer mldeck; an older one does not write to it.
    #[error("{path} was written by a newer mldeck (format {found}, this one knows {known}); update mldeck")]
    Newer { path: Text, found: i64, known: i64 },
    #[error("the SQLite in this program is {found}; below 3.51.3 it can damage files that two processes write")]
    OldSqlite { found: String },
    #[error("the journal is not whole ({0}); nothing is added to it")]
    Broken(Verdict),
    /// The disk refused to confirm a write: what is on it is unknown until the file is read anew by a new process.
    #[error("the disk did not confirm an earlier journal entry; restart mldeck before changing anything")]
    DiskFailed,
    #[error("there is no journal: {why}")]
    NoJournal { why: Text },
    #[error("{} holds this plan", .0)]
    Held(Holder),
    #[error("not storable: {0}")]
    Value(#[from] serde_json::Error),
    /// Hundreds of jobs wait: the disk stands still.
    #[error("the disk is too slow; this was not kept")]
    Busy,
    #[error("the store has been closed")]
    Closed,
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = shown(path);
        move |source| Self::Io { doing, path, source }
    }

    pub(super) fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }

    /// True when the file itself is no good, whatever is asked of it.
    pub(super) fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Sqlite { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) || is_shape(source)
            }
            Self::Damaged { .. } => true,
            _ => false,
        }
    }

    /// True when what is on the disk after this is unknown.
    pub(super) fn is_disk(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. }
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure))
    }
}

/// A table, column or value that is not as we made it.
fn is_shape(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    match error {
        InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | Utf8Error(..) => true,
        rusqlite::Error::SqliteFailure(code, message) => {
            code.extended_code == rusqlite::ffi::SQLITE_ERROR
                && message.as_deref().is_some_and(|m| m.starts_with("no such") || m.starts_with("malformed"))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            error.extended_code == rusqlite::ffi::SQLITE_ERROR
                && (msg.starts_with("no such") || msg.starts_with("malformed"))
        }
        _ => false,
    }
}

pub(super) fn shown(path: &Path) -> Text {
    Text::new(&path.display().to_string())
}

/// For the journal this means: refused here, nothing was sent.
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new(FaultKind::Refused, "keeping the record", &error.to_string())
    }
}
