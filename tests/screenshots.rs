//! `screenshots/*.svg`, drawn from the sandbox: they show this version or this test fails.
//! `MLDECK_BLESS=1 cargo test --test screenshots` draws them anew.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/deck.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod deck;
#[path = "support/picture.rs"]
#[allow(unreachable_pub, dead_code, reason = "shared by several test programs")]
mod picture;
#[path = "support/tour.rs"]
#[allow(unreachable_pub, reason = "shared by several test programs")]
mod tour;

use std::path::Path;

use mldeck::widgets::svg::{Palette, svg};

use deck::Options;

#[test]
fn show_this_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let mut deck = Options::of("fraud-burns").size(140, 40).start();
    let mut wrong = Vec::new();
    tour::tour(&mut deck, |deck, name| {
        let picture = svg(&picture::without_request_ids(deck.frame()), &Palette::default());
        wrong.extend(picture::check(&folder.join(format!("{name}.svg")), &picture).err());
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
