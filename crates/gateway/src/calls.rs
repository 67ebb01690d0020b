//! Calls that were made: the `@` view, the counters of the header.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use mldeck_core::{
    ask::CallMade,
    time::{HOUR, MINUTE, Timestamp},
};

/// GetMetricData, list price in us-east-1 as of 2026-11: $0.01 per 1 000 metrics requested.
const DOLLARS_PER_METRIC: f64 = 0.01 / 1_000.0;
const KEPT: usize = 500;

/// Told of every call as soon as it ended.
pub type Observer = Arc<dyn Fn(&CallMade) + Send + Sync>;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub calls_per_minute: usize,
    /// Estimate from the metrics requested within the last hour, at list price.
    pub dollars_per_hour: f64,
}

pub(crate) struct Calls {
    observer: Option<Observer>,
    made: Mutex<VecDeque<CallMade>>,
    /// When, and how many metrics were requested.
    metrics: Mutex<VecDeque<(Timestamp, usize)>>,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

impl Calls {
    pub(crate) fn new(observer: Option<Observer>) -> Self {
        Self { observer, made: Mutex::default(), metrics: Mutex::default() }
    }

    pub(crate) fn record(&self, call: CallMade) {
        if let Some(observer) = &self.observer {
            observer(&call);
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() == KEPT {
            made.pop_front();
        }
        made.push_back(call);
    }

    pub(crate) fn metrics_requested(&self, at: Timestamp, count: usize) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.push_back((at, count));
        while metrics.front().is_some_and(|(then, _)| at.since(*then) > HOUR) {
            metrics.pop_front();
        }
    }

    /// Newest last.
    pub(crate) fn list(&self) -> Vec<CallMade> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn load(&self, now: Timestamp) -> Load {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let calls_per_minute = made.iter().rev().take_while(|call| now.since(call.at) <= MINUTE).count();
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        let requested: usize = metrics.iter().filter(|(at, _)| now.since(*at) <= HOUR).map(|(_, n)| n).sum();
        Load { calls_per_minute, dollars_per_hour: requested as f64 * DOLLARS_PER_METRIC }
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::text::Text;

    use super::*;

    #[test]
    fn load_counts_the_last_minute_and_prices_the_last_hour() {
        let calls = Calls::new(None);
        let call = |at| CallMade {
            at: Timestamp::from_millis(at),
            service: "sagemaker",
            operation: Text::new("ListEndpoints"),
            status: Some(200),
            request_id: None,
            took_ms: 1,
            write: false,
        };
        for at in [0, HOUR - 1, HOUR, HOUR + 1] {
            calls.record(call(at));
        }
        calls.metrics_requested(Timestamp::from_millis(0), 9_000);
        calls.metrics_requested(Timestamp::from_millis(HOUR), 300);
        let load = calls.load(Timestamp::from_millis(HOUR + 2));
        assert_eq!(load.calls_per_minute, 3);
        assert!((load.dollars_per_hour - 0.003).abs() < 1e-9, "{load:?}");
        for at in 0..600 {
            calls.record(call(at));
        }
        assert_eq!((calls.list().len(), calls.list()[0].at.millis()), (KEPT, 100));
    }
}
