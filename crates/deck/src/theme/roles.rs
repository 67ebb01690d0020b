//! The semantic roles, by the names theme files use.

use mldeck_core::column::Tone;

macro_rules! roles {
    ($($role:ident = $name:literal, $fallback:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Role { $($role,)* }

        impl Role {
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];
            pub const COUNT: usize = Self::ALL.len();

            /// As theme files spell it: `row.cursor`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => $name,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|role| role.name() == name)
            }

            /// The role whose style is taken when a theme does not name this one.
            pub const fn fallback(self) -> Option<Self> {
                match self { $(Self::$role => $fallback,)* }
            }
        }
    };
}

roles! {
    // What the whole screen is filled with first; the other roles lie over it and name a background only where it
    // means something, so that a cell never punches a hole into the row it lies in.
    Screen = "screen", None;
    Text = "text", None;
    Dim = "text.dim", Some(Self::Text);
    Strong = "text.strong", Some(Self::Text);
    Accent = "accent", Some(Self::Strong);
    Ok = "ok", Some(Self::Text);
    Busy = "busy", Some(Self::Text);
    Warn = "warn", Some(Self::Text);
    Bad = "bad", Some(Self::Warn);
    Off = "off", Some(Self::Dim);
    Unknown = "unknown", Some(Self::Warn);
    Header = "header", Some(Self::Text);
    HeaderProd = "header.prod", Some(Self::Bad);
    HeaderArmed = "header.armed", Some(Self::Bad);
    Tab = "tab", Some(Self::Dim);
    TabActive = "tab.active", Some(Self::Accent);
    Edge = "edge", Some(Self::Dim);
    EdgeFocus = "edge.focus", Some(Self::Accent);
    Head = "row.head", Some(Self::Dim);
    Cursor = "row.cursor", Some(Self::Strong);
    Marked = "row.marked", Some(Self::Accent);
    Match = "row.match", Some(Self::Accent);
    Key = "key", Some(Self::Accent);
    Hint = "key.hint", Some(Self::Dim);
    Input = "input", Some(Self::Text);
    Overlay = "overlay", Some(Self::Screen);
    DiffAdd = "diff.add", Some(Self::Ok);
    DiffDel = "diff.del", Some(Self::Bad);
    Chart1 = "chart.1", Some(Self::Accent);
    Chart2 = "chart.2", Some(Self::Ok);
    Chart3 = "chart.3", Some(Self::Busy);
    Chart4 = "chart.4", Some(Self::Warn);
    Chart5 = "chart.5", Some(Self::Unknown);
    Chart6 = "chart.6", Some(Self::Strong);
    Threshold = "chart.threshold", Some(Self::Warn);
    Crosshair = "chart.crosshair", Some(Self::Dim);
    Heat0 = "heat.0", Some(Self::Dim);
    Heat1 = "heat.1", Some(Self::Off);
    Heat2 = "heat.2", Some(Self::Warn);
    Heat3 = "heat.3", Some(Self::Bad);
}

impl From<Tone> for Role {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Text,
            Tone::Dim => Self::Dim,
            Tone::Strong => Self::Strong,
            Tone::Accent => Self::Accent,
            Tone::Ok => Self::Ok,
            Tone::Busy => Self::Busy,
            Tone::Warn => Self::Warn,
            Tone::Bad => Self::Bad,
            Tone::Off => Self::Off,
            Tone::Unknown => Self::Unknown,
        }
    }
}

impl Role {
    /// The colour of the n-th curve; they repeat after six.
    pub const fn chart(n: usize) -> Self {
        match n % 6 {
            0 => Self::Chart1,
            1 => Self::Chart2,
            2 => Self::Chart3,
            3 => Self::Chart4,
            4 => Self::Chart5,
            _ => Self::Chart6,
        }
    }
}
