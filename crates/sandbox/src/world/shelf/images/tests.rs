use mldeck_core::time::MINUTE;
use serde_json::{Value, json};

use crate::{
    testkit::{ok, refused, world},
    world::World,
};

fn later(world: &mut World) {
    let to = world.now().plus(MINUTE);
    world.advance_to(to);
}

fn version(world: &mut World, token: &str, aliases: &[&str]) -> Value {
    let base = "447100000921.dkr.ecr.eu-west-1.amazonaws.com/studio:1";
    let input = json!({"ImageName": "own", "BaseImage": base, "ClientToken": token, "Aliases": aliases});
    ok(world, "CreateImageVersion", &input)["ImageVersionArn"].clone()
}

#[test]
fn versions_count_up_never_come_back_and_go_with_their_image() {
    let mut world = world("quiet-night");
    let role = "arn:aws:iam::447100000921:role/SageMakerExecution";
    ok(&mut world, "CreateImage", &json!({"ImageName": "own", "RoleArn": role}));
    let named = |more: Value| {
        let mut input = more;
        input["ImageName"] = json!("own");
        input
    };
    assert_eq!(refused(&mut world, "DescribeImageVersion", &named(json!({}))).0, "ResourceNotFound");
    let one = version(&mut world, "t1", &["stable"]);
    assert_eq!(one, "arn:aws:sagemaker:eu-west-1:447100000921:image-version/own/1");
    assert_eq!(version(&mut world, "t1", &[]), one, "the same call again");
    assert_eq!(refused(&mut world, "DeleteImageVersion", &named(json!({"Version": 1}))).0, "ResourceInUse");
    later(&mut world);
    version(&mut world, "t2", &[]);
    later(&mut world);
    let two = ok(&mut world, "DescribeImageVersion", &named(json!({})));
    assert_eq!((&two["Version"], &two["ImageVersionStatus"]), (&json!(2), &json!("CREATED")));
    assert!(two["ContainerImage"].as_str().unwrap().contains("/studio@sha256:"), "{two}");
    let take = named(json!({"Version": 2, "AliasesToAdd": ["stable"]}));
    assert_eq!(refused(&mut world, "UpdateImageVersion", &take).0, "ResourceInUse");
    ok(&mut world, "UpdateImageVersion", &named(json!({"Alias": "stable", "AliasesToDelete": ["stable"]})));
    ok(&mut world, "UpdateImageVersion", &take);
    assert_eq!(ok(&mut world, "DescribeImageVersion", &named(json!({"Alias": "stable"})))["Version"], 2);
    assert_eq!(ok(&mut world, "ListAliases", &named(json!({"Version": 1})))["SageMakerImageVersionAliases"], json!([]));
    ok(&mut world, "DeleteImageVersion", &named(json!({"Version": 2})));
    later(&mut world);
    assert_eq!(version(&mut world, "t3", &[]), "arn:aws:sagemaker:eu-west-1:447100000921:image-version/own/3");
    let listed = ok(&mut world, "ListImageVersions", &named(json!({"SortBy": "VERSION"})))["ImageVersions"].clone();
    assert_eq!(listed.as_array().unwrap().iter().map(|row| &row["Version"]).collect::<Vec<_>>(), [3, 1]);
    ok(&mut world, "DeleteImage", &named(json!({})));
    later(&mut world);
    assert_eq!(refused(&mut world, "ListImageVersions", &named(json!({}))).0, "ResourceNotFound");
    ok(&mut world, "CreateImage", &json!({"ImageName": "own", "RoleArn": role}));
    assert_eq!(ok(&mut world, "ListImageVersions", &named(json!({})))["ImageVersions"], json!([]));
}
