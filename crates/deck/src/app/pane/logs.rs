//! `l`: the log lines of a thing, all its streams merged by time, opened at the time of trouble.

use mldeck_core::{
    ask::{Answer, Ask, LogLine, LogsOf},
    column::Tone,
    fault::Fault,
    text::Text,
    time::{MINUTE, Timestamp},
};

use super::{Opened, Subject, table::fault_notice};
use crate::app::{
    command::{Command, Scope},
    look::{Line, Look, Notice},
    model::Model,
    msg::{Effect, Slot},
    polls::Want,
};

const LIMIT: usize = 2_000;

pub struct LogView {
    subject: Subject,
    group: Text,
    prefix: Option<Text>,
    /// Lines from here on; set to shortly before the trouble.
    from: Timestamp,
    trouble: Option<Timestamp>,
    lines: Vec<LogLine>,
    fault: Option<Fault>,
    read: bool,
    /// First line on screen; `None` follows the end.
    top: Option<usize>,
    wrap: bool,
    search: String,
}

impl LogView {
    pub fn new(
        subject: Subject,
        group: Text,
        prefix: Option<Text>,
        trouble: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let from = trouble.map_or_else(|| now.plus(-15 * MINUTE), |at| at.plus(-2 * MINUTE));
        Self {
            subject,
            group,
            prefix,
            from,
            trouble,
            lines: Vec::new(),
            fault: None,
            read: false,
            top: trouble.map(|_| 0),
            wrap: false,
            search: String::new(),
        }
    }

    fn jump(&mut self, forward: bool) {
        let needle = self.search.to_lowercase();
        let hit = |line: &LogLine| line.text.as_str().to_lowercase().contains(&needle);
        let at = self.top.unwrap_or(self.lines.len().saturating_sub(1));
        let found = if forward {
            self.lines.iter().enumerate().skip(at + 1).find(|(_, line)| hit(line))
        } else {
            self.lines.iter().enumerate().take(at).rev().find(|(_, line)| hit(line))
        };
        if let Some((i, _)) = found {
            self.top = Some(i);
        }
    }
}

impl Opened for LogView {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Log]
    }

    fn title(&self, _model: &Model) -> Line {
        let mut line = vec![
            (self.subject.name.to_string(), Tone::Strong),
            (format!("  {}  {} lines since {}", self.group, self.lines.len(), self.from.hms()), Tone::Dim),
        ];
        if let Some(at) = self.trouble {
            line.push((format!("  trouble began {}", at.hms()), Tone::Bad));
        }
        if self.top.is_none() {
            line.push(("  following".to_owned(), Tone::Accent));
        }
        if !self.search.is_empty() {
            line.push((format!("  search {}", self.search), Tone::Accent));
        }
        line
    }

    fn look<'a>(&'a self, _model: &'a Model) -> Look<'a> {
        match (&self.fault, self.lines.is_empty(), self.read) {
            (Some(fault), true, _) => Look::Notice(fault_notice(fault, Tone::Bad)),
            (_, true, false) => Look::Notice(Notice::new(Tone::Dim, "Loading …")),
            (_, true, true) => Look::Notice(
                Notice::new(Tone::Dim, "No log lines in this window.")
                    .line(format!("Log group {} since {}.", self.group, self.from.full()))
                    .line("New lines appear here by themselves."),
            ),
            _ => Look::Log { lines: &self.lines, scroll: self.top, wrap: self.wrap, search: &self.search },
        }
    }

    fn on(&mut self, model: &mut Model, command: Command, _out: &mut Vec<Effect>) -> bool {
        let page = self.page(model);
        let last = self.lines.len().saturating_sub(1);
        let by = match command {
            Command::Next => 1,
            Command::Previous => -1,
            Command::PageDown => page,
            Command::PageUp => -page,
            Command::HalfDown => (page / 2).max(1),
            Command::HalfUp => -(page / 2).max(1),
            Command::First => {
                self.top = Some(0);
                return true;
            }
            Command::Last => {
                self.top = None;
                return true;
            }
            Command::Wide => {
                self.wrap = !self.wrap;
                return true;
            }
            Command::NextMatch | Command::PreviousMatch if !self.search.is_empty() => {
                self.jump(command == Command::NextMatch);
                return true;
            }
            _ => return false,
        };
        let shown = usize::try_from(page).unwrap_or(1);
        let at = self.top.unwrap_or_else(|| self.lines.len().saturating_sub(shown));
        self.top = Some(at.saturating_add_signed(by).min(last));
        true
    }

    fn search(&mut self, text: &str) {
        text.clone_into(&mut self.search);
    }

    fn wants(&self, _model: &Model) -> Vec<Want> {
        let ask = Ask::Logs(LogsOf {
            group: self.group.clone(),
            stream_prefix: self.prefix.clone(),
            from: self.from,
            to: None,
            pattern: None,
            limit: LIMIT,
        });
        vec![Want::every(Slot::Logs, ask, 10)]
    }

    fn reply(&mut self, _model: &mut Model, slot: Slot, result: &Result<Answer, Fault>) -> bool {
        if slot != Slot::Logs {
            return false;
        }
        self.read = true;
        match result {
            Ok(Answer::Logs(lines)) => {
                self.lines.clone_from(lines);
                self.fault = None;
            }
            Ok(_) => return false,
            Err(fault) => self.fault = Some(fault.clone()),
        }
        true
    }

    fn subject(&self) -> Option<Subject> {
        Some(self.subject.clone())
    }
}
