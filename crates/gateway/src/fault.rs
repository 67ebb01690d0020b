//! From what the SDK says went wrong to what the operator should know: one table of codes and texts.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    mask,
    text::Text,
};

use crate::{gate::Stopped, wire, wire::NoApi};

/// Longer messages are cut: some services repeat the whole request.
pub(crate) const LONGEST: usize = 1_000;

/// What was called, for messages: `sagemaker`, `ListEndpoints`, `listing endpoints`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing {
    /// Prefix of IAM actions of the service.
    pub(crate) prefix: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) words: &'static str,
}

pub(crate) fn from_sdk<E>(error: &SdkError<E, HttpResponse>, doing: Doing) -> Fault
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let raw = service.raw();
            let said = Said {
                status: raw.status().as_u16(),
                code: service.err().code().unwrap_or_default(),
                message: service.err().message().unwrap_or_default(),
            };
            let mut fault = from_answer(&said, doing);
            fault.request_id = wire::request_id(raw);
            fault.retry_after = retry_after(raw);
            fault
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let kind = if status >= 500 { FaultKind::Service } else { FaultKind::Unreadable };
            // Never the parser's text: it quotes the body.
            let mut fault =
                Fault::new(kind, doing.words, &format!("status {status}, and a body that is not its API's"));
            fault.request_id = wire::request_id(response.raw());
            fault
        }
        SdkError::TimeoutError(_) => Fault::new(FaultKind::Timeout, doing.words, ""),
        SdkError::ConstructionFailure(_) => unsent(error, doing, FaultKind::Invalid),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Fault::new(FaultKind::Timeout, doing.words, ""),
        SdkError::DispatchFailure(failure) if failure.is_io() => unsent(error, doing, FaultKind::Network),
        _ => unsent(error, doing, FaultKind::Network),
    }
}

/// A failure below the SDK, of a request that we signed ourselves.
pub(crate) fn from_connector(error: &ConnectorError, doing: Doing) -> Fault {
    let kind = if error.is_timeout() { FaultKind::Timeout } else { FaultKind::Network };
    unsent(error, doing, kind)
}

/// Failures without an answer: found by type in the chain of sources.
fn unsent(error: &(dyn Error + 'static), doing: Doing, otherwise: FaultKind) -> Fault {
    if let Some(stopped) = cause::<Stopped>(error) {
        return Fault::new(FaultKind::Refused, doing.words, &stopped.to_string());
    }
    if let Some(no_api) = cause::<NoApi>(error) {
        return Fault::new(
            FaultKind::NotOffered { operation: Text::new(doing.operation) },
            doing.words,
            &format!("status {}", no_api.status),
        );
    }
    if let Some(fault) = cause::<Fault>(error) {
        return fault.clone();
    }
    if let Some(credentials) = cause::<CredentialsError>(error) {
        return from_credentials(credentials, doing);
    }
    let text = innermost(error);
    if text.contains("credentials") || text.contains("identity") {
        return Fault::new(FaultKind::Login(Login::None), doing.words, &text);
    }
    with_message(otherwise, doing.words, &text)
}

pub(crate) fn from_credentials(error: &CredentialsError, doing: Doing) -> Fault {
    // Of a source of ours, which says what it wants.
    if let Some(fault) = cause::<Fault>(error) {
        return fault.clone();
    }
    let text = innermost(error);
    let expired = text.to_ascii_lowercase().contains("expired") || text.contains("UnauthorizedException");
    let kind = match error {
        _ if expired => FaultKind::Login(Login::Expired),
        CredentialsError::ProviderTimedOut(_) => FaultKind::Timeout,
        CredentialsError::InvalidConfiguration(_) => FaultKind::Setup,
        _ => FaultKind::Login(Login::None),
    };
    with_message(kind, doing.words, &text)
}

fn with_message(kind: FaultKind, words: &str, message: &str) -> Fault {
    let mut fault = Fault::new(kind, words, "");
    fault.message = Text::bounded(&mask::scrub(message), LONGEST);
    fault
}

pub(crate) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let said = chain(error).last().map(ToString::to_string).unwrap_or_default();
    said.lines().map(str::trim).collect::<Vec<_>>().join("; ").replace(":; ", ": ")
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn source<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        (*error).source()
    }
    std::iter::successors(Some(error), source)
}

/// The essence of an error answer of any protocol.
pub(crate) struct Said<'a> {
    pub(crate) status: u16,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

/// [`FaultKind`] is no constant: some of its kinds hold text.
type Kind = fn() -> FaultKind;

/// Codes, without `Exception` and everything after a colon, by kind.
const CODES: &[(&[&str], Kind)] = &[
    (
        &[
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequests",
            "RequestLimitExceeded",
            "RequestThrottled",
            "SlowDown",
            "ProvisionedThroughputExceeded",
            "BandwidthLimitExceeded",
        ],
        || FaultKind::Throttled,
    ),
    (&["ExpiredToken", "RequestExpired", "TokenRefreshRequired"], || FaultKind::Login(Login::Expired)),
    (
        &[
            "UnrecognizedClient",
            "InvalidSignature",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "AuthFailure",
            "InvalidToken",
            "NotAuthorized",
            "RequestTimeTooSkewed",
        ],
        || FaultKind::Login(Login::Refused),
    ),
    (
        &[
            "ResourceNotFound",
            "NotFound",
            "NoSuchKey",
            "NoSuchBucket",
            "NoSuchEntity",
            "ObjectNotFound",
            "RecordNotFound",
        ],
        || FaultKind::Missing,
    ),
    (
        &[
            "Conflict",
            "ConditionalCheckFailed",
            "TransactionConflict",
            "ResourceInUse",
            "ConcurrentUpdate",
            "ConcurrentModification",
            "ResourceAlreadyExists",
        ],
        || FaultKind::Conflict,
    ),
    (&["ResourceLimitExceeded", "LimitExceeded", "LimitExceededFault", "ServiceQuotaExceeded"], || FaultKind::Quota),
];

/// Texts of `ValidationException`, lower case: the code alone does not tell a missing object from a bad request.
const TEXTS: &[(&str, Kind)] = &[
    ("rate exceeded", || FaultKind::Throttled),
    ("cannot update in-progress", || FaultKind::Conflict),
    ("already exist", || FaultKind::Conflict),
    ("could not find", || FaultKind::Missing),
    ("resource not found", || FaultKind::Missing),
    ("can't find", || FaultKind::Missing),
    ("does not exist", || FaultKind::Missing),
    ("recordnotfound", || FaultKind::Missing),
    ("token included in the request is expired", || FaultKind::Login(Login::Expired)),
];

pub(crate) fn from_answer(said: &Said<'_>, doing: Doing) -> Fault {
    // Query services prefix the sender, JSON ones the namespace.
    let code = said.code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let stem = code.strip_suffix("Exception").unwrap_or(code);
    let text = said.message.to_ascii_lowercase();
    let by_code =
        || CODES.iter().find(|(codes, _)| codes.contains(&stem) || codes.contains(&code)).map(|(_, kind)| kind());
    let by_text = || TEXTS.iter().find(|(fragment, _)| text.contains(fragment)).map(|(_, kind)| kind());
    let kind = match stem {
        "UnknownOperation" | "InvalidAction" | "NotImplemented" => {
            FaultKind::NotOffered { operation: Text::new(doing.operation) }
        }
        "AccessDenied" | "UnauthorizedOperation" | "Forbidden" if !text.contains("expired") => {
            FaultKind::Denied { action: denied_action(said.message, doing) }
        }
        _ => by_code().or_else(by_text).unwrap_or_else(|| by_status(said, doing)),
    };
    let message = if said.message.is_empty() { code } else { said.message };
    with_message(kind, doing.words, message)
}

fn by_status(said: &Said<'_>, doing: Doing) -> FaultKind {
    match said.status {
        429 => FaultKind::Throttled,
        401 => FaultKind::Login(Login::Refused),
        403 => FaultKind::Denied { action: denied_action(said.message, doing) },
        404 => FaultKind::Missing,
        408 => FaultKind::Timeout,
        409 => FaultKind::Conflict,
        500.. => FaultKind::Service,
        _ => FaultKind::Invalid,
    }
}

/// `… is not authorized to perform: sagemaker:ListEndpoints on resource …`, else the action of what was called.
fn denied_action(message: &str, doing: Doing) -> Text {
    let named = message
        .split_once("to perform: ")
        .and_then(|(_, rest)| rest.split([' ', ',', '"']).next())
        .map(|action| action.trim_end_matches('.'))
        .filter(|action| action.contains(':') && action.len() <= 100);
    named.map_or_else(|| Text::new(&format!("{}:{}", doing.prefix, doing.operation)), Text::new)
}

/// Milliseconds, from `x-amz-retry-after` (milliseconds) or `retry-after` (seconds).
pub(crate) fn retry_after(answer: &HttpResponse) -> Option<u64> {
    let number = |name: &str| answer.headers().get(name).and_then(|value| value.parse::<u64>().ok());
    number("x-amz-retry-after").or_else(|| number("retry-after").map(|seconds| seconds.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOING: Doing = Doing { prefix: "sagemaker", operation: "DescribeEndpoint", words: "reading an endpoint" };

    #[test]
    fn codes_and_texts_name_the_kind() {
        let denied = |action: &str| FaultKind::Denied { action: Text::new(action) };
        let perform = "User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: sagemaker:ListTags on \
                       resource: arn:aws:sagemaker:eu-west-1:1:endpoint/e because no identity-based policy allows it";
        let cases: &[(u16, &str, &str, FaultKind)] = &[
            (400, "ThrottlingException", "Rate exceeded", FaultKind::Throttled),
            (400, "ValidationException", "Rate exceeded", FaultKind::Throttled),
            (429, "", "", FaultKind::Throttled),
            (400, "ValidationException", "Could not find endpoint \"arn\".", FaultKind::Missing),
            (400, "ResourceNotFound", "Requested resource not found.", FaultKind::Missing),
            (404, "NoSuchKey", "", FaultKind::Missing),
            (400, "ValidationException", "Cannot update in-progress endpoint \"x\".", FaultKind::Conflict),
            (400, "ValidationException", "Cannot create already existing endpoint \"x\".", FaultKind::Conflict),
            (409, "ConflictException", "", FaultKind::Conflict),
            (400, "ResourceInUse", "", FaultKind::Conflict),
            (400, "ValidationException", "1 validation error detected", FaultKind::Invalid),
            (400, "ResourceLimitExceeded", "The account-level service limit", FaultKind::Quota),
            (403, "ExpiredTokenException", "expired", FaultKind::Login(Login::Expired)),
            (400, "com.amazon#UnrecognizedClientException", "", FaultKind::Login(Login::Refused)),
            (403, "InvalidSignatureException", "", FaultKind::Login(Login::Refused)),
            (400, "AccessDeniedException", perform, denied("sagemaker:ListTags")),
            (403, "AccessDenied", "Access Denied", denied("sagemaker:DescribeEndpoint")),
            (400, "UnknownOperationException", "", FaultKind::NotOffered { operation: Text::new("DescribeEndpoint") }),
            (500, "InternalFailure", "", FaultKind::Service),
            (503, "", "", FaultKind::Service),
        ];
        for (status, code, message, kind) in cases {
            let said = Said { status: *status, code, message };
            assert_eq!(from_answer(&said, DOING).kind, *kind, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_message_is_cut_and_never_empty_when_there_is_a_code() {
        let long = "x".repeat(5_000);
        let said = Said { status: 400, code: "ValidationException", message: &long };
        assert!(from_answer(&said, DOING).message.as_str().ends_with("x… (+4000)"));
        let said = Said { status: 400, code: "ns#Odd:Sender", message: "" };
        assert_eq!(from_answer(&said, DOING).message.as_str(), "Odd");
    }
}
