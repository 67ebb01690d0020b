//! From the colours a theme wishes to those the terminal has: true colour → 256 → 16 → none. Done once per theme.

use ratatui::style::{Color, Modifier, Style};

use crate::term::Depth;

/// `style` with what `depth` offers. Without colour, `mono` adds the modifiers that carry the meaning instead.
pub(super) fn style(style: Style, mono: Style, depth: Depth) -> Style {
    match depth {
        Depth::True => style,
        Depth::Ansi256 => recolour(style, to_256),
        Depth::Ansi16 => {
            let mut out = recolour(style, to_16);
            // A dark surface is no colour of its own here: the row would look like all others.
            if out.bg == Some(Color::Black) && style.bg != Some(Color::Black) && style.bg != Some(Color::Rgb(0, 0, 0)) {
                out.bg = None;
                out = out.add_modifier(Modifier::REVERSED);
            } else if let (Some(bg), Some(_)) = (out.bg.filter(|bg| *bg != Color::Reset), out.fg) {
                out.fg = Some(readable_on(bg));
            }
            out
        }
        Depth::Mono => Style::new().add_modifier(style.add_modifier | mono.add_modifier),
    }
}

fn recolour(mut style: Style, with: fn(Color) -> Color) -> Style {
    style.fg = style.fg.map(with);
    style.bg = style.bg.map(with);
    style
}

const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the 6 × 6 × 6 cube and the 24 greys; the first 16 are left out, because every terminal paints its own.
fn to_256(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    let step = |v: u8| (0u8..).zip(CUBE).min_by_key(|(_, level)| level.abs_diff(v)).unwrap_or_default();
    let ((ri, rv), (gi, gv), (bi, bv)) = (step(r), step(g), step(b));
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let grey_index = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + 10 * grey_index;
    if distance((r, g, b), (grey, grey, grey)) < distance((r, g, b), (rv, gv, bv)) {
        Color::Indexed(232 + grey_index)
    } else {
        Color::Indexed(16 + 36 * ri + 6 * gi + bi)
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    // The eye sees green best and blue worst.
    3 * square(a.0, b.0) + 4 * square(a.1, b.1) + 2 * square(a.2, b.2)
}

/// By hue, not by distance: the nearest of the 16 to a soft green is a grey, and a state must keep its hue.
fn to_16(color: Color) -> Color {
    let (r, g, b) = match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(n @ 16..) => rgb_of(n),
        Color::Indexed(n) => return ANSI.get(usize::from(n)).copied().unwrap_or(Color::Reset),
        other => return other,
    };
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = max - min;
    // Below this a surface is a shade of the background, above 0.3 of its brightness a colour is a colour.
    if max < 80 {
        return Color::Black;
    }
    if u32::from(chroma) * 10 < u32::from(max) * 3 {
        return match max {
            0..90 => Color::Black,
            90..150 => Color::DarkGray,
            150..235 => Color::Gray,
            _ => Color::White,
        };
    }
    let bright = luma(r, g, b) > 120;
    let hue = hue(r, g, b, max, chroma);
    let pick = |normal, light| if bright { light } else { normal };
    match hue {
        20..75 => pick(Color::Yellow, Color::LightYellow),
        75..160 => pick(Color::Green, Color::LightGreen),
        160..198 => pick(Color::Cyan, Color::LightCyan),
        198..265 => pick(Color::Blue, Color::LightBlue),
        265..335 => pick(Color::Magenta, Color::LightMagenta),
        _ => pick(Color::Red, Color::LightRed),
    }
}

/// Degrees, 0 is red.
fn hue(r: u8, g: u8, b: u8, max: u8, chroma: u8) -> i32 {
    let (r, g, b, chroma) = (i32::from(r), i32::from(g), i32::from(b), i32::from(chroma).max(1));
    let max = i32::from(max);
    let degrees = if max == r {
        60 * (g - b) / chroma
    } else if max == g {
        120 + 60 * (b - r) / chroma
    } else {
        240 + 60 * (r - g) / chroma
    };
    degrees.rem_euclid(360)
}

fn luma(r: u8, g: u8, b: u8) -> u32 {
    (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000
}

/// Black or white, for text on one of the 16.
const fn readable_on(bg: Color) -> Color {
    match bg {
        Color::Black | Color::Red | Color::Blue | Color::Magenta | Color::DarkGray => Color::White,
        _ => Color::Black,
    }
}

const ANSI: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// Of one of the 240 fixed colours.
fn rgb_of(index: u8) -> (u8, u8, u8) {
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return (grey, grey, grey);
    }
    let n = index.saturating_sub(16);
    let level = |i: u8| CUBE.get(usize::from(i)).copied().unwrap_or_default();
    (level(n / 36), level(n / 6 % 6), level(n % 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_colours_map_to_themselves() {
        for index in 16..=255 {
            let (r, g, b) = rgb_of(index);
            let Color::Indexed(back) = to_256(Color::Rgb(r, g, b)) else { panic!("{index} stayed RGB") };
            assert_eq!(rgb_of(back), (r, g, b), "{index} → {back}");
        }
    }

    #[test]
    fn states_keep_their_hue_with_sixteen_colours() {
        for (rgb, ansi) in [
            ((0x7f, 0xd3, 0x8c), Color::LightGreen),
            ((0xe8, 0xc4, 0x5c), Color::LightYellow),
            ((0xff, 0x80, 0x80), Color::LightRed),
            ((0x74, 0xb3, 0xff), Color::LightBlue),
            ((0x5f, 0xd0, 0xd8), Color::LightCyan),
            ((0xd7, 0xa2, 0xf7), Color::LightMagenta),
            ((0xad, 0x1a, 0x1a), Color::Red),
            ((0x0f, 0x52, 0xad), Color::Blue),
            ((0x9c, 0xa6, 0xb5), Color::Gray),
            ((0x5f, 0x6b, 0x7d), Color::DarkGray),
            ((0, 0, 0), Color::Black),
        ] {
            assert_eq!(to_16(Color::Rgb(rgb.0, rgb.1, rgb.2)), ansi, "{rgb:?}");
        }
    }

    #[test]
    fn a_dark_surface_becomes_reverse() {
        let cursor = Style::new().bg(Color::Rgb(0x2a, 0x32, 0x42));
        let out = style(cursor, Style::new(), Depth::Ansi16);
        assert_eq!((out.bg, out.add_modifier), (None, Modifier::REVERSED));
    }

    #[test]
    fn without_colour_only_modifiers_are_left() {
        let bad = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        let out = style(bad, Style::new().add_modifier(Modifier::UNDERLINED), Depth::Mono);
        assert_eq!(out, Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED));
    }
}
