//! The rules that hold an operation together, by name. A debug build can go without one on this thread, to show that somebody
//! notices; a release build has no way to go without any.

#[cfg(debug_assertions)]
use std::cell::Cell;

macro_rules! rules {
    ($($rule:ident: $number:literal $without:literal;)*) => {
        /// What planner, executor, gate and store never do without.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule { $($rule,)* }

        impl Rule {
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// Which of the thirteen rules of an operation it belongs to.
            pub const fn number(self) -> u8 {
                match self { $(Self::$rule => $number,)* }
            }

            /// What happens without it, in one clause.
            pub const fn without(self) -> &'static str {
                match self { $(Self::$rule => $without,)* }
            }
        }
    };
}

rules! {
    PlanIntact: 1 "a plan that was changed after it was made is carried out";
    Lifetime: 1 "a plan that is older than ten minutes is begun";
    ReadBeforeSend: 2 "no last look before the change";
    JudgeByState: 2 "InService is taken for success, whose deployment it ever was";
    JournalFirst: 3 "a call leaves before its intent is on disk";
    StopWithoutJournal: 3 "calls go on after the journal failed";
    LostIsUnknown: 4 "an error of the service, or no answer, is taken for a no";
    ThrottleWaits: 4 "what was throttled is sent again at once";
    ResolveUnknown: 5 "a lost call is repeated blindly";
    WaitForLanding: 5 "… is repeated before it can land no more";
    ResumeByReading: 5 "after a restart an open intent is sent again";
    TagChanges: 6 "what was changed carries no plan";
    PlanInNames: 6 "what is made is named without the plan";
    Guardrails: 7 "a deployment without alarms, bake and kept fleet";
    BlindHolds: 8 "AWS cannot be seen, and that is taken for the end";
    NumbersDecide: 8 "calls of which there is no number are taken for good ones";
    WayBack: 9 "whether there is a way back, and whether it leads anywhere, is not asked";
    TimeThatPassed: 10 "a clock that was moved counts as time that passed";
    OneWriter: 11 "a second process acts on the same plan";
    FreshEyes: 12 "an answer that was long on its way counts as a look";
    StillNeeded: 13 "what serves, or served of late, may be deleted";
    Leave: 13 "a write that nobody confirmed leaves";
}

#[cfg(debug_assertions)]
thread_local! {
    static WITHOUT: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// From now on this thread goes without that rule, or keeps all of them again.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn go_without(rule: Option<Rule>) {
    WITHOUT.set(rule);
}

/// True where this thread goes without that rule.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn breaks(rule: Rule) -> bool {
    WITHOUT.get() == Some(rule)
}

/// Never: every rule is kept.
#[cfg(not(debug_assertions))]
#[doc(hidden)]
pub const fn breaks(_: Rule) -> bool {
    false
}
