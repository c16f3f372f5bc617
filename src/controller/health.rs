//! `/metrics`, `/healthz` (the process turns) and `/readyz` (it works, or stands by to).

use super::metrics::Exposition;
use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use std::convert::Infallible;
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
    metrics: Exposition,
    ready: watch::Receiver<Readiness>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(metrics, ready)).with_graceful_shutdown(shutdown).await
}

fn router(metrics: Exposition, ready: watch::Receiver<Readiness>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let ready = *ready.borrow();
                async move { ready.answer() }
            }),
        )
        .route("/metrics", get(move || async move { page(&metrics) }))
}

fn page(metrics: &Exposition) -> Response {
    match metrics.parts() {
        Ok(parts) => {
            let body = Body::from_stream(stream::iter(parts.map(Ok::<_, Infallible>)));
            ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
