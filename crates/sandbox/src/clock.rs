//! The virtual clock: wall time times a speed is world time.

use std::time::{Duration, Instant};

use mldeck_core::time::Timestamp;

/// Maps wall time to world time; it can run fast or slow, pause, and be stepped. Wall time is given, never read.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Timestamp,
    wall_start: Instant,
    speed: f64,
    paused: bool,
}

/// World time never runs faster than this.
pub const MOST_SPEED: f64 = 3_600.0;

impl Clock {
    /// Starts at `start`; `speed` 1 is real time.
    pub fn new(start: Timestamp, wall: Instant, speed: f64) -> Self {
        Self { start, wall_start: wall, speed: sane(speed), paused: false }
    }

    pub fn now(&self, wall: Instant) -> Timestamp {
        if self.paused {
            return self.start;
        }
        let wall = wall.saturating_duration_since(self.wall_start).as_secs_f64() * 1_000.0;
        self.start.plus((wall * self.speed) as i64)
    }

    /// Seconds of the account in one of ours, when it is not paused.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Changes the speed from here on.
    pub fn set_speed(&mut self, wall: Instant, speed: f64) {
        self.rebase(wall);
        self.speed = sane(speed);
    }

    pub fn pause(&mut self, wall: Instant) {
        self.rebase(wall);
        self.paused = true;
    }

    pub fn resume(&mut self, wall: Instant) {
        self.rebase(wall);
        self.paused = false;
    }

    /// Moves world time forward at once.
    pub fn step(&mut self, wall: Instant, by: Duration) {
        self.rebase(wall);
        self.start = self.start.plus(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    fn rebase(&mut self, wall: Instant) {
        self.start = self.now(wall);
        self.wall_start = wall;
    }
}

const fn sane(speed: f64) -> f64 {
    if speed.is_finite() { speed.clamp(0.0, MOST_SPEED) } else { 1.0 }
}
