//! The writer thread: the only one that writes frames, so that a terminal which takes no bytes stops nobody else.
//!
//! It holds one frame at most. A newer frame replaces one that was not started; because frames are whole buffers and the
//! writer compares with what it painted itself, a replaced frame leaves no trace. Buffers go round between [`Writer`]
//! and the thread, so that a steady state allocates nothing.
//!
//! The descriptor has to be one that nobody else shares, in non-blocking mode ([`super::restore::open_tty`]): then a
//! write takes what fits and comes back, no lock of the tty is held while waiting, and the screen can be given back by
//! another thread in the middle of a frame.

use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use mldeck_core::time::Monotonic;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Caps,
    backend::{Painter, Position},
    gate::Gate,
    pace::Pace,
    sink::{Sink, Unwritten},
};
use crate::run::clock;

/// Waiting bytes of out-of-band sequences; more are refused, so that a stalled terminal costs no memory.
const OUT_OF_BAND_CAP: usize = 512 * 1024;
/// A terminal that took nothing for this long was stalled: the person saw an old screen and typed at it.
const STALL: Duration = Duration::from_secs(1);
/// How many writes are remembered for [`Writer::shown_at`].
const HISTORY: usize = 64;

#[derive(Debug)]
pub struct Frame {
    pub buffer: Buffer,
    /// Where the real cursor stands; `None` hides it.
    pub cursor: Option<Position>,
    /// Caused by a key: goes out at once. Other frames keep the distance that the link bears.
    pub urgent: bool,
}

/// What the writer has to tell the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The terminal is gone (EIO, EPIPE, hang-up). Nothing is written any more.
    Gone,
    /// The terminal takes bytes again after this many milliseconds; what was typed meanwhile was typed blind.
    Thawed { millis: u64 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames that were written, those without any difference included.
    pub frames: u64,
    /// Frames that a newer one replaced.
    pub dropped: u64,
    pub bytes: u64,
    pub last_write_ms: u64,
    /// Several writes in a row took longer than 60 ms: spend fewer bytes.
    pub lean: bool,
}

/// A handle on the writer thread. Dropping it asks the thread to end without waiting.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The thread waits here for something to do.
    work: Condvar,
    /// Others wait here for it to be done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    slot: Option<(Frame, u64)>,
    out_of_band: VecDeque<Vec<u8>>,
    out_of_band_bytes: usize,
    /// Empty ones: who gives one back has the time to clear it, who takes one has not.
    spare: Vec<Buffer>,
    submitted: u64,
    /// The newest frame that is on the terminal, and when each of the last ones got there.
    written: u64,
    history: VecDeque<(u64, Monotonic)>,
    stats: Stats,
    writing: bool,
    paused: bool,
    repaint: bool,
    stop: bool,
    ended: bool,
}

impl Writer {
    /// Starts the thread on `out`. `notice` is called from it and must not block.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        out: OwnedFd,
        gate: Arc<Gate>,
        caps: Caps,
        notice: impl Fn(Notice) + Send + 'static,
    ) -> std::io::Result<Self> {
        let state = State { stats: Stats { lean: caps.lean, ..Stats::default() }, ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new(), done: Condvar::new() });
        let worker = Worker {
            shared: Arc::clone(&shared),
            sink: Sink::new(out, gate),
            painter: Painter::default(),
            cursor: None,
            newest: None,
            bytes: Vec::with_capacity(16 * 1024),
            pace: Pace::new(caps.lean),
            notice: Box::new(notice),
        };
        let thread = thread::Builder::new().name("writer".to_owned()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// An empty buffer of `area`, an earlier one when there is one of that size.
    pub fn blank(&self, area: Rect) -> Buffer {
        let spare = self.shared.lock().spare.pop();
        spare.filter(|buffer| buffer.area == area).unwrap_or_else(|| Buffer::empty(area))
    }

    /// Hands over the newest frame and returns its number. Never blocks.
    pub fn submit(&self, mut frame: Frame) -> u64 {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        state.submitted += 1;
        if state.ended {
            state.reuse(cleared(frame.buffer));
            return state.submitted;
        }
        if let Some((older, _)) = state.slot.take() {
            frame.urgent |= older.urgent;
            state.stats.dropped += 1;
            state.reuse(cleared(older.buffer));
        }
        let number = state.submitted;
        state.slot = Some((frame, number));
        drop(guard);
        self.shared.work.notify_all();
        number
    }

    /// Sends a finished sequence (clipboard, notification, title) behind the frames handed over so far. False when
    /// nothing is sent any more or too much is waiting.
    pub fn send(&self, bytes: Vec<u8>) -> bool {
        let mut state = self.shared.lock();
        if state.ended || state.out_of_band_bytes + bytes.len() > OUT_OF_BAND_CAP {
            return false;
        }
        state.out_of_band_bytes += bytes.len();
        state.out_of_band.push_back(bytes);
        drop(state);
        self.shared.work.notify_all();
        true
    }

    pub fn stats(&self) -> Stats {
        self.shared.lock().stats
    }

    /// When the terminal had taken this frame or a newer one; `None`: not yet. A key counts for what a frame asks only
    /// when it arrived later.
    pub fn shown_at(&self, frame: u64) -> Option<Monotonic> {
        let state = self.shared.lock();
        if state.written < frame {
            return None;
        }
        state.history.iter().find(|(number, _)| *number >= frame).map(|(_, at)| *at)
    }

    /// Clears the terminal and draws the newest frame again, as after another program wrote to it.
    pub fn repaint(&self) {
        self.shared.lock().repaint = true;
        self.shared.work.notify_all();
    }

    /// Waits until everything handed over is written. False when `deadline` passed first or the terminal is gone.
    pub fn flush(&self, deadline: Duration) -> bool {
        self.wait(deadline, |state| state.idle() || state.ended) && !self.shared.lock().ended
    }

    /// Lets nothing out until [`Self::resume`]; frames handed over meanwhile wait in the slot. False when a write was
    /// still stuck at the `deadline`; it is then cut off when the gate closes.
    pub fn pause(&self, deadline: Duration) -> bool {
        self.shared.lock().paused = true;
        self.wait(deadline, |state| !state.writing)
    }

    /// Goes on, with everything drawn again.
    pub fn resume(&self) {
        let mut state = self.shared.lock();
        state.paused = false;
        state.repaint = true;
        drop(state);
        self.shared.work.notify_all();
    }

    /// Writes what waits, then ends the thread. False when it was still stuck at the `deadline`; the thread is then left
    /// behind and writes nothing once the gate is closed.
    pub fn stop(mut self, deadline: Duration) -> bool {
        self.shared.lock().stop = true;
        self.shared.work.notify_all();
        let ended = self.wait(deadline, |state| state.ended);
        match self.thread.take() {
            Some(thread) if ended => thread.join().is_ok(),
            _ => ended,
        }
    }

    fn wait(&self, deadline: Duration, until: impl Fn(&State) -> bool) -> bool {
        let guard = self.shared.lock();
        let (_guard, timeout) = self
            .shared
            .done
            .wait_timeout_while(guard, deadline, |state| !until(state))
            .unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    /// A panic elsewhere must not keep the screen from being written or given back: the state is plain data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn idle(&self) -> bool {
        self.slot.is_none() && self.out_of_band.is_empty() && !self.writing && !self.repaint
    }

    fn reuse(&mut self, cleared: Buffer) {
        if self.spare.len() < 2 {
            self.spare.push(cleared);
        }
    }

    /// Something that may not wait for the interval.
    fn pressing(&self) -> bool {
        self.stop || self.repaint || !self.out_of_band.is_empty() || self.slot.as_ref().is_some_and(|(f, _)| f.urgent)
    }
}

struct Worker {
    shared: Arc<Shared>,
    sink: Sink,
    painter: Painter,
    cursor: Option<Position>,
    /// The number of the last composed frame.
    newest: Option<u64>,
    bytes: Vec<u8>,
    pace: Pace,
    notice: Box<dyn Fn(Notice) + Send>,
}

/// What one write consists of.
struct Job {
    frame: Option<(Frame, u64)>,
    out_of_band: VecDeque<Vec<u8>>,
    repaint: bool,
    stop: bool,
}

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.next() {
            let last = job.stop;
            if !self.serve(job) || last {
                break;
            }
        }
        let mut state = self.shared.lock();
        state.ended = true;
        state.writing = false;
        state.slot = None;
        drop(state);
        self.shared.done.notify_all();
    }

    /// Sleeps until there is something to write and the link bears it.
    fn next(&self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            let ready = state.pressing() || state.slot.is_some();
            if state.stop && (state.paused || !ready) {
                return None;
            }
            if state.paused || !ready {
                state = self.shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let hold = if state.pressing() { Duration::ZERO } else { self.pace.hold(clock::instant()) };
            if hold.is_zero() {
                break;
            }
            state = self.shared.work.wait_timeout(state, hold).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writing = true;
        state.out_of_band_bytes = 0;
        Some(Job {
            frame: state.slot.take(),
            out_of_band: std::mem::take(&mut state.out_of_band),
            repaint: std::mem::take(&mut state.repaint),
            stop: state.stop,
        })
    }

    /// Writes one job. False when the terminal is gone.
    fn serve(&mut self, job: Job) -> bool {
        let spare = self.compose(job);
        let start = clock::instant();
        let outcome = self.sink.write(&self.bytes, &|| self.shared.lock().stop);
        let end = clock::instant();
        let took = end.saturating_duration_since(start);
        let spare = spare.map(cleared);
        let mut state = self.shared.lock();
        state.writing = false;
        if let Some(buffer) = spare {
            state.reuse(buffer);
        }
        match outcome {
            Ok(_) => {
                if !self.bytes.is_empty() {
                    self.pace.took(took, end);
                }
                state.record(self.newest, self.bytes.len(), took, self.pace.lean);
            }
            // Part of a frame is out: nothing is known of the screen. If it was given back under us, whoever takes it
            // again says `resume`.
            Err(_) => {
                self.painter.forget();
                // A pending repaint means that `resume` was quicker.
                state.paused = !state.repaint;
            }
        }
        drop(state);
        self.shared.done.notify_all();
        match outcome {
            Err(Unwritten::Gone) => (self.notice)(Notice::Gone),
            // The stream is reliable and in order and no frame is left half written, so the newest difference is
            // enough; drawing all again would cost the most bytes when they are dearest.
            Ok(stuck) if stuck >= STALL => (self.notice)(Notice::Thawed { millis: millis(stuck) }),
            _ => {}
        }
        outcome != Err(Unwritten::Gone)
    }

    /// Fills `bytes`; gives back a buffer that is no longer needed.
    fn compose(&mut self, job: Job) -> Option<Buffer> {
        self.bytes.clear();
        if job.repaint {
            self.painter.forget();
        }
        let spare = match job.frame {
            Some((frame, number)) => {
                self.cursor = frame.cursor;
                self.newest = Some(number);
                self.painter.paint(frame.buffer, self.cursor, &mut self.bytes)
            }
            None => {
                if job.repaint {
                    self.painter.again(self.cursor, &mut self.bytes);
                }
                None
            }
        };
        for bytes in job.out_of_band {
            self.bytes.extend_from_slice(&bytes);
        }
        spare
    }
}

fn cleared(mut buffer: Buffer) -> Buffer {
    buffer.reset();
    buffer
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl State {
    fn record(&mut self, number: Option<u64>, bytes: usize, took: Duration, lean: bool) {
        self.stats.bytes += bytes as u64;
        if bytes > 0 {
            self.stats.last_write_ms = millis(took);
        }
        self.stats.lean = lean;
        if let Some(number) = number.filter(|number| *number > self.written) {
            self.stats.frames += 1;
            self.written = number;
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((number, clock::monotonic()));
        }
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
