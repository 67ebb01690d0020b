//! How often a frame may go out that nobody waits for: the time writes take is the only measure of a link.

use std::time::{Duration, Instant};

const INTERVAL_MIN: Duration = Duration::from_millis(16);
const INTERVAL_MAX: Duration = Duration::from_millis(250);
/// A write slower than this, three times in a row, makes the link a slow one; twenty fast ones make it fast again.
const SLOW: Duration = Duration::from_millis(60);
const SLOW_RUN: u32 = 3;
const FAST_RUN: u32 = 20;

/// How fast the link is, judged by how long writes take.
#[derive(Debug)]
pub(super) struct Pace {
    recent: Duration,
    last: Option<Instant>,
    slow: u32,
    fast: u32,
    pub(super) lean: bool,
}

impl Pace {
    pub(super) const fn new(lean: bool) -> Self {
        Self { recent: Duration::ZERO, last: None, slow: 0, fast: 0, lean }
    }

    pub(super) fn took(&mut self, took: Duration, at: Instant) {
        self.last = Some(at);
        // A little memory, so that one small write does not hide a slow link.
        self.recent = took.max(self.recent / 2);
        if took > SLOW {
            self.slow += 1;
            self.fast = 0;
        } else {
            self.slow = 0;
            self.fast += 1;
        }
        self.lean = if self.lean { self.fast < FAST_RUN } else { self.slow >= SLOW_RUN };
    }

    /// How long a frame that nobody waits for is held back.
    pub(super) fn hold(&self, now: Instant) -> Duration {
        let interval = (self.recent * 4).clamp(INTERVAL_MIN, INTERVAL_MAX);
        self.last.map_or(Duration::ZERO, |last| (last + interval).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::clock;

    #[test]
    fn the_pace_follows_the_link() {
        let ms = Duration::from_millis;
        let start = clock::instant();
        let mut pace = Pace::new(false);
        assert_eq!(pace.hold(start), Duration::ZERO, "the first frame waits for nothing");
        for (took, hold) in [(0, 16), (10, 40), (0, 20), (40, 160), (500, 250)] {
            pace.took(ms(took), start);
            assert_eq!(pace.hold(start), ms(hold), "after {took} ms");
            assert_eq!(pace.hold(start + ms(hold)), Duration::ZERO);
        }
    }

    #[test]
    fn a_link_is_slow_after_three_slow_writes_and_fast_after_twenty() {
        let at = clock::instant();
        let mut pace = Pace::new(false);
        let mut write = |ms, times| {
            for _ in 0..times {
                pace.took(Duration::from_millis(ms), at);
            }
            pace.lean
        };
        assert!(!write(61, 2));
        assert!(!write(5, 1));
        assert!(!write(61, 2));
        assert!(write(61, 1));
        assert!(write(5, 19));
        assert!(!write(5, 1));
    }
}
