//! What leads to a model, and what callers add to that.

use std::collections::BTreeSet;

use mldeck_core::time::HOUR;
use serde_json::{Value, json};

use super::{
    entity::key,
    facts::{self, Known},
};
use crate::{
    World,
    testkit::{ok, refused, world},
};

const PACKAGE: &str = "arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/17";

/// The ARN of the only entity of a list.
fn only(world: &mut World, operation: &str, input: &Value) -> String {
    let answer = ok(world, operation, input);
    let rows = answer.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    assert_eq!(rows.len(), 1, "{operation}: {answer}");
    let arn = operation.trim_start_matches("List").trim_end_matches('s').to_owned() + "Arn";
    rows[0][&arn].as_str().unwrap().to_owned()
}

fn query(world: &mut World, arn: &str, more: &Value) -> Value {
    let mut input = json!({"StartArns": [arn]});
    for (member, value) in more.as_object().unwrap() {
        input[member] = value.clone();
    }
    ok(world, "QueryLineage", &input)
}

fn types(answer: &Value) -> BTreeSet<String> {
    let vertices = answer["Vertices"].as_array().unwrap().iter();
    vertices.map(|v| format!("{} {}", v["LineageType"].as_str().unwrap(), v["Type"].as_str().unwrap())).collect()
}

fn arns(answer: &Value) -> Vec<&str> {
    answer["Vertices"].as_array().unwrap().iter().map(|v| v["Arn"].as_str().unwrap()).collect()
}

#[test]
fn the_index_is_what_the_hubs_say() {
    let world = world("quiet-night");
    let mut known = Known::new();
    for fact in facts::all(&world) {
        let hub = fact.hub(&world);
        let all = std::iter::once(&hub.center).chain(hub.around());
        let slow: Vec<_> = all.map(|e| (key(&e.arn), e.class, e.kind.to_string(), e.created)).collect();
        let quick = fact.entities(&world, &mut known).into_iter().map(|(k, c, t, at)| (k, c, t.to_owned(), at));
        assert_eq!(quick.collect::<Vec<_>>(), slow, "{}", hub.center.name);
    }
}

#[test]
fn an_endpoint_leads_back_to_the_data_of_its_model() {
    let mut world = world("quiet-night");
    let endpoint = "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod";
    let context = only(&mut world, "ListContexts", &json!({"SourceUri": endpoint, "ContextType": "Endpoint"}));
    let filter =
        json!({"Direction": "Ascendants", "Filters": {"LineageTypes": ["TrialComponent"]}, "IncludeEdges": false});
    let jobs = query(&mut world, &context, &filter);
    assert!(arns(&jobs).iter().any(|arn| arn.ends_with("/fraud-train-0866-aws-training-job")), "{jobs}");
    assert_eq!(jobs["Edges"], json!([]));
    let seen = types(&query(&mut world, &context, &json!({"Direction": "Ascendants"})));
    for wanted in [
        "Context Endpoint",
        "Action ModelDeployment",
        "Action Approval",
        "Artifact Model",
        "Artifact Image",
        "Artifact DataSet",
        "TrialComponent TrainingJob",
        "TrialComponent ProcessingJob",
    ] {
        assert!(seen.contains(wanted), "{wanted}: {seen:?}");
    }
    assert!(!seen.contains("Context ModelGroup"), "a group is not where an endpoint comes from");
}

#[test]
fn a_walk_ends_at_its_depth_and_tells_of_the_ways_to_what_was_asked() {
    let mut world = world("quiet-night");
    let package = only(&mut world, "ListArtifacts", &json!({"SourceUri": PACKAGE}));
    let near = query(&mut world, &package, &json!({"Direction": "Ascendants", "MaxDepth": 1}));
    assert!(!types(&near).contains("TrialComponent TrainingJob") && types(&near).contains("Artifact Image"));
    assert_eq!(near["Edges"].as_array().unwrap().len() + 1, near["Vertices"].as_array().unwrap().len());
    let filter = json!({"Types": ["TrainingJob"]});
    let plain =
        query(&mut world, &package, &json!({"Direction": "Ascendants", "Filters": filter, "IncludeEdges": false}));
    let ways =
        query(&mut world, &package, &json!({"Direction": "Ascendants", "Filters": filter, "IncludeEdges": true}));
    assert_eq!(types(&plain), BTreeSet::from(["TrialComponent TrainingJob".to_owned()]));
    let on_the_way: BTreeSet<&str> = arns(&ways).into_iter().collect();
    assert!(on_the_way.contains(package.as_str()) && arns(&plain).iter().all(|arn| on_the_way.contains(arn)));
    for edge in ways["Edges"].as_array().unwrap() {
        assert!(
            ["SourceArn", "DestinationArn"].iter().all(|end| on_the_way.contains(edge[end].as_str().unwrap())),
            "{edge}"
        );
    }
    let down = query(&mut world, &package, &json!({"Direction": "Descendants"}));
    assert!(
        types(&down).contains("Context ModelGroup") && types(&down).contains("Context Endpoint"),
        "{:?}",
        types(&down)
    );
    assert!(!types(&down).contains("Action Approval"));
    // By pages it is the same, each vertex and each edge once.
    let whole = query(&mut world, &package, &json!({"Direction": "Ascendants"}));
    let (mut vertices, mut edges, mut token) = (Vec::new(), Vec::new(), Value::Null);
    loop {
        let mut more = json!({"Direction": "Ascendants", "MaxResults": 3});
        if !token.is_null() {
            more["NextToken"] = token;
        }
        let page = query(&mut world, &package, &more);
        vertices.extend(page["Vertices"].as_array().unwrap().clone());
        edges.extend(page["Edges"].as_array().unwrap().clone());
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let by_arn = |edge: &Value| edge.to_string();
    let mut told = whole["Edges"].as_array().unwrap().clone();
    told.sort_by_key(by_arn);
    edges.sort_by_key(by_arn);
    assert!(vertices.len() > 6 && whole.get("NextToken").is_none(), "{}", vertices.len());
    assert_eq!((Value::from(vertices), edges), (whole["Vertices"].clone(), told));
    for (input, code) in [
        (json!({"StartArns": [package.replace("artifact/", "artifact/0")]}), "ResourceNotFound"),
        (json!({"StartArns": []}), "ValidationException"),
        (json!({"StartArns": [package], "MaxDepth": 11}), "ValidationException"),
    ] {
        assert_eq!(refused(&mut world, "QueryLineage", &input).0, code, "{input}");
    }
}

#[test]
fn every_artifact_of_the_account_can_be_listed_and_described() {
    let mut world = world("quiet-night");
    let (mut all, mut input) = (Vec::new(), json!({"MaxResults": 100}));
    loop {
        let page = ok(&mut world, "ListArtifacts", &input);
        all.extend(page["ArtifactSummaries"].as_array().unwrap().clone());
        let Some(token) = page.get("NextToken") else { break };
        input["NextToken"] = token.clone();
    }
    let sources: BTreeSet<&str> = all.iter().map(|row| row["Source"]["SourceUri"].as_str().unwrap()).collect();
    assert!(sources.len() == all.len() && all.len() > 500, "{} of {}", sources.len(), all.len());
    assert!(all.windows(2).all(|pair| pair[0]["CreationTime"].as_f64() >= pair[1]["CreationTime"].as_f64()));
    let one = &all[all.len() / 2];
    let told = ok(&mut world, "DescribeArtifact", &json!({"ArtifactArn": one["ArtifactArn"]}));
    assert_eq!((&told["Source"], &told["ArtifactType"]), (&one["Source"], &one["ArtifactType"]));
    let images = ok(&mut world, "ListArtifacts", &json!({"ArtifactType": "Image", "MaxResults": 100}));
    assert!(images["ArtifactSummaries"].as_array().unwrap().iter().all(|row| row["ArtifactType"] == "Image"));
    let approved =
        ok(&mut world, "ListActions", &json!({"SourceUri": PACKAGE, "ActionType": "Approval", "SortBy": "Name"}));
    let names: Vec<&str> =
        approved["ActionSummaries"].as_array().unwrap().iter().map(|a| a["ActionName"].as_str().unwrap()).collect();
    assert!(names.len() == 2 && names[0].starts_with("fraud-17-PendingManualApproval-"), "{names:?}");
    let action = ok(&mut world, "DescribeAction", &json!({"ActionName": names[1]}));
    assert_eq!((&action["ActionType"], &action["Source"]["SourceUri"]), (&json!("Approval"), &json!(PACKAGE)));
    let into = ok(&mut world, "ListAssociations", &json!({"SourceArn": action["ActionArn"]}));
    assert_eq!(into["AssociationSummaries"][0]["AssociationType"], "ContributedTo");
    let models = ok(&mut world, "ListAssociations", &json!({"SourceType": "SageMakerTrainingJob", "MaxResults": 100}));
    let models = models["AssociationSummaries"].as_array().unwrap();
    assert!(
        models.len() == 100
            && models.iter().all(|row| row["AssociationType"] == "Produced" && row["DestinationType"] == "Model")
    );
}

#[test]
fn what_callers_make_joins_what_the_account_made() {
    let mut world = world("quiet-night");
    let job = json!({
        "TrainingJobName": "own", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "AlgorithmSpecification": {"TrainingImage": "own:1", "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {
            "S3DataType": "S3Prefix", "S3Uri": "s3://acme-ml-data/own/",
        }}}],
        "OutputDataConfig": {"S3OutputPath": "s3://acme-ml-models/own/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3_600},
    });
    ok(&mut world, "CreateTrainingJob", &job);
    let model = json!({"SourceUri": "s3://acme-ml-models/own/own/output/model.tar.gz"});
    assert_eq!(ok(&mut world, "ListArtifacts", &model)["ArtifactSummaries"], json!([]));
    let to = world.now().plus(HOUR);
    world.advance_to(to);
    let model = only(&mut world, "ListArtifacts", &model);
    let data = only(&mut world, "ListArtifacts", &json!({"SourceUri": "s3://acme-ml-data/own/"}));
    let report =
        json!({"ArtifactType": "Report", "Source": {"SourceUri": "s3://x/report"}, "Properties": {"team": "ml"}});
    let report = ok(&mut world, "CreateArtifact", &report)["ArtifactArn"].as_str().unwrap().to_owned();
    ok(
        &mut world,
        "AddAssociation",
        &json!({"SourceArn": model, "DestinationArn": report, "AssociationType": "DerivedFrom"}),
    );
    let down = query(&mut world, &data, &json!({"Direction": "Descendants"}));
    assert_eq!(arns(&down).len(), 4, "data, job, model and report: {down}");
    assert!(down["Edges"].as_array().unwrap().iter().any(|edge| edge["AssociationType"] == "DerivedFrom"));
    let filter = json!({"Filters": {"Properties": {"team": "ml", "other": "x"}}, "IncludeEdges": false});
    assert_eq!(arns(&query(&mut world, &data, &filter)), [report.as_str()]);
    // Associations and artifacts of the account can be taken away and changed.
    let ends = json!({"SourceArn": data, "DestinationArn": ok(&mut world, "ListTrialComponents", &json!({"SourceArn": "arn:aws:sagemaker:eu-west-1:447100000921:training-job/own"}))["TrialComponentSummaries"][0]["TrialComponentArn"]});
    ok(&mut world, "DeleteAssociation", &ends);
    assert_eq!(refused(&mut world, "DeleteAssociation", &ends).0, "ResourceNotFound");
    assert_eq!(arns(&query(&mut world, &data, &json!({}))), [data.as_str()]);
    ok(&mut world, "UpdateArtifact", &json!({"ArtifactArn": model, "Properties": {"seen": "yes"}}));
    let told = ok(&mut world, "DescribeArtifact", &json!({"ArtifactArn": model}));
    assert_eq!((&told["Properties"]["seen"], &told["ArtifactType"]), (&json!("yes"), &json!("Model")));
    let filter = json!({"Direction": "Ascendants", "Filters": {"Properties": {"seen": "yes"}}, "IncludeEdges": false});
    assert_eq!(arns(&query(&mut world, &report, &filter)), [model.as_str()]);
    let by_source = json!({"Source": {"SourceUri": "s3://acme-ml-models/own/own/output/model.tar.gz"}});
    assert_eq!(ok(&mut world, "DeleteArtifact", &by_source)["ArtifactArn"], json!(model));
    assert_eq!(refused(&mut world, "DescribeArtifact", &json!({"ArtifactArn": model})).0, "ResourceNotFound");
    assert_eq!(refused(&mut world, "DeleteArtifact", &by_source).0, "ResourceNotFound");
    assert_eq!(refused(&mut world, "DeleteArtifact", &json!({})).0, "ValidationException");
    assert_eq!(arns(&query(&mut world, &report, &json!({}))), [report.as_str()]);
    let components = ok(&mut world, "ListTrialComponents", &json!({"MaxResults": 2}));
    let arn = |n: usize| components["TrialComponentSummaries"][n]["TrialComponentArn"].clone();
    let two = json!({"SourceArn": arn(0), "DestinationArn": arn(1)});
    assert_eq!(refused(&mut world, "AddAssociation", &two).0, "ValidationException");
}

#[test]
fn a_deployment_is_an_action_and_the_group_of_the_account_is_one() {
    let mut world = world("quiet-night");
    let source = json!({"SourceUri": "arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod", "ActionType": "ModelDeployment"});
    let count = |world: &mut World| ok(world, "ListActions", &source)["ActionSummaries"].as_array().unwrap().len();
    let before = count(&mut world);
    ok(&mut world, "UpdateEndpoint", &json!({"EndpointName": "fraud-prod", "EndpointConfigName": "fraud-v18-c"}));
    let to = world.now().plus(HOUR);
    world.advance_to(to);
    assert_eq!((before, count(&mut world)), (3, 4));
    let package = only(&mut world, "ListArtifacts", &json!({"SourceUri": PACKAGE.replace("/17", "/18")}));
    let down = query(
        &mut world,
        &package,
        &json!({"Direction": "Descendants", "Filters": {"Types": ["Endpoint"]}, "IncludeEdges": false}),
    );
    assert_eq!(arns(&down).len(), 1);
    let groups = ok(&mut world, "ListLineageGroups", &json!({}))["LineageGroupSummaries"].clone();
    let name = json!({"LineageGroupName": groups[0]["LineageGroupName"]});
    let told = ok(&mut world, "DescribeLineageGroup", &name);
    let artifact = ok(&mut world, "DescribeArtifact", &json!({"ArtifactArn": package}));
    assert_eq!(told["LineageGroupArn"], artifact["LineageGroupArn"]);
    assert_eq!(ok(&mut world, "GetLineageGroupPolicy", &name)["LineageGroupArn"], told["LineageGroupArn"]);
    assert_eq!(
        refused(&mut world, "DescribeLineageGroup", &json!({"LineageGroupName": "other"})).0,
        "ResourceNotFound"
    );
}

#[test]
fn an_association_is_found_from_both_ends_and_one_with_itself_once() {
    let mut world = world("quiet-night");
    let mut made = |name: &str| {
        let input = json!({"ContextName": name, "ContextType": "Own", "Source": {"SourceUri": name}});
        ok(&mut world, "CreateContext", &input)["ContextArn"].as_str().unwrap().to_owned()
    };
    let [one, two] = ["one", "two"].map(&mut made);
    for (source, destination) in [(&one, &two), (&one, &one), (&two, &one)] {
        ok(&mut world, "AddAssociation", &json!({"SourceArn": source, "DestinationArn": destination}));
    }
    for (end, count) in [("SourceArn", 2), ("DestinationArn", 2)] {
        let found = ok(&mut world, "ListAssociations", &json!({ end: one }));
        assert_eq!(found["AssociationSummaries"].as_array().unwrap().len(), count, "{found}");
    }
    let walked = query(&mut world, &one, &json!({"Direction": "Both"}));
    assert_eq!((arns(&walked).len(), walked["Edges"].as_array().unwrap().len()), (2, 3), "{walked}");
}

#[test]
fn a_version_that_is_approved_without_end_has_a_history_with_one() {
    let mut world = world("quiet-night");
    let arn = json!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/18");
    for n in 0..1_200 {
        let status = if n % 2 == 0 { "Approved" } else { "Rejected" };
        ok(&mut world, "UpdateModelPackage", &json!({"ModelPackageArn": arn, "ModelApprovalStatus": status}));
    }
    let package = ok(&mut world, "DescribeModelPackage", &json!({"ModelPackageName": arn}));
    assert_eq!(package["ModelApprovalStatus"], "Rejected");
    let changes = world.registry.groups["fraud"].packages.iter().map(|package| package.changes.len()).max();
    assert!(changes <= Some(1_000), "{changes:?}");
}
