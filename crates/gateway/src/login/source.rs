//! Credentials of one chain: found by one task for all who ask, kept while they are good.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::{
    Region, SdkConfig, ecs::EcsCredentialsProvider, environment::EnvironmentVariableCredentialsProvider,
    identity::IdentityCache, imds::credentials::ImdsCredentialsProvider, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, sso::SsoCredentialsProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{
        ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future::ProvideCredentials as Provides,
    },
};
use aws_runtime::fs_util::{Os, home_dir};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_types::os_shim_internal::Env;
use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    login::Code,
    time::{MINUTE, Timestamp},
};
use tokio::{sync::watch, time::Instant};

use super::{
    helper,
    profile::{Base, Chain, Hop, Session},
    token,
};
use crate::{
    clock::instant,
    fault::{self, Doing},
    wire::Wire,
};

/// Who asks for the sake of a request waits no longer than this: the SDK would give up soon after.
const PATIENCE: Duration = Duration::from_secs(4);
/// AWS refuses a moment before we would.
const MARGIN: i64 = 5_000;
/// What AWS refuses this soon after it gave it was asked for with what was there before.
const FRESH: Duration = Duration::from_secs(60);

const ASSUMING: Doing = Doing { prefix: "sts", operation: "AssumeRole", words: "assuming the role" };

/// Sessions that a person gave a code for: in memory, and only there.
#[derive(Debug, Default)]
pub(crate) struct Vault(Mutex<HashMap<(String, String), (Credentials, Instant)>>);

impl Vault {
    fn get(&self, hop: &Hop, now: Timestamp) -> Option<Credentials> {
        let kept = lock(&self.0);
        let (credentials, _) = kept.get(&(hop.profile.clone(), hop.role.clone()))?;
        is_good(credentials, now, MARGIN).then(|| credentials.clone())
    }

    fn put(&self, hop: &Hop, credentials: Credentials) {
        lock(&self.0).insert((hop.profile.clone(), hop.role.clone()), (credentials, instant()));
    }

    /// AWS refused credentials: what did not come just now is not kept any longer.
    pub(crate) fn doubt(&self) {
        lock(&self.0).retain(|_, (_, since)| since.elapsed() < FRESH);
    }
}

type Found = Result<Credentials, Fault>;

#[derive(Debug, Default)]
struct State {
    kept: Option<Credentials>,
    /// Who comes while they are being found waits for the same answer.
    flight: Option<watch::Receiver<Option<Found>>>,
}

#[derive(Debug)]
pub(crate) struct Source {
    chain: Chain,
    how: ProviderConfig,
    /// Without credentials: region, address and connection of our clients.
    pub(super) sdk: SdkConfig,
    wire: Wire,
    vault: Arc<Vault>,
    state: Mutex<State>,
}

impl Source {
    pub(crate) fn new(
        chain: Chain,
        (how, sdk): (ProviderConfig, SdkConfig),
        wire: Wire,
        vault: Arc<Vault>,
    ) -> Arc<Self> {
        Arc::new(Self { chain, how, sdk, wire, vault, state: Mutex::default() })
    }

    pub(crate) const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// For the SDK's clients.
    pub(crate) fn provider(self: &Arc<Self>) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Provider(Arc::clone(self)))
    }

    /// By the account, which says until when a session is good.
    fn now(&self) -> Timestamp {
        self.wire.now()
    }

    /// By this machine: what other programs hold a file against.
    pub(super) fn here(&self) -> Timestamp {
        self.now().plus(-self.wire.skew())
    }

    /// Those that are kept, or new ones; who has no `patience` waits until they are there.
    pub(crate) async fn credentials(self: &Arc<Self>, patience: Option<Duration>) -> Found {
        let mut flight = {
            let now = self.now();
            let mut state = lock(&self.state);
            if let Some(kept) = state.kept.as_ref().filter(|kept| is_good(kept, now, MINUTE)) {
                return Ok(kept.clone());
            }
            state.flight.get_or_insert_with(|| self.set_out()).clone()
        };
        let doing = "finding credentials";
        let landed = async {
            match flight.wait_for(Option::is_some).await {
                Ok(found) => found.clone().unwrap_or_else(|| Err(Fault::new(FaultKind::Bug, doing, ""))),
                // The SDK's code can panic when the clock goes backwards.
                Err(_) => {
                    lock(&self.state).flight = None;
                    Err(Fault::new(FaultKind::Login(Login::None), doing, "the search for them broke off"))
                }
            }
        };
        match patience {
            None => landed.await,
            Some(patience) => tokio::time::timeout(patience, landed).await.unwrap_or_else(|_| {
                let message = "their source has not answered yet; it is waited for";
                Err(Fault::new(FaultKind::Timeout, doing, message))
            }),
        }
    }

    /// A task of its own: whoever asked may have given up when a slow helper answers.
    #[expect(clippy::disallowed_methods, reason = "one task at a time, bounded by the deadlines of what it asks")]
    fn set_out(self: &Arc<Self>) -> watch::Receiver<Option<Found>> {
        let (out, flight) = watch::channel(None);
        let source = Arc::clone(self);
        tokio::spawn(async move {
            let mut found = source.find().await;
            let now = source.now();
            let mut state = lock(&source.state);
            match (&found, &state.kept) {
                (Ok(new), _) => state.kept = Some(new.clone()),
                (Err(_), Some(old)) if is_good(old, now, MARGIN) => found = Ok(old.clone()),
                _ => {}
            }
            state.flight = None;
            drop(state);
            let _ = out.send(Some(found));
        });
        flight
    }

    /// The whole way, from the last session that a person gave a code for.
    pub(super) async fn find(&self) -> Found {
        let now = self.now();
        let hops = &self.chain.hops;
        let held = |(at, hop): (usize, &Hop)| Some((at + 1, self.vault.get(hop, now)?));
        let (at, held) = hops.iter().enumerate().rev().find_map(held).unzip();
        let rest = &hops[at.unwrap_or(0)..];
        if let Some((hop, device)) = rest.iter().find_map(|hop| Some((hop, hop.device.as_deref()?))) {
            let message = format!("the code of {device} is needed to assume {}", hop.role);
            return Err(Fault::new(FaultKind::Login(Login::Code), "signing in", &message));
        }
        let mut credentials = match held {
            Some(held) => held,
            None => self.begin().await?,
        };
        for hop in rest {
            credentials = self.assume(hop, credentials, None).await?;
        }
        Ok(credentials)
    }

    /// Assumes the role that wants a code with this one, and keeps the session.
    pub(super) async fn assume_with(&self, code: &Code) -> Result<(), Fault> {
        let Some((guarded, _)) = self.chain.guarded() else { return Ok(()) };
        let mut credentials = self.begin().await?;
        for hop in self.chain.hops.iter().take_while(|hop| *hop != guarded) {
            credentials = self.assume(hop, credentials, None).await?;
        }
        let session = self.assume(guarded, credentials, Some(code)).await?;
        self.vault.put(guarded, session);
        Ok(())
    }

    /// When it ends unless a person renews it; `None` where nobody knows.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        let now = self.now();
        let guarded = |hop: &Hop| self.vault.get(hop, now).and_then(|credentials| expiry(&credentials));
        if let Some(end) = self.chain.hops.iter().filter_map(guarded).min() {
            return Some(end);
        }
        let kept = || lock(&self.state).kept.as_ref().and_then(expiry);
        match &self.chain.base {
            // A sign-in that has ended leaves the keys that it gave.
            Base::Sso(session) => {
                let end = token::ends(&home()?, session, self.here())?.plus(self.wire.skew());
                Some(kept().map_or(end, |kept| kept.max(end)))
            }
            Base::Process(_) => kept(),
            Base::Keys(_) | Base::Named(_) | Base::Sdk(_) => None,
        }
    }

    async fn begin(&self) -> Found {
        let asked = match &self.chain.base {
            Base::Keys(credentials) => return Ok(credentials.clone()),
            Base::Process(command) => return helper::run(&command.0, helper::DEADLINE).await,
            Base::Sso(session) => return self.of_session(session).await,
            Base::Named(name) => match name.as_str() {
                "Environment" => EnvironmentVariableCredentialsProvider::new().provide_credentials().await,
                "Ec2InstanceMetadata" => {
                    let provider = ImdsCredentialsProvider::builder().configure(&self.how).build();
                    provider.provide_credentials().await
                }
                "EcsContainer" => {
                    let provider = EcsCredentialsProvider::builder().configure(&self.how).build();
                    provider.provide_credentials().await
                }
                other => {
                    let message =
                        format!("credential_source is Environment, Ec2InstanceMetadata or EcsContainer, not {other}");
                    return Err(Fault::new(FaultKind::Setup, "finding credentials", &message));
                }
            },
            Base::Sdk(name) => {
                let provider =
                    ProfileFileCredentialsProvider::builder().configure(&self.how).profile_name(name).build();
                provider.provide_credentials().await
            }
        };
        asked.map_err(|error| fault::from_credentials(&error, Doing { words: "finding credentials", ..ASSUMING }))
    }

    async fn of_session(&self, session: &Session) -> Found {
        let doing = "asking for credentials of the SSO sign-in";
        let (Some(account), Some(role)) = (&session.account, &session.role) else {
            let message = "the profile has an SSO sign-in and no sso_account_id and sso_role_name";
            return Err(Fault::new(FaultKind::Setup, doing, message));
        };
        let mut provider = SsoCredentialsProvider::builder()
            .configure(&self.how)
            .account_id(account)
            .role_name(role)
            .start_url(&session.start_url)
            .region(Region::new(session.region.clone()));
        provider.set_session_name(session.name.clone());
        provider.build().provide_credentials().await.map_err(|error| of_sso(&error, doing))
    }

    async fn assume(&self, hop: &Hop, credentials: Credentials, code: Option<&Code>) -> Found {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk)
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::no_cache())
            // A code is good once.
            .retry_config(RetryConfig::disabled())
            .build();
        let said = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(&hop.role)
            .role_session_name(hop.session.clone().unwrap_or_else(session_name))
            .set_external_id(hop.external_id.clone())
            .set_duration_seconds(hop.seconds)
            .set_serial_number(code.and(hop.device.clone()))
            .set_token_code(code.map(|code| code.digits().to_owned()))
            .send()
            .await;
        let said = said.map_err(|error| {
            let mut fault = fault::from_sdk(&error, ASSUMING);
            if code.is_some() && fault.message.as_str().contains("MultiFactorAuthentication") {
                fault.kind = FaultKind::Login(Login::Code);
            }
            fault
        })?;
        let missing = || Fault::new(FaultKind::Unreadable, ASSUMING.words, "there are no credentials in the answer");
        let given = said.credentials.ok_or_else(missing)?;
        let ends = SystemTime::try_from(given.expiration).map_err(|_| missing())?;
        Ok(expiring(&given.access_key_id, &given.secret_access_key, Some(&given.session_token), Some(ends)))
    }
}

#[derive(Debug)]
struct Provider(Arc<Source>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> Provides<'a>
    where
        Self: 'a,
    {
        Provides::new(async { self.0.credentials(Some(PATIENCE)).await.map_err(CredentialsError::provider_error) })
    }
}

/// What the SDK says of an SSO sign-in: mostly that somebody has to sign in anew.
fn of_sso(error: &CredentialsError, doing: &str) -> Fault {
    let text = fault::innermost(error);
    let lower = text.to_ascii_lowercase();
    let kind = match fault::cause::<ConnectorError>(error) {
        Some(error) if error.is_timeout() => FaultKind::Timeout,
        Some(_) => FaultKind::Network,
        None if lower.contains("timed out") || lower.contains("timeout") => FaultKind::Timeout,
        None if text.contains("TooManyRequests") => FaultKind::Throttled,
        // Signed in, and not let in.
        None if text.contains("Forbidden") || text.contains("ResourceNotFound") => FaultKind::Login(Login::Refused),
        None => FaultKind::Login(Login::Browser),
    };
    let mut fault = Fault::new(kind, doing, "");
    fault.message = mldeck_core::text::Text::bounded(&mldeck_core::mask::scrub(&text), fault::LONGEST);
    fault
}

/// `mldeck-anna`: who it was, in CloudTrail.
fn session_name() -> String {
    let env = Env::real();
    let user = env.get("USER").or_else(|_| env.get("LOGNAME")).unwrap_or_default();
    let user: String = user.chars().filter(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c)).take(50).collect();
    if user.is_empty() { "mldeck".to_owned() } else { format!("mldeck-{user}") }
}

pub(super) fn home() -> Option<PathBuf> {
    home_dir(&Env::real(), Os::real()).map(PathBuf::from)
}

pub(super) fn expiring(key: &str, secret: &str, token: Option<&str>, ends: Option<SystemTime>) -> Credentials {
    Credentials::new(key, secret, token.map(str::to_owned), ends, "mldeck")
}

pub(super) fn seconds_of(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default())
}

fn expiry(credentials: &Credentials) -> Option<Timestamp> {
    let at = credentials.expiry()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Some(Timestamp::from_millis(i64::try_from(at).unwrap_or(i64::MAX)))
}

/// True for `margin` milliseconds from now at least.
fn is_good(credentials: &Credentials, now: Timestamp, margin: i64) -> bool {
    expiry(credentials).is_none_or(|end| end.since(now) > margin)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
