//! Performs effects: each slot has at most one task; a newer one replaces it. Answers come back as messages.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use mldeck_core::{
    ask::{Answer, Ask, Sent, Write},
    fault::{Fault, FaultKind},
    login::Code,
    ops::team::{Verdict, Want},
    scope::Scope,
    text::Text,
};
use mldeck_gateway::{Gateway, Grant};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc::UnboundedSender},
    task::AbortHandle,
};

use crate::{
    app::{
        Msg, Slot, Ticket,
        msg::{Effect, Traffic},
    },
    backends::Connected,
    config::Sources,
    run::keep::Keep,
    share::{self, Behind, Courier},
};

/// The gateway arrives later than the first frame: reading the credential configuration may take seconds.
pub struct Gate {
    ready: OnceLock<Result<Arc<Connected>, Fault>>,
    came: Notify,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { ready: OnceLock::new(), came: Notify::new() })
    }

    pub fn open(&self, result: Result<Connected, Fault>) {
        let _ = self.ready.set(result.map(Arc::new));
        self.came.notify_waiters();
    }

    pub fn get(&self) -> Option<&Result<Arc<Connected>, Fault>> {
        self.ready.get()
    }

    async fn wait(&self) -> Result<Arc<Connected>, Fault> {
        loop {
            let came = self.came.notified();
            if let Some(result) = self.ready.get() {
                return result.clone();
            }
            came.await;
        }
    }
}

pub struct Runner {
    handle: Handle,
    gate: Arc<Gate>,
    keep: Arc<Keep>,
    sources: Arc<Sources>,
    out: UnboundedSender<Msg>,
    slots: HashMap<Slot, AbortHandle>,
    /// What confirmations allow, by operation. A send without one is refused.
    grants: HashMap<Text, Grant>,
    sign_in: Option<AbortHandle>,
}

impl Runner {
    pub fn new(handle: Handle, gate: Arc<Gate>, keep: Arc<Keep>, sources: Sources, out: UnboundedSender<Msg>) -> Self {
        Self {
            handle,
            gate,
            keep,
            sources: Arc::new(sources),
            out,
            slots: HashMap::new(),
            grants: HashMap::new(),
            sign_in: None,
        }
    }

    /// Effects that the terminal or the loop performs are given back.
    pub fn perform(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Ask { slot, ticket, ask } => self.ask(slot, ticket, ask),
            Effect::Drop(slot) => {
                if let Some(task) = self.slots.remove(&slot) {
                    task.abort();
                }
            }
            Effect::OpRead { op, ticket, ask } => self.read(op, ticket, ask),
            Effect::Allow { op, scope, plan, calls, expires } => {
                self.grants.insert(op, Grant::for_plan(scope, plan, &calls, expires));
            }
            Effect::Send { op, ticket, write } => self.send(op, ticket, *write),
            Effect::Lock { op, ticket, want } => self.lock(op, ticket, *want),
            Effect::Share { scope, host } => self.share(scope, host),
            Effect::Claim { op } => self.keep.claim(op),
            Effect::Release { op } => {
                self.grants.remove(&op);
                self.keep.release(&op);
            }
            Effect::Keep { scope, rows, worst_first, at } => self.keep.keep(&scope, rows, worst_first, at),
            Effect::Still { scope, kind, at } => self.keep.still(&scope, kind, at),
            Effect::Recall(scope) => {
                self.keep.settled(&scope);
                self.keep.recall(&scope);
            }
            Effect::Journal { op, record } => self.keep.journal(op, *record),
            Effect::Remember { key, value } => self.keep.remember(&key, value),
            Effect::Disallow => self.grants.clear(),
            Effect::SignIn { ticket, code, anew } => self.sign_in(ticket, code, anew),
            Effect::SignInDrop => {
                if let Some(task) = self.sign_in.take() {
                    task.abort();
                }
            }
            Effect::Reload => self.reload(),
            other => return Some(other),
        }
        None
    }

    fn ask(&mut self, slot: Slot, ticket: Ticket, ask: Ask) {
        let (gate, out) = (Arc::clone(&self.gate), self.out.clone());
        let task = self.spawn(async move {
            let result = match gate.wait().await {
                Ok(connected) => {
                    let result = connected.gateway.ask(&ask).await;
                    let _ = out.send(Msg::Traffic(traffic(&connected.gateway)));
                    result
                }
                Err(fault) => Err(fault),
            };
            let _ = out.send(Msg::Reply { slot, ticket, result });
        });
        if let Some(older) = self.slots.insert(slot, task) {
            older.abort();
        }
    }

    /// The executor's reads are never replaced by another view's.
    fn read(&self, op: Text, ticket: u32, ask: Ask) {
        let (gate, out) = (Arc::clone(&self.gate), self.out.clone());
        self.spawn(async move {
            let result = match gate.wait().await {
                Ok(connected) => connected.gateway.ask(&ask).await,
                Err(fault) => Err(fault),
            };
            let _ = out.send(Msg::OpRead { op, ticket, result });
        });
    }

    fn sign_in(&mut self, ticket: u32, code: Option<Code>, anew: bool) {
        let (gate, out) = (Arc::clone(&self.gate), self.out.clone());
        let task = self.spawn(async move {
            let told = {
                let out = out.clone();
                move |step| drop(out.send(Msg::SignIn { ticket, result: Ok(step) }))
            };
            let result = match gate.wait().await {
                Ok(connected) => connected.gateway.sign_in(code.as_ref(), anew, &told).await,
                Err(fault) => Err(fault),
            };
            let _ = out.send(Msg::SignIn { ticket, result });
        });
        if let Some(older) = self.sign_in.replace(task) {
            older.abort();
        }
    }

    fn reload(&self) {
        let (sources, out) = (Arc::clone(&self.sources), self.out.clone());
        self.handle.spawn_blocking(move || {
            let _ = out.send(Msg::Reloaded(Box::new(sources.read())));
        });
    }

    /// A write is never aborted by us: once it left, only its answer or its loss ends it.
    fn send(&self, op: Text, ticket: u32, write: Write) {
        let (gate, out, grant) = (Arc::clone(&self.gate), self.out.clone(), self.grants.get(&op).cloned());
        self.spawn(async move {
            let sent = match (gate.wait().await, grant) {
                (Ok(connected), Some(grant)) => connected.gateway.send(&write, &grant).await,
                (Ok(_), None) => {
                    let message = "no confirmation of this operation was given in this session";
                    Sent::Refused(Fault::new(FaultKind::Refused, write.call.operation(), message))
                }
                (Err(fault), _) => Sent::Refused(fault),
            };
            let _ = out.send(Msg::OpSent { op, ticket, sent });
        });
    }

    /// The lock that hosts share, beside everything else.
    fn lock(&self, op: Text, ticket: u32, want: Want) {
        let (gate, out) = (Arc::clone(&self.gate), self.out.clone());
        self.spawn(async move {
            let verdict = match gate.wait().await {
                Ok(connected) => share::lock(&connected.gateway, &want).await,
                Err(fault) => Verdict::Unreachable(fault),
            };
            let _ = out.send(Msg::OpLocked { op, ticket, verdict: Box::new(verdict) });
        });
    }

    fn share(&self, scope: Scope, host: Text) {
        let (gate, out, keep) = (Arc::clone(&self.gate), self.out.clone(), Arc::clone(&self.keep));
        self.spawn(async move {
            let result = match (gate.wait().await, keep.shareable()) {
                (Ok(connected), Some((journal, state))) => {
                    let courier = Courier { gateway: Arc::clone(&connected.gateway), journal, state, host };
                    courier.catch_up(&scope).await
                }
                (Err(fault), _) => Err(Behind { left: 0, fault }),
                (Ok(_), None) => Err(Behind {
                    left: 0,
                    fault: Fault::new(FaultKind::Refused, "reading the journal", "it is not open"),
                }),
            };
            let (left, fault) = result.err().map_or((0, None), |behind| (behind.left, Some(behind.fault)));
            let _ = out.send(Msg::Shared { left, fault });
        });
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that spawns: tasks belong to slots and to operations")]
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let out = self.out.clone();
        let task = self.handle.spawn(future);
        let abort = task.abort_handle();
        self.handle.spawn(async move {
            // The SDK's credential code can panic when the clock goes backwards: that must be said, not lost.
            if let Err(error) = task.await
                && error.is_panic()
            {
                let text = Text::new("A background task failed: a bug in mldeck. Keys still answer; r asks again.");
                let _ = out.send(Msg::Note { text, bad: true });
            }
        });
        abort
    }
}

fn traffic(gateway: &Gateway) -> Traffic {
    let load = gateway.load();
    Traffic {
        calls_per_min: load.calls_per_minute as f64,
        dollars_per_hour: load.dollars_per_hour,
        recent: gateway.calls(),
    }
}

/// Headless verbs ask and wait.
pub async fn ask(connected: &Connected, ask: &Ask, limit: Duration) -> Result<Answer, Fault> {
    match tokio::time::timeout(limit, connected.gateway.ask(ask)).await {
        Ok(result) => result,
        Err(_) => Err(Fault::new(FaultKind::Timeout, "waiting for AWS", "no answer within the time limit")),
    }
}
