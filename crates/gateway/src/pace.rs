//! Pace: one token bucket per service, shared by everything that asks through one gateway.
//!
//! The rates are far below what AWS allows one account, because people, CI and other decks share that account. A
//! throttled answer halves a service's rate; clean answers bring it back a tenth at a time. Polls stand aside for
//! reads that a person or an operation waits for, and those may take some of the tokens to come. Writes do not wait.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turns, Notify},
    time::Instant,
};

use crate::clock::instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    SageMaker,
    Metrics,
    CloudWatch,
    Logs,
    Scaling,
    CloudTrail,
    EventBridge,
    Storage,
    Identity,
    /// The table that hosts share.
    Team,
}

impl Service {
    const COUNT: usize = 10;

    /// Tokens per second, and how many may be taken at once.
    const fn rate(self) -> (f64, f64) {
        match self {
            Self::SageMaker => (2.0, 5.0),
            Self::Metrics | Self::CloudWatch => (2.0, 4.0),
            Self::Logs => (3.0, 3.0),
            Self::Scaling | Self::Identity | Self::EventBridge => (1.0, 2.0),
            Self::CloudTrail => (0.5, 1.0),
            Self::Storage | Self::Team => (10.0, 20.0),
        }
    }

    /// How many tokens a person may take that are not there yet: a plan is read at once, and again before its call is sent,
    /// and the polls after it wait until that is paid back. Never more in a second than AWS is known to take.
    const fn credit(self) -> f64 {
        match self {
            Self::SageMaker => 30.0,
            Self::Metrics | Self::CloudWatch | Self::Scaling | Self::EventBridge => 4.0,
            Self::Logs | Self::Identity => 2.0,
            Self::CloudTrail => 1.0,
            Self::Team => 20.0,
            Self::Storage => 0.0,
        }
    }
}

/// The slowest a service gets: a twentieth of its rate.
const FLOOR: f64 = 0.05;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
    /// Share of the full rate, [`FLOOR`]..=1.
    share: f64,
}

#[derive(Debug)]
struct Lane {
    bucket: Mutex<Bucket>,
    /// Polls wait in the order in which they came. All at the bucket at once, a walk that asks page after page could take
    /// every token before those that wait longer.
    turns: Turns<()>,
    urgent_waiting: AtomicUsize,
    urgent_done: Notify,
}

#[derive(Debug)]
pub(crate) struct Pace {
    lanes: [Lane; Service::COUNT],
    /// How much faster than AWS may be asked: the speed of a demo's clock.
    speed: f64,
}

impl Pace {
    pub(crate) fn new(speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.max(FLOOR) } else { 1.0 };
        let lane = || Lane {
            bucket: Mutex::new(Bucket { tokens: f64::INFINITY, filled: instant(), share: 1.0 }),
            turns: Turns::new(()),
            urgent_waiting: AtomicUsize::new(0),
            urgent_done: Notify::new(),
        };
        Self { lanes: std::array::from_fn(|_| lane()), speed }
    }

    const fn lane(&self, service: Service) -> &Lane {
        &self.lanes[service as usize]
    }

    /// Waits for a token, for everything urgent, and for the polls that came before.
    pub(crate) async fn poll(&self, service: Service) {
        let lane = self.lane(service);
        let _turn = lane.turns.lock().await;
        loop {
            let done = lane.urgent_done.notified();
            if lane.urgent_waiting.load(Ordering::SeqCst) > 0 {
                done.await;
                continue;
            }
            match self.take(service, instant(), 0.0) {
                None => return,
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Takes a token without waiting: between "about to send" in the journal and the sending nothing may come, or a kill
    /// leaves an operation behind of which nobody can say whether it began. Writes are few, and where AWS throttles one it
    /// says so.
    pub(crate) fn write(&self, service: Service) {
        let _ = self.take(service, instant(), f64::INFINITY);
    }

    /// Waits for a token ahead of every poll.
    pub(crate) async fn urgent(&self, service: Service) {
        let _ahead = Ahead::new(self.lane(service));
        while let Some(wait) = self.take(service, instant(), service.credit()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a token, or says how long until there is one. `credit` holds while AWS does not throttle us.
    fn take(&self, service: Service, now: Instant, credit: f64) -> Option<Duration> {
        let (rate, burst) = service.rate();
        let mut bucket = self.lane(service).bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = rate * self.speed * bucket.share;
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = passed.mul_add(rate, bucket.tokens).min(burst);
        bucket.filled = now;
        let needed = if bucket.share < 1.0 { 1.0 } else { 1.0 - credit };
        if bucket.tokens >= needed - 1e-6 {
            bucket.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((needed - bucket.tokens) / rate).max(Duration::from_millis(1)))
    }

    /// AWS throttled us: half the rate, and no burst until it is earned again.
    pub(crate) fn slower(&self, service: Service) {
        let mut bucket = self.lane(service).bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.share = (bucket.share / 2.0).max(FLOOR);
        bucket.tokens = bucket.tokens.min(0.0);
    }

    /// An answer came without complaint.
    pub(crate) fn faster(&self, service: Service) {
        let mut bucket = self.lane(service).bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.share += 0.1;
        if bucket.share > 1.0 - 1e-6 {
            bucket.share = 1.0;
        }
    }

    /// True while any service is slowed down.
    pub(crate) fn is_slowed(&self) -> bool {
        self.lanes.iter().any(|lane| lane.bucket.lock().unwrap_or_else(PoisonError::into_inner).share < 1.0)
    }
}

/// Something urgent at the head of a lane; polls go on when it is dropped, also when it is cancelled.
struct Ahead<'a>(&'a Lane);

impl<'a> Ahead<'a> {
    fn new(lane: &'a Lane) -> Self {
        lane.urgent_waiting.fetch_add(1, Ordering::SeqCst);
        Self(lane)
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.0.urgent_waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.urgent_done.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// Milliseconds at which each of `count` reads gets its token, by the waits that are asked for.
    fn times(pace: &Pace, service: Service, count: usize) -> Vec<u128> {
        times_with(pace, service, count, 0.0, instant())
    }

    fn times_with(pace: &Pace, service: Service, count: usize, credit: f64, start: Instant) -> Vec<u128> {
        let mut now = start;
        let mut out = Vec::new();
        while out.len() < count {
            match pace.take(service, now, credit) {
                None => out.push((now.duration_since(start).as_millis() + 5) / 10 * 10),
                Some(wait) => now += wait,
            }
        }
        out
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let pace = Pace::new(1.0);
        assert_eq!(times(&pace, Service::SageMaker, 8), [0, 0, 0, 0, 0, 500, 1_000, 1_500]);
        assert_eq!(times(&pace, Service::CloudTrail, 3), [0, 2_000, 4_000]);
        assert_eq!(times(&Pace::new(10.0), Service::CloudTrail, 3), [0, 200, 400]);
    }

    #[test]
    fn a_person_takes_tokens_to_come_and_polls_pay_them_back() {
        let pace = Pace::new(1.0);
        let (service, start) = (Service::SageMaker, instant());
        assert_eq!(times_with(&pace, service, 5, 0.0, start), [0; 5], "polls emptied it");
        assert_eq!(times_with(&pace, service, 32, service.credit(), start)[29..], [0, 500, 1_000]);
        let after = start + Duration::from_secs(1);
        assert_eq!(pace.take(service, after, f64::INFINITY), None, "a write does not wait");
        assert_eq!(times_with(&pace, service, 1, 0.0, after), [16_000], "32 are owed or wanted, two a second");

        let pace = Pace::new(1.0);
        pace.slower(service);
        let waits = times_with(&pace, service, 2, service.credit(), start);
        assert_eq!(waits, [1_000, 2_000], "no credit while AWS throttles");
    }

    #[test]
    fn throttling_halves_and_clean_answers_earn_it_back() {
        let pace = Pace::new(1.0);
        pace.slower(Service::CloudTrail);
        assert!(pace.is_slowed());
        assert_eq!(times(&pace, Service::CloudTrail, 2), [4_000, 8_000]);
        for _ in 0..5 {
            pace.faster(Service::CloudTrail);
        }
        assert!(!pace.is_slowed());
        for _ in 0..20 {
            pace.slower(Service::Logs);
        }
        let bucket = pace.lane(Service::Logs).bucket.lock().unwrap();
        assert!((bucket.share - FLOOR).abs() < 1e-9);
    }

    #[test]
    fn polls_wait_in_the_order_in_which_they_came() {
        let pace = Pace::new(1.0);
        let mut context = Context::from_waker(Waker::noop());
        let ahead = Ahead::new(pace.lane(Service::SageMaker));
        let mut row = pin!(pace.poll(Service::SageMaker));
        assert_eq!(row.as_mut().poll(&mut context), Poll::Pending);
        let mut page = pin!(pace.poll(Service::SageMaker));
        assert_eq!(page.as_mut().poll(&mut context), Poll::Pending);
        drop(ahead);
        assert_eq!(page.as_mut().poll(&mut context), Poll::Pending, "there are tokens, and who came before");
        assert_eq!(row.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(page.as_mut().poll(&mut context), Poll::Ready(()));
    }

    #[test]
    fn polls_stand_aside_while_a_person_waits() {
        let pace = Pace::new(1.0);
        let mut context = Context::from_waker(Waker::noop());
        let ahead = Ahead::new(pace.lane(Service::SageMaker));
        let mut read = pin!(pace.poll(Service::SageMaker));
        assert_eq!(read.as_mut().poll(&mut context), Poll::Pending, "there are tokens, and a person");
        let mut person = pin!(pace.urgent(Service::SageMaker));
        assert_eq!(person.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(read.as_mut().poll(&mut context), Poll::Pending);
        drop(ahead);
        assert_eq!(read.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
