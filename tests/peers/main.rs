//! Servers and clients that nobody here wrote judge ours: boto3 and the AWS CLI use the sandbox, mldeck uses moto.
//!
//! The Python environment is made below `target/` by the first test (`requirements.txt` says what is in it). Without python3
//! or a package index the tests say `skipped`; with `MLDECK_REQUIRE_PEERS=1` that fails.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

#[path = "../support"]
#[allow(unreachable_pub, reason = "shared by several test programs")]
mod support {
    #[path = "kept.rs"]
    pub mod kept;
    #[path = "peers.rs"]
    pub mod peers;
}

mod aws_cli;
mod boto;
mod compared;
mod conformance;
mod deployment;
mod drift;
mod headless;
mod moto;
mod refusals;
mod sdk;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use support::peers::{Peers, Served};

/// What a script of `tests/peers` says of an account that lives in real time; run once for all tests that ask.
fn report(script: &'static str) -> Option<&'static Value> {
    static READ: Mutex<BTreeMap<&str, &Value>> = Mutex::new(BTreeMap::new());
    let peers = Peers::find()?;
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let run = || {
        let sandbox = Served::sandbox("fraud-burns", 1);
        &*Box::leak(Box::new(peers.script(script, &sandbox.address, &[])))
    };
    Some(*read.entry(script).or_insert_with(run))
}

/// Every answer was what botocore's model of the service says, but for what `allowed.txt` gives a reason for.
#[track_caller]
fn sound(report: &Value) {
    let allowed: Vec<(&str, &str)> = include_str!("allowed.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [operation, fault, reason] if !reason.is_empty() => (operation, fault),
            _ => panic!("operation, fault and reason are wanted: {line:?}"),
        })
        .collect();
    let faults: Vec<(&str, &str)> = report["faults"]
        .as_object()
        .expect("faults by operation")
        .iter()
        .flat_map(|(operation, faults)| texts(faults).into_iter().map(|fault| (operation.as_str(), fault)))
        .filter(|fault| !allowed.contains(fault))
        .collect();
    assert!(faults.is_empty(), "answers against the model of their service: {faults:#?}");
    assert!(report["calls"].as_object().is_some_and(|calls| !calls.is_empty()), "nothing was looked at");
}

/// The members of a list as texts.
#[track_caller]
fn texts(list: &Value) -> Vec<&str> {
    array(list).iter().map(|text| text.as_str().expect("a text")).collect()
}

#[track_caller]
fn array(list: &Value) -> &[Value] {
    list.as_array().unwrap_or_else(|| panic!("a list is wanted: {list}"))
}

#[track_caller]
fn numbers(list: &Value) -> Vec<f64> {
    array(list).iter().map(|number| number.as_f64().expect("a number")).collect()
}

/// A call was refused with this code and a text that holds `words`.
#[track_caller]
fn refused(said: &Value, code: &str, words: &str) {
    assert_eq!(said["code"], code, "{said}");
    assert!(said["message"].as_str().is_some_and(|message| message.contains(words)), "{words:?} in {said}");
}
