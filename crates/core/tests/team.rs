//! The lock that hosts share, as the executor takes, renews, loses and gives it back; the answers of the table are the test's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod fixture;
#[path = "fixture/night.rs"]
mod night;

use fixture::{at, context, endpoint, history, plan, snapshot, t};
use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        confirm::Confirm,
        guard::{Check, Severity},
        intent::{Bypass, Choice, Class, Intent},
        journal::Entry,
        plan::Plan,
        run::{Event, Run},
        snapshot::Facts,
        team::{LEASE, Lock, Owner, RENEW, Verdict, Want},
        verb,
    },
    resource::operation::OperationState,
    time::SECOND,
};
use night::{Night, deploying, measured, settled};

fn anna() -> Owner {
    Owner { who: t("anna"), host: t("web-1"), pid: 7 }
}

/// The plan in this class of account, and what its way back may leave out.
fn planned(class: Class, bypass: &[Bypass], reason: Option<&str>, lock: Option<Verdict>) -> Plan {
    let choice = Choice { bypass: bypass.to_vec(), ..Choice::default() };
    let intent = Intent::back_out(t("fraud-prod"), choice).because(reason.map(t));
    let facts = Facts { lock, ..Facts::from(snapshot()) };
    let context = mldeck_core::ops::intent::Context { class, ..context() };
    verb::plan(&intent, &facts, &history(), &context).expect("a plan")
}

fn night(plan: Plan) -> Night {
    let mut night = Night::with(Run::new(plan, at("02:24:30")).with_team(anna()));
    night.tell(Event::Start);
    night
}

fn unreachable() -> Verdict {
    Verdict::Unreachable(Fault::new(FaultKind::Network, "reading the team lock", ""))
}

fn of_bo() -> Lock {
    let bo = Owner { who: t("bo"), host: t("web-2"), pid: 9 };
    Lock { epoch: 4, ..Lock::wanted(&plan(), &bo, at("02:24:00")) }
}

fn answer(night: &mut Night, verdict: impl FnOnce(&Want) -> Verdict) -> Want {
    let (ticket, want) = night.locks.pop().expect("it asks about the lock");
    let verdict = verdict(&want);
    night.tell(Event::Locked { ticket, verdict: Box::new(verdict) });
    want
}

fn held(want: &Want) -> Verdict {
    let mut lock = want.lock().clone();
    lock.epoch = lock.epoch.max(5);
    Verdict::Held(lock)
}

/// Up to the moment UpdateEndpoint was accepted, with the lock.
fn deployed(plan: Plan) -> Night {
    let mut night = night(plan);
    answer(&mut night, held);
    night.answer_read(endpoint());
    night.applied("r-alarm");
    night.answer_read(endpoint());
    night.applied("r-update");
    night.applied("r-tags");
    night
}

#[test]
fn nothing_leaves_before_the_lock_is_held_and_it_is_given_back_at_the_end() {
    let mut night = night(planned(Class::Prod, &[], None, None));
    assert!(night.read.is_none() && night.sent.is_empty(), "not even the last look");
    let want = answer(&mut night, held);
    let Want::Take(lock) = &want else { panic!("{want:?}") };
    assert_eq!((lock.owner.clone(), lock.plan.clone(), lock.expires), (anna(), night.run.plan().id(), at("02:26:30")));
    assert_eq!(night.run.lock().map(|lock| lock.epoch), Some(5));
    night.answer_read(endpoint());
    assert_eq!(night.sent.len(), 1);

    let mut night = deployed(planned(Class::Prod, &[], None, None));
    for _ in 0..4 {
        night.shows(deploying("fraud-v17-a", "Creating"));
    }
    let (ticket, Want::Renew(lock)) = night.locks.pop().expect("renewed while it runs") else { panic!("renewed") };
    assert!(night.locks.is_empty(), "once");
    let lock = Lock { expires: night.now.plus(LEASE), ..lock };
    night.tell(Event::Locked { ticket, verdict: Box::new(Verdict::Held(lock)) });
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
    assert!(matches!(night.locks.pop(), Some((_, Want::Free(_)))));
}

#[test]
fn it_is_given_back_before_its_calls_are_looked_at_and_not_asked_for_again() {
    for class in [Class::Prod, Class::Dev] {
        let mut night = deployed(planned(class, &[], None, None));
        night.calls = None;
        night.locks.clear();
        night.shows(settled("fraud-v17-a", None));
        assert!(night.run.is_verifying() && night.run.lock().is_none());
        let (ticket, want) = night.locks.pop().expect("given back");
        assert!(matches!(want, Want::Free(_)) && night.locks.is_empty(), "{want:?}");
        night.tell(Event::Locked { ticket, verdict: Box::new(Verdict::Free) });
        for _ in 0..5 {
            night.verify(&settled("fraud-v17-a", None), |around| measured(around, 30));
        }
        assert!(night.locks.is_empty(), "{:?}", night.locks);
    }
}

#[test]
fn it_is_renewed_every_half_minute() {
    let mut night = deployed(planned(Class::Prod, &[], None, None));
    let mut renewed = 0;
    let begun = night.now;
    while night.now.since(begun) < 5 * RENEW {
        night.shows(deploying("fraud-v17-a", "Creating"));
        if !night.locks.is_empty() {
            let until = night.now.plus(LEASE);
            let want = answer(&mut night, |want| Verdict::Held(Lock { expires: until, ..want.lock().clone() }));
            assert!(matches!(want, Want::Renew(_)), "{want:?}");
            renewed += 1;
        }
    }
    assert_eq!(renewed, 5);
    assert!(night.run.lock().is_some_and(|lock| lock.expires > night.now));
}

#[test]
fn who_holds_it_is_said_and_how_it_goes_by_hand() {
    let mut night = night(planned(Class::Prod, &[], None, None));
    answer(&mut night, |_| Verdict::Other(of_bo()));
    assert_eq!(night.finished, Some(OperationState::Refused));
    assert!(night.sent.is_empty());
    for words in [
        "bo on web-2 (process 9)",
        "nothing was sent",
        "By hand: aws cloudwatch put-metric-alarm",
        " && aws sagemaker update-endpoint",
        "--bypass lock",
    ] {
        assert!(night.heard(words), "{words:?} in {:?}", night.said);
    }
    assert!(night.locks.is_empty(), "what is not ours is not given back");
}

#[test]
fn a_table_that_cannot_be_reached_stops_production_and_only_that() {
    let mut prod = night(planned(Class::Prod, &[], None, None));
    answer(&mut prod, |_| unreachable());
    assert_eq!((prod.finished, prod.sent.len()), (Some(OperationState::Refused), 0));
    assert!(prod.heard("the team lock cannot be had (no connection)"), "{:?}", prod.said);

    for class in [Class::Stage, Class::Dev] {
        let mut night = night(planned(class, &[], None, None));
        answer(&mut night, |_| unreachable());
        assert!(night.heard("going on without it"), "{:?}", night.said);
        night.answer_read(endpoint());
        assert_eq!(night.sent.len(), 1, "{class:?}");
        // It can be reached again, and somebody else has it: then nothing more is sent.
        night.wait(RENEW);
        let want = answer(&mut night, |_| Verdict::Other(of_bo()));
        assert!(matches!(want, Want::Take(_)), "{want:?}");
        night.applied("r-alarm");
        assert_eq!((night.finished, night.sent.len()), (Some(OperationState::Refused), 0), "{:?}", night.said);
    }
}

#[test]
fn nobody_answers() {
    let mut night = night(planned(Class::Prod, &[], None, None));
    let (late, _) = night.locks.pop().unwrap();
    night.wait(31 * SECOND);
    assert_eq!(night.finished, Some(OperationState::Refused), "{:?}", night.said);
    // The answer comes after all: what it took is given back.
    night.tell(Event::Locked { ticket: late, verdict: Box::new(Verdict::Held(of_bo())) });
    assert!(matches!(night.locks.pop(), Some((_, Want::Free(_)))));
}

#[test]
fn a_way_back_with_a_reason_goes_on_and_the_reason_is_in_the_journal() {
    let plan = planned(Class::Prod, &[Bypass::Lock], Some("INC-42"), None);
    assert!(plan.is_intact());
    let mut night = night(plan);
    let want = answer(&mut night, |_| unreachable());
    let Want::Force(lock) = want else { panic!("{want:?}") };
    assert_eq!(lock.reason, Some(t("INC-42")), "whoever is asked why finds it in the row");
    let recorded = night.records.iter().any(
        |record| matches!(&record.entry, Entry::Bypassed { what: Bypass::Lock, reason, .. } if *reason == "INC-42"),
    );
    assert!(recorded, "{:?}", night.records);
    night.answer_read(endpoint());
    assert_eq!(night.sent.len(), 1);
}

#[test]
fn a_bypass_is_another_plan_with_a_heavy_confirmation_and_needs_a_reason() {
    let plain = planned(Class::Dev, &[], Some("INC-42"), None);
    let bypass = planned(Class::Dev, &[Bypass::Lock], Some("INC-42"), None);
    assert!(matches!(plain.confirm, Confirm::Key { .. }) && matches!(bypass.confirm, Confirm::Typed { .. }));
    assert_ne!(plain.digest, bypass.digest);
    let mut edited = plain;
    edited.intent = bypass.intent;
    assert!(!edited.is_intact(), "nobody adds it to a saved plan");
    let choice = Choice { bypass: vec![Bypass::Lock], ..Choice::default() };
    let refused =
        verb::plan(&Intent::back_out(t("fraud-prod"), choice), &Facts::from(snapshot()), &history(), &context());
    assert_eq!(refused.unwrap_err()[0].check, Check::Reason);
}

#[test]
fn a_plan_says_how_the_lock_stands() {
    let said = |lock: Verdict, bypass: &[Bypass]| {
        let plan = planned(Class::Prod, bypass, Some("INC-42"), Some(lock));
        let found = plan.findings.iter().find(|finding| finding.check == Check::TeamLock).expect("a finding").clone();
        (found.severity, found.text, found.remedy.unwrap_or_default())
    };
    assert_eq!(said(Verdict::Free, &[]).0, Severity::Ok);
    let (severity, text, remedy) = said(Verdict::Other(of_bo()), &[]);
    assert!(severity == Severity::Warn && text.contains("bo on web-2") && remedy.contains("--bypass lock"), "{text}");
    assert!(said(unreachable(), &[]).1.contains("nothing would be sent"));
    assert!(said(unreachable(), &[Bypass::Lock]).1.contains("as you said"));
    // It is no part of what is done: the plan is the same.
    let id = |lock| planned(Class::Prod, &[], None, Some(lock)).id();
    assert_eq!(id(Verdict::Free), id(Verdict::Other(of_bo())));
}

#[test]
fn a_lost_lock_stops_calls_and_not_the_watch() {
    let mut night = deployed(planned(Class::Prod, &[], None, None));
    while night.locks.is_empty() {
        night.shows(deploying("fraud-v17-a", "Creating"));
    }
    answer(&mut night, |_| Verdict::Other(of_bo()));
    assert!(night.heard("lost to bo on web-2"), "{:?}", night.said);
    // Stopping it is not ours any more either: it would stop what bo does.
    night.tell(Event::Abort { by: t("anna") });
    assert!(night.sent.is_empty() && night.heard("somebody else has the team lock"), "{:?}", night.said);
    assert!(night.heard("aws cloudwatch set-alarm-state"), "{:?}", night.said);
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
    assert!(night.locks.is_empty(), "it is not ours to give back");
}

#[test]
fn a_lock_that_ran_out_is_renewed_before_the_next_call_or_nothing_more_leaves() {
    for regained in [true, false] {
        let mut night = night(planned(Class::Prod, &[], None, None));
        answer(&mut night, held);
        night.answer_read(endpoint());
        // A laptop slept.
        night.now = night.now.plus(LEASE + SECOND);
        night.applied("r-alarm");
        assert!(night.read.is_none() && night.sent.is_empty());
        let until = night.now.plus(LEASE);
        let want = answer(&mut night, |want| match regained {
            true => Verdict::Held(Lock { expires: until, ..want.lock().clone() }),
            false => unreachable(),
        });
        assert!(matches!(want, Want::Renew(_)), "{want:?}");
        if regained {
            night.answer_read(endpoint());
            assert_eq!(night.sent.len(), 1);
        } else {
            assert_eq!((night.finished, night.sent.len()), (Some(OperationState::Refused), 0), "{:?}", night.said);
        }
    }
}

#[test]
fn stopping_while_the_lock_is_asked_for_gives_it_back() {
    let mut night = night(planned(Class::Prod, &[], None, None));
    night.tell(Event::Abort { by: t("anna") });
    assert_eq!(night.finished, Some(OperationState::Refused));
    let want = answer(&mut night, held);
    assert!(matches!(want, Want::Take(_)));
    assert!(matches!(night.locks.pop(), Some((_, Want::Free(_)))), "{:?}", night.locks);
}
