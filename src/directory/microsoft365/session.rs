//! Signed-in requests to one interface: token endpoint, Graph or Exchange.

use super::cmdlet_error::Cmdlets;
use super::cmdlet_queue::CmdletQueue;
use super::credential::Credential;
use super::endpoints::{Endpoints, Interface};
use super::invocation::Invocation;
use super::{Microsoft365Secrets, SYSTEM, aadsts};
use crate::directory::Error;
use crate::http::{
    self, Answer, Backoff, Client, Endpoint, Observer, PaceSettings, Settings, SignedClient, SignedError, Token,
    TokenSource, WholeJson,
};
use crate::model::connector::{Connector, Microsoft365};
use crate::model::observed::Counters;
use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Requests under way at once where the connector does not say: Exchange Online takes few from one tenant.
const EXCHANGE_CONCURRENCY: u32 = 5;
const GRAPH_CONCURRENCY: u32 = 8;
/// Requests a second at the beginning: few places are the narrower limit where each takes its time.
const INITIAL_RATE: f64 = 100.0;
/// Pages follow one another as fast as they come; nobody counts a few of them.
const INITIAL_RATE_OF_PAGES: f64 = 1_000.0;

/// Who signs in where; shared by the interfaces of one connector.
pub(super) struct Account {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) credential: Credential,
    endpoint: String,
    http: Client,
}

/// Tokens of one account for one interface.
struct AccessTokens {
    account: Arc<Account>,
    scope: String,
}

/// One interface with its own budget and token.
pub(super) struct Session {
    pub(super) account: Arc<Account>,
    pub(super) endpoint: Endpoint,
    signed: SignedClient<AccessTokens>,
    /// Absent = each cmdlet goes by itself.
    queue: Option<CmdletQueue>,
}

/// Both interfaces of one connector. Lists are read in tasks of their own, which share them.
pub(super) struct Sessions {
    pub(super) account: Arc<Account>,
    pub(super) graph: Arc<Session>,
    pub(super) exchange: Arc<Session>,
}

impl Sessions {
    /// For a source.
    pub(super) fn reading(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        Self::new(settings, connector, secrets, backoff, (INITIAL_RATE_OF_PAGES, 1))
    }

    /// For a target.
    pub(super) fn writing(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        Self::new(settings, connector, secrets, backoff, (INITIAL_RATE, settings.cmdlets_per_request))
    }

    fn new(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        backoff: Backoff,
        (initial_rate, cmdlets_per_request): (f64, u32),
    ) -> Result<Self, Error> {
        let endpoints = Endpoints::of(settings)?;
        let http = http::connect(endpoints.are_local()).map_err(|error| Error::of_http(SYSTEM, error))?;
        let client = |concurrency: u32| {
            let limit = connector.rate_limit;
            let pace = PaceSettings {
                max_rate: limit.requests_per_second.map_or(PaceSettings::default().max_rate, f64::from),
                max_concurrency: limit.max_concurrent_requests.unwrap_or(concurrency),
                initial_rate,
            };
            Client::new(http.clone(), Settings { pace, backoff, ..Settings::default() })
        };
        let account = Arc::new(Account {
            tenant: settings.tenant_id.clone(),
            client: settings.client_id.clone(),
            credential: Credential::new(secrets)?,
            endpoint: endpoints.token,
            http: client(1),
        });
        let session = |interface: Interface, concurrency, queue| {
            let Interface { endpoint, scope } = interface;
            let tokens = AccessTokens { account: account.clone(), scope };
            let signed = SignedClient::new(client(concurrency), tokens);
            Arc::new(Session { account: account.clone(), endpoint, signed, queue })
        };
        let batches = format!("{}/adminapi/beta/{}/$batch", endpoints.exchange.endpoint.base(), account.tenant);
        let queue = (cmdlets_per_request > 1).then(|| CmdletQueue::new(cmdlets_per_request as usize, batches));
        Ok(Self {
            graph: session(endpoints.graph, GRAPH_CONCURRENCY, None),
            exchange: session(endpoints.exchange, EXCHANGE_CONCURRENCY, queue),
            account,
        })
    }

    pub(super) fn counters(&self) -> Counters {
        http::sum([&self.account.http, self.graph.signed.client(), self.exchange.signed.client()])
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[async_trait]
impl TokenSource for AccessTokens {
    type Error = Error;

    async fn token(&self) -> Result<Token, Error> {
        self.account.token(&self.scope).await
    }
}

impl Account {
    async fn token(&self, scope: &str) -> Result<Token, Error> {
        let credential = self.credential.fields(&self.client, &self.endpoint).await?;
        let form = form(&self.client, scope, credential);
        let build = |http: &reqwest::Client| {
            let request = http.post(&self.endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body(form.clone()).build()
        };
        let answer = self.http.send(&WholeJson, build).await.map_err(|error| Error::of_http(SYSTEM, error))?;
        if answer.status != StatusCode::OK {
            return Err(aadsts::error(answer.status.as_u16(), &answer.body));
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| Error::Protocol {
            system: SYSTEM,
            hint: "the token endpoint's answer holds no token; does something stand in between?".to_owned(),
        })?;
        Ok(Token { secret: granted.access_token, expires_in: Duration::from_secs(granted.expires_in) })
    }
}

fn form(client: &str, scope: &str, credential: Vec<(&'static str, String)>) -> String {
    let fixed = [("grant_type", "client_credentials"), ("client_id", client), ("scope", scope)];
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fixed).extend_pairs(credential);
    form.finish()
}

impl Session {
    pub(super) async fn token(&self) -> Result<String, Error> {
        self.signed.token().await
    }

    /// Sends what `build` makes with a token; one that the service refuses is replaced once.
    pub(super) async fn send<O, B>(&self, observer: &O, build: B) -> Result<Answer, Error>
    where
        O: Observer + ?Sized,
        B: Fn(&reqwest::Client) -> reqwest::RequestBuilder,
    {
        self.signed.send(observer, build).await.map_err(of_signed)
    }

    /// Sends one cmdlet, together with others that wait if the connector permits it.
    pub(super) async fn invoke(&self, call: &Arc<Invocation>) -> Result<Answer, Error> {
        let Some(queue) = &self.queue else {
            return self.send(&Cmdlets { just_made: call.just_made }, |http| call.request(http)).await;
        };
        let client = self.signed.client();
        let with = |token: String| async move {
            let mut retries = client.retry_state();
            loop {
                if let Some(answer) = retries.judged(queue.send(client, call, &token).await).await? {
                    return Ok(answer);
                }
            }
        };
        self.signed.with_token(with).await.map_err(of_signed)
    }

    /// How many cmdlets can be under way at once: with fewer callers, requests go half empty.
    pub(super) fn cmdlets_under_way(&self) -> usize {
        self.signed.client().max_in_flight() * self.queue.as_ref().map_or(1, CmdletQueue::max_cmdlets)
    }

    /// The application permissions that stand in the token: no more than a hint, since a token is the service's own.
    pub(super) async fn permissions(&self) -> Result<Option<Vec<String>>, Error> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(default)]
            roles: Vec<String>,
        }
        Ok(http::jwt::unverified_claims::<Claims>(&self.token().await?).map(|claims| claims.roles))
    }
}

fn of_signed(error: SignedError<Error>) -> Error {
    match error {
        SignedError::NoToken(error) => error,
        SignedError::TokenRefused => {
            let hint = "it does not accept a token that was issued a moment ago; check tenantId, cloud and endpoints";
            Error::Unauthenticated { system: SYSTEM, hint: hint.to_owned() }
        }
        SignedError::Http(error) => Error::of_http(SYSTEM, error),
    }
}
