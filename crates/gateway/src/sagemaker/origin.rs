//! What a promotion across accounts is judged by: two sessions, each asked for what is its own.

use mldeck_core::{
    fault::{Fault, FaultKind},
    id,
    ops::{
        Facts,
        intent::Intent,
        origin::Told,
        target::{Kind, Sight, Target},
        verb::promote,
    },
    text::Text,
};
use serde_json::json;

use super::doing;
use crate::{Gateway, Pending, URGENT, json::string, lanes, write::SAGEMAKER};

impl Gateway {
    /// Everything that an intent is judged by whose version is of the account of `source`: that is asked for the version, its
    /// group's policy and its rules, this one for all else.
    ///
    /// # Errors
    /// As [`mldeck_core::ask::Ask::Facts`].
    pub fn facts_across<'a>(
        &'a self,
        source: &'a Self,
        intent: &'a Intent,
        deep: bool,
    ) -> Pending<'a, Result<Facts, Fault>> {
        Box::pin(URGENT.scope((), self.facts_with(intent, deep, Some(source))))
    }

    /// What the account says of a version of its own, besides the description.
    pub(super) async fn tell(&self, version: &Sight, uris: &[Text]) -> Told {
        let exist = lanes::four(uris, |index| {
            let uri = uris[index].raw();
            async move { self.object_exists(&uri).await }
        });
        let group = version.fact("/ModelPackageGroupName");
        let (exist, policy, rules) =
            tokio::join!(exist, Box::pin(self.group_policy(&group)), Box::pin(self.approval_rules()));
        Told { policy, rules, exists: uris.iter().cloned().zip(exist).collect() }
    }

    /// `None` where the group has none: AWS has no code of its own for that.
    async fn group_policy(&self, group: &Text) -> Result<Option<Text>, Fault> {
        let what = doing("GetModelPackageGroupPolicy", "reading who may use a group of versions");
        match self.json(&SAGEMAKER, what, &json!({ "ModelPackageGroupName": group.raw() })).await {
            Ok(answer) => Ok(string(&answer, "ResourcePolicy").map(Text::new)),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) if fault.message.as_str().contains("annot find resource policy") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// What the group of the version that serves here knows of the other account's: its newest number, and a copy of it.
    pub(super) async fn copied(&self, asked: &Text, facts: &mut Facts) {
        let account = id::place(asked.as_str()).map(|(_, _, account)| account.to_owned());
        let live = facts.things.iter().find_map(|(target, read)| match read {
            Ok(Some(sight)) if target.kind == Kind::ModelPackage && place(target) != account => Some(sight),
            _ => None,
        });
        let Some(group) = live.map(|live| live.fact("/ModelPackageGroupName")) else { return };
        let registered = self.registered(&group.raw(), asked).await;
        let copy = registered.as_ref().ok().and_then(|found| found.version.clone());
        facts.registered = Some(registered);
        let target = copy.map(|arn| Target::new(Kind::ModelPackage, arn));
        if let Some(target) = target.filter(|target| facts.thing(target).is_none()) {
            self.describe_all(vec![target], None, facts).await;
        }
    }
}

/// The account of a target that is named by an ARN.
pub(super) fn place(target: &Target) -> Option<String> {
    id::place(target.id.as_str()).map(|(_, _, account)| account.to_owned())
}

/// The versions that a promotion speaks of, as they were read.
pub(super) fn version<'a>(facts: &'a Facts, package: &Text) -> Option<&'a Sight> {
    match facts.thing(&Target::new(Kind::ModelPackage, package.clone())) {
        Some(Ok(Some(version))) => Some(version),
        _ => None,
    }
}

/// Where its artifacts are; nothing of one that could not be read.
pub(super) fn artifacts(facts: &Facts, package: &Text) -> Vec<Text> {
    version(facts, package).map(promote::artifacts).unwrap_or_default()
}
