//! The only mutable state of the program. `update` and what it calls changes it; views read it.

use std::collections::HashMap;

use mldeck_core::{
    ask::TrailEvent,
    fault::{Fault, FaultKind, Login},
    ops::{intent::Class, team::Owner},
    resource::{Alarm, Endpoint, Execution, Job, ModelPackage, Monitor, Operation, Run},
    scope::{Identity, Scope},
    text::Text,
    time::{Monotonic, Timestamp},
};

use super::{
    layers::Layer,
    msg::{At, Effect, Rates, Slot, Traffic},
    nav::Nav,
    ops::Operations,
    pane::{Pane, View, list, table::Table},
    polls::Polls,
    sign_in::SignIns,
    status::{Status, StatusLine},
    target::Target,
};
use crate::{
    config::{Config, Setup},
    keys::{Key, Keymap},
    theme::Theme,
};

pub struct Model {
    pub at: At,
    pub size: (u16, u16),
    pub session: Session,
    pub keymap: Keymap,
    /// Keys of an unfinished sequence.
    pub pending: Vec<Key>,

    pub endpoints: Table<Endpoint>,
    pub executions: Table<Execution>,
    pub runs: Table<Run>,
    pub packages: Table<ModelPackage>,
    pub jobs: Table<Job>,
    pub monitors: Table<Monitor>,
    pub ledger: Table<Operation>,
    pub alarms: Vec<Alarm>,
    pub alarms_read: bool,
    /// CloudTrail's events about endpoints, newest first.
    pub changes: Vec<TrailEvent>,

    pub nav: Nav,
    pub layers: Vec<Layer>,
    pub polls: Polls,
    pub ops: Operations,
    pub sign_ins: SignIns,
    pub traffic: Traffic,
    pub rates: Rates,
    pub status: StatusLine,
    /// `f`: rows stand still; answers wait.
    pub frozen: bool,
    pub lean: bool,
    pub link: Link,
    pub theme: String,
    /// By a flag, a file, or the operator in this session: what was chosen before counts no more.
    pub theme_chosen: bool,
    pub themes: Vec<String>,
    pub clipboard: bool,
    /// Where what went wrong is written down; `None` without a log.
    pub log: Option<Text>,
    /// When `Ctrl-C` was last pressed: twice quits.
    pub cancelled_at: Option<Monotonic>,
    pub focused: bool,
    /// When the details of an endpoint were last read.
    pub details_read: HashMap<Text, Timestamp>,
    /// What the command line named, until it is found.
    pub target: Option<Target>,
    /// Effects of a view's own text field, taken after the message.
    pub later: Vec<Effect>,
    /// Views that a command wants on top, opened when the current one has been put back.
    pub opening: Vec<View>,
}

/// Who we are and what we may do.
#[derive(Clone, Debug)]
pub struct Session {
    pub identity: Option<Result<Identity, Fault>>,
    /// Who it was last, also while nobody is signed in.
    pub known: Option<Identity>,
    /// Whose cached rows are shown before the identity is known.
    pub presumed: Option<Scope>,
    /// As asked for by flag or file, shown until the identity is known.
    pub profile: Option<String>,
    pub region: Option<String>,
    pub endpoint_url: Option<String>,
    /// By flag, environment or file: cannot be armed, and cannot be taken back.
    pub read_only: bool,
    pub armed: Option<Armed>,
    /// Accounts as the config classifies them.
    pub classes: Vec<(String, Class, String)>,
    /// How many things one confirmation may change in production.
    pub bulk_in_production: usize,
    pub sandbox: Option<SandboxNote>,
    /// This process, as the lock that hosts share names it; `None` without a team.
    pub owner: Option<Owner>,
}

/// Whether the account answers, by the last list or identity that was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Nothing was heard yet.
    Connecting,
    /// Something was, be it a refusal.
    Live,
    Lost(FaultKind),
    /// Nobody is asked: the setup or the credentials are missing.
    Off,
}

/// What the header says about the demo.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxNote {
    pub scenario: String,
    pub speed: f64,
}

/// Write mode of one scope until a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Armed {
    pub scope: Scope,
    pub until: Monotonic,
}

impl Session {
    /// Of nobody yet; what the config says about accounts is known.
    pub fn new(config: &Config) -> Self {
        Self {
            identity: None,
            known: None,
            presumed: None,
            profile: None,
            region: None,
            endpoint_url: None,
            read_only: config.read_only,
            armed: None,
            classes: config.classes(),
            bulk_in_production: config.bulk_in_production,
            sandbox: None,
            owner: None,
        }
    }

    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()?.as_ref().ok()
    }

    pub fn scope(&self) -> Option<&Scope> {
        self.identity().map(|identity| &identity.scope)
    }

    /// An account that no rule classifies is production.
    pub fn class(&self) -> Class {
        let account = self.scope().map(|scope| scope.account.as_str()).unwrap_or_default();
        self.classes.iter().find(|(id, ..)| id == account).map_or(Class::Prod, |(_, class, _)| *class)
    }

    pub fn account_name(&self) -> Option<&str> {
        let account = self.scope()?.account.as_str();
        self.classes.iter().find(|(id, ..)| id == account).map(|(_, _, name)| name.as_str())
    }

    pub fn is_armed(&self, mono: Monotonic) -> bool {
        self.armed.as_ref().is_some_and(|armed| Some(&armed.scope) == self.scope() && mono < armed.until)
    }
}

impl Model {
    /// The first one: nothing known but the configuration and what was asked for.
    pub fn new(setup: &Setup, session: Session, target: Option<Target>, size: (u16, u16), at: At) -> Self {
        Self {
            at,
            size,
            session,
            keymap: setup.keymap.clone(),
            pending: Vec::new(),
            endpoints: list::endpoints(),
            executions: list::executions(),
            runs: list::runs(),
            packages: list::packages(),
            jobs: list::jobs(),
            monitors: list::monitors(),
            ledger: list::ledger(),
            alarms: Vec::new(),
            alarms_read: false,
            changes: Vec::new(),
            nav: Nav::new(Pane::Endpoints),
            layers: Vec::new(),
            polls: Polls::default(),
            ops: Operations::default(),
            sign_ins: SignIns::default(),
            traffic: Traffic::default(),
            rates: Rates::default(),
            status: StatusLine::default(),
            frozen: false,
            lean: false,
            link: Link::Connecting,
            theme: String::new(),
            theme_chosen: setup.config.names_theme,
            themes: Theme::names(&setup.themes),
            log: None,
            clipboard: setup.config.clipboard,
            cancelled_at: None,
            focused: true,
            details_read: HashMap::new(),
            target,
            later: Vec::new(),
            opening: Vec::new(),
        }
    }

    /// A request was answered, or was not. Only lists and the identity tell whether the account is in reach: a single
    /// service behind another address (S3, CloudTrail) says so where it is missing.
    pub fn heard(&mut self, slot: Slot, fault: Option<&Fault>) {
        if matches!(
            slot,
            Slot::Identity
                | Slot::Endpoints
                | Slot::Executions
                | Slot::Runs
                | Slot::Monitors
                | Slot::Packages
                | Slot::Jobs
        ) {
            self.link = match fault.map(|fault| &fault.kind) {
                Some(kind @ (FaultKind::Network | FaultKind::Timeout)) => Link::Lost(kind.clone()),
                Some(FaultKind::Setup | FaultKind::Login(Login::None | Login::Code | Login::Browser)) => Link::Off,
                _ => Link::Live,
            };
        }
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.status.say(Status { text: text.into(), bad: false }, self.at.mono);
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        self.status.say(Status { text: text.into(), bad: true }, self.at.mono);
    }

    /// For a view that is being handled: it cannot push onto the stack it was taken from.
    pub fn open_later(&mut self, view: View) {
        self.opening.push(view);
    }

    /// Another account or region: nothing of before may stay on screen.
    pub fn forget_rows(&mut self) {
        self.endpoints = list::endpoints();
        self.executions = list::executions();
        self.runs = list::runs();
        self.packages = list::packages();
        self.jobs = list::jobs();
        self.monitors = list::monitors();
        self.alarms.clear();
        self.alarms_read = false;
        self.changes.clear();
        self.details_read.clear();
        let pane = self.nav.pane();
        self.nav = Nav::new(pane);
        self.layers.clear();
    }

    /// Account milliseconds in one of ours.
    pub fn speed(&self) -> f64 {
        self.session.sandbox.as_ref().map_or(1.0, |note| note.speed.max(0.001))
    }

    pub fn now(&self) -> Timestamp {
        self.at.now
    }

    /// Who changed this endpoint last, as far as CloudTrail and our own ledger tell.
    pub fn last_change(&self, endpoint: &Text) -> Option<mldeck_core::resource::endpoint::Change> {
        self.changes.iter().filter(|event| &event.endpoint == endpoint).find_map(TrailEvent::change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment, Files, Overrides};

    #[test]
    fn only_an_account_that_answers_is_called_live() {
        let setup = config::load(Files::default(), &Environment::default(), Overrides::default());
        let mut model = Model::new(&setup, Session::new(&setup.config), None, (160, 40), At::default());
        assert_eq!(model.link, Link::Connecting);
        let denied = FaultKind::Denied { action: Text::new("sagemaker:ListEndpoints") };
        let heard = [
            (FaultKind::Setup, Link::Off),
            (denied, Link::Live),
            (FaultKind::Network, Link::Lost(FaultKind::Network)),
            (FaultKind::Login(Login::Expired), Link::Live),
            (FaultKind::Login(Login::None), Link::Off),
            (FaultKind::Login(Login::Browser), Link::Off),
            (FaultKind::Timeout, Link::Lost(FaultKind::Timeout)),
        ];
        for (kind, link) in heard {
            model.heard(Slot::Endpoints, Some(&Fault::new(kind.clone(), "listing endpoints", "")));
            assert_eq!(model.link, link, "{kind:?}");
        }
        model.heard(Slot::OpenSeries, Some(&Fault::new(FaultKind::Network, "reading metrics", "")));
        assert_eq!(model.link, Link::Lost(FaultKind::Timeout), "one service is not the account");
        model.heard(Slot::Identity, None);
        assert_eq!(model.link, Link::Live);
    }
}
