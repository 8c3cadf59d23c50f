//! Fixtures of a plugin's folder, run in the sandbox.

use std::fs;
use std::path::Path;

use sandbox::fixture;

use crate::guest::{MANIFEST, plugin, sandbox, wasm};

fn write(folder: &Path, name: &str, files: &[(&str, &str)]) {
    let folder = folder.join("fixtures").join(name);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn event(id: &str, name: &str, payload: &str) -> String {
    format!(
        r#"{{"id":"{id}","kind":"timer-due","at":"2026-11-23T10:00:00.000Z","now":"2026-11-23T10:00:00.000Z","tenant":"acme","about":{{"timer":{{"name":"{name}","due_at":"2026-11-23T10:00:00.000Z","payload":"{payload}"}}}}}}"#
    )
}

#[test]
fn fixtures_are_run_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let batch = format!("[{},{}]", event("e1", "count", "n"), event("e2", "ask", "message timer"));
    write(
        path,
        "a_batch",
        &[
            ("event.json", &batch),
            ("state.json", r#"{"n":"4","kept":{"base64":"/w=="}}"#),
            (
                "actions.json",
                r#"{"actions":[
                    {"cause":1,"kind":"message","to":["person:ann"],"text":"hello"},
                    {"cause":1,"kind":"timer","name":"again","at":"2026-11-23T10:00:01.000Z","payload":"p"}],
                  "state":{"n":"5","kept":{"base64":"/w=="}}}"#,
            ),
        ],
    );
    write(
        path,
        "later",
        &[("event.json", &event("e1", "later", "90")), ("actions.json", r#"{"handled":[{"later":90}]}"#)],
    );
    let directory =
        r#"{"people":[{"id":"ann","name":"Ann"}],"groups":{"sales":["ann","bob"]},"open":{"person:ann":false}}"#;
    let closed = [
        ("event.json", event("e1", "open", "person:ann")),
        ("directory.json", directory.to_owned()),
        ("actions.json", r#"{"handled":[{"failed":"false"}]}"#.to_owned()),
    ];
    write(path, "closed", &closed.each_ref().map(|(name, text)| (*name, text.as_str())));
    let members = [
        ("event.json", event("e1", "members", "sales")),
        ("directory.json", directory.to_owned()),
        ("actions.json", r#"{"handled":[{"failed":"ann bob"}]}"#.to_owned()),
    ];
    write(path, "members", &members.each_ref().map(|(name, text)| (*name, text.as_str())));
    let refused = "not granted: tag; add \\\"tag = true\\\" under [plugin.guest.grants] in engine.toml";
    write(
        path,
        "not_granted",
        &[
            ("event.json", &event("e1", "ask", "tag")),
            ("grants.toml", "settle = true"),
            ("actions.json", &format!(r#"{{"handled":[{{"failed":"{refused}"}}],"refused":["{refused}"]}}"#)),
        ],
    );
    write(
        path,
        "set_otherwise",
        &[
            ("event.json", &event("e1", "settings", "")),
            ("settings.toml", "greeting = \"good day\""),
            ("actions.json", r#"{"handled":[{"failed":"{\"greeting\":\"good day\"}"}]}"#),
        ],
    );
    let fixtures = fixture::read(path).unwrap();
    let names: Vec<&str> = fixtures.iter().map(|fixture| fixture.name.as_str()).collect();
    assert_eq!(names, ["a_batch", "closed", "later", "members", "not_granted", "set_otherwise"]);
    for fixture in &fixtures {
        let report = fixture::run(&plugin(), fixture);
        assert!(report.passed(), "{report}");
        assert!(report.cpu_us <= report.cpu_us_max && report.memory_bytes > 0, "{report}");
    }
}

#[test]
fn the_fixtures_of_a_folder_tell_what_has_no_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest");
    write(
        &path,
        "settings",
        &[
            ("event.json", &event("e1", "settings", "")),
            ("settings.toml", "greeting = \"hi\""),
            ("actions.json", r#"{"handled":[{"failed":"{\"greeting\":\"hi\"}"}]}"#),
        ],
    );
    fs::write(path.join("plugin.toml"), MANIFEST.replace("default = \"hello\"", "")).unwrap();
    let told = fixture::test(&sandbox(), &path).unwrap_err().to_string();
    assert!(told.contains("plugin.wasm: No such file") && told.contains("ringback plugin build"), "{told}");
    fs::write(path.join("plugin.wasm"), wasm()).unwrap();
    let reports = fixture::test(&sandbox(), &path).unwrap();
    assert!(reports.len() == 1 && reports[0].passed(), "{}", reports[0]);
    fs::remove_file(path.join("fixtures/settings/settings.toml")).unwrap();
    let told = fixture::test(&sandbox(), &path).unwrap_err().to_string();
    assert!(told.contains("`greeting` is missing: add it, text like \"missed\""), "{told}");
}

#[test]
fn what_is_not_as_expected_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, event: &str, actions: &str, differences: &[&str]| {
        write(folder.path(), name, &[("event.json", event), ("actions.json", actions)]);
        let fixture = fixture::Fixture::read(&folder.path().join("fixtures").join(name)).unwrap();
        assert_eq!(fixture::run(&plugin(), &fixture).differences, differences, "{name}");
    };
    let message = event("e1", "ask", "message");
    check(
        "more",
        &message,
        "{}",
        &[
            r#"actions[0]: {"cause":0,"kind":"message","options":{},"text":"hello","to":["person:ann"]} was not expected"#,
        ],
    );
    let other = r#"{"actions":[{"kind":"message","to":["person:bob"],"text":"hello"}]}"#;
    check("other", &message, other, &[r#"actions[0].to[0]: expected "person:bob", got "person:ann""#]);
    // Whose answer depends on variables is no plugin to rely on.
    let seen = event("e1", "seen", "");
    check(
        "variables",
        &seen,
        r#"{"handled":[{"failed":"1"}]}"#,
        &[r#"the second time: handled[0].failed: expected "1", got "2""#],
    );
    let error = fixture::read(folder.path().join("nowhere").as_path()).unwrap_err().to_string();
    assert!(error.contains("nowhere/fixtures: No such file"), "{error}");
    write(folder.path(), "broken", &[("event.json", "{"), ("actions.json", "{}")]);
    let error = fixture::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("broken/event.json: "), "{error}");
}
