use std::cell::RefCell;

use mldeck_core::column::Tone;
use ratatui::{
    backend::{Backend as _, CrosstermBackend},
    style::{Color, Modifier},
};

use super::*;
use crate::{
    term::{Caps, Depth},
    widgets::testing::{ASCII, UNICODE, everywhere, lines, painted},
};

const HEADS: [Head<'static>; 4] = [
    Head { text: "NAME", width: Width::Fit { min: 8, max: 24 }, align: Align::Left },
    Head { text: "STATUS", width: Width::Fit { min: 6, max: 14 }, align: Align::Left },
    Head { text: "P99 ms", width: Width::Fixed(12), align: Align::Right },
    Head { text: "BY", width: Width::Rest { min: 4 }, align: Align::Left },
];

fn table(rows: usize) -> Table<'static> {
    Table { heads: &HEADS, rows, top: 0, cursor: Some(0), sort: Some((2, true)), focused: true }
}

fn row(index: usize) -> Row<'static> {
    let (health, name, status, p99, spark) = match index {
        0 => (Health::Bad, "fraud-prod", Cell::new("InService"), "1 840", vec![1.0, 1.0, 1.0, 9.0]),
        1 => (Health::Busy, "ranking-eu-central-blue-green", Cell::new("Updating").tone(Tone::Busy), "61", vec![]),
        _ => (Health::Ok, "churn", Cell::new("InService"), "–", vec![f32::NAN, 2.0, 2.0, 2.0]),
    };
    let cells = vec![Cell::new(name), status, Cell::new(p99).spark(&spark).into_owned(), Cell::new("ci-deploy")];
    Row { health: Some(health), marked: index == 2, stale: false, cells }
}

#[test]
fn rows_stand_in_columns() {
    let drawn = |caps| lines(&painted(64, 4, caps, |area, buf, look| table(3).paint(row, area, buf, look)));
    assert_eq!(
        drawn(UNICODE),
        [
            "   NAME                      STATUS          P99 ms▾  BY",
            "▸✖ fraud-prod                InService    1 840 ▁▁▁█  ci-deploy",
            " ◐ ranking-eu-central-blue…  Updating             61  ci-deploy",
            " ●+churn                     InService        –  ▁▁▁  ci-deploy",
        ]
    );
    assert_eq!(drawn(ASCII)[1], ">x fraud-prod                InService    1 840 ___#  ci-deploy");
    assert_eq!(drawn(ASCII)[2], " ~ ranking-eu-central-blue~  Updating             61  ci-deploy");
}

#[test]
fn only_visible_rows_are_asked_for() {
    let asked = RefCell::new(Vec::new());
    let table = Table { top: 50_000, ..table(100_000) };
    painted(80, 11, UNICODE, |area, buf, look| {
        let ask = |index| {
            asked.borrow_mut().push(index);
            row(index)
        };
        table.paint(ask, area, buf, look);
    });
    assert_eq!(asked.into_inner(), (50_000..50_010).collect::<Vec<_>>());
}

#[test]
fn state_is_a_symbol_and_a_tone() {
    let buf = painted(64, 4, UNICODE, |area, buf, look| table(3).paint(row, area, buf, look));
    assert_eq!((buf[(1, 1)].symbol(), buf[(1, 1)].fg), ("✖", Color::Red));
    assert_eq!((buf[(1, 2)].symbol(), buf[(1, 2)].fg), ("◐", Color::Blue));
    assert_eq!(buf[(3, 1)].bg, Color::Indexed(236), "the cursor");
    assert!(buf[(3, 1)].modifier.contains(Modifier::BOLD));
    assert_eq!(buf[(40, 1)].bg, Color::Reset, "but not the whole row");
    assert_eq!(buf[(3, 3)].fg, Color::Cyan, "marked");
}

#[test]
fn a_slow_link_gets_no_background() {
    let lean = Caps { lean: true, ..UNICODE };
    let buf = painted(64, 4, lean, |area, buf, look| table(3).paint(row, area, buf, look));
    assert_eq!(buf[(3, 1)].bg, Color::Reset);
    assert!(buf[(3, 1)].modifier.contains(Modifier::BOLD));
}

#[test]
fn stale_rows_are_dim() {
    let buf = painted(64, 2, UNICODE, |area, buf, look| {
        table(1).paint(|index| Row { stale: true, ..row(index) }, area, buf, look);
    });
    assert_eq!(buf[(3, 1)].fg, Color::DarkGray);
}

/// Bytes that the stock backend sends to turn `before` into `after`.
fn bytes(before: &Buffer, after: &Buffer) -> usize {
    let mut sent = Vec::new();
    CrosstermBackend::new(&mut sent).draw(before.diff(after).into_iter()).unwrap();
    sent.len()
}

#[test]
fn moving_the_cursor_costs_few_bytes() {
    for (depth, lean) in [(Depth::True, false), (Depth::Ansi16, true)] {
        let caps = Caps { depth, unicode: true, lean };
        let at = |cursor| {
            let table = Table { cursor: Some(cursor), ..table(49) };
            painted(200, 50, caps, |area, buf, look| table.paint(|_| row(1), area, buf, look))
        };
        let sent = bytes(&at(20), &at(21));
        assert!((1..=300).contains(&sent), "{sent} bytes");
    }
}

#[test]
fn works_in_any_rectangle() {
    everywhere(|area, buf, look| table(3).paint(row, area, buf, look));
    everywhere(|area, buf, look| Table { top: 7, cursor: None, ..table(3) }.paint(row, area, buf, look));
    everywhere(|area, buf, look| Table { heads: &[], ..table(3) }.paint(|_| Row::default(), area, buf, look));
}
