//! The list panes: what they show, filter, sort, mark, and say when there is nothing or nothing may be read.

use mldeck::app::Slot;
use mldeck_core::{
    fault::{Fault, FaultKind},
    resource::run::RunStatus,
    text::Text,
};
use mldeck_sandbox::faults::Kind;

use crate::deck::{Deck, Options, minutes, seconds};

/// Names of the rows on screen, top down.
fn endpoints(deck: &Deck) -> Vec<String> {
    deck.model.endpoints.shown().map(|row| row.name.to_string()).collect()
}

/// Presses each key that the last line offers, in the view that `back` leads to.
pub(crate) fn each_hint_means_something(deck: &mut Deck, back: &str) {
    let hints = deck.text().lines().last().expect("the keys").trim().to_owned();
    let keys: Vec<&str> = hints.split("  ").filter_map(|hint| hint.split(' ').next()).collect();
    assert!(keys.len() >= 3, "{hints}");
    for key in keys {
        let pressed = if key.chars().count() > 1 { format!("<{key}>") } else { key.to_owned() };
        deck.keys(&pressed).advance(seconds(1));
        for nothing in ["means nothing", "Open the run first", "no AWS body", "write no log", "Nothing is selected"] {
            deck.lacks(nothing);
        }
        deck.keys("<esc><esc><esc>").keys(back).advance(seconds(10));
    }
}

#[test]
fn endpoints_come_worst_first_with_what_the_page_was_about() {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1)).sees("447").sees("PROD").sees("OnCall").sees("fraud v18").sees("blue 100 %");
    let line = deck.line("fraud-prod");
    assert!(line.contains('✖'), "{line}");
    assert!(line.contains("ci-deploy"), "who changed it last: {line}");
    deck.sees("UpdateRollback").sees("canary 10 %").sees("40 of 40");
    let names = endpoints(&deck);
    assert!(names[..2].contains(&"fraud-prod".to_owned()) && names[..2].contains(&"vision-qa".to_owned()), "{names:?}");
}

#[test]
fn the_cursor_stands_on_what_burns_until_a_key_is_pressed() {
    let mut deck = Deck::start("misleading-history");
    deck.advance(minutes(1));
    assert_eq!(deck.model.endpoints.selected(), Some(&Text::new("fraud-prod")));
    assert_eq!(endpoints(&deck)[0], "fraud-prod");
    let second = endpoints(&deck)[1].clone();
    deck.keys("j").advance(minutes(1)).keys("s").advance(minutes(1));
    assert_eq!(deck.model.endpoints.selected().map(ToString::to_string), Some(second), "it follows its row");
}

#[test]
fn a_filter_keeps_what_matches_and_esc_brings_all_back() {
    let mut deck = Deck::start("fraud-burns");
    let all = endpoints(&deck).len();
    deck.keys("/fraud").sees("filter / fraud").sees(&format!("1 of {all}")).lacks("vision-qa");
    deck.keys("<enter>").sees(&format!("1 of {all}")).keys("<esc>").sees(&format!("{all} of {all}"));
    deck.keys("/status:roll<enter>").sees("vision-qa").lacks("fraud-prod");
    // Esc in the prompt takes back what was typed, not what was there before.
    deck.keys("/<backspace><backspace>x<esc>").sees("vision-qa").sees(&format!("1 of {all}"));
}

#[test]
fn a_bad_filter_is_an_error_and_zero_rows_never_all() {
    let mut deck = Deck::start("fraud-burns");
    let all = endpoints(&deck).len();
    for bad in ["/[/", "nosuchcolumn=1", "(fraud"] {
        deck.keys("/");
        deck.keys(bad).sees("The filter cannot be read").sees(&format!("0 of {all}")).lacks("fraud-prod");
        // Nothing under the cursor: B cannot hit a row that is not shown.
        deck.keys("<enter> B").sees("Nothing is selected");
        deck.keys("<esc>").sees("fraud-prod");
    }
}

#[test]
fn sorting_follows_the_column_and_the_cursor_follows_its_row() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/prod<enter> g");
    let before = endpoints(&deck);
    let chosen = deck.model.endpoints.selected().cloned().unwrap();
    deck.keys(":sort-by-name<enter>");
    let mut sorted = before;
    sorted.sort();
    assert_eq!(endpoints(&deck), sorted);
    assert_eq!(deck.model.endpoints.selected(), Some(&chosen), "by identity, not by row number");
    deck.keys("i");
    sorted.reverse();
    assert_eq!(endpoints(&deck), sorted);
    assert_eq!(deck.model.endpoints.selected(), Some(&chosen));
}

#[test]
fn the_cursor_stays_on_its_row_when_a_refresh_sorts_anew() {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1));
    deck.keys("g");
    let top = endpoints(&deck)[0].clone();
    // Rest on a healthy row, then let it get into trouble: it moves up, the cursor with it.
    let healthy = Text::new("intent-fr");
    deck.keys("/intent-fr<enter>").keys("<esc>");
    assert_eq!(deck.model.endpoints.selected(), Some(&healthy));
    let place = endpoints(&deck).iter().position(|name| name == "intent-fr").unwrap();
    let body = deck.describe_endpoint("intent-fr");
    let config = body["EndpointConfigName"].clone();
    assert!(place > 3, "healthy rows are further down: {place}");
    deck.call(
        "sagemaker",
        "UpdateEndpoint",
        &serde_json::json!({"EndpointName": "intent-fr", "EndpointConfigName": config, "RetainAllVariantProperties": true}),
    );
    deck.keys("r").wait_for("Updating", minutes(2)).advance(minutes(1));
    let moved = endpoints(&deck).iter().position(|name| name == "intent-fr").unwrap();
    assert!(moved < place, "an update in flight is worth a look: {moved} was {place}");
    assert_eq!(deck.model.endpoints.selected(), Some(&healthy));
    assert_eq!(endpoints(&deck)[0], top);
}

#[test]
fn marks_hold_while_rows_are_shown_and_drop_when_a_filter_hides_them() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("g<space><space>").sees("2 marked").keys("v j j v").sees("5 marked");
    deck.keys("/zzz<enter>").lacks("marked").keys("<esc>").lacks("marked");
    deck.keys("<space>").sees("1 marked").keys("u").lacks("marked");
}

#[test]
fn esc_steps_back_in_order_and_never_leaves() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("/prod<enter><space><enter>").sees("Variants");
    deck.keys("<esc>").lacks("Variants").sees("1 marked");
    deck.keys("<esc>").lacks("1 marked");
    assert_eq!(deck.model.endpoints.filter(), "prod");
    deck.keys("<esc>");
    assert_eq!(deck.model.endpoints.filter(), "");
    deck.keys("<esc>").sees("This is the first view; q leaves.").keys("<esc><esc>");
    assert_eq!(deck.ended(), None);
}

#[test]
fn problems_only_and_wide() {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1)).keys("!").sees("problems only").sees("fraud-prod").lacks("churn-batch");
    deck.keys("<esc>").sees("churn-batch").lacks("problems only");
    let narrow = deck.line("NAME");
    deck.keys("w");
    assert_ne!(deck.line("NAME"), narrow, "every column");
    deck.keys("w");
    assert_eq!(deck.line("NAME"), narrow);
}

#[test]
fn pipelines_experiments_and_drift_list_what_the_account_has() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("3").sees("PIPELINE").sees("fraud-train").sees("Succeeded").sees("Failed");
    let all = deck.model.executions.rows().len();
    deck.keys("/status=Failed<enter>").lacks("Succeeded");
    let failed = deck.model.executions.shown().count();
    assert!(failed > 0 && failed < all, "{failed} of {all}");
    deck.keys("4").wait_for("val/auc", seconds(10)).sees("fraud-xgb");
    deck.keys("/val\\/auc>0.93<enter>");
    deck.keys("<esc>/experiment:churn<enter>").sees("churn-gbm").lacks("fraud-xgb");
    deck.keys("6")
        .sees("fraud-prod-data-quality")
        .advance(minutes(15))
        .sees("CompletedWithViolations")
        .sees("intent-fr");
    deck.keys("9").sees("Nothing was changed from here yet.");
}

#[test]
fn every_page_of_runs_is_read_and_a_running_one_is_followed_to_its_end() {
    let mut deck = Deck::start("fraud-burns");
    deck.hold(Slot::Runs).keys("4").lacks("fraud-xgb").let_through();
    // A page is a hundred jobs and a hundred components; each asks for the next at once.
    let all = deck.model.runs.rows().len();
    assert!(all > 300, "{all}");
    assert!(deck.model.runs.load.more.is_none(), "the walk has ended");

    let running = |deck: &Deck| -> Vec<Text> {
        let rows = deck.model.runs.rows().iter();
        rows.filter(|run| run.status == RunStatus::InProgress).map(|run| run.name.clone()).collect()
    };
    let before = running(&deck);
    assert!(!before.is_empty(), "something runs");
    deck.advance(minutes(90));
    let after = running(&deck);
    assert!(before.iter().all(|name| !after.contains(name)), "{before:?} still run: {after:?}");
}

#[test]
fn a_walk_of_runs_whose_token_has_expired_begins_anew() {
    let mut deck = Deck::start("fraud-burns");
    deck.hold(Slot::Runs).keys("4").breaks_once("Search", Kind::ExpiredToken).let_through();
    deck.sees("103 of 103 so far").sees("the login has expired");
    let more = deck.model.runs.load.more.take().expect("the walk goes on where it was").raw();
    let mut more: serde_json::Value = serde_json::from_str(&more).expect("JSON");
    more["jobs"] = "expired".into();
    deck.model.runs.load.more = Some(Text::new(&more.to_string()));
    deck.wait_for("refused by AWS", minutes(1)).advance(minutes(3)).lacks("refused by AWS");
    assert!(deck.model.runs.rows().len() > 300 && deck.model.runs.load.more.is_none());
}

#[test]
fn no_hint_names_a_key_that_means_nothing_there() {
    let mut deck = Deck::start("fraud-burns");
    for pane in ["2", "3", "4", "6"] {
        deck.keys(pane).advance(seconds(30));
        each_hint_means_something(&mut deck, pane);
    }
}

#[test]
fn an_empty_list_of_somebody_who_is_not_signed_in_says_that_and_not_that_it_loads() {
    let mut deck = Deck::start("fraud-burns");
    let fault = Fault::new(FaultKind::Setup, "connecting", "--profile names `nope`");
    deck.model.session.identity = Some(Err(fault));
    deck.keys("4").lacks("Loading").glance("--profile names `nope`");
    deck.keys("9").sees("Nothing was changed from here yet.");
}

#[test]
fn panes_of_later_versions_say_so() {
    let mut deck = Deck::start("quiet-night");
    for (key, title) in [("1", "Inbox"), ("7", "Labeling"), ("0", "All")] {
        deck.keys(key).sees(&format!("{title} is not in this version."));
    }
}

#[test]
fn without_permission_the_list_names_the_iam_action() {
    let mut deck = Options::of("fraud-burns").start();
    deck.breaks("ListEndpoints", Kind::AccessDenied);
    deck.quiet();
    deck.sees("no permission").sees("sagemaker:ListEndpoints").lacks("fraud-prod");
    deck.mends().keys("r").wait_for("fraud-prod", minutes(6));
}

#[test]
fn a_denied_detail_leaves_the_list_and_names_the_gap() {
    let mut deck = Options::of("fraud-burns").start();
    deck.breaks("DescribeEndpoint", Kind::AccessDenied).breaks("DescribeAlarms", Kind::AccessDenied);
    deck.quiet();
    deck.sees("summarize-qa").sees("no permission").keys("/fraud-prod<enter>").sees("InService");
    deck.mends().keys("r").wait_for("fraud v18", minutes(12));
}

#[test]
fn a_long_gap_gives_way_to_the_age_and_to_what_was_last_said() {
    let mut deck = Options::of("fraud-burns").size(80, 24).start();
    deck.breaks("LookupEvents", Kind::AccessDenied).quiet();
    deck.sees(" · reading who changed endpoints: no permission").sees("… · now ");
    deck.keys("<esc>").sees("This is the first view; q leaves.").sees("… · now ");

    let mut deck = Options::of("fraud-burns").size(80, 24).start();
    deck.breaks("LookupEvents", Kind::AccessDenied).breaks("DescribeAlarms", Kind::AccessDenied).quiet();
    deck.sees(" · reading").sees("… · now ");
}

#[test]
fn throttling_is_said_slows_polls_down_and_keeps_the_rows() {
    let mut deck = Deck::start("fraud-burns");
    deck.breaks("ListEndpoints", Kind::Throttle).keys("r").wait_for("throttled by AWS", minutes(1)).sees("fraud-prod");
    deck.mends().advance(minutes(6)).lacks("throttled by AWS").sees("fraud v18");
}

#[test]
fn an_account_out_of_reach_is_not_called_live() {
    let mut deck = Deck::start("fraud-burns");
    assert!(deck.line("4471").ends_with("live"), "{}", deck.text());
    deck.breaks("*", Kind::LostResponse).keys("r").wait_for("/h  no connection", minutes(1)).sees("fraud-prod");
    deck.keys("3").sees("/h  no connection");
    deck.mends().advance(minutes(6));
    assert!(deck.line("4471").ends_with("live"), "{}", deck.text());
    // A list that may not be read was answered all the same.
    deck.breaks("ListPipelineExecutions", Kind::AccessDenied).breaks("Search", Kind::AccessDenied);
    deck.keys("r").wait_for("no permission", minutes(1));
    assert!(deck.line("4471").ends_with("live"), "{}", deck.text());
    deck.breaks("*", Kind::Stall).keys("r").wait_for("/h  no answer in time", minutes(2));
}

#[test]
fn rows_of_the_last_session_are_painted_at_once_with_their_age() {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1));
    deck.breaks("*", Kind::Stall);
    let mut deck = deck.killed_and_started_again();
    deck.glance("fraud-prod");
    deck.glance("cached");
    deck.glance("/h  connecting");
    // Keys answer while AWS does not.
    deck.keys_at_once("/vision<enter>");
    deck.glance("vision-qa");
    assert!(!deck.text().contains("fraud-prod"), "{}", deck.text());
}

#[test]
fn a_quiet_account_looks_quiet() {
    let mut deck = Deck::start("quiet-night");
    deck.advance(minutes(1));
    assert!(!deck.text().contains('✖'), "nothing here is in trouble:\n{}", deck.text());
    deck.keys("3!").lacks("✖ AlgorithmError").keys("9!").sees("Nothing was changed from here yet.");
}

#[test]
fn an_idle_deck_paints_the_same_frame_again() {
    let mut deck = Deck::start("quiet-night");
    deck.advance(minutes(2));
    let before = deck.frame();
    deck.send(mldeck::app::Msg::Wake);
    deck.quiet();
    assert_eq!(deck.frame(), before, "nothing happened, so nothing changes");
}
