//! The executor on the real stack, in nights with bad luck: each is told by its seed.
//!
//! `cargo run --release --example simulate` plays the same nights by the million.

#[path = "night/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with examples/simulate.rs")]
mod night;

mod mutations;
mod pairs;

use std::ops::Range;

use night::{
    Setup, play,
    tally::{Tally, replay},
};

/// Of what was begun, this much may end with a person. The bad luck here is many times that of a real night.
const MOST_NEEDS_HUMAN: f64 = 0.06;

fn nights(seeds: Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        tally.count(seed, &play(&Setup { seed, ..Setup::default() }));
    }
    tally
}

fn hold(seeds: Range<u64>) {
    let tally = nights(seeds);
    assert_eq!(tally.violations, 0, "{tally}");
    assert!(tally.needs_human() < MOST_NEEDS_HUMAN, "{tally}");
    // The dice reach every end: a simulator that only sees good nights proves nothing.
    for end in ["done", "rolled back", "superseded", "refused", "needs you"] {
        assert!(tally.of(end) > 0, "no run ends as {end}: {tally}");
    }
}

#[test]
fn nights_1() {
    hold(0..250);
}

#[test]
fn nights_2() {
    hold(250..500);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..25 {
        let told = || play(&Setup { seed, traced: true, ..Setup::default() }).trace;
        let once = told();
        assert!(once.contains("Describe"), "{once}");
        // Byte for byte, also with other nights in between.
        play(&Setup { seed: seed + 1_000, ..Setup::default() });
        assert!(once == told(), "{}", replay(seed));
    }
}
