//! The terminal of this process, from opening to giving back.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    panic,
    sync::Arc,
};

use rustix::{
    io::Errno,
    termios::{isatty, tcgetwinsize},
};

use super::restore::{PATIENCE, Restore, open_tty};

/// What a terminal that does not know its size is taken for.
const UNKNOWN_SIZE: (u16, u16) = (80, 24);

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{stream} is not a terminal")]
    NotATerminal { stream: &'static str },
    #[error("the terminal is {have_width}×{have_height}; at least {need_width}×{need_height} is needed")]
    TooSmall { have_width: u16, have_height: u16, need_width: u16, need_height: u16 },
    #[error("the terminal cannot be opened")]
    Device(#[source] io::Error),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        Self::Device(errno.into())
    }
}

#[derive(Debug)]
pub struct Session {
    restore: Arc<Restore>,
}

impl Session {
    /// Finds the terminal; changes nothing yet. `least` is the smallest useful size in columns and rows. It may shrink
    /// below that later, and has to be drawn then, too.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or it is too small.
    pub fn open(least: (u16, u16)) -> Result<Self, OpenError> {
        for (stream, tty) in
            [("standard input", isatty(rustix::stdio::stdin())), ("standard output", isatty(rustix::stdio::stdout()))]
        {
            if !tty {
                return Err(OpenError::NotATerminal { stream });
            }
        }
        let tty = open_tty(rustix::stdio::stdout())?;
        let session = Self { restore: Arc::new(Restore::new(tty)) };
        let (width, height) = session.size();
        if width < least.0 || height < least.1 {
            return Err(OpenError::TooSmall {
                have_width: width,
                have_height: height,
                need_width: least.0,
                need_height: least.1,
            });
        }
        Ok(session)
    }

    /// Takes the terminal, first or again.
    ///
    /// # Errors
    /// When it is gone.
    pub fn enter(&self) -> Result<(), Errno> {
        self.restore.take()
    }

    /// Gives the terminal back; [`Self::enter`] takes it again.
    pub fn leave(&self) {
        self.restore.give_back(PATIENCE);
    }

    /// Columns and rows now.
    pub fn size(&self) -> (u16, u16) {
        match tcgetwinsize(self.restore.tty()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            _ => UNKNOWN_SIZE,
        }
    }

    /// Whoever may have to give the terminal back without asking.
    pub fn restore(&self) -> Arc<Restore> {
        Arc::clone(&self.restore)
    }

    /// Another descriptor on the terminal that shares nothing with the shell's, for the writer or the reader.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn tty(&self) -> Result<OwnedFd, OpenError> {
        Ok(rustix::io::fcntl_dupfd_cloexec(self.restore.tty().as_fd(), 3)?)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Puts giving the terminal back in front of the panic hook that is installed by now (so install the report's first).
/// `first` runs before anything that might wait.
pub fn hook_panics(restore: Arc<Restore>, first: impl Fn() + Send + Sync + 'static) {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        first();
        restore.give_back(PATIENCE);
        report(info);
    }));
}
