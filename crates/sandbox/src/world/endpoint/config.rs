//! Endpoint configs and models: written once, read often, deleted. Their bodies are kept as they were sent.

use mldeck_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{Patience, Variant, check_name, write::check_room};
use crate::world::{
    ApiError, Reply, Request, World, epoch, estate,
    lists::{self, Row},
    registry,
    request::{float, int},
};

pub(crate) struct Config {
    pub(crate) created: Timestamp,
    /// The request of CreateEndpointConfig, without tags.
    pub(crate) body: Map<String, Value>,
}

pub(crate) struct Model {
    pub(crate) created: Timestamp,
    pub(crate) body: Map<String, Value>,
}

impl Config {
    /// The variants it starts a fleet with, those of production first.
    pub(crate) fn variants(&self) -> Vec<Variant> {
        variants(&self.body)
    }
}

fn variants(body: &Map<String, Value>) -> Vec<Variant> {
    let of = |member, is_shadow| list(body, member).iter().map(move |body| variant(body, is_shadow));
    of("ProductionVariants", false).chain(of("ShadowProductionVariants", true)).collect()
}

impl Model {
    /// `Image` of each container, as written.
    pub(crate) fn images(&self) -> Vec<&str> {
        let primary = self.body.get("PrimaryContainer").into_iter();
        primary.chain(list(&self.body, "Containers")).filter_map(|c| c.get("Image")?.as_str()).collect()
    }
}

impl Model {
    /// Containers that answer one after the other, or each for itself.
    fn has_several_containers(&self) -> bool {
        list(&self.body, "Containers").len() > 1
    }

    /// True when requests name the model they are for, below one prefix.
    pub(crate) fn is_multi_model(&self) -> bool {
        self.body
            .get("PrimaryContainer")
            .and_then(|container| container.get("Mode"))
            .is_some_and(|mode| mode == "MultiModel")
    }

    /// `ModelPackageName` of each container.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        let primary = self.body.get("PrimaryContainer").into_iter();
        primary.chain(list(&self.body, "Containers")).filter_map(|c| c.get("ModelPackageName")?.as_str())
    }

    /// `ModelDataUrl` of each container.
    pub(crate) fn artifacts(&self) -> impl Iterator<Item = &str> {
        let primary = self.body.get("PrimaryContainer").into_iter();
        primary.chain(list(&self.body, "Containers")).filter_map(|c| c.get("ModelDataUrl")?.as_str())
    }
}

fn list<'b>(body: &'b Map<String, Value>, member: &str) -> &'b [Value] {
    body.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn variant(body: &Value, is_shadow: bool) -> Variant {
    let text = |member: &str| body.get(member).and_then(Value::as_str).map(str::to_owned);
    let count = body.get("InitialInstanceCount").and_then(int).unwrap_or(0);
    let weight = body.get("InitialVariantWeight").and_then(float).unwrap_or(1.0);
    let seconds = |member: &str, usual: i64| body.get(member).and_then(int).unwrap_or(usual);
    Variant {
        name: text("VariantName").unwrap_or_default(),
        is_shadow,
        model: text("ModelName"),
        instance_type: text("InstanceType"),
        serverless: body.get("ServerlessConfig").cloned(),
        current_count: count,
        desired_count: count,
        current_weight: weight,
        desired_weight: weight,
        patience: Patience {
            provision: seconds("VariantInstanceProvisionTimeoutInSeconds", Patience::USUAL.provision),
            health: seconds("ContainerStartupHealthCheckTimeoutInSeconds", Patience::USUAL.health),
        },
    }
}

pub(crate) fn config_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("endpoint-config/{}", name.to_lowercase()))
}

pub(crate) fn model_arn(name: &str) -> String {
    estate::arn("sagemaker", &format!("model/{}", name.to_lowercase()))
}

impl World {
    pub(crate) fn config(&self, name: &str) -> Result<&Config, ApiError> {
        self.endpoints.configs.get(name).ok_or_else(|| {
            ApiError::validation(format!("Could not find endpoint configuration \"{}\".", config_arn(name)))
        })
    }

    pub(crate) fn model(&self, name: &str) -> Result<&Model, ApiError> {
        self.endpoints
            .models
            .get(name)
            .ok_or_else(|| ApiError::validation(format!("Could not find model \"{}\".", model_arn(name))))
    }
}

fn body_of(request: &Request<'_>) -> Map<String, Value> {
    let mut body = request.input.as_object().cloned().unwrap_or_default();
    body.remove("Tags");
    body
}

pub(super) fn create_config(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointConfigName")?;
    check_name("EndpointConfigName", name)?;
    let arn = config_arn(name);
    if world.endpoints.configs.contains_key(name) {
        return Err(ApiError::validation(format!("Cannot create already existing endpoint configuration \"{arn}\".")));
    }
    let config = Config { created: world.now, body: body_of(request) };
    check(world, &config.body)?;
    check_room(world.endpoints.configs.len(), "endpoint configurations")?;
    world.endpoints.configs.insert(name.to_owned(), config);
    world.tags.set_from(&arn, request.list("Tags"));
    Ok(json!({"EndpointConfigArn": arn}))
}

/// Refuses a config that no endpoint can have.
pub(crate) fn check(world: &World, body: &Map<String, Value>) -> Result<(), ApiError> {
    let variants = variants(body);
    check_variants(world, &variants)?;
    check_shadow(world, body, &variants)?;
    if variants.iter().any(|variant| variant.model.is_none()) && !body.contains_key("ExecutionRoleArn") {
        return Err(ApiError::validation(
            "ExecutionRoleArn must be specified when a production variant has no ModelName: inference components use it.",
        ));
    }
    Ok(())
}

fn check_variants(world: &World, variants: &[Variant]) -> Result<(), ApiError> {
    let production = variants.iter().filter(|variant| !variant.is_shadow).count();
    if production == 0 || production > 10 {
        return Err(ApiError::validation(
            "1 validation error detected: Value at 'productionVariants' failed to satisfy constraint: Member must have \
             length between 1 and 10",
        ));
    }
    for (index, variant) in variants.iter().enumerate() {
        check_name("variantName", &variant.name)?;
        if variants.iter().take(index).any(|other| other.name == variant.name) {
            return Err(ApiError::validation(format!("Duplicate variant name: {}", variant.name)));
        }
        if let Some(model) = &variant.model {
            world.model(model)?;
        }
        let has_instances = variant.instance_type.is_some() && variant.current_count > 0;
        if variant.serverless.is_none() && !has_instances {
            return Err(ApiError::validation(format!(
                "Variant {} needs an InstanceType and an InitialInstanceCount of at least 1, or a \
                 ServerlessConfig.",
                variant.name
            )));
        }
        if variant.current_weight < 0.0 {
            return Err(ApiError::validation("InitialVariantWeight must be greater than or equal to 0."));
        }
    }
    Ok(())
}

/// A shadow stands beside one production variant, and only where a call can be copied: what AWS excludes from shadow tests it
/// refuses here.
fn check_shadow(world: &World, body: &Map<String, Value>, variants: &[Variant]) -> Result<(), ApiError> {
    let shadows = variants.iter().filter(|variant| variant.is_shadow).count();
    if shadows == 0 {
        return Ok(());
    }
    let production = variants.len() - shadows;
    if shadows > 1 || production > 1 {
        return Err(ApiError::validation(format!(
            "An endpoint configuration with ShadowProductionVariants must have one production variant and one shadow variant; \
             found {production} and {shadows}."
        )));
    }
    if body.contains_key("AsyncInferenceConfig") {
        return Err(ApiError::validation("Shadow variants are not supported for asynchronous inference."));
    }
    variants.iter().try_for_each(|variant| match unshadowed(world, variant) {
        None => Ok(()),
        Some(what) => Err(ApiError::validation(format!(
            "Shadow variants are not supported for {what}: variant {} uses it.",
            variant.name
        ))),
    })
}

/// What a variant uses that keeps shadows away from its endpoint.
fn unshadowed(world: &World, variant: &Variant) -> Option<&'static str> {
    let Some(model) = &variant.model else { return Some("inference components") };
    let model = world.endpoints.models.get(model);
    let is_inf1 = variant.instance_type.as_deref().is_some_and(|kind| kind.starts_with("ml.inf1."));
    [
        (variant.serverless.is_some(), "serverless inference"),
        (is_inf1, "Inf1 instances"),
        (model.is_some_and(Model::is_multi_model), "multi-model endpoints"),
        (model.is_some_and(Model::has_several_containers), "multi-container endpoints"),
    ]
    .into_iter()
    .find_map(|(is_used, what)| is_used.then_some(what))
}

pub(super) fn describe_config(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointConfigName")?;
    let config = world.config(name)?;
    let mut body = config.body.clone();
    body.insert("EndpointConfigArn".into(), config_arn(name).into());
    body.insert("CreationTime".into(), epoch(config.created));
    body.entry("EnableNetworkIsolation").or_insert(false.into());
    Ok(Value::Object(body))
}

pub(super) fn list_configs(world: &mut World, request: &Request<'_>) -> Reply {
    let rows = world.endpoints.configs.iter().map(|(name, config)| Row {
        name,
        created: config.created,
        modified: None,
        status: None,
        item: config,
    });
    lists::answer(
        rows,
        request,
        "EndpointConfigs",
        &["Name", "CreationTime"],
        |Row { name, created, .. }| json!({"EndpointConfigName": name, "EndpointConfigArn": config_arn(name), "CreationTime": epoch(*created)}),
    )
}

/// Deleting a config that is in force is accepted, as AWS accepts it: the endpoint serves on, its way back is gone.
pub(super) fn delete_config(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("EndpointConfigName")?;
    world.config(name)?;
    world.endpoints.configs.remove(name);
    world.tags.forget(&config_arn(name));
    Ok(json!({}))
}

pub(super) fn create_model(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ModelName")?;
    check_name("ModelName", name)?;
    let arn = model_arn(name);
    if world.endpoints.models.contains_key(name) {
        return Err(ApiError::validation(format!("Cannot create already existing model \"{arn}\".")));
    }
    let body = body_of(request);
    let containers = list(&body, "Containers").len() + usize::from(body.contains_key("PrimaryContainer"));
    if containers == 0 {
        return Err(ApiError::validation("At least one container must be specified."));
    }
    if !body.contains_key("ExecutionRoleArn") {
        return Err(ApiError::missing("ExecutionRoleArn"));
    }
    check_room(world.endpoints.models.len(), "models")?;
    let model = Model { created: world.now, body };
    for package in model.packages().filter(|arn| registry::is_foreign(arn)) {
        registry::usable(world, package, "sagemaker:DescribeModelPackage", request.caller)?;
        registry::usable(world, package, "sagemaker:CreateModel", request.caller)?;
    }
    world.endpoints.models.insert(name.to_owned(), model);
    world.tags.set_from(&arn, request.list("Tags"));
    Ok(json!({"ModelArn": arn}))
}

pub(super) fn describe_model(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ModelName")?;
    let model = world.model(name)?;
    let mut body = model.body.clone();
    body.insert("ModelArn".into(), model_arn(name).into());
    body.insert("CreationTime".into(), epoch(model.created));
    body.entry("EnableNetworkIsolation").or_insert(false.into());
    Ok(Value::Object(body))
}

pub(super) fn list_models(world: &mut World, request: &Request<'_>) -> Reply {
    let rows = world.endpoints.models.iter().map(|(name, model)| Row {
        name,
        created: model.created,
        modified: None,
        status: None,
        item: model,
    });
    lists::answer(
        rows,
        request,
        "Models",
        &["Name", "CreationTime"],
        |Row { name, created, .. }| json!({"ModelName": name, "ModelArn": model_arn(name), "CreationTime": epoch(*created)}),
    )
}

pub(super) fn delete_model(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("ModelName")?;
    world.model(name)?;
    world.endpoints.models.remove(name);
    world.tags.forget(&model_arn(name));
    Ok(json!({}))
}
