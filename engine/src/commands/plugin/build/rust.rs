//! Rust: cargo for `wasm32-unknown-unknown` with a linker that makes components, from whichever toolchain this machine has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use super::on_path;
use crate::commands::plugin::new::write_sdk;

const TARGET: &str = "wasm32-unknown-unknown";
/// A profile of its own, so that a workspace's `release` stays as it is: small, with names for backtraces.
const PROFILE: [&str; 7] = [
    "profile.plugin.inherits=\"release\"",
    "profile.plugin.opt-level=\"s\"",
    "profile.plugin.lto=true",
    "profile.plugin.codegen-units=1",
    "profile.plugin.panic=\"abort\"",
    "profile.plugin.strip=\"debuginfo\"",
    "profile.plugin.debug=false",
];

/// Builds the crate of a folder; answers with the component that cargo wrote, and with what it was built.
pub(super) fn build(folder: &Path) -> Result<(PathBuf, String)> {
    let crate_manifest = folder.join("Cargo.toml");
    if !crate_manifest.is_file() {
        bail!("{} is missing: a plugin in Rust is a crate", crate_manifest.display());
    }
    // A plugin of a workspace has the SDK as another crate of it.
    if folder.join(".sdk").is_dir() {
        write_sdk(folder, "rust")?;
    }
    let toolchain = Toolchain::find()?;
    let linker = Linker::find(&toolchain)?;
    let mut cargo = Command::new(&toolchain.cargo);
    cargo.args(["build", "--profile", "plugin", "--message-format=json-render-diagnostics", "--target", TARGET]);
    cargo.arg("--manifest-path").arg(&crate_manifest);
    for line in PROFILE {
        cargo.args(["--config", line]);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &linker.component);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", linker.flags());
    // Flags of the caller's own builds would take the place of ours, or stop the build at a warning.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    if toolchain.builds_std {
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1").env("RUSTC", &toolchain.rustc);
    }
    let ended = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let ended = ended.with_context(|| format!("cannot run {}", toolchain.cargo.display()))?;
    if !ended.status.success() {
        bail!("cargo could not build {}: what it said stands above", folder.display());
    }
    let built = component(&ended.stdout, &crate_manifest)?;
    Ok((built, toolchain.said))
}

/// The last component of this crate among what cargo says it made.
fn component(said: &[u8], crate_manifest: &Path) -> Result<PathBuf> {
    let crate_manifest = crate_manifest.canonicalize().with_context(|| crate_manifest.display().to_string())?;
    let lines = said.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let of_crate = lines.filter(|line: &serde_json::Value| {
        let path = line["manifest_path"].as_str().and_then(|path| Path::new(path).canonicalize().ok());
        path.is_some_and(|path| path == crate_manifest)
    });
    let files = of_crate.flat_map(|line| line["filenames"].as_array().cloned().unwrap_or_default());
    let mut components = files.filter_map(|file| file.as_str().map(PathBuf::from));
    let component = components.rfind(|file| file.extension() == Some("wasm".as_ref()));
    component.ok_or_else(|| {
        anyhow!(
            "{} makes no component: write crate-type = [\"cdylib\", \"rlib\"] under [lib]",
            crate_manifest.display()
        )
    })
}

/// A compiler and the cargo that belongs to it.
struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// It has no standard library for the target, but the sources to build it from.
    builds_std: bool,
    said: String,
}

impl Toolchain {
    /// The first that can: one with the target, one that rustup can give the target, Debian's compiler with its sources.
    fn find() -> Result<Toolchain> {
        let (Some(rustc), Some(cargo)) = (on_path("rustc"), on_path("cargo")) else {
            bail!("a plugin in Rust is built with cargo, which is not here: install Rust with rustup");
        };
        let version = ask(&rustc, &["--version"]).unwrap_or_default();
        let ready = |how: &str| Toolchain {
            cargo: cargo.clone(),
            rustc: rustc.clone(),
            builds_std: false,
            said: format!("{version}{how}"),
        };
        if has_target(&rustc) {
            return Ok(ready(""));
        }
        let rustup = on_path("rustup");
        if let Some(rustup) = &rustup {
            let added = Command::new(rustup).args(["target", "add", TARGET]).stdin(Stdio::null()).output();
            if added.is_ok_and(|ended| ended.status.success()) && has_target(&rustc) {
                return Ok(ready(&format!(", for which rustup installed {TARGET}")));
            }
        }
        // Debian's compiler is not the one on the path where rustup is installed too.
        let pairs = [(rustc.clone(), cargo.clone()), ("/usr/bin/rustc".into(), "/usr/bin/cargo".into())];
        for (rustc, cargo) in pairs {
            let has_sources = sysroot(&rustc).is_some_and(|root| root.join("lib/rustlib/src/rust/library").is_dir());
            if has_sources && cargo.is_file() {
                let version = ask(&rustc, &["--version"]).unwrap_or_default();
                let said = format!("{version}, which builds its standard library from its sources");
                return Ok(Toolchain { cargo, rustc, builds_std: true, said });
            }
        }
        let tried = if rustup.is_some() { ", and rustup could not install it" } else { "" };
        bail!(
            "{version} has no {TARGET}{tried}. One of these brings it:\n  rustup target add {TARGET}\n  \
             apt-get install rustc-web cargo-web rust-web-src && cargo install wasm-component-ld    (Debian, without rustup)"
        )
    }
}

/// What makes a component of a module, and the linker that it calls.
struct Linker {
    component: PathBuf,
    module: PathBuf,
}

impl Linker {
    fn find(toolchain: &Toolchain) -> Result<Linker> {
        // Both of Debian's compilers may be linked by what the one of rustup brings.
        let compilers = [Some(toolchain.rustc.clone()), on_path("rustc")];
        for rustc in compilers.into_iter().flatten() {
            let Some(tools) = tools(&rustc) else { continue };
            let (component, module) = (tools.join("wasm-component-ld"), tools.join("gcc-ld/wasm-ld"));
            if component.is_file() && module.is_file() {
                return Ok(Linker { component, module });
            }
        }
        let component = on_path("wasm-component-ld").context(
            "the linker wasm-component-ld is not here: `cargo install wasm-component-ld` brings it, and rustup's toolchains have it",
        )?;
        let module = ["wasm-ld", "rust-lld"].into_iter().find_map(on_path);
        let module = module.context("the linker wasm-ld is not here: install it (Debian: apt-get install lld)")?;
        Ok(Linker { component, module })
    }

    fn flags(&self) -> String {
        format!("-Clinker-flavor=wasm-ld -Clink-arg=--wasm-ld-path={}", self.module.display())
    }
}

fn has_target(rustc: &Path) -> bool {
    ask(rustc, &["--print", "target-libdir", "--target", TARGET]).is_some_and(|folder| Path::new(&folder).is_dir())
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    ask(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

/// The folder of a toolchain's linkers.
fn tools(rustc: &Path) -> Option<PathBuf> {
    let about = ask(rustc, &["-vV"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(sysroot(rustc)?.join("lib/rustlib").join(host).join("bin"))
}

fn ask(rustc: &Path, arguments: &[&str]) -> Option<String> {
    let ended = Command::new(rustc).args(arguments).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(ended.stdout).ok()?;
    ended.status.success().then(|| said.trim().to_owned())
}
