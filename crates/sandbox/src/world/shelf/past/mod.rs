//! What an account has on its shelf when it is handed over: made by the calls that people made, at their times.

mod batches;

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::{Value, json};

use super::{Request, World, records};
use crate::world::{Service, estate, estate::FAMILIES, monitor, noise, trail};

/// What is labeled, and what comes out of it.
const LABELS: &str = "acme-ml-labels";
const VISION: &str = "vision-labelers";
const LANGUAGE: &str = "language-reviewers";
/// The calls are kept in the trail as far as it reaches.
const KEPT: i64 = 90 * DAY;

pub(crate) fn generate(world: &mut World) {
    let lived = world.now;
    super::experiments::generate(world);
    batches::manifests(world);
    let mut calls = studio();
    calls.extend(people());
    calls.extend(batches::calls());
    calls.extend(cards());
    calls.extend(groups());
    calls.extend(monitors());
    calls.sort_by(|a, b| b.ago.total_cmp(&a.ago));
    for call in calls {
        make(world, &call);
    }
    features(world);
    world.now = lived;
}

/// A call somebody made so many days ago.
struct Call {
    ago: f64,
    by: &'static str,
    service: Service,
    operation: &'static str,
    input: Value,
}

fn call(ago: f64, by: &'static str, operation: &'static str, input: Value) -> Call {
    Call { ago, by, service: Service::SageMaker, operation, input }
}

fn make(world: &mut World, call: &Call) {
    let at = world.start.plus(-(call.ago * DAY as f64) as i64);
    world.now = at;
    super::relive(world, at);
    let request_id = noise::uuid(&[world.seed, at.millis() as u64, noise::name(call.operation)]);
    let (service, operation, input) = (call.service, call.operation, domained(world, &call.input));
    let request = Request { service, operation, input: &input, caller: call.by, request_id: &request_id };
    let reply = world.run(&request);
    if world.start.since(at) < KEPT {
        trail::note(world, &request, &reply);
    }
}

/// The service names domains; calls that go into the one there is say `""`.
fn domained(world: &World, input: &Value) -> Value {
    let mut input = input.clone();
    if input.get("DomainId").is_some() {
        let domain = world.shelf.of("Domain").next().and_then(|item| item.body.get("DomainId").cloned());
        input["DomainId"] = domain.unwrap_or_default();
    }
    input
}

fn studio() -> Vec<Call> {
    let role = estate::EXECUTION_ROLE;
    let mut calls = vec![
        call(
            210.0,
            "terraform",
            "CreateDomain",
            json!({
                "DomainName": "acme-ml", "AuthMode": "SSO", "DefaultUserSettings": {"ExecutionRole": role},
                "SubnetIds": ["subnet-0a1b2c3d"], "VpcId": "vpc-0a1b2c3d",
            }),
        ),
        call(
            160.0,
            "terraform",
            "CreateMlflowTrackingServer",
            json!({
                "TrackingServerName": "acme-mlflow", "ArtifactStoreUri": format!("s3://{}/mlflow", estate::MODEL_BUCKET),
                "RoleArn": role, "TrackingServerSize": "Small",
            }),
        ),
    ];
    for (n, user) in ["anna", "lena", "tomas"].into_iter().enumerate() {
        let ago = 205.0 - n as f64 * 30.0;
        calls.push(call(ago, "terraform", "CreateUserProfile", json!({"DomainId": "", "UserProfileName": user})));
        let app = json!({"DomainId": "", "UserProfileName": user, "AppType": "JupyterLab", "AppName": "default"});
        calls.push(call(100.0 - n as f64 * 2.0, user, "CreateApp", app));
    }
    for (ago, by, name, kind) in
        [(130.0, "lena", "vision-explore", "ml.g5.xlarge"), (118.0, "tomas", "churn-notebook", "ml.t3.medium")]
    {
        let input = json!({"NotebookInstanceName": name, "InstanceType": kind, "RoleArn": role});
        calls.push(call(ago, by, "CreateNotebookInstance", input));
    }
    calls.push(call(97.0, "lena", "StopNotebookInstance", json!({"NotebookInstanceName": "vision-explore"})));
    calls
}

fn team(name: &str) -> String {
    estate::arn("sagemaker", &format!("workteam/private-crowd/{name}"))
}

fn people() -> Vec<Call> {
    let cognito = json!({"UserPool": "eu-west-1_AcmeLabel", "ClientId": "5s2kq8acmelabelers"});
    let member = |group: &str| {
        json!({"CognitoMemberDefinition": {
            "UserPool": cognito["UserPool"], "ClientId": cognito["ClientId"], "UserGroup": group,
        }})
    };
    let made = |name: &str, about: &str, groups: [&str; 2]| json!({"WorkteamName": name, "WorkforceName": "default", "Description": about, "MemberDefinitions": groups.map(member)});
    let page = "<script src=\"https://assets.crowd.aws/crowd-html-elements.js\"></script><crowd-form><crowd-classifier \
                name=\"answer\" categories=\"['approve', 'reject']\" header=\"Is this payment fraud?\"></crowd-classifier></crowd-form>";
    let flow = json!({
        "FlowDefinitionName": "fraud-review", "RoleArn": estate::EXECUTION_ROLE,
        "HumanLoopConfig": {
            "WorkteamArn": team(LANGUAGE), "TaskTitle": "Review a payment", "TaskDescription": "Approve or reject the payment.",
            "HumanTaskUiArn": estate::arn("sagemaker", "human-task-ui/fraud-review-page"), "TaskCount": 1,
            "TaskAvailabilityLifetimeInSeconds": 172_800, "TaskTimeLimitInSeconds": 600,
        },
        "OutputConfig": {"S3OutputPath": format!("s3://{LABELS}/reviews")},
    });
    let mut calls = vec![
        call(200.0, "terraform", "CreateWorkforce", json!({"WorkforceName": "default", "CognitoConfig": cognito})),
        call(
            199.0,
            "terraform",
            "CreateWorkteam",
            made(VISION, "Labels pictures of the lines.", ["vision-annotators", "quality-lab"]),
        ),
        call(
            198.0,
            "terraform",
            "CreateWorkteam",
            made(LANGUAGE, "Reads what customers write.", ["support-seniors", "linguists"]),
        ),
        call(
            150.0,
            "tomas",
            "CreateHumanTaskUi",
            json!({"HumanTaskUiName": "fraud-review-page", "UiTemplate": {"Content": page}}),
        ),
        call(149.0, "tomas", "CreateFlowDefinition", flow),
    ];
    for (n, hours) in [4.1, 2.6, 1.2].into_iter().enumerate() {
        let question = json!({"payment": format!("tx-{}", 88_120 + n), "score": 0.48 + n as f64 / 50.0});
        let input = json!({
            "HumanLoopName": format!("payment-{}", 88_120 + n), "HumanLoopInput": {"InputContent": question.to_string()},
            "FlowDefinitionArn": estate::arn("sagemaker", "flow-definition/fraud-review"),
        });
        // Before the account lives by the minute nobody answers: they are asked when it does.
        let ago = 0.25 + hours / 240.0;
        calls.push(Call { service: Service::HumanLoops, ..call(ago, "fraud-service", "StartHumanLoop", input) });
    }
    calls
}

/// Cards of models that serve.
fn cards() -> Vec<Call> {
    let told = [
        ("fraud", "High", "Approved", "Scores card payments while they are authorised."),
        ("ranking", "Medium", "Approved", "Orders search results of the shop."),
        ("churn", "Low", "PendingReview", "Tells which customers are about to leave."),
    ];
    let mut calls = Vec::new();
    for (n, (name, risk, status, purpose)) in told.into_iter().enumerate() {
        let Some(family) = FAMILIES.iter().find(|family| family.name == name) else { continue };
        let content = |version: u32| {
            json!({
                "model_overview": {
                    "model_name": family.model(version), "model_version": version, "model_owner": "anna",
                    "model_artifact": [family.artifact(version)],
                },
                "intended_uses": {"purpose_of_model": purpose, "risk_rating": risk},
            })
            .to_string()
        };
        let ago = 88.0 - n as f64 * 3.0;
        let card = format!("{name}-card");
        let made = json!({"ModelCardName": card, "ModelCardStatus": "Draft", "Content": content(family.oldest())});
        calls.push(call(ago, "lena", "CreateModelCard", made));
        calls.push(call(
            ago - 50.0,
            "lena",
            "UpdateModelCard",
            json!({"ModelCardName": card, "Content": content(family.live)}),
        ));
        calls.push(call(
            ago - 50.5,
            "lena",
            "UpdateModelCard",
            json!({"ModelCardName": card, "ModelCardStatus": status}),
        ));
    }
    calls
}

/// What the account's monitors run, made an hour before their schedules.
fn monitors() -> Vec<Call> {
    let ago = (monitor::CREATED + HOUR) as f64 / DAY as f64;
    monitor::definitions().into_iter().map(|(operation, input)| call(ago, "terraform", operation, input)).collect()
}

/// Groups of features, of the families that have them online.
const GROUPS: &[(&str, &str, &str)] = &[
    ("fraud", "fraud-cards", "card_id"),
    ("ranking", "ranking-users", "user_id"),
    ("churn", "churn-accounts", "account_id"),
    ("intent", "intent-sessions", "session_id"),
];
/// Features of a family that its group has, and records that were written each time.
const FEATURES: usize = 5;
const RECORDS: u64 = 6;

fn own_features(family: &str) -> &'static [&'static str] {
    let features = FAMILIES.iter().find(|known| known.name == family).map_or(&[][..], |family| family.features);
    features.get(..FEATURES).unwrap_or(features)
}

fn groups() -> Vec<Call> {
    let made = GROUPS.iter().enumerate().map(|(n, (family, name, id))| {
        let feature = |name: &str, kind: &str| json!({"FeatureName": name, "FeatureType": kind});
        let mut features = vec![feature(id, "String"), feature("event_time", "String")];
        features.extend(own_features(family).iter().map(|name| feature(name, "Fractional")));
        let mut input = json!({
            "FeatureGroupName": name, "RecordIdentifierFeatureName": id, "EventTimeFeatureName": "event_time",
            "FeatureDefinitions": features, "OnlineStoreConfig": {"EnableOnlineStore": true}, "RoleArn": estate::EXECUTION_ROLE,
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": format!("s3://{}/features", estate::DATA_BUCKET)}},
        });
        if n == 3 {
            input["OnlineStoreConfig"]["TtlDuration"] = json!({"Unit": "Days", "Value": 30});
        }
        call(140.0 - n as f64 * 9.0, "terraform", "CreateFeatureGroup", input)
    });
    made.collect()
}

/// Records as their jobs wrote them: a week ago, two days ago, last evening.
fn features(world: &mut World) {
    for hours in [166, 47, 9] {
        let at = world.start.plus(-hours * HOUR).floor(15 * MINUTE);
        world.now = at.plus(-4 * MINUTE);
        for (family, name, id) in GROUPS {
            for n in 0..RECORDS {
                write(world, (family, name, id), n, at);
            }
        }
        records::advance(world, at);
    }
}

fn write(world: &mut World, (family, group, id): (&str, &str, &str), n: u64, at: Timestamp) {
    let value = |name: &str, value: String| json!({"FeatureName": name, "ValueAsString": value});
    let mut record = vec![value(id, format!("{id}-{:04}", 1_000 + n)), value("event_time", world.now.iso())];
    record.extend(own_features(family).iter().map(|feature| {
        let draw = noise::unit(&[world.seed, noise::name(feature), n, at.millis() as u64]);
        value(feature, format!("{:.3}", draw * 10.0))
    }));
    let input = json!({"FeatureGroupName": group, "Record": record});
    let request = Request {
        service: Service::FeatureStore,
        operation: "PutRecord",
        input: &input,
        caller: "pipeline",
        request_id: "",
    };
    let _ = records::put_at_once(world, &request);
}
