use proptest::prelude::*;

use super::*;

const NONE: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const ALT: KeyModifiers = KeyModifiers::ALT;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

fn char_key(c: char) -> Input {
    key(KeyCode::Char(c), NONE)
}

/// What a terminal that sends `bytes` and then falls silent said.
fn read(bytes: &[u8]) -> Vec<Input> {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    parser.feed(bytes, &mut out);
    parser.expire(&mut out);
    assert_eq!(parser.waiting(), Waiting::Nothing);
    out
}

#[test]
fn keys() {
    use KeyCode::{
        BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp, Right, Tab,
        Up,
    };
    let cases: &[(&[u8], KeyCode, KeyModifiers)] = &[
        (b"a", Char('a'), NONE),
        (b"A", Char('A'), SHIFT),
        (b"?", Char('?'), NONE),
        (b" ", Char(' '), NONE),
        (b"\r", Enter, NONE),
        (b"\n", Char('j'), CTRL),
        (b"\t", Tab, NONE),
        (b"\x7f", Backspace, NONE),
        (b"\x08", Char('h'), CTRL),
        (b"\x03", Char('c'), CTRL),
        (b"\x1a", Char('z'), CTRL),
        (b"\x00", Char(' '), CTRL),
        (b"\x1c", Char('4'), CTRL),
        (b"\x1f", Char('7'), CTRL),
        ("é".as_bytes(), Char('é'), NONE),
        ("界".as_bytes(), Char('界'), NONE),
        ("🦀".as_bytes(), Char('🦀'), NONE),
        ("Ä".as_bytes(), Char('Ä'), SHIFT),
        (b"\x1b", Esc, NONE),
        (b"\x1ba", Char('a'), ALT),
        (b"\x1bB", Char('B'), KeyModifiers::ALT.union(SHIFT)),
        ("\x1bé".as_bytes(), Char('é'), ALT),
        (b"\x1b[", Char('['), ALT),
        (b"\x1bO", Char('O'), KeyModifiers::ALT.union(SHIFT)),
        (b"\x1b]", Char(']'), ALT),
        (b"\x1b\r", Enter, ALT),
        (b"\x1b[A", Up, NONE),
        (b"\x1b[B", Down, NONE),
        (b"\x1b[C", Right, NONE),
        (b"\x1b[D", Left, NONE),
        (b"\x1bOA", Up, NONE),
        (b"\x1bOM", Enter, NONE),
        (b"\x1b[1;5C", Right, CTRL),
        (b"\x1b[1;2A", Up, SHIFT),
        (b"\x1b[H", Home, NONE),
        (b"\x1b[F", End, NONE),
        (b"\x1b[1~", Home, NONE),
        (b"\x1b[2~", Insert, NONE),
        (b"\x1b[3~", Delete, NONE),
        (b"\x1b[3;5~", Delete, CTRL),
        (b"\x1b[4~", End, NONE),
        (b"\x1b[5~", PageUp, NONE),
        (b"\x1b[6~", PageDown, NONE),
        (b"\x1b[Z", BackTab, SHIFT),
        (b"\x1bOP", F(1), NONE),
        (b"\x1b[[A", F(1), NONE),
        (b"\x1b[[E", F(5), NONE),
        (b"\x1b[11~", F(1), NONE),
        (b"\x1b[15~", F(5), NONE),
        (b"\x1b[17~", F(6), NONE),
        (b"\x1b[21~", F(10), NONE),
        (b"\x1b[24~", F(12), NONE),
        (b"\x1b[1;2R", F(3), SHIFT),
        (b"\x1b[97;5u", Char('a'), CTRL),
        (b"\x1b[13;2u", Enter, SHIFT),
        (b"\x1b[9;2u", BackTab, SHIFT),
        (b"\x1b[27;5;105~", Char('i'), CTRL),
    ];
    for (bytes, code, modifiers) in cases {
        assert_eq!(read(bytes), [key(*code, *modifiers)], "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn what_nobody_asked_for_is_swallowed() {
    let cases: &[&[u8]] = &[
        b"\x1b[<0;10;20M",
        b"\x1b[<0;10;20m",
        b"\x1b[M !!",
        b"\x1b[?62;4c",
        b"\x1b[24;80R",
        b"\x1b[200;300R",
        b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
        b"\x1b]52;c;cm0gLXJm\x1b\\",
        b"\x1bP>|xterm(380)\x1b\\",
        b"\x1bP1+r544e=787465726d\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[97;1:3u",
        b"\x1b[57441u",
        b"\x1b[201~",
        b"\x1b[99999999999999999999~",
        b"\xff\xfe\x80",
        b"\xc2\x9b",
        b"\xed\xa0\x80",
    ];
    for bytes in cases {
        let mut followed = bytes.to_vec();
        followed.push(b'k');
        assert_eq!(read(&followed), [char_key('k')], "{}", bytes.escape_ascii());
    }
    let endless = [b"\x1b[".as_slice(), &[b'1'; 10_000], b"~k"].concat();
    assert_eq!(read(&endless), [char_key('k')]);
}

#[test]
fn a_broken_sequence_costs_only_itself() {
    assert_eq!(read(b"\x1b[1;\x1b[A"), [key(KeyCode::Up, NONE)]);
    assert_eq!(read(b"\x1b\x1b[A"), [key(KeyCode::Esc, NONE), key(KeyCode::Up, NONE)]);
    assert_eq!(read(b"\x1b]q"), [key(KeyCode::Char(']'), ALT), char_key('q')]);
    assert_eq!(read(b"\xe7\x95k"), [char_key('k')]);
    assert_eq!(read(b"\x1b]11;rgb"), []);
}

#[test]
fn sequences_may_come_in_pieces() {
    let mut parser = Parser::default();
    let mut out = Vec::new();
    for (piece, waiting) in [
        (&b"\x1b"[..], Waiting::Sequence),
        (b"[", Waiting::Sequence),
        (b"1;5", Waiting::Sequence),
        (b"D", Waiting::Nothing),
        (b"\xe7\x95", Waiting::Sequence),
        (b"\x8c", Waiting::Nothing),
        (b"\x1b[200~ab\x1b[20", Waiting::Paste),
        (b"1~", Waiting::Nothing),
    ] {
        parser.feed(piece, &mut out);
        assert_eq!(parser.waiting(), waiting, "{}", piece.escape_ascii());
    }
    let paste = Input::Paste { text: "ab".to_owned(), cut: false };
    assert_eq!(out, [key(KeyCode::Left, CTRL), char_key('界'), paste]);
}

#[test]
fn focus_and_paste() {
    let paste = |text: &str| Input::Paste { text: text.to_owned(), cut: false };
    assert_eq!(read(b"\x1b[I\x1b[O"), [Input::Focus(true), Input::Focus(false)]);
    assert_eq!(read(b"\x1b[200~one\rtwo\r\nthree\x1b[201~k"), [paste("one\ntwo\nthree"), char_key('k')]);
    assert_eq!(read(b"\x1b[200~\x1b[\x1b[2x\x1b[201~"), [paste("\u{1b}[\u{1b}[2x")]);
    assert_eq!(read(b"\x1b[200~never ends"), [Input::PasteAbandoned]);
}

#[test]
fn a_paste_is_cut_at_a_character() {
    let bomb = [b"\x1b[200~a".as_slice(), "é".repeat(PASTE_CAP).as_bytes(), b"\x1b[201~k"].concat();
    let events = read(&bomb);
    let want = format!("a{}", "é".repeat((PASTE_CAP - 1) / 2));
    assert_eq!(events, [Input::Paste { text: want, cut: true }, char_key('k')]);
}

proptest! {
    /// Nothing that arrives makes the parser panic, hold on to more than its caps, or stay deaf.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b'2'), Just(b'~')], 0..600)) {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        parser.feed(&bytes, &mut out);
        parser.expire(&mut out);
        out.clear();
        parser.feed(b"k", &mut out);
        prop_assert_eq!(out, [char_key('k')]);
    }

    /// Where the reads fall makes no difference.
    #[test]
    fn any_split(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b'A')], 0..60), at in 0_usize..60) {
        let at = at.min(bytes.len());
        let mut parser = Parser::default();
        let mut out = Vec::new();
        parser.feed(&bytes[..at], &mut out);
        parser.feed(&bytes[at..], &mut out);
        parser.expire(&mut out);
        prop_assert_eq!(out, read(&bytes));
    }
}
