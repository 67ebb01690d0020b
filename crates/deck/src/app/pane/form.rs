//! A few fields to fill in before a change is planned: shares and counts of variants, parameters of a pipeline.

use mldeck_core::{
    ask::{Answer, Ask},
    column::Tone,
    fault::{Fault, FaultKind},
    mask,
    ops::{
        call::{Edits, VariantChange, copy},
        intent::Change,
        target::{Kind as Thing, Seen, Sight, Target},
        verb::pipeline::{Parameter, objection, parameters},
    },
    resource::{Kind, endpoint::Variant},
    text::Text,
};
use serde_json::Value;

use super::{Opened, Scroll, Subject};
use crate::app::{
    command::{Command, Scope},
    field::Field,
    look::{Line, Look, Notice, Share},
    model::Model,
    msg::{Effect, Slot},
    ops,
    polls::Want,
};

mod blank;

pub use blank::{Blank, SHARE};

/// What the fields are for.
enum About {
    Blank(Blank),
    /// The variants are read anew: a count in a list may be autoscaling's of an hour ago.
    Traffic {
        endpoint: Text,
        live: Option<Vec<Variant>>,
    },
    Pipeline {
        pipeline: Text,
        before: Vec<(Text, Text)>,
        declared: Option<Vec<Parameter>>,
    },
    /// A job once more: what may differ from the source.
    Copy {
        source: Target,
        /// Each field's value in the source, once that was read.
        before: Option<Vec<String>>,
        /// Of a labeling job: what is to be labeled instead, as far as that is known.
        sample: Option<String>,
    },
}

/// Where a copy's field stands in the description of its source.
struct Member {
    label: &'static str,
    pointer: String,
}

struct Entry {
    label: String,
    field: Field,
    hint: String,
}

pub struct FormView {
    about: About,
    fault: Option<Fault>,
    entries: Vec<Entry>,
    cursor: usize,
    scroll: Scroll,
    gone: bool,
}

impl FormView {
    /// Weight and count of each live variant, as they are.
    pub const fn traffic(endpoint: Text) -> Self {
        Self::with(About::Traffic { endpoint, live: None }, Vec::new())
    }

    /// The parameters of a pipeline, with the values of an earlier run.
    pub fn pipeline(pipeline: Text, before: Vec<(Text, Text)>) -> Self {
        Self::with(About::Pipeline { pipeline, before, declared: None }, Vec::new())
    }

    /// A job like this one, with what may be changed.
    pub const fn copy(source: Target) -> Self {
        Self::with(About::Copy { source, before: None, sample: None }, Vec::new())
    }

    /// A labeling job like this one, for a sample that is described by `sample`: its manifest has to be named.
    pub const fn label(source: Target, sample: String) -> Self {
        Self::with(About::Copy { source, before: None, sample: Some(sample) }, Vec::new())
    }

    pub fn blank(blank: Blank) -> Self {
        let entries = blank.entries();
        Self::with(About::Blank(blank), entries)
    }

    const fn with(about: About, entries: Vec<Entry>) -> Self {
        Self { about, fault: None, entries, cursor: 0, scroll: Scroll(0), gone: false }
    }

    /// The fields of the variants that serve now. One variant alone has all traffic, whatever its weight.
    fn show(&mut self, variants: &[Variant]) {
        let About::Traffic { live, .. } = &mut self.about else { return };
        if live.is_some() {
            return;
        }
        *live = Some(variants.to_vec());
        if variants.len() > 1 {
            self.entries.extend(variants.iter().map(|variant| Entry {
                label: format!("weight {}", variant.name),
                field: Field::new(&variant.desired_weight.unwrap_or(0.0).to_string()),
                hint: variant.label.as_ref().unwrap_or(&variant.name).to_string(),
            }));
        }
        self.entries.extend(variants.iter().filter_map(|variant| {
            let (kind, count) = (variant.instance_type.as_ref()?, variant.desired_count?);
            let hint = format!("{kind}, {} run now", variant.current_count.unwrap_or(count));
            Some(Entry { label: format!("instances {}", variant.name), field: Field::new(&count.to_string()), hint })
        }));
    }

    const fn is_ready(&self) -> bool {
        match &self.about {
            About::Traffic { live, .. } => live.is_some(),
            About::Pipeline { declared, .. } => declared.is_some(),
            About::Copy { before, .. } => before.is_some(),
            About::Blank(_) => true,
        }
    }

    /// The fields of a copy, with the values of its source. A secret is not shown, so it cannot be changed here.
    fn take_from(&mut self, sight: &Sight) {
        let About::Copy { source, before, sample } = &mut self.about else { return };
        if before.is_some() {
            return;
        }
        let known = members(source.kind).into_iter().filter_map(|member| {
            let value = sight.fact(&member.pointer).raw();
            (!value.is_empty()).then(|| (member.label.to_owned(), value))
        });
        let parameters = sight.body.get("HyperParameters").and_then(Value::as_object).into_iter().flatten();
        let parameters = parameters.filter_map(|(name, value)| {
            let value = value.as_str()?;
            let open = !name.starts_with('_') && mask::value(name, value).raw() == value;
            open.then(|| (format!("{HYPER}{name}"), value.to_owned()))
        });
        let fields: Vec<(String, String)> = known.chain(parameters).collect();
        let entry = |(label, value): &(String, String)| Entry {
            label: Text::new(label).to_string(),
            field: Field::new(value),
            hint: String::new(),
        };
        self.entries = fields.iter().map(entry).collect();
        if let (Some(sample), Some(manifest)) = (sample, self.entries.iter_mut().find(|entry| entry.label == MANIFEST))
        {
            manifest.field = Field::new("");
            manifest.hint.clone_from(sample);
        }
        *before = Some(fields.into_iter().map(|(_, value)| value).collect());
    }

    /// Only what was changed is asked for.
    fn copy_intent(&self, source: &Target, before: &[String]) -> Result<Change, String> {
        let mut edits = Edits::default();
        for (entry, before) in self.entries.iter().zip(before) {
            let typed = entry.field.text().trim();
            if typed == before {
                continue;
            }
            let number = || typed.parse::<i64>().map_err(|_| format!("{} is no whole number.", entry.label));
            match entry.label.as_str() {
                TYPE => edits.instance_type = Some(Text::new(typed)),
                COUNT => edits.instance_count = Some(number()?),
                LONGEST => edits.longest = Some(number()?),
                MANIFEST if typed.is_empty() => {
                    return Err("The manifest is missing: the S3 URI of one JSON line for each object.".to_owned());
                }
                MANIFEST => edits.manifest = Some(Text::new(typed)),
                label => {
                    let name = Text::unescape(label.trim_start_matches(HYPER));
                    edits.hyperparameters.push((Text::new(&name), Text::new(typed)));
                }
            }
        }
        Ok(Change::CloneJob { source: source.clone(), edits })
    }

    /// The fields of the parameters that a definition declares.
    fn declare(&mut self, found: Vec<Parameter>) {
        let About::Pipeline { before, declared, .. } = &mut self.about else { return };
        if declared.is_some() {
            return;
        }
        let value = |parameter: &Parameter| {
            let known = before.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value);
            // A masked value is not a value: then the default stands.
            let known = known.filter(|value| !value.as_str().starts_with('‹'));
            known.or(parameter.default.as_ref()).map(Text::raw).unwrap_or_default()
        };
        let hint = |parameter: &Parameter| match (&parameter.default, parameter.allowed.as_slice()) {
            (Some(default), []) => format!("{}, by default {default}", parameter.kind),
            (None, []) => format!("{}, has no default", parameter.kind),
            (_, allowed) => allowed.iter().map(Text::as_str).collect::<Vec<_>>().join(" | "),
        };
        self.entries = found
            .iter()
            .map(|parameter| Entry {
                label: parameter.name.to_string(),
                field: Field::new(&value(parameter)),
                hint: hint(parameter),
            })
            .collect();
        *declared = Some(found);
    }

    /// The change that the fields ask for, or what is wrong with one of them.
    fn intent(&self) -> Result<Change, String> {
        match &self.about {
            About::Traffic { endpoint, live } => {
                let live = live.as_deref().ok_or("Its variants are still being read.")?;
                self.traffic_intent(endpoint, live)
            }
            About::Pipeline { pipeline, declared, .. } => {
                let declared = declared.as_deref().ok_or("The definition is still being read.")?;
                let mut given = Vec::new();
                for (parameter, entry) in declared.iter().zip(&self.entries) {
                    let value = entry.field.text();
                    if let Some(wrong) = objection(parameter, value) {
                        return Err(wrong);
                    }
                    if !parameter.default.as_ref().is_some_and(|default| same(&default.raw(), value)) {
                        given.push((parameter.name.clone(), Text::new(value)));
                    }
                }
                let name = Text::default();
                Ok(Change::StartPipeline { pipeline: pipeline.clone(), name, parameters: given })
            }
            About::Blank(blank) => {
                let typed: Vec<&str> = self.entries.iter().map(|entry| entry.field.text()).collect();
                blank.intent(&typed)
            }
            About::Copy { source, before, .. } => {
                let before = before.as_deref().ok_or("Its description is still being read.")?;
                self.copy_intent(source, before)
            }
        }
    }

    /// Only what was changed is asked for: a count that nobody touched is autoscaling's.
    fn traffic_intent(&self, endpoint: &Text, live: &[Variant]) -> Result<Change, String> {
        let typed =
            |label: String| self.entries.iter().find(|entry| entry.label == label).map(|e| e.field.text().trim());
        let mut weights = Vec::new();
        let mut variants: Vec<VariantChange> = Vec::new();
        for variant in live {
            let weight = match typed(format!("weight {}", variant.name)) {
                Some(text) => {
                    let text = text.trim_end_matches('%').trim();
                    text.parse().map_err(|_| format!("The weight of {} is no number.", variant.name))?
                }
                None => variant.desired_weight.unwrap_or(1.0),
            };
            weights.push(weight);
            let count = match typed(format!("instances {}", variant.name)).filter(|text| !text.is_empty()) {
                Some(text) => {
                    Some(text.parse().map_err(|_| format!("The count of {} is no whole number.", variant.name))?)
                }
                None => None,
            };
            let count = count.filter(|count| Some(*count) != variant.desired_count);
            variants.push(VariantChange { variant: variant.name.clone(), weight: Some(weight), count });
        }
        let same = live.iter().zip(&weights).all(|(variant, weight)| variant.desired_weight.unwrap_or(1.0) == *weight);
        if same {
            variants.retain(|change| change.count.is_some());
            for change in &mut variants {
                change.weight = None;
            }
        }
        if variants.is_empty() {
            return Err("Nothing was changed.".to_owned());
        }
        Ok(Change::Traffic { endpoint: endpoint.clone(), variants })
    }

    /// What the weights mean as shares, as far as they are numbers.
    fn preview(&self) -> Option<String> {
        let About::Traffic { live: Some(live), .. } = &self.about else { return None };
        if live.len() < 2 {
            return None;
        }
        let weights: Vec<f64> = live
            .iter()
            .filter_map(|variant| {
                let label = format!("weight {}", variant.name);
                let entry = self.entries.iter().find(|entry| entry.label == label)?;
                entry.field.text().trim().trim_end_matches('%').parse::<f64>().ok().filter(|weight| *weight >= 0.0)
            })
            .collect();
        let sum: f64 = weights.iter().sum();
        if weights.len() != live.len() || sum <= 0.0 {
            return Some("the weights are not yet numbers with a sum above 0".to_owned());
        }
        let share = |(variant, weight): (&Variant, &f64)| format!("{} {:.0} %", variant.name, weight / sum * 100.0);
        Some(live.iter().zip(&weights).map(share).collect::<Vec<_>>().join(", "))
    }

    fn lines(&self) -> Vec<Line> {
        let width = self.entries.iter().map(|entry| entry.label.chars().count()).max().unwrap_or(0);
        let mut out: Vec<Line> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let here = at == self.cursor;
            let (mark, tone) = if here { ("▏", Tone::Accent) } else { ("", Tone::Plain) };
            out.push(vec![
                (format!("  {:<width$}  ", entry.label), if here { Tone::Strong } else { Tone::Dim }),
                (format!("{}{mark}", Text::new(entry.field.text())), tone),
                (format!("   {}", entry.hint), Tone::Dim),
            ]);
        }
        if let Some(preview) = self.preview() {
            out.push(Vec::new());
            out.push(vec![("  traffic  ".to_owned(), Tone::Dim), (preview, Tone::Plain)]);
        }
        out
    }

    fn move_by(&mut self, step: isize) {
        let count = self.entries.len();
        if count > 0 {
            self.cursor = (self.cursor + count).wrapping_add_signed(step) % count;
        }
    }
}

/// `32` is `32.0`, however a definition spells it.
fn same(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= f64::EPSILON * a.abs().max(b.abs()),
        _ => a == b,
    }
}

impl Opened for FormView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Text]
    }

    fn title(&self, _model: &Model) -> Line {
        let title = match &self.about {
            About::Traffic { endpoint, .. } => format!("Traffic and capacity of {endpoint}"),
            About::Pipeline { pipeline, .. } => format!("Start {pipeline}"),
            About::Blank(blank) => blank.title(),
            About::Copy { source, .. } => format!("A {} like {}", source.kind.words(), source.id),
        };
        vec![(title, Tone::Strong), ("   nothing is sent before its plan is confirmed".to_owned(), Tone::Dim)]
    }

    fn look<'a>(&'a self, _model: &'a Model) -> Look<'a> {
        if !self.is_ready() {
            return Look::Notice(match &self.fault {
                Some(fault) => super::table::fault_notice(fault, Tone::Bad),
                None => Notice::new(Tone::Dim, "Reading what it is now …").line("Esc leaves."),
            });
        }
        let mut lines = self.lines();
        if lines.is_empty() {
            let text = match &self.about {
                About::Traffic { .. } => "  Serverless: it has neither instances nor shares to change.",
                About::Pipeline { .. } => "  It has no parameters: Enter plans the start.",
                About::Blank(_) => "  There is nothing to fill in: Enter plans it.",
                About::Copy { .. } => "  Nothing of it can be changed here: Enter plans the copy.",
            };
            lines.push(vec![(text.to_owned(), Tone::Plain)]);
        }
        let hint = vec![(" tab, up and down: the next field    Enter: the plan    Esc leaves".to_owned(), Tone::Dim)];
        Look::Rows(vec![
            (Share::Part(1), Look::Doc { lines, scroll: self.scroll.0 }),
            (Share::Fixed(1), Look::Doc { lines: vec![hint], scroll: 0 }),
        ])
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        match command {
            Command::Complete | Command::RecallNext => self.move_by(1),
            Command::CompletePrevious | Command::RecallPrevious => self.move_by(-1),
            Command::Accept => match self.intent() {
                Ok(intent) => {
                    self.gone = true;
                    ops::plan(model, intent);
                }
                Err(wrong) => model.complain(wrong),
            },
            _ => return self.entries.get_mut(self.cursor).is_some_and(|entry| entry.field.on(command)),
        }
        true
    }

    fn type_in(&mut self, _model: &mut Model, text: &str, _burst: bool) -> bool {
        if let Some(entry) = self.entries.get_mut(self.cursor) {
            entry.field.insert(text);
        }
        true
    }

    fn is_done(&self) -> bool {
        self.gone
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        if self.is_ready() || self.gone {
            return Vec::new();
        }
        let target = match &self.about {
            About::Pipeline { pipeline, .. } => Target::new(Thing::Pipeline, pipeline.clone()),
            About::Traffic { endpoint, .. } => Target::endpoint(endpoint.clone()),
            About::Copy { source, .. } => source.clone(),
            About::Blank(_) => return Vec::new(),
        };
        vec![Want::once(Slot::Facts, Ask::Target(target))]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::Facts {
            return false;
        }
        match result {
            Ok(Answer::Seen(Seen::Thing(sight))) if matches!(self.about, About::Copy { .. }) => self.take_from(sight),
            Ok(Answer::Seen(Seen::Thing(sight))) => self.declare(parameters(sight)),
            Ok(Answer::Seen(Seen::Endpoint(row))) => {
                let variants = row.details.as_ref().map(|details| details.variants.clone());
                self.show(&variants.unwrap_or_default());
            }
            Ok(Answer::Seen(Seen::Gone)) => {
                self.fault = Some(Fault::new(FaultKind::Missing, "reading what it is now", ""));
            }
            Ok(_) => return false,
            Err(fault) => self.fault = Some(fault.clone()),
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        match &self.about {
            About::Traffic { endpoint, .. } => {
                Some(Subject { kind: Kind::Endpoint, name: endpoint.clone(), arn: None })
            }
            About::Blank(Blank::Shadow { endpoint }) => {
                Some(Subject { kind: Kind::Endpoint, name: endpoint.clone(), arn: None })
            }
            About::Blank(Blank::Review { .. }) | About::Pipeline { .. } | About::Copy { .. } => None,
        }
    }
}

const TYPE: &str = "instance type";
const COUNT: &str = "instances";
const LONGEST: &str = "longest run, s";
const MANIFEST: &str = "manifest";
/// Before the name of a hyperparameter, so that none is taken for another field.
const HYPER: &str = "· ";

/// What may differ in a copy of such a job, besides hyperparameters.
fn members(kind: Thing) -> Vec<Member> {
    let fleet = copy::fleet(kind).map(|fleet| {
        [(TYPE, "InstanceType"), (COUNT, "InstanceCount")]
            .map(|(label, member)| Member { label, pointer: format!("{fleet}/{member}") })
    });
    let own = |label, pointer: &str| Member { label, pointer: pointer.to_owned() };
    let more = match kind {
        Thing::TrainingJob | Thing::ProcessingJob => Some(own(LONGEST, "/StoppingCondition/MaxRuntimeInSeconds")),
        Thing::LabelingJob => Some(own(MANIFEST, "/InputConfig/DataSource/S3DataSource/ManifestS3Uri")),
        _ => None,
    };
    fleet.into_iter().flatten().chain(more).collect()
}
