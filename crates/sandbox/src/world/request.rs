//! What an operation gets and gives: decoded input, output or an AWS error.

use mldeck_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::Value;

use super::World;

/// The services behind the one port, by their signing name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    SageMaker,
    SageMakerMetrics,
    HumanLoops,
    FeatureStore,
    Runtime,
    CloudWatch,
    Logs,
    Scaling,
    CloudTrail,
    EventBridge,
    Sts,
    S3,
}

impl Service {
    /// Whose signature this is. `sagemaker` signs the control plane and its runtimes; the path tells them apart.
    pub(crate) fn from_signing_name(name: &str) -> Option<Self> {
        Some(match name {
            "sagemaker" => Self::SageMaker,
            "monitoring" => Self::CloudWatch,
            "logs" => Self::Logs,
            "application-autoscaling" => Self::Scaling,
            "cloudtrail" => Self::CloudTrail,
            "events" => Self::EventBridge,
            "sts" => Self::Sts,
            "s3" => Self::S3,
            _ => return None,
        })
    }

    /// What clients sign with, but for SageMaker's runtimes, which sign as SageMaker does: they have clients of their own.
    pub(crate) const fn signing_name(self) -> &'static str {
        match self {
            Self::SageMaker => "sagemaker",
            Self::SageMakerMetrics => "sagemaker-metrics",
            Self::HumanLoops => "sagemaker-a2i-runtime",
            Self::FeatureStore => "sagemaker-featurestore-runtime",
            Self::Runtime => "sagemaker-runtime",
            Self::CloudWatch => "monitoring",
            Self::Logs => "logs",
            Self::Scaling => "application-autoscaling",
            Self::CloudTrail => "cloudtrail",
            Self::EventBridge => "events",
            Self::Sts => "sts",
            Self::S3 => "s3",
        }
    }

    /// The prefix of IAM actions.
    pub(crate) const fn iam(self) -> &'static str {
        match self {
            Self::SageMaker | Self::SageMakerMetrics | Self::HumanLoops | Self::FeatureStore | Self::Runtime => {
                "sagemaker"
            }
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::Scaling => "application-autoscaling",
            Self::CloudTrail => "cloudtrail",
            Self::EventBridge => "events",
            Self::Sts => "sts",
            Self::S3 => "s3",
        }
    }

    /// `eventSource` in CloudTrail.
    pub(crate) const fn event_source(self) -> &'static str {
        match self {
            Self::SageMaker | Self::SageMakerMetrics | Self::HumanLoops | Self::FeatureStore | Self::Runtime => {
                "sagemaker.amazonaws.com"
            }
            Self::CloudWatch => "monitoring.amazonaws.com",
            Self::Logs => "logs.amazonaws.com",
            Self::Scaling => "autoscaling.amazonaws.com",
            Self::CloudTrail => "cloudtrail.amazonaws.com",
            Self::EventBridge => "events.amazonaws.com",
            Self::Sts => "sts.amazonaws.com",
            Self::S3 => "s3.amazonaws.com",
        }
    }
}

/// One decoded request.
pub(crate) struct Request<'a> {
    pub(crate) service: Service,
    pub(crate) operation: &'a str,
    pub(crate) input: &'a Value,
    /// Session name of the caller, for CloudTrail and `CreatedBy`.
    pub(crate) caller: &'a str,
    pub(crate) request_id: &'a str,
}

impl Request<'_> {
    /// A required text member.
    pub(crate) fn text(&self, member: &str) -> Result<&str, ApiError> {
        self.opt_text(member).ok_or_else(|| ApiError::missing(member))
    }

    pub(crate) fn opt_text(&self, member: &str) -> Option<&str> {
        self.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A whole number; Query sends numbers as text.
    pub(crate) fn opt_int(&self, member: &str) -> Option<i64> {
        int(self.input.get(member)?)
    }

    pub(crate) fn flag(&self, member: &str) -> bool {
        self.input.get(member).is_some_and(|value| value == &Value::Bool(true) || value == "true")
    }

    /// A moment: epoch seconds, or ISO text as Query and Search send it.
    pub(crate) fn opt_time(&self, member: &str) -> Option<Timestamp> {
        moment(self.input.get(member)?)
    }

    pub(crate) fn list(&self, member: &str) -> &[Value] {
        self.input.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The texts of a list member.
    pub(crate) fn texts(&self, member: &str) -> Vec<&str> {
        self.list(member).iter().filter_map(Value::as_str).collect()
    }

    /// `MaxResults` (or what the service calls it), refused outside `1..=most`.
    pub(crate) fn max(&self, member: &str, default: usize, most: usize) -> Result<usize, ApiError> {
        match self.opt_int(member) {
            None => Ok(default),
            Some(n) if n >= 1 && n <= most as i64 => Ok(n as usize),
            Some(n) => Err(ApiError::validation(format!(
                "1 validation error detected: Value '{n}' at '{}' failed to satisfy constraint: Member must have value \
                 {}",
                camel(member),
                if n < 1 { "greater than or equal to 1".to_owned() } else { format!("less than or equal to {most}") }
            ))),
        }
    }
}

pub(crate) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(s) => s.parse().ok(),
        _ => None,
    }
}

pub(crate) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.parse().ok().filter(|f: &f64| f.is_finite()),
        _ => None,
    }
}

/// A moment within some thousand years of now; anything else is not one.
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    const SECONDS: f64 = 1e11;
    match value {
        Value::Number(n) => n.as_f64().filter(|secs| secs.abs() < SECONDS).map(Timestamp::from_secs_f64),
        Value::String(s) => Timestamp::parse(s),
        _ => None,
    }
}

/// `PT1H`, `P30D`, `-PT6H`, and as pipelines take it `30d`: milliseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mut sum, mut number) = (None, None);
    for letter in text.chars() {
        let unit = match letter.to_ascii_uppercase() {
            'P' | 'T' => continue,
            'W' => 7 * DAY,
            'D' => DAY,
            'H' => HOUR,
            'M' => MINUTE,
            'S' => SECOND,
            digit => {
                number = Some(number.unwrap_or(0_i64).checked_mul(10)?.checked_add(digit.to_digit(10)?.into())?);
                continue;
            }
        };
        sum = Some(number.take()?.checked_mul(unit)?.checked_add(sum.unwrap_or(0))?);
    }
    if number.is_some() { None } else { Some(sign * sum?) }
}

/// A timestamp as AWS JSON carries it: epoch seconds with milliseconds.
pub(crate) fn epoch(at: Timestamp) -> Value {
    serde_json::json!(at.secs_f64())
}

/// `EndpointName` → `endpointName`: how validation texts and CloudTrail spell members.
pub(crate) fn camel(member: &str) -> String {
    let mut chars = member.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// An AWS error as the wire will carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// `ValidationException`, `ResourceNotFound`, …
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    pub(crate) fn missing(member: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
            camel(member)
        ))
    }

    /// What IAM says, with the caller, the action and the reason in it: the text tells operators what to ask for.
    pub(crate) fn denied(service: Service, action: &str, resource: &str, why: &str) -> Self {
        let caller = super::estate::caller_arn(super::estate::OPERATOR);
        Self::new(
            if service == Service::S3 { 403 } else { 400 },
            "AccessDeniedException",
            format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {why}"),
        )
    }

    /// Something is under way: by the name that the operation has for that.
    pub(crate) fn in_progress(operation: &str) -> Self {
        let known = crate::shape::Operation::named(operation);
        let code = ["ConflictException", "ResourceInUse"].into_iter();
        let code = code.into_iter().find(|code| known.is_some_and(|known| known.may_fail_with(code)));
        if operation.starts_with("UpdateEndpoint") {
            return Self::validation("Cannot update in-progress endpoint.");
        }
        Self::new(400, code.unwrap_or("ValidationException"), "The resource is being changed by another request.")
    }

    pub(crate) fn unknown_operation(operation: &str) -> Self {
        Self::new(400, "UnknownOperationException", format!("The requested operation {operation} is not recognized."))
    }
}

pub(crate) type Reply = Result<Value, ApiError>;

/// `("UpdateEndpoint", update_endpoint)`: an area's table of operations, by the service's own name.
pub(crate) type Handler = fn(&mut World, &Request<'_>) -> Reply;
