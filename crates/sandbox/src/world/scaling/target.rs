//! Scalable targets: the bounds of a variant's count, and what is suspended.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{COUNT, about, act, answer, namespace, not_found, parts};
use crate::world::{ApiError, Reply, Request, World, epoch, estate, noise, request::int};

/// Members of `SuspendedState`, in the order of [`Suspended`].
const SWITCHES: [&str; 3] = ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"];

/// What is suspended.
#[derive(Clone, Copy, Default)]
pub(super) struct Suspended {
    pub(super) inward: bool,
    pub(super) outward: bool,
    pub(super) scheduled: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) created: Timestamp,
    pub(super) suspended: Suspended,
    /// Bounds were set and the count is not known to lie within them yet.
    pub(super) is_new: bool,
    /// Its last change of the count.
    pub(super) last: Option<Change>,
}

/// A change that was asked for, and when it was fulfilled.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) ended: Option<Timestamp>,
}

impl Target {
    pub(super) const fn new(min: i64, max: i64, created: Timestamp) -> Self {
        let suspended = Suspended { inward: false, outward: false, scheduled: false };
        Self { min, max, created, suspended, is_new: true, last: None }
    }

    /// Sets the bounds that are given; what is not said stays as it was.
    pub(super) fn bound(&mut self, min: Option<i64>, max: Option<i64>) -> Result<(), ApiError> {
        let (min, max) = (min.unwrap_or(self.min), max.unwrap_or(self.max));
        if min < 0 || max < min {
            return Err(ApiError::validation("Maximum capacity cannot be less than minimum capacity."));
        }
        (self.min, self.max, self.is_new) = (min, max, true);
        Ok(())
    }
}

pub(super) fn arn(id: &str) -> String {
    estate::arn("application-autoscaling", &format!("scalable-target/{:016x}", noise::name(id)))
}

fn role() -> String {
    format!(
        "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/{}",
        estate::ACCOUNT,
        act::ROLE
    )
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let ids = request.texts("ResourceIds");
    let is_asked = |id: &str| {
        (ids.is_empty() || ids.contains(&id))
            && request.opt_text("ScalableDimension").is_none_or(|dimension| dimension == COUNT)
    };
    let targets = world.scaling.targets.iter().filter(|(id, _)| is_asked(id));
    let rows: Vec<Value> = targets.map(|(id, target)| body(id, target)).collect();
    answer(&rows, request, "ScalableTargets")
}

fn body(id: &str, target: &Target) -> Value {
    let Suspended { inward, outward, scheduled } = target.suspended;
    let switches = SWITCHES.iter().zip([inward, outward, scheduled]);
    let suspended: Map<String, Value> = switches.map(|(name, on)| ((*name).to_owned(), on.into())).collect();
    about(
        id,
        json!({
            "MinCapacity": target.min,
            "MaxCapacity": target.max,
            "RoleARN": role(),
            "CreationTime": epoch(target.created),
            "SuspendedState": suspended,
            "ScalableTargetARN": arn(id),
        }),
    )
}

pub(super) fn register(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let id = request.text("ResourceId")?;
    check_resource(world, id, request.text("ScalableDimension")?)?;
    let (min, max) = (request.opt_int("MinCapacity"), request.opt_int("MaxCapacity"));
    let now = world.now;
    let mut target = match (world.scaling.targets.get(id), min, max) {
        (Some(known), ..) => *known,
        (None, Some(min), Some(max)) => Target::new(min, max, now),
        (None, None, _) => return Err(ApiError::missing("MinCapacity")),
        (None, ..) => return Err(ApiError::missing("MaxCapacity")),
    };
    if min.is_some() || max.is_some() {
        target.bound(min, max)?;
    }
    let suspend = request.input.get("SuspendedState");
    let Suspended { inward, outward, scheduled } = &mut target.suspended;
    for (name, switch) in SWITCHES.iter().zip([inward, outward, scheduled]) {
        if let Some(on) = suspend.and_then(|state| state.get(name)).and_then(Value::as_bool) {
            *switch = on;
        }
    }
    check_tags(world, &arn(id), request.input.get("Tags"))?;
    world.scaling.targets.insert(id.to_owned(), target);
    set_tags(world, id, request.input.get("Tags"));
    act::keep_bounds(world, id, now);
    Ok(json!({"ScalableTargetARN": arn(id)}))
}

fn check_resource(world: &World, id: &str, dimension: &str) -> Result<(), ApiError> {
    let found = parts(id)
        .and_then(|(endpoint, variant)| world.endpoint(endpoint).ok()?.variants.iter().find(|v| v.name == variant));
    match found {
        Some(variant) if dimension == COUNT && variant.serverless.is_none() => Ok(()),
        Some(_) => Err(ApiError::validation("Unsupported service namespace, resource type or scalable dimension")),
        None => Err(ApiError::validation(format!("Could not find resource {id} in service namespace sagemaker."))),
    }
}

pub(super) fn deregister(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let (id, dimension) = (request.text("ResourceId")?, request.text("ScalableDimension")?);
    if dimension != COUNT || !world.scaling.targets.contains_key(id) {
        return Err(not_found("scalable target found", id, dimension));
    }
    forget(world, id);
    Ok(json!({}))
}

/// Takes a target away with its policies, their alarms and its scheduled actions.
pub(super) fn forget(world: &mut World, id: &str) {
    world.scaling.targets.remove(id);
    world.scaling.scheduled.retain(|(of, _), _| of != id);
    let policies: Vec<(String, String)> = world.scaling.policies.keys().filter(|(of, _)| of == id).cloned().collect();
    for key in policies {
        super::policy::remove(world, &key);
    }
    world.tags.forget(&arn(id));
}

/// Most tags of one target.
const TAGS: usize = 50;

fn check_tags(world: &World, arn: &str, tags: Option<&Value>) -> Result<(), ApiError> {
    let given = tags.and_then(Value::as_object).into_iter().flatten();
    let new = given.filter(|(key, _)| !world.tags.get(arn).any(|(have, _)| have == key.as_str())).count();
    if new == 0 || world.tags.get(arn).count() + new <= TAGS {
        return Ok(());
    }
    Err(ApiError::new(400, "TooManyTagsException", format!("The number of tags exceeds the limit of {TAGS}.")))
}

/// Tags are a map here, where SageMaker has a list.
fn set_tags(world: &mut World, id: &str, tags: Option<&Value>) {
    for (key, value) in tags.and_then(Value::as_object).into_iter().flatten() {
        world.tags.set(&arn(id), key, value.as_str().unwrap_or_default());
    }
}

/// The resource id behind `ResourceARN`.
fn tagged(world: &World, request: &Request<'_>) -> Result<String, ApiError> {
    let wanted = request.text("ResourceARN")?;
    let found = world.scaling.targets.keys().find(|id| arn(id) == wanted).cloned();
    found.ok_or_else(|| {
        let message = format!("The specified resource doesn't exist: {wanted}");
        ApiError::new(400, "ResourceNotFoundException", message)
    })
}

pub(super) fn tag(world: &mut World, request: &Request<'_>) -> Reply {
    let id = tagged(world, request)?;
    let tags = request.input.get("Tags");
    if tags.is_none_or(|tags| !tags.is_object()) {
        return Err(ApiError::missing("Tags"));
    }
    check_tags(world, &arn(&id), tags)?;
    set_tags(world, &id, tags);
    Ok(json!({}))
}

pub(super) fn untag(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = arn(&tagged(world, request)?);
    for key in request.texts("TagKeys") {
        world.tags.unset(&arn, key);
    }
    Ok(json!({}))
}

pub(super) fn list_tags(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = arn(&tagged(world, request)?);
    let tags: Map<String, Value> = world.tags.get(&arn).map(|(key, value)| (key.to_owned(), value.into())).collect();
    Ok(json!({"Tags": tags}))
}

/// A capacity in a structure.
pub(super) fn capacity(of: &Value, member: &str) -> Option<i64> {
    of.get(member).and_then(int)
}
