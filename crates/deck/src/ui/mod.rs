//! `&Model` → `Buffer`. Nothing here mutates, waits, logs, or does work for rows that are not on screen.
//!
//! ```text
//! chrome   identity, panes, status, keys          chrome.rs
//! body     the shape that the view lends           look.rs
//! over it  prompt, palette, help, menus            overlays.rs
//! ```

pub mod chrome;
pub mod look;
pub mod overlays;
pub mod pen;

use mldeck_core::column::Now;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use crate::{
    app::{
        Model,
        pane::{View, list},
        screen,
    },
    term::Caps,
    theme::{Role, Theme},
    widgets::Look,
};

/// What every painter needs besides what it paints.
#[derive(Clone, Copy)]
pub struct Paint<'a> {
    pub theme: &'a Theme,
    pub caps: &'a Caps,
    pub now: Now,
}

impl<'a> Paint<'a> {
    /// As the widgets want it.
    pub const fn look(&self) -> Look<'a> {
        Look { theme: self.theme, caps: *self.caps }
    }
}

/// Paints the whole screen; returns where the real cursor belongs.
pub fn view(model: &Model, theme: &Theme, caps: &Caps, buffer: &mut Buffer) -> Option<Position> {
    let area = buffer.area;
    let ground = theme.get(Role::Text);
    // Most themes leave it to the terminal, and an empty frame is as it is: half of its cells are then never touched.
    if ground != Style::new() {
        for cell in &mut buffer.content {
            cell.set_style(ground);
        }
    }
    let paint = Paint { theme, caps, now: Now(model.now()) };
    if screen::is_too_small((area.width, area.height)) {
        pen::text(buffer, area, "mldeck: terminal too small (40x10 at least)", theme.get(Role::Warn));
        return None;
    }
    let row = |y: u16| Rect { x: area.x, y: area.y + y, width: area.width, height: 1 };
    chrome::identity(model, &paint, row(0), buffer);
    chrome::panes(model, &paint, row(1), buffer);
    chrome::rule(&paint, row(2), buffer);
    let body = Rect { x: area.x, y: area.y + 3, width: area.width, height: area.height - 5 };
    let at = paint_body(model, &paint, body, buffer);
    chrome::status(model, &paint, row(area.height - 2), buffer);
    let in_prompt = chrome::keys(model, &paint, row(area.height - 1), buffer);
    let over = overlays::paint(model, &paint, body, buffer);
    if !caps.unicode {
        pen::plain(buffer);
    }
    over.or(in_prompt).or(at)
}

fn paint_body(model: &Model, paint: &Paint<'_>, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    match model.nav.top() {
        View::List(pane) => look::paint(&list::look(model, *pane), paint, body, buffer),
        View::Opened(view) => {
            let title = Rect { height: 1, ..body };
            pen::line(buffer, title, &view.title(model), paint);
            let rest = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
            look::paint(&view.look(model), paint, rest, buffer)
        }
    }
}
