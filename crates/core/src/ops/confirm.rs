//! Which keys count as a yes. A stalled link delivers old keys in a burst, a paste delivers many at once, and a hand may
//! still be typing when the plan appears: none of these is consent.

use serde::{Deserialize, Serialize};

use super::{intent::Class, plan::Plan};
use crate::{
    text::Text,
    time::{Monotonic, Timestamp},
};

/// What going on needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirm {
    /// Typing this as drawn (case does not matter), then Enter.
    Typed { target: Text },
    /// One deliberate key, while the focus is on Cancel.
    Key { key: char },
}

/// The one key of a light confirmation.
pub const GO: char = 'y';
/// Keys within this after the plan was written out were meant for what was on the screen before, milliseconds.
pub const SETTLE: u64 = 400;
/// No hand types two keys within this, milliseconds: such keys come from a buffer.
pub const BURST: u64 = 12;
/// After a burst or a paste this much silence is needed, milliseconds.
pub const QUIET: u64 = 600;

/// Letters and digits that no other looks like, in either case and in bad fonts.
const NONCE_ALPHABET: &[u8; 16] = b"acdefhjkmnpruwx4";
const NONCE_LENGTH: usize = 4;
const LONGEST_TARGET: usize = 12;

/// How much a change can do harm, lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Weight {
    /// Reversible at once, and harms nobody who is served: a retry, the start of a run. One key in production too.
    Light,
    /// In production its target is typed.
    Target,
    /// Its target is typed everywhere.
    Heavy,
    /// Cannot be taken back: the whole name is typed.
    Name,
}

impl Confirm {
    pub(super) fn decide(class: Class, weight: Weight, plan: &Plan) -> Self {
        match (weight, class) {
            (Weight::Light, _) | (Weight::Target, Class::Stage | Class::Dev) => Self::Key { key: GO },
            (Weight::Target, Class::Prod) | (Weight::Heavy, _) => {
                Self::Typed { target: Text::new(&target(&plan.to.label, &plan.from.label, &plan.digest)) }
            }
            (Weight::Name, _) => Self::Typed { target: plan.name.clone() },
        }
    }

    /// Whether `typed` names the target: case and spaces do not matter.
    pub fn is_met_by(&self, typed: &str) -> bool {
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        match self {
            Self::Typed { target } => {
                let wanted = bare(target.as_str());
                !wanted.is_empty() && bare(typed).eq_ignore_ascii_case(&wanted)
            }
            Self::Key { key } => {
                let mut chars = typed.chars();
                chars.next() == Some(*key) && chars.next().is_none()
            }
        }
    }
}

/// What the plan leads to, where that is short and differs from what is there; else the plan's nonce.
fn target(label: &str, live: &str, digest: &Text) -> String {
    let short =
        label.len() <= LONGEST_TARGET && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+%".contains(&b));
    let tells = short && !label.is_empty() && !label.eq_ignore_ascii_case(live);
    if tells { label.to_owned() } else { nonce(digest) }
}

/// Four characters from the digest: another plan has others, so they must be read from this one.
fn nonce(digest: &Text) -> String {
    let letter = |byte: u8| char::from(NONCE_ALPHABET[usize::from(byte % 16)]);
    let pairs = digest.as_str().as_bytes().chunks_exact(2).rev();
    pairs
        .take(NONCE_LENGTH)
        .map(|pair| letter(pair.iter().fold(0, |sum, b| b.wrapping_mul(31).wrapping_add(sum))))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Keep reading keys.
    More,
    /// It counts: go.
    Go,
    /// This key did not count; why, for the line below the prompt.
    Ignored(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    NotDrawn,
    Burst,
    Pasted,
    Expired,
    Mismatch,
}

impl Why {
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotDrawn => "typed before it was shown: type it again",
            Self::Burst => "came in one burst: wait, type it again",
            Self::Pasted => "a paste does not count: type it",
            Self::Expired => "this plan is too old: plan again",
            Self::Mismatch => "that is not what the plan says",
        }
    }
}

/// The prompt of one plan. It counts keys; it draws nothing and reads no clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    confirm: Confirm,
    valid_until: Timestamp,
    drawn: Option<Monotonic>,
    last_key: Option<Monotonic>,
    deaf_until: Option<(Monotonic, Why)>,
    typed: String,
}

impl Gate {
    pub fn new(plan: &Plan) -> Self {
        Self::of(plan.confirm.clone(), plan.valid_until)
    }

    /// A prompt that is no single plan's.
    pub const fn of(confirm: Confirm, valid_until: Timestamp) -> Self {
        Self { confirm, valid_until, drawn: None, last_key: None, deaf_until: None, typed: String::new() }
    }

    /// The whole plan was written out to the terminal (not just painted into a buffer).
    pub fn drawn(&mut self, at: Monotonic) {
        self.drawn.get_or_insert(at);
    }

    /// The plan is not whole on the screen any more (resize, stalled link): it must be drawn again first.
    pub fn hidden(&mut self) {
        self.drawn = None;
        self.typed.clear();
    }

    /// The same plan was made again on newer facts: what is typed stands, and the time begins anew.
    pub fn renew(&mut self, plan: &Plan) {
        self.valid_until = self.valid_until.max(plan.valid_until);
    }

    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// True when Enter would go on, as far as the text is concerned.
    pub fn is_matched(&self) -> bool {
        matches!(self.confirm, Confirm::Typed { .. }) && self.confirm.is_met_by(&self.typed)
    }

    pub fn paste(&mut self, at: Monotonic) -> Verdict {
        self.deafen(at, Why::Pasted);
        Verdict::Ignored(Why::Pasted)
    }

    pub fn backspace(&mut self, at: Monotonic) {
        if self.listens(at).is_ok() {
            self.typed.pop();
        }
    }

    /// A character key. For a light confirmation its one key answers `Go`.
    pub fn key(&mut self, at: Monotonic, now: Timestamp, key: char) -> Verdict {
        if let Err(why) = self.listens(at) {
            return Verdict::Ignored(why);
        }
        match &self.confirm {
            Confirm::Typed { .. } => {
                self.typed.push(key);
                Verdict::More
            }
            Confirm::Key { .. } => self.answer(now, &key.to_string()),
        }
    }

    /// Enter. On a light confirmation the focus is on Cancel, so Enter never goes on.
    /// Text as it came: one character that was pressed by itself is a key, everything else a paste.
    pub fn text(&mut self, at: Monotonic, now: Timestamp, text: &str, burst: bool) -> Verdict {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if !burst => self.key(at, now, c),
            _ => self.paste(at),
        }
    }

    pub fn enter(&mut self, at: Monotonic, now: Timestamp) -> Verdict {
        if let Err(why) = self.listens(at) {
            return Verdict::Ignored(why);
        }
        match &self.confirm {
            Confirm::Typed { .. } => self.answer(now, &self.typed),
            Confirm::Key { .. } => Verdict::Ignored(Why::Mismatch),
        }
    }

    fn answer(&self, now: Timestamp, typed: &str) -> Verdict {
        if now > self.valid_until {
            Verdict::Ignored(Why::Expired)
        } else if self.confirm.is_met_by(typed) {
            Verdict::Go
        } else {
            Verdict::Ignored(Why::Mismatch)
        }
    }

    /// Every key passes here, also one that is ignored: that is how a burst shows.
    fn listens(&mut self, at: Monotonic) -> Result<(), Why> {
        let before = self.last_key.replace(at);
        if before.is_some_and(|before| at.since(before) < BURST) {
            self.deafen(at, Why::Burst);
            return Err(Why::Burst);
        }
        if let Some((until, why)) = self.deaf_until {
            if at < until {
                self.deafen(at, why);
                return Err(why);
            }
            self.deaf_until = None;
        }
        match self.drawn {
            Some(drawn) if at.since(drawn) >= SETTLE => Ok(()),
            _ => {
                self.typed.clear();
                Err(Why::NotDrawn)
            }
        }
    }

    fn deafen(&mut self, at: Monotonic, why: Why) {
        self.typed.clear();
        self.last_key = Some(at);
        self.deaf_until = Some((at.plus(QUIET), why));
    }
}
