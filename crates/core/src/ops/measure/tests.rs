use super::*;
use crate::fault::FaultKind;

fn minute(n: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).floor(MINUTE).plus(n * MINUTE)
}

fn numbers(minutes: u32, calls: u64, failed: u64, p99: f64) -> Numbers {
    let (from, to) = (minute(0), minute(i64::from(minutes)));
    Numbers { from, to, minutes, calls, failed, refused: 0, p99_ms: Some(p99) }
}

fn verify(recovers: bool) -> Verify {
    Verify { endpoint: Text::new("fraud-prod"), alarms: Vec::new(), recovers }
}

fn told(before: Numbers, after: Numbers, recovers: bool) -> (Verdict, String) {
    let judged = judge(Measured { before, after, alarms: Vec::new() }, &verify(recovers), true);
    (judged.verdict, judged.why)
}

fn with_alarms(states: &[(&str, Option<AlarmState>)], recovers: bool, held: bool) -> Judged {
    let alarms = states.iter().map(|(name, state)| (Text::new(name), state.clone())).collect();
    let (before, after) = (numbers(15, 1_500, 0, 40.0), numbers(5, 500, 0, 40.0));
    judge(Measured { before, after, alarms }, &verify(recovers), held)
}

#[test]
fn an_interval_is_wilsons() {
    // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    let known = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)];
    for (hits, calls, least, largest) in known {
        let (low, high) = interval(hits, calls);
        assert!((low - least).abs() < 1e-4 && (high - largest).abs() < 1e-4, "{hits} of {calls}: {low} to {high}");
    }
    assert_eq!(interval(0, 0), (0.0, 1.0));
}

#[test]
fn enough_calls_without_a_failure_are_good_and_say_how_many() {
    let (verdict, why) = told(numbers(15, 1_500, 140, 120.0), numbers(4, 400, 0, 41.0), true);
    assert_eq!(verdict, Verdict::Good);
    assert_eq!(
        why,
        "0 of 400 calls failed, p99 41 ms (140 of 1 500 calls failed, p99 120 ms before); no alarm watches it"
    );
}

#[test]
fn too_few_calls_tell_nothing_whatever_they_say() {
    let (verdict, why) = told(numbers(15, 60, 0, 40.0), numbers(4, 20, 0, 40.0), false);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(why.starts_with("20 calls leave open that up to 16 % fail; 0 of 20 calls failed"), "{why}");
    let (verdict, why) = told(numbers(15, 60, 0, 40.0), numbers(4, 20, 1, 40.0), false);
    assert_eq!(verdict, Verdict::Inconclusive, "one in twenty is no rate: {why}");
    let (verdict, why) = told(numbers(15, 1_500, 0, 40.0), numbers(0, 0, 0, 40.0), false);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(why.starts_with("nobody calls it"), "{why}");
    let (verdict, why) = told(numbers(15, 1_500, 0, 40.0), numbers(2, 2_000, 0, 40.0), false);
    assert_eq!((verdict, why.starts_with("2 of 3 minutes with calls")), (Verdict::Inconclusive, true), "{why}");
}

#[test]
fn a_share_that_the_sample_proves_is_bad() {
    let (verdict, why) = told(numbers(15, 1_500, 1, 40.0), numbers(4, 400, 40, 40.0), false);
    assert_eq!(verdict, Verdict::Bad);
    assert!(why.starts_with("10 % of 400 calls fail; 40 of 400"), "{why}");
    let refused = Numbers { refused: 200, ..numbers(4, 400, 0, 40.0) };
    let (verdict, why) = told(numbers(15, 1_500, 0, 40.0), refused, false);
    assert_eq!((verdict, why.starts_with("50 % of 400 calls are refused (4xx)")), (Verdict::Bad, true), "{why}");
}

#[test]
fn what_was_usual_before_is_no_fault_of_a_new_version_and_no_excuse_for_a_way_back() {
    let (before, after) = (numbers(15, 15_000, 750, 40.0), numbers(5, 5_000, 250, 40.0));
    let (verdict, why) = told(before.clone(), after.clone(), false);
    assert_eq!((verdict, why.starts_with("no worse than before: 250 of")), (Verdict::Good, true), "{why}");
    assert_eq!(told(before.clone(), after.clone(), true).0, Verdict::Bad);
    let worse = Numbers { failed: 500, ..after };
    assert_eq!(told(before, worse, false).0, Verdict::Bad);
}

#[test]
fn a_latency_that_is_felt_is_bad_but_not_where_the_time_before_was_the_trouble() {
    let (before, after) = (numbers(15, 1_500, 0, 40.0), numbers(5, 500, 0, 90.0));
    let (verdict, why) = told(before.clone(), after.clone(), false);
    assert_eq!((verdict, why.starts_with("p99 is 90 ms and was 40 ms")), (Verdict::Bad, true), "{why}");
    assert_eq!(told(before, after, true).0, Verdict::Good);
    let small = told(numbers(15, 1_500, 0, 4.0), numbers(5, 500, 0, 9.0), false);
    assert_eq!(small.0, Verdict::Good, "five milliseconds more are no trouble");
}

#[test]
fn an_alarm_decides_and_one_without_data_holds() {
    let ringing = [("5xx", Some(AlarmState::Alarm)), ("p99", Some(AlarmState::Ok))];
    let judged = with_alarms(&ringing, false, false);
    assert_eq!((judged.verdict, judged.why.starts_with("5xx in ALARM;")), (Verdict::Bad, true), "{}", judged.why);
    let judged = with_alarms(&ringing, true, false);
    assert_eq!(judged.verdict, Verdict::Inconclusive, "it may ring for the time before");
    assert!(judged.why.starts_with("5xx still in ALARM"), "{}", judged.why);
    assert_eq!(with_alarms(&ringing, true, true).verdict, Verdict::Bad, "and not for ever");
    for state in [Some(AlarmState::InsufficientData), None] {
        let judged = with_alarms(&[("5xx", state)], false, true);
        assert_eq!(judged.verdict, Verdict::Inconclusive, "{}", judged.why);
    }
    let judged = with_alarms(&[("5xx", Some(AlarmState::Ok))], false, true);
    assert!(judged.verdict == Verdict::Good && judged.why.ends_with("its alarm is quiet"), "{}", judged.why);
}

#[test]
fn minutes_of_all_variants_are_added_and_their_latencies_weighed() {
    let stretch = Stretch { variants: vec![Text::new("a"), Text::new("b")], from: minute(0), to: minute(3) };
    let calls = [(minute(0), 100.0), (minute(1), 10.0), (minute(2), 0.0), (minute(0), 50.0), (minute(3), 900.0)];
    let p99 = [(minute(0), 40_000.0), (minute(1), 900_000.0)];
    let found = Numbers::of(&stretch, &calls, &[(minute(0), 2.0)], &[], &p99);
    assert_eq!((found.calls, found.failed, found.minutes), (160, 2, 2), "the minute after the stretch is none of it");
    assert_eq!(found.p99_ms, Some(40.0), "ten slow calls are not the rule");
    let none = Numbers::of(&stretch, &[], &[], &[], &[]);
    assert_eq!((none.sentence(), none.p99_ms), ("no call in 3 min".to_owned(), None));
}

#[test]
fn a_stretch_is_of_whole_minutes_and_ends() {
    let from = minute(0).plus(20_000);
    assert_eq!(stretch_after(from, minute(1)), (minute(1), minute(1)), "nothing yet");
    assert_eq!(stretch_after(from, minute(4).plus(30_000)), (minute(1), minute(3)), "the last minute is not whole");
    assert_eq!(stretch_after(from, minute(90)), (minute(1), minute(16)), "fifteen minutes");
}

#[test]
fn what_cannot_be_read_is_inconclusive_and_says_why() {
    let action = Text::new("cloudwatch:GetMetricData");
    let judged = Judged::unread(&Fault::new(FaultKind::Denied { action }, "reading metrics", ""));
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert!(judged.why.contains("cloudwatch:GetMetricData"), "{}", judged.why);
}
