//! CloudWatch Logs: groups of endpoints are written as they are read; groups of jobs are kept.

mod endpoint;
mod json;
mod pattern;
mod tail;

use std::collections::{BTreeMap, VecDeque};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mldeck_core::time::{DAY, Timestamp};
use serde_json::{Value, json};

use super::{ApiError, Handler, Reply, Request, World, endpoint::Endpoint, estate, noise, page};
use pattern::Pattern;

/// Lines kept per stream.
const LINES: usize = 5_000;
/// Streams kept per group.
const STREAMS: usize = 2_000;
/// Events and bytes of one answer.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;
/// How long a line is on its way.
const INGESTED: i64 = 800;
/// Groups of endpoints start with this.
const ENDPOINTS: &str = "/aws/sagemaker/Endpoints/";
const COMPONENTS: &str = "/aws/sagemaker/InferenceComponents/";

/// The endpoint or inference component that logs to a group.
fn served<'w>(world: &'w World, group: &str) -> Option<&'w Endpoint> {
    match group.strip_prefix(ENDPOINTS) {
        Some(name) => world.endpoint(name).ok(),
        None => Some(&world.components.get(group.strip_prefix(COMPONENTS)?)?.served),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

#[derive(Default)]
pub(crate) struct State {
    kept: BTreeMap<String, BTreeMap<String, VecDeque<Line>>>,
    tails: tail::Tails,
}

impl State {
    /// Keeps one line of a job: `put("/aws/sagemaker/TrainingJobs", "fraud-train-0412/algo-1-1764…", at, text)`. Lines of one
    /// stream come in order.
    pub(crate) fn put(&mut self, group: &str, stream: &str, at: Timestamp, text: impl Into<String>) {
        let streams = self.kept.entry(group.to_owned()).or_default();
        if streams.len() >= STREAMS && !streams.contains_key(stream) {
            return;
        }
        let lines = streams.entry(stream.to_owned()).or_default();
        lines.push_back(Line { at, text: text.into() });
        if lines.len() > LINES {
            lines.pop_front();
        }
    }
}

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[
    ("DescribeLogGroups", describe_groups),
    ("DescribeLogStreams", describe_streams),
    ("GetLogEvents", get_events),
    ("FilterLogEvents", filter_events),
    ("StartLiveTail", tail::start),
];

/// One stream of a group: its name and the time it spans.
struct Stream {
    name: String,
    from: Timestamp,
    to: Timestamp,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}

fn invalid_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}

fn group<'r>(request: &'r Request<'_>) -> Result<&'r str, ApiError> {
    let name = request.opt_text("logGroupName").or_else(|| request.opt_text("logGroupIdentifier"));
    let name = name.ok_or_else(|| invalid("A log group must be named."))?;
    Ok(name.rsplit_once("log-group:").map_or(name, |(_, name)| name).trim_end_matches(":*"))
}

/// The streams of a group; a group that nothing has logged to does not exist.
fn streams(world: &World, group: &str) -> Result<Vec<Stream>, ApiError> {
    let mut found: Vec<Stream> = Vec::new();
    if let Some(streams) = world.logs.kept.get(group) {
        found.extend(streams.iter().filter_map(|(name, lines)| {
            let visible = |line: &&Line| line.at <= world.now;
            let (from, to) = (lines.front().filter(visible)?, lines.iter().rev().find(visible)?);
            Some(Stream { name: name.clone(), from: from.at, to: to.at })
        }));
    }
    if let Some(endpoint) = served(world, group) {
        found.extend(endpoint::streams(endpoint, world.now).into_iter().map(|(name, from, to)| Stream {
            name,
            from,
            to,
        }));
    }
    if found.is_empty() {
        return Err(ApiError::new(400, "ResourceNotFoundException", "The specified log group does not exist."));
    }
    Ok(found)
}

/// Lines of a stream in `from..to` that have happened, oldest first; `most` of them from the wanted end.
fn lines(world: &World, group: &str, stream: &str, from: Timestamp, to: Timestamp) -> Vec<Line> {
    let to = to.min(world.now.plus(1));
    let kept = world.logs.kept.get(group).and_then(|streams| streams.get(stream));
    let mut out: Vec<Line> =
        kept.into_iter().flatten().filter(|line| line.at >= from && line.at < to).cloned().collect();
    if let Some(endpoint) = served(world, group) {
        out.extend(endpoint::lines(world, endpoint, stream, from, to));
    }
    out
}

fn group_arn(name: &str) -> String {
    estate::arn("logs", &format!("log-group:{name}"))
}

fn describe_groups(world: &mut World, request: &Request<'_>) -> Reply {
    let size = limit(request, 50)?;
    let prefix = request.opt_text("logGroupNamePrefix").unwrap_or_default();
    let part = request.opt_text("logGroupNamePattern").unwrap_or_default().to_lowercase();
    let endpoints = world.endpoints.endpoints.keys().map(|name| format!("{ENDPOINTS}{name}"));
    let endpoints = endpoints.chain(world.components.keys().map(|name| format!("{COMPONENTS}{name}")));
    let mut names: Vec<String> = world
        .logs
        .kept
        .keys()
        .cloned()
        .chain(endpoints)
        .filter(|name| name.starts_with(prefix) && name.to_lowercase().contains(&part))
        .filter(|name| streams(world, name).is_ok())
        .collect();
    names.sort();
    names.dedup();
    let (cut, next) = page::cut(&names, request, ("nextToken", "limit"), size, invalid_token)?;
    let groups: Vec<Value> = cut
        .iter()
        .map(|name| {
            json!({
                "logGroupName": name,
                "arn": format!("{}:*", group_arn(name)),
                "logGroupArn": group_arn(name),
                "creationTime": world.start.plus(-60 * DAY).millis(),
                "metricFilterCount": 0,
                "storedBytes": noise::name(name) % 40_000_000,
                "logGroupClass": "STANDARD",
            })
        })
        .collect();
    Ok(page::reply(json!({"logGroups": groups}), "nextToken", next))
}

fn limit(request: &Request<'_>, most: usize) -> Result<usize, ApiError> {
    match request.opt_int("limit") {
        None => Ok(most),
        Some(n) if n >= 1 && n <= most as i64 => Ok(n as usize),
        Some(n) => Err(invalid(format!("Value '{n}' at 'limit' must be between 1 and {most}"))),
    }
}

fn describe_streams(world: &mut World, request: &Request<'_>) -> Reply {
    let group = group(request)?;
    let size = limit(request, 50)?;
    let by_time = request.opt_text("orderBy") == Some("LastEventTime");
    let prefix = request.opt_text("logStreamNamePrefix");
    if by_time && prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let mut found = streams(world, group)?;
    found.retain(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)));
    found.sort_by(|a, b| if by_time { (a.to, &a.name).cmp(&(b.to, &b.name)) } else { a.name.cmp(&b.name) });
    if request.flag("descending") {
        found.reverse();
    }
    let (cut, next) = page::cut(&found, request, ("nextToken", "limit"), size, invalid_token)?;
    let bodies: Vec<Value> = cut
        .iter()
        .map(|stream| {
            json!({
                "logStreamName": stream.name,
                "creationTime": stream.from.millis(),
                "firstEventTimestamp": stream.from.millis(),
                "lastEventTimestamp": stream.to.millis(),
                "lastIngestionTime": stream.to.plus(INGESTED).millis(),
                "arn": format!("{}:log-stream:{}", group_arn(group), stream.name),
                "storedBytes": 0,
            })
        })
        .collect();
    Ok(page::reply(json!({"logStreams": bodies}), "nextToken", next))
}

fn window(request: &Request<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let millis = |member: &str| request.opt_int(member).map(Timestamp::from_millis);
    (millis("startTime"), millis("endTime"))
}

/// Where a reader of a stream stands: at a time, having seen so many lines of that very moment, going one way.
struct Place {
    forward: bool,
    at: Timestamp,
    seen: usize,
}

impl Place {
    fn token(&self) -> String {
        format!("{}/{:020}/{:08}", if self.forward { 'f' } else { 'b' }, self.at.millis(), self.seen)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('/');
        let forward = match parts.next()? {
            "f" => true,
            "b" => false,
            _ => return None,
        };
        let at = Timestamp::from_millis(parts.next()?.parse().ok()?);
        let seen = parts.next()?.parse().ok()?;
        parts.next().is_none().then_some(Self { forward, at, seen })
    }
}

/// A window of this length is read at once when a request names none: the newest lines are what people want.
const BACK: i64 = 6 * 60 * 60 * 1_000;

fn get_events(world: &mut World, request: &Request<'_>) -> Reply {
    let group = group(request)?;
    let stream = request.text("logStreamName")?;
    let known = streams(world, group)?;
    let spanned = known
        .iter()
        .find(|s| s.name == stream)
        .ok_or_else(|| ApiError::new(400, "ResourceNotFoundException", "The specified log stream does not exist."))?;
    let most = limit(request, MOST_EVENTS)?;
    let place = match request.opt_text("nextToken") {
        None => None,
        Some(token) => Some(Place::parse(token).ok_or_else(invalid_token)?),
    };
    let (from, to) = window(request);
    // The newest lines of a stream that ended long ago are as old as its end.
    let to = to.unwrap_or_else(|| world.now.plus(1)).min(spanned.to.plus(1));
    let forward = place.as_ref().map_or_else(|| request.flag("startFromHead"), |place| place.forward);
    let first = from.unwrap_or(if forward { spanned.from } else { spanned.from.max(to.plus(-BACK)) });
    let all = match &place {
        Some(place) if place.forward => {
            let mut rest = lines(world, group, stream, first.max(place.at), to);
            let skip = rest.iter().take_while(|line| line.at == place.at).count().min(place.seen);
            rest.drain(..skip);
            rest
        }
        Some(place) => lines(world, group, stream, first.max(place.at.plus(-BACK)), to.min(place.at)),
        None => lines(world, group, stream, first, to),
    };
    let chosen: Vec<&Line> = if forward { bounded(all.iter(), most) } else { bounded(all.iter().rev(), most) };
    let chosen: Vec<&Line> = if forward { chosen } else { chosen.into_iter().rev().collect() };
    let ahead = match chosen.last() {
        // At the end the token stays what it was: that is how a reader knows.
        None => place.as_ref().filter(|p| p.forward).map_or((first, 0), |p| (p.at, p.seen)),
        Some(last) => {
            let of_moment = chosen.iter().rev().take_while(|line| line.at == last.at).count();
            let before = place.as_ref().filter(|p| p.forward && p.at == last.at).map_or(0, |p| p.seen);
            (last.at, before.saturating_add(of_moment))
        }
    };
    let behind = chosen.first().map_or_else(|| place.as_ref().map_or(first, |p| p.at), |line| line.at);
    let events: Vec<Value> = chosen.iter().map(|line| event(line)).collect();
    Ok(json!({
        "events": events,
        "nextForwardToken": Place { forward: true, at: ahead.0, seen: ahead.1 }.token(),
        "nextBackwardToken": Place { forward: false, at: behind, seen: 0 }.token(),
    }))
}

/// As many lines as one answer may carry.
fn bounded<'l>(lines: impl Iterator<Item = &'l Line>, most: usize) -> Vec<&'l Line> {
    let mut bytes = 0;
    lines
        .take(most)
        .take_while(|line| {
            bytes += line.text.len() + 26;
            bytes <= MOST_BYTES
        })
        .collect()
}

fn event(line: &Line) -> Value {
    json!({"timestamp": line.at.millis(), "message": line.text, "ingestionTime": line.at.plus(INGESTED).millis()})
}

/// Time one page of FilterLogEvents searches at most; a quiet stretch is an empty page with a token.
const SEARCHED: i64 = DAY;

fn filter_events(world: &mut World, request: &Request<'_>) -> Reply {
    let group = group(request)?;
    let most = limit(request, MOST_EVENTS)?;
    let names = request.texts("logStreamNames");
    let prefix = request.opt_text("logStreamNamePrefix");
    let pattern = Pattern::parse(request.opt_text("filterPattern").unwrap_or_default()).map_err(invalid)?;
    let found: Vec<Stream> = streams(world, group)?
        .into_iter()
        .filter(|stream| names.is_empty() || names.contains(&stream.name.as_str()))
        .filter(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)))
        .collect();
    let (from, to) = window(request);
    let oldest = found.iter().map(|stream| stream.from).min().unwrap_or(world.now);
    let end = to.unwrap_or(world.now).min(world.now).plus(1);
    let (start, skip) = match request.opt_text("nextToken") {
        None => (from.unwrap_or(oldest).max(oldest), 0),
        Some(token) => resume(token).ok_or_else(invalid_token)?,
    };
    let stop = start.plus(SEARCHED).min(end);
    let mut events: Vec<(Line, &str)> = found
        .iter()
        .filter(|stream| stream.from < stop && stream.to >= start)
        .flat_map(|stream| {
            let lines = lines(world, group, &stream.name, start, stop);
            lines.into_iter().filter(|line| pattern.matches(&line.text)).map(|line| (line, stream.name.as_str()))
        })
        .collect();
    events.sort_by(|a, b| (a.0.at, a.1).cmp(&(b.0.at, b.1)));
    let mut bytes = 0;
    let page: Vec<Value> = events
        .iter()
        .skip(skip)
        .take(most)
        .take_while(|(line, _)| {
            bytes += line.text.len() + 26;
            bytes <= MOST_BYTES
        })
        .enumerate()
        .map(|(index, (line, stream))| {
            let mut body = event(line);
            body["logStreamName"] = json!(stream);
            body["eventId"] = json!(format!("{:020}{:012}", line.at.millis(), skip.saturating_add(index)));
            body
        })
        .collect();
    let shown = skip.saturating_add(page.len());
    let next = if shown < events.len() { Some((start, shown)) } else { (stop < end).then_some((stop, 0)) };
    let reply = json!({"events": page, "searchedLogStreams": []});
    Ok(page::reply(reply, "nextToken", next.map(|(at, skip)| token(at, skip))))
}

fn token(at: Timestamp, skip: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}/{skip}", at.millis()))
}

fn resume(token: &str) -> Option<(Timestamp, usize)> {
    let raw = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (at, skip) = raw.split_once('/')?;
    Some((Timestamp::from_millis(at.parse().ok()?), skip.parse().ok()?))
}

#[cfg(test)]
mod tests;
