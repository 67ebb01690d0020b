//! Two accounts: whose a request is, and what the one sees of the other.

use serde_json::{Value, json};

use super::*;
use crate::{Options, Scenario};

const OTHER: &str = "112233445566";
const HERE: &str = "447100000921";

fn world(seed: u64) -> World {
    let scenario = Scenario::named("quiet-night").unwrap();
    let start = scenario.start;
    World::new(Options { seed, scenario, start })
}

struct Both {
    first: World,
    second: Second,
}

impl Both {
    fn new() -> Self {
        Self { first: world(1), second: Second::new(world(2), OTHER).unwrap() }
    }

    fn sent(&mut self, request: http::request::Builder, key: &str, service: &str, body: String) -> (u16, String) {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request = request.header("authorization", authorization).body(Bytes::from(body)).unwrap();
        match deliver(&mut self.first, &mut self.second, &request) {
            Delivery::Answer(answer) => (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn call(&mut self, key: &str, operation: &str, input: &Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("SageMaker.{operation}"));
        let (status, body) = self.sent(request, key, "sagemaker", input.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn identity(&mut self, key: &str) -> String {
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        self.sent(request, key, "sts", "Action=GetCallerIdentity&Version=2011-06-15".to_owned()).1
    }

    fn share(&mut self, key: &str, owner: &str, principal: &str, actions: &[&str]) {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal},
            "Action": actions, "Resource": format!("arn:aws:sagemaker:eu-west-1:{owner}:model-package/fraud/*")}]});
        let input = json!({"ModelPackageGroupName": "fraud", "ResourcePolicy": policy.to_string()});
        assert_eq!(self.call(key, "PutModelPackageGroupPolicy", &input).0, 200);
        let told = self.call(key, "GetModelPackageGroupPolicy", &json!({"ModelPackageGroupName": "fraud"})).1;
        assert_eq!(told["ResourcePolicy"], policy.to_string(), "as it was put");
    }
}

fn version(account: &str) -> String {
    format!("arn:aws:sagemaker:eu-west-1:{account}:model-package/fraud/18")
}

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

#[test]
fn the_key_says_whose_account_it_is_and_each_is_spelled_by_its_own_number() {
    let mut both = Both::new();
    assert!(both.identity("AKIA1").contains("<Account>447100000921</Account>"));
    let there = both.identity(OTHER);
    assert!(there.contains("<Account>112233445566</Account>") && !there.contains(HERE), "{there}");
    for (key, own, bucket) in [("AKIA1", HERE, "acme-ml-"), (OTHER, OTHER, "acme-st-")] {
        let (status, told) = both.call(key, "DescribeModelPackage", &json!({"ModelPackageName": version(own)}));
        assert_eq!((status, told["ModelPackageArn"].as_str()), (200, Some(version(own).as_str())));
        let text = told.to_string();
        let other = if own == HERE { OTHER } else { HERE };
        assert!(text.contains(&format!("s3://{bucket}models/")) && !text.contains(other), "{text}");
    }
    // What is changed in the one is not changed in the other.
    let reject = json!({"ModelPackageArn": version(OTHER), "ModelApprovalStatus": "Rejected"});
    assert_eq!(both.call(OTHER, "UpdateModelPackage", &reject).0, 200);
    let status = |both: &mut Both, key, account| {
        both.call(key, "DescribeModelPackage", &json!({"ModelPackageName": version(account)})).1["ModelApprovalStatus"]
            .clone()
    };
    assert_eq!(
        (status(&mut both, OTHER, OTHER), status(&mut both, "AKIA1", HERE)),
        (json!("Rejected"), json!("PendingManualApproval"))
    );
    for wrong in ["123", "11223344556x", HERE] {
        assert!(Second::new(world(3), wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_session_belongs_to_the_account_it_was_begun_in() {
    let mut both = Both::new();
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let role =
        format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=stan&RoleArn=arn:aws:iam::{OTHER}:role/Release");
    let (status, body) = both.sent(request, OTHER, "sts", role.clone());
    assert_eq!(status, 200, "{body}");
    let between = |from: &str, to: &str| body.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let key = between("<AccessKeyId>", "</AccessKeyId>");
    let told = both.identity(&key);
    assert!(told.contains("arn:aws:sts::112233445566:assumed-role/Release/stan"), "{told}");
    // The first account's people are nobody there.
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(both.sent(request, "AKIA1", "sts", role).0, 403);
}

#[test]
fn a_version_is_used_from_outside_as_far_as_its_groups_policy_goes() {
    for (key, own, other_key, other) in [("AKIA1", HERE, OTHER, OTHER), (OTHER, OTHER, "AKIA1", HERE)] {
        let mut both = Both::new();
        let describe = json!({"ModelPackageName": version(other)});
        let model = |name: &str| {
            json!({"ModelName": name, "ExecutionRoleArn": format!("arn:aws:iam::{own}:role/SageMakerExecution"),
                "Containers": [{"ModelPackageName": version(other)}]})
        };
        let denied = |(status, body): (u16, Value), action: &str| {
            assert_eq!((status, body["__type"].as_str()), (400, Some("AccessDeniedException")), "{body}");
            let message = body["message"].as_str().unwrap();
            assert!(
                message.contains(action) && message.contains(&version(other)) && message.contains(own),
                "{message}"
            );
        };
        denied(both.call(key, "DescribeModelPackage", &describe), "sagemaker:DescribeModelPackage");
        denied(both.call(key, "CreateModel", &model("a")), "sagemaker:DescribeModelPackage");
        both.share(other_key, other, &root("999999999999"), &["sagemaker:*"]);
        denied(both.call(key, "DescribeModelPackage", &describe), "sagemaker:DescribeModelPackage");
        both.share(other_key, other, &root(own), &["sagemaker:DescribeModelPackage"]);
        let (status, told) = both.call(key, "DescribeModelPackage", &describe);
        assert_eq!((status, told["ModelPackageArn"].as_str()), (200, Some(version(other).as_str())), "{told}");
        let text = told.to_string();
        assert!(text.contains(&format!("{other}.dkr.ecr.")) && !text.contains(own), "its images are its own: {text}");
        denied(both.call(key, "CreateModel", &model("b")), "sagemaker:CreateModel");
        both.share(other_key, other, &root(own), &["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"]);
        assert_eq!(both.call(key, "CreateModel", &model("c")).0, 200);
        let made = both.call(key, "DescribeModel", &json!({"ModelName": "c"})).1;
        assert_eq!(made["Containers"][0]["ModelPackageName"], version(other));
        // It is not changed from outside, nor is its group's policy read.
        let approve = json!({"ModelPackageArn": version(other), "ModelApprovalStatus": "Approved"});
        denied(both.call(key, "UpdateModelPackage", &approve), "sagemaker:UpdateModelPackage");
        let group = format!("arn:aws:sagemaker:eu-west-1:{other}:model-package-group/fraud");
        let _ = both.call(key, "DeleteModelPackage", &json!({"ModelPackageName": version(other)}));
        assert_eq!(both.call(key, "GetModelPackageGroupPolicy", &json!({"ModelPackageGroupName": group})).0, 400);
        assert_eq!(both.call(other_key, "DescribeModelPackage", &describe).0, 200, "still there");
    }
}

#[test]
fn an_object_is_its_owners_and_both_may_read_it() {
    let mut both = Both::new();
    let at = |bucket: &str| format!("/{bucket}/fraud/v18/model.tar.gz");
    for key in ["AKIA1", OTHER] {
        for bucket in ["acme-ml-models", "acme-st-models"] {
            let (status, _) = both.sent(Request::head(at(bucket)), key, "s3", String::new());
            assert_eq!(status, 200, "{key} {bucket}");
        }
        assert_eq!(both.sent(Request::head("/acme-st-models/none"), key, "s3", String::new()).0, 404);
    }
    assert_eq!(both.sent(Request::put("/acme-st-models/mine"), "AKIA1", "s3", "447100000921".into()).0, 403);
    assert_eq!(both.sent(Request::put("/acme-st-models/mine"), OTHER, "s3", "447100000921".into()).0, 200);
    let (status, body) = both.sent(Request::get("/acme-st-models/mine"), "AKIA1", "s3", String::new());
    assert_eq!((status, body.as_str()), (200, "447100000921"), "an object is what was put there");
    let (_, listed) = both.sent(Request::get("/acme-st-models?list-type=2&prefix=mine"), OTHER, "s3", String::new());
    assert!(listed.contains("<Name>acme-st-models</Name>"), "{listed}");
}
