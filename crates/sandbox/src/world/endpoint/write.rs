//! Changes of endpoints, and what SageMaker refuses.

use mldeck_core::time::Timestamp;
use serde_json::{Value, json};

use super::{
    Change, Endpoint, Status, Variant, check_name, config,
    deploy::{Deployment, LAUNCH},
    endpoint_arn,
    policy::Policy,
};
use crate::world::{
    ApiError, Reply, Request, World, estate, noise,
    request::{float, int},
    shelf::shadow,
};

/// Seconds to delete, to move weights, to change counts.
const DELETE: i64 = 90;
const WEIGHTS: i64 = 45;
const COUNTS: i64 = 240;

pub(super) fn create_endpoint(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointName")?;
    check_name("EndpointName", name)?;
    let config_name = request.text("EndpointConfigName")?;
    let arn = endpoint_arn(name);
    if world.endpoints.endpoints.contains_key(name) {
        return Err(ApiError::validation(format!("Cannot create already existing endpoint \"{arn}\".")));
    }
    let variants = world.config(config_name)?.variants();
    check_models(world, &variants)?;
    check_room(world.endpoints.endpoints.len(), "endpoints")?;
    let draw = noise::unit(&[world.seed, noise::name(name), 3]);
    let family = estate::family(name);
    let has_models = variants.iter().any(|variant| variant.model.is_some());
    let endpoint = Endpoint {
        name: name.to_owned(),
        config: config_name.to_owned(),
        status: Status::Creating,
        created: world.now,
        modified: world.now,
        failure: None,
        variants,
        last_deployment: request.input.get("DeploymentConfig").cloned(),
        change: Some(Change::Creation(world.now)),
        mixed: None,
        splits: Vec::new(),
        attempts: Vec::new(),
        // What inference components are asked for is theirs.
        rate: if has_models { 40.0 + 400.0 * draw } else { 0.0 },
        median_ms: family.map_or(10.0 + 90.0 * draw, |family| family.median_ms),
    };
    world.endpoints.endpoints.insert(name.to_owned(), endpoint);
    world.tags.set_from(&arn, request.list("Tags"));
    Ok(json!({"EndpointArn": arn}))
}

/// Things of one kind an account may hold here.
const ROOM: usize = 20_000;

pub(crate) fn check_room(held: usize, what: &str) -> Result<(), ApiError> {
    if held < ROOM {
        return Ok(());
    }
    Err(ApiError::new(400, "ResourceLimitExceeded", format!("The account holds {held} {what} and may hold {ROOM}.")))
}

fn check_models(world: &World, variants: &[Variant]) -> Result<(), ApiError> {
    variants.iter().filter_map(|variant| variant.model.as_deref()).try_for_each(|model| world.model(model).map(|_| ()))
}

/// Refuses a change while another is under way, and of what is beyond change.
fn check_stable(endpoint: &Endpoint) -> Result<(), ApiError> {
    if endpoint.status.is_in_flight() {
        return Err(ApiError::validation(format!("Cannot update in-progress endpoint \"{}\".", endpoint.arn())));
    }
    Ok(())
}

/// Refuses what would take an endpoint away from the inference experiment it is in; more instances are in nobody's way.
fn check_untested(world: &World, request: &Request<'_>, name: &str) -> Result<(), ApiError> {
    match shadow::tests(world, name).filter(|_| !shadow::is_service(request.caller)) {
        None => Ok(()),
        Some(experiment) => Err(ApiError::validation(format!(
            "Cannot change endpoint \"{}\" while the inference experiment \"{experiment}\" is in progress on it; stop that first.",
            endpoint_arn(name)
        ))),
    }
}

pub(super) fn update_endpoint(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointName")?;
    let config_name = request.text("EndpointConfigName")?;
    let endpoint = world.endpoint(name)?;
    check_stable(endpoint)?;
    check_untested(world, request, name)?;
    if endpoint.status == Status::Failed {
        return Err(ApiError::validation(format!(
            "Cannot update endpoint \"{}\" in Failed status; delete it and create it again.",
            endpoint.arn()
        )));
    }
    let config = world.config(config_name)?;
    check_async(world, endpoint, config)?;
    let mut variants = config.variants();
    check_models(world, &variants)?;
    check_scaling(world, endpoint, config)?;
    let retained = request.flag("RetainDeploymentConfig").then(|| endpoint.last_deployment.clone()).flatten();
    let sent = request.input.get("DeploymentConfig").filter(|sent| sent.is_object()).cloned().or(retained);
    if request.flag("RetainAllVariantProperties") {
        retain(&mut variants, &endpoint.variants, request);
    }
    let policy = match &sent {
        Some(sent) => guarded(world, endpoint, &variants, sent)?,
        None => Policy::unguarded(),
    };
    let now = world.now;
    let old = endpoint.fleets(now).to_vec();
    let deployment = Deployment::new(config_name, now, variants, policy, old, LAUNCH);
    let endpoint = world.endpoint_mut(name)?;
    endpoint.status = Status::Updating;
    endpoint.modified = now;
    endpoint.failure = None;
    endpoint.last_deployment = sent;
    endpoint.change = Some(Change::Deployment(Box::new(deployment)));
    Ok(json!({"EndpointArn": endpoint.arn()}))
}

/// Reads the policy and checks what only guarded deployments need.
fn guarded(world: &World, endpoint: &Endpoint, variants: &[Variant], sent: &Value) -> Result<Policy, ApiError> {
    // A shadow may come, go and change its name beside them.
    let names = |variants: &[Variant]| {
        let production = variants.iter().filter(|variant| !variant.is_shadow);
        let mut names: Vec<String> = production.map(|variant| variant.name.clone()).collect();
        names.sort();
        names
    };
    if names(variants) != names(&endpoint.variants) {
        return Err(ApiError::validation(format!(
            "Variant names of the new endpoint configuration ({}) must be the same as those of the endpoint ({}) when a \
             DeploymentConfig is given.",
            names(variants).join(", "),
            names(&endpoint.variants).join(", ")
        )));
    }
    let policy = Policy::read(sent, variants)?;
    check_alarms(world, &policy)?;
    Ok(policy)
}

/// Refuses alarms that do not exist.
pub(crate) fn check_alarms(world: &World, policy: &Policy) -> Result<(), ApiError> {
    let missing: Vec<&str> =
        policy.alarms.iter().filter(|name| !world.alarms.exists(name)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!("Could not find the following CloudWatch alarm(s): {}.", missing.join(", "))))
}

/// Keeps the live counts and weights instead of the config's.
fn retain(new: &mut [Variant], live: &[Variant], request: &Request<'_>) {
    let excluded = |property: &str| {
        request
            .list("ExcludeRetainedVariantProperties")
            .iter()
            .any(|entry| entry.get("VariantPropertyType").and_then(Value::as_str) == Some(property))
    };
    for variant in new {
        // The weight of a shadow means something else than that of the production variant it becomes.
        let before = live.iter().find(|live| live.name == variant.name && live.is_shadow == variant.is_shadow);
        let Some(live) = before else { continue };
        if !excluded("DesiredInstanceCount") && variant.serverless.is_none() {
            variant.desired_count = live.desired_count.max(1);
            variant.current_count = variant.desired_count;
        }
        if !excluded("DesiredWeight") {
            variant.desired_weight = live.desired_weight;
            variant.current_weight = live.desired_weight;
        }
    }
}

fn check_async(world: &World, endpoint: &Endpoint, new: &config::Config) -> Result<(), ApiError> {
    let is_async = |config: &config::Config| config.body.contains_key("AsyncInferenceConfig");
    if world.config(&endpoint.config).is_ok_and(is_async) && !is_async(new) {
        return Err(ApiError::validation("AsyncInferenceConfig parameter cannot be removed from an endpoint."));
    }
    Ok(())
}

/// A variant that Application Auto Scaling owns may neither go away nor change its instance type.
fn check_scaling(world: &World, endpoint: &Endpoint, new: &config::Config) -> Result<(), ApiError> {
    let new = new.variants();
    let broken = endpoint.variants.iter().find(|live| {
        world.scaling.is_registered(&endpoint.name, &live.name)
            && new.iter().find(|v| v.name == live.name).is_none_or(|v| v.instance_type != live.instance_type)
    });
    match broken {
        None => Ok(()),
        Some(variant) => Err(ApiError::validation(format!(
            "The variant(s) \"{}\" must be deregistered as scalable targets with AWS Auto Scaling before they can be removed \
             or updated with a new instance type.",
            variant.name
        ))),
    }
}

pub(super) fn update_weights(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointName")?;
    let changes = request.list("DesiredWeightsAndCapacities");
    let endpoint = world.endpoint(name)?;
    check_stable(endpoint)?;
    if changes.is_empty() {
        return Err(ApiError::missing("DesiredWeightsAndCapacities"));
    }
    if changes.iter().any(|change| change.get("DesiredWeight").is_some()) {
        check_untested(world, request, name)?;
    }
    let mut variants = endpoint.variants.clone();
    let mut secs = WEIGHTS;
    for change in changes {
        let wanted = change.get("VariantName").and_then(Value::as_str).unwrap_or_default();
        let variant = variants.iter_mut().find(|variant| variant.name == wanted).ok_or_else(|| {
            ApiError::validation(format!("Could not find variant \"{wanted}\" in endpoint \"{}\".", endpoint.arn()))
        })?;
        if let Some(weight) = change.get("DesiredWeight").and_then(float) {
            variant.desired_weight = non_negative(weight, "DesiredWeight")?;
        }
        if let Some(count) = change.get("DesiredInstanceCount").and_then(int) {
            variant.desired_count = within_quota(count, variant)?;
            secs = COUNTS;
        }
    }
    if variants.iter().filter(|variant| !variant.is_shadow).all(|variant| variant.desired_weight == 0.0) {
        return Err(ApiError::validation("The sum of the weights of all production variants must be greater than 0."));
    }
    let now = world.now;
    let endpoint = world.endpoint_mut(name)?;
    endpoint.variants = variants;
    change_capacity(endpoint, now, secs);
    Ok(json!({"EndpointArn": endpoint.arn()}))
}

/// Instances of one type an account may run for endpoints.
const QUOTA: i64 = 100;

fn within_quota(count: i64, variant: &Variant) -> Result<i64, ApiError> {
    non_negative(count as f64, "DesiredInstanceCount")?;
    if count <= QUOTA {
        return Ok(count);
    }
    let kind = variant.instance_type.as_deref().unwrap_or("serverless");
    let (now, more) = (variant.current_count, count.saturating_sub(variant.current_count));
    Err(ApiError::new(
        400,
        "ResourceLimitExceeded",
        format!(
            "The account-level service limit '{kind} for endpoint usage' is {QUOTA} Instances, with current utilization of \
             {now} Instances and a request delta of {more} Instances."
        ),
    ))
}

fn non_negative(value: f64, member: &str) -> Result<f64, ApiError> {
    if value >= 0.0 {
        Ok(value)
    } else {
        Err(ApiError::validation(format!("{member} must be greater than or equal to 0.")))
    }
}

fn change_capacity(endpoint: &mut Endpoint, now: Timestamp, secs: i64) {
    endpoint.status = Status::Updating;
    endpoint.modified = now;
    endpoint.change = Some(Change::Capacity(now, secs));
}

pub(super) fn delete_endpoint(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointName")?;
    check_stable(world.endpoint(name)?)?;
    check_untested(world, request, name)?;
    let components: Vec<&str> = world.components_on(name).map(|component| component.served.name.as_str()).collect();
    if !components.is_empty() {
        return Err(ApiError::validation(format!(
            "Cannot delete endpoint \"{}\": it has inference components, which must be deleted first: {}.",
            endpoint_arn(name),
            components.join(", ")
        )));
    }
    let now = world.now;
    world.endpoint_mut(name)?.end(now, DELETE);
    Ok(json!({}))
}
