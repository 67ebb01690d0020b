//! The network side of mldeck.
