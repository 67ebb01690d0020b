//! Shadow tests, which the API calls inference experiments: made, started, stopped, promoted. Each changes the endpoint, and
//! the service does that itself.

use serde_json::Value;

use super::{
    absent,
    back_out::Row,
    blocks, by_hand,
    promote::{model_like, name_of},
    refusal, sight, words,
};
use crate::{
    id,
    ops::{
        call::{self, Ending, ShadowSide, ShadowTest, shadow},
        confirm::Weight,
        guard::{Check, Finding},
        intent::{Change, Context, Intent},
        plan::{Basis, Expectation, Inverse, Plan, Refusal, Side, Step},
        prices,
        snapshot::Facts,
        target::{Kind, Sight, Target},
    },
    text::Text,
    time::HOUR,
};

const STATUS: &str = "/Status";
/// Two deployments of the endpoint, each with its instances.
const LONGEST_CHANGE: i64 = 3 * HOUR;
/// What the shadow is called beside its production variant.
const SHADOW: &str = "shadow";

/// The endpoint config of what is to be tested: known once the endpoint was described.
pub fn config_of(facts: &Facts, test: &ShadowTest) -> Option<Target> {
    let endpoint = sight(facts, &Target::endpoint(test.endpoint.clone())).ok()?;
    let config = endpoint.fact("/EndpointConfigName");
    (!config.is_empty()).then(|| Target::new(Kind::EndpointConfig, config))
}

/// What is to be described next, once the endpoint was: its config, and for a version the model that serves.
pub fn unread(facts: &Facts, test: &ShadowTest) -> Option<Target> {
    let config = config_of(facts, test)?;
    let wanted = if facts.thing(&config).is_none() { config } else { live_model_of(facts, test)? };
    facts.thing(&wanted).is_none().then_some(wanted)
}

/// The model that serves, whose role and network one that is made of a version takes.
fn live_model_of(facts: &Facts, test: &ShadowTest) -> Option<Target> {
    test.version()?;
    let config = sight(facts, &config_of(facts, test)?).ok()?;
    let name = config.fact("/ProductionVariants/0/ModelName");
    (!name.is_empty()).then(|| Target::new(Kind::Model, name))
}

struct Case<'a> {
    test: &'a ShadowTest,
    endpoint: &'a Sight,
    config: &'a Sight,
    /// The model, or the version.
    model: &'a Sight,
}

pub(super) fn test(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::TestShadow(test) = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no shadow test", None)]);
    };
    let endpoint = sight(facts, &Target::endpoint(test.endpoint.clone()))?;
    let model = sight(facts, &test.subject())?;
    let Some(config) = config_of(facts, test) else {
        return Err(vec![refusal(Check::Config, "the endpoint names no config", None)]);
    };
    let like = live_model_of(facts, test).map_or(Ok(model), |live| sight(facts, &live))?;
    let case = Case { test, endpoint, config: sight(facts, &config)?, model };
    let production = case.production()?;
    let create = test.version().map(|version| model_like(&case.model_name(), version, like, context));
    let shadow = ShadowSide {
        variant: Text::new(if production.variant == SHADOW { "challenger" } else { SHADOW }),
        model: case.model_name(),
        instance_type: test.instance_type.clone().unwrap_or_else(|| production.instance_type.clone()),
        instance_count: test.instance_count.unwrap_or(production.instance_count),
    };
    let role = test.role.clone().unwrap_or_else(|| like.fact("/ExecutionRoleArn"));
    let call = call::create_shadow(test, &role.raw(), &production, &shadow);
    let mut findings = case.findings(&production, &shadow, &role);
    let basis = absent(facts, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    let blocked = blocks(&findings, Some(&by_hand(create.iter().chain([&call]), context)));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let name = Text::new(call.text("Name").unwrap_or_default());
    let ended = call::stop_shadow(&name, &production.variant.raw(), &shadow.variant.raw(), Ending::Remove, false, "");
    let (left, vanish) = match &create {
        Some(_) => (
            "; the model stays until it is deleted",
            "before the second call nothing but a model was made; after it AWS runs the test, whoever watches",
        ),
        None => ("", "one call: AWS runs the test, whoever watches"),
    };
    let mut plan = Plan {
        from: Side::state(production.model.as_str()),
        to: Side { config: name.clone(), label: format!("{} as its shadow", case.label()) },
        rows: case.rows(&production, &shadow, &name, context),
        main: create.iter().count(),
        undo: format!("stopped, {} is again as it was before{left}", test.endpoint),
        steps: create
            .map(Step::new)
            .into_iter()
            .chain([Step::new(call).main(runs(), LONGEST_CHANGE).inverse(Inverse::Call(Box::new(ended)))])
            .collect(),
        findings,
        stop: format!("`mldeck shadow stop {name}` ends it"),
        vanish: vanish.to_owned(),
        weight: Weight::Target,
        ..Plan::draft(intent, context, test.endpoint.clone(), endpoint.fact("/EndpointArn"), basis)
    };
    plan.target = Target::new(Kind::Experiment, name);
    Ok(plan.sealed())
}

fn runs() -> Expectation {
    Expectation::Shows { facts: Vec::new(), done: words(&["Running"]), failed: words(&["Cancelled", "Completed"]) }
}

impl Case<'_> {
    fn group(&self) -> Option<String> {
        self.test.version().map(|arn| {
            let group = self.model.fact("/ModelPackageGroupName").raw();
            if group.is_empty() { id::arn_tail(&arn.raw()).to_owned() } else { group }
        })
    }

    fn number(&self) -> Option<i64> {
        self.model.body.get("ModelPackageVersion").and_then(Value::as_i64)
    }

    /// Of the model that is tested, or that is made of the version.
    fn model_name(&self) -> Text {
        self.group().map_or_else(|| self.test.model.clone(), |group| name_of(&group, self.number()))
    }

    /// `fraud v18`, or the model's name.
    fn label(&self) -> String {
        match (self.group(), self.number()) {
            (Some(group), Some(number)) => Text::new(&format!("{group} v{number}")).to_string(),
            (Some(group), None) => Text::new(&group).to_string(),
            (None, _) => self.test.model.to_string(),
        }
    }

    /// The one variant that answers, with the instances that it has now.
    fn production(&self) -> Result<ShadowSide, Vec<Refusal>> {
        let list =
            |of: &Sight| of.body.get("ProductionVariants").and_then(Value::as_array).cloned().unwrap_or_default();
        let odd = |text: &str| vec![refusal(Check::VariantNames, text, None)];
        let (wanted, live) = (list(self.config), list(self.endpoint));
        let [variant] = wanted.as_slice() else {
            return Err(odd("a shadow test stands beside one production variant, and this endpoint has several"));
        };
        let text = |name: &str| Text::new(variant.get(name).and_then(Value::as_str).unwrap_or_default());
        let count = live.first().and_then(|live| live.get("CurrentInstanceCount")).and_then(Value::as_i64);
        let side = ShadowSide {
            variant: text("VariantName"),
            model: text("ModelName"),
            instance_type: text("InstanceType"),
            instance_count: count.or_else(|| variant.get("InitialInstanceCount")?.as_i64()).unwrap_or(1),
        };
        if side.model.is_empty() {
            return Err(odd("its variant serves inference components: a shadow test needs a model of its own there"));
        }
        if side.instance_type.is_empty() {
            return Err(odd("its variant is serverless: a shadow test needs instances"));
        }
        Ok(side)
    }

    fn findings(&self, production: &ShadowSide, shadow: &ShadowSide, role: &Text) -> Vec<Finding> {
        let mut out = Vec::new();
        let status = self.endpoint.fact("/EndpointStatus");
        if status != "InService" {
            out.push(Finding::block(Check::Status, format!("the endpoint is {status}: first that ends")));
        }
        let has_shadow = |of: &Sight| {
            of.body.get("ShadowProductionVariants").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
        };
        if has_shadow(self.endpoint) || has_shadow(self.config) {
            out.push(Finding::block(Check::VariantNames, "it has a shadow variant already"));
        }
        if self.config.body.get("AsyncInferenceConfig").is_some_and(|config| !config.is_null()) {
            out.push(Finding::block(Check::Config, "calls of an asynchronous endpoint are not copied"));
        }
        if self.test.share == 0 || self.test.share > 100 {
            out.push(Finding::block(Check::Weights, format!("{} % of the calls cannot be copied", self.test.share)));
        }
        if shadow.instance_count < 1 {
            out.push(Finding::block(Check::Counts, "a shadow has one instance at least"));
        }
        let approval = self.model.fact("/ModelApprovalStatus");
        if self.test.version().is_some() && approval != "Approved" {
            let text = format!("{} is {approval}: only what is Approved becomes a model", self.label());
            out.push(
                Finding::block(Check::Approval, text).remedy("A on the version, or mldeck approve, decides that."),
            );
        }
        if production.model == self.test.model {
            out.push(Finding::warn(Check::Model, "it is the model that serves: both will do the same"));
        }
        if role.is_empty() {
            let text = "no role is known in which the test may change the endpoint";
            out.push(Finding::block(Check::Owner, text).remedy("--role names one."));
        } else if self.test.role.is_none() {
            let text = format!("it changes the endpoint in the model's role, {}", id::arn_tail(role.as_str()));
            let remedy =
                "The role has to be allowed sagemaker:UpdateEndpoint and CreateEndpointConfig; --role names another.";
            out.push(Finding::warn(Check::Owner, text).remedy(remedy));
        }
        out.push(Finding::ok(Check::Weights, "callers are answered by the production variant alone"));
        out
    }

    fn rows(&self, production: &ShadowSide, shadow: &ShadowSide, name: &Text, context: &Context) -> Vec<Row> {
        let row =
            |label: &str, before: String, after: String, note: String| Row { name: label.into(), before, after, note };
        let hour = prices::fleet([(shadow.instance_type.as_str(), shadow.instance_count)]);
        let made = self.model.fact("/CreationTime");
        let of = |side: &ShadowSide| format!("{} × {}", side.instance_count, side.instance_type);
        vec![
            row("test", String::new(), name.to_string(), "ends by itself after 7 days".to_owned()),
            row("answers", production.model.to_string(), production.model.to_string(), of(production)),
            row("shadow", String::new(), shadow.model.to_string(), format!("made {}", when(&made))),
            row("copied", String::new(), format!("{} % of the calls", self.test.share), String::new()),
            row(
                "endpoint",
                "InService".to_owned(),
                "Updating, then InService".to_owned(),
                "a config of the test's own".into(),
            ),
            row(
                "costs",
                String::new(),
                format!("{}/h more", prices::dollars(hour)),
                format!("{}; {}", of(shadow), prices::provenance(context.scope.region.as_str())),
            ),
        ]
    }
}

/// The day of a time as Describe tells it.
fn when(seconds: &Text) -> String {
    let at = seconds.as_str().parse::<f64>().ok().map(crate::time::Timestamp::from_secs_f64);
    at.map_or_else(|| seconds.to_string(), |at| at.iso().chars().take(10).collect())
}

pub(super) fn start(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::StartShadow { test } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no shadow test", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let call = call::start_shadow(test);
    let status = sight.fact(STATUS);
    if status != "Created" {
        let text = format!("it is {status}: only one that is Created waits to be started");
        return Err(vec![refusal(Check::Status, &text, Some(call.cli(context.scope.region.as_str())))]);
    }
    let pair = Pair::of(sight);
    let inverse = match &pair {
        Some(pair) => Inverse::Call(Box::new(pair.stop(test, Ending::Remove, false, ""))),
        None => Inverse::None("its variants are not known".to_owned()),
    };
    let shadow = pair.as_ref().map(|pair| pair.model.clone()).unwrap_or_default();
    let plan = Plan {
        from: Side::state(status.as_str()),
        to: Side::state("Running"),
        rows: vec![
            status_row(&status, "Running"),
            endpoint_row(sight, format!("Updating, then InService with {shadow} as its shadow")),
        ],
        steps: vec![Step::new(call).main(runs(), LONGEST_CHANGE).inverse(inverse)],
        findings: vec![Finding::ok(Check::Weights, "callers are answered by the production variant alone")],
        stop: format!("once it is Running: `mldeck shadow stop {test}`"),
        undo: "stopped, the endpoint is again as it was before".to_owned(),
        vanish: "one call: AWS runs the test, whoever watches".to_owned(),
        weight: Weight::Target,
        ..Plan::draft(intent, context, test.clone(), sight.fact("/Arn"), Basis::of(sight, &[STATUS]))
    };
    Ok(plan.sealed())
}

/// The names of a test's two variants, and the model of the shadow.
struct Pair {
    production: String,
    shadow: String,
    model: Text,
}

impl Pair {
    fn of(sight: &Sight) -> Option<Self> {
        let production = sight.fact("/ShadowModeConfig/SourceModelVariantName").raw();
        let shadow = sight.fact("/ShadowModeConfig/ShadowModelVariants/0/ShadowModelVariantName").raw();
        let variants = sight.body.get("ModelVariants").and_then(Value::as_array)?;
        let of = variants.iter().find(|one| one.get("VariantName").and_then(Value::as_str) == Some(&shadow));
        let model = Text::new(of.and_then(|one| one.get("ModelName")?.as_str()).unwrap_or_default());
        (!production.is_empty() && !shadow.is_empty()).then_some(Self { production, shadow, model })
    }

    fn stop(&self, test: &Text, ending: Ending, waits: bool, reason: &str) -> call::Call {
        call::stop_shadow(test, &self.production, &self.shadow, ending, waits, reason)
    }
}

fn status_row(before: &Text, after: &str) -> Row {
    Row { name: "status".into(), before: before.to_string(), after: after.into(), note: "shadow test".into() }
}

fn endpoint_row(sight: &Sight, after: String) -> Row {
    let status = sight.fact("/EndpointMetadata/EndpointStatus");
    let note = sight.fact("/EndpointMetadata/EndpointName").to_string();
    Row { name: "endpoint".into(), before: status.to_string(), after, note }
}

pub(super) fn end(intent: &Intent, facts: &Facts, context: &Context) -> Result<Plan, Vec<Refusal>> {
    let Change::EndShadow { test, ending } = &intent.change else {
        return Err(vec![refusal(Check::Status, "it is about no shadow test", None)]);
    };
    let sight = sight(facts, &intent.change.target())?;
    let Some(pair) = Pair::of(sight) else {
        return Err(vec![refusal(Check::VariantNames, "its description does not name its two variants", None)]);
    };
    let status = sight.fact(STATUS);
    let waits = status == "Created";
    let why = intent.reason.as_ref().map(Text::raw).unwrap_or_default();
    let call = pair.stop(test, *ending, waits, &why);
    let promotes = *ending == Ending::Promote;
    if !(status == "Running" || waits && !promotes) {
        let text = match promotes {
            true => format!("it is {status}: only what runs has a shadow to promote"),
            false => format!("it is {status}: only what waits or runs can be stopped"),
        };
        return Err(vec![refusal(Check::Status, &text, Some(call.cli(context.scope.region.as_str())))]);
    }
    let (wanted, other) = if waits { ("Cancelled", "Completed") } else { ("Completed", "Cancelled") };
    let goal = Expectation::Shows { facts: Vec::new(), done: words(&[wanted]), failed: words(&[other]) };
    let endpoint = sight.fact("/EndpointMetadata/EndpointName");
    let after = match (promotes, waits) {
        (true, _) => format!("Updating, then {} alone answers; the variant from before is gone", pair.model),
        (false, true) => "stays as it is: nothing was changed yet".to_owned(),
        (false, false) => "Updating, then as before the test: the shadow is gone".to_owned(),
    };
    let never = if promotes {
        format!("B on {endpoint} plans the way back to what served before")
    } else {
        "a test that ended does not go on; it can be made again".to_owned()
    };
    let mut findings = Vec::new();
    if promotes {
        findings.extend(scaled(facts, &endpoint));
        let text = "the model that only got copies answers callers from then on, without a canary and without alarms";
        findings.push(Finding::warn(Check::Guardrails, text).remedy("P on its version goes step by step."));
    }
    let blocked = blocks(&findings, Some(&call.cli(context.scope.region.as_str())));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    let plan = Plan {
        from: Side::state(status.as_str()),
        to: Side::state(if promotes { pair.model.as_str() } else { wanted }),
        rows: vec![status_row(&status, wanted), endpoint_row(sight, after)],
        steps: vec![Step::new(call).main(goal, LONGEST_CHANGE).inverse(Inverse::None(never.clone()))],
        findings,
        stop: "it cannot be stopped".to_owned(),
        undo: never,
        vanish: "one call: AWS ends the test, whoever watches".to_owned(),
        weight: if promotes { Weight::Heavy } else { Weight::Target },
        ..Plan::draft(intent, context, test.clone(), sight.fact("/Arn"), Basis::of(sight, &[STATUS]))
    };
    Ok(plan.sealed())
}

/// The endpoint and the production variant of a test, for what is read besides its description.
pub fn replaced(test: &Sight) -> (Text, Text) {
    (test.fact("/EndpointMetadata/EndpointName"), test.fact("/ShadowModeConfig/SourceModelVariantName"))
}

/// AWS takes no variant away that is registered with autoscaling (API reference of UpdateEndpoint).
fn scaled(facts: &Facts, endpoint: &Text) -> Vec<Finding> {
    match &facts.scaling {
        Some(Ok(targets)) => targets
            .iter()
            .map(|target| {
                let text = format!("{} is autoscaled: AWS takes no such variant away", target.variant);
                Finding::block(Check::Scaling, text).remedy(format!(
                    "aws application-autoscaling deregister-scalable-target --service-namespace sagemaker \
                     --scalable-dimension sagemaker:variant:DesiredInstanceCount --resource-id \
                     endpoint/{endpoint}/variant/{}",
                    target.variant
                ))
            })
            .collect(),
        Some(Err(fault)) => {
            let text = format!("whether its variant is autoscaled could not be read: {}", fault.kind.brief());
            vec![Finding::warn(Check::Scaling, text)]
        }
        None => Vec::new(),
    }
}

/// What the name of a test of this endpoint begins with.
pub fn stem(test: &ShadowTest) -> String {
    shadow::stem(&test.endpoint)
}
