//! A plan: an immutable document that says what will be sent, on which facts, and what happens if anything goes wrong.
//! It can be saved, read back, checked by its digest, and executed elsewhere.

use serde::{Deserialize, Serialize};

use super::{
    candidate::Candidate,
    confirm::{Confirm, Weight},
    digest,
    guard::{Check, Finding},
    intent::{Bypass, Class, Context, Intent, Mode},
    measure::Verify,
    origin::Origin,
    target::Target,
};
use crate::{
    resource::{
        Endpoint,
        endpoint::{Details, Image},
    },
    scope::Scope,
    text::{self, Text},
    time::{MINUTE, Timestamp},
};

mod expected;
mod step;

pub(super) use expected::SAME_WEIGHT;
pub use expected::{Basis, Difference, Expected, ExpectedVariant};
pub use step::{After, Expectation, Inverse, Precondition, Step};

pub use super::verb::back_out::{Cost, Row, plan_back_out};

/// Version of the document. A reader refuses a newer one.
pub const VERSION: u16 = 2;
/// How long a plan may wait for its confirmation, milliseconds.
pub const LIFETIME: i64 = 10 * MINUTE;

/// One end of the change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The endpoint config, where the change is one of configs; else the state in the API's own word.
    pub config: Text,
    /// `v17`.
    #[serde(deserialize_with = "text::shown")]
    pub label: String,
}

impl Side {
    /// A state that is its own label: `Executing`, `Approved`.
    pub fn state(word: &str) -> Self {
        Self { config: Text::new(word), label: Text::new(word).to_string() }
    }

    fn substance(&self, id: &Text) -> (String, &str) {
        let raw = self.config.raw();
        let config = if id.is_empty() { raw } else { raw.replace(id.as_str(), super::call::PLAN_ID) };
        (config, &self.label)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u16,
    /// SHA-256 in hex over what will be done and on which facts; not over the time it was made at.
    pub digest: Text,
    /// What was asked for.
    pub intent: Intent,
    /// `roll back`.
    pub verb: Text,
    pub scope: Scope,
    pub class: Class,
    pub by: Text,
    pub at: Timestamp,
    pub valid_until: Timestamp,
    /// What it changes.
    pub target: Target,
    /// How people call that: the endpoint's name, `fraud v18`.
    pub name: Text,
    pub arn: Text,
    pub from: Side,
    pub to: Side,
    pub mode: Mode,
    pub reason: Option<Text>,
    /// The operation that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<Text>,
    /// The bulk that it was confirmed in. No part of the digest: it changes nothing that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<Text>,
    /// `our ledger and CloudTrail 01:29 (ci-deploy); 2 of 2 sources agree`.
    #[serde(deserialize_with = "text::shown")]
    pub found_by: String,
    /// Minutes until the trouble is over, as a rule; `None` where that is no question.
    pub minutes: Option<i64>,
    /// The candidate chosen, then the others, best first.
    pub candidates: Vec<Candidate>,
    /// What the witnesses could not say.
    #[serde(deserialize_with = "text::all_shown")]
    pub gaps: Vec<String>,
    /// Before and after of the real object.
    pub rows: Vec<Row>,
    pub cost: Cost,
    /// What the plain call with nothing but the names would have done besides.
    #[serde(deserialize_with = "text::all_shown")]
    pub naive: Vec<String>,
    pub steps: Vec<Step>,
    /// The step that does what the plan is for; those before it prepare, those after it follow.
    pub main: usize,
    /// Worst first; none of them blocks.
    pub findings: Vec<Finding>,
    /// Until when and how it can be stopped.
    #[serde(deserialize_with = "text::shown")]
    pub stop: String,
    #[serde(deserialize_with = "text::shown")]
    pub undo: String,
    /// What happens if this terminal dies.
    #[serde(deserialize_with = "text::shown")]
    pub vanish: String,
    pub basis: Basis,
    /// What is looked at once it is in service; nothing of it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// Digests that serve now: how a later way back will know that a tag moved.
    pub images: Vec<Image>,
    /// How much it can do harm, which decides the confirmation.
    pub weight: Weight,
    pub confirm: Confirm,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub check: Check,
    pub text: String,
    pub remedy: Option<String>,
    /// The AWS CLI lines that would do it nevertheless, one a line.
    pub cli: Option<String>,
}

/// Stands over the lines of [`by_hand`].
pub const BY_HAND: &str = "By hand, against all of the above:";

/// The AWS CLI lines that would do nevertheless what was refused, each once.
pub fn by_hand(refusals: &[Refusal]) -> Vec<&str> {
    let mut out = Vec::new();
    for line in refusals.iter().filter_map(|refusal| refusal.cli.as_deref()).flat_map(str::lines) {
        if !out.contains(&line) {
            out.push(line);
        }
    }
    out
}

impl Plan {
    /// Of one request that takes effect at once.
    pub(super) fn one_call(intent: &Intent, context: &Context, name: Text, arn: Text, basis: Basis) -> Self {
        Self {
            stop: "it takes effect at once".to_owned(),
            vanish: "one call: AWS has it, or has it not".to_owned(),
            ..Self::draft(intent, context, name, arn, basis)
        }
    }

    /// Of an endpoint, as it was read.
    pub(super) fn on_endpoint(intent: &Intent, context: &Context, endpoint: &Endpoint, details: &Details) -> Self {
        let basis = Basis::Endpoint(Expected::of(endpoint, details));
        Self::draft(intent, context, endpoint.name.clone(), endpoint.arn.clone(), basis)
    }

    /// A document with nothing but who, where, what and when; the verb fills in the rest and seals it.
    pub(super) fn draft(intent: &Intent, context: &Context, name: Text, arn: Text, basis: Basis) -> Self {
        Self {
            version: VERSION,
            digest: Text::default(),
            verb: Text::new(intent.change.verb()),
            scope: context.scope.clone(),
            class: context.class,
            by: context.by.clone(),
            at: context.at,
            valid_until: context.at.plus(LIFETIME),
            target: intent.change.target(),
            name,
            arn,
            from: Side::default(),
            to: Side::default(),
            mode: Mode::Emergency,
            reason: intent.reason.clone(),
            reverses: None,
            bulk: None,
            found_by: "your choice".to_owned(),
            minutes: None,
            candidates: Vec::new(),
            gaps: Vec::new(),
            rows: Vec::new(),
            cost: Cost::default(),
            naive: Vec::new(),
            steps: Vec::new(),
            main: 0,
            findings: Vec::new(),
            stop: String::new(),
            undo: String::new(),
            vanish: String::new(),
            basis,
            verify: None,
            images: Vec::new(),
            weight: Weight::Target,
            confirm: Confirm::Key { key: super::confirm::GO },
            intent: intent.clone(),
        }
    }

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
        format!("{verb} {}: {}", self.name, self.summary())
    }

    /// `v18 → v17`.
    pub fn summary(&self) -> String {
        let change = match (self.from.label.is_empty(), self.to.label.is_empty()) {
            (false, false) => format!("{} → {}", self.from.label, self.to.label),
            (true, _) => self.to.label.clone(),
            (false, true) => self.from.label.clone(),
        };
        let change = match self.origin() {
            Some(origin) => format!("{change} of {}", origin.scope.account),
            None => change,
        };
        match &self.reverses {
            Some(operation) => format!("{change}, reverses {operation}"),
            None => change,
        }
    }

    /// One AWS CLI line per step.
    pub fn cli(&self) -> Vec<String> {
        self.steps.iter().map(|step| self.line(step)).collect()
    }

    /// The AWS CLI line of one of its steps, with the profile of the account that it is sent in.
    pub fn line(&self, step: &Step) -> String {
        match (&step.scope, self.origin()) {
            (Some(scope), Some(origin)) => step.call.cli_by(scope.region.as_str(), origin.profile.as_str()),
            (scope, _) => step.call.cli(scope.as_ref().unwrap_or(&self.scope).region.as_str()),
        }
    }

    /// The other account of a plan with two identities.
    pub const fn origin(&self) -> Option<&Origin> {
        self.intent.change.origin()
    }

    /// Who sends this step, where that is not who made the plan: `anna in 112233445566 (profile staging)`.
    pub fn sender(&self, step: &Step) -> Option<String> {
        let (scope, origin) = (step.scope.as_ref()?, self.origin()?);
        Some(format!("{} in {} (profile {})", origin.by, scope.account, origin.profile))
    }

    pub fn main_step(&self) -> Option<&Step> {
        self.steps.get(self.main)
    }

    /// What shows when the change is done.
    pub(super) fn goal(&self) -> Option<&Expectation> {
        self.main_step().map(|step| &step.expect)
    }

    /// Whether the document still is what its digest says: nobody edited a saved plan.
    pub fn is_intact(&self) -> bool {
        self.version == VERSION
            && self.compute_digest(true).as_ref() == Some(&self.digest)
            && self.valid_until == self.at.plus(LIFETIME)
            && self.confirm == self.decide_confirm()
            && self.main < self.steps.len()
    }

    /// Whether it does the same on facts that matter the same: what was typed for one holds for the other.
    pub fn is_like(&self, other: &Self) -> bool {
        self.confirm == other.confirm && self.compute_digest(false) == other.compute_digest(false)
    }

    /// The document as it may be kept: its calls are told by digest where they hold secrets.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let id = self.id();
        let mut out = self.clone();
        for step in &mut out.steps {
            step.call = step.call.unsealed(&id).without_secrets().sealed(&id);
            if let Inverse::Call(call) = &mut step.inverse {
                **call = call.unsealed(&id).without_secrets().sealed(&id);
            }
        }
        out.intent = self.intent.without_secrets();
        out
    }

    /// A reversal is opened by a lowercase letter, and a bypass leaves a guard out: the target is typed in every class.
    fn decide_confirm(&self) -> Confirm {
        let heavy = self.reverses.is_some() || !self.intent.change.bypass().is_empty();
        let weight = if heavy { self.weight.max(Weight::Heavy) } else { self.weight };
        Confirm::decide(self.class, weight, self)
    }

    /// Digest, names that hold the plan's id, and confirmation, which follow from the rest.
    pub(super) fn sealed(mut self) -> Self {
        self.digest = self.compute_digest(true).unwrap_or_default();
        let id = self.id();
        for step in &mut self.steps {
            *step = step.sealed(&id);
        }
        let filled = |text: &str| text.replace(super::call::PLAN_ID, id.as_str());
        for row in &mut self.rows {
            row.after = filled(&row.after);
        }
        (self.stop, self.undo, self.vanish) = (filled(&self.stop), filled(&self.undo), filled(&self.vanish));
        for side in [&mut self.from, &mut self.to] {
            side.config = Text::new(&side.config.raw().replace(super::call::PLAN_ID, id.as_str()));
        }
        self.target = named(&self.target, super::call::PLAN_ID, id.as_str());
        self.confirm = self.decide_confirm();
        self
    }

    fn compute_digest(&self, with_time: bool) -> Option<Text> {
        #[derive(Serialize)]
        struct Substance<'a> {
            version: u16,
            verb: &'a Text,
            scope: &'a Scope,
            class: Class,
            by: &'a Text,
            target: Target,
            arn: &'a Text,
            sides: [(String, &'a str); 2],
            mode: Mode,
            weight: Weight,
            reason: &'a Option<Text>,
            reverses: &'a Option<Text>,
            #[serde(skip_serializing_if = "<[Bypass]>::is_empty")]
            bypass: &'a [Bypass],
            #[serde(skip_serializing_if = "Option::is_none")]
            origin: Option<&'a Origin>,
            main: usize,
            steps: Vec<serde_json::Value>,
            basis: Basis,
        }
        let id = self.id();
        digest::of(&Substance {
            version: self.version,
            verb: &self.verb,
            scope: &self.scope,
            class: self.class,
            by: &self.by,
            target: if id.is_empty() {
                self.target.clone()
            } else {
                named(&self.target, id.as_str(), super::call::PLAN_ID)
            },
            arn: &self.arn,
            sides: [self.from.substance(&id), self.to.substance(&id)],
            mode: self.mode,
            weight: self.weight,
            reason: &self.reason,
            reverses: &self.reverses,
            bypass: self.intent.change.bypass(),
            origin: self.origin(),
            main: self.main,
            steps: self.steps.iter().map(|step| step.substance(&id)).collect(),
            basis: self.basis.substance(with_time),
        })
    }
}

/// What is made by a plan has its id in its name.
fn named(target: &Target, from: &str, to: &str) -> Target {
    Target::new(target.kind, Text::new(&target.id.raw().replace(from, to)))
}
