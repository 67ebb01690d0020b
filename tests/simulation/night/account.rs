//! A small account of its own, made by the calls that make any account, and the people in it who are not at a desk of ours.

use bytes::Bytes;
use http::Request;
use mldeck_core::time::{MINUTE, Timestamp};
use mldeck_sandbox::{Options, Scenario, World};
use serde_json::{Value, json};

use super::dice::Dice;

mod extra;

pub use extra::{Extra, PIPELINE, package};

const ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";
const BUCKET: &str = "score-models";
/// Versions that have a model and a config.
pub const VERSIONS: i64 = 3;
/// How long the account lived before the night.
const PAST: i64 = 30 * MINUTE;

/// A key that somebody signs with.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub token: String,
}

/// What differs from night to night.
#[derive(Clone, Debug)]
pub struct Shape {
    pub endpoints: Vec<String>,
    /// Production variants of each: one, or two that share the traffic.
    pub variants: usize,
    pub alarms: bool,
    /// The abort alarm is there from an earlier change.
    pub abort_alarm: bool,
    pub autoscaling: bool,
}

impl Shape {
    pub fn drawn(dice: &mut Dice) -> Self {
        let endpoints = if dice.percent(25) {
            vec!["score-a".to_owned(), "score-b".to_owned()]
        } else {
            vec!["score-a".to_owned()]
        };
        Self {
            endpoints,
            variants: if dice.percent(30) { 2 } else { 1 },
            alarms: dice.percent(70),
            abort_alarm: dice.percent(50),
            autoscaling: dice.percent(40),
        }
    }

    /// One endpoint with all there is but autoscaling: what single faults are tried on.
    pub fn plain() -> Self {
        Self {
            endpoints: vec!["score-a".to_owned()],
            variants: 1,
            alarms: true,
            abort_alarm: false,
            autoscaling: false,
        }
    }
}

/// `score-a-v2`.
pub fn config(endpoint: &str, version: i64) -> String {
    format!("{endpoint}-v{version}")
}

/// `blue`, `green`.
pub fn variant(index: usize) -> &'static str {
    ["blue", "green"][index]
}

/// The account as the night finds it: each endpoint in service on its second version, the third at hand.
pub struct Account {
    pub world: World,
    pub shape: Shape,
    /// ARN of the pipeline execution, where there is one.
    pub run: String,
    deployer: Key,
}

impl Account {
    pub fn new(seed: u64, shape: Shape, extras: &[(Extra, String)]) -> Self {
        let start = Timestamp::from_millis(1_795_400_000_000);
        let mut world = World::new(Options { seed, scenario: Scenario::bare(start), start });
        let deployer = assume(&mut world, "Deployer", "ci-deploy");
        let mut account = Self { world, shape, run: String::new(), deployer };
        account.world.handle(&upload(""));
        for endpoint in account.shape.endpoints.clone() {
            account.found(&endpoint);
        }
        account.world.advance_to(start.plus(8 * MINUTE));
        for endpoint in account.shape.endpoints.clone() {
            account.deploy(&endpoint, 2);
        }
        account.world.advance_to(start.plus(PAST));
        for (extra, endpoint) in extras {
            account.add(*extra, endpoint);
        }
        account
    }

    fn found(&mut self, endpoint: &str) {
        for version in 1..=VERSIONS {
            let name = config(endpoint, version);
            assert!(self.world.handle(&upload(&name)).status().is_success(), "the artifact of {name}");
            self.must("sagemaker", "CreateModel", &json!({
                "ModelName": name, "ExecutionRoleArn": ROLE,
                "PrimaryContainer": {"Image": format!("447100000921.dkr.ecr.eu-west-1.amazonaws.com/score:v{version}"), "ModelDataUrl": format!("s3://{BUCKET}/{name}")},
            }));
            let variants: Vec<Value> = (0..self.shape.variants)
                .map(|index| json!({
                    "VariantName": variant(index), "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 2,
                    "InitialVariantWeight": if index == 0 { 0.8 } else { 0.2 },
                }))
                .collect();
            self.must(
                "sagemaker",
                "CreateEndpointConfig",
                &json!({"EndpointConfigName": name, "ProductionVariants": variants}),
            );
        }
        self.must(
            "sagemaker",
            "CreateEndpoint",
            &json!({"EndpointName": endpoint, "EndpointConfigName": config(endpoint, 1)}),
        );
        if self.shape.alarms {
            self.must("monitoring", "PutMetricAlarm", &json!({
                "AlarmName": format!("{endpoint}-5xx"), "Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors",
                "Statistic": "Average", "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "blue"}],
                "Period": 60, "EvaluationPeriods": 3, "Threshold": 0.05, "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            }));
        }
        if self.shape.abort_alarm {
            self.abort_alarm(endpoint);
        }
        if self.shape.autoscaling {
            self.bounds(endpoint, 2);
        }
    }

    fn abort_alarm(&mut self, endpoint: &str) {
        self.must("monitoring", "PutMetricAlarm", &json!({
            "AlarmName": format!("mldeck-abort-{endpoint}"), "Namespace": "MLOps/Abort", "MetricName": "Abort", "Statistic": "Sum",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}], "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching", "ActionsEnabled": false,
        }));
    }

    /// Somebody else puts a version into service, without guardrails. True when AWS takes it.
    pub fn deploy(&mut self, endpoint: &str, version: i64) -> bool {
        self.call(
            "sagemaker",
            "UpdateEndpoint",
            &json!({"EndpointName": endpoint, "EndpointConfigName": config(endpoint, version)}),
        )
    }

    pub fn delete(&mut self, endpoint: &str) -> bool {
        self.call("sagemaker", "DeleteEndpoint", &json!({"EndpointName": endpoint}))
    }

    pub fn weigh(&mut self, endpoint: &str, weight: f64) -> bool {
        let change = json!([{"VariantName": "blue", "DesiredWeight": weight}]);
        self.call(
            "sagemaker",
            "UpdateEndpointWeightsAndCapacities",
            &json!({"EndpointName": endpoint, "DesiredWeightsAndCapacities": change}),
        )
    }

    /// What Application Auto Scaling may do: it moves the count to within these bounds by itself.
    pub fn bounds(&mut self, endpoint: &str, least: i64) -> bool {
        self.call(
            "application-autoscaling",
            "RegisterScalableTarget",
            &json!({
                "ServiceNamespace": "sagemaker", "ResourceId": format!("endpoint/{endpoint}/variant/blue"),
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount", "MinCapacity": least, "MaxCapacity": 8,
            }),
        )
    }

    /// The endpoint's own alarm goes off.
    pub fn ring(&mut self, endpoint: &str) -> bool {
        let input = json!({"AlarmName": format!("{endpoint}-5xx"), "StateValue": "ALARM", "StateReason": "a test of the pager"});
        self.call("monitoring", "SetAlarmState", &input)
    }

    /// The model of the first version goes away: AWS takes no change to it any more.
    pub fn lose_model(&mut self, endpoint: &str) -> bool {
        self.call("sagemaker", "DeleteModel", &json!({"ModelName": config(endpoint, 1)}))
    }

    /// Status, config and, while there is one, what is being deployed.
    pub fn truth(&mut self, endpoint: &str) -> Option<Truth> {
        let answer = self.world.handle(&request(
            &self.deployer,
            "sagemaker",
            "DescribeEndpoint",
            &json!({"EndpointName": endpoint}),
        ));
        if answer.status() != 200 {
            return None;
        }
        let body: Value = serde_json::from_slice(answer.body()).ok()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Truth { status: text(&body["EndpointStatus"]), config: text(&body["EndpointConfigName"]) })
    }

    fn call(&mut self, service: &str, operation: &str, input: &Value) -> bool {
        self.world.handle(&request(&self.deployer, service, operation, input)).status().is_success()
    }

    fn must(&mut self, service: &str, operation: &str, input: &Value) -> Value {
        let answer = self.world.handle(&request(&self.deployer, service, operation, input));
        assert!(answer.status().is_success(), "{operation}: {:?}", answer.body());
        serde_json::from_slice(answer.body()).unwrap_or_default()
    }
}

/// An endpoint as it is, whoever looks.
#[derive(Debug)]
pub struct Truth {
    pub status: String,
    pub config: String,
}

impl Truth {
    pub fn is_in_flight(&self) -> bool {
        matches!(self.status.as_str(), "Updating" | "Deleting" | "Creating" | "SystemUpdating" | "RollingBack")
    }
}

/// A session of twelve hours.
pub fn assume(world: &mut World, role: &str, name: &str) -> Key {
    let body = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A447100000921%3Arole%2F{role}&RoleSessionName={name}\
         &DurationSeconds=43200"
    );
    let asked = Request::post("/")
        .header("authorization", authorization("sandbox", "sts"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .expect("a request");
    let answer = world.handle(&asked);
    let xml = String::from_utf8_lossy(answer.body()).into_owned();
    let part = |name: &str| {
        let rest = xml.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
        rest.split('<').next().unwrap_or_default().to_owned()
    };
    let key = Key { id: part("AccessKeyId"), secret: part("SecretAccessKey"), token: part("SessionToken") };
    assert!(!key.id.is_empty(), "{}", xml);
    key
}

fn authorization(key: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn request(key: &Key, service: &str, operation: &str, input: &Value) -> Request<Bytes> {
    let prefix = match service {
        "monitoring" => "GraniteServiceVersion20100801",
        "application-autoscaling" => "AnyScaleFrontendService",
        _ => "SageMaker",
    };
    Request::post("/")
        .header("authorization", authorization(&key.id, service))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("{prefix}.{operation}"))
        .body(Bytes::from(input.to_string()))
        .expect("a request")
}

/// The artifact of that name is uploaded; without a name the bucket is made.
fn upload(name: &str) -> Request<Bytes> {
    Request::put(format!("/{BUCKET}/{name}").trim_end_matches('/'))
        .header("authorization", authorization("sandbox", "s3"))
        .body(Bytes::from_static(b"model"))
        .expect("a request")
}

/// `UpdateEndpoint`: what a request asks for, in any of the protocols.
pub fn operation(request: &Request<Bytes>) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        return operation.to_owned();
    }
    if let Some((_, operation)) = request.uri().path().rsplit_once("/operation/") {
        return operation.to_owned();
    }
    let action = std::str::from_utf8(request.body())
        .ok()
        .and_then(|body| body.split('&').find_map(|pair| pair.strip_prefix("Action=")));
    action.map_or_else(|| format!("{} object", request.method()), str::to_owned)
}

/// The members of a request in JSON; nothing of another one.
pub fn input(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap_or_default()
}
