//! Changes besides the way back, each from its key to its end in the account.

use mldeck_core::resource::operation::OperationState;
use serde_json::{Value, json};

use crate::deck::{Deck, minutes, seconds};

fn states(deck: &Deck) -> Vec<OperationState> {
    deck.model.ledger.rows().iter().map(|row| row.state).collect()
}

/// Whether autoscaling of this variant is suspended.
fn is_suspended(deck: &Deck, endpoint: &str, variant: &str) -> bool {
    let input = json!({
        "ServiceNamespace": "sagemaker", "ResourceIds": [format!("endpoint/{endpoint}/variant/{variant}")],
    });
    let found = deck.call("application-autoscaling", "DescribeScalableTargets", &input);
    let state = &found["ScalableTargets"][0]["SuspendedState"];
    let on = |name: &str| state[name] == Value::Bool(true);
    assert_eq!(on("DynamicScalingInSuspended"), on("DynamicScalingOutSuspended"), "{found}");
    on("DynamicScalingInSuspended")
}

#[test]
fn capacity_is_changed_while_autoscaling_stands_aside() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/fraud-prod<enter> U").sees("Traffic and capacity of fraud-prod").sees("instances blue  6");
    deck.keys("<backspace>8<enter>").sees("Shift fraud-prod: 6 → 8").sees("autoscaled 2–").sees("Press  y  to go");
    deck.advance(seconds(1)).keys("y").wait_for("accepted; waiting for AWS", minutes(1));
    deck.until("autoscaling is suspended", |deck| is_suspended(deck, "fraud-prod", "blue"));
    deck.wait_for("● done", minutes(30));
    assert!(!is_suspended(&deck, "fraud-prod", "blue"), "as it was before");
    let body = deck.describe_endpoint("fraud-prod");
    assert_eq!(body["ProductionVariants"][0]["DesiredInstanceCount"], 8);
    assert_eq!(states(&deck), [OperationState::Done]);
}

#[test]
fn a_form_says_what_is_wrong_and_sends_nothing() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/fraud-prod<enter> U").sees("instances blue  6").keys("<enter>").sees("Nothing was changed.");
    deck.keys("<backspace>x<enter>").sees("The count of blue is no whole number.");
    deck.keys("<esc>").sees("NAME");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn a_version_is_approved_by_typing_what_it_becomes() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("5")
        .sees("PendingManualApproval")
        .keys("/Pending<enter> A")
        .sees("Approve: it may serve")
        .keys("<enter>");
    deck.sees("PendingManualApproval → Approved").sees("nothing leads back to PendingManualApproval");
    deck.advance(seconds(1)).keys("approved<enter>").wait_for("it is Approved", minutes(1));
    assert_eq!(deck.sends(), ["UpdateModelPackage"]);
    assert_eq!(states(&deck), [OperationState::Done]);
    deck.keys("<esc>A").sees("Reject: it must not serve");
}

#[test]
fn a_run_that_failed_goes_on_and_one_that_succeeded_is_started_anew() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("3").sees("STATUS").keys("/Failed<enter> T").sees("Failed → Executing").advance(seconds(1)).keys("y");
    deck.wait_for("it is Executing", minutes(1));
    deck.keys("<esc><esc>/Succeeded<enter> T").sees("Start ").sees("ModelApprovalStatus");
    deck.keys("<enter>").sees("a new run").advance(seconds(1)).keys("y").wait_for("AWS accepted it", minutes(1));
    assert_eq!(deck.sends(), ["RetryPipelineExecution", "StartPipelineExecution"]);
    assert_eq!(states(&deck), [OperationState::Done, OperationState::Done]);
}

#[test]
fn a_run_is_stopped_and_says_when_it_has_stopped() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("3").sees("STATUS").keys("/Executing<enter> S").sees("Executing → Stopped").advance(seconds(1));
    deck.keys("stopped<enter>").wait_for("it is Stopped", minutes(30));
    assert_eq!(states(&deck), [OperationState::Done]);
}

#[test]
fn a_monitoring_schedule_is_stopped_and_started_again() {
    let mut deck = Deck::start("drift-storm");
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("S").sees("Scheduled → Stopped").advance(seconds(1));
    deck.keys("stopped<enter>").wait_for("it is Stopped", minutes(10));
    assert_eq!(deck.sends(), ["StopMonitoringSchedule"]);
}

#[test]
fn a_version_takes_over_an_endpoint_behind_its_gates() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("/ranking-eu<enter>").sees("ranking v31").keys("5").sees("PendingManualApproval");
    deck.keys("/ranking<enter> P").sees("ranking-eu  serves ranking v31").keys("<enter>");
    deck.sees("no bias report is registered").sees("go on without an answer to `bias`");
    deck.keys("<tab>").sees("says why").keys("<shift-tab>").keys("REL-7<enter>").sees("ranking-eu: v31 → v32");
    deck.sees("accepted without `bias`").sees("canary 10 %");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(seconds(1)).keys("v32<enter>").wait_for("● done", minutes(90));
    let wanted =
        ["UpdateModelPackage", "CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "UpdateEndpoint", "AddTags"];
    assert_eq!(deck.sends(), wanted);
    let (config, status) = deck.serving("ranking-eu");
    assert_eq!(status, "InService");
    assert!(config.starts_with("ranking-eu-v32-"), "{config}");
    let tags = deck.tags("ranking-eu");
    assert_eq!(tags.get("mldeck:previous-config").map(String::as_str), Some("ranking-v31-b"));
}

#[test]
fn what_a_killed_deck_took_away_is_restored_when_somebody_says_so() {
    let mut deck = Deck::start("fraud-burns");
    deck.breaks("UpdateEndpointWeightsAndCapacities", mldeck_sandbox::faults::Kind::Stall);
    deck.keys("/fraud-prod<enter> U").sees("instances blue  6").keys("<backspace>8<enter>").sees("Press  y  to go");
    deck.advance(seconds(1)).keys("y").wait_for("about to send UpdateEndpoint", minutes(1));
    assert!(is_suspended(&deck, "fraud-prod", "blue"));
    let mut deck = deck.killed_and_started_again();
    deck.mends();
    deck.wait_for("unfinished operation", seconds(30)).keys("9<enter>").wait_for("owes what it took away", minutes(20));
    assert!(is_suspended(&deck, "fraud-prod", "blue"), "it only looks");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.keys("T").wait_for("● accepted by AWS", minutes(1));
    deck.until("autoscaling works again", |deck| !is_suspended(deck, "fraud-prod", "blue"));
    assert_eq!(deck.sends(), ["RegisterScalableTarget"]);
}

#[test]
fn a_training_job_runs_once_more_with_what_was_changed() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("4").sees("STATUS").keys("/Completed<enter> T").sees("A training job like ").sees("instances");
    deck.keys("<tab><backspace>x<enter>").sees("instances is no whole number.").keys("<backspace>2");
    deck.keys("<tab><backspace><backspace><backspace><backspace><backspace>36000<enter>");
    deck.sees("Completed → a new job").sees("1 → 2").sees("86400 → 36000").sees(" at most").sees("Press  y  to go");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(seconds(1)).keys("y").wait_for("it is Completed", minutes(600));
    assert_eq!(deck.sends(), ["CreateTrainingJob"]);
    assert_eq!(states(&deck), [OperationState::Done]);
}

#[test]
fn a_monitor_runs_once_now() {
    let mut deck = Deck::start("drift-storm");
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("/data-quality<enter> T").sees("once, now").sees("NOW");
    deck.advance(seconds(1)).keys("y").wait_for("it is Completed", minutes(180));
    assert_eq!(deck.sends(), ["CreateMonitoringSchedule"]);
    assert_eq!(states(&deck), [OperationState::Done]);
}

#[test]
fn jobs_of_people_and_shadow_tests_are_listed_stopped_and_made_once_more() {
    let mut deck = Deck::start("quiet-night");
    let side = |variant: &str, model: &str| {
        json!({"VariantName": variant, "ModelName": model, "InfrastructureConfig": {
            "InfrastructureType": "RealTimeInference",
            "RealTimeInferenceConfig": {"InstanceType": "ml.c5.2xlarge", "InstanceCount": 6}}})
    };
    let test = json!({
        "Name": "fraud-next", "Type": "ShadowMode", "EndpointName": "fraud-prod",
        "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "ModelVariants": [side("blue", "fraud-v17"), side("next", "fraud-v18")],
        "ShadowModeConfig": {"SourceModelVariantName": "blue", "ShadowModelVariants": [
            {"ShadowModelVariantName": "next", "SamplingPercentage": 10}]},
    });
    deck.call("sagemaker", "CreateInferenceExperiment", &test);
    deck.world(|world| world.advance_to(world.now().plus(mldeck_core::time::HOUR)));
    deck.keys("8").sees("shadow test").sees("labeling").sees("human loop");
    deck.keys("/fraud-next<enter>").wait_for("Running", minutes(5)).keys("P").sees("blue is autoscaled").keys("<esc>");
    deck.keys("S").sees("Running → Completed").sees("as before the test").advance(seconds(1));
    deck.keys("completed<enter>").wait_for("it is Completed", minutes(120)).keys("<esc><esc>");
    deck.keys("/vision-defects-b01<enter> T").sees("A labeling job like ").sees("manifest").keys("<enter>");
    deck.sees("Completed → a new job").sees("people's time").keys("<esc><esc>");
    assert_eq!(deck.sends(), ["StopInferenceExperiment"]);
}

#[test]
fn a_registered_version_is_tested_as_the_shadow_of_what_serves() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("/ranking-eu<enter>").sees("ranking v31").keys("5").sees("PendingManualApproval");
    deck.keys("/ranking<enter>T").sees("test ranking/32 as the shadow of").keys("<enter>");
    deck.sees("only what is Approved becomes a model").keys("<esc>jT<enter>");
    deck.sees("ranking v31 as its shadow").sees("10 % of the calls").sees("CreateModel, CreateInferenceExperiment");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.keys("<esc>2T").sees("Test a model as its shadow").sees("Test ranking/32").keys("<esc>");
}

#[test]
fn a_form_of_a_shadow_test_says_what_is_missing() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/churn-batch<enter>T")
        .sees("Make its quiet abort alarm")
        .keys("j<enter>")
        .sees("A shadow test on churn-batch");
    deck.keys("<enter>").sees("Which model is to get the copies?").keys("no-such-model<tab>");
    deck.keys("<backspace><backspace><enter>").sees("The share is a whole number of per cent").keys("25<enter>");
    deck.sees("there is no model no-such-model");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn an_abort_alarm_is_made_from_the_endpoint_alone_or_among_several() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/fraud-prod<enter>T").sees("start on fraud-prod").keys("<enter>").sees("Provision fraud-prod: missing");
    deck.keys("<esc><esc>").sees("NAME").keys("<space><space>T").sees("2 endpoints").keys("<enter>");
    deck.sees("Provision 2 endpoints").sees("2 PutMetricAlarm").advance(seconds(1)).keys("2<enter>");
    deck.wait_for("2 done", minutes(5));
    assert_eq!(deck.sends(), ["PutMetricAlarm"; 2]);
}

#[test]
fn a_drift_finding_leads_to_a_labeling_job_whose_sample_has_to_be_named() {
    let mut deck = Deck::start("quiet-night");
    deck.keys("6").wait_for("Scheduled", seconds(20)).keys("L").sees("8 reads them");
    deck.keys("8").advance(seconds(5)).keys("6L").sees("A labeling job like intent-fr-b03");
    deck.sees("missing: S3 URI of the sample's manifest").keys("<enter>").sees("The manifest is missing");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}
