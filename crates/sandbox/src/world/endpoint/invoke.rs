//! InvokeEndpoint: the model of the variant answers, or fails as often as its metrics say that it does; what was said is captured
//! where the config wants that.
//!
//! Every model here takes CSV and JSON and gives one score a row, the one that captured calls have. It gives custom attributes
//! back as they came. Calls do not count in the endpoint's metrics, and monitors do not look at what they captured: of thousands
//! of calls a minute they are a few.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use mldeck_core::time::{MINUTE, Timestamp};
use serde_json::{Value, json};

use super::{Endpoint, Fleet};
use crate::world::{ApiError, Handler, Reply, Request, World, estate, monitor, noise, traffic};

pub(crate) const OPERATIONS: &[(&str, Handler)] = &[("InvokeEndpoint", invoke)];

/// Most bytes of one capture file; a call more begins the next.
const FULL: usize = 512 << 10;
/// What one file of captured calls covers.
const SLOT: i64 = 10 * MINUTE;
/// Most rows of one call.
const ROWS: usize = 10_000;

/// Kinds of content a model understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Json,
    Lines,
}

impl Kind {
    fn named(content_type: &str) -> Option<Self> {
        let name = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
        Some(match name.as_str() {
            "text/csv" | "text/plain" => Self::Csv,
            "application/json" => Self::Json,
            "application/jsonlines" | "application/x-jsonlines" => Self::Lines,
            _ => return None,
        })
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Lines => "application/jsonlines",
        }
    }
}

fn refusal(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationError", message)
}

/// What the container said, as the service in front of it tells it: the caller finds the parts of it as members of their own.
fn model_error(status: u16, message: &str, endpoint: &str) -> ApiError {
    let (who, region) = (if status < 500 { "client" } else { "server" }, estate::REGION);
    ApiError::new(
        424,
        "ModelError",
        format!(
            "Received {who} error ({status}) from primary with message \"{message}\". See https://{region}.console.aws.amazon.com/\
             cloudwatch/home?region={region}#logEventViewer:group=/aws/sagemaker/Endpoints/{endpoint} in account {} for more \
             information.",
            estate::ACCOUNT
        ),
    )
}

fn invoke(world: &mut World, request: &Request<'_>) -> Reply {
    let name = request.opt_text("EndpointName").unwrap_or_default();
    let now = world.now();
    // One that is being created is not there for callers either.
    let endpoint = world.endpoints.endpoints.get(name).filter(|endpoint| !endpoint.fleets(now).is_empty());
    let endpoint =
        endpoint.ok_or_else(|| refusal(format!("Endpoint {name} of account {} not found.", estate::ACCOUNT)))?;
    let served = served(world, endpoint, request.opt_text("InferenceComponentName"), now)?;
    let draw = |salt: &str| noise::unit(&[world.seed, noise::name(request.request_id), noise::name(salt)]);
    let fleet = taker(served, request.opt_text("TargetVariant"), now, draw("variant"))?;
    let minute = traffic::minute(world, served, fleet, now.floor(MINUTE));
    if minute.invocations > 0.0 && draw("error") < minute.errors_5xx / minute.invocations {
        return Err(model_error(500, "Internal Server Error", name));
    }
    let (sent, given) = (request.opt_text("ContentType"), request.opt_text("Accept"));
    let kind = Kind::named(sent.unwrap_or("text/csv"));
    let (Some(kind), Some(body)) = (kind, request.input.get("Body").and_then(Value::as_str)) else {
        let message = format!("Unsupported content type: {}", sent.unwrap_or_default());
        return Err(model_error(415, &message, name));
    };
    let wanted = match given.filter(|accept| !accept.is_empty() && !accept.starts_with("*/*")) {
        None => kind,
        Some(accept) => {
            Kind::named(accept).ok_or_else(|| model_error(406, &format!("Unsupported accept type: {accept}"), name))?
        }
    };
    let rows = rows(kind, body).map_err(|wrong| model_error(400, wrong, name))?;
    let scores: Vec<f64> = rows.iter().map(|row| monitor::score(name, row.iter().map(String::as_str))).collect();
    let answer = told(wanted, &scores);
    let variant = fleet.variant.clone();
    let mut kept = vec![captured(world, request, fleet, (kind, body), (wanted, &answer), draw("sample"))];
    if let Some(shadow) = copied(served, fleet, now, draw("copy")) {
        let minute = traffic::minute(world, served, shadow, now.floor(MINUTE));
        // What a shadow says goes to its capture only; where it fails there is nothing to keep.
        if minute.invocations < 1.0 || draw("shadow") >= minute.errors_5xx / minute.invocations {
            kept.push(captured(world, request, shadow, (kind, body), (wanted, &answer), draw("sample")));
        }
    }
    for (bucket, folder, line) in kept.into_iter().flatten() {
        write(world, &bucket, &folder, &line);
    }
    Ok(json!({
        "Body": answer,
        "ContentType": wanted.content_type(),
        "InvokedProductionVariant": variant,
        "CustomAttributes": request.opt_text("CustomAttributes"),
    }))
}

/// What answers: the endpoint's own fleets, or those of the inference component that is named.
fn served<'w>(
    world: &'w World,
    endpoint: &'w Endpoint,
    component: Option<&str>,
    at: Timestamp,
) -> Result<&'w Endpoint, ApiError> {
    let Some(name) = component else {
        return match endpoint.variants.iter().any(|variant| variant.model.is_some()) {
            true => Ok(endpoint),
            false => Err(refusal(
                "Inference Component Name header is required for endpoints to which you plan to deploy inference components. \
                 Please include Inference Component Name header or consider using SageMaker models.",
            )),
        };
    };
    let found =
        world.components_on(&endpoint.name).map(|component| &component.served).find(|served| served.name == name);
    found.filter(|served| !served.fleets(at).is_empty()).ok_or_else(|| {
        refusal(format!(
            "Inference Component {name} of endpoint {} of account {} not found.",
            endpoint.name,
            estate::ACCOUNT
        ))
    })
}

/// The variant that was asked for, or one by the shares of traffic.
fn taker<'e>(endpoint: &'e Endpoint, asked: Option<&str>, at: Timestamp, draw: f64) -> Result<&'e Fleet, ApiError> {
    let meant = || endpoint.answering(at).filter(|fleet| asked.is_none_or(|name| fleet.variant == name));
    let mut rest = draw * meant().map(|fleet| fleet.share).sum::<f64>();
    let found = meant().find(|fleet| {
        rest -= fleet.share;
        rest < 0.0
    });
    found.or_else(|| meant().next_back()).ok_or_else(|| {
        refusal(format!(
            "Variant {} of endpoint {} of account {} not found.",
            asked.unwrap_or_default(),
            endpoint.name,
            estate::ACCOUNT
        ))
    })
}

/// The shadow that gets a copy of a call which `taker` answers.
fn copied<'e>(endpoint: &'e Endpoint, taker: &Fleet, at: Timestamp, draw: f64) -> Option<&'e Fleet> {
    let mut beside = endpoint.fleets(at).iter().filter(|fleet| fleet.config == taker.config);
    beside.find(|fleet| fleet.copied.is_some_and(|share| draw < share))
}

/// The rows of a payload, cell by cell, or what is wrong with it.
fn rows(kind: Kind, body: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let lines = || body.lines().filter(|line| !line.trim().is_empty());
    let rows: Vec<Vec<String>> = match kind {
        Kind::Csv => lines().map(|line| line.split(',').map(str::to_owned).collect()).collect(),
        Kind::Lines => {
            let read = lines().map(|line| serde_json::from_str(line).map_err(|_| "The payload is not JSON lines."));
            read.map(|value| Ok(cells(&value?))).collect::<Result<_, &'static str>>()?
        }
        Kind::Json => {
            let value: Value = serde_json::from_str(body).map_err(|_| "The payload is not JSON.")?;
            let list = ["instances", "inputs"].into_iter().find_map(|member| value.get(member)).unwrap_or(&value);
            match list.as_array() {
                Some(rows) if rows.iter().any(|row| row.is_array() || row.is_object()) => {
                    rows.iter().map(cells).collect()
                }
                _ => vec![cells(list)],
            }
        }
    };
    match rows.len() {
        0 => Err("The payload is empty."),
        count if count > ROWS => Err("The payload has too many rows."),
        _ => Ok(rows),
    }
}

/// `[1, "a"]`, `{"features": [1, "a"]}`, `{"x": 1, "y": "a"}`, or one value.
fn cells(row: &Value) -> Vec<String> {
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match row {
        Value::Array(row) => row.iter().map(cell).collect(),
        Value::Object(members) => match members.get("features") {
            Some(features) => cells(features),
            None => members.values().map(cell).collect(),
        },
        other => vec![cell(other)],
    }
}

fn told(kind: Kind, scores: &[f64]) -> String {
    let one = |score: &f64| json!({"score": score});
    match kind {
        Kind::Csv => scores.iter().map(f64::to_string).collect::<Vec<_>>().join("\n"),
        Kind::Json => json!({"predictions": scores.iter().map(one).collect::<Vec<_>>()}).to_string(),
        Kind::Lines => scores.iter().map(|score| format!("{}\n", one(score))).collect(),
    }
}

/// Where a call is kept, and its line; `None` where its config does not want it.
fn captured(
    world: &World,
    request: &Request<'_>,
    fleet: &Fleet,
    sent: (Kind, &str),
    answered: (Kind, &str),
    draw: f64,
) -> Option<(String, String, String)> {
    let (bucket, prefix) = monitor::destination(world, &fleet.config)?;
    let capture = world.endpoints.configs.get(&fleet.config)?.body.get("DataCaptureConfig")?;
    let share = capture.get("InitialSamplingPercentage").and_then(Value::as_f64).unwrap_or(100.0);
    if draw * 100.0 >= share {
        return None;
    }
    let modes = capture.get("CaptureOptions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let part = |mode: &str, kind: Kind, content_type: &str, data: &str| {
        let is_kept = modes.iter().any(|option| {
            let wanted = option.get("CaptureMode").and_then(Value::as_str);
            wanted.is_some_and(|wanted| wanted == "InputAndOutput" || wanted.eq_ignore_ascii_case(mode))
        });
        let (data, encoding) = match kind {
            Kind::Csv => (data.to_owned(), "CSV"),
            Kind::Json => (data.to_owned(), "JSON"),
            Kind::Lines => (STANDARD.encode(data), "BASE64"),
        };
        let told = json!({"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding});
        if is_kept { told } else { Value::Null }
    };
    let mut event = json!({"eventId": noise::uuid(&[world.seed, noise::name(request.request_id)]), "inferenceTime": world.now().iso()});
    if let Some(id) = request.opt_text("InferenceId") {
        event["inferenceId"] = id.into();
    }
    if let Some(attributes) = request.opt_text("CustomAttributes") {
        event["customAttributes"] = json!([attributes]);
    }
    let sent = part("INPUT", sent.0, request.opt_text("ContentType").unwrap_or("text/csv"), sent.1);
    let answered = part("OUTPUT", answered.0, answered.0.content_type(), answered.1);
    let folder = monitor::folder(prefix, request.opt_text("EndpointName")?, &fleet.variant, world.now());
    Some((bucket.to_owned(), folder, monitor::line(&event, &sent, &answered)))
}

/// Adds a line to the file of these minutes.
fn write(world: &mut World, bucket: &str, folder: &str, line: &str) {
    let (now, seed) = (world.now(), world.seed);
    let slot = now.floor(SLOT);
    let key = |n: u64| {
        let id = noise::uuid(&[seed, noise::name(folder), slot.millis() as u64, n]);
        format!("{folder}{}-00-000-{id}.jsonl", &slot.iso()[14..16])
    };
    let held = |key: &str| world.s3.get(bucket, key).map_or(&[][..], |object| &object.body);
    let place = (0..).map(key).find(|key| held(key).len() < FULL);
    let Some(place) = place else { return };
    let body = [held(&place), line.as_bytes(), b"\n"].concat();
    // A full store keeps nothing more, as an instance with a full disk captures nothing more.
    world.s3.put(bucket, &place, Bytes::from(body), now);
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};

    use super::*;
    use crate::testkit::{authorization, ok, world};

    fn ask(world: &mut World, endpoint: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Bytes> {
        let mut request = Request::post(format!("/endpoints/{endpoint}/invocations"))
            .header("authorization", authorization("sagemaker"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        world.handle(&request.body(Bytes::copy_from_slice(body)).unwrap())
    }

    fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    const ROW: &str = "26,1,plus,0.1,7,2.5,south,43";

    #[test]
    fn one_row_has_one_score_in_every_format() {
        let mut world = world("quiet-night");
        let csv = ask(&mut world, "churn-batch", &[("content-type", "text/csv")], ROW.as_bytes());
        assert_eq!((csv.status().as_u16(), header(&csv, "content-type")), (200, "text/csv; charset=utf-8"));
        assert_eq!(header(&csv, "x-amzn-invoked-production-variant"), "all");
        let score: f64 = text(&csv).parse().unwrap();
        let row = json!([26, 1, "plus", 0.1, 7, 2.5, "south", 43]);
        for (sent, body) in [
            ("application/json", json!({"instances": [{"features": row}]})),
            ("application/json", json!([row])),
            ("application/json", row.clone()),
            ("application/jsonlines", json!({"features": row})),
        ] {
            let headers = [("content-type", sent), ("accept", "application/json")];
            let answer = ask(&mut world, "churn-batch", &headers, body.to_string().as_bytes());
            assert_eq!(header(&answer, "content-type"), "application/json");
            let told: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(told, json!({"predictions": [{"score": score}]}), "{sent}: {body}");
        }
        let three = ask(&mut world, "churn-batch", &[], format!("{ROW}\n{ROW}\n\n{ROW}\n").as_bytes());
        assert_eq!(text(&three).lines().collect::<Vec<_>>(), [text(&csv); 3]);
    }

    #[test]
    fn what_no_model_understands_is_the_callers_error() {
        let mut world = world("quiet-night");
        for (headers, body, status) in [
            (&[("content-type", "image/png")][..], &b"x"[..], 415),
            (&[("content-type", "text/csv")], &[0xff, 0xfe], 415),
            (&[("content-type", "application/json")], b"{", 400),
            (&[("content-type", "text/csv")], b"\n", 400),
            (&[("accept", "image/png")], b"1,2", 406),
        ] {
            let answer = ask(&mut world, "churn-batch", headers, body);
            assert_eq!((answer.status().as_u16(), header(&answer, "x-amzn-errortype")), (424, "ModelError"));
            let told: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(told["OriginalStatusCode"], status, "{told}");
            let group = "arn:aws:logs:eu-west-1:447100000921:log-group:/aws/sagemaker/Endpoints/churn-batch";
            assert_eq!(told["LogStreamArn"], group);
        }
        let answer = ask(&mut world, "no-such", &[], b"1");
        assert_eq!((answer.status().as_u16(), header(&answer, "x-amzn-errortype")), (400, "ValidationError"));
        assert!(text(&answer).contains("Endpoint no-such of account 447100000921 not found."), "{}", text(&answer));
        let variant = [("x-amzn-sagemaker-target-variant", "green")];
        let answer = ask(&mut world, "churn-batch", &variant, b"1");
        assert!(text(&answer).contains("Variant green of endpoint churn-batch"), "{}", text(&answer));
    }

    #[test]
    fn a_broken_model_fails_as_often_as_its_metrics_say() {
        let mut burning = world("fraud-burns");
        let mut failed = 0;
        for _ in 0..2_000 {
            let answer = ask(&mut burning, "fraud-prod", &[], b"3.4,gaming,410");
            failed += usize::from(answer.status() == 424);
        }
        assert!((50..150).contains(&failed), "{failed} of 2,000");
        let mut quiet = world("quiet-night");
        let failed = (0..500).filter(|_| ask(&mut quiet, "fraud-prod", &[], b"3.4").status() == 424).count();
        assert!(failed < 5, "{failed} of 500");
    }

    #[test]
    fn variants_take_their_shares_or_what_is_meant_for_them() {
        let mut world = world("quiet-night");
        let to = [("x-amzn-sagemaker-target-variant", "b")];
        assert_eq!(header(&ask(&mut world, "intent-fr", &to, b"1"), "x-amzn-invoked-production-variant"), "b");
        let mut taken = 0;
        for _ in 0..1_000 {
            let answer = ask(&mut world, "intent-fr", &[], b"1");
            taken += usize::from(header(&answer, "x-amzn-invoked-production-variant") == "b");
        }
        assert!((140..260).contains(&taken), "{taken} of 1,000");
    }

    #[test]
    fn calls_are_captured_as_the_config_says() {
        let mut world = world("quiet-night");
        let config = json!({
            "EndpointConfigName": "churn-all", "ProductionVariants": [{
                "VariantName": "all", "ModelName": "churn-v7", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
            }],
            "DataCaptureConfig": {
                "EnableCapture": true, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://acme-ml-data/mine/",
                "CaptureOptions": [{"CaptureMode": "Input"}],
            },
        });
        ok(&mut world, "CreateEndpointConfig", &config);
        ok(&mut world, "CreateEndpoint", &json!({"EndpointName": "mine", "EndpointConfigName": "churn-all"}));
        assert_eq!(ask(&mut world, "mine", &[], b"1").status(), 400, "it is being created");
        world.advance_to(world.now().plus(30 * MINUTE));
        let headers = [
            ("content-type", "text/csv"),
            ("x-amzn-sagemaker-inference-id", "mine-1"),
            ("x-amzn-sagemaker-custom-attributes", "trace=7"),
        ];
        let answer = ask(&mut world, "mine", &headers, ROW.as_bytes());
        assert_eq!(header(&answer, "x-amzn-sagemaker-custom-attributes"), "trace=7");
        ask(&mut world, "mine", &[("content-type", "application/json")], b"[1]");
        let folder = monitor::folder("mine", "mine", "all", world.now());
        let files: Vec<_> = world.s3.list("acme-ml-data", &folder).collect();
        let [(_, file)] = files[..] else { panic!("{} files", files.len()) };
        let lines: Vec<Value> =
            std::str::from_utf8(&file.body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["eventMetadata"]["inferenceId"], "mine-1");
        assert_eq!(lines[0]["eventMetadata"]["customAttributes"], json!(["trace=7"]));
        let sent = &lines[0]["captureData"]["endpointInput"];
        assert_eq!((&sent["data"], &sent["encoding"], &sent["mode"]), (&json!(ROW), &json!("CSV"), &json!("INPUT")));
        assert_eq!(lines[0]["captureData"]["endpointOutput"], Value::Null);
        assert_eq!(lines[1]["captureData"]["endpointInput"]["encoding"], "JSON");
    }
}
