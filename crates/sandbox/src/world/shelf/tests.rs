use mldeck_core::time::{DAY, MINUTE};
use serde_json::{Value, json};

use crate::{
    shape,
    testkit::{ok, refused, world},
    world::World,
};

fn later(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

fn domain(world: &mut World) -> String {
    let input = json!({"DomainName": "team", "AuthMode": "IAM", "DefaultUserSettings": {}});
    ok(world, "CreateDomain", &input)["DomainId"].as_str().unwrap().to_owned()
}

#[test]
fn every_operation_is_one_of_the_service_and_none_is_answered_twice() {
    let all = World::operations();
    let mut once = all.clone();
    once.dedup();
    assert_eq!(all, once);
    for (_, name) in all.iter().filter(|(service, _)| *service == "sagemaker") {
        assert!(shape::Operation::named(name).is_some(), "{name} is not in the model");
    }
}

#[test]
fn a_resource_comes_goes_through_its_states_and_goes() {
    let mut world = world("quiet-night");
    let server = json!({
        "TrackingServerName": "team-mlflow", "ArtifactStoreUri": "s3://acme-ml-models/mlflow",
        "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
    });
    let name = json!({"TrackingServerName": "team-mlflow"});
    let state = |world: &mut World| {
        let told = ok(world, "DescribeMlflowTrackingServer", &name);
        format!("{} {}", told["TrackingServerStatus"].as_str().unwrap(), told["IsActive"].as_str().unwrap())
    };
    ok(&mut world, "CreateMlflowTrackingServer", &server);
    assert_eq!(state(&mut world), "Creating Inactive");
    let (code, said) = refused(&mut world, "StopMlflowTrackingServer", &name);
    assert_eq!(code, "ConflictException");
    assert!(
        said.ends_with(
            "\"arn:aws:sagemaker:eu-west-1:447100000921:mlflow-tracking-server/team-mlflow\" while it is Creating."
        ),
        "{said}"
    );
    later(&mut world, 20 * MINUTE);
    assert_eq!(state(&mut world), "Created Active");
    ok(&mut world, "StopMlflowTrackingServer", &name);
    assert_eq!(state(&mut world), "Stopping Inactive");
    later(&mut world, 5 * MINUTE);
    assert_eq!(state(&mut world), "Stopped Inactive");
    ok(&mut world, "StartMlflowTrackingServer", &name);
    later(&mut world, 10 * MINUTE);
    assert_eq!(state(&mut world), "Started Active");
    ok(
        &mut world,
        "UpdateMlflowTrackingServer",
        &json!({"TrackingServerName": "team-mlflow", "TrackingServerSize": "Large"}),
    );
    assert_eq!(state(&mut world), "Updating Inactive");
    later(&mut world, 10 * MINUTE);
    assert_eq!(ok(&mut world, "DescribeMlflowTrackingServer", &name)["TrackingServerSize"], "Large");
    ok(&mut world, "DeleteMlflowTrackingServer", &name);
    assert_eq!(state(&mut world), "Deleting Inactive");
    later(&mut world, 10 * MINUTE);
    assert_eq!(refused(&mut world, "DescribeMlflowTrackingServer", &name).0, "ResourceNotFound");
}

#[test]
fn what_others_need_stays() {
    let mut world = world("quiet-night");
    let id = domain(&mut world);
    let user = json!({"DomainId": id, "UserProfileName": "anna"});
    let (code, _) = refused(&mut world, "CreateUserProfile", &json!({"DomainId": "d-0", "UserProfileName": "anna"}));
    assert_eq!(code, "ValidationException", "the service does not name ResourceNotFound there");
    ok(&mut world, "CreateUserProfile", &user);
    assert_eq!(refused(&mut world, "CreateUserProfile", &user).0, "ResourceInUse");
    later(&mut world, 2 * MINUTE);
    let (code, said) = refused(&mut world, "DeleteDomain", &json!({"DomainId": id}));
    assert_eq!(code, "ResourceInUse");
    assert!(said.contains("user-profile/") && said.ends_with("uses it."), "{said}");
    ok(&mut world, "DeleteUserProfile", &user);
    later(&mut world, 2 * MINUTE);
    ok(&mut world, "DeleteDomain", &json!({"DomainId": id}));
    later(&mut world, 2 * MINUTE);
    assert_eq!(refused(&mut world, "DescribeDomain", &json!({"DomainId": id})).0, "ResourceNotFound");
}

#[test]
fn an_app_belongs_to_a_user_or_a_space_and_is_listed_for_a_day_after_its_end() {
    let mut world = world("quiet-night");
    let id = domain(&mut world);
    ok(&mut world, "CreateUserProfile", &json!({"DomainId": id, "UserProfileName": "anna"}));
    let app = json!({"DomainId": id, "UserProfileName": "anna", "AppType": "JupyterLab", "AppName": "default"});
    let mut nobody = app.clone();
    nobody.as_object_mut().unwrap().remove("UserProfileName");
    assert!(refused(&mut world, "CreateApp", &nobody).1.contains("Exactly one of"));
    ok(&mut world, "CreateApp", &app);
    later(&mut world, MINUTE);
    assert_eq!(ok(&mut world, "DescribeApp", &app)["Status"], "InService");
    ok(&mut world, "DeleteApp", &app);
    later(&mut world, MINUTE);
    let listed = |world: &mut World| ok(world, "ListApps", &json!({"DomainIdEquals": id}))["Apps"].clone();
    assert_eq!(listed(&mut world)[0]["Status"], "Deleted");
    ok(&mut world, "CreateApp", &app);
    later(&mut world, MINUTE);
    assert_eq!(listed(&mut world).as_array().unwrap().len(), 1, "the new one has its place");
    ok(&mut world, "DeleteApp", &app);
    later(&mut world, DAY + 2 * MINUTE);
    assert_eq!(listed(&mut world), json!([]));
}

#[test]
fn lists_filter_sort_and_page_by_the_members_of_their_request() {
    let mut world = world("quiet-night");
    // The account has actions of its own, which are older.
    let since = world.now().secs_f64();
    for (n, kind) in ["Approval", "Deployment", "Approval"].iter().enumerate() {
        let source = json!({"SourceUri": format!("s3://b/{n}")});
        ok(&mut world, "CreateAction", &json!({"ActionName": format!("a{n}"), "ActionType": kind, "Source": source}));
        later(&mut world, MINUTE);
    }
    let mut names = |mut input: Value| -> Vec<String> {
        input["CreatedAfter"] = since.into();
        let told = ok(&mut world, "ListActions", &input);
        told["ActionSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["ActionName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(json!({})), ["a2", "a1", "a0"]);
    assert_eq!(names(json!({"SortBy": "Name", "SortOrder": "Ascending"})), ["a0", "a1", "a2"]);
    assert_eq!(names(json!({"ActionType": "Approval"})), ["a2", "a0"]);
    assert_eq!(names(json!({"SourceUri": "s3://b/1"})), ["a1"]);
    assert_eq!(names(json!({"MaxResults": 2})), ["a2", "a1"]);
    let first = ok(&mut world, "ListActions", &json!({"MaxResults": 2, "CreatedAfter": since}));
    let next = ok(
        &mut world,
        "ListActions",
        &json!({"MaxResults": 2, "CreatedAfter": since, "NextToken": first["NextToken"]}),
    );
    assert_eq!((next["ActionSummaries"][0]["ActionName"].as_str(), next.get("NextToken")), (Some("a0"), None));
}

#[test]
fn properties_are_added_and_taken_away_one_by_one() {
    let mut world = world("quiet-night");
    let context = json!({
        "ContextName": "c", "ContextType": "Endpoint", "Source": {"SourceUri": "s3://b"}, "Properties": {"a": "1", "b": "2"},
    });
    ok(&mut world, "CreateContext", &context);
    ok(
        &mut world,
        "UpdateContext",
        &json!({"ContextName": "c", "Properties": {"c": "3"}, "PropertiesToRemove": ["a"]}),
    );
    assert_eq!(
        ok(&mut world, "DescribeContext", &json!({"ContextName": "c"}))["Properties"],
        json!({"b": "2", "c": "3"})
    );
}

#[test]
fn a_job_is_stopped_while_it_runs_and_not_after() {
    let mut world = world("quiet-night");
    let role = "arn:aws:iam::447100000921:role/SageMakerExecution";
    let job = |name: &str| {
        json!({
            "CompilationJobName": name, "RoleArn": role, "StoppingCondition": {"MaxRuntimeInSeconds": 900},
            "InputConfig": {"S3Uri": "s3://b/model.tar.gz", "Framework": "PYTORCH", "DataInputConfig": "{}"},
            "OutputConfig": {"S3OutputLocation": "s3://b/out/", "TargetDevice": "ml_c5"},
        })
    };
    let name = |name: &str| json!({"CompilationJobName": name});
    let at = world.now();
    world.s3.put("b", "model.tar.gz", "a model", at);
    ok(&mut world, "CreateCompilationJob", &job("one"));
    ok(&mut world, "CreateCompilationJob", &job("two"));
    later(&mut world, 2 * MINUTE);
    ok(&mut world, "StopCompilationJob", &name("one"));
    later(&mut world, 10 * MINUTE);
    let (one, two) = (
        ok(&mut world, "DescribeCompilationJob", &name("one")),
        ok(&mut world, "DescribeCompilationJob", &name("two")),
    );
    assert_eq!((&one["CompilationJobStatus"], &two["CompilationJobStatus"]), (&json!("STOPPED"), &json!("COMPLETED")));
    let seconds =
        |job: &Value| job["CompilationEndTime"].as_f64().unwrap() - job["CompilationStartTime"].as_f64().unwrap();
    assert_eq!((seconds(&one), seconds(&two)), (90.0, 300.0));
    assert_eq!(two["ModelArtifacts"]["S3ModelArtifacts"], "s3://b/out/model-ml_c5.tar.gz");
    assert!(world.s3.get("b", "out/model-ml_c5.tar.gz").is_some());
    assert!(refused(&mut world, "StopCompilationJob", &name("two")).1.ends_with("while it is COMPLETED."));
    let mut none = job("none");
    none["InputConfig"]["S3Uri"] = json!("s3://b/none.tar.gz");
    ok(&mut world, "CreateCompilationJob", &none);
    let mut version = job("version");
    version.as_object_mut().unwrap().remove("InputConfig");
    assert_eq!(refused(&mut world, "CreateCompilationJob", &version).0, "ValidationException");
    version["ModelPackageVersionArn"] = json!("arn:aws:sagemaker:eu-west-1:447100000921:model-package/fraud/17");
    ok(&mut world, "CreateCompilationJob", &version);
    later(&mut world, 10 * MINUTE);
    let none = ok(&mut world, "DescribeCompilationJob", &name("none"));
    assert_eq!(none["CompilationJobStatus"], "FAILED");
    assert!(none["FailureReason"].as_str().unwrap().contains("s3://b/none.tar.gz"));
    let version = ok(&mut world, "DescribeCompilationJob", &name("version"));
    assert_eq!(version["CompilationJobStatus"], "COMPLETED");
    assert!(version["InputConfig"]["S3Uri"].as_str().unwrap().starts_with("s3://acme-ml-models/"), "{version}");
}

#[test]
fn features_are_added_to_a_group_and_described_one_by_one() {
    let mut world = world("quiet-night");
    let feature = |name: &str, kind: &str| json!({"FeatureName": name, "FeatureType": kind});
    let group = |time: &str| {
        json!({
            "FeatureGroupName": "cards", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": time,
            "FeatureDefinitions": [feature("id", "String"), feature("at", "Fractional"), feature("n", "Integral")],
        })
    };
    assert!(refused(&mut world, "CreateFeatureGroup", &group("n")).1.ends_with("cannot be of type Integral."));
    assert!(refused(&mut world, "CreateFeatureGroup", &group("when")).1.contains("not among the FeatureDefinitions"));
    ok(&mut world, "CreateFeatureGroup", &group("at"));
    let more = json!({"FeatureGroupName": "cards", "FeatureAdditions": [feature("amount", "Fractional")]});
    assert!(refused(&mut world, "UpdateFeatureGroup", &more).1.contains("while it is Creating"));
    later(&mut world, MINUTE);
    ok(&mut world, "UpdateFeatureGroup", &more);
    assert!(refused(&mut world, "UpdateFeatureGroup", &more).1.contains("exists already"));
    let one = json!({"FeatureGroupName": "cards", "FeatureName": "amount"});
    let told = json!({"FeatureGroupName": "cards", "FeatureName": "amount", "Description": "in euros",
        "ParameterAdditions": [{"Key": "unit", "Value": "EUR"}]});
    ok(&mut world, "UpdateFeatureMetadata", &told);
    let described = ok(&mut world, "DescribeFeatureMetadata", &one);
    assert_eq!(
        (&described["FeatureType"], &described["Description"], &described["Parameters"]),
        (&json!("Fractional"), &json!("in euros"), &json!([{"Key": "unit", "Value": "EUR"}]))
    );
    let group = ok(&mut world, "DescribeFeatureGroup", &json!({"FeatureGroupName": "cards"}));
    assert_eq!(group["FeatureDefinitions"].as_array().unwrap().len(), 4);
    assert!(!group.to_string().contains("mldeck:"), "what is kept beside it is not told: {group}");
}

#[test]
fn associations_lead_from_one_entity_to_another() {
    let mut world = world("quiet-night");
    let source = json!({"SourceUri": "s3://b/data"});
    let data =
        ok(&mut world, "CreateArtifact", &json!({"ArtifactName": "data", "ArtifactType": "DataSet", "Source": source}));
    let action =
        ok(&mut world, "CreateAction", &json!({"ActionName": "train", "ActionType": "Training", "Source": source}));
    let ends = json!({"SourceArn": data["ArtifactArn"], "DestinationArn": action["ActionArn"]});
    let mut typed = ends.clone();
    typed["AssociationType"] = json!("ContributedTo");
    ok(&mut world, "AddAssociation", &typed);
    let listed = ok(&mut world, "ListAssociations", &json!({"DestinationType": "Training"}));
    let row = &listed["AssociationSummaries"][0];
    assert_eq!(
        (&row["SourceName"], &row["SourceType"], &row["AssociationType"]),
        (&json!("data"), &json!("DataSet"), &json!("ContributedTo"))
    );
    ok(&mut world, "DeleteAssociation", &ends);
    assert_eq!(refused(&mut world, "DeleteAssociation", &ends).0, "ResourceNotFound");
    let nowhere = json!({"SourceArn": "arn:aws:sagemaker:eu-west-1:447100000921:artifact/0", "DestinationArn": action["ActionArn"]});
    assert_eq!(refused(&mut world, "AddAssociation", &nowhere).0, "ResourceNotFound");
}

#[test]
fn a_user_of_another_domain_is_another_user() {
    let mut world = world("quiet-night");
    let (one, other) = (domain(&mut world), domain(&mut world));
    let user = |domain: &str| json!({"DomainId": domain, "UserProfileName": "anna"});
    let app = |domain: &str| json!({"DomainId": domain, "UserProfileName": "anna", "AppType": "JupyterLab", "AppName": "default"});
    ok(&mut world, "CreateUserProfile", &user(&one));
    assert!(refused(&mut world, "CreateApp", &app(&other)).1.contains("Could not find user profile"));
    assert_eq!(refused(&mut world, "CreatePresignedDomainUrl", &user(&other)).0, "ResourceNotFound");
    ok(&mut world, "CreateUserProfile", &user(&other));
    ok(&mut world, "CreateApp", &app(&one));
    later(&mut world, 2 * MINUTE);
    ok(&mut world, "DeleteUserProfile", &user(&other));
    assert_eq!(refused(&mut world, "DeleteUserProfile", &user(&one)).0, "ResourceInUse");
}

#[test]
fn members_that_the_service_does_not_know_do_nothing() {
    let mut world = world("quiet-night");
    let source = json!({"SourceUri": "s3://b"});
    let action = json!({"ActionName": "a", "ActionType": "Approval", "Source": source, "ActionArn": "arn:forged", "Colour": "red"});
    let made = ok(&mut world, "CreateAction", &action);
    assert_eq!(made["ActionArn"], "arn:aws:sagemaker:eu-west-1:447100000921:action/a");
    let told = ok(&mut world, "DescribeAction", &json!({"ActionName": "a", "Colour": "blue"}));
    assert_eq!((told.get("Colour"), &told["ActionType"]), (None, &json!("Approval")));
    let listed = ok(&mut world, "ListActions", &json!({"Colour": "blue", "SourceUri": "s3://b"}));
    assert_eq!(listed["ActionSummaries"].as_array().unwrap().len(), 1);
}

#[test]
fn an_app_of_a_user_is_not_that_of_a_space_with_the_same_name() {
    let mut world = world("quiet-night");
    let id = domain(&mut world);
    ok(&mut world, "CreateUserProfile", &json!({"DomainId": id, "UserProfileName": "anna"}));
    ok(&mut world, "CreateSpace", &json!({"DomainId": id, "SpaceName": "anna"}));
    let app = |owner: &str| json!({"DomainId": id, owner: "anna", "AppType": "JupyterLab", "AppName": "default"});
    ok(&mut world, "CreateApp", &app("UserProfileName"));
    assert!(refused(&mut world, "DescribeApp", &app("SpaceName")).1.contains("Could not find app"));
    ok(&mut world, "CreateApp", &app("SpaceName"));
    later(&mut world, MINUTE);
    ok(&mut world, "DeleteApp", &app("SpaceName"));
    assert_eq!(ok(&mut world, "DescribeApp", &app("UserProfileName"))["Status"], "InService");
}

#[test]
fn names_that_differ_in_case_are_one() {
    let mut world = world("quiet-night");
    let action = |name: &str| json!({"ActionName": name, "ActionType": "A", "Source": {"SourceUri": "s3://b"}});
    let mut tagged = action("Train");
    tagged["Tags"] = json!([{"Key": "team", "Value": "ml"}]);
    let arn = ok(&mut world, "CreateAction", &tagged)["ActionArn"].clone();
    assert!(refused(&mut world, "CreateAction", &action("train")).1.contains("already exists"));
    assert_eq!(
        ok(&mut world, "ListTags", &json!({"ResourceArn": arn}))["Tags"][0]["Value"],
        "ml",
        "the first keeps its tags"
    );
    assert_eq!(ok(&mut world, "DescribeAction", &json!({"ActionName": "train"}))["ActionName"], "Train");
}

#[test]
fn a_page_is_cut_before_states_are_looked_at() {
    let mut world = world("quiet-night");
    let server = |name: &str| json!({"TrackingServerName": name, "ArtifactStoreUri": "s3://b/m", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution"});
    ok(&mut world, "CreateMlflowTrackingServer", &server("old"));
    later(&mut world, 21 * MINUTE);
    ok(&mut world, "CreateMlflowTrackingServer", &server("new"));
    let asked = json!({"TrackingServerStatus": "Created", "MaxResults": 1});
    let first = ok(&mut world, "ListMlflowTrackingServers", &asked);
    assert_eq!(first["TrackingServerSummaries"], json!([]), "the newest is being made");
    let next = json!({"TrackingServerStatus": "Created", "MaxResults": 1, "NextToken": first["NextToken"]});
    assert_eq!(
        ok(&mut world, "ListMlflowTrackingServers", &next)["TrackingServerSummaries"][0]["TrackingServerName"],
        "old"
    );
}

#[test]
fn nothing_is_made_in_what_is_on_its_way_out_and_updates_need_what_they_name() {
    let mut world = world("quiet-night");
    let id = domain(&mut world);
    later(&mut world, 2 * MINUTE);
    ok(&mut world, "DeleteDomain", &json!({"DomainId": id}));
    let user = json!({"DomainId": id, "UserProfileName": "anna"});
    assert!(refused(&mut world, "CreateUserProfile", &user).1.contains("Could not find domain"));

    let script = json!({"NotebookInstanceLifecycleConfigName": "script"});
    ok(&mut world, "CreateNotebookInstanceLifecycleConfig", &script);
    let role = "arn:aws:iam::447100000921:role/SageMakerExecution";
    let name = json!({"NotebookInstanceName": "n"});
    let notebook = json!({"NotebookInstanceName": "n", "InstanceType": "ml.t3.medium", "RoleArn": role, "LifecycleConfigName": "script"});
    ok(&mut world, "CreateNotebookInstance", &notebook);
    later(&mut world, 10 * MINUTE);
    ok(&mut world, "StopNotebookInstance", &name);
    later(&mut world, 10 * MINUTE);
    let nope = json!({"NotebookInstanceName": "n", "LifecycleConfigName": "nope"});
    assert!(
        refused(&mut world, "UpdateNotebookInstance", &nope)
            .1
            .contains("Could not find notebook instance lifecycle config")
    );
    assert!(refused(&mut world, "DeleteNotebookInstanceLifecycleConfig", &script).1.ends_with("uses it."));
    ok(
        &mut world,
        "UpdateNotebookInstance",
        &json!({"NotebookInstanceName": "n", "DisassociateLifecycleConfig": true}),
    );
    assert_eq!(ok(&mut world, "DescribeNotebookInstance", &name).get("NotebookInstanceLifecycleConfigName"), None);
    ok(&mut world, "DeleteNotebookInstanceLifecycleConfig", &script);
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let mut world = world("quiet-night");
    let role = "arn:aws:iam::447100000921:role/SageMakerExecution";
    ok(&mut world, "CreateImage", &json!({"ImageName": "i", "RoleArn": role, "Description": "d", "DisplayName": "n"}));
    let id = domain(&mut world);
    let features =
        json!([{"FeatureName": "id", "FeatureType": "String"}, {"FeatureName": "at", "FeatureType": "String"}]);
    let group = json!({
        "FeatureGroupName": "g", "RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "at",
        "FeatureDefinitions": features, "OnlineStoreConfig": {"EnableOnlineStore": true},
    });
    ok(&mut world, "CreateFeatureGroup", &group);
    later(&mut world, 10 * MINUTE);
    ok(&mut world, "UpdateImage", &json!({"ImageName": "i", "DeleteProperties": ["Description"]}));
    let image = ok(&mut world, "DescribeImage", &json!({"ImageName": "i"}));
    assert_eq!((image.get("Description"), &image["DisplayName"]), (None, &json!("n")));
    ok(
        &mut world,
        "UpdateDomain",
        &json!({"DomainId": id, "DomainSettingsForUpdate": {"ExecutionRoleIdentityConfig": "DISABLED"}}),
    );
    let told = ok(&mut world, "DescribeDomain", &json!({"DomainId": id}));
    assert_eq!(told["DomainSettings"]["ExecutionRoleIdentityConfig"], "DISABLED");
    let ttl = json!({"Unit": "Days", "Value": 7});
    ok(&mut world, "UpdateFeatureGroup", &json!({"FeatureGroupName": "g", "OnlineStoreConfig": {"TtlDuration": ttl}}));
    let told = ok(&mut world, "DescribeFeatureGroup", &json!({"FeatureGroupName": "g"}));
    assert_eq!(told["OnlineStoreConfig"], json!({"EnableOnlineStore": true, "TtlDuration": ttl}));
    let twice = json!({"FeatureGroupName": "g", "FeatureAdditions": [
        {"FeatureName": "x", "FeatureType": "String"}, {"FeatureName": "x", "FeatureType": "String"}]});
    assert!(refused(&mut world, "UpdateFeatureGroup", &twice).1.ends_with("Feature x exists already."));
}

#[test]
fn what_grows_by_updates_has_a_bound_and_ends_with_its_owner() {
    let mut world = world("quiet-night");
    let source = json!({"SourceUri": "s3://b"});
    for name in ["a", "b"] {
        ok(&mut world, "CreateAction", &json!({"ActionName": name, "ActionType": "A", "Source": source}));
    }
    let some = |from: usize, to: usize| -> Value {
        (from..to).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    ok(&mut world, "UpdateAction", &json!({"ActionName": "a", "Properties": some(0, 30)}));
    assert!(
        refused(&mut world, "UpdateAction", &json!({"ActionName": "a", "Properties": some(30, 31)}))
            .1
            .contains("at most 30")
    );
    let told = ok(&mut world, "DescribeAction", &json!({"ActionName": "a"}));
    assert_eq!(told["Properties"].as_object().unwrap().len(), 30, "what was refused changed nothing");

    let arn = |name: &str| format!("arn:aws:sagemaker:eu-west-1:447100000921:action/{name}");
    ok(&mut world, "AddAssociation", &json!({"SourceArn": arn("a"), "DestinationArn": arn("b")}));
    ok(&mut world, "DeleteAction", &json!({"ActionName": "a"}));
    let left = ok(&mut world, "ListAssociations", &json!({"DestinationArn": arn("b")}));
    assert_eq!(left["AssociationSummaries"], json!([]));
}

#[test]
fn the_trail_shows_no_secret() {
    let mut world = world("quiet-night");
    let oidc = json!({
        "ClientId": "c", "ClientSecret": "s3cr3t", "Issuer": "https://i.example", "AuthorizationEndpoint": "https://i.example/a",
        "TokenEndpoint": "https://i.example/t", "UserInfoEndpoint": "https://i.example/u",
        "LogoutEndpoint": "https://i.example/l", "JwksUri": "https://i.example/j",
    });
    ok(&mut world, "CreateWorkforce", &json!({"WorkforceName": "w", "OidcConfig": oidc}));
    later(&mut world, 10 * MINUTE);
    let about = json!({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "CreateWorkforce"}]});
    let (_, told) = crate::testkit::call(&mut world, "cloudtrail", "LookupEvents", &about);
    let text = told["Events"][0]["CloudTrailEvent"].as_str().unwrap();
    assert!(text.contains("HIDDEN_DUE_TO_SECURITY_REASONS") && !text.contains("s3cr3t"), "{text}");
}
