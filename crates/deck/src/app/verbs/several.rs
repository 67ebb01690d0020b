//! A verb on several marked rows.

use mldeck_core::{
    ops::{bulk as several, intent::Change},
    resource::Kind,
    text::Text,
};

use super::{Opens, of};
use crate::app::{
    command::Command,
    layers::{Act, Item, Layer, Menu},
    model::Model,
    pane::{
        Subject, View,
        bulk::{self, BulkPlanView, Marked},
        plan::capitalised,
    },
};

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
        for (label, act) in choices {
            let several = matches!(act, Ok(Act::Plan(change)) if several::alone(change).is_none());
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
        (Opens::Choice(_, choices), Some(label)) => match choices.iter().find(|(known, _)| known == label) {
            Some((_, Ok(Act::Plan(change)))) => Ok((**change).clone()),
            Some((_, Err(why))) => Err(why.clone()),
            _ => Err("this cannot be chosen for it".to_owned()),
        },
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
