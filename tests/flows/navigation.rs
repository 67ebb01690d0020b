//! Help, palette, quitting, freezing, themes, targets and the account we are in.

use mldeck::app::Effect;
use mldeck_core::{
    scope::{Identity, Scope},
    text::Text,
};

use crate::deck::{Deck, Options, minutes, seconds};

#[test]
fn help_lists_searches_and_runs_what_works_here() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("?").sees("keys and commands that work here").sees("mark-range").keys("/freeze<enter>");
    deck.sees("Hold the screen still").lacks("mark-range").keys("<enter>").sees("FROZEN").lacks("keys and commands");
    deck.keys("f").lacks("FROZEN");
    // In help a capital is inert: what lies below must not act.
    deck.keys("?BWD").sees("keys and commands that work here").keys("<esc>");
    assert_eq!(deck.model.session.armed, None);
    assert_eq!(deck.model.nav.depth(), 1);
}

#[test]
fn the_palette_goes_to_panes_things_and_commands() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys(":").sees("command").keys("exec<enter>").sees("PIPELINE");
    deck.keys(":fraud-prod<enter>").sees("fraud-prod").sees("Variants");
    deck.keys(":theme<space>light<enter>").sees("theme light");
    assert_eq!(deck.theme.name, "light");
    deck.keys(":nonsense-of-a-kind<enter>").sees("is no command, kind or name");
    deck.keys(":quit<enter>");
    assert_eq!(deck.ended(), Some(0));
}

#[test]
fn q_goes_back_and_asks_at_the_root() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("<enter>").sees("Variants").keys("q").lacks("Variants").keys("q").sees("Leave mldeck?");
    deck.keys("<esc>").lacks("Leave mldeck?");
    assert_eq!(deck.ended(), None);
    deck.keys("q<enter>");
    assert_eq!(deck.ended(), Some(0));
}

#[test]
fn ctrl_c_twice_leaves_and_once_does_not() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("<ctrl-c>").sees("again leaves").advance(seconds(3)).keys("<ctrl-c>");
    assert_eq!(deck.ended(), None);
    deck.keys("<ctrl-c>");
    assert_eq!(deck.ended(), Some(0));
}

#[test]
fn freezing_holds_the_rows_and_thawing_follows_again() {
    let mut deck = Deck::start("fraud-burns");
    deck.advance(minutes(1));
    deck.keys("/intent-fr<enter> f").sees("FROZEN");
    let body = deck.describe_endpoint("intent-fr");
    let input = serde_json::json!({
        "EndpointName": "intent-fr", "EndpointConfigName": body["EndpointConfigName"], "RetainAllVariantProperties": true
    });
    deck.call("sagemaker", "UpdateEndpoint", &input);
    deck.advance(minutes(1));
    assert!(deck.line("intent-fr").contains("InService"), "frozen");
    deck.keys("f").wait_for("Updating", minutes(2));
}

#[test]
fn the_theme_key_walks_through_all_themes_and_is_remembered() {
    let mut deck = Deck::start("quiet-night");
    let count = deck.model.themes.len();
    let first = deck.theme.name.clone();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..count {
        deck.keys("<ctrl-t>");
        seen.insert(deck.theme.name.clone());
    }
    assert_eq!(seen.len(), count);
    assert_eq!(deck.theme.name, first);
    assert!(deck.effects().iter().any(|effect| matches!(effect, Effect::Remember { key, .. } if key == "theme")));
}

#[test]
fn history_walks_back_and_forth() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("3").sees("PIPELINE").keys("-").sees("MODEL LIVE").keys("-").sees("PIPELINE");
    deck.keys("2<enter>").sees("Variants").keys("[").lacks("Variants").keys("]").sees("Variants");
}

#[test]
fn caps_lock_is_noticed() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("J").sees("Is Caps Lock on?");
}

#[test]
fn the_alarm_of_the_page_opens_its_endpoint() {
    for target in ["fraud-5xx", "fraud-prod", "arn:aws:cloudwatch:eu-west-1:447100000921:alarm:fraud-5xx"] {
        let mut deck = Options::of("fraud-burns").target(target).start();
        deck.sees("fraud-prod").sees("Variants").sees("fraud v18");
        deck.keys("B").sees("Roll back fraud-prod");
    }
}

#[test]
fn a_pipeline_run_opens_by_the_name_it_is_displayed_under_and_a_pipeline_by_its_newest() {
    for (target, seen) in [("nightly-0455", "churn-train nightly-0455"), ("fraud-train", "fraud-train nightly-0915")] {
        let mut deck = Options::of("fraud-burns").target(target).start();
        deck.sees(seen).sees("started by").lacks("is no endpoint");
    }
}

#[test]
fn an_unknown_name_is_said_and_the_list_stays() {
    let mut deck = Options::of("fraud-burns").target("no-such-thing").start();
    deck.sees("no-such-thing is no endpoint, pipeline run or alarm of 4471…0921 eu-west-1").sees("fraud-prod");
}

#[test]
fn other_credentials_forget_every_row_and_disarm() {
    let mut deck = Deck::start("fraud-burns");
    deck.keys("W").sees("ARMED").sees("fraud-prod").keys("<enter>").sees("Variants");
    // The login was renewed in another shell, as somebody else.
    let identity = Identity {
        scope: Scope::new("aws", "999988887777", "eu-west-1"),
        arn: Text::new("arn:aws:sts::999988887777:assumed-role/Admin/mallory"),
        source: Text::new("test"),
        expires: None,
    };
    deck.becomes(identity);
    let text = deck.text();
    assert!(text.contains("9999…7777") && text.contains("Admin"), "{text}");
    assert!(text.contains("another account or region"), "{text}");
    assert!(!text.contains("fraud-prod") && !text.contains("ARMED"), "{text}");
    assert_eq!(deck.model.endpoints.rows().len(), 0);
}
