//! `ringback plugin run`: gives events to a built plugin and prints what it asks for. Nothing is done.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use calls::event::Event;
use clap::{Arg, ArgMatches, Command, value_parser};
use sandbox::{DirectoryWorld, World};

use crate::WrongArguments;
use crate::commands::arguments::SiteText;
use crate::commands::output::Out;
use crate::config::Config;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("run")
        .about("Give events to a built plugin, and print what it asks for: nothing is done")
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .default_value(".")
                .value_parser(value_parser!(PathBuf))
                .help("The plugin's folder"),
        )
        .arg(
            Arg::new("events")
                .long("events")
                .value_name("FILE")
                .default_value("-")
                .value_parser(value_parser!(PathBuf))
                .help("JSON lines as `ringback plugin record` prints them; - is standard input"),
        )
        .arg(
            Arg::new("site")
                .long("site")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Who is who in the company, for what the plugin asks of the directory"),
        )
        .arg(
            Arg::new("plugin-settings")
                .long("plugin-settings")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The plugin's settings, as they stand under [plugin.NAME.settings]"),
        )
}

/// A line for each event.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    let events = matches.get_one::<PathBuf>("events").cloned().unwrap_or_default();
    let site = matches.get_one::<PathBuf>("site");
    let directory = SiteText::of(site.map(PathBuf::as_path), None)?.directory(&Config::default())?;
    let settings = match matches.get_one::<PathBuf>("plugin-settings") {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
            toml::from_str(&text).map_err(|error| WrongArguments(format!("{}: {error}", path.display())))?
        }
        None => toml::Table::new(),
    };
    let mut plugin = super::load_dry(&folder, &settings)?;
    let directory = Arc::new(DirectoryWorld::new(Arc::new(directory)));
    let world: Arc<dyn World> = Arc::<DirectoryWorld>::clone(&directory);
    let input: Box<dyn Read> = match events.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => {
            Box::new(std::fs::File::open(&events).with_context(|| format!("{}: cannot be read", events.display()))?)
        }
    };
    let mut out = Out::stdout();
    for (number, line) in (1..).zip(BufReader::new(input).lines()) {
        let line = line.with_context(|| format!("{}: line {number} cannot be read", events.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let event: Event = serde_json::from_str(&line).map_err(|error| {
            anyhow!("{}: line {number} is no event: {error}; `ringback plugin record` prints some", events.display())
        })?;
        let shown = match plugin.hears(&event) {
            false => serde_json::json!({"event": event.id, "kind": event.kind, "handled": "not heard"}),
            true => {
                let handlings = plugin.handle(&Arc::from([event.clone()]), &world);
                let shown = handlings.first().map(|handling| super::shown(&event, handling));
                handlings.iter().for_each(|handling| directory.apply(handling));
                shown.unwrap_or_default()
            }
        };
        writeln!(out, "{shown}")?;
    }
    Ok(out.flush()?)
}
