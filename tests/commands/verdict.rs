//! What a change is worth, as a command tells it: measured on the account's own calls, and left by one Ctrl-C.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    account::{Account, ENDPOINT, ended, id},
    support::peers::{PATIENCE, finish},
};

#[test]
fn calls_before_and_after_are_in_the_ledger_with_a_verdict() {
    let account = Account::at_speed(60);
    let plan = id(&account.run(&["plan", "rollback", ENDPOINT]));
    let done = finish(&mut account.verifying(&["rollback", ENDPOINT, "--write", "--confirm", &plan]), PATIENCE * 2);
    ended(&done, 0, &["done: InService on fraud-v17-a; good: ", "calls failed", "before)", "quiet"]);
    let told = account.run(&["ledger", "-o", "md"]);
    ended(&told, 0, &["- before: ", "- after: ", "- verdict: good: ", "p99"]);
    let records = account.run(&["ledger", "-o", "json"]).json();
    let judged = records.as_array().unwrap().iter().find_map(|record| record["entry"].get("judged")).unwrap();
    let calls = |side: &str| judged["judged"]["measured"][side]["calls"].as_u64().unwrap();
    let failed = |side: &str| judged["judged"]["measured"][side]["failed"].as_u64().unwrap();
    assert!(calls("before") > 1_000 && calls("after") > 300, "{judged:#}");
    assert!(
        failed("before") * calls("after") > failed("after") * calls("before"),
        "v18 fails, v17 does not: {judged:#}"
    );
}

#[test]
fn one_ctrl_c_leaves_what_is_in_service_and_not_judged() {
    let account = Account::start();
    let plan = id(&account.run(&["plan", "rollback", ENDPOINT]));
    let mut command = account.verifying(&["rollback", ENDPOINT, "--write", "--confirm", &plan]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    account.until("the deployment", || account.serving().1 == "Updating");
    account.pass(3.0 * 3_600.0);
    account.until("its end", || account.run(&["ledger", "-o", "json"]).output.contains("\"reached\""));
    kill_process(pid, Signal::INT).unwrap();
    let done = child.wait_with_output().unwrap();
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{told}");
    assert!(told.contains("done: InService on fraud-v17-a; not judged: "), "{told}");
}
