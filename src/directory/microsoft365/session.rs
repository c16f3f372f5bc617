//! Signed-in requests to one interface: token endpoint, Graph or Exchange.

use super::cloud::{Endpoints, Interface};
use super::credential::Credential;
use super::fault::Cmdlets;
use super::gather::Gather;
use super::invocation::Invocation;
use super::{Microsoft365Secrets, SYSTEM, aadsts};
use crate::directory::Error;
use crate::http::{
    self, Answer, Backoff, Client, Observer, PaceSettings, Retry, Settings, Token, TokenCache, TransportProblem,
};
use crate::model::connector::{Connector, Microsoft365};
use crate::model::observed::Counters;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
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
/// The server itself cuts off after fifteen minutes.
const TIMEOUT: Duration = Duration::from_secs(900);

/// A new random id in the form of a GUID.
pub(super) fn new_id() -> String {
    let bytes = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new());
    let bytes = bytes.expect("the system has random numbers").expose();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// How often an answer that looks whole and is not is asked for again.
pub(super) const READINGS: usize = 3;

/// Whether a body can be a JSON object. Looking closer would mean to parse it twice.
pub(super) fn looks_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.first() == Some(&b'{') && body.last() == Some(&b'}')
}

/// Answers that are whole: whatever is no JSON comes from something in between.
pub(super) struct Whole;

impl Observer for Whole {
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Retry {
        match Retry::of(status, headers) {
            Retry::Answer if status.is_success() && !looks_whole(body) => Retry::Faulty(None),
            retry => retry,
        }
    }
}

/// Who signs in where; shared by the interfaces of one connector.
pub(super) struct Account {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) credential: Credential,
    endpoint: String,
    http: Client,
}

/// One interface with its own budget and token.
pub(super) struct Session {
    pub(super) account: Arc<Account>,
    pub(super) interface: Interface,
    client: Client,
    tokens: TokenCache,
    /// Absent = each cmdlet goes by itself.
    gather: Option<Gather>,
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
        let builder = reqwest::Client::builder()
            .user_agent(concat!("GalSync/", env!("CARGO_PKG_VERSION")))
            // A token must not follow a redirection to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(30));
        let builder = if endpoints.are_local() { builder.no_proxy() } else { builder };
        let http = builder
            .build()
            .map_err(|_| Error::Configuration("the authorities that this system trusts cannot be read".to_owned()))?;
        let client = |concurrency: u32| {
            let limit = connector.rate_limit;
            let pace = PaceSettings {
                max_rate: limit.requests_per_second.map_or(PaceSettings::default().max_rate, f64::from),
                max_concurrency: limit.max_concurrent_requests.unwrap_or(concurrency),
                initial_rate,
            };
            Client::new(http.clone(), Settings { pace, backoff, timeout: TIMEOUT, ..Settings::default() })
        };
        let account = Arc::new(Account {
            tenant: settings.tenant_id.clone(),
            client: settings.client_id.clone(),
            credential: Credential::new(secrets)?,
            endpoint: endpoints.token,
            http: client(1),
        });
        let session = |interface: Interface, concurrency, gather| {
            let (account, client, tokens) = (account.clone(), client(concurrency), TokenCache::new());
            Arc::new(Session { account, interface, client, tokens, gather })
        };
        let batches = format!("{}/adminapi/beta/{}/$batch", endpoints.exchange.base, account.tenant);
        let gather = (cmdlets_per_request > 1).then(|| Gather::new(cmdlets_per_request as usize, batches));
        Ok(Self {
            graph: session(endpoints.graph, GRAPH_CONCURRENCY, None),
            exchange: session(endpoints.exchange, EXCHANGE_CONCURRENCY, gather),
            account,
        })
    }

    pub(super) fn counters(&self) -> Counters {
        let mut all = Counters::default();
        for client in [&self.account.http, &self.graph.client, &self.exchange.client] {
            let Counters { requests, throttled, retries, bytes_read, .. } = client.counters();
            all.requests += requests;
            all.throttled += throttled;
            all.retries += retries;
            all.bytes_read += bytes_read;
        }
        all
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

impl Account {
    async fn token(&self, scope: &str) -> Result<Token, Error> {
        let credential = self.credential.fields(&self.client, &self.endpoint).await?;
        let form = form(&self.client, scope, credential);
        let build = |http: &reqwest::Client| {
            let request = http.post(&self.endpoint).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body(form.clone()).build()
        };
        let answer = self.http.send(&Whole, build).await.map_err(of_transport)?;
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
        self.tokens.get(|| self.account.token(&self.interface.scope)).await
    }

    /// Sends what `build` makes with a token; one that the service refuses is replaced once.
    pub(super) async fn send<O, B>(&self, observer: &O, build: B) -> Result<Answer, Error>
    where
        O: Observer + ?Sized,
        B: Fn(&reqwest::Client) -> reqwest::RequestBuilder,
    {
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let signed = |http: &reqwest::Client| build(http).header(AUTHORIZATION, format!("Bearer {token}")).build();
            let answer = self.client.send(observer, signed).await.map_err(of_transport)?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            self.renew(&token, &mut renewed).await?;
        }
    }

    /// Sends one cmdlet, together with others that wait if the connector permits it.
    pub(super) async fn invoke(&self, call: &Arc<Invocation>) -> Result<Answer, Error> {
        let Some(gather) = &self.gather else {
            return self.send(&Cmdlets { just_made: call.just_made }, |http| call.request(http)).await;
        };
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let mut patience = self.client.patience();
            let answer = loop {
                let outcome = gather.ask(&self.client, call, &token).await;
                if let Some(answer) = patience.judged(outcome).await.map_err(of_transport)? {
                    break answer;
                }
            };
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            self.renew(&token, &mut renewed).await?;
        }
    }

    /// How many cmdlets can be under way at once: with fewer callers, requests go half empty.
    pub(super) fn cmdlets_under_way(&self) -> usize {
        self.client.places() * self.gather.as_ref().map_or(1, Gather::most)
    }

    /// The service refused this token: another, once.
    async fn renew(&self, token: &str, renewed: &mut bool) -> Result<(), Error> {
        if *renewed {
            let hint = "it does not accept a token that was issued a moment ago; check tenantId, cloud and endpoints";
            return Err(Error::Unauthenticated { system: SYSTEM, hint: hint.to_owned() });
        }
        self.tokens.refused(token).await;
        *renewed = true;
        Ok(())
    }

    /// The application permissions that stand in the token: no more than a hint, since a token is the service's own.
    pub(super) async fn permissions(&self) -> Result<Option<Vec<String>>, Error> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(default)]
            roles: Vec<String>,
        }
        use base64::Engine as _;
        let token = self.token().await?;
        let part = token.split('.').nth(1).map(|part| part.trim_end_matches('='));
        let bytes = part.and_then(|part| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).ok());
        Ok(bytes.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()).map(|claims| claims.roles))
    }
}

fn of_transport(error: http::Error) -> Error {
    match error {
        http::Error::Transport { problem: TransportProblem::Certificate { host, hint } } => {
            Error::Certificate { server: host, hint }
        }
        http::Error::Throttled { retry_after } => Error::Throttled { system: SYSTEM, retry_after },
        other => Error::Unavailable { system: SYSTEM, hint: other.to_string() },
    }
}
