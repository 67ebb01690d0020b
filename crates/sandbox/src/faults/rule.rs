//! A rule as it is written: in a scenario (`[[fault]]`), or sent to `/_sandbox/faults`.
//!
//! | member | says |
//! |---|---|
//! | `operation` | `UpdateEndpoint`, `cloudtrail:*`, `*` |
//! | `kind` | `latency` (`millis`), `stall`, `throttle`, `denied`, `error`, `html`, `expired`, `reset`, `lost`, `unanswered`, `cut`, `garbage`, `late` (`seconds`), `behind` (`seconds`), `conflict`, `empty-page`, `stale` (`seconds`), `skew` (`seconds`), `without` (`member`), `unknown` (`member`), `overtaken` (`by`, `call`, `input`) |
//! | `rate` | share of matching requests, 1 without it |
//! | `from`, `until` | when, from the start of the account: `-5m`, `20m` |
//! | `times` | hits until it is over |

use mldeck_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Call, Kind, Rule};
use crate::scenario::moment;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileRule {
    operation: String,
    kind: String,
    #[serde(default = "always")]
    rate: f64,
    from: Option<String>,
    until: Option<String>,
    times: Option<u32>,
    millis: Option<u64>,
    seconds: Option<i64>,
    member: Option<String>,
    by: Option<String>,
    call: Option<String>,
    input: Option<Value>,
}

const fn always() -> f64 {
    1.0
}

/// A moment far from every start.
const FAR: i64 = 1 << 52;

impl FileRule {
    /// The rule, with its window relative to a start at zero.
    pub(crate) fn read(self) -> Result<Rule, String> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(format!("rate {}: 0 to 1", self.rate));
        }
        let window = match (&self.from, &self.until) {
            (None, None) => None,
            (from, until) => {
                let from = from.as_deref().map_or(Ok(-FAR), moment)?;
                let until = until.as_deref().map_or(Ok(FAR), moment)?;
                Some((Timestamp::from_millis(from), Timestamp::from_millis(until)))
            }
        };
        let (operation, rate, times) = (self.operation.clone(), self.rate, self.times);
        Ok(Rule { operation, kind: self.kind()?, rate, window, times })
    }

    fn kind(self) -> Result<Kind, String> {
        let wanted = |member: &str| format!("`{}` needs `{member}`", self.kind);
        Ok(match self.kind.as_str() {
            "latency" => Kind::Latency(self.millis.ok_or_else(|| wanted("millis"))?),
            "stall" => Kind::Stall,
            "throttle" => Kind::Throttle,
            "denied" => Kind::AccessDenied,
            "error" => Kind::ServerError,
            "html" => Kind::HtmlError,
            "expired" => Kind::ExpiredToken,
            "reset" => Kind::Reset,
            "lost" => Kind::LostResponse,
            "unanswered" => Kind::Unanswered,
            "cut" => Kind::Cut,
            "garbage" => Kind::Garbage,
            "late" => Kind::Late(self.seconds.ok_or_else(|| wanted("seconds"))?),
            "behind" => Kind::Behind(self.seconds.ok_or_else(|| wanted("seconds"))?),
            "conflict" => Kind::Conflict,
            "empty-page" => Kind::EmptyPage,
            "stale" => Kind::Stale(self.seconds.ok_or_else(|| wanted("seconds"))?),
            "skew" => Kind::Skew(self.seconds.ok_or_else(|| wanted("seconds"))?),
            "without" => Kind::Without(self.member.ok_or("`without` needs `member`")?),
            "unknown" => Kind::Unknown(self.member.ok_or("`unknown` needs `member`")?),
            "overtaken" => Kind::Overtaken(Call {
                by: self.by.ok_or("`overtaken` needs `by`")?,
                operation: self.call.ok_or("`overtaken` needs `call`")?,
                input: self.input.unwrap_or_default(),
            }),
            other => return Err(format!("fault `{other}`")),
        })
    }
}
