//! Resize storms, stalls, paste bombs: the caller goes on, memory stays where it was, the last state is drawn.

use std::time::Duration;

use mldeck::run::clock;

use crate::{
    probe,
    support::{allow::check, pty::SOON},
};

/// Growth of resident memory that counts as none, in KiB.
const RSS_SLACK: u64 = 5 * 1_024;

#[test]
fn a_resize_storm_ends_in_the_last_size() {
    let mut pty = probe((80, 24));
    let sizes = [(1, 1), (200, 60), (1, 50), (200, 1), (0, 0), (2, 2), (500, 200), (3, 24), (80, 2), (81, 25)];
    let before = pty.rss_kib().unwrap();
    for round in 0..100 {
        for (cols, rows) in sizes {
            pty.resize((cols + round % 3, rows));
        }
        pty.send("x");
    }
    let mark = pty.mark();
    pty.resize((1, 1));
    pty.wait_for_bytes(b"\x1b[2Jp", mark, SOON);
    pty.resize((100, 30));
    pty.wait_for("probe 100x30", SOON);
    pty.wait_for("count", SOON);
    let grown = pty.rss_kib().unwrap().saturating_sub(before);
    // Three buffers of 500×200 cells are part of the deal.
    assert!(grown < 40 * 1_024, "{grown} KiB");
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    check(&pty.drained(SOON)).unwrap_or_else(|violation| panic!("{violation}"));
}

/// The number behind `label` on the screen.
fn number(screen: &str, label: &str) -> u64 {
    let rest = &screen[screen.find(label).unwrap_or_else(|| panic!("no {label:?} in\n{screen}")) + label.len()..];
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn a_stalled_terminal_stops_nobody() {
    let mut pty = probe((120, 40));
    pty.send("f");
    pty.wait_for("ticks ", SOON);
    pty.until(SOON, "a flood", || number(&pty.screen(), "ticks ") > 20);
    pty.stall();
    // Nothing is read any more while the program goes on asking for processor time.
    let since = clock::instant();
    let quiet = pty.cpu_ticks().unwrap();
    pty.until(SOON, "work while stalled", || pty.cpu_ticks().unwrap() > quiet + 10);
    let before = pty.rss_kib().unwrap();
    let stalled_at = number(&pty.screen(), "ticks ");
    let busy = pty.cpu_ticks().unwrap();
    pty.until(SOON * 6, "more work in more than a second of stall", || {
        pty.cpu_ticks().unwrap() > busy + 40 && clock::instant().saturating_duration_since(since).as_millis() > 2_000
    });
    let grown = pty.rss_kib().unwrap().saturating_sub(before);
    assert!(grown < RSS_SLACK, "{grown} KiB");
    pty.go_on();
    pty.until(SOON, "the newest frame", || {
        let screen = pty.screen();
        screen.contains("ticks ") && number(&screen, "ticks ") > stalled_at + 100
    });
    pty.wait_for("backs 1", SOON);
    pty.wait_for("worst", SOON);
    let worst = number(&pty.screen(), "worst ");
    assert!(worst < 100, "handing over a frame took {worst} ms");
    // The flood ends first: a terminal that is behind when the program leaves loses what it has not taken, and this one
    // is behind whenever the machine is busy.
    pty.send("f");
    pty.until(SOON, "the end of the flood", || !pty.screen().contains("ticks "));
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    check(&pty.drained(SOON)).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn a_paste_bomb_is_cut() {
    let mut pty = probe((80, 24));
    let before = pty.rss_kib().unwrap();
    pty.send("\x1b[200~");
    let chunk = [b'x'; 64 * 1_024];
    for _ in 0..320 {
        pty.send(chunk);
    }
    pty.send("\x1b[201~");
    pty.wait_for("paste Some((65536, true))", SOON);
    let grown = pty.rss_kib().unwrap().saturating_sub(before);
    assert!(grown < 1_024, "{grown} KiB");
    pty.send("x");
    pty.wait_for("count 1", SOON);
}

#[test]
fn an_unfinished_paste_does_not_deafen() {
    let mut pty = probe((80, 24));
    pty.send("\x1b[200~rm -rf /");
    pty.wait_for("note paste abandoned", Duration::from_secs(5));
    pty.send("x");
    pty.wait_for("count 1", SOON);
    pty.wait_for("paste None", SOON);
}

#[test]
fn keys_without_brackets_are_a_burst() {
    let mut pty = probe((80, 24));
    pty.send("z".repeat(900));
    // All but what came in a first small read, and nothing else, is flagged.
    pty.until(SOON, "all keys", || {
        let screen = pty.screen();
        number(&screen, "count ") + number(&screen, "bursts ") + number(&screen, "lost ") == 900
    });
    let counted = number(&pty.screen(), "count ");
    assert!(counted <= 30, "{counted} keys acted");
}
