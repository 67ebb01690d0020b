//! One line of typed text. Motions are by grapheme, so a cursor never stands inside a character.

use unicode_segmentation::UnicodeSegmentation as _;

use super::command::Command;

/// Longer input is a mistake or an attack.
const MAX_BYTES: usize = 4_096;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// Byte offset, on a grapheme boundary.
    cursor: usize,
}

impl Field {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Graphemes before the cursor.
    pub fn column(&self) -> usize {
        self.text[..self.cursor].graphemes(true).count()
    }

    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    pub fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.cursor = text.len();
    }

    /// Control characters never enter; what does not fit is dropped.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            if self.text.len() + c.len_utf8() > MAX_BYTES {
                break;
            }
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// True when the command is one of a text field.
    pub fn on(&mut self, command: Command) -> bool {
        match command {
            Command::CursorLeft => self.cursor = self.left(),
            Command::CursorRight => self.cursor = self.right(),
            Command::CursorWordLeft => self.cursor = self.word_left(),
            Command::CursorWordRight => self.cursor = self.word_right(),
            Command::CursorStart => self.cursor = 0,
            Command::CursorEnd => self.cursor = self.text.len(),
            Command::EraseLeft => self.erase(self.left(), self.cursor),
            Command::EraseRight => self.erase(self.cursor, self.right()),
            Command::EraseWord => self.erase(self.word_left(), self.cursor),
            Command::EraseToStart => self.erase(0, self.cursor),
            Command::EraseToEnd => self.erase(self.cursor, self.text.len()),
            _ => return false,
        }
        true
    }

    fn erase(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn left(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |g| self.cursor + g.len())
    }

    fn word_left(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8))
    }

    fn word_right(&self) -> usize {
        let tail = &self.text[self.cursor..];
        let skipped = tail.len() - tail.trim_start().len();
        let word = tail[skipped..].find(char::is_whitespace).unwrap_or(tail.len() - skipped);
        self.cursor + skipped + word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motions_and_erasing_are_by_grapheme_and_word() {
        let mut field = Field::new("fraud née v17");
        for (command, text, column) in [
            (Command::CursorWordLeft, "fraud née v17", 10),
            (Command::EraseWord, "fraud v17", 6),
            (Command::CursorLeft, "fraud v17", 5),
            (Command::EraseRight, "fraudv17", 5),
            (Command::CursorEnd, "fraudv17", 8),
            (Command::EraseLeft, "fraudv1", 7),
            (Command::CursorStart, "fraudv1", 0),
            (Command::CursorWordRight, "fraudv1", 7),
            (Command::EraseToStart, "", 0),
            (Command::EraseLeft, "", 0),
        ] {
            assert!(field.on(command));
            assert_eq!((field.text(), field.column()), (text, column), "{command:?}");
        }
        assert!(!field.on(Command::Open));
        field.insert("e\u{301}\u{1b}[2J");
        assert_eq!(field.text(), "e\u{301}[2J", "control characters never enter");
        field.on(Command::CursorStart);
        field.on(Command::CursorRight);
        assert_eq!(field.before_cursor(), "e\u{301}");
    }
}
