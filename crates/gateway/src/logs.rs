//! Log lines of one group: all streams merged, the newest that fit.

use std::collections::VecDeque;

use mldeck_core::{
    ask::{LogLine, LogsOf},
    fault::{Fault, FaultKind},
    mask,
    text::Text,
    time::Timestamp,
};

use serde_json::{Value, json};

use crate::{
    Gateway,
    fault::Doing,
    json::{self, Api, list, string},
    pace::Service,
    text,
};

const API: Api = Api {
    pace: Service::Logs,
    service_id: "CloudWatch Logs",
    host: "logs",
    signing: "logs",
    target: "Logs_20140328",
    version: "1.1",
};

/// Pages per question; empty pages with a token are usual and count.
const PAGES: usize = 20;
const DOING: Doing = Doing { prefix: "logs", operation: "FilterLogEvents", words: "reading logs" };

impl Gateway {
    /// Oldest first. A group that does not exist has no lines: its container has not written yet.
    pub(crate) async fn log_lines(&self, of: &LogsOf) -> Result<Vec<LogLine>, Fault> {
        let mut lines: VecDeque<LogLine> = VecDeque::new();
        let mut token = None;
        for _ in 0..PAGES {
            let mut input = json!({"logGroupName": of.group.raw(), "startTime": of.from.millis()});
            let pattern = of.pattern.as_ref().map(Text::raw).filter(|pattern| !pattern.is_empty());
            let strings = [
                ("logStreamNamePrefix", of.stream_prefix.as_ref().map(Text::raw)),
                ("filterPattern", pattern),
                ("nextToken", token),
            ];
            for (name, value) in strings {
                if let Some(value) = value {
                    input[name] = json!(value);
                }
            }
            if let Some(to) = of.to {
                input["endTime"] = json!(to.millis());
            }
            let page = match self.json(&API, DOING, &input).await {
                Err(fault) if fault.kind == FaultKind::Missing => break,
                page => page?,
            };
            for event in list(&page, "events") {
                lines.push_back(LogLine {
                    at: Timestamp::from_millis(event.get("timestamp").and_then(Value::as_i64).unwrap_or_default()),
                    stream: text(string(event, "logStreamName")),
                    text: mask::line(string(event, "message").unwrap_or_default().trim_end()),
                });
                if lines.len() > of.limit {
                    lines.pop_front();
                }
            }
            token = json::token(&page, "nextToken");
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
