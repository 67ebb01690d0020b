//! Values of options and arguments, read from their words.

use mldeck_core::{
    ops::{
        call::VariantChange,
        intent::{Bypass, Rollout},
        origin::Way,
    },
    text::Text,
};

pub(super) fn bypass(text: &str) -> Result<Bypass, String> {
    let words = || Bypass::ALL.map(Bypass::word).join(", ");
    Bypass::parse(text).ok_or_else(|| format!("one of {}", words()))
}

pub(super) fn rollout(text: &str) -> Result<Rollout, String> {
    let words = || Rollout::ALL.map(Rollout::word).join(", ");
    Rollout::parse(text).ok_or_else(|| format!("one of {}", words()))
}

pub(super) fn way(text: &str) -> Result<Way, String> {
    let words = || Way::ALL.map(Way::word).join(", ");
    Way::parse(text).ok_or_else(|| format!("one of {}", words()))
}

pub(super) fn pair(text: &str) -> Result<(Text, Text), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((Text::new(name), Text::new(value)))
}

pub(super) fn weight(text: &str) -> Result<VariantChange, String> {
    let (name, value) = text.split_once('=').ok_or("VARIANT=WEIGHT is wanted")?;
    let weight = value.parse().map_err(|_| format!("{value:?} is no number"))?;
    Ok(VariantChange { variant: Text::new(name), weight: Some(weight), count: None })
}

pub(super) fn count(text: &str) -> Result<VariantChange, String> {
    let (name, value) = text.split_once('=').ok_or("VARIANT=COUNT is wanted")?;
    let count = value.parse().map_err(|_| format!("{value:?} is no whole number"))?;
    Ok(VariantChange { variant: Text::new(name), weight: None, count: Some(count) })
}
