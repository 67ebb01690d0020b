//! MLflow: tracking servers, which run by the hour and can be stopped, and apps, which are always there.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::Kind,
    life::{Life, STILL, lasting, passing},
};
use crate::world::estate::REGION;

pub(super) const OPERATIONS: &[(&str, Handler)] =
    &[("CreatePresignedMlflowTrackingServerUrl", presigned_server), ("CreatePresignedMlflowAppUrl", presigned_app)];

/// What a server runs when nobody said.
const VERSION: &str = "3.0";

const MINUTE: i64 = 60;

pub(super) const KINDS: &[Kind] = &[
    Kind {
        made: server_made,
        told: server_told,
        ..Kind::new(
            "MlflowTrackingServer",
            "ListMlflowTrackingServers",
            "mlflow-tracking-server",
            &["TrackingServerName"],
            "TrackingServerArn",
            Life {
                member: "TrackingServerStatus",
                // AWS says "up to 25 minutes".
                create: &[passing("Creating", 20 * MINUTE), lasting("Created")],
                // `[?]`: what a stopped server is after an update.
                update: &[passing("Updating", 10 * MINUTE), lasting("Updated")],
                start: &[passing("Starting", 10 * MINUTE), lasting("Started")],
                stop: &[passing("Stopping", 5 * MINUTE), lasting("Stopped")],
                delete: &[passing("Deleting", 10 * MINUTE)],
                start_from: &["Stopped"],
                stop_from: &["Created", "Updated", "Started"],
                ..STILL
            },
        )
    },
    Kind {
        mint: Some(|world| format!("app-{}", world.mint(12).to_uppercase())),
        made: app_made,
        ..Kind::new(
            "MlflowApp",
            "ListMlflowApps",
            "mlflow-app",
            &["Arn"],
            "Arn",
            Life {
                member: "Status",
                create: &[passing("Creating", 2 * MINUTE), lasting("Created")],
                update: &[passing("Updating", MINUTE), lasting("Updated")],
                delete: &[passing("Deleting", MINUTE)],
                ..STILL
            },
        )
    },
];

fn server_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    body.entry("TrackingServerSize").or_insert_with(|| "Small".into());
    body.entry("MlflowVersion").or_insert_with(|| VERSION.into());
    body.entry("AutomaticModelRegistration").or_insert_with(|| false.into());
    Ok(())
}

fn is_active(state: &str) -> bool {
    matches!(state, "Created" | "Updated" | "Started")
}

fn server_told(_: &World, item: &Item, record: &mut Map<String, Value>) {
    record.insert("IsActive".to_owned(), if is_active(item.state) { "Active" } else { "Inactive" }.into());
    let name = record.get("TrackingServerName").and_then(Value::as_str).unwrap_or_default();
    let url = format!("https://{name}.mlflow.{REGION}.sagemaker.aws");
    record.insert("TrackingServerUrl".to_owned(), url.into());
}

fn app_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    body.entry("MlflowVersion").or_insert_with(|| VERSION.into());
    body.entry("AccountDefaultStatus").or_insert_with(|| "DISABLED".into());
    body.entry("ModelRegistrationMode").or_insert_with(|| "AutoModelRegistrationDisabled".into());
    Ok(())
}

fn presigned_server(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("TrackingServerName")?;
    let item = world.shelved("MlflowTrackingServer", name);
    let state = item.map(|item| item.state).ok_or_else(|| {
        ApiError::new(400, "ResourceNotFound", format!("Could not find mlflow tracking server \"{name}\"."))
    })?;
    if !is_active(state) {
        return Err(ApiError::validation(format!("Tracking server {name} is {state} and cannot be opened.")));
    }
    let url = format!("https://{name}.mlflow.{REGION}.sagemaker.aws/auth?authToken={}", world.mint(40));
    Ok(json!({"AuthorizedUrl": url}))
}

fn presigned_app(world: &mut World, request: &Request<'_>) -> Reply {
    let arn = request.text("Arn")?;
    let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
    if world.shelved("MlflowApp", arn).is_none() {
        return Err(ApiError::new(400, "ResourceNotFound", format!("Could not find mlflow app \"{arn}\".")));
    }
    let url = format!("https://mlflow.sagemaker.{REGION}.app.aws/{id}/auth?authToken={}", world.mint(40));
    Ok(json!({"AuthorizedUrl": url}))
}
