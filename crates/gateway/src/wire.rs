//! The one HTTP client below every SDK client: gate, call list, clock and the check for answers that are no API's.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use mldeck_core::{ask::CallMade, text::Text, time::Timestamp};

use crate::{
    calls::Calls,
    clock::{Clock, instant},
    gate::{self, Class, OnWire},
};

#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) clock: Clock,
    pub(crate) calls: Calls,
    /// Access key id that signed the newest `GetCallerIdentity`.
    pub(crate) identity_key: Mutex<Option<String>>,
    /// Something was signed with another key since.
    pub(crate) other_key: AtomicBool,
}

impl Watch {
    fn notice_key(&self, request: &HttpRequest, what: &OnWire) {
        let Some(key) = gate::signing_key(request) else { return };
        let mut known = self.identity_key.lock().unwrap_or_else(PoisonError::into_inner);
        if what.operation == "GetCallerIdentity" {
            *known = Some(key);
            self.other_key.store(false, Ordering::SeqCst);
        } else if what.class != Class::Login && known.as_ref().is_some_and(|known| *known != key) {
            self.other_key.store(true, Ordering::SeqCst);
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Wire {
    inner: SharedHttpClient,
    watch: Arc<Watch>,
    /// Those of the first SDK call: sleep and time for requests of our own.
    components: Arc<OnceLock<RuntimeComponents>>,
}

impl Wire {
    pub(crate) fn new(inner: SharedHttpClient, watch: Arc<Watch>) -> Self {
        Self { inner, watch, components: Arc::default() }
    }

    /// Account time.
    pub(crate) fn now(&self) -> Timestamp {
        self.watch.clock.now()
    }

    /// Milliseconds that the account is ahead of this machine.
    pub(crate) fn skew(&self) -> i64 {
        self.watch.clock.skew()
    }

    /// For requests that we sign ourselves; `None` until an SDK client made its first call.
    pub(crate) fn connector(&self, settings: &HttpConnectorSettings) -> Option<SharedHttpConnector> {
        self.components.get().map(|components| self.http_connector(settings, components))
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.components.get_or_init(|| components.clone());
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Gated { inner, watch: Arc::clone(&self.watch) })
    }
}

#[derive(Debug)]
struct Gated {
    inner: SharedHttpConnector,
    watch: Arc<Watch>,
}

impl HttpConnector for Gated {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let what = gate::classify(&request);
        if let Err(stopped) = gate::admit(&request, &what, self.watch.clock.now()) {
            tracing::warn!(operation = %stopped.operation, why = stopped.why, "stopped at the gate");
            return HttpConnectorFuture::ready(Err(ConnectorError::user(stopped.into())));
        }
        self.watch.notice_key(&request, &what);
        let json = request.headers().get("x-amz-target").is_some() || request.uri().contains("/operation/");
        let aws = is_aws(request.uri());
        let answer = self.inner.call(request);
        let watch = Arc::clone(&self.watch);
        HttpConnectorFuture::new(async move {
            let (at, begun) = (watch.clock.now(), instant());
            let result = answer.await;
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            let head = result.as_ref().ok();
            watch.calls.record(CallMade {
                at,
                service: what.service,
                operation: Text::new(&what.operation),
                status: head.map(|answer| answer.status().as_u16()),
                request_id: head.and_then(request_id),
                took_ms,
                write: what.class == Class::Write,
            });
            let answer = result?;
            if let Some(date) = answer.headers().get("date") {
                watch.clock.learn(date);
            }
            if answer.status().as_u16() < 400 { Ok(answer) } else { judged(answer, what, json, aws).await }
        })
    }
}

fn is_aws(uri: &str) -> bool {
    let host = uri.split_once("://").map_or(uri, |(_, rest)| rest).split(['/', ':', '?']).next().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|suffix| host.ends_with(suffix))
}

pub(crate) fn request_id(answer: &HttpResponse) -> Option<Text> {
    ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .iter()
        .find_map(|name| answer.headers().get(*name))
        .map(Text::new)
}

/// An error answer that no AWS service gives: a page of HTML, an empty 404. The page itself goes no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} was answered with status {status} and something that is no API answer")]
pub(crate) struct NoApi {
    pub(crate) operation: String,
    pub(crate) status: u16,
}

/// Lets API errors pass and turns the rest into [`NoApi`], which the SDK does not repeat.
///
/// 502 to 504 pass without their page: a load balancer in front of a real service says that, and it is worth a retry.
/// A fake says 500 with a page for what it does not have; behind AWS's own names a 500 is an accident.
async fn judged(answer: HttpResponse, what: OnWire, json: bool, aws: bool) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status().as_u16();
    let (headers, code) = (answer.headers().clone(), answer.status());
    let body = ByteStream::new(answer.into_body())
        .collect()
        .await
        .map_err(|error| ConnectorError::io(error.into()))?
        .into_bytes();
    let html = headers.get("content-type").is_some_and(|kind| kind.contains("html"));
    let cbor = headers.get("content-type").is_some_and(|kind| kind.contains("cbor"));
    let named = headers.get("x-amzn-errortype").is_some() || headers.get("x-amzn-query-error").is_some();
    let alien = json && !cbor && !named && body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{');
    let rebuilt = |code: StatusCode, body: SdkBody| {
        let mut answer = HttpResponse::new(code, body);
        *answer.headers_mut() = headers.clone();
        answer
    };
    match (html || alien, status) {
        (false, _) => Ok(rebuilt(code, SdkBody::from(body))),
        (true, 502..=504) => Ok(rebuilt(code, SdkBody::empty())),
        (true, 404 | 405 | 501) => Err(ConnectorError::other(NoApi { operation: what.operation, status }.into(), None)),
        (true, 500) if !aws => Err(ConnectorError::other(NoApi { operation: what.operation, status }.into(), None)),
        (true, _) => Ok(rebuilt(code, SdkBody::empty())),
    }
}
