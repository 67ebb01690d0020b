use mldeck_core::time::MINUTE;
use serde_json::json;

use crate::testkit::{ok, refused, world};

#[test]
fn other_content_is_another_version_and_another_status_is_not() {
    let mut world = world("quiet-night");
    let name = json!({"ModelCardName": "own"});
    let card = |content: &str| json!({"ModelCardName": "own", "ModelCardStatus": "Draft", "Content": content});
    assert!(refused(&mut world, "CreateModelCard", &card("{")).1.contains("not a valid JSON object"));
    assert!(refused(&mut world, "CreateModelCard", &card("{\"owner\": 1}")).1.contains("'owner' is not allowed"));
    ok(&mut world, "CreateModelCard", &card("{}"));
    assert_eq!(refused(&mut world, "CreateModelCard", &card("{}")).0, "ConflictException");
    let content = "{\"model_overview\": {}}";
    ok(&mut world, "UpdateModelCard", &json!({"ModelCardName": "own", "ModelCardStatus": "PendingReview"}));
    ok(&mut world, "UpdateModelCard", &json!({"ModelCardName": "own", "Content": content}));
    let both = json!({"ModelCardName": "own", "Content": content, "ModelCardStatus": "Approved"});
    assert!(refused(&mut world, "UpdateModelCard", &both).1.contains("not both"));
    let told = ok(&mut world, "DescribeModelCard", &name);
    assert_eq!((&told["ModelCardVersion"], &told["Content"]), (&json!(2), &json!(content)));
    let first = ok(&mut world, "DescribeModelCard", &json!({"ModelCardName": "own", "ModelCardVersion": 1}));
    assert_eq!((&first["Content"], &first["ModelCardStatus"]), (&json!("{}"), &json!("PendingReview")));
    assert_eq!(
        refused(&mut world, "DescribeModelCard", &json!({"ModelCardName": "own", "ModelCardVersion": 3})).0,
        "ResourceNotFound"
    );
    let listed = ok(&mut world, "ListModelCardVersions", &name)["ModelCardVersionSummaryList"].clone();
    assert_eq!(listed.as_array().unwrap().iter().map(|row| &row["ModelCardVersion"]).collect::<Vec<_>>(), [2, 1]);

    let export = json!({"ModelCardName": "own", "ModelCardExportJobName": "e", "OutputConfig": {"S3OutputPath": "s3://own/cards"}});
    let arn = ok(&mut world, "CreateModelCardExportJob", &export)["ModelCardExportJobArn"].clone();
    assert_eq!(
        ok(&mut world, "DescribeModelCardExportJob", &json!({"ModelCardExportJobArn": arn}))["Status"],
        "InProgress"
    );
    let to = world.now().plus(2 * MINUTE);
    world.advance_to(to);
    let done = ok(&mut world, "DescribeModelCardExportJob", &json!({"ModelCardExportJobArn": arn}));
    assert_eq!(done["ExportArtifacts"]["S3ExportArtifacts"], "s3://own/cards/own/2/e.pdf");
    assert!(world.s3.get("own", "cards/own/2/e.pdf").unwrap().body.starts_with(b"%PDF"));
    ok(&mut world, "DeleteModelCard", &name);
    assert_eq!(refused(&mut world, "DescribeModelCard", &name).0, "ResourceNotFound");
}
