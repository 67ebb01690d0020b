//! The same script on moto's account and on ours. What differs is listed in `differences.txt`, with who is right and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::peers::{Peers, Served};

/// Step, what ours says, what moto says, who is right and why; between tabs.
const KNOWN: &str = include_str!("differences.txt");

#[test]
fn where_moto_and_the_sandbox_differ_is_known_and_why() {
    let Some(peers) = Peers::find() else { return };
    let (ours, moto) = (Served::sandbox("quiet-night", 1), peers.moto());
    let [ours, moto] = [&ours, &moto].map(|server| peers.script("both.py", &server.address, &[]));
    let steps = |said: &Value| said["steps"].as_object().expect("steps").clone();
    let (ours, moto) = (steps(&ours), steps(&moto));
    assert!(ours.len() > 50 && ours.keys().eq(moto.keys()), "both went the whole way");
    let differ: BTreeMap<&str, (String, String)> = ours
        .iter()
        .map(|(step, said)| (step.as_str(), (said.to_string(), moto[step].to_string())))
        .filter(|(_, (ours, moto))| ours != moto)
        .collect();
    let known: BTreeMap<&str, (String, String)> = KNOWN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [step, ours, moto, why] if !why.is_empty() => (step, (ours.to_owned(), moto.to_owned())),
            _ => panic!("four fields are wanted: {line:?}"),
        })
        .collect();
    let told = |of: &BTreeMap<&str, (String, String)>, not: &BTreeMap<&str, (String, String)>| {
        let only = of.iter().filter(|(step, said)| not.get(*step) != Some(said));
        only.map(|(step, (ours, moto))| format!("{step}\t{ours}\t{moto}\t")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(&differ, &known), "", "differences nobody has judged");
    assert_eq!(told(&known, &differ), "", "differences that are none any more");
}
