//! Requests about registered versions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Call, PLAN_ID, cli};
use crate::text::Text;

/// `ModelApprovalStatus` that can be set: nothing documents a way back to `PendingManualApproval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    Approved,
    Rejected,
}

impl Approval {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Rejected => "Rejected",
        }
    }
}

/// UpdateModelPackage. The description is what the registry will show of who and why.
pub fn approve(package: &Text, approval: Approval, description: &str) -> Call {
    let body = json!({
        "ModelPackageArn": package.raw(), "ModelApprovalStatus": approval.word(),
        "ApprovalDescription": description.chars().take(1_024).collect::<String>(),
        "ClientToken": format!("mldeck-{PLAN_ID}-{}", approval.word().to_lowercase()),
    });
    Call::new(Action::UpdateModelPackage, body)
}

/// CreateModelPackage; a version takes no tags of its own (API reference).
pub fn register(body: &Value) -> Call {
    let mut body = body.clone();
    body["ClientToken"] = json!(format!("mldeck-{PLAN_ID}-register"));
    Call::new(Action::CreateModelPackage, body)
}

/// The AWS CLI line that puts a group's resource policy. No plan of ours does: who may use a registry is its owner's to say.
pub(in crate::ops) fn policy_line(group: &str, policy: &Value, region: &str, profile: &str) -> String {
    let body = json!({ "ModelPackageGroupName": group, "ResourcePolicy": policy.to_string() });
    cli::by(&cli::line("sagemaker", "PutModelPackageGroupPolicy", &body, region), profile)
}
