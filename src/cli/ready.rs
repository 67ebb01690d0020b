//! `mldeck ready`: whether endpoints could be brought back right now. It plans the way back of each, and sends nothing.

use clap::Args;
use mldeck_core::{
    ask::{Answer, Ask},
    column::Align,
    fault::Fault,
    ops::{
        Facts,
        candidate::History,
        intent::{Change, Choice, Class, Context, Intent},
        journal,
        ready::{Readiness, readiness},
    },
    scope::{Identity, Scope},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{
    Format, Global,
    asked::Why,
    change::{self, Consent, Request},
    get, grid, out,
};
use crate::{backends::Connected, run::effects::ask, store::Folders};

#[derive(Debug, Args)]
pub struct Ready {
    /// Only these; without a name every endpoint of the account and region.
    pub endpoints: Vec<String>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
    /// Plans the quiet abort alarms that are missing; with --write, and once their number is confirmed, makes them.
    #[arg(long)]
    pub provision: bool,
    #[command(flatten)]
    pub reason: Why,
    #[command(flatten)]
    pub consent: Consent,
}

/// Prints how ready endpoints are, and makes what is missing where that was asked for; returns the exit code.
pub fn answer(ready: &Ready, global: &Global) -> u8 {
    let tells = matches!(ready.output, Format::Table | Format::Wide);
    if ready.consent.write && !(tells && ready.provision) {
        out::complain("mldeck: --write goes with --provision and the table");
        return 2;
    }
    let mut lacking = Vec::new();
    let code = super::headless(global, async |connected, folders| {
        super::login::ready(connected).await?;
        let (text, code, names) = run(ready, folders, connected).await?;
        lacking = names;
        Ok((text, code))
    });
    if !(ready.provision && tells) || lacking.is_empty() {
        return code;
    }
    let intent = |endpoint| ready.reason.intent(Change::Provision { endpoint });
    let intents: Vec<Intent> = lacking.into_iter().map(intent).collect();
    let made = change::run(global, &Request::Each(&intents, &ready.consent));
    if ready.consent.write { made } else { code }
}

/// Asks for each endpoint and prints; the exit code is 0 when all are ready, else 1. What is to be provisioned comes along.
///
/// # Errors
/// The fault of what nothing can be told without: who we are, or the list of endpoints.
async fn run(
    ready: &Ready,
    folders: Option<&Folders>,
    connected: &Connected,
) -> Result<(String, u8, Vec<Text>), Fault> {
    let Answer::Identity(identity) = ask(connected, &Ask::Identity, get::LIMIT).await? else {
        return Err(get::unexpected());
    };
    let history = history(folders, connected.gateway.now());
    let names: Vec<Text> = if ready.endpoints.is_empty() {
        get::listed(connected).await?.into_iter().map(|row| row.name).collect()
    } else {
        ready.endpoints.iter().map(|name| Text::new(name)).collect()
    };
    let mut rows = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let what = format!("reading {name}, {} of {}", at + 1, names.len());
        let row = get::patiently(&what, judge(name, &history, &identity, connected)).await;
        rows.push((name.clone(), row));
    }
    let all = rows.iter().all(|(_, row)| row.as_ref().is_ok_and(Readiness::is_ready));
    let lacks = |(name, row): &Row| row.as_ref().is_ok_and(Readiness::lacks_alarm).then(|| name.clone());
    let lacking = rows.iter().filter_map(lacks).collect();
    Ok((render(ready, &rows, &identity.scope), u8::from(!all), lacking))
}

type Row = (Text, Result<Readiness, Fault>);

/// CloudTrail is asked only where nobody else knows an earlier config: it answers twice a second.
async fn judge(name: &Text, history: &History, identity: &Identity, connected: &Connected) -> Result<Readiness, Fault> {
    let quick = facts(name, false, connected).await?;
    let judged = |facts: &Facts| {
        let context = Context {
            at: connected.gateway.now(),
            by: Text::new(identity.who()),
            scope: identity.scope.clone(),
            class: Class::Prod,
        };
        readiness(facts, history, &context).ok_or_else(get::unexpected)
    };
    let first = judged(&quick)?;
    if !first.wants_trail() {
        return Ok(first);
    }
    judged(&facts(name, true, connected).await?)
}

async fn facts(name: &Text, deep: bool, connected: &Connected) -> Result<Facts, Fault> {
    let intent = Box::new(Intent::back_out(name.clone(), Choice::default()));
    match ask(connected, &Ask::Facts { intent, deep }, get::LIMIT).await? {
        Answer::Facts(facts) => Ok(*facts),
        _ => Err(get::unexpected()),
    }
}

/// What this installation moved before; without a journal nothing.
fn history(folders: Option<&Folders>, at: Timestamp) -> History {
    let Some(folders) = folders else { return History::default() };
    let read =
        crate::store::Journal::start(folders, at).and_then(|journal| crate::store::told(journal.read_all().wait()?));
    match read {
        Ok(records) => journal::history(&records),
        Err(error) => {
            out::complain(&format!("mldeck: without the ledger: {error}"));
            History::default()
        }
    }
}

fn render(ready: &Ready, rows: &[Row], scope: &Scope) -> String {
    let region = scope.region.as_str();
    match ready.output {
        Format::Json => {
            let all: Vec<Value> = rows.iter().map(|row| document(row, ready.provision, region)).collect();
            out::json(&all)
        }
        Format::Csv => csv(rows),
        Format::Table | Format::Wide => table(rows),
    }
}

const HEADS: [&str; 8] = ["READY", "ENDPOINT", "STATUS", "WAY", "TO", "MINUTES", "ABORT ALARM", "ALARMS"];

/// As in [`HEADS`], and what stands in the way.
fn cells((name, row): &Row) -> (Vec<String>, Vec<String>) {
    let none = || "–".to_owned();
    let row = match row {
        Ok(row) => row,
        Err(fault) => {
            let cells = [vec!["?".to_owned(), name.to_string()], vec![none(); HEADS.len() - 2]].concat();
            return (cells, vec![fault.to_string()]);
        }
    };
    let way = row.way.as_ref().ok();
    let minutes = way.and_then(|way| way.minutes).map_or_else(none, |minutes| minutes.to_string());
    let cells = vec![
        row.word().to_owned(),
        name.to_string(),
        row.status.as_str().to_owned(),
        way.map_or_else(none, |way| way.route.word().to_owned()),
        way.map_or_else(none, |way| way.label.clone()),
        minutes,
        row.abort_alarm.word().to_owned(),
        row.alarms.summary(),
    ];
    let blocks = row.way.as_ref().err().into_iter().flatten().map(|refusal| match &refusal.remedy {
        Some(remedy) => format!("{}. {remedy}", refusal.text),
        None => refusal.text.clone(),
    });
    (cells, blocks.collect())
}

fn table(rows: &[Row]) -> String {
    let align = |head: &&str| if **head == *"MINUTES" { Align::Right } else { Align::Left };
    let titles: Vec<(String, Align)> = HEADS.iter().map(|head| ((*head).to_owned(), align(head))).collect();
    let all: Vec<(Vec<String>, Vec<String>)> = rows.iter().map(cells).collect();
    let lines: Vec<Vec<String>> = all.iter().map(|(cells, _)| cells.clone()).collect();
    let mut out = grid::text(&titles, &lines);
    for ((name, _), (_, blocks)) in rows.iter().zip(&all) {
        for block in blocks {
            out.push_str(&format!("{name}: {block}\n"));
        }
    }
    out
}

fn csv(rows: &[Row]) -> String {
    let heads = HEADS.map(|head| head.to_lowercase().replace(' ', "_"));
    let mut out = format!("{},blocks\n", heads.join(","));
    for row in rows {
        let (cells, blocks) = cells(row);
        let fields: Vec<String> = cells
            .iter()
            .chain([&blocks.join("; ")])
            .map(|cell| get::quoted(if cell == "–" { "" } else { cell }))
            .collect();
        out.push_str(&fields.join(","));
        out.push('\n');
    }
    out
}

fn document((name, row): &Row, provision: bool, region: &str) -> Value {
    let row = match row {
        Ok(row) => row,
        Err(fault) => {
            return json!({"endpoint": name.raw(), "ready": "?", "fault": Text::new(&fault.to_string()).raw()});
        }
    };
    let names = |list: &[Text]| list.iter().map(Text::raw).collect::<Vec<_>>();
    let way = row.way.as_ref().ok().map(
        |way| json!({"route": way.route.word(), "to": way.label, "config": way.config.raw(), "minutes": way.minutes}),
    );
    let blocks: Vec<Value> = row.way.as_ref().err().into_iter().flatten().map(|refusal| json!(refusal)).collect();
    let mut out = json!({
        "endpoint": name.raw(), "ready": row.word(), "status": row.status.as_str(), "way": way, "blocks": blocks,
        "abort_alarm": row.abort_alarm.word(),
        "alarms": {
            "trustworthy": row.alarms.are_trustworthy(), "quiet": names(&row.alarms.quiet),
            "firing": names(&row.alarms.firing), "without_data": names(&row.alarms.blind),
            "gone": names(&row.alarms.missing), "unread": row.alarms.unread,
        },
    });
    if provision {
        out["provision"] = json!(row.provision(region));
    }
    out
}
