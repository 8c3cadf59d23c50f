//! What `calls` and `legs` share: the site file, and files each with the `--pbx` that stands before it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use directory::Directory;

use crate::input::Named;

/// The files and options of a command that reads records.
pub(crate) struct ReadArguments {
    pub(crate) site: Option<PathBuf>,
    pub(crate) files: Vec<Named>,
    pub(crate) json: bool,
    pub(crate) follow: bool,
}

/// Adds the arguments to a command.
pub(crate) fn add(command: clap::Command) -> clap::Command {
    command
        .arg(Arg::new("site").long("site").value_name("FILE").value_parser(value_parser!(PathBuf)).help("What is known of the company: people, groups, numbers, trunks, zones"))
        .arg(
            Arg::new("pbx")
                .long("pbx")
                .value_name("ADAPTER[@PBX]")
                .action(ArgAction::Append)
                .help("How to read the files after it (see `ringback adapters`), and which exchange wrote them; left out, a file is recognized"),
        )
        .arg(Arg::new("files").value_name("FILE").required(true).action(ArgAction::Append).value_parser(value_parser!(PathBuf)).help("Files of records; - is standard input"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("JSON lines, also on a terminal"))
}

impl ReadArguments {
    /// Each file belongs to the last `--pbx` before it.
    pub(crate) fn of(matches: &ArgMatches) -> ReadArguments {
        let indexed = |name: &str| matches.indices_of(name).into_iter().flatten();
        let pbxes: Vec<(usize, String)> =
            indexed("pbx").zip(matches.get_many::<String>("pbx").into_iter().flatten().cloned()).collect();
        let files = indexed("files")
            .zip(matches.get_many::<PathBuf>("files").into_iter().flatten().cloned())
            .map(|(at, path)| Named { path, pbx: pbxes.iter().rev().find(|(i, _)| *i < at).map(|(_, p)| p.clone()) })
            .collect();
        ReadArguments {
            site: matches.get_one::<PathBuf>("site").cloned(),
            files,
            json: matches.get_flag("json"),
            follow: matches.try_get_one::<bool>("follow").ok().flatten().copied().unwrap_or(false),
        }
    }

    /// The directory: from the site file, or the defaults.
    pub(crate) fn directory(&self) -> Result<Directory> {
        directory(self.site.as_deref())
    }
}

/// The directory of this site file, or the defaults.
pub(crate) fn directory(site: Option<&Path>) -> Result<Directory> {
    let Some(path) = site else { return Ok(Directory::without_site_file("main")) };
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "--site {}: cannot be read; name a site file (engine/directory/site.example.toml shows one)",
            path.display()
        )
    })?;
    Directory::from_toml(&text).map_err(|error| anyhow::anyhow!("--site {}: {error}", path.display()))
}
