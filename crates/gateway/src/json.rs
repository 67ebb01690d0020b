//! Services of which one read is used, in AWS JSON and without their crates: CloudTrail, Logs and Application Auto
//! Scaling would each cost more time to compile and more of the binary than everything that is asked of them here.

use bytes::Bytes;
use mldeck_core::{
    fault::{Fault, FaultKind},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    Gateway,
    fault::Doing,
    pace::Service,
    signed::{Plain, body, domain},
};

/// A service that speaks AWS JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(crate) pace: Service,
    /// Names its address in the configuration, as in `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`.
    pub(crate) service_id: &'static str,
    /// First part of its host.
    pub(crate) host: &'static str,
    pub(crate) signing: &'static str,
    /// Of `X-Amz-Target`.
    pub(crate) target: &'static str,
    pub(crate) version: &'static str,
}

impl Gateway {
    /// One paced read. What may be an accident of the way there is tried once more, as the SDK does.
    pub(crate) async fn json(&self, api: &Api, doing: Doing, input: &Value) -> Result<Value, Fault> {
        self.paced(api.pace, doing, async {
            match self.json_once(api, doing, input).await {
                Err(fault) if matches!(fault.kind, FaultKind::Network | FaultKind::Timeout | FaultKind::Service) => {
                    self.json_once(api, doing, input).await
                }
                result => result,
            }
        })
        .await
    }

    /// As [`Self::json`], without pace and without a second try.
    pub(crate) async fn json_once(&self, api: &Api, doing: Doing, input: &Value) -> Result<Value, Fault> {
        let plain = self.json_request(api, doing, Bytes::from(input.to_string()));
        let answer = body(self.send_plain(plain, doing).await?, doing).await?;
        serde_json::from_slice(&answer)
            .map_err(|_| Fault::new(FaultKind::Unreadable, doing.words, "the answer is not JSON"))
    }

    /// Without a slash at its end.
    pub(crate) fn address(&self, api: &Api) -> String {
        let clients = self.clients();
        let address = clients.endpoint_url(api.service_id).unwrap_or_else(|| {
            let fips = if clients.config.use_fips() == Some(true) { "-fips" } else { "" };
            format!("https://{}{fips}.{}.{}", api.host, clients.region, domain(&clients.region))
        });
        address.trim_end_matches('/').to_owned()
    }

    pub(crate) fn json_request(&self, api: &Api, doing: Doing, body: Bytes) -> Plain {
        Plain {
            method: "POST",
            address: format!("{}/", self.address(api)),
            service: api.signing,
            headers: vec![
                ("content-type", format!("application/x-amz-json-{}", api.version)),
                ("x-amz-target", format!("{}.{}", api.target, doing.operation)),
            ],
            body,
        }
    }
}

/// The token of the next page under `name`; some services end with an empty one.
pub(crate) fn token(page: &Value, name: &str) -> Option<String> {
    string(page, name).filter(|token| !token.is_empty()).map(str::to_owned)
}

pub(crate) fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(crate) fn string<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

/// Epoch seconds, or text as some fakes send it.
pub(crate) fn when(value: &Value) -> Option<Timestamp> {
    value.as_f64().map(Timestamp::from_secs_f64).or_else(|| Timestamp::parse(value.as_str()?))
}
