//! The only place that asks what time it is. Everything else is told.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mldeck_core::time::{Monotonic, Timestamp};

/// For measuring; [`monotonic`] is what messages carry.
#[expect(clippy::disallowed_methods, reason = "the wrapper itself")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Milliseconds since the first call in this process.
pub fn monotonic() -> Monotonic {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let now = instant();
    let since = now.saturating_duration_since(*ORIGIN.get_or_init(|| now));
    Monotonic::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// This machine's idea of the time of day; account time is this plus the skew AWS reports.
#[expect(clippy::disallowed_methods, reason = "the wrapper itself")]
pub fn timestamp() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_clock_never_goes_back() {
        let first = monotonic();
        assert!(monotonic() >= first);
    }

    #[test]
    fn the_account_clock_is_of_this_century() {
        assert!(timestamp() > Timestamp::parse("2020-01-01T00:00:00Z").unwrap());
    }
}
