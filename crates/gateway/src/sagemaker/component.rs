//! The inference components of one endpoint, and from CloudTrail what each was told to serve.

use mldeck_core::{
    fault::Fault,
    ops::{
        component::{Component, Told},
        target::{Kind, Target},
    },
    text::Text,
    time::DAY,
};
use serde_json::json;

use super::doing;
use crate::{
    Gateway,
    json::{list, string},
    lanes,
    write::SAGEMAKER,
};

/// More on one endpoint are not read.
const MOST: i64 = 100;
/// How far CloudTrail goes back, milliseconds.
const KEPT: i64 = 90 * DAY;

impl Gateway {
    /// CloudTrail is asked only for what is `deep`.
    pub(crate) async fn components(&self, endpoint: &Text, deep: bool) -> Result<Vec<Component>, Fault> {
        let input = json!({ "EndpointNameEquals": endpoint.raw(), "MaxResults": MOST });
        let what = doing("ListInferenceComponents", "listing inference components");
        let page = self.json(&SAGEMAKER, what, &input).await?;
        let name = |row| string(row, "InferenceComponentName").map(Text::new);
        let names: Vec<Text> = list(&page, "InferenceComponents").filter_map(name).collect();
        let told =
            async { if deep { Some(Box::pin(self.told_to_components(self.now().plus(-KEPT))).await) } else { None } };
        let described = lanes::four(&names, |index| {
            let target = Target::new(Kind::Component, names[index].clone());
            async move { self.describe(&target).await }
        });
        let (described, told) = tokio::join!(described, told);
        names
            .into_iter()
            .zip(described)
            .map(|(name, sight)| {
                let of_this = |all: &Vec<(Text, Told)>| {
                    all.iter().filter(|(of, _)| *of == name).map(|(_, told)| told.clone()).collect::<Vec<_>>()
                };
                let told = told.as_ref().map(|told| told.as_ref().map(of_this).map_err(Clone::clone));
                Ok(Component { sight: sight?, told, name })
            })
            .collect()
    }
}
