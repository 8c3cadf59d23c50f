//! What people do about a follow-up: take it, give it back, settle it, have the customer called. Each is decided once, in the office.

use axum::response::Response;
use office::Claimed;

use crate::asking::{Asking, Fault};
use crate::sign_in::to;
use crate::viewer::{Role, Viewer};

/// Why something is settled by hand.
const WHYS: [&str; 4] = ["own_mobile", "email", "spam", "no_need"];

/// Who acts, as the log has it: the person if the login is one's, else the login.
pub(crate) fn actor(viewer: &Viewer) -> String {
    match &viewer.person {
        Some(person) => format!("person:{person}"),
        None => format!("login:{}", viewer.login),
    }
}

/// The follow-up that the address names, if the viewer may see it.
///
/// # Errors
/// They may not, or there is none.
pub(crate) async fn seen(asking: &Asking) -> Result<String, Fault> {
    let id = asking.param("id").to_owned();
    let is_seen = super::reader(asking)?.sees_follow_up(&id).await.map_err(|error| Fault::of_store(&error))?;
    if is_seen { Ok(id) } else { Err(Fault::NotFound) }
}

/// Takes the follow-up for the viewer.
///
/// # Errors
/// Somebody else has it, and since when; nothing is owed any more.
pub(crate) async fn take(asking: &Asking) -> Result<(), Fault> {
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    let lapses_ms = asking.directory()?.deal_lapses_ms();
    let claimed = asking.portal.ask(move |office| office.deal(&tenant, &id, &by, now, now + lapses_ms)).await?;
    match claimed {
        Claimed::Yes => {
            asking.portal.live.touch();
            Ok(())
        }
        Claimed::Held { reason, .. } => Err(Fault::Conflict(reason)),
        Claimed::NotDue => Err(Fault::Conflict("nothing is owed".to_owned())),
        Claimed::Taken { holder, since } => {
            let names = super::names(asking)?;
            let who = names.get(&holder).and_then(|name| name.as_str()).unwrap_or(&holder).to_owned();
            Err(Fault::Conflict(format!("{who}, {}", super::rfc3339(adapters::leg::Moment(since)))))
        }
    }
}

/// Settles the follow-up by hand.
///
/// # Errors
/// No such reason; it was settled before.
pub(crate) async fn settle_it(asking: &Asking) -> Result<(), Fault> {
    let why = asking.field("why").unwrap_or_default().to_owned();
    if !WHYS.contains(&why.as_str()) {
        return Err(Fault::Wrong(format!("why={why}: expected {}", WHYS.join(", "))));
    }
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    let settled = asking.portal.ask(move |office| office.settle(&tenant, &id, &by, &why, None, now)).await?;
    asking.portal.live.touch();
    if settled { Ok(()) } else { Err(Fault::Conflict("it was settled before".to_owned())) }
}

/// Asks for a call back, now, by the PBX.
///
/// # Errors
/// There is no such follow-up. Whether they are dialed now, and that it happens once, is decided by whoever dials.
pub(crate) async fn dial(asking: &Asking) -> Result<(), Fault> {
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    asking
        .portal
        .ask(move |office| {
            let body = serde_json::json!({"follow_up": id}).to_string();
            let action = office::NewAction {
                key: format!("call_back:{by}:{id}:{now}"),
                kind: "call_back".to_owned(),
                follow_up: Some(id),
                body,
                due_at: now,
                ..office::NewAction::default()
            };
            office.ask(&tenant, &by, &action, now)
        })
        .await?;
    asking.portal.live.touch();
    Ok(())
}

/// `POST /follow-ups/{id}/claim`
///
/// # Errors
/// As of [`take`].
pub(crate) async fn claim(asking: Asking) -> Result<Response, Fault> {
    take(&asking).await?;
    Ok(to("/missed"))
}

/// `POST /follow-ups/{id}/give-back`
///
/// # Errors
/// It is not theirs.
pub(crate) async fn give_back(asking: Asking) -> Result<Response, Fault> {
    let id = seen(&asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    if !asking.portal.ask(move |office| office.give_back(&tenant, &id, &by, now)).await? {
        return Err(Fault::Conflict("it is not yours".to_owned()));
    }
    asking.portal.live.touch();
    Ok(to("/missed"))
}

/// `POST /follow-ups/{id}/settle`
///
/// # Errors
/// As of [`settle_it`].
pub(crate) async fn settle(asking: Asking) -> Result<Response, Fault> {
    settle_it(&asking).await?;
    Ok(to("/missed"))
}

/// `POST /follow-ups/{id}/call-back`
///
/// # Errors
/// As of [`dial`].
pub(crate) async fn call_back(asking: Asking) -> Result<Response, Fault> {
    dial(&asking).await?;
    Ok(to("/missed"))
}

/// The viewer has a button that makes a missed call: in a demo, whoever has calls of their own or sees all.
pub(crate) fn makes_missed_calls(asking: &Asking, viewer: &Viewer) -> bool {
    asking.portal.parts.missed_call_now.is_some() && viewer.may_act && viewer.role != Role::Analyst
}

/// `POST /missed-call-now`
///
/// # Errors
/// This is no demo, or the viewer has no such button; whoever makes the call could not.
pub(crate) async fn missed_call_now(asking: Asking) -> Result<Response, Fault> {
    let viewer = asking.viewer()?;
    let make = asking.portal.parts.missed_call_now.clone().filter(|_| makes_missed_calls(&asking, viewer));
    let (make, person) = (make.ok_or(Fault::NotFound)?, viewer.person.clone());
    let made = tokio::task::spawn_blocking(move || make(person.as_deref())).await;
    made.map_err(|error| Fault::Broken(error.to_string()))?.map_err(Fault::Broken)?;
    asking.portal.live.touch();
    Ok(to("/missed"))
}
