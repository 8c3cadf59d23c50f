//! The document of the API says what the API gives.

use serde_json::{Value, json};

use super::portal;
use crate::process::text;

/// What of a value is not as its schema says.
fn wrong(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"));
        return wrong(document, schema, value, place);
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let found: Vec<Vec<String>> = either.iter().map(|schema| wrong(document, schema, value, place)).collect();
        return if found.iter().any(Vec::is_empty) { Vec::new() } else { found.concat() };
    }
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { Vec::new() } else { vec![format!("{place}: {value} is none of {words:?}")] };
    }
    let is_of = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    let is_right = match &schema["type"] {
        Value::Null => true,
        Value::String(kind) => is_of(kind),
        kinds => kinds.as_array().expect("kinds").iter().any(|kind| is_of(text(kind))),
    };
    if !is_right {
        return vec![format!("{place}: {value} is no {}", schema["type"])];
    }
    let mut found = Vec::new();
    if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for key in schema["required"].as_array().into_iter().flatten().map(text) {
            let may_lack = properties[key]["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
            if !object.contains_key(key) && !may_lack && !properties[key]["oneOf"].is_array() {
                found.push(format!("{place}: {key} is not there"));
            }
        }
        for (key, value) in object {
            if let Some(schema) = properties.get(key) {
                found.extend(wrong(document, schema, value, &format!("{place}.{key}")));
            }
        }
    }
    if let (Some(values), items @ Value::Object(_)) = (value.as_array(), &schema["items"]) {
        for (at, value) in values.iter().enumerate() {
            found.extend(wrong(document, items, value, &format!("{place}[{at}]")));
        }
    }
    found
}

#[test]
fn what_the_api_gives_is_what_its_document_says() {
    let portal = portal();
    let token = portal.user(&["token", "admin", "--scopes", "read,act,admin"]);
    portal.api(
        &token,
        "POST",
        "/api/v1/views",
        &json!({"name": "documented", "query": "period=all", "is_shared": false}),
    );
    let document = portal.ask("GET", "/api/openapi.json", &[], "").json();
    assert_eq!(document["openapi"], "3.1.0");
    let get = |path: &str| portal.api(&token, "GET", path, &Value::Null).json();
    let missed = get("/api/v1/calls?period=all&missed=true&limit=5");
    let call = text(&missed["calls"][0]["call_id"]).to_owned();
    let owed = get("/api/v1/follow_ups?limit=5");
    let follow_up = owed["follow_ups"][0]["id"].as_str().map(str::to_owned);
    let with_caller = get("/api/v1/calls?period=all&direction=inbound&customer.empty=false&limit=1&columns=customer");
    let customer = text(&with_caller["calls"][0]["customer"]).replace('+', "%2B");
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(operation) = methods.get("get") else { continue };
        let asked = match path.as_str() {
            "/api/v1/calls" | "/api/v1/total" | "/api/v1/measures" => format!("{path}?period=all"),
            "/api/v1/calls/{id}" => path.replace("{id}", &call),
            "/api/v1/follow_ups/{id}" => match &follow_up {
                Some(id) => path.replace("{id}", id),
                None => continue,
            },
            "/api/v1/customers/{number}" => path.replace("{number}", &customer),
            "/api/v1/views/{id}" => path.replace("{id}", "1"),
            "/api/v1/plugins/{name}" => continue,
            _ => path.replace("{login}", "admin"),
        };
        let answer = portal.api(&token, "GET", &asked, &Value::Null);
        if path == "/api/v1/views/{id}" && answer.status == 404 {
            continue;
        }
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let found = wrong(&document, schema, &answer.json(), path);
        assert!(found.is_empty(), "{found:#?}");
        checked += 1;
    }
    assert!(checked >= 18, "{checked}");
    let problem = portal.api(&token, "GET", "/api/v1/calls/none", &Value::Null);
    let body: Value = serde_json::from_str(&problem.body).expect("JSON");
    let found = wrong(&document, &document["components"]["schemas"]["Problem"], &body, "problem");
    assert!(found.is_empty(), "{found:#?}");
}
