//! Several changes on one confirmation: each is planned before the first is sent, and planned again when its turn comes.
//! The first that does not end as it should ends the rest ([`mldeck_core::ops::bulk`]).

use std::io::IsTerminal as _;

use mldeck_core::{
    fault::Fault,
    ops::{
        bulk::{self, Bulk, State},
        intent::Intent,
        plan::Plan,
    },
};

use super::{Consent, Output, PlanVerb, page, planned, refused};
use crate::{
    cli::{
        operate::{Desk, Until},
        out,
    },
    config::Config,
};

/// Prints the plan of each; the exit code is that of the last that cannot be planned, else 0.
pub(super) async fn show(desk: &Desk, intents: &[Intent], asked: &PlanVerb) -> Result<u8, Fault> {
    if asked.save.is_some() {
        out::complain("mldeck: --save keeps one plan: name one thing");
        return Ok(2);
    }
    let (mut plans, mut code) = (Vec::new(), 0);
    for intent in intents {
        match planned(desk, intent).await? {
            Ok(plan) => plans.push(plan),
            Err(refusals) => {
                named(intent);
                code = refused(&refusals);
            }
        }
    }
    let text = match asked.output {
        Output::Json => out::json(&plans.iter().map(Plan::without_secrets).collect::<Vec<_>>()),
        Output::Text => plans.iter().map(page).collect::<Vec<_>>().join("\n"),
    };
    Ok(if out::print(&text).is_err() { 1 } else { code })
}

fn named(intent: &Intent) {
    out::complain(&format!("mldeck: {} {} cannot be planned:", intent.change.verb(), intent.change.target().id));
}

/// Exit code 0 when all ended well, else that of the first that did not; what was not begun is named.
pub(super) async fn act(desk: &Desk, intents: &[Intent], consent: &Consent, config: &Config) -> Result<u8, Fault> {
    if let Some(code) = objected(desk, intents, config).await? {
        return Ok(code);
    }
    let mut plans = Vec::new();
    for intent in intents {
        match planned(desk, intent).await? {
            Ok(plan) => plans.push(plan),
            Err(refusals) => {
                named(intent);
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
    match stopped(&plans, consent, config.read_only) {
        Some(code) => Ok(code),
        None => carry_out(desk, Bulk::new(plans), consent.until()).await,
    }
}

/// The exit code where these are no bulk: one that is made by itself, one that is named twice, too many.
async fn objected(desk: &Desk, intents: &[Intent], config: &Config) -> Result<Option<u8>, Fault> {
    for (at, intent) in intents.iter().enumerate() {
        if let Some(why) = bulk::alone(&intent.change) {
            out::complain(&format!("mldeck: {why}"));
            return Ok(Some(2));
        }
        if intents[..at].iter().any(|before| before.change == intent.change) {
            out::complain(&format!("mldeck: {} is named twice", intent.change.target().id));
            return Ok(Some(2));
        }
    }
    let class = desk.context().await?.class;
    let too_many = bulk::too_many(intents.len(), class, config.bulk_in_production);
    Ok(too_many.map(|why| {
        out::complain(&format!("mldeck: {why}"));
        3
    }))
}

/// What was not begun is named, also where the account is lost in the middle.
async fn carry_out(desk: &Desk, mut bulk: Bulk, until: Until) -> Result<u8, Fault> {
    let code = in_turn(desk, &mut bulk, until).await;
    bulk.stop("the account could not be read");
    for item in bulk.items() {
        if let State::NotBegun { why } = &item.state {
            out::complain(&format!("mldeck: {} {} was not begun: {why}", item.plan.verb, item.plan.name));
        }
    }
    let told = format!("bulk {}: {}\n", bulk.id, bulk.verdict().sentence());
    if out::print(&told).is_err() { Ok(1) } else { code }
}

async fn in_turn(desk: &Desk, bulk: &mut Bulk, until: Until) -> Result<u8, Fault> {
    let mut code = 0;
    while let Some(intent) = bulk.turn().map(|plan| plan.intent.clone()) {
        // The first may have taken minutes: what is sent is what was shown, on facts of now.
        let made = planned(desk, &intent).await?;
        let against = made.as_ref().err().map(|refusals| refused(refusals));
        let Some(plan) = bulk.begin(made) else {
            return Ok(against.unwrap_or(4));
        };
        let (verb, name) = (plan.verb.clone(), plan.name.clone());
        let ended = desk.carry_out(plan, until).await;
        let _ = out::print(&format!("{verb} {name}: {}: {}\n", ended.state.word(), ended.note));
        bulk.ended(ended.state, &ended.note);
        code = ended.code;
    }
    Ok(code)
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
            line
        }
        None => {
            out::complain(&format!("mldeck: nobody is at a terminal: --confirm {count} confirms all {count}"));
            return Some(2);
        }
    };
    if bulk::confirm(count).is_met_by(&typed) {
        return None;
    }
    out::complain(&format!("mldeck: there are {count}, not {:?}; nothing was sent", typed.trim()));
    Some(4)
}
