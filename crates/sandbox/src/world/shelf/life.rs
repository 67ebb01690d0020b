//! States over time.

use mldeck_core::time::{SECOND, Timestamp};

use super::Item;

/// A state, how long it lasts unless it is the last one, and the member that tells since when it is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) state: &'static str,
    seconds: i64,
    stamp: &'static str,
}

/// A state on the way.
pub(super) const fn passing(state: &'static str, seconds: i64) -> Step {
    Step { state, seconds, stamp: "" }
}

/// A state that stays until something is done.
pub(super) const fn lasting(state: &'static str) -> Step {
    Step { state, seconds: 0, stamp: "" }
}

impl Step {
    pub(super) const fn stamped(mut self, member: &'static str) -> Self {
        self.stamp = member;
        self
    }
}

/// What states a resource goes through. Empty: there is no such operation, but for `create` (no states at all).
#[derive(Debug)]
pub(super) struct Life {
    /// The member of answers that tells the state; empty for a kind without states.
    pub(super) member: &'static str,
    pub(super) create: &'static [Step],
    pub(super) update: &'static [Step],
    pub(super) start: &'static [Step],
    pub(super) stop: &'static [Step],
    pub(super) delete: &'static [Step],
    /// States from which an update, a start, a stop or a deletion is taken; empty: from every state that lasts.
    pub(super) update_from: &'static [&'static str],
    pub(super) start_from: &'static [&'static str],
    pub(super) stop_from: &'static [&'static str],
    pub(super) delete_from: &'static [&'static str],
    /// A state in which it counts as gone, though it can be read for a while.
    pub(super) over: &'static str,
}

/// Neither states nor changes.
pub(super) const STILL: Life = Life {
    member: "",
    create: &[],
    update: &[],
    start: &[],
    stop: &[],
    delete: AT_ONCE,
    update_from: &[],
    start_from: &[],
    stop_from: &[],
    delete_from: &[],
    over: "",
};

/// Changes and deletions that need no time.
pub(super) const AT_ONCE: &[Step] = &[lasting("")];

/// What happens to a resource next by itself.
#[derive(Clone, Copy)]
pub(crate) struct Next {
    at: Timestamp,
    steps: &'static [Step],
    /// The step that begins then; behind the last one it is gone.
    n: usize,
    ends: bool,
}

impl Item {
    /// Goes through these states from now on; at their end it stays in the last one, or is gone when it `ends`.
    pub(super) fn go(&mut self, at: Timestamp, steps: &'static [Step], ends: bool) {
        self.next = None;
        self.enter(Next { at, steps, n: 0, ends });
    }

    fn enter(&mut self, now: Next) {
        let Some(step) = now.steps.get(now.n) else { return };
        // A change that takes no time leaves the state as it is.
        if !step.state.is_empty() {
            self.state = step.state;
        }
        if !step.stamp.is_empty() {
            self.stamps.retain(|(member, _)| *member != step.stamp);
            self.stamps.push((step.stamp, now.at));
        }
        self.modified = now.at;
        let n = now.n + 1;
        let more = n < now.steps.len() || now.ends;
        self.next = more.then_some(Next { at: now.at.plus(step.seconds * SECOND), n, ..now });
    }

    /// False when it is gone by then.
    pub(super) fn advance(&mut self, to: Timestamp) -> bool {
        while let Some(next) = self.next.filter(|next| next.at <= to) {
            if next.n >= next.steps.len() {
                return false;
            }
            self.enter(next);
        }
        true
    }

    /// On the way to its end.
    pub(super) fn is_ending(&self) -> bool {
        self.next.is_some_and(|next| next.ends)
    }

    /// When it changes by itself next.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.next.map(|next| next.at)
    }

    /// On the way to another state.
    pub(super) const fn is_moving(&self) -> bool {
        self.next.is_some()
    }
}
