//! What was done to a target, and what was not, in the words of Application Auto Scaling.

use mldeck_core::time::{DAY, Timestamp};
use serde_json::{Value, json};

use super::{about, answer, namespace};
use crate::world::{ApiError, Reply, Request, World, epoch, noise};

/// Activities kept, and for how long they are told.
const KEPT: usize = 1_000;
const TOLD: i64 = 42 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    InProgress,
    Successful,
    Overridden,
    Unfulfilled,
    Failed,
}

/// Why nothing was scaled: a code, and the capacity that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    AtMax(i64),
    AtMin(i64),
    AtDesired(i64),
    Flapping,
    Unscalable,
}

impl Reason {
    fn body(self) -> Value {
        match self {
            Self::AtMax(n) => json!({"Code": "AlreadyAtMaxCapacity", "MaxCapacity": n}),
            Self::AtMin(n) => json!({"Code": "AlreadyAtMinCapacity", "MinCapacity": n}),
            Self::AtDesired(n) => json!({"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": n}),
            Self::Flapping => json!({"Code": "AutoScalingAnticipatedFlapping"}),
            Self::Unscalable => json!({"Code": "TargetServicePutResourceAsUnscalable"}),
        }
    }
}

pub(super) struct Activity {
    number: u64,
    resource: String,
    at: Timestamp,
    ended: Option<Timestamp>,
    cause: String,
    description: String,
    pub(super) code: Code,
    message: String,
    /// For activities that are shown on demand only.
    not_scaled: Option<Reason>,
}

/// `monitor alarm … in state ALARM triggered policy …`.
pub(super) fn cause(alarm: &str, state: &str, policy: &str) -> String {
    format!("monitor alarm {alarm} in state {state} triggered policy {policy}")
}

pub(super) fn note(
    world: &mut World,
    id: &str,
    (at, ended): (Timestamp, Option<Timestamp>),
    words: [String; 3],
    (code, not_scaled): (Code, Option<Reason>),
) {
    let state = &mut world.scaling;
    if state.activities.len() >= KEPT {
        state.activities.pop_front();
    }
    state.acted += 1;
    let [cause, description, message] = words;
    let (number, resource) = (state.acted, id.to_owned());
    state.activities.push_back(Activity { number, resource, at, ended, cause, description, code, message, not_scaled });
}

/// The count was asked for and is on its way, or was refused.
pub(super) fn asked(world: &mut World, id: &str, cause: String, count: i64, refused: Option<(ApiError, String)>) {
    let now = world.now;
    let what = format!("set desired instance count to {count}.");
    let description = format!("Setting desired instance count to {count}.");
    let (ended, message, code) = match refused {
        None => (None, waiting(&what), Code::InProgress),
        Some((error, request)) => {
            let ApiError { status, code, message } = error;
            let message = format!(
                "Failed to {what} Reason: {message} (Service: AmazonSageMaker; Status Code: {status}; Error Code: {code}; \
                 Request ID: {request}; Proxy: null)."
            );
            (Some(now), message, Code::Failed)
        }
    };
    note(world, id, (now, ended), [cause, description, message], (code, None));
}

fn waiting(what: &str) -> String {
    format!("Successfully {what} Waiting for change to be fulfilled by sagemaker.")
}

pub(super) fn fulfilled(count: i64) -> String {
    format!("Successfully set desired instance count to {count}. Change successfully fulfilled by sagemaker.")
}

/// Bounds were set by a schedule, or could not be.
pub(super) fn bounds_were_set(world: &mut World, id: &str, cause: &str, what: &str, set: Result<(), ApiError>) {
    let now = world.now;
    let (message, code) = match set {
        Ok(()) => (format!("Successfully set {what}"), Code::Successful),
        Err(error) => (format!("Failed to set {what}. Reason: {}", error.message), Code::Failed),
    };
    note(world, id, (now, None), [cause.to_owned(), format!("Setting {what}"), message], (code, None));
}

/// Nothing was scaled. The same reason twice in a row is told once.
pub(super) fn not_scaled(world: &mut World, id: &str, cause: String, reason: Reason) {
    let last = world.scaling.activities.iter().rev().find(|activity| activity.resource == id);
    if last.is_some_and(|last| last.not_scaled == Some(reason)) {
        return;
    }
    let now = world.now;
    let code = if matches!(reason, Reason::AtDesired(_)) { Code::Successful } else { Code::Failed };
    let description = "Attempting to scale due to alarm triggered".to_owned();
    note(world, id, (now, Some(now)), [cause, description, String::new()], (code, Some(reason)));
}

/// The activity of a target that is under way.
pub(super) fn under_way<'w>(world: &'w mut World, id: &str) -> Option<&'w mut Activity> {
    let mut activities = world.scaling.activities.iter_mut().rev();
    activities.find(|activity| activity.resource == id && activity.code == Code::InProgress)
}

impl Activity {
    /// Ends it. The words for an end without fulfilment are our guess.
    pub(super) fn end(&mut self, code: Code, count: i64, at: Timestamp) {
        (self.code, self.ended) = (code, Some(at));
        self.message = match code {
            Code::Overridden => format!(
                "Successfully set desired instance count to {count}. Change was overridden by a newer scaling event."
            ),
            Code::Unfulfilled => {
                format!(
                    "Successfully set desired instance count to {count}. Change could not be fulfilled by sagemaker."
                )
            }
            _ => fulfilled(count),
        };
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "ActivityId": noise::uuid(&[noise::name(&self.resource), self.number]),
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": epoch(self.at),
            "StatusCode": format!("{:?}", self.code),
        });
        if let Some(ended) = self.ended {
            body["EndTime"] = epoch(ended);
        }
        if !self.message.is_empty() {
            body["StatusMessage"] = self.message.as_str().into();
        }
        if let Some(reason) = self.not_scaled {
            body["NotScaledReasons"] = json!([reason.body()]);
        }
        about(&self.resource, body)
    }
}

pub(super) fn describe(world: &mut World, request: &Request<'_>) -> Reply {
    namespace(request)?;
    let all = request.flag("IncludeNotScaledActivities");
    let oldest = world.now.plus(-TOLD);
    let rows: Vec<Value> = world
        .scaling
        .activities
        .iter()
        .rev()
        .filter(|activity| (all || activity.not_scaled.is_none()) && activity.at >= oldest)
        .filter(|activity| super::is_asked(request, "", &activity.resource, ""))
        .map(Activity::body)
        .collect();
    answer(&rows, request, "ScalingActivities")
}
