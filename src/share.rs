//! Lock and ledger that hosts share, as both drivers use them: the lock is asked for under a leave made here, and the journal
//! is brought to the table entry by entry, its mark moved only over what arrived.

use std::{path::PathBuf, sync::Arc};

use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        journal::Record,
        team::{self, Shared, Verdict, Want},
    },
    scope::Scope,
    text::Text,
};
use mldeck_gateway::{Gateway, TeamLeave};

use crate::store::{
    Journal,
    mark::{self, Mark},
};

/// Leave to write rows of the team's table in this account and region. Who may change nothing never asks.
fn leave(gateway: &Gateway, scope: &Scope) -> Result<TeamLeave, Fault> {
    let none =
        || Fault::new(FaultKind::Setup, "writing the team table", "no table is named: [team] table in config.toml");
    gateway.team_table().cloned().map(|table| TeamLeave::rows(scope.clone(), table)).ok_or_else(none)
}

/// Does what is wanted of a lock.
pub async fn lock(gateway: &Gateway, want: &Want) -> Verdict {
    match leave(gateway, &want.lock().scope) {
        Ok(leave) => gateway.lock(want, &leave).await,
        Err(fault) => Verdict::Unreachable(fault),
    }
}

/// Brings the journal of this host to the team's ledger.
pub struct Courier {
    pub gateway: Arc<Gateway>,
    pub journal: Arc<Journal>,
    /// Where the mark is.
    pub state: PathBuf,
    /// What this host is called there.
    pub host: Text,
}

/// So many records are not there, because of that.
#[derive(Clone, Debug)]
pub struct Behind {
    pub left: usize,
    pub fault: Fault,
}

impl Courier {
    fn name(&self, scope: &Scope) -> String {
        format!("{} {scope}", self.gateway.team_table().map(Text::raw).unwrap_or_default())
    }

    /// What the journal has of this account and region and the table has not, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn pending(&self, scope: &Scope) -> Result<Vec<Shared>, Fault> {
        let entries = self.journal.read_all().await?;
        let mark = mark::read(&self.state, &self.name(scope));
        let known = entries.iter().any(|entry| entry.seq == mark.seq && entry.hash == mark.hash);
        let from = if known { mark.seq } else { 0 };
        let read = |body| serde_json::from_value::<Record>(body).ok();
        let (numbers, records): (Vec<(u64, String)>, Vec<Record>) =
            entries.into_iter().filter_map(|entry| Some(((entry.seq, entry.hash), read(entry.body)?))).unzip();
        let here = team::pending(&records, scope).into_iter();
        let shared = here.filter_map(|at| {
            let ((seq, hash), record) = (numbers.get(at)?, records.get(at)?);
            (*seq > from).then(|| Shared::new(&self.host, *seq, hash, record))
        });
        Ok(shared.collect())
    }

    /// Writes what is pending; a record that is there already is fine.
    ///
    /// # Errors
    /// How many are left, and the fault of the first of them. The journal has them all.
    pub async fn catch_up(&self, scope: &Scope) -> Result<usize, Behind> {
        let behind = |left| move |fault| Behind { left, fault };
        let pending = self.pending(scope).await.map_err(behind(0))?;
        if pending.is_empty() {
            return Ok(0);
        }
        let leave = leave(&self.gateway, scope).map_err(behind(pending.len()))?;
        let mut mark = None;
        let mut result = Ok(pending.len());
        for (at, shared) in pending.iter().enumerate() {
            if let Err(fault) = self.gateway.share(scope, shared, &leave).await {
                result = Err(Behind { left: pending.len() - at, fault });
                break;
            }
            mark = Some(Mark { seq: shared.seq, hash: shared.hash.raw() });
        }
        if let Some(mark) = mark
            && let Err(error) = mark::write(&self.state, &self.name(scope), mark)
        {
            // More is repeated next time, and nothing is lost.
            tracing::warn!("the mark of the team ledger: {error}");
        }
        result
    }
}
