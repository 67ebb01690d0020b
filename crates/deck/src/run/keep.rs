//! Cache and journal, as the loop sees them: it hands over and hears back by message, and never waits for a disk.

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::journal::Record,
    resource::{Kind, Rows},
    scope::Scope,
    text::Text,
    time::Timestamp,
};
use serde_json::Value;
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};

use crate::{
    app::{Msg, settings},
    config::Environment,
    store::{Cache, Folders, Holder, Journal, PlanLock, Shelf, StoreError, told},
};

/// Kinds that are painted from the cache at start.
const KEPT: [Kind; 4] = [Kind::Endpoint, Kind::Execution, Kind::Run, Kind::Monitor];

/// Rows that are read before all others: more than a terminal is high.
const SCREEN: usize = 128;

/// What is on disk. Either part may be missing: without a cache the first paint waits for AWS, without a journal nothing
/// is changed.
pub struct Keep {
    handle: Handle,
    out: UnboundedSender<Msg>,
    cache: OnceLock<Arc<Cache>>,
    journal: OnceLock<Arc<Journal>>,
    /// Preference that names the scope of the last session with the same flags.
    scope_key: String,
    /// The scope whose rows were sent last.
    recalled: Mutex<Option<Scope>>,
    /// Where locks lie and who we are to others; none without a home.
    locks: OnceLock<(PathBuf, Holder)>,
    held: Mutex<HashMap<Text, PlanLock>>,
}

impl Keep {
    pub fn new(handle: Handle, out: UnboundedSender<Msg>, scope_key: String) -> Self {
        Self {
            handle,
            out,
            cache: OnceLock::new(),
            journal: OnceLock::new(),
            scope_key,
            recalled: Mutex::new(None),
            locks: OnceLock::new(),
            held: Mutex::default(),
        }
    }

    /// Opens both below `folders`; what cannot be opened is said and done without.
    pub fn open(&self, folders: Option<&Folders>, at: Timestamp) {
        let Some(folders) = folders else {
            self.say("No home directory: nothing is kept, and nothing can be changed.");
            self.ledger(Err(fault("opening the journal", "there is no home directory")));
            return;
        };
        let _ = self.locks.set((folders.state.clone(), Holder::this(&Environment::read(), at)));
        match Cache::start(folders) {
            Ok(cache) => {
                let notices = cache.notices();
                let out = self.out.clone();
                self.spawn(async move {
                    for text in notices.await.unwrap_or_default() {
                        let _ = out.send(Msg::Note { text, bad: true });
                    }
                });
                let _ = self.cache.set(Arc::new(cache));
            }
            Err(error) => self.say(&format!("no cache: {error}")),
        }
        match Journal::start(folders, at) {
            Ok(journal) => {
                self.read_journal(&journal);
                let _ = self.journal.set(Arc::new(journal));
            }
            Err(error) => self.ledger(Err(fault("opening the journal", &error.to_string()))),
        }
    }

    fn read_journal(&self, journal: &Journal) {
        let (aside, all, out) = (journal.was_set_aside(), journal.read_all(), self.out.clone());
        self.spawn(async move {
            let mut records = Vec::new();
            if let Ok(Some(aside)) = aside.await {
                let text = format!(
                    "The journal was damaged ({}); it is set aside as {}, readable parts in {}.",
                    aside.verdict,
                    aside.file.display(),
                    aside.export.display()
                );
                let _ = out.send(Msg::Note { text: Text::new(&text), bad: true });
                records.extend(aside.intact);
            }
            let result = match all.await {
                Ok(more) => {
                    records.extend(more);
                    told(records).map_err(|error| fault("reading the journal", &error.to_string()))
                }
                Err(error) => Err(fault("reading the journal", &error.to_string())),
            };
            let _ = out.send(Msg::Ledger(result));
        });
    }

    /// Rows for the next first paint.
    pub fn keep(&self, scope: &Scope, rows: Rows, worst_first: bool, at: Timestamp) {
        if let Some(cache) = self.cache.get() {
            drop(if worst_first { cache.save_worst_first(scope, rows, at) } else { cache.save(scope, rows, at) });
        }
    }

    /// The rows that are kept are still true.
    pub fn still(&self, scope: &Scope, kind: Kind, at: Timestamp) {
        if let Some(cache) = self.cache.get() {
            drop(cache.still(scope, kind, at));
        }
    }

    /// Sends what is known of this scope from before, once: what fits on a screen first.
    pub fn recall(&self, scope: &Scope) {
        let Some(cache) = self.cache.get() else { return };
        if self.recalled.lock().unwrap_or_else(PoisonError::into_inner).replace(scope.clone()).as_ref() == Some(scope) {
            return;
        }
        for kind in KEPT {
            let (cache, scope, out) = (Arc::clone(cache), scope.clone(), self.out.clone());
            let answer = cache.load_window(&scope, kind, 0, SCREEN);
            self.spawn(async move {
                let Ok(Some(first)) = answer.await else { return };
                let is_whole = first.rows.len() == first.total;
                let _ = out.send(Msg::Cached { scope: scope.clone(), kind, rows: first.rows, as_of: first.at });
                if !is_whole && let Ok(Some(all)) = cache.load(&scope, kind).await {
                    let _ = out.send(Msg::Cached { scope, kind, rows: all.rows, as_of: all.at });
                }
            });
        }
    }

    /// Makes a record durable; the answer is a message.
    pub fn journal(&self, op: Text, record: Record) {
        let Some(journal) = self.journal.get() else {
            let result = Err(fault("writing the journal", "it is not open"));
            let _ = self.out.send(Msg::Journaled { op, record: Box::new(record), result });
            return;
        };
        let body = serde_json::to_value(&record).unwrap_or(Value::Null);
        let kind = match body.get("entry") {
            Some(Value::Object(entry)) => entry.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let (answer, out) = (journal.append(record.op.as_str(), &kind, body, record.at), self.out.clone());
        self.spawn(async move {
            let result = answer.await.map(drop).map_err(|error| fault("writing the journal", &error.to_string()));
            let _ = out.send(Msg::Journaled { op, record: Box::new(record), result });
        });
    }

    /// The journal and the folder that it lies in, for who shares it; `None` without one.
    pub fn shareable(&self) -> Option<(Arc<Journal>, PathBuf)> {
        Some((Arc::clone(self.journal.get()?), self.locks.get()?.0.clone()))
    }

    /// Takes the lock of a plan, for as long as this process lives or until it is released.
    pub fn claim(&self, op: Text) {
        let result = match self.locks.get() {
            None => Err(Text::new("nobody: there is no folder for locks")),
            Some((state, holder)) => match PlanLock::take(state, op.as_str(), holder) {
                Ok(lock) => {
                    self.held().insert(op.clone(), lock);
                    Ok(())
                }
                Err(StoreError::Held(other)) => Err(Text::new(&other.to_string())),
                Err(error) => Err(Text::new(&format!("nobody ({error})"))),
            },
        };
        let _ = self.out.send(Msg::Claimed { op, result });
    }

    pub fn release(&self, op: &Text) {
        drop(self.held().remove(op));
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Text, PlanLock>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn remember(&self, key: &str, value: Value) {
        if let Some(cache) = self.cache.get() {
            drop(cache.put(Shelf::Preference, key, value));
        }
    }

    /// Sends the theme that was chosen last; whether it is shown is decided by the model.
    pub fn recall_theme(&self) {
        let Some(cache) = self.cache.get() else { return };
        let (answer, out) = (cache.get(Shelf::Preference, settings::THEME), self.out.clone());
        self.spawn(async move {
            if let Ok(Some(Value::String(name))) = answer.await {
                let _ = out.send(Msg::ThemeRecalled(name));
            }
        });
    }

    /// The scope that the same flags led to last time. Blocks on the cache thread: it is what the first rows wait for.
    pub fn last_scope(&self) -> Option<Scope> {
        let value = self.cache.get()?.get(Shelf::Preference, &self.scope_key).wait().ok().flatten()?;
        serde_json::from_value(value).ok()
    }

    /// Paints that scope's rows before anybody has answered; the identity confirms or drops them.
    pub fn presume(&self, scope: &Scope) {
        let _ = self.out.send(Msg::Presumed(scope.clone()));
        self.recall(scope);
    }

    /// The scope that these flags led to.
    pub fn settled(&self, scope: &Scope) {
        if let Ok(value) = serde_json::to_value(scope) {
            self.remember(&self.scope_key, value);
        }
    }

    fn say(&self, text: &str) {
        let _ = self.out.send(Msg::Note { text: Text::new(text), bad: true });
    }

    fn ledger(&self, result: Result<Vec<Record>, Fault>) {
        let _ = self.out.send(Msg::Ledger(result));
    }

    #[expect(clippy::disallowed_methods, reason = "waits for a disk thread's answer; there is nothing to cancel")]
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }
}

fn fault(doing: &str, message: &str) -> Fault {
    Fault::new(FaultKind::Refused, doing, message)
}
