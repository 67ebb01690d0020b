//! Log lines of one group: all streams merged, the newest that fit.

use std::collections::VecDeque;

use mldeck_core::{
    ask::{LogLine, LogsOf},
    fault::{Fault, FaultKind},
    mask,
    text::Text,
    time::Timestamp,
};

use crate::{Gateway, fault::Doing, pace::Service, text};

/// Pages per question; empty pages with a token are usual and count.
const PAGES: usize = 20;
const DOING: Doing = Doing { prefix: "logs", operation: "FilterLogEvents", words: "reading logs" };

impl Gateway {
    /// Oldest first. A group that does not exist has no lines: its container has not written yet.
    pub(crate) async fn log_lines(&self, of: &LogsOf) -> Result<Vec<LogLine>, Fault> {
        let mut lines: VecDeque<LogLine> = VecDeque::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = self
                .clients()
                .logs
                .filter_log_events()
                .log_group_name(of.group.raw())
                .set_log_stream_name_prefix(of.stream_prefix.as_ref().map(Text::raw))
                .start_time(of.from.millis())
                .set_end_time(of.to.map(Timestamp::millis))
                .set_filter_pattern(of.pattern.as_ref().map(Text::raw).filter(|pattern| !pattern.is_empty()))
                .set_next_token(token);
            let page = match self.read(Service::Logs, DOING, call.send()).await {
                Err(fault) if fault.kind == FaultKind::Missing => break,
                page => page?,
            };
            for event in page.events() {
                lines.push_back(LogLine {
                    at: Timestamp::from_millis(event.timestamp().unwrap_or_default()),
                    stream: text(event.log_stream_name()),
                    text: mask::line(event.message().unwrap_or_default().trim_end()),
                });
                if lines.len() > of.limit {
                    lines.pop_front();
                }
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        let mut lines = Vec::from(lines);
        // Streams are interleaved within a page, not over pages.
        lines.sort_by_key(|line| line.at);
        Ok(lines)
    }
}
