//! Polling, declared: views say what they want to know and how often; this decides what is asked now.
//!
//! What is in flight is polled often, what is visible is listed, what is immutable is asked once. Nothing here sleeps or
//! spawns: [`Polls::reconcile`] turns wants into effects, [`Polls::next_due`] says when to look again.

use std::collections::BTreeMap;

use mldeck_core::{ask::Ask, fault::Fault, time::Monotonic};

use super::{
    msg::{Effect, Slot, Ticket},
    sign_in,
};

/// One thing somebody wants to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    pub slot: Slot,
    pub ask: Ask,
    /// Milliseconds between two answers; `None` for once.
    pub every: Option<u64>,
}

impl Want {
    pub const fn every(slot: Slot, ask: Ask, secs: u64) -> Self {
        Self { slot, ask, every: Some(secs * 1_000) }
    }

    pub const fn once(slot: Slot, ask: Ask) -> Self {
        Self { slot, ask, every: None }
    }
}

#[derive(Clone, Debug)]
struct Poll {
    ask: Ask,
    ticket: Ticket,
    in_flight: bool,
    /// By a view that is there now.
    wanted: bool,
    /// `None`: answered, and wanted once.
    due: Option<Monotonic>,
    failures: u32,
    every: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Polls {
    polls: BTreeMap<Slot, Poll>,
    next_ticket: u64,
    /// Everything slows down by this factor: nobody is looking.
    pub slow: u64,
}

/// A want that changed (the window scrolled) waits this long for the next change before it is asked.
const DEBOUNCE_MS: u64 = 120;
/// A login that somebody renews in another shell is found this soon.
const RENEWED_MS: u64 = 15_000;
/// The longest pause that failures lead to.
const MAX_BACKOFF_MS: u64 = 5 * 60_000;

impl Polls {
    /// Brings what is asked in line with what is wanted. `at` is now.
    pub fn reconcile(&mut self, wants: Vec<Want>, at: Monotonic) -> Vec<Effect> {
        let mut effects = Vec::new();
        let wanted: Vec<Slot> = wants.iter().map(|want| want.slot).collect();
        self.polls.retain(|slot, poll| {
            poll.wanted = wanted.contains(slot);
            let stays = poll.wanted || is_about_rows(*slot);
            if !stays && poll.in_flight {
                effects.push(Effect::Drop(*slot));
            }
            stays
        });
        for want in wants {
            self.want(want, at, &mut effects);
        }
        effects
    }

    fn want(&mut self, want: Want, at: Monotonic, effects: &mut Vec<Effect>) {
        let next = &mut self.next_ticket;
        let poll = self.polls.entry(want.slot).or_insert_with(|| Poll {
            ask: want.ask.clone(),
            ticket: Ticket(0),
            in_flight: false,
            wanted: true,
            due: Some(at),
            failures: 0,
            every: want.every,
        });
        poll.every = want.every;
        match follows(&poll.ask, &want.ask) {
            // With newer times: the next one asks by them.
            Follows::Same => {}
            Follows::Next => poll.due = Some(at),
            // Rows come and go at the edges of a screen while lists arrive: what is on its way is waited for, or in a
            // large account no question would live to its answer.
            Follows::Other if poll.in_flight && overlap(&poll.ask, &want.ask) => return,
            Follows::Other => {
                poll.failures = 0;
                poll.due = Some(at.plus(DEBOUNCE_MS));
            }
        }
        poll.ask = want.ask;
        if poll.due.is_some_and(|due| due <= at) {
            *next += 1;
            poll.ticket = Ticket(*next);
            poll.in_flight = true;
            poll.due = None;
            effects.push(Effect::Ask { slot: want.slot, ticket: poll.ticket, ask: poll.ask.clone() });
        }
    }

    /// Takes note of an answer; false when it is stale and must be dropped.
    pub fn answered(&mut self, slot: Slot, ticket: Ticket, fault: Option<&Fault>, at: Monotonic) -> bool {
        let Some(poll) = self.polls.get_mut(&slot) else { return false };
        if poll.ticket != ticket || !poll.in_flight {
            return false;
        }
        poll.in_flight = false;
        let changed_meanwhile = poll.due.is_some();
        match fault {
            None => poll.failures = 0,
            Some(_) => poll.failures += 1,
        }
        if changed_meanwhile {
            return true;
        }
        let slow = self.slow.max(1);
        poll.due = match (fault, poll.every) {
            (None, every) => every.map(|ms| at.plus(ms * slow)),
            (Some(fault), _) if sign_in::is_renewed_elsewhere(slot, &fault.kind) => Some(at.plus(RENEWED_MS)),
            // What cannot get better by asking again waits for the operator.
            (Some(fault), _) if !fault.is_passing() && poll.failures > 1 => Some(at.plus(MAX_BACKOFF_MS)),
            (Some(fault), every) => {
                let base = every.unwrap_or(5_000).min(20_000);
                let backed_off = base.saturating_mul(1 << poll.failures.min(5)).min(MAX_BACKOFF_MS);
                Some(at.plus(backed_off.max(fault.retry_after.unwrap_or(0))))
            }
        };
        true
    }

    /// `r`: ask again now.
    pub fn refresh(&mut self, at: Monotonic) {
        for poll in self.polls.values_mut().filter(|poll| !poll.in_flight) {
            poll.due = Some(at);
        }
    }

    /// One slot again at this moment, because something changed what it shows.
    pub fn hurry(&mut self, slot: Slot, at: Monotonic) {
        if let Some(poll) = self.polls.get_mut(&slot) {
            poll.due = Some(at);
        }
    }

    /// `Ctrl-C`: give up what is under way. True when there was anything.
    pub fn cancel(&mut self, at: Monotonic) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (slot, poll) in self.polls.iter_mut().filter(|(_, poll)| poll.in_flight) {
            poll.in_flight = false;
            poll.due = poll.every.map(|ms| at.plus(ms));
            effects.push(Effect::Drop(*slot));
        }
        effects
    }

    pub fn is_loading(&self, slot: Slot) -> bool {
        self.polls.get(&slot).is_some_and(|poll| poll.in_flight)
    }

    pub fn next_due(&self) -> Option<Monotonic> {
        self.polls.values().filter(|poll| poll.wanted).filter_map(|poll| poll.due).min()
    }
}

/// Answers are put into rows, which stay when nobody looks at them: the question is not called back, and who comes back to
/// the rows pays for it again when it is due.
const fn is_about_rows(slot: Slot) -> bool {
    matches!(slot, Slot::Details | Slot::Vitals)
}

/// Some rows that the one question is about are in the other as well.
fn overlap(a: &Ask, b: &Ask) -> bool {
    match (a, b) {
        (Ask::Rows { rows: a, .. }, Ask::Rows { rows: b, .. }) => {
            a.iter().any(|row| b.iter().any(|other| row.endpoint == other.endpoint))
        }
        (Ask::Vitals(a), Ask::Vitals(b)) => a.iter().any(|row| b.iter().any(|other| row.endpoint == other.endpoint)),
        _ => false,
    }
}

/// How a question follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// One question at different times: the later one need not be asked now.
    Same,
    /// The next page of a walk, asked at once. At the end of one the walk from the beginning is the same question.
    Next,
    Other,
}

fn follows(a: &Ask, b: &Ask) -> Follows {
    let (from, to) = match (a, b) {
        (Ask::Endpoints { more: a }, Ask::Endpoints { more: b })
        | (Ask::Runs { more: a, .. }, Ask::Runs { more: b, .. }) => (a, b),
        _ if is_same(a, b) => return Follows::Same,
        _ => return Follows::Other,
    };
    if to.is_some() && from != to { Follows::Next } else { Follows::Same }
}

fn is_same(a: &Ask, b: &Ask) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Ask::Changes { .. }, Ask::Changes { .. })
        | (Ask::Executions { .. }, Ask::Executions { .. })
        | (Ask::Jobs { .. }, Ask::Jobs { .. }) => true,
        (
            Ask::EndpointSeries { endpoint: a, variants: x, .. },
            Ask::EndpointSeries { endpoint: b, variants: y, .. },
        ) => a == b && x == y,
        (Ask::Drift { monitor: a, .. }, Ask::Drift { monitor: b, .. }) => a == b,
        (Ask::Logs(a), Ask::Logs(b)) => a.group == b.group && a.pattern == b.pattern && a.from == b.from,
        // The row under the cursor comes first, and a moved cursor must not stop what is under way.
        (Ask::Rows { rows: a, instances: x }, Ask::Rows { rows: b, instances: y }) => {
            x == y && a.len() == b.len() && b.iter().all(|row| a.contains(row))
        }
        // Metrics are paid for by the metric: scrolling back over rows that were just asked for asks nothing.
        (Ask::Vitals(a), Ask::Vitals(b)) => b.iter().all(|row| a.contains(row)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::{fault::FaultKind, text::Text};

    use super::*;

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_millis(ms)
    }

    fn endpoints() -> Vec<Want> {
        vec![Want::every(Slot::Endpoints, Ask::Endpoints { more: None }, 20)]
    }

    fn ticket(effects: &[Effect]) -> Ticket {
        match effects {
            [Effect::Ask { ticket, .. }] => *ticket,
            other => panic!("one ask expected: {other:?}"),
        }
    }

    #[test]
    fn asks_once_waits_for_the_answer_and_asks_again_when_due() {
        let mut polls = Polls::default();
        let first = ticket(&polls.reconcile(endpoints(), at(0)));
        assert_eq!(polls.reconcile(endpoints(), at(50_000)), [], "in flight: never twice");
        assert!(polls.answered(Slot::Endpoints, first, None, at(50_000)));
        assert_eq!(polls.next_due(), Some(at(70_000)));
        assert_eq!(polls.reconcile(endpoints(), at(69_999)), []);
        assert_ne!(ticket(&polls.reconcile(endpoints(), at(70_000))), first);
        assert!(!polls.answered(Slot::Endpoints, first, None, at(70_001)), "a stale ticket is dropped");
    }

    #[test]
    fn a_changed_question_waits_for_the_scrolling_to_end() {
        let mut polls = Polls::default();
        let want = |name: &str| vec![Want::once(Slot::Details, Ask::Details(Text::new(name)))];
        let first = ticket(&polls.reconcile(want("a"), at(0)));
        assert_eq!(polls.reconcile(want("b"), at(10)), []);
        assert_eq!(polls.reconcile(want("c"), at(20)), []);
        let second = ticket(&polls.reconcile(want("c"), at(20 + DEBOUNCE_MS)));
        assert!(!polls.answered(Slot::Details, first, None, at(200)));
        assert!(polls.answered(Slot::Details, second, None, at(201)));
        assert_eq!(polls.next_due(), None, "wanted once");
    }

    #[test]
    fn the_next_page_of_a_walk_is_asked_at_once_and_a_new_walk_when_it_is_due() {
        let mut polls = Polls::default();
        let page =
            |more: Option<&str>| vec![Want::every(Slot::Endpoints, Ask::Endpoints { more: more.map(Text::new) }, 20)];
        let first = ticket(&polls.reconcile(page(None), at(0)));
        assert!(polls.answered(Slot::Endpoints, first, None, at(500)));
        let second = ticket(&polls.reconcile(page(Some("a")), at(500)));
        let fault = Fault::new(FaultKind::Throttled, "listing endpoints", "Rate exceeded");
        assert!(polls.answered(Slot::Endpoints, second, Some(&fault), at(900)));
        assert_eq!(polls.reconcile(page(Some("a")), at(900)), [], "a page that failed waits");
        let again = polls.reconcile(page(Some("a")), at(40_900));
        let [Effect::Ask { ask: Ask::Endpoints { more: Some(more) }, ticket: third, .. }] = &again[..] else {
            panic!("the walk goes on where it was: {again:?}")
        };
        assert_eq!(more.as_str(), "a");
        assert!(polls.answered(Slot::Endpoints, *third, None, at(41_000)));
        assert_eq!(polls.reconcile(page(None), at(41_000)), [], "the walk has ended");
        assert_eq!(polls.next_due(), Some(at(61_000)));
        ticket(&polls.reconcile(page(None), at(61_000)));
    }

    #[test]
    fn what_nobody_wants_any_more_is_cancelled() {
        let mut polls = Polls::default();
        polls.reconcile(endpoints(), at(0));
        assert_eq!(polls.reconcile(Vec::new(), at(1)), [Effect::Drop(Slot::Endpoints)]);
        assert_eq!(polls.next_due(), None);
    }

    #[test]
    fn what_is_told_of_rows_is_not_asked_again_by_who_comes_back_to_them() {
        let mut polls = Polls::default();
        let of = |name: &str| mldeck_core::ask::VitalsOf { endpoint: Text::new(name), variants: Vec::new() };
        let vitals = |name: &str| vec![Want::every(Slot::Vitals, Ask::Vitals(vec![of(name)]), 60)];
        let first = ticket(&polls.reconcile(vitals("a"), at(0)));
        assert!(polls.answered(Slot::Vitals, first, None, at(100)));
        assert_eq!(polls.reconcile(Vec::new(), at(1_000)), []);
        assert_eq!(polls.next_due(), None, "nobody looks");
        assert_eq!(polls.reconcile(vitals("a"), at(2_000)), []);
        assert_eq!(polls.next_due(), Some(at(60_100)));
        ticket(&polls.reconcile(vitals("a"), at(60_100)));
        assert_eq!(polls.reconcile(Vec::new(), at(60_200)), [], "it may come");
        assert_eq!(polls.reconcile(vitals("a"), at(60_300)), [], "it is on its way");
    }

    #[test]
    fn a_question_about_rows_lives_while_any_of_them_is_on_screen() {
        let mut polls = Polls::default();
        let row = |name: &str| mldeck_core::ask::RowOf { endpoint: Text::new(name), at_rest: None };
        let rows = |names: &str| {
            let rows = names.split(' ').map(row).collect();
            vec![Want::every(Slot::Details, Ask::Rows { rows, instances: false }, 15)]
        };
        let first = ticket(&polls.reconcile(rows("a b c"), at(0)));
        assert_eq!(polls.reconcile(rows("b c d"), at(500)), []);
        assert_eq!(polls.reconcile(rows("c d e"), at(1_000)), []);
        assert!(polls.answered(Slot::Details, first, None, at(1_500)), "none of the moves called it back");
        assert_eq!(polls.reconcile(rows("d e"), at(1_500)), []);
        let second = ticket(&polls.reconcile(rows("d e"), at(1_500 + DEBOUNCE_MS)));
        // Far away: nobody looks at those rows now.
        assert_eq!(polls.reconcile(rows("x y"), at(2_000)), []);
        ticket(&polls.reconcile(rows("x y"), at(2_000 + DEBOUNCE_MS)));
        assert!(!polls.answered(Slot::Details, second, None, at(2_500)));
    }

    #[test]
    fn failures_back_off_and_respect_retry_after() {
        let mut polls = Polls::default();
        let mut fault = Fault::new(FaultKind::Throttled, "listing endpoints", "Rate exceeded");
        let first = ticket(&polls.reconcile(endpoints(), at(0)));
        polls.answered(Slot::Endpoints, first, Some(&fault), at(0));
        assert_eq!(polls.next_due(), Some(at(40_000)));
        fault.retry_after = Some(100_000);
        let second = ticket(&polls.reconcile(endpoints(), at(40_000)));
        polls.answered(Slot::Endpoints, second, Some(&fault), at(40_000));
        assert_eq!(polls.next_due(), Some(at(140_000)));
        let denied = Fault::new(FaultKind::Denied { action: Text::new("sagemaker:ListEndpoints") }, "listing", "no");
        let third = ticket(&polls.reconcile(endpoints(), at(140_000)));
        polls.answered(Slot::Endpoints, third, Some(&denied), at(140_000));
        assert_eq!(polls.next_due(), Some(at(140_000 + MAX_BACKOFF_MS)));
    }
}
