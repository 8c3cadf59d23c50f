//! The figures of a period: each leads to the calls that it counts.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use store::period::{PRESETS, Period, Preset};
use store::view::Asked;
use store::{Figure, Group};

use super::{frame, names, reader, show};
use crate::asking::{Asking, Fault};
use crate::drawing::{Bar, bars, grid};

/// `/dashboard`
///
/// # Errors
/// A period that is none; as of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let data = told(&asking).await?;
    let frame = frame(&asking, "dashboard-title", "dashboard")?;
    Ok(show(&asking.portal, "pages/dashboard", &frame, data)?.into_response())
}

/// The figures, with the pictures of the page.
///
/// # Errors
/// As of the page.
pub(crate) async fn told(asking: &Asking) -> Result<Value, Fault> {
    let period = match asking.query.is_empty() {
        true => Period::Preset(Preset::Today),
        false => Asked::parse(&asking.query).map_err(|error| Fault::Wrong(error.to_string()))?.view.period,
    };
    let told = reader(asking)?.dashboard(period).await.map_err(|error| Fault::of_store(&error))?;
    let figure = |figure: &Figure| json!({"value": figure.value, "address": format!("/calls?{}", figure.view.query())});
    let group = |group: &Group| {
        json!({
            "value": group.value, "calls": group.calls, "missed": group.missed, "answered": group.answered,
            "address": format!("/calls?{}", group.view.query()),
        })
    };
    let groups = |of: &[Group]| of.iter().map(group).collect::<Vec<Value>>();
    let hour = |hour: u8| {
        let name = hour.to_string();
        let group = told.by_hour.iter().find(|group| group.value.as_deref() == Some(name.as_str()));
        let parts = group.map_or([0, 0], |group| [group.calls.saturating_sub(group.missed), group.missed]);
        Bar { name, parts, address: group.map(|group| format!("/calls?{}", group.view.query())) }
    };
    let hours: Vec<Bar> = (0..24).map(hour).collect();
    let slots: Vec<(u8, u8, u64, u64, String)> = told
        .by_weekday_and_hour
        .iter()
        .map(|slot| (slot.weekday, slot.hour, slot.calls, slot.missed, format!("/calls?{}", slot.view.query())))
        .collect();
    let weekdays: Vec<String> = (1..=7).map(|day| super::said(asking, &format!("weekday-{day}"), &[])).collect();
    let presets: Vec<Value> = PRESETS
        .iter()
        .map(|(preset, word)| json!([word, format!("/dashboard?period={word}"), Period::Preset(*preset) == period]))
        .collect();
    let states: Vec<Value> = told
        .funnel
        .states
        .iter()
        .map(|(count, view)| json!({"state": count.state, "calls": count.calls, "follow_ups": count.follow_ups, "address": format!("/calls?{}", view.query())}))
        .collect();
    Ok(json!({
        "presets": presets,
        "came_in": figure(&told.came_in), "answered": figure(&told.answered), "missed": figure(&told.missed),
        "answer_rate": figure(&told.answer_rate), "service_level": figure(&told.service_level), "asa": figure(&told.asa),
        "by_hour": groups(&told.by_hour), "by_outcome": groups(&told.by_outcome), "by_group": groups(&told.by_group),
        "hours": bars(&hours), "week": grid(&slots, &weekdays),
        "funnel": {"missed": told.funnel.missed, "states": states},
        "median_s": told.time_to_return.median_s, "p90_s": told.time_to_return.p90_s, "follow_ups": told.time_to_return.follow_ups,
        "latest_at": told.latest_at, "names": names(asking)?,
    }))
}
