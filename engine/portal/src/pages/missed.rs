//! The first page: one sentence, then what is still to be done, the most urgent first.

use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use store::period::{Period, Preset};
use store::view::View;

use super::{frame, names, reader, show};
use crate::asking::{Asking, Fault};

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
    viewer: String,
    makes_missed_calls: bool,
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
    let reader = reader(&asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let today = |conditions: &[(&str, &str)]| {
        let inbound = View::of(Period::Preset(Preset::Today)).with_value("direction", "inbound");
        let narrowed = |view: Result<View, _>, (name, value): &(&str, &str)| view?.with_value(name, value);
        conditions.iter().fold(inbound, narrowed).map_err(|error| Fault::Broken(error.to_string()))
    };
    let linked = |n: u64, view: &View| Linked { n, address: format!("/calls?{}", view.query()) };
    let came_in = today(&[])?;
    let missed = today(&[("missed", "true")])?;
    let total = reader.total(&came_in, &[]).await.map_err(broken)?.calls;
    let funnel = reader.funnel(&missed).await.map_err(broken)?;
    let state = |names: &[&str]| {
        let counted = funnel.states.iter().filter(|(count, _)| names.contains(&count.state.as_str()));
        let view = names.first().map(|name| today(&[("missed", "true"), ("follow_up", name)]));
        let n = counted.map(|(count, _)| count.calls).sum();
        view.unwrap_or_else(|| today(&[])).map(|view| linked(n, &view))
    };
    let (returned, reached, waiting) = (state(&["returned_by_us"])?, state(&["reached_us"])?, state(&["open"])?);
    let cursor = asking.key("cursor");
    let work = reader.work_list(ROWS, cursor.as_deref()).await.map_err(broken)?;
    let owed = reader.work_total().await.map_err(broken)?;
    let told = Told {
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
        names: names(&asking)?,
        viewer: asking.viewer()?.login.clone(),
        makes_missed_calls: super::acts::makes_missed_calls(&asking, asking.viewer()?),
    };
    let frame = frame(&asking, "missed-title", "missed")?;
    Ok(show(&asking.portal, "pages/missed", &frame, told)?.into_response())
}
