//! Access tokens, kept until shortly before they expire; one refresh at a time.

use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Renewed this long before it expires, so that no request goes out with one that dies on the way.
const MARGIN: Duration = Duration::from_secs(300);

/// A bearer token. It has no `Debug` and no `Display`: it must not reach a log.
#[derive(Clone)]
pub struct Token {
    pub secret: String,
    pub expires_in: Duration,
}

#[derive(Default)]
pub struct TokenCache {
    kept: Mutex<Option<(String, Instant)>>,
}

impl TokenCache {
    pub fn new() -> Self {
        Self::default()
    }

    /// The token at hand, or what `fetch` brings. Those who ask meanwhile wait for the same fetch.
    pub async fn get<E, F>(&self, fetch: impl FnOnce() -> F) -> Result<String, E>
    where
        F: Future<Output = Result<Token, E>>,
    {
        let mut kept = self.kept.lock().await;
        if let Some((secret, renew_at)) = kept.as_ref()
            && Instant::now() < *renew_at
        {
            return Ok(secret.clone());
        }
        let token = fetch().await?;
        // A token that lives shorter than the margin is still good for half its life.
        let life = token.expires_in.saturating_sub(MARGIN).max(token.expires_in / 2);
        *kept = Some((token.secret.clone(), Instant::now() + life));
        Ok(token.secret)
    }

    /// The server refused this token: the next [`TokenCache::get`] fetches another, unless somebody has already.
    pub async fn refused(&self, secret: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|(known, _)| known == secret) {
            *kept = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn one_refresh_at_a_time() {
        let cache = TokenCache::new();
        let fetches = AtomicU32::new(0);
        let get = || {
            cache.get(|| async {
                let number = fetches.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Token { secret: format!("t{number}"), expires_in: Duration::from_secs(3600) })
            })
        };
        let (a, b, c) = tokio::join!(get(), get(), get());
        assert_eq!([a, b, c], [Ok("t0".to_owned()), Ok("t0".to_owned()), Ok("t0".to_owned())]);
        cache.refused("another").await;
        assert_eq!(get().await, Ok("t0".to_owned()));
        cache.refused("t0").await;
        assert_eq!(get().await, Ok("t1".to_owned()));
    }
}
