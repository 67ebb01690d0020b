//! What a round of the loop took, for the log: whoever finds keys slow reads what they waited for.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use tracing::{Level, debug, enabled};

use super::clock;
use crate::app::Msg;

/// From here on a round is told: a key that came at its begin is answered later than it should be (`docs/performance.md`).
const SLOW: Duration = Duration::from_millis(2);

/// The parts of one round, each with its time. Nothing is kept unless lines of this level are.
pub struct Round {
    began: Instant,
    last: Instant,
    parts: Option<Vec<(String, Duration)>>,
}

impl Round {
    pub fn begin() -> Self {
        let now = clock::instant();
        Self { began: now, last: now, parts: enabled!(Level::DEBUG).then(Vec::new) }
    }

    /// Whether parts are kept: labels cost.
    pub const fn is_kept(&self) -> bool {
        self.parts.is_some()
    }

    /// `what` ends here and began where the part before it ended.
    pub fn part(&mut self, what: impl FnOnce() -> String) {
        if let Some(parts) = &mut self.parts {
            let now = clock::instant();
            parts.push((what(), now.saturating_duration_since(self.last)));
            self.last = now;
        }
    }

    /// One line, when it was slow.
    pub fn end(&self) {
        let took = self.last.saturating_duration_since(self.began);
        if let Some(parts) = self.parts.as_ref().filter(|_| took >= SLOW) {
            debug!("{}", line(took, parts));
        }
    }
}

fn line(took: Duration, parts: &[(String, Duration)]) -> String {
    let millis = |span: Duration| span.as_secs_f64() * 1_000.0;
    let mut line = format!("a round took {:.1} ms:", millis(took));
    for (i, (what, span)) in parts.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(line, "{comma} {what} {:.1}", millis(*span));
    }
    line
}

/// What a message is, without what it carries: a key may be part of a typed name.
pub fn label(msg: &Msg) -> String {
    match msg {
        Msg::Reply { slot, .. } => format!("reply {slot:?}"),
        Msg::Cached { kind, .. } => format!("cached {}", kind.plural()),
        Msg::Key { .. } => "key".to_owned(),
        Msg::Paste(_) => "paste".to_owned(),
        Msg::Traffic(_) => "traffic".to_owned(),
        Msg::Wake => "wake-up".to_owned(),
        Msg::Ledger(_) => "ledger".to_owned(),
        Msg::Journaled { .. }
        | Msg::OpRead { .. }
        | Msg::OpSent { .. }
        | Msg::OpLocked { .. }
        | Msg::Claimed { .. } => "operation".to_owned(),
        Msg::Resize(..) => "resize".to_owned(),
        _ => "message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Slot, Ticket},
        keys::Key,
    };

    #[test]
    fn a_line_names_each_part_with_its_time() {
        let parts = [("reply Endpoints".to_owned(), Duration::from_micros(3_140)), ("draw".to_owned(), Duration::ZERO)];
        assert_eq!(line(Duration::from_micros(3_140), &parts), "a round took 3.1 ms: reply Endpoints 3.1, draw 0.0");
    }

    #[test]
    fn a_label_tells_nothing_of_what_was_typed() {
        let key = Key::char('q');
        assert_eq!(label(&Msg::Key { key, burst: false }), "key");
        assert_eq!(label(&Msg::Paste("secret".to_owned())), "paste");
        let fault = mldeck_core::fault::Fault::new(mldeck_core::fault::FaultKind::Timeout, "asking", "x");
        let reply = Msg::Reply { slot: Slot::Alarms, ticket: Ticket(1), result: Err(fault) };
        assert_eq!(label(&reply), "reply Alarms");
    }
}
