//! Rules of EventBridge: what waits for which event, and what it starts. They are kept and told; nothing is started here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApiError, Handler, Reply, Request, World, estate, lists::without_nulls, page};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("PutRule", put_rule),
    ("DeleteRule", delete_rule),
    ("ListRules", list_rules),
    ("PutTargets", put_targets),
    ("RemoveTargets", remove_targets),
    ("ListTargetsByRule", list_targets),
];

/// Rules of one bus (AWS's default quota).
const ROOM: usize = 300;
/// Targets of one rule.
const TARGETS: usize = 5;
/// Most that a page holds.
const PAGE: usize = 100;

#[derive(Default)]
pub(crate) struct State {
    rules: BTreeMap<String, Rule>,
}

struct Rule {
    /// The request of PutRule, without tags.
    given: Value,
    /// By id, as they were put.
    targets: BTreeMap<String, Value>,
}

fn arn(name: &str) -> String {
    estate::arn("events", &format!("rule/{name}"))
}

fn missing(name: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", format!("Rule {name} does not exist on EventBus default."))
}

/// The one bus of this account.
fn check_bus(request: &Request<'_>) -> Result<(), ApiError> {
    match request.opt_text("EventBusName") {
        None | Some("default") => Ok(()),
        Some(bus) => Err(ApiError::new(400, "ResourceNotFoundException", format!("Event bus {bus} does not exist."))),
    }
}

fn put_rule(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let name = request.text("Name")?;
    let pattern = request.opt_text("EventPattern");
    if pattern.is_none() && request.opt_text("ScheduleExpression").is_none() {
        let text = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
        return Err(ApiError::validation(text));
    }
    if pattern.is_some_and(|text| !serde_json::from_str::<Value>(text).is_ok_and(|pattern| pattern.is_object())) {
        let text = "Event pattern is not valid. Reason: it is no JSON object";
        return Err(ApiError::new(400, "InvalidEventPatternException", text));
    }
    if !world.rules.rules.contains_key(name) && world.rules.rules.len() >= ROOM {
        let text = format!("The requested resource exceeds the maximum number allowed: {ROOM} rules.");
        return Err(ApiError::new(400, "LimitExceededException", text));
    }
    let mut given = request.input.clone();
    given.as_object_mut().map(|members| members.remove("Tags"));
    world.tags.set_from(&arn(name), request.list("Tags"));
    let targets = world.rules.rules.remove(name).map(|rule| rule.targets).unwrap_or_default();
    world.rules.rules.insert(name.to_owned(), Rule { given, targets });
    Ok(json!({"RuleArn": arn(name)}))
}

/// Deleting what is not there is no error.
fn delete_rule(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let name = request.text("Name")?;
    if world.rules.rules.get(name).is_some_and(|rule| !rule.targets.is_empty()) {
        return Err(ApiError::validation("Rule can't be deleted since it has targets."));
    }
    world.rules.rules.remove(name);
    world.tags.forget(&arn(name));
    Ok(Value::Null)
}

fn list_rules(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let prefix = request.opt_text("NamePrefix").unwrap_or_default();
    let all: Vec<Value> = world
        .rules
        .rules
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, rule)| {
            without_nulls(json!({
                "Name": name, "Arn": arn(name), "EventBusName": "default",
                "State": rule.given.get("State").cloned().unwrap_or_else(|| "ENABLED".into()),
                "EventPattern": rule.given["EventPattern"],
                "ScheduleExpression": rule.given["ScheduleExpression"],
                "Description": rule.given["Description"],
                "RoleArn": rule.given["RoleArn"],
            }))
        })
        .collect();
    paged("Rules", &all, request)
}

fn paged(member: &str, all: &[Value], request: &Request<'_>) -> Reply {
    let limit = request.max("Limit", PAGE, PAGE)?;
    let (page, next) = page::cut(all, request, ("NextToken", "Limit"), limit, page::sagemaker_invalid)?;
    Ok(super::lists::reply(member, page.to_vec(), next))
}

fn put_targets(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let name = request.text("Rule")?;
    let rule = world.rules.rules.get_mut(name).ok_or_else(|| missing(name))?;
    for target in request.list("Targets") {
        let id = target.get("Id").and_then(Value::as_str).ok_or_else(|| ApiError::missing("targets.id"))?;
        if !rule.targets.contains_key(id) && rule.targets.len() >= TARGETS {
            let text = format!("The requested resource exceeds the maximum number allowed: {TARGETS} targets.");
            return Err(ApiError::new(400, "LimitExceededException", text));
        }
        rule.targets.insert(id.to_owned(), target.clone());
    }
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn remove_targets(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let name = request.text("Rule")?;
    let rule = world.rules.rules.get_mut(name).ok_or_else(|| missing(name))?;
    for id in request.texts("Ids") {
        rule.targets.remove(id);
    }
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn list_targets(world: &mut World, request: &Request<'_>) -> Reply {
    check_bus(request)?;
    let name = request.text("Rule")?;
    let rule = world.rules.rules.get(name).ok_or_else(|| missing(name))?;
    let all: Vec<Value> = rule.targets.values().cloned().collect();
    paged("Targets", &all, request)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testkit::{call, world};

    #[test]
    fn a_rule_is_told_with_its_targets_until_it_goes() {
        let mut world = world("quiet-night");
        let mut ask = |operation: &str, input: Value| call(&mut world, "events", operation, &input);
        assert_eq!(ask("ListRules", json!({})), (200, json!({"Rules": []})));
        let pattern = json!({"source": ["aws.sagemaker"]}).to_string();
        let (status, made) = ask("PutRule", json!({"Name": "deploy", "EventPattern": pattern}));
        assert_eq!((status, &made["RuleArn"]), (200, &json!("arn:aws:events:eu-west-1:447100000921:rule/deploy")));
        let target = json!({"Id": "1", "Arn": "arn:aws:codepipeline:eu-west-1:447100000921:deploy"});
        assert_eq!(ask("PutTargets", json!({"Rule": "deploy", "Targets": [target]})).1["FailedEntryCount"], 0);
        let rules = ask("ListRules", json!({"NamePrefix": "dep"})).1;
        assert_eq!(
            (&rules["Rules"][0]["State"], &rules["Rules"][0]["EventPattern"]),
            (&json!("ENABLED"), &json!(pattern))
        );
        assert_eq!(ask("ListTargetsByRule", json!({"Rule": "deploy"})).1["Targets"], json!([target]));
        assert_eq!(ask("DeleteRule", json!({"Name": "deploy"})).1["__type"], "ValidationException");
        ask("RemoveTargets", json!({"Rule": "deploy", "Ids": ["1"]}));
        assert_eq!(ask("DeleteRule", json!({"Name": "deploy"})).0, 200);
        let (status, gone) = ask("ListTargetsByRule", json!({"Rule": "deploy"}));
        assert_eq!((status, gone["__type"].as_str()), (400, Some("ResourceNotFoundException")));
        let broken = ask("PutRule", json!({"Name": "x", "EventPattern": "["}));
        assert_eq!(broken.1["__type"], "InvalidEventPatternException");
        assert_eq!(ask("ListRules", json!({"EventBusName": "other"})).0, 400);
    }
}
