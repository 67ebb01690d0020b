//! STS: who the caller is, and sessions of other roles.

use std::collections::BTreeMap;

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::json;

use super::{ApiError, Handler, Reply, Request, Service, World, chance::Chance, estate, noise};

pub(crate) const OPERATIONS: &[(&str, Handler)] =
    &[("GetCallerIdentity", get_caller_identity), ("AssumeRole", assume_role)];

/// Sessions kept; the oldest fall out.
const SESSIONS: usize = 1_000;
const HOUR: i64 = 3_600;

/// Sessions by their access key.
#[derive(Default)]
pub(crate) struct State {
    sessions: BTreeMap<String, Session>,
    made: u64,
}

struct Session {
    /// `Auditor/anna`.
    caller: String,
    token: String,
    expires: Timestamp,
    number: u64,
}

/// Whether a session of this account has that key.
pub(crate) fn began(world: &World, key: &str) -> bool {
    world.sessions.sessions.contains_key(key)
}

/// Whose key that is: nobody's in particular, a session's, or a refusal.
pub(crate) fn caller(
    world: &World,
    service: Service,
    key: &str,
    token: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Some(session) = world.sessions.sessions.get(key) else { return Ok(None) };
    // S3 has no suffix there either; the protocol layer takes it from those who speak Query.
    let is_bare = service == Service::S3;
    if token.is_some_and(|token| token != session.token) {
        let code = if is_bare { "InvalidToken" } else { "UnrecognizedClientException" };
        return Err(ApiError::new(403, code, "The security token included in the request is invalid."));
    }
    if session.expires <= world.now {
        let code = if is_bare { "ExpiredToken" } else { "ExpiredTokenException" };
        return Err(ApiError::new(403, code, "The security token included in the request is expired"));
    }
    Ok(Some(session.caller.clone()))
}

fn get_caller_identity(_world: &mut World, request: &Request<'_>) -> Reply {
    Ok(json!({
        "Account": estate::ACCOUNT,
        "Arn": estate::caller_arn(request.caller),
        "UserId": format!("AROAUQ4X7MLOPSEXAMPLE:{}", estate::session_name(request.caller)),
    }))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

/// Any role of the account may be assumed; one of another account trusts nobody here.
fn assume_role(world: &mut World, request: &Request<'_>) -> Reply {
    let (arn, name) = (request.text("RoleArn")?, request.text("RoleSessionName")?);
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&name.len()) || !name.chars().all(fits) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]*"
        )));
    }
    let role = arn.strip_prefix(&format!("arn:aws:iam::{}:role/", estate::ACCOUNT));
    let Some(role) = role.and_then(|path| path.rsplit('/').next()).filter(|role| !role.is_empty()) else {
        if !arn.starts_with("arn:") || arn.len() < 20 {
            return Err(invalid(format!("{arn} is invalid")));
        }
        return Err(ApiError::new(
            403,
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                estate::caller_arn(request.caller)
            ),
        ));
    };
    check_device(request)?;
    let seconds = request.opt_int("DurationSeconds").unwrap_or(HOUR);
    if !(900..=12 * HOUR).contains(&seconds) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must \
             have value between 900 and 43200"
        )));
    }
    if seconds > HOUR && request.caller.contains('/') {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
                .to_owned(),
        ));
    }
    let caller = format!("{role}/{name}");
    let keys = session(world, &caller, seconds);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": keys.key, "SecretAccessKey": keys.secret, "SessionToken": keys.token,
            "Expiration": keys.expires.iso(),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("AROAUQ4X7MLOPSEXAMPLE:{name}"),
            "Arn": estate::caller_arn(&caller),
        },
    }))
}

/// The sandbox's MFA device shows the same code all night.
pub(crate) const CODE: &str = "246810";

/// A device belongs to a user of the account, and its code is checked whether the role wants one or not.
fn check_device(request: &Request<'_>) -> Result<(), ApiError> {
    let refuse = |what: &str| {
        Err(ApiError::new(403, "AccessDenied", format!("MultiFactorAuthentication failed with invalid MFA {what}.")))
    };
    match (request.opt_text("SerialNumber"), request.opt_text("TokenCode")) {
        (None, None) => Ok(()),
        (Some(serial), Some(code)) => match serial.strip_prefix(&format!("arn:aws:iam::{}:mfa/", estate::ACCOUNT)) {
            Some(_) if code == CODE => Ok(()),
            Some(_) => refuse("one time pass code"),
            None => refuse("serial number"),
        },
        _ => Err(invalid("1 validation error detected: SerialNumber and TokenCode belong together".to_owned())),
    }
}

/// Keys of a session.
pub(crate) struct Keys {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
}

/// Begins a session of `caller` (`Auditor/anna`) for that long.
pub(crate) fn session(world: &mut World, caller: &str, seconds: i64) -> Keys {
    world.sessions.made += 1;
    let number = world.sessions.made;
    let chance = Chance::new(world.seed).named("session").of(number);
    let keys = Keys {
        key: format!("ASIA{}", chance.named("key").id(16).to_uppercase()),
        secret: chance.named("secret").commit(),
        token: format!("IQoJb3JpZ2luX2VjE{}", noise::digest(&[world.seed, number, 0x70c])),
        expires: world.now.plus(seconds * SECOND),
    };
    let kept = Session { caller: caller.to_owned(), token: keys.token.clone(), expires: keys.expires, number };
    let sessions = &mut world.sessions.sessions;
    if sessions.len() >= SESSIONS {
        sessions.retain(|_, session| session.number + (SESSIONS as u64) > number);
    }
    sessions.insert(keys.key.clone(), kept);
    keys
}
