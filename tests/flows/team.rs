//! A deck of a host that shares a lock with others, whose table cannot be had: what it refuses, and the way back all the same.

use mldeck::app::Effect;
use mldeck_core::ops::{journal::Entry, team::Want};

use crate::deck::{Deck, minutes, seconds};

/// The plan for fraud-prod is on screen, and has been for a moment.
fn planned() -> Deck {
    let mut deck = Deck::start("fraud-burns");
    deck.in_team().quiet();
    deck.keys("/fraud-prod<enter> B").sees("and Enter to go:").advance(seconds(1));
    deck.effects();
    deck
}

fn wanted(effects: &[Effect]) -> Vec<&Want> {
    let locks = effects.iter().filter_map(|effect| match effect {
        Effect::Lock { want, .. } => Some(want.as_ref()),
        _ => None,
    });
    locks.collect()
}

#[test]
fn production_is_refused_with_the_lines_that_do_it_by_hand() {
    let mut deck = planned();
    deck.keys("v17<enter>").wait_for("nothing was sent", minutes(1));
    let effects = deck.effects();
    assert!(matches!(wanted(&effects)[..], [Want::Take(_)]), "{effects:#?}");
    deck.sees("the team lock cannot be had").sees("aws sagemaker update-endpoint").sees("F8, or --bypass lock");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v18-c".to_owned(), "InService".to_owned()));
}

#[test]
fn f8_asks_for_a_reason_and_the_way_back_goes_on_with_it() {
    let mut deck = planned();
    deck.keys("<f8>").sees("Reason or ticket:");
    // Without one there is no plan.
    deck.keys("<esc>").sees("only with a reason");
    deck.keys("<f8>").sees("and Enter to go:");
    deck.keys("<f8>INC-42<enter>").sees("INC-42").sees("the team lock, by your word").advance(seconds(1));
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
    let effects = deck.effects();
    assert!(
        matches!(wanted(&effects)[..], [Want::Force(lock)] if !lock.owner.who.is_empty() && lock.owner.host == "web-1")
    );
    let bypassed = effects.iter().any(|effect| {
        matches!(effect, Effect::Journal { record, .. }
            if matches!(&record.entry, Entry::Bypassed { reason, .. } if reason.as_str() == "INC-42"))
    });
    assert!(bypassed, "{effects:#?}");
    deck.wait_for("done", minutes(60)).sees("went on without the lock");
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v17-a".to_owned(), "InService".to_owned()));
}

#[test]
fn what_is_in_the_journal_is_brought_to_the_ledger_and_tried_again() {
    let mut deck = Deck::start("fraud-burns");
    deck.in_team().quiet();
    let shared = |deck: &mut Deck| {
        deck.effects()
            .iter()
            .filter(|effect| matches!(effect, Effect::Share { host, .. } if host.as_str() == "web-1"))
            .count()
    };
    assert_eq!(shared(&mut deck), 1, "at the start of a deck");
    deck.lacks("team ledger").advance(minutes(5));
    assert_eq!(shared(&mut deck), 0, "nothing was changed from here");
    let mut deck = planned();
    deck.keys("v17<enter>").wait_for("nothing was sent", minutes(1));
    deck.quiet();
    assert!(shared(&mut deck) > 0);
    deck.advance(seconds(55));
    assert_eq!(shared(&mut deck), 0);
    deck.advance(seconds(10)).quiet();
    assert_eq!(shared(&mut deck), 1, "each minute");
    deck.sees(" unshared");
}

#[test]
fn a_deck_that_may_change_nothing_writes_no_row() {
    let mut deck = crate::deck::Options { read_only: true, ..crate::deck::Options::of("fraud-burns") }.start();
    deck.in_team().quiet();
    deck.keys("/fraud-prod<enter> B").advance(minutes(5));
    deck.keys("v17<enter>").advance(minutes(5));
    let effects = deck.effects();
    let writes = |effect: &&Effect| matches!(effect, Effect::Lock { .. } | Effect::Share { .. } | Effect::Send { .. });
    assert_eq!(effects.iter().filter(writes).count(), 0, "{effects:#?}");
}
