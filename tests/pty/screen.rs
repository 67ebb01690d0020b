//! What is drawn, and what it costs.

use crate::{
    probe,
    support::{allow::check, pty::SOON},
};

#[test]
fn a_key_costs_what_it_changes() {
    let mut pty = probe((80, 24));
    let mark = pty.mark();
    pty.send("x");
    pty.wait_for("count 1", SOON);
    let end = b"\x1b[?2026l";
    pty.wait_for_bytes(end, mark, SOON);
    let said = pty.raw()[mark..].escape_ascii().to_string();
    // One bracket, one digit behind a jump from the cursor, and the way back to it.
    assert_eq!(said, r"\x1b[?2026h\x1b[6C1\x1b[G\x1b[?2026l");
}

#[test]
fn nothing_changed_is_zero_bytes() {
    let mut pty = probe((80, 24));
    // A focus report that changes nothing on the second time makes the probe draw without a difference.
    pty.send("\x1b[I");
    pty.wait_for("note focus true", SOON);
    pty.wait_for_bytes(b"true", 0, SOON);
    let mark = pty.mark();
    pty.send("\x1b[I\x1b[I\x1b[I");
    pty.send("x");
    pty.wait_for("count 1", SOON);
    pty.wait_for_bytes(b"\x1b[?2026l", mark, SOON);
    let said = pty.raw()[mark..].escape_ascii().to_string();
    assert_eq!(said.matches("?2026h").count(), 1, "{said}");
}

#[test]
fn hostile_cells_never_leave() {
    let mut pty = probe((60, 12));
    pty.send("h");
    pty.wait_for("? ? ? ? ? ? ? ? ? ? ? ? ? ? ? e\u{301} 界", SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    check(&pty.drained(SOON)).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn clipboard_and_notification_are_clean() {
    let mut pty = probe((60, 12));
    pty.send("cn");
    pty.wait_for_bytes(b"\x1b]9;", 0, SOON);
    pty.send("q");
    assert_eq!(pty.exit_code(SOON), 0);
    let said = check(&pty.drained(SOON)).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(said.commands.len(), 2, "{said:?}");
    assert!(said.commands[0].starts_with("52;c;YXJuOmF3czpzYWdlbWFrZX"), "{said:?}");
    assert!(said.commands[1].starts_with("9;mldeck: rollback done fraud"), "{said:?}");
}

#[test]
fn the_cursor_is_real() {
    let pty = probe((60, 12));
    pty.emulated(|screen| {
        assert_eq!(screen.cursor_position(), (1, 0));
        assert!(!screen.hide_cursor());
        assert!(screen.alternate_screen());
        assert!(screen.bracketed_paste());
    });
}

#[test]
fn stepping_aside_draws_everything_again() {
    let mut pty = probe((60, 12));
    let mark = pty.mark();
    pty.send("a");
    pty.wait_for("note been aside", SOON);
    pty.wait_for("probe 60x12", SOON);
    let after = pty.raw().split_off(mark);
    let said = check(&after).unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(said.modes[0].0, "2026", "the rest of the frame before: {said:?}");
    let screens: Vec<bool> = said.modes.iter().filter(|(mode, _)| mode == "1049").map(|(_, on)| *on).collect();
    assert_eq!(screens, [false, true]);
    assert!(said.clears >= 1);
}

#[test]
fn a_small_terminal_is_refused_untouched() {
    use crate::support::pty::{Pty, binary};
    let pty = Pty::start::<&str>(binary("MLDECK_PTY_PROBE", "term_probe"), &[], &[], (10, 5));
    assert_eq!(pty.exit_code(SOON), 2);
    let said = String::from_utf8(pty.drained(SOON)).unwrap();
    assert_eq!(said.replace("\r\n", ""), "term_probe: the terminal is 10×5; at least 20×6 is needed");
    assert_eq!(pty.termios(), pty.before);
}

#[test]
fn no_terminal_is_refused() {
    use crate::support::pty::binary;
    let output = std::process::Command::new(binary("MLDECK_PTY_PROBE", "term_probe")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is not a terminal"), "{said}");
    assert_eq!(output.stdout, b"");
}
