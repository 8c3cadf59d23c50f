//! What other pages show, as values: one customer, the dashboard, messages, and of the set-up sources, plugins, the directory and changes.

use axum::response::Response;
use serde_json::{Value, json};

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::{changes, customer, dashboard, directory, messages, plugins, sources};

/// `GET /api/v1/customers/{number}`
///
/// # Errors
/// The viewer may see nothing of them.
pub(crate) async fn customer(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(without(customer::told(&asking).await?, &["names"])))
}

/// `GET /api/v1/dashboard?period=`
///
/// # Errors
/// A period that is none; as of the store.
pub(crate) async fn dashboard(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(without(dashboard::told(&asking).await?, &["presets", "hours", "week", "names"])))
}

/// `GET /api/v1/messages?before=&limit=`
///
/// # Errors
/// As of the office.
pub(crate) async fn messages(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(messages::messages(&asking).await?))
}

/// `POST /api/v1/messages/{seq}/read`
///
/// # Errors
/// The viewer has no such message.
pub(crate) async fn read(asking: Asking) -> Result<Response, Fault> {
    messages::mark(&asking).await?;
    Ok(answer(json!({"read": asking.param("seq")})))
}

/// `GET /api/v1/sources`
///
/// # Errors
/// As of the store.
pub(crate) async fn sources(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(sources::told(&asking).await?))
}

/// `GET /api/v1/plugins`
///
/// # Errors
/// As of the office.
pub(crate) async fn plugins(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"plugins": plugins::plugins(&asking).await?})))
}

/// `GET /api/v1/plugins/{name}`
///
/// # Errors
/// There is none of this name.
pub(crate) async fn plugin(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(plugins::one(&asking).await?))
}

/// `PUT /api/v1/plugins/{name}` with `before` and `state`
///
/// # Errors
/// As of the page.
pub(crate) async fn switch(asking: Asking) -> Result<Response, Fault> {
    plugins::switch(&asking).await?;
    Ok(answer(plugins::one(&asking).await?))
}

/// `GET /api/v1/directory?q=`
///
/// # Errors
/// The company is gone.
pub(crate) async fn directory(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(without(directory::told(&asking)?, &["q"])))
}

/// `GET /api/v1/changes?before=&limit=`
///
/// # Errors
/// As of the office.
pub(crate) async fn changes(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(changes::changes(&asking).await?))
}

/// What only a page needs is left out.
fn without(mut told: Value, keys: &[&str]) -> Value {
    if let Some(told) = told.as_object_mut() {
        told.retain(|key, _| !keys.contains(&key.as_str()));
    }
    told
}
