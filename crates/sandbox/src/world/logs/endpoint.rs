//! What the containers of an endpoint write: made from the same minute the metrics are made from, when it is read.

use mldeck_core::time::{DAY, MINUTE, SECOND, Timestamp};

use super::Line;
use crate::world::{
    World,
    endpoint::{Endpoint, Fleet},
    noise, traffic,
};

/// Streams shown per fleet: one per instance, no more than this.
const INSTANCES: i64 = 4;
/// How far back endpoint logs are kept.
const RETENTION: i64 = 30 * DAY;
/// Most minutes one call writes lines for.
const MINUTES: i64 = 2 * 24 * 60;

/// `<variant>/<instance>`, with the time it lived.
pub(super) fn streams(endpoint: &Endpoint, now: Timestamp) -> Vec<(String, Timestamp, Timestamp)> {
    let mut out: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    for (index, split) in endpoint.splits.iter().enumerate() {
        let end = endpoint.splits.get(index + 1).map_or(now, |next| next.from);
        for fleet in &split.fleets {
            for instance in 0..instances(fleet) {
                let name = stream(fleet, instance);
                match out.iter_mut().find(|(have, ..)| *have == name) {
                    Some((_, _, until)) => *until = end,
                    None => out.push((name, split.from, end)),
                }
            }
        }
    }
    for attempt in &endpoint.attempts {
        for fleet in &attempt.fleets {
            let names = (0..instances(fleet)).map(|instance| stream(fleet, instance));
            out.extend(names.map(|name| (name, attempt.from, attempt.until.min(now))));
        }
    }
    out.retain(|(_, from, to)| *to >= now.plus(-RETENTION) && *from <= now);
    out
}

fn instances(fleet: &Fleet) -> i64 {
    fleet.count.clamp(1, INSTANCES)
}

fn stream(fleet: &Fleet, instance: i64) -> String {
    let id = noise::hash(&[noise::name(&fleet.config), noise::name(&fleet.variant), instance as u64]);
    format!("{}/i-{:017x}", fleet.variant, id & 0x000f_ffff_ffff_ffff)
}

/// Lines of one stream in `from..to`, oldest first. A very long window is cut to its newest part.
pub(super) fn lines(world: &World, endpoint: &Endpoint, name: &str, from: Timestamp, to: Timestamp) -> Vec<Line> {
    let from = from.max(to.plus(-MINUTES * MINUTE)).max(world.now.plus(-RETENTION));
    let mut out = Vec::new();
    let mut at = from.floor(MINUTE);
    while at < to {
        for fleet in endpoint.fleets(at) {
            let instance = (0..instances(fleet)).find(|instance| stream(fleet, *instance) == name);
            if let Some(instance) = instance {
                minute(world, endpoint, fleet, instance, at, &mut out);
            }
        }
        for attempt in endpoint.attempts.iter().filter(|attempt| attempt.from <= at && at < attempt.until) {
            let fleet = attempt.fleets.iter().find(|fleet| (0..instances(fleet)).any(|n| stream(fleet, n) == name));
            if let Some(fleet) = fleet {
                restart(world, fleet, at, &mut out);
            }
        }
        at = at.plus(MINUTE);
    }
    out.retain(|line| line.at >= from && line.at < to);
    out.sort_by_key(|line| line.at);
    out
}

fn minute(world: &World, endpoint: &Endpoint, fleet: &Fleet, instance: i64, at: Timestamp, out: &mut Vec<Line>) {
    let numbers = traffic::minute(world, endpoint, fleet, at);
    let draw = |salt: u64| {
        noise::unit(&[
            noise::name(&endpoint.name),
            instance as u64,
            at.millis() as u64,
            noise::name(&fleet.config),
            salt,
        ])
    };
    let mut say = |offset: f64, text: String| {
        out.push(Line { at: at.plus((offset * MINUTE as f64) as i64), text });
    };
    if at.since(fleet.since) < MINUTE {
        say(0.01, format!("INFO  loading model {} from /opt/ml/model", fleet.model));
        say(0.05, "INFO  worker pool started: 8 workers, timeout 60 s".to_owned());
    }
    say(0.1 + 0.3 * draw(1), "INFO  \"GET /ping HTTP/1.1\" 200 0.4 ms".to_owned());
    let requests = numbers.invocations / fleet.count.max(1) as f64;
    say(
        0.95,
        format!(
            "INFO  model={} requests={requests:.0} p50_ms={:.1} p99_ms={:.1} mem_pct={:.1}",
            fleet.model,
            numbers.latency.quantile(0.5) / 1_000.0,
            numbers.latency.quantile(0.99) / 1_000.0,
            numbers.memory
        ),
    );
    // A few of the failures, as containers under load sample their own errors.
    let failures = (numbers.errors_5xx / fleet.count.max(1) as f64).ceil() as u64;
    for failure in 0..failures.min(3) {
        let offset = 0.2 + 0.22 * failure as f64 + 0.1 * draw(10 + failure);
        for (line, text) in trace(&fleet.model, draw(20 + failure), numbers.memory).into_iter().enumerate() {
            say(offset + line as f64 * 0.000_02, text);
        }
    }
    if world.scenario.hostile_logs && draw(30) < 0.2 {
        say(0.5, HOSTILE.to_owned());
    }
}

/// A minute of a container that ends before it answers a health check, and is started again.
fn restart(world: &World, fleet: &Fleet, at: Timestamp, out: &mut Vec<Line>) {
    let truth = world.scenario.behaviours.iter().find(|behaviour| behaviour.model == fleet.model);
    let crash = truth.and_then(|behaviour| behaviour.crash.as_deref());
    let said = [
        (2, format!("INFO  starting server model={} workers=4 port=8080", fleet.model)),
        (9, "Traceback (most recent call last):".to_owned()),
        (9, "  File \"/opt/program/serve.py\", line 12, in <module>".to_owned()),
        (9, "    model = load(os.environ[\"SM_MODEL_DIR\"])".to_owned()),
        (9, crash.unwrap_or("RuntimeError: the model cannot be loaded").to_owned()),
        (10, "ERROR server ended with code 1; it is started again".to_owned()),
    ];
    for (line, (secs, text)) in said.into_iter().enumerate() {
        out.push(Line { at: at.plus(secs * SECOND + line as i64), text });
    }
}

/// A log line that would take over a careless terminal: it clears the screen, sets the title, writes the clipboard, turns
/// text around, and claims to be healthy.
const HOSTILE: &str = "WARN  bad input: \u{1b}[2J\u{1b}[H\u{1b}]0;all good\u{7}\u{1b}]52;c;Y3VybCBldmls\u{7}\u{202e}KO 002\u{202c}\r\
                       INFO  all healthy\u{0}\u{9b}31m\u{200b}\u{85}";

fn trace(model: &str, draw: f64, memory: f64) -> Vec<String> {
    let (place, code, error) = if memory > 85.0 && draw < 0.5 {
        (
            "encode.py\", line 57, in encode",
            "buffer = np.zeros((65536, 2048), dtype=np.float32)",
            "MemoryError: unable to allocate 512 MiB for an array with shape (65536, 2048)",
        )
    } else if draw < 0.85 {
        (
            "encode.py\", line 41, in encode",
            "category = table[row[\"merchant_category\"]]",
            "KeyError: 'marketplace_v2'",
        )
    } else {
        (
            "features.py\", line 19, in lookup",
            "return store.get(key, timeout=1.5)",
            "TimeoutError: no answer in 1500 ms",
        )
    };
    vec![
        format!("ERROR \"POST /invocations HTTP/1.1\" 500 model={model}"),
        "Traceback (most recent call last):".to_owned(),
        "  File \"/opt/program/serve.py\", line 88, in invoke".to_owned(),
        "    features = encode(row)".to_owned(),
        format!("  File \"/opt/program/{place}"),
        format!("    {code}"),
        error.to_owned(),
    ]
}
