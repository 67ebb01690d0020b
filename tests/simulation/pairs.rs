//! Every step of a rollback with every single fault: all pairs, each in a night in which nothing else goes wrong.

use mldeck_core::{
    ops::intent::Mode,
    resource::operation::OperationState,
    time::{HOUR, MINUTE, SECOND},
};
use mldeck_sandbox::faults::Kind;

use super::night::{
    Given, Night, Setup,
    account::Shape,
    desk::End,
    luck::{CALM, Deed, Trouble, kinds},
    play,
    wish::Wish,
};

/// What a rollback sends and reads, in its order, and what stops it.
const STEPS: [&str; 6] =
    ["PutMetricAlarm", "DescribeEndpoint", "UpdateEndpoint", "AddTags", "PutMetricData", "SetAlarmState"];

fn night(mode: Mode, troubles: Vec<Trouble>) -> Night {
    let wish = Wish::Back { mode: Some(mode), candidate: Some(1), deep: false };
    play(&Setup { seed: 7, traced: true, without: None, given: Some(Given { shape: Shape::plain(), wish, troubles }) })
}

/// The end of a night that must break no rule.
#[track_caller]
fn end(mode: Mode, troubles: Vec<Trouble>) -> (End, Night) {
    let told = format!("{mode:?} {troubles:?}");
    let night = night(mode, troubles);
    assert!(night.violations.is_empty(), "{told}: {:#?}\n{}", night.violations, night.trace);
    let [end] = night.ends[..] else { panic!("{told}: {:?}", night.ends) };
    (end, night)
}

fn abort() -> Trouble {
    Trouble::Abort { at: 4 * MINUTE, desk: 0 }
}

#[test]
fn a_quiet_night_ends_well() {
    for mode in [Mode::Emergency, Mode::Guarded] {
        let (end, night) = end(mode, Vec::new());
        assert_eq!((end, night.accepted), (End::Run(OperationState::Done), 1), "{}", night.trace);
    }
    let (stopped, night) = end(Mode::Emergency, vec![abort()]);
    assert_eq!((stopped, night.accepted), (End::Run(OperationState::RolledBack), 1), "{}", night.trace);
}

#[test]
fn every_fault_of_the_wire_at_every_step_breaks_no_rule() {
    let mut pairs = 0;
    for operation in STEPS {
        for kind in kinds() {
            for times in [Some(1), Some(3), None] {
                let lasts = if times.is_none() { 10 * MINUTE } else { CALM };
                let wire = Trouble::Wire { at: 0, operation: operation.to_owned(), kind: kind.clone(), times, lasts };
                let mut troubles = vec![wire];
                if matches!(operation, "PutMetricData" | "SetAlarmState") {
                    troubles.push(abort());
                }
                end(Mode::Emergency, troubles);
                pairs += 1;
            }
        }
    }
    println!("{pairs} pairs of step and fault");
}

#[test]
fn a_kill_a_full_disk_and_a_clock_at_every_record_break_no_rule() {
    let (_, whole) = end(Mode::Emergency, Vec::new());
    assert!(whole.records >= 8, "{}", whole.trace);
    for record in 0..whole.records {
        for told in [false, true] {
            let (ended, night) = end(Mode::Emergency, vec![Trouble::KillAt { desk: 0, record, told }]);
            let wanted = if night.accepted == 1 { OperationState::Done } else { OperationState::Refused };
            assert_eq!(ended, End::Run(wanted), "killed at {record}, {told}\n{}", night.trace);
        }
        for sticky in [false, true] {
            end(Mode::Emergency, vec![Trouble::Disk { desk: 0, record, sticky }]);
        }
    }
    for at in (0..40).map(|tenth| tenth * 5 * SECOND) {
        for by in [HOUR, -HOUR] {
            end(Mode::Emergency, vec![Trouble::Clock { at, desk: 0, by, lasts: 2 * MINUTE }]);
        }
        end(Mode::Emergency, vec![Trouble::Kill { at, desk: 0 }]);
    }
}

#[test]
fn an_endpoint_that_is_deleted_while_its_change_is_unknown_ends_as_somebody_elses() {
    let wire = Trouble::Wire {
        at: 0,
        operation: "UpdateEndpoint".to_owned(),
        kind: Kind::ServerError,
        times: Some(3),
        lasts: CALM,
    };
    let deleted = Trouble::Somebody { at: 2 * MINUTE, endpoint: 0, does: Deed::Deletes };
    let (end, night) = end(Mode::Emergency, vec![wire, deleted]);
    assert_eq!((end, night.accepted), (End::Run(OperationState::Superseded), 0), "{}", night.trace);
}

#[test]
fn somebody_else_at_every_moment_breaks_no_rule() {
    let deeds = [Deed::Deploys(3), Deed::Deploys(1), Deed::Weighs, Deed::Rings, Deed::LosesModel, Deed::Deletes];
    for does in deeds {
        for at in (0..30).map(|step| step * 8 * SECOND) {
            end(Mode::Guarded, vec![Trouble::Somebody { at, endpoint: 0, does }]);
        }
    }
}
