//! What all desks of a night share: the account, the papers on their disks, and what the rules have seen so far.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use bytes::Bytes;
use mldeck_core::{
    ops::plan::Plan,
    resource::endpoint::EndpointStatus,
    text::Text,
    time::{SECOND, Timestamp},
};
use mldeck_sandbox::faults::Delivery;

use super::{account::Account, call::Aim, dice::Dice, line::Clock, paper::Paper, rules};

/// What is known of one desk from outside: its disk, and what it was seen to do.
#[derive(Default)]
pub struct Seen {
    pub name: String,
    pub paper: Paper,
    /// What was shown and confirmed, and what it changes.
    pub plan: Option<Plan>,
    pub aim: Option<Aim>,
    /// A grant of this plan is in the process's hands.
    pub granted: bool,
    /// The current process was told that the journal failed.
    pub told_dead: bool,
    /// Everything that is no read, as it reached AWS.
    pub written: Vec<Written>,
    /// Calls that are the change itself: when, and whether AWS said no, so that it can land no more.
    pub sends: Vec<(i64, bool)>,
    /// The last read that showed what the plan stands on.
    pub as_planned: Option<i64>,
    /// The last read that the executor was given.
    pub last: Option<(EndpointStatus, Text)>,
    /// It has been unknown whether the change landed since then.
    pub unknown: Option<i64>,
    /// When AWS last described what the plan changes.
    pub described: Option<i64>,
    /// When the facts of the plan began to be read.
    pub looked_from: i64,
    /// When the plan was made, where the clock was right.
    pub made: Option<Timestamp>,
    /// The plan was confirmed when it was too old.
    pub too_old: bool,
    pub restarted: bool,
    /// Its operator wanted it stopped.
    pub aborted: bool,
    /// Of each ticket the operation, and how many of it had reached AWS before.
    pub tickets: HashMap<u32, (&'static str, usize)>,
}

/// One write, as it reached AWS.
pub struct Written {
    pub operation: String,
    /// When AWS answered.
    pub answered: Option<i64>,
    /// `None` where nothing was said.
    pub status: Option<u16>,
    pub throttled: bool,
}

impl Seen {
    /// Writes of that operation, oldest first.
    pub fn writes<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = &'a Written> {
        self.written.iter().filter(move |write| write.operation == operation)
    }
}

pub struct Scene {
    pub seed: u64,
    pub clock: Clock,
    pub account: Account,
    pub desks: Vec<Seen>,
    net: Dice,
    pub calls: u64,
    pub calm: bool,
    /// Endpoints whose first version lost its model, and when.
    pub lost: Vec<(String, i64)>,
    /// Runs of the pipeline before the night, and after it.
    pub runs: (usize, usize),
    /// `None`: nobody will read it.
    pub trace: Option<String>,
    pub violations: Vec<String>,
}

impl Scene {
    pub fn new(seed: u64, clock: Clock, mut account: Account, traced: bool) -> Self {
        let count = account.runs();
        let runs = (count, count);
        Self {
            seed,
            clock,
            account,
            desks: Vec::new(),
            net: Dice::new(seed, 3),
            calls: 0,
            calm: false,
            lost: Vec::new(),
            runs,
            trace: traced.then(String::new),
            violations: Vec::new(),
        }
    }

    /// The account lives up to now.
    pub fn live(&mut self) {
        self.account.world.advance_to(self.clock.now());
    }

    /// How long a request and its answer are under way.
    pub fn travel(&mut self) -> (Duration, Duration) {
        let mut leg = || Duration::from_millis(self.net.between(5, 60) as u64);
        (leg(), leg())
    }

    pub fn violation(&mut self, text: &str) {
        let line = format!("seed {}, {} s: {text}", self.seed, self.clock.elapsed() / SECOND);
        self.note(|| format!("VIOLATION {text}"));
        self.violations.push(line);
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        let at = self.clock.elapsed();
        if let Some(trace) = &mut self.trace {
            let _ = writeln!(trace, "{:>9} {}", at, text());
        }
    }

    /// A request reaches AWS.
    pub fn arrives(&mut self, desk: usize, operation: &str, request: &http::Request<Bytes>) {
        self.calls += 1;
        self.note(|| format!("{} > {operation}", desk));
        if rules::is_read(operation) {
            return;
        }
        let found = rules::of_write(self, desk, operation, request);
        for text in found {
            self.violation(&text);
        }
        let at = self.clock.elapsed();
        let seen = &mut self.desks[desk];
        seen.written.push(Written { operation: operation.to_owned(), answered: None, status: None, throttled: false });
        if seen.aim.as_ref().is_some_and(|aim| aim.is(operation)) {
            seen.sends.push((at, false));
        }
    }

    /// The account answered it, one way or another.
    pub fn answered(&mut self, desk: usize, operation: &str, delivery: &Delivery) {
        let status = match delivery {
            Delivery::Answer(answer) | Delivery::Delay(_, answer) | Delivery::Cut(answer) => {
                Some(answer.status().as_u16())
            }
            Delivery::Drop | Delivery::Stall => None,
        };
        self.note(|| {
            format!("{desk} < {operation} {}", status.map_or("nothing".to_owned(), |status| status.to_string()))
        });
        let at = self.clock.elapsed();
        let seen = &mut self.desks[desk];
        if seen.plan.as_ref().is_some_and(|plan| plan.target.kind.describe() == operation) {
            seen.described = Some(at);
        }
        if let Some(write) = seen.written.iter_mut().rev().find(|write| write.operation == operation) {
            (write.answered, write.status, write.throttled) = (Some(at), status, is_throttled(delivery));
        }
        let is_main = self.desks[desk].aim.as_ref().is_some_and(|aim| aim.is(operation));
        if is_main
            && status.is_some_and(|status| (400..500).contains(&status))
            && let Some(send) = self.desks[desk].sends.last_mut()
        {
            send.1 = true;
        }
        if let Some(text) = rules::applied_once(self, desk) {
            self.violation(&text);
        }
    }
}

fn is_throttled(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Answer(answer) if answer.status() == 400 && String::from_utf8_lossy(answer.body()).contains("Throttl"))
}
