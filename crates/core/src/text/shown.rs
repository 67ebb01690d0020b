//! Sentences that were made to be shown, read back from a file that somebody may have written over.

use serde::{Deserialize, Deserializer};

use super::{Text, escape};

/// As it is where it is what [`Text`] shows of something; else escaped. So a sentence of ours comes back as it was, and no
/// other acts on a terminal.
fn made_visible(sentence: String) -> String {
    if escape::is_plain(&sentence) || escape::escape(&escape::unescape(&sentence)) == sentence {
        return sentence;
    }
    Text::new(&sentence).to_string()
}

pub(crate) fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(made_visible)
}

pub(crate) fn maybe_shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(made_visible))
}

pub(crate) fn all_shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(made_visible).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_ours_comes_back_and_no_other_acts_on_a_terminal() {
        let name = Text::new("a\u{1b}[2J\u{202e}");
        for ours in
            ["undo: B again", "v18 → v17", r"C:\users\{x}", r"\\u{1b}", &format!("{name} is live as {name}, 10 %")]
        {
            assert_eq!(made_visible(ours.to_owned()), ours);
        }
        for (other, shown) in
            [("\u{1b}]0;x\u{7}", r"\u{1b}]0;x\u{7}"), ("a\nb", r"a\u{a}b"), ("\u{202e}\\u{1b}", r"\u{202e}\\u{1b}")]
        {
            assert_eq!(made_visible(other.to_owned()), shown);
            assert_eq!(made_visible(shown.to_owned()), shown, "read once more");
        }
    }
}
