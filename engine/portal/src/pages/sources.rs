//! What each exchange tells: how much, when last, what of it was not understood, and which verdicts are not final.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{frame, readable, reader, rfc3339, show};
use crate::asking::{Asking, Fault};

/// Rejects that are shown.
const REJECTS: u16 = 50;

/// `/set-up/sources`
///
/// # Errors
/// As of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let mut told = told(&asking).await?;
    if let Some(Value::Array(rejects)) = told.get_mut("rejects") {
        rejects.iter_mut().filter_map(Value::as_object_mut).for_each(readable);
    }
    let frame = frame(&asking, "sources-title", "set-up")?;
    Ok(show(&asking.portal, "pages/sources", &frame, told)?.into_response())
}

/// What each exchange tells.
///
/// # Errors
/// As of the store.
pub(crate) async fn told(asking: &Asking) -> Result<Value, Fault> {
    let reader = reader(asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let sources: Vec<Value> = reader
        .sources()
        .await
        .map_err(broken)?
        .iter()
        .map(|source| {
            json!({
                "pbx": source.pbx, "adapter": source.adapter, "last_at": rfc3339(source.last_at), "legs_last_hour": source.legs_last_hour,
                "silent_s": (asking.now.0 - source.last_at.0) / 1000, "legs_last_day": source.legs_last_day,
                "legs_last_week": source.legs_last_week, "rejects_last_week": source.rejects_last_week,
            })
        })
        .collect();
    let early: Vec<Value> = reader
        .early()
        .await
        .map_err(broken)?
        .iter()
        .map(|early| json!({"pbx": early.pbx, "calls": early.calls, "oldest_at": rfc3339(early.oldest_at)}))
        .collect();
    let rejects = reader.rejects(REJECTS).await.map_err(broken)?;
    Ok(json!({"sources": sources, "early": early, "rejects": rejects}))
}
