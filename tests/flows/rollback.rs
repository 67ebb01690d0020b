//! The way back: from `B` to "AWS serves the earlier config", and everything that may go wrong between.

use mldeck::app::{Effect, Slot};
use mldeck_core::{ops::journal::Entry, resource::operation::OperationState, time::Timestamp};
use mldeck_sandbox::faults::Kind;
use serde_json::{Value, json};

use crate::deck::{Deck, Options, minutes, seconds};

/// The plan for fraud-prod is on screen, and has been for a moment.
fn planned(mut deck: Deck) -> Deck {
    deck.quiet();
    deck.keys("/fraud-prod<enter> B").sees("and Enter to go:").advance(seconds(1));
    deck.effects();
    deck
}

fn fraud() -> Deck {
    planned(Deck::start("fraud-burns"))
}

/// What was accepted or refused of those that change an endpoint of ours or its alarms, by name, since `from`.
fn changes(deck: &mut Deck, from: Timestamp) -> Vec<(String, Value)> {
    deck.trail(from)
}

fn count(changes: &[(String, Value)], operation: &str, endpoint: &str) -> usize {
    let about = |input: &Value| input["endpointName"] == endpoint;
    changes.iter().filter(|(name, input)| name == operation && about(input)).count()
}

/// One word per effect of an operation, in order.
fn story(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Journal { record, .. } => Some(match &record.entry {
                Entry::Planned { .. } => "journal planned".to_owned(),
                Entry::Intent { operation, .. } => format!("journal intent {operation}"),
                Entry::Outcome { .. } => "journal outcome".to_owned(),
                Entry::Observed { .. } => "journal stage".to_owned(),
                Entry::Abort { .. } => "journal abort".to_owned(),
                Entry::Bypassed { .. } => "journal bypassed".to_owned(),
                Entry::Note { .. } => "journal note".to_owned(),
                Entry::Reached { .. } => "journal reached".to_owned(),
                Entry::Judged { .. } => "journal judged".to_owned(),
                Entry::Ended { state, .. } => format!("journal ended {}", state.word()),
            }),
            Effect::OpRead { .. } => Some("read".to_owned()),
            Effect::Send { write, .. } => Some(format!("send {}", write.call.operation())),
            _ => None,
        })
        .collect()
}

/// These happened, in this order, whatever happened between.
#[track_caller]
fn in_order(story: &[String], parts: &[&str]) {
    let mut rest = story.iter();
    for part in parts {
        assert!(rest.any(|word| word == part), "no {part:?} in its place: {story:#?}");
    }
}

#[test]
fn the_plan_names_the_target_its_sources_the_naive_damage_and_the_exact_call() {
    let mut deck = fraud();
    deck.sees("Roll back fraud-prod: v18 → v17")
        .sees("found by")
        .sees("CloudTrail")
        .sees("fraud-v18-c → fraud-v17-a")
        .sees("a plain update-endpoint would have")
        .sees("UpdateEndpoint")
        .sees("--endpoint-name fraud-prod --endpoint-config-name fraud-v17-a --retain-all-variant-properties")
        .sees("Type v17 and Enter to go:")
        .sees("nothing was sent");
    // What a plain call would have done is a fact of this account: the config says 2, autoscaling has 6 or more.
    let body = deck.describe_endpoint("fraud-prod");
    let runs = body["ProductionVariants"][0]["DesiredInstanceCount"].as_i64().unwrap();
    let config = deck.call("sagemaker", "DescribeEndpointConfig", &json!({"EndpointConfigName": "fraud-v17-a"}));
    let said = config["ProductionVariants"][0]["InitialInstanceCount"].as_i64().unwrap();
    assert!(runs > said, "the scenario is about an autoscaled endpoint: {runs} and {said}");
    let text = deck.text();
    let naive: String = text.lines().skip_while(|line| !line.contains("without this plan")).take(4).collect();
    assert!(naive.contains(&runs.to_string()) && naive.contains(&said.to_string()), "{naive}");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn typed_and_confirmed_it_is_journaled_sent_watched_and_done() {
    let from = Deck::start("fraud-burns").now();
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
    let effects = deck.effects();
    let story = story(&effects);
    assert_eq!(story[0], "journal planned");
    in_order(
        &story,
        &[
            "journal planned",
            "journal intent PutMetricAlarm",
            "send PutMetricAlarm",
            "journal intent UpdateEndpoint",
            "read",
            "send UpdateEndpoint",
            "journal outcome",
            "journal intent AddTags",
            "send AddTags",
        ],
    );
    for (at, word) in story.iter().enumerate().filter(|(_, word)| word.starts_with("send")) {
        let intent = word.replace("send", "journal intent");
        assert!(story[..at].contains(&intent), "{word} without its intent before it: {story:#?}");
    }
    assert_eq!(deck.serving("fraud-prod").1, "Updating", "it reached the account");
    deck.sees("request").wait_for("instances are starting", minutes(4));
    deck.wait_for("done", minutes(60));
    let from_deck = deck.now();
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v17-a".to_owned(), "InService".to_owned()));
    let tags = deck.tags("fraud-prod");
    assert_eq!(tags.get("mldeck:previous-config").map(String::as_str), Some("fraud-v18-c"), "{tags:?}");
    assert!(tags.contains_key("mldeck:plan"), "{tags:?}");
    let changes = changes(&mut deck, from);
    assert_eq!(count(&changes, "UpdateEndpoint", "fraud-prod"), 1, "{changes:#?}");
    let (_, sent) =
        changes.iter().find(|(name, input)| name == "UpdateEndpoint" && input["endpointName"] == "fraud-prod").unwrap();
    assert_eq!(sent["endpointConfigName"], "fraud-v17-a");
    assert_eq!(sent["retainAllVariantProperties"], true);
    assert!(from_deck > from);
    // The ledger tells it, with the request id, and a deck started tomorrow still does.
    deck.keys("9").sees("fraud-prod").sees("done");
    let mut deck = deck.killed_and_started_again();
    deck.quiet();
    deck.keys("9").sees("fraud-prod").sees("done").keys("<enter>").sees("request").sees("accepted by AWS");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn a_wrong_word_goes_nowhere_and_can_be_corrected() {
    let mut deck = fraud();
    deck.keys("v16<enter>").sees("that is not what the plan says");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.keys("<backspace>7<enter>").wait_for("accepted by AWS", minutes(1));
    assert!(deck.sends().contains(&"UpdateEndpoint"));
}

#[test]
fn keys_that_were_typed_before_the_plan_was_read_do_not_count() {
    // Type-ahead: the hand goes on while the plan appears.
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/fraud-prod<enter> B v17<enter>").sees("typed before it was shown");
    assert_eq!(deck.sends(), Vec::<&str>::new());

    // A stalled link: the plan was never written out.
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/fraud-prod<enter>").stall(true).keys("B").sees("and Enter to go:").advance(seconds(30));
    deck.keys("v17<enter>").sees("typed before it was shown");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.stall(false).advance(seconds(1)).keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
}

#[test]
fn a_burst_and_a_paste_are_no_consent() {
    let mut deck = fraud();
    deck.burst("v17<enter>").sees("does not count");
    deck.advance(seconds(2)).paste("v17\n").sees("a paste does not count");
    deck.keys("<enter>").advance(seconds(2)).same_moment("v17<enter>").sees("in one burst");
    deck.advance(seconds(2));
    assert_eq!(deck.sends(), Vec::<&str>::new());
    assert_eq!(deck.serving("fraud-prod").1, "InService");
}

#[test]
fn a_resize_hides_the_plan_and_typing_starts_over() {
    let mut deck = fraud();
    deck.keys("v1").resize(100, 40).keys("7<enter>");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(seconds(1)).keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
}

#[test]
fn a_read_only_deck_shows_the_plan_and_refuses_to_carry_it_out() {
    let start = Options::of("fraud-burns").read_only().start();
    let from = start.now();
    let mut deck = start;
    deck.quiet();
    deck.keys("/fraud-prod<enter> B").sees("read-only deck").sees("aws sagemaker update-endpoint").advance(seconds(1));
    deck.keys("v17<enter>").sees("Read-only: nothing is sent").keys("<esc> W").sees("cannot be armed");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(minutes(1));
    let changes = changes(&mut deck, from);
    assert_eq!(count(&changes, "UpdateEndpoint", "fraud-prod"), 0, "{changes:#?}");
}

#[test]
fn looking_at_a_plan_and_leaving_it_sends_nothing() {
    let mut deck = fraud();
    let from = deck.now();
    deck.keys("<tab>").sees("Roll back fraud-prod").keys("<esc>").lacks("and Enter to go:");
    deck.keys("W").sees("Write mode for").advance(minutes(1)).keys("W").sees("Write mode is off");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    assert_eq!(changes(&mut deck, from), Vec::new());
}

#[test]
fn a_history_that_misleads_is_answered_right() {
    let deck = Deck::start("misleading-history");
    let mut deck = planned(deck);
    // v18 was tried, taken back, deployed again; a refused update to v16 is newer than all of it.
    deck.sees("v18 → v17").sees("fraud-v18-c → fraud-v17-a").sees("Type v17 and Enter to go:");
}

/// A config of the same family that neither serves nor is the target.
fn other_config(deck: &Deck) -> String {
    let mut token = Value::Null;
    for _ in 0..50 {
        let mut input = json!({"NameContains": "fraud-v16", "MaxResults": 100});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let body = deck.call("sagemaker", "ListEndpointConfigs", &input);
        if let Some(name) = body["EndpointConfigs"][0]["EndpointConfigName"].as_str() {
            return name.to_owned();
        }
        token = body["NextToken"].clone();
        assert!(!token.is_null(), "no config of version 16");
    }
    panic!("no config of version 16 in fifty pages");
}

#[test]
fn somebody_else_moves_first_and_nothing_is_sent() {
    let mut deck = fraud();
    let from = deck.now();
    let other = other_config(&deck);
    let input = json!({"EndpointName": "fraud-prod", "EndpointConfigName": other, "RetainAllVariantProperties": true});
    deck.call("sagemaker", "UpdateEndpoint", &input);
    deck.keys("v17<enter>").wait_for("nothing was sent", minutes(1)).sees("changed since the plan was made");
    assert!(!deck.sends().contains(&"UpdateEndpoint"));
    let changes = changes(&mut deck, from);
    assert_eq!(count(&changes, "UpdateEndpoint", "fraud-prod"), 1, "theirs alone: {changes:#?}");
}

#[test]
fn a_lost_answer_is_resolved_by_reading_and_never_sent_twice() {
    let mut deck = fraud();
    let from = deck.now();
    deck.breaks_once("UpdateEndpoint", Kind::LostResponse);
    deck.keys("v17<enter>").wait_for("the answer was lost", minutes(2));
    assert_eq!(deck.serving("fraud-prod").1, "Updating", "it had landed");
    deck.wait_for("done", minutes(60));
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v17-a".to_owned(), "InService".to_owned()));
    let changes = changes(&mut deck, from);
    assert_eq!(count(&changes, "UpdateEndpoint", "fraud-prod"), 1, "{changes:#?}");
}

#[test]
fn a_refused_call_changes_nothing_and_names_the_permission() {
    let mut deck = fraud();
    deck.breaks("UpdateEndpoint", Kind::AccessDenied);
    deck.keys("v17<enter>").wait_for("sagemaker:UpdateEndpoint", minutes(1)).sees("refused");
    deck.advance(minutes(2));
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v18-c".to_owned(), "InService".to_owned()));
}

#[test]
fn a_deck_that_died_resumes_watching_and_sends_nothing_again() {
    let mut deck = fraud();
    let from = deck.now();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1)).advance(minutes(1));
    let mut deck = deck.killed_and_started_again();
    deck.wait_for("watching it again", seconds(10)).keys("9").sees("fraud-prod").keys("<enter>");
    deck.wait_for("done", minutes(60));
    assert!(!deck.sends().contains(&"UpdateEndpoint"), "watching only");
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v17-a".to_owned(), "InService".to_owned()));
    let changes = changes(&mut deck, from);
    assert_eq!(count(&changes, "UpdateEndpoint", "fraud-prod"), 1, "{changes:#?}");
}

/// What the executor of one way back asked for, and what reached the account.
fn traced(stalled: bool) -> (Vec<String>, Vec<(String, Value)>) {
    let mut deck = fraud();
    let from = deck.now();
    deck.keys("v17<enter>");
    deck.stall(stalled).advance(minutes(10));
    let told: Vec<String> = deck
        .effects()
        .iter()
        .filter(|effect| matches!(effect, Effect::Journal { .. } | Effect::OpRead { .. } | Effect::Send { .. }))
        .map(|effect| without_request_ids(&format!("{effect:?}")))
        .collect();
    let changes = changes(&mut deck, from);
    if stalled {
        deck.stall(false).wait_for("done", minutes(60));
    }
    (told, changes)
}

/// AWS numbers its answers, and how many others asked meanwhile is no matter of the operation.
fn without_request_ids(effect: &str) -> String {
    const BEFORE: &str = "request_id: Some(\"";
    let mut parts = effect.split(BEFORE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| told + BEFORE + part.split_once('"').map_or("", |(_, rest)| rest))
}

#[test]
fn ten_minutes_of_a_terminal_that_takes_nothing_change_nothing_of_an_operation() {
    let (drawn, stalled) = (traced(false), traced(true));
    assert!(drawn.0.iter().any(|effect| effect.contains("UpdateEndpoint")) && drawn.0.len() > 20, "{drawn:#?}");
    assert_eq!(drawn, stalled);
}

#[test]
fn b_on_a_running_operation_stops_it_and_aws_rolls_back() {
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1)).advance(minutes(1));
    // Once on the endpoint leads to the operation, once more stops it.
    deck.keys("B").sees("tripping the abort alarm");
    deck.wait_for("rolled back", minutes(60));
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v18-c".to_owned(), "InService".to_owned()));
    let states: Vec<OperationState> = deck.model.ledger.rows().iter().map(|row| row.state).collect();
    assert_eq!(states, [OperationState::RolledBack]);
}

#[test]
fn b_again_on_the_endpoint_opens_what_is_under_way() {
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
    deck.keys("<esc>").sees("fraud-prod").keys("B").sees("An operation of ours is under way here");
    assert_eq!(deck.model.ops.open_count(), 1);
}

#[test]
fn somebody_elses_canary_is_taken_back_by_its_own_alarm() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/ranking-eu<enter> B").sees("Abort ranking-eu: v32 → v31").sees("its own actions run as well");
    deck.advance(seconds(1)).keys("v31<enter>").wait_for("the deployment of ranking-v32-a was taken back", minutes(40));
    deck.wait_for("● done", minutes(30)).sees("good: ");
    assert!(deck.sends().iter().all(|call| *call == "SetAlarmState"), "{:?}", deck.sends());
    let states: Vec<OperationState> = deck.model.ledger.rows().iter().map(|row| row.state).collect();
    assert_eq!(states, [OperationState::Done]);
}

#[test]
fn what_cannot_be_planned_is_refused_and_typing_goes_nowhere() {
    let mut deck = Deck::start("fraud-burns");
    deck.call("sagemaker", "DeleteEndpoint", &json!({"EndpointName": "fraud-prod"}));
    deck.keys("/fraud-prod<enter> B").sees("This cannot be planned now.");
    deck.advance(seconds(1)).keys("v17<enter>y<enter>");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn outside_production_one_deliberate_key_is_enough_and_enter_is_not() {
    let config = "[[accounts]]\nid = \"447100000921\"\nname = \"acme-ml-dev\"\nclass = \"dev\"\n";
    let mut deck = Options::of("fraud-burns").config(config).start();
    deck.quiet();
    deck.sees("acme-ml-dev").keys("/fraud-prod<enter> B").sees("Press y to go").advance(seconds(1));
    deck.keys("<enter>").sees("not what the plan says");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.advance(seconds(1)).keys("y").wait_for("accepted by AWS", minutes(1));
}

#[test]
fn a_trail_that_takes_minutes_makes_no_plan_too_old() {
    let mut deck = Deck::start("fraud-burns");
    deck.hold(Slot::FactsDeep).keys("/fraud-prod<enter> B").sees("CloudTrail is being asked").sees("and Enter to go:");
    deck.advance(minutes(5)).sees("CloudTrail is being asked").let_through();
    deck.lacks("CloudTrail is being asked").lacks("cannot be planned").sees("CloudTrail 01:42 (ci-deploy)");
    deck.advance(seconds(1)).keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
}

#[test]
fn a_demo_at_a_hundred_times_the_speed_can_be_confirmed() {
    let mut deck = Options::of("fraud-burns").speed(100.0).start();
    deck.quiet();
    let from = deck.now();
    // Twenty seconds of ours are half an hour of the account's: the plan is read again often enough.
    deck.keys("/fraud-prod<enter> B").sees("and Enter to go:").advance(seconds(20)).keys("v17<enter>");
    deck.wait_for("accepted by AWS", seconds(5)).wait_for("done", seconds(60));
    assert!(deck.now().since(from) > 30 * 60_000);
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v17-a".to_owned(), "InService".to_owned()));
}

#[test]
fn facts_that_are_really_old_are_refused_until_they_are_read_again() {
    let mut deck = fraud();
    deck.breaks("DescribeEndpoint", Kind::AccessDenied).advance(minutes(3));
    deck.keys("<tab>").sees("these facts are").sees("F5 reads the endpoint again");
    deck.keys("v17<enter>").advance(seconds(1)).keys("v17<enter>");
    assert_eq!(deck.sends(), Vec::<&str>::new());
    deck.mends().keys("<f5>").sees("and Enter to go:");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn a_reason_is_typed_into_the_plan_and_told_by_the_ledger() {
    let mut deck = fraud();
    deck.keys("v1<shift-tab>INC-77<space>v17").sees("Reason or ticket: INC-77 v17").keys("<enter>");
    deck.sees("reason INC-77 v17").advance(seconds(1));
    assert_eq!(deck.sends(), Vec::<&str>::new(), "a reason is no consent, and what was typed before it is gone");
    // Left without a change.
    deck.keys("<shift-tab>x<esc>").sees("reason INC-77 v17").lacks("v17x").advance(seconds(1));
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1)).sees("INC-77 v17");
    let planned = deck.model.ops.records().iter().find_map(|record| match &record.entry {
        Entry::Planned { plan } => plan.reason.clone(),
        _ => None,
    });
    assert_eq!(planned.as_ref().map(|reason| reason.as_str()), Some("INC-77 v17"));
}

/// fraud-prod was brought back to v17, and that is done; the operation is on screen.
fn done() -> Deck {
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1)).wait_for("done", minutes(60));
    deck.effects();
    deck
}

#[test]
fn z_on_a_finished_operation_brings_back_what_it_replaced() {
    let mut deck = done();
    let operation = deck.model.ledger.rows()[0].id.clone();
    deck.keys("z").sees("Undo fraud-prod: v17 → v18").sees(&format!("reverses {operation}")).sees("which replaced it");
    // Guarded, its alarm would take v18 back again; Tab changes the mode, and the target stays.
    deck.keys("<tab>")
        .sees("emergency all at once")
        .sees("fraud-v17-a → fraud-v18-c")
        .sees("Type v18 and Enter to go:");
    deck.advance(seconds(1));
    assert_eq!(deck.sends(), Vec::<&str>::new(), "z alone sends nothing");
    deck.keys("v18<enter>").wait_for("accepted by AWS", minutes(1)).advance(minutes(1)).wait_for("done", minutes(60));
    assert_eq!(deck.serving("fraud-prod"), ("fraud-v18-c".to_owned(), "InService".to_owned()));
    // The ledger says so, from its row, too; and what was undone is not undone twice.
    deck.keys("9").sees("undo").sees(&format!("reverses {operation}")).keys("jz").sees("is what is live already");
    deck.keys("<esc>gz").sees("Undo fraud-prod: v18 → v17");
}

#[test]
fn z_says_who_changed_it_since_and_gives_the_line() {
    let mut deck = done();
    let other = other_config(&deck);
    let input = json!({"EndpointName": "fraud-prod", "EndpointConfigName": other, "RetainAllVariantProperties": true});
    deck.call("sagemaker", "UpdateEndpoint", &input);
    deck.advance(minutes(1)).keys("z").sees("a change is running").sees("--endpoint-config-name fraud-v18-c");
    deck.keys("<esc>").advance(minutes(60)).keys("z").sees("changed since by").sees(&format!("{other} serves"));
    deck.sees("--endpoint-config-name fraud-v18-c").advance(seconds(1)).keys("v18<enter>");
    assert_eq!(deck.sends(), Vec::<&str>::new());
}

#[test]
fn z_where_nothing_can_be_taken_back_says_why() {
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1)).advance(minutes(1));
    deck.keys("z").sees("It is under way: B on it stops it");
    deck.keys("B").wait_for("rolled back", minutes(60)).keys("z").sees("AWS took it back already");
    deck.keys("2z").sees("Nothing of ours is done on fraud-prod").keys("3z").sees("z on an operation");
    assert_eq!(deck.model.nav.pane().number(), 9);
}

#[test]
fn the_hints_of_an_operation_say_what_its_keys_do() {
    let mut deck = fraud();
    deck.keys("v17<enter>").wait_for("accepted by AWS", minutes(1));
    let running = deck.text().lines().last().unwrap_or_default().to_owned();
    assert!(running.contains("B abort") && !running.contains("roll back"), "{running}");

    let mut deck = done();
    deck.keys("9");
    crate::lists::each_hint_means_something(&mut deck, "9");
    deck.keys("9<enter>").sees("z reversal").lacks("B abort");
    crate::lists::each_hint_means_something(&mut deck, "9<enter>");
}
