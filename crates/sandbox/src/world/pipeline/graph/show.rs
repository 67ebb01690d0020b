//! Steps on the wire.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{Live, Node, Slot, check, job, resolve, text};
use crate::world::{World, epoch, estate, lists::without_nulls, pipeline::Execution};

/// `PipelineExecutionStep` of every step that has begun, oldest first.
pub(crate) fn started(live: &Live, now: Timestamp) -> Vec<Value> {
    let mut all: Vec<(&Slot, &Node)> =
        live.slots.iter().filter_map(|(at, slot)| Some((slot, live.graph.nodes.get(*at)?))).collect();
    all.sort_by_key(|(slot, _)| slot.start);
    all.into_iter().map(|(slot, node)| step(slot, node, now)).collect()
}

fn step(slot: &Slot, node: &Node, now: Timestamp) -> Value {
    let is_new = slot.status == "Executing" && now.since(slot.start) < 5 * SECOND;
    let named = |member: &str| node.body.get(member).cloned();
    let source = |arn: &Option<String>| arn.as_ref().map(|arn| json!({"SourcePipelineExecutionArn": arn}));
    without_nulls(json!({
        "StepName": node.name,
        "StepDisplayName": named("DisplayName"),
        "StepDescription": named("Description"),
        "StartTime": epoch(slot.start),
        "EndTime": slot.end.map(epoch),
        "StepStatus": if is_new { "Starting" } else { slot.status },
        "AttemptCount": slot.attempts.max(1),
        "FailureReason": slot.failure.as_ref().filter(|_| slot.status == "Failed"),
        "CacheHitResult": source(&slot.cached),
        "SelectiveExecutionResult": source(&slot.copied),
        "Metadata": metadata(slot, node),
    }))
}

fn metadata(slot: &Slot, node: &Node) -> Option<Value> {
    let outputs = || resolve::outputs(&slot.outputs).1;
    Some(match node.kind {
        "Condition" if slot.end.is_some() => {
            json!({"Condition": {"Outcome": if slot.outcome? { "True" } else { "False" }}})
        }
        "Fail" => json!({"Fail": {"ErrorMessage": slot.failure.as_ref().or(slot.fails.as_ref())?}}),
        "Callback" => json!({"Callback": {
            "CallbackToken": slot.token, "SqsQueueUrl": text(&node.body, "SqsQueueUrl"), "OutputParameters": outputs(),
        }}),
        "Lambda" => json!({"Lambda": {"Arn": text(&node.body, "FunctionArn"), "OutputParameters": outputs()}}),
        "QualityCheck" | "ClarifyCheck" => {
            let mut body = check::metadata(slot, node);
            body.insert("CheckJobArn".to_owned(), slot.made.as_ref()?.1.clone().into());
            json!({ node.kind: body })
        }
        kind => {
            let (_, arn, _) = slot.made.as_ref()?;
            json!({ job::maker_of(kind)?.metadata: {"Arn": arn} })
        }
    })
}

/// `DescribeProcessingJob` of a step whose job is kept with it.
pub(crate) fn processing_job(world: &World, name: &str) -> Option<Value> {
    let slots = world.pipelines.executions.iter().filter_map(|execution: &Execution| execution.live.as_deref());
    let slot = slots.flat_map(|live| live.slots.values()).find(|slot| {
        let made = slot.made.as_ref();
        made.is_some_and(|(known, arn, kept)| {
            !kept && known.eq_ignore_ascii_case(name) && arn.contains(":processing-job/")
        })
    })?;
    let (name, arn, _) = slot.made.as_ref()?;
    let status = match slot.status {
        "Succeeded" => "Completed",
        status @ ("Failed" | "Stopping" | "Stopped") => status,
        _ => "InProgress",
    };
    let failure = slot.failure.as_ref().filter(|_| status == "Failed");
    let mut body = json!({
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}},
        "AppSpecification": {"ImageUri": format!("{}.dkr.ecr.{}.amazonaws.com/tools:stable", estate::ACCOUNT, estate::REGION)},
        "RoleArn": estate::EXECUTION_ROLE,
    });
    for (member, value) in slot.arguments.as_object().into_iter().flatten() {
        body[member] = value.clone();
    }
    for (member, value) in [
        ("ProcessingJobName", json!(name)),
        ("ProcessingJobArn", json!(arn)),
        ("ProcessingJobStatus", json!(status)),
        ("CreationTime", epoch(slot.start)),
        ("ProcessingStartTime", epoch(slot.start.plus(30 * SECOND))),
        ("ProcessingEndTime", slot.end.map_or(Value::Null, epoch)),
        ("LastModifiedTime", epoch(slot.end.unwrap_or(slot.start))),
        ("FailureReason", failure.map_or(Value::Null, |text| text.trim_start_matches("ClientError: ").into())),
    ] {
        body[member] = value;
    }
    Some(without_nulls(body))
}
