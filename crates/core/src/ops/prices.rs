//! What hosting costs: a small dated table. What is not in it reads `?`.

/// When the table was read, and from where.
pub const DATED: &str = "2026-11";
pub const SOURCE: &str = "AWS list price, real-time inference, on demand";
/// The region of the table. Prices of other regions differ, by up to a third as a rule.
pub const REGION: &str = "us-east-1";

/// US dollars an hour for one instance.
const HOSTING: &[(&str, f64)] = &[
    ("ml.c5.large", 0.102),
    ("ml.c5.xlarge", 0.204),
    ("ml.c5.2xlarge", 0.408),
    ("ml.c5.4xlarge", 0.816),
    ("ml.c5.9xlarge", 1.836),
    ("ml.c5.18xlarge", 3.672),
    ("ml.g4dn.xlarge", 0.736),
    ("ml.g4dn.2xlarge", 0.94),
    ("ml.g4dn.4xlarge", 1.505),
    ("ml.g5.xlarge", 1.408),
    ("ml.g5.2xlarge", 1.515),
    ("ml.m5.large", 0.115),
    ("ml.m5.xlarge", 0.23),
    ("ml.m5.2xlarge", 0.461),
    ("ml.m5.4xlarge", 0.922),
    ("ml.m5.12xlarge", 2.765),
    ("ml.m5.24xlarge", 5.53),
    ("ml.r5.large", 0.151),
    ("ml.r5.xlarge", 0.302),
    ("ml.r5.2xlarge", 0.605),
];

/// US dollars an hour for one instance of this type, in [`REGION`].
pub fn hourly(instance_type: &str) -> Option<f64> {
    HOSTING.iter().find(|(name, _)| *name == instance_type).map(|(_, usd)| *usd)
}

/// US dollars an hour for whole fleets of (type, instances); `None` when one of the types is not in the table.
pub fn fleet<'a>(fleets: impl IntoIterator<Item = (&'a str, i64)>) -> Option<f64> {
    fleets.into_iter().try_fold(0.0, |sum, (kind, count)| Some(sum + hourly(kind)? * count as f64))
}

/// `$0.49`, `?`.
pub fn dollars(usd: Option<f64>) -> String {
    usd.map_or_else(|| "?".to_owned(), |usd| format!("${usd:.2}"))
}

/// Where a price shown for `region` comes from, as a clause for the plan.
pub fn provenance(region: &str) -> String {
    if region == REGION {
        format!("{SOURCE}, {REGION}, {DATED}")
    } else {
        format!("{SOURCE} of {REGION}, {DATED}; {region} is not in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_costs_its_sum_or_is_unknown() {
        let both = fleet([("ml.c5.2xlarge", 6), ("ml.m5.large", 2)]).unwrap();
        assert!((both - 2.678).abs() < 1e-9);
        assert_eq!(fleet([("ml.c5.2xlarge", 6), ("ml.new.large", 1)]), None);
        assert_eq!(dollars(fleet([("ml.c5.2xlarge", 6)]).map(|hour| hour * 0.2)), "$0.49");
        assert_eq!(dollars(None), "?");
    }

    #[test]
    fn a_price_names_its_region() {
        assert!(!provenance("us-east-1").contains("not in the table"));
        assert!(provenance("eu-west-1").ends_with("eu-west-1 is not in the table"));
    }
}
