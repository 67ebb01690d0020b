//! `mldeck team`: the table by which several hosts share a lock and a ledger.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mldeck_core::{
    ask::{Answer, Ask},
    fault::{Fault, FaultKind},
    ops::team::{self, Lock, Owner, Table},
    scope::Identity,
    text::Text,
    time::Timestamp,
};
use mldeck_gateway::{Gateway, TeamLeave};
use serde_json::json;

use super::{Global, get, login, operate::Desk, out, start};

#[derive(Debug, Args)]
pub struct Team {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Verb {
    /// Who holds which lock, and what of this host's journal is not there yet.
    Status,
    /// Makes the table that `[team]` names, and waits until it is there.
    Init {
        /// Makes it; without this its AWS CLI line is printed, and nothing is sent.
        #[arg(long)]
        write: bool,
    },
    /// Brings what this host's journal has to the team's ledger.
    Sync {
        /// Writes it; without this it is counted.
        #[arg(long)]
        write: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Between two looks at a table that is being made, and how many of them: as a rule it takes ten seconds.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: usize = 90;

/// Runs the verb; returns the exit code.
pub fn run(team: &Team, global: &Global) -> u8 {
    let (prepared, global) = start::begun(global);
    let (Some(owner), Some(folders)) = (prepared.owner(), prepared.folders.clone()) else {
        out::complain(
            "mldeck: no team: config.toml names no [team] table, so locks and ledger are this host's alone.\n\
             [team]\ntable = \"mldeck-team\"",
        );
        return 2;
    };
    let config = &prepared.setup.config;
    super::connected(&global, async |connected| {
        login::ready(&connected).await?;
        let desk = Desk::new(connected.gateway, &folders, config.classes(), Some(owner.clone()))?;
        match team.verb.unwrap_or(Verb::Status) {
            Verb::Status => status(&desk, &owner, team.output).await,
            Verb::Init { write } => init(&desk.gateway, write, config.read_only).await,
            Verb::Sync { write } => sync(&desk, &owner, write, config.read_only).await,
        }
    })
}

async fn identity(gateway: &Gateway) -> Result<Identity, Fault> {
    match gateway.ask(&Ask::Identity).await? {
        Answer::Identity(identity) => Ok(identity),
        _ => Err(get::unexpected()),
    }
}

async fn table(gateway: &Gateway) -> Result<Table, Fault> {
    match gateway.ask(&Ask::TeamTable).await? {
        Answer::TeamTable(table) => Ok(table),
        _ => Err(get::unexpected()),
    }
}

fn name(gateway: &Gateway) -> Text {
    gateway.team_table().cloned().unwrap_or_default()
}

async fn status(desk: &Desk, owner: &Owner, output: Output) -> Result<(String, u8), Fault> {
    let gateway = &desk.gateway;
    let scope = identity(gateway).await?.scope;
    let state = table(gateway).await?;
    let left = desk.courier(owner).pending(&scope).await?.len();
    let locks = match state {
        Table::Ready => match gateway.ask(&Ask::TeamLocks).await? {
            Answer::TeamLocks(locks) => locks,
            _ => return Err(get::unexpected()),
        },
        _ => Vec::new(),
    };
    let code = u8::from(state != Table::Ready);
    let text = match output {
        Output::Text => {
            let mut text = format!("table {} in {scope}: {}\n", name(gateway), told(&state));
            locks.iter().for_each(|lock| text.push_str(&line(lock, gateway.now())));
            if locks.is_empty() && code == 0 {
                text.push_str("nobody holds a lock\n");
            }
            text + &format!("this host is {}; {left} of its records are not in the team ledger yet\n", owner.host)
        }
        Output::Json => out::json(&json!({
            "table": name(gateway).raw(), "state": told(&state), "host": owner.host.raw(), "not_shared": left,
            "locks": locks.iter().map(|lock| document(lock, gateway.now())).collect::<Vec<_>>(),
        })),
    };
    Ok((text, code))
}

fn told(state: &Table) -> String {
    match state {
        Table::Ready => "ready".to_owned(),
        Table::Making(status) => format!("{status}: it takes no rows yet"),
        Table::Missing => "not there; `mldeck team init` makes it".to_owned(),
        Table::Other(keys) => format!("it has other keys ({keys}) and is none of mldeck's: name another one"),
    }
}

/// A lock whose holder went without a word can be taken.
fn line(lock: &Lock, now: Timestamp) -> String {
    let ended = if lock.stands(now) { "" } else { " (it ran out: the next one takes it)" };
    let reason = lock.reason.as_ref().map(|reason| format!("; reason: {reason}")).unwrap_or_default();
    format!("{} {}: {}, {}{reason}{ended}\n", lock.target.kind.words(), lock.target.id, lock.what, lock.told())
}

fn document(lock: &Lock, now: Timestamp) -> serde_json::Value {
    json!({
        "kind": lock.target.kind.words(), "target": lock.target.id.raw(), "what": lock.what.raw(),
        "who": lock.owner.who.raw(), "host": lock.owner.host.raw(), "pid": lock.owner.pid, "plan": lock.plan.raw(),
        "since": lock.since.iso(), "until": lock.expires.iso(), "epoch": lock.epoch, "held": lock.stands(now),
        "reason": lock.reason.as_ref().map(Text::raw),
    })
}

async fn init(gateway: &Gateway, write: bool, read_only: bool) -> Result<(String, u8), Fault> {
    let scope = identity(gateway).await?.scope;
    let name = name(gateway);
    let by_hand = team::create(&name).cli(scope.region.as_str());
    match table(gateway).await? {
        Table::Ready => return Ok((format!("the table {name} is there already, as mldeck makes it\n"), 0)),
        state @ Table::Other(_) => return Ok((format!("table {name}: {}\n", told(&state)), 3)),
        Table::Making(_) => return wait(gateway, &name).await,
        Table::Missing => {}
    }
    out::print(&format!("{by_hand}\n"))
        .map_err(|error| Fault::new(FaultKind::Setup, "printing", &error.to_string()))?;
    if !write {
        out::complain("Nothing was sent. --write makes the table; the AWS CLI line does it as well.");
        return Ok((String::new(), 0));
    }
    if read_only {
        out::complain("mldeck: read-only: nothing is sent. The AWS CLI line above does it.");
        return Ok((String::new(), 3));
    }
    match gateway.create_team_table(&TeamLeave::creation(scope, name.clone())).await {
        // Somebody else makes it right now, or the answer was lost: the table tells.
        Ok(()) => {}
        Err(fault) if fault.kind == FaultKind::Conflict || fault.is_passing() => {}
        Err(fault) => return Err(fault),
    }
    wait(gateway, &name).await
}

async fn wait(gateway: &Gateway, name: &Text) -> Result<(String, u8), Fault> {
    for _ in 0..LOOKS {
        match table(gateway).await? {
            Table::Ready => return Ok((format!("the table {name} is there\n"), 0)),
            // A table that was just asked for may not be described yet.
            Table::Making(_) | Table::Missing => tokio::time::sleep(LOOK).await,
            state @ Table::Other(_) => return Ok((format!("table {name}: {}\n", told(&state)), 3)),
        }
    }
    Ok((format!("the table {name} is not there yet; `mldeck team` tells\n"), 5))
}

async fn sync(desk: &Desk, owner: &Owner, write: bool, read_only: bool) -> Result<(String, u8), Fault> {
    let scope = identity(&desk.gateway).await?.scope;
    let courier = desk.courier(owner);
    if !write || read_only {
        let left = courier.pending(&scope).await?.len();
        let why = if write { "Read-only: nothing was sent." } else { "Nothing was sent. --write brings them there." };
        out::complain(why);
        let text = format!("{left} records of {} are not in the team ledger yet\n", owner.host);
        return Ok((text, if write { 3 } else { 0 }));
    }
    match courier.catch_up(&scope).await {
        Ok(count) => {
            Ok((format!("{count} records were brought to the team ledger; it has all of {}\n", owner.host), 0))
        }
        Err(behind) => {
            out::complain(&format!("mldeck: {} records are not there yet; the journal has them", behind.left));
            Err(behind.fault)
        }
    }
}
