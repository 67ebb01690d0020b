//! The command line: what can be asked for, shared with the completions and the man page.

pub mod abroad;
pub mod act;
pub mod asked;
mod change;
pub mod config;
pub mod drill;
pub mod get;
mod grid;
pub mod ledger;
pub mod login;
pub mod operate;
pub mod out;
pub mod ready;
pub mod sandbox;
pub mod start;
pub mod team;
mod words;

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use change::Request;
use mldeck_core::fault::Fault;

use crate::{backends::Connected, config::Team, run::log, store::Folders};
use operate::Until;

/// The on-call console for machine learning on AWS.
#[derive(Debug, Parser)]
#[command(name = "mldeck", version, subcommand_negates_reqs = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a guard, 4 stale plan, 5 outcome unknown, \
                        6 rolled back, 7 denied or not signed in, 129 terminal gone."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Verb>,
    /// What the page was about: an endpoint, run or alarm, as name, ARN or console link. Opened at once.
    #[arg(value_name = "NAME|ARN|URL|ALARM")]
    pub target: Option<String>,
    #[command(flatten)]
    pub global: Global,
}

#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// AWS profile; without it the default credential chain decides.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// One address for all services, such as `mldeck sandbox serve` prints.
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Write mode cannot be armed at all.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Colours: a name from `themes/` or your own.
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Another configuration file.
    #[arg(long, global = true, value_name = "FILE", env = "MLDECK_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Keep state, cache and configuration below this folder.
    #[arg(long, global = true, value_name = "DIR", env = "MLDECK_HOME", hide_env_values = true)]
    pub home: Option<PathBuf>,
    /// What the configuration says about hosts that share a table.
    #[arg(skip)]
    pub team: Option<Team>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The whole program on the embedded sandbox: a living account, no credentials, no network.
    Demo(Demo),
    /// An on-call drill on the sandbox: a page, the deck, and a grade from the state of the account.
    Drill(drill::Drill),
    /// The tables without a terminal: endpoints, executions, runs, monitors, jobs, alarms, versions.
    Get(get::Get),
    /// Signs in anew: the code of an MFA device, or an SSO sign-in that is approved in a browser.
    Login,
    /// What a change would do: the plan, its id, its AWS CLI lines. Nothing is sent.
    Plan(change::PlanVerb),
    /// Carries out a plan that was saved, if nothing that matters has changed since.
    Apply {
        file: PathBuf,
        /// AWS profile of the other account of a plan with two identities, if not the one that was planned.
        #[arg(long, value_name = "NAME")]
        from_profile: Option<String>,
        #[command(flatten)]
        consent: change::Consent,
    },
    #[command(flatten)]
    Act(act::Act),
    /// Follows an operation of ours without a deck, by the id that the ledger shows.
    Watch {
        #[arg(value_name = "OP")]
        operation: String,
        /// Only until it is in service, without looking at what its calls say.
        #[arg(long)]
        no_verify: bool,
    },
    /// Whether endpoints could be brought back right now: by which way, in how many minutes, and what is missing.
    Ready(ready::Ready),
    /// What was changed from here, by whom, with request ids.
    Ledger(ledger::Ledger),
    /// The table by which several hosts share a lock and a ledger: who holds what, and what is not there yet.
    Team(team::Team),
    /// The sandbox as an AWS server that boto3, the AWS CLI and other tools can use.
    Sandbox {
        #[command(subcommand)]
        verb: sandbox::Verb,
    },
    /// Check, print or describe the configuration.
    Config {
        #[command(subcommand)]
        verb: config::Verb,
    },
    /// Shell completions.
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The manual page.
    Man,
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// By name, or as a file (`….toml`).
    #[arg(long, default_value = "fraud-burns")]
    pub scenario: String,
    /// How many seconds of the account pass in one of ours, 1 to 3600.
    #[arg(long, default_value_t = 10.0, value_parser = speed)]
    pub speed: f64,
    #[arg(long)]
    pub seed: Option<u64>,
    /// What to open, as without `demo`.
    #[arg(value_name = "NAME|ARN|URL|ALARM")]
    pub target: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Wide,
    Json,
    Csv,
}

/// Carries out what was asked for; returns the exit code.
pub fn run(cli: Cli) -> u8 {
    let Cli { command, target, global } = cli;
    if let (Some(_), Some(target)) = (&command, &target) {
        out::complain(&format!("mldeck: `{target}` before a verb: a name alone opens it, a verb stands first"));
        return 2;
    }
    match command {
        None => start::run(&global, None, target.as_deref()),
        Some(Verb::Demo(demo)) => start::run(&global, Some(&demo), demo.target.as_deref()),
        Some(Verb::Drill(drill)) => drill::run(&global, &drill),
        Some(Verb::Get(get)) => headless(&global, async |connected, _| {
            login::ready(connected).await?;
            Ok((get::run(&get, connected).await?, 0))
        }),
        Some(Verb::Ready(ready)) => ready::answer(&ready, &global),
        Some(Verb::Login) => headless(&global, async |connected, _| Ok((login::run(connected).await?, 0))),
        Some(Verb::Plan(plan)) => change::run(&global, &Request::Plan(&plan)),
        Some(Verb::Apply { file, from_profile, consent }) => {
            change::run(&global, &Request::Apply(&file, from_profile.as_deref(), &consent))
        }
        Some(Verb::Act(act)) => change::run(&global, &Request::Act(&act.intents(), act.wanted(), &act.consent)),
        Some(Verb::Watch { operation, no_verify }) => {
            let until = if no_verify { Until::InService } else { Until::Judged };
            change::run(&global, &Request::Watch(&operation, until))
        }
        Some(Verb::Ledger(ledger)) if ledger.team => headless(&global, async |connected, _| {
            login::ready(connected).await?;
            Ok((ledger::of_team(&ledger, connected).await?, 0))
        }),
        Some(Verb::Ledger(ledger)) => ledger::run(&ledger, &global),
        Some(Verb::Team(team)) => team::run(&team, &global),
        Some(Verb::Sandbox { verb }) => sandbox::run(&verb),
        Some(Verb::Config { verb }) => config::run(&verb, &global),
        Some(Verb::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mldeck", &mut text);
            u8::from(out::print(&String::from_utf8_lossy(&text)).is_err())
        }
        Some(Verb::Man) => {
            let mut text = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut text);
            u8::from(rendered.is_err() || out::print(&String::from_utf8_lossy(&text)).is_err())
        }
    }
}

/// A command that ends soon may ask faster than a deck that polls for hours, in multiples of the polling rate: as fast as
/// CloudTrail allows an account, two calls a second.
const HEADLESS_PACE: f64 = 4.0;

/// Connects, asks, prints; `work` says what, and how it ends.
fn headless(
    global: &Global,
    work: impl AsyncFnOnce(&Connected, Option<&Folders>) -> Result<(String, u8), Fault>,
) -> u8 {
    let (prepared, global) = start::begun(global);
    connected(&global, async |connected| work(&connected, prepared.folders.as_ref()).await)
}

/// What is done over one connection, from its beginning to the exit code.
fn connected(global: &Global, work: impl AsyncFnOnce(Connected) -> Result<(String, u8), Fault>) -> u8 {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    match runtime.block_on(async { work(crate::backends::live(global, HEADLESS_PACE).await?).await }) {
        Ok((text, code)) if out::print(&text).is_ok() => code,
        Ok(_) => 1,
        Err(fault) => {
            log::fault(&fault);
            out::complain(&format!("mldeck: {fault}\n{}", fault.remedy()));
            fault.exit_code()
        }
    }
}

/// Where a command without a screen runs, or the exit code where it cannot.
fn runtime() -> Result<tokio::runtime::Runtime, u8> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| {
        out::complain(&format!("mldeck: cannot start: {error}"));
        1
    })
}

/// A speed of the virtual clock.
pub fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=3_600.0).contains(&speed) => Ok(speed),
        _ => Err("1 to 3600 seconds of the account in one of ours".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::text::Text;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_word_is_a_target_and_a_verb_is_a_verb() {
        let cli = Cli::parse_from(["mldeck", "fraud-prod", "--region", "eu-west-1"]);
        assert_eq!(cli.target.as_deref(), Some("fraud-prod"));
        assert_eq!(cli.global.region.as_deref(), Some("eu-west-1"));
        let cli = Cli::parse_from(["mldeck", "demo", "--speed", "60", "fraud-5xx"]);
        let Some(Verb::Demo(demo)) = cli.command else { panic!("demo expected") };
        assert_eq!((demo.speed, demo.target.as_deref()), (60.0, Some("fraud-5xx")));
        assert!(Cli::try_parse_from(["mldeck", "demo", "--speed", "0"]).is_err());
    }

    #[test]
    fn what_is_planned_is_carried_out_by_the_same_words() {
        let act =
            |words: &[&str]| match Cli::try_parse_from([&["mldeck"], words].concat()).expect("it is sound").command {
                Some(Verb::Act(act)) => act,
                other => panic!("a change expected: {other:?}"),
            };
        let one = act(&["rollback", "fraud-prod", "--reason", "INC-7", "--write", "--confirm", "ab12cd34"]);
        assert_eq!(
            (one.intents().len(), one.consent.write, one.consent.confirm.as_deref()),
            (1, true, Some("ab12cd34"))
        );
        assert_eq!(one.intents()[0].reason.as_ref().map(Text::as_str), Some("INC-7"));
        let several = act(&["stop", "training", "a", "b", "c", "--write", "--confirm", "3"]);
        assert_eq!((several.intents().len(), several.consent.confirm.as_deref()), (3, Some("3")));
        let below = act(&["shadow", "stop", "test-1", "--reason", "done", "--write", "--confirm", "ab12cd34"]);
        assert_eq!((below.consent.write, below.consent.confirm.as_deref()), (true, Some("ab12cd34")));
        assert_eq!(below.intents()[0].reason.as_ref().map(Text::as_str), Some("done"));
        let without = [
            ["mldeck", "stop", "training", "a", "--confirm", "1"],
            ["mldeck", "plan", "stop", "training", "a", "--write"],
        ];
        for words in without {
            assert!(Cli::try_parse_from(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn every_change_that_is_planned_is_a_verb_of_its_own() {
        let names = |command: &clap::Command| -> Vec<String> {
            command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
        };
        let cli = Cli::command();
        let planned = cli.find_subcommand("plan").expect("it is declared");
        assert!(names(planned).len() > 15);
        for name in names(planned) {
            let verb = cli.find_subcommand(&name).unwrap_or_else(|| panic!("{name} is no verb"));
            assert!(verb.get_arguments().any(|arg| arg.get_long() == Some("write")), "{name} cannot be carried out");
        }
    }

    #[test]
    fn flags_for_all_verbs_stand_before_or_behind_the_verb() {
        for args in
            [["mldeck", "--region", "eu-west-1", "get", "runs"], ["mldeck", "get", "runs", "--region", "eu-west-1"]]
        {
            let cli = Cli::parse_from(args);
            assert_eq!(cli.global.region.as_deref(), Some("eu-west-1"), "{args:?}");
            assert!(matches!(cli.command, Some(Verb::Get(_))), "{args:?}");
        }
    }
}
