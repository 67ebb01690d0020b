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
    world.sessions.made += 1;
    let number = world.sessions.made;
    let chance = Chance::new(world.seed).named("session").of(number);
    let key = format!("ASIA{}", chance.named("key").id(16).to_uppercase());
    let token = format!("IQoJb3JpZ2luX2VjE{}", noise::digest(&[world.seed, number, 0x70c]));
    let secret = chance.named("secret").commit();
    let expires = world.now.plus(seconds * SECOND);
    let caller = format!("{role}/{name}");
    if world.sessions.sessions.len() >= SESSIONS {
        world.sessions.sessions.retain(|_, session| session.number + (SESSIONS as u64) > number);
    }
    world
        .sessions
        .sessions
        .insert(key.clone(), Session { caller: caller.clone(), token: token.clone(), expires, number });
    Ok(json!({
        "Credentials": {
            "AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Expiration": expires.iso(),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("AROAUQ4X7MLOPSEXAMPLE:{name}"),
            "Arn": estate::caller_arn(&caller),
        },
    }))
}
