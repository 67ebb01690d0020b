//! One walk through the deck that shows its main screens: the screen dumps and the screenshots are taken on it.

use crate::deck::{Deck, minutes, seconds};

/// Calls `show` with the name of each screen while it is up.
pub fn tour(deck: &mut Deck, mut show: impl FnMut(&mut Deck, &str)) {
    deck.advance(minutes(2));
    deck.keys("g").advance(seconds(1));
    show(deck, "endpoints");
    deck.keys("/fraud-prod<enter><enter>").advance(seconds(2));
    show(deck, "endpoint");
    deck.keys("<esc><esc>3").advance(seconds(2));
    show(deck, "pipelines");
    deck.keys("/fraud-train<space>status=Failed<enter><enter>").advance(seconds(2));
    show(deck, "execution");
    deck.keys("<esc>4").wait_for("val/auc", seconds(20));
    deck.keys("/fraud-xgb<space>status=Completed<enter>g<space><space><space>=").advance(seconds(2));
    show(deck, "compare");
    deck.keys("<esc>6").advance(minutes(5));
    deck.keys("g<enter>").advance(seconds(2));
    show(deck, "drift");
    deck.keys("2?");
    show(deck, "help");
    deck.keys("<esc>/fraud-prod<enter>B").advance(minutes(1));
    show(deck, "plan");
    deck.keys("v17<enter>").wait_for("accepted", minutes(1)).advance(minutes(3));
    show(deck, "operation");
}
