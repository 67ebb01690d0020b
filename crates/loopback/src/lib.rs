//! A gateway without a network: its peer is in this process. What ships runs unchanged on it, down to the bytes of each
//! protocol; only the connector below the SDK is another one.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use mldeck_gateway::{Connect, sandbox_credentials};
use mldeck_sandbox::faults::Delivery;

/// Whoever answers the SDK's requests.
pub trait Peer: Clone + Send + Sync + 'static {
    /// Answers one request. `patience` is the read time-out of the caller, which a connector has to keep: how long it
    /// waits for the first byte of an answer.
    fn answer(
        &self,
        request: http::Request<Bytes>,
        patience: Option<Duration>,
    ) -> impl Future<Output = Result<http::Response<Bytes>, ConnectorError>> + Send;
}

/// How to connect to `peer`: in the sandbox's region, with the sandbox's credentials, by this machine's clock.
pub fn connect(peer: impl Peer) -> Connect {
    Connect {
        region: Some("eu-west-1".to_owned()),
        http: Some(client(peer)),
        credentials: Some(sandbox_credentials()),
        ..Connect::default()
    }
}

/// `peer` as the HTTP client below the SDK.
pub fn client(peer: impl Peer) -> SharedHttpClient {
    SharedHttpClient::new(Link { peer, patience: None })
}

/// Lets what a world answers happen: at once, late, broken or never, and no later than `patience`.
///
/// # Errors
/// As a network reports them: a time-out when the answer takes longer than `patience`, an I/O error when it breaks off. One
/// that breaks off after its head is an answer here, whose body ends with that error.
pub async fn arrive(delivery: Delivery, patience: Option<Duration>) -> Result<http::Response<Bytes>, ConnectorError> {
    match delivery {
        Delivery::Answer(answer) => Ok(answer),
        Delivery::Cut(mut answer) => {
            answer.extensions_mut().insert(Cut);
            Ok(answer)
        }
        Delivery::Drop => Err(ConnectorError::io("the sandbox dropped the connection".into())),
        Delivery::Delay(millis, answer) if patience.is_none_or(|most| Duration::from_millis(millis) <= most) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(answer)
        }
        Delivery::Delay(..) | Delivery::Stall => {
            match patience {
                Some(patience) => tokio::time::sleep(patience).await,
                None => std::future::pending().await,
            }
            Err(ConnectorError::timeout("no answer within the read time-out".into()))
        }
    }
}

#[derive(Clone)]
struct Link<P> {
    peer: P,
    patience: Option<Duration>,
}

impl<P> fmt::Debug for Link<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

impl<P: Peer> HttpClient for Link<P> {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Self { peer: self.peer.clone(), patience: settings.read_timeout() })
    }
}

impl<P: Peer> HttpConnector for Link<P> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = this.peer.answer(plain(request)?, this.patience).await?;
            let is_cut = answer.extensions().get::<Cut>().is_some();
            let body = |body: Bytes| if is_cut { Half::of(&body) } else { SdkBody::from(body) };
            HttpResponse::try_from(answer.map(body)).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

/// Marks an answer of which half arrives.
#[derive(Clone, Copy)]
struct Cut;

/// The first half of a body, and then the end of the connection.
struct Half(Option<Bytes>);

impl Half {
    fn of(body: &Bytes) -> SdkBody {
        SdkBody::from_body_1_x(Self(Some(body.slice(..body.len() / 2))))
    }
}

impl Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.0.take().ok_or_else(|| io::ErrorKind::ConnectionReset.into());
        Poll::Ready(Some(next.map(Frame::data)))
    }
}

fn plain(request: HttpRequest) -> Result<http::Request<Bytes>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| ConnectorError::user("a streaming body has no peer in this process".into()))?;
    Ok(http::Request::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Option<Duration> = Some(Duration::from_secs(1));

    fn late(millis: u64) -> Delivery {
        Delivery::Delay(millis, http::Response::new(Bytes::from_static(b"{}")))
    }

    /// Time that only passes while everybody waits for it.
    #[expect(clippy::disallowed_methods, reason = "tokio's own clock, which stands still")]
    fn now() -> tokio::time::Instant {
        tokio::time::Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_when_it_is_due() {
        let due = Duration::from_millis(1_000);
        for patience in [SHORT, None] {
            let started = now();
            assert_eq!(arrive(late(1_000), patience).await.unwrap().body().as_ref(), b"{}");
            assert_eq!(now() - started, due);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_than_the_callers_patience_is_a_time_out_then() {
        for delivery in [late(1_001), Delivery::Stall] {
            let started = now();
            assert!(arrive(delivery, SHORT).await.unwrap_err().is_timeout());
            assert_eq!(now() - started, SHORT.unwrap());
        }
        assert!(arrive(Delivery::Drop, SHORT).await.unwrap_err().is_io());
    }

    #[tokio::test]
    async fn half_an_answer_has_a_head_and_a_body_that_breaks_off() {
        #[derive(Clone)]
        struct Cutter;
        impl Peer for Cutter {
            async fn answer(
                &self,
                _: http::Request<Bytes>,
                patience: Option<Duration>,
            ) -> Result<http::Response<Bytes>, ConnectorError> {
                arrive(Delivery::Cut(http::Response::new(Bytes::from_static(b"{\"a\":1}"))), patience).await
            }
        }
        let answer = Link { peer: Cutter, patience: None }.call(HttpRequest::empty()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let read = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body()).collect().await;
        assert!(read.is_err());
    }
}
