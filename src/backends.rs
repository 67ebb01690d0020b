//! The composition root: which account the deck is connected to, live AWS or the embedded sandbox.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use mldeck_core::{
    fault::{Fault, FaultKind},
    time::Timestamp,
};
use mldeck_gateway::{Connect, Gateway};
use mldeck_loopback::Peer;
use mldeck_sandbox::{
    Options, Scenario, World,
    accounts::{self, Second},
    clock::Clock,
    control,
    faults::Delivery,
    scenario::ScenarioError,
};

use crate::{cli::Global, run::clock};

/// A gateway, and where account time comes from.
pub struct Connected {
    pub gateway: Arc<Gateway>,
}

/// A world that is generated when it is first looked at.
type Later = LazyLock<Arc<Mutex<World>>, Box<dyn FnOnce() -> Arc<Mutex<World>> + Send>>;

/// An account in this process: a world and the clock it lives by.
#[derive(Clone)]
pub struct Sandbox {
    world: Arc<Later>,
    pub clock: Arc<Mutex<Clock>>,
    /// Another account at the same address.
    second: Option<Arc<Mutex<Second>>>,
}

impl Sandbox {
    /// Knows the scenario, by its name or as a file (`….toml`); its world takes tens of milliseconds to generate and is left
    /// for [`Self::world`].
    ///
    /// # Errors
    /// When there is no scenario of that name, or the file is none.
    pub fn new(scenario: &str, seed: Option<u64>, speed: f64) -> Result<Self, Fault> {
        let scenario =
            find(scenario).map_err(|error| Fault::new(FaultKind::Setup, "starting the sandbox", &error.to_string()))?;
        Ok(Self::of(scenario, seed, speed))
    }

    /// The account of a scenario that is at hand.
    pub fn of(scenario: Scenario, seed: Option<u64>, speed: f64) -> Self {
        let (start, seed) = (scenario.start, seed.unwrap_or(scenario.seed));
        let generate = move || Arc::new(Mutex::new(World::new(Options { seed, scenario, start })));
        Self {
            world: Arc::new(LazyLock::new(Box::new(generate))),
            clock: Arc::new(Mutex::new(Clock::new(start, clock::instant(), speed))),
            second: None,
        }
    }

    /// With a second account of this number, which lives by a scenario of its own and by the same clock.
    ///
    /// # Errors
    /// When there is no such scenario, or the number is none of a second account.
    pub fn with_second(self, number: &str, scenario: &str) -> Result<Self, Fault> {
        let fault = |why: String| Fault::new(FaultKind::Setup, "starting the second account", &why);
        let scenario = find(scenario).map_err(|error| fault(error.to_string()))?;
        // Of another seed: its access keys are not the first account's.
        let (start, seed) = (self.now(), scenario.seed.wrapping_add(1));
        let second = Second::new(World::new(Options { seed, scenario, start }), number).map_err(fault)?;
        Ok(Self { second: Some(Arc::new(Mutex::new(second))), ..self })
    }

    /// Stops the account's time, until [`Self::go`].
    pub fn hold(&self) {
        lock(&self.clock).pause(clock::instant());
    }

    /// Lets the account's time go on.
    pub fn go(&self) {
        lock(&self.clock).resume(clock::instant());
    }

    /// The world; the first call generates it, and others wait for that.
    pub fn world(&self) -> Arc<Mutex<World>> {
        Arc::clone(&self.world)
    }

    /// Looks at the world as it is now, or moves it.
    pub fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let world = self.world();
        let mut world = lock(&world);
        world.advance_to(self.now());
        look(&mut world)
    }

    /// Account time now.
    pub fn now(&self) -> Timestamp {
        lock(&self.clock).now(clock::instant())
    }

    pub fn speed(&self) -> f64 {
        lock(&self.clock).speed()
    }

    /// What the account answers now, and how: late, broken or not at all where a fault is injected.
    pub fn deliver(&self, request: &http::Request<Bytes>) -> Delivery {
        let world = self.world();
        let mut world = lock(&world);
        let asked = control::answer(&mut lock(&self.clock), clock::instant(), request);
        let now = self.now();
        world.advance_to(now);
        let asked = asked.or_else(|| control::of_account(&mut world, request));
        match (asked, &self.second) {
            (Some(answer), _) => Delivery::Answer(answer),
            (None, None) => world.deliver(request),
            (None, Some(second)) => {
                let mut second = lock(second);
                second.world().advance_to(now);
                accounts::deliver(&mut world, &mut second, request)
            }
        }
    }
}

/// A scenario that is built in, or one in a file.
///
/// # Errors
/// When there is none of that name, or the file cannot be read as one.
pub fn find(scenario: &str) -> Result<Scenario, ScenarioError> {
    if !scenario.ends_with(".toml") {
        return Scenario::named(scenario);
    }
    let name = || scenario.to_owned();
    let text = std::fs::read_to_string(scenario).map_err(|source| ScenarioError::Unread { name: name(), source })?;
    Scenario::parse(scenario, &text)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer for Sandbox {
    async fn answer(
        &self,
        request: http::Request<Bytes>,
        patience: Option<Duration>,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        // The world is a plain computation of at most milliseconds; a worker thread of its own keeps the runtime free.
        let sandbox = self.clone();
        let delivery = tokio::task::spawn_blocking(move || sandbox.deliver(&request))
            .await
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        mldeck_loopback::arrive(delivery, patience).await
    }
}

/// Connects to AWS, or to the address that was given: by the profile that was named, else by the default credential chain.
/// `speed` multiplies the polling rate that calls are held to.
///
/// # Errors
/// A missing region, an unknown profile, a malformed address.
pub async fn live(global: &Global, speed: f64) -> Result<Connected, Fault> {
    let connect = Connect {
        profile: global.profile.clone(),
        region: global.region.clone(),
        endpoint_url: global.endpoint_url.clone(),
        team: global.team.as_ref().map(|team| team.table.clone()),
        speed,
        ..Connect::default()
    };
    Ok(Connected { gateway: Arc::new(Gateway::connect(connect).await?) })
}

/// Connects to a world in this process.
///
/// # Errors
/// None are expected; the gateway's are passed on.
pub async fn demo(sandbox: &Sandbox, speed: f64) -> Result<Connected, Fault> {
    let connect = Connect {
        now: Some(mldeck_gateway::time_source({
            let sandbox = sandbox.clone();
            move || sandbox.now()
        })),
        speed,
        ..mldeck_loopback::connect(sandbox.clone())
    };
    Ok(Connected { gateway: Arc::new(Gateway::connect(connect).await?) })
}
