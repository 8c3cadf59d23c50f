//! One thing that is owed, with everything that was said of it and done for it: what the page of a call shows of its follow-up.

use std::collections::BTreeSet;

use adapters::leg::Moment;
use office::{Action, Attempt, Dealing};
use serde_json::{Map, Value, json};
use store::JsonRow;

use super::{acts, called, names, reader, rfc3339};
use crate::asking::{Asking, Fault};

/// What the office knows of a follow-up.
#[derive(Default)]
struct Known {
    name: Option<String>,
    settled: Option<(i64, String, String)>,
    dealing: Option<Dealing>,
    said: Vec<Value>,
    done: Vec<(Action, Vec<Attempt>)>,
    tags: Vec<String>,
}

/// The follow-up of this id, if the viewer may see it.
///
/// # Errors
/// As of the store and the office.
pub(crate) async fn owed(asking: &Asking, id: &str) -> Result<Option<Value>, Fault> {
    let reader = reader(asking)?;
    let broken = |error: store::StoreError| Fault::of_store(&error);
    let Some(row) = reader.follow_up(id).await.map_err(broken)? else { return Ok(None) };
    let known = known(asking, id).await?;
    let name = known.name.clone().unwrap_or_else(|| id.to_owned());
    let stored = reader.said_of(id, &name).await.map_err(broken)?;
    let deliveries = reader.deliveries_of(id, &name).await.map_err(broken)?;
    let names = names(asking)?;
    let actor = acts::actor(asking.viewer()?);
    let dealing = known.dealing.as_ref().map(|dealing| dealt(dealing, &names, &actor));
    let mut told = Value::Object(row);
    // What was settled here is settled for whoever looks, also before the stream has heard of it.
    if let Some((at, by, why)) = &known.settled {
        told["settled_here"] = json!({"at": rfc3339(Moment(*at)), "by": called(&names, by), "why": why});
    } else {
        told["settled_here"] = Value::Null;
    }
    let is_open = matches!(told["status"].as_str(), Some("open" | "dealing")) && known.settled.is_none();
    let is_settled = matches!(told["status"].as_str(), Some("returned_by_us" | "reached_us" | "settled_by_hand"));
    told["owner_name"] = named(&told["owner"], &names);
    told["settled_by_name"] = named(&told["settled_by"], &names);
    told["dealing"] = dealing.unwrap_or_default();
    told["is_open"] = is_open.into();
    told["may_reopen"] = (is_settled || known.settled.is_some()).into();
    told["said"] = said(&stored, &known.said, &names).into();
    told["done"] = done(&known.done, &deliveries, &names).into();
    told["tags"] = known.tags.into();
    Ok(Some(told))
}

/// Who deals with follow-ups, by their ids, as far as the office knows them.
///
/// # Errors
/// As of the office.
pub(crate) async fn dealt_with(asking: &Asking, ids: Vec<String>) -> Result<Map<String, Value>, Fault> {
    let viewer = asking.viewer()?;
    let (tenant, now) = (viewer.tenant().to_owned(), asking.now.0);
    let found = asking
        .portal
        .ask(move |office| {
            let mut found = Vec::new();
            for id in ids {
                match office.dealing(&tenant, &id, now) {
                    Ok(Some(dealing)) => found.push((id, dealing)),
                    Ok(None) | Err(office::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
        .await?;
    let (names, actor) = (names(asking)?, acts::actor(viewer));
    Ok(found.into_iter().map(|(id, dealing)| (id, dealt(&dealing, &names, &actor))).collect())
}

fn dealt(dealing: &Dealing, names: &Map<String, Value>, actor: &str) -> Value {
    let until = dealing.until.map(|until| rfc3339(Moment(until)));
    let since = rfc3339(Moment(dealing.since));
    json!({
        "by": dealing.by, "by_name": called(names, &dealing.by), "since": since, "until": until,
        "is_mine": dealing.by == actor,
    })
}

async fn known(asking: &Asking, id: &str) -> Result<Known, Fault> {
    let (tenant, id, now) = (asking.viewer()?.tenant().to_owned(), id.to_owned(), asking.now.0);
    asking
        .portal
        .ask(move |office| {
            let Some(follow_up) = office.follow_up(&tenant, &id)? else { return Ok(Known::default()) };
            let mut done = Vec::new();
            for action in office.actions_of(&tenant, &follow_up.name)? {
                let attempts = office.attempts_of(&action.key)?;
                done.push((action, attempts));
            }
            Ok(Known {
                settled: follow_up.settled_at.map(|at| {
                    (at, follow_up.settled_by.unwrap_or_default(), follow_up.settled_why.unwrap_or_default())
                }),
                dealing: office.dealing(&tenant, &id, now)?,
                said: office.said_of(&tenant, &id)?,
                tags: office.tags_of(&tenant, &follow_up.name)?,
                name: Some(follow_up.name),
                done,
            })
        })
        .await
}

/// What was said, each thing once: what is stored, and what is on its way there.
fn said(stored: &[JsonRow], here: &[Value], names: &Map<String, Value>) -> Vec<Value> {
    let mut ids = BTreeSet::new();
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let mut said: Vec<Value> = Vec::new();
    let rows = stored.iter().map(|row| Value::Object(row.clone()));
    for (row, id_key, by_key) in
        rows.map(|row| (row, "said_id", "said_by")).chain(here.iter().map(|body| (body.clone(), "id", "by")))
    {
        let id = text(&row, id_key).unwrap_or_default();
        if !ids.insert(id) {
            continue;
        }
        let kind = match (row["kind"].as_str(), row["status"].as_str()) {
            (Some("claim"), Some("released")) => "release",
            (Some(kind), _) => kind,
            (None, _) => continue,
        };
        let by = text(&row, by_key).unwrap_or_default();
        said.push(json!({
            "kind": kind, "at": row["at"], "by": by, "by_name": called(names, &by), "why": row["why"], "detail": row["detail"],
        }));
    }
    said.sort_by(|a, b| a["at"].as_str().cmp(&b["at"].as_str()));
    said
}

/// What was done: what the office keeps, with each attempt, and what only the tables still have.
fn done(kept: &[(Action, Vec<Attempt>)], stored: &[JsonRow], names: &Map<String, Value>) -> Vec<Value> {
    let moment = |at: i64| rfc3339(Moment(at));
    let mut done: Vec<Value> = kept.iter().map(|(action, attempts)| {
        let attempts: Vec<Value> = attempts
            .iter()
            .map(|attempt| {
                json!({
                    "attempt": attempt.attempt, "number": attempt.number, "started_at": moment(attempt.started_at),
                    "ended_at": attempt.ended_at.map(moment), "status": attempt.status.as_str(), "detail": attempt.detail,
                    "call_id": attempt.call,
                })
            })
            .collect();
        json!({
            "key": action.key, "kind": action.kind, "by": action.by, "by_name": called(names, &action.by),
            "status": action.status.as_str(), "reason": action.reason, "asked_at": moment(action.asked_at),
            "due_at": moment(action.due_at), "call_id": action.call, "attempts": attempts,
        })
    }).collect();
    let is_kept = |row: &JsonRow| kept.iter().any(|(action, _)| row.get("action_key") == Some(&json!(action.key)));
    for row in stored.iter().filter(|row| !is_kept(row)) {
        let text = |key: &str| row.get(key).cloned().unwrap_or_default();
        let by = text("asked_by").as_str().unwrap_or_default().to_owned();
        done.push(json!({
            "key": text("action_key"), "kind": text("kind"), "by": by, "by_name": called(names, &by), "status": text("status"),
            "reason": text("detail").as_str().unwrap_or_default(), "asked_at": text("at"), "due_at": text("at"),
            "call_id": text("call_id"), "attempts": [],
        }));
    }
    done.sort_by(|a, b| a["asked_at"].as_str().cmp(&b["asked_at"].as_str()));
    done
}

fn named(id: &Value, names: &Map<String, Value>) -> Value {
    id.as_str().map_or(Value::Null, |id| called(names, id).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_and_what_is_on_its_way_is_said_once() {
        let row = |text: &str| serde_json::from_str::<JsonRow>(text).unwrap();
        let names = row(r#"{"person:ann":"Ann"}"#);
        let stored = [row(
            r#"{"said_id":"claim:f:person:ann:1","kind":"claim","at":"2026-11-27T09:00:00Z","said_by":"person:ann","status":null,"why":null,"detail":null}"#,
        )];
        let here = [
            json!({"id": "claim:f:person:ann:1", "kind": "claim", "at": "2026-11-27T09:00:00.000Z", "by": "person:ann"}),
            json!({"id": "note:f:login:boss:3", "kind": "note", "at": "2026-11-27T09:02:00.000Z", "by": "login:boss", "why": "on Monday"}),
            json!({"id": "release:f:person:ann:2", "kind": "claim", "at": "2026-11-27T09:01:00.000Z", "by": "person:ann", "status": "released"}),
        ];
        let told = said(&stored, &here, &names);
        let short = |said: &Value| {
            [&said["kind"], &said["by_name"], &said["why"]].map(|v| v.as_str().unwrap_or("-").to_owned())
        };
        assert_eq!(
            told.iter().map(short).collect::<Vec<_>>(),
            [["claim", "Ann", "-"], ["release", "Ann", "-"], ["note", "boss", "on Monday"]]
        );
    }
}
