//! Hands events to plugins, in the order of the office's queue and once, and what they ask for to the office.
//!
//! One transaction writes what became of a batch: its outcomes, the plugin's state, its actions and timers, and how far it has come. A
//! process that dies before it, or was overtaken by another, has done nothing.

mod installed;
mod load_told;
#[cfg(test)]
mod tests;
mod turn;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use directory::Directory;
use office::Office;
use sandbox::{LoadError, LoadErrorKind, Sandbox};

pub use load_told::tell_load;
pub use turn::{Turn, read};
pub use world::RawRecords;

use installed::Installed;

/// How much is done at once, and how often something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events of one company that a plugin is given at once.
    pub batch_events_max: usize,
    /// An event that makes a plugin fail is given to it so often.
    pub faults_max: u32,
    /// A plugin may put an event off so long after it happened, in milliseconds.
    pub put_off_max_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { batch_events_max: 256, faults_max: 3, put_off_max_ms: 86_400_000 }
    }
}

/// What the settings say of a plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// `[plugin.NAME.settings]`.
    pub settings: toml::Table,
    /// `[plugin.NAME.grants]`.
    pub grants: toml::Table,
}

/// Where everything is that a runner needs.
pub struct Parts {
    /// The office.
    pub office: Office,
    /// Where plugins run.
    pub sandbox: Sandbox,
    /// The folder of the plugins, each in its own.
    pub folder: PathBuf,
    /// By plugin.
    pub told: BTreeMap<String, Told>,
    /// By company.
    pub directories: BTreeMap<String, Arc<Directory>>,
    /// The columns that a PBX wrote.
    pub raw: Arc<dyn RawRecords>,
}

/// Runs the plugins that are installed.
pub struct Runner {
    parts: Parts,
    limits: Limits,
    installed: BTreeMap<String, Installed>,
    refreshed_at: Option<i64>,
    /// What could not be loaded, as it was said last.
    refused: BTreeMap<String, LoadError>,
    /// What the office was told of each, as it was told last.
    told: BTreeMap<String, String>,
}

/// Why a plugin that is not off hears nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It cannot be loaded.
    NotLoaded(LoadErrorKind),
    /// It failed too often, and is tried again later.
    Faults,
}

impl Stopped {
    /// The word for it: `faults`, or that of the [`LoadErrorKind`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stopped::NotLoaded(kind) => kind.as_str(),
            Stopped::Faults => "faults",
        }
    }
}

impl Runner {
    /// Nothing is loaded before the first turn.
    #[must_use]
    pub fn new(parts: Parts, limits: Limits) -> Runner {
        Runner {
            parts,
            limits,
            installed: BTreeMap::new(),
            refreshed_at: None,
            refused: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// The plugins that hear nothing though they are not off, by name.
    #[must_use]
    pub fn stopped(&self) -> BTreeMap<String, Stopped> {
        let refused = self.refused.iter().map(|(name, error)| (name.clone(), Stopped::NotLoaded(error.kind)));
        let paused = self.installed.iter().filter(|(_, installed)| installed.breaker.paused().is_some());
        refused.chain(paused.map(|(name, _)| (name.clone(), Stopped::Faults))).collect()
    }

    /// The kinds of events that some plugin hears.
    #[must_use]
    pub fn heard_kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.installed.values().flat_map(|i| i.plugin.manifest().hears.events.iter().cloned()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}
