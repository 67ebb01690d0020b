//! A buffer as a picture, for the screenshots of the documentation: the same buffer always gives the same bytes.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use super::pen;

/// Colours of the picture where the buffer names none, and the sixteen that terminals have names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    pub foreground: u32,
    pub background: u32,
    /// Black, red, green, yellow, blue, magenta, cyan, grey, then the bright ones.
    pub ansi: [u32; 16],
}

impl Default for Palette {
    fn default() -> Self {
        Self {
            foreground: 0xd0_d4_dc,
            background: 0x14_17_1c,
            ansi: [
                0x1d_21_28, 0xe0_5f_65, 0x8c_c5_70, 0xe5_c0_7b, 0x6c_a8_f0, 0xc6_8a_ee, 0x56_c2_c9, 0xc4_c9_d2,
                0x6b_73_80, 0xff_7b_80, 0xa8_e0_8c, 0xff_d9_94, 0x8f_c1_ff, 0xdc_aa_ff, 0x7e_e0_e6, 0xff_ff_ff,
            ],
        }
    }
}

/// Size of one cell in pixels.
const WIDTH: f64 = 8.4;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 10.0;

/// What runs of cells share.
#[derive(Clone, Copy, PartialEq)]
struct Ink {
    fg: u32,
    bg: u32,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
}

pub fn svg(buf: &Buffer, palette: &Palette) -> String {
    let (columns, rows) = (f64::from(buf.area.width), f64::from(buf.area.height));
    let (width, height) = (columns * WIDTH + 2.0 * MARGIN, rows * HEIGHT + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
         <style>text{{font:14px \"DejaVu Sans Mono\",Menlo,Consolas,monospace;white-space:pre}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#{:06x}\"/>\n",
        palette.background
    );
    for y in buf.area.y..buf.area.bottom() {
        let runs = runs(buf, y, palette);
        for run in &runs {
            background(&mut out, run, y - buf.area.y, palette);
        }
        for run in &runs {
            text(&mut out, run, y - buf.area.y);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Neighbouring cells of one look.
struct Run {
    column: u16,
    columns: u16,
    text: String,
    ink: Ink,
}

fn runs(buf: &Buffer, y: u16, palette: &Palette) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    let mut x = buf.area.x;
    while x < buf.area.right() {
        let cell = &buf[(x, y)];
        let wide = u16::try_from(pen::width(cell.symbol())).unwrap_or(1).max(1);
        let ink = ink(cell, palette);
        match out.last_mut() {
            // A font may draw wide characters at its own width: each starts a run, and so keeps its place.
            Some(run) if run.ink == ink && wide == 1 && usize::from(run.columns) == run.text.chars().count() => {
                run.columns += 1;
                run.text.push_str(cell.symbol());
            }
            _ => out.push(Run { column: x - buf.area.x, columns: wide, text: cell.symbol().to_owned(), ink }),
        }
        x += wide;
    }
    out
}

fn ink(cell: &Cell, palette: &Palette) -> Ink {
    let has = |modifier| cell.modifier.contains(modifier);
    let (fg, bg) = (colour(cell.fg, palette.foreground, palette), colour(cell.bg, palette.background, palette));
    let (fg, bg) = if has(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) };
    Ink {
        fg,
        bg,
        bold: has(Modifier::BOLD),
        dim: has(Modifier::DIM),
        italic: has(Modifier::ITALIC),
        underlined: has(Modifier::UNDERLINED),
    }
}

fn colour(colour: Color, default: u32, palette: &Palette) -> u32 {
    let named = match colour {
        Color::Reset => return default,
        Color::Rgb(r, g, b) => return u32::from_be_bytes([0, r, g, b]),
        Color::Indexed(index) => return indexed(index, palette),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    palette.ansi[named]
}

/// The 256 colours: sixteen names, a cube of 6×6×6, a ramp of greys.
fn indexed(index: u8, palette: &Palette) -> u32 {
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match index {
        0..16 => palette.ansi[usize::from(index)],
        16..232 => {
            let n = index - 16;
            u32::from_be_bytes([0, level(n / 36), level(n / 6 % 6), level(n % 6)])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            u32::from_be_bytes([0, grey, grey, grey])
        }
    }
}

fn background(out: &mut String, run: &Run, row: u16, palette: &Palette) {
    if run.ink.bg == palette.background {
        return;
    }
    let (x, y) = (MARGIN + f64::from(run.column) * WIDTH, MARGIN + f64::from(row) * HEIGHT);
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{HEIGHT:.1}\" fill=\"#{:06x}\"/>",
        f64::from(run.columns) * WIDTH,
        run.ink.bg
    );
}

fn text(out: &mut String, run: &Run, row: u16) {
    if run.columns > 1 && run.text.chars().count() < usize::from(run.columns) {
        return piece(out, run, (0, &run.text), row);
    }
    // Not every renderer keeps several spaces in a row: what they separate stands by itself.
    let mut at = 0;
    while at < run.text.len() {
        let rest = &run.text[at..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let rest = &rest[blank..];
        let end = rest.find("  ").unwrap_or(rest.trim_end_matches(' ').len());
        if end > 0 {
            let column = run.text[..at + blank].chars().count();
            piece(out, run, (column, &rest[..end]), row);
        }
        at += (blank + end).max(1);
    }
}

/// `text` at so many columns into the run.
fn piece(out: &mut String, run: &Run, (column, text): (usize, &str), row: u16) {
    let x = |column: usize| MARGIN + (f64::from(run.column) + column as f64) * WIDTH;
    let y = MARGIN + f64::from(row) * HEIGHT + 13.5;
    if text.is_ascii() {
        // `textLength` holds the grid whatever font the reader has.
        let length = text.len() as f64 * WIDTH;
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"",
            x(column)
        );
    } else {
        // Dots, bars and arrows come from other fonts, of other widths: each has its place.
        let places: Vec<String> = (column..).zip(text.chars()).map(|(column, _)| format!("{:.1}", x(column))).collect();
        let _ = write!(out, "<text x=\"{}\" y=\"{y:.1}\"", places.join(" "));
    }
    let _ = write!(out, " fill=\"#{:06x}\"", run.ink.fg);
    let attributes = [
        (run.ink.bold, " font-weight=\"bold\""),
        (run.ink.dim, " opacity=\"0.6\""),
        (run.ink.italic, " font-style=\"italic\""),
        (run.ink.underlined, " text-decoration=\"underline\""),
    ];
    attributes.into_iter().filter(|(on, _)| *on).for_each(|(_, attribute)| out.push_str(attribute));
    out.push('>');
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out.push_str("</text>\n");
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn styles_and_markup_are_kept() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 12, 2));
        buf.set_string(0, 0, "a<b", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buf.set_string(4, 0, "日 x", Style::new().bg(Color::Rgb(1, 2, 3)));
        buf.set_string(0, 1, "&", Style::new().add_modifier(Modifier::REVERSED | Modifier::DIM));
        let drawn = svg(&buf, &Palette::default());
        assert!(drawn.contains("fill=\"#e05f65\" font-weight=\"bold\">a&lt;b</text>"), "{drawn}");
        assert!(drawn.contains("fill=\"#010203\"/>"), "{drawn}");
        assert!(drawn.contains(">日</text>") && drawn.contains(">x</text>"), "{drawn}");
        assert!(drawn.contains("fill=\"#14171c\" opacity=\"0.6\">&amp;</text>"), "{drawn}");
        assert_eq!(drawn, svg(&buf, &Palette::default()));
        assert!(svg(&Buffer::empty(Rect::ZERO), &Palette::default()).ends_with("</svg>\n"));
    }

    #[test]
    fn all_256_colours_are_known() {
        let palette = Palette::default();
        let cases = [
            (1, palette.ansi[1]),
            (16, 0),
            (21, 0x00_00_ff),
            (196, 0xff_00_00),
            (231, 0xff_ff_ff),
            (232, 0x08_08_08),
            (255, 0xee_ee_ee),
        ];
        for (index, want) in cases {
            assert_eq!(indexed(index, &palette), want, "{index}");
        }
    }
}
