//! What can be done with the thing under the cursor: one table, read by the capitals and by the action menu.

use mldeck_core::{
    ops::{
        call::{Approval, Ending, ShadowTest},
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
        form::{Blank, FormView, SHARE},
    },
};

mod several;

pub use several::{on_each, plan_each};

/// One line of a choice: what it does, or why it cannot be had now.
type Choosable = (String, Result<Act, String>);

/// A menu of more is no choice any more.
const MOST_CHOICES: usize = 30;

/// What a verb leads to.
pub enum Opens {
    Plan(Change),
    Form(FormView),
    /// One of several, each with why it cannot be had now.
    Choice(String, Vec<Choosable>),
}

/// The verbs of a kind, as the action menu lists them.
pub const fn listed(kind: Kind) -> &'static [(Command, &'static str)] {
    match kind {
        Kind::Endpoint => &[
            (Command::RollBack, "The fastest safe way back"),
            (Command::Update, "Traffic and capacity of its variants"),
            (Command::Promote, "Promote a version onto it"),
            (Command::Trigger, "Test a shadow on it; make its abort alarm"),
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
        Kind::ModelPackage => &[
            (Command::Promote, "Promote it onto an endpoint"),
            (Command::Trigger, "Test it as the shadow of an endpoint"),
            (Command::Approve, "Approve or reject it"),
        ],
        Kind::Monitor => &[
            (Command::Stop, "Stop the monitoring schedule"),
            (Command::Trigger, "Run it once now, or start it"),
            (Command::Label, "Label a sample of what its endpoint was asked"),
        ],
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
        Kind::Endpoint if command == Command::Trigger => Ok(started_on(model, subject)),
        Kind::Endpoint => Ok(of_endpoint(subject, command)),
        Kind::Execution if command == Command::Approve => answers(model, subject),
        Kind::Execution => of_execution(model, subject, command),
        Kind::Run if command == Command::Promote => run_onto(model, subject),
        Kind::Run => of_run(model, subject, command),
        Kind::Job => of_job(model, subject, command),
        Kind::ModelPackage if command == Command::Promote => endpoints_for(model, subject),
        Kind::ModelPackage if command == Command::Trigger => shadow_of(model, subject),
        Kind::ModelPackage => of_version(model, subject),
        Kind::Monitor if command == Command::Label => labels_for(model, subject),
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
            let item = |(label, act): Choosable| Item { key: String::new(), label, act };
            let items = choices.into_iter().map(item).collect();
            model.layers.push(Layer::Menu(Menu { title, items, cursor: 0 }));
        }
    }
}

fn plan(change: Change) -> Act {
    Act::Plan(Box::new(change))
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

/// `T` on an endpoint: its abort alarm, or a shadow test of an Approved version of its group or of any model.
fn started_on(model: &Model, subject: &Subject) -> Opens {
    let endpoint = &subject.name;
    let mut choices: Vec<Choosable> = vec![
        ("Make its quiet abort alarm".to_owned(), Ok(plan(Change::Provision { endpoint: endpoint.clone() }))),
        ("Test a model as its shadow: name it".to_owned(), Ok(Act::Fill(Blank::Shadow { endpoint: endpoint.clone() }))),
    ];
    let group = model.endpoints.get(endpoint).and_then(group_of);
    let fits = |version: &&ModelPackage| group.as_deref() == Some(version.group.as_str());
    let mut versions: Vec<&ModelPackage> = model.packages.rows().iter().filter(fits).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.version));
    let choice = |version: &&ModelPackage| {
        let label = format!("Test {} as its shadow, copies of {SHARE} % of the calls", version.name);
        (label, tested(version, endpoint))
    };
    choices.extend(versions.iter().take(MOST_CHOICES).map(choice));
    Opens::Choice(format!("start on {endpoint}"), choices)
}

/// `T` on a version: as the shadow of which endpoint. Those that serve its group come first.
fn shadow_of(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let version = model.packages.get(&subject.name).ok_or("This version is not among those that were read.")?;
    let rows = nearest(model, version)?;
    let choice = |row: &&Endpoint| (row.name.to_string(), tested(version, &row.name));
    let choices = rows.iter().take(MOST_CHOICES).map(choice).collect();
    Ok(Opens::Choice(format!("test {} as the shadow of", version.name), choices))
}

fn tested(version: &ModelPackage, endpoint: &Text) -> Result<Act, String> {
    if version.approval != Approval::Approved.word() {
        return Err(format!("{} is {}: only what is Approved becomes a model (A).", version.name, version.approval));
    }
    Ok(plan(Change::TestShadow(ShadowTest {
        endpoint: endpoint.clone(),
        model: version.arn.clone(),
        share: SHARE,
        instance_type: None,
        instance_count: None,
        role: None,
    })))
}

/// `L` on a monitor: a labeling job like the newest one, for a sample of what the endpoint was asked.
fn labels_for(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let monitor = model.monitors.get(&subject.name).ok_or("This schedule is not among those that were read.")?;
    if model.jobs.load.as_of.is_none() {
        return Err("Which labeling jobs there were is not known yet: 8 reads them, then L again.".to_owned());
    }
    let jobs = model.jobs.rows().iter().filter(|job| job.kind == JobKind::Labeling);
    let Some(like) = jobs.max_by_key(|job| job.created) else {
        let why =
            "No labeling job is known that a new one could be like: `mldeck create labeling FILE` takes a template.";
        return Err(why.to_owned());
    };
    let captured = monitor.endpoint.as_ref().and_then(|name| {
        let details = model.endpoints.get(name)?.details.as_ref()?;
        details.capture.as_ref().map(|capture| capture.destination.to_string())
    });
    let sample = match captured {
        Some(folder) => format!("missing: S3 URI of the sample's manifest; captured calls lie below {folder}"),
        None => "missing: S3 URI of the sample's manifest; where calls are captured is not known".to_owned(),
    };
    Ok(Opens::Form(FormView::label(Target::new(Thing::LabelingJob, like.title.clone()), sample)))
}

/// `P` on a version: onto which endpoint. Those that serve its group come first.
fn endpoints_for(model: &Model, subject: &Subject) -> Result<Opens, String> {
    let Some(version) = model.packages.get(&subject.name) else {
        return Err("This version is not among those that were read.".to_owned());
    };
    let rows = nearest(model, version)?;
    Ok(Opens::Choice(format!("promote {} onto", version.name), onto(&version.arn, &rows)))
}

/// All endpoints, those that serve the version's group first.
fn nearest<'a>(model: &'a Model, version: &ModelPackage) -> Result<Vec<&'a Endpoint>, String> {
    let mut rows: Vec<&Endpoint> = model.endpoints.rows().iter().collect();
    let kin = |row: &Endpoint| group_of(row).as_deref() == Some(version.group.as_str());
    rows.sort_by_cached_key(|row| (!kin(row), row.name.clone()));
    if rows.is_empty() {
        return Err("There is no endpoint for it, or they are still being read.".to_owned());
    }
    Ok(rows)
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
fn onto(package: &Text, rows: &[&Endpoint]) -> Vec<Choosable> {
    let choice = |row: &&Endpoint| {
        let serves = row.details.as_ref().and_then(|details| details.variants.iter().find_map(|v| v.label.clone()));
        let label = serves.map_or_else(|| row.name.to_string(), |label| format!("{}  serves {label}", row.name));
        (label, Ok(plan(promotion(package, &row.name))))
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
        (format!("{}  {}", version.name, version.approval), Ok(plan(promotion(&version.arn, &row.name))))
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
        Ok(plan(Change::Callback { execution, step: None, failure, outputs: Vec::new() }))
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
        _ if row.kind == JobKind::Loop => {
            let flow =
                row.of.clone().ok_or("The flow definition of this loop is not known: `mldeck ask` names one.")?;
            Ok(Opens::Form(FormView::blank(Blank::Review { flow })))
        }
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
        Ok(plan(Change::Approve { package: row.arn.clone(), approval }))
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
            ("Start the schedule".to_owned(), Ok(plan(Change::Schedule { name: name.clone(), start: true }))),
            ("Run it once, now".to_owned(), Ok(plan(once))),
        ];
        return Ok(Opens::Choice(format!("monitor {name}"), choices));
    }
    if row.schedule_status != "Scheduled" {
        return Err(format!("It is {}.", row.schedule_status));
    }
    Ok(Opens::Plan(Change::Schedule { name, start: false }))
}
