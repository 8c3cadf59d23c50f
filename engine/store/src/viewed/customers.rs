//! What is owed to customers: the work list, and everything about one customer.

use adapters::leg::Moment;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use super::{JsonRow, Reader};
use crate::StoreError;
use crate::period::{Edge, Period, Preset};
use crate::question::Value;
use crate::view::{LIMIT_MAX, View, ViewError, column_named};

/// Follow-ups and deliveries of one customer that are shown at most.
const OF_CUSTOMER_MAX: i64 = 1_000;

/// What a row of the work list shows of the call that opened it.
const OPENING: [&str; 9] =
    ["call_id", "started_at", "caller", "caller_name", "did", "called", "queue", "outcome", "reason"];

/// One page of the work list.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkPage {
    /// Follow-ups that are open or dealt with, the most urgent first: one a customer, however often they called. `opening` is the call
    /// that opened it, with its reason; null where the viewer may not see it.
    pub rows: Vec<JsonRow>,
    /// Where the next page begins; `None`: this was the last one.
    pub next: Option<String>,
}

/// What is still to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorkTotal {
    /// Follow-ups that are open or dealt with.
    pub follow_ups: u64,
    /// Of them, somebody deals with.
    pub dealing: u64,
    /// When the oldest was opened.
    pub oldest_at: Option<Moment>,
}

/// One customer.
#[derive(Clone, PartialEq, Debug)]
pub struct Customer {
    /// All calls with them.
    pub calls: View,
    /// How many.
    pub total: u64,
    /// Everything that was ever owed to them, the latest first.
    pub follow_ups: Vec<JsonRow>,
    /// What was done to reach them, the latest first.
    pub deliveries: Vec<JsonRow>,
}

impl Reader<'_> {
    /// A page of the work list, after what the page before gave as `next`.
    ///
    /// # Errors
    /// A cursor that is none of the work list's; the server's own words.
    pub async fn work_list(&self, limit: u16, cursor: Option<&str>) -> Result<WorkPage, StoreError> {
        let limit = limit.clamp(1, LIMIT_MAX);
        let question = self.question("the work list", include_str!("../../../../sql/calls/work_list.sql"))?;
        let question = question.owed("owed_open").with("limit", Value::Number(i64::from(limit) + 1));
        let question = match cursor {
            None => question.put("after", "true"),
            Some(text) => {
                let (priority, at, id) = work_cursor(text).map_err(|error| StoreError::plain(error.to_string()))?;
                let after = include_str!("../../../../sql/calls/work_after.sql").trim_end();
                let question = question.put("after", after).with("after_priority", Value::Number(priority));
                question.with("after_at", Value::Number(at)).with("after_id", Value::Text(id))
            }
        };
        let mut rows = question.json(self.store).await?;
        let is_more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next = rows.last().filter(|_| is_more).and_then(cursor_after);
        let columns: Vec<_> = OPENING.into_iter().filter_map(column_named).collect();
        let opening = |row: &JsonRow| row.get("opening_call").and_then(Json::as_str).map(str::to_owned);
        let ids: Vec<String> = rows.iter().filter_map(opening).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let calls = self.calls_of(&ids, &columns).await?;
        for row in &mut rows {
            let id = row.get("opening_call").cloned().unwrap_or_default();
            let call = calls.iter().find(|call| call.get("call_id") == Some(&id)).cloned();
            row.insert("opening".to_owned(), call.map_or(Json::Null, Json::Object));
        }
        Ok(WorkPage { rows, next })
    }

    /// Whether the viewer may see what is owed under this id.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn sees_follow_up(&self, id: &str) -> Result<bool, StoreError> {
        let statement = include_str!("../../../../sql/calls/sees_follow_up.sql");
        let question = self.question("whose a follow-up is", statement)?.with("id", Value::Text(id.to_owned()));
        question.owed("owed_one").row(self.store).await
    }

    /// How much is still to be done.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn work_total(&self) -> Result<WorkTotal, StoreError> {
        let question = self.question("the work list's total", include_str!("../../../../sql/calls/work_total.sql"))?;
        let (follow_ups, dealing, oldest_at): (u64, u64, Option<i64>) =
            question.owed("owed_open").row(self.store).await?;
        Ok(WorkTotal { follow_ups, dealing, oldest_at: oldest_at.map(Moment) })
    }

    /// Everything about the customer of this number, as far as the viewer may see it.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn customer(&self, number: &str) -> Result<Customer, StoreError> {
        let calls = View::of(Period::Preset(Preset::All)).with_value("customer", number);
        let calls = calls.map_err(|error| StoreError::plain(error.to_string()))?;
        let asked = |what, statement: &str| {
            let question = self.question(what, statement)?.with("customer", Value::Text(number.to_owned()));
            Ok::<_, StoreError>(question.owed("owed_customer").with("limit", Value::Number(OF_CUSTOMER_MAX)))
        };
        let owed = include_str!("../../../../sql/calls/follow_ups_of_customer.sql");
        let done = include_str!("../../../../sql/calls/deliveries_of_customer.sql");
        let follow_ups = asked("the follow-ups of a customer", owed)?.json(self.store).await?;
        let deliveries = asked("the deliveries to a customer", done)?.json(self.store).await?;
        let total = self.total(&calls, &[]).await?.calls;
        Ok(Customer { calls, total, follow_ups, deliveries })
    }
}

fn cursor_after(row: &JsonRow) -> Option<String> {
    let priority = 100 - row.get("priority")?.as_i64()?;
    let Edge::At(at) = Edge::parse(row.get("opened_at")?.as_str()?)? else { return None };
    let text = serde_json::to_string(&("work", priority, at.0, row.get("id")?.as_str()?)).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(text))
}

fn work_cursor(text: &str) -> Result<(i64, i64, String), ViewError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let parts: Option<(String, i64, i64, String)> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match parts {
        Some((of, priority, at, id)) if of == "work" => Ok((priority, at, id)),
        _ => Err(ViewError {
            key: "cursor".to_owned(),
            value: text.chars().take(100).collect(),
            expected: "the cursor that came with the page before".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_the_work_list_is_read_back() {
        let row = serde_json::json!({"priority": 44, "opened_at": "2026-11-27T09:30:00.250Z", "id": "f1"});
        let cursor = cursor_after(row.as_object().unwrap()).unwrap();
        assert_eq!(work_cursor(&cursor), Ok((56, 1_795_771_800_250, "f1".to_owned())));
        assert!(work_cursor("WzEsMl0").is_err() && work_cursor("?").is_err());
    }
}
