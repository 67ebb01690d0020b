//! The list of what may be said is itself a test subject: it has to refuse.

use mldeck::term::backend::Painter;
use proptest::prelude::*;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use crate::support::allow::check;

#[test]
fn what_we_say_is_allowed() {
    let said = check(
        "\x1b[?1049h\x1b[?25l\x1b[?2026h\x1b[m\x1b[H\x1b[2J\x1b[1;38;2;1;2;3mfraud 界 é ⣿\x1b[12;3H\x1b[C\x1b[K\x1b[?2026l\
         \x1b]52;c;YQ==\x1b\\\x1b]9;mldeck: done x\x1b\\\x07\x1b\\\x1b[?25h\x1b[?1049l"
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(said.characters, "fraud 界 é ⣿".chars().count());
    assert_eq!(said.commands, ["52;c;YQ==", "9;mldeck: done x"]);
    assert_eq!((said.bells, said.clears), (1, 1));
    assert_eq!(["1049", "25", "2026", "7"].map(|mode| said.mode(mode)), [Some(false), Some(true), Some(false), None]);
}

#[test]
fn everything_else_is_refused() {
    let refused: &[&[u8]] = &[
        b"\r",
        b"\n",
        b"\t",
        b"\x08",
        b"\x7f",
        b"\x1b",
        b"\x1bc",
        b"\x1b7",
        b"\x1b[",
        b"\x1b[6n",
        b"\x1b[c",
        b"\x1b[21t",
        b"\x1b[3J",
        b"\x1b[1K",
        b"\x1b[?1000h",
        b"\x1b[?9999h",
        b"\x1b[4h",
        b"\x1b[1;\x1b[m",
        b"\x1b[1;2;3H",
        b"\x1b[999999C",
        b"\x1b]52;c;?\x1b\\",
        b"\x1b]52;p;YQ==\x1b\\",
        b"\x1b]52;c;YQ==\x07",
        b"\x1b]0;title\x1b\\",
        b"\x1b]2;other\x1b\\",
        b"\x1b]8;;https://example.org\x1b\\",
        b"\x1b]9;4;1;50\x1b\\",
        b"\x1b]777;notify;mldeck;a;b\x1b\\",
        b"\x1b]52;c;YQ==",
        b"\x1bP1$r\x1b\\",
        b"\x1b_G\x1b\\",
        b"\x9b31m",
        b"\xc2\x9b31m",
        b"\xff",
        b"\xe7\x95",
        "\u{202e}".as_bytes(),
        "\u{200b}".as_bytes(),
        "\u{feff}".as_bytes(),
        "\u{e0041}".as_bytes(),
    ];
    for bytes in refused {
        assert!(check(bytes).is_err(), "{}", bytes.escape_ascii());
    }
    assert_eq!(check(b"abc\x1b[6n").unwrap_err().at, 3);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let control = bytes.iter().any(|b| *b < 0x20 && *b != 0x1b && *b != 7);
        let verdict = check(&bytes);
        prop_assert!(!control || verdict.is_err());
    }

    /// Whatever stands in the cells, only what is allowed leaves.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "plays the painter that does not filter")]
    fn any_cell_is_safe(
        cells in prop::collection::vec((0_u16..20, 0_u16..4, symbol(), any::<u16>(), any::<(u8, u8, u8)>()), 0..60),
        cursor in prop::option::of((0_u16..25, 0_u16..5)),
    ) {
        let mut painter = Painter::default();
        let mut next = Buffer::empty(Rect::new(0, 0, 20, 4));
        for (x, y, symbol, modifier, (r, g, b)) in cells {
            let style = Style::new().fg(Color::Rgb(r, g, b)).bg(Color::Indexed(r));
            next[(x, y)].set_symbol(&symbol).set_style(style.add_modifier(Modifier::from_bits_truncate(modifier)));
            let mut out = Vec::new();
            painter.paint(next.clone(), cursor, &mut out);
            let verdict = check(&out);
            prop_assert!(verdict.is_ok(), "{:?} for {:?}", verdict, symbol);
        }
    }
}

fn symbol() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,4}",
        "\\PC{0,3}",
        any::<char>().prop_map(String::from),
        prop::char::range('\0', '\u{a0}').prop_map(String::from),
        prop::char::range('\u{2000}', '\u{2070}').prop_map(|c| format!("e{c}")),
    ]
}
