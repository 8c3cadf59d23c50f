//! `ringback plugin enable` and `disable`: what a plugin asks for is done from now on, or it hears nothing any more.

use std::io::Write;

use anyhow::{Result, bail};
use clap::{Arg, ArgMatches, Command};
use office::PluginState;

use crate::commands::{arguments, output::Out};
use crate::installation::Installation;
use crate::pipeline::now;

/// The arguments of `enable`.
pub(crate) fn enable() -> Command {
    named(Command::new("enable").about("Let an installed plugin act: until then it runs dry"))
}

/// The arguments of `disable`.
pub(crate) fn disable() -> Command {
    named(
        Command::new("disable").about("Give a plugin nothing any more; what it asked for and is not done yet is held"),
    )
}

fn named(command: Command) -> Command {
    command
        .arg(arguments::settings().required(true))
        .arg(Arg::new("name").value_name("NAME").required(true).help("As `ringback plugin list` has it"))
}

/// Writes it into the office, where running engines see it within a second.
pub(crate) fn run(matches: &ArgMatches, state: PluginState) -> Result<()> {
    let installation = Installation::of(&arguments::settings_of(matches))?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let office = installation.office()?;
    if !office.set_plugin_state(&name, state, &super::by(), "", now().0)? {
        let known: Vec<String> = office.plugins()?.into_iter().map(|plugin| plugin.name).collect();
        let known =
            if known.is_empty() { "there is none".to_owned() } else { format!("there is {}", known.join(", ")) };
        bail!(
            "no plugin {name} is installed, {known}; `ringback plugin install FOLDER --settings {}`",
            installation.folder().display()
        );
    }
    let what = if state == PluginState::Live { "acts from now on" } else { "hears nothing any more" };
    let mut out = Out::stdout();
    writeln!(out, "plugin {name} {what}")?;
    Ok(out.flush()?)
}
