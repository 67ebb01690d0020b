//! The sandbox against the service's own model, operation by operation: the table in `docs/sandbox.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use crate::{
    array, report, sound,
    support::{
        kept::check,
        peers::{Peers, Served},
    },
    texts,
};
use mldeck_sandbox::World;

/// Where the table begins in its file.
const MARK: &str = "<!-- The rest is written by a test: MLDECK_BLESS=1 cargo test --test peers conformance -->\n";

#[test]
fn resources_live_as_the_model_of_the_service_says() {
    let Some(lives) = report("conformance.py") else { return };
    sound(lives);
    assert_eq!(texts(&lives["wrong"]), Vec::<&str>::new());
    assert_eq!(array(&lives["kinds"]).len(), 27, "{}", lives["kinds"]);
    // A filter that no kind gives a value for is one that nobody looked at.
    let filters = texts(&lives["filters"]);
    assert!(filters.len() >= 100, "{} filters: {filters:?}", filters.len());
}

/// What callers make, read back, change and take away, script by script.
const STORIES: [&str; 9] = [
    "account.py",
    "people.py",
    "flows.py",
    "jobs.py",
    "experiments.py",
    "search_jobs.py",
    "telemetry.py",
    "calls.py",
    "serving.py",
];

#[test]
fn what_callers_do_is_done_and_read_back() {
    for script in STORIES {
        let Some(told) = report(script) else { return };
        sound(told);
        assert_eq!(texts(&told["wrong"]), Vec::<&str>::new(), "{script}");
    }
}

/// What requests are held against is what the pinned botocore says.
#[test]
fn the_facts_of_the_service_are_botocores() {
    let Some(peers) = Peers::find() else { return };
    check(&root().join("crates/sandbox/model/sagemaker.txt"), &peers.prints("model.py")).unwrap();
}

#[test]
fn the_table_says_of_every_operation_what_was_held_against_the_model() {
    let Some(peers) = Peers::find() else { return };
    let scripts = STORIES.into_iter().chain(["conformance.py", "reads.py"]);
    let Some(mut reports) = scripts.map(report).collect::<Option<Vec<&Value>>>() else { return };
    let sandbox = Served::sandbox("fraud-burns", 240);
    let changes = peers.script("changes.py", &sandbox.address, &[]);
    reports.push(&changes);
    let mut rows: BTreeMap<String, Row> =
        World::operations().into_iter().map(|(service, name)| (row(service, &name), Row::default())).collect();
    for report in reports {
        for (operation, calls) in report["calls"].as_object().into_iter().flatten() {
            rows.entry(operation.clone()).or_default().answers += calls.as_u64().unwrap_or_default();
        }
        for (operation, codes) in report["refusals"].as_object().into_iter().flatten() {
            let row = rows.entry(operation.clone()).or_default();
            row.refusals.extend(texts(codes).into_iter().map(str::to_owned));
        }
    }
    let path = root().join("docs/sandbox.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (prose, _) = page.split_once(MARK).expect("the mark");
    check(&path, &format!("{prose}{MARK}\n{}", table(&rows))).unwrap();
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[derive(Default)]
struct Row {
    answers: u64,
    refusals: BTreeSet<String>,
}

/// Services by the names boto3 has for them.
fn row(service: &str, operation: &str) -> String {
    let service = if service == "monitoring" { "cloudwatch" } else { service };
    format!("{service}:{operation}")
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let held = rows.values().filter(|row| row.answers > 0).count();
    let refused = rows.values().filter(|row| !row.refusals.is_empty()).count();
    let mut out = format!(
        "{} operations; of {held} an answer, and of {refused} a refusal was held against the model.\n\n\
         | operation | answer | refusals |\n|---|---|---|\n",
        rows.len()
    );
    for (operation, row) in rows {
        let answer = if row.answers > 0 { "held" } else { "–" };
        let codes: Vec<&str> = row.refusals.iter().map(String::as_str).collect();
        let codes = if codes.is_empty() { "–".to_owned() } else { codes.join(", ") };
        out.push_str(&format!("| {operation} | {answer} | {codes} |\n"));
    }
    out
}
