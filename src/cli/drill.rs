//! `mldeck drill`: a scenario as an on-call drill. The page is read, the deck is the deck, and the debriefing grades what
//! became of the account.

use std::{
    io::{BufRead as _, IsTerminal as _},
    net::{Ipv4Addr, SocketAddr},
};

use clap::Args;
use mldeck_core::time::{Timestamp, span};
use mldeck_sandbox::{Scenario, drill::Grade, scenario, serve::Server};
use tokio::runtime::{Builder, Runtime};

use super::{Demo, Global, out, sandbox::exports, speed, start};
use crate::backends::{Sandbox, find};

#[derive(Debug, Args)]
pub struct Drill {
    /// Which one, by name or as a file (`….toml`); without it they are listed.
    pub scenario: Option<String>,
    /// How many seconds of the account pass in one of ours, 1 to 3600.
    #[arg(long, default_value_t = 10.0, value_parser = speed)]
    pub speed: f64,
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Runs the drill; the exit code says how it ended: 0 for good and late, 1 for missed and harm.
pub fn run(global: &Global, drill: &Drill) -> u8 {
    let Some(name) = &drill.scenario else { return u8::from(out::print(&listed()).is_err()) };
    let scenario = match find(name) {
        Ok(scenario) if scenario.is_drill() => scenario,
        Ok(_) => return refuse(&format!("`{name}` is no drill; `mldeck drill` lists those that are")),
        Err(error) => return refuse(&error.to_string()),
    };
    let page = page(&scenario, drill.speed);
    let sandbox = Sandbox::of(scenario, drill.seed, drill.speed);
    // It answers from here on, and nothing happens in it before the page is read.
    sandbox.hold();
    let beside = match Beside::open(&sandbox) {
        Ok(beside) => beside,
        Err(error) => return refuse(&error),
    };
    if out::print(&format!("{page}\n{}\nEnter starts the clock.\n", beside.said())).is_err() {
        return 1;
    }
    if std::io::stdin().is_terminal() {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
    }
    sandbox.go();
    let demo = Demo { scenario: name.clone(), speed: drill.speed, seed: drill.seed, target: None };
    let code = start::run_on(global, Some((&demo, sandbox.clone())), None);
    // Killed, or no terminal: there was no drill.
    if code != 0 {
        return code;
    }
    debrief(&sandbox)
}

/// The account on a port of this machine besides, as long as it is kept: for what the deck has no key for.
struct Beside {
    _runtime: Runtime,
    address: SocketAddr,
}

impl Beside {
    fn open(sandbox: &Sandbox) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| e.to_string())?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(Server::bind(any, false)).map_err(|error| error.to_string())?;
        let (address, sandbox) = (server.address(), sandbox.clone());
        runtime.spawn(server.run(move |request| sandbox.deliver(request), std::future::pending()));
        Ok(Self { _runtime: runtime, address })
    }

    fn said(&self) -> String {
        format!(
            "What the deck has no key for is done in another shell, with the AWS CLI or boto3:\n{}",
            exports(self.address)
        )
    }
}

fn refuse(why: &str) -> u8 {
    out::complain(&format!("mldeck: {why}"));
    2
}

fn listed() -> String {
    let drills = scenario::names().filter_map(|name| Scenario::named(name).ok()).filter(Scenario::is_drill);
    let mut text: String = drills.map(|scenario| format!("{:<20} {}\n", scenario.name, scenario.gist())).collect();
    text.push_str("\nmldeck drill NAME plays one, ten times as fast as life (--speed 1: as slow). Leave the deck with q for the grade.\n");
    text
}

fn page(scenario: &Scenario, speed: f64) -> String {
    format!(
        "{}, {}\n\n{}\n\nYou are on call. One of your seconds is {speed} of the account's. Leave with q when you are done: the account lives on\n\
         without you, and is graded in the end.\n",
        scenario.name,
        scenario.start.full(),
        scenario.doc.trim()
    )
}

/// Lets the account live to the end of the drill, and tells how it went.
fn debrief(sandbox: &Sandbox) -> u8 {
    let left = sandbox.now();
    let report = sandbox.with(|world| {
        let end = world.drill_end().unwrap_or(left);
        world.advance_to(end);
        (end, world.grade())
    });
    let (end, Some(report)) = report else { return 1 };
    let text = format!("{}{}", lived_on(left, end), report.text());
    let failed = out::print(&text).is_err() || matches!(report.grade, Grade::Missed | Grade::Harm);
    u8::from(failed)
}

fn lived_on(left: Timestamp, end: Timestamp) -> String {
    let without = end.since(left);
    if without <= 0 {
        return String::new();
    }
    format!("You left at {}; the account lived on for {}.\n\n", left.hms(), span(without))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "docs/drills.md";
    const MARK: &str = "<!-- The rest is written by a test: MLDECK_BLESS=1 cargo test -p mldeck --lib drill -->\n";

    /// Every scenario with its story, and without its solution.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "how tests are told to write instead of compare")]
    fn the_page_of_drills_is_what_is_built_in() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        let page = std::fs::read_to_string(&path).expect("the page");
        let (prose, _) = page.split_once(MARK).expect("the mark");
        let mut fresh = format!("{prose}{MARK}");
        for name in scenario::names() {
            let scenario = Scenario::named(name).expect("a scenario");
            let kind = if scenario.is_drill() { "" } else { " (no drill)" };
            fresh.push_str(&format!("\n### {name}{kind}\n\n{}\n", scenario.doc.trim()));
        }
        if std::env::var("MLDECK_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::write(&path, &fresh).expect("it is written");
        }
        let known = std::fs::read_to_string(&path).expect("the page");
        assert!(known == fresh, "{PAGE} is stale: run this test with MLDECK_BLESS=1");
    }

    #[test]
    fn what_is_listed_can_be_played_and_what_is_not_is_refused() {
        let listed = listed();
        for line in listed.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().expect("a name");
            assert!(find(name).is_ok_and(|scenario| scenario.is_drill()), "{line}");
            assert!(line.chars().count() <= 120, "{line}");
        }
        assert!(listed.contains("bad-canary") && !listed.lines().any(|line| line.starts_with("big ")), "{listed}");
        let drill = |name: &str| Drill { scenario: Some(name.to_owned()), speed: 10.0, seed: None };
        for name in ["big", "nothing", "/no/such/file.toml"] {
            assert_eq!(run(&Global::default(), &drill(name)), 2, "{name}");
        }
    }
}
