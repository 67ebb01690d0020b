//! Which numbers a metric of an endpoint is made of.

use mldeck_core::time::{MINUTE, Timestamp};

use super::{
    Key,
    kinds::{Kind, METRICS, Of, Read},
    stat::Sample,
};
use crate::world::{
    World,
    endpoint::{Endpoint, Fleet},
    monitor, shelf, traffic,
};

pub(crate) const INVOCATIONS: &str = "AWS/SageMaker";
pub(crate) const UTILIZATION: &str = "/aws/sagemaker/Endpoints";
const COPIES: &str = "/aws/sagemaker/InferenceComponents";

/// Metrics of inference components: the same minutes, copies in the place of instances.
const OF_COPIES: &[(&str, &str)] = &[
    ("Invocations", "Invocations"),
    ("Invocation4XXErrors", "Invocation4XXErrors"),
    ("Invocation5XXErrors", "Invocation5XXErrors"),
    ("InvocationModelErrors", "InvocationModelErrors"),
    ("InvocationsPerCopy", "InvocationsPerInstance"),
    ("ConcurrentRequestsPerCopy", "ConcurrentRequestsPerModel"),
    ("ModelLatency", "ModelLatency"),
];

/// A metric of fleets, found by its key.
struct Source<'w> {
    /// The endpoint, or the inference components that serve in its place.
    served: Vec<&'w Endpoint>,
    variant: Option<&'w str>,
    config: Option<&'w str>,
    read: Read,
    /// A metric that this kind of endpoint does not publish.
    is_void: bool,
}

impl<'w> Source<'w> {
    fn find(world: &'w World, key: &'w Key) -> Option<Self> {
        let dimension = |name: &str| key.dimensions.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        if let Some(component) = dimension("InferenceComponentName") {
            return Self::of_component(world, key, component);
        }
        let (.., of, read) = METRICS.iter().find(|(space, name, ..)| *space == key.namespace && *name == key.name)?;
        let (config, variant) = (dimension("EndpointConfigName"), dimension("VariantName"));
        let known = 1 + usize::from(variant.is_some()) + usize::from(config.is_some());
        if key.dimensions.len() != known || variant.is_none() != (*of == Of::Queue) {
            return None;
        }
        let endpoint = world.endpoints.endpoints.get(dimension("EndpointName")?)?;
        // A fleet that is gone, or is to come, published what it was; what kind that is, the variant in force tells.
        let kind = Kind::named(world, endpoint, variant)?;
        let components =
            world.components_on(&endpoint.name).filter(|component| Some(component.variant.as_str()) == variant);
        let mut served: Vec<&Endpoint> = components.map(|component| &component.served).collect();
        if served.is_empty() {
            served.push(endpoint);
        }
        Some(Self { served, variant, config, read: *read, is_void: !kind.publishes(*of) })
    }

    fn of_component(world: &'w World, key: &Key, name: &str) -> Option<Self> {
        let component = world.components.get(name)?;
        let endpoint = world.endpoints.endpoints.get(&component.endpoint)?;
        let (.., of, read) = match key.namespace.as_str() {
            INVOCATIONS => {
                let (_, like) = OF_COPIES.iter().find(|(told, _)| *told == key.name)?;
                METRICS.iter().find(|(_, name, ..)| name == like)?
            }
            COPIES => METRICS.iter().find(|(space, name, ..)| *space == UTILIZATION && *name == key.name)?,
            _ => return None,
        };
        let is_void = !Kind::named(world, endpoint, Some(&component.variant))?.publishes(*of);
        let served = vec![&component.served];
        (key.dimensions.len() == 1).then_some(Self { served, variant: None, config: None, read: *read, is_void })
    }

    fn is_of(&self, fleet: &Fleet) -> bool {
        self.variant.is_none_or(|variant| fleet.variant == variant)
            && self.config.is_none_or(|config| config == fleet.config)
    }
}

/// What was published under `key` in `from..to`, as far as it is over: computed for fleets, jobs and
/// monitors, kept for what was put.
pub(crate) fn samples(world: &World, key: &Key, from: Timestamp, to: Timestamp) -> Vec<Sample> {
    let mut out: Vec<Sample> = world
        .metrics
        .points(key, from, to)
        .map(|point| Sample::Value { value: point.value, count: point.count })
        .collect();
    let Some(source) = Source::find(world, key) else {
        let of_jobs = || shelf::published::points(world, key, from, to);
        let published = of_jobs().or_else(|| monitor::points(world, key, from, to)).unwrap_or_default();
        out.extend(published.into_iter().map(|(_, value)| Sample::Value { value, count: 1.0 }));
        return out;
    };
    if source.is_void {
        return out;
    }
    // A point of many hours looks at some minutes of each and stands for all.
    let minutes = (to.since(from) / MINUTE).max(1);
    let stride = (minutes / 60).max(1);
    let mut at = Timestamp::from_millis(from.millis() + MINUTE - 1).floor(MINUTE);
    while at.plus(MINUTE) <= to && at.plus(MINUTE) <= world.now {
        for served in &source.served {
            for fleet in served.fleets(at).iter().filter(|fleet| source.is_of(fleet)) {
                let sample = (source.read)(&traffic::minute(world, served, fleet, at));
                out.push(weighted(sample, stride as f64));
            }
        }
        at = at.plus(stride * MINUTE);
    }
    out
}

fn weighted(sample: Sample, by: f64) -> Sample {
    match sample {
        Sample::Value { value, count } => Sample::Value { value, count: count * by },
        Sample::Events { hits, of } => Sample::Events { hits: hits * by, of: of * by },
        Sample::Spread { count, latency } => Sample::Spread { count: count * by, latency },
    }
}

/// Keys of the metrics of new fleets, which carry their config while a deployment runs.
pub(crate) fn keys_of_new_fleets(world: &World) -> impl Iterator<Item = Key> {
    let deploying = world.endpoints.endpoints.values().filter_map(|e| Some((e, e.deployment()?)));
    deploying.flat_map(move |(endpoint, deployment)| {
        deployment.variants.iter().flat_map(move |variant| {
            let kind = Kind::new(world, endpoint, variant);
            let told = METRICS
                .iter()
                .filter(move |(space, _, of, _)| *space == INVOCATIONS && *of != Of::Queue && kind.publishes(*of));
            told.map(move |(space, name, ..)| {
                let config = ("EndpointConfigName", deployment.config.as_str());
                Key::new(space, name, &[("EndpointName", &endpoint.name), ("VariantName", &variant.name), config])
            })
        })
    })
}

/// Keys of every metric the inference components publish.
pub(crate) fn keys_of_components(world: &World) -> impl Iterator<Item = Key> {
    world.components.iter().flat_map(|(name, component)| {
        let endpoint = world.endpoints.endpoints.get(&component.endpoint);
        let kind = endpoint.and_then(|endpoint| Kind::named(world, endpoint, Some(&component.variant)));
        let has_gpu = kind.is_some_and(Kind::has_gpu);
        let key = |space: &str, metric: &str| Key::new(space, metric, &[("InferenceComponentName", name)]);
        let invocations = OF_COPIES.iter().map(move |(told, _)| key(INVOCATIONS, told));
        let shown = METRICS.iter().filter(move |(space, _, of, _)| {
            *space == UTILIZATION && (matches!(of, Of::All | Of::Fleets) || *of == Of::Gpus && has_gpu)
        });
        invocations.chain(shown.map(move |(_, metric, ..)| key(COPIES, metric)))
    })
}

/// Keys of every metric the endpoints publish.
pub(crate) fn keys(world: &World) -> impl Iterator<Item = Key> {
    world.endpoints.endpoints.values().flat_map(move |endpoint| {
        endpoint.variants.iter().flat_map(move |variant| {
            let kind = Kind::new(world, endpoint, variant);
            METRICS.iter().filter(move |(_, _, of, _)| kind.publishes(*of)).map(move |(space, name, of, _)| {
                let both = [("EndpointName", endpoint.name.as_str()), ("VariantName", variant.name.as_str())];
                Key::new(space, name, if *of == Of::Queue { &both[..1] } else { &both })
            })
        })
    })
}
