use serde_json::json;

use super::*;

/// Shapes with patterns that only Java understands.
const OPEN: &[&str] = &[
    "AlarmName",
    "ArnOrName",
    "CfnStackId",
    "CfnTemplateName",
    "CfnTemplateURL",
    "NonEmptyString256",
    "NonEmptyString64",
    "SageMakerImageVersionAlias",
    "VersionedArnOrName",
];

fn refusal(operation: &str, input: &Value) -> (String, String) {
    let error = check(operation, input).unwrap_err();
    (error.code.to_owned(), error.message)
}

#[test]
fn what_fits_the_model_passes() {
    check("DescribeEndpoint", &json!({"EndpointName": "fraud-prod"})).unwrap();
    check("ListEndpoints", &json!({})).unwrap();
    check("ListEndpoints", &json!({"CreationTimeAfter": 1_764_000_000.5, "SomethingNew": [1]})).unwrap();
    check("NoSuchOperation", &json!({"Any": 1})).unwrap();
}

#[test]
fn a_refusal_names_the_member_the_value_and_the_constraint() {
    let said = |operation: &str, input: Value| refusal(operation, &input).1;
    assert_eq!(
        said("DescribeEndpoint", json!({})),
        "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(
        said("DescribeEndpoint", json!({"EndpointName": "under_score"})),
        "1 validation error detected: Value 'under_score' at 'endpointName' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    );
    assert_eq!(
        said("ListEndpoints", json!({"SortBy": "Age", "MaxResults": 101})),
        "2 validation errors detected: Value 'Age' at 'sortBy' failed to satisfy constraint: Member must satisfy enum \
         value set: [Name, CreationTime, Status]; Value '101' at 'maxResults' failed to satisfy constraint: Member must \
         have value less than or equal to 100"
    );
}

#[test]
fn members_inside_lists_are_counted_from_one() {
    let variants = json!([{"VariantName": "blue"}, {"VariantName": "", "InitialVariantWeight": -1}]);
    let (_, said) =
        refusal("CreateEndpointConfig", &json!({"EndpointConfigName": "c", "ProductionVariants": variants}));
    assert!(said.starts_with("2 validation errors detected: "), "{said}");
    assert!(said.contains("at 'productionVariants.2.member.variantName' failed"), "{said}");
    assert!(said.contains("Value '-1' at 'productionVariants.2.member.initialVariantWeight'"), "{said}");
}

#[test]
fn another_type_is_not_understood_at_all() {
    let (code, said) = refusal("DescribeEndpoint", &json!({"EndpointName": 7}));
    assert_eq!(
        (code.as_str(), said.as_str()),
        ("SerializationException", "NUMBER_VALUE can not be converted to a String")
    );
    let (code, said) = refusal("ListEndpoints", &json!({"MaxResults": "ten"}));
    assert_eq!(
        (code.as_str(), said.as_str()),
        ("SerializationException", "STRING_VALUE can not be converted to an Integer")
    );
    // Milliseconds are made of seconds later on: a number that is no integer of the service must not come so far.
    let stop =
        |seconds: i64| json!({"AutoMLJobConfig": {"CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": seconds}}});
    let (code, said) = refusal("CreateAutoMLJob", &stop(i64::MAX));
    assert_eq!(
        (code.as_str(), said.as_str()),
        ("SerializationException", "NUMBER_VALUE can not be converted to an Integer")
    );
    assert_eq!(refusal("CreateAutoMLJob", &stop(i64::from(i32::MAX))).0, "ValidationException");
}

#[test]
fn a_refusal_is_bounded_however_much_is_wrong() {
    let bad: Vec<Value> = (0..50).map(|_| json!({"Key": "", "Value": "x".repeat(5_000)})).collect();
    let (_, said) = refusal("AddTags", &json!({"ResourceArn": "arn", "Tags": bad}));
    assert!(said.starts_with("10 validation errors detected"), "{}", said.chars().take(60).collect::<String>());
    assert!(said.len() < 6_000, "{} bytes", said.len());
}

#[test]
fn errors_of_an_operation_are_known() {
    let create = Operation::named("CreateDomain").unwrap();
    assert!(create.may_fail_with("ResourceInUse") && create.may_fail_with("ResourceLimitExceeded"));
    assert!(!create.may_fail_with("ConflictException"));
}

#[test]
fn a_record_is_cut_to_what_an_answer_may_carry() {
    let record = json!({"DomainId": "d-1", "Status": null, "Secret": 1});
    let cut = restrict(record.as_object().unwrap(), Operation::named("DescribeDomain").unwrap().output.members());
    assert_eq!(Value::Object(cut), json!({"DomainId": "d-1"}));
}

#[test]
fn every_shape_that_a_line_names_has_a_line() {
    let here = |name: &str| assert!(index().shapes.contains_key(name), "{name}");
    for line in index().operations.values() {
        line.split('\t').take(2).filter(|name| *name != "-").for_each(here);
    }
    for line in index().shapes.values() {
        let mut fields = line.split('\t');
        match fields.next().unwrap() {
            "struct" => fields.filter_map(|field| field.split_once(':')).for_each(|(_, shape)| here(shape)),
            "list" => here(fields.next().unwrap()),
            "map" => fields.take(2).for_each(here),
            _ => {}
        }
    }
}

#[test]
fn patterns_hold_but_for_those_that_look_around() {
    let mut open = Vec::new();
    for (name, line) in &index().shapes {
        let pattern =
            line.strip_prefix("string\t").and_then(|rest| rest.split_once('\t')).map_or("", |(_, pattern)| pattern);
        if check::compile(pattern).is_none() {
            assert!(["(?!", "(?=", "(?<"].iter().any(|look| pattern.contains(look)), "{name}: {pattern}");
            open.push(*name);
        }
    }
    open.sort_unstable();
    assert_eq!(open, OPEN, "everything passes there");
    let tag = |key: &str| {
        let arn = "arn:aws:sagemaker:eu-west-1:447100000921:action/a";
        check("AddTags", &json!({"ResourceArn": arn, "Tags": [{"Key": key, "Value": ""}]})).is_ok()
    };
    assert_eq!(["größe: 1", "a#b", "a\nb"].map(tag), [true, false, false]);
    let meta = |key: &str| {
        let arn = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/1";
        check("UpdateModelPackage", &json!({"ModelPackageArn": arn, "CustomerMetadataProperties": {key: "1"}}))
    };
    assert!(meta("commit").is_ok() && meta("com!mit").is_err());
}

#[test]
fn a_text_that_is_too_long_is_refused_for_that_alone_and_a_long_key_is_cut() {
    let git = json!({"RepositoryUrl": format!("https://{}", "a".repeat(1_000_000))});
    let (_, said) = refusal("CreateCodeRepository", &json!({"CodeRepositoryName": "r", "GitConfig": git}));
    assert!(said.starts_with("1 validation error") && said.len() < 1_000, "{} bytes", said.len());
    let properties = json!({"k".repeat(100_000): "v".repeat(9_000)});
    let context =
        json!({"ContextName": "c", "ContextType": "x", "Source": {"SourceUri": "s3://b"}, "Properties": properties});
    let (_, said) = refusal("CreateContext", &context);
    assert!(said.len() < 3_000, "{} bytes", said.len());
}

#[test]
fn a_secret_is_not_repeated_and_a_moment_is_one() {
    let oidc = json!({"ClientSecret": "s".repeat(2_000)});
    let (_, said) = refusal("CreateWorkforce", &json!({"WorkforceName": "w", "OidcConfig": oidc}));
    assert!(said.contains("Value '****' at 'oidcConfig.clientSecret'") && !said.contains("sss"), "{said}");
    let (code, said) = refusal("ListActions", &json!({"CreatedAfter": "garbage"}));
    assert_eq!(
        (code.as_str(), said.as_str()),
        ("SerializationException", "STRING_VALUE can not be converted to a Timestamp")
    );
}
