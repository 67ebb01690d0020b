//! Two accounts behind one address. The number of a world's account is written into everything that world makes; so the second
//! account is a second world that is spelled anew at its border: its own number, and buckets by names of their own.
//!
//! Whose request it is, the key that signed it says: the number of the second account, as other AWS fakes take it, or a session
//! that was begun there. An object is asked of the account whose bucket it is in.
//!
//! What one account may know of the other's registered versions, the resource policy of their group says
//! (`PutModelPackageGroupPolicy`): they are described and made models of by their ARN. `[?]`: they are not changed from outside
//! here, whatever the policy says, and bucket and repository policies are not known: whoever names an object of the other account
//! may read it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::Value;

use crate::{
    World,
    faults::Delivery,
    wire,
    world::{ApiError, Service, estate, identity, registry},
};

/// How buckets of the first account begin, and those of the second in their place: S3 has one namespace for all.
const BUCKETS: (&str, &str) = ("acme-ml-", "acme-st-");
/// Bytes a body may have to be spelled anew: what is larger is an object.
const MOST: usize = wire::MOST_BODY;

/// The second account.
pub struct Second {
    world: World,
    /// 12 digits.
    number: String,
}

impl Second {
    /// # Errors
    /// When `number` is no number of an account, or the first account's.
    pub fn new(world: World, number: &str) -> Result<Self, String> {
        if number.len() != 12 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("{number:?} is no number of an account: it has 12 digits"));
        }
        if number == estate::ACCOUNT {
            return Err(format!("{number} is the first account"));
        }
        Ok(Self { world, number: number.to_owned() })
    }

    pub const fn world(&mut self) -> &mut World {
        &mut self.world
    }

    /// The account's own number and buckets for those of a first account, and the other way round.
    fn spelled<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let pairs =
            [(estate::ACCOUNT.as_bytes(), self.number.as_bytes()), (BUCKETS.0.as_bytes(), BUCKETS.1.as_bytes())];
        let hit = |rest: &[u8]| {
            pairs.iter().find_map(|(one, other)| match rest {
                rest if rest.starts_with(one) => Some(*other),
                rest if rest.starts_with(other) => Some(*one),
                _ => None,
            })
        };
        if !(0..text.len()).any(|at| hit(&text[at..]).is_some()) {
            return Cow::Borrowed(text);
        }
        let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
        while at < text.len() {
            match hit(&text[at..]) {
                Some(other) => {
                    out.extend_from_slice(other);
                    at += other.len();
                }
                None => {
                    out.push(text[at]);
                    at += 1;
                }
            }
        }
        Cow::Owned(out)
    }

    fn spelled_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.spelled(text.as_bytes())).into_owned()
    }

    fn spelled_body(&self, body: &Bytes) -> Bytes {
        match self.spelled(body) {
            Cow::Borrowed(_) => body.clone(),
            Cow::Owned(anew) => Bytes::from(anew),
        }
    }

    /// A request as the second world knows its own things.
    fn request(&self, request: &Request<Bytes>) -> Request<Bytes> {
        let mut out = request.clone();
        if let Ok(uri) = self.spelled_text(&request.uri().to_string()).parse() {
            *out.uri_mut() = uri;
        }
        // An object is what its owner put there.
        if request.body().len() <= MOST && service(request) != Some(Service::S3) {
            *out.body_mut() = self.spelled_body(request.body());
        }
        out
    }

    fn response(&self, mut response: Response<Bytes>, is_object: bool) -> Response<Bytes> {
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // Frames of an event stream carry checksums of what is in them.
        if !is_object && !kind.contains("eventstream") {
            let body = self.spelled_body(response.body());
            *response.body_mut() = body;
        }
        response
    }

    fn delivery(&self, delivery: Delivery, is_object: bool) -> Delivery {
        match delivery {
            Delivery::Answer(response) => Delivery::Answer(self.response(response, is_object)),
            Delivery::Delay(millis, response) => Delivery::Delay(millis, self.response(response, is_object)),
            Delivery::Cut(response) => Delivery::Cut(self.response(response, is_object)),
            end @ (Delivery::Drop | Delivery::Stall) => end,
        }
    }

    /// Whose key it is.
    fn signed(&self, request: &Request<Bytes>) -> bool {
        let key = wire::signing_key(request).unwrap_or_default();
        key == self.number || identity::began(&self.world, &key)
    }

    /// Whose bucket is asked for; `None` where its name does not tell.
    fn holds(&self, request: &Request<Bytes>) -> Option<bool> {
        let bucket = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let is_of = |prefix: &str, number: &str| bucket.starts_with(prefix) || bucket.contains(number);
        match (is_of(BUCKETS.1, &self.number), is_of(BUCKETS.0, estate::ACCOUNT)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// What a request to one account names of the other's registry is shown to it, as far as the group's policy goes.
    fn lend(&mut self, first: &mut World, request: &Request<Bytes>, to_second: bool) {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else { return };
        let mut named = Vec::new();
        versions(&body, &self.number, &mut named);
        for arn in named {
            let owned = self.spelled_text(&arn);
            let owner: &World = if to_second { first } else { &self.world };
            let Some(lent) = registry::lend(owner, &owned, &self.number) else { continue };
            let record = serde_json::to_vec(&lent.record).unwrap_or_default();
            let record = serde_json::from_slice(&self.spelled(&record)).unwrap_or_default();
            let borrower: &mut World = if to_second { &mut self.world } else { first };
            borrower.registry.lent.insert(arn, registry::Lent { record, ..lent });
        }
    }
}

/// ARNs of registered versions of this account, anywhere in a request.
fn versions(value: &Value, account: &str, out: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(&format!(":{account}:model-package/")) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| versions(item, account, out)),
        Value::Object(members) => members.values().for_each(|member| versions(member, account, out)),
        _ => {}
    }
}

fn service(request: &Request<Bytes>) -> Option<Service> {
    wire::peek(request).map(|(service, _)| service)
}

/// What the account answers that a request is for.
pub fn deliver(first: &mut World, second: &mut Second, request: &Request<Bytes>) -> Delivery {
    let by_second = second.signed(request);
    let is_s3 = service(request) == Some(Service::S3);
    let of_second = if is_s3 { second.holds(request).unwrap_or(by_second) } else { by_second };
    if of_second != by_second && !matches!(*request.method(), Method::GET | Method::HEAD) {
        let denied = ApiError::new(403, "AccessDenied", "Access Denied");
        return Delivery::Answer(wire::refuse(first, request, &denied));
    }
    if !of_second {
        second.lend(first, request, false);
        return first.deliver(request);
    }
    let asked = second.request(request);
    second.lend(first, &asked, true);
    let delivery = second.world.deliver(&asked);
    second.delivery(delivery, is_s3 && is_object(request))
}

/// True for what is below a bucket.
fn is_object(request: &Request<Bytes>) -> bool {
    request.uri().path().trim_matches('/').contains('/')
}

#[cfg(test)]
mod tests;
