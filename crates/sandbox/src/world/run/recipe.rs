//! How each family trains: hyperparameters, what they do to the metrics, and what the jobs run on.

use std::borrow::Cow;

use crate::world::{chance::Chance, estate::Family};

/// Most hyperparameters a recipe varies.
pub(crate) const KNOBS: usize = 5;

/// A hyperparameter that runs vary.
#[derive(Debug)]
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    /// The pipeline parameter that sets it.
    pub(crate) parameter: &'static str,
    pub(crate) choices: &'static [f64],
    /// The value that scores best, and how much being off by a factor of e costs.
    pub(crate) best: f64,
    pub(crate) weight: f64,
}

/// A metric a run logs at every step. Higher is better when `best > worst`.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) name: Cow<'static, str>,
    /// At step 0.
    pub(crate) start: f64,
    /// Last value of a poor run and of a perfect one.
    pub(crate) worst: f64,
    pub(crate) best: f64,
    /// Logged at the last of so many steps.
    pub(crate) every: u32,
}

/// Between a metric's name and the number of the part of the data it is about: `val/auc/segment-07`.
const SEGMENT: &str = "/segment-";
/// Parts are looked at less often than the whole.
const SEGMENT_EVERY: u32 = 10;

#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) family: &'static str,
    /// In the names of hand-started runs: `fraud-xgb-0533`.
    pub(crate) prefix: &'static str,
    pub(crate) knobs: &'static [Knob],
    /// Hyperparameters that no run varies.
    pub(crate) fixed: &'static [(&'static str, &'static str)],
    /// The objective first.
    pub(crate) metrics: &'static [Metric],
    pub(crate) steps: u32,
    /// Minutes of the Training phase, least and most.
    pub(crate) minutes: (f64, f64),
    pub(crate) instances: &'static [&'static str],
    /// The column whose absence is the classic failure.
    pub(crate) column: &'static str,
}

const fn knob(name: &'static str, parameter: &'static str, choices: &'static [f64], best: f64, weight: f64) -> Knob {
    Knob { name, parameter, choices, best, weight }
}

const fn metric(name: &'static str, start: f64, worst: f64, best: f64) -> Metric {
    Metric { name: Cow::Borrowed(name), start, worst, best, every: 1 }
}

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        family: "fraud",
        prefix: "xgb",
        knobs: &[
            knob("max_depth", "MaxDepth", &[4.0, 6.0, 8.0, 10.0, 12.0], 8.0, 0.30),
            knob("eta", "Eta", &[0.02, 0.05, 0.1, 0.2, 0.3], 0.05, 0.08),
            knob("subsample", "Subsample", &[0.6, 0.7, 0.8, 0.9], 0.8, 0.5),
            knob("min_child_weight", "MinChildWeight", &[1.0, 4.0, 16.0], 4.0, 0.01),
            knob("num_round", "NumRound", &[300.0, 400.0, 500.0], 400.0, 0.1),
        ],
        fixed: &[("objective", "binary:logistic"), ("eval_metric", "auc"), ("tree_method", "hist")],
        metrics: &[
            metric("val/auc", 0.71, 0.905, 0.941),
            metric("train/auc", 0.72, 0.93, 0.972),
            metric("val/logloss", 0.62, 0.128, 0.094),
            metric("train/logloss", 0.61, 0.101, 0.066),
        ],
        steps: 400,
        minutes: (24.0, 36.0),
        instances: &["ml.m5.4xlarge", "ml.c5.9xlarge"],
        column: "merchant_category",
    },
    Recipe {
        family: "ranking",
        prefix: "lgbm",
        knobs: &[
            knob("num_leaves", "NumLeaves", &[63.0, 127.0, 255.0, 511.0], 255.0, 0.15),
            knob("learning_rate", "LearningRate", &[0.02, 0.05, 0.1, 0.15], 0.05, 0.09),
            knob("feature_fraction", "FeatureFraction", &[0.5, 0.7, 0.9], 0.7, 0.4),
            knob("lambda_l2", "LambdaL2", &[0.0, 1.0, 10.0], 1.0, 0.004),
            knob("num_iterations", "NumIterations", &[500.0, 800.0], 800.0, 0.2),
        ],
        fixed: &[("objective", "lambdarank"), ("ndcg_eval_at", "10")],
        metrics: &[
            metric("val/ndcg", 0.48, 0.672, 0.718),
            metric("train/ndcg", 0.49, 0.70, 0.765),
            metric("val/map", 0.33, 0.455, 0.502),
        ],
        steps: 500,
        minutes: (38.0, 70.0),
        instances: &["ml.m5.12xlarge", "ml.c5.18xlarge"],
        column: "item_ctr_7d",
    },
    Recipe {
        family: "churn",
        prefix: "gbm",
        knobs: &[
            knob("max_depth", "MaxDepth", &[3.0, 4.0, 5.0, 6.0], 4.0, 0.3),
            knob("eta", "Eta", &[0.03, 0.1, 0.3], 0.1, 0.06),
            knob("colsample_bytree", "ColsampleByTree", &[0.5, 0.75, 1.0], 0.75, 0.4),
            knob("scale_pos_weight", "ScalePosWeight", &[1.0, 4.0, 9.0], 4.0, 0.05),
            knob("num_round", "NumRound", &[150.0, 250.0], 250.0, 0.1),
        ],
        fixed: &[("objective", "binary:logistic"), ("eval_metric", "auc")],
        metrics: &[
            metric("val/auc", 0.64, 0.782, 0.834),
            metric("train/auc", 0.66, 0.81, 0.88),
            metric("val/logloss", 0.66, 0.41, 0.352),
        ],
        steps: 250,
        minutes: (8.0, 14.0),
        instances: &["ml.m5.2xlarge"],
        column: "tenure_months",
    },
    Recipe {
        family: "vision",
        prefix: "cnn",
        knobs: &[
            knob("lr", "LearningRate", &[0.0003, 0.001, 0.003, 0.01], 0.001, 0.05),
            knob("batch_size", "BatchSize", &[32.0, 64.0, 128.0], 64.0, 0.06),
            knob("weight_decay", "WeightDecay", &[0.0, 0.0001, 0.01], 0.0001, 0.00002),
            knob("image_size", "ImageSize", &[224.0, 320.0, 448.0], 448.0, 0.4),
            knob("epochs", "Epochs", &[30.0, 60.0], 60.0, 0.2),
        ],
        fixed: &[("backbone", "convnext_tiny"), ("optimizer", "adamw"), ("amp", "true")],
        metrics: &[
            metric("val/f1", 0.31, 0.871, 0.934),
            metric("val/loss", 1.9, 0.31, 0.172),
            metric("train/loss", 1.95, 0.22, 0.09),
            metric("val/recall", 0.28, 0.85, 0.95),
        ],
        steps: 600,
        minutes: (75.0, 140.0),
        instances: &["ml.g5.2xlarge", "ml.g5.12xlarge"],
        column: "camera_id",
    },
    Recipe {
        family: "intent",
        prefix: "bert",
        knobs: &[
            knob("learning_rate", "LearningRate", &[0.00001, 0.00003, 0.00005], 0.00003, 0.2),
            knob("batch_size", "BatchSize", &[16.0, 32.0, 64.0], 32.0, 0.06),
            knob("warmup_steps", "WarmupSteps", &[100.0, 500.0], 500.0, 0.1),
            knob("dropout", "Dropout", &[0.05, 0.1, 0.2], 0.1, 0.06),
            knob("epochs", "Epochs", &[3.0, 5.0], 5.0, 0.2),
        ],
        fixed: &[("model_name", "camembert-base"), ("max_length", "96")],
        metrics: &[
            metric("val/accuracy", 0.22, 0.884, 0.937),
            metric("val/loss", 2.4, 0.44, 0.262),
            metric("train/loss", 2.5, 0.36, 0.14),
        ],
        steps: 320,
        minutes: (28.0, 44.0),
        instances: &["ml.g5.xlarge", "ml.g5.4xlarge"],
        column: "text_len",
    },
];

/// The recipe of a family; every family of the estate has one.
pub(crate) fn recipe(family: &Family) -> &'static Recipe {
    RECIPES.iter().find(|recipe| recipe.family == family.name).unwrap_or(&RECIPES[0])
}

impl Recipe {
    /// The metric at `index`: its own ones, then each of them on one part of the data after the other, without end.
    pub(crate) fn metric(&self, index: usize) -> Metric {
        let count = self.metrics.len().max(1);
        let whole = &self.metrics[index % count];
        let part = index / count;
        if part == 0 {
            return whole.clone();
        }
        let name = format!("{}{SEGMENT}{part:02}", whole.name);
        // Some parts are harder than others.
        let off = (Chance::new(0).named(&name).unit() - 0.6) * 0.3 * (whole.best - whole.worst);
        let (start, worst, best) = (whole.start, whole.worst + off, whole.best + off);
        Metric { name: Cow::Owned(name), start, worst, best, every: SEGMENT_EVERY }
    }

    /// The place of a metric's name, had it no end.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        let (whole, part) = match name.split_once(SEGMENT) {
            None => (name, 0),
            Some((whole, part)) => (whole, part.parse::<usize>().ok().filter(|part| (1..1_000).contains(part))?),
        };
        let place = self.metrics.iter().position(|metric| metric.name == whole)?;
        let index = part * self.metrics.len() + place;
        (self.metric(index).name == name).then_some(index)
    }

    /// 0 for hopeless to 1 for perfect: what these values alone do.
    pub(crate) fn quality(&self, values: &[f32; KNOBS]) -> f64 {
        let cost: f64 = self
            .knobs
            .iter()
            .zip(values)
            .map(|(knob, value)| {
                // By ratio: a tenth of the best learning rate is as wrong as ten times it.
                let ratio = f64::from(*value) / knob.best;
                let off = if ratio > 0.0 { ratio.ln() } else { ratio - 1.0 };
                knob.weight * off * off
            })
            .sum();
        (0.86 - cost).clamp(0.05, 0.95)
    }
}

/// As people write it: `8`, `0.05`.
pub(crate) fn spell(value: f32) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::estate::FAMILIES;

    #[test]
    fn every_family_has_its_recipe_and_objective() {
        for family in FAMILIES {
            let recipe = recipe(family);
            assert_eq!(recipe.family, family.name);
            assert_eq!(recipe.metrics[0].name, family.metric, "{}", family.name);
            assert_eq!(recipe.knobs.len(), KNOBS);
            assert!(family.features.contains(&recipe.column), "{}", recipe.column);
        }
    }

    #[test]
    fn metrics_go_on_over_the_parts_of_the_data() {
        for recipe in RECIPES {
            let names: Vec<_> = (0..60).map(|index| recipe.metric(index).name).collect();
            assert!((0..60).all(|index| recipe.index(&names[index]) == Some(index)), "{names:?}");
            assert!(recipe.steps.is_multiple_of(SEGMENT_EVERY), "the last step is one of those that are logged");
        }
        for name in ["val/auc/segment-1", "val/auc/segment-00", "val/auc/segment-x", "val/none/segment-01", ""] {
            assert_eq!(RECIPES[0].index(name), None, "{name}");
        }
    }

    #[test]
    fn better_values_score_better() {
        let recipe = &RECIPES[0];
        let good = recipe.quality(&[8.0, 0.05, 0.8, 4.0, 400.0]);
        let bad = recipe.quality(&[12.0, 0.3, 0.6, 16.0, 300.0]);
        assert!(good > 0.8 && bad < 0.55, "{good} {bad}");
        assert_eq!(spell(0.05), "0.05");
        assert_eq!(spell(8.0), "8");
    }
}
