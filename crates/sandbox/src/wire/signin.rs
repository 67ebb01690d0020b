//! IAM Identity Center as far as a sign-in goes: requests without a signature, for a token that somebody approves in a
//! browser and for keys of a role by that token.
//!
//! Any start address is good, and opening the address of a code approves it: there is nobody in the sandbox to ask.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use mldeck_core::time::{SECOND, Timestamp};
use serde_json::{Value, json};

use super::{MOST_BODY, query, respond, text};
use crate::world::{World, estate, identity, noise};

/// A code is good for ten minutes, a token for eight hours, its registration for ninety days.
const CODE: i64 = 600;
const TOKEN: i64 = 8 * 3_600;
const CLIENT: i64 = 90 * 86_400;
/// Sign-ins that are remembered; the oldest fall out.
const MOST: usize = 1_000;

/// Sign-ins, the newest last.
#[derive(Default)]
pub(crate) struct State {
    sign_ins: Vec<SignIn>,
    made: u64,
}

struct SignIn {
    device: String,
    code: String,
    until: Timestamp,
    approved: Option<bool>,
    token: String,
    refresh: String,
    ends: Timestamp,
}

/// An error as both services say it.
struct Refusal(u16, &'static str, &'static str);

type Told = Result<Value, Refusal>;

/// Answers a request of a sign-in; `None` for all others.
pub(super) fn handle(world: &mut World, request: &http::Request<Bytes>) -> Option<Response<Bytes>> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let told = match (request.method(), request.uri().path()) {
        (&Method::GET, "/device") => return Some(page(world, request)),
        (&Method::POST, "/client/register") => register(world, request),
        (&Method::POST, "/device_authorization") => begin(world, request),
        (&Method::POST, "/token") => token(world, request),
        (&Method::GET, "/federation/credentials") => keys(world, request),
        _ => return None,
    };
    Some(match told {
        Ok(told) => respond(200, "application/json", told.to_string()),
        Err(Refusal(status, code, message)) => {
            let told = json!({"message": message, "error_description": message, "error": oauth(code)});
            let mut response = respond(status, "application/json", told.to_string());
            response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
            response
        }
    })
}

/// `AuthorizationPendingException` as OAuth says it: `authorization_pending`.
fn oauth(code: &str) -> String {
    let mut out = String::new();
    for c in code.trim_end_matches("Exception").chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

const INVALID: Refusal =
    Refusal(400, "InvalidRequestException", "The request is missing something, or it is malformed.");

fn input(request: &http::Request<Bytes>) -> Result<Value, Refusal> {
    if request.body().len() > MOST_BODY {
        return Err(INVALID);
    }
    serde_json::from_slice::<Value>(request.body()).ok().filter(Value::is_object).ok_or(INVALID)
}

fn member<'v>(input: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(INVALID)
}

fn register(world: &World, request: &http::Request<Bytes>) -> Told {
    let input = input(request)?;
    let name = member(&input, "clientName")?;
    if member(&input, "clientType")? != "public" {
        return Err(INVALID);
    }
    Ok(json!({
        "clientId": noise::digest(&[world.seed, noise::name(name), 0xc1]),
        "clientSecret": noise::digest(&[world.seed, noise::name(name), 0x5e]),
        "clientIdIssuedAt": world.now.secs(),
        "clientSecretExpiresAt": world.now.plus(CLIENT * SECOND).secs(),
    }))
}

fn begin(world: &mut World, request: &http::Request<Bytes>) -> Told {
    let input = input(request)?;
    for name in ["clientId", "clientSecret", "startUrl"] {
        member(&input, name)?;
    }
    let state = &mut world.sign_ins;
    state.made += 1;
    let of = |what: u64| noise::digest(&[world.seed, state.made, what]);
    let letters: String = of(1).bytes().map(|byte| char::from(b"BCDFGHJKLMNPQRST"[usize::from(byte % 16)])).collect();
    let sign_in = SignIn {
        device: of(2),
        code: format!("{}-{}", &letters[..4], &letters[4..8]),
        until: world.now.plus(CODE * SECOND),
        approved: None,
        token: format!("aoa{}", of(3)),
        refresh: format!("aor{}", of(4)),
        ends: world.now,
    };
    let host = text(request.headers(), "host").unwrap_or("127.0.0.1");
    let told = json!({
        "deviceCode": sign_in.device,
        "userCode": sign_in.code,
        "verificationUri": format!("http://{host}/device"),
        "verificationUriComplete": format!("http://{host}/device?user_code={}", sign_in.code),
        "expiresIn": CODE,
        "interval": 1,
    });
    if state.sign_ins.len() >= MOST {
        state.sign_ins.remove(0);
    }
    state.sign_ins.push(sign_in);
    Ok(told)
}

/// What a browser shows: opening it approves the code, with `deny=true` refuses it.
fn page(world: &mut World, request: &http::Request<Bytes>) -> Response<Bytes> {
    let find = |name: &str| query::pairs(request.uri().query()?.as_bytes()).find(|(key, _)| key == name);
    let (code, deny) = (find("user_code").map(|(_, code)| code), find("deny").is_some());
    let now = world.now;
    let found = world.sign_ins.sign_ins.iter_mut().find(|sign_in| Some(&sign_in.code) == code.as_ref());
    let (status, said) = match found.filter(|sign_in| sign_in.until > now) {
        Some(sign_in) => {
            sign_in.approved = Some(!deny);
            (200, if deny { "The request was denied." } else { "The request was approved. You can close this window." })
        }
        None => (404, "There is no such code, or it has ended."),
    };
    respond(status, "text/plain; charset=utf-8", format!("{said}\n"))
}

fn token(world: &mut World, request: &http::Request<Bytes>) -> Told {
    let input = input(request)?;
    let now = world.now;
    let found = match member(&input, "grantType")? {
        "urn:ietf:params:oauth:grant-type:device_code" => {
            let device = member(&input, "deviceCode")?;
            let found = world.sign_ins.sign_ins.iter_mut().find(|sign_in| sign_in.device == device).ok_or(INVALID)?;
            match found.approved {
                _ if found.until <= now => return Err(Refusal(400, "ExpiredTokenException", "The code has expired.")),
                None => return Err(Refusal(400, "AuthorizationPendingException", "The request awaits its approval.")),
                Some(false) => return Err(Refusal(400, "AccessDeniedException", "The request was denied.")),
                Some(true) => found,
            }
        }
        "refresh_token" => {
            let refresh = member(&input, "refreshToken")?;
            let found = world.sign_ins.sign_ins.iter_mut().find(|sign_in| sign_in.refresh == refresh);
            found.ok_or(Refusal(400, "InvalidGrantException", "The refresh token is not known."))?
        }
        _ => return Err(Refusal(400, "UnsupportedGrantTypeException", "This grant is not offered.")),
    };
    found.ends = now.plus(TOKEN * SECOND);
    Ok(json!({
        "accessToken": found.token, "tokenType": "Bearer", "expiresIn": TOKEN, "refreshToken": found.refresh,
    }))
}

fn keys(world: &mut World, request: &http::Request<Bytes>) -> Told {
    let bearer = text(request.headers(), "x-amz-sso_bearer_token").unwrap_or_default();
    let now = world.now;
    let signed_in = world.sign_ins.sign_ins.iter().any(|sign_in| sign_in.token == bearer && sign_in.ends > now);
    if !signed_in {
        return Err(Refusal(401, "UnauthorizedException", "Session token not found or invalid"));
    }
    let find = |name: &str| query::pairs(request.uri().query()?.as_bytes()).find(|(key, _)| key == name);
    let (Some((_, account)), Some((_, role))) = (find("account_id"), find("role_name")) else { return Err(INVALID) };
    if account != estate::ACCOUNT {
        return Err(Refusal(403, "ForbiddenException", "No access"));
    }
    let keys = identity::session(world, &format!("{role}/anna"), 3_600);
    Ok(json!({"roleCredentials": {
        "accessKeyId": keys.key, "secretAccessKey": keys.secret, "sessionToken": keys.token,
        "expiration": keys.expires.millis(),
    }}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::world;

    fn send(world: &mut World, method: &str, uri: &str, input: &Value, bearer: &str) -> (u16, Value) {
        let request = http::Request::builder().method(method).uri(uri).header("host", "sso.test");
        let request = request.header("x-amz-sso_bearer_token", bearer).body(Bytes::from(input.to_string())).unwrap();
        let response = world.handle(&request);
        let status = response.status().as_u16();
        (status, serde_json::from_slice(response.body()).unwrap_or_else(|_| json!(response.body().len())))
    }

    #[test]
    fn a_sign_in_is_pending_until_its_page_is_opened_and_gives_keys_of_a_role() {
        let mut world = world("quiet-night");
        let none = json!({});
        let client = json!({"clientName": "mldeck", "clientType": "public"});
        let (_, client) = send(&mut world, "POST", "/client/register", &client, "");
        let mut asked = json!({"clientId": client["clientId"], "clientSecret": client["clientSecret"]});
        assert_eq!(send(&mut world, "POST", "/device_authorization", &asked, "").0, 400, "no start address");
        asked["startUrl"] = json!("https://acme.awsapps.com/start");
        let (_, begun) = send(&mut world, "POST", "/device_authorization", &asked, "");
        asked["grantType"] = json!("urn:ietf:params:oauth:grant-type:device_code");
        asked["deviceCode"] = begun["deviceCode"].clone();
        let (status, pending) = send(&mut world, "POST", "/token", &asked, "");
        assert_eq!((status, &pending["error"]), (400, &json!("authorization_pending")));
        let page = begun["verificationUriComplete"].as_str().unwrap().strip_prefix("http://sso.test").unwrap();
        assert_eq!(send(&mut world, "GET", "/device?user_code=NONE-SUCH", &none, "").0, 404);
        assert_eq!(send(&mut world, "GET", page, &none, "").0, 200);
        let (_, token) = send(&mut world, "POST", "/token", &asked, "");
        let bearer = token["accessToken"].as_str().unwrap();

        let keys = format!("/federation/credentials?account_id={}&role_name=OnCall", estate::ACCOUNT);
        assert_eq!(send(&mut world, "GET", &keys, &none, "aoaother").0, 401);
        assert_eq!(send(&mut world, "GET", &keys.replace('4', "5"), &none, bearer).0, 403);
        let (status, given) = send(&mut world, "GET", &keys, &none, bearer);
        assert_eq!(status, 200, "{given}");
        let ends = given["roleCredentials"]["expiration"].as_i64().unwrap();
        assert_eq!(ends, world.now().plus(3_600 * SECOND).millis());

        let to = world.now().plus(TOKEN * SECOND);
        world.advance_to(to);
        assert_eq!(send(&mut world, "GET", &keys, &none, bearer).0, 401, "it has ended");
        let again = json!({"grantType": "refresh_token", "refreshToken": token["refreshToken"]});
        assert_eq!(send(&mut world, "POST", "/token", &again, "").0, 200);
        assert_eq!(send(&mut world, "GET", &keys, &none, bearer).0, 200);
        assert_eq!(send(&mut world, "POST", "/anything", &none, "").0, 403, "all else still wants a signature");
    }

    #[test]
    fn a_code_that_was_refused_or_ended_gives_nothing() {
        let mut world = world("quiet-night");
        let mut asked = json!({"clientId": "a", "clientSecret": "b", "startUrl": "https://acme.awsapps.com/start"});
        asked["grantType"] = json!("urn:ietf:params:oauth:grant-type:device_code");
        let (_, begun) = send(&mut world, "POST", "/device_authorization", &asked, "");
        asked["deviceCode"] = begun["deviceCode"].clone();
        let page = format!("/device?user_code={}&deny=true", begun["userCode"].as_str().unwrap());
        assert_eq!(send(&mut world, "GET", &page, &json!({}), "").0, 200);
        assert_eq!(send(&mut world, "POST", "/token", &asked, "").1["error"], "access_denied");
        let to = world.now().plus(CODE * SECOND);
        world.advance_to(to);
        assert_eq!(send(&mut world, "POST", "/token", &asked, "").1["error"], "expired_token");
        assert_eq!(send(&mut world, "GET", &page, &json!({}), "").0, 404);
    }
}
