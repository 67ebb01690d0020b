//! The table that hosts share, in DynamoDB's JSON: locks and the ledger. Rows are written under a [`TeamLeave`] only, each on
//! a condition, so that an answer that was lost can be read.

use std::time::Duration;

use bytes::Bytes;
use mldeck_core::{
    ask::Sent,
    fault::{Fault, FaultKind},
    ops::{
        target::Target,
        team::{self, HASH_KEY, Judged, LEASE, Lock, RANGE_KEY, Request, RowAction, Shared, Table, Verdict, Want},
    },
    scope::Scope,
    text::Text,
    time::{MINUTE, Timestamp},
};
use serde_json::Value;

use crate::{
    Gateway, Pending, URGENT,
    fault::Doing,
    gate::{Permit, TeamLeave},
    json::{Api, list, string},
    pace::Service,
    session::Verified,
};

const API: Api = Api {
    pace: Service::Team,
    service_id: "DynamoDB",
    host: "dynamodb",
    signing: "dynamodb",
    target: "DynamoDB_20120810",
    version: "1.0",
};

/// An operation waits for its lock: what takes longer counts as out of reach.
const PATIENCE: Duration = Duration::from_secs(12);
/// A plan is on screen with facts that must not grow old meanwhile.
const GLANCE: Duration = Duration::from_secs(3);
/// A lock that somebody else takes between our look and our write is looked at again, this often.
const ROUNDS: usize = 3;
/// 1 MB each.
const PAGES: usize = 200;

const fn reading(operation: &'static str) -> Doing {
    Doing { prefix: "dynamodb", operation, words: "reading the team table" }
}

const fn writing(action: RowAction) -> Doing {
    Doing { prefix: "dynamodb", operation: action.name(), words: action.words() }
}

impl Gateway {
    /// The table that was named when this gateway was connected.
    pub fn team_table(&self) -> Option<&Text> {
        self.connect.team.as_ref()
    }

    fn table(&self) -> Result<&Text, Fault> {
        let none = "no table is named: [team] table in config.toml";
        self.team_table().ok_or_else(|| Fault::new(FaultKind::Setup, "reading the team table", none))
    }

    /// Does what is wanted of a lock and says how it stands. Nothing is written that `leave` does not cover.
    pub fn lock<'a>(&'a self, want: &'a Want, leave: &'a TeamLeave) -> Pending<'a, Verdict> {
        Box::pin(URGENT.scope((), async move {
            match tokio::time::timeout(PATIENCE, self.locked(want, leave)).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(fault)) => Verdict::Unreachable(fault),
                Err(_) => Verdict::Unreachable(Fault::new(FaultKind::Timeout, RowAction::UpdateItem.words(), "")),
            }
        }))
    }

    async fn locked(&self, want: &Want, leave: &TeamLeave) -> Result<Verdict, Fault> {
        let table = leave.table();
        match want {
            Want::Take(lock) => self.take(lock, false, leave).await,
            Want::Force(lock) => self.take(lock, true, leave).await,
            Want::Renew(lock) => {
                let until = self.now().plus(LEASE);
                match self.write_row(&team::renew(table, lock, until), leave).await {
                    Ok(()) => Ok(Verdict::Held(Lock { expires: until, ..lock.clone() })),
                    Err(fault) if fault.kind == FaultKind::Conflict => self.standing(&lock.target, &lock.scope).await,
                    Err(fault) => Err(fault),
                }
            }
            Want::Free(lock) => match self.write_row(&team::give_back(table, lock, self.now()), leave).await {
                // It was not ours any more.
                Err(fault) if fault.kind != FaultKind::Conflict => Err(fault),
                _ => Ok(Verdict::Free),
            },
        }
    }

    async fn take(&self, wanted: &Lock, force: bool, leave: &TeamLeave) -> Result<Verdict, Fault> {
        let mut lost = None;
        for _ in 0..ROUNDS {
            let row = self.read_lock(leave.table(), &wanted.target, &wanted.scope).await?;
            let epoch = match team::judge(row.as_ref(), wanted, force, self.now()) {
                // Of an answer that was lost, the row tells.
                Judged::Ours(lock) => return Ok(Verdict::Held(lock)),
                Judged::Other(lock) => return Ok(Verdict::Other(lock)),
                Judged::Take { epoch } => epoch,
            };
            match self.write_row(&team::take(leave.table(), wanted, epoch), leave).await {
                Ok(()) => return Ok(Verdict::Held(Lock { epoch: epoch + 1, ..wanted.clone() })),
                Err(fault) if fault.kind == FaultKind::Conflict || fault.is_passing() => lost = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(lost.unwrap_or_else(|| Fault::new(FaultKind::Conflict, RowAction::UpdateItem.words(), "")))
    }

    async fn read_lock(&self, table: &Text, target: &Target, scope: &Scope) -> Result<Option<Lock>, Fault> {
        let body = team::read_lock(table, (scope, target));
        let answer = self.read_table(table, reading("GetItem"), &body).await?;
        let Some(row) = answer.get("Item").filter(|row| row.as_object().is_some_and(|row| !row.is_empty())) else {
            return Ok(None);
        };
        let why = "the row of the lock is none of mldeck's";
        team::lock_of(row).map(Some).ok_or_else(|| Fault::new(FaultKind::Unreadable, reading("GetItem").words, why))
    }

    /// How the lock of a thing stands, for one who holds nothing.
    async fn standing(&self, target: &Target, scope: &Scope) -> Result<Verdict, Fault> {
        let row = self.read_lock(self.table()?, target, scope).await?;
        Ok(row.filter(|lock| lock.stands(self.now())).map_or(Verdict::Free, Verdict::Other))
    }

    /// The same for the facts of a plan; `None` without a team.
    pub(crate) async fn lock_of(&self, target: &Target) -> Option<Verdict> {
        self.team_table()?;
        let standing = async { self.standing(target, &self.verified().await?.identity.scope).await };
        Some(match tokio::time::timeout(GLANCE, standing).await {
            Ok(standing) => standing.unwrap_or_else(Verdict::Unreachable),
            Err(_) => Verdict::Unreachable(Fault::new(FaultKind::Timeout, reading("GetItem").words, "")),
        })
    }

    /// Every lock of this account and region that somebody took and did not give back.
    pub(crate) async fn locks(&self) -> Result<Vec<Lock>, Fault> {
        let (table, scope) = (self.table()?, self.verified().await?.identity.scope);
        let rows = self.pages(table, |from| team::locks(table, &scope, from)).await?;
        Ok(rows.iter().filter_map(team::lock_of).filter(|lock| lock.freed.is_none()).collect())
    }

    /// Records of all hosts in this account and region since then, oldest first.
    pub(crate) async fn shared_records(&self, since: Timestamp) -> Result<Vec<Shared>, Fault> {
        let (table, scope) = (self.table()?, self.verified().await?.identity.scope);
        let rows = self.pages(table, |from| team::records(table, &scope, since, from)).await?;
        Ok(rows.iter().filter_map(Shared::of).collect())
    }

    async fn pages(&self, table: &Text, ask: impl Fn(Option<&Value>) -> Value) -> Result<Vec<Value>, Fault> {
        let (mut out, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page = self.read_table(table, reading("Query"), &ask(next.as_ref())).await?;
            let (rows, more) = team::page_of(&page);
            out.extend_from_slice(rows);
            next = more.cloned();
            if next.is_none() {
                return Ok(out);
            }
        }
        Err(Fault::new(FaultKind::Unreadable, reading("Query").words, "it has more pages than are read at once"))
    }

    async fn read_table(&self, table: &Text, doing: Doing, body: &Value) -> Result<Value, Fault> {
        self.json(&API, doing, body).await.map_err(|fault| without_table(fault, table))
    }

    /// Whether the table is there and as it is made here.
    pub(crate) async fn team_state(&self) -> Result<Table, Fault> {
        let table = self.table()?;
        match self.json(&API, reading("DescribeTable"), &team::describe(table)).await {
            Ok(answer) => Ok(state_of(&answer)),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(Table::Missing),
            Err(fault) => Err(fault),
        }
    }

    /// Adds a record to the ledger that hosts share; one that is there already is fine.
    pub fn share<'a>(
        &'a self,
        scope: &'a Scope,
        shared: &'a Shared,
        leave: &'a TeamLeave,
    ) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async move {
            match self.write_row(&team::upload(leave.table(), scope, shared), leave).await {
                Err(fault) if fault.kind == FaultKind::Conflict => Ok(()),
                result => result,
            }
        })
    }

    /// Asks AWS to make the table; it is there when [`mldeck_core::ask::Ask::TeamTable`] says so.
    pub fn create_team_table<'a>(&'a self, leave: &'a TeamLeave) -> Pending<'a, Result<(), Fault>> {
        Box::pin(async move { self.write_row(&team::create(leave.table()), leave).await })
    }

    /// One write, once. What is not known to have landed is a fault that passes.
    async fn write_row(&self, request: &Request, leave: &TeamLeave) -> Result<(), Fault> {
        let doing = writing(request.action);
        let body = Bytes::from(request.body.to_string());
        let allow = |verified: &Verified| match leave.objection(request, &verified.identity.scope) {
            Some(why) => Err(why),
            None => Ok(Permit::for_row(request.action, leave, body.clone(), &verified.key, self.now().plus(MINUTE))),
        };
        match self.under_leave(&API, doing, None, &body, allow).await {
            Sent::Applied { .. } => Ok(()),
            Sent::Refused(fault) | Sent::Unknown(fault) => Err(without_table(fault, leave.table())),
        }
    }
}

fn without_table(mut fault: Fault, table: &Text) -> Fault {
    if fault.kind == FaultKind::Missing {
        fault.message = Text::new(&format!("there is no table {table} here; `mldeck team init` makes it"));
    }
    fault
}

fn state_of(answer: &Value) -> Table {
    let Some(table) = answer.get("Table") else { return Table::Other("its description is empty".to_owned()) };
    let keys: Vec<(&str, &str)> = list(table, "KeySchema")
        .filter_map(|key| Some((string(key, "AttributeName")?, string(key, "KeyType")?)))
        .collect();
    if keys != [(HASH_KEY, "HASH"), (RANGE_KEY, "RANGE")] {
        let told: Vec<String> = keys.iter().map(|(name, kind)| format!("{} {kind}", Text::new(name))).collect();
        return Table::Other(told.join(", "));
    }
    match string(table, "TableStatus") {
        Some("ACTIVE" | "UPDATING") => Table::Ready,
        status => Table::Making(Text::new(status.unwrap_or("unknown"))),
    }
}
