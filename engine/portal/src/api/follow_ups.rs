//! What is owed to customers: the work list, and what is done about one of it.

use axum::response::Response;
use serde_json::json;

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::owed::owed;
use crate::pages::{acts, missed, names};

/// Rows of a page where nobody asks for another number.
const LIMIT: u16 = 50;

/// `GET /api/v1/follow_ups?person=&limit=&cursor=`
///
/// # Errors
/// A limit that is none; somebody whom the viewer may not see; as of the store.
pub(crate) async fn list(asking: Asking) -> Result<Response, Fault> {
    let limit = asking.limit(LIMIT)?;
    let reader = missed::reader_of(&asking, missed::chosen(&asking)?.as_deref())?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let mut page = reader.work_list(limit, asking.key("cursor").as_deref()).await.map_err(broken)?;
    let total = reader.work_total().await.map_err(broken)?;
    missed::who_deals(&asking, &mut page.rows, &names(&asking)?).await?;
    Ok(answer(json!({"follow_ups": page.rows, "next": page.next, "total": total.follow_ups, "dealing": total.dealing})))
}

/// `GET /api/v1/follow_ups/{id}`
///
/// # Errors
/// There is none that the viewer may see.
pub(crate) async fn one(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(owed(&asking, asking.param("id")).await?.ok_or(Fault::NotFound)?))
}

/// `POST /api/v1/follow_ups/{id}/claim`, with `take_over` also from somebody else
///
/// # Errors
/// Somebody else has it; who takes it over may not.
pub(crate) async fn claim(asking: Asking) -> Result<Response, Fault> {
    acts::take(&asking, asking.is_ticked("take_over")).await?;
    done(&asking, "claimed")
}

/// `POST /api/v1/follow_ups/{id}/give_back`
///
/// # Errors
/// As of the page.
pub(crate) async fn give_back(asking: Asking) -> Result<Response, Fault> {
    acts::release(&asking).await?;
    done(&asking, "given_back")
}

/// `POST /api/v1/follow_ups/{id}/settle` with `why`, and a `note` where that is `other`
///
/// # Errors
/// As of the page.
pub(crate) async fn settle(asking: Asking) -> Result<Response, Fault> {
    acts::settle_it(&asking).await?;
    done(&asking, "settled")
}

/// `POST /api/v1/follow_ups/{id}/reopen`
///
/// # Errors
/// As of the page.
pub(crate) async fn reopen(asking: Asking) -> Result<Response, Fault> {
    acts::open_again(&asking).await?;
    done(&asking, "reopened")
}

/// `POST /api/v1/follow_ups/{id}/notes` with `note`
///
/// # Errors
/// As of the page.
pub(crate) async fn note(asking: Asking) -> Result<Response, Fault> {
    acts::say(&asking).await?;
    done(&asking, "noted")
}

/// `POST /api/v1/follow_ups/{id}/call_back`
///
/// # Errors
/// As of the page.
pub(crate) async fn call_back(asking: Asking) -> Result<Response, Fault> {
    acts::dial(&asking).await?;
    done(&asking, "asked")
}

/// What was done, to which follow-up, and by whom.
fn done(asking: &Asking, what: &str) -> Result<Response, Fault> {
    Ok(answer(json!({what: asking.param("id"), "by": acts::actor(asking.viewer()?)})))
}
