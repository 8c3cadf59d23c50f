//! Everything about one customer, by number.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use store::view::column_named;

use super::{changed, frame, names, reader, show};
use crate::asking::{Asking, Fault};

/// `/customers/{number}`
///
/// # Errors
/// As of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let told = told(&asking).await?;
    let frame = frame(&asking, asking.param("number"), "calls")?;
    Ok(show(&asking.portal, "pages/customer", &frame, told)?.into_response())
}

/// Everything about the customer that the address names.
///
/// # Errors
/// The viewer may see nothing of them; as of the store.
pub(crate) async fn told(asking: &Asking) -> Result<Value, Fault> {
    let reader = reader(asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let customer = reader.customer(asking.param("number")).await.map_err(broken)?;
    if customer.total == 0 && customer.follow_ups.is_empty() {
        return Err(Fault::NotFound);
    }
    const COLUMNS: [&str; 8] =
        ["call_id", "started_at", "customer", "caller", "caller_name", "outcome", "reason", "follow_up"];
    let shown = changed(&customer.calls, |view| view.columns = COLUMNS.into_iter().filter_map(column_named).collect());
    let calls = reader.page(&shown, &[], None).await.map_err(broken)?;
    Ok(json!({
        "number": asking.param("number"), "total": customer.total, "address": format!("/calls?{}", customer.calls.query()),
        "calls": calls.rows, "follow_ups": customer.follow_ups, "deliveries": customer.deliveries, "names": names(asking)?,
    }))
}
