//! Arbitrary bytes, and requests of clients with something wrong in them: nothing panics, and what is refused is refused as its
//! protocol says.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../../fuzz/src/asked.rs"]
#[allow(unreachable_pub, reason = "shared with the fuzzer")]
mod asked;

use std::cell::RefCell;

use asked::Protocol;
use mldeck_sandbox::{Options, Scenario, World};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

thread_local! {
    static ACCOUNT: RefCell<World> = RefCell::new(account());
}

fn account() -> World {
    let scenario = Scenario::named("quiet-night").unwrap();
    World::new(Options { seed: scenario.seed, start: scenario.start, scenario })
}

fn answered(protocol: Protocol, data: &[u8]) -> Result<(), TestCaseError> {
    let Some(request) = asked::request(protocol, data) else { return Ok(()) };
    let response = ACCOUNT.with_borrow_mut(|world| world.handle(&request));
    prop_assert_eq!(asked::complaint(&request, &response), None, "{:?}", request);
    Ok(())
}

/// One thing done to bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index, u8),
    Swap(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let words = select(vec![
        &b"null"[..],
        b"{}",
        b"[]",
        b"\"\"",
        b"-1",
        b"1e999",
        b"9223372036854775808",
        b"\xff\xff\xff\xff",
        b"%",
        b"%00",
        b"..",
        b"\\ud800",
        b".member.1000",
        b"\x9f",
        b"\xbf",
        b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    ]);
    let any = any::<Index>;
    prop_oneof![
        (any(), 1..=255_u8).prop_map(|(at, by)| Change::Flip(at, by)),
        any().prop_map(Change::Cut),
        (any(), words).prop_map(|(at, word)| Change::Insert(at, word.to_vec())),
        (any(), vec(proptest::num::u8::ANY, 1..9)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any(), any(), 1..60_u8).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (any(), any()).prop_map(|(from, to)| Change::Swap(from, to)),
    ]
}

fn changed(mut data: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if data.is_empty() {
            break;
        }
        let at = |index: &Index| index.index(data.len());
        match change {
            Change::Flip(index, by) => {
                let at = at(index);
                data[at] ^= by;
            }
            Change::Cut(index) => data.truncate(at(index)),
            Change::Insert(index, bytes) => {
                let at = at(index);
                data.splice(at..at, bytes.iter().copied());
            }
            Change::Repeat(from, to, times) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                let part = data[from..to].repeat(usize::from(*times));
                data.splice(to..to, part);
            }
            Change::Swap(from, to) => {
                let (from, to) = (at(from), at(to));
                data.swap(from, to);
            }
        }
    }
    data
}

fn seeded() -> impl Strategy<Value = (Protocol, Vec<u8>)> {
    let all: Vec<(Protocol, Vec<u8>)> = asked::ALL
        .into_iter()
        .flat_map(|protocol| asked::seeds(protocol).into_iter().map(move |s| (protocol, s)))
        .collect();
    select(all)
}

#[test]
fn what_clients_send_is_understood() {
    for protocol in asked::ALL {
        for seed in asked::seeds(protocol) {
            let request =
                asked::request(protocol, &seed).unwrap_or_else(|| panic!("{protocol:?}: {seed:?} is no request"));
            let response = ACCOUNT.with_borrow_mut(|world| world.handle(&request));
            assert_eq!(asked::complaint(&request, &response), None, "{request:?}");
            // Refused for what it says, if at all: not for how it says it.
            let text = String::from_utf8_lossy(response.body());
            let is_compressed = text.contains("Compressed requests are not understood");
            assert!(
                is_compressed || !text.contains("SerializationException") && !text.contains("UnknownOperation"),
                "{request:?}: {text}"
            );
        }
    }
}

#[test]
fn an_answer_that_is_none_is_noticed() {
    let request = asked::request(Protocol::Json, &asked::seeds(Protocol::Json)[0]).unwrap();
    let response = ACCOUNT.with_borrow_mut(|world| world.handle(&request));
    let mut broken = response.map(|_| bytes::Bytes::from_static(b"<html>"));
    assert!(asked::complaint(&request, &broken).is_some(), "it is no JSON");
    *broken.status_mut() = http::StatusCode::BAD_REQUEST;
    assert!(asked::complaint(&request, &broken).is_some(), "it is no error");
    *broken.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    assert!(asked::complaint(&request, &broken).unwrap().contains("nothing is wrong"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_answered(protocol in select(asked::ALL.to_vec()), data in vec(any::<u8>(), 0..400)) {
        answered(protocol, &data)?;
    }

    #[test]
    fn what_is_nearly_a_request_is_answered((protocol, data) in seeded(), changes in vec(change(), 1..6)) {
        answered(protocol, &changed(data, &changes))?;
    }
}
