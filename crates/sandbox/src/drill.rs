//! A scenario as an on-call drill: what the pager says, what there is to find, and the grade, from the state of the account.
//!
//! | `[drill]` | says |
//! |---|---|
//! | `find`, `act` | what a good operator finds and does: told afterwards |
//! | `lasts` | how long the account is looked at: `90m` |
//! | `watch` | endpoints and inference components whose bad predictions count |
//! | `within` | by when all goals must have held for the first time: `60m`; without it the end counts |
//! | `par` | minutes of bad predictions within which a good operator is done; without it they do not count |
//! | `[[drill.goal]]` | what must be true in the end: `says`, `checks` |
//! | `[[drill.harm]]` | what must never be true |
//!
//! Goals are looked at every minute of the account: when all hold together for the first time it has *recovered*. What
//! counts for the grade is how things are in the end, and whether harm was done at any time.

use std::fmt::Write as _;

use mldeck_core::time::{MINUTE, Timestamp, parse_span, span};
use serde::{Deserialize, Serialize};

use crate::world::{World, check::Check, estate, traffic, trail};

/// What a drill is judged by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drill {
    find: String,
    act: String,
    lasts: String,
    #[serde(default)]
    watch: Vec<String>,
    #[serde(default)]
    within: Option<String>,
    #[serde(default)]
    par: Option<f64>,
    #[serde(default)]
    goal: Vec<Claim>,
    #[serde(default)]
    harm: Vec<Claim>,
}

/// A sentence, and the checks that make it true together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    says: String,
    checks: Vec<Check>,
}

impl Drill {
    pub(crate) fn sound(&self) -> Result<(), String> {
        self.millis()?;
        if let Some(within) = &self.within {
            parse_span(within).ok_or_else(|| format!("within `{within}`"))?;
        }
        let claims = || self.goal.iter().chain(&self.harm);
        if claims().next().is_none() || claims().any(|claim| claim.checks.is_empty()) {
            return Err("a drill needs goals or harms, and these need checks".to_owned());
        }
        claims().flat_map(|claim| &claim.checks).try_for_each(Check::sound)
    }

    /// Seconds from the start within which it must have recovered.
    fn within(&self) -> Option<f64> {
        Some(parse_span(self.within.as_deref()?)? as f64 / 1_000.0)
    }

    fn millis(&self) -> Result<i64, String> {
        parse_span(&self.lasts).filter(|span| *span > 0).ok_or_else(|| format!("lasts `{}`", self.lasts))
    }
}

/// What was seen since the drill began.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    recovered: Option<Timestamp>,
    /// When each harm was first true.
    harmed: Vec<Option<Timestamp>>,
    bad_minutes: f64,
    failed: f64,
    /// The grade when it was over: what is done later comes too late.
    over: Option<Box<Report>>,
}

/// How good it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// All goals, no harm, within par.
    Good,
    /// All goals, no harm, and later or with more bad predictions than need be.
    Late,
    /// A goal is missing.
    Missed,
    /// Something was done that must not be done.
    Harm,
}

/// The grade and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub scenario: String,
    pub grade: Grade,
    /// Seconds of the account since its start.
    pub seconds: f64,
    /// Seconds until the first change of the operator, and until all goals held for the first time.
    pub acted: Option<f64>,
    pub recovered: Option<f64>,
    /// Seconds within which it should have recovered.
    pub within: Option<f64>,
    /// Minutes in which all traffic would have been answered badly, summed over what was only partly so.
    pub bad_minutes: f64,
    pub par: Option<f64>,
    /// Requests that failed at the endpoints that are watched.
    pub failed: f64,
    pub goals: Vec<Judged>,
    pub harms: Vec<Judged>,
    pub changes: Vec<Made>,
    pub find: String,
    pub act: String,
}

/// A goal or a harm, and whether it is true.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    pub says: String,
    pub holds: bool,
}

/// A change that the operator made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Made {
    /// Seconds from the start.
    pub at: f64,
    pub operation: String,
    pub about: String,
}

/// Looks at the account as it is at the end of a minute.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let Some(drill) = world.scenario.drill.take() else { return };
    let end = end(world, &drill);
    if to <= end {
        look(world, &drill, to);
    }
    world.scenario.drill = Some(drill);
    if to >= end && world.drill.over.is_none() {
        world.drill.over = world.grade().map(Box::new);
    }
}

fn end(world: &World, drill: &Drill) -> Timestamp {
    world.start.plus(drill.millis().unwrap_or_default())
}

fn look(world: &mut World, drill: &Drill, to: Timestamp) {
    let (minutes, failed) = bad(world, drill, to.plus(-MINUTE));
    if to > world.start {
        world.drill.bad_minutes += minutes;
        world.drill.failed += failed;
    }
    world.drill.harmed.resize(drill.harm.len(), None);
    for (index, harm) in drill.harm.iter().enumerate() {
        let is_done = holds(world, harm);
        if let Some(first @ None) = world.drill.harmed.get_mut(index) {
            *first = is_done.then_some(to);
        }
    }
    if world.drill.recovered.is_none() && !drill.goal.is_empty() && drill.goal.iter().all(|goal| holds(world, goal)) {
        world.drill.recovered = Some(to);
    }
}

fn holds(world: &mut World, claim: &Claim) -> bool {
    let start = world.start;
    claim.checks.iter().all(|check| check.holds(world, start))
}

/// How much of the minute from `at` on was answered by models that are not well, of one minute for each endpoint that is
/// watched, and how many requests failed.
fn bad(world: &World, drill: &Drill, at: Timestamp) -> (f64, f64) {
    let served = drill.watch.iter().filter_map(|name| {
        let component = world.components.get(name).map(|component| &component.served);
        world.endpoints.endpoints.get(name).or(component)
    });
    served.fold((0.0, 0.0), |(minutes, failed), endpoint| {
        let fleets = endpoint.fleets(at).iter();
        fleets.fold((minutes, failed), |(minutes, failed), fleet| {
            let truth = world.scenario.behaviours.iter().find(|behaviour| behaviour.model == fleet.model);
            let effect = truth.map_or(0.0, |behaviour| traffic::effect(behaviour, fleet, at));
            let lived = traffic::minute(world, endpoint, fleet, at);
            (minutes + fleet.share * effect, failed + lived.errors_5xx + lived.errors_4xx)
        })
    })
}

impl World {
    /// What the pager says, when this scenario is a drill.
    pub fn briefing(&self) -> Option<&str> {
        self.scenario.drill.as_ref().map(|_| self.scenario.doc.trim())
    }

    /// When the drill ends.
    pub fn drill_end(&self) -> Option<Timestamp> {
        self.scenario.drill.as_ref().map(|drill| end(self, drill))
    }

    /// The grade as things are now, or were when the drill was over; `None` for a scenario that is no drill.
    pub fn grade(&mut self) -> Option<Report> {
        if let Some(over) = &self.drill.over {
            return Some(over.as_ref().clone());
        }
        let drill = self.scenario.drill.take()?;
        let goals: Vec<Judged> = drill.goal.iter().map(|goal| judged(goal, holds(self, goal))).collect();
        let harms: Vec<Judged> = drill
            .harm
            .iter()
            .enumerate()
            .map(|(index, harm)| {
                let before = self.drill.harmed.get(index).is_some_and(Option::is_some);
                judged(harm, before || holds(self, harm))
            })
            .collect();
        let start = self.start;
        let since = |at: Timestamp| at.since(start) as f64 / 1_000.0;
        let end = end(self, &drill);
        let changes: Vec<Made> = trail::changes(self, start, estate::OPERATOR)
            .filter(|change| change.at < end)
            .map(|change| Made { at: since(change.at), operation: change.operation.clone(), about: change.about() })
            .collect();
        let recovered = self.drill.recovered.map(since);
        let grade = if harms.iter().any(|harm| harm.holds) {
            Grade::Harm
        } else if goals.iter().any(|goal| !goal.holds) {
            Grade::Missed
        } else if drill.par.is_some_and(|par| self.drill.bad_minutes > par)
            || drill.within().is_some_and(|within| recovered.is_none_or(|recovered| recovered > within))
        {
            Grade::Late
        } else {
            Grade::Good
        };
        let report = Report {
            scenario: self.scenario.name.clone(),
            grade,
            seconds: since(self.now.min(end)),
            acted: changes.first().map(|change| change.at),
            recovered,
            within: drill.within(),
            bad_minutes: self.drill.bad_minutes,
            par: drill.par,
            failed: self.drill.failed,
            goals,
            harms,
            changes,
            find: drill.find.trim().to_owned(),
            act: drill.act.trim().to_owned(),
        };
        self.scenario.drill = Some(drill);
        Some(report)
    }
}

fn judged(claim: &Claim, holds: bool) -> Judged {
    Judged { says: claim.says.clone(), holds }
}

impl Report {
    /// The debriefing, for people.
    pub fn text(&self) -> String {
        let mut out = format!("Drill {}: {}\n\n", self.scenario, self.verdict());
        let time = |seconds: f64| span((seconds * 1_000.0) as i64);
        for goal in &self.goals {
            let _ = writeln!(out, "  {} {}", if goal.holds { "[x]" } else { "[ ]" }, goal.says);
        }
        for harm in self.harms.iter().filter(|harm| harm.holds) {
            let _ = writeln!(out, "  harm: {}", harm.says);
        }
        let _ = writeln!(out, "\n  first change  {}", self.acted.map_or_else(|| "none".to_owned(), time));
        if !self.goals.is_empty() {
            let within = self.within.map_or_else(String::new, |within| format!(", wanted within {}", time(within)));
            let _ =
                writeln!(out, "  recovered     {}{within}", self.recovered.map_or_else(|| "never".to_owned(), time));
        }
        if self.par.is_some() || self.bad_minutes > 0.0 {
            let par = self.par.map_or_else(String::new, |par| format!(", par {par:.0}"));
            let (minutes, failed) = (self.bad_minutes, self.failed);
            let _ = writeln!(out, "  bad answers   {minutes:.1} min of traffic{par}; {failed:.0} requests failed");
        }
        out.push_str("\nWhat you changed\n");
        if self.changes.is_empty() {
            out.push_str("  nothing\n");
        }
        for change in &self.changes {
            let _ = writeln!(out, "  {:>8}  {} {}", time(change.at), change.operation, change.about);
        }
        let _ = write!(out, "\nWhat there was to find\n{}\n\nWhat a good operator does\n{}\n", self.find, self.act);
        out
    }

    fn verdict(&self) -> &'static str {
        match self.grade {
            Grade::Good => "GOOD. Nothing to add.",
            Grade::Late => "LATE. It works, later or after more bad answers than need be.",
            Grade::Missed => "MISSED. It is not as it should be.",
            Grade::Harm => "HARM. Something was changed that should have been left alone.",
        }
    }
}

#[cfg(test)]
mod tests;
