//! What people do about a follow-up: take it, give it back, settle it, say something of it, have the customer called. Each is decided
//! once, in the office.

use adapters::leg::Moment;
use axum::response::Response;
use office::Claimed;

use crate::asking::{Asking, Fault};
use crate::sign_in;
use crate::viewer::{Role, Viewer};

/// Why something is settled by hand.
pub(crate) const WHYS: [&str; 5] = ["own_mobile", "email", "spam", "no_need", OTHER];

/// A reason that only words tell.
const OTHER: &str = "other";

/// Why what settled a follow-up did not.
const MAILBOX: &str = "a mailbox answered";

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

/// Takes the follow-up for the viewer; where they may and say so, also from somebody else.
///
/// # Errors
/// Somebody else has it, and since when; nothing is owed any more; they may not take it over.
pub(crate) async fn take(asking: &Asking, is_taken_over: bool) -> Result<(), Fault> {
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    if is_taken_over && !viewer.may_take_over() {
        return Err(Fault::Forbidden("forbidden-take-over"));
    }
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    let until = now + asking.directory()?.deal_lapses_ms();
    let claimed = asking
        .portal
        .ask(move |office| match is_taken_over {
            true => office.deal_instead(&tenant, &id, &by, now, until),
            false => office.deal(&tenant, &id, &by, now, until),
        })
        .await?;
    match claimed {
        Claimed::Yes => {
            asking.portal.live.touch();
            Ok(())
        }
        Claimed::Held { reason, .. } => Err(Fault::Conflict(reason)),
        Claimed::NotDue => Err(Fault::Conflict("nothing is owed".to_owned())),
        Claimed::Taken { holder, since } => {
            let by = super::called(&super::names(asking)?, &holder).to_owned();
            Err(Fault::Taken { by, since: Moment(since) })
        }
    }
}

/// Gives the follow-up back that the viewer deals with.
///
/// # Errors
/// It is not theirs.
pub(crate) async fn release(asking: &Asking) -> Result<(), Fault> {
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    if !asking.portal.ask(move |office| office.give_back(&tenant, &id, &by, now)).await? {
        return Err(Fault::Conflict("you do not deal with it".to_owned()));
    }
    asking.portal.live.touch();
    Ok(())
}

/// Settles the follow-up by hand.
///
/// # Errors
/// No such reason, or another one without words; it was settled before.
pub(crate) async fn settle_it(asking: &Asking) -> Result<(), Fault> {
    let why = asking.field("why").unwrap_or_default().to_owned();
    if !WHYS.contains(&why.as_str()) {
        return Err(Fault::Wrong(format!("why={why}: expected {}", WHYS.join(", "))));
    }
    let note = asking.told("note");
    if why == OTHER && note.is_none() {
        return Err(Fault::Wrong("note: expected a text, since the reason is `other`".to_owned()));
    }
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    let settled = asking.portal.ask(move |office| office.settle(&tenant, &id, &by, &why, note.as_deref(), now)).await?;
    asking.portal.live.touch();
    if settled { Ok(()) } else { Err(Fault::Conflict("it was settled before".to_owned())) }
}

/// Says that what settled the follow-up did not: a mailbox answered.
///
/// # Errors
/// Nothing settled it, or somebody said so before.
pub(crate) async fn open_again(asking: &Asking) -> Result<(), Fault> {
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    let is_open = asking.portal.ask(move |office| office.reopen(&tenant, &id, &by, MAILBOX, now)).await?;
    asking.portal.live.touch();
    if is_open { Ok(()) } else { Err(Fault::Conflict("nothing settled it, or somebody said so before".to_owned())) }
}

/// Says something of the follow-up, which the log keeps.
///
/// # Errors
/// It says nothing, or too much.
pub(crate) async fn say(asking: &Asking) -> Result<(), Fault> {
    let note = asking.told("note").unwrap_or_default();
    let id = seen(asking).await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), actor(viewer), asking.now.0);
    asking.portal.ask(move |office| office.add_note(&tenant, &id, &by, &note, now)).await?;
    asking.portal.live.touch();
    Ok(())
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
            // Under the name that stays, by which what is asked for a follow-up is found again.
            let name = office.follow_up(&tenant, &id)?.map_or(id, |follow_up| follow_up.name);
            let body = serde_json::json!({"follow_up": name}).to_string();
            let action = office::NewAction {
                key: format!("call_back:{by}:{name}:{now}"),
                kind: "call_back".to_owned(),
                follow_up: Some(name),
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
    take(&asking, false).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/take-over`
///
/// # Errors
/// As of [`take`].
pub(crate) async fn take_over(asking: Asking) -> Result<Response, Fault> {
    take(&asking, true).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/give-back`
///
/// # Errors
/// As of [`release`].
pub(crate) async fn give_back(asking: Asking) -> Result<Response, Fault> {
    release(&asking).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/settle`
///
/// # Errors
/// As of [`settle_it`].
pub(crate) async fn settle(asking: Asking) -> Result<Response, Fault> {
    settle_it(&asking).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/reopen`
///
/// # Errors
/// As of [`open_again`].
pub(crate) async fn reopen(asking: Asking) -> Result<Response, Fault> {
    open_again(&asking).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/notes`
///
/// # Errors
/// As of [`say`].
pub(crate) async fn note(asking: Asking) -> Result<Response, Fault> {
    say(&asking).await?;
    Ok(asking.back("/missed"))
}

/// `POST /follow-ups/{id}/call-back`
///
/// # Errors
/// As of [`dial`].
pub(crate) async fn call_back(asking: Asking) -> Result<Response, Fault> {
    dial(&asking).await?;
    Ok(asking.back("/missed"))
}

/// The viewer has a button that makes a missed call: in a demo, whoever has calls of their own or sees all.
pub(crate) fn makes_missed_calls(asking: &Asking, viewer: &Viewer) -> bool {
    asking.portal.parts.missed_call_now.is_some() && viewer.powers.act && viewer.role != Role::Analyst
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
    Ok(sign_in::to("/missed?made=now"))
}
