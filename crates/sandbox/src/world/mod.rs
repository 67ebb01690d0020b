//! The account: state of every area, moved by one virtual clock.
//!
//! Each area is one file: its state, how the past is made (`generate`), how it behaves as time passes (`advance`), and the
//! operations it answers (`OPERATIONS`). Protocols are none of its business: an operation gets decoded input and gives
//! output or an error.

pub(crate) mod alarm;
pub(crate) mod chance;
pub(crate) mod check;
pub(crate) mod component;
pub(crate) mod endpoint;
pub(crate) mod estate;
pub(crate) mod events;
pub(crate) mod identity;
pub(crate) mod lists;
pub(crate) mod logs;
pub(crate) mod metric;
pub(crate) mod monitor;
pub(crate) mod noise;
pub(crate) mod page;
pub(crate) mod pipeline;
pub(crate) mod policy;
pub(crate) mod reaction;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod s3;
pub(crate) mod scaling;
pub(crate) mod search;
pub(crate) mod shelf;
pub(crate) mod tags;
pub(crate) mod traffic;
pub(crate) mod trail;

use bytes::Bytes;
use mldeck_core::time::{HOUR, MINUTE, Timestamp};

pub use trail::Kept;

pub(crate) use request::{ApiError, Handler, Reply, Request, Service, camel, epoch, moment};

use crate::{
    drill,
    faults::{Delivery, Faults},
    scenario::{Action, Scenario},
    shape, wire,
};

/// What makes one world differ from another.
#[derive(Clone, Debug)]
pub struct Options {
    pub seed: u64,
    pub scenario: Scenario,
    /// "Now" when the world is handed over; its history lies before.
    pub start: Timestamp,
}

/// How long before `start` the world begins to live by its own rules: alarms are evaluated and timed actions run from
/// here on. What is older is generated as settled history.
const LIVED: i64 = 6 * HOUR;

/// The longest step `advance` makes at once, so that areas see each other's changes in order.
const STEP: i64 = MINUTE;

pub struct World {
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    pub(crate) start: Timestamp,
    pub(crate) endpoints: endpoint::State,
    pub(crate) components: component::State,
    pub(crate) alarms: alarm::State,
    pub(crate) metrics: metric::State,
    pub(crate) scaling: scaling::State,
    pub(crate) trail: trail::State,
    pub(crate) logs: logs::State,
    pub(crate) s3: s3::Store,
    pub(crate) tags: tags::State,
    pub(crate) pipelines: pipeline::State,
    pub(crate) runs: run::State,
    pub(crate) registry: registry::State,
    pub(crate) monitors: monitor::State,
    pub(crate) shelf: shelf::State,
    pub(crate) search: search::Index,
    pub(crate) sessions: identity::State,
    pub(crate) sign_ins: crate::wire::SignIns,
    pub(crate) events: events::State,
    pub(crate) rules: rules::State,
    pub(crate) faults: Faults,
    /// What the operator may do; `None`: everything.
    pub(crate) policy: Option<policy::Policy>,
    pub(crate) reactions: reaction::State,
    pub(crate) drill: drill::State,
    /// Seconds that Search is behind for the request under way, where a fault says so.
    pub(crate) search_lag: Option<i64>,
    /// Index of the next timed action of the scenario.
    next_action: usize,
    /// Requests answered so far: the source of request ids.
    pub(crate) requests: u64,
    /// Requests that arrive later than they were sent, and when.
    late: Vec<(Timestamp, http::Request<Bytes>)>,
}

/// What serves is moved on: what was made or changed before comes into force.
fn serve_on(world: &mut World, to: Timestamp) {
    endpoint::advance(world, to);
    component::advance(world, to);
}

/// Who answers which operation of which service.
const AREAS: &[(Service, &[(&str, Handler)])] = &[
    (Service::Sts, identity::OPERATIONS),
    (Service::SageMaker, endpoint::OPERATIONS),
    (Service::SageMaker, component::OPERATIONS),
    (Service::SageMaker, tags::OPERATIONS),
    (Service::SageMaker, pipeline::OPERATIONS),
    (Service::SageMaker, run::OPERATIONS),
    (Service::SageMakerMetrics, run::METRICS_OPERATIONS),
    (Service::SageMaker, registry::OPERATIONS),
    (Service::SageMaker, monitor::OPERATIONS),
    (Service::SageMaker, search::OPERATIONS),
    (Service::HumanLoops, shelf::loops::OPERATIONS),
    (Service::FeatureStore, shelf::records::OPERATIONS),
    (Service::Runtime, endpoint::invoke::OPERATIONS),
    (Service::CloudWatch, metric::OPERATIONS),
    (Service::CloudWatch, alarm::OPERATIONS),
    (Service::Scaling, scaling::OPERATIONS),
    (Service::CloudTrail, trail::OPERATIONS),
    (Service::Logs, logs::OPERATIONS),
    (Service::EventBridge, rules::OPERATIONS),
];

/// True when there is such an operation.
pub(crate) fn answers(service: Service, operation: &str) -> bool {
    let of_area =
        AREAS.iter().any(|(of, operations)| *of == service && operations.iter().any(|(name, _)| *name == operation));
    of_area || service == Service::SageMaker && shelf::names().any(|name| name == operation)
}

impl World {
    pub fn new(options: Options) -> Self {
        let mut world = Self {
            now: if options.scenario.bare { options.start } else { options.start.plus(-LIVED) },
            seed: options.seed,
            start: options.start,
            endpoints: endpoint::State::default(),
            components: component::State::default(),
            alarms: alarm::State::default(),
            metrics: metric::State::default(),
            scaling: scaling::State::default(),
            trail: trail::State::default(),
            logs: logs::State::default(),
            s3: s3::Store::default(),
            tags: tags::State::default(),
            pipelines: pipeline::State::default(),
            runs: run::State::default(),
            registry: registry::State::default(),
            monitors: monitor::State::default(),
            shelf: shelf::State::default(),
            search: search::Index::default(),
            sessions: identity::State::default(),
            sign_ins: crate::wire::SignIns::default(),
            events: events::State::default(),
            rules: rules::State::default(),
            faults: Faults::new(options.seed),
            policy: None,
            reactions: reaction::State::default(),
            drill: drill::State::default(),
            search_lag: None,
            next_action: 0,
            requests: 0,
            late: Vec::new(),
            scenario: options.scenario,
        };
        if world.scenario.bare {
            return world;
        }
        endpoint::generate(&mut world);
        scaling::generate(&mut world);
        alarm::generate(&mut world);
        trail::generate(&mut world);
        run::generate(&mut world);
        pipeline::generate(&mut world);
        registry::generate(&mut world);
        monitor::generate(&mut world);
        shelf::generate(&mut world);
        world.act_in_history(options.start.plus(-LIVED));
        world.advance_to(options.start);
        for rule in std::mem::take(&mut world.scenario.faults) {
            world.faults.add(rule.after_start(options.start));
        }
        world
    }

    /// Actions older than the lived past happen at their own time, with nothing in between.
    fn act_in_history(&mut self, lived: Timestamp) {
        while let Some(at) = self.scenario.actions.get(self.next_action).map(|action| self.start.plus(action.at)) {
            if at >= lived {
                break;
            }
            self.now = at;
            serve_on(self, at);
            shelf::relive(self, at);
            self.act(at);
        }
        self.now = lived;
        serve_on(self, lived);
        shelf::relive(self, lived);
    }

    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets the account live until `to`; a time that is not later than now changes nothing.
    pub fn advance_to(&mut self, to: Timestamp) {
        while self.now < to {
            let mut next = self.now.floor(STEP).plus(STEP).min(to);
            if let Some(action) = self.scenario.actions.get(self.next_action) {
                next = next.min(self.start.plus(action.at).max(self.now));
            }
            if let Some(at) = self.late.iter().map(|(at, _)| *at).min() {
                next = next.min(at.max(self.now));
            }
            self.now = next;
            self.advance_areas(next);
            self.act(next);
            self.arrive(next);
            // Looked at on whole minutes: how often time is told must not matter.
            if next == next.floor(STEP) && next >= self.start {
                reaction::advance(self, next);
                drill::advance(self, next);
                events::observe(self);
            }
        }
    }

    /// Order matters: endpoints look at alarms as they were at the end of the last step, alarms then look at metrics. Pipelines
    /// see jobs as they are now.
    fn advance_areas(&mut self, to: Timestamp) {
        serve_on(self, to);
        scaling::advance(self, to);
        alarm::advance(self, to);
        run::advance(self, to);
        shelf::advance(self, to);
        pipeline::advance(self, to);
        registry::advance(self, to);
        monitor::advance(self, to);
        search::advance(self, to);
    }

    /// Runs the timed actions of the scenario that are due: other people's calls, through the same handlers.
    fn act(&mut self, to: Timestamp) {
        while let Some(action) = self.scenario.actions.get(self.next_action) {
            if self.start.plus(action.at) > to {
                break;
            }
            self.next_action += 1;
            let action = action.clone();
            self.make(&action);
        }
    }

    /// Lets a request arrive at `at` and not now. Nobody waits for its answer.
    pub(crate) fn postpone(&mut self, at: Timestamp, request: http::Request<Bytes>) {
        self.late.push((at, request));
    }

    fn arrive(&mut self, to: Timestamp) {
        while let Some(index) = self.late.iter().position(|(at, _)| *at <= to) {
            let (_, request) = self.late.remove(index);
            self.handle(&request);
        }
    }

    /// Makes somebody else's call, as it would reach the account.
    pub(crate) fn make(&mut self, action: &Action) {
        let request_id = self.request_id();
        let request = Request {
            service: action.service,
            operation: &action.operation,
            input: &action.input,
            caller: &action.by,
            request_id: &request_id,
        };
        match &action.refused {
            Some(code) => trail::note_refused(self, &request, code, action.delivery),
            None => {
                // A refused action is part of the story too: the trail keeps it with its error.
                let reply = self.run(&request);
                trail::note_late(self, &request, &reply, action.delivery);
            }
        }
    }

    /// Answers one request as AWS would; the same request in the same world gives the same bytes.
    pub fn handle(&mut self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        wire::handle(self, request)
    }

    /// Like [`World::handle`], with the injected faults: the answer may be late, broken or lost.
    pub fn deliver(&mut self, request: &http::Request<Bytes>) -> Delivery {
        crate::faults::deliver(self, request)
    }

    /// Every operation it answers but those of S3, as signing name and operation, in order.
    pub fn operations() -> Vec<(&'static str, String)> {
        let areas = AREAS.iter().flat_map(|(service, operations)| {
            operations.iter().map(|(name, _)| (service.signing_name(), (*name).to_owned()))
        });
        let shelved = shelf::names().map(|name| (Service::SageMaker.signing_name(), name));
        let mut all: Vec<_> = areas.chain(shelved).collect();
        all.sort();
        all
    }

    /// Holds the operator to an IAM policy, given as JSON.
    ///
    /// # Errors
    /// What is wrong with the policy, or not known here.
    pub fn hold_to_policy(&mut self, document: &str) -> Result<(), String> {
        let document = serde_json::from_str(document).map_err(|error| error.to_string())?;
        self.policy = Some(policy::Policy::read(&document)?);
        Ok(())
    }

    /// What may go wrong from now on.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Finds the area, lets it answer, and notes a change in the trail: accepted or refused.
    pub(crate) fn dispatch(&mut self, request: &Request<'_>) -> Reply {
        let reply = policy::permits(self, request).and_then(|()| self.run(request));
        trail::note(self, request, &reply);
        if reply.is_ok() && trail::is_kept(request) && request.caller != run::SCHEDULER {
            events::observe(self);
        }
        reply
    }

    pub(crate) fn run(&mut self, request: &Request<'_>) -> Reply {
        match request.service {
            Service::SageMaker | Service::HumanLoops => shape::check(request.operation, request.input)?,
            Service::FeatureStore => shape::check(request.operation, request.input).map_err(shelf::records::refusal)?,
            _ => {}
        }
        let handler = AREAS
            .iter()
            .filter(|(service, _)| *service == request.service)
            .flat_map(|(_, operations)| operations.iter())
            .find(|(name, _)| *name == request.operation);
        if let Some((_, handler)) = handler {
            return handler(self, request);
        }
        let shelved = if request.service == Service::SageMaker { shelf::answer(self, request) } else { None };
        shelved.unwrap_or_else(|| Err(ApiError::unknown_operation(request.operation)))
    }

    /// The id of the next request, the same in every replay.
    pub(crate) fn request_id(&mut self) -> String {
        self.requests += 1;
        noise::uuid(&[self.seed, self.requests])
    }
}

#[cfg(test)]
mod stepping;
#[cfg(test)]
mod tests;
