//! Views that people saved: a name for an address of the page of calls, one's own, or shared within the company.

use axum::response::{IntoResponse, Response};
use office::{NewView, SavedView, ViewChange};
use serde_json::{Value, json};
use store::view::View;

use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};

/// The page that views are of.
const PAGE: &str = "calls";

/// `/views`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let views = found(&asking).await?;
    let mut frame = frame(&asking, "views-title", "calls")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/views", &frame, json!({"views": views}))?.into_response())
}

/// The views that the viewer finds, each with its address and whether they may change it.
///
/// # Errors
/// As of the office.
pub(crate) async fn found(asking: &Asking) -> Result<Vec<Value>, Fault> {
    let viewer = asking.viewer()?;
    let login = viewer.login.clone();
    let views = asking.portal.ask(move |office| office.views_of(&login, PAGE)).await?;
    Ok(views.iter().map(|view| told(view, &viewer.login, viewer.is_administrator())).collect())
}

/// One view.
///
/// # Errors
/// There is none that the viewer may see.
pub(crate) async fn one(asking: &Asking) -> Result<Value, Fault> {
    let view = seen(asking).await?;
    let viewer = asking.viewer()?;
    Ok(told(&view, &viewer.login, viewer.is_administrator()))
}

/// Saves a view with the `name` and the `query` of the form, and gives its number.
///
/// # Errors
/// The query is none of the page of calls; as of the office.
pub(crate) async fn save(asking: &Asking) -> Result<i64, Fault> {
    let new = NewView {
        login: asking.viewer()?.login.clone(),
        page: PAGE.to_owned(),
        name: asking.field("name").unwrap_or_default().to_owned(),
        query: normal(asking.field("query").unwrap_or_default())?,
        is_shared: asking.is_ticked("is_shared"),
    };
    let now = asking.now.0;
    asking.portal.ask(move |office| office.view_add(&new, now)).await
}

/// Changes a view to what the form says; what it does not say stays.
///
/// # Errors
/// As of [`save`]; it was changed since `version`.
pub(crate) async fn alter(asking: &Asking) -> Result<(), Fault> {
    let view = seen(asking).await?;
    let change = ViewChange {
        id: view.id,
        version: asking.number("version")?,
        name: asking.field("name").map_or(view.name, str::to_owned),
        query: asking.field("query").map_or(Ok(view.query), normal)?,
        is_shared: asking.is_ticked("is_shared"),
    };
    let (by, now) = (asking.viewer()?.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.view_change(&change, &by, now)).await
}

/// Takes a view away.
///
/// # Errors
/// As of [`alter`].
pub(crate) async fn remove(asking: &Asking) -> Result<(), Fault> {
    let (id, version) = (seen(asking).await?.id, asking.number("version")?);
    let (by, now) = (asking.viewer()?.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.view_delete(id, version, &by, now)).await
}

/// `POST /views`
///
/// # Errors
/// As of [`save`].
pub(crate) async fn add(asking: Asking) -> Result<Response, Fault> {
    save(&asking).await?;
    let query = normal(asking.field("query").unwrap_or_default())?;
    Ok(asking.back(&format!("/calls?{query}")))
}

/// `POST /views/{id}/change`
///
/// # Errors
/// As of [`alter`].
pub(crate) async fn change(asking: Asking) -> Result<Response, Fault> {
    alter(&asking).await?;
    Ok(asking.back("/views"))
}

/// `POST /views/{id}/delete`
///
/// # Errors
/// As of [`remove`].
pub(crate) async fn delete(asking: Asking) -> Result<Response, Fault> {
    remove(&asking).await?;
    Ok(asking.back("/views"))
}

async fn seen(asking: &Asking) -> Result<SavedView, Fault> {
    let id: i64 = asking.param("id").parse().map_err(|_| Fault::NotFound)?;
    let login = asking.viewer()?.login.clone();
    asking
        .portal
        .ask(move |office| office.view(&login, id))
        .await?
        .filter(|view| view.page == PAGE)
        .ok_or(Fault::NotFound)
}

/// The same view is the same text, and one that is none is not kept.
fn normal(query: &str) -> Result<String, Fault> {
    let query = query.strip_prefix('?').unwrap_or(query);
    View::parse(query).map(|view| view.query()).map_err(|error| Fault::Wrong(error.to_string()))
}

fn told(view: &SavedView, login: &str, is_administrator: bool) -> Value {
    let at = |at: i64| rfc3339(adapters::leg::Moment(at));
    json!({
        "id": view.id, "name": view.name, "query": view.query, "address": format!("/calls?{}", view.query), "owner": view.login,
        "is_shared": view.is_shared, "version": view.version, "created_at": at(view.created_at), "changed_at": at(view.changed_at),
        "changed_by": view.changed_by, "is_mine": view.login == login, "may_change": view.login == login || is_administrator,
    })
}
