//! The executor, one event at a time, and what its journal tells afterwards.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;
#[path = "fixture/night.rs"]
mod night;

use fixture::{at, endpoint, plan, plan_with, t};
use mldeck_core::{
    ask::Sent,
    fault::{Fault, FaultKind},
    ops::{
        journal::{self, Entry, Record, history, ledger, markdown, operations},
        run::{Event, LANDING, Stage, Unresumable, resume},
    },
    resource::{Endpoint, endpoint::EndpointStatus, operation::OperationState},
    time::{HOUR, MINUTE, SECOND},
};
use night::{Night, deploying, settled};

fn lost() -> Sent {
    Sent::Unknown(Fault::new(FaultKind::Timeout, "UpdateEndpoint", ""))
}

#[test]
fn a_whole_way_back() {
    let mut night = Night::until_update(plan());
    night.applied("r-update");
    assert_eq!(night.sent.last().map(|(_, call)| call.operation()), Some("AddTags"));
    night.applied("r-tags");
    for stage in ["Creating", "ActivatingTraffic", "Baking", "Baking", "Deleting"] {
        night.shows(deploying("fraud-v17-a", stage));
        assert_eq!(night.finished, None);
    }
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
    let stages: Vec<&Stage> = night.run.stages().iter().map(|(stage, _)| stage).collect();
    let wanted = [Stage::Accepted, Stage::Creating, Stage::ActivatingTraffic, Stage::Baking, Stage::Deleting];
    assert_eq!(stages, wanted.iter().collect::<Vec<_>>());

    let row = ledger(&night.records).remove(0);
    assert_eq!((row.id.clone(), row.summary.as_str(), row.state), (plan().id(), "v18 → v17", OperationState::Done));
    assert_eq!(row.request_ids, [t("r-alarm"), t("r-update"), t("r-tags")]);
    let told = "InService on fraud-v17-a; good: 0 of 300 calls failed, p99 40 ms (0 of 1 500 calls failed, p99 40 ms before); its 2 alarms are quiet";
    assert_eq!(row.note, told);
    assert_eq!(row, *night.run.operation(), "the ledger and the run tell the same");

    let past = history(&night.records);
    assert_eq!((past.moves[0].from.as_str(), past.moves[0].to.as_str()), ("fraud-v18-c", "fraud-v17-a"));
    assert_eq!(past.images[0].1.resolved, Some(t("sha256:b07a")));

    let text = markdown(&operations(&night.records)[0]);
    for words in [
        "## Roll back fraud-prod: v18 → v17 (done)",
        "request id `r-update`",
        "| 02:24:30 | 0 s | sending UpdateEndpoint, attempt 1 |",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn records_survive_the_file() {
    let mut night = Night::until_update(plan());
    night.answer(lost());
    for record in &night.records {
        assert_eq!(&Record::read(&record.write().unwrap()).unwrap(), record);
    }
    let newer = night.records[1].write().unwrap().replace("\"v\":3", "\"v\":4");
    assert_eq!(Record::read(&newer).unwrap_err().to_string(), "the record is of version 4, newer than this program");
    assert!(Record::read("{\"v\":3").is_err());
}

#[test]
fn a_change_since_the_plan_stops_it_with_three_columns() {
    let mut night = Night::new(plan_with(|snapshot, _, _| snapshot.abort_alarm = Some(fixture::quiet_abort_alarm())));
    night.tell(Event::Start);
    let mut other = settled("fraud-v19-x", None);
    other.details.get_or_insert_default().variants[0].desired_count = Some(8);
    night.answer_read(other);
    assert_eq!(night.finished, Some(OperationState::Refused));
    assert_eq!(
        night.stale,
        ["endpoint config: fraud-v18-c | fraud-v19-x | fraud-v17-a"],
        "counts that autoscaling moved are no reason"
    );
    assert!(night.sent.is_empty());
}

#[test]
fn a_lost_answer_is_found_by_reading() {
    let mut night = Night::until_update(plan());
    night.answer(lost());
    assert_eq!(night.run.state(), OperationState::Unknown);
    assert!(night.heard("it may have landed"));
    night.shows(endpoint());
    night.shows(deploying("fraud-v17-a", "Creating"));
    assert_eq!(night.run.state(), OperationState::Running);
    assert_eq!(night.sent.last().map(|(_, call)| call.operation()), Some("AddTags"));
}

#[test]
fn a_lost_call_is_sent_again_only_when_it_can_land_no_more_and_only_once() {
    let mut night = Night::until_update(plan());
    let sent_at = night.now;
    night.answer(lost());
    while night.sent.is_empty() {
        night.shows(endpoint());
    }
    assert!(night.now.since(sent_at) >= LANDING, "sent again after {} s", night.now.since(sent_at) / SECOND);
    assert!(night.records.iter().any(|r| matches!(r.entry, Entry::Intent { step: 1, attempt: 2, .. })));
    night.answer(lost());
    while night.finished.is_none() {
        night.shows(endpoint());
    }
    assert_eq!((night.finished, night.sent.len()), (Some(OperationState::NeedsHuman), 0));
}

#[test]
fn a_clock_that_jumps_ahead_is_no_waiting() {
    let mut night = Night::until_update(plan());
    night.answer(lost());
    night.shows(endpoint());
    night.now = night.now.plus(HOUR);
    night.shows(endpoint());
    night.shows(endpoint());
    assert!(night.sent.is_empty(), "an hour on the clock is not five minutes of waiting");
}

#[test]
fn ends() {
    use OperationState::{Done, NeedsHuman, RolledBack, Superseded};
    let status = |status: EndpointStatus| Endpoint { status, ..settled("fraud-v18-c", Some("broken")) };
    let cases: Vec<(&str, Endpoint, OperationState)> = vec![
        ("requested config", settled("fraud-v17-a", None), Done),
        ("old config with a reason", settled("fraud-v18-c", Some("alarm went off")), RolledBack),
        ("old config without a reason", settled("fraud-v18-c", None), NeedsHuman),
        ("a third config", settled("fraud-v19-x", None), Superseded),
        ("a third config on its way", deploying("fraud-v19-x", "Creating"), Superseded),
        ("deleted", status(EndpointStatus::Deleting), Superseded),
        ("failed", status(EndpointStatus::Failed), NeedsHuman),
        ("rollback failed", status(EndpointStatus::UpdateRollbackFailed), NeedsHuman),
        ("unknown status", status(EndpointStatus::Other(t("Hibernating"))), NeedsHuman),
    ];
    for (name, end, wanted) in cases {
        let mut night = Night::until_update(plan());
        night.applied("r");
        night.applied("r");
        night.shows(deploying("fraud-v17-a", "Creating"));
        night.shows(end);
        assert_eq!(night.finished, Some(wanted), "{name}: {:?}", night.said.last());
    }
}

#[test]
fn a_read_that_lags_behind_the_call_is_not_a_verdict() {
    let mut night = Night::until_update(plan());
    night.applied("r");
    night.applied("r");
    for _ in 0..5 {
        night.shows(endpoint());
        assert_eq!(night.finished, None);
    }
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
}

#[test]
fn blind_is_said_and_not_failed() {
    let mut night = Night::until_update(plan());
    night.applied("r");
    night.applied("r");
    for _ in 0..200 {
        while night.read.is_none() {
            night.wait(30 * SECOND);
        }
        night.fail_read(FaultKind::Login(mldeck_core::fault::Login::Expired));
    }
    assert!(night.run.is_blind());
    let said = night.said.iter().filter(|(_, text)| text.contains("AWS cannot be seen")).count();
    assert_eq!((said, night.finished), (1, None));
    assert!(night.heard("AWS goes on alone; its alarms are armed"));
    assert_eq!(night.read, None);
    night.tell(Event::Look);
    assert!(night.read.is_some(), "somebody signed in: it looks at once");
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
}

#[test]
fn throttled_is_sent_again_and_refused_is_not() {
    let mut night = Night::until_update(plan());
    night.answer(Sent::Refused(Fault::new(FaultKind::Throttled, "UpdateEndpoint", "")));
    while night.read.is_none() {
        night.wait(4 * SECOND);
    }
    night.answer_read(endpoint());
    night.answer(Sent::Refused(Fault::new(
        FaultKind::Denied { action: t("sagemaker:UpdateEndpoint") },
        "UpdateEndpoint",
        "",
    )));
    assert_eq!((night.finished, night.sent.len()), (Some(OperationState::Refused), 0));
    assert!(night.heard("no permission"));
}

#[test]
fn without_a_last_look_nothing_is_sent_and_the_missing_permission_is_named() {
    let mut night = Night::new(plan());
    night.tell(Event::Start);
    night.answer_read(endpoint());
    night.applied("r-alarm");
    while night.finished.is_none() {
        while night.read.is_none() {
            night.wait(SECOND);
        }
        night.fail_read(FaultKind::Denied { action: t("sagemaker:DescribeEndpoint") });
    }
    assert!(!night.sent.iter().any(|(_, call)| call.operation() == "UpdateEndpoint"), "{:?}", night.sent);
    assert!(night.heard("it could not be read freshly (no permission (sagemaker:DescribeEndpoint)): nothing was sent"));
}

#[test]
fn without_its_tags_the_change_still_is_done() {
    let mut night = Night::until_update(plan());
    night.applied("r");
    night.answer(Sent::Refused(Fault::new(FaultKind::Denied { action: t("sagemaker:AddTags") }, "AddTags", "")));
    assert!(night.heard("AddTags was left out"));
    night.shows(settled("fraud-v17-a", None));
    assert_eq!(night.finished, Some(OperationState::Done));
}

#[test]
fn abort_while_it_bakes_trips_the_alarm_until_the_stage_changes() {
    let mut night = Night::until_update(plan());
    night.applied("r");
    night.applied("r");
    night.shows(deploying("fraud-v17-a", "Baking"));
    night.tell(Event::Abort { by: t("anna") });
    let calls = |night: &mut Night| night.sent.drain(..).map(|(_, call)| call.operation()).collect::<Vec<_>>();
    assert_eq!(calls(&mut night), ["PutMetricData", "SetAlarmState"]);
    night.shows(deploying("fraud-v17-a", "Baking"));
    assert_eq!(calls(&mut night), ["PutMetricData", "SetAlarmState"], "again after ten seconds");
    night.shows(deploying("fraud-v17-a", "Deleting"));
    assert!(calls(&mut night).is_empty());
    night.shows(settled("fraud-v18-c", Some("alarm mldeck-abort-fraud-prod went off")));
    assert_eq!(night.finished, Some(OperationState::RolledBack));
}

#[test]
fn abort_when_the_old_fleet_goes_is_told_honestly() {
    let mut night = Night::until_update(plan());
    night.applied("r");
    night.applied("r");
    night.shows(deploying("fraud-v17-a", "Deleting"));
    night.tell(Event::Abort { by: t("anna") });
    assert!(night.sent.is_empty());
    assert!(night.heard("it cannot be stopped any more"));
}

#[test]
fn abort_of_a_lost_call_waits_until_it_shows() {
    let mut night = Night::until_update(plan());
    night.answer(lost());
    night.tell(Event::Abort { by: t("anna") });
    assert!(night.sent.is_empty());
    night.shows(deploying("fraud-v17-a", "Creating"));
    let calls: Vec<&str> = night.sent.iter().map(|(_, call)| call.operation()).collect();
    assert_eq!(calls, ["PutMetricData", "SetAlarmState"], "and no tags for what is being stopped");
}

#[test]
fn an_old_or_edited_plan_is_not_begun() {
    let mut old = Night::new(plan());
    old.now = at("02:24:12").plus(11 * MINUTE);
    old.tell(Event::Start);
    assert_eq!((old.finished, old.records.len()), (Some(OperationState::Refused), 0));
    let mut edited = plan();
    edited.to.config = t("fraud-v16-b");
    let mut night = Night::new(edited.clone());
    night.tell(Event::Start);
    assert_eq!((night.finished, night.records.len()), (Some(OperationState::Refused), 0));
    let record =
        Record { v: 1, op: edited.id(), seq: 0, at: at("02:24:30"), entry: Entry::Planned { plan: Box::new(edited) } };
    assert_eq!(resume(&[record]).err(), Some(Unresumable::Changed));
    assert_eq!(resume(&[]).err(), Some(Unresumable::NoPlan));
}

#[test]
fn resumed_it_looks_and_does_not_send() {
    let night = Night::until_update(plan());
    let mut again = Night::with(resume(&night.records).unwrap());
    assert_eq!(again.run.state(), OperationState::Unknown, "an intent without an outcome");
    again.tell(Event::Start);
    again.answer_read(deploying("fraud-v17-a", "Baking"));
    assert_eq!(again.run.state(), OperationState::Running);
    assert!(again.sent.is_empty(), "not even its tags");
    assert!(again.records.iter().all(|r| r.seq > night.records.last().map_or(0, |last| last.seq)));
    again.tell(Event::Abort { by: t("anna") });
    assert_eq!(again.sent.len(), 2, "but a person may still stop it");
    let mut never = Night::with(resume(&night.records).unwrap());
    never.tell(Event::Start);
    while never.finished.is_none() {
        never.shows(endpoint());
    }
    assert_eq!((never.finished, never.sent.len()), (Some(OperationState::Refused), 0));
}

#[test]
fn the_same_plan_run_twice_is_two_rows() {
    let mut first = Night::until_update(plan());
    first.answer(Sent::Refused(Fault::new(FaultKind::Invalid, "UpdateEndpoint", "")));
    let mut second = Night::until_update(plan());
    second.applied("r");
    first.records.extend(second.records);
    let groups = operations(&first.records);
    let ended = groups.iter().map(|group| resume(group.iter().copied()).unwrap().state()).collect::<Vec<_>>();
    assert_eq!(ended, [OperationState::Refused, OperationState::Running]);
    let rows = ledger(&first.records);
    assert_eq!(rows[1].id.as_str(), format!("{}-2", rows[0].id));
    assert_eq!((rows[0].state, rows[1].state), (OperationState::Refused, OperationState::Running));
    let at = |id: &str| journal::of(&first.records, id).map(|group| resume(group).unwrap().state());
    assert_eq!(at(rows[0].id.as_str()), Some(OperationState::Running), "the bare id is the newest run");
    assert_eq!(at(rows[1].id.as_str()), Some(OperationState::Running));
    assert_eq!((at(&format!("{}-3", rows[0].id)), at(&format!("{}-1", rows[0].id)), at("no-such")), (None, None, None));
}

#[test]
fn what_is_as_it_was_and_yet_changed_is_for_a_person() {
    let mut night = Night::until_update(plan());
    night.answer(lost());
    let mut reverted = endpoint();
    reverted.modified = at("02:30:00");
    while night.finished.is_none() {
        night.shows(reverted.clone());
    }
    assert_eq!((night.finished, night.sent.len()), (Some(OperationState::NeedsHuman), 0));
    assert!(night.heard("whether the call landed and was taken back cannot be told"));
}
