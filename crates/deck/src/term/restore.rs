//! Taking the terminal, and the one way of giving it back.
//!
//! Giving back works from anywhere: normal exit, panic on any thread, signal, the last moments of the watchdog. It uses a
//! descriptor of its own, never standard output and its lock; it never waits longer than its deadline; doing it twice does
//! it once.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    termios::{
        LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
    },
};

use super::{gate::Gate, sink::wait_writable};
use crate::run::clock;

/// Alternate screen, no wrap at the right edge (a frame for an old size must not scroll the new one), bracketed paste,
/// focus reports, hidden cursor.
pub const ENTER: &[u8] = b"\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[?1004h\x1b[?25l";

/// Undoes [`ENTER`]. Starts with a string terminator and the end of synchronized output, because the writer may have been
/// cut off anywhere. Mouse and keyboard modes are missing on purpose: we never turn them on.
pub const LEAVE: &[u8] = b"\x1b\\\x1b[?2026l\x1b[m\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";

/// How long a terminal that takes no bytes may delay giving it back.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// Opens the terminal behind `fd` once more: an own open file, so that non-blocking mode is not forced on the shell that
/// shares ours. By name first, because polling `/dev/tty` itself fails on some systems.
///
/// # Errors
/// When neither the device nor `/dev/tty` can be opened.
pub fn open_tty(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::termios::ttyname(fd, Vec::new())
        .and_then(|name| open(name, flags, Mode::empty()))
        .or_else(|_| open(c"/dev/tty", flags, Mode::empty()))
}

#[derive(Debug)]
pub struct Restore {
    tty: OwnedFd,
    gate: Arc<Gate>,
    /// How the terminal was when it was taken; `None`: it is not ours.
    taken: Mutex<Option<Termios>>,
}

impl Restore {
    pub fn new(tty: OwnedFd) -> Self {
        Self { tty, gate: Arc::new(Gate::default()), taken: Mutex::new(None) }
    }

    pub fn tty(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }

    /// Open while the terminal is ours.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Takes the terminal. Taking it again sets the modes again: another program may have changed them while we were
    /// stopped without warning.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn take(&self) -> Result<(), Errno> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = match taken.as_ref() {
            Some(saved) => saved.clone(),
            None => tcgetattr(&self.tty)?,
        };
        let mut raw = saved.clone();
        raw.make_raw();
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        // A helper of the credentials, or any other program behind us, is stopped before it writes into the screen.
        raw.local_modes |= LocalModes::TOSTOP;
        *taken = Some(saved);
        // In the background this stops the process until it is in the foreground again, and then goes on.
        rustix::io::retry_on_intr(|| tcsetattr(&self.tty, OptionalActions::Now, &raw))?;
        self.write(ENTER, PATIENCE);
        self.gate.set(true);
        Ok(())
    }

    /// Gives the terminal back as it was. Keys that were typed and not read are thrown away: they were meant for us, and
    /// a shell would run them.
    pub fn give_back(&self, patience: Duration) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(saved) = taken.take() else { return };
        self.gate.set(false);
        // In the background the terminal belongs to someone else by now, and touching it would stop us.
        if tcgetpgrp(&self.tty).is_ok_and(|group| group != rustix::process::getpgrp()) {
            return;
        }
        if !wait_writable(self.tty(), patience / 2) {
            // Stalled, not merely busy with the last frame: what it has not taken yet is old and stands in the way. It may
            // end in the middle of a sequence, which is why `LEAVE` begins with a terminator.
            let _ = tcflush(&self.tty, QueueSelector::OFlush);
        }
        self.write(LEAVE, patience);
        let _ = tcflush(&self.tty, QueueSelector::IFlush);
        // `Now`, never `Drain`: draining a stalled terminal does not end.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &saved);
    }

    /// Writes what it can within `patience`.
    fn write(&self, mut bytes: &[u8], patience: Duration) {
        let start = clock::instant();
        while !bytes.is_empty() {
            match rustix::io::write(&self.tty, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let left = patience.saturating_sub(clock::instant().saturating_duration_since(start));
                    if left.is_zero() || !wait_writable(self.tty(), left) {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }
}
