//! What an orchestrator and a monitoring system ask over HTTP: `/live`, `/ready`, `/metrics`. It says nothing of any call.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::pipeline::Progress;

/// Answers on this address (port 0: a free one) until the process ends; gives the address that was taken.
///
/// # Errors
/// If the address cannot be taken.
pub(crate) async fn serve(listen: &str, progress: Arc<Progress>) -> Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("`listen` under [http]: {listen} cannot be taken; name another address, or port 0 for a free one")
    })?;
    let address = listener.local_addr()?;
    let routes = Router::new()
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(progress);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

/// Ready: all partitions that this process has are taken over. Not ready: it has none yet, or reads back what is stored.
async fn ready(State(progress): State<Arc<Progress>>) -> impl IntoResponse {
    match progress.is_ready() {
        true => (StatusCode::OK, format!("ready {}\n", progress.delivery())),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
    }
}

async fn metrics(State(progress): State<Arc<Progress>>) -> impl IntoResponse {
    progress.figures().refresh().await;
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, KIND)], progress.text())
}
