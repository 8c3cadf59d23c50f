//! `plugins` is the list of shipped plugins: each folder but `sdk` is one, with what belongs to it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[test]
fn every_plugin_has_what_belongs_to_it() {
    let mut wrong = Vec::new();
    let plugins = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins"));
    let plugins: Vec<PathBuf> = plugins.into_iter().filter(|folder| !folder.ends_with("sdk")).collect();
    assert!(plugins.len() >= 5, "{plugins:?}");
    for plugin in plugins {
        let name = plugin.file_name().unwrap().to_string_lossy().into_owned();
        let read = |file: &str| fs::read_to_string(plugin.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let manifest: toml::Table = read("plugin.toml").parse().unwrap();
        if manifest["name"].as_str() != Some(&name) {
            wrong.push(format!("{name}: plugin.toml has another name"));
        }
        let readme = read("README.md");
        let settings = manifest.get("settings").and_then(toml::Value::as_table);
        for setting in settings.into_iter().flat_map(toml::Table::keys) {
            if !readme.contains(&format!("`{setting}`")) {
                wrong.push(format!("{name}: README.md does not say what the setting {setting} does"));
            }
        }
        if readme.lines().count() > 60 {
            wrong.push(format!("{name}: README.md is longer than a screen"));
        }
        let fixtures = folders(&plugin.join("fixtures"));
        let acts = |fixture: &PathBuf| {
            let text = fs::read_to_string(fixture.join("actions.json")).unwrap();
            let expected: Value = serde_json::from_str(&text).unwrap();
            expected["actions"].as_array().is_some_and(|actions| !actions.is_empty())
        };
        let (acting, still): (Vec<PathBuf>, Vec<PathBuf>) = fixtures.into_iter().partition(acts);
        if acting.is_empty() || still.is_empty() {
            wrong.push(format!("{name}: {} fixtures act and {} stay still", acting.len(), still.len()));
        }
        let of_language = match manifest["language"].as_str() {
            Some("rust") => "src/lib.rs",
            _ => "plugin.js",
        };
        let source = read(of_language);
        let has_test = of_language == "plugin.js" || source.contains("fixtures::run::<");
        if !has_test {
            wrong.push(format!("{name}: no test runs its fixtures"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap_or_else(|error| panic!("{}: {error}", of.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}
