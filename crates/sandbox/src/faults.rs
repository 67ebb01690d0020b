//! What goes wrong between the account and its caller: rules that match operations and decide how an answer is delivered.
//!
//! The account itself never fails by chance; [`World::handle`] is pure. Faults lie on top of it, in [`World::deliver`], so
//! a lost answer is exactly that: the effect happened, nobody was told.

use bytes::Bytes;
use http::Response;
use mldeck_core::time::Timestamp;

use crate::{
    wire,
    world::{ApiError, Service, World, noise},
};

/// How an answer reaches its caller.
#[derive(Debug)]
pub enum Delivery {
    Answer(Response<Bytes>),
    /// The request may have had its effect; the connection ends without an answer.
    Drop,
    /// The answer, after this many milliseconds of wall time.
    Delay(u64, Response<Bytes>),
    /// Nothing, ever: the caller's own time-out ends it.
    Stall,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wall milliseconds added to the answer.
    Latency(u64),
    /// No answer and no end of connection. The request has no effect.
    Stall,
    Throttle,
    AccessDenied,
    /// 500 in the protocol of the request.
    ServerError,
    /// 503 with a web page, as a proxy or load balancer answers.
    HtmlError,
    ExpiredToken,
    /// The request has its effect and the connection drops.
    LostResponse,
}

/// One rule. The first rule that matches and draws decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `UpdateEndpoint`, `cloudtrail:*`, `*`.
    pub operation: String,
    pub kind: Kind,
    /// Share of matching requests it hits, 0..=1.
    pub rate: f64,
    /// World time it applies in: from, until.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Hits left; `None` is without end.
    pub times: Option<u32>,
}

impl Rule {
    /// A rule that always hits.
    pub fn always(operation: &str, kind: Kind) -> Self {
        Self { operation: operation.to_owned(), kind, rate: 1.0, window: None, times: None }
    }

    /// A rule that hits the next matching request only.
    pub fn once(operation: &str, kind: Kind) -> Self {
        Self { times: Some(1), ..Self::always(operation, kind) }
    }

    fn matches(&self, service: Service, operation: &str, at: Timestamp) -> bool {
        let named = match self.operation.split_once(':') {
            Some((prefix, rest)) => prefix == service.iam() && (rest == "*" || rest == operation),
            None => self.operation == "*" || self.operation == operation,
        };
        named && self.times != Some(0) && self.window.is_none_or(|(from, until)| from <= at && at < until)
    }
}

/// The rules in force, and the seed of their draws.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    draws: u64,
    rules: Vec<Rule>,
}

impl Faults {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, draws: 0, rules: Vec::new() }
    }

    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn draw(&mut self, service: Service, operation: &str, at: Timestamp) -> Option<Kind> {
        let seed = self.seed;
        let draws = &mut self.draws;
        self.rules.iter_mut().filter(|rule| rule.matches(service, operation, at)).find_map(|rule| {
            *draws += 1;
            if noise::unit(&[seed, 0xfa17, *draws]) >= rule.rate {
                return None;
            }
            rule.times = rule.times.map(|left| left.saturating_sub(1));
            Some(rule.kind)
        })
    }
}

pub(crate) fn deliver(world: &mut World, request: &http::Request<Bytes>) -> Delivery {
    let now = world.now();
    let peeked = if world.faults.rules.is_empty() { None } else { wire::peek(request) };
    let hit = peeked.as_ref().and_then(|(service, operation)| {
        world.faults.draw(*service, operation, now).map(|kind| (kind, *service, operation.as_str()))
    });
    let Some((kind, service, operation)) = hit else {
        return Delivery::Answer(world.handle(request));
    };
    let error = match kind {
        Kind::Latency(millis) => return Delivery::Delay(millis, world.handle(request)),
        Kind::Stall => return Delivery::Stall,
        Kind::LostResponse => {
            world.handle(request);
            return Delivery::Drop;
        }
        Kind::HtmlError => return Delivery::Answer(web_page()),
        Kind::Throttle => ApiError::new(400, "ThrottlingException", "Rate exceeded"),
        Kind::AccessDenied => ApiError::denied(service, operation),
        Kind::ServerError => {
            ApiError::new(500, "InternalFailure", "We encountered an internal error. Please try again.")
        }
        Kind::ExpiredToken => {
            ApiError::new(403, "ExpiredTokenException", "The security token included in the request is expired")
        }
    };
    Delivery::Answer(wire::refuse(world, request, &error))
}

fn web_page() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(
        b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service \
          Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n",
    ));
    *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/html"));
    response
}
