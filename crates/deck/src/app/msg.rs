//! What happens, and what is wanted because of it: plain data both ways.

use mldeck_core::{
    ask::{Answer, Ask, CallMade, Sent, Write},
    fault::Fault,
    login::{Code, Step},
    ops::{
        call::Call,
        journal::Record,
        team::{Verdict, Want},
    },
    resource::{Kind, Rows},
    scope::Scope,
    text::Text,
    time::{Monotonic, Timestamp},
};

use crate::{
    config::{Notifications, Setup},
    keys::Key,
    theme::ThemeFile,
};

/// The place on screen that wants data. One live task per slot: the newest wins, the older is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    Identity,
    Endpoints,
    Details,
    Vitals,
    Alarms,
    Changes,
    Executions,
    Runs,
    Monitors,
    Packages,
    Jobs,
    /// The opened endpoint.
    OpenDetails,
    OpenSeries,
    Logs,
    Execution,
    /// The last good execution of the same pipeline, to compare parameters with.
    LastGood,
    RunSeries,
    Drift,
    Raw,
    /// The planner's facts: quick, and with CloudTrail.
    Facts,
    FactsDeep,
    /// Facts of the next of several changes.
    BulkFacts,
}

/// Counts requests. A reply whose ticket is not the slot's current one is stale and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// When something happened, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    pub now: Timestamp,
    pub mono: Monotonic,
}

#[derive(Clone, Debug)]
pub enum Msg {
    /// `burst`: it came with many others at once (a stalled link delivered them), so it is not a person deciding.
    Key {
        key: Key,
        burst: bool,
    },
    Paste(String),
    Resize(u16, u16),
    Focus(bool),
    Reply {
        slot: Slot,
        ticket: Ticket,
        result: Result<Answer, Fault>,
    },
    /// Rows of an earlier session, for first paint.
    Cached {
        scope: Scope,
        kind: Kind,
        rows: Rows,
        as_of: Timestamp,
    },
    /// Rows of this scope are shown from the cache until the identity is known.
    Presumed(Scope),
    /// The whole journal, once at start.
    Ledger(Result<Vec<Record>, Fault>),
    /// This process acts on the plan, or another does.
    Claimed {
        op: Text,
        result: Result<(), Text>,
    },
    /// A record is durable, or could not be made so.
    Journaled {
        op: Text,
        record: Box<Record>,
        result: Result<(), Fault>,
    },
    /// The executor's own read of its endpoint.
    OpRead {
        op: Text,
        ticket: u32,
        result: Result<Answer, Fault>,
    },
    OpSent {
        op: Text,
        ticket: u32,
        sent: Sent,
    },
    /// How the lock that hosts share stands.
    OpLocked {
        op: Text,
        ticket: u32,
        verdict: Box<Verdict>,
    },
    /// How far the journal is in the ledger that hosts share.
    Shared {
        left: usize,
        fault: Option<Fault>,
    },
    /// How far signing in is.
    SignIn {
        ticket: u32,
        result: Result<Step, Fault>,
    },
    /// The frame that first showed this plan whole has been written to the terminal.
    Drawn,
    /// The terminal took nothing for a while: what was typed meanwhile was typed blind.
    Stalled,
    Traffic(Traffic),
    /// The terminal's link turned slow or fast again.
    Lean(bool),
    /// The operator's files were read again.
    Reloaded(Box<Setup>),
    /// The theme that was chosen in an earlier session.
    ThemeRecalled(String),
    /// This theme is on screen now.
    Restyled {
        theme: String,
    },
    Note {
        text: Text,
        bad: bool,
    },
    /// The deadline that the model asked for.
    Wake,
}

impl Msg {
    /// The failures it tells of, each of which becomes a line in the log.
    pub fn faults(&self) -> Vec<&Fault> {
        match self {
            Self::Reply { result: Ok(Answer::Details(all)), .. } => {
                all.iter().filter_map(|(_, result)| result.as_ref().err()).collect()
            }
            Self::Reply { result, .. } | Self::OpRead { result, .. } => result.as_ref().err().into_iter().collect(),
            Self::SignIn { result, .. } => result.as_ref().err().into_iter().collect(),
            Self::Ledger(result) => result.as_ref().err().into_iter().collect(),
            Self::Journaled { result, .. } => result.as_ref().err().into_iter().collect(),
            Self::OpSent { sent: Sent::Refused(fault) | Sent::Unknown(fault), .. } => vec![fault],
            _ => Vec::new(),
        }
    }
}

/// Counters of the gateway, for the `@` view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    pub calls_per_min: f64,
    pub dollars_per_hour: f64,
    pub recent: Vec<CallMade>,
}

/// The counters as the header says them: rounded, and only another when they are off by a whole step. Polls come and go
/// all the time, so that counters of the last minute tremble, and an idle screen would be written for that alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Tens.
    pub calls_per_min: f64,
    /// Steps of two cents.
    pub dollars_per_hour: f64,
}

impl Rates {
    pub fn follow(&mut self, traffic: &Traffic) {
        let step = |shown: &mut f64, now: f64, step: f64| {
            if (now - *shown).abs() >= step {
                *shown = (now / step).round() * step;
            }
        };
        step(&mut self.calls_per_min, traffic.calls_per_min, 10.0);
        step(&mut self.dollars_per_hour, traffic.dollars_per_hour, 0.02);
    }
}

/// What the shell is to do. Plain data: a test can say "pressing `B` here asks for exactly this".
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Ask {
        slot: Slot,
        ticket: Ticket,
        ask: Ask,
    },
    Drop(Slot),
    /// Keep these rows for the next first paint, `worst_first` or in this order.
    Keep {
        scope: Scope,
        rows: Rows,
        worst_first: bool,
        at: Timestamp,
    },
    /// What is kept of this kind was true again at this moment.
    Still {
        scope: Scope,
        kind: Kind,
        at: Timestamp,
    },
    /// Rows of this scope from the last session.
    Recall(Scope),
    /// One process acts on a plan: answered by [`Msg::Claimed`].
    Claim {
        op: Text,
    },
    /// The operation has ended: others may act on its plan again.
    Release {
        op: Text,
    },
    /// Leave to send exactly these calls, given by the person's confirmation. Nothing is sent without it.
    Allow {
        op: Text,
        scope: Scope,
        plan: Text,
        calls: Vec<Call>,
        expires: Timestamp,
    },
    /// No confirmation holds any more: the credentials are somebody else's.
    Disallow,
    /// Sign in as far as it goes without a person, or with the code that one typed: answered by [`Msg::SignIn`].
    SignIn {
        ticket: u32,
        code: Option<Code>,
        anew: bool,
    },
    /// Nobody waits for it.
    SignInDrop,
    Journal {
        op: Text,
        record: Box<Record>,
    },
    OpRead {
        op: Text,
        ticket: u32,
        ask: Ask,
    },
    Send {
        op: Text,
        ticket: u32,
        write: Box<Write>,
    },
    /// Do this about the lock that hosts share: answered by [`Msg::OpLocked`].
    Lock {
        op: Text,
        ticket: u32,
        want: Box<Want>,
    },
    /// Bring what the journal has of this scope into the ledger that hosts share: answered by [`Msg::Shared`].
    Share {
        scope: Scope,
        /// What this host is called there.
        host: Text,
    },
    Copy(Text),
    Notify(String),
    Theme {
        name: String,
    },
    /// Theme files as they are now, the one to show, and how the end of an operation is announced.
    Restyle {
        theme: String,
        themes: Vec<ThemeFile>,
        notifications: Notifications,
    },
    /// Read the operator's files again: answered by [`Msg::Reloaded`].
    Reload,
    Remember {
        key: String,
        value: serde_json::Value,
    },
    Redraw,
    /// To the shell, which shows this line.
    Suspend(Option<String>),
    Quit(u8),
}
