//! Changes of inference components, and what SageMaker refuses.

use serde_json::{Map, Value, json};

use super::{Component, arn, base, loads, place};
use crate::world::{
    ApiError, Reply, Request, World,
    endpoint::{self, Change, Deployment, Endpoint, Patience, Policy, Status, Variant},
    noise,
    request::int,
};

/// Seconds to start copies, to load an adapter into copies that run, to end copies.
const START: i64 = 150;
const LOAD: i64 = 20;
const END: i64 = 45;

pub(super) fn create(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("InferenceComponentName")?;
    endpoint::check_name("InferenceComponentName", name)?;
    if world.components.contains_key(name) {
        return Err(ApiError::validation(format!(
            "Cannot create already existing inference component \"{}\".",
            arn(name)
        )));
    }
    let endpoint = world.endpoint(request.text("EndpointName")?)?;
    let specification = specification(request)?.ok_or_else(|| ApiError::missing("Specification"))?;
    let adapted = base(&specification).map(|base| adapted(world, &endpoint.name, base)).transpose()?;
    let variant = match request.opt_text("VariantName").or_else(|| adapted.map(|base| base.variant.as_str())) {
        Some(wanted) => endpoint.variants.iter().find(|variant| variant.name == wanted).ok_or_else(|| {
            ApiError::validation(format!("Could not find variant \"{wanted}\" in endpoint \"{}\".", endpoint.arn()))
        })?,
        None => endpoint.variants.first().ok_or_else(|| ApiError::missing("VariantName"))?,
    };
    if variant.model.is_some() || variant.serverless.is_some() {
        return Err(ApiError::validation(
            "Inference Components are not supported in this Endpoint. Please make sure this endpoint can deploy inference \
             component.",
        ));
    }
    if endpoint.status != Status::InService {
        return Err(ApiError::validation(format!(
            "Cannot create an inference component on endpoint \"{}\" in {} status.",
            endpoint.arn(),
            endpoint.status.as_str()
        )));
    }
    check(world, &specification)?;
    let copies = match (adapted, copies(request, "RuntimeConfig")?) {
        (Some(_), Some(_)) => {
            return Err(ApiError::validation("RuntimeConfig is not supported for an adapter inference component."));
        }
        (Some(base), None) => base.copies(),
        (None, Some(copies)) => copies,
        (None, None) => return Err(ApiError::missing("RuntimeConfig")),
    };
    endpoint::check_room(world.components.len(), "inference components")?;
    let draw = |salt: u64| noise::unit(&[world.seed, noise::name(name), salt]);
    let (now, by, endpoint) = (world.now, variant.name.clone(), endpoint.name.clone());
    let served = Endpoint {
        name: name.to_owned(),
        config: format!("{name}-0"),
        status: Status::Creating,
        created: now,
        modified: now,
        failure: None,
        variants: vec![Variant { current_count: 0, ..of(&specification, &by, copies) }],
        last_deployment: None,
        change: Some(Change::Creation(now)),
        mixed: None,
        splits: Vec::new(),
        attempts: Vec::new(),
        // Models that share instances answer slowly and are asked less.
        rate: 30.0 + 240.0 * draw(3),
        median_ms: 180.0 + 500.0 * draw(4),
    };
    let component =
        Component { endpoint, variant: by, specification, next: None, updates: 0, placed: 0, waits: false, served };
    world.components.insert(name.to_owned(), component);
    place(world, name);
    world.tags.set_from(&arn(name), request.list("Tags"));
    Ok(json!({"InferenceComponentArn": arn(name)}))
}

/// What the request wants to be served.
fn specification(request: &Request<'_>) -> Result<Option<Map<String, Value>>, ApiError> {
    if request.input.get("Specifications").is_some() {
        return Err(ApiError::validation(
            "Specifications needs an endpoint with instance pools, and this one has none.",
        ));
    }
    Ok(request.input.get("Specification").and_then(Value::as_object).cloned())
}

/// The base of an adapter, which must serve on the same endpoint.
fn adapted<'w>(world: &'w World, endpoint: &str, base: &str) -> Result<&'w Component, ApiError> {
    let found = world.inference_component(base)?;
    if found.endpoint != endpoint || found.served.status != Status::InService {
        return Err(ApiError::validation(format!(
            "Base inference component \"{}\" must be InService on endpoint \"{endpoint}\".",
            arn(base)
        )));
    }
    Ok(found)
}

/// Refuses a specification that says too little or too much.
fn check(world: &World, specification: &Map<String, Value>) -> Result<(), ApiError> {
    let has = |member: &str| specification.contains_key(member);
    if base(specification).is_some() {
        let has_artifact =
            specification.get("Container").is_some_and(|container| container.get("ArtifactUrl").is_some());
        if has("ModelName") || has("ComputeResourceRequirements") || !has_artifact {
            return Err(ApiError::validation(
                "An adapter inference component is specified by the ArtifactUrl of its Container, without a ModelName and \
                 without ComputeResourceRequirements.",
            ));
        }
        return Ok(());
    }
    if has("ModelName") == has("Container") {
        return Err(ApiError::validation("Exactly one of ModelName and Container must be specified in Specification."));
    }
    if !has("ComputeResourceRequirements") {
        return Err(ApiError::missing("ComputeResourceRequirements"));
    }
    match specification.get("ModelName").and_then(Value::as_str) {
        Some(model) => world.model(model).map(|_| ()),
        None => Ok(()),
    }
}

/// Most copies of one component: a rolling update has a stage for each. `[?]`: AWS has no such quota, its instances have.
const COPIES: i64 = 1_000;

/// `CopyCount` of a structure of the request.
fn copies(request: &Request<'_>, member: &str) -> Result<Option<i64>, ApiError> {
    let count = request.input.get(member).and_then(|config| config.get("CopyCount")).and_then(int);
    if count.is_some_and(|count| count > COPIES) {
        let message = format!("An inference component can have at most {COPIES} copies in this account.");
        return Err(ApiError::new(400, "ResourceLimitExceeded", message));
    }
    Ok(count)
}

/// The copies of a specification, as a variant has instances.
fn of(specification: &Map<String, Value>, variant: &str, copies: i64) -> Variant {
    let said = specification.get("StartupParameters");
    let health = said.and_then(|said| said.get("ContainerStartupHealthCheckTimeoutInSeconds")).and_then(int);
    Variant {
        is_shadow: false,
        name: variant.to_owned(),
        model: loads(specification),
        instance_type: None,
        serverless: None,
        current_count: copies,
        desired_count: copies,
        current_weight: 1.0,
        desired_weight: 1.0,
        patience: Patience { health: health.unwrap_or(Patience::USUAL.health), ..Patience::USUAL },
    }
}

/// Refuses a change while another is under way.
fn settled<'w>(world: &'w World, request: &Request<'_>) -> Result<&'w Component, ApiError> {
    let component = world.inference_component(request.text("InferenceComponentName")?)?;
    if component.served.status.is_in_flight() {
        return Err(ApiError::validation(format!(
            "Cannot update in-progress inference component \"{}\".",
            arn(&component.served.name)
        )));
    }
    Ok(component)
}

pub(super) fn update(world: &mut World, request: &Request<'_>) -> Reply {
    let component = settled(world, request)?;
    let name = component.served.name.clone();
    let wanted = copies(request, "RuntimeConfig")?;
    let Some(specification) = specification(request)? else {
        let wanted = wanted.ok_or_else(|| ApiError::missing("Specification"))?;
        return rescale(world, &name, wanted);
    };
    if base(&specification) != base(&component.specification) {
        return Err(ApiError::validation("BaseInferenceComponentName cannot be changed by an update."));
    }
    check(world, &specification)?;
    let variants = vec![of(&specification, &component.variant, wanted.unwrap_or_else(|| component.copies()))];
    let sent = request.input.get("DeploymentConfig").filter(|sent| sent.is_object());
    let policy = match sent {
        Some(sent) => Policy::read(sent, &variants)?,
        None => Policy::unguarded(),
    };
    endpoint::check_alarms(world, &policy)?;
    let (now, updates) = (world.now, component.updates + 1);
    let named = format!("{name}-{updates}");
    let start = if base(&specification).is_some() { LOAD } else { START };
    let old = component.served.fleets(now).to_vec();
    let deployment = Deployment::new(&named, now, variants, policy, old, start);
    let sent = sent.cloned();
    if let Some(component) = world.components.get_mut(&name) {
        component.updates = updates;
        component.next = Some((named, specification));
        let served = &mut component.served;
        served.status = Status::Updating;
        served.modified = now;
        served.failure = None;
        served.last_deployment = sent;
        served.change = Some(Change::Deployment(Box::new(deployment)));
    }
    place(world, &name);
    Ok(json!({"InferenceComponentArn": arn(&name)}))
}

pub(super) fn scale(world: &mut World, request: &Request<'_>) -> Reply {
    let component = settled(world, request)?;
    let name = component.served.name.clone();
    let wanted = copies(request, "DesiredRuntimeConfig")?.ok_or_else(|| ApiError::missing("CopyCount"))?;
    rescale(world, &name, wanted)
}

fn rescale(world: &mut World, name: &str, copies: i64) -> Reply {
    if base(&world.inference_component(name)?.specification).is_some() {
        return Err(ApiError::validation("An adapter inference component has the copies of its base."));
    }
    let now = world.now;
    if let Some(component) = world.components.get_mut(name) {
        let served = &mut component.served;
        for variant in &mut served.variants {
            variant.desired_count = copies;
        }
        served.status = Status::Updating;
        served.modified = now;
        served.failure = None;
        served.change = Some(Change::Capacity(now, START));
    }
    place(world, name);
    Ok(json!({"InferenceComponentArn": arn(name)}))
}

pub(super) fn delete(world: &mut World, request: &Request<'_>) -> Reply {
    let component = settled(world, request)?;
    let (name, endpoint) = (component.served.name.clone(), component.endpoint.clone());
    let adapters: Vec<&str> = world
        .components_on(&endpoint)
        .filter(|other| base(&other.specification) == Some(name.as_str()))
        .map(|other| other.served.name.as_str())
        .collect();
    if !adapters.is_empty() {
        return Err(ApiError::validation(format!(
            "Inference component \"{}\" is the base of adapters and cannot be deleted before them: {}.",
            arn(&name),
            adapters.join(", ")
        )));
    }
    let now = world.now;
    if let Some(component) = world.components.get_mut(&name) {
        component.served.end(now, END);
    }
    Ok(json!({}))
}
