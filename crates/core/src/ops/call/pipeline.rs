//! Requests about pipeline executions. Client tokens of pipelines have 32 to 128 characters (botocore's model).

use serde_json::{Map, Value, json};

use super::{Action, Call, PLAN_ID};
use crate::text::Text;

fn token(what: &str) -> String {
    format!("mldeck-{PLAN_ID}-{what}-of-a-pipeline-execution")
}

/// StartPipelineExecution with these parameters; what is not among them takes the default of the definition.
pub fn start_execution(pipeline: &Text, name: &str, parameters: &[(Text, Text)]) -> Call {
    let one = |(name, value): &(Text, Text)| json!({ "Name": name.raw(), "Value": value.raw() });
    let mut body = Map::new();
    body.insert("PipelineName".into(), pipeline.raw().into());
    body.insert("ClientRequestToken".into(), token("start").into());
    if !name.is_empty() {
        body.insert("PipelineExecutionDisplayName".into(), name.chars().take(82).collect::<String>().into());
    }
    if !parameters.is_empty() {
        body.insert("PipelineParameters".into(), parameters.iter().map(one).collect());
    }
    Call::new(Action::StartPipelineExecution, Value::Object(body))
}

pub fn stop_execution(arn: &Text) -> Call {
    let body = json!({ "PipelineExecutionArn": arn.raw(), "ClientRequestToken": token("stop") });
    Call::new(Action::StopPipelineExecution, body)
}

/// RetryPipelineExecution: the same execution goes on from its failed steps.
pub fn retry_execution(arn: &Text) -> Call {
    let body = json!({ "PipelineExecutionArn": arn.raw(), "ClientRequestToken": token("retry") });
    Call::new(Action::RetryPipelineExecution, body)
}

/// Answers a callback step: success with its outputs, or why it failed.
pub fn answer_callback(callback: &str, failure: Option<&str>, outputs: &[(Text, Text)]) -> Call {
    let mut body = json!({ "CallbackToken": callback, "ClientRequestToken": token("answer") });
    let Some(failure) = failure else {
        if !outputs.is_empty() {
            let one = |(name, value): &(Text, Text)| json!({ "Name": name.raw(), "Value": value.raw() });
            body["OutputParameters"] = outputs.iter().map(one).collect();
        }
        return Call::new(Action::SendPipelineExecutionStepSuccess, body);
    };
    body["FailureReason"] = failure.chars().take(256).collect::<String>().into();
    Call::new(Action::SendPipelineExecutionStepFailure, body)
}
