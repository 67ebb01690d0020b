//! The verbs that change something: each plans, prints its plan, and acts only on a confirmation that names that plan.

use std::{
    fmt::Write as _,
    fs::{OpenOptions, Permissions},
    io::{IsTerminal as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use mldeck_core::{
    fault::{Fault, FaultKind},
    ops::{
        confirm::Confirm,
        intent::{Bypass, Intent},
        journal,
        plan::{self, BY_HAND, Plan, Refusal},
        verb,
    },
};
use serde_json::Value;

mod several;

use super::{
    Global,
    abroad::{Abroad, Wanted},
    asked::{Asked, Why},
    operate::{Desk, Until},
    out, start,
};
use crate::{app::pane::plan::written, config::Config};

/// `mldeck plan VERB …`: what would be done, and nothing else.
#[derive(Debug, Args)]
pub struct PlanVerb {
    #[command(subcommand)]
    pub change: Asked,
    /// Keeps the plan, for `mldeck apply FILE`.
    #[arg(long, global = true, value_name = "FILE")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub reason: Why,
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

/// What a confirmation needs without a deck.
#[derive(Clone, Debug, Default, Args)]
pub struct Consent {
    /// Carries the plan out, once it is confirmed: by --confirm, or by its target typed at a terminal.
    #[arg(long, global = true)]
    pub write: bool,
    /// The id of the plan as it was printed, another plan is refused; of several, how many there are.
    #[arg(long, global = true, value_name = "ID|COUNT", requires = "write")]
    pub confirm: Option<String>,
    /// Ends as soon as it is in service, without looking at what its calls say.
    #[arg(long, global = true, requires = "write")]
    pub no_verify: bool,
}

impl Consent {
    pub const fn until(&self) -> Until {
        if self.no_verify { Until::InService } else { Until::Judged }
    }
}

/// What was asked for on the command line.
pub(super) enum Request<'a> {
    Plan(&'a PlanVerb),
    /// One, or one plan each as below; with the other account that it is about, if any.
    Act(&'a [Intent], Option<Wanted>, &'a Consent),
    /// One plan each, one after the other, until the first that fails.
    Each(&'a [Intent], &'a Consent),
    /// With the profile of the other account, where that is another one than was planned.
    Apply(&'a PathBuf, Option<&'a str>, &'a Consent),
    /// To its end, or until it is in service.
    Watch(&'a str, Until),
}

/// Runs the verb; returns the exit code.
pub(super) fn run(global: &Global, request: &Request<'_>) -> u8 {
    let (prepared, global) = start::begun(global);
    let Some(folders) = prepared.folders.clone() else {
        out::complain("mldeck: there is no home directory: without a journal nothing is changed");
        return 3;
    };
    let config = &prepared.setup.config;
    super::connected(&global, async |connected| {
        super::login::ready(&connected).await?;
        let region = connected.gateway.region();
        let mut desk = Desk::new(connected.gateway, &folders, config.classes(), prepared.owner())?;
        if let Some(wanted) = request.wanted()? {
            desk.abroad = Some(Abroad::reach(&global, region, &wanted).await?);
        }
        Ok((String::new(), answer(&desk, request, config).await?))
    })
}

impl Request<'_> {
    /// The other account that has to be reached before anything is asked.
    fn wanted(&self) -> Result<Option<Wanted>, Fault> {
        Ok(match self {
            Self::Plan(plan) => plan.change.wanted(),
            Self::Act(_, wanted, _) => wanted.clone(),
            Self::Apply(file, profile, _) => {
                let planned = saved(file)?.origin().map(|origin| origin.profile.raw());
                planned.map(|planned| Wanted { profile: profile.map_or(planned, str::to_owned), way: None })
            }
            Self::Each(..) | Self::Watch(..) => None,
        })
    }
}

async fn answer(desk: &Desk, request: &Request<'_>, config: &Config) -> Result<u8, Fault> {
    let read_only = config.read_only;
    match request {
        Request::Plan(asked) => {
            let intents: Vec<Intent> = asked.change.changes().into_iter().map(|one| asked.reason.intent(one)).collect();
            match intents.as_slice() {
                [intent] => match planned(desk, intent).await? {
                    Ok(made) => shown(&made, asked),
                    Err(refusals) => Ok(refused(&refusals)),
                },
                all => several::show(desk, all, asked).await,
            }
        }
        Request::Act([intent], _, consent) => match planned(desk, intent).await? {
            Ok(plan) => act(desk, plan, consent, read_only).await,
            Err(refusals) => Ok(refused(&refusals)),
        },
        Request::Act(intents, _, consent) | Request::Each(intents, consent) => {
            several::act(desk, intents, consent, config).await
        }
        Request::Apply(file, _, consent) => {
            let plan = saved(file)?;
            let context = desk.context().await?;
            if plan.scope != context.scope || plan.by != context.by {
                out::complain(&format!(
                    "mldeck: this plan is {}'s in {}; you are {} in {}",
                    plan.by, plan.scope, context.by, context.scope
                ));
                return Ok(4);
            }
            if let Some(why) = desk.abroad.as_ref().and_then(|abroad| abroad.objection(&plan)) {
                out::complain(&format!("mldeck: {why}"));
                return Ok(4);
            }
            if context.at > plan.valid_until {
                out::complain(&format!("mldeck: this plan was good until {}: plan again", plan.valid_until.full()));
                return Ok(4);
            }
            act(desk, plan, consent, read_only).await
        }
        Request::Watch(id, until) => told(&desk.watch(id, *until).await?),
    }
}

async fn planned(desk: &Desk, intent: &Intent) -> Result<Result<Plan, Vec<Refusal>>, Fault> {
    let records = desk.records().await;
    let history = records.as_deref().map(journal::history).unwrap_or_default();
    let intent = &desk.abroad.as_ref().map_or_else(|| intent.clone(), |abroad| abroad.origin_of(intent));
    let facts = desk.facts(intent).await?;
    let context = desk.context().await?;
    let made = verb::plan(intent, &facts, &history, &context);
    match (records, made) {
        (Ok(_), made) => Ok(made),
        (Err(unread), Err(refusals)) => {
            refused(&refusals);
            Err(unread)
        }
        (Err(unread), Ok(plan)) if intent.change.bypasses(Bypass::Journal) => {
            out::complain(&format!("mldeck: {unread}: going on without the ledger, as you said"));
            Ok(Ok(plan))
        }
        // Nothing is sent without a journal, and still somebody has to get out: by hand, with the lines of this plan.
        (Err(unread), Ok(plan)) => {
            let _ = out::print(&page(&plan));
            out::complain(
                "mldeck: without its journal nothing is sent from here. The AWS CLI lines above do it by hand.",
            );
            Err(unread)
        }
    }
}

fn saved(file: &PathBuf) -> Result<Plan, Fault> {
    let fault = |message: String| Fault::new(FaultKind::Setup, "reading the plan", &message);
    let text = std::fs::read_to_string(file).map_err(|error| fault(format!("{}: {error}", file.display())))?;
    let document: Value =
        serde_json::from_str(&text).map_err(|error| fault(format!("{} is no plan: {error}", file.display())))?;
    let (found, known) = (document.get("version").and_then(Value::as_u64), u64::from(plan::VERSION));
    if let Some(found) = found.filter(|found| *found > known) {
        let message = format!(
            "{} was made by a newer mldeck (format {found}, this one knows {known}); update mldeck",
            file.display()
        );
        return Err(Fault::new(FaultKind::Refused, "reading the plan", &message));
    }
    let plan: Plan =
        serde_json::from_value(document).map_err(|error| fault(format!("{} is no plan: {error}", file.display())))?;
    let refused = |why: &str| {
        let message = format!("{} {why}", file.display());
        Err(Fault::new(FaultKind::Refused, "reading the plan", &message))
    };
    match plan.is_intact() {
        true => Ok(plan),
        false if plan.version < plan::VERSION => refused("was made by an older mldeck: plan again"),
        false => refused("was changed after it was made"),
    }
}

fn shown(plan: &Plan, asked: &PlanVerb) -> Result<u8, Fault> {
    if let Some(file) = &asked.save {
        let text = serde_json::to_string_pretty(plan).unwrap_or_default();
        keep(file, &text).map_err(|error| Fault::new(FaultKind::Setup, "saving the plan", &error.to_string()))?;
    }
    let text = match asked.output {
        Output::Json => out::json(&plan.without_secrets()),
        Output::Text => page(plan),
    };
    Ok(u8::from(out::print(&text).is_err()))
}

/// Parameters may be secrets: nobody else reads a saved plan.
fn keep(file: &PathBuf, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    // A file that was there before keeps its mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn page(plan: &Plan) -> String {
    let mut text = format!("{}   {} {}\n", plan.title(), plan.scope.account, plan.scope.region);
    for line in written(plan) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "plan {}   good until {}", plan.id(), plan.valid_until.hms());
    text
}

fn refused(refusals: &[Refusal]) -> u8 {
    for refusal in refusals {
        out::complain(&format!("✖ {}", refusal.text));
        if let Some(remedy) = &refusal.remedy {
            out::complain(&format!("  {remedy}"));
        }
    }
    let lines = plan::by_hand(refusals);
    if !lines.is_empty() {
        out::complain(BY_HAND);
    }
    for line in lines {
        out::complain(&format!("  {line}"));
    }
    3
}

/// Nothing leaves unless the plan that was read is the plan that was confirmed.
async fn act(desk: &Desk, plan: Plan, consent: &Consent, read_only: bool) -> Result<u8, Fault> {
    if out::print(&page(&plan)).is_err() {
        return Ok(1);
    }
    if !consent.write {
        let target = plan.id();
        out::complain(&format!("Nothing was sent. --write --confirm {target} carries it out."));
        return Ok(0);
    }
    if read_only {
        out::complain("mldeck: read-only: nothing is sent. The AWS CLI lines above do it.");
        return Ok(3);
    }
    match &consent.confirm {
        Some(digest) if plan.id() == digest.as_str() || plan.digest == digest.as_str() => {}
        Some(digest) => {
            out::complain(&format!(
                "mldeck: {digest} is another plan; the world moved, or it was mistyped. This is {}",
                plan.id()
            ));
            return Ok(4);
        }
        None if std::io::stdin().is_terminal() => {
            if !typed(&plan.confirm) {
                out::complain("mldeck: that is not what the plan says; nothing was sent");
                return Ok(3);
            }
        }
        None => {
            out::complain(&format!("mldeck: nobody is at a terminal: --confirm {} confirms this plan", plan.id()));
            return Ok(2);
        }
    }
    told(&desk.carry_out(plan, consent.until()).await)
}

/// What is typed after the plan was printed.
fn typed(confirm: &Confirm) -> bool {
    let wanted = match confirm {
        Confirm::Typed { target } => target.to_string(),
        Confirm::Key { key } => key.to_string(),
    };
    out::complain(&format!("Type  {wanted}  and Enter to go; anything else leaves."));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && confirm.is_met_by(line.trim())
}

fn told(ended: &super::operate::Ended) -> Result<u8, Fault> {
    let text = format!("{}: {}\n", ended.state.word(), ended.note);
    Ok(if out::print(&text).is_err() { 1 } else { ended.code })
}
