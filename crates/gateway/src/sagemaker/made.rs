//! What is judged before something is made under a name of its own: what was made like it before, the tags that it takes
//! over, and whether people would see what callers sent.

use mldeck_core::{
    fault::Fault,
    ops::{
        Facts,
        call::{Ending, copy, job, review},
        intent::Change,
        target::{Kind, Sight, Target},
        verb::{clone, shadow},
    },
    text::Text,
};
use serde_json::{Value, json};

use super::{PAGE, doing};
use crate::{
    Gateway,
    json::{list, string, token},
    write::SAGEMAKER,
};

/// Pages of 100 that are searched for the newest one of ours.
const PAGES: usize = 3;
/// Bytes of a manifest that are searched for captured payload.
const SEARCHED: usize = 256 * 1024;

impl Gateway {
    pub(crate) async fn made_before(&self, change: &Change, facts: &mut Facts) {
        match change {
            Change::CloneJob { source, edits } => {
                let stem = copy::stem(&source.id.raw(), 0);
                facts.latest = self.newest(source.kind, &stem).await;
                let Some(Ok(Some(sight))) = facts.thing(source) else { return };
                let (arn, manifest) =
                    (arn_of(source.kind, sight), edits.manifest.clone().unwrap_or_else(|| manifest(&sight.body)));
                facts.tags = Some(self.all_tags(&arn).await);
                facts.captured = self.captured(source.kind, &manifest).await;
            }
            Change::StartJob { kind, template } => {
                let body: Value = serde_json::from_str(&template.raw()).unwrap_or_default();
                let name = string(&body, kind.parameter()).unwrap_or_default();
                facts.latest = self.newest(*kind, &copy::stem(name, 0)).await;
                facts.captured = self.captured(*kind, &manifest(&body)).await;
            }
            Change::RunMonitor { schedule, .. } => {
                facts.latest = self.newest(Kind::MonitoringSchedule, &job::now_stem(schedule)).await;
            }
            Change::TestShadow(test) => facts.latest = self.newest(Kind::Experiment, &shadow::stem(test)).await,
            Change::StartReview { flow, .. } => {
                let target = Target::new(Kind::FlowDefinition, flow.clone());
                let Some(Ok(Some(sight))) = facts.thing(&target) else { return };
                let listed = self.human_loops(&sight.fact("/FlowDefinitionArn").raw(), PAGE, None).await;
                facts.latest = Some(listed.map(|rows| {
                    let names = rows.iter().filter_map(|row| string(row, "HumanLoopName")).map(str::to_owned).collect();
                    first_of(&review::stem(flow), names)
                }));
            }
            Change::EndShadow { ending: Ending::Promote, .. } => {
                let Some(Ok(Some(sight))) = facts.thing(&change.target()) else { return };
                let (endpoint, variant) = shadow::replaced(sight);
                facts.scaling = Some(self.scaling(&endpoint, &[variant]).await);
            }
            _ => {}
        }
    }

    /// The newest thing of this kind that a plan made under this stem; `None` for a kind that nothing is made of.
    async fn newest(&self, kind: Kind, stem: &str) -> Option<Result<Option<Text>, Fault>> {
        let (operation, summaries, name) = match kind {
            Kind::TrainingJob => ("ListTrainingJobs", "TrainingJobSummaries", "TrainingJobName"),
            Kind::ProcessingJob => ("ListProcessingJobs", "ProcessingJobSummaries", "ProcessingJobName"),
            Kind::TransformJob => ("ListTransformJobs", "TransformJobSummaries", "TransformJobName"),
            Kind::LabelingJob => ("ListLabelingJobs", "LabelingJobSummaryList", "LabelingJobName"),
            Kind::MonitoringSchedule => {
                ("ListMonitoringSchedules", "MonitoringScheduleSummaries", "MonitoringScheduleName")
            }
            Kind::Experiment => ("ListInferenceExperiments", "InferenceExperiments", "Name"),
            _ => return None,
        };
        Some(self.newest_of(operation, summaries, name, stem).await)
    }

    /// Filters are applied after a page is cut, so a page may be empty and not the last. What lies further back than a few
    /// pages is not found; its name is, right before the call.
    async fn newest_of(
        &self,
        operation: &'static str,
        summaries: &str,
        name: &str,
        stem: &str,
    ) -> Result<Option<Text>, Fault> {
        let mut input = json!({
            "NameContains": stem, "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": PAGE,
        });
        for _ in 0..PAGES {
            let what = doing(operation, "looking for what was made before");
            let page = self.json(&SAGEMAKER, what, &input).await?;
            let names = list(&page, summaries).filter_map(|row| string(row, name)).map(str::to_owned).collect();
            if let Some(found) = first_of(stem, names) {
                return Ok(Some(found));
            }
            let Some(next) = token(&page, "NextToken") else { break };
            input["NextToken"] = next.into();
        }
        Ok(None)
    }

    /// Unmasked: they go to what is made.
    async fn all_tags(&self, arn: &str) -> Result<Vec<(Text, Text)>, Fault> {
        let input = json!({ "ResourceArn": arn });
        let page = self.json(&SAGEMAKER, doing("ListTags", "reading tags"), &input).await?;
        let pair = |tag: &Value| Some((Text::new(string(tag, "Key")?), Text::new(string(tag, "Value")?)));
        Ok(list(&page, "Tags").filter_map(pair).collect())
    }

    async fn captured(&self, kind: Kind, manifest: &Text) -> Option<Result<Option<Text>, Fault>> {
        if kind != Kind::LabelingJob || manifest.is_empty() {
            return None;
        }
        let uri = manifest.raw();
        Some(self.object(&uri).await.map(|body| {
            let start = body.get(..SEARCHED).unwrap_or(&body);
            clone::captured(&uri, &String::from_utf8_lossy(start))
        }))
    }
}

/// `names` come the newest first.
fn first_of(stem: &str, names: Vec<String>) -> Option<Text> {
    names.into_iter().find(|name| copy::is_of(stem, name)).map(|name| Text::new(&name))
}

fn manifest(body: &Value) -> Text {
    let uri = body.pointer("/InputConfig/DataSource/S3DataSource/ManifestS3Uri").and_then(Value::as_str);
    Text::new(uri.unwrap_or_default())
}

/// Descriptions name jobs besides their own.
fn arn_of(kind: Kind, sight: &Sight) -> String {
    sight.fact(&format!("/{}", kind.parameter().replace("Name", "Arn"))).raw()
}
