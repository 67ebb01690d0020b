//! Lists of what runs for a while and serves nobody: processing, transform and labeling jobs, shadow tests, human loops.

use mldeck_core::{
    ask::Answer,
    fault::{Fault, FaultKind},
    resource::{Job, job::JobKind},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{PAGE, doing};
use crate::{
    Gateway,
    json::{list, string, token, when},
    lanes,
    write::SAGEMAKER,
};

/// Pages of 100 a list is followed: what is older is no work of an operator's.
const PAGES: usize = 3;
/// Flow definitions whose loops are listed, a call each.
const MOST_FLOWS: usize = 10;

/// One list operation: where its rows are, and what they are called there.
struct Listed {
    kind: JobKind,
    operation: &'static str,
    rows: &'static str,
    name: &'static str,
    arn: &'static str,
    status: &'static str,
    failure: &'static str,
}

const LISTED: [Listed; 4] = [
    Listed {
        kind: JobKind::Processing,
        operation: "ListProcessingJobs",
        rows: "ProcessingJobSummaries",
        name: "ProcessingJobName",
        arn: "ProcessingJobArn",
        status: "ProcessingJobStatus",
        failure: "FailureReason",
    },
    Listed {
        kind: JobKind::Transform,
        operation: "ListTransformJobs",
        rows: "TransformJobSummaries",
        name: "TransformJobName",
        arn: "TransformJobArn",
        status: "TransformJobStatus",
        failure: "FailureReason",
    },
    Listed {
        kind: JobKind::Labeling,
        operation: "ListLabelingJobs",
        rows: "LabelingJobSummaryList",
        name: "LabelingJobName",
        arn: "LabelingJobArn",
        status: "LabelingJobStatus",
        failure: "FailureReason",
    },
    Listed {
        kind: JobKind::Shadow,
        operation: "ListInferenceExperiments",
        rows: "InferenceExperiments",
        name: "Name",
        arn: "",
        status: "Status",
        failure: "StatusReason",
    },
];

impl Gateway {
    /// What one of the lists does not tell is a gap; an error is what none of them tells.
    pub(crate) async fn jobs(&self, since: Timestamp) -> Result<Answer, Fault> {
        let read = lanes::four(&LISTED, |index| self.listed(&LISTED[index], since)).await;
        let (mut rows, mut gaps) = (Vec::new(), Vec::new());
        for one in read.into_iter().chain([self.loops(since).await]) {
            match one {
                Ok(more) => rows.extend(more),
                // A region without Augmented AI, or a fake: there are none.
                Err(fault) if matches!(fault.kind, FaultKind::NotOffered { .. }) => {}
                Err(fault) => gaps.push(fault),
            }
        }
        match gaps.pop() {
            Some(fault) if gaps.len() == LISTED.len() => Err(fault),
            last => {
                gaps.extend(last);
                Ok(Answer::Jobs { rows, gaps })
            }
        }
    }

    async fn listed(&self, of: &Listed, since: Timestamp) -> Result<Vec<Job>, Fault> {
        let mut input = json!({
            "CreationTimeAfter": since.secs_f64(), "SortBy": "CreationTime", "SortOrder": "Descending",
            "MaxResults": PAGE,
        });
        let mut out = Vec::new();
        for _ in 0..PAGES {
            let page = self.json(&SAGEMAKER, doing(of.operation, "listing jobs"), &input).await?;
            out.extend(list(&page, of.rows).filter_map(|row| job(of, row)));
            let Some(next) = token(&page, "NextToken") else { break };
            input["NextToken"] = next.into();
        }
        Ok(out)
    }

    async fn loops(&self, since: Timestamp) -> Result<Vec<Job>, Fault> {
        let what = doing("ListFlowDefinitions", "listing flow definitions");
        let page = self.json(&SAGEMAKER, what, &json!({ "MaxResults": MOST_FLOWS, "SortOrder": "Descending" })).await?;
        let flows: Vec<(String, String)> = list(&page, "FlowDefinitionSummaries")
            .filter_map(|row| {
                Some((string(row, "FlowDefinitionName")?.to_owned(), string(row, "FlowDefinitionArn")?.to_owned()))
            })
            .collect();
        let mut out = Vec::new();
        for read in lanes::four(&flows, |index| self.human_loops(&flows[index].1, PAGE, Some(since)))
            .await
            .into_iter()
            .zip(&flows)
        {
            let (rows, (flow, _)) = read;
            out.extend(rows?.iter().filter_map(|row| human_loop(flow, row)));
        }
        Ok(out)
    }
}

fn text(row: &Value, name: &str) -> Text {
    string(row, name).map(Text::new).unwrap_or_default()
}

fn reason(row: &Value, name: &str) -> Option<Text> {
    string(row, name).filter(|why| !why.is_empty()).map(mldeck_core::mask::line)
}

fn job(of: &Listed, row: &Value) -> Option<Job> {
    let name = string(row, of.name)?;
    let counted = |name: &str| row.pointer(&format!("/LabelCounters/{name}")).and_then(Value::as_i64);
    let done = counted("TotalLabeled").map(|labeled| labeled + counted("FailedNonRetryableError").unwrap_or(0));
    Some(Job {
        name: Job::row(of.kind, name),
        title: Text::new(name),
        kind: of.kind,
        arn: text(row, of.arn),
        status: text(row, of.status),
        failure: reason(row, of.failure),
        created: row.get("CreationTime").and_then(when)?,
        modified: row.get("LastModifiedTime").and_then(when),
        progress: done.zip(counted("Unlabeled")).map(|(done, open)| (done, done + open)),
        of: None,
    })
}

fn human_loop(flow: &str, row: &Value) -> Option<Job> {
    let name = string(row, "HumanLoopName")?;
    Some(Job {
        name: Job::row(JobKind::Loop, name),
        title: Text::new(name),
        kind: JobKind::Loop,
        arn: Text::default(),
        status: text(row, "HumanLoopStatus"),
        failure: reason(row, "FailureReason"),
        created: row.get("CreationTime").and_then(when)?,
        modified: None,
        progress: None,
        of: Some(Text::new(flow)),
    })
}
