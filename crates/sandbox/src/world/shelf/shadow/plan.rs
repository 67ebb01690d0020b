//! What a test compares, on which endpoint, and when.

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Map, Value, json};

use super::{ApiError, Item, NOUN, OVER, World, text};
use crate::world::{
    endpoint::{Endpoint, Status, config},
    epoch, moment,
    request::{float, int},
};

type Body = Map<String, Value>;

/// A test that says nothing goes on for a week.
const USUAL: i64 = 7 * DAY;
const SHORTEST: i64 = HOUR;
const LONGEST: i64 = 30 * DAY;
/// Members of which the endpoint's config is made, and that may change while a test runs.
pub(super) const MOVING: &[&str] = &["ShadowModeConfig", "DataStorageConfig"];
/// A start this long ago is now: clocks differ.
const LATE: i64 = 5 * MINUTE;

/// A variant of `ModelVariants`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    model: String,
    instance_type: String,
    count: i64,
}

pub(super) struct Plan {
    pub(super) source: Part,
    pub(super) shadow: Part,
    /// The weight of the shadow beside a production variant of 1.
    share: f64,
}

/// The variant whose calls are copied.
pub(super) fn source(body: &Body) -> &str {
    body.get("ShadowModeConfig").and_then(|mode| mode.get("SourceModelVariantName")?.as_str()).unwrap_or_default()
}

impl Part {
    pub(super) fn read(variant: &Value) -> Self {
        let at = |place: &str| variant.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let count = variant.pointer("/InfrastructureConfig/RealTimeInferenceConfig/InstanceCount").and_then(int);
        Self {
            name: at("/VariantName"),
            model: at("/ModelName"),
            instance_type: at("/InfrastructureConfig/RealTimeInferenceConfig/InstanceType"),
            count: count.unwrap_or(1),
        }
    }

    /// As endpoint configs have it; `like` says what else is so of it.
    fn variant(&self, weight: f64, like: Option<&Value>) -> Value {
        let mut variant = like.cloned().unwrap_or_else(|| json!({}));
        for (member, value) in [
            ("VariantName", json!(self.name)),
            ("ModelName", json!(self.model)),
            ("InstanceType", json!(self.instance_type)),
            ("InitialInstanceCount", json!(self.count)),
            ("InitialVariantWeight", json!(weight)),
        ] {
            variant[member] = value;
        }
        variant
    }
}

impl Plan {
    pub(super) fn read(body: &Body) -> Result<Self, ApiError> {
        let of = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
        let mode = body.get("ShadowModeConfig");
        let shadows = of(mode.and_then(|mode| mode.get("ShadowModelVariants")));
        let shadow = shadows.first().and_then(|shadow| shadow.get("ShadowModelVariantName")?.as_str());
        let percent = shadows.first().and_then(|shadow| shadow.get("SamplingPercentage")).and_then(float);
        let (source, shadow) = (source(body), shadow.unwrap_or_default());
        let parts: Vec<Part> = of(body.get("ModelVariants")).iter().map(Part::read).collect();
        let named = |name: &str| parts.iter().find(|part| part.name == name).cloned();
        match (named(source), named(shadow)) {
            (Some(source), Some(shadow)) if source.name != shadow.name && parts.len() == 2 => {
                Ok(Self { source, shadow, share: percent.unwrap_or(0.0) / 100.0 })
            }
            _ => Err(ApiError::validation(format!(
                "ModelVariants must have two variants: the production variant \"{source}\" and the shadow variant \"{shadow}\" of \
                 ShadowModeConfig."
            ))),
        }
    }

    /// The config that an endpoint has while it is tested; `base` is the one it has otherwise.
    pub(super) fn config(&self, base: &Body, storage: Option<&Value>) -> Body {
        let mut made = serves(base, &self.source, Some((&self.shadow, self.share)));
        if let Some(storage) = storage {
            let mut capture = json!({
                "EnableCapture": true,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": storage.get("Destination"),
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            });
            for (from, to) in [("KmsKey", "KmsKeyId"), ("ContentType", "CaptureContentTypeHeader")] {
                if let Some(value) = storage.get(from) {
                    capture[to] = value.clone();
                }
            }
            made.insert("DataCaptureConfig".to_owned(), capture);
        }
        made
    }

    /// The config of what is left when the test is over: a production variant, and a shadow where that stays.
    pub(super) fn left(&self, base: &Body, production: &Part, shadow: Option<&Part>) -> Body {
        serves(base, production, shadow.map(|shadow| (shadow, self.share)))
    }
}

fn serves(base: &Body, production: &Part, shadow: Option<(&Part, f64)>) -> Body {
    let mut made = base.clone();
    made.remove("ShadowProductionVariants");
    let like = base.get("ProductionVariants").and_then(|variants| variants.get(0));
    made.insert("ProductionVariants".to_owned(), json!([production.variant(1.0, like)]));
    if let Some((shadow, share)) = shadow {
        made.insert("ShadowProductionVariants".to_owned(), json!([shadow.variant(share, None)]));
    }
    made
}

/// From when until when it is to run.
pub(super) fn schedule(body: &Body, now: Timestamp) -> (Timestamp, Timestamp) {
    let at = |member: &str| body.get("Schedule").and_then(|schedule| schedule.get(member)).and_then(moment);
    let from = at("StartTime").unwrap_or(now);
    (from, at("EndTime").unwrap_or(from.plus(USUAL)))
}

/// Refuses what is too short, too long or over.
pub(super) fn check_schedule(body: &Body, now: Timestamp) -> Result<(), ApiError> {
    let (from, until) = schedule(body, now);
    let length = until.since(from);
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(ApiError::validation(
            "The duration of an inference experiment must be between 1 hour and 30 days.",
        ));
    }
    if until <= now {
        return Err(ApiError::validation("The EndTime of an inference experiment must be in the future."));
    }
    Ok(())
}

fn set_schedule(body: &mut Body, from: Timestamp, until: Timestamp) {
    body.insert("Schedule".to_owned(), json!({"StartTime": epoch(from), "EndTime": epoch(until)}));
}

pub(super) fn made(world: &World, body: &mut Body) -> Result<(), ApiError> {
    let name = text(body, "EndpointName");
    let in_use = |why: String| ApiError::new(400, "ResourceInUse", format!("Endpoint \"{name}\" {why}."));
    let is_other = |item: &&Item| text(&item.body, "EndpointName") == name && !OVER.contains(&item.state);
    if let Some(other) = world.shelf.of(NOUN).find(is_other) {
        return Err(in_use(format!("has the inference experiment \"{}\" already", text(&other.body, "Name"))));
    }
    let status = world.endpoint(name)?.status;
    if status.is_in_flight() {
        return Err(in_use(format!("is in {} status", status.as_str())));
    }
    check(world, body)?;
    let (from, until) = schedule(body, world.now);
    set_schedule(body, from, until);
    Ok(())
}

/// Refuses a test that has not begun and cannot.
pub(super) fn check(world: &World, body: &Body) -> Result<(), ApiError> {
    let (from, _) = schedule(body, world.now);
    if world.now.since(from) > LATE {
        return Err(ApiError::validation("The StartTime of an inference experiment must not be in the past."));
    }
    check_schedule(body, world.now)?;
    let endpoint = world.endpoint(text(body, "EndpointName"))?;
    config_on(world, endpoint, &Plan::read(body)?, body).map(|_| ())
}

/// The config that this endpoint would have for the test.
pub(super) fn config_on(world: &World, endpoint: &Endpoint, plan: &Plan, body: &Body) -> Result<Body, ApiError> {
    if endpoint.status == Status::Failed {
        return Err(ApiError::validation(format!("Endpoint \"{}\" is in Failed status.", endpoint.arn())));
    }
    // A shadow that it has already makes room for the test, and comes back.
    let production: Vec<_> = endpoint.variants.iter().filter(|variant| !variant.is_shadow).collect();
    let fits = match production.as_slice() {
        [only] => only.name == plan.source.name && only.serverless.is_none() && only.model.is_some(),
        _ => false,
    };
    if !fits {
        return Err(ApiError::validation(format!(
            "Endpoint \"{}\" must have \"{}\" as its one production variant, on instances and with a model.",
            endpoint.arn(),
            plan.source.name
        )));
    }
    let base = &world.config(&endpoint.config)?.body;
    let made = plan.config(base, body.get("DataStorageConfig"));
    config::check(world, &made)?;
    Ok(made)
}

/// A test that runs may be told to end at another time, to copy more or less, and to keep its calls elsewhere.
pub(super) fn check_running(world: &World, before: &Body, after: &Body) -> Result<(), ApiError> {
    let (was, is) = (Plan::read(before)?, Plan::read(after)?);
    if (&was.source, &was.shadow) != (&is.source, &is.shadow) {
        return Err(ApiError::validation(
            "The variants of an inference experiment cannot be changed while it is Running.",
        ));
    }
    let start = |body: &Body| schedule(body, world.now).0;
    if start(before) != start(after) {
        return Err(ApiError::validation(
            "The StartTime of an inference experiment cannot be changed while it is Running.",
        ));
    }
    check_schedule(after, world.now)
}

/// Whether the endpoint has to change for what is new.
pub(super) fn moves_endpoint(before: &Body, after: &Body) -> bool {
    MOVING.iter().any(|member| before.get(*member) != after.get(*member))
}

/// It begins now, not when it was planned.
pub(super) fn begins(body: &mut Body, now: Timestamp) {
    let (_, until) = schedule(body, now);
    set_schedule(body, now, until);
}

/// True for an endpoint that a test may change now.
pub(super) fn is_free(world: &World, body: &Body) -> bool {
    let endpoint = world.endpoint(text(body, "EndpointName"));
    endpoint.is_ok_and(|endpoint| !endpoint.status.is_in_flight())
}
