//! The network side of mldeck: sessions, pace, faults, the write gate, and what AWS says in domain types.
//!
//! [`Gateway::ask`] answers every question of [`mldeck_core::ask`]; [`Gateway::send`] makes one write. A concrete type
//! on purpose: what makes it testable is the wire below it, not a trait above it.

use std::{
    collections::HashSet,
    error::Error,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use mldeck_core::{
    ask::{Answer, Ask, CallMade},
    fault::{Fault, FaultKind},
    text::Text,
    time::Timestamp,
};

mod calls;
mod clock;
mod cloudtrail;
mod cloudwatch;
mod fault;
pub mod gate;
mod json;
mod kept;
mod lanes;
mod login;
mod logs;
mod memory;
mod pace;
mod raw;
mod review;
mod rules;
mod s3;
mod sagemaker;
mod scaling;
mod session;
mod signed;
mod team;
mod wire;
mod write;

pub use calls::{Load, Observer};
pub use gate::{Class, Grant, TeamLeave};
pub use login::end_helpers;
pub use session::{Connect, sandbox_credentials, time_source};

use fault::Doing;
use memory::Memory;
use pace::{Pace, Service};
use sagemaker::Sight;
use session::{Clients, Verified};
use wire::{Watch, Wire};

tokio::task_local! {
    /// Set while something is answered that must not queue behind polls.
    static URGENT: ();
}

/// What the gateway is asked, until it is answered. Boxed here and not by the caller: the body of an async function is
/// compiled where it is first polled, and everything below this line (the SDK's own futures) is to be compiled in this
/// crate, at its optimisation level, and once.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One account and region, reached with one set of credentials.
#[derive(Debug)]
pub struct Gateway {
    connect: Connect,
    watch: Arc<Watch>,
    wire: Wire,
    clients: RwLock<Arc<Clients>>,
    pace: Pace,
    memory: Memory,
    sight: Sight,
    /// Operations that this address turned out not to offer: never asked again.
    not_offered: Mutex<HashSet<&'static str>>,
    verified: tokio::sync::Mutex<Option<Verified>>,
    /// Credentials were refused since the chain was built.
    login_failed: AtomicBool,
    /// What people gave codes for; outlives a chain that is built again.
    vault: Arc<login::Vault>,
}

impl Gateway {
    /// Reads configuration; nothing is asked of AWS yet.
    ///
    /// # Errors
    /// [`FaultKind::Setup`] when there is no region or the address is malformed.
    pub fn connect(connect: Connect) -> Pending<'static, Result<Self, Fault>> {
        Box::pin(Self::open(connect))
    }

    async fn open(connect: Connect) -> Result<Self, Fault> {
        let watch = Arc::new(Watch {
            clock: clock::Clock::new(connect.time()),
            calls: calls::Calls::new(connect.observer.clone()),
            identity_key: Mutex::default(),
            other_key: AtomicBool::new(false),
        });
        let wire = Wire::new(connect.http(), Arc::clone(&watch));
        let vault = Arc::default();
        let clients = Clients::connect(&connect, wire.clone(), &vault).await?;
        Ok(Self {
            pace: Pace::new(if connect.speed > 0.0 { connect.speed } else { 1.0 }),
            connect,
            watch,
            wire,
            clients: RwLock::new(Arc::new(clients)),
            memory: Memory::default(),
            sight: Sight::default(),
            not_offered: Mutex::default(),
            verified: tokio::sync::Mutex::default(),
            login_failed: AtomicBool::new(false),
            vault,
        })
    }

    /// Answers `ask`, in as few calls as it takes.
    ///
    /// # Errors
    /// The fault of the call that the answer cannot do without. What it can do without is named in the answer.
    pub fn ask<'a>(&'a self, ask: &'a Ask) -> Pending<'a, Result<Answer, Fault>> {
        match ask {
            // A plan, the step of an operation, and who we are: somebody waits.
            Ask::Facts { .. } | Ask::Target(_) | Ask::Identity => Box::pin(URGENT.scope((), self.answer(ask))),
            _ => Box::pin(self.answer(ask)),
        }
    }

    async fn answer(&self, ask: &Ask) -> Result<Answer, Fault> {
        // Boxed one by one: the futures of the SDK are large, and only one of them is ever alive.
        match ask {
            Ask::Identity => Box::pin(self.identity()).await.map(Answer::Identity),
            Ask::Endpoints { more } => {
                let (rows, more) = Box::pin(self.endpoints(more.as_ref())).await?;
                Ok(Answer::Endpoints { rows, more })
            }
            Ask::Details(name) => {
                let details = Box::pin(self.details(name)).await;
                Ok(Answer::Details(vec![(name.clone(), details)]))
            }
            Ask::Rows { rows, instances } => Ok(Answer::Details(Box::pin(self.rows(rows, *instances)).await)),
            Ask::Target(target) => Box::pin(self.look(target)).await.map(Answer::Seen),
            Ask::Measure(around) => {
                Box::pin(self.measured(around)).await.map(|measured| Answer::Measured(Box::new(measured)))
            }
            Ask::Facts { intent, deep } => {
                Box::pin(self.facts(intent, *deep)).await.map(|facts| Answer::Facts(Box::new(facts)))
            }
            Ask::Vitals(rows) => Box::pin(self.vitals(rows)).await.map(Answer::Vitals),
            Ask::Alarms => Box::pin(self.alarms()).await.map(Answer::Alarms),
            Ask::Changes { since } => Box::pin(self.changes(*since)).await.map(Answer::Changes),
            Ask::EndpointSeries { endpoint, variants, from, to } => {
                Box::pin(self.endpoint_series(endpoint, variants, *from, *to)).await.map(Answer::Series)
            }
            Ask::Logs(of) => Box::pin(self.log_lines(of)).await.map(Answer::Logs),
            Ask::Executions { since } => Box::pin(self.executions(*since)).await.map(Answer::Executions),
            Ask::Execution { arn, settled } => {
                Box::pin(self.execution(arn, *settled)).await.map(|detail| Answer::Execution(Box::new(detail)))
            }
            Ask::Runs { since, more } => {
                let (rows, more) = Box::pin(self.runs(*since, more.as_ref())).await?;
                Ok(Answer::Runs { rows, more })
            }
            Ask::RunSeries(runs) => Box::pin(self.run_series(runs)).await.map(Answer::RunSeries),
            Ask::Packages => Box::pin(self.packages()).await.map(Answer::Packages),
            Ask::Jobs { since } => Box::pin(self.jobs(*since)).await,
            Ask::Monitors => Box::pin(self.monitors()).await.map(Answer::Monitors),
            Ask::Drift { monitor, endpoint, from, to } => Box::pin(self.drift(monitor, endpoint.as_ref(), *from, *to))
                .await
                .map(|detail| Answer::Drift(Box::new(detail))),
            Ask::TeamTable => Box::pin(self.team_state()).await.map(Answer::TeamTable),
            Ask::TeamLocks => Box::pin(self.locks()).await.map(Answer::TeamLocks),
            Ask::TeamRecords { since } => Box::pin(self.shared_records(*since)).await.map(Answer::TeamRecords),
            Ask::Raw { kind, name } => Box::pin(self.raw(*kind, name)).await.map(Answer::Raw),
        }
    }

    /// The last calls, newest last.
    pub fn calls(&self) -> Vec<CallMade> {
        self.watch.calls.list()
    }

    pub fn load(&self) -> Load {
        self.watch.calls.load(self.now())
    }

    /// Account time: the clock of this session, corrected by what AWS says.
    pub fn now(&self) -> Timestamp {
        self.watch.clock.now()
    }

    /// Milliseconds that AWS is ahead of the local clock; 0 while it does not matter.
    pub fn skew(&self) -> i64 {
        self.watch.clock.skew()
    }

    pub fn region(&self) -> String {
        self.clients().region.clone()
    }

    /// True when credentials failed or changed since they were verified: [`Ask::Identity`] is due.
    pub fn needs_identity(&self) -> bool {
        self.login_failed.load(Ordering::SeqCst) || self.watch.other_key.load(Ordering::SeqCst)
    }

    /// True while AWS throttles us and polling is slowed down.
    pub fn is_slowed(&self) -> bool {
        self.pace.is_slowed()
    }

    fn clients(&self) -> Arc<Clients> {
        Arc::clone(&self.clients.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One read: paced, never asked again where it is not offered, its failure told in our words.
    ///
    /// Not an `async fn`, which would keep the SDK's large future in its own, and that in its caller's, and so on up.
    fn read<T, E>(
        &self,
        service: Service,
        doing: Doing,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> impl Future<Output = Result<T, Fault>> + Send
    where
        T: Send,
        E: Error + ProvideErrorMetadata + Send + 'static,
    {
        let call = Box::pin(call);
        self.paced(service, doing, async move { call.await.map_err(|error| fault::from_sdk(&error, doing)) })
    }

    /// As [`Self::read`], for requests that we build ourselves.
    fn paced<T: Send>(
        &self,
        service: Service,
        doing: Doing,
        call: impl Future<Output = Result<T, Fault>> + Send,
    ) -> impl Future<Output = Result<T, Fault>> + Send {
        self.in_turn(service, doing, Box::pin(call))
    }

    async fn in_turn<T>(
        &self,
        service: Service,
        doing: Doing,
        call: Pin<Box<impl Future<Output = Result<T, Fault>>>>,
    ) -> Result<T, Fault> {
        if self.not_offered.lock().unwrap_or_else(PoisonError::into_inner).contains(doing.operation) {
            let kind = FaultKind::NotOffered { operation: Text::new(doing.operation) };
            return Err(Fault::new(kind, doing.words, "asked before"));
        }
        if URGENT.try_with(|()| ()).is_ok() {
            self.pace.urgent(service).await;
        } else {
            self.pace.poll(service).await;
        }
        let result = call.await;
        match &result {
            Ok(_) => self.pace.faster(service),
            Err(fault) => self.learn(service, doing, fault),
        }
        result
    }

    /// As [`Self::learn`]; that a write is not offered is for its plan to know.
    fn learn_from_write(&self, service: Service, fault: &Fault) {
        match fault.kind {
            FaultKind::Throttled => self.pace.slower(service),
            FaultKind::Login(_) => self.login_failed.store(true, Ordering::SeqCst),
            _ => {}
        }
    }

    fn learn(&self, service: Service, doing: Doing, fault: &Fault) {
        match fault.kind {
            FaultKind::Throttled => self.pace.slower(service),
            FaultKind::Login(_) => self.login_failed.store(true, Ordering::SeqCst),
            FaultKind::NotOffered { .. } => {
                self.not_offered.lock().unwrap_or_else(PoisonError::into_inner).insert(doing.operation);
            }
            _ => {}
        }
    }
}

/// Time of the SDK as account time; the epoch when AWS left it out.
fn time(at: Option<&aws_smithy_types::DateTime>) -> Timestamp {
    maybe_time(at).unwrap_or_default()
}

fn maybe_time(at: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    at.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis)
}

fn sdk_time(at: Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_secs(at.secs())
}

fn text(value: Option<&str>) -> Text {
    value.map(Text::new).unwrap_or_default()
}

fn maybe(value: Option<&str>) -> Option<Text> {
    value.filter(|value| !value.is_empty()).map(Text::new)
}

/// The shortest decimal that is this number: SageMaker's weights and metrics are single precision, and `0.1` must not
/// become `0.10000000149`.
fn tidy(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}
