//! What must never reach AWS: whatever is not a capital, a menu's action or a typed command, in any view, in any order.

use mldeck::{
    app::{Command, Effect, nav::Nav, pane::Pane, update},
    keys::{Code, Key},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::deck::{Deck, Options, minutes, parse};

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (200, 50), (1, 1)];

/// Ways into every view and layer.
const VIEWS: [&str; 20] = [
    "2",
    "2<enter>",
    "2<enter>h",
    "2l",
    "2d",
    "2y",
    "3",
    "3<enter>",
    "4",
    "4<enter>",
    "4g<space><space>=",
    "6",
    "6<enter>",
    "9",
    "1",
    "@",
    "2a",
    "?",
    ":",
    "2/",
];

fn deck(size: (u16, u16)) -> Deck {
    let mut deck = Options::of("fraud-burns").size(size.0, size.1).start();
    deck.advance(minutes(1));
    deck.effects();
    deck
}

/// At the root of the endpoints, as after the start.
fn home(deck: &mut Deck) {
    deck.model.layers.clear();
    deck.model.pending.clear();
    deck.model.frozen = false;
    deck.model.nav = Nav::new(Pane::Endpoints);
    deck.quiet();
}

#[track_caller]
fn nothing_sent(deck: &mut Deck, after: &str) {
    let sent: Vec<Effect> = deck.effects().into_iter().filter(|e| matches!(e, Effect::Send { .. })).collect();
    assert_eq!(sent, Vec::new(), "after {after}");
    let _ = deck.frame();
}

/// The keys that mean something harmless where the deck is now.
fn harmless(deck: &Deck) -> Vec<(String, Command)> {
    let scopes = update::scopes(&deck.model);
    let reachable = deck.model.keymap.reachable(&scopes);
    reachable.into_iter().filter(|hint| !hint.command.spec().mutates).map(|hint| (hint.keys, hint.command)).collect()
}

fn press(deck: &mut Deck, keys: &str) {
    for key in keys.split_whitespace() {
        deck.press(key.parse().expect("the key map spells keys that it reads"));
    }
}

#[test]
fn every_harmless_command_in_every_view_sends_nothing() {
    let mut deck = deck((80, 24));
    for view in VIEWS {
        home(&mut deck);
        deck.keys(view);
        for (keys, command) in harmless(&deck) {
            home(&mut deck);
            for key in parse(view) {
                deck.press(key);
            }
            press(&mut deck, &keys);
            nothing_sent(&mut deck, &format!("{view} {keys} ({})", command.name()));
        }
    }
}

#[test]
fn harmless_commands_in_any_order_send_nothing_and_never_panic() {
    let config = Config { cases: 6, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    for size in SIZES {
        let mut deck = deck(size);
        let steps = prop::collection::vec((0..VIEWS.len(), any::<prop::sample::Index>(), 0..12_u8), 40);
        let mut runner = TestRunner::new_with_rng(
            config.clone(),
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        );
        let deck = std::cell::RefCell::new(&mut deck);
        let walk = runner.run(&steps, |steps| {
            let deck = &mut **deck.borrow_mut();
            home(deck);
            for (view, which, jump) in steps {
                if jump == 0 {
                    home(deck);
                    deck.keys(VIEWS[view]);
                }
                let choices = harmless(deck);
                if choices.is_empty() {
                    home(deck);
                    continue;
                }
                let (keys, command) = which.get(&choices).clone();
                press(deck, &keys);
                nothing_sent(deck, &format!("{keys} ({})", command.name()));
            }
            deck.quiet();
            Ok(())
        });
        walk.unwrap_or_else(|wrong| panic!("{size:?}: {wrong}"));
    }
}

/// The same keys in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn letter(&mut self) -> char {
        char::from(b"abcdefghijklmnopqrstuvwxyz"[self.below(26)])
    }
}

#[test]
fn without_a_capital_no_key_ever_sends_anything() {
    const NAMED: [Code; 12] = [
        Code::Enter,
        Code::Enter,
        Code::Esc,
        Code::Tab,
        Code::Backspace,
        Code::Up,
        Code::Down,
        Code::Left,
        Code::Right,
        Code::PageDown,
        Code::Home,
        Code::End,
    ];
    const PLAIN: &[u8] = b" !@?:/=[]-,.\\{}0123456789";
    let mut random = Random(2_611);
    for size in [(80, 24), (40, 10)] {
        let mut deck = deck(size);
        for round in 0..40 {
            home(&mut deck);
            deck.keys(VIEWS[random.below(VIEWS.len())]);
            for _ in 0..25 {
                let key = match random.below(10) {
                    0..=2 => Key::plain(NAMED[random.below(NAMED.len())]),
                    3 => Key { ctrl: true, ..Key::char(random.letter()) },
                    4 => Key { alt: true, ..Key::char(random.letter().to_ascii_uppercase()) },
                    5 => Key::char(char::from(PLAIN[random.below(PLAIN.len())])),
                    _ => Key::char(random.letter()),
                };
                deck.press(key);
                nothing_sent(&mut deck, &format!("round {round}: {key}"));
            }
            deck.quiet();
        }
        assert_eq!(deck.model.session.armed, None, "nor armed");
    }
}
