//! The deck itself, in a terminal, on a served account: killed at entries of its journal and started again, and with a
//! terminal that takes nothing. Whatever happens, AWS was asked at most once, and the deck says what it left.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use mldeck::run::clock;
use serde_json::Value;

use crate::{
    account::{Account, BAD, ENDPOINT, GOOD},
    support::{peers::PATIENCE, pty::Pty},
};

/// Long enough for several decks beside each other on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
/// Longer than the prompt is deaf at first, or after a key that it did not count.
const SETTLED: Duration = Duration::from_millis(900);
/// Between two keys of one hand.
const HAND: Duration = Duration::from_millis(60);
/// Decks that run side by side.
const LANES: usize = 3;

/// The deck in the home of the account's operator.
fn starts(account: &Account, more: &[(&str, &str)]) -> Pty {
    let home = account.home.path().to_str().unwrap();
    let kept = account.file("mldeck");
    let mut env = vec![
        ("HOME", home),
        ("MLDECK_HOME", kept.to_str().unwrap()),
        ("USER", "anna"),
        ("TZ", "UTC"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    env.extend(more);
    Pty::start(env!("CARGO_BIN_EXE_mldeck"), &["--endpoint-url", account.address()], &env, (160, 50))
}

/// Until that much time passed: a hand is no faster.
fn waits(pty: &Pty, span: Duration) {
    let begun = clock::instant();
    pty.until(SOON, "a moment", || clock::instant().saturating_duration_since(begun) >= span);
}

/// From the list to the plan of the way back, and its confirmation by keys.
fn confirms(pty: &mut Pty) {
    pty.wait_for(ENDPOINT, SOON);
    pty.send(format!("/{ENDPOINT}\r"));
    pty.wait_for("1 of ", SOON);
    pty.send("B");
    pty.wait_for("and Enter to go:", SOON);
    // A key that came too early is not counted, and the prompt is empty again.
    let is_typed = |pty: &Pty| pty.screen().contains("and Enter to go: v17");
    for _ in 0..5 {
        waits(pty, SETTLED);
        for key in ["v", "1", "7"] {
            pty.send(key);
            waits(pty, HAND);
        }
        waits(pty, SETTLED);
        if is_typed(pty) {
            break;
        }
    }
    assert!(is_typed(pty), "{}", pty.screen());
    pty.send("\r");
}

/// The records of the only operation.
fn records(account: &Account) -> Vec<Value> {
    let all = account.run(&["ledger", "-o", "json"]).json();
    all.as_array().unwrap().iter().map(|record| record["entry"].clone()).collect()
}

/// How it ended; in service it is done, whatever its calls say in the minutes after.
fn end(records: &[Value]) -> Option<String> {
    let reached = |entry: &Value| entry.get("reached").map(|_| "Done".to_owned());
    records.iter().find_map(|entry| entry["ended"]["state"].as_str().map(str::to_owned).or_else(|| reached(entry)))
}

/// One death at the n-th entry and what the next deck makes of it: whether the change had landed, and whether it was seen
/// to say that something is unfinished. It says so once, and what comes of it may take the line in the same frame.
fn dies(nth: usize, side: &str) -> (bool, bool) {
    let case = format!("{nth}:{side}");
    let account = Account::start();
    let mut pty = starts(&account, &[("MLDECK_DIE_AT", &case)]);
    confirms(&mut pty);
    pty.until(SOON, "death", || {
        // What waits for the end of the deployment gets there.
        if account.serving().1 == "Updating" {
            account.settle();
        }
        pty.has_exited()
    });
    drop(pty);
    account.settle();
    let landed = account.accepted("UpdateEndpoint");
    assert!(landed <= 1, "{case}: {landed} updates");
    let written = records(&account).len();
    assert_eq!(written, if side == "before" { nth - 1 } else { nth }, "{case}");
    let before = end(&records(&account));

    let next = starts(&account, &[]);
    next.wait_for(ENDPOINT, SOON);
    if written > 0 && before.is_none() {
        next.until(PATIENCE, "an end", || end(&records(&account)).is_some());
    }
    if written > 0 {
        let state = if landed == 1 { "Done" } else { "Refused" };
        assert_eq!(end(&records(&account)).as_deref(), Some(state), "{case}");
    }
    const WORDS: &[u8] = b"One unfinished operation";
    let said = next.raw().windows(WORDS.len()).any(|window| window == WORDS);
    drop(next);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), landed, "{case}: what was resumed sends nothing");
    let config = if landed == 1 { GOOD } else { BAD };
    assert_eq!(account.serving(), (config.to_owned(), "InService".to_owned()), "{case}");
    (landed == 1, said)
}

#[test]
fn a_deck_that_is_killed_at_any_entry_says_so_and_resumes() {
    // Plan, three calls each with its answer, and the first stage: after those it only watches.
    let cases: Vec<(usize, &str)> = (1..=7).flat_map(|nth| [(nth, "before"), (nth, "after")]).collect();
    let next = AtomicUsize::new(0);
    let lane = || {
        let mut told = Vec::new();
        while let Some((nth, side)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            told.push((*nth, *side, dies(*nth, side)));
        }
        told
    };
    let mut told: Vec<(usize, &str, (bool, bool))> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    told.sort_unstable_by_key(|(nth, side, _)| (*nth, *side == "after"));
    println!("{told:?}");
    let landed: Vec<bool> = told.iter().map(|(.., (landed, _))| *landed).collect();
    assert!(told.iter().any(|(.., (_, said))| *said), "{told:?}");
    assert!(landed.is_sorted() && landed.contains(&false) && landed.contains(&true), "{told:?}");
}

#[test]
fn a_terminal_that_takes_nothing_delays_no_operation() {
    let account = Account::start();
    let mut pty = starts(&account, &[]);
    confirms(&mut pty);
    pty.stall();
    pty.until(SOON, "the deployment", || account.serving().1 == "Updating");
    // Hours of the account pass, and nobody reads what the deck draws.
    account.settle();
    pty.until(SOON, "an end", || end(&records(&account)).is_some());
    assert_eq!(end(&records(&account)).as_deref(), Some("Done"));
    account.settle();
    assert_eq!((account.accepted("UpdateEndpoint"), account.serving().0), (1, GOOD.to_owned()));
    pty.go_on();
    pty.wait_for("InService on", SOON);
}
