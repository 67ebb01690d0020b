//! A registered version takes over an endpoint: approved, made a model, put into a copy of the live config, deployed under
//! guardrails, and tagged.

use serde_json::Value;

use super::{back_out, blocks, refusal, sight};
use crate::{
    id,
    ops::{
        call::{Approval, Call, PLAN_ID, UpdateEndpoint},
        candidate::{self, History},
        confirm::Weight,
        digest,
        guard::{self, Case, Check, Finding, STALE},
        intent::{Change, Context, Intent, Mode, Rollout, Route},
        origin::{Origin, Told, Way},
        plan::{Basis, Plan, Precondition, Refusal, Row, Side, Step},
        rule::{Rule, breaks},
        snapshot::{Config, Facts, Snapshot},
        target::{Kind, Sight, Target},
    },
    resource::endpoint::{Details, Policy, Routing},
    scope::Scope,
    text::Text,
    time,
};

mod automation;
mod compare;
mod copy;
mod gates;
mod job;
mod origin;
mod policy;
mod requests;

pub(super) use requests::model_like;
mod shape;
mod things;

pub use automation::STATE_CHANGE;
pub use copy::SOURCE;
pub use gates::{Gate, Verdict, held};
use job::ARTIFACT;
pub use job::{artifact, job_of, source};
pub(in crate::ops) use things::promoted;

/// Longest name of a model or config.
const LONGEST_NAME: usize = 63;
/// Bakes between the ten steps of a linear rollout.
const LINEAR_BAKES: i64 = 9;

/// Everything that one promotion is judged by.
struct Ground<'a> {
    facts: &'a Facts,
    snapshot: &'a Snapshot,
    details: &'a Details,
    context: &'a Context,
    package: &'a Text,
    /// What was asked for: that, or what it comes from.
    asked: &'a Text,
    /// Description of the version, or of what it will be.
    version: &'a Sight,
    /// The job that is registered first.
    job: Option<&'a Sight>,
    /// The call that registers it, or copies it from another account.
    register: Option<&'a Call>,
    /// The other account that the version is of, what that says, and the way it comes.
    abroad: Option<(&'a Origin, &'a Told, Way)>,
    /// Of the version that serves, where what serves is one.
    live_version: Option<&'a Sight>,
    live_model: &'a Sight,
    live_config: &'a Sight,
    rollout: Rollout,
    accept: &'a [Text],
}

/// `<stem>-v18-{plan}`, as SageMaker allows names.
pub(super) fn name_of(stem: &str, number: Option<i64>) -> Text {
    let id = if breaks(Rule::PlanInNames) { "new" } else { PLAN_ID };
    let tail = number.map_or_else(|| format!("-{id}"), |number| format!("-v{number}-{id}"));
    let room = LONGEST_NAME.saturating_sub(tail.len() - id.len() + digest::SHORT);
    let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(room).collect();
    let plain = plain.trim_matches('-');
    Text::new(&if plain.is_empty() { format!("model{tail}") } else { format!("{plain}{tail}") })
}

impl Ground<'_> {
    fn approval(&self) -> Text {
        self.version.fact("/ModelApprovalStatus")
    }

    /// The account in whose registry the version stays, if that is another one.
    fn registry(&self) -> Option<&Scope> {
        self.abroad.filter(|(_, _, way)| *way == Way::Registry).map(|(origin, ..)| &origin.scope)
    }

    /// Who approves it.
    fn approver(&self) -> &Text {
        match self.abroad {
            Some((origin, _, Way::Registry)) => &origin.by,
            _ => &self.context.by,
        }
    }

    fn group(&self) -> String {
        let named = self.version.fact("/ModelPackageGroupName").raw();
        let tail = || id::arn_tail(&self.package.raw()).to_owned();
        if named.is_empty() { tail() } else { named }
    }

    fn number(&self) -> Option<i64> {
        self.version.body.get("ModelPackageVersion").and_then(Value::as_i64)
    }

    /// `v18`.
    fn label(&self) -> String {
        self.number().map_or_else(|| Text::new(&self.group()).to_string(), |number| format!("v{number}"))
    }

    fn live(&self) -> Option<&Config> {
        self.snapshot.config(self.details.config.as_str()).and_then(|config| config.as_ref().ok())
    }

    fn name(&self, stem: &str) -> Text {
        name_of(stem, self.number())
    }

    /// Why AWS leaves the guardrails out here; empty when it does not.
    fn excluded(&self, live: &Config) -> Vec<String> {
        let account = self.context.scope.account.as_str();
        let mut out = guard::excluded(self.snapshot, live, account);
        if guard::is_marketplace(self.package.as_str(), account) {
            out.push("with a Marketplace container AWS silently goes all at once".to_owned());
        }
        out
    }
}

/// The containers of a version.
fn containers(version: &Sight) -> Vec<Value> {
    let list = version.body.pointer("/InferenceSpecification/Containers").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

/// S3 URIs of a version's artifacts: to be looked up before it is judged.
pub fn artifacts(version: &Sight) -> Vec<Text> {
    let uri = |container: &Value| {
        let url = container.get("ModelDataUrl").or_else(|| container.pointer("/ModelDataSource/S3DataSource/S3Uri"));
        Some(Text::new(url?.as_str()?))
    };
    containers(version).iter().filter_map(uri).collect()
}

pub(super) fn plan(intent: &Intent, facts: &Facts, history: &History, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Promote { package, rollout, accept, origin, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no version", None)]);
    };
    origin::admits(package, origin.as_ref(), context)?;
    let snapshot = super::snapshot(facts)?;
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let model = shape::served(snapshot, details)?;
    let live_package = snapshot.model(model.as_str()).and_then(|model| model.as_ref().ok()?.package.clone());
    let live_version =
        live_package.as_ref().and_then(|arn| sight(facts, &Target::new(Kind::ModelPackage, arn.clone())).ok());
    let way = origin.as_ref().map(|origin| origin::way(origin, facts, package, context, live_package.as_ref()));
    let way = way.transpose()?;
    let candidate = match &way {
        Some((Way::Copy, _)) => copy::candidate(facts, package, context, live_version.zip(live_package.as_ref()))?,
        _ => job::candidate(facts, package, live_version, live_package.as_ref())?,
    };
    let live_model = sight(facts, &Target::new(Kind::Model, model))?;
    let live_config = sight(facts, &Target::new(Kind::EndpointConfig, details.config.clone()))?;
    let (rollout, accept) = (*rollout, accept.as_slice());
    let ground = Ground {
        facts,
        snapshot,
        details,
        context,
        package: &candidate.package,
        asked: package,
        version: &candidate.version,
        job: candidate.job,
        register: candidate.register.as_ref(),
        abroad: origin
            .as_ref()
            .zip(facts.origin.as_ref())
            .zip(way.as_ref())
            .map(|((origin, told), (way, _))| (origin, told, *way)),
        live_version,
        live_model,
        live_config,
        rollout,
        accept,
    };
    judge(intent, &ground, history, way.map(|(_, why)| why))
}

fn judge(intent: &Intent, ground: &Ground<'_>, history: &History, way: Option<String>) -> Result<Plan, Vec<Refusal>> {
    let gates = gates::judge(ground);
    let rules = automation::rules(ground);
    let mut findings: Vec<Finding> =
        gates.iter().map(|(gate, verdict)| gates::finding(*gate, verdict, ground.accept)).collect();
    findings.extend(shape::findings(ground));
    let waits = ground.approval() != "Approved";
    let automated = waits && !rules.is_empty();
    let by_itself = automated && !gates::is_accepted(Gate::Automation, ground.accept);
    findings.push(automation_line(ground, &rules, waits));
    let goes_without = gates
        .iter()
        .any(|(gate, verdict)| matches!(verdict, Verdict::Unknown(_)) && gates::is_accepted(*gate, ground.accept))
        || (automated && !by_itself);
    findings.extend(shape::accepted(ground, goes_without, intent.reason.as_ref()));
    let update = requests::update(ground);
    let blocked = blocks(&findings, Some(&lines(ground, &update)));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    if by_itself && ground.abroad.is_some() {
        return Err(vec![origin::automated(ground, &rules, lines(ground, &update))]);
    }
    if let (true, Some(job)) = (by_itself, ground.job) {
        return register_only(intent, ground, job, findings);
    }
    if by_itself {
        return approve_only(intent, ground, &findings);
    }
    let Some(live) = ground.live() else {
        return Err(vec![refusal(Check::Config, "the live config was not read", None)]);
    };
    let plan = assemble(intent, ground, live, history, &update, findings, goes_without)?;
    Ok(Plan { found_by: way.unwrap_or(plan.found_by), ..plan }.sealed())
}

/// All that leads to the deployment, as a person would send it.
fn lines(ground: &Ground<'_>, update: &UpdateEndpoint) -> String {
    let (steps, main) = requests::steps(ground, update);
    let region = ground.context.scope.region.as_str();
    let line = |step: &Step| match (&step.scope, ground.abroad) {
        (Some(scope), Some((origin, ..))) => step.call.cli_by(scope.region.as_str(), origin.profile.as_str()),
        _ => step.call.cli(region),
    };
    let mut lines: Vec<String> = origin::by_hand(ground).into_iter().collect();
    lines.extend(steps.iter().take(main + 1).map(line));
    lines.join("\n").replace(PLAN_ID, "by-hand")
}

fn automation_line(ground: &Ground<'_>, rules: &[&crate::ops::snapshot::EventRule], waits: bool) -> Finding {
    let named: Vec<String> = rules
        .iter()
        .map(|rule| {
            let targets: Vec<&str> = rule.targets.iter().map(|arn| id::arn_tail(arn.as_str())).collect();
            format!("rule {} (starts {})", rule.name, targets.join(", "))
        })
        .collect();
    let warn = |text: String| Finding::warn(Check::Automation, text);
    match (automation::read(ground), named.as_slice(), waits) {
        (Some(Err(fault)), ..) => warn(format!(
            "whether a rule deploys what is approved is not known: rules could not be read: {}",
            fault.kind.brief()
        ))
        .remedy(fault.remedy()),
        (None, ..) => warn("whether a rule deploys what is approved is not known: rules were not read".to_owned()),
        (_, [], _) => Finding::ok(Check::Automation, "no rule waits for the approval of this group's versions"),
        (_, all, true) if gates::is_accepted(Gate::Automation, ground.accept) => {
            warn(format!("accepted without `automation`: {} acts on the approval too: both may deploy", all.join(", ")))
        }
        (_, all, true) => warn(format!("{} acts on the approval: approve, and watch what it deploys", all.join(", ")))
            .remedy("--accept automation (with a reason) deploys from here besides."),
        (_, all, false) => warn(format!("{} acts on approvals; this one was approved before", all.join(", "))),
    }
}

/// Automation deploys what is approved: the approval is all there is to do.
fn approve_only(intent: &Intent, ground: &Ground<'_>, findings: &[Finding]) -> Result<Plan, Vec<Refusal>> {
    let approve = Change::Approve { package: ground.package.clone(), approval: Approval::Approved };
    let mut plan =
        super::registry::plan(&Intent::from(approve).because(intent.reason.clone()), ground.facts, ground.context)?;
    // Which rule acts is known here, not guessed.
    plan.findings.retain(|finding| finding.check != Check::Owner);
    plan.findings.extend(findings.iter().cloned());
    plan.findings.sort_by_key(|finding| finding.severity);
    plan.found_by = "your choice; a rule deploys it".to_owned();
    plan.intent = intent.clone();
    Ok(plan)
}

/// Automation deploys what is approved, and what is to be approved is not registered yet: that comes first, for itself.
fn register_only(
    intent: &Intent,
    ground: &Ground<'_>,
    job: &Sight,
    mut findings: Vec<Finding>,
) -> Result<Plan, Vec<Refusal>> {
    let Some(step) = requests::register(ground) else { return Err(vec![refusal(Check::Status, "no job", None)]) };
    findings.sort_by_key(|finding| finding.severity);
    let (name, label) = (job.fact("/TrainingJobName"), ground.label());
    let arn = job.fact("/TrainingJobArn");
    let row = Row {
        name: "version".into(),
        before: "not registered".into(),
        after: label.clone(),
        note: "PendingManualApproval".into(),
    };
    let step = Step { precondition: Precondition::Unchanged, ..step };
    let plan = Plan {
        verb: Text::new("register"),
        target: Target::new(Kind::TrainingJob, name.clone()),
        from: Side::state(name.as_str()),
        to: Side::state(&label),
        found_by: "your choice; a rule deploys what is approved, so it is registered here and approved for itself"
            .into(),
        rows: vec![row],
        steps: vec![step],
        findings,
        undo: "a version stays registered; it can be rejected".to_owned(),
        weight: Weight::Target,
        ..Plan::one_call(intent, ground.context, name, arn, Basis::of(job, &["/TrainingJobStatus", ARTIFACT]))
    };
    Ok(plan.sealed())
}

fn assemble(
    intent: &Intent,
    ground: &Ground<'_>,
    live: &Config,
    history: &History,
    update: &UpdateEndpoint,
    mut findings: Vec<Finding>,
    goes_without: bool,
) -> Result<Plan, Vec<Refusal>> {
    let Ground { snapshot, details, context, .. } = *ground;
    let unknown = back_out::unknown_candidate(snapshot, &details.config);
    let route = if ground.rollout == Rollout::Rolling { Route::Rolling } else { Route::Config };
    let case = Case { snapshot, details, history, context, candidate: &unknown, mode: Mode::Guarded, route };
    findings.extend(surroundings(ground, &case, live));
    let blocked = blocks(&findings, Some(&lines(ground, update)));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    findings.sort_by_key(|finding| finding.severity);
    let (steps, main) = requests::steps(ground, update);
    let endpoint = &snapshot.endpoint;
    let stoppable = update.deployment.is_some() && ground.excluded(live).is_empty();
    let bakes = if is_linear(update) { (LINEAR_BAKES - 1) * back_out::GUARDED_BAKE / 60 } else { 0 };
    let mut cost = back_out::cost(&case, live, update);
    cost.minutes += bakes;
    cost.one_off = cost.hour_after.map(|hour| hour * cost.minutes as f64 / 60.0);
    let mut rows = back_out::rows(&case, live, update, &findings, &cost);
    rows.extend(origin::row(ground));
    let model = ground.name(&ground.group());
    let note = format!("made from {}", id::version_label(ground.package.as_str()).unwrap_or_default());
    let before = ground.live_model.fact("/ModelName").to_string();
    rows.insert(1.min(rows.len()), Row { name: "model".into(), before, after: model.to_string(), note });
    let (was, label) = (candidate::label(snapshot, &details.config), ground.label());
    let from = if was == label { details.config.to_string() } else { was };
    let plan = Plan {
        from: Side { config: details.config.clone(), label: from },
        to: Side { config: update.config.clone(), label },
        mode: Mode::Guarded,
        minutes: Some(back_out::minutes(update) + bakes),
        rows,
        cost,
        naive: back_out::naive(&case, live),
        steps,
        main,
        findings,
        stop: back_out::stop(update, stoppable),
        undo: format!("{}; the version stays Approved until it is rejected", back_out::undo(&case)),
        vanish: format!(
            "{}. Before the update nothing serves; what was made by then stays: model {model}, config {}",
            back_out::vanish(stoppable, Mode::Guarded),
            update.config
        ),
        verify: guard::verify(snapshot, details, false),
        images: details.variants.iter().flat_map(|variant| variant.images.clone()).collect(),
        weight: if goes_without { Weight::Heavy } else { Weight::Target },
        ..Plan::on_endpoint(intent, context, endpoint, details)
    };
    Ok(plan)
}

fn is_linear(update: &UpdateEndpoint) -> bool {
    let policy = update.deployment.as_ref().map(|deployment| &deployment.policy);
    matches!(policy, Some(Policy::BlueGreen(policy)) if matches!(policy.routing, Routing::Linear(_)))
}

/// Alarms, guardrails and room, as for any deployment.
fn surroundings(ground: &Ground<'_>, case: &Case<'_>, live: &Config) -> Vec<Finding> {
    let mut out = guard::standing(case);
    let age = ground.context.at.since(ground.snapshot.at);
    if age > STALE {
        let old = Finding::block(Check::Age, format!("these facts are {} old", time::span(age)));
        out.push(old.remedy("F5 reads the endpoint again."));
    }
    let excluded = ground.excluded(live);
    if excluded.is_empty() {
        match ground.rollout {
            Rollout::Canary | Rollout::Linear => out.extend(guard::exclusions(case, live)),
            Rollout::AllAtOnce => {
                let text = "all traffic moves at once: callers meet the new version before any alarm has judged it";
                out.push(Finding::warn(Check::Guardrails, text));
            }
            Rollout::Rolling => {}
        }
    }
    out.extend(excluded.into_iter().map(|why| {
        Finding::warn(Check::Guardrails, format!("no guardrails on this endpoint: {why}, and nothing can stop it"))
    }));
    out.extend(unguarded(ground));
    out.push(guard::quota(case, live));
    out
}

/// What a deployment should be judged by and is not: errors, and how long answers take.
fn unguarded(ground: &Ground<'_>) -> Vec<Finding> {
    let chosen = guard::guard_alarms(ground.snapshot, ground.details).unwrap_or_default().chosen();
    let alarms = ground.snapshot.alarms.as_deref().unwrap_or_default();
    let metrics = alarms.iter().filter(|alarm| chosen.contains(&alarm.name)).filter_map(|alarm| alarm.metric.as_ref());
    let names: Vec<&str> = metrics.map(|(_, name)| name.as_str()).collect();
    let on = |words: &[&str]| names.iter().any(|name| words.iter().any(|word| name.contains(word)));
    let missing = |is_there: bool, what: &str| {
        (!is_there && !chosen.is_empty())
            .then(|| Finding::warn(Check::Alarms, format!("no alarm on {what} guards this")))
    };
    let lines = [missing(on(&["Error", "4XX", "5XX"]), "errors"), missing(on(&["Latency"]), "latency")];
    lines.into_iter().flatten().collect()
}
