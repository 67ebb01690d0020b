//! Keys while something lies over the view: prompt, palette, help, menu.

use mldeck_core::text::Text;

use super::{open_subject, run};
use crate::app::{
    command::{Command, Scope},
    field::Field,
    layers::{Act, Help, Layer, Means, Suggestion, suggestions},
    model::Model,
    msg::Effect,
    ops,
    pane::{View, form::FormView, list},
    settings, sign_in, verbs,
};

/// True when a layer was there and took it: what lies below must not act.
pub(super) fn take(model: &mut Model, command: Command, out: &mut Vec<Effect>) -> bool {
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
        Layer::SignIn(_) => {
            if let Layer::SignIn(layer) = layer {
                sign_in::on(model, layer, command, out);
            }
        }
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
pub(in crate::app) fn typed(model: &mut Model) {
    match model.layers.last_mut() {
        Some(Layer::Prompt(prompt)) => {
            let text = prompt.field.text().to_owned();
            apply_filter(model, &text);
        }
        Some(Layer::Palette(palette)) => palette.cursor = 0,
        Some(Layer::Help(help)) => help.cursor = 0,
        Some(Layer::SignIn(sign_in)) => sign_in.typed(),
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
        Means::Theme(name) => settings::choose_theme(model, name, out),
        Means::Quit => out.push(Effect::Quit(0)),
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
                Some(Ok(Act::Plan(intent))) => ops::plan(model, *intent),
                Some(Ok(Act::Fill(blank))) => verbs::open(model, verbs::Opens::Form(FormView::blank(blank))),
                Some(Ok(Act::Several(kind, marked))) => verbs::plan_each(model, kind, marked),
                Some(Ok(Act::Abandon(op))) => ops::abandon(model, &op, out),
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
