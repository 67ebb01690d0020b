//! The executor's eye, and what an intent is judged by: descriptions as AWS sends them, of any kind that a plan can change.

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts,
        intent::{Change, Intent},
        target::{Kind, Seen, Sight, Target},
        verb::promote,
    },
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::doing;
use crate::{Gateway, json::when, lanes, write::SAGEMAKER};

impl Gateway {
    /// Nothing cached but what is immutable.
    pub(crate) async fn look(&self, target: &Target) -> Result<Seen, Fault> {
        let seen = match target.kind {
            Kind::Endpoint => Box::pin(self.endpoint_now(&target.id)).await.map(|row| Seen::Endpoint(Box::new(row))),
            _ => Box::pin(self.describe(target)).await.map(|sight| Seen::Thing(Box::new(sight))),
        };
        match seen {
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Seen::Gone),
            seen => seen,
        }
    }

    async fn describe(&self, target: &Target) -> Result<Sight, Fault> {
        let kind = target.kind;
        let input = json!({ kind.parameter(): target.id.raw() });
        let body = self.json(&SAGEMAKER, doing(kind.describe(), "reading what a plan is about"), &input).await?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(Text::new).unwrap_or_default();
        let modified: Option<Timestamp> =
            ["LastModifiedTime", "CreationTime"].iter().find_map(|name| body.get(*name).and_then(when));
        let failure = Some(text("FailureReason")).filter(|why| !why.is_empty());
        Ok(Sight { status: text(kind.status()), modified, failure, body })
    }

    /// Everything that one intent is judged by. A description that cannot be read is told as such.
    pub(crate) async fn facts(&self, intent: &Intent, deep: bool) -> Result<Facts, Fault> {
        let snapshot = match intent.change.endpoint() {
            Some(endpoint) => Some(Box::pin(self.snapshot(endpoint, deep, intent.change.candidate())).await?),
            None => None,
        };
        let targets = intent.change.things(snapshot.as_ref());
        let read = lanes::four(&targets, |index| self.describe(&targets[index])).await;
        let things = targets
            .iter()
            .cloned()
            .zip(read)
            .map(|(target, read)| match read {
                Ok(sight) => (target, Ok(Some(sight))),
                Err(fault) if fault.kind == FaultKind::Missing => (target, Ok(None)),
                Err(fault) => (target, Err(fault)),
            })
            .collect();
        let mut facts = Facts { at: self.now(), snapshot, things, ..Facts::default() };
        match &intent.change {
            Change::Promote { package, endpoint, .. } => self.judged_by(package, endpoint, &mut facts).await,
            Change::Delete { target, .. } => {
                facts.needed = Some(Box::pin(self.needed(target, facts.snapshot.as_ref())).await);
            }
            _ => {}
        }
        Ok(facts)
    }

    /// What a version is judged by besides descriptions.
    async fn judged_by(&self, package: &Text, endpoint: &Text, facts: &mut Facts) {
        let version = facts.thing(&Target::new(Kind::ModelPackage, package.clone()));
        let uris = match version {
            Some(Ok(Some(version))) => promote::artifacts(version),
            _ => Vec::new(),
        };
        let exist = lanes::four(&uris, |index| {
            let uri = uris[index].raw();
            async move { self.object_exists(&uri).await }
        });
        let (exist, rules, monitors) =
            tokio::join!(exist, Box::pin(self.approval_rules()), Box::pin(self.monitors_of(endpoint)));
        facts.exists = uris.iter().cloned().zip(exist).collect();
        facts.rules = Some(rules);
        facts.monitors = Some(monitors);
    }
}
