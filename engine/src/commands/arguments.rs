//! What commands share: the settings' folder, the site file, and files each with the `--pbx` that stands before it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use directory::Directory;

use crate::WrongArguments;
use crate::config::{self, Config};
use crate::input::Named;

/// The folder of an installation, for a command that works on one.
pub(crate) fn settings() -> Arg {
    Arg::new("settings")
        .long("settings")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help("The folder of engine.toml (see `ringback config`) and of site.toml")
}

/// The folder of a demo, instead of [`settings`].
pub(crate) fn data() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name("DIR")
        .conflicts_with("settings")
        .value_parser(value_parser!(PathBuf))
        .help("The folder of a demo: its spool instead of Kafka, with its settings and its database")
}

/// What [`settings`] was given.
pub(crate) fn settings_of(matches: &ArgMatches) -> PathBuf {
    matches.get_one::<PathBuf>("settings").cloned().unwrap_or_default()
}

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
    ///
    /// # Errors
    /// A `--pbx` without a file: whoever wrote it after its file would get a verdict of another adapter and not notice.
    pub(crate) fn of(matches: &ArgMatches) -> Result<ReadArguments> {
        let indexed = |name: &str| matches.indices_of(name).into_iter().flatten();
        let pbxes: Vec<(usize, String)> =
            indexed("pbx").zip(matches.get_many::<String>("pbx").into_iter().flatten().cloned()).collect();
        let file_at: Vec<usize> = indexed("files").collect();
        for (n, (at, told)) in pbxes.iter().enumerate() {
            let until = pbxes.get(n + 1).map_or(usize::MAX, |(next, _)| *next);
            if !file_at.iter().any(|file| (*at..until).contains(file)) {
                return Err(WrongArguments(format!(
                    "--pbx {told}: no file stands after it; write it before its files: --pbx {told} FILE..."
                ))
                .into());
            }
        }
        let files = file_at
            .iter()
            .copied()
            .zip(matches.get_many::<PathBuf>("files").into_iter().flatten().cloned())
            .map(|(at, path)| Named { path, pbx: pbxes.iter().rev().find(|(i, _)| *i < at).map(|(_, p)| p.clone()) })
            .collect();
        Ok(ReadArguments {
            site: matches.get_one::<PathBuf>("site").cloned(),
            files,
            json: matches.get_flag("json"),
            follow: matches.try_get_one::<bool>("follow").ok().flatten().copied().unwrap_or(false),
        })
    }

    /// The directory: from the site file, or the defaults.
    pub(crate) fn directory(&self) -> Result<Directory> {
        SiteText::of(self.site.as_deref(), None)?.directory(&Config::default())
    }
}

/// The text of the site file, if there is one.
pub(crate) struct SiteText(Option<(String, String)>);

impl SiteText {
    /// Of `--site FILE`; without it, of `site.toml` in the settings folder, which need not be there.
    pub(crate) fn of(site: Option<&Path>, settings: Option<&Path>) -> Result<SiteText> {
        let (path, name) = match (site, settings) {
            (Some(path), _) => (path.to_owned(), format!("--site {}", path.display())),
            (None, Some(folder)) => (folder.join("site.toml"), format!("--settings {}: site.toml", folder.display())),
            (None, None) => return Ok(SiteText(None)),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(SiteText(Some((name, text)))),
            Err(error) if site.is_none() && error.kind() == ErrorKind::NotFound => Ok(SiteText(None)),
            Err(error) => Err(WrongArguments(format!(
                "{name}: cannot be read ({error}); name a site file (engine/directory/site.example.toml shows one)"
            ))
            .into()),
        }
    }

    /// One that is written already; errors call it by this name.
    pub(crate) fn written(name: &str, text: &str) -> SiteText {
        SiteText(Some((name.to_owned(), text.to_owned())))
    }

    /// There is one.
    pub(crate) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// As it is written; empty without one.
    pub(crate) fn text(&self) -> &str {
        self.0.as_ref().map_or("", |(_, text)| text)
    }

    /// What it says, or the defaults.
    pub(crate) fn directory(&self, config: &Config) -> Result<Directory> {
        let (unnamed, engine) = (Config::default().tenant.one().to_owned(), config.tenant.one());
        let directory = match &self.0 {
            None => Directory::without_site_file("main"),
            Some((name, text)) => {
                Directory::from_toml(text).map_err(|error| WrongArguments(format!("{name}: {error}")))?
            }
        };
        match (directory.tenant(), engine) {
            (site, engine) if site == engine || engine == unnamed => Ok(directory),
            (site, engine) if site == unnamed => Ok(directory.of_tenant(engine)),
            (site, engine) => Err(WrongArguments(format!(
                "the site file is of the tenant `{site}`, and {} of `{engine}`: give both the same",
                config::FILE
            ))
            .into()),
        }
    }
}
