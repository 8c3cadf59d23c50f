//! JavaScript: QuickJS and the plugin's source as one component, by the npm package `componentize-qjs`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use super::on_path;
use crate::commands::plugin::new::write_sdk;

const PACKAGE: &str = "componentize-qjs";
const VERSION: &str = "0.4.5";
const SOURCE: &str = "plugin.js";

/// Builds `plugin.js` to `target`; says with what.
pub(super) fn build(folder: &Path, target: &Path) -> Result<String> {
    let source = folder.join(SOURCE);
    if !source.is_file() {
        bail!("{} is missing: a plugin in JavaScript is written there", source.display());
    }
    write_sdk(folder, "javascript")?;
    let tool = installed()?;
    // It writes beside, so that an interrupted build leaves the component of the last one.
    let unfinished = target.with_extension("wasm.part");
    let mut command = Command::new(&tool);
    command.current_dir(folder).args([
        "--wit",
        ".sdk/wit/v1",
        "--world",
        "plugin",
        "--js",
        SOURCE,
        "--module-root",
        ".",
    ]);
    command.args(["--sync", "--stub-wasi", "--output"]).arg(absolute(&unfinished)?);
    let ended = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", tool.display()))?;
    if !ended.status.success() {
        let said = [ended.stdout, ended.stderr].concat();
        bail!("{PACKAGE} could not build {}:\n{}", source.display(), String::from_utf8_lossy(&said).trim());
    }
    fs::rename(&unfinished, target).with_context(|| format!("cannot write {}", target.display()))?;
    Ok(format!("{PACKAGE} {VERSION} from npm"))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

/// The tool in the user's cache; the first time npm brings it.
fn installed() -> Result<PathBuf> {
    let home = cache_folder()?.join(format!("{PACKAGE}-{VERSION}"));
    let tool = Path::new("node_modules/.bin").join(PACKAGE);
    if home.join(&tool).is_file() {
        return Ok(home.join(tool));
    }
    let npm = on_path("npm").ok_or_else(|| {
        anyhow!(
            "a plugin in JavaScript is built with npm, which is not here: install Node.js (Debian: apt-get install npm)"
        )
    })?;
    // A name of its own, and then renamed: what is in the cache is whole, whoever else installs it too.
    let work = home.with_extension(format!("{}.part", std::process::id()));
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let mut command = Command::new(npm);
    command.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"]);
    let ended = command.arg(&work).arg(format!("{PACKAGE}@{VERSION}")).stdin(Stdio::null()).output();
    let ended = ended.context("cannot run npm")?;
    if !ended.status.success() {
        let _ = fs::remove_dir_all(&work);
        bail!(
            "npm could not install {PACKAGE}@{VERSION}: {}\nTry `npm install {PACKAGE}@{VERSION}` to see more",
            String::from_utf8_lossy(&ended.stderr).trim()
        );
    }
    if fs::rename(&work, &home).is_err() {
        // Somebody else was first.
        let _ = fs::remove_dir_all(&work);
    }
    if !home.join(&tool).is_file() {
        bail!("npm installed {PACKAGE}@{VERSION} without its command: remove {} and try again", home.display());
    }
    Ok(home.join(tool))
}

/// `$XDG_CACHE_HOME/ringback`, else `~/.cache/ringback`.
fn cache_folder() -> Result<PathBuf> {
    let set = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    Ok(base.context("no cache folder: set XDG_CACHE_HOME or HOME to a folder")?.join("ringback"))
}
