//! The few shapes that a view lends to the painter. Free of ratatui: `mldeck get` and the tests read the same shapes.

use mldeck_core::{
    ask::LogLine,
    column::{Align, Cell, Now, Tone, Width},
    graph::Dag,
    health::Health,
    heat,
    resource::{
        Section,
        monitor::{Bucket, DriftDetail},
    },
    series::Series,
    time::Timestamp,
};

/// What one area of the screen shows.
pub enum Look<'a> {
    Grid(&'a dyn Grid),
    Facts {
        sections: Vec<Section>,
        scroll: usize,
    },
    /// Lines of toned spans, wrapped by the painter.
    Doc {
        lines: Vec<Line>,
        scroll: usize,
    },
    Log {
        lines: &'a [LogLine],
        scroll: Option<usize>,
        wrap: bool,
        search: &'a str,
    },
    Chart(Box<Chart<'a>>),
    Graph {
        dag: &'a Dag,
        states: Vec<NodeState>,
        cursor: usize,
    },
    Heat(Heat<'a>),
    Bars {
        buckets: &'a [Bucket],
    },
    Steps(Vec<StepLine>),
    Notice(Notice),
    Rows(Vec<(Share, Look<'a>)>),
    Columns(Vec<(Share, Look<'a>)>),
    /// A light titled box around one.
    Titled {
        title: String,
        focused: bool,
        look: Box<Look<'a>>,
    },
}

/// How much of the room a part takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Fixed(u16),
    /// Of what the fixed ones leave, in proportion.
    Part(u16),
}

pub type Line = Vec<(String, Tone)>;

/// A table as the painter and the headless verbs read it: only rows that are asked for are made.
pub trait Grid {
    /// Columns to show at this width.
    fn heads(&self, width: u16) -> Vec<Head>;
    /// Rows after the filter.
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Rows before the filter.
    fn total(&self) -> usize;
    /// The cells of row `row` for the columns that [`Grid::heads`] gave at this width.
    fn cells(&self, row: usize, width: u16, now: Now) -> Vec<Cell<'_>>;
    fn health(&self, row: usize) -> Health;
    fn is_marked(&self, row: usize) -> bool;
    /// The first row on screen for a window of `height` rows, and the row of the cursor.
    fn window(&self, height: usize) -> (usize, Option<usize>);
    /// Shown instead of rows.
    fn notice(&self) -> Option<Notice>;
    /// `12 of 40 · 3 marked · 2 m old`.
    fn foot(&self, now: Now) -> Vec<(String, Tone)>;
}

#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub head: String,
    pub name: String,
    pub width: Width,
    pub align: Align,
    /// `Some(true)` when rows are sorted by it, descending.
    pub sorted: Option<bool>,
}

/// An empty, loading, stale or denied state: what it is and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub tone: Tone,
    pub title: String,
    pub lines: Vec<String>,
}

impl Notice {
    pub fn new(tone: Tone, title: impl Into<String>) -> Self {
        Self { tone, title: title.into(), lines: Vec::new() }
    }

    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }
}

pub struct Chart<'a> {
    pub title: String,
    pub curves: Vec<&'a Series>,
    /// Value and label.
    pub threshold: Option<(f64, String)>,
    /// When, and what happened.
    pub events: Vec<(Timestamp, String)>,
    /// Shown range of x; `None` for what the points span.
    pub range: Option<(f64, f64)>,
    /// Position of the crosshair in x.
    pub crosshair: Option<f64>,
    pub log: bool,
    /// Weight of the exponential smoothing, 0 for none, below 1.
    pub smoothing: f64,
    /// Shown instead of the plot when there are no points.
    pub empty: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    pub health: Option<Health>,
    /// `6 m`.
    pub note: String,
}

pub struct Heat<'a> {
    pub detail: &'a DriftDetail,
    pub from: Timestamp,
    pub to: Timestamp,
    pub cursor: heat::Cursor,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    pub health: Health,
    pub title: String,
    pub note: String,
    pub at: Option<Timestamp>,
}
