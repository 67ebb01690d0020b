//! The ledger that hosts share, as the deck sees it: what is in the journal is brought there beside everything else, and tried
//! again for as long as it is not.

use mldeck_core::{fault::Fault, scope::Scope, time::Monotonic};

use super::{model::Model, msg::Effect};

/// Between two tries while the table cannot be reached, milliseconds.
const AGAIN: u64 = 60_000;

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    /// When it is tried next; `None` while nothing is left to do.
    due: Option<Monotonic>,
    under_way: bool,
    /// Something came while it was under way.
    again: bool,
    /// The scope whose records were looked through since the deck began.
    of: Option<Scope>,
    /// Records that are not there yet, and why.
    left: Option<(usize, String)>,
}

impl Sharing {
    pub const fn due(&self) -> Option<Monotonic> {
        self.due
    }

    /// Records that are not there yet, after a try that failed.
    pub fn left(&self) -> Option<usize> {
        self.left.as_ref().map(|(left, _)| *left)
    }

    /// There is something new.
    pub const fn hurry(&mut self, mono: Monotonic) {
        self.due = Some(mono);
    }
}

/// Begins when who we are and what the journal has are known; never in a deck that may change nothing.
pub fn tick(model: &mut Model, out: &mut Vec<Effect>) {
    let mono = model.at.mono;
    let owner = model.session.owner.as_ref().filter(|_| !model.session.read_only);
    let place = owner.and_then(|owner| Some((model.session.scope()?, &owner.host)));
    let team = &mut model.ops.team;
    let (Some((scope, host)), Some(Ok(()))) = (place, &model.ops.journal) else {
        team.due = None;
        return;
    };
    if team.of.as_ref() != Some(scope) {
        team.of = Some(scope.clone());
        team.due = Some(mono);
    }
    if team.due.is_some_and(|due| due <= mono) {
        team.due = None;
        team.again = team.under_way;
        if !std::mem::replace(&mut team.under_way, true) {
            out.push(Effect::Share { scope: scope.clone(), host: host.clone() });
        }
    }
}

/// One try ended.
pub fn on_shared(model: &mut Model, left: usize, fault: Option<&Fault>) {
    let mono = model.at.mono;
    let team = &mut model.ops.team;
    team.under_way = false;
    let Some(fault) = fault else {
        team.due = std::mem::take(&mut team.again).then_some(mono);
        if team.left.take().is_some() {
            model.say("The team ledger has everything again.");
        }
        return;
    };
    team.due = Some(mono.plus(AGAIN));
    let now = Some((left, fault.kind.brief()));
    let is_news = std::mem::replace(&mut team.left, now.clone()) != now;
    let why = fault.kind.brief();
    if is_news {
        let text = format!(
            "{left} records are not in the team ledger yet ({why}); the journal has them, and it is tried again."
        );
        model.complain(text);
    }
}
