//! Colours and modifiers as bytes: always the shorter of "change what differs" and "reset, then set".

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};

/// Modifiers that show on a blank; without them a blank is only its background.
const SEEN_ON_BLANK: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::CROSSED_OUT)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK);

/// Set code, unset code. Text is never hidden: `HIDDEN` is not sent.
const CODES: &[(Modifier, u8, u8)] = &[
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// How the terminal draws the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pen {
    pub(super) fg: Color,
    pub(super) bg: Color,
    pub(super) modifier: Modifier,
}

impl Pen {
    pub(super) const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    pub(super) fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier.difference(Modifier::HIDDEN) }
    }

    /// The least change of this pen that draws a blank of `cell` right.
    #[must_use]
    pub(super) fn for_blank(self, cell: &Cell) -> Self {
        self.for_blank_of(Self::of(cell))
    }

    /// The same for a blank in the pen `want`.
    #[must_use]
    pub(super) fn for_blank_of(self, want: Self) -> Self {
        if want.modifier.intersects(SEEN_ON_BLANK) {
            return want;
        }
        Self { fg: self.fg, bg: want.bg, modifier: self.modifier.difference(SEEN_ON_BLANK) }
    }

    /// Appends the bytes that turn this pen into `to`; nothing when they are equal.
    pub(super) fn change(self, to: Self, out: &mut Vec<u8>) {
        if self == to {
            return;
        }
        if to == Self::PLAIN {
            out.extend_from_slice(b"\x1b[m");
            return;
        }
        let start = out.len();
        let mut delta = Codes::open(out);
        self.delta(to, &mut delta);
        delta.close();
        let middle = out.len();
        let mut whole = Codes::open(out);
        whole.code(0);
        Self::PLAIN.delta(to, &mut whole);
        whole.close();
        if out.len() - middle < middle - start {
            out.drain(start..middle);
        } else {
            out.truncate(middle);
        }
    }

    fn delta(self, to: Self, codes: &mut Codes<'_>) {
        let mut have = self.modifier;
        for &(modifier, _, off) in CODES {
            if have.contains(modifier) && !to.modifier.contains(modifier) {
                codes.code(off);
                // One off code ends both of its pair (bold and dim, slow and rapid); what stays is set again below.
                for &(other, _, same) in CODES {
                    if same == off {
                        have.remove(other);
                    }
                }
            }
        }
        for &(modifier, on, _) in CODES {
            if to.modifier.contains(modifier) && !have.contains(modifier) {
                codes.code(on);
            }
        }
        if self.fg != to.fg {
            codes.color(to.fg, 30);
        }
        if self.bg != to.bg {
            codes.color(to.bg, 40);
        }
    }
}

/// Appends a decimal number. A whole frame has thousands of them.
pub(super) fn number(n: u16, out: &mut Vec<u8>) {
    if n >= 10 {
        number(n / 10, out);
    }
    out.push(b'0' + (n % 10) as u8);
}

/// An SGR sequence being written.
struct Codes<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Codes<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(b"\x1b[");
        Self { out, first: true }
    }

    fn code(&mut self, n: u8) {
        if !self.first {
            self.out.push(b';');
        }
        self.first = false;
        number(u16::from(n), self.out);
    }

    /// `base` is 30 for the foreground, 40 for the background.
    fn color(&mut self, color: Color, base: u8) {
        let simple = match color {
            Color::Reset => 9,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 60,
            Color::LightRed => 61,
            Color::LightGreen => 62,
            Color::LightYellow => 63,
            Color::LightBlue => 64,
            Color::LightMagenta => 65,
            Color::LightCyan => 66,
            Color::White => 67,
            Color::Indexed(n) => {
                for n in [base + 8, 5, n] {
                    self.code(n);
                }
                return;
            }
            Color::Rgb(r, g, b) => {
                for n in [base + 8, 2, r, g, b] {
                    self.code(n);
                }
                return;
            }
        };
        self.code(base + simple);
    }

    fn close(self) {
        self.out.push(b'm');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(from: Pen, to: Pen) -> String {
        let mut out = Vec::new();
        from.change(to, &mut out);
        String::from_utf8(out).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn the_shorter_way_is_taken() {
        let plain = Pen::PLAIN;
        let red = Pen { fg: Color::Red, ..plain };
        let bold = Pen { modifier: Modifier::BOLD, ..plain };
        let loud = Pen { fg: Color::Rgb(1, 2, 3), bg: Color::Indexed(200), modifier: Modifier::BOLD | Modifier::DIM };
        let cases: &[(Pen, Pen, &str)] = &[
            (plain, plain, ""),
            (plain, red, "^[31m"),
            (red, plain, "^[m"),
            (bold, Pen { modifier: Modifier::BOLD | Modifier::UNDERLINED, ..plain }, "^[4m"),
            (plain, Pen { fg: Color::White, bg: Color::DarkGray, ..plain }, "^[97;100m"),
            (plain, loud, "^[1;2;38;2;1;2;3;48;5;200m"),
            (loud, Pen { modifier: Modifier::DIM, ..loud }, "^[22;2m"),
            (loud, bold, "^[0;1m"),
            (loud, red, "^[0;31m"),
        ];
        for (from, to, want) in cases {
            assert_eq!(bytes(*from, *to), *want, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for n in [0, 9, 10, 99, 100, 255, 256, 1_000, u16::MAX] {
            let mut out = Vec::new();
            number(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), n.to_string());
        }
    }

    #[test]
    fn hidden_is_never_asked_for() {
        let mut cell = Cell::new("x");
        cell.modifier = Modifier::HIDDEN | Modifier::BOLD;
        assert_eq!(Pen::of(&cell).modifier, Modifier::BOLD);
    }

    #[test]
    fn a_blank_keeps_what_it_cannot_show() {
        let pen = Pen { fg: Color::Red, bg: Color::Blue, modifier: Modifier::BOLD | Modifier::UNDERLINED };
        let mut blank = Cell::EMPTY;
        assert_eq!(pen.for_blank(&blank), Pen { fg: Color::Red, bg: Color::Reset, modifier: Modifier::BOLD });
        blank.modifier = Modifier::REVERSED;
        assert_eq!(pen.for_blank(&blank), Pen { modifier: Modifier::REVERSED, ..Pen::PLAIN });
    }
}
