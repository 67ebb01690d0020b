//! What it takes to start instances: capacity in the zone, model data that is there, a container that answers its health
//! check. How each can fail is SageMaker's own wording.

use mldeck_core::time::{SECOND, Timestamp};

use super::{Endpoint, Fleet, Variant, policy::Shape};
use crate::world::{World, run, s3};

/// Attempts that never served, kept per endpoint.
const ATTEMPTS: usize = 8;

/// How long SageMaker tries, seconds. Configs say their own (`VariantInstanceProvisionTimeoutInSeconds`,
/// `ContainerStartupHealthCheckTimeoutInSeconds`); that a container has eight minutes otherwise is documented, how long
/// instances are waited for is not: half an hour is what operators report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Patience {
    pub(crate) provision: i64,
    pub(crate) health: i64,
}

impl Patience {
    pub(crate) const USUAL: Self = Self { provision: 1_800, health: 480 };
}

/// Containers that ran and were never healthy.
pub(crate) struct Attempt {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) fleets: Vec<Fleet>,
}

/// How a launch goes.
pub(super) enum Launch {
    Ready(Timestamp),
    Fails {
        at: Timestamp,
        reason: String,
        /// Since when containers run that are not healthy.
        ran: Option<Timestamp>,
    },
}

/// What becomes of instances that are asked for at `from` and take `secs` to start.
pub(super) fn launch(world: &World, variants: &[Variant], shape: Option<&Shape>, from: Timestamp, secs: i64) -> Launch {
    let mut ready = from;
    for variant in variants {
        let Some(kind) = variant.instance_type.as_deref() else { continue };
        let wanted = match shape {
            Some(Shape::Rolling(size)) => size.instances(variant.desired_count),
            _ => variant.desired_count,
        };
        let given_up = from.plus(variant.patience.provision * SECOND);
        match capacity(world, kind, wanted, from) {
            Some(at) if at <= given_up => ready = ready.max(at),
            _ => return Launch::Fails { at: given_up, reason: NO_CAPACITY.to_owned(), ran: None },
        }
    }
    let started = ready.plus(secs * SECOND);
    if let Some(reason) = variants.iter().find_map(|variant| no_data(world, variant)) {
        return Launch::Fails { at: started, reason, ran: None };
    }
    match variants.iter().find(|variant| is_sick(world, variant)) {
        None => Launch::Ready(started),
        Some(variant) => Launch::Fails {
            at: started.plus(variant.patience.health * SECOND),
            reason: format!(
                "The primary container for production variant {} did not pass the ping health check. Please check \
                 CloudWatch logs for this endpoint.",
                variant.name
            ),
            ran: Some(started),
        },
    }
}

pub(super) const NO_CAPACITY: &str = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity \
                                      error. Please retry using a different ML instance type or after some time.";

/// When that many instances of a type can be had, from `at` on; `None` when nobody knows. A shortage says how many are left
/// to everybody; what an account gives back it can have again.
fn capacity(world: &World, kind: &str, wanted: i64, at: Timestamp) -> Option<Timestamp> {
    let mut at = at;
    // Shortages may follow each other; each ends once.
    for _ in 0..=world.scenario.shortages.len() {
        let since = at.since(world.start);
        let short = world.scenario.shortages.iter().find(|shortage| {
            shortage.instance == kind && shortage.from <= since && since < shortage.until && wanted > shortage.left
        });
        match short {
            None => return Some(at),
            Some(shortage) if shortage.until == i64::MAX => return None,
            Some(shortage) => at = world.start.plus(shortage.until),
        }
    }
    None
}

/// Says that model data is gone, where it is.
fn no_data(world: &World, variant: &Variant) -> Option<String> {
    let model = variant.model.as_deref()?;
    let artifacts: Vec<&str> = match world.model(model) {
        Ok(model) => model.artifacts().collect(),
        // What an inference component loads by itself.
        Err(_) => vec![model],
    };
    artifacts.into_iter().find(|artifact| is_gone(world, artifact)).map(|artifact| {
        format!(
            "Failed to download model data for container \"container_1\" from URL: \"{artifact}\". Please ensure that there is \
             an object located at the URL and that the role passed to CreateModel has permissions to download the model data.",
        )
    })
}

fn is_sick(world: &World, variant: &Variant) -> bool {
    let model = variant.model.as_deref();
    world.scenario.behaviours.iter().any(|behaviour| behaviour.unhealthy && Some(behaviour.model.as_str()) == model)
}

/// True when the account holds the bucket and not the object; a prefix (multi-model) and other people's buckets pass.
fn is_gone(world: &World, uri: &str) -> bool {
    s3::place(uri).is_some_and(|(bucket, key)| {
        let is_there = || world.s3.get(bucket, key).is_some() || run::artifact_made(world, bucket, key).is_some();
        !key.is_empty() && !key.ends_with('/') && world.s3.has_bucket(bucket) && !is_there()
    })
}

impl Endpoint {
    /// Keeps what containers did that started and were never healthy; their logs tell why.
    pub(super) fn tried(&mut self, from: Timestamp, until: Timestamp, fleets: Vec<Fleet>) {
        if self.attempts.last().is_some_and(|last| last.from == from) {
            return;
        }
        if self.attempts.len() >= ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(Attempt { from, until, fleets });
    }
}
