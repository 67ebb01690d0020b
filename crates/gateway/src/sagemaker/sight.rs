//! Whether Search sees what there is. Some addresses answer it with nothing, whatever there is: moto finds no pipeline
//! execution at all, and nothing where times are compared. Nothing is also the right answer of an account that is new, so
//! a Search that has found nothing yet is compared with another question, now and then.

use mldeck_core::time::{MINUTE, Timestamp};

use crate::memory::Bounded;

/// How long the outcome of a comparison holds: long beside a poll, which it would double where nothing happens; short for
/// who has just put the first thing behind an address that is blind to it.
const HOLDS: i64 = 2 * MINUTE;

/// What is known of Search, by what is searched.
#[derive(Debug)]
pub(crate) struct Sight(Bounded<Seen>);

#[derive(Clone, Copy, Debug)]
enum Seen {
    /// It has found something: from then on nothing means nothing.
    Something,
    /// It has found nothing; `blind` when the other question has found something. Asked again at `compared`, it may have
    /// found nothing, too: that is no news.
    Nothing { compared: Timestamp, blind: bool },
}

impl Default for Sight {
    fn default() -> Self {
        Self(Bounded::new(32))
    }
}

impl Sight {
    /// The other question is the one to ask.
    pub(crate) fn is_blind(&self, what: &str, now: Timestamp) -> bool {
        matches!(self.0.get(what), Some(Seen::Nothing { compared, blind: true }) if now < compared.plus(HOLDS))
    }

    /// Search found nothing: is the other question to be asked as well?
    pub(crate) fn doubts(&self, what: &str, now: Timestamp) -> bool {
        match self.0.get(what) {
            None => true,
            Some(Seen::Something) => false,
            Some(Seen::Nothing { compared, .. }) => now >= compared.plus(HOLDS),
        }
    }

    pub(crate) fn found(&self, what: &str) {
        self.0.put(what, Seen::Something);
    }

    /// The other question was asked; `found` when it found what Search had not.
    pub(crate) fn compared(&self, what: &str, now: Timestamp, found: bool) {
        let was_blind = matches!(self.0.get(what), Some(Seen::Nothing { blind: true, .. }));
        self.0.put(what, Seen::Nothing { compared: now, blind: found || was_blind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_400_000_000);

    #[test]
    fn nothing_is_doubted_until_something_was_found() {
        let (sight, later) = (Sight::default(), NOW.plus(HOLDS));
        assert!(sight.doubts("PipelineExecution", NOW));
        sight.compared("PipelineExecution", NOW, false);
        assert!(!sight.doubts("PipelineExecution", later.plus(-1)) && sight.doubts("PipelineExecution", later));
        assert!(!sight.is_blind("PipelineExecution", NOW) && sight.doubts("TrainingJob", NOW));
        sight.found("PipelineExecution");
        assert!(!sight.doubts("PipelineExecution", later.plus(HOLDS)));
    }

    #[test]
    fn blindness_is_looked_into_again() {
        let (sight, later) = (Sight::default(), NOW.plus(HOLDS));
        sight.compared("TrainingJob", NOW, true);
        assert!(sight.is_blind("TrainingJob", later.plus(-1)) && !sight.doubts("TrainingJob", later.plus(-1)));
        assert!(!sight.is_blind("TrainingJob", later) && sight.doubts("TrainingJob", later));
        sight.compared("TrainingJob", later, false);
        assert!(sight.is_blind("TrainingJob", later), "nothing beside nothing is no news");
        sight.found("TrainingJob");
        assert!(!sight.is_blind("TrainingJob", later));
    }
}
