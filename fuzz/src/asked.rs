//! Requests out of arbitrary bytes, a way for each protocol, and what every answer must be like.
//!
//! The fuzzer and the property tests of the sandbox share this file.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use mldeck_sandbox::World;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Json,
    Query,
    Cbor,
    Rest,
    Runtime,
    S3,
    /// Method, path and headers that nobody chose.
    Head,
}

pub const ALL: [Protocol; 7] =
    [Protocol::Json, Protocol::Query, Protocol::Cbor, Protocol::Rest, Protocol::Runtime, Protocol::S3, Protocol::Head];

/// Services that speak JSON, by what stands before the operation in `X-Amz-Target`.
const TARGETS: &[(&str, &str)] = &[
    ("sagemaker", "SageMaker"),
    ("monitoring", "GraniteServiceVersion20100801"),
    ("logs", "Logs_20140328"),
    ("application-autoscaling", "AnyScaleFrontendService"),
    ("cloudtrail", "CloudTrail_20131101"),
];

/// Routes of the runtimes; what the bytes say follows.
const ROUTES: &[(&str, &str)] = &[
    ("POST", "/BatchGetMetrics"),
    ("PUT", "/BatchPutMetrics"),
    ("POST", "/human-loops"),
    ("POST", "/human-loops/stop"),
    ("GET", "/human-loops/"),
    ("DELETE", "/human-loops/"),
    ("GET", "/human-loops"),
    ("POST", "/BatchGetRecord"),
    ("PUT", "/FeatureGroup/"),
    ("GET", "/FeatureGroup/"),
    ("DELETE", "/FeatureGroup/"),
];

const HEADERS: &[&str] =
    &["content-type", "accept", "x-amzn-sagemaker-target-variant", "x-amzn-sagemaker-inference-id"];

const METHODS: [Method; 5] = [Method::GET, Method::PUT, Method::HEAD, Method::POST, Method::DELETE];

fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=ASIASANDBOX/20261123/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0"
    )
}

/// Bytes as a part of a path: what may not stand there becomes a percent sign and two digits.
fn spelled(bytes: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/?&=%-_.~+:,;@$!*'()".contains(b);
    bytes.iter().map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn lines(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}

/// A request of that protocol; `None` where the bytes make none.
#[must_use]
pub fn request(protocol: Protocol, data: &[u8]) -> Option<Request<Bytes>> {
    let (first, rest) = data.split_first()?;
    let pick = usize::from(*first);
    let of = |service: &str| -> Vec<String> {
        World::operations().into_iter().filter(|(name, _)| *name == service).map(|(_, name)| name).collect()
    };
    let build = Request::builder();
    match protocol {
        Protocol::Json => {
            let (second, body) = rest.split_first()?;
            let (service, prefix) = TARGETS[usize::from(*second) % TARGETS.len()];
            // Two bytes say which operation: SageMaker has hundreds.
            let operations = of(service);
            let operation = &operations[(pick << 3 | usize::from(*second >> 5)) % operations.len()];
            let build = build.method("POST").uri("/").header("authorization", authorization(service));
            build.header("x-amz-target", format!("{prefix}.{operation}")).body(Bytes::copy_from_slice(body)).ok()
        }
        Protocol::Query => {
            let mut operations: Vec<(&str, String)> = ["sts", "monitoring"]
                .into_iter()
                .flat_map(|name| of(name).into_iter().map(move |o| (name, o)))
                .collect();
            operations.push(("monitoring", "NoSuchOperation".to_owned()));
            let (service, operation) = &operations[pick % operations.len()];
            let form = [format!("Action={operation}&Version=2010-08-01&").as_bytes(), rest].concat();
            let build = build.method("POST").uri("/").header("authorization", authorization(service));
            build.body(Bytes::from(form)).ok()
        }
        Protocol::Cbor => {
            let operations = of("monitoring");
            let operation = &operations[pick % operations.len()];
            let build = build
                .method("POST")
                .uri(format!("/service/GraniteServiceVersion20100801/operation/{operation}"))
                .header("authorization", authorization("monitoring"))
                .header("smithy-protocol", "rpc-v2-cbor");
            build.body(Bytes::copy_from_slice(rest)).ok()
        }
        Protocol::Rest => {
            let (method, path) = ROUTES[pick % ROUTES.len()];
            let (tail, body) = lines(rest);
            let uri: Uri = format!("{path}{}", spelled(tail)).parse().ok()?;
            let build = build.method(method).uri(uri).header("authorization", authorization("sagemaker"));
            build.body(Bytes::copy_from_slice(body)).ok()
        }
        Protocol::Runtime => {
            let (name, rest) = lines(rest);
            let (value, body) = lines(rest);
            let uri: Uri = format!("/endpoints/{}/invocations", spelled(name)).parse().ok()?;
            let build = build.method("POST").uri(uri).header("authorization", authorization("sagemaker"));
            let build = build.header(HEADERS[pick % HEADERS.len()], HeaderValue::from_bytes(value).ok()?);
            build.body(Bytes::copy_from_slice(body)).ok()
        }
        Protocol::S3 => {
            let (place, rest) = lines(rest);
            let (range, body) = lines(rest);
            let uri: Uri = format!("/{}", spelled(place)).parse().ok()?;
            let mut build = build.method(METHODS[pick % METHODS.len()].clone()).uri(uri);
            build = build.header("authorization", authorization("s3"));
            if let Ok(range) = HeaderValue::from_bytes(range) {
                build = build.header("range", range);
            }
            build.body(Bytes::copy_from_slice(body)).ok()
        }
        Protocol::Head => {
            let (line, mut rest) = lines(rest);
            let uri: Uri = std::str::from_utf8(line).ok()?.parse().ok()?;
            let mut build = build.method(METHODS[pick % METHODS.len()].clone()).uri(uri);
            for _ in 0..16 {
                let (header, left) = lines(rest);
                rest = left;
                let Some(colon) = header.iter().position(|byte| *byte == b':') else { break };
                let (name, value) =
                    (HeaderName::from_bytes(&header[..colon]), HeaderValue::from_bytes(&header[colon + 1..]));
                let (Ok(name), Ok(value)) = (name, value) else { continue };
                build = build.header(name, value);
            }
            build.body(Bytes::copy_from_slice(rest)).ok()
        }
    }
}

/// Bytes that make requests a client would send.
#[must_use]
pub fn seeds(protocol: Protocol) -> Vec<Vec<u8>> {
    let told: &[&[u8]] = match protocol {
        Protocol::Json => &[
            b"\x05\x00{\"EndpointName\":\"fraud-prod\"}",
            b"\x10\x00{\"MaxResults\":3,\"SortBy\":\"Name\",\"NameContains\":\"a\",\"CreationTimeAfter\":1.7e9}",
            b"\x20\x00{\"NextToken\":\"eyJ9\",\"StatusEquals\":\"InService\"}",
            b"\x00\x01{\"MetricDataQueries\":[{\"Id\":\"e\",\"Expression\":\"SUM(m)/2\"},{\"Id\":\"m\",\"MetricStat\":{\"Stat\":\"p99\",\"Period\":60,\"Metric\":{\"Namespace\":\"AWS/SageMaker\",\"MetricName\":\"Invocations\",\"Dimensions\":[{\"Name\":\"EndpointName\",\"Value\":\"fraud-prod\"}]}}}],\"StartTime\":1795400000,\"EndTime\":1795400600}",
            b"\x01\x02{\"logGroupName\":\"/aws/sagemaker/Endpoints/fraud-prod\",\"filterPattern\":\"ERROR\",\"limit\":5}",
            b"\x02\x03{\"ServiceNamespace\":\"sagemaker\",\"MaxResults\":1}",
            b"\x00\x04{\"LookupAttributes\":[{\"AttributeKey\":\"EventName\",\"AttributeValue\":\"UpdateEndpoint\"}]}",
        ],
        Protocol::Query => &[
            b"\x00AlarmNames.member.1=fraud-5xx",
            b"\x03MetricDataQueries.member.1.Id=a&MetricDataQueries.member.1.Expression=1%2B1&StartTime=2026-11-23T00%3A00%3A00Z&EndTime=1795400600",
            b"\x07MetricData.member.1000.MetricName=x&MetricData.member.1.Dimensions.member.2.Name=y&Namespace=z",
        ],
        Protocol::Cbor => &[
            b"\x00\xa1jAlarmNames\x81ifraud-5xx",
            b"\x01\xbfiAlarmNamecownjStateValuebOKkStateReasonax\xff",
            b"\x03\xa2iStartTime\xc1\x1aj\xf0\x00\x00gEndTime\xc1\xfbA\xda\xbc\x00\x00\x00\x00\x00",
        ],
        Protocol::Rest => &[
            b"\x00\n{\"MetricQueries\":[{\"MetricName\":\"loss\",\"ResourceArn\":\"arn\",\"MetricStat\":\"Last\",\"Period\":\"IterationNumber\",\"XAxisType\":\"IterationNumber\"}]}",
            b"\x04payment-88120\n",
            b"\x06?FlowDefinitionArn=arn%3Aaws%3Asagemaker%3Aeu-west-1%3A447100000921%3Aflow-definition%2Ffraud-review&MaxResults=2\n",
            b"\x08fraud-cards\n{\"Record\":[{\"FeatureName\":\"card_id\",\"ValueAsString\":\"7\"}]}",
            b"\x09fraud-cards?RecordIdentifierValueAsString=card_id-1001&FeatureName=a&FeatureName=b\n",
        ],
        Protocol::Runtime => &[
            b"\x00churn-batch\ntext/csv\n26,1,plus,0.1,7,2.5,south,43",
            b"\x00churn-batch\napplication/json\n{\"instances\":[{\"features\":[1,\"a\",null]}]}",
            b"\x01fraud-prod\napplication/jsonlines\n1,2,3",
            b"\x02intent-fr\nb\n1\n2\n",
        ],
        Protocol::S3 => &[
            b"\x00acme-ml-monitoring/fraud-prod/baseline/statistics.json\nbytes=0-99\n",
            b"\x00acme-ml-monitoring?list-type=2&prefix=fraud-prod/baseline&delimiter=/&max-keys=2\n\n",
            b"\x01acme-ml-data/own\n\nbody",
            b"\x02acme-ml-data/own\n\n",
        ],
        Protocol::Head => &[
            b"\x03/\nauthorization:AWS4-HMAC-SHA256 Credential=A/20261123/eu-west-1/sagemaker/aws4_request\nx-amz-target:SageMaker.ListEndpoints\n\n{}",
            b"\x00/?X-Amz-Credential=A%2F20261123%2Feu-west-1%2Fsts%2Faws4_request&Action=GetCallerIdentity\n\n",
            b"\x03/\nauthorization:AWS4-HMAC-SHA256 Credential=A/1/eu-west-1/monitoring/aws4_request\nsmithy-protocol:rpc-v2-cbor\ncontent-encoding:gzip\n\n\xa0",
        ],
    };
    told.iter().map(|seed| seed.to_vec()).collect()
}

/// What is wrong with an answer; `None` for one as AWS gives it.
#[must_use]
pub fn complaint(request: &Request<Bytes>, response: &Response<Bytes>) -> Option<String> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, body) = (header("content-type"), response.body());
    let is =
        |fine: bool, what: &str| (!fine).then(|| format!("{status} {kind}: {what}: {}", String::from_utf8_lossy(body)));
    if header("x-amzn-requestid").is_empty() || header("date").is_empty() {
        return is(false, "no request id or no date");
    }
    if status >= 500 && status != 507 {
        return is(false, "nothing is wrong with the account");
    }
    if status < 400 || *request.method() == Method::HEAD {
        let is_json = kind.contains("json") && !request.uri().path().starts_with("/endpoints/");
        return is(!is_json || body.is_empty() || serde_json::from_slice::<Value>(body).is_ok(), "no JSON");
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let says = |member: &str| json[member].as_str().is_some_and(|text| !text.is_empty());
    match kind {
        "application/x-amz-json-1.1" | "application/x-amz-json-1.0" => {
            is(says("__type") && json["message"].is_string(), "no error")
        }
        "application/json" => {
            is(!header("x-amzn-errortype").is_empty() && (json["message"].is_string() || says("Message")), "no error")
        }
        "application/cbor" => {
            let told: Result<ciborium::Value, _> = ciborium::from_reader(body.as_ref());
            let members = told.ok().and_then(|value| value.into_map().ok()).unwrap_or_default();
            is(members.iter().any(|(name, _)| name.as_text() == Some("__type")), "no error")
        }
        "text/xml" => {
            is(text.contains("<ErrorResponse") && text.contains("<Code>") && text.contains("<Message>"), "no error")
        }
        "application/xml" => is(text.contains("<Error><Code>") && text.contains("<Message>"), "no error"),
        _ => is(false, "no protocol"),
    }
}
