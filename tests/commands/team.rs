//! Two hosts that share a table on moto's DynamoDB, which nobody here wrote: one gets the lock, the other is told who has it;
//! a table that cannot be reached; and what the ledger of both tells afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    account::{Account, BAD, ENDPOINT, GOOD, begin, ended, id},
    relay::Relay,
    support::peers::{Done, PATIENCE, Peers, Served, finish},
};

const TABLE: &str = "mldeck-team";

/// An account, a table beside it, and the homes of two operators on two hosts.
struct Team {
    peers: &'static Peers,
    account: Account,
    _moto: Served,
    relay: Relay,
    homes: [TempDir; 2],
}

impl Team {
    /// `None`: skipped, as [`Peers::find`] says. `class` is what the operators' files say of the account.
    fn start(class: &str) -> Option<Self> {
        let peers = Peers::find()?;
        let moto = peers.moto();
        let relay = Relay::start(&moto.address);
        let homes = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let team = Self { peers, account: Account::start(), _moto: moto, relay, homes };
        for (at, host) in ["web-1", "web-2"].iter().enumerate() {
            let file = team.config(at);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let text = format!(
                "[team]\ntable = \"{TABLE}\"\nhost = \"{host}\"\n[[accounts]]\nid = \"447100000921\"\nclass = \"{class}\"\n"
            );
            fs::write(file, text).unwrap();
        }
        Some(team)
    }

    /// With the table made.
    fn made(class: &str) -> Option<Self> {
        let team = Self::start(class)?;
        ended(&team.run(0, &["team", "init", "--write"]), 0, &["the table mldeck-team is there"]);
        Some(team)
    }

    fn config(&self, at: usize) -> PathBuf {
        self.home(at).join("mldeck/config/config.toml")
    }

    fn home(&self, at: usize) -> &Path {
        self.homes[at].path()
    }

    fn command(&self, at: usize, args: &[&str]) -> std::process::Command {
        self.account.operator(self.home(at), &self.relay.address, args)
    }

    #[track_caller]
    fn run(&self, at: usize, args: &[&str]) -> Done {
        finish(&mut self.command(at, args), PATIENCE)
    }

    /// Plans the way back and confirms it with these arguments besides; it is begun, not waited for.
    fn confirmed(&self, at: usize, more: &[&str]) -> std::process::Command {
        let plan = self.run(at, &[&["rollback", ENDPOINT], more].concat());
        let id = id(&plan);
        self.command(at, &[&["rollback", ENDPOINT, "--write", "--confirm", &id], more].concat())
    }

    fn status(&self, at: usize) -> Value {
        self.run(at, &["team", "-o", "json"]).json()
    }

    /// What the ledger of both has, as `host kind`, oldest first.
    fn ledger(&self, at: usize) -> Vec<(String, Value)> {
        let all = self.run(at, &["ledger", "--team", "-o", "json"]).json();
        let one = |one: &Value| (one["host"].as_str().unwrap().to_owned(), one["record"]["entry"].clone());
        all.as_array().unwrap().iter().map(one).collect()
    }

    #[track_caller]
    fn untouched(&self) {
        assert_eq!(self.account.serving(), (BAD.to_owned(), "InService".to_owned()));
        self.account.settle();
        assert_eq!(self.account.accepted("UpdateEndpoint"), 0);
    }
}

#[test]
fn a_table_is_made_once_and_by_the_line_that_is_printed() {
    let Some(team) = Team::start("prod") else { return };
    let status = team.run(0, &["team"]);
    ended(&status, 1, &["not there", "mldeck team init"]);
    let planned = team.run(0, &["team", "init"]);
    ended(&planned, 0, &["aws dynamodb create-table --table-name mldeck-team", "Nothing was sent"]);
    ended(&team.run(0, &["team", "init", "--write", "--read-only"]), 3, &["read-only", "aws dynamodb create-table"]);
    ended(&team.run(0, &["team"]), 1, &["not there"]);
    // Another tool makes it, by that very line.
    let words: Vec<&str> = planned.output.split_whitespace().skip(1).collect();
    let made = team.peers.aws(&team.relay.address, &words);
    assert_eq!(made.code, Some(0), "{made:#?}");
    for write in [&[][..], &["--write"]] {
        let again = team.run(0, &[&["team", "init"], write].concat());
        ended(&again, 0, &["is there already, as mldeck makes it"]);
    }
    ended(&team.run(1, &["team"]), 0, &["ready", "nobody holds a lock", "this host is web-2; 0 of its records"]);
}

#[test]
fn a_table_of_somebody_else_is_refused() {
    let Some(team) = Team::start("prod") else { return };
    let words = "dynamodb create-table --table-name mldeck-team --attribute-definitions AttributeName=id,AttributeType=S \
                 --key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST";
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(team.peers.aws(&team.relay.address, &words).code, Some(0));
    ended(&team.run(0, &["team", "init", "--write"]), 3, &["other keys (id HASH)", "none of mldeck's"]);
    // And is no lock: production stays as it is.
    let done = finish(&mut team.confirmed(0, &[]), PATIENCE);
    ended(&done, 3, &["the team lock cannot be had", "By hand: aws ", " && aws sagemaker update-endpoint"]);
    team.untouched();
}

#[test]
fn one_host_gets_the_lock_and_the_other_is_told_who_has_it() {
    let Some(team) = Team::made("prod") else { return };
    let first = begin(team.confirmed(0, &[]));
    team.account.until("the first one deploys", || team.account.serving().1 == "Updating");
    let status = team.status(1);
    let lock = &status["locks"][0];
    assert_eq!((&lock["host"], &lock["target"], &lock["held"]), (&"web-1".into(), &ENDPOINT.into(), &true.into()));
    assert!(lock["what"].as_str().unwrap().contains(ENDPOINT), "{lock}");

    // A way back of the second host would take the deployment of the first one back.
    let planned = team.run(1, &["plan", "rollback", ENDPOINT]);
    ended(&planned, 0, &["the team lock is held by", "on web-1 (process ", "nothing would be sent", "--bypass lock"]);
    let second = finish(&mut team.confirmed(1, &[]), PATIENCE);
    ended(
        &second,
        3,
        &[
            "on web-1 (process ",
            "nothing was sent",
            "By hand: aws cloudwatch ",
            "aws cloudwatch set-alarm-state",
            "--bypass lock",
        ],
    );
    // Read-only it is still told who has it, and writes nothing.
    let before = team.run(1, &["ledger", "--team", "-o", "json"]).output;
    let read_only = team.run(1, &["plan", "rollback", ENDPOINT, "--read-only"]);
    ended(&read_only, 0, &["the team lock is held by"]);

    team.account.settle();
    ended(&first.recv_timeout(PATIENCE).unwrap(), 0, &["done", "the team lock is taken, epoch 1"]);
    assert_eq!(team.account.serving(), (GOOD.to_owned(), "InService".to_owned()));
    team.account.settle();
    assert_eq!(team.account.accepted("UpdateEndpoint"), 1);
    let status = team.status(1);
    assert_eq!((status["locks"].as_array().unwrap().len(), &status["not_shared"]), (0, &0.into()), "{status}");
    assert!(before.contains("web-1"), "records come while it runs: {before}");
    // Both hosts' records are there, the refusal of the second one too.
    let ledger = team.ledger(0);
    let of = |host: &str, kind: &str| ledger.iter().filter(|(of, entry)| of == host && !entry[kind].is_null()).count();
    assert_eq!(
        (of("web-1", "planned"), of("web-1", "ended"), of("web-2", "planned"), of("web-2", "intent")),
        (1, 1, 1, 0)
    );
    ended(&team.run(1, &["ledger", "--team"]), 0, &["# web-1", "# web-2", "(done)", "(refused)", "request id"]);
}

/// A release build does not kill itself.
#[test]
#[cfg(debug_assertions)]
fn a_lock_of_a_dead_process_holds_for_its_lease_and_no_longer() {
    let Some(team) = Team::made("prod") else { return };
    let mut dying = team.confirmed(0, &[]);
    // The plan, the note about the lock, the intent.
    dying.env("MLDECK_DIE_AT", "3:after");
    assert_eq!(finish(&mut dying, PATIENCE).code, None);
    let refused = finish(&mut team.confirmed(1, &[]), PATIENCE);
    ended(&refused, 3, &["on web-1 (process "]);
    team.account.pass(130.0);
    let done = team.account.run_through(team.confirmed(1, &[]));
    ended(&done, 0, &["done", "the team lock is taken, epoch 2"]);
    // What the dead one wrote is brought later, by the host that has it.
    let missing = team.status(0)["not_shared"].as_u64().unwrap();
    let brought = team.run(0, &["team", "sync", "--write"]);
    ended(&brought, 0, &[&format!("{missing} records were brought")]);
    assert_eq!(team.status(0)["not_shared"], 0);
    assert!(team.ledger(1).iter().any(|(host, entry)| host == "web-1" && !entry["intent"].is_null()));
}

#[test]
fn production_waits_for_a_table_and_a_way_back_with_a_reason_does_not() {
    let Some(team) = Team::made("prod") else { return };
    team.relay.cut(true);
    let passed = team.relay.passed();
    let refused = finish(&mut team.confirmed(0, &[]), PATIENCE);
    ended(
        &refused,
        3,
        &["the team lock cannot be had", "nothing was sent", "By hand: aws ", " && aws sagemaker update-endpoint"],
    );
    assert!(refused.errors.contains("not in the team ledger yet"), "{refused:#?}");
    assert_eq!(team.account.serving(), (BAD.to_owned(), "InService".to_owned()));
    // Not without a reason.
    ended(&team.run(0, &["rollback", ENDPOINT, "--bypass", "lock"]), 3, &["only with a reason", "--reason"]);
    let why = ["--bypass", "lock", "--reason", "INC-42"];
    let done = team.account.run_through(team.confirmed(0, &why));
    ended(&done, 0, &["done", "going on without it, as you said"]);
    assert_eq!(team.account.serving(), (GOOD.to_owned(), "InService".to_owned()));
    assert_eq!(team.relay.passed(), passed, "it was cut off all the time");

    // Nothing is lost: the journal has it, and brings it.
    team.relay.cut(false);
    let left = team.status(0)["not_shared"].as_u64().unwrap();
    assert!(left > 5, "{left}");
    ended(&team.run(0, &["team", "sync"]), 0, &[&format!("{left} records of web-1"), "Nothing was sent"]);
    ended(&team.run(0, &["team", "sync", "--write"]), 0, &[&format!("{left} records were brought")]);
    ended(&team.run(0, &["team", "sync", "--write"]), 0, &["0 records were brought"]);
    let ledger = team.ledger(1);
    assert_eq!(ledger.len() as u64, left);
    let bypassed: Vec<&Value> =
        ledger.iter().map(|(_, entry)| &entry["bypassed"]).filter(|one| !one.is_null()).collect();
    assert_eq!((bypassed.len(), &bypassed[0]["reason"], &bypassed[0]["what"]), (1, &"INC-42".into(), &"lock".into()));
    ended(&team.run(1, &["ledger", "--team"]), 0, &["went on without the lock", "INC-42"]);
}

#[test]
fn outside_production_it_goes_on_and_says_so() {
    let Some(team) = Team::made("dev") else { return };
    team.relay.cut(true);
    let done = team.account.run_through(team.confirmed(0, &[]));
    ended(&done, 0, &["done", "the team lock cannot be had", "going on without it", "not in the team ledger yet"]);
    team.account.settle();
    assert_eq!(team.account.accepted("UpdateEndpoint"), 1);
    team.relay.cut(false);
    // The next change of this host brings what is left.
    let left = team.status(0)["not_shared"].as_u64().unwrap();
    assert!(left > 5, "{left}");
    let next = team.account.run_through(team.confirmed(0, &[]));
    assert!(!next.errors.contains("not in the team ledger"), "{next:#?}");
    assert_eq!(team.status(0)["not_shared"], 0);
    assert!(team.ledger(1).len() as u64 > left);
}

#[test]
fn a_lock_that_is_taken_by_force_is_lost_by_the_other() {
    let Some(team) = Team::made("prod") else { return };
    let first = begin(team.confirmed(0, &[]));
    team.account.until("the first one deploys", || team.account.serving().1 == "Updating");
    // The second host takes the deployment back, whoever made it.
    let second = begin(team.confirmed(1, &["--bypass", "lock", "--reason", "INC-42"]));
    team.account.until("the second one has the lock", || team.status(0)["locks"][0]["host"] == "web-2");
    assert_eq!(team.status(0)["locks"][0]["reason"], "INC-42");
    // The alarm counts while it bakes, which no process waits for here: a colleague goes on tripping it.
    let trip = json!({ "Namespace": "MLOps/Abort", "MetricData": [{
        "MetricName": "Abort", "Value": 1.0, "Dimensions": [{ "Name": "EndpointName", "Value": ENDPOINT }],
    }]});
    for _ in 0..20 {
        team.account.call("monitoring", "PutMetricData", &trip);
        team.account.pass(60.0);
    }
    team.account.settle();
    ended(&second.recv_timeout(PATIENCE).unwrap(), 0, &["the team lock is taken, epoch 2, whoever held it: INC-42"]);
    let first = first.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first.code, Some(6), "AWS took it back: {first:#?}");
    assert_eq!(team.account.serving(), (BAD.to_owned(), "InService".to_owned()));
    let status = team.status(0);
    assert_eq!(status["locks"].as_array().unwrap().len(), 0, "{status}");
}

#[test]
fn without_a_team_nothing_is_asked_of_a_table() {
    let Some(team) = Team::start("prod") else { return };
    fs::write(team.config(0), "").unwrap();
    let done = team.account.run_through(team.confirmed(0, &[]));
    ended(&done, 0, &["done"]);
    assert!(!done.said().contains("team"), "{done:#?}");
    ended(&team.run(0, &["team"]), 2, &["names no [team] table", "this host's alone"]);
    assert_eq!(team.relay.passed(), 0);
}
