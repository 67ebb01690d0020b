//! Identity of a thing: scope, kind and name. Never an ARN (ARNs are lower-cased in places), never a row number.

use serde::{Deserialize, Serialize};

use crate::{resource::Kind, scope::Scope, text::Text};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id {
    pub scope: Scope,
    pub kind: Kind,
    /// The name as AWS spells it; for kinds without a name (pipeline executions) the short id.
    pub name: Text,
}

/// Two ARNs of the same thing may differ in case (names are lower-cased inside ARNs).
pub fn same_arn(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The last `/`-part of an ARN: for display and for kinds whose id it is, never to derive a name for a call.
pub fn arn_tail(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or_default()
}

/// Partition, region and account of an ARN; what a service leaves out of its ARNs is empty.
pub fn place(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let (partition, _service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    parts.next().map(|_resource| (partition, region, account))
}

/// Name of the training job, where this is the ARN of one.
pub fn training_job(arn: &str) -> Option<&str> {
    arn.contains(":training-job/").then(|| arn_tail(arn))
}

/// `fraud v18` of a model package's ARN; `None` of anything else.
pub fn version_label(arn: &str) -> Option<String> {
    let mut parts = arn.rsplit('/');
    let (version, group) = (parts.next()?, parts.next()?);
    let counted = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    (counted && !group.is_empty()).then(|| format!("{group} v{version}"))
}
