//! `mldeck get` against what boto3 read of the same account at the same time, row by row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    array, sound,
    support::peers::{Done, Peers, Served, ask},
};

/// How far back runs and executions are compared.
const DAYS: &str = "7";

fn get(server: &Served, args: &[&str]) -> Done {
    let mut all = vec!["get"];
    all.extend(args);
    all.extend(["--endpoint-url", &server.address]);
    ask(&all)
}

fn rows(server: &Served, args: &[&str]) -> Vec<Value> {
    let mut all = args.to_vec();
    all.extend(["-o", "json"]);
    array(&get(server, &all).json()).to_vec()
}

/// Rows by the text in `column`; each may be there once.
#[track_caller]
fn by(column: &str, rows: Vec<Value>) -> BTreeMap<String, Value> {
    let count = rows.len();
    let map: BTreeMap<String, Value> =
        rows.into_iter().map(|row| (row[column].as_str().expect("a key").to_owned(), row)).collect();
    assert_eq!(map.len(), count, "one comes twice");
    map
}

/// `1795400823.5` as mldeck writes a moment, which is to the second.
fn moment(seconds: &Value) -> Value {
    let Some(seconds) = seconds.as_f64() else { return Value::Null };
    let at = mldeck_core::time::Timestamp::from_millis((seconds * 1_000.0) as i64);
    json!(at.iso())
}

fn names(map: &BTreeMap<String, Value>) -> BTreeSet<&str> {
    map.keys().map(String::as_str).collect()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The account that both read, and what boto3 read of it.
fn account() -> Option<(Served, Value)> {
    let peers = Peers::find()?;
    let sandbox = Served::sandbox("fraud-burns", 1);
    let read = peers.script("rows.py", &sandbox.address, &[DAYS]);
    sound(&read);
    Some((sandbox, read))
}

#[test]
fn every_endpoint_is_shown_as_it_is() {
    let Some((sandbox, read)) = account() else { return };
    let shown = by("name", rows(&sandbox, &["endpoints"]));
    assert_eq!(names(&shown), keys(&read["endpoints"]));
    for (name, wanted) in read["endpoints"].as_object().unwrap() {
        let row = &shown[name];
        for column in ["status", "config"] {
            assert_eq!(row[column], wanted[column], "{name}: {column}");
        }
        assert_eq!(row["created"], moment(&wanted["created"]), "{name}");
        let model = row["model"].as_str().unwrap_or_default();
        let version = wanted["models"][0].as_str().unwrap().rsplit('-').next().unwrap();
        assert!(
            wanted["variants"].as_object().unwrap().is_empty() || model.contains(version),
            "{name}: {model} is not {wanted}"
        );
    }
    assert_eq!(shown["intent-fr"]["traffic"], "a 80 b 20");
    assert_eq!((&shown["fraud-prod"]["health"], &shown["fraud-prod"]["model"]), (&json!("bad"), &json!("fraud v18")));
    assert!(shown["fraud-prod"]["5xx"].as_f64().is_some_and(|share| (3.0..6.0).contains(&share)));
}

#[test]
fn every_execution_is_shown_as_it_is() {
    let Some((sandbox, read)) = account() else { return };
    let shown = by("id", rows(&sandbox, &["executions", "--days", DAYS]));
    // What began before may have changed since: it is shown, and boto3 did not list it.
    let missing: Vec<&str> = keys(&read["executions"]).difference(&names(&shown)).copied().collect();
    assert_eq!(missing, [] as [&str; 0]);
    let mut compared = 0;
    for (id, wanted) in read["executions"].as_object().unwrap() {
        let row = &shown[id];
        assert_eq!((&row["pipeline"], &row["run"]), (&wanted["pipeline"], &wanted["run"]), "{id}");
        assert_eq!(row["started"], moment(&wanted["started"]), "{id}");
        if matches!(wanted["status"].as_str(), Some("Succeeded" | "Failed" | "Stopped")) {
            assert_eq!((&row["status"], &row["failure"]), (&wanted["status"], &wanted["failure"]), "{id}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn every_run_is_shown_with_its_metrics() {
    let Some((sandbox, read)) = account() else { return };
    let shown = by("name", rows(&sandbox, &["runs", "--days", DAYS]));
    let jobs = keys(&read["jobs"]);
    let missing: Vec<&&str> = jobs.iter().filter(|job| !shown.contains_key(**job)).collect();
    assert_eq!(missing, [] as [&&str; 0]);
    let components: BTreeSet<&str> = crate::texts(&read["components"]).into_iter().collect();
    // What was made before may have changed since: it is shown, and boto3 did not list it.
    let created = |job: &Value| moment(&job["created"]).as_str().map(ToOwned::to_owned);
    let oldest = read["jobs"].as_object().unwrap().values().filter_map(created).min().expect("jobs");
    for name in names(&shown) {
        let earlier = shown[name]["created"].as_str().is_some_and(|created| *created < *oldest);
        assert!(jobs.contains(name) || components.contains(name) || earlier, "{name} is neither job nor component");
    }
    let mut compared = 0;
    for (name, wanted) in read["jobs"].as_object().unwrap() {
        let row = &shown[name];
        assert_eq!((&row["created"], &row["instance"]), (&moment(&wanted["created"]), &wanted["instance"]), "{name}");
        if wanted["ended"].is_null() {
            continue;
        }
        assert_eq!(row["status"], wanted["status"], "{name}");
        // What `allowed.txt` lets pass, and no more.
        assert!(wanted["status"] != "Completed" || wanted["artifact"].is_string(), "{name}: {wanted}");
        for (metric, value) in wanted["metrics"].as_object().unwrap() {
            let (shown, value) = (row[metric].as_f64().unwrap_or(f64::NAN), value.as_f64().unwrap());
            assert!((shown - value).abs() < 1e-5, "{name}: {metric} is {value}, shown {shown}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn monitors_alarms_and_versions_are_shown_as_they_are() {
    let Some((sandbox, read)) = account() else { return };
    let monitors = by("name", rows(&sandbox, &["monitors"]));
    assert_eq!(names(&monitors), keys(&read["monitors"]));
    for (name, wanted) in read["monitors"].as_object().unwrap() {
        let row = &monitors[name];
        assert_eq!((&row["endpoint"], &row["schedule"]), (&wanted["endpoint"], &wanted["schedule"]), "{name}");
        assert_eq!((&row["status"], &row["ran"]), (&wanted["status"], &moment(&wanted["ran"])), "{name}");
    }
    let alarms = by("name", rows(&sandbox, &["alarms"]));
    assert_eq!(names(&alarms), keys(&read["alarms"]));
    for (name, wanted) in read["alarms"].as_object().unwrap() {
        assert_eq!(alarms[name]["endpoint"], wanted["endpoint"], "{name}");
    }
    assert_eq!((&alarms["fraud-5xx"]["state"], &alarms["fraud-5xx"]["health"]), (&json!("ALARM"), &json!("bad")));

    let versions: BTreeMap<String, Value> = rows(&sandbox, &["versions"])
        .into_iter()
        .map(|row| (format!("{} {}", row["group"].as_str().unwrap(), row["version"]), row))
        .map(|(key, row)| (key.trim_end_matches(".0").to_owned(), row))
        .collect();
    assert_eq!(names(&versions), keys(&read["versions"]));
    for (name, wanted) in read["versions"].as_object().unwrap() {
        let row = &versions[name];
        assert_eq!((&row["approval"], &row["status"]), (&wanted["approval"], &wanted["status"]), "{name}");
        assert_eq!(row["created"], moment(&wanted["created"]), "{name}");
    }
}

#[test]
fn ages_are_by_the_clock_of_the_account() {
    let Some(_) = Peers::find() else { return };
    let sandbox = Served::sandbox("fraud-burns", 1);
    // The account's now is its own: by ours the alarm would have fired at another time.
    let done = get(&sandbox, &["alarms", "--filter", "state:ALARM since<20m"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let line = done.output.lines().find(|line| line.contains("fraud-5xx")).unwrap_or_else(|| panic!("{done:?}"));
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert!(matches!(cells[..5], ["bad", "fraud-5xx", "ALARM", "12" | "13" | "14" | "15" | "16", "m"]), "{line}");
}

#[test]
fn one_table_in_three_formats() {
    let Some(_) = Peers::find() else { return };
    let sandbox = Served::sandbox("fraud-burns", 1);
    let kind = ["monitors", "--sort", "name"];
    let in_json: Vec<String> =
        rows(&sandbox, &kind).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert!(in_json.len() > 3 && in_json.is_sorted(), "{in_json:?}");
    let csv = get(&sandbox, &["monitors", "--sort", "name", "-o", "csv"]).output;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("health,endpoint,name,kind,schedule,status,ran,alert"));
    assert_eq!(lines.map(|line| line.split(',').nth(2).unwrap()).collect::<Vec<_>>(), in_json);
    let table = get(&sandbox, &["monitors", "--sort", "name"]).output;
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head[..4], ["HEALTH", "ENDPOINT", "MONITOR", "KIND"]);
    for (line, name) in lines.zip(&in_json) {
        assert!(line.contains(name.as_str()), "{name} in {line}");
    }
    let turned = rows(&sandbox, &["monitors", "--sort", "-name"]);
    assert_eq!(turned.iter().rev().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), in_json);
}

#[test]
fn filters_keep_what_they_say_and_refuse_what_they_cannot_read() {
    let Some(_) = Peers::find() else { return };
    let sandbox = Served::sandbox("fraud-burns", 1);
    let all = rows(&sandbox, &["versions"]);
    let wanted = all.iter().filter(|row| row["group"] == "fraud" && row["approval"] == "Rejected").count();
    let kept = rows(&sandbox, &["versions", "--filter", "group:fraud approval:Rejected"]);
    assert!(wanted > 0 && wanted < all.len());
    assert_eq!(kept.len(), wanted);
    assert!(kept.iter().all(|row| row["group"] == "fraud" && row["approval"] == "Rejected"), "{kept:?}");
    assert_eq!(rows(&sandbox, &["versions", "--filter", "version>17 group:fraud"]).len(), 1);

    let refused = |args: &[&str], code: i32, words: &[&str]| {
        let done = get(&sandbox, args);
        assert_eq!((done.code, done.output.as_str()), (Some(code), ""), "{done:?}");
        for word in words {
            assert!(done.errors.contains(word), "{word:?} in {done:?}");
        }
    };
    refused(&["versions", "--filter", "colour:red"], 2, &["reading --filter", "no column colour", "approval"]);
    refused(&["versions", "--filter", "created<"], 2, &["reading --filter", "is wanted after `<`"]);
    refused(&["versions", "--sort", "colour"], 2, &["reading --sort", "no column colour", "approval"]);
    refused(&["pods"], 2, &["'pods'", "endpoints, executions, runs, versions, monitors, jobs, alarms"]);
    refused(&["operations"], 2, &["'operations'"]);
    refused(&["alarms", "no-such-alarm"], 1, &["no alarm no-such-alarm in this account and region"]);
    refused(&["endpoints", "no-such-endpoint"], 1, &["no endpoint no-such-endpoint in this account and region"]);
    let one = rows(&sandbox, &["alarm", "fraud-5xx"]);
    assert_eq!(one.iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["fraud-5xx"]);
}

/// The policy that the documentation gives to viewers is enough for every table, and for nothing else.
#[test]
fn the_viewers_policy_shows_every_table_and_changes_nothing() {
    let policy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/iam/viewer.json");
    let viewer = Served::sandbox_with("quiet-night", 1, &["--policy".as_ref(), policy.as_os_str()]);
    let everybody = Served::sandbox("quiet-night", 1);
    for kind in ["endpoints", "executions", "runs", "monitors", "alarms", "versions"] {
        let [seen, all] = [&viewer, &everybody].map(|server| {
            let done = ask(&["get", kind, "-o", "csv", "--endpoint-url", &server.address]);
            assert_eq!(done.code, Some(0), "{kind}: {}", done.errors);
            done.output.lines().count()
        });
        assert!(seen > 3 && seen == all, "{kind}: {seen} of {all}");
    }
}

/// A quiet endpoint lacks nothing but its abort alarm; the line that is printed makes it.
#[test]
fn ready_says_what_is_missing_and_the_printed_line_makes_it() {
    let sandbox = Served::sandbox("quiet-night", 1);
    let ready = |args: &[&str]| {
        let mut all = vec!["ready"];
        all.extend(args);
        all.extend(["--endpoint-url", &sandbox.address]);
        ask(&all)
    };
    let told = ready(&["fraud-prod", "-o", "json", "--provision"]);
    assert_eq!(told.code, Some(1), "{}", told.errors);
    let told: Value = serde_json::from_str(&told.output).expect("JSON");
    let row = array(&told)[0].clone();
    assert_eq!((&row["ready"], &row["abort_alarm"]), (&json!("partly"), &json!("missing")), "{row}");
    assert_eq!((&row["way"]["route"], &row["way"]["config"]), (&json!("config"), &json!("fraud-v16-b")), "{row}");
    assert_eq!(row["alarms"]["trustworthy"], true, "{row}");
    let missing = ready(&["no-such-endpoint"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.output.contains("no-such-endpoint: ") && missing.output.starts_with("READY"), "{}", missing.output);
    let table = ready(&["fraud-prod", "--provision"]).output;
    let line = table.lines().last().expect("a line").trim().to_owned();
    assert_eq!(row["provision"], line.as_str());
    assert!(line.starts_with("aws cloudwatch put-metric-alarm --alarm-name mldeck-abort-fraud-prod"), "{line}");
    let Some(peers) = Peers::find() else { return };
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let made = peers.aws(&sandbox.address, &words);
    assert_eq!(made.code, Some(0), "{}", made.errors);
    let told = ready(&["fraud-prod"]);
    assert_eq!(told.code, Some(0), "{}{}", told.output, told.errors);
    assert!(told.output.lines().any(|line| line.starts_with("ready  fraud-prod")), "{}", told.output);
}
