//! Calls: `/api/v1/calls`, one call, the total of a view, its measures.

use axum::response::Response;
use serde_json::{Value, json};
use store::Reader;
use store::view::Asked;

use super::answer;
use crate::asking::{Asking, Fault};
use crate::pages::{changed, named, reader, unit_word};

fn asked(asking: &Asking) -> Result<Asked, Fault> {
    Asked::parse(&asking.query).map_err(|error| Fault::Wrong(error.to_string()))
}

/// `GET /api/v1/calls`: a page of a view. Without `columns`, each call has the keys of the line that `ringback calls` prints; `by` groups.
///
/// # Errors
/// A key or a value that is none; as of the store.
pub(crate) async fn calls(asking: Asking) -> Result<Response, Fault> {
    let Asked { view, cursor } = asked(&asking)?;
    let reader = reader(&asking)?;
    let named = named(&asking, view.search.as_deref())?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    if view.by.is_some() {
        let grouped = reader.grouped(&view, &named).await.map_err(broken)?;
        let group = |group: &store::Group| json!({"value": group.value, "calls": group.calls, "missed": group.missed, "answered": group.answered, "query": group.view.query()});
        let groups: Vec<Value> = grouped.rows.iter().map(group).collect();
        return Ok(answer(json!({"groups": groups, "total": grouped.total.calls, "is_cut": grouped.is_cut})));
    }
    let columns = if asking.key("columns").is_some() { view.columns.clone() } else { Reader::line_columns() };
    let shown = changed(&view, |view| view.columns = columns);
    let page = reader.page(&shown, &named, cursor.as_ref()).await.map_err(broken)?;
    let total = reader.total(&view, &named).await.map_err(broken)?.calls;
    Ok(answer(json!({"calls": page.rows, "next": page.next.map(|cursor| cursor.to_string()), "total": total})))
}

/// `GET /api/v1/calls/{id}`
///
/// # Errors
/// There is no such call that the viewer may see.
pub(crate) async fn call(asking: Asking) -> Result<Response, Fault> {
    Ok(answer(crate::pages::call::told(&asking).await?))
}

/// `GET /api/v1/total`: how many calls a view has.
///
/// # Errors
/// As of [`calls`].
pub(crate) async fn total(asking: Asking) -> Result<Response, Fault> {
    let view = asked(&asking)?.view;
    let named = named(&asking, view.search.as_deref())?;
    let total = reader(&asking)?.total(&view, &named).await.map_err(|error| Fault::of_store(&error))?;
    Ok(answer(json!({"total": total.calls})))
}

/// `GET /api/v1/measures`: the measures of a view.
///
/// # Errors
/// As of [`calls`].
pub(crate) async fn measures(asking: Asking) -> Result<Response, Fault> {
    let view = asked(&asking)?.view;
    let named = named(&asking, view.search.as_deref())?;
    let told = reader(&asking)?.measures(&view, &named).await.map_err(|error| Fault::of_store(&error))?;
    let measure = |told: &store::Measured| json!({"measure": told.measure.name, "unit": unit_word(told.measure.unit), "formula": told.measure.formula, "value": told.value});
    Ok(answer(json!({"measures": told.iter().map(measure).collect::<Vec<_>>()})))
}
