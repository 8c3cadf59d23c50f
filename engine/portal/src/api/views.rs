//! Saved views: `/api/v1/views`.

use axum::response::Response;
use serde_json::json;

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::views;

/// `GET /api/v1/views`
///
/// # Errors
/// As of the office.
pub(crate) async fn list(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(json!({"views": views::found(&asking).await?})))
}

/// `POST /api/v1/views` with `name`, `query`, `is_shared`
///
/// # Errors
/// As of the page.
pub(crate) async fn add(mut asking: Asking) -> Result<Response, Fault> {
    let id = views::save(&asking).await?;
    asking.params = vec![("id".to_owned(), id.to_string())];
    Ok(answer(views::one(&asking).await?))
}

/// `GET /api/v1/views/{id}`
///
/// # Errors
/// There is none that the viewer may see.
pub(crate) async fn one(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(views::one(&asking).await?))
}

/// `PUT /api/v1/views/{id}` with `version`, and `name`, `query`, `is_shared`
///
/// # Errors
/// As of the page.
pub(crate) async fn change(asking: Asking) -> Result<Response, Fault> {
    views::alter(&asking).await?;
    Ok(answer(views::one(&asking).await?))
}

/// `DELETE /api/v1/views/{id}?version=`
///
/// # Errors
/// As of the page.
pub(crate) async fn delete(asking: Asking) -> Result<Response, Fault> {
    views::remove(&asking).await?;
    Ok(answer(json!({"deleted": asking.param("id")})))
}
