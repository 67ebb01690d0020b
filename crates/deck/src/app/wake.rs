//! When something visible changes by itself: the one deadline the loop sleeps until.

use mldeck_core::time::{MINUTE, Monotonic};

use super::{model::Model, msg::At};

/// `None`: nothing will change without a message.
///
/// Ages change with account time, polls with ours.
pub fn next_wakeup(model: &Model, at: At) -> Option<Monotonic> {
    let speed = model.speed();
    let next_minute = {
        let left = at.now.floor(MINUTE).plus(MINUTE).since(at.now);
        let left = (left as f64 / speed.max(0.001)).ceil();
        // Below the floor, a fast demo would redraw ages all the time.
        at.mono.plus((left as u64).max(1_000))
    };
    let polls = model.polls.next_due();
    let status = model.status.next_change();
    let armed = model.session.armed.as_ref().map(|armed| armed.until);
    let operations = model.ops.next_wakeup();
    let team = model.ops.team.due();
    [Some(next_minute), polls, status, armed, operations, team].into_iter().flatten().min()
}
