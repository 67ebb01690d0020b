//! Leave to write: a [`Grant`] from a person's confirmation, and a [`Permit`] made from it for one request.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use mldeck_core::{
    ask::Write,
    ops::{call::Call, team::RowAction},
    scope::{Identity, Scope},
    text::Text,
    time::{MINUTE, Timestamp},
};

use super::{Class, OnWire, TeamLeave, signature};

/// How long arming a scope lasts.
pub const ARMED: i64 = 15 * MINUTE;

/// Leave to write, given by a person's confirmation. Its fields are private: it cannot be widened afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    scope: Scope,
    /// Who was verified there when it was given; `None` where whoever gives it drops it with the identity.
    holder: Option<Identity>,
    /// `None` for an armed scope: any plan.
    plan: Option<Text>,
    /// Digests of its calls, body and all; empty for an armed scope: any of our writes.
    calls: Vec<Text>,
    expires: Timestamp,
}

impl Grant {
    /// For one confirmed plan: its calls as they were shown, its reversal included.
    pub fn for_plan<'a>(
        scope: Scope,
        plan: Text,
        calls: impl IntoIterator<Item = &'a Call>,
        expires: Timestamp,
    ) -> Self {
        let calls = calls.into_iter().map(Call::digest).collect();
        Self { scope, holder: None, plan: Some(plan), calls, expires }
    }

    /// For a scope that was armed at `now`: [`ARMED`] long.
    pub const fn armed(scope: Scope, now: Timestamp) -> Self {
        Self { scope, holder: None, plan: None, calls: Vec::new(), expires: now.plus(ARMED) }
    }

    /// For this identity and no other: it is worth nothing once somebody else is signed in there.
    #[must_use]
    pub fn held_by(mut self, identity: Identity) -> Self {
        self.holder = Some(identity);
        self
    }

    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Why it does not cover `write` here and now; `None` when it does.
    pub fn objection(&self, write: &Write, verified: &Identity, now: Timestamp) -> Option<String> {
        let (operation, scope) = (write.call.operation(), &verified.scope);
        if &self.scope != scope {
            return Some(format!("the leave to write is for {}, the credentials are for {scope}", self.scope));
        }
        if let Some(holder) = self.holder.as_ref().filter(|holder| !holder.is_same_as(verified)) {
            return Some(format!("the leave to write is {}'s, the credentials are of {}", holder.arn, verified.arn));
        }
        if !self.is_live(now) {
            return Some(format!("the leave to write ended at {}", self.expires.hms()));
        }
        match &self.plan {
            Some(plan) if plan != &write.plan => Some(format!("the leave to write is for plan {plan}")),
            Some(_) if !self.calls.contains(&write.call.digest()) => {
                Some(format!("the confirmed plan does not contain this {operation}"))
            }
            _ => None,
        }
    }
}

/// One write, once. It rides in the request's extensions, which nothing outside this crate can fill.
#[derive(Clone, Debug)]
pub(crate) struct Permit(Arc<Held>);

#[derive(Debug)]
struct Held {
    operation: &'static str,
    /// What was confirmed, to the byte.
    body: Bytes,
    region: Text,
    expires: Timestamp,
    /// Access key id whose identity was verified.
    key: String,
    sent: AtomicBool,
    other_key: AtomicBool,
}

impl Permit {
    pub(crate) fn new(grant: &Grant, write: &Write, body: Bytes, key: &str) -> Self {
        Self(Arc::new(Held {
            operation: write.call.operation(),
            body,
            region: grant.scope.region.clone(),
            expires: grant.expires,
            key: key.to_owned(),
            sent: AtomicBool::new(false),
            other_key: AtomicBool::new(false),
        }))
    }

    /// For one row of the table that hosts share, or the table itself; `leave` covers it.
    pub(crate) fn for_row(action: RowAction, leave: &TeamLeave, body: Bytes, key: &str, expires: Timestamp) -> Self {
        Self(Arc::new(Held {
            operation: action.name(),
            body,
            region: leave.scope().region.clone(),
            expires,
            key: key.to_owned(),
            sent: AtomicBool::new(false),
            other_key: AtomicBool::new(false),
        }))
    }

    /// True when the request left the process: from then on a lost answer means *unknown*.
    pub(crate) fn sent(&self) -> bool {
        self.0.sent.load(Ordering::SeqCst)
    }

    /// True when the gate stopped it because the credentials changed since they were verified.
    pub(crate) fn other_key(&self) -> bool {
        self.0.other_key.load(Ordering::SeqCst)
    }
}

/// Why the gate stopped a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {why}")]
pub(crate) struct Stopped {
    pub(crate) operation: String,
    pub(crate) why: &'static str,
}

/// The decision. `now` is account time.
pub(crate) fn admit(request: &HttpRequest, what: &OnWire, now: Timestamp) -> Result<(), Stopped> {
    if what.class != Class::Write {
        return Ok(());
    }
    let stop = |why| Err(Stopped { operation: what.operation.clone(), why });
    let Some(Permit(held)) = request.extension::<Permit>() else { return stop("a write without leave") };
    let Some(signature) = signature(request) else { return stop("a write without a signature") };
    if held.operation != what.operation {
        return stop("the leave is for another operation");
    }
    if request.body().bytes() != Some(&held.body[..]) {
        return stop("the leave is for another request");
    }
    if held.region != signature.region {
        return stop("the leave is for another region");
    }
    if now >= held.expires {
        return stop("the leave has ended");
    }
    if held.key != signature.key {
        held.other_key.store(true, Ordering::SeqCst);
        return stop("the credentials changed since they were verified");
    }
    if held.sent.swap(true, Ordering::SeqCst) {
        return stop("it was sent already, and a write is never repeated by itself");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mldeck_core::ops::call;

    use super::{
        super::{classify, tests::request},
        *,
    };

    fn write() -> Write {
        Write { call: call::trip_alarm(&Text::new("mldeck-abort-fraud"), "stop"), plan: Text::new("abcd1234") }
    }

    fn signed_write(permit: Option<Permit>, region: &str, key: &str) -> HttpRequest {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={key}/20261123/{region}/monitoring/aws4_request, Signature=0");
        let mut request = request(
            "POST",
            "https://m/",
            &[("x-amz-target", "GraniteServiceVersion20100801.SetAlarmState"), ("authorization", &authorization)],
            "{}",
        );
        if let Some(permit) = permit {
            request.add_extension(permit);
        }
        request
    }

    #[test]
    fn a_permit_is_for_one_request_of_one_operation_in_one_region_by_one_key() {
        let scope = Scope::new("aws", "447100000921", "eu-west-1");
        let now = Timestamp::from_millis(1_000_000);
        let grant = Grant::for_plan(scope, write().plan, [&write().call], now.plus(1_000));
        let ask = |permit: Option<Permit>, region: &str, key: &str, at: Timestamp| {
            let request = signed_write(permit, region, key);
            admit(&request, &classify(&request), at).map_err(|stopped| stopped.why)
        };
        let permit = || Some(Permit::new(&grant, &write(), Bytes::from_static(b"{}"), "AKIA1"));
        assert_eq!(ask(None, "eu-west-1", "AKIA1", now), Err("a write without leave"));
        let other_body = Some(Permit::new(&grant, &write(), Bytes::from_static(b"{ }"), "AKIA1"));
        assert_eq!(ask(other_body, "eu-west-1", "AKIA1", now), Err("the leave is for another request"));
        assert_eq!(ask(permit(), "us-east-1", "AKIA1", now), Err("the leave is for another region"));
        assert_eq!(ask(permit(), "eu-west-1", "AKIA1", now.plus(1_000)), Err("the leave has ended"));
        let other = permit();
        assert_eq!(
            ask(other.clone(), "eu-west-1", "AKIA2", now),
            Err("the credentials changed since they were verified")
        );
        assert!(other.is_some_and(|permit| permit.other_key() && !permit.sent()));
        let once = permit();
        assert_eq!(ask(once.clone(), "eu-west-1", "AKIA1", now), Ok(()));
        assert_eq!(
            ask(once, "eu-west-1", "AKIA1", now),
            Err("it was sent already, and a write is never repeated by itself")
        );
    }

    fn identity(scope: &Scope, session: &str) -> Identity {
        let arn = Text::new(&format!("arn:aws:sts::{}:assumed-role/{session}", scope.account));
        Identity { scope: scope.clone(), arn, source: Text::new("test"), expires: None }
    }

    #[test]
    fn a_grant_names_what_it_does_not_cover() {
        let scope = Scope::new("aws", "447100000921", "eu-west-1");
        let other = Scope::new("aws", "447100000921", "us-east-1");
        let now = Timestamp::from_millis(0);
        let grant = Grant::for_plan(scope.clone(), Text::new("abcd1234"), [&write().call], now.plus(10));
        let other = identity(&other, "OnCall/anna");
        let auditor = identity(&scope, "Auditor/anna");
        let renewed = identity(&scope, "OnCall/anna-2");
        let grant_of = grant.clone().held_by(identity(&scope, "OnCall/anna"));
        let scope_only = scope.clone();
        let scope = identity(&scope, "OnCall/anna");
        assert_eq!(grant.objection(&write(), &scope, now), None);
        assert_eq!(grant_of.objection(&write(), &renewed, now), None, "a session is not a role");
        assert!(grant_of.objection(&write(), &auditor, now).is_some_and(|why| why.contains("Auditor")));
        assert!(grant.objection(&write(), &other, now).is_some_and(|why| why.contains("us-east-1")));
        assert!(grant.objection(&write(), &scope, now.plus(10)).is_some_and(|why| why.contains("ended")));
        let foreign = Write { plan: Text::new("ffff0000"), ..write() };
        assert!(grant.objection(&foreign, &scope, now).is_some_and(|why| why.contains("plan abcd1234")));
        let more = Write { call: call::add_tags(&Text::new("a"), &[]), ..write() };
        assert!(grant.objection(&more, &scope, now).is_some_and(|why| why.contains("AddTags")));
        let other = Write { call: call::trip_alarm(&Text::new("somebody-elses"), "stop"), ..write() };
        assert!(grant.objection(&other, &scope, now).is_some_and(|why| why.contains("this SetAlarmState")));
        let armed = Grant::armed(scope_only, now);
        assert_eq!(armed.objection(&more, &scope, now), None);
        assert!(!armed.is_live(now.plus(ARMED)));
    }
}
