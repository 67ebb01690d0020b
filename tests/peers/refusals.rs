//! mldeck without a terminal, without credentials, without anybody at the other end: a message, a code, in bounded time.

use std::{net::TcpListener, process::Command, time::Duration};

use tempfile::TempDir;

use crate::support::peers::{Done, finish, mldeck};

/// The longest that the time-outs of the process allow for one question.
const BOUND: Duration = Duration::from_secs(45);

/// Runs mldeck after `change` was made to its environment.
fn run(args: &[&str], change: impl Fn(&mut Command)) -> Done {
    let home = TempDir::new().expect("a directory");
    let mut command = mldeck(home.path());
    command.args(args);
    change(&mut command);
    finish(&mut command, BOUND)
}

#[track_caller]
fn said(done: &Done, code: i32, words: &[&str]) {
    assert_eq!((done.code, done.output.as_str()), (Some(code), ""), "{done:?}");
    for word in words {
        assert!(done.errors.contains(word), "{word:?} in {done:?}");
    }
    assert!(!done.errors.contains("panicked"), "{done:?}");
}

fn without_credentials(command: &mut Command) {
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    format!("http://{address}")
}

#[test]
fn no_terminal() {
    said(&run(&[], |_| {}), 2, &["not a terminal", "`mldeck get`"]);
    said(&run(&["demo"], |_| {}), 2, &["not a terminal", "`mldeck get`"]);
    said(&run(&["fraud-prod"], |_| {}), 2, &["not a terminal"]);
}

#[test]
fn no_region() {
    let done = run(&["get", "endpoints", "--endpoint-url", &nobody()], |command| {
        command.env_remove("AWS_REGION").env_remove("AWS_DEFAULT_REGION");
    });
    said(&done, 2, &["no region", "--region", "AWS_REGION"]);
}

#[test]
fn no_credentials() {
    let done = run(&["get", "endpoints", "--endpoint-url", &nobody()], without_credentials);
    said(&done, 7, &["not signed in", "aws sso login", "--profile"]);
    assert!(done.took < BOUND, "{done:?}");
}

#[test]
fn an_unknown_profile() {
    let args = ["get", "endpoints", "--profile", "no-such-profile", "--endpoint-url", &nobody()];
    let done = run(&args, without_credentials);
    said(&done, 2, &["--profile", "`no-such-profile`", "they name none"]);
}

#[test]
fn a_name_before_a_verb() {
    said(&run(&["fraud-prod", "get", "endpoints"], |_| {}), 2, &["`fraud-prod` before a verb"]);
}

#[test]
fn nobody_listens() {
    let done = run(&["get", "alarms", "--endpoint-url", &nobody()], |_| {});
    said(&done, 1, &["reading alarms: no connection", "Connection refused", "--endpoint-url"]);
}

#[test]
fn somebody_listens_and_never_answers() {
    // The queue of the listener takes the connection; nobody ever reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let done = run(&["get", "alarms", "--endpoint-url", &address], |_| {});
    said(&done, 1, &["reading alarms: no answer in time"]);
}

#[test]
fn an_address_that_is_none() {
    said(
        &run(&["get", "alarms", "--endpoint-url", "nonsense"], |_| {}),
        2,
        &["nonsense is no address such as http://"],
    );
}

#[test]
fn a_sandbox_that_cannot_be() {
    said(&run(&["sandbox", "serve", "--scenario", "no-such-world"], |_| {}), 2, &["no-such-world", "fraud-burns"]);
    said(&run(&["sandbox", "serve", "--speed", "0"], |_| {}), 2, &["1 to 3600"]);
    said(&run(&["sandbox", "serve", "--listen", "0.0.0.0:0"], |_| {}), 2, &["not a loopback address"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    said(&run(&["sandbox", "serve", "--listen", &address], |_| {}), 2, &["cannot listen on", &address]);
}
