//! Whether an endpoint could be brought back right now: asked on a quiet day, so that the night has no surprise.

use super::{
    call,
    candidate::History,
    guard,
    intent::{Choice, Context, Intent, Route},
    plan::Refusal,
    snapshot::{Facts, Snapshot},
    verb,
};
use crate::{resource::endpoint::EndpointStatus, text::Text};

/// How an endpoint is prepared for its worst hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    pub endpoint: Text,
    pub status: EndpointStatus,
    /// The way back that `B` would plan, or everything that stands against one.
    pub way: Result<Way, Vec<Refusal>>,
    pub abort_alarm: AbortAlarm,
    pub alarms: Alarms,
}

/// A way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    pub route: Route,
    /// `v17`.
    pub label: String,
    /// The config it leads to, or stays on.
    pub config: Text,
    /// Minutes until the trouble is over, as a rule; `None` where that is not known.
    pub minutes: Option<i64>,
}

/// The quiet alarm by which a deployment of ours can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortAlarm {
    Ready,
    Missing,
    /// Its metric or its actions are not as we make them.
    Edited,
    Firing,
    /// The alarms could not be read.
    Unknown,
}

impl AbortAlarm {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Missing => "missing",
            Self::Edited => "edited",
            Self::Firing => "firing",
            Self::Unknown => "unknown",
        }
    }
}

/// The alarms that would guard a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarms {
    pub quiet: Vec<Text>,
    pub firing: Vec<Text>,
    /// Without data.
    pub blind: Vec<Text>,
    /// Named by the last deployment, and gone since.
    pub missing: Vec<Text>,
    /// They could not be read: why, in brief.
    pub unread: Option<String>,
}

impl Alarms {
    /// At least one judges, and none is in doubt.
    pub fn are_trustworthy(&self) -> bool {
        !self.quiet.is_empty()
            && self.firing.is_empty()
            && self.blind.is_empty()
            && self.missing.is_empty()
            && self.unread.is_none()
    }

    /// `2 quiet; fraud-5xx fires`.
    pub fn summary(&self) -> String {
        if let Some(why) = &self.unread {
            return format!("unknown: {why}");
        }
        let list = |names: &[Text]| names.iter().map(Text::as_str).collect::<Vec<_>>().join(", ");
        let mut parts = vec![match self.quiet.len() {
            0 => "none quiet".to_owned(),
            count => format!("{count} quiet"),
        }];
        for (names, what) in [(&self.firing, "firing"), (&self.blind, "without data"), (&self.missing, "gone")] {
            if !names.is_empty() {
                parts.push(format!("{what}: {}", list(names)));
            }
        }
        parts.join("; ")
    }
}

impl Readiness {
    /// It can go back, the deployment can be stopped, and its alarms can be trusted.
    pub fn is_ready(&self) -> bool {
        self.way.is_ok() && self.abort_alarm == AbortAlarm::Ready && self.alarms.are_trustworthy()
    }

    /// `ready`; `partly` where it can go back and something is missing; `no`.
    pub fn word(&self) -> &'static str {
        match (self.is_ready(), &self.way) {
            (true, _) => "ready",
            (false, Ok(_)) => "partly",
            (false, Err(_)) => "no",
        }
    }

    /// There is no abort alarm as we make it.
    pub const fn lacks_alarm(&self) -> bool {
        matches!(self.abort_alarm, AbortAlarm::Missing | AbortAlarm::Edited)
    }

    /// The AWS CLI line that makes the abort alarm where there is none as we make it.
    pub fn provision(&self, region: &str) -> Option<String> {
        self.lacks_alarm().then(|| call::put_abort_alarm(&self.endpoint).cli(region))
    }

    /// True where CloudTrail, which takes its time, might name a way back that nobody else knows.
    pub fn wants_trail(&self) -> bool {
        let unknown = |refusals: &Vec<Refusal>| refusals.iter().any(|one| one.check == guard::Check::Candidate);
        self.way.as_ref().is_err_and(unknown)
    }
}

/// Judges one endpoint without sending anything; `None` where the facts are about none.
pub fn readiness(facts: &Facts, history: &History, context: &Context) -> Option<Readiness> {
    let snapshot = facts.snapshot.as_ref()?;
    let endpoint = snapshot.endpoint.name.clone();
    let plan = verb::plan(&Intent::back_out(endpoint.clone(), Choice::default()), facts, history, context);
    let way = plan.map(|plan| Way {
        route: plan.intent.change.route().unwrap_or(Route::Config),
        label: plan.to.label,
        config: plan.to.config,
        minutes: plan.minutes,
    });
    Some(Readiness {
        endpoint,
        status: snapshot.endpoint.status.clone(),
        way,
        abort_alarm: abort_alarm(snapshot),
        alarms: alarms(snapshot),
    })
}

fn abort_alarm(snapshot: &Snapshot) -> AbortAlarm {
    match (&snapshot.abort_alarm, &snapshot.alarms) {
        (None, Err(_)) => AbortAlarm::Unknown,
        (None, Ok(_)) => AbortAlarm::Missing,
        (Some(alarm), _) if alarm.is_firing() => AbortAlarm::Firing,
        (Some(alarm), _) if guard::is_quiet(alarm) => AbortAlarm::Ready,
        (Some(_), _) => AbortAlarm::Edited,
    }
}

fn alarms(snapshot: &Snapshot) -> Alarms {
    if let Err(fault) = &snapshot.alarms {
        return Alarms { unread: Some(fault.kind.brief()), ..Alarms::default() };
    }
    let found = snapshot.endpoint.details.as_ref().and_then(|details| guard::guard_alarms(snapshot, details));
    let found = found.unwrap_or_default();
    Alarms { quiet: found.quiet, firing: found.firing, blind: found.blind, missing: found.missing, unread: None }
}
