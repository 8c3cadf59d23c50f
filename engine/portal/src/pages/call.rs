//! One call: its ringing drawn to scale, its verdict with its evidence, its records, its earlier verdicts, what is owed after it, and
//! what was said of that and done for it.

use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use store::{JsonRow, OneCall};

use super::owed::owed;
use super::{frame, names, readable, reader, show};
use crate::asking::{Asking, Fault};
use crate::drawing::{Lane, lanes};

/// `/calls/{id}`
///
/// # Errors
/// There is no such call that the viewer may see; as of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let (call, bytes) = found(&asking).await?;
    let names = names(&asking)?;
    let text = |key: &str| call.line.get(key).and_then(Value::as_str);
    let label = |word: &str| super::said(&asking, word, &[]);
    let picture =
        lanes(text("started_at"), text("ended_at"), &drawn(&call, &names), asking.directory()?.zone(), &label);
    let title = text("caller").or(text("caller_raw")).unwrap_or("call-title").to_owned();
    let frame = frame(&asking, &title, "calls")?;
    let owed = owed_after(&asking, &call).await?;
    let others = others(&call, &owed);
    let told = json!({
        "call": call.line, "visits": call.visits, "verdicts": call.verdicts, "deliveries": others, "owed": owed,
        "records": call.legs.iter().map(record).collect::<Vec<_>>(), "bytes": bytes,
        "picture": picture, "names": names, "whys": super::acts::WHYS,
    });
    Ok(show(&asking.portal, "pages/call", &frame, told)?.into_response())
}

/// Everything that is stored of a call, as the API gives it.
///
/// # Errors
/// As of the page.
pub(crate) async fn told(asking: &Asking) -> Result<Value, Fault> {
    let (call, bytes) = found(asking).await?;
    let owed = owed_after(asking, &call).await?;
    Ok(json!({
        "call": call.line, "visits": call.visits, "verdicts": call.verdicts, "deliveries": call.deliveries, "legs": call.legs,
        "bytes": bytes, "follow_up": owed,
    }))
}

async fn found(asking: &Asking) -> Result<(OneCall, Vec<Value>), Fault> {
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let reader = reader(asking)?;
    let call = reader.call(asking.param("id")).await.map_err(broken)?.ok_or(Fault::NotFound)?;
    let bytes = reader.bytes_of(asking.param("id")).await.map_err(broken)?;
    let shown = |mut row: JsonRow| {
        readable(&mut row);
        Value::Object(row)
    };
    Ok((call, bytes.into_iter().map(shown).collect()))
}

async fn owed_after(asking: &Asking, call: &OneCall) -> Result<Option<Value>, Fault> {
    match call.line.get("follow_up").and_then(|owed| owed["id"].as_str()) {
        Some(id) => owed(asking, id).await,
        None => Ok(None),
    }
}

/// What was done for the call itself, and does not stand with its follow-up.
fn others(call: &OneCall, owed: &Option<Value>) -> Vec<JsonRow> {
    let with_it = owed.as_ref().and_then(|owed| owed["done"].as_array());
    let stands = |row: &JsonRow| with_it.into_iter().flatten().any(|done| Some(&done["key"]) == row.get("action_key"));
    call.deliveries.iter().filter(|row| !stands(row)).cloned().collect()
}

fn drawn(call: &OneCall, names: &Map<String, Value>) -> Vec<Lane> {
    let line = &call.line;
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let name_of = |offer: &Value| {
        let person = offer["person"].as_str().and_then(|id| names.get(&format!("person:{id}"))).and_then(Value::as_str);
        person.or(offer["target"].as_str()).unwrap_or("?").to_owned()
    };
    let mut drawn: Vec<Lane> = Vec::new();
    for visit in &call.visits {
        drawn.push(Lane {
            name: visit.get("queue").and_then(Value::as_str).unwrap_or("?").to_owned(),
            kind: "visit",
            from: visit.get("entered_at").and_then(Value::as_str).map(str::to_owned),
            to: visit.get("left_at").and_then(Value::as_str).map(str::to_owned),
            end: visit.get("end").and_then(Value::as_str).unwrap_or_default().to_owned(),
        });
    }
    for offer in line.get("offers").and_then(Value::as_array).into_iter().flatten() {
        drawn.push(Lane {
            name: name_of(offer),
            kind: "offer",
            from: offer["rang_at"].as_str().or(offer["ended_at"].as_str()).map(str::to_owned),
            to: offer["ended_at"].as_str().map(str::to_owned),
            end: offer["end"].as_str().unwrap_or_default().to_owned(),
        });
    }
    if let (Some(from), Some(to)) = (text("answered_at"), text("ended_at")) {
        let by = line.get("answered_by").and_then(|by| by[0].as_str()).unwrap_or("?").to_owned();
        drawn.push(Lane {
            name: by,
            kind: "talk",
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            end: String::new(),
        });
    }
    drawn
}

/// A leg as the page shows it: where its record stands, the record's own fields, and what was read of it.
fn record(leg: &JsonRow) -> Value {
    const PLACE: [&str; 7] = ["adapter", "pbx", "file", "record", "byte", "logged_at", "leg_id"];
    let is_told = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let read: Vec<Value> = leg
        .iter()
        .filter(|(key, value)| is_told(value) && key.as_str() != "extra" && !PLACE.contains(&key.as_str()))
        .map(|(key, value)| json!([key, value]))
        .collect();
    let text = |key: &str| leg.get(key).cloned().unwrap_or_default();
    json!({
        "adapter": text("adapter"), "pbx": text("pbx"), "record": text("record"), "logged_at": text("logged_at"),
        "own": own_fields(&text("extra")), "read": read,
    })
}

/// The record's own fields: pairs, as the server writes tuples with names or without.
fn own_fields(extra: &Value) -> Vec<Value> {
    let pair = |one: &Value| match one {
        Value::Object(pair) => Some(json!([pair.get("name")?, pair.get("value")?])),
        Value::Array(pair) => Some(json!([pair.first()?, pair.get(1)?])),
        _ => None,
    };
    match extra {
        Value::Array(pairs) => pairs.iter().filter_map(pair).collect(),
        Value::Object(pairs) => pairs.iter().map(|(name, value)| json!([name, value])).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_shows_its_own_fields_and_what_was_read_of_it() {
        let leg = json!({
            "adapter": "asterisk_cdr", "pbx": "main", "record": 4, "logged_at": "2026-11-27T09:00:00Z", "leg_id": "0a",
            "dialed": "600", "queue": "", "cause": null, "extra": [{"name": "dcontext", "value": "crew"}],
        });
        assert_eq!(
            record(leg.as_object().unwrap()),
            json!({
                "adapter": "asterisk_cdr", "pbx": "main", "record": 4, "logged_at": "2026-11-27T09:00:00Z",
                "own": [["dcontext", "crew"]], "read": [["dialed", "600"]],
            })
        );
        assert_eq!(own_fields(&json!([["a", "b"]])), [json!(["a", "b"])]);
    }
}
