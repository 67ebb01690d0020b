//! Routing: each message goes to one function. Nothing here knows a terminal, a clock or a network.

use std::collections::{HashMap, HashSet};

use mldeck_core::{
    ask::{Answer, TrailEvent},
    fault::{Fault, FaultKind},
    resource::{
        Alarm, Endpoint, ModelPackage, Resource, Rows, Run,
        endpoint::{Change, Details},
    },
    text::Text,
    time::Timestamp,
};

use super::{
    bulk,
    command::Scope,
    dispatch,
    layers::Layer,
    model::{Model, Session},
    msg::{At, Effect, Msg, Slot},
    ops,
    pane::{Opened, View, list, table::Table},
    settings, sign_in, target, team,
};
use crate::keys::{Key, Resolution};

/// A walk whose token is no longer good begins again after this long.
const WALK_ANEW_MS: u64 = 10_000;

/// Changes the model by one message. Call [`settle`] once after a burst of them.
pub fn update(model: &mut Model, at: At, msg: Msg) -> Vec<Effect> {
    model.at = at;
    let mut out = Vec::new();
    sign_in::notice(model, &msg);
    match msg {
        Msg::Key { key, burst } => on_key(model, key, burst, &mut out),
        Msg::Paste(text) => on_text(model, &text, true),
        Msg::Resize(width, height) => {
            model.size = (width, height);
            on_top(model, |view, _| view.hidden());
        }
        Msg::Focus(focused) => {
            model.focused = focused;
            model.polls.slow = if focused { 1 } else { 4 };
        }
        Msg::Reply { slot, ticket, result } => {
            if model.polls.answered(slot, ticket, result.as_ref().err(), at.mono) {
                model.heard(slot, result.as_ref().err());
                on_reply(model, slot, result, &mut out);
            }
        }
        Msg::Cached { scope, rows, as_of, .. } => {
            // Late rows of another account or region must never be seen.
            if model.session.scope().or(model.session.presumed.as_ref()) == Some(&scope) {
                on_cached(model, rows, as_of);
            }
        }
        Msg::Presumed(scope) => {
            if model.session.scope().is_none() {
                model.session.presumed = Some(scope);
            }
        }
        Msg::Ledger(result) => {
            ops::on_ledger(model, result);
            ops::resume(model, &mut out);
        }
        Msg::Claimed { op, result } => ops::on_claimed(model, &op, result, &mut out),
        Msg::Journaled { op, record, result } => ops::on_journaled(model, &op, *record, result, &mut out),
        Msg::OpRead { op, ticket, result } => ops::on_read(model, &op, ticket, result, &mut out),
        Msg::OpSent { op, ticket, sent } => ops::on_sent(model, &op, ticket, sent, &mut out),
        Msg::OpLocked { op, ticket, verdict } => ops::on_locked(model, &op, ticket, verdict, &mut out),
        Msg::Shared { left, fault } => team::on_shared(model, left, fault.as_ref()),
        Msg::SignIn { ticket, result } => sign_in::on_step(model, ticket, result),
        Msg::Drawn => on_top(model, |view, model| view.drawn(model)),
        Msg::Stalled => on_top(model, |view, _| view.hidden()),
        Msg::Traffic(traffic) => {
            model.rates.follow(&traffic);
            model.traffic = traffic;
        }
        Msg::Lean(lean) => model.lean = lean,
        Msg::Reloaded(setup) => settings::reloaded(model, *setup, &mut out),
        Msg::ThemeRecalled(name) => settings::theme_recalled(model, name, &mut out),
        Msg::Restyled { theme } => model.theme = theme,
        Msg::Note { text, bad: true } => model.complain(text.to_string()),
        Msg::Note { text, bad: false } => model.say(text.to_string()),
        Msg::Wake => {}
    }
    model.nav.drop_done();
    for view in std::mem::take(&mut model.opening) {
        model.nav.open(view);
    }
    out.append(&mut model.later);
    out
}

/// After a burst: the tables fit their rows, what ran out is dropped, and what is wanted now is asked.
pub fn settle(model: &mut Model, at: At) -> Vec<Effect> {
    model.at = at;
    let now = at.now;
    model.endpoints.settle(now);
    model.executions.settle(now);
    model.runs.settle(now);
    model.packages.settle(now);
    model.monitors.settle(now);
    model.jobs.settle(now);
    model.ledger.settle(now);
    model.status.tick(at.mono);
    if model.session.armed.as_ref().is_some_and(|armed| armed.until <= at.mono) {
        model.session.armed = None;
        model.say("Write mode ended.");
    }
    target::resolve(model);
    sign_in::warn(model);
    let mut out = ops::tick(model);
    bulk::tick(model);
    team::tick(model, &mut out);
    sign_in::offer(model, &mut out);
    let mut wants = identity_wants(model);
    wants.extend(list::wants(model));
    wants.extend(bulk::wants(model));
    for view in model.nav.views() {
        if let View::Opened(view) = view {
            wants.extend(view.wants(model));
        }
    }
    // Two views may want the same slot (a log over a log): the one on top is on screen.
    let mut seen = std::collections::BTreeSet::new();
    let mut unique: Vec<_> = wants.into_iter().rev().filter(|want| seen.insert(want.slot)).collect();
    unique.reverse();
    let loading_before = loading(model);
    out.extend(model.polls.reconcile(unique, at.mono));
    if loading(model) != loading_before {
        for slot in LISTS {
            let is_loading = model.polls.is_loading(slot);
            if let Some(load) = list::load_mut(model, slot) {
                load.loading = is_loading && (load.as_of.is_none() || load.cached);
            }
        }
    }
    out
}

/// Slots of the tables that show when they are read.
const LISTS: [Slot; 6] = [Slot::Endpoints, Slot::Executions, Slot::Runs, Slot::Packages, Slot::Monitors, Slot::Jobs];

fn loading(model: &Model) -> [bool; LISTS.len()] {
    LISTS.map(|slot| model.polls.is_loading(slot))
}

/// The endpoints that serve each version, as far as their details were read.
fn where_live(model: &Model, rows: &mut [ModelPackage]) {
    let mut serving: HashMap<&str, Vec<Text>> = HashMap::new();
    for endpoint in model.endpoints.rows() {
        let variants = endpoint.details.iter().flat_map(|details| &details.variants);
        for label in variants.filter_map(|variant| variant.label.as_ref()) {
            let names = serving.entry(label.as_str()).or_default();
            if names.last() != Some(&endpoint.name) {
                names.push(endpoint.name.clone());
            }
        }
    }
    for row in rows {
        let label = mldeck_core::id::version_label(row.arn.as_str());
        row.live_on = label.and_then(|label| serving.get(label.as_str()).cloned()).unwrap_or_default();
    }
}

fn identity_wants(model: &Model) -> Vec<super::polls::Want> {
    use mldeck_core::ask::Ask;
    vec![super::polls::Want::every(Slot::Identity, Ask::Identity, sign_in::cadence(model))]
}

/// The scopes that a key is looked up in now.
pub fn scopes(model: &Model) -> Vec<Scope> {
    model.layers.last().map_or_else(|| model.nav.top().scopes().to_vec(), Layer::scopes)
}

fn on_key(model: &mut Model, key: Key, burst: bool, out: &mut Vec<Effect>) {
    model.status.key();
    let scopes = scopes(model);
    match model.keymap.resolve(&scopes, &model.pending, key) {
        Resolution::Command(command) => {
            model.pending.clear();
            dispatch::run(model, command, burst, out);
        }
        Resolution::Pending(_) => model.pending.push(key),
        Resolution::None => {
            model.pending.clear();
            if scopes.contains(&Scope::Text) {
                if let Some(c) = key.typed() {
                    on_text(model, c.encode_utf8(&mut [0; 4]), burst);
                }
            } else if model.keymap.is_caps_lock(&scopes, key) {
                model.say("Is Caps Lock on? Capitals are the keys that change things.");
            }
        }
    }
}

fn on_text(model: &mut Model, text: &str, burst: bool) {
    if let Some(layer) = model.layers.last_mut() {
        if let Some(field) = layer.field() {
            field.insert(text);
            dispatch::typed(model);
        }
        return;
    }
    match model.nav.take_top() {
        Some(View::Opened(mut view)) => {
            view.type_in(model, text, burst);
            model.nav.put_back(View::Opened(view));
        }
        Some(list) => model.nav.put_back(list),
        None => {}
    }
}

fn on_top(model: &mut Model, act: impl FnOnce(&mut dyn Opened, &Model)) {
    match model.nav.take_top() {
        Some(View::Opened(mut view)) => {
            act(view.as_mut(), model);
            model.nav.put_back(View::Opened(view));
        }
        Some(list) => model.nav.put_back(list),
        None => {}
    }
}

fn on_cached(model: &mut Model, rows: Rows, as_of: Timestamp) {
    macro_rules! fill {
        ($table:expr, $rows:expr) => {
            // The first screen comes first, the whole table after it, and pages of a walk may be in between.
            if $table.load.as_of.is_none() || $table.load.cached {
                $table.fill($rows);
                $table.load.as_of = Some(as_of);
                $table.load.cached = true;
            }
        };
    }
    match rows {
        Rows::Endpoint(rows) => fill!(model.endpoints, rows),
        Rows::Execution(rows) => fill!(model.executions, rows),
        Rows::Run(rows) => fill!(model.runs, rows),
        Rows::Monitor(rows) => fill!(model.monitors, rows),
        Rows::ModelPackage(rows) => fill!(model.packages, rows),
        Rows::Job(rows) => fill!(model.jobs, rows),
        Rows::Alarm(_) | Rows::Operation(_) => {}
    }
}

fn on_reply(model: &mut Model, slot: Slot, result: Result<Answer, Fault>, out: &mut Vec<Effect>) {
    if slot == Slot::BulkFacts {
        return bulk::on_facts(model, result, out);
    }
    if model.frozen && slot != Slot::Identity {
        return;
    }
    if to_view(model, slot, &result) {
        return;
    }
    match result {
        Err(fault) => on_fault(model, slot, fault),
        Ok(answer) => on_answer(model, slot, answer, out),
    }
}

/// Opened views get answers to their own slots, the top one first.
fn to_view(model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
    let mut taken = Vec::new();
    let mut handled = false;
    while let Some(view) = model.nav.take_top() {
        let View::Opened(mut view) = view else {
            taken.push(view);
            break;
        };
        handled = view.reply(model, slot, result);
        taken.push(View::Opened(view));
        if handled {
            break;
        }
    }
    for view in taken.into_iter().rev() {
        model.nav.put_back(view);
    }
    handled
}

fn on_fault(model: &mut Model, slot: Slot, fault: Fault) {
    if slot == Slot::Identity {
        let known = matches!(model.session.identity, Some(Ok(_)));
        if !known || !fault.is_passing() {
            model.session.identity = Some(Err(fault));
        }
        return;
    }
    // A token is good for a while only: the walk begins anew. Soon, and not at once: where no token is ever taken it would
    // begin without end.
    if fault.kind == FaultKind::Invalid
        && let Some(load) = list::load_mut(model, slot)
        && load.more.take().is_some()
    {
        if slot == Slot::Runs {
            // Later walks are from a moment on, and this one has not been whole.
            load.as_of = None;
        }
        model.polls.hurry(slot, model.at.mono.plus(WALK_ANEW_MS));
    }
    match slot {
        Slot::Details | Slot::Vitals | Slot::Alarms | Slot::Changes => {
            let gap = format!("{}: {}", fault.doing, fault.kind.brief());
            model.endpoints.load.gaps.insert(slot, gap);
        }
        Slot::OpenDetails => model.complain(fault.to_string()),
        _ => {
            if let Some(load) = list::load_mut(model, slot) {
                load.loading = false;
                load.fault = Some(fault);
            }
        }
    }
}

fn on_answer(model: &mut Model, slot: Slot, answer: Answer, out: &mut Vec<Effect>) {
    let now = model.now();
    match answer {
        Answer::Identity(identity) => dispatch::on_identity(model, &identity, out),
        Answer::Endpoints { rows, more } => {
            let pages = model.endpoints.load.turn(more);
            // Events are about the whole account, and a page of it is new.
            let came = rows.iter().filter(|row| model.endpoints.get(&row.name).is_none());
            let came: HashSet<Text> = came.map(|row| row.name.clone()).collect();
            model.endpoints.walk(rows, pages, differs, carry_endpoint);
            let undescribed = |name: &Text| model.endpoints.get(name).is_none_or(|row| row.details.is_none());
            model.details_read.retain(|name, _| !undescribed(name));
            if !came.is_empty() {
                join_endpoints(model, |name| came.contains(name));
            }
            if pages.last {
                arrived(model, Slot::Endpoints);
                // As the next start shows them, however they are sorted now.
                keep(&model.session, &mut model.endpoints, true, now, out);
            }
        }
        Answer::Details(all) => on_details(model, all, now),
        Answer::Vitals(all) => {
            for (name, vitals) in all {
                model.endpoints.change(&name, |row| put(&mut row.vitals, Some(vitals)));
            }
            model.endpoints.load.gaps.remove(&Slot::Vitals);
        }
        Answer::Alarms(alarms) => {
            model.alarms = alarms;
            model.alarms_read = true;
            join_endpoints(model, |_| true);
            model.endpoints.load.gaps.remove(&Slot::Alarms);
        }
        Answer::Changes(events) => {
            merge_changes(&mut model.changes, events);
            join_endpoints(model, |_| true);
            model.endpoints.load.gaps.remove(&Slot::Changes);
        }
        Answer::Executions(rows) => {
            if model.executions.load.cached {
                model.executions.replace(rows);
            } else {
                model.executions.upsert(rows, |_, _| {});
            }
            arrived(model, Slot::Executions);
            keep(&model.session, &mut model.executions, false, now, out);
        }
        Answer::Runs { rows, more } => {
            let pages = model.runs.load.turn(more);
            // A run may come twice, as a job and as a component, each on a page of its own.
            let complete = |known: &Run, row: &mut Run| row.complete_from(known);
            if model.runs.load.is_fresh() {
                model.runs.upsert(rows, complete);
            } else {
                model.runs.walk(rows, pages, |old, new| old != new, |known, row| complete(known, row));
            }
            choose_metric_columns(model);
            if pages.last {
                arrived(model, Slot::Runs);
                keep(&model.session, &mut model.runs, false, now, out);
            }
        }
        Answer::Packages(mut rows) => {
            where_live(model, &mut rows);
            model.packages.replace(rows);
            arrived(model, Slot::Packages);
            keep(&model.session, &mut model.packages, false, now, out);
        }
        Answer::Jobs { rows, gaps } => {
            if let Some(gap) = gaps.first() {
                model.complain(format!("Not all could be read: {gap}"));
            }
            model.jobs.replace(rows);
            arrived(model, Slot::Jobs);
            keep(&model.session, &mut model.jobs, false, now, out);
        }
        Answer::Monitors(rows) => {
            model.monitors.replace(rows);
            arrived(model, Slot::Monitors);
            keep(&model.session, &mut model.monitors, false, now, out);
        }
        Answer::Seen(_)
        | Answer::Measured(_)
        | Answer::Series(_)
        | Answer::Logs(_)
        | Answer::Execution(_)
        | Answer::RunSeries(_)
        | Answer::Drift(_)
        | Answer::Facts(_)
        | Answer::TeamTable(_)
        | Answer::TeamLocks(_)
        | Answer::TeamRecords(_)
        | Answer::Raw(_) => {
            // Its view was closed while it was on the way.
            let _ = slot;
        }
    }
}

fn arrived(model: &mut Model, slot: Slot) {
    let now = model.now();
    if let Some(load) = list::load_mut(model, slot) {
        load.as_of = Some(now);
        load.cached = false;
        load.fault = None;
        load.loading = false;
    }
}

/// Rows that changed are kept for the next start, which reads the first screen first: `worst_first` where it shows them so.
/// Of the others only that they are still true.
fn keep<R: Resource>(session: &Session, table: &mut Table<R>, worst_first: bool, at: Timestamp, out: &mut Vec<Effect>)
where
    Rows: From<Vec<R>>,
{
    let Some(scope) = session.scope().cloned() else { return };
    out.push(if table.take_unkept() {
        Effect::Keep { scope, rows: table.rows().to_vec().into(), worst_first, at }
    } else {
        Effect::Still { scope, kind: R::KIND, at }
    });
}

/// True when the list tells something new about an endpoint. The compiler asks, of each field, whether a list knows it.
fn differs(old: &Endpoint, new: &Endpoint) -> bool {
    let Endpoint { name, arn, status, created, modified, details: _, vitals: _, alarms: _, change: _ } = new;
    (name, arn, status, created, modified) != (&old.name, &old.arn, &old.status, &old.created, &old.modified)
}

/// A list row does not know what Describe, CloudWatch and CloudTrail said. Details of before a change are not carried: an
/// old model must not stand beside a new time.
fn carry_endpoint(old: &mut Endpoint, new: &mut Endpoint) {
    if old.modified == new.modified || new.status.is_in_flight() {
        new.details = old.details.take();
    }
    new.vitals = old.vitals.take();
    new.alarms = std::mem::take(&mut old.alarms);
    new.change = old.change.take();
}

fn on_details(model: &mut Model, all: Vec<(Text, Result<Details, Fault>)>, now: Timestamp) {
    model.endpoints.load.gaps.remove(&Slot::Details);
    for (name, result) in all {
        match result {
            Ok(mut details) => {
                if let Some(row) = model.endpoints.row_mut(&name) {
                    let newest = row.details.as_ref().map_or(row.modified, |known| known.modified.max(row.modified));
                    // The list, or a Describe, came in while the index was asked: it lags, and is asked again.
                    if details.indexed && details.modified.secs() < newest.secs() {
                        continue;
                    }
                    if let Some(status) = &details.status {
                        row.status = status.clone();
                    }
                    if let Some(known) = &row.details {
                        details.complete_from(known);
                    }
                    let unread = details.unread.clone();
                    row.details = Some(details);
                    model.endpoints.load.gaps.extend(unread.map(|why| (Slot::Details, why.to_string())));
                }
                model.details_read.insert(name, now);
            }
            Err(fault) => {
                // Asked again after a while, not every poll.
                model.details_read.insert(name, now);
                on_fault(model, Slot::Details, fault);
            }
        }
    }
}

/// Alarms and changes belong to rows, here to those that it is `about`. Most rows have neither: they are passed by without a
/// look into a map.
fn join_endpoints(model: &mut Model, about: impl Fn(&Text) -> bool) {
    let mut alarms: HashMap<Text, Vec<Alarm>> = HashMap::new();
    for alarm in &model.alarms {
        if let Some(endpoint) = alarm.endpoint().filter(|endpoint| about(endpoint)) {
            alarms.entry(endpoint.clone()).or_default().push(alarm.clone());
        }
    }
    let mut changes: HashMap<Text, Change> = HashMap::new();
    for event in model.changes.iter().filter(|event| about(&event.endpoint)) {
        if let Some(change) = event.change() {
            changes.entry(event.endpoint.clone()).or_insert(change);
        }
    }
    model.endpoints.change_each(|row| {
        let over = !row.alarms.is_empty() && about(&row.name) && !alarms.contains_key(&row.name);
        if over {
            row.alarms = Vec::new();
        }
        over
    });
    for (name, alarms) in alarms {
        model.endpoints.change(&name, |row| put(&mut row.alarms, alarms));
    }
    for (name, change) in changes {
        model.endpoints.change(&name, |row| put(&mut row.change, Some(change)));
    }
}

/// True when it was another.
fn put<T: PartialEq>(place: &mut T, value: T) -> bool {
    let changed = *place != value;
    *place = value;
    changed
}

/// Newest first, each event once: deliveries may be late, so a new answer may hold older events.
fn merge_changes(known: &mut Vec<TrailEvent>, events: Vec<TrailEvent>) {
    let ids: std::collections::HashSet<Text> = known.iter().map(|event| event.event_id.clone()).collect();
    known.extend(events.into_iter().filter(|event| !ids.contains(&event.event_id)));
    known.sort_by_key(|event| std::cmp::Reverse(event.at));
}

/// The most common metrics become columns, so that runs can be read and sorted at once.
fn choose_metric_columns(model: &mut Model) {
    const COLUMNS: usize = 3;
    if !model.runs.extra().is_empty() {
        return;
    }
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for row in model.runs.rows().iter().take(1_000) {
        for (name, _) in &row.metrics {
            *counts.entry(name.as_str()).or_default() += 1;
        }
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let names = names.into_iter().take(COLUMNS).map(|(name, _)| name.to_owned()).collect();
    model.runs.set_extra(names);
}
