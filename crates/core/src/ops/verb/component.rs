//! The way back of an endpoint whose models are inference components: the one that changed last gets the specification that it
//! had before. The endpoint, its fleet and the other components stay as they are.

use serde_json::Value;

use super::{back_out, back_out::Row, blocks, refusal};
use crate::{
    ops::{
        call::{self, Call},
        candidate::{Candidate, Confidence, Source, Witness},
        component::{self, Component, Told},
        confirm::Weight,
        guard::{self, Check, Finding},
        intent::{Context, Intent, Mode, Route},
        plan::{Basis, Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::{Facts, Snapshot},
        target::{Kind, Target},
    },
    resource::endpoint::{Deployment, Details, Policy},
    text::Text,
    time::{self, HOUR},
};

/// What tells one specification from another, in the description and in a request alike.
const TELLING: [&str; 3] =
    ["/Specification/Container/ArtifactUrl", "/Specification/ModelName", "/Specification/BaseInferenceComponentName"];
const STATUS: &str = "/InferenceComponentStatus";
/// Between two batches of copies, seconds.
const BATCH_WAIT: i64 = 60;
/// Minutes until an adapter is loaded, and until copies of a model have started.
const ADAPTER_MINUTES: i64 = 1;
const COPY_MINUTES: i64 = 5;

/// True where what serves are components: their models are no part of the config.
pub fn is_of_components(details: &Details) -> bool {
    !details.variants.is_empty() && details.variants.iter().all(|variant| variant.model.is_none())
}

pub(super) fn plan(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let snapshot = super::snapshot(facts)?;
    let components = match &facts.components {
        Some(Ok(components)) => components.as_slice(),
        Some(Err(fault)) => {
            let text = format!("its inference components could not be read: {}", fault.kind.brief());
            return Err(vec![Refusal { remedy: Some(fault.remedy()), ..refusal(Check::Components, &text, None) }]);
        }
        None => return Err(vec![refusal(Check::Components, "its inference components were not read", None)]),
    };
    let ways = ways(components);
    let chosen = intent.change.choice().component;
    let found = match &chosen {
        Some(name) => ways.iter().find(|(component, _)| component.name == *name),
        None => ways.first(),
    };
    match found {
        Some((component, before)) => judge(intent, snapshot, (component, before), &ways, context),
        None => Err(vec![nobody_knows(components, chosen.as_ref())]),
    }
}

/// Components that have a way back, the one that changed last first.
fn ways(components: &[Component]) -> Vec<(&Component, &Told)> {
    let mut out: Vec<(&Component, &Told)> = components.iter().filter_map(|one| Some((one, one.before()?))).collect();
    out.sort_by_key(|(component, _)| {
        std::cmp::Reverse(component.since().map(|told| told.at).or(component.sight.modified))
    });
    out
}

fn nobody_knows(components: &[Component], chosen: Option<&Text>) -> Refusal {
    let unread = components.iter().find_map(|component| component.told.as_ref()?.as_ref().err());
    let asked = components.iter().any(|component| component.told.is_some());
    let which = chosen.map_or_else(|| "any of its inference components".to_owned(), |name| format!("component {name}"));
    let text = match (unread, asked, components.is_empty()) {
        (_, _, true) => "it has no inference component: nothing serves there".to_owned(),
        (Some(fault), ..) => format!("what {which} served before is only in CloudTrail: {}", fault.kind.brief()),
        (None, false, _) => format!("what {which} served before is being looked for in CloudTrail"),
        (None, true, _) => format!("CloudTrail knows no earlier specification of {which}"),
    };
    let remedy = unread.map_or_else(
        || "The request that made it says what it was: aws cloudtrail lookup-events, up to 90 days back.".to_owned(),
        crate::fault::Fault::remedy,
    );
    Refusal { remedy: Some(remedy), ..refusal(Check::Candidate, &text, None) }
}

fn judge(
    intent: &Intent,
    snapshot: &Snapshot,
    (component, before): (&Component, &Told),
    ways: &[(&Component, &Told)],
    context: &Context,
) -> Result<Plan, Vec<Refusal>> {
    let Some(details) = &snapshot.endpoint.details else {
        return Err(vec![refusal(Check::Status, "the endpoint's details were not read", None)]);
    };
    let choice = intent.change.choice();
    let mode = choice.mode.unwrap_or_else(|| back_out::default_mode(snapshot, details));
    let now = component.now().unwrap_or_default();
    let (wanted, hidden) = whole(&before.specification, &now);
    let adapter = wanted.get("BaseInferenceComponentName").is_some();
    let deployment = (!adapter).then(|| deployment(snapshot, details, mode));
    let update = call::update_component(&component.name, &wanted, deployment.as_ref());
    let mut findings = findings(component, before, hidden, context, snapshot);
    if adapter {
        findings.push(Finding::ok(Check::Guardrails, "an adapter is loaded into copies that run: no copy is started"));
    }
    let blocked = blocks(&findings, Some(&update.cli(context.scope.region.as_str())));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    findings.sort_by_key(|finding| finding.severity);
    let mut steps = Vec::new();
    if deployment.is_some() {
        back_out::abort_alarm_first(snapshot, &mut steps);
    }
    let main = steps.len();
    steps.push(main_step(component, update, &wanted, &now, deployment.as_ref()));
    let (from, to) = (label(&now), label(&wanted));
    let plan = Plan {
        target: Target::new(Kind::Component, component.name.clone()),
        from: Side::state(&from),
        to: Side::state(&to),
        mode,
        found_by: found_by(component, before),
        minutes: Some(if adapter { ADAPTER_MINUTES } else { COPY_MINUTES }),
        candidates: ways.iter().map(candidate).collect(),
        rows: rows(&now, &wanted),
        steps,
        main,
        findings,
        stop: if deployment.is_some() { "an alarm takes it back while it rolls" } else { "it cannot be stopped" }
            .to_owned(),
        undo: format!("the same plan the other way: {to} → {from}"),
        vanish: "one call: AWS finishes it alone, or takes it back".to_owned(),
        weight: Weight::Target,
        ..Plan::draft(
            &intent.by(Route::Component),
            context,
            component.name.clone(),
            component.sight.fact("/InferenceComponentArn"),
            basis(component),
        )
    };
    Ok(plan.sealed())
}

fn basis(component: &Component) -> Basis {
    let mut pointers = vec![STATUS];
    pointers.extend(TELLING);
    Basis::of(&component.sight, &pointers)
}

/// The earlier specification, with today's where CloudTrail keeps silent; whether it did.
fn whole(before: &Value, now: &Value) -> (Value, bool) {
    let mut out = before.clone();
    let environment = "/Container/Environment";
    let hidden = out.pointer(environment).is_some_and(component::is_hidden);
    if hidden && let Some(place) = out.pointer_mut(environment) {
        *place = now.pointer(environment).cloned().unwrap_or_default();
    }
    (out, hidden)
}

fn deployment(snapshot: &Snapshot, details: &Details, mode: Mode) -> Deployment {
    let mut alarms = vec![call::abort_alarm(&snapshot.endpoint.name)];
    if mode == Mode::Guarded {
        alarms.extend(guard::guard_alarms(snapshot, details).unwrap_or_default().chosen());
    }
    Deployment { policy: Policy::Rolling(back_out::rolling(BATCH_WAIT)), alarms }
}

fn main_step(
    component: &Component,
    update: Call,
    wanted: &Value,
    now: &Value,
    deployment: Option<&Deployment>,
) -> Step {
    let facts = TELLING.iter().filter_map(|pointer| {
        let value = wanted.pointer(pointer.strip_prefix("/Specification")?)?.as_str()?;
        Some((Text::new(pointer), Text::new(value)))
    });
    let goal = Expectation::Shows {
        facts: facts.collect(),
        done: vec![Text::new("InService")],
        failed: vec![Text::new("Failed")],
    };
    let back = call::update_component(&component.name, now, deployment);
    Step::new(update).main(goal, 2 * HOUR).inverse(Inverse::Call(Box::new(back)))
}

fn findings(
    component: &Component,
    before: &Told,
    hidden: bool,
    context: &Context,
    snapshot: &Snapshot,
) -> Vec<Finding> {
    let mut out = Vec::new();
    let status = component.sight.fact(STATUS);
    if !matches!(status.as_str(), "InService" | "Failed") {
        let text =
            format!("component {} is {status}: SageMaker takes no other update until it has ended", component.name);
        out.push(
            Finding::block(Check::Status, text).remedy("Wait until it is InService; its alarms may take it back."),
        );
    }
    let age = context.at.since(snapshot.at);
    if age > guard::STALE {
        let old = Finding::block(Check::Age, format!("these facts are {} old", time::span(age)));
        out.push(old.remedy("F5 reads the endpoint again."));
    }
    let others = |pointer: &str| component::is_hidden(before.specification.pointer(pointer).unwrap_or(&Value::Null));
    if ["/ModelName", "/Container/Image", "/Container/ArtifactUrl"].into_iter().any(others) {
        out.push(Finding::block(Check::Candidate, "CloudTrail keeps to itself what it served before"));
    }
    if hidden {
        out.push(Finding::warn(Check::Config, "CloudTrail hides the environment it had: the one of now is kept"));
    }
    if let Some(told) = component.since() {
        let text = format!("{} changed it {}: what did that may do it again", told.by, told.at.full());
        out.push(Finding::warn(Check::Owner, text));
    } else {
        let text = "CloudTrail does not show yet who changed it last (minutes late): the newest it knows is taken for the one before";
        out.push(Finding::warn(Check::Candidate, text));
    }
    out.push(Finding::ok(
        Check::Components,
        format!("only {}: its endpoint and the other components stay", component.name),
    ));
    out
}

fn found_by(component: &Component, before: &Told) -> String {
    let late = component.since().map_or("", |_| "; CloudTrail shows the change since");
    format!("CloudTrail {} ({}) of {}{late}", before.at.full(), before.by, component.name)
}

fn candidate((component, before): &(&Component, &Told)) -> Candidate {
    let source = Source {
        witness: Witness::Trail,
        confidence: Confidence::Strong,
        first_choice: true,
        note: format!("CloudTrail {} ({})", before.at.full(), before.by),
    };
    Candidate {
        config: component.name.clone(),
        label: label(&before.specification),
        sources: vec![source],
        agree: (1, 1),
        served: (Some(before.at), component.since().map(|told| told.at)),
        taken_back: None,
    }
}

/// What people know it by: the model, else the part of the artifact's address that tells versions apart.
fn label(specification: &Value) -> String {
    let text = |pointer: &str| specification.pointer(pointer).and_then(Value::as_str);
    let artifact = || {
        let url = text("/Container/ArtifactUrl")?;
        let parts: Vec<&str> = url.trim_start_matches("s3://").split('/').filter(|part| !part.is_empty()).collect();
        let from = parts.len().saturating_sub(3).max(1);
        let to = if parts.len() > from + 1 { parts.len() - 1 } else { parts.len() };
        Some(parts.get(from..to)?.join("/"))
    };
    let found =
        text("/ModelName").map(str::to_owned).or_else(artifact).or_else(|| text("/Container/Image").map(str::to_owned));
    Text::new(&found.unwrap_or_default()).to_string()
}

fn rows(now: &Value, wanted: &Value) -> Vec<Row> {
    const SHOWN: [(&str, &str); 6] = [
        ("model", "/ModelName"),
        ("artifact", "/Container/ArtifactUrl"),
        ("image", "/Container/Image"),
        ("base", "/BaseInferenceComponentName"),
        ("needs", "/ComputeResourceRequirements"),
        ("startup", "/StartupParameters"),
    ];
    let word = |value: &Value, pointer: &str| match value.pointer(pointer) {
        Some(Value::String(text)) => Text::new(text).to_string(),
        Some(Value::Null) | None => String::new(),
        Some(other) => Text::new(&other.to_string()).to_string(),
    };
    let row = |(name, pointer): (&str, &str)| {
        let (before, after) = (word(now, pointer), word(wanted, pointer));
        let note = if before == after { "stays".to_owned() } else { String::new() };
        (!before.is_empty() || !after.is_empty()).then(|| Row { name: name.to_owned(), before, after, note })
    };
    SHOWN.into_iter().filter_map(row).collect()
}
