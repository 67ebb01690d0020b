//! Commands: the layer on top first, then the view, then what means the same everywhere.

mod layer;
mod menu;

use mldeck_core::{resource::Kind, scope::Identity, text::Text, time::Monotonic};

use super::{
    bulk,
    command::Command,
    field::Field,
    layers::{Act, Help, Item, Layer, Menu, Palette, Prompt},
    model::{Armed, Model},
    msg::{Effect, Slot},
    ops,
    pane::{
        Pane, Subject, View,
        bulk::BulkView,
        calls::CallsView,
        compare::{Compare, MAX_RUNS},
        list,
        logs::LogView,
        raw::RawView,
    },
    settings, sign_in, timeline, verbs,
};

pub(super) use layer::typed;

/// Write mode lasts this long.
const ARMED_MS: u64 = 15 * 60_000;
/// A second `Ctrl-C` within this time leaves.
const CANCEL_TWICE_MS: u64 = 1_500;

pub(super) fn run(model: &mut Model, command: Command, burst: bool, out: &mut Vec<Effect>) {
    if layer::take(model, command, out) {
        return;
    }
    let handled = match model.nav.take_top() {
        Some(View::Opened(mut view)) => {
            view.confirmable(burst);
            let handled = view.on(model, command, out);
            model.nav.put_back(View::Opened(view));
            handled
        }
        Some(View::List(pane)) => {
            model.nav.put_back(View::List(pane));
            list::on(model, pane, command)
        }
        None => false,
    };
    if !handled {
        global(model, command, out);
    }
}

/// Goes to a thing: its pane's list with the cursor on it, and its view on top.
pub(crate) fn open_subject(model: &mut Model, subject: &Subject) {
    let Some(pane) = Pane::of_kind(subject.kind) else { return };
    model.nav.go(pane);
    crate::with_table!(model, pane, table => table.select(&subject.name));
    let view = if subject.kind == Kind::Endpoint {
        // Opened by name even before the list has arrived.
        Some(View::Opened(Box::new(super::pane::endpoint::EndpointView::new(subject.name.clone()))))
    } else {
        list::open(model, pane)
    };
    if let Some(view) = view {
        model.nav.open(view);
    }
}

fn subject(model: &Model) -> Option<Subject> {
    match model.nav.top() {
        View::List(pane) => list::subject(model, *pane),
        View::Opened(view) => view.subject(),
    }
}

/// The marked rows of the list on top.
fn marked(model: &Model) -> Vec<Subject> {
    match model.nav.top() {
        View::List(pane) => list::marked(model, *pane),
        View::Opened(_) => Vec::new(),
    }
}

fn global(model: &mut Model, command: Command, out: &mut Vec<Effect>) {
    if let Some(pane) = command.pane_number().and_then(Pane::of_number) {
        model.nav.go(pane);
        return;
    }
    match command {
        Command::Back => back(model),
        Command::Quit => quit(model),
        Command::Cancel => cancel(model, out),
        Command::Redraw => out.push(Effect::Redraw),
        Command::Suspend => {
            out.push(Effect::Suspend(model.ops.brake().map(|brake| format!("mldeck: {brake} `fg` watches again."))));
        }
        Command::Help => {
            let scopes = super::update::scopes(model);
            model.layers.push(Layer::Help(Help::new(&scopes)));
        }
        Command::Palette => model.layers.push(Layer::Palette(Palette { field: Field::default(), cursor: 0 })),
        Command::Filter => prompt(model),
        Command::HistoryBack => {
            model.nav.back();
        }
        Command::HistoryForward => {
            model.nav.forward();
        }
        Command::LastView => {
            model.nav.go_previous();
        }
        Command::Open => {
            if let View::List(pane) = *model.nav.top() {
                match list::open(model, pane) {
                    Some(view) => model.nav.open(view),
                    None => model.say("Nothing to open here."),
                }
            }
        }
        Command::Freeze => {
            model.frozen = !model.frozen;
            model.say(if model.frozen { "Frozen: rows stand still; f goes on." } else { "Rows follow again." });
        }
        Command::Refresh => {
            model.polls.refresh(model.at.mono);
            model.say("Asking AWS again …");
        }
        Command::Login => sign_in::begin(model, out),
        Command::Theme => settings::next_theme(model, out),
        Command::Reload => out.push(Effect::Reload),
        Command::Bulk => match bulk::last(model).map(|bulk| bulk.id.clone()) {
            Some(id) => model.nav.open(View::Opened(Box::new(BulkView::new(id)))),
            None => model.say("Nothing was confirmed together in this session; 9 lists what was done."),
        },
        Command::Calls => model.nav.open(View::Opened(Box::new(CallsView::default()))),
        Command::Reversal => reverse(model),
        Command::Arm => arm(model),
        Command::Actions => menu::actions(model),
        Command::Compare => compare(model),
        _ => about_subject(model, command),
    }
}

/// Commands that need a thing under the cursor.
fn about_subject(model: &mut Model, command: Command) {
    let Some(subject) = subject(model) else {
        model.say("Nothing is selected.");
        return;
    };
    // A verb is about what is marked, wherever the cursor is; to look at something, the cursor is enough.
    let mut marked = if command.spec().mutates { marked(model) } else { Vec::new() };
    if marked.len() > 1 {
        return verbs::on_each(model, &marked, command);
    }
    let subject = match marked.pop() {
        Some(marked) if marked != subject => {
            model.say(format!("About the marked row, {}; u unmarks.", marked.name));
            marked
        }
        _ => subject,
    };
    match command {
        Command::Describe => model.nav.open(list::describe(&subject)),
        Command::Raw => match subject.kind {
            Kind::Operation => model.say("An operation of ours has no AWS body; Enter opens it."),
            _ => model.nav.open(View::Opened(Box::new(RawView::new(subject)))),
        },
        Command::Logs => logs(model, subject),
        Command::Metrics | Command::Timeline if subject.kind == Kind::Endpoint => {
            open_subject(model, &subject);
            if command == Command::Timeline {
                run(model, Command::Timeline, false, &mut Vec::new());
            }
        }
        Command::Copy => menu::copy(model, &subject),
        Command::ConsoleLink => menu::link(model, &subject),
        _ if verbs::run(model, &subject, command) => {}
        _ if command.spec().mutates => {
            model.complain(format!("{} means nothing for {}.", command.label(), subject.kind.plural()));
        }
        _ => model.say(format!("{} means nothing for {}.", command.label(), subject.kind.plural())),
    }
}

fn back(model: &mut Model) {
    let pane = model.nav.pane();
    if model.nav.depth() > 1 {
        model.nav.back();
    } else if !list::step_back(model, pane) {
        model.say("This is the first view; q leaves.");
    }
}

fn quit(model: &mut Model) {
    if model.nav.depth() > 1 {
        model.nav.back();
        return;
    }
    let title = match model.ops.brake() {
        None => "Leave mldeck?".to_owned(),
        Some(brake) => format!("Leave mldeck? {brake} The next start resumes watching."),
    };
    let items = vec![Item { key: "enter".into(), label: "Leave".into(), act: Ok(Act::Leave) }];
    model.layers.push(Layer::Menu(Menu { title, items, cursor: 0 }));
}

fn cancel(model: &mut Model, out: &mut Vec<Effect>) {
    let at = model.at.mono;
    let twice = model.cancelled_at.is_some_and(|before: Monotonic| at.since(before) < CANCEL_TWICE_MS);
    if twice {
        out.push(Effect::Quit(0));
        return;
    }
    model.cancelled_at = Some(at);
    sign_in::decline(model, out);
    model.layers.clear();
    let dropped = model.polls.cancel(at);
    let given_up = if dropped.is_empty() { "" } else { "Requests given up; " };
    let brake = model.ops.brake().map(|brake| format!(" {brake}")).unwrap_or_default();
    model.say(format!("{given_up}Ctrl-C again leaves.{brake}"));
    out.extend(dropped);
}

fn prompt(model: &mut Model) {
    let pane = model.nav.pane();
    let (label, before) = if model.nav.depth() > 1 {
        ("search", String::new())
    } else {
        let before = crate::with_table!(model, pane, table => table.filter().to_owned());
        match before {
            Some(before) => ("filter", before),
            None => return,
        }
    };
    model.layers.push(Layer::Prompt(Prompt { field: Field::new(&before), before, label }));
}

fn arm(model: &mut Model) {
    let mono = model.at.mono;
    if model.session.read_only {
        model.complain("Read-only: write mode cannot be armed.");
    } else if model.session.is_armed(mono) {
        model.session.armed = None;
        model.say("Write mode is off.");
    } else if let Some(scope) = model.session.scope().cloned() {
        model.say(format!(
            "Write mode for {} {} for 15 minutes; each change still shows its plan.",
            scope.short_account(),
            scope.region
        ));
        model.session.armed = Some(Armed { scope, until: mono.plus(ARMED_MS) });
    } else {
        model.complain("Not signed in: there is nothing to arm.");
    }
}

fn reverse(model: &mut Model) {
    match subject(model) {
        Some(Subject { kind: Kind::Operation, name, .. }) => ops::plan_reversal(model, &name),
        Some(Subject { kind: Kind::Endpoint, name, .. }) => match ops::last_done(model, &name) {
            Some(operation) => ops::plan_reversal(model, &operation),
            None => model.say(format!("Nothing of ours is done on {name}; B plans a way back.")),
        },
        _ => {
            model.nav.go(Pane::Ledger);
            model.say("z on an operation plans its reversal.");
        }
    }
}

fn compare(model: &mut Model) {
    if model.nav.pane() != Pane::Experiments || model.nav.depth() > 1 {
        model.say("Compare works on marked runs (4, then space on each, then =).");
        return;
    }
    let runs: Vec<_> = model.runs.chosen().into_iter().cloned().collect();
    match runs.len() {
        0 => model.say("No run is selected."),
        n => {
            if n > MAX_RUNS {
                model.say(format!("The first {MAX_RUNS} of {n} marked runs: more curves cannot be told apart."));
            }
            let runs = runs.into_iter().take(MAX_RUNS).collect();
            model.nav.open(View::Opened(Box::new(Compare::new(runs))));
        }
    }
}

fn logs(model: &mut Model, subject: Subject) {
    let now = model.now();
    let (group, prefix, trouble) = match subject.kind {
        Kind::Endpoint => {
            let trouble = model.endpoints.get(&subject.name).and_then(timeline::trouble_since);
            (format!("/aws/sagemaker/Endpoints/{}", subject.name.raw()), None, trouble)
        }
        Kind::Run => {
            let start = model.runs.get(&subject.name).map(|run| run.created);
            ("/aws/sagemaker/TrainingJobs".to_owned(), Some(Text::new(&format!("{}/", subject.name.raw()))), start)
        }
        Kind::Execution => {
            model.say("Open the run first (Enter); l shows the log of the step under the cursor.");
            return;
        }
        _ => {
            model.say(format!("{} write no log of their own.", subject.kind.plural()));
            return;
        }
    };
    let view = LogView::new(subject, Text::new(&group), prefix, trouble, now);
    model.nav.open(View::Opened(Box::new(view)));
}

/// Wrong account on screen is the worst bug: when the caller is somewhere else, nothing of before stays.
pub(super) fn on_identity(model: &mut Model, identity: &Identity, out: &mut Vec<Effect>) {
    let before = model.session.known.replace(identity.clone());
    let presumed = model.session.presumed.take();
    let (scope, mono) = (identity.scope.clone(), model.at.mono);
    sign_in::signed_in(model);
    let back = matches!(model.session.identity.replace(Ok(identity.clone())), Some(Err(_)));
    if back && before.is_some() {
        model.polls.refresh(mono);
        ops::look_again(model, out);
    }
    if let Some(before) = before.as_ref().filter(|before| !before.is_same_as(identity)) {
        model.session.armed = None;
        out.push(Effect::Disallow);
        bulk::stop(model, "the credentials are somebody else's now");
        if before.scope == scope {
            model.complain(format!(
                "The credentials are those of role {} now, not of {}: nothing that was confirmed before holds.",
                identity.role(),
                before.role()
            ));
        } else {
            model.complain("The credentials belong to another account or region now: everything is read anew.");
            model.forget_rows();
        }
    }
    if before.is_some_and(|before| before.scope == scope) {
        return;
    }
    if presumed.is_some_and(|presumed| presumed != scope) {
        model.forget_rows();
    }
    out.push(Effect::Recall(scope));
    ops::resume(model, out);
    model.polls.hurry(Slot::Endpoints, mono);
}
