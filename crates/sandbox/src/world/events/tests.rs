//! Events, and sessions of other roles, as callers see them.

use mldeck_core::time::{HOUR, MINUTE};
use serde_json::{Value, json};

use crate::{
    World,
    testkit::{authorization, body, call, ok, refused, world},
};

fn pass(world: &mut World, minutes: i64) {
    let to = world.now().plus(minutes * MINUTE);
    world.advance_to(to);
}

fn events(world: &mut World, after: u64) -> Vec<Value> {
    world.events(after).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Something of everything happens.
fn story() -> World {
    let mut world = world("fraud-burns");
    assert_eq!(world.events(0), "", "what was before is not told");
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "churn-batch", "EndpointConfigName": "churn-v6-c"}));
    let arn = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/18";
    ok(&mut world, "UpdateModelPackage", &json!({"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}));
    let start = json!({"PipelineName": "churn-train", "ClientRequestToken": "e".repeat(32)});
    ok(&mut world, "StartPipelineExecution", &start);
    pass(&mut world, 180);
    world
}

#[test]
fn every_change_is_told_once_and_a_replay_tells_the_same() {
    let mut world = story();
    let all = events(&mut world, 0);
    assert_eq!(world.events(0), story().events(0));
    for (n, line) in (1..).zip(&all) {
        assert_eq!(line["sequence"], n);
        assert_eq!(line["event"]["source"], "aws.sagemaker");
        assert!(line["event"]["resources"][0].as_str().unwrap().starts_with("arn:aws:sagemaker:"), "{line}");
    }
    assert_eq!(events(&mut world, 3), all[3..]);
    let of = |kind: &str, name: &str| -> Vec<Value> {
        let is = |line: &&Value| line["event"]["detail-type"] == kind && line["event"].to_string().contains(name);
        all.iter().filter(is).map(|line| line["event"]["detail"].clone()).collect()
    };
    let states: Vec<Value> =
        of("SageMaker Endpoint State Change", "churn-batch").iter().map(|d| d["EndpointStatus"].clone()).collect();
    assert_eq!(states, ["UPDATING", "IN_SERVICE"]);
    let packages = of("SageMaker Model Package State Change", "model-package/fraud/18");
    assert_eq!(packages[0]["ModelApprovalStatus"], "Rejected");
    assert!(packages[0]["CreationTime"].as_i64().unwrap() > 1_000_000_000_000, "{}", packages[0]);
    let runs = of("SageMaker Model Building Pipeline Execution Status Change", "churn-train");
    assert_eq!(runs[0]["currentPipelineExecutionStatus"], "Executing");
    assert_eq!(runs[1]["previousPipelineExecutionStatus"], "Executing");
    let steps = of("SageMaker Model Building Pipeline Execution Step Status Change", "churn-train");
    assert!(steps.iter().any(|step| step["stepName"] == "Train" && step["currentStepStatus"] == "Succeeded"));
    assert!(!of("SageMaker Training Job State Change", "churn-train").is_empty());
}

#[test]
fn a_role_is_assumed_for_a_while_and_the_trail_knows_who_it_was() {
    let mut world = world("quiet-night");
    let sts = |world: &mut World, form: &str, key: Option<(&str, &str)>| {
        let mut signed = authorization("sts");
        let mut request = http::Request::post("/");
        if let Some((key, token)) = key {
            signed = signed.replace("ASIASANDBOX", key);
            request = request.header("x-amz-security-token", token);
        }
        let form = bytes::Bytes::from(format!("{form}&Version=2011-06-15"));
        let response = world.handle(&request.header("authorization", signed).body(form).unwrap());
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    let part = |xml: &str, name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let role = "Action=AssumeRole&RoleArn=arn:aws:iam::447100000921:role/Auditor&RoleSessionName=anna-night";
    let (status, xml) = sts(&mut world, role, None);
    assert_eq!(status, 200, "{xml}");
    let (key, token) = (part(&xml, "AccessKeyId"), part(&xml, "SessionToken"));
    let session = Some((key.as_str(), token.as_str()));
    let (_, who) = sts(&mut world, "Action=GetCallerIdentity", session);
    assert_eq!(part(&who, "Arn"), "arn:aws:sts::447100000921:assumed-role/Auditor/anna-night");
    assert!(sts(&mut world, "Action=GetCallerIdentity", Some((&key, "other"))).1.contains("InvalidClientTokenId"));
    let elsewhere = role.replace("447100000921", "111122223333");
    assert!(sts(&mut world, &elsewhere, None).1.contains("<Code>AccessDenied</Code>"));
    let device = format!("{role}&SerialNumber=arn:aws:iam::447100000921:mfa/anna");
    assert_eq!(sts(&mut world, &format!("{device}&TokenCode=246810"), None).0, 200);
    let (status, wrong) = sts(&mut world, &format!("{device}&TokenCode=000000"), None);
    assert!(status == 403 && wrong.contains("invalid MFA one time pass code"), "{wrong}");
    assert_eq!(sts(&mut world, &device, None).0, 400);
    assert!(sts(&mut world, &format!("{role}&DurationSeconds=7200"), session).1.contains("role chaining"));

    let write = |world: &mut World| {
        let input = json!({"EndpointName": "churn-batch", "EndpointConfigName": "churn-v6-c"});
        let mut request = crate::testkit::json_request("sagemaker", "UpdateEndpoint", &input);
        let signed = authorization("sagemaker").replace("ASIASANDBOX", &key);
        request.headers_mut().insert("authorization", signed.parse().unwrap());
        let response = world.handle(&request);
        (response.status().as_u16(), body(&response))
    };
    assert_eq!(write(&mut world).0, 200);
    pass(&mut world, 59);
    let lookup = json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "anna-night"}]});
    let (_, found) = call(&mut world, "cloudtrail", "LookupEvents", &lookup);
    let event = found["Events"][0]["CloudTrailEvent"].as_str().unwrap();
    assert!(event.contains("assumed-role/Auditor/anna-night") && event.contains("\"userName\":\"Auditor\""), "{event}");
    let to = world.now().plus(HOUR);
    world.advance_to(to);
    let (status, refusal) = write(&mut world);
    assert_eq!((status, &refusal["__type"]), (403, &json!("ExpiredTokenException")));
    assert!(sts(&mut world, "Action=GetCallerIdentity", session).1.contains("<Code>ExpiredToken</Code>"));
}

#[test]
fn versions_and_groups_go_when_nothing_is_in_them() {
    let mut world = world("quiet-night");
    let group = json!({"ModelPackageGroupName": "own"});
    ok(&mut world, "CreateModelPackageGroup", &group);
    let arn = ok(&mut world, "CreateModelPackage", &group)["ModelPackageArn"].clone();
    let name = json!({"ModelPackageName": arn});
    let update = |world: &mut World, more: Value| {
        let mut input = json!({"ModelPackageArn": arn});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input["ModelPackageArn"] = arn.clone();
        ok(world, "UpdateModelPackage", &input);
        ok(world, "DescribeModelPackage", &name)
    };
    let told = update(
        &mut world,
        json!({"CustomerMetadataProperties": {"a": "1", "b": "2"}, "ModelApprovalStatus": "Approved"}),
    );
    assert_eq!(told["CustomerMetadataProperties"], json!({"a": "1", "b": "2"}));
    let stage = json!({"Stage": "Production", "StageStatus": "Approved", "StageDescription": "for all"});
    let told = update(&mut world, json!({"CustomerMetadataPropertiesToRemove": ["a"], "ModelLifeCycle": stage}));
    assert_eq!((&told["CustomerMetadataProperties"], &told["ModelLifeCycle"]), (&json!({"b": "2"}), &stage));
    let back = json!({"ModelPackageArn": arn, "ModelApprovalStatus": "PendingManualApproval"});
    assert_eq!(refused(&mut world, "UpdateModelPackage", &back).0, "ValidationException");
    assert_eq!(refused(&mut world, "GetModelPackageGroupPolicy", &group).0, "ValidationException");
    let policy = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    ok(&mut world, "PutModelPackageGroupPolicy", &json!({"ModelPackageGroupName": "own", "ResourcePolicy": policy}));
    assert_eq!(ok(&mut world, "GetModelPackageGroupPolicy", &group)["ResourcePolicy"], policy.as_str());
    ok(&mut world, "DeleteModelPackageGroupPolicy", &group);
    assert_eq!(refused(&mut world, "DeleteModelPackageGroup", &group).0, "ConflictException");
    ok(&mut world, "DeleteModelPackage", &name);
    assert_eq!(refused(&mut world, "DescribeModelPackage", &name).0, "ValidationException");
    let next = ok(&mut world, "CreateModelPackage", &group)["ModelPackageArn"].clone();
    assert!(next.as_str().unwrap().ends_with("/own/2"), "{next}");
    ok(&mut world, "DeleteModelPackage", &json!({"ModelPackageName": next}));
    ok(&mut world, "DeleteModelPackageGroup", &group);
    assert_eq!(refused(&mut world, "DescribeModelPackageGroup", &group).0, "ValidationException");
}

#[test]
fn a_deployment_is_told_stage_by_stage_at_its_moments() {
    let mut world = world("quiet-night");
    world.events(0);
    let policy = json!({"BlueGreenUpdatePolicy": {"TerminationWaitInSeconds": 0, "TrafficRoutingConfiguration": {
        "Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25}, "WaitIntervalInSeconds": 120,
    }}});
    let update = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a", "DeploymentConfig": policy});
    ok(&mut world, "UpdateEndpoint", &update);
    pass(&mut world, 60);
    let all = events(&mut world, 0);
    let of = |line: &&Value| line["event"]["detail-type"] == "SageMaker Endpoint Deployment State Change";
    let mut stages = Vec::new();
    for line in all.iter().filter(of) {
        let detail = &line["event"]["detail"];
        let status = &detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0];
        let stage = status["Status"].as_str().unwrap_or("Deleting").to_owned();
        if let Some(since) = status["StartTime"].as_i64() {
            let told = mldeck_core::time::Timestamp::parse(line["event"]["time"].as_str().unwrap()).unwrap();
            assert_eq!(told.secs(), since / 1_000, "{stage}");
        }
        stages.push(stage);
    }
    assert_eq!(stages, ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking", "Deleting"]);
    let sequence: Vec<&str> = all.iter().map(|line| line["event"]["time"].as_str().unwrap()).collect();
    assert!(sequence.is_sorted(), "{sequence:?}");
}

fn job(name: &str) -> Value {
    json!({
        "TrainingJobName": name, "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://own/models/"}, "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
    })
}

#[test]
fn no_job_is_one_too_many_and_what_is_over_is_forgotten() {
    let mut world = world("quiet-night");
    world.events(0);
    for n in 0..130 {
        ok(&mut world, "CreateTrainingJob", &job(&format!("own-{n:03}")));
    }
    pass(&mut world, 60);
    let ended = |line: &&Value| {
        let detail = &line["event"]["detail"];
        detail["TrainingJobStatus"] == "Completed" && detail["TrainingJobName"].as_str().unwrap().starts_with("own-")
    };
    let told: std::collections::BTreeSet<String> = (0..2_000)
        .step_by(900)
        .flat_map(|after| events(&mut world, after))
        .filter(|line| ended(&line))
        .map(|line| line["event"]["detail"]["TrainingJobName"].to_string())
        .collect();
    assert_eq!(told.len(), 130);
    let left = world.events.known.keys().filter(|key| key.contains(":training-job/own-"));
    assert_eq!(left.count(), 0);
    assert!(world.events.ended.len() < 100, "{}", world.events.ended.len());
}

#[test]
fn a_new_text_of_a_card_is_no_change_of_its_state() {
    let mut world = world("quiet-night");
    let card = json!({"ModelCardName": "own", "Content": "{}", "ModelCardStatus": "Draft"});
    ok(&mut world, "CreateModelCard", &card);
    world.events(0);
    pass(&mut world, 30);
    ok(&mut world, "UpdateModelCard", &json!({"ModelCardName": "own", "Content": "{\"model_overview\": {}}"}));
    ok(&mut world, "UpdateModelCard", &json!({"ModelCardName": "own", "ModelCardStatus": "Approved"}));
    let all = events(&mut world, 0);
    let cards: Vec<&Value> =
        all.iter().filter(|line| line["event"]["detail-type"] == "SageMaker Model Card State Change").collect();
    assert_eq!(cards.len(), 1, "{cards:?}");
    assert_eq!(cards[0]["event"]["detail"]["ModelCardStatus"], "Approved");
}
