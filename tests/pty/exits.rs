//! Every way out leaves the terminal as it was, with the documented code, within two seconds.

use std::time::Duration;

use rustix::process::Signal;

use crate::{
    probe,
    support::{
        allow::check,
        pty::{Pty, SOON, binary},
    },
};

/// The bound for ends that something outside demanded, with a little room for a loaded machine.
const BOUND: Duration = Duration::from_millis(2_500);

/// The modes as a shell needs them.
#[track_caller]
fn given_back(pty: &Pty) {
    assert_eq!(pty.termios(), pty.before, "terminal driver");
    let raw = pty.drained(SOON);
    let on = |mode: &str| last_mode(&raw, mode);
    let modes = ["1049", "2004", "1004", "2026", "7", "25"].map(on);
    assert_eq!(modes, [Some(false), Some(false), Some(false), Some(false), Some(true), Some(true)]);
}

/// Whether the last `CSI ? mode h` or `l` was an `h`. A plain search, for streams that were cut.
fn last_mode(raw: &[u8], mode: &str) -> Option<bool> {
    let find = |last: char| {
        let sequence = format!("\x1b[?{mode}{last}").into_bytes();
        raw.windows(sequence.len()).rposition(|window| window == sequence)
    };
    match (find('h'), find('l')) {
        (None, None) => None,
        (set, reset) => Some(set > reset),
    }
}

/// Fills the terminal until the writer is stuck in the middle of a frame.
fn block_writer(pty: &mut Pty) {
    pty.send("f");
    pty.wait_for("ticks 2", SOON);
    pty.stall();
    let quiet = pty.cpu_ticks().unwrap();
    pty.until(SOON, "work while stalled", || pty.cpu_ticks().unwrap() > quiet + 10);
}

#[test]
fn quit() {
    let mut pty = probe((80, 24));
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    given_back(&pty);
    check(&pty.drained(SOON)).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn quit_with_the_writer_blocked() {
    let mut pty = probe((80, 24));
    block_writer(&mut pty);
    pty.send("q");
    assert_eq!(pty.exit_code(BOUND), 0);
    pty.go_on();
    given_back(&pty);
}

#[test]
fn panics() {
    for key in ["p", "t"] {
        let mut pty = probe((80, 24));
        pty.send(key);
        assert_eq!(pty.exit_code(BOUND), 101, "{key}");
        given_back(&pty);
        let raw = pty.drained(SOON);
        let left = raw.windows(8).rposition(|window| window == b"\x1b[?1049l").unwrap();
        let report = String::from_utf8_lossy(&raw[left..]).into_owned();
        assert!(report.contains("panicked at"), "the report follows the restored screen: {report}");
    }
}

#[test]
fn panics_with_the_writer_blocked() {
    for key in ["p", "t"] {
        let mut pty = probe((80, 24));
        block_writer(&mut pty);
        pty.send(key);
        assert_eq!(pty.exit_code(BOUND), 101, "{key}");
        pty.go_on();
        given_back(&pty);
    }
}

const SIGNALS: [(Signal, u32); 4] = [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)];

#[test]
fn signals() {
    for (signal, code) in SIGNALS {
        let pty = probe((80, 24));
        pty.signal(signal);
        assert_eq!(pty.exit_code(BOUND), code, "{signal:?}");
        given_back(&pty);
    }
}

#[test]
fn signals_with_the_writer_blocked() {
    for (signal, code) in SIGNALS {
        let mut pty = probe((80, 24));
        block_writer(&mut pty);
        pty.signal(signal);
        assert_eq!(pty.exit_code(BOUND), code, "{signal:?}");
        pty.go_on();
        given_back(&pty);
    }
}

#[test]
fn signals_with_the_main_thread_hung() {
    for (signal, code) in SIGNALS {
        let mut pty = probe((80, 24));
        pty.send("w");
        // The keys behind are read and never answered.
        pty.send("x");
        pty.signal(signal);
        assert_eq!(pty.exit_code(BOUND), code, "{signal:?}");
        given_back(&pty);
    }
}

#[test]
fn stop_and_go_on() {
    let mut pty = probe((80, 24));
    pty.send("x");
    pty.wait_for("count 1", SOON);
    for round in 1..=3 {
        let mark = pty.mark();
        pty.signal(Signal::TSTP);
        pty.until(SOON, "stop", || pty.state() == 'T');
        assert_eq!(pty.termios(), pty.before);
        pty.wait_for_bytes(b"\x1b[?1049l", mark, SOON);
        let raw = pty.raw();
        assert_eq!(["1049", "2004", "25"].map(|mode| last_mode(&raw, mode)), [Some(false), Some(false), Some(true)]);
        let mark = pty.mark();
        pty.signal(Signal::CONT);
        pty.wait_for(&format!("backs {round}"), SOON);
        pty.wait_for("count 1", SOON);
        let said = check(&pty.raw()[mark..]).unwrap_or_else(|violation| panic!("{violation}"));
        assert!(said.clears >= 1, "drawn whole: {said:?}");
        assert_ne!(pty.termios(), pty.before);
    }
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    given_back(&pty);
}

#[test]
fn stopped_without_being_asked() {
    let mut pty = probe((80, 24));
    pty.signal(Signal::STOP);
    pty.until(SOON, "stop", || pty.state() == 'T');
    pty.signal(Signal::CONT);
    pty.wait_for("backs 1", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    given_back(&pty);
}

#[test]
fn stopped_with_the_writer_blocked() {
    let mut pty = probe((80, 24));
    block_writer(&mut pty);
    pty.signal(Signal::TSTP);
    pty.until(SOON, "stop", || pty.state() == 'T');
    assert_eq!(pty.termios(), pty.before);
    pty.go_on();
    pty.signal(Signal::CONT);
    pty.wait_for("backs ", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    given_back(&pty);
}

#[test]
fn the_stop_key_needs_somebody_who_goes_on() {
    let mut pty = probe((80, 24));
    pty.send("\x1a");
    pty.wait_for("note no job control", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
}

#[test]
fn the_stop_key_under_a_shell() {
    let mut pty = Pty::start("/bin/sh", &["-i"], &[("PS1", "ready> ")], (80, 24));
    pty.wait_for("ready>", SOON);
    let before = pty.termios();
    let probe = binary("MLDECK_PTY_PROBE", "term_probe");
    pty.send(format!("{}\n", probe.display()));
    pty.wait_for("probe 80x24", SOON);
    for round in 1..=2 {
        let mark = pty.mark();
        pty.send("\x1a");
        pty.wait_for_bytes(b"ready>", mark, SOON);
        assert_eq!(pty.termios(), before);
        pty.send("fg\n");
        pty.wait_for(&format!("backs {round}"), SOON);
    }
    let mark = pty.mark();
    pty.send("q");
    pty.wait_for_bytes(b"ready>", mark, SOON);
    assert_eq!(pty.termios(), before);
    pty.send("exit 7\n");
    assert_eq!(pty.exit_code(SOON), 7);
}

/// Ends by itself within the bound and does not spend the time spinning.
#[track_caller]
fn ends_quietly(pty: &Pty, ticks: u64) {
    let mut last = ticks;
    pty.until(BOUND, "end", || {
        last = pty.cpu_ticks().unwrap_or(last).max(last);
        pty.has_exited()
    });
    assert_eq!(pty.exit_code(SOON), 129);
    // One percent of the bound is two ticks; one more for the end itself.
    assert!(last - ticks <= 3, "{} ticks after the hang-up", last - ticks);
}

#[test]
fn hang_up() {
    let mut pty = probe((80, 24));
    let ticks = pty.cpu_ticks().unwrap();
    pty.hang_up();
    ends_quietly(&pty, ticks);
}

#[test]
fn hang_up_with_the_main_thread_hung() {
    let mut pty = probe((80, 24));
    pty.send("w");
    let ticks = pty.cpu_ticks().unwrap();
    pty.hang_up();
    ends_quietly(&pty, ticks);
}

#[test]
fn hang_up_with_the_writer_blocked() {
    let mut pty = probe((80, 24));
    block_writer(&mut pty);
    pty.hang_up();
    pty.until(BOUND, "end", || pty.has_exited());
    assert_eq!(pty.exit_code(SOON), 129);
}
