//! Drift is measured again in Python, from captured calls and the baseline's data set, and nothing disagrees.

use serde_json::Value;

use crate::{
    array, sound,
    support::peers::{Peers, Served},
    texts,
};

fn measured(scenario: &str) -> Option<Value> {
    let peers = Peers::find()?;
    let sandbox = Served::sandbox(scenario, 1);
    let report = peers.script("drift.py", &sandbox.address, &[]);
    sound(&report);
    agrees(&report["schedules"]);
    Some(report["schedules"].clone())
}

/// Every schedule was measured, agreed with, and would not have been with one value altered.
fn agrees(schedules: &Value) {
    let schedules = schedules.as_object().expect("schedules");
    let names: Vec<&str> = schedules.keys().map(String::as_str).collect();
    let wanted =
        ["churn-batch-data-quality", "fraud-prod-data-quality", "intent-fr-data-quality", "ranking-eu-model-quality"];
    assert_eq!(names, wanted);
    for (name, told) in schedules {
        assert_eq!(texts(&told["complaints"]), [] as [&str; 0], "{name}");
        assert!(told["compared"].as_u64().is_some_and(|count| count > 40), "{name}: {told}");
        assert!(array(&told["rows"]).iter().all(|rows| rows.as_u64() > Some(500)), "{name}: {told}");
        let noticed = told["noticed"].as_object().expect("what was altered");
        let is_altered = name.starts_with("intent") || name.starts_with("ranking");
        assert!(!is_altered || noticed.len() >= 5, "{name}: {told}");
        for (what, complaints) in noticed {
            assert!(!array(complaints).is_empty(), "{name}: nobody noticed that {what}");
        }
        let ago = told["minutes_ago"].as_f64().expect("minutes");
        assert!(name.starts_with("churn") || ago < 120.0, "{name}: the newest is {ago} minutes old");
    }
}

#[test]
fn a_storm_of_drift_is_what_the_captured_calls_say() {
    let Some(schedules) = measured("drift-storm") else { return };
    for (name, drifted) in [
        ("fraud-prod-data-quality", &["card_age_days", "country", "device_age", "email_age_days"][..]),
        ("intent-fr-data-quality", &["channel", "language_score"]),
        ("ranking-eu-model-quality", &["auc"]),
    ] {
        let found = texts(&schedules[name]["drifted"]);
        assert!(drifted.iter().all(|feature| found.contains(feature)), "{name}: {found:?}");
        assert_eq!(schedules[name]["status"][0], "CompletedWithViolations", "{name}");
    }
}

#[test]
fn a_quiet_account_is_quiet_by_its_captured_calls() {
    let Some(schedules) = measured("quiet-night") else { return };
    for name in ["churn-batch-data-quality", "intent-fr-data-quality", "ranking-eu-model-quality"] {
        assert_eq!(texts(&schedules[name]["drifted"]), [] as [&str; 0], "{name}");
        assert!(array(&schedules[name]["status"]).iter().all(|status| status == "Completed"), "{name}");
    }
}
