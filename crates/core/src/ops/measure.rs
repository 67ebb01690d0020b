//! What an endpoint's calls say about a change: numbers from before and after it, and what they are worth.
//!
//! A verdict needs data. Shares are judged by the interval that their sample leaves open (Wilson's, 95 %): one error among
//! twenty calls is no rate, and no error among twenty calls is no proof.

use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    ops::rule::{Rule, breaks},
    resource::alarm::AlarmState,
    series::{Unit, grouped},
    text::{self, Text},
    time::{self, MINUTE, Timestamp},
};

/// How far back the time before a change is looked at.
pub const BEFORE: i64 = 15 * MINUTE;
/// How long the numbers of a change may take to show what it is worth.
pub const PATIENCE: i64 = 15 * MINUTE;
/// Fewer whole minutes with calls than this are a moment, not a rate.
const LEAST_MINUTES: u32 = 3;
/// A share of failed calls that nobody is called for.
const TOLERATED: f64 = 0.01;
/// A share that was usual before may grow so far: calls are not the same every minute.
const DRIFTS: f64 = 1.5;
/// A good verdict needs enough calls to rule out a larger share than this.
const RULED_OUT: f64 = 0.05;
/// 95 % of a normal distribution.
const Z: f64 = 1.96;
/// P99 is worse from this factor on, and by at least so many milliseconds.
const SLOWER: f64 = 2.0;
const SLOWER_BY: f64 = 25.0;

/// What a plan wants looked at once its change is in service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    pub endpoint: Text,
    /// Alarms that watch it, without the abort alarm.
    pub alarms: Vec<Text>,
    /// The time before was the trouble: what comes after is judged by itself, and not by that.
    pub recovers: bool,
}

/// One side of the change: calls of these variants in `[from, to)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub variants: Vec<Text>,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// The question: two stretches of one endpoint's calls, and how these alarms are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    pub endpoint: Text,
    pub before: Stretch,
    pub after: Stretch,
    pub alarms: Vec<Text>,
}

/// Calls of one stretch, all variants together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Minutes in which there was a call.
    pub minutes: u32,
    pub calls: u64,
    /// `Invocation5XXErrors`.
    pub failed: u64,
    /// `Invocation4XXErrors`.
    pub refused: u64,
    /// P99 of `ModelLatency`, milliseconds: the median of its minutes, each by its calls.
    pub p99_ms: Option<f64>,
}

/// The answer to [`Around`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub before: Numbers,
    pub after: Numbers,
    /// Those that were asked for; `None`: there is no such alarm any more.
    pub alarms: Vec<(Text, Option<AlarmState>)>,
}

impl Measured {
    /// It is about all the minutes that a change has to show what it is worth.
    pub fn is_full(&self) -> bool {
        self.after.to.since(self.after.from) >= PATIENCE
    }
}

/// What a change is worth, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    Bad,
    /// Too little is known: neither.
    Inconclusive,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A verdict and what it stands on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub verdict: Verdict,
    /// Why, with the sizes of the samples.
    #[serde(deserialize_with = "text::shown")]
    pub why: String,
    /// `None` when nothing could be read.
    pub measured: Option<Measured>,
}

impl Judged {
    /// `good: 0 of 1 240 calls failed (…)`.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.verdict.word(), self.why)
    }

    /// Nothing can be said, because nothing could be read.
    pub fn unread(fault: &Fault) -> Self {
        let why = format!("CloudWatch could not be read ({}). {}", fault.kind.brief(), fault.remedy());
        Self { verdict: Verdict::Inconclusive, why, measured: None }
    }
}

impl Numbers {
    /// Of what CloudWatch has of one stretch: calls, 5xx, 4xx and P99 (microseconds) of each minute, all variants' together.
    pub fn of(stretch: &Stretch, calls: &[Point], failed: &[Point], refused: &[Point], p99: &[Point]) -> Self {
        let within = |point: &&Point| point.0 >= stretch.from && point.0 < stretch.to;
        let sum = |points: &[Point]| points.iter().filter(within).map(|(_, value)| value.max(0.0)).sum::<f64>().round();
        let mut minutes: Vec<Timestamp> =
            calls.iter().filter(within).filter(|(_, value)| *value > 0.0).map(|(at, _)| at.floor(MINUTE)).collect();
        minutes.sort_unstable();
        minutes.dedup();
        let weight =
            |at: Timestamp| calls.iter().filter(|(other, _)| *other == at).map(|(_, value)| value).sum::<f64>();
        let mut latencies: Vec<(f64, f64)> =
            p99.iter().filter(within).map(|(at, micros)| (micros / 1_000.0, weight(*at))).collect();
        Self {
            from: stretch.from,
            to: stretch.to,
            minutes: u32::try_from(minutes.len()).unwrap_or(u32::MAX),
            calls: sum(calls) as u64,
            failed: sum(failed) as u64,
            refused: sum(refused) as u64,
            p99_ms: weighted_median(&mut latencies),
        }
    }

    /// Whole minutes of the stretch.
    fn length(&self) -> i64 {
        self.to.since(self.from).max(0) / MINUTE
    }

    /// `0 of 1 240 calls failed, 3 refused, p99 41 ms`.
    pub fn sentence(&self) -> String {
        if self.calls == 0 {
            return format!("no call in {} min", self.length());
        }
        let calls = if self.calls == 1 { "call" } else { "calls" };
        let mut out = format!("{} of {} {calls} failed", grouped(self.failed as f64), grouped(self.calls as f64));
        if self.refused > 0 {
            out.push_str(&format!(", {} refused (4xx)", grouped(self.refused as f64)));
        }
        if let Some(p99) = self.p99_ms {
            out.push_str(&format!(", p99 {}", Unit::Milliseconds.format(p99)));
        }
        out
    }
}

/// A minute, and a value.
pub type Point = (Timestamp, f64);

fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut passed = 0.0;
    let middle = values.iter().find(|(_, weight)| {
        passed += weight;
        passed * 2.0 >= total
    });
    middle.map(|(value, _)| *value)
}

/// The least and the largest share that `hits` of `calls` leave open.
fn interval(hits: u64, calls: u64) -> (f64, f64) {
    if calls == 0 {
        return (0.0, 1.0);
    }
    let n = calls as f64;
    let share = (hits as f64 / n).clamp(0.0, 1.0);
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    (((centre - spread) / whole).max(0.0), ((centre + spread) / whole).min(1.0))
}

/// What the numbers say. `held`: all the time there was for them has passed, so an alarm that still rings is no echo of
/// the time before.
pub fn judge(measured: Measured, verify: &Verify, held: bool) -> Judged {
    let (verdict, why) = say(&measured, verify, held);
    Judged { verdict, why, measured: Some(measured) }
}

fn say(measured: &Measured, verify: &Verify, held: bool) -> (Verdict, String) {
    let Measured { before, after, .. } = measured;
    let told = format!("{} ({} before)", after.sentence(), before.sentence());
    let mut bad = Vec::new();
    let shares = [("fail", after.failed, before.failed), ("are refused (4xx)", after.refused, before.refused)];
    for (words, now, then) in shares {
        let tolerated = tolerated(then, before.calls, verify.recovers);
        let (least, _) = interval(now, after.calls);
        if after.calls > 0 && least > tolerated {
            bad.push(format!("{} % of {} calls {words}", percent(now, after.calls), grouped(after.calls as f64)));
        }
    }
    bad.extend(slower(before, after, verify.recovers));
    let (ringing, blind) = alarms(measured);
    let echo = verify.recovers && !held;
    if !ringing.is_empty() && !echo {
        bad.push(format!("{} in ALARM", ringing.join(", ")));
    }
    if !bad.is_empty() {
        return (Verdict::Bad, format!("{}; {told}", bad.join(", ")));
    }
    match lacks(after, before, verify.recovers, &ringing, &blind) {
        Some(why) => (Verdict::Inconclusive, format!("{why}; {told}")),
        None => {
            let alarms = match measured.alarms.len() {
                0 => "no alarm watches it".to_owned(),
                1 => "its alarm is quiet".to_owned(),
                n => format!("its {n} alarms are quiet"),
            };
            let usual = [after.failed, after.refused].into_iter().any(|hits| share(hits, after.calls) > TOLERATED);
            let worse = if usual { "no worse than before: " } else { "" };
            (Verdict::Good, format!("{worse}{told}; {alarms}"))
        }
    }
}

/// The share of failed calls that is no reason to worry: what was usual before, where before was no trouble.
fn tolerated(hits: u64, calls: u64, recovers: bool) -> f64 {
    if recovers || calls == 0 {
        return TOLERATED;
    }
    TOLERATED.max(interval(hits, calls).1 * DRIFTS)
}

/// A latency that is worse than before, and by enough to be felt.
fn slower(before: &Numbers, after: &Numbers, recovers: bool) -> Option<String> {
    let (then, now) = (before.p99_ms?, after.p99_ms?);
    let enough = before.minutes >= LEAST_MINUTES && after.minutes >= LEAST_MINUTES;
    let worse = now > then * SLOWER && now > then + SLOWER_BY;
    (enough && worse && !recovers)
        .then(|| format!("p99 is {} and was {}", Unit::Milliseconds.format(now), Unit::Milliseconds.format(then)))
}

/// Alarms that ring, and those that say nothing.
fn alarms(measured: &Measured) -> (Vec<String>, Vec<String>) {
    let (mut ringing, mut blind) = (Vec::new(), Vec::new());
    for (name, state) in &measured.alarms {
        match state {
            Some(AlarmState::Ok) => {}
            Some(AlarmState::Alarm) => ringing.push(name.to_string()),
            Some(AlarmState::InsufficientData | AlarmState::Other(_)) => blind.push(format!("{name} has no data")),
            None => blind.push(format!("{name} is gone")),
        }
    }
    (ringing, blind)
}

/// What a good verdict still lacks.
fn lacks(after: &Numbers, before: &Numbers, recovers: bool, ringing: &[String], blind: &[String]) -> Option<String> {
    if breaks(Rule::NumbersDecide) {
        return None;
    }
    if after.calls == 0 {
        return Some("nobody calls it".to_owned());
    }
    if after.minutes < LEAST_MINUTES {
        return Some(format!("{} of {LEAST_MINUTES} minutes with calls", after.minutes));
    }
    let tolerated = tolerated(before.failed, before.calls, recovers);
    let (_, largest) = interval(after.failed, after.calls);
    if share(after.failed, after.calls) > tolerated || largest > RULED_OUT.max(tolerated + TOLERATED) {
        let open = format!("{:.0} %", largest * 100.0);
        return Some(format!("{} calls leave open that up to {open} fail", grouped(after.calls as f64)));
    }
    if !ringing.is_empty() {
        return Some(format!("{} still in ALARM", ringing.join(", ")));
    }
    (!blind.is_empty()).then(|| blind.join(", "))
}

fn share(hits: u64, calls: u64) -> f64 {
    hits as f64 / calls.max(1) as f64
}

fn percent(hits: u64, calls: u64) -> String {
    let share = share(hits, calls) * 100.0;
    if share < 10.0 { format!("{share:.1}") } else { format!("{share:.0}") }
}

/// Whole minutes from `from` on that CloudWatch has by now, at most [`PATIENCE`] of them.
pub fn stretch_after(from: Timestamp, now: Timestamp) -> (Timestamp, Timestamp) {
    let first = from.plus(MINUTE - 1).floor(MINUTE);
    let have = now.plus(-MINUTE).floor(MINUTE);
    (first, have.min(first.plus(PATIENCE)).max(first))
}

/// When CloudWatch has enough whole minutes from `from` on to tell anything.
pub fn first_look(from: Timestamp) -> Timestamp {
    let (first, _) = stretch_after(from, from);
    first.plus((i64::from(LEAST_MINUTES) + 1) * MINUTE)
}

/// Rows of an incident review: `before 02:09–02:24: …`.
pub fn lines(judged: &Judged) -> Vec<(&'static str, String)> {
    let told = |numbers: &Numbers| {
        format!("{} to {} ({}): {}", numbers.from.hms(), numbers.to.hms(), span(numbers), numbers.sentence())
    };
    let sides =
        judged.measured.as_ref().map(|measured| [("before", told(&measured.before)), ("after", told(&measured.after))]);
    let verdict = [("verdict", judged.sentence())];
    sides.into_iter().flatten().chain(verdict).collect()
}

fn span(numbers: &Numbers) -> String {
    time::span(numbers.to.since(numbers.from))
}

#[cfg(test)]
mod tests;
