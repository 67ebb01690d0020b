//! How the outside fails, typed to the edge. Strings are made where they are shown.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// One failure, with what we were doing and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{doing}: {}{}", .kind.headline(), tail(.message))]
pub struct Fault {
    pub kind: FaultKind,
    /// What we were doing, in our words: `listing endpoints`.
    pub doing: Text,
    /// What the other side said, escaped, bounded and masked; may be empty.
    pub message: Text,
    pub request_id: Option<Text>,
    /// How long the other side asks us to wait, in milliseconds.
    pub retry_after: Option<u64>,
}

fn tail(message: &Text) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Credentials are missing, expired or refused.
    Login(Login),
    /// The IAM action that is missing, when AWS named it or we know it: `sagemaker:ListEndpoints`.
    Denied {
        action: Text,
    },
    Throttled,
    Missing,
    /// Somebody else changed it, or it is busy.
    Conflict,
    /// AWS refused the request as it stands.
    Invalid,
    /// A quota is used up.
    Quota,
    /// This endpoint does not offer the operation (a fake or proxy without it answers 404, or 5xx with HTML).
    NotOffered {
        operation: Text,
    },
    /// The service failed (5xx).
    Service,
    /// No connection: name resolution, refused, reset, TLS.
    Network,
    /// No answer in time; for a write that means *unknown*.
    Timeout,
    /// The answer could not be read.
    Unreadable,
    /// Our own gate or rule refused: nothing left the process.
    Refused,
    /// No region, no profile, a malformed option: nothing was asked.
    Setup,
    Bug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// No credential source had any.
    None,
    Expired,
    /// AWS does not know the key, or the signature does not match.
    Refused,
    /// The role wants the code of an MFA device.
    Code,
    /// The SSO sign-in is missing or has ended: somebody has to approve a new one in a browser.
    Browser,
}

impl Login {
    /// True when a person can mend it here, by `login`.
    pub const fn is_mended_here(self) -> bool {
        matches!(self, Self::Code | Self::Browser)
    }
}

impl FaultKind {
    pub const fn headline(&self) -> &'static str {
        match self {
            Self::Login(Login::None) => "not signed in",
            Self::Login(Login::Expired) => "the login has expired",
            Self::Login(Login::Refused) => "AWS does not accept these credentials",
            Self::Login(Login::Code) => "the role wants an MFA code",
            Self::Login(Login::Browser) => "the SSO sign-in has ended",
            Self::Denied { .. } => "no permission",
            Self::Throttled => "throttled by AWS",
            Self::Missing => "not found",
            Self::Conflict => "changed or busy meanwhile",
            Self::Invalid => "refused by AWS",
            Self::Quota => "a quota is used up",
            Self::NotOffered { .. } => "this endpoint does not offer the operation",
            Self::Service => "the service failed",
            Self::Network => "no connection",
            Self::Timeout => "no answer in time",
            Self::Unreadable => "the answer could not be read",
            Self::Refused => "refused here, nothing was sent",
            Self::Setup => "cannot start",
            Self::Bug => "a bug in mldeck",
        }
    }

    /// The headline, and to those who may not also what is missing: `no permission (cloudtrail:LookupEvents)`.
    pub fn brief(&self) -> String {
        match self {
            Self::Denied { action } if !action.is_empty() => format!("{} ({action})", self.headline()),
            _ => self.headline().to_owned(),
        }
    }
}

impl Fault {
    pub fn new(kind: FaultKind, doing: &str, message: &str) -> Self {
        Self { kind, doing: Text::new(doing), message: Text::new(message), request_id: None, retry_after: None }
    }

    /// AWS understood the request and said no: it did not land.
    pub const fn is_certain_refusal(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Denied { .. }
                | FaultKind::Missing
                | FaultKind::Conflict
                | FaultKind::Invalid
                | FaultKind::Quota
                | FaultKind::Refused
        )
    }

    /// What the operator can do about it.
    pub fn remedy(&self) -> String {
        match &self.kind {
            FaultKind::Login(Login::None) => {
                "Sign in (`aws sso login`, `aws configure`) or name a profile with --profile; `r` tries again.".into()
            }
            FaultKind::Login(Login::Expired) => {
                "Renew it in another shell (`aws sso login`); mldeck picks the new login up without a restart.".into()
            }
            FaultKind::Login(Login::Refused) => {
                "Check which credentials are used (`aws sts get-caller-identity`): environment keys win over a profile."
                    .into()
            }
            FaultKind::Login(Login::Code) => {
                "`:login` asks for it in the deck, and every other command does at a terminal.".into()
            }
            FaultKind::Login(Login::Browser) => {
                "Sign in by `:login` in the deck or `mldeck login`; `aws sso login` in another shell does as well."
                    .into()
            }
            FaultKind::Denied { action } if !action.is_empty() => {
                format!("Ask for the IAM action {action} on this account and region.")
            }
            FaultKind::Denied { .. } => "Ask for the IAM action named above.".into(),
            FaultKind::Throttled => "Polling slows down by itself; nothing to do.".into(),
            FaultKind::Missing => "It was deleted or renamed; `r` refreshes the list.".into(),
            FaultKind::Conflict => "Look again (`r`) and repeat if it still holds.".into(),
            FaultKind::Invalid => "Read what AWS says above; the request was not carried out.".into(),
            FaultKind::Quota => "Raise the quota in Service Quotas, or free what is in use.".into(),
            FaultKind::NotOffered { operation } => {
                format!("{operation} is missing behind this address; what needs it stays empty.")
            }
            FaultKind::Service => "AWS had an error of its own; the next poll tries again.".into(),
            FaultKind::Network => "Check the network, the proxy and --endpoint-url; the next poll tries again.".into(),
            FaultKind::Timeout => "The link or the service is slow; the next poll tries again.".into(),
            FaultKind::Unreadable => "Something between here and AWS changed the answer; check --endpoint-url.".into(),
            FaultKind::Refused => "The plan says what is needed.".into(),
            FaultKind::Setup => "Mend what this names, and start again.".into(),
            FaultKind::Bug => "Please report it with the log (`@` and `mldeck config paths` name the file).".into(),
        }
    }

    /// The process exit code that this failure ends a headless command with.
    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            FaultKind::Login(_) | FaultKind::Denied { .. } => 7,
            FaultKind::Refused => 3,
            FaultKind::Setup => 2,
            _ => 1,
        }
    }

    /// True when a later poll of the same question may well succeed.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Throttled | FaultKind::Service | FaultKind::Network | FaultKind::Timeout | FaultKind::Unreadable
        )
    }
}
