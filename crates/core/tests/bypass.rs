//! A way back whose operator said that it goes on without a journal; and everything else, which does not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;
#[path = "fixture/night.rs"]
mod night;

use fixture::{NAME, at, context, endpoint, history, plan, snapshot, t};
use mldeck_core::{
    ops::{
        intent::{Bypass, Choice, Intent},
        journal::{Entry, Record},
        plan::{Plan, plan_back_out},
        run::{Event, Run},
    },
    resource::operation::OperationState,
};
use night::{Night, deploying, settled};

fn unrecorded() -> Plan {
    let choice = Choice { bypass: vec![Bypass::Journal], ..Choice::default() };
    let intent = Intent::back_out(t(NAME), choice).because(Some(t("INC-42")));
    plan_back_out(&intent, &snapshot(), &history(), &context()).unwrap()
}

fn begun(plan: Plan, full_from: u64) -> Night {
    let mut night = Night { full_from: Some(full_from), ..Night::with(Run::new(plan, at("02:24:30"))) };
    night.tell(Event::Start);
    night
}

/// The way back to its end; what was sent.
fn carried_out(night: &mut Night) -> Vec<&'static str> {
    let mut sent = Vec::new();
    while night.finished.is_none() {
        if let Some((_, call)) = night.sent.last() {
            sent.push(call.operation());
            night.applied("r-1");
        } else if sent.contains(&"UpdateEndpoint") {
            night.shows(settled("fraud-v17-a", None));
        } else {
            night.shows(endpoint());
        }
    }
    sent
}

#[test]
fn it_goes_on_wherever_the_disk_fills_up_and_each_record_is_told() {
    let whole = {
        let mut night = begun(plan(), u64::MAX);
        assert_eq!(carried_out(&mut night), ["PutMetricAlarm", "UpdateEndpoint", "AddTags"]);
        night.records.len() as u64
    };
    for full_from in 0..whole {
        let mut night = begun(unrecorded(), full_from);
        let sent = carried_out(&mut night);
        assert_eq!(sent, ["PutMetricAlarm", "UpdateEndpoint", "AddTags"], "{full_from}: {:?}", night.said);
        assert_eq!(night.finished, Some(OperationState::Done), "{full_from}");
        assert!(night.heard("going on without it, as you said"), "{full_from}");
        // Journal and output together have every record once.
        let mut told: Vec<u64> = night.unrecorded.iter().map(|record| record.seq).collect();
        told.sort_unstable();
        let last = told.last().copied().unwrap();
        assert_eq!(told, (full_from..=last).collect::<Vec<_>>(), "{full_from}");
        let says_why = |record: &Record| matches!(&record.entry, Entry::Bypassed { what: Bypass::Journal, reason, .. } if *reason == "INC-42");
        assert_eq!(night.unrecorded.iter().filter(|record| says_why(record)).count(), 1, "{full_from}");
    }
}

#[test]
fn without_the_word_of_the_operator_nothing_more_leaves() {
    for full_from in 0..4 {
        let mut night = begun(plan(), full_from);
        while night.finished.is_none() && night.read.is_some() {
            night.answer_read(endpoint());
            if !night.sent.is_empty() {
                night.applied("r-1");
            }
        }
        assert!(night.unrecorded.is_empty(), "{full_from}");
        assert!(!night.sent.iter().any(|(_, call)| call.operation() == "UpdateEndpoint"), "{full_from}");
        assert!(night.heard("--bypass journal"), "how a way back goes on is said: {:?}", night.said);
    }
}

#[test]
fn it_can_still_be_stopped() {
    let mut night = begun(unrecorded(), 0);
    while !night.sent.iter().any(|(_, call)| call.operation() == "UpdateEndpoint") {
        night.shows(endpoint());
        if night.sent.iter().any(|(_, call)| call.operation() == "PutMetricAlarm") {
            night.applied("r-1");
        }
    }
    night.applied("r-2");
    night.applied("r-3");
    night.shows(deploying("fraud-v17-a", "Baking"));
    night.tell(Event::Abort { by: t("anna") });
    let sent: Vec<&str> = night.sent.iter().map(|(_, call)| call.operation()).collect();
    assert_eq!(sent, ["PutMetricData", "SetAlarmState"]);
    assert!(night.unrecorded.iter().any(|record| matches!(record.entry, Entry::Abort { .. })));
}
