//! The status line: one sentence at a time. One that nobody can have read yet is not lost to the next: that waits for its
//! turn, or, where it is a complaint and stands at once, the other comes back after it.

use std::collections::VecDeque;

use mldeck_core::time::Monotonic;

/// How long a sentence stays while nothing else is said, milliseconds; a complaint twice as long.
const STAY: u64 = 6_000;
/// How long it stays at the least while others wait; a complaint twice as long.
const READ: u64 = 2_000;
/// Sentences that wait. Of more the oldest that is no complaint is left out, else the oldest.
const MOST: usize = 4;

/// One sentence in the status line.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub text: String,
    pub bad: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatusLine {
    shown: Option<Shown>,
    waiting: VecDeque<Status>,
}

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    status: Status,
    since: Monotonic,
    /// A key was pressed since: what is said now answers that key, and stands at once.
    read: bool,
}

impl Shown {
    const fn times(&self) -> u64 {
        if self.status.bad { 2 } else { 1 }
    }

    const fn leaves(&self, others: bool) -> Monotonic {
        self.since.plus(self.times() * if others { READ } else { STAY })
    }
}

impl StatusLine {
    pub fn shown(&self) -> Option<&Status> {
        self.shown.as_ref().map(|shown| &shown.status)
    }

    pub fn say(&mut self, status: Status, at: Monotonic) {
        let unread = self.shown.take_if(|shown| !shown.read && shown.status != status);
        self.waiting.retain(|waits| *waits != status);
        match unread {
            None => self.show(status, at),
            Some(covered) if status.bad && !covered.status.bad => {
                self.show(status, at);
                self.wait(covered.status, true);
            }
            Some(stands) => {
                self.shown = Some(stands);
                self.wait(status, false);
            }
        }
    }

    fn wait(&mut self, status: Status, first: bool) {
        if self.waiting.len() >= MOST {
            let least = self.waiting.iter().position(|waits| !waits.bad).unwrap_or(0);
            self.waiting.remove(least);
        }
        if first { self.waiting.push_front(status) } else { self.waiting.push_back(status) }
    }

    /// The operator acts, having seen what stands there.
    pub const fn key(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.read = true;
        }
    }

    /// What has stood long enough gives way.
    pub fn tick(&mut self, at: Monotonic) {
        if self.next_change().is_some_and(|change| change <= at) {
            self.shown = None;
            if let Some(next) = self.waiting.pop_front() {
                self.show(next, at);
            }
        }
    }

    pub fn next_change(&self) -> Option<Monotonic> {
        self.shown.as_ref().map(|shown| shown.leaves(!self.waiting.is_empty()))
    }

    fn show(&mut self, status: Status, since: Monotonic) {
        self.shown = Some(Shown { status, since, read: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Monotonic {
        Monotonic::from_millis(ms)
    }

    fn said(text: &str, bad: bool) -> Status {
        Status { text: text.to_owned(), bad }
    }

    fn text(line: &StatusLine) -> &str {
        line.shown().map_or("", |status| &status.text)
    }

    #[test]
    fn what_nobody_can_have_read_is_not_replaced() {
        let mut line = StatusLine::default();
        line.say(said("one unfinished operation", false), at(0));
        line.say(said("done", false), at(5));
        assert_eq!((text(&line), line.next_change()), ("one unfinished operation", Some(at(READ))));
        line.tick(at(READ - 1));
        assert_eq!(text(&line), "one unfinished operation");
        line.tick(at(READ));
        assert_eq!((text(&line), line.next_change()), ("done", Some(at(READ + STAY))));
        line.tick(at(READ + STAY));
        assert_eq!((text(&line), line.next_change()), ("", None));
    }

    #[test]
    fn a_complaint_stands_at_once_and_what_it_covered_comes_back() {
        let mut line = StatusLine::default();
        line.say(said("one unfinished operation", false), at(0));
        line.say(said("done", false), at(5));
        line.say(said("denied", true), at(6));
        line.say(said("no disk", true), at(7));
        let mut seen = Vec::new();
        while let Some(change) = line.next_change() {
            seen.push((text(&line).to_owned(), change));
            line.tick(change);
        }
        let last = 6 + 2 * READ + READ;
        let wanted = [
            ("denied", 6 + 2 * READ),
            ("one unfinished operation", last),
            ("done", last + READ),
            ("no disk", last + READ + 2 * STAY),
        ];
        assert_eq!(seen, wanted.map(|(text, change)| (text.to_owned(), at(change))));
    }

    #[test]
    fn what_answers_a_key_stands_at_once_and_what_waits_comes_after_it() {
        let mut line = StatusLine::default();
        line.say(said("first", false), at(0));
        line.say(said("second", false), at(0));
        line.key();
        line.say(said("frozen", false), at(10));
        assert_eq!(text(&line), "frozen");
        line.tick(at(10 + READ));
        assert_eq!(text(&line), "second");
    }

    #[test]
    fn a_sentence_waits_once_and_complaints_are_kept_longest() {
        let mut line = StatusLine::default();
        line.say(said("shown", true), at(0));
        for status in [said("a", true), said("b", false), said("c", true), said("d", true), said("a", true)] {
            line.say(status, at(1));
        }
        line.say(said("e", true), at(2));
        let waiting: Vec<&str> = line.waiting.iter().map(|status| status.text.as_str()).collect();
        assert_eq!(waiting, ["c", "d", "a", "e"]);
        line.say(said("shown", true), at(3));
        assert_eq!(line.next_change(), Some(at(3 + 2 * READ)), "said again, it begins anew");
    }
}
