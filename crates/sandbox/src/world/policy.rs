//! What the operator may do: an IAM policy as JSON, so that a read-only role can be tried.
//!
//! Statements with `Action`, `NotAction`, `Resource` and `NotResource`, their wildcards, `Allow` and `Deny`. The only
//! condition that is known is `cloudwatch:namespace`; any other is refused when the policy is read, because a condition
//! that is passed over would allow what AWS denies.

use serde::Deserialize;
use serde_json::Value;

use super::{ApiError, Request, Service, World, estate};

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
            if !statement.condition.is_null() && namespaces(&statement.condition).is_none() {
                return Err(format!("conditions other than {NAMESPACE} are not known here: {}", statement.condition));
            }
        }
        Ok(policy)
    }

    fn allows(&self, action: &str, resources: &[String], input: &Value) -> bool {
        resources.iter().all(|resource| {
            let of = |effect| {
                let mut statements = self.statement.all().iter().filter(move |statement| statement.effect == effect);
                statements.any(|statement| statement.fits(action, resource, input))
            };
            of(Effect::Allow) && !of(Effect::Deny)
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

/// `*` is any text, `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.trim_start_matches('*');
            rest.is_empty() || text.char_indices().any(|(at, _)| text.get(at..).is_some_and(|text| matches(rest, text)))
        }
        Some(first) => {
            let mut left = text.chars();
            left.next().is_some_and(|c| first == '?' || first == c)
                && matches(&pattern[first.len_utf8()..], left.as_str())
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
    if policy.allows(&action, &resources(request), request.input) {
        return Ok(());
    }
    Err(ApiError::denied(request.service, action.split_once(':').map_or(request.operation, |(_, name)| name)))
}

/// Nouns of SageMaker that ARNs spell otherwise than the names of members do.
const SPELLED: &[(&str, &str)] = &[
    ("trial", "experiment-trial"),
    ("trial-component", "experiment-trial-component"),
    ("tracking-server", "mlflow-tracking-server"),
    ("auto-ml-job", "automl-job"),
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
    let members = request.input.as_object().into_iter().flatten();
    let mut found: Vec<String> = members
        .filter_map(|(member, value)| {
            let value = value.as_str()?;
            match (request.service, member.as_str()) {
                _ if value.starts_with("arn:") && member.ends_with("Arn") && !member.ends_with("RoleArn") => {
                    Some(value.to_owned())
                }
                (Service::CloudWatch, "AlarmName") => Some(estate::arn("cloudwatch", &format!("alarm:{value}"))),
                (Service::SageMaker | Service::Runtime, member) => {
                    let noun = kebab(member.strip_suffix("Name")?);
                    // The thing itself, and the config an endpoint is moved to.
                    let is_meant = request.operation.to_lowercase().contains(&noun.replace('-', ""))
                        || noun == "endpoint-config" && request.operation.ends_with("Endpoint");
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
        assert!(policy.allows("sagemaker:UpdateEndpoint", &both, &Value::Null));
        assert!(!policy.allows("sagemaker:DeleteEndpoint", &both[1..], &Value::Null));
        let alarm = |name: &str| vec![estate::arn("cloudwatch", &format!("alarm:{name}"))];
        assert!(policy.allows("cloudwatch:PutMetricAlarm", &alarm("mldeck-abort-x"), &Value::Null));
        assert!(!policy.allows("cloudwatch:PutMetricAlarm", &alarm("fraud-5xx"), &Value::Null));
        let any = ["*".to_owned()];
        assert!(policy.allows("cloudwatch:PutMetricData", &any, &json!({"Namespace": "MLOps/Abort"})));
        assert!(!policy.allows("cloudwatch:PutMetricData", &any, &json!({"Namespace": "AWS/SageMaker"})));
    }

    #[test]
    fn a_denial_outweighs_and_wildcards_are_read() {
        let policy = Policy::read(&json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
            {"Effect": "Deny", "NotAction": ["sagemaker:Describe*", "sagemaker:List?ndpoints"], "Resource": "arn:aws:sagemaker:*:endpoint/fraud-*"},
        ]}))
        .unwrap();
        let of = |name: &str| vec![estate::arn("sagemaker", &format!("endpoint/{name}"))];
        assert!(policy.allows("sagemaker:DeleteEndpoint", &of("ranking-eu"), &Value::Null));
        assert!(!policy.allows("sagemaker:DeleteEndpoint", &of("fraud-prod"), &Value::Null));
        assert!(policy.allows("sagemaker:describeendpoint", &of("fraud-prod"), &Value::Null), "actions have no case");
        assert!(!policy.allows("s3:GetObject", &of("fraud-prod"), &Value::Null));
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
}
