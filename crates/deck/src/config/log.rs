//! What the log keeps, as `MLDECK_LOG` says it: `debug`, `off`, `mldeck_gateway=trace,aws_config=debug`.

use std::path::Path;

use tracing::level_filters::LevelFilter;

use super::diagnose::{Diagnostic, Severity};

/// Name of the variable, for messages.
const VARIABLE: &str = "MLDECK_LOG";

/// Our crates are called so, and begin so.
const OURS: &str = "mldeck";

const LEVELS: &[(&str, LevelFilter)] = &[
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Which events are kept. Those of other crates only where they are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    ours: LevelFilter,
    /// Module paths with a level of their own, the longest first.
    named: Vec<(String, LevelFilter)>,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { ours: LevelFilter::WARN, named: Vec::new() }
    }
}

impl LogFilter {
    /// Reads the variable's value. What is wrong is left out, and said.
    pub fn parse(text: &str) -> (Self, Vec<Diagnostic>) {
        let mut filter = Self::default();
        let mut said = Vec::new();
        let say = |severity, message: String| Diagnostic::new(severity, Path::new(VARIABLE), &message);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (target, word) = match part.split_once('=') {
                Some((target, word)) => (Some(target.trim()), word.trim()),
                None => (None, part),
            };
            let Some(mut level) = level(word) else {
                let names = LEVELS.iter().map(|(name, _)| *name);
                said.push(say(Severity::Warning, format!("no such level: {word:?}")).allowed(names));
                continue;
            };
            match target {
                None => filter.ours = level,
                Some("") => said.push(say(Severity::Warning, format!("no module before the sign: {part:?}"))),
                Some(target) => {
                    // At `trace` the SDK writes whole requests, with what signs them.
                    if level > LevelFilter::DEBUG && !target.starts_with(OURS) {
                        level = LevelFilter::DEBUG;
                        said.push(say(Severity::Note, format!("{target} is held to debug: requests are never logged")));
                    }
                    filter.named.push((target.to_owned(), level));
                }
            }
        }
        filter.named.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        (filter, said)
    }

    /// The most that is kept of a module's events.
    pub fn level_of(&self, target: &str) -> LevelFilter {
        let within =
            |name: &str| target.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        let named = self.named.iter().find(|(name, _)| within(name)).map(|(_, level)| *level);
        named.unwrap_or(if target.starts_with(OURS) { self.ours } else { LevelFilter::OFF })
    }

    /// The most that is kept of any.
    pub fn most(&self) -> LevelFilter {
        self.named.iter().map(|(_, level)| *level).fold(self.ours, LevelFilter::max)
    }
}

fn level(word: &str) -> Option<LevelFilter> {
    LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> (LogFilter, Vec<String>) {
        let (filter, said) = LogFilter::parse(text);
        (filter, said.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_level_alone_is_for_our_crates_only() {
        let (debug, said) = filter("debug");
        assert_eq!(said, [""; 0]);
        assert_eq!(debug.level_of("mldeck::run::log"), LevelFilter::DEBUG);
        assert_eq!(debug.level_of("mldeck_gateway::wire"), LevelFilter::DEBUG);
        assert_eq!(debug.level_of("aws_config::profile"), LevelFilter::OFF);
        assert_eq!(filter("off").0.most(), LevelFilter::OFF);
        assert_eq!(filter(" ").0, LogFilter::default());
    }

    #[test]
    fn the_longest_name_that_fits_decides() {
        let (filter, said) = filter("error, mldeck_gateway=trace, mldeck_gateway::pace=OFF, aws_config=info");
        assert_eq!(said, [""; 0]);
        assert_eq!(filter.level_of("mldeck_gateway::wire"), LevelFilter::TRACE);
        assert_eq!(filter.level_of("mldeck_gateway::pace"), LevelFilter::OFF);
        assert_eq!(filter.level_of("mldeck_gateway_other"), LevelFilter::ERROR);
        assert_eq!(filter.level_of("aws_config::sso"), LevelFilter::INFO);
        assert_eq!(filter.level_of("aws_config_other"), LevelFilter::OFF);
        assert_eq!(filter.most(), LevelFilter::TRACE);
    }

    #[test]
    fn what_is_wrong_is_said_and_the_rest_holds() {
        let (bad, said) = filter("loud,mldeck_core=debug,=info,mldeck=verbose");
        assert_eq!(
            said,
            [
                "MLDECK_LOG: no such level: \"loud\"; allowed: off, error, warn, info, debug, trace",
                "MLDECK_LOG: no module before the sign: \"=info\"",
                "MLDECK_LOG: no such level: \"verbose\"; allowed: off, error, warn, info, debug, trace",
            ]
        );
        assert_eq!(bad.level_of("mldeck_core::ops"), LevelFilter::DEBUG);
        assert_eq!(bad.level_of("mldeck::run"), LevelFilter::WARN);
    }

    #[test]
    fn no_request_of_the_sdk_is_ever_logged() {
        let (capped, said) = filter("aws_smithy_runtime=trace");
        assert_eq!(capped.level_of("aws_smithy_runtime::client::orchestrator"), LevelFilter::DEBUG);
        assert_eq!(said.len(), 1);
    }
}
