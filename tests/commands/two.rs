//! Two processes on one journal: one acts, the other watches and is told who acts.

use mldeck_core::text::Text;
use serde_json::json;

use crate::account::{Account, ENDPOINT, GOOD, begin, ended};

#[test]
fn the_second_one_is_told_who_acts_and_watches() {
    let account = Account::start();
    let id = account.plan("plan.json");
    let file = account.file("plan.json");
    let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
    let first = begin(account.command(&args));
    account.until("the deployment", || account.serving().1 == "Updating");

    // The same plan again is refused; what else can be done now is another plan.
    let again = account.run(&args);
    ended(&again, 3, &["nothing was done", "holds this plan", "process "]);
    let other = account.run(&["rollback", ENDPOINT]);
    ended(&other, 0, &["Abort fraud-prod", "Nothing was sent"]);

    let second = begin(account.command(&["watch", &id]));
    // Both are there, and the first is not at its end, before time passes.
    let third = begin(account.command(&["watch", &id]));
    account.until("the ledger", || account.run(&["ledger"]).output.contains("accepted"));
    account.settle();
    ended(&first.recv().unwrap(), 0, &["done"]);
    for watching in [second, third] {
        let told = watching.recv().unwrap();
        ended(&told, 0, &["done"]);
    }
    assert_eq!(account.serving(), (GOOD.to_owned(), "InService".to_owned()));
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
    ended(&account.run(&["ledger", "verify"]), 0, &["entries, unbroken"]);
    // One end, written down by the one that acted.
    let records = account.run(&["ledger", "-o", "json"]).json();
    let ends = records.as_array().unwrap().iter().filter(|record| !record["entry"]["ended"].is_null()).count();
    assert_eq!(ends, 1, "{records:#}");
}

#[test]
fn while_another_process_holds_the_plan_watching_only_tells() {
    use mldeck::store::{Holder, PlanLock};
    let account = Account::start();
    let id = account.plan("plan.json");
    let file = account.file("plan.json");
    let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
    let state = account.file("mldeck/state");
    let holder = Holder { who: Text::new("piet"), host: Text::new("bastion"), pid: 4_242, ..Holder::default() };
    let held = PlanLock::take(&state, &id, &holder).unwrap();
    ended(&account.run(&args), 3, &["nothing was done", "piet on bastion (process 4242", "holds this plan"]);
    ended(&account.run(&["ledger", "verify"]), 0, &["0 entries, unbroken"]);
    drop(held);
    let done = account.run_through(account.command(&args));
    ended(&done, 0, &["done"]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
}

/// What a newer mldeck wrote: an older one says so, touches nothing and sends nothing.
mod newer {
    use std::fs;

    use mldeck::store::{Folders, Journal};
    use mldeck_core::{ops::journal, time::Timestamp};

    use super::*;
    use crate::account::{BAD, edit};

    #[track_caller]
    fn untouched(account: &Account) {
        assert_eq!(account.serving(), (BAD.to_owned(), "InService".to_owned()));
        account.settle();
        assert_eq!((account.accepted("UpdateEndpoint"), account.accepted("PutMetricAlarm")), (0, 0));
    }

    /// Every command that needs the journal says so, with code 3, and leaves the file as it was.
    #[track_caller]
    fn refused(account: &Account, id: &str, words: &str) {
        let path = account.file("mldeck/state/journal.db");
        let before = fs::read(&path).unwrap();
        let file = account.file("plan.json");
        for args in [
            vec!["rollback", ENDPOINT, "--write", "--confirm", id],
            vec!["apply", file.to_str().unwrap(), "--write", "--confirm", id],
            vec!["watch", id],
        ] {
            ended(&account.run(&args), 3, &[words, "newer mldeck", "update mldeck"]);
        }
        ended(&account.run(&["ledger"]), 1, &[words, "newer mldeck"]);
        assert_eq!(fs::read(&path).unwrap(), before, "the journal was touched");
        untouched(account);
    }

    #[test]
    fn journal() {
        let account = Account::start();
        let id = account.plan("plan.json");
        ended(&account.run(&["ledger", "verify"]), 0, &["0 entries, unbroken"]);
        let db = rusqlite::Connection::open(account.file("mldeck/state/journal.db")).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        db.close().unwrap();
        refused(&account, &id, "format 99");
    }

    #[test]
    fn entry_of_a_journal() {
        let account = Account::start();
        let id = account.plan("plan.json");
        let newer = journal::VERSION + 1;
        let body = json!({"v": newer, "op": id, "seq": 0, "at": 1, "entry": {"begun_otherwise": {"step": 0}}});
        let written = Journal::start(&Folders::under(&account.file("mldeck")), Timestamp::from_millis(1)).unwrap();
        written.append(&id, "begun_otherwise", body, Timestamp::from_millis(1)).wait().unwrap();
        drop(written);
        refused(&account, &id, &format!("format {newer}"));
    }

    #[test]
    fn saved_plan() {
        let account = Account::start();
        let id = account.plan("plan.json");
        let file = account.file("plan.json");
        edit(&file, |plan| plan["version"] = json!(99));
        let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
        ended(&account.run(&args), 3, &["newer mldeck (format 99", "update mldeck"]);
        edit(&file, |plan| plan["version"] = json!(1));
        ended(&account.run(&args), 3, &["older mldeck", "plan again"]);
        ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
        untouched(&account);
    }
}
