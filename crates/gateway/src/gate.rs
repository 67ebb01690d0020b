//! The write gate: the last code before a request leaves the process.
//!
//! It judges what is *on the wire*, not what a caller says it is about to do, so requests that the SDK makes by itself
//! (credential chain, retries) are judged as well. Whatever it does not know is a write, and a write passes only with
//! a `Permit`: made from a live [`Grant`] for one operation, good for one request, in one region, signed by the key
//! whose identity was verified.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

mod grant;
mod leave;

pub use grant::{ARMED, Grant};
pub(crate) use grant::{Permit, Stopped, admit};
pub use leave::TeamLeave;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    /// A read that is billed by what it asks for.
    PaidRead,
    /// Finding out who we are: the credential chain and `GetCallerIdentity`.
    Login,
    Write,
}

/// What a request is, read from the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnWire {
    pub service: &'static str,
    pub operation: String,
    pub class: Class,
}

/// Every operation that is known not to change anything. There is no list of writes: all else is one.
const HARMLESS: &[(&str, Class, &[&str])] = &[
    (
        "sagemaker",
        Class::Read,
        &[
            "DescribeDataQualityJobDefinition",
            "DescribeAutoMLJobV2",
            "DescribeCompilationJob",
            "DescribeEndpoint",
            "DescribeEndpointConfig",
            "DescribeFlowDefinition",
            "DescribeHyperParameterTuningJob",
            "DescribeInferenceComponent",
            "DescribeInferenceExperiment",
            "DescribeLabelingJob",
            "DescribeModel",
            "DescribeModelBiasJobDefinition",
            "DescribeModelExplainabilityJobDefinition",
            "DescribeModelPackage",
            "DescribeModelQualityJobDefinition",
            "DescribeMonitoringSchedule",
            "DescribePipeline",
            "DescribePipelineDefinitionForExecution",
            "DescribePipelineExecution",
            "DescribeProcessingJob",
            "DescribeTrainingJob",
            "DescribeTransformJob",
            "DescribeTrialComponent",
            "GetModelPackageGroupPolicy",
            "ListEndpointConfigs",
            "ListEndpoints",
            "ListFlowDefinitions",
            "ListInferenceComponents",
            "ListInferenceExperiments",
            "ListLabelingJobs",
            "ListModelPackageGroups",
            "ListModelPackages",
            "ListMonitoringAlertHistory",
            "ListMonitoringExecutions",
            "ListMonitoringSchedules",
            "ListPipelineExecutionSteps",
            "ListPipelineExecutions",
            "ListPipelineParametersForExecution",
            "ListPipelines",
            "ListProcessingJobs",
            "ListTags",
            "ListTrainingJobs",
            "ListTransformJobs",
            "Search",
        ],
    ),
    ("sagemaker-metrics", Class::Read, &["BatchGetMetrics"]),
    ("sagemaker-a2i-runtime", Class::Read, &["DescribeHumanLoop", "ListHumanLoops"]),
    ("cloudwatch", Class::Read, &["DescribeAlarms", "ListMetrics"]),
    ("cloudwatch", Class::PaidRead, &["GetMetricData"]),
    ("logs", Class::Read, &["FilterLogEvents"]),
    ("application-autoscaling", Class::Read, &["DescribeScalableTargets"]),
    ("cloudtrail", Class::Read, &["LookupEvents"]),
    ("dynamodb", Class::Read, &["DescribeTable", "GetItem", "Query"]),
    ("events", Class::Read, &["ListRules", "ListTargetsByRule"]),
    ("s3", Class::Read, &["GetObject", "HeadObject", "ListObjectsV2"]),
    (
        "sts",
        Class::Login,
        &["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken"],
    ),
    (
        "login",
        Class::Login,
        &["CreateToken", "Credentials", "GetRoleCredentials", "RegisterClient", "StartDeviceAuthorization"],
    ),
];

/// The part before the dot of `X-Amz-Target`, or the service in a CBOR path, and our name of the service.
const SERVICES: &[(&str, &str)] = &[
    ("SageMaker", "sagemaker"),
    ("GraniteServiceVersion20100801", "cloudwatch"),
    ("Logs_20140328", "logs"),
    ("AnyScaleFrontendService", "application-autoscaling"),
    ("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "cloudtrail"),
    ("CloudTrail_20131101", "cloudtrail"),
    ("AWSEvents", "events"),
    ("DynamoDB_20120810", "dynamodb"),
];

pub fn classify(request: &HttpRequest) -> OnWire {
    let (service, operation) = named(request);
    let class = HARMLESS
        .iter()
        .find(|(of, _, operations)| *of == service && operations.contains(&operation.as_str()))
        .map_or(Class::Write, |(_, class, _)| *class);
    OnWire { service, operation, class }
}

fn named(request: &HttpRequest) -> (&'static str, String) {
    let (path, query) = path_and_query(request.uri());
    let service_of =
        |name: &str| SERVICES.iter().find(|(prefix, _)| *prefix == name).map_or("unknown", |(_, service)| *service);
    if let Some(target) = request.headers().get("x-amz-target") {
        let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
        return (service_of(prefix), operation.to_owned());
    }
    if let Some((_, rest)) = path.rsplit_once("/service/")
        && let Some((service, operation)) = rest.split_once("/operation/")
    {
        return (service_of(service), operation.to_owned());
    }
    match (signing_service(request), request.method()) {
        (Some("s3"), "HEAD") => ("s3", "HeadObject".to_owned()),
        (Some("s3"), "GET") if query.contains("list-type=2") => ("s3", "ListObjectsV2".to_owned()),
        (Some("s3"), "GET") => ("s3", "GetObject".to_owned()),
        (Some("s3"), method) => ("s3", format!("{method}Object")),
        (Some("sagemaker"), "POST") if path.ends_with("/BatchGetMetrics") => {
            ("sagemaker-metrics", "BatchGetMetrics".to_owned())
        }
        (Some("sagemaker"), method) if human_loop(method, path).is_some() => {
            ("sagemaker-a2i-runtime", human_loop(method, path).unwrap_or_default().to_owned())
        }
        (Some("sts") | None, "POST") if form_action(request).is_some() => {
            ("sts", form_action(request).unwrap_or_default())
        }
        // Without a signature there is no authority: these are the SSO portal, IMDS and container credentials.
        (None, "GET") if path.ends_with("/federation/credentials") => ("login", "GetRoleCredentials".to_owned()),
        (None, "GET") => ("login", "Credentials".to_owned()),
        (None, "PUT") if path.ends_with("/latest/api/token") => ("login", "CreateToken".to_owned()),
        (None, "POST") if path.ends_with("/token") => ("login", "CreateToken".to_owned()),
        (None, "POST") if path.ends_with("/client/register") => ("login", "RegisterClient".to_owned()),
        (None, "POST") if path.ends_with("/device_authorization") => ("login", "StartDeviceAuthorization".to_owned()),
        (_, method) => ("unknown", format!("{method} {path}")),
    }
}

/// Augmented AI's operations by method and path (botocore's model); the address of a sandbox may have a path of its own
/// before them.
fn human_loop(method: &str, path: &str) -> Option<&'static str> {
    let (_, rest) = path.rsplit_once("/human-loops")?;
    match (method, rest) {
        ("GET", "") => Some("ListHumanLoops"),
        ("GET", name) if name.len() > 1 && name.starts_with('/') => Some("DescribeHumanLoop"),
        ("POST", "") => Some("StartHumanLoop"),
        ("POST", "/stop") => Some("StopHumanLoop"),
        _ => None,
    }
}

fn path_and_query(uri: &str) -> (&str, &str) {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split_once('?').unwrap_or((path, ""))
}

fn form_action(request: &HttpRequest) -> Option<String> {
    let form = request.headers().get("content-type")?.starts_with("application/x-www-form-urlencoded");
    let body = std::str::from_utf8(request.body().bytes()?).ok().filter(|_| form)?;
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
}

/// The parts of `Authorization: AWS4-HMAC-SHA256 Credential=KEY/date/region/service/aws4_request, …`.
struct Signature<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

fn signature(request: &HttpRequest) -> Option<Signature<'_>> {
    let header = request.headers().get("authorization")?;
    let scope = header.split_once("Credential=")?.1.split([',', ' ']).next()?;
    let mut parts = scope.split('/');
    let (key, _date) = (parts.next()?, parts.next()?);
    Some(Signature { key, region: parts.next()?, service: parts.next()? })
}

fn signing_service(request: &HttpRequest) -> Option<&str> {
    request.headers().get("authorization").map(|_| signature(request).map_or("?", |signature| signature.service))
}

/// The access key id that signed the request.
pub(crate) fn signing_key(request: &HttpRequest) -> Option<String> {
    signature(request).map(|signature| signature.key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn request(
        method: &str,
        uri: &str,
        headers: &[(&'static str, &str)],
        body: &'static str,
    ) -> HttpRequest {
        let mut request = HttpRequest::new(body.into());
        request.set_method(method).expect("method");
        request.set_uri(uri).expect("uri");
        for (name, value) in headers {
            request.headers_mut().insert(*name, (*value).to_owned());
        }
        request
    }

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIA1/20261123/eu-west-1/";

    #[test]
    fn the_wire_says_what_a_request_is() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let s3 = format!("{SIGNED}s3/aws4_request, SignedHeaders=host, Signature=0");
        let s3 = ("authorization", s3.as_str());
        let metrics = format!("{SIGNED}sagemaker/aws4_request, SignedHeaders=host, Signature=0");
        let metrics = ("authorization", metrics.as_str());
        let cbor = "https://m.amazonaws.com/service/GraniteServiceVersion20100801/operation/";
        let target = |operation: &'static str| ("x-amz-target", operation);
        let cases: &[(HttpRequest, &str, &str, Class)] = &[
            (
                request("POST", "https://s/", &[target("SageMaker.ListEndpoints")], "{}"),
                "sagemaker",
                "ListEndpoints",
                Class::Read,
            ),
            (
                request("POST", "https://s/", &[target("SageMaker.UpdateEndpoint")], "{}"),
                "sagemaker",
                "UpdateEndpoint",
                Class::Write,
            ),
            (
                request("POST", "https://s/", &[target("SageMaker.DescribeTomorrow")], "{}"),
                "sagemaker",
                "DescribeTomorrow",
                Class::Write,
            ),
            (
                request("POST", "https://s/", &[target("Evil.ListEndpoints")], "{}"),
                "unknown",
                "ListEndpoints",
                Class::Write,
            ),
            (
                request("POST", "https://d/", &[target("DynamoDB_20120810.GetItem")], "{}"),
                "dynamodb",
                "GetItem",
                Class::Read,
            ),
            (
                request("POST", "https://d/", &[target("DynamoDB_20120810.DeleteItem")], "{}"),
                "dynamodb",
                "DeleteItem",
                Class::Write,
            ),
            (request("POST", &format!("{cbor}GetMetricData"), &[], ""), "cloudwatch", "GetMetricData", Class::PaidRead),
            (request("POST", &format!("{cbor}SetAlarmState"), &[], ""), "cloudwatch", "SetAlarmState", Class::Write),
            (
                request("POST", "https://sts/", &[form], "Version=1&Action=GetCallerIdentity"),
                "sts",
                "GetCallerIdentity",
                Class::Login,
            ),
            (request("POST", "https://sts/", &[form], "Action=TagResource"), "sts", "TagResource", Class::Write),
            (request("GET", "https://b.s3/key", &[s3], ""), "s3", "GetObject", Class::Read),
            (request("GET", "https://b.s3/?list-type=2&prefix=a", &[s3], ""), "s3", "ListObjectsV2", Class::Read),
            (request("HEAD", "https://b.s3/key", &[s3], ""), "s3", "HeadObject", Class::Read),
            (request("PUT", "https://b.s3/key", &[s3], "x"), "s3", "PUTObject", Class::Write),
            (request("DELETE", "https://b.s3/key", &[s3], ""), "s3", "DELETEObject", Class::Write),
            (
                request("POST", "https://m/BatchGetMetrics", &[metrics], "{}"),
                "sagemaker-metrics",
                "BatchGetMetrics",
                Class::Read,
            ),
            (
                request("GET", "https://a/human-loops/one", &[metrics], ""),
                "sagemaker-a2i-runtime",
                "DescribeHumanLoop",
                Class::Read,
            ),
            (
                request("GET", "https://a/human-loops?FlowDefinitionArn=x", &[metrics], ""),
                "sagemaker-a2i-runtime",
                "ListHumanLoops",
                Class::Read,
            ),
            (
                request("POST", "https://a/human-loops", &[metrics], "{}"),
                "sagemaker-a2i-runtime",
                "StartHumanLoop",
                Class::Write,
            ),
            (
                request("POST", "https://a/human-loops/stop", &[metrics], "{}"),
                "sagemaker-a2i-runtime",
                "StopHumanLoop",
                Class::Write,
            ),
            (
                request("DELETE", "https://a/human-loops/one", &[metrics], ""),
                "unknown",
                "DELETE /human-loops/one",
                Class::Write,
            ),
            (
                request("PUT", "https://m/BatchPutMetrics", &[metrics], "{}"),
                "unknown",
                "PUT /BatchPutMetrics",
                Class::Write,
            ),
            (
                request("GET", "https://portal.sso/federation/credentials?role_name=x", &[], ""),
                "login",
                "GetRoleCredentials",
                Class::Login,
            ),
            (request("PUT", "http://169.254.169.254/latest/api/token", &[], ""), "login", "CreateToken", Class::Login),
            (request("POST", "https://oidc/client/register", &[], "{}"), "login", "RegisterClient", Class::Login),
            (
                request("POST", "https://oidc/device_authorization", &[], "{}"),
                "login",
                "StartDeviceAuthorization",
                Class::Login,
            ),
            (request("POST", "https://oidc/device_authorization", &[s3], "{}"), "s3", "POSTObject", Class::Write),
            (request("DELETE", "https://s/", &[], ""), "unknown", "DELETE /", Class::Write),
        ];
        for (request, service, operation, class) in cases {
            let found = classify(request);
            assert_eq!(
                (found.service, found.operation.as_str(), found.class),
                (*service, *operation, *class),
                "{}",
                request.uri()
            );
        }
    }
}
