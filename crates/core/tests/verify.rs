//! What a change is worth: its calls are looked at once it is in service, and the ledger keeps the numbers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;
#[path = "fixture/night.rs"]
mod night;

use fixture::{at, plan};
use mldeck_core::{
    ask::Answer,
    fault::{Fault, FaultKind},
    ops::{
        journal::{Entry, ledger, markdown, operations},
        measure::{Around, Measured, Verdict},
        run::{Event, resume},
    },
    resource::operation::OperationState,
    text::Text,
    time::{MINUTE, Timestamp},
};
use night::{Night, busy, deploying, measured, settled};

const NOW: &str = "fraud-v17-a";

/// In service; the test answers what is asked from here on.
fn in_service() -> Night {
    let mut night = Night::until_update(plan());
    night.calls = None;
    night.applied("r-update");
    night.applied("r-tags");
    night.shows(deploying(NOW, "Baking"));
    night.shows(settled(NOW, None));
    assert!(night.run.is_verifying() && night.finished.is_none());
    night
}

fn failing(around: &Around) -> Measured {
    measured(around, 30)
}

fn silent(around: &Around) -> Measured {
    let mut out = measured(around, 0);
    (out.after.calls, out.after.minutes) = (0, 0);
    out
}

/// Rounds until it ends, and how long they took.
fn until_it_ends(night: &mut Night, calls: fn(&Around) -> Measured) -> i64 {
    let began = night.now;
    while night.finished.is_none() {
        night.verify(&settled(NOW, None), calls);
        assert!(night.now.since(began) < 60 * MINUTE, "it never ends");
    }
    night.now.since(began) / MINUTE
}

fn whole_minutes(from: Timestamp, to: Timestamp) -> i64 {
    assert_eq!((from.floor(MINUTE), to.floor(MINUTE)), (from, to), "CloudWatch keeps minutes");
    to.since(from) / MINUTE
}

#[test]
fn good_calls_end_it_and_the_ledger_keeps_the_numbers() {
    let mut night = in_service();
    let took = until_it_ends(&mut night, busy);
    assert_eq!(night.finished, Some(OperationState::Done));
    assert!(took <= 6, "three whole minutes are enough: {took}");
    let row = ledger(&night.records).remove(0);
    let judged = row.judged.unwrap();
    assert_eq!(judged.verdict, Verdict::Good);
    let numbers = judged.measured.unwrap();
    assert_eq!((numbers.before.calls, numbers.after.calls), (1_500, 300));
    assert_eq!(whole_minutes(numbers.before.from, numbers.before.to), 15);
    assert!(numbers.before.to <= at("02:24:30") && numbers.after.from > numbers.before.to);
    let text = markdown(&operations(&night.records)[0]);
    for words in ["- before: ", ": 0 of 1 500 calls failed", "- after: ", "- verdict: good: 0 of 300 calls failed"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(matches!(night.records[night.records.len() - 2].entry, Entry::Judged { .. }));
}

#[test]
fn calls_that_fail_are_said_at_once_and_end_with_a_person() {
    let mut night = in_service();
    night.verify(&settled(NOW, None), failing);
    while !night.heard("bad: ") {
        night.verify(&settled(NOW, None), failing);
    }
    assert_eq!(night.finished, None, "it may still settle");
    assert!(night.heard("B on the endpoint plans the way back"));
    let took = until_it_ends(&mut night, failing);
    assert_eq!((night.finished, took <= 17), (Some(OperationState::NeedsHuman), true), "{took} min");
    assert!(night.run.operation().note.as_str().contains("bad: 30 % of 1 500 calls fail"));
    assert_eq!(night.said.iter().filter(|(_, text)| text.contains("plans the way back")).count(), 1, "said once");
}

#[test]
fn calls_that_fail_first_and_then_do_not_are_good() {
    let mut night = in_service();
    while !night.heard("bad: ") {
        night.verify(&settled(NOW, None), failing);
    }
    until_it_ends(&mut night, busy);
    assert_eq!(night.finished, Some(OperationState::Done));
}

#[test]
fn nobody_calls_it_and_it_is_in_service_all_the_same() {
    let mut night = in_service();
    let took = until_it_ends(&mut night, silent);
    assert_eq!(night.finished, Some(OperationState::Done));
    assert!((15..=17).contains(&took), "{took} min");
    assert!(night.run.operation().note.as_str().contains("inconclusive: nobody calls it"));
}

#[test]
fn numbers_that_may_not_be_read_are_not_waited_for_and_others_are() {
    let denied = Fault::new(FaultKind::Denied { action: Text::new("cloudwatch:GetMetricData") }, "reading metrics", "");
    for (fault, ends) in [(denied, true), (Fault::new(FaultKind::Service, "reading metrics", ""), false)] {
        let mut night = in_service();
        while night.asked.is_none() {
            while night.read.is_none() {
                night.wait(MINUTE);
            }
            night.answer_read(settled(NOW, None));
        }
        let (ticket, _) = night.asked.take().unwrap();
        night.tell(Event::Read { ticket, result: Err(fault.clone()) });
        assert_eq!(night.finished.is_some(), ends, "{fault}");
        if !ends {
            until_it_ends(&mut night, busy);
        }
        assert_eq!(night.finished, Some(OperationState::Done));
    }
}

#[test]
fn a_question_that_nobody_answers_is_asked_again_and_ends() {
    let mut night = in_service();
    let began = night.now;
    let mut asked = 0;
    while night.finished.is_none() {
        night.wait(30_000);
        if night.read.is_some() {
            night.answer_read(settled(NOW, None));
        }
        asked += u32::from(night.asked.take().is_some());
        assert!(night.now.since(began) < 60 * MINUTE, "it never ends");
    }
    assert!(asked > 5, "{asked}");
    assert!(night.run.operation().note.as_str().contains("inconclusive: CloudWatch could not be read"));
}

#[test]
fn somebody_else_changes_it_and_it_is_judged_no_further() {
    let mut night = in_service();
    night.verify(&settled(NOW, None), busy);
    let other = settled("fraud-v19-x", None);
    night.verify(&other, busy);
    assert_eq!(night.finished, None, "one look may be late");
    while night.finished.is_none() {
        night.verify(&other, busy);
    }
    assert_eq!(night.finished, Some(OperationState::Superseded));
    assert!(night.run.operation().note.as_str().contains("not judged: somebody else brought fraud-v19-x into service"));
}

#[test]
fn whoever_leaves_it_finds_it_done_and_not_judged() {
    let mut night = in_service();
    night.tell(Event::Abandon { by: Text::new("anna") });
    assert_eq!(night.finished, Some(OperationState::Done));
    assert!(night.run.operation().note.as_str().ends_with("not judged: anna watches it no more"));
}

#[test]
fn an_abort_comes_too_late_and_nothing_is_sent() {
    let mut night = in_service();
    let sent = night.sent.len();
    night.tell(Event::Abort { by: Text::new("anna") });
    assert_eq!((night.sent.len(), night.finished), (sent, None));
    assert!(night.heard("undo is another plan"));
}

#[test]
fn a_run_that_comes_back_judges_the_same_minutes() {
    let mut night = in_service();
    night.verify(&settled(NOW, None), silent);
    let mut again = Night::with(resume(&night.records).unwrap());
    (again.now, again.records) = (night.now.plus(MINUTE), night.records.clone());
    again.tell(Event::Start);
    again.shows(settled(NOW, None));
    assert_eq!(again.finished, Some(OperationState::Done));
    assert!(again.sent.is_empty(), "a run that comes back sends nothing");
    assert_eq!(ledger(&again.records)[0].judged.as_ref().unwrap().verdict, Verdict::Good);
}

#[test]
fn a_promotion_whose_new_fleet_fails_says_so_while_it_deploys_and_a_way_back_does_not() {
    for recovers in [false, true] {
        let mut plan = plan();
        plan.verify.as_mut().unwrap().recovers = recovers;
        let mut night = Night::until_update(plan);
        night.calls = None;
        night.applied("r-update");
        night.applied("r-tags");
        let mut asked = 0;
        for _ in 0..30 {
            night.shows(deploying(NOW, "Baking"));
            if let Some((ticket, around)) = night.asked.take() {
                asked += 1;
                night.tell(Event::Read { ticket, result: Ok(Answer::Measured(Box::new(failing(&around)))) });
            }
        }
        let said = night.said.iter().filter(|(_, text)| text.starts_with("while it deploys: 30 % of ")).count();
        assert_eq!((said, night.finished), (usize::from(!recovers), None), "{:?}", night.said);
        assert_eq!(asked > 0 && asked <= 6, !recovers, "once a minute, and of a way back never: {asked}");
        let noted = |entry: &Entry| matches!(entry, Entry::Note { text } if text.contains("B takes it back"));
        assert_eq!(night.records.iter().filter(|record| noted(&record.entry)).count(), usize::from(!recovers));
    }
}

#[test]
fn a_late_answer_about_the_bake_is_no_answer_about_the_end() {
    let mut night = in_service();
    night.tell(Event::Read { ticket: 999, result: Ok(Answer::Measured(Box::new(failing_now(&night)))) });
    assert!(night.run.judged().is_none());
}

fn failing_now(night: &Night) -> Measured {
    use mldeck_core::ops::measure::Stretch;
    let stretch =
        Stretch { variants: Vec::new(), from: night.now.floor(MINUTE), to: night.now.floor(MINUTE).plus(5 * MINUTE) };
    let around =
        Around { endpoint: Text::new("fraud-prod"), before: stretch.clone(), after: stretch, alarms: Vec::new() };
    failing(&around)
}
