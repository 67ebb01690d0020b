//! What the operator may do: an IAM policy as JSON, so that a read-only role can be tried.
//!
//! Statements with `Action`, `NotAction`, `Resource` and `NotResource`, their wildcards, `Allow` and `Deny`. The only
//! condition that is known is `cloudwatch:namespace`; any other is refused when the policy is read, because a condition
//! that is passed over would allow what AWS denies. Statements about IAM itself (`iam:PassRole`) are read and allow nothing here.

use serde::Deserialize;
use serde_json::Value;

use super::{ApiError, Request, Service, World, estate, shelf};

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    statement: Many<Statement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: Option<Many<String>>,
    not_action: Option<Many<String>>,
    resource: Option<Many<String>>,
    not_resource: Option<Many<String>>,
    #[serde(default)]
    condition: Value,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// One, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    Several(Vec<T>),
}

impl<T> Many<T> {
    fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(all) => all,
        }
    }
}

const NAMESPACE: &str = "cloudwatch:namespace";

impl Policy {
    pub(crate) fn read(document: &Value) -> Result<Self, String> {
        let policy = Self::deserialize(document).map_err(|error| format!("no policy: {error}"))?;
        for statement in policy.statement.all() {
            let one_of = |a: bool, b: bool| a != b;
            if !one_of(statement.action.is_some(), statement.not_action.is_some())
                || !one_of(statement.resource.is_some(), statement.not_resource.is_some())
            {
                return Err("a statement has Action or NotAction, and Resource or NotResource".to_owned());
            }
            // Nobody asks IAM for anything here: its statements allow nothing, whatever their condition.
            let of_iam = |actions: &Many<String>| actions.all().iter().all(|action| action.starts_with("iam:"));
            let elsewhere = statement.action.as_ref().is_some_and(of_iam);
            if !statement.condition.is_null() && !elsewhere && namespaces(&statement.condition).is_none() {
                return Err(format!("conditions other than {NAMESPACE} are not known here: {}", statement.condition));
            }
        }
        Ok(policy)
    }

    /// The first resource on which an action is not allowed, and what a refusal says of that.
    fn refusal<'r>(&self, action: &str, resources: &'r [String], input: &Value) -> Option<(&'r str, String)> {
        resources.iter().find_map(|resource| {
            let of = |effect| {
                let mut statements = self.statement.all().iter().filter(move |statement| statement.effect == effect);
                statements.any(|statement| statement.fits(action, resource, input))
            };
            if of(Effect::Deny) {
                return Some((resource.as_str(), "with an explicit deny in an identity-based policy".to_owned()));
            }
            let why = || format!("because no identity-based policy allows the {action} action");
            (!of(Effect::Allow)).then(|| (resource.as_str(), why()))
        })
    }
}

impl Statement {
    fn fits(&self, action: &str, resource: &str, input: &Value) -> bool {
        // Actions are told apart without case, resources with it.
        let action = action.to_lowercase();
        let acts = |patterns: &Many<String>| patterns.all().iter().any(|p| matches(&p.to_lowercase(), &action));
        let lies = |patterns: &Many<String>| patterns.all().iter().any(|pattern| matches(pattern, resource));
        let acts = self.action.as_ref().map_or_else(|| !self.not_action.as_ref().is_some_and(acts), acts);
        let lies = self.resource.as_ref().map_or_else(|| !self.not_resource.as_ref().is_some_and(lies), lies);
        let meets = self.condition.is_null()
            || namespaces(&self.condition)
                .is_some_and(|names| names.iter().any(|name| input.get("Namespace") == Some(name)));
        acts && lies && meets
    }
}

/// The values of `{"StringEquals": {"cloudwatch:namespace": …}}`; `None` for any other condition.
fn namespaces(condition: &Value) -> Option<Vec<&Value>> {
    let operators = condition.as_object()?;
    let keys = operators.get("StringEquals")?.as_object()?;
    let value = keys.get(NAMESPACE).filter(|_| operators.len() == 1 && keys.len() == 1)?;
    Some(value.as_array().map_or_else(|| vec![value], |values| values.iter().collect()))
}

/// `*` is any text, `?` any character. Only the last star is tried again: what is before it has its first fit.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last = None;
    loop {
        let (mut wanted, mut left) = (pattern.clone(), text.clone());
        match (wanted.next(), left.next()) {
            (Some('*'), _) => {
                last = Some((wanted.clone(), text.clone()));
                pattern = wanted;
            }
            (Some(one), Some(c)) if one == '?' || one == c => (pattern, text) = (wanted, left),
            (None, None) => return true,
            _ => {
                let Some((rest, from)) = &mut last else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (rest.clone(), from.clone());
            }
        }
    }
}

/// Refuses what the operator's policy does not allow, as IAM does: before the service looks at the request.
pub(crate) fn permits(world: &World, request: &Request<'_>) -> Result<(), ApiError> {
    let Some(policy) = world.policy.as_ref().filter(|_| request.caller == estate::OPERATOR) else { return Ok(()) };
    // Who one is may always be asked.
    if request.service == Service::Sts && request.operation == "GetCallerIdentity" {
        return Ok(());
    }
    // What CloudWatch calls GetMetricData's action is the operation; for sagemaker-metrics as well.
    let action = match (request.service, request.operation) {
        (Service::S3, "HeadObject") => "s3:GetObject".to_owned(),
        (Service::S3, "ListObjectsV2" | "HeadBucket") => "s3:ListBucket".to_owned(),
        (service, operation) => format!("{}:{operation}", service.iam()),
    };
    let resources = resources(request);
    match policy.refusal(&action, &resources, request.input) {
        None => Ok(()),
        Some((resource, why)) => Err(ApiError::denied(request.service, &action, resource, &why)),
    }
}

/// Whether a resource policy lets principals of an account in. An Allow under a condition does not, a Deny under one does deny:
/// conditions are not known here.
pub(crate) fn lets_in(document: &str, account: &str, action: &str, resource: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return false };
    let list = |value: Option<&Value>| match value {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let (mut allowed, action) = (false, action.to_lowercase());
    for statement in list(document.get("Statement")) {
        let texts = |member: &str| -> Vec<String> {
            list(statement.get(member)).iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let principal = statement.get("Principal");
        let of_all = principal.and_then(Value::as_str) == Some("*");
        let roots = list(principal.and_then(|principal| principal.get("AWS")));
        let is_meant = of_all
            || roots
                .iter()
                .filter_map(Value::as_str)
                .any(|name| name == "*" || name == account || name == format!("arn:aws:iam::{account}:root"));
        let acts = texts("Action").iter().any(|pattern| matches(&pattern.to_lowercase(), &action));
        let lies = texts("Resource").iter().any(|pattern| matches(pattern, resource));
        if !(is_meant && acts && lies) {
            continue;
        }
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => allowed |= statement.get("Condition").is_none(),
            _ => return false,
        }
    }
    allowed
}

/// Nouns of SageMaker that ARNs spell otherwise than the names of members do.
const SPELLED: &[(&str, &str)] = &[
    ("trial", "experiment-trial"),
    ("trial-component", "experiment-trial-component"),
    ("tracking-server", "mlflow-tracking-server"),
    ("auto-m-l-job", "automl-job"),
];

/// The ARNs a request is about. Lists and what has no name of its own is about everything, which only `*` matches.
fn resources(request: &Request<'_>) -> Vec<String> {
    if request.service == Service::S3 {
        let text = |member: &str| request.input.get(member).and_then(Value::as_str).unwrap_or_default();
        let slash = if text("Key").is_empty() { "" } else { "/" };
        return vec![format!("arn:aws:s3:::{}{slash}{}", text("Bucket"), text("Key"))];
    }
    if request.operation.starts_with("List") && request.operation != "ListTags" || request.operation == "Search" {
        return vec!["*".to_owned()];
    }
    if let Some(arn) = shelf::arn_named(request).filter(|_| request.service == Service::SageMaker) {
        return vec![arn];
    }
    // The one request that names several things.
    let nested = request.list("Identifiers").iter().filter_map(Value::as_object);
    let members = request.input.as_object().into_iter().chain(nested).flatten();
    let mut found: Vec<String> = members
        .filter_map(|(member, value)| {
            let value = value.as_str()?;
            let is_named = (member.ends_with("Arn") && !member.ends_with("RoleArn")) || member.ends_with("Name");
            match (request.service, member.as_str()) {
                _ if value.starts_with("arn:") && is_named => Some(value.to_owned()),
                (Service::CloudWatch, "AlarmName") => Some(estate::arn("cloudwatch", &format!("alarm:{value}"))),
                // It is there only afterwards.
                (Service::HumanLoops, _) if request.operation == "StartHumanLoop" => None,
                (Service::SageMaker | Service::Runtime | Service::HumanLoops | Service::FeatureStore, member) => {
                    let noun = kebab(member.strip_suffix("Name")?);
                    // The thing itself, the config an endpoint is moved to, the group of a record.
                    let is_meant = request.operation.to_lowercase().contains(&noun.replace('-', ""))
                        || noun == "endpoint-config" && request.operation.ends_with("Endpoint")
                        || noun == "feature-group" && request.service == Service::FeatureStore;
                    let spelled =
                        SPELLED.iter().find(|(known, _)| *known == noun).map_or(noun.as_str(), |(_, arn)| arn);
                    is_meant.then(|| estate::arn("sagemaker", &format!("{spelled}/{}", value.to_lowercase())))
                }
                _ => None,
            }
        })
        .collect();
    if found.is_empty() {
        found.push("*".to_owned());
    }
    found
}

/// `EndpointConfig` → `endpoint-config`.
fn kebab(noun: &str) -> String {
    let mut out = String::new();
    for c in noun.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testkit::{call, ok, world};

    fn allows(policy: &Policy, action: &str, resources: &[String], input: &Value) -> bool {
        policy.refusal(action, resources, input).is_none()
    }

    fn viewer() -> Value {
        serde_json::from_str(include_str!("../../../../docs/iam/viewer.json")).unwrap()
    }

    fn operator() -> Value {
        serde_json::from_str(include_str!("../../../../docs/iam/operator.json")).unwrap()
    }

    #[test]
    fn who_may_only_read_reads() {
        let mut world = world("fraud-burns");
        world.policy = Some(Policy::read(&viewer()).unwrap());
        ok(&mut world, "ListEndpoints", &json!({}));
        ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}));
        let update = json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v17-a"});
        let (status, body) = call(&mut world, "sagemaker", "UpdateEndpoint", &update);
        assert_eq!((status, body["__type"].as_str()), (400, Some("AccessDeniedException")), "{body}");
        assert!(body["message"].as_str().unwrap().contains("sagemaker:UpdateEndpoint"), "{body}");
        assert_eq!(call(&mut world, "sagemaker", "ListDomains", &json!({})).0, 400, "not in the policy");
        assert_eq!(
            ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}))["EndpointStatus"],
            "InService"
        );
    }

    #[test]
    fn others_are_not_held_by_it() {
        let mut world = world("two-operators");
        world.policy = Some(Policy::read(&viewer()).unwrap());
        world.advance_to(world.now().plus(5 * mldeck_core::time::MINUTE));
        assert_eq!(
            ok(&mut world, "DescribeEndpoint", &json!({"EndpointName": "fraud-prod"}))["EndpointStatus"],
            "Updating"
        );
    }

    #[test]
    fn resources_and_conditions_narrow_what_is_allowed() {
        let policy = Policy::read(&operator()).unwrap();
        let update = |endpoint: &str, config: &str| {
            let input = json!({"EndpointName": endpoint, "EndpointConfigName": config});
            let request = Request {
                service: Service::SageMaker,
                operation: "UpdateEndpoint",
                input: &input,
                caller: "",
                request_id: "",
            };
            resources(&request)
        };
        let both = update("Fraud-Prod", "fraud-v17-a");
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(allows(&policy, "sagemaker:UpdateEndpoint", &both, &Value::Null));
        assert!(!allows(&policy, "sagemaker:DeleteEndpoint", &both[1..], &Value::Null));
        let alarm = |name: &str| vec![estate::arn("cloudwatch", &format!("alarm:{name}"))];
        assert!(allows(&policy, "cloudwatch:PutMetricAlarm", &alarm("mldeck-abort-x"), &Value::Null));
        assert!(!allows(&policy, "cloudwatch:PutMetricAlarm", &alarm("fraud-5xx"), &Value::Null));
        let any = ["*".to_owned()];
        assert!(allows(&policy, "cloudwatch:PutMetricData", &any, &json!({"Namespace": "MLOps/Abort"})));
        assert!(!allows(&policy, "cloudwatch:PutMetricData", &any, &json!({"Namespace": "AWS/SageMaker"})));
    }

    #[test]
    fn a_denial_outweighs_and_wildcards_are_read() {
        let policy = Policy::read(&json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
            {"Effect": "Deny", "NotAction": ["sagemaker:Describe*", "sagemaker:List?ndpoints"], "Resource": "arn:aws:sagemaker:*:endpoint/fraud-*"},
        ]}))
        .unwrap();
        let of = |name: &str| vec![estate::arn("sagemaker", &format!("endpoint/{name}"))];
        assert!(allows(&policy, "sagemaker:DeleteEndpoint", &of("ranking-eu"), &Value::Null));
        assert!(!allows(&policy, "sagemaker:DeleteEndpoint", &of("fraud-prod"), &Value::Null));
        assert!(allows(&policy, "sagemaker:describeendpoint", &of("fraud-prod"), &Value::Null), "actions have no case");
        assert!(!allows(&policy, "s3:GetObject", &of("fraud-prod"), &Value::Null));
    }

    #[test]
    fn what_cannot_be_judged_is_not_read() {
        for document in [
            json!({}),
            json!({"Statement": [{"Effect": "Allow", "Resource": "*"}]}),
            json!({"Statement": {"Effect": "Perhaps", "Action": "*", "Resource": "*"}}),
            json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}}),
        ] {
            assert!(Policy::read(&document).is_err(), "{document}");
        }
    }

    #[test]
    fn many_stars_are_read_in_time() {
        let text = "a".repeat(2_000);
        assert!(!matches(&format!("{}b", "*a".repeat(40)), &text));
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxbxx", false),
            ("?b*", "\u{e9}b", true),
            ("a?", "a", false),
            ("", "a", false),
            ("*a*", "bab", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn requests_are_about_the_things_they_name() {
        let about = |service, operation: &str, input: Value| {
            resources(&Request { service, operation, input: &input, caller: "", request_id: "" })
        };
        let arn = |resource: &str| vec![estate::arn("sagemaker", resource)];
        let package = estate::arn("sagemaker", "model-package/fraud/18");
        for (service, operation, input, wanted) in [
            (Service::SageMaker, "DescribeModelPackage", json!({"ModelPackageName": package}), vec![package]),
            (Service::SageMaker, "CreateAutoMLJobV2", json!({"AutoMLJobName": "a"}), arn("automl-job/a")),
            (
                Service::SageMaker,
                "DeleteUserProfile",
                json!({"DomainId": "d-1", "UserProfileName": "Ann"}),
                arn("user-profile/d-1/ann"),
            ),
            (Service::SageMaker, "DescribeWorkteam", json!({"WorkteamName": "own"}), arn("workteam/private-crowd/own")),
            (Service::SageMaker, "DescribeTrial", json!({"TrialName": "t"}), arn("experiment-trial/t")),
            (Service::FeatureStore, "PutRecord", json!({"FeatureGroupName": "Cards"}), arn("feature-group/cards")),
            (Service::HumanLoops, "DescribeHumanLoop", json!({"HumanLoopName": "one"}), arn("human-loop/one")),
            (Service::SageMaker, "ListEndpoints", json!({"NameContains": "x"}), vec!["*".to_owned()]),
        ] {
            assert_eq!(about(service, operation, input), wanted, "{operation}");
        }
    }

    #[test]
    fn a_refusal_says_about_what_and_whether_it_was_forbidden() {
        let mut world = world("quiet-night");
        world.policy = Some(
            Policy::read(&json!({"Statement": [
                {"Effect": "Allow", "Action": "sagemaker:Describe*", "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:sagemaker:*:endpoint/fraud-*"},
            ]}))
            .unwrap(),
        );
        let mut said = |operation: &str, input: &Value| {
            call(&mut world, "sagemaker", operation, input).1["message"].as_str().unwrap().to_owned()
        };
        let fraud = json!({"EndpointName": "fraud-prod"});
        assert_eq!(
            said("DescribeEndpoint", &fraud),
            "User: arn:aws:sts::447100000921:assumed-role/OnCall/anna is not authorized to perform: sagemaker:DescribeEndpoint \
             on resource: arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod with an explicit deny in an identity-based policy"
        );
        assert!(said("DeleteEndpoint", &json!({"EndpointName": "ranking-eu"})).ends_with(
            "on resource: arn:aws:sagemaker:eu-west-1:447100000921:endpoint/ranking-eu because no identity-based policy allows the \
             sagemaker:DeleteEndpoint action"
        ));
    }
}
