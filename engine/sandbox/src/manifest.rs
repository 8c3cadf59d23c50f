//! `plugin.toml`: what a plugin is, what it hears, asks for and may be set to. What is not understood is refused by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use calls::event::{About, Call, Event, KINDS};
use serde::Deserialize;

use crate::grants::Grants;
use crate::limits::Limits;
use crate::load_error::{LoadError, LoadErrorKind};

/// What `plugin.toml` says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, also that of its folder: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One line for people.
    pub about: String,
    /// What `ringback plugin build` builds it with.
    pub language: Language,
    /// Which events it gets.
    pub hears: Hears,
    /// What it asks for.
    #[serde(default)]
    pub grants: Grants,
    /// How much it may use.
    #[serde(default)]
    pub limits: Limits,
    /// What can be set.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
}

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    Javascript,
    /// TypeScript.
    Typescript,
    /// Python.
    Python,
    /// It comes as a component.
    None,
}

/// Which events a plugin gets: a list is any of its words, and every key that is there has to hold.
/// All but `events` asks about the call; an event that is not about a call passes by its kind alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hears {
    /// Kinds of events.
    pub events: Vec<String>,
    /// Directions of the call.
    pub direction: Option<Vec<String>>,
    /// Outcomes.
    pub outcome: Option<Vec<String>>,
    /// Reasons; a call without one has none of them.
    pub reason: Option<Vec<String>>,
    /// Groups.
    pub group: Option<Vec<String>>,
    /// Queues.
    pub queue: Option<Vec<String>>,
    /// Who owes the return.
    pub owner: Option<Vec<String>>,
    /// Numbers of ours that were dialed.
    pub did: Option<Vec<String>>,
    /// Callers who hung up almost at once, or the others.
    pub short: Option<bool>,
    /// Calls out of hours, or the others.
    pub out_of_hours: Option<bool>,
}

/// Something that can be set, under `[plugin.NAME.settings]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Of which type.
    #[serde(rename = "type")]
    pub of: SettingType,
    /// Where nothing is set; without it, something has to be.
    pub default: Option<toml::Value>,
    /// The smallest that is allowed, of numbers.
    pub min: Option<f64>,
    /// The largest that is allowed, of numbers.
    pub max: Option<f64>,
    /// One line for people.
    #[serde(default)]
    pub help: String,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingType {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text.
    Text,
    /// true or false.
    Boolean,
    /// A list of texts.
    List,
}

impl Hears {
    /// This event is for the plugin.
    #[must_use]
    pub fn hears(&self, event: &Event) -> bool {
        if !self.events.contains(&event.kind) {
            return false;
        }
        match &event.about {
            About::Call(call) => self.wants(call),
            About::Missed(missed) => self.wants(&missed.call),
            _ => true,
        }
    }

    fn wants(&self, call: &Call) -> bool {
        let one = |words: &Option<Vec<String>>, word: &str| words.as_ref().is_none_or(|w| w.iter().any(|w| w == word));
        let known = |words: &Option<Vec<String>>, word: &Option<String>| {
            words.as_ref().is_none_or(|w| word.as_ref().is_some_and(|word| w.contains(word)))
        };
        one(&self.direction, &call.direction)
            && one(&self.outcome, &call.outcome)
            && known(&self.reason, &call.reason)
            && known(&self.group, &call.group)
            && known(&self.queue, &call.queue)
            && known(&self.owner, &call.owner)
            && known(&self.did, &call.did)
            && self.short.is_none_or(|short| short == call.short)
            && self.out_of_hours.is_none_or(|out| out == call.out_of_hours)
    }
}

impl Manifest {
    /// Reads the text of `plugin.toml`.
    ///
    /// # Errors
    /// What is not understood, on which line, and what would have worked.
    pub fn read(text: &str) -> Result<Manifest, LoadError> {
        let wrong = |text: String| LoadError::new(LoadErrorKind::Manifest, text);
        let manifest: Manifest = toml::from_str(text).map_err(|error| wrong(format!("plugin.toml: {error}")))?;
        let name = &manifest.name;
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !is_name(name) {
            return Err(wrong(format!("plugin.toml: name = {name:?}: write it like \"call_back\": a-z, 0-9 and _")));
        }
        let place = format!("plugins/{name}/plugin.toml");
        if manifest.hears.events.is_empty() {
            return Err(wrong(format!("{place}: it hears nothing: list kinds of events in `events` under [hears]")));
        }
        if let Some(kind) = manifest.hears.events.iter().find(|kind| KINDS.iter().all(|(known, _)| known != kind)) {
            let known = KINDS.map(|(known, _)| known).join(", ");
            return Err(wrong(format!("{place}: events = [{kind:?}] under [hears]: this engine tells {known}")));
        }
        manifest.grants.check().map_err(|why| wrong(format!("{place}: [grants]: {why}")))?;
        for (key, setting) in &manifest.settings {
            if !is_name(key) {
                return Err(wrong(format!(
                    "{place}: [settings.{key}]: write it like \"max_attempts\": a-z, 0-9 and _"
                )));
            }
            if let Some(default) = &setting.default {
                setting.check(default).map_err(|why| wrong(format!("{place}: [settings.{key}] default: {why}")))?;
            }
        }
        Ok(manifest)
    }

    /// The settings as the plugin sees them, in JSON: what is told, and the defaults of the rest.
    pub(crate) fn settings(&self, told: &toml::Table) -> Result<String, LoadError> {
        let wrong = |text: String| LoadError::new(LoadErrorKind::Settings, text);
        let place = format!("[plugin.{}.settings] in engine.toml", self.name);
        if let Some(key) = told.keys().find(|key| !self.settings.contains_key(*key)) {
            let mut known = self.settings.keys().fold(String::new(), |mut known, key| {
                let _ = write!(known, ", {key}");
                known
            });
            known = if known.is_empty() { "nothing".to_owned() } else { known.split_off(2) };
            return Err(wrong(format!("{place}: `{key}` is no setting of this plugin: it has {known}")));
        }
        let mut all = serde_json::Map::new();
        for (key, setting) in &self.settings {
            let Some(value) = told.get(key).or(setting.default.as_ref()) else {
                let help = if setting.help.is_empty() { String::new() } else { format!(" ({})", setting.help) };
                return Err(wrong(format!("{place}: `{key}` is missing{help}: add it, {}", setting.of.expected())));
            };
            let value = setting.check(value).map_err(|why| wrong(format!("{place}: {key}: {why}")))?;
            all.insert(key.clone(), value);
        }
        Ok(serde_json::Value::Object(all).to_string())
    }
}

impl Setting {
    /// The value in JSON, if it is of this type and within its limits.
    fn check(&self, value: &toml::Value) -> Result<serde_json::Value, String> {
        use serde_json::Value;
        let of_type = match (self.of, value) {
            (SettingType::Integer, toml::Value::Integer(number)) => Some(Value::from(*number)),
            (SettingType::Number, toml::Value::Integer(number)) => Some(Value::from(*number)),
            (SettingType::Number, toml::Value::Float(number)) => serde_json::Number::from_f64(*number).map(Value::from),
            (SettingType::Text, toml::Value::String(text)) => Some(Value::from(text.as_str())),
            (SettingType::Boolean, toml::Value::Boolean(is)) => Some(Value::from(*is)),
            (SettingType::List, toml::Value::Array(list)) => {
                list.iter().map(|entry| entry.as_str().map(Value::from)).collect::<Option<Vec<_>>>().map(Value::from)
            }
            _ => None,
        };
        let of_type = of_type.ok_or_else(|| format!("{value} is not understood: write {}", self.of.expected()))?;
        if let Some(number) = of_type.as_f64()
            && (self.min.is_some_and(|min| number < min) || self.max.is_some_and(|max| number > max))
        {
            let bound = |name, bound: Option<f64>| bound.map(|b| format!(" {name} {b}")).unwrap_or_default();
            return Err(format!(
                "{number} is out of bounds: write{}{}",
                bound("at least", self.min),
                bound("at most", self.max)
            ));
        }
        Ok(of_type)
    }
}

impl SettingType {
    fn expected(self) -> &'static str {
        match self {
            SettingType::Integer => "a whole number like 3",
            SettingType::Number => "a number like 2.5",
            SettingType::Text => "text like \"missed\"",
            SettingType::Boolean => "true or false",
            SettingType::List => "a list of texts like [\"person\", \"head\"]",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calls::event::Time;

    const MANIFEST: &str = r#"
        name = "call_back"
        version = "1.0.0"
        about = "Calls missed customers back."
        language = "rust"
        [hears]
        events = ["call-missed", "timer-due"]
        group = ["sales", "service"]
        out_of_hours = false
        [settings.max_attempts]
        type = "integer"
        default = 3
        min = 1
        max = 10
        help = "Stop calling back after so many attempts."
        [settings.to]
        type = "list"
    "#;

    fn settings(told: &str) -> Result<String, String> {
        let told: toml::Table = told.parse().unwrap();
        Manifest::read(MANIFEST).unwrap().settings(&told).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_are_checked_and_filled_with_defaults() {
        assert_eq!(settings("to = [\"a\"]"), Ok("{\"max_attempts\":3,\"to\":[\"a\"]}".to_owned()));
        for (told, why) in [
            ("", "`to` is missing: add it, a list of texts like [\"person\", \"head\"]"),
            ("to = [1]", "to: [1] is not understood: write a list of texts like [\"person\", \"head\"]"),
            ("to = []\nmax_attempts = \"3\"", "max_attempts: \"3\" is not understood: write a whole number like 3"),
            ("to = []\nmax_attempts = 11", "max_attempts: 11 is out of bounds: write at least 1 at most 10"),
            ("to = []\nattempts = 1", "`attempts` is no setting of this plugin: it has max_attempts, to"),
        ] {
            assert_eq!(settings(told), Err(format!("[plugin.call_back.settings] in engine.toml: {why}")), "{told}");
        }
    }

    #[test]
    fn a_manifest_says_what_is_wrong() {
        for (from, to, why) in [
            ("version", "versions", "unknown field `versions`"),
            ("\"call_back\"", "\"Call-back\"", "write it like \"call_back\": a-z, 0-9 and _"),
            (
                "\"call-missed\"",
                "\"call-mised\"",
                "events = [\"call-mised\"] under [hears]: this engine tells call-ended",
            ),
            ("\"rust\"", "\"cobol\"", "unknown variant `cobol`"),
            ("default = 3", "default = 30", "[settings.max_attempts] default: 30 is out of bounds"),
            ("type = \"list\"", "type = \"array\"", "unknown variant `array`"),
        ] {
            let error = Manifest::read(&MANIFEST.replace(from, to)).unwrap_err();
            assert_eq!(error.kind, LoadErrorKind::Manifest, "{to}");
            assert!(error.to_string().contains(why), "{to}: {error}");
        }
    }

    #[test]
    fn filters_are_any_of_a_list_and_all_of_the_keys() {
        let hears = Manifest::read(MANIFEST).unwrap().hears;
        let event = |kind: &str, group: Option<&str>, out_of_hours| Event {
            id: "e".into(),
            kind: kind.into(),
            at: Time(0),
            now: Time(0),
            tenant: "acme".into(),
            about: About::Call(Box::new(Call { group: group.map(Into::into), out_of_hours, ..Call::default() })),
            offers: Vec::new(),
        };
        for (heard, kind, group, out_of_hours) in [
            (true, "call-missed", Some("sales"), false),
            (true, "call-missed", Some("service"), false),
            (false, "call-missed", Some("stock"), false),
            (false, "call-missed", None, false),
            (false, "call-missed", Some("sales"), true),
            (false, "call-ended", Some("sales"), false),
        ] {
            assert_eq!(hears.hears(&event(kind, group, out_of_hours)), heard, "{kind} {group:?} {out_of_hours}");
        }
        let mut due = event("timer-due", None, true);
        due.about = About::Json("{}".into());
        assert!(hears.hears(&due), "what is not about a call passes by its kind");
    }
}
