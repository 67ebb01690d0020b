//! Signals as events, and the watchdog that makes sure an ending ends.
//!
//! Signals of one kind are one event until the loop takes it, so a storm of them costs nothing.

use std::{
    io::{self, Read as _},
    os::unix::net::UnixStream,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH},
    flag, low_level,
};
use tokio::sync::Notify;

use super::clock;

/// What happened to the process or its terminal; the first are taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A read or write found the terminal gone.
    Gone,
    Hangup,
    Terminate,
    Quit,
    Interrupt,
    /// Some thread panicked; the terminal is given back already.
    Panicked,
    /// Somebody asks us to stop (SIGTSTP).
    Suspend,
    /// We were stopped and go on.
    Continue,
    Resize,
    /// The terminal took nothing for more than a second and does again.
    Thawed,
}

impl Signal {
    const ALL: [Self; 10] = [
        Self::Gone,
        Self::Hangup,
        Self::Terminate,
        Self::Quit,
        Self::Interrupt,
        Self::Panicked,
        Self::Suspend,
        Self::Continue,
        Self::Resize,
        Self::Thawed,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The exit code of a process that ends by this; `None`: it goes on. 129 is "terminal gone", the others are what a
    /// shell shows for the signal, 101 is a panic's.
    pub const fn exit_code(self) -> Option<u8> {
        match self {
            Self::Gone | Self::Hangup => Some(129),
            Self::Interrupt => Some(130),
            Self::Quit => Some(131),
            Self::Terminate => Some(143),
            Self::Panicked => Some(101),
            Self::Suspend | Self::Continue | Self::Resize | Self::Thawed => None,
        }
    }
}

/// The signals that were not taken yet.
#[derive(Clone, Debug)]
pub struct Signals {
    pending: Arc<Pending>,
    watchdog: Watchdog,
}

#[derive(Debug, Default)]
struct Pending {
    bits: AtomicU32,
    one: Notify,
    /// For those who wait without a runtime.
    lock: Mutex<()>,
    changed: Condvar,
}

impl Signals {
    /// Catches the signals from here on. An ending signal also arms `watchdog`.
    ///
    /// # Errors
    /// When the system gives no thread or socket.
    pub fn catch(watchdog: Watchdog) -> io::Result<Self> {
        let (mut woken, wake) = UnixStream::pair()?;
        let mut flags = Vec::new();
        for (number, signal) in [
            (SIGHUP, Signal::Hangup),
            (SIGTERM, Signal::Terminate),
            (SIGQUIT, Signal::Quit),
            (SIGINT, Signal::Interrupt),
            (SIGTSTP, Signal::Suspend),
            (SIGCONT, Signal::Continue),
            (SIGWINCH, Signal::Resize),
        ] {
            let raised = Arc::new(AtomicBool::new(false));
            // In this order: whoever is woken finds the flag.
            flag::register(number, Arc::clone(&raised))?;
            low_level::pipe::register(number, wake.try_clone()?)?;
            flags.push((raised, signal));
        }
        let signals = Self { pending: Arc::default(), watchdog };
        let thread = signals.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            // The handlers keep the other end open for as long as the process lives.
            while matches!(woken.read(&mut [0; 64]), Ok(1..)) {
                for (raised, signal) in &flags {
                    if raised.swap(false, Ordering::SeqCst) {
                        thread.raise(*signal);
                    }
                }
            }
        })?;
        Ok(signals)
    }

    /// Adds one, from any thread. One that ends the process gives it a limited time from here.
    pub fn raise(&self, signal: Signal) {
        if let Some(code) = signal.exit_code() {
            self.watchdog.arm(code);
        }
        self.pending.bits.fetch_or(signal.bit(), Ordering::SeqCst);
        self.pending.one.notify_one();
        drop(self.pending.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.pending.changed.notify_all();
    }

    /// The most important one that was not taken yet.
    pub fn take(&self) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| self.take_if(*signal))
    }

    fn take_if(&self, signal: Signal) -> bool {
        self.pending.bits.fetch_and(!signal.bit(), Ordering::SeqCst) & signal.bit() != 0
    }

    /// Waits for one. Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Signal {
        loop {
            if let Some(signal) = self.take() {
                return signal;
            }
            self.pending.one.notified().await;
        }
    }

    /// Stops this process for real and returns when it goes on, with the SIGCONT that did it taken.
    pub fn stop_here(&self) {
        self.take_if(Signal::Continue);
        // The handler of SIGTSTP replaced the stop, so it has to be one that cannot be caught.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
        // The stop may take effect a moment later, and the clock went on meanwhile: the wait is only a bound.
        let guard = self.pending.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let continued = |()| self.pending.bits.load(Ordering::SeqCst) & Signal::Continue.bit() == 0;
        let _ = self.pending.changed.wait_timeout_while(guard, Duration::from_secs(1), |()| continued(()));
        self.take_if(Signal::Continue);
    }
}

/// Asks the whole job to stop, as Ctrl-Z does in a terminal that is not raw; [`Signal::Suspend`] follows. False when
/// there is no shell with job control that could make us go on (`ssh -t host mldeck`): then nothing is asked.
pub fn ask_to_stop() -> bool {
    // A shell with job control gives each job a process group of its own.
    let job = rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpgrp());
    job && rustix::process::kill_current_process_group(rustix::process::Signal::TSTP).is_ok()
}

/// Ends the process a bounded time after it was told to, whatever the other threads do.
#[derive(Clone, Debug)]
pub struct Watchdog {
    shared: Arc<Leash>,
}

#[derive(Debug, Default)]
struct Leash {
    code: Mutex<Option<u8>>,
    armed: Condvar,
}

/// How long an orderly end may take. Giving the terminal back comes on top; both together stay below two seconds.
const GRACE: Duration = Duration::from_millis(1_500);

impl Watchdog {
    /// `last` is done before the process is ended by force: giving the terminal back.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(last: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Leash::default());
        let leash = Arc::clone(&shared);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            let code = leash.wait();
            last();
            // No destructors and no hooks: one of them may be what hangs.
            low_level::exit(i32::from(code));
        })?;
        Ok(Self { shared })
    }

    /// From here the process has 1.5 s to end by itself. The first code counts.
    pub fn arm(&self, code: u8) {
        self.shared.code.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(code);
        self.shared.armed.notify_all();
    }
}

impl Leash {
    /// Returns when the time is over.
    fn wait(&self) -> u8 {
        let guard = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = self.armed.wait_while(guard, |code| code.is_none()).unwrap_or_else(PoisonError::into_inner);
        let start = clock::instant();
        let early = |_: &mut Option<u8>| clock::instant().saturating_duration_since(start) < GRACE;
        let waited = self.armed.wait_timeout_while(armed, GRACE, early).unwrap_or_else(PoisonError::into_inner);
        waited.0.unwrap_or(129)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals() -> Signals {
        Signals { pending: Arc::default(), watchdog: Watchdog { shared: Arc::default() } }
    }

    #[test]
    fn endings_come_first_and_storms_are_one() {
        let signals = signals();
        for _ in 0..1_000 {
            signals.raise(Signal::Resize);
        }
        signals.raise(Signal::Terminate);
        signals.raise(Signal::Gone);
        let taken: Vec<Signal> = std::iter::from_fn(|| signals.take()).collect();
        assert_eq!(taken, [Signal::Gone, Signal::Terminate, Signal::Resize]);
    }

    #[test]
    fn an_ending_arms_the_watchdog_once() {
        let signals = signals();
        signals.raise(Signal::Resize);
        assert_eq!(*signals.watchdog.shared.code.lock().unwrap(), None);
        signals.raise(Signal::Hangup);
        signals.raise(Signal::Terminate);
        assert_eq!(*signals.watchdog.shared.code.lock().unwrap(), Some(129));
    }

    #[tokio::test]
    async fn a_waiting_loop_is_woken() {
        let signals = signals();
        let other = signals.clone();
        let raised = thread::spawn(move || other.raise(Signal::Thawed));
        assert_eq!(signals.next().await, Signal::Thawed);
        raised.join().unwrap();
    }

    #[test]
    fn every_signal_has_its_own_bit() {
        let mut seen = 0;
        for signal in Signal::ALL {
            assert_eq!(seen & signal.bit(), 0, "{signal:?}");
            seen |= signal.bit();
        }
    }
}
