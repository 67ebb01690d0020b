//! A plan: an immutable document that says what will be sent, on which facts, and what happens if anything goes wrong.
//! It can be saved, read back, checked by its digest, and executed elsewhere.

use serde::{Deserialize, Serialize};

use super::{
    call::{self, Call, UpdateEndpoint},
    candidate::{self, Candidate, History, TAG_PLAN, TAG_PREVIOUS, candidates},
    confirm::Confirm,
    digest,
    guard::{self, Case, Check, Finding},
    intent::{Choice, Class, Context, Mode},
    snapshot::{Config, Snapshot},
};
use crate::{
    resource::{
        Endpoint,
        endpoint::{BlueGreen, Deployment, Details, EndpointStatus, Image, Policy},
    },
    scope::Scope,
    text::Text,
    time::{MINUTE, Timestamp},
};

mod choose;
mod expected;
mod shift;
mod table;

use choose::{blocks, choose, default_mode, refusal, reversed, unknown_candidate};
pub(super) use expected::SAME_WEIGHT;
pub use expected::{Difference, Expected, ExpectedVariant};
pub use shift::plan_shift;
pub use table::{Cost, Row};

/// Version of the document. A reader refuses a newer one.
pub const VERSION: u16 = 1;
/// How long a plan may wait for its confirmation, milliseconds.
pub const LIFETIME: i64 = 10 * MINUTE;
/// How long the old fleet is kept after the traffic moved, seconds: until then a wrong target can be stopped.
const EMERGENCY_KEEP: i64 = 300;
const GUARDED_BAKE: i64 = 600;
const GUARDED_KEEP: i64 = 600;

/// One end of the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    pub config: Text,
    /// `v17`.
    pub label: String,
}

/// What must hold right before a step is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precondition {
    None,
    /// The endpoint is still exactly as [`Plan::expected`] says.
    Unchanged,
    /// The change of the endpoint itself was accepted.
    Accepted,
}

/// How it will show that a step did what it should.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expectation {
    /// The answer says so; nothing else is watched.
    Answer,
    /// InService on this config.
    OnConfig { config: Text },
    /// InService with these weights.
    OnWeights { variants: Vec<(Text, f64)> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub call: Call,
    pub precondition: Precondition,
    pub expect: Expectation,
    /// The call that takes it back, once the endpoint is InService.
    pub inverse: Option<Call>,
    /// Its failure is a warning, not an end.
    pub optional: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u16,
    /// SHA-256 in hex over what will be done and on which facts; not over the time it was made at.
    pub digest: Text,
    /// `roll back`.
    pub verb: Text,
    pub scope: Scope,
    pub class: Class,
    pub by: Text,
    pub at: Timestamp,
    pub valid_until: Timestamp,
    pub endpoint: Text,
    pub arn: Text,
    pub from: Side,
    pub to: Side,
    pub mode: Mode,
    pub reason: Option<Text>,
    /// The operation that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<Text>,
    /// `our ledger and CloudTrail 01:29 (ci-deploy); 2 of 2 sources agree`.
    pub found_by: String,
    /// The candidate chosen, then the others, best first.
    pub candidates: Vec<Candidate>,
    /// What the witnesses could not say.
    pub gaps: Vec<String>,
    /// Before and after of the real object.
    pub rows: Vec<Row>,
    pub cost: Cost,
    /// What `update-endpoint` with nothing but the two names would have done besides.
    pub naive: Vec<String>,
    pub steps: Vec<Step>,
    /// Worst first; none of them blocks.
    pub findings: Vec<Finding>,
    /// Until when and how it can be stopped.
    pub stop: String,
    pub undo: String,
    /// What happens if this terminal dies.
    pub vanish: String,
    pub expected: Expected,
    /// Digests that serve now: how a later way back will know that a tag moved.
    pub images: Vec<Image>,
    pub confirm: Confirm,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub check: Check,
    pub text: String,
    pub remedy: Option<String>,
    /// The AWS CLI line that would do it nevertheless.
    pub cli: Option<String>,
}

impl Plan {
    /// The short id: first 8 characters of the digest.
    pub fn id(&self) -> Text {
        digest::short(&self.digest)
    }

    /// `Roll back fraud-prod: v18 → v17`.
    pub fn title(&self) -> String {
        let mut verb = self.verb.to_string();
        if let Some(first) = verb.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format!("{verb} {}: {}", self.endpoint, self.summary())
    }

    /// `v18 → v17`.
    pub fn summary(&self) -> String {
        let change = format!("{} → {}", self.from.label, self.to.label);
        match &self.reverses {
            Some(operation) => format!("{change}, reverses {operation}"),
            None => change,
        }
    }

    /// One AWS CLI line per step.
    pub fn cli(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.call.cli(self.scope.region.as_str())).collect()
    }

    /// The step that changes the endpoint itself.
    pub fn main_step(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.precondition == Precondition::Unchanged)
    }

    /// What the endpoint shows when the change is done; `None` for a plan that does not change it.
    pub(super) fn goal(&self) -> Option<&Expectation> {
        self.main_step().and_then(|step| self.steps.get(step)).map(|step| &step.expect)
    }

    /// Whether the document still is what its digest says: nobody edited a saved plan.
    pub fn is_intact(&self) -> bool {
        self.version == VERSION
            && self.compute_digest().as_ref() == Some(&self.digest)
            && self.valid_until == self.at.plus(LIFETIME)
            && self.confirm == self.decide_confirm()
    }

    /// A reversal is opened by a lowercase letter: its target is typed in every class.
    fn decide_confirm(&self) -> Confirm {
        let class = if self.reverses.is_some() { Class::Prod } else { self.class };
        Confirm::decide(class, &self.to.label, &self.from.label, &self.digest)
    }

    /// Digest, plan tag and confirmation, which follow from the rest.
    fn sealed(mut self) -> Self {
        self.digest = self.compute_digest().unwrap_or_default();
        let id = self.id();
        self.steps = self.steps.iter().map(|step| with_plan_tag(step, &id)).collect();
        self.confirm = self.decide_confirm();
        self
    }

    fn compute_digest(&self) -> Option<Text> {
        #[derive(Serialize)]
        struct Substance<'a> {
            version: u16,
            verb: &'a Text,
            scope: &'a Scope,
            class: Class,
            by: &'a Text,
            endpoint: &'a Text,
            arn: &'a Text,
            from: &'a Side,
            to: &'a Side,
            mode: Mode,
            reason: &'a Option<Text>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reverses: Option<&'a Text>,
            steps: Vec<Step>,
            expected: &'a Expected,
        }
        digest::of(&Substance {
            version: self.version,
            verb: &self.verb,
            scope: &self.scope,
            class: self.class,
            by: &self.by,
            endpoint: &self.endpoint,
            arn: &self.arn,
            from: &self.from,
            to: &self.to,
            mode: self.mode,
            reason: &self.reason,
            reverses: self.reverses.as_ref(),
            steps: self.steps.iter().map(|step| with_plan_tag(step, &Text::default())).collect(),
            expected: &self.expected,
        })
    }
}

/// The tag that names the plan cannot be part of what the plan's digest is made from.
fn with_plan_tag(step: &Step, id: &Text) -> Step {
    let mut step = step.clone();
    if let Call::AddTags { tags, .. } = &mut step.call {
        for (_, value) in tags.iter_mut().filter(|(key, _)| key == TAG_PLAN) {
            *value = id.clone();
        }
    }
    step
}

/// Plans the way back of one endpoint, or says why there is none.
///
/// # Errors
/// Every finding that blocks, each with what would help; never an empty list.
pub fn plan_back_out(
    snapshot: &Snapshot,
    history: &History,
    choice: &Choice,
    context: &Context,
) -> Result<Plan, Vec<Refusal>> {
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let found = candidates(snapshot, history, &context.scope);
    let mode = choice.mode.unwrap_or_else(|| default_mode(snapshot, details));
    let chosen = choose(snapshot, details, choice, &found)
        .and_then(|candidate| reversed(snapshot, details, choice, candidate, context));
    let candidate = match &chosen {
        Ok(candidate) => candidate.clone(),
        Err(_) => unknown_candidate(snapshot, &Text::default()),
    };
    let case = Case { snapshot, details, history, context, candidate: &candidate, mode };
    if let Err(refused) = chosen {
        let status = guard::status(&case);
        let mut out: Vec<Refusal> = blocks(&[status], None);
        out.push(refused);
        return Err(out);
    }
    let findings = guard::preflight(&case);
    let retain_all = target_of(&case).is_some_and(|target| guard::keeps_counts(details, target));
    let update = UpdateEndpoint {
        endpoint: snapshot.endpoint.name.clone(),
        config: candidate.config.clone(),
        retain_all,
        deployment: deployment(&case),
    };
    let line = Call::UpdateEndpoint(update.clone()).cli(context.scope.region.as_str());
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let Some(target) = target_of(&case) else {
        return Err(vec![refusal(Check::Config, "the config was not read", Some(line))]);
    };
    Ok(assemble(&case, target, &update, findings, choice, found))
}

fn target_of<'a>(case: &Case<'a>) -> Option<&'a Config> {
    case.snapshot.config(case.candidate.config.as_str()).and_then(|config| config.as_ref().ok())
}

/// `None` where AWS takes no deployment policy (serverless).
fn deployment(case: &Case<'_>) -> Option<Deployment> {
    let target = target_of(case)?;
    if target.variants.iter().any(|variant| variant.serverless) {
        return None;
    }
    let mut alarms = vec![call::abort_alarm(&case.snapshot.endpoint.name)];
    let (wait_secs, termination_wait_secs) = match case.mode {
        Mode::Emergency => (0, EMERGENCY_KEEP),
        Mode::Guarded => {
            alarms.extend(guard::guard_alarms(case.snapshot, case.details).unwrap_or_default().chosen());
            (GUARDED_BAKE, GUARDED_KEEP)
        }
    };
    let routing = guard::routing(case.details, case.mode);
    let policy = BlueGreen { routing, wait_secs, termination_wait_secs, max_execution_secs: None };
    Some(Deployment { policy: Policy::BlueGreen(policy), alarms })
}

fn steps(case: &Case<'_>, update: &UpdateEndpoint) -> Vec<Step> {
    let endpoint: &Endpoint = &case.snapshot.endpoint;
    let once = |call: Call, precondition, optional| Step {
        call,
        precondition,
        expect: Expectation::Answer,
        inverse: None,
        optional,
    };
    let mut out = Vec::new();
    let ready = case.snapshot.abort_alarm.as_ref().is_some_and(guard::is_quiet);
    if update.deployment.is_some() && !ready {
        let alarm = call::abort_alarm(&endpoint.name);
        out.push(once(Call::PutAbortAlarm { alarm, endpoint: endpoint.name.clone() }, Precondition::None, false));
    }
    let back = UpdateEndpoint { config: case.details.config.clone(), ..update.clone() };
    out.push(Step {
        call: Call::UpdateEndpoint(update.clone()),
        precondition: Precondition::Unchanged,
        expect: Expectation::OnConfig { config: update.config.clone() },
        inverse: Some(Call::UpdateEndpoint(back)),
        optional: false,
    });
    let tags = vec![(Text::new(TAG_PREVIOUS), case.details.config.clone()), (Text::new(TAG_PLAN), Text::default())];
    out.push(once(Call::AddTags { arn: endpoint.arn.clone(), tags }, Precondition::Accepted, true));
    out
}

fn assemble(
    case: &Case<'_>,
    target: &Config,
    update: &UpdateEndpoint,
    findings: Vec<Finding>,
    choice: &Choice,
    found: candidate::Candidates,
) -> Plan {
    let Case { snapshot, details, context, candidate, .. } = *case;
    let steps = steps(case, update);
    let live_label = live_label(snapshot, details, candidate);
    let stoppable =
        update.deployment.is_some() && guard::excluded(snapshot, target, context.scope.account.as_str()).is_empty();
    let mut candidates = vec![candidate.clone()];
    candidates.extend(found.list.into_iter().filter(|other| other.config != candidate.config));
    let cost = table::cost(case, target, update);
    let plan = Plan {
        version: VERSION,
        digest: Text::default(),
        verb: Text::new(if choice.reverses.is_some() { "undo" } else { "roll back" }),
        scope: context.scope.clone(),
        class: context.class,
        by: context.by.clone(),
        at: context.at,
        valid_until: context.at.plus(LIFETIME),
        endpoint: snapshot.endpoint.name.clone(),
        arn: snapshot.endpoint.arn.clone(),
        from: Side { config: details.config.clone(), label: live_label },
        to: Side { config: candidate.config.clone(), label: candidate.label.clone() },
        mode: case.mode,
        reason: choice.reason.clone(),
        reverses: choice.reverses.as_ref().map(|reversal| reversal.operation.clone()),
        found_by: candidate.found_by(),
        candidates,
        gaps: found.gaps,
        rows: table::rows(case, target, update, &findings, &cost),
        cost,
        naive: table::naive(case, target),
        steps,
        findings,
        stop: table::stop(update, stoppable),
        undo: table::undo(case),
        vanish: table::vanish(stoppable, case.mode),
        expected: Expected::of(&snapshot.endpoint, details),
        images: details.variants.iter().flat_map(|variant| variant.images.clone()).collect(),
        confirm: Confirm::Key { key: super::confirm::GO },
    };
    plan.sealed()
}

/// The live side's label; the config's name when the two sides would read the same.
fn live_label(snapshot: &Snapshot, details: &Details, candidate: &Candidate) -> String {
    let label = candidate::label(snapshot, &details.config);
    let mixed = snapshot.endpoint.status == EndpointStatus::UpdateRollbackFailed;
    let label = if label == candidate.label { details.config.to_string() } else { label };
    if mixed { format!("{label} (mixed)") } else { label }
}
