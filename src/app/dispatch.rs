//! Commands: the layer on top first, then the view, then what means the same everywhere.

use mldeck_core::{resource::Kind, scope::Identity, text::Text, time::Monotonic};

use super::{
    command::{Command, Scope},
    field::Field,
    layers::{Act, Help, Item, Layer, Means, Menu, Palette, Prompt, Suggestion, suggestions},
    model::{Armed, Model},
    msg::{Effect, Slot},
    ops,
    pane::{
        Pane, Subject, View,
        calls::CallsView,
        compare::{Compare, MAX_RUNS},
        list,
        logs::LogView,
        raw::RawView,
    },
    timeline,
};

/// Write mode lasts this long.
const ARMED_MS: u64 = 15 * 60_000;
/// A second `Ctrl-C` within this time leaves.
const CANCEL_TWICE_MS: u64 = 1_500;

pub(super) fn run(model: &mut Model, command: Command, burst: bool, out: &mut Vec<Effect>) {
    if on_layer(model, command, out) {
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

/// True when a layer was there and took it: what lies below must not act.
fn on_layer(model: &mut Model, command: Command, out: &mut Vec<Effect>) -> bool {
    if matches!(command, Command::Redraw | Command::Suspend | Command::Cancel) {
        return false;
    }
    let Some(mut layer) = model.layers.pop() else { return false };
    if layer.field().is_some_and(|field| field.on(command)) {
        model.layers.push(layer);
        typed(model);
        return true;
    }
    match &layer {
        Layer::Prompt(_) => on_prompt(model, layer, command),
        Layer::Palette(_) => on_palette(model, layer, command, out),
        Layer::Help(_) => on_help(model, layer, command, out),
        Layer::Menu(_) => on_menu(model, layer, command, out),
    }
    true
}

fn on_prompt(model: &mut Model, layer: Layer, command: Command) {
    let Layer::Prompt(mut prompt) = layer else { return };
    match command {
        Command::Accept => {}
        Command::Back => apply_filter(model, &prompt.before),
        Command::RecallNext | Command::RecallPrevious => {
            // The list moves below the prompt, as in every fuzzy finder.
            let motion = if command == Command::RecallNext { Command::Next } else { Command::Previous };
            let pane = model.nav.pane();
            if model.nav.depth() == 1 {
                list::on(model, pane, motion);
            }
            model.layers.push(Layer::Prompt(prompt));
        }
        Command::Complete => {
            complete_filter(model, &mut prompt.field);
            model.layers.push(Layer::Prompt(prompt));
            typed(model);
        }
        _ => model.layers.push(Layer::Prompt(prompt)),
    }
}

/// Completes the last word of a filter to a field name.
fn complete_filter(model: &mut Model, field: &mut Field) {
    let pane = model.nav.pane();
    let names = crate::with_table!(model, pane, table => table.field_names()).unwrap_or_default();
    let start = field.before_cursor().rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = field.before_cursor()[start..].trim_start_matches('!').to_owned();
    if let Some(name) = names.iter().find(|name| !word.is_empty() && name.starts_with(&word)) {
        field.insert(&name[word.len()..]);
        field.insert(":");
    }
}

/// What is typed takes effect at once.
pub(super) fn typed(model: &mut Model) {
    match model.layers.last_mut() {
        Some(Layer::Prompt(prompt)) => {
            let text = prompt.field.text().to_owned();
            apply_filter(model, &text);
        }
        Some(Layer::Palette(palette)) => palette.cursor = 0,
        Some(Layer::Help(help)) => help.cursor = 0,
        Some(Layer::Menu(_)) | None => {}
    }
}

fn apply_filter(model: &mut Model, text: &str) {
    if model.nav.depth() > 1 {
        if let Some(View::Opened(view)) = model.nav.top_mut() {
            view.search(text);
        }
        return;
    }
    let pane = model.nav.pane();
    crate::with_table!(model, pane, table => table.set_filter(text));
}

fn on_palette(model: &mut Model, layer: Layer, command: Command, out: &mut Vec<Effect>) {
    let Layer::Palette(mut palette) = layer else { return };
    let all = suggestions(model, palette.field.text());
    let last = all.len().saturating_sub(1);
    match command {
        Command::Back => return,
        Command::Next | Command::RecallNext => palette.cursor = (palette.cursor + 1).min(last),
        Command::Previous | Command::RecallPrevious => palette.cursor = palette.cursor.saturating_sub(1),
        Command::PageDown => palette.cursor = (palette.cursor + 10).min(last),
        Command::PageUp => palette.cursor = palette.cursor.saturating_sub(10),
        Command::Complete => {
            if let Some(best) = all.get(palette.cursor) {
                palette.field.set(&best.text);
            }
        }
        Command::Accept => {
            match all.into_iter().nth(palette.cursor) {
                Some(best) => mean(model, best, out),
                None => {
                    model.complain(format!("{:?} is no command, kind or name; ? lists them.", palette.field.text()));
                }
            }
            return;
        }
        _ => {}
    }
    model.layers.push(Layer::Palette(palette));
}

fn mean(model: &mut Model, suggestion: Suggestion, out: &mut Vec<Effect>) {
    match suggestion.means {
        Means::Run(command) => run(model, command, false, out),
        Means::Go(pane) => model.nav.go(pane),
        Means::Open(subject) => open_subject(model, &subject),
        Means::Theme(name) => out.push(Effect::Theme { name }),
        Means::Quit => out.push(Effect::Quit(0)),
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

fn on_help(model: &mut Model, layer: Layer, command: Command, out: &mut Vec<Effect>) {
    let Layer::Help(mut help) = layer else { return };
    let entries = help.entries(&model.keymap);
    let last = entries.len().saturating_sub(1);
    match command {
        Command::Back if help.searching => {
            help.searching = false;
            help.query = Field::default();
        }
        Command::Back => return,
        Command::Accept => help.searching = false,
        Command::Filter => help.searching = true,
        Command::Next | Command::NextMatch | Command::RecallNext => help.cursor = (help.cursor + 1).min(last),
        Command::Previous | Command::PreviousMatch | Command::RecallPrevious => {
            help.cursor = help.cursor.saturating_sub(1);
        }
        Command::PageDown | Command::HalfDown => help.cursor = (help.cursor + 10).min(last),
        Command::PageUp | Command::HalfUp => help.cursor = help.cursor.saturating_sub(10),
        Command::First => help.cursor = 0,
        Command::Last => help.cursor = last,
        Command::Open => {
            if let Some(entry) = entries.get(help.cursor) {
                run(model, entry.command, false, out);
            }
            return;
        }
        _ => {}
    }
    model.layers.push(Layer::Help(help));
}

fn on_menu(model: &mut Model, layer: Layer, command: Command, out: &mut Vec<Effect>) {
    let Layer::Menu(mut menu) = layer else { return };
    let last = menu.items.len().saturating_sub(1);
    match command {
        Command::Back => return,
        Command::Next => menu.cursor = (menu.cursor + 1).min(last),
        Command::Previous => menu.cursor = menu.cursor.saturating_sub(1),
        Command::First | Command::PageUp | Command::HalfUp => menu.cursor = 0,
        Command::Last | Command::PageDown | Command::HalfDown => menu.cursor = last,
        Command::Help => {
            model.layers.push(Layer::Menu(menu));
            model.layers.push(Layer::Help(Help::new(&[Scope::Menu])));
            return;
        }
        Command::Open => {
            match menu.items.get(menu.cursor).map(|item| item.act.clone()) {
                Some(Ok(Act::Run(command))) => run(model, command, false, out),
                Some(Ok(Act::Copy(text))) => copy(model, text, out),
                Some(Ok(Act::Leave)) => out.push(Effect::Quit(0)),
                Some(Err(reason)) => {
                    model.complain(reason);
                    model.layers.push(Layer::Menu(menu));
                }
                None => {}
            }
            return;
        }
        _ => {}
    }
    model.layers.push(Layer::Menu(menu));
}

fn copy(model: &mut Model, text: Text, out: &mut Vec<Effect>) {
    if model.clipboard {
        model.say(format!("Sent to the terminal's clipboard: {text}"));
        out.push(Effect::Copy(text));
    } else {
        model.say(format!("The clipboard is off in the config: {text}"));
    }
}

fn subject(model: &Model) -> Option<Subject> {
    match model.nav.top() {
        View::List(pane) => list::subject(model, *pane),
        View::Opened(view) => view.subject(),
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
        Command::Suspend => out.push(Effect::Suspend),
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
        Command::Theme => next_theme(model, out),
        Command::Calls => model.nav.open(View::Opened(Box::new(CallsView::default()))),
        Command::Reversal => reverse(model),
        Command::Arm => arm(model),
        Command::Actions => actions(model),
        Command::RollBack => roll_back(model, out),
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
        Command::Copy => copy_menu(model, &subject),
        Command::ConsoleLink => {
            let link = console_link(model, &subject);
            let items = vec![Item { key: String::new(), label: link.clone(), act: Ok(Act::Copy(Text::new(&link))) }];
            model.layers.push(Layer::Menu(Menu { title: "AWS console (Enter copies)".into(), items, cursor: 0 }));
        }
        _ if command.spec().mutates => {
            let cli = "the AWS CLI or the console";
            model.complain(format!(
                "{} is not in this version for {}; use {cli}.",
                command.label(),
                subject.kind.plural()
            ));
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
    let open = model.ops.open_count();
    let title = match open {
        0 => "Leave mldeck?".to_owned(),
        1 => "Leave mldeck? One operation is under way; AWS finishes it alone, and the next start resumes watching."
            .to_owned(),
        n => {
            format!("Leave mldeck? {n} operations are under way; AWS finishes them alone, and the next start resumes.")
        }
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
    model.layers.clear();
    let dropped = model.polls.cancel(at);
    model.say(if dropped.is_empty() { "Ctrl-C again leaves." } else { "Requests given up; Ctrl-C again leaves." });
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

fn next_theme(model: &Model, out: &mut Vec<Effect>) {
    let at = model.themes.iter().position(|name| *name == model.theme).map_or(0, |i| i + 1);
    if let Some(name) = model.themes.get(at % model.themes.len().max(1)) {
        out.push(Effect::Theme { name: name.clone() });
        out.push(Effect::Remember { key: "theme".to_owned(), value: name.as_str().into() });
    }
}

fn arm(model: &mut Model) {
    let mono = model.at.mono;
    if model.session.read_only {
        model.complain("Started with --read-only: write mode cannot be armed.");
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

fn roll_back(model: &mut Model, out: &mut Vec<Effect>) {
    match subject(model) {
        Some(Subject { kind: Kind::Endpoint, name, .. }) => ops::plan_back_out(model, name, out),
        Some(other) => model.complain(format!("Rolling back is for endpoints, not for {}.", other.kind.plural())),
        None => model.say("Choose an endpoint first (2)."),
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

fn copy_menu(model: &mut Model, subject: &Subject) {
    let item = |key: &str, label: &str, text: Text| Item {
        key: key.to_owned(),
        label: format!("{label}  {text}"),
        act: Ok(Act::Copy(text)),
    };
    let mut items = vec![item("n", "name", subject.name.clone())];
    if let Some(arn) = &subject.arn {
        items.push(item("a", "ARN", arn.clone()));
    }
    if let Some(line) = describe_cli(model, subject) {
        items.push(item("c", "AWS CLI", Text::new(&line)));
    }
    model.layers.push(Layer::Menu(Menu { title: "Copy".into(), items, cursor: 0 }));
}

fn describe_cli(model: &Model, subject: &Subject) -> Option<String> {
    let region = model.session.scope().map(|scope| scope.region.to_string()).unwrap_or_default();
    let name = subject.name.as_str();
    let call = match subject.kind {
        Kind::Endpoint => format!("describe-endpoint --endpoint-name {name}"),
        Kind::Run => format!("describe-training-job --training-job-name {name}"),
        Kind::Execution => format!("describe-pipeline-execution --pipeline-execution-arn {}", subject.arn.as_ref()?),
        Kind::Monitor => format!("describe-monitoring-schedule --monitoring-schedule-name {name}"),
        Kind::ModelPackage | Kind::Alarm | Kind::Operation => return None,
    };
    Some(format!("aws sagemaker {call} --region {region}"))
}

fn console_link(model: &Model, subject: &Subject) -> String {
    let region = model.session.scope().map(|scope| scope.region.to_string()).unwrap_or_default();
    let page = match subject.kind {
        Kind::Endpoint => format!("endpoints/{}", subject.name),
        Kind::Run => format!("jobs/{}", subject.name),
        _ => String::new(),
    };
    format!("https://{region}.console.aws.amazon.com/sagemaker/home?region={region}#/{page}")
}

/// `a`: every action on the selection with its key and, when it cannot run, the reason.
fn actions(model: &mut Model) {
    let Some(subject) = subject(model) else {
        model.say("Nothing is selected.");
        return;
    };
    let scopes = super::update::scopes(model);
    let scope = scopes.first().copied().unwrap_or(Scope::Global);
    let key = |command: Command| model.keymap.keys_of(command, scope).into_iter().next().unwrap_or_default();
    let missing = |what: &str| Err(format!("{what} is not in this version."));
    let rows: Vec<(Command, &str, Result<(), String>)> = match subject.kind {
        Kind::Endpoint => vec![
            (Command::RollBack, "Roll back to an earlier config", ops::may_back_out(model, &subject.name)),
            (Command::Update, "Shift weights, change capacity", missing("Shifting weights")),
            (Command::Promote, "Promote a model version", missing("Promoting")),
            (Command::Delete, "Delete the endpoint", missing("Deleting")),
            (Command::Logs, "Logs", Ok(())),
            (Command::Describe, "Every fact", Ok(())),
            (Command::Raw, "Raw JSON", Ok(())),
        ],
        Kind::Execution => vec![
            (Command::Stop, "Stop the run", missing("Stopping runs")),
            (Command::Trigger, "Retry or start a run", missing("Starting runs")),
            (Command::Describe, "Every fact", Ok(())),
            (Command::Raw, "Raw JSON", Ok(())),
        ],
        Kind::Run => vec![
            (Command::Compare, "Compare marked runs", Ok(())),
            (Command::Promote, "Promote the run's model", missing("Promoting")),
            (Command::Logs, "Logs", Ok(())),
            (Command::Describe, "Every fact", Ok(())),
            (Command::Raw, "Raw JSON", Ok(())),
        ],
        Kind::Operation => vec![
            (Command::Reversal, "Take it back", ops::may_reverse(model, &subject.name).map(|_| ())),
            (Command::Describe, "Every fact", Ok(())),
        ],
        _ => vec![(Command::Describe, "Every fact", Ok(()))],
    };
    let items = rows
        .into_iter()
        .map(|(command, label, may)| Item {
            key: key(command),
            label: label.to_owned(),
            act: may.map(|()| Act::Run(command)),
        })
        .collect();
    model.layers.push(Layer::Menu(Menu {
        title: format!("{} {}", subject.kind.singular(), subject.name),
        items,
        cursor: 0,
    }));
}

/// Wrong account on screen is the worst bug: when the caller is somewhere else, nothing of before stays.
pub(super) fn on_identity(model: &mut Model, identity: Identity, out: &mut Vec<Effect>) {
    let before = model.session.scope().cloned();
    let presumed = model.session.presumed.take();
    let scope = identity.scope.clone();
    model.session.identity = Some(Ok(identity));
    if before.as_ref() == Some(&scope) {
        return;
    }
    if before.is_some() {
        model.complain("The credentials belong to another account or region now: everything is read anew.");
        model.session.armed = None;
        model.forget_rows();
    }
    if presumed.is_some_and(|presumed| presumed != scope) {
        model.forget_rows();
    }
    out.push(Effect::Recall(scope));
    ops::resume(model, out);
    let mono = model.at.mono;
    model.polls.hurry(Slot::Endpoints, mono);
}
