//! Facts in sections: labels and values, in two columns where the screen is wide.

use mldeck_core::resource::{Fact, Section};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, pen, pen::Row, wrap};
use crate::theme::Role;

#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub sections: &'a [Section],
    /// Rows scrolled away.
    pub top: usize,
}

/// From this width on sections stand in two columns.
const TWO_COLUMNS: u16 = 120;
/// Free columns between the two.
const GAP: u16 = 3;
/// A longer label is cut.
const LABEL: usize = 26;

/// Rows that `sections` take at `width` columns.
pub fn rows(sections: &[Section], width: u16) -> usize {
    columns(sections, width).into_iter().map(|(part, width)| height(part, width)).max().unwrap_or(0)
}

/// The sections of each column, and its width. They are parted where both columns come out most alike.
fn columns(sections: &[Section], width: u16) -> Vec<(&[Section], u16)> {
    if width < TWO_COLUMNS || sections.len() < 2 {
        return vec![(sections, width)];
    }
    let half = (width - GAP) / 2;
    let total = height(sections, half);
    let mut best = (usize::MAX, 1);
    let mut left = 0;
    for (index, section) in sections.iter().enumerate() {
        if index > 0 {
            best = best.min((left.max(total - left), index));
        }
        left += section_height(section, half);
    }
    let (left, right) = sections.split_at(best.1);
    vec![(left, half), (right, half)]
}

fn height(sections: &[Section], width: u16) -> usize {
    sections.iter().map(|section| section_height(section, width)).sum()
}

/// Title, facts, and a free row behind.
fn section_height(section: &Section, width: u16) -> usize {
    let value = usize::from(width).saturating_sub(label_width(section) + 4).max(1);
    section.facts.iter().map(|fact| wrap::count(&fact.value.text, value).max(1)).sum::<usize>() + 2
}

fn label_width(section: &Section) -> usize {
    section.facts.iter().map(|fact| pen::width(&fact.label)).max().unwrap_or(0).min(LABEL)
}

impl Facts<'_> {
    pub fn paint(&self, area: Rect, buf: &mut Buffer, look: Look<'_>) {
        let mut x = area.x;
        for (sections, width) in columns(self.sections, area.width) {
            let column = Rect { x, width, ..area }.intersection(area);
            let mut lines = Lines { area: column, hidden: self.top, y: 0, look };
            for section in sections {
                lines.section(section, buf);
            }
            x = x.saturating_add(width + GAP);
        }
    }
}

/// Writes rows one below the other, those scrolled away excepted.
struct Lines<'a> {
    area: Rect,
    hidden: usize,
    y: u16,
    look: Look<'a>,
}

impl Lines<'_> {
    fn row(&mut self, buf: &mut Buffer, write: impl FnOnce(&mut Row<'_>)) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        if let Some(mut row) = Row::new(buf, self.area, self.y) {
            write(&mut row);
            self.y += 1;
        }
    }

    fn section(&mut self, section: &Section, buf: &mut Buffer) {
        let look = self.look;
        let height = section_height(section, self.area.width);
        if self.hidden >= height {
            self.hidden -= height;
            return;
        }
        if self.y >= self.area.height {
            return;
        }
        self.row(buf, |row| row.put(look, &section.title, look.style(Role::Strong)));
        let label = label_width(section);
        for fact in &section.facts {
            self.fact(fact, label, buf);
        }
        self.row(buf, |_| {});
    }

    fn fact(&mut self, fact: &Fact, label: usize, buf: &mut Buffer) {
        let look = self.look;
        let width = usize::from(self.area.width).saturating_sub(label + 4).max(1);
        for (index, range) in wrap::wrap(&fact.value.text, width).enumerate() {
            let text = fact.value.text.get(range).unwrap_or_default();
            self.row(buf, |row| {
                row.skip(2);
                row.put_left(look, if index == 0 { &fact.label } else { "" }, label, look.style(Role::Dim));
                row.skip(2);
                row.put(look, text, look.tone(fact.value.tone));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::column::{Cell, Tone};

    use super::*;
    use crate::widgets::testing::{UNICODE, everywhere, lines, painted};

    fn sections() -> Vec<Section> {
        vec![
            Section::new("Endpoint")
                .with("name", "fraud-prod".to_owned())
                .with("status", Cell::new("Failed").tone(Tone::Bad)),
            Section::new("Config")
                .with("arn", "arn:aws:sagemaker:eu-west-1:447100000921:endpoint-config/fraud-v18-c".to_owned()),
        ]
    }

    #[test]
    fn facts_stand_below_their_titles_and_long_values_wrap() {
        let sections = sections();
        let facts = Facts { sections: &sections, top: 0 };
        let buf = painted(40, 9, UNICODE, |area, buf, look| facts.paint(area, buf, look));
        let want = [
            "Endpoint",
            "  name    fraud-prod",
            "  status  Failed",
            "",
            "Config",
            "  arn  arn:aws:sagemaker:eu-west-1:44710",
            "       0000921:endpoint-config/fraud-v18",
            "       -c",
            "",
        ];
        assert_eq!(lines(&buf), want);
        assert_eq!(rows(&sections, 40), 9);
        let scrolled =
            painted(40, 2, UNICODE, |area, buf, look| Facts { sections: &sections, top: 6 }.paint(area, buf, look));
        assert_eq!(lines(&scrolled), want[6..8]);
    }

    #[test]
    fn a_wide_screen_has_two_columns() {
        let sections = sections();
        let buf =
            painted(160, 4, UNICODE, |area, buf, look| Facts { sections: &sections, top: 0 }.paint(area, buf, look));
        let drawn = lines(&buf);
        assert!(drawn[0].starts_with("Endpoint") && drawn[0].ends_with("Config"), "{drawn:?}");
        assert!(drawn[1].contains("fraud-prod") && drawn[1].contains("endpoint-config"), "{drawn:?}");
        assert_eq!(rows(&sections, 160), 4);
    }

    #[test]
    fn works_in_any_rectangle() {
        let sections = sections();
        everywhere(|area, buf, look| Facts { sections: &sections, top: 1 }.paint(area, buf, look));
        everywhere(|area, buf, look| Facts { sections: &[], top: 0 }.paint(area, buf, look));
    }
}
