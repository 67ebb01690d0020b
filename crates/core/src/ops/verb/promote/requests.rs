//! The requests of a promotion, in their order.

use serde_json::{Value, json};

use super::Ground;
use crate::{
    ops::{
        call::{self, Approval, Call, PLAN_ID, UpdateEndpoint},
        candidate, guard,
        intent::{Context, Mode, Rollout},
        plan::{Expectation, Inverse, Step},
        target::Sight,
        verb::back_out,
    },
    resource::endpoint::{BlueGreen, Deployment, Policy, Routing, Size},
    text::Text,
};

/// Tag on what a plan makes: who had it made.
const TAG_BY: &str = "mldeck:by";

pub(super) fn update(ground: &Ground<'_>) -> UpdateEndpoint {
    UpdateEndpoint {
        endpoint: ground.snapshot.endpoint.name.clone(),
        config: ground.name(&ground.snapshot.endpoint.name.raw()),
        retain_all: true,
        deployment: deployment(ground),
    }
}

/// `None` where AWS takes no deployment policy (serverless).
fn deployment(ground: &Ground<'_>) -> Option<Deployment> {
    if ground.details.variants.iter().any(|variant| variant.serverless) {
        return None;
    }
    let mut alarms = vec![call::abort_alarm(&ground.snapshot.endpoint.name)];
    alarms.extend(guard::guard_alarms(ground.snapshot, ground.details).unwrap_or_default().chosen());
    let tenth = Size::Percent(10);
    let small = matches!(guard::routing(ground.details, Mode::Guarded), Routing::AllAtOnce);
    let routing = match ground.rollout {
        Rollout::Rolling => {
            return Some(Deployment { policy: Policy::Rolling(back_out::rolling(back_out::GUARDED_BAKE)), alarms });
        }
        Rollout::Canary if !small => Routing::Canary(tenth),
        Rollout::Linear if !small => Routing::Linear(tenth),
        _ => Routing::AllAtOnce,
    };
    let policy = Policy::BlueGreen(BlueGreen {
        routing,
        wait_secs: back_out::GUARDED_BAKE,
        termination_wait_secs: back_out::GUARDED_KEEP,
        max_execution_secs: None,
    });
    Some(Deployment { policy, alarms })
}

fn create_model(ground: &Ground<'_>) -> Call {
    model_like(&ground.name(&ground.group()), ground.package, ground.live_model, ground.context)
}

/// What is made from a version: a model with the role and network of the live one.
pub(in crate::ops::verb) fn model_like(name: &Text, package: &Text, live: &Sight, context: &Context) -> Call {
    let role = live.fact("/ExecutionRoleArn").raw();
    let mut call = call::create_model(name, package, &role, &tags(context));
    for member in ["VpcConfig", "EnableNetworkIsolation"] {
        match live.body.get(member) {
            Some(Value::Bool(false) | Value::Null) | None => {}
            Some(value) => call.body[member] = value.clone(),
        }
    }
    call
}

fn tags(context: &Context) -> Vec<(Text, Text)> {
    vec![(Text::new(candidate::TAG_PLAN), Text::new(PLAN_ID)), (Text::new(TAG_BY), context.by.clone())]
}

/// The live config with the new model, and with what runs as its counts: a later plain update shrinks nothing.
fn create_config(ground: &Ground<'_>, update: &UpdateEndpoint, model: &Text) -> Call {
    let like = &ground.live_config.body;
    let one = |body: &Value| {
        let mut body = body.clone();
        let name = body.get("VariantName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let live = ground.details.variants.iter().find(|variant| variant.name == Text::new(&name).as_str());
        body["ModelName"] = json!(model.raw());
        if let Some(count) = live.and_then(|live| live.desired_count)
            && body.get("InitialInstanceCount").is_some()
        {
            body["InitialInstanceCount"] = json!(count.max(1));
        }
        if let Some(weight) = live.and_then(|live| live.desired_weight) {
            body["InitialVariantWeight"] = json!(weight);
        }
        body
    };
    let list = like.get("ProductionVariants").and_then(Value::as_array);
    let variants: Vec<Value> = list.into_iter().flatten().map(one).collect();
    call::create_config(&update.config, like, &variants, &tags(ground.context))
}

/// A job's artifact becomes a version, or a version of another account one of this. Its number is AWS's to give: another one than the plan says ends the run here.
pub(super) fn register(ground: &Ground<'_>) -> Option<Step> {
    let call = ground.register?;
    let stays = Inverse::None("a version stays registered; it can be rejected".to_owned());
    let mut step = Step::new(call.clone()).inverse(stays);
    step.expect = Expectation::Made { arn: ground.package.clone() };
    Some(step)
}

/// In its own account, where it stays in that: what the answer leaves open is read there.
fn approved(ground: &Ground<'_>, call: Call) -> Step {
    let mut step = Step::new(call);
    if let Some(scope) = ground.registry() {
        let facts = vec![(Text::new("/ModelApprovalStatus"), Text::new(Approval::Approved.word()))];
        step.expect = Expectation::Shows { facts, done: Vec::new(), failed: Vec::new() };
        step = step.sent_in(scope);
    }
    step
}

pub(super) fn steps(ground: &Ground<'_>, update: &UpdateEndpoint) -> (Vec<Step>, usize) {
    let mut out: Vec<Step> = register(ground).into_iter().collect();
    if ground.approval() != "Approved" {
        let by = ground.approver().raw();
        let text = format!("Approved by {by} with mldeck, to serve on {}", ground.snapshot.endpoint.name.raw());
        let stays = Inverse::None("it stays Approved; it can be rejected".to_owned());
        out.push(approved(ground, call::approve(ground.package, Approval::Approved, &text)).inverse(stays));
    }
    let create = create_model(ground);
    let model = Text::new(create.text("ModelName").unwrap_or_default());
    out.push(Step::new(create));
    out.push(Step::new(create_config(ground, update, &model)));
    if update.deployment.is_some() {
        back_out::abort_alarm_first(ground.snapshot, &mut out);
    }
    let main = out.len();
    let back = UpdateEndpoint { config: ground.details.config.clone(), ..update.clone() };
    let goal = Expectation::OnConfig { config: update.config.clone() };
    let back = Inverse::Call(Box::new(back.call()));
    out.push(Step::new(update.call()).main(goal, back_out::LONGEST_UPDATE).inverse(back));
    out.push(back_out::tag_previous(&ground.snapshot.endpoint, Some(&ground.details.config)));
    (out, main)
}
