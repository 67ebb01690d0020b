//! Whether an endpoint could be brought back, asked before it has to be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts, Snapshot,
        candidate::History,
        intent::Route,
        ready::{AbortAlarm, Readiness, readiness},
    },
    resource::{alarm::AlarmState, endpoint::EndpointStatus},
};

mod fixture;
use fixture::{BEFORE, NAME, alarm, context, history, quiet_abort_alarm, snapshot, t, two_variants};

fn of(change: impl FnOnce(&mut Snapshot)) -> Readiness {
    let mut snapshot = snapshot();
    snapshot.alarms = Ok(vec![alarm("fraud-5xx", AlarmState::Ok), alarm("fraud-p99", AlarmState::Ok)]);
    snapshot.abort_alarm = Some(quiet_abort_alarm());
    change(&mut snapshot);
    readiness(&Facts::from(snapshot), &history(), &context()).unwrap()
}

#[test]
fn what_has_a_way_an_abort_alarm_and_alarms_that_judge_is_ready() {
    let it = of(|_| {});
    assert_eq!((it.word(), it.is_ready(), it.endpoint.as_str()), ("ready", true, NAME));
    let way = it.way.as_ref().unwrap();
    assert_eq!((way.route, way.label.as_str(), way.config.as_str()), (Route::Config, "v17", BEFORE));
    assert!(way.minutes.is_some_and(|minutes| minutes > 5), "{way:?}");
    assert_eq!((it.alarms.summary().as_str(), it.provision("eu-west-1")), ("2 quiet", None));
}

#[test]
fn what_is_missing_makes_it_partly_and_is_named() {
    let missing = of(|snapshot| snapshot.abort_alarm = None);
    assert_eq!((missing.word(), missing.abort_alarm), ("partly", AbortAlarm::Missing));
    let line = missing.provision("eu-west-1").unwrap();
    assert!(line.starts_with("aws cloudwatch put-metric-alarm --alarm-name mldeck-abort-fraud-prod"), "{line}");
    assert!(line.contains("--no-actions-enabled") && line.ends_with("--region eu-west-1"), "{line}");
    let edited = of(|snapshot| snapshot.abort_alarm = Some(alarm("mldeck-abort-fraud-prod", AlarmState::Ok)));
    assert_eq!(edited.abort_alarm, AbortAlarm::Edited);
    assert!(edited.provision("eu-west-1").is_some());
    let alarms = |states: &[(&str, AlarmState)]| {
        let all = states.iter().map(|(name, state)| alarm(name, state.clone())).collect();
        of(|snapshot| snapshot.alarms = Ok(all))
    };
    let firing = alarms(&[("fraud-5xx", AlarmState::Alarm), ("fraud-p99", AlarmState::Ok)]);
    assert_eq!((firing.word(), firing.alarms.summary().as_str()), ("partly", "1 quiet; firing: fraud-5xx"));
    let blind = alarms(&[("fraud-5xx", AlarmState::InsufficientData)]);
    assert_eq!(blind.alarms.summary(), "none quiet; without data: fraud-5xx; gone: fraud-p99");
    assert!(!blind.is_ready());
}

#[test]
fn what_cannot_go_back_says_why() {
    let busy = of(|snapshot| snapshot.endpoint.status = EndpointStatus::Creating);
    assert_eq!((busy.word(), busy.wants_trail()), ("no", false));
    assert!(busy.way.unwrap_err()[0].text.contains("being created"));
    let unread = of(|snapshot| {
        snapshot.alarms = Err(Fault::new(FaultKind::Throttled, "reading alarms", ""));
        snapshot.abort_alarm = None;
    });
    assert_eq!((unread.word(), unread.abort_alarm), ("no", AbortAlarm::Unknown));
    assert_eq!((unread.provision("x"), unread.alarms.summary().as_str()), (None, "unknown: throttled by AWS"));
    // Nobody knows an earlier config: CloudTrail may.
    let mut first = snapshot();
    first.configs.truncate(1);
    first.trail = None;
    let lonely = readiness(&Facts::from(first), &History::default(), &context()).unwrap();
    assert!(lonely.wants_trail(), "{:?}", lonely.way);
    assert_eq!(readiness(&Facts::default(), &history(), &context()), None);
}

#[test]
fn the_fastest_way_is_named() {
    let mut both = two_variants();
    let made = |snapshot: &mut Snapshot, name: &str, at| {
        if let Some((_, Ok(model))) = snapshot.models.iter_mut().find(|(known, _)| *known == t(name)) {
            model.created = at;
        }
    };
    made(&mut both, "fraud-17", fixture::at("14T08:00:00"));
    made(&mut both, "fraud-18", fixture::at("22T08:00:00"));
    let it = readiness(&Facts::from(both), &history(), &context()).unwrap();
    let way = it.way.unwrap();
    assert_eq!((way.route, way.minutes), (Route::Weights, Some(1)));
}
