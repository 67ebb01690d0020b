//! Who changed endpoints when, from CloudTrail: two calls a second per account and region, minutes late.

use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use mldeck_core::{ask::TrailEvent, fault::Fault, id::arn_tail, mask, text::Text, time::Timestamp};
use serde_json::Value;

use crate::{Gateway, fault::Doing, maybe, pace::Service, sdk_time, text, time};

const NAMES: [&str; 3] = ["UpdateEndpoint", "CreateEndpoint", "UpdateEndpointWeightsAndCapacities"];
/// 50 events each: at half a call a second more would take minutes.
const PAGES: usize = 6;
const DOING: Doing = Doing { prefix: "cloudtrail", operation: "LookupEvents", words: "reading who changed endpoints" };

impl Gateway {
    /// Newest first; refused events included.
    pub(crate) async fn changes(&self, since: Timestamp) -> Result<Vec<TrailEvent>, Fault> {
        let mut events = Vec::new();
        for name in NAMES {
            let by_name = LookupAttribute::builder()
                .attribute_key(LookupAttributeKey::EventName)
                .attribute_value(name)
                .build()
                .map_err(|error| Fault::new(mldeck_core::fault::FaultKind::Bug, DOING.words, &error.to_string()))?;
            let mut token = None;
            for _ in 0..PAGES {
                let call = self
                    .clients()
                    .cloudtrail
                    .lookup_events()
                    .lookup_attributes(by_name.clone())
                    .start_time(sdk_time(since))
                    .max_results(50)
                    .set_next_token(token);
                let page = self.read(Service::CloudTrail, DOING, call.send()).await?;
                events.extend(page.events().iter().filter_map(event));
                token = page.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        Ok(events)
    }
}

/// `None` when it does not say which endpoint.
fn event(event: &Event) -> Option<TrailEvent> {
    let detail: Value = serde_json::from_str(event.cloud_trail_event().unwrap_or_default()).unwrap_or_default();
    let string = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).filter(|found| !found.is_empty());
    // Events of other services can have the same name.
    let source = event.event_source().or_else(|| string("/eventSource"));
    if source.is_some_and(|source| source != "sagemaker.amazonaws.com") {
        return None;
    }
    let parameter = |name: &str| {
        let capital: String = name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
        string(&format!("/requestParameters/{name}")).or_else(|| string(&format!("/requestParameters/{capital}")))
    };
    let by_resource = || {
        let endpoints =
            event.resources().iter().filter(|found| found.resource_type() == Some("AWS::SageMaker::Endpoint"));
        endpoints.filter_map(|found| maybe(found.resource_name())).find(|name| !name.as_str().starts_with("arn:"))
    };
    let endpoint = parameter("endpointName").map(Text::new).or_else(by_resource)?;
    let by = event
        .username()
        .filter(|name| !name.is_empty())
        .or_else(|| string("/userIdentity/arn").map(arn_tail))
        .or_else(|| string("/userIdentity/invokedBy"))
        .or_else(|| string("/userIdentity/principalId").map(arn_tail));
    let error = string("/errorCode").map(|code| {
        mask::line(&string("/errorMessage").map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")))
    });
    Some(TrailEvent {
        at: time(event.event_time()),
        name: text(event.event_name()),
        endpoint,
        config: parameter("endpointConfigName").map(Text::new),
        by: by.map(Text::new).unwrap_or_default(),
        error,
        event_id: text(event.event_id()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(detail: &Value) -> Option<TrailEvent> {
        let built = Event::builder()
            .event_id("e1")
            .event_name("UpdateEndpoint")
            .event_time(aws_smithy_types::DateTime::from_secs(1_000))
            .cloud_trail_event(detail.to_string())
            .build();
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
