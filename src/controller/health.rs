//! `/metrics`, `/healthz` (the process turns) and `/readyz` (it works, or stands by to).

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use std::future::Future;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How far the operator has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Has not seen the Lease yet.
    Starting,
    /// Another operator works; this one would go on in its place.
    StandingBy,
    /// Holds the Lease; its caches are not filled yet.
    Filling,
    /// Holds the Lease and works.
    Leading,
}

impl Readiness {
    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Starting => (StatusCode::SERVICE_UNAVAILABLE, "the Lease has not been read yet\n"),
            Self::Filling => (StatusCode::SERVICE_UNAVAILABLE, "the caches are not filled yet\n"),
            Self::StandingBy => (StatusCode::OK, "stands by\n"),
            Self::Leading => (StatusCode::OK, "leads\n"),
        }
    }
}

/// Serves until `shutdown` ends.
pub async fn serve(
    listener: TcpListener,
    registry: Registry,
    ready: watch::Receiver<Readiness>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(registry, ready)).with_graceful_shutdown(shutdown).await
}

fn router(registry: Registry, ready: watch::Receiver<Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let ready = *ready.borrow();
                async move { ready.answer() }
            }),
        )
        .route("/metrics", get(move || async move { exposition(&registry) }))
}

fn exposition(registry: &Registry) -> impl IntoResponse + use<> {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text),
        Err(error) => {
            tracing::warn!(%error, "the metrics could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], String::new())
        }
    }
}
