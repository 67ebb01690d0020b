//! Which numbers a metric of an endpoint is made of.

use mldeck_core::time::{MINUTE, Timestamp};

use super::{Key, stat::Sample};
use crate::world::{
    World,
    endpoint::{Endpoint, Fleet},
    monitor,
    traffic::{self, Minute},
};

pub(crate) const INVOCATIONS: &str = "AWS/SageMaker";
pub(crate) const UTILIZATION: &str = "/aws/sagemaker/Endpoints";
const COPIES: &str = "/aws/sagemaker/InferenceComponents";

/// A metric as a function of one fleet's minute.
type Read = fn(&Minute) -> Sample;

/// Namespace, name, and how it is read. GPU metrics exist on GPU instances only.
const METRICS: &[(&str, &str, Read)] = &[
    (INVOCATIONS, "Invocations", |m| Sample::Events { hits: m.invocations, of: m.invocations }),
    (INVOCATIONS, "Invocation4XXErrors", |m| Sample::Events { hits: m.errors_4xx, of: m.invocations }),
    (INVOCATIONS, "Invocation5XXErrors", |m| Sample::Events { hits: m.errors_5xx, of: m.invocations }),
    (INVOCATIONS, "InvocationModelErrors", |m| Sample::Events { hits: m.errors_5xx, of: m.invocations }),
    (INVOCATIONS, "InvocationsPerInstance", |m| Sample::Value {
        value: m.invocations / m.instances.max(1) as f64,
        count: 1.0,
    }),
    (INVOCATIONS, "ConcurrentRequestsPerModel", |m| Sample::Value {
        value: m.invocations * m.latency.mean() / 60_000_000.0 / m.instances.max(1) as f64,
        count: 1.0,
    }),
    (INVOCATIONS, "ModelLatency", |m| Sample::Spread { count: m.invocations, latency: m.latency }),
    (INVOCATIONS, "OverheadLatency", |m| Sample::Spread { count: m.invocations, latency: m.overhead }),
    (UTILIZATION, "CPUUtilization", |m| Sample::Value { value: m.cpu, count: 1.0 }),
    (UTILIZATION, "MemoryUtilization", |m| Sample::Value { value: m.memory, count: 1.0 }),
    (UTILIZATION, "DiskUtilization", |_| Sample::Value { value: 14.0, count: 1.0 }),
    (UTILIZATION, "GPUUtilization", |m| Sample::Value { value: m.gpu, count: 1.0 }),
    (UTILIZATION, "GPUMemoryUtilization", |m| Sample::Value { value: m.gpu * 0.8 + 12.0, count: 1.0 }),
];

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
    /// A metric of GPUs where there are none.
    is_void: bool,
}

impl<'w> Source<'w> {
    fn find(world: &'w World, key: &'w Key) -> Option<Self> {
        let dimension = |name: &str| key.dimensions.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        if let Some(component) = dimension("InferenceComponentName") {
            return Self::of_component(world, key, component);
        }
        let (_, _, read) = METRICS.iter().find(|(space, name, _)| *space == key.namespace && *name == key.name)?;
        let config = dimension("EndpointConfigName");
        let known = 2 + usize::from(config.is_some());
        let endpoint = world.endpoints.endpoints.get(dimension("EndpointName")?)?;
        let variant = dimension("VariantName")?;
        let components = world.components_on(&endpoint.name).filter(|component| component.variant == variant);
        let mut served: Vec<&Endpoint> = components.map(|component| &component.served).collect();
        if served.is_empty() {
            served.push(endpoint);
        }
        let is_void = key.name.starts_with("GPU") && !has_gpu(endpoint, variant);
        (key.dimensions.len() == known).then_some(Self { served, variant: Some(variant), config, read: *read, is_void })
    }

    fn of_component(world: &'w World, key: &Key, name: &str) -> Option<Self> {
        let component = world.components.get(name)?;
        let endpoint = world.endpoints.endpoints.get(&component.endpoint)?;
        let (_, _, read) = match key.namespace.as_str() {
            INVOCATIONS => {
                let (_, like) = OF_COPIES.iter().find(|(told, _)| *told == key.name)?;
                METRICS.iter().find(|(_, name, _)| name == like)?
            }
            COPIES => METRICS.iter().find(|(space, name, _)| *space == UTILIZATION && *name == key.name)?,
            _ => return None,
        };
        let is_void = key.name.starts_with("GPU") && !has_gpu(endpoint, &component.variant);
        let served = vec![&component.served];
        (key.dimensions.len() == 1).then_some(Self { served, variant: None, config: None, read: *read, is_void })
    }

    fn is_of(&self, fleet: &Fleet) -> bool {
        self.variant.is_none_or(|variant| fleet.variant == variant)
            && self.config.is_none_or(|config| config == fleet.config)
    }
}

/// True for instances with a GPU.
fn has_gpu(endpoint: &Endpoint, variant: &str) -> bool {
    let kind = endpoint.variants.iter().find(|v| v.name == variant).and_then(|v| v.instance_type.as_deref());
    kind.is_some_and(|kind| kind.starts_with("ml.g") || kind.starts_with("ml.p"))
}

/// What was published under `key` in `from..to`, as far as it is over: computed for fleets and monitors, kept for
/// what was put.
pub(crate) fn samples(world: &World, key: &Key, from: Timestamp, to: Timestamp) -> Vec<Sample> {
    let mut out: Vec<Sample> = world
        .metrics
        .points(key, from, to)
        .map(|point| Sample::Value { value: point.value, count: point.count })
        .collect();
    let Some(source) = Source::find(world, key) else {
        let published = monitor::points(world, key, from, to).unwrap_or_default();
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
    deploying.flat_map(|(endpoint, deployment)| {
        deployment.variants.iter().flat_map(move |variant| {
            METRICS.iter().filter(|(space, ..)| *space == INVOCATIONS).map(move |(space, name, _)| {
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
        let gpu = endpoint.is_some_and(|endpoint| has_gpu(endpoint, &component.variant));
        let of = |space: &str, metric: &str| Key::new(space, metric, &[("InferenceComponentName", name)]);
        let invocations = OF_COPIES.iter().map(move |(told, _)| of(INVOCATIONS, told));
        let shown =
            METRICS.iter().filter(move |(space, name, _)| *space == UTILIZATION && (gpu || !name.starts_with("GPU")));
        invocations.chain(shown.map(move |(_, metric, _)| of(COPIES, metric)))
    })
}

/// Keys of every metric the endpoints publish.
pub(crate) fn keys(world: &World) -> impl Iterator<Item = Key> {
    world.endpoints.endpoints.values().flat_map(|endpoint| {
        endpoint.variants.iter().flat_map(move |variant| {
            let gpu = has_gpu(endpoint, &variant.name);
            METRICS.iter().filter(move |(_, name, _)| gpu || !name.starts_with("GPU")).map(move |(space, name, _)| {
                Key::new(space, name, &[("EndpointName", &endpoint.name), ("VariantName", &variant.name)])
            })
        })
    })
}
