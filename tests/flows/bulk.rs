//! A verb on several marked rows: one page, one number to type, one result each.

use mldeck_core::resource::operation::OperationState::{self, Done, Refused};
use mldeck_sandbox::faults::Kind as FaultKind;

use crate::deck::{Deck, Options, minutes, seconds};

/// Ended operations by target, in the order in which they began.
fn ended(deck: &Deck) -> Vec<(String, OperationState)> {
    let mut rows: Vec<_> = deck.model.ledger.rows().iter().collect();
    rows.sort_by_key(|row| row.started);
    rows.into_iter().map(|row| (row.target.to_string(), row.state)).collect()
}

/// The page that stops three of the monitors of a stormy night.
fn stopping_three() -> Deck {
    let mut deck = Deck::start("drift-storm");
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("<space><space><space>S");
    deck.sees("Stop 3 monitors").sees("3 StopMonitoringSchedule").advance(seconds(1));
    deck
}

/// Three training jobs of a burning night are to stop, which takes each of them a while; AWS has accepted the first.
fn first_of_three() -> Deck {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("4").wait_for("InProgress", seconds(20)).keys("/InProgress<enter><space><space><space>S");
    deck.sees("Stop 3 runs").sees("Type  3").advance(seconds(1)).keys("3<enter>").sees("running");
    deck.until("the first was accepted", |deck| deck.model.ledger.rows().iter().any(|row| !row.request_ids.is_empty()));
    deck
}

#[test]
fn several_are_changed_one_after_the_other_once_their_number_was_typed() {
    let mut deck = stopping_three();
    deck.sees("at most").sees("10 in production").sees("Type  3");
    deck.keys("2<enter>").sees("that is not what the plan says");
    deck.keys("<backspace>").paste("3").keys("<enter>").sees("a paste does not count");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(seconds(2)).keys("3<enter>").sees("running").sees("waits");
    deck.wait_for("3 done", minutes(60)).sees("All that was confirmed together: 3 done.");
    assert_eq!(deck.sends(), ["StopMonitoringSchedule"; 3]);
    let monitors = ["ranking-eu-model-quality", "intent-fr-data-quality", "fraud-prod-data-quality"];
    assert_eq!(ended(&deck), monitors.map(|name| (name.to_owned(), Done)));
    let ids: Vec<_> =
        deck.model.ledger.rows().iter().map(|row| row.bulk.clone().expect("it is one of a bulk")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    deck.keys(&format!("9/bulk:{}<enter>", ids[0])).sees("fraud-prod-data-quality").keys("<esc>/bulk:nothing<enter>");
    deck.lacks("fraud-prod-data-quality");
}

#[test]
fn the_first_that_fails_ends_the_rest_whoever_looks() {
    let mut deck = first_of_three();
    deck.breaks("StopTrainingJob", FaultKind::AccessDenied).keys("<esc>").sees("EXPERIMENT");
    deck.wait_for("1 done, 1 not done, 1 not begun", minutes(60))
        .keys(":bulk<enter>")
        .sees("the one before did not end well");
    deck.mends().advance(minutes(30));
    assert_eq!(ended(&deck).into_iter().map(|(_, state)| state).collect::<Vec<_>>(), [Done, Refused]);
    deck.keys("j<enter>").sees("no permission");
}

#[test]
fn who_stops_it_lets_the_first_go_on() {
    let mut deck = first_of_three();
    deck.keys("S").sees("you stopped the rest");
    deck.wait_for("1 done, 2 not begun", minutes(30));
    assert_eq!(deck.sends(), ["StopTrainingJob"]);
}

#[test]
fn a_killed_deck_has_begun_one_of_them_and_the_next_one_watches_it() {
    let mut deck = first_of_three().killed_and_started_again();
    deck.wait_for("One unfinished operation", seconds(30)).keys("9").wait_for("done", minutes(30));
    deck.advance(minutes(30));
    assert_eq!((ended(&deck).len(), deck.sends()), (1, Vec::new()), "the others were not begun, and are not now");
    deck.keys(":bulk<enter>").sees("Nothing was confirmed together in this session");
}

#[test]
fn what_cannot_be_done_is_shown_and_left_out() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("5").sees("PendingManualApproval").keys("<space><space>j<space>A").sees("Reject: it must not serve");
    deck.keys("<enter>").sees("Approve 3 versions").sees("It is Approved already.").sees("1 of 3").sees("Type  2");
    deck.advance(seconds(1)).keys("3<enter>").sees("that is not what the plan says").keys("<backspace>2<enter>");
    deck.wait_for("2 done", minutes(5));
    assert_eq!(deck.sends(), ["UpdateModelPackage"; 2]);
    deck.keys("<esc>").sees("GROUP");
}

#[test]
fn runs_that_failed_go_on_together_and_one_that_succeeded_is_left_out() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("3")
        .sees("STATUS")
        .keys("/Failed<enter> <space><space>T")
        .sees("Retry 2 ")
        .sees("2 RetryPipelineExecution");
    deck.advance(seconds(1)).keys("2<enter>").wait_for("2 done", minutes(10));
    assert_eq!(deck.sends(), ["RetryPipelineExecution"; 2]);
}

#[test]
fn ways_back_and_too_many_are_refused_with_what_would_help() {
    let mut deck = Options::of("drift-storm").config("bulk-in-production = 2").start();
    deck.keys("2").sees("InService").keys("<space><space>B").sees("one at a time").keys("u");
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("<space><space><space>S");
    deck.sees("3 at once, and at most 2 change at once in production").sees("bulk-in-production");
    deck.keys("u<space>S").sees("Scheduled → Stopped").sees("About the marked row");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn a_read_only_deck_shows_the_page_and_sends_nothing() {
    let mut deck = Options::of("drift-storm").read_only().start();
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("<space><space>S").sees("read-only deck");
    deck.advance(seconds(1)).keys("2<enter>").advance(minutes(1));
    assert_eq!(deck.sends(), Vec::<&str>::new());
}
