//! The crate's own clocks: account time from the session's time source, and tokio's for pace and durations.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::UNIX_EPOCH,
};

use aws_smithy_async::time::SharedTimeSource;
use mldeck_core::time::{SECOND, Timestamp};

/// Below this a difference to the `Date` header is rounding and travel time, not skew.
const TOLERATED: i64 = 2 * SECOND;

/// Account time: the local source corrected by what AWS says in its `Date` headers.
#[derive(Debug)]
pub(crate) struct Clock {
    source: SharedTimeSource,
    /// Milliseconds that AWS is ahead of the local source.
    skew: AtomicI64,
}

impl Clock {
    pub(crate) const fn new(source: SharedTimeSource) -> Self {
        Self { source, skew: AtomicI64::new(0) }
    }

    fn local(&self) -> Timestamp {
        let since = self.source.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.local().plus(self.skew())
    }

    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// Learns from a `Date` header such as `Mon, 23 Nov 2026 02:11:00 GMT`. What was learned stays while it explains the
    /// header: it is cut to whole seconds, and a clock that followed it would go back with every other reply.
    pub(crate) fn learn(&self, date: &str) {
        let Ok(said) = aws_smithy_types::DateTime::from_str(date, aws_smithy_types::date_time::Format::HttpDate) else {
            return;
        };
        let ahead = said.secs() * SECOND - self.local().millis();
        if (ahead - self.skew()).abs() > TOLERATED {
            self.skew.store(if ahead.abs() <= TOLERATED { 0 } else { ahead }, Ordering::Relaxed);
        }
    }
}

/// Tokio's clock: stands still in tests with paused time.
#[expect(clippy::disallowed_methods, reason = "the one wrapper of this crate, for pace and durations")]
pub(crate) fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use aws_smithy_async::time::TimeSource;

    use super::*;

    #[derive(Debug)]
    struct Still(std::time::SystemTime);

    impl TimeSource for Still {
        fn now(&self) -> std::time::SystemTime {
            self.0
        }
    }

    #[test]
    fn the_date_header_corrects_a_wrong_clock_and_ignores_rounding() {
        let at = UNIX_EPOCH + std::time::Duration::from_secs(1_795_399_860);
        let clock = Clock::new(SharedTimeSource::new(Still(at)));
        clock.learn("Mon, 23 Nov 2026 02:11:01 GMT");
        assert_eq!((clock.skew(), clock.now().full().as_str()), (0, "2026-11-23 02:11:00 UTC"));
        clock.learn("Mon, 23 Nov 2026 02:21:00 GMT");
        assert_eq!((clock.skew(), clock.now().full().as_str()), (600_000, "2026-11-23 02:21:00 UTC"));
        clock.learn("yesterday");
        assert_eq!(clock.skew(), 600_000);
        clock.learn("Mon, 23 Nov 2026 02:20:59 GMT");
        assert_eq!(clock.skew(), 600_000, "cut to seconds and late, it never goes back");
        clock.learn("Mon, 23 Nov 2026 02:10:59 GMT");
        assert_eq!(clock.skew(), 0, "our own clock was put right");
    }
}
