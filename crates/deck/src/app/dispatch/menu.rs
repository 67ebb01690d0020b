//! What the menus offer on the selection.

use mldeck_core::{
    ops::{call::kebab, target::Kind as Thing},
    resource::{Job, Kind},
    text::Text,
};

use super::{marked, subject};
use crate::app::{
    command::{Command, Scope},
    layers::{Act, Item, Layer, Menu},
    model::Model,
    ops,
    pane::Subject,
    update, verbs,
};

pub(super) fn copy(model: &mut Model, subject: &Subject) {
    let item = |key: &str, label: &str, text: Text| Item {
        key: key.to_owned(),
        label: format!("{label}  {text}"),
        act: Ok(Act::Copy(text)),
    };
    let name = match subject.kind {
        Kind::Job => Job::target(&subject.name.raw()).map_or_else(|| subject.name.clone(), |target| target.id),
        _ => subject.name.clone(),
    };
    let mut items = vec![item("n", "name", name)];
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
        Kind::Job => {
            let target = Job::target(name)?;
            let service = if target.kind == Thing::HumanLoop { "sagemaker-a2i-runtime" } else { "sagemaker" };
            let (operation, option) = (kebab(target.kind.describe()), kebab(target.kind.parameter()));
            return Some(format!("aws {service} {operation} --{option} {} --region {region}", target.id));
        }
        Kind::ModelPackage | Kind::Alarm | Kind::Operation => return None,
    };
    Some(format!("aws sagemaker {call} --region {region}"))
}

pub(super) fn link(model: &mut Model, subject: &Subject) {
    let link = console_link(model, subject);
    let items = vec![Item { key: String::new(), label: link.clone(), act: Ok(Act::Copy(Text::new(&link))) }];
    model.layers.push(Layer::Menu(Menu { title: "AWS console (Enter copies)".into(), items, cursor: 0 }));
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
pub(super) fn actions(model: &mut Model) {
    let Some(subject) = marked(model).into_iter().next().or_else(|| subject(model)) else {
        model.say("Nothing is selected.");
        return;
    };
    let marked = marked(model);
    let several = marked.len() > 1;
    let scopes = update::scopes(model);
    let scope = scopes.first().copied().unwrap_or(Scope::Global);
    let key = |command: Command| model.keymap.keys_of(command, scope).into_iter().next().unwrap_or_default();
    let mut rows: Vec<(Command, &str, Result<(), String>)> = verbs::listed(subject.kind)
        .iter()
        .filter_map(|(command, label)| {
            // Which of several can be done is said by their page.
            let may = if several { Ok(()) } else { verbs::of(model, &subject, *command)?.map(|_| ()) };
            Some((*command, *label, may))
        })
        .collect();
    match subject.kind {
        Kind::Run => rows.push((Command::Compare, "Compare marked runs", Ok(()))),
        Kind::Operation => {
            rows.push((Command::Reversal, "Take it back", ops::may_reverse(model, &subject.name).map(|_| ())));
        }
        _ => {}
    }
    if matches!(subject.kind, Kind::Endpoint | Kind::Run) {
        rows.push((Command::Logs, "Logs", Ok(())));
    }
    rows.push((Command::Describe, "Every fact", Ok(())));
    if subject.kind != Kind::Operation {
        rows.push((Command::Raw, "Raw JSON", Ok(())));
    }
    let items = rows
        .into_iter()
        .map(|(command, label, may)| Item {
            key: key(command),
            label: label.to_owned(),
            act: may.map(|()| Act::Run(command)),
        })
        .collect();
    let title = match several {
        true => format!("{} marked {}", marked.len(), subject.kind.plural()),
        false => format!("{} {}", subject.kind.singular(), subject.name),
    };
    model.layers.push(Layer::Menu(Menu { title, items, cursor: 0 }));
}
