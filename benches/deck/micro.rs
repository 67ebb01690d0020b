//! Parts of the loop alone, in this process: what a key, a reply and a frame cost.

use std::hint::black_box;

use mldeck::{
    app::{Msg, Slot, update},
    keys::{Key, key::Code},
    run::clock,
    term::{Caps, Depth, backend::Painter},
    theme::Theme,
    ui,
};
use mldeck_core::{
    column::Now,
    mask,
    query::{Query, Row},
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    Length,
    estate::{self, Deck, SIZE, endpoints, start_of_time, whole},
    report::{Budget, Figure, Report},
};

const ROWS: usize = 20_000;

/// Milliseconds of each of `n` runs. `prepare` is not measured.
fn timed<S, R>(n: usize, mut prepare: impl FnMut() -> S, mut work: impl FnMut(S) -> R) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let state = prepare();
            let start = clock::instant();
            let result = black_box(work(state));
            let took = clock::instant().saturating_duration_since(start);
            drop(result);
            took.as_secs_f64() * 1_000.0
        })
        .collect()
}

pub(crate) fn run(length: Length, report: &mut Report) {
    let n = length.pick(200, 2_000);
    let few = length.pick(10, 60);
    let nothing = timed(1_000, || (), |()| ());
    let mut add = |name: &str, samples, budget| report.add(Figure::new(name, "ms", samples, budget).against(&nothing));
    frames(n, &mut add);
    messages(n, few, &mut add);
    queries(few, &mut add);
    masks(n, &mut add);
}

type Add<'a> = &'a mut dyn FnMut(&str, Vec<f64>, Budget);

fn frames(n: usize, add: Add<'_>) {
    let caps = Caps { depth: Depth::True, unicode: true, lean: false };
    let theme = Theme::load("dark", caps.depth, &[]).expect("a theme of ours");
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut deck = Deck::open(ROWS);
    let mut buffer = Buffer::empty(area);
    let mut view = |deck: &Deck| {
        timed(
            n,
            || (),
            |()| {
                buffer.reset();
                ui::view(&deck.model, &theme, &caps, &mut buffer)
            },
        )
    };
    add("view: endpoints table, 20,000 rows", view(&deck), Budget::P99(1.0));
    deck.say(Msg::Key { key: Key::plain(Code::Enter), burst: false });
    deck.settle();
    for _ in 0..4 {
        deck.pass(250);
        deck.say(Msg::Wake);
        deck.settle();
    }
    add("view: endpoint detail with charts", view(&deck), Budget::P99(1.0));

    let mut deck = Deck::open(ROWS);
    let mut painter = Painter::default();
    let mut out = Vec::with_capacity(1 << 18);
    let mut paint = |key: &dyn Fn(usize) -> char| {
        let mut at = 0;
        timed(
            n,
            || {
                at += 1;
                deck.say(Msg::Key { key: Key::char(key(at)), burst: false });
                deck.settle();
                let mut buffer = Buffer::empty(area);
                ui::view(&deck.model, &theme, &caps, &mut buffer);
                buffer
            },
            |buffer| {
                out.clear();
                painter.paint(buffer, None, &mut out)
            },
        )
    };
    add("paint: a cursor move as bytes", paint(&|at| if at % 40 < 20 { 'j' } else { 'k' }), Budget::None);
    add("paint: another pane as bytes", paint(&|at| if at % 2 == 0 { '2' } else { '9' }), Budget::None);
}

fn messages(n: usize, few: usize, add: Add<'_>) {
    let mut deck = Deck::open(ROWS);
    let mut at = 0;
    let keys = timed(
        n,
        || (),
        |()| {
            at += 1;
            let key = Key::char(if at % 40 < 20 { 'j' } else { 'k' });
            let effects = update::update(&mut deck.model, deck.at, Msg::Key { key, burst: false });
            (effects, update::settle(&mut deck.model, deck.at))
        },
    );
    add("update and settle: a cursor move", keys, Budget::None);
    let wakes = timed(
        n,
        || (),
        |()| {
            let effects = update::update(&mut deck.model, deck.at, Msg::Wake);
            (effects, update::settle(&mut deck.model, deck.at))
        },
    );
    add("update and settle: a wake-up", wakes, Budget::None);

    // As the loop sees it: the whole list arrives, becomes the table and is handed to the cache.
    let mut deck = Deck::open(ROWS);
    let mut replies = Vec::new();
    for _ in 0..few {
        deck.pass(20_000);
        let asks = update::settle(&mut deck.model, deck.at);
        for effect in asks {
            let mldeck::app::Effect::Ask { slot, ticket, ask } = effect else { continue };
            let result = estate::answer(&ask, ROWS);
            let start = clock::instant();
            let out = update::update(&mut deck.model, deck.at, Msg::Reply { slot, ticket, result });
            let more = update::settle(&mut deck.model, deck.at);
            let took = clock::instant().saturating_duration_since(start).as_secs_f64() * 1_000.0;
            black_box((out, more));
            if slot == Slot::Endpoints {
                replies.push(took);
            }
        }
    }
    add("update and settle: a list of 20,000 arrives", replies, Budget::None);

    let mut deck = Deck::open(ROWS);
    let now = deck.at.now;
    let mut table = |name: &str, change: &mut dyn FnMut(&mut Deck)| {
        let samples = timed(
            few,
            || (),
            |()| {
                change(&mut deck);
                deck.model.endpoints.settle(now);
            },
        );
        add(name, samples, Budget::None);
    };
    table("settle: 20,000 rows, sorted by health", &mut |deck| deck.model.endpoints.sort_by("health", false));
    table("settle: 20,000 rows, sorted by name", &mut |deck| deck.model.endpoints.sort_by("name", false));
    table("settle: 20,000 rows, sorted by time", &mut |deck| deck.model.endpoints.sort_by("created", true));
    table("filter: 20,000 rows by a word", &mut |deck| deck.model.endpoints.set_filter("fraud"));
    table("filter: 20,000 rows by a column", &mut |deck| deck.model.endpoints.set_filter("status=Failed"));
}

fn queries(few: usize, add: Add<'_>) {
    let rows: Vec<_> = endpoints(ROWS).into_iter().map(whole).collect();
    let now = Now(start_of_time());
    for text in [
        "fraud 0042",
        "'frdprd",
        "/prod-0[12]/",
        "!Failed",
        "status:fail",
        "p99>500",
        "created<2d",
        "health:problem",
        "(fraud or churn) status=InService",
    ] {
        let query = Query::parse(text).expect("a query");
        let samples = timed(few, || (), |()| rows.iter().filter(|row| query.matches(&Row(*row, now))).count());
        add(&format!("query: `{text}` over 20,000 rows"), samples, Budget::None);
    }
}

fn masks(n: usize, add: Add<'_>) {
    let plain = "2026-11-21T02:24:10Z INFO worker 7 served /invocations in 21 ms for arn:aws:sagemaker:eu-west-1:447100000921:endpoint/fraud-prod";
    let secret = format!(
        "fetching https://example.com/m.tar.gz?X-Amz-Signature={} with password=hunter2hunter2",
        "5f".repeat(32)
    );
    add("mask::line: a log line without a secret", timed(n, || (), |()| mask::line(plain)), Budget::None);
    add("mask::line: a signed link and a password", timed(n, || (), |()| mask::line(&secret)), Budget::None);
    let long = plain.repeat(64);
    add("mask::line: 8 KB", timed(n, || (), |()| mask::line(&long)), Budget::None);
}
