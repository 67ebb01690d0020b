//! What opens on top of a list, compared with what the account itself says.

use mldeck_sandbox::faults::Kind;
use serde_json::json;

use crate::deck::{Deck, Options, minutes, seconds};

fn fraud() -> Deck {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1));
    deck.keys("/fraud-prod<enter>");
    deck
}

#[test]
fn an_endpoint_shows_its_curves_what_changed_and_its_variants() {
    let mut deck = fraud();
    deck.keys("<enter>").sees("5xx").sees("Variants").sees("blue").sees("What changed").sees("ci-deploy");
    deck.sees("fraud-5xx").sees("fraud-v17-a");
    // As many instances as the account says.
    let body = deck.describe_endpoint("fraud-prod");
    let count = body["ProductionVariants"][0]["CurrentInstanceCount"].as_i64().unwrap();
    deck.sees(&format!("×{count}"));
    deck.keys("h").sees("config").keys("<esc>").keys("<esc>").sees("NAME");
}

#[test]
fn describe_raw_and_actions_of_the_row() {
    let mut deck = fraud();
    deck.keys("d").sees("fraud-prod").sees("fraud-v18-c").keys("<esc>");
    deck.keys("y").sees("\"EndpointName\": \"fraud-prod\"").sees("EndpointConfigName").keys("<esc>");
    deck.keys("a").sees("The fastest safe way back").sees("Traffic and capacity").keys("<esc>");
    deck.keys("c").sees("arn:aws:sagemaker").keys("<enter>").sees("Sent to the terminal's clipboard");
    let copied = deck.effects().into_iter().any(|effect| matches!(effect, mldeck::app::Effect::Copy(_)));
    assert!(copied);
    deck.keys("b").sees("console.aws.amazon.com");
}

#[test]
fn logs_show_lines_and_search_them() {
    let mut deck = fraud();
    deck.keys("l").wait_for("ERROR", seconds(10));
    deck.keys("/merchant<enter> n N w g G").sees("fraud-prod").keys("<esc>").sees("NAME");
}

#[test]
fn hostile_log_lines_cannot_reach_the_terminal() {
    let mut deck = Deck::start("misleading-history");
    deck.keys("/fraud-prod<enter> l").advance(seconds(5)).keys("g");
    for _ in 0..20 {
        let frame = deck.frame();
        for cell in frame.content() {
            let control = cell.symbol().chars().find(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(c));
            assert_eq!(control, None, "{:?}", cell.symbol());
        }
        deck.keys("<page-down>");
    }
}

#[test]
fn a_failed_run_names_the_step_the_reason_its_last_lines_and_what_differs() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("3 /fraud-train<space>status=Failed<enter>").sees("fraud-train").keys("<enter>").advance(seconds(3));
    // The truth, past the deck.
    let arn = deck.model.executions.selected_row().unwrap().arn.clone();
    let steps = deck.call("sagemaker", "ListPipelineExecutionSteps", &json!({ "PipelineExecutionArn": arn.raw() }));
    let failed = steps["PipelineExecutionSteps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["StepStatus"] == "Failed")
        .cloned()
        .unwrap();
    let (name, reason) = (failed["StepName"].as_str().unwrap(), failed["FailureReason"].as_str().unwrap());
    deck.sees(&format!("Step {name}")).sees("✖ Failed").sees("reason");
    let first: String = reason.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    deck.sees(&first).sees("(last good)").sees("last log lines");
    // The cursor of the graph moves along its edges, and l opens the whole log of the step.
    deck.keys("h h l").keys("<esc>").sees("PIPELINE");
}

#[test]
fn marked_runs_are_compared_by_what_differs() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("4")
        .wait_for("fraud-xgb", seconds(10))
        .keys("/fraud-xgb<space>status=Completed<enter> g<space><space><space> =");
    deck.wait_for("only what differs", seconds(10)).sees("3 runs").sees("baseline ◆").sees("metric val");
    let metric = deck.line("metric ");
    deck.keys("n");
    assert_ne!(deck.line("metric "), metric, "the next metric");
    deck.keys("N");
    assert_eq!(deck.line("metric "), metric);
    deck.keys("\\").sees("log on").keys("}").sees("smooth 0.1").keys("{").sees("smooth 0.0");
    let base = deck.line("baseline ◆");
    deck.keys("e");
    assert_ne!(deck.line("baseline ◆"), base, "another baseline");
    deck.keys("<esc>").sees("EXPERIMENT");
}

#[test]
fn drift_tells_the_numbers_of_the_account() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("6")
        .sees("fraud-prod-data-quality")
        .keys("/fraud-prod<enter><enter>")
        .wait_for("features drifted", seconds(20));
    // CloudWatch's own newest distance of the worst feature, past the deck.
    let now = deck.now();
    let listed =
        deck.call("monitoring", "ListMetrics", &json!({"MetricName": "feature_baseline_drift_merchant_category"}));
    let metric = listed["Metrics"][0].clone();
    let input = json!({
        "StartTime": now.plus(-26 * 3_600_000).secs(),
        "EndTime": now.secs(),
        "MetricDataQueries": [
            {"Id": "d", "MetricStat": {"Metric": metric, "Period": 3_600, "Stat": "Average"}}
        ]
    });
    let body = deck.call("monitoring", "GetMetricData", &input);
    let values = body["MetricDataResults"][0]["Values"].as_array().cloned().unwrap_or_default();
    let newest = values.first().and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("no distance: {body}"));
    let shown = mldeck_core::series::short(newest);
    deck.sees(&shown);
    assert!(deck.line("merchant_category").contains(&format!("{newest:.2}")), "{newest}:\n{}", deck.text());
    deck.keys("j k h l . ,").sees("features drifted");
}

#[test]
fn a_denied_view_names_the_action_it_needs() {
    let mut deck = fraud();
    deck.breaks("FilterLogEvents", Kind::AccessDenied).keys("l").sees("logs:FilterLogEvents");
    deck.keys("<esc>").breaks("ListPipelineExecutionSteps", Kind::AccessDenied);
    deck.keys("3<enter>").sees("sagemaker:ListPipelineExecutionSteps");
}

#[test]
fn a_config_that_may_not_be_read_is_said_where_its_models_are_missing() {
    let mut deck = Options::of("fraud-burns").start();
    deck.breaks("Search", Kind::AccessDenied).breaks("DescribeEndpointConfig", Kind::AccessDenied).quiet();
    let missing = "no permission (sagemaker:DescribeEndpointConfig)";
    deck.sees(missing).keys("/fraud-prod<enter>").sees(missing).lacks("fraud v18");
    deck.keys("d").sees("(sagemaker:DescribeEndpointConfig)");
}

#[test]
fn a_history_that_may_not_be_read_is_said_to_be_missing_wherever_it_would_be_shown() {
    let mut deck = Options::of("fraud-burns").start();
    deck.breaks("LookupEvents", Kind::AccessDenied).quiet();
    let missing = "no permission (cloudtrail:LookupEvents)";
    deck.sees(missing).keys("/fraud-prod<enter>").sees(missing).lacks("nothing known");
    deck.keys("h").sees(missing).keys("<esc>B").wait_for(missing, minutes(1));
}
