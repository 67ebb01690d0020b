//! The traffic of an endpoint, and how the model that serves it behaves: every number of one minute follows from the seed,
//! the minute and the hidden truth about the version. Nothing is stored per point.

use std::f64::consts::TAU;

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};

use super::{
    World,
    endpoint::{Endpoint, Fleet},
    estate, noise,
};
use crate::scenario::Behaviour;

/// What one fleet did in one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Minute {
    pub(crate) invocations: f64,
    pub(crate) errors_4xx: f64,
    pub(crate) errors_5xx: f64,
    pub(crate) latency: Latency,
    pub(crate) overhead: Latency,
    /// Percent of one core, summed over cores.
    pub(crate) cpu: f64,
    pub(crate) memory: f64,
    pub(crate) gpu: f64,
    pub(crate) instances: i64,
}

/// Log-logistic: its quantiles and its distribution have closed forms, and its tail looks like a service's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Latency {
    /// Microseconds.
    pub(crate) median: f64,
    /// Larger is narrower; above 1.
    pub(crate) shape: f64,
}

/// The 99th percentile of a healthy model, as a multiple of its median.
const HEALTHY_TAIL: f64 = 3.0;
/// SageMaker gives up on a container after a minute.
pub(crate) const LATENCY_LIMIT: f64 = 60_000_000.0;

impl Latency {
    fn new(median: f64, tail: f64) -> Self {
        Self { median, shape: (99f64.ln() / tail.max(1.05).ln()).max(1.1) }
    }

    pub(crate) fn quantile(self, q: f64) -> f64 {
        let q = q.clamp(1e-9, 1.0 - 1e-9);
        (self.median * (q / (1.0 - q)).powf(1.0 / self.shape)).min(LATENCY_LIMIT)
    }

    /// Share of requests that took at most `micros`.
    pub(crate) fn below(self, micros: f64) -> f64 {
        if micros >= LATENCY_LIMIT { 1.0 } else { 1.0 / (1.0 + (micros / self.median).powf(-self.shape)) }
    }

    pub(crate) fn mean(self) -> f64 {
        let angle = std::f64::consts::PI / self.shape;
        (self.median * angle / angle.sin()).min(LATENCY_LIMIT)
    }
}

/// What `fleet` did in the minute that starts at `at`.
pub(crate) fn minute(world: &World, endpoint: &Endpoint, fleet: &Fleet, at: Timestamp) -> Minute {
    let stamp = at.floor(MINUTE).millis() as u64;
    let base =
        [world.seed, noise::name(&endpoint.name), noise::name(&fleet.config), noise::name(&fleet.variant), stamp];
    let unit = |salt: u64| noise::unit(&[base[0], base[1], base[2], base[3], base[4], salt]);
    let normal = |salt: u64| noise::normal(&[base[0], base[1], base[2], base[3], base[4], salt]);
    let behaviour = world.scenario.behaviours.iter().find(|behaviour| behaviour.model == fleet.model);
    let effect = behaviour.map_or(0.0, |behaviour| effect(behaviour, fleet, at));

    let expected = copied(world, endpoint, fleet, at).unwrap_or_else(|| {
        endpoint.rate * shape(at) * upstream(world, endpoint, at) * fleet.share * (1.0 + 0.05 * normal(1))
    });
    let invocations = (expected + unit(2)).floor().max(0.0);
    // Mean-preserving rounding: a small rate shows as a count now and then.
    let hits = |share: f64, salt: u64| {
        let mean = invocations * share;
        (mean + mean.sqrt() * 0.6 * normal(salt) + unit(salt + 1)).floor().clamp(0.0, invocations)
    };
    let errors_5xx = hits(0.000_15 + effect * behaviour.map_or(0.0, |b| b.errors), 4);
    let errors_4xx = hits(0.001 + effect * behaviour.map_or(0.0, |b| b.client_errors), 7).min(invocations - errors_5xx);

    let load = expected / (fleet.count.max(1) as f64);
    let slow = 1.0 + effect * (behaviour.map_or(1.0, |b| b.slowdown) - 1.0);
    let tail = 1.0 + effect * (behaviour.map_or(1.0, |b| b.tail) - 1.0);
    let median = endpoint.median_ms * 1_000.0 * slow * (1.0 + 0.03 * normal(10));
    let usual = endpoint.rate / usual_count(endpoint, fleet);
    let busy = if usual > 0.0 { (load / usual).min(3.0) } else { 0.0 };
    let memory = 46.0 + 6.0 * noise::unit(&[base[1], base[2]]) + normal(11);
    let leak = behaviour.and_then(|b| b.memory).map_or(0.0, |to| effect * (to - 46.0).max(0.0));
    Minute {
        invocations,
        errors_4xx,
        errors_5xx,
        latency: Latency::new(median, HEALTHY_TAIL * tail * (1.0 + 0.04 * normal(12))),
        overhead: Latency::new(2_400.0 * (1.0 + 0.05 * normal(13)), 2.4),
        cpu: (70.0 * busy * slow.min(2.0) * (1.0 + 0.04 * normal(14))).max(1.0),
        memory: (memory + leak).clamp(1.0, 100.0),
        gpu: (42.0 * busy * (1.0 + 0.05 * normal(15))).clamp(0.0, 100.0),
        instances: fleet.count,
    }
}

/// The copies a shadow gets: a share of what its config's production variant was called, to the call.
fn copied(world: &World, endpoint: &Endpoint, fleet: &Fleet, at: Timestamp) -> Option<f64> {
    let share = fleet.copied?;
    let sources = endpoint.answering(at).filter(|source| source.config == fleet.config);
    Some(share * sources.map(|source| minute(world, endpoint, source, at).invocations).sum::<f64>())
}

/// The instances that an endpoint's usual traffic was planned for: fewer are busier.
fn usual_count(endpoint: &Endpoint, fleet: &Fleet) -> f64 {
    let family =
        estate::family(&endpoint.name).filter(|family| family.endpoint == endpoint.name && family.variants.len() == 1);
    let first = || endpoint.splits.first()?.fleets.iter().find(|first| first.variant == fleet.variant);
    family.map(|family| family.count).or_else(|| Some(first()?.count)).unwrap_or(fleet.count).max(1) as f64
}

/// How much of their usual traffic the callers of an endpoint send.
fn upstream(world: &World, endpoint: &Endpoint, at: Timestamp) -> f64 {
    let since = at.since(world.start);
    let mut told = world.scenario.upstreams.iter().filter(|upstream| upstream.endpoint == endpoint.name);
    told.find(|upstream| upstream.from <= since && since < upstream.until).map_or(1.0, |upstream| upstream.share)
}

/// The day's and week's rhythm around 1: a peak in the afternoon, a quiet night, quieter weekends.
pub(crate) fn shape(at: Timestamp) -> f64 {
    let hour = at.millis().rem_euclid(DAY) as f64 / HOUR as f64;
    // 1 January 1970 was a Thursday.
    let weekend = matches!((at.millis().div_euclid(DAY) + 3).rem_euclid(7), 5 | 6);
    (1.0 + 0.32 * ((hour - 15.0) * TAU / 24.0).cos()) * if weekend { 0.86 } else { 1.0 }
}

/// How much of a behaviour shows, 0..=1: nothing before its onset, all of it once the fleet is old enough.
pub(crate) fn effect(behaviour: &Behaviour, fleet: &Fleet, at: Timestamp) -> f64 {
    let age = at.since(fleet.since) as f64 / MINUTE as f64;
    let rise = behaviour.full_min - behaviour.onset_min;
    if age < behaviour.onset_min {
        0.0
    } else if rise <= 0.0 {
        1.0
    } else {
        ((age - behaviour.onset_min) / rise).min(1.0)
    }
}
