//! Programs of other people around ours: a Python environment of their own, children that end with their test.
//!
//! Everything waits for a condition under a deadline; nothing sleeps.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use mldeck::run::clock;
use serde_json::Value;
use tempfile::TempDir;

/// Long enough for a Python program on a loaded machine, short enough to fail.
pub const PATIENCE: Duration = Duration::from_secs(400);

/// An environment: its directory below `target/`, and what is in it.
type Recipe = (&'static str, &'static str, &'static str);

const CLIENTS: Recipe = (
    "peers-venv",
    "requirements.txt",
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/requirements.txt")),
);
const SDK: Recipe = (
    "peers-sdk-venv",
    "requirements-sdk.txt",
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/requirements-sdk.txt")),
);

/// The commands of the environment, or why there is none.
pub struct Peers {
    bin: PathBuf,
}

impl Peers {
    /// The environment, made by whoever comes first. `None`: said on the output why the test is skipped; with
    /// `MLDECK_REQUIRE_PEERS=1` that is a failure.
    pub fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Result<Peers, String>> = OnceLock::new();
        Self::told(FOUND.get_or_init(|| make(CLIENTS)))
    }

    /// The environment of the SageMaker Python SDK: large, and made for the tests that want it.
    #[allow(dead_code, reason = "one test program wants it")]
    pub fn sdk() -> Option<&'static Self> {
        static FOUND: OnceLock<Result<Peers, String>> = OnceLock::new();
        Self::told(FOUND.get_or_init(|| make(SDK)))
    }

    fn told(found: &Result<Self, String>) -> Option<&Self> {
        match found {
            Ok(peers) => Some(peers),
            Err(why) => {
                #[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
                let required = std::env::var_os("MLDECK_REQUIRE_PEERS").is_some_and(|value| value == "1");
                assert!(!required, "MLDECK_REQUIRE_PEERS=1, but {why}");
                println!("skipped: {why}");
                None
            }
        }
    }

    fn command(&self, home: &Path, name: &str) -> Command {
        let mut command = bare(self.bin.join(name), home);
        command.env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()));
        command
    }

    /// Runs a script of `tests/peers` and reads the JSON it prints.
    #[track_caller]
    pub fn script(&self, name: &str, address: &str, args: &[&str]) -> Value {
        let home = TempDir::new().expect("a directory");
        let mut command = self.command(home.path(), "python3");
        command.arg(scripts().join(name)).arg(address).args(args);
        let done = finish(&mut command, PATIENCE);
        assert_eq!(done.code, Some(0), "{name} failed:\n{}", done.errors);
        serde_json::from_str(&done.output).unwrap_or_else(|error| panic!("{name}: {error}:\n{}", done.output))
    }

    /// As [`Self::script`], for the user of this home and with the profiles that are in it.
    #[track_caller]
    #[allow(dead_code, reason = "one test program wants it")]
    pub fn script_of(&self, home: &Path, name: &str, address: &str) -> Value {
        let mut command = self.command(home, "python3");
        command.env("AWS_CONFIG_FILE", home.join(".aws/config")).env("AWS_ENDPOINT_URL", address);
        command.arg(scripts().join(name)).arg(address);
        let done = finish(&mut command, PATIENCE);
        assert_eq!(done.code, Some(0), "{name} failed:\n{}", done.errors);
        done.json()
    }

    /// Runs a script of `tests/peers` that talks to nobody, and gives what it prints.
    #[track_caller]
    pub fn prints(&self, name: &str) -> String {
        let home = TempDir::new().expect("a directory");
        let mut command = self.command(home.path(), "python3");
        command.arg(scripts().join(name));
        let done = finish(&mut command, PATIENCE);
        assert_eq!(done.code, Some(0), "{name} failed:\n{}", done.errors);
        done.output
    }

    /// Runs the AWS CLI.
    #[track_caller]
    pub fn aws(&self, address: &str, args: &[&str]) -> Done {
        let home = TempDir::new().expect("a directory");
        let mut command = self.command(home.path(), "aws");
        command.args(["--endpoint-url", address, "--output", "json"]).args(args);
        finish(&mut command, PATIENCE)
    }

    /// moto's server on a free port.
    pub fn moto(&self) -> Served {
        let home = TempDir::new().expect("a directory");
        let mut command = self.command(home.path(), "moto_server");
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = Kept(command.spawn().expect("moto_server starts"));
        let log = child.0.stderr.take().expect("piped");
        Served::after(child, home, log, "Running on ")
    }
}

/// A server that ends with the test.
pub struct Served {
    /// `http://127.0.0.1:port`.
    pub address: String,
    _child: Kept,
    _home: TempDir,
}

impl Served {
    /// Our sandbox, at `speed` seconds of the account in one of ours.
    pub fn sandbox(scenario: &str, speed: u32) -> Self {
        Self::sandbox_with(scenario, speed, &[])
    }

    /// Our sandbox with more arguments.
    pub fn sandbox_with(scenario: &str, speed: u32, more: &[&OsStr]) -> Self {
        let home = TempDir::new().expect("a directory");
        let mut command = bare(env!("CARGO_BIN_EXE_mldeck"), home.path());
        command.args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--scenario", scenario]);
        command.args(["--speed", &speed.to_string()]).args(more).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = Kept(command.spawn().expect("mldeck starts"));
        let said = child.0.stdout.take().expect("piped");
        Self::after(child, home, said, " on ")
    }

    /// Its process.
    #[allow(dead_code, reason = "a benchmark asks for it, tests do not")]
    pub fn pid(&self) -> u32 {
        self._child.0.id()
    }

    /// Waits for the line that names the address behind `mark`, and keeps reading so that the server never blocks.
    fn after(child: Kept, home: TempDir, said: impl Read + Send + 'static, mark: &'static str) -> Self {
        let (lines, heard) = channel();
        thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let address = within(PATIENCE, &heard, |line: String| {
            let (_, address) = line.split_once(mark)?;
            address.starts_with("http://127.0.0.1:").then(|| address.trim().to_owned())
        });
        Self { address: address.expect("the server says where it listens"), _child: child, _home: home }
    }
}

/// The first message that `pick` takes, before the deadline and before the end of the messages.
fn within<M, T>(patience: Duration, heard: &Receiver<M>, pick: impl Fn(M) -> Option<T>) -> Option<T> {
    let start = clock::instant();
    loop {
        let left = patience.checked_sub(clock::instant().saturating_duration_since(start))?;
        match heard.recv_timeout(left) {
            Ok(message) => {
                if let Some(picked) = pick(message) {
                    return Some(picked);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// A child that is killed when its owner goes.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Done {
    /// `None`: ended by a signal.
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
    pub took: Duration,
}

impl Done {
    /// What it printed as JSON; fails when it did not end well.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:#?}");
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Both outputs, for what must not be said in either.
    pub fn said(&self) -> String {
        format!("{}{}", self.output, self.errors)
    }
}

/// Runs `command` to its end; kills it and fails when it takes longer than `patience`.
#[track_caller]
pub fn finish(command: &mut Command, patience: Duration) -> Done {
    let start = clock::instant();
    let mut child =
        Kept(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"));
    let streams: [Box<dyn Read + Send>; 2] =
        [Box::new(child.0.stdout.take().expect("piped")), Box::new(child.0.stderr.take().expect("piped"))];
    let readers = streams.map(|mut stream| {
        let (text, heard) = channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let _ = text.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        heard
    });
    let [output, errors] = readers.map(|heard| within(patience, &heard, Some));
    let (Some(output), Some(errors)) = (output, errors) else {
        panic!("{command:?} did not end within {patience:?}");
    };
    let status = child.0.wait().expect("our child");
    Done { code: status.code(), output, errors, took: clock::instant().saturating_duration_since(start) }
}

/// mldeck with nothing in its environment but made-up credentials, a region, and empty directories for its files.
pub fn mldeck(home: &Path) -> Command {
    bare(env!("CARGO_BIN_EXE_mldeck"), home)
}

/// Runs mldeck in a new home.
#[track_caller]
pub fn ask(args: &[&str]) -> Done {
    let home = TempDir::new().expect("a directory");
    finish(mldeck(home.path()).args(args), PATIENCE)
}

/// A command without the environment of whoever runs the tests.
fn bare(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(home).stdin(Stdio::null());
    command.envs([
        ("PATH", "/usr/bin:/bin"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]);
    command.env("HOME", home).env("MLDECK_HOME", home.join("mldeck"));
    command
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// Makes the environment below `target/`, once for all tests of all processes: who holds the lock makes it, the others find
/// its stamp.
fn make((name, file, requirements): Recipe) -> Result<Peers, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target directory")?;
    let venv = target.join(name);
    let stamp = venv.join("requirements.stamp");
    let fail = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let lock = fs::File::create(target.join(format!("{name}.lock"))).map_err(fail("no lock file"))?;
    lock.lock().map_err(fail("no lock"))?;
    let peers = Peers { bin: venv.join("bin") };
    if fs::read_to_string(&stamp).is_ok_and(|made| made == requirements) {
        return Ok(peers);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).map_err(fail("an old environment stays"))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip"))
        .args(["install", "--quiet", "--no-deps", "--disable-pip-version-check", "--requirement"])
        .arg(scripts().join(file)))?;
    fs::write(&stamp, requirements).map_err(fail("no stamp"))?;
    Ok(peers)
}

/// Runs a step of the installation, in the environment of the user: pip may need a proxy or an index.
fn run(command: &mut Command) -> Result<(), String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{command:?} failed: {}", said.lines().last().unwrap_or_default()))
}
