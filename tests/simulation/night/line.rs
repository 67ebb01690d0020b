//! The line between a desk and the account: what passes it is late as on a network, may be hit by a fault, and is seen by
//! the rules.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use mldeck_core::time::Timestamp;
use mldeck_loopback::{Peer, arrive};
use tokio::time::Instant;

use super::{account, scene::Scene};

/// The time of the runtime, which passes only while everybody waits.
#[expect(clippy::disallowed_methods, reason = "the one wrapper: the clock of the simulation")]
pub fn instant() -> Instant {
    Instant::now()
}

/// True time of the account.
#[derive(Clone, Copy)]
pub struct Clock {
    pub began: Instant,
    pub epoch: Timestamp,
}

impl Clock {
    /// Milliseconds since the night began.
    pub fn elapsed(&self) -> i64 {
        i64::try_from(instant().duration_since(self.began).as_millis()).unwrap_or(i64::MAX)
    }

    pub fn now(&self) -> Timestamp {
        self.epoch.plus(self.elapsed())
    }
}

/// What every part of a night may look at and move.
pub type Shared = Arc<Mutex<Scene>>;

pub fn lock(scene: &Shared) -> MutexGuard<'_, Scene> {
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One desk's line.
#[derive(Clone)]
pub struct Line {
    pub scene: Shared,
    pub desk: usize,
}

impl Peer for Line {
    async fn answer(
        &self,
        request: http::Request<Bytes>,
        patience: Option<Duration>,
    ) -> Result<http::Response<Bytes>, ConnectorError> {
        let (there, back) = lock(&self.scene).travel();
        tokio::time::sleep(there).await;
        let delivery = {
            let mut scene = lock(&self.scene);
            scene.live();
            let operation = account::operation(&request);
            scene.arrives(self.desk, &operation, &request);
            let delivery = scene.account.world.deliver(&request);
            scene.answered(self.desk, &operation, &delivery);
            delivery
        };
        tokio::time::sleep(back).await;
        arrive(delivery, patience).await
    }
}
