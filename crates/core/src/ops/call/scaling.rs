//! Requests about Application Auto Scaling.

use serde_json::json;

use super::{Action, Call};
use crate::{ops::snapshot::ScalingTarget, text::Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingSwitch {
    Suspend,
    /// As it was before.
    Restore,
}

/// RegisterScalableTarget on a registered target only changes what is named (Application Auto Scaling's API reference):
/// here nothing but whether it is suspended.
pub fn suspend_scaling(endpoint: &Text, target: &ScalingTarget, switch: ScalingSwitch) -> Call {
    let suspended = switch == ScalingSwitch::Suspend;
    let body = json!({
        "ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": format!("endpoint/{}/variant/{}", endpoint.raw(), target.variant.raw()),
        "SuspendedState": {
            "DynamicScalingInSuspended": suspended || target.suspended_in,
            "DynamicScalingOutSuspended": suspended || target.suspended_out,
            "ScheduledScalingSuspended": suspended || target.suspended_schedule,
        },
    });
    Call::new(Action::RegisterScalableTarget, body)
}
