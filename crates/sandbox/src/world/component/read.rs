//! DescribeInferenceComponent and ListInferenceComponents.

use serde_json::{Map, Value, json};

use super::{Component, arn};
use crate::world::{
    Reply, Request, World,
    endpoint::{endpoint_arn, resolve},
    epoch,
    lists::{self, Row, without_nulls},
};

pub(super) fn list(world: &mut World, request: &Request<'_>) -> Reply {
    let is_meant = |member: &str, value: &str| request.opt_text(member).is_none_or(|wanted| wanted == value);
    let components = world.components.values().filter(|component| {
        is_meant("EndpointNameEquals", &component.endpoint) && is_meant("VariantNameEquals", &component.variant)
    });
    let rows = components.map(|component| Row {
        name: &component.served.name,
        created: component.served.created,
        modified: Some(component.served.modified),
        status: Some(component.served.status.as_str()),
        item: component,
    });
    lists::answer(rows, request, "InferenceComponents", &["Name", "CreationTime", "Status"], |row| {
        Value::Object(summary(row.item))
    })
}

fn summary(component: &Component) -> Map<String, Value> {
    let told = json!({
        "InferenceComponentName": component.served.name,
        "InferenceComponentArn": arn(&component.served.name),
        "EndpointName": component.endpoint,
        "EndpointArn": endpoint_arn(&component.endpoint),
        "VariantName": component.variant,
        "InferenceComponentStatus": component.served.status.as_str(),
        "CreationTime": epoch(component.served.created),
        "LastModifiedTime": epoch(component.served.modified),
    });
    if let Value::Object(told) = told { told } else { Map::new() }
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    let component = world.inference_component(request.text("InferenceComponentName")?)?;
    let mut body = summary(component);
    let copies = component.served.variants.first();
    body.insert("Specification".into(), specification(component));
    body.insert(
        "RuntimeConfig".into(),
        json!({
            "DesiredCopyCount": copies.map(|copies| copies.desired_count),
            "CurrentCopyCount": copies.map(|copies| copies.current_count),
        }),
    );
    body.insert("FailureReason".into(), component.served.failure.clone().into());
    body.insert("LastDeploymentConfig".into(), component.served.last_deployment.clone().into());
    Ok(without_nulls(Value::Object(body)))
}

/// The specification in force, with the image that its tag stands for.
fn specification(component: &Component) -> Value {
    let mut told = component.specification.clone();
    if let Some(Value::Object(container)) = told.get_mut("Container")
        && let Some(Value::String(image)) = container.remove("Image")
    {
        container.insert(
            "DeployedImage".into(),
            json!({
                "SpecifiedImage": image,
                "ResolvedImage": resolve(&image),
                "ResolutionTime": epoch(component.served.created),
            }),
        );
    }
    Value::Object(told)
}
