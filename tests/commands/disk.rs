//! A journal that cannot be written: nothing is sent, and the plan says how it is done by hand.

use std::{fs, process::Command};

use crate::{
    account::{Account, BAD, ENDPOINT, ended, id},
    support::peers::{PATIENCE, finish},
};

#[track_caller]
fn untouched(account: &Account) {
    assert_eq!(account.serving(), (BAD.to_owned(), "InService".to_owned()));
    account.settle();
    assert_eq!((account.accepted("UpdateEndpoint"), account.accepted("PutMetricAlarm")), (0, 0));
}

/// The same command with no file larger than this, as on a disk that is full.
fn within(blocks: u32, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    // Without the trap the kernel ends the process where a full disk would give an error.
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &blocks.to_string()]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env_clear();
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn no_place_for_the_journal() {
    let account = Account::start();
    let planned = account.run(&["rollback", ENDPOINT]);
    fs::remove_dir_all(account.file("mldeck/state")).unwrap();
    fs::write(account.file("mldeck/state"), "a file where a folder should be").unwrap();
    for args in [
        vec!["rollback", ENDPOINT, "--write", "--confirm", &id(&planned)],
        vec!["rollback", ENDPOINT],
        vec!["plan", "rollback", ENDPOINT],
    ] {
        let done = account.run(&args);
        ended(&done, 3, &["journal", "by hand", "aws sagemaker update-endpoint"]);
        assert!(done.output.contains("aws sagemaker update-endpoint"), "{done:#?}");
    }
    untouched(&account);
}

#[test]
fn a_disk_that_is_full_at_the_first_entry() {
    let account = Account::start();
    let id = id(&account.run(&["rollback", ENDPOINT]));
    // There is a journal, and room for what it has, but not for a plan.
    let size = fs::metadata(account.file("mldeck/state/journal.db")).unwrap().len();
    let blocks = u32::try_from(size.div_ceil(512)).unwrap();
    let command = account.command(&["rollback", ENDPOINT, "--write", "--confirm", &id]);
    let done = finish(&mut within(blocks, &command), PATIENCE);
    ended(&done, 3, &["the journal cannot be written", "nothing more is sent", "aws sagemaker update-endpoint"]);
    ended(&account.run(&["ledger", "verify"]), 0, &["0 entries, unbroken"]);
    untouched(&account);
    // With room again, it goes on.
    ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
}

/// A way back whose operator says so, with a reason, and is told what the journal lacks.
#[test]
fn a_way_back_goes_on_without_a_disk_by_the_word_of_the_operator() {
    let why = ["--bypass", "journal", "--reason", "INC-42"];
    let account = Account::start();
    ended(&account.run(&["rollback", ENDPOINT, "--bypass", "journal"]), 3, &["only with a reason"]);
    let id = id(&account.run(&[&["rollback", ENDPOINT], &why[..]].concat()));
    let size = fs::metadata(account.file("mldeck/state/journal.db")).unwrap().len();
    let blocks = u32::try_from(size.div_ceil(512)).unwrap();
    let command = account.command(&[&["rollback", ENDPOINT, "--write", "--confirm", &id], &why[..]].concat());
    let done = account.run_through(within(blocks, &command));
    ended(&done, 0, &["done", "the journal cannot be written", "going on without it, as you said", "INC-42"]);
    // What the journal lacks is on the output, one record a line.
    let told: Vec<serde_json::Value> = done
        .errors
        .lines()
        .filter_map(|line| line.strip_prefix("not in the journal: "))
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect();
    let kinds: Vec<&str> =
        told.iter().filter_map(|record| Some(record["entry"].as_object()?.keys().next()?.as_str())).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"planned"), Some(&"ended")), "{done:#?}");
    assert!(kinds.contains(&"bypassed"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "intent").count(), 3, "{kinds:?}");
    ended(&account.run(&["ledger", "verify"]), 0, &["0 entries, unbroken"]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
}

#[test]
fn a_way_back_goes_on_without_a_place_for_the_journal() {
    let account = Account::start();
    let why = ["--bypass", "journal", "--reason", "INC-42"];
    let id = id(&account.run(&[&["rollback", ENDPOINT], &why[..]].concat()));
    fs::remove_dir_all(account.file("mldeck/state")).unwrap();
    fs::write(account.file("mldeck/state"), "a file where a folder should be").unwrap();
    let args = [&["rollback", ENDPOINT, "--write", "--confirm", &id], &why[..]].concat();
    let done = account.run_through(account.command(&args));
    ended(&done, 0, &["done", "going on without the ledger", "no lock on this host", "not in the journal: "]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
}

#[test]
#[cfg(debug_assertions)]
fn a_disk_that_fills_up_behind_the_plan() {
    let account = Account::start();
    let id = id(&account.run(&["rollback", ENDPOINT]));
    let args = ["rollback", ENDPOINT, "--write", "--confirm", &id];
    // Somebody else's journal tells how much room a plan takes.
    let other = tempfile::TempDir::new().unwrap();
    let mut command = account.command(&args);
    command.env("MLDECK_HOME", other.path()).env("MLDECK_DIE_AT", "1:after");
    assert_eq!(finish(&mut command, PATIENCE).code, None);
    let size = fs::metadata(other.path().join("state/journal.db")).unwrap().len();
    let blocks = u32::try_from(size.div_ceil(512)).unwrap();
    let done = account.run_through(within(blocks, &account.command(&args)));
    println!("{done:#?}");
    assert!(done.errors.contains("the journal cannot be written"), "{done:#?}");
    ended(&account.run(&["ledger", "verify"]), 0, &["entries, unbroken"]);
    account.settle();
    let landed = account.accepted("UpdateEndpoint");
    assert!(landed <= 1, "{landed}");
    // With room again, it is looked at: the end is what the account shows.
    let code = if landed == 1 { 0 } else { 3 };
    assert_eq!(done.code, Some(code), "{done:#?}");
    ended(&account.run(&["watch", &id]), code, &[]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), landed);
}
