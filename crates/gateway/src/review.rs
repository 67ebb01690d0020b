//! Augmented AI's human loops. Its service speaks REST; a write is still nothing but its body, which the gate compares.

use bytes::Bytes;
use mldeck_core::{fault::Fault, text::Text, time::Timestamp};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::{
    Gateway,
    fault::Doing,
    json::{Api, list},
    pace::Service,
    s3::QUERY,
    signed::{Plain, body},
};

/// The target and version of AWS JSON are not used.
pub(crate) const API: Api = Api {
    pace: Service::SageMaker,
    service_id: "SageMaker A2I Runtime",
    host: "a2i-runtime.sagemaker",
    signing: "sagemaker",
    target: "",
    version: "1.1",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

impl Gateway {
    /// `rest` is what follows `/human-loops`, encoded.
    pub(crate) fn review_request(&self, method: Method, rest: &str, body: Bytes) -> Plain {
        Plain {
            method: match method {
                Method::Get => "GET",
                Method::Post => "POST",
            },
            address: format!("{}/human-loops{rest}", self.address(&API)),
            service: API.signing,
            headers: match method {
                Method::Get => Vec::new(),
                Method::Post => vec![("content-type", "application/json".to_owned())],
            },
            body,
        }
    }

    async fn review(&self, operation: &'static str, rest: &str) -> Result<Value, Fault> {
        let doing = Doing { prefix: "sagemaker", operation, words: "reading human loops" };
        self.paced(API.pace, doing, async {
            let plain = self.review_request(Method::Get, rest, Bytes::new());
            let page = body(self.send_plain(plain, doing).await?, doing).await?;
            let unreadable = mldeck_core::fault::FaultKind::Unreadable;
            serde_json::from_slice(&page).map_err(|_| Fault::new(unreadable, doing.words, "the answer is not JSON"))
        })
        .await
    }

    /// DescribeHumanLoop.
    pub(crate) async fn human_loop(&self, name: &Text) -> Result<Value, Fault> {
        let name = name.raw();
        self.review("DescribeHumanLoop", &format!("/{}", utf8_percent_encode(&name, QUERY))).await
    }

    /// ListHumanLoops of one flow, by its ARN: the newest first, at most `most`.
    pub(crate) async fn human_loops(
        &self,
        flow: &str,
        most: i32,
        since: Option<Timestamp>,
    ) -> Result<Vec<Value>, Fault> {
        let flow = utf8_percent_encode(flow, QUERY);
        let query = format!("?FlowDefinitionArn={flow}&SortOrder=Descending&MaxResults={most}");
        let since = since
            .map_or_else(String::new, |at| format!("&CreationTimeAfter={}", utf8_percent_encode(&at.iso(), QUERY)));
        let page = self.review("ListHumanLoops", &format!("{query}{since}")).await?;
        Ok(list(&page, "HumanLoopSummaries").cloned().collect())
    }
}
