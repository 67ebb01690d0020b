//! Debug builds only: the process kills itself at the journal entry that the environment names, so that tests see what a
//! process that died leaves behind. A release build has none of this.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use rustix::process::{Signal, getpid, kill_process};

use crate::config::Environment;

/// On which side of the moment at which an entry is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// `7:before`, `7:after`: at the seventh entry that this process adds.
fn named(value: &str) -> Option<(u64, Side)> {
    let (entry, side) = value.split_once(':')?;
    let side = match side {
        "before" => Side::Before,
        "after" => Side::After,
        _ => return None,
    };
    Some((entry.parse().ok()?, side))
}

/// Called around each commit; does not return where the environment says so.
pub(super) fn passes(side: Side) {
    static AT: OnceLock<Option<(u64, Side)>> = OnceLock::new();
    static ADDED: AtomicU64 = AtomicU64::new(0);
    let Some(at) = AT.get_or_init(|| named(Environment::read().get("MLDECK_DIE_AT")?)) else { return };
    let entry = ADDED.load(Ordering::Relaxed) + 1;
    if *at == (entry, side) {
        // It has no other answer than the end of this process.
        let _ = kill_process(getpid(), Signal::KILL);
    }
    if side == Side::After {
        ADDED.store(entry, Ordering::Relaxed);
    }
}
