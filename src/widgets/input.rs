//! A text field of one line: its state, and how it is drawn.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{Look, pen, pen::Row};
use crate::theme::Role;

/// What was typed, and where the cursor is. All motions go by graphemes; nothing that could disturb a terminal gets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// Byte offset, always between two graphemes.
    cursor: usize,
}

/// Longer input is refused: no filter or command is that long, but a paste may be.
const LONGEST: usize = 4_096;

/// Control characters, and what turns the reading direction or joins invisibly.
fn is_unwelcome(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl Input {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Byte offset of the cursor.
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces everything; the cursor goes to the end.
    pub fn set(&mut self, text: &str) {
        self.clear();
        self.insert(text);
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }

    /// Inserts typed or pasted text at the cursor. Line ends and tabs become spaces, other control characters are left out.
    pub fn insert(&mut self, text: &str) {
        let clean: String = text
            .chars()
            .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c })
            .filter(|c| !is_unwelcome(*c))
            .collect();
        let room = LONGEST.saturating_sub(self.text.len());
        let end =
            clean.grapheme_indices(true).map(|(at, g)| at + g.len()).take_while(|end| *end <= room).last().unwrap_or(0);
        self.text.insert_str(self.cursor, &clean[..end]);
        self.cursor += end;
        self.settle();
    }

    /// A combining character joins the grapheme before it: the cursor then moves behind the whole.
    fn settle(&mut self) {
        let at = self.cursor;
        let bounds = self.text.grapheme_indices(true).map(|(start, _)| start);
        self.cursor = bounds.chain([self.text.len()]).find(|start| *start >= at).unwrap_or(self.text.len());
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }

    fn word_before(&self) -> usize {
        let mut inside = false;
        let mut start = self.cursor;
        for (at, grapheme) in self.text[..self.cursor].grapheme_indices(true).rev() {
            if inside && !is_word(grapheme) {
                return start;
            }
            inside |= is_word(grapheme);
            start = at;
        }
        start
    }

    fn word_after(&self) -> usize {
        let mut inside = false;
        for (at, grapheme) in self.text[self.cursor..].grapheme_indices(true) {
            if inside && !is_word(grapheme) {
                return self.cursor + at;
            }
            inside |= is_word(grapheme);
        }
        self.text.len()
    }

    pub fn left(&mut self) {
        self.cursor = self.before();
    }

    pub fn right(&mut self) {
        self.cursor = self.after();
    }

    pub fn word_left(&mut self) {
        self.cursor = self.word_before();
    }

    pub fn word_right(&mut self) {
        self.cursor = self.word_after();
    }

    pub const fn home(&mut self) {
        self.cursor = 0;
    }

    pub const fn end(&mut self) {
        self.cursor = self.text.len();
    }

    fn cut(&mut self, from: usize, to: usize) -> bool {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.settle();
        from < to
    }

    /// Deletes before the cursor; false when there is nothing.
    pub fn backspace(&mut self) -> bool {
        self.cut(self.before(), self.cursor)
    }

    /// Deletes under the cursor.
    pub fn delete(&mut self) -> bool {
        self.cut(self.cursor, self.after())
    }

    pub fn delete_word(&mut self) -> bool {
        self.cut(self.word_before(), self.cursor)
    }

    pub fn delete_to_start(&mut self) -> bool {
        self.cut(0, self.cursor)
    }

    pub fn delete_to_end(&mut self) -> bool {
        self.cut(self.cursor, self.text.len())
    }

    /// Draws prompt and text into the first row of `area`, scrolled so that the cursor is seen, and returns where the
    /// terminal's cursor belongs.
    pub fn paint(&self, prompt: &str, area: Rect, buf: &mut Buffer, look: Look<'_>) -> Option<Position> {
        let y = area.y;
        let mut row = Row::new(buf, area, 0)?;
        let prompt_width = pen::width(&pen::shown(look, prompt)).min(row.left() / 2);
        row.put_within(look, prompt, prompt_width, look.style(Role::Key));
        // One column stays free for the cursor behind the text.
        let room = row.left().saturating_sub(1);
        let mut start = 0;
        let shown = |from: usize| pen::width(&pen::shown(look, &self.text[from..self.cursor]));
        // Back from the cursor as far as there is room: the cost does not grow with what is scrolled away.
        if shown(0) > room {
            start = self.cursor;
            for (at, _) in self.text[..self.cursor].grapheme_indices(true).rev() {
                if shown(at) > room {
                    break;
                }
                start = at;
            }
        }
        let x = row.x().saturating_add(u16::try_from(shown(start)).unwrap_or(0));
        row.put(look, &self.text[start..], look.style(Role::Input));
        area.contains(Position { x, y }).then_some(Position { x, y })
    }
}

/// Words are what stands between punctuation: of `status:failed` one can be changed without the other.
fn is_word(grapheme: &str) -> bool {
    grapheme.chars().any(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::widgets::testing::{UNICODE, everywhere, lines, painted};

    fn typed(text: &str) -> Input {
        let mut input = Input::default();
        input.insert(text);
        input
    }

    #[test]
    fn graphemes_are_one_step() {
        let mut input = typed("a👩‍🔬é");
        // The joiner of the emoji is invisible by itself and left out, its parts stay.
        assert_eq!(input.text(), "a👩🔬é");
        input.left();
        input.left();
        assert_eq!(&input.text()[input.cursor()..], "🔬é");
        assert!(input.backspace());
        assert_eq!(input.text(), "a🔬é");
        input.end();
        input.insert("\u{301}");
        input.left();
        assert_eq!(&input.text()[input.cursor()..], "é\u{301}");
    }

    #[test]
    fn words_are_walked_and_deleted() {
        let mut input = typed("status:failed age<2d");
        input.word_left();
        assert_eq!(&input.text()[input.cursor()..], "2d");
        input.word_left();
        input.word_left();
        assert_eq!(&input.text()[input.cursor()..], "failed age<2d");
        assert!(input.delete_word());
        assert_eq!(input.text(), "failed age<2d");
        assert!(!input.delete_word() && !input.backspace() && !input.delete_to_start());
        input.word_right();
        assert!(input.delete_to_end());
        assert_eq!(input.text(), "failed");
        assert!(!input.delete());
        input.home();
        assert!(input.delete());
        assert_eq!(input.text(), "ailed");
    }

    #[test]
    fn pasted_controls_do_no_harm() {
        assert_eq!(typed("a\u{1b}[2Jb\r\nc\td\u{202e}e").text(), "a[2Jb c de");
        assert_eq!(typed(&"x".repeat(9_999)).text().len(), LONGEST);
    }

    #[test]
    fn the_cursor_stays_visible() {
        let mut input = typed("fraud-prod and more");
        let drawn = |input: &Input| {
            let mut at = None;
            let buf = painted(10, 1, UNICODE, |area, buf, look| at = input.paint("/", area, buf, look));
            (lines(&buf).remove(0), at.map(|at| at.x))
        };
        assert_eq!(drawn(&input), ("/and more".to_owned(), Some(9)));
        input.home();
        assert_eq!(drawn(&input), ("/fraud-pr…".to_owned(), Some(1)));
    }

    #[test]
    fn works_in_any_rectangle() {
        let input = typed("日本 some text that is longer");
        everywhere(|area, buf, look| {
            if let Some(at) = input.paint(": ", area, buf, look) {
                assert!(area.contains(at));
            }
        });
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_between_graphemes(keys in prop::collection::vec((0u8..12, "[a-c \u{301}日👩\u{200d}é:]{0,3}"), 0..60)) {
            let mut input = Input::default();
            for (key, text) in keys {
                match key {
                    0 => input.left(),
                    1 => input.right(),
                    2 => input.word_left(),
                    3 => input.word_right(),
                    4 => input.home(),
                    5 => input.end(),
                    6 => { input.backspace(); }
                    7 => { input.delete(); }
                    8 => { input.delete_word(); }
                    _ => input.insert(&text),
                }
                let bounds: Vec<usize> = input.text().grapheme_indices(true).map(|(at, _)| at).chain([input.text().len()]).collect();
                prop_assert!(bounds.contains(&input.cursor()), "{input:?}");
            }
        }
    }
}
