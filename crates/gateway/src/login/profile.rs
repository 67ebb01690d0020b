//! What a profile says of its credentials, read as the SDK reads it: where they begin, and the roles from there on.

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use mldeck_core::{login::Step, text::Text};

/// Where the credentials of a profile begin, and the roles that are assumed one after another from there.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(super) base: Base,
    pub(super) hops: Vec<Hop>,
}

#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Keys that stand in the file.
    Keys(Credentials),
    /// `credential_process`: a line for the shell, which is why it is in no message.
    Process(Command),
    Sso(Session),
    /// `credential_source`: `Environment`, `Ec2InstanceMetadata`, `EcsContainer`.
    Named(String),
    /// Of the profile of this name, without a role: the SDK knows.
    Sdk(String),
}

/// A command line, which may hold secrets: its `Debug` hides it.
#[derive(Clone)]
pub(super) struct Command(pub(super) String);

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command(hidden)")
    }
}

/// An SSO sign-in, and what of it the profile wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// Of the `sso-session` section; the old form has none.
    pub(super) name: Option<String>,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) scopes: Vec<String>,
    pub(super) account: Option<String>,
    pub(super) role: Option<String>,
}

/// One role to assume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) profile: String,
    pub(super) role: String,
    pub(super) session: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) seconds: Option<i32>,
    /// `mfa_serial`.
    pub(super) device: Option<String>,
}

/// The chain of `name` where the SDK cannot go it, or not well; `None` where it can, or where it will say what is wrong.
pub(crate) fn resolve(profiles: &ProfileSet, name: &str) -> Option<Chain> {
    let (mut hops, mut visited) = (Vec::new(), Vec::new());
    let mut at = profiles.get_profile(name)?;
    let base = loop {
        if visited.contains(&at.name()) {
            return None;
        }
        visited.push(at.name());
        if visited.len() > 1 && at.get("aws_access_key_id").is_some() {
            break keys(at)?;
        }
        let Some(hop) = hop(at) else { break base(profiles, at)? };
        hops.push(hop);
        match (at.get("source_profile"), at.get("credential_source")) {
            (Some(source), None) if source != at.name() => at = profiles.get_profile(source)?,
            (Some(_), None) | (None, Some(_)) => break base(profiles, at)?,
            _ => return None,
        }
    };
    hops.reverse();
    let ours = matches!(base, Base::Process(_) | Base::Sso(_));
    let chain = Chain { base, hops };
    // The SDK leaves out how long a session is to last, too.
    (ours || chain.hops.iter().any(|hop| hop.device.is_some() || hop.seconds.is_some())).then_some(chain)
}

fn hop(profile: &Profile) -> Option<Hop> {
    let text = |key: &str| profile.get(key).map(str::to_owned);
    if profile.get("web_identity_token_file").is_some() {
        return None;
    }
    Some(Hop {
        profile: profile.name().to_owned(),
        role: text("role_arn")?,
        session: text("role_session_name"),
        external_id: text("external_id"),
        seconds: profile.get("duration_seconds").and_then(|seconds| seconds.trim().parse().ok()),
        device: text("mfa_serial"),
    })
}

fn base(profiles: &ProfileSet, profile: &Profile) -> Option<Base> {
    let name = || profile.name().to_owned();
    if let Some(source) = profile.get("credential_source") {
        return Some(Base::Named(source.to_owned()));
    }
    if profile.get("web_identity_token_file").is_some() || profile.get("login_session").is_some() {
        return Some(Base::Sdk(name()));
    }
    if profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some() {
        return session(profiles, profile).map(Base::Sso);
    }
    Some(match profile.get("credential_process") {
        Some(command) => Base::Process(Command(command.to_owned())),
        None if profile.get("aws_access_key_id").is_some() => keys(profile)?,
        None => Base::Sdk(name()),
    })
}

fn keys(profile: &Profile) -> Option<Base> {
    let (key, secret) = (profile.get("aws_access_key_id")?, profile.get("aws_secret_access_key")?);
    let token = profile.get("aws_session_token").map(str::to_owned);
    Some(Base::Keys(Credentials::new(key, secret, token, None, "profile")))
}

fn session(profiles: &ProfileSet, profile: &Profile) -> Option<Session> {
    let text = |key: &str| profile.get(key).map(str::to_owned);
    let (account, role) = (text("sso_account_id"), text("sso_role_name"));
    let Some(name) = text("sso_session") else {
        let (start_url, region) = (text("sso_start_url")?, text("sso_region")?);
        return Some(Session { start_url, region, account, role, ..Session::default() });
    };
    let section = profiles.sso_session(&name)?;
    let scopes = section.get("sso_registration_scopes").unwrap_or("sso:account:access");
    Some(Session {
        start_url: section.get("sso_start_url")?.to_owned(),
        region: section.get("sso_region")?.to_owned(),
        scopes: scopes.split(',').map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect(),
        name: Some(name),
        account,
        role,
    })
}

impl Chain {
    /// The SSO sign-in that it begins with.
    pub(crate) const fn session(&self) -> Option<&Session> {
        match &self.base {
            Base::Sso(session) => Some(session),
            _ => None,
        }
    }

    /// True where nobody is asked, at least not by us.
    pub(super) fn is_unattended(&self) -> bool {
        self.session().is_none() && self.guarded().is_none()
    }

    /// The first role that wants a code.
    pub(super) fn guarded(&self) -> Option<(&Hop, &str)> {
        self.hops.iter().find_map(|hop| Some((hop, hop.device.as_deref()?)))
    }

    pub(crate) fn code_wanted(&self) -> Option<Step> {
        let (hop, device) = self.guarded()?;
        Some(Step::Code { device: Text::new(device), role: Text::new(&hop.role) })
    }
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::EnvConfigFiles;
    use aws_types::os_shim_internal::{Env, Fs};

    use super::*;

    const FILE: &str = "\
[profile keys]
aws_access_key_id = AKIDKEYS
aws_secret_access_key = s
[profile plain]
role_arn = arn:role/plain
source_profile = keys
[profile short]
role_arn = arn:role/short
source_profile = keys
duration_seconds = 900
[profile guarded]
role_arn = arn:role/guarded
source_profile = guarded
aws_access_key_id = AKIDOWN
aws_secret_access_key = s
mfa_serial = arn:mfa/anna
[profile behind]
role_arn = arn:role/behind
source_profile = plain
mfa_serial = arn:mfa/anna
[profile machine]
role_arn = arn:role/machine
credential_source = Ec2InstanceMetadata
mfa_serial = GAHT12345678
[profile round]
role_arn = arn:role/round
source_profile = about
mfa_serial = arn:mfa/anna
[profile about]
role_arn = arn:role/about
source_profile = round
[profile lost]
role_arn = arn:role/lost
source_profile = nowhere
mfa_serial = arn:mfa/anna
[profile both]
role_arn = arn:role/both
source_profile = keys
credential_source = Environment
mfa_serial = arn:mfa/anna
[profile helper]
credential_process = run --secret hush
[profile token]
role_arn = arn:role/token
web_identity_token_file = /token
mfa_serial = arn:mfa/anna
[sso-session acme]
sso_start_url = https://acme
sso_region = eu-west-1
sso_registration_scopes = sso:account:access, other
[profile sso]
sso_session = acme
sso_account_id = 1
sso_role_name = r
[profile unnamed]
sso_session = none-such
";

    async fn chain(name: &str) -> Option<Chain> {
        let env = Env::from_slice(&[("AWS_CONFIG_FILE", "/config"), ("HOME", "/home/anna")]);
        let fs = Fs::from_slice(&[("/config", FILE)]);
        let wanted = Some(name.to_owned().into());
        let profiles =
            aws_config::profile::load(&fs, &env, &EnvConfigFiles::default(), wanted).await.expect("profiles");
        resolve(&profiles, name)
    }

    #[tokio::test]
    async fn what_the_sdk_can_do_or_complains_of_is_left_to_it() {
        for name in ["keys", "plain", "round", "lost", "both", "token", "unnamed", "none-such"] {
            assert!(chain(name).await.is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn the_roles_of_a_chain_are_in_the_order_in_which_they_are_assumed() {
        let roles = |chain: &Chain| chain.hops.iter().map(|hop| hop.role.clone()).collect::<Vec<_>>();
        let behind = chain("behind").await.expect("ours");
        assert_eq!(roles(&behind), ["arn:role/plain", "arn:role/behind"]);
        assert!(matches!(&behind.base, Base::Keys(keys) if keys.access_key_id() == "AKIDKEYS"));
        let guarded = chain("guarded").await.expect("ours");
        assert!(matches!(&guarded.base, Base::Keys(keys) if keys.access_key_id() == "AKIDOWN"));
        assert_eq!(roles(&guarded), ["arn:role/guarded"]);
        let machine = chain("machine").await.expect("ours");
        assert!(matches!(&machine.base, Base::Named(name) if name == "Ec2InstanceMetadata"));
        let short = chain("short").await.expect("ours: the SDK has no duration");
        assert_eq!((short.hops[0].seconds, short.is_unattended()), (Some(900), true));
    }

    #[tokio::test]
    async fn sign_ins_and_helpers_are_ours_and_show_no_secret() {
        let sso = chain("sso").await.expect("ours");
        let session = sso.session().expect("a sign-in");
        assert_eq!((session.name.as_deref(), session.region.as_str()), (Some("acme"), "eu-west-1"));
        assert_eq!(session.scopes, ["sso:account:access", "other"]);
        let helper = chain("helper").await.expect("ours");
        assert!(matches!(helper.base, Base::Process(_)) && !format!("{helper:?}").contains("hush"), "{helper:?}");
    }
}
