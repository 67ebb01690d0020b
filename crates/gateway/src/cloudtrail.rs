//! Who changed endpoints when, from CloudTrail: two calls a second per account and region, minutes late.

use mldeck_core::{
    ask::TrailEvent,
    fault::Fault,
    id::arn_tail,
    mask,
    ops::component::{self, Told},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use crate::{
    Gateway,
    fault::Doing,
    json::{self, Api, list, string, when},
    maybe,
    pace::Service,
    text,
};

const API: Api = Api {
    pace: Service::CloudTrail,
    service_id: "CloudTrail",
    host: "cloudtrail",
    signing: "cloudtrail",
    target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    version: "1.1",
};

const NAMES: [&str; 3] = ["UpdateEndpoint", "CreateEndpoint", "UpdateEndpointWeightsAndCapacities"];
/// 50 events each: at half a call a second more would take minutes.
const PAGES: usize = 6;
const COMPONENTS: Doing =
    Doing { prefix: "cloudtrail", operation: "LookupEvents", words: "reading who changed inference components" };
const DOING: Doing = Doing { prefix: "cloudtrail", operation: "LookupEvents", words: "reading who changed endpoints" };

impl Gateway {
    /// Newest first; refused events included.
    pub(crate) async fn changes(&self, since: Timestamp) -> Result<Vec<TrailEvent>, Fault> {
        let mut events = Vec::new();
        for name in NAMES {
            self.each_event(name, since, DOING, |found| events.extend(event(found))).await?;
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        Ok(events)
    }

    /// What inference components were told to serve, with their names; newest first, refused requests left out.
    pub(crate) async fn told_to_components(&self, since: Timestamp) -> Result<Vec<(Text, Told)>, Fault> {
        let mut out = Vec::new();
        for name in ["UpdateInferenceComponent", "CreateInferenceComponent"] {
            self.each_event(name, since, COMPONENTS, |found| out.extend(told(found))).await?;
        }
        out.sort_by_key(|(_, told): &(Text, Told)| std::cmp::Reverse(told.at));
        Ok(out)
    }

    async fn each_event(
        &self,
        name: &str,
        since: Timestamp,
        doing: Doing,
        mut take: impl FnMut(&Value),
    ) -> Result<(), Fault> {
        let mut token = None;
        for _ in 0..PAGES {
            let mut input = json!({
                "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}],
                "StartTime": since.secs(),
                "MaxResults": 50,
            });
            if let Some(token) = token {
                input["NextToken"] = json!(token);
            }
            let page = self.json(&API, doing, &input).await?;
            list(&page, "Events").for_each(&mut take);
            token = json::token(&page, "NextToken");
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn detail(event: &Value) -> Value {
    serde_json::from_str(string(event, "CloudTrailEvent").unwrap_or_default()).unwrap_or_default()
}

/// Who made the request, by the shortest name there is.
fn by(event: &Value, detail: &Value) -> Text {
    let inside = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).filter(|found| !found.is_empty());
    let by = string(event, "Username")
        .filter(|name| !name.is_empty())
        .or_else(|| inside("/userIdentity/arn").map(arn_tail))
        .or_else(|| inside("/userIdentity/invokedBy"))
        .or_else(|| inside("/userIdentity/principalId").map(arn_tail));
    by.map(Text::new).unwrap_or_default()
}

/// `None` for a request that was refused, or that said nothing about what is to be served.
fn told(event: &Value) -> Option<(Text, Told)> {
    let detail = detail(event);
    if detail.get("errorCode").is_some_and(|code| !code.is_null()) {
        return None;
    }
    let request = component::from_trail(detail.get("requestParameters")?);
    let specification = request.get("Specification").filter(|found| found.is_object())?.clone();
    let name = Text::new(string(&request, "InferenceComponentName")?);
    let at = event.get("EventTime").and_then(when).unwrap_or_default();
    Some((name, Told { at, by: by(event, &detail), specification }))
}

/// `None` when it does not say which endpoint.
fn event(event: &Value) -> Option<TrailEvent> {
    let detail = detail(event);
    let inside = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).filter(|found| !found.is_empty());
    // Events of other services can have the same name.
    let source = string(event, "EventSource").or_else(|| inside("/eventSource"));
    if source.is_some_and(|source| source != "sagemaker.amazonaws.com") {
        return None;
    }
    let parameter = |name: &str| {
        let capital: String = name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
        inside(&format!("/requestParameters/{name}")).or_else(|| inside(&format!("/requestParameters/{capital}")))
    };
    let by_resource = || {
        let is_endpoint = |found: &&Value| string(found, "ResourceType") == Some("AWS::SageMaker::Endpoint");
        let endpoints = list(event, "Resources").filter(is_endpoint);
        endpoints
            .filter_map(|found| maybe(string(found, "ResourceName")))
            .find(|name| !name.as_str().starts_with("arn:"))
    };
    let endpoint = parameter("endpointName").map(Text::new).or_else(by_resource)?;
    let error = inside("/errorCode").map(|code| {
        mask::line(&inside("/errorMessage").map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
    });
    Some(TrailEvent {
        at: event.get("EventTime").and_then(when).unwrap_or_default(),
        name: text(string(event, "EventName")),
        endpoint,
        config: parameter("endpointConfigName").map(Text::new),
        by: by(event, &detail),
        error,
        event_id: text(string(event, "EventId")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(detail: &Value) -> Option<TrailEvent> {
        let built = json!({"EventId": "e1", "EventName": "UpdateEndpoint", "EventTime": 1_000.0,
            "CloudTrailEvent": detail.to_string()});
        event(&built)
    }

    #[test]
    fn refused_events_are_kept_with_their_error() {
        let detail = json!({"eventSource": "sagemaker.amazonaws.com",
            "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/OnCall/anna"},
            "requestParameters": {"endpointName": "fraud-prod", "endpointConfigName": "fraud-v18"}});
        let good = read(&detail).expect("an event");
        assert_eq!((good.by.as_str(), good.config.as_ref().map(Text::as_str)), ("anna", Some("fraud-v18")));
        assert_eq!(good.change().map(|change| change.at.millis()), Some(1_000_000));
        let mut refused = detail;
        refused["errorCode"] = json!("ValidationException");
        refused["errorMessage"] = json!("Cannot update in-progress endpoint");
        let refused = read(&refused).expect("an event");
        assert_eq!(
            refused.error.as_ref().map(Text::as_str),
            Some("ValidationException: Cannot update in-progress endpoint")
        );
        assert_eq!(refused.change(), None);
    }

    #[test]
    fn odd_events_are_left_out_and_never_an_error() {
        for detail in [
            json!({}),
            json!(7),
            json!({"requestParameters": null}),
            json!({"requestParameters": {"endpointName": 5}}),
            json!({"eventSource": "other.amazonaws.com", "requestParameters": {"endpointName": "x"}}),
        ] {
            assert_eq!(read(&detail), None, "{detail}");
        }
    }
}
