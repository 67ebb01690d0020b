//! Which keys count as a yes.

mod fixture;

use std::sync::LazyLock;

use fixture::{at, plan, plan_with, t};
use mldeck_core::{
    ops::{
        confirm::{BURST, Confirm, GO, Gate, QUIET, SETTLE, Verdict, Why},
        intent::Class,
        plan::Plan,
    },
    time::Monotonic,
};

static PLAN: LazyLock<Plan> = LazyLock::new(plan);

const fn ms(millis: u64) -> Monotonic {
    Monotonic::from_millis(millis)
}

/// Types `keys` one by one with `gap` milliseconds between them, then Enter.
fn type_in(gate: &mut Gate, start: u64, gap: u64, keys: &str) -> Verdict {
    let mut now = start;
    for key in keys.chars() {
        let _ = gate.key(ms(now), at("02:25:00"), key);
        now += gap;
    }
    gate.enter(ms(now), at("02:25:00"))
}

fn drawn() -> Gate {
    let mut gate = Gate::new(&plan());
    gate.drawn(ms(1_000));
    gate
}

#[test]
fn typing_the_target_goes_on() {
    for (typed, verdict) in [
        ("v17", Verdict::Go),
        ("V17", Verdict::Go),
        (" v 17", Verdict::Go),
        ("v18", Verdict::Ignored(Why::Mismatch)),
        ("v1", Verdict::Ignored(Why::Mismatch)),
        ("v17x", Verdict::Ignored(Why::Mismatch)),
        ("", Verdict::Ignored(Why::Mismatch)),
        ("ν17", Verdict::Ignored(Why::Mismatch)),
    ] {
        assert_eq!(type_in(&mut drawn(), 2_000, 90, typed), verdict, "{typed:?}");
    }
}

#[test]
fn a_wrong_key_can_be_taken_back() {
    let mut gate = drawn();
    let now = at("02:25:00");
    for (i, key) in "v18".chars().enumerate() {
        assert_eq!(gate.key(ms(2_000 + 100 * i as u64), now, key), Verdict::More);
    }
    gate.backspace(ms(2_400));
    assert_eq!(gate.typed(), "v1");
    assert!(!gate.is_matched());
    assert_eq!(gate.key(ms(2_500), now, '7'), Verdict::More);
    assert!(gate.is_matched());
    assert_eq!(gate.enter(ms(2_600), now), Verdict::Go);
}

#[test]
fn keys_before_the_plan_was_written_out_do_not_count() {
    let mut never = Gate::new(&plan());
    assert_eq!(type_in(&mut never, 2_000, 90, "v17"), Verdict::Ignored(Why::NotDrawn));
    // Typed blindly over the moment it appears: the first keys are gone.
    let mut gate = Gate::new(&plan());
    gate.drawn(ms(2_000));
    assert_eq!(type_in(&mut gate, 2_000 + SETTLE - 150, 100, "v17"), Verdict::Ignored(Why::Mismatch));
    // Hidden again by a resize: what was typed is gone with it.
    let mut gate = drawn();
    let _ = gate.key(ms(2_000), at("02:25:00"), 'v');
    gate.hidden();
    assert_eq!(gate.typed(), "");
    assert_eq!(gate.enter(ms(2_200), at("02:25:00")), Verdict::Ignored(Why::NotDrawn));
}

#[test]
fn a_burst_of_a_stalled_link_does_not_count() {
    for gap in [0, 1, BURST - 1] {
        let mut gate = drawn();
        assert_eq!(type_in(&mut gate, 5_000, gap, "v17"), Verdict::Ignored(Why::Burst), "{gap} ms");
        assert_eq!(gate.typed(), "");
        // And a hand may type it after a silence.
        assert_eq!(type_in(&mut gate, 5_100 + QUIET + 50, 90, "v17"), Verdict::Go, "{gap} ms");
    }
    assert_eq!(type_in(&mut drawn(), 5_000, BURST, "v17"), Verdict::Go);
}

#[test]
fn keys_right_after_a_burst_belong_to_it() {
    let mut gate = drawn();
    let _ = type_in(&mut gate, 5_000, 1, "vv");
    assert_eq!(type_in(&mut gate, 5_100, 90, "v17"), Verdict::Ignored(Why::Burst));
}

#[test]
fn a_paste_does_not_count() {
    let mut gate = drawn();
    assert_eq!(gate.paste(ms(2_000)), Verdict::Ignored(Why::Pasted));
    assert_eq!(gate.enter(ms(2_100), at("02:25:00")), Verdict::Ignored(Why::Pasted));
}

#[test]
fn a_plan_lives_ten_minutes() {
    let mut gate = drawn();
    let _ = gate.key(ms(2_000), at("02:34:00"), 'v');
    let _ = gate.key(ms(2_100), at("02:34:00"), '1');
    let _ = gate.key(ms(2_200), at("02:34:00"), '7');
    assert_eq!(gate.enter(ms(2_300), at("02:34:13")), Verdict::Ignored(Why::Expired));
    assert_eq!(gate.enter(ms(2_400), at("02:34:12")), Verdict::Go);
    // The same plan on newer facts has its own ten minutes; what is typed stands.
    gate.renew(&fixture::plan_with(|s, _, context| {
        s.at = at("02:33:00");
        context.at = at("02:33:01");
    }));
    assert_eq!(gate.enter(ms(2_500), at("02:43:01")), Verdict::Go);
    assert_eq!(gate.enter(ms(2_600), at("02:43:02")), Verdict::Ignored(Why::Expired));
}

#[test]
fn the_light_confirmation_is_one_key_and_never_enter() {
    let mut gate = Gate::new(&plan_with(|_, _, context| context.class = Class::Dev));
    gate.drawn(ms(1_000));
    let now = at("02:25:00");
    assert_eq!(gate.enter(ms(2_000), now), Verdict::Ignored(Why::Mismatch), "the focus is on Cancel");
    assert_eq!(gate.key(ms(2_100), now, 'x'), Verdict::Ignored(Why::Mismatch));
    assert_eq!(gate.key(ms(2_200), now, GO), Verdict::Go);
    assert_eq!(gate.key(ms(2_201), now, GO), Verdict::Ignored(Why::Burst));
}

#[test]
fn targets_with_spaces_and_counts() {
    let percent = Confirm::Typed { target: t("10 %") };
    assert!(
        percent.is_met_by("10%") && percent.is_met_by("10 %") && !percent.is_met_by("1 0") && !percent.is_met_by("")
    );
    assert!(!Confirm::Typed { target: t("") }.is_met_by(""), "an empty target is met by nothing");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]

    /// Whatever was typed before the plan was on the screen and settled, Enter right after never goes on.
    #[test]
    fn type_ahead_never_confirms(
        keys in proptest::collection::vec((0u64..3_000, proptest::sample::select(vec!['v', '1', '7', '\n'])), 0..40),
        drawn_at in 0u64..3_000,
    ) {
        let mut gate = Gate::new(&PLAN);
        let mut keys = keys;
        keys.sort_by_key(|(when, _)| *when);
        let mut drawn = false;
        for (when, key) in keys {
            if when >= drawn_at && !drawn {
                gate.drawn(ms(drawn_at));
                drawn = true;
            }
            let verdict = match key {
                '\n' => gate.enter(ms(when), at("02:25:00")),
                key => gate.key(ms(when), at("02:25:00"), key),
            };
            let settled = when >= drawn_at + SETTLE;
            proptest::prop_assert!(settled || verdict != Verdict::Go, "at {when}, drawn at {drawn_at}");
            proptest::prop_assert!(settled || gate.typed().is_empty());
        }
    }

    /// A whole answer delivered in one burst never confirms, whenever it comes.
    #[test]
    fn a_burst_never_confirms(start in 0u64..10_000, gaps in proptest::collection::vec(0..BURST, 4)) {
        let mut gate = Gate::new(&PLAN);
        gate.drawn(ms(0));
        let mut now = start;
        for (key, gap) in "v17\n".chars().zip(gaps) {
            now += gap;
            let verdict = match key {
                '\n' => gate.enter(ms(now), at("02:25:00")),
                key => gate.key(ms(now), at("02:25:00"), key),
            };
            proptest::prop_assert_ne!(verdict, Verdict::Go);
        }
    }
}
