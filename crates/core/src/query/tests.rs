use proptest::prelude::*;

use super::*;
use crate::{
    resource::{
        Endpoint, Run,
        endpoint::{Details, EndpointStatus},
        run::{RunSource, RunStatus},
    },
    text::Text,
    time::{DAY, HOUR},
};

const NOW: i64 = 1_795_400_000_000;

fn run(name: &str, status: RunStatus, age: i64, auc: f64) -> Run {
    let created = Timestamp::from_millis(NOW - age);
    Run {
        name: name.into(),
        arn: "".into(),
        component_arn: None,
        source: RunSource::TrainingJob,
        status,
        failure: None,
        created,
        modified: created,
        ended: Some(created.plus(400_000)),
        experiment: Some("Straße".into()),
        by: None,
        metrics: vec![("validation:auc".into(), auc), ("val/auc".into(), auc)],
        parameters: vec![("max_depth".into(), "8".into()), ("objective".into(), "binary:logistic".into())],
        data: Vec::new(),
        image: None,
        instance: Some("ml.c5.2xlarge".into()),
    }
}

fn runs() -> Vec<Run> {
    vec![
        run("fraud-xgb-0417", RunStatus::Completed, 3 * DAY, 0.9312),
        run("fraud-xgb-0533", RunStatus::Failed, 2 * HOUR, 0.9371),
        run("Churn (new)", RunStatus::InProgress, HOUR, f64::NAN),
    ]
}

/// Numbers of the rows that match.
fn found(query: &str) -> Vec<usize> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let now = Now(Timestamp::from_millis(NOW));
    let rows = runs();
    (0..rows.len()).filter(|&i| query.matches(&Row(&rows[i], now))).collect()
}

#[test]
fn rows_that_match() {
    let all: &[usize] = &[0, 1, 2];
    let cases: &[(&str, &[usize])] = &[
        ("", all),
        ("  ", all),
        ("fraud", &[0, 1]),
        ("FRAUD 05", &[1]),
        ("fraud and 05", &[1]),
        ("straße", all),
        ("STRASSE", &[]),
        ("'frd5", &[1]),
        ("~fxgb", &[0, 1]),
        ("'zz", &[]),
        ("!fraud", &[2]),
        ("!'frd !churn", &[]),
        ("/xgb-0[45]\\d+$/", &[0, 1]),
        ("/^churn/", &[2]),
        ("\"(new)\"", &[2]),
        ("(new)", &[2]),
        ("churn or 0417", &[0, 2]),
        ("(churn or 0417) status:prog", &[2]),
        ("!(churn or 0417)", &[1]),
        ("\"or\"", &[]),
        ("status=failed", &[1]),
        ("status!=failed", &[0, 2]),
        ("status:c", &[0]),
        ("STATUS=Failed", &[1]),
        ("name:\"churn (\"", &[2]),
        ("validation:auc>0.935", &[1]),
        ("\"validation:auc\"=0.9312", &[0]),
        ("metric.val/auc<=93.71%", &[0, 1]),
        ("val/auc<0.9371", &[0]),
        ("val/auc!=0.9371", &[0, 2]),
        ("param.objective=binary:logistic", all),
        ("max_depth=8.0", all),
        ("took>5m", all),
        ("took>=401", &[]),
        ("age<1d", &[1, 2]),
        ("age>=2h age<30d", &[0, 1]),
        ("created<1h", &[]),
        ("created<2036-01-01", all),
        ("created>2036-01-01T00:00:00Z", &[]),
        ("created:2026", all),
        ("health:bad", &[1]),
        ("health!=bad", &[0, 2]),
        ("health:problem", &[1]),
        ("health:busy", &[2]),
        ("by=", all),
        ("by!=anna", all),
        ("by:anna", &[]),
        ("unknown>1", &[]),
    ];
    for (query, wanted) in cases {
        assert_eq!(&found(query), wanted, "{query}");
    }
}

#[test]
fn a_tag_is_found_by_its_key() {
    let details = Details { tags: vec![("team".into(), "ml".into())], ..Details::default() };
    let row = Endpoint {
        name: "fraud-prod".into(),
        arn: Text::default(),
        status: EndpointStatus::InService,
        created: Timestamp::default(),
        modified: Timestamp::default(),
        details: Some(details),
        vitals: None,
        alarms: Vec::new(),
        change: None,
    };
    let matches = |query: &str| Query::parse(query).unwrap().matches(&Row(&row, Now(Timestamp::from_millis(3 * DAY))));
    assert!(matches("team=ml") && matches("tag.team:m") && !matches("team=ops"));
    // No column `created`: the first column of times stands for it.
    assert!(matches("age>2d") && !matches("age>4d"));
}

#[test]
fn errors_say_where_and_what() {
    for (query, at, part) in [
        ("a (b", 2, "not closed"),
        ("a ) b", 2, "closes nothing"),
        ("()", 0, "nothing in the parentheses"),
        ("a \"b", 2, "quote is not closed"),
        ("a /b", 2, "not closed by `/`"),
        ("/(/", 0, "not a pattern"),
        ("p99>fast", 4, "a number, an age"),
        ("p99>", 4, "a number, an age"),
        ("status:", 7, "a value is wanted"),
        ("=5", 0, "name of a column"),
        ("!", 1, "without"),
        ("'", 1, "letters"),
        ("a or", 4, "between two terms"),
        ("or a", 2, "between two terms"),
    ] {
        let error = Query::parse(query).unwrap_err();
        assert!(error.at == at && error.message.contains(part), "{query}: {error:?}");
    }
    assert!(Query::parse(&"!".repeat(DEPTH_MAX + 1)).is_err());
    assert!(Query::parse(&"(".repeat(INPUT_MAX)).is_err());
    assert!(Query::parse(&"a".repeat(INPUT_MAX + 1)).is_err());
}

#[test]
fn unknown_columns_name_their_neighbours() {
    let names = ["name", "status", "p99", "5xx"];
    let check = |query: &str| Query::parse(query).unwrap().check(&names);
    assert_eq!(check("fraud P99>5 health:bad age<2d tag.team=ml (status:x or !name=y)"), Ok(()));
    let error = check("fraud stats:x").unwrap_err();
    assert_eq!(
        (error.at, error.message.as_str()),
        (6, "no column stats; there are status. To look for the text, put it in quotes.")
    );
    assert!(check("arn:aws:sagemaker").unwrap_err().message.contains("name, status, p99, 5xx"));
    assert_eq!(check("\"arn:aws:sagemaker\""), Ok(()));
}

#[test]
fn names_complete_the_last_word() {
    let names = ["status", "since", "p99", "tasks"];
    assert_eq!(completions("fraud (s", &names), ["status", "since", "tasks"]);
    assert_eq!(completions("!P", &names), ["p99"]);
    assert_eq!(completions("status:s", &names), [""; 0]);
    assert_eq!(completions("", &names), names);
}

#[test]
fn twenty_thousand_rows_are_filtered_alike_in_any_case() {
    let rows: Vec<Run> = (0..20_000)
        .map(|i| run(&format!("Fraud-{i:05}"), RunStatus::Completed, i * HOUR, i as f64 / 20_000.0))
        .collect();
    let now = Now(Timestamp::from_millis(NOW));
    let count = |query: &str| {
        let query = Query::parse(query).unwrap();
        rows.iter().filter(|row| query.matches(&Row(*row, now))).count()
    };
    assert_eq!(count("fraud-199"), 100);
    assert_eq!(count("val/auc>=0.5 age<20000h !FRAUD-1999"), 9_990);
}

fn any_query() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "fraud",
        "or",
        "and",
        "(",
        ")",
        "!",
        "'",
        "~",
        "/",
        "\\",
        "\"",
        ":",
        "=",
        ">",
        "<",
        ">=",
        "!=",
        " ",
        "  ",
        "5",
        "2d",
        "0.9",
        "%",
        "age",
        "é",
        "İ",
        "ß",
        "2026-11-20",
        ".",
        "[",
        "x*",
        "validation:auc",
        "\u{3000}",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn printing_parses_back(input in any_query()) {
        if let Ok(query) = Query::parse(&input) {
            let printed = query.to_string();
            let again = Query::parse(&printed);
            prop_assert_eq!(again.as_ref(), Ok(&query), "printed as {}", printed);
        }
    }

    #[test]
    fn any_input_is_survived(input in any::<String>()) {
        match Query::parse(&input) {
            Ok(query) => {
                let row = run("x", RunStatus::Completed, 0, 1.0);
                let _ = query.matches(&Row(&row, Now(Timestamp::default())));
                let _ = query.check(&["name"]);
            }
            Err(error) => prop_assert!(error.at <= input.len() && input.is_char_boundary(error.at)),
        }
        let _ = completions(&input, &["name"]);
    }
}
