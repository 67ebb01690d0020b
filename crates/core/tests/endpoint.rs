//! What one reading of an endpoint leaves out and an earlier one has, and when an endpoint is in trouble.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod fixture;

use mldeck_core::{
    column::Now,
    health::Health,
    resource::{
        Resource,
        alarm::AlarmState,
        endpoint::{Details, Variant},
    },
    text::Text,
};

fn t(text: &str) -> Text {
    Text::new(text)
}

fn read(config: &str) -> Details {
    let variant = Variant {
        name: t("blue"),
        model: Some(t("fraud-18")),
        label: Some(t("fraud v18")),
        instance_type: Some(t("ml.m5.xlarge")),
        ..Variant::default()
    };
    Details { config: t(config), variants: vec![variant], ..Details::default() }
}

/// DescribeEndpoint was answered; DescribeEndpointConfig, and with it the model, was not.
fn denied(config: &str) -> Details {
    let variants = vec![Variant { name: t("blue"), ..Variant::default() }];
    Details { config: t(config), variants, unread: Some(t("its config: no permission")), ..Details::default() }
}

#[test]
fn what_is_known_of_a_config_outlives_one_that_may_not_be_read_any_more() {
    let mut details = denied("fraud-v18-c");
    details.complete_from(&read("fraud-v18-c"));
    assert_eq!(details.variants, read("fraud-v18-c").variants);
    assert!(details.unread.is_some(), "and that it was not read now is still said");
}

#[test]
fn of_another_config_or_another_model_nothing_is_taken_over() {
    let mut details = denied("fraud-v19-a");
    details.complete_from(&read("fraud-v18-c"));
    assert_eq!(details, denied("fraud-v19-a"));
    let mut details = denied("fraud-v18-c");
    details.variants[0].model = Some(t("fraud-19"));
    details.complete_from(&read("fraud-v18-c"));
    assert_eq!((&details.variants[0].model, &details.variants[0].label), (&Some(t("fraud-19")), &None));
}

#[test]
fn an_alarm_by_which_scaling_decides_is_no_trouble() {
    let scaling = "TargetTracking-endpoint/fraud-prod/variant/blue-AlarmLow-e283ffaa";
    let cases = [
        (vec![(scaling, AlarmState::Alarm)], Health::Ok, vec![]),
        (vec![(scaling, AlarmState::Alarm), ("fraud-5xx", AlarmState::Alarm)], Health::Bad, vec!["fraud-5xx"]),
        (vec![("fraud-5xx", AlarmState::Ok)], Health::Ok, vec![]),
    ];
    for (alarms, health, burning) in cases {
        let mut endpoint = fixture::endpoint();
        endpoint.alarms = alarms.into_iter().map(|(name, state)| fixture::alarm(name, state)).collect();
        assert_eq!(endpoint.health(), health, "{:?}", endpoint.alarms);
        assert_eq!(endpoint.burning().map(|alarm| alarm.name.as_str()).collect::<Vec<_>>(), burning);
    }
    assert_eq!(fixture::alarm(scaling, AlarmState::Alarm).health(), Health::Ok);
}

#[test]
fn a_shadow_says_what_it_gets_copies_of() {
    let mut endpoint = fixture::endpoint();
    let shadow = |weight| Variant { name: t("next"), current_weight: Some(weight), ..Variant::default() };
    for (weight, told) in [(0.25, "25 %"), (9.0, "100 %")] {
        let details = endpoint.details.as_mut().expect("the fixture is read");
        details.variants[0].current_weight = Some(1.0);
        details.shadow_variants = vec![shadow(weight)];
        let sections = endpoint.facts(Now(fixture::at("02:24:00")));
        let section = sections.iter().find(|section| section.title == "Shadow variant next").expect("it is told of");
        let copies = section.facts.iter().find(|fact| fact.label == "copies of").expect("and what it gets");
        assert_eq!(copies.value.text, told);
        assert!(sections.iter().any(|section| section.title == "Variant blue"));
    }
}
