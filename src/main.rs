//! Arguments → outcome → exit code.

use std::process::ExitCode;

use clap::Parser as _;
use mldeck::cli::{self, Cli};

fn main() -> ExitCode {
    mldeck::run::memory::give_back_large();
    // The only place of color-eyre: its report of a panic is what the operator sends us.
    if let Err(error) = color_eyre::config::HookBuilder::default().install() {
        cli::out::complain(&format!("mldeck: no panic report: {error}"));
    }
    mldeck::run::log::hook_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let code = cli::run(cli);
    mldeck::run::log::flush();
    ExitCode::from(code)
}
