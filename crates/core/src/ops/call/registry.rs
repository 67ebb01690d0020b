//! Requests about registered versions.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Action, Call, PLAN_ID};
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
pub fn register(body: &serde_json::Value) -> Call {
    let mut body = body.clone();
    body["ClientToken"] = json!(format!("mldeck-{PLAN_ID}-register"));
    Call::new(Action::CreateModelPackage, body)
}
