use mldeck_core::time::{DAY, HOUR, MINUTE};
use serde_json::{Value, json};

use super::materialize;
use crate::{
    testkit::{call, ok, refused, world},
    world::World,
};

const OWN: &str = "arn:aws:sagemaker:eu-west-1:447100000921:workteam/private-crowd/own";
const VENDOR: &str = "arn:aws:sagemaker:eu-west-1:447100000921:workteam/vendor-crowd/acme";

fn later(world: &mut World, millis: i64) {
    let to = world.now().plus(millis);
    world.advance_to(to);
}

/// A team of one group, which has four to eight people.
fn team(world: &mut World) {
    let member =
        json!({"CognitoMemberDefinition": {"UserPool": "eu-west-1_abcdefgh1", "UserGroup": "g", "ClientId": "abcdef"}});
    ok(world, "CreateWorkteam", &json!({"WorkteamName": "own", "Description": "d", "MemberDefinitions": [member]}));
}

fn manifest(world: &mut World, count: usize) {
    let lines: String = (0..count).map(|n| format!("{{\"source\":\"message {n}\"}}\n")).collect();
    let at = world.now();
    assert!(world.s3.put("own", "in.manifest", lines, at));
}

fn job(name: &str, team: &str, workers: u32) -> Value {
    let lambda = |of: &str| format!("arn:aws:lambda:eu-west-1:568282634449:function:{of}-TextMultiClass");
    json!({
        "LabelingJobName": name, "LabelAttributeName": "topic", "RoleArn": "arn:aws:iam::447100000921:role/SageMakerExecution",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://own/in.manifest"}}},
        "OutputConfig": {"S3OutputPath": "s3://own/out/"},
        "HumanTaskConfig": {
            "WorkteamArn": team, "UiConfig": {"UiTemplateS3Uri": "s3://own/page.html"}, "PreHumanTaskLambdaArn": lambda("PRE"),
            "TaskTitle": "t", "TaskDescription": "d", "NumberOfHumanWorkersPerDataObject": workers, "TaskTimeLimitInSeconds": 600,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": lambda("ACS")},
        },
    })
}

fn told(world: &mut World, name: &str) -> Value {
    ok(world, "DescribeLabelingJob", &json!({"LabelingJobName": name}))
}

fn count(job: &Value, counter: &str) -> u64 {
    job["LabelCounters"][counter].as_u64().unwrap()
}

/// The objects of a job's output, by key.
fn output(world: &mut World, prefix: &str) -> Vec<(String, String)> {
    materialize(world, "own", prefix);
    let body = |object: &crate::world::s3::Object| String::from_utf8_lossy(&object.body).into_owned();
    world.s3.list("own", prefix).map(|(key, object)| (key.to_owned(), body(object))).collect()
}

#[test]
fn counters_move_because_people_work_in_their_hours() {
    // Monday, 02:24.
    let mut world = world("quiet-night");
    team(&mut world);
    manifest(&mut world, 1_000);
    ok(&mut world, "CreateLabelingJob", &job("a", OWN, 2));
    assert_eq!(told(&mut world, "a")["LabelingJobStatus"], "Initializing");
    later(&mut world, 4 * HOUR);
    let night = told(&mut world, "a");
    assert_eq!((&night["LabelingJobStatus"], count(&night, "Unlabeled")), (&json!("InProgress"), 1_000), "{night}");
    assert_eq!(count(&night, "HumanLabeled"), 0, "nobody works at six");
    later(&mut world, 3 * HOUR);
    let morning = told(&mut world, "a");
    let labeled = count(&morning, "HumanLabeled");
    assert!((1..1_000).contains(&labeled) && count(&morning, "Unlabeled") == 1_000 - labeled, "{morning}");
    assert!(morning["LastModifiedTime"].as_f64() > night["LastModifiedTime"].as_f64(), "{morning}");
    assert_eq!(output(&mut world, "out/a/annotations/worker-response/").len() as u64, labeled, "a file for each");
    later(&mut world, 2 * DAY);
    let done = told(&mut world, "a");
    assert_eq!((&done["LabelingJobStatus"], count(&done, "TotalLabeled")), (&json!("Completed"), 1_000));
    let uri = done["LabelingJobOutput"]["OutputDatasetS3Uri"].as_str().unwrap();
    assert_eq!(uri, "s3://own/out/a/manifests/output/output.manifest");
    let files = output(&mut world, "out/a/");
    let lines: Vec<Value> = files.last().unwrap().1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((files.len(), lines.len(), &lines[7]["source"]), (1_001, 1_000, &json!("message 7")));
    let meta = &lines[7]["topic-metadata"];
    assert_eq!((&meta["human-annotated"], &meta["type"]), (&json!("yes"), &json!("groundtruth/text-classification")));
    let answers: Value = serde_json::from_str(&files[0].1).unwrap();
    assert_eq!(answers["answers"].as_array().unwrap().len(), 2);
    assert_ne!(answers["answers"][0]["workerId"], answers["answers"][1]["workerId"]);
}

#[test]
fn two_jobs_of_a_team_take_longer_than_one_and_the_team_sees_both() {
    let (mut one, mut both) = (world("quiet-night"), world("quiet-night"));
    for world in [&mut one, &mut both] {
        team(world);
        manifest(world, 3_000);
        ok(world, "CreateLabelingJob", &job("a", OWN, 1));
    }
    ok(&mut both, "CreateLabelingJob", &job("b", OWN, 1));
    later(&mut one, 12 * HOUR);
    later(&mut both, 12 * HOUR);
    let [alone, shared] = [&mut one, &mut both].map(|world| count(&told(world, "a"), "HumanLabeled"));
    assert!(shared > 0 && shared <= alone / 2 + 1, "{shared} of {alone}");
    let listed = ok(&mut both, "ListLabelingJobsForWorkteam", &json!({"WorkteamArn": OWN, "SortOrder": "Ascending"}));
    let rows = listed["LabelingJobSummaryList"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["LabelingJobName"]).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        rows[0]["LabelCounters"],
        json!({"HumanLabeled": shared, "PendingHuman": 3_000 - shared, "Total": 3_000})
    );
    let about = json!({"Namespace": "AWS/SageMaker/Workteam", "MetricName": "TasksSubmitted", "Period": 86_400, "Statistics": ["Sum"],
        "StartTime": both.now().plus(-DAY).iso(), "EndTime": both.now().iso(),
        "Dimensions": [{"Name": "Workforce", "Value": "default"}, {"Name": "Workteam", "Value": "own"}]});
    let (_, points) = call(&mut both, "monitoring", "GetMetricStatistics", &about);
    let sum: f64 = points["Datapoints"].as_array().unwrap().iter().map(|point| point["Sum"].as_f64().unwrap()).sum();
    assert!((sum - 2.0 * shared as f64).abs() < 5.0, "{sum} tasks, {shared} objects in each");
}

#[test]
fn what_s3_does_not_hold_fails_the_job_and_what_cannot_be_is_refused() {
    let mut world = world("quiet-night");
    team(&mut world);
    let arn = ok(&mut world, "CreateLabelingJob", &job("none", OWN, 1))["LabelingJobArn"].clone();
    assert_eq!(refused(&mut world, "CreateLabelingJob", &job("none", OWN, 1)).0, "ResourceInUse");
    later(&mut world, 3 * MINUTE);
    let failed = told(&mut world, "none");
    assert_eq!((&failed["LabelingJobStatus"], &failed["LabelingJobArn"]), (&json!("Failed"), &arn));
    assert!(failed["FailureReason"].as_str().unwrap().contains("NoSuchKey"), "{failed}");
    assert!(
        refused(&mut world, "StopLabelingJob", &json!({"LabelingJobName": "none"})).1.ends_with("while it is Failed.")
    );
    let at = world.now();
    world.s3.put("own", "in.manifest", "{\"source\": \"x\"}\n{\"text\": \"y\"}\n", at);
    ok(&mut world, "CreateLabelingJob", &job("half", OWN, 1));
    later(&mut world, 3 * MINUTE);
    assert!(told(&mut world, "half")["FailureReason"].as_str().unwrap().contains("Line 2"));

    let mut wrong = job("w", OWN, 1);
    wrong["LabelAttributeName"] = json!("topic-metadata");
    assert!(refused(&mut world, "CreateLabelingJob", &wrong).1.contains("-metadata"));
    let mut wrong = job("w", OWN, 1);
    wrong["HumanTaskConfig"]["PreHumanTaskLambdaArn"] =
        json!("arn:aws:lambda:eu-west-1:568282634449:function:PRE-SemanticSegmentation");
    assert!(refused(&mut world, "CreateLabelingJob", &wrong).1.contains("-ref"));
    let nobody = "arn:aws:sagemaker:eu-west-1:447100000921:workteam/private-crowd/nobody";
    assert!(refused(&mut world, "CreateLabelingJob", &job("w", nobody, 1)).1.contains("does not exist"));
    let public = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default";
    assert!(refused(&mut world, "CreateLabelingJob", &job("w", public, 1)).1.contains("FreeOfAdultContent"));
    let missing = json!({"WorkteamArn": nobody});
    assert_eq!(refused(&mut world, "ListLabelingJobsForWorkteam", &missing).0, "ResourceNotFound");
}

#[test]
fn tasks_that_a_small_team_cannot_answer_expire() {
    let mut world = world("quiet-night");
    team(&mut world);
    manifest(&mut world, 50);
    let mut asked = job("many", OWN, 9);
    asked["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] = json!(86_400);
    asked["HumanTaskConfig"]["MaxConcurrentTaskCount"] = json!(20);
    ok(&mut world, "CreateLabelingJob", &asked);
    later(&mut world, DAY - HOUR);
    let waiting = told(&mut world, "many");
    assert_eq!((count(&waiting, "HumanLabeled"), count(&waiting, "FailedNonRetryableError")), (0, 0), "{waiting}");
    later(&mut world, 2 * HOUR);
    assert_eq!(count(&told(&mut world, "many"), "FailedNonRetryableError"), 20, "those that were sent");
    later(&mut world, 3 * DAY);
    let failed = told(&mut world, "many");
    assert_eq!((&failed["LabelingJobStatus"], count(&failed, "FailedNonRetryableError")), (&json!("Failed"), 50));
    let (_, lines) = call(
        &mut world,
        "logs",
        "GetLogEvents",
        &json!({"logGroupName": "/aws/sagemaker/LabelingJobs", "logStreamName": "many", "startFromHead": true}),
    );
    let said: Vec<&str> =
        lines["events"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(
        said.iter().any(|line| line.contains("ANNOTATION_TASKS_EXPIRED") && line.contains("20 data objects")),
        "{said:?}"
    );
}

#[test]
fn a_stopped_job_keeps_its_labels_and_the_next_goes_on_from_there() {
    let mut world = world("quiet-night");
    manifest(&mut world, 4_000);
    ok(&mut world, "CreateLabelingJob", &job("first", VENDOR, 2));
    later(&mut world, 4 * HOUR);
    ok(&mut world, "StopLabelingJob", &json!({"LabelingJobName": "first"}));
    assert_eq!(told(&mut world, "first")["LabelingJobStatus"], "Stopping");
    later(&mut world, 5 * MINUTE);
    let stopped = told(&mut world, "first");
    let labeled = count(&stopped, "TotalLabeled");
    assert!(stopped["LabelingJobStatus"] == "Stopped" && (1..4_000).contains(&labeled), "{stopped}");
    let mut next = job("next", VENDOR, 2);
    next["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"] =
        stopped["LabelingJobOutput"]["OutputDatasetS3Uri"].clone();
    next["StoppingConditions"] = json!({"MaxHumanLabeledObjectCount": 100});
    ok(&mut world, "CreateLabelingJob", &next);
    later(&mut world, 3 * MINUTE);
    let begun = told(&mut world, "next");
    assert!(count(&begun, "HumanLabeled") >= labeled && count(&begun, "Unlabeled") <= 4_000 - labeled, "{begun}");
    later(&mut world, 2 * DAY);
    let enough = told(&mut world, "next");
    assert_eq!((&enough["LabelingJobStatus"], count(&enough, "HumanLabeled")), (&json!("Stopped"), labeled + 100));
}

#[test]
fn machines_label_a_part_when_that_is_asked_for_and_there_is_enough() {
    let mut world = world("quiet-night");
    manifest(&mut world, 1_300);
    let algorithm = "arn:aws:sagemaker:eu-west-1:027400017018:labeling-job-algorithm-specification/text-classification";
    let mut asked = job("auto", VENDOR, 1);
    asked["LabelingJobAlgorithmsConfig"] = json!({"LabelingJobAlgorithmSpecificationArn": algorithm});
    ok(&mut world, "CreateLabelingJob", &asked);
    later(&mut world, 3 * DAY);
    let done = told(&mut world, "auto");
    let (human, machine) = (count(&done, "HumanLabeled"), count(&done, "MachineLabeled"));
    assert!(
        done["LabelingJobStatus"] == "Completed" && human > 130 && machine > 400 && human + machine == 1_300,
        "{done}"
    );
    let file = &output(&mut world, "out/auto/manifests/")[0].1;
    assert_eq!(file.matches("\"human-annotated\":\"no\"").count() as u64, machine);
    manifest(&mut world, 100);
    asked["LabelingJobName"] = json!("few");
    ok(&mut world, "CreateLabelingJob", &asked);
    later(&mut world, 3 * MINUTE);
    assert!(told(&mut world, "few")["FailureReason"].as_str().unwrap().contains("1250"));
}

#[test]
fn files_are_the_same_whenever_somebody_looks() {
    let run = |looks: bool| {
        let mut world = world("quiet-night");
        team(&mut world);
        manifest(&mut world, 120);
        ok(&mut world, "CreateLabelingJob", &job("a", OWN, 2));
        for _ in 0..48 {
            later(&mut world, HOUR);
            if looks {
                output(&mut world, "out/");
            }
        }
        output(&mut world, "out/")
    };
    let (looked, waited) = (run(true), run(false));
    assert_eq!(looked.len(), 121);
    assert_eq!(looked, waited);
}

#[test]
fn a_generated_account_has_labeled_before() {
    let mut world = world("fraud-burns");
    let listed = ok(&mut world, "ListLabelingJobs", &json!({"MaxResults": 100}))["LabelingJobSummaryList"].clone();
    let rows = listed.as_array().unwrap();
    let of = |state: &str| rows.iter().filter(|row| row["LabelingJobStatus"] == state).count();
    assert_eq!((rows.len(), of("InProgress"), of("Failed"), of("Stopped")), (12, 2, 1, 1), "{listed}");
    for row in rows.iter().filter(|row| row["LabelingJobStatus"] == "Completed") {
        let uri = row["LabelingJobOutput"]["OutputDatasetS3Uri"].as_str().unwrap();
        let key = uri.strip_prefix("s3://acme-ml-labels/").unwrap();
        materialize(&mut world, "acme-ml-labels", key);
        let body = &world.s3.get("acme-ml-labels", key).unwrap().body;
        let lines = body.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(lines, count(row, "TotalLabeled") + count(row, "FailedNonRetryableError"), "{row}");
    }
}

#[test]
fn the_backlog_is_a_team_too_small_and_goes_away_with_people_and_another_job() {
    let mut world = world("labeling-backlog");
    let stuck = told(&mut world, "vision-defects-b06");
    let (labeled, lost) = (count(&stuck, "HumanLabeled"), count(&stuck, "FailedNonRetryableError"));
    assert!(stuck["LabelingJobStatus"] == "InProgress" && (1..600).contains(&labeled) && lost >= 120, "{stuck}");
    later(&mut world, 2 * HOUR);
    let waited = told(&mut world, "vision-defects-b06");
    assert_eq!(count(&waited, "HumanLabeled"), labeled, "two people cannot give three answers");
    assert!(count(&told(&mut world, "intent-fr-b03"), "Unlabeled") > 0, "another job takes its time");
    let pool = "eu-west-1_AcmeLabel";
    let member = |group: &str| json!({"CognitoMemberDefinition": {"UserPool": pool, "ClientId": "5s2kq8acmelabelers", "UserGroup": group}});
    let more = ["line-inspectors", "vision-annotators", "quality-lab"].map(member);
    ok(&mut world, "UpdateWorkteam", &json!({"WorkteamName": "vision-labelers", "MemberDefinitions": more}));
    later(&mut world, 4 * DAY);
    let done = told(&mut world, "vision-defects-b06");
    let lost = count(&done, "FailedNonRetryableError");
    assert!(done["LabelingJobStatus"] == "Completed" && count(&done, "HumanLabeled") == 900 - lost, "{done}");
    let mut rest = ok(&mut world, "DescribeLabelingJob", &json!({"LabelingJobName": "vision-defects-b06"}));
    rest["LabelingJobName"] = json!("vision-defects-b06-rest");
    rest["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"] =
        rest["LabelingJobOutput"]["OutputDatasetS3Uri"].clone();
    // Eight hours are less than a night.
    rest["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] = json!(432_000);
    ok(&mut world, "CreateLabelingJob", &rest);
    later(&mut world, 4 * DAY);
    let all = told(&mut world, "vision-defects-b06-rest");
    assert_eq!((&all["LabelingJobStatus"], count(&all, "TotalLabeled")), (&json!("Completed"), 900));
}

#[test]
fn what_is_deleted_meanwhile_makes_nobody_work_faster() {
    let labeled = |deletions: usize| {
        let mut world = world("quiet-night");
        manifest(&mut world, 4_000);
        ok(&mut world, "CreateLabelingJob", &job("a", VENDOR, 1));
        // The last minute is a whole one: its work is done when the calls come.
        let morning = world.now().floor(HOUR).plus(7 * HOUR);
        world.advance_to(morning);
        for _ in 0..deletions {
            let context = json!({"ContextName": "c", "ContextType": "t", "Source": {"SourceUri": "s3://own/c"}});
            ok(&mut world, "CreateContext", &context);
            ok(&mut world, "DeleteContext", &json!({"ContextName": "c"}));
        }
        count(&told(&mut world, "a"), "HumanLabeled")
    };
    let alone = labeled(0);
    assert!(alone > 0);
    assert_eq!(labeled(20), alone);
}

#[test]
fn labels_are_those_of_the_configuration_the_job_began_with() {
    let run = |looks: bool| {
        let mut world = world("quiet-night");
        manifest(&mut world, 60);
        let configure = |world: &mut World, label: &str| {
            let at = world.now();
            world.s3.put("own", "labels.json", json!({"labels": [{"label": label}]}).to_string(), at);
        };
        configure(&mut world, "before");
        let mut asked = job("a", VENDOR, 1);
        asked["LabelCategoryConfigS3Uri"] = json!("s3://own/labels.json");
        ok(&mut world, "CreateLabelingJob", &asked);
        later(&mut world, 5 * HOUR);
        if looks {
            output(&mut world, "out/");
        }
        configure(&mut world, "after");
        later(&mut world, DAY);
        output(&mut world, "out/")
    };
    let looked = run(true);
    assert!(looked.last().unwrap().1.contains("before"), "{:?}", looked.last());
    assert_eq!(looked, run(false));
}
