//! `mldeck sandbox`: the embedded account as a server of its own.

use std::net::SocketAddr;

use clap::Subcommand;
use mldeck_sandbox::{Scenario, scenario, serve::Server};

use super::{out, speed};
use crate::backends::Sandbox;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Answers boto3, the AWS CLI and any SDK on one port, all services.
    Serve(Serve),
    /// The scenarios that are built in.
    Scenarios,
}

#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4599", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// By name, or as a file (`….toml`).
    #[arg(long, default_value = "fraud-burns")]
    scenario: String,
    /// A second account at the same address, by its 12 digits: whoever signs with that number as access key, or with a session
    /// begun there, is in it. With `=SCENARIO` it lives by that one.
    #[arg(long, value_name = "NUMBER[=SCENARIO]")]
    second: Option<String>,
    /// Holds callers to this IAM policy, a JSON document.
    #[arg(long, value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    /// How many seconds of the account pass in one of ours, 1 to 3600.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    #[arg(long)]
    seed: Option<u64>,
    /// Listen on an address that others can reach. It checks no signature.
    #[arg(long)]
    exposed: bool,
}

/// Runs the verb; returns the exit code.
pub fn run(verb: &Verb) -> u8 {
    match verb {
        Verb::Scenarios => {
            let mut text = String::new();
            for name in scenario::names() {
                let gist = Scenario::named(name).map(|scenario| scenario.gist()).unwrap_or_default();
                text.push_str(&format!("{name:<20} {gist}\n"));
            }
            u8::from(out::print(&text).is_err())
        }
        Verb::Serve(args) => serve(args),
    }
}

fn serve(args: &Serve) -> u8 {
    let sandbox = Sandbox::new(&args.scenario, args.seed, args.speed).and_then(|sandbox| match &args.second {
        Some(second) => {
            let (number, scenario) = second.split_once('=').unwrap_or((second, "quiet-night"));
            sandbox.with_second(number, scenario)
        }
        None => Ok(sandbox),
    });
    let sandbox = match sandbox {
        Ok(sandbox) => sandbox,
        Err(fault) => {
            out::complain(&format!("mldeck: {fault}"));
            return fault.exit_code();
        }
    };
    if let Some(path) = &args.policy
        && let Err(wrong) = hold(&sandbox, path)
    {
        out::complain(&format!("mldeck: {}: {wrong}", path.display()));
        return 2;
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    runtime.block_on(async {
        let server = match Server::bind(args.listen, args.exposed).await {
            Ok(server) => server,
            Err(error) => {
                out::complain(&format!("mldeck: {error}"));
                return 2;
            }
        };
        let address = server.address();
        let hello = format!("serving scenario {} on http://{address}\n{}", args.scenario, exports(address));
        if args.exposed && !address.ip().is_loopback() {
            out::complain("warning: anybody who reaches this address may use it; no signature is checked");
        }
        if out::print(&hello).is_err() {
            return 1;
        }
        let sandbox = sandbox.clone();
        server.run(move |request| sandbox.deliver(request), stopped()).await;
        0
    })
}

/// What a shell says so that other tools find the account there.
pub(super) fn exports(address: SocketAddr) -> String {
    format!(
        "export AWS_ENDPOINT_URL=http://{address} AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 \
         AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"
    )
}

fn hold(sandbox: &Sandbox, policy: &std::path::Path) -> Result<(), String> {
    let text = std::fs::read_to_string(policy).map_err(|error| error.to_string())?;
    sandbox.with(|world| world.hold_to_policy(&text))
}

/// Ready when we are asked to end.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
