//! Everything an operator can tell the deck to do, declared once. Dispatch, help, palette, prompt, keymap and
//! `docs/keys.md` read this list; a screen is never a verb, so motions are the same everywhere.

/// Where keys are looked up. The deck keeps a stack of these, innermost first; [`Scope::Global`] is under the stack
/// unless one of its scopes is modal, and [`Scope::Always`] is under everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Even while text is typed or a plan is confirmed.
    Always,
    Global,
    Table,
    Detail,
    /// Curves, scatter, parallel coordinates: compare and metrics.
    Chart,
    /// The step graph of a pipeline run.
    Graph,
    /// The drift heat map.
    Heat,
    Log,
    /// One line of input: filter, command line, typed confirmation.
    Text,
    /// The plan before anything happens; lies above [`Scope::Text`] where a target is typed.
    Confirm,
    Help,
    /// Action menu, copy menu, pickers.
    Menu,
    /// A sign-in that waits for somebody in a browser.
    SignIn,
    /// The command line with its suggestions; lies above [`Scope::Text`].
    Palette,
}

impl Scope {
    pub const ALL: &'static [Self] = &[
        Self::Always,
        Self::Global,
        Self::Table,
        Self::Detail,
        Self::Chart,
        Self::Graph,
        Self::Heat,
        Self::Log,
        Self::Text,
        Self::Confirm,
        Self::Help,
        Self::Menu,
        Self::SignIn,
        Self::Palette,
    ];

    /// As key files spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Global => "global",
            Self::Table => "table",
            Self::Detail => "detail",
            Self::Chart => "chart",
            Self::Graph => "graph",
            Self::Heat => "heat",
            Self::Log => "log",
            Self::Text => "text",
            Self::Confirm => "confirm",
            Self::Help => "help",
            Self::Menu => "menu",
            Self::SignIn => "sign-in",
            Self::Palette => "palette",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }

    /// True where global keys do not reach: a letter is text there, or the overlay must not act on what lies below it.
    pub const fn is_modal(self) -> bool {
        matches!(self, Self::Text | Self::Confirm | Self::Help | Self::Menu | Self::SignIn | Self::Palette)
    }
}

/// What the registry says about one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Stable: key files, `:` and crash reports use it.
    pub name: &'static str,
    /// One line, for help and the palette.
    pub doc: &'static str,
    /// Where it means something. A global command may be bound in every scope that is not modal, too.
    pub scopes: &'static [Scope],
    /// Leads, once confirmed, to a change in AWS, or allows one. Never on a lowercase letter or a Ctrl chord.
    pub mutates: bool,
}

macro_rules! commands {
    (@mutates) => { false };
    (@mutates mutates) => { true };
    ($($command:ident = $name:literal [$($scope:ident)+] $($flag:ident)? $doc:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command { $(#[doc = $doc] $command,)* }

        impl Command {
            pub const ALL: &'static [Self] = &[$(Self::$command,)*];

            pub const fn spec(self) -> Spec {
                match self {
                    $(Self::$command => Spec {
                        name: $name,
                        doc: $doc,
                        scopes: &[$(Scope::$scope),+],
                        mutates: commands!(@mutates $($flag)?),
                    },)*
                }
            }
        }
    };
}

commands! {
    // Leaving, and going around.
    Back = "back" [Global Text Confirm Help Menu SignIn Palette] "One step back: prompt, filter, marks, view. Never quits";
    Quit = "quit" [Global] "Back; at the first view, ask whether to leave";
    Cancel = "cancel" [Always] "Cancel the running request; twice leaves the deck";
    Redraw = "redraw" [Always] "Draw the whole screen again";
    Suspend = "suspend" [Always] "Give the terminal back to the shell; `fg` returns";
    Help = "help" [Global Help Menu] "Every key and command that works here; searchable, enter runs one";
    Palette = "palette" [Global] "Command line: a command, a kind, a name, a theme";
    Filter = "filter" [Global Help] "Keep what matches: text, `'fuzzy`, `!not`, `/re/`, `col:value`, `metric>0.9`, `age<2d`, `tag=v`";
    HistoryBack = "history-back" [Global] "The view before this one";
    HistoryForward = "history-forward" [Global] "The view after this one";
    LastView = "last-view" [Global] "Swap with the view shown last";
    FocusNext = "focus-next" [Global] "The next part of this view";
    FocusPrevious = "focus-previous" [Global] "The previous part of this view";

    // Panes.
    PaneInbox = "pane-inbox" [Global] "Inbox: everything that needs a person, worst first";
    PaneEndpoints = "pane-endpoints" [Global] "Endpoints";
    PanePipelines = "pane-pipelines" [Global] "Pipelines: executions of all pipelines";
    PaneExperiments = "pane-experiments" [Global] "Experiments: runs from SageMaker and MLflow";
    PaneRegistry = "pane-registry" [Global] "Registry: model groups and versions";
    PaneDrift = "pane-drift" [Global] "Drift: features over time";
    PaneLabeling = "pane-labeling" [Global] "Labeling jobs and human review";
    PaneJobs = "pane-jobs" [Global] "Jobs, labeling, shadow tests and human loops";
    PaneLedger = "pane-ledger" [Global] "Ledger: our operations, their plan, their reversal";
    PaneAll = "pane-all" [Global] "Everything else by name";

    // Motions.
    Next = "next" [Global Confirm Help Menu Palette] "Down: the next row, line or step";
    Previous = "previous" [Global Confirm Help Menu Palette] "Up: the previous row, line or step";
    Left = "left" [Global Confirm] "Left: scroll, or the element to the left";
    Right = "right" [Global Confirm] "Right: scroll, or the element to the right";
    First = "first" [Global Help Menu] "To the first";
    Last = "last" [Global Help Menu] "To the last";
    PageDown = "page-down" [Global Confirm Help Menu Palette] "One screen down";
    PageUp = "page-up" [Global Confirm Help Menu Palette] "One screen up";
    HalfDown = "half-page-down" [Global Confirm Help Menu] "Half a screen down";
    HalfUp = "half-page-up" [Global Confirm Help Menu] "Half a screen up";
    Open = "open" [Global Help Menu] "Open what the cursor is on; in help and menus, run it";

    // Tables.
    Mark = "mark" [Table] "Mark or unmark the row; a verb is about all that are marked";
    MarkRange = "mark-range" [Table] "Mark from the last mark to here";
    Unmark = "unmark" [Table] "Drop all marks";
    Sort = "sort" [Table] "Sort by the next column";
    InvertSort = "invert-sort" [Table] "Turn the order around";
    SortByName = "sort-by-name" [Table] "Sort by name";
    SortByAge = "sort-by-age" [Table] "Sort by time, newest first";
    SortByHealth = "sort-by-health" [Table] "Sort by health, trouble first";
    Wide = "wide" [Table Log] "Every column; in logs, wrap long lines";
    Problems = "problems-only" [Table] "Only what is in trouble";
    NextMatch = "next-match" [Log Help] "The next match";
    PreviousMatch = "previous-match" [Log Help] "The previous match";

    // Views of the selection.
    Describe = "describe" [Global] "Every fact about it";
    Raw = "raw" [Global] "The JSON as AWS sent it, masked";
    Logs = "logs" [Table Detail] "Its log lines, all streams merged";
    Metrics = "metrics" [Global] "Its metrics over time";
    Timeline = "timeline" [Table Detail] "What changed, when, by whom";
    Lineage = "lineage" [Global] "What it was made from and what it feeds";
    Compare = "compare" [Global] "Compare the marked rows";
    Copy = "copy" [Global SignIn] "Copy menu: name, ARN, command line (sent to the terminal's clipboard)";
    ConsoleLink = "console-link" [Global] "The link to it in the AWS console";
    Reversal = "reversal" [Global] "The plan that takes an operation of ours back; its target is always typed";
    Bulk = "bulk" [Global] "Several changes that were confirmed together: how each of them stands";
    Calls = "calls" [Global] "Calls made to AWS, with request ids";

    // The deck itself.
    Freeze = "freeze" [Global] "Hold the screen still; polls go on";
    Refresh = "refresh" [Global Confirm] "Ask AWS again now";
    Login = "login" [Global Confirm] "Sign in, or anew: a code of the MFA device, or a browser";
    Theme = "theme" [Global] "The next theme";
    Reload = "reload" [Global] "Read config.toml, keys.toml and themes again";

    // Charts.
    View = "view" [Chart] "Curves, scatter, parallel coordinates, Pareto front";
    NextMetric = "next-metric" [Chart] "The next metric";
    PreviousMetric = "previous-metric" [Chart] "The previous metric";
    CrosshairLeft = "crosshair-left" [Chart Heat] "Crosshair one point back in time";
    CrosshairRight = "crosshair-right" [Chart Heat] "Crosshair one point forward in time";
    XAxis = "x-axis" [Chart] "X axis: step, wall time, relative time";
    Baseline = "baseline" [Chart Heat] "Make this one the baseline";
    LogScale = "log-scale" [Chart] "Logarithmic y axis";
    SmoothLess = "smooth-less" [Chart] "Less smoothing";
    SmoothMore = "smooth-more" [Chart] "More smoothing";

    // Changes. Each shows a plan first.
    Actions = "actions" [Global] "Every action on the selection; why one cannot run";
    Arm = "arm" [Global] mutates "Arm or disarm write mode for this account and region, 15 minutes";
    Promote = "promote" [Global] mutates "Plan: promote the model or run";
    RollBack = "roll-back" [Global] mutates "Plan: the fastest safe way back";
    Update = "update" [Global] mutates "Plan: traffic weights and capacity";
    Stop = "stop" [Global] mutates "Plan: stop it";
    Trigger = "trigger" [Global] mutates "Plan: start, retry or copy it";
    Label = "label" [Global] mutates "Plan: start labeling from here";
    Approve = "approve" [Global] mutates "Plan: approve or reject";
    Delete = "delete" [Global] mutates "Plan: delete it; its whole name is typed";
    Confirm = "confirm" [Confirm] mutates "Press what has the focus: it starts on cancel; a typed target must match";
    NextChoice = "next-choice" [Confirm] "The next field or choice of the plan";
    PreviousChoice = "previous-choice" [Confirm] "The previous field or choice of the plan";
    Reason = "reason" [Confirm] "Type why: one line or a ticket, kept in the ledger";
    Bypass = "bypass" [Confirm] "A way back goes on without the team lock, or with it again; needs a reason";

    // One line of text.
    Accept = "accept" [Text Palette] "Take what is typed";
    Complete = "complete" [Text Palette] "Complete; again for the next suggestion";
    CompletePrevious = "complete-previous" [Text Palette] "The previous suggestion";
    RecallPrevious = "recall-previous" [Text] "The line typed before";
    RecallNext = "recall-next" [Text] "The line typed after";
    CursorLeft = "cursor-left" [Text] "One character left";
    CursorRight = "cursor-right" [Text] "One character right";
    CursorWordLeft = "cursor-word-left" [Text] "One word left";
    CursorWordRight = "cursor-word-right" [Text] "One word right";
    CursorStart = "cursor-start" [Text] "To the start of the line";
    CursorEnd = "cursor-end" [Text] "To the end of the line";
    EraseLeft = "erase-left" [Text] "Erase the character on the left";
    EraseRight = "erase-right" [Text] "Erase the character under the cursor";
    EraseWord = "erase-word" [Text] "Erase the word on the left";
    EraseToStart = "erase-to-start" [Text] "Erase to the start of the line";
    EraseToEnd = "erase-to-end" [Text] "Erase to the end of the line";
}

impl Command {
    /// By its stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|command| command.name() == name)
    }

    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// For the line of keys at the bottom: `roll back`.
    pub fn label(self) -> String {
        let name = self.name();
        name.strip_prefix("pane-").unwrap_or(name).replace('-', " ")
    }

    /// Whether a key of `scope` may mean this.
    pub fn works_in(self, scope: Scope) -> bool {
        let scopes = self.spec().scopes;
        scopes.contains(&scope)
            || scopes.contains(&Scope::Always)
            || (scopes.contains(&Scope::Global) && !scope.is_modal() && scope != Scope::Always)
    }

    /// The pane a number key opens, `0` to `9`.
    pub const fn pane_number(self) -> Option<u8> {
        Some(match self {
            Self::PaneAll => 0,
            Self::PaneInbox => 1,
            Self::PaneEndpoints => 2,
            Self::PanePipelines => 3,
            Self::PaneExperiments => 4,
            Self::PaneRegistry => 5,
            Self::PaneDrift => 6,
            Self::PaneLabeling => 7,
            Self::PaneJobs => 8,
            Self::PaneLedger => 9,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_kebab_case_and_parse_back() {
        let mut seen = BTreeSet::new();
        for &command in Command::ALL {
            let spec = command.spec();
            assert!(seen.insert(spec.name), "{} is declared twice", spec.name);
            assert!(spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", spec.name);
            assert!(!spec.doc.is_empty() && !spec.doc.ends_with('.'), "{}: {}", spec.name, spec.doc);
            assert_eq!(Command::parse(spec.name), Some(command));
        }
        assert_eq!(Command::parse("Next"), None);
    }

    #[test]
    fn what_changes_aws_is_known_by_name() {
        let mutating: Vec<_> = Command::ALL.iter().filter(|c| c.spec().mutates).map(|c| c.name()).collect();
        assert_eq!(
            mutating,
            ["arm", "promote", "roll-back", "update", "stop", "trigger", "label", "approve", "delete", "confirm"]
        );
    }

    #[test]
    fn a_command_works_in_its_scopes_and_a_global_one_in_all_that_are_not_modal() {
        assert!(Command::Next.works_in(Scope::Heat));
        assert!(!Command::RollBack.works_in(Scope::Text));
        assert!(!Command::RollBack.works_in(Scope::Help));
        assert!(Command::Cancel.works_in(Scope::Confirm));
        assert!(!Command::CrosshairRight.works_in(Scope::Table));
    }
}
