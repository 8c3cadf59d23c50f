//! A plugin's folder that changes while the plugin runs: the new one is loaded first, and where that fails the running one stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::engine::Sandbox;
use crate::load_error::LoadError;
use crate::plugin::Plugin;

/// How many letters of a checksum tell two components apart for people.
const SHORT_SHA256: usize = 12;

/// Watches the folder of one plugin.
#[derive(Debug)]
pub struct Reload {
    folder: PathBuf,
    watch: Watch,
}

/// What became of a look at a folder.
#[derive(Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Nothing changed, or it is still being written.
    Kept,
    /// The new one runs; texts have version and checksum.
    Swapped {
        /// What ran before.
        from: String,
        /// What runs now.
        to: String,
    },
    /// The new one cannot be loaded, and the running one stays. Said once for each change.
    Refused(LoadError),
}

/// What of a folder shows that it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    manifest: Option<File>,
    wasm: Option<File>,
}

/// Length in bytes, and when it was changed, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct File {
    length: u64,
    modified_ns: u128,
}

/// The decision, without the folder.
#[derive(Debug, PartialEq, Eq)]
struct Watch {
    /// What was loaded, or tried.
    tried: Look,
    /// What was there at the last look.
    last: Look,
}

impl Reload {
    /// Of a folder whose plugin was loaded just now.
    #[must_use]
    pub fn new(folder: &Path) -> Reload {
        let look = Look::at(folder);
        Reload { folder: folder.to_owned(), watch: Watch { tried: look, last: look } }
    }

    /// Looks at the folder, and loads what changed in it. Call it each second.
    pub fn check(
        &mut self,
        sandbox: &Sandbox,
        plugin: &mut Plugin,
        settings: &toml::Table,
        granted: &toml::Table,
    ) -> Reloaded {
        if !self.watch.has_settled(Look::at(&self.folder)) {
            return Reloaded::Kept;
        }
        match sandbox.load(&self.folder, settings, granted) {
            Err(error) => Reloaded::Refused(error),
            Ok(new) if new.sha256() == plugin.sha256() && new.manifest() == plugin.manifest() => Reloaded::Kept,
            Ok(new) => {
                let (from, to) = (name(plugin), name(&new));
                *plugin = new;
                Reloaded::Swapped { from, to }
            }
        }
    }
}

impl Watch {
    /// It is not what was tried, and was the same at the last look too: whoever writes it is done.
    fn has_settled(&mut self, now: Look) -> bool {
        let is_quiet = now == self.last;
        self.last = now;
        if !is_quiet || now == self.tried {
            return false;
        }
        self.tried = now;
        true
    }
}

impl Look {
    fn at(folder: &Path) -> Look {
        let file = |name: &str| {
            let told = fs::metadata(folder.join(name)).ok()?;
            let modified = told.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            Some(File { length: told.len(), modified_ns: modified.as_nanos() })
        };
        Look { manifest: file("plugin.toml"), wasm: file("plugin.wasm") }
    }
}

fn name(plugin: &Plugin) -> String {
    let sha256 = plugin.sha256();
    format!("{} {}", plugin.manifest().version, sha256.get(..SHORT_SHA256).unwrap_or(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_written_is_waited_for() {
        let look = |length| Look { manifest: None, wasm: Some(File { length, modified_ns: 1 }) };
        let mut watch = Watch { tried: look(10), last: look(10) };
        let looks = [10, 3, 7, 12, 12, 12, 12, 10, 10, 10].map(|length| watch.has_settled(look(length)));
        assert_eq!(looks, [false, false, false, false, true, false, false, false, true, false]);
    }
}
