//! Who changed what: the list that every change of logins, tokens, views and plugins stands in.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};

/// Rows of a page where nobody asks for another number.
const ROWS: u16 = 50;

/// `/set-up/changes?before=&limit=`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let told = changes(&asking).await?;
    let mut frame = frame(&asking, "changes-title", "set-up")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/changes", &frame, told)?.into_response())
}

/// Changes, the latest first, and where the next page begins.
///
/// # Errors
/// As of the office.
pub(crate) async fn changes(asking: &Asking) -> Result<Value, Fault> {
    asking.knows(&["before", "limit"])?;
    let before = asking.key("before").map(|_| asking.number("before")).transpose()?;
    let limit = usize::from(asking.limit(ROWS)?);
    let tenant = asking.viewer()?.tenant().to_owned();
    let mut found = asking.portal.ask(move |office| office.changes(&tenant, before, limit + 1)).await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_more).map(|change| change.seq);
    let told = |change: &office::Changed| {
        let detail: Value = serde_json::from_str(&change.detail).unwrap_or_default();
        json!({
            "seq": change.seq, "at": rfc3339(Moment(change.at)), "by": change.by, "what": change.what, "what_key": change.what.replace(' ', "-"), "of": change.of,
            "from": detail["from"], "to": detail["to"],
            "from_text": text(&detail["from"]), "to_text": text(&detail["to"]),
        })
    };
    Ok(json!({"changes": found.iter().map(told).collect::<Vec<_>>(), "next": next}))
}

/// What something was, for people: each key with its value.
fn text(of: &Value) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let keys = of.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    keys.map(|(key, value)| format!("{key}: {}", shown(value))).collect::<Vec<_>>().join("; ")
}
