//! What the program costs a person and a machine: `cargo bench [-- --quick | --short | --only WORD]`.
//!
//! The release binary runs in a real pseudo-terminal of 200×50 against the sandbox's server in another process. Every
//! figure has its number of samples, median, 99th percentile, budget and what the harness itself costs. Ends with 1 when
//! a budget is missed; writes `bench/deck.json` into the target folder.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a measurement that cannot be made ends the run")]
#![allow(clippy::print_stdout, reason = "the table is the product")]

#[path = "deck/account.rs"]
mod account;
#[path = "support/estate.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with tests/budget.rs")]
mod estate;
#[path = "deck/live.rs"]
mod live;
#[path = "deck/micro.rs"]
mod micro;
#[path = "deck/report.rs"]
mod report;
#[path = "deck/terminal.rs"]
mod terminal;

use std::process::ExitCode;

use report::Report;

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// Under a minute in all.
    Quick,
    /// Everything but the idle minutes, which become a quarter of one.
    Short,
    Full,
}

impl Length {
    fn pick<T>(self, quick: T, full: T) -> T {
        if self == Self::Quick { quick } else { full }
    }
}

/// One subject; `--only` names it.
type Part = (&'static str, fn(Length, &mut Report));

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, extras, remembers] = args.as_slice()
        && first == account::SERVE
    {
        account::serve(extras, remembers);
        return ExitCode::SUCCESS;
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let length = match (has("--quick"), has("--short")) {
        (true, _) => Length::Quick,
        (false, true) => Length::Short,
        (false, false) => Length::Full,
    };
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    let parts: [Part; 7] = [
        // First: a process that grew takes longer to fork.
        ("start", live::start),
        ("keys-delayed", live::keys_while_replies_are_late),
        ("keys-stream", live::keys_while_rows_stream_in),
        ("memory", live::memory),
        ("demo", live::demo),
        ("idle", live::idle),
        ("micro", micro::run),
    ];
    let mut report = Report::new(length != Length::Full);
    for (name, part) in parts {
        if only.is_none_or(|word| name.contains(word.as_str())) {
            part(length, &mut report);
        }
    }
    println!("{}", report.table());
    match report.archive() {
        Ok(path) => println!("written to {}", path.display()),
        Err(error) => println!("not written: {error}"),
    }
    let missed = report.missed();
    for name in &missed {
        println!("over budget: {name}");
    }
    if cfg!(debug_assertions) {
        println!("This is a build without optimization: its budgets are not judged.");
        return ExitCode::SUCCESS;
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
