//! What all desks of a night share: the account, the papers on their disks, and what the rules have seen so far.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use mldeck_core::{ops::plan::Plan, resource::endpoint::EndpointStatus, text::Text, time::SECOND};
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
    /// Calls that change the endpoint: when, and whether AWS said no, so that it can land no more.
    pub sends: Vec<(i64, bool)>,
    /// The last read that showed what the plan stands on.
    pub as_planned: Option<i64>,
    /// The last read that the executor was given.
    pub last: Option<(EndpointStatus, Text)>,
    /// It has been unknown whether the change landed since then.
    pub unknown: Option<i64>,
}

pub struct Scene {
    pub seed: u64,
    pub clock: Clock,
    pub account: Account,
    pub desks: Vec<Seen>,
    net: Dice,
    pub calls: u64,
    pub calm: bool,
    /// `None`: nobody will read it.
    pub trace: Option<String>,
    pub violations: Vec<String>,
}

impl Scene {
    pub fn new(seed: u64, clock: Clock, account: Account, traced: bool) -> Self {
        Self {
            seed,
            clock,
            account,
            desks: Vec::new(),
            net: Dice::new(seed, 3),
            calls: 0,
            calm: false,
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
        if seen.aim.as_ref().is_some_and(|aim| aim.operation == operation) {
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
        let is_main = self.desks[desk].aim.as_ref().is_some_and(|aim| aim.operation == operation);
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
