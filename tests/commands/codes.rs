//! Each way a change ends, or does not begin, by the exit code of `ARCHITECTURE.md` and by what the account shows.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::{
    account::{Account, BAD, ENDPOINT, GOOD, begin, edit, ended, id},
    support::peers::{PATIENCE, finish},
};

/// Nothing of ours reached the endpoint.
#[track_caller]
fn untouched(account: &Account) {
    assert_eq!(account.serving(), (BAD.to_owned(), "InService".to_owned()));
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 0);
}

#[test]
fn a_plan_is_printed_and_saved_for_nobody_else_and_sends_nothing() {
    let account = Account::start();
    let file = account.file("plan.json");
    fs::write(&file, "an older file that everybody reads").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let planned = account.run(&["plan", "rollback", ENDPOINT, "--save", file.to_str().unwrap()]);
    ended(&planned, 0, &["Roll back fraud-prod", GOOD, "aws sagemaker update-endpoint", "good until"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let digest = saved["digest"].as_str().unwrap();

    // The same plan without --write, in words and by its id: it is told how it would be confirmed.
    let asked = account.run(&["rollback", ENDPOINT]);
    ended(&asked, 0, &["Nothing was sent", &format!("--write --confirm {}", id(&asked))]);
    assert_eq!(id(&asked), id(&planned));
    let applied = account.run(&["apply", file.to_str().unwrap()]);
    ended(&applied, 0, &["Nothing was sent", digest.get(..4).unwrap()]);
    let in_json = account.run(&["plan", "rollback", ENDPOINT, "-o", "json"]).json();
    assert_eq!(in_json["to"]["config"], GOOD);
    ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
    untouched(&account);
}

#[test]
fn what_is_not_confirmed_is_not_sent() {
    let account = Account::start();
    let confirm = |more: &[&str]| account.run(&[&["rollback", ENDPOINT, "--write"], more].concat());
    ended(&confirm(&["--confirm", "no-such-plan"]), 4, &["no-such-plan is another plan", "This is "]);
    ended(&confirm(&[]), 2, &["nobody is at a terminal", "--confirm "]);
    let read_only = confirm(&["--read-only"]);
    ended(&read_only, 3, &["read-only: nothing is sent", "aws sagemaker update-endpoint"]);
    ended(&account.run(&["rollback", ENDPOINT, "--confirm", "x"]), 2, &["--write"]);
    ended(&account.run(&["watch", "no-such-operation"]), 2, &["no operation no-such-operation", "ledger"]);
    ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
    untouched(&account);
}

#[test]
fn confirmed_it_is_carried_out_and_told() {
    let account = Account::start();
    let id = id(&account.run(&["rollback", ENDPOINT, "--reason", "INC-42"]));
    let args = ["rollback", ENDPOINT, "--reason", "INC-42", "--write", "--confirm", &id];
    ended(&account.run(&["rollback", ENDPOINT, "--write", "--confirm", &id]), 4, &["is another plan"]);
    let done = account.run_through(account.command(&args));
    ended(&done, 0, &["done", "accepted; waiting for AWS to begin"]);
    assert_eq!(account.serving(), (GOOD.to_owned(), "InService".to_owned()));
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);

    let records = account.run(&["ledger", "-o", "json"]).json();
    let of = |kind: &str| records.as_array().unwrap().iter().filter(|r| !r["entry"][kind].is_null()).count();
    assert!(records.as_array().unwrap().iter().all(|record| record["op"] == id.as_str()), "{records}");
    assert_eq!((of("planned"), of("intent"), of("outcome"), of("ended")), (1, 3, 3, 1), "{records}");
    assert_eq!(records[0]["entry"]["planned"]["plan"]["reason"], "INC-42");
    ended(&account.run(&["ledger"]), 0, &[&id, "(done)", "reason: INC-42", "request id"]);
    ended(&account.run(&["watch", &id]), 0, &["done"]);
    // The next way back, to what served before that, is another plan: the confirmation is not good for it.
    ended(&account.run(&args), 4, &["is another plan"]);
}

#[test]
fn a_saved_plan_that_was_edited_is_refused() {
    let account = Account::start();
    let id = account.plan("plan.json");
    let file = account.file("plan.json");
    edit(&file, |plan| plan["to"]["config"] = json!("fraud-v16-x"));
    let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
    ended(&account.run(&args), 3, &["was changed after it was made"]);
    fs::write(&file, "{").unwrap();
    ended(&account.run(&args), 2, &["is no plan"]);
    fs::remove_file(&file).unwrap();
    ended(&account.run(&args), 2, &["plan.json"]);
    untouched(&account);
}

#[test]
fn a_saved_plan_that_is_too_old_is_stale() {
    let account = Account::start();
    let id = account.plan("plan.json");
    account.pass(11.0 * 60.0);
    let file = account.file("plan.json");
    ended(
        &account.run(&["apply", file.to_str().unwrap(), "--write", "--confirm", &id]),
        4,
        &["good until", "plan again"],
    );
    untouched(&account);
}

#[test]
fn a_saved_plan_of_an_endpoint_that_somebody_changed_is_stale() {
    let account = Account::start();
    let id = account.plan("plan.json");
    let saved: Value = serde_json::from_str(&fs::read_to_string(account.file("plan.json")).unwrap()).unwrap();
    let older = &saved["candidates"][1]["config"];
    account.call("sagemaker", "UpdateEndpoint", &json!({ "EndpointName": ENDPOINT, "EndpointConfigName": older }));
    let file = account.file("plan.json");
    let done = account.run(&["apply", file.to_str().unwrap(), "--write", "--confirm", &id]);
    ended(&done, 4, &["it changed since the plan was made", "nothing was sent"]);
    for column in ["planned InService", "now Updating", "yours "] {
        assert!(done.errors.contains(column), "{column:?} in {done:#?}");
    }
    account.settle();
    assert_eq!((account.accepted("UpdateEndpoint"), account.accepted("PutMetricAlarm")), (1, 0), "somebody else's");
}

#[test]
fn denied_by_policy() {
    let account = Account::start();
    let id = account.plan("plan.json");
    account.hold_to(&json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "sagemaker:UpdateEndpoint", "Resource": "*" },
    ]}));
    let done = account.run(&["rollback", ENDPOINT, "--write", "--confirm", &id]);
    ended(&done, 7, &["sagemaker:UpdateEndpoint", "aws sagemaker update-endpoint"]);
    untouched(&account);
}

#[test]
fn a_refusal_ends_with_the_line_that_does_it_by_hand() {
    let account = Account::start();
    let rejected = json!({ "ModelPackageGroupName": "fraud", "ModelApprovalStatus": "Rejected" });
    let packages = account.call("sagemaker", "ListModelPackages", &rejected);
    let package = packages["ModelPackageSummaryList"][0]["ModelPackageArn"].as_str().unwrap();
    let refusals: [&[&str]; 4] = [
        &["plan", "delete", "endpoint", ENDPOINT],
        &["plan", "scale", ENDPOINT, "AllTraffic=100000"],
        &["promote", package, "--onto", ENDPOINT],
        &["rollback", ENDPOINT, "--to", "no-such-config"],
    ];
    for args in refusals {
        let done = account.run(args);
        println!("{args:?}: {done:#?}");
        ended(&done, 3, &["✖", "aws "]);
    }
    untouched(&account);
}

#[test]
fn one_process_acts_on_a_plan_and_the_second_is_told_who() {
    let account = Account::start();
    let id = account.plan("plan.json");
    let file = account.file("plan.json");
    let args = ["apply", file.to_str().unwrap(), "--write", "--confirm", &id];
    let first = begin(account.command(&args));
    // Nobody lets time pass: the first one watches until the second one was refused.
    account.until("the first one has the lock", || account.serving().1 == "Updating");
    let mut second = account.command(&args);
    second.env("USER", "bo");
    let second = finish(&mut second, PATIENCE);
    ended(&second, 3, &["nothing was done", "holds this plan", "process "]);
    // Watching from another process tells what the first one does, to the same end.
    let watching = begin(account.command(&["watch", &id]));
    account.pass(3.0 * 3_600.0);
    ended(&first.recv_timeout(PATIENCE).unwrap(), 0, &["done"]);
    ended(&watching.recv_timeout(PATIENCE).unwrap(), 0, &["done"]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1);
}

#[test]
fn what_aws_takes_back_is_no_success() {
    let account = Account::start();
    let id = id(&account.run(&["rollback", ENDPOINT]));
    let running = begin(account.command(&["rollback", ENDPOINT, "--write", "--confirm", &id]));
    account.until("the deployment", || account.serving().1 == "Updating");
    // A colleague trips the alarm that the deployment is judged by.
    let abort = json!({ "Namespace": "MLOps/Abort", "MetricData": [{
        "MetricName": "Abort", "Value": 1.0, "Dimensions": [{ "Name": "EndpointName", "Value": ENDPOINT }],
    }]});
    for _ in 0..20 {
        account.call("monitoring", "PutMetricData", &abort);
        account.pass(60.0);
    }
    account.pass(3.0 * 3_600.0);
    ended(&running.recv_timeout(PATIENCE).unwrap(), 6, &["rolled back", "AWS took it back"]);
    assert_eq!(account.serving(), (BAD.to_owned(), "InService".to_owned()));
    ended(&account.run(&["watch", &id]), 6, &["rolled back"]);
    account.settle();
    assert_eq!(account.accepted("UpdateEndpoint"), 1, "what AWS takes back is not sent again");
}

#[test]
fn abort_alarms_are_made_where_they_are_missing_on_their_number() {
    let account = Account::start();
    let ready = |more: &[&str]| account.run(&[&["ready", ENDPOINT, "--provision"], more].concat());
    ended(&ready(&[]), 1, &["missing", "aws cloudwatch put-metric-alarm", "--write --confirm 1 carries out all 1"]);
    ended(&ready(&["--write", "--confirm", "2"]), 4, &["there are 1, not"]);
    ended(&ready(&["--write"]), 2, &["nobody is at a terminal"]);
    ended(&ready(&["--write", "--confirm", "1", "--read-only"]), 3, &["read-only"]);
    ended(&ready(&["-o", "json", "--write", "--confirm", "1"]), 2, &["--write goes with --provision and the table"]);
    ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
    ended(&ready(&["--write", "--confirm", "1"]), 0, &["provision fraud-prod: done"]);
    let again = ready(&["--write", "--confirm", "1"]);
    ended(&again, 1, &["fraud-prod"]);
    assert!(!again.output.contains("missing") && !again.output.contains("put-metric-alarm"), "{}", again.output);
    ended(&account.run(&["ledger"]), 0, &["PutMetricAlarm"]);
    untouched(&account);
}

#[test]
fn the_first_of_several_that_fails_ends_the_rest() {
    let account = Account::start();
    let denied = "arn:aws:cloudwatch:eu-west-1:447100000921:alarm:mldeck-abort-ranking-eu";
    account.hold_to(&json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "cloudwatch:PutMetricAlarm", "Resource": denied },
    ]}));
    let all = ["ready", ENDPOINT, "ranking-eu", "churn-batch", "--provision", "--write", "--confirm", "3"];
    let done = account.run(&all);
    ended(
        &done,
        7,
        &["provision fraud-prod: done", "provision ranking-eu: refused", "provision churn-batch was not begun"],
    );
    let told = account.run(&["ledger"]).output;
    assert!(told.contains("fraud-prod") && told.contains("ranking-eu") && !told.contains("churn-batch"), "{told}");
    let (_, bulk) = done.output.rsplit_once("bulk ").expect("it is named");
    let id = bulk.split(':').next().expect("an id");
    ended(&account.run(&["ledger", "--bulk", id]), 0, &[&format!("one of bulk `{id}`"), "fraud-prod", "ranking-eu"]);
    ended(&account.run(&["ledger", "--bulk", "00000000"]), 0, &["Nothing was changed from here."]);
}

#[test]
fn several_names_are_one_confirmation_by_their_number() {
    let account = Account::start();
    let provision = |more: &[&str]| account.run(&[&["provision", ENDPOINT, "ranking-eu"], more].concat());
    let planned = account.run(&["plan", "provision", ENDPOINT, "ranking-eu"]);
    ended(&planned, 0, &["Provision fraud-prod: missing", "Provision ranking-eu: missing", "good until"]);
    ended(&account.run(&["plan", "provision", ENDPOINT, "ranking-eu", "--save", "x"]), 2, &["--save keeps one plan"]);
    ended(&provision(&[]), 0, &["--write --confirm 2 carries out all 2"]);
    ended(&provision(&["--write", "--confirm", "3"]), 4, &["there are 2, not"]);
    ended(&provision(&["--write", "--confirm", "2", "--read-only"]), 3, &["read-only"]);
    ended(&account.run(&["provision", ENDPOINT, ENDPOINT]), 2, &["named twice"]);
    ended(&account.run(&["delete", "endpoint", ENDPOINT, "ranking-eu"]), 2, &["one at a time"]);
    let names: Vec<String> = (0..11).map(|at| format!("job-{at}")).collect();
    let eleven: Vec<&str> = ["stop", "training"].into_iter().chain(names.iter().map(String::as_str)).collect();
    ended(&account.run(&eleven), 3, &["11 at once, and at most 10", "bulk-in-production"]);
    ended(&account.run(&["ledger"]), 0, &["Nothing was changed from here."]);
    ended(&provision(&["--write", "--confirm", "2"]), 0, &["provision fraud-prod: done", "ranking-eu: done", "2 done"]);
    untouched(&account);
}

#[test]
fn every_planned_change_is_carried_out_by_its_own_verb() {
    let account = Account::start();
    let group = "fraud";
    let list = account.call("sagemaker", "ListModelPackages", &json!({ "ModelPackageGroupName": group }));
    let arn = list["ModelPackageSummaryList"][0]["ModelPackageArn"].as_str().expect("a version").to_owned();
    let printed = account.run(&["reject", &arn, "--reason", "REL-9"]);
    ended(&printed, 0, &["Rejected", "Nothing was sent. --write --confirm"]);
    ended(&account.run(&["reject", &arn, "--write", "--confirm", "00000000"]), 4, &["is another plan"]);
    let id = id(&printed);
    ended(
        &account.run(&["reject", &arn, "--reason", "REL-9", "--write", "--confirm", &id]),
        0,
        &["done: it is Rejected"],
    );
    ended(&account.run(&["shadow", "stop", "no-such-test", "--write", "--confirm", "x"]), 3, &["there is no"]);
}
