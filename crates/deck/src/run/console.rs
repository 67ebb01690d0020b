//! The terminal with everything that goes on around it, as one thing the loop can own: draw, ask what happened, step aside.

use std::{io::Write as _, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    input::{Arrived, Reader},
    signals::{self, Signal, Signals, Watchdog},
};
use crate::term::{Caps, Notice, OpenError, Session, Writer, restore::PATIENCE, session::hook_panics};

/// How long a thread may take to step aside.
const ASIDE: Duration = Duration::from_millis(200);

/// What the loop has to react to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process ends with this code. The watchdog is running: 1.5 s are left to bring what must survive to disk.
    End {
        signal: Signal,
        code: u8,
    },
    /// Columns and rows now.
    Resize(u16, u16),
    /// We were away (stopped, or the link was stalled). The screen is whole again, but what was typed meanwhile was typed
    /// blind: open confirmations start over.
    Back,
    Input(Arrived),
}

#[derive(Debug)]
pub struct Console {
    // In this order they are dropped: no reader, no writer, then the terminal is given back.
    reader: Reader,
    writer: Writer,
    session: Session,
    events: mpsc::Receiver<Arrived>,
    signals: Signals,
    /// What the shell shows when it gets the terminal.
    parting: Option<String>,
}

impl Console {
    /// Takes the terminal. `least` is the smallest useful size in columns and rows. The panic hook of the moment is kept
    /// and runs with the terminal given back; a panic on any thread ends the program.
    ///
    /// # Errors
    /// When there is no usable terminal; it is then as it was.
    pub fn open(least: (u16, u16), caps: Caps) -> Result<Self, OpenError> {
        let session = Session::open(least)?;
        let restore = session.restore();
        let last = Arc::clone(&restore);
        let watchdog = Watchdog::start(move || last.give_back(PATIENCE)).map_err(OpenError::Device)?;
        let signals = Signals::catch(watchdog).map_err(OpenError::Device)?;
        let panicked = signals.clone();
        hook_panics(restore, move || panicked.raise(Signal::Panicked));
        session.enter()?;
        let notify = signals.clone();
        let notice = move |notice| {
            notify.raise(match notice {
                Notice::Gone => Signal::Gone,
                Notice::Thawed { .. } => Signal::Thawed,
            });
        };
        let gate = session.restore().gate();
        let writer = Writer::start(session.tty()?, gate, caps, notice).map_err(OpenError::Device)?;
        let gone = signals.clone();
        let (reader, events) =
            Reader::start(session.tty()?, move || gone.raise(Signal::Gone)).map_err(OpenError::Device)?;
        Ok(Self { reader, writer, session, events, signals, parting: None })
    }

    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Columns and rows now.
    pub fn size(&self) -> (u16, u16) {
        self.session.size()
    }

    /// For whoever else has to end or wake the loop.
    pub fn signals(&self) -> Signals {
        self.signals.clone()
    }

    /// Waits for the next event, signals before input. Stops and goes on by itself when asked to. Nothing is lost when
    /// the future is dropped.
    pub async fn next(&mut self) -> Event {
        loop {
            let signal = tokio::select! {
                biased;
                signal = self.signals.next() => signal,
                arrived = self.events.recv() => match arrived {
                    Some(arrived) => return Event::Input(arrived),
                    // The reader ended: `gone` was raised or is about to be.
                    None => self.signals.next().await,
                },
            };
            if let Some(event) = self.react(signal) {
                return event;
            }
        }
    }

    /// The next event that is there already, to absorb a burst before drawing.
    pub fn try_next(&mut self) -> Option<Event> {
        while let Some(signal) = self.signals.take() {
            if let Some(event) = self.react(signal) {
                return Some(event);
            }
        }
        self.events.try_recv().ok().map(Event::Input)
    }

    fn react(&mut self, signal: Signal) -> Option<Event> {
        if let Some(code) = signal.exit_code() {
            return Some(Event::End { signal, code });
        }
        match signal {
            Signal::Suspend => {
                let signals = self.signals.clone();
                let parting = self.parting.take();
                self.aside(|| {
                    if let Some(line) = parting {
                        // The terminal is the shell's again: nothing else is on it.
                        let _ = writeln!(std::io::stderr(), "{line}");
                    }
                    signals.stop_here();
                });
            }
            // Stopped without being asked (SIGSTOP): the shell has changed the terminal since. It is not given back, or
            // the shell's modes would be taken for the ones to restore at the end.
            Signal::Continue => {
                self.step_aside();
                self.step_back();
            }
            Signal::Resize => {
                let (width, height) = self.size();
                return Some(Event::Resize(width, height));
            }
            _ => {}
        }
        Some(Event::Back)
    }

    /// Stops the job, as Ctrl-Z would; [`Event::Back`] comes when it goes on. False when nobody could make it go on.
    pub fn suspend(&mut self, parting: Option<String>) -> bool {
        self.parting = parting;
        signals::ask_to_stop()
    }

    /// Gives the terminal to `other` (an editor, a pager, a login), then takes it again with everything drawn anew. The
    /// size may have changed meanwhile: a [`Event::Resize`] follows.
    pub fn aside<R>(&mut self, other: impl FnOnce() -> R) -> R {
        self.step_aside();
        self.session.leave();
        let result = other();
        self.step_back();
        result
    }

    fn step_aside(&self) {
        self.reader.pause(ASIDE);
        self.writer.pause(ASIDE);
    }

    fn step_back(&self) {
        if self.session.enter().is_err() {
            self.signals.raise(Signal::Gone);
        }
        self.writer.resume();
        self.reader.resume();
        self.signals.raise(Signal::Resize);
    }

    /// Writes what waits and gives the terminal back as it was. True when all of it got out.
    pub fn close(self) -> bool {
        let Self { reader, writer, session, .. } = self;
        drop(reader);
        let written = writer.stop(PATIENCE);
        session.leave();
        written
    }
}
