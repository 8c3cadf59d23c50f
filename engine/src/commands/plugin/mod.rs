//! `ringback plugin`: the developer's loop, and plugins in an installation. One command, one file.

mod backtest;
mod build;
pub(crate) mod install;
mod list;
mod new;
mod record;
mod run;
mod switch;
mod test;

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use calls::event::Event;
use clap::{ArgMatches, Command};
use office::PluginState;
use sandbox::{Handled, Handling, HostLimits, Manifest, Plugin, Sandbox};
use serde_json::{Value, json};

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("plugin")
        .about("Make plugins, try them, and let them act")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(new::command())
        .subcommand(build::command())
        .subcommand(test::command())
        .subcommand(run::command())
        .subcommand(record::command())
        .subcommand(backtest::command())
        .subcommand(install::command())
        .subcommand(switch::enable())
        .subcommand(switch::disable())
        .subcommand(list::command())
}

/// Hands over to the command.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("new", told)) => new::run(told),
        Some(("build", told)) => build::run(told),
        Some(("test", told)) => test::run(told),
        Some(("run", told)) => run::run(told),
        Some(("record", told)) => record::run(told),
        Some(("backtest", told)) => backtest::run(told),
        Some(("install", told)) => install::run(told),
        Some(("enable", told)) => switch::run(told, PluginState::Live),
        Some(("disable", told)) => switch::run(told, PluginState::Off),
        Some(("list", told)) => list::run(told),
        _ => Ok(()),
    }
}

/// The text of a plugin's manifest.
fn manifest_text(folder: &Path) -> Result<String> {
    let path = folder.join("plugin.toml");
    std::fs::read_to_string(&path).with_context(|| {
        format!("{}: cannot be read; name a plugin's folder (`ringback plugin new NAME` makes one)", path.display())
    })
}

/// A plugin's manifest.
fn manifest(folder: &Path) -> Result<Manifest> {
    Manifest::read(&manifest_text(folder)?)
        .map_err(|error| anyhow!("{}: {error}", folder.join("plugin.toml").display()))
}

/// A plugin's name.
fn manifest_of(folder: &Path) -> Result<String> {
    Ok(manifest(folder)?.name)
}

/// Loads a built plugin with everything that its manifest asks for: whoever uses it does nothing of that.
fn load_dry(folder: &Path, settings: &toml::Table) -> Result<Plugin> {
    let all = asked(folder)?.into_iter().collect();
    let sandbox = Sandbox::new(&HostLimits::default(), None).map_err(|error| anyhow!("{error}"))?;
    sandbox.load(folder, settings, &all).map_err(|error| anyhow!("{}: {error}", folder.display()))
}

/// What a manifest asks for, each as a line of `[plugin.NAME.grants]`.
fn asks(folder: &Path) -> Result<Vec<String>> {
    Ok(asked(folder)?.into_iter().map(|(key, value)| format!("{key} = {value}")).collect())
}

/// What it is granted and does not ask for: the lines without which nothing would change.
pub(super) fn unasked(folder: &Path, granted: &toml::Table) -> Result<Vec<String>> {
    let asked: toml::Table = asked(folder)?.into_iter().collect();
    let rest = |(key, value): (&String, &toml::Value)| match (value, asked.get(key)) {
        (toml::Value::Array(given), Some(toml::Value::Array(asked))) => {
            let more: Vec<toml::Value> = given.iter().filter(|one| !asked.contains(one)).cloned().collect();
            (!more.is_empty()).then(|| format!("{key} = {}", toml::Value::Array(more)))
        }
        (_, Some(_)) | (toml::Value::Boolean(false), None) => None,
        (given, None) => Some(format!("{key} = {given}")),
    };
    Ok(granted.iter().filter_map(rest).collect())
}

/// What it asks for that is not granted: the lines to add.
pub(super) fn missing(folder: &Path, granted: &toml::Table) -> Result<Vec<String>> {
    let is_granted = |key: &String, value: &toml::Value| match (value, granted.get(key)) {
        (toml::Value::Array(asked), Some(toml::Value::Array(given))) => asked.iter().all(|one| given.contains(one)),
        (asked, given) => given == Some(asked),
    };
    let asked = asked(folder)?;
    let missing = asked.into_iter().filter(|(key, value)| !is_granted(key, value));
    Ok(missing.map(|(key, value)| format!("{key} = {value}")).collect())
}

fn asked(folder: &Path) -> Result<Vec<(String, toml::Value)>> {
    let text: toml::Table = toml::from_str(&manifest_text(folder)?).context("plugin.toml")?;
    let grants = text.get("grants").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let asks =
        |value: &toml::Value| value.as_bool() != Some(false) && value.as_array().is_none_or(|list| !list.is_empty());
    Ok(grants.into_iter().filter(|(_, value)| asks(value)).collect())
}

/// Who does it, for the rows that say so.
fn by() -> String {
    let login = std::env::var("USER").unwrap_or_default();
    if login.is_empty() { "the command line".to_owned() } else { format!("{login} at the command line") }
}

/// What a plugin made of an event, as `ringback plugin run` prints it.
fn shown(event: &Event, handling: &Handling) -> Value {
    let handled = match &handling.handled {
        Handled::Done => json!("done"),
        Handled::Later { after_s } => json!({"later": after_s}),
        Handled::Failed { why } => json!({"failed": why}),
        Handled::Fault { kind, why } => json!({"stopped": kind.as_str(), "why": why}),
        Handled::NotRun => json!("not run"),
    };
    let actions: Vec<Value> = handling
        .asked
        .iter()
        .map(|asked| json!({"key": asked.key, "kind": asked.action.kind(), "body": asked.action.body()}))
        .collect();
    let state = |value: &Option<Vec<u8>>| value.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let state: serde_json::Map<String, Value> =
        handling.state.iter().map(|(key, value)| (key.clone(), json!(state(value)))).collect();
    let log: Vec<String> = handling.log.iter().map(|(level, text)| format!("{}: {text}", level.as_str())).collect();
    json!({
        "event": event.id, "kind": event.kind, "handled": handled, "actions": actions, "state": state,
        "refused": handling.refused, "log": log, "cpu_us": handling.cpu_us, "memory_bytes": handling.memory_bytes,
    })
}
