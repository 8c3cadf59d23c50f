//! `ringback plugin list`: what is installed, whether it acts, and what is not granted.

use std::io::Write;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use crate::commands::{arguments, output::Out};
use crate::installation::Installation;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("list")
        .about("Say which plugins are installed, and whether they act")
        .arg(arguments::settings().required(true))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("One JSON line a plugin"))
}

/// A line for each.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let installation = Installation::of(&arguments::settings_of(matches))?;
    let told = installation.told();
    let mut out = Out::stdout();
    let plugins = installation.office()?.plugins()?;
    if plugins.is_empty() && !matches.get_flag("json") {
        writeln!(out, "no plugin is installed")?;
    }
    for plugin in plugins {
        let folder = installation.plugins().join(&plugin.name);
        let manifest = super::manifest(&folder).ok();
        let own = told.get(&plugin.name).cloned().unwrap_or_default();
        let missing = super::missing(&folder, &own.grants).unwrap_or_default();
        let state = plugin.state.as_str();
        if matches.get_flag("json") {
            let hears = manifest.map(|manifest| manifest.hears.events);
            let line = json!({
                "name": plugin.name, "version": plugin.version, "state": state, "sha256": plugin.sha256,
                "hears": hears, "not_granted": missing, "changed_at": adapters::line::moment(adapters::leg::Moment(plugin.changed_at)),
                "by": plugin.by, "note": plugin.note,
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let about = manifest.map_or_else(|| format!("{} is not there", folder.display()), |manifest| manifest.about);
        let missing = if missing.is_empty() { String::new() } else { format!("; not granted: {}", missing.join(", ")) };
        writeln!(out, "{:<20} {:<10} {:<6} {about}{missing}", plugin.name, plugin.version, state)?;
    }
    Ok(out.flush()?)
}
