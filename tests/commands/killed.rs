//! The process is killed at every entry of its journal, right before and right after the entry is on disk. Whatever is left
//! behind: the journal is whole, watching it sends nothing and ends with what the account shows, and the account was changed
//! at most once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    account::{Account, BAD, ENDPOINT, GOOD, ended},
    support::peers::{PATIENCE, finish},
};

/// Processes that run side by side; each waits most of its time.
const LANES: usize = 4;

/// The number of entries of the journal, which is whole.
#[track_caller]
fn entries(account: &Account) -> usize {
    let done = account.run(&["ledger", "verify"]);
    ended(&done, 0, &["entries, unbroken"]);
    done.output.split_whitespace().next().unwrap().parse().unwrap()
}

/// What the last entry of the journal says of the end of the operation.
fn end(account: &Account) -> Option<String> {
    let all = account.run(&["ledger", "-o", "json"]).json();
    let last = all.as_array().expect("entries").last()?;
    last["entry"]["ended"]["state"].as_str().map(str::to_owned)
}

/// One death; whether it came, and whether the change had landed by then.
fn dies(id: &str, nth: usize, side: &str) -> (bool, bool) {
    let case = format!("{nth}:{side}");
    let account = Account::start();
    let mut command = account.command(&["rollback", ENDPOINT, "--write", "--confirm", id]);
    command.env("MLDECK_DIE_AT", &case);
    let done = account.run_through(command);
    account.settle();
    let landed = account.accepted("UpdateEndpoint");
    assert!(landed <= 1, "{case}: {landed} updates");
    if done.code.is_some() {
        ended(&done, 0, &["done"]);
        return (false, landed == 1);
    }
    let written = entries(&account);
    assert_eq!(written, if side == "before" { nth - 1 } else { nth }, "{case}: {done:#?}");

    let watched = account.run(&["watch", id]);
    match (written, landed) {
        (0, 0) => ended(&watched, 2, &["no operation"]),
        (_, 0) => ended(&watched, 3, &["refused"]),
        _ => ended(&watched, 0, &["done"]),
    }
    let config = if landed == 1 { GOOD } else { BAD };
    assert_eq!(account.serving(), (config.to_owned(), "InService".to_owned()), "{case}");
    if written > 0 {
        let state = if landed == 1 { "Done" } else { "Refused" };
        assert_eq!(end(&account).as_deref(), Some(state), "{case}: {watched:#?}");
    }
    entries(&account);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), landed, "{case}: watching sends nothing");
    // Watched to its end it stays ended.
    let again = account.run(&["watch", id]);
    assert_eq!(again.code, watched.code, "{case}: {again:#?}");
    (true, landed == 1)
}

#[test]
fn at_every_entry_of_the_journal() {
    let whole = Account::start();
    let id = whole.plan("plan.json");
    let done = whole.run_through(whole.command(&["rollback", ENDPOINT, "--write", "--confirm", &id]));
    ended(&done, 0, &["done"]);
    let all = entries(&whole);
    assert!(all >= 8, "plan, three calls with their answers, end: {all}");

    let cases: Vec<(usize, &str)> = (1..=all).flat_map(|nth| [(nth, "before"), (nth, "after")]).collect();
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut told = Vec::new();
        while let Some((nth, side)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            told.push((*nth, *side, dies(&id, *nth, side)));
        }
        told
    };
    let mut told: Vec<(usize, &str, (bool, bool))> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    told.sort_unstable_by_key(|(nth, side, _)| (*nth, *side == "after"));
    println!("{told:#?}");
    assert!(told.iter().all(|(.., (died, _))| *died), "every one of them killed it: {told:?}");
    // From one moment on it has landed, and the process died on both sides of that moment.
    let landed: Vec<bool> = told.iter().map(|(.., (_, landed))| *landed).collect();
    assert!(landed.is_sorted() && landed.contains(&false) && landed.contains(&true), "{told:?}");
}

#[test]
fn a_saved_plan_whose_first_process_died() {
    let account = Account::start();
    let id = account.plan("plan.json");
    let file = account.file("plan.json");
    let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
    let dying = |at: &str| {
        let mut command = account.command(&args);
        command.env("MLDECK_DIE_AT", at);
        let done = finish(&mut command, PATIENCE);
        assert_eq!(done.code, None, "{done:#?}");
    };
    // Nothing was written down, so nothing was begun.
    dying("1:before");
    assert_eq!(entries(&account), 0);
    // Begun, and the end unknown: it is looked at first, and then may begin anew.
    dying("1:after");
    ended(&account.run(&args), 3, &["begun before", "mldeck watch"]);
    ended(&account.run(&["watch", &id]), 3, &["refused", "Plan again"]);
    // Died while the answer was on its way: it landed, and the plan cannot be applied once more.
    let update = 5;
    dying(&format!("{update}:before"));
    let before: Value = account.run(&["ledger", "-o", "json"]).json();
    assert_eq!(before.as_array().unwrap().last().unwrap()["entry"]["intent"]["operation"], "UpdateEndpoint");
    ended(&account.run(&args), 3, &["begun before"]);
    account.settle();
    ended(&account.run(&["watch", &id]), 0, &["done"]);
    ended(&account.run(&args), 4, &["good until"]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
    entries(&account);
}
