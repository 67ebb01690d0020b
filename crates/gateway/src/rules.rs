//! EventBridge: who waits for changes of registered versions.

use mldeck_core::{
    fault::Fault,
    ops::{snapshot::EventRule, verb::promote::STATE_CHANGE},
    text::Text,
};
use serde_json::{Value, json};

use crate::{
    Gateway,
    fault::Doing,
    json::{Api, list, string, token},
    lanes,
    pace::Service,
    text,
};

const API: Api = Api {
    pace: Service::EventBridge,
    service_id: "EventBridge",
    host: "events",
    signing: "events",
    target: "AWSEvents",
    version: "1.1",
};

/// 100 rules each; a bus has 300 as a rule.
const PAGES: usize = 5;

const fn doing(operation: &'static str) -> Doing {
    Doing { prefix: "events", operation, words: "reading which rules wait for approvals" }
}

impl Gateway {
    /// Rules of the default bus, which is the one that AWS's own events are on, that are switched on and wait for changes of
    /// registered versions.
    pub(crate) async fn approval_rules(&self) -> Result<Vec<EventRule>, Fault> {
        let (mut waiting, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let mut input = json!({"Limit": 100});
            if let Some(next) = next {
                input["NextToken"] = json!(next);
            }
            let page = self.json(&API, doing("ListRules"), &input).await?;
            waiting.extend(list(&page, "Rules").filter(|rule| is_waiting(rule)).map(|rule| EventRule {
                name: text(string(rule, "Name")),
                pattern: text(string(rule, "EventPattern")),
                targets: Vec::new(),
            }));
            next = token(&page, "NextToken");
            if next.is_none() {
                break;
            }
        }
        let targets = lanes::four(&waiting, |index| self.targets(&waiting[index].name)).await;
        for (rule, targets) in waiting.iter_mut().zip(targets) {
            rule.targets = targets?;
        }
        Ok(waiting)
    }

    async fn targets(&self, rule: &Text) -> Result<Vec<Text>, Fault> {
        let page = self.json(&API, doing("ListTargetsByRule"), &json!({"Rule": rule.raw()})).await?;
        Ok(list(&page, "Targets").filter_map(|target| string(target, "Arn")).map(Text::new).collect())
    }
}

/// By name of the event, or by its source alone: the planner reads the rest of the pattern.
fn is_waiting(rule: &Value) -> bool {
    let on = string(rule, "State").is_none_or(|state| state.starts_with("ENABLED"));
    let Some(pattern) = string(rule, "EventPattern").filter(|_| on) else { return false };
    let kinds = serde_json::from_str::<Value>(pattern).ok().and_then(|pattern| pattern.get("detail-type").cloned());
    kinds.is_none_or(|kinds| kinds.to_string().contains(STATE_CHANGE) || kinds.to_string().contains('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_wait_for_versions_are_told_from_others() {
        let rule = |pattern: Value, state: &str| json!({"State": state, "EventPattern": pattern.to_string()});
        let version = json!({"source": ["aws.sagemaker"], "detail-type": [STATE_CHANGE]});
        assert!(is_waiting(&rule(version.clone(), "ENABLED")));
        assert!(!is_waiting(&rule(version, "DISABLED")));
        assert!(is_waiting(&rule(json!({"source": ["aws.sagemaker"]}), "ENABLED")));
        assert!(is_waiting(&rule(json!({"detail-type": [{"prefix": "SageMaker"}]}), "ENABLED")));
        let other = json!({"detail-type": ["SageMaker Training Job State Change"]});
        assert!(!is_waiting(&rule(other, "ENABLED")));
        assert!(!is_waiting(&json!({"State": "ENABLED", "ScheduleExpression": "rate(1 day)"})));
    }
}
