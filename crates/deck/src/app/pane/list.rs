//! The list panes: what they want, what keys do, what opens.

use mldeck_core::{
    ask::{Ask, RowOf, VitalsOf},
    column::Tone,
    resource::{Endpoint, Execution, Job, Kind, ModelPackage, Monitor, Operation, Resource, Run},
    text::Text,
    time::{DAY, HOUR, MINUTE},
};

use super::{
    Pane, Subject, View,
    compare::Compare,
    drift::DriftView,
    endpoint::EndpointView,
    execution::ExecutionView,
    facts::FactsView,
    operation::OperationView,
    table::{Load, Table, fault_notice},
};
use crate::app::{
    command::Command,
    look::{Grid, Look, Notice},
    model::Model,
    msg::Slot,
    polls::Want,
    screen,
};

/// How far back runs and executions are walked.
const RUNS_SINCE: i64 = 90 * DAY;
const EXECUTIONS_SINCE: i64 = 30 * DAY;
/// The index behind Search lags: every delta overlaps by this.
const INDEX_LAG: i64 = 3 * MINUTE;
/// CloudTrail keeps 90 days; its history is read once and then from the newest event on.
const TRAIL_SINCE: i64 = 90 * DAY;
/// Details of an endpoint at rest are read again after this long on screen.
const DETAILS_FRESH: i64 = 10 * MINUTE;

pub fn endpoints() -> Table<Endpoint> {
    Table::new(
        Some(("health", false)),
        &[
            "No endpoints in this account and region.",
            "Is it the right one? The header shows where you are; --profile and --region start elsewhere.",
            "Endpoints appear here as soon as one is created.",
        ],
    )
}

pub fn executions() -> Table<Execution> {
    Table::new(
        Some(("started", true)),
        &["No pipeline ran in the last 30 days.", "Runs appear here as soon as one starts."],
    )
}

pub fn runs() -> Table<Run> {
    Table::new(
        Some(("created", true)),
        &["No training jobs or trial components in the last 90 days.", "They appear here as soon as one starts."],
    )
}

pub fn packages() -> Table<ModelPackage> {
    Table::new(
        Some(("created", true)),
        &["No versions are registered here.", "A model package appears here as soon as a pipeline registers one."],
    )
}

pub fn jobs() -> Table<Job> {
    Table::new(
        Some(("created", true)),
        &[
            "No processing, transform or labeling jobs, shadow tests or human loops in the last 90 days.",
            "Training jobs are runs: 4 lists them.",
        ],
    )
}

pub fn monitors() -> Table<Monitor> {
    Table::new(
        Some(("health", false)),
        &[
            "No monitoring schedules.",
            "Model Monitor is closed to new customers; drift metrics published to CloudWatch show on the endpoint.",
        ],
    )
}

pub fn ledger() -> Table<Operation> {
    Table::new(
        Some(("started", true)),
        &["Nothing was changed from here yet.", "B on an endpoint plans a way back; what you confirm is listed here."],
    )
}

/// Calls `$body` with `$table` bound to the table of the pane; `None` for panes without one.
#[macro_export]
macro_rules! with_table {
    ($model:expr, $pane:expr, $table:ident => $body:expr) => {
        match $pane {
            $crate::app::pane::Pane::Endpoints => {
                let $table = &mut $model.endpoints;
                Some($body)
            }
            $crate::app::pane::Pane::Pipelines => {
                let $table = &mut $model.executions;
                Some($body)
            }
            $crate::app::pane::Pane::Experiments => {
                let $table = &mut $model.runs;
                Some($body)
            }
            $crate::app::pane::Pane::Registry => {
                let $table = &mut $model.packages;
                Some($body)
            }
            $crate::app::pane::Pane::Jobs => {
                let $table = &mut $model.jobs;
                Some($body)
            }
            $crate::app::pane::Pane::Drift => {
                let $table = &mut $model.monitors;
                Some($body)
            }
            $crate::app::pane::Pane::Ledger => {
                let $table = &mut $model.ledger;
                Some($body)
            }
            _ => None,
        }
    };
}

pub fn grid(model: &Model, pane: Pane) -> Option<&dyn Grid> {
    Some(match pane {
        Pane::Endpoints => &model.endpoints,
        Pane::Pipelines => &model.executions,
        Pane::Experiments => &model.runs,
        Pane::Registry => &model.packages,
        Pane::Jobs => &model.jobs,
        Pane::Drift => &model.monitors,
        Pane::Ledger => &model.ledger,
        _ => return None,
    })
}

pub fn load_mut(model: &mut Model, slot: Slot) -> Option<&mut Load> {
    Some(match slot {
        Slot::Endpoints => &mut model.endpoints.load,
        Slot::Executions => &mut model.executions.load,
        Slot::Runs => &mut model.runs.load,
        Slot::Packages => &mut model.packages.load,
        Slot::Jobs => &mut model.jobs.load,
        Slot::Monitors => &mut model.monitors.load,
        _ => return None,
    })
}

pub fn look(model: &Model, pane: Pane) -> Look<'_> {
    let grid = grid(model, pane);
    // Nothing is asked before it is known who asks: an empty table would say that it loads.
    if let (Some(Err(fault)), Some(grid)) = (&model.session.identity, grid)
        && grid.total() == 0
        && pane != Pane::Ledger
    {
        return Look::Notice(fault_notice(fault, Tone::Bad));
    }
    grid.map_or_else(
        || {
            Look::Notice(
                Notice::new(Tone::Dim, format!("{} is not in this version.", pane.title()))
                    .line("Here are: 2 Endpoints, 3 Pipelines, 4 Experiments, 5 Registry, 6 Drift, 8 Jobs, 9 Ledger."),
            )
        },
        Look::Grid,
    )
}

/// What the cursor is on.
pub fn subject(model: &Model, pane: Pane) -> Option<Subject> {
    subjects(model, pane, false).pop()
}

/// The marked rows, in the order in which they stand. Of the ledger nothing is done to several.
pub fn marked(model: &Model, pane: Pane) -> Vec<Subject> {
    if pane == Pane::Ledger { Vec::new() } else { subjects(model, pane, true) }
}

fn subjects(model: &Model, pane: Pane, marked: bool) -> Vec<Subject> {
    fn of<R: Resource>(table: &Table<R>, marked: bool, arn: impl Fn(&R) -> Option<Text>) -> Vec<Subject> {
        let rows: Vec<&R> = match marked {
            true if table.has_marks() => table.chosen(),
            true => Vec::new(),
            false => table.selected_row().into_iter().collect(),
        };
        rows.into_iter().map(|row| Subject { kind: R::KIND, name: row.name().clone(), arn: arn(row) }).collect()
    }
    match pane {
        Pane::Endpoints => of(&model.endpoints, marked, |row| Some(row.arn.clone())),
        Pane::Pipelines => of(&model.executions, marked, |row| Some(row.arn.clone())),
        Pane::Experiments => of(&model.runs, marked, |row| Some(row.arn.clone())),
        Pane::Registry => of(&model.packages, marked, |row| Some(row.arn.clone())),
        Pane::Drift => of(&model.monitors, marked, |row| Some(row.arn.clone())),
        Pane::Jobs => of(&model.jobs, marked, |row| (!row.arn.is_empty()).then(|| row.arn.clone())),
        Pane::Ledger => of(&model.ledger, marked, |_| None),
        _ => Vec::new(),
    }
}

/// Motions, marks, sort and the like; false when the command is not a table's.
pub fn on(model: &mut Model, pane: Pane, command: Command) -> bool {
    let size = model.size;
    let page = isize::try_from(screen::table_height(size)).unwrap_or(1).max(1);
    with_table!(model, pane, table => on_table(table, command, page, size.0)).unwrap_or(false)
}

fn on_table<R: Resource>(table: &mut Table<R>, command: Command, page: isize, width: u16) -> bool {
    table.choose();
    match command {
        Command::Next => table.move_by(1),
        Command::Previous => table.move_by(-1),
        Command::PageDown => table.move_by(page),
        Command::PageUp => table.move_by(-page),
        Command::HalfDown => table.move_by((page / 2).max(1)),
        Command::HalfUp => table.move_by(-(page / 2).max(1)),
        Command::First => table.move_to_end(false),
        Command::Last => table.move_to_end(true),
        Command::Mark => table.toggle_mark(),
        Command::MarkRange => table.toggle_range(),
        Command::Unmark => {
            table.clear_marks();
        }
        Command::Sort => table.next_sort(width),
        Command::InvertSort => table.invert_sort(),
        Command::SortByName => table.sort_by(R::COLUMNS[0].name, false),
        Command::SortByAge => {
            let ages = ["started", "created", "changed", "ran", "since"];
            if let Some(column) = R::COLUMNS.iter().find(|column| ages.contains(&column.name)) {
                table.sort_by(column.name, true);
            }
        }
        Command::SortByHealth => table.sort_by("health", false),
        Command::Wide => table.wide = !table.wide,
        Command::Problems => {
            let only = !table.problems_only;
            table.set_problems_only(only);
        }
        _ => return false,
    }
    true
}

/// `Esc` at a list: filter, then marks. False when there is nothing to leave.
pub fn step_back(model: &mut Model, pane: Pane) -> bool {
    with_table!(model, pane, table => {
        if table.clear_marks() {
            true
        } else if !table.filter().is_empty() {
            table.set_filter("");
            true
        } else if table.problems_only {
            table.set_problems_only(false);
            true
        } else {
            false
        }
    })
    .unwrap_or(false)
}

/// What Enter opens.
pub fn open(model: &Model, pane: Pane) -> Option<View> {
    Some(View::Opened(match pane {
        Pane::Endpoints => Box::new(EndpointView::new(model.endpoints.selected()?.clone())),
        Pane::Pipelines => Box::new(ExecutionView::new(model.executions.selected_row()?)),
        Pane::Experiments => Box::new(Compare::one(model.runs.selected_row()?)),
        Pane::Registry => {
            let row = model.packages.selected_row()?;
            let subject = Subject { kind: Kind::ModelPackage, name: row.name.clone(), arn: Some(row.arn.clone()) };
            Box::new(FactsView::new(subject))
        }
        Pane::Jobs => {
            let row = model.jobs.selected_row()?;
            Box::new(FactsView::new(Subject { kind: Kind::Job, name: row.name.clone(), arn: None }))
        }
        Pane::Drift => Box::new(DriftView::new(model.monitors.selected_row()?)),
        Pane::Ledger => Box::new(OperationView::new(model.ledger.selected()?.clone())),
        _ => return None,
    }))
}

/// What `d` opens: every fact about the row.
pub fn describe(subject: &Subject) -> View {
    View::Opened(Box::new(FactsView::new(subject.clone())))
}

/// What is wanted whichever view is on top: the lists, at their visible or hidden pace.
pub fn wants(model: &Model) -> Vec<Want> {
    if model.session.scope().is_none() {
        return Vec::new();
    }
    let now = model.now();
    let shown = model.nav.pane();
    let pace = |pane: Pane, visible: u64, hidden: u64| if shown == pane { visible } else { hidden };
    let since = |as_of: Option<mldeck_core::time::Timestamp>, first: i64| match as_of {
        Some(at) => at.plus(-INDEX_LAG),
        None => now.plus(-first),
    };
    let trail_since = model.changes.first().map_or_else(|| now.plus(-TRAIL_SINCE), |event| event.at.plus(-HOUR));
    let mut wants = vec![
        Want::every(
            Slot::Endpoints,
            Ask::Endpoints { more: model.endpoints.load.more.clone() },
            pace(Pane::Endpoints, 20, 60),
        ),
        Want::every(Slot::Alarms, Ask::Alarms, 60),
        Want::every(Slot::Changes, Ask::Changes { since: trail_since }, 600),
        Want::every(
            Slot::Executions,
            Ask::Executions { since: since(fresh(&model.executions.load), EXECUTIONS_SINCE) },
            pace(Pane::Pipelines, 30, 90),
        ),
    ];
    if shown == Pane::Experiments || model.runs.load.as_of.is_some() || model.runs.load.more.is_some() {
        let ask = Ask::Runs { since: since(fresh(&model.runs.load), RUNS_SINCE), more: model.runs.load.more.clone() };
        wants.push(Want::every(Slot::Runs, ask, pace(Pane::Experiments, 60, 180)));
    }
    if shown == Pane::Registry || model.packages.load.as_of.is_some() {
        wants.push(Want::every(Slot::Packages, Ask::Packages, pace(Pane::Registry, 60, 300)));
    }
    if shown == Pane::Jobs || model.jobs.load.as_of.is_some() {
        let ask = Ask::Jobs { since: now.plus(-RUNS_SINCE) };
        wants.push(Want::every(Slot::Jobs, ask, pace(Pane::Jobs, 60, 300)));
    }
    if shown == Pane::Drift || model.monitors.load.as_of.is_some() {
        wants.push(Want::every(Slot::Monitors, Ask::Monitors, pace(Pane::Drift, 120, 300)));
    }
    if shown == Pane::Endpoints && model.nav.depth() == 1 {
        wants.extend(visible_endpoints(model));
    }
    wants
}

/// A cached load does not say what AWS has seen of us: the first walk is whole.
fn fresh(load: &Load) -> Option<mldeck_core::time::Timestamp> {
    load.as_of.filter(|_| load.is_fresh())
}

/// Details and vitals of the rows on screen.
fn visible_endpoints(model: &Model) -> Vec<Want> {
    let now = model.now();
    let rows: Vec<&Endpoint> = model.endpoints.visible(screen::table_height(model.size)).collect();
    let stale = |row: &&&Endpoint| match model.details_read.get(&row.name) {
        None => true,
        Some(at) => row.status.is_in_flight() || now.since(*at) > DETAILS_FRESH,
    };
    let mut wants = Vec::new();
    let mut read: Vec<&Endpoint> = rows.iter().filter(stale).copied().collect();
    // An answer may leave rows out that take calls of their own: the row under the cursor and those that were never read
    // come first, and those in flight take turns.
    let selected = model.endpoints.selected();
    read.sort_by_key(|row| (model.details_read.get(&row.name), Some(&row.name) != selected));
    if !read.is_empty() {
        let rows = read.into_iter().map(RowOf::of).collect();
        wants.push(Want::every(Slot::Details, Ask::Rows { rows, instances: false }, 15));
    }
    let vitals: Vec<VitalsOf> = rows
        .iter()
        .filter_map(|row| {
            let details = row.details.as_ref()?;
            let variants = details.variants.iter().map(|variant| variant.name.clone()).collect();
            Some(VitalsOf { endpoint: row.name.clone(), variants })
        })
        .collect();
    if !vitals.is_empty() {
        wants.push(Want::every(Slot::Vitals, Ask::Vitals(vitals), 60));
    }
    wants
}

/// The names of the kind that a pane lists, for completion.
pub fn names(model: &Model, kind: Kind) -> Vec<Text> {
    fn of<R: Resource>(table: &Table<R>) -> Vec<Text> {
        table.rows().iter().map(|row| row.name().clone()).collect()
    }
    match kind {
        Kind::Endpoint => of(&model.endpoints),
        Kind::Execution => of(&model.executions),
        Kind::Run => of(&model.runs),
        Kind::Monitor => of(&model.monitors),
        Kind::Operation => of(&model.ledger),
        Kind::ModelPackage => of(&model.packages),
        Kind::Job => of(&model.jobs),
        Kind::Alarm => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mldeck_core::{
        ask::{Answer, TrailEvent},
        resource::{
            Alarm,
            alarm::AlarmState,
            endpoint::{Details, EndpointStatus},
        },
        scope::{Identity, Scope},
        time::{Monotonic, Timestamp},
    };

    use super::*;
    use crate::{
        app::{At, Effect, Msg, Ticket, model::Session, update},
        config::{self, Environment, Files, Overrides},
    };

    const CHANGED: Timestamp = Timestamp::from_millis(1_795_400_000_000);

    fn at(mono: u64) -> At {
        At { now: CHANGED.plus(HOUR), mono: Monotonic::from_millis(mono) }
    }

    fn row(name: &str, status: EndpointStatus) -> Endpoint {
        Endpoint {
            name: Text::new(name),
            arn: Text::default(),
            status,
            created: CHANGED,
            modified: CHANGED,
            details: None,
            vitals: None,
            alarms: Vec::new(),
            change: None,
        }
    }

    fn model(rows: Vec<Endpoint>) -> Model {
        let setup = config::load(Files::default(), &Environment::default(), Overrides::default());
        let mut model = Model::new(&setup, Session::new(&setup.config), None, (160, 40), at(1_000));
        let (scope, arn) = (Scope::new("aws", "447100000921", "eu-west-1"), Text::default());
        model.session.identity = Some(Ok(Identity { scope, arn, source: Text::default(), expires: None }));
        model.endpoints.replace(rows);
        model.endpoints.sort_by("name", false);
        model.endpoints.settle(model.now());
        model
    }

    fn asked(effects: &[Effect]) -> Option<(Ticket, Vec<RowOf>)> {
        effects.iter().find_map(|effect| match effect {
            Effect::Ask { slot: Slot::Details, ticket, ask: Ask::Rows { rows, .. } } => Some((*ticket, rows.clone())),
            _ => None,
        })
    }

    fn names(rows: &[RowOf]) -> Vec<&str> {
        rows.iter().map(|row| row.endpoint.as_str()).collect()
    }

    #[test]
    fn the_row_under_the_cursor_is_read_first_and_those_in_flight_take_turns() {
        let (rest, busy) = (EndpointStatus::InService, EndpointStatus::Updating);
        let mut model = model(vec![
            row("a", busy.clone()),
            row("b", rest.clone()),
            row("c", rest.clone()),
            row("d", busy),
            row("e", rest),
        ]);
        model.endpoints.select(&Text::new("c"));
        for (name, seconds) in [("a", 2), ("b", 1), ("d", 1)] {
            model.details_read.insert(Text::new(name), model.now().plus(-seconds * 1_000));
        }
        let wants = visible_endpoints(&model);
        let Ask::Rows { rows, instances: false } = &wants[0].ask else { panic!("{wants:?}") };
        assert_eq!(names(rows), ["c", "e", "a", "d"], "b was read and is at rest");
        let at_rest: Vec<bool> = rows.iter().map(|row| row.at_rest.is_some()).collect();
        assert_eq!(at_rest, [true, true, false, false]);
    }

    #[test]
    fn what_describe_said_follows_its_endpoint_and_not_one_that_changed_since() {
        let listed = |name: &str| row(name, EndpointStatus::InService);
        let described = |name: &str| {
            let config = Text::new(&format!("config-of-{name}"));
            Endpoint { details: Some(Details { config, ..Details::default() }), ..listed(name) }
        };
        let mut model = model(["a", "b", "c", "d"].map(described).to_vec());
        let mut poll = |mono: u64, rows: Vec<Endpoint>| {
            let ticket = update::settle(&mut model, at(mono)).into_iter().find_map(|effect| match effect {
                Effect::Ask { slot: Slot::Endpoints, ticket, .. } => Some(ticket),
                _ => None,
            });
            let (slot, ticket) = (Slot::Endpoints, ticket.expect("the list is asked for"));
            let result = Ok(Answer::Endpoints { rows, more: None });
            update::update(&mut model, at(mono), Msg::Reply { slot, ticket, result });
            let config = |row: &Endpoint| row.details.as_ref().map(|details| details.config.to_string());
            model.endpoints.rows().iter().map(|row| (row.name.to_string(), config(row))).collect::<Vec<_>>()
        };
        let known = |name: &str| (name.to_owned(), Some(format!("config-of-{name}")));
        let unknown = |name: &str| (name.to_owned(), None);
        let changed = |name: &str| Endpoint { modified: CHANGED.plus(MINUTE), ..listed(name) };

        let in_place = poll(1_000, vec![listed("a"), changed("b"), listed("c"), listed("d")]);
        assert_eq!(in_place, [known("a"), unknown("b"), known("c"), known("d")]);
        let moved = poll(30_000, vec![listed("d"), changed("c"), listed("new"), listed("a")]);
        assert_eq!(moved, [known("d"), unknown("c"), unknown("new"), known("a")]);
    }

    #[test]
    fn endpoints_are_kept_as_the_next_start_shows_them_however_they_are_sorted_now() {
        let mut model = model(vec![row("a", EndpointStatus::InService)]);
        model.endpoints.sort_by("name", true);
        let ticket = update::settle(&mut model, at(1_000)).into_iter().find_map(|effect| match effect {
            Effect::Ask { slot: Slot::Endpoints, ticket, .. } => Some(ticket),
            _ => None,
        });
        let (slot, ticket) = (Slot::Endpoints, ticket.expect("the list is asked for"));
        let result = Ok(Answer::Endpoints { rows: vec![row("b", EndpointStatus::Failed)], more: None });
        let effects = update::update(&mut model, at(1_000), Msg::Reply { slot, ticket, result });
        let kept = |effect: &Effect| matches!(effect, Effect::Keep { worst_first: true, .. });
        assert!(effects.iter().any(kept), "{effects:?}");
    }

    #[test]
    fn alarms_and_changes_stand_on_their_rows_for_as_long_as_they_are() {
        let mut model = model(["a", "b"].map(|name| row(name, EndpointStatus::InService)).to_vec());
        let mut tickets = BTreeMap::new();
        let mut answer = |mono: u64, slot: Slot, answer: Answer| {
            tickets.extend(update::settle(&mut model, at(mono)).into_iter().filter_map(|effect| match effect {
                Effect::Ask { slot, ticket, .. } => Some((slot, ticket)),
                _ => None,
            }));
            let ticket = tickets[&slot];
            update::update(&mut model, at(mono), Msg::Reply { slot, ticket, result: Ok(answer) });
            let alarms = |row: &Endpoint| row.alarms.iter().map(|alarm| alarm.name.to_string()).collect::<Vec<_>>();
            let by = |row: &Endpoint| row.change.as_ref().map(|change| change.by.to_string());
            model.endpoints.rows().iter().map(|row| (alarms(row), by(row))).collect::<Vec<_>>()
        };
        let alarm = |name: &str, endpoint: &str| Alarm {
            name: Text::new(name),
            arn: Text::default(),
            state: AlarmState::Alarm,
            since: None,
            reason: Text::default(),
            metric: None,
            dimensions: vec![(Text::new("EndpointName"), Text::new(endpoint))],
            rule: None,
            threshold: None,
            comparison: None,
            period_secs: None,
            evaluation_periods: None,
            has_actions: false,
        };
        let change = |id: &str, by: &str, endpoint: &str| TrailEvent {
            at: CHANGED,
            name: Text::new("UpdateEndpoint"),
            endpoint: Text::new(endpoint),
            config: None,
            by: Text::new(by),
            error: None,
            event_id: Text::new(id),
        };
        let of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();

        let alarms = vec![alarm("5xx", "a"), alarm("p99", "a"), alarm("of nothing here", "x")];
        assert_eq!(answer(1_000, Slot::Alarms, Answer::Alarms(alarms)), [(of(&["5xx", "p99"]), None), (of(&[]), None)]);
        let changes = vec![change("1", "mira", "b"), change("2", "ci", "x")];
        let mira = Some("mira".to_owned());
        let joined = answer(1_000, Slot::Changes, Answer::Changes(changes));
        assert_eq!(joined, [(of(&["5xx", "p99"]), None), (of(&[]), mira.clone())]);
        // A page of a walk brings a row that both were about before.
        let page = |names: &[&str], more: Option<&str>| {
            let rows = names.iter().map(|name| row(name, EndpointStatus::InService)).collect();
            Answer::Endpoints { rows, more: more.map(Text::new) }
        };
        let came = answer(1_000, Slot::Endpoints, page(&["x"], Some("more")));
        assert_eq!(came[2], (of(&["of nothing here"]), Some("ci".to_owned())));
        let walked = answer(1_000, Slot::Endpoints, page(&["b", "a"], None));
        let x = (of(&["of nothing here"]), Some("ci".to_owned()));
        assert_eq!(walked, [x, (of(&[]), mira.clone()), (of(&["5xx", "p99"]), None)]);

        let over = answer(90_000, Slot::Alarms, Answer::Alarms(vec![alarm("latency", "b")]));
        assert_eq!(over, [(of(&[]), Some("ci".to_owned())), (of(&["latency"]), mira), (of(&[]), None)]);
    }

    #[test]
    fn an_index_behind_the_list_changes_nothing_and_is_asked_again_at_the_pace_of_the_poll() {
        let mut model = model(vec![row("a", EndpointStatus::InService), row("b", EndpointStatus::InService)]);
        let indexed = |modified| Details { modified, indexed: true, ..Details::default() };
        let said = |name: &str, modified| (Text::new(name), Ok(indexed(modified)));
        let (ticket, rows) = asked(&update::settle(&mut model, at(1_000))).expect("asked");
        assert_eq!(names(&rows), ["a", "b"]);
        let answer = Answer::Details(vec![said("a", CHANGED.plus(-MINUTE)), said("b", CHANGED)]);
        update::update(&mut model, at(1_100), Msg::Reply { slot: Slot::Details, ticket, result: Ok(answer) });
        let details = |model: &Model, name: &str| model.endpoints.get(&Text::new(name)).unwrap().details.clone();
        assert_eq!((details(&model, "a"), details(&model, "b")), (None, Some(indexed(CHANGED))));

        assert_eq!(asked(&update::settle(&mut model, at(1_110))), None, "the next part comes after a breath");
        let (ticket, rows) = asked(&update::settle(&mut model, at(1_400))).expect("the rest");
        assert_eq!(names(&rows), ["a"]);
        let answer = Answer::Details(vec![said("a", CHANGED.plus(-MINUTE))]);
        update::update(&mut model, at(1_500), Msg::Reply { slot: Slot::Details, ticket, result: Ok(answer) });
        for mono in [1_510, 2_000, 9_000, 16_000] {
            assert_eq!(asked(&update::settle(&mut model, at(mono))), None, "{mono}");
        }
        assert!(asked(&update::settle(&mut model, at(16_600))).is_some());
    }
}
