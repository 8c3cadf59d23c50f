//! `ringback plugin install`: takes a built plugin into an installation, where it runs dry until it is enabled.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgMatches, Command, value_parser};
use office::{NewPlugin, Office, PluginState};
use runner::Told;
use sandbox::Manifest;

use crate::commands::{arguments, output::Out};
use crate::installation::Installation;
use crate::pipeline::now;

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("install")
        .about("Take a built plugin into an installation; it runs dry until it is enabled")
        .arg(arguments::settings().required(true))
        .arg(
            Arg::new("folder")
                .value_name("FOLDER")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The plugin's folder, with plugin.toml and plugin.wasm (see `ringback plugin build`)"),
        )
}

/// Installs it, and says what it hears and asks for.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let installation = Installation::of(&arguments::settings_of(matches))?;
    let from = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    let office = installation.office()?;
    let Taken { manifest, own, is_new } = take(&installation, &office, &from, PluginState::Dry, &super::by())?;
    let mut out = Out::stdout();
    let what = if is_new {
        "is installed, and runs dry: nothing that it asks for is done"
    } else {
        "takes the place of the one before"
    };
    writeln!(out, "plugin {} {} {what}", manifest.name, manifest.version)?;
    writeln!(out, "it hears: {}", manifest.hears.events.join(", "))?;
    let asks = super::asks(&from)?;
    writeln!(out, "it asks for: {}", if asks.is_empty() { "nothing".to_owned() } else { asks.join(", ") })?;
    let missing = super::missing(&from, &own.grants)?;
    if !missing.is_empty() {
        writeln!(out, "not granted yet; add to engine.toml what it shall have:\n[plugin.{}.grants]", manifest.name)?;
        for line in missing {
            writeln!(out, "{line}")?;
        }
    }
    if is_new {
        let settings = installation.folder().display();
        writeln!(out, "let it act: ringback plugin enable {} --settings {settings}", manifest.name)?;
    }
    Ok(out.flush()?)
}

/// A plugin that was taken into an installation.
pub(crate) struct Taken {
    manifest: Manifest,
    own: Told,
    /// It was never installed there before.
    is_new: bool,
}

/// Takes a built plugin into an installation, in this state if it was never there. It is loaded where it is first, so that nothing of a
/// plugin that cannot run is installed.
///
/// # Errors
/// What is wrong with it, or what the file system or the office refuses.
pub(crate) fn take(
    installation: &Installation,
    office: &Office,
    from: &Path,
    new: PluginState,
    by: &str,
) -> Result<Taken> {
    let sandbox = installation.sandbox()?;
    let told = installation.told();
    let name = super::manifest_of(from)?;
    let own = told.get(&name).cloned().unwrap_or_default();
    let plugin = sandbox.load(from, &own.settings, &own.grants).map_err(|error| anyhow::anyhow!("{error}"))?;
    let manifest = plugin.manifest().clone();
    let to = installation.plugins().join(&manifest.name);
    if from.canonicalize().ok() != to.canonicalize().ok() {
        copy(from, &to)?;
    }
    // A new version goes on as the one before: dry, acting, or off.
    let before = office.plugin(&manifest.name)?;
    let is_new = office.install(&NewPlugin {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        sha256: plugin.sha256().to_owned(),
        state: before.map_or(new, |plugin| plugin.state),
        by: by.to_owned(),
        note: String::new(),
        now: now().0,
    })?;
    runner::tell_load(office, &plugin, &own, now().0)?;
    Ok(Taken { manifest, own, is_new })
}

/// Each file takes the place of the one before at once, the code last: a running engine sees the old plugin or the new one.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("{}: cannot be made", to.display()))?;
    for name in ["README.md", "plugin.toml", "plugin.wasm"] {
        let (source, target) = (from.join(name), to.join(name));
        if !source.is_file() {
            if name == "README.md" {
                continue;
            }
            bail!("{}: is not there; `ringback plugin build {}` makes it", source.display(), from.display());
        }
        let new = to.join(format!(".{name}.new"));
        std::fs::copy(&source, &new).with_context(|| format!("{}: cannot be written", new.display()))?;
        std::fs::rename(&new, &target).with_context(|| format!("{}: cannot be written", target.display()))?;
    }
    Ok(())
}
