//! What goes wrong between the account and its caller: rules that match operations and decide how an answer is delivered.
//!
//! The account itself never fails by chance; [`World::handle`] is pure. Faults lie on top of it, in [`World::deliver`], so
//! a lost answer is exactly that: the effect happened, nobody was told.

mod altered;
mod rule;
#[cfg(test)]
mod tests;
mod told;

use bytes::Bytes;
use http::Response;
use mldeck_core::time::{SECOND, Timestamp};
use serde_json::Value;

pub(crate) use rule::FileRule;

use crate::{
    scenario::Action,
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
    /// The head of the answer and half of its body; then the connection ends.
    Cut(Response<Bytes>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The connection drops before the request has an effect.
    Reset,
    /// The request has its effect; no answer and no end of connection.
    Unanswered,
    /// The request has its effect, and the connection ends in the middle of the answer.
    Cut,
    /// The request has its effect, and is answered 200 with a body that is nobody's.
    Garbage,
    /// The connection drops; the request was on its way nevertheless, and has its effect so many seconds later.
    Late(i64),
    /// The answer is the newest one that is so many seconds old, to the same question: read from a copy that lags. Before
    /// there is one, the true one.
    Behind(i64),
    /// Refused because something is under way, in the words the operation has for that.
    Conflict,
    /// A list begins with a page of nothing and a token. JSON only, as all that follow.
    EmptyPage,
    /// Search sees the account as it was so many seconds ago.
    Stale(i64),
    /// The service's clock is off by so many seconds, and signatures that are more than five minutes off that are refused.
    Skew(i64),
    /// The answer does not have this member, wherever it would stand.
    Without(String),
    /// This member of the answer has a value that nobody has heard of.
    Unknown(String),
    /// Somebody else makes this call just before.
    Overtaken(Call),
}

/// What somebody else calls SageMaker for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub by: String,
    pub operation: String,
    pub input: Value,
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

    /// The rule with its window moved: it was written as from a start at zero.
    #[must_use]
    pub(crate) fn after_start(self, start: Timestamp) -> Self {
        let moved = |at: Timestamp| start.plus(at.millis());
        Self { window: self.window.map(|(from, until)| (moved(from), moved(until))), ..self }
    }

    fn names(&self, service: Service, operation: &str) -> bool {
        match self.operation.split_once(':') {
            Some((prefix, rest)) => prefix == service.iam() && (rest == "*" || rest == operation),
            None => self.operation == "*" || self.operation == operation,
        }
    }

    fn matches(&self, service: Service, operation: &str, at: Timestamp) -> bool {
        self.names(service, operation)
            && self.times != Some(0)
            && self.window.is_none_or(|(from, until)| from <= at && at < until)
    }
}

/// The rules in force, and the seed of their draws.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    draws: u64,
    rules: Vec<Rule>,
    told: told::Told,
}

impl Faults {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, draws: 0, rules: Vec::new(), told: told::Told::new() }
    }

    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Adds a rule that comes before all others.
    pub fn add_first(&mut self, rule: Rule) {
        self.rules.insert(0, rule);
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether answers to it are kept, because a rule wants old ones.
    fn remembers(&self, service: Service, operation: &str) -> bool {
        self.rules.iter().any(|rule| matches!(rule.kind, Kind::Behind(_)) && rule.names(service, operation))
    }

    /// How far the stalest rule in force puts Search behind, in milliseconds.
    pub(crate) fn staleness(&self) -> i64 {
        let stale = self.rules.iter().filter(|rule| rule.times != Some(0)).map(|rule| match rule.kind {
            Kind::Stale(seconds) => seconds,
            _ => 0,
        });
        stale.max().unwrap_or(0).max(0).saturating_mul(SECOND)
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
            Some(rule.kind.clone())
        })
    }
}

/// How far off a signature may be.
const TOLERANCE: i64 = 300 * SECOND;

pub(crate) fn deliver(world: &mut World, request: &http::Request<Bytes>) -> Delivery {
    let now = world.now();
    let ours = altered::continued(request);
    let is_continued = ours.is_some();
    let request = ours.as_ref().unwrap_or(request);
    let peeked = if world.faults.rules.is_empty() { None } else { wire::peek(request) };
    let hit = peeked.as_ref().and_then(|(service, operation)| {
        world.faults.draw(*service, operation, now).map(|kind| (kind, *service, operation.as_str()))
    });
    let is_told = peeked.as_ref().is_some_and(|(service, operation)| world.faults.remembers(*service, operation));
    let Some((kind, service, operation)) = hit else {
        let answer = world.handle(request);
        if is_told {
            world.faults.told.keep(now, request, &answer);
        }
        return Delivery::Answer(answer);
    };
    let error = match kind {
        Kind::Latency(millis) => return Delivery::Delay(millis, world.handle(request)),
        Kind::Stall => return Delivery::Stall,
        Kind::Reset => return Delivery::Drop,
        Kind::Late(seconds) => {
            world.postpone(now.plus(seconds * SECOND), request.clone());
            return Delivery::Drop;
        }
        Kind::Unanswered => {
            world.handle(request);
            return Delivery::Stall;
        }
        Kind::Cut => return Delivery::Cut(world.handle(request)),
        Kind::Garbage => return Delivery::Answer(garbage(world.handle(request))),
        Kind::Behind(seconds) => {
            let answer = world.handle(request);
            let old = world.faults.told.newest(now.plus(-seconds * SECOND), request);
            world.faults.told.keep(now, request, &answer);
            return Delivery::Answer(old.unwrap_or(answer));
        }
        Kind::LostResponse => {
            world.handle(request);
            return Delivery::Drop;
        }
        Kind::HtmlError => return Delivery::Answer(web_page()),
        Kind::EmptyPage if is_continued => return Delivery::Answer(world.handle(request)),
        Kind::EmptyPage => {
            let answer = world.handle(request);
            return Delivery::Answer(altered::emptied(request, answer));
        }
        Kind::Stale(seconds) => {
            let lag = world.search_lag.replace(seconds);
            let answer = world.handle(request);
            world.search_lag = lag;
            return Delivery::Answer(answer);
        }
        Kind::Without(member) => return Delivery::Answer(altered::without(world.handle(request), &member)),
        Kind::Unknown(member) => return Delivery::Answer(altered::unknown(world.handle(request), &member)),
        Kind::Overtaken(call) => {
            let Call { by, operation, input } = call;
            let (service, at, delivery) = (Service::SageMaker, 0, 90 * SECOND);
            world.make(&Action { at, by, service, operation, input, delivery, refused: None });
            return Delivery::Answer(world.handle(request));
        }
        Kind::Skew(seconds) => {
            let clock = now.plus(seconds * SECOND);
            if wire::signed_at(request).is_some_and(|signed| signed.since(clock).abs() <= TOLERANCE) {
                return Delivery::Answer(wire::dated(world.handle(request), clock));
            }
            let refusal = wire::refuse(world, request, &skewed(service, clock));
            return Delivery::Answer(wire::dated(refusal, clock));
        }
        Kind::Conflict => ApiError::in_progress(operation),
        Kind::Throttle => ApiError::new(400, "ThrottlingException", "Rate exceeded"),
        Kind::AccessDenied => {
            let action = format!("{}:{operation}", service.iam());
            ApiError::denied(
                service,
                &action,
                "*",
                &format!("because no identity-based policy allows the {action} action"),
            )
        }
        Kind::ServerError => {
            ApiError::new(500, "InternalFailure", "We encountered an internal error. Please try again.")
        }
        Kind::ExpiredToken => {
            ApiError::new(403, "ExpiredTokenException", "The security token included in the request is expired")
        }
    };
    Delivery::Answer(wire::refuse(world, request, &error))
}

fn skewed(service: Service, clock: Timestamp) -> ApiError {
    let message = format!("Signature expired or not yet current: it is {} here (5 min. are allowed)", clock.iso());
    match service {
        Service::S3 => {
            let message = "The difference between the request time and the current time is too large.";
            ApiError::new(403, "RequestTimeTooSkewed", message)
        }
        Service::Sts => ApiError::new(403, "SignatureDoesNotMatch", message),
        _ => ApiError::new(403, "InvalidSignatureException", message),
    }
}

fn garbage(mut answer: Response<Bytes>) -> Response<Bytes> {
    let body = Bytes::from_static(b"\x00\xff{\"En");
    answer.headers_mut().insert(http::header::CONTENT_LENGTH, body.len().into());
    *answer.status_mut() = http::StatusCode::OK;
    *answer.body_mut() = body;
    answer
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
