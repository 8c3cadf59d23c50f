//! `plugin.toml` as the engine reads it: what a plugin asks for, how much it may use, and its settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "about")]
    _about: String,
    #[serde(rename = "language")]
    _language: String,
    pub(crate) hears: Hears,
    #[serde(default)]
    pub(crate) grants: Grants,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    settings: BTreeMap<String, Setting>,
}

/// Lists are "any of", keys are "and"; what is left out is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hears {
    pub(crate) events: Vec<String>,
    pub(crate) direction: Vec<String>,
    pub(crate) outcome: Vec<String>,
    pub(crate) reason: Vec<String>,
    pub(crate) group: Vec<String>,
    pub(crate) queue: Vec<String>,
    pub(crate) owner: Vec<String>,
    pub(crate) did: Vec<String>,
    pub(crate) short: Option<bool>,
    pub(crate) out_of_hours: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Grants {
    pub(crate) call_back: bool,
    pub(crate) email: Vec<String>,
    pub(crate) message: Vec<String>,
    pub(crate) webhook: Vec<String>,
    pub(crate) tag: bool,
    pub(crate) settle: bool,
    pub(crate) timers: bool,
    pub(crate) directory: bool,
    pub(crate) numbers: bool,
    pub(crate) raw: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    #[serde(rename = "memory_mb")]
    _memory_mb: u32,
    #[serde(rename = "event_ms")]
    _event_ms: u32,
    pub(crate) state_kb: usize,
    pub(crate) actions_max: usize,
    pub(crate) output_kb: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { _memory_mb: 32, _event_ms: 50, state_kb: 1024, actions_max: 20, output_kb: 64 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    #[serde(rename = "type")]
    kind: Kind,
    default: Option<Value>,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default, rename = "help")]
    _help: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Integer,
    Number,
    Text,
    Boolean,
    List,
}

impl Manifest {
    pub(crate) fn read(text: &str) -> Result<Manifest, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The settings as JSON: what is given, else the defaults.
    pub(crate) fn settings(&self, given: &toml::Table) -> Result<String, String> {
        if let Some(unknown) = given.keys().find(|key| !self.settings.contains_key(*key)) {
            let known: Vec<&str> = self.settings.keys().map(String::as_str).collect();
            return Err(format!("`{unknown}` is no setting of plugin.toml; there are {}", known.join(", ")));
        }
        let mut all = Map::new();
        for (name, setting) in &self.settings {
            let value = match given.get(name) {
                Some(value) => serde_json::to_value(value).map_err(|error| error.to_string())?,
                None => setting.default.clone().ok_or_else(|| format!("`{name}` is missing: it has no default"))?,
            };
            setting.check(&value).map_err(|wanted| format!("the setting {name} = {value}: {wanted}"))?;
            all.insert(name.clone(), value);
        }
        Ok(Value::Object(all).to_string())
    }
}

impl Setting {
    fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match self.kind {
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Number => value.is_number(),
            Kind::Text => value.is_string(),
            Kind::Boolean => value.is_boolean(),
            Kind::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        };
        if !fits {
            return Err(format!("it has the type {:?}", self.kind).to_lowercase());
        }
        let Some(number) = value.as_f64() else { return Ok(()) };
        match (self.min, self.max) {
            (Some(min), _) if number < min => Err(format!("it is at least {min}")),
            (_, Some(max)) if number > max => Err(format!("it is at most {max}")),
            _ => Ok(()),
        }
    }
}

/// What a plugin asks for, and what a fixture allows; each power needs both.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) plugin: String,
    pub(crate) asked: Grants,
    pub(crate) allowed: Grants,
}

impl Granted {
    /// A power that is there or not.
    pub(crate) fn flag(&self, name: &str, of: fn(&Grants) -> bool) -> Result<(), String> {
        let lacking = self.lacking(of);
        lacking.map_or(Ok(()), |place| Err(format!("not granted: {name}; add \"{name} = true\" under {place}")))
    }

    /// An e-mail or a message to somebody.
    pub(crate) fn recipient(&self, name: &str, to: &str, of: fn(&Grants) -> &Vec<String>) -> Result<(), String> {
        let entry = match (to.split_once(':'), to.rsplit_once('@')) {
            (Some((kind @ ("person" | "head" | "group"), _)), _) => kind.to_owned(),
            (_, Some((_, domain))) => format!("@{}", domain.to_ascii_lowercase()),
            _ => {
                return Err(format!(
                    "`{to}` is nobody: write person:ID, head:person:ID, head:group:ID, group:ID or an address"
                ));
            }
        };
        self.entry(&format!("{name} to {entry}"), name, &entry, of)
    }

    /// A destination by its name.
    pub(crate) fn destination(&self, destination: &str) -> Result<(), String> {
        self.entry(&format!("webhook {destination}"), "webhook", destination, |grants| &grants.webhook)
    }

    fn entry(&self, what: &str, key: &str, entry: &str, of: fn(&Grants) -> &Vec<String>) -> Result<(), String> {
        let holds = |grants: &Grants| of(grants).iter().any(|listed| listed.trim_start_matches('*') == entry);
        let lacking = self.lacking(holds);
        lacking.map_or(Ok(()), |place| Err(format!("not granted: {what}; add \"{entry}\" to {key} under {place}")))
    }

    /// Where the line is missing.
    fn lacking(&self, has: impl Fn(&Grants) -> bool) -> Option<String> {
        let plugin = &self.plugin;
        if !has(&self.asked) {
            return Some(format!("[grants] in plugins/{plugin}/plugin.toml"));
        }
        (!has(&self.allowed)).then(|| format!("[plugin.{plugin}.grants] in engine.toml"))
    }
}
