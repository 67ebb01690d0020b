//! `mldeck get KIND`: the tables without a terminal, by the same columns and the same filter.

use std::{collections::HashMap, pin::pin, time::Duration};

use clap::Args;
use mldeck_core::{
    ask::{Answer, Ask, RowOf, VitalsOf},
    column::{Align, Now, Value},
    fault::{Fault, FaultKind},
    query,
    resource::{
        Alarm, Endpoint, Kind, ModelPackage, Resource,
        endpoint::{Change, Details},
    },
    text::Text,
    time::{DAY, Timestamp},
};
use serde_json::{Map, json};

use super::{Format, grid, out};
use crate::{
    app::{look::Grid, pane::table::Table},
    backends::Connected,
    run::effects::ask,
};

/// One headless answer may take this long.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
/// What the time of the account may take; without it this machine's is good enough.
const CLOCK: Duration = Duration::from_secs(5);
/// Who waits longer than this is told for what.
const PATIENCE: Duration = Duration::from_secs(3);
/// CloudTrail's memory.
const TRAIL: i64 = 90 * DAY;
/// As wide as a table gets without a terminal to fit.
const WIDTH: u16 = 200;

#[derive(Debug, Args)]
pub struct Get {
    /// endpoints, executions, runs, monitors, jobs, alarms, versions.
    #[arg(value_parser = kind)]
    pub kind: Kind,
    /// Only this one.
    pub name: Option<String>,
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
    /// As `/` in the deck: `status:Failed age<2d fraud`.
    #[arg(long, value_name = "QUERY")]
    pub filter: Option<String>,
    /// A column to sort by; `-` before it turns the order around.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// How far back runs and executions are read, in days: those modified since then.
    #[arg(long, default_value_t = 30)]
    pub days: u32,
}

fn kind(word: &str) -> Result<Kind, String> {
    let known = |kind: &&Kind| **kind != Kind::Operation;
    Kind::parse(word).filter(|kind| known(&kind)).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().filter(known).map(|kind| kind.plural()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Asks for the kind and prints it.
///
/// # Errors
/// The fault of the question, a filter that cannot be read, or a name that is not there.
pub async fn run(get: &Get, connected: &Connected) -> Result<String, Fault> {
    // The first answer tells how far this machine's clock is off; ages and `--days` are by the account's.
    let _ = ask(connected, &Ask::Identity, CLOCK).await;
    let now = connected.gateway.now();
    let since = now.plus(-i64::from(get.days) * DAY);
    match get.kind {
        Kind::Endpoint => render(get, endpoints(get, connected).await?, now),
        Kind::Execution => match ask(connected, &Ask::Executions { since }, LIMIT).await? {
            Answer::Executions(rows) => render(get, rows, now),
            _ => Err(unexpected()),
        },
        Kind::Run => render(get, runs(connected, since).await?, now),
        Kind::Monitor => match ask(connected, &Ask::Monitors, LIMIT).await? {
            Answer::Monitors(rows) => render(get, rows, now),
            _ => Err(unexpected()),
        },
        Kind::Job => match ask(connected, &Ask::Jobs { since }, LIMIT).await? {
            Answer::Jobs { rows, gaps } => {
                for gap in gaps {
                    out::complain(&format!("mldeck: {gap}"));
                }
                render(get, rows, now)
            }
            _ => Err(unexpected()),
        },
        Kind::Alarm => render(get, alarms(connected).await?, now),
        Kind::ModelPackage => match ask(connected, &Ask::Packages, LIMIT).await? {
            Answer::Packages(rows) => render::<ModelPackage>(get, rows, now),
            _ => Err(unexpected()),
        },
        Kind::Operation => Err(Fault::new(FaultKind::Setup, "reading operations", "`mldeck ledger` lists them")),
    }
}

pub(super) fn unexpected() -> Fault {
    Fault::new(FaultKind::Bug, "reading an answer", "it answers another question")
}

async fn alarms(connected: &Connected) -> Result<Vec<Alarm>, Fault> {
    match ask(connected, &Ask::Alarms, LIMIT).await? {
        Answer::Alarms(rows) => Ok(rows),
        _ => Err(unexpected()),
    }
}

/// Waits for `work`; says on standard error for what, if that takes long.
pub(super) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match tokio::time::timeout(PATIENCE, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            out::complain(&format!("mldeck: {what} …"));
            work.await
        }
    }
}

/// The list with details, changes and alarms; vitals too where metrics are offered. What the rows can do without is left
/// out where it is denied or not offered.
async fn endpoints(get: &Get, connected: &Connected) -> Result<Vec<Endpoint>, Fault> {
    let mut rows = listed(connected).await?;
    if let Some(name) = &get.name {
        rows.retain(|row| row.name == name.as_str());
    }
    if rows.is_empty() {
        return Ok(rows);
    }
    let (details, changes, alarms) =
        tokio::join!(details(get, &rows, connected), changes(connected), alarms(connected));
    let (mut details, mut changes) = (details?, changes);
    let mut of_endpoint: HashMap<Text, Vec<Alarm>> = HashMap::new();
    for alarm in alarms.unwrap_or_default() {
        if let Some(endpoint) = alarm.endpoint() {
            of_endpoint.entry(endpoint.clone()).or_default().push(alarm);
        }
    }
    for row in &mut rows {
        row.details = details.remove(&row.name);
        row.change = changes.remove(&row.name);
        row.alarms = of_endpoint.remove(&row.name).unwrap_or_default();
    }
    let wanted: Vec<VitalsOf> = rows
        .iter()
        .filter_map(|row| {
            let variants = row.details.as_ref()?.variants.iter().map(|variant| variant.name.clone()).collect();
            Some(VitalsOf { endpoint: row.name.clone(), variants })
        })
        .collect();
    if !wanted.is_empty()
        && let Ok(Answer::Vitals(all)) = patiently("reading metrics", ask(connected, &Ask::Vitals(wanted), LIMIT)).await
    {
        let mut vitals: HashMap<Text, _> = all.into_iter().collect();
        for row in &mut rows {
            row.vitals = vitals.remove(&row.name);
        }
    }
    Ok(rows)
}

/// Every page of the list.
pub(super) async fn listed(connected: &Connected) -> Result<Vec<Endpoint>, Fault> {
    let (mut out, mut more) = (Vec::new(), None);
    loop {
        let what =
            if more.is_none() { "listing endpoints".to_owned() } else { format!("{} endpoints so far", out.len()) };
        let page = patiently(&what, ask(connected, &Ask::Endpoints { more }, LIMIT)).await?;
        let Answer::Endpoints { rows, more: next } = page else { return Err(unexpected()) };
        out.extend(rows);
        match next {
            Some(token) => more = Some(token),
            None => return Ok(out),
        }
    }
}

/// Until every row was answered for: one answer holds as many as do not take long.
async fn details(get: &Get, rows: &[Endpoint], connected: &Connected) -> Result<HashMap<Text, Details>, Fault> {
    if let [only] = rows {
        let opened = Ask::Details(only.name.clone());
        let answer = patiently("reading the endpoint", ask(connected, &opened, LIMIT)).await?;
        let Answer::Details(all) = answer else { return Err(unexpected()) };
        return Ok(all.into_iter().filter_map(|(name, result)| Some((name, result.ok()?))).collect());
    }
    // No column shows the instance type, and it is a call for each endpoint.
    let named = |text: Option<&str>| text.is_some_and(|text| text.contains("instance"));
    let fields = matches!(get.output, Format::Json | Format::Csv);
    let instances = fields || named(get.filter.as_deref()) || named(get.sort.as_deref());
    let mut out = HashMap::new();
    let mut left: Vec<RowOf> = rows.iter().map(RowOf::of).collect();
    while !left.is_empty() {
        let what = format!("reading endpoints, {} of {} to go", left.len(), rows.len());
        let ask_rows = Ask::Rows { rows: left.clone(), instances };
        let Answer::Details(all) = patiently(&what, ask(connected, &ask_rows, LIMIT)).await? else {
            return Err(unexpected());
        };
        let mut answered: HashMap<Text, _> = all.into_iter().collect();
        let before = left.len();
        left.retain(|row| match answered.remove(&row.endpoint) {
            Some(result) => {
                out.extend(result.ok().map(|details| (row.endpoint.clone(), details)));
                false
            }
            None => true,
        });
        if left.len() == before {
            return Err(unexpected());
        }
    }
    Ok(out)
}

/// The last change of each endpoint; none where CloudTrail may not be read.
async fn changes(connected: &Connected) -> HashMap<Text, Change> {
    let since = connected.gateway.now().plus(-TRAIL);
    let what = "reading who changed endpoints: CloudTrail answers twice a second";
    let mut out = HashMap::new();
    if let Ok(Answer::Changes(events)) = patiently(what, ask(connected, &Ask::Changes { since }, LIMIT)).await {
        // Newest first.
        for event in events {
            if let Some(change) = event.change() {
                out.entry(event.endpoint).or_insert(change);
            }
        }
    }
    out
}

async fn runs(connected: &Connected, since: Timestamp) -> Result<Vec<mldeck_core::resource::Run>, Fault> {
    let mut out: Vec<mldeck_core::resource::Run> = Vec::new();
    let mut places: HashMap<Text, usize> = HashMap::new();
    let mut more = None;
    loop {
        let Answer::Runs { rows, more: next } = ask(connected, &Ask::Runs { since, more }, LIMIT).await? else {
            return Err(unexpected());
        };
        // A job and its component may be on different pages.
        for row in rows {
            match places.get(&row.arn) {
                Some(&place) => out[place].complete_from(&row),
                None => {
                    places.insert(row.arn.clone(), out.len());
                    out.push(row);
                }
            }
        }
        match next {
            Some(token) => more = Some(token),
            None => return Ok(out),
        }
    }
}

/// Filters, sorts and prints rows of one kind.
fn render<R: Resource>(get: &Get, rows: Vec<R>, now: Timestamp) -> Result<String, Fault> {
    let mut table: Table<R> = Table::new(None, &[]);
    table.wide = get.output == Format::Wide;
    table.replace(rows);
    if let Some(filter) = &get.filter {
        table.set_filter(filter);
        if let Some(error) = table.filter_error() {
            return Err(Fault::new(FaultKind::Setup, "reading --filter", error));
        }
    }
    if let Some(sort) = &get.sort {
        let name = sort.trim_start_matches('-');
        let names = table.field_names();
        if !names.iter().any(|known| known == name) {
            let message = format!("no column {name}; there are {}", names.join(", "));
            return Err(Fault::new(FaultKind::Setup, "reading --sort", &message));
        }
        table.sort_by(name, sort.starts_with('-'));
    }
    table.settle(now);
    let mut rows: Vec<&R> = table.shown().collect();
    if let Some(name) = &get.name {
        rows.retain(|row| row.name() == name.as_str());
        if rows.is_empty() {
            let message = format!("no {} {name} in this account and region", get.kind.singular());
            return Err(Fault::new(FaultKind::Missing, "looking it up", &message));
        }
    }
    Ok(match get.output {
        Format::Json => as_json(&rows, now),
        Format::Csv => as_csv(&rows, now),
        Format::Table | Format::Wide => as_table(&table, &rows, now),
    })
}

fn as_json<R: Resource>(rows: &[&R], now: Timestamp) -> String {
    let all: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let mut object = Map::new();
            object.insert("health".into(), json!(row.health().word()));
            for column in R::COLUMNS {
                object.insert(column.name.into(), json_value(&(column.value)(row)));
            }
            let fields = query::Row(*row, Now(now));
            for name in row.field_names() {
                object.insert(name.to_owned(), json_value(&query::Fields::value(&fields, name)));
            }
            serde_json::Value::Object(object)
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn json_value(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Missing => serde_json::Value::Null,
        // The real text: JSON escapes control characters by itself.
        Value::Text(text) => json!(Text::unescape(text)),
        Value::Number(number) => json!(number),
        Value::Time(at) => json!(at.iso()),
        Value::Flag(flag) => json!(flag),
    }
}

fn as_csv<R: Resource>(rows: &[&R], now: Timestamp) -> String {
    let mut fields: Vec<&str> = rows.iter().flat_map(|row| row.field_names()).collect();
    fields.sort_unstable();
    fields.dedup();
    let mut out = String::from("health");
    for name in R::COLUMNS.iter().map(|column| column.name).chain(fields.iter().copied()) {
        out.push(',');
        out.push_str(&quoted(name));
    }
    out.push('\n');
    for row in rows {
        out.push_str(row.health().word());
        let view = query::Row(*row, Now(now));
        for name in R::COLUMNS.iter().map(|column| column.name).chain(fields.iter().copied()) {
            out.push(',');
            match query::Fields::value(&view, name) {
                Value::Missing => {}
                Value::Text(text) => out.push_str(&quoted(&text)),
                Value::Number(number) => out.push_str(&number.to_string()),
                Value::Time(at) => out.push_str(&at.iso()),
                Value::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
            }
        }
        out.push('\n');
    }
    out
}

/// A CSV field. What a spreadsheet would run as a formula is made text.
pub(super) fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let plain = !formula && !text.contains(['"', ',', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\"")) }
}

fn as_table<R: Resource>(table: &Table<R>, rows: &[&R], now: Timestamp) -> String {
    let heads = table.heads(WIDTH);
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![row.health().word().to_owned()];
            cells.extend(table.cells_of(row, WIDTH, Now(now)).into_iter().map(|cell| cell.text.into_owned()));
            cells
        })
        .collect();
    let mut titles = vec![("HEALTH".to_owned(), Align::Left)];
    titles.extend(heads.into_iter().map(|head| (head.head, head.align)));
    grid::text(&titles, &lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test dies of a broken assumption")]
mod tests {
    use mldeck_core::resource::endpoint::{EndpointStatus, Variant};

    use super::*;

    #[test]
    fn csv_fields_are_quoted_and_formulas_made_harmless() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
    }

    #[test]
    fn what_is_read_of_an_endpoint_is_written() {
        let variant = Variant { instance_type: Some(Text::new("ml.m5.large")), ..Variant::default() };
        let row = Endpoint {
            name: Text::new("fraud-prod"),
            arn: Text::new("arn:aws:sagemaker:eu-west-1:1:endpoint/fraud-prod"),
            status: EndpointStatus::InService,
            created: Timestamp::from_millis(0),
            modified: Timestamp::from_millis(0),
            details: Some(Details { variants: vec![variant], ..Details::default() }),
            vitals: None,
            alarms: Vec::new(),
            change: None,
        };
        let now = Timestamp::from_millis(60_000);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&as_json(&[&row], now)).unwrap();
        assert_eq!(rows[0]["instance"], json!("ml.m5.large"));
        assert_eq!(rows[0]["arn"], json!("arn:aws:sagemaker:eu-west-1:1:endpoint/fraud-prod"));
        let csv = as_csv(&[&row], now);
        assert!(csv.lines().next().is_some_and(|head| head.ends_with(",alarm,arn,instance")), "{csv}");
        let mut table: Table<Endpoint> = Table::new(None, &[]);
        table.replace(vec![row]);
        for (filter, shown) in [("instance:m5", 1), ("instance:c5", 0)] {
            table.set_filter(filter);
            table.settle(now);
            assert_eq!((table.filter_error(), table.shown().count()), (None, shown), "{filter}");
        }
    }

    #[test]
    fn kinds_are_read_in_both_numbers_and_named_when_wrong() {
        assert_eq!(kind("Endpoints"), Ok(Kind::Endpoint));
        assert_eq!(kind("run"), Ok(Kind::Run));
        assert!(kind("pods").unwrap_err().contains("executions"));
        assert!(kind("operations").is_err());
    }
}
