//! Text from anywhere: what is shown of it, what is hidden in it, and what is asked of it.

use mldeck_core::{
    column::Value as Cell,
    health::Health,
    mask::{json, line, scrub, value},
    query::{Fields, INPUT_MAX, Query, completions},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{assert_visible, lossy};

/// Two texts with U+001E between them: nothing that is shown acts on a terminal, both come back as they were, and they look
/// alike only when they are the same.
pub(super) fn escape(data: &[u8]) {
    let whole = lossy(data);
    let (a, b) = whole.split_once('\u{1e}').unwrap_or((&whole, ""));
    let (first, second) = (shown(a), shown(b));
    assert_eq!(first == second, a == b, "{a:?} and {b:?}");
    shown(&whole);
    // What is shown is text, too.
    shown(first.as_str());
}

fn shown(raw: &str) -> Text {
    let text = Text::new(raw);
    assert_visible(text.as_str());
    assert!(!text.is_cut());
    assert_eq!(text.raw(), raw, "shown as {text}");
    assert_eq!(Text::unescape(text.as_str()), raw);
    assert_eq!(Text::new(&text.raw()), text, "escaped once more");
    let kept = serde_json::to_string(&text).expect("a text has a JSON form");
    assert_eq!(serde_json::from_str::<Text>(&kept).expect("what was kept can be read"), text);
    for most in [0, 1, 7] {
        let bounded = Text::bounded(raw, most);
        assert_visible(bounded.as_str());
        assert_eq!(bounded.is_cut(), raw.chars().count() > most);
        assert!(bounded.is_cut() || bounded == text);
    }
    Text::lines(raw).iter().for_each(|line| assert_visible(line.as_str()));
    text
}

/// Secrets of every form that is known anywhere, in words so that none of them is one.
fn secrets() -> Vec<(String, String)> {
    let plain = |secret: String| (secret.clone(), secret);
    let mixed = "a1B2c3D4e5F6g7H8".repeat(3);
    vec![
        plain(format!("AKIA{}", "Z2Y3X4W5".repeat(2))),
        plain(format!("ghp_{}", &mixed[..36])),
        plain(format!("eyJ{0}.eyJ{0}.{0}", &mixed[..24])),
        plain(mixed.clone()),
        (format!("-----BEGIN RSA PRIVATE KEY-----\n{mixed}\n-----END RSA PRIVATE KEY-----"), mixed.clone()),
        (format!("https://b.s3.amazonaws.com/m?X-Amz-Signature={mixed}&x=1"), mixed),
        ("postgres://svc:Summer-horse7@db:5432/ml".to_owned(), "Summer-horse7".to_owned()),
        ("DB_PASSWORD=Summer-horse7".to_owned(), "Summer-horse7".to_owned()),
    ]
}

/// A secret on a line of its own is hidden whatever stands around it, one under its name whatever it looks like, and what is
/// masked stays as it is.
pub(super) fn mask(data: &[u8]) {
    let text = lossy(data);
    assert_visible(line(&text).as_str());
    let once = scrub(&text).into_owned();
    assert_eq!(scrub(&once), once, "masked twice");
    let secrets: Vec<(String, String)> = secrets().into_iter().filter(|(_, secret)| !text.contains(secret)).collect();
    let mut around = Vec::new();
    for (carried, secret) in &secrets {
        let whole = format!("{text}\n{carried}\n{text}");
        assert!(!scrub(&whole).contains(secret), "{carried} in {whole:?}");
        around.push(json!({"Environment": {"DB_PASSWORD": secret}, "Tags": [{"Key": "db_secret", "Value": secret}], "Note": whole}));
    }
    let mut body = json!({"Around": around, "Of": serde_json::from_slice::<Value>(data).unwrap_or_default()});
    json(&mut body);
    let first = body.to_string();
    for (carried, secret) in &secrets {
        assert!(!first.contains(secret), "{carried} in {first}");
    }
    json(&mut body);
    assert_eq!(body.to_string(), first, "masked twice");
    assert_visible(value("DB_PASSWORD", &text).as_str());
}

/// A row that has a value of each type.
struct Row<'a>(&'a str);

impl Fields for Row<'_> {
    fn value(&self, name: &str) -> Cell<'_> {
        match name.to_ascii_lowercase().as_str() {
            "name" | "status" => Cell::text(self.0),
            "p99" => Cell::Number(120.5),
            "age" => Cell::Time(Timestamp::from_millis(1_000)),
            "live" => Cell::Flag(true),
            _ => Cell::Missing,
        }
    }

    fn text(&self, with: &mut dyn FnMut(&str)) {
        with(self.0);
    }

    fn health(&self) -> Health {
        Health::Warn
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(90_000_000)
    }
}

/// A query is refused at a place in it, or printed as one that means the same.
pub(super) fn filter(data: &[u8]) {
    let input = lossy(data);
    let names = ["name", "status", "p99", "age", "live"];
    let completed = completions(&input, &names);
    assert!(completed.iter().all(|name| names.contains(name)));
    let query = match Query::parse(&input) {
        Ok(query) => query,
        Err(error) => {
            assert!(input.is_char_boundary(error.at), "{error} at {}", error.at);
            return;
        }
    };
    if let Err(error) = query.check(&names) {
        assert!(input.is_char_boundary(error.at), "{error} at {}", error.at);
    }
    let rows = ["", "fraud-prod", &input].map(Row);
    let printed = query.to_string();
    if printed.len() <= INPUT_MAX {
        let again = Query::parse(&printed);
        assert_eq!(again.as_ref(), Ok(&query), "printed as {printed}");
        let again = again.expect("compared just now");
        assert!(rows.iter().all(|row| query.matches(row) == again.matches(row)));
    }
    let empty = Query::default();
    assert!(rows.iter().all(|row| empty.matches(row)));
    assert!(!query.is_empty() || rows.iter().all(|row| query.matches(row)));
}
