//! What a frame, a key and an idle minute may cost: exact numbers, no clocks. How long it takes is measured by
//! `cargo bench`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/alloc.rs"]
#[allow(unreachable_pub, reason = "a module of a test program")]
mod alloc;
#[path = "../benches/support/estate.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared with the benchmark")]
mod estate;

use std::collections::BTreeMap;

use alloc::asked;
use estate::{Deck, SIZE};
use mldeck::{
    app::{Effect, Msg, Slot, msg::Traffic, update, wake},
    keys::{Key, key::Code},
    term::{Caps, Depth, backend::Painter},
    theme::Theme,
    ui,
};
use mldeck_core::ask::Answer;
use ratatui::{buffer::Buffer, layout::Rect};

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

/// The terminal's side of the program: paints frames and counts what they cost.
struct Screen {
    theme: Theme,
    caps: Caps,
    painter: Painter,
    spare: Option<Buffer>,
    out: Vec<u8>,
}

impl Screen {
    fn new() -> Self {
        let caps = Caps { depth: Depth::True, unicode: true, lean: false };
        let theme = Theme::load("dark", caps.depth, &[]).expect("a theme of ours");
        Self { theme, caps, painter: Painter::default(), spare: None, out: Vec::with_capacity(1 << 20) }
    }

    /// Draws a frame as the writer does and returns its bytes.
    fn draw(&mut self, deck: &Deck) -> &[u8] {
        let area = Rect::new(0, 0, SIZE.0, SIZE.1);
        let mut buffer = self.spare.take().unwrap_or_else(|| Buffer::empty(area));
        buffer.reset();
        let cursor = ui::view(&deck.model, &self.theme, &self.caps, &mut buffer).map(|at| (at.x, at.y));
        self.out.clear();
        self.spare = self.painter.paint(buffer, cursor, &mut self.out);
        &self.out
    }
}

fn press(deck: &mut Deck, key: Key) {
    deck.say(Msg::Key { key, burst: false });
    deck.settle();
}

#[test]
fn a_cursor_move_is_at_most_300_bytes() {
    let mut deck = Deck::open(20_000);
    let mut screen = Screen::new();
    assert!(screen.draw(&deck).len() > 2_000, "the first frame is a whole screen");
    for key in "jjjjjkkjjjjjjjjkjj".chars() {
        press(&mut deck, Key::char(key));
        let bytes = screen.draw(&deck);
        assert!((1..=300).contains(&bytes.len()), "{} bytes: {}", bytes.len(), bytes.escape_ascii());
    }
}

#[test]
fn counters_that_tremble_write_nothing() {
    let mut deck = Deck::open(1_000);
    let mut screen = Screen::new();
    let mut told = |calls_per_min: f64, dollars_per_hour: f64| {
        deck.say(Msg::Traffic(Traffic { calls_per_min, dollars_per_hour, recent: Vec::new() }));
        deck.settle();
        screen.draw(&deck).escape_ascii().to_string()
    };
    told(38.0, 0.04);
    for (calls, dollars) in [(39.0, 0.05), (45.0, 0.04), (36.0, 0.05), (49.0, 0.03), (31.0, 0.04)] {
        assert_eq!(told(calls, dollars), "", "{calls} calls");
    }
    let more = told(52.0, 0.07);
    assert!(more.contains('5') && more.len() < 60, "{more}");
}

#[test]
fn an_unchanged_frame_is_zero_bytes() {
    let mut deck = Deck::open(1_000);
    let mut screen = Screen::new();
    screen.draw(&deck);
    assert_eq!(screen.draw(&deck), b"");
    deck.pass(900);
    deck.say(Msg::Wake);
    deck.settle();
    assert_eq!(screen.draw(&deck).escape_ascii().to_string(), "", "less than a minute later");
}

/// Allocations of a settled frame with so many rows; `open` is typed first.
fn frame(rows: usize, open: &[Key]) -> alloc::Asked {
    let mut deck = Deck::open(rows);
    for key in open {
        press(&mut deck, *key);
        // The questions of an opened view wait for the scrolling to end.
        deck.pass(250);
        deck.say(Msg::Wake);
        deck.settle();
    }
    let mut screen = Screen::new();
    screen.draw(&deck);
    screen.draw(&deck);
    let (_, cost) = asked(|| screen.draw(&deck).len());
    cost
}

#[test]
fn a_frame_costs_the_same_with_100_rows_and_with_20_000() {
    let few = frame(100, &[]);
    let many = frame(20_000, &[]);
    // Other rows are in trouble, with names of other lengths, and the foot line has more digits.
    assert_eq!(few.times, many.times, "{few:?} {many:?}");
    assert!(few.bytes.abs_diff(many.bytes) <= 512, "{few:?} {many:?}");
    assert!(many.times <= 4_000, "{many:?} for 43 visible rows");
}

#[test]
fn the_detail_of_an_endpoint_costs_the_same_in_any_account() {
    let enter = [Key::plain(Code::Enter)];
    let few = frame(100, &enter);
    let many = frame(20_000, &enter);
    assert_eq!(few.times, many.times, "{few:?} {many:?}");
    assert!(many.times <= 6_000, "{many:?}");
}

#[test]
fn a_cursor_move_asks_for_no_memory_by_the_row() {
    let cost = |rows| {
        let mut deck = Deck::open(rows);
        press(&mut deck, Key::char('j'));
        let (_, cost) = asked(|| press(&mut deck, Key::char('j')));
        cost
    };
    let (few, many) = (cost(100), cost(20_000));
    assert_eq!(few.times, many.times, "{few:?} {many:?}");
}

/// The next poll of the endpoints, which tells what the first one told; what it costs to take it.
fn poll(deck: &mut Deck, rows: usize) -> (Vec<Effect>, alloc::Asked) {
    deck.pass(21_000);
    let ticket = update::settle(&mut deck.model, deck.at).into_iter().find_map(|effect| match effect {
        Effect::Ask { slot: Slot::Endpoints, ticket, .. } => Some(ticket),
        _ => None,
    });
    let ticket = ticket.expect("the list is asked for every 20 s");
    let result = Ok(Answer::Endpoints { rows: estate::endpoints(rows), more: None });
    asked(|| update::update(&mut deck.model, deck.at, Msg::Reply { slot: Slot::Endpoints, ticket, result }))
}

#[test]
fn a_poll_that_brings_nothing_new_copies_no_row() {
    let mut deck = Deck::open(20_000);
    let keeps = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Keep { .. }));
    let (first, _) = poll(&mut deck, 20_000);
    assert!(keeps(&first), "details and metrics came since the rows were kept");
    let (second, cost) = poll(&mut deck, 20_000);
    assert!(second.iter().any(|effect| matches!(effect, Effect::Still { .. })) && !keeps(&second), "{second:?}");
    assert!(cost.times <= 20 && cost.bytes <= 2_048, "{cost:?}");
    let (third, _) = poll(&mut deck, 19_999);
    assert!(keeps(&third), "a row is gone");
}

#[test]
fn an_idle_endpoints_pane_asks_exactly_this_in_half_an_hour() {
    let mut deck = Deck::open(500);
    deck.asked.clear();
    let (asked, _) = idle(&mut deck, 30);
    let want = BTreeMap::from([
        (Slot::Identity, 6),
        (Slot::Endpoints, 90),
        // Read again when older than ten minutes: at 10:20 and 20:40.
        (Slot::Details, 2),
        (Slot::Vitals, 30),
        (Slot::Alarms, 30),
        (Slot::Changes, 3),
        (Slot::Executions, 20),
    ]);
    assert_eq!(asked, want);
}

#[test]
fn an_idle_minute_wakes_up_exactly_this_often_and_writes_nothing() {
    let mut deck = Deck::open(500);
    let mut screen = Screen::new();
    idle(&mut deck, 30);
    screen.draw(&deck);
    let mut frames = Vec::new();
    let (_, wakes) = idle_with(&mut deck, 1, |deck| frames.push(screen.draw(deck).to_vec()));
    assert_eq!(wakes, 4);
    frames.retain(|bytes| !bytes.is_empty());
    assert_eq!(frames.iter().map(|bytes| bytes.escape_ascii().to_string()).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_burst_of_keys_is_one_frame_and_asks_no_more_than_one_key() {
    let mut deck = Deck::open(20_000);
    let mut screen = Screen::new();
    screen.draw(&deck);
    deck.asked.clear();
    for _ in 0..10 {
        deck.say(Msg::Key { key: Key::char('j'), burst: true });
    }
    deck.settle();
    let bytes = screen.draw(&deck);
    assert!((1..=300).contains(&bytes.len()), "ten moves are one: {}", bytes.escape_ascii());
    assert_eq!(bytes.windows(8).filter(|window| window == b"\x1b[?2026h").count(), 1);
    assert_eq!(screen.draw(&deck), b"");
    assert_eq!(deck.asked, [], "a moved cursor is no question to AWS");
}

/// Lets minutes pass as the loop does: it sleeps until the model's own deadline and wakes up.
fn idle(deck: &mut Deck, minutes: u64) -> (BTreeMap<Slot, usize>, usize) {
    idle_with(deck, minutes, |_| {})
}

/// As [`idle`]; `draw` is called where the loop draws. Returns what was asked, and how often it woke up.
fn idle_with(deck: &mut Deck, minutes: u64, mut draw: impl FnMut(&Deck)) -> (BTreeMap<Slot, usize>, usize) {
    let end = deck.at.mono.plus(minutes * 60_000);
    let before = deck.asked.len();
    let mut wakes = 0;
    loop {
        let next = wake::next_wakeup(&deck.model, deck.at).expect("polls and ages");
        assert!(next > deck.at.mono, "a deadline in the past would spin");
        if next > end {
            deck.pass(end.since(deck.at.mono));
            break;
        }
        deck.pass(next.since(deck.at.mono));
        wakes += 1;
        deck.say(Msg::Wake);
        deck.settle();
        draw(deck);
    }
    let mut asked = BTreeMap::new();
    for slot in &deck.asked[before..] {
        *asked.entry(*slot).or_default() += 1;
    }
    (asked, wakes)
}
