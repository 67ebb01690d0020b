//! A list of steps: state, name, time, note.

use mldeck_core::health::Health;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, Symbol, pen, pen::Row};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    pub health: Health,
    pub name: &'a str,
    /// `6 m 10 s`, `02:11:58`; may be empty.
    pub time: &'a str,
    pub note: &'a str,
}

#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    pub items: &'a [Step<'a>],
    pub top: usize,
    pub cursor: Option<usize>,
}

/// Names longer than this are cut, so that times and notes keep their place.
const NAME: usize = 36;

impl Steps<'_> {
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let visible = self.items.iter().enumerate().skip(self.top).take(usize::from(area.height));
        let widest = |text: for<'a> fn(&'a Step<'a>) -> &'a str| {
            visible.clone().map(|(_, step)| pen::width(&pen::shown(look, text(step)))).max().unwrap_or(0)
        };
        let (name, time) = (widest(|step| step.name).min(NAME), widest(|step| step.time));
        for (line, (index, step)) in (0u16..).zip(visible) {
            let Some(mut row) = Row::new(buf, area, line) else { return };
            let at_cursor = self.cursor == Some(index);
            row.put_left(look, if at_cursor { look.symbol(Symbol::Cursor) } else { "" }, 1, look.style(Role::Accent));
            row.put_left(look, look.health(step.health), 2, look.tone(step.health.tone()));
            let style = look.style(if at_cursor { Role::Strong } else { Role::Text });
            row.put_left(look, step.name, name + 2, style);
            if time > 0 {
                row.put_right(look, step.time, time, look.style(Role::Dim));
                row.skip(2);
            }
            row.put(look, step.note, look.style(Role::Dim));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widgets::testing::{ASCII, UNICODE, everywhere, lines, painted};

    const ITEMS: [Step<'static>; 3] = [
        Step { health: Health::Ok, name: "register", time: "2 s", note: "" },
        Step { health: Health::Busy, name: "shift 10 %", time: "6 m 10 s", note: "baking, alarms quiet" },
        Step { health: Health::Off, name: "terminate", time: "", note: "" },
    ];

    #[test]
    fn steps_stand_in_columns() {
        let steps = Steps { items: &ITEMS, top: 0, cursor: Some(1) };
        let drawn = |caps| lines(&painted(50, 3, caps, |area, buf, look| steps.paint(area, buf, look)));
        assert_eq!(
            drawn(UNICODE),
            [" ● register         2 s", "▸◐ shift 10 %  6 m 10 s  baking, alarms quiet", " ○ terminate"]
        );
        assert_eq!(drawn(ASCII)[1], ">~ shift 10 %  6 m 10 s  baking, alarms quiet");
    }

    #[test]
    fn works_in_any_rectangle() {
        everywhere(|area, buf, look| Steps { items: &ITEMS, top: 1, cursor: Some(2) }.paint(area, buf, look));
        everywhere(|area, buf, look| Steps { items: &ITEMS, top: 9, cursor: None }.paint(area, buf, look));
    }
}
