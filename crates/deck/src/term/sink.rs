//! Bytes to a descriptor that may take none: never blocked inside a write, never spinning, always able to leave.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

use super::gate::Gate;
use crate::run::clock;

/// How long one wait for room lasts before it is asked whether waiting still makes sense.
const SLICE: Duration = Duration::from_millis(100);

/// Why bytes did not get out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// The descriptor is dead.
    Gone,
    /// The gate closed.
    Closed,
    /// The terminal took nothing and nobody wants to wait any more.
    Abandoned,
}

#[derive(Debug)]
pub(super) struct Sink {
    out: OwnedFd,
    gate: Arc<Gate>,
}

impl Sink {
    pub(super) fn new(out: OwnedFd, gate: Arc<Gate>) -> Self {
        // Only ever the private descriptor of this program: the mode belongs to the open file, not to the terminal.
        if let Ok(flags) = fcntl_getfl(&out) {
            let _ = fcntl_setfl(&out, flags | OFlags::NONBLOCK);
        }
        Self { out, gate }
    }

    /// Writes all of `bytes`, in one call when there is room. Returns the longest time without any progress.
    pub(super) fn write(&self, mut bytes: &[u8], give_up: &dyn Fn() -> bool) -> Result<Duration, Unwritten> {
        let mut stuck = Duration::ZERO;
        let mut progress = clock::instant();
        while !bytes.is_empty() {
            match self.gate.pass(|| rustix::io::write(&self.out, bytes)).ok_or(Unwritten::Closed)? {
                Ok(0) => return Err(Unwritten::Gone),
                Ok(n) => {
                    bytes = &bytes[n..];
                    let now = clock::instant();
                    stuck = stuck.max(now.saturating_duration_since(progress));
                    progress = now;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if !wait_writable(self.out.as_fd(), SLICE) && give_up() {
                        return Err(Unwritten::Abandoned);
                    }
                }
                Err(_) => return Err(Unwritten::Gone),
            }
        }
        Ok(stuck)
    }
}

/// Waits until `fd` takes bytes (or is dead: then the next write says so). False when `patience` ran out first.
pub(super) fn wait_writable(fd: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let timeout = Timespec::try_from(patience).ok();
    // An interrupted wait counts as one without room; the caller looks at the clock.
    matches!(poll(&mut fds, timeout.as_ref()), Ok(1..))
}
