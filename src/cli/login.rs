//! `mldeck login`, and what every other command without a deck asks a person for: a code, or a browser.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _},
};

use mldeck_core::{
    ask::{Answer, Ask},
    fault::{Fault, FaultKind, Login},
    login::{Code, DIGITS, Step},
    text::Text,
};
use mldeck_gateway::Gateway;

use super::out;
use crate::backends::Connected;

/// A mistyped code, and one that ended while it was typed.
const TRIES: usize = 3;

/// Where a person is asked: the terminal itself, because standard input may be a pipe.
const TERMINAL: &str = "/dev/tty";

/// Waits until there are credentials; a person at a terminal is asked for what they take.
///
/// # Errors
/// The fault of the credentials where nobody can be asked, or where it did not help.
pub async fn ready(connected: &Connected) -> Result<(), Fault> {
    match connected.gateway.ready().await {
        Err(Fault { kind: FaultKind::Login(login), .. }) if login.is_mended_here() && is_attended() => {
            sign_in(&connected.gateway, false).await.map(drop)
        }
        result => result,
    }
}

/// `mldeck login`: signs in anew, and says as whom.
///
/// # Errors
/// As [`ready`], and where these credentials are not for us to renew.
pub async fn run(connected: &Connected) -> Result<String, Fault> {
    if !is_attended() {
        let message = "there is no terminal to ask for a code or to show an address on";
        return Err(Fault::new(FaultKind::Login(Login::None), "signing in", message));
    }
    let kept = sign_in(&connected.gateway, true).await?;
    let Answer::Identity(identity) = connected.gateway.ask(&Ask::Identity).await? else {
        return Err(Fault::new(FaultKind::Bug, "signing in", "another question was answered"));
    };
    let until = identity.expires.map(|end| format!(" until {}", end.full())).unwrap_or_default();
    let note = if kept { "" } else { "nothing is kept of a code: each deck and each command asks for its own\n" };
    Ok(format!("signed in: {} in account {}{until}\n{note}", identity.role(), identity.scope.account))
}

fn is_attended() -> bool {
    io::stderr().is_terminal() && File::open(TERMINAL).is_ok()
}

/// Whether the sign-in is there for others, too: that of a code is not.
async fn sign_in(gateway: &Gateway, anew: bool) -> Result<bool, Fault> {
    let told = |step: Step| {
        if let Step::Browser { address, code, expires } = step {
            out::complain(&format!(
                "Open {address}\non any machine and compare the code: {code}\nWaiting until {} UTC …",
                expires.hm()
            ));
        }
    };
    let mut step = gateway.sign_in(None, anew, &told).await?;
    let mut tries = TRIES;
    let kept = step == Step::Done;
    while let Step::Code { device, role } = &step {
        let code = ask(device, role).await?;
        match gateway.sign_in(Some(&code), false, &told).await {
            Ok(next) => step = next,
            Err(fault) if fault.kind == FaultKind::Login(Login::Code) && tries > 1 => {
                tries -= 1;
                out::complain(&format!("mldeck: {}", fault.message));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(kept)
}

async fn ask(device: &Text, role: &Text) -> Result<Code, Fault> {
    let failed = |what: &str| Fault::new(FaultKind::Login(Login::Code), "asking for the code", what);
    let prompt = format!("Code of {device} to assume {role}: ");
    let typed = tokio::task::spawn_blocking(move || {
        let mut error = io::stderr().lock();
        write!(error, "{prompt}")?;
        error.flush()?;
        let mut line = String::new();
        BufReader::new(File::open(TERMINAL)?).read_line(&mut line)?;
        io::Result::Ok(line)
    });
    match typed.await {
        Ok(Ok(line)) => Code::parse(&line).ok_or_else(|| failed(&format!("a code has {DIGITS} digits"))),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("the terminal is gone")),
    }
}
