//! Accounts of any size, made in memory and always the same: for what is measured without AWS and without a disk.

use mldeck::{
    app::{At, Effect, Model, Msg, Slot, Ticket, update},
    cli::{Global, start},
    config::{self, Environment, Files, Overrides},
};
use mldeck_core::{
    ask::{Answer, Ask},
    fault::{Fault, FaultKind},
    resource::{
        Endpoint,
        endpoint::{Change, Details, EndpointStatus, Variant, Vitals},
    },
    scope::{Identity, Scope},
    series::{Series, Unit},
    text::Text,
    time::{DAY, HOUR, MINUTE, Monotonic, Timestamp},
};

/// Columns and rows of every measurement.
pub const SIZE: (u16, u16) = (200, 50);
/// The account that the sandbox says it is, so that its answer confirms rows from the cache.
pub const ACCOUNT: &str = "447100000921";
pub const REGION: &str = "eu-west-1";

/// Saturday night, on a whole minute.
pub fn start_of_time() -> Timestamp {
    Timestamp::parse("2026-11-21T02:24:00Z").expect("a moment")
}

pub fn scope() -> Scope {
    Scope::new("aws", ACCOUNT, REGION)
}

/// The n-th endpoint as ListEndpoints tells it: one in a hundred is in trouble.
pub fn endpoint(n: usize) -> Endpoint {
    let team = ["fraud", "ranking", "churn", "vision", "intent", "search", "pricing"][n % 7];
    let name = format!("{team}-prod-{n:05}");
    let created = start_of_time().plus(-DAY - (n as i64 % 9_000) * 7 * MINUTE);
    Endpoint {
        arn: Text::new(&format!("arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}")),
        name: Text::new(&name),
        status: if n % 100 == 99 { EndpointStatus::Failed } else { EndpointStatus::InService },
        created,
        modified: created.plus(HOUR),
        details: None,
        vitals: None,
        alarms: Vec::new(),
        change: None,
    }
}

pub fn endpoints(count: usize) -> Vec<Endpoint> {
    (0..count).map(endpoint).collect()
}

/// As every part of a row looks once it was read.
pub fn whole(mut row: Endpoint) -> Endpoint {
    row.details = Some(details(&row.name));
    row.vitals = Some(vitals(&row.name));
    row.change = Some(Change { at: row.modified, by: Text::new("ci-deploy"), config: None });
    row
}

pub fn details(name: &Text) -> Details {
    let variant = Variant {
        name: Text::new("blue"),
        model: Some(Text::new(&format!("{name}-v17"))),
        label: Some(Text::new("fraud v17")),
        instance_type: Some(Text::new("ml.c6i.2xlarge")),
        current_count: Some(4),
        desired_count: Some(4),
        current_weight: Some(1.0),
        desired_weight: Some(1.0),
        ..Variant::default()
    };
    Details { config: Text::new(&format!("{name}-v17-a")), variants: vec![variant], ..Details::default() }
}

/// Differs from name to name, never from minute to minute.
pub fn vitals(name: &Text) -> Vitals {
    let seed = name.as_str().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let base = f64::from(seed % 900) + 20.0;
    Vitals {
        at: start_of_time(),
        invocations_per_min: Some(base * 3.0),
        error_share: Some(0.0001),
        p99_ms: Some(base),
        week_ago_per_min: Some(base * 3.0),
        p99_spark: (0..36).map(|i| (base + f64::from((seed >> (i % 16)) % 13)) as f32).collect(),
    }
}

/// Three hours of one-minute points, as the gateway names them.
pub fn curves(from: Timestamp) -> Vec<Series> {
    let curve = |name: &str, unit: Unit, base: f64| Series {
        name: Text::new(&format!("{name} blue")),
        unit,
        steps: false,
        points: (0..180_i32)
            .map(|i| {
                let x = from.plus(i64::from(i) * MINUTE).millis() as f64;
                (x, base * (1.0 + 0.2 * (f64::from(i) / 9.0).sin()))
            })
            .collect(),
        spacing: Some(MINUTE as f64),
    };
    vec![
        curve("5xx", Unit::Count, 4.0),
        curve("4xx", Unit::Count, 9.0),
        curve("p99", Unit::Milliseconds, 180.0),
        curve("invocations", Unit::PerMinute, 2_300.0),
        curve("cpu", Unit::Percent, 61.0),
        curve("memory", Unit::Percent, 48.0),
    ]
}

/// AWS as one function: it answers at once and always the same, so that nothing on screen has a reason to change.
pub fn answer(ask: &Ask, rows: usize) -> Result<Answer, Fault> {
    Ok(match ask {
        Ask::Identity => Answer::Identity(Identity {
            scope: scope(),
            arn: Text::new(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/anna")),
            source: Text::new("profile prod"),
            expires: None,
        }),
        Ask::Endpoints { .. } => Answer::Endpoints { rows: endpoints(rows), more: None },
        Ask::Details(name) => Answer::Details(vec![(name.clone(), Ok(details(name)))]),
        Ask::Rows { rows, .. } => {
            Answer::Details(rows.iter().map(|row| (row.endpoint.clone(), Ok(details(&row.endpoint)))).collect())
        }
        Ask::Vitals(of) => Answer::Vitals(of.iter().map(|of| (of.endpoint.clone(), vitals(&of.endpoint))).collect()),
        Ask::Alarms => Answer::Alarms(Vec::new()),
        Ask::Changes { .. } => Answer::Changes(Vec::new()),
        Ask::EndpointSeries { from, .. } => Answer::Series(curves(*from)),
        Ask::Executions { .. } => Answer::Executions(Vec::new()),
        Ask::Runs { .. } => Answer::Runs { rows: Vec::new(), more: None },
        Ask::Monitors => Answer::Monitors(Vec::new()),
        other => {
            return Err(Fault::new(FaultKind::Refused, "asking", &format!("no answer to {other:?} is made up here")));
        }
    })
}

/// The program without a terminal, and the account that answers it.
pub struct Deck {
    pub model: Model,
    pub at: At,
    rows: usize,
    /// What was asked so far.
    pub asked: Vec<Slot>,
    /// Effects of other kinds, newest last.
    pub other: usize,
}

impl Deck {
    /// Started, signed in, everything on screen read.
    pub fn open(rows: usize) -> Self {
        let at = At { now: start_of_time(), mono: Monotonic::from_millis(1_000) };
        let setup = config::load(Files::default(), &Environment::default(), Overrides::default());
        let model = start::model(&setup, &Global::default(), None, None, SIZE, at);
        let mut deck = Self { model, at, rows, asked: Vec::new(), other: 0 };
        deck.settle();
        // Changed questions wait for the scrolling to end; then the screen is whole.
        for _ in 0..8 {
            deck.pass(250);
            deck.say(Msg::Wake);
            deck.settle();
        }
        deck
    }

    /// Both clocks go on.
    pub fn pass(&mut self, millis: u64) {
        self.at.mono = self.at.mono.plus(millis);
        self.at.now = self.at.now.plus(i64::try_from(millis).expect("a short while"));
    }

    /// One message, without what follows a burst.
    pub fn say(&mut self, msg: Msg) {
        let effects = update::update(&mut self.model, self.at, msg);
        self.perform(effects);
    }

    /// What the loop does after a burst; every question is answered within it.
    pub fn settle(&mut self) {
        loop {
            let effects = update::settle(&mut self.model, self.at);
            if effects.is_empty() {
                return;
            }
            self.perform(effects);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { slot, ticket, ask } => self.answer(slot, ticket, &ask),
                _ => self.other += 1,
            }
        }
    }

    fn answer(&mut self, slot: Slot, ticket: Ticket, ask: &Ask) {
        self.asked.push(slot);
        let result = answer(ask, self.rows);
        self.say(Msg::Reply { slot, ticket, result });
    }
}
