//! Who is the previous config? AWS keeps no deployment history, so four witnesses are heard, each with its known way of
//! misleading: our ledger, our tags, CloudTrail, and configs that merely look alike.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::snapshot::{Config, Snapshot};
use crate::{
    resource::{
        endpoint::{Details, EndpointStatus, Image},
        operation::OperationState,
    },
    scope::Scope,
    text::{self, Text},
    time::Timestamp,
};

mod trail;
mod walk;

use trail::{Reading, read_trail};
use walk::{Set, Walk};

/// Tag on the endpoint: the config that was live before our last change.
pub const TAG_PREVIOUS: &str = "mldeck:previous-config";
/// Tag on the endpoint: short id of the plan of our last change.
pub const TAG_PLAN: &str = "mldeck:plan";

/// What we know from before, given as data: the ledger's moves, and the images that ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// From [`super::journal::history`]; other endpoints and scopes may be among them.
    pub moves: Vec<Move>,
    /// Digests that image tags stood for while a config was live.
    pub images: Vec<(Text, Image)>,
}

/// One change of an endpoint's config that we made or tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    pub at: Timestamp,
    pub scope: Scope,
    pub endpoint: Text,
    pub from: Text,
    pub to: Text,
    pub by: Text,
    pub state: OperationState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Witness {
    /// The endpoint itself: the config in force where a deployment could not be taken back.
    Endpoint,
    Ledger,
    Tag,
    Trail,
    Sibling,
}

impl Witness {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "the endpoint",
            Self::Ledger => "our ledger",
            Self::Tag => "a tag of ours",
            Self::Trail => "CloudTrail",
            Self::Sibling => "a look-alike config",
        }
    }
}

/// Ordered from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confidence {
    /// It fits, nothing more.
    Guess,
    /// It was said, and may be out of date.
    Fair,
    /// It was recorded, and explains what is live.
    Strong,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub witness: Witness,
    pub confidence: Confidence,
    /// True when this witness names the config as *the* previous one, not just as an earlier one.
    pub first_choice: bool,
    /// `CloudTrail 01:29 (ci-deploy)`.
    #[serde(deserialize_with = "text::shown")]
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub config: Text,
    /// `v17` where a registered version says so and no other config here has the same, else the config's name.
    #[serde(deserialize_with = "text::shown")]
    pub label: String,
    pub sources: Vec<Source>,
    /// Witnesses whose first choice it is, of those that have a first choice. Look-alikes have no vote.
    pub agree: (usize, usize),
    /// When it last began to serve, and stopped.
    pub served: (Option<Timestamp>, Option<Timestamp>),
    /// Somebody went back from it to an earlier config, or AWS took it back: when.
    pub taken_back: Option<Timestamp>,
}

impl Candidate {
    pub fn confidence(&self) -> Confidence {
        self.sources.iter().map(|source| source.confidence).max().unwrap_or(Confidence::Guess)
    }

    /// How long it served, in milliseconds.
    pub fn served_for(&self) -> Option<i64> {
        Some(self.served.1?.since(self.served.0?))
    }

    /// `our ledger and CloudTrail 01:29 (ci-deploy); 2 of 2 sources agree`.
    pub fn found_by(&self) -> String {
        let named = self.sources.iter().any(|source| source.first_choice);
        let heard = self.sources.iter().filter(|source| source.first_choice || !named);
        let notes: Vec<&str> = heard.map(|source| source.note.as_str()).collect();
        let mut out = match notes.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => "your choice".to_owned(),
        };
        let (agree, asked) = self.agree;
        if asked > 0 {
            let noun = if asked == 1 { "source agrees" } else { "sources agree" };
            out.push_str(&format!("; {agree} of {asked} {noun}"));
        }
        out
    }
}

/// Best first; never the live config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidates {
    pub list: Vec<Candidate>,
    /// What a witness could not say, in sentences: `history incomplete: …`.
    pub gaps: Vec<String>,
}

/// Every config that could be gone back to, judged. Reads only what the snapshot and the history hold.
pub fn candidates(snapshot: &Snapshot, history: &History, scope: &Scope) -> Candidates {
    let Some(details) = &snapshot.endpoint.details else { return Candidates::default() };
    let mut gather = Gather { live: details.config.clone(), found: Vec::new(), gaps: Vec::new() };
    let failed = gather.hear_ledger(snapshot, history, scope);
    let reading = gather.hear_trail(snapshot, details);
    gather.hear_tag(details, reading.as_ref());
    gather.hear_siblings(snapshot, details);
    for (config, at) in failed {
        gather.take_back(&config, at);
    }
    let mut out = gather.finish(snapshot);
    if snapshot.endpoint.status == EndpointStatus::UpdateRollbackFailed {
        out.list.insert(0, in_force(snapshot, &details.config));
    }
    out
}

/// On a mix: the config that was to come back, and of which some instances still serve.
fn in_force(snapshot: &Snapshot, config: &Text) -> Candidate {
    let note = "the endpoint: in force before the deployment that could not be taken back".to_owned();
    let witness = Witness::Endpoint;
    Candidate {
        config: config.clone(),
        label: label(snapshot, config),
        sources: vec![Source { witness, confidence: Confidence::Strong, first_choice: true, note }],
        agree: (1, 1),
        served: (None, None),
        taken_back: None,
    }
}

struct Gather {
    live: Text,
    found: Vec<Candidate>,
    gaps: Vec<String>,
}

impl Gather {
    fn entry(&mut self, config: &Text) -> Option<&mut Candidate> {
        if *config == self.live || config.is_empty() {
            return None;
        }
        let at = self.found.iter().position(|c| c.config == *config).unwrap_or_else(|| {
            self.found.push(Candidate {
                config: config.clone(),
                label: String::new(),
                sources: Vec::new(),
                agree: (0, 0),
                served: (None, None),
                taken_back: None,
            });
            self.found.len() - 1
        });
        self.found.get_mut(at)
    }

    fn add(&mut self, config: &Text, witness: Witness, confidence: Confidence, first_choice: bool, note: String) {
        if let Some(candidate) = self.entry(config) {
            candidate.sources.push(Source { witness, confidence, first_choice, note });
        }
    }

    fn take_back(&mut self, config: &Text, at: Timestamp) {
        if let Some(candidate) = self.found.iter_mut().find(|c| c.config == *config) {
            candidate.taken_back = candidate.taken_back.max(Some(at));
        }
    }

    /// What a walked history says: the config below the live one, those further below, those that were left by going back.
    fn add_walk(&mut self, walk: &Walk, witness: Witness, confidence: Confidence) {
        for (depth, set) in walk.below_top().enumerate() {
            let (confidence, note) = if depth == 0 {
                let changed = walk.top().unwrap_or(set);
                (confidence, format!("{} {} ({})", witness.word(), changed.at.hm(), changed.by))
            } else {
                (confidence.min(Confidence::Fair), format!("{}: live since {}", witness.word(), set.at.date()))
            };
            self.add(&set.config, witness, confidence, depth == 0, note);
        }
        for (config, at) in walk.taken_back() {
            let note = format!("{}: left by going back {} {}", witness.word(), at.date(), at.hm());
            self.add(config, witness, Confidence::Guess, false, note);
            self.take_back(config, *at);
        }
        for (config, served) in walk.served() {
            if let Some(candidate) = self.found.iter_mut().find(|c| c.config == *config) {
                candidate.served = (candidate.served.0.or(served.0), candidate.served.1.or(served.1));
            }
        }
    }

    /// Returns configs that we tried and AWS took back.
    fn hear_ledger(&mut self, snapshot: &Snapshot, history: &History, scope: &Scope) -> Vec<(Text, Timestamp)> {
        let mut ours: Vec<&Move> =
            history.moves.iter().filter(|m| m.endpoint == snapshot.endpoint.name && m.scope == *scope).collect();
        ours.sort_by_key(|m| m.at);
        let mut walk = Walk::default();
        for one in ours.iter().filter(|m| m.state == OperationState::Done && m.at >= snapshot.endpoint.created) {
            if walk.top().is_none_or(|top| top.config != one.from) {
                walk.set(Set { at: one.at, config: one.from.clone(), by: Text::default() });
                walk.forget_start(&one.from);
            }
            walk.set(Set { at: one.at, config: one.to.clone(), by: one.by.clone() });
        }
        if walk.top().is_some_and(|top| top.config == self.live) {
            self.add_walk(&walk, Witness::Ledger, Confidence::Strong);
        } else if let Some(last) = walk.top() {
            let note =
                format!("{} {}: live then, changed since by somebody else", Witness::Ledger.word(), last.at.date());
            self.add(&last.config.clone(), Witness::Ledger, Confidence::Guess, false, note);
        }
        ours.iter().filter(|m| m.state == OperationState::RolledBack).map(|m| (m.to.clone(), m.at)).collect()
    }

    fn hear_trail(&mut self, snapshot: &Snapshot, details: &Details) -> Option<Reading> {
        let events = match snapshot.trail.as_ref()? {
            Ok(events) => events,
            Err(fault) => {
                self.gaps.push(format!("CloudTrail could not be read: {}", fault.kind.brief()));
                return None;
            }
        };
        let reading = read_trail(events, &snapshot.endpoint, details);
        match &reading {
            Reading::Explained { walk, .. } => self.add_walk(walk, Witness::Trail, Confidence::Strong),
            Reading::Incomplete { why, hint, walk } => {
                self.gaps.push(format!("history incomplete: {why}"));
                for set in walk.all() {
                    let note = if hint.as_ref() == Some(&set.config) {
                        format!("CloudTrail: newest known before a change it does not show, {}", set.at.hm())
                    } else {
                        format!("CloudTrail: live since {}", set.at.date())
                    };
                    self.add(&set.config, Witness::Trail, Confidence::Guess, false, note);
                }
            }
            Reading::Silent => self.gaps.push("CloudTrail shows no change of this endpoint in 90 days".to_owned()),
        }
        Some(reading)
    }

    /// A tag tells what was live before *our* last change; a change by others since then makes it an old story.
    fn hear_tag(&mut self, details: &Details, reading: Option<&Reading>) {
        let Some((_, previous)) = details.tags.iter().find(|(key, _)| key == TAG_PREVIOUS) else { return };
        let contradicted = match reading {
            Some(Reading::Explained { walk, .. }) => walk.below_top().next().is_some_and(|set| set.config != *previous),
            _ => false,
        };
        let (confidence, note) = if contradicted {
            (Confidence::Guess, format!("tag {TAG_PREVIOUS}: older than the last change"))
        } else {
            (Confidence::Fair, format!("tag {TAG_PREVIOUS}"))
        };
        self.add(&previous.clone(), Witness::Tag, confidence, !contradicted, note);
    }

    fn hear_siblings(&mut self, snapshot: &Snapshot, details: &Details) {
        let live = snapshot.config(self.live.as_str()).and_then(|c| c.as_ref().ok());
        let names = |variants: &mut dyn Iterator<Item = &Text>| {
            let mut names: Vec<String> = variants.map(ToString::to_string).collect();
            names.sort();
            names
        };
        let wanted = names(&mut details.variants.iter().map(|v| &v.name));
        // The live config may be deleted; what runs still names its models.
        let family = families(snapshot, details.variants.iter().filter_map(|v| v.model.as_ref()));
        let born = live.map(|config| config.created);
        let mut alike: Vec<&Config> = snapshot
            .configs
            .iter()
            .filter_map(|(_, config)| config.as_ref().ok())
            .filter(|config| names(&mut config.variants.iter().map(|v| &v.name)) == wanted)
            .filter(|config| families(snapshot, config.variants.iter().filter_map(|v| v.model.as_ref())) == family)
            .filter(|config| born.is_none_or(|born| config.created < born))
            .collect();
        alike.sort_by_key(|config| Reverse(config.created));
        for config in alike {
            let note = format!("same variants and model family, made {}", config.created.date());
            self.add(&config.name, Witness::Sibling, Confidence::Guess, false, note);
        }
    }

    fn finish(mut self, snapshot: &Snapshot) -> Candidates {
        let mut voters: Vec<Witness> = self
            .found
            .iter()
            .flat_map(|c| &c.sources)
            .filter(|source| source.first_choice)
            .map(|source| source.witness)
            .collect();
        voters.sort();
        voters.dedup();
        for candidate in &mut self.found {
            candidate.agree = (candidate.sources.iter().filter(|s| s.first_choice).count(), voters.len());
            candidate.sources.sort_by_key(|s| (Reverse(s.first_choice), Reverse(s.confidence), s.witness));
            candidate.label = label(snapshot, &candidate.config);
        }
        let born = |config: &Text| match snapshot.config(config.as_str()) {
            Some(Ok(config)) => Some(config.created),
            _ => None,
        };
        let live_born = born(&self.live);
        self.found.sort_by_key(|c| {
            // A config made after the live one was most likely the one that was left by going back to the live one.
            let newer = matches!((born(&c.config), live_born), (Some(it), Some(live)) if it > live);
            let doubtful = c.taken_back.is_some() || (newer && c.confidence() < Confidence::Strong);
            (doubtful, Reverse(c.confidence()), Reverse(c.agree.0), Reverse(c.served.1), Reverse(born(&c.config)))
        });
        // The best of several with one label keeps it; the others go by their full names.
        let mut taken = vec![label(snapshot, &self.live)];
        for candidate in &mut self.found {
            if taken.contains(&candidate.label) {
                candidate.label = candidate.config.to_string();
            }
            taken.push(candidate.label.clone());
        }
        Candidates { list: self.found, gaps: self.gaps }
    }
}

/// What a config serves, in a few characters: `v17` for one registered version, `v3+v4` for several, else the version in
/// its name, else its name.
pub fn label(snapshot: &Snapshot, config: &Text) -> String {
    let mut versions: Vec<String> = Vec::new();
    if let Some(Ok(read)) = snapshot.config(config.as_str()) {
        for variant in &read.variants {
            let model = variant.model.as_ref().and_then(|name| snapshot.model(name.as_str()));
            if let Some(Ok(model)) = model
                && model.package.is_some()
                && let Some(version) = model.label().rsplit(' ').next().filter(|word| is_version(word))
                && !versions.iter().any(|known| known == version)
            {
                versions.push(version.to_owned());
            }
        }
    }
    if versions.is_empty() {
        let by_name = config.as_str().split(['-', '_', '.']).find(|part| is_version(part));
        return by_name.unwrap_or(config.as_str()).to_owned();
    }
    versions.join("+")
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The families of these models, sorted: the package group where registered, else the name without its version.
fn families<'a>(snapshot: &Snapshot, models: impl Iterator<Item = &'a Text>) -> Vec<String> {
    let mut out: Vec<String> = models
        .map(|name| match snapshot.model(name.as_str()) {
            Some(Ok(model)) => stem(model.label().split(' ').next().unwrap_or_default()),
            _ => stem(name.as_str()),
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

/// `fraud-v17-a` → `fraud`: everything before the first part that holds a digit.
fn stem(name: &str) -> String {
    let parts: Vec<&str> =
        name.split(['-', '_', '.']).take_while(|part| !part.bytes().any(|b| b.is_ascii_digit())).collect();
    if parts.is_empty() { name.to_owned() } else { parts.join("-") }
}
