//! Each rule of the executor taken away in turn: some night must notice. Debug builds only: a release build keeps them all.
#![cfg(debug_assertions)]

use mldeck_core::ops::run::Rule;

use super::night::{Setup, play};

/// Nights that may pass before it is noticed.
const MOST: u64 = 2_000;

fn is_noticed(rule: Rule, words: &[&str]) {
    let noticed = (0..MOST).find(|seed| {
        let night = play(&Setup { seed: *seed, without: Some(rule), ..Setup::default() });
        night.violations.iter().any(|violation| words.iter().any(|word| violation.contains(word)))
    });
    println!("{rule:?}: noticed after {:?} seeds", noticed.map(|seed| seed + 1));
    assert!(noticed.is_some(), "no night of {MOST} notices that {rule:?} is missing");
}

#[test]
fn sending_before_the_journal_is_noticed() {
    is_noticed(Rule::JournalFirst, &["without its durable intent"]);
}

#[test]
fn sending_after_a_failed_journal_is_noticed() {
    is_noticed(Rule::StopWithoutJournal, &["after the journal failed"]);
}

#[test]
fn sending_without_a_last_look_is_noticed() {
    is_noticed(Rule::ReadBeforeSend, &["not read just before"]);
}

#[test]
fn repeating_a_lost_call_blindly_is_noticed() {
    is_noticed(Rule::ResolveUnknown, &["may still land"]);
}

#[test]
fn repeating_before_it_can_land_no_more_is_noticed() {
    is_noticed(Rule::WaitForLanding, &["may still land"]);
}

#[test]
fn taking_any_service_for_success_is_noticed() {
    is_noticed(Rule::JudgeByState, &["Done, but"]);
}

#[test]
fn repeating_an_intent_after_a_restart_is_noticed() {
    is_noticed(Rule::ResumeByReading, &["may still land"]);
}
