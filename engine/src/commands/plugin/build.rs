//! `ringback plugin build`: a plugin's folder to `plugin.wasm`, a component whose only imports are those of our contract.

mod component;
mod javascript;
mod rust;

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::WrongArguments;
use crate::commands::output::Out;

/// What a plugin's folder holds for the engine.
const MANIFEST: &str = "plugin.toml";
const COMPONENT: &str = "plugin.wasm";
/// What a plugin may import, and what it has to export.
const OURS: &str = "ringback:plugin/";
const HANDLER: &str = "ringback:plugin/handler@1.";

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("build").about("Build a plugin's folder: plugin.wasm is written into it").arg(
        Arg::new("folder")
            .value_name("FOLDER")
            .default_value(".")
            .value_parser(value_parser!(PathBuf))
            .help("The folder of plugin.toml"),
    )
}

/// Builds and says what came out.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = matches.get_one::<PathBuf>("folder").cloned().unwrap_or_default();
    let manifest = Manifest::read(&folder)?;
    let target = folder.join(COMPONENT);
    let with = match manifest.language.as_str() {
        "rust" => {
            let (built, with) = rust::build(&folder)?;
            fs::copy(&built, &target)
                .with_context(|| format!("cannot copy {} to {}", built.display(), target.display()))?;
            with
        }
        "javascript" => javascript::build(&folder, &target)?,
        "none" if target.is_file() => "nothing: it is looked at as it is".to_owned(),
        "none" => bail!("{} is missing: with language = \"none\" you build it yourself", target.display()),
        other => bail!(
            "language = \"{other}\" in {}/{MANIFEST}: rust and javascript are built here; \
             build {COMPONENT} yourself and write \"none\"",
            folder.display()
        ),
    };
    let bytes = fs::read(&target).with_context(|| format!("cannot read {}", target.display()))?;
    let interfaces = component::interfaces(&bytes).map_err(|why| anyhow!("{}: {why}", target.display()))?;
    let imports = interfaces.imports;
    if let Some(stranger) = imports.iter().find(|import| !import.starts_with(OURS)) {
        bail!(
            "{} imports {stranger}, which no plugin has: a plugin asks for actions, it opens no files and no sockets and has no clock",
            target.display()
        );
    }
    if !interfaces.exports.iter().any(|export| export.starts_with(HANDLER)) {
        bail!(
            "{} does not export {HANDLER}x: in Rust write `export!(YourPlugin);`, in JavaScript \
             `export const handler = plugin({{ ... }});`",
            target.display()
        );
    }
    let mut out = Out::stdout();
    writeln!(out, "built with {with}")?;
    let kilobytes = bytes.len().div_ceil(1000);
    writeln!(out, "{} {}: {}, {kilobytes} kB", manifest.name, manifest.version, target.display())?;
    writeln!(out, "imports: {}", listed(&imports))?;
    writeln!(out, "asks for: {}", listed(&manifest.asks_for()))?;
    Ok(out.flush()?)
}

fn listed(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// What building needs of `plugin.toml`; the engine checks all of it when it loads the plugin.
struct Manifest {
    name: String,
    version: String,
    language: String,
    grants: toml::Table,
}

impl Manifest {
    fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| {
            let text =
                format!("cannot read {}: {error}; `ringback plugin new NAME` makes a plugin's folder", path.display());
            WrongArguments(text)
        })?;
        let table: toml::Table = text.parse().with_context(|| path.display().to_string())?;
        let word = |key: &str| {
            let word = table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
            word.ok_or_else(|| anyhow!("{}: {key} = \"...\" is missing", path.display()))
        };
        let grants = table.get("grants").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        Ok(Manifest { name: word("name")?, version: word("version")?, language: word("language")?, grants })
    }

    /// The powers, each with whom it is for.
    fn asks_for(&self) -> Vec<String> {
        let word = |(power, value): (&String, &toml::Value)| match value {
            toml::Value::Boolean(true) => Some(power.clone()),
            toml::Value::Array(list) if !list.is_empty() => {
                let list: Vec<&str> = list.iter().filter_map(toml::Value::as_str).collect();
                Some(format!("{power} ({})", list.join(", ")))
            }
            _ => None,
        };
        self.grants.iter().filter_map(word).collect()
    }
}

/// Where the shell would find a program.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|found| found.is_file())
}
