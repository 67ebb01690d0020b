//! Where the secrets are inside free text.

use std::ops::Range;

use super::{
    mask_len,
    name::{self, Name},
    shape,
};

/// Longest name looked at before a separator.
const NAME_MAX: usize = 96;

/// Byte ranges to hide; they may overlap.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if text.len() < 4 {
        return found;
    }
    pem_blocks(text, &mut found);
    user_info(text, &mut found);
    named_values(text, &mut found);
    flags(text, &mut found);
    schemes(text, &mut found);
    shapes(text, &mut found);
    found
}

/// Private keys; certificates and public keys are public.
fn pem_blocks(text: &str, found: &mut Vec<Range<usize>>) {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    let mut at = 0;
    while let Some(start) = text[at..].find(BEGIN).map(|i| at + i) {
        let body = start + BEGIN.len();
        let end = text[body..].find(END).map_or(text.len(), |i| {
            let label = body + i + END.len();
            text[label..].find("-----").map_or(text.len(), |j| label + j + 5)
        });
        let label = &text[body..end];
        if !label.starts_with("CERTIFICATE") && !label.starts_with("PUBLIC KEY") {
            found.push(start..end);
        }
        at = end;
    }
}

/// The password of `scheme://user:password@host`, or the whole of `scheme://token@host`.
fn user_info(text: &str, found: &mut Vec<Range<usize>>) {
    for (i, _) in text.match_indices("://") {
        let start = i + 3;
        let len =
            text[start..].find(|c: char| c.is_whitespace() || "/?#\"'<>`".contains(c)).unwrap_or(text.len() - start);
        let authority = &text[start..start + len];
        let Some(at) = authority.rfind('@') else { continue };
        let from = authority[..at].find(':').map_or(0, |colon| colon + 1);
        let secret = &authority[from..at];
        if !secret.is_empty() && mask_len(secret) != secret.len() {
            found.push(start + from..start + at);
        }
    }
}

/// `name=value`, `"name": "value"`, `name%3Dvalue`, `'name' => 'value'`, and pairs of `Key` and `Value`.
fn named_values(text: &str, found: &mut Vec<Range<usize>>) {
    let mut pair_name = None;
    let (mut done, mut shown_until) = (0, 0);
    for (i, width) in separators(text) {
        // Inside a value or an ARN that was judged already: also keeps a hostile line from being read again at each of its separators.
        if i < done {
            continue;
        }
        if begins_arn(text, i) {
            done = i + text[i..].bytes().take_while(|b| !ends_word(*b)).count();
            continue;
        }
        let Some(key) = name_before(text, i) else { continue };
        let judged = match key.to_ascii_lowercase().as_str() {
            "key" | "name" => {
                pair_name = Some(i + width);
                continue;
            }
            "value" => pair_name.map_or(Name::Open, |at| name::judge(pair_name_at(text, at))),
            _ => name::judge(key),
        };
        if judged == Name::Open {
            continue;
        }
        let value = value_after(text, i + width, key);
        let content = &text[value.clone()];
        // `token: expired`
        let plain_word = || content.len() <= 12 && content.bytes().skip(1).all(|b| b.is_ascii_lowercase());
        let is_open = judged == Name::Weak && (shape::is_setting(content) || plain_word());
        let masked = mask_len(content);
        if masked > 0 {
            done = value.start + masked;
        } else if !is_open && !shape::is_reference(content) {
            done = value.end;
            found.push(value);
        } else if i < shown_until {
            // A quote that nobody closes may reach over lines that have names of their own.
            done = value.start + content.find(['\n', '\r']).unwrap_or(content.len());
        } else {
            // A value that is shown is read once more: a URL may carry a password.
            (done, shown_until) = (value.start, value.end);
        }
    }
}

/// The name in `"Key": "db_password"`, of which `at` is behind the separator.
fn pair_name_at(text: &str, at: usize) -> &str {
    let rest = text[at..].trim_start_matches([' ', '"', '\\', '\'']);
    let len = rest.bytes().take(NAME_MAX).take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)).count();
    &rest[..len]
}

/// Places and lengths of `=`, `:`, `=>`, `%3D`, `%3A`.
fn separators(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter_map(move |(i, b)| match b {
        b'=' if bytes.get(i + 1) == Some(&b'>') => Some((i, 2)),
        b'=' | b':' => Some((i, 1)),
        b'%' if matches!(bytes.get(i + 1..i + 3), Some(b"3D" | b"3d" | b"3A" | b"3a")) => Some((i, 3)),
        _ => None,
    })
}

fn name_before(text: &str, end: usize) -> Option<&str> {
    let mut head = text[..end].trim_end_matches(' ');
    for quote in ["\\\"", "\"", "'", "%22", "%27"] {
        if let Some(inner) = head.strip_suffix(quote) {
            head = inner;
            break;
        }
    }
    let len = head
        .bytes()
        .rev()
        .take(NAME_MAX)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    (len > 0).then(|| &head[head.len() - len..])
}

/// The value that begins at `start`: to its closing quote, else to a blank or a separator of lists and queries.
fn value_after(text: &str, start: usize, key: &str) -> Range<usize> {
    let rest = &text[start..];
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let rest = &rest[blank..];
    let start = start + blank;
    for (open, close) in [("\\\"", "\\\""), ("\"", "\""), ("'", "'"), ("%22", "%22"), ("%27", "%27")] {
        if let Some(inner) = rest.strip_prefix(open) {
            return start + open.len()..start + open.len() + closing(inner, close);
        }
    }
    let masked = mask_len(rest);
    if masked > 0 {
        return start..start + masked;
    }
    // A header's value has blanks and semicolons of its own.
    let to_line_end = ["authorization", "cookie", "set-cookie"].iter().any(|header| key.eq_ignore_ascii_case(header));
    let ends = |c: char| {
        if to_line_end { matches!(c, '\n' | '\r' | '"') } else { c.is_whitespace() || "&;\"'<>`".contains(c) }
    };
    let mut value = &rest[..rest.find(ends).unwrap_or(rest.len())];
    for code in ["%26", "%22", "%27", "%3B", "%3b", "%20", "%0A", "%0a"] {
        value = value.split(code).next().unwrap_or(value);
    }
    start..start + value.trim_end_matches([',', ')', ']', '}', '\\', '.']).len()
}

fn closing(inner: &str, close: &str) -> usize {
    let mut from = 0;
    while let Some(i) = inner[from..].find(close).map(|i| from + i) {
        let escaped = close.len() == 1 && inner[..i].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
        if !escaped {
            return i;
        }
        from = i + close.len();
    }
    inner.len()
}

/// `--password hunter2`
fn flags(text: &str, found: &mut Vec<Range<usize>>) {
    for (i, _) in text.match_indices("--") {
        let name_len =
            text[i + 2..].bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
        let end = i + 2 + name_len;
        if name_len == 0 || !text[end..].starts_with(' ') || name::judge(&text[i + 2..end]) == Name::Open {
            continue;
        }
        let value = value_after(text, end + 1, "");
        let content = &text[value.clone()];
        if !content.starts_with('-') && !shape::is_reference(content) && mask_len(content) == 0 {
            found.push(value);
        }
    }
}

/// `Bearer …`, `Basic …`: what follows the name of the scheme.
fn schemes(text: &str, found: &mut Vec<Range<usize>>) {
    for scheme in ["bearer ", "basic ", "bearer%20", "basic%20"] {
        for i in find_all_ignoring_case(text, scheme) {
            let start = i + scheme.len();
            let part_of_word = text[..i].bytes().next_back().is_some_and(|b| b.is_ascii_alphanumeric());
            let len = text[start..].bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+/=_.~-".contains(b)).count();
            let token = &text[start..start + len];
            let is_prose = token.bytes().all(|b| b.is_ascii_lowercase() || b".-".contains(&b));
            if !part_of_word && len >= 8 && !is_prose {
                found.push(start..start + len);
            }
        }
    }
}

fn find_all_ignoring_case<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let (bytes, needle) = (text.as_bytes(), needle.as_bytes());
    (0..(bytes.len() + 1).saturating_sub(needle.len()))
        .filter(move |&i| bytes[i..i + needle.len()].eq_ignore_ascii_case(needle))
}

/// Runs that give themselves away, wherever they stand but in ARNs, S3 URIs and digests: those are what operators read.
fn shapes(text: &str, found: &mut Vec<Range<usize>>) {
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b"+/=_.-".contains(&b);
    let bytes = text.as_bytes();
    let (mut at, mut in_arn) = (0, false);
    while at < bytes.len() {
        if !in_token(bytes[at]) {
            in_arn &= !ends_word(bytes[at]);
            at += 1;
            continue;
        }
        let len = bytes[at..].iter().take_while(|b| in_token(**b)).count();
        let start = at;
        at += len;
        in_arn |= begins_arn(text, at);
        let labelled = ["s3:", "sha256:", "sha512:"].iter().any(|label| text[..start].ends_with(label));
        if in_arn || labelled {
            continue;
        }
        let run = &text[start..at];
        if run.starts_with("//") {
            // Of a URL only the part that is secret goes; elsewhere a slash may belong to the secret.
            let mut offset = start;
            for segment in run.split('/') {
                pieces(segment, offset, found);
                offset += segment.len() + 1;
            }
        } else {
            pieces(run, start, found);
        }
    }
}

fn ends_word(b: u8) -> bool {
    b.is_ascii_whitespace() || b"\"'<>(){}[],;`|".contains(&b)
}

/// True when `arn` stands before `colon`, and `aws` behind it.
fn begins_arn(text: &str, colon: usize) -> bool {
    text[..colon].ends_with("arn") && text[colon..].starts_with(":aws")
}

/// A run without the name and `=` before it, when it has one; padding at its end stays.
fn pieces(run: &str, start: usize, found: &mut Vec<Range<usize>>) {
    let body = run.trim_end_matches('=');
    let padding = run.len() - body.len();
    let mut offset = 0;
    let mut parts = body.split('=').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let trimmed = part.trim_end_matches(['.', '-']);
        if shape::is_secret(trimmed) {
            let end = if is_last && trimmed.len() == part.len() { part.len() + padding } else { trimmed.len() };
            found.push(start + offset..start + offset + end);
        }
        offset += part.len() + 1;
    }
}
