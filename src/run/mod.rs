//! The loop around the deck, and who performs its effects.

pub use mldeck_deck::run::*;

pub mod effects;
pub mod event_loop;
