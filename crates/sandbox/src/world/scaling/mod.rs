//! Application Auto Scaling on variants: who may scale between what, by which policy or at which time, and what it did.
//!
//! | file | subject |
//! |---|---|
//! | `target` | scalable targets: bounds, suspension, tags |
//! | `policy`, `tracking`, `steps` | scaling policies, and the capacity each of them asks for |
//! | `schedule`, `cron` | scheduled actions |
//! | `act` | what is done as time passes, by SageMaker's own call |
//! | `activity` | what was done, and what was not |
//! | `past` | the policies an account starts with, and an endpoint whose count follows its load |

mod act;
mod activity;
mod cron;
mod past;
mod policy;
mod schedule;
mod steps;
mod target;
mod tracking;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{ApiError, Handler, Reply, Request, World, camel, page};
use activity::Activity;
use policy::Policy;
use schedule::Scheduled;
use target::Target;

pub(crate) use act::advance;
pub(crate) use past::generate;

/// Longest name of a policy or a scheduled action.
const NAME: usize = 256;
/// The one dimension that is scaled here.
const COUNT: &str = "sagemaker:variant:DesiredInstanceCount";

#[derive(Default)]
pub(crate) struct State {
    /// By resource id: `endpoint/fraud-prod/variant/blue`.
    targets: BTreeMap<String, Target>,
    /// By resource id and name.
    policies: BTreeMap<(String, String), Policy>,
    scheduled: BTreeMap<(String, String), Scheduled>,
    /// Oldest first.
    activities: VecDeque<Activity>,
    /// Activities so far.
    acted: u64,
}

impl State {
    pub(crate) fn is_registered(&self, endpoint: &str, variant: &str) -> bool {
        self.targets.contains_key(&resource_id(endpoint, variant))
    }

    /// The policies of one target.
    fn policies_of<'s>(&'s self, id: &'s str) -> impl Iterator<Item = (&'s (String, String), &'s Policy)> + Clone {
        self.policies.range((id.to_owned(), String::new())..).take_while(move |((of, _), _)| of == id)
    }
}

fn resource_id(endpoint: &str, variant: &str) -> String {
    format!("endpoint/{endpoint}/variant/{variant}")
}

/// Endpoint and variant of a resource id.
fn parts(id: &str) -> Option<(&str, &str)> {
    let mut parts = id.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("endpoint"), Some(endpoint), Some("variant"), Some(variant), None) => Some((endpoint, variant)),
        _ => None,
    }
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeScalableTargets", target::describe),
    ("RegisterScalableTarget", target::register),
    ("DeregisterScalableTarget", target::deregister),
    ("TagResource", target::tag),
    ("UntagResource", target::untag),
    ("ListTagsForResource", target::list_tags),
    ("DescribeScalingPolicies", policy::describe),
    ("PutScalingPolicy", policy::put),
    ("DeleteScalingPolicy", policy::delete),
    ("DescribeScheduledActions", schedule::describe),
    ("PutScheduledAction", schedule::put),
    ("DeleteScheduledAction", schedule::delete),
    ("DescribeScalingActivities", activity::describe),
];

fn namespace(request: &Request<'_>) -> Result<(), ApiError> {
    match request.text("ServiceNamespace")? {
        "sagemaker" => Ok(()),
        other => Err(ApiError::validation(format!("Service namespace {other} is not used in this account."))),
    }
}

fn not_found(what: &str, id: &str, rest: &str) -> ApiError {
    ApiError::new(
        400,
        "ObjectNotFoundException",
        format!("No {what} for service namespace: sagemaker, resource ID: {id}, scalable dimension: {rest}"),
    )
}

/// Refuses a text that is longer than the service takes.
fn check_length(member: &str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.chars().count() <= most {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length less than or equal \
         to {most}",
        camel(member)
    )))
}

/// The resource id of a target that is registered.
fn registered<'r>(world: &World, request: &'r Request<'_>) -> Result<&'r str, ApiError> {
    namespace(request)?;
    let (id, dimension) = (request.text("ResourceId")?, request.text("ScalableDimension")?);
    if dimension == COUNT && world.scaling.targets.contains_key(id) {
        return Ok(id);
    }
    Err(not_found("scalable target registered", id, dimension))
}

/// One of the two things that hang on a target by their name, and how a refusal calls it: `("scaling policy", "policy name")`.
fn named(request: &Request<'_>, member: &str, words: (&str, &str)) -> Result<((String, String), ApiError), ApiError> {
    namespace(request)?;
    let (id, dimension) = (request.text("ResourceId")?, request.text("ScalableDimension")?);
    let name = request.text(member)?;
    let missing = not_found(&format!("{} found", words.0), id, &format!("{dimension}, {}: {name}", words.1));
    Ok(((id.to_owned(), name.to_owned()), missing))
}

/// True when a row about `id`, called `name`, is asked for.
fn is_asked(request: &Request<'_>, names: &str, id: &str, name: &str) -> bool {
    let list = request.texts(names);
    (list.is_empty() || list.contains(&name))
        && request.opt_text("ResourceId").is_none_or(|wanted| wanted == id)
        && request.opt_text("ScalableDimension").is_none_or(|wanted| wanted == COUNT)
}

/// What every row says of its target.
fn about(id: &str, mut rest: Value) -> Value {
    rest["ServiceNamespace"] = json!("sagemaker");
    rest["ResourceId"] = json!(id);
    rest["ScalableDimension"] = json!(COUNT);
    rest
}

fn answer(rows: &[Value], request: &Request<'_>, member: &str) -> Reply {
    let invalid = || ApiError::new(400, "InvalidNextTokenException", "The next token is invalid.");
    let size = request.max("MaxResults", 50, 50)?;
    let (cut, next) = page::cut(rows, request, ("NextToken", "MaxResults"), size, invalid)?;
    Ok(page::reply(json!({ member: cut }), "NextToken", next))
}

#[cfg(test)]
mod tests;
