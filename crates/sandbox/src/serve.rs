//! The account as an HTTP server, for boto3, the AWS CLI and any SDK: one port, all services.
//!
//! One task per connection. Whose account it is, and by which clock it lives, is the caller's business.

mod told;

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::faults::Delivery;
use told::Told;

/// Connections served at once; more wait in the listener's queue.
const CONNECTIONS: usize = 128;
/// The largest body: an object of S3. What speaks JSON is limited to 1 MiB by the protocol layer.
const MOST_BODY: usize = 6 << 20;
/// A client that does not finish its headers in this time is let go.
const HEADERS: Duration = Duration::from_secs(15);
/// How long requests under way may take after a stop.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Debug, Error)]
pub enum ServeError {
    #[error("{0} is not a loopback address: the sandbox checks no signature, so anybody who reaches it may use it")]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// A listener that is bound but does not serve yet: the port is known before anybody connects.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds `address`; anything but loopback needs `exposed`.
    pub async fn bind(address: SocketAddr, exposed: bool) -> Result<Self, ServeError> {
        if !exposed && !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        let listen = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves what `deliver` says until `stop` is ready, then lets requests under way end. `deliver` is called at each whole
    /// request and not across an await: it may lock a world, advance it and let it answer.
    pub async fn run<D>(self, deliver: D, stop: impl Future<Output = ()>)
    where
        D: Fn(&Request<Bytes>) -> Delivery + Send + Sync + 'static,
    {
        let deliver: Arc<Deliver> = Arc::new(deliver);
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            let Some((stream, slot)) = accepted else { continue };
            let deliver = Arc::clone(&deliver);
            connections.spawn(async move {
                let service = service_fn(move |request| {
                    let deliver = Arc::clone(&deliver);
                    async move { answer(deliver, request).await }
                });
                // A connection that ends early is the client's business, or an injected fault.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .max_buf_size(64 * 1024)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(slot);
            });
        }
        drop(self.listener);
        let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, slot))
        }
        // Out of descriptors, mostly: the next connection may fare better.
        Err(_) => {
            tokio::task::yield_now().await;
            None
        }
    }
}

/// The connection is to end without an answer.
#[derive(Debug, Error)]
#[error("the answer was lost")]
struct Lost;

/// What a server asks for answers.
type Deliver = dyn Fn(&Request<Bytes>) -> Delivery + Send + Sync;

async fn answer(deliver: Arc<Deliver>, request: Request<Incoming>) -> Result<Response<Told>, Lost> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(Told::by(response, deliver));
        }
        Err(_) => return Err(Lost),
    };
    let request = Request::from_parts(head, body);
    match deliver(&request) {
        Delivery::Answer(response) => Ok(Told::by(response, deliver)),
        Delivery::Delay(millis, response) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(Told::by(response, deliver))
        }
        Delivery::Drop => Err(Lost),
        Delivery::Cut(response) => Ok(Told::cut(response)),
        Delivery::Stall => match std::future::pending::<Infallible>().await {},
    }
}

#[cfg(test)]
mod tests;
