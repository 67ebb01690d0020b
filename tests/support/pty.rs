//! A program in a real terminal, without a single sleep: everything waits for a condition under a deadline.

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use mldeck::run::clock;
use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal};

/// Long enough for a loaded machine, short enough to fail.
pub const SOON: Duration = Duration::from_secs(10);

pub struct Pty {
    shared: Arc<Shared>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    reader: Option<JoinHandle<()>>,
    pid: Pid,
    /// How the terminal was before the program started.
    pub before: String,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    raw: Vec<u8>,
    /// Absent below 2×2, which the emulator does not survive.
    emulator: Option<vt100::Parser>,
    stalled: bool,
    closing: bool,
    end: bool,
    exit: Option<ExitStatus>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Columns and rows.
fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn emulator((cols, rows): (u16, u16)) -> Option<vt100::Parser> {
    (cols >= 2 && rows >= 2).then(|| vt100::Parser::new(rows, cols, 0))
}

impl Pty {
    /// Starts `binary` in a terminal of `size` (columns, rows) with nothing in its environment but `env` and `PATH`.
    pub fn start<S: AsRef<OsStr>>(
        binary: impl AsRef<OsStr>,
        args: &[S],
        env: &[(&str, &str)],
        size: (u16, u16),
    ) -> Self {
        let pair = native_pty_system().openpty(pty_size(size)).expect("a pty");
        let mut command = CommandBuilder::new(binary);
        command.args(args);
        command.env_clear();
        for (name, value) in
            [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")].iter().chain(env)
        {
            command.env(name, value);
        }
        let before = termios(&*pair.master);
        let mut child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let pid = child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("a process id");
        let shared = Arc::new(Shared::default());
        shared.lock().emulator = emulator(size);
        let waiter = Arc::clone(&shared);
        thread::spawn(move || {
            let status = child.wait().expect("the program is our child");
            waiter.lock().exit = Some(status);
            waiter.changed.notify_all();
        });
        let source = pair.master.try_clone_reader().expect("a reader");
        let sink = Arc::clone(&shared);
        let reader = thread::spawn(move || read(source, &sink));
        let keyboard = pair.master.take_writer().expect("a writer");
        Self { shared, master: Some(pair.master), keyboard: Some(keyboard), reader: Some(reader), pid, before }
    }

    /// Types. Bytes the program does not read fill the terminal's buffer and are thrown away by it.
    pub fn send(&mut self, keys: impl AsRef<[u8]>) {
        let keyboard = self.keyboard.as_mut().expect("not hung up");
        keyboard.write_all(keys.as_ref()).expect("the terminal takes keys");
        keyboard.flush().expect("the terminal takes keys");
    }

    /// Waits until `condition` holds for what was seen; fails with the screen when it does not within `deadline`.
    #[track_caller]
    fn wait(&self, deadline: Duration, what: &str, condition: impl Fn(&Seen) -> bool) {
        let guard = self.shared.lock();
        let (seen, timeout) = self
            .shared
            .changed
            .wait_timeout_while(guard, deadline, |seen| !condition(seen))
            .unwrap_or_else(PoisonError::into_inner);
        let screen = seen.emulator.as_ref().map(|e| e.screen().contents()).unwrap_or_default();
        assert!(!timeout.timed_out(), "no {what} within {deadline:?}; exit {:?}; screen:\n{screen}", seen.exit);
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str, deadline: Duration) {
        self.wait(deadline, &format!("{text:?}"), |seen| {
            seen.emulator.as_ref().is_some_and(|e| e.screen().contents().contains(text))
        });
    }

    /// Waits until more than `mark` bytes came, and `bytes` among those behind it.
    #[track_caller]
    pub fn wait_for_bytes(&self, bytes: &[u8], mark: usize, deadline: Duration) {
        self.wait(deadline, &format!("{:?}", bytes.escape_ascii().to_string()), |seen| {
            seen.raw.get(mark..).is_some_and(|raw| raw.windows(bytes.len()).any(|window| window == bytes))
        });
    }

    /// Waits until `condition`, which nothing announces, holds. Looks again at every change and every few milliseconds.
    #[track_caller]
    pub fn until(&self, deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
        let start = clock::instant();
        while !condition() {
            assert!(clock::instant().saturating_duration_since(start) < deadline, "no {what} within {deadline:?}");
            let guard = self.shared.lock();
            drop(self.shared.changed.wait_timeout(guard, Duration::from_millis(5)));
        }
    }

    /// Waits for the end of the program and returns its exit code.
    #[track_caller]
    pub fn exit_code(&self, deadline: Duration) -> u32 {
        self.wait(deadline, "exit", |seen| seen.exit.is_some());
        let seen = self.shared.lock();
        let exit = seen.exit.as_ref().expect("it ended");
        assert_eq!(exit.signal(), None, "killed");
        exit.exit_code()
    }

    pub fn has_exited(&self) -> bool {
        self.shared.lock().exit.is_some()
    }

    /// Waits until all that the ended program wrote was read.
    #[track_caller]
    pub fn drained(&self, deadline: Duration) -> Vec<u8> {
        self.wait(deadline, "end of output", |seen| seen.end);
        self.raw()
    }

    /// All bytes so far.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.lock().raw.clone()
    }

    /// How many bytes came so far.
    pub fn mark(&self) -> usize {
        self.shared.lock().raw.len()
    }

    /// The text on the screen.
    pub fn screen(&self) -> String {
        self.shared.lock().emulator.as_ref().map(|e| e.screen().contents()).unwrap_or_default()
    }

    /// What `read` finds in the emulator's screen.
    pub fn emulated<R>(&self, read: impl FnOnce(&vt100::Screen) -> R) -> R {
        read(self.shared.lock().emulator.as_ref().expect("at least 2×2").screen())
    }

    /// Gives the terminal another size. What the emulator showed is cleared: a new size is drawn whole.
    pub fn resize(&self, size: (u16, u16)) {
        self.shared.lock().emulator = emulator(size);
        self.master.as_ref().expect("not hung up").resize(pty_size(size)).expect("a new size");
    }

    /// Stops reading what the program writes (at most one read is still on its way).
    pub fn stall(&self) {
        self.shared.lock().stalled = true;
    }

    pub fn go_on(&self) {
        self.shared.lock().stalled = false;
        self.shared.changed.notify_all();
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid, signal).expect("the program is alive");
    }

    /// Closes the terminal under the program, as a lost connection does.
    pub fn hang_up(&mut self) {
        let master = self.master.take().expect("not hung up");
        let name = master.tty_name().expect("a name");
        {
            let mut seen = self.shared.lock();
            seen.closing = true;
            seen.stalled = false;
        }
        self.shared.changed.notify_all();
        // One byte from the other side wakes the reader out of its read, so that it closes its descriptor, too.
        let nudge = fs::OpenOptions::new().write(true).custom_flags(NOCTTY).open(name);
        if let Ok(mut tty) = nudge {
            let _ = tty.write_all(b" ");
        }
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
        drop(self.keyboard.take());
        drop(master);
    }

    /// Terminal modes of the driver now, to be compared with `before`.
    pub fn termios(&self) -> String {
        termios(&**self.master.as_ref().expect("not hung up"))
    }

    /// One-letter state of the process as `/proc` tells it; `X` when it is gone.
    pub fn state(&self) -> char {
        self.stat(0).and_then(|field| field.chars().next()).unwrap_or('X')
    }

    /// Processor time used so far, in hundredths of a second.
    pub fn cpu_ticks(&self) -> Option<u64> {
        Some(self.stat(11)?.parse::<u64>().ok()? + self.stat(12)?.parse::<u64>().ok()?)
    }

    /// Resident memory in KiB.
    pub fn rss_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// The n-th field behind the name in `/proc/PID/stat`.
    fn stat(&self, n: usize) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero())).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(n).map(str::to_owned)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if !self.has_exited() {
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
    }
}

/// `O_NOCTTY`: a test that leads a session must not get this terminal as its own.
const NOCTTY: i32 = rustix::fs::OFlags::NOCTTY.bits().cast_signed();

fn termios(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal"))
}

fn read(mut source: Box<dyn Read + Send>, shared: &Shared) {
    let mut bytes = [0; 4_096];
    loop {
        let seen = shared.lock();
        let seen = shared.changed.wait_while(seen, |seen| seen.stalled).unwrap_or_else(PoisonError::into_inner);
        if seen.closing {
            return;
        }
        drop(seen);
        let n = source.read(&mut bytes).unwrap_or(0);
        let mut seen = shared.lock();
        if n == 0 {
            seen.end = true;
            shared.changed.notify_all();
            return;
        }
        seen.raw.extend_from_slice(&bytes[..n]);
        if let Some(emulator) = &mut seen.emulator {
            emulator.process(&bytes[..n]);
        }
        drop(seen);
        shared.changed.notify_all();
    }
}

/// The binary under test: an example of this package, unless `variable` names another one.
pub fn binary(variable: &str, example: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test binary");
    let path = test.ancestors().nth(2).expect("target/PROFILE/deps").join("examples").join(example);
    assert!(path.exists(), "{} is missing: build it with `cargo build --example {example}`", path.display());
    path
}
