//! Who is who and what is what, as the site file says it: people, groups, hours, queues, numbers of ours, exchanges, ties.
//! It is written in the file, and in a demo of records on this page, as text.

use adapters::leg::Moment;
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use directory::{Calendar, Directory, Span};
use serde_json::{Value, json};

use super::site_file::{self, Form};
use super::{frame, rfc3339, show};
use crate::asking::{Asking, Fault};

/// Rows of each table of the page; the API gives all.
const SHOWN_MAX: usize = 100;

/// The parts of a directory, as pages and the API name them.
const PARTS: [&str; 9] = ["people", "groups", "sites", "queues", "hunt_groups", "dids", "pbxes", "ties", "guesses"];

/// `/set-up/directory?q=`
///
/// # Errors
/// The company is gone.
pub(crate) async fn page(asking: Asking) -> Result<Response, Fault> {
    if site_file::is_recomputing(&asking) {
        return site_file::recomputing(&asking);
    }
    shown(&asking, site_file::form(&asking).await?)
}

/// The page, with the form of the site file where there is one.
///
/// # Errors
/// The company is gone.
pub(crate) fn shown(asking: &Asking, form: Option<Form>) -> Result<Response, Fault> {
    let mut told = told(asking)?;
    let mut cut = false;
    for part in PARTS {
        if let Some(rows) = told[part].as_array_mut() {
            cut |= rows.len() > SHOWN_MAX;
            rows.truncate(SHOWN_MAX);
        }
    }
    told["is_cut"] = cut.into();
    told["form"] = form.map_or(Value::Null, Form::told);
    let mut frame = frame(asking, "directory-title", "set-up")?;
    frame.is_live = false;
    Ok(show(&asking.portal, "pages/directory", &frame, told)?.into_response())
}

/// The directory; with `q`, what of it has this text in it.
///
/// # Errors
/// The company is gone.
pub(crate) fn told(asking: &Asking) -> Result<Value, Fault> {
    asking.knows(&["q"])?;
    let directory = asking.directory()?;
    let q = asking.key("q").unwrap_or_default();
    let mut told = json!({
        "people": people(&directory), "groups": groups(&directory), "sites": sites(&directory), "queues": queues(&directory),
        "hunt_groups": hunt_groups(&directory), "dids": dids(&directory), "pbxes": pbxes(&directory), "ties": ties(&directory),
        "guesses": guesses(&directory),
    });
    let wanted = q.trim().to_lowercase();
    if !wanted.is_empty() {
        for part in PARTS {
            if let Some(rows) = told[part].as_array_mut() {
                rows.retain(|row| has(row, &wanted));
            }
        }
    }
    told["q"] = q.into();
    told["is_guessed"] = directory.is_guessed().into();
    Ok(told)
}

/// Whether a text is in a value, or in one within it, in capitals or not.
fn has(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(wanted),
        Value::Number(number) => number.to_string().contains(wanted),
        Value::Array(values) => values.iter().any(|value| has(value, wanted)),
        Value::Object(values) => values.values().any(|value| has(value, wanted)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn people(directory: &Directory) -> Vec<Value> {
    let person = |person: &directory::Person| {
        let extension = |held: &directory::Extension| {
            let (since, until) = bounds(&held.span);
            json!({"number": held.number, "pbx": held.pbx, "since": since, "until": until})
        };
        let mobile = |held: &directory::Mobile| {
            let (since, until) = bounds(&held.span);
            json!({"number": held.number, "since": since, "until": until})
        };
        json!({
            "id": person.id, "name": person.name, "group": person.group, "group_name": group_name(directory, person.group.as_deref()),
            "groups": person.groups, "email": person.email, "extensions": person.extensions.iter().map(extension).collect::<Vec<_>>(),
            "mobiles": person.mobiles.iter().map(mobile).collect::<Vec<_>>(), "mailbox": person.mailbox,
        })
    };
    directory.people().iter().map(person).collect()
}

fn groups(directory: &Directory) -> Vec<Value> {
    let group = |group: &directory::Group| {
        let head = |id: &String| directory.person(id).map_or_else(|| id.clone(), |person| person.name.clone());
        json!({
            "id": group.id, "name": group.name, "parent": group.parent, "parent_name": group_name(directory, group.parent.as_deref()),
            "heads": group.heads, "head_names": group.heads.iter().map(head).collect::<Vec<_>>(), "email": group.email,
            "site": group.site, "hours": group.calendar.as_ref().map(hours),
        })
    };
    directory.groups().iter().map(group).collect()
}

fn sites(directory: &Directory) -> Vec<Value> {
    let site = |site: &directory::Site| {
        json!({
            "id": site.id, "name": site.name, "zone": site.zone.map(Tz::name),
            "country": site.country(), "outside_prefix": site.outside_prefix,
            "hours": site.calendar.as_ref().map(hours),
        })
    };
    directory.sites().iter().map(site).collect()
}

fn queues(directory: &Directory) -> Vec<Value> {
    let queue = |queue: &directory::Queue| {
        json!({
            "id": queue.id, "name": queue.name, "pbx": queue.pbx, "group": queue.group,
            "group_name": group_name(directory, queue.group.as_deref()), "members": queue.members,
        })
    };
    directory.queues().map(queue).collect()
}

fn hunt_groups(directory: &Directory) -> Vec<Value> {
    let hunt_group = |hunt: &directory::HuntGroup| {
        json!({
            "id": hunt.id, "name": hunt.name, "pbx": hunt.pbx, "group": hunt.group,
            "group_name": group_name(directory, hunt.group.as_deref()), "members": hunt.members,
        })
    };
    directory.hunt_groups().map(hunt_group).collect()
}

fn dids(directory: &Directory) -> Vec<Value> {
    let did = |did: &directory::Did| {
        json!({
            "number": did.number, "entry": did.entry.kind_word(), "target": did.entry.target, "group": did.group,
            "group_name": group_name(directory, did.group.as_deref()), "site": did.site,
        })
    };
    directory.dids().map(did).collect()
}

fn pbxes(directory: &Directory) -> Vec<Value> {
    let pbx = |pbx: &directory::Pbx| {
        let contexts = pbx.contexts.iter().map(|(name, context)| {
            let kind = serde_json::to_value(context.kind).unwrap_or_default();
            json!({"name": name, "kind": kind, "is_final": context.is_final})
        });
        let places = pbx
            .places
            .iter()
            .map(|(number, kind)| json!({"number": number, "kind": serde_json::to_value(kind).unwrap_or_default()}));
        let trunks = pbx.trunks.iter().map(|trunk| json!({"name": trunk.name, "device": trunk.device}));
        json!({
            "id": pbx.id, "site": pbx.site, "adapter": pbx.adapter, "zone": pbx.zone.map(Tz::name), "sends_records": pbx.sends_records,
            "contexts": contexts.collect::<Vec<_>>(), "places": places.collect::<Vec<_>>(), "trunks": trunks.collect::<Vec<_>>(),
        })
    };
    directory.pbxes().iter().map(pbx).collect()
}

fn ties(directory: &Directory) -> Vec<Value> {
    let end = |end: &directory::TieEnd| json!({"pbx": end.pbx, "trunk": end.trunk});
    let tie = |tie: &directory::Tie| json!({"a": end(&tie.a), "b": end(&tie.b), "key": serde_json::to_value(tie.key).unwrap_or_default()});
    directory.ties().iter().map(tie).collect()
}

fn guesses(directory: &Directory) -> Vec<Value> {
    let guess = |guess: &directory::Guess| json!({"line": guess.line, "text": guess.text, "from": guess.from});
    directory.guesses().iter().map(guess).collect()
}

fn group_name(directory: &Directory, id: Option<&str>) -> Option<String> {
    id.map(|id| directory.group(id).map_or_else(|| id.to_owned(), |group| group.name.clone()))
}

/// Each day with its hours, Monday first, and the days that are closed.
fn hours(calendar: &Calendar) -> Value {
    let closed: Vec<String> = calendar.closed().iter().map(ToString::to_string).collect();
    let days: Vec<Value> =
        (1..).zip(calendar.week()).map(|(day, spans): (u8, _)| json!({"weekday": day, "spans": spans})).collect();
    json!({"days": days, "closed": closed})
}

fn bounds(span: &Span) -> (Option<String>, Option<String>) {
    let (since, until) = span.bounds();
    let shown = |at: Option<i64>| at.map(|at| rfc3339(Moment(at)));
    (shown(since), shown(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_is_found_wherever_it_stands() {
        let row = json!({"id": "ann", "name": "Ann Quay", "extensions": [{"number": "8123", "since": null}], "mailbox": true});
        for (text, expected) in [("quay", true), ("812", true), ("8124", false), ("true", false)] {
            assert_eq!(has(&row, text), expected, "{text}");
        }
    }
}
