//! An account to measure against: the sandbox's server in this process, and a home folder with rows from before.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
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
use tokio::runtime::Runtime;

use crate::{
    estate::{self, scope},
    live,
    terminal::Terminal,
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mldeck");

pub(crate) struct Account {
    sandbox: Sandbox,
    address: SocketAddr,
    pub(crate) home: TempDir,
    _runtime: Runtime,
}

impl Account {
    /// An account of five families and so many ordinary endpoints, living in real time.
    pub(crate) fn open(extras: usize) -> Self {
        Self::serve(extras, |account, request| account.deliver(request))
    }

    /// The same, and every page of its endpoints was asked for before (see [`Pages`]), by somebody else.
    pub(crate) fn walked(extras: usize) -> Self {
        let pages = Pages::default();
        let mut account = Self::serve(extras, move |account, request| pages.deliver(account, request));
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

    fn serve(extras: usize, answer: impl Fn(&Sandbox, &Request<Bytes>) -> Delivery + Send + Sync + 'static) -> Self {
        let start = clock::timestamp();
        let text = format!(
            "name = \"bench\"\ndoc = \"An account of any size.\"\nseed = 7\nextras = {extras}\nstart = \"{}\"\n",
            start.iso()
        );
        let scenario = Scenario::parse("bench", &text).expect("a scenario");
        let sandbox = Sandbox::of(scenario, None, 1.0);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            // AWS computes elsewhere: what answers here must not take processors from what is measured.
            .on_thread_start(|| {
                let _ = rustix::process::setpriority_process(None, 19);
            })
            .enable_all()
            .build()
            .expect("a runtime");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = runtime.block_on(Server::bind(any, false)).expect("a port");
        let address = server.address();
        // Lives as long as the account.
        let served = sandbox.clone();
        drop(runtime.spawn(server.run(move |request| answer(&served, request), std::future::pending())));
        Self { sandbox, address, home: tempfile::tempdir().expect("a folder"), _runtime: runtime }
    }

    /// Every answer comes this much later.
    pub(crate) fn delay(&self, millis: u64) {
        let world = self.sandbox.world();
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.faults().clear();
        if millis > 0 {
            world.faults().add(Rule::always("*", Kind::Latency(millis)));
        }
    }

    /// The program as a person starts it.
    pub(crate) fn deck(&self) -> Terminal {
        let url = format!("http://{}", self.address);
        let home = self.home.path().to_str().expect("a plain path");
        let env = [
            ("HOME", home),
            ("MLDECK_HOME", home),
            ("AWS_ACCESS_KEY_ID", "sandbox"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", estate::REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Terminal::start(BINARY, &["--endpoint-url", &url], &env)
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

/// Replies of lists by their questions. AWS computes elsewhere, and here it would take one of two processors from what is
/// measured; so a page that was asked for before costs what it takes to send it.
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
