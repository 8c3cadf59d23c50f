//! Plugins: what each is and hears, what it asks for and was granted, its settings, what it did or would have done, why it stopped; and
//! the switch that lets it act.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use office::{Office, OutcomeStatus, Plugin, PluginState, PluginSwitch};
use serde_json::{Value, json};

use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};

/// Failed events of each plugin that are shown.
const FAILED_MAX: usize = 10;

/// `/set-up/plugins`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let told = json!({"plugins": plugins(&asking).await?, "may_switch": may_switch(&asking)});
    let mut frame = frame(&asking, "plugins-title", "set-up")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/plugins", &frame, told)?.into_response())
}

/// Plugins are of the whole installation: where several companies share one, its administrators switch them, and not one company's.
fn may_switch(asking: &Asking) -> bool {
    asking.portal.parts.directories.len() == 1
}

/// Every installed plugin.
///
/// # Errors
/// As of the office.
pub(crate) async fn plugins(asking: &Asking) -> Result<Vec<Value>, Fault> {
    let (tenant, is_alone) = (asking.viewer()?.tenant().to_owned(), may_switch(asking));
    asking
        .portal
        .ask(move |office| office.plugins()?.iter().map(|plugin| told(office, plugin, &tenant, is_alone)).collect())
        .await
}

/// One installed plugin, by the name in the address.
///
/// # Errors
/// There is none of this name.
pub(crate) async fn one(asking: &Asking) -> Result<Value, Fault> {
    let name = asking.param("name");
    plugins(asking).await?.into_iter().find(|plugin| plugin["name"] == name).ok_or(Fault::NotFound)
}

/// Lets the plugin that the address names act, or gives it nothing any more, as `state` says: live or off. `before` is the state that
/// whoever asks has seen.
///
/// # Errors
/// No such plugin or state; somebody else switched it meanwhile; the installation is not this company's alone.
pub(crate) async fn switch(asking: &Asking) -> Result<(), Fault> {
    if !may_switch(asking) {
        return Err(Fault::Forbidden("forbidden-plugins"));
    }
    let state = match asking.field("state").unwrap_or_default() {
        "live" => PluginState::Live,
        "off" => PluginState::Off,
        other => return Err(Fault::Wrong(format!("state={other}: expected live or off"))),
    };
    let before = PluginState::parse(asking.field("before").unwrap_or_default()).map_err(Fault::of_office)?;
    let viewer = asking.viewer()?;
    let switch =
        PluginSwitch { tenant: viewer.tenant().to_owned(), name: asking.param("name").to_owned(), before, state };
    let (by, now) = (viewer.login.clone(), asking.now.0);
    asking.portal.ask(move |office| office.switch_plugin(&switch, &by, now)).await
}

/// `POST /set-up/plugins/{name}/switch`
///
/// # Errors
/// As of [`switch`].
pub(crate) async fn switched(asking: Asking) -> Result<Response, Fault> {
    switch(&asking).await?;
    Ok(asking.back("/set-up/plugins"))
}

/// `is_alone`: the installation is this company's alone, so that what the settings say of the plugin is its own.
fn told(office: &Office, plugin: &Plugin, tenant: &str, is_alone: bool) -> office::Result<Value> {
    let load = office.plugin_load(&plugin.name)?;
    let mut body: Value =
        load.as_ref().and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or_else(|| json!({}));
    let counts = office.plugin_counts(&plugin.name, tenant)?;
    let failed = office.outcomes(&plugin.name, tenant, OutcomeStatus::Failed, None, FAILED_MAX)?;
    let at = |at: i64| rfc3339(Moment(at));
    for key in ["since", "tried_again_at"] {
        if let Some(moment) = body["paused"][key].as_i64() {
            body["paused"][key] = at(moment).into();
        }
    }
    // Whoever wants to mend a paused plugin wants to know so; one that is off or cannot be loaded is not paused.
    let stopped = match (plugin.state, &body["paused"], body["is_loaded"].as_bool()) {
        (PluginState::Off, ..) => None,
        (_, Value::Object(_), _) | (PluginState::Paused, ..) => Some("faults"),
        (_, _, Some(false)) => Some("not_loaded"),
        _ => None,
    };
    let (dry, did): (Vec<_>, Vec<_>) = counts.actions.iter().partition(|count| count.status == "dry");
    let count =
        |count: &&office::ActionCount| json!({"kind": count.kind, "status": count.status, "count": count.count});
    let outcomes: Vec<Value> =
        counts.outcomes.iter().map(|(status, count)| json!({"status": status, "count": count})).collect();
    let of = |key: &str| body.get(key).cloned().unwrap_or_default();
    Ok(json!({
        "name": plugin.name, "version": plugin.version, "state": plugin.state.as_str(), "sha256": plugin.sha256,
        "installed_at": at(plugin.installed_at), "changed_at": at(plugin.changed_at), "changed_by": plugin.by, "note": plugin.note,
        "about": of("about"), "hears": body["hears"].as_array().cloned().unwrap_or_default(),
        "asked": body["asked"].as_array().cloned().unwrap_or_default(), "stopped": stopped, "why": of("why"), "paused": of("paused"),
        "settings": if is_alone { body["settings"].as_array().cloned().unwrap_or_default() } else { Vec::new() },
        "told_at": load.map(|(told_at, _)| at(told_at)),
        "did": did.iter().map(count).collect::<Vec<_>>(), "would_have_done": dry.iter().map(count).collect::<Vec<_>>(),
        "events": outcomes,
        "failed": failed.iter().map(|one| json!({"event": one.event_id, "attempts": one.attempts, "why": one.detail})).collect::<Vec<_>>(),
    }))
}
