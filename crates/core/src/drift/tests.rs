use proptest::prelude::*;

use super::*;
use crate::time::{DAY, HOUR};

const STATISTICS: &str = r#"{"version":0.0,"dataset":{"item_count":418},
 "features":[
  {"name":"age","inferred_type":"Integral",
   "numerical_statistics":{"common":{"num_present":418,"num_missing":2},"mean":38.5,"sum":16093.0,"std_dev":"NaN","min":17.0,"max":90.0,
     "distribution":{"kll":{"buckets":[{"lower_bound":17.0,"upper_bound":24.3,"count":72.0}],
                            "sketch":{"parameters":{"c":0.64,"k":2048.0},"data":[[39.0,50.0],[23.0,61.0]]}}}}},
  {"name":"city","inferred_type":"String",
   "string_statistics":{"common":{"num_present":418,"num_missing":0},"distinct_count":2.0,
     "distribution":{"categorical":{"buckets":[{"value":"A","count":300},{"value":"B","count":"118"}]}}}},
  {"name":"constant","inferred_type":"Unknown","numerical_statistics":{"common":{"num_present":0}}}]}"#;

const CONSTRAINTS: &str = r#"{"version":0.0,
 "features":[{"name":"age","inferred_type":"Integral","completeness":1.0,"num_constraints":{"is_non_negative":true},
              "monitoringConfigOverrides":{"distributionConstraints":{"comparison_threshold":0.2}}},
             {"name":"city","inferred_type":"String","completeness":1.0,"string_constraints":{"domains":["A","B"]}}],
 "monitoring_config":{"distribution_constraints":{"enable_comparisons":true,"comparison_threshold":0.1,
   "comparison_method":"linf_simple","categorical_drift_method":"ChiSquared"}}}"#;

fn texts(texts: &[&str]) -> Vec<Text> {
    texts.iter().copied().map(Text::new).collect()
}

#[test]
fn statistics_of_data_quality() {
    let read = parse_statistics(STATISTICS.as_bytes()).unwrap();
    assert_eq!(read.item_count, Some(418.0));
    let age = read.feature("age").unwrap();
    assert_eq!((age.present, age.missing, age.mean, age.std_dev), (Some(418.0), Some(2.0), Some(38.5), None));
    let Distribution::Numeric(sketch) = &age.distribution else { panic!("{age:?}") };
    // 39 and 50 count once, 23 and 61 twice.
    assert_eq!(sketch.total(), 6.0);
    assert_eq!([22.0, 23.0, 39.0, 50.0, 61.0].map(|x| sketch.cdf(x) * 6.0), [0.0, 2.0, 3.0, 4.0, 6.0]);
    assert_eq!([0.0, 0.33, 0.5, 0.51, 1.0].map(|q| sketch.quantile(q)), [23.0, 23.0, 39.0, 50.0, 61.0].map(Some));
    let city = read.feature("city").unwrap();
    assert_eq!(city.distribution, Distribution::Categorical(vec![("A".into(), 300.0), ("B".into(), 118.0)]));
    assert_eq!(read.feature("constant").unwrap().distribution, Distribution::None);
    assert_eq!(read.feature("other"), None);
}

#[test]
fn statistics_of_model_quality() {
    let file = br#"{"dataset":{"item_count":50},"binary_classification_metrics":{
        "confusion_matrix":{"0":{"0":1}},"f1":{"value":0.61,"standard_deviation":"NaN"},
        "auc":{"value":0.9,"standard_deviation":0.01},"precision_recall_curve":{"precisions":[1]}}}"#;
    let metric = |name: &str, value, std_dev| Metric { name: name.into(), value, std_dev };
    let metrics = parse_statistics(file).unwrap().metrics;
    assert_eq!(metrics, [metric("auc", 0.9, Some(0.01)), metric("f1", 0.61, None)]);
}

#[test]
fn constraints_in_all_spellings() {
    let read = parse_constraints(CONSTRAINTS.as_bytes()).unwrap();
    assert_eq!(
        read.comparison,
        Comparison {
            enabled: Some(true),
            threshold: Some(0.1),
            categorical_threshold: Some(0.1),
            method: Method::Simple,
            chi_squared: true,
        }
    );
    assert_eq!(read.features[0].threshold, Some(0.2));
    assert_eq!(read.features[0].non_negative, Some(true));
    assert_eq!(read.features[1].domains, texts(&["A", "B"]));

    let nested = br#"{"features":[{"name":"c","string_constraints":{"monitoring_config_overrides":{"comparison_threshold":"0.3"}}}],
        "monitoring_config":{"distribution_constraints":{"perform_comparison":"Disabled","comparison_threshold":0.1,
        "comparison_method":"Robust","categorical_comparison_threshold":0.4}}}"#;
    let read = parse_constraints(nested).unwrap();
    assert_eq!(read.features[0].threshold, Some(0.3));
    assert_eq!((read.comparison.enabled, read.comparison.categorical_threshold), (Some(false), Some(0.4)));
    assert_eq!(read.comparison.method, Method::Robust);

    let quality =
        br#"{"binary_classification_constraints":{"f1":{"threshold":0.8,"comparison_operator":"LessThanThreshold",
        "additional_properties":null}}}"#;
    let wanted = MetricConstraint { name: "f1".into(), threshold: 0.8, operator: "LessThanThreshold".into() };
    assert_eq!(parse_constraints(quality).unwrap().metrics, [wanted]);
}

#[test]
fn violations_of_every_monitor() {
    let file = br#"{"version":"1.0","violations":[
      {"feature_name":"age","constraint_check_type":"baseline_drift_check","description":"Baseline drift distance: 0.27 exceeds threshold: 0.1"},
      {"feature_name":"b","constraint_check_type":"completeness_check","description":"Value: 0.498 does not meet the constraint requirement! "},
      {"metric_name":"f1","constraint_check_type":"LessThanThreshold","description":"Metric f1 with 0.61 was LessThanThreshold 0.66"},
      {"facet":"Age","facet_value":"40","metric_name":"CI","constraint_check_type":"bias_drift_check","description":"Value -0.079 does not meet the constraint requirement"},
      {"label":"label0","metric_name":"shap","constraint_check_type":"feature_attribution_drift_check","description":"Feature attribution drift 0.76 exceeds threshold 0.9"},
      17, {"feature_name":null}]}"#;
    let read = parse_violations(file).unwrap();
    let features: Vec<Text> = read.iter().map(|v| v.feature.clone()).collect();
    assert_eq!(features, texts(&["age", "b", "f1", "Age 40 CI", "label label0", ""]));
    assert_eq!(read[0].distance, Some((0.27, 0.1)));
    assert_eq!(read[1].description, "Value: 0.498 does not meet the constraint requirement!");
    assert!(read[1..].iter().all(|v| v.distance.is_none()));
    assert_eq!(read[4].description, "agreement of the attribution ranking (nDCG) fell to 0.76, below 0.9");
}

#[test]
fn distances_in_descriptions() {
    for (description, wanted) in [
        ("Baseline drift distance: 0.27 exceeds threshold: 0.1", Some((0.27, 0.1))),
        ("Numerical distance: 0.27 exceeds numerical threshold: 0", Some((0.27, 0.0))),
        ("categorical DISTANCE:1.5E-1 exceeds categorical threshold:0.1.", Some((0.15, 0.1))),
        ("distance: high exceeds threshold: 0.1", None),
        ("distance: 0.2 is below threshold: 0.1", None),
        ("distance: 0.2 exceeds", None),
        ("distance: inf exceeds threshold: 1", None),
        ("Value: 0.498 does not meet", None),
        ("", None),
    ] {
        assert_eq!(stated_distance(description), wanted, "{description}");
    }
}

fn sample(values: &[f64]) -> Sketch {
    Sketch::from_weights(values.iter().map(|value| (*value, 1.0)))
}

fn counts(pairs: &[(&str, f64)]) -> Vec<(Text, f64)> {
    pairs.iter().map(|(name, count)| (Text::new(name), *count)).collect()
}

#[test]
fn distances_by_deequs_rules() {
    let (a, b) = (sample(&[1.0, 2.0, 3.0, 4.0]), sample(&[3.0, 4.0, 5.0, 6.0]));
    let distance = numeric(&a, &b).unwrap();
    assert_eq!((distance.raw, distance.n, distance.m), (0.5, 4.0, 4.0));
    assert_eq!(distance.corrected, 0.0);
    assert_eq!(numeric(&a, &a).unwrap().raw, 0.0);
    assert_eq!(numeric(&a, &Sketch::default()), None);

    // 0.44 − 1.8·√((12441+1902)/(12441·1902))
    let close = |got: f64, wanted: f64| (got - wanted).abs() < 1e-4;
    assert!(close(corrected(0.44, 12_441.0, 1_902.0), 0.3957));
    let distance = categorical(&counts(&[("A", 300.0), ("B", 100.0)]), &counts(&[("B", 50.0), ("C", 50.0)])).unwrap();
    assert!(close(distance.raw, 0.75) && close(distance.corrected, 0.75 - 0.20125));
    assert_eq!(categorical(&counts(&[("A", 0.0)]), &counts(&[("A", 1.0)])), None);
}

#[test]
fn merging_two_hours_is_one_sample_of_both() {
    let merged = sample(&[1.0, 3.0]).merged(&Sketch::from_levels(&[vec![2.0], vec![4.0]]));
    assert_eq!(merged.total(), 5.0);
    assert_eq!([1.0, 2.0, 3.0, 4.0].map(|x| merged.cdf(x)), [0.2, 0.4, 0.6, 1.0]);
}

#[test]
fn buckets_share_their_edges() {
    let numeric = |values: &[f64]| Distribution::Numeric(sample(values));
    let drawn = buckets(&numeric(&[0.0, 5.0]), &numeric(&[9.0, 10.0, 10.0, 10.0]));
    assert_eq!(drawn.len(), 10);
    assert_eq!((drawn[0].label.as_str(), drawn[9].label.as_str()), ("0 to 1.000", "9.000 to 10.00"));
    let at = |i: usize| (drawn[i].baseline, drawn[i].now);
    assert_eq!([at(0), at(4), at(5), at(9)], [(0.5, 0.0), (0.0, 0.0), (0.5, 0.0), (0.0, 1.0)]);
    assert_eq!(buckets(&numeric(&[2.0]), &numeric(&[2.0])).len(), 1);
    assert!(buckets(&numeric(&[2.0]), &Distribution::None).is_empty());

    let many: Vec<(Text, f64)> = (0..30).map(|i| (Text::new(&format!("c{i:02}")), f64::from(30 - i))).collect();
    let drawn = buckets(&Distribution::Categorical(many), &Distribution::Categorical(counts(&[("new", 1.0)])));
    assert_eq!((drawn[0].label.as_str(), drawn[0].now), ("new", 1.0));
    assert_eq!((drawn.len(), drawn[12].label.as_str()), (13, "19 others"));
    assert!((drawn.iter().map(|bucket| bucket.baseline).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn intervals_of_schedules() {
    for (expression, wanted) in [
        ("cron(0 * ? * * *)", Some(HOUR)),
        ("cron(0 17 ? * * *)", Some(DAY)),
        ("cron(0 17/6 ? * * *)", Some(6 * HOUR)),
        ("cron(0 */2 * * ? *)", Some(2 * HOUR)),
        ("cron(0 0,12 ? * * *)", Some(12 * HOUR)),
        ("cron(0 8-17 ? * * *)", Some(15 * HOUR)),
        ("rate(1 hour)", Some(HOUR)),
        ("NOW", None),
        ("cron(0 12 ? * MON *)", None),
        ("cron(0 25 ? * * *)", None),
        ("cron(0 0/0 ? * * *)", None),
        ("cron(", None),
        ("", None),
        ("crön(0 * ? * * *)", None),
    ] {
        assert_eq!(interval(expression), wanted, "{expression}");
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * HOUR)
}

fn hour(at: Timestamp, values: &[f64], violation: Option<f64>) -> Report {
    let feature = |name: &str, values: &[f64]| Feature {
        name: name.into(),
        distribution: Distribution::Numeric(sample(values)),
        ..Feature::default()
    };
    let quiet: Vec<f64> = (0..1_000).map(f64::from).collect();
    let violations = violation.map(|distance| Violation {
        feature: "amount".into(),
        check: "baseline_drift_check".into(),
        description: Text::default(),
        distance: Some((distance, 0.1)),
    });
    let features = vec![feature("amount", values), feature("quiet", &quiet)];
    Report {
        at,
        statistics: Some(Statistics { item_count: Some(values.len() as f64), features, metrics: Vec::new() }),
        violations: violations.into_iter().collect(),
    }
}

#[test]
fn detail_ranks_features_and_recomputes_distances() {
    let base: Vec<f64> = (0..1_000).map(f64::from).collect();
    let shifted: Vec<f64> = (300..1_300).map(f64::from).collect();
    let detail = detail(Inputs {
        monitor: "fraud-quality".into(),
        baseline: hour(at(0), &base, None).statistics,
        reports: vec![hour(at(3), &shifted, Some(0.22)), hour(at(2), &shifted, None), hour(at(1), &base, None)],
        curves: vec![("late".into(), vec![(at(1), 0.05), (at(2), f64::NAN)])],
        ..Inputs::default()
    });
    let names: Vec<&str> = detail.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["amount", "late", "quiet"]);
    let amount = &detail.features[0];
    let expected = 0.3 - 1.8 * (2_000.0_f64 / 1_000_000.0).sqrt();
    assert_eq!(amount.distances.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [at(1), at(2), at(3)]);
    assert!((amount.distances[1].1 - expected).abs() < 1e-9, "{:?}", amount.distances);
    assert_eq!(amount.distances[2].1, 0.22);
    let recomputed = amount.recomputed.unwrap();
    assert!((recomputed.raw - 0.3).abs() < 1e-9);
    assert_eq!((recomputed.now, recomputed.baseline, amount.buckets.len()), (1_000.0, 1_000.0, 10));
    assert_eq!(detail.features[1].distances, [(at(1), 0.05)]);
    assert_eq!((detail.limit, detail.counts), (Some(0.1), Some((1_000.0, 1_000.0))));
}

#[test]
fn hostile_files_are_errors_or_empty() {
    for file in ["", "[]", "17", "null", "{", "{\"features\":1e999}", "\u{feff}[1]"] {
        assert!(parse_statistics(file.as_bytes()).is_err(), "{file}");
    }
    assert!(parse_violations("[".repeat(1_000_000).as_bytes()).is_err());
    assert!(matches!(parse_constraints(&vec![b' '; INPUT_MAX + 1]), Err(Unreadable::TooLarge(_))));
    for file in ["{}", "\u{feff}{}", r#"{"features":{},"dataset":[]}"#, r#"{"features":[null,[],{"name":[]},{}]}"#] {
        assert_eq!(parse_statistics(file.as_bytes()), Ok(Statistics::default()), "{file}");
    }
    let odd = r#"{"features":[{"name":1,"numerical_statistics":{"distribution":{"kll":{"sketch":{"data":[1,["x",null,1e308],{}]}}}}}]}"#;
    let read = parse_statistics(odd.as_bytes()).unwrap();
    assert!(matches!(&read.feature("1").unwrap().distribution, Distribution::Numeric(s) if s.total() == 2.0));
}

#[test]
fn ten_megabytes_are_read() {
    let items = vec!["39.25"; 1_700_000].join(",");
    let file = format!(
        r#"{{"features":[{{"name":"a","numerical_statistics":{{"distribution":{{"kll":{{"sketch":{{"data":[[{items}]]}}}}}}}}}}]}}"#
    );
    assert!(file.len() > 10_000_000);
    let read = parse_statistics(file.as_bytes()).unwrap();
    assert!(matches!(&read.features[0].distribution, Distribution::Numeric(s) if s.total() == 1_700_000.0));
}

/// The real files with any value replaced by any other.
fn mutated(file: &'static str) -> impl Strategy<Value = String> {
    let junk =
        prop::sample::select(vec!["null", "-1", "1e308", "\"x\"", "[]", "{}", "true", "\"NaN\"", "[[1e-320,-1e308]]"]);
    (prop::collection::vec((any::<prop::sample::Index>(), junk), 1..4)).prop_map(move |swaps| {
        let mut text = file.to_owned();
        for (index, junk) in swaps {
            let places: Vec<usize> = text.match_indices(':').map(|(i, _)| i + 1).collect();
            let from = places[index.index(places.len())];
            let to = text[from..].find([',', '}', ']']).map_or(text.len(), |i| from + i);
            text.replace_range(from..to, junk);
        }
        text
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (parse_statistics(&bytes), parse_constraints(&bytes), parse_violations(&bytes));
        let _ = (interval(&String::from_utf8_lossy(&bytes)), stated_distance(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn mutated_files_are_survived(statistics in mutated(STATISTICS), constraints in mutated(CONSTRAINTS)) {
        let constraints = parse_constraints(constraints.as_bytes()).ok();
        let report = Report { at: at(1), statistics: parse_statistics(statistics.as_bytes()).ok(), violations: Vec::new() };
        let baseline = parse_statistics(STATISTICS.as_bytes()).ok();
        let detail = detail(Inputs { baseline, constraints, reports: vec![report], ..Inputs::default() });
        for feature in detail.features {
            prop_assert!(feature.distances.iter().all(|(_, d)| (0.0..=1.0).contains(d)));
            prop_assert!(feature.buckets.iter().all(|b| b.baseline.is_finite() && b.now.is_finite()));
        }
    }

    #[test]
    fn distances_are_symmetric_and_bounded(
        a in prop::collection::vec(-1e6..1e6, 1..60),
        b in prop::collection::vec(-1e6..1e6, 1..60),
    ) {
        let (a, b) = (sample(&a), sample(&b));
        let (ab, ba) = (numeric(&a, &b).unwrap(), numeric(&b, &a).unwrap());
        prop_assert_eq!(ab.raw, ba.raw);
        prop_assert!(ab.raw <= 1.0 + 1e-12 && ab.corrected <= ab.raw && ab.corrected >= 0.0);
        let shares = buckets(&Distribution::Numeric(a), &Distribution::Numeric(b));
        prop_assert!((shares.iter().map(|s| s.now).sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
