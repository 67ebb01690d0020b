use proptest::prelude::*;
use ratatui::style::{Color, Modifier, Style};

use super::*;

fn lines(lines: &[&str]) -> Buffer {
    Buffer::with_lines(lines.iter().copied())
}

/// The bytes for `next` after `last`, both without a cursor, ESC written as `^`.
fn bytes(last: Buffer, next: Buffer) -> String {
    let mut painter = Painter::default();
    painter.paint(last, None, &mut Vec::new());
    let mut out = Vec::new();
    painter.paint(next, None, &mut out);
    String::from_utf8(out).unwrap().replace('\x1b', "^")
}

/// What stands between the brackets.
fn body(last: Buffer, next: Buffer) -> String {
    let all = bytes(last, next);
    all.strip_prefix("^[?2026h").unwrap().strip_suffix("^[?2026l").unwrap().to_owned()
}

#[test]
fn nothing_changed_is_zero_bytes() {
    let mut buffer = lines(&["fraud-prod", "界 é ⣿", ""]);
    buffer.set_style(Rect::new(0, 0, 5, 1), Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
    let mut painter = Painter::default();
    let mut out = Vec::new();
    painter.paint(buffer.clone(), Some((3, 1)), &mut out);
    out.clear();
    let spare = painter.paint(buffer.clone(), Some((3, 1)), &mut out);
    assert_eq!(out, b"");
    assert_eq!(spare, Some(buffer));
}

#[test]
fn a_cursor_alone_is_a_move() {
    let buffer = lines(&["abc", "def"]);
    let mut painter = Painter::default();
    painter.paint(buffer.clone(), Some((1, 0)), &mut Vec::new());
    let steps: &[(Option<Position>, &str)] = &[
        (Some((1, 1)), "^[B"),
        (Some((1, 0)), "^[A"),
        (Some((0, 0)), "^[G"),
        (Some((2, 1)), "^[2;3H"),
        (Some((1, 1)), "^[D"),
        (None, "^[?25l"),
        (None, ""),
        (Some((9, 9)), ""),
        (Some((0, 1)), "^[G^[?25h"),
    ];
    for (cursor, want) in steps {
        let mut out = Vec::new();
        painter.paint(buffer.clone(), *cursor, &mut out);
        assert_eq!(String::from_utf8(out).unwrap().replace('\x1b', "^"), *want, "{cursor:?}");
    }
}

#[test]
fn a_moved_cursor_row_is_a_hundred_bytes() {
    let rows: Vec<String> = (0..50).map(|n| format!("  endpoint-{n:02}  InService{}", " ".repeat(170))).collect();
    let table = |cursor: u16| {
        let mut buffer = Buffer::with_lines(rows.iter().map(String::as_str));
        buffer.set_string(0, cursor, "▌", Style::new());
        buffer.set_style(Rect::new(2, cursor, 11, 1), Style::new().add_modifier(Modifier::BOLD));
        buffer
    };
    let bytes = bytes(table(20), table(21));
    assert_eq!(bytes, "^[?2026h^[21H  endpoint-20^[22H▌ ^[1mendpoint-21^[?2026l");
    assert!(bytes.len() <= 100, "{} bytes", bytes.len());
}

#[test]
fn one_character_is_one_move_and_one_byte() {
    assert_eq!(body(lines(&["count 1", "same"]), lines(&["count 2", "same"])), "^[1;7H2");
    assert_eq!(body(lines(&["a b c d"]), lines(&["x b y d"])), "^[Hx b y");
    assert_eq!(body(lines(&["a.........z"]), lines(&["b.........y"])), "^[Hb^[9Cy");
}

#[test]
fn a_cleared_row_is_erased_not_overwritten() {
    let long = "x".repeat(80);
    assert_eq!(body(lines(&[&long]), lines(&[&format!("ab{}", " ".repeat(78))])), "^[Hab^[K");
    // Two blanks are cheaper than a sequence, and a coloured blank cannot be erased.
    assert_eq!(body(lines(&["abcd"]), lines(&["ab  "])), "^[1;3H  ");
    let mut blue = lines(&["          "]);
    blue.set_style(blue.area, Style::new().bg(Color::Blue));
    assert_eq!(body(lines(&["xxxxxxxxxx"]), blue), "^[H^[44m          ");
}

#[test]
fn invisible_style_changes_cost_nothing() {
    let mut red = lines(&["a b"]);
    red[(1, 0)].fg = Color::Red;
    red[(1, 0)].modifier = Modifier::BOLD;
    assert_eq!(bytes(lines(&["a b"]), red), "");
}

#[test]
fn wide_symbols_own_their_columns() {
    assert_eq!(body(lines(&["界x"]), lines(&["ab "])), "^[Hab ");
    assert_eq!(body(lines(&["abx"]), lines(&["界x"])), "^[H界");
    assert_eq!(body(lines(&["界x"]), lines(&["a界"])), "^[Ha界");
    // Behind a symbol of disputed width the next place is named, not assumed.
    assert_eq!(body(lines(&["aaax"]), lines(&["界ay"])), "^[H界^[1;4Hy");
}

#[test]
fn a_new_size_clears_first() {
    let drawn = body(lines(&["abc"]), lines(&["abcd"]));
    assert_eq!(drawn, "^[m^[H^[2Jabcd");
    let mut painter = Painter::default();
    painter.paint(lines(&["abc"]), None, &mut Vec::new());
    painter.forget();
    let (mut out, mut again) = (Vec::new(), Vec::new());
    painter.paint(lines(&["abc"]), None, &mut out);
    assert_eq!(out, b"\x1b[?2026h\x1b[m\x1b[H\x1b[2Jabc\x1b[?25l\x1b[?2026l");
    painter.forget();
    painter.again(None, &mut again);
    assert_eq!(again, out);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "plays the painter that does not filter")]
fn hostile_cells_never_leave() {
    let hostile = [
        "\x1b[2J",
        "\x1b",
        "\u{9b}31m",
        "\r",
        "\n",
        "\u{7}",
        "\u{202e}",
        "a\u{200b}",
        "\u{feff}",
        "\u{e0041}",
        "\u{301}",
    ];
    for symbol in hostile {
        let mut next = lines(&["...."]);
        next[(1, 0)].set_symbol(symbol);
        assert_eq!(body(lines(&["...."]), next), "^[1;2H?", "{symbol:?}");
    }
    let mut last = lines(&["..."]);
    last[(2, 0)].set_symbol("界");
    assert_eq!(body(lines(&["..."]), last), "^[1;3H?");
}

#[test]
fn empty_areas_paint() {
    for area in [Rect::new(0, 0, 0, 0), Rect::new(0, 0, 0, 5), Rect::new(0, 0, 5, 0), Rect::new(0, 0, 1, 1)] {
        let mut painter = Painter::default();
        let mut out = Vec::new();
        painter.paint(Buffer::empty(area), Some((0, 0)), &mut out);
        assert!(out.starts_with(BEGIN) && out.ends_with(END));
    }
}

const WIDTH: u16 = 12;
const HEIGHT: u16 = 4;

fn symbols() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(" "), 2 => Just("a"), 2 => Just("b"), 1 => Just("é"), 1 => Just("─"), 2 => Just("界"), 1 => Just("⣿")]
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![
        4 => Just(Style::new()),
        1 => Just(Style::new().fg(Color::Red)),
        1 => Just(Style::new().bg(Color::Indexed(40))),
        1 => Just(Style::new().fg(Color::Rgb(1, 2, 3)).add_modifier(Modifier::BOLD)),
        1 => Just(Style::new().add_modifier(Modifier::REVERSED | Modifier::UNDERLINED)),
    ]
}

fn buffers() -> impl Strategy<Value = Buffer> {
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    prop::collection::vec((0..WIDTH, 0..HEIGHT, symbols(), styles()), 0..40).prop_map(move |cells| {
        let mut buffer = Buffer::empty(area);
        for (x, y, symbol, style) in cells {
            buffer.set_string(x, y, symbol, style);
        }
        buffer
    })
}

fn shown(color: Color) -> vt100::Color {
    match color {
        Color::Red => vt100::Color::Idx(1),
        Color::Indexed(n) => vt100::Color::Idx(n),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        _ => vt100::Color::Default,
    }
}

fn check(screen: &vt100::Screen, want: &Buffer) -> Result<(), TestCaseError> {
    for y in 0..HEIGHT {
        let row = &want.content[usize::from(y * WIDTH)..usize::from((y + 1) * WIDTH)];
        let mut x = 0;
        while x < row.len() {
            let (text, width) = fitted(row[x].symbol(), row.len() - x);
            let cell = screen.cell(y, column(x)).unwrap();
            let got = if cell.contents().is_empty() { " " } else { cell.contents() };
            prop_assert_eq!(got, text, "at {},{}", x, y);
            prop_assert_eq!(cell.bgcolor(), shown(row[x].bg), "background at {},{}", x, y);
            prop_assert_eq!(cell.inverse(), row[x].modifier.contains(Modifier::REVERSED));
            if text != " " {
                prop_assert_eq!(cell.fgcolor(), shown(row[x].fg), "foreground at {},{}", x, y);
                prop_assert_eq!(cell.bold(), row[x].modifier.contains(Modifier::BOLD));
            }
            x += usize::from(width);
        }
    }
    Ok(())
}

proptest! {
    /// An emulator that saw only the differences shows every frame.
    #[test]
    fn differences_add_up_to_the_frame(frames in prop::collection::vec(buffers(), 1..6)) {
        let mut parser = vt100::Parser::new(HEIGHT, WIDTH, 0);
        let mut painter = Painter::default();
        for frame in frames {
            let mut out = Vec::new();
            painter.paint(frame.clone(), Some((2, 1)), &mut out);
            parser.process(&out);
            check(parser.screen(), &frame)?;
            prop_assert_eq!(parser.screen().cursor_position(), (1, 2));
        }
    }
}
