use mldeck_core::resource::{Endpoint, endpoint::EndpointStatus};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_400_000_000);

fn row(name: &str, status: EndpointStatus) -> Endpoint {
    Endpoint {
        name: Text::new(name),
        arn: Text::default(),
        status,
        created: NOW,
        modified: NOW,
        details: None,
        vitals: None,
        alarms: Vec::new(),
        change: None,
    }
}

fn rows(names: &str) -> Vec<Endpoint> {
    names.split_whitespace().map(|name| row(name, EndpointStatus::InService)).collect()
}

fn table() -> Table<Endpoint> {
    Table::new(None, &["nothing"])
}

/// Walks over pages that are separated by `|`, and tells the names of the table after each.
fn walk(table: &mut Table<Endpoint>, pages: &str) -> Vec<String> {
    let pages: Vec<&str> = pages.split('|').collect();
    let mut seen = Vec::new();
    for (n, page) in pages.iter().enumerate() {
        let at = Pages { first: n == 0, last: n + 1 == pages.len() };
        table.walk(rows(page), at, |old, new| old != new, |_, _| {});
        table.settle(NOW);
        seen.push(names(table));
    }
    seen
}

fn names(table: &Table<Endpoint>) -> String {
    table.shown().map(|row| row.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn rows_appear_as_a_walk_names_them_and_go_at_its_end() {
    let mut table = table();
    assert_eq!(walk(&mut table, "d c|b a"), ["d c", "d c b a"]);
    assert!(table.take_unkept());
    assert_eq!(walk(&mut table, "d c|b a"), ["d c b a", "d c b a"]);
    assert!(!table.take_unkept(), "nothing is new");

    // One came, one went: the place of the new one is known at the end.
    assert_eq!(walk(&mut table, "e d|c a"), ["d c b a e", "e d c a"]);
    assert!(table.take_unkept());
    // One came while the walk went on, so that the next page begins with the last row of this one.
    assert_eq!(walk(&mut table, "e d|d c|a"), ["e d c a", "e d c a", "e d c a"]);
    for (at, name) in ["e", "d", "c", "a"].into_iter().enumerate() {
        let place = table.rows().iter().position(|row| row.name == name);
        assert_eq!((place, table.get(&Text::new(name)).map(|row| row.name.as_str())), (Some(at), Some(name)));
    }
    assert!(table.get(&Text::new("b")).is_none());
    assert_eq!(walk(&mut table, ""), [""]);
}

#[test]
fn a_walk_that_broke_off_takes_nothing_away() {
    let mut table = table();
    walk(&mut table, "c b a");
    table.walk(rows("c"), Pages { first: true, last: false }, |old, new| old != new, |_, _| {});
    assert_eq!(walk(&mut table, "c b|a"), ["c b a", "c b a"], "begun anew");
}

#[test]
fn the_cursor_stays_on_its_row_while_pages_come() {
    let mut table = table();
    walk(&mut table, "c b a");
    table.select(&Text::new("b"));
    walk(&mut table, "e d|c b|a");
    assert_eq!((table.selected().map(Text::as_str), names(&table).as_str()), (Some("b"), "e d c b a"));
}

#[test]
fn rows_from_before_fill_a_table_and_overwrite_nothing_newer() {
    let mut table = table();
    table.fill(rows("b"));
    assert!(!table.take_unkept(), "they are kept");
    let failed = vec![row("c", EndpointStatus::Failed), row("b", EndpointStatus::Failed)];
    table.walk(failed, Pages { first: true, last: false }, |old, new| old != new, |_, _| {});
    table.fill(rows("b a c"));
    table.settle(NOW);
    assert_eq!(names(&table), "b c a");
    let status = |name: &str| table.get(&Text::new(name)).map(|row| row.status.clone());
    assert_eq!(status("b"), Some(EndpointStatus::Failed));
    assert_eq!(status("c"), Some(EndpointStatus::Failed));
    assert_eq!(status("a"), Some(EndpointStatus::InService));
    assert!(table.take_unkept(), "the walk told more than was kept");
}
