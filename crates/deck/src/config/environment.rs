//! The one place that reads the environment. A fixed list of names, once, and none that holds a secret.

use std::{collections::BTreeMap, ffi::OsString};

use mldeck_core::text::Text;

const NAMES: &[&str] = &[
    // Ours.
    "MLDECK_CONFIG",
    "MLDECK_HOME",
    "MLDECK_LOG",
    "MLDECK_THEME",
    "MLDECK_KEYS",
    "MLDECK_READ_ONLY",
    "MLDECK_CLIPBOARD",
    "MLDECK_NOTIFICATIONS",
    "MLDECK_BULK_IN_PRODUCTION",
    "MLDECK_ENDPOINT_URL",
    // Where a debug build kills itself, for tests.
    #[cfg(debug_assertions)]
    "MLDECK_DIE_AT",
    // What the terminal can do.
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM_PROGRAM",
    "TMUX",
    "STY",
    "SSH_CONNECTION",
    "SSH_TTY",
    "COLUMNS",
    "LINES",
    // Who and where.
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "SHELL",
    "PAGER",
    "EDITOR",
    "TZ",
    // For `doctor`: which of the AWS settings are in force. Key and token are not among them.
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "HTTPS_PROXY",
    "NO_PROXY",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<&'static str, String>,
}

impl Environment {
    /// Reads this process's environment. Values that are no UTF-8 count as absent.
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one wrapper of the environment")]
        let get = |name: &str| std::env::var_os(name).map(OsString::into_string);
        Self { values: NAMES.iter().filter_map(|name| Some((*name, get(name)?.ok()?))).collect() }
    }

    /// For tests and for children: only names from the list are kept.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let known = |name: &str| NAMES.iter().copied().find(|known| *known == name);
        Self { values: pairs.into_iter().filter_map(|(name, value)| Some((known(name)?, value.to_owned()))).collect() }
    }

    /// `None` when it is not set, or set to nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The operating system's user, for the journal and for locks.
    pub fn user(&self) -> Text {
        Text::new(self.get("USER").or_else(|| self.get("LOGNAME")).unwrap_or("unknown"))
    }

    /// The name of this machine.
    pub fn host(&self) -> Text {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = kernel.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Text::new(name.or_else(|| self.get("HOSTNAME")).unwrap_or("unknown"))
    }

    /// All folders below this one instead of the user's.
    pub fn home(&self) -> Option<std::path::PathBuf> {
        self.get("MLDECK_HOME").map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_on_the_list() {
        for name in NAMES {
            for word in ["SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "CREDENTIAL_"] {
                assert!(!name.contains(word), "{name}");
            }
        }
    }

    #[test]
    fn an_empty_value_is_no_value() {
        let env = Environment::of([("NO_COLOR", ""), ("USER", "anna"), ("AWS_SECRET_ACCESS_KEY", "x")]);
        assert_eq!((env.get("NO_COLOR"), env.get("AWS_SECRET_ACCESS_KEY")), (None, None));
        assert_eq!(env.user(), "anna");
    }
}
