//! A deployment as a list of stages over virtual time. Alarms are looked at while a stage bakes, and only then.

use mldeck_core::time::{SECOND, Timestamp};
use serde_json::Value;

use super::{
    Change, Endpoint, Fleet, Status, Variant,
    launch::{Launch, launch},
    policy::{Policy, Shape},
};
use crate::world::World;

/// Seconds to create an endpoint, to launch a fleet beside another, to move traffic, to end a fleet.
pub(super) const CREATE: i64 = 300;
pub(super) const LAUNCH: i64 = 240;
const SHIFT: i64 = 30;
const TERMINATE: i64 = 90;

/// A new config on its way into service.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) config: String,
    pub(crate) started: Timestamp,
    /// The fleet it ends with.
    pub(crate) variants: Vec<Variant>,
    pub(super) policy: Policy,
    stages: Vec<Stage>,
    at: usize,
    since: Timestamp,
    /// Stages it has been in, and since when.
    passed: Vec<(Stage, Timestamp)>,
    /// Who served before.
    old: Vec<Fleet>,
    /// Why it goes back, once it does.
    pub(super) rolling_back: Option<String>,
}

/// One stage, as `VariantStatus` names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) status: &'static str,
    pub(super) message: String,
    secs: i64,
    /// Share of the traffic on the new fleet while it lasts.
    share: f64,
    /// Instances of the new fleet while it lasts, per variant of the plan's full size.
    pub(super) capacity: f64,
}

impl Deployment {
    pub(crate) fn new(
        config: &str,
        at: Timestamp,
        variants: Vec<Variant>,
        policy: Policy,
        old: Vec<Fleet>,
        launch: i64,
    ) -> Self {
        let stages = plan(&policy, &variants, launch);
        Self {
            config: config.to_owned(),
            started: at,
            variants,
            policy,
            stages,
            at: 0,
            since: at,
            passed: Vec::new(),
            old,
            rolling_back: None,
        }
    }

    /// Begins at another time than it was asked for: it had to wait.
    pub(crate) const fn begin(&mut self, at: Timestamp) {
        (self.started, self.since) = (at, at);
    }

    /// The stage it is in, and since when.
    pub(super) fn stage(&self) -> Option<(&Stage, Timestamp)> {
        self.stages.get(self.at).map(|stage| (stage, self.since))
    }

    /// Every stage so far, and since when.
    fn stages(&self) -> impl Iterator<Item = (&Stage, Timestamp)> {
        self.passed.iter().map(|(stage, since)| (stage, *since)).chain(self.stage())
    }

    /// Leaves the stage it is in.
    fn leave(&mut self, at: Timestamp) {
        self.passed.extend(self.stages.get(self.at).map(|stage| (stage.clone(), self.since)));
        self.at += 1;
        self.since = at;
    }

    fn is_baking(&self) -> bool {
        self.rolling_back.is_none() && self.stage().is_some_and(|(stage, _)| stage.status == "Baking")
    }

    fn share(&self) -> f64 {
        self.stage().map_or(0.0, |(stage, _)| stage.share)
    }

    fn fleets(&self, at: Timestamp) -> Vec<Fleet> {
        let share = self.share();
        let old = self.old.iter().cloned().map(|fleet| Fleet { share: fleet.share * (1.0 - share), ..fleet });
        old.chain(Endpoint::fleets_of(&self.config, &self.variants, share, at)).collect()
    }

    /// Turns around: traffic back to the old fleet, then the new one ends.
    fn turn_back(&mut self, at: Timestamp, reason: String) {
        let mut stages = Vec::new();
        // Not twice when the stage was left just now.
        if self.since < at {
            self.leave(at);
        }
        if self.share() > 0.0 {
            stages.push(Stage {
                status: "ActivatingTraffic",
                message: "Rolling back: all traffic goes to the old fleet.".to_owned(),
                secs: SHIFT,
                share: 0.0,
                capacity: 1.0,
            });
        }
        stages.push(Stage {
            status: "Deleting",
            message: "Rolling back: the new fleet is terminated.".to_owned(),
            secs: TERMINATE,
            share: 0.0,
            capacity: 1.0,
        });
        self.stages = stages;
        self.at = 0;
        self.since = at;
        self.rolling_back = Some(reason);
    }
}

/// The stages a policy goes through.
fn plan(policy: &Policy, variants: &[Variant], launch: i64) -> Vec<Stage> {
    let count = variants.iter().map(|variant| variant.desired_count).max().unwrap_or(1);
    let mut stages = Vec::new();
    let mut push = |status, message: String, secs, share, capacity| {
        if secs > 0 {
            stages.push(Stage { status, message, secs, share, capacity });
        }
    };
    let steps: Vec<f64> = match &policy.shape {
        Shape::AllAtOnce => vec![1.0],
        Shape::Canary(size) => vec![size.of(variants), 1.0],
        Shape::Linear(size) | Shape::Rolling(size) => {
            let step = size.of(variants);
            (1..=(1.0 / step).ceil() as i64).map(|n| (n as f64 * step).min(1.0)).collect()
        }
    };
    let rolling = matches!(policy.shape, Shape::Rolling(_));
    if !rolling {
        push("Creating", format!("Launching {count} instance(s) of the new fleet."), launch, 0.0, 1.0);
    }
    let mut share_before = 0.0;
    for share in steps {
        let full = share >= 1.0;
        let part = match &policy.shape {
            Shape::Canary(size) if !full => format!("canary capacity of {} instance(s)", size.instances(count)),
            _ if full => format!("full capacity of {count} instance(s)"),
            _ => format!("{:.0} percent of the capacity of {count} instance(s)", share * 100.0),
        };
        if rolling {
            push("Creating", format!("Launching the next batch: {part}."), launch, share_before, share);
        }
        let capacity = if rolling { share } else { 1.0 };
        push("ActivatingTraffic", format!("Activating traffic on {part}."), SHIFT, share, capacity);
        let bake =
            format!("Baking for {} seconds (WaitIntervalInSeconds) with traffic enabled on {part}.", policy.wait);
        push("Baking", bake, policy.wait, share, capacity);
        share_before = share;
    }
    let wait = policy.termination_wait;
    let bake = format!(
        "Baking for {wait} seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of {count} instance(s)."
    );
    push("Baking", bake, wait, 1.0, 1.0);
    push("Deleting", "Terminating the old fleet.".to_owned(), TERMINATE, 1.0, 1.0);
    stages
}

/// Moves everything in flight on to `to`.
pub(crate) fn advance(world: &mut World, to: Timestamp) {
    let moving: Vec<String> = world
        .endpoints
        .endpoints
        .values()
        .filter(|endpoint| endpoint.change.is_some())
        .map(|endpoint| endpoint.name.clone())
        .collect();
    for name in moving {
        let Some(mut endpoint) = world.endpoints.endpoints.remove(&name) else { continue };
        if move_on(world, &mut endpoint, to) {
            world.endpoints.endpoints.insert(name, endpoint);
        } else {
            world.tags.forget(&endpoint.arn());
        }
    }
}

/// False when the endpoint is gone.
pub(crate) fn move_on(world: &World, endpoint: &mut Endpoint, to: Timestamp) -> bool {
    match endpoint.change.take() {
        None => {}
        Some(Change::Deletion(at)) if at <= to => return false,
        Some(Change::Creation(begun)) => {
            let launch = launch(world, &endpoint.variants, None, begun, CREATE);
            match wait(endpoint, &launch, None, to) {
                None => endpoint.change = Some(Change::Creation(begun)),
                Some((at, None)) => {
                    for variant in &mut endpoint.variants {
                        variant.current_count = variant.desired_count;
                    }
                    settle(endpoint, at);
                }
                Some((at, reason)) => {
                    endpoint.status = Status::Failed;
                    endpoint.modified = at;
                    endpoint.failure = reason;
                }
            }
        }
        Some(Change::Capacity(begun, secs)) => {
            let launch = launch(world, &more(&endpoint.variants), None, begun, secs);
            match wait(endpoint, &launch, None, to) {
                None => endpoint.change = Some(Change::Capacity(begun, secs)),
                Some((at, reason)) => {
                    for variant in &mut endpoint.variants {
                        if reason.is_some() {
                            variant.desired_count = variant.current_count;
                        }
                        variant.current_count = variant.desired_count;
                        variant.current_weight = variant.desired_weight;
                    }
                    endpoint.failure = reason;
                    settle(endpoint, at);
                }
            }
        }
        Some(Change::Maintenance(at)) if at <= to => settle(endpoint, at),
        Some(Change::Deployment(mut deployment)) => {
            let is_under_way = deploy_on(world, endpoint, &mut deployment, to);
            endpoint.change = is_under_way.then_some(Change::Deployment(deployment));
        }
        Some(waiting) => endpoint.change = Some(waiting),
    }
    true
}

/// The instances that a change of counts adds.
fn more(variants: &[Variant]) -> Vec<Variant> {
    let more =
        |variant: &Variant| Variant { desired_count: variant.desired_count - variant.current_count, ..variant.clone() };
    variants.iter().map(more).filter(|variant| variant.desired_count > 0).collect()
}

/// When a launch was over, as far as it is by `to`, and why it failed. What runs without being healthy is kept meanwhile.
fn wait(
    endpoint: &mut Endpoint,
    launch: &Launch,
    deployment: Option<&Deployment>,
    to: Timestamp,
) -> Option<(Timestamp, Option<String>)> {
    match launch {
        Launch::Ready(at) => (*at <= to).then_some((*at, None)),
        Launch::Fails { at, reason, ran } => {
            if let Some(ran) = ran.filter(|ran| *ran <= to) {
                let (config, variants) = match deployment {
                    Some(deployment) => (&deployment.config, &deployment.variants),
                    None => (&endpoint.config, &endpoint.variants),
                };
                let fleets = Endpoint::fleets_of(config, variants, 1.0, ran);
                endpoint.tried(ran, *at, fleets);
            }
            (*at <= to).then(|| (*at, Some(reason.clone())))
        }
    }
}

fn settle(endpoint: &mut Endpoint, at: Timestamp) {
    endpoint.status = Status::InService;
    endpoint.modified = at;
    endpoint.split_settled(at);
}

/// False when the deployment has ended, one way or the other.
fn deploy_on(world: &World, endpoint: &mut Endpoint, deployment: &mut Deployment, to: Timestamp) -> bool {
    while let Some((stage, since)) = deployment.stage() {
        let (before, secs) = (stage.share, stage.secs);
        let is_launching = stage.status == "Creating" && deployment.rolling_back.is_none();
        let outcome = if is_launching {
            let launch = launch(world, &deployment.variants, Some(&deployment.policy.shape), since, secs);
            wait(endpoint, &launch, Some(deployment), to)
        } else {
            Some((since.plus(secs * SECOND), None)).filter(|(end, _)| *end <= to)
        };
        let until = outcome.as_ref().map_or(to, |(end, _)| *end);
        if let Some((at, reason)) = trouble(world, deployment).filter(|(at, _)| *at <= until) {
            deployment.turn_back(at, reason);
            let fleets = deployment.fleets(at);
            endpoint.split(at, fleets);
            continue;
        }
        let Some((end, failed)) = outcome else { return true };
        deployment.leave(end);
        if let Some(reason) = failed {
            deployment.turn_back(end, reason);
        } else if deployment.stage().is_some_and(|(stage, _)| (stage.share - before).abs() > f64::EPSILON) {
            let fleets = deployment.fleets(end);
            endpoint.split(end, fleets);
        }
    }
    let end = deployment.since;
    endpoint.mixed = None;
    if deployment.rolling_back.is_some() {
        endpoint.failure = deployment.rolling_back.take();
        let old = std::mem::take(&mut deployment.old);
        endpoint.status = Status::InService;
        endpoint.modified = end;
        endpoint.split(end, old);
    } else {
        endpoint.failure = None;
        endpoint.config.clone_from(&deployment.config);
        endpoint.variants.clone_from(&deployment.variants);
        settle(endpoint, end);
    }
    false
}

/// When a deployment must turn around in the stage it is in, and why: an alarm fires while it bakes, or it takes too long.
fn trouble(world: &World, deployment: &Deployment) -> Option<(Timestamp, String)> {
    let (stage, since) = deployment.stage().filter(|_| deployment.rolling_back.is_none())?;
    if deployment.is_baking() {
        let firing = deployment.policy.alarms.iter().filter_map(|name| Some((world.alarms.firing_since(name)?, name)));
        let (moments, names): (Vec<Timestamp>, Vec<&str>) = firing.map(|(at, name)| (at, name.as_str())).unzip();
        if let Some(first) = moments.into_iter().min() {
            let reason = format!(
                "The deployment was rolled back: the following alarm(s) were triggered during the baking period: {}.",
                names.join(", ")
            );
            return Some((first.max(since), reason));
        }
    }
    let limit = deployment.policy.limit.filter(|_| stage.status != "Deleting")?;
    let reason = format!("The deployment was rolled back: it exceeded MaximumExecutionTimeoutInSeconds ({limit}).");
    Some((deployment.started.plus(limit * SECOND).max(since), reason))
}

/// `PendingDeploymentSummary` of every stage that began from `since` on, and when.
pub(crate) fn stages_since(deployment: &Deployment, since: Timestamp) -> Vec<(Timestamp, Value)> {
    let begun = deployment.stages().filter(|(_, began)| *began >= since);
    begun.map(|(stage, began)| (began, summary(deployment, Some((stage, began))))).collect()
}

/// `PendingDeploymentSummary`.
pub(super) fn pending(deployment: &Deployment) -> Value {
    summary(deployment, deployment.stage())
}

fn summary(deployment: &Deployment, stage: Option<(&Stage, Timestamp)>) -> Value {
    use serde_json::json;
    let told = |is_shadow: bool| -> Vec<Value> {
        let variants = deployment.variants.iter().filter(|variant| variant.is_shadow == is_shadow);
        variants.map(|variant| pending_variant(deployment, variant, stage)).collect()
    };
    let mut body = json!({
        "EndpointConfigName": deployment.config,
        "ProductionVariants": told(false),
        "StartTime": crate::world::epoch(deployment.started),
    });
    let shadows = told(true);
    if !shadows.is_empty() {
        body["ShadowProductionVariants"] = shadows.into();
    }
    body
}

/// One of the new fleets, as far as it is there.
fn pending_variant(deployment: &Deployment, variant: &Variant, stage: Option<(&Stage, Timestamp)>) -> Value {
    use serde_json::json;
    let mut body = super::read::variant_body(variant);
    if let (Value::Object(members), Some((stage, since))) = (&mut body, stage) {
        let share = if stage.share > 0.0 { variant.desired_weight } else { 0.0 };
        members.insert("CurrentWeight".into(), json!(share));
        if variant.serverless.is_none() {
            let ready = if stage.status == "Creating" { 0.0 } else { stage.capacity };
            let count = (variant.desired_count as f64 * ready).ceil() as i64;
            members.insert("CurrentInstanceCount".into(), json!(count));
        }
        // The old fleet is what ends after a success; that shows on the variants in force.
        if stage.status != "Deleting" || deployment.rolling_back.is_some() {
            members.insert("VariantStatus".into(), json!([stage_body(stage, since)]));
        }
    }
    body
}

pub(super) fn stage_body(stage: &Stage, since: Timestamp) -> Value {
    serde_json::json!({
        "Status": stage.status, "StatusMessage": stage.message, "StartTime": crate::world::epoch(since)
    })
}
