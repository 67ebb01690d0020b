//! `mldeck config`: what the files say, and what they may say.

use clap::Subcommand;

use super::{Global, out};
use crate::{
    config::{self, Environment, Files, diagnose::Severity},
    store::LogFile,
};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Reads every file and says what is wrong: file, line, key, what is allowed.
    Check,
    /// Prints a built-in file: config, keys, or a theme's name.
    Default {
        #[arg(default_value = "config")]
        what: String,
    },
    /// Where the files are.
    Paths,
}

/// Runs the verb; returns the exit code.
pub fn run(verb: &Verb, global: &Global) -> u8 {
    let folders = super::start::folders(global);
    match verb {
        Verb::Check => {
            let env = Environment::read();
            let files = match &folders {
                Some(folders) => Files::read(&folders.config, global.config.as_deref()),
                None => Files::default(),
            };
            let wrong = config::check(&files, &env);
            let mut text: String = wrong.iter().map(|it| format!("{it}\n")).collect();
            if wrong.is_empty() {
                text = "Nothing is wrong.\n".to_owned();
            }
            let bad = wrong.iter().any(|it| it.severity == Severity::Error);
            if out::print(&text).is_err() {
                1
            } else if bad {
                2
            } else {
                0
            }
        }
        Verb::Default { what } => match config::default_source(what) {
            Some(source) => u8::from(out::print(source).is_err()),
            None => {
                out::complain(&format!("mldeck: there is no built-in {what:?}; config, keys, or the name of a theme"));
                2
            }
        },
        Verb::Paths => {
            let text = match folders {
                Some(f) => format!(
                    "config {}\nstate  {}\ncache  {}\nlog    {}\n",
                    f.config.display(),
                    f.state.display(),
                    f.cache.display(),
                    LogFile::path(&f.state).display()
                ),
                None => "There is no home directory.\n".to_owned(),
            };
            u8::from(out::print(&text).is_err())
        }
    }
}
