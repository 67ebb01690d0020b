//! The vocabulary of the account: model families, and how everything made from them is named and dated.
//!
//! All areas build their history from this one table, so that a version, its training job, its artifact, its package, its
//! config and its deployment agree with each other without knowing of each other.

use mldeck_core::time::{DAY, HOUR, MINUTE, Timestamp};

use super::noise;

pub(crate) const ACCOUNT: &str = "447100000921";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const MODEL_BUCKET: &str = "acme-ml-models";
pub(crate) const DATA_BUCKET: &str = "acme-ml-data";
pub(crate) const EXECUTION_ROLE: &str = "arn:aws:iam::447100000921:role/SageMakerExecution";
/// The person at the deck, and the machine that deploys.
pub(crate) const OPERATOR: &str = "anna";
pub(crate) const DEPLOYER: &str = "ci-deploy";

/// A line of models for one purpose, from data to endpoint.
#[derive(Debug)]
pub(crate) struct Family {
    /// Also the model package group: `fraud`.
    pub(crate) name: &'static str,
    pub(crate) endpoint: &'static str,
    /// Production variants and their weights; most have one.
    pub(crate) variants: &'static [(&'static str, f64)],
    pub(crate) instance_type: &'static str,
    pub(crate) count: i64,
    /// Age in days at which versions went live, newest first; the first is live when a quiet world starts.
    pub(crate) live_days: &'static [f64],
    /// The version `live_days[0]` belongs to.
    pub(crate) live: u32,
    /// The newest registered version; above `live` when one waits to be promoted.
    pub(crate) latest: u32,
    pub(crate) features: &'static [&'static str],
    /// Objective of its training runs: `val/auc`.
    pub(crate) metric: &'static str,
    pub(crate) pipeline: &'static str,
    pub(crate) experiment: &'static str,
    /// Invocations a minute at the mean of a day.
    pub(crate) rate: f64,
    pub(crate) median_ms: f64,
}

pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "fraud",
        endpoint: "fraud-prod",
        variants: &[("blue", 1.0)],
        instance_type: "ml.c5.2xlarge",
        count: 6,
        live_days: &[9.0, 31.0, 58.0],
        live: 17,
        latest: 18,
        features: &[
            "amount_log",
            "merchant_category",
            "device_age",
            "hour_of_day",
            "country",
            "card_age_days",
            "tx_last_hour",
            "tx_last_day",
            "avg_amount_7d",
            "distance_home_km",
            "is_foreign",
            "ip_risk",
            "email_age_days",
            "failed_logins",
            "channel",
            "currency",
        ],
        metric: "val/auc",
        pipeline: "fraud-train",
        experiment: "fraud-detection",
        rate: 2_310.0,
        median_ms: 21.0,
    },
    Family {
        name: "ranking",
        endpoint: "ranking-eu",
        variants: &[("main", 1.0)],
        instance_type: "ml.g5.xlarge",
        count: 8,
        live_days: &[6.0, 13.0, 20.0, 34.0],
        live: 31,
        latest: 32,
        features: &[
            "query_len",
            "item_price",
            "item_ctr_7d",
            "user_recency",
            "position_prior",
            "embedding_norm",
            "stock",
            "discount",
            "session_depth",
            "locale",
        ],
        metric: "val/ndcg",
        pipeline: "ranking-train",
        experiment: "ranking",
        rate: 9_120.0,
        median_ms: 17.0,
    },
    Family {
        name: "churn",
        endpoint: "churn-batch",
        variants: &[("all", 1.0)],
        instance_type: "ml.m5.xlarge",
        count: 2,
        live_days: &[12.0, 44.0],
        live: 7,
        latest: 7,
        features: &["tenure_months", "tickets_90d", "plan", "usage_trend", "nps", "payment_delay", "region", "age"],
        metric: "val/auc",
        pipeline: "churn-train",
        experiment: "churn",
        rate: 120.0,
        median_ms: 74.0,
    },
    Family {
        name: "vision",
        endpoint: "vision-qa",
        variants: &[("main", 1.0)],
        instance_type: "ml.g5.2xlarge",
        count: 3,
        live_days: &[17.0, 41.0],
        live: 4,
        latest: 5,
        features: &["brightness", "contrast", "sharpness", "defect_area", "camera_id", "line_speed"],
        metric: "val/f1",
        pipeline: "vision-train",
        experiment: "vision-defects",
        rate: 310.0,
        median_ms: 150.0,
    },
    Family {
        name: "intent",
        endpoint: "intent-fr",
        variants: &[("a", 80.0), ("b", 20.0)],
        instance_type: "ml.c6i.xlarge",
        count: 3,
        live_days: &[9.4, 37.0],
        live: 2,
        latest: 2,
        features: &["text_len", "token_count", "oov_share", "language_score", "channel"],
        metric: "val/accuracy",
        pipeline: "intent-train",
        experiment: "intent",
        rate: 870.0,
        median_ms: 6.0,
    },
];

/// The family of a model group, of an endpoint, or of anything named `<family>-…`.
pub(crate) fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| {
        family.name == name
            || family.endpoint == name
            || name.strip_prefix(family.name).is_some_and(|rest| rest.starts_with('-'))
    })
}

impl Family {
    /// The oldest version that still has a model and a config.
    pub(crate) fn oldest(&self) -> u32 {
        self.live.saturating_sub(self.live_days.len() as u32 - 1).max(1)
    }

    /// When `version` was put into service; `None` for one that never was, or longer ago than the table goes.
    pub(crate) fn went_live(&self, version: u32, start: Timestamp) -> Option<Timestamp> {
        let days = self.live_days.get(self.live.checked_sub(version)? as usize)?;
        Some(start.plus(-(days * DAY as f64) as i64).floor(MINUTE))
    }

    /// When `version` was registered: some hours before it went live, or recently when it never did.
    pub(crate) fn registered(&self, version: u32, start: Timestamp) -> Timestamp {
        let draw = noise::hash(&[noise::name(self.name), u64::from(version), 1]) % 300;
        match self.went_live(version, start) {
            Some(live) => live.plus(-(2 * HOUR) - draw as i64 * MINUTE),
            None if version > self.live => start.plus(-(5 * HOUR) - draw as i64 * MINUTE),
            None => {
                let oldest = self.live_days.last().copied().unwrap_or(60.0);
                let older = i64::from(self.oldest().saturating_sub(version)) * 19 * DAY;
                start.plus(-((oldest * DAY as f64) as i64) - older - draw as i64 * MINUTE)
            }
        }
    }

    /// `fraud-v18`.
    pub(crate) fn model(&self, version: u32) -> String {
        format!("{}-v{version}", self.name)
    }

    /// `fraud-v18-c`, `fraud-v17-a`: the letter is what the deployer appends, one of three.
    pub(crate) fn config(&self, version: u32) -> String {
        let letter = ["c", "b", "a"][version as usize % 3];
        format!("{}-v{version}-{letter}", self.name)
    }

    /// The number in that name: 912 for fraud v18. Runs between two versions did not become versions: some dozens, as
    /// pipelines run several times a day.
    pub(crate) fn run_number(&self, version: u32) -> u32 {
        let step = 44 + 2 * (self.name.len() as u32 % 4);
        912u32.saturating_sub((18u32.saturating_sub(version)) * step) + version.saturating_sub(18) * step
    }

    /// `s3://acme-ml-models/fraud/v18/model.tar.gz`.
    pub(crate) fn artifact(&self, version: u32) -> String {
        format!("s3://{MODEL_BUCKET}/{}", self.artifact_key(version))
    }

    pub(crate) fn artifact_key(&self, version: u32) -> String {
        format!("{}/v{version}/model.tar.gz", self.name)
    }

    /// `….dkr.ecr.eu-west-1.amazonaws.com/fraud-serve:v18`: by tag, as people write it.
    pub(crate) fn image(&self, version: u32) -> String {
        format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{}-serve:v{version}", self.name)
    }

    /// The digest that tag resolved to.
    pub(crate) fn resolved_image(&self, version: u32) -> String {
        let digest = noise::digest(&[noise::name(self.name), u64::from(version)]);
        format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{}-serve@sha256:{digest}", self.name)
    }

    /// `…:model-package/fraud/18`.
    pub(crate) fn package_arn(&self, version: u32) -> String {
        arn("sagemaker", &format!("model-package/{}/{version}", self.name))
    }
}

/// `arn:aws:<service>:eu-west-1:447100000921:<resource>`; the caller lower-cases names where SageMaker does.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

/// The session's own name: callers who assumed a role here are kept with it, as `Auditor/anna`.
pub(crate) fn session_name(caller: &str) -> &str {
    caller.rsplit('/').next().unwrap_or(caller)
}

/// `arn:aws:sts::447100000921:assumed-role/OnCall/anna`: people assume OnCall, machines their own role.
pub(crate) fn caller_arn(session: &str) -> String {
    if session.contains('/') {
        return format!("arn:aws:sts::{ACCOUNT}:assumed-role/{session}");
    }
    let role = match session {
        DEPLOYER => "Deployer",
        "terraform" => "Terraform",
        "pipeline" => "SageMakerPipelines",
        _ => "OnCall",
    };
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}")
}
