//! Whether something deploys approved versions by itself: then two would deploy at once.

use serde_json::Value;

use super::Ground;
use crate::{
    fault::Fault,
    ops::{origin::Way, snapshot::EventRule},
};

/// `detail-type` of EventBridge.
pub const STATE_CHANGE: &str = "SageMaker Model Package State Change";

/// The rules of the account that the version is approved in.
pub(super) fn read<'a>(ground: &Ground<'a>) -> Option<&'a Result<Vec<EventRule>, Fault>> {
    match ground.abroad {
        Some((_, told, Way::Registry)) => Some(&told.rules),
        _ => ground.facts.rules.as_ref(),
    }
}

/// Rules that an approval of this version would start.
pub(super) fn rules<'a>(ground: &Ground<'a>) -> Vec<&'a EventRule> {
    let rules = read(ground).and_then(|rules| rules.as_ref().ok()).map(Vec::as_slice);
    let group = ground.group();
    rules.unwrap_or_default().iter().filter(|rule| !rule.targets.is_empty() && matches(rule, &group)).collect()
}

/// Whether the pattern lets an approval in this group pass. What is not understood of it counts as passing.
fn matches(rule: &EventRule, group: &str) -> bool {
    let Ok(pattern) = serde_json::from_str::<Value>(&rule.pattern.raw()) else { return true };
    let passes = |pointer: &str, value: &str| pattern.pointer(pointer).is_none_or(|allowed| allows(allowed, value));
    passes("/source", "aws.sagemaker")
        && passes("/detail-type", STATE_CHANGE)
        && passes("/detail/ModelPackageGroupName", group)
        && passes("/detail/ModelApprovalStatus", "Approved")
}

fn allows(allowed: &Value, value: &str) -> bool {
    let Some(list) = allowed.as_array() else { return true };
    list.iter().any(|one| match one {
        Value::String(text) => text == value,
        Value::Object(fields) => match (fields.get("prefix"), fields.get("anything-but")) {
            (Some(Value::String(prefix)), _) => value.starts_with(prefix.as_str()),
            (_, Some(Value::String(not))) => not != value,
            (_, Some(Value::Array(not))) => !not.iter().any(|not| not == value),
            _ => true,
        },
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::Text;

    #[test]
    fn a_pattern_is_matched_as_eventbridge_matches_it() {
        let rule = |pattern: Value| EventRule { pattern: Text::new(&pattern.to_string()), ..EventRule::default() };
        let base = json!({"source": ["aws.sagemaker"], "detail-type": [STATE_CHANGE]});
        let with = |detail: Value| {
            let mut pattern = base.clone();
            pattern["detail"] = detail;
            matches(&rule(pattern), "fraud")
        };
        assert!(matches(&rule(base.clone()), "fraud"));
        assert!(with(json!({"ModelPackageGroupName": ["fraud"], "ModelApprovalStatus": ["Approved"]})));
        assert!(with(json!({"ModelPackageGroupName": [{"prefix": "fr"}]})));
        assert!(with(json!({"ModelApprovalStatus": [{"anything-but": ["Rejected"]}]})));
        assert!(with(json!({"ModelPackageGroupName": [{"wildcard": "f*"}]})), "what is not understood may match");
        assert!(!with(json!({"ModelPackageGroupName": ["churn"]})));
        assert!(!with(json!({"ModelApprovalStatus": ["Rejected"]})));
        assert!(!with(json!({"ModelApprovalStatus": [{"anything-but": "Approved"}]})));
        assert!(!matches(&rule(json!({"source": ["aws.ecr"]})), "fraud"));
    }
}
