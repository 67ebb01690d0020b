//! The same verbs with a person at a terminal: what is typed confirms, and Ctrl-C leaves without stopping anything.

use crate::{
    account::{Account, BAD, ENDPOINT, GOOD, ended},
    support::{
        peers::PATIENCE,
        pty::{Pty, SOON},
    },
};

/// mldeck on this account, in a terminal.
fn at_a_terminal(account: &Account, args: &[&str]) -> Pty {
    let command = account.command(args);
    let env: Vec<(&str, &str)> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
        .filter(|(name, _)| *name != "PATH")
        .collect();
    let args: Vec<_> = command.get_args().collect();
    Pty::start(command.get_program(), &args, &env, (200, 50))
}

#[test]
fn another_word_sends_nothing() {
    let account = Account::start();
    for typed in ["v16\n", "\n", "yes\n"] {
        let mut pty = at_a_terminal(&account, &["rollback", ENDPOINT, "--write"]);
        pty.wait_for("Type  v17  and Enter to go", PATIENCE);
        pty.send(typed);
        assert_eq!(pty.exit_code(SOON), 3, "{typed:?}");
        pty.wait_for("that is not what the plan says; nothing was sent", SOON);
    }
    account.settle();
    assert_eq!((account.serving().0.as_str(), account.accepted("UpdateEndpoint")), (BAD, 0));
}

#[test]
fn the_target_confirms_and_a_second_interrupt_leaves_it_to_aws() {
    let account = Account::start();
    let mut pty = at_a_terminal(&account, &["rollback", ENDPOINT, "--write"]);
    pty.wait_for("Type  v17  and Enter to go", PATIENCE);
    pty.send("V17\n");
    pty.wait_for("accepted; waiting for AWS to begin", PATIENCE);
    pty.send("\x03");
    pty.wait_for("Ctrl-C again leaves it", SOON);
    assert!(!pty.has_exited());
    pty.send("\x03");
    assert_eq!(pty.exit_code(SOON), 5);
    let screen = pty.screen();
    assert!(screen.contains("AWS goes on alone"), "{screen}");

    let records = account.run(&["ledger", "-o", "json"]).json();
    let id = records[0]["op"].as_str().unwrap();
    account.settle();
    ended(&account.run(&["watch", id]), 0, &["resuming", "done"]);
    assert_eq!(account.serving(), (GOOD.to_owned(), "InService".to_owned()));
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
}
