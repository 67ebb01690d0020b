//! ListEndpoints and DescribeEndpoint.

use serde_json::{Map, Value, json};

use super::{Change, Endpoint, Status, Variant, deploy};
use crate::world::{
    Reply, Request, World, epoch, estate,
    lists::{self, Row},
    noise,
};

pub(super) fn list_endpoints(world: &mut World, request: &Request<'_>) -> Reply {
    let rows = world.endpoints.endpoints.values().map(|endpoint| Row {
        name: &endpoint.name,
        created: endpoint.created,
        modified: Some(endpoint.modified),
        status: Some(endpoint.status.as_str()),
        item: endpoint,
    });
    lists::answer(rows, request, "Endpoints", &["Name", "CreationTime", "Status"], |Row { item: endpoint, .. }| {
        json!({
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn(),
            "CreationTime": epoch(endpoint.created),
            "LastModifiedTime": epoch(endpoint.modified),
            "EndpointStatus": endpoint.status.as_str(),
        })
    })
}

pub(super) fn describe_endpoint(world: &mut World, request: &Request<'_>) -> Reply {
    let endpoint = world.endpoint(request.text("EndpointName")?)?;
    Ok(describe(world, endpoint))
}

/// The body of DescribeEndpoint.
fn describe(world: &World, endpoint: &Endpoint) -> Value {
    let mut body = Map::new();
    let mut put = |member: &str, value: Value| body.insert(member.to_owned(), value);
    put("EndpointName", endpoint.name.clone().into());
    put("EndpointArn", endpoint.arn().into());
    put("EndpointConfigName", endpoint.config.clone().into());
    put("EndpointStatus", endpoint.status.as_str().into());
    put("CreationTime", epoch(endpoint.created));
    put("LastModifiedTime", epoch(endpoint.modified));
    if let Some(reason) = &endpoint.failure {
        put("FailureReason", reason.clone().into());
    }
    if let Some(last) = &endpoint.last_deployment {
        put("LastDeploymentConfig", last.clone());
    }
    if let Some(deployment) = endpoint.deployment() {
        put("PendingDeploymentSummary", deploy::pending(deployment));
    }
    // A creating or failed endpoint has no variants yet.
    if !matches!(endpoint.status, Status::Creating | Status::Failed) {
        let (shadows, production) = endpoint.variants.iter().partition::<Vec<_>, _>(|variant| variant.is_shadow);
        let told = |variants: Vec<&Variant>| -> Vec<Value> {
            variants.into_iter().map(|variant| live_variant(world, endpoint, variant)).collect()
        };
        put("ProductionVariants", told(production).into());
        if !shadows.is_empty() {
            put("ShadowProductionVariants", told(shadows).into());
        }
    }
    let config = world.endpoints.configs.get(&endpoint.config);
    for member in ["AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig"] {
        if let Some(value) = config.and_then(|config| config.body.get(member)) {
            put(member, value.clone());
        }
    }
    if let Some(capture) = config.and_then(|config| config.body.get("DataCaptureConfig")) {
        put("DataCaptureConfig", capture_summary(capture));
    }
    Value::Object(body)
}

fn capture_summary(capture: &Value) -> Value {
    let enabled = capture.get("EnableCapture").and_then(Value::as_bool).unwrap_or(false);
    json!({
        "EnableCapture": enabled,
        "CaptureStatus": if enabled { "Started" } else { "Stopped" },
        "CurrentSamplingPercentage": capture.get("InitialSamplingPercentage").cloned().unwrap_or(json!(100)),
        "DestinationS3Uri": capture.get("DestinationS3Uri").cloned().unwrap_or_default(),
        "KmsKeyId": capture.get("KmsKeyId").cloned().unwrap_or_else(|| json!("")),
    })
}

/// A variant in force, with what is going on with it.
fn live_variant(world: &World, endpoint: &Endpoint, variant: &Variant) -> Value {
    let mut body = variant_body(variant);
    let Value::Object(members) = &mut body else { return body };
    let images = variant.model.as_deref().map(|model| deployed_images(world, model)).unwrap_or_default();
    if !images.is_empty() {
        members.insert("DeployedImages".into(), images.into());
    }
    match &endpoint.change {
        Some(Change::Capacity(..)) => {
            let status = json!([{"Status": "Updating", "StartTime": epoch(endpoint.modified)}]);
            members.insert("VariantStatus".into(), status);
        }
        Some(Change::Deployment(deployment)) if deployment.rolling_back.is_none() => {
            if let Some((stage, since)) = deployment.stage().filter(|(stage, _)| stage.status == "Deleting") {
                members.insert("VariantStatus".into(), json!([deploy::stage_body(stage, since)]));
            }
        }
        _ => {}
    }
    body
}

/// Weights and counts, current and desired.
pub(super) fn variant_body(variant: &Variant) -> Value {
    let mut body = json!({
        "VariantName": variant.name,
        "CurrentWeight": variant.current_weight,
        "DesiredWeight": variant.desired_weight,
    });
    let Value::Object(members) = &mut body else { return body };
    match &variant.serverless {
        Some(serverless) => {
            members.insert("CurrentServerlessConfig".into(), serverless.clone());
            members.insert("DesiredServerlessConfig".into(), serverless.clone());
        }
        None => {
            members.insert("CurrentInstanceCount".into(), variant.current_count.into());
            members.insert("DesiredInstanceCount".into(), variant.desired_count.into());
        }
    }
    body
}

fn deployed_images(world: &World, model: &str) -> Vec<Value> {
    let Ok(body) = world.model(model) else { return Vec::new() };
    let resolved = body.images().into_iter().map(|image| {
        json!({
            "SpecifiedImage": image,
            "ResolvedImage": resolve(image),
            "ResolutionTime": epoch(body.created),
        })
    });
    resolved.collect()
}

/// The digest an image tag stands for: the families' own, else a hash of the whole reference.
pub(crate) fn resolve(image: &str) -> String {
    if image.contains("@sha256:") {
        return image.to_owned();
    }
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let name = repository.rsplit('/').next().unwrap_or_default();
    let of_family = estate::family(name)
        .filter(|family| name == format!("{}-serve", family.name))
        .zip(tag.strip_prefix('v').and_then(|version| version.parse().ok()))
        .map(|(family, version)| family.resolved_image(version));
    of_family.unwrap_or_else(|| format!("{repository}@sha256:{}", noise::digest(&[noise::name(image)])))
}
