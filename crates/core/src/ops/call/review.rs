//! Requests about human loops: Augmented AI's questions to people.

use serde_json::json;

use super::{Action, Call, PLAN_ID, copy};
use crate::{ops::target::Kind, text::Text};

/// What the name of a loop of ours begins with: names of loops are lower-case (API reference), those of flows are as well.
pub fn stem(flow: &Text) -> String {
    copy::stem(&flow.raw().to_ascii_lowercase(), 0)
}

/// StartHumanLoop: `flow` is an ARN, `input` the JSON that its page shows.
pub fn start_review(name: &str, flow: &str, input: &str) -> Call {
    let body = json!({
        "HumanLoopName": format!("{name}-{PLAN_ID}"), "FlowDefinitionArn": flow,
        "HumanLoopInput": { "InputContent": input },
    });
    Call::new(Action::StartHumanLoop, body)
}

pub fn stop_review(name: &Text) -> Call {
    Call::new(Action::StopHumanLoop, json!({ Kind::HumanLoop.parameter(): name.raw() }))
}
