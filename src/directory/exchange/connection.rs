//! One signed-in connection to one domain controller, and what that controller says of itself.

use super::failure::{self, SYSTEM, code, is_busy};
use super::record::Record;
use super::search::{self, Query};
use super::tls;
use crate::directory::Error;
use crate::model::connector::{Connector, ExchangeOnPremises, LdapSecurity};
use crate::model::observed::Counters;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod};
use rustls::ClientConfig;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// AD ends a search after MaxQueryDuration, two minutes by default.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);
/// How often a busy server is asked again before the operation gives up.
const BUSY_TRIES: u32 = 6;
/// How often all controllers are tried, and the pause after the first time. The network of a pod that has just begun
/// may refuse it for a second or two, until its policies are in place.
const ROUNDS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// What a connection needs besides a URL. Holds the password, so it is neither shown nor copied.
pub(super) struct Access {
    tls: Arc<ClientConfig>,
    security: LdapSecurity,
    username: String,
    password: String,
}

impl Access {
    pub(super) fn new(settings: &ExchangeOnPremises, secrets: super::ExchangeSecrets) -> Result<Self, Error> {
        // An empty password is an anonymous bind, which succeeds and reads nothing (RFC 4513 §5.1.2).
        if secrets.username.trim().is_empty() || secrets.password.is_empty() {
            let hint = "the Secret holds an empty username or password".to_owned();
            return Err(Error::Unauthenticated { system: SYSTEM, hint });
        }
        Ok(Self {
            tls: tls::client_config(secrets.ca_bundle.as_deref(), jiff::Timestamp::now())?,
            security: settings.ldap.security,
            username: secrets.username,
            password: secrets.password,
        })
    }

    pub(super) fn username(&self) -> &str {
        &self.username
    }
}

/// Counts requests, and spaces them where the connector has a limit.
pub(super) struct Traffic {
    requests: AtomicU64,
    throttled: AtomicU64,
    retries: AtomicU64,
    bytes_read: AtomicU64,
    gap: Option<Duration>,
    next: tokio::sync::Mutex<Instant>,
}

impl Traffic {
    pub(super) fn new(connector: &Connector) -> Self {
        let gap = connector.rate_limit.requests_per_second.filter(|n| *n > 0);
        Self {
            requests: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            gap: gap.map(|n| Duration::from_secs(1) / n),
            next: tokio::sync::Mutex::new(Instant::now()),
        }
    }

    /// Waits for this request's turn.
    pub(super) async fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
        let Some(gap) = self.gap else { return };
        let mut next = self.next.lock().await;
        let turn = (*next).max(Instant::now());
        *next = turn + gap;
        drop(next);
        tokio::time::sleep_until(turn).await;
    }

    pub(super) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// The server was busy for the `attempt`th time: waits, or says that it is enough.
    pub(super) async fn busy(&self, attempt: u32) -> bool {
        self.throttled.fetch_add(1, Relaxed);
        if attempt + 1 >= BUSY_TRIES {
            return false;
        }
        self.retried();
        tokio::time::sleep(Duration::from_millis(200) * 2u32.pow(attempt)).await;
        true
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            requests: self.requests.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
            retries: self.retries.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            peak_memory_bytes: 0,
        }
    }
}

/// The entry without a name, in which a domain controller describes itself.
#[derive(Debug, Clone, Default)]
pub(super) struct RootDse {
    pub(super) default_naming_context: String,
    pub(super) configuration_naming_context: String,
    pub(super) naming_contexts: Vec<String>,
    /// The controller's nTDSDSA object, whose invocationId names its update sequence numbers.
    pub(super) service_name: String,
}

/// A connection, signed in. Cheap to clone; all clones share it and may send requests at the same time.
#[derive(Clone)]
pub(super) struct Session {
    ldap: Ldap,
    /// Host and port, for messages.
    pub(super) server: Arc<str>,
    pub(super) root: Arc<RootDse>,
    pub(super) traffic: Arc<Traffic>,
}

impl Session {
    /// Signs in at the first of `urls` that answers, and tries again where none does. Wrong credentials end the search
    /// at once: trying them at each controller would lock the account.
    pub(super) async fn connect(urls: &[String], access: &Access, traffic: &Arc<Traffic>) -> Result<Self, Error> {
        for round in 1..ROUNDS {
            match Self::connect_once(urls, access, traffic).await {
                Err(Error::Unavailable { .. }) => {
                    traffic.retried();
                    tokio::time::sleep(FIRST_PAUSE * 2u32.pow(round - 1)).await;
                }
                result => return result,
            }
        }
        Self::connect_once(urls, access, traffic).await
    }

    /// The same for a controller that need not answer.
    pub(super) async fn connect_once(urls: &[String], access: &Access, traffic: &Arc<Traffic>) -> Result<Self, Error> {
        let mut first: Option<Error> = None;
        for url in urls {
            match Self::open(url, access, traffic).await {
                Ok(session) => return Ok(session),
                Err(error @ (Error::Unauthenticated { .. } | Error::Configuration(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "a domain controller cannot be used");
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| Error::Configuration("ldap.urls names no domain controller".into())))
    }

    async fn open(url: &str, access: &Access, traffic: &Arc<Traffic>) -> Result<Self, Error> {
        let parsed = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "ldap" | "ldaps"));
        let Some((parsed, host)) = parsed.and_then(|url| url.host_str().map(str::to_owned).map(|host| (url, host)))
        else {
            return Err(Error::Configuration(
                "an LDAP URL is written ldaps://host[:port] or ldap://host[:port]".into(),
            ));
        };
        let server: Arc<str> = match parsed.port() {
            Some(port) => format!("{host}:{port}").into(),
            None => host.into(),
        };
        let settings = LdapConnSettings::new()
            .set_conn_timeout(CONNECT_TIMEOUT)
            .set_config(access.tls.clone())
            .set_starttls(access.security == LdapSecurity::StartTls);
        let connected = LdapConnAsync::from_url_with_settings(settings, &parsed).await;
        let (connection, mut ldap) = connected.map_err(|error| failure::of_error(&server, &error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection ended");
            }
        });
        traffic.request().await;
        let bound = ldap.with_timeout(ANSWER_TIMEOUT).simple_bind(&access.username, &access.password).await;
        let bound = bound.map_err(|error| failure::of_error(&server, &error))?;
        if bound.rc != code::SUCCESS {
            return Err(failure::of_bind(&server, &bound));
        }
        let mut session = Self { ldap, server, root: Arc::default(), traffic: traffic.clone() };
        session.root = Arc::new(session.read_root().await?);
        Ok(session)
    }

    async fn read_root(&self) -> Result<RootDse, Error> {
        let names = ["defaultNamingContext", "configurationNamingContext", "namingContexts", "dsServiceName"];
        let record = self.read("", &names).await?.unwrap_or_default();
        let text = |name: &str| record.text(name).unwrap_or_default().to_owned();
        let root = RootDse {
            default_naming_context: text("defaultNamingContext"),
            configuration_naming_context: text("configurationNamingContext"),
            naming_contexts: record.texts("namingContexts").map(str::to_owned).collect(),
            service_name: text("dsServiceName"),
        };
        if root.default_naming_context.is_empty() || root.configuration_naming_context.is_empty() {
            return Err(Error::Configuration(format!("{} is no domain controller of Active Directory", self.server)));
        }
        Ok(root)
    }

    /// Whether the connection still stands, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.ldap.clone().is_closed()
    }

    /// A handle for one request.
    pub(super) fn handle(&self) -> Ldap {
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(ANSWER_TIMEOUT);
        ldap
    }

    pub(super) fn failed(&self, error: &LdapError) -> Error {
        failure::of_error(&self.server, error)
    }

    /// The object with this name, if it is there and may be read.
    pub(super) async fn read(&self, dn: &str, attributes: &[&str]) -> Result<Option<Record>, Error> {
        let query = Query::object(dn, attributes);
        let found = search::all(self, &query).await;
        match found {
            Ok(mut records) => Ok(records.pop()),
            Err(search::Problem::Code(result)) if result.rc == code::NO_OBJECT => Ok(None),
            Err(problem) => Err(problem.into_error(self, "reading an object")),
        }
    }

    /// All that a search finds, in memory: for searches with few answers.
    pub(super) async fn find(&self, query: &Query) -> Result<Vec<Record>, Error> {
        search::all(self, query).await.map_err(|problem| problem.into_error(self, &query.action()))
    }

    pub(super) async fn add(&self, dn: &str, attributes: &[(String, Vec<String>)]) -> Result<LdapResult, LdapError> {
        let own = |(name, values): &(String, Vec<String>)| {
            (name.clone().into_bytes(), values.iter().map(|value| value.clone().into_bytes()).collect::<HashSet<_>>())
        };
        for attempt in 0.. {
            self.traffic.request().await;
            let result = self.handle().add(dn, attributes.iter().map(own).collect()).await?;
            if !is_busy(&result) || !self.traffic.busy(attempt).await {
                return Ok(result);
            }
        }
        unreachable!("the loop returns")
    }

    pub(super) async fn modify(&self, dn: &str, changes: &[Mod<String>]) -> Result<LdapResult, LdapError> {
        for attempt in 0.. {
            self.traffic.request().await;
            let result = self.handle().modify(dn, changes.to_vec()).await?;
            if !is_busy(&result) || !self.traffic.busy(attempt).await {
                return Ok(result);
            }
        }
        unreachable!("the loop returns")
    }

    pub(super) async fn delete(&self, dn: &str) -> Result<LdapResult, LdapError> {
        for attempt in 0.. {
            self.traffic.request().await;
            let result = self.handle().delete(dn).await?;
            if !is_busy(&result) || !self.traffic.busy(attempt).await {
                return Ok(result);
            }
        }
        unreachable!("the loop returns")
    }

    /// Whether this controller holds the naming context of `dn`, and which it is: the longest that fits.
    pub(super) fn naming_context_of(&self, dn: &str) -> Option<&str> {
        let held = self.root.naming_contexts.iter().filter(|context| super::names::is_within(dn, context));
        held.max_by_key(|context| context.len()).map(String::as_str)
    }
}
