//! The document of the API (OpenAPI 3.1): every address under `/api/` with what it takes, gives and refuses. What is not in it does not
//! work: keys of a query and fields of a body that it does not know are refused.

use axum::response::Response;
use serde_json::{Map, Value, json};
use store::period::PRESETS;
use store::view::{COLUMNS, Column, Kind, LIMIT_MAX};

use super::answer;
use super::operations::{OPERATIONS, Operation, Query, SCHEMAS};
use crate::asking::{Asking, Fault};
use crate::routes::{ROUTES, Route, Who};

/// `GET /api/openapi.json`
///
/// # Errors
/// None.
#[allow(clippy::unused_async, reason = "every address is answered so")]
pub(crate) async fn openapi(_: Asking) -> Result<Response, Fault> {
    Ok(answer(document()))
}

/// What the document says of an address; `None` for one that is none of the API.
pub(crate) fn operation(route: &Route) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.method == route.method.as_str() && operation.path == route.path)
}

/// Only what the document knows was sent.
///
/// # Errors
/// The first key or field that it does not know, and those that it does.
pub(crate) fn check(operation: &Operation, asking: &Asking) -> Result<(), Fault> {
    // What forms of the portal carry beside what they are about.
    const OF_FORMS: [&str; 2] = ["csrf", "back"];
    match operation.query {
        // A view says itself what it does not know.
        Query::View => {}
        Query::Keys(keys) => asking.knows(&keys.iter().map(|(key, ..)| *key).collect::<Vec<_>>())?,
    }
    let fields: Vec<&str> = operation.body.iter().map(|(field, ..)| *field).collect();
    let unknown = asking.form.iter().find(|(key, _)| {
        let is_key = matches!(operation.query, Query::Keys(keys) if keys.iter().any(|(known, ..)| known == key));
        !fields.contains(&key.as_str()) && !OF_FORMS.contains(&key.as_str()) && !is_key
    });
    match unknown {
        None => Ok(()),
        Some((key, _)) if fields.is_empty() => Err(Fault::Wrong(format!("{key}: nothing is sent here"))),
        Some((key, _)) => Err(Fault::Wrong(format!("{key}: expected some of {}", fields.join(", ")))),
    }
}

/// The whole document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let Some(operation) = operation(route) else { continue };
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation_of(route, operation);
    }
    let mut schemas: Map<String, Value> =
        SCHEMAS.iter().map(|(name, keys)| ((*name).to_owned(), schema_of(keys))).collect();
    schemas.insert("Call".to_owned(), call());
    schemas.insert("Row".to_owned(), json!({"type": "object", "description": "The columns that the view asks for."}));
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Moments are UTC, RFC 3339. Lengths that end in _s are decimal seconds. Null is not known, never 0. \
                Whoever asks gets what is in the scope of their login; a token has no more power than its login.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": {
                "description": "Why there is no answer (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }},
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token: `ringback user token`, or the page of one's own tokens. Scopes: read; act, to change and to act; admin, to set up.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "ringback",
                    "description": "A sign-in of the portal. Whatever changes something then carries `csrf`, as its forms do.",
                },
            },
        },
    })
}

fn operation_of(route: &Route, operation: &Operation) -> Value {
    let scope = match route.who {
        Who::Anybody => None,
        Who::Viewer => Some("read"),
        Who::Writer | Who::Actor => Some("act"),
        Who::Administrator => Some("admin"),
    };
    let mut parameters: Vec<Value> = path_keys(route.path)
        .map(|key| json!({"name": key, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    match operation.query {
        Query::View => parameters.extend(view_parameters()),
        Query::Keys(keys) => parameters.extend(keys.iter().map(|(key, of, about)| {
            let (schema, is_needed) = schema_of_type(of);
            json!({"name": key, "in": "query", "required": is_needed && operation.method != "GET", "description": about, "schema": schema})
        })),
    }
    let mut responses = Map::new();
    let content = json!({"application/json": {"schema": schema_of(operation.gives)}});
    responses.insert("200".to_owned(), json!({"description": "Done.", "content": content}));
    let mut refused: Vec<&str> = vec!["400", "429", "503"];
    if scope.is_some() {
        refused.extend(["401", "403"]);
    }
    if path_keys(route.path).next().is_some() {
        refused.push("404");
    }
    if operation.method != "GET" {
        refused.push("409");
    }
    for status in refused {
        responses.insert(status.to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    }
    let name: Vec<&str> =
        route.path.trim_start_matches("/api/").split(['/', '{', '}', '.']).filter(|part| !part.is_empty()).collect();
    let mut told = json!({
        "operationId": format!("{}_{}", operation.method.to_lowercase(), name.join("_")),
        "summary": operation.about, "parameters": parameters, "responses": responses,
        "security": scope.map_or_else(|| json!([]), |scope| json!([{"bearer": [scope]}, {"cookie": []}])),
    });
    if !operation.body.is_empty() {
        told["requestBody"] = body(operation);
    }
    told
}

fn body(operation: &Operation) -> Value {
    let (mut properties, mut needed) = (Map::new(), Vec::new());
    for (field, of, about) in operation.body {
        let (mut schema, is_needed) = schema_of_type(of);
        schema["description"] = (*about).into();
        properties.insert((*field).to_owned(), schema);
        if is_needed {
            needed.push(*field);
        }
    }
    let schema = json!({"type": "object", "properties": properties, "required": needed, "additionalProperties": false});
    let is_required = !needed.is_empty();
    json!({
        "required": is_required,
        "content": {"application/json": {"schema": schema}, "application/x-www-form-urlencoded": {"schema": schema}},
    })
}

fn path_keys(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// The keys of a view's query: its period, order, groups and columns, and each column with what may be asked of it.
fn view_parameters() -> Vec<Value> {
    let names = |may: fn(&Column) -> bool| -> Vec<&str> {
        COLUMNS.iter().filter(|column| may(column)).map(|column| column.name).collect()
    };
    let key = |name: &str, about: &str, schema: Value| json!({"name": name, "in": "query", "required": false, "description": about, "schema": schema});
    let presets: Vec<&str> = PRESETS.iter().map(|(_, word)| *word).collect();
    let sorts: Vec<String> =
        names(Column::is_sort).into_iter().flat_map(|name| [name.to_owned(), format!("-{name}")]).collect();
    let mut all = vec![
        key(
            "period",
            "When the calls began, by the site's calendar; `last_` rolls to now. Either this, or from and to.",
            json!({"enum": presets}),
        ),
        key("from", "A day, or a moment with its offset: the first that is meant.", json!({"type": "string"})),
        key("to", "A day, or a moment with its offset: with a day, the last that is meant.", json!({"type": "string"})),
        key("search", "A number however it is written, or a part of a name.", json!({"type": "string"})),
        key("sort", "By which column; - before it: the highest first.", json!({"enum": sorts})),
        key(
            "by",
            "Grouped by this column; of several values a call counts in several groups.",
            json!({"enum": names(Column::is_group)}),
        ),
        key(
            "columns",
            "The columns to give, with commas between them; without it, all keys of a call.",
            json!({"type": "string"}),
        ),
        key("limit", "Rows of a page.", json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX})),
        key("cursor", "Where the page begins: `next` of the page before.", json!({"type": "string"})),
    ];
    for column in COLUMNS.iter().filter(|column| column.is_filter()) {
        let value = value_of(column);
        let several = json!({"type": "array", "items": value});
        let name = column.name;
        all.push(key(name, "It is one of these.", several.clone()));
        all.push(key(&format!("{name}.not"), "It is none of these.", several.clone()));
        all.push(key(&format!("{name}.empty"), "It is not known, or is.", json!({"type": "boolean"})));
        if column.is_several() {
            all.push(key(&format!("{name}.all"), "All of these are among its values.", several));
        }
        if matches!(column.kind, Kind::Count(..) | Kind::Seconds | Kind::Moment) {
            all.push(key(&format!("{name}.min"), "It is no less than this.", value.clone()));
            all.push(key(&format!("{name}.max"), "It is no more than this.", value));
        }
        if matches!(column.kind, Kind::Text | Kind::List | Kind::People) {
            all.push(key(&format!("{name}.contains"), "This is in it, in capitals or not.", json!({"type": "string"})));
        }
    }
    all
}

/// A value of a column, as a condition has it.
fn value_of(column: &Column) -> Value {
    match &column.kind {
        Kind::Word(words) | Kind::State(words) => json!({"enum": words}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Count(..) => json!({"type": "integer"}),
        Kind::Seconds => json!({"type": "number"}),
        Kind::Moment => json!({"type": "string", "format": "date-time"}),
        Kind::Text | Kind::List | Kind::People | Kind::Shown => json!({"type": "string"}),
    }
}

/// A call with the keys of the line that `ringback calls` prints.
fn call() -> Value {
    let mut properties = Map::new();
    for column in store::Reader::line_columns() {
        let schema = match &column.kind {
            Kind::Word(words) => {
                json!({"enum": words.iter().map(|word| json!(word)).chain([Value::Null]).collect::<Vec<_>>()})
            }
            Kind::Flag => json!({"type": ["boolean", "null"]}),
            Kind::Count(..) => json!({"type": ["integer", "null"]}),
            Kind::Seconds => json!({"type": ["number", "null"]}),
            Kind::Moment => json!({"type": ["string", "null"], "format": "date-time"}),
            Kind::Text => json!({"type": ["string", "null"]}),
            Kind::List | Kind::People => json!({"type": "array", "items": {"type": "string"}}),
            Kind::State(_) | Kind::Shown => json!({}),
        };
        properties.insert(column.name.to_owned(), schema);
    }
    properties.insert("merged_into".to_owned(), json!({"type": ["string", "null"]}));
    json!({"type": "object", "properties": properties})
}

fn problem() -> Value {
    let mut problem = schema_of("type:string title:string status:integer detail:string");
    for (key, about) in [
        ("holder", "Who deals with the follow-up."),
        ("since", "Since when."),
        ("changed_by", "Who changed it meanwhile."),
        ("changed_at", "When."),
    ] {
        problem["properties"][key] = json!({"type": "string", "description": about});
    }
    problem
}

/// An object of keys as `key:type`, with blanks between them.
fn schema_of(keys: &str) -> Value {
    let (mut properties, mut needed) = (Map::new(), Vec::new());
    for (key, of) in keys.split_whitespace().filter_map(|pair| pair.split_once(':')) {
        properties.insert(key.to_owned(), schema_of_type(of).0);
        needed.push(key);
    }
    json!({"type": "object", "properties": properties, "required": needed})
}

/// A type: a word of JSON's, `moment`, `any`, the name of a schema, `[…]` a list; with `?` it may be null, or left out of what is sent.
fn schema_of_type(of: &str) -> (Value, bool) {
    if let Some(of) = of.strip_suffix('?') {
        let (mut schema, _) = schema_of_type(of);
        if schema["$ref"].is_string() {
            return (json!({"oneOf": [schema, {"type": "null"}]}), false);
        }
        if let Some(kind) = schema["type"].as_str().map(str::to_owned) {
            schema["type"] = json!([kind, "null"]);
        }
        return (schema, false);
    }
    if let Some(of) = of.strip_prefix('[').and_then(|of| of.strip_suffix(']')) {
        return (json!({"type": "array", "items": schema_of_type(of).0}), true);
    }
    if let Some(words) = of.strip_prefix('(').and_then(|of| of.strip_suffix(')')) {
        return (json!({"enum": words.split('|').collect::<Vec<_>>()}), true);
    }
    let schema = match of {
        "moment" => json!({"type": "string", "format": "date-time"}),
        "any" => json!({}),
        "string" | "integer" | "number" | "boolean" | "object" => json!({"type": of}),
        name => json!({"$ref": format!("#/components/schemas/{name}")}),
    };
    (schema, true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each address is in the document once, and nothing else is; what it names is there.
    #[test]
    fn every_address_of_the_api_is_in_the_document() {
        let routes: Vec<(String, &str)> = ROUTES
            .iter()
            .filter(|route| route.path.starts_with("/api/"))
            .map(|route| (route.method.to_string(), route.path))
            .collect();
        let told: Vec<(String, &str)> =
            OPERATIONS.iter().map(|operation| (operation.method.to_owned(), operation.path)).collect();
        let (mut sorted, mut told_sorted) = (routes.clone(), told.clone());
        sorted.sort_unstable();
        told_sorted.sort_unstable();
        assert_eq!(sorted, told_sorted);
        let document = document();
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
                let parameters = operation["parameters"].as_array().unwrap();
                let names: BTreeSet<(&str, &str)> = parameters
                    .iter()
                    .map(|parameter| (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap()))
                    .collect();
                assert_eq!(names.len(), parameters.len(), "{method} {path}: each once");
                for key in path_keys(path) {
                    assert!(names.contains(&("path", key)), "{method} {path}: {key}");
                }
                assert!(operation["responses"]["200"].is_object(), "{method} {path}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference} is not there");
        }
    }

    /// A view's keys are those that a view understands: each of the document is taken, or refused for its value alone.
    #[test]
    fn every_key_of_a_view_is_understood() {
        for parameter in view_parameters() {
            let name = parameter["name"].as_str().unwrap();
            let schema = if parameter["schema"]["items"].is_object() {
                &parameter["schema"]["items"]
            } else {
                &parameter["schema"]
            };
            let value = match (&schema["enum"][0], schema["type"].as_str(), name) {
                (Value::String(word), ..) => word.clone(),
                (_, _, "from" | "to") => "2026-11-27".to_owned(),
                (_, _, "columns") => "call_id,outcome".to_owned(),
                (_, _, "cursor") => continue,
                (_, Some("boolean"), _) => "true".to_owned(),
                (_, Some("integer" | "number"), _) => "1".to_owned(),
                (_, Some("string"), _) if schema["format"] == "date-time" => "2026-11-27T09:30:00Z".to_owned(),
                _ => "x".to_owned(),
            };
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, &value).finish();
            assert!(
                store::view::Asked::parse(&query).is_ok(),
                "{query}: {:?}",
                store::view::Asked::parse(&query).err()
            );
        }
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        assert_eq!(
            schema_of("a:string? b:[Token] c:moment d:(live|off)"),
            json!({
                "type": "object", "required": ["a", "b", "c", "d"],
                "properties": {
                    "a": {"type": ["string", "null"]}, "b": {"type": "array", "items": {"$ref": "#/components/schemas/Token"}},
                    "c": {"type": "string", "format": "date-time"}, "d": {"enum": ["live", "off"]},
                },
            })
        );
    }
}
