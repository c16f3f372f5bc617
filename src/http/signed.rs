//! Requests that carry a bearer token (RFC 6750): one that the service refuses is replaced once.

use super::client::{Answer, Client, Observer};
use super::error::Error;
use super::token::{Token, TokenCache};
use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use std::future::Future;

/// Where the tokens of one interface come from.
#[async_trait]
pub trait TokenSource: Send + Sync {
    type Error: Send;

    /// A new token.
    async fn token(&self) -> Result<Token, Self::Error>;
}

/// One interface with its own budget and token.
pub struct SignedClient<S> {
    client: Client,
    source: S,
    tokens: TokenCache,
}

/// Why there is no answer; `E` is the token source's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedError<E> {
    /// There is no token.
    NoToken(E),
    /// The service does not accept a token that was issued a moment ago: it is for another service or tenant.
    TokenRefused,
    Http(Error),
}

impl<S: TokenSource> SignedClient<S> {
    pub fn new(client: Client, source: S) -> Self {
        Self { client, source, tokens: TokenCache::new() }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where the tokens come from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The token at hand, or a new one.
    pub async fn token(&self) -> Result<String, S::Error> {
        self.tokens.get(|| self.source.token()).await
    }

    /// Sends what `build` makes, as [`Client::send`] does, with a token.
    pub async fn send<O, B>(&self, observer: &O, build: B) -> Result<Answer, SignedError<S::Error>>
    where
        O: Observer + ?Sized,
        B: Fn(&reqwest::Client) -> reqwest::RequestBuilder,
    {
        let build = &build;
        self.with_token(|token| async move {
            let bearer = bearer(&token);
            self.client.send(observer, |http| build(http).header(AUTHORIZATION, bearer.as_str()).build()).await
        })
        .await
    }

    /// What `call` makes of a token. It is called once more, with a new token, if the answer is 401.
    pub async fn with_token<C, F>(&self, call: C) -> Result<Answer, SignedError<S::Error>>
    where
        C: Fn(String) -> F,
        F: Future<Output = Result<Answer, Error>>,
    {
        let mut renewed = false;
        loop {
            let token = self.token().await.map_err(SignedError::NoToken)?;
            let answer = call(token.clone()).await.map_err(SignedError::Http)?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            if std::mem::replace(&mut renewed, true) {
                return Err(SignedError::TokenRefused);
            }
            self.tokens.refused(&token).await;
        }
    }
}

/// The value of the header `Authorization`.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// Tokens `t1`, `t2`, …
    #[derive(Default)]
    struct Numbered(AtomicU32);

    #[async_trait]
    impl TokenSource for Numbered {
        type Error = &'static str;

        async fn token(&self) -> Result<Token, Self::Error> {
            match self.0.fetch_add(1, Ordering::Relaxed) + 1 {
                9.. => Err("no more tokens"),
                number => Ok(Token { secret: format!("t{number}"), expires_in: Duration::from_secs(3600) }),
            }
        }
    }

    /// Answers one call after the other with these; gives what came of it and the tokens that were sent.
    async fn drive(
        client: &SignedClient<Numbered>,
        statuses: &[u16],
    ) -> (Result<u16, SignedError<&'static str>>, String) {
        let (statuses, sent) = (Mutex::new(statuses.iter()), Mutex::new(Vec::new()));
        let answer = client
            .with_token(|token| {
                sent.lock().unwrap().push(token);
                let status = statuses.lock().unwrap().next().copied();
                async move {
                    let Some(status) = status else { return Err(Error::Throttled { retry_after: None }) };
                    let status = StatusCode::from_u16(status).unwrap();
                    Ok(Answer { status, headers: Default::default(), body: Default::default() })
                }
            })
            .await;
        (answer.map(|answer| answer.status.as_u16()), sent.into_inner().unwrap().join(" "))
    }

    fn client() -> SignedClient<Numbered> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        SignedClient::new(Client::new(http, Default::default()), Numbered::default())
    }

    #[tokio::test]
    async fn a_token_that_is_refused_is_replaced_once() {
        let client = client();
        for (statuses, wanted, tokens) in [
            ([200, 0].as_slice(), Ok(200), "t1"),
            (&[403], Ok(403), "t1"),
            (&[401, 200], Ok(200), "t1 t2"),
            (&[401, 401, 200], Err(SignedError::TokenRefused), "t2 t3"),
            (&[500], Ok(500), "t3"),
            (&[], Err(SignedError::Http(Error::Throttled { retry_after: None })), "t3"),
        ] {
            assert_eq!(drive(&client, statuses).await, (wanted, tokens.to_owned()), "{statuses:?}");
        }
        for _ in 0..5 {
            assert!(drive(&client, &[401, 200]).await.0.is_ok());
        }
        assert_eq!(drive(&client, &[401, 200]).await, (Err(SignedError::NoToken("no more tokens")), "t8".to_owned()));
    }
}
