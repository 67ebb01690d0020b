//! Each rule taken away in turn: some night must notice. Debug builds only: a release build keeps them all. The table in
//! `docs/reliability.md` says which night; `MLDECK_BLESS=1` looks for another where that one does not notice, and writes the table.
#![cfg(debug_assertions)]

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use mldeck_core::ops::rule::Rule;

use super::night::{Setup, play};

/// Nights that may pass before it is noticed.
const MOST: u64 = 2_000;
const BEGIN: &str = "| rule | switch | taken away | noticed by |\n|---|---|---|---|\n";

/// What is said of it, or the test that notices where no night can.
enum Notice {
    Night(&'static str),
    Test(&'static str),
}

const fn notice(rule: Rule) -> Notice {
    use Notice::{Night, Test};
    match rule {
        Rule::PlanIntact => Night("something else than the plan said"),
        Rule::Lifetime => Night("too old to be begun"),
        Rule::ReadBeforeSend | Rule::FreshEyes => Night("not read just before"),
        Rule::JudgeByState | Rule::BlindHolds => Night("Done, but"),
        Rule::NumbersDecide => Night("is called good, and nothing"),
        Rule::JournalFirst => Night("without its durable intent"),
        Rule::StopWithoutJournal => Night("after the journal failed"),
        Rule::LostIsUnknown => Night("is taken for a no"),
        Rule::ThrottleWaits => Night("did not wait"),
        Rule::ResolveUnknown | Rule::WaitForLanding | Rule::ResumeByReading | Rule::TimeThatPassed => {
            Night("may still land")
        }
        Rule::TagChanges => Night("no tag says"),
        Rule::PlanInNames => Night("neither name nor tag"),
        Rule::Guardrails => Night("no alarm of ours guards it"),
        Rule::WayBack => Night("gone before it was planned"),
        // What excludes a second process is the operating system's, which a night has not.
        Rule::OneWriter => Test("mldeck-deck store::tests::without_the_lock_two_act_on_one_plan"),
        Rule::StillNeeded => Night("may be brought back to it"),
        Rule::Leave => Night("without leave"),
    }
}

fn is_noticed(rule: Rule, words: &str, seed: u64) -> bool {
    let night = play(&Setup { seed, without: Some(rule), ..Setup::default() });
    night.violations.iter().any(|violation| violation.contains(words))
}

fn path() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md")
}

fn doc() -> String {
    std::fs::read_to_string(path()).expect("the document is there")
}

/// The rows of the table, as the document has them.
fn rows() -> Vec<String> {
    let doc = doc();
    let (_, rest) = doc.split_once(BEGIN).expect("the document has the table");
    rest.lines().take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

fn row(rule: Rule, noticed: &str) -> String {
    format!("| R{} | `{rule:?}` | {} | {noticed} |", rule.number(), rule.without())
}

/// The night that the document names for that rule.
fn seed(rule: Rule) -> Option<u64> {
    let begins = row(rule, "");
    let begins = begins.trim_end_matches([' ', '|']);
    rows()
        .iter()
        .find(|row| row.starts_with(begins))?
        .trim_end_matches([' ', '|'])
        .rsplit_once("night ")?
        .1
        .parse()
        .ok()
}

#[test]
fn the_table_names_every_rule_and_what_notices() {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but the environment")]
    if std::env::var_os("MLDECK_BLESS").is_some() {
        bless();
    }
    let wanted: Vec<String> = Rule::ALL
        .iter()
        .map(|rule| match notice(*rule) {
            Notice::Test(name) => row(*rule, &format!("`{name}`")),
            Notice::Night(_) => row(*rule, &format!("night {}", seed(*rule).unwrap_or(MOST))),
        })
        .collect();
    assert_eq!(rows(), wanted);
    assert!((1..=13).all(|number| Rule::ALL.iter().any(|rule| rule.number() == number)), "a rule has no switch");
}

/// Looks for a night of each rule, the one it had before any other, on all processors, and writes the table.
fn bless() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut out = Vec::new();
        while let Some(rule) = Rule::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let noticed = match notice(*rule) {
                Notice::Test(name) => format!("`{name}`"),
                Notice::Night(words) => {
                    match seed(*rule).into_iter().chain(0..MOST).find(|seed| is_noticed(*rule, words, *seed)) {
                        Some(seed) => format!("night {seed}"),
                        None => "nobody".to_owned(),
                    }
                }
            };
            println!("{rule:?}: {noticed}");
            out.push((*rule, noticed));
        }
        out
    };
    let mut found = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().expect("a night that panics is a bug")).collect::<Vec<_>>()
    });
    found.sort_by_key(|(rule, _)| Rule::ALL.iter().position(|other| other == rule));
    let mut table = BEGIN.to_owned();
    for (rule, noticed) in found {
        let _ = writeln!(table, "{}", row(rule, &noticed));
    }
    let doc = doc();
    let (head, rest) = doc.split_once(BEGIN).expect("the document has the table");
    let tail: Vec<&str> = rest.lines().skip_while(|line| line.starts_with('|')).collect();
    std::fs::write(path(), format!("{head}{table}{}\n", tail.join("\n"))).expect("the document can be written");
}

macro_rules! mutations {
    ($($name:ident $rule:ident;)*) => {$(
        #[test]
        fn $name() {
            let Notice::Night(words) = notice(Rule::$rule) else { panic!("no night") };
            let seed = seed(Rule::$rule).expect("the table names a night; MLDECK_BLESS=1 looks for one");
            assert!(is_noticed(Rule::$rule, words, seed), "night {seed} does not notice");
            let kept = play(&Setup { seed, ..Setup::default() });
            assert_eq!(kept.violations, [""; 0], "with the rule, all is well");
        }
    )*};
}

mutations! {
    an_edited_plan_is_noticed PlanIntact;
    an_old_plan_is_noticed Lifetime;
    sending_without_a_last_look_is_noticed ReadBeforeSend;
    taking_any_service_for_success_is_noticed JudgeByState;
    sending_before_the_journal_is_noticed JournalFirst;
    sending_after_a_failed_journal_is_noticed StopWithoutJournal;
    an_error_taken_for_a_no_is_noticed LostIsUnknown;
    no_wait_after_a_throttle_is_noticed ThrottleWaits;
    repeating_a_lost_call_blindly_is_noticed ResolveUnknown;
    repeating_before_it_can_land_no_more_is_noticed WaitForLanding;
    repeating_an_intent_after_a_restart_is_noticed ResumeByReading;
    a_change_without_tags_is_noticed TagChanges;
    a_name_without_its_plan_is_noticed PlanInNames;
    a_deployment_without_guardrails_is_noticed Guardrails;
    blindness_taken_for_the_end_is_noticed BlindHolds;
    calls_without_numbers_taken_for_good_are_noticed NumbersDecide;
    a_way_that_leads_nowhere_is_noticed WayBack;
    a_clock_taken_for_time_is_noticed TimeThatPassed;
    a_late_answer_taken_for_a_look_is_noticed FreshEyes;
    deleting_what_is_needed_is_noticed StillNeeded;
    a_write_without_leave_is_noticed Leave;
}
