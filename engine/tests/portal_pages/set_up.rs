//! Plugins and messages as pages show them: what the office has, each for whom it is.

use office::{NewMessage, NewPlugin, Office, PluginState};
use serde_json::{Value, json};

use super::{Portal, portal};
use crate::process::text;

/// 2026-11-27T12:00:00Z.
const NOW: i64 = 1_795_780_800_000;

/// The office of the demo, beside the process that has it.
fn office(portal: &Portal) -> Office {
    Office::open(&format!("sqlite:{}", portal.folder.path().join("data/office.db").display()), 60_000).unwrap()
}

#[test]
fn a_plugin_is_shown_and_switched_by_an_administrator() {
    let portal = portal();
    let office = office(&portal);
    let new = NewPlugin {
        name: "teller".into(),
        version: "1.2.0".into(),
        sha256: "00".into(),
        state: PluginState::Dry,
        by: "command".into(),
        note: String::new(),
        now: NOW,
    };
    office.install(&new).unwrap();
    let load = json!({
        "about": "Tells <somebody>.", "version": "1.2.0", "hears": ["call-missed"], "is_loaded": true, "why": null,
        "paused": {"since": NOW, "why": "out of memory", "faults": 5, "tried_again_at": NOW + 30_000},
        "asked": [{"power": "timers", "of": null, "is_granted": false, "line": "timers = true", "place": "[plugin.teller.grants]"}],
        "settings": [{"key": "times", "value": 3, "is_default": true, "help": "How often."}],
    });
    office.tell_plugin_load("teller", &load.to_string(), NOW).unwrap();
    let admin = portal.cookie(&portal.login, &portal.password);
    let page = portal.get("/set-up/plugins", &admin).body;
    for part in
        ["Tells &lt;somebody&gt;.", "out of memory", "<code>timers = true</code>", "stopped: it failed too often"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let token = portal.user(&["token", "admin", "--scopes", "read,act,admin"]);
    let state = || portal.api(&token, "GET", "/api/v1/plugins/teller", &Value::Null).json()["state"].clone();
    let switch = |before: &str, state: &str| {
        let body = json!({"before": before, "state": state});
        portal.api(&token, "PUT", "/api/v1/plugins/teller", &body).status
    };
    let form = portal.post("/set-up/plugins/teller/switch", &admin, &[("before", "dry"), ("state", "live")]);
    assert_eq!((form.status, state()), (303, json!("live")), "{}", form.body);
    assert_eq!(switch("dry", "off"), 409, "it acts meanwhile");
    assert_eq!([switch("live", "dry"), switch("gone", "off")], [400, 400]);
    assert_eq!((switch("live", "off"), state()), (200, json!("off")));
    assert_eq!(
        portal.api(&token, "PUT", "/api/v1/plugins/other", &json!({"before": "dry", "state": "off"})).status,
        404
    );
    let reader = portal.user(&["token", "admin", "--scopes", "read,act"]);
    assert_eq!(
        portal.api(&reader, "GET", "/api/v1/plugins", &Value::Null).status,
        403,
        "setting up is a scope of its own"
    );
}

/// Its site file was named on the command line, which would take the place of what a page writes.
#[test]
fn a_site_file_that_is_named_is_not_changed_on_a_page() {
    let portal = portal();
    let admin = portal.cookie(&portal.login, &portal.password);
    let page = portal.get("/set-up/directory", &admin);
    assert!(page.status == 200 && !page.body.contains("<textarea"), "{}", page.body);
    assert_eq!(portal.post("/set-up/directory", &admin, &[("text", "tenant = \"x\"")]).status, 404);
}

#[test]
fn messages_are_for_whom_they_are() {
    let portal = portal();
    let office = office(&portal);
    for (person, key) in [("greta", "m1"), ("greta", "m2"), ("henry", "m3")] {
        let new = NewMessage {
            tenant: "main".into(),
            person: person.into(),
            text: format!("<{key}> for {person}"),
            at: NOW,
            action_key: key.into(),
        };
        assert!(office.add_message(&new).unwrap());
    }
    let login = |name: &str, person: &str| {
        let password = portal.user(&["add", name, "--generate", "--role", "person", "--person", person]);
        (portal.cookie(name, &password), portal.user(&["token", name]))
    };
    let (greta, greta_token) = login("greta", "greta");
    let (henry, henry_token) = login("henry", "henry");
    let page = portal.get("/me", &greta).body;
    assert!(page.contains("&lt;m1&gt; for greta") && page.contains("2 unread") && !page.contains("henry"), "{page}");
    let of = |token: &str| portal.api(token, "GET", "/api/v1/messages", &Value::Null).json();
    let first = of(&greta_token)["messages"][1]["seq"].clone();
    let read = format!("/me/messages/{first}/read");
    assert_eq!(portal.post(&read, &henry, &[]).status, 404, "it is none of theirs");
    assert_eq!(portal.post(&read, &greta, &[]).status, 303);
    assert_eq!((of(&greta_token)["unread"].clone(), of(&henry_token)["unread"].clone()), (json!(1), json!(1)));
    let latest = of(&greta_token)["messages"][0]["seq"].to_string();
    assert_eq!(portal.post("/me/messages/read", &greta, &[("to", &latest)]).status, 303);
    assert_eq!((of(&greta_token)["unread"].clone(), of(&henry_token)["unread"].clone()), (json!(0), json!(1)));
    assert_eq!(portal.get("/me/messages", &greta).body.matches("class=\"unread\"").count(), 0);
    let boss = portal.user(&["token", "admin"]);
    assert_eq!(of(&boss)["messages"], json!([]), "a login that is nobody's has none");
    assert_eq!(text(&of(&henry_token)["messages"][0]["text"]), "<m3> for henry");
}
