//! What a client is told: an answer as a whole, or one that goes on for as long as it listens.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::Deliver;
use crate::{faults::Delivery, wire::stream::Follows};

/// How often an answer that goes on is asked for.
const EACH: Duration = Duration::from_secs(1);

pub(super) struct Told {
    next: Option<Bytes>,
    rest: Option<Rest>,
    is_cut: bool,
}

/// Where the rest of an answer is asked for; who stops listening ends it.
struct Rest {
    deliver: Arc<Deliver>,
    path: String,
    sleep: Pin<Box<Sleep>>,
}

impl Rest {
    fn ask(&self, method: Method) -> Option<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = self.path.parse().ok()?;
        match (self.deliver)(&request) {
            Delivery::Answer(response) if response.status() == StatusCode::OK => Some(response.into_body()),
            _ => None,
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.ask(Method::DELETE);
    }
}

impl Told {
    pub(super) fn by(response: Response<Bytes>, deliver: Arc<Deliver>) -> Response<Self> {
        let follows = response.extensions().get::<Follows>().cloned();
        let rest = follows.map(|Follows(path)| Rest { deliver, path, sleep: Box::pin(tokio::time::sleep(EACH)) });
        response.map(|body| Self { next: Some(body).filter(|body| !body.is_empty()), rest, is_cut: false })
    }

    /// Half of an answer whose head promises the whole.
    pub(super) fn cut(response: Response<Bytes>) -> Response<Self> {
        response.map(|body| Self { next: Some(body.slice(..body.len() / 2)), rest: None, is_cut: true })
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(Ok(Frame::data(next))));
        }
        if self.is_cut {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        ready!(rest.sleep.as_mut().poll(cx));
        rest.sleep = Box::pin(tokio::time::sleep(EACH));
        let more = rest.ask(Method::GET);
        if more.is_none() {
            self.rest = None;
        }
        Poll::Ready(more.map(|more| Ok(Frame::data(more))))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.rest.is_none() && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        let known = self.next.as_ref().map_or(0, Bytes::len) as u64;
        if self.rest.is_none() && !self.is_cut { SizeHint::with_exact(known) } else { SizeHint::default() }
    }
}
