//! A small honest endpoint: it does what SageMaker's documentation says, late, lossy, and shared with others.

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        call::{Action, Call, abort_alarm},
        measure::{Around, Measured, Numbers, Stretch},
    },
    resource::{
        Endpoint,
        alarm::AlarmState,
        endpoint::{EndpointStatus, Pending, Stage, Variant},
    },
    text::Text,
    time::{MINUTE, SECOND, Timestamp},
};

/// Deterministic and small: splitmix64.
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.roll() % ((high - low + 1) as u64)) as i64
    }

    pub(crate) fn percent(&mut self, chance: i64) -> bool {
        self.between(0, 99) < chance
    }
}

struct Deployment {
    config: Text,
    abortable: bool,
    /// When creating, activating, baking and deleting end.
    ends: [i64; 4],
    /// It does not come up: AWS takes it back when creating ends.
    doomed: bool,
    /// Being taken back since, and why.
    back: Option<(i64, String)>,
    /// It fails so badly that AWS cannot take it back.
    stuck: bool,
}

pub(crate) struct World {
    pub(crate) endpoint: Endpoint,
    deployment: Option<Deployment>,
    /// A change of weights in flight: when it ends, and the weights from before when AWS will take it back.
    shift: Option<(i64, Option<Vec<Option<f64>>>)>,
    /// The abort alarm holds ALARM until then.
    alarm_until: i64,
    alarm_exists: bool,
    /// Updates that AWS accepted from us.
    pub(crate) ours: u32,
    pub(crate) dice: Dice,
    /// AWS's answer to an update while another one runs is not documented: both are played.
    takes_update_while_updating: bool,
    calm: bool,
    now: i64,
    base: i64,
    /// The endpoint as it was a little earlier, for reads that lag.
    earlier: Option<(i64, Endpoint)>,
}

impl World {
    pub(crate) fn new(endpoint: Endpoint, alarm_exists: bool, seed: u64, base: Timestamp) -> Self {
        let mut dice = Dice::new(seed ^ 0xfeed);
        let takes_update_while_updating = dice.percent(30);
        Self {
            endpoint,
            deployment: None,
            shift: None,
            alarm_until: i64::MIN,
            alarm_exists,
            ours: 0,
            dice,
            takes_update_while_updating,
            calm: false,
            now: 0,
            base: base.millis(),
            earlier: None,
        }
    }

    /// Calls that are none, too few, failing or fine, and alarms that ring, say nothing or are quiet.
    pub(crate) fn measure(&mut self, around: &Around) -> Measured {
        let luck = if self.calm { 3 } else { self.dice.between(0, 3) };
        let (each, failing) = match luck {
            0 => (0, 0),
            1 => (2, 0),
            2 => (100, 40),
            _ => (100, 0),
        };
        let side = |stretch: &Stretch, failing: u64| {
            let minutes = u32::try_from(stretch.to.since(stretch.from) / MINUTE).unwrap_or(0);
            let (from, to, calls) = (stretch.from, stretch.to, u64::from(minutes) * each);
            Numbers { from, to, minutes, calls, failed: calls * failing / 100, refused: 0, p99_ms: None }
        };
        let alarms = around.alarms.iter().map(|name| {
            let state = match if self.calm { 3 } else { self.dice.between(0, 3) } {
                0 => Some(AlarmState::Alarm),
                1 => Some(AlarmState::InsufficientData),
                2 => None,
                _ => Some(AlarmState::Ok),
            };
            (name.clone(), state)
        });
        Measured { alarms: alarms.collect(), before: side(&around.before, 0), after: side(&around.after, failing) }
    }

    /// No more bad luck from here on.
    pub(crate) fn calm_down(&mut self) {
        self.calm = true;
    }

    fn touch(&mut self) {
        self.endpoint.modified = Timestamp::from_millis(self.base + self.now);
    }

    fn remember(&mut self) {
        self.earlier = Some((self.now, self.endpoint.clone()));
    }

    fn set_stage(&mut self, word: &str) {
        let since = Some(Timestamp::from_millis(self.base + self.now));
        let stage = Stage { status: Text::new(word), message: None, since };
        if let Some(pending) = self.endpoint.details.as_mut().and_then(|details| details.pending.as_mut()) {
            for variant in &mut pending.variants {
                if variant.stages.first().is_none_or(|old| old.status != stage.status) {
                    variant.stages = vec![stage.clone()];
                }
            }
        }
    }

    fn settle(&mut self, status: EndpointStatus, config: Option<Text>, failure: Option<String>) {
        self.remember();
        self.deployment = None;
        self.endpoint.status = status;
        if let Some(details) = &mut self.endpoint.details {
            details.pending = None;
            details.failure = failure.map(|text| Text::new(&text));
            if let Some(config) = config {
                details.config = config;
            }
        }
        self.touch();
    }

    /// Moves the state machine to `now` (milliseconds of true time).
    pub(crate) fn advance(&mut self, now: i64) {
        self.now = self.now.max(now);
        if let Some((_, back)) = self.shift.take_if(|(end, _)| self.now >= *end) {
            let failure = back.is_some().then(|| "the weights could not be applied".to_owned());
            if let (Some(before), Some(details)) = (back, &mut self.endpoint.details) {
                for (variant, weight) in details.variants.iter_mut().zip(before) {
                    variant.desired_weight = weight;
                }
            }
            self.settle(EndpointStatus::InService, None, failure);
            for variant in self.endpoint.details.iter_mut().flat_map(|details| &mut details.variants) {
                variant.current_weight = variant.desired_weight;
            }
        }
        let Some(deployment) = &mut self.deployment else { return };
        let [created, activated, baked, deleted] = deployment.ends;
        let baking = self.now >= activated && self.now < baked;
        if deployment.back.is_none() && deployment.abortable && baking && self.now < self.alarm_until {
            deployment.back = Some((self.now, "an alarm went off".to_owned()));
        }
        if deployment.back.is_none() && deployment.doomed && self.now >= created {
            deployment.back = Some((self.now, "no capacity for the new fleet".to_owned()));
        }
        if let Some((since, why)) = deployment.back.clone() {
            if deployment.stuck && self.now >= since + MINUTE {
                return self.settle(EndpointStatus::UpdateRollbackFailed, None, Some("rollback failed".to_owned()));
            }
            if self.now >= since + 3 * MINUTE {
                return self.settle(EndpointStatus::InService, None, Some(why));
            }
            return self.set_stage("Deleting");
        }
        let config = deployment.config.clone();
        let word = match self.now {
            now if now < created => "Creating",
            now if now < activated => "ActivatingTraffic",
            now if now < baked => "Baking",
            now if now < deleted => "Deleting",
            _ => return self.settle(EndpointStatus::InService, Some(config), None),
        };
        self.set_stage(word);
    }

    fn deploy(&mut self, config: &Text, abortable: bool) -> Result<(), Fault> {
        let busy = !matches!(self.endpoint.status, EndpointStatus::InService | EndpointStatus::UpdateRollbackFailed);
        if busy && !(self.takes_update_while_updating && self.endpoint.status == EndpointStatus::Updating) {
            return Err(Fault::new(FaultKind::Conflict, "UpdateEndpoint", "Cannot update in-progress endpoint"));
        }
        self.remember();
        let create = self.now + self.dice.between(60, 480) * SECOND;
        let activate = create + self.dice.between(5, 60) * SECOND;
        let bake = activate + self.dice.between(120, 900) * SECOND;
        let delete = bake + self.dice.between(20, 120) * SECOND;
        let (doomed, stuck) = (!self.calm && self.dice.percent(12), self.dice.percent(15));
        self.deployment = Some(Deployment {
            config: config.clone(),
            abortable,
            ends: [create, activate, bake, delete],
            doomed,
            back: None,
            stuck,
        });
        self.endpoint.status = EndpointStatus::Updating;
        if let Some(details) = &mut self.endpoint.details {
            details.failure = None;
            details.pending = Some(Pending {
                config: config.clone(),
                started: Some(Timestamp::from_millis(self.base + self.now)),
                variants: vec![Variant { name: Text::new("blue"), ..Variant::default() }],
            });
        }
        self.touch();
        self.set_stage("Creating");
        Ok(())
    }

    /// One of our calls arrives.
    pub(crate) fn receive(&mut self, now: i64, call: &Call) -> Result<(), Fault> {
        self.advance(now);
        match call.action {
            Action::UpdateEndpoint => {
                let named = call.is_guarded_by(&abort_alarm(&self.endpoint.name));
                if named && !self.alarm_exists {
                    return Err(Fault::new(FaultKind::Invalid, "UpdateEndpoint", "alarm does not exist"));
                }
                self.deploy(&Text::new(call.text("EndpointConfigName").unwrap_or_default()), named)?;
                self.ours += 1;
            }
            Action::PutMetricAlarm => self.alarm_exists = true,
            Action::PutMetricData => self.alarm_until = self.now + 90 * SECOND,
            Action::SetAlarmState => self.alarm_until = self.alarm_until.max(self.now + 5 * SECOND),
            Action::AddTags => {}
            Action::UpdateEndpointWeightsAndCapacities => {
                let asked = call.body["DesiredWeightsAndCapacities"].as_array().cloned().unwrap_or_default();
                if self.endpoint.status != EndpointStatus::InService {
                    return Err(Fault::new(FaultKind::Conflict, "UpdateEndpointWeightsAndCapacities", "in progress"));
                }
                self.remember();
                let doomed = !self.calm && self.dice.percent(12);
                let live = self.endpoint.details.iter_mut().flat_map(|details| &mut details.variants);
                let before: Vec<Option<f64>> = live.map(|variant| variant.desired_weight).collect();
                for variant in self.endpoint.details.iter_mut().flat_map(|details| &mut details.variants) {
                    let of = asked.iter().find(|asked| asked["VariantName"].as_str() == Some(variant.name.as_str()));
                    variant.desired_weight = of.and_then(|of| of["DesiredWeight"].as_f64()).or(variant.desired_weight);
                }
                self.endpoint.status = EndpointStatus::Updating;
                self.touch();
                self.shift = Some((self.now + self.dice.between(20, 120) * SECOND, doomed.then_some(before)));
                self.ours += 1;
            }
            other => return Err(Fault::new(FaultKind::Invalid, other.name(), "no part of this world")),
        }
        self.advance(now);
        Ok(())
    }

    /// Somebody else, or the autoscaler, does something.
    pub(crate) fn meddle(&mut self, now: i64) -> &'static str {
        self.advance(now);
        let stable = self.endpoint.status == EndpointStatus::InService;
        match self.dice.between(0, 5) {
            0 | 1 => {
                let other = Text::new("fraud-v19-x");
                if self.deploy(&other, false).is_ok() {
                    "another operator deploys v19"
                } else {
                    "another operator is refused"
                }
            }
            2 | 3 if stable => {
                let count = self.dice.between(2, 8);
                self.remember();
                if let Some(variant) = self.endpoint.details.as_mut().and_then(|d| d.variants.first_mut()) {
                    variant.current_count = Some(count);
                    variant.desired_count = Some(count);
                }
                self.touch();
                "the autoscaler sets another count"
            }
            4 if stable && self.dice.percent(20) => {
                self.remember();
                self.endpoint.status = EndpointStatus::Deleting;
                self.touch();
                "somebody deletes it"
            }
            _ => "nothing",
        }
    }

    /// DescribeEndpoint, which may lag a few seconds behind the last change.
    pub(crate) fn describe(&mut self, now: i64, lag: i64) -> Endpoint {
        self.advance(now);
        match &self.earlier {
            Some((changed, old)) if now - changed < lag => old.clone(),
            _ => self.endpoint.clone(),
        }
    }
}
