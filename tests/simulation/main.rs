//! The executor on the real stack, in nights with bad luck: each is told by its seed.
//!
//! `cargo run --release --example simulate` plays the same nights by the million.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a night that cannot be laid out is a failed test")]
#![allow(clippy::print_stdout, reason = "how many nights it took is told to who asks for it")]

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

fn hold(seeds: Range<u64>) {
    let mut tally = Tally::default();
    for seed in seeds {
        tally.count(seed, &play(&Setup { seed, ..Setup::default() }));
    }
    assert!(tally.verdict().is_ok(), "{tally}");
    for end in ["done", "rolled back", "refused"] {
        assert!(tally.of(end) > 0, "no run ends as {end}: {tally}");
    }
}

/// A debug build takes five times as long as the example does: this is a taste.
#[test]
fn nights_1() {
    hold(0..100);
}

#[test]
fn nights_2() {
    hold(1_000..1_100);
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
