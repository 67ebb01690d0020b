//! What can be done with the thing under the cursor: one table, read by the capitals and by the action menu.

use mldeck_core::{
    ops::{
        call::Approval,
        intent::{Choice, Intent},
        target::{Kind as Thing, Target},
    },
    resource::{Kind, execution::ExecutionStatus, run::RunStatus},
    text::Text,
};

use super::{
    command::Command,
    layers::{Act, Item, Layer, Menu},
    model::Model,
    ops,
    pane::{Subject, View, form::FormView},
};

/// What a verb leads to.
pub enum Opens {
    Plan(Intent),
    Form(FormView),
    /// One of several, each with why it cannot be had now.
    Choice(String, Vec<(String, Result<Intent, String>)>),
}

/// The verbs of a kind, as the action menu lists them.
pub const fn listed(kind: Kind) -> &'static [(Command, &'static str)] {
    match kind {
        Kind::Endpoint => &[
            (Command::RollBack, "The fastest safe way back"),
            (Command::Update, "Traffic and capacity of its variants"),
        ],
        Kind::Execution => &[(Command::Stop, "Stop the run"), (Command::Trigger, "Retry it, or start another run")],
        Kind::Run => &[(Command::Stop, "Stop the training job")],
        Kind::ModelPackage => &[(Command::Approve, "Approve or reject it")],
        Kind::Monitor => {
            &[(Command::Stop, "Stop the monitoring schedule"), (Command::Trigger, "Start the monitoring schedule")]
        }
        Kind::Alarm | Kind::Operation => &[],
    }
}

/// What this command leads to here, or why it cannot; `None` where it means nothing for such a thing.
pub fn of(model: &Model, subject: &Subject, command: Command) -> Option<Result<Opens, String>> {
    if !listed(subject.kind).iter().any(|(listed, _)| *listed == command) {
        return None;
    }
    let opens = ops::may_plan(model).and_then(|()| match subject.kind {
        Kind::Endpoint => Ok(of_endpoint(subject, command)),
        Kind::Execution => of_execution(model, subject, command),
        Kind::Run => of_run(model, subject),
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

pub fn open(model: &mut Model, opens: Opens) {
    match opens {
        Opens::Plan(intent) => ops::plan(model, intent),
        Opens::Form(form) => model.open_later(View::Opened(Box::new(form))),
        Opens::Choice(title, choices) => {
            let item = |(label, intent): (String, Result<Intent, String>)| Item {
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
        Command::RollBack => Opens::Plan(Intent::back_out(subject.name.clone(), Choice::default())),
        _ => Opens::Form(FormView::traffic(subject.name.clone())),
    }
}

fn of_execution(model: &Model, subject: &Subject, command: Command) -> Result<Opens, String> {
    let Some(row) = model.executions.get(&subject.name) else {
        return Err("This run is not among those that were read.".to_owned());
    };
    if command == Command::Stop {
        return match row.status {
            ExecutionStatus::Executing => {
                Ok(Opens::Plan(Intent::Stop { target: Target::new(Thing::Execution, row.arn.clone()), reason: None }))
            }
            _ => Err(format!("It is {}: only what runs can be stopped.", row.status.as_str())),
        };
    }
    let again = Intent::Retry { execution: row.arn.clone(), reason: None };
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

fn of_run(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let Some(row) = model.runs.get(&subject.name) else {
        return Err("This run is not among those that were read.".to_owned());
    };
    if row.status != RunStatus::InProgress {
        return Err(format!("It is {}: only what runs can be stopped.", row.status.as_str()));
    }
    if !row.arn.as_str().contains(":training-job/") {
        return Err("It is no training job: nothing of AWS can be stopped there.".to_owned());
    }
    Ok(Opens::Plan(Intent::Stop { target: Target::new(Thing::TrainingJob, row.name.clone()), reason: None }))
}

fn of_version(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let Some(row) = model.packages.get(&subject.name) else {
        return Err("This version is not among those that were read.".to_owned());
    };
    let decide = |approval: Approval| {
        if row.approval == approval.word() {
            return Err(format!("It is {} already.", row.approval));
        }
        Ok(Intent::Approve { package: row.arn.clone(), approval, reason: None })
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
    let (start, wanted) =
        (command == Command::Trigger, if command == Command::Trigger { "Stopped" } else { "Scheduled" });
    if row.schedule_status != wanted {
        return Err(format!("It is {}.", row.schedule_status));
    }
    Ok(Opens::Plan(Intent::Schedule { name: Text::new(&row.name.raw()), start, reason: None }))
}
