//! Frames as files: written on demand, compared otherwise.

use std::fmt::Write as _;

use ratatui::{buffer::Buffer, style::Style};

use crate::deck::text_of;

/// Request ids count the requests of an account, and those of one moment come in no certain order.
pub fn without_request_ids(mut buffer: Buffer) -> Buffer {
    const WORD: &str = "request ";
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let symbol = |x: u16, buffer: &Buffer| buffer.cell((x, y)).map(|cell| cell.symbol().to_owned());
            let is_word = (x..).zip(WORD.chars()).all(|(x, c)| symbol(x, &buffer) == Some(c.to_string()));
            if !is_word {
                continue;
            }
            // However much of it the place has room for.
            for x in x + 8..area.right() {
                match symbol(x, &buffer).as_deref() {
                    Some("-") => {}
                    Some(c) if c.len() == 1 && c.bytes().all(|b| b.is_ascii_hexdigit()) => {
                        buffer.set_string(x, y, "0", Style::new());
                    }
                    _ => break,
                }
            }
        }
    }
    buffer
}

/// The text, then one letter per cell for its style, then what the letters mean.
pub fn dump(buffer: &Buffer) -> String {
    let mut out = text_of(buffer);
    let mut styles: Vec<Style> = Vec::new();
    out.push_str("-- styles\n");
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        for x in buffer.area.left()..buffer.area.right() {
            let style = buffer[(x, y)].style();
            let at = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            line.push(if at == 0 { ' ' } else { letter(at) });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("-- legend\n");
    for (at, style) in styles.iter().enumerate() {
        let name = if at == 0 { "blank".to_owned() } else { letter(at).to_string() };
        let _ = writeln!(
            out,
            "{name} fg {:?} bg {:?} {:?}",
            style.fg.unwrap_or_default(),
            style.bg.unwrap_or_default(),
            style.add_modifier
        );
    }
    out
}

fn letter(at: usize) -> char {
    const LETTERS: &[u8] = b" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    LETTERS.get(at).map_or('#', |byte| char::from(*byte))
}
