//! Starting, retrying and answering pipeline executions.

use serde_json::Value;

use super::{back_out::Row, blocks, refusal, sight};
use crate::{
    id,
    ops::{
        call,
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Basis, Expectation, Inverse, Plan, Refusal, Side, Step},
        snapshot::{Facts, Waiting},
        target::Sight,
    },
    text::Text,
    time::MINUTE,
};

const STATUS: &str = "/PipelineExecutionStatus";
/// Longest value of a parameter, characters (API reference).
const LONGEST_VALUE: usize = 1_024;

/// A parameter as the definition declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: Text,
    /// `String`, `Integer`, `Float`, `Boolean`.
    pub kind: Text,
    pub default: Option<Text>,
    /// The values it may have; empty for any.
    pub allowed: Vec<Text>,
}

/// The parameters that a pipeline's definition declares, in its order; empty where it cannot be read.
pub fn parameters(pipeline: &Sight) -> Vec<Parameter> {
    let definition = pipeline.body.get("PipelineDefinition").and_then(Value::as_str).unwrap_or_default();
    let Ok(definition) = serde_json::from_str::<Value>(definition) else { return Vec::new() };
    let plain = |value: &Value| Text::new(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let one = |parameter: &Value| {
        Some(Parameter {
            name: Text::new(parameter.get("Name")?.as_str()?),
            kind: parameter.get("Type").map(plain).unwrap_or_default(),
            default: parameter.get("DefaultValue").map(plain),
            allowed: parameter.get("EnumValues").and_then(Value::as_array).into_iter().flatten().map(plain).collect(),
        })
    };
    definition.get("Parameters").and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
}

/// What is wrong with a value, in one sentence; `None` when it fits.
pub fn objection(parameter: &Parameter, value: &str) -> Option<String> {
    let name = &parameter.name;
    if value.chars().count() > LONGEST_VALUE {
        return Some(format!("{name} is longer than {LONGEST_VALUE} characters"));
    }
    if !parameter.allowed.is_empty() && !parameter.allowed.iter().any(|allowed| allowed.raw() == value) {
        let list = parameter.allowed.iter().map(Text::as_str).collect::<Vec<_>>().join(", ");
        return Some(format!("{name} is one of {list}"));
    }
    let fits = match parameter.kind.as_str() {
        "Integer" => value.parse::<i64>().is_ok(),
        "Float" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "Boolean" => matches!(value, "true" | "false" | "True" | "False"),
        _ => true,
    };
    (!fits).then(|| format!("{name} is of type {}", parameter.kind))
}

pub(super) fn start(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::StartPipeline { pipeline, name, parameters: given, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no pipeline", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let call = call::start_execution(pipeline, &name.raw(), given);
    let mut findings = Vec::new();
    let status = sight.fact("/PipelineStatus");
    if !status.is_empty() && status != "Active" {
        findings.push(Finding::block(Check::Status, format!("the pipeline is {status}")));
    }
    let declared = parameters(sight);
    for (name, value) in given {
        match declared.iter().find(|parameter| parameter.name == *name) {
            Some(parameter) => {
                findings.extend(objection(parameter, &value.raw()).map(|text| Finding::block(Check::Config, text)));
            }
            None => findings.push(Finding::block(Check::Config, format!("the pipeline has no parameter {name}"))),
        }
    }
    let missing =
        |parameter: &&Parameter| parameter.default.is_none() && !given.iter().any(|(name, _)| *name == parameter.name);
    for parameter in declared.iter().filter(missing) {
        findings.push(Finding::block(Check::Config, format!("{} has no default: it needs a value", parameter.name)));
    }
    let line = call.cli(context.scope.region.as_str());
    let blocked = blocks(&findings, Some(&line));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let rows = declared
        .iter()
        .map(|parameter| {
            let value = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value);
            let default = parameter.default.clone().unwrap_or_default();
            let shown = |value: &Text| crate::mask::value(&parameter.name.raw(), &value.raw()).to_string();
            let (after, note) = match value {
                Some(value) if *value != default => (shown(value), "yours"),
                _ => (shown(&default), "the default"),
            };
            Row { name: parameter.name.to_string(), before: shown(&default), after, note: note.to_owned() }
        })
        .collect();
    let never = Inverse::None("S on the run stops it; what it has done stays".to_owned());
    let plan = Plan {
        from: Side::default(),
        to: Side::state("a new run"),
        rows,
        steps: vec![Step::new(call).main(Expectation::Answer, 5 * MINUTE).inverse(never)],
        findings,
        stop: "S on the run stops it".to_owned(),
        undo: "a run that was started can be stopped; what it has done stays".to_owned(),
        vanish: "one call: it runs in AWS, whoever watches".to_owned(),
        weight: Weight::Light,
        ..Plan::draft(
            intent,
            context,
            pipeline.clone(),
            sight.fact("/PipelineArn"),
            // The same run once more is another plan: its token must not be the one of the run before.
            Basis::of(sight, &["/PipelineStatus", "/LastRunTime"]),
        )
    };
    Ok(plan.sealed())
}

pub(super) fn retry(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Retry { execution, .. } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no pipeline execution", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let call = call::retry_execution(execution);
    let status = sight.fact(STATUS);
    if !matches!(status.as_str(), "Failed" | "Stopped") {
        let text = format!("it is {status}: only a run that failed or was stopped goes on");
        return Err(vec![refusal(Check::Status, &text, Some(call.cli(context.scope.region.as_str())))]);
    }
    let goal = Expectation::Shows {
        facts: Vec::new(),
        done: vec![Text::new("Executing"), Text::new("Succeeded")],
        failed: vec![Text::new("Failed"), Text::new("Stopped")],
    };
    let inverse = Inverse::Call(Box::new(call::stop_execution(execution)));
    let failure = sight.failure.clone().unwrap_or_default();
    let row =
        Row { name: "status".into(), before: status.to_string(), after: "Executing".into(), note: failure.to_string() };
    let plan = Plan {
        from: Side::state(status.as_str()),
        to: Side::state("Executing"),
        rows: vec![row],
        steps: vec![Step::new(call).main(goal, 10 * MINUTE).inverse(inverse)],
        findings: vec![Finding::ok(
            Check::Status,
            "steps that succeeded are not run again; parameters stay as they were",
        )],
        stop: "S on the run stops it".to_owned(),
        undo: "S on the run stops it; what it has done stays".to_owned(),
        vanish: "one call: it runs in AWS, whoever watches".to_owned(),
        weight: Weight::Light,
        ..Plan::draft(intent, context, name_of(execution), execution.clone(), Basis::of(sight, &[STATUS]))
    };
    Ok(plan.sealed())
}

pub(super) fn answer(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::Callback { execution, step, failure, outputs } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no callback", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let status = sight.fact(STATUS);
    if !matches!(status.as_str(), "Executing" | "Stopping") {
        let text = format!("the run is {status}: nobody waits for an answer");
        return Err(vec![refusal(Check::Status, &text, None)]);
    }
    let waiting = waits(facts, step.as_ref())?;
    let why = |said: &Text| match (said.is_empty(), &intent.reason) {
        (false, _) => said.clone(),
        (true, Some(reason)) => reason.clone(),
        (true, None) => Text::new(&format!("answered by {} with mldeck", context.by.raw())),
    };
    let failure = failure.as_ref().map(why);
    let failure_text = failure.as_ref().map(Text::raw);
    let call = call::answer_callback(&waiting.token.raw(), failure_text.as_deref(), outputs);
    let word = if failure.is_some() { "failure" } else { "success" };
    let mut rows = vec![Row {
        name: waiting.step.to_string(),
        before: waiting.since.map_or_else(|| "waiting".to_owned(), |since| format!("waiting since {}", since.full())),
        after: word.into(),
        note: failure.as_ref().map(Text::to_string).unwrap_or_default(),
    }];
    rows.extend(outputs.iter().map(|(name, value)| Row {
        name: name.to_string(),
        before: String::new(),
        after: crate::mask::value(&name.raw(), &value.raw()).to_string(),
        note: "output".into(),
    }));
    let mut findings = Vec::new();
    if failure.is_none() && outputs.is_empty() {
        let text = "it is answered without outputs: a step that needs one of them fails";
        findings.push(Finding::warn(Check::Config, text).remedy("mldeck answer … --result NAME=VALUE gives them."));
    }
    let never = Inverse::None("an answer stays given".to_owned());
    let plan = Plan {
        from: Side::state("waiting"),
        to: Side::state(word),
        rows,
        steps: vec![Step::new(call).main(Expectation::Answer, 5 * MINUTE).inverse(never)],
        findings,
        undo: "an answer stays given".to_owned(),
        weight: Weight::Target,
        ..Plan::one_call(intent, context, name_of(execution), execution.clone(), Basis::of(sight, &[STATUS]))
    };
    Ok(plan.sealed())
}

/// The callback step that is meant.
fn waits<'a>(facts: &'a Facts, step: Option<&Text>) -> Result<&'a Waiting, Vec<Refusal>> {
    let no =
        |text: String, remedy: Option<String>| Err(vec![Refusal { remedy, ..refusal(Check::Status, &text, None) }]);
    let waiting = match &facts.waiting {
        Some(Ok(waiting)) => waiting.as_slice(),
        Some(Err(fault)) => {
            return no(format!("its steps could not be read: {}", fault.kind.brief()), Some(fault.remedy()));
        }
        None => return no("its steps were not read".to_owned(), None),
    };
    let names = || waiting.iter().map(|one| one.step.to_string()).collect::<Vec<_>>().join(", ");
    match (step, waiting) {
        (_, []) => no("no callback step waits for an answer".to_owned(), None),
        (None, [one]) => Ok(one),
        (None, _) => no(format!("several callback steps wait: {}", names()), Some("Name one of them.".to_owned())),
        (Some(step), _) => match waiting.iter().find(|one| one.step == *step) {
            Some(one) => Ok(one),
            None => no(format!("{step} does not wait for an answer; {} does", names()), None),
        },
    }
}

/// `fraud-train/4f2k9` of an execution's ARN.
pub(super) fn name_of(execution: &Text) -> Text {
    let raw = execution.raw();
    let mut parts = raw.rsplit('/');
    let (id, _, pipeline) = (parts.next(), parts.next(), parts.next());
    match (pipeline, id) {
        (Some(pipeline), Some(id)) => Text::new(&format!("{pipeline}/{id}")),
        _ => Text::new(id::arn_tail(&raw)),
    }
}
