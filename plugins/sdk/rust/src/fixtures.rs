//! Runs a plugin's fixtures in a host in memory: no WebAssembly is needed.
//!
//! A fixture is a folder `fixtures/BEHAVIOR/` with `event.json` and what must come of it, `actions.json`.
//! `ringback plugin test` runs the same folders against the built plugin.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::event::{About, Call, Event};
use crate::host::manifest::{Granted, Grants, Manifest};
use crate::host::{self, Known, Running};
use crate::plugin::{Answer, Failure, Plugin};

/// Where this is set, what came out is written into each `actions.json` instead of being compared.
const BLESS: &str = "RINGBACK_BLESS";

/// Runs every folder of `fixtures/` beside the crate's manifest, each twice, and compares whole values.
///
/// What a plugin logs is printed, so that `cargo test` shows it where something is wrong.
///
/// # Panics
/// If there is no fixture, if one cannot be read, or if something else comes out than its `actions.json` says.
#[track_caller]
pub fn run<P: Plugin>() {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let told = check::<P>(&folder);
    assert!(told.is_empty(), "{told}");
}

/// Runs every folder of `fixtures/` of a plugin's folder; what is wrong comes out as text, nothing if all is well.
#[must_use]
pub fn check<P: Plugin>(folder: &Path) -> String {
    let mut told = String::new();
    let (manifest, fixtures) = match open(folder) {
        Ok(opened) => opened,
        Err(error) => return error,
    };
    for fixture in fixtures {
        let once = Fixture::read(&fixture, &manifest).and_then(|fixture| fixture.run::<P>(&manifest));
        let again = Fixture::read(&fixture, &manifest).and_then(|fixture| fixture.run::<P>(&manifest));
        let compared = match (once, again) {
            (Ok((once, _)), Ok((again, _))) if once != again => {
                Err(format!("the second time something else comes out:\n{}", difference(&once, &again)))
            }
            (once, _) => once.and_then(|(once, log)| {
                print(&fixture, &log);
                compare(&fixture, &once)
            }),
        };
        if let Err(error) = compared {
            let _ = writeln!(told, "{}: {error}", fixture.display());
        }
    }
    told
}

fn open(folder: &Path) -> Result<(Manifest, Vec<PathBuf>), String> {
    let path = folder.join("plugin.toml");
    let manifest = Manifest::read(&text(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let fixtures = folder.join("fixtures");
    let entries = fs::read_dir(&fixtures).map_err(|error| format!("{}: {error}", fixtures.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    if folders.is_empty() {
        return Err(format!("{}: no fixture: make a folder with event.json and actions.json", fixtures.display()));
    }
    Ok((manifest, folders))
}

/// One behavior.
struct Fixture {
    events: Vec<Event>,
    settings: String,
    state: BTreeMap<String, Vec<u8>>,
    directory: Known,
    allowed: Grants,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Text(String),
    Bytes { base64: String },
}

impl Fixture {
    fn read(folder: &Path, manifest: &Manifest) -> Result<Fixture, String> {
        let events = json_file::<Value>(&folder.join("event.json"))?
            .ok_or("event.json is missing: one event, or a list of events that come together")?;
        // Told one by one, an error names the field that is wrong.
        let one = |event: &Value| serde_json::from_value(event.clone()).map_err(|error| format!("event.json: {error}"));
        let events = match &events {
            Value::Array(many) => many.iter().map(one).collect::<Result<Vec<Event>, String>>()?,
            event => vec![one(event)?],
        };
        let given = toml_file(&folder.join("settings.toml"))?.unwrap_or_default();
        let settings = manifest.settings(&given).map_err(|error| format!("settings.toml: {error}"))?;
        let state: BTreeMap<String, Kept> = json_file(&folder.join("state.json"))?.unwrap_or_default();
        let state = state.into_iter().map(|(key, kept)| Some((key, kept.bytes()?))).collect::<Option<_>>();
        let state = state.ok_or("state.json: what stands under base64 is none")?;
        let directory = json_file(&folder.join("directory.json"))?.unwrap_or_default();
        let allowed = toml_file(&folder.join("grants.toml"))?.unwrap_or_else(|| manifest.grants.clone());
        Ok(Fixture { events, settings, state, directory, allowed })
    }

    /// As the real host does: all at once, and one by one if any of them was not done.
    fn run<P: Plugin>(mut self, manifest: &Manifest) -> Result<(Value, Vec<String>), String> {
        if let Some(event) = self.events.iter().find(|event| !hears(manifest, event)) {
            return Err(format!(
                "the event {} does not pass [hears] of plugin.toml: the plugin never gets it",
                event.id
            ));
        }
        let mut outcome = Outcome::default();
        let together = self.call::<P>(manifest, self.events.clone())?;
        if together.1.iter().all(Result::is_ok) {
            outcome.add(0, &mut self.state, together);
        } else {
            for (cause, event) in (0..).zip(self.events.clone()) {
                let alone = self.call::<P>(manifest, vec![event])?;
                outcome.add(cause, &mut self.state, alone);
            }
        }
        let log = std::mem::take(&mut outcome.log);
        Ok((outcome.json(&self.state), log))
    }

    fn call<P: Plugin>(&self, manifest: &Manifest, events: Vec<Event>) -> Result<(Running, Vec<Answer>), String> {
        let plugin = manifest.name.clone();
        let running = Running {
            events,
            settings: self.settings.clone(),
            granted: Granted { plugin, asked: manifest.grants.clone(), allowed: self.allowed.clone() },
            limits: manifest.limits.clone(),
            directory: self.directory.clone(),
            state: self.state.clone(),
            asked: Vec::new(),
            refused: Vec::new(),
            log: Vec::new(),
        };
        let (running, answers) = host::run::<P>(running);
        Ok((running, answers.map_err(|why| format!("the plugin was stopped: {why}"))?))
    }
}

/// What came of a fixture.
#[derive(Default)]
struct Outcome {
    handled: Vec<Value>,
    actions: Vec<Value>,
    refused: Vec<String>,
    log: Vec<String>,
}

impl Outcome {
    /// What was asked for and put into the state is kept if all of the call's events are done.
    fn add(&mut self, first: u32, state: &mut BTreeMap<String, Vec<u8>>, (running, answers): (Running, Vec<Answer>)) {
        let is_kept = answers.iter().all(Result::is_ok);
        self.handled.extend(answers.into_iter().map(|answer| match answer {
            Ok(()) => json!("done"),
            Err(Failure::Later(after_s)) => json!({ "later": after_s }),
            Err(Failure::Failed(why)) => json!({ "failed": why }),
        }));
        self.refused.extend(running.refused);
        self.log.extend(running.log);
        if !is_kept {
            return;
        }
        *state = running.state;
        let mut asked = running.asked;
        asked.sort_by_key(|asked| asked.cause);
        self.actions.extend(asked.into_iter().map(|asked| {
            let mut fields = Map::new();
            fields.insert("cause".to_owned(), json!(first + asked.cause));
            fields.insert("kind".to_owned(), json!(asked.kind));
            fields.extend(asked.body.as_object().cloned().unwrap_or_default());
            Value::Object(fields)
        }));
    }

    fn json(self, state: &BTreeMap<String, Vec<u8>>) -> Value {
        let mut told = Map::new();
        told.insert("handled".to_owned(), json!(self.handled));
        told.insert("actions".to_owned(), json!(self.actions));
        if !self.refused.is_empty() {
            told.insert("refused".to_owned(), json!(self.refused));
        }
        if !state.is_empty() {
            let value = |bytes: &Vec<u8>| match std::str::from_utf8(bytes) {
                Ok(text) => json!(text),
                Err(_) => json!({ "base64": encode(bytes) }),
            };
            let state: Map<String, Value> = state.iter().map(|(key, bytes)| (key.clone(), value(bytes))).collect();
            told.insert("state".to_owned(), Value::Object(state));
        }
        Value::Object(told)
    }
}

/// Lists are "any of", keys are "and"; what is said of the call holds for events about one.
fn hears(manifest: &Manifest, event: &Event) -> bool {
    let hears = &manifest.hears;
    let any = |list: &[String], value: Option<&str>| {
        list.is_empty() || value.is_some_and(|value| list.iter().any(|listed| listed == value))
    };
    let of_call = |call: &Call| {
        any(&hears.direction, Some(call.direction.as_str()))
            && any(&hears.outcome, Some(call.outcome.as_str()))
            && any(&hears.reason, call.reason.as_ref().map(|reason| reason.as_str()))
            && any(&hears.group, call.group.as_deref())
            && any(&hears.queue, call.queue.as_deref())
            && any(&hears.owner, call.owner.as_deref())
            && any(&hears.did, call.did.as_deref())
            && hears.short.is_none_or(|short| short == call.short)
            && hears.out_of_hours.is_none_or(|out_of_hours| out_of_hours == call.out_of_hours)
    };
    let is_of_kind = hears.events.iter().any(|kind| kind == event.kind.as_str());
    is_of_kind
        && match &event.about {
            About::Call(call) => of_call(call),
            About::Missed(missed) => of_call(&missed.call),
            _ => true,
        }
}

#[allow(clippy::print_stdout)]
fn print(fixture: &Path, log: &[String]) {
    let name = fixture.file_name().unwrap_or_default().display();
    log.iter().for_each(|line| println!("{name}: {line}"));
}

fn compare(fixture: &Path, actual: &Value) -> Result<(), String> {
    let path = fixture.join("actions.json");
    if std::env::var_os(BLESS).is_some() {
        return fs::write(&path, format!("{actual:#}\n")).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = json_file::<Value>(&path)?
        .ok_or_else(|| format!("actions.json is missing; this came out (with {BLESS}=1 it is written):\n{actual:#}"))?;
    let handled = actual.get("handled").and_then(Value::as_array).map_or(0, Vec::len);
    let expected = whole(expected, handled);
    if &expected == actual {
        return Ok(());
    }
    Err(format!("something else came out (- expected, + came out):\n{}", difference(&expected, actual)))
}

/// What may be left out of `actions.json` is said.
fn whole(mut expected: Value, handled: usize) -> Value {
    let Some(fields) = expected.as_object_mut() else { return expected };
    fields.entry("handled").or_insert_with(|| json!(vec!["done"; handled]));
    fields.entry("actions").or_insert_with(|| json!([]));
    fields.retain(|name, value| !(["state", "refused"].contains(&name.as_str()) && is_empty(value)));
    let actions = fields.get_mut("actions").and_then(Value::as_array_mut);
    for action in actions.into_iter().flatten().filter_map(Value::as_object_mut) {
        action.entry("cause").or_insert_with(|| json!(0));
        let kind = action.get("kind").and_then(Value::as_str).unwrap_or_default();
        if ["call_back", "email", "message", "webhook"].contains(&kind) {
            action.entry("options").or_insert_with(|| json!({}));
        }
    }
    expected
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// The lines of both, with what only one of them has.
fn difference(expected: &Value, actual: &Value) -> String {
    let (expected, actual) = (format!("{expected:#}"), format!("{actual:#}"));
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    // Of every two rests: how many lines they have in common, in order.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let longer = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut told) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (mark, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        let _ = writeln!(told, "  {mark} {line}");
    }
    told
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// `None` if there is no such file.
fn json_file<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    if !path.exists() {
        return Ok(None);
    }
    serde_json::from_str(&text(path)?).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

/// `None` if there is no such file.
fn toml_file<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    if !path.exists() {
        return Ok(None);
    }
    toml::from_str(&text(path)?).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Kept {
    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Kept::Text(text) => Some(text.into_bytes()),
            Kept::Bytes { base64 } => decode(&base64),
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | part.get(at).map_or(0, |byte| usize::from(*byte)));
        for at in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * at) & 63]);
            text.push(if at > part.len() { '=' } else { digit });
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0);
    for digit in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | DIGITS.iter().position(|known| *known == digit)?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 255).ok()?);
        }
    }
    Some(bytes)
}
