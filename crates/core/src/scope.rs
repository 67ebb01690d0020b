//! Where a thing lives, and who we are there.

use serde::{Deserialize, Serialize};

use crate::{text::Text, time::Timestamp};

/// Partition, account and region: part of the identity of every thing, slot, cache key and grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: Text,
    /// The 12 digits.
    pub account: Text,
    pub region: Text,
}

impl Scope {
    pub fn new(partition: &str, account: &str, region: &str) -> Self {
        Self { partition: Text::new(partition), account: Text::new(account), region: Text::new(region) }
    }

    /// `4471…0921`: enough to tell accounts apart in a narrow header.
    pub fn short_account(&self) -> String {
        let digits = self.account.as_str();
        match (digits.get(..4), digits.get(digits.len().saturating_sub(4)..)) {
            (Some(head), Some(tail)) if digits.len() == 12 => format!("{head}…{tail}"),
            _ => digits.to_owned(),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.partition, self.account, self.region)
    }
}

/// What `sts:GetCallerIdentity` said; the header shows nothing else as account or role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub scope: Scope,
    /// The caller's ARN as AWS sent it.
    pub arn: Text,
    /// Where the credentials came from (`profile prod`, `environment`, `instance role`, `sandbox`).
    pub source: Text,
    /// When these credentials end; `None` where they do not say.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

impl Identity {
    /// The role or user name inside the ARN: `arn:aws:sts::1:assumed-role/OnCall/anna` → `OnCall`.
    pub fn role(&self) -> &str {
        let path = self.arn.as_str().rsplit(':').next().unwrap_or_default();
        let mut parts = path.split('/');
        match (parts.next(), parts.next()) {
            (Some("assumed-role" | "user" | "role"), Some(name)) => name,
            (Some(first), _) => first,
            (None, _) => "",
        }
    }

    /// Whether the other is the same account, region and role: what may be done with the one may be done with the other.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.scope == other.scope && self.role() == other.role()
    }

    /// The session name of an assumed role, or the role itself: who the journal says did it.
    pub fn who(&self) -> &str {
        self.arn.as_str().rsplit(['/', ':']).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_and_who_come_from_the_arn() {
        let identity = |arn: &str| Identity {
            scope: Scope::new("aws", "447100000921", "eu-west-1"),
            arn: Text::new(arn),
            source: Text::new("test"),
            expires: None,
        };
        let assumed = identity("arn:aws:sts::447100000921:assumed-role/OnCall/anna");
        assert_eq!((assumed.role(), assumed.who()), ("OnCall", "anna"));
        let root = identity("arn:aws:iam::447100000921:root");
        assert_eq!((root.role(), root.who()), ("root", "root"));
        assert_eq!(root.scope.short_account(), "4471…0921");
        let renewed = identity("arn:aws:sts::447100000921:assumed-role/OnCall/anna-2");
        assert!(assumed.is_same_as(&renewed), "a session is not a role");
        assert!(!assumed.is_same_as(&identity("arn:aws:sts::447100000921:assumed-role/Auditor/anna")));
    }
}
