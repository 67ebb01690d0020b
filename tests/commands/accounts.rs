//! A version of a staging account onto an endpoint of production: two accounts behind one address, one operator with a profile
//! for each, one plan.

use std::{ffi::OsStr, fs, process::Command};

use serde_json::{Value, json};

use crate::{
    account::{Account, ENDPOINT, edit, ended, id},
    support::peers::{Done, PATIENCE, Served, finish, mldeck},
};

const STAGING: &str = "112233445566";
const PRODUCTION: &str = "447100000921";

fn version(account: &str, number: u32) -> String {
    format!("arn:aws:sagemaker:eu-west-1:{account}:model-package/fraud/{number}")
}

struct Both(Account);

impl Both {
    /// Production serves fraud v17; staging has v18, which is better and waits for its approval.
    fn start() -> Self {
        let second = [OsStr::new("--second"), OsStr::new(STAGING)];
        let both = Self(Account::of(Served::sandbox_with("quiet-night", 1, &second)));
        let profiles = format!(
            "[profile staging]\nrole_arn = arn:aws:iam::{STAGING}:role/Release\nsource_profile = keys\n\
             role_session_name = stan\n[profile keys]\naws_access_key_id = {STAGING}\naws_secret_access_key = made-up\n\
             [profile home]\naws_access_key_id = AKIDHOME\naws_secret_access_key = made-up\n"
        );
        fs::write(both.0.file("aws-config"), profiles).unwrap();
        let metrics = json!({"val/auc": "0.99", "val/logloss": "0.01"});
        both.staging(
            "UpdateModelPackage",
            &json!({"ModelPackageArn": version(STAGING, 18), "CustomerMetadataProperties": metrics}),
        );
        both
    }

    fn staging(&self, operation: &str, input: &Value) -> Value {
        self.0.call_by(STAGING, "sagemaker", operation, input)
    }

    fn production(&self, operation: &str, input: &Value) -> Value {
        self.0.call("sagemaker", operation, input)
    }

    /// Staging lets production make models of its versions.
    fn share(&self) {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "production", "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{PRODUCTION}:root")},
            "Action": ["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"],
            "Resource": format!("arn:aws:sagemaker:eu-west-1:{STAGING}:model-package/fraud/*")}]});
        let input = json!({"ModelPackageGroupName": "fraud", "ResourcePolicy": policy.to_string()});
        self.staging("PutModelPackageGroupPolicy", &input);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = mldeck(self.0.home.path());
        command.args(args).env("AWS_ENDPOINT_URL", self.0.address()).env("AWS_CONFIG_FILE", self.0.file("aws-config"));
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Done {
        finish(&mut self.command(args), PATIENCE)
    }

    #[track_caller]
    fn promote(&self, verbs: &[&str], more: &[&str]) -> Done {
        let arn = version(STAGING, 18);
        let what = ["promote", &arn, "--onto", ENDPOINT, "--accept", "bias", "--accept", "image", "--reason", "OPS-7"];
        self.run(&[verbs, &what, more].concat())
    }

    fn approval(&self) -> (Value, Value) {
        let told = self.staging("DescribeModelPackage", &json!({"ModelPackageName": version(STAGING, 18)}));
        (told["ModelApprovalStatus"].clone(), told["LastModifiedBy"].clone())
    }

    /// Name of the model that serves, and what it is made of.
    fn serves(&self) -> (String, Value) {
        let (config, status) = self.0.serving();
        assert_eq!(status, "InService");
        let config = self.production("DescribeEndpointConfig", &json!({"EndpointConfigName": config}));
        let model = config["ProductionVariants"][0]["ModelName"].as_str().unwrap().to_owned();
        let made = self.production("DescribeModel", &json!({"ModelName": model}));
        (model, made["Containers"].clone())
    }
}

#[test]
fn by_registry_from_a_saved_plan_to_in_service() {
    let both = Both::start();
    let by = ["--from-profile", "staging", "--by", "registry"];
    let held = both.promote(&[], &by);
    ended(&held, 3, &["group fraud has no policy", "put-model-package-group-policy", "--profile staging"]);
    both.share();

    let file = both.0.file("plan.json");
    let file = file.to_str().unwrap();
    let plan = both.promote(&["plan"], &[&by[..], &["--save", file]].concat());
    let from = format!("fraud v18 of {STAGING}, by stan (profile staging); the rest by anna in {PRODUCTION}");
    ended(
        &plan,
        0,
        &[
            "Promote fraud-prod: v17 → v18 of 112233445566",
            &from,
            "UpdateModelPackage in 112233445566",
            "--profile staging",
        ],
    );
    let confirm = ["--write", "--no-verify", "--confirm", &id(&plan)];

    // A profile that leads elsewhere is not the one it was planned with, and a plan that was edited is none.
    let wrong = both.run(&[&["apply", file, "--from-profile", "home"], &confirm[..]].concat());
    ended(
        &wrong,
        4,
        &["takes its version from aws:112233445566:eu-west-1 as stan", "profile home leads to aws:447100000921"],
    );
    let text = fs::read_to_string(file).unwrap();
    edit(both.0.file("plan.json").as_path(), |plan| {
        plan["steps"][0].as_object_mut().unwrap().remove("scope");
    });
    ended(&both.run(&[&["apply", file], &confirm[..]].concat()), 3, &["was changed after it was made"]);
    fs::write(file, text).unwrap();
    assert_eq!(both.approval().0, "PendingManualApproval", "nothing was sent");

    let done = both.0.run_through(both.command(&[&["apply", file], &confirm[..]].concat()));
    ended(&done, 0, &["done"]);
    let (model, containers) = both.serves();
    assert!(model.starts_with("fraud-v18-"), "{model}");
    assert_eq!(containers, json!([{"ModelPackageName": version(STAGING, 18)}]));
    let (status, by) = both.approval();
    assert_eq!(status, "Approved");
    assert!(by.to_string().contains("stan"), "by the identity of its own account: {by}");
    let own = both.production("DescribeModelPackage", &json!({"ModelPackageName": version(PRODUCTION, 18)}));
    assert_eq!(own["ModelApprovalStatus"], "PendingManualApproval", "its namesake here is another version");

    let ledger = both.run(&["ledger", "-o", "md"]);
    ended(
        &ledger,
        0,
        &[
            "by anna",
            "- from: aws:112233445566:eu-west-1 by stan (profile staging)",
            "sending UpdateModelPackage in 112233445566",
        ],
    );
    ended(&both.run(&["ledger", "verify"]), 0, &["unbroken"]);
    let again = both.promote(&[], &["--from-profile", "staging"]);
    ended(&again, 3, &["v18 is what is live already"]);
}

#[test]
fn by_copy_it_is_registered_in_production_and_staging_is_left_alone() {
    let both = Both::start();
    let by = ["--from-profile", "staging"];
    let plan = both.promote(&[], &by);
    ended(&plan, 0, &["by copy: group fraud has no policy", "registered here once more", "Nothing was sent"]);
    let confirm = ["--write", "--no-verify", "--confirm", &id(&plan)];
    let arn = version(STAGING, 18);
    let what = ["promote", &arn, "--onto", ENDPOINT, "--accept", "bias", "--accept", "image", "--reason", "OPS-7"];
    let done = both.0.run_through(both.command(&[&what[..], &by, &confirm].concat()));
    ended(&done, 0, &["done"]);
    let copy = version(PRODUCTION, 19);
    assert_eq!(both.serves().1, json!([{"ModelPackageName": copy}]));
    let made = both.production("DescribeModelPackage", &json!({"ModelPackageName": copy}));
    assert_eq!(
        (&made["ModelApprovalStatus"], &made["CustomerMetadataProperties"]["source"]),
        (&json!("Approved"), &json!(arn))
    );
    let container = &made["InferenceSpecification"]["Containers"][0];
    assert_eq!(container["ModelDataUrl"], "s3://acme-st-models/fraud/v18/model.tar.gz", "where it was");
    assert_eq!(both.approval().0, "PendingManualApproval");
    // The copy is found again, not made again.
    ended(&both.promote(&[], &by), 3, &["v19 is what is live already"]);
}

#[test]
fn whose_version_it_is_has_to_be_said_and_has_to_be_true() {
    let both = Both::start();
    let bare = both.promote(&[], &[]);
    ended(&bare, 3, &["the version is of account 112233445566", "--from-profile NAME"]);
    let home = both.promote(&[], &["--from-profile", "home"]);
    ended(&home, 3, &["profile home leads to 447100000921, where the endpoint is, too"]);
    let arn = version("999999999999", 18);
    let other = both.run(&["promote", &arn, "--onto", ENDPOINT, "--from-profile", "staging"]);
    ended(&other, 3, &["profile staging leads to 112233445566, the version is of 999999999999"]);
    let afar = "arn:aws:sagemaker:us-east-1:112233445566:model-package/fraud/18";
    let afar = both.run(&["promote", afar, "--onto", ENDPOINT, "--from-profile", "staging"]);
    ended(&afar, 3, &["the version is in region us-east-1"]);
    ended(&both.promote(&[], &["--from-profile", "nobody"]), 2, &["nobody"]);
    ended(&both.run(&["promote", &version(STAGING, 18), "--onto", ENDPOINT, "--by", "copy"]), 2, &["--from-profile"]);
    assert_eq!(both.approval().0, "PendingManualApproval");
}
