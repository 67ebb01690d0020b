//! CloudTrail: who called what, accepted or refused. Reads are not kept: LookupEvents is asked who changed something.

use std::collections::VecDeque;

use mldeck_core::time::{DAY, MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    ApiError, Handler, Reply, Request, Service, World, epoch, estate, estate::FAMILIES, noise, page, request::camel,
};

/// Events kept; older ones fall out, as they do after 90 days.
const EVENTS: usize = 20_000;
const KEPT_DAYS: i64 = 90;
/// How late an event usually shows.
const DELIVERY: i64 = 90 * SECOND;
/// LookupEvents takes two calls a second; this many may come at once.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 2.0;

pub(crate) struct State {
    /// In the order they happened.
    events: VecDeque<Event>,
    /// What is left of the budget of LookupEvents, and since when it refills.
    budget: f64,
    refilled: Timestamp,
    /// What the request that is being answered says it was made by.
    agent: String,
}

impl State {
    pub(crate) fn made_by(&mut self, agent: &str) {
        agent.clone_into(&mut self.agent);
    }
}

impl Default for State {
    fn default() -> Self {
        Self { events: VecDeque::new(), budget: BURST, refilled: Timestamp::default(), agent: String::new() }
    }
}

pub(crate) struct Event {
    at: Timestamp,
    /// When LookupEvents first shows it.
    shown: Timestamp,
    name: String,
    service: Service,
    by: String,
    input: Value,
    output: Option<Value>,
    error: Option<(String, String)>,
    id: String,
    request_id: String,
    /// Empty in the past that a scenario makes up.
    agent: String,
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[("LookupEvents", lookup_events)];

/// Members whose value a trail does not show, and what stands there.
const SECRETS: &[&str] = &["ClientSecret", "AuthorizedUrl"];
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Verbs of operations that change something.
const CHANGES: &[&str] = &[
    "Create",
    "Update",
    "Delete",
    "Put",
    "Set",
    "Start",
    "Stop",
    "Retry",
    "Send",
    "Add",
    "Associate",
    "Disassociate",
    "Remove",
    "Register",
    "Deregister",
    "BatchDelete",
    "BatchPut",
    "Tag",
    "Untag",
    "Enable",
    "Disable",
];

/// Roles that services act by begin with this.
const SERVICE_ROLE: &str = "AWSServiceRoleFor";

/// True for the name of an operation that changes something.
pub(crate) fn is_change(operation: &str) -> bool {
    CHANGES.iter().any(|verb| operation.starts_with(verb))
}

/// A change that was accepted.
pub(crate) struct Change<'w> {
    pub(crate) at: Timestamp,
    pub(crate) operation: &'w String,
    input: &'w Value,
}

impl Change<'_> {
    /// Whether the request names one of these things, by name or as a part of an ARN; `*` is any.
    pub(crate) fn names(&self, things: &[String]) -> bool {
        things.iter().any(|thing| thing == "*" || told(self.input, thing))
    }

    /// The names in the request: what it was about.
    pub(crate) fn about(&self) -> String {
        let members = self.input.as_object().into_iter().flatten();
        let named = members.filter(|(member, _)| member.ends_with("Name") || member.ends_with("Arn"));
        let names: Vec<&str> = named.filter_map(|(_, value)| value.as_str()?.rsplit(':').next()).collect();
        names.join(", ")
    }
}

fn told(value: &Value, thing: &str) -> bool {
    match value {
        Value::String(text) => text.split(['/', ':']).any(|part| part == thing),
        Value::Array(items) => items.iter().any(|item| told(item, thing)),
        Value::Object(members) => members.values().any(|member| told(member, thing)),
        _ => false,
    }
}

/// What `caller` changed from `since` on, oldest first.
pub(crate) fn changes<'w>(world: &'w World, since: Timestamp, caller: &str) -> impl Iterator<Item = Change<'w>> {
    let events = world.trail.events.iter().filter(move |event| event.at >= since && event.error.is_none());
    events.filter(move |event| event.by == caller).map(|event| Change {
        at: event.at,
        operation: &event.name,
        input: &event.input,
    })
}

/// A change of the account as its trail keeps it, whether LookupEvents shows it yet or not.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'w> {
    /// When it was called, in the account's time.
    pub at: Timestamp,
    /// `UpdateEndpoint`.
    pub operation: &'w str,
    /// The session's name: `anna`.
    pub by: &'w str,
    /// The request.
    pub input: &'w Value,
    /// The code of the refusal; `None` for what was accepted.
    pub refused: Option<&'w str>,
}

impl World {
    /// Every change that was asked of the account, refused ones included, oldest first.
    pub fn trail(&self) -> impl DoubleEndedIterator<Item = Kept<'_>> {
        self.trail.events.iter().map(|event| Kept {
            at: event.at,
            operation: &event.name,
            by: estate::session_name(&event.by),
            input: &event.input,
            refused: event.error.as_ref().map(|(code, _)| code.as_str()),
        })
    }
}

/// True for what a trail of management events keeps: changes, without data events.
pub(crate) fn is_kept(request: &Request<'_>) -> bool {
    is_change(request.operation)
        && !matches!(request.service, Service::SageMakerMetrics | Service::FeatureStore | Service::Runtime)
        && request.operation != "PutMetricData"
}

/// Notes a change that was just answered.
pub(crate) fn note(world: &mut World, request: &Request<'_>, reply: &Reply) {
    note_late(world, request, reply, DELIVERY);
}

/// Notes a change that shows only `delivery` milliseconds later.
pub(crate) fn note_late(world: &mut World, request: &Request<'_>, reply: &Reply, delivery: i64) {
    if !is_kept(request) {
        return;
    }
    let error = reply.as_ref().err().map(|error| (error.code.to_owned(), error.message.clone()));
    record(world, request, world.now, delivery, reply.as_ref().ok().cloned(), error);
}

/// Keeps a refused call of a scenario.
pub(crate) fn note_refused(world: &mut World, request: &Request<'_>, code: &str, delivery: i64) {
    let message = match code {
        "AccessDenied" => format!(
            "User: {} is not authorized to perform: {}:{}",
            estate::caller_arn(request.caller),
            request.service.iam(),
            request.operation
        ),
        _ => format!("The request was refused with {code}."),
    };
    record(world, request, world.now, delivery, None, Some((code.to_owned(), message)));
}

fn record(
    world: &mut World,
    request: &Request<'_>,
    at: Timestamp,
    delivery: i64,
    output: Option<Value>,
    error: Option<(String, String)>,
) {
    let state = &mut world.trail;
    if state.events.len() >= EVENTS {
        state.events.pop_front();
    }
    let input = noise::name(&request.input.to_string());
    let id = noise::uuid(&[world.seed, at.millis() as u64, noise::name(request.operation), input]);
    let event = Event {
        at,
        shown: at.plus(delivery),
        name: request.operation.to_owned(),
        service: request.service,
        by: request.caller.to_owned(),
        input: request.input.clone(),
        output,
        error,
        id,
        request_id: request.request_id.to_owned(),
        agent: state.agent.clone(),
    };
    let index = state.events.partition_point(|other| other.at <= at);
    state.events.insert(index, event);
}

/// The changes that made the account what it is, as far as 90 days reach.
pub(crate) fn generate(world: &mut World) {
    let start = world.start;
    for family in FAMILIES {
        for version in family.oldest()..=family.latest {
            let made = family.registered(version, start).plus(20 * MINUTE);
            let model = json!({"ModelName": family.model(version), "ExecutionRoleArn": estate::EXECUTION_ROLE});
            past(world, made, "CreateModel", &model);
            let config = family.config(version);
            past(world, made.plus(MINUTE), "CreateEndpointConfig", &json!({"EndpointConfigName": config}));
        }
    }
    let lived: Vec<(Timestamp, bool, String, String)> = world
        .endpoints
        .endpoints
        .values()
        .flat_map(|endpoint| {
            let mut before = None;
            let splits = endpoint.splits.iter().enumerate().filter_map(move |(index, split)| {
                // A mix of two configs is what a failed deployment left behind: no call asked for it. Where the config is
                // the same, only its instances are others.
                let config = &split.fleets.first()?.config;
                let is_new = before.replace(config) != Some(config);
                let is_one = split.fleets.iter().all(|fleet| fleet.config == *config);
                (is_one && is_new).then(|| (split.from, index == 0, endpoint.name.clone(), config.clone()))
            });
            splits.collect::<Vec<_>>()
        })
        .collect();
    for (at, first, endpoint, config) in lived {
        let name = if first { "CreateEndpoint" } else { "UpdateEndpoint" };
        past(world, at.plus(-7 * MINUTE), name, &json!({"EndpointName": endpoint, "EndpointConfigName": config}));
    }
    failed_deployments(world);
}

/// The deployments whose failure left a mix behind.
fn failed_deployments(world: &mut World) {
    let mixed: Vec<(Timestamp, Value)> = world
        .endpoints
        .endpoints
        .values()
        .filter_map(|endpoint| {
            let input = json!({"EndpointName": endpoint.name, "EndpointConfigName": endpoint.mixed.as_ref()?});
            Some((endpoint.modified.plus(-25 * MINUTE), input))
        })
        .collect();
    for (at, input) in mixed {
        past_by(world, at, "UpdateEndpoint", &input, "pipeline");
    }
}

fn past(world: &mut World, at: Timestamp, operation: &str, input: &Value) {
    past_by(world, at, operation, input, estate::DEPLOYER);
}

pub(crate) fn past_by(world: &mut World, at: Timestamp, operation: &str, input: &Value, caller: &str) {
    let request_id = noise::uuid(&[world.seed, at.millis() as u64, noise::name(operation)]);
    let request = Request { service: Service::SageMaker, operation, input, caller, request_id: &request_id };
    record(world, &request, at, DELIVERY, None, None);
}

fn lookup_events(world: &mut World, request: &Request<'_>) -> Reply {
    spend(world)?;
    let size = match request.opt_int("MaxResults") {
        None => 50,
        Some(n @ 1..=50) => n as usize,
        Some(_) => {
            return Err(ApiError::new(400, "InvalidMaxResultsException", "MaxResults must be between 1 and 50."));
        }
    };
    let (from, to) = (request.opt_time("StartTime"), request.opt_time("EndTime"));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::new(400, "InvalidTimeRangeException", "StartTime must be before EndTime."));
    }
    let attributes = request.list("LookupAttributes");
    if attributes.len() > 1 {
        return Err(ApiError::new(
            400,
            "InvalidLookupAttributesException",
            "You can specify only one lookup attribute.",
        ));
    }
    let attribute = attributes.first().map(|a| (a.get("AttributeKey"), a.get("AttributeValue")));
    let attribute = match attribute {
        None => None,
        Some((Some(Value::String(key)), Some(Value::String(value)))) => Some((key.as_str(), value.as_str())),
        Some(_) => return Err(ApiError::new(400, "InvalidLookupAttributesException", "The attribute is incomplete.")),
    };
    let oldest = world.now.plus(-KEPT_DAYS * DAY);
    let events: Vec<&Event> = world
        .trail
        .events
        .iter()
        .rev()
        .filter(|event| event.shown <= world.now && event.at >= oldest)
        .filter(|event| from.is_none_or(|from| event.at >= from) && to.is_none_or(|to| event.at <= to))
        .filter(|event| attribute.is_none_or(|(key, value)| event.has(key, value)))
        .collect();
    let invalid = || ApiError::new(400, "InvalidNextTokenException", "The token is invalid or has expired.");
    let (cut, next) = page::cut(&events, request, ("NextToken", "MaxResults"), size, invalid)?;
    let bodies: Vec<Value> = cut.iter().map(|event| event.body()).collect();
    Ok(page::reply(json!({"Events": bodies}), "NextToken", next))
}

/// Takes one call from the budget, which refills with world time.
fn spend(world: &mut World) -> Result<(), ApiError> {
    let state = &mut world.trail;
    let passed = world.now.since(state.refilled).max(0) as f64 / SECOND as f64;
    state.budget = (state.budget + passed * PER_SECOND).min(BURST);
    state.refilled = world.now;
    if state.budget < 1.0 {
        return Err(ApiError::new(400, "ThrottlingException", "Rate exceeded"));
    }
    state.budget -= 1.0;
    Ok(())
}

impl Event {
    /// Names of the things the call was about.
    fn resources(&self) -> impl Iterator<Item = (&str, &str)> {
        const KINDS: &[(&str, &str)] = &[
            ("EndpointName", "AWS::SageMaker::Endpoint"),
            ("EndpointConfigName", "AWS::SageMaker::EndpointConfig"),
            ("InferenceComponentName", "AWS::SageMaker::InferenceComponent"),
            ("ModelName", "AWS::SageMaker::Model"),
            ("PipelineName", "AWS::SageMaker::Pipeline"),
            ("AlarmName", "AWS::CloudWatch::Alarm"),
        ];
        KINDS.iter().filter_map(|(member, kind)| Some((*kind, self.input.get(*member)?.as_str()?)))
    }

    fn has(&self, key: &str, value: &str) -> bool {
        match key {
            "EventName" => self.name == value,
            "EventId" => self.id == value,
            "EventSource" => self.service.event_source() == value,
            "Username" => estate::session_name(&self.by) == value,
            "ReadOnly" => value == "false",
            "ResourceName" => self.resources().any(|(_, name)| name == value),
            "ResourceType" => self.resources().any(|(kind, _)| kind == value),
            _ => false,
        }
    }

    fn body(&self) -> Value {
        let resources: Vec<Value> =
            self.resources().map(|(kind, name)| json!({"ResourceType": kind, "ResourceName": name})).collect();
        json!({
            "EventId": self.id,
            "EventName": self.name,
            "EventTime": epoch(self.at),
            "EventSource": self.service.event_source(),
            "ReadOnly": "false",
            "Username": estate::session_name(&self.by),
            "Resources": resources,
            "CloudTrailEvent": self.record().to_string(),
        })
    }

    /// The event as CloudTrail writes it; members of the request in camel case.
    fn record(&self) -> Value {
        let arn = estate::caller_arn(&self.by);
        let role = arn.split('/').nth(1).unwrap_or_default();
        let mut record = json!({
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": format!("AROAUQ4X7MLOPSEXAMPLE:{}", estate::session_name(&self.by)),
                "arn": arn,
                "accountId": estate::ACCOUNT,
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "userName": role, "accountId": estate::ACCOUNT}
                },
            },
            "eventTime": self.at.iso(),
            "eventSource": self.service.event_source(),
            "eventName": self.name,
            "awsRegion": estate::REGION,
            "sourceIPAddress": "10.20.0.14",
            "userAgent": match (self.agent.as_str(), self.by.as_str()) {
                ("", estate::DEPLOYER) => "Boto3/1.43",
                ("", _) => "aws-cli/2.31",
                (agent, _) => agent,
            },
            "requestParameters": camel_members(&self.input),
            "responseElements": self.output.as_ref().map(camel_members),
            "requestID": self.request_id,
            "eventID": self.id,
            "readOnly": false,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": estate::ACCOUNT,
        });
        if role.starts_with(SERVICE_ROLE) {
            let service = "sagemaker.application-autoscaling.amazonaws.com";
            record["userIdentity"]["invokedBy"] = service.into();
            record["sourceIPAddress"] = service.into();
            record["userAgent"] = service.into();
        }
        if let (Value::Object(record), Some((code, message))) = (&mut record, &self.error) {
            record.insert("errorCode".into(), code.clone().into());
            record.insert("errorMessage".into(), message.clone().into());
        }
        record
    }
}

fn camel_members(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let told = |name: &str, value: &Value| {
                if SECRETS.contains(&name) { HIDDEN.into() } else { camel_members(value) }
            };
            Value::Object(members.iter().map(|(k, v)| (camel(k), told(k, v))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(camel_members).collect()),
        other => other.clone(),
    }
}
