//! Who may write: frames pass while the gate is open; giving the screen back closes it, whatever the writer is doing.

use std::sync::{Mutex, PoisonError};

/// Closed until the terminal is taken.
#[derive(Debug, Default)]
pub struct Gate {
    open: Mutex<bool>,
}

impl Gate {
    /// Runs one non-blocking write, or says `None` when the screen is not ours. Nobody closes the gate meanwhile.
    pub(super) fn pass<R>(&self, write: impl FnOnce() -> R) -> Option<R> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.then(write)
    }

    pub fn set(&self, open: bool) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
    }
}
