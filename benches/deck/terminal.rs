//! A program in a pseudo-terminal. A thread does nothing but read and stamp what came with the time it came.

use std::{
    ffi::OsStr,
    io::{Read as _, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use mldeck::run::clock;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::estate::SIZE;

/// No answer within this time is a failure of the run, not a sample.
const PATIENCE: Duration = Duration::from_secs(60);

struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

pub(crate) struct Terminal {
    chunks: Receiver<Chunk>,
    emulator: vt100::Parser,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Just before the program was started.
    pub(crate) started: Instant,
    /// All that came.
    pub(crate) bytes: u64,
    /// Kept: the terminal ends with it.
    _master: Box<dyn MasterPty + Send>,
}

/// What one key did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Milliseconds until the first byte after it.
    pub(crate) first: f64,
    /// Milliseconds until its effect was on the screen.
    pub(crate) effect: f64,
    pub(crate) bytes: u64,
}

impl Terminal {
    pub(crate) fn start<S: AsRef<OsStr>>(program: &str, args: &[S], env: &[(&str, &str)]) -> Self {
        let (cols, rows) = SIZE;
        let pair =
            native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        let ordinary =
            [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")];
        for (name, value) in ordinary.iter().chain(env) {
            command.env(name, value);
        }
        let mut source = pair.master.try_clone_reader().expect("a reader");
        let (send, chunks) = channel();
        thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(n @ 1..) = source.read(&mut bytes) {
                let chunk = Chunk { at: clock::instant(), bytes: bytes[..n].to_vec() };
                if send.send(chunk).is_err() {
                    return;
                }
            }
        });
        let keyboard = pair.master.take_writer().expect("a writer");
        let started = clock::instant();
        let child = pair.slave.spawn_command(command).expect("the program starts");
        Self {
            chunks,
            emulator: vt100::Parser::new(rows, cols, 0),
            keyboard,
            child,
            started,
            bytes: 0,
            _master: pair.master,
        }
    }

    fn take(&mut self, chunk: &Chunk) -> Instant {
        self.bytes += chunk.bytes.len() as u64;
        self.emulator.process(&chunk.bytes);
        chunk.at
    }

    /// Reads what came; returns when the screen is as wanted, and since when it is so.
    pub(crate) fn until(&mut self, what: &str, mut wanted: impl FnMut(&vt100::Screen) -> bool) -> Instant {
        let end = clock::instant() + PATIENCE;
        loop {
            match self.chunks.recv_timeout(end.saturating_duration_since(clock::instant())) {
                Ok(chunk) => {
                    let at = self.take(&chunk);
                    if wanted(self.emulator.screen()) {
                        return at;
                    }
                }
                Err(error) => panic!("no {what}: {error}; the screen:\n{}", self.screen()),
            }
        }
    }

    pub(crate) fn shows(&self, wanted: impl Fn(&vt100::Screen) -> bool) -> bool {
        wanted(self.emulator.screen())
    }

    pub(crate) fn until_shows(&mut self, text: &str) -> Instant {
        if self.screen().contains(text) {
            return clock::instant();
        }
        self.until(text, |screen| screen.contents().contains(text))
    }

    /// Lets time pass, reading all the while; returns what came: when, and how many bytes.
    pub(crate) fn read_for(&mut self, span: Duration) -> Vec<(Instant, u64)> {
        let end = clock::instant() + span;
        let mut came = Vec::new();
        loop {
            match self.chunks.recv_timeout(end.saturating_duration_since(clock::instant())) {
                Ok(chunk) => {
                    let size = chunk.bytes.len() as u64;
                    came.push((self.take(&chunk), size));
                }
                Err(RecvTimeoutError::Timeout) => return came,
                Err(RecvTimeoutError::Disconnected) => panic!("the program ended; the screen:\n{}", self.screen()),
            }
        }
    }

    pub(crate) fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    /// Types and waits for the effect, which compares the screen before with the one after.
    pub(crate) fn key(&mut self, keys: &str, effect: impl Fn(&vt100::Screen, &vt100::Screen) -> bool) -> Answer {
        while let Ok(chunk) = self.chunks.try_recv() {
            self.take(&chunk);
        }
        let before = self.emulator.screen().clone();
        let bytes = self.bytes;
        let pressed = clock::instant();
        self.send(keys);
        let mut first = None;
        let done = loop {
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => {
                    let at = self.take(&chunk);
                    // What was under way when the key was pressed is no answer to it.
                    if at >= pressed {
                        first.get_or_insert(at);
                        if effect(&before, self.emulator.screen()) {
                            break at;
                        }
                    }
                }
                Err(error) => panic!("no answer to {keys:?}: {error}; the screen:\n{}", self.screen()),
            }
        };
        Answer {
            first: millis(first.unwrap_or(done), pressed),
            effect: millis(done, pressed),
            bytes: self.bytes - bytes,
        }
    }

    pub(crate) fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.child.process_id().expect("it runs");
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("it runs")
    }

    /// `VmRSS` or `VmHWM`, in MB.
    pub(crate) fn memory(&self, which: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':')).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_024.0
    }

    /// Processor time so far, in seconds; the kernel counts hundredths.
    pub(crate) fn processor(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
        let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Ctrl-C twice, as a person leaves; killed when that does not help.
    pub(crate) fn leave(mut self) {
        self.send("\x03");
        self.read_for(Duration::from_millis(30));
        self.send("\x03");
        let end = clock::instant() + Duration::from_secs(3);
        while !matches!(self.child.try_wait(), Ok(Some(_))) && clock::instant() < end {
            let _ = self.chunks.recv_timeout(Duration::from_millis(5)).map(|chunk| self.take(&chunk));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn millis(later: Instant, earlier: Instant) -> f64 {
    later.saturating_duration_since(earlier).as_secs_f64() * 1_000.0
}
