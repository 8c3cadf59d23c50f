//! Messages: what plugins left for a person to read in the portal.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};

/// Rows of a page where nobody asks for another number.
const ROWS: u16 = 50;

/// `/me/messages?before=&limit=`
///
/// # Errors
/// As of the office.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let told = messages(&asking).await?;
    let frame = frame(&asking, "messages", "me")?;
    Ok(show(&asking.portal, "pages/messages", &frame, told)?.into_response())
}

/// The viewer's messages, the latest first, how many are unread, and where the next page begins. A login that is nobody's has none.
///
/// # Errors
/// As of the office.
pub(crate) async fn messages(asking: &Asking) -> Result<Value, Fault> {
    asking.knows(&["before", "limit"])?;
    let before = asking.key("before").map(|_| asking.number("before")).transpose()?;
    let limit = usize::from(asking.limit(ROWS)?);
    let (mut found, unread) = of_viewer(asking, before, limit + 1).await?;
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_more).map(|message| message["seq"].clone());
    Ok(json!({"messages": found, "unread": unread, "next": next}))
}

/// So many of the viewer's messages, those before this one, and how many are unread.
///
/// # Errors
/// As of the office.
pub(crate) async fn of_viewer(asking: &Asking, before: Option<i64>, limit: usize) -> Result<(Vec<Value>, i64), Fault> {
    let viewer = asking.viewer()?;
    let Some(person) = viewer.person.clone() else { return Ok((Vec::new(), 0)) };
    let tenant = viewer.tenant().to_owned();
    let (found, unread) = asking
        .portal
        .ask(move |office| Ok((office.messages_of(&tenant, &person, before, limit)?, office.unread(&tenant, &person)?)))
        .await?;
    let told = |message: &office::Message| {
        let read_at = message.read_at.map(|at| rfc3339(Moment(at)));
        json!({"seq": message.seq, "at": rfc3339(Moment(message.at)), "text": message.text, "read_at": read_at})
    };
    Ok((found.iter().map(told).collect(), unread))
}

/// The viewer has read the message that the address names.
///
/// # Errors
/// It is none of theirs. Read again, it stays as it was.
pub(crate) async fn mark(asking: &Asking) -> Result<(), Fault> {
    let seq: i64 = asking.param("seq").parse().map_err(|_| Fault::NotFound)?;
    let viewer = asking.viewer()?;
    let Some(person) = viewer.person.clone() else { return Err(Fault::NotFound) };
    let (tenant, now) = (viewer.tenant().to_owned(), asking.now.0);
    let is_theirs = asking
        .portal
        .ask(move |office| {
            let before = seq.checked_add(1);
            let found = office.messages_of(&tenant, &person, before, 1)?.into_iter().find(|message| message.seq == seq);
            if found.is_some() {
                office.mark_read(&tenant, &person, seq, now)?;
            }
            Ok(found.is_some())
        })
        .await?;
    if is_theirs { Ok(()) } else { Err(Fault::NotFound) }
}

/// The viewer has read their messages up to `to`, the number of the latest that they were shown. Gives how many were unread.
///
/// # Errors
/// `to` is no number.
pub(crate) async fn mark_all(asking: &Asking) -> Result<usize, Fault> {
    let to = asking.number("to")?;
    let viewer = asking.viewer()?;
    let Some(person) = viewer.person.clone() else { return Ok(0) };
    let (tenant, now) = (viewer.tenant().to_owned(), asking.now.0);
    asking.portal.ask(move |office| office.mark_all_read(&tenant, &person, to, now)).await
}

/// `POST /me/messages/{seq}/read`
///
/// # Errors
/// As of [`mark`].
pub(crate) async fn read(asking: Asking) -> Result<Response, Fault> {
    mark(&asking).await?;
    Ok(asking.back("/me/messages"))
}

/// `POST /me/messages/read`
///
/// # Errors
/// As of [`mark_all`].
pub(crate) async fn read_all(asking: Asking) -> Result<Response, Fault> {
    mark_all(&asking).await?;
    Ok(asking.back("/me/messages"))
}
