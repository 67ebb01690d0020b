//! What is asked of the sandbox and not of the account in it: its clock, what goes wrong, what the operator may do, the grade.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sandbox/clock` | tells `{"now": epoch seconds, "speed": 1.0, "paused": false}` |
//! | `POST /_sandbox/clock` `{"step": 90}` | lets so many seconds of the account pass at once, at most 90 days |
//! | … `{"pause": true}`, `{"pause": false}` | stops time and lets it go on |
//! | … `{"speed": 60}` | seconds of the account in one of ours, 1 to 3600 |
//! | `GET /_sandbox/faults` | how many rules are in force |
//! | `POST /_sandbox/faults` | adds a rule as a scenario has it: `{"operation": "*", "kind": "throttle", "rate": 0.3}`; windows count from now |
//! | `DELETE /_sandbox/faults` | takes all of them away |
//! | `PUT /_sandbox/policy` | holds the operator to an IAM policy; `DELETE` ends that |
//! | `GET /_sandbox/drill` | the grade as things are now, for a scenario that is a drill |
//!
//! `GET /_sandbox/events?after=0` tells what EventBridge was told: lines of `{"sequence": 1, "event": {…}}`, at most a thousand an
//! answer, of the last ten thousand.
//!
//! No signature is wanted: who reaches the port may do this, but for pages in a browser (requests with an `Origin`).

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use serde_json::Value;

use crate::{
    World,
    clock::{Clock, MOST_SPEED},
    faults::FileRule,
};

const HOME: &str = "/_sandbox/";
const PATH: &str = "/_sandbox/clock";
/// Where the server asks for what follows in a session of Live Tail; `DELETE` ends one.
pub(crate) const LIVE_TAIL: &str = "/_sandbox/live-tail/";
/// Rules that may be in force at once.
const MOST_RULES: usize = 100;
/// Seconds that may be stepped over at once. The caller lets the world live through them before the answer goes out, so that
/// steps cannot pile up before a request that wants something else.
const MOST_STEP: f64 = 90.0 * 86_400.0;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Order {
    step: Option<f64>,
    pause: Option<bool>,
    speed: Option<f64>,
}

/// Answers what is asked of the sandbox itself at this moment of wall time; `None` for everything else.
pub fn answer(clock: &mut Clock, wall: Instant, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    if request.uri().path() != PATH {
        return None;
    }
    let done = match *request.method() {
        _ if request.headers().contains_key(header::ORIGIN) => Err("not from a page in a browser".to_owned()),
        Method::GET => Ok(()),
        Method::POST => obey(clock, wall, request.body()),
        _ => Err("GET or POST".to_owned()),
    };
    Some(match done {
        Ok(()) => {
            let told = json!({"now": clock.now(wall).secs_f64(), "speed": clock.speed(), "paused": clock.is_paused()});
            respond(StatusCode::OK, told.to_string())
        }
        Err(wrong) => respond(StatusCode::BAD_REQUEST, json!({"error": wrong}).to_string()),
    })
}

/// Answers what is asked of the sandbox about its account as it is now; `None` for requests to the account itself.
pub fn of_account(world: &mut World, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let what = request.uri().path().strip_prefix(HOME)?;
    if what == "events" {
        return Some(events(world, request));
    }
    if let Some(session) = request.uri().path().strip_prefix(LIVE_TAIL) {
        return Some(follow(world, session, request.method()));
    }
    let done = if request.headers().contains_key(header::ORIGIN) {
        Err("not from a page in a browser".to_owned())
    } else {
        see_to(world, what, request)
    };
    Some(match done {
        Ok(told) => respond(StatusCode::OK, told.to_string()),
        Err(wrong) => respond(StatusCode::BAD_REQUEST, json!({"error": wrong}).to_string()),
    })
}

fn see_to(world: &mut World, what: &str, request: &Request<Bytes>) -> Result<Value, String> {
    let sent = || serde_json::from_slice::<Value>(request.body()).map_err(|error| error.to_string());
    match (what, request.method().as_str()) {
        ("faults", "GET") => {}
        ("faults", "DELETE") => world.faults.clear(),
        ("faults", "POST") => {
            let rule = FileRule::deserialize(sent()?).map_err(|error| error.to_string())?.read()?;
            if world.faults.rules().len() >= MOST_RULES {
                return Err(format!("{MOST_RULES} rules at most"));
            }
            let now = world.now();
            world.faults.add(rule.after_start(now));
        }
        ("policy", "PUT") => world.hold_to_policy(&String::from_utf8_lossy(request.body()))?,
        ("policy", "DELETE") => world.policy = None,
        ("drill", "GET") => {
            let report = world.grade().ok_or("this scenario is no drill")?;
            return serde_json::to_value(report).map_err(|error| error.to_string());
        }
        _ => return Err("clock, faults, policy, drill or events".to_owned()),
    }
    Ok(json!({"rules": world.faults.rules().len(), "policy": world.policy.is_some()}))
}

/// Answers `GET /_sandbox/events?after=N`: what the account has told EventBridge since, a line each.
fn events(world: &mut World, request: &Request<Bytes>) -> Response<Bytes> {
    let after = request.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("after=")));
    let after = after.unwrap_or("0").parse::<u64>();
    let is_fine = *request.method() == Method::GET && !request.headers().contains_key(header::ORIGIN);
    match after.ok().filter(|_| is_fine) {
        Some(after) => {
            let mut response = respond(StatusCode::OK, world.events(after));
            let lines = header::HeaderValue::from_static("application/x-ndjson");
            response.headers_mut().insert(header::CONTENT_TYPE, lines);
            response
        }
        None => respond(StatusCode::BAD_REQUEST, json!({"error": "GET, after=<sequence number>"}).to_string()),
    }
}

fn follow(world: &mut World, session: &str, method: &Method) -> Response<Bytes> {
    let next = if *method == Method::GET { world.live_tail(session) } else { None };
    if let Some(next) = next {
        return Response::new(Bytes::from(next));
    }
    world.end_live_tail(session);
    respond(StatusCode::GONE, json!({"error": "no such session"}).to_string())
}

fn obey(clock: &mut Clock, wall: Instant, body: &[u8]) -> Result<(), String> {
    let order: Order = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let within = |value: Option<f64>, least: f64, most: f64, what: &str| match value {
        Some(value) if !(least..=most).contains(&value) => Err(format!("{what}: {least} to {most}")),
        _ => Ok(()),
    };
    // All of it or nothing.
    within(order.speed, 1.0, MOST_SPEED, "speed")?;
    within(order.step, 0.0, MOST_STEP, "step")?;
    if let Some(speed) = order.speed {
        clock.set_speed(wall, speed);
    }
    match order.pause {
        Some(true) => clock.pause(wall),
        Some(false) => clock.resume(wall),
        None => {}
    }
    if let Some(step) = order.step {
        clock.step(wall, Duration::from_secs_f64(step));
    }
    Ok(())
}

fn respond(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use mldeck_core::time::Timestamp;

    use super::*;

    fn told(clock: &mut Clock, wall: Instant, method: Method, body: &'static str) -> (u16, serde_json::Value) {
        let request = Request::builder().method(method).uri(PATH).body(Bytes::from_static(body.as_bytes())).unwrap();
        let response = answer(clock, wall, &request).unwrap();
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "some moment of wall time; nothing is measured")]
    fn time_is_stepped_stopped_and_made_fast() {
        let wall = Instant::now();
        let mut clock = Clock::new(Timestamp::parse("2026-11-23T00:00:00Z").unwrap(), wall, 1.0);
        let begin = told(&mut clock, wall, Method::GET, "").1["now"].as_f64().unwrap();
        let (_, stepped) = told(&mut clock, wall, Method::POST, r#"{"step": 90}"#);
        assert_eq!(stepped, json!({"now": begin + 90.0, "speed": 1.0, "paused": false}));
        let (_, stopped) = told(&mut clock, wall, Method::POST, r#"{"pause": true, "step": 10}"#);
        assert_eq!((&stopped["paused"], &stopped["speed"]), (&json!(true), &json!(1.0)));
        let later = wall + Duration::from_secs(5);
        assert_eq!(told(&mut clock, later, Method::GET, "").1["now"], begin + 100.0);
        told(&mut clock, later, Method::POST, r#"{"pause": false, "speed": 60}"#);
        let after = later + Duration::from_secs(1);
        assert_eq!(told(&mut clock, after, Method::GET, "").1["now"], begin + 160.0);
        let (_, going) = told(&mut clock, after, Method::POST, r#"{"pause": false}"#);
        assert_eq!(going, json!({"now": begin + 160.0, "speed": 60.0, "paused": false}), "it went on already");
    }

    fn account(world: &mut World, method: Method, path: &str, body: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(Bytes::from(body.to_owned())).unwrap();
        let response = of_account(world, &request).unwrap();
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    #[test]
    fn the_account_is_made_difficult_and_easy_again() {
        let mut world = crate::testkit::world("quiet-night");
        let list = crate::testkit::json_request("sagemaker", "ListEndpoints", &json!({}));
        let status = |world: &mut World| match world.deliver(&list) {
            crate::faults::Delivery::Answer(answer) => answer.status().as_u16(),
            other => panic!("{other:?}"),
        };
        let rule = r#"{"operation": "ListEndpoints", "kind": "throttle", "until": "10m"}"#;
        assert_eq!(
            account(&mut world, Method::POST, "/_sandbox/faults", rule),
            (200, json!({"rules": 1, "policy": false}))
        );
        assert_eq!(status(&mut world), 400);
        world.advance_to(world.now().plus(600_000));
        assert_eq!(status(&mut world), 200, "its window is over");
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
        assert_eq!(account(&mut world, Method::PUT, "/_sandbox/policy", policy).0, 200);
        assert_eq!(status(&mut world), 400);
        assert_eq!(account(&mut world, Method::DELETE, "/_sandbox/policy", "").0, 200);
        assert_eq!(account(&mut world, Method::DELETE, "/_sandbox/faults", "").1, json!({"rules": 0, "policy": false}));
        assert_eq!(status(&mut world), 200);
        for (method, path, body) in [
            (Method::POST, "/_sandbox/faults", "{}"),
            (Method::POST, "/_sandbox/faults", r#"{"operation": "*", "kind": "sloth"}"#),
            (Method::POST, "/_sandbox/faults", r#"{"operation": "*", "kind": "stale"}"#),
            (Method::POST, "/_sandbox/faults", r#"{"operation": "*", "kind": "stall", "rate": 2}"#),
            (Method::PUT, "/_sandbox/policy", r#"{"Statement": []"#),
            (Method::GET, "/_sandbox/nothing", ""),
        ] {
            assert_eq!(account(&mut world, method, path, body).0, 400, "{path} {body}");
        }
        assert_eq!(account(&mut world, Method::GET, "/_sandbox/drill", "").1["scenario"], "quiet-night");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "some moment of wall time; nothing is measured")]
    fn what_is_wrong_changes_nothing() {
        let wall = Instant::now();
        let mut clock = Clock::new(Timestamp::default(), wall, 1.0);
        for body in ["", "7", r#"{"stop": 1}"#, r#"{"step": -1}"#, r#"{"step": 1e12}"#, r#"{"speed": 0, "step": 5}"#] {
            assert_eq!(told(&mut clock, wall, Method::POST, body).0, 400, "{body}");
        }
        assert_eq!(told(&mut clock, wall, Method::PUT, "{}").0, 400);
        assert_eq!(told(&mut clock, wall, Method::GET, "").1, json!({"now": 0.0, "speed": 1.0, "paused": false}));
        let page =
            Request::post(PATH).header("origin", "https://evil.example").body(Bytes::from(r#"{"step": 9}"#)).unwrap();
        assert_eq!(answer(&mut clock, wall, &page).unwrap().status(), 400);
        assert_eq!(clock.now(wall), Timestamp::default());
        let other = Request::post("/").body(Bytes::new()).unwrap();
        assert!(answer(&mut clock, wall, &other).is_none());
    }
}
