//! The executor's eye, and what an intent is judged by: descriptions as AWS sends them, of any kind that a plan can change.

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        Facts, Snapshot,
        intent::{Change, Intent},
        snapshot::{Registered, Waiting},
        target::{Kind, Seen, Sight, Target},
        verb::{component, promote, shadow},
    },
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{doing, origin};
use crate::{
    Gateway,
    json::{list as list_of, string, when},
    lanes,
    write::SAGEMAKER,
};

fn serves_components(snapshot: Option<&Snapshot>) -> bool {
    snapshot.and_then(|snapshot| snapshot.endpoint.details.as_ref()).is_some_and(component::is_of_components)
}

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

    /// As AWS sends it.
    pub(crate) async fn described(&self, target: &Target) -> Result<Value, Fault> {
        let kind = target.kind;
        if kind == Kind::HumanLoop {
            return self.human_loop(&target.id).await;
        }
        let input = json!({ kind.parameter(): target.id.raw() });
        self.json(&SAGEMAKER, doing(kind.describe(), "reading what a plan is about"), &input).await
    }

    pub(super) async fn describe(&self, target: &Target) -> Result<Sight, Fault> {
        Ok(seen(target.kind, self.described(target).await?))
    }

    /// Versions of the account of `source` are described by that.
    pub(super) async fn describe_all(&self, targets: Vec<Target>, source: Option<(&Self, &Scope)>, facts: &mut Facts) {
        let read = lanes::four(&targets, |index| {
            let target = &targets[index];
            let theirs = source.filter(|(_, scope)| {
                target.kind == Kind::ModelPackage
                    && origin::place(target).is_some_and(|account| scope.account == account.as_str())
            });
            theirs.map_or(self, |(source, _)| source).describe(target)
        })
        .await;
        facts.things.extend(targets.iter().cloned().zip(read).map(|(target, read)| match read {
            Ok(sight) => (target, Ok(Some(sight))),
            Err(fault) if fault.kind == FaultKind::Missing => (target, Ok(None)),
            Err(fault) => (target, Err(fault)),
        }));
    }

    /// Everything that one intent is judged by. A description that cannot be read is told as such.
    pub(crate) async fn facts(&self, intent: &Intent, deep: bool) -> Result<Facts, Fault> {
        self.facts_with(intent, deep, None).await
    }

    /// As [`Self::facts`]; what is of another account is asked of `source`.
    pub(super) async fn facts_with(&self, intent: &Intent, deep: bool, source: Option<&Self>) -> Result<Facts, Fault> {
        let target = intent.change.target();
        let (facts, lock) =
            tokio::join!(Box::pin(self.facts_of(intent, deep, source)), Box::pin(self.lock_of(&target)));
        Ok(Facts { lock, ..facts? })
    }

    async fn facts_of(&self, intent: &Intent, deep: bool, source: Option<&Self>) -> Result<Facts, Fault> {
        let source = source.zip(intent.change.origin().map(|origin| &origin.scope));
        let snapshot = match intent.change.endpoint() {
            Some(endpoint) => Some(Box::pin(self.snapshot(endpoint, deep, intent.change.candidate())).await?),
            None => None,
        };
        let targets = intent.change.things(snapshot.as_ref());
        let mut facts = Facts { snapshot, ..Facts::default() };
        self.describe_all(targets, source, &mut facts).await;
        if let Change::TestShadow(test) = &intent.change {
            while let Some(next) = shadow::unread(&facts, test) {
                self.describe_all(vec![next], None, &mut facts).await;
            }
        }
        facts.at = self.now();
        match &intent.change {
            Change::Promote { package, endpoint, .. } => {
                self.judged_by(package, endpoint, source.map(|(source, _)| source), &mut facts).await;
            }
            Change::RollBack { endpoint, .. } if serves_components(facts.snapshot.as_ref()) => {
                facts.components = Some(Box::pin(self.components(endpoint, deep)).await);
            }
            Change::Callback { execution, .. } => facts.waiting = Some(Box::pin(self.waiting(execution)).await),
            Change::Delete { target, .. } => {
                facts.needed = Some(Box::pin(self.needed(target, facts.snapshot.as_ref())).await);
            }
            change => Box::pin(self.made_before(change, &mut facts)).await,
        }
        Ok(facts)
    }

    /// Callback steps of an execution that wait for an answer.
    async fn waiting(&self, execution: &Text) -> Result<Vec<Waiting>, Fault> {
        let input = json!({ "PipelineExecutionArn": execution.raw(), "SortOrder": "Descending", "MaxResults": 100 });
        let what = doing("ListPipelineExecutionSteps", "listing the steps of a pipeline run");
        let page = self.json(&SAGEMAKER, what, &input).await?;
        let one = |step: &Value| {
            let token = step.pointer("/Metadata/Callback/CallbackToken")?.as_str()?;
            let waits = step.get("StepStatus").and_then(Value::as_str) == Some("Executing");
            let name = Text::new(step.get("StepName")?.as_str()?);
            let since = step.get("StartTime").and_then(when);
            waits.then(|| Waiting { step: name, token: Text::new(token), since })
        };
        Ok(list_of(&page, "PipelineExecutionSteps").filter_map(one).collect())
    }

    /// What the group of the live version knows of a training job, and which job the live version is from; the artifacts
    /// that the new version will have.
    async fn job_as_version(&self, job: &Text, arn: &Text, facts: &mut Facts) -> Vec<Text> {
        let live = facts.things.iter().find_map(|(target, read)| match read {
            Ok(Some(sight)) if target.kind == Kind::ModelPackage => Some(sight),
            _ => None,
        });
        let uri = match facts.thing(&Target::new(Kind::TrainingJob, job.clone())) {
            Some(Ok(Some(job))) => promote::artifact(job),
            _ => return Vec::new(),
        };
        let Some(live) = live else { return vec![uri] };
        let group = live.fact("/ModelPackageGroupName");
        let source = promote::source(live).map(|name| Target::new(Kind::TrainingJob, name));
        let registered = self.registered(&group.raw(), arn).await;
        let others = source
            .into_iter()
            .chain(registered.iter().filter_map(|found| Some(Target::new(Kind::ModelPackage, found.version.clone()?))));
        let others: Vec<Target> = others.filter(|target| facts.thing(target).is_none()).collect();
        facts.registered = Some(registered);
        for target in others {
            let read = match self.describe(&target).await {
                Ok(sight) => Ok(Some(sight)),
                Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
                Err(fault) => Err(fault),
            };
            facts.things.push((target, read));
        }
        match facts.registered.as_ref().and_then(|found| found.as_ref().ok()?.version.clone()) {
            Some(version) => match facts.thing(&Target::new(Kind::ModelPackage, version)) {
                Some(Ok(Some(version))) => promote::artifacts(version),
                _ => Vec::new(),
            },
            None => vec![uri],
        }
    }

    /// The newest number of a group, from the list (which does not lag), and the version made from this job or copied from this
    /// version, from Search.
    pub(super) async fn registered(&self, group: &str, job: &Text) -> Result<Registered, Fault> {
        let list = json!({
            "ModelPackageGroupName": group, "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100,
        });
        let what = doing("ListModelPackages", "listing model versions");
        let page = self.json(&SAGEMAKER, what, &list).await?;
        let numbers =
            list_of(&page, "ModelPackageSummaryList").filter_map(|row| row.get("ModelPackageVersion")?.as_i64());
        let latest = numbers.max().unwrap_or(0);
        let filter = |name: &str, value: &str| json!({ "Name": name, "Operator": "Equals", "Value": value });
        let input = json!({
            "Resource": "ModelPackage", "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 100,
            "SearchExpression": { "Filters": [filter("ModelPackageGroupName", group)] },
        });
        let found = self.json(&SAGEMAKER, doing("Search", "finding model versions"), &input).await?;
        let from_job = |row: &&Value| {
            let named = |pointer: &str| row.pointer(pointer).and_then(Value::as_str) == Some(&job.raw());
            let copied =
                row.pointer("/ModelPackage/CustomerMetadataProperties").and_then(|all| string(all, promote::SOURCE));
            named("/ModelPackage/SourceUri")
                || named("/ModelPackage/MetadataProperties/GeneratedBy")
                || copied == Some(&job.raw())
        };
        let version = list_of(&found, "Results").find(from_job);
        let arn = version.and_then(|row| row.pointer("/ModelPackage/ModelPackageArn")?.as_str());
        Ok(Registered { latest, version: arn.map(Text::new) })
    }

    /// What a version is judged by besides descriptions.
    async fn judged_by(&self, package: &Text, endpoint: &Text, source: Option<&Self>, facts: &mut Facts) {
        let uris = match promote::job_of(package) {
            Some(job) => Box::pin(self.job_as_version(&job, package, facts)).await,
            None => origin::artifacts(facts, package),
        };
        if let (Some(source), Some(version)) = (source, origin::version(facts, package)) {
            facts.origin = Some(Box::pin(source.tell(version, &uris)).await);
            Box::pin(self.copied(package, facts)).await;
        }
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

/// What a description says of its thing. The newest run of a schedule is told within the schedule.
fn seen(kind: Kind, body: Value) -> Sight {
    let text = |path: &str| {
        let found = body.pointer(&format!("/{path}")).filter(|_| !path.is_empty());
        found.and_then(Value::as_str).map(Text::new).unwrap_or_default()
    };
    let modified: Option<Timestamp> =
        ["LastModifiedTime", "CreationTime"].iter().find_map(|name| body.get(*name).and_then(when));
    let mut status = text(kind.status());
    let mut why = ["FailureReason", "StatusReason"].map(text).into_iter().find(|why| !why.is_empty());
    if kind == Kind::MonitoringRun {
        why = Some(text("LastMonitoringExecutionSummary/FailureReason")).filter(|why| !why.is_empty()).or(why);
        // A schedule that cannot run has no run.
        if status.is_empty() && text(Kind::MonitoringSchedule.status()) == "Failed" {
            status = Text::new("Failed");
        }
    }
    Sight { status, modified, failure: why, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_schedule_is_told_by_its_newest_execution_or_by_the_schedules_failure() {
        let of = |body: Value| {
            let sight = seen(Kind::MonitoringRun, body);
            (sight.status.to_string(), sight.failure.map(|why| why.to_string()))
        };
        let run = json!({"MonitoringScheduleStatus": "Scheduled", "LastMonitoringExecutionSummary": {
            "MonitoringExecutionStatus": "Failed", "FailureReason": "no data"}});
        assert_eq!(of(run), ("Failed".to_owned(), Some("no data".to_owned())));
        assert_eq!(of(json!({"MonitoringScheduleStatus": "Pending"})), (String::new(), None));
        let never = json!({"MonitoringScheduleStatus": "Failed", "FailureReason": "role"});
        assert_eq!(of(never), ("Failed".to_owned(), Some("role".to_owned())));
        assert_eq!(seen(Kind::Model, json!({"": "x"})).status, Text::default());
    }
}
