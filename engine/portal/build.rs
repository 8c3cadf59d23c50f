//! Fetches the browser's scripts by their lock file, whose hashes npm checks, so that the binary has them. Without npm there are none:
//! every page works without script.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the package, what is embedded, and its name in the binary.
const SCRIPTS: [(&str, &str); 2] =
    [("htmx.org/dist/htmx.min.js", "htmx.js"), ("htmx.org/dist/ext/hx-sse.min.js", "hx-sse.js")];

fn main() {
    let assets = Path::new("assets");
    println!("cargo::rerun-if-changed=assets/package.json");
    println!("cargo::rerun-if-changed=assets/package-lock.json");
    let Some(out) = std::env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    let folder = out.join("npm");
    let fetched = fetch(assets, &folder);
    if let Err(why) = &fetched {
        println!("cargo::warning=the portal is built without its scripts, and works without them: {why}");
    }
    for (path, name) in SCRIPTS {
        let script = std::fs::read(folder.join("node_modules").join(path)).unwrap_or_default();
        if std::fs::write(out.join(name), script).is_err() {
            println!("cargo::error=the portal's scripts cannot be written to {}", out.display());
        }
    }
}

fn fetch(assets: &Path, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(assets.join(name), folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    match npm.status.success() {
        true => Ok(()),
        false => Err(format!("npm ci: {}", String::from_utf8_lossy(&npm.stderr).trim())),
    }
}
