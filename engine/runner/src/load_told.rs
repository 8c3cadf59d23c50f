//! What people are told of a plugin that is installed: what it is, hears, asks for and was granted, its settings, and why it hears
//! nothing where it does not. Told to the office when it changes, where whoever shows pages finds it.

use std::path::Path;

use office::Office;
use sandbox::{Grants, LoadError, Manifest, Paused, Plugin};
use serde_json::{Map, Value, json};

use crate::installed::Installed;
use crate::{Parts, Runner, Told};

/// Whoever has this in the name of a setting would not want its value on a page.
const SECRETS: [&str; 5] = ["secret", "password", "token", "key", "credential"];

impl Runner {
    /// Tells the office of each plugin what has changed since it was told last.
    ///
    /// # Errors
    /// If the office cannot be written.
    pub(crate) fn tell_loads(&mut self, now: i64) -> Result<(), office::Error> {
        let loaded = self.installed.iter().map(|(name, installed)| (name, of_installed(&self.parts, name, installed)));
        let refused = self.refused.iter().map(|(name, error)| (name, of_refused(&self.parts, name, error)));
        for (name, body) in loaded.chain(refused) {
            if self.told.get(name) != Some(&body) {
                self.parts.office.tell_plugin_load(name, &body, now)?;
                self.told.insert(name.clone(), body);
            }
        }
        Ok(())
    }
}

/// Tells the office of a plugin that was just installed, which nothing runs yet.
///
/// # Errors
/// If the office cannot be written.
pub fn tell_load(office: &Office, plugin: &Plugin, told: &Told, now: i64) -> Result<(), office::Error> {
    let body = body(Some(plugin.manifest()), told, Some(&plugin.grants()), Some(plugin.settings()), None, None);
    office.tell_plugin_load(&plugin.manifest().name, &body, now)
}

fn of_installed(parts: &Parts, name: &str, installed: &Installed) -> String {
    let (plugin, told) = (&installed.plugin, parts.told.get(name).cloned().unwrap_or_default());
    let grants = plugin.grants();
    let why = installed.kept_because.as_deref();
    body(Some(plugin.manifest()), &told, Some(&grants), Some(plugin.settings()), why, installed.breaker.paused())
}

fn of_refused(parts: &Parts, name: &str, error: &LoadError) -> String {
    let told = parts.told.get(name).cloned().unwrap_or_default();
    let manifest = manifest(&parts.folder.join(name));
    body(manifest.as_ref(), &told, None, None, Some(&error.to_string()), None)
}

fn manifest(folder: &Path) -> Option<Manifest> {
    Manifest::read(&std::fs::read_to_string(folder.join("plugin.toml")).ok()?).ok()
}

fn body(
    manifest: Option<&Manifest>,
    told: &Told,
    grants: Option<&Grants>,
    settings: Option<&str>,
    why: Option<&str>,
    paused: Option<&Paused>,
) -> String {
    let asked = manifest.map(|manifest| powers(&manifest.name, &manifest.grants, told)).unwrap_or_default();
    let paused = paused.map(|paused| {
        json!({"since": paused.since, "why": paused.why, "faults": paused.faults, "tried_again_at": paused.probe_at})
    });
    json!({
        "about": manifest.map(|manifest| &manifest.about), "version": manifest.map(|manifest| &manifest.version),
        "hears": manifest.map(|manifest| manifest.hears.events.clone()).unwrap_or_default(),
        "is_loaded": grants.is_some(), "why": why, "paused": paused, "asked": asked,
        "settings": manifest.map(|manifest| shown_settings(manifest, told, settings)).unwrap_or_default(),
    })
    .to_string()
}

/// Each power that a plugin asks for, whether it has it, and the line to add where it has not.
fn powers(plugin: &str, asked: &Grants, told: &Told) -> Vec<Value> {
    let Ok(Value::Object(asked)) = serde_json::to_value(asked) else { return Vec::new() };
    let mut powers = Vec::new();
    for (power, value) in asked {
        let given = told.grants.get(&power);
        let place = format!("[plugin.{plugin}.grants]");
        match value {
            Value::Bool(true) => {
                let is_granted = given.and_then(toml::Value::as_bool) == Some(true);
                let line = (!is_granted).then(|| format!("{power} = true"));
                powers
                    .push(json!({"power": power, "of": null, "is_granted": is_granted, "line": line, "place": place}));
            }
            Value::Array(entries) if !entries.is_empty() => {
                let given: Vec<&str> = given
                    .and_then(toml::Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(toml::Value::as_str)
                    .collect();
                let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
                // The line that grants all that it asks for, beside what was granted already.
                let mut all: Vec<&str> = given.clone();
                all.extend(entries.iter().filter(|entry| !given.contains(entry)));
                for entry in &entries {
                    let is_granted = given.contains(entry);
                    let line = (!is_granted).then(|| format!("{power} = {}", json!(all)));
                    powers.push(
                        json!({"power": power, "of": entry, "is_granted": is_granted, "line": line, "place": place}),
                    );
                }
            }
            _ => {}
        }
    }
    powers
}

/// Each setting with its value in force, and what it is for; of a secret only that it is set.
fn shown_settings(manifest: &Manifest, told: &Told, in_force: Option<&str>) -> Vec<Value> {
    let in_force: Map<String, Value> = in_force.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let shown = |(key, setting): (&String, &sandbox::Setting)| {
        let json_of = |value: &toml::Value| serde_json::to_value(value).unwrap_or_default();
        let value = in_force.get(key).cloned();
        let value = value.or_else(|| told.settings.get(key).or(setting.default.as_ref()).map(json_of));
        let is_secret = SECRETS.iter().any(|word| key.contains(word));
        let value = if is_secret && value.is_some() { Some("…".into()) } else { value };
        json!({"key": key, "value": value, "is_default": !told.settings.contains_key(key), "help": setting.help})
    };
    manifest.settings.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_power_is_named_with_the_line_that_grants_it() {
        let text = r#"
            name = "teller"
            version = "1.2.0"
            about = "Tells."
            language = "rust"
            [hears]
            events = ["call-missed"]
            [grants]
            timers = true
            message = ["person", "head"]
            [settings.api_token]
            type = "text"
            [settings.times]
            type = "integer"
            default = 3
            help = "How often."
        "#;
        let told = Told {
            settings: "api_token = \"hush\"".parse().unwrap(),
            grants: "message = [\"person\", \"group\"]".parse().unwrap(),
        };
        let manifest = Manifest::read(text).unwrap();
        let told = body(Some(&manifest), &told, None, None, Some("plugin.wasm is not there"), None);
        assert!(!told.contains("hush"), "{told}");
        assert_eq!(
            serde_json::from_str::<Value>(&told).unwrap(),
            json!({
                "about": "Tells.", "version": "1.2.0", "hears": ["call-missed"], "is_loaded": false,
                "why": "plugin.wasm is not there", "paused": null,
                "asked": [
                    {"power": "message", "of": "person", "is_granted": true, "line": null, "place": "[plugin.teller.grants]"},
                    {
                        "power": "message", "of": "head", "is_granted": false,
                        "line": "message = [\"person\",\"group\",\"head\"]", "place": "[plugin.teller.grants]",
                    },
                    {"power": "timers", "of": null, "is_granted": false, "line": "timers = true", "place": "[plugin.teller.grants]"},
                ],
                "settings": [
                    {"key": "api_token", "value": "…", "is_default": false, "help": ""},
                    {"key": "times", "value": 3, "is_default": true, "help": "How often."},
                ],
            })
        );
    }
}
