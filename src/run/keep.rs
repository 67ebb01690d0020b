//! Cache and journal, as the loop sees them: it hands over and hears back by message, and never waits for a disk.

use std::{future::Future, sync::OnceLock};

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
    app::Msg,
    store::{Cache, Folders, Journal, Shelf},
};

/// Kinds that are painted from the cache at start.
const KEPT: [Kind; 4] = [Kind::Endpoint, Kind::Execution, Kind::Run, Kind::Monitor];

/// What is on disk. Either part may be missing: without a cache the first paint waits for AWS, without a journal nothing
/// is changed.
pub struct Keep {
    handle: Handle,
    out: UnboundedSender<Msg>,
    cache: OnceLock<Cache>,
    journal: OnceLock<Journal>,
    /// Preference that names the scope of the last session with the same flags.
    scope_key: String,
}

impl Keep {
    pub fn new(handle: Handle, out: UnboundedSender<Msg>, scope_key: String) -> Self {
        Self { handle, out, cache: OnceLock::new(), journal: OnceLock::new(), scope_key }
    }

    /// Opens both below `folders`; what cannot be opened is said and done without.
    pub fn open(&self, folders: Option<&Folders>, at: Timestamp) {
        let Some(folders) = folders else {
            self.say("No home directory: nothing is kept, and nothing can be changed.");
            self.ledger(Err(fault("opening the journal", "there is no home directory")));
            return;
        };
        match Cache::start(folders) {
            Ok(cache) => {
                let notices = cache.notices();
                let out = self.out.clone();
                self.spawn(async move {
                    for text in notices.await.unwrap_or_default() {
                        let _ = out.send(Msg::Note { text, bad: true });
                    }
                });
                let _ = self.cache.set(cache);
            }
            Err(error) => self.say(&format!("no cache: {error}")),
        }
        match Journal::start(folders, at) {
            Ok(journal) => {
                self.read_journal(&journal);
                let _ = self.journal.set(journal);
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
                    // Entries of other kinds (a replaced journal's first) are not operations.
                    Ok(records.into_iter().filter_map(|r| serde_json::from_value::<Record>(r.body).ok()).collect())
                }
                Err(error) => Err(fault("reading the journal", &error.to_string())),
            };
            let _ = out.send(Msg::Ledger(result));
        });
    }

    /// Rows for the next first paint.
    pub fn keep(&self, scope: &Scope, rows: Rows, at: Timestamp) {
        if let Some(cache) = self.cache.get() {
            drop(cache.save(scope, rows, at));
        }
    }

    /// Sends what is known of this scope from before.
    pub fn recall(&self, scope: &Scope) {
        let Some(cache) = self.cache.get() else { return };
        for kind in KEPT {
            let (answer, out) = (cache.load(scope, kind), self.out.clone());
            self.spawn(async move {
                if let Ok(Some(stored)) = answer.await {
                    let _ = out.send(Msg::Cached { kind, rows: stored.rows, as_of: stored.at });
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

    pub fn remember(&self, key: &str, value: Value) {
        if let Some(cache) = self.cache.get() {
            drop(cache.put(Shelf::Preference, key, value));
        }
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
