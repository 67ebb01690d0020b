//! What an answer may cost in an account with a hundred thousand runs of fifty metrics: memory that is asked for, counted exactly.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../../tests/support/alloc.rs"]
#[allow(unreachable_pub, reason = "a module of a test program")]
mod alloc;

use alloc::asked;
use bytes::Bytes;
use mldeck_sandbox::{Options, Scenario, World};
use serde_json::{Value, json};

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=ASIASANDBOX/20261123/eu-west-1/sagemaker/aws4_request, \
                             SignedHeaders=host;x-amz-date, Signature=0";

const MB: u64 = 1 << 20;

fn search(world: &mut World, input: &Value) -> (Value, u64) {
    let request = http::Request::post("http://127.0.0.1/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "SageMaker.Search")
        .header("authorization", AUTHORIZATION)
        .body(Bytes::from(input.to_string()))
        .unwrap();
    let (response, cost) = asked(|| world.handle(&request));
    (serde_json::from_slice(response.body()).unwrap(), cost.bytes / MB)
}

/// Fifty metrics of a run are 20 kB of JSON: written out for each of a hundred thousand they would be gigabytes.
#[test]
fn a_search_over_all_runs_writes_out_what_it_shows() {
    let scenario = Scenario::named("big-account").unwrap();
    let mut world = World::new(Options { seed: scenario.seed, start: scenario.start, scenario });
    let by = |name: &str, operator: &str, value: &str| {
        let filters = [json!({"Name": name, "Operator": operator, "Value": value})];
        json!({"Resource": "ExperimentTrialComponent", "MaxResults": 100, "SearchExpression": {"Filters": filters}})
    };
    let cases = [
        (json!({"Resource": "ExperimentTrialComponent", "MaxResults": 100}), 200),
        (json!({"Resource": "TrainingJob", "MaxResults": 100}), 200),
        (by("Source.SourceType", "Equals", "SageMakerTrainingJob"), 200),
        (by("Metrics.val/auc.Last", "GreaterThan", "0.5"), 200),
        // Looked up in what is written, without metrics: 50 kB each, one at a time.
        (by("MetadataProperties.CommitId", "Contains", "a"), 6_000),
    ];
    for (input, most) in cases {
        let (answer, megabytes) = search(&mut world, &input);
        assert!(megabytes <= most, "{megabytes} MB of at most {most}: {input}");
        let results = answer["Results"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(results.len(), 100, "{input}");
        assert!(answer["NextToken"].is_string(), "there are more: {input}");
        for found in results.iter().filter_map(|result| result.get("TrialComponent")) {
            assert!(!found["SourceDetail"]["TrainingJob"].is_null() || found["Source"].is_null(), "{found}");
        }
    }
}
