//! `credential_process`: a program of the operator's, which gets nothing of our terminal and no time without end.
//!
//! The SDK lets it inherit standard input, so that a helper that prompts reads keys meant for us, and lives on when it is
//! given up. Here it reads nothing, writes so much and no more, and is killed at its deadline with all that it started.

use std::{
    process::Stdio,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    mask,
    text::Text,
    time::Timestamp,
};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::{io::AsyncReadExt as _, process::Child};

use super::source::{expiring, seconds_of};

/// As long as a person takes to touch a key, and as the AWS CLI's own tools give them.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// What it may write, to either side.
const MOST: u64 = 64 * 1024;
const DOING: &str = "running credential_process";

/// Those that run now: a process that ends does not always come to dropping what it holds.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Kills every helper that still runs, with all that it started: nobody waits for its answer any more.
pub fn end_helpers() {
    for pid in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// The helper and what it started; killed unless it ended by itself.
struct Group {
    pid: Option<Pid>,
    ended: bool,
}

impl Group {
    fn of(child: &Child) -> Self {
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).extend(pid);
        Self { pid, ended: false }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = running.iter().position(|pid| Some(*pid) == self.pid).map(|at| running.swap_remove(at));
        if let Some(pid) = mine.filter(|_| !self.ended) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Runs the helper by `sh -c`, as every SDK does.
pub(super) async fn run(command: &str, deadline: Duration) -> Result<Credentials, Fault> {
    let said = match tokio::time::timeout(deadline, output(command)).await {
        Ok(said) => said?,
        Err(_) => {
            let message = format!(
                "it did not end within {} s and was killed; it has no terminal here: what it asks has to be asked in a \
                 window of its own, or before, in another shell",
                deadline.as_secs()
            );
            return Err(failed(Login::None, &message));
        }
    };
    credentials(&said)
}

async fn output(command: &str) -> Result<Vec<u8>, Fault> {
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(Login::None, &error.to_string()))?;
    let mut group = Group::of(&child);
    let (out, err) = tokio::try_join!(taken(child.stdout.take()), taken(child.stderr.take()))?;
    let status = wait(&mut child).await?;
    group.ended = true;
    if status.success() {
        return Ok(out);
    }
    let complaint = String::from_utf8_lossy(&err).into_owned();
    let expired = complaint.to_ascii_lowercase().contains("expired");
    let login = if expired { Login::Expired } else { Login::None };
    Err(failed(login, &format!("it ended with {status}: {}", complaint.trim())))
}

async fn wait(child: &mut Child) -> Result<std::process::ExitStatus, Fault> {
    child.wait().await.map_err(|error| failed(Login::None, &error.to_string()))
}

/// All that comes, unless it is too much.
async fn taken(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    if let Some(from) = from {
        let read = from.take(MOST + 1).read_to_end(&mut out).await;
        read.map_err(|error| failed(Login::None, &error.to_string()))?;
    }
    if out.len() as u64 > MOST {
        return Err(failed(Login::None, &format!("it wrote more than {} KiB and was killed", MOST >> 10)));
    }
    Ok(out)
}

fn failed(login: Login, message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::Login(login), DOING, "");
    fault.message = Text::bounded(&mask::scrub(message), crate::fault::LONGEST);
    fault
}

/// Version 1 of what such programs print. What it printed is never part of a message.
fn credentials(said: &[u8]) -> Result<Credentials, Fault> {
    let wrong = |what: &str| failed(Login::None, &format!("what it printed is not version 1 of credentials: {what}"));
    let value: Value = serde_json::from_slice(said).map_err(|_| wrong("no JSON"))?;
    let members = value.as_object().ok_or_else(|| wrong("no object"))?;
    let find = |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let text = |name: &str| find(name).and_then(Value::as_str);
    if find("Version").and_then(Value::as_i64) != Some(1) {
        return Err(wrong("no Version 1"));
    }
    let key = text("AccessKeyId").ok_or_else(|| wrong("no AccessKeyId"))?;
    let secret = text("SecretAccessKey").ok_or_else(|| wrong("no SecretAccessKey"))?;
    let expires = match text("Expiration") {
        Some(at) => Some(Timestamp::parse(at).ok_or_else(|| wrong("no time in Expiration"))?),
        None => None,
    };
    Ok(expiring(key, secret, text("SessionToken"), expires.map(seconds_of)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"Version": 1, "accesskeyid": "AKIDHELPER", "SecretAccessKey": "s", "SessionToken": "t",
        "Expiration": "2026-11-27T18:36:00+00:00", "other": []}"#;

    #[tokio::test]
    async fn it_reads_nothing_of_ours_and_its_answer_is_read_like_the_sdks() {
        let found =
            run(&format!("read line; test -z \"$line\" && echo '{GOOD}'"), DEADLINE).await.expect("credentials");
        assert_eq!((found.access_key_id(), found.session_token()), ("AKIDHELPER", Some("t")));
        assert!(found.expiry().is_some());
        for wrong in ["", "[]", "{\"Version\": 2}", "{\"Version\": 1, \"AccessKeyId\": \"topsecret\"}"] {
            let fault = run(&format!("echo '{wrong}'"), DEADLINE).await.expect_err("no credentials");
            assert!(fault.message.as_str().contains("not version 1"), "{fault}");
            assert!(!fault.message.as_str().contains("topsecret"), "{fault}");
        }
    }

    #[tokio::test]
    async fn its_complaint_is_escaped_and_masked_and_too_much_of_it_ends_it() {
        let command =
            "printf 'no \\033[2J way: AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY' >&2; exit 3";
        let fault = run(command, DEADLINE).await.expect_err("no credentials");
        let said = fault.message.as_str();
        assert!(said.contains("exit status: 3") && said.contains("no ") && !said.contains('\u{1b}'), "{said}");
        assert!(!said.contains("wJalrXUtnFEMI"), "{said}");
        let fault = run("echo 'the token has Expired' >&2; exit 1", DEADLINE).await.expect_err("no credentials");
        assert_eq!(fault.kind, FaultKind::Login(Login::Expired));
        for side in ["", ">&2"] {
            let fault = run(&format!("yes {side}"), DEADLINE).await.expect_err("without end");
            assert!(fault.message.as_str().contains("more than 64 KiB"), "{fault}");
        }
    }

    #[tokio::test]
    async fn at_its_deadline_it_is_killed_with_what_it_started() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp");
        std::fs::create_dir_all(&folder).expect("a folder");
        let note = folder.join(format!("helper-{}", std::process::id()));
        let command = format!("sleep 1000 & echo $! > {}; wait", note.display());
        let fault = run(&command, Duration::from_millis(300)).await.expect_err("no credentials");
        assert!(fault.message.as_str().contains("was killed"), "{fault}");
        let child = std::fs::read_to_string(&note).expect("it was started").trim().to_owned();
        std::fs::remove_file(&note).expect("a file");
        let gone = || match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')),
            Err(_) => true,
        };
        while !gone() {
            tokio::task::yield_now().await;
        }
    }
}
