//! What is monitored: schedules and the columns of their data.

use std::borrow::Cow;

use mldeck_core::time::{DAY, HOUR};

use super::feature::{
    Feature,
    Shape::{Exponential, LogNormal, Normal, Uniform},
    Shift,
};
use crate::world::estate;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    DataQuality,
    ModelQuality,
    ModelBias,
    ModelExplainability,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::DataQuality => "DataQuality",
            Self::ModelQuality => "ModelQuality",
            Self::ModelBias => "ModelBias",
            Self::ModelExplainability => "ModelExplainability",
        }
    }

    /// Where its metrics go, below `aws/sagemaker/Endpoints/`.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::DataQuality => "aws/sagemaker/Endpoints/data-metrics",
            Self::ModelQuality => "aws/sagemaker/Endpoints/model-metrics",
            Self::ModelBias => "aws/sagemaker/Endpoints/bias-metrics",
            Self::ModelExplainability => "aws/sagemaker/Endpoints/explainability-metrics",
        }
    }
}

/// A schedule as it was set up; what happens to it later is state.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: Cow<'static, str>,
    pub(crate) endpoint: Cow<'static, str>,
    pub(crate) kind: Kind,
    /// Milliseconds between two executions.
    pub(crate) every: i64,
    /// Hour of the day of a daily one.
    pub(crate) hour: i64,
    pub(crate) features: Cow<'static, [Feature]>,
    /// Rows of the baseline, and of one execution at the mean of a day.
    pub(crate) rows: (u64, u64),
    /// Hours before the start at which somebody stopped it.
    pub(crate) stopped: Option<i64>,
    /// Executions back from the start of which one found no data.
    pub(crate) no_data: Option<i64>,
    /// How many days of executions are kept.
    pub(crate) days: i64,
}

impl Plan {
    pub(crate) fn cron(&self) -> String {
        match self.every {
            HOUR => "cron(0 * ? * * *)".to_owned(),
            DAY => format!("cron(0 {} ? * * *)", self.hour),
            every => format!("cron(0 {}/{} ? * * *)", self.hour, every / HOUR),
        }
    }

    /// The endpoint it watches; none where it looks at batches.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        Some(&*self.endpoint).filter(|endpoint| !endpoint.is_empty())
    }

    /// `fraud-prod-data-quality-job`.
    pub(crate) fn definition(&self) -> String {
        format!("{}-job", self.name)
    }

    pub(crate) const fn alert(&self) -> &'static str {
        match self.kind {
            Kind::DataQuality => "data-quality-alert",
            Kind::ModelQuality => "model-quality-alert",
            Kind::ModelBias => "model-bias-alert",
            Kind::ModelExplainability => "model-explainability-alert",
        }
    }
}

pub(crate) const PLANS: &[Plan] = &[
    Plan {
        name: Cow::Borrowed("fraud-prod-data-quality"),
        endpoint: Cow::Borrowed("fraud-prod"),
        kind: Kind::DataQuality,
        every: HOUR,
        hour: 0,
        features: Cow::Borrowed(FRAUD),
        rows: (12_441, 1_902),
        stopped: None,
        no_data: None,
        days: 7,
    },
    Plan {
        name: Cow::Borrowed("churn-batch-data-quality"),
        endpoint: Cow::Borrowed("churn-batch"),
        kind: Kind::DataQuality,
        every: DAY,
        hour: 4,
        features: Cow::Borrowed(CHURN),
        rows: (8_000, 5_200),
        stopped: None,
        no_data: None,
        days: 30,
    },
    Plan {
        name: Cow::Borrowed("ranking-eu-model-quality"),
        endpoint: Cow::Borrowed("ranking-eu"),
        kind: Kind::ModelQuality,
        every: HOUR,
        hour: 0,
        features: Cow::Borrowed(&[]),
        rows: (10_000, 1_500),
        stopped: None,
        no_data: None,
        days: 7,
    },
    Plan {
        name: Cow::Borrowed("vision-qa-data-quality"),
        endpoint: Cow::Borrowed("vision-qa"),
        kind: Kind::DataQuality,
        every: DAY,
        hour: 2,
        features: Cow::Borrowed(VISION),
        rows: (4_000, 2_400),
        stopped: Some(11 * 24),
        no_data: None,
        days: 30,
    },
    Plan {
        name: Cow::Borrowed("intent-fr-data-quality"),
        endpoint: Cow::Borrowed("intent-fr"),
        kind: Kind::DataQuality,
        every: HOUR,
        hour: 0,
        features: Cow::Borrowed(INTENT),
        rows: (6_000, 1_100),
        stopped: None,
        no_data: Some(5),
        days: 7,
    },
];

const FRAUD: &[Feature] = &[
    Feature::number("amount_log", Normal(3.4, 1.1)).growing(-9, 1, Shift::Move(0.86)),
    Feature::category(
        "merchant_category",
        &[
            ("grocery", 0.27),
            ("fuel", 0.14),
            ("restaurant", 0.17),
            ("travel", 0.08),
            ("electronics", 0.11),
            ("fashion", 0.13),
            ("gaming", 0.04),
            ("other", 0.06),
        ],
    )
    .growing(
        -19,
        0,
        Shift::Values(&[
            ("gaming", 0.41),
            ("crypto_exchange", 0.06),
            ("gift_card", 0.03),
            ("prepaid_topup", 0.015),
            ("nft_market", 0.01),
        ]),
    ),
    Feature::integer("device_age", Exponential(410.0)).with_missing(0.02).growing(-6, 4, Shift::Move(0.82)),
    Feature::integer("hour_of_day", Uniform(0.0, 23.0)).growing(-5, -1, Shift::Move(0.03)),
    Feature::category("country", &[("DE", 0.31), ("FR", 0.27), ("NL", 0.14), ("ES", 0.12), ("IT", 0.1), ("PL", 0.06)]),
    Feature::integer("card_age_days", Exponential(900.0)),
    Feature::integer("tx_last_hour", Exponential(1.3)),
    Feature::integer("tx_last_day", Exponential(6.0)),
    Feature::number("avg_amount_7d", LogNormal(3.3, 0.8)),
    Feature::number("distance_home_km", LogNormal(1.9, 1.4)).with_missing(0.01),
    Feature::category("is_foreign", &[("false", 0.87), ("true", 0.13)]),
    Feature::number("ip_risk", Exponential(0.12)),
    Feature::integer("email_age_days", Exponential(1_400.0)),
    Feature::integer("failed_logins", Exponential(0.4)),
    Feature::category("channel", &[("app", 0.58), ("web", 0.33), ("pos", 0.09)]),
    Feature::category("currency", &[("EUR", 0.91), ("PLN", 0.05), ("GBP", 0.04)]),
];

const CHURN: &[Feature] = &[
    Feature::integer("tenure_months", Exponential(26.0)),
    Feature::integer("tickets_90d", Exponential(0.9)),
    Feature::category("plan", &[("basic", 0.44), ("plus", 0.35), ("family", 0.16), ("business", 0.05)]),
    Feature::number("usage_trend", Normal(0.0, 0.3)),
    Feature::integer("nps", Uniform(0.0, 10.0)).with_missing(0.31),
    Feature::number("payment_delay", Exponential(2.1)),
    Feature::category("region", &[("north", 0.25), ("south", 0.3), ("east", 0.2), ("west", 0.25)]),
    Feature::integer("age", Normal(43.0, 14.0)),
];

const VISION: &[Feature] = &[
    Feature::number("brightness", Normal(0.52, 0.08)),
    Feature::number("contrast", Normal(0.31, 0.05)),
    Feature::number("sharpness", LogNormal(0.2, 0.3)),
    Feature::number("defect_area", Exponential(3.2)),
    Feature::category("camera_id", &[("cam-1", 0.34), ("cam-2", 0.33), ("cam-3", 0.33)]),
    Feature::number("line_speed", Normal(1.8, 0.2)),
];

const INTENT: &[Feature] = &[
    Feature::integer("text_len", LogNormal(3.7, 0.6)),
    Feature::integer("token_count", LogNormal(2.2, 0.5)),
    Feature::number("oov_share", Exponential(0.03)),
    Feature::number("language_score", Uniform(0.82, 1.0)),
    Feature::category("channel", &[("chat", 0.61), ("mail", 0.27), ("voice", 0.12)]),
];

/// The columns of an endpoint's data; those of an endpoint nobody knows are few.
pub(crate) fn columns(endpoint: &str) -> &'static [Feature] {
    match estate::family(endpoint).map_or("", |family| family.name) {
        "fraud" => FRAUD,
        "ranking" => RANKING,
        "churn" => CHURN,
        "vision" => VISION,
        "intent" => INTENT,
        _ => OTHER,
    }
}

const RANKING: &[Feature] = &[
    Feature::integer("query_len", LogNormal(2.6, 0.5)),
    Feature::number("item_price", LogNormal(3.1, 0.9)),
    Feature::number("item_ctr_7d", Exponential(0.04)),
    Feature::integer("user_recency", Exponential(12.0)),
    Feature::number("embedding_norm", Normal(1.0, 0.1)),
    Feature::integer("stock", Exponential(140.0)),
    Feature::category("locale", &[("de", 0.4), ("fr", 0.35), ("en", 0.25)]),
];

const OTHER: &[Feature] = &[
    Feature::number("feature_0", Normal(0.0, 1.0)),
    Feature::number("feature_1", Exponential(1.0)),
    Feature::category("feature_2", &[("a", 0.6), ("b", 0.3), ("c", 0.1)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_estate() {
        for plan in PLANS {
            let family = estate::family(&plan.endpoint).unwrap();
            assert_eq!(family.endpoint, plan.endpoint);
            for feature in plan.features.iter() {
                assert!(family.features.contains(&feature.name), "{} has no {}", family.name, feature.name);
            }
        }
    }
}
