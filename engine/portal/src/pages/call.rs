//! One call: its ringing drawn to scale, its verdict with its evidence, its records, its earlier verdicts, and what was done for it.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{frame, names, reader, show};
use crate::asking::{Asking, Fault};
use crate::drawing::{Lane, lanes};

/// `/calls/{id}`
///
/// # Errors
/// There is no such call that the viewer may see; as of the store.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    let found = reader(&asking)?.call(asking.param("id")).await.map_err(|error| Fault::of_store(&error))?;
    let call = found.ok_or(Fault::NotFound)?;
    let names = names(&asking)?;
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
    let label = |word: &str| super::said(&asking, word, &[]);
    let picture = lanes(text("started_at"), text("ended_at"), &drawn, asking.directory()?.zone(), &label);
    let title = text("caller").or(text("caller_raw")).unwrap_or("call-title").to_owned();
    let frame = frame(&asking, &title, "calls")?;
    let told = json!({
        "call": call.line, "visits": call.visits, "verdicts": call.verdicts, "deliveries": call.deliveries, "legs": call.legs,
        "picture": picture, "names": names,
        "legs_shown": call.legs.iter().map(|leg| leg.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| json!([key, value])).collect::<Vec<_>>()).collect::<Vec<_>>(),
    });
    Ok(show(&asking.portal, "pages/call", &frame, told)?.into_response())
}
