//! The settled history a world starts with: models, configs, and who served since when.

use bytes::Bytes;
use mldeck_core::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Change, Endpoint, Status,
    config::{Config, Model},
    deploy, endpoint_arn,
};
use crate::{
    scenario::Condition,
    world::{
        World,
        estate::{self, FAMILIES, Family},
        noise,
    },
};

pub(crate) fn generate(world: &mut World) {
    for family in FAMILIES {
        of_family(world, family);
    }
    for index in 0..world.scenario.extras {
        ordinary(world, index);
    }
    for condition in world.scenario.states.clone() {
        apply(world, &condition);
    }
}

fn of_family(world: &mut World, family: &Family) {
    let start = world.start;
    for version in family.oldest()..=family.latest {
        let made = family.registered(version, start).plus(20 * MINUTE);
        world
            .endpoints
            .models
            .insert(family.model(version), Model { created: made, body: family_model(family, version) });
        let data = (estate::MODEL_BUCKET, family.artifact_key(version));
        world.s3.put_sized(data.0, &data.1, Bytes::new(), 48 << 20, made.plus(-HOUR));
        let body = family_config(family, version);
        world.endpoints.configs.insert(family.config(version), Config { created: made.plus(MINUTE), body });
    }
    let lived = (family.oldest()..=family.live).filter_map(|v| Some((family.config(v), family.went_live(v, start)?)));
    let endpoint = past_endpoint(world, family.endpoint, &lived.collect::<Vec<_>>(), family.rate, family.median_ms);
    let Some(mut endpoint) = endpoint else { return };
    if let [variant] = endpoint.variants.as_mut_slice() {
        // Autoscaling has moved the fleet away from what its config says.
        variant.current_count = family.count;
        variant.desired_count = family.count;
        if let Some(fleet) = endpoint.splits.last_mut().and_then(|split| split.fleets.first_mut()) {
            fleet.count = family.count;
        }
    }
    let arn = endpoint.arn();
    for (key, value) in [("team", family.name), ("env", "prod"), ("owner", "ml-platform")] {
        world.tags.set(&arn, key, value);
    }
    world.endpoints.endpoints.insert(family.endpoint.to_owned(), endpoint);
}

fn family_model(family: &Family, version: u32) -> Map<String, Value> {
    into_map(json!({
        "ModelName": family.model(version),
        "ExecutionRoleArn": estate::EXECUTION_ROLE,
        "EnableNetworkIsolation": false,
        "PrimaryContainer": {
            "Image": family.image(version),
            "Mode": "SingleModel",
            "ModelDataUrl": family.artifact(version),
            "ModelPackageName": family.package_arn(version),
            "Environment": {
                "MODEL_VERSION": version.to_string(),
                "SAGEMAKER_PROGRAM": "serve.py",
                "FEATURE_STORE_TOKEN": noise::digest(&[noise::name(family.name), 77])[..24],
            },
        },
    }))
}

fn family_config(family: &Family, version: u32) -> Map<String, Value> {
    let variants: Vec<Value> = family
        .variants
        .iter()
        .enumerate()
        .map(|(index, (name, weight))| {
            // Besides its champion, a two-variant family keeps the version before.
            let model = family.model(version.saturating_sub(index as u32).max(family.oldest()));
            json!({
                "VariantName": name,
                "ModelName": model,
                "InstanceType": family.instance_type,
                "InitialInstanceCount": (family.count / 3).max(1),
                "InitialVariantWeight": weight,
            })
        })
        .collect();
    into_map(json!({
        "EndpointConfigName": family.config(version),
        "ProductionVariants": variants,
        "EnableNetworkIsolation": false,
        "DataCaptureConfig": {
            "EnableCapture": true,
            "InitialSamplingPercentage": 10,
            "DestinationS3Uri": format!("s3://{}/{}/capture", estate::DATA_BUCKET, family.name),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        },
    }))
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// An endpoint that had these configs in force, oldest first.
fn past_endpoint(
    world: &World,
    name: &str,
    lived: &[(String, Timestamp)],
    rate: f64,
    median_ms: f64,
) -> Option<Endpoint> {
    let (first, (last, modified)) = (lived.first()?, lived.last()?);
    let mut endpoint = Endpoint {
        name: name.to_owned(),
        config: last.clone(),
        status: Status::InService,
        created: first.1,
        modified: *modified,
        failure: None,
        variants: Vec::new(),
        last_deployment: None,
        change: None,
        mixed: None,
        splits: Vec::new(),
        attempts: Vec::new(),
        rate,
        median_ms,
    };
    for (config, from) in lived {
        endpoint.variants = world.endpoints.configs.get(config)?.variants();
        let fleets = Endpoint::fleets_of(config, &endpoint.variants, 1.0, *from);
        endpoint.split(*from, fleets);
    }
    Some(endpoint)
}

const STEMS: &[&str] = &[
    "pricing",
    "eta",
    "spam",
    "toxicity",
    "recs-home",
    "recs-mail",
    "forecast",
    "ocr",
    "kyc-face",
    "summarize",
    "rerank",
    "ads-ctr",
    "ads-cvr",
    "lookalike",
    "geo-match",
    "speech",
    "translate",
    "sentiment",
    "dedupe",
    "inventory",
    "returns",
    "credit",
    "aml",
    "upsell",
    "moderation",
    "address",
    "demand",
    "courier",
    "triage",
    "embed",
];
const PLACES: &[&str] = &["prod", "eu", "us", "staging", "qa"];
const TYPES: &[&str] = &["ml.m5.large", "ml.c5.xlarge", "ml.c6i.2xlarge", "ml.g5.xlarge", "ml.m6i.xlarge"];

/// `pricing-prod`, `eta-eu`, …, with a number once the names run out.
fn ordinary_name(index: usize) -> String {
    let stem = STEMS[index % STEMS.len()];
    let place = PLACES[(index / STEMS.len() + index) % PLACES.len()];
    match index / (STEMS.len() * PLACES.len()) {
        0 => format!("{stem}-{place}"),
        round => format!("{stem}-{place}-{:02}", round + 1),
    }
}

/// One of the endpoints nobody is paged about: one or two versions, steady traffic.
fn ordinary(world: &mut World, index: usize) {
    let name = ordinary_name(index);
    let seed = world.seed;
    let draw = |salt: u64| noise::unit(&[seed, noise::name(&name), salt]);
    let newest_days = 1.0 + 24.0 * draw(1);
    let version = 2 + (draw(2) * 20.0) as u32;
    let serverless = index % 17 == 5;
    let kind = TYPES[index % TYPES.len()];
    let count = 1 + (draw(3) * 4.0) as i64;
    let mut lived = Vec::new();
    for (version, days) in [(version - 1, newest_days + 9.0 + 20.0 * draw(4)), (version, newest_days)] {
        let at = world.start.plus(-((days * DAY as f64) as i64)).floor(MINUTE);
        let (model, config) = (format!("{name}-v{version}"), format!("{name}-v{version}-a"));
        let key = format!("{name}/v{version}/model.tar.gz");
        world.s3.put_sized(estate::MODEL_BUCKET, &key, Bytes::new(), (8 + index as u64 % 90) << 20, at.plus(-3 * HOUR));
        let body = ordinary_model(&name, &model, version);
        world.endpoints.models.insert(model.clone(), Model { created: at.plus(-HOUR), body });
        let body = ordinary_config(&config, &model, (!serverless).then_some((kind, count)));
        world.endpoints.configs.insert(config.clone(), Config { created: at.plus(-HOUR + MINUTE), body });
        lived.push((config, at));
    }
    let rate = (2.0 + 6.5 * draw(5)).exp();
    let Some(endpoint) = past_endpoint(world, &name, &lived, rate, 8.0 + 180.0 * draw(6) * draw(7)) else { return };
    let place = if name.contains("-staging") || name.contains("-qa") { "test" } else { "prod" };
    world.tags.set(&endpoint_arn(&name), "env", place);
    world.endpoints.endpoints.insert(name, endpoint);
}

fn ordinary_model(name: &str, model: &str, version: u32) -> Map<String, Value> {
    into_map(json!({
        "ModelName": model,
        "ExecutionRoleArn": estate::EXECUTION_ROLE,
        "EnableNetworkIsolation": false,
        "PrimaryContainer": {
            "Image": format!("{}.dkr.ecr.{}.amazonaws.com/{name}:v{version}", estate::ACCOUNT, estate::REGION),
            "Mode": "SingleModel",
            "ModelDataUrl": format!("s3://{}/{name}/v{version}/model.tar.gz", estate::MODEL_BUCKET),
        },
    }))
}

fn ordinary_config(config: &str, model: &str, instances: Option<(&str, i64)>) -> Map<String, Value> {
    let variant = match instances {
        Some((kind, count)) => json!({
            "VariantName": "AllTraffic", "ModelName": model, "InitialVariantWeight": 1.0,
            "InstanceType": kind, "InitialInstanceCount": count,
        }),
        None => json!({
            "VariantName": "AllTraffic", "ModelName": model, "InitialVariantWeight": 1.0,
            "ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 20},
        }),
    };
    into_map(json!({"EndpointConfigName": config, "ProductionVariants": [variant], "EnableNetworkIsolation": false}))
}

/// Puts an endpoint into the state a scenario starts with.
fn apply(world: &mut World, condition: &Condition) {
    let since = world.start.plus(-((condition.since_min * MINUTE as f64) as i64));
    let second = condition.mixed_with.as_deref().and_then(|name| {
        let config = world.endpoints.configs.get(name)?;
        Some((name.to_owned(), config.variants()))
    });
    let Some(endpoint) = world.endpoints.endpoints.get_mut(&condition.endpoint) else { return };
    let Some(status) = Status::parse(&condition.status) else { return };
    endpoint.status = status;
    endpoint.modified = since;
    endpoint.failure.clone_from(&condition.reason);
    if let Some((config, variants)) = second {
        let mut fleets = Endpoint::fleets_of(&endpoint.config, &endpoint.variants, 0.6, since);
        fleets.extend(Endpoint::fleets_of(&config, &variants, 0.4, since));
        endpoint.split(since, fleets);
        endpoint.mixed = Some(config);
    }
    let end = world.start.plus(20 * MINUTE);
    match status {
        Status::SystemUpdating => endpoint.change = Some(Change::Maintenance(end)),
        Status::Creating => endpoint.change = Some(Change::Creation(end.plus(-deploy::CREATE * SECOND))),
        Status::Deleting => endpoint.change = Some(Change::Deletion(end)),
        Status::Failed | Status::OutOfService => endpoint.split(since, Vec::new()),
        _ => {}
    }
}
