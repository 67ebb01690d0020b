//! Which metrics which kind of endpoint publishes, and how each is read off a fleet's minute.

use super::{
    source::{INVOCATIONS, UTILIZATION},
    stat::Sample,
};
use crate::world::{
    World, component,
    endpoint::{Endpoint, Variant},
    traffic::Minute,
};

/// A metric as a function of one fleet's minute.
pub(super) type Read = fn(&Minute) -> Sample;

/// Who publishes a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    All,
    /// What answers at once, on instances or without.
    Direct,
    /// What answers at once and has instances.
    Instances,
    /// What has instances, whether it answers at once or not.
    Fleets,
    Gpus,
    Serverless,
    Async,
    /// Of an asynchronous endpoint as a whole: it has no variant among its dimensions.
    Queue,
    MultiModel,
}

fn value(value: f64) -> Sample {
    Sample::Value { value, count: 1.0 }
}

const fn events(hits: f64, of: f64) -> Sample {
    Sample::Events { hits, of }
}

fn micros(m: &Minute, share: f64, of_median: f64) -> Sample {
    let latency = crate::world::traffic::Latency { median: m.latency.median * of_median, shape: m.latency.shape };
    Sample::Spread { count: (m.invocations * share).ceil(), latency }
}

/// Requests that wait for an instance: as a queue in front of servers that are busy for `load` of their time.
fn backlog(m: &Minute) -> f64 {
    let load = m.invocations * m.latency.mean() / 60_000_000.0 / m.instances.max(1) as f64;
    if m.instances == 0 { m.invocations } else { (load * load / (1.0 - load.min(0.98))).floor() }
}

/// Requests that a multi-model container finds its model loaded for.
const CACHED: f64 = 0.97;

/// Namespace, name, who publishes it, and how it is read. The third `s` of InvocationsProcesssed is AWS's.
pub(super) const METRICS: &[(&str, &str, Of, Read)] = &[
    (INVOCATIONS, "Invocations", Of::Direct, |m| events(m.invocations, m.invocations)),
    (INVOCATIONS, "Invocation4XXErrors", Of::Direct, |m| events(m.errors_4xx, m.invocations)),
    (INVOCATIONS, "Invocation5XXErrors", Of::Direct, |m| events(m.errors_5xx, m.invocations)),
    (INVOCATIONS, "InvocationModelErrors", Of::Direct, |m| events(m.errors_5xx, m.invocations)),
    (INVOCATIONS, "InvocationsPerInstance", Of::Instances, |m| value(m.invocations / m.instances.max(1) as f64)),
    (INVOCATIONS, "ConcurrentRequestsPerModel", Of::Instances, |m| {
        value(m.invocations * m.latency.mean() / 60_000_000.0 / m.instances.max(1) as f64)
    }),
    (INVOCATIONS, "ModelLatency", Of::All, |m| Sample::Spread { count: m.invocations, latency: m.latency }),
    (INVOCATIONS, "OverheadLatency", Of::Direct, |m| Sample::Spread { count: m.invocations, latency: m.overhead }),
    // One request in a hundred finds no container that runs.
    (INVOCATIONS, "ModelSetupTime", Of::Serverless, |m| micros(m, 0.01, 40.0)),
    (INVOCATIONS, "ModelLoadingWaitTime", Of::MultiModel, |m| micros(m, 1.0 - CACHED, 30.0)),
    (INVOCATIONS, "ModelDownloadingTime", Of::MultiModel, |m| micros(m, 1.0 - CACHED, 18.0)),
    (INVOCATIONS, "ModelLoadingTime", Of::MultiModel, |m| micros(m, 1.0 - CACHED, 11.0)),
    (INVOCATIONS, "ModelUnloadingTime", Of::MultiModel, |m| micros(m, 1.0 - CACHED, 0.4)),
    (INVOCATIONS, "ModelCacheHit", Of::MultiModel, |m| events((m.invocations * CACHED).floor(), m.invocations)),
    (UTILIZATION, "LoadedModelCount", Of::MultiModel, |m| value((m.memory / 4.0).floor())),
    (INVOCATIONS, "InvocationsProcesssed", Of::Async, |m| events(m.invocations - m.errors_5xx, m.invocations)),
    (INVOCATIONS, "InvocationFailures", Of::Async, |m| events(m.errors_5xx + m.errors_4xx, m.invocations)),
    (INVOCATIONS, "ExpiredRequests", Of::Async, |m| events(0.0, m.invocations)),
    (INVOCATIONS, "RequestDownloadFailures", Of::Async, |m| events(0.0, m.invocations)),
    (INVOCATIONS, "ResponseUploadFailures", Of::Async, |m| events(0.0, m.invocations)),
    (INVOCATIONS, "RequestDownloadLatency", Of::Async, |m| Sample::Spread {
        count: m.invocations,
        latency: m.overhead,
    }),
    (INVOCATIONS, "ResponseUploadLatency", Of::Async, |m| Sample::Spread { count: m.invocations, latency: m.overhead }),
    (INVOCATIONS, "TimeInBacklog", Of::Async, |m| micros(m, 1.0, backlog(m) / m.invocations.max(1.0))),
    (INVOCATIONS, "TotalProcessingTime", Of::Async, |m| micros(m, 1.0, 1.2 + backlog(m) / m.invocations.max(1.0))),
    (INVOCATIONS, "ApproximateBacklogSize", Of::Queue, |m| value(backlog(m))),
    (INVOCATIONS, "ApproximateBacklogSizePerInstance", Of::Queue, |m| value(backlog(m) / m.instances.max(1) as f64)),
    (INVOCATIONS, "ApproximateAgeOfOldestRequest", Of::Queue, |m| {
        value(backlog(m) * m.latency.median / 1_000_000.0 / m.instances.max(1) as f64)
    }),
    (INVOCATIONS, "HasBacklogWithoutCapacity", Of::Queue, |m| value(f64::from(u8::from(m.instances == 0)))),
    (UTILIZATION, "CPUUtilization", Of::Fleets, |m| value(m.cpu)),
    (UTILIZATION, "MemoryUtilization", Of::All, |m| value(m.memory)),
    (UTILIZATION, "DiskUtilization", Of::Fleets, |_| value(14.0)),
    (UTILIZATION, "GPUUtilization", Of::Gpus, |m| value(m.gpu)),
    (UTILIZATION, "GPUMemoryUtilization", Of::Gpus, |m| value(m.gpu * 0.8 + 12.0)),
];

/// What a variant of an endpoint is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    is_async: bool,
    is_serverless: bool,
    is_multi_model: bool,
    has_gpu: bool,
}

impl Kind {
    pub(super) fn new(world: &World, endpoint: &Endpoint, variant: &Variant) -> Self {
        let config = world.endpoints.configs.get(&endpoint.config);
        let model = variant.model.as_deref().and_then(|model| world.endpoints.models.get(model));
        let instance = variant.instance_type.as_deref().unwrap_or_default();
        Self {
            is_async: config.is_some_and(|config| config.body.contains_key("AsyncInferenceConfig")),
            is_serverless: variant.serverless.is_some(),
            is_multi_model: model.is_some_and(|model| model.is_multi_model()),
            has_gpu: component::has_gpu(instance),
        }
    }

    /// The same for what a metric's dimensions name; one without a variant is of the whole endpoint.
    pub(super) fn named(world: &World, endpoint: &Endpoint, variant: Option<&str>) -> Option<Self> {
        let is_meant = |v: &&Variant| variant.is_none_or(|name| v.name == name);
        endpoint.variants.iter().find(is_meant).map(|variant| Self::new(world, endpoint, variant))
    }

    pub(super) const fn has_gpu(self) -> bool {
        self.has_gpu
    }

    pub(super) const fn publishes(self, of: Of) -> bool {
        match of {
            Of::All => true,
            Of::Direct => !self.is_async,
            Of::Instances => !self.is_async && !self.is_serverless,
            Of::Fleets => !self.is_serverless,
            Of::Gpus => self.has_gpu,
            Of::Serverless => self.is_serverless,
            Of::Async | Of::Queue => self.is_async,
            Of::MultiModel => self.is_multi_model,
        }
    }
}
