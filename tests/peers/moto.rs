//! mldeck reads moto's server, which nobody here wrote: what is there is shown, what it lacks is named.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    array,
    support::peers::{Done, Peers, Served, ask},
    texts,
};

/// No answer may take longer: the time-outs of the process are to end it.
const BOUND: Duration = Duration::from_secs(60);

fn get(server: &Served, args: &[&str]) -> Done {
    let mut all = vec!["get"];
    all.extend(args);
    all.extend(["--endpoint-url", &server.address]);
    let done = ask(&all);
    assert!(done.took < BOUND, "{args:?} took {:?}", done.took);
    let said = done.said().to_ascii_lowercase();
    assert!(!said.contains("<html") && !said.contains("<!doctype") && !said.contains("traceback"), "{done:?}");
    done
}

fn rows(server: &Served, kind: &str) -> Vec<Value> {
    array(&get(server, &[kind, "-o", "json"]).json()).to_vec()
}

#[test]
fn what_moto_holds_is_shown_and_nothing_else() {
    let Some(peers) = Peers::find() else { return };
    let moto = peers.moto();
    for kind in ["endpoints", "versions", "alarms", "runs", "executions"] {
        assert_eq!(rows(&moto, kind), [] as [Value; 0], "{kind} of an empty account");
    }
    let filled = peers.script("fill.py", &moto.address, &[]);

    let shown: BTreeMap<String, Value> = rows(&moto, "endpoints")
        .into_iter()
        .map(|row| {
            let name = row["name"].as_str().unwrap().to_owned();
            (name, json!([row["status"], row["config"], row["model"], row["traffic"], row["health"]]))
        })
        .collect();
    let wanted: BTreeMap<String, Value> = filled["endpoints"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, row)| {
            let health = if name == "pricing-prod" { "bad" } else { "ok" };
            (name.clone(), json!(["InService", row["config"], row["model"], "main 100 %", health]))
        })
        .collect();
    assert_eq!(shown, wanted);

    let mut versions: Vec<Value> = rows(&moto, "versions")
        .iter()
        .map(|row| json!([row["group"], row["version"].as_f64(), row["approval"], row["status"]]))
        .collect();
    versions.sort_by_key(Value::to_string);
    let mut wanted: Vec<Value> = array(&filled["versions"])
        .iter()
        .map(|row| json!(["pricing", row["version"].as_f64(), row["approval"], "Completed"]))
        .collect();
    wanted.sort_by_key(Value::to_string);
    assert_eq!(versions, wanted);

    let alarms: BTreeMap<String, Value> = rows(&moto, "alarms")
        .iter()
        .map(|row| (row["name"].as_str().unwrap().to_owned(), json!([row["state"], row["endpoint"]])))
        .collect();
    let wanted = [("disk", "OK"), ("pricing-5xx", "ALARM")]
        .map(|(name, state)| (name.to_owned(), json!([state, "pricing-prod"])));
    assert_eq!(alarms, BTreeMap::from(wanted), "CloudWatch in JSON, where its CBOR is not spoken");

    // moto's Search knows no comparison, and no executions: it finds nothing, and mldeck looks in another way.
    assert_eq!((texts(&filled["found"]["runs"]), texts(&filled["found"]["executions"])), (vec![], vec![]));
    let named = |kind: &str, column: &str| -> Vec<String> {
        let mut names: Vec<String> =
            rows(&moto, kind).iter().map(|row| row[column].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mut runs = texts(&filled["jobs"]);
    runs.insert(0, "pricing-notebook-1");
    assert_eq!(named("runs", "name"), runs);
    let deep = get(&moto, &["runs", "-o", "json", "--filter", "param.max_depth>4"]).json();
    let mut deep: Vec<&str> = array(&deep).iter().map(|row| row["name"].as_str().unwrap()).collect();
    deep.sort_unstable();
    assert_eq!(deep, ["pricing-train-1", "pricing-train-2"]);
    let execution = |row: &Value| json!([row["pipeline"], row["id"], row["status"]]);
    let newest_first = array(&filled["executions"]).iter().rev();
    let wanted = newest_first.map(|row| json!([row["pipeline"], row["id"], "Succeeded"]));
    assert_eq!(rows(&moto, "executions").iter().map(execution).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());

    let one = array(&get(&moto, &["endpoint", "zoo-prod", "-o", "json"]).json()).to_vec();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["name"], "zoo-prod");
    let filtered = get(&moto, &["endpoints", "-o", "json", "--filter", "model:pricing", "--sort", "name"]).json();
    assert_eq!(array(&filtered).iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["pricing-prod", "pricing-stage"]);
}

#[test]
fn what_moto_lacks_is_named() {
    let Some(peers) = Peers::find() else { return };
    let moto = peers.moto();
    let monitors = get(&moto, &["monitors"]);
    assert_eq!(monitors.code, Some(1), "{monitors:?}");
    assert_eq!(monitors.output, "");
    assert!(monitors.errors.contains("this endpoint does not offer the operation"), "{monitors:?}");
    assert!(monitors.errors.contains("ListMonitoringSchedules is missing behind this address"), "{monitors:?}");
    let missing = get(&moto, &["endpoints", "no-such-endpoint"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.errors.contains("no endpoint no-such-endpoint in this account and region"), "{missing:?}");
}
