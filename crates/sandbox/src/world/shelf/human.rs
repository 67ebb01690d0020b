//! People who label and review: workforces, work teams, the pages they see and the flows that ask them.

use serde_json::{Map, Value, json};

use super::{
    ApiError, Item, World,
    kind::Kind,
    life::{AT_ONCE, Life, STILL, lasting, passing},
};
use crate::world::{estate::REGION, noise};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        made: workforce_made,
        told: workforce_told,
        ..Kind::new(
            "Workforce",
            "ListWorkforces",
            "workforce",
            &["WorkforceName"],
            "WorkforceArn",
            Life {
                member: "Status",
                create: &[passing("Initializing", 30), lasting("Active")],
                update: &[passing("Updating", 30), lasting("Active")],
                delete: &[passing("Deleting", 30)],
                ..STILL
            },
        )
    },
    Kind {
        needs: &[("WorkforceName", "Workforce")],
        told: workteam_told,
        ..Kind::new(
            "Workteam",
            "ListWorkteams",
            "workteam/private-crowd",
            &["WorkteamName"],
            "WorkteamArn",
            Life { update: AT_ONCE, ..STILL },
        )
    },
    Kind {
        told: ui_told,
        ..Kind::new(
            "HumanTaskUi",
            "ListHumanTaskUis",
            "human-task-ui",
            &["HumanTaskUiName"],
            "HumanTaskUiArn",
            Life {
                member: "HumanTaskUiStatus",
                create: &[lasting("Active")],
                delete: &[passing("Deleting", 10)],
                ..STILL
            },
        )
    },
    Kind::new(
        "FlowDefinition",
        "ListFlowDefinitions",
        "flow-definition",
        &["FlowDefinitionName"],
        "FlowDefinitionArn",
        Life {
            member: "FlowDefinitionStatus",
            create: &[passing("Initializing", 20), lasting("Active")],
            delete: &[passing("Deleting", 20)],
            ..STILL
        },
    ),
];

fn workforce_made(_: &World, body: &mut Map<String, Value>) -> Result<(), ApiError> {
    match (body.contains_key("CognitoConfig"), body.contains_key("OidcConfig")) {
        (true, true) | (false, false) => {
            Err(ApiError::validation("Exactly one of CognitoConfig and OidcConfig must be given."))
        }
        _ => Ok(()),
    }
}

fn sub_domain(name: &str) -> String {
    format!("{:010x}.labeling.{REGION}.sagemaker.aws", noise::name(name) >> 24)
}

fn workforce_told(_: &World, _: &Item, record: &mut Map<String, Value>) {
    let name = record.get("WorkforceName").and_then(Value::as_str).unwrap_or_default();
    record.insert("SubDomain".to_owned(), sub_domain(name).into());
    record.entry("SourceIpConfig").or_insert_with(|| json!({"Cidrs": ["0.0.0.0/0"]}));
    // The secret of an OIDC client is taken and never told.
    if let Some(Value::Object(oidc)) = record.get_mut("OidcConfig") {
        oidc.remove("ClientSecret");
    }
}

fn workteam_told(world: &World, _: &Item, record: &mut Map<String, Value>) {
    let force = record.get("WorkforceName").and_then(Value::as_str);
    let force = force.and_then(|name| Some((name.to_owned(), world.shelved("Workforce", name)?.arn.clone())));
    if let Some((name, arn)) = force {
        record.insert("WorkforceArn".to_owned(), arn.into());
        record.insert("SubDomain".to_owned(), sub_domain(&name).into());
    }
}

fn ui_told(_: &World, item: &Item, record: &mut Map<String, Value>) {
    let content = record.get("UiTemplate").and_then(|template| template.get("Content")).cloned().unwrap_or_default();
    // 64 hexadecimal digits that change with the content.
    let content = content.to_string();
    let digest: String = (0..4).map(|part| format!("{:016x}", noise::hash(&[noise::name(&content), part]))).collect();
    let url = format!(
        "https://sagemaker-templates.s3.{REGION}.amazonaws.com/{}",
        item.arn.rsplit('/').next().unwrap_or_default()
    );
    record.insert("UiTemplate".to_owned(), json!({"Url": url, "ContentSha256": digest}));
}
