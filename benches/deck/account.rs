//! An account to measure against: the sandbox's server, and a home folder with rows from before.
//!
//! AWS computes elsewhere: what answers here must not take processors from what is measured. So the server is a process of
//! its own in a session of its own, with the lowest claim to them: the kernel first shares between sessions
//! (`sched_autogroup_enabled`), and a thread's niceness counts within its session only.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use mldeck::{
    backends::Sandbox,
    run::clock,
    store::{Cache, Folders},
};
use mldeck_core::resource::{Endpoint, Rows};
use mldeck_sandbox::{
    Scenario,
    faults::{Delivery, Kind, Rule},
    serve::Server,
};
use tempfile::TempDir;

use crate::{
    estate::{self, scope},
    live,
    terminal::Terminal,
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mldeck");

/// What starts this program as the server of an account: how many endpoints, and whether pages are remembered.
pub(crate) const SERVE: &str = "--serve";

/// The server's process, and the home of who looks at it.
pub(crate) struct Account {
    server: Child,
    orders: ChildStdin,
    replies: BufReader<ChildStdout>,
    url: String,
    pub(crate) home: TempDir,
}

impl Account {
    /// An account of five families and so many ordinary endpoints, living in real time.
    pub(crate) fn open(extras: usize) -> Self {
        Self::start(extras, false)
    }

    /// The same, and every page of its endpoints was asked for before (see [`Pages`]), by somebody else.
    pub(crate) fn walked(extras: usize) -> Self {
        let mut account = Self::start(extras, true);
        let mut deck = account.deck();
        deck.until("the whole walk", live::walked);
        deck.leave();
        account.forget();
        account
    }

    /// The next program starts with an empty home.
    pub(crate) fn forget(&mut self) {
        self.home = tempfile::tempdir().expect("a folder");
    }

    fn start(extras: usize, remembers: bool) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut server = Command::new(program)
            .args([SERVE, &extras.to_string(), &remembers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let orders = server.stdin.take().expect("its input");
        let mut replies = BufReader::new(server.stdout.take().expect("its output"));
        let url = line(&mut replies);
        Self { server, orders, replies, url, home: tempfile::tempdir().expect("a folder") }
    }

    /// Every answer comes this much later.
    pub(crate) fn delay(&mut self, millis: u64) {
        writeln!(self.orders, "{millis}").expect("the server reads");
        assert_eq!(line(&mut self.replies), "ok");
    }

    /// The program as a person starts it.
    pub(crate) fn deck(&self) -> Terminal {
        let home = self.home.path().to_str().expect("a plain path");
        let env = [
            ("HOME", home),
            ("MLDECK_HOME", home),
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", estate::REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Terminal::start(BINARY, &["--endpoint-url", &self.url], &env)
    }

    /// A first session, so that the next one knows whose rows to show, and so many rows of it.
    pub(crate) fn remember(&self, rows: usize) {
        let mut deck = self.deck();
        deck.until_shows("PROD");
        deck.until_shows("fraud-prod");
        deck.leave();
        keep(self.home.path(), rows);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line of the server");
    line.trim_end().to_owned()
}

/// Serves until nobody gives orders any more. Says its address, then reads delays in milliseconds and confirms each.
pub(crate) fn serve(extras: &str, remembers: &str) {
    stand_back();
    let start = clock::timestamp();
    let text = format!(
        "name = \"bench\"\ndoc = \"An account of any size.\"\nseed = 7\nextras = {extras}\nstart = \"{}\"\n",
        start.iso()
    );
    let scenario = Scenario::parse("bench", &text).expect("a scenario");
    let sandbox = Sandbox::of(scenario, None, 1.0);
    let pages = (remembers == "true").then(Pages::default);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = runtime.block_on(Server::bind(any, false)).expect("a port");
    println!("http://{}", server.address());
    let served = sandbox.clone();
    let answer = move |request: &Request<Bytes>| match &pages {
        Some(pages) => pages.deliver(&served, request),
        None => served.deliver(request),
    };
    drop(runtime.spawn(server.run(answer, std::future::pending())));
    for order in std::io::stdin().lines() {
        let millis: u64 = order.expect("an order").parse().expect("milliseconds");
        delay(&sandbox, millis);
        println!("ok");
    }
}

/// Behind everything else that wants a processor.
fn stand_back() {
    let _ = rustix::process::setsid();
    let _ = rustix::process::nice(19);
    // Where sessions are not shared between there is no such file, and the line above is enough.
    let _ = std::fs::write("/proc/self/autogroup", "19");
}

fn delay(sandbox: &Sandbox, millis: u64) {
    let world = sandbox.world();
    let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
    world.faults().clear();
    if millis > 0 {
        world.faults().add(Rule::always("*", Kind::Latency(millis)));
    }
}

/// Replies of lists by their questions. A page that was asked for before costs what it takes to send it.
#[derive(Default)]
struct Pages(Mutex<HashMap<(String, Bytes), Response<Bytes>>>);

impl Pages {
    fn deliver(&self, account: &Sandbox, request: &Request<Bytes>) -> Delivery {
        let lists = |target: &&str| target.starts_with("SageMaker.List") || *target == "SageMaker.Search";
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let Some(target) = target.filter(lists) else { return account.deliver(request) };
        let question = (target.to_owned(), request.body().clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = known.get(&question) {
            return Delivery::Answer(page.clone());
        }
        let delivery = account.deliver(request);
        if let Delivery::Answer(page) = &delivery {
            known.insert(question, page.clone());
        }
        delivery
    }
}

fn keep(home: &Path, rows: usize) {
    let cache = Cache::start(&Folders::under(home)).expect("a cache");
    let rows: Vec<Endpoint> = estate::endpoints(rows).into_iter().enumerate().map(known).collect();
    // As the program keeps them.
    cache.save_worst_first(&scope(), Rows::Endpoint(rows), clock::timestamp()).wait().expect("kept");
}

/// Rows that were on screen once are known whole.
fn known((n, row): (usize, Endpoint)) -> Endpoint {
    if n % 20 == 0 { estate::whole(row) } else { row }
}
