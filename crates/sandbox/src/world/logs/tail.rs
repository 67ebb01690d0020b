//! Live Tail: sessions that are told what groups are written, as long as somebody listens.
//!
//! A session keeps no time of its own. Who serves it asks now and then, and is told what came in since it asked before.

use std::collections::BTreeMap;

use mldeck_core::time::{HOUR, Timestamp};
use serde_json::{Value, json};

use super::{INGESTED, Line, Pattern, invalid, lines, streams};
use crate::{
    wire::stream::{event, exception},
    world::{ApiError, Reply, Request, World, noise},
};

/// Sessions at once, events of one update, and how long a session lasts, as CloudWatch Logs limits them.
const SESSIONS: usize = 15;
const EVENTS: usize = 500;
const LASTS: i64 = 3 * HOUR;
/// Groups of one session.
const GROUPS: usize = 10;

#[derive(Default)]
pub(crate) struct Tails {
    sessions: BTreeMap<String, Tail>,
}

struct Tail {
    groups: Vec<String>,
    names: Vec<String>,
    prefixes: Vec<String>,
    pattern: Pattern,
    since: Timestamp,
    ends: Timestamp,
}

/// Begins a session and gives its `sessionStart`; the protocol layer makes a stream of it.
pub(super) fn start(world: &mut World, request: &Request<'_>) -> Reply {
    let arns = request.texts("logGroupIdentifiers");
    if arns.is_empty() || arns.len() > GROUPS {
        return Err(invalid(format!("logGroupIdentifiers must have between 1 and {GROUPS} items.")));
    }
    let (names, prefixes) = (request.texts("logStreamNames"), request.texts("logStreamNamePrefixes"));
    if !names.is_empty() && !prefixes.is_empty() {
        return Err(invalid("Only one of logStreamNames and logStreamNamePrefixes can be specified."));
    }
    if arns.len() > 1 && !(names.is_empty() && prefixes.is_empty()) {
        return Err(invalid("Log streams can be specified only with a single log group."));
    }
    let mut groups = Vec::new();
    for arn in &arns {
        let group = arn.split_once(":log-group:").map(|(_, name)| name).filter(|name| !name.ends_with('*'));
        let group =
            group.ok_or_else(|| invalid(format!("The log group identifier {arn} is not an ARN of a log group.")))?;
        streams(world, group)?;
        groups.push(group.to_owned());
    }
    let filter = request.opt_text("logEventFilterPattern").unwrap_or_default();
    let pattern = Pattern::parse(filter).map_err(invalid)?;
    if world.logs.tails.sessions.len() >= SESSIONS {
        let message = format!("The limit of {SESSIONS} concurrent Live Tail sessions is reached.");
        return Err(ApiError::new(400, "LimitExceededException", message));
    }
    let id = noise::uuid(&[noise::name(request.request_id), 0x7a11]);
    let started = json!({
        "requestId": request.request_id,
        "sessionId": id,
        "logGroupIdentifiers": arns,
        "logStreamNames": names,
        "logStreamNamePrefixes": prefixes,
        "logEventFilterPattern": filter,
    });
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let (since, ends) = (world.now, world.now.plus(LASTS));
    let tail = Tail { groups, names: owned(&names), prefixes: owned(&prefixes), pattern, since, ends };
    world.logs.tails.sessions.insert(id, tail);
    Ok(started)
}

impl Tail {
    fn shows(&self, stream: &str) -> bool {
        (self.names.is_empty() || self.names.iter().any(|name| name == stream))
            && (self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| stream.starts_with(prefix.as_str())))
    }

    /// What came in between two moments, as group, stream and line, oldest first.
    fn came(&self, world: &World, from: Timestamp, to: Timestamp) -> Vec<(&str, String, Line)> {
        let (from, to) = (from.plus(-INGESTED), to.plus(-INGESTED));
        let mut came = Vec::new();
        for group in &self.groups {
            let streams = streams(world, group).unwrap_or_default();
            for stream in streams.into_iter().filter(|stream| stream.to >= from && self.shows(&stream.name)) {
                let lines = lines(world, group, &stream.name, from, to).into_iter();
                let wanted = lines.filter(|line| self.pattern.matches(&line.text));
                came.extend(wanted.map(|line| (group.as_str(), stream.name.clone(), line)));
            }
        }
        came.sort_by(|a, b| (a.2.at, &a.1).cmp(&(b.2.at, &b.1)));
        came
    }
}

impl World {
    /// The next message of a session; `None` when there is none.
    pub(crate) fn live_tail(&mut self, id: &str) -> Option<Vec<u8>> {
        let mut tail = self.logs.tails.sessions.remove(id)?;
        let to = self.now.min(tail.ends);
        let came = tail.came(self, tail.since, to);
        if came.is_empty() && to == tail.ends {
            let message = "The Live Tail session has reached its limit of three hours.";
            return Some(exception("SessionTimeoutException", &json!({"message": message})));
        }
        // Of too many every so manieth is told.
        let sampled = came.len() > EVENTS;
        let kept = came.len().min(EVENTS);
        let chosen = (0..kept).filter_map(|n| came.get(n * came.len() / kept.max(1)));
        let results: Vec<Value> = chosen
            .map(|(group, stream, line)| {
                json!({
                    "logGroupIdentifier": format!("{}:{group}", crate::world::estate::ACCOUNT),
                    "logStreamName": stream,
                    "message": line.text,
                    "timestamp": line.at.millis(),
                    "ingestionTime": line.at.plus(INGESTED).millis(),
                })
            })
            .collect();
        tail.since = to;
        self.logs.tails.sessions.insert(id.to_owned(), tail);
        Some(event("sessionUpdate", &json!({"sessionMetadata": {"sampled": sampled}, "sessionResults": results})))
    }

    /// Nobody listens any more.
    pub(crate) fn end_live_tail(&mut self, id: &str) {
        self.logs.tails.sessions.remove(id);
    }
}
