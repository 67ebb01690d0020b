//! Comparing without case and without allocating: a filter runs over every row at every key.

/// `text` in lower case, character by character, so that it can be compared the same way.
pub(super) fn lower(text: &str) -> String {
    chars(text).collect()
}

fn chars(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// True when `text` holds `folded`, which is in lower case.
pub(super) fn contains(text: &str, folded: &str) -> bool {
    let Some(first) = folded.as_bytes().first() else { return true };
    if folded.is_ascii() {
        let (text, folded) = (text.as_bytes(), folded.as_bytes());
        let upper = first.to_ascii_uppercase();
        return text.len() >= folded.len()
            && text[..=text.len() - folded.len()]
                .iter()
                .enumerate()
                .any(|(i, b)| (b == first || *b == upper) && text[i..i + folded.len()].eq_ignore_ascii_case(folded));
    }
    text.char_indices().any(|(i, _)| {
        let mut rest = chars(&text[i..]);
        folded.chars().all(|wanted| rest.next() == Some(wanted))
    })
}

pub(super) fn equals(text: &str, folded: &str) -> bool {
    chars(text).eq(folded.chars())
}

/// True when the letters of `folded` stand in `text` in this order, with anything between them.
pub(super) fn has_letters(text: &str, folded: &str) -> bool {
    let mut rest = chars(text);
    folded.chars().all(|wanted| rest.any(|c| c == wanted))
}

/// Up to four of `names` that `name` may have been meant to be.
pub(super) fn nearest<'a>(name: &str, names: &[&'a str]) -> Vec<&'a str> {
    let wanted = lower(name);
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .filter_map(|candidate| {
            let folded = lower(candidate);
            let inside = folded.contains(&wanted) || wanted.contains(&folded);
            let distance = if inside { 1 } else { edits(&wanted, &folded) };
            (distance <= 1 + wanted.chars().count() / 4).then_some((distance, *candidate))
        })
        .collect();
    near.sort();
    if near.is_empty() {
        return names.iter().take(8).copied().collect();
    }
    near.into_iter().take(4).map(|(_, name)| name).collect()
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
