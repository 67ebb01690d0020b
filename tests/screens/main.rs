//! The main screens, cell by cell, as committed in `tests/screens/`: what they say and how they are coloured. After a
//! wanted change: `MLDECK_BLESS=1 cargo test --test screens`, then read the difference.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../support/deck.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod deck;
#[path = "../support/kept.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod kept;
#[path = "../support/picture.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod picture;
#[path = "../support/tour.rs"]
#[allow(unreachable_pub, reason = "shared by several test programs")]
mod tour;

use std::path::Path;

use mldeck::{
    term::{Caps, caps::Depth},
    theme::Theme,
};

use deck::Options;

const PLAIN: Caps = Caps { depth: Depth::Mono, unicode: false, lean: false };

fn screens(width: u16, height: u16) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{width}x{height}"));
    let mut deck = Options::of("fraud-burns").size(width, height).start();
    let mono = Theme::load("mono", Depth::Mono, &[]).unwrap();
    let mut wrong = Vec::new();
    tour::tour(&mut deck, |deck, name| {
        let dark = picture::dump(&picture::without_request_ids(deck.frame()));
        wrong.extend(kept::check(&folder.join(format!("{name}.txt")), &dark).err());
        // The same moment in a terminal without colours and without Unicode.
        let (theme, caps) =
            (std::mem::replace(&mut deck.theme, mono.clone()), std::mem::replace(&mut deck.caps, PLAIN));
        let plain = picture::dump(&picture::without_request_ids(deck.frame()));
        (deck.theme, deck.caps) = (theme, caps);
        if !plain.is_ascii() {
            wrong.push(format!("{name} at {width}x{height} has more than ASCII"));
        }
        wrong.extend(kept::check(&folder.join(format!("{name}.ascii.txt")), &plain).err());
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn at_80_by_24() {
    screens(80, 24);
}

#[test]
fn at_120_by_40() {
    screens(120, 40);
}

#[test]
fn at_200_by_50() {
    screens(200, 50);
}
