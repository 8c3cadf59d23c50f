//! Saved views: on the page of calls, shared or not, and that nobody overwrites another.

use serde_json::{Value, json};

use super::{encoded, portal};

#[test]
fn a_view_is_saved_found_and_changed_by_whoever_has_seen_it_last() {
    let portal = portal();
    let add =
        |name: &str, person: &str| portal.user(&["add", name, "--generate", "--role", "person", "--person", person]);
    let ann = portal.cookie("saver", &add("saver", "clara"));
    let bob = portal.cookie("finder", &add("finder", "denis"));

    // With a form, and without script.
    let fields = [("name", "Left at noon & <later>"), ("query", "outcome=abandoned&period=all"), ("is_shared", "true")];
    let saved = portal.post("/views", &ann, &fields);
    assert_eq!(
        (saved.status, saved.header("location")),
        (303, Some("/calls?period=all&outcome=abandoned")),
        "{}",
        saved.body
    );
    let page = portal.get("/calls?period=all&outcome=abandoned", &ann).body;
    let link =
        "href=\"/calls?period=all&amp;outcome=abandoned\" aria-current=\"true\">Left at noon &amp; &lt;later&gt;";
    assert!(page.contains(link), "{page}");
    assert!(portal.get("/calls", &bob).body.contains("Left at noon &amp; &lt;later&gt;"));
    assert!(!portal.get("/views", &bob).body.contains("/change"), "somebody else's is not changed");
    let wrong = portal.post("/views", &ann, &[("name", "x"), ("query", "outcom=abandoned")]);
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("outcom"), "{}", wrong.body);

    // The same with the API.
    let token = portal.user(&["token", "saver"]);
    let other = portal.user(&["token", "finder"]);
    let admin = portal.user(&["token", "admin"]);
    let list = |token: &str| portal.api(token, "GET", "/api/v1/views", &Value::Null).json()["views"].clone();
    let shared = list(&token)[0].clone();
    assert_eq!(
        (&shared["name"], &shared["version"], &shared["is_mine"]),
        (&json!(fields[0].1), &json!(1), &json!(true))
    );
    let own = portal.api(&token, "POST", "/api/v1/views", &json!({"name": "own", "query": "period=today"})).json();
    let path = |view: &Value| format!("/api/v1/views/{}", view["id"]);
    assert_eq!(portal.api(&other, "GET", &path(&own), &Value::Null).status, 404, "what is not shared is not there");
    assert_eq!(portal.api(&other, "PUT", &path(&own), &json!({"version": 1, "name": "mine"})).status, 404);
    assert_eq!(portal.api(&other, "DELETE", &format!("{}?version=1", path(&own)), &Value::Null).status, 404);
    assert_eq!(portal.api(&other, "PUT", &path(&shared), &json!({"version": 1, "name": "mine"})).status, 403);
    let changed = json!({"version": 1, "name": "Left", "is_shared": true});
    assert_eq!(portal.api(&admin, "PUT", &path(&shared), &changed).json()["version"], 2);
    let late = portal.api(&token, "PUT", &path(&shared), &json!({"version": 1, "name": "Gone", "is_shared": true}));
    assert_eq!((late.status, late.header("content-type")), (409, Some("application/problem+json")));
    let problem: Value = serde_json::from_str(&late.body).expect("JSON");
    assert_eq!(problem["changed_by"], "admin");
    assert!(problem["changed_at"].is_string(), "{problem}");
    let form = portal.post(&format!("/views/{}/delete", shared["id"]), &ann, &[("version", "1")]);
    assert_eq!(form.status, 409);
    assert!(form.body.contains("admin"), "{}", form.body);
    assert_eq!(portal.post(&format!("/views/{}/delete", shared["id"]), &ann, &[("version", "2")]).status, 303);
    assert_eq!(portal.api(&token, "DELETE", &format!("{}?version=1", path(&own)), &Value::Null).status, 200);
    assert_eq!(list(&token), json!([]));
    let unknown = portal.api(&token, "POST", "/api/v1/views", &json!({"name": "x", "query": "", "login": "admin"}));
    assert_eq!(unknown.status, 400);

    // A form that stood on another site changes nothing.
    let body = format!("name=x&query={}", encoded("period=all"));
    assert_eq!(portal.ask("POST", "/views", &[("Cookie", &ann)], &body).status, 403);
}
