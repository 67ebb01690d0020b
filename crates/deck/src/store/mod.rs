//! What mldeck keeps on disk: a cache that may be deleted at any time, a journal that may not, and locks.
//!
//! Cache and journal are two SQLite files, each with its own connection on its own thread. Callers send a job and get
//! an [`Answer`]; they never wait for a disk.
//!
//! | module | subject |
//! |---|---|
//! | [`paths`] | where the files lie, and that nobody else can read or plant them |
//! | [`cache`] | rows for the first paint, immutable things, preferences |
//! | [`journal`] | every change, before and after it is made, as a hash chain |
//! | [`lock`] | one process acts on a plan, the others watch |
//! | [`mark`] | how much of the journal the team has |
//! | [`key`] | what makes the marks of masked values our own |
//! | [`logfile`] | the log, bounded |

mod actor;
pub mod cache;
mod error;
pub mod journal;
pub mod key;
pub mod lock;
pub mod logfile;
pub mod mark;
pub mod paths;
mod sqlite;
#[cfg(test)]
mod tests;

pub use actor::Answer;
pub use cache::{Cache, Shelf, Stored};
pub use error::StoreError;
pub use journal::{Journal, Record, SetAside, Verdict, told};
pub use key::mask_key;
pub use lock::{Holder, PlanLock};
pub use logfile::LogFile;
pub use paths::Folders;
