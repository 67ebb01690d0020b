//! What lies over the body: palette, help and menus in a light box.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    widgets::{Clear, Widget as _},
};

use super::{Paint, pen};
use crate::{
    app::{
        Model,
        layers::{Help, Item, Layer, Menu, Palette, suggestions},
        sign_in::{SignIn, State},
    },
    theme::Role,
    widgets,
};

/// Paints the layers from the lowest up; returns the cursor of the topmost field.
pub fn paint(model: &Model, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut at = None;
    for layer in &model.layers {
        at = match layer {
            Layer::Prompt(_) => at,
            Layer::Palette(palette) => Some(palette_box(model, palette, paint, body, buffer)),
            Layer::Help(help) => help_box(model, help, paint, body, buffer),
            Layer::Menu(menu) => {
                menu_box(menu, paint, body, buffer);
                None
            }
            Layer::SignIn(sign_in) => sign_in_box(sign_in, paint, body, buffer),
        };
    }
    at
}

/// A cleared box with a rule around; returns its inside.
fn open_box(title: &str, area: Rect, paint: &Paint<'_>, buffer: &mut Buffer) -> Rect {
    let area = area.intersection(buffer.area);
    Clear.render(area, buffer);
    buffer.set_style(area, paint.theme.get(Role::Overlay));
    let edge = paint.theme.get(Role::EdgeFocus);
    let (h, v, corners) = if paint.caps.unicode {
        ("─", "│", ["┌", "┐", "└", "┘"])
    } else {
        ("-", "|", ["+", "+", "+", "+"])
    };
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let line = h.repeat(usize::from(area.width));
    for y in [area.top(), area.bottom() - 1] {
        buffer.set_stringn(area.x, y, &line, usize::from(area.width), edge);
    }
    for y in area.top() + 1..area.bottom() - 1 {
        buffer.set_stringn(area.left(), y, v, 1, edge);
        buffer.set_stringn(area.right() - 1, y, v, 1, edge);
    }
    let places = [
        (area.left(), area.top()),
        (area.right() - 1, area.top()),
        (area.left(), area.bottom() - 1),
        (area.right() - 1, area.bottom() - 1),
    ];
    for ((x, y), corner) in places.into_iter().zip(corners) {
        buffer.set_stringn(x, y, corner, 1, edge);
    }
    let head = Rect { x: area.x + 2, y: area.y, width: area.width - 4, height: 1 };
    pen::text(buffer, head, &format!(" {title} "), paint.theme.get(Role::Strong));
    Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
}

fn centered(body: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(body.width), height.min(body.height));
    Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 3, width, height }
}

/// First row of a window of `height` rows that shows `cursor`.
const fn window(cursor: usize, height: usize) -> usize {
    if cursor < height { 0 } else { cursor + 1 - height }
}

fn row(inside: Rect, y: usize) -> Rect {
    Rect { y: inside.y + u16::try_from(y).unwrap_or(u16::MAX), height: 1, ..inside }
}

fn palette_box(model: &Model, palette: &Palette, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) -> Position {
    let all = suggestions(model, palette.field.text());
    let height = u16::try_from(all.len().min(14)).unwrap_or(14) + 3;
    let inside = open_box("command", centered(body, 76, height), paint, buffer);
    pen::text(buffer, inside, ":", paint.theme.get(Role::Key));
    let field = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), height: 1, ..inside };
    pen::text(buffer, field, palette.field.text(), paint.theme.get(Role::Input));
    let rows = usize::from(inside.height.saturating_sub(1));
    let top = window(palette.cursor, rows);
    for (y, (i, item)) in all.iter().enumerate().skip(top).take(rows).enumerate() {
        let area = row(inside, y + 1);
        let role = if i == palette.cursor { Role::Cursor } else { Role::Text };
        let mark = if i == palette.cursor { "> " } else { "  " };
        let used = pen::text(buffer, area, &format!("{mark}{:<28} ", item.text), paint.theme.get(role));
        let rest = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
        pen::text(buffer, rest, &item.doc, paint.theme.get(Role::Dim));
    }
    let column = u16::try_from(mldeck_core::text::width(palette.field.before_cursor())).unwrap_or(0);
    Position { x: (field.x + column).min(field.right()), y: field.y }
}

fn help_box(model: &Model, help: &Help, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let entries = help.entries(&model.keymap);
    let inside = open_box("keys and commands that work here", centered(body, 100, body.height), paint, buffer);
    let mut at = None;
    let top_row = Rect { height: 1, ..inside };
    if help.searching || !help.query.text().is_empty() {
        let used = pen::text(buffer, top_row, "/ ", paint.theme.get(Role::Key));
        let field = Rect { x: top_row.x + used, width: top_row.width.saturating_sub(used), ..top_row };
        pen::text(buffer, field, help.query.text(), paint.theme.get(Role::Input));
        let column = u16::try_from(mldeck_core::text::width(help.query.before_cursor())).unwrap_or(0);
        at = help.searching.then_some(Position { x: field.x + column, y: field.y });
    } else {
        pen::text(buffer, top_row, "/ searches, Enter runs the command under the cursor", paint.theme.get(Role::Dim));
    }
    let rows = usize::from(inside.height.saturating_sub(1));
    let top = window(help.cursor, rows);
    for (y, (i, entry)) in entries.iter().enumerate().skip(top).take(rows).enumerate() {
        let area = row(inside, y + 1);
        let here = i == help.cursor;
        let mark = if here { ">" } else { " " };
        let used = pen::text(buffer, area, &format!("{mark} {:>16}  ", entry.keys), paint.theme.get(Role::Key));
        let rest = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
        let role = if here { Role::Cursor } else { Role::Text };
        let name = pen::text(buffer, rest, &format!("{:<20} ", entry.command.name()), paint.theme.get(role));
        let rest = Rect { x: rest.x + name, width: rest.width.saturating_sub(name), ..rest };
        pen::text(buffer, rest, entry.command.spec().doc, paint.theme.get(Role::Dim));
    }
    at
}

fn menu_box(menu: &Menu, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) {
    let reason = |item: &Item| item.act.as_ref().err().map_or(0, |reason| mldeck_core::text::width(reason));
    // Beside the label: the box (4), the mark (2) and the key (7); a reason stands below the label.
    let wide = |item: &Item| mldeck_core::text::width(&item.label).max(reason(item)) + 13;
    let widest = menu.items.iter().map(wide).max().unwrap_or(20);
    let width = u16::try_from(widest.max(mldeck_core::text::width(&menu.title) + 8).max(36)).unwrap_or(u16::MAX);
    let reasons = menu.items.iter().filter(|item| item.act.is_err()).count();
    let height = u16::try_from(menu.items.len() + reasons).unwrap_or(u16::MAX).saturating_add(2);
    let inside = open_box(&menu.title, centered(body, width, height), paint, buffer);
    let mut y = 0;
    for (i, item) in menu.items.iter().enumerate() {
        let area = row(inside, y);
        if y >= usize::from(inside.height) {
            break;
        }
        let role = match (&item.act, i == menu.cursor) {
            (Err(_), _) => Role::Off,
            (Ok(_), true) => Role::Cursor,
            (Ok(_), false) => Role::Text,
        };
        let mark = if i == menu.cursor { ">" } else { " " };
        let used = pen::text(buffer, area, &format!("{mark} {:<6} ", item.key), paint.theme.get(Role::Key));
        let rest = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
        pen::text(buffer, rest, &item.label, paint.theme.get(role));
        y += 1;
        if let Err(reason) = &item.act {
            let below = row(inside, y);
            if y < usize::from(inside.height) {
                pen::text(
                    buffer,
                    Rect { x: below.x + 9, width: below.width.saturating_sub(9), ..below },
                    reason,
                    paint.theme.get(Role::Dim),
                );
            }
            y += 1;
        }
    }
}

/// The address stands on lines of its own, unbroken where it fits, so that a mouse can take it too.
fn sign_in_box(sign_in: &SignIn, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let style = |role: Role| paint.theme.get(role);
    match &sign_in.state {
        State::Asking => {
            let inside = open_box("sign in", centered(body, 60, 3), paint, buffer);
            pen::text(buffer, inside, "finding out what it takes …", style(Role::Busy));
            None
        }
        State::Code { field, device, role, sent } => {
            let inside = open_box("sign in: the code of the MFA device", centered(body, 76, 6), paint, buffer);
            pen::text(buffer, row(inside, 0), &format!("device  {device}"), style(Role::Dim));
            pen::text(buffer, row(inside, 1), &format!("role    {role}"), style(Role::Dim));
            let line = row(inside, 2);
            let used = pen::text(buffer, line, "code    ", style(Role::Key));
            let at = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
            pen::text(buffer, at, field.text(), style(Role::Input));
            let (said, tone) = match (&sign_in.wrong, sent) {
                (_, true) => ("AWS is asked …", Role::Busy),
                (Some(wrong), _) => (wrong.as_str(), Role::Bad),
                (None, _) => ("Enter sends it; Esc goes on without, with what is in the cache", Role::Dim),
            };
            pen::text(buffer, row(inside, 3), said, style(tone));
            let column = u16::try_from(mldeck_core::text::width(field.before_cursor())).unwrap_or(0);
            (!sent).then_some(Position { x: (at.x + column).min(at.right()), y: at.y })
        }
        State::Browser { address, code, expires } => {
            let room = usize::from(body.width.saturating_sub(4)).max(1);
            let text = address.as_str();
            let lines: Vec<&str> = widgets::wrap::wrap(text, room).map(|range| &text[range]).collect();
            let height = u16::try_from(lines.len() + 6).unwrap_or(u16::MAX);
            let widest = lines.iter().map(|line| mldeck_core::text::width(line)).max().unwrap_or(0);
            let width = u16::try_from(widest.max(68) + 4).unwrap_or(u16::MAX);
            let inside = open_box("sign in: approve it in a browser", centered(body, width, height), paint, buffer);
            pen::text(buffer, row(inside, 0), "Open this on any machine and compare the code:", style(Role::Text));
            for (y, line) in lines.iter().enumerate() {
                pen::text(buffer, row(inside, 1 + y), line, style(Role::Accent));
            }
            let below = lines.len() + 1;
            pen::text(buffer, row(inside, below), &format!("code {code}"), style(Role::Strong));
            let waits = format!("waiting until {} UTC; signed in as soon as it is approved", expires.hm());
            pen::text(buffer, row(inside, below + 1), &waits, style(Role::Dim));
            pen::text(buffer, row(inside, below + 2), "c copies the address; Esc gives up", style(Role::Dim));
            None
        }
    }
}
