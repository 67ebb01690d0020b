//! The executor on the real stack, in nights with bad luck: each is told by its seed.

#[path = "night/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with examples/simulate.rs")]
mod night;

use night::{Setup, play};

#[test]
fn one() {
    let night = play(&Setup { seed: 1, traced: true, ..Setup::default() });
    println!("{}", night.trace);
    assert!(night.violations.is_empty(), "{:?}", night.violations);
}
