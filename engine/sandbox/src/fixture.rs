//! A plugin's fixtures: an event, what is known and stored, and what has to come of it. Each is run twice in one instance and once in
//! a fresh one: a plugin whose answer depends on its variables is found.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use calls::event::{Event, Pairs, Time};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::engine::Sandbox;
use crate::handling::{Handled, Handling, Level};
use crate::plugin::Plugin;
use crate::world::{Person, Unavailable, World};

/// Names of the runs, as differences tell them.
const RUNS: [&str; 3] = ["", "the second time: ", "in a fresh instance: "];

/// One folder of `plugins/NAME/fixtures`.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The folder's name: a behavior.
    pub name: String,
    events: Arc<[Event]>,
    settings: toml::Table,
    grants: Option<toml::Table>,
    state: BTreeMap<String, Vec<u8>>,
    directory: DirectoryFile,
    expected: Value,
}

/// What came of a fixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The fixture's name.
    pub name: String,
    /// Where it is not as expected; empty: it passed.
    pub differences: Vec<String>,
    /// What came out, as `actions.json` has it.
    pub actual: Value,
    /// The most CPU that an event took, in microseconds.
    pub cpu_us: u64,
    /// What it may take, in microseconds.
    pub cpu_us_max: u64,
    /// The most memory that it had, in bytes.
    pub memory_bytes: usize,
    /// What it may have, in bytes.
    pub memory_bytes_max: usize,
    /// What it logged the first time.
    pub log: Vec<(Level, String)>,
}

/// A fixture that cannot be read: its text says which file, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureError(String);

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FixtureError {}

impl Report {
    /// It did what was expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed() { "ok" } else { "FAILED" };
        write!(
            f,
            "{word:6} {}: {} of {} µs CPU, {} of {} KiB memory",
            self.name,
            self.cpu_us,
            self.cpu_us_max,
            self.memory_bytes / 1_024,
            self.memory_bytes_max / 1_024
        )?;
        for difference in &self.differences {
            write!(f, "\n       {difference}")?;
        }
        Ok(())
    }
}

/// Loads the plugin of a folder and runs all of its fixtures, in the order of their names. A setting without a default is taken from
/// the fixtures: each of them has to tell it.
///
/// # Errors
/// What of the plugin or of a fixture is missing or not understood.
pub fn test(sandbox: &Sandbox, plugin: &Path) -> Result<Vec<Report>, FixtureError> {
    let fixtures = read(plugin)?;
    let settings = fixtures.first().map(|fixture| fixture.settings.clone()).unwrap_or_default();
    let loaded = sandbox.load(plugin, &settings, &toml::Table::new());
    let loaded = loaded.map_err(|error| FixtureError(error.to_string()))?;
    Ok(fixtures.iter().map(|fixture| run(&loaded, fixture)).collect())
}

/// All fixtures of a plugin's folder, in the order of their names.
///
/// # Errors
/// Which file is missing or not understood.
pub fn read(plugin: &Path) -> Result<Vec<Fixture>, FixtureError> {
    let folder = plugin.join("fixtures");
    let wrong = |error: std::io::Error| FixtureError(format!("{}: {error}", folder.display()));
    let mut folders = Vec::new();
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        return Err(FixtureError(format!("{}: there is no fixture in it", folder.display())));
    }
    folders.iter().map(|folder| Fixture::read(folder)).collect()
}

impl Fixture {
    /// Reads one folder.
    ///
    /// # Errors
    /// Which file is missing or not understood.
    pub fn read(folder: &Path) -> Result<Fixture, FixtureError> {
        let events: OneOrMore = required(folder, "event.json")?;
        let events: Arc<[Event]> = match events {
            OneOrMore::One(event) => vec![*event].into(),
            OneOrMore::More(events) => events.into(),
        };
        let state: BTreeMap<String, StateValue> = optional(folder, "state.json")?.unwrap_or_default();
        let state = state.into_iter().map(|(key, value)| value.bytes(folder).map(|value| (key, value)));
        Ok(Fixture {
            name: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            settings: table(folder, "settings.toml")?.unwrap_or_default(),
            grants: table(folder, "grants.toml")?,
            state: state.collect::<Result<_, _>>()?,
            directory: optional(folder, "directory.json")?.unwrap_or_default(),
            expected: expected(required(folder, "actions.json")?, events.len()),
            events,
        })
    }
}

/// Runs a fixture through a plugin, with the fixture's own settings and grants.
#[must_use]
pub fn run(plugin: &Plugin, fixture: &Fixture) -> Report {
    let limits = &plugin.manifest().limits;
    let mut report = Report {
        name: fixture.name.clone(),
        differences: Vec::new(),
        actual: Value::Null,
        cpu_us: 0,
        cpu_us_max: limits.event_us(),
        memory_bytes: 0,
        memory_bytes_max: limits.memory_bytes(),
        log: Vec::new(),
    };
    let everything = toml::Table::try_from(&plugin.manifest().grants).unwrap_or_default();
    let mut plugin = match plugin.with_settings(&fixture.settings, fixture.grants.as_ref().unwrap_or(&everything)) {
        Ok(plugin) => plugin,
        Err(error) => {
            report.differences.push(error.to_string());
            return report;
        }
    };
    let world: Arc<dyn World> =
        Arc::new(FixtureWorld { state: fixture.state.clone(), directory: fixture.directory.clone() });
    for (number, run) in RUNS.into_iter().enumerate() {
        if number == 2 {
            plugin.restart();
        }
        let handlings = plugin.handle(&fixture.events, &world);
        let actual = actual(&handlings, &fixture.state);
        let mut differences = Vec::new();
        compare("", &fixture.expected, &actual, &mut differences);
        report.differences.extend(differences.into_iter().map(|difference| format!("{run}{difference}")));
        report.cpu_us = handlings.iter().map(|handling| handling.cpu_us).fold(report.cpu_us, u64::max);
        report.memory_bytes =
            handlings.iter().map(|handling| handling.memory_bytes).fold(report.memory_bytes, usize::max);
        if number == 0 {
            report.actual = actual;
            report.log = handlings.into_iter().flat_map(|handling| handling.log).collect();
        }
        // The first run says it all.
        if !report.passed() {
            break;
        }
    }
    report
}

/// As `actions.json` has it.
fn actual(handlings: &[Handling], before: &BTreeMap<String, Vec<u8>>) -> Value {
    let handled: Vec<Value> = handlings
        .iter()
        .map(|handling| match &handling.handled {
            Handled::Done => json!("done"),
            Handled::Later { after_s } => json!({ "later": after_s }),
            Handled::Failed { why } => json!({ "failed": why }),
            Handled::Fault { kind, why } => json!({ "fault": format!("{}: {why}", kind.as_str()) }),
            Handled::NotRun => json!("not_run"),
        })
        .collect();
    let mut actions = Vec::new();
    let mut refused: Vec<Value> = Vec::new();
    let mut state = before.clone();
    for (cause, handling) in handlings.iter().enumerate() {
        for asked in &handling.asked {
            let mut action =
                Map::from_iter([("cause".to_owned(), json!(cause)), ("kind".to_owned(), json!(asked.action.kind()))]);
            if let Value::Object(body) = asked.action.body() {
                action.extend(body);
            }
            actions.push(Value::Object(action));
        }
        refused.extend(handling.refused.iter().map(|text| json!(text)));
        for (key, value) in &handling.state {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
    }
    let state = state.into_iter().map(|(key, value)| (key, state_value(value)));
    whole(handled.into(), actions.into(), state.collect::<Map<_, _>>().into(), refused.into())
}

/// What is left out in a file is said: so whole values can be compared.
fn expected(mut file: Value, events: usize) -> Value {
    let mut take = |key: &str, otherwise: Value| match file.get_mut(key) {
        Some(value) => value.take(),
        None => otherwise,
    };
    let handled = take("handled", vec![json!("done"); events].into());
    let mut actions = take("actions", json!([]));
    for action in actions.as_array_mut().into_iter().flatten() {
        let kind = action.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(fields) = action.as_object_mut() else { continue };
        fields.entry("cause").or_insert(json!(0));
        if ["call_back", "email", "message", "webhook"].contains(&kind.as_str()) {
            fields.entry("options").or_insert(json!({}));
        }
        if let Some(at) = fields.get("at").and_then(Value::as_u64) {
            fields.insert("at".to_owned(), json!(Time(at)));
        }
    }
    whole(handled, actions, take("state", json!({})), take("refused", json!([])))
}

fn whole(handled: Value, actions: Value, state: Value, refused: Value) -> Value {
    let mut whole = Map::from_iter([("handled".to_owned(), handled), ("actions".to_owned(), actions)]);
    for (key, value) in [("state", state), ("refused", refused)] {
        let is_empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            whole.insert(key.to_owned(), value);
        }
    }
    whole.into()
}

/// Where two values differ, each with the way to it.
fn compare(path: &str, expected: &Value, actual: &Value, differences: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            let dot = if path.is_empty() { "" } else { "." };
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                let path = format!("{path}{dot}{key}");
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(&path, left, right, differences),
                    (Some(left), None) => differences.push(format!("{path}: {left} is missing")),
                    (None, Some(right)) => differences.push(format!("{path}: {right} was not expected")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for at in 0..left.len().max(right.len()) {
                let path = format!("{path}[{at}]");
                match (left.get(at), right.get(at)) {
                    (Some(left), Some(right)) => compare(&path, left, right, differences),
                    (Some(left), None) => differences.push(format!("{path}: {left} is missing")),
                    (None, Some(right)) => differences.push(format!("{path}: {right} was not expected")),
                    (None, None) => {}
                }
            }
        }
        _ if expected == actual => {}
        _ => differences.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Box<Event>),
    More(Vec<Event>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StateValue {
    Text(String),
    Bytes { base64: String },
}

impl StateValue {
    fn bytes(self, folder: &Path) -> Result<Vec<u8>, FixtureError> {
        match self {
            StateValue::Text(text) => Ok(text.into_bytes()),
            StateValue::Bytes { base64 } => BASE64.decode(&base64).map_err(|error| {
                FixtureError(format!("{}: {base64:?} is no base64: {error}", folder.join("state.json").display()))
            }),
        }
    }
}

fn state_value(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => json!({ "base64": BASE64.encode(error.as_bytes()) }),
    }
}

fn required<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T, FixtureError> {
    optional(folder, name)?.ok_or_else(|| FixtureError(format!("{}: it is missing", folder.join(name).display())))
}

fn optional<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, FixtureError> {
    let Some(text) = file(folder, name)? else { return Ok(None) };
    let read = serde_json::from_str(&text);
    read.map(Some).map_err(|error| FixtureError(format!("{}: {error}", folder.join(name).display())))
}

fn table(folder: &Path, name: &str) -> Result<Option<toml::Table>, FixtureError> {
    let Some(text) = file(folder, name)? else { return Ok(None) };
    let read = text.parse();
    read.map(Some).map_err(|error: toml::de::Error| FixtureError(format!("{}: {error}", folder.join(name).display())))
}

fn file(folder: &Path, name: &str) -> Result<Option<String>, FixtureError> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FixtureError(format!("{}: {error}", path.display()))),
    }
}

/// `directory.json`: what is known of people and hours, whatever the moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DirectoryFile {
    people: Vec<PersonFile>,
    groups: BTreeMap<String, Vec<String>>,
    open: BTreeMap<String, bool>,
    next_open: BTreeMap<String, Time>,
    default_open: bool,
}

impl Default for DirectoryFile {
    fn default() -> DirectoryFile {
        DirectoryFile {
            people: Vec::new(),
            groups: BTreeMap::new(),
            open: BTreeMap::new(),
            next_open: BTreeMap::new(),
            default_open: true,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonFile {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    extensions: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    head: Option<String>,
    #[serde(default = "unknown")]
    presence: String,
    #[serde(default)]
    facts: Pairs,
}

fn unknown() -> String {
    "unknown".to_owned()
}

struct FixtureWorld {
    state: BTreeMap<String, Vec<u8>>,
    directory: DirectoryFile,
}

impl World for FixtureWorld {
    fn raw(&self, _event: &Event) -> Result<Vec<Pairs>, Unavailable> {
        Ok(Vec::new())
    }

    fn get_person(&self, _event: &Event, id: &str) -> Result<Option<Person>, Unavailable> {
        let found = self.directory.people.iter().find(|person| person.id == id).cloned();
        Ok(found.map(|person| Person {
            id: person.id,
            name: person.name,
            extensions: person.extensions,
            groups: person.groups,
            head: person.head,
            presence: person.presence,
            facts: person.facts,
        }))
    }

    fn members(&self, _event: &Event, group: &str) -> Result<Option<Vec<String>>, Unavailable> {
        Ok(self.directory.groups.get(group).cloned())
    }

    fn is_open(&self, _event: &Event, who: &str, _at: i64) -> Result<Option<bool>, Unavailable> {
        Ok(Some(self.directory.open.get(who).copied().unwrap_or(self.directory.default_open)))
    }

    fn next_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<i64>, Unavailable> {
        if let Some(next) = self.directory.next_open.get(who) {
            return Ok(i64::try_from(next.0).ok());
        }
        Ok(self.is_open(event, who, at)?.filter(|open| *open).map(|_| at))
    }

    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.state.get(key).cloned())
    }

    fn state_keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable> {
        let is_after = |key: &&String| after.is_none_or(|after| key.as_str() > after);
        let keys = self.state.keys().filter(|key| key.starts_with(prefix)).filter(is_after);
        Ok(keys.take(max).cloned().collect())
    }

    fn state_bytes(&self) -> Result<usize, Unavailable> {
        Ok(self.state.iter().map(|(key, value)| key.len() + value.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_the_way_to_it() {
        let expected =
            expected(json!({ "actions": [{ "kind": "message", "to": ["a"], "text": "x" }], "state": { "k": "1" } }), 1);
        let actual = json!({
            "handled": ["done"],
            "actions": [{ "cause": 0, "kind": "message", "to": ["a", "b"], "text": "y", "options": {} }],
            "refused": ["no"],
        });
        let mut differences = Vec::new();
        compare("", &expected, &actual, &mut differences);
        assert_eq!(
            differences,
            [
                "actions[0].text: expected \"x\", got \"y\"",
                "actions[0].to[1]: \"b\" was not expected",
                "state: {\"k\":\"1\"} is missing",
                "refused: [\"no\"] was not expected",
            ]
        );
    }
}
