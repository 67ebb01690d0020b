//! Panes are lists of one kind; opened views stand on top of them.

pub mod bulk;
pub mod calls;
pub mod compare;
pub mod drift;
pub mod endpoint;
pub mod execution;
pub mod facts;
pub mod form;
pub mod list;
pub mod logs;
pub mod operation;
pub mod plan;
pub mod raw;
pub mod table;

use mldeck_core::{ask::Answer, fault::Fault, resource::Kind, text::Text};

use super::{
    command::{Command, Scope},
    look::{Line, Look},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    Inbox,
    Endpoints,
    Pipelines,
    Experiments,
    Registry,
    Drift,
    Labeling,
    Jobs,
    Ledger,
    All,
}

impl Pane {
    /// In the order of the tab line.
    pub const ALL: [Self; 10] = [
        Self::Inbox,
        Self::Endpoints,
        Self::Pipelines,
        Self::Experiments,
        Self::Registry,
        Self::Drift,
        Self::Labeling,
        Self::Jobs,
        Self::Ledger,
        Self::All,
    ];

    pub const fn number(self) -> u8 {
        match self {
            Self::Inbox => 1,
            Self::Endpoints => 2,
            Self::Pipelines => 3,
            Self::Experiments => 4,
            Self::Registry => 5,
            Self::Drift => 6,
            Self::Labeling => 7,
            Self::Jobs => 8,
            Self::Ledger => 9,
            Self::All => 0,
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Inbox => "Inbox",
            Self::Endpoints => "Endpoints",
            Self::Pipelines => "Pipelines",
            Self::Experiments => "Experiments",
            Self::Registry => "Registry",
            Self::Drift => "Drift",
            Self::Labeling => "Labeling",
            Self::Jobs => "Jobs",
            Self::Ledger => "Ledger",
            Self::All => "All",
        }
    }

    /// The kind its list shows; `None` for panes that this version does not have.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Endpoints => Some(Kind::Endpoint),
            Self::Pipelines => Some(Kind::Execution),
            Self::Experiments => Some(Kind::Run),
            Self::Registry => Some(Kind::ModelPackage),
            Self::Drift => Some(Kind::Monitor),
            Self::Jobs => Some(Kind::Job),
            Self::Ledger => Some(Kind::Operation),
            _ => None,
        }
    }

    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.number() == number)
    }

    pub fn of_kind(kind: Kind) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.kind() == Some(kind))
    }
}

/// What fills the body of the screen.
pub enum View {
    List(Pane),
    Opened(Box<dyn Opened>),
}

/// A view on top of a list. It is taken out of the model while it works, so it may change both.
pub trait Opened: Send {
    /// Key scopes, innermost first.
    fn scopes(&self) -> &'static [Scope];
    /// The commands whose keys are shown below it, most useful first; none: those of its innermost scope.
    fn hints(&self, _model: &Model) -> &'static [Command] {
        &[]
    }
    /// What a command is called here, where that is not its usual name.
    fn label(&self, _command: Command) -> Option<&'static str> {
        None
    }
    /// One line above the body.
    fn title(&self, model: &Model) -> Line;
    fn look<'a>(&'a self, model: &'a Model) -> Look<'a>;
    /// False when the command means nothing here.
    fn on(&mut self, model: &mut Model, command: Command, out: &mut Vec<Effect>) -> bool;
    /// A character or paste for the view's own text field; false when it has none.
    fn type_in(&mut self, _model: &mut Model, _text: &str, _burst: bool) -> bool {
        false
    }
    fn wants(&self, model: &Model) -> Vec<Want>;
    /// An answer to one of its own slots; false when it is not for this view.
    fn reply(&mut self, model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool;
    /// The thing it is about, for verbs, describe and copy.
    fn subject(&self) -> Option<Subject> {
        None
    }
    /// Whether the next command came in a burst of keys: such a command never confirms anything.
    fn confirmable(&mut self, _burst: bool) {}
    /// What `/` searches for in this view.
    fn search(&mut self, _text: &str) {}
    /// The frame that shows it whole was written.
    fn drawn(&mut self, _model: &Model) {}
    /// It may not be whole on the screen any more: the size changed or the terminal was stalled.
    fn hidden(&mut self) {}
    /// It has done its work and leaves the stack.
    fn is_done(&self) -> bool {
        false
    }
    /// Rows that the cursor can move by one page.
    fn page(&self, model: &Model) -> isize {
        isize::try_from(super::screen::body_height(model.size).saturating_sub(2)).unwrap_or(1).max(1)
    }
}

/// What a verb acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub kind: Kind,
    pub name: Text,
    pub arn: Option<Text>,
}

impl View {
    pub fn scopes(&self) -> &'static [Scope] {
        match self {
            Self::List(_) => &[Scope::Table],
            Self::Opened(view) => view.scopes(),
        }
    }
}

/// A scroll position that motions move: the same for every document-like view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll(pub usize);

impl Scroll {
    /// True when the command was a motion. The painter clamps at the end.
    pub fn on(&mut self, command: Command, page: isize) -> bool {
        let by = match command {
            Command::Next => 1,
            Command::Previous => -1,
            Command::PageDown => page,
            Command::PageUp => -page,
            Command::HalfDown => (page / 2).max(1),
            Command::HalfUp => -(page / 2).max(1),
            Command::First => isize::MIN,
            Command::Last => isize::MAX,
            _ => return false,
        };
        self.0 = self.0.saturating_add_signed(by).min(1 << 20);
        true
    }
}
