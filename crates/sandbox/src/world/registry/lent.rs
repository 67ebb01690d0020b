//! Versions of another account: what their group's resource policy lets this one do with them.

use serde_json::Value;

use super::operations::{package_key, told};
use crate::world::{ApiError, World, estate, policy};

/// A version of another account, and the actions that its group's policy allows here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lent {
    pub(crate) record: Value,
    pub(crate) allowed: Vec<&'static str>,
}

/// What a policy may allow of a version (developer guide, "Deploy a Model Version from a Different Account").
const ACTIONS: [&str; 2] = ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"];

/// Whether an ARN is of another account.
pub(crate) fn is_foreign(arn: &str) -> bool {
    let account = arn.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3));
    account.is_some_and(|account| account.len() == 12 && account != estate::ACCOUNT)
}

/// A version of `owner` as it is shown to `account`; `None` where there is none of that ARN.
pub(crate) fn lend(owner: &World, arn: &str, account: &str) -> Option<Lent> {
    let (group, _) = package_key(owner, arn).ok()?;
    let document = owner.registry.groups.get(&group)?.policy.as_deref().unwrap_or("{}");
    let lets = |action: &&&'static str| policy::lets_in(document, account, action, arn);
    Some(Lent { record: told(owner, arn)?, allowed: ACTIONS.iter().filter(lets).copied().collect() })
}

/// A version of another account, if `action` is allowed on it. What is not shown is refused in the same words as what is not
/// there: nobody is told what another account has.
pub(crate) fn usable<'w>(world: &'w World, arn: &str, action: &str, caller: &str) -> Result<&'w Value, ApiError> {
    let lent = world.registry.lent.get(arn).filter(|lent| lent.allowed.contains(&action));
    lent.map(|lent| &lent.record).ok_or_else(|| {
        let why = format!("because no resource-based policy allows the {action} action");
        let caller = estate::caller_arn(caller);
        ApiError::new(
            400,
            "AccessDeniedException",
            format!("User: {caller} is not authorized to perform: {action} on resource: {arn} {why}"),
        )
    })
}
