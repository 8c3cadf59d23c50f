//! One's own page: my missed calls with the number to call back, my calls; heads switch to their people.

use axum::response::{IntoResponse, Response};
use serde_json::json;
use store::period::{Period, Preset};
use store::view::View;

use super::{changed, frame, may_see, names, people, reader, show};
use crate::asking::{Asking, Fault};
use crate::viewer::{Role, scope};

/// Rows of each list.
const ROWS: u16 = 30;

/// `/me`, `/me?person=ID` of a head
///
/// # Errors
/// Somebody whom the viewer may not see; as of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let viewer = asking.viewer()?;
    let directory = asking.directory()?;
    let whom = asking.key("person").or_else(|| viewer.person.clone());
    if let Some(id) = &whom
        && !may_see(&asking, id)?
    {
        return Err(Fault::NotFound);
    }
    let people = people(&asking, whom.as_deref())?;
    let frame = frame(&asking, "me-title", "me")?;
    let Some(id) = whom else {
        let data = json!({"person": null, "people": people, "missed": [], "calls": [], "missed_address": "/calls", "calls_address": "/calls", "messages": [], "unread": 0, "is_mine": false, "names": names(&asking)?});
        return Ok(show(&asking.portal, "pages/me", &frame, data)?.into_response());
    };
    // What is shown of somebody is what they see themselves.
    let reader = store::Reader { scope: scope(Role::Person, Some(&id), &[], &directory), ..reader(&asking)? };
    let view = |conditions: &[(&str, &str)]| {
        let all = changed(&View::of(Period::Preset(Preset::All)), |view| view.limit = ROWS);
        let narrowed = |view: Result<View, _>, (name, value): &(&str, &str)| view?.with_value(name, value);
        conditions
            .iter()
            .fold(Ok(all), narrowed)
            .map_err(|error: store::view::ViewError| Fault::Broken(error.to_string()))
    };
    let missed = view(&[("missed_by", &id)])?;
    let calls = view(&[])?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let mut shown = missed.clone();
    shown.columns = ["call_id", "started_at", "customer", "caller", "caller_name", "reason", "outcome", "follow_up"]
        .into_iter()
        .filter_map(store::view::column_named)
        .collect();
    let missed_rows = reader.page(&shown, &[], None).await.map_err(broken)?.rows;
    let mut shown = calls.clone();
    shown.columns =
        ["call_id", "started_at", "direction", "customer", "caller", "caller_name", "dialed", "outcome", "talk_time_s"]
            .into_iter()
            .filter_map(store::view::column_named)
            .collect();
    let rows = reader.page(&shown, &[], None).await.map_err(broken)?.rows;
    let is_mine = viewer.person.as_deref() == Some(id.as_str());
    // Messages are read by whom they are for, not by whoever leads them.
    let (messages, unread) = match is_mine {
        true => super::messages::of_viewer(&asking, None, MESSAGES).await?,
        false => (Vec::new(), 0),
    };
    let narrowed = format!("tried={id}");
    let data = json!({
        "person": {"id": id, "name": directory.person(&id).map(|person| person.name.clone())}, "people": people,
        "missed": missed_rows, "calls": rows, "missed_address": format!("/calls?{}", missed.query()),
        "calls_address": format!("/calls?period=all&{narrowed}"), "messages": messages, "unread": unread, "is_mine": is_mine, "names": names(&asking)?,
    });
    Ok(show(&asking.portal, "pages/me", &frame, data)?.into_response())
}

/// Messages that are shown.
const MESSAGES: usize = 5;
