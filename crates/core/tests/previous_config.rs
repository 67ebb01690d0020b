//! Who is the previous config? Histories that mislead.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;

use fixture::{BEFORE, LIVE, OLDER, at, event, our_move, scope, snapshot, t};
use mldeck_core::{
    ask::TrailEvent,
    fault::{Fault, FaultKind},
    ops::{
        Snapshot,
        candidate::{Candidates, Confidence, History, TAG_PREVIOUS, Witness, candidates},
    },
    resource::{endpoint::Pending, operation::OperationState},
};

const BAD: &str = "fraud-v19-x";

fn judge(history: &History, change: impl FnOnce(&mut Snapshot)) -> Candidates {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    candidates(&snapshot, history, &scope())
}

fn first(found: &Candidates) -> Option<(&str, Confidence)> {
    found.list.first().map(|c| (c.config.as_str(), c.confidence()))
}

fn refused(event: TrailEvent) -> TrailEvent {
    TrailEvent { error: Some(t("ValidationException")), ..event }
}

fn details(snapshot: &mut Snapshot) -> &mut mldeck_core::resource::endpoint::Details {
    snapshot.endpoint.details.get_or_insert_default()
}

/// Events newest first, as CloudTrail delivers them.
type Story = (&'static str, Vec<TrailEvent>, Option<(&'static str, Confidence)>, bool);

fn stories() -> Vec<Story> {
    let create = |config: &str| TrailEvent { name: t("CreateEndpoint"), ..event(at("01T08:00:00"), config, "ci") };
    let live = || event(at("01:29:00"), LIVE, "ci");
    let before = || event(at("14T09:00:00"), BEFORE, "ci");
    use Confidence::{Guess, Strong};
    vec![
        ("plain", vec![live(), before(), create(OLDER)], Some((BEFORE, Strong)), true),
        (
            "a refused update in between changes nothing",
            vec![live(), refused(event(at("01:10:00"), BAD, "ci")), before()],
            Some((BEFORE, Strong)),
            true,
        ),
        (
            "a refused update after the live one changes nothing",
            vec![refused(event(at("02:00:00"), BAD, "ci")), live(), before()],
            Some((BEFORE, Strong)),
            true,
        ),
        ("delivered out of order", vec![before(), live(), create(OLDER)], Some((BEFORE, Strong)), true),
        ("delivered twice", vec![live(), live(), before(), before()], Some((BEFORE, Strong)), true),
        (
            "the same config deployed again",
            vec![live(), event(at("00:10:00"), LIVE, "ci"), before()],
            Some((BEFORE, Strong)),
            true,
        ),
        (
            "changes of another endpoint",
            vec![live(), TrailEvent { endpoint: t("fraud-qa"), ..event(at("00:10:00"), BAD, "ci") }, before()],
            Some((BEFORE, Strong)),
            true,
        ),
        (
            "a change of weights names no config",
            vec![
                TrailEvent {
                    name: t("UpdateEndpointWeightsAndCapacities"),
                    config: None,
                    ..event(at("02:00:00"), LIVE, "anna")
                },
                live(),
                before(),
            ],
            Some((BEFORE, Strong)),
            true,
        ),
        (
            "another operator's config in between is the previous one",
            vec![live(), event(at("01:00:00"), BAD, "bob"), before()],
            Some((BAD, Strong)),
            true,
        ),
        (
            "gone back before: what was left is not the previous one",
            vec![live(), event(at("20T10:00:00"), BAD, "ci"), event(at("19T10:00:00"), LIVE, "ci"), before()],
            Some((BEFORE, Strong)),
            true,
        ),
        (
            "the endpoint was made anew: the old one's configs are another story",
            vec![live(), TrailEvent { name: t("CreateEndpoint"), ..event(at("20T08:00:00"), BAD, "ci") }, before()],
            Some((BAD, Strong)),
            true,
        ),
        (
            "the newest change is not shown yet: late",
            vec![before(), create(OLDER)],
            // By age and look only; the trail's last is no more than a guess.
            Some((BEFORE, Guess)),
            false,
        ),
        (
            "a change the trail never saw",
            vec![event(at("02:00:00"), BAD, "bob"), live(), before()],
            Some((BEFORE, Guess)),
            false,
        ),
        ("nothing at all: a look-alike, older than what is live", vec![], Some((BEFORE, Guess)), false),
    ]
}

#[test]
fn cloudtrail_stories() {
    for (story, events, wanted, complete) in stories() {
        let found = judge(&History::default(), |snapshot| snapshot.trail = Some(Ok(events)));
        assert_eq!(first(&found), wanted, "{story}: {found:#?}");
        assert_eq!(found.gaps.is_empty(), complete, "{story}: {:?}", found.gaps);
        assert!(found.list.iter().all(|c| c.config != LIVE), "{story}");
    }
}

#[test]
fn a_config_that_was_only_ever_refused_is_no_candidate_by_trail() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = Some(Ok(vec![event(at("01:29:00"), LIVE, "ci"), refused(event(at("01:10:00"), BAD, "ci"))]));
    });
    assert!(found.list.iter().all(|c| c.config != BAD), "{found:#?}");
}

#[test]
fn a_deployment_that_aws_took_back_is_known_as_such() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = Some(Ok(vec![
            event(at("02:00:00"), BAD, "ci"),
            event(at("01:29:00"), LIVE, "ci"),
            event(at("14T09:00:00"), BEFORE, "ci"),
        ]));
        details(snapshot).failure = Some(t("alarm fraud-5xx went off"));
    });
    assert_eq!(first(&found), Some((BEFORE, Confidence::Strong)));
    assert_eq!(found.gaps, [""; 0]);
}

#[test]
fn our_own_way_back_that_aws_took_back_stays_a_candidate_with_a_warning() {
    let history = History {
        moves: vec![our_move(LIVE, BEFORE, at("02:00:00"), OperationState::RolledBack)],
        ..History::default()
    };
    let found = judge(&history, |snapshot| {
        snapshot.trail = Some(Ok(vec![
            event(at("02:00:00"), BEFORE, "anna"),
            event(at("01:29:00"), LIVE, "ci"),
            event(at("14T09:00:00"), BEFORE, "ci"),
            event(at("02T09:00:00"), OLDER, "ci"),
        ]));
        details(snapshot).failure = Some(t("alarm fraud-5xx went off"));
    });
    let before = found.list.iter().find(|c| c.config == BEFORE).unwrap();
    assert_eq!(before.taken_back, Some(at("02:00:00")));
    assert_eq!(before.agree, (1, 1));
    assert_eq!(first(&found).map(|(config, _)| config), Some(OLDER), "{found:#?}");
}

#[test]
fn while_it_deploys_the_trail_still_explains_what_is_live() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = Some(Ok(vec![
            event(at("02:20:00"), BAD, "ci"),
            event(at("01:29:00"), LIVE, "ci"),
            event(at("14T09:00:00"), BEFORE, "ci"),
        ]));
        details(snapshot).pending = Some(Pending { config: t(BAD), ..Pending::default() });
    });
    assert_eq!(first(&found), Some((BEFORE, Confidence::Strong)));
}

#[test]
fn the_ledger_and_the_trail_agree() {
    let found = judge(&fixture::history(), |_| {});
    let best = &found.list[0];
    assert_eq!((best.config.as_str(), best.label.as_str(), best.agree), (BEFORE, "v17", (2, 2)));
    assert_eq!(best.served, (Some(at("14T09:00:00")), Some(at("01:30:00"))));
    assert_eq!(best.found_by().split("; ").last(), Some("2 of 2 sources agree"));
    let names: Vec<&str> = found.list.iter().map(|c| c.config.as_str()).collect();
    assert_eq!(names, [BEFORE, OLDER]);
}

#[test]
fn after_a_way_back_the_bad_one_is_not_the_previous_one() {
    // v18 was live, anna went back to v17; now v17 is in trouble too.
    let history = History {
        moves: vec![
            our_move(OLDER, BEFORE, at("14T09:00:00"), OperationState::Done),
            our_move(BEFORE, LIVE, at("01:29:00"), OperationState::Done),
            our_move(LIVE, BEFORE, at("02:00:00"), OperationState::Done),
        ],
        ..History::default()
    };
    let found = judge(&history, |snapshot| {
        details(snapshot).config = t(BEFORE);
        details(snapshot).tags = vec![(t(TAG_PREVIOUS), t(LIVE))];
        snapshot.trail = None;
    });
    assert_eq!(first(&found), Some((OLDER, Confidence::Strong)), "{found:#?}");
    let bad = found.list.iter().find(|c| c.config == LIVE).unwrap();
    assert_eq!(bad.taken_back, Some(at("02:00:00")));
    assert_eq!(found.list.last().map(|c| c.config.as_str()), Some(LIVE));
}

#[test]
fn a_tag_older_than_the_last_change_is_only_a_guess() {
    let found = judge(&History::default(), |snapshot| details(snapshot).tags = vec![(t(TAG_PREVIOUS), t(OLDER))]);
    assert_eq!(first(&found), Some((BEFORE, Confidence::Strong)));
    let older = found.list.iter().find(|c| c.config == OLDER).unwrap();
    let tag = older.sources.iter().find(|s| s.witness == Witness::Tag).unwrap();
    assert_eq!((tag.confidence, tag.first_choice), (Confidence::Guess, false));
    assert_eq!(found.list[0].agree, (1, 1));
}

#[test]
fn without_a_trail_a_tag_is_fair_evidence() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = None;
        details(snapshot).tags = vec![(t(TAG_PREVIOUS), t(BEFORE))];
    });
    assert_eq!(first(&found), Some((BEFORE, Confidence::Fair)));
}

#[test]
fn a_ledger_that_does_not_lead_to_what_is_live_is_an_old_story() {
    let history =
        History { moves: vec![our_move(OLDER, BEFORE, at("14T09:00:00"), OperationState::Done)], ..History::default() };
    let found = judge(&history, |snapshot| snapshot.trail = None);
    assert_eq!(first(&found), Some((BEFORE, Confidence::Guess)));
    assert_eq!(found.list[0].agree, (0, 0));
}

#[test]
fn moves_of_other_scopes_and_endpoints_and_failed_ones_say_nothing() {
    let done = OperationState::Done;
    let mut elsewhere = our_move(BAD, LIVE, at("01:30:00"), done);
    elsewhere.scope = mldeck_core::scope::Scope::new("aws", "447100000921", "us-east-1");
    let mut other = our_move(BAD, LIVE, at("01:30:00"), done);
    other.endpoint = t("fraud-qa");
    let refused = our_move(BAD, LIVE, at("01:30:00"), OperationState::Refused);
    let history = History { moves: vec![elsewhere, other, refused], ..History::default() };
    let found = judge(&history, |snapshot| snapshot.trail = None);
    assert!(found.list.iter().all(|c| c.config != BAD), "{found:#?}");
}

#[test]
fn a_denied_trail_is_a_gap_and_not_a_silence() {
    let found = judge(&fixture::history(), |snapshot| {
        let denied = FaultKind::Denied { action: t("cloudtrail:LookupEvents") };
        snapshot.trail = Some(Err(Fault::new(denied, "asking CloudTrail", "")));
    });
    assert_eq!(found.gaps, ["CloudTrail could not be read: no permission (cloudtrail:LookupEvents)"]);
    assert_eq!(first(&found), Some((BEFORE, Confidence::Strong)));
}

#[test]
fn look_alikes_need_the_same_variants_and_family_and_to_be_older() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = None;
        let mut variants = fixture::config(15, 'a', at("01T00:00:00"));
        variants.variants[0].name = t("green");
        let mut family = fixture::config(14, 'a', at("01T00:00:00"));
        family.variants[0].model = Some(t("churn-14"));
        let newer = fixture::config(19, 'x', at("02:00:00"));
        snapshot.configs.extend([variants, family, newer].map(|config| (config.name.clone(), Ok(config))));
        let mut churn = fixture::model(14);
        churn.package = None;
        churn.name = t("churn-14");
        snapshot.models.push((t("churn-14"), Ok(churn)));
        snapshot.models.push((t("fraud-19"), Ok(fixture::model(19))));
    });
    let names: Vec<&str> = found.list.iter().map(|c| c.config.as_str()).collect();
    assert_eq!(names, [BEFORE, OLDER], "newest first, and none that does not fit");
}

#[test]
fn a_deleted_live_config_still_has_look_alikes() {
    let found = judge(&History::default(), |snapshot| {
        snapshot.trail = None;
        snapshot.configs[0].1 = Err(Fault::new(FaultKind::Missing, "describing", ""));
        let mut churn = fixture::config(14, 'a', at("01T00:00:00"));
        churn.variants[0].model = Some(t("churn-14"));
        snapshot.configs.push((churn.name.clone(), Ok(churn)));
    });
    let names: Vec<&str> = found.list.iter().map(|c| c.config.as_str()).collect();
    assert_eq!(names, [BEFORE, OLDER]);
}

#[test]
fn of_two_configs_of_one_version_the_likelier_keeps_the_short_label() {
    let found = judge(&fixture::history(), |snapshot| {
        let twin = fixture::config(17, 'z', at("10T00:00:00"));
        snapshot.configs.push((twin.name.clone(), Ok(twin)));
    });
    let labels: Vec<&str> = found.list.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(labels, ["v17", "v16", "fraud-v17-z"]);
}

proptest::proptest! {
    /// Any order of any events: the live config is never offered, nothing is offered twice, what was only ever refused is
    /// not offered by the trail, and the same facts give the same answer.
    #[test]
    fn any_trail(
        events in proptest::collection::vec((0u8..6, 0i64..40, proptest::bool::ANY, proptest::bool::weighted(0.1)), 0..12),
        live in 0u8..6,
        failed in proptest::bool::ANY,
    ) {
        let name = |n: u8| format!("fraud-v{}-a", 20 + n);
        let trail: Vec<TrailEvent> = events
            .iter()
            .map(|(config, minute, refuse, create)| {
                let mut one = event(at("01:00:00").plus(minute * 60_000), &name(*config), "ci");
                if *create {
                    one.name = t("CreateEndpoint");
                }
                one.event_id = t("");
                if *refuse { refused(one) } else { one }
            })
            .collect();
        let play = || judge(&History::default(), |snapshot| {
            details(snapshot).config = t(&name(live));
            details(snapshot).failure = failed.then(|| t("an alarm went off"));
            snapshot.configs.clear();
            snapshot.trail = Some(Ok(trail.clone()));
        });
        let found = play();
        proptest::prop_assert_eq!(&found, &play());
        let mut names: Vec<&str> = found.list.iter().map(|c| c.config.as_str()).collect();
        proptest::prop_assert!(!names.contains(&name(live).as_str()));
        let accepted = |config: &str| trail.iter().any(|e| e.error.is_none() && e.config.as_ref().is_some_and(|c| *c == config));
        proptest::prop_assert!(names.iter().all(|config| accepted(config)));
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        proptest::prop_assert_eq!(names.len(), count);
    }
}
