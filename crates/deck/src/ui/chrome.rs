//! The lines around the body: who and where we are, the panes, the status, the keys.

use mldeck_core::{
    column::Tone,
    fault::FaultKind,
    health::Health,
    login::{NEAR, NEARER},
    ops::intent::Class,
    time::{HOUR, MINUTE},
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Paint, pen};
use crate::{
    app::{
        Command, Model, Scope,
        layers::Layer,
        model::Link,
        msg::Rates,
        pane::{Pane, View, list},
        sign_in, update,
    },
    theme::Role,
    widgets,
};

/// A deployment of ours is given no longer than this to bake and to be taken back.
const LONGEST_WAIT: i64 = 2 * HOUR;

/// Account, region, role, class, mode; on the right the calls and the link. No clock: an idle screen writes nothing, and
/// every age is told where the data is.
pub fn identity(model: &Model, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let style = |role: Role| paint.theme.get(role);
    let right = right_side(model, area.width);
    let role = if matches!(model.link, Link::Lost(_) | Link::Off) { Role::Warn } else { Role::Dim };
    let used = pen::right(buffer, Rect { width: area.width.saturating_sub(1), ..area }, &right, style(role));
    let mut rest = Rect { x: area.x + 1, width: area.width.saturating_sub(used + 3), ..area };
    let mut put = |what: &str, role: Role, buffer: &mut Buffer| {
        let used = pen::text(buffer, rest, what, style(role)) + 2;
        rest.x += used.min(rest.width);
        rest.width = rest.width.saturating_sub(used);
    };
    match &model.session.identity {
        None => {
            put("mldeck", Role::Header, buffer);
            put("signing in …", Role::Busy, buffer);
        }
        Some(Err(fault)) => {
            put(fault.kind.headline(), Role::Bad, buffer);
            if matches!(fault.kind, FaultKind::Login(login) if login.is_mended_here()) {
                put(&format!("{} signs in", sign_in::key(model)), Role::Key, buffer);
            }
            put(&fault.remedy(), Role::Dim, buffer);
        }
        Some(Ok(identity)) => {
            let account = identity.scope.short_account();
            let name = model.session.account_name().map_or_else(|| account.clone(), |name| format!("{name} {account}"));
            put(&name, Role::Header, buffer);
            put(identity.scope.region.as_str(), Role::Header, buffer);
            if let Some((end, role)) = end(model) {
                put(&end, role, buffer);
            }
            put(&format!("role {}", identity.role()), Role::Dim, buffer);
            let (class, role) = match model.session.class() {
                Class::Prod => ("PROD", Role::HeaderProd),
                Class::Stage => ("stage", Role::Header),
                Class::Dev => ("dev", Role::Header),
            };
            put(class, role, buffer);
            let (mode, role) = mode(model);
            put(&mode, role, buffer);
            if let Some(note) = &model.session.sandbox {
                put(&format!("sandbox {} ×{}", note.scenario, note.speed), Role::Busy, buffer);
            }
        }
    }
}

/// How long the credentials last, in whole minutes, once that is near; over a plan what that means for it.
fn end(model: &Model) -> Option<(String, Role)> {
    let end = model.session.identity()?.expires?;
    let left = end.since(model.now());
    if left <= 0 {
        return Some(("login ended".to_owned(), Role::Bad));
    }
    // The longest wait of a plan that nobody has to attend to.
    let planning = update::scopes(model).contains(&Scope::Confirm);
    if planning && left <= LONGEST_WAIT {
        return Some((format!("blind from {} UTC", end.hm()), Role::Warn));
    }
    let minutes = format!("login ends in {} m", left.div_euclid(MINUTE) + i64::from(left.rem_euclid(MINUTE) > 0));
    let role = if left <= NEARER { Role::Bad } else { Role::Warn };
    (left <= NEAR).then_some((minutes, role))
}

/// `read-only`, or how long write mode lasts, in whole minutes so that an idle screen stands still.
fn mode(model: &Model) -> (String, Role) {
    match &model.session.armed {
        Some(armed) if model.session.is_armed(model.at.mono) => {
            let left = armed.until.since(model.at.mono).div_ceil(60_000);
            (format!("ARMED {left} m"), Role::HeaderArmed)
        }
        _ if model.session.read_only => ("read-only (fixed)".to_owned(), Role::Dim),
        _ => ("read-only".to_owned(), Role::Dim),
    }
}

fn right_side(model: &Model, width: u16) -> String {
    let mut parts = Vec::new();
    if width >= 110 {
        let Rates { calls_per_min, dollars_per_hour } = model.rates;
        parts.push(if calls_per_min < 10.0 { "<10".to_owned() } else { format!("{calls_per_min:.0}") } + " calls/min");
        parts.push(format!("${dollars_per_hour:.2}/h"));
    }
    // Records that are not in the team's ledger, for as long as they are not.
    if let Some(left) = model.ops.team.left() {
        parts.push(format!("{left} unshared"));
    }
    if model.frozen {
        parts.push("FROZEN".to_owned());
    }
    let link = match &model.link {
        Link::Lost(kind) => kind.headline(),
        Link::Connecting => "connecting",
        Link::Off => "offline",
        Link::Live if model.lean => "slow link",
        Link::Live => "live",
    };
    parts.push(link.to_owned());
    parts.join("  ")
}

/// The pane line: the active one stands out, trouble is counted where it is known.
pub fn panes(model: &Model, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let active = model.nav.pane();
    let mut x = area.x + 1;
    for pane in Pane::ALL {
        let troubled = trouble(model, pane);
        let label = if area.width >= 100 || pane == active {
            format!("{} {}", pane.number(), pane.title())
        } else {
            format!("{} {}", pane.number(), pane.title().get(..4).unwrap_or_default())
        };
        let role = if pane == active {
            Role::TabActive
        } else if pane.kind().is_none() {
            Role::Off
        } else {
            Role::Tab
        };
        let rest = Rect { x, width: area.right().saturating_sub(x), ..area };
        x += pen::text(buffer, rest, &label, paint.theme.get(role));
        if troubled > 0 {
            let symbol = if paint.caps.unicode { Health::Warn.symbol() } else { Health::Warn.ascii() };
            let rest = Rect { x: x + 1, width: area.right().saturating_sub(x + 1), ..area };
            x += 1 + pen::text(buffer, rest, &format!("{symbol}{troubled}"), paint.theme.get(Role::Warn));
        }
        x += if area.width >= 100 { 3 } else { 1 };
        if x >= area.right() {
            break;
        }
    }
}

fn trouble(model: &Model, pane: Pane) -> usize {
    match pane {
        Pane::Endpoints => model.endpoints.problems(),
        Pane::Drift => model.monitors.problems(),
        Pane::Ledger => model.ops.open_count(),
        _ => 0,
    }
}

pub fn rule(paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    let symbol = if paint.caps.unicode { "─" } else { "-" };
    pen::text(buffer, area, &symbol.repeat(usize::from(area.width)), paint.theme.get(Role::Edge));
}

/// The lower rule carries what was last said, and the table's count and age on its right.
pub fn status(model: &Model, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) {
    rule(paint, area, buffer);
    let foot = match model.nav.top() {
        View::List(pane) => list::grid(model, *pane).map(|grid| grid.foot(paint.now)).unwrap_or_default(),
        View::Opened(_) => Vec::new(),
    };
    let mut spans = Vec::new();
    for (i, span) in foot.into_iter().enumerate() {
        spans.push((if i == 0 { " ".to_owned() } else { " · ".to_owned() }, Tone::Dim));
        spans.push(span);
    }
    if !spans.is_empty() {
        spans.push((" ".to_owned(), Tone::Dim));
    }
    let said = model.status.shown().map_or(0, |status| widgets::pen::width(&status.text) + 4);
    shorten(&mut spans, area.width - u16::try_from(said).map_or(area.width / 2, |said| said.min(area.width / 2)));
    let width = pen::width(&spans).min(area.width);
    let at = Rect { x: area.right() - width, width, ..area };
    pen::line(buffer, at, &spans, paint);
    if let Some(status) = model.status.shown() {
        let role = if status.bad { Role::Bad } else { Role::Accent };
        let room = Rect { x: area.x + 1, width: area.width.saturating_sub(width + 2), ..area };
        pen::text(buffer, room, &format!(" {} ", status.text), paint.theme.get(role));
    }
}

/// Where the foot is too wide, its longest parts give way: not the age at its end, and not what was last said.
fn shorten(spans: &mut [(String, Tone)], room: u16) {
    let widths: Vec<usize> = spans.iter().map(|(text, _)| widgets::pen::width(text)).collect();
    let room = usize::from(room);
    let fits = |most: &usize| widths.iter().map(|width| width.min(most)).sum::<usize>() <= room;
    let most = (1..=room).rev().find(fits).unwrap_or(1);
    for ((text, _), _) in spans.iter_mut().zip(&widths).filter(|(_, width)| **width > most) {
        let kept = widgets::pen::beginning(text, most - 1).trim_end().len();
        text.truncate(kept);
        text.push('…');
    }
}

/// The keys that help here; a prompt takes the line while it is open. Returns the place of the text cursor.
pub fn keys(model: &Model, paint: &Paint<'_>, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if let Some(Layer::Prompt(prompt)) = model.layers.last() {
        let mut x = area.x + 1;
        let label = format!("{} / ", prompt.label);
        x += pen::text(buffer, Rect { x, width: area.width - 1, ..area }, &label, paint.theme.get(Role::Key));
        let room = Rect { x, width: area.right().saturating_sub(x + 1), ..area };
        pen::text(buffer, room, prompt.field.text(), paint.theme.get(Role::Input));
        if let Some(error) = filter_error(model) {
            pen::right(buffer, area, &format!(" {error} "), paint.theme.get(Role::Bad));
        }
        let column = u16::try_from(mldeck_core::text::width(prompt.field.before_cursor())).unwrap_or(0);
        return Some(Position { x: (x + column).min(area.right() - 1), y: area.y });
    }
    let scopes = update::scopes(model);
    let hints = model.keymap.hints(&scopes, wanted(model, &scopes));
    let mut x = area.x + 1;
    for hint in hints {
        let label = short(model, hint.command);
        let needed = u16::try_from(hint.keys.len() + label.len() + 3).unwrap_or(u16::MAX);
        if x + needed > area.right() {
            break;
        }
        let rest = |x: u16| Rect { x, width: area.right().saturating_sub(x), ..area };
        x += pen::text(buffer, rest(x), &hint.keys, paint.theme.get(Role::Key)) + 1;
        x += pen::text(buffer, rest(x), &label, paint.theme.get(Role::Hint)) + 2;
    }
    None
}

fn filter_error(model: &Model) -> Option<String> {
    let error = match model.nav.pane() {
        Pane::Endpoints => model.endpoints.filter_error(),
        Pane::Pipelines => model.executions.filter_error(),
        Pane::Experiments => model.runs.filter_error(),
        Pane::Registry => model.packages.filter_error(),
        Pane::Drift => model.monitors.filter_error(),
        Pane::Jobs => model.jobs.filter_error(),
        Pane::Ledger => model.ledger.filter_error(),
        _ => None,
    };
    error.map(ToOwned::to_owned)
}

/// The commands whose keys are shown, most useful first: of the list or the opened view, else of the innermost scope.
fn wanted(model: &Model, scopes: &[Scope]) -> &'static [Command] {
    use Command as C;
    let own: &[C] = match (model.layers.last(), model.nav.top()) {
        (Some(Layer::SignIn(_)), _) => &[C::Accept, C::Copy, C::Back],
        (Some(_), _) => &[],
        (None, View::List(pane)) => of_list(*pane),
        (None, View::Opened(view)) => view.hints(model),
    };
    if !own.is_empty() {
        return own;
    }
    match scopes.first() {
        Some(Scope::Confirm) => &[C::Confirm, C::NextChoice, C::Reason, C::PageDown, C::Back],
        Some(Scope::Help) => &[C::Open, C::Filter, C::Next, C::Back],
        Some(Scope::Menu) => &[C::Open, C::Next, C::Previous, C::Back],
        Some(Scope::Palette | Scope::Text) => &[C::Accept, C::Complete, C::Back],
        Some(Scope::Chart) => &[
            C::NextMetric,
            C::CrosshairLeft,
            C::CrosshairRight,
            C::Baseline,
            C::LogScale,
            C::SmoothMore,
            C::Back,
            C::Help,
        ],
        Some(Scope::Graph) => &[C::Left, C::Right, C::Logs, C::Describe, C::Raw, C::Back, C::Help],
        Some(Scope::Heat) => &[C::Next, C::Left, C::Right, C::Describe, C::Back, C::Help],
        Some(Scope::Log) => &[C::Filter, C::NextMatch, C::First, C::Last, C::Wide, C::Back, C::Help],
        Some(Scope::Detail) => {
            &[C::Timeline, C::Metrics, C::Logs, C::RollBack, C::Describe, C::Raw, C::Actions, C::Back, C::Help]
        }
        _ => &[C::Open, C::Back, C::Help],
    }
}

/// What a list can do.
const fn of_list(pane: Pane) -> &'static [Command] {
    use Command as C;
    match pane {
        Pane::Endpoints => &[
            C::Filter,
            C::Open,
            C::Timeline,
            C::Logs,
            C::RollBack,
            C::Sort,
            C::Problems,
            C::Describe,
            C::Raw,
            C::Actions,
            C::Help,
        ],
        Pane::Pipelines | Pane::Drift => {
            &[C::Filter, C::Open, C::Sort, C::Problems, C::Describe, C::Raw, C::Actions, C::Help]
        }
        Pane::Experiments => {
            &[C::Filter, C::Open, C::Mark, C::Compare, C::Logs, C::Sort, C::Problems, C::Describe, C::Actions, C::Help]
        }
        Pane::Ledger => &[C::Filter, C::Open, C::Reversal, C::Sort, C::Problems, C::Help],
        _ => &[C::Palette, C::Help],
    }
}

fn short(model: &Model, command: Command) -> String {
    if let (None, View::Opened(view)) = (model.layers.last(), model.nav.top())
        && let Some(label) = view.label(command)
    {
        return label.to_owned();
    }
    match command {
        Command::Problems => "problems".to_owned(),
        Command::NextChoice => "choices".to_owned(),
        Command::Confirm => "go".to_owned(),
        other => other.label(),
    }
}
