//! No parameter of the API leads out of the scope of whoever asks: whatever is asked for, what comes is among what they see anyway.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Portal, encoded, portal};
use crate::process::text;

/// Somebody who asks, with what they see.
struct Asker {
    name: &'static str,
    token: String,
    own: BTreeSet<String>,
    follow_ups: BTreeSet<String>,
}

impl Asker {
    fn new(portal: &Portal, name: &'static str, arguments: &[&str]) -> Asker {
        portal.user(&[&["add", name, "--generate", "--role"], arguments].concat());
        let token = portal.user(&["token", name]);
        let own = portal.calls(&token, "period=all");
        let follow_ups = follow_ups(portal, &token);
        assert!(!own.is_empty(), "{name} sees something");
        Asker { name, token, own, follow_ups }
    }

    fn get(&self, portal: &Portal, path: &str) -> super::Answer {
        portal.api(&self.token, "GET", path, &Value::Null)
    }
}

fn follow_ups(portal: &Portal, token: &str) -> BTreeSet<String> {
    let answer = portal.api(token, "GET", "/api/v1/follow_ups?limit=1000", &Value::Null).json();
    answer["follow_ups"].as_array().expect("rows").iter().map(|row| text(&row["id"]).to_owned()).collect()
}

#[test]
fn no_parameter_leaves_the_scope() {
    let portal = portal();
    let askers = [
        Asker::new(&portal, "scoped-person", &["person", "--person", "anna"]),
        Asker::new(&portal, "scoped-analyst", &["analyst", "--groups", "operator,back-office"]),
        Asker::new(&portal, "scoped-head", &["head", "--person", "hugo"]),
    ];
    let admin = portal.user(&["token", "admin"]);
    let everything = portal.calls(&admin, "period=all");
    let all_owed = follow_ups(&portal, &admin);
    let parameters = view_parameters(&portal);
    assert!(parameters.len() > 150, "{}", parameters.len());
    for asker in &askers {
        let strange: Vec<&Value> =
            portal.lines.iter().filter(|line| !asker.own.contains(text(&line["call_id"]))).collect();
        assert!(!strange.is_empty() && asker.own.len() < everything.len(), "{} sees everything", asker.name);
        // Every key of a view, with a value that leads to somebody else's calls.
        for (key, value) in &parameters {
            let value = value.clone().or_else(|| value_of(&strange, key.split('.').next().unwrap_or(key)));
            let Some(value) = value else { continue };
            let query = format!("{}limit=1000&columns=call_id&{key}={}", all_but(key), encoded(&value));
            let answer = asker.get(&portal, &format!("/api/v1/calls?{query}"));
            let told = answer.json();
            let rows = told["calls"].as_array().into_iter().flatten();
            let seen: BTreeSet<String> = rows.filter_map(|row| row["call_id"].as_str()).map(str::to_owned).collect();
            let more: Vec<&String> = seen.difference(&asker.own).collect();
            assert!(more.is_empty(), "{}: {query}: {more:?}", asker.name);
            assert!(told["total"].as_u64().expect("a total") <= asker.own.len() as u64, "{}: {query}", asker.name);
        }
        // What is counted is counted over what is seen.
        let total = asker.get(&portal, "/api/v1/total?period=all").json();
        assert_eq!(total["total"], asker.own.len(), "{}", asker.name);
        let groups = asker.get(&portal, "/api/v1/calls?period=all&by=outcome").json();
        let counted: u64 =
            groups["groups"].as_array().expect("groups").iter().filter_map(|g| g["calls"].as_u64()).sum();
        assert_eq!(counted, asker.own.len() as u64, "{}", asker.name);
        // A cursor of somebody who sees everything leads nowhere else.
        let page = portal.api(&admin, "GET", "/api/v1/calls?period=all&limit=2", &Value::Null).json();
        let cursor = text(&page["next"]).to_owned();
        let told = asker.get(&portal, &format!("/api/v1/calls?period=all&limit=2&cursor={}", encoded(&cursor))).json();
        for call in told["calls"].as_array().expect("calls") {
            assert!(asker.own.contains(text(&call["call_id"])), "{}", asker.name);
        }
        let page = portal.api(&admin, "GET", "/api/v1/follow_ups?limit=1", &Value::Null).json();
        if let Some(cursor) = page["next"].as_str() {
            let told = asker.get(&portal, &format!("/api/v1/follow_ups?cursor={}", encoded(cursor))).json();
            for row in told["follow_ups"].as_array().expect("rows") {
                assert!(asker.follow_ups.contains(text(&row["id"])), "{}", asker.name);
            }
        }
        // What is somebody else's is not there, by whatever name it is asked for.
        for line in strange.iter().take(10) {
            let id = text(&line["call_id"]);
            assert_eq!(asker.get(&portal, &format!("/api/v1/calls/{id}")).status, 404, "{}: {id}", asker.name);
        }
        for id in all_owed.difference(&asker.follow_ups).take(10) {
            assert_eq!(asker.get(&portal, &format!("/api/v1/follow_ups/{id}")).status, 404, "{}: {id}", asker.name);
        }
        for id in asker.follow_ups.iter().take(3) {
            assert_eq!(asker.get(&portal, &format!("/api/v1/follow_ups/{id}")).status, 200, "{}: {id}", asker.name);
        }
        let own_lines = portal.lines.iter().filter(|line| asker.own.contains(text(&line["call_id"])));
        let known: BTreeSet<&str> =
            own_lines.flat_map(|line| [line["caller"].as_str(), line["dialed"].as_str()]).flatten().collect();
        let other = strange.iter().filter_map(|line| line["caller"].as_str()).find(|caller| !known.contains(caller));
        if let Some(number) = other {
            let answer = asker.get(&portal, &format!("/api/v1/customers/{}", encoded(number)));
            assert_eq!(answer.status, 404, "{}: {number}: {}", asker.name, answer.body);
        }
        // Pages take no more than the API does.
        for path in ["/api/v1/logins", "/api/v1/changes", "/api/v1/directory", "/api/v1/sources", "/api/v1/plugins"] {
            assert_eq!(asker.get(&portal, path).status, 403, "{}: {path}", asker.name);
        }
        // A person is chosen among those that one sees, and shows no more.
        for person in ["anna", "boris", "eve", "olga", "pavel", "nobody"] {
            let answer = asker.get(&portal, &format!("/api/v1/follow_ups?limit=1000&person={person}"));
            assert!(
                [200, 404].contains(&answer.status) && (answer.status == 404 || person != "nobody"),
                "{}",
                answer.body
            );
            if answer.status == 200 {
                for row in answer.json()["follow_ups"].as_array().expect("rows") {
                    assert!(asker.follow_ups.contains(text(&row["id"])), "{}: {person}", asker.name);
                }
            }
        }
        let others = asker.get(&portal, "/api/v1/follow_ups?person=denis").status;
        assert_eq!(others == 200, asker.name == "scoped-head", "{}", asker.name);
        // What is not in the document is not taken.
        for path in ["/api/v1/follow_ups?owner=boris", "/api/v1/messages?person=boris", "/api/v1/views?login=admin"] {
            assert_eq!(asker.get(&portal, path).status, 400, "{}: {path}", asker.name);
        }
    }
}

/// People are chosen among those that one sees.
#[test]
fn nobody_chooses_a_person_that_they_do_not_see() {
    let portal = portal();
    let cookie = |name: &str, arguments: &[&str]| {
        let password = portal.user(&[&["add", name, "--generate", "--role"], arguments].concat());
        portal.cookie(name, &password)
    };
    let head = cookie("choosing-head", &["head", "--person", "hugo"]);
    let person = cookie("choosing-person", &["person", "--person", "boris"]);
    for page in ["/me", "/missed"] {
        let status = |cookie: &str, whom: &str| portal.get(&format!("{page}?person={whom}"), cookie).status;
        // Eve is of support, which is within the managers; Olga is of the operator's group.
        assert_eq!([status(&head, "eve"), status(&head, "olga"), status(&head, "nobody")], [200, 404, 404], "{page}");
        assert_eq!([status(&person, "boris"), status(&person, "eve")], [200, 404], "{page}");
    }
    let everybody = portal.get("/calls?period=all&tried=", &head);
    assert_eq!(everybody.status, 200, "{}", everybody.body);
    assert!(everybody.body.contains("href=\"/calls/"), "a form where nobody was chosen asks for everybody");
    let page = portal.get("/calls?period=all", &head).body;
    assert!(page.contains("<option value=\"eve\"") && !page.contains("<option value=\"olga\""), "{page}");
}

/// The keys of a view as the document has them, with a value where any will do.
fn view_parameters(portal: &Portal) -> Vec<(String, Option<String>)> {
    let document = portal.ask("GET", "/api/openapi.json", &[], "").json();
    let parameters = document["paths"]["/api/v1/calls"]["get"]["parameters"].as_array().expect("parameters").clone();
    let one = |parameter: &Value| {
        let name = text(&parameter["name"]).to_owned();
        let schema = &parameter["schema"];
        let of = if schema["items"].is_object() { &schema["items"] } else { schema };
        let value = match (name.as_str(), &of["enum"][0], of["type"].as_str()) {
            ("limit" | "columns" | "cursor", ..) => return None,
            (_, Value::String(word), _) => Some(word.clone()),
            ("from", ..) => Some("2020-01-01".to_owned()),
            ("to", ..) => Some("2030-01-01".to_owned()),
            (_, _, Some("boolean")) => Some("false".to_owned()),
            (_, _, Some("integer")) => Some("1".to_owned()),
            (_, _, Some("number")) => Some("0".to_owned()),
            _ if of["format"] == "date-time" && name.ends_with(".max") => Some("2030-01-01T00:00:00Z".to_owned()),
            _ if of["format"] == "date-time" => Some("2020-01-01T00:00:00Z".to_owned()),
            _ => None,
        };
        Some((name, value))
    };
    parameters.iter().filter_map(one).collect()
}

/// The period has keys of its own.
fn all_but(key: &str) -> &'static str {
    if matches!(key, "period" | "from" | "to") { "" } else { "period=all&" }
}

/// What a call of others has there; of a list its first value.
fn value_of(strange: &[&Value], key: &str) -> Option<String> {
    let key = match key {
        "customer" | "search" => "caller",
        "called" => "first_target",
        "tried" | "missed_by" | "taken_by" => {
            let people = strange.iter().flat_map(|line| line["offers"].as_array().into_iter().flatten());
            return people.filter_map(|offer| offer["person"].as_str()).map(str::to_owned).next();
        }
        "queues" => "queue",
        "groups" | "owner_group" => "group",
        other => other,
    };
    strange.iter().find_map(|line| match &line[key] {
        Value::Array(values) => values.first().and_then(Value::as_str).map(str::to_owned),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    })
}
