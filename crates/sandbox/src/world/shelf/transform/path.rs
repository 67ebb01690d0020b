//! The part of JSONPath that filters of a transform may use: `$`, `$.a.b`, `$[2]`, `$[1:]`, `$[0,-1]`, `$['a','b']`.

use serde_json::{Map, Value};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Name(String),
    Names(Vec<String>),
    Item(i64),
    Items(Vec<i64>),
    Span(Option<i64>, Option<i64>),
}

impl Path {
    /// Nothing for what is no such path.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('$')?;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            if let Some(name) = rest.strip_prefix('.') {
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                if name.is_empty() {
                    return None;
                }
                parts.push(Part::Name(name.to_owned()));
                rest = after;
            } else {
                let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
                parts.push(bracket(inside)?);
                rest = after;
            }
        }
        Some(Self(parts))
    }

    /// What stands there; nothing where a name is not known.
    pub(super) fn of(&self, value: &Value) -> Option<Value> {
        self.0.iter().try_fold(value.clone(), |value, part| part.of(&value))
    }
}

fn bracket(inside: &str) -> Option<Part> {
    let quoted = |name: &str| {
        let name = name.trim();
        let bare = name.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
        bare.or_else(|| name.strip_prefix('"')?.strip_suffix('"')).map(str::to_owned)
    };
    if let Some((from, to)) = inside.split_once(':') {
        let end = |text: &str| if text.trim().is_empty() { Some(None) } else { text.trim().parse().ok().map(Some) };
        return Some(Part::Span(end(from)?, end(to)?));
    }
    let all: Vec<&str> = inside.split(',').collect();
    if let Some(mut names) = all.iter().map(|name| quoted(name)).collect::<Option<Vec<String>>>() {
        return if names.len() == 1 { names.pop().map(Part::Name) } else { Some(Part::Names(names)) };
    }
    let numbers: Vec<i64> = all.iter().map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    Some(match numbers.as_slice() {
        [one] => Part::Item(*one),
        _ => Part::Items(numbers),
    })
}

/// Numbers below 0 count from the end.
fn index(n: i64, len: usize) -> usize {
    usize::try_from(if n < 0 { n + len as i64 } else { n }).unwrap_or(usize::MAX)
}

impl Part {
    fn of(&self, value: &Value) -> Option<Value> {
        let items = value.as_array();
        let at = |n: i64| items?.get(index(n, items?.len())).cloned();
        match self {
            Self::Name(name) => value.get(name).cloned(),
            Self::Names(names) => {
                let found = names.iter().filter_map(|name| Some((name.clone(), value.get(name)?.clone())));
                value.is_object().then(|| Value::Object(found.collect::<Map<_, _>>()))
            }
            Self::Item(n) => at(*n),
            Self::Items(all) => items.map(|_| all.iter().filter_map(|n| at(*n)).collect()),
            Self::Span(from, to) => {
                let len = items?.len();
                let to = to.map_or(len, |to| index(to, len).min(len));
                let from = from.map_or(0, |from| index(from, len).min(to));
                Some(Value::Array(items?.get(from..to)?.to_vec()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_filters_may_say() {
        let csv = json!(["a", "b", "c", "d"]);
        let object = json!({"id": 7, "features": {"x": [1, 2, 3]}, "SageMakerOutput": {"score": 0.5}});
        let at = |path: &str, value: &Value| Path::read(path).and_then(|path| path.of(value));
        for (path, value, wanted) in [
            ("$", &csv, csv.clone()),
            ("$[1:]", &csv, json!(["b", "c", "d"])),
            ("$[:-1]", &csv, json!(["a", "b", "c"])),
            ("$[0,-1]", &csv, json!(["a", "d"])),
            ("$[2]", &csv, json!("c")),
            ("$.features.x[0]", &object, json!(1)),
            ("$['id','SageMakerOutput']", &object, json!({"id": 7, "SageMakerOutput": {"score": 0.5}})),
            ("$.SageMakerOutput.score", &object, json!(0.5)),
        ] {
            assert_eq!(at(path, value), Some(wanted), "{path}");
        }
        assert_eq!(at("$.none", &object), None);
        for wrong in ["", "a", "$x", "$[a]", "$[1", "$..x"] {
            assert_eq!(Path::read(wrong), None, "{wrong}");
        }
    }
}
