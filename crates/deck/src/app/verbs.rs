//! What can be done with the thing under the cursor: one table, read by the capitals and by the action menu.

use mldeck_core::{
    ops::{
        bulk as several,
        call::{Approval, Ending},
        intent::{Change, Choice, Rollout},
        target::{Kind as Thing, Target},
        verb::promote,
    },
    resource::{Endpoint, Job, Kind, ModelPackage, execution::ExecutionStatus, job::JobKind, run::RunStatus},
    text::Text,
};

use super::{
    command::Command,
    layers::{Act, Item, Layer, Menu},
    model::Model,
    ops,
    pane::{
        Subject, View,
        bulk::{self, BulkPlanView, Marked},
        form::FormView,
        plan::capitalised,
    },
};

/// A menu of more is no choice any more.
const MOST_CHOICES: usize = 30;

/// What a verb leads to.
pub enum Opens {
    Plan(Change),
    Form(FormView),
    /// One of several, each with why it cannot be had now.
    Choice(String, Vec<(String, Result<Change, String>)>),
}

/// The verbs of a kind, as the action menu lists them.
pub const fn listed(kind: Kind) -> &'static [(Command, &'static str)] {
    match kind {
        Kind::Endpoint => &[
            (Command::RollBack, "The fastest safe way back"),
            (Command::Update, "Traffic and capacity of its variants"),
            (Command::Promote, "Promote a version onto it"),
            (Command::Delete, "Delete it"),
        ],
        Kind::Execution => &[
            (Command::Stop, "Stop the run"),
            (Command::Trigger, "Retry it, or start another run"),
            (Command::Approve, "Answer the callback step that waits"),
        ],
        Kind::Run => &[
            (Command::Promote, "Register its model and promote it"),
            (Command::Stop, "Stop the training job"),
            (Command::Trigger, "Run a copy of the training job"),
        ],
        Kind::ModelPackage => {
            &[(Command::Promote, "Promote it onto an endpoint"), (Command::Approve, "Approve or reject it")]
        }
        Kind::Monitor => {
            &[(Command::Stop, "Stop the monitoring schedule"), (Command::Trigger, "Run it once now, or start it")]
        }
        Kind::Job => &[
            (Command::Stop, "Stop it"),
            (Command::Trigger, "Run a copy of it; start a shadow test"),
            (Command::Promote, "Promote the shadow"),
        ],
        Kind::Alarm | Kind::Operation => &[],
    }
}

/// What this command leads to here, or why it cannot; `None` where it means nothing for such a thing.
pub fn of(model: &Model, subject: &Subject, command: Command) -> Option<Result<Opens, String>> {
    if !listed(subject.kind).iter().any(|(listed, _)| *listed == command) {
        return None;
    }
    let opens = ops::may_plan(model).and_then(|()| match subject.kind {
        Kind::Endpoint if command == Command::Promote => versions_for(model, subject),
        Kind::Endpoint => Ok(of_endpoint(subject, command)),
        Kind::Execution if command == Command::Approve => answers(model, subject),
        Kind::Execution => of_execution(model, subject, command),
        Kind::Run if command == Command::Promote => run_onto(model, subject),
        Kind::Run => of_run(model, subject, command),
        Kind::Job => of_job(model, subject, command),
        Kind::ModelPackage if command == Command::Promote => endpoints_for(model, subject),
        Kind::ModelPackage => of_version(model, subject),
        Kind::Monitor => of_monitor(model, subject, command),
        Kind::Alarm | Kind::Operation => Err("There is nothing to be done with it.".to_owned()),
    });
    Some(opens)
}

/// Takes the command where it leads.
pub fn run(model: &mut Model, subject: &Subject, command: Command) -> bool {
    match of(model, subject, command) {
        Some(Ok(opens)) => open(model, opens),
        Some(Err(reason)) => model.complain(reason),
        None => return false,
    }
    true
}

/// The command on several marked rows. Where it leads to a choice, the choice is made once for all of them.
pub fn on_each(model: &mut Model, marked: &[Subject], command: Command) {
    let Some(kind) = marked.first().map(|subject| subject.kind) else { return };
    let (count, things) = (marked.len(), kind.plural());
    if command == Command::RollBack {
        return model.complain("The way back of an endpoint is chosen by itself: u unmarks, then B on one at a time.");
    }
    let lead = |subject: &Subject| Some((subject.name.clone(), of(model, subject, command)?));
    let each: Vec<(Text, Result<Opens, String>)> = marked.iter().filter_map(lead).collect();
    if each.is_empty() {
        return model.complain(format!("{} means nothing for {things}.", command.label()));
    }
    let of_each = |label: Option<&str>| -> Vec<Marked> {
        each.iter().map(|(name, opens)| (name.clone(), asked(opens, label))).collect()
    };
    let labels = choices_for_several(&each);
    if labels.is_empty() {
        return plan_each(model, kind, of_each(None));
    }
    let item = |label: &str| Item {
        key: String::new(),
        label: label.to_owned(),
        act: Ok(Act::Several(kind, of_each(Some(label)))),
    };
    let items = labels.into_iter().map(item).collect();
    model.layers.push(Layer::Menu(Menu { title: format!("{count} {things}"), items, cursor: 0 }));
}

/// What may be chosen for several things at once, in the order of the first menu that has it.
fn choices_for_several(each: &[(Text, Result<Opens, String>)]) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for (_, opens) in each {
        let Ok(Opens::Choice(_, choices)) = opens else { continue };
        for (label, change) in choices {
            let several = change.as_ref().is_ok_and(|change| several::alone(change).is_none());
            if several && !out.contains(&label.as_str()) {
                out.push(label);
            }
        }
    }
    out
}

/// What one of several is asked for, by this choice where there is one.
fn asked(opens: &Result<Opens, String>, label: Option<&str>) -> Result<Change, String> {
    match (opens.as_ref().map_err(Clone::clone)?, label) {
        (Opens::Plan(change), None) => Ok(change.clone()),
        (Opens::Choice(_, choices), Some(label)) => {
            let chosen = choices.iter().find(|(known, _)| known == label);
            chosen.map_or_else(|| Err("this cannot be chosen for it".to_owned()), |(_, change)| change.clone())
        }
        (Opens::Choice(..), None) => Err("there is something to choose: one at a time".to_owned()),
        (Opens::Plan(_), Some(_)) => Err("this cannot be chosen for it now".to_owned()),
        (Opens::Form(_), _) => Err("there is something to fill in: one at a time".to_owned()),
    }
}

/// Opens the page of several changes, unless there is nothing to do or there are too many.
pub fn plan_each(model: &mut Model, kind: Kind, marked: Vec<Marked>) {
    let objection = |(_, change): &Marked| match change {
        Ok(change) => several::alone(change).map(ToOwned::to_owned),
        Err(why) => Some(why.clone()),
    };
    let against: Vec<String> = marked.iter().filter_map(objection).collect();
    let count = marked.len() - against.len();
    if count == 0 {
        let why = against.first().map(String::as_str).unwrap_or_default();
        return model.complain(format!("None of the {} marked can be done together: {why}", marked.len()));
    }
    match bulk::may_go(model, count) {
        Ok(()) => {
            let verb = marked.iter().find_map(|(_, change)| change.as_ref().ok()).map_or("change", Change::verb);
            let title = capitalised(&format!("{verb} {} {}", marked.len(), kind.plural()));
            model.open_later(View::Opened(Box::new(BulkPlanView::new(title, marked))));
        }
        Err(reason) => model.complain(reason),
    }
}

pub fn open(model: &mut Model, opens: Opens) {
    match opens {
        Opens::Plan(intent) => ops::plan(model, intent),
        Opens::Form(form) => model.open_later(View::Opened(Box::new(form))),
        Opens::Choice(title, choices) => {
            let item = |(label, intent): (String, Result<Change, String>)| Item {
                key: String::new(),
                label,
                act: intent.map(|intent| Act::Plan(Box::new(intent))),
            };
            let items = choices.into_iter().map(item).collect();
            model.layers.push(Layer::Menu(Menu { title, items, cursor: 0 }));
        }
    }
}

fn of_endpoint(subject: &Subject, command: Command) -> Opens {
    match command {
        Command::RollBack => {
            Opens::Plan(Change::RollBack { endpoint: subject.name.clone(), choice: Choice::default() })
        }
        Command::Delete => Opens::Plan(Change::Delete { target: Target::endpoint(subject.name.clone()) }),
        _ => Opens::Form(FormView::traffic(subject.name.clone())),
    }
}

fn promotion(package: &Text, endpoint: &Text) -> Change {
    Change::Promote {
        package: package.clone(),
        endpoint: endpoint.clone(),
        rollout: Rollout::default(),
        accept: Vec::new(),
        origin: None,
    }
}

/// `fraud` of the version that an endpoint serves, as far as its details were read.
fn group_of(row: &Endpoint) -> Option<String> {
    let label = row.details.as_ref()?.variants.iter().find_map(|variant| variant.label.as_ref())?;
    label.as_str().rsplit_once(" v").map(|(group, _)| group.to_owned())
}

/// `P` on a version: onto which endpoint. Those that serve its group come first.
fn endpoints_for(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let Some(version) = model.packages.get(&subject.name) else {
        return Err("This version is not among those that were read.".to_owned());
    };
    let mut rows: Vec<&Endpoint> = model.endpoints.rows().iter().collect();
    let kin = |row: &Endpoint| group_of(row).as_deref() == Some(version.group.as_str());
    rows.sort_by_cached_key(|row| (!kin(row), row.name.clone()));
    if rows.is_empty() {
        return Err("There is no endpoint to promote it onto, or they are still being read.".to_owned());
    }
    Ok(Opens::Choice(format!("promote {} onto", version.name), onto(&version.arn, &rows)))
}

/// `P` on a run: onto which endpoint. Those whose name begins as the run's does come first.
fn run_onto(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let run = model.runs.get(&subject.name).ok_or("This run is not among those that were read.")?;
    if promote::job_of(&run.arn).is_none() {
        return Err(
            "It is no training job: nothing says where its model is. Register it, then P on the version.".into()
        );
    }
    if run.status != RunStatus::Completed {
        return Err(format!("It is {}: only what Completed has made a model.", run.status.as_str()));
    }
    let mut rows: Vec<&Endpoint> = model.endpoints.rows().iter().collect();
    if rows.is_empty() {
        return Err("There is no endpoint to promote it onto, or they are still being read.".to_owned());
    }
    let alike =
        |row: &Endpoint| row.name.as_str().chars().zip(run.name.as_str().chars()).take_while(|(a, b)| a == b).count();
    rows.sort_by_cached_key(|row| (std::cmp::Reverse(alike(row)), row.name.clone()));
    Ok(Opens::Choice(format!("promote {} onto", run.name), onto(&run.arn, &rows)))
}

/// One line for each endpoint, with what it serves.
fn onto(package: &Text, rows: &[&Endpoint]) -> Vec<(String, Result<Change, String>)> {
    let choice = |row: &&Endpoint| {
        let serves = row.details.as_ref().and_then(|details| details.variants.iter().find_map(|v| v.label.clone()));
        let label = serves.map_or_else(|| row.name.to_string(), |label| format!("{}  serves {label}", row.name));
        (label, Ok(promotion(package, &row.name)))
    };
    rows.iter().take(MOST_CHOICES).map(choice).collect()
}

/// `P` on an endpoint: which version of the group that it serves.
fn versions_for(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let row = model.endpoints.get(&subject.name).ok_or("This endpoint is not among those that were read.")?;
    let group = group_of(row).ok_or("It serves no registered version that is known: P on a version (5) names one.")?;
    let mut versions: Vec<&ModelPackage> =
        model.packages.rows().iter().filter(|version| version.group == group.as_str()).collect();
    if versions.is_empty() {
        return Err("The versions are not read yet: the Registry (5) lists them, and P works there as well.".to_owned());
    }
    versions.sort_by_key(|version| std::cmp::Reverse(version.version));
    let choice = |version: &&ModelPackage| {
        (format!("{}  {}", version.name, version.approval), Ok(promotion(&version.arn, &row.name)))
    };
    let choices = versions.iter().take(MOST_CHOICES).map(choice).collect();
    Ok(Opens::Choice(format!("promote onto {}", row.name), choices))
}

fn of_execution(model: &Model, subject: &Subject, command: Command) -> Result<Opens, String> {
    let Some(row) = model.executions.get(&subject.name) else {
        return Err("This run is not among those that were read.".to_owned());
    };
    if command == Command::Stop {
        return match row.status {
            ExecutionStatus::Executing => {
                Ok(Opens::Plan(Change::Stop { target: Target::new(Thing::Execution, row.arn.clone()) }))
            }
            _ => Err(format!("It is {}: only what runs can be stopped.", row.status.as_str())),
        };
    }
    let again = Change::Retry { execution: row.arn.clone() };
    let retry = match row.status {
        ExecutionStatus::Failed | ExecutionStatus::Stopped => Some(again),
        _ => None,
    };
    match retry {
        Some(retry) => Ok(Opens::Plan(retry)),
        None if row.status.is_in_flight() => {
            Err("It runs. A run that failed or was stopped is retried; one that succeeded can be started anew.".into())
        }
        None => Ok(Opens::Form(FormView::pipeline(row.pipeline.clone(), row.parameters.clone()))),
    }
}

/// `A` on a run: the answer that a callback step waits for.
fn answers(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let row = model.executions.get(&subject.name).ok_or("This run is not among those that were read.")?;
    if !row.status.is_in_flight() {
        return Err(format!("It is {}: nobody waits for an answer.", row.status.as_str()));
    }
    let answer = |failure: Option<&str>| {
        let (execution, failure) = (row.arn.clone(), failure.map(Text::new));
        Ok(Change::Callback { execution, step: None, failure, outputs: Vec::new() })
    };
    let choices = vec![
        ("Success: the run goes on".to_owned(), answer(None)),
        ("Failure: the step fails, for the reason of the plan (Shift-Tab)".to_owned(), answer(Some(""))),
    ];
    Ok(Opens::Choice(format!("callback step of {}", row.id), choices))
}

fn of_run(model: &Model, subject: &Subject, command: Command) -> Result<Opens, String> {
    let Some(row) = model.runs.get(&subject.name) else {
        return Err("This run is not among those that were read.".to_owned());
    };
    let target = Target::new(Thing::TrainingJob, row.name.clone());
    if command == Command::Trigger {
        if promote::job_of(&row.arn).is_none() {
            return Err("It is no training job: there is nothing to run once more.".to_owned());
        }
        return Ok(Opens::Form(FormView::copy(target)));
    }
    if row.status != RunStatus::InProgress {
        return Err(format!("It is {}: only what runs can be stopped.", row.status.as_str()));
    }
    if promote::job_of(&row.arn).is_none() {
        return Err("It is no training job: nothing of AWS can be stopped there.".to_owned());
    }
    Ok(Opens::Plan(Change::Stop { target }))
}

fn of_job(model: &Model, subject: &Subject, command: Command) -> Result<Opens, String> {
    let Some((row, target)) = model.jobs.get(&subject.name).zip(Job::target(&subject.name.raw())) else {
        return Err("This job is not among those that were read.".to_owned());
    };
    let (test, is_test) = (row.title.clone(), row.kind == JobKind::Shadow);
    match command {
        Command::Promote if !is_test => Err("Only a shadow test has something to promote.".to_owned()),
        Command::Promote if !row.is_running() => Err(format!("It is {}: only what runs is promoted.", row.status)),
        Command::Promote => Ok(Opens::Plan(Change::EndShadow { test, ending: Ending::Promote })),
        Command::Stop if !(row.is_running() || is_test && row.status == "Created") => {
            Err(format!("It is {}: only what runs can be stopped.", row.status))
        }
        Command::Stop if is_test => Ok(Opens::Plan(Change::EndShadow { test, ending: Ending::Remove })),
        Command::Stop => Ok(Opens::Plan(Change::Stop { target })),
        _ if row.kind == JobKind::Loop => Err("A question is put again by `mldeck plan ask`.".to_owned()),
        _ if is_test && row.status != "Created" => {
            Err(format!("It is {}: only one that is Created waits to be started.", row.status))
        }
        _ if is_test => Ok(Opens::Plan(Change::StartShadow { test })),
        _ => Ok(Opens::Form(FormView::copy(target))),
    }
}

fn of_version(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let Some(row) = model.packages.get(&subject.name) else {
        return Err("This version is not among those that were read.".to_owned());
    };
    let decide = |approval: Approval| {
        if row.approval == approval.word() {
            return Err(format!("It is {} already.", row.approval));
        }
        Ok(Change::Approve { package: row.arn.clone(), approval })
    };
    let choices = vec![
        ("Approve: it may serve".to_owned(), decide(Approval::Approved)),
        ("Reject: it must not serve".to_owned(), decide(Approval::Rejected)),
    ];
    Ok(Opens::Choice(format!("version {}", row.name), choices))
}

fn of_monitor(model: &Model, subject: &Subject, command: Command) -> Result<Opens, String> {
    let Some(row) = model.monitors.get(&subject.name) else {
        return Err("This schedule is not among those that were read.".to_owned());
    };
    let name = Text::new(&row.name.raw());
    if command == Command::Trigger {
        let once = Change::RunMonitor { schedule: name.clone(), hours: None };
        if row.schedule_status != "Stopped" {
            return Ok(Opens::Plan(once));
        }
        let choices = vec![
            ("Start the schedule".to_owned(), Ok(Change::Schedule { name: name.clone(), start: true })),
            ("Run it once, now".to_owned(), Ok(once)),
        ];
        return Ok(Opens::Choice(format!("monitor {name}"), choices));
    }
    if row.schedule_status != "Scheduled" {
        return Err(format!("It is {}.", row.schedule_status));
    }
    Ok(Opens::Plan(Change::Schedule { name, start: false }))
}
