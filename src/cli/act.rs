//! `mldeck VERB …`: each change that `mldeck plan` knows, as a verb of its own that also carries it out. One declaration
//! ([`Asked`]) is both.

use clap::{ArgMatches, Args as _, Command, Error, FromArgMatches, Subcommand};
use mldeck_core::ops::intent::Intent;

use super::{
    abroad::Wanted,
    asked::{Asked, Why},
    change::Consent,
};

/// A change, why, and what confirms it.
#[derive(Debug)]
pub struct Act {
    asked: Asked,
    reason: Why,
    pub consent: Consent,
}

impl Act {
    /// One for each thing that was named.
    pub fn intents(&self) -> Vec<Intent> {
        self.asked.changes().into_iter().map(|change| self.reason.intent(change)).collect()
    }

    /// The other account that is to be reached for it.
    pub fn wanted(&self) -> Option<Wanted> {
        self.asked.wanted()
    }
}

impl Subcommand for Act {
    fn augment_subcommands(command: Command) -> Command {
        let declared = Asked::augment_subcommands(Command::new("mldeck"));
        let names: Vec<String> = declared.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        let with_consent = |verb: Command| Consent::augment_args(Why::augment_args(verb));
        names
            .into_iter()
            .fold(Asked::augment_subcommands(command), |command, name| command.mut_subcommand(name, with_consent))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Asked::has_subcommand(name)
    }
}

impl FromArgMatches for Act {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let asked = Asked::from_arg_matches(matches)?;
        let own = matches.subcommand().map_or(matches, |(_, own)| own);
        Ok(Self { asked, reason: Why::from_arg_matches(own)?, consent: Consent::from_arg_matches(own)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
