//! What is owed to customers: the work list, and what is done about one of it.

use axum::response::Response;
use serde_json::json;

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::{acts, reader};

/// Rows of a page where nobody asks for another number.
const LIMIT: u16 = 50;

/// `GET /api/v1/follow_ups?limit=&cursor=`
///
/// # Errors
/// A limit that is none; as of the store.
pub(crate) async fn list(asking: Asking) -> Result<Response, Fault> {
    let limit = match asking.key("limit") {
        None => LIMIT,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=store::view::LIMIT_MAX).contains(limit)).ok_or_else(|| {
                Fault::Wrong(format!("limit={text}: expected a number from 1 to {}", store::view::LIMIT_MAX))
            })?
        }
    };
    let reader = reader(&asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let page = reader.work_list(limit, asking.key("cursor").as_deref()).await.map_err(broken)?;
    let total = reader.work_total().await.map_err(broken)?;
    Ok(answer(json!({"follow_ups": page.rows, "next": page.next, "total": total.follow_ups, "dealing": total.dealing})))
}

/// `POST /api/v1/follow_ups/{id}/claim`
///
/// # Errors
/// Somebody else has it.
pub(crate) async fn claim(asking: Asking) -> Result<Response, Fault> {
    acts::take(&asking).await?;
    Ok(answer(json!({"claimed": asking.param("id"), "by": acts::actor(asking.viewer()?)})))
}

/// `POST /api/v1/follow_ups/{id}/settle` with `why`
///
/// # Errors
/// As of the page.
pub(crate) async fn settle(asking: Asking) -> Result<Response, Fault> {
    acts::settle_it(&asking).await?;
    Ok(answer(json!({"settled": asking.param("id"), "by": acts::actor(asking.viewer()?)})))
}

/// `POST /api/v1/follow_ups/{id}/call_back`
///
/// # Errors
/// As of the page.
pub(crate) async fn call_back(asking: Asking) -> Result<Response, Fault> {
    acts::dial(&asking).await?;
    Ok(answer(json!({"asked": asking.param("id"), "by": acts::actor(asking.viewer()?)})))
}
