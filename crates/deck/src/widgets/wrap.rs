//! Where a line breaks: at spaces where it can, inside a word where it must.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::pen::grapheme_width;

/// The rows of `text` at `width` columns, as byte ranges; one empty row for an empty text, none without width. The space
/// at a break belongs to neither row.
pub fn wrap(text: &str, width: usize) -> Rows<'_> {
    Rows { text, at: (width > 0).then_some(0), width }
}

/// How many rows `text` takes, without building any.
pub fn count(text: &str, width: usize) -> usize {
    if text.is_ascii() && text.len() <= width {
        return usize::from(width > 0);
    }
    wrap(text, width).count()
}

#[derive(Clone, Debug)]
pub struct Rows<'a> {
    text: &'a str,
    at: Option<usize>,
    width: usize,
}

impl Iterator for Rows<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at?;
        let rest = self.text.get(start..)?;
        let mut columns = 0;
        // The last break: end of the row, and where the next one starts.
        let mut space = None;
        let mut only_blanks = true;
        for (at, grapheme) in rest.grapheme_indices(true) {
            let wide = grapheme_width(grapheme);
            if columns + wide > self.width && at > 0 {
                let (end, next) = match (grapheme, space) {
                    (" ", _) => (at, at + 1),
                    (_, Some((end, next))) => (end, next),
                    (_, None) => (at, at),
                };
                self.at = Some(start + next);
                return Some(start..start + end);
            }
            columns += wide;
            if grapheme == " " && !only_blanks {
                space = Some((at, at + 1));
            }
            only_blanks &= grapheme == " ";
        }
        self.at = None;
        // A break that ended the text leaves no empty row behind.
        (start == 0 || !rest.is_empty()).then_some(start..self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, width: usize) -> Vec<&str> {
        wrap(text, width).map(|range| &text[range]).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(rows("the image digest changed", 10), ["the image", "digest", "changed"]);
        assert_eq!(rows("9f1c0a7b55e2", 5), ["9f1c0", "a7b55", "e2"]);
        assert_eq!(rows("  indented words", 10), ["  indented", "words"]);
        assert_eq!(rows("日本語 名前", 4), ["日本", "語", "名前"]);
        assert_eq!(rows("", 5), [""]);
        assert_eq!(rows("abc ", 3), ["abc"]);
        assert_eq!(rows("abc", 0), [""; 0]);
        assert_eq!(rows("日", 1), ["日"]);
    }

    proptest! {
        #[test]
        fn nothing_but_spaces_at_breaks_is_lost(text in "[a-d 日é]{0,60}", width in 1usize..20) {
            let got = rows(&text, width);
            prop_assert_eq!(got.concat().replace(' ', ""), text.replace(' ', ""));
            prop_assert!(got.iter().all(|row| crate::widgets::pen::width(row) <= width.max(2)));
            prop_assert_eq!(count(&text, width), got.len());
        }
    }
}
