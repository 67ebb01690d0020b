//! A table without a terminal.

use mldeck_core::{column::Align, text};

/// Columns as wide as their widest cell.
pub(super) fn text(titles: &[(String, Align)], lines: &[Vec<String>]) -> String {
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(i, (title, _))| {
            lines
                .iter()
                .map(|line| line.get(i).map_or(0, |cell| text::width(cell)))
                .max()
                .unwrap_or(0)
                .max(text::width(title))
        })
        .collect();
    let mut out = String::new();
    let head: Vec<String> = titles.iter().map(|(title, _)| title.clone()).collect();
    for line in std::iter::once(&head).chain(lines) {
        let mut row = String::new();
        for (i, cell) in line.iter().enumerate() {
            let pad = widths[i].saturating_sub(text::width(cell));
            let right = titles[i].1 == Align::Right;
            let (before, after) = if right { (pad, 0) } else { (0, pad) };
            row.extend(std::iter::repeat_n(' ', before));
            row.push_str(cell);
            row.extend(std::iter::repeat_n(' ', after + 2));
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
