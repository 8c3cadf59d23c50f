//! The first page: one sentence, then what is still to be done, the most urgent first.

use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, NaiveDate};
use serde::Serialize;
use serde_json::{Map, Value};
use store::period::{Edge, Period, Preset};
use store::view::{View, column_named};

use super::owed::dealt_with;
use super::{called, frame, may_see, names, people, reader, show};
use crate::asking::{Asking, Fault};
use crate::viewer::{Role, scope};

/// Rows of a page.
const ROWS: u16 = 50;

/// A number of the sentence, and the calls that it counts.
#[derive(Serialize)]
struct Linked {
    n: u64,
    address: String,
}

#[derive(Serialize)]
struct Told {
    /// The day that the sentence is about, by its latest call, where nothing came in today; `None`: today.
    day: Option<String>,
    came_in: Linked,
    missed: Linked,
    returned: Linked,
    reached: Linked,
    waiting: Linked,
    /// Follow-ups of all days that wait; since when the oldest does, in seconds.
    owed: u64,
    dealing: u64,
    oldest_s: Option<i64>,
    rows: Vec<Map<String, Value>>,
    next: Option<String>,
    names: Map<String, Value>,
    makes_missed_calls: bool,
    /// One was just asked for.
    made: bool,
    people: Vec<Value>,
    person: Option<String>,
}

/// `/`
///
/// # Errors
/// None.
pub(crate) async fn home(_: Asking) -> Result<Response, Fault> {
    Ok(Redirect::to("/missed").into_response())
}

/// `/missed`
///
/// # Errors
/// As of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let whom = chosen(&asking)?;
    let reader = reader(&asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let of = |period: Period, conditions: &[(&str, &str)]| {
        let inbound = View::of(period).with_value("direction", "inbound");
        let inbound = match &whom {
            Some(id) => inbound.and_then(|view| view.with_value("tried", id)),
            None => inbound,
        };
        let narrowed = |view: Result<View, _>, (name, value): &(&str, &str)| view?.with_value(name, value);
        conditions.iter().fold(inbound, narrowed).map_err(|error| Fault::Broken(error.to_string()))
    };
    let linked = |n: u64, view: &View| Linked { n, address: format!("/calls?{}", view.query()) };
    let (mut period, mut day) = (Period::Preset(Preset::Today), None);
    let mut total = reader.total(&of(period, &[])?, &[]).await.map_err(broken)?.calls;
    if total == 0 {
        let found = last_day(&reader, of(Period::Preset(Preset::All), &[])?).await?;
        if let Some((last, at)) = found {
            (period, day) = (Period::Free { from: Some(Edge::Day(last)), to: Some(Edge::Day(last)) }, Some(at));
            total = reader.total(&of(period, &[])?, &[]).await.map_err(broken)?.calls;
        }
    }
    let (came_in, missed) = (of(period, &[])?, of(period, &[("missed", "true")])?);
    let funnel = reader.funnel(&missed).await.map_err(broken)?;
    let state = |names: &[&str]| {
        let counted = funnel.states.iter().filter(|(count, _)| names.contains(&count.state.as_str()));
        let view = names.first().map(|name| of(period, &[("missed", "true"), ("follow_up", name)]));
        let n = counted.map(|(count, _)| count.calls).sum();
        view.unwrap_or_else(|| of(period, &[])).map(|view| linked(n, &view))
    };
    let (returned, reached, waiting) = (state(&["returned_by_us"])?, state(&["reached_us"])?, state(&["open"])?);
    let cursor = asking.key("cursor");
    let reader = reader_of(&asking, whom.as_deref())?;
    let mut work = reader.work_list(ROWS, cursor.as_deref()).await.map_err(broken)?;
    let owed = reader.work_total().await.map_err(broken)?;
    let names = names(&asking)?;
    who_deals(&asking, &mut work.rows, &names).await?;
    let told = Told {
        day,
        came_in: linked(total, &came_in),
        missed: linked(funnel.missed, &missed),
        returned,
        reached,
        waiting,
        owed: owed.follow_ups,
        dealing: owed.dealing,
        oldest_s: owed.oldest_at.map(|at| (asking.now.0 - at.0) / 1000),
        rows: work.rows,
        next: work.next,
        names,
        people: people(&asking, whom.as_deref())?,
        person: whom,
        made: asking.key("made").is_some(),
        makes_missed_calls: super::acts::makes_missed_calls(&asking, asking.viewer()?),
    };
    let frame = frame(&asking, "missed-title", "missed")?;
    Ok(show(&asking.portal, "pages/missed", &frame, told)?.into_response())
}

/// The day of the latest call of a view, by the clock of the viewer's site, and when that call began.
async fn last_day(reader: &store::Reader<'_>, mut view: View) -> Result<Option<(NaiveDate, String)>, Fault> {
    (view.limit, view.columns) = (1, column_named("started_at").into_iter().collect());
    let page = reader.page(&view, &[], None).await.map_err(|error| Fault::of_store(&error))?;
    let at = page.rows.first().and_then(|row| row.get("started_at")?.as_str());
    let day = |at: &str| Some(DateTime::parse_from_rfc3339(at).ok()?.with_timezone(&reader.zone).date_naive());
    Ok(at.and_then(|at| Some((day(at)?, at.to_owned()))))
}

/// Who deals with each of these, as the office has it at this moment: the tables hear of it a little later.
///
/// # Errors
/// As of the office.
pub(crate) async fn who_deals(
    asking: &Asking,
    rows: &mut [Map<String, Value>],
    names: &Map<String, Value>,
) -> Result<(), Fault> {
    let ids = rows.iter().filter_map(|row| row.get("id").and_then(Value::as_str).map(str::to_owned)).collect();
    let mut dealing = dealt_with(asking, ids).await?;
    for row in rows {
        let found = row.get("id").and_then(Value::as_str).and_then(|id| dealing.remove(id));
        let by = row.get("dealt_by").and_then(Value::as_str).map(|by| called(names, by).to_owned());
        row.insert("dealing".to_owned(), found.unwrap_or_default());
        row.insert("dealt_by_name".to_owned(), by.map_or(Value::Null, Value::String));
    }
    Ok(())
}

/// The person whom the key `person` of the query names; `None`: everybody.
///
/// # Errors
/// Somebody whom the viewer may not see.
pub(crate) fn chosen(asking: &Asking) -> Result<Option<String>, Fault> {
    let whom = asking.key("person").filter(|id| !id.is_empty());
    match whom {
        Some(id) if !may_see(asking, &id)? => Err(Fault::NotFound),
        whom => Ok(whom),
    }
}

/// Asks as the viewer, or what a person sees themselves: what is owed by them is that.
///
/// # Errors
/// Their company is gone.
pub(crate) fn reader_of<'a>(asking: &'a Asking, whom: Option<&str>) -> Result<store::Reader<'a>, Fault> {
    let own = reader(asking)?;
    Ok(match whom {
        None => own,
        Some(id) => store::Reader { scope: scope(Role::Person, Some(id), &[], asking.directory()?.as_ref()), ..own },
    })
}
