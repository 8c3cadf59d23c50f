//! The host in memory says what is wrong: an expectation that does not hold, a limit, a power that is not there.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use ringback_plugin::{Answer, Cx, Event, Failure, Plugin, fixtures};

const MANIFEST: &str = r#"
name = "tried"
version = "1.0.0"
about = "Does what the event says."
language = "rust"
[hears]
events = ["window-closed"]
[grants]
tag = true
[limits]
actions_max = 2
state_kb = 1
[settings.word]
type = "text"
default = "first"
"#;

/// Does what the kind of thing in its JSON says.
#[derive(Default)]
struct Tried;

#[derive(serde::Deserialize)]
struct Settings {
    word: String,
}

impl Plugin for Tried {
    fn other(&self, cx: &Cx, event: &Event) -> Answer {
        let ringback_plugin::About::Json(what) = &event.about else { return Ok(()) };
        match what.as_str() {
            "tag" => drop(cx.tag("c1", &cx.settings::<Settings>()?.word)?),
            "twice" => {
                let keys = (cx.tag("c1", "same")?, cx.tag("c1", "same")?);
                assert_eq!(keys.0, keys.1);
            }
            "many" => {
                for tag in ["a", "b", "c"] {
                    cx.tag("c1", tag)?;
                }
            }
            "take back" => cx.cancel(&cx.tag("c1", "first")?)?,
            "keep" => cx.state().put("key", &[0, 255])?,
            "fill" => cx.state().put("key", &[b'x'; 1024])?,
            "call back" => drop(cx.call_back("f1", &[])?),
            "wait" => return Err(Failure::Later(60)),
            "read" => drop("no number".parse::<u32>()?),
            other => return Err(Failure::failed(format!("`{other}` is nothing to do"))),
        }
        Ok(())
    }
}

/// What is wrong with one fixture whose event says to do these, one after the other in one batch.
fn told(name: &str, what: &[&str], expected: &str) -> String {
    told_with(name, what, expected, &[])
}

fn told_with(name: &str, what: &[&str], expected: &str, files: &[(&str, &str)]) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fixtures").join(name);
    let fixture = folder.join("fixtures/one");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&fixture).unwrap();
    fs::write(folder.join("plugin.toml"), MANIFEST).unwrap();
    let event = |(number, what): (usize, &&str)| {
        format!(
            r#"{{"id":"e{number}","kind":"window-closed","at":"2026-11-23T10:00:00.000Z","now":"2026-11-23T10:00:00.000Z","tenant":"acme","about":{{"json":"{what}"}}}}"#
        )
    };
    let events: Vec<String> = what.iter().enumerate().map(event).collect();
    fs::write(fixture.join("event.json"), format!("[{}]", events.join(","))).unwrap();
    fs::write(fixture.join("actions.json"), expected).unwrap();
    for (file, text) in files {
        fs::write(fixture.join(file), text).unwrap();
    }
    fixtures::check::<Tried>(&folder)
}

#[test]
fn what_holds_says_nothing() {
    let tag = r#"{"actions":[{"kind":"tag","id":"c1","tag":"first"}]}"#;
    assert_eq!(told("holds", &["tag"], tag), "");
    let named = r#"{"actions":[{"kind":"tag","id":"c1","tag":"second"}]}"#;
    assert_eq!(told_with("named", &["tag"], named, &[("settings.toml", "word = \"second\"")]), "");
    let once = r#"{"actions":[{"kind":"tag","id":"c1","tag":"same"}]}"#;
    assert_eq!(told("once", &["twice"], once), "");
    let kept = r#"{"state":{"key":{"base64":"AP8="}}}"#;
    assert_eq!(told("kept", &["keep"], kept), "");
    assert_eq!(
        told_with(
            "kept_before",
            &["wait"],
            r#"{"handled":[{"later":60}],"state":{"key":{"base64":"AP8="}}}"#,
            &[("state.json", r#"{"key":{"base64":"AP8="}}"#)]
        ),
        ""
    );
}

#[test]
fn what_does_not_hold_is_told_line_by_line() {
    let told = told("wrong", &["tag"], r#"{"actions":[{"kind":"tag","id":"c1","tag":"other"}]}"#);
    let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("  -") || line.starts_with("  +")).collect();
    assert_eq!(lines, ["  -       \"tag\": \"other\"", "  +       \"tag\": \"first\""], "{told}");
}

/// A batch in which one event is not done is repeated event by event, and only what was done is kept.
#[test]
fn only_what_was_done_is_kept() {
    let expected = r#"{
        "handled": ["done", {"later": 60}, {"failed": "invalid digit found in string"}, {"failed": "`x` is nothing to do"}],
        "actions": [{"kind": "tag", "id": "c1", "tag": "first"}]
    }"#;
    assert_eq!(told("batch", &["tag", "wait", "read", "x"], expected), "");
}

#[test]
fn what_is_not_granted_is_refused_with_the_line_to_add() {
    let text = "not granted: call_back; add \\\"call_back = true\\\" under [grants] in plugins/tried/plugin.toml";
    let expected = format!(r#"{{"handled":[{{"failed":"{text}"}}],"refused":["{text}"]}}"#);
    assert_eq!(told("manifest", &["call back"], &expected), "");
    let text = "not granted: tag; add \\\"tag = true\\\" under [plugin.tried.grants] in engine.toml";
    let expected = format!(r#"{{"handled":[{{"failed":"{text}"}}],"refused":["{text}"]}}"#);
    assert_eq!(told_with("settings", &["tag"], &expected, &[("grants.toml", "call_back = true")]), "");
}

#[test]
fn limits_stop_a_plugin() {
    let many = told("many", &["many"], "{}");
    assert!(many.contains("the plugin was stopped: more than 2 actions: raise actions_max under [limits]"), "{many}");
    let fill = told("fill", &["fill"], "{}");
    assert!(fill.contains("the plugin was stopped: a state of 1027 bytes: raise state_kb under [limits]"), "{fill}");
}

#[test]
fn what_was_asked_for_is_taken_back() {
    let told = told("back", &["take back"], r#"{"actions":[]}"#);
    assert!(told.contains("\"kind\": \"cancel\"") && !told.contains("\"kind\": \"tag\""), "{told}");
}

#[test]
fn a_file_that_is_not_understood_is_told() {
    let unknown = told_with("unknown", &["tag"], "{}", &[("settings.toml", "words = 1")]);
    assert!(unknown.contains("settings.toml: `words` is no setting of plugin.toml; there are word"), "{unknown}");
    let wrong = told_with("of_type", &["tag"], "{}", &[("settings.toml", "word = 1")]);
    assert!(wrong.contains("settings.toml: the setting word = 1: it has the type text"), "{wrong}");
    let of_kind = [(
        "event.json",
        r#"{"id":"e","kind":"call-ended","at":"2026-11-23T10:00:00.000Z","now":"2026-11-23T10:00:00.000Z","tenant":"acme","about":{"json":"x"}}"#,
    )];
    let unheard = told_with("unheard", &[], "{}", &of_kind);
    assert!(
        unheard.contains("the event e does not pass [hears] of plugin.toml: the plugin never gets it"),
        "{unheard}"
    );
}
