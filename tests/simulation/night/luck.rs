//! What goes wrong in a night: drawn from the seed, or named by a test.

use mldeck_core::time::{HOUR, MINUTE, SECOND};
use mldeck_sandbox::faults::Kind;

use super::dice::Dice;

/// Nothing new goes wrong after this; what was wrong is put right.
pub const CALM: i64 = 40 * MINUTE;
/// After that, everything must have ended within this, AWS's own work included.
pub const BOUND: i64 = 2 * HOUR;

/// One piece of bad luck. Times are milliseconds from the beginning of the night.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// On the wire: so many requests of an operation from then on, or all of them for a while.
    Wire {
        at: i64,
        operation: String,
        kind: Kind,
        times: Option<u32>,
        lasts: i64,
    },
    /// The clock of a desk is moved, and put right after a while.
    Clock {
        at: i64,
        desk: usize,
        by: i64,
        lasts: i64,
    },
    /// `kill -9`, whatever it is doing.
    Kill {
        at: i64,
        desk: usize,
    },
    /// `kill -9` as this record is written: before it is known to be on disk, or right after what it led to.
    KillAt {
        desk: usize,
        record: u64,
        told: bool,
    },
    /// From this record on the disk takes nothing, or only this one fails.
    Disk {
        desk: usize,
        record: u64,
        sticky: bool,
    },
    Somebody {
        at: i64,
        endpoint: usize,
        does: Deed,
    },
    /// The operator wants it stopped.
    Abort {
        at: i64,
        desk: usize,
    },
}

/// What is done by people and machines that know nothing of us.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Deploys(i64),
    Weighs,
    /// Other bounds for the autoscaler, which then moves the count.
    Scales(i64),
    Rings,
    LosesModel,
    Deletes,
}

/// Operations that are worth hitting one by one.
pub const WRITES: [&str; 6] = [
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
    "PutMetricAlarm",
    "AddTags",
    "PutMetricData",
    "SetAlarmState",
];

/// Everything the wire does to one request.
pub fn kinds() -> Vec<Kind> {
    vec![
        Kind::Throttle,
        Kind::AccessDenied,
        Kind::ServerError,
        Kind::HtmlError,
        Kind::ExpiredToken,
        Kind::Reset,
        Kind::LostResponse,
        Kind::Stall,
        Kind::Unanswered,
        Kind::Cut,
        Kind::Garbage,
        Kind::Late(120),
        Kind::Latency(20_000),
        Kind::Behind(15),
        Kind::Conflict,
    ]
}

/// No bad luck to six pieces of it.
pub fn drawn(dice: &mut Dice, desks: usize, endpoints: usize) -> Vec<Trouble> {
    let mut out: Vec<Trouble> = (0..dice.between(0, 6)).map(|_| trouble(dice, desks, endpoints)).collect();
    if dice.percent(20) {
        out.push(Trouble::Abort { at: soon(dice, 25), desk: desk(dice, desks) });
    }
    out
}

fn desk(dice: &mut Dice, desks: usize) -> usize {
    dice.between(0, desks as i64 - 1) as usize
}

/// Mostly while plans are made and sent, sometimes much later.
fn soon(dice: &mut Dice, minutes: i64) -> i64 {
    if dice.percent(60) { dice.between(0, 100 * SECOND) } else { dice.between(0, minutes * MINUTE) }
}

fn trouble(dice: &mut Dice, desks: usize, endpoints: usize) -> Trouble {
    match dice.between(0, 99) {
        0..50 => wire(dice),
        50..56 => {
            let by = if dice.percent(50) { HOUR } else { -HOUR };
            Trouble::Clock { at: soon(dice, 35), desk: desk(dice, desks), by, lasts: dice.between(5, 1_200) * SECOND }
        }
        56..64 => Trouble::Kill { at: soon(dice, 35), desk: desk(dice, desks) },
        64..73 => {
            Trouble::KillAt { desk: desk(dice, desks), record: dice.between(0, 9) as u64, told: dice.percent(50) }
        }
        73..80 => {
            Trouble::Disk { desk: desk(dice, desks), record: dice.between(0, 9) as u64, sticky: dice.percent(70) }
        }
        _ => {
            let endpoint = dice.between(0, endpoints as i64 - 1) as usize;
            Trouble::Somebody { at: soon(dice, 35), endpoint, does: deed(dice) }
        }
    }
}

fn wire(dice: &mut Dice) -> Trouble {
    let kind = match dice.pick(&kinds()).clone() {
        Kind::Late(_) => Kind::Late(dice.between(2, 290)),
        Kind::Latency(_) => Kind::Latency(dice.between(500, 40_000) as u64),
        Kind::Behind(_) => Kind::Behind(dice.between(1, 20)),
        other => other,
    };
    let times = Some(dice.between(1, 3) as u32);
    let among = if dice.percent(60) { 2 } else { WRITES.len() };
    match dice.between(0, 9) {
        // A write happens once or twice a night: whenever it comes, it is hit.
        0..5 => Trouble::Wire { at: 0, operation: (*dice.pick(&WRITES[..among])).to_owned(), kind, times, lasts: CALM },
        5..8 => {
            let lasts = dice.between(5, 400) * SECOND;
            Trouble::Wire {
                at: soon(dice, 30),
                operation: "DescribeEndpoint".to_owned(),
                kind,
                times: times.filter(|_| dice.percent(30)),
                lasts,
            }
        }
        _ => Trouble::Wire {
            at: soon(dice, 30),
            operation: "*".to_owned(),
            kind,
            times: None,
            lasts: dice.between(5, 400) * SECOND,
        },
    }
}

fn deed(dice: &mut Dice) -> Deed {
    match dice.between(0, 19) {
        0..7 => Deed::Deploys(dice.between(1, 3)),
        7..10 => Deed::Weighs,
        10..14 => Deed::Scales(dice.between(2, 5)),
        14..17 => Deed::Rings,
        17..19 => Deed::LosesModel,
        _ => Deed::Deletes,
    }
}
