//! Several changes on one confirmation: each is planned before the first is sent, and planned again when its turn comes.
//! The first that does not end as it should ends the rest.

use std::io::IsTerminal as _;

use mldeck_core::{
    fault::Fault,
    ops::{intent::Intent, plan::Plan},
    resource::operation::OperationState,
};

use super::{Consent, planned, refused};
use crate::cli::{operate::Desk, out};

/// Exit code 0 when all ended well, else that of the first that did not; what was not begun is named.
pub(super) async fn act(desk: &Desk, intents: &[Intent], consent: &Consent, read_only: bool) -> Result<u8, Fault> {
    let mut plans = Vec::new();
    for intent in intents {
        match planned(desk, intent).await? {
            Ok(plan) => plans.push(plan),
            Err(refusals) => {
                out::complain(&format!(
                    "mldeck: {} {} cannot be planned:",
                    intent.change.verb(),
                    intent.change.target().id
                ));
                return Ok(refused(&refusals));
            }
        }
    }
    for plan in &plans {
        let lines = plan.cli().join("\n  ");
        if out::print(&format!("{}\n  {lines}\n", plan.title())).is_err() {
            return Ok(1);
        }
    }
    if let Some(code) = stopped(&plans, consent, read_only) {
        return Ok(code);
    }
    for (at, plan) in plans.iter().enumerate() {
        // The first may have taken minutes: what is sent is what was shown, on facts of now.
        let fresh = match planned(desk, &plan.intent).await? {
            Ok(fresh) if fresh.is_like(plan) => fresh,
            Ok(_) => return Ok(rest(&plans[at..], "the world moved; plan again", 4)),
            Err(refusals) => {
                let code = refused(&refusals);
                return Ok(rest(&plans[at..], "it cannot be planned any more", code));
            }
        };
        let ended = desk.carry_out(fresh).await;
        let _ = out::print(&format!("{} {}: {}: {}\n", plan.verb, plan.name, ended.state.word(), ended.note));
        if ended.state != OperationState::Done {
            return Ok(rest(&plans[at + 1..], "the one before did not end well", ended.code));
        }
    }
    Ok(0)
}

/// The exit code where nothing is sent.
fn stopped(plans: &[Plan], consent: &Consent, read_only: bool) -> Option<u8> {
    let count = plans.len();
    if count == 0 {
        out::complain("mldeck: there is nothing to do");
        return Some(0);
    }
    if !consent.write {
        out::complain(&format!("Nothing was sent. --write --confirm {count} carries out all {count}."));
        return Some(0);
    }
    if read_only {
        out::complain("mldeck: read-only: nothing is sent. The AWS CLI lines above do it.");
        return Some(3);
    }
    let typed = match &consent.confirm {
        Some(count) => count.clone(),
        None if std::io::stdin().is_terminal() => {
            out::complain(&format!("Type how many there are ({count}) and Enter to go; anything else leaves."));
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            line.trim().to_owned()
        }
        None => {
            out::complain(&format!("mldeck: nobody is at a terminal: --confirm {count} confirms all {count}"));
            return Some(2);
        }
    };
    if typed == count.to_string() {
        return None;
    }
    out::complain(&format!("mldeck: there are {count}, not {typed:?}; nothing was sent"));
    Some(4)
}

fn rest(left: &[Plan], why: &str, code: u8) -> u8 {
    for plan in left {
        out::complain(&format!("mldeck: {} {} was not begun: {why}", plan.verb, plan.name));
    }
    code
}
