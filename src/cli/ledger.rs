//! `mldeck ledger`: what was changed from here, for the incident review.

use clap::{Args, Subcommand, ValueEnum};
use mldeck_core::{
    ask::{Answer, Ask},
    fault::Fault,
    ops::{
        journal::{self, Entry, Record},
        team::Shared,
    },
    text::Text,
    time::{DAY, Timestamp},
};
use serde_json::{Value, json};

use super::{Global, get, out};
use crate::{
    backends::Connected,
    run::clock,
    store::{self, Journal, SetAside, StoreError, Verdict},
};

#[derive(Debug, Args)]
pub struct Ledger {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[arg(short, long, value_enum, default_value = "md")]
    output: Output,
    /// Only operations that started in the last so many days.
    #[arg(long, value_name = "DAYS")]
    since: Option<u32>,
    /// Only those that were confirmed together, by the id of the bulk.
    #[arg(long, value_name = "ID", conflicts_with = "team")]
    bulk: Option<String>,
    /// Of all hosts that share the team's table, in this account and region.
    #[arg(long)]
    pub team: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Checks the hash chain of the journal.
    Verify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Md,
    Json,
}

/// Runs the verb; returns the exit code.
pub fn run(ledger: &Ledger, global: &Global) -> u8 {
    let Some(folders) = super::start::folders(global) else {
        out::complain("mldeck: there is no home directory, and so no journal");
        return 1;
    };
    let at = clock::timestamp();
    let result = Journal::start(&folders, at).and_then(|journal| match ledger.verb {
        Some(Verb::Verify) => verify(&journal),
        None => list(&journal, ledger, at),
    });
    match result {
        Ok((text, code)) => {
            if out::print(&text).is_err() {
                return 1;
            }
            code
        }
        Err(error) => {
            out::complain(&format!("mldeck: {error}"));
            1
        }
    }
}

/// The ledger that hosts share: what each of them did, oldest first.
///
/// # Errors
/// When the table cannot be read.
pub async fn of_team(ledger: &Ledger, connected: &Connected) -> Result<String, Fault> {
    let days = ledger.since.map(|days| i64::from(days) * DAY);
    let since = days.map_or_else(Timestamp::default, |days| connected.gateway.now().plus(-days));
    let Answer::TeamRecords(shared) = connected.gateway.ask(&Ask::TeamRecords { since }).await? else {
        return Err(get::unexpected());
    };
    if ledger.output == Output::Json {
        let body = |one: &Shared| serde_json::from_str::<Value>(&one.body).unwrap_or_default();
        let all: Vec<Value> = shared
            .iter()
            .map(|one| json!({"host": one.host.raw(), "seq": one.seq, "hash": one.hash.raw(), "record": body(one)}))
            .collect();
        return Ok(out::json(&all));
    }
    let mut hosts: Vec<&Text> = shared.iter().map(|one| &one.host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut sections = Vec::new();
    for host in hosts {
        let of_host = shared.iter().filter(|one| one.host == *host);
        let records: Vec<Record> = of_host.filter_map(Shared::record).collect();
        sections.push(format!("# {host}\n"));
        sections.extend(journal::operations(&records).iter().map(|group| journal::markdown(group)));
    }
    Ok(if sections.is_empty() { "The team ledger is empty.\n".to_owned() } else { sections.join("\n") })
}

fn told(aside: &SetAside) -> String {
    format!("{}\nset aside as {}, readable parts in {}\n", aside.verdict, aside.file.display(), aside.export.display())
}

fn verify(journal: &Journal) -> Result<(String, u8), StoreError> {
    if let Some(aside) = journal.was_set_aside().wait()? {
        return Ok((told(&aside), 1));
    }
    let verdict = journal.verify().wait()?;
    let code = u8::from(!matches!(verdict, Verdict::Intact { .. }));
    Ok((format!("{verdict}\n"), code))
}

/// Whether this operation was confirmed in that bulk.
fn is_of(group: &[&Record], bulk: &str) -> bool {
    let planned = group.first().map(|record| &record.entry);
    matches!(planned, Some(Entry::Planned { plan }) if plan.bulk.as_ref().is_some_and(|id| id == bulk))
}

fn list(journal: &Journal, ledger: &Ledger, at: Timestamp) -> Result<(String, u8), StoreError> {
    // Setting aside happens once: who opens the journal first must say it, or nobody does.
    let aside = journal.was_set_aside().wait()?;
    if let Some(aside) = &aside {
        out::complain(&format!("mldeck: the journal was damaged: {}", told(aside).trim_end()));
    }
    let code = u8::from(aside.is_some());
    let intact = aside.into_iter().flat_map(|aside| aside.intact);
    let entries = intact.chain(journal.read_all().wait()?);
    let records: Vec<Record> = store::told(entries)?;
    let since = ledger.since.map(|days| at.plus(-i64::from(days) * DAY));
    let groups: Vec<Vec<&Record>> = journal::operations(&records)
        .into_iter()
        .filter(|group| since.is_none_or(|since| group[0].at >= since))
        .filter(|group| ledger.bulk.as_ref().is_none_or(|bulk| is_of(group, bulk)))
        .collect();
    let text = match ledger.output {
        Output::Md if groups.is_empty() => "Nothing was changed from here.\n".to_owned(),
        Output::Md => groups.iter().map(|group| journal::markdown(group)).collect::<Vec<_>>().join("\n"),
        Output::Json => {
            let all: Vec<&&Record> = groups.iter().flatten().collect();
            out::json(&all)
        }
    };
    Ok((text, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Folders;

    #[test]
    fn a_damaged_journal_is_no_empty_one() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::under(home.path());
        let (at, all) =
            (Timestamp::default(), Ledger { verb: None, output: Output::Md, since: None, bulk: None, team: false });
        let code = || list(&Journal::start(&folders, at).unwrap(), &all, at).unwrap().1;
        assert_eq!(code(), 0);
        let db = rusqlite::Connection::open(folders.state.join("journal.db")).unwrap();
        db.execute("INSERT INTO entries VALUES (1, 0, 'x', 'planned', '{}', 'not its hash')", []).unwrap();
        drop(db);
        assert_eq!(code(), 1);
    }
}
