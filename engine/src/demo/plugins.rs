//! The plugins that act in a demo: built once and kept in the binary, so that nothing has to be built where it runs.
//!
//! `built/NAME.wasm.zst` is what `ringback plugin build plugins/NAME` makes; a test puts each fixture of the plugin through it.

use std::path::Path;

use anyhow::{Context, Result};
use office::{Office, PluginState};

use crate::commands::plugin::install;
use crate::installation::Installation;

/// A plugin as it is installed.
struct Built {
    name: &'static str,
    manifest: &'static str,
    readme: &'static str,
    component: &'static [u8],
}

macro_rules! built {
    ($name:literal) => {
        Built {
            name: $name,
            manifest: include_str!(concat!("../../../plugins/", $name, "/plugin.toml")),
            readme: include_str!(concat!("../../../plugins/", $name, "/README.md")),
            component: include_bytes!(concat!("built/", $name, ".wasm.zst")),
        }
    };
}

const BUILT: [Built; 2] = [built!("call_back"), built!("notify_missed")];

/// A component is never larger, in bytes.
const COMPONENT_BYTES_MAX: usize = 32 << 20;

/// Installs those that were never installed here, and lets them act; what somebody did with them stays. Says what cannot act, and why.
///
/// # Errors
/// If the office cannot be asked.
pub(crate) fn install_new(installation: &Installation, office: &Office) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for built in &BUILT {
        if office.plugin(built.name)?.is_some() {
            continue;
        }
        let folder = installation.plugins().join(built.name);
        let installed = unpack(built, &folder)
            .and_then(|()| install::take(installation, office, &folder, PluginState::Live, "demo"));
        if let Err(error) = installed {
            said.push(format!("the plugin {} does not act in this demo: {error:#}", built.name));
        }
    }
    Ok(said)
}

fn unpack(built: &Built, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let component = zstd::bulk::decompress(built.component, COMPONENT_BYTES_MAX)
        .with_context(|| format!("{} in this binary cannot be unpacked", built.name))?;
    let files = [
        ("README.md", built.readme.as_bytes()),
        ("plugin.toml", built.manifest.as_bytes()),
        ("plugin.wasm", &component[..]),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(())
}
