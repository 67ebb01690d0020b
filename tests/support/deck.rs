//! The whole deck without a terminal: the model as `mldeck demo` builds it, the gateway on a world in this process, cache
//! and journal on disk, and a loop that a test drives by keys.
//!
//! Both clocks stand still until a test moves them, so a story reads the same on every machine: keys come 60 ms apart,
//! polls fall due when [`Deck::advance`] says so, and nothing waits for wall time but an answer that is on its way.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use mldeck::{
    app::{
        At, Effect, Model, Msg, Scope, Slot, Ticket,
        target::Target,
        update::{self, settle},
        wake,
    },
    backends::{self, Sandbox},
    cli::{Demo, Global, start},
    config::{Overrides, Sources},
    keys::Key,
    run::{
        clock,
        effects::{Gate, Runner},
        keep::Keep,
    },
    store::Folders,
    term::{Caps, caps::Depth},
    theme::{Theme, ThemeFile},
    ui,
};
use mldeck_core::{
    ask::Answer,
    ops::team::Owner,
    scope::Identity,
    text::Text,
    time::{Monotonic, Timestamp},
};
use mldeck_sandbox::{
    World,
    faults::{Kind as FaultKind, Rule},
};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

/// Between two keys of one hand, milliseconds.
const HAND: u64 = 60;
/// How long an answer may take in wall time before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Virtual milliseconds that `sees` may let pass: a scrolled window is asked for only when the scrolling has ended.
const GLANCE: u64 = 3_000;
/// The gateway's pace: a demo's clock may run this fast, and so may its asking.
const PACE: f64 = 3_600.0;

/// What to start.
#[derive(Clone)]
pub struct Options {
    pub scenario: &'static str,
    pub seed: Option<u64>,
    pub size: (u16, u16),
    pub theme: &'static str,
    pub caps: Caps,
    pub target: Option<&'static str>,
    pub read_only: bool,
    /// Account seconds in one of ours, as `--speed`.
    pub speed: f64,
    /// A `config.toml`.
    pub config: Option<&'static str>,
}

impl Options {
    pub const fn of(scenario: &'static str) -> Self {
        Self {
            scenario,
            seed: None,
            size: (140, 44),
            theme: "dark",
            caps: Caps { depth: Depth::True, unicode: true, lean: false },
            target: None,
            read_only: false,
            speed: 1.0,
            config: None,
        }
    }

    pub const fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    pub const fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    pub const fn target(mut self, target: &'static str) -> Self {
        self.target = Some(target);
        self
    }

    pub const fn config(mut self, config: &'static str) -> Self {
        self.config = Some(config);
        self
    }

    pub const fn theme(mut self, theme: &'static str, caps: Caps) -> Self {
        self.theme = theme;
        self.caps = caps;
        self
    }

    /// Starts on an account of its own, in a folder of its own.
    pub fn start(self) -> Deck {
        let sandbox = Sandbox::new(self.scenario, self.seed, 1.0).expect("the scenario is known");
        sandbox.clock.lock().unwrap_or_else(PoisonError::into_inner).pause(clock::instant());
        let home = tempfile::tempdir().expect("a folder for the deck");
        Deck::launch(&self, sandbox, Arc::new(home), Monotonic::from_millis(1_000))
    }
}

pub struct Deck {
    pub model: Model,
    pub theme: Theme,
    user_themes: Vec<ThemeFile>,
    pub caps: Caps,
    options: Options,
    sandbox: Sandbox,
    home: Arc<tempfile::TempDir>,
    runner: Runner,
    replies: UnboundedReceiver<Msg>,
    mono: Monotonic,
    /// When the newest frame was written out; `None` while the link is stalled.
    shown: Option<Monotonic>,
    stalled: bool,
    open: Open,
    /// Answers to this slot do not arrive until they are let through.
    held: Option<(Slot, Vec<Msg>)>,
    effects: Vec<Effect>,
    ended: Option<u8>,
    runtime: Option<Runtime>,
}

/// What was asked and not answered yet.
#[derive(Debug, Default)]
struct Open {
    asks: HashMap<Slot, Ticket>,
    /// Reads, writes and journal entries of operations; files that are read again.
    others: usize,
    /// The journal is read once at start.
    journal: bool,
}

impl Open {
    fn is_empty(&self) -> bool {
        self.asks.is_empty() && self.others == 0 && self.journal
    }
}

impl Deck {
    /// The deck of `mldeck demo --scenario SCENARIO`, signed in, its first lists on screen.
    pub fn start(scenario: &'static str) -> Self {
        let mut deck = Options::of(scenario).start();
        deck.quiet();
        deck
    }

    fn launch(options: &Options, sandbox: Sandbox, home: Arc<tempfile::TempDir>, mono: Monotonic) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the deck");
        let folders = Folders::under(home.path());
        if let Some(source) = options.config {
            write(&folders.config.join("config.toml"), source);
        }
        let theme = (options.theme != mldeck::theme::DEFAULT).then(|| options.theme.to_owned());
        let flags = Overrides { theme, read_only: options.read_only.then_some(true), ..Overrides::default() };
        let sources = Sources { folder: Some(folders.config.clone()), flags, ..Sources::default() };
        let setup = sources.read();
        let global = Global { read_only: options.read_only, home: Some(home.path().to_owned()), ..Global::default() };
        let demo =
            Demo { scenario: options.scenario.to_owned(), speed: options.speed, seed: options.seed, target: None };
        let theme = Theme::load(&setup.config.theme, options.caps.depth, &setup.themes).expect("a theme to start with");
        let target = options.target.map(Target::parse);
        let at = At { now: sandbox.now(), mono };
        let mut model = start::model(&setup, &global, Some(&demo), target, options.size, at);
        model.theme.clone_from(&theme.name);
        start::report(&mut model, &setup);
        let (out, replies) = unbounded_channel();
        let gate = Gate::new();
        let keep = Arc::new(Keep::new(runtime.handle().clone(), out.clone(), start::last_scope_key(&global)));
        start::open_store(runtime.handle(), Arc::clone(&keep), Some(folders), at.now);
        gate.open(runtime.block_on(backends::demo(&sandbox, PACE)));
        let runner = Runner::new(runtime.handle().clone(), gate, keep, sources, out);
        let mut deck = Self {
            model,
            theme,
            user_themes: setup.themes,
            caps: options.caps,
            options: options.clone(),
            sandbox,
            home,
            runner,
            replies,
            mono,
            shown: None,
            stalled: false,
            open: Open::default(),
            held: None,
            effects: Vec::new(),
            ended: None,
            runtime: Some(runtime),
        };
        deck.settle();
        deck
    }

    /// The process dies, at once; another deck starts on the same account and the same folder.
    pub fn killed_and_started_again(self) -> Self {
        let (options, sandbox, home, mono) =
            (self.options.clone(), self.sandbox.clone(), Arc::clone(&self.home), self.mono.plus(5_000));
        drop(self);
        Self::launch(&options, sandbox, home, mono)
    }

    /// As of a host that shares a table, which this account has not.
    pub fn in_team(&mut self) -> &mut Self {
        let name = |name: &str| Text::new(name);
        self.model.session.owner = Some(Owner { who: name("anna"), host: name("web-1"), pid: 7 });
        self
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    // ── The loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn at(&self) -> At {
        At { now: self.sandbox.now(), mono: self.mono }
    }

    pub fn now(&self) -> Timestamp {
        self.sandbox.now()
    }

    /// One round of the loop: whether the newest frame reached the terminal is noted first, then the message is taken.
    fn round(&mut self, at: At, msg: Msg) {
        self.note_drawn();
        self.update(at, msg);
    }

    fn note_drawn(&mut self) {
        if update::scopes(&self.model).contains(&Scope::Confirm)
            && let Some(mono) = self.shown
        {
            let at = At { now: self.now(), mono };
            self.update(at, Msg::Drawn);
        }
    }

    fn update(&mut self, at: At, msg: Msg) {
        let effects = update::update(&mut self.model, at, msg);
        self.perform(effects);
    }

    /// Delivers one message, as the loop does.
    pub fn send(&mut self, msg: Msg) -> &mut Self {
        let at = self.at();
        self.round(at, msg);
        self.settle();
        self
    }

    fn settle(&mut self) {
        let at = self.at();
        let effects = settle(&mut self.model, at);
        self.perform(effects);
        // Every frame reaches the terminal at once, unless the link is stalled.
        self.shown = (!self.stalled).then_some(self.mono);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.effects.push(effect.clone());
            match &effect {
                Effect::Ask { slot, ticket, .. } => {
                    self.open.asks.insert(*slot, *ticket);
                }
                Effect::Drop(slot) => {
                    self.open.asks.remove(slot);
                }
                Effect::OpRead { .. }
                | Effect::Send { .. }
                | Effect::Journal { .. }
                | Effect::Lock { .. }
                | Effect::Share { .. }
                | Effect::Reload => {
                    self.open.others += 1;
                }
                _ => {}
            }
            match self.runner.perform(effect) {
                Some(Effect::Theme { name }) => self.retheme(name),
                Some(Effect::Restyle { theme, themes, .. }) => {
                    self.user_themes = themes;
                    self.retheme(theme);
                }
                Some(Effect::Quit(code)) => self.ended = Some(code),
                _ => {}
            }
        }
    }

    fn retheme(&mut self, name: String) {
        self.theme = Theme::load(&name, self.caps.depth, &self.user_themes).expect("a theme that was checked");
        let at = self.at();
        self.update(at, Msg::Restyled { theme: name });
    }

    /// A file of the operator's, as an editor would leave it: `config.toml`, `keys.toml`, `themes/mine.toml`.
    pub fn writes(&mut self, name: &str, text: &str) -> &mut Self {
        write(&Folders::under(self.home.path()).config.join(name), text);
        self
    }

    fn take(&mut self, msg: Msg) {
        if let (Msg::Reply { slot, .. }, Some((held, kept))) = (&msg, &mut self.held)
            && slot == held
        {
            self.open.asks.remove(slot);
            kept.push(msg);
            return;
        }
        match &msg {
            Msg::Reply { slot, ticket, .. } if self.open.asks.get(slot) == Some(ticket) => {
                self.open.asks.remove(slot);
            }
            Msg::OpRead { .. }
            | Msg::OpSent { .. }
            | Msg::Journaled { .. }
            | Msg::OpLocked { .. }
            | Msg::Shared { .. }
            | Msg::Reloaded(_) => {
                self.open.others = self.open.others.saturating_sub(1);
            }
            Msg::Ledger(_) => self.open.journal = true,
            // What a machine's wall clock measured has no place in a story that is always the same.
            Msg::Traffic(_) => return,
            _ => {}
        }
        let at = self.at();
        self.round(at, msg);
        self.settle();
    }

    /// Takes every answer that is on its way, and those that follow from them. No virtual time passes.
    pub fn quiet(&mut self) -> &mut Self {
        loop {
            while let Ok(msg) = self.replies.try_recv() {
                self.take(msg);
            }
            self.settle();
            if self.open.is_empty() {
                return self;
            }
            let runtime = self.runtime.as_ref().expect("the deck runs");
            let next = runtime.block_on(async { tokio::time::timeout(PATIENCE, self.replies.recv()).await });
            match next {
                Ok(Some(msg)) => self.take(msg),
                Ok(None) => panic!("nobody answers any more"),
                Err(_) => panic!("no answer within {PATIENCE:?}; open: {:?}\n{}", self.open, self.text()),
            }
        }
    }

    fn step(&mut self, millis: u64) {
        self.mono = self.mono.plus(millis);
        let mut clock = self.sandbox.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.step(clock::instant(), Duration::from_millis(millis).mul_f64(self.options.speed));
    }

    /// Lets virtual time pass, on both clocks, and delivers what falls due on the way.
    pub fn advance(&mut self, span: Duration) -> &mut Self {
        let target = self.mono.plus(u64::try_from(span.as_millis()).expect("a short story"));
        while self.mono < target {
            self.next_moment(target);
        }
        self
    }

    /// To the next moment the deck asked for, `until` at the latest.
    fn next_moment(&mut self, until: Monotonic) {
        self.quiet();
        let due = wake::next_wakeup(&self.model, self.at()).unwrap_or(until).min(until);
        // A deadline that has passed already must be dealt with by the next message, or the deck never sleeps.
        self.step(due.since(self.mono).max(1));
        self.send(Msg::Wake);
        self.quiet();
    }

    // ── Hands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Types: one character is one key, `<name>` is a named key or chord, spaces between tokens mean nothing.
    pub fn keys(&mut self, text: &str) -> &mut Self {
        self.quiet();
        for key in parse(text) {
            self.press(key);
            self.quiet();
        }
        self
    }

    /// The same keys without a look at the answers in between.
    pub fn keys_at_once(&mut self, text: &str) -> &mut Self {
        for key in parse(text) {
            self.press(key);
        }
        self
    }

    /// One key, at a moment of its own.
    pub fn press(&mut self, key: Key) {
        self.step(HAND);
        self.send(Msg::Key { key, burst: false });
    }

    /// Keys that a stalled link delivers together.
    pub fn burst(&mut self, text: &str) -> &mut Self {
        self.deliver(text, true)
    }

    /// Keys of one moment that nobody flagged: what a broken input layer would pass.
    pub fn same_moment(&mut self, text: &str) -> &mut Self {
        self.deliver(text, false)
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.step(HAND);
        self.send(Msg::Paste(text.to_owned()));
        self.quiet()
    }

    /// Keys of one round: the loop absorbs them and draws once.
    fn deliver(&mut self, text: &str, burst: bool) -> &mut Self {
        self.quiet();
        self.step(HAND);
        self.note_drawn();
        for key in parse(text) {
            let at = self.at();
            self.update(at, Msg::Key { key, burst });
        }
        self.settle();
        self.quiet()
    }

    /// From now on answers to this slot are on their way and do not arrive.
    pub fn hold(&mut self, slot: Slot) -> &mut Self {
        self.held = Some((slot, Vec::new()));
        self
    }

    /// They arrive.
    pub fn let_through(&mut self) -> &mut Self {
        let (_, kept) = self.held.take().expect("something is held");
        assert!(!kept.is_empty(), "nothing was answered");
        for msg in kept {
            self.take(msg);
        }
        self.quiet()
    }

    /// From now on the terminal takes nothing; `false`: it takes frames again, and the deck hears of it.
    pub fn stall(&mut self, stalled: bool) -> &mut Self {
        self.stalled = stalled;
        if stalled { self } else { self.send(Msg::Stalled) }
    }

    pub fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.send(Msg::Resize(width, height))
    }

    /// Who we are is asked again, and the answer is somebody else: credentials were renewed in another shell. Nothing of
    /// the new account has been heard yet.
    pub fn becomes(&mut self, identity: Identity) -> &mut Self {
        self.quiet();
        self.effects.clear();
        self.press(Key::char('r'));
        let asked = self.effects.iter().find_map(|effect| match effect {
            Effect::Ask { slot: Slot::Identity, ticket, .. } => Some(*ticket),
            _ => None,
        });
        let ticket = asked.expect("who we are is asked again");
        self.open.asks.remove(&Slot::Identity);
        let at = self.at();
        self.update(at, Msg::Reply { slot: Slot::Identity, ticket, result: Ok(Answer::Identity(identity)) });
        self
    }

    /// Waits for an answer of disk or account in wall time until the text is on screen, while other answers may be
    /// overdue.
    #[track_caller]
    pub fn glance(&mut self, needle: &str) -> &mut Self {
        self.until(needle, |deck| squeezed(&deck.text()).contains(&squeezed(needle)))
    }

    /// As [`Deck::glance`], for what no text shows.
    #[track_caller]
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> &mut Self {
        while !holds(self) {
            let runtime = self.runtime.as_ref().expect("the deck runs");
            let next = runtime.block_on(async { tokio::time::timeout(PATIENCE, self.replies.recv()).await });
            match next {
                Ok(Some(msg)) => self.take(msg),
                _ => panic!("{what:?} never came:\n{}", self.text()),
            }
            self.settle();
        }
        self
    }

    // ── Eyes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The frame as it would be painted now.
    pub fn frame(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        ui::view(&self.model, &self.theme, &self.caps, &mut buffer);
        buffer
    }

    /// The frame without its colours.
    pub fn text(&self) -> String {
        text_of(&self.frame())
    }

    /// The lines that hold `needle`.
    pub fn line(&self, needle: &str) -> String {
        let text = self.text();
        let found: Vec<&str> = text.lines().filter(|line| line.contains(needle)).collect();
        assert!(!found.is_empty(), "no line with {needle:?} on\n{text}");
        found.join("\n")
    }

    /// The text is on screen by now.
    #[track_caller]
    pub fn sees(&mut self, needle: &str) -> &mut Self {
        self.wait(needle, GLANCE)
    }

    /// The text comes within that much virtual time.
    #[track_caller]
    pub fn wait_for(&mut self, needle: &str, span: Duration) -> &mut Self {
        self.wait(needle, u64::try_from(span.as_millis()).expect("a short story"))
    }

    #[track_caller]
    fn wait(&mut self, needle: &str, millis: u64) -> &mut Self {
        let until = self.mono.plus(millis);
        loop {
            self.quiet();
            let text = self.text();
            if squeezed(&text).contains(&squeezed(needle)) {
                return self;
            }
            assert!(self.mono < until, "{needle:?} is not on screen after {millis} ms:\n{text}");
            self.next_moment(until);
        }
    }

    /// The text is not on screen now.
    #[track_caller]
    pub fn lacks(&mut self, needle: &str) -> &mut Self {
        self.quiet();
        let text = self.text();
        assert!(!squeezed(&text).contains(&squeezed(needle)), "{needle:?} should not be on screen:\n{text}");
        self
    }

    /// The effects since the last look, in their order.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The calls that were handed to the gateway to change something, since the last look.
    pub fn sends(&mut self) -> Vec<&'static str> {
        let effects = self.effects();
        effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Send { write, .. } => Some(write.call.operation()),
                _ => None,
            })
            .collect()
    }

    pub const fn ended(&self) -> Option<u8> {
        self.ended
    }

    // ── The account, independently of the deck ────────────────────────────────────────────────────────────────────

    /// The account itself, lived until now.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let (now, world) = (self.sandbox.now(), self.sandbox.world());
        let mut world: MutexGuard<'_, World> = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(now);
        look(&mut world)
    }

    /// From now on this goes wrong, every time.
    pub fn breaks(&mut self, operation: &str, kind: FaultKind) -> &mut Self {
        self.world(|world| world.faults().add(Rule::always(operation, kind)));
        self
    }

    /// The next such request goes wrong.
    pub fn breaks_once(&mut self, operation: &str, kind: FaultKind) -> &mut Self {
        self.world(|world| world.faults().add(Rule::once(operation, kind)));
        self
    }

    pub fn mends(&mut self) -> &mut Self {
        self.world(|world| world.faults().clear());
        self
    }

    /// Somebody else's call, past the deck and its faults.
    pub fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        self.world(|world| {
            let response = world.handle(&request(service, operation, input));
            let body = if response.body().is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(response.body()).expect("the account answers JSON")
            };
            assert!(response.status().is_success(), "{operation}: {body}");
            body
        })
    }

    pub fn describe_endpoint(&self, name: &str) -> Value {
        self.call("sagemaker", "DescribeEndpoint", &json!({ "EndpointName": name }))
    }

    /// Config that serves, and status, as AWS tells anybody.
    pub fn serving(&self, name: &str) -> (String, String) {
        let body = self.describe_endpoint(name);
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        (text("EndpointConfigName"), text("EndpointStatus"))
    }

    pub fn tags(&self, name: &str) -> HashMap<String, String> {
        let arn = self.describe_endpoint(name)["EndpointArn"].clone();
        let body = self.call("sagemaker", "ListTags", &json!({ "ResourceArn": arn }));
        let tags = body["Tags"].as_array().cloned().unwrap_or_default();
        tags.iter()
            .map(|tag| {
                let text = |member: &str| tag[member].as_str().unwrap_or_default().to_owned();
                (text("Key"), text("Value"))
            })
            .collect()
    }

    /// Every change the account accepted or refused since `from`, oldest first: operation and request, as CloudTrail
    /// tells them. Moves the account's clock past the delivery of events.
    pub fn trail(&mut self, from: Timestamp) -> Vec<(String, Value)> {
        let until = self.now();
        self.step(200_000);
        let mut out = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut input = json!({"StartTime": from.secs_f64(), "EndTime": until.secs_f64(), "MaxResults": 50});
            if !token.is_null() {
                input["NextToken"] = token;
            }
            let body = self.call("cloudtrail", "LookupEvents", &input);
            for event in body["Events"].as_array().into_iter().flatten() {
                let record: Value =
                    serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap_or_default()).expect("a record");
                let name = record["eventName"].as_str().unwrap_or_default().to_owned();
                out.push((name, record["requestParameters"].clone()));
            }
            token = body["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        out.reverse();
        out
    }
}

impl Drop for Deck {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// An AWS JSON request, as an SDK would send it.
fn request(service: &str, operation: &str, input: &Value) -> http::Request<Bytes> {
    let prefix = match service {
        "sagemaker" => "SageMaker",
        "monitoring" => "GraniteServiceVersion20100801",
        "logs" => "Logs_20140328",
        "application-autoscaling" => "AnyScaleFrontendService",
        "events" => "AWSEvents",
        "cloudtrail" => "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
        other => panic!("no target prefix for {other}"),
    };
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=ASIAOTHER/20261123/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0"
    );
    http::Request::post("/")
        .header("authorization", authorization)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("{prefix}.{operation}"))
        .body(Bytes::from(input.to_string()))
        .expect("a request")
}

/// Keys of a string: see [`Deck::keys`].
pub fn parse(text: &str) -> Vec<Key> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let named = (c == '<').then(|| rest.split_once('>')).flatten();
        if let Some((name, tail)) = named {
            out.push(name[1..].parse().unwrap_or_else(|wrong| panic!("{name}>: {wrong}")));
            rest = tail;
        } else {
            if !c.is_whitespace() {
                out.push(Key::char(c));
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder for the file");
    std::fs::write(path, text).expect("a file to read");
}

/// Words with one space between them, whatever columns they stand in.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The symbols of a buffer, line by line, without trailing blanks.
pub fn text_of(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(mldeck_core::text::width(symbol)).unwrap_or(1).max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `n` minutes.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
