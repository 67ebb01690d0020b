//! A session: credentials by the default chain, one client per service on one HTTP client, who we are.

use std::{sync::Arc, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    credential_feature::AwsCredentialFeature,
    provider::{ProvideCredentials as _, SharedCredentialsProvider},
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::{
    os_shim_internal::{Env, Fs},
    service_config::ServiceConfigKey,
};
use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    scope::{Identity, Scope},
    text::Text,
    time::{MINUTE, Timestamp},
};

use crate::{
    Gateway,
    calls::Observer,
    fault::Doing,
    kept::Kept,
    login::{Chain, Source, Vault, resolve},
    pace::Service,
    wire::Wire,
};

/// How to reach an account.
#[derive(Clone, Default)]
pub struct Connect {
    /// As named by the operator: its credentials and no others. `AWS_PROFILE` is a matter of the default chain.
    pub profile: Option<String>,
    pub region: Option<String>,
    /// One address for all services; without it AWS's own, or `AWS_ENDPOINT_URL` and its kin.
    pub endpoint_url: Option<String>,
    /// The DynamoDB table that several hosts share, in this account and region.
    pub team: Option<Text>,
    /// Instead of the network: the in-process sandbox.
    pub http: Option<SharedHttpClient>,
    /// Instead of the default chain: the sandbox's. With them the environment is not looked at.
    pub credentials: Option<Credentials>,
    /// Shared with the sandbox; without it the system's.
    pub now: Option<SharedTimeSource>,
    pub observer: Option<Observer>,
    /// How much faster than AWS may be asked; 0 means 1.
    pub speed: f64,
}

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("profile", &self.profile)
            .field("region", &self.region)
            .field("endpoint_url", &self.endpoint_url)
            .finish_non_exhaustive()
    }
}

impl Connect {
    pub(crate) fn time(&self) -> SharedTimeSource {
        self.now.clone().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()))
    }

    /// The given client, or one of our own: rustls with ring, and the proxy that the environment names.
    pub(crate) fn http(&self) -> SharedHttpClient {
        self.http.clone().unwrap_or_else(|| {
            let proxy = aws_smithy_http_client::proxy::ProxyConfig::from_env();
            Builder::new().build_with_connector_fn(move |settings, components| {
                let mut connector = aws_smithy_http_client::Connector::builder()
                    .tls_provider(Provider::Rustls(CryptoMode::Ring))
                    .proxy_config(proxy.clone());
                connector.set_connector_settings(settings.cloned());
                connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
                connector.build()
            })
        })
    }
}

/// Connect 3 s, read 8 s, one attempt 10 s, the whole operation 25 s.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(8))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// Whoever names a profile means it: the default chain would prefer keys in the environment, and go on to the role of the
/// machine where the profile has no credentials.
fn of_profile(name: &str, how: &ProviderConfig) -> ProfileFileCredentialsProvider {
    ProfileFileCredentialsProvider::builder().configure(how).profile_name(name).build()
}

/// What the SDK's own sources of credentials need to know of us.
fn how(region: &str, connect: &Connect, wire: Wire) -> ProviderConfig {
    ProviderConfig::without_region()
        .with_region(Some(Region::new(region.to_owned())))
        .with_http_client(wire)
        .with_time_source(connect.time())
        .with_timeout_config(timeouts())
}

/// Files that cannot be read, or a profile that is named and not in them, said by name: the SDK says only that a provider
/// was not enabled. `AWS_PROFILE` counts unless keys in the environment come before it. The chain is of a profile whose
/// credentials are for us to get.
async fn check_profile(named: Option<&str>) -> Result<Option<Chain>, Fault> {
    let fault = |message: String| Fault::new(FaultKind::Setup, "connecting", &message);
    let env = Env::real();
    if named.is_none() && env.get("AWS_ACCESS_KEY_ID").is_ok() {
        return Ok(None);
    }
    let wanted = named.map(|name| name.to_owned().into());
    let profiles = match aws_config::profile::load(&Fs::real(), &env, &EnvConfigFiles::default(), wanted).await {
        Ok(profiles) => profiles,
        Err(error) => {
            return Err(fault(format!("the AWS config files cannot be read: {}", DisplayErrorContext(error))));
        }
    };
    let name = profiles.selected_profile();
    if profiles.get_profile(name).is_some() || (named.is_none() && name == "default") {
        return Ok(resolve(&profiles, name));
    }
    let mut known: Vec<&str> = profiles.profiles().collect();
    known.sort_unstable();
    let known = if known.is_empty() { "they name none".to_owned() } else { format!("there are: {}", known.join(", ")) };
    let whose = if named.is_some() { "--profile" } else { "AWS_PROFILE" };
    Err(fault(format!("{whose} names `{name}`, which the AWS config and credentials files do not; {known}")))
}

/// A client whose budget of retries is its own: the SDK's is one per process, and outlives the session that used it up.
macro_rules! client {
    ($service:ident, $config:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from(&$config)
                .retry_partition($service::config::retry::RetryPartition::custom(stringify!($service)).build())
                .build(),
        )
    };
}

/// One client per service, all on the same HTTP client.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) config: SdkConfig,
    pub(crate) region: String,
    /// The address is one that was asked for, for all services.
    is_told: bool,
    pub(crate) sagemaker: aws_sdk_sagemaker::Client,
    pub(crate) metrics: aws_sdk_sagemakermetrics::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    /// Of a profile whose credentials the SDK cannot get by itself.
    pub(crate) source: Option<Arc<Source>>,
    /// For requests that we sign ourselves: the chain does not cache.
    credentials: tokio::sync::Mutex<Option<Credentials>>,
}

impl Clients {
    pub(crate) async fn connect(connect: &Connect, wire: Wire, vault: &Arc<Vault>) -> Result<Self, Fault> {
        let setup = |message: &str| Fault::new(FaultKind::Setup, "connecting", message);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(wire.clone())
            .time_source(connect.time())
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            // It measures throughput by the time source, which runs fast in a demo; the time-outs above are enough.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Ok(name) = AppName::new("mldeck") {
            loader = loader.app_name(name);
        }
        let chain = match connect.credentials {
            None => check_profile(connect.profile.as_deref()).await?,
            Some(_) => None,
        };
        if let Some(credentials) = &connect.credentials {
            loader = loader.empty_test_environment().credentials_provider(credentials.clone());
        }
        if let Some(profile) = &connect.profile {
            // Region, addresses and retries of the profile; its credentials below.
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &connect.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &connect.endpoint_url {
            url.parse::<http::Uri>()
                .ok()
                .filter(|uri| uri.scheme().is_some() && uri.host().is_some())
                .ok_or_else(|| setup(&format!("--endpoint-url {url} is no address such as http://127.0.0.1:5000")))?;
            loader = loader.endpoint_url(url);
        }
        let mut config = loader.load().await;
        let region = config
            .region()
            .map(ToString::to_string)
            .ok_or_else(|| setup("no region: name one with --region, AWS_REGION, or in the profile"))?;
        let how = how(&region, connect, wire.clone());
        let source =
            chain.map(|chain| Source::new(chain, (how.clone(), config.clone()), wire.clone(), Arc::clone(vault)));
        let provider = match (&source, &connect.profile, &connect.credentials) {
            (Some(source), ..) => Some(source.provider()),
            (None, Some(profile), None) => Some(SharedCredentialsProvider::new(of_profile(profile, &how))),
            _ => None,
        };
        // A source of ours keeps what it found, and knows when that is no good any more.
        let provider = provider.or_else(|| config.credentials_provider()).map(|chain| match &source {
            Some(_) => chain,
            None => SharedCredentialsProvider::new(Kept::new(chain, wire.clone())),
        });
        if let Some(provider) = provider {
            config = config.into_builder().credentials_provider(provider).build();
        }
        Ok(Self {
            region,
            is_told: connect.endpoint_url.is_some(),
            sagemaker: client!(aws_sdk_sagemaker, config),
            metrics: client!(aws_sdk_sagemakermetrics, config),
            cloudwatch: client!(aws_sdk_cloudwatch, config),
            sts: client!(aws_sdk_sts, config),
            source,
            credentials: tokio::sync::Mutex::default(),
            config,
        })
    }

    /// Credentials for requests that we sign ourselves, kept until shortly before they expire.
    pub(crate) async fn credentials(&self, now: Timestamp) -> Result<Credentials, Fault> {
        let doing = "finding credentials";
        let mut kept = self.credentials.lock().await;
        let fresh = |credentials: &Credentials| {
            credentials.expiry().is_none_or(|at| {
                let at = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
                i64::try_from(at).unwrap_or(i64::MAX) - MINUTE > now.millis()
            })
        };
        if let Some(credentials) = kept.as_ref().filter(|credentials| fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let provider = self
            .config
            .credentials_provider()
            .ok_or_else(|| Fault::new(FaultKind::Login(Login::None), doing, "no credential source"))?;
        let credentials = provider.provide_credentials().await.map_err(|error| {
            crate::fault::from_credentials(
                &error,
                Doing { prefix: "sts", operation: "GetCallerIdentity", words: doing },
            )
        })?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }

    /// The address of a service that has no SDK client here: the option, else the service's own in environment and profile,
    /// else that of all services there, else `None`.
    pub(crate) fn endpoint_url(&self, service_id: &str) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(service_id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok();
        let named = || key.and_then(|key| self.config.service_config()?.load_config(key));
        let for_all = self.config.endpoint_url().map(str::to_owned);
        if self.is_told { for_all } else { named().or(for_all) }
    }
}

/// An identity, and the access key id that it was verified for.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) identity: Identity,
    pub(crate) key: String,
}

impl Gateway {
    /// Asks AWS who we are. After a login failure the whole chain is built again, so that a login renewed in another
    /// shell is picked up.
    pub(crate) async fn identity(&self) -> Result<Identity, Fault> {
        self.verify().await.map(|verified| verified.identity)
    }

    pub(crate) async fn verify(&self) -> Result<Verified, Fault> {
        // One at a time: the key that signed is read from the wire.
        let mut kept = self.verified.lock().await;
        self.renew().await?;
        let clients = self.clients();
        let doing = Doing { prefix: "sts", operation: "GetCallerIdentity", words: "asking who we are" };
        if let Some(source) = &clients.source {
            // Here, and not within the SDK's time-outs: a helper may take its time.
            source.credentials(None).await.inspect_err(|fault| self.learn(Service::Identity, doing, fault))?;
        }
        let said = self.read(Service::Identity, doing, clients.sts.get_caller_identity().send()).await?;
        let account = said.account.unwrap_or_default();
        let arn = said.arn.unwrap_or_default();
        let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned();
        let source = self.source(&clients).await;
        let scope = Scope::new(&partition, &account, &clients.region);
        let expires = clients.source.as_ref().and_then(|source| source.ends());
        let identity = Identity { scope, arn: Text::new(&arn), source, expires };
        let key = self
            .watch
            .identity_key
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
            .unwrap_or_default();
        let verified = Verified { identity, key };
        *kept = Some(verified.clone());
        Ok(verified)
    }

    /// The last verified identity, or a fresh one.
    pub(crate) async fn verified(&self) -> Result<Verified, Fault> {
        let kept = self.verified.lock().await.clone();
        match kept {
            Some(verified) => Ok(verified),
            None => self.verify().await,
        }
    }

    async fn renew(&self) -> Result<(), Fault> {
        if !self.login_failed.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Ok(());
        }
        self.vault.doubt();
        self.reconnect().await
    }

    /// The whole chain anew, by what the files say now.
    pub(crate) async fn reconnect(&self) -> Result<(), Fault> {
        let renewed = Clients::connect(&self.connect, self.wire.clone(), &self.vault).await?;
        *self.clients.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(renewed);
        Ok(())
    }

    async fn source(&self, clients: &Clients) -> Text {
        if self.connect.credentials.is_some() {
            return Text::new("sandbox");
        }
        let profile = || match &self.connect.profile {
            Some(name) => Text::new(&format!("profile {name}")),
            None => Text::new("profile"),
        };
        let Ok(credentials) = clients.credentials(self.now()).await else { return Text::new("unknown") };
        let features = credentials.get_property::<Vec<AwsCredentialFeature>>().cloned().unwrap_or_default();
        let word = |feature: &AwsCredentialFeature| match feature {
            AwsCredentialFeature::CredentialsEnvVars => Some(Text::new("environment")),
            AwsCredentialFeature::CredentialsEnvVarsStsWebIdToken => Some(Text::new("web identity")),
            AwsCredentialFeature::CredentialsHttp => Some(Text::new("container role")),
            AwsCredentialFeature::CredentialsImds => Some(Text::new("instance role")),
            AwsCredentialFeature::CredentialsProfile
            | AwsCredentialFeature::CredentialsProfileSourceProfile
            | AwsCredentialFeature::CredentialsProfileNamedProvider
            | AwsCredentialFeature::CredentialsProfileStsWebIdToken
            | AwsCredentialFeature::CredentialsProfileSso
            | AwsCredentialFeature::CredentialsProfileProcess => Some(profile()),
            _ => None,
        };
        features.iter().find_map(word).unwrap_or_else(profile)
    }
}

/// Credentials that mean nothing outside the sandbox.
pub fn sandbox_credentials() -> Credentials {
    Credentials::new("sandbox", "sandbox", None, None, "sandbox")
}

/// A time source for the SDK from any clock of account time, so that signatures and the sandbox agree.
pub fn time_source(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> SharedTimeSource {
    struct Clock<F>(F);
    impl<F> std::fmt::Debug for Clock<F> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Clock")
        }
    }
    impl<F: Fn() -> Timestamp + Send + Sync> aws_smithy_async::time::TimeSource for Clock<F> {
        fn now(&self) -> std::time::SystemTime {
            let millis = u64::try_from((self.0)().millis()).unwrap_or_default();
            std::time::UNIX_EPOCH + Duration::from_millis(millis)
        }
    }
    SharedTimeSource::new(Clock(now))
}
