//! The input thread: waits for bytes, hands on events with the moment they arrived.
//!
//! It reads the terminal itself rather than through crossterm, whose reader grows without bound in a paste, loses all keys
//! in one that never ends, and spins at full speed once the terminal is gone. Here a hang-up ends the thread.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crossterm::event::KeyEvent;
use mldeck_core::time::Monotonic;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use tokio::sync::mpsc;

use super::{
    clock,
    parse::{Parser, Waiting},
};

/// Events on their way to the loop. When it is stuck for so long that they pile up, the newest are dropped: keys typed
/// at a screen that does not answer must not all act at once when it does.
const QUEUE: usize = 1_024;
/// How long an Esc may be the start of a sequence.
const ESCAPE_WAIT: Duration = Duration::from_millis(50);
/// How long a paste may be silent, and how long it may last, before it is given up.
const PASTE_SILENCE: Duration = Duration::from_secs(2);
const PASTE_WHOLE: u64 = 30_000;
/// More keys than this within this many milliseconds were not typed.
const BURST_KEYS: usize = 30;
const BURST_MILLIS: u64 = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    /// Outside text, raw: up to 64 KiB, line ends as `\n`. `cut`: there was more.
    Paste {
        text: String,
        cut: bool,
    },
    /// A paste began and did not end; what came of it is dropped.
    PasteAbandoned,
    /// The window got or lost the keyboard.
    Focus(bool),
    /// So many events were dropped here because nobody took them.
    Lost(u64),
}

/// An event and the moment its last byte was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub at: Monotonic,
    /// Came among more than 30 keys within 50 ms: a paste without brackets or a link that was stalled. Commands ignore it,
    /// text fields do not.
    pub burst: bool,
    pub input: Input,
}

/// A handle on the input thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Wakes the thread out of its wait for bytes.
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    pause: bool,
    /// The thread answers: it does not read.
    parked: bool,
    stop: bool,
    ended: bool,
}

impl Reader {
    /// Starts reading `tty`, which has to be in raw and non-blocking mode. When the terminal is gone, `gone` is called
    /// from the thread and the channel closes behind the last event.
    ///
    /// # Errors
    /// When the system gives no thread or pipe.
    pub fn start(tty: OwnedFd, gone: impl Fn() + Send + 'static) -> io::Result<(Self, mpsc::Receiver<Arrived>)> {
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (events, receiver) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), wake });
        let worker = Worker { shared: Arc::clone(&shared), tty, woken, outlet: Outlet::new(events) };
        let thread = thread::Builder::new().name("input".to_owned()).spawn(move || worker.run(&gone))?;
        Ok((Self { shared, thread: Some(thread) }, receiver))
    }

    /// Stops reading, so that another program may. False when the thread did not answer within `deadline`.
    pub fn pause(&self, deadline: Duration) -> bool {
        let mut state = self.shared.lock();
        state.pause = true;
        self.shared.wake();
        let waited = self.shared.changed.wait_timeout_while(state, deadline, |state| !state.parked && !state.ended);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.parked || state.ended
    }

    /// Reads again.
    pub fn resume(&self) {
        self.shared.lock().pause = false;
        self.shared.changed.notify_all();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake();
        self.shared.changed.notify_all();
        // It never blocks anywhere but in waits that the two lines above end.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // A full pipe is a wake-up, too.
        let _ = rustix::io::write(&self.wake, b"w");
    }
}

struct Worker {
    shared: Arc<Shared>,
    tty: OwnedFd,
    woken: OwnedFd,
    outlet: Outlet,
}

impl Worker {
    fn run(mut self, notify_gone: &dyn Fn()) {
        let mut parser = Parser::default();
        let mut paste_began = None;
        let mut bytes = [0_u8; 4_096];
        let gone = loop {
            let patience = match parser.waiting() {
                Waiting::Nothing => None,
                Waiting::Sequence => Some(ESCAPE_WAIT),
                Waiting::Paste => Some(PASTE_SILENCE),
            };
            let ready = self.wait(patience);
            if self.drain_wake_ups() {
                if !self.park() {
                    break false;
                }
                parser = Parser::default();
                continue;
            }
            let at = clock::monotonic();
            match ready {
                Ready::Silence => self.outlet.take(|out| parser.expire(out), at),
                Ready::Interrupted => {}
                Ready::Bytes => match rustix::io::read(&self.tty, &mut bytes) {
                    Ok(0) => break true,
                    Ok(n) => self.outlet.take(|out| parser.feed(&bytes[..n], out), at),
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(_) => break true,
                },
            }
            paste_began = match parser.waiting() {
                Waiting::Paste => paste_began.or(Some(at)),
                _ => None,
            };
            if paste_began.is_some_and(|began| at.since(began) > PASTE_WHOLE) {
                self.outlet.take(|out| parser.expire(out), at);
            }
        };
        if gone {
            notify_gone();
        }
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }

    fn wait(&self, patience: Option<Duration>) -> Ready {
        let mut fds = [
            PollFd::from_borrowed_fd(self.tty.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN),
        ];
        let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => Ready::Silence,
            // A hang-up is reported without being asked for; the read says which.
            Ok(_) if !fds[0].revents().is_empty() => Ready::Bytes,
            _ => Ready::Interrupted,
        }
    }

    fn drain_wake_ups(&self) -> bool {
        let mut woken = false;
        while rustix::io::read(&self.woken, &mut [0; 16]).is_ok_and(|n| n > 0) {
            woken = true;
        }
        woken
    }

    /// Waits for the end of a pause. False when the thread is to end.
    fn park(&self) -> bool {
        let mut state = self.shared.lock();
        while state.pause && !state.stop {
            state.parked = true;
            self.shared.changed.notify_all();
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.parked = false;
        !state.stop
    }
}

enum Ready {
    Bytes,
    Silence,
    Interrupted,
}

/// Hands events on and notices bursts.
struct Outlet {
    events: mpsc::Sender<Arrived>,
    inputs: Vec<Input>,
    /// When the last keys came, oldest first.
    keys: VecDeque<Monotonic>,
    burst: bool,
    lost: u64,
}

impl Outlet {
    fn new(events: mpsc::Sender<Arrived>) -> Self {
        Self { events, inputs: Vec::new(), keys: VecDeque::with_capacity(BURST_KEYS + 1), burst: false, lost: 0 }
    }

    fn take(&mut self, parse: impl FnOnce(&mut Vec<Input>), at: Monotonic) {
        let mut inputs = std::mem::take(&mut self.inputs);
        parse(&mut inputs);
        self.count(inputs.iter().filter(|input| matches!(input, Input::Key(_))).count(), at);
        for input in inputs.drain(..) {
            let burst = self.burst && matches!(input, Input::Key(_));
            self.send(Arrived { at, burst, input });
        }
        self.inputs = inputs;
    }

    /// A burst begins with too many keys in too little time and lasts until the keys pause.
    fn count(&mut self, keys: usize, at: Monotonic) {
        if keys == 0 {
            return;
        }
        self.burst &= self.keys.back().is_some_and(|last| at.since(*last) < BURST_MILLIS);
        for _ in 0..keys.min(BURST_KEYS + 1) {
            if self.keys.len() > BURST_KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back(at);
        }
        let full = self.keys.len() > BURST_KEYS;
        self.burst |= full && self.keys.front().is_some_and(|first| at.since(*first) < BURST_MILLIS);
    }

    fn send(&mut self, event: Arrived) {
        if self.lost > 0 {
            let note = Arrived { at: event.at, burst: false, input: Input::Lost(self.lost) };
            match self.events.try_send(note) {
                Ok(()) => self.lost = 0,
                Err(_) => {
                    self.lost += 1;
                    return;
                }
            }
        }
        if self.events.try_send(event).is_err() {
            self.lost += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    fn outlet() -> (Outlet, mpsc::Receiver<Arrived>) {
        let (events, receiver) = mpsc::channel(QUEUE);
        (Outlet::new(events), receiver)
    }

    fn keys(out: &mut Vec<Input>, count: usize) {
        let key = Input::Key(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::NONE));
        out.extend(std::iter::repeat_n(key, count));
    }

    fn flags(receiver: &mut mpsc::Receiver<Arrived>) -> Vec<bool> {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|arrived| arrived.burst).collect()
    }

    #[test]
    fn more_than_thirty_keys_at_once_are_a_burst() {
        for (count, burst) in [(30, false), (31, true), (500, true)] {
            let (mut outlet, mut receiver) = outlet();
            outlet.take(|out| keys(out, count), Monotonic::from_millis(1));
            assert_eq!(flags(&mut receiver), vec![burst; count], "{count}");
        }
    }

    #[test]
    fn a_burst_ends_with_a_pause() {
        let (mut outlet, mut receiver) = outlet();
        for (at, count, burst) in [
            (0, 20, false),
            (40, 20, true),
            (85, 1, true),
            (140, 1, false),
            (1_000, 1, false),
            (1_033, 1, false),
            (1_066, 1, false),
        ] {
            outlet.take(|out| keys(out, count), Monotonic::from_millis(at));
            assert_eq!(flags(&mut receiver), vec![burst; count], "at {at}");
        }
    }

    #[test]
    fn what_nobody_takes_is_dropped_and_said() {
        let (mut outlet, mut receiver) = outlet();
        outlet.take(|out| keys(out, QUEUE + 7), Monotonic::from_millis(1));
        assert_eq!(flags(&mut receiver).len(), QUEUE);
        outlet.take(|out| keys(out, 1), Monotonic::from_millis(2_000));
        assert_eq!(receiver.try_recv().unwrap().input, Input::Lost(7));
        assert!(matches!(receiver.try_recv().unwrap().input, Input::Key(_)));
    }

    /// A pipe stands for the terminal: closing its other end is a hang-up.
    #[test]
    fn reads_pauses_and_ends() {
        let (tty, typed) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let gone = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&gone);
        let (reader, mut events) = Reader::start(tty, move || told.store(true, Ordering::SeqCst)).unwrap();
        rustix::io::write(&typed, b"\x1b[A\x1b").unwrap();
        let up = KeyEvent::new(KeyCode::Up, KeyModifiers::NONE);
        let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        assert_eq!(events.blocking_recv().unwrap().input, Input::Key(up));
        assert_eq!(events.blocking_recv().unwrap().input, Input::Key(esc));

        assert!(reader.pause(Duration::from_secs(5)));
        rustix::io::write(&typed, b"\x1b[A").unwrap();
        assert!(events.try_recv().is_err());
        reader.resume();
        assert_eq!(events.blocking_recv().unwrap().input, Input::Key(up));

        drop(typed);
        assert_eq!(events.blocking_recv(), None);
        assert!(gone.load(Ordering::SeqCst));
        assert!(reader.pause(Duration::from_secs(5)));
    }

    #[test]
    fn dropping_the_reader_ends_it() {
        let (tty, _typed) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let (reader, mut events) = Reader::start(tty, || panic!("it is still there")).unwrap();
        drop(reader);
        assert_eq!(events.blocking_recv(), None);
    }
}
