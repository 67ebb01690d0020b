//! What this terminal can show. Decided once, before input is read; the terminal is never queried.

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// No colour: modifiers only.
    Mono,
    #[default]
    Ansi16,
    Ansi256,
    True,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub depth: Depth,
    /// False: every symbol has an ASCII form.
    pub unicode: bool,
    /// The link is slow: no full-row background, charts on demand.
    pub lean: bool,
}
