//! Starts the deck: terminal first, then the store, then AWS, so that nothing is waited for before the first text.

use std::sync::Arc;

use mldeck_core::{fault::Fault, mask, ops::team::Owner, text::Text, time::Timestamp};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use super::{Demo, Global, out};
use crate::{
    app::{
        At, Model, Msg,
        model::{SandboxNote, Session},
        screen,
        target::Target,
    },
    backends::{self, Sandbox},
    config::{Environment, LogFilter, Overrides, Setup, Sources, Team, diagnose},
    run::{
        Console, clock,
        effects::{Gate, Runner},
        event_loop::Deck,
        keep::Keep,
        log,
        round::Round,
        runtime,
    },
    store::{Folders, mask_key},
    term::Caps,
    theme::Theme,
};

/// Rows of the last session are found by the scope that these led to.
pub fn last_scope_key(global: &Global) -> String {
    let part = |value: &Option<String>| value.clone().unwrap_or_default();
    format!("scope {} {} {}", part(&global.profile), part(&global.region), part(&global.endpoint_url))
}

/// Everything that files and flags say, and the folders they were found in.
pub struct Prepared {
    pub setup: Setup,
    pub folders: Option<Folders>,
    /// Where it was read, to read it again.
    pub sources: Sources,
}

impl Prepared {
    /// The options as they hold: what the files say where no flag says otherwise.
    pub fn settled(&self, global: &Global) -> Global {
        let config = &self.setup.config;
        Global { endpoint_url: config.endpoint_url.clone(), team: config.team.clone(), ..global.clone() }
    }

    /// This process, as the lock that hosts share names it; `None` without a team.
    pub fn owner(&self) -> Option<Owner> {
        owner(self.setup.config.team.as_ref(), &self.sources.environment)
    }
}

fn owner(team: Option<&Team>, env: &Environment) -> Option<Owner> {
    let host = team?.host.clone().unwrap_or_else(|| env.host());
    Some(Owner { who: Text::default(), host, pid: std::process::id() })
}

/// Where everything is kept; `None` without a home directory.
pub fn folders(global: &Global) -> Option<Folders> {
    match &global.home {
        Some(home) => Some(Folders::under(home)),
        None => Folders::of_user(),
    }
}

/// Reads the configuration.
fn prepare(global: &Global) -> Prepared {
    let folders = folders(global);
    let flags = Overrides {
        theme: global.theme.clone(),
        read_only: global.read_only.then_some(true),
        endpoint_url: global.endpoint_url.clone(),
        ..Overrides::default()
    };
    let sources = Sources {
        folder: folders.as_ref().map(|folders| folders.config.clone()),
        file: global.config.clone(),
        environment: Environment::read(),
        flags,
    };
    Prepared { setup: sources.read(), folders, sources }
}

/// Reads the configuration and begins the log, for a command without a screen; with the options as they hold.
pub fn begun(global: &Global) -> (Prepared, Global) {
    let prepared = prepare(global);
    let global = prepared.settled(global);
    begin(prepared.folders.as_ref(), prepared.setup.log.clone(), |why| out::complain(&format!("mldeck: {why}")));
    (prepared, global)
}

/// Runs the deck on AWS, or on a world of its own.
pub fn run(global: &Global, demo: Option<&Demo>, target: Option<&str>) -> u8 {
    // An unknown scenario is said before the terminal is taken; the world is generated beside the first frame.
    let sandbox = |demo: &Demo| Sandbox::new(&demo.scenario, demo.seed, demo.speed);
    match demo.map(|demo| Ok((demo, sandbox(demo)?))).transpose() {
        Ok(demo) => run_on(global, demo, target),
        Err(fault) => fail(&fault),
    }
}

/// Runs the deck on AWS, or on the world of this demo.
pub fn run_on(global: &Global, demo: Option<(&Demo, Sandbox)>, target: Option<&str>) -> u8 {
    let (demo, sandbox) = demo.unzip();
    let prepared = prepare(global);
    let mut global = prepared.settled(global);
    let target = target.map(Target::parse);
    if global.region.is_none() {
        global.region = target.as_ref().and_then(|target| target.region.clone());
    }
    let env = |name: &str| prepared.sources.environment.get(name).map(ToOwned::to_owned);
    let caps = Caps::detect(&env);
    let runtime = match runtime::behind_keys() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::complain(&format!("mldeck: cannot start: {error}"));
            return 1;
        }
    };
    let console = match runtime.block_on(async { Console::open(screen::MIN_SIZE, caps) }) {
        Ok(console) => console,
        Err(error) => {
            out::complain(&format!("mldeck: {error}. `mldeck get` prints the same tables without a terminal."));
            return 2;
        }
    };
    let (deck, begin) = build(&runtime, console, prepared, caps, &global, demo, target, sandbox);
    let code = runtime.block_on(deck.run(begin));
    mldeck_gateway::end_helpers();
    // Requests under way are cut off: what must survive is in the journal.
    runtime.shutdown_background();
    code
}

fn fail(fault: &Fault) -> u8 {
    out::complain(&format!("mldeck: {fault}\n{}", fault.remedy()));
    fault.exit_code()
}

/// The deck, and what to begin once its first frame is on the way: reading the store and reaching the account.
#[expect(clippy::too_many_arguments, reason = "the composition root: each part is made once and meets the others here")]
fn build(
    runtime: &Runtime,
    console: Console,
    prepared: Prepared,
    caps: Caps,
    global: &Global,
    demo: Option<&Demo>,
    target: Option<Target>,
    sandbox: Option<Sandbox>,
) -> (Deck, impl FnOnce()) {
    let Prepared { setup, folders, sources } = prepared;
    let (out, replies) = unbounded_channel();
    let gate = Gate::new();
    let keep = Arc::new(Keep::new(runtime.handle().clone(), out.clone(), last_scope_key(global)));
    let theme =
        Theme::load(&setup.config.theme, caps.depth, &setup.themes).unwrap_or_else(|_| Theme::fallback(caps.depth));
    let account_clock: Box<dyn Fn() -> Timestamp + Send> = match &sandbox {
        Some(sandbox) => {
            let sandbox = sandbox.clone();
            Box::new(move || sandbox.now())
        }
        None => Box::new(clock::timestamp),
    };
    let at = At { now: account_clock(), mono: clock::monotonic() };
    let mut model = model(&setup, global, demo, target, console.size(), at);
    // A demo's account has no table, and its practice is nobody's ledger.
    model.session.owner = owner(global.team.as_ref().filter(|_| sandbox.is_none()), &sources.environment);
    model.theme = theme.name.clone();
    report(&mut model, &setup);
    // A demo leaves no traces among real rows and real operations.
    let folders = if sandbox.is_some() && global.home.is_none() { demo_folders() } else { folders };
    model.log = begin(folders.as_ref(), setup.log, {
        let out = out.clone();
        move |why| drop(out.send(Msg::Note { text: Text::new(why), bad: true }))
    });
    let begin = {
        let (handle, keep, gate) = (runtime.handle().clone(), Arc::clone(&keep), Arc::clone(&gate));
        let (global, out) = (global.clone(), out.clone());
        move || {
            open_store(&handle, keep, folders, at.now);
            connect(&handle, gate, global, sandbox, out);
        }
    };
    let deck = Deck {
        model,
        console,
        runner: Runner::new(runtime.handle().clone(), Arc::clone(&gate), keep, sources, out),
        replies,
        theme,
        user_themes: setup.themes,
        caps,
        gate,
        account_clock,
        frame: 0,
        notify: setup.config.notifications,
        round: Round::begin(),
    };
    (deck, begin)
}

/// Before anything can be masked or go wrong: the key of masks, and the log. Returns where the log is.
fn begin(folders: Option<&Folders>, filter: LogFilter, trouble: impl FnOnce(&str) + Send + 'static) -> Option<Text> {
    let state = folders.map(|folders| folders.state.as_path());
    mask::set_key(mask_key(state));
    log::start(state?, filter, trouble)
}

/// A demo's world ends with its process, so its journal and cache do, too: each has a folder of its own, and those of
/// dead demos are cleared away.
fn demo_folders() -> Option<Folders> {
    let demos = Folders::of_user()?.state.join("demo");
    for entry in std::fs::read_dir(&demos).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        // Only "no such process" is dead; one of another user is none of ours, but alive.
        let dead = |pid| matches!(test_kill_process(pid), Err(Errno::SRCH));
        if pid.is_none_or(dead) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Some(Folders::under(&demos.join(std::process::id().to_string())))
}

/// The first model: nothing known but what was said on the command line.
pub fn model(
    setup: &Setup,
    global: &Global,
    demo: Option<&Demo>,
    target: Option<Target>,
    size: (u16, u16),
    at: At,
) -> Model {
    let session = Session {
        profile: global.profile.clone(),
        region: global.region.clone(),
        endpoint_url: global.endpoint_url.clone(),
        sandbox: demo.map(|demo| SandboxNote { scenario: demo.scenario.clone(), speed: demo.speed }),
        ..Session::new(&setup.config)
    };
    Model::new(setup, session, target, size, at)
}

/// What is wrong in the files is said, worst first; all of it by `mldeck config check`.
pub fn report(model: &mut Model, setup: &Setup) {
    if let Some(wrong) = diagnose::summary(&setup.diagnostics) {
        model.complain(wrong);
    }
}

/// Opens cache and journal beside the loop, and recalls the rows of the last session.
pub fn open_store(handle: &Handle, keep: Arc<Keep>, folders: Option<Folders>, at: Timestamp) {
    handle.spawn_blocking(move || {
        keep.open(folders.as_ref(), at);
        keep.recall_theme();
        if let Some(scope) = keep.last_scope() {
            keep.presume(&scope);
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "one task for the life of the process; its outcome is in the gate")]
fn connect(handle: &Handle, gate: Arc<Gate>, global: Global, sandbox: Option<Sandbox>, out: UnboundedSender<Msg>) {
    let speed = sandbox.as_ref().map_or(1.0, Sandbox::speed);
    if let Some(sandbox) = sandbox.clone() {
        handle.spawn_blocking(move || sandbox.world());
    }
    handle.spawn(async move {
        let result = match &sandbox {
            Some(sandbox) => backends::demo(sandbox, speed).await,
            None => backends::live(&global, 1.0).await,
        };
        if let Err(fault) = &result {
            let _ = out.send(Msg::Note { text: Text::new(&fault.to_string()), bad: true });
        }
        gate.open(result);
    });
}
