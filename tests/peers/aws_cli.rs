//! The AWS CLI uses the sandbox.

use serde_json::{Value, json};

use crate::{
    array,
    support::peers::{Peers, Served},
};

#[test]
fn the_cli_lists_describes_searches_and_measures() {
    let Some(peers) = Peers::find() else { return };
    let sandbox = Served::sandbox("fraud-burns", 1);
    let aws = |args: &[&str]| peers.aws(&sandbox.address, args);
    let said = |args: &[&str]| aws(args).json();

    let listed = said(&["sagemaker", "list-endpoints", "--page-size", "9"]);
    assert_eq!(array(&listed["Endpoints"]).len(), 40, "the CLI follows the tokens by itself");
    let first = said(&["sagemaker", "list-endpoints", "--max-items", "3"]);
    assert_eq!(array(&first["Endpoints"]), &array(&listed["Endpoints"])[..3]);

    let described = said(&["sagemaker", "describe-endpoint", "--endpoint-name", "fraud-prod"]);
    assert_eq!(
        (&described["EndpointStatus"], &described["EndpointConfigName"]),
        (&json!("InService"), &json!("fraud-v18-c"))
    );

    let expression = r#"{"Filters":[{"Name":"TrainingJobStatus","Operator":"Equals","Value":"Failed"}]}"#;
    let found = said(&["sagemaker", "search", "--resource", "TrainingJob", "--search-expression", expression]);
    let jobs = array(&found["Results"]);
    assert!(
        jobs.len() > 3 && jobs.iter().all(|row| row["TrainingJob"]["TrainingJobStatus"] == "Failed"),
        "{}",
        jobs.len()
    );

    // A window of the account's own time: since the deployment.
    let since = described["LastModifiedTime"].to_string();
    let alarm = said(&["cloudwatch", "describe-alarms", "--alarm-names", "fraud-5xx"]);
    let until = alarm["MetricAlarms"][0]["StateUpdatedTimestamp"].to_string();
    let queries = r#"[{"Id":"errors","MetricStat":{"Metric":{"Namespace":"AWS/SageMaker","MetricName":"Invocation5XXErrors",
        "Dimensions":[{"Name":"EndpointName","Value":"fraud-prod"},{"Name":"VariantName","Value":"blue"}]},
        "Period":60,"Stat":"Sum"}}]"#;
    let window = ["--start-time", &since, "--end-time", &until];
    let mut args = vec!["cloudwatch", "get-metric-data", "--metric-data-queries", queries];
    args.extend(window);
    let data = said(&args);
    let values = crate::numbers(&data["MetricDataResults"][0]["Values"]);
    assert!(values.len() > 10 && values.iter().copied().fold(0.0, f64::max) > 20.0, "{values:?}");

    let missing = aws(&["sagemaker", "describe-endpoint", "--endpoint-name", "no-such-endpoint"]);
    assert_eq!(missing.code, Some(255), "{missing:?}");
    assert!(missing.errors.contains("(ValidationException)"), "{missing:?}");
    assert!(
        missing.errors.contains("Could not find endpoint \"arn:aws:sagemaker:eu-west-1:447100000921:endpoint/"),
        "{missing:?}"
    );
}

#[test]
fn the_waiter_of_the_cli_sees_an_update_end() {
    let Some(peers) = Peers::find() else { return };
    // Fast enough that the update is over when the waiter looks for the second time, half a minute later.
    let sandbox = Served::sandbox("quiet-night", 600);
    let aws = |args: &[&str]| peers.aws(&sandbox.address, args);
    let name = ["--endpoint-name", "churn-batch"];
    let config = ["--endpoint-config-name", "churn-v6-c"];
    let state = || aws(&["sagemaker", "describe-endpoint", name[0], name[1]]).json();
    assert_ne!(state()["EndpointConfigName"], config[1]);
    let update = aws(&["sagemaker", "update-endpoint", name[0], name[1], config[0], config[1]]).json();
    assert_eq!(update["EndpointArn"], "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/churn-batch");
    let waited = aws(&["sagemaker", "wait", "endpoint-in-service", name[0], name[1]]);
    assert_eq!((waited.code, waited.said().as_str()), (Some(0), ""), "{waited:?}");
    let after: Value = state();
    assert_eq!((&after["EndpointStatus"], &after["EndpointConfigName"]), (&json!("InService"), &json!(config[1])));
}

/// In an account whose time passes while waiters sleep.
#[test]
fn every_waiter_ends_and_pages_of_every_list_fit_together() {
    let Some(peers) = Peers::find() else { return };
    let sandbox = Served::sandbox("quiet-night", 1);
    // S3 is not in that list.
    let offered = json!(mldeck_sandbox::World::operations()).to_string();
    let offered = offered.replacen('[', "[[\"s3\",\"ListObjectsV2\"],", 1);
    let said = peers.script("cli.py", &sandbox.address, &[&offered]);
    crate::sound(&said);
    waiters(&said);
    pages(&said["pages"]);
}

fn waiters(said: &Value) {
    let waits = array(&said["waits"]);
    for wait in waits {
        assert_eq!(wait["code"], wait["wanted"], "{wait:#}");
        // One that succeeds says nothing, one that fails why.
        let words = wait["said"].as_str().unwrap();
        assert_eq!(words.is_empty(), wait["code"] == 0, "{wait:#}");
        assert!(wait["code"] == 0 || words.contains("Waiter "), "{wait:#}");
    }
    // What waits for an image to be gone waits for an error that its operation does not have, and that for a version cannot be
    // called by the CLI.
    let mut usable = crate::texts(&said["waiters"]);
    usable.retain(|waiter| !["image_deleted", "image_version_deleted"].contains(waiter));
    for waiter in usable {
        let named = format!("sagemaker {} ", waiter.replace('_', "-"));
        let is_it = |wait: &&Value| wait["waiter"].as_str().unwrap().starts_with(&named) && wait["code"] == 0;
        assert!(waits.iter().any(|wait| is_it(&wait)), "nobody waited with {waiter}");
    }
    // Waiters that slept saw the account change meanwhile.
    assert!(waits.iter().filter(|wait| wait["slept"].as_f64() > Some(20.0)).count() >= 10, "{waits:#?}");
}

/// What the CLI does not cut by seven: parts of GetMetricData may hold pieces of one series, ListMetrics has no size of a page, and
/// that of ListTags is fifty at least.
const UNCUT: [&str; 3] = ["cloudwatch GetMetricData", "cloudwatch ListMetrics", "sagemaker ListTags"];

fn pages(pages: &Value) {
    let pages = pages.as_object().unwrap();
    let mut cut = 0;
    for (operation, found) in pages {
        if UNCUT.contains(&operation.as_str()) {
            continue;
        }
        assert_eq!((found.get("error"), found.get("differs")), (None, None), "{operation}: {found:#}");
        let Some(sizes) = found.get("sizes").map(crate::numbers) else { continue };
        let rows = found["rows"].as_f64().unwrap();
        assert!(sizes.iter().rev().skip(1).all(|size| *size == 7.0), "{operation}: {found}");
        cut += usize::from(rows > 7.0 && sizes.len() > 1);
    }
    assert!(pages.len() >= 60, "{} lists", pages.len());
    assert!(cut >= 20, "{cut} lists of several parts: {pages:#?}");
}
