//! The executor against a small honest SageMaker with bad luck: ten thousand nights, each replayed by its seed.
//!
//! The rules can be broken on purpose in debug builds only; a release build has no such switch.
#![cfg(debug_assertions)]

#[path = "simulation/driver.rs"]
mod driver;
mod fixture;
#[path = "simulation/rules.rs"]
mod rules;
#[path = "simulation/world.rs"]
mod world;

use std::{collections::BTreeMap, ops::Range, sync::LazyLock};

use driver::Simulation;
use mldeck_core::{
    ops::{
        intent::Mode,
        plan::Plan,
        rule::{Rule, go_without},
    },
    resource::{Endpoint, operation::OperationState},
    time::{MINUTE, SECOND},
};

/// Guarded or emergency, with or without the abort alarm there already; and a shift of weights.
static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let mut plans = Vec::new();
    for mode in [Mode::Emergency, Mode::Guarded] {
        for abort_alarm in [None, Some(fixture::quiet_abort_alarm())] {
            plans.push(fixture::plan_with(|snapshot, choice, _| {
                choice.mode = Some(mode);
                snapshot.abort_alarm = abort_alarm;
            }));
        }
    }
    plans.push(fixture::shift());
    plans
});

/// The endpoint that a plan was made on.
fn endpoint_of(plan: &Plan) -> Endpoint {
    if plan.verb == "shift" { fixture::two_variants().endpoint } else { fixture::endpoint() }
}

fn play(seed: u64, rule: Option<Rule>) -> Simulation {
    let plan = &PLANS[(seed % PLANS.len() as u64) as usize];
    let mut simulation = Simulation::new(seed, plan, endpoint_of(plan));
    go_without(rule);
    simulation.play();
    go_without(None);
    simulation
}

fn play_all(seeds: Range<u64>) {
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in seeds {
        let simulation = play(seed, None);
        assert_eq!(simulation.violations, [""; 0], "{}", simulation.trace);
        *ends.entry(simulation.ended.map_or("none", OperationState::word)).or_default() += 1;
    }
    // The dice reach every end: a simulator that only sees good nights proves nothing.
    for state in ["done", "rolled back", "superseded", "refused", "needs you"] {
        assert!(ends.get(state).copied().unwrap_or(0) > 5, "too few runs end as {state}: {ends:?}");
    }
}

#[test]
fn nights_1() {
    play_all(0..2_500);
}

#[test]
fn nights_2() {
    play_all(2_500..5_000);
}

#[test]
fn nights_3() {
    play_all(5_000..7_500);
}

#[test]
fn nights_4() {
    play_all(7_500..10_000);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..200 {
        assert_eq!(play(seed, None).trace, play(seed, None).trace, "seed {seed}");
    }
}

#[test]
fn a_quiet_night_ends_well() {
    for plan in PLANS.iter() {
        let mut simulation = Simulation::quiet(plan, endpoint_of(plan), None, None);
        simulation.play();
        assert_eq!(simulation.violations, [""; 0], "{}", simulation.trace);
        assert_eq!((simulation.ended, simulation.accepted()), (Some(OperationState::Done), 1));
    }
}

#[test]
fn killed_at_any_record_it_comes_back_and_sends_nothing_twice() {
    for plan in PLANS.iter() {
        let mut whole = Simulation::quiet(plan, endpoint_of(plan), None, None);
        whole.play();
        let records = whole.records().len() as u64;
        assert!(records >= 7, "{}", whole.trace);
        for seq in 0..records {
            for after in [false, true] {
                let mut simulation = Simulation::quiet(plan, endpoint_of(plan), Some((seq, after)), None);
                simulation.play();
                assert_eq!(simulation.violations, [""; 0], "killed at {seq}, {after}\n{}", simulation.trace);
                let wanted = if simulation.accepted() == 1 { OperationState::Done } else { OperationState::Refused };
                assert_eq!(simulation.ended, Some(wanted), "killed at {seq}, {after}\n{}", simulation.trace);
            }
        }
    }
}

#[test]
fn an_abort_before_the_old_fleet_is_gone_brings_it_back() {
    for plan in PLANS.iter().filter(|plan| plan.verb == "roll back") {
        for (after, accepted) in [(0, 0), (40 * SECOND, 1), (3 * MINUTE, 1)] {
            let mut simulation = Simulation::quiet(plan, endpoint_of(plan), None, Some(after));
            simulation.play();
            assert_eq!(simulation.violations, [""; 0], "{}", simulation.trace);
            let wanted = if accepted == 1 { OperationState::RolledBack } else { OperationState::Refused };
            assert_eq!((simulation.ended, simulation.accepted()), (Some(wanted), accepted), "{}", simulation.trace);
        }
    }
}

/// Takes one rule away: some night within the first 2,000 must show it.
fn is_noticed(rule: Rule, words: &str) {
    let noticed = (0..2_000).find(|seed| play(*seed, Some(rule)).violations.iter().any(|v| v.contains(words)));
    assert!(noticed.is_some(), "no night notices that {rule:?} is missing");
}

#[test]
fn sending_before_the_journal_is_noticed() {
    is_noticed(Rule::JournalFirst, "without its durable intent");
}

#[test]
fn sending_after_a_failed_journal_is_noticed() {
    is_noticed(Rule::StopWithoutJournal, "after the journal failed");
}

#[test]
fn sending_without_a_last_look_is_noticed() {
    is_noticed(Rule::ReadBeforeSend, "not read just before");
}

#[test]
fn repeating_a_lost_call_blindly_is_noticed() {
    is_noticed(Rule::ResolveUnknown, "may still land");
}

#[test]
fn repeating_before_it_can_land_no_more_is_noticed() {
    is_noticed(Rule::WaitForLanding, "may still land");
}

#[test]
fn taking_any_service_for_success_is_noticed() {
    is_noticed(Rule::JudgeByState, "Done, but");
}

#[test]
fn repeating_an_intent_after_a_restart_is_noticed() {
    is_noticed(Rule::ResumeByReading, "may still land");
}
