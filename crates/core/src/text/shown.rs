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
