//! The binary in a terminal: what a person waits for, and what it costs the machine.

use std::time::Duration;

use mldeck::run::clock;

use crate::{
    Length,
    account::{Account, BINARY},
    report::{Budget, Figure, Report},
    terminal::{Answer, Terminal, millis},
};

/// A name that is in the cache only, and a pattern of names that are in the account.
const CACHED: &str = "fraud-prod-0";

/// What most rows of the account say.
const IN_SERVICE: &str = "InService";

/// Every page of the endpoints is in the table.
pub(crate) fn walked(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    text.contains(IN_SERVICE) && !text.contains("so far")
}

/// At most so often, where a round was disturbed.
const ROUNDS: usize = 4;

/// Between two keys: a frame is out, and its bytes are read.
const BREATH: Duration = Duration::from_millis(12);

/// `cat` behind such a terminal in raw mode: what a key costs without a program. Asked in turn with the program, so that
/// it meets the same load.
struct Cat {
    terminal: Terminal,
    samples: Vec<f64>,
}

impl Cat {
    fn start() -> Self {
        let mut terminal = Terminal::start("/bin/sh", &["-c", "stty raw -echo; printf ready; exec cat"], &[]);
        terminal.until_shows("ready");
        Self { terminal, samples: Vec::new() }
    }

    fn key(&mut self) {
        self.samples.push(self.terminal.key("j", |_, _| true).first);
    }
}

/// From exec to the first text and to rows from the cache, while AWS takes three seconds to answer.
pub(crate) fn start(length: Length, report: &mut Report) {
    const ROWS: usize = 20_000;
    let rounds = length.pick(12, 40);
    let nothing: Vec<f64> = (0..rounds)
        .map(|_| {
            let mut echo = Terminal::start("/bin/echo", &["x"], &[]);
            let at = echo.until("text", |screen| screen.contents().contains('x'));
            millis(at, echo.started)
        })
        .collect();
    let version: Vec<f64> = (0..rounds)
        .map(|_| {
            let mut version = Terminal::start(BINARY, &["--version"], &[]);
            let at = version.until("text", |screen| screen.contents().contains("mldeck"));
            millis(at, version.started)
        })
        .collect();
    let mut account = Account::open(35);
    account.remember(ROWS);
    account.delay(3_000);
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut deck = account.deck();
        let first = deck.until("text", |screen| !screen.contents().trim().is_empty());
        text.push(millis(first, deck.started));
        let shown = if deck.screen().contains(CACHED) { first } else { deck.until_shows(CACHED) };
        rows.push(millis(shown, deck.started));
        deck.leave();
    }
    report.add(Figure::new("exec → `--version` on screen", "ms", version, Budget::None).against(&nothing));
    report.add(Figure::new("exec → first text", "ms", text, Budget::Median(10.0)).against(&nothing));
    report.add(
        Figure::new("exec → cached rows on screen, 20,000 kept", "ms", rows, Budget::Median(30.0)).against(&nothing),
    );
}

/// The cursor of the terminal stands on the row of the table's cursor.
fn moved(before: &vt100::Screen, after: &vt100::Screen) -> bool {
    before.cursor_position() != after.cursor_position()
}

/// Twenty down, twenty up: the window never scrolls.
fn step(n: usize) -> &'static str {
    if n % 40 < 20 { "j" } else { "k" }
}

/// Nothing on screen waits for AWS: every reply is three seconds late, and all is asked again and again.
pub(crate) fn keys_while_replies_are_late(length: Length, report: &mut Report) {
    let mut account = Account::open(35);
    report.quietest(length.pick(1, ROUNDS), || {
        // The round before read the account, late as its replies were.
        account.delay(0);
        account.remember(20_000);
        account.delay(3_000);
        late_round(length, &account)
    });
}

fn late_round(length: Length, account: &Account) -> Vec<Figure> {
    let mut deck = account.deck();
    deck.until_shows(CACHED);
    // The rest of that frame, which is no answer to a key.
    deck.read_for(Duration::from_millis(60));
    // No reply can come yet: what is written now, a key has caused.
    let alone: Vec<f64> = (0..40).map(|n| deck.key(step(n), moved).bytes as f64).collect();
    let mut cat = Cat::start();
    let mut answers: Vec<Answer> = Vec::new();
    for n in 0..length.pick(280, 1_000) {
        if n % 40 == 0 {
            deck.send("r");
            deck.read_for(Duration::from_millis(60));
        }
        answers.push(deck.key(step(n), moved));
        deck.read_for(BREATH);
        cat.key();
    }
    deck.leave();
    let first = answers.iter().map(|answer| answer.first).collect();
    let effect = answers.iter().map(|answer| answer.effect).collect();
    vec![
        Figure::new("key → first byte, replies 3 s late", "ms", first, Budget::P99(2.0)).against(&cat.samples),
        Figure::new("key → cursor on its row, replies 3 s late", "ms", effect, Budget::None).against(&cat.samples),
        Figure::new("bytes of a cursor move, 200×50", "bytes", alone, Budget::Max(300.0)),
    ]
}

/// A walk over many pages, each of which becomes rows on screen, its end included.
pub(crate) fn keys_while_rows_stream_in(length: Length, report: &mut Report) {
    let rows = length.pick(1_400, 9_900);
    let mut account = Account::walked(rows);
    report.quietest(length.pick(1, ROUNDS), || {
        account.forget();
        stream_round(length, rows, &account)
    });
}

/// Answers to keys of one kind.
#[derive(Default)]
struct Keys {
    switches: Vec<Answer>,
    moves: Vec<Answer>,
}

impl Keys {
    /// To the ledger, which says that it is empty, back to the table, and one row on.
    fn round(&mut self, deck: &mut Terminal) {
        let empty = "Nothing was changed from here yet";
        self.switches.push(deck.key("9", |_, after| after.contents().contains(empty)));
        deck.read_for(BREATH);
        self.switches.push(deck.key("2", |_, after| !after.contents().contains(empty)));
        deck.read_for(BREATH);
        self.step(deck);
    }

    fn step(&mut self, deck: &mut Terminal) {
        self.moves.push(deck.key(step(self.moves.len()), moved));
        deck.read_for(BREATH);
    }
}

fn stream_round(length: Length, rows: usize, account: &Account) -> Vec<Figure> {
    let mut deck = account.deck();
    deck.until("rows of the first page", |screen| !walked(screen) && screen.contents().contains(IN_SERVICE));
    let (mut cat, mut streaming) = (Cat::start(), Keys::default());
    let end = clock::instant() + Duration::from_secs(120);
    while !deck.shows(walked) && clock::instant() < end {
        streaming.round(&mut deck);
        cat.key();
    }
    assert!(deck.shows(walked), "the walk ends: {}", deck.screen());
    let (mut after, mut read) = (Cat::start(), Keys::default());
    for _ in 0..length.pick(15, 100) {
        read.round(&mut deck);
        after.key();
    }
    for _ in 0..length.pick(50, 300) {
        read.step(&mut deck);
        after.key();
    }
    let memory = deck.memory("VmRSS");
    deck.leave();
    let first = |what: &str, when: &str, answers: &[Answer], cat: &Cat| {
        let samples = answers.iter().map(|answer| answer.first).collect();
        Figure::new(format!("{what} → first byte, {rows} rows {when}"), "ms", samples, Budget::P99(2.0))
            .against(&cat.samples)
    };
    // Frames of pages go out meanwhile, and the first byte may be of one of those.
    let shown = |what: &str, answers: &[Answer]| {
        let samples = answers.iter().map(|answer| answer.effect).collect();
        Figure::new(format!("{what} on screen, {rows} rows stream in"), "ms", samples, Budget::None)
            .against(&cat.samples)
    };
    vec![
        first("key", "stream in", &streaming.moves, &cat),
        shown("key → cursor on its row", &streaming.moves),
        // A frame that is new from edge to edge, and computed whole before it is sent.
        first("pane switch", "stream in", &streaming.switches, &cat),
        shown("pane switch → that pane", &streaming.switches),
        first("key", "just read", &read.moves, &after),
        first("pane switch", "just read", &read.switches, &after),
        Figure::new(format!("memory, {rows} rows read"), "MB", vec![memory], Budget::Max(50.0)),
    ]
}

/// Resident memory with 20,000 rows from the cache and the sandbox's server on the other side.
pub(crate) fn memory(length: Length, report: &mut Report) {
    let mut account = Account::open(35);
    account.remember(20_000);
    account.delay(3_000);
    let mut deck = account.deck();
    deck.until_shows(CACHED);
    deck.read_for(Duration::from_millis(500));
    let cached = deck.memory("VmRSS");
    account.delay(0);
    deck.until_shows("PROD");
    deck.read_for(Duration::from_secs(length.pick(3, 15)));
    let (live, most) = (deck.memory("VmRSS"), deck.memory("VmHWM"));
    deck.leave();
    report.add(Figure::new("memory, 20,000 rows from the cache", "MB", vec![cached], Budget::Max(50.0)));
    report.add(Figure::new("memory after the account answered", "MB", vec![live], Budget::Max(50.0)));
    report.add(Figure::new("most memory in between", "MB", vec![most], Budget::None));
}

/// The demo: program and account in one process.
pub(crate) fn demo(length: Length, report: &mut Report) {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().to_str().expect("a plain path");
    let mut text = Vec::new();
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..length.pick(1, 5) {
        let mut deck = Terminal::start(BINARY, &["demo"], &[("HOME", path), ("MLDECK_HOME", path)]);
        let at = deck.until("text", |screen| !screen.contents().trim().is_empty());
        text.push(millis(at, deck.started));
        let at = deck.until_shows("fraud-prod");
        rows.push(millis(at, deck.started));
        deck.read_for(Duration::from_secs(length.pick(4, 15)));
        memory.push(deck.memory("VmRSS"));
        deck.leave();
    }
    report.add(Figure::new("demo: exec → first text", "ms", text, Budget::None));
    report.add(Figure::new("demo: exec → first rows", "ms", rows, Budget::None));
    report.add(Figure::new("demo: memory", "MB", memory, Budget::None));
}

/// Nobody types. A minute of nothing, and a minute of an account that lives on screen.
pub(crate) fn idle(length: Length, report: &mut Report) {
    let account = Account::open(35);
    let mut deck = account.deck();
    deck.until_shows("PROD");
    deck.until_shows("fraud-prod");
    // The first reads of everything; then the ledger, which no poll changes.
    deck.read_for(Duration::from_secs(length.pick(3, 20)));
    let span = match length {
        Length::Quick => Duration::from_secs(5),
        Length::Short => Duration::from_secs(15),
        Length::Full => Duration::from_secs(60),
    };
    let secs = span.as_secs_f64();
    let minute = |deck: &mut Terminal| {
        let before = deck.processor();
        let came = deck.read_for(span);
        let busy = (deck.processor() - before) / secs * 100.0;
        (came, busy)
    };
    let (came, busy) = minute(&mut deck);
    let total: u64 = came.iter().map(|(_, bytes)| bytes).sum();
    report.add(Figure::new(
        format!("endpoints of a living account, {secs} s: bytes"),
        "bytes/s",
        vec![total as f64 / secs],
        Budget::None,
    ));
    report.add(Figure::new("same: processor", "%", vec![busy], Budget::None));
    deck.send("9");
    // The refresh of what the list wanted ends; a message in the status line runs out.
    deck.read_for(Duration::from_secs(length.pick(1, 13)));
    let (came, busy) = minute(&mut deck);
    let total: u64 = came.iter().map(|(_, bytes)| bytes).sum();
    report.add(Figure::new(format!("nothing changes, {secs} s: bytes"), "bytes", vec![total as f64], Budget::Max(0.0)));
    report.add(Figure::new("same: frames with a difference", "frames", vec![came.len() as f64], Budget::None));
    report.add(Figure::new("same: processor", "%", vec![busy], Budget::Max(0.1)));
    deck.leave();
}
