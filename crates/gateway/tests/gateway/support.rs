//! Two peers below the real SDK: a world, and answers written by hand. Both keep what they were sent.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::{orchestrator::HttpRequest, result::ConnectorError};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use mldeck_core::{
    ask::{Answer, Ask},
    resource::Endpoint,
    scope::Scope,
    time::Timestamp,
};
use mldeck_gateway::{
    Connect, Gateway,
    gate::{self, OnWire},
};
use mldeck_sandbox::{Options, Scenario, World, faults::Delivery};
use serde_json::Value;

/// One request that reached the peer.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) what: OnWire,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    fn of(request: &http::Request<Bytes>) -> Self {
        let request = HttpRequest::try_from(request.clone().map(SdkBody::from)).expect("a request");
        Self {
            what: gate::classify(&request),
            uri: request.uri().to_owned(),
            headers: request.headers().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How the peer ends one request.
pub(crate) enum End {
    Answer(http::Response<Bytes>),
    /// After this much time of the wire.
    Late(Duration, http::Response<Bytes>),
    Never,
    Broken,
}

type Script = dyn Fn(&Seen, &http::Request<Bytes>) -> End + Send + Sync;

#[derive(Clone)]
pub(crate) struct Peer {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Peer {
    pub(crate) fn new(script: impl Fn(&Seen, &http::Request<Bytes>) -> End + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// Names of the operations that reached it, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.what.operation).collect()
    }
}

impl mldeck_loopback::Peer for Peer {
    /// Without waiting: what would come too late is a time-out at once.
    async fn answer(
        &self,
        request: http::Request<Bytes>,
        patience: Option<Duration>,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        let seen = Seen::of(&request);
        self.seen.lock().unwrap().push(seen.clone());
        match (self.script)(&seen, &request) {
            End::Answer(answer) => Ok(answer),
            End::Late(late, answer) if patience.is_none_or(|patience| late < patience) => {
                tokio::time::sleep(late).await;
                Ok(answer)
            }
            End::Late(..) | End::Never => Err(ConnectorError::timeout("no answer in time".into())),
            End::Broken => Err(ConnectorError::io("the connection was reset".into())),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Sandbox {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) peer: Peer,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sandbox")
    }
}

impl TimeSource for Sandbox {
    fn now(&self) -> SystemTime {
        let now = self.world.lock().unwrap().now();
        UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap())
    }
}

pub(crate) fn sandbox(scenario: &str) -> Sandbox {
    let scenario = Scenario::named(scenario).expect("a scenario");
    let start = Timestamp::parse("2026-11-23T02:24:10Z").expect("a time");
    let world = Arc::new(Mutex::new(World::new(Options { seed: 447, scenario, start })));
    let inner = Arc::clone(&world);
    let peer = Peer::new(move |_, request| ended(inner.lock().unwrap().deliver(request)));
    Sandbox { world, peer }
}

pub(crate) fn ended(delivery: Delivery) -> End {
    match delivery {
        Delivery::Answer(answer) => End::Answer(answer),
        Delivery::Delay(millis, answer) => End::Late(Duration::from_millis(millis), answer),
        Delivery::Stall => End::Never,
        Delivery::Drop | Delivery::Cut(_) => End::Broken,
    }
}

pub(crate) fn scope() -> Scope {
    Scope::new("aws", "447100000921", "eu-west-1")
}

fn connect(peer: &Peer) -> Connect {
    Connect { speed: 10_000.0, ..mldeck_loopback::connect(peer.clone()) }
}

impl Sandbox {
    /// The same world, where `before` happens to it as each request arrives.
    pub(crate) fn meanwhile(self, before: impl Fn(&Seen, &mut World) + Send + Sync + 'static) -> Self {
        let world = Arc::clone(&self.world);
        let peer = Peer::new(move |seen, request| {
            let mut world = world.lock().unwrap();
            before(seen, &mut world);
            ended(world.deliver(request))
        });
        Self { peer, ..self }
    }

    pub(crate) async fn gateway(&self) -> Gateway {
        let now = Some(SharedTimeSource::new(self.clone()));
        Gateway::connect(Connect { now, ..connect(&self.peer) }).await.expect("connects")
    }
}

/// A gateway whose peer answers by `script`.
pub(crate) async fn scripted(script: impl Fn(&Seen) -> End + Send + Sync + 'static) -> (Gateway, Peer) {
    let peer = Peer::new(move |seen, _| script(seen));
    (Gateway::connect(connect(&peer)).await.expect("connects"), peer)
}

/// As [`scripted`], of a host that shares the table `mldeck-team` with others.
pub(crate) async fn in_team(script: impl Fn(&Seen) -> End + Send + Sync + 'static) -> (Gateway, Peer) {
    let peer = Peer::new(move |seen, _| script(seen));
    let team = Some(mldeck_core::text::Text::new("mldeck-team"));
    (Gateway::connect(Connect { team, ..connect(&peer) }).await.expect("connects"), peer)
}

/// As [`scripted`], behind an address that is not AWS's own.
pub(crate) async fn fake(script: impl Fn(&Seen) -> End + Send + Sync + 'static) -> (Gateway, Peer) {
    let peer = Peer::new(move |seen, _| script(seen));
    let endpoint_url = Some("http://127.0.0.1:5000".to_owned());
    (Gateway::connect(Connect { endpoint_url, ..connect(&peer) }).await.expect("connects"), peer)
}

/// The first page of endpoints.
pub(crate) const ENDPOINTS: Ask = Ask::Endpoints { more: None };

/// Every endpoint, page by page.
pub(crate) async fn walk(gateway: &Gateway) -> Vec<Endpoint> {
    let (mut out, mut ask) = (Vec::new(), ENDPOINTS);
    loop {
        let Ok(Answer::Endpoints { rows, more }) = gateway.ask(&ask).await else { panic!("no endpoints") };
        out.extend(rows);
        if more.is_none() {
            return out;
        }
        ask = Ask::Endpoints { more };
    }
}

pub(crate) fn answer(status: u16, kind: &str, body: impl Into<Bytes>) -> End {
    let answer =
        http::Response::builder().status(status).header("content-type", kind).header("x-amzn-requestid", "req-1");
    End::Answer(answer.body(body.into()).expect("an answer"))
}

pub(crate) fn json(status: u16, body: &Value) -> End {
    answer(status, "application/x-amz-json-1.1", body.to_string())
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> End {
    json(status, &serde_json::json!({"__type": code, "message": message}))
}

/// The peer and nothing else: region and credentials are found as in a terminal.
pub(crate) fn over(peer: &Peer) -> Connect {
    Connect { http: Some(mldeck_loopback::client(peer.clone())), speed: 10_000.0, ..Connect::default() }
}
