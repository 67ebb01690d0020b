//! What a resource policy says of an action by another account: yes, no, or no answer that can be relied on.

use serde_json::Value;

use crate::id;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Denied,
    Unsure(String),
}

/// What a resource policy says of an action by an account. A deny counts before any allow; one that may be meant is no yes.
pub(super) fn allows(policy: &Value, account: &str, action: &str, resource: &str) -> Answer {
    let statements = match policy.get("Statement") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut answer = Answer::No;
    for statement in statements {
        let member = |name: &str| statement.get(name);
        let fits = |name: &str, fold: bool, value: &str| {
            member(name).map(|list| texts(list).iter().any(|pattern| like(pattern, value, fold)))
        };
        if fits("Action", true, action) == Some(false)
            || fits("NotAction", true, action) == Some(true)
            || fits("Resource", false, resource) == Some(false)
            || fits("NotResource", false, resource) == Some(true)
        {
            continue;
        }
        let (meant, certain) = principal(statement, account);
        if !meant {
            continue;
        }
        let denies = member("Effect").and_then(Value::as_str) == Some("Deny");
        let bare =
            member("Condition").is_none_or(|condition| condition.as_object().is_some_and(serde_json::Map::is_empty));
        match (denies, bare && certain) {
            (true, true) => return Answer::Denied,
            (true, false) => answer = Answer::Unsure("a statement denies it under a condition".to_owned()),
            (false, true) if answer == Answer::No => answer = Answer::Yes,
            (false, false) if answer == Answer::No => {
                answer = Answer::Unsure("it is allowed to some principals or under a condition".to_owned());
            }
            (false, true) if matches!(&answer, Answer::Unsure(why) if !why.starts_with("a statement denies")) => {
                answer = Answer::Yes;
            }
            _ => {}
        }
    }
    answer
}

/// Whether a statement is about principals of this account, and whether about all of them.
fn principal(statement: &Value, account: &str) -> (bool, bool) {
    if statement.get("NotPrincipal").is_some() {
        return (true, false);
    }
    let named = match statement.get("Principal") {
        Some(Value::String(all)) => vec![all.as_str()],
        Some(Value::Object(kinds)) => kinds.get("AWS").map(texts).unwrap_or_default(),
        _ => Vec::new(),
    };
    let whole = |name: &&str| *name == "*" || *name == account || is_root(name, account);
    let part = |name: &&str| id::place(name).is_some_and(|(_, _, of)| of == account);
    (named.iter().any(|name| whole(name) || part(name)), named.iter().any(whole))
}

fn is_root(name: &str, account: &str) -> bool {
    id::place(name).is_some_and(|(_, _, of)| of == account) && name.ends_with(":root")
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// `*` is any text, `?` any character; actions are told apart without case.
fn like(pattern: &str, text: &str, fold: bool) -> bool {
    let fold = |text: &str| if fold { text.to_ascii_lowercase() } else { text.to_owned() };
    let (pattern, text): (Vec<char>, Vec<char>) = (fold(pattern).chars().collect(), fold(text).chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const VERSION: &str = "arn:aws:sagemaker:eu-west-1:112233445566:model-package/fraud/18";
    const HERE: &str = "447100000921";

    fn ask(statements: &Value) -> Answer {
        allows(&json!({ "Statement": statements }), HERE, "sagemaker:CreateModel", VERSION)
    }

    fn statement(effect: &str, principal: &Value) -> Value {
        json!({"Effect": effect, "Principal": principal, "Action": ["sagemaker:DescribeModelPackage", "sagemaker:CreateModel"],
            "Resource": "arn:aws:sagemaker:eu-west-1:112233445566:model-package/fraud/*"})
    }

    #[test]
    fn a_policy_allows_an_account_by_its_root_its_number_or_everybody() {
        for principal in
            [json!({"AWS": "arn:aws:iam::447100000921:root"}), json!({"AWS": [HERE]}), json!("*"), json!({"AWS": "*"})]
        {
            assert_eq!(ask(&json!([statement("Allow", &principal)])), Answer::Yes, "{principal}");
        }
        for principal in
            [json!({"AWS": "arn:aws:iam::999999999999:root"}), json!({"Service": "sagemaker.amazonaws.com"})]
        {
            assert_eq!(ask(&json!([statement("Allow", &principal)])), Answer::No, "{principal}");
        }
        assert_eq!(ask(&statement("Allow", &json!("*"))), Answer::Yes, "one statement that is no list");
        assert_eq!(allows(&json!({}), HERE, "sagemaker:CreateModel", VERSION), Answer::No);
    }

    #[test]
    fn a_role_of_the_account_or_a_condition_is_no_answer() {
        let role = statement("Allow", &json!({"AWS": "arn:aws:iam::447100000921:role/Deploy"}));
        let mut conditional = statement("Allow", &json!("*"));
        conditional["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        for unsure in [&role, &conditional] {
            assert!(matches!(ask(&json!([unsure])), Answer::Unsure(_)), "{unsure}");
            assert_eq!(ask(&json!([unsure, statement("Allow", &json!("*"))])), Answer::Yes, "another one allows all");
        }
        let mut denies = statement("Deny", &json!("*"));
        assert_eq!(ask(&json!([statement("Allow", &json!("*")), denies])), Answer::Denied);
        denies["Condition"] = json!({"Bool": {"aws:SecureTransport": "false"}});
        for order in
            [json!([statement("Allow", &json!("*")), denies]), json!([denies, statement("Allow", &json!("*"))])]
        {
            assert!(matches!(ask(&order), Answer::Unsure(_)), "{order}");
        }
    }

    #[test]
    fn actions_and_resources_are_matched_by_their_wildcards() {
        let with = |member: &str, value: Value| {
            let mut one = statement("Allow", &json!("*"));
            one[member] = value;
            ask(&json!([one]))
        };
        assert_eq!(with("Action", json!("sagemaker:*")), Answer::Yes);
        assert_eq!(with("Action", json!("SageMaker:createmodel")), Answer::Yes);
        assert_eq!(with("Action", json!(["sagemaker:Describe*"])), Answer::No);
        assert_eq!(with("Resource", json!("*")), Answer::Yes);
        assert_eq!(with("Resource", json!("arn:aws:sagemaker:*:*:model-package/fraud/1?")), Answer::Yes);
        assert_eq!(
            with("Resource", json!("arn:aws:sagemaker:eu-west-1:112233445566:model-package-group/fraud")),
            Answer::No
        );
        assert_eq!(
            with("Resource", json!("arn:aws:sagemaker:eu-west-1:112233445566:model-package/churn/*")),
            Answer::No
        );
    }
}
