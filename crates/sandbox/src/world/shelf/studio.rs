//! Studio and notebooks: domains, who works in them and what runs there; images, repositories, scripts.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Item, Reply, Request, World,
    kind::{Kind, text},
    life::{AT_ONCE, Life, STILL, lasting, passing},
};
use crate::world::estate::REGION;

pub(super) const OPERATIONS: &[(&str, Handler)] =
    &[("CreatePresignedDomainUrl", presigned_domain), ("CreatePresignedNotebookInstanceUrl", presigned_notebook)];

const SERVED: Life = Life {
    member: "Status",
    create: &[passing("Pending", 60), lasting("InService")],
    update: &[passing("Updating", 30), lasting("InService")],
    delete: &[passing("Deleting", 60)],
    ..STILL
};

const APP: Life = Life {
    update: &[],
    // Studio lists apps that were deleted for a day.
    delete: &[passing("Deleting", 30), passing("Deleted", 86_400)],
    over: "Deleted",
    ..SERVED
};

const CHANGEABLE: Life = Life { update: AT_ONCE, ..STILL };

pub(super) const KINDS: &[Kind] = &[
    Kind {
        mint: Some(|world| format!("d-{}", world.mint(12))),
        made: domain_made,
        changed: domain_changed,
        told: domain_told,
        ..Kind::new("Domain", "ListDomains", "domain", &["DomainId"], "DomainArn", SERVED)
    },
    Kind {
        needs: &[("DomainId", "Domain")],
        told: home_told,
        ..Kind::new(
            "UserProfile",
            "ListUserProfiles",
            "user-profile",
            &["DomainId", "UserProfileName"],
            "UserProfileArn",
            SERVED,
        )
    },
    Kind {
        needs: &[("DomainId", "Domain")],
        told: space_told,
        ..Kind::new("Space", "ListSpaces", "space", &["DomainId", "SpaceName"], "SpaceArn", SERVED)
    },
    Kind {
        needs: &[("DomainId", "Domain"), ("UserProfileName", "UserProfile"), ("SpaceName", "Space")],
        made: app_made,
        told: app_told,
        ..Kind::new(
            "App",
            "ListApps",
            "app",
            &["DomainId", "UserProfileName", "SpaceName", "AppType", "AppName"],
            "AppArn",
            APP,
        )
    },
    Kind {
        changed: image_changed,
        ..Kind::new(
            "Image",
            "ListImages",
            "image",
            &["ImageName"],
            "ImageArn",
            Life {
                member: "ImageStatus",
                create: &[passing("CREATING", 10), lasting("CREATED")],
                update: &[passing("UPDATING", 10), lasting("CREATED")],
                delete: &[passing("DELETING", 10)],
                ..STILL
            },
        )
    },
    Kind::new(
        "AppImageConfig",
        "ListAppImageConfigs",
        "app-image-config",
        &["AppImageConfigName"],
        "AppImageConfigArn",
        CHANGEABLE,
    ),
    Kind {
        changed: repository_changed,
        ..Kind::new(
            "CodeRepository",
            "ListCodeRepositories",
            "code-repository",
            &["CodeRepositoryName"],
            "CodeRepositoryArn",
            CHANGEABLE,
        )
    },
    Kind::new(
        "StudioLifecycleConfig",
        "ListStudioLifecycleConfigs",
        "studio-lifecycle-config",
        &["StudioLifecycleConfigName"],
        "StudioLifecycleConfigArn",
        STILL,
    ),
    Kind::new(
        "NotebookInstanceLifecycleConfig",
        "ListNotebookInstanceLifecycleConfigs",
        "notebook-instance-lifecycle-config",
        &["NotebookInstanceLifecycleConfigName"],
        "NotebookInstanceLifecycleConfigArn",
        CHANGEABLE,
    ),
    Kind {
        needs: &[("LifecycleConfigName", "NotebookInstanceLifecycleConfig")],
        changed: notebook_changed,
        told: notebook_told,
        ..Kind::new(
            "NotebookInstance",
            "ListNotebookInstances",
            "notebook-instance",
            &["NotebookInstanceName"],
            "NotebookInstanceArn",
            Life {
                member: "NotebookInstanceStatus",
                create: &[passing("Pending", 150), lasting("InService")],
                update: &[passing("Updating", 30), lasting("Stopped")],
                start: &[passing("Pending", 120), lasting("InService")],
                stop: &[passing("Stopping", 90), lasting("Stopped")],
                delete: &[passing("Deleting", 30)],
                update_from: &["Stopped", "Failed"],
                start_from: &["Stopped"],
                stop_from: &["InService"],
                delete_from: &["Stopped", "Failed"],
                ..STILL
            },
        )
    },
];

fn domain_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    body.entry("AppNetworkAccessType").or_insert_with(|| "PublicInternetOnly".into());
    Ok(())
}

fn studio_url(domain: &str) -> String {
    format!("https://{domain}.studio.{REGION}.sagemaker.aws")
}

fn domain_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    let id = text(record, "DomainId").to_owned();
    record.insert("Url".to_owned(), studio_url(&id).into());
    record.insert("HomeEfsFileSystemId".to_owned(), format!("fs-{}", id.trim_start_matches("d-")).into());
}

fn home_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    record.insert("HomeEfsFileSystemUid".to_owned(), "200005".into());
}

fn space_told(world: &World, item: &Item, record: &mut Map<String, Value>) {
    home_told(world, item, record);
    let url = format!("{}/space/{}", studio_url(text(record, "DomainId")), text(record, "SpaceName"));
    record.insert("Url".to_owned(), url.into());
    let settings = record.get("SpaceSettings").cloned().unwrap_or_default();
    let app = settings.get("AppType").cloned();
    record.insert("SpaceSettingsSummary".to_owned(), app.map_or_else(|| json!({}), |app| json!({"AppType": app})));
    let sharing = record.get("SpaceSharingSettings").and_then(|sharing| sharing.get("SharingType")).cloned();
    let sharing = sharing.map_or_else(|| json!({}), |sharing| json!({"SharingType": sharing}));
    record.insert("SpaceSharingSettingsSummary".to_owned(), sharing);
    if let Some(owner) = record.get("OwnershipSettings").cloned() {
        record.insert("OwnershipSettingsSummary".to_owned(), owner);
    }
}

/// Only the secret can be changed; the rest of the configuration stays.
fn repository_changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    item.extend("GitConfig", before);
    Ok(())
}

/// Settings come under another name than they are told by.
fn domain_changed(item: &mut Item, before: &Map<String, Value>) -> Result<(), ApiError> {
    if let Some(settings) = item.body.remove("DomainSettingsForUpdate") {
        item.body.insert("DomainSettings".to_owned(), settings);
    }
    for member in ["DomainSettings", "DefaultUserSettings", "DefaultSpaceSettings"] {
        item.extend(member, before);
    }
    Ok(())
}

fn image_changed(item: &mut Item, _: &Map<String, Value>) -> Result<(), ApiError> {
    for member in item.body.remove("DeleteProperties").as_ref().and_then(Value::as_array).into_iter().flatten() {
        item.body.remove(member.as_str().unwrap_or_default());
    }
    Ok(())
}

/// `Disassociate…` takes away what the member of that name says.
fn notebook_changed(item: &mut Item, _: &Map<String, Value>) -> Result<(), ApiError> {
    for (flag, member) in [
        ("DisassociateLifecycleConfig", "LifecycleConfigName"),
        ("DisassociateDefaultCodeRepository", "DefaultCodeRepository"),
        ("DisassociateAdditionalCodeRepositories", "AdditionalCodeRepositories"),
        ("DisassociateAcceleratorTypes", "AcceleratorTypes"),
    ] {
        if item.body.remove(flag) == Some(Value::Bool(true)) {
            item.body.remove(member);
        }
    }
    Ok(())
}

fn app_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    match (body.contains_key("UserProfileName"), body.contains_key("SpaceName")) {
        (true, true) | (false, false) => {
            Err(ApiError::validation("Exactly one of UserProfileName and SpaceName must be given."))
        }
        _ => Ok(()),
    }
}

fn app_told(_: &World, item: &Item, record: &mut Map<String, Value>) {
    if item.state == "InService" {
        record.insert("LastHealthCheckTimestamp".to_owned(), super::epoch(item.modified));
        record.insert("LastUserActivityTimestamp".to_owned(), super::epoch(item.modified));
    }
}

fn notebook_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    let url = format!("{}.notebook.{REGION}.sagemaker.aws", text(record, "NotebookInstanceName"));
    record.insert("Url".to_owned(), url.into());
    for (sent, told) in
        [("SecurityGroupIds", "SecurityGroups"), ("LifecycleConfigName", "NotebookInstanceLifecycleConfigName")]
    {
        if let Some(value) = record.get(sent).cloned() {
            record.insert(told.to_owned(), value);
        }
    }
    for (member, usual) in [("DirectInternetAccess", "Enabled"), ("RootAccess", "Enabled")] {
        record.entry(member).or_insert_with(|| usual.into());
    }
    record.entry("VolumeSizeInGB").or_insert_with(|| 5.into());
}

fn presigned_domain(world: &mut World, request: &Request<'_>) -> Reply {
    let domain = request.text("DomainId")?.to_owned();
    let body = request.input.as_object().cloned().unwrap_or_default();
    for (noun, name) in [("Domain", domain.as_str()), ("UserProfile", request.text("UserProfileName")?)] {
        if world.shelved_in(noun, name, &body).is_none() {
            return Err(ApiError::new(400, "ResourceNotFound", format!("{noun} {name} does not exist.")));
        }
    }
    let url = format!("{}/auth?token={}", studio_url(&domain), world.mint(40));
    Ok(json!({"AuthorizedUrl": url}))
}

fn presigned_notebook(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.text("NotebookInstanceName")?;
    let state = world.shelved("NotebookInstance", name).map(|item| item.state);
    match state {
        None => Err(ApiError::validation(format!("Could not find notebook instance \"{name}\"."))),
        Some("InService") => {
            let url = format!("https://{name}.notebook.{REGION}.sagemaker.aws?authToken={}", world.mint(40));
            Ok(json!({"AuthorizedUrl": url}))
        }
        Some(state) => Err(ApiError::validation(format!("Notebook instance \"{name}\" is {state}, not InService."))),
    }
}
