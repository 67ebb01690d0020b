//! A job once more: training, processing, transform or labeling, from its description or from a template.

use serde_json::Value;

use super::{absent, back_out::Row, blocks, by_hand, refusal, sight, words};
use crate::{
    ops::{
        call::{self, Call, Edits, copy},
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Expectation, Inverse, Plan, Refusal, Side, Step},
        prices,
        snapshot::Facts,
        target::{Kind, Sight, Target},
    },
    text::Text,
    time::{self, DAY, HOUR, SECOND},
};

mod people;

pub(super) use people::Crowd;
pub use people::captured;

/// What SageMaker allows a job that names no limit, seconds (API reference of `StoppingCondition`).
const LONGEST: i64 = 86_400;
/// US dollars above which a run is confirmed by more than a key.
const COSTLY: f64 = 100.0;
/// From the order to the first second of work, and from the last to the status: instances may be short.
const AROUND: i64 = 2 * HOUR;

/// A job that is to be made, whatever it is made from.
struct Made<'a> {
    kind: Kind,
    /// As people call it: the source's name, or the template's.
    name: Text,
    call: Call,
    source: Option<&'a Sight>,
    facts: &'a Facts,
    context: &'a Context,
}

pub(super) fn plan(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::CloneJob { source, edits } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no job", None)]);
    };
    let sight = sight(facts, source)?;
    let mut findings = Vec::new();
    let tags = match &facts.tags {
        Some(Ok(tags)) => tags.as_slice(),
        Some(Err(fault)) => {
            let text = format!("its tags could not be read ({}): the copy has none", fault.kind.brief());
            findings.push(Finding::warn(Check::Owner, text));
            &[]
        }
        None => &[],
    };
    let call = call::copy(source.kind, &source.id.raw(), &sight.body, tags, edits)
        .map_err(|why| vec![refusal(Check::Config, &why, None)])?;
    findings.extend(inherited(sight, edits));
    let made = Made { kind: source.kind, name: source.id.clone(), call, source: Some(sight), facts, context };
    made.plan(intent, findings)
}

pub(super) fn start(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::StartJob { kind, template } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no job", None)]);
    };
    let odd = |why: &str| vec![refusal(Check::Config, why, None)];
    let body: Value =
        serde_json::from_str(&template.raw()).map_err(|error| odd(&format!("the template is no JSON: {error}")))?;
    let call = call::create(*kind, &body).map_err(|why| odd(&why))?;
    let name = Text::new(body.get(kind.parameter()).and_then(Value::as_str).unwrap_or_default());
    Made { kind: *kind, name, call, source: None, facts, context }.plan(intent, Vec::new())
}

/// What a copy takes over from its source and a person may not expect.
fn inherited(source: &Sight, edits: &Edits) -> Vec<Finding> {
    let mut out = Vec::new();
    let checkpoints = source.fact("/CheckpointConfig/S3Uri");
    if !checkpoints.is_empty() {
        let text = format!("it shares the checkpoints at {checkpoints}: it may go on where its source ended");
        out.push(Finding::warn(Check::Artifact, text));
    }
    let wait = source.body.pointer("/StoppingCondition/MaxWaitTimeInSeconds").and_then(Value::as_i64);
    if let (Some(wait), Some(longest)) = (wait, edits.longest)
        && longest > wait
    {
        let text = format!("it may wait for spot instances and run {wait} s in all, which is less than {longest} s");
        out.push(Finding::block(Check::Config, text));
    }
    out
}

impl Made<'_> {
    fn body(&self) -> &Value {
        &self.call.body
    }

    fn text(&self, pointer: &str) -> Text {
        self.body().pointer(pointer).and_then(Value::as_str).map(Text::new).unwrap_or_default()
    }

    fn is_labeling(&self) -> bool {
        self.kind == Kind::LabelingJob
    }

    fn target(&self) -> Target {
        Target::new(self.kind, copy::copy_name(&self.name.raw()))
    }

    fn plan(&self, intent: &Intent, mut findings: Vec<Finding>) -> Result<Plan, Vec<Refusal>> {
        findings.extend(self.overwritten());
        if self.is_labeling() {
            findings.extend(people::findings(self.body(), self.facts.captured.as_ref()));
        }
        let basis = absent(self.facts, &mut findings);
        findings.sort_by_key(|finding| finding.severity);
        let blocked = blocks(&findings, Some(&by_hand([&self.call], self.context)));
        if !blocked.is_empty() {
            return Err(blocked);
        }
        let from = self.source.map_or_else(Side::default, |source| Side::state(source.status.as_str()));
        let (goal, deadline) = self.goal();
        let stays = "S on it stops it while it runs; what it has written stays".to_owned();
        let step = Step::new(self.call.clone()).main(goal, deadline).inverse(Inverse::None(stays.clone()));
        let arn = self
            .source
            .map(|source| source.fact(&format!("/{}", self.kind.parameter().replace("Name", "Arn"))))
            .unwrap_or_default();
        let target = self.target();
        let mut plan = Plan {
            from,
            to: Side { config: target.id.clone(), label: "a new job".to_owned() },
            found_by: if self.source.is_some() { "your choice" } else { "your template" }.to_owned(),
            rows: self.rows(),
            steps: vec![step],
            findings,
            stop: format!("`mldeck stop {} {}` stops it", self.word(), target.id),
            undo: stays,
            vanish: "one call: AWS runs it, whoever watches".to_owned(),
            weight: self.weight(),
            ..Plan::draft(intent, self.context, self.name.clone(), arn, basis)
        };
        plan.target = target;
        Ok(plan.sealed())
    }

    /// As `mldeck stop` calls it.
    const fn word(&self) -> &'static str {
        match self.kind {
            Kind::ProcessingJob => "processing",
            Kind::TransformJob => "transform",
            Kind::LabelingJob => "labeling",
            _ => "training",
        }
    }

    /// Machines are done when they are done; people take days, so a labeling job is done for us once it has begun.
    fn goal(&self) -> (Expectation, i64) {
        let shows = |done: &[&str]| Expectation::Shows {
            facts: Vec::new(),
            done: words(done),
            failed: words(&["Failed", "Stopped"]),
        };
        if self.is_labeling() {
            return (shows(&["InProgress", "Completed"]), AROUND);
        }
        let limit = self.longest().map_or(5 * DAY, |seconds| seconds.saturating_mul(SECOND));
        (shows(&["Completed"]), limit.saturating_add(AROUND))
    }

    /// Seconds that it may run, with the wait for spot instances; `None` where AWS sets no limit.
    fn longest(&self) -> Option<i64> {
        let limit = |name: &str| self.body().pointer(&format!("/StoppingCondition/{name}")).and_then(Value::as_i64);
        match self.kind {
            Kind::TrainingJob | Kind::ProcessingJob => {
                Some(limit("MaxWaitTimeInSeconds").or_else(|| limit("MaxRuntimeInSeconds")).unwrap_or(LONGEST))
            }
            _ => None,
        }
    }

    /// Nobody is served by a job; what it overwrites, people who are paid, and much money are harm.
    fn weight(&self) -> Weight {
        match self.kind {
            Kind::LabelingJob => people::weight(self.body()),
            Kind::TrainingJob if self.most().is_some_and(|usd| usd <= COSTLY) => Weight::Light,
            _ => Weight::Target,
        }
    }

    /// Training and labeling write below their own name; the others write again where their source wrote.
    fn overwritten(&self) -> Vec<Finding> {
        let outputs: Vec<Text> = match self.kind {
            Kind::ProcessingJob => {
                let list = self.body().pointer("/ProcessingOutputConfig/Outputs").and_then(Value::as_array);
                let uri = |output: &Value| Some(Text::new(output.pointer("/S3Output/S3Uri")?.as_str()?));
                list.into_iter().flatten().filter_map(uri).collect()
            }
            Kind::TransformJob => vec![self.text("/TransformOutput/S3OutputPath")],
            _ => Vec::new(),
        };
        let warn =
            |uri: &Text| Finding::warn(Check::Artifact, format!("it overwrites what its source wrote below {uri}"));
        outputs.iter().filter(|uri| !uri.is_empty()).map(warn).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let row = |name: &str, before: String, after: String, note: &str| Row {
            name: name.to_owned(),
            before,
            after,
            note: note.to_owned(),
        };
        let made = self.target().id.to_string();
        let mut out = vec![row("job", self.name.to_string(), made, self.kind.words())];
        let was = |pointer: &str| self.source.map(|source| source.fact(pointer).to_string()).unwrap_or_default();
        let is = |pointer: &str| match self.body().pointer(pointer) {
            Some(Value::String(text)) => Text::new(text).to_string(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let fleet = call::copy::fleet(self.kind).unwrap_or_default();
        let runtime = "/StoppingCondition/MaxRuntimeInSeconds";
        for (name, pointer) in [
            ("instance type", format!("{fleet}/InstanceType")),
            ("instances", format!("{fleet}/InstanceCount")),
            ("longest, s", runtime.to_owned()),
            ("output", output_of(self.kind).to_owned()),
            ("manifest", "/InputConfig/DataSource/S3DataSource/ManifestS3Uri".to_owned()),
            ("work team", "/HumanTaskConfig/WorkteamArn".to_owned()),
            ("role", "/RoleArn".to_owned()),
        ] {
            let (before, after) = (was(&pointer), is(&pointer));
            if !after.is_empty() {
                out.push(row(name, before, after, ""));
            }
        }
        out.extend(self.hyperparameters());
        out.push(self.cost());
        out
    }

    /// Those that differ, and those that only one side has.
    fn hyperparameters(&self) -> Vec<Row> {
        let of = |body: &Value, name: &str| {
            let value = body.pointer("/HyperParameters").and_then(|all| all.get(name)).and_then(Value::as_str);
            value.map(|value| crate::mask::value(name, value).to_string()).unwrap_or_default()
        };
        let empty = Value::Null;
        let before = self.source.map_or(&empty, |source| &source.body);
        let mut names: Vec<&String> = [before, self.body()]
            .into_iter()
            .filter_map(|body| body.get("HyperParameters")?.as_object())
            .flat_map(serde_json::Map::keys)
            .collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .map(|name| (name, of(before, name), of(self.body(), name)))
            .filter(|(_, before, after)| self.source.is_some() && before != after)
            .map(|(name, before, after)| Row {
                name: Text::new(name).to_string(),
                before,
                note: if after.is_empty() { "left out: a tuning job's own" } else { "yours" }.to_owned(),
                after,
            })
            .collect()
    }

    fn cost(&self) -> Row {
        let (after, note) = match self.kind {
            Kind::LabelingJob => people::cost(self.body(), self.source),
            _ => self.machines(),
        };
        Row { name: "costs".to_owned(), before: String::new(), after, note }
    }

    /// US dollars for the longest run; `None` where a price or a limit is not known.
    fn most(&self) -> Option<f64> {
        let fleets = fleets(self.body(), call::copy::fleet(self.kind)?);
        let hour = prices::fleet(fleets.iter().map(|(kind, count)| (kind.as_str(), *count)))?;
        Some(hour * self.runtime()? as f64 / 3_600.0)
    }

    /// Seconds of work that are allowed; `None` where AWS sets no limit.
    fn runtime(&self) -> Option<i64> {
        let limit = self.body().pointer("/StoppingCondition/MaxRuntimeInSeconds").and_then(Value::as_i64);
        self.longest().map(|_| limit.unwrap_or(LONGEST))
    }

    fn machines(&self) -> (String, String) {
        let fleet = call::copy::fleet(self.kind).unwrap_or_default();
        let fleets = fleets(self.body(), fleet);
        let hour = prices::fleet(fleets.iter().map(|(kind, count)| (kind.as_str(), *count)));
        let list: Vec<String> = fleets.iter().map(|(kind, count)| format!("{count} × {}", Text::new(kind))).collect();
        let rate = format!("{}: {}/h; {}", list.join(", "), prices::dollars(hour), self.provenance());
        match self.runtime() {
            Some(seconds) => {
                let most = prices::dollars(self.most());
                (format!("{most} at most"), format!("{} of {rate}", time::span(seconds.saturating_mul(SECOND))))
            }
            None => (format!("{}/h", prices::dollars(hour)), format!("until it is done; {rate}")),
        }
    }

    fn provenance(&self) -> String {
        prices::provenance(self.context.scope.region.as_str())
    }
}

/// Type and number of what a body asks for.
fn fleets(body: &Value, pointer: &str) -> Vec<(String, i64)> {
    let Some(fleet) = body.pointer(pointer) else { return Vec::new() };
    let one = |of: &Value| {
        Some((of.get("InstanceType")?.as_str()?.to_owned(), of.get("InstanceCount").and_then(Value::as_i64)?))
    };
    match fleet.get("InstanceGroups").and_then(Value::as_array) {
        Some(groups) if !groups.is_empty() => groups.iter().filter_map(one).collect(),
        _ => one(fleet).into_iter().collect(),
    }
}

const fn output_of(kind: Kind) -> &'static str {
    match kind {
        Kind::ProcessingJob => "/ProcessingOutputConfig/Outputs/0/S3Output/S3Uri",
        Kind::TransformJob => "/TransformOutput/S3OutputPath",
        Kind::LabelingJob => "/OutputConfig/S3OutputPath",
        _ => "/OutputDataConfig/S3OutputPath",
    }
}
