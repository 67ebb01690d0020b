//! Which alarms may guard a deployment: an alarm that fires now would take it back at once, one that cannot be read
//! guards nothing.

use super::{Case, Check, Finding};
use crate::{
    ops::{call, intent::Mode, measure::Verify, snapshot::Snapshot},
    resource::{Alarm, alarm::AlarmState, endpoint::Details},
    text::Text,
};

/// AWS takes at most ten alarms a deployment; one of them is the abort alarm.
const MOST: usize = 9;

/// The endpoint's alarms, sorted by what they are good for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ops) struct GuardAlarms {
    /// Quiet now: they may guard.
    pub(in crate::ops) quiet: Vec<Text>,
    pub(in crate::ops) firing: Vec<Text>,
    /// Without data: AWS accepts them, and they judge nothing until data comes.
    pub(in crate::ops) blind: Vec<Text>,
    /// Named by the last deployment, and gone since.
    pub(in crate::ops) missing: Vec<Text>,
}

/// `None` when the alarms could not be read.
pub(in crate::ops) fn guard_alarms(snapshot: &Snapshot, details: &Details) -> Option<GuardAlarms> {
    let alarms = snapshot.alarms.as_ref().ok()?;
    let ours = call::abort_alarm(&snapshot.endpoint.name);
    let last = details.last_deployment.as_ref().map(|d| d.alarms.as_slice()).unwrap_or_default();
    let mut out = GuardAlarms::default();
    let concerns = |alarm: &&Alarm| alarm.endpoint() == Some(&snapshot.endpoint.name) || last.contains(&alarm.name);
    let usable = |alarm: &&Alarm| alarm.name != ours && !alarm.is_target_tracking();
    let mut mine: Vec<&Alarm> = alarms.iter().filter(concerns).filter(usable).collect();
    // Those that guarded before come first: somebody chose them.
    mine.sort_by_key(|alarm| (!last.contains(&alarm.name), alarm.name.clone()));
    for alarm in mine {
        match alarm.state {
            AlarmState::Ok => out.quiet.push(alarm.name.clone()),
            AlarmState::Alarm => out.firing.push(alarm.name.clone()),
            AlarmState::InsufficientData | AlarmState::Other(_) => out.blind.push(alarm.name.clone()),
        }
    }
    let known = |name: &&Text| alarms.iter().any(|alarm| alarm.name == **name);
    out.missing = last.iter().filter(|name| **name != ours).filter(|name| !known(name)).cloned().collect();
    Some(out)
}

impl GuardAlarms {
    /// What a guarded deployment names besides the abort alarm.
    pub(in crate::ops) fn chosen(&self) -> Vec<Text> {
        self.quiet.iter().chain(&self.blind).take(MOST).cloned().collect()
    }
}

/// What is looked at once the change is in service: alarms that can tell. Those that ring already are to fall silent by a
/// change that `recovers`, and tell nothing about another.
pub(in crate::ops) fn verify(snapshot: &Snapshot, details: &Details, recovers: bool) -> Option<Verify> {
    let alarms = guard_alarms(snapshot, details).unwrap_or_default();
    let ringing = alarms.firing.into_iter().filter(|_| recovers);
    let alarms = alarms.quiet.into_iter().chain(ringing).collect();
    Some(Verify { endpoint: snapshot.endpoint.name.clone(), alarms, recovers })
}

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut out = standing(case);
    if case.mode == Mode::Guarded
        && let Some(alarms) = guard_alarms(case.snapshot, case.details)
    {
        out.extend(guarding(&alarms));
    }
    out
}

fn list(names: &[Text]) -> String {
    names.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
}

/// How the alarms stand: the abort alarm, and what fires, is gone or cannot be read.
pub(in crate::ops) fn standing(case: &Case<'_>) -> Vec<Finding> {
    let mut out = abort_alarm(case);
    let alarms = match (guard_alarms(case.snapshot, case.details), &case.snapshot.alarms) {
        (Some(alarms), _) => alarms,
        (None, Ok(_)) => return out,
        (None, Err(fault)) => {
            let text = format!("the alarms could not be read: {}", fault.kind.brief());
            out.push(match case.mode {
                Mode::Guarded => Finding::block(Check::Alarms, format!("{text}; nobody could say what guards this"))
                    .remedy(format!("{} Or choose emergency (tab).", fault.remedy())),
                Mode::Emergency => Finding::warn(Check::Alarms, text).remedy(fault.remedy()),
            });
            return out;
        }
    };
    if !alarms.firing.is_empty() {
        let one = alarms.firing.len() == 1;
        let fires = format!("{} {} now", list(&alarms.firing), if one { "fires" } else { "fire" });
        let are = if one { "is" } else { "are" };
        out.push(Finding::warn(
            Check::Alarms,
            match case.mode {
                Mode::Guarded => format!(
                    "{fires} and {are} left out; the old fleet's trouble may still trip another alarm and take this back"
                ),
                Mode::Emergency => format!("{fires}: a guarded update would roll itself back"),
            },
        ));
    }
    if !alarms.missing.is_empty() {
        let text = format!("{} guarded the last deployment and no longer exists", list(&alarms.missing));
        out.push(Finding::warn(Check::Alarms, text));
    }
    out
}

/// What guards a deployment, and how well.
fn guarding(alarms: &GuardAlarms) -> Vec<Finding> {
    let mut out = Vec::new();
    if !alarms.blind.is_empty() {
        let text = format!("{} has no data: it judges nothing until it has", list(&alarms.blind));
        out.push(Finding::warn(Check::Alarms, text));
    }
    if alarms.quiet.is_empty() {
        let text = "no alarm with data guards this: only a person with the abort alarm can stop it";
        out.push(Finding::warn(Check::Alarms, text));
    } else {
        out.push(Finding::ok(Check::Alarms, format!("guarded by {}", list(&alarms.quiet))));
    }
    let left_out = alarms.quiet.len() + alarms.blind.len();
    if left_out > MOST {
        let text = format!("AWS takes ten alarms: {} of {left_out} are left out", left_out - MOST);
        out.push(Finding::warn(Check::Alarms, text));
    }
    out
}

fn abort_alarm(case: &Case<'_>) -> Vec<Finding> {
    let Some(alarm) = &case.snapshot.abort_alarm else {
        return vec![Finding::ok(Check::AbortAlarm, "the quiet abort alarm is created first")];
    };
    if alarm.is_firing() {
        return vec![
            Finding::block(Check::AbortAlarm, format!("{} is in ALARM: AWS would take this back at once", alarm.name))
                .remedy(format!(
                    "An abort was asked for a moment ago; wait a minute until it is OK, or: aws cloudwatch \
                     set-alarm-state --alarm-name {} --state-value OK --state-reason cleared",
                    alarm.name
                )),
        ];
    }
    if is_quiet(alarm) {
        vec![Finding::ok(Check::AbortAlarm, "abort alarm ready")]
    } else {
        vec![Finding::warn(Check::AbortAlarm, format!("{} was edited by somebody: it is set up again", alarm.name))]
    }
}

/// Still as we made it: on our metric, and without actions.
pub(in crate::ops) fn is_quiet(alarm: &Alarm) -> bool {
    let ours = |(namespace, metric): &(Text, Text)| {
        namespace.as_str() == call::ABORT_NAMESPACE && metric.as_str() == call::ABORT_METRIC
    };
    !alarm.has_actions && alarm.metric.as_ref().is_some_and(ours)
}
