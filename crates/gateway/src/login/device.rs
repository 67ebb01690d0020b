//! An SSO sign-in that somebody approves in a browser, on whatever machine: the device flow of OAuth 2 (RFC 8628).

use std::time::Duration;

use aws_config::Region;
use aws_sdk_ssooidc::{
    Client,
    operation::{create_token::CreateTokenError, start_device_authorization::StartDeviceAuthorizationOutput},
};
use mldeck_core::{
    fault::{Fault, FaultKind, Login},
    login::Step,
    text::Text,
    time::{SECOND, Timestamp},
};

use super::{
    profile::Session,
    source::{Source, home},
    token::{self, Token},
};
use crate::{
    clock::instant,
    fault::{self, Doing},
};

/// Where the service names no interval, by the RFC; also what it is prolonged by when we are too fast.
const INTERVAL: i32 = 5;

const fn doing(operation: &'static str) -> Doing {
    Doing { prefix: "sso", operation, words: "signing in by a browser" }
}

fn failed(message: &str) -> Fault {
    Fault::new(FaultKind::Login(Login::Browser), doing("").words, message)
}

impl Source {
    /// Begins a sign-in, tells where to approve it, waits for that and keeps it where the AWS CLI does.
    pub(super) async fn approve(&self, told: &(dyn Fn(Step) + Send + Sync)) -> Result<(), Fault> {
        let Some(session) = self.chain().session() else { return Ok(()) };
        let home = home().ok_or_else(|| failed("there is no home directory to keep the sign-in in"))?;
        let client = self.oidc(session);
        let registered = register(&client, session).await?;
        let begun = client
            .start_device_authorization()
            .client_id(&registered.client)
            .client_secret(&registered.secret)
            .start_url(&session.start_url)
            .send()
            .await
            .map_err(|error| fault::from_sdk(&error, doing("StartDeviceAuthorization")))?;
        told(step(&begun, self.here())?);
        let token = self.approved(&client, &begun, registered).await?;
        let (session, token) = (session.clone(), token);
        let stored = tokio::task::spawn_blocking(move || token::store(&home, &session, &token)).await;
        match stored {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(&format!("it was approved and cannot be kept in ~/.aws/sso/cache: {error}"))),
            Err(_) => Err(failed("it was approved and could not be kept")),
        }
    }

    /// `--endpoint-url` is where the account is; people sign in where the environment says, or at AWS.
    fn oidc(&self, session: &Session) -> Client {
        let mut config = self.sdk.clone().into_builder();
        config.set_endpoint_url(None);
        config.set_region(Some(Region::new(session.region.clone())));
        Client::new(&config.build())
    }

    /// Asks at the service's pace whether it was approved, until it was or the code has ended.
    async fn approved(
        &self,
        client: &Client,
        begun: &StartDeviceAuthorizationOutput,
        registered: Registered,
    ) -> Result<Token, Fault> {
        let since = instant();
        let lasts = Duration::from_secs(u64::try_from(begun.expires_in()).unwrap_or_default());
        let seconds = |seconds: i32| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let mut pause = seconds(if begun.interval() > 0 { begun.interval() } else { INTERVAL });
        loop {
            if since.elapsed() + pause > lasts {
                return Err(failed("nobody approved it while the code was good"));
            }
            tokio::time::sleep(pause).await;
            let asked = client
                .create_token()
                .client_id(&registered.client)
                .client_secret(&registered.secret)
                .grant_type("urn:ietf:params:oauth:grant-type:device_code")
                .device_code(begun.device_code().unwrap_or_default())
                .send()
                .await;
            let error = match asked {
                Ok(given) => {
                    let access = given.access_token().ok_or_else(|| failed("there is no token in the answer"))?;
                    return Ok(Token {
                        access: access.to_owned(),
                        expires: self.here().plus(i64::from(given.expires_in()) * SECOND),
                        refresh: given.refresh_token().map(str::to_owned),
                        client: registered.client,
                        secret: registered.secret,
                        registered: registered.until,
                    });
                }
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(CreateTokenError::AuthorizationPendingException(_)) => {}
                Some(CreateTokenError::SlowDownException(_)) => pause += seconds(INTERVAL),
                Some(CreateTokenError::ExpiredTokenException(_)) => {
                    return Err(failed("nobody approved it while the code was good"));
                }
                Some(CreateTokenError::AccessDeniedException(_)) => {
                    return Err(failed("it was refused in the browser"));
                }
                _ => {
                    let fault = fault::from_sdk(&error, doing("CreateToken"));
                    // A link that is down for a moment is not the end of a sign-in.
                    if !fault.is_passing() {
                        return Err(fault);
                    }
                }
            }
        }
    }
}

/// This program, as the service knows it.
struct Registered {
    client: String,
    secret: String,
    until: Timestamp,
}

async fn register(client: &Client, session: &Session) -> Result<Registered, Fault> {
    let scopes = (!session.scopes.is_empty()).then(|| session.scopes.clone());
    let said = client
        .register_client()
        .client_name("mldeck")
        .client_type("public")
        .set_scopes(scopes)
        .send()
        .await
        .map_err(|error| fault::from_sdk(&error, doing("RegisterClient")))?;
    match (said.client_id, said.client_secret) {
        (Some(client), Some(secret)) => {
            let until = Timestamp::from_millis(said.client_secret_expires_at.saturating_mul(SECOND));
            Ok(Registered { client, secret, until })
        }
        _ => Err(failed("the service did not register this program")),
    }
}

fn step(begun: &StartDeviceAuthorizationOutput, now: Timestamp) -> Result<Step, Fault> {
    let address = begun.verification_uri_complete().or(begun.verification_uri());
    match (address, begun.user_code()) {
        (Some(address), Some(code)) => Ok(Step::Browser {
            address: Text::new(address),
            code: Text::new(code),
            expires: now.plus(i64::from(begun.expires_in()) * SECOND),
        }),
        _ => Err(failed("the service did not say where to approve it")),
    }
}
